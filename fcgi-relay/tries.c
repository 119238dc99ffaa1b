/* tries.c — choose.h for an exchange */
#include "base/clock.h"
#include "base/err.h"

#include "choose.h"
#include "exchange.h"
#include "standing.h"
#include "health.h"

struct choice choice_for(const struct exchange *x)
{
	const struct token_owner *owner = &x->caller->owner;

	return (struct choice){
		.catalog = x->catalog,
		.vitals = &x->relay->vitals,
		.group = owner->group,
		.ask = &x->ask,
		.user_id = owner->token.user_id,
		.token_id = owner->token.id,
		.now_ms = clock_mono_ms(),
		.limited = x->limit ? x : NULL,
	};
}

/* Counted only where it is asked for. */
static void begin_attempt(struct exchange *x, const struct choice *q)
{
	if (!str_eq_c(option_text(&x->catalog->options, OPT_CHANNEL_CHOICE), "latency"))
		return;
	standing_begin(&q->vitals->standings, x->channel->row.id, q->vitals->slot, q->now_ms);
	x->tried.counted = true;
}

bool choose_next(struct exchange *x, struct err *err)
{
	int64_t pinned = x->pin ? x->pin : x->caller->pinned_channel;
	struct choice q = choice_for(x);
	bool ok;

	ok = pinned ? choose_pinned(&q, pinned, &x->tried, &x->channel, err)
	            : choose_channel(&q, &x->tried, &x->channel, err);
	if (ok)
		begin_attempt(x, &q);
	return ok;
}

bool choose_may_retry(struct exchange *x, const struct err *err)
{
	struct choice q = choice_for(x);

	return !x->pin && x->attempts < ATTEMPTS_MAX && health_may_retry(err) &&
	    choose_again(&q, &x->tried, x->channel,
	        (int)option_int(&x->catalog->options, OPT_RETRY_TIMES),
	        x->caller->pinned_channel != 0);
}
