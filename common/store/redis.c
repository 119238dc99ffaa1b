#include "store/redis.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"

#define CALLS_MAX 8192 /* waiting */
#define BATCH_MAX 256
#define CONNECT_TIMEOUT_MS 500
#define RETRY_MS 1000
#define LISTEN_TURN_MS 200
#define SCRIPTS_MAX 8
#define SHA_HEX 40

struct address {
	char host[256]; /* or a path */
	int port;       /* 0: host is a path */
	char user[128], password[256];
	int database;
};

struct redis {
	struct redis_setup setup;
	struct address at;
	struct queue *calls;
	_Atomic(bool) up, stopping, publish;
	pthread_t caller, listener;
	char self[17]; /* what we publish, so that we know it again */
	/* the calling thread's */
	redisContext *conn;
	int64_t retry_at_ms;
	bool failure_logged;
	char shas[SCRIPTS_MAX][SHA_HEX + 1];
	struct task wake; /* in the queue, for a publication */
	_Atomic(bool) wake_sent;
};

/* ---- the address -------------------------------------------------------------------------------- */

static bool copy(char *out, size_t size, struct str text)
{
	if (text.n >= size)
		return false;
	memcpy(out, text.p, text.n);
	out[text.n] = '\0';
	return true;
}

/* user:password@ — percent encoding is not undone: nobody has needed it. */
static bool take_login(struct str *rest, struct address *at)
{
	size_t end = rest->n, colon;
	struct str login;

	while (end > 0 && rest->p[end - 1] != '@')
		end--;
	if (end == 0)
		return true;
	login = str_slice(*rest, 0, end - 1);
	*rest = str_slice(*rest, end, rest->n);
	colon = str_find(login, ':');
	if (colon == login.n)
		return copy(at->password, sizeof(at->password), login);
	return copy(at->user, sizeof(at->user), str_slice(login, 0, colon)) &&
	    copy(at->password, sizeof(at->password), str_slice(login, colon + 1, login.n));
}

static bool parse_host(struct str rest, struct address *at)
{
	size_t slash = str_find(rest, '/'), colon;
	struct str host = str_slice(rest, 0, slash), database = str_slice(rest, slash + 1, rest.n);
	int64_t port = 6379, number = 0;

	if (slash == rest.n)
		database = (struct str){ 0 };
	if (database.n && !str_to_int(database, 0, 100000, &number))
		return false;
	if (host.n && host.p[0] == '[') { /* [2001:db8::1]:6379 */
		size_t end = str_find(host, ']');

		if (end == host.n || !copy(at->host, sizeof(at->host), str_slice(host, 1, end)))
			return false;
		host = str_slice(host, end + 1, host.n);
		if (host.n &&
		    (host.p[0] != ':' || !str_to_int(str_slice(host, 1, host.n), 1, 65535, &port)))
			return false;
	} else {
		colon = str_find(host, ':');
		if (colon < host.n &&
		    !str_to_int(str_slice(host, colon + 1, host.n), 1, 65535, &port))
			return false;
		if (!copy(at->host, sizeof(at->host), str_slice(host, 0, colon)))
			return false;
	}
	at->port = (int)port;
	at->database = (int)number;
	return *at->host != '\0';
}

static bool parse_url(struct str url, struct address *at)
{
	if (str_starts(url, STR("unix:")))
		return url.n > 5 && copy(at->host, sizeof(at->host), str_slice(url, 5, url.n));
	if (!str_starts(url, STR("redis://")))
		return false;
	url = str_slice(url, 8, url.n);
	return take_login(&url, at) && parse_host(url, at);
}

/* ---- connecting --------------------------------------------------------------------------------- */

static struct timeval milliseconds(int ms)
{
	return (struct timeval){ .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
}

/* A reply without a use; false when it is an error or none came. */
static bool passed(redisReply *reply)
{
	bool ok = reply && reply->type != REDIS_REPLY_ERROR;

	if (reply)
		freeReplyObject(reply);
	return ok;
}

static bool sign_in(const struct redis *r, redisContext *c)
{
	const struct address *at = &r->at;

	if (*at->user && !passed(redisCommand(c, "AUTH %s %s", at->user, at->password)))
		return false;
	if (!*at->user && *at->password && !passed(redisCommand(c, "AUTH %s", at->password)))
		return false;
	return at->database == 0 || passed(redisCommand(c, "SELECT %d", at->database));
}

static redisContext *connect_once(const struct redis *r)
{
	struct timeval patience = milliseconds(CONNECT_TIMEOUT_MS);
	redisContext *c = r->at.port ? redisConnectWithTimeout(r->at.host, r->at.port, patience)
	                             : redisConnectUnixWithTimeout(r->at.host, patience);

	if (c && !c->err && redisSetTimeout(c, milliseconds(REDIS_TIMEOUT_MS)) == REDIS_OK &&
	    sign_in(r, c))
		return c;
	if (c)
		redisFree(c);
	return NULL;
}

static bool load_scripts(struct redis *r, redisContext *c)
{
	for (int i = 0; r->setup.scripts && r->setup.scripts[i]; i++) {
		redisReply *reply = redisCommand(c, "SCRIPT LOAD %s", r->setup.scripts[i]);
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

	if (r->conn || now < r->retry_at_ms)
		return;
	r->retry_at_ms = now + RETRY_MS;
	r->conn = connect_once(r);
	if (r->conn && !load_scripts(r, r->conn)) {
		redisFree(r->conn);
		r->conn = NULL;
	}
	if (r->conn) {
		log_info(NULL, "redis.up", LOG_TEXT("host", r->at.host));
		r->failure_logged = false;
		atomic_store(&r->up, true);
	} else if (!r->failure_logged) {
		log_warn(NULL, "redis.away", LOG_TEXT("host", r->at.host),
		    LOG_TEXT("meanwhile", "limits of this machine"));
		r->failure_logged = true;
	}
}

static void lose(struct redis *r)
{
	if (!r->conn)
		return;
	log_warn(NULL, "redis.away", LOG_TEXT("host", r->at.host),
	    LOG_TEXT("error", r->conn->errstr), LOG_TEXT("meanwhile", "limits of this machine"));
	r->failure_logged = true;
	atomic_store(&r->up, false);
	redisFree(r->conn);
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
	redisAppendCommandArgv(r->conn, call->argc, call->argv, call->lengths);
}

/* An error among the replies (the script is gone after a restart) means to begin anew. */
static void read_reply(struct redis *r, struct redis_call *call)
{
	void *reply = NULL;

	if (!r->conn)
		return;
	if (redisGetReply(r->conn, &reply) != REDIS_OK || !reply) {
		lose(r);
		return;
	}
	read_values(call, reply);
	if (!call->ok && ((redisReply *)reply)->type == REDIS_REPLY_ERROR)
		snprintf(r->conn->errstr, sizeof(r->conn->errstr), "%.100s",
		    ((redisReply *)reply)->str);
	freeReplyObject(reply);
	if (!call->ok)
		lose(r);
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
	if (!passed(redisCommand(r->conn, "PUBLISH %s %s", r->setup.channel, r->self)))
		lose(r);
}

static void *call_thread(void *arg)
{
	struct redis *r = arg;

	while (!atomic_load(&r->stopping) || queue_length(r->calls) > 0) {
		connect_again(r);
		run_batch(r, queue_take_many(r->calls, BATCH_MAX, LISTEN_TURN_MS));
		publish_if_asked(r);
	}
	if (r->conn)
		redisFree(r->conn);
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

static redisContext *subscribe(const struct redis *r)
{
	redisContext *c = connect_once(r);

	if (c && passed(redisCommand(c, "SUBSCRIBE %s", r->setup.channel)))
		return c;
	if (c)
		redisFree(c);
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

static bool listen_turn(const struct redis *r, redisContext *c)
{
	struct pollfd fd = { .fd = c->fd, .events = POLLIN };
	void *reply = NULL;

	if (poll(&fd, 1, LISTEN_TURN_MS) <= 0)
		return true;
	if (redisBufferRead(c) != REDIS_OK)
		return false;
	while (redisGetReplyFromReader(c, &reply) == REDIS_OK && reply) {
		hear(r, reply);
		freeReplyObject(reply);
	}
	return c->err == 0;
}

/* What was published while nobody listened is found by the usual polling; asking once after each
 * connection shortens that. */
static void *listen_thread(void *arg)
{
	struct redis *r = arg;
	redisContext *c = NULL;

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
			redisFree(c);
			c = NULL;
		}
	}
	if (c)
		redisFree(c);
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
	if (!parse_url(str_c(setup->url), &r->at)) {
		mem_free(r);
		return err_set(err, ERR_CONFIG,
		    "REDIS_CONN_STRING must be redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE] or "
		    "unix:/PATH");
	}
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
	mem_wipe(&r->at, sizeof(r->at));
	mem_free(r);
}
