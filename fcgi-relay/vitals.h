/* vitals.h — the tables about channels that the relays of a machine share, in one place
 *
 * Regions of the shared mapping, made at start: breakers (breaker.h), standings (standing.h), keys that
 * are parked for a while (keyring.h), who holds which conversation's prompt cache (affinity.h).
 */
#ifndef FCGI_RELAY_VITALS_H
#define FCGI_RELAY_VITALS_H

#include "cells.h"

struct mapping;

struct vitals {
	struct cells breakers, standings, keys, conversations;
	int slot; /* this process among those that share them, -1: none */

	/* one-api's success rate; size 0: off */
	int metric_size;
	double metric_rate;
};

/* Before the first thread. Takes back what dead processes had under way, now and whenever the
 * mapping finds one. v stays where it is. */
void vitals_open(struct vitals *v, struct mapping *m);
/* Over zeroed memory of that many bytes, for tests. */
size_t vitals_bytes(void);
void vitals_at(struct vitals *v, void *memory);

#endif
