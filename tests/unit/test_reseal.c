/* test_reseal.c — every sealed column gets the new key, hashes follow, and none is forgotten */
#include "temp_db.h"

#include "store/channel.h"
#include "store/channel_key.h"
#include "store/option.h"
#include "store/outbox.h"
#include "store/redemption.h"
#include "store/reseal.h"
#include "store/token.h"

static struct secret_box *other_box(struct temp_db *t)
{
	struct secret_box *box = NULL;

	CHECK(secret_box_open(t->dir, "quite another secret", &box, &t->err), &t->err);
	return box;
}

static int64_t number(struct temp_db *t, const char *sql)
{
	struct rows rows;
	int64_t n = -1;

	CHECK(db_query(t->db, sql, BIND_NONE, &rows, &t->err) && rows_number(&rows, &n, &t->err),
	    &t->err);
	return n;
}

static void fill(struct temp_db *t)
{
	struct token key = { .user_id = 1, .status = 1, .key = STR("the-key"), .name = STR("k") };
	struct redemption code = { .user_id = 1, .status = 1, .key = STR("the-code"), .quota = 5 };
	struct channel c = { .type = 1,
		.status = 1,
		.key = STR("sk-a\nsk-b"),
		.config = STR("{\"sk\":\"s\"}"),
		.models = STR("m"),
		.group = STR("g") };
	struct letter letter = { .kind = LETTER_NOTICE, .subject = STR("s"), .html = STR("body") };
	char hash[CHANNEL_KEY_HASH_LEN + 1];
	bool changed;

	CHECK(token_insert(t->db, t->box, t->arena, &key, &t->err), &t->err);
	CHECK(redemption_insert(t->db, t->box, t->arena, &code, &t->err), &t->err);
	CHECK(channel_insert(t->db, t->box, &c, 1, &t->err), &t->err);
	(void)channel_key_hash(t->box, STR("sk-b"), hash);
	CHECK(channel_key_park(t->db, c.id, str_c(hash), STR("why"), &changed, &t->err), &t->err);
	CHECK(outbox_put(t->db, t->box, t->arena, &letter, &t->err), &t->err);
	CHECK(option_save(t->db, t->box, OPT_SMTP_TOKEN, STR("mail secret"), &t->err), &t->err);
	CHECK(db_script(t->db,
	          "INSERT INTO users (username, access_token_hash) VALUES ('u', x'00');"
	          "INSERT INTO sessions (id_hash, user_id, session_epoch, created_at, expires_at)"
	          " VALUES (x'01', 1, 0, 0, 0);"
	          "INSERT INTO recovery_codes (user_id, code_hash) VALUES (1, x'02');",
	          &t->err),
	    &t->err);
}

static bool reseal(struct temp_db *t, const struct secret_box *to, struct resealed *done)
{
	bool ok;

	CHECK(db_begin(t->db, &t->err), &t->err);
	ok = reseal_all(t->db, t->box, to, done, &t->err);
	CHECK(db_commit(t->db, &t->err), &t->err);
	return ok;
}

static void test_all(void **state)
{
	struct temp_db *t = *state;
	struct secret_box *to = other_box(t);
	struct resealed done;
	struct token_owner owner;
	struct redemption code;
	struct channel c;
	struct letter letter;
	struct options *o = ARENA_NEW(t->arena, struct options);
	uint8_t hash[SECRET_HASH_LEN];
	char parked[CHANNEL_KEY_HASH_LEN + 1];
	bool found;

	fill(t);
	CHECK(reseal(t, to, &done), &t->err);
	assert_int_equal(done.texts, 6); /* key, code, channel's key and config, letter, option */
	assert_int_equal(done.unreadable, 0);
	assert_int_equal(done.sessions, 1);
	assert_int_equal(done.access_tokens, 1);
	assert_int_equal(done.recovery_codes, 1);

	secret_hash(to, "token", STR("the-key"), hash);
	CHECK(token_find(t->db, t->arena, hash, &owner, &t->err), &t->err);
	CHECK(redemption_find(t->db, to, t->arena, STR("the-code"), &code, &t->err), &t->err);
	CHECK_TEXT(code.key, "the-code");
	CHECK(channel_by_id(t->db, to, t->arena, 1, &c, &t->err), &t->err);
	CHECK_TEXT(c.key, "sk-a\nsk-b");
	CHECK_TEXT(c.config, "{\"sk\":\"s\"}");
	CHECK(outbox_take(t->db, to, t->arena, &letter, &found, &t->err), &t->err);
	CHECK_TEXT(letter.html, "body");
	CHECK(option_load(t->db, to, t->arena, o, &t->err), &t->err);
	CHECK_TEXT(option_text(o, OPT_SMTP_TOKEN), "mail secret");
	(void)channel_key_hash(to, STR("sk-b"), parked);
	CHECK(channel_key_unpark(t->db, 1, str_c(parked), &found, &t->err), &t->err);
	assert_true(found);
	assert_int_equal(number(t, "SELECT COUNT(*) FROM sessions"), 0);

	/* the old key opens nothing any more */
	CHECK(channel_by_id(t->db, t->box, t->arena, 1, &c, &t->err), &t->err);
	assert_int_equal(c.key.n, 0);
	assert_false(redemption_find(t->db, t->box, t->arena, STR("the-code"), &code, &t->err));
	secret_box_free(to);
}

/* What another key sealed stays as it is, and is counted. */
static void test_unreadable(void **state)
{
	struct temp_db *t = *state;
	struct secret_box *to = other_box(t), *third = NULL;
	struct channel c = { .type = 1, .key = STR("sk"), .models = STR("m"), .group = STR("g") };
	struct resealed done;

	CHECK(secret_box_open(t->dir, "a third secret, of nobody", &third, &t->err), &t->err);
	CHECK(channel_insert(t->db, third, &c, 1, &t->err), &t->err);
	CHECK(reseal(t, to, &done), &t->err);
	assert_int_equal(done.texts, 0);
	assert_int_equal(done.unreadable, 1);
	CHECK(channel_by_id(t->db, third, t->arena, c.id, &c, &t->err), &t->err);
	CHECK_TEXT(c.key, "sk");
	secret_box_free(third);
	secret_box_free(to);
}

static void test_check(void **state)
{
	struct temp_db *t = *state;
	struct secret_box *to = other_box(t);
	struct token key = { .user_id = 1, .status = 1, .key = STR("k") };
	struct resealed done;
	bool right;

	/* before there is a word, a key of a client tells */
	CHECK(token_insert(t->db, t->box, t->arena, &key, &t->err), &t->err);
	CHECK(reseal_check(t->db, to, &right, &t->err), &t->err);
	assert_false(right);
	assert_int_equal(number(t, "SELECT COUNT(*) FROM secret_check"), 0);
	CHECK(reseal_check(t->db, t->box, &right, &t->err), &t->err);
	assert_true(right);
	assert_int_equal(number(t, "SELECT COUNT(*) FROM secret_check"), 1);
	CHECK(reseal_check(t->db, to, &right, &t->err), &t->err);
	assert_false(right);
	CHECK(reseal(t, to, &done), &t->err);
	CHECK(reseal_check(t->db, to, &right, &t->err), &t->err);
	assert_true(right);
	CHECK(reseal_check(t->db, t->box, &right, &t->err), &t->err);
	assert_false(right);
	secret_box_free(to);
}

static bool is_known(const char *column)
{
	for (const char *const *known = reseal_columns; *known; known++) {
		if (strcmp(*known, column) == 0)
			return true;
	}
	return false;
}

/* Whoever adds a column that hangs on the data key adds it to reseal.c, or here with a reason. */
static void test_no_column_is_forgotten(void **state)
{
	static const char sql[] =
	    "SELECT m.name || '.' || c.name FROM sqlite_master m, pragma_table_info(m.name) c "
	    "WHERE m.type = 'table' AND (c.name LIKE '%!_sealed' ESCAPE '!' OR "
	    "c.name LIKE '%!_hash' ESCAPE '!')";
	struct temp_db *t = *state;
	struct rows rows;
	int count = 0;

	if (db_engine(t->db) != DB_SQLITE)
		return;
	CHECK(db_query(t->db, sql, BIND_NONE, &rows, &t->err), &t->err);
	while (rows_next(&rows)) {
		const char *column = arena_strdup(t->arena, str_dup(t->arena, rows_text(&rows, 0)));

		count++;
		if (!is_known(column))
			fail_msg("%s hangs on the data key, but reseal.c does not know it", column);
	}
	CHECK(rows_close(&rows, &t->err), &t->err);
	assert_true(count >= 13);
}

/* secret.key.next becomes secret.key. */
static void test_next_key(void **state)
{
	struct temp_db *t = *state;
	struct secret_box *old = NULL, *next = NULL, *again = NULL;
	struct str sealed, plain;

	CHECK(secret_box_open(t->dir, "", &old, &t->err), &t->err);
	assert_false(secret_next_exists(t->dir));
	CHECK(secret_box_open_next(t->dir, &next, &t->err), &t->err);
	assert_true(secret_next_exists(t->dir));
	sealed = secret_seal(next, t->arena, "x", STR("text"));
	assert_false(secret_open(old, t->arena, "x", sealed, &plain));
	CHECK(secret_adopt_next(t->dir, &t->err), &t->err);
	assert_false(secret_next_exists(t->dir));
	CHECK(secret_box_open(t->dir, "", &again, &t->err), &t->err);
	assert_true(secret_open(again, t->arena, "x", sealed, &plain));
	CHECK_TEXT(plain, "text");
	assert_false(secret_adopt_next(t->dir, &t->err));
	secret_box_free(old);
	secret_box_free(next);
	secret_box_free(again);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		DB_TEST(test_all),
		DB_TEST(test_unreadable),
		DB_TEST(test_check),
		DB_TEST(test_no_column_is_forgotten),
		DB_TEST(test_next_key),
	};

	return temp_db_run("reseal", tests, COUNT_OF(tests));
}
