/* choose.h — which channel, with which of its keys, serves this request; what to try after a failure
 *
 * In this order:
 *
 *	model     the one asked for; when no channel could serve it, those that ModelFallbacks lists
 *	width     channels that name the model; then those whose wildcard fits, longest first
 *	tier      strict priorities, the highest first
 *	          within a tier: the channel that holds the conversation's prompt cache; else by weight
 *	          (all zero: alike; zero beside positive weights: only when the others cannot), or with
 *	          ChannelChoice = latency the faster of two drawn so
 *	key       the next of the channel's keys that is not parked
 *
 * A channel is tried once for each model, a key that was refused never again in the request. A
 * channel whose breaker is open, or that has no key left, is the last choice and not none: when
 * everything is in trouble, what is due first is tried, since a guess about an upstream is no
 * reason to refuse. A half-open breaker lets one request through. A channel that is at its own limit
 * or has just been out of budget (limits.h) is passed over alike; whether it really refuses is said
 * when it is entered, and when the money is set aside.
 *
 * Threads  choose_channel reads an immutable catalog and shared tables; a struct tried belongs to
 *          its request.
 */
#ifndef FCGI_RELAY_CHOOSE_H
#define FCGI_RELAY_CHOOSE_H

#include "provider/ask.h"
#include "provider/catalog.h"

#include "affinity.h"
#include "keyring.h"
#include "vitals.h"

#define TRIED_MAX 32    /* channels for one model */
#define ATTEMPTS_MAX 64 /* of one request, whatever is configured */

struct exchange;

/* What a request has tried, and how the attempt stands. Zero is a fresh one. */
struct tried {
	/* the request */
	struct str model;          /* tried now: the one asked for, or one that stands in */
	const struct chain *chain; /* that follow it; NULL: none, or not looked yet */
	size_t chain_at;
	struct tried_keys keys;
	int retries; /* further channels for this model so far */
	bool stay;   /* the same channel once more, with its next key */
	struct conversation conversation;
	bool is_known; /* conversation was worked out */

	/* for this model */
	uint64_t model_hash;
	int64_t ids[TRIED_MAX];
	size_t count;

	/* the attempt */
	const struct catalog_key *key;
	uint64_t pair; /* of channel and model, for breaker.h */
	bool probe;    /* it has the breaker's one probe */
	bool counted;  /* it counts as under way (standing.h) */
	bool said;     /* how it ended was said (health.h) */
};

/* What is chosen for. */
struct choice {
	const struct catalog *catalog;
	const struct vitals *vitals;
	struct str group;
	const struct ask *ask;
	int64_t user_id, token_id;
	int64_t now_ms;
	const struct exchange *limited; /* whose limits channels have; NULL: none has any */
};

/* Picks a channel and notes it, its key and the model in *tried. ERR_NO_CHANNEL when none is
 * left. */
MUST_USE bool choose_channel(const struct choice *q, struct tried *tried,
    const struct catalog_channel **out, struct err *err);
/* The one that a key or a resource names: ERR_CHANNEL_INVALID, ERR_CHANNEL_DISABLED. */
MUST_USE bool choose_pinned(const struct choice *q, int64_t id, struct tried *tried,
    const struct catalog_channel **out, struct err *err);
/* After a failure that another attempt may mend: is there one? retry_times: how many further
 * channels for a model. is_pinned: other keys at most. Says in *tried what it is. */
bool choose_again(const struct choice *q, struct tried *tried, const struct catalog_channel *failed,
    int retry_times, bool is_pinned);
/* The channel of that id, for the model that is tried now. */
bool choose_was_tried(const struct tried *tried, int64_t id);

/* The same for an exchange. */
struct choice choice_for(const struct exchange *x);
/* Sets x->channel and x->tried. */
MUST_USE bool choose_next(struct exchange *x, struct err *err);
/* After x's attempt failed with err and health_failed has looked at it: prepare another? */
bool choose_may_retry(struct exchange *x, const struct err *err);

#endif
