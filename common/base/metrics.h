/* metrics.h — counters, gauges and histograms that the processes of a machine share
 *
 * They live in the shared mapping (mapping.h), so that any process shows the sums of all. What is
 * measured is a const table of families; a series is a family with the values of its labels, made
 * when it is first counted and found again by a hash. Counting is a look-up and an atomic addition:
 * no lock, no allocation, well below a microsecond.
 *
 *	static const struct metric_family families[] = {
 *		[REQUESTS] = { "oneapi_requests_total", "Requests answered.", METRIC_COUNTER,
 *		    .labels = { "channel", "status" }, .open = 1 << 0, .most = 512 },
 *		…
 *	m = metrics_open(mapping, families, COUNT_OF(families));
 *	metrics_add(m, REQUESTS, (const struct str[]){ channel, STR("2xx") }, 1);
 *
 * Labels whose values strangers or operators make up are `open`: once a family has `most` series,
 * these labels become "other" for every new one. The rest must come from a fixed set. Values are cut
 * to METRIC_VALUE_MAX bytes; what is not UTF-8 or a control character becomes `_`.
 *
 * Gauges belong to a process each and are shown as the sum over those that live; they have no
 * labels. What a dead process left is taken back by mapping_reap.
 *
 * A family is known by its name, labels and bounds, so that programs of two versions may share a
 * mapping during an upgrade.
 *
 * Units    whole numbers; a family's `scale` says how many of them make the unit that is shown.
 * Threads  metrics_open before the first thread; all else from any thread of any process.
 */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

#include <stdatomic.h>

#include "base/attr.h"
#include "base/str.h"

struct buf;
struct mapping;
struct metrics;

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

#define METRIC_LABELS 4
#define METRIC_VALUE_MAX 64
#define METRIC_BOUNDS 14

struct metric_family {
	const char *name, *help;
	enum metric_type type;
	const char *labels[METRIC_LABELS]; /* as many as there are; gauges: none */
	unsigned open;                     /* bit i: label i has values without bound */
	unsigned most;                     /* series before open labels become "other" */
	int64_t scale;                     /* 0: 1 */
	int64_t bounds[METRIC_BOUNDS];     /* histograms: inclusive, rising; 0 ends the list */
};

/* families is borrowed; m outlives it. Returns owned. */
RETURNS_NEW struct metrics *metrics_open(struct mapping *m, const struct metric_family *families,
    size_t count);
void metrics_close(struct metrics *m);

/* labels: one value for each of the family's labels; NULL when it has none. */
void metrics_add(struct metrics *m, size_t family, const struct str *labels, uint64_t n);
void metrics_observe(struct metrics *m, size_t family, const struct str *labels, int64_t value);
/* This process's part. */
void metrics_gauge_set(struct metrics *m, size_t family, int64_t value);
void metrics_gauge_add(struct metrics *m, size_t family, int64_t n);

/* Everything as Prometheus text, format 0.0.4. Counters and histograms that nobody has counted yet
 * show only their head. */
void metrics_text(const struct metrics *m, struct buf *out);
/* The series of a counter that there are: fn with the values of its labels. */
void metrics_each(const struct metrics *m, size_t family,
    void (*fn)(const struct str *labels, uint64_t value, void *arg), void *arg);
/* One family by hand, for what is not counted but looked up when it is asked for: its head, then
 * lines of values. labels and values as above. */
void metrics_head(struct buf *out, const struct metric_family *f);
void metrics_line(struct buf *out, const struct metric_family *f, const struct str *labels,
    int64_t value);
#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* ---- for metrics.c and metrics_text.c ------------------------------------------------------ */

#define METRIC_TEXT_WORDS 24
/* Of a series: the words before its numbers. */
enum { SERIES_KEY, SERIES_FAMILY, SERIES_TEXT, SERIES_NUMBERS = SERIES_TEXT + METRIC_TEXT_WORDS };

typedef _Atomic uint64_t metric_word;

/* Series with the same number of words, found by open addressing. */
struct metric_table {
	metric_word *memory; /* its first word counts what found no room */
	size_t mask, stride;
};

struct metrics {
	const struct metric_family *families;
	size_t count;
	uint64_t *ids;      /* of each family */
	size_t *gauges;     /* of each gauge: where its numbers begin in gauge_memory */
	metric_word **made; /* of each family: how many series it has, shared */
	struct metric_table counters, histograms;
	metric_word *gauge_memory;
	int slot;
};

size_t metric_label_count(const struct metric_family *f);
size_t metric_bound_count(const struct metric_family *f);
/* The label values of a series as they were counted, each with a NUL behind it. */
void metric_text_of(const metric_word *series, char out[METRIC_TEXT_WORDS * 8]);

#endif
