/* reseal.c — one row of `places` per sealed column */
#include "store/reseal.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/field.h"
#include "store/channel.h"
#include "store/channel_key.h"
#include "store/option.h"

#define PAGE 500
#define CHECK_AAD "secret.check"
#define CHECK_WORD "the right key"

const char *const reseal_columns[] = { "tokens.key_sealed", "tokens.key_hash",
	"redemptions.key_sealed", "redemptions.key_hash", "channels.key_sealed",
	"channels.config_sealed", "second_factors.secret_sealed", "outbox.body_sealed",
	"channel_keys.key_hash", "users.access_token_hash", "sessions.id_hash", "codes.code_hash",
	"recovery_codes.code_hash", NULL };

/* select: id and sealed text of a page behind an id. update: sealed text, hash when there is a
 * label, id. */
struct place {
	const char *aad, *label;
	const char *select, *update;
};

#define SELECT(table, column, id)                                                                  \
	"SELECT " id ", " column " FROM " table " WHERE " id " > ? AND " column                    \
	" <> '' ORDER BY " id " LIMIT ?"

/* clang-format off */
static const struct place places[] = {
	{ "token.key", "token", SELECT("tokens", "key_sealed", "id"),
	  "UPDATE tokens SET key_sealed = ?, key_hash = ? WHERE id = ?" },
	{ "redemption.key", "redemption", SELECT("redemptions", "key_sealed", "id"),
	  "UPDATE redemptions SET key_sealed = ?, key_hash = ? WHERE id = ?" },
	{ "channel.key", NULL, SELECT("channels", "key_sealed", "id"),
	  "UPDATE channels SET key_sealed = ? WHERE id = ?" },
	{ "channel.config", NULL, SELECT("channels", "config_sealed", "id"),
	  "UPDATE channels SET config_sealed = ? WHERE id = ?" },
	{ "totp.secret", NULL, SELECT("second_factors", "secret_sealed", "user_id"),
	  "UPDATE second_factors SET secret_sealed = ? WHERE user_id = ?" },
	{ "outbox.body", NULL, SELECT("outbox", "body_sealed", "id"),
	  "UPDATE outbox SET body_sealed = ? WHERE id = ?" },
};
/* clang-format on */

struct boxes {
	const struct secret_box *from, *to;
};

/* ---- columns ---------------------------------------------------------------------------------- */

struct sealed_row {
	int64_t id;
	struct str sealed;
};

static const struct field row_fields[] = {
	FIELD(struct sealed_row, id, 0),
	FIELD(struct sealed_row, sealed, 0),
	{ 0 },
};

static bool write_one(struct db *db, const struct boxes *b, const struct place *p, struct arena *a,
    int64_t id, struct str plain, struct err *err)
{
	struct value sealed = v_text(secret_seal(b->to, a, p->aad, plain));
	uint8_t hash[SECRET_HASH_LEN];

	if (!p->label)
		return db_run(db, p->update, BIND(sealed, v_int(id)), NULL, err);
	secret_hash(b->to, p->label, plain, hash);
	return db_run(db, p->update, BIND(sealed, v_blob(hash, sizeof hash), v_int(id)), NULL, err);
}

static bool reseal_page(struct db *db, const struct boxes *b, const struct place *p,
    struct arena *a, int64_t *last, size_t *count, struct resealed *out, struct err *err)
{
	struct sealed_row *items;
	struct rows rows;
	struct str plain;
	void *list;

	if (!db_query(db, p->select, BIND(v_int(*last), v_int(PAGE)), &rows, err) ||
	    !rows_all(&rows, row_fields, sizeof *items, a, &list, count, err))
		return false;
	items = list;
	for (size_t i = 0; i < *count; i++) {
		*last = items[i].id;
		if (!secret_open(b->from, a, p->aad, items[i].sealed, &plain)) {
			out->unreadable++;
			continue;
		}
		if (!write_one(db, b, p, a, items[i].id, plain, err))
			return false;
		out->texts++;
	}
	return true;
}

static bool reseal_place(struct db *db, const struct boxes *b, const struct place *p,
    struct resealed *out, struct err *err)
{
	int64_t last = 0;
	size_t count;
	bool ok;

	do {
		struct arena *a = arena_new(4096);

		ok = reseal_page(db, b, p, a, &last, &count, out, err);
		arena_free(a);
	} while (ok && count == PAGE);
	return ok;
}

/* ---- options ---------------------------------------------------------------------------------- */

static bool read_option(struct db *db, struct arena *a, const char *name, struct str *value,
    struct err *err)
{
	static const char sql[] = "SELECT value FROM options WHERE name = ?";

	return db_text(db, a, sql, BIND(v_text(str_c(name))), value, err);
}

static bool reseal_option(struct db *db, const struct boxes *b, struct arena *a, int id,
    struct resealed *out, struct err *err)
{
	const char *name = option_keys[id].name;
	struct str sealed, plain;

	if (!read_option(db, a, name, &sealed, err))
		return false;
	if (sealed.n == 0)
		return true;
	if (!secret_open(b->from, a, arena_fmt(a, "option.%s", name), sealed, &plain)) {
		out->unreadable++;
		return true;
	}
	out->texts++;
	return option_write(db, b->to, (enum option_id)id, plain, err);
}

static bool reseal_options(struct db *db, const struct boxes *b, struct resealed *out,
    struct err *err)
{
	struct arena *a = arena_new(4096);
	bool ok = true;

	for (int i = 0; ok && i < OPTION_COUNT; i++) {
		if (option_keys[i].flags & OPTION_SECRET)
			ok = reseal_option(db, b, a, i, out, err);
	}
	arena_free(a);
	return ok;
}

/* ---- parked keys: a hash of a line of the channel's key ----------------------------------------- */

static bool rename_key(struct db *db, const struct boxes *b, int64_t channel_id, struct str key,
    struct err *err)
{
	static const char sql[] =
	    "UPDATE channel_keys SET key_hash = ? WHERE channel_id = ? AND key_hash = ?";
	char old[CHANNEL_KEY_HASH_LEN + 1], new[CHANNEL_KEY_HASH_LEN + 1];

	(void)channel_key_hash(b->from, key, old);
	(void)channel_key_hash(b->to, key, new);
	return db_run(db, sql, BIND(v_text(str_c(new)), v_int(channel_id), v_text(str_c(old))),
	    NULL, err);
}

/* The keys are read with the old box, so this comes before they are sealed anew. */
static bool rename_keys(struct db *db, const struct boxes *b, struct err *err)
{
	struct arena *a = arena_new(4096);
	struct parked_key_list parked = { 0 };
	bool ok = channel_keys_parked(db, a, 0, &parked, err);

	for (size_t i = 0; ok && i < parked.count; i++) {
		struct channel c = { 0 };
		struct str line;

		if (i > 0 && parked.items[i].channel_id == parked.items[i - 1].channel_id)
			continue;
		ok = channel_by_id(db, b->from, a, parked.items[i].channel_id, &c, err);
		while (ok && str_next(&c.key, '\n', &line))
			ok = rename_key(db, b, c.id, str_trim(line), err);
	}
	arena_free(a);
	return ok;
}

/* ---- what cannot be carried over ---------------------------------------------------------------- */

static bool drop_hashes(struct db *db, struct resealed *out, struct err *err)
{
	static const char sessions_sql[] = "DELETE FROM sessions";
	static const char codes_sql[] = "DELETE FROM codes";
	static const char recovery_sql[] = "DELETE FROM recovery_codes";
	static const char access_sql[] =
	    "UPDATE users SET access_token_hash = NULL WHERE access_token_hash IS NOT NULL";

	return db_run(db, sessions_sql, BIND_NONE, &out->sessions, err) &&
	    db_run(db, codes_sql, BIND_NONE, NULL, err) &&
	    db_run(db, recovery_sql, BIND_NONE, &out->recovery_codes, err) &&
	    db_run(db, access_sql, BIND_NONE, &out->access_tokens, err);
}

/* ---- the word ----------------------------------------------------------------------------------- */

static bool write_word(struct db *db, const struct secret_box *box, struct err *err)
{
	static const char delete_sql[] = "DELETE FROM secret_check";
	static const char insert_sql[] = "INSERT INTO secret_check (id, sealed) VALUES (1, ?)";
	struct arena *a = arena_new(512);
	bool ok = db_run(db, delete_sql, BIND_NONE, NULL, err) &&
	    db_run(db, insert_sql, BIND(v_text(secret_seal(box, a, CHECK_AAD, STR(CHECK_WORD)))),
	        NULL, err);

	arena_free(a);
	return ok;
}

static bool check_in(struct db *db, const struct secret_box *box, struct arena *a, bool *right,
    bool *is_new, struct err *err)
{
	static const char word_sql[] = "SELECT sealed FROM secret_check WHERE id = 1";
	static const char token_sql[] =
	    "SELECT key_sealed FROM tokens WHERE key_sealed <> '' ORDER BY id LIMIT 1";
	struct str word, token, plain;

	*is_new = false;
	if (!db_text(db, a, word_sql, BIND_NONE, &word, err))
		return false;
	if (word.n) {
		*right = secret_open(box, a, CHECK_AAD, word, &plain);
		return true;
	}
	if (!db_text(db, a, token_sql, BIND_NONE, &token, err))
		return false;
	*right = token.n == 0 || secret_open(box, a, "token.key", token, &plain);
	*is_new = *right;
	return true;
}

bool reseal_check(struct db *db, const struct secret_box *box, bool *right, struct err *err)
{
	struct arena *a = arena_new(1024);
	bool is_new, ok = check_in(db, box, a, right, &is_new, err);

	/* Again inside: another program may start at the same moment. */
	if (ok && is_new) {
		ok = db_begin(db, err) && check_in(db, box, a, right, &is_new, err) &&
		    (!is_new || write_word(db, box, err));
		if (ok)
			ok = db_commit(db, err);
		else
			db_rollback(db);
	}
	arena_free(a);
	return ok;
}

bool reseal_all(struct db *db, const struct secret_box *from, const struct secret_box *to,
    struct resealed *out, struct err *err)
{
	const struct boxes b = { from, to };
	bool ok = rename_keys(db, &b, err);

	*out = (struct resealed){ 0 };
	for (size_t i = 0; ok && i < COUNT_OF(places); i++)
		ok = reseal_place(db, &b, &places[i], out, err);
	return ok && reseal_options(db, &b, out, err) && drop_hashes(db, out, err) &&
	    write_word(db, to, err) && catalog_bump(db, err);
}
