#include "limit_entry.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mapping.h"

#define RATE_CELLS 65536
#define PARALLEL_CELLS 4096
#define MINUTE_MS 60000
#define DAY_MS 86400000

static const struct kind_row {
	const char *key;    /* names the cell */
	const char *phrase; /* for the message */
	const char *type;   /* of the error */
	size_t offset;      /* in struct limit_rule */
	int64_t period_ms;
	bool counts_tokens;
} kinds[LIMIT_RATES] = {
	[LIMIT_RPM] = { "rpm", "requests per min (RPM)", "requests",
	    offsetof(struct limit_rule, rpm), MINUTE_MS, false },
	[LIMIT_TPM] = { "tpm", "tokens per min (TPM)", "tokens", offsetof(struct limit_rule, tpm),
	    MINUTE_MS, true },
	[LIMIT_TPD] = { "tpd", "tokens per day (TPD)", "tokens", offsetof(struct limit_rule, tpd),
	    DAY_MS, true },
};

void limit_counters_init(struct limit_counters *c, struct mapping *m)
{
	c->rates = rate_table_at(mapping_region(m, "limit-rates", rate_table_bytes(RATE_CELLS)),
	    RATE_CELLS);
	c->parallel = crowd_at(mapping_region(m, "limit-parallel", crowd_bytes(PARALLEL_CELLS)),
	    PARALLEL_CELLS, mapping_slot(m));
	mapping_on_reap(m, crowd_reap, c->parallel);
}

void limit_counters_release(struct limit_counters *c)
{
	rate_table_free(c->rates);
	crowd_free(c->parallel);
}

static uint64_t cell_key(const struct limit_counters *c, const struct limit_entry *e,
    const char *kind)
{
	char text[160];
	int n = snprintf(text, sizeof(text), "%s %s %.*s", kind, limit_scope_names[e->scope],
	    STR_ARG(e->subject));
	struct str key = { text, n < (int)sizeof(text) ? (size_t)n : sizeof(text) - 1 };

	return rate_key(c->rates, key);
}

struct rate_limit limit_entry_rate(const struct limit_entry *e, enum limit_kind kind)
{
	int64_t n;

	memcpy(&n, (const char *)&e->rule + kinds[kind].offset, sizeof(n));
	return (struct rate_limit){ .n = n, .period_ms = kinds[kind].period_ms };
}

int64_t limit_entry_cost(enum limit_kind kind, int64_t tokens)
{
	return kinds[kind].counts_tokens ? tokens : 1;
}

struct str limit_subject(struct arena *a, int64_t id)
{
	return str_c(arena_fmt(a, "%" PRId64, id));
}

void limit_entry_init(struct limit_entry *e, const struct limit_counters *c, enum limit_scope scope,
    struct str subject, const struct limit_rule *rule)
{
	*e = (struct limit_entry){ .scope = scope, .subject = subject, .rule = *rule };
	for (int i = 0; i < LIMIT_RATES; i++) {
		if (limit_entry_rate(e, (enum limit_kind)i).n > 0)
			e->keys[i] = cell_key(c, e, kinds[i].key);
	}
}

/* ---- refusals -------------------------------------------------------------------------------- */

bool limit_entry_refuse(const struct limit_entry *e, enum limit_kind kind, int64_t cost,
    int64_t retry_ms, struct err *err)
{
	const char *scope = limit_scope_names[e->scope], *phrase = kinds[kind].phrase;
	int64_t n = limit_entry_rate(e, kind).n;
	char wait[LIMIT_DURATION_MAX];

	if (retry_ms < 0) {
		err_set(err, ERR_RATE_LIMIT,
		    "request too large for this %s on %s: limit %" PRId64 ", requested %" PRId64,
		    scope, phrase, n, cost);
	} else {
		limit_duration(retry_ms, wait);
		err_set(err, ERR_RATE_LIMIT,
		    "rate limit reached for this %s on %s: limit %" PRId64 "; try again in %s",
		    scope, phrase, n, wait);
		err->retry_after_s = retry_ms < 1000 ? 1 : (int)((retry_ms + 999) / 1000);
	}
	snprintf(err->type, sizeof(err->type), "%s", kinds[kind].type);
	return false;
}

bool limit_entry_refuse_parallel(const struct limit_entry *e, struct err *err)
{
	err_set(err, ERR_RATE_LIMIT,
	    "rate limit reached for this %s on requests at the same time: limit %" PRId64,
	    limit_scope_names[e->scope], e->rule.parallel);
	snprintf(err->type, sizeof(err->type), "requests");
	err->retry_after_s = 1;
	return false;
}

/* ---- entering and leaving -------------------------------------------------------------------- */

static void give_back(const struct limit_entry *e, const struct limit_counters *c,
    enum limit_kind kind, int64_t tokens)
{
	if (e->keys[kind])
		rate_adjust(c->rates, e->keys[kind], limit_entry_rate(e, kind),
		    -limit_entry_cost(kind, tokens));
}

bool limit_entry_enter(struct limit_entry *e, const struct limit_counters *c, int64_t tokens,
    struct err *err)
{
	if (e->rule.parallel > 0 &&
	    !crowd_enter(c->parallel, cell_key(c, e, "parallel"), e->rule.parallel, &e->place))
		return limit_entry_refuse_parallel(e, err);
	for (int i = 0; i < LIMIT_RATES; i++) {
		enum limit_kind kind = (enum limit_kind)i;
		int64_t cost = limit_entry_cost(kind, tokens);

		if (!e->keys[i] ||
		    rate_take(c->rates, e->keys[i], limit_entry_rate(e, kind), cost, &e->views[i]))
			continue;
		limit_entry_refuse(e, kind, cost, e->views[i].retry_ms, err);
		while (i-- > 0)
			give_back(e, c, (enum limit_kind)i, tokens);
		crowd_leave(c->parallel, &e->place);
		return false;
	}
	e->tokens = tokens;
	e->entered = true;
	return true;
}

bool limit_entry_is_free(const struct limit_entry *e, const struct limit_counters *c,
    int64_t tokens)
{
	if (e->rule.parallel > 0 &&
	    crowd_count(c->parallel, cell_key(c, e, "parallel")) >= e->rule.parallel)
		return false;
	for (int i = 0; i < LIMIT_RATES; i++) {
		struct rate_view view;
		enum limit_kind kind = (enum limit_kind)i;

		if (e->keys[i] &&
		    rate_take(c->rates, e->keys[i], limit_entry_rate(e, kind), 0, &view) &&
		    view.remaining < limit_entry_cost(kind, tokens))
			return false;
	}
	return true;
}

void limit_entry_add(const struct limit_entry *e, const struct limit_counters *c, int64_t tokens)
{
	for (int i = 0; i < LIMIT_RATES; i++) {
		if (e->keys[i] && kinds[i].counts_tokens)
			rate_adjust(c->rates, e->keys[i], limit_entry_rate(e, (enum limit_kind)i),
			    tokens);
	}
}

void limit_entry_finish(struct limit_entry *e, const struct limit_counters *c, int64_t used)
{
	if (!e->entered)
		return;
	e->entered = false;
	crowd_leave(c->parallel, &e->place);
	limit_entry_add(e, c, used - e->tokens);
}

void limit_entry_undo(struct limit_entry *e, const struct limit_counters *c)
{
	if (!e->entered)
		return;
	e->entered = false;
	crowd_leave(c->parallel, &e->place);
	for (int i = 0; i < LIMIT_RATES; i++)
		give_back(e, c, (enum limit_kind)i, e->tokens);
}

bool limit_entry_enter_all(struct limit_entry *list, size_t count, const struct limit_counters *c,
    int64_t tokens, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		if (limit_entry_enter(&list[i], c, tokens, err))
			continue;
		while (i-- > 0)
			limit_entry_undo(&list[i], c);
		return false;
	}
	return true;
}

/* ---- durations ------------------------------------------------------------------------------- */

/* Thousandths without zeros at the end: ".5", "". */
static void add_fraction(char *out, size_t size, int64_t thousandths)
{
	char digits[8];
	size_t n;

	if (thousandths == 0)
		return;
	snprintf(digits, sizeof(digits), ".%03d", (int)thousandths);
	n = strlen(digits);
	while (digits[n - 1] == '0')
		digits[--n] = '\0';
	snprintf(out + strlen(out), size - strlen(out), "%s", digits);
}

void limit_duration(int64_t ms, char out[LIMIT_DURATION_MAX])
{
	int64_t h = ms / 3600000, m = ms / 60000 % 60, s = ms / 1000 % 60;

	if (ms > 0 && ms < 1000) {
		snprintf(out, LIMIT_DURATION_MAX, "%" PRId64 "ms", ms);
		return;
	}
	out[0] = '\0';
	if (h > 0)
		snprintf(out, LIMIT_DURATION_MAX, "%" PRId64 "h", h);
	if (h > 0 || m > 0)
		snprintf(out + strlen(out), LIMIT_DURATION_MAX - strlen(out), "%" PRId64 "m", m);
	snprintf(out + strlen(out), LIMIT_DURATION_MAX - strlen(out), "%" PRId64, s);
	add_fraction(out, LIMIT_DURATION_MAX, ms % 1000);
	snprintf(out + strlen(out), LIMIT_DURATION_MAX - strlen(out), "s");
}
