/* limits.h — may this request come now? requests, tokens and places per subject
 *
 * The rules stand in store/limit.h, the counting in limit_entry.h. A request is checked against its
 * client address, then its group, user and key; against each in the order places, requests a
 * minute, tokens a minute, tokens a day. A check that refuses gives back what those before it took,
 * and so does whatever refuses the request later (no channel, no quota) before an upstream was
 * called. Tokens are taken as the request declares them (prompt as we count it, and max_tokens if
 * given) and corrected by what was used, upwards too: a limit may then be in debt.
 *
 * The channel's own rule is checked when an attempt has chosen it. One that is at its limit is
 * passed over; when no other is left the request waits (wait_line.h), or is refused with 429.
 *
 * Budgets are not decided here but in the reservation's transaction (billing/budget.h); limits_plan
 * only says which.
 *
 * Every reply to a request that has a limit carries x-ratelimit-limit-, -remaining- and -reset-
 * requests and tokens, as OpenAI sends them: of the rule with the least left when the request came.
 *
 * When Redis is configured the same is decided there for all machines together (limit_remote.h);
 * these counters then serve only while Redis is away.
 *
 * Without any rule nothing of this is paid for but one look at a flag.
 *
 * Threads  whichever room owns the exchange.
 */
#ifndef FCGI_RELAY_LIMITS_H
#define FCGI_RELAY_LIMITS_H

#include "exchange.h"
#include "limit_entry.h"

struct limit_call;
struct redis;
struct wait_lines;
struct zones;

/* What a process has for it: relay->limiter. */
struct limiter {
	struct mapping *shared;
	struct limit_counters counters;
	struct zones *zones;
	struct wait_lines *lines;
	struct redis *redis; /* the program's; NULL: none */
	_Atomic(int64_t) reap_due_ms;
};

/* Before the first thread. Both outlive it; redis may be NULL and must know limit_scripts. */
RETURNS_NEW struct limiter *limiter_open(struct mapping *m, struct redis *redis);
/* After the last request. */
void limiter_close(struct limiter *l);

#define LIMIT_CALLERS 4

/* What one request holds: x->limit. */
struct limit_hold {
	struct limiter *limiter;
	struct limit_entry callers[LIMIT_CALLERS];
	size_t count;
	int64_t tokens; /* as declared */
	struct str budgets;

	struct limit_entry channel;
	char channel_subject[24];
	int64_t channel_since_ms; /* attempt_started_ms when it was entered */
	bool channel_refused;     /* the latest preparation failed for no other reason */
	int64_t waiting_until_ms; /* 0: not yet */

	/* limit_remote.c's */
	bool remote;         /* Redis counts this request */
	bool remote_entered; /* … and holds its callers' part */
	bool remote_channel; /* … and that of its channel */
	struct limit_call *answer;
};

/* Before an attempt. False: refused, and nothing is held. */
MUST_USE bool limits_enter(struct exchange *x, struct err *err);
/* The channel that the attempt has chosen. */
MUST_USE bool limits_enter_channel(struct exchange *x, struct err *err);
/* Would it be let in through this channel now? For choosing among many. */
bool limits_channel_is_free(const struct exchange *x, int64_t channel_id);
/* The attempt is over, well or badly. */
void limits_leave_channel(struct exchange *x);
/* The exchange is over and used so many tokens. Only the first call counts. */
void limits_leave(struct exchange *x, int64_t tokens);
/* For the reservation; "" when there is none. */
struct str limits_budgets(const struct exchange *x);
/* Ours in place of the upstream's. */
void limits_headers(const struct exchange *x, struct headers *headers);

#endif
