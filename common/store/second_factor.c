/* second_factor.c — tables second_factors and recovery_codes */
#include "store/second_factor.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"

#define SECRET_AAD "totp.secret"
#define RECOVERY_LABEL "recovery"
#define HALF 5

/* ---- the secret ------------------------------------------------------------------------------ */

bool second_factor_get(struct db *db, const struct secret_box *box, struct arena *a,
    int64_t user_id, struct second_factor *out, bool *found, struct err *err)
{
	static const char sql[] =
	    "SELECT secret_sealed, confirmed_at, last_step, "
	    "(SELECT COUNT(*) FROM recovery_codes c WHERE c.user_id = f.user_id) "
	    "FROM second_factors f WHERE f.user_id = ?";
	struct rows rows;
	bool opened = true;

	*out = (struct second_factor){ 0 };
	*found = false;
	if (!db_query(db, sql, BIND(v_int(user_id)), &rows, err))
		return false;
	if (rows_next(&rows)) {
		*found = true;
		opened = secret_open(box, a, SECRET_AAD, rows_text(&rows, 0), &out->secret);
		out->in_force = rows_int(&rows, 1) != 0;
		out->last_step = rows_int(&rows, 2);
		out->recovery_codes = rows_int(&rows, 3);
	}
	if (!rows_close(&rows, err))
		return false;
	return opened || err_set(err, ERR_STORE, "a second factor cannot be opened");
}

bool second_factor_in_force(struct db *db, int64_t user_id, bool *yes, struct err *err)
{
	static const char sql[] =
	    "SELECT COUNT(*) FROM second_factors WHERE user_id = ? AND confirmed_at <> 0";
	int64_t n = 0;

	if (!db_number(db, sql, BIND(v_int(user_id)), &n, err))
		return false;
	*yes = n > 0;
	return true;
}

bool second_factor_begin(struct db *db, const struct secret_box *box, struct arena *a,
    int64_t user_id, struct str secret, struct err *err)
{
	static const char drop_sql[] =
	    "DELETE FROM second_factors WHERE user_id = ? AND confirmed_at = 0";
	static const char insert_sql[] =
	    "INSERT INTO second_factors (user_id, secret_sealed, created_at) VALUES (?, ?, ?)";
	bool in_force;

	if (!second_factor_in_force(db, user_id, &in_force, err))
		return false;
	if (in_force)
		return err_set(err, ERR_BAD_REQUEST, "a second factor is in force");
	return db_run(db, drop_sql, BIND(v_int(user_id)), NULL, err) &&
	    db_run(db, insert_sql,
	        BIND(v_int(user_id), v_text(secret_seal(box, a, SECRET_AAD, secret)),
	            v_int(clock_unix())),
	        NULL, err);
}

bool second_factor_confirm(struct db *db, int64_t user_id, struct err *err)
{
	static const char sql[] =
	    "UPDATE second_factors SET confirmed_at = ? WHERE user_id = ? AND confirmed_at = 0";

	return db_run(db, sql, BIND(v_int(clock_unix()), v_int(user_id)), NULL, err);
}

bool second_factor_step(struct db *db, int64_t user_id, int64_t step, bool *fresh, struct err *err)
{
	static const char sql[] =
	    "UPDATE second_factors SET last_step = ? WHERE user_id = ? AND last_step < ?";
	int64_t changed;

	if (!db_run(db, sql, BIND(v_int(step), v_int(user_id), v_int(step)), &changed, err))
		return false;
	*fresh = changed == 1;
	return true;
}

/* ---- recovery codes -------------------------------------------------------------------------- */

/* Letters and digits only, in lower case; with whose they are, since people may draw the same. */
static void hash_of(const struct secret_box *box, int64_t user_id, struct str code,
    uint8_t out[SECRET_HASH_LEN])
{
	struct buf b = buf_init(256);

	buf_addf(&b, "%lld ", (long long)user_id);
	for (size_t i = 0; i < code.n && i < 64; i++) {
		char c = code.p[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if (c != '-' && c != ' ')
			buf_add_char(&b, c);
	}
	secret_hash(box, RECOVERY_LABEL, buf_str(&b), out);
	mem_wipe(b.data, b.len);
	buf_release(&b);
}

/* Ten letters and digits without those that look alike: 49 bits. */
static void draw(char out[RECOVERY_CODE_LEN + 1])
{
	static const char letters[] = "abcdefghjkmnpqrstuvwxyz23456789";
	uint64_t bits = 0;

	for (int i = 0; i < RECOVERY_CODE_LEN; i++) {
		if (i == HALF) {
			out[i] = '-';
			continue;
		}
		bits = secret_random_u64();
		out[i] = letters[bits % (sizeof(letters) - 1)];
	}
	out[RECOVERY_CODE_LEN] = '\0';
}

static bool drop_codes(struct db *db, int64_t user_id, struct err *err)
{
	static const char sql[] = "DELETE FROM recovery_codes WHERE user_id = ?";

	return db_run(db, sql, BIND(v_int(user_id)), NULL, err);
}

bool second_factor_new_codes(struct db *db, const struct secret_box *box, int64_t user_id,
    char codes[RECOVERY_CODES][RECOVERY_CODE_LEN + 1], struct err *err)
{
	static const char sql[] = "INSERT INTO recovery_codes (user_id, code_hash) VALUES (?, ?)";
	uint8_t hash[SECRET_HASH_LEN];

	if (!drop_codes(db, user_id, err))
		return false;
	for (int i = 0; i < RECOVERY_CODES; i++) {
		draw(codes[i]);
		hash_of(box, user_id, str_c(codes[i]), hash);
		if (!db_run(db, sql, BIND(v_int(user_id), v_blob(hash, sizeof(hash))), NULL, err))
			return false;
	}
	return true;
}

bool second_factor_recover(struct db *db, const struct secret_box *box, int64_t user_id,
    struct str code, bool *right, struct err *err)
{
	static const char sql[] = "DELETE FROM recovery_codes WHERE user_id = ? AND code_hash = ?";
	uint8_t hash[SECRET_HASH_LEN];
	int64_t gone;

	hash_of(box, user_id, code, hash);
	if (!db_run(db, sql, BIND(v_int(user_id), v_blob(hash, sizeof(hash))), &gone, err))
		return false;
	*right = gone == 1;
	return true;
}

bool second_factor_drop(struct db *db, int64_t user_id, struct err *err)
{
	static const char sql[] = "DELETE FROM second_factors WHERE user_id = ?";

	return drop_codes(db, user_id, err) && db_run(db, sql, BIND(v_int(user_id)), NULL, err);
}
