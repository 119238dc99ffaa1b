/* test_gate.c — who may ask at all (relay.md section 2): every form of a key, every refusal
 *
 * Whatever is refused must cost nothing and reach no upstream: checked after every row.
 */
#include "../stack.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define ROOT_KEY "root-key-with-7"
#define SAID "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"
#define BODY(model) "{\"model\":\"" model "\"," SAID

/* A key with a dash: the whole text is looked up before its end is taken for a channel. */
static const char *const env[] = { "INITIAL_ROOT_TOKEN=" ROOT_KEY, NULL };

/* One user and one channel for all tests. */
static struct stack_user user;
static int64_t channel;

static void set_up(struct stack *s)
{
	if (channel)
		return;
	channel = stack_channel(s, &(struct stack_channel){ .models = "gpt-4o,gpt-4o-mini" });
	user = stack_user(s, &(struct stack_person){ .quota = 10000000 });
}

/* What must not have moved while something was refused. */
struct before {
	struct stack_sums sums;
	int64_t requests;
};

static struct before note(struct stack *s)
{
	assert_true(stack_wait_settled(s, 2000));
	return (struct before){ stack_sums(s, 0), stack_stats(s).requests };
}

static void check_untouched(struct stack *s, const char *name, const struct before *b)
{
	struct before now = note(s);

	if (memcmp(&now.sums, &b->sums, sizeof(now.sums)) != 0)
		fail_msg("%s: the sums have moved, user quota %" PRId64 " to %" PRId64, name,
		    b->sums.quota, now.sums.quota);
	if (now.requests != b->requests)
		fail_msg("%s: the upstream was asked", name);
}

/* ---- 2.1: forms of a key -------------------------------------------------------------------- */

/* clang-format off */
static const struct {
	const char *name, *header, *prefix;
	bool with_channel, with_root;
	int status;
} forms[] = {
	{ "usual", "Authorization", "Bearer sk-", false, false, 200 },
	{ "without scheme", "Authorization", "sk-", false, false, 200 },
	{ "without sk-", "Authorization", "Bearer ", false, false, 200 },
	{ "bare", "Authorization", "", false, false, 200 },
	{ "scheme in lower case", "Authorization", "bearer sk-", false, false, 200 },
	{ "scheme in upper case, blanks", "Authorization", "BEARER   sk-", false, false, 200 },
	{ "Anthropic", "x-api-key", "sk-", false, false, 200 },
	{ "Anthropic, bare", "X-Api-Key", "", false, false, 200 },
	{ "Azure", "api-key", "sk-", false, false, 200 },
	{ "root, with dashes", "Authorization", "Bearer sk-", false, true, 200 },
	{ "root picks a channel", "Authorization", "Bearer sk-", true, true, 200 },
	{ "root picks in x-api-key", "x-api-key", "sk-", true, true, 200 },
	{ "a user picks a channel", "Authorization", "Bearer sk-", true, false, 403 },
	{ "other scheme", "Authorization", "Basic sk-", false, false, 401 },
	{ "Google", "x-goog-api-key", "sk-", false, false, 401 },
	{ "SK-", "Authorization", "Bearer SK-", false, false, 401 },
};
/* clang-format on */

static void test_forms(void **state)
{
	struct stack *s = *state;

	set_up(s);
	for (size_t i = 0; i < COUNT_OF(forms); i++) {
		char line[256], end[32] = "";
		const char *const headers[] = { line, NULL };
		struct stack_reply *r;

		if (forms[i].with_channel)
			snprintf(end, sizeof(end), "-%" PRId64, channel);
		snprintf(line, sizeof(line), "%s: %s%s%s", forms[i].header, forms[i].prefix,
		    forms[i].with_root ? ROOT_KEY : user.key, end);
		r = stack_http(s,
		    &(struct stack_ask){ .path = STACK_CHAT,
		        .headers = headers,
		        .body = BODY("gpt-4o") });
		if (r->status != forms[i].status)
			fail_msg("%s: status %d, want %d: %s", forms[i].name, r->status,
			    forms[i].status, r->body.data);
	}
}

static void test_authorization_wins(void **state)
{
	struct stack *s = *state;
	char good[128];
	const char *const headers[] = { "Authorization: Bearer sk-wrong", good, NULL };

	set_up(s);
	snprintf(good, sizeof(good), "x-api-key: %s", user.key);
	stack_check_error("a wrong key beside a good one",
	    stack_http(s, &(struct stack_ask){ .path = "/v1/models", .headers = headers }), 401,
	    "one_api_error", "invalid_api_key", NULL);
}

/* A key in a URL lands in logs, so it is no key. */
static void test_no_key_in_url(void **state)
{
	struct stack *s = *state;
	char path[256];

	set_up(s);
	snprintf(path, sizeof(path), "/v1/models?key=%s&api-key=%s", user.key, user.key);
	stack_check_error("key in the URL", stack_http(s, &(struct stack_ask){ .path = path }), 401,
	    "one_api_error", "missing_api_key", NULL);
}

/* ---- 2.2: checks in their order -------------------------------------------------------------- */

#define PAST "1600000000"

/* clang-format off */
static const struct refusal {
	const char *name;
	const char *key;      /* NULL: a fresh key made of key_json */
	const char *key_json;
	const char *sql;      /* done to that key, $ is its id */
	const char *from;
	const char *body;
	int status;
	const char *code, *en, *zh;
	bool names_key;       /* the message has its name and id */
	const char *undo;     /* SQL */
	int then;             /* status of the key's row afterwards, 0: whatever */
} refusals[] = {
	{ .name = "1 no key", .key = "", .status = 401, .code = "missing_api_key",
		.en = "no API key", .zh = "未提供" },
	{ .name = "2 unknown key", .key = "Zm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFy",
		.status = 401, .code = "invalid_api_key", .en = "not valid", .zh = "无效" },
	{ .name = "2 unknown key with a channel", .key = "unknown-12", .status = 401,
		.code = "invalid_api_key", .en = "not valid", .zh = "无效" },
	{ .name = "2 SQL in a key", .key = "' OR 1=1 --", .status = 401,
		.code = "invalid_api_key", .en = "not valid", .zh = "无效" },
	{ .name = "4 exhausted", .sql = "UPDATE tokens SET status = 4 WHERE id = $", .status = 401,
		.code = "token_exhausted", .en = "used up", .zh = "额度", .names_key = true, .then = 4 },
	{ .name = "5 expired", .sql = "UPDATE tokens SET status = 3 WHERE id = $", .status = 401,
		.code = "token_expired", .en = "expired", .zh = "过期", .then = 3 },
	{ .name = "6 disabled", .sql = "UPDATE tokens SET status = 2 WHERE id = $", .status = 401,
		.code = "token_disabled", .en = "disabled", .zh = "不可用", .then = 2 },
	{ .name = "6 status 0", .sql = "UPDATE tokens SET status = 0 WHERE id = $", .status = 401,
		.code = "token_disabled", .en = "disabled", .zh = "不可用" },
	{ .name = "7 time is over", .key_json = "\"unlimited_quota\":true,\"expired_time\":" PAST,
		.status = 401, .code = "token_expired", .en = "expired", .zh = "过期", .then = 3 },
	{ .name = "8 nothing left", .key_json = "\"remain_quota\":0", .status = 401,
		.code = "token_exhausted", .en = "used up", .zh = "额度", .then = 4 },
	{ .name = "8 less than nothing", .key_json = "\"remain_quota\":1",
		.sql = "UPDATE tokens SET remain_quota = -5 WHERE id = $", .status = 401,
		.code = "token_exhausted", .en = "used up", .zh = "额度", .then = 4 },
	{ .name = "9 other network", .key_json = "\"unlimited_quota\":true,\"subnet\":\"10.0.0.0/8\"",
		.from = "192.0.2.77", .status = 403, .code = "subnet_denied", .en = "192.0.2.77",
		.zh = "192.0.2.77" },
	{ .name = "11 user disabled", .sql = "UPDATE users SET status = 2 WHERE id = (SELECT user_id FROM tokens WHERE id = $)",
		.undo = "UPDATE users SET status = 1 WHERE username LIKE 'user%'", .status = 403,
		.code = "user_disabled", .en = "disabled", .zh = "封禁" },
	{ .name = "11 user deleted", .sql = "UPDATE users SET status = 3 WHERE id = (SELECT user_id FROM tokens WHERE id = $)",
		.undo = "UPDATE users SET status = 1 WHERE username LIKE 'user%'", .status = 403,
		.code = "user_disabled", .en = "disabled", .zh = "封禁" },
	{ .name = "12 no JSON", .body = "model=gpt-4o", .status = 400, .code = "invalid_json" },
	{ .name = "12 no body", .body = "", .status = 400, .code = "invalid_json" },
	{ .name = "13 model not in the list", .key_json = "\"unlimited_quota\":true,\"models\":\"gpt-4o-mini\"",
		.status = 403, .code = "model_not_allowed", .en = "gpt-4o", .zh = "gpt-4o" },

	/* two reasons: the earlier check speaks */
	{ .name = "4 before 9", .key_json = "\"unlimited_quota\":true,\"subnet\":\"10.0.0.0/8\"",
		.from = "192.0.2.77", .sql = "UPDATE tokens SET status = 4 WHERE id = $", .status = 401,
		.code = "token_exhausted" },
	{ .name = "7 before 8", .key_json = "\"remain_quota\":0,\"expired_time\":" PAST, .status = 401,
		.code = "token_expired" },
	{ .name = "8 before 9", .key_json = "\"remain_quota\":0,\"subnet\":\"10.0.0.0/8\"",
		.from = "192.0.2.77", .status = 401, .code = "token_exhausted" },
	{ .name = "9 before 12", .key_json = "\"unlimited_quota\":true,\"subnet\":\"10.0.0.0/8\"",
		.from = "192.0.2.77", .body = "{", .status = 403, .code = "subnet_denied" },
	{ .name = "12 before 13", .key_json = "\"unlimited_quota\":true,\"models\":\"gpt-4o-mini\"",
		.body = "{\"model\":", .status = 400, .code = "invalid_json" },
};
/* clang-format on */

/* The statement with its $ as the id. */
static void run_sql(struct stack *s, const char *sql, int64_t id)
{
	const char *hole = strchr(sql, '$');
	char text[512];

	if (hole)
		snprintf(text, sizeof(text), "%.*s%" PRId64 "%s", (int)(hole - sql), sql, id,
		    hole + 1);
	else
		snprintf(text, sizeof(text), "%s", sql);
	stack_sql(s, text);
}

static struct stack_reply *ask_as(struct stack *s, const struct refusal *f, const char *key,
    const char *path, const char *body, const char *language)
{
	const char *const headers[] = { language, NULL };

	return stack_http(s,
	    &(struct stack_ask){ .path = path,
	        .key = *key ? key : NULL,
	        .from = f->from,
	        .headers = headers,
	        .body = body,
	        .method = body ? "POST" : "GET" });
}

/* What was found out is noted in the row soon after the refusal. */
static void wait_key_status(struct stack *s, const char *name, int64_t id, int want)
{
	int64_t until = stack_now_ms() + 60000, got;
	char sql[96];

	snprintf(sql, sizeof(sql), "SELECT status FROM tokens WHERE id = %" PRId64, id);
	while ((got = stack_sql_int(s, sql)) != want) {
		if (stack_now_ms() > until)
			fail_msg("%s: the row has status %" PRId64 ", want %d", name, got, want);
		stack_sleep_ms(10);
	}
}

static void check_refusal(struct stack *s, const struct refusal *f)
{
	bool by_key = f->status != 400 && strcmp(f->code, "model_not_allowed") != 0;
	const char *body = f->body ? f->body : BODY("gpt-4o");
	char key[64] = "", name[64];
	struct stack_reply *r;
	struct before b;
	int64_t id = 0;

	if (f->key)
		snprintf(key, sizeof(key), "%s", f->key);
	else
		id = stack_key(s, &user, f->key_json, key);
	if (f->sql)
		run_sql(s, f->sql, id);
	b = note(s);

	r = ask_as(s, f, key, STACK_CHAT, body, "Accept-Language: en-US,zh;q=0.5");
	stack_check_error(f->name, r, f->status, "one_api_error", f->code, f->en);
	snprintf(name, sizeof(name), "key of %s (#%" PRId64 ")", user.name, id);
	if (f->names_key && !strstr(r->body.data, name))
		fail_msg("%s: no '%s' in %s", f->name, name, r->body.data);
	if (f->then)
		wait_key_status(s, f->name, id, f->then);
	r = ask_as(s, f, key, STACK_CHAT, body, "Accept-Language: zh-CN,zh;q=0.9,en;q=0.8");
	stack_check_error(f->name, r, f->status, "one_api_error", f->code, f->zh);
	if (by_key) {
		r = ask_as(s, f, key, "/v1/models", NULL, "Accept-Language: en");
		stack_check_error(f->name, r, f->status, "one_api_error", f->code, f->en);
		r = ask_as(s, f, key, "/v1/files", NULL, "Accept-Language: ZH-tw");
		stack_check_error(f->name, r, f->status, "one_api_error", f->code, f->zh);
	}
	check_untouched(s, f->name, &b);
	if (f->undo)
		run_sql(s, f->undo, 0);
}

static void test_refusals(void **state)
{
	struct stack *s = *state;

	set_up(s);
	for (size_t i = 0; i < COUNT_OF(refusals); i++)
		check_refusal(s, &refusals[i]);
}

/* Row 3: the database fails while the key is looked up. It is not the client's fault. */
static void test_database_away(void **state)
{
	struct stack *s = *state;
	struct stack_reply *en, *zh;
	const char *const chinese[] = { "Accept-Language: zh", NULL };

	set_up(s);
	stack_sql(s, "ALTER TABLE tokens RENAME TO tokens_away");
	en = stack_post(s, STACK_CHAT, user.key, BODY("gpt-4o"));
	zh = stack_http(s,
	    &(struct stack_ask){ .path = "/v1/models", .key = user.key, .headers = chinese });
	stack_sql(s, "ALTER TABLE tokens_away RENAME TO tokens");
	stack_check_error("3 database", en, 500, "one_api_error", "token_check_failed",
	    "could not be checked");
	stack_check_error("3 database", zh, 500, "one_api_error", "token_check_failed", "失败");
	assert_null(strstr(en->body.data, "tokens"));
	assert_int_equal(stack_post(s, STACK_CHAT, user.key, BODY("gpt-4o"))->status, 200);
}

/* ---- subnet ------------------------------------------------------------------------------------
 */

/* clang-format off */
static const struct {
	const char *name, *subnet, *from;
	int status;
} subnets[] = {
	{ "inside", "192.0.2.0/24", "192.0.2.200", 200 },
	{ "outside", "192.0.2.0/24", "192.0.3.1", 403 },
	{ "second of a list with blanks", "10.0.0.0/8, 192.0.2.0/24", "192.0.2.1", 200 },
	{ "one address", "192.0.2.5/32", "192.0.2.5", 200 },
	{ "the one beside it", "192.0.2.5/32", "192.0.2.6", 403 },
	{ "IPv6 inside", "2001:db8::/32", "2001:db8:1::7", 200 },
	{ "IPv6 outside", "2001:db8::/32", "2001:db9::7", 403 },
	{ "IPv4 key from IPv6", "192.0.2.0/24", "2001:db8::1", 403 },
	{ "everywhere", "0.0.0.0/0", "192.0.2.1", 200 },
	{ "the hop that we do not trust counts", "192.0.2.0/24", "192.0.2.1, 198.51.100.9", 403 },
	{ "not what the client made up", "192.0.2.0/24", "198.51.100.9, 192.0.2.1", 200 },
	{ "without the header it is the peer", "127.0.0.0/8", NULL, 200 },
};
/* clang-format on */

static void test_subnets(void **state)
{
	struct stack *s = *state;

	set_up(s);
	for (size_t i = 0; i < COUNT_OF(subnets); i++) {
		char key[64], json[256];
		struct stack_reply *r;

		snprintf(json, sizeof(json), "\"unlimited_quota\":true,\"subnet\":\"%s\"",
		    subnets[i].subnet);
		stack_key(s, &user, json, key);
		r = stack_http(s,
		    &(struct stack_ask){ .path = "/v1/models",
		        .key = key,
		        .from = subnets[i].from });
		if (r->status != subnets[i].status)
			fail_msg("%s: status %d, want %d: %s", subnets[i].name, r->status,
			    subnets[i].status, r->body.data);
	}
}

/* ---- model list ---------------------------------------------------------------------------------
 */

/* clang-format off */
static const struct {
	const char *name, *models, *path, *body;
	int status;
	const char *code;
} lists[] = {
	{ "in it", "gpt-4o", STACK_CHAT, BODY("gpt-4o"), 200, NULL },
	{ "not in it", "gpt-4o", STACK_CHAT, BODY("gpt-4o-mini"), 403, "model_not_allowed" },
	{ "case counts", "gpt-4o", STACK_CHAT, BODY("GPT-4o"), 403, "model_not_allowed" },
	{ "a prefix is another name", "gpt-4o-mini", STACK_CHAT, BODY("gpt-4o"), 403, "model_not_allowed" },
	{ "blanks in the list", "gpt-3.5, gpt-4o ", STACK_CHAT, BODY("gpt-4o"), 200, NULL },
	{ "no model at all", "gpt-4o", STACK_CHAT, "{" SAID, 400, "invalid_text_request" },
	{ "the last of two members", "gpt-4o", STACK_CHAT, "{\"model\":\"gpt-4o\",\"model\":\"gpt-4o-mini\"," SAID, 403, "model_not_allowed" },
	{ "an escaped second one", "gpt-4o", STACK_CHAT, "{\"model\":\"gpt-4o\",\"mod\\u0065l\":\"gpt-4o-mini\"," SAID, 403, "model_not_allowed" },
	{ "completions", "gpt-4o", "/v1/completions", "{\"model\":\"gpt-4o-mini\",\"prompt\":\"x\"}", 403, "model_not_allowed" },
	{ "embeddings", "gpt-4o", "/v1/embeddings", "{\"model\":\"gpt-4o-mini\",\"input\":\"x\"}", 403, "model_not_allowed" },
	{ "embeddings, model in the path", "gpt-4o", "/v1/engines/gpt-4o-mini/embeddings", "{\"input\":\"x\"}", 403, "model_not_allowed" },
	{ "embeddings, allowed in the path, other in the body", "gpt-4o", "/v1/engines/gpt-4o/embeddings", "{\"model\":\"gpt-4o-mini\",\"input\":\"x\"}", 403, "model_not_allowed" },
	{ "what no channel has", "nosuch", STACK_CHAT, BODY("nosuch"), 503, "no_channel" },
};
/* clang-format on */

static void test_model_lists(void **state)
{
	struct stack *s = *state;

	set_up(s);
	for (size_t i = 0; i < COUNT_OF(lists); i++) {
		char key[64], json[256];
		struct stack_reply *r;
		struct before b;

		snprintf(json, sizeof(json), "\"unlimited_quota\":true,\"models\":\"%s\"",
		    lists[i].models);
		stack_key(s, &user, json, key);
		b = note(s);
		r = stack_post(s, lists[i].path, key, lists[i].body);
		if (!lists[i].code) {
			if (r->status != 200)
				fail_msg("%s: status %d: %s", lists[i].name, r->status,
				    r->body.data);
			continue;
		}
		stack_check_error(lists[i].name, r, lists[i].status, "one_api_error", lists[i].code,
		    NULL);
		check_untouched(s, lists[i].name, &b);
	}
}

/* ---- a channel picked by the key
 * ----------------------------------------------------------------- */

static struct stack_reply *ask_pinned(struct stack *s, const char *key, int64_t id,
    const char *model)
{
	char pinned[128], body[256];

	snprintf(pinned, sizeof(pinned), "%s-%" PRId64, key, id);
	snprintf(body, sizeof(body), "{\"model\":\"%s\"," SAID, model);
	return stack_post(s, STACK_CHAT, pinned, body);
}

static void check_pinned(struct stack *s, const char *name, const char *key, int64_t id, int status,
    const char *code)
{
	struct before b = note(s);

	stack_check_error(name, ask_pinned(s, key, id, "gpt-4o"), status, "one_api_error", code,
	    NULL);
	check_untouched(s, name, &b);
}

static void test_pinned_channel(void **state)
{
	struct stack *s = *state;
	struct stack_user admin;
	struct stack_reply *r;
	int64_t other, off;

	set_up(s);
	admin = stack_user(s, &(struct stack_person){ .quota = 1000000, .role = 10 });
	other = stack_channel(s,
	    &(struct stack_channel){ .models = "gpt-4.1",
	        .group = "vip",
	        .key = "sk-of-the-other" });
	off = stack_channel(s, &(struct stack_channel){ .models = "gpt-4o" });
	stack_api(s, "PUT", "/api/channel/", "{\"id\":%" PRId64 ",\"status\":2}", off);
	stack_wait_catalog(s);

	/* It need serve neither the model nor the group. */
	r = ask_pinned(s, admin.key, other, "gpt-4o");
	assert_int_equal(r->status, 200);
	assert_string_equal(stack_text(stack_last(s), "headers.authorization"),
	    "Bearer sk-of-the-other");
	assert_int_equal(ask_pinned(s, ROOT_KEY, channel, "gpt-4o")->status, 200);

	check_pinned(s, "a common user", user.key, other, 403, "channel_pick_denied");
	check_pinned(s, "disabled", admin.key, off, 403, "channel_disabled");
	check_pinned(s, "unknown", admin.key, 999, 400, "invalid_channel");
	r = stack_http(s,
	    &(struct stack_ask){ .path = "/v1/models",
	        .headers = (const char *const[]){ "Accept-Language: zh",
	            "Authorization: sk-" ROOT_KEY "-x", NULL } });
	stack_check_error("no number", r, 401, "one_api_error", "invalid_api_key", "无效");
	stack_channel_delete(s, other);
	check_pinned(s, "deleted", admin.key, other, 400, "invalid_channel");
	stack_channel_delete(s, off);
}

/* Row 14 in both languages. */
static void test_pick_denied_texts(void **state)
{
	struct stack *s = *state;
	char line[128];
	const char *const en[] = { line, NULL },
	                  *const zh[] = { line, "Accept-Language: zh", NULL };

	set_up(s);
	snprintf(line, sizeof(line), "Authorization: Bearer %s-%" PRId64, user.key, channel);
	stack_check_error("14 en",
	    stack_http(s,
	        &(struct stack_ask){ .path = STACK_CHAT, .headers = en, .body = BODY("gpt-4o") }),
	    403, "one_api_error", "channel_pick_denied", "only administrators");
	stack_check_error("14 zh",
	    stack_http(s,
	        &(struct stack_ask){ .path = STACK_CHAT, .headers = zh, .body = BODY("gpt-4o") }),
	    403, "one_api_error", "channel_pick_denied", "普通用户");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_authorization_wins),
		cmocka_unit_test(test_no_key_in_url),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_database_away),
		cmocka_unit_test(test_subnets),
		cmocka_unit_test(test_model_lists),
		cmocka_unit_test(test_pinned_channel),
		cmocka_unit_test(test_pick_denied_texts),
	};

	return stack_run("gate", tests, COUNT_OF(tests), env);
}
