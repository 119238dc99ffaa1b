#include "resources.h"

#include <stdio.h>

#include "base/err.h"
#include "base/form.h"
#include "base/json.h"

#include "limits.h"
#include "pins.h"
#include "resource_call.h"

/* Ids that one body may refer to. */
#define REFERENCES_MAX 2000

/* ---- reading a request ----------------------------------------------------------------------- */

static void release_call(void *call)
{
	struct resource_call *c = call;

	buf_release(&c->seen);
	buf_release(&c->reply);
	if (c->seen_kind == SEEN_EVENTS)
		frame_release(&c->frames);
}

static struct resource_call *call_new(struct exchange *x)
{
	struct resource_call *c = ARENA_NEW(x->req->arena, struct resource_call);

	c->seen = buf_init(SEEN_MAX_BYTES);
	c->reply = buf_init(0);
	arena_defer(x->req->arena, release_call, c);
	x->resource = c;
	return c;
}

bool resource_unknown(struct str kind, struct str id, struct err *err)
{
	bool response = str_eq_c(kind, "responses");

	err_set(err, ERR_MODEL_NOT_FOUND, "%s '%.*s' not found", response ? "Response" : "Resource",
	    STR_ARG(str_slice(id, 0, RESOURCE_ID_MAX)));
	snprintf(err->code, sizeof err->code, "%s",
	    response ? "response_not_found" : "resource_not_found");
	return false;
}

bool resource_find_pin(struct exchange *x, struct str kind, struct str id, struct resource *out,
    struct err *err)
{
	struct err why = { 0 };

	if (!family_is_id(id))
		return resource_unknown(kind, id, err);
	if (pins_find(x->relay->pins, x->req->local, x->req->arena, x->caller->owner.token.user_id,
	        kind, id, out, &why))
		return true;
	if (why.kind == ERR_NOT_FOUND)
		return resource_unknown(kind, id, err);
	*err = why;
	return false;
}

/* All that a request names has to lie at one channel. */
static bool pin_to(struct exchange *x, int64_t channel, int64_t key_id, struct err *err)
{
	if (x->pin && x->pin != channel)
		return err_set(err, ERR_BAD_REQUEST,
		    "the resources that this request names are kept by different upstreams");
	x->pin = channel;
	if (key_id)
		x->pin_key = (uint64_t)key_id;
	return true;
}

static bool on_reference(void *arg, struct str kind, struct jval value, struct err *err)
{
	struct exchange *x = arg;
	struct str id = jscan_text(x->req->arena, value);
	const struct catalog_channel *keeper;
	struct resource pin;

	if (x->caller->pinned_channel || id.n == 0)
		return true;
	if (++x->references > REFERENCES_MAX)
		return err_set(err, ERR_BAD_REQUEST, "more than %d resources are named",
		    REFERENCES_MAX);
	keeper = keeper_sharing(x, id);
	if (keeper)
		return pin_to(x, keeper->row.id, 0, err);
	return resource_find_pin(x, kind, id, &pin, err) &&
	    pin_to(x, pin.channel_id, pin.key_id, err);
}

/* Most bodies say nothing of the sort; finding that out costs a search for a word. */
bool resources_check_body(struct exchange *x, struct err *err)
{
	if (x->ask.root.type != J_OBJECT)
		return true;
	if (!str_has(x->ask.body, STR("file_id")) && !str_has(x->ask.body, STR("\\u00")))
		return true;
	return family_references(x->ask.root, on_reference, x, err) &&
	    keeper_check(x, x->ask.model, err);
}

/* ---- bodies ---------------------------------------------------------------------------------- */

static size_t count_parts(const struct form *form, struct str name)
{
	size_t n = 0;

	for (size_t i = 0; i < form->count; i++)
		n += str_eq(form->parts[i].name, name);
	return n;
}

/* What its lines ask for is paid when a batch is made of it; that it can be is seen here. */
static bool check_lines(struct exchange *x, struct str summary, struct str model, struct err *err)
{
	const struct catalog_channel *channel = catalog_channel(x->catalog, x->pin);
	const struct resource batch = { .charge = CHARGE_BATCH,
		.model = model,
		.summary = summary };
	struct rate rate;

	if (!str_eq(catalog_map_model(channel, model), model))
		return err_set(err, ERR_BAD_REQUEST,
		    "model %.*s has another name at the upstream, which cannot be put into a file",
		    STR_ARG(model));
	return work_rate(x->req->arena, x->catalog, channel, x->caller->owner.group, &batch, -1,
	    &rate, err);
}

/* Before many lines are counted that nobody will serve. What they refer to may yet say which
 * channel it is. */
static bool on_model(void *arg, struct str model, struct err *err)
{
	struct exchange *x = arg;
	int64_t pin = x->pin;
	bool ok = gate_allows_model(x->req, x->caller, model, err) &&
	    keeper_find(x, x->resource->path.family, model, err) &&
	    check_lines(x, STR(""), model, err);

	x->pin = pin;
	return ok;
}

/* A file whose lines will be paid for is read while it passes by (lines.h). */
static bool read_lines(struct exchange *x, const struct form *form, struct str *model,
    struct err *err)
{
	enum lines_kind kind = lines_kind_of(form_text(form, STR("purpose")));
	const struct form_part *file = form_file(form, STR("file"));
	const struct lines_rules rules = {
		.unsaid = option_int(&x->catalog->options, OPT_PRE_CONSUMED_QUOTA),
		.model = on_model,
		.fn = on_reference,
		.arg = x,
	};
	struct lines lines;

	if (count_parts(form, STR("purpose")) > 1 || count_parts(form, STR("file")) > 1)
		return err_set(err, ERR_BAD_REQUEST, "the form has a field more than once");
	if (kind == LINES_NONE || !file)
		return true;
	if (!lines_check(x->req->arena, kind, file->body, &rules, &lines, err))
		return false;
	x->resource->summary = lines_write(x->req->arena, &lines);
	*model = lines.model;
	return true;
}

/* A form brings a file, and next to it nothing that names another resource. */
static bool read_form(struct exchange *x, const struct family *f, struct str *model,
    struct err *err)
{
	struct req *r = x->req;
	const struct form *form;

	if (!f->uploads)
		return err_set(err, ERR_BAD_REQUEST, "this route takes JSON, not a form");
	if (!form_read(r->arena, r->content_type, r->body, &form, err))
		return false;
	x->ask.form = form;
	return !str_eq_c(f->name, "files") || x->resource->path.act != FAMILY_CREATE ||
	    read_lines(x, form, model, err);
}

static bool read_body(struct exchange *x, const struct family *f, struct str *model,
    struct err *err)
{
	struct req *r = x->req;
	struct jval value;

	*model = STR("");
	x->ask.body = r->body;
	x->ask.content_type = r->content_type;
	if (r->body.n == 0)
		return true;
	if (form_is(r->content_type))
		return read_form(x, f, model, err);
	if (!jscan_check(r->body, JSON_MAX_DEPTH, &x->ask.root, err))
		return false;
	if (x->ask.root.type != J_OBJECT)
		return err_set(err, ERR_INVALID_JSON, "the body is not a JSON object");
	if (jscan_member(x->ask.root, STR("model"), &value))
		*model = jscan_text(r->arena, value);
	return family_references(x->ask.root, on_reference, x, err);
}

static bool read_path(struct exchange *x, struct family_call *path, struct err *err)
{
	struct req *r = x->req;

	if (family_read(r->method, r->raw_path.n ? r->raw_path : r->path, path))
		return true;
	return err_set(err, ERR_NOT_FOUND, "Invalid URL (%.*s %.*s)", STR_ARG(r->method),
	    STR_ARG(str_slice(r->path, 0, 256)));
}

/* …/threads/ID/runs/RUN…: is that run still to be settled? */
static void find_run(struct exchange *x, struct resource_call *c)
{
	struct str rest = c->path.path, segment, run = STR("");
	struct err ignored = { 0 };

	if (!str_eq_c(c->path.family->name, "threads"))
		return;
	for (int i = 0; str_next(&rest, '/', &segment); i++) {
		if (i == 4 && !str_eq_c(segment, "runs"))
			return;
		if (i == 5)
			run = segment;
	}
	if (run.n == 0 || !resource_find_pin(x, STR("runs"), run, &c->run, &ignored) ||
	    c->run.channel_id != c->pin.channel_id)
		c->run = (struct resource){ 0 };
}

static bool read_id(struct exchange *x, struct resource_call *c, struct err *err)
{
	struct err ignored = { 0 };

	if (c->path.id.n == 0)
		return true;
	if (x->caller->pinned_channel) {
		/* every id there may be used; one's own is still settled */
		c->pinned =
		    resource_find_pin(x, c->path.family->name, c->path.id, &c->pin, &ignored) &&
		    c->pin.channel_id == x->caller->pinned_channel;
		if (!c->pinned)
			c->pin = (struct resource){ 0 };
		else
			find_run(x, c);
		return true;
	}
	if (!resource_find_pin(x, c->path.family->name, c->path.id, &c->pin, err))
		return false;
	c->pinned = true;
	find_run(x, c);
	return pin_to(x, c->pin.channel_id, c->pin.key_id, err);
}

/* A key's list of models is asked twice: for the family (a stored response: for its own model), and
 * for the model that the body names. */
static bool check_family(struct exchange *x, const struct resource_call *c, struct err *err)
{
	x->ask.model = c->path.family->always ? c->pin.model : c->path.family->name;
	return x->ask.model.n == 0 || gate_allows_model(x->req, x->caller, x->ask.model, err);
}

static bool check_model(struct exchange *x, const struct resource_call *c, struct str model,
    struct err *err)
{
	if (model.n && !gate_allows_model(x->req, x->caller, model, err))
		return false;
	return keeper_find(x, c->path.family, model, err) &&
	    (c->summary.n == 0 || model.n == 0 || check_lines(x, c->summary, model, err));
}

/* What is gone cannot be asked what it used. */
static bool check_delete(struct exchange *x, const struct resource_call *c, struct err *err)
{
	bool needed;

	if (c->path.act != FAMILY_DELETE || !c->pinned)
		return true;
	if (!resource_is_needed(x->req->local, &c->pin, &needed, err))
		return false;
	if (!needed)
		return true;
	err_set(err, ERR_BAD_REQUEST,
	    "what works with this is not settled yet: ask for that run or batch until it has "
	    "ended, "
	    "or try again later");
	err->status = 409;
	return false;
}

bool resources_admit(struct exchange *x, struct err *err)
{
	struct resource_call *c = call_new(x);
	struct req *r = x->req;

	if (!read_path(x, &c->path, err))
		return false;
	if (!keeper_exists(x, c->path.family))
		return err_set(err, ERR_NOT_IMPLEMENTED, "API not implemented");
	x->ask.mode = MODE_RESOURCE;
	x->ask.method = str_eq_c(r->method, "HEAD") ? STR("GET") : r->method;
	x->ask.path = c->path.path;
	x->ask.headers = &r->headers;
	x->ask.max_tokens = -1;
	x->ask.n = 1;
	return read_id(x, c, err) && check_family(x, c, err) && limits_enter(x, err);
}

bool resources_read(struct exchange *x, struct err *err)
{
	struct resource_call *c = x->resource;
	struct str model;

	return read_body(x, c->path.family, &model, err) && check_model(x, c, model, err) &&
	    check_delete(x, c, err) && works_read(x, err);
}

/* ---- responses ------------------------------------------------------------------------------- */

static bool is_stored(const struct exchange *x)
{
	struct jval store;

	return x->ask.mode == MODE_RESPONSES &&
	    !(jscan_member(x->ask.root, STR("store"), &store) && store.type == J_FALSE);
}

bool resources_read_response(struct exchange *x, struct err *err)
{
	struct req *r = x->req;
	struct resource_call *c;
	struct jval background;

	if (!ask_read(r->arena, x->mode->mode, r->content_type, r->body, STR(""), &x->ask, err))
		return false;
	if (!family_references(x->ask.root, on_reference, x, err) ||
	    !keeper_check(x, x->ask.model, err))
		return false;
	if (!is_stored(x))
		return true;
	c = call_new(x);
	c->path = (struct family_call){ .family = family_by_name(STR("responses")),
		.act = FAMILY_CREATE };
	c->background =
	    jscan_member(x->ask.root, STR("background"), &background) && jscan_true(background);
	return true;
}

/* Asks nothing of a model but its tokenizer; goes where its model is, like a chat. */
bool resources_read_count(struct exchange *x, struct err *err)
{
	struct req *r = x->req;

	x->ask.mode = MODE_RESOURCE;
	x->ask.method = r->method;
	x->ask.path = STR("/v1/responses/input_tokens");
	x->ask.headers = &r->headers;
	x->ask.body = r->body;
	x->ask.content_type = r->content_type;
	x->ask.max_tokens = -1;
	x->ask.n = 1;
	if (!jscan_check(r->body, JSON_MAX_DEPTH, &x->ask.root, err) ||
	    !ask_model(r->arena, r->content_type, r->body, &x->ask.model, err))
		return false;
	if (x->ask.model.n == 0)
		return err_set(err, ERR_INVALID_TEXT, "model is required");
	return family_references(x->ask.root, on_reference, x, err) &&
	    keeper_check(x, x->ask.model, err);
}

/* ---- routes ---------------------------------------------------------------------------------- */

static const struct route_mode resource = { MODE_RESOURCE, PRICE_CALL, resources_admit,
	resources_read };
static const struct route_mode count_tokens = { MODE_RESOURCE, PRICE_CALL, NULL,
	resources_read_count };

#define FAMILY(path)                                                                               \
	{ "GET", path, ACCESS_KEY, 0, resources_list, NULL },                                      \
	    { "POST", path, ACCESS_KEY, 0, relay_begin, &resource },                               \
	    { "GET", path "/*rest", ACCESS_KEY, 0, relay_begin, &resource },                       \
	    { "POST", path "/*rest", ACCESS_KEY, 0, relay_begin, &resource },                      \
	{                                                                                          \
		"DELETE", path "/*rest", ACCESS_KEY, 0, relay_begin, &resource                     \
	}

/* clang-format off */
const struct route resource_routes[] = {
	{ "POST", "/v1/responses/input_tokens", ACCESS_KEY, 0, relay_begin, &count_tokens },
	{ "GET", "/v1/responses/*rest", ACCESS_KEY, 0, relay_begin, &resource },
	{ "POST", "/v1/responses/*rest", ACCESS_KEY, 0, relay_begin, &resource },
	{ "DELETE", "/v1/responses/*rest", ACCESS_KEY, 0, relay_begin, &resource },
	FAMILY("/v1/files"),
	FAMILY("/v1/uploads"),
	FAMILY("/v1/batches"),
	FAMILY("/v1/fine_tuning/jobs"),
	FAMILY("/v1/vector_stores"),
	FAMILY("/v1/assistants"),
	FAMILY("/v1/threads"),
	FAMILY("/v1/containers"),
	FAMILY("/v1/conversations"),
	{ 0 },
};
/* clang-format on */
