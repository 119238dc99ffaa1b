/* test_capture.c — what is taken out of bodies that are kept, and how long they stay */
#include "temp_db.h"

#include "base/buf.h"
#include "store/capture.h"

#include "../../fcgi-relay/capture.h"
#include "../../fcgi-relay/redact.h"

#define KEY "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKL"
#define RUN32 "QUJDREVGR0hJSktMTU5PUFFSU1RVVldY"
#define RUN256 RUN32 RUN32 RUN32 RUN32 RUN32 RUN32 RUN32 RUN32

static void test_redact(void **state)
{
	static const struct {
		const char *name, *in, *want;
	} cases[] = {
		{ "plain", "{\"model\":\"gpt-4o\",\"n\":1}", "{\"model\":\"gpt-4o\",\"n\":1}" },
		{ "key", "my key is sk-" KEY ".", "my key is ***" },
		{ "key in JSON", "{\"content\":\"sk-" KEY "\"}", "{\"content\":\"***\"}" },
		{ "key in a URL", "http://h/x?key=sk-" KEY "&a=/sk-" KEY,
		    "http://h/x?key=***&a=/***" },
		{ "a word that begins so", "ask-me sk-short", "ask-me sk-short" },
		{ "bearer", "Authorization: Bearer " KEY " x", "Authorization: *** x" },
		{ "jwt", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl,", "***," },
		{ "secret member", "{\"api_key\":\"hunter2\",\"b\":2}",
		    "{\"api_key\":\"***\",\"b\":2}" },
		{ "with blanks, in capitals", "{\"Password\" : \"hunter2\"}",
		    "{\"Password\" : \"***\"}" },
		{ "JSON in JSON", "{\"arguments\":\"{\\\"secret\\\":\\\"hunter2\\\"}\"}",
		    "{\"arguments\":\"{\\\"secret\\\":\\\"***\\\"}\"}" },
		{ "a longer name", "{\"secrets\":\"no\"}", "{\"secrets\":\"no\"}" },
		{ "a number", "{\"password\":12}", "{\"password\":12}" },
		{ "never ended", "{\"password\":\"hunter2", "{\"password\":\"***" },
		{ "data URI", "\"data:image/png;base64," RUN256 "==\"",
		    "\"data:image/png;base64,[258 bytes of base64]\"" },
		{ "a long word", RUN32, RUN32 },
		{ "empty", "", "" },
		{ "not text", "\x89PNG\xff", "[5 bytes that are not text]" },
		{ "UTF-8", "你好", "你好" },
		{ "cut within a character", "a\xe4\xbd", "a\xe4\xbd" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct buf out = buf_init(4096);

		capture_redact(str_c(cases[i].in), strlen(cases[i].in), 2048, &out);
		if (!buf_ok(&out) || strcmp(out.data, cases[i].want) != 0)
			fail_msg("%s: got %s, want %s", cases[i].name, out.data, cases[i].want);
		buf_release(&out);
	}
}

/* Events as a client gets them; want: what is kept of them. */
#define CHAT(text) "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" text "\"}}]}\n\n"
#define SECOND(text) "data: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"" text "\"}}]}\n\n"
#define CALL(text)                                                                                 \
	"data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{"  \
	"\"arguments\":\"" text "\"}}]}}]}\n\n"
#define RESPONSE(item, text)                                                                       \
	"event: response.output_text.delta\ndata: {\"item_id\":\"" item "\",\"delta\":\"" text     \
	"\"}\n\n"

static void test_redact_stream(void **state)
{
	static const struct {
		const char *name, *in, *want;
	} cases[] = {
		{ "no secret", CHAT("a sk") CHAT("-b c"), CHAT("a sk") CHAT("-b c") },
		{ "a key in two", CHAT("is sk-abcde") CHAT("fghijklmno!"),
		    CHAT("is ***") CHAT("!") },
		{ "a key in many",
		    CHAT("s") CHAT("k") CHAT("-abcd") CHAT("efgh") CHAT("ijkl") CHAT(" z"),
		    CHAT("***") CHAT("") CHAT("") CHAT("") CHAT("") CHAT(" z") },
		{ "a key in one", CHAT("sk-" KEY), CHAT("***") },
		{ "long in one piece, more in the next", CHAT("sk-" KEY) CHAT("XYZ!"),
		    CHAT("***") CHAT("!") },
		{ "bearer", CHAT("Bear") CHAT("er abcdefg") CHAT("hijklmn,"),
		    CHAT("***") CHAT("") CHAT(",") },
		{ "two choices",
		    CHAT("sk-abcde") SECOND("sk-12345") CHAT("fghijklm ") SECOND("6789 0"),
		    CHAT("***") SECOND("sk-12345") CHAT(" ") SECOND("6789 0") },
		{ "a member of arguments",
		    CALL("{\\\"pass") CALL("word\\\":\\\"hun") CALL("ter2\\\"}"),
		    CALL("{\\\"***") CALL("") CALL("\\\"}") },
		{ "arguments beside content", CALL("sk-abcdef") CHAT("sk-") CALL("ghijklmn"),
		    CALL("***") CHAT("sk-") CALL("") },
		{ "of Responses",
		    RESPONSE("a", "sk-abcdef") RESPONSE("b", "x") RESPONSE("a", "ghijklmn"),
		    RESPONSE("a", "***") RESPONSE("b", "x") RESPONSE("a", "") },
		{ "cut within an event",
		    CHAT("sk-abcdefghijkl") "data: {\"choices\":[{\"delta\":{\"con",
		    CHAT("***") "data: {\"choices\":[{\"delta\":{\"con" },
		{ "comments and the end",
		    ": alive\n\n" CHAT("sk-abcde") ": alive\n\n" CHAT(
		        "fghijklm") "data: [DONE]\n\n",
		    ": alive\n\n" CHAT("***") ": alive\n\n" CHAT("") "data: [DONE]\n\n" },
		{ "no stream", "{\"content\":\"sk-short\"}", "{\"content\":\"sk-short\"}" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct buf joined = buf_init(8192), out = buf_init(8192);

		redact_stream(str_c(cases[i].in), &joined);
		capture_redact(buf_str(&joined), joined.len, 4096, &out);
		if (!buf_ok(&out) || strcmp(out.data, cases[i].want) != 0)
			fail_msg("%s: got %s, want %s", cases[i].name, out.data, cases[i].want);
		buf_release(&joined);
		buf_release(&out);
	}
}

/* As many events as fit into what is kept, one character each: bounded in time and memory. */
static void test_redact_long_stream(void **state)
{
	struct buf in = buf_init(1 << 20), joined = buf_init(1 << 21);
	size_t events = 0;

	for (; in.len + 100 < 300000; events++)
		buf_add(&in, events % 50 == 49 ? STR(CHAT(" ")) : STR(CHAT("s")));
	redact_stream(buf_str(&in), &joined);
	assert_true(str_eq(buf_str(&joined), buf_str(&in)));
	buf_clear(&in);
	buf_clear(&joined);
	buf_add(&in, STR(CHAT("sk-")));
	for (size_t i = 0; i < 200; i++)
		buf_add(&in, STR(CHAT("a")));
	redact_stream(buf_str(&in), &joined);
	assert_true(str_starts(buf_str(&joined), STR(CHAT("***") CHAT("") CHAT(""))));
	assert_false(str_has(buf_str(&joined), STR("\"a\"")));
	buf_release(&in);
	buf_release(&joined);
}

static void test_cut(void **state)
{
	struct buf out = buf_init(300);

	capture_redact(STR("ab你"), 5, 4, &out);
	assert_string_equal(out.data, "ab");
	buf_clear(&out);
	/* At its end stands something that is longer than what is hidden. */
	capture_redact(STR("ab " RUN256), 300, 5, &out);
	assert_true(buf_ok(&out));
	assert_string_equal(out.data, "ab [2");
	buf_release(&out);
}

static void put(struct temp_db *t, const char *id, int64_t user, int64_t at, struct str request)
{
	struct buf packed = buf_init(1 << 20), empty = buf_init(1024);
	struct capture c = { .request_id = str_c(id),
		.user_id = user,
		.token_id = 3,
		.created_at = at,
		.request_bytes = (int64_t)request.n,
		.request_total = 99 };
	struct err err = { 0 };

	capture_pack(request, &packed);
	capture_pack(STR(""), &empty);
	c.request = buf_str(&packed);
	c.response = buf_str(&empty);
	if (!capture_put(t->db, &c, &err))
		fail_msg("capture_put: %s %s", err.msg, err.detail);
	buf_release(&packed);
	buf_release(&empty);
}

static bool find(struct temp_db *t, const char *id, int64_t user, struct capture *c)
{
	struct err err = { 0 };
	bool ok = capture_find(t->db, t->arena, user, str_c(id), c, &err);

	if (!ok && err.kind != ERR_NOT_FOUND)
		fail_msg("capture_find: %s %s", err.msg, err.detail);
	return ok;
}

static void test_store(void **state)
{
	struct temp_db *t = *state;
	struct capture c;

	put(t, "one", 7, 1000, STR("{\"a\":\"b\"}"));
	put(t, "one", 7, 1000, STR("again"));
	assert_true(find(t, "one", 7, &c));
	assert_true(str_eq_c(c.request, "{\"a\":\"b\"}"));
	assert_true(str_eq_c(c.response, ""));
	assert_int_equal(c.request_total, 99);
	assert_int_equal(c.token_id, 3);
	assert_true(find(t, "one", 0, &c));
	assert_false(find(t, "one", 8, &c));
	assert_false(find(t, "two", 0, &c));
}

/* Old ones go, a few at a time. */
static void test_sweep(void **state)
{
	struct temp_db *t = *state;
	struct capture c;
	struct err err = { 0 };
	int64_t count;

	put(t, "old1", 1, 100, STR("x"));
	put(t, "old2", 1, 101, STR("x"));
	put(t, "old3", 1, 102, STR("x"));
	put(t, "new", 1, 200, STR("x"));
	assert_true(capture_sweep(t->db, 200, 2, &count, &err));
	assert_int_equal(count, 2);
	assert_true(capture_sweep(t->db, 200, 2, &count, &err));
	assert_int_equal(count, 1);
	assert_true(find(t, "new", 1, &c));
	assert_false(find(t, "old3", 1, &c));
}

/* A full table takes no more. */
static void test_full(void **state)
{
	struct temp_db *t = *state;
	struct capture c;
	struct err err = { 0 };

	put(t, "first", 1, 100, STR("x"));
	assert_true(db_run(t->db, "UPDATE captures SET id = 1", BIND_NONE, NULL, &err));
	put(t, "last", 1, 100, STR("x"));
	assert_true(db_run(t->db, "UPDATE captures SET id = 20000 WHERE request_id = 'last'",
	    BIND_NONE, NULL, &err));
	put(t, "too many", 1, 100, STR("x"));
	assert_true(find(t, "last", 1, &c));
	assert_false(find(t, "too many", 1, &c));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_redact),
		cmocka_unit_test(test_redact_stream),
		cmocka_unit_test(test_redact_long_stream),
		cmocka_unit_test(test_cut),
		DB_TEST(test_store),
		DB_TEST(test_sweep),
		DB_TEST(test_full),
	};

	return temp_db_run("capture", tests, COUNT_OF(tests));
}
