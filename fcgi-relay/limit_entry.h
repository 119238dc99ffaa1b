/* limit_entry.h — one subject's rule, taken and given back in memory that processes share
 *
 * An entry is what one request holds of one subject (its key, its user, …): a place among those
 * that run at the same time, a request of this minute, tokens of this minute and day. Entering
 * takes all of it or nothing; finishing corrects the tokens to what was used; undoing gives
 * everything back, as if the request had never come.
 *
 * Errors   ERR_RATE_LIMIT, type "requests" or "tokens", with the time after which to come again;
 *          without one when the request exceeds the limit by itself.
 * Threads  an entry has one owner at a time; the counters are shared by everybody.
 */
#ifndef FCGI_RELAY_LIMIT_ENTRY_H
#define FCGI_RELAY_LIMIT_ENTRY_H

#include "base/crowd.h"
#include "base/rate.h"
#include "store/limit.h"

struct arena;
struct err;
struct mapping;

struct limit_counters {
	struct rate_table *rates;
	struct crowd *parallel;
};

/* Regions of m; registers what a killed process leaves. */
void limit_counters_init(struct limit_counters *c, struct mapping *m);
void limit_counters_release(struct limit_counters *c);

enum limit_kind { LIMIT_RPM, LIMIT_TPM, LIMIT_TPD, LIMIT_RATES };

struct limit_entry {
	enum limit_scope scope;
	struct str subject; /* borrowed */
	struct limit_rule rule;
	uint64_t keys[LIMIT_RATES];
	struct rate_view views[LIMIT_RATES]; /* after the latest enter or look */
	struct crowd_hold place;
	int64_t tokens; /* taken */
	bool entered;
};

/* The subject of a scope whose members have ids: rules and cells are found by it. */
struct str limit_subject(struct arena *a, int64_t id);
void limit_entry_init(struct limit_entry *e, const struct limit_counters *c, enum limit_scope scope,
    struct str subject, const struct limit_rule *rule);
/* The limit of a kind, n 0 for none, and how many units of it a request of so many tokens takes. */
struct rate_limit limit_entry_rate(const struct limit_entry *e, enum limit_kind kind);
int64_t limit_entry_cost(enum limit_kind kind, int64_t tokens);

MUST_USE bool limit_entry_enter(struct limit_entry *e, const struct limit_counters *c,
    int64_t tokens, struct err *err);
/* All of them or, when one refuses, none. */
MUST_USE bool limit_entry_enter_all(struct limit_entry *list, size_t count,
    const struct limit_counters *c, int64_t tokens, struct err *err);
/* Would it be let in now? Takes nothing. */
bool limit_entry_is_free(const struct limit_entry *e, const struct limit_counters *c,
    int64_t tokens);
/* Both do nothing with an entry that was not entered. */
void limit_entry_finish(struct limit_entry *e, const struct limit_counters *c, int64_t used);
void limit_entry_undo(struct limit_entry *e, const struct limit_counters *c);

/* Tokens that nothing was taken for before; less, below zero. */
void limit_entry_add(const struct limit_entry *e, const struct limit_counters *c, int64_t tokens);

/* The refusals, for counters that live elsewhere. retry_ms as in struct rate_view. */
bool limit_entry_refuse(const struct limit_entry *e, enum limit_kind kind, int64_t cost,
    int64_t retry_ms, struct err *err);
bool limit_entry_refuse_parallel(const struct limit_entry *e, struct err *err);

/* "6m0s", "1.5s", "12ms": durations as OpenAI's headers write them. */
#define LIMIT_DURATION_MAX 32
void limit_duration(int64_t ms, char out[LIMIT_DURATION_MAX]);

#endif
