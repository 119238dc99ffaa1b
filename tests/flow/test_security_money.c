/* test_security_money.c — balances, prices and codes that one-api let others change, or change without
 * a trace; the index of the security register is in test_security_register.c
 */
#include <pthread.h>
#include <stdatomic.h>

#include "attack.h"

/* ---- money ------------------------------------------------------------------------------------ */

struct meddler {
	struct stack *s;
	const struct stack_user *u;
	atomic_bool stop;
	int calls;
};

/* What a user may do all day long: none of it is about the balance. */
static void *meddle(void *arg)
{
	struct meddler *m = arg;

	while (!atomic_load(&m->stop)) {
		static const struct {
			const char *method, *path, *body;
		} calls[] = {
			{ "GET", "/api/user/token", NULL },
			{ "GET", "/api/user/aff", NULL },
			{ "PUT", "/api/user/self", "{\"display_name\":\"me\"}" },
		};

		stack_http(m->s,
		    &(struct stack_ask){ .method = calls[m->calls % 3].method,
		        .path = calls[m->calls % 3].path,
		        .body = calls[m->calls % 3].body,
		        .cookie = m->u->cookie,
		        .from = "10.200.0.1" });
		m->calls++;
	}
	return NULL;
}

static void s3_lost_updates(void **state)
{
	struct stack *s = *state;
	struct stack_user u = stack_user(s, &(struct stack_person){ .quota = 5000000 });
	int64_t id = stack_channel(s, &(struct stack_channel){ .models = "gpt-4o" });
	struct meddler m = { .s = s, .u = &u };
	struct stack_sums sums;
	struct stack_reply *form;
	cJSON *object;
	pthread_t thread;
	char *body;

	form = stack_root(s, "GET", stack_fmt("/api/user/%" PRId64, u.id), NULL);
	must_work("the form", form);
	pthread_create(&thread, NULL, meddle, &m);
	for (int i = 0; i < 25; i++)
		assert_int_equal(stack_post(s, STACK_CHAT, u.key, CHAT_BODY)->status, 200);
	atomic_store(&m.stop, true);
	pthread_join(thread, NULL);
	assert_true(m.calls > 10);
	assert_true(stack_wait_settled(s, 5000));
	sums = stack_sums(s, u.id);
	assert_int_equal(sums.charges, 25);
	assert_true(sums.charged > 0);
	assert_int_equal(sums.quota, 5000000 - sums.charged);
	assert_int_equal(sums.used_quota, sums.charged);

	/* saved as it was before all that, with another name */
	object = cJSON_Duplicate(stack_at(form->json, "data"), true);
	cJSON_ReplaceItemInObject(object, "display_name", cJSON_CreateString("saved"));
	body = cJSON_PrintUnformatted(object);
	must_work("saved", stack_root(s, "PUT", "/api/user/", body));
	cJSON_free(body);
	cJSON_Delete(object);
	assert_int_equal(stack_sums(s, u.id).quota, 5000000 - sums.charged);
	assert_int_equal(stack_sums(s, u.id).used_quota, sums.charged);
	assert_int_equal(
	    stack_sql_int(s,
	        stack_fmt(
	            "SELECT COUNT(*) FROM users WHERE display_name = 'saved' AND id = %" PRId64,
	            u.id)),
	    1);
	stack_channel_delete(s, id);
}

struct racer {
	struct stack *s;
	const struct stack_user *u;
	const char *body;
	int number;
	bool won;
};

static void *redeem_it(void *arg)
{
	struct racer *r = arg;
	struct stack_reply *reply;
	char from[32];

	snprintf(from, sizeof from, "10.201.0.%d", r->number + 1);
	reply = stack_http(r->s,
	    &(struct stack_ask){ .path = "/api/user/topup",
	        .body = r->body,
	        .cookie = r->u->cookie,
	        .from = from });
	r->won = cJSON_IsTrue(stack_at(reply->json, "success"));
	return NULL;
}

static void s4_redemption_race(void **state)
{
	struct stack *s = *state;
	struct stack_user people[4];
	struct racer racers[50];
	pthread_t threads[COUNT_OF(racers)];
	int64_t sum = 0;
	int won = 0;
	char body[128];

	for (size_t i = 0; i < COUNT_OF(people); i++)
		people[i] = stack_user(s, &(struct stack_person){ .quota = 100 });
	snprintf(body, sizeof body, "{\"key\":\"%s\"}",
	    cJSON_GetStringValue(
	        cJSON_GetArrayItem(stack_api(s, "POST", "/api/redemption/",
	                               "{\"name\":\"s4\",\"quota\":5000,\"count\":1}"),
	            0)));
	for (size_t i = 0; i < COUNT_OF(racers); i++) {
		racers[i] = (struct racer){ s, &people[i % COUNT_OF(people)], body, (int)i, false };
		pthread_create(&threads[i], NULL, redeem_it, &racers[i]);
	}
	for (size_t i = 0; i < COUNT_OF(racers); i++) {
		pthread_join(threads[i], NULL);
		won += racers[i].won;
	}
	for (size_t i = 0; i < COUNT_OF(people); i++)
		sum += stack_sums(s, people[i].id).quota;
	assert_int_equal(won, 1);
	assert_int_equal(sum, 4 * 100 + 5000);
}

/* ---- what administrators can change ------------------------------------------------------------ */

static void is_noted(struct stack *s, const struct stack_user *u, const char *action)
{
	if (stack_sql_int(s,
	        stack_fmt("SELECT COUNT(*) FROM audits WHERE user_id = %" PRId64
	                  " AND action = '%s'",
	            u->id, action)) < 1)
		fail_msg("%s: no row says who did it", action);
}

static void s13_without_a_trace(void **state)
{
	struct stack *s = *state;
	struct stack_user admin = stack_user(s, &(struct stack_person){ .role = 10 });
	struct stack_reply *r;
	char code[64];
	int64_t id;

	must_work("a credit to oneself",
	    stack_as(s, &admin, "POST", "/api/topup",
	        stack_fmt("{\"user_id\":%" PRId64 ",\"quota\":777}", admin.id)));
	is_noted(s, &admin, "POST /api/topup");

	r = stack_as(s, &admin, "POST", "/api/redemption/",
	    "{\"name\":\"s13\",\"quota\":5,\"count\":1}");
	must_work("a code", r);
	snprintf(code, sizeof code, "%s", stack_text(r->json, "data.0"));
	id = stack_sql_int(s, "SELECT MAX(id) FROM redemptions");
	must_work("used",
	    stack_as(s, &admin, "POST", "/api/user/topup", stack_fmt("{\"key\":\"%s\"}", code)));
	must_fail("good again",
	    stack_as(s, &admin, "PUT", "/api/redemption/?status_only=true",
	        stack_fmt("{\"id\":%" PRId64 ",\"status\":1}", id)));
	must_fail("used again",
	    stack_as(s, &admin, "POST", "/api/user/topup", stack_fmt("{\"key\":\"%s\"}", code)));

	r = stack_as(s, &admin, "DELETE",
	    stack_fmt("/api/log/?target_timestamp=%" PRId64,
	        stack_sql_int(s, "SELECT MAX(created_at) + 10 FROM logs")),
	    NULL);
	must_work("the whole log", r);
	is_noted(s, &admin, "DELETE /api/log");
	if (stack_sql_int(s,
	        stack_fmt("SELECT COUNT(*) FROM logs WHERE user_id = %" PRId64 " AND type = 3",
	            admin.id)) < 1)
		fail_msg("the log does not say that it was cleared");
	must_fail("nor is the audit log theirs", stack_as(s, &admin, "GET", "/api/audit", NULL));
	must_fail("no such route", stack_as(s, &admin, "DELETE", "/api/audit", NULL));
}

static int64_t cost_of_a_call(struct stack *s, const struct stack_user *u)
{
	struct stack_sums before = stack_sums(s, u->id), after;

	assert_int_equal(stack_post(s, STACK_CHAT, u->key, CHAT_BODY)->status, 200);
	assert_true(stack_wait_settled(s, 3000));
	after = stack_sums(s, u->id);
	return before.quota - after.quota;
}

static void s15_options_and_leftovers(void **state)
{
	static const char *const bad[] = { "{\\\"gpt-4o\\\":", "[]", "{\\\"gpt-4o\\\":-1}",
		"{\\\"gpt-4o\\\":\\\"free\\\"}" };
	struct stack *s = *state;
	struct stack_user u = stack_user(s, &(struct stack_person){ .quota = 5000000 });
	int64_t id = stack_channel(s, &(struct stack_channel){ .models = "gpt-4o" });
	int64_t gone = stack_channel(s, &(struct stack_channel){ .models = "gpt-4,gpt-4o-mini" });
	int64_t cost = cost_of_a_call(s, &u);

	assert_true(cost > 0);
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		must_fail(bad[i],
		    stack_root(s, "PUT", "/api/option/",
		        stack_fmt("{\"key\":\"ModelRatio\",\"value\":\"%s\"}", bad[i])));
		must_fail(bad[i],
		    stack_root(s, "PUT", "/api/option/",
		        stack_fmt("{\"key\":\"GroupRatio\",\"value\":\"%s\"}",
		            strcmp(bad[i], "{\\\"gpt-4o\\\":-1}") ? bad[i]
		                                                  : "{\\\"default\\\":-1}")));
	}
	stack_wait_catalog(s);
	assert_int_equal(cost_of_a_call(s, &u), cost);

	stack_api(s, "PUT", "/api/channel/", "{\"id\":%" PRId64 ",\"status\":2}", gone);
	stack_api(s, "DELETE", "/api/channel/disabled", NULL);
	assert_int_equal(
	    stack_sql_int(s,
	        stack_fmt("SELECT COUNT(*) FROM abilities WHERE channel_id = %" PRId64, gone)),
	    0);
	assert_int_equal(stack_sql_int(s,
	                     "SELECT COUNT(*) FROM abilities WHERE channel_id NOT IN "
	                     "(SELECT id FROM channels)"),
	    0);
	stack_channel_delete(s, id);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(s3_lost_updates),
		cmocka_unit_test(s4_redemption_race),
		cmocka_unit_test(s13_without_a_trace),
		cmocka_unit_test(s15_options_and_leftovers),
	};

	return stack_run("security of money", tests, COUNT_OF(tests), NULL);
}
