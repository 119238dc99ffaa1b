/* redis.h — a Redis that several machines share: calls in one round trip, and a nudge
 *
 * DESIGN. One thread owns the connection for calls. It takes all that wait, writes them in one
 * piece, reads the answers in order and hands each call back; so a busy gateway shares round trips,
 * and no other thread ever waits for Redis. A server that is slow or away costs its callers
 * timeout_ms once: then redis_is_up says no, what is sent is refused at once, and the thread
 * tries to come back every second. A second thread listens on a channel for nudges.
 *
 * How it is reached, also over TLS: redis_link.h. One Redis: Cluster and Sentinel are not spoken, since
 * a script here touches keys of several slots; a proxy or a failover address in front of them is fine.
 *
 * Signals  SIGPIPE must be ignored (runtime.c).
 * Threads  redis_open and redis_close: one; the others from anywhere.
 */
#ifndef STORE_REDIS_H
#define STORE_REDIS_H

#include "base/queue.h"
#include "base/str.h"
#include "store/redis_link.h" /* REDIS_TIMEOUT_MS */

#define REDIS_ARGS_MAX 112
#define REDIS_VALUES_MAX 48

struct err;
struct redis;

/* Given away until done is called, on the thread of redis.c: it only hands on or frees. */
struct redis_call {
	struct task task; /* redis.c's */
	int script;       /* which of redis_setup.scripts: its number stands for argv[0] and [1] */
	int argc;         /* with these two */
	const char *argv[REDIS_ARGS_MAX];
	size_t lengths[REDIS_ARGS_MAX];
	void (*done)(struct redis_call *call);
	bool ok; /* an array of integers came, or one integer */
	size_t count;
	int64_t values[REDIS_VALUES_MAX];
};

struct redis_setup {
	const char *url;
	const char *ca_file;         /* for rediss://; NULL or "": the system's */
	int timeout_ms;              /* 0: REDIS_TIMEOUT_MS */
	const char *const *scripts;  /* Lua, up to a NULL; may be NULL */
	const char *channel;         /* "": no listening */
	void (*on_nudge)(void *arg); /* somebody else published there */
	void *arg;
};

/* ERR_CONFIG when the URL cannot be read. Returns owned; its texts live as long as it does. */
MUST_USE bool redis_open(const struct redis_setup *setup, struct redis **out, struct err *err);
/* Calls under way are done first. */
void redis_close(struct redis *r);
bool redis_is_up(const struct redis *r);
/* argv[2] and so on are filled in. False: it is not up, the call is still the caller's. */
MUST_USE bool redis_send(struct redis *r, struct redis_call *call);
/* Everybody else who listens hears it; lost when Redis is away. */
void redis_publish(struct redis *r);

#endif
