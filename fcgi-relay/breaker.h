/* breaker.h — a circuit breaker for each channel and model, shared by the processes of a machine
 *
 *	closed     every request may go there. It opens after BREAKER_FAILURES failures in a row, when
 *	           of at least BREAKER_RATE_MIN outcomes within a minute half failed, or at once when
 *	           the upstream says how long it wants to be left alone (Retry-After).
 *	open       nobody goes there while there is anything else, for BREAKER_FIRST_MS; each further
 *	           time in a row twice as long, up to BREAKER_LONGEST_MS, or as Retry-After says.
 *	half open  after that, one request at a time is let through. If it goes well, the breaker
 *	           closes, else it is open again. A probe that says nothing for BREAKER_PROBE_MS (its
 *	           process died, or its stream is long) makes room for another.
 *
 * One that opens again soon after it closed goes on where it was: a channel that flaps waits longer
 * each time.
 *
 * What counts is said by health.c: an upstream's own failures, never what a client did. A pair that
 * never failed has no cell, so what most requests pay is one look into an empty bucket. The table
 * holds BREAKER_CELLS pairs; the one that has been quiet for longest makes room.
 *
 * Units    now_ms: clock_mono_ms, which is one clock for the whole machine.
 * Threads  from any thread of any process.
 */
#ifndef FCGI_RELAY_BREAKER_H
#define FCGI_RELAY_BREAKER_H

#include "base/str.h"

#include "cells.h"

#define BREAKER_FAILURES 5
#define BREAKER_RATE_MIN 20
#define BREAKER_FIRST_MS 5000
#define BREAKER_LONGEST_MS 60000
#define BREAKER_RETRY_AFTER_MAX_MS 3600000
#define BREAKER_PROBE_MS 60000
#define BREAKER_FLAP_MS 120000 /* opening again so soon after closing is flapping */

#define BREAKER_SLICES 6 /* of the window, ten seconds each */
#define BREAKER_SLICE_MS 10000
#define BREAKER_CELLS 8192
#define BREAKER_WORDS (6 + BREAKER_SLICES)

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN };

struct breaker_view {
	enum breaker_state state;
	int64_t until_ms; /* open: it will be half open then */
};

/* model_hash: str_hash of the model's name, made once for a request. */
uint64_t breaker_pair(int64_t channel, uint64_t model_hash);

struct breaker_view breaker_look(const struct cells *t, uint64_t pair, int64_t now_ms);
/* Takes the one probe of a half-open pair. A request that goes to an open one, since there is
 * nothing else, takes it as well. False: another has it. */
bool breaker_probe(const struct cells *t, uint64_t pair, int64_t now_ms);
/* The outcomes of a request. probe: it had taken it. */
void breaker_succeeded(const struct cells *t, uint64_t pair, bool probe, int64_t now_ms);
/* retry_after_ms: what the upstream asked for, or 0. True: this opened it. */
bool breaker_failed(const struct cells *t, uint64_t pair, int64_t retry_after_ms, int64_t now_ms);
/* Of a probe that ended without telling anything: the client left, or asked nonsense. */
void breaker_dropped(const struct cells *t, uint64_t pair);

#endif
