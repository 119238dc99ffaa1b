/* DESIGN  A series is some words in the mapping: the key it is found by, its family, the text of its
 * labels, its numbers. Who needs a new one puts the key there by compare-and-swap and then writes
 * the rest, the family last: a series without a family is counted but not shown. Should its maker
 * die in between, the next who counts there writes the same words again. Series are never removed;
 * how many a family may have is counted in the mapping as well, and is exact but for a race. */
#include "base/metrics.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mapping.h"
#include "base/mem.h"

/* Powers of two, at least twice what all families of a kind may have together. */
#define COUNTER_SERIES 8192
#define HISTOGRAM_SERIES 2048
#define COUNTER_WORDS (SERIES_NUMBERS + 1)
/* Buckets, the one above the last bound, the sum. */
#define HISTOGRAM_WORDS (SERIES_NUMBERS + METRIC_BOUNDS + 2)
#define GAUGE_CELLS 32
#define GAUGE_WORDS (1 + MAPPING_PROCESSES)
#define FAMILY_CELLS 64
#define PROBES 64
#define TEXT_BYTES (METRIC_TEXT_WORDS * 8)

/* ---- what a family is -------------------------------------------------------------------------- */

size_t metric_label_count(const struct metric_family *f)
{
	size_t n = 0;

	while (n < METRIC_LABELS && f->labels[n])
		n++;
	return n;
}

size_t metric_bound_count(const struct metric_family *f)
{
	size_t n = 0;

	while (n < METRIC_BOUNDS && f->bounds[n])
		n++;
	return n;
}

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 29;
}

static uint64_t family_id(const struct metric_family *f)
{
	uint64_t id = mix(str_hash(str_c(f->name)), (uint64_t)f->type + 1);

	for (size_t i = 0; i < metric_label_count(f); i++)
		id = mix(id, str_hash(str_c(f->labels[i])));
	for (size_t i = 0; i < metric_bound_count(f); i++)
		id = mix(id, (uint64_t)f->bounds[i]);
	return id ? id : 1;
}

/* ---- label values ------------------------------------------------------------------------------ */

/* Like a value, but as it is kept. Returns its length. */
static size_t clean(struct str in, char out[METRIC_VALUE_MAX])
{
	size_t n = in.n < METRIC_VALUE_MAX ? in.n : METRIC_VALUE_MAX;
	unsigned char high = 0;

	while (n < in.n && n > 0 && ((unsigned char)in.p[n] & 0xc0) == 0x80)
		n--; /* not within a character */
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)in.p[i];

		high |= c;
		out[i] = c < 0x20 || c == 0x7f ? '_' : (char)c;
	}
	if (high < 0x80 || str_is_utf8((struct str){ out, n }))
		return n;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)out[i] >= 0x80)
			out[i] = '_';
	return n;
}

/* All values of a series, each with a NUL behind it; the rest zero. */
struct text {
	_Alignas(uint64_t) char p[TEXT_BYTES];
	size_t n;
};

static void add_value(struct text *t, struct str value)
{
	char cleaned[METRIC_VALUE_MAX];
	size_t n = clean(value, cleaned), room = sizeof t->p - 1 - t->n;

	/* What many long values do not leave room for ends early; the key is made of all the same. */
	if (n > room)
		n = 0;
	memcpy(t->p + t->n, cleaned, n);
	t->n += n + (t->n + n < sizeof t->p - 1);
}

static void make_text(const struct metric_family *f, const struct str *labels, unsigned others,
    struct text *t)
{
	memset(t, 0, sizeof *t);
	for (size_t i = 0; i < metric_label_count(f); i++)
		add_value(t, others & 1u << i ? STR("other") : labels[i]);
}

void metric_text_of(const metric_word *series, char out[TEXT_BYTES])
{
	for (size_t i = 0; i < METRIC_TEXT_WORDS; i++) {
		uint64_t word =
		    atomic_load_explicit(&series[SERIES_TEXT + i], memory_order_relaxed);

		memcpy(out + i * sizeof word, &word, sizeof word);
	}
	out[TEXT_BYTES - 1] = '\0';
}

static uint64_t key_of(uint64_t family, const struct text *t)
{
	uint64_t key = family;

	for (size_t at = 0; at < t->n; at += sizeof key) {
		uint64_t word;

		memcpy(&word, t->p + at, sizeof word);
		key = mix(key, word);
	}
	key = mix(key, t->n);
	return key ? key : 1;
}

/* ---- finding a series -------------------------------------------------------------------------- */

static metric_word *series_at(const struct metric_table *t, uint64_t at)
{
	return t->memory + 1 + ((size_t)at & t->mask) * t->stride;
}

/* Where it is or could be; NULL: the neighbourhood is full. */
static metric_word *probe(const struct metric_table *t, uint64_t key)
{
	for (uint64_t i = 0; i < PROBES; i++) {
		metric_word *series = series_at(t, key + i);
		uint64_t found = atomic_load_explicit(&series[SERIES_KEY], memory_order_acquire);

		if (found == key || found == 0)
			return series;
	}
	return NULL;
}

/* Again what may be there already: the same words. */
static void write_series(metric_word *series, uint64_t family, const struct text *t)
{
	for (size_t i = 0; i < METRIC_TEXT_WORDS; i++) {
		uint64_t word;

		memcpy(&word, t->p + i * sizeof word, sizeof word);
		atomic_store_explicit(&series[SERIES_TEXT + i], word, memory_order_relaxed);
	}
	atomic_store_explicit(&series[SERIES_FAMILY], family, memory_order_release);
}

static metric_word *claim(const struct metric_table *t, uint64_t key)
{
	for (;;) {
		metric_word *series = probe(t, key);
		uint64_t none = 0;

		if (!series || atomic_load(&series[SERIES_KEY]) == key ||
		    atomic_compare_exchange_strong(&series[SERIES_KEY], &none, key))
			return series;
	}
}

static bool is_known(const struct metric_table *t, uint64_t key)
{
	metric_word *series = probe(t, key);

	return series && atomic_load_explicit(&series[SERIES_KEY], memory_order_acquire) == key;
}

static const struct metric_table *table_of(const struct metrics *m, const struct metric_family *f)
{
	return f->type == METRIC_HISTOGRAM ? &m->histograms : &m->counters;
}

/* The series of these labels, or of "other" in their place when there are too many. */
static metric_word *find(struct metrics *m, size_t family, const struct str *labels)
{
	const struct metric_family *f = &m->families[family];
	const struct metric_table *t = table_of(m, f);
	uint64_t id = m->ids[family], key;
	metric_word *series;
	struct text text;

	make_text(f, labels, 0, &text);
	key = key_of(id, &text);
	if (f->open && !is_known(t, key)) {
		if (atomic_load_explicit(m->made[family], memory_order_relaxed) < f->most) {
			atomic_fetch_add_explicit(m->made[family], 1, memory_order_relaxed);
		} else {
			make_text(f, labels, f->open, &text);
			key = key_of(id, &text);
		}
	}
	series = claim(t, key);
	if (!series)
		atomic_fetch_add_explicit(&t->memory[0], 1, memory_order_relaxed);
	else if (atomic_load_explicit(&series[SERIES_FAMILY], memory_order_acquire) == 0)
		write_series(series, id, &text);
	return series;
}

/* ---- counting ---------------------------------------------------------------------------------- */

void metrics_add(struct metrics *m, size_t family, const struct str *labels, uint64_t n)
{
	metric_word *series;

	assert(family < m->count && m->families[family].type == METRIC_COUNTER);
	series = find(m, family, labels);
	if (series)
		atomic_fetch_add_explicit(&series[SERIES_NUMBERS], n, memory_order_relaxed);
}

void metrics_observe(struct metrics *m, size_t family, const struct str *labels, int64_t value)
{
	const struct metric_family *f = &m->families[family];
	metric_word *series;
	size_t i = 0;

	assert(family < m->count && f->type == METRIC_HISTOGRAM);
	series = find(m, family, labels);
	if (!series)
		return;
	if (value < 0)
		value = 0;
	while (i < METRIC_BOUNDS && f->bounds[i] && value > f->bounds[i])
		i++;
	atomic_fetch_add_explicit(&series[SERIES_NUMBERS + i], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&series[SERIES_NUMBERS + METRIC_BOUNDS + 1], (uint64_t)value,
	    memory_order_relaxed);
}

/* NULL: this process is one too many and counts nothing. */
static metric_word *own_gauge(const struct metrics *m, size_t family)
{
	assert(family < m->count && m->families[family].type == METRIC_GAUGE);
	return m->slot < 0 ? NULL : m->gauge_memory + m->gauges[family] + 1 + m->slot;
}

void metrics_gauge_set(struct metrics *m, size_t family, int64_t value)
{
	metric_word *own = own_gauge(m, family);

	if (own)
		atomic_store_explicit(own, (uint64_t)value, memory_order_relaxed);
}

void metrics_gauge_add(struct metrics *m, size_t family, int64_t n)
{
	metric_word *own = own_gauge(m, family);

	if (own)
		atomic_fetch_add_explicit(own, (uint64_t)n, memory_order_relaxed);
}

/* ---- opening ----------------------------------------------------------------------------------- */

static void reap(int slot, void *arg)
{
	const struct metrics *m = arg;

	for (size_t i = 0; i < GAUGE_CELLS; i++)
		atomic_store(&m->gauge_memory[i * GAUGE_WORDS + 1 + (size_t)slot], 0);
}

static struct metric_table table(struct mapping *m, const char *name, size_t series, size_t words)
{
	return (struct metric_table){
		.memory = mapping_region(m, name, (1 + series * words) * sizeof(metric_word)),
		.mask = series - 1,
		.stride = words,
	};
}

/* The cell of that key among `cells` of `words` each; made when there is none. */
static size_t cell_for(metric_word *memory, size_t cells, size_t words, uint64_t key)
{
	for (size_t i = 0; i < cells; i++) {
		size_t at = (key + i) % cells * words;
		uint64_t found = 0;

		if (atomic_compare_exchange_strong(&memory[at], &found, key) || found == key)
			return at;
	}
	abort(); /* more families than two versions may have together */
}

struct metrics *metrics_open(struct mapping *mapping, const struct metric_family *families,
    size_t count)
{
	struct metrics *m = MEM_NEW(struct metrics);
	metric_word *made =
	    mapping_region(mapping, "metric.families", FAMILY_CELLS * 2 * sizeof(metric_word));

	assert(count <= FAMILY_CELLS / 2);
	m->families = families;
	m->count = count;
	m->ids = mem_zalloc(count * sizeof *m->ids);
	m->gauges = mem_zalloc(count * sizeof *m->gauges);
	m->made = mem_zalloc(count * sizeof *m->made);
	m->counters = table(mapping, "metric.counts", COUNTER_SERIES, COUNTER_WORDS);
	m->histograms = table(mapping, "metric.histos", HISTOGRAM_SERIES, HISTOGRAM_WORDS);
	m->gauge_memory = mapping_region(mapping, "metric.gauges",
	    (size_t)GAUGE_CELLS * GAUGE_WORDS * sizeof(metric_word));
	m->slot = mapping_slot(mapping);
	for (size_t i = 0; i < count; i++) {
		m->ids[i] = family_id(&families[i]);
		m->made[i] = made + cell_for(made, FAMILY_CELLS, 2, m->ids[i]) + 1;
		if (families[i].type == METRIC_GAUGE)
			m->gauges[i] =
			    cell_for(m->gauge_memory, GAUGE_CELLS, GAUGE_WORDS, m->ids[i]);
	}
	mapping_on_reap(mapping, reap, m);
	return m;
}

void metrics_close(struct metrics *m)
{
	if (!m)
		return;
	mem_free(m->ids);
	mem_free(m->gauges);
	mem_free(m->made);
	mem_free(m);
}
