/* metrics_text.c — what was counted, as Prometheus reads it (text format 0.0.4) */
#include <inttypes.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/mapping.h"
#include "base/metrics.h"

static const char *const type_names[] = { "counter", "gauge", "histogram" };

void metrics_head(struct buf *out, const struct metric_family *f)
{
	buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", f->name, f->help, f->name,
	    type_names[f->type]);
}

/* Exact: a decimal fraction, without zeros at its end. */
static void add_number(struct buf *out, const struct metric_family *f, int64_t value)
{
	uint64_t scale = f->scale > 0 ? (uint64_t)f->scale : 1;
	uint64_t size = value < 0 ? -(uint64_t)value : (uint64_t)value;
	uint64_t rest = size % scale;

	if (value < 0)
		buf_add_char(out, '-');
	buf_addf(out, "%" PRIu64, size / scale);
	if (rest)
		buf_add_char(out, '.');
	for (; rest; rest %= scale) {
		rest *= 10;
		buf_add_char(out, (char)('0' + rest / scale));
	}
}

static void add_value(struct buf *out, struct str value)
{
	buf_add_char(out, '"');
	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i];

		if (c == '\n') {
			buf_add(out, STR("\\n"));
			continue;
		}
		if (c == '"' || c == '\\')
			buf_add_char(out, '\\');
		buf_add_char(out, c);
	}
	buf_add_char(out, '"');
}

/* le: of a bucket, else NULL. */
static void add_labels(struct buf *out, const struct metric_family *f, const struct str *labels,
    const char *le)
{
	size_t count = metric_label_count(f);

	if (count == 0 && !le)
		return;
	buf_add_char(out, '{');
	for (size_t i = 0; i < count; i++) {
		if (i)
			buf_add_char(out, ',');
		buf_add_c(out, f->labels[i]);
		buf_add_char(out, '=');
		add_value(out, labels[i]);
	}
	if (le)
		buf_addf(out, "%sle=\"%s\"", count ? "," : "", le);
	buf_add_char(out, '}');
}

void metrics_line(struct buf *out, const struct metric_family *f, const struct str *labels,
    int64_t value)
{
	buf_add_c(out, f->name);
	add_labels(out, f, labels, NULL);
	buf_add_char(out, ' ');
	add_number(out, f, value);
	buf_add_char(out, '\n');
}

static uint64_t number(const metric_word *series, size_t i)
{
	return atomic_load_explicit(&series[SERIES_NUMBERS + i], memory_order_relaxed);
}

static void add_bucket(struct buf *out, const struct metric_family *f, const struct str *labels,
    const char *le, uint64_t sum)
{
	buf_addf(out, "%s_bucket", f->name);
	add_labels(out, f, labels, le);
	buf_addf(out, " %" PRIu64 "\n", sum);
}

/* The count is the sum of the buckets as they are read, so that the two always agree. */
static void add_histogram(struct buf *out, const struct metric_family *f, const struct str *labels,
    const metric_word *series)
{
	size_t bounds = metric_bound_count(f);
	uint64_t seen = 0;

	for (size_t i = 0; i < bounds; i++) {
		struct buf le = buf_init(32);

		seen += number(series, i);
		add_number(&le, f, f->bounds[i]);
		add_bucket(out, f, labels, le.data, seen);
		buf_release(&le);
	}
	seen += number(series, bounds);
	add_bucket(out, f, labels, "+Inf", seen);
	buf_addf(out, "%s_sum", f->name);
	add_labels(out, f, labels, NULL);
	buf_add_char(out, ' ');
	add_number(out, f, (int64_t)number(series, METRIC_BOUNDS + 1));
	buf_addf(out, "\n%s_count", f->name);
	add_labels(out, f, labels, NULL);
	buf_addf(out, " %" PRIu64 "\n", seen);
}

#define TEXT_BYTES (METRIC_TEXT_WORDS * 8)

static void split_text(const struct metric_family *f, const char text[TEXT_BYTES],
    struct str labels[METRIC_LABELS])
{
	size_t at = 0;

	for (size_t i = 0; i < metric_label_count(f); i++) {
		labels[i] = str_c(text + at);
		at += labels[i].n + 1;
		if (at > TEXT_BYTES - 1)
			at = TEXT_BYTES - 1;
	}
}

static void add_series(struct buf *out, const struct metric_family *f, const metric_word *series)
{
	char text[TEXT_BYTES];
	struct str labels[METRIC_LABELS] = { 0 };

	metric_text_of(series, text);
	split_text(f, text, labels);
	if (f->type == METRIC_HISTOGRAM)
		add_histogram(out, f, labels, series);
	else
		metrics_line(out, f, labels, (int64_t)number(series, 0));
}

static void add_all_series(const struct metrics *m, size_t family, struct buf *out)
{
	const struct metric_family *f = &m->families[family];
	const struct metric_table *t = f->type == METRIC_HISTOGRAM ? &m->histograms : &m->counters;

	for (size_t i = 0; i <= t->mask; i++) {
		const metric_word *series = t->memory + 1 + i * t->stride;

		if (atomic_load_explicit(&series[SERIES_FAMILY], memory_order_acquire) ==
		    m->ids[family])
			add_series(out, f, series);
	}
}

void metrics_each(const struct metrics *m, size_t family,
    void (*fn)(const struct str *labels, uint64_t value, void *arg), void *arg)
{
	const struct metric_table *t = &m->counters;

	for (size_t i = 0; i <= t->mask; i++) {
		const metric_word *series = t->memory + 1 + i * t->stride;
		char text[TEXT_BYTES];
		struct str labels[METRIC_LABELS] = { 0 };

		if (atomic_load_explicit(&series[SERIES_FAMILY], memory_order_acquire) !=
		    m->ids[family])
			continue;
		metric_text_of(series, text);
		split_text(&m->families[family], text, labels);
		fn(labels, number(series, 0), arg);
	}
}

static void add_gauge(const struct metrics *m, size_t family, struct buf *out)
{
	const metric_word *parts = m->gauge_memory + m->gauges[family] + 1;
	int64_t sum = 0;

	for (size_t i = 0; i < MAPPING_PROCESSES; i++)
		sum += (int64_t)atomic_load_explicit(&parts[i], memory_order_relaxed);
	metrics_line(out, &m->families[family], NULL, sum);
}

void metrics_text(const struct metrics *m, struct buf *out)
{
	for (size_t i = 0; i < m->count; i++) {
		metrics_head(out, &m->families[i]);
		if (m->families[i].type == METRIC_GAUGE)
			add_gauge(m, i, out);
		else
			add_all_series(m, i, out);
	}
}
