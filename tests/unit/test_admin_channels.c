/* test_admin_channels.c — /api/channel, the parts of a probe without an upstream, model lists */
#include "admin_room.h"

#include "../../fcgi-admin/probe.h"
#include "store/channel.h"
#include "store/channel_key.h"

#define OPENAI "\"type\":1,\"name\":\"main\",\"models\":\" gpt-4o , gpt-4o-mini\""

static struct channel stored(struct room *m, int64_t id)
{
	struct channel c;

	room_must(channel_by_id(m->db, m->admin.rt.box, room_arena, id, &c, &err));
	return c;
}

static void test_create(void **state)
{
	static const struct step steps[] = {
		{ "three keys, one of them twice, blanks and CR", "boss", "POST", "/api/channel",
		    "{" OPENAI ",\"key\":\"sk-1\\r\\n\\n sk-2 \\nsk-1\\nsk-3\",\"group\":\"\"}",
		    200, "{\"success\":true,\"message\":\"\"}", NULL },
		{ "three channels", "boss", "GET", "/api/channel", NULL, 200,
		    "\"data\":[{\"id\":3,\"type\":1,\"key\":\"\",\"status\":1,\"name\":\"main\",",
		    "sk-" },
		{ "lists trimmed, nothing is null", "boss", "GET", "/api/channel/1", NULL, 200,
		    "\"base_url\":\"\",\"other\":\"\",\"balance\":0,\"balance_updated_time\":0,"
		    "\"models\":\"gpt-4o,gpt-4o-mini\",\"group\":\"default\",\"used_quota\":0,"
		    "\"model_mapping\":\"\",\"priority\":0,\"config\":\"\",\"system_prompt\":\"\","
		    "\"disabled_reason\":\"\",\"disabled_time\":0}",
		    "null" },
		{ "no key", "boss", "POST", "/api/channel", "{" OPENAI ",\"key\":\" \\n \"}", 200,
		    "Invalid parameter: key", NULL },
		{ "type 0", "boss", "POST", "/api/channel",
		    "{\"name\":\"x\",\"key\":\"k\",\"models\":\"m\"}", 200, "Unknown channel type",
		    NULL },
		{ "type 52", "boss", "POST", "/api/channel",
		    "{\"type\":52,\"name\":\"x\",\"key\":\"k\",\"models\":\"m\"}", 200,
		    "Unknown channel type", NULL },
		{ "no name", "boss", "POST", "/api/channel",
		    "{\"type\":1,\"key\":\"k\",\"models\":\"m\"}", 200, "Invalid parameter: name",
		    NULL },
		{ "no models", "boss", "POST", "/api/channel",
		    "{\"type\":1,\"name\":\"x\",\"key\":\"k\",\"models\":\" , \"}", 200,
		    "Invalid parameter: models", NULL },
		{ "no models, proxy", "boss", "POST", "/api/channel",
		    "{\"type\":43,\"name\":\"x\",\"key\":\"k\",\"models\":\"\",\"base_url\":"
		    "\"https://p.example\"}",
		    200, SUCCESS, NULL },
		{ "URL without a scheme", "boss", "POST", "/api/channel",
		    "{" OPENAI ",\"key\":\"k\",\"base_url\":\"api.example\"}", 200,
		    "Invalid parameter: base_url", NULL },
		{ "file URL", "boss", "POST", "/api/channel",
		    "{" OPENAI ",\"key\":\"k\",\"base_url\":\"file:///etc/passwd\"}", 200,
		    "Invalid parameter: base_url", NULL },
		{ "custom type needs a URL", "boss", "POST", "/api/channel",
		    "{\"type\":8,\"name\":\"x\",\"key\":\"k\",\"models\":\"m\"}", 200,
		    "Invalid parameter: base_url", NULL },
		{ "slashes go", "boss", "POST", "/api/channel",
		    "{" OPENAI ",\"key\":\"k\",\"base_url\":\"https://u.example/x//\"}", 200,
		    SUCCESS, NULL },
		{ "slashes went", "boss", "GET", "/api/channel/5", NULL, 200,
		    "\"base_url\":\"https://u.example/x\"", NULL },
		{ "mapping of numbers", "boss", "POST", "/api/channel",
		    "{" OPENAI ",\"key\":\"k\",\"model_mapping\":\"{\\\"a\\\":1}\"}", 200,
		    "Invalid parameter: model_mapping", NULL },
		{ "mapping null", "boss", "POST", "/api/channel",
		    "{" OPENAI ",\"key\":\"k\",\"model_mapping\":\"null\",\"base_url\":null}", 200,
		    SUCCESS, NULL },
		{ "mapping is empty then", "boss", "GET", "/api/channel/6", NULL, 200,
		    "\"model_mapping\":\"\"", NULL },
		{ "config list", "boss", "POST", "/api/channel",
		    "{" OPENAI ",\"key\":\"k\",\"config\":\"[]\"}", 200,
		    "Invalid parameter: config", NULL },
		{ "key of Vertex AI is never split", "boss", "POST", "/api/channel",
		    "{\"type\":42,\"name\":\"v\",\"models\":\"m\",\"key\":\"{\\n\\\"a\\\":1\\n}\"}",
		    200, SUCCESS, NULL },
		{ "several keys of one channel", "boss", "POST", "/api/channel",
		    "{" OPENAI ",\"key\":\"sk-8\\nsk-9\",\"config\":\"{\\\"key_mode\\\":"
		    "\\\"random\\\"}\"}",
		    200, SUCCESS, NULL },
		{ "and others", "boss", "PUT", "/api/channel",
		    "{\"id\":8,\"key\":\"sk-9\\nsk-10\"}", 200, SUCCESS, NULL },
		{ "one channel", "boss", "GET", "/api/channel", NULL, 200, "\"data\":[{\"id\":8,",
		    "\"id\":9" },
	};
	struct room m;

	room_open(&m);
	room_walk(&m, steps, COUNT_OF(steps));
	assert_true(str_eq_c(stored(&m, 1).key, "sk-1"));
	assert_true(str_eq_c(stored(&m, 2).key, "sk-2"));
	assert_true(str_eq_c(stored(&m, 3).key, "sk-3"));
	assert_true(str_eq_c(stored(&m, 7).key, "{\n\"a\":1\n}"));
	assert_true(str_eq_c(stored(&m, 8).key, "sk-9\nsk-10"));
	room_close(&m);
}

/* Each model and group of a channel is a row: what may come of one request is bounded. */
static void test_list_limits(void **state)
{
	static const struct {
		const char *name;
		int models, groups, keys, letters; /* how many; of a model's name */
		const char *want;
	} cases[] = {
		{ "as many models as allowed", 2000, 1, 1, 8, SUCCESS },
		{ "one model more", 2001, 1, 1, 8, "Invalid parameter: models" },
		{ "too many together", 2000, 11, 1, 8, "Invalid parameter: group" },
		{ "too many keys for that", 1000, 1, 501, 8, "Invalid parameter: key" },
		{ "longest name", 1, 1, 1, 191, SUCCESS },
		{ "one letter more", 1, 1, 1, 192, "Invalid parameter: models" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct buf b = buf_init(1 << 20);
		struct answer a;
		struct room m;
		int n;

		buf_add_c(&b, "{\"type\":1,\"name\":\"x\",\"models\":\"");
		for (n = 0; n < cases[i].models; n++)
			buf_addf(&b, "%0*d,", cases[i].letters, n);
		buf_add_c(&b, "\",\"group\":\"");
		for (n = 0; n < cases[i].groups; n++)
			buf_addf(&b, "g%d,", n);
		buf_add_c(&b, "\",\"key\":\"");
		for (n = 0; n < cases[i].keys; n++)
			buf_addf(&b, "k%d\\n", n);
		buf_add_c(&b, "\"}");
		room_open(&m);
		a = room_as(&m, "boss", "POST", "/api/channel", b.data);
		if (!strstr(a.body, cases[i].want))
			fail_msg("%s: got %s, want %s", cases[i].name, a.body, cases[i].want);
		room_close(&m);
		buf_release(&b);
	}
}

static void test_update(void **state)
{
	static const struct step steps[] = {
		{ "make", "boss", "POST", "/api/channel",
		    "{" OPENAI ",\"key\":\"sk-1\",\"weight\":3}", 200, SUCCESS, NULL },
		{ "switch off", "boss", "PUT", "/api/channel", "{\"id\":1,\"status\":2}", 200,
		    "\"status\":2,\"name\":\"main\",\"weight\":3,", "sk-1" },
		{ "priority", "boss", "PUT", "/api/channel", "{\"id\":1,\"priority\":-4}", 200,
		    "\"priority\":-4,", NULL },
		{ "weight 0 is a value", "boss", "PUT", "/api/channel", "{\"id\":1,\"weight\":0}",
		    200, "\"weight\":0,", NULL },
		{ "whole form, key empty, sums ours", "boss", "PUT", "/api/channel",
		    "{\"id\":1,\"type\":1,\"key\":\"\",\"status\":1,\"name\":\"neu\",\"weight\":0,"
		    "\"created_time\":5,\"test_time\":6,\"response_time\":7,\"base_url\":\"\","
		    "\"other\":\"\",\"balance\":9,\"balance_updated_time\":8,\"models\":\"gpt-4o\","
		    "\"group\":\"default,vip\",\"used_quota\":99,\"model_mapping\":\"\","
		    "\"priority\":0,"
		    "\"config\":\"{}\",\"system_prompt\":null,\"groups\":[\"default\"]}",
		    200, "\"status\":1,\"name\":\"neu\",", "\"used_quota\":99" },
		{ "result", "boss", "GET", "/api/channel/1", NULL, 200,
		    "\"test_time\":0,\"response_time\":0,\"base_url\":\"\",\"other\":\"\","
		    "\"balance\":0,",
		    NULL },
		{ "groups", "boss", "GET", "/api/channel/1", NULL, 200, "\"group\":\"default,vip\"",
		    NULL },
		{ "empty name, type 0, status 0: unchanged", "boss", "PUT", "/api/channel",
		    "{\"id\":1,\"name\":\"\",\"type\":0,\"status\":0,\"models\":\"gpt-4o\"}", 200,
		    "\"type\":1,\"key\":\"\",\"status\":1,\"name\":\"neu\",", NULL },
		{ "several keys are several channels", "boss", "PUT", "/api/channel",
		    "{\"id\":1,\"key\":\"sk-1\\nsk-2\"}", 200, "Invalid parameter: key", NULL },
		{ "status 3 is ours", "boss", "PUT", "/api/channel", "{\"id\":1,\"status\":3}", 200,
		    "\"status\":1,", NULL },
		{ "unknown", "boss", "PUT", "/api/channel", "{\"id\":9,\"status\":1}", 200,
		    "Record not found", NULL },
		{ "no id", "boss", "PUT", "/api/channel", "{\"status\":1}", 200,
		    "The id is missing", NULL },
		{ "not everything empty", "boss", "PUT", "/api/channel",
		    "{\"id\":1,\"models\":\"\"}", 200, "Invalid parameter: models", NULL },
	};
	struct room m;

	room_open(&m);
	room_walk(&m, steps, COUNT_OF(steps));
	assert_true(str_eq_c(stored(&m, 1).key, "sk-1"));
	room_as(&m, "boss", "PUT", "/api/channel", "{\"id\":1,\"key\":\" sk-9 \"}");
	assert_true(str_eq_c(stored(&m, 1).key, "sk-9"));
	room_close(&m);
}

static void test_config_secrets(void **state)
{
#define CONFIG(text) "{\"id\":1,\"config\":\"" text "\"}"
	static const struct {
		const char *name, *body, *want_stored, *want_shown;
	} cases[] = {
		{ "mask back",
		    CONFIG("{\\\"region\\\":\\\"r2\\\",\\\"sk\\\":\\\"********\\\","
		           "\\\"ak\\\":\\\"\\\"}"),
		    "{\"region\":\"r2\",\"sk\":\"S\",\"ak\":\"A\"}",
		    "{\"region\":\"r2\",\"sk\":\"********\",\"ak\":\"********\"}" },
		{ "one replaced", CONFIG("{\\\"sk\\\":\\\"new\\\",\\\"ak\\\":\\\"********\\\"}"),
		    "{\"sk\":\"new\",\"ak\":\"A\"}", "{\"sk\":\"********\",\"ak\":\"********\"}" },
		{ "left out is gone", CONFIG("{\\\"region\\\":\\\"r\\\"}"), "{\"region\":\"r\"}",
		    "{\"region\":\"r\"}" },
		{ "not sent is kept", "{\"id\":1,\"name\":\"n\"}",
		    "{\"region\":\"r\",\"sk\":\"S\",\"ak\":\"A\"}",
		    "{\"region\":\"r\",\"sk\":\"********\",\"ak\":\"********\"}" },
		{ "emptied", CONFIG(""), "", "" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct answer a;
		struct room m;
		struct channel c;

		room_open(&m);
		a = room_as(&m, "boss", "POST", "/api/channel",
		    "{\"type\":33,\"name\":\"aws\",\"models\":\"m\",\"key\":\"A|S|r\",\"config\":"
		    "\"{\\\"region\\\":\\\"r\\\",\\\"sk\\\":\\\"S\\\",\\\"ak\\\":\\\"A\\\"}\"}");
		assert_non_null(strstr(a.body, SUCCESS));
		a = room_as(&m, "boss", "PUT", "/api/channel", cases[i].body);
		if (!str_eq_c(json_str_at(a.tree, "data.config"), cases[i].want_shown))
			fail_msg("%s: got %s, want %s", cases[i].name, a.body, cases[i].want_shown);
		a = room_as(&m, "boss", "GET", "/api/channel", NULL);
		if (!str_eq_c(json_str_at(a.tree, "data.0.config"), cases[i].want_shown))
			fail_msg("%s: list got %s", cases[i].name, a.body);
		c = stored(&m, 1);
		if (!str_eq_c(c.config, cases[i].want_stored))
			fail_msg("%s: stored %.*s, want %s", cases[i].name, STR_ARG(c.config),
			    cases[i].want_stored);
		room_close(&m);
	}
}

static void test_delete(void **state)
{
	static const struct step steps[] = {
		{ "make", "boss", "POST", "/api/channel", "{" OPENAI ",\"key\":\"1\\n2\\n3\\n4\"}",
		    200, SUCCESS, NULL },
		{ "search by id", "boss", "GET", "/api/channel/search?keyword=2", NULL, 200,
		    "\"data\":[{\"id\":2,", "\"id\":3" },
		{ "search by name", "boss", "GET", "/api/channel/search?keyword=mai", NULL, 200,
		    "\"id\":3,", NULL },
		{ "delete", "boss", "DELETE", "/api/channel/1", NULL, 200, SUCCESS, NULL },
		{ "unknown is success", "boss", "DELETE", "/api/channel/1", NULL, 200, SUCCESS,
		    NULL },
		{ "not a number", "boss", "DELETE", "/api/channel/x", NULL, 200,
		    "Invalid parameter", NULL },
		{ "off", "boss", "PUT", "/api/channel", "{\"id\":2,\"status\":2}", 200, SUCCESS,
		    NULL },
	};
	struct name_list models;
	struct answer a;
	struct room m;
	bool changed;

	room_open(&m);
	room_walk(&m, steps, COUNT_OF(steps));
	room_must(channel_set_status(m.db, 3, 1, 3, STR("broken"), &changed, &err));
	a = room_as(&m, "boss", "DELETE", "/api/channel/disabled", NULL);
	assert_int_equal(json_int_at(a.tree, "data", -1), 2);
	a = room_as(&m, "root", "GET", "/api/log?type=3", NULL);
	assert_non_null(strstr(a.body, "deleted 2 disabled channels: 2 3"));
	a = room_as(&m, "boss", "GET", "/api/channel", NULL);
	assert_int_equal(cJSON_GetArraySize(json_at(a.tree, "data")), 1);
	assert_int_equal(json_int_at(a.tree, "data.0.id", -1), 4);
	a = room_as(&m, "anna", "GET", "/api/user/available_models", NULL);
	assert_non_null(strstr(a.body, "[\"gpt-4o\",\"gpt-4o-mini\"]"));
	room_as(&m, "boss", "DELETE", "/api/channel/4", NULL);
	room_must(ability_models(m.db, room_arena, STR("default"), &models, &err));
	assert_int_equal(models.count, 0);
	room_close(&m);
}

/* The gateway disables a channel while somebody has its form open: the form does not bring it back,
 * the switch does. */
static void test_disable_survives_form(void **state)
{
	struct answer a;
	struct room m;
	bool changed;

	room_open(&m);
	room_as(&m, "boss", "POST", "/api/channel", "{" OPENAI ",\"key\":\"sk-1\"}");
	room_must(channel_set_status(m.db, 1, 1, 3, STR("status 401: bad key"), &changed, &err));
	a = room_as(&m, "boss", "PUT", "/api/channel", "{\"id\":1,\"status\":1," OPENAI "}");
	assert_int_equal(json_int_at(a.tree, "data.status", 0), 3);
	assert_true(str_eq_c(json_str_at(a.tree, "data.disabled_reason"), "status 401: bad key"));
	assert_true(json_int_at(a.tree, "data.disabled_time", 0) > 0);
	a = room_as(&m, "boss", "GET", "/api/channel/1/events", NULL);
	assert_true(str_eq_c(json_str_at(a.tree, "data.0.cause"), "status 401: bad key"));
	assert_true(str_eq_c(json_str_at(a.tree, "data.0.kind"), "disabled"));
	a = room_as(&m, "boss", "PUT", "/api/channel", "{\"id\":1,\"status\":1}");
	assert_int_equal(json_int_at(a.tree, "data.status", 0), 1);
	assert_true(str_eq_c(json_str_at(a.tree, "data.disabled_reason"), ""));
	room_close(&m);
}

/* Stored secrets go to no other host unless they are entered again, or root says so. */
static void test_move(void **state)
{
#define AWAY "The channel would send its stored secrets to another host"
	static const struct step steps[] = {
		{ "make", "boss", "POST", "/api/channel", "{" OPENAI ",\"key\":\"sk-1\"}", 200,
		    SUCCESS, NULL },
		{ "other host", "boss", "PUT", "/api/channel",
		    "{\"id\":1,\"base_url\":\"https://evil.example\"}", 200, AWAY, NULL },
		{ "the same host's other path", "boss", "PUT", "/api/channel",
		    "{\"id\":1,\"base_url\":\"https://api.openai.com/v1\"}", 200, SUCCESS, NULL },
		{ "other type, other host", "boss", "PUT", "/api/channel",
		    "{\"id\":1,\"base_url\":\"\",\"type\":36}", 200, AWAY, NULL },
		{ "plain http", "boss", "PUT", "/api/channel",
		    "{\"id\":1,\"base_url\":\"http://api.openai.com\"}", 200, AWAY, NULL },
		{ "with the key", "boss", "PUT", "/api/channel",
		    "{\"id\":1,\"base_url\":\"https://m.example\",\"key\":\"sk-2\"}", 200,
		    "https://m.example", NULL },
		{ "unsaved test with the stored key", "boss", "POST", "/api/channel/probe",
		    "{\"id\":1,\"base_url\":\"https://evil.example\"}", 200, AWAY, NULL },
		{ "list of models with it", "boss", "POST", "/api/channel/fetch_models",
		    "{\"id\":1,\"base_url\":\"https://evil.example\"}", 200, AWAY, NULL },
		{ "many at once", "boss", "POST", "/api/channel/batch",
		    "{\"ids\":[1],\"set\":{\"base_url\":\"https://evil.example\"}}", 200, AWAY,
		    NULL },
		{ "nothing moved", "boss", "GET", "/api/channel/1", NULL, 200, "https://m.example",
		    NULL },
		{ "root may", "root", "PUT", "/api/channel",
		    "{\"id\":1,\"base_url\":\"https://n.example\"}", 200, "https://n.example",
		    NULL },
	};
	struct room m;

	room_open(&m);
	room_walk(&m, steps, COUNT_OF(steps));
	assert_true(str_eq_c(stored(&m, 1).key, "sk-2"));
	room_close(&m);
}

static void test_batch(void **state)
{
	static const struct step steps[] = {
		{ "make", "boss", "POST", "/api/channel", "{" OPENAI ",\"key\":\"1\\n2\\n3\"}", 200,
		    SUCCESS, NULL },
		{ "set, one is not there", "boss", "POST", "/api/channel/batch",
		    "{\"ids\":[1,2,9],\"set\":{\"priority\":5,\"group\":\"vip\"}}", 200,
		    "\"data\":2", NULL },
		{ "done", "boss", "GET", "/api/channel?group=vip&sort=id&dir=asc", NULL, 200,
		    "\"data\":[{\"id\":1,", "\"id\":3," },
		{ "with a total", "boss", "GET", "/api/channel?group=vip", NULL, 200,
		    "\"total\":2}", NULL },
		{ "all or none", "boss", "POST", "/api/channel/batch",
		    "{\"ids\":[3,2],\"set\":{\"models\":\"\"}}", 200, "Invalid parameter: models",
		    NULL },
		{ "no keys", "boss", "POST", "/api/channel/batch",
		    "{\"ids\":[1],\"set\":{\"key\":\"x\"}}", 200, "Invalid parameter: key", NULL },
		{ "ids", "boss", "POST", "/api/channel/batch",
		    "{\"ids\":[\"1\"],\"set\":{\"priority\":5}}", 200, "Invalid parameter: ids",
		    NULL },
		{ "half an id", "boss", "POST", "/api/channel/batch",
		    "{\"ids\":[1.5],\"action\":\"disable\"}", 200, "Invalid parameter: ids", NULL },
		{ "no ids", "boss", "POST", "/api/channel/batch", "{\"set\":{\"priority\":5}}", 200,
		    "Invalid parameter: ids", NULL },
		{ "no action", "boss", "POST", "/api/channel/batch", "{\"ids\":[1]}", 200,
		    "Invalid parameter: action", NULL },
		{ "disable", "boss", "POST", "/api/channel/batch",
		    "{\"ids\":[1,3],\"action\":\"disable\"}", 200, "\"data\":2", NULL },
		{ "disabled", "boss", "GET", "/api/channel?status=2", NULL, 200, "\"total\":2",
		    NULL },
		{ "delete", "boss", "POST", "/api/channel/batch",
		    "{\"ids\":[1,2],\"action\":\"delete\"}", 200, "\"data\":2", NULL },
		{ "one is left", "boss", "GET", "/api/channel", NULL, 200, "\"total\":1", NULL },
		{ "not for users", "anna", "POST", "/api/channel/batch", "{}", 200,
		    "Insufficient permission", NULL },
	};

	room_try(steps, COUNT_OF(steps));
}

static void test_keys(void **state)
{
	char hash[33], body[64];
	struct answer a;
	struct room m;
	bool changed;

	room_open(&m);
	a = room_as(&m, "boss", "POST", "/api/channel",
	    "{" OPENAI ",\"multi_key\":true,\"key\":\"sk-the-first-of-two-keys-1111\\nsk-the-"
	    "second-of-two-keys-2222\"}");
	assert_non_null(strstr(a.body, SUCCESS));
	a = room_as(&m, "boss", "GET", "/api/channel", NULL);
	assert_int_equal(json_int_at(a.tree, "total", -1), 1);
	assert_non_null(strstr(a.body, "key_mode"));
	(void)channel_key_hash(m.admin.rt.box, STR("sk-the-second-of-two-keys-2222"), hash);
	room_must(channel_key_park(m.db, 1, str_c(hash), STR("refused"), &changed, &err));
	a = room_as(&m, "boss", "GET", "/api/channel/1/keys", NULL);
	assert_int_equal(cJSON_GetArraySize(json_at(a.tree, "data")), 2);
	assert_null(strstr(a.body, "sk-"));
	assert_true(str_ends(json_str_at(a.tree, "data.0.tail"), STR("1111")));
	assert_int_equal(json_int_at(a.tree, "data.0.parked_at", -1), 0);
	assert_true(json_int_at(a.tree, "data.1.parked_at", -1) > 0);
	assert_true(str_eq_c(json_str_at(a.tree, "data.1.cause"), "refused"));
	snprintf(body, sizeof body, "{\"hash\":\"%s\"}", hash);
	a = room_as(&m, "boss", "POST", "/api/channel/1/keys/unpark", body);
	assert_non_null(strstr(a.body, "\"data\":true"));
	a = room_as(&m, "boss", "POST", "/api/channel/1/keys/unpark", body);
	assert_non_null(strstr(a.body, "\"data\":false"));
	room_close(&m);
}

static void test_jobs(void **state)
{
	static const struct step steps[] = {
		{ "make", "boss", "POST", "/api/channel", "{" OPENAI ",\"key\":\"1\\n2\"}", 200,
		    SUCCESS, NULL },
		{ "unknown scope", "boss", "GET", "/api/channel/test?scope=some", NULL, 200,
		    "Invalid parameter", NULL },
		{ "start", "boss", "GET", "/api/channel/test", NULL, 200,
		    "\"data\":{\"job\":1,\"total\":2}", NULL },
		{ "once", "root", "GET", "/api/channel/test?scope=all", NULL, 200,
		    "A test is already running", NULL },
		{ "another kind", "boss", "GET", "/api/channel/update_balance", NULL, 200,
		    "\"total\":2", NULL },
		{ "list", "boss", "GET", "/api/job", NULL, 200,
		    "\"kind\":\"balance\",\"scope\":\"all\",\"origin\":\"person\",", NULL },
		{ "one, with what waits", "boss", "GET", "/api/job/1", NULL, 200,
		    "\"total\":2,\"done\":0,\"failed\":0,\"items\":[{\"channel_id\":1,", NULL },
		{ "stop", "boss", "POST", "/api/job/1/stop", NULL, 200, SUCCESS, NULL },
		{ "stopped soon", "boss", "GET", "/api/job/1", NULL, 200, "\"stop_asked\":true",
		    NULL },
		{ "no such job", "boss", "GET", "/api/job/9", NULL, 200, "Record not found", NULL },
		{ "not for users", "anna", "GET", "/api/job", NULL, 200, "Insufficient permission",
		    NULL },
	};

	room_try(steps, COUNT_OF(steps));
}

static void test_probe_model(void **state)
{
	static const struct {
		const char *name, *models, *wanted, *want;
	} cases[] = {
		{ "exact", "gpt-4o, gpt-4,x", "gpt-4", "gpt-4" },
		{ "part of a name does not count", "gpt-4o,x", "gpt-4", "gpt-4o" },
		{ "what the page sends when it knows none", "a,b", "undefined", "a" },
		{ "none wanted", "a,b", "", "a" },
		{ "blanks", " , b ", "", "b" },
		{ "no models", "", "a", "" },
		{ "fits a wildcard", "a,gpt-*", "gpt-4o", "gpt-4o" },
		{ "a wildcard is no model", "gpt-*,a", "", "a" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct str got = probe_model(str_c(cases[i].models), str_c(cases[i].wanted));

		if (!str_eq_c(got, cases[i].want))
			fail_msg("%s: got %.*s, want %s", cases[i].name, STR_ARG(got),
			    cases[i].want);
	}
}

static void test_probe_request(void **state)
{
	struct arena *a = arena_new(4096);
	struct str got = probe_request(a, STR("m\"1"), STR("say\nhi"));

	assert_string_equal(got.p,
	    "{\"model\":\"m\\\"1\",\"messages\":[{\"role\":\"user\","
	    "\"content\":\"say\\nhi\"}],\"max_tokens\":16}");
	arena_free(a);
}

static void test_probe_judge(void **state)
{
#define USAGE "\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1,\"total_tokens\":2}"
	static const struct {
		const char *name, *body;
		bool ok;
		const char *want;
	} cases[] = {
		{ "good", "{\"choices\":[{\"message\":{\"content\":\"I am x\"}}]," USAGE "}", true,
		    "I am x" },
		{ "empty text is text",
		    "{\"choices\":[{\"message\":{\"content\":\"\"}}]," USAGE "}", true, "" },
		{ "no choices", "{\"choices\":[]," USAGE "}", false, "has no choices" },
		{ "choices missing", "{" USAGE "}", false, "has no choices" },
		{ "content null", "{\"choices\":[{\"message\":{\"content\":null}}]," USAGE "}",
		    false, "is not text" },
		{ "no usage", "{\"choices\":[{\"message\":{\"content\":\"x\"}}]}", false,
		    "usage is missing" },
		{ "not JSON", "<html>", false, "has no choices" },
	};
	struct ask_headers h = { 0 };
	struct room m;

	room_open_bare(&m);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct req *r = room_request(&m, "GET", "/api/channel/test/1", NULL, &h);
		struct err err = { 0 };
		struct str text = { 0 };
		bool ok = probe_judge(r, str_c(cases[i].body), &text, &err);

		if (ok != cases[i].ok)
			fail_msg("%s: got %d, want %d", cases[i].name, ok, cases[i].ok);
		if (ok ? !str_eq_c(text, cases[i].want) : !strstr(err.msg, cases[i].want))
			fail_msg("%s: got %s%.*s, want %s", cases[i].name, err.msg, STR_ARG(text),
			    cases[i].want);
	}
	room_close(&m);
}

static void test_probe_refusals(void **state)
{
	static const struct step steps[] = {
		{ "unknown channel", "boss", "GET", "/api/channel/test/5", NULL, 200,
		    "Record not found", NULL },
		{ "not a number", "boss", "GET", "/api/channel/test/x", NULL, 200,
		    "Invalid parameter", NULL },
		{ "not for users", "anna", "GET", "/api/channel/test/1", NULL, 200,
		    "Insufficient permission", NULL },
	};

	room_try(steps, COUNT_OF(steps));
}

static void test_model_lists(void **state)
{
	struct answer a;
	struct room m;
	int n;

	room_open(&m);
	a = room_as(&m, "anna", "GET", "/api/models", NULL);
	for (int type = 1; type <= 51; type++) {
		char path[32];

		snprintf(path, sizeof path, "data.%d", type);
		if (!cJSON_IsArray(json_at(a.tree, path)))
			fail_msg("type %d: not a list", type);
	}
	assert_int_equal(cJSON_GetArraySize(json_at(a.tree, "data")), 51);
	assert_int_equal(cJSON_GetArraySize(json_at(a.tree, "data.43")), 0);
	assert_int_not_equal(cJSON_GetArraySize(json_at(a.tree, "data.1")), 0);

	a = room_as(&m, "boss", "GET", "/api/channel/models", NULL);
	assert_null(json_at(a.tree, "success"));
	assert_true(str_eq_c(json_str_at(a.tree, "object"), "list"));
	assert_true(str_eq_c(json_str_at(a.tree, "data.0.object"), "model"));
	assert_int_equal(json_int_at(a.tree, "data.0.created", -1), 1626777600);
	assert_true(cJSON_IsNull(json_at(a.tree, "data.0.parent")));
	assert_true(str_eq_c(json_str_at(a.tree, "data.0.permission.0.id"),
	    "modelperm-LwHkVFn8AcMItP432fKKDIKJ"));
	n = cJSON_GetArraySize(json_at(a.tree, "data"));
	assert_true(n > 100);
	for (int i = 0; i < n; i++) {
		const cJSON *one = cJSON_GetArrayItem(json_at(a.tree, "data"), i), *next;

		for (next = one->next; next; next = next->next) {
			if (str_eq(json_str_at(one, "id"), json_str_at(next, "id")) &&
			    str_eq(json_str_at(one, "owned_by"), json_str_at(next, "owned_by")))
				fail_msg("twice: %.*s", STR_ARG(json_str_at(one, "id")));
		}
	}
	a = room_as(&m, "boss", "GET", "/api/group", NULL);
	assert_non_null(strstr(a.body, "\"data\":[\"default\",\"svip\",\"vip\"]"));
	room_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create),
		cmocka_unit_test(test_list_limits),
		cmocka_unit_test(test_update),
		cmocka_unit_test(test_config_secrets),
		cmocka_unit_test(test_delete),
		cmocka_unit_test(test_disable_survives_form),
		cmocka_unit_test(test_move),
		cmocka_unit_test(test_batch),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_jobs),
		cmocka_unit_test(test_probe_model),
		cmocka_unit_test(test_probe_request),
		cmocka_unit_test(test_probe_judge),
		cmocka_unit_test(test_probe_refusals),
		cmocka_unit_test(test_model_lists),
	};

	return cmocka_run_group_tests_name("admin channels", tests, NULL, NULL);
}
