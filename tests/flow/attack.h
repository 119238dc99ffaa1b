/* attack.h — what the programs of the security register share: who asks, and what must not work */
#ifndef TESTS_ATTACK_H
#define TESTS_ATTACK_H

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../stack.h"

#define CHAT_BODY "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"

static inline void must_work(const char *name, const struct stack_reply *r)
{
	if (r->status != 200 || !cJSON_IsTrue(stack_at(r->json, "success")))
		fail_msg("%s: status %d: %s", name, r->status, r->body.data);
}

static inline void must_fail(const char *name, const struct stack_reply *r)
{
	if (r->status == 200 && !cJSON_IsFalse(stack_at(r->json, "success")))
		fail_msg("%s: it was allowed: %s", name, r->body.data);
}

/* With the session of that account. */
static inline struct stack_reply *as(struct stack *s, const struct stack_user *u,
    const char *method, const char *path, const char *body)
{
	return stack_http(s,
	    &(struct stack_ask){ .method = method,
	        .path = path,
	        .cookie = u->cookie,
	        .body = body });
}

/* Formatted; good for three further calls. */
static inline const char *text_of(const char *format, ...) PRINTF_LIKE(1, 2);
static inline const char *text_of(const char *format, ...)
{
	static char text[4][1024];
	static int at;
	va_list args;

	at = (at + 1) % 4;
	va_start(args, format);
	vsnprintf(text[at], sizeof text[at], format, args);
	va_end(args);
	return text[at];
}

static inline int64_t count(struct stack *s, const char *sql)
{
	return stack_sql_int(s, sql);
}

#endif
