/* resource_answers.c — what an upstream's answer says of resources: made, used, gone, ended
 *
 * Answers go to the client as they come; this reads along. */
#include <stdio.h>

#include "base/err.h"

#include "limits.h"
#include "pins.h"
#include "resource_call.h"
#include "resources.h"
#include "used.h"

/* ---- what came of it ------------------------------------------------------------------------- */

static struct resource new_pin(const struct exchange *x, struct str kind, struct str id)
{
	return (struct resource){
		.kind = kind,
		.id = id,
		.user_id = x->caller->owner.token.user_id,
		.channel_id = x->channel->row.id,
		.key_id = (int64_t)x->tried.key->id,
	};
}

static bool is_final(struct jval response)
{
	static const struct str running[] = { STR_INIT("queued"), STR_INIT("in_progress") };
	struct jval status;

	if (!jscan_member(response, STR("status"), &status) || status.type != J_STRING)
		return false;
	for (size_t i = 0; i < COUNT_OF(running); i++) {
		if (jscan_is(status, running[i]))
			return false;
	}
	return true;
}

/* A whole answer says itself whether it is the end. */
static void note_running(struct exchange *x)
{
	struct jval root, status;

	if ((!x->resource->background && x->call.usage.reported) ||
	    !jscan_value(buf_str(&x->body), &root) || !jscan_member(root, STR("status"), &status) ||
	    status.type != J_STRING)
		return;
	x->resource->background = !is_final(root);
	if (x->resource->background)
		x->call.usage.reported = false;
}

void resources_made(struct exchange *x)
{
	struct resource_call *c = x->resource;

	if (!c || c->noted || c->path.act != FAMILY_CREATE || !family_is_id(x->call.resource_id))
		return;
	c->noted = true;
	snprintf(c->made_id, sizeof c->made_id, "%.*s", STR_ARG(x->call.resource_id));
	c->pin = new_pin(x, c->path.family->name, str_c(c->made_id));
	c->pin.model = x->ask.model;
	if (x->kind == REPLY_WHOLE)
		note_running(x);
	pins_put(x->relay->pins, &c->pin);
}

/* Read the answer only where it may matter: what ended has a usage. */
static bool bound_it(struct exchange *x)
{
	const struct resource_call *c = x->resource;

	return c && c->noted && c->path.act == FAMILY_CREATE && c->background &&
	    !x->call.usage.reported;
}

bool resources_bound(struct exchange *x)
{
	struct usage *u = &x->call.usage;
	struct usage most;

	if (!bound_it(x))
		return false;
	used_bound(x, &most);
	if (u->prompt_tokens < most.prompt_tokens)
		u->prompt_tokens = most.prompt_tokens;
	if (u->completion_tokens < most.completion_tokens)
		u->completion_tokens = most.completion_tokens;
	return true;
}

static void charge_part(struct exchange *x);

void resources_billed(struct exchange *x, int64_t charged)
{
	struct resource_call *c = x->resource;

	charge_part(x);
	if (!bound_it(x))
		return;
	c->pin.due = true;
	c->pin.billed_prompt = x->call.usage.prompt_tokens;
	c->pin.billed_completion = x->call.usage.completion_tokens;
	c->pin.billed_quota = charged;
	c->pin.billed_token = x->caller->owner.token.id;
	c->pin.billed_budgets = limits_budgets(x);
	c->pin.bounded = x->ask.max_tokens >= 0;
	pins_billed(x->relay->pins, &c->pin);
}

static void on_product(void *arg, struct str kind, struct jval id)
{
	struct exchange *x = arg;
	struct str text = jscan_text(x->req->arena, id);
	struct resource pin;

	if (!family_is_id(text))
		return;
	pin = new_pin(x, kind, text);
	pins_learn(x->relay->pins, &pin);
}

/* An object as it is kept for lists; "" when it is none for them. */
static struct str list_object(const struct resource_call *c, struct jval object)
{
	if (!c->path.family->lists || object.text.n > RESOURCE_OBJECT_MAX)
		return STR("");
	return object.text;
}

static void note_created(struct exchange *x, struct jval object)
{
	struct resource_call *c = x->resource;
	struct jval id;

	if (!jscan_at(object, str_dup(x->req->arena, c->path.family->id_path), &id))
		return;
	c->pin = new_pin(x, c->path.family->name, jscan_text(x->req->arena, id));
	if (!family_is_id(c->pin.id))
		return;
	c->pin.object = list_object(c, object);
	pins_put(x->relay->pins, &c->pin);
	c->noted = true;
}

/* The price of the response's model, not of this call. */
static bool find_rate(const struct exchange *x, struct str model, struct rate *out)
{
	struct err err = { 0 };

	if (price_find(x->catalog->prices,
	        &(struct price_query){ .rule = PRICE_TOKENS,
	            .model = model,
	            .channel_type = x->channel->row.type,
	            .group = x->caller->owner.group },
	        out, &err))
		return true;
	log_warn(&x->req->log, "resources.no_price", LOG_STR("model", model), LOG_ERR(&err));
	return false;
}

static bool make_bill(struct exchange *x, const char *suffix, struct pins_bill *bill)
{
	const struct resource *pin = &x->resource->pin;
	const struct token_owner *owner = &x->caller->owner;
	struct arena *a = x->req->arena;

	*bill = (struct pins_bill){ 0 };
	bill->row = (struct logrow){
		.request_id = str_c(arena_fmt(a, "%s-%s", x->req->id, suffix)),
		.model_name = catalog_map_model(x->channel, pin->model),
		.token_name = owner->token.name,
		.username = owner->username,
		.user_id = owner->token.user_id,
		.type = LOG_TYPE_CONSUME,
		.content = str_c(arena_fmt(a, "background response %.*s", STR_ARG(pin->id))),
		.channel = x->channel->row.id,
		.origin_model = pin->model,
		.upstream_status = x->upstream_status,
	};
	if (!find_rate(x, bill->row.model_name, &bill->rate))
		return false;
	bill->row.model_ratio = bill->rate.model;
	bill->row.completion_ratio = bill->rate.completion;
	bill->row.group_ratio = bill->rate.group;
	bill->write_log = option_bool(&x->catalog->options, OPT_LOG_CONSUME_ENABLED);
	return true;
}

static bool is_due(const struct resource_call *c)
{
	return c->path.act == FAMILY_USE && c->path.family->always && c->pinned && c->pin.due;
}

static int64_t tokens_of(struct str text)
{
	struct token_meter m = { 0 };

	token_meter_add(&m, text);
	return token_meter_count(&m);
}

/* The largest of what showed all so far. */
static void saw_whole(struct resource_call *c, struct str text)
{
	int64_t n = tokens_of(text);

	if (n > c->part_whole)
		c->part_whole = n;
}

/* The response as it stands; what ended is settled. */
static void note_response(struct exchange *x, struct jval response)
{
	struct resource_call *c = x->resource;
	struct pins_bill bill;
	struct usage usage = { 0 };
	struct jval value;

	if (!is_due(c) || c->settled)
		return;
	if (jscan_member(response, STR("output"), &value))
		saw_whole(c, value.text);
	if (!is_final(response) || !jscan_member(response, STR("usage"), &value) ||
	    !adaptor_usage(value, &usage) || !usage.reported || !make_bill(x, "final", &bill))
		return;
	bill.usage = usage;
	c->settled = true;
	pins_charge(x->relay->pins, &c->pin, &bill);
}

/* The end of a read that did not show the final usage. */
static void charge_part(struct exchange *x)
{
	struct resource_call *c = x->resource;
	struct pins_bill bill;
	int64_t pieces;

	if (!c || x->ask.mode != MODE_RESOURCE || !is_due(c) || c->pin.bounded || c->settled)
		return;
	pieces = token_meter_count(&c->part);
	if (pieces < c->part_whole)
		pieces = c->part_whole;
	if (pieces == 0 || !make_bill(x, "part", &bill))
		return;
	bill.usage.completion_tokens = pieces;
	pins_charge_part(x->relay->pins, &c->pin, &bill, c->seen_kind == SEEN_EVENTS);
}

static bool is_itself(const struct resource_call *c, struct jval object)
{
	struct jval id;

	return jscan_member(object, STR("id"), &id) && jscan_is(id, c->path.id) &&
	    str_ends(c->path.path, c->path.id);
}

static void note_used(struct exchange *x, struct jval object)
{
	struct resource_call *c = x->resource;

	family_products(c->path.family, object, on_product, x);
	if (c->path.family->always)
		note_response(x, object);
	if (c->pinned)
		pins_seen(x->relay->pins, &c->pin,
		    is_itself(c, object) ? list_object(c, object) : STR(""));
}

static void note_answer(struct exchange *x)
{
	struct resource_call *c = x->resource;
	struct jval object = { 0 };

	if (c->noted)
		return;
	if (c->seen_kind == SEEN_JSON && buf_ok(&c->seen) &&
	    !jscan_value(buf_str(&c->seen), &object))
		object = (struct jval){ 0 };
	switch (c->path.act) {
	case FAMILY_CREATE:
		note_created(x, object);
		if (c->noted)
			family_products(c->path.family, object, on_product, x);
		else
			log_warn(&x->req->log, "resources.without_id",
			    LOG_STR("path", c->path.path));
		break;
	case FAMILY_USE:
		c->noted = true;
		if (object.type == J_OBJECT && c->seen_kind == SEEN_JSON)
			c->part = (struct token_meter){ 0 }; /* its output is looked at instead */
		note_used(x, object);
		break;
	case FAMILY_DELETE:
		c->noted = true;
		if (c->pinned)
			pins_delete(x->relay->pins, &c->pin);
		break;
	case FAMILY_LIST:
		break;
	}
}

/* ---- reading answers on the side ------------------------------------------------------------- */

/* A run's stream begins with the thread it made; a response's ends with all of it. */
static bool on_frame(void *arg, const struct frame_event *event, struct err *err)
{
	struct exchange *x = arg;
	struct resource_call *c = x->resource;
	struct jval root, value;

	if (!jscan_value(event->data, &root))
		return true;
	if (c->path.act == FAMILY_CREATE && str_eq_c(event->name, "thread.created")) {
		if (jscan_member(root, STR("id"), &value)) {
			x->call.resource_id = jscan_text(x->req->arena, value);
			resources_made(x);
		}
	} else if (c->path.family->always && jscan_member(root, STR("response"), &value)) {
		note_response(x, value);
	} else if (is_due(c) && jscan_member(root, STR("delta"), &value)) {
		token_meter_add(&c->part, value.text);
	} else if (is_due(c)) {
		saw_whole(c, event->data);
	}
	return true;
}

static void begin_seeing(struct exchange *x)
{
	struct resource_call *c = x->resource;
	struct str type = headers_get(&x->headers, "content-type");

	c->seen_kind = SEEN_OTHER;
	if (!str_to_int(headers_get(&x->headers, "content-length"), 0, INT64_MAX, &c->length))
		c->length = -1;
	if (str_ends(c->path.path, STR("/content")))
		return;
	if (str_starts_nocase(type, STR("application/json"))) {
		c->seen_kind = SEEN_JSON;
	} else if (str_starts_nocase(type, STR("text/event-stream"))) {
		c->seen_kind = SEEN_EVENTS;
		sse_init(&c->frames, on_frame, x);
	}
}

static bool is_raw(const struct exchange *x)
{
	return x->resource && x->ask.mode == MODE_RESOURCE;
}

void resources_saw(struct exchange *x, struct str bytes)
{
	struct resource_call *c = x->resource;
	struct err ignored = { 0 };

	if (!is_raw(x))
		return;
	if (c->seen_kind == SEEN_NOTHING_YET)
		begin_seeing(x);
	if (c->seen_kind == SEEN_EVENTS && !frame_feed(&c->frames, bytes, &ignored)) {
		frame_release(&c->frames);
		c->seen_kind = SEEN_OTHER; /* none of our events is that long */
	}
	if (c->seen_kind != SEEN_EVENTS && is_due(c))
		token_meter_add(&c->part, bytes);
	if (c->seen_kind != SEEN_JSON)
		return;
	buf_add(&c->seen, bytes);
	/* the client may act as soon as it has the last byte */
	if ((int64_t)c->seen.len == c->length)
		note_answer(x);
}

void resources_done(struct exchange *x)
{
	if (!is_raw(x))
		return;
	if (x->resource->seen_kind == SEEN_NOTHING_YET)
		begin_seeing(x);
	if (x->resource->seen_kind == SEEN_EVENTS && x->resource->path.act == FAMILY_CREATE)
		return; /* on_frame did */
	note_answer(x);
}
