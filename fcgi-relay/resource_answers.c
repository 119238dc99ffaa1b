/* resource_answers.c — what an upstream's answer says of resources: made, used, gone, ended
 *
 * Answers go to the client as they come; this reads along. */
#include <stdio.h>

#include "base/err.h"

#include "ends.h"
#include "pins.h"
#include "raw.h"
#include "resource_call.h"
#include "resources.h"
#include "works.h"

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

/* A whole answer says itself whether it is the end. */
static void note_running(struct exchange *x)
{
	struct jval root, status;

	if ((!x->resource->background && x->call.usage.reported) ||
	    !jscan_value(buf_str(&x->body), &root) || !jscan_member(root, STR("status"), &status) ||
	    status.type != J_STRING)
		return;
	x->resource->background =
	    jscan_is(status, STR("queued")) || jscan_is(status, STR("in_progress"));
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
	if (c->work.open && c->work.pin.charge == CHARGE_RESPONSE)
		works_made(x, str_c(c->made_id), STR(""));
	else if (c->background && x->kind == REPLY_WHOLE)
		works_open_late(x);
	else
		pins_put(x->relay->pins, &c->pin);
	c->holds = c->work.open && x->kind == REPLY_WHOLE;
}

static void on_product(void *arg, struct str kind, struct jval id)
{
	struct exchange *x = arg;
	struct str text = jscan_text(x->req->arena, id);
	struct resource pin;

	if (!family_is_id(text))
		return;
	pin = new_pin(x, kind, text);
	pin.parent = x->resource->path.id;
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
	c->noted = true;
	if (works_saw(x, object, list_object(c, object)) &&
	    str_eq(c->work.pin.kind, c->path.family->name))
		return; /* it is the work itself */
	c->pin.object = list_object(c, object);
	c->pin.summary = c->summary;
	if (str_eq_c(c->path.family->name, "assistants") &&
	    jscan_member(object, STR("model"), &id) && id.text.n <= MODEL_NAME_MAX)
		c->pin.model = jscan_text(x->req->arena, id);
	pins_put(x->relay->pins, &c->pin);
}

/* Of the work that pin is, with the price of its model and not of this call. */
static bool make_bill(struct exchange *x, const struct resource *pin, const struct work_end *end,
    const char *suffix, struct pins_bill *bill)
{
	const struct token_owner *owner = &x->caller->owner;
	struct arena *a = x->req->arena;
	struct err err = { 0 };

	if (!work_bill(a, x->catalog, x->channel, owner->group, pin, end, bill, &err)) {
		log_warn(&x->req->log, "resources.no_price", LOG_STR("model", pin->model),
		    LOG_ERR(&err));
		return false;
	}
	bill->row.request_id = str_c(arena_fmt(a, "%s-%s", x->req->id, suffix));
	bill->row.token_name = owner->token.name;
	bill->row.username = owner->username;
	bill->row.upstream_status = x->upstream_status;
	return true;
}

static bool is_due(const struct resource_call *c)
{
	return c->path.act == FAMILY_USE && c->path.family->always && c->pinned && c->pin.due;
}

/* The work that this call asks about, and that nobody has settled; NULL: none. */
static const struct resource *due_work(const struct resource_call *c)
{
	if (c->path.act != FAMILY_USE || c->settled)
		return NULL;
	if (c->run.due)
		return &c->run;
	return c->pinned && c->pin.due ? &c->pin : NULL;
}

/* An object that says how far it is. */
static void note_work(struct exchange *x, struct jval object)
{
	const struct resource *pin = due_work(x->resource);
	struct work_end end;
	struct pins_bill bill;
	struct jval id;

	if (!pin || !jscan_member(object, STR("id"), &id) || !jscan_is(id, pin->id))
		return;
	switch (work_state(pin, object, &end)) {
	case WORK_RUNS:
		return;
	case WORK_UNCOUNTED:
		pins_looked(x->relay->pins, pin, 0); /* the settler counts it */
		return;
	case WORK_ENDED:
		break;
	}
	if (!make_bill(x, pin, &end, "final", &bill))
		return;
	x->resource->settled = true;
	pins_charge(x->relay->pins, pin, &bill);
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
	struct jval value;

	if (!is_due(c) || c->settled)
		return;
	if (jscan_member(response, STR("output"), &value))
		saw_whole(c, value.text);
	note_work(x, response);
}

/* A read that did not show the final usage pays for what it showed. */
void resources_ended(struct exchange *x)
{
	struct resource_call *c = x->resource;
	struct work_end seen = { .requests = -1 };
	struct pins_bill bill;
	int64_t pieces;

	if (!c || x->ask.mode != MODE_RESOURCE || !is_due(c) || c->pin.bounded || c->settled)
		return;
	pieces = token_meter_count(&c->part);
	if (pieces < c->part_whole)
		pieces = c->part_whole;
	seen.usage.completion_tokens = pieces;
	if (pieces == 0 || !make_bill(x, &c->pin, &seen, "part", &bill))
		return;
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
	else if (!works_saw(x, object, STR("")))
		note_work(x, object);
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
	if (str_starts(event->name, STR("thread.run.")) && !works_saw(x, root, STR("")))
		note_work(x, root);
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

/* Whoever gets no answer to these knows that something went wrong, and may ask again. */
static bool makes_something(const struct resource_call *c)
{
	return c->path.act == FAMILY_CREATE || c->work.wanted ||
	    (str_eq_c(c->path.family->name, "uploads") && str_ends(c->path.path, STR("/complete")));
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
		c->holds = makes_something(c);
	} else if (str_starts_nocase(type, STR("text/event-stream"))) {
		c->seen_kind = SEEN_EVENTS;
		sse_init(&c->frames, on_frame, x);
	}
}

static bool is_raw(const struct exchange *x)
{
	return x->resource && x->ask.mode == MODE_RESOURCE;
}

/* Too long to be held back: it goes on as it comes. */
static void let_go(struct exchange *x)
{
	struct resource_call *c = x->resource;

	c->holds = false;
	c->seen_kind = SEEN_OTHER;
	raw_feed(x, buf_str(&c->seen));
	buf_release(&c->seen);
}

bool resources_saw(struct exchange *x, struct str bytes)
{
	struct resource_call *c = x->resource;
	struct err ignored = { 0 };

	if (!is_raw(x))
		return false;
	if (c->seen_kind == SEEN_NOTHING_YET)
		begin_seeing(x);
	if (c->seen_kind == SEEN_EVENTS && !frame_feed(&c->frames, bytes, &ignored)) {
		frame_release(&c->frames);
		c->seen_kind = SEEN_OTHER; /* none of our events is that long */
	}
	if (c->seen_kind != SEEN_EVENTS && is_due(c))
		token_meter_add(&c->part, bytes);
	if (c->seen_kind != SEEN_JSON)
		return false;
	if (c->holds && c->seen.len + bytes.n > SEEN_MAX_BYTES)
		let_go(x);
	else
		buf_add(&c->seen, bytes);
	/* the client may act as soon as it has the last byte */
	if (!c->holds && (int64_t)c->seen.len == c->length)
		note_answer(x);
	return c->holds;
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

/* ---- holding back ---------------------------------------------------------------------------- */

/* On the ledger's thread: only hands on. */
static void flushed(void *arg, bool ok)
{
	struct exchange *x = arg;

	wire_send(exchange_wire(x), &x->task);
}

bool resources_hold(struct exchange *x, struct buf *reply,
    void (*then)(struct task *task, void *room))
{
	struct resource_call *c = x->resource;

	if (!c || !c->holds)
		return false;
	if (reply) {
		c->reply = *reply;
		*reply = buf_init(0);
	}
	stop_watching(x);
	x->task.run = then;
	pins_flush(x->relay->pins, flushed, x);
	return true;
}

struct buf *resources_held(struct exchange *x)
{
	return x->kind == REPLY_WHOLE ? &x->resource->reply : &x->resource->seen;
}
