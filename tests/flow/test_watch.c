/* test_watch.c — what a running gateway tells those who watch it
 *
 * Metrics on their own listener and as a path, traces through to the upstream and to a collector, the
 * one log line, reply headers, bodies that a key's owner wants kept.
 */
#include "../fcgi_client.h"
#include "../stack.h"
#include "../unit/collector.h"
#include "../unit/metrics_reader.h"

#define TOKEN "a-long-enough-metrics-token"
#define TRACE "0af7651916cd43dd8448eb211c80319c"
#define SPAN "b7ad6b7169203331"
#define PARENT "00-" TRACE "-" SPAN "-01"
#define CHAT(model)                                                                                \
	"{\"model\":\"" model "\",\"messages\":[{\"role\":\"user\",\"content\":\"tell no one\"}]}"
#define STREAM(model)                                                                              \
	"{\"model\":\"" model                                                                      \
	"\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"tell no one\"}]}"

static struct stack *s;
static struct stack_user u;
static struct collector collector;
static cJSON *posts[COLLECTOR_POSTS]; /* to it, parsed when they are first looked at */
static int64_t channel;
static int metrics_port;

static int set_up(void **state)
{
	static char listen[64], endpoint[64];
	static const char *const env[] = { listen, endpoint, "METRICS_TOKEN=" TOKEN,
		"OTEL_SERVICE_NAME=flow", "LOG_FORMAT=json", NULL };

	collector_start(&collector, 0);
	metrics_port = stack_free_port();
	snprintf(listen, sizeof listen, "METRICS_LISTEN=127.0.0.1:%d", metrics_port);
	snprintf(endpoint, sizeof endpoint, "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:%d",
	    collector.port);
	s = stack_start(env);
	stack_option(s, "ModelRatio",
	    "{\"m-one\":1,\"m-two\":1,\"error-500\":1,\"m-map\":1,\"m-retry\":1}");
	u = stack_user(s, &(struct stack_person){ .quota = 5000000 });
	channel = stack_channel(s,
	    &(struct stack_channel){ .models = "m-one,m-two,error-500,m-map",
	        .mapping = "{\"m-map\":\"m-one\"}" });
	return 0;
}

static int tear_down(void **state)
{
	stack_stop(s);
	collector_stop(&collector);
	for (int i = 0; i < COLLECTOR_POSTS; i++)
		cJSON_Delete(posts[i]);
	return 0;
}

/* ---- metrics ------------------------------------------------------------------------------------ */

/* Raw HTTP to the listener; owned. */
static char *ask_port(const char *request)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)metrics_port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	size_t cap = 4 << 20, n = 0;
	char *out = malloc(cap);
	ssize_t got;

	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(write(fd, request, strlen(request)), (ssize_t)strlen(request));
	while ((got = read(fd, out + n, cap - 1 - n)) > 0)
		n += (size_t)got;
	out[n] = '\0';
	close(fd);
	return out;
}

/* The document, checked; owned. */
static char *scrape(void)
{
	char *reply = ask_port("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
	const char *body = strstr(reply, "\r\n\r\n"), *wrong;
	char *copy;

	assert_non_null(body);
	assert_true(strncmp(reply, "HTTP/1.1 200 ", 13) == 0);
	assert_non_null(strstr(reply, "Content-Type: text/plain; version=0.0.4"));
	wrong = metrics_reader_check(str_c(body + 4));
	if (wrong)
		fail_msg("%s in %s", wrong, body);
	copy = strdup(body + 4);
	free(reply);
	return copy;
}

/* 0 when there is no such series; # stands for the channel. */
static double value(const char *pattern)
{
	const char *hole = strchr(pattern, '#');
	char series[256], *page = scrape();
	double v;

	if (hole)
		snprintf(series, sizeof series, "%.*s%d%s", (int)(hole - pattern), pattern,
		    (int)channel, hole + 1);
	v = metrics_reader_value(page, hole ? series : pattern);
	free(page);
	return v < 0 ? 0 : v;
}

#define OK_SERIES                                                                                  \
	"oneapi_requests_total{channel=\"#\",model=\"m-one\",mode=\"chat\",status=\"2xx\"}"

static void wait_value(const char *name, const char *format, double want)
{
	double got = -1;

	for (int i = 0; i < 1200; i++) {
		got = value(format);
		if (got == want)
			return;
		stack_sleep_ms(50);
	}
	fail_msg("%s: got %g, want %g", name, got, want);
}

static void test_metrics(void **state)
{
	double before = value(OK_SERIES),
	       quota = value("oneapi_quota_total{channel=\"#\",model=\"m-one\"}");
	struct stack_reply *r = stack_post(s, STACK_CHAT, u.key, CHAT("m-one"));
	int64_t in, out;

	assert_int_equal(r->status, 200);
	in = stack_int(r->json, "usage.prompt_tokens");
	out = stack_int(r->json, "usage.completion_tokens");
	assert_true(in > 0 && out > 0);
	wait_value("a request", OK_SERIES, before + 1);
	assert_true(stack_wait_settled(s, 5000));
	assert_int_equal(
	    (int64_t)(value("oneapi_quota_total{channel=\"#\",model=\"m-one\"}") - quota),
	    stack_sql_int(s, "SELECT quota FROM logs WHERE type = 2 ORDER BY id DESC LIMIT 1"));
	assert_true(value("oneapi_tokens_total{channel=\"#\",model=\"m-one\",type=\"input\"}") >=
	    (double)in);
	wait_value("none is left", "oneapi_requests_in_flight", 0);
	wait_value("one process", "oneapi_processes", 1);
	wait_value("reservations", "oneapi_reservations_open", 0);
	assert_true(value("oneapi_ledger_commit_seconds_count") > 0);
	assert_true(
	    value("oneapi_request_duration_seconds_count{channel=\"#\",model=\"m-one\"}") > 0);
}

static void test_metrics_of_streams_and_errors(void **state)
{
	double first = value("oneapi_first_token_seconds_count{channel=\"#\",model=\"m-two\"}");
	double errors = value("oneapi_errors_total{channel=\"none\",kind=\"key_invalid\"}");
	struct stack_ask ask = { .path = STACK_CHAT, .key = u.key, .body = STREAM("m-two") };
	struct stack_reply *r = stack_http(s, &ask);

	assert_int_equal(r->status, 200);
	wait_value("first token", "oneapi_first_token_seconds_count{channel=\"#\",model=\"m-two\"}",
	    first + 1);
	assert_int_equal(stack_post(s, STACK_CHAT, "nobodys-key", CHAT("m-one"))->status, 401);
	wait_value("refused", "oneapi_errors_total{channel=\"none\",kind=\"key_invalid\"}",
	    errors + 1);
	/* What a client makes up is no label. */
	stack_post(s, STACK_CHAT, u.key, CHAT("made-up-by-a-client"));
	{
		char *page = scrape();

		assert_null(strstr(page, "made-up"));
		free(page);
	}
}

static void test_breaker(void **state)
{
	for (int i = 0; i < 6; i++)
		stack_post(s, STACK_CHAT, u.key, CHAT("error-500"));
	wait_value("opened", "oneapi_breaker_opened_total{channel=\"#\",model=\"error-500\"}", 1);
	assert_true(value("oneapi_breaker_state{channel=\"#\",model=\"error-500\"}") == 2);
}

static void test_port(void **state)
{
	static const struct {
		const char *name, *request, *want;
	} cases[] = {
		{ "HEAD", "HEAD /metrics HTTP/1.1\r\n\r\n", "HTTP/1.1 200 " },
		{ "query", "GET /metrics?x=1 HTTP/1.0\r\n\r\n", "HTTP/1.1 200 " },
		{ "another path", "GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 404 " },
		{ "POST", "POST /metrics HTTP/1.1\r\n\r\n", "HTTP/1.1 405 " },
		{ "not HTTP", "hello\r\n\r\n", "HTTP/1.1 400 " },
		{ "never ends", "GET /metrics HTTP/1.1\r\n", "HTTP/1.1 400 " },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char *reply = ask_port(cases[i].request);

		if (strncmp(reply, cases[i].want, strlen(cases[i].want)) != 0)
			fail_msg("%s: got %.40s, want %s", cases[i].name, reply, cases[i].want);
		free(reply);
	}
}

/* GET /metrics of the program itself, with these further parameters; its status. */
static int ask_path(const struct fcgi_param *params, bool *whole)
{
	struct fcgi_client c;
	struct fcgi_answer a;
	char where[400];
	int status;

	snprintf(where, sizeof where, "%s/run/relay.sock", s->dir);
	fcgi_client_open(&c, fcgi_dial(where));
	fcgi_answer_init(&a);
	assert_true(fcgi_client_ask(&c, &(struct fcgi_ask){ .uri = "/metrics", .params = params },
	    &a, 5000));
	status = a.status;
	*whole = metrics_reader_check(buf_str(&a.body)) == NULL;
	fcgi_answer_release(&a);
	fcgi_client_close(&c);
	return status;
}

static void test_path(void **state)
{
	static const struct fcgi_param nobody[] = { { 0 } };
	static const struct fcgi_param right[] = { { "HTTP_AUTHORIZATION", "Bearer " TOKEN },
		{ 0 } };
	static const struct fcgi_param wrong[] = { { "HTTP_AUTHORIZATION", "Bearer " TOKEN "x" },
		{ 0 } };
	static const struct {
		const char *name;
		const struct fcgi_param *params;
		int status;
	} cases[] = {
		{ "nobody", nobody, 404 },
		{ "wrong token", wrong, 404 },
		{ "token", right, 200 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		bool whole;
		int got = ask_path(cases[i].params, &whole);

		if (got != cases[i].status || whole != (got == 200))
			fail_msg("%s: got %d, want %d", cases[i].name, got, cases[i].status);
	}
}

/* ---- traces ------------------------------------------------------------------------------------- */

static const cJSON *spans_of(int post)
{
	const cJSON *spans;

	if (!posts[post])
		posts[post] = cJSON_Parse(collector.bodies[post]);
	spans = stack_at(posts[post], "resourceSpans.0.scopeSpans.0.spans");
	assert_non_null(spans);
	return spans;
}

/* Of the span with that kind in that trace; NULL: not there. */
static const cJSON *find_span(const char *trace, int kind)
{
	for (int i = 0; i < atomic_load(&collector.count); i++) {
		const cJSON *span;

		cJSON_ArrayForEach(span, spans_of(i))
		{
			if (strcmp(stack_text(span, "traceId"), trace) == 0 &&
			    stack_int(span, "kind") == kind)
				return span;
		}
	}
	return NULL;
}

static const cJSON *wait_span(const char *trace, int kind)
{
	const cJSON *span = NULL;

	for (int i = 0; i < 1200 && !span; i++) {
		span = find_span(trace, kind);
		if (!span)
			stack_sleep_ms(50);
	}
	if (!span)
		fail_msg("no span of kind %d in trace %s", kind, trace);
	return span;
}

static void want_attr(const cJSON *span, const char *key, const char *want)
{
	if (strcmp(collector_attr(span, key), want) != 0)
		fail_msg("%s: got %s, want %s", key, collector_attr(span, key), want);
}

static void test_trace(void **state)
{
	static const char *const headers[] = { "traceparent: " PARENT, "tracestate: a=1", NULL };
	struct stack_ask ask = { .path = STACK_CHAT,
		.key = u.key,
		.headers = headers,
		.body = CHAT("m-map") };
	struct stack_reply *r = stack_http(s, &ask);
	const cJSON *server, *client;
	char passed[64], want[24];

	assert_int_equal(r->status, 200);
	snprintf(passed, sizeof passed, "%s", stack_text(stack_last(s), "headers.traceparent"));
	assert_string_equal(stack_text(stack_last(s), "headers.tracestate"), "a=1");
	server = wait_span(TRACE, 2);
	client = wait_span(TRACE, 3);
	assert_string_equal(stack_text(server, "parentSpanId"), SPAN);
	assert_string_equal(stack_text(client, "parentSpanId"), stack_text(server, "spanId"));
	assert_string_equal(stack_text(server, "name"), "POST /v1/chat/completions");
	assert_string_equal(stack_text(client, "name"), "chat m-one");
	assert_true(strncmp(passed + 36, stack_text(client, "spanId"), 16) == 0);
	want_attr(client, "gen_ai.operation.name", "chat");
	want_attr(client, "gen_ai.provider.name", "openai");
	want_attr(client, "gen_ai.request.model", "m-map");
	want_attr(client, "gen_ai.response.model", "m-one");
	want_attr(client, "server.address", "127.0.0.1");
	want_attr(client, "error.type", "");
	snprintf(want, sizeof want, "%d", (int)stack_int(r->json, "usage.prompt_tokens"));
	want_attr(client, "gen_ai.usage.input_tokens", want);
	snprintf(want, sizeof want, "%d", (int)stack_int(r->json, "usage.completion_tokens"));
	want_attr(client, "gen_ai.usage.output_tokens", want);
	want_attr(server, "http.response.status_code", "200");
	for (int i = 0; i < atomic_load(&collector.count); i++) {
		assert_null(strstr(collector.bodies[i], "tell no one"));
		assert_null(strstr(collector.bodies[i], u.key));
	}
}

static void test_trace_of_an_error(void **state)
{
	static const char *const headers[] = {
		"traceparent: 00-1af7651916cd43dd8448eb211c80319c-" SPAN "-01", NULL
	};
	struct stack_ask ask = { .path = STACK_CHAT,
		.key = u.key,
		.headers = headers,
		.body = CHAT("error-500") };
	const cJSON *span;

	stack_http(s, &ask);
	span = wait_span("1af7651916cd43dd8448eb211c80319c", 3);
	assert_true(strlen(collector_attr(span, "error.type")) > 0);
	assert_int_equal(stack_int(span, "status.code"), 2);
}

/* Each attempt has its span below the request's, and the one that was followed is counted. */
static void test_retry(void **state)
{
	static const char *const headers[] = {
		"traceparent: 00-4af7651916cd43dd8448eb211c80319c-" SPAN "-01", NULL
	};
	struct stack_ask ask = { .path = STACK_CHAT,
		.key = u.key,
		.headers = headers,
		.body = CHAT("m-retry") };
	char series[128];
	int64_t bad;
	int clients = 0, failed = 0;

	bad = stack_channel(s,
	    &(struct stack_channel){ .models = "m-retry",
	        .mapping = "{\"m-retry\":\"error-500\"}",
	        .priority = 10 });
	stack_channel(s, &(struct stack_channel){ .models = "m-retry" });
	stack_option(s, "RetryTimes", "1");
	assert_int_equal(stack_http(s, &ask)->status, 200);
	snprintf(series, sizeof series, "oneapi_retries_total{channel=\"%d\",kind=\"upstream\"}",
	    (int)bad);
	wait_value("retries", series, 1);
	wait_span("4af7651916cd43dd8448eb211c80319c", 2);
	for (int i = 0; i < atomic_load(&collector.count); i++) {
		const cJSON *span;

		cJSON_ArrayForEach(span, spans_of(i))
		{
			if (strcmp(stack_text(span, "traceId"),
			        "4af7651916cd43dd8448eb211c80319c") != 0 ||
			    stack_int(span, "kind") != 3)
				continue;
			clients++;
			failed += stack_int(span, "status.code") == 2;
		}
	}
	assert_int_equal(clients, 2);
	assert_int_equal(failed, 1);
	stack_option(s, "RetryTimes", "0");
}

/* Who says that it is not sampled is not exported; the trace goes on. */
static void test_not_sampled(void **state)
{
	static const char *const headers[] = {
		"traceparent: 00-2af7651916cd43dd8448eb211c80319c-" SPAN "-00", NULL
	};
	struct stack_ask ask = { .path = STACK_CHAT,
		.key = u.key,
		.headers = headers,
		.body = CHAT("m-one") };
	const char *passed;

	stack_http(s, &ask);
	passed = stack_text(stack_last(s), "headers.traceparent");
	assert_true(strncmp(passed, "00-2af7651916cd43dd8448eb211c80319c-", 36) == 0);
	assert_string_equal(passed + 52, "-00");
	stack_sleep_ms(1500);
	assert_null(find_span("2af7651916cd43dd8448eb211c80319c", 2));
}

/* ---- the log line ------------------------------------------------------------------------------- */

static void test_log_line(void **state)
{
	static const char *const headers[] = {
		"traceparent: 00-3af7651916cd43dd8448eb211c80319c-" SPAN "-01", NULL
	};
	struct stack_ask ask = { .path = STACK_CHAT,
		.key = u.key,
		.headers = headers,
		.body = CHAT("m-map") };
	struct stack_reply *r = stack_http(s, &ask);
	const char *at;
	cJSON *line;
	char *copy;

	assert_true(stack_log_has(s, "\"trace\":\"3af7651916cd43dd8448eb211c80319c\""));
	at = strstr(stack_log(s), "\"trace\":\"3af7651916cd43dd8448eb211c80319c\"");
	while (at[-1] != '\n')
		at--;
	copy = strndup(at, (size_t)(strchr(at, '\n') - at));
	line = cJSON_Parse(copy);
	if (!line)
		fail_msg("no JSON: %s", copy);
	assert_string_equal(stack_text(line, "event"), "relay.done");
	assert_string_equal(stack_text(line, "req"), stack_header(r, "X-Oneapi-Request-Id"));
	assert_string_equal(stack_header(r, "x-request-id"),
	    stack_header(r, "X-Oneapi-Request-Id"));
	assert_string_equal(stack_text(line, "model"), "m-map");
	assert_string_equal(stack_text(line, "served"), "m-one");
	assert_string_equal(stack_text(line, "finish"), "complete");
	assert_int_equal(stack_int(line, "channel"), channel);
	assert_int_equal(stack_int(line, "user"), u.id);
	assert_int_equal(stack_int(line, "token"), u.key_id);
	assert_int_equal(stack_int(line, "attempts"), 1);
	assert_int_equal(stack_int(line, "in"), stack_int(r->json, "usage.prompt_tokens"));
	assert_true(stack_int(line, "queue_ms") >= 0 && stack_int(line, "connect_ms") >= 0);
	assert_null(strstr(stack_log(s), "tell no one"));
	assert_null(strstr(stack_log(s), u.key));
	cJSON_Delete(line);
	free(copy);
}

/* ---- reply headers ------------------------------------------------------------------------------ */

static void test_headers(void **state)
{
	static const char *const trailer[] = { "X-Oneapi-Cost: trailer", NULL };
	struct stack_ask ask = { .path = STACK_CHAT,
		.key = u.key,
		.headers = trailer,
		.body = STREAM("m-two") };
	struct stack_reply *r;
	char want[64];
	int64_t cost;

	assert_null(stack_header(stack_post(s, STACK_CHAT, u.key, CHAT("m-map")), "X-Oneapi-Cost"));
	stack_option(s, "ReplyDetailHeaders", "admin");
	assert_null(
	    stack_header(stack_post(s, STACK_CHAT, u.key, CHAT("m-map")), "X-Oneapi-Channel"));
	assert_non_null(stack_header(stack_post(s, STACK_CHAT, stack_root_key(s), CHAT("m-map")),
	    "X-Oneapi-Channel"));
	stack_option(s, "ReplyDetailHeaders", "all");
	r = stack_post(s, STACK_CHAT, u.key, CHAT("m-map"));
	snprintf(want, sizeof want, "%d", (int)channel);
	assert_string_equal(stack_header(r, "X-Oneapi-Channel"), want);
	assert_string_equal(stack_header(r, "X-Oneapi-Model"), "m-one");
	stack_wait_settled(s, 5000);
	cost = stack_sql_int(s, "SELECT quota FROM logs WHERE type = 2 ORDER BY id DESC LIMIT 1");
	snprintf(want, sizeof want, "%d", (int)cost);
	assert_string_equal(stack_header(r, "X-Oneapi-Cost"), want);
	snprintf(want, sizeof want, "0.%06d", (int)cost * 2);
	assert_string_equal(stack_header(r, "X-Oneapi-Cost-Usd"), want);

	r = stack_http(s, &ask);
	assert_null(stack_header(r, "X-Oneapi-Cost"));
	assert_non_null(stack_header(r, "X-Oneapi-Channel"));
	stack_wait_settled(s, 5000);
	cost = stack_sql_int(s, "SELECT quota FROM logs WHERE type = 2 ORDER BY id DESC LIMIT 1");
	snprintf(want, sizeof want, "data: [DONE]\n\n: cost %d usd 0.%06d\n\n", (int)cost,
	    (int)cost * 2);
	if (!strstr(r->body.data, want))
		fail_msg("want %s in %s", want, r->body.data);
	stack_option(s, "ReplyDetailHeaders", "off");
}

/* ---- bodies that are kept ----------------------------------------------------------------------- */

static int64_t captures(void)
{
	return stack_sql_int(s, "SELECT COUNT(*) FROM captures");
}

static bool wait_captures(int64_t want)
{
	for (int i = 0; i < 1200 && captures() < want; i++)
		stack_sleep_ms(50);
	return captures() == want;
}

static void test_capture(void **state)
{
	struct stack_user other = stack_user(s, &(struct stack_person){ .quota = 1000 });
	struct stack_ask put = { .method = "PUT", .path = "/api/token/", .cookie = u.cookie },
	                 get = { 0 };
	struct stack_reply *r;
	char path[128], body[128];
	const char *kept;

	r = stack_post(s, STACK_CHAT, u.key, CHAT("m-one"));
	assert_int_equal(captures(), 0);
	snprintf(body, sizeof body, "{\"id\":%d,\"capture_until\":4000000000}", (int)u.key_id);
	put.body = body;
	assert_int_equal(stack_http(s, &put)->status, 200);
	r = stack_post(s, STACK_CHAT, u.key,
	    "{\"model\":\"m-one\",\"messages\":[{\"role\":\"user\",\"content\":\"key "
	    "sk-0123456789abcdef0123456789abcdef\"}]}");
	assert_int_equal(r->status, 200);
	assert_true(wait_captures(1));
	snprintf(path, sizeof path, "/api/log/%s/capture", stack_header(r, "X-Oneapi-Request-Id"));
	get = (struct stack_ask){ .path = path, .cookie = u.cookie };
	r = stack_http(s, &get);
	kept = stack_text(r->json, "data.request");
	assert_non_null(strstr(kept, "\"key ***\""));
	assert_non_null(strstr(stack_text(r->json, "data.response"), "chat.completion"));
	get.cookie = other.cookie;
	r = stack_http(s, &get);
	assert_null(stack_at(r->json, "data.request"));
	r = stack_root(s, "GET", path, NULL);
	assert_non_null(stack_at(r->json, "data.request"));

	r = stack_post(s, STACK_CHAT, u.key, STREAM("m-two"));
	assert_true(wait_captures(2));
	snprintf(path, sizeof path, "/api/log/%s/capture", stack_header(r, "X-Oneapi-Request-Id"));
	r = stack_root(s, "GET", path, NULL);
	assert_non_null(strstr(stack_text(r->json, "data.response"), "data: [DONE]"));
	snprintf(body, sizeof body, "{\"id\":%d,\"capture_until\":0}", (int)u.key_id);
	assert_int_equal(stack_http(s, &put)->status, 200);
	stack_post(s, STACK_CHAT, u.key, CHAT("m-one"));
	stack_wait_settled(s, 5000);
	assert_int_equal(captures(), 2);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_metrics),
		cmocka_unit_test(test_metrics_of_streams_and_errors),
		cmocka_unit_test(test_port),
		cmocka_unit_test(test_path),
		cmocka_unit_test(test_trace),
		cmocka_unit_test(test_retry),
		cmocka_unit_test(test_not_sampled),
		cmocka_unit_test(test_log_line),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_capture),
		cmocka_unit_test(test_breaker),
		cmocka_unit_test(test_trace_of_an_error),
	};

	return cmocka_run_group_tests_name("watch", tests, set_up, tear_down);
}
