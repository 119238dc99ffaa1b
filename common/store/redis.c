#include "store/redis.h"

#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"
#include "store/redis_link.h"

#define CALLS_MAX 8192 /* waiting */
#define BATCH_MAX 256
#define RETRY_MS 1000
#define LISTEN_TURN_MS 200
#define SCRIPTS_MAX 8
#define SHA_HEX 40

struct redis {
	struct redis_setup setup;
	struct redis_address at;
	struct queue *calls;
	_Atomic(bool) up, stopping, publish;
	pthread_t caller, listener;
	char self[17]; /* what we publish, so that we know it again */
	/* the calling thread's */
	struct redis_link *conn;
	int64_t retry_at_ms;
	bool failure_logged;
	char shas[SCRIPTS_MAX][SHA_HEX + 1];
	struct task wake; /* in the queue, for a publication */
	_Atomic(bool) wake_sent;
};

/* ---- connecting --------------------------------------------------------------------------------- */

/* A reply without a use; false when it is an error or none came. */
static bool passed(redisReply *reply)
{
	bool ok = reply && reply->type != REDIS_REPLY_ERROR;

	if (reply)
		freeReplyObject(reply);
	return ok;
}

static bool load_scripts(struct redis *r, struct redis_link *c)
{
	for (int i = 0; r->setup.scripts && r->setup.scripts[i]; i++) {
		redisReply *reply = redis_link_ask(c, "SCRIPT LOAD %s", r->setup.scripts[i]);
		bool ok = reply && reply->type == REDIS_REPLY_STRING && reply->len == SHA_HEX;

		if (ok)
			memcpy(r->shas[i], reply->str, SHA_HEX + 1);
		if (reply)
			freeReplyObject(reply);
		if (!ok)
			return false;
	}
	return true;
}

static void connect_again(struct redis *r)
{
	int64_t now = clock_mono_ms();
	char why[128] = "";

	if (r->conn || now < r->retry_at_ms)
		return;
	r->retry_at_ms = now + RETRY_MS;
	r->conn = redis_link_open(&r->at, why);
	if (r->conn && !load_scripts(r, r->conn)) {
		redis_link_free(r->conn);
		r->conn = NULL;
	}
	if (r->conn) {
		log_info(NULL, "redis.up", LOG_TEXT("host", r->at.host));
		r->failure_logged = false;
		atomic_store(&r->up, true);
	} else if (!r->failure_logged) {
		log_warn(NULL, "redis.away", LOG_TEXT("host", r->at.host), LOG_TEXT("error", why),
		    LOG_TEXT("meanwhile", "limits of this machine"));
		r->failure_logged = true;
	}
}

static void lose(struct redis *r, const char *why)
{
	if (!r->conn)
		return;
	log_warn(NULL, "redis.away", LOG_TEXT("host", r->at.host), LOG_TEXT("error", why),
	    LOG_TEXT("meanwhile", "limits of this machine"));
	r->failure_logged = true;
	atomic_store(&r->up, false);
	redis_link_free(r->conn);
	r->conn = NULL;
	r->retry_at_ms = clock_mono_ms() + RETRY_MS;
}

/* ---- calls --------------------------------------------------------------------------------------- */

static void read_values(struct redis_call *call, const redisReply *reply)
{
	if (reply->type == REDIS_REPLY_INTEGER) {
		call->values[call->count++] = reply->integer;
		call->ok = true;
		return;
	}
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements > REDIS_VALUES_MAX)
		return;
	for (size_t i = 0; i < reply->elements; i++) {
		if (reply->element[i]->type != REDIS_REPLY_INTEGER)
			return;
		call->values[call->count++] = reply->element[i]->integer;
	}
	call->ok = true;
}

static void append(struct redis *r, struct redis_call *call)
{
	call->argv[0] = "EVALSHA";
	call->lengths[0] = 7;
	call->argv[1] = r->shas[call->script];
	call->lengths[1] = SHA_HEX;
	redis_link_add(r->conn, call->argc, call->argv, call->lengths);
}

/* An error among the replies (the script is gone after a restart) means to begin anew. */
static void read_reply(struct redis *r, struct redis_call *call)
{
	char why[128] = "an answer that is no number";
	redisReply *reply;

	if (!r->conn)
		return;
	reply = redis_link_reply(r->conn);
	if (!reply) {
		snprintf(why, sizeof(why), "%s", redis_link_error(r->conn));
		lose(r, why);
		return;
	}
	read_values(call, reply);
	if (!call->ok && reply->type == REDIS_REPLY_ERROR)
		snprintf(why, sizeof(why), "%.100s", reply->str);
	freeReplyObject(reply);
	if (!call->ok)
		lose(r, why);
}

static struct redis_call *call_of(struct task *task)
{
	return CONTAINER_OF(task, struct redis_call, task);
}

static void run_batch(struct redis *r, struct task *chain)
{
	for (struct task *t = chain; r->conn && t; t = t->next) {
		if (t != &r->wake)
			append(r, call_of(t));
	}
	while (chain) {
		struct task *t = chain;

		chain = t->next;
		if (t == &r->wake) {
			atomic_store(&r->wake_sent, false);
			continue;
		}
		read_reply(r, call_of(t));
		call_of(t)->done(call_of(t));
	}
}

static void publish_if_asked(struct redis *r)
{
	if (!r->conn || !atomic_exchange(&r->publish, false))
		return;
	if (!passed(redis_link_ask(r->conn, "PUBLISH %s %s", r->setup.channel, r->self)))
		lose(r, "a message could not be published");
}

static void *call_thread(void *arg)
{
	struct redis *r = arg;

	while (!atomic_load(&r->stopping) || queue_length(r->calls) > 0) {
		connect_again(r);
		run_batch(r, queue_take_many(r->calls, BATCH_MAX, LISTEN_TURN_MS));
		publish_if_asked(r);
	}
	redis_link_free(r->conn);
	return NULL;
}

bool redis_is_up(const struct redis *r)
{
	return atomic_load_explicit(&r->up, memory_order_relaxed);
}

bool redis_send(struct redis *r, struct redis_call *call)
{
	call->ok = false;
	call->count = 0;
	return redis_is_up(r) && queue_try_send(r->calls, &call->task);
}

void redis_publish(struct redis *r)
{
	atomic_store(&r->publish, true);
	/* Only wakes; when the queue is full it is awake. */
	if (!atomic_exchange(&r->wake_sent, true) && !queue_try_send(r->calls, &r->wake))
		atomic_store(&r->wake_sent, false);
}

/* ---- listening ------------------------------------------------------------------------------------ */

static struct redis_link *subscribe(const struct redis *r)
{
	char why[128];
	struct redis_link *c = redis_link_open(&r->at, why);

	if (c && passed(redis_link_ask(c, "SUBSCRIBE %s", r->setup.channel)))
		return c;
	redis_link_free(c);
	return NULL;
}

/* ["message", channel, text]; our own we have acted upon already. */
static void hear(const struct redis *r, const redisReply *reply)
{
	if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 3 &&
	    reply->element[2]->type == REDIS_REPLY_STRING &&
	    strcmp(reply->element[2]->str, r->self) != 0)
		r->setup.on_nudge(r->setup.arg);
}

static bool listen_turn(const struct redis *r, struct redis_link *c)
{
	redisReply *reply;

	if (!redis_link_hear(c, LISTEN_TURN_MS, &reply))
		return false;
	if (reply) {
		hear(r, reply);
		freeReplyObject(reply);
	}
	return true;
}

/* What was published while nobody listened is found by the usual polling; asking once after each
 * connection shortens that. */
static void *listen_thread(void *arg)
{
	struct redis *r = arg;
	struct redis_link *c = NULL;

	while (!atomic_load(&r->stopping)) {
		if (!c) {
			c = subscribe(r);
			if (c)
				r->setup.on_nudge(r->setup.arg);
			else
				poll(NULL, 0, RETRY_MS);
			continue;
		}
		if (!listen_turn(r, c)) {
			redis_link_free(c);
			c = NULL;
		}
	}
	redis_link_free(c);
	return NULL;
}

/* ---- begin and end -------------------------------------------------------------------------------- */

static void wake_only(struct task *task, void *room)
{
}

bool redis_open(const struct redis_setup *setup, struct redis **out, struct err *err)
{
	struct redis *r = MEM_NEW(struct redis);

	r->setup = *setup;
	r->wake.run = wake_only;
	if (!redis_address_read(&r->at, str_c(setup->url), setup->ca_file ? setup->ca_file : "",
	        err)) {
		redis_address_wipe(&r->at);
		mem_free(r);
		return false;
	}
	if (setup->timeout_ms)
		r->at.timeout_ms = setup->timeout_ms;
	secret_random_hex(r->self, 16);
	r->calls = queue_new(CALLS_MAX);
	connect_again(r);
	pthread_create(&r->caller, NULL, call_thread, r);
	if (*setup->channel)
		pthread_create(&r->listener, NULL, listen_thread, r);
	*out = r;
	return true;
}

void redis_close(struct redis *r)
{
	if (!r)
		return;
	atomic_store(&r->stopping, true);
	atomic_store(&r->up, false);
	pthread_join(r->caller, NULL);
	if (*r->setup.channel)
		pthread_join(r->listener, NULL);
	queue_free(r->calls);
	redis_address_wipe(&r->at);
	mem_free(r);
}
