/* test_http.c — headers, queries, URL encoding, and what a web server's variables become */
#include "net/http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/err.h"
#include "net/cgi_vars.h"

static void check_str(const char *name, struct str got, struct str want)
{
	if (!str_eq(got, want))
		fail_msg("%s: got '%.*s', want '%.*s'", name, STR_ARG(got), STR_ARG(want));
}

/* ---- headers -------------------------------------------------------------------------- */

static void headers_keep_order_and_drop_line_ends(void **state)
{
	struct arena *a = arena_new(0);
	struct headers h;

	headers_init(&h, a);
	headers_add_c(&h, "X-One", "1");
	headers_add(&h, STR("X-Two"), STR("a\r\nSet-Cookie: b\0c"));
	for (int i = 0; i < 20; i++)
		headers_add_c(&h, "x-one", "again");
	assert_int_equal(h.count, 22);
	check_str("first", headers_get(&h, "x-ONE"), STR("1"));
	check_str("one line", headers_get(&h, "X-Two"), STR("aSet-Cookie: bc"));
	check_str("absent", headers_get(&h, "X-Three"), STR(""));
	check_str("last", h.items[21].value, STR("again"));
	arena_free(a);
}

static void a_deferred_request_tells_the_dispatcher_first(void **state)
{
	struct req *r = req_new(arena_new(0));
	bool told = false;

	req_defer(r);
	assert_true(r->deferred);
	r->defer_flag = &told;
	req_defer(r);
	assert_true(told);
	assert_null(r->defer_flag);
	req_free(r);
	req_free(NULL);
}

/* ---- queries -------------------------------------------------------------------------- */

static void queries(void **state)
{
	static const struct {
		const char *name, *query, *key, *want;
	} cases[] = {
		{ "plain", "a=1&b=2", "b", "2" },
		{ "first of two", "a=1&a=2", "a", "1" },
		{ "absent", "a=1", "b", "" },
		{ "empty query", "", "a", "" },
		{ "no value", "a&b=2", "a", "" },
		{ "empty value", "a=&b=2", "a", "" },
		{ "value with =", "a=1=2", "a", "1=2" },
		{ "plus", "a=x+y", "a", "x y" },
		{ "escapes", "a=%41%2b%26", "a", "A+&" },
		{ "malformed escape", "a=%4&b=%zz", "a", "%4" },
		{ "escaped key", "%61=7", "a", "7" },
		{ "key is a prefix", "ab=1&a=2", "a", "2" },
		{ "empty pairs", "&&a=2&", "a", "2" },
		{ "utf-8", "a=%E4%BD%A0", "a", "\xe4\xbd\xa0" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct req *r = req_new(arena_new(0));

		r->query = str_c(cases[i].query);
		check_str(cases[i].name, req_query(r, cases[i].key), str_c(cases[i].want));
		req_free(r);
	}
}

static void query_numbers(void **state)
{
	static const struct {
		const char *query;
		int64_t want;
	} cases[] = {
		{ "p=12", 12 },
		{ "p=-3", -3 },
		{ "p=", 99 },
		{ "p=1x", 99 },
		{ "q=1", 99 },
		{ "p=99999999999999999999", 99 },
		{ "p=9223372036854775807", INT64_MAX },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct req *r = req_new(arena_new(0));
		int64_t got;

		r->query = str_c(cases[i].query);
		got = req_query_int(r, "p", 99);
		if (got != cases[i].want)
			fail_msg("%s: got %lld, want %lld", cases[i].query, (long long)got,
			    (long long)cases[i].want);
		req_free(r);
	}
}

/* RFC 3986, 2.3: letters, digits and - . _ ~ stay. */
static void encoding(void **state)
{
	static const struct {
		struct str in;
		const char *want;
	} cases[] = {
		{ STR_INIT("AZaz09-._~"), "AZaz09-._~" },
		{ STR_INIT("a b/c?d=e&f"), "a%20b%2Fc%3Fd%3De%26f" },
		{ STR_INIT("\xe4\xbd\xa0"), "%E4%BD%A0" },
		{ STR_INIT("\0%+"), "%00%25%2B" },
		{ STR_INIT(""), "" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena *a = arena_new(0);
		struct buf out = buf_init(1000);

		url_encode(&out, cases[i].in);
		check_str("encoded", buf_str(&out), str_c(cases[i].want));
		check_str("and back", url_decode(a, buf_str(&out), false), cases[i].in);
		buf_release(&out);
		arena_free(a);
	}
}

static void json_replies(void **state)
{
	struct arena *a = arena_new(0);
	struct resp resp;

	resp_init(&resp, a);
	assert_int_equal(resp.status, 0);
	resp_json(&resp, 404);
	buf_add_c(&resp.body, "{}");
	assert_int_equal(resp.status, 404);
	check_str("type", headers_get(&resp.headers, "content-type"), STR("application/json"));
	resp_release(&resp);
	assert_int_equal(resp.body.len, 0);
	arena_free(a);
}

/* ---- what web servers send ------------------------------------------------------------ */

/* Variables as lines; the request that comes of them, false when it is refused. */
static bool from_vars(struct req *r, const char *lines, const char *trusted)
{
	struct str rest = str_c(lines), line;
	struct err err = { 0 };
	struct cgi_vars v;

	cgi_vars_init(&v, r->arena);
	while (str_next(&rest, '\n', &line))
		cgi_vars_take(&v, str_dup(r->arena, line));
	if (cgi_vars_fill(&v, str_c(trusted), r, &err))
		return true;
	assert_int_equal(err.kind, ERR_BAD_REQUEST);
	return false;
}

static void paths(void **state)
{
	static const struct {
		const char *name, *vars, *path, *raw, *query;
	} cases[] = {
		{ "plain", "REQUEST_URI=/v1/models", "/v1/models", "/v1/models", "" },
		{ "query of the URI", "REQUEST_URI=/a?b=c?d\nQUERY_STRING=other", "/a", "/a",
		    "b=c?d" },
		{ "empty query", "REQUEST_URI=/a?", "/a", "/a", "" },
		{ "escapes", "REQUEST_URI=/a%20b/%C3%A9?q=%20", "/a b/\xc3\xa9", "/a%20b/%C3%A9",
		    "q=%20" },
		{ "escaped slash and ?", "REQUEST_URI=/a%2Fb%3Fc", "/a/b?c", "/a%2Fb%3Fc", "" },
		{ "malformed escape", "REQUEST_URI=/a%2", "/a%2", "/a%2", "" },
		{ "plus stays", "REQUEST_URI=/a+b", "/a+b", "/a+b", "" },
		{ "one trailing slash", "REQUEST_URI=/api/user/", "/api/user", "/api/user/", "" },
		{ "two trailing slashes", "REQUEST_URI=/a//", "/a/", "/a//", "" },
		{ "nothing is collapsed", "REQUEST_URI=//a/../b", "//a/../b", "//a/../b", "" },
		{ "root", "REQUEST_URI=/", "/", "/", "" },
		{ "whole URI", "REQUEST_URI=http://h:80/v1/x?y=1", "/v1/x", "/v1/x", "y=1" },
		{ "whole URI without path", "REQUEST_URI=https://h", "/", "/", "" },
		{ "asterisk", "REQUEST_URI=*", "*", "*", "" },
		{ "fallback", "SCRIPT_NAME=/v1\nPATH_INFO=/chat/completions\nQUERY_STRING=a=1",
		    "/v1/chat/completions", "", "a=1" },
		{ "nothing at all", "X=1", "/", "", "" },
		{ "prefix", "REQUEST_URI=/llm/v1/models?x\nGATEWAY_PREFIX=/llm", "/v1/models",
		    "/v1/models", "x" },
		{ "prefix with slash", "REQUEST_URI=/llm/v1\nGATEWAY_PREFIX=/llm/", "/v1", "/v1",
		    "" },
		{ "prefix is all", "REQUEST_URI=/llm\nGATEWAY_PREFIX=/llm", "/", "/", "" },
		{ "prefix of a name only", "REQUEST_URI=/llmx/v1\nGATEWAY_PREFIX=/llm", "/llmx/v1",
		    "/llmx/v1", "" },
		{ "no prefix there", "REQUEST_URI=/v1\nGATEWAY_PREFIX=/llm", "/v1", "/v1", "" },
		{ "prefix in the fallback", "SCRIPT_NAME=/llm/v1\nGATEWAY_PREFIX=/llm", "/v1", "",
		    "" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct req *r = req_new(arena_new(0));

		if (!from_vars(r, cases[i].vars, ""))
			fail_msg("%s: refused", cases[i].name);
		check_str(cases[i].name, r->path, str_c(cases[i].path));
		check_str(cases[i].name, r->raw_path, str_c(cases[i].raw));
		check_str(cases[i].name, r->query, str_c(cases[i].query));
		req_free(r);
	}
}

static void a_path_with_nul_is_refused(void **state)
{
	static const char *const uris[] = { "REQUEST_URI=/a%00b", "REQUEST_URI=/%00" };

	for (size_t i = 0; i < COUNT_OF(uris); i++) {
		struct req *r = req_new(arena_new(0));

		if (from_vars(r, uris[i], ""))
			fail_msg("%s: accepted", uris[i]);
		req_free(r);
	}
}

static void client_addresses(void **state)
{
	static const struct {
		const char *name, *trusted, *remote, *forwarded, *want;
	} cases[] = {
		{ "plain", "", "192.0.2.1", "", "192.0.2.1" },
		{ "forged", "", "192.0.2.1", "10.0.0.1", "192.0.2.1" },
		{ "forged through another network", "10.0.0.0/8", "192.0.2.1", "1.1.1.1",
		    "192.0.2.1" },
		{ "one proxy", "10.0.0.0/8", "10.0.0.9", "192.0.2.7", "192.0.2.7" },
		{ "right-most that is not ours", "10.0.0.0/8", "10.0.0.9",
		    "6.6.6.6, 192.0.2.7, 10.1.1.1", "192.0.2.7" },
		{ "all are ours", "10.0.0.0/8", "10.0.0.9", "10.0.0.3,10.0.0.4", "10.0.0.3" },
		{ "proxy without the header", "10.0.0.0/8", "10.0.0.9", "", "10.0.0.9" },
		{ "nonsense ends the walk", "10.0.0.0/8", "10.0.0.9", "6.6.6.6, unknown",
		    "10.0.0.9" },
		{ "a network is no address", "10.0.0.0/8", "10.0.0.9", "10.0.0.0/8", "10.0.0.9" },
		{ "port", "10.0.0.0/8", "10.0.0.9", "192.0.2.7:4711", "192.0.2.7" },
		{ "IPv6", "2001:db8::/32", "2001:db8::1", "2001:db9::5", "2001:db9::5" },
		{ "IPv6 in brackets", "10.0.0.9", "10.0.0.9", "[2001:db9::5]:80", "2001:db9::5" },
		{ "the last of two lines", "10.0.0.0/8", "10.0.0.9",
		    "6.6.6.6\nHTTP_HOST=gw.example\nHTTP_X_FORWARDED_FOR=192.0.2.7", "192.0.2.7" },
		{ "two lines of ours", "10.0.0.0/8", "10.0.0.9",
		    "6.6.6.6, 192.0.2.7\nHTTP_X_FORWARDED_FOR=10.0.0.3", "192.0.2.7" },
		{ "an empty line", "10.0.0.0/8", "10.0.0.9",
		    "192.0.2.7\nHTTP_X_FORWARDED_FOR=", "192.0.2.7" },
		{ "unix socket", "", "unix:", "6.6.6.6", "" },
		{ "no address", "", "", "6.6.6.6", "" },
		{ "trusted unix socket", "unix", "unix:", "192.0.2.7", "192.0.2.7" },
		{ "trusted, no address", "10.0.0.1, unix", "", "192.0.2.7", "192.0.2.7" },
	};
	char vars[256];

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct req *r = req_new(arena_new(0));

		snprintf(vars, sizeof(vars),
		    "REQUEST_URI=/\nREMOTE_ADDR=%s\nHTTP_X_FORWARDED_FOR=%s", cases[i].remote,
		    cases[i].forwarded);
		assert_true(from_vars(r, vars, cases[i].trusted));
		check_str(cases[i].name, r->remote_addr, str_c(cases[i].want));
		req_free(r);
	}
}

static void https_is_known_by(void **state)
{
	static const struct {
		const char *name, *vars, *trusted;
		bool want;
	} cases[] = {
		{ "nothing", "REMOTE_ADDR=10.0.0.1", "", false },
		{ "HTTPS", "HTTPS=on", "", true },
		{ "HTTPS off", "HTTPS=off", "", false },
		{ "scheme", "REQUEST_SCHEME=https", "", true },
		{ "other scheme", "REQUEST_SCHEME=http", "", false },
		{ "forged", "REMOTE_ADDR=10.0.0.1\nHTTP_X_FORWARDED_PROTO=https", "", false },
		{ "proxy", "REMOTE_ADDR=10.0.0.1\nHTTP_X_FORWARDED_PROTO=https", "10.0.0.1", true },
		{ "proxy says http", "REMOTE_ADDR=10.0.0.1\nHTTP_X_FORWARDED_PROTO=http",
		    "10.0.0.1", false },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct req *r = req_new(arena_new(0));

		assert_true(from_vars(r, cases[i].vars, cases[i].trusted));
		if (r->https != cases[i].want)
			fail_msg("%s: got %d, want %d", cases[i].name, r->https, cases[i].want);
		req_free(r);
	}
}

static void headers_come_from_variables(void **state)
{
	struct req *r = req_new(arena_new(0));

	assert_true(from_vars(r,
	    "REQUEST_METHOD=PATCH\nREQUEST_URI=/x\nHTTP_X_API_KEY=k\nHTTP_HOST=h.test:80\n"
	    "HTTP_CONTENT_LENGTH=5\nCONTENT_LENGTH=5\nCONTENT_TYPE=text/x\n"
	    "HTTP_CONTENT_TYPE=other\nSERVER_NAME=s\nHTTP_ACCEPT_LANGUAGE=zh-CN,en\n"
	    "HTTP_EMPTY=\nnonsense",
	    ""));
	check_str("method", r->method, STR("PATCH"));
	check_str("x-api-key", req_header(r, "X-Api-Key"), STR("k"));
	check_str("lower case", r->headers.items[0].name, STR("x-api-key"));
	check_str("content type", r->content_type, STR("text/x"));
	check_str("as header", req_header(r, "content-type"), STR("text/x"));
	check_str("no content length", req_header(r, "content-length"), STR(""));
	check_str("host", r->host, STR("h.test:80"));
	assert_true(r->chinese);
	assert_int_equal(r->headers.count, 5);
	req_free(r);

	r = req_new(arena_new(0));
	assert_true(from_vars(r, "SERVER_NAME=s\nHTTP_ACCEPT_LANGUAGE=en,zh", ""));
	check_str("method", r->method, STR("GET"));
	check_str("server name", r->host, STR("s"));
	assert_false(r->chinese);
	req_free(r);
}

static void lengths(void **state)
{
	static const struct {
		const char *entry;
		size_t n;
		bool want;
	} cases[] = {
		{ "X=1", 5, true }, /* absent: a chunked upload */
		{ "CONTENT_LENGTH=", 5, true },
		{ "CONTENT_LENGTH=5", 5, true },
		{ "CONTENT_LENGTH=05", 5, true },
		{ "CONTENT_LENGTH=6", 5, false },
		{ "CONTENT_LENGTH=4", 5, false },
		{ "CONTENT_LENGTH=-1", 5, false },
		{ "CONTENT_LENGTH=5x", 5, false },
		{ "CONTENT_LENGTH=99999999999999999999", 5, false },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena *a = arena_new(0);
		struct cgi_vars v;

		cgi_vars_init(&v, a);
		cgi_vars_take(&v, cases[i].entry);
		if (cgi_vars_length_is(&v, cases[i].n) != cases[i].want)
			fail_msg("%s: want %d", cases[i].entry, cases[i].want);
		arena_free(a);
	}
}

static void proxy_lists(void **state)
{
	static const struct {
		const char *list;
		bool want;
	} cases[] = {
		{ "", true },
		{ "10.0.0.0/8, 2001:db8::/32,192.0.2.1 , unix", true },
		{ "10.0.0.0/33", false },
		{ "proxy.example", false },
		{ "10.0.0.1;10.0.0.2", false },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct err err = { 0 };
		bool got = cgi_vars_check_proxies(str_c(cases[i].list), &err);

		if (got != cases[i].want)
			fail_msg("'%s': got %d", cases[i].list, got);
		assert_int_equal(err.kind, got ? ERR_NONE : ERR_CONFIG);
	}
}

static void request_ids(void **state)
{
	char id[REQ_ID_MAX], other[REQ_ID_MAX], days[2][16];
	time_t now = time(NULL);
	struct tm tm;

	assert_non_null(localtime_r(&now, &tm));
	strftime(days[0], sizeof(days[0]), "%Y%m%d", &tm);
	cgi_vars_request_id(id);
	now = time(NULL);
	assert_non_null(localtime_r(&now, &tm));
	strftime(days[1], sizeof(days[1]), "%Y%m%d", &tm);
	cgi_vars_request_id(other);
	assert_string_not_equal(id, other);
	assert_in_range(strlen(id), 14 + 1 + 8, 14 + 9 + 8);
	assert_int_equal(strspn(id, "0123456789"), strlen(id));
	assert_true(memcmp(id, days[0], 8) == 0 || memcmp(id, days[1], 8) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_keep_order_and_drop_line_ends),
		cmocka_unit_test(a_deferred_request_tells_the_dispatcher_first),
		cmocka_unit_test(queries),
		cmocka_unit_test(query_numbers),
		cmocka_unit_test(encoding),
		cmocka_unit_test(json_replies),
		cmocka_unit_test(paths),
		cmocka_unit_test(a_path_with_nul_is_refused),
		cmocka_unit_test(client_addresses),
		cmocka_unit_test(https_is_known_by),
		cmocka_unit_test(headers_come_from_variables),
		cmocka_unit_test(lengths),
		cmocka_unit_test(proxy_lists),
		cmocka_unit_test(request_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
