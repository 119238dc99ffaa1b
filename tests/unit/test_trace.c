/* test_trace.c — W3C Trace Context: what is believed, what is passed on */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/arena.h"
#include "net/http.h"

#include "../../fcgi-relay/trace.h"

#define ID "0af7651916cd43dd8448eb211c80319c"
#define PARENT "b7ad6b7169203331"
#define GOOD "00-" ID "-" PARENT "-01"

static void test_traceparent(void **state)
{
	static const struct {
		const char *name, *in;
		bool ok, sampled;
	} cases[] = {
		{ "the specification's example", GOOD, true, true },
		{ "not sampled", "00-" ID "-" PARENT "-00", true, false },
		{ "other flags", "00-" ID "-" PARENT "-03", true, true },
		{ "unknown flags only", "00-" ID "-" PARENT "-fe", true, false },
		{ "later version", "cc-" ID "-" PARENT "-01", true, true },
		{ "later version with more", "cc-" ID "-" PARENT "-01-what-the-future-brings", true,
		    true },
		{ "later version, more without dash", "cc-" ID "-" PARENT "-01.what", false,
		    false },
		{ "version 00 with more", GOOD "-what", false, false },
		{ "version ff", "ff-" ID "-" PARENT "-01", false, false },
		{ "zero trace", "00-00000000000000000000000000000000-" PARENT "-01", false, false },
		{ "zero parent", "00-" ID "-0000000000000000-01", false, false },
		{ "capitals", "00-0AF7651916CD43DD8448EB211C80319C-" PARENT "-01", false, false },
		{ "no hex in the trace", "00-0af7651916cd43dd8448eb211c80319z-" PARENT "-01", false,
		    false },
		{ "no hex in the version", "0x-" ID "-" PARENT "-01", false, false },
		{ "no hex in the flags", "00-" ID "-" PARENT "-0g", false, false },
		{ "short", "00-" ID "-" PARENT "-1", false, false },
		{ "other dashes", "00_" ID "-" PARENT "-01", false, false },
		{ "two of them", GOOD "," GOOD, false, false },
		{ "empty", "", false, false },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct trace t = { 0 };
		bool ok = trace_parse(str_c(cases[i].in), &t);

		if (ok != cases[i].ok || t.sampled != cases[i].sampled)
			fail_msg("%s: got %d %d, want %d %d", cases[i].name, ok, t.sampled,
			    cases[i].ok, cases[i].sampled);
		if (ok && (strcmp(t.id, ID) != 0 || strcmp(t.parent, PARENT) != 0))
			fail_msg("%s: got %s %s", cases[i].name, t.id, t.parent);
	}
}

static void test_tracestate(void **state)
{
	static const struct {
		const char *name, *in;
		bool ok;
	} cases[] = {
		{ "one", "congo=t61rcWkgMzE", true },
		{ "two", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", true },
		{ "blanks around", "a=1 , b=2", true },
		{ "empty members", "a=1,,b=2,", true },
		{ "tenant", "fw529a3039@dt=FfdeZ", true },
		{ "tenant with a digit first", "0a@dt=x", true },
		{ "key with all signs", "a_-*/0=x", true },
		{ "empty", "", false },
		{ "no value", "a=", false },
		{ "no equals", "a", false },
		{ "capital key", "A=1", false },
		{ "key begins with a digit", "1a=1", false },
		{ "two at signs", "a@b@c=1", false },
		{ "system of 15", "t@abcdefghijklmno=1", false },
		{ "equals in the value", "a=b=c", false },
		{ "not ASCII", "a=\xc3\xa9", false },
		{ "key twice", "a=1,b=2,a=3", false },
		{ "33 members",
		    "a=1,b=1,c=1,d=1,e=1,f=1,g=1,h=1,i=1,j=1,k=1,l=1,m=1,n=1,o=1,p=1,q=1,r=1,s=1,"
		    "t=1,u=1,v=1,w=1,x=1,y=1,z=1,aa=1,ab=1,ac=1,ad=1,ae=1,af=1,ag=1",
		    false },
		{ "32 members",
		    "a=1,b=1,c=1,d=1,e=1,f=1,g=1,h=1,i=1,j=1,k=1,l=1,m=1,n=1,o=1,p=1,q=1,r=1,s=1,"
		    "t=1,u=1,v=1,w=1,x=1,y=1,z=1,aa=1,ab=1,ac=1,ad=1,ae=1,af=1",
		    true },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		if (trace_state_ok(str_c(cases[i].in)) != cases[i].ok)
			fail_msg("%s: want %d", cases[i].name, cases[i].ok);
	}
}

static void test_passed_on(void **state)
{
	static const struct {
		const char *name, *parent, *state_in;
		bool records;
		const char *span, *want, *state_want;
	} cases[] = {
		{ "our span becomes the parent", GOOD, "a=1", true, "1111111111111111",
		    "00-" ID "-1111111111111111-01", "a=1" },
		{ "its decision is kept", "00-" ID "-" PARENT "-00", "", true, "1111111111111111",
		    "00-" ID "-1111111111111111-00", "" },
		{ "bad state goes", GOOD, "A=1", true, "1111111111111111",
		    "00-" ID "-1111111111111111-01", "" },
		{ "no part of it: as it came", GOOD, "a=1", false, "", GOOD, "a=1" },
		{ "a bad one goes, with its state", "00-xx", "a=1", false, "", "", "" },
		{ "none", "", "", false, "", "", "" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena *a = arena_new(1024);
		struct headers in, out;
		struct trace t;

		headers_init(&in, a);
		headers_init(&out, a);
		headers_add_c(&in, "traceparent", cases[i].parent);
		headers_add_c(&in, "tracestate", cases[i].state_in);
		headers_add_c(&out, "Traceparent", "somebody else's");
		headers_drop(&out, "traceparent");
		trace_begin(&t, &in, cases[i].records, 1.0);
		trace_pass_on(&t, cases[i].span, &out);
		if (!str_eq_c(headers_get(&out, "traceparent"), cases[i].want))
			fail_msg("%s: got %.*s, want %s", cases[i].name,
			    STR_ARG(headers_get(&out, "traceparent")), cases[i].want);
		if (!str_eq_c(headers_get(&out, "tracestate"), cases[i].state_want))
			fail_msg("%s: got state %.*s, want %s", cases[i].name,
			    STR_ARG(headers_get(&out, "tracestate")), cases[i].state_want);
		arena_free(a);
	}
}

static void test_new_trace(void **state)
{
	struct arena *a = arena_new(1024);
	struct headers none;
	struct trace t, other;
	int sampled = 0;

	headers_init(&none, a);
	trace_begin(&t, &none, true, 1.0);
	trace_begin(&other, &none, true, 1.0);
	assert_int_equal(strlen(t.id), 32);
	assert_int_equal(strlen(t.span), 16);
	assert_string_equal(t.parent, "");
	assert_true(t.sampled);
	assert_string_not_equal(t.id, other.id);
	for (int i = 0; i < 4000; i++) {
		trace_begin(&t, &none, true, 0.25);
		sampled += t.sampled;
	}
	if (sampled < 800 || sampled > 1200) /* a quarter, by seven standard deviations */
		fail_msg("a quarter of 4000: got %d", sampled);
	trace_begin(&t, &none, true, 0);
	assert_false(t.sampled);
	arena_free(a);
}

/* The right-most 56 bits decide. */
static void test_draw(void **state)
{
	assert_true(trace_draw("ffffffffffffffffff00000000000000", 0.01));
	assert_false(trace_draw("00000000000000000080000000000000", 0.5));
	assert_true(trace_draw("0000000000000000007fffffff000000", 0.5));
	assert_true(trace_draw("ffffffffffffffffffffffffffffffff", 1.0));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_traceparent),
		cmocka_unit_test(test_tracestate),
		cmocka_unit_test(test_passed_on),
		cmocka_unit_test(test_new_trace),
		cmocka_unit_test(test_draw),
	};

	return cmocka_run_group_tests_name("trace", tests, NULL, NULL);
}
