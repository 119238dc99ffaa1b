/* test_logstats.c — the sum of a log is that of its rows, wherever it is read from
 *
 * Rows come, are added up by the hour, replaced, cleaned away; some charges have no row at all. In
 * between every filter's sum is compared with SUM over the table. */
#include "temp_db.h"

#include "store/logstats.h"
#include "store/usage.h"

#define BEGIN INT64_C(1700000000)
#define HOURS 40
#define ROUNDS 40
#define ROWS_A_ROUND 60

/* The same numbers in every run. */
static uint32_t draw(uint32_t below)
{
	static uint32_t state = 12345;

	state = state * 1664525 + 1013904223;
	return (state >> 8) % below;
}

static const char *const models[] = { "", "gpt-4o", "claude" };
static const char *const keys[] = { "", "work", "home" };

static struct logrow some_row(void)
{
	static const int types[] = { LOG_TYPE_CONSUME, LOG_TYPE_CONSUME, LOG_TYPE_CONSUME,
		LOG_TYPE_TOPUP, LOG_TYPE_ERROR };

	return (struct logrow){
		.type = types[draw(COUNT_OF(types))],
		.user_id = 1 + draw(3),
		.created_at = BEGIN + draw(HOURS * USAGE_HOUR_S),
		.model_name = str_c(models[draw(COUNT_OF(models))]),
		.token_name = str_c(keys[draw(COUNT_OF(keys))]),
		.token_id = draw(3),
		.channel = draw(4),
		.quota = draw(1000),
		.prompt_tokens = draw(100),
		.completion_tokens = draw(100),
	};
}

static struct log_filter some_filter(void)
{
	struct log_filter f = { 0 };

	if (draw(2))
		f.user_id = 1 + draw(3);
	if (draw(4) == 0)
		f.model_name = str_c(models[draw(COUNT_OF(models))]);
	if (draw(4) == 0)
		f.channel = draw(4);
	if (draw(6) == 0)
		f.token_name = str_c(keys[draw(COUNT_OF(keys))]);
	if (draw(6) == 0)
		f.without.model_name = str_c(models[draw(COUNT_OF(models))]);
	if (draw(2))
		f.from = BEGIN + draw(HOURS * USAGE_HOUR_S);
	if (draw(2))
		f.to = BEGIN + draw(HOURS * USAGE_HOUR_S);
	if (draw(8) == 0)
		f.from -= f.from % USAGE_HOUR_S;
	return f;
}

static int64_t number(struct temp_db *t, const char *sql)
{
	int64_t n;

	CHECK(db_number(t->db, sql, BIND_NONE, &n, &t->err), &t->err);
	return n;
}

static struct log_sums plain_sum(struct temp_db *t, const struct log_filter *f)
{
	static const char sql[] =
	    "SELECT COALESCE(SUM(quota), 0), COUNT(*), "
	    "COALESCE(SUM(prompt_tokens + completion_tokens), 0) FROM logs WHERE type = 2 "
	    "AND (? = 0 OR user_id = ?) AND (? = '' OR model_name = ?) "
	    "AND (? = '' OR token_name = ?) AND (? = 0 OR channel_id = ?) "
	    "AND (? = '' OR model_name <> ?) AND created_at >= ? AND (? = 0 OR created_at <= ?)";
	struct value user = v_int(f->user_id), model = v_text(f->model_name),
	             key = v_text(f->token_name), channel = v_int(f->channel),
	             no_model = v_text(f->without.model_name), to = v_int(f->to);
	struct log_sums sum = { 0 };
	struct rows rows;

	CHECK(db_query(t->db, sql,
	          BIND(user, user, model, model, key, key, channel, channel, no_model, no_model,
	              v_int(f->from), to, to),
	          &rows, &t->err),
	    &t->err);
	if (rows_next(&rows))
		sum =
		    (struct log_sums){ rows_int(&rows, 0), rows_int(&rows, 1), rows_int(&rows, 2) };
	CHECK(rows_close(&rows, &t->err), &t->err);
	return sum;
}

static void check(struct temp_db *t, const char *when, const struct log_filter *f)
{
	struct log_sums got, want = plain_sum(t, f);

	CHECK(log_sum(t->db, f, &got, &t->err), &t->err);
	if (memcmp(&got, &want, sizeof got) != 0)
		fail_msg("%s: user %d, model '%.*s', channel %d, from %d to %d: got %d of %d "
		         "requests with %d tokens, want %d of %d with %d",
		    when, (int)f->user_id, STR_ARG(f->model_name), (int)f->channel,
		    (int)(f->from - BEGIN), (int)(f->to - BEGIN), (int)got.quota, (int)got.requests,
		    (int)got.tokens, (int)want.quota, (int)want.requests, (int)want.tokens);
}

static void check_all(struct temp_db *t, const char *when)
{
	struct log_filter any = { 0 };

	check(t, when, &any);
	for (any.user_id = 1; any.user_id <= 3; any.user_id++)
		check(t, when, &any);
	for (int i = 0; i < 25; i++) {
		struct log_filter f = some_filter();

		check(t, when, &f);
	}
}

/* What the triggers keep is what the hours say. */
static void check_sums(struct temp_db *t, const char *when)
{
	static const char sql[] =
	    "SELECT COUNT(*) FROM (SELECT user_id, hour FROM ("
	    "SELECT user_id, hour, requests AS n, quota AS q, tokens AS t FROM usage_sums "
	    "UNION ALL SELECT user_id, hour, unlogged_requests - requests, unlogged_quota - quota, "
	    "unlogged_tokens - prompt_tokens - completion_tokens FROM usage_hours "
	    "UNION ALL SELECT -1, hour, unlogged_requests - requests, unlogged_quota - quota, "
	    "unlogged_tokens - prompt_tokens - completion_tokens FROM usage_hours) AS parts "
	    "GROUP BY user_id, hour HAVING SUM(n) <> 0 OR SUM(q) <> 0 OR SUM(t) <> 0) AS wrong";
	int64_t wrong = number(t, sql);

	if (wrong)
		fail_msg("%s: %d hours of usage_sums are wrong", when, (int)wrong);
}

static void insert_some(struct temp_db *t)
{
	for (int i = 0; i < ROWS_A_ROUND; i++) {
		struct logrow row = some_row();

		if (draw(8) == 0)
			CHECK(usage_add_unlogged(t->db, &row, &t->err), &t->err);
		else
			CHECK(logrow_insert(t->db, &row, &t->err), &t->err);
	}
}

/* As the true charge replaces that of a sweep. */
static void take_one_back(struct temp_db *t)
{
	static const char sql[] = "DELETE FROM logs WHERE id = ?";
	int64_t id = number(t, "SELECT COALESCE(MAX(id), 0) FROM logs") - draw(ROWS_A_ROUND);

	CHECK(usage_take_back(t->db, id, &t->err) &&
	        db_run(t->db, sql, BIND(v_int(id)), NULL, &t->err),
	    &t->err);
}

static void clean_up(struct temp_db *t, int64_t before, bool to_the_end)
{
	int64_t id, n;
	bool finished = false;

	CHECK(log_clean_begin(t->db, before, 1, &id, &t->err), &t->err);
	do {
		CHECK(log_clean_step(t->db, &id, &n, &finished, &t->err), &t->err);
	} while (to_the_end && !finished);
}

static void test_random(void **state)
{
	struct temp_db *t = *state;
	char when[32];

	CHECK(db_begin(t->db, &t->err), &t->err);
	for (int i = 0; i < LOG_CLEAN_STEP / ROWS_A_ROUND; i++)
		insert_some(t);
	CHECK(db_commit(t->db, &t->err), &t->err);
	for (int round = 0; round < ROUNDS; round++) {
		bool more;

		snprintf(when, sizeof when, "round %d", round);
		insert_some(t);
		if (draw(3) == 0)
			CHECK(usage_step(t->db, &more, &t->err), &t->err);
		take_one_back(t);
		check_all(t, when);
		if (round % 10 == 9)
			clean_up(t, BEGIN + round * USAGE_HOUR_S / 3 + draw(5000), round != 19);
		check_all(t, when);
		check_sums(t, when);
	}
	assert_true(number(t, "SELECT cleaned_before FROM usage_mark") > BEGIN);
}

/* A new hour is one row more, not as many as there are models and keys. */
static void test_few_rows(void **state)
{
	static const char sql[] = "SELECT COUNT(*) FROM usage_sums WHERE user_id = -1";
	struct temp_db *t = *state;

	for (int i = 0; i < 40; i++)
		insert_some(t);
	CHECK(usage_catch_up(t->db, &t->err), &t->err);
	assert_true(number(t, "SELECT COUNT(*) FROM usage_hours") > 10 * HOURS);
	assert_true(number(t, sql) <= HOURS + 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		DB_TEST(test_random),
		DB_TEST(test_few_rows),
	};

	return temp_db_run("logstats", tests, COUNT_OF(tests));
}
