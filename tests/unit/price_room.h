/* price_room.h — what the tests of prices share: tables made of option texts, and bills to pay
 *
 * A dollar has 500,000 quota, so a millionth of a dollar is half a quota; ratio 1 is USD 2 per
 * million tokens, so n input tokens at ratio r are n × r quota.
 */
#ifndef TESTS_PRICE_ROOM_H
#define TESTS_PRICE_ROOM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "billing/price.h"

#define M RATIO_ONE
/* model, completion, group, cached; no other price */
#define RATE(m, c, g, k)                                                                           \
	{                                                                                          \
		.rule = PRICE_TOKENS, .token_priced = true, .model = m, .completion = c,           \
		.group = g, .cached = k, .cache_write = M, .cache_write_1h = M, .audio_in = M,     \
		.image_in = M, .reasoning = c, .audio_out = c, .image_out = c, .per_image = -1,    \
		.per_minute = -1, .per_character = -1, .per_request = -1                           \
	}
#define USED(prompt, completion, cached)                                                           \
	{                                                                                          \
		.prompt_tokens = prompt, .completion_tokens = completion, .cached_tokens = cached  \
	}

static inline void same_int(const char *name, int64_t got, int64_t want)
{
	if (got != want)
		fail_msg("%s: got %lld, want %lld", name, (long long)got, (long long)want);
}

static inline struct price_table *make_all(struct arena *a, const struct price_options *options)
{
	struct price_table *t = NULL;
	struct err err = { 0 };

	if (!price_table_new(a, options, &t, &err))
		fail_msg("price_table_new: %s", err.msg);
	return t;
}

static inline struct price_table *make(struct arena *a, const char *model, const char *completion,
    const char *group, enum unpriced unpriced)
{
	return make_all(a,
	    &(struct price_options){ .model_ratio = str_c(model),
	        .completion_ratio = str_c(completion),
	        .group_ratio = str_c(group),
	        .unpriced = unpriced });
}

struct bill {
	const char *name;
	enum price_rule rule;
	const char *model, *size, *quality;
	struct usage usage;
	int64_t want;
};

static inline void pay(const struct price_table *t, const struct bill *bills, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct bill *b = &bills[i];
		struct price_query q = {
			.rule = b->rule,
			.model = str_c(b->model),
			.channel_type = 7,
			.group = STR("default"),
			.size = str_c(b->size),
			.quality = str_c(b->quality),
		};
		struct err err = { 0 };
		struct rate r;

		if (!price_find(t, &q, &r, &err))
			fail_msg("%s: %s", b->name, err.msg);
		same_int(b->name, price_charge(&r, &b->usage), b->want);
		if (price_estimate(&r, &b->usage) < b->want)
			fail_msg("%s: estimate %lld below the charge", b->name,
			    (long long)price_estimate(&r, &b->usage));
	}
}

/* Looked up as PRICE_TOKENS. */
struct found {
	const char *name, *model;
	int type;
	const char *group;
	int64_t model_ratio, completion, group_ratio; /* model_ratio -1: refused */
};

static inline void look_up(const struct price_table *t, const struct found *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct found *c = &cases[i];
		struct err err = { 0 };
		struct rate r = RATE(-7, -7, -7, -7);
		bool ok = price_find(t,
		    &(struct price_query){ .rule = PRICE_TOKENS,
		        .model = str_c(c->model),
		        .channel_type = c->type,
		        .group = str_c(c->group) },
		    &r, &err);

		same_int(c->name, ok, c->model_ratio >= 0);
		if (!ok) {
			same_int(c->name, err.kind, ERR_NO_PRICE);
			same_int(c->name, r.model, -7);
			continue;
		}
		same_int(c->name, r.model, c->model_ratio);
		same_int(c->name, r.completion, c->completion);
		same_int(c->name, r.group, c->group_ratio);
	}
}

#define TOKENS(...)                                                                                \
	{                                                                                          \
		.reported = true, __VA_ARGS__                                                      \
	}

#endif
