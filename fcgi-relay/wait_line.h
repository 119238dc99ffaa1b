/* wait_line.h — waiting for a channel that is at its own limit, first come, first served
 *
 * With the option ChannelWait (seconds) a request that finds every channel for its group and model
 * at its limit stands in a line instead of being refused. Only the first of a line looks, every few
 * milliseconds, whether any of them is free: then it tries again from the choice of a channel, and
 * the next one steps up. Who comes while others wait stands behind them.
 *
 * A further attempt waits as well: when an upstream failed and those that RetryTimes leaves to be
 * tried are at their limits, an answer after a while is worth more than the first one's failure.
 * Then only channels count that were not tried; what is reserved stays reserved, its lease is renewed.
 * ChannelWait is for all waiting of one request together. Who could only wait for a channel that is
 * out of budget does not.
 *
 * A line belongs to one process: with N relay processes each serves its own in order, and they
 * compete at their heads, so that across processes order is only roughly that of arrival. Its length
 * is bounded. A client that leaves leaves the line; when the time is up the request gets the refusal
 * that sent it there. Nothing waits but a timer on the request's wire.
 *
 * Threads  wait_line_join and wait_line_is_busy from whichever room owns the exchange.
 */
#ifndef FCGI_RELAY_WAIT_LINE_H
#define FCGI_RELAY_WAIT_LINE_H

#include "exchange.h"

#define WAIT_LINE_MAX 256   /* in one line */
#define WAIT_LINES_MAX 2048 /* in all */

struct wait_lines;

RETURNS_NEW struct wait_lines *wait_lines_new(void);
/* All are empty. */
void wait_lines_free(struct wait_lines *lines);

/* Do others wait for what x wants? Then it does not overtake them, and err says why. */
bool wait_line_is_busy(const struct exchange *x, struct err *err);
/* After limits_enter_channel refused with why, or because the line is busy: gives x away, which
 * comes back by retry on a worker when it is its turn, and ends by end_refused or end_gone
 * otherwise. Until wait_line_leave it keeps its place, so a retry may join again.
 * False: there is no waiting (option 0, line full, time up), x is still the caller's. */
MUST_USE bool wait_line_join(struct exchange *x, task_fn *retry, const struct err *why);
/* The retry came to a decision; the next one steps up. Nothing happens to who does not wait. */
void wait_line_leave(struct exchange *x);

#endif
