/* test_metrics.c — counting by several processes, labels without bound, the text that is shown */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mapping.h"
#include "base/metrics.h"
#include "metrics_reader.h"

enum { REQUESTS, LATENCY, RUNNING, PLAIN, FAMILIES };

static const struct metric_family families[FAMILIES] = {
	[REQUESTS] = { "t_requests_total", "Requests.", METRIC_COUNTER,
	    .labels = { "model", "status" }, .open = 1, .most = 3 },
	[LATENCY] = { "t_latency_seconds", "Latency.", METRIC_HISTOGRAM, .labels = { "model" },
	    .open = 1, .most = 8, .scale = 1000, .bounds = { 50, 100, 2500 } },
	[RUNNING] = { "t_running", "Running.", METRIC_GAUGE, .scale = 1 },
	[PLAIN] = { "t_plain_total", "Plain.", METRIC_COUNTER, .scale = 1 },
};

static struct mapping *map(const char *path)
{
	struct mapping *m;
	struct err err = { 0 };

	if (!mapping_open(path, &m, &err))
		fail_msg("mapping_open: %s", err.msg);
	return m;
}

static struct buf text_of(const struct metrics *m)
{
	struct buf out = buf_init(1 << 20);

	metrics_text(m, &out);
	assert_true(buf_ok(&out));
	return out;
}

/* The document is well-formed and has this line. */
static void check_line(const char *name, const struct metrics *m, const char *want)
{
	struct buf out = text_of(m);
	char *line = malloc(strlen(want) + 3);
	const char *wrong = metrics_reader_check(buf_str(&out));

	snprintf(line, strlen(want) + 3, "\n%s\n", want);
	if (wrong)
		fail_msg("%s: %s in\n%s", name, wrong, out.data);
	if (!strstr(out.data, line))
		fail_msg("%s: want line %s, got\n%s", name, want, out.data);
	free(line);
	buf_release(&out);
}

static void count(struct metrics *m, const char *model, const char *status)
{
	metrics_add(m, REQUESTS, (const struct str[]){ str_c(model), str_c(status) }, 1);
}

static void test_counts(void **state)
{
	struct mapping *map_ = map("");
	struct metrics *m = metrics_open(map_, families, FAMILIES);

	check_line("nothing yet", m, "# TYPE t_plain_total counter");
	count(m, "gpt-4o", "2xx");
	count(m, "gpt-4o", "2xx");
	count(m, "gpt-4o", "5xx");
	metrics_add(m, PLAIN, NULL, 7);
	check_line("two", m, "t_requests_total{model=\"gpt-4o\",status=\"2xx\"} 2");
	check_line("another", m, "t_requests_total{model=\"gpt-4o\",status=\"5xx\"} 1");
	check_line("no labels", m, "t_plain_total 7");
	metrics_gauge_add(m, RUNNING, 3);
	metrics_gauge_add(m, RUNNING, -1);
	check_line("gauge", m, "t_running 2");
	metrics_close(m);
	mapping_close(map_);
}

/* Bounds are inclusive ("le"), buckets cumulative, the count is the last bucket. */
static void test_histogram(void **state)
{
	static const int64_t values[] = { 0, 50, 51, 100, 2500, 2501, 99999, -4 };
	static const char *const want[] = { "t_latency_seconds_bucket{model=\"m\",le=\"0.05\"} 3",
		"t_latency_seconds_bucket{model=\"m\",le=\"0.1\"} 5",
		"t_latency_seconds_bucket{model=\"m\",le=\"2.5\"} 6",
		"t_latency_seconds_bucket{model=\"m\",le=\"+Inf\"} 8",
		"t_latency_seconds_sum{model=\"m\"} 105.201",
		"t_latency_seconds_count{model=\"m\"} 8" };
	struct mapping *map_ = map("");
	struct metrics *m = metrics_open(map_, families, FAMILIES);

	for (size_t i = 0; i < COUNT_OF(values); i++)
		metrics_observe(m, LATENCY, (const struct str[]){ STR("m") }, values[i]);
	for (size_t i = 0; i < COUNT_OF(want); i++)
		check_line(want[i], m, want[i]);
	metrics_close(m);
	mapping_close(map_);
}

static void test_labels(void **state)
{
	static const struct {
		const char *name, *in, *want;
	} cases[] = {
		{ "quote", "a\"b", "a\\\"b" },
		{ "backslash", "a\\b", "a\\\\b" },
		{ "line end", "a\nb", "a_b" },
		{ "NUL ends nothing else", "plain", "plain" },
		{ "UTF-8", "模型", "模型" },
		{ "not UTF-8", "a\xff\xfe", "a__" },
		{ "cut within a character",
		    "123456789012345678901234567890123456789012345678901234567890123é",
		    "123456789012345678901234567890123456789012345678901234567890123" },
		{ "too long",
		    "1234567890123456789012345678901234567890123456789012345678901234567890",
		    "1234567890123456789012345678901234567890123456789012345678901234" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct mapping *map_ = map("");
		struct metrics *m = metrics_open(map_, families, FAMILIES);
		char want[256];

		count(m, cases[i].in, "2xx");
		count(m, cases[i].in, "2xx");
		snprintf(want, sizeof want, "t_requests_total{model=\"%s\",status=\"2xx\"} 2",
		    cases[i].want);
		check_line(cases[i].name, m, want);
		metrics_close(m);
		mapping_close(map_);
	}
}

/* Series beyond the most share "other"; old ones go on; a value with a bound set is kept. */
static void test_others(void **state)
{
	struct mapping *map_ = map("");
	struct metrics *m = metrics_open(map_, families, FAMILIES);
	struct buf out;

	count(m, "a", "2xx");
	count(m, "b", "2xx");
	count(m, "c", "2xx");
	for (int i = 0; i < 100000; i++) {
		char model[32];

		snprintf(model, sizeof model, "m%d", i);
		count(m, model, i % 4 ? "2xx" : "5xx");
	}
	count(m, "b", "2xx");
	check_line("old", m, "t_requests_total{model=\"b\",status=\"2xx\"} 2");
	check_line("others", m, "t_requests_total{model=\"other\",status=\"2xx\"} 75000");
	check_line("others, failed", m, "t_requests_total{model=\"other\",status=\"5xx\"} 25000");
	out = text_of(m);
	assert_null(strstr(out.data, "model=\"m0\""));
	buf_release(&out);
	metrics_close(m);
	mapping_close(map_);
}

#define THREADS 4
#define ROUNDS 20000

static void *hammer(void *arg)
{
	struct metrics *m = arg;

	for (int i = 0; i < ROUNDS; i++) {
		count(m, i % 2 ? "x" : "y", "2xx");
		metrics_observe(m, LATENCY, (const struct str[]){ STR("x") }, i % 200);
		metrics_gauge_add(m, RUNNING, i % 2 ? -1 : 1);
	}
	return NULL;
}

static void test_threads(void **state)
{
	struct mapping *map_ = map("");
	struct metrics *m = metrics_open(map_, families, FAMILIES);
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hammer, m), 0);
	for (int i = 0; i < 50; i++) {
		struct buf out = text_of(m);
		const char *wrong = metrics_reader_check(buf_str(&out));

		if (wrong)
			fail_msg("while counting: %s", wrong);
		buf_release(&out);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	check_line("x", m, "t_requests_total{model=\"x\",status=\"2xx\"} 40000");
	check_line("count", m, "t_latency_seconds_count{model=\"x\"} 80000");
	check_line("gauge", m, "t_running 0");
	metrics_close(m);
	mapping_close(map_);
}

/* In a child: counts and dies without taking back. */
static void child(const char *path)
{
	struct mapping *map_ = map(path);
	struct metrics *m = metrics_open(map_, families, FAMILIES);

	count(m, "a", "2xx");
	metrics_gauge_add(m, RUNNING, 5);
	_exit(0);
}

static void test_processes(void **state)
{
	char dir[] = "/tmp/test_metrics.XXXXXX", path[64];
	struct mapping *map_;
	struct metrics *m;
	pid_t pid;
	int status;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/shared", dir);
	map_ = map(path);
	m = metrics_open(map_, families, FAMILIES);
	count(m, "a", "2xx");
	metrics_gauge_add(m, RUNNING, 2);
	pid = fork();
	if (pid == 0)
		child(path);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	check_line("of both", m, "t_requests_total{model=\"a\",status=\"2xx\"} 2");
	check_line("the dead one's", m, "t_running 7");
	mapping_reap(map_);
	check_line("counters stay", m, "t_requests_total{model=\"a\",status=\"2xx\"} 2");
	check_line("its gauge goes", m, "t_running 2");
	metrics_close(m);
	mapping_close(map_);
	unlink(path);
	rmdir(dir);
}

/* Another version whose family has the same name and other bounds keeps to itself. */
static void test_versions(void **state)
{
	static const struct metric_family later[] = { { "t_latency_seconds", "Latency.",
	    METRIC_HISTOGRAM, .labels = { "model" }, .open = 1, .most = 8, .scale = 1000,
	    .bounds = { 10, 20 } } };
	struct mapping *map_ = map("");
	struct metrics *a = metrics_open(map_, families, FAMILIES);
	struct metrics *b = metrics_open(map_, later, COUNT_OF(later));

	metrics_observe(a, LATENCY, (const struct str[]){ STR("m") }, 60);
	metrics_observe(b, 0, (const struct str[]){ STR("m") }, 15);
	check_line("old", a, "t_latency_seconds_count{model=\"m\"} 1");
	check_line("new", b, "t_latency_seconds_bucket{model=\"m\",le=\"0.02\"} 1");
	metrics_close(a);
	metrics_close(b);
	mapping_close(map_);
}

/* The reader itself: what it must not let through. */
static void test_reader(void **state)
{
	static const struct {
		const char *name, *text;
		bool ok;
	} cases[] = {
		{ "fine", "# HELP a x\n# TYPE a counter\na 1\n", true },
		{ "no line end", "# TYPE a counter\na 1", false },
		{ "type twice", "# TYPE a counter\na 1\n# TYPE a counter\n", false },
		{ "without type", "a 1\n", false },
		{ "series twice", "# TYPE a counter\na{b=\"c\"} 1\na{b=\"c\"} 2\n", false },
		{ "scattered", "# TYPE a counter\na 1\n# TYPE b gauge\nb 1\na{x=\"y\"} 1\n",
		    false },
		{ "bad value", "# TYPE a counter\na 1x\n", false },
		{ "bad name", "# TYPE 1a counter\n1a 1\n", false },
		{ "open quote", "# TYPE a counter\na{b=\"c} 1\n", false },
		{ "buckets fall",
		    "# TYPE a histogram\na_bucket{le=\"1\"} 2\n"
		    "a_bucket{le=\"+Inf\"} 1\na_sum 1\na_count 1\n",
		    false },
		{ "count differs",
		    "# TYPE a histogram\na_bucket{le=\"1\"} 1\n"
		    "a_bucket{le=\"+Inf\"} 2\na_sum 1\na_count 1\n",
		    false },
		{ "no +Inf", "# TYPE a histogram\na_bucket{le=\"1\"} 1\na_sum 1\na_count 1\n",
		    false },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const char *wrong = metrics_reader_check(str_c(cases[i].text));

		if (!wrong != cases[i].ok)
			fail_msg("%s: got %s", cases[i].name, wrong ? wrong : "fine");
	}
}

/* Not a promise of this test, but where it can be seen: MEASURE=1. */
static void test_cost(void **state)
{
	struct mapping *map_ = map("");
	struct metrics *m = metrics_open(map_, families, FAMILIES);
	int64_t begun = clock_mono_ns();

	if (getenv("MEASURE")) {
		for (int i = 0; i < 1000000; i++)
			count(m, "gpt-4o-2024-08-06", "2xx");
		print_message("a count: %d ns\n", (int)((clock_mono_ns() - begun) / 1000000));
	}
	metrics_close(m);
	mapping_close(map_);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reader),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_histogram),
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_processes),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_cost),
	};

	return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
