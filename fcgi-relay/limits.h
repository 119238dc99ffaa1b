/* limits.h — may this request come now? requests, tokens and places per subject
 *
 * The rules stand in store/limit.h, the counting in limit_entry.h. A request is checked against its
 * client address, then its group, user and key; against each in the order places, requests a
 * minute, tokens a minute, tokens a day. A check that refuses gives back what those before it took,
 * and so does whatever refuses the request later (no channel, no quota) before an upstream was
 * called. Tokens are taken as the request declares them (prompt as we count it, and max_tokens if
 * given) and corrected by what was used, upwards too: a limit may then be in debt. What is used
 * behind the answer is added when it is known (limit_late.h).
 *
 * The channel's own rule is checked when an attempt has chosen it. One that is at its limit is
 * passed over; when no other is left the request waits (wait_line.h), or is refused with 429.
 *
 * Budgets are not decided here but in the reservation's transaction (billing/budget.h): limits_budgets
 * only says which. When it is the channel's that refuses, the request goes on to the next channel,
 * and for a second or two this process passes that channel over before asking again.
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

#define SPENT_SLOTS 512

/* What a process has for it: relay->limiter. */
struct limiter {
	struct mapping *shared;
	struct limit_counters counters;
	struct zones *zones;
	struct wait_lines *lines;
	struct redis *redis; /* the program's; NULL: none */
	_Atomic(int64_t) reap_due_ms;
	_Atomic(uint64_t) spent[SPENT_SLOTS]; /* limits.c's: channels whose budget was used up */
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
	int64_t tokens;     /* as declared */
	struct str budgets; /* the callers' */

	struct limit_entry channel;
	char channel_subject[24];
	int64_t channel_since_ms;   /* attempt_started_ms when it was entered */
	struct str channel_budgets; /* with the callers'; in the attempt's memory */
	int64_t budgeted,
	    reserved;            /* id of the channel whose budgets count, and are held; 0: none */
	bool channel_refused;    /* a channel was at its limit since limits_forget_full … */
	int64_t full[TRIED_MAX]; /* … these */
	size_t full_count;
	int64_t waiting_until_ms; /* 0: not yet */

	/* limit_remote.c's */
	bool remote;         /* Redis counts this request */
	bool remote_entered; /* … and holds its callers' part */
	bool remote_channel; /* … and that of its channel */
	struct limit_call *answer;
};

/* Before an attempt; nothing more happens to one that is in. False: refused, and nothing is
 * held. */
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
/* Is what is reserved held of another channel's budgets than of those that count now? */
bool limits_budgets_moved(const struct exchange *x);
/* The reservation is in. */
void limits_reserved(struct exchange *x);
/* Was it the channel's budget that refused a reservation? Then it is remembered for a while. */
bool limits_spent(struct exchange *x, const struct err *err);
/* It was at its limit, said whoever counts. */
void limits_note_full(struct exchange *x);
/* Takes those at their limits out of what was tried, so that a request that waited may try them.
 * False: there were none. */
bool limits_forget_full(struct exchange *x);
/* Ours in place of the upstream's. */
void limits_headers(const struct exchange *x, struct headers *headers);

#endif
