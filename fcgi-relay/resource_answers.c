/* resource_answers.c — what an upstream's answer says of resources: made, used, gone, ended
 *
 * Answers go to the client as they come; this reads along. */
#include <stdio.h>

#include "base/err.h"

#include "pins.h"
#include "resource_call.h"
#include "resources.h"

/* ---- what came of it ------------------------------------------------------------------------- */

/* Which of the channel's keys it was. */
static int64_t key_id(const struct exchange *x)
{
	for (size_t i = 0; i < x->channel->key_count; i++) {
		if (str_eq(x->channel->keys[i].text, x->call.key))
			return (int64_t)x->channel->keys[i].id;
	}
	return 0;
}

static struct resource new_pin(const struct exchange *x, struct str kind, struct str id)
{
	return (struct resource){
		.kind = kind,
		.id = id,
		.user_id = x->caller->owner.token.user_id,
		.channel_id = x->channel->row.id,
		.key_id = key_id(x),
	};
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
	c->pin.due = c->background;
	pins_put(x->relay->pins, &c->pin);
}

void resources_billed(struct exchange *x)
{
	struct resource_call *c = x->resource;

	if (!c || !c->noted || !c->background || c->path.act != FAMILY_CREATE)
		return;
	c->pin.due = !x->call.usage.reported;
	c->pin.billed_prompt = x->call.usage.prompt_tokens;
	c->pin.billed_completion = x->call.usage.completion_tokens;
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

static void charge_final(struct exchange *x, const struct usage *usage)
{
	const struct resource *pin = &x->resource->pin;
	const struct token_owner *owner = &x->caller->owner;
	struct str model = catalog_map_model(x->channel, pin->model);
	struct pins_bill bill = { .usage = *usage };

	if (!find_rate(x, model, &bill.rate))
		return;
	bill.hold = (struct hold){
		.request_id = str_c(arena_fmt(x->req->arena, "%s-final", x->req->id)),
		.user_id = owner->token.user_id,
		.token_id = owner->token.id,
		.channel_id = x->channel->row.id,
		.model = model,
		.token_name = owner->token.name,
		.username = owner->username,
	};
	bill.row = (struct logrow){
		.user_id = owner->token.user_id,
		.type = LOG_TYPE_CONSUME,
		.content =
		    str_c(arena_fmt(x->req->arena, "background response %.*s", STR_ARG(pin->id))),
		.channel = x->channel->row.id,
		.token_id = owner->token.id,
		.origin_model = pin->model,
		.upstream_status = x->upstream_status,
		.model_ratio = bill.rate.model,
		.completion_ratio = bill.rate.completion,
		.group_ratio = bill.rate.group,
	};
	bill.write_log = option_bool(&x->catalog->options, OPT_LOG_CONSUME_ENABLED);
	pins_charge(x->relay->pins, pin, &bill);
}

/* The response as it stands; what ended is charged. */
static void note_response(struct exchange *x, struct jval response)
{
	struct usage usage = { 0 };
	struct jval value;

	if (!x->resource->pinned || !x->resource->pin.due || !is_final(response))
		return;
	if (jscan_member(response, STR("usage"), &value) && adaptor_usage(value, &usage))
		charge_final(x, &usage);
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
