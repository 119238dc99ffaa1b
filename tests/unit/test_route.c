/* test_route.c — which row answers which request, and with which params */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cost.h"
#include "net/route.h"

#define ROW(method, path)                                                                          \
	{                                                                                          \
		method, path, 0, 0, NULL, NULL                                                     \
	}

/* clang-format off */
static const struct route users[] = {
	ROW("GET", "/"),
	ROW("GET", "/api/user/"),
	ROW("POST", "/api/user/"),
	ROW("GET", "/api/user/self"),
	ROW("GET", "/api/user/:id"),
	ROW("DELETE", "/api/user/:id"),
	ROW("GET", "/api/user/:id/log/:entry"),
	ROW("GET", "/api/user/self/token"),
	{ 0 },
};
static const struct route files[] = {
	ROW("GET", "/v1/models"),
	ROW("GET", "/v1/models/*model"),
	ROW("GET", "/v1/models/:model/card"),
	ROW("POST", "/v1/:engine/embeddings"),
	ROW("POST", "/v1/*rest"),
	ROW("HEAD", "/v1/models/own"),
	{ 0 },
};
/* clang-format on */
static const struct route *const tables[] = { users, files, NULL };

static struct req *make_req(const char *method, const char *path, const char *raw_path)
{
	struct req *r = req_new(arena_new(4096));

	r->method = str_c(method);
	r->path = str_c(path);
	r->raw_path = str_c(raw_path);
	return r;
}

static void test_find(void **state)
{
	/* clang-format off */
	static const struct {
		const char *method, *path, *row, *params; /* row NULL: none; params joined by '|' */
	} cases[] = {
		{ "GET", "/", "/", "" },
		{ "GET", "/api/user", "/api/user/", "" },
		{ "POST", "/api/user", "/api/user/", "" },
		{ "PUT", "/api/user", NULL, "" },
		{ "GET", "/api/user/self", "/api/user/self", "" },
		{ "GET", "/api/user/7", "/api/user/:id", "7" },
		{ "GET", "/api/user/selfish", "/api/user/:id", "selfish" },
		{ "DELETE", "/api/user/self", "/api/user/:id", "self" },
		{ "GET", "/api/user/self/token", "/api/user/self/token", "" },
		{ "GET", "/api/user/self/log/3", "/api/user/:id/log/:entry", "self|3" },
		{ "GET", "/api/user/7/token", NULL, "" },
		{ "GET", "/api/user/7/log", NULL, "" },
		{ "GET", "/api/user//log/3", NULL, "" },
		{ "GET", "/api/users", NULL, "" },
		{ "GET", "/api", NULL, "" },
		{ "GET", "/API/user", NULL, "" },
		{ "get", "/api/user", NULL, "" },
		{ "GET", "api/user", NULL, "" },
		{ "GET", "", NULL, "" },
		{ "GET", "*", NULL, "" },
		{ "GET", "/v1/models", "/v1/models", "" },
		{ "GET", "/v1/models/gpt-4o", "/v1/models/*model", "gpt-4o" },
		{ "GET", "/v1/models/a/b/c", "/v1/models/*model", "a/b/c" },
		{ "GET", "/v1/models/a//c", "/v1/models/*model", "a//c" },
		{ "GET", "/v1/models/a/card", "/v1/models/:model/card", "a" },
		{ "GET", "/v1/models/a/b/card", "/v1/models/*model", "a/b/card" },
		{ "POST", "/v1/ada/embeddings", "/v1/:engine/embeddings", "ada" },
		{ "POST", "/v1/models/embeddings", "/v1/:engine/embeddings", "models" },
		{ "POST", "/v1/models", "/v1/*rest", "models" },
		{ "POST", "/v1/ada/other", "/v1/*rest", "ada/other" },
		{ "POST", "/v1", NULL, "" },
		{ "HEAD", "/v1/models", "/v1/models", "" },
		{ "HEAD", "/api/user/9", "/api/user/:id", "9" },
		{ "HEAD", "/v1/ada/embeddings", NULL, "" },
		{ "HEAD", "/v1/models/own", "/v1/models/own", "" },
		{ "GET", "/v1/models/own", "/v1/models/*model", "own" },
		{ "POST", "/:engine/embeddings", NULL, "" },
		{ "GET", "/api/user/:id", "/api/user/:id", ":id" },
	};
	/* clang-format on */
	struct route_table *t = route_table_new(tables);

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct req *r = make_req(cases[i].method, cases[i].path, NULL);
		struct buf params = buf_init(1000);
		bool found = route_find(t, r);

		for (size_t k = 0; k < REQ_PARAMS_MAX && r->params[k].n; k++) {
			if (k)
				buf_add_char(&params, '|');
			buf_add(&params, r->params[k]);
		}
		if (found != (cases[i].row != NULL) ||
		    (found && strcmp(r->route->path, cases[i].row) != 0) ||
		    !str_eq_c(buf_str(&params), cases[i].params))
			fail_msg("%s %s: got %s with '%s', want %s with '%s'", cases[i].method,
			    cases[i].path, found ? r->route->path : "none", buf_str(&params).p,
			    cases[i].row ? cases[i].row : "none", cases[i].params);
		buf_release(&params);
		req_free(r);
	}
	route_table_free(t);
}

static void test_decoding(void **state)
{
	static const struct {
		const char *name, *raw, *row, *param;
	} cases[] = {
		{ "a blank", "/api/user/a%20b", "/api/user/:id", "a b" },
		{ "a slash in a segment", "/api/user/a%2Fb", "/api/user/:id", "a/b" },
		{ "only once", "/api/user/a%252Fb", "/api/user/:id", "a%2Fb" },
		{ "plus is plus", "/api/user/a+b", "/api/user/:id", "a+b" },
		{ "a literal", "/api/%75ser/a", "/api/user/:id", "a" },
		{ "the rest", "/v1/models/x%2Fy/z%20", "/v1/models/*model", "x/y/z " },
		{ "broken escapes stay", "/api/user/%zz%4", "/api/user/:id", "%zz%4" },
		{ "trailing slash", "/api/user/7/", "/api/user/:id", "7" },
		{ "query", "/api/user/7?x=/y", "/api/user/:id", "7" },
		{ "trailing slash and query", "/api/user/7/?x", "/api/user/:id", "7" },
	};
	struct route_table *t = route_table_new(tables);

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct req *r = make_req("GET", "/somewhere/else", cases[i].raw);
		bool found = route_find(t, r);

		if (!found || strcmp(r->route->path, cases[i].row) != 0 ||
		    !str_eq_c(r->params[0], cases[i].param))
			fail_msg("%s: got %s with '%.*s', want %s with '%s'", cases[i].name,
			    found ? r->route->path : "none", STR_ARG(r->params[0]), cases[i].row,
			    cases[i].param);
		req_free(r);
	}
	route_table_free(t);
}

static void add_path(const struct route *row, void *arg)
{
	buf_add_c(arg, row->path);
	buf_add_char(arg, ' ');
}

static void test_each(void **state)
{
	struct route_table *t = route_table_new(tables);
	struct buf got = buf_init(1000);

	route_each(t, add_path, &got);
	assert_string_equal(buf_str(&got).p,
	    "/ /api/user/ /api/user/ /api/user/self /api/user/:id /api/user/:id "
	    "/api/user/:id/log/:entry /api/user/self/token /v1/models /v1/models/*model "
	    "/v1/models/:model/card /v1/:engine/embeddings /v1/*rest /v1/models/own ");
	buf_release(&got);
	route_table_free(t);
}

/* Looks up each of so many rows, which are all in the table. */
struct looking {
	struct route_table *table;
	const struct route *rows;
	size_t count;
};

static void look_up_all(void *arg)
{
	const struct looking *l = arg;

	for (size_t i = 0; i < l->count; i++) {
		struct req r = { .method = STR("GET"), .path = str_c(l->rows[i].path) };

		if (!route_find(l->table, &r) || r.route != &l->rows[i])
			fail_msg("'%s' was not found", l->rows[i].path);
	}
}

/* Every row of a table of the real size is found under its own name, at about the cost of one of four. */
static void test_many(void **state)
{
	enum { ROWS = 200, FEW = 4 };
	static char paths[ROWS][64];
	static struct route rows[ROWS + 1], few_rows[FEW + 1];
	const struct route *const many[] = { rows, NULL }, *const few[] = { few_rows, NULL };
	struct looking l = { .rows = rows, .count = ROWS };
	struct looking f = { .rows = few_rows, .count = FEW };
	int64_t many_ns, few_ns;

	for (size_t i = 0; i < ROWS; i++) {
		snprintf(paths[i], sizeof(paths[i]), "/api/group%zu/item%zu/:id/detail", i % 20, i);
		rows[i] = (struct route)ROW("GET", paths[i]);
		if (i < FEW)
			few_rows[i] = rows[i];
	}
	l.table = route_table_new(many);
	f.table = route_table_new(few);
	few_ns = cost_ns(look_up_all, &f, 50) / FEW + 1;
	many_ns = cost_ns(look_up_all, &l, 5) / ROWS;
	print_message("route_find: %d ns among %d rows, %d among %d\n", (int)many_ns, ROWS,
	    (int)few_ns, FEW);
	if (many_ns > few_ns * 10)
		fail_msg("got %d ns per look-up, want not much more than %d", (int)many_ns,
		    (int)few_ns);
	route_table_free(l.table);
	route_table_free(f.table);
}

/* Many wildcards that nearly match must not multiply. */
static void test_no_explosion(void **state)
{
	static const struct route rows[] = {
		ROW("GET", "/a/a/a/a/x"),
		ROW("GET", "/:p/a/a/a/x"),
		ROW("GET", "/a/:p/a/a/x"),
		ROW("GET", "/:p/:q/:r/:s/x"),
		ROW("GET", "/a/a/:p/:q/x"),
		ROW("POST", "/*rest"),
		{ 0 },
	};
	const struct route *const one[] = { rows, NULL };
	struct route_table *t = route_table_new(one);
	struct req *r = make_req("GET", "/a/a/a/a/y", NULL);

	assert_false(route_find(t, r));
	r->path = STR("/b/c/d/e/x");
	assert_true(route_find(t, r));
	assert_string_equal(r->route->path, "/:p/:q/:r/:s/x");
	req_free(r);
	route_table_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_decoding),
		cmocka_unit_test(test_each),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_no_explosion),
	};

	return cmocka_run_group_tests_name("route", tests, NULL, NULL);
}
