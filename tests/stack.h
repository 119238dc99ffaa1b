/* stack.h — the real programs behind a real nginx with a fake upstream, for the flow tests
 *
 *	static void test_chat(void **state)
 *	{
 *		struct stack *s = *state;
 *		struct stack_user u = stack_user(s, &(struct stack_person){ .quota = 500000 });
 *		struct stack_reply *r;
 *
 *		stack_channel(s, &(struct stack_channel){ .models = "gpt-4o" });
 *		r = stack_post(s, STACK_CHAT, u.key,
 *		    "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}");
 *		assert_int_equal(r->status, 200);
 *		assert_string_equal(stack_text(r->json, "choices.0.message.role"), "assistant");
 *	}
 *	int main(void)
 *	{
 *		static const struct CMUnitTest tests[] = { cmocka_unit_test(test_chat) };
 *
 *		return stack_run("chat", tests, COUNT_OF(tests), NULL);
 *	}
 *
 * A stack is a fresh folder with database, log, sockets and scripts, conf/run.sh in front of the
 * programs in ../../bin of the test's own folder, and tests/fake_upstream. It is removed at the end
 * unless KEEP is set in the environment. Should the test die, the stack ends with it.
 *
 * Whatever goes wrong in here fails the test with a message; nothing returns an error but what says
 * so. Replies, their JSON and what comes from the fake upstream live until stack_stop.
 *
 * Addresses  the programs trust X-Forwarded-For from 127.0.0.1, so a test may come from anywhere.
 * Threads    stack_http, stack_post, stack_sql_int and the streams from any; the rest from the
 *            test's own.
 */
#ifndef TESTS_STACK_H
#define TESTS_STACK_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <cjson/cJSON.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/str.h"

#define STACK_ROOT_KEY "rootkeyrootkeyrootkeyrootkeyrootkeyrootkeyrootke"
#define STACK_ROOT_ACCESS "0123456789abcdef0123456789abcdef"
#define STACK_CHAT "/v1/chat/completions"

struct stack_user;

struct stack {
	char root[512];     /* of the source tree */
	char build[512];    /* the folder with bin/ and tests/ */
	char dir[256];      /* ours */
	char data_dir[300]; /* in it */
	char scripts[300];
	char log[300];     /* of run.sh and both programs */
	char base[64];     /* http://127.0.0.1:PORT */
	char upstream[64]; /* the same of the fake upstream */
	int port, upstream_port;
	pid_t pid;          /* of run.sh */
	pid_t upstream_pid; /* 0: stopped */
	const char *const *env;
	int users, channels; /* made so far; names follow from it */
	struct stack_kept *kept;
};

/* ---- begin and end -------------------------------------------------------------------- */

/* env: further settings "NAME=value" up to a NULL, which win over ours; may be NULL. Ready: all
 * three answer. */
RETURNS_NEW struct stack *stack_start(const char *const *env);
/* SIGTERM to run.sh, which must end with status 0, and no sanitizer may have reported anything. */
void stack_stop(struct stack *s);
/* Runs the tests over one stack, which is their *state; its end is a test as well. */
int stack_run(const char *name, const struct CMUnitTest *tests, size_t count,
    const char *const *env);
/* Waits until /api/status and, with root's key, /v1/models answer 200. */
void stack_wait_ready(struct stack *s);
/* STACK_ROOT_KEY, or what env says instead. */
const char *stack_root_key(const struct stack *s);
/* Of "relay", "admin" or "web"; it changes when run.sh starts one again. */
pid_t stack_pid(const struct stack *s, const char *name);
void stack_kill(struct stack *s, const char *name, int signal);
/* Until run.sh has started another in place of that one, and all answer. */
void stack_wait_restarted(struct stack *s, const char *name, pid_t old);
/* The fake upstream goes and comes back at the same port. */
void stack_upstream_stop(struct stack *s);
void stack_upstream_start(struct stack *s);
/* "asan", "tsan", "release". */
const char *stack_mode(const struct stack *s);
/* All that was logged so far: for what must not be there. */
const char *stack_log(struct stack *s);
/* Waits for it: a line may come a moment after the reply that it is about. */
bool stack_log_has(struct stack *s, const char *text);

struct stack_command {
	const char *dir;      /* where it runs */
	const char *env[4];   /* "NAME=value", "NAME" to take one away; up to a NULL */
	const char *words[4]; /* behind the program's name, up to a NULL */
};

/* Runs fcgi-admin to its end, without any stack; its exit status, -1 when it was killed. What it
 * says, up to said_bytes with the NUL, goes to said. */
int stack_command(const struct stack_command *c, char *said, size_t said_bytes);

/* Formatted; good for fifteen further calls by this thread. */
const char *stack_fmt(const char *format, ...) PRINTF_LIKE(1, 2);

/* A TCP port of 127.0.0.1 that nobody listens on now. */
int stack_free_port(void);
int64_t stack_now_ms(void);
void stack_sleep_ms(int64_t ms);

/* ---- HTTP ------------------------------------------------------------------------------ */

/* One request; what is zero has its usual value. */
struct stack_ask {
	const char *method; /* GET, or POST when there is a body */
	const char *path;
	const char *key;            /* sent as Authorization: Bearer sk-KEY */
	const char *cookie;         /* of stack_login */
	const char *from;           /* client address, as X-Forwarded-For */
	const char *const *headers; /* further lines, up to a NULL; they win. "Name:" sends none,
	                             * "Name;" an empty one */
	const char *body;           /* JSON unless headers say otherwise */
	size_t body_bytes;          /* 0: up to its NUL */
	int timeout_ms;             /* 60,000 */
};

struct stack_reply {
	int status;            /* 0: no whole answer came */
	struct buf head, body; /* head: "Name: value" lines */
	cJSON *json;           /* of the body, NULL when it is none */
};

struct stack_reply *stack_http(struct stack *s, const struct stack_ask *ask);
/* The same with a key and a JSON body only. */
struct stack_reply *stack_post(struct stack *s, const char *path, const char *key,
    const char *body);
/* The same with the session of that account; body may be NULL. */
struct stack_reply *stack_as(struct stack *s, const struct stack_user *u, const char *method,
    const char *path, const char *body);
/* Value of a header of the reply, NULL when absent. The n-th with that name from 0. */
const char *stack_header(const struct stack_reply *r, const char *name);
const char *stack_header_n(const struct stack_reply *r, const char *name, int n);

/* "data.0.id" in a tree; NULL when there is no such thing. */
const cJSON *stack_at(const cJSON *tree, const char *path);
/* The text or number there; "" or INT64_MIN when it is something else. */
const char *stack_text(const cJSON *tree, const char *path);
int64_t stack_int(const cJSON *tree, const char *path);

/* The reply must be this error: all four members of OpenAI's object, text within its message and
 * the request id of the header at its end. A NULL is not looked at. */
void stack_check_error(const char *name, const struct stack_reply *r, int status, const char *type,
    const char *code, const char *text);

/* ---- administration ------------------------------------------------------------------- */

/* With root's access token; the reply as it is. body may be NULL. */
struct stack_reply *stack_root(struct stack *s, const char *method, const char *path,
    const char *body);
/* The same, which must succeed: the envelope's data, NULL when there is none. body is a format. */
const cJSON *stack_api(struct stack *s, const char *method, const char *path, const char *body, ...)
    PRINTF_LIKE(4, 5);
/* PUT /api/option/, then waits for the relay to know. */
void stack_option(struct stack *s, const char *name, const char *value);
/* Waits until both programs have the catalog that is in the database now. */
void stack_wait_catalog(struct stack *s);

/* What is zero or NULL: the fake upstream, type 1 (OpenAI), group default, a key and a name of its
 * own. */
struct stack_channel {
	const char *models; /* list */
	const char *name, *key, *base_url, *group;
	const char *mapping, *config, *system_prompt;
	int type;
	int64_t priority, weight;
};

/* Creates it and waits for the relay to know; its id. */
int64_t stack_channel(struct stack *s, const struct stack_channel *c);
void stack_channel_delete(struct stack *s, int64_t id);

struct stack_person {
	const char *name; /* "user<N>" */
	int64_t quota;
	const char *group;    /* default */
	int role;             /* 1 user, 10 admin */
	const char *key_json; /* members of the key's row, as "\"remain_quota\":100"; an unlimited
	                       * key without */
};

struct stack_user {
	int64_t id, key_id;
	char name[32], password[32];
	char key[64];     /* without sk- */
	char cookie[128]; /* "session=…" */
};

/* An account that is signed in and has a key. */
struct stack_user stack_user(struct stack *s, const struct stack_person *p);
/* A further key of that user; key_json as above. Its id. */
int64_t stack_key(struct stack *s, const struct stack_user *u, const char *key_json, char key[64]);
/* POST /api/user/login, from an address that nobody else uses. */
struct stack_reply *stack_login(struct stack *s, const char *name, const char *password,
    char cookie[128]);

/* ---- what the database says -------------------------------------------------------------- */

struct stack_sums {
	int64_t quota, used_quota, request_count; /* of the user */
	int64_t key_remain, key_used;             /* of all keys, deleted ones too */
	int64_t reservations, reserved;           /* how many, how much */
	int64_t charges, charged;                 /* log rows of type 2 */
};

/* Of one user, or with id 0 of all. */
struct stack_sums stack_sums(struct stack *s, int64_t user_id);
/* First column of the first row. */
int64_t stack_sql_int(struct stack *s, const char *sql);
/* Writes behind the programs' back. */
void stack_sql(struct stack *s, const char *sql);
/* Waits until there is no reservation; false when one is left after that time, or a minute if that is
 * more. */
bool stack_wait_settled(struct stack *s, int timeout_ms);

/* ---- the fake upstream ------------------------------------------------------------------ */

struct stack_stats {
	int64_t requests, in_flight, cancelled, connections;
};

/* What is played for the model; see fake_upstream.c. */
void stack_script(struct stack *s, const char *model, const char *text);
struct stack_stats stack_stats(struct stack *s);
/* Of GET /_last: method, path, headers, body. */
const cJSON *stack_last(struct stack *s);
void stack_reset(struct stack *s);

/* ---- streams ------------------------------------------------------------------------------ */

/* A reply that is read piece by piece from a socket of its own. */
struct stack_stream {
	int fd;
	struct stack_reply reply; /* status and head; body has what was not handed out yet */
	struct buf raw;           /* not decoded yet */
	struct buf event;         /* the last one handed out */
	bool chunked;
	bool complete; /* the whole body came, not only the end of the connection */
};

enum stack_next {
	STACK_EVENT,   /* data of the next event in st->event; comments begin with ':' */
	STACK_END,     /* the body is complete */
	STACK_CUT,     /* the connection ended before */
	STACK_TIMEOUT, /* nothing whole came in that time */
};

/* Sends the request and waits for the head; false when none came within the ask's timeout. */
bool stack_stream_open(struct stack *s, const struct stack_ask *ask, struct stack_stream *st);
/* Sends it only: the answer is left unread until one asks for it. A small receive buffer (bytes, 0:
 * the system's) makes a slow reader felt early. */
void stack_stream_send(struct stack *s, const struct stack_ask *ask, int receive_buffer,
    struct stack_stream *st);
bool stack_stream_head(struct stack_stream *st, int timeout_ms);
enum stack_next stack_stream_next(struct stack_stream *st, int timeout_ms);
/* Reads to the end; how many events there were, -1 when it did not end well. */
int stack_stream_drain(struct stack_stream *st, int timeout_ms);
/* abruptly: with RST. */
void stack_stream_close(struct stack_stream *st, bool abruptly);

#endif
