/* standing.h — what is known of each channel: how fast, how busy, how often it failed, whose turn
 *
 * Shared by the processes of a machine; one cell for a channel, made when there is something to
 * note. Three things that have only their key in common:
 *
 *	speed    the time to the first byte as an average that jumps up with every slow answer and
 *	         comes down in some ten seconds (peak-EWMA), times what is under way there plus one:
 *	         how long a further request would have to wait, roughly. For ChannelChoice = latency.
 *	window   the last outcomes, one bit each: one-api's success rate (ENABLE_METRIC).
 *	turn     which of its keys is next (key_mode round_robin).
 *
 * What a process has under way is counted for that process as well: when it dies, standing_reap takes
 * its part back.
 *
 * Threads  from any thread of any process.
 */
#ifndef FCGI_RELAY_STANDING_H
#define FCGI_RELAY_STANDING_H

#include "cells.h"

#define STANDING_CELLS 4096
#define STANDING_PROCESSES 64
#define STANDING_WORDS (6 + STANDING_PROCESSES / 4)
#define STANDING_WINDOW_MAX 56
#define STANDING_HALF_MS 5000

/* One goes there, one is back. slot: of this process, or -1: not counted. */
void standing_begin(const struct cells *t, int64_t channel, int slot, int64_t now_ms);
void standing_end(const struct cells *t, int64_t channel, int slot);
/* A dead process's part of all counts. */
void standing_reap(const struct cells *t, int slot);

/* A time to the first byte. A failure counts as slow, so that one which fails at once attracts
 * nobody: pass what it took, it counts as a second at least and twice what was usual. */
void standing_answered(const struct cells *t, int64_t channel, int64_t ms, int64_t now_ms);
void standing_stumbled(const struct cells *t, int64_t channel, int64_t ms, int64_t now_ms);
/* Smaller is better; 0 where nothing is known and nothing is under way: worth a try. */
double standing_cost(const struct cells *t, int64_t channel, int64_t now_ms);

/* Notes an outcome. True: the last `size` are known and fewer than `rate` of them were good; then
 * they are forgotten, so that it is said once. */
bool standing_outcome(const struct cells *t, int64_t channel, bool good, int size, double rate,
    int64_t now_ms);

/* 0, 1, 2 … over all processes. */
uint64_t standing_turn(const struct cells *t, int64_t channel, int64_t now_ms);

#endif
