/* test_catalog.c — the snapshot of channels, and the thread that renews it */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "cost.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/secret.h"
#include "provider/catalog.h"
#include "store/migrate.h"

struct room {
	char dir[64];
	struct secret_box *box;
	struct db *db;
};

#define must(call)                                                                                 \
	do {                                                                                       \
		struct err err = { 0 };                                                            \
		if (!(call))                                                                       \
			fail_msg("%s: %s (%s)", #call, err.msg, err.detail);                       \
	} while (0)

static void open_room(struct room *r)
{
	(void)snprintf(r->dir, sizeof(r->dir), "/tmp/test-catalog-XXXXXX");
	assert_non_null(mkdtemp(r->dir));
	must(secret_box_open(r->dir, "a secret for tests", &r->box, &err));
	must(db_open("", r->dir, &r->db, &err));
	must(migrate(r->db, &err));
}

static void close_room(struct room *r)
{
	char command[128];

	db_close(r->db);
	secret_box_free(r->box);
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", r->dir);
	assert_int_equal(system(command), 0);
}

static void insert(struct room *r, struct channel c)
{
	c.name = STR("c");
	must(channel_insert(r->db, r->box, &c, 1, &err));
}

static const struct channel one = { .type = 1,
	.status = CHANNEL_ENABLED,
	.key = STR_INIT("k"),
	.models = STR_INIT("a"),
	.group = STR_INIT("default") };

/* "3,1,2" of the candidates, "" for none. */
static const char *ids(const struct catalog *c, const char *group, const char *model)
{
	static char text[256];
	const struct candidates *list = catalog_candidates(c, str_c(group), str_c(model));
	size_t n = 0;

	text[0] = '\0';
	if (list)
		assert_true(list->count > 0);
	for (size_t i = 0; list && i < list->count; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%d", i ? "," : "",
		    (int)list->items[i]->row.id);
	return text;
}

static const char *models(const struct catalog *c, const char *group)
{
	static char text[256];
	size_t count, n = 0;
	const struct str *list = catalog_models(c, str_c(group), &count);

	text[0] = '\0';
	for (size_t i = 0; i < count; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%.*s", i ? "," : "",
		    STR_ARG(list[i]));
	return text;
}

static void test_candidates(void **state)
{
	struct room r;
	struct catalog *c;
	struct channel row = { .type = 1, .status = CHANNEL_ENABLED, .key = STR("k") };

	open_room(&r);
	row.models = STR("b, a ,,a"), row.group = STR("default, vip"), row.priority = 0;
	insert(&r, row); /* 1 */
	row.models = STR("a"), row.group = STR("default"), row.priority = 5;
	insert(&r, row); /* 2 */
	row.priority = -1;
	insert(&r, row); /* 3 */
	row.priority = 5;
	insert(&r, row); /* 4 */
	row.status = CHANNEL_DISABLED;
	insert(&r, row); /* 5 */
	row.status = CHANNEL_AUTO_DISABLED;
	insert(&r, row); /* 6 */
	row.status = CHANNEL_ENABLED, row.type = 34, row.models = STR("a,claude");
	insert(&r, row); /* 7: no dialect in this build */
	must(catalog_build(r.db, r.box, &c, &err));

	static const struct {
		const char *group, *model, *want;
	} cases[] = {
		{ "default", "a", "2,4,1,3" },
		{ "default", "b", "1" },
		{ "vip", "a", "1" },
		{ "vip", "b", "1" },
		{ "default", "claude", "" },
		{ "default", "A", "" },
		{ "default", "", "" },
		{ "other", "a", "" },
		{ "", "a", "" },
		{ "defaulta", "", "" },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		if (strcmp(ids(c, cases[i].group, cases[i].model), cases[i].want) != 0)
			fail_msg("%s %s: got '%s', want '%s'", cases[i].group, cases[i].model,
			    ids(c, cases[i].group, cases[i].model), cases[i].want);
	assert_string_equal(models(c, "default"), "a,b");
	assert_string_equal(models(c, "vip"), "a,b");
	assert_string_equal(models(c, "none"), "");
	assert_int_equal(c->channel_count, 7);
	assert_int_equal(catalog_channel(c, 5)->row.id, 5);
	assert_true(str_eq_c(catalog_channel(c, 7)->row.key, "k"));
	assert_null(catalog_channel(c, 0));
	assert_null(catalog_channel(c, 8));
	catalog_put(c);
	close_room(&r);
}

static void test_empty(void **state)
{
	struct room r;
	struct catalog *c;
	struct rate rate;

	open_room(&r);
	must(catalog_build(r.db, r.box, &c, &err));
	assert_string_equal(ids(c, "default", "a"), "");
	assert_string_equal(models(c, "default"), "");
	assert_null(catalog_channel(c, 1));
	must(price_find(c->prices,
	    &(struct price_query){ PRICE_TOKENS, STR("gpt-4o"), 1, STR("default"),
	        .call_price = 0 },
	    &rate, &err));
	assert_true(rate.model > 0);
	catalog_put(c);
	close_room(&r);
}

static void test_unpriced(void **state)
{
	static const struct {
		const char *option;
		bool found;
	} cases[] = { { "refuse", false }, { "free", true }, { "ratio", true } };
	struct room r;

	open_room(&r);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct catalog *c;
		struct rate rate = { 0 };
		struct err ignored = { 0 };
		int64_t before;

		must(catalog_version(r.db, &before, &err));
		must(option_save(r.db, r.box, OPT_UNPRICED_MODEL, str_c(cases[i].option), &err));
		must(catalog_build(r.db, r.box, &c, &err));
		assert_true(c->version > before);
		if (price_find(c->prices,
		        &(struct price_query){ PRICE_TOKENS, STR("no-such-model"), 1,
		            STR("default"), .call_price = 0 },
		        &rate, &ignored) != cases[i].found)
			fail_msg("%s: found is wrong", cases[i].option);
		catalog_put(c);
	}
	close_room(&r);
}

static void test_channel_make(void **state)
{
	static const struct {
		const char *name;
		int type;
		const char *base_url, *other, *config, *want_url, *want_version, *want_region;
	} cases[] = {
		{ "default URL", 1, "", "", "", "https://api.openai.com", "", "" },
		{ "own URL", 1, " https://h.example/x// ", "", "", "https://h.example/x", "", "" },
		{ "default with a slash", 51, "", "", "",
		    "https://generativelanguage.googleapis.com/v1beta/openai", "", "" },
		{ "legacy other", 3, "https://a", "2024-01-01", "", "https://a", "2024-01-01", "" },
		{ "legacy other, null config", 3, "https://a", "2024-01-01", "null", "https://a",
		    "2024-01-01", "" },
		{ "config wins", 3, "https://a", "2024-01-01",
		    "{\"api_version\":\"v\\u0031\",\"region\":\"eu\",\"sk\":5}", "https://a", "v1",
		    "eu" },
		{ "empty config member", 3, "https://a", "2024-01-01", "{\"api_version\":\"\"}",
		    "https://a", "2024-01-01", "" },
		{ "other means nothing here", 1, "", "2024-01-01", "", "https://api.openai.com", "",
		    "" },
		{ "broken config", 3, "https://a", "x", "{\"api_version\":", "https://a", "x", "" },
		{ "config a list", 3, "https://a", "", "[\"api_version\"]", "https://a", "", "" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena *a = arena_new(1024);
		struct channel row = { .id = 1, .type = cases[i].type };
		struct catalog_channel c;

		row.base_url = str_c(cases[i].base_url);
		row.other = str_c(cases[i].other);
		row.config = str_c(cases[i].config);
		must(catalog_channel_make(a, &row, &c, &err));
		if (!str_eq_c(c.base_url, cases[i].want_url) ||
		    !str_eq_c(c.api_version, cases[i].want_version) ||
		    !str_eq_c(c.region, cases[i].want_region))
			fail_msg("%s: got %.*s, %.*s, %.*s", cases[i].name, STR_ARG(c.base_url),
			    STR_ARG(c.api_version), STR_ARG(c.region));
		assert_int_equal(c.provider->id, cases[i].type);
		arena_free(a);
	}
}

/* What config says of limits, retries and keys; what is none of it is left out. */
static void test_config(void **state)
{
	static const struct {
		const char *name, *config;
		int connect_ms, first_byte_ms, first_token_ms, idle_ms, total_ms, max_retries;
		enum key_mode key_mode;
	} cases[] = {
		{ "nothing", "", 0, 0, 0, 0, 0, -1, KEY_ROUND_ROBIN },
		{ "all",
		    "{\"connect_timeout\":1,\"first_byte_timeout\":2.5,"
		    "\"first_token_timeout\":\"3\",\"idle_timeout\":4,\"total_timeout\":5,"
		    "\"max_retries\":6,\"key_mode\":\"random\"}",
		    1000, 2500, 3000, 4000, 5000, 6, KEY_RANDOM },
		{ "zero retries", "{\"max_retries\":0,\"key_mode\":\"round_robin\"}", 0, 0, 0, 0, 0,
		    0, KEY_ROUND_ROBIN },
		{ "nonsense",
		    "{\"connect_timeout\":-1,\"first_byte_timeout\":\"x\","
		    "\"first_token_timeout\":[],\"idle_timeout\":1e9,\"total_timeout\":null,"
		    "\"max_retries\":1.5,\"key_mode\":\"fastest\"}",
		    0, 0, 0, 0, 0, -1, KEY_ROUND_ROBIN },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena *a = arena_new(1024);
		struct channel row = { .id = 1, .type = 1 };
		struct catalog_channel c;

		row.config = str_c(cases[i].config);
		must(catalog_channel_make(a, &row, &c, &err));
		if (c.limits.connect_ms != cases[i].connect_ms ||
		    c.limits.first_byte_ms != cases[i].first_byte_ms ||
		    c.limits.first_token_ms != cases[i].first_token_ms ||
		    c.limits.idle_ms != cases[i].idle_ms ||
		    c.limits.total_ms != cases[i].total_ms ||
		    c.max_retries != cases[i].max_retries || c.key_mode != cases[i].key_mode)
			fail_msg("%s: got %d %d %d %d %d, retries %d, mode %d", cases[i].name,
			    c.limits.connect_ms, c.limits.first_byte_ms, c.limits.first_token_ms,
			    c.limits.idle_ms, c.limits.total_ms, c.max_retries, c.key_mode);
		arena_free(a);
	}
}

static void test_resources_config(void **state)
{
	static const struct {
		const char *name, *config, *want, *want_shared;
		int64_t want_price;
	} cases[] = {
		{ "none", "{}", "", "", 0 },
		{ "all of them", "{\"resources\":true}", "true", "", 0 },
		{ "none of them", "{\"resources\":false}", "", "", 0 },
		{ "a text", "{\"resources\":\" files,batches \"}", "files,batches", "", 0 },
		{ "a list",
		    "{\"resources\":[\"files\",\"batches\"],\"shared_resources\":[\"file-1\"],"
		    "\"call_price\":0.001}",
		    "files,batches", "file-1", 500 },
		{ "nonsense", "{\"resources\":[1],\"call_price\":-1}", "", "", 0 },
		{ "less than a quota", "{\"call_price\":1e-9}", "", "", 1 },
		{ "free", "{\"call_price\":0}", "", "", 0 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena *a = arena_new(1024);
		struct channel row = { .id = 1, .type = 1 };
		struct catalog_channel c;

		row.config = str_c(cases[i].config);
		must(catalog_channel_make(a, &row, &c, &err));
		if (!str_eq_c(c.resources, cases[i].want) ||
		    !str_eq_c(c.shared_resources, cases[i].want_shared) ||
		    c.call_price != cases[i].want_price)
			fail_msg("%s: got '%.*s', '%.*s', %d", cases[i].name, STR_ARG(c.resources),
			    STR_ARG(c.shared_resources), (int)c.call_price);
		arena_free(a);
	}
}

/* One key a line; types whose key may have lines have one. */
static void test_keys(void **state)
{
	static const struct {
		const char *name, *key, *want;
		int type;
	} cases[] = {
		{ "one", "a", "a", 1 },
		{ "none", "", "", 1 },
		{ "one and a line end", "a\n", "a", 1 },
		{ "three", "a\r\n b \n\nc", "a|b|c", 1 },
		{ "each once", "a\nb\na", "a|b", 1 },
		{ "lines of one key", "{\n\"x\":1\n}", "{\n\"x\":1\n}", 42 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena *a = arena_new(1024);
		struct channel row = { .id = 1, .type = cases[i].type };
		struct catalog_channel c;
		char got[128] = "";
		size_t n = 0;

		row.key = str_c(cases[i].key);
		must(catalog_channel_make(a, &row, &c, &err));
		for (size_t k = 0; k < c.key_count; k++)
			n += (size_t)snprintf(got + n, sizeof(got) - n, "%s%.*s", k ? "|" : "",
			    STR_ARG(c.keys[k].text));
		if (strcmp(got, cases[i].want) != 0)
			fail_msg("%s: got '%s', want '%s'", cases[i].name, got, cases[i].want);
		arena_free(a);
	}
}

/* Wildcards are no models; aliases that lead somewhere are. */
static void test_models(void **state)
{
	struct room r;
	struct catalog *c;
	struct channel row = one;

	open_room(&r);
	must(option_save(r.db, r.box, OPT_MODEL_FALLBACKS,
	    STR("{\"fast\":[\"nobody\",\"b\"],\"lost\":[\"nobody\"],\"a\":[\"b\"],"
	        "\"wide\":[\"gpt-4o\"]}"),
	    &err));
	row.models = STR("b,a,gpt-*");
	insert(&r, row);
	row.models = STR("*"), row.group = STR("any");
	insert(&r, row);
	row.models = STR("z"), row.group = STR("zed");
	insert(&r, row);
	must(catalog_build(r.db, r.box, &c, &err));
	assert_string_equal(models(c, "default"), "a,b,fast,wide");
	assert_string_equal(models(c, "any"), "a,fast,lost,wide");
	assert_string_equal(models(c, "zed"), "z");
	assert_string_equal(models(c, "none"), "");
	assert_string_equal(ids(c, "any", "whatever"), "2");
	assert_string_equal(ids(c, "zed", "whatever"), "");
	catalog_put(c);
	close_room(&r);
}

static void test_unknown_type(void **state)
{
	static const int types[] = { 0, -1, 52, 1000000 };
	struct arena *a = arena_new(1024);

	for (size_t i = 0; i < COUNT_OF(types); i++) {
		struct channel row = { .id = 1, .type = types[i] };
		struct catalog_channel c;
		struct err err = { 0 };

		assert_false(catalog_channel_make(a, &row, &c, &err));
		assert_int_equal(err.kind, ERR_CHANNEL_INVALID);
	}
	arena_free(a);
}

static void test_mapping(void **state)
{
	static const struct {
		const char *name, *mapping, *model, *want;
	} cases[] = {
		{ "none", "", "a", "a" },
		{ "null", "null", "a", "a" },
		{ "empty object", "{}", "a", "a" },
		{ "mapped", "{\"a\":\"b\",\"c\":\"d\"}", "a", "b" },
		{ "not mapped", "{\"a\":\"b\"}", "ab", "ab" },
		{ "case counts", "{\"a\":\"b\"}", "A", "A" },
		{ "not twice", "{\"a\":\"b\",\"b\":\"c\"}", "a", "b" },
		{ "empty value", "{\"a\":\"\"}", "a", "a" },
		{ "escapes", "{\"\\u0061\":\"b\\\"\"}", "a", "b\"" },
		{ "the last one counts", "{\"a\":\"b\",\"a\":\"c\"}", "a", "c" },
		{ "value a number", "{\"a\":1}", "a", "a" },
		{ "broken", "{\"a\":\"b\"", "a", "a" },
		{ "a list", "[\"a\"]", "a", "a" },
		{ "a beginning", "{\"gpt-*\":\"b\"}", "gpt-4o", "b" },
		{ "another beginning", "{\"gpt-*\":\"b\"}", "claude", "claude" },
		{ "the longest", "{\"*\":\"x\",\"gpt-4*\":\"b\",\"gpt-*\":\"c\"}", "gpt-4o", "b" },
		{ "an exact name first", "{\"gpt-4o\":\"a\",\"gpt-4o*\":\"b\"}", "gpt-4o", "a" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena *a = arena_new(1024);
		struct channel row = { .id = 1, .type = 1 };
		struct catalog_channel c;
		struct str got;

		row.model_mapping = str_c(cases[i].mapping);
		must(catalog_channel_make(a, &row, &c, &err));
		got = catalog_map_model(&c, str_c(cases[i].model));
		if (!str_eq_c(got, cases[i].want))
			fail_msg("%s: got '%.*s', want '%s'", cases[i].name, STR_ARG(got),
			    cases[i].want);
		arena_free(a);
	}
}

/* How we present ourselves: config, else the operator's options. */
static void test_presented(void **state)
{
	struct room r;
	struct catalog *c;
	struct channel row = { .type = 20, .status = 1, .models = STR("a"), .group = STR("g") };

	open_room(&r);
	must(option_save(r.db, r.box, OPT_SERVER_ADDRESS, STR("https://gw.example"), &err));
	must(option_save(r.db, r.box, OPT_SYSTEM_NAME, STR("Gate"), &err));
	row.key = STR("k");
	insert(&r, row);
	row.config = STR("{\"referer\":\"https://own\",\"title\":\"Own\"}");
	insert(&r, row);
	must(catalog_build(r.db, r.box, &c, &err));
	assert_true(str_eq_c(catalog_channel(c, 1)->referer, "https://gw.example"));
	assert_true(str_eq_c(catalog_channel(c, 1)->title, "Gate"));
	assert_true(str_eq_c(catalog_channel(c, 2)->referer, "https://own"));
	assert_true(str_eq_c(catalog_channel(c, 2)->title, "Own"));
	catalog_put(c);
	close_room(&r);
}

static void look_up(void *catalog)
{
	assert_non_null(catalog_candidates(catalog, STR("default"), STR("m1")));
}

/* Many channels: everything is found, and one look-up stays one look-up. */
static void test_many(void **state)
{
	enum { CHANNELS = 2000 };
	struct room r;
	struct catalog *c;
	struct arena *a = arena_new(4096);
	struct channel *rows = arena_zalloc(a, CHANNELS * sizeof(*rows));
	int64_t few_ns, many_ns;

	open_room(&r);
	for (int i = 0; i < CHANNELS; i++)
		rows[i] = (struct channel){ .type = 1,
			.status = CHANNEL_ENABLED,
			.key = STR("k"),
			.group = STR("default"),
			.priority = i % 7,
			.models = str_c(arena_fmt(a, "m%d,n%d,all", i, i % 10)) };
	must(channel_insert(r.db, r.box, rows, 2, &err));
	must(catalog_build(r.db, r.box, &c, &err));
	few_ns = cost_ns(look_up, c, 1000);
	catalog_put(c);
	must(channel_insert(r.db, r.box, rows + 2, CHANNELS - 2, &err));
	must(catalog_build(r.db, r.box, &c, &err));
	assert_int_equal(catalog_candidates(c, STR("default"), STR("all"))->count, CHANNELS);
	assert_int_equal(catalog_candidates(c, STR("default"), STR("n3"))->count, CHANNELS / 10);
	assert_int_equal(catalog_candidates(c, STR("default"), STR("all"))->items[0]->row.priority,
	    6);
	assert_string_equal(ids(c, "default", "m1999"), "2000");
	many_ns = cost_ns(look_up, c, 1000);
	print_message("%lld ns for a look-up among 2, %lld among %d\n", (long long)few_ns,
	    (long long)many_ns, CHANNELS);
	assert_true(many_ns < few_ns * 20); /* not a thousand times as much */
	catalog_put(c);
	close_room(&r);
	arena_free(a);
}

/* ---- watcher ----------------------------------------------------------------------------- */

static void pause_ms(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

/* Waits up to a minute for that many channels. */
static bool grows_to(struct catalog_watcher *w, size_t count)
{
	for (int i = 0; i < 6000; i++) {
		struct catalog *c = catalog_get(w);
		bool there = c->channel_count == count;

		catalog_put(c);
		if (there)
			return true;
		pause_ms(10);
	}
	return false;
}

struct reader {
	struct catalog_watcher *w;
	atomic_bool stop;
};

/* What requests do, all the while. */
static void *read_on(void *arg)
{
	struct reader *reader = arg;

	while (!atomic_load(&reader->stop)) {
		struct catalog *c = catalog_get(reader->w);
		size_t count;

		(void)catalog_models(c, STR("default"), &count);
		(void)catalog_candidates(c, STR("default"), STR("a"));
		catalog_put(c);
	}
	return NULL;
}

static void watch_room(struct room *r, int poll_ms, struct catalog_watcher **w)
{
	struct db *own;

	must(db_open("", r->dir, &own, &err));
	must(catalog_watch(own, r->box, poll_ms, w, &err));
}

static void test_watch(void **state)
{
	struct room r;
	struct catalog_watcher *w;
	struct catalog *old;
	struct reader reader = { 0 };
	pthread_t threads[3];

	open_room(&r);
	insert(&r, one);
	watch_room(&r, 20, &w);
	reader.w = w;
	for (size_t i = 0; i < COUNT_OF(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, read_on, &reader), 0);
	old = catalog_get(w);
	assert_int_equal(old->channel_count, 1);
	for (size_t n = 2; n < 6; n++) {
		insert(&r, one);
		assert_true(grows_to(w, n));
	}
	/* Who holds the old one still reads the old one. */
	assert_int_equal(old->channel_count, 1);
	assert_string_equal(ids(old, "default", "a"), "1");
	catalog_put(old);
	atomic_store(&reader.stop, true);
	for (size_t i = 0; i < COUNT_OF(threads); i++)
		pthread_join(threads[i], NULL);
	catalog_unwatch(w);
	close_room(&r);
}

static void test_nudge(void **state)
{
	struct room r;
	struct catalog_watcher *w;

	open_room(&r);
	watch_room(&r, 3600 * 1000, &w);
	insert(&r, one);
	pause_ms(100);
	{
		struct catalog *c = catalog_get(w);

		assert_int_equal(c->channel_count, 0);
		catalog_put(c);
	}
	catalog_nudge(w);
	assert_true(grows_to(w, 1));
	catalog_unwatch(w);
	close_room(&r);
}

/* A database that fails leaves the old snapshot in place, and the next good look replaces it. */
static void test_failing_rebuild(void **state)
{
	struct room r;
	struct catalog_watcher *w;
	struct catalog *c;

	open_room(&r);
	insert(&r, one);
	watch_room(&r, 10, &w);
	must(db_script(r.db, "ALTER TABLE channels RENAME TO gone", &err));
	must(db_begin(r.db, &err));
	must(catalog_bump(r.db, &err));
	must(db_commit(r.db, &err));
	pause_ms(200);
	c = catalog_get(w);
	assert_int_equal(c->channel_count, 1);
	assert_string_equal(ids(c, "default", "a"), "1");
	catalog_put(c);
	must(db_script(r.db, "ALTER TABLE gone RENAME TO channels", &err));
	insert(&r, one);
	assert_true(grows_to(w, 2));
	catalog_unwatch(w);
	close_room(&r);
}

static void test_first_build_fails(void **state)
{
	struct room r;
	struct catalog_watcher *w = NULL;
	struct db *own;
	struct err failure = { 0 };

	open_room(&r);
	must(db_script(r.db, "DROP TABLE channels", &err));
	must(db_open("", r.dir, &own, &err));
	assert_false(catalog_watch(own, r.box, 10, &w, &failure));
	assert_int_equal(failure.kind, ERR_STORE);
	assert_null(w);
	close_room(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_candidates),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_unpriced),
		cmocka_unit_test(test_channel_make),
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_resources_config),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_models),
		cmocka_unit_test(test_unknown_type),
		cmocka_unit_test(test_mapping),
		cmocka_unit_test(test_presented),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_watch),
		cmocka_unit_test(test_nudge),
		cmocka_unit_test(test_failing_rebuild),
		cmocka_unit_test(test_first_build_fails),
	};

	return cmocka_run_group_tests_name("catalog", tests, NULL, NULL);
}
