/* log_pages.c — does a long log cost more than a short one?
 *
 *	log_pages [ROWS]          5,000,000 unless said otherwise; a few minutes, 2 GB in TMPDIR
 *
 * Makes two databases, one with 5,000 rows and one with ROWS, both of 200 users over 90 days, and
 * prints what the same questions take in both, the quietest of some tries.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "store/logstats.h"
#include "store/migrate.h"
#include "store/usage.h"

#define SHORT_ROWS 5000
#define TRIES 20
#define BEGIN INT64_C(1700000000)
#define SPAN (90 * 86400)

struct log_db {
	char dir[256];
	struct db *db;
	struct arena *arena;
	int64_t rows;
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
	    "'user' || (1 + i * 7919 % 200), 'key', 'model-' || (i % 12), 100 + i % 50, 800, 200, "
	    "1 + i % 20, 'r' || i, 900, 1 + i * 7919 % 200 FROM n";
	struct err err = { 0 };

	must(db_begin(l->db, &err), &err);
	must(db_run(l->db, sql, BIND(v_int(l->rows), v_int(BEGIN), v_int(SPAN), v_int(l->rows)),
	         NULL, &err),
	    &err);
	must(db_commit(l->db, &err), &err);
}

static void open_log(struct log_db *l, int64_t rows)
{
	int64_t began = clock_mono_ms(), filled;
	const char *tmp = getenv("TMPDIR");
	struct err err = { 0 };

	*l = (struct log_db){ .rows = rows };
	snprintf(l->dir, sizeof l->dir, "%s/log-pages-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(l->dir)) {
		perror(l->dir);
		exit(1);
	}
	must(db_open("", l->dir, &l->db, &err) && migrate(l->db, &err), &err);
	fill(l);
	filled = clock_mono_ms();
	must(usage_catch_up(l->db, &err), &err);
	printf("%" PRId64 " rows: written in %" PRId64 " ms, added up by the hour in %" PRId64
	       " ms\n",
	    rows, filled - began, clock_mono_ms() - filled);
}

static void close_log(struct log_db *l)
{
	static const char *const names[] = { "oneapi.db", "oneapi.db-wal", "oneapi.db-shm",
		"oneapi.db.lock" };
	char path[300];

	db_close(l->db);
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

static const struct {
	const char *name;
	void (*ask)(struct log_db *l);
} questions[] = {
	{ "first page", first_page },
	{ "first page of a user", first_page_of_user },
	{ "first page of channel tests", first_page_of_tests },
	{ "first page of the last day", page_of_last_day },
	{ "page in the middle", page_in_the_middle },
	{ "sum of everything", sum_of_all },
	{ "seven days of a user", dashboard_of_user },
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
	open_log(&small, SHORT_ROWS);
	open_log(&large, rows);
	printf("| question | %d rows, us | %" PRId64 " rows, us |\n|---|---|---|\n", SHORT_ROWS,
	    rows);
	for (size_t i = 0; i < COUNT_OF(questions); i++)
		printf("| %s | %" PRId64 " | %" PRId64 " |\n", questions[i].name,
		    quietest_us(&small, questions[i].ask), quietest_us(&large, questions[i].ask));
	close_log(&small);
	close_log(&large);
	return 0;
}
