/* affinity.h — a conversation prefers the channel that holds its prompt cache
 *
 * Providers keep the work on a prompt's beginning for some minutes and charge less for it, but only
 * on the account that did it. So who served a conversation is remembered for as long as the option
 * ChannelAffinityMinutes says, and its next turn goes there as a matter of preference: within the
 * best tier, and only if that channel is healthy. A first turn is spread as ever.
 *
 * A conversation is known by what it begins with: who asks (`prompt_cache_key`,
 * `safety_identifier` or `user` if the client sends one, else its key) and the first
 * AFFINITY_PROMPT_MAX bytes of the system prompt and of the first user message. It has gone on when
 * something follows these; one that names a prompt_cache_key is asking to be kept together from the
 * first.
 *
 * Threads  from any thread of any process.
 */
#ifndef FCGI_RELAY_AFFINITY_H
#define FCGI_RELAY_AFFINITY_H

#include "provider/ask.h"

#include "cells.h"

#define AFFINITY_PROMPT_MAX 4096
#define AFFINITY_CELLS 32768
#define AFFINITY_WORDS 2

struct conversation {
	uint64_t key;   /* 0: there is nothing to know it by */
	bool continued; /* this is not its first turn */
};

/* user and token: of the caller. Pure. */
struct conversation conversation_of(const struct ask *ask, int64_t user, int64_t token);

/* The channel, or 0. model_hash: each model has a cache of its own. */
int64_t affinity_find(const struct cells *t, uint64_t conversation, uint64_t model_hash,
    int64_t now_ms);
void affinity_note(const struct cells *t, uint64_t conversation, uint64_t model_hash,
    int64_t channel, int64_t keep_ms, int64_t now_ms);

#endif
