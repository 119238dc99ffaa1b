/* test_otlp.c — spans reach a collector, and nobody waits for one that is slow or away */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "collector.h"
#include "net/upstream.h"

#include "../../fcgi-relay/otlp.h"

static struct otlp *start(int port, const char *headers)
{
	char endpoint[64];
	struct otlp *o;
	struct err err = { 0 };

	snprintf(endpoint, sizeof endpoint, "http://127.0.0.1:%d/", port);
	if (!otlp_start(&(struct otlp_setup){ .endpoint = endpoint,
	                    .headers = headers,
	                    .service = "a \"service\"",
	                    .version = "v1",
	                    .node = "n",
	                    .ca_file = "" },
	        &o, &err))
		fail_msg("otlp_start: %s", err.msg);
	return o;
}

static void send_one(struct otlp *o, const char *name)
{
	const struct otlp_attr attrs[] = { OTLP_TEXT("gen_ai.operation.name", STR("chat")),
		OTLP_INT("gen_ai.usage.input_tokens", INT64_C(9007199254740993)),
		OTLP_TEXT("left.out", STR("")), { 0 } };

	otlp_send(o,
	    &(struct otlp_span){ .trace = "0af7651916cd43dd8448eb211c80319c",
	        .span = "b7ad6b7169203331",
	        .parent = "00f067aa0ba902b7",
	        .state = STR("a=1"),
	        .name = str_c(name),
	        .kind = OTLP_CLIENT,
	        .start_ns = INT64_C(1700000000123456789),
	        .end_ns = INT64_C(1700000001123456789),
	        .failed = true,
	        .message = STR("upstream"),
	        .attrs = attrs });
}

static const char *text(const cJSON *tree, const char *path)
{
	const cJSON *at = json_at(tree, path);

	return cJSON_IsString(at) ? at->valuestring : "(none)";
}

/* The names of OTLP's JSON mapping: ids in hex, 64-bit numbers as strings, enums as numbers. */
static void test_shape(void **state)
{
	static const struct {
		const char *path, *want;
	} cases[] = {
		{ "resourceSpans.0.resource.attributes.0.key", "service.name" },
		{ "resourceSpans.0.resource.attributes.0.value.stringValue", "a \"service\"" },
		{ "resourceSpans.0.scopeSpans.0.scope.name", "oneapi-fcgi" },
		{ "resourceSpans.0.scopeSpans.0.spans.0.traceId",
		    "0af7651916cd43dd8448eb211c80319c" },
		{ "resourceSpans.0.scopeSpans.0.spans.0.spanId", "b7ad6b7169203331" },
		{ "resourceSpans.0.scopeSpans.0.spans.0.parentSpanId", "00f067aa0ba902b7" },
		{ "resourceSpans.0.scopeSpans.0.spans.0.traceState", "a=1" },
		{ "resourceSpans.0.scopeSpans.0.spans.0.startTimeUnixNano", "1700000000123456789" },
		{ "resourceSpans.0.scopeSpans.0.spans.0.endTimeUnixNano", "1700000001123456789" },
		{ "resourceSpans.0.scopeSpans.0.spans.0.name", "first" },
		{ "resourceSpans.0.scopeSpans.0.spans.1.name", "second" },
		{ "resourceSpans.0.scopeSpans.0.spans.0.status.message", "upstream" },
	};
	struct collector c;
	struct otlp *o;
	cJSON *tree;
	const cJSON *span;

	collector_start(&c, 0);
	o = start(c.port, "x-key=a%20b,other=c");
	send_one(o, "first");
	send_one(o, "second");
	assert_true(collector_wait(&c, 1, 60000));
	otlp_stop(o);
	assert_int_equal(atomic_load(&c.count), 1);
	assert_non_null(strstr(c.heads[0], "POST /v1/traces HTTP/1.1"));
	assert_non_null(strcasestr(c.heads[0], "\r\ncontent-type: application/json"));
	assert_non_null(strcasestr(c.heads[0], "\r\nx-key: a b"));
	assert_non_null(strcasestr(c.heads[0], "\r\nother: c"));
	tree = cJSON_Parse(c.bodies[0]);
	assert_non_null(tree);
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		if (strcmp(text(tree, cases[i].path), cases[i].want) != 0)
			fail_msg("%s: got %s, want %s", cases[i].path, text(tree, cases[i].path),
			    cases[i].want);
	span = json_at(tree, "resourceSpans.0.scopeSpans.0.spans.0");
	assert_int_equal(json_int_at(span, "kind", 0), 3);
	assert_int_equal(json_int_at(span, "status.code", 0), 2);
	assert_string_equal(collector_attr(span, "gen_ai.usage.input_tokens"), "9007199254740993");
	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(span, "attributes")), 2);
	cJSON_Delete(tree);
	collector_stop(&c);
}

static void test_outcomes(void **state)
{
	static const struct {
		const char *name;
		int status, refusals, posts;
		uint64_t sent, dropped;
	} cases[] = {
		{ "taken", 200, 0, 1, 1, 0 },
		{ "busy, then taken", 503, 1, 2, 1, 0 },
		{ "too many, then taken", 429, 1, 2, 1, 0 },
		{ "refused for good", 400, 1, 1, 0, 1 },
		{ "not found", 404, 1, 1, 0, 1 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct otlp_counts counts;
		struct collector c;
		struct otlp *o;

		collector_start(&c, 0);
		c.status = cases[i].status;
		atomic_store(&c.refusals, cases[i].refusals);
		o = start(c.port, "");
		send_one(o, "x");
		if (!collector_wait(&c, cases[i].posts, 60000))
			fail_msg("%s: got %d posts", cases[i].name, atomic_load(&c.count));
		for (int k = 0; k < 6000; k++) {
			counts = otlp_counts(o);
			if (counts.sent + counts.dropped)
				break;
			usleep(10000);
		}
		if (counts.sent != cases[i].sent || counts.dropped != cases[i].dropped)
			fail_msg("%s: got %d sent, %d dropped", cases[i].name, (int)counts.sent,
			    (int)counts.dropped);
		otlp_stop(o);
		collector_stop(&c);
	}
}

/* Nobody listens: sending takes no time, what does not fit is dropped, stopping is quick. */
static void test_away(void **state)
{
	int64_t begun = clock_mono_ms(), took;
	struct otlp *o = start(1, "");
	struct otlp_counts counts;

	for (int i = 0; i < OTLP_QUEUE_MAX * 2; i++)
		send_one(o, "x");
	took = clock_mono_ms() - begun;
	if (took > 60000)
		fail_msg("sending took %d ms", (int)took);
	counts = otlp_counts(o);
	assert_true(counts.dropped >= OTLP_QUEUE_MAX / 2);
	begun = clock_mono_ms();
	otlp_stop(o);
	took = clock_mono_ms() - begun;
	if (took > 60000)
		fail_msg("stopping took %d ms", (int)took);
}

/* A collector that takes for ever does not hold up the end. */
#define SLOW_MS 120000

static void test_slow_end(void **state)
{
	struct collector c;
	struct otlp *o;
	int64_t begun, took;

	collector_start(&c, 0);
	atomic_store(&c.delay_ms, SLOW_MS);
	o = start(c.port, "");
	send_one(o, "x");
	begun = clock_mono_ms();
	otlp_stop(o);
	took = clock_mono_ms() - begun;
	if (took >= SLOW_MS)
		fail_msg("stopping took %d ms", (int)took);
	collector_stop(&c);
}

static void test_settings(void **state)
{
	static const struct {
		const char *name, *endpoint, *headers;
	} cases[] = {
		{ "no scheme", "127.0.0.1:4318", "" },
		{ "another scheme", "grpc://127.0.0.1:4317", "" },
		{ "no equals", "http://127.0.0.1:4318", "name" },
		{ "no name", "http://127.0.0.1:4318", "=value" },
		{ "line end", "http://127.0.0.1:4318", "a=b%0d%0ac: d" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct otlp_setup setup = { .endpoint = cases[i].endpoint,
			.headers = cases[i].headers,
			.service = "s",
			.version = "",
			.node = "",
			.ca_file = "" };
		struct err err = { 0 };
		struct otlp *o = NULL;

		if (otlp_start(&setup, &o, &err) || err.kind != ERR_CONFIG)
			fail_msg("%s: was taken", cases[i].name);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shape),
		cmocka_unit_test(test_outcomes),
		cmocka_unit_test(test_away),
		cmocka_unit_test(test_slow_end),
		cmocka_unit_test(test_settings),
	};
	static const struct upstream_setup setup = { .proxy = "",
		.ca_file = "",
		.user_agent = "t" };
	struct err err = { 0 };

	if (!upstream_setup(&setup, &err))
		return 1;
	return cmocka_run_group_tests_name("otlp", tests, NULL, NULL);
}
