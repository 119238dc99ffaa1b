/* test_families.c — paths of resources, the ids that bodies refer to, those that answers bring; and
 * what a path of the proxy route names */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "../../fcgi-relay/families.h"
#include "../../fcgi-relay/proxy.h"
#include "base/arena.h"
#include "base/err.h"

/* ---- paths ----------------------------------------------------------------------------------- */

/* clang-format off */
static const struct {
	const char *method, *path;
	const char *family; /* NULL: no such path */
	enum family_act act;
	const char *id;
} paths[] = {
	{ "GET", "/v1/files", "files", FAMILY_LIST, "" },
	{ "HEAD", "/v1/files", "files", FAMILY_LIST, "" },
	{ "POST", "/v1/files", "files", FAMILY_CREATE, "" },
	{ "POST", "/v1/files/", "files", FAMILY_CREATE, "" },
	{ "POST", "/v1/files?x=1", "files", FAMILY_CREATE, "" },
	{ "DELETE", "/v1/files", NULL, FAMILY_LIST, NULL },
	{ "GET", "/v1/files/file-1", "files", FAMILY_USE, "file-1" },
	{ "GET", "/v1/files/file-1/content", "files", FAMILY_USE, "file-1" },
	{ "DELETE", "/v1/files/file-1", "files", FAMILY_DELETE, "file-1" },
	{ "DELETE", "/v1/vector_stores/vs_1/files/file-1", "vector_stores", FAMILY_USE, "vs_1" },
	{ "GET", "/v1/vector_stores/vs_1/files/file-1", "vector_stores", FAMILY_USE, "vs_1" },
	{ "POST", "/v1/fine_tuning/jobs", "fine_tuning", FAMILY_CREATE, "" },
	{ "POST", "/v1/fine_tuning/jobs/j/cancel", "fine_tuning", FAMILY_USE, "j" },
	{ "POST", "/v1/fine_tuning/job", NULL, FAMILY_LIST, NULL },
	{ "POST", "/v1/threads/runs", "threads", FAMILY_CREATE, "" },
	{ "GET", "/v1/threads/runs", "threads", FAMILY_USE, "runs" },
	{ "GET", "/v1/threads/t/runs/r/steps/s", "threads", FAMILY_USE, "t" },
	{ "GET", "/v1/responses/resp_1", "responses", FAMILY_USE, "resp_1" },
	{ "GET", "/v1/filesystem", NULL, FAMILY_LIST, NULL },
	{ "GET", "/v1/nothing", NULL, FAMILY_LIST, NULL },
	{ "GET", "/v2/files", NULL, FAMILY_LIST, NULL },
	{ "GET", "/v1/files//", NULL, FAMILY_LIST, NULL },
	{ "GET", "/v1/files//x", NULL, FAMILY_LIST, NULL },
	{ "GET", "/v1/files/x//content", NULL, FAMILY_LIST, NULL },
	{ "GET", "/v1/files/.", NULL, FAMILY_LIST, NULL },
	{ "GET", "/v1/files/..", NULL, FAMILY_LIST, NULL },
	{ "GET", "/v1/files/x/../y", NULL, FAMILY_LIST, NULL },
	{ "GET", "/v1/files/%2e%2e", NULL, FAMILY_LIST, NULL },
	{ "GET", "/v1/files/a%2fb", NULL, FAMILY_LIST, NULL },
	{ "GET", "/v1/files/a b", NULL, FAMILY_LIST, NULL },
	{ "GET", "/v1/files/a\\b", NULL, FAMILY_LIST, NULL },
	{ "GET", "/v1/files/\xc3\xa4", NULL, FAMILY_LIST, NULL },
	{ "GET", "/v1/threads/1/2/3/4/5/6/7/8", "threads", FAMILY_USE, "1" },
	{ "GET", "/v1/threads/1/2/3/4/5/6/7/8/9", NULL, FAMILY_LIST, NULL },
};
/* clang-format on */

static void test_paths(void **state)
{
	for (size_t i = 0; i < COUNT_OF(paths); i++) {
		struct family_call c;
		bool ok = family_read(str_c(paths[i].method), str_c(paths[i].path), &c);

		if (ok != (paths[i].family != NULL))
			fail_msg("%s %s: got %s", paths[i].method, paths[i].path,
			    ok ? "a family" : "nothing");
		if (!ok)
			continue;
		if (!str_eq_c(c.family->name, paths[i].family) || c.act != paths[i].act ||
		    !str_eq_c(c.id, paths[i].id))
			fail_msg("%s %s: got %.*s act %d id %.*s", paths[i].method, paths[i].path,
			    STR_ARG(c.family->name), (int)c.act, STR_ARG(c.id));
	}
}

static void test_ids(void **state)
{
	char text[200];

	memset(text, 'a', sizeof(text));
	assert_true(family_is_id((struct str){ text, 128 }));
	assert_false(family_is_id((struct str){ text, 129 }));
	assert_false(family_is_id(STR("")));
	assert_true(family_is_id(STR("a..b")));
	assert_false(family_is_id(STR("...")));
	assert_false(family_is_id((struct str){ "a\0b", 3 }));
}

/* ---- references and products ------------------------------------------------------------------ */

static bool note_reference(void *arg, struct str kind, struct jval id, struct err *err)
{
	buf_addf(arg, "%.*s=%.*s ", STR_ARG(kind), STR_ARG(id.text));
	return true;
}

static void note_product(void *arg, struct str kind, struct jval id)
{
	buf_addf(arg, "%.*s=%.*s ", STR_ARG(kind), STR_ARG(id.text));
}

static bool refuse(void *arg, struct str kind, struct jval id, struct err *err)
{
	++*(int *)arg;
	return err_set(err, ERR_BAD_REQUEST, "no");
}

static void check(const char *name, struct buf *got, const char *want)
{
	if (!str_eq_c(buf_str(got), want))
		fail_msg("%s:\n got '%s'\nwant '%s'", name, got->data, want);
	buf_release(got);
}

/* clang-format off */
static const struct {
	const char *body, *want;
} bodies[] = {
	{ "{\"model\":\"x\"}", "" },
	{ "{\"previous_response_id\":\"r\"}", "responses=\"r\" " },
	{ "{\"previous_response_id\":null,\"conversation\":null}", "" },
	{ "{ \"input_file_id\" :\n \"f\" }", "files=\"f\" " },
	{ "{\"input_file_i\\u0064\":\"f\"}", "files=\"f\" " },
	{ "{\"file_ids\":[\"a\",1,\"b\"]}", "files=\"a\" files=\"b\" " },
	{ "{\"file_ids\":[],\"file_ids\":[\"b\"]}", "files=\"b\" " },
	{ "{\"conversation\":{\"id\":\"c\"}}", "conversations=\"c\" " },
	{ "{\"tools\":[{\"container\":{\"type\":\"auto\",\"file_ids\":[\"a\"]}}]}", "files=\"a\" " },
	{ "[[[[{\"file_id\":\"deep\"}]]]]", "files=\"deep\" " },
	/* a value is no name, whatever it says */
	{ "{\"a\":\"file_id\",\"b\":\"\\\"file_id\\\":\\\"x\\\"\"}", "" },
	{ "[\"file_id\",\"x\"]", "" },
	/* users' own words */
	{ "{\"metadata\":{\"file_id\":\"x\",\"y\":{\"file_id\":\"z\"}},\"file_id\":\"f\"}", "files=\"f\" " },
	{ "{\"parameters\":{\"properties\":{\"file_id\":{\"type\":\"string\",\"id\":\"x\"}}}}", "" },
	{ "{\"metadata\":\"}\",\"file_id\":\"f\"}", "files=\"f\" " },
	/* names of variables are the user's own, what they hold is read by the model */
	{ "{\"prompt\":{\"variables\":{\"metadata\":{\"file_id\":\"f\"}}}}", "files=\"f\" " },
	{ "{\"variables\":{\"a\":{\"file_id\":\"f\"}},\"file_id\":\"g\"}",
	  "files=\"f\" files=\"g\" " },
	{ "{\"metadata\":{\"variables\":{\"file_id\":\"x\"}}}", "" },
	{ "{\"file_id\":\"\"}", "files=\"\" " },
	/* not the request's own member */
	{ "{\"tools\":[{\"input_schema\":{\"previous_response_id\":{\"type\":\"string\"}}}]}", "" },
};

static const struct {
	const char *family, *answer, *want;
} answers[] = {
	{ "batches", "{\"output_file_id\":\"o\",\"error_file_id\":null}", "files=\"o\" " },
	{ "batches", "{\"metadata\":{\"output_file_id\":\"x\"}}", "" },
	{ "fine_tuning", "{\"result_files\":[\"a\",\"b\"]}", "files=\"a\" files=\"b\" " },
	{ "uploads", "{\"file\":{\"id\":\"f\"}}", "files=\"f\" " },
	{ "threads", "{\"data\":[{\"content\":[{\"image_file\":{\"file_id\":\"i\"}}]}]}", "files=\"i\" " },
	{ "files", "{\"output_file_id\":\"o\"}", "" },
	{ "batches", "[]", "" },
};
/* clang-format on */

static void test_references(void **state)
{
	struct err err = { 0 };
	int calls = 0;
	struct jval root;

	for (size_t i = 0; i < COUNT_OF(bodies); i++) {
		struct buf got = buf_init(4096);

		assert_true(jscan_check(str_c(bodies[i].body), 64, &root, &err));
		assert_true(family_references(root, note_reference, &got, &err));
		check(bodies[i].body, &got, bodies[i].want);
	}
	assert_true(jscan_check(STR("{\"file_ids\":[\"a\",\"b\"]}"), 64, &root, &err));
	assert_false(family_references(root, refuse, &calls, &err));
	err_clear(&err);
	assert_true(jscan_value(STR("{\"previous_response_i\\u0064\":{\"x\":1}}"), &root));
	assert_false(family_references(root, refuse, &calls, &err));
	assert_int_equal(err.kind, ERR_BAD_REQUEST);
	assert_non_null(strstr(err.msg, "must be a string"));
	assert_int_equal(calls, 1);
}

static void test_products(void **state)
{
	struct jval root;

	for (size_t i = 0; i < COUNT_OF(answers); i++) {
		struct buf got = buf_init(4096);

		assert_true(jscan_value(str_c(answers[i].answer), &root));
		family_products(family_by_name(str_c(answers[i].family)), root, note_product, &got);
		check(answers[i].answer, &got, answers[i].want);
	}
}

/* ---- the proxy route ------------------------------------------------------------------------- */

/* clang-format off */
static const struct {
	const char *path, *id, *target; /* id NULL: refused */
} targets[] = {
	{ "/v1/oneapi/proxy/42/v1/files?limit=2", "42", "/v1/files" },
	{ "/v1/oneapi/proxy/42", "42", "" },
	{ "/v1/oneapi/proxy/42/", "42", "/" },
	{ "/v1/oneapi/proxy/007/x/", "007", "/x/" },
	{ "/v1/oneapi/proxy/4/v1/oneapi/proxy/42/x", "4", "/v1/oneapi/proxy/42/x" },
	{ "/v1/oneapi/proxy/42//host/x", "42", "//host/x" },
	{ "/v1/oneapi/proxy/42/a%2fb%20c", "42", "/a%2fb%20c" },
	{ "/v1/oneapi/proxy/42/a..b/.x/...", "42", "/a..b/.x/..." },
	{ "/v1/oneapi/prox%79/42/x", NULL, NULL },
	{ "/v1/oneapi/proxy/42/..", NULL, NULL },
	{ "/v1/oneapi/proxy/42/../x", NULL, NULL },
	{ "/v1/oneapi/proxy/42/./x", NULL, NULL },
	{ "/v1/oneapi/proxy/42/%2e%2E/x", NULL, NULL },
	{ "/v1/oneapi/proxy/42/.%2e", NULL, NULL },
	{ "/v1/oneapi/proxy/42/a/..%2Fx", NULL, NULL },
	{ "/v1/oneapi/proxy/42/a%5c..%5Cx", NULL, NULL },
	{ "/v1/oneapi/proxy/42/a\\..\\x", NULL, NULL },
	{ "/v1/oneapi/proxy/42/a\rb", NULL, NULL },
	{ "/v1/oneapi/proxy/42/a b", NULL, NULL },
};
/* clang-format on */

static void test_targets(void **state)
{
	char path[6000] = "/v1/oneapi/proxy/1/";
	struct str id, target;

	for (size_t i = 0; i < COUNT_OF(targets); i++) {
		struct err err = { 0 };
		bool ok = proxy_target(str_c(targets[i].path), &id, &target, &err);

		if (ok != (targets[i].id != NULL))
			fail_msg("%s: got %s", targets[i].path, ok ? "a target" : err.msg);
		if (ok && (!str_eq_c(id, targets[i].id) || !str_eq_c(target, targets[i].target)))
			fail_msg("%s: got id '%.*s' target '%.*s'", targets[i].path, STR_ARG(id),
			    STR_ARG(target));
	}
	memset(path + strlen(path), 'a', 5000);
	assert_false(proxy_target(str_c(path), &id, &target, &(struct err){ 0 }));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_references),
		cmocka_unit_test(test_products),
		cmocka_unit_test(test_targets),
	};

	return cmocka_run_group_tests_name("families", tests, NULL, NULL);
}
