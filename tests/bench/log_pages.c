/* log_pages.c — does a long log cost more than a short one?
 *
 *	log_pages [ROWS]          5,000,000 unless said otherwise; a few minutes, 2 GB in TMPDIR
 *
 * Makes two databases, one with 5,000 rows and one with ROWS, both of 200 users over 90 days, and
 * prints what the same questions take in both, the quietest of some tries. The oldest rows are of a
 * model, a key and a channel that nothing else is of: who asks for these makes us look furthest. The
 * second database also has 100,000 users, and 100,000 keys of one of them; the first has 100.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "store/logblocks.h"
#include "store/logstats.h"
#include "store/migrate.h"
#include "store/token.h"
#include "store/usage.h"
#include "store/user.h"

#define SHORT_ROWS 5000
#define TRIES 20
#define SLOW_US 500000 /* once is enough */
#define BEGIN INT64_C(1700000000)
#define SPAN (90 * 86400)
#define FEW_PEOPLE 100
#define MANY_PEOPLE 100000

struct log_db {
	char dir[256];
	struct db *db;
	struct secret_box *box;
	struct arena *arena;
	int64_t rows, people;
};

static void must(bool ok, const struct err *err)
{
	if (ok)
		return;
	fprintf(stderr, "log_pages: %s (%s)\n", err->msg, err->detail);
	exit(1);
}

static void fill(struct log_db *l)
{
	static const char sql[] =
	    "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?) "
	    "INSERT INTO logs (user_id, created_at, type, content, username, token_name, "
	    "model_name, quota, prompt_tokens, completion_tokens, channel_id, request_id, "
	    "elapsed_time, token_id) SELECT 1 + i * 7919 % 200, ? + i * ? / ?, "
	    "CASE WHEN i % 1000 = 7 THEN 5 ELSE 2 END, 'ratio 1.25 x 1.00 x 4.00', "
	    "'user' || (1 + i * 7919 % 200), CASE WHEN i < 20 THEN 'old' ELSE 'key' END, "
	    "CASE WHEN i < 20 THEN 'model-old' ELSE 'model-' || (i % 12) END, 100 + i % 50, 800, "
	    "200, CASE WHEN i < 20 THEN 99 ELSE 1 + i % 20 END, 'r' || i, 900, "
	    "CASE WHEN i < 20 THEN 9999 ELSE 1 + i * 7919 % 200 END FROM n";
	struct err err = { 0 };

	must(db_begin(l->db, &err), &err);
	must(db_run(l->db, sql, BIND(v_int(l->rows), v_int(BEGIN), v_int(SPAN), v_int(l->rows)),
	         NULL, &err),
	    &err);
	must(db_commit(l->db, &err), &err);
}

/* Keys cannot be read back: the list of a user's keys unseals only a page of them. */
static void fill_people(struct log_db *l)
{
	static const char users_sql[] =
	    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
	    "INSERT INTO users (username, display_name, email, quota, used_quota, request_count) "
	    "SELECT 'user' || i, 'User ' || i, 'user' || i || '@example.com', i * 7919 % 1000003, "
	    "i * 104729 % 1000003, i * 31 % 1009 FROM n";
	static const char tokens_sql[] =
	    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
	    "INSERT INTO tokens (user_id, key_hash, key_sealed, name, remain_quota, used_quota) "
	    "SELECT 7, randomblob(32), '', 'key ' || i, i * 7919 % 1000003, i * 104729 % 1000003 "
	    "FROM n";
	struct err err = { 0 };

	must(db_begin(l->db, &err), &err);
	must(db_run(l->db, users_sql, BIND(v_int(l->people)), NULL, &err), &err);
	must(db_run(l->db, tokens_sql, BIND(v_int(l->people)), NULL, &err), &err);
	must(db_commit(l->db, &err), &err);
}

static void open_log(struct log_db *l, int64_t rows, int64_t people)
{
	int64_t began = clock_mono_ms(), filled, added;
	bool more = true;
	const char *tmp = getenv("TMPDIR");
	struct err err = { 0 };

	*l = (struct log_db){ .rows = rows, .people = people };
	snprintf(l->dir, sizeof l->dir, "%s/log-pages-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(l->dir)) {
		perror(l->dir);
		exit(1);
	}
	must(secret_box_open(l->dir, "a secret of sufficient length", &l->box, &err) &&
	        db_open("", l->dir, &l->db, &err) && migrate(l->db, &err),
	    &err);
	fill_people(l);
	fill(l);
	filled = clock_mono_ms();
	must(usage_catch_up(l->db, &err), &err);
	added = clock_mono_ms();
	while (more)
		must(log_blocks_step(l->db, &more, &err), &err);
	printf("%" PRId64 " rows: written in %" PRId64 " ms, added up by the hour in %" PRId64
	       " ms, blocks noted in %" PRId64 " ms\n",
	    rows, filled - began, added - filled, clock_mono_ms() - added);
}

static void close_log(struct log_db *l)
{
	static const char *const names[] = { "oneapi.db", "oneapi.db-wal", "oneapi.db-shm",
		"oneapi.db.lock" };
	char path[300];

	db_close(l->db);
	secret_box_free(l->box);
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		snprintf(path, sizeof path, "%s/%s", l->dir, names[i]);
		unlink(path);
	}
	rmdir(l->dir);
}

/* ---- questions -------------------------------------------------------------------------------- */

static void page(struct log_db *l, struct log_filter f)
{
	struct err err = { 0 };
	struct log_list rows;

	must(logrow_page(l->db, l->arena, &f, 0, 10, &rows, &err), &err);
}

static void first_page(struct log_db *l)
{
	page(l, (struct log_filter){ 0 });
}

static void first_page_of_user(struct log_db *l)
{
	page(l, (struct log_filter){ .user_id = 7 });
}

static void first_page_of_tests(struct log_db *l)
{
	page(l, (struct log_filter){ .type = LOG_TYPE_TEST });
}

static void page_of_last_day(struct log_db *l)
{
	page(l, (struct log_filter){ .from = BEGIN + SPAN - 86400 });
}

static void first_page_of_username(struct log_db *l)
{
	page(l, (struct log_filter){ .username = STR("user7") });
}

static void first_page_of_model(struct log_db *l)
{
	page(l, (struct log_filter){ .model_name = STR("model-3") });
}

static void first_page_of_key(struct log_db *l)
{
	page(l, (struct log_filter){ .token_name = STR("key") });
}

static void first_page_of_channel(struct log_db *l)
{
	page(l, (struct log_filter){ .channel = 7 });
}

static void first_page_of_consumption(struct log_db *l)
{
	page(l, (struct log_filter){ .type = LOG_TYPE_CONSUME });
}

static void first_page_of_all_at_once(struct log_db *l)
{
	page(l,
	    (struct log_filter){ .type = LOG_TYPE_CONSUME,
	        .username = STR("user7"),
	        .token_name = STR("key"),
	        .model_name = STR("model-3"),
	        .from = BEGIN + SPAN / 2,
	        .to = BEGIN + SPAN });
}

static void page_of_old_model(struct log_db *l)
{
	page(l, (struct log_filter){ .model_name = STR("model-old") });
}

static void page_of_old_key(struct log_db *l)
{
	page(l, (struct log_filter){ .token_name = STR("old") });
}

static void page_of_old_channel(struct log_db *l)
{
	page(l, (struct log_filter){ .channel = 99 });
}

static void page_of_no_model(struct log_db *l)
{
	page(l, (struct log_filter){ .model_name = STR("never heard of") });
}

static void search_text(struct log_db *l)
{
	struct err err = { 0 };
	struct log_list rows;

	must(logrow_search(l->db, l->arena, STR("model-3"), 0, 100, &rows, &err), &err);
}

/* In the middle, as who turns pages one after the other gets there. */
static void page_in_the_middle(struct log_db *l)
{
	page(l, (struct log_filter){ .after_id = l->rows / 2, .after_time = BEGIN + SPAN / 2 });
}

static void sum_of_all(struct log_db *l)
{
	const struct log_filter any = { 0 };
	struct log_sums sums;
	struct err err = { 0 };

	must(log_sum(l->db, &any, &sums, &err), &err);
}

static void dashboard_of_user(struct log_db *l)
{
	const struct usage_query q = { .user_id = 7,
		.from = (BEGIN + SPAN - 7 * 86400) / 3600 * 3600,
		.to = (BEGIN + SPAN) / 3600 * 3600,
		.step_s = 86400 };
	struct usage_list rows;
	struct err err = { 0 };

	must(usage_read(l->db, l->arena, &q, &rows, &err), &err);
}

static void users(struct log_db *l, enum user_order order)
{
	struct user_list rows;
	struct err err = { 0 };

	must(user_page(l->db, l->arena, order, 0, 10, &rows, &err), &err);
}

static void users_by_id(struct log_db *l)
{
	users(l, USERS_BY_ID);
}

static void users_by_quota(struct log_db *l)
{
	users(l, USERS_BY_QUOTA);
}

static void users_found(struct log_db *l)
{
	struct user_list rows;
	struct err err = { 0 };

	must(user_search(l->db, l->arena, STR("user7"), 0, 10, &rows, &err), &err);
}

static void keys(struct log_db *l, enum token_order order)
{
	struct token_list rows;
	struct err err = { 0 };

	must(token_page(l->db, l->box, l->arena, 7, order, 0, 10, &rows, &err), &err);
}

static void keys_by_id(struct log_db *l)
{
	keys(l, TOKENS_BY_ID);
}

static void keys_by_remain(struct log_db *l)
{
	keys(l, TOKENS_BY_REMAIN);
}

static const struct {
	const char *name;
	void (*ask)(struct log_db *l);
} questions[] = {
	{ "first page", first_page },
	{ "first page of a user", first_page_of_user },
	{ "first page of channel tests", first_page_of_tests },
	{ "first page of the last day", page_of_last_day },
	{ "page in the middle", page_in_the_middle },
	{ "first page of a user name", first_page_of_username },
	{ "first page of a model", first_page_of_model },
	{ "first page of a key's name", first_page_of_key },
	{ "first page of a channel", first_page_of_channel },
	{ "first page of consumption", first_page_of_consumption },
	{ "first page of user, key, model, type and dates", first_page_of_all_at_once },
	{ "a model that only the oldest rows have", page_of_old_model },
	{ "a key's name that only the oldest rows have", page_of_old_key },
	{ "a channel that only the oldest rows have", page_of_old_channel },
	{ "a model that no row has", page_of_no_model },
	{ "text search", search_text },
	{ "sum of everything", sum_of_all },
	{ "seven days of a user", dashboard_of_user },
	{ "users, newest first", users_by_id },
	{ "users by quota", users_by_quota },
	{ "users by text", users_found },
	{ "keys of a user, newest first", keys_by_id },
	{ "keys of a user by what is left", keys_by_remain },
};

static int64_t quietest_us(struct log_db *l, void (*ask)(struct log_db *l))
{
	int64_t best = INT64_MAX;

	for (int i = 0; i < TRIES; i++) {
		int64_t began = clock_mono_ns(), took;

		l->arena = arena_new(64 * 1024);
		ask(l);
		arena_free(l->arena);
		took = (clock_mono_ns() - began) / 1000;
		if (took < best)
			best = took;
		if (best > SLOW_US)
			break;
	}
	return best;
}

int main(int argc, char **argv)
{
	struct log_db small, large;
	int64_t rows = 5000000;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 1 && !str_to_int(str_c(argv[1]), SHORT_ROWS, INT32_MAX, &rows))
		return 2;
	open_log(&small, SHORT_ROWS, FEW_PEOPLE);
	open_log(&large, rows, MANY_PEOPLE);
	printf("| question | %d rows, us | %" PRId64 " rows, us |\n|---|---|---|\n", SHORT_ROWS,
	    rows);
	for (size_t i = 0; i < COUNT_OF(questions); i++)
		printf("| %s | %" PRId64 " | %" PRId64 " |\n", questions[i].name,
		    quietest_us(&small, questions[i].ask), quietest_us(&large, questions[i].ask));
	close_log(&small);
	close_log(&large);
	return 0;
}
