/* attack.h — what the programs of the security register share: what must work, and what must not */
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

#endif
