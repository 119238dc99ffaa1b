/* crowd.h — many requests at once, and whether the books agree when they are over
 *
 *	static struct crowd all[500];
 *
 *	crowd_run(s, u.key, body, all, COUNT_OF(all));
 *	assert_int_equal(crowd_count(all, COUNT_OF(all), 200, ""), 100);
 *	books_agree(s, "limited key", u.id, granted);
 *
 * For the flow tests about money; included once by each.
 */
#ifndef TESTS_FLOW_CROWD_H
#define TESTS_FLOW_CROWD_H

#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../stack.h"

#define CROWD_STACK_BYTES ((size_t)512 * 1024)

/* One request and what came of it. */
struct crowd {
	struct stack *s;
	const char *key, *body;
	pthread_t thread;
	int status;
	char code[48]; /* of an error */
	int64_t took_ms;
};

static void *crowd_member(void *arg)
{
	struct crowd *c = arg;
	int64_t start = stack_now_ms();
	struct stack_reply *r = stack_post(c->s, STACK_CHAT, c->key, c->body);

	c->status = r->status;
	snprintf(c->code, sizeof(c->code), "%s", stack_text(r->json, "error.code"));
	c->took_ms = stack_now_ms() - start;
	return NULL;
}

/* Each in a thread of its own, all at once. */
static UNUSED void crowd_start(struct stack *s, const char *key, const char *body,
    struct crowd *all, size_t n)
{
	pthread_attr_t small;

	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, CROWD_STACK_BYTES);
	for (size_t i = 0; i < n; i++) {
		all[i] = (struct crowd){ .s = s, .key = key, .body = body };
		if (pthread_create(&all[i].thread, &small, crowd_member, &all[i]) != 0)
			fail_msg("no thread for request %zu", i);
	}
	pthread_attr_destroy(&small);
}

static UNUSED void crowd_join(struct crowd *all, size_t n)
{
	for (size_t i = 0; i < n; i++)
		pthread_join(all[i].thread, NULL);
}

static UNUSED void crowd_run(struct stack *s, const char *key, const char *body, struct crowd *all,
    size_t n)
{
	crowd_start(s, key, body, all, n);
	crowd_join(all, n);
}

/* How many ended so; code NULL: whatever it is. */
static UNUSED size_t crowd_count(const struct crowd *all, size_t n, int status, const char *code)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += all[i].status == status && (!code || strcmp(all[i].code, code) == 0);
	return count;
}

/* ---- the books -------------------------------------------------------------------------- */

static UNUSED void books_want(const char *name, const char *what, int64_t got, int64_t want)
{
	if (got != want)
		fail_msg("%s: %s is %" PRId64 ", want %" PRId64, name, what, got, want);
}

/* What must hold of all rows at any moment: what users, keys and channels used is what was logged
 * for them. (Keys deleted with their rows do not exist here: a deleted key keeps its row.) */
static UNUSED void books_match_logs(struct stack *s, const char *name)
{
	static const struct {
		const char *what, *sql;
	} wrong[] = {
		{ "users whose used_quota is not what was logged",
		    "SELECT count(*) FROM users u WHERE used_quota <> (SELECT coalesce(sum(quota), "
		    "0) "
		    "FROM logs WHERE type = 2 AND user_id = u.id)" },
		{ "users whose request_count is not what was logged",
		    "SELECT count(*) FROM users u WHERE request_count <> (SELECT count(*) "
		    "FROM logs WHERE type = 2 AND user_id = u.id)" },
		{ "keys whose used_quota is not what was logged",
		    "SELECT count(*) FROM tokens t WHERE used_quota <> (SELECT "
		    "coalesce(sum(quota), 0) "
		    "FROM logs WHERE type = 2 AND token_id = t.id)" },
		{ "channels whose used_quota is not what was logged",
		    "SELECT count(*) FROM channels c WHERE used_quota <> "
		    "(SELECT coalesce(sum(quota), 0) FROM logs WHERE type = 2 AND channel_id = "
		    "c.id)" },
		{ "requests that were charged twice",
		    "SELECT count(*) - count(DISTINCT request_id) FROM logs WHERE type = 2" },
	};

	for (size_t i = 0; i < COUNT_OF(wrong); i++)
		books_want(name, wrong[i].what, stack_sql_int(s, wrong[i].sql), 0);
}

/* To the last quota: granted - left - reserved = charged, of the user. */
static UNUSED void books_agree(struct stack *s, const char *name, int64_t user_id, int64_t granted)
{
	struct stack_sums sums = stack_sums(s, user_id);

	books_want(name, "granted - left - reserved - charged",
	    granted - sums.quota - sums.reserved - sums.charged, 0);
	books_match_logs(s, name);
}

/* The same of one limited key. */
static UNUSED void books_agree_of_key(struct stack *s, const char *name, int64_t key_id,
    int64_t granted)
{
	char sql[256];

	snprintf(sql, sizeof(sql),
	    "SELECT remain_quota + used_quota + (SELECT coalesce(sum(amount), 0) FROM "
	    "reservations WHERE token_id = t.id) FROM tokens t WHERE id = %" PRId64,
	    key_id);
	books_want(name, "left + used + reserved of the key", stack_sql_int(s, sql), granted);
}

/* Waits until that number is at least so much. */
static UNUSED void wait_for_number(struct stack *s, const char *sql, int64_t least)
{
	int64_t until = stack_now_ms() + 60000;

	while (stack_sql_int(s, sql) < least) {
		if (stack_now_ms() > until)
			fail_msg("%s: %" PRId64 ", want %" PRId64, sql, stack_sql_int(s, sql),
			    least);
		stack_sleep_ms(5);
	}
}

/* One column of a table's row. */
static UNUSED int64_t column_of(struct stack *s, const char *table, const char *column, int64_t id)
{
	char sql[256];

	snprintf(sql, sizeof(sql), "SELECT %s FROM %s WHERE id = %" PRId64, column, table, id);
	return stack_sql_int(s, sql);
}

/* The same of the newest log row. */
static UNUSED int64_t last_log(struct stack *s, const char *column)
{
	char sql[256];

	snprintf(sql, sizeof(sql), "SELECT %s FROM logs ORDER BY id DESC LIMIT 1", column);
	return stack_sql_int(s, sql);
}

#endif
