/* cost.h — what a piece of work costs, whatever else the machine does
 *
 *	few = cost_ns(look_up, &small, 1000);
 *	many = cost_ns(look_up, &large, 1000);
 *	… many is not twenty times few
 *
 * Processor time of this thread, the cheapest of twenty batches: neighbours, an interrupt or a slow
 * disk do not count. How fast the machine is does: hence compare two costs, never one with a number.
 */
#ifndef TESTS_COST_H
#define TESTS_COST_H

#include <stdint.h>
#include <time.h>

static inline int64_t cost_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Of one of so many turns; at least 1. */
static inline int64_t cost_ns(void (*work)(void *), void *arg, int turns)
{
	int64_t best = INT64_MAX;

	for (int batch = 0; batch < 20; batch++) {
		int64_t begun = cost_now_ns(), took;

		for (int i = 0; i < turns; i++)
			work(arg);
		took = cost_now_ns() - begun;
		best = took < best ? took : best;
	}
	return best / turns + 1;
}

#endif
