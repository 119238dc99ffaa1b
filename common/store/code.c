/* code.c — table codes */
#include "store/code.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/secret.h"

#define LABEL "code"
#define PARTS_MAX 4096

/* Over purpose, subject in lower case and code: none of them can stand for another. */
static void hash_of(const struct secret_box *box, const char *purpose, struct str subject,
    struct str code, uint8_t out[SECRET_HASH_LEN])
{
	struct buf b = buf_init(PARTS_MAX);

	buf_addf(&b, "%s\n%zu\n", purpose, subject.n);
	for (size_t i = 0; i < subject.n; i++) {
		char c = subject.p[i];

		buf_add_char(&b, c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c);
	}
	buf_add_char(&b, '\n');
	buf_add(&b, str_slice(code, 0, 256));
	/* What did not fit is no code of ours; the hash of its beginning fits none either. */
	secret_hash(box, LABEL, buf_str(&b), out);
	buf_release(&b);
}

static bool last_made(struct db *db, const char *purpose, struct str subject, int64_t *created_at,
    struct err *err)
{
	static const char sql[] = "SELECT created_at FROM codes WHERE purpose = ? AND subject = ?";

	return db_number(db, sql, BIND(v_text(str_c(purpose)), v_text(subject)), created_at, err);
}

static bool put(struct db *db, const char *purpose, struct str subject,
    const uint8_t hash[SECRET_HASH_LEN], int life_s, int gap_s, struct err *err)
{
	static const char insert_sql[] =
	    "INSERT INTO codes (purpose, subject, code_hash, uses, created_at, expires_at) "
	    "VALUES (?, ?, ?, 0, ?, ?)";
	int64_t now = clock_unix(), last = 0;

	if (secret_pick(64) == 0 && !code_sweep(db, err))
		return false;
	if (!last_made(db, purpose, subject, &last, err))
		return false;
	if (last > now - gap_s) {
		err_set(err, ERR_RATE_LIMIT, "a code was made less than %d s ago", gap_s);
		err->retry_after_s = (int)(last + gap_s - now);
		return false;
	}
	return code_drop(db, purpose, subject, err) &&
	    db_run(db, insert_sql,
	        BIND(v_text(str_c(purpose)), v_text(subject), v_blob(hash, SECRET_HASH_LEN),
	            v_int(now), v_int(now + life_s)),
	        NULL, err);
}

bool code_put(struct db *db, const struct secret_box *box, const char *purpose, struct str subject,
    struct str code, int life_s, int gap_s, struct err *err)
{
	uint8_t hash[SECRET_HASH_LEN];

	hash_of(box, purpose, subject, code, hash);
	return put(db, purpose, subject, hash, life_s, gap_s, err);
}

static bool matches(struct db *db, const char *purpose, struct str subject,
    const uint8_t hash[SECRET_HASH_LEN], bool *right, struct err *err)
{
	static const char sql[] = "SELECT code_hash FROM codes WHERE purpose = ? AND subject = ? "
	                          "AND expires_at > ?";
	struct rows rows;

	if (!db_query(db, sql, BIND(v_text(str_c(purpose)), v_text(subject), v_int(clock_unix())),
	        &rows, err))
		return false;
	*right = rows_next(&rows) &&
	    secret_equal(rows_blob(&rows, 0), (struct str){ (const char *)hash, SECRET_HASH_LEN });
	return rows_close(&rows, err);
}

/* The try is counted first and given back when it was right: many at once have no more tries. */
bool code_check(struct db *db, const struct secret_box *box, const char *purpose,
    struct str subject, struct str code, bool *right, struct err *err)
{
	static const char give_back_sql[] =
	    "UPDATE codes SET uses = uses - 1 WHERE purpose = ? AND subject = ? AND code_hash = ?";
	uint8_t hash[SECRET_HASH_LEN];

	if (!code_use(db, purpose, subject, CODE_TRIES, right, err) || !*right)
		return err->kind == ERR_NONE;
	hash_of(box, purpose, subject, code, hash);
	if (!matches(db, purpose, subject, hash, right, err) || !*right)
		return err->kind == ERR_NONE;
	return db_run(db, give_back_sql,
	    BIND(v_text(str_c(purpose)), v_text(subject), v_blob(hash, sizeof(hash))), NULL, err);
}

bool code_is(struct db *db, const struct secret_box *box, const char *purpose, struct str subject,
    struct str code, bool *right, struct err *err)
{
	uint8_t hash[SECRET_HASH_LEN];

	hash_of(box, purpose, subject, code, hash);
	return matches(db, purpose, subject, hash, right, err);
}

bool code_take(struct db *db, const struct secret_box *box, const char *purpose, struct str subject,
    struct str code, bool *right, struct err *err)
{
	static const char sql[] = "DELETE FROM codes WHERE purpose = ? AND subject = ? AND "
	                          "code_hash = ? AND uses < ? AND expires_at > ?";
	uint8_t hash[SECRET_HASH_LEN];
	int64_t gone;

	hash_of(box, purpose, subject, code, hash);
	if (!db_run(db, sql,
	        BIND(v_text(str_c(purpose)), v_text(subject), v_blob(hash, sizeof(hash)),
	            v_int(CODE_TRIES), v_int(clock_unix())),
	        &gone, err))
		return false;
	*right = gone == 1;
	return true;
}

bool code_use(struct db *db, const char *purpose, struct str subject, int most, bool *right,
    struct err *err)
{
	static const char sql[] = "UPDATE codes SET uses = uses + 1 WHERE purpose = ? AND "
	                          "subject = ? AND uses < ? AND expires_at > ?";
	int64_t changed;

	if (!db_run(db, sql,
	        BIND(v_text(str_c(purpose)), v_text(subject), v_int(most), v_int(clock_unix())),
	        &changed, err))
		return false;
	*right = changed == 1;
	return true;
}

bool code_drop(struct db *db, const char *purpose, struct str subject, struct err *err)
{
	static const char sql[] = "DELETE FROM codes WHERE purpose = ? AND subject = ?";

	return db_run(db, sql, BIND(v_text(str_c(purpose)), v_text(subject)), NULL, err);
}

bool code_sweep(struct db *db, struct err *err)
{
	static const char sql[] = "DELETE FROM codes WHERE expires_at <= ?";

	return db_run(db, sql, BIND(v_int(clock_unix())), NULL, err);
}
