#include "works.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/err.h"

#include "limits.h"
#include "resource_call.h"
#include "settler.h"
#include "used.h"

#define EPOCHS_MAX 1000

/* ---- reading a creation ---------------------------------------------------------------------- */

static bool is_runs(struct str path)
{
	struct str rest = str_slice(path, sizeof("/v1/threads/") - 1, path.n), segment;
	int n = 0;

	while (str_next(&rest, '/', &segment))
		n++;
	return n == 2 && str_ends(path, STR("/runs"));
}

/* What does this call set going? */
static bool kind_of(const struct exchange *x, enum resource_charge *charge)
{
	const struct family_call *path = &x->resource->path;
	struct str name = path->family->name;
	bool creates = path->act == FAMILY_CREATE;

	if (!str_eq_c(x->ask.method, "POST"))
		return false;
	if (creates && str_eq_c(name, "batches"))
		*charge = CHARGE_BATCH;
	else if (creates && str_eq_c(name, "fine_tuning"))
		*charge = CHARGE_TRAINING;
	else if (str_eq_c(name, "threads") &&
	    (str_eq_c(path->path, "/v1/threads/runs") ||
	        (path->act == FAMILY_USE && is_runs(path->path))))
		*charge = CHARGE_RUN;
	else
		return false;
	return true;
}

static struct str text_of(const struct exchange *x, struct str name)
{
	struct jval value;

	return jscan_member(x->ask.root, name, &value) ? jscan_text(x->req->arena, value) : STR("");
}

static bool read_number(const struct exchange *x, const char *path, int64_t max, int64_t *out)
{
	struct jval value;

	return jscan_at(x->ask.root, path, &value) && jscan_int(value, 0, max, out);
}

static int64_t unsaid(const struct exchange *x)
{
	return option_int(&x->catalog->options, OPT_PRE_CONSUMED_QUOTA);
}

/* The file that it is made of, and what its lines are. */
static bool read_file(struct exchange *x, struct str member, enum lines_kind kind,
    const char *purpose, struct lines *lines, struct err *err)
{
	struct work *w = &x->resource->work;
	struct err ignored = { 0 };
	struct resource file = { 0 };

	w->pin.parent = text_of(x, member);
	if (w->pin.parent.n == 0)
		return err_set(err, ERR_BAD_REQUEST, "%.*s is required", STR_ARG(member));
	if (resource_find_pin(x, STR("files"), w->pin.parent, &file, &ignored))
		lines_read(x->req->arena, file.summary, lines);
	else
		*lines = (struct lines){ 0 };
	w->pin.summary = file.summary;
	return lines->kind == kind ||
	    err_set(err, ERR_BAD_REQUEST,
	        "'%.*s' was not uploaded here as a file with purpose %s, so its lines were not "
	        "checked: upload it again",
	        STR_ARG(w->pin.parent), purpose);
}

static bool read_batch(struct exchange *x, struct err *err)
{
	struct work *w = &x->resource->work;
	struct lines lines;

	if (!read_file(x, STR("input_file_id"), LINES_BATCH, "batch", &lines, err))
		return false;
	if (!str_eq(text_of(x, STR("endpoint")), lines.endpoint))
		return err_set(err, ERR_BAD_REQUEST,
		    "endpoint must be the url of the file's lines, %.*s", STR_ARG(lines.endpoint));
	w->pin.model = lines.model;
	w->pin.bounded = lines.bounded;
	w->most =
	    (struct usage){ .prompt_tokens = lines.prompt, .completion_tokens = lines.completion };
	return true;
}

static int64_t epochs(const struct exchange *x, const struct lines *lines)
{
	static const char *const paths[] = {
		"hyperparameters.n_epochs",
		"method.supervised.hyperparameters.n_epochs",
		"method.dpo.hyperparameters.n_epochs",
	};
	int64_t most = 0, n;

	for (size_t i = 0; i < COUNT_OF(paths); i++) {
		if (read_number(x, paths[i], EPOCHS_MAX, &n) && n > most)
			most = n;
	}
	return most > 0 ? most : lines_epochs(lines->requests);
}

static bool read_training(struct exchange *x, struct err *err)
{
	struct work *w = &x->resource->work;
	struct lines lines;
	struct jval method;

	if (!read_file(x, STR("training_file"), LINES_TRAINING, "fine-tune", &lines, err))
		return false;
	w->pin.model = text_of(x, STR("model"));
	if (jscan_at(x->ask.root, "method.type", &method) && !jscan_is(method, STR("supervised")) &&
	    !jscan_is(method, STR("dpo")))
		return err_set(err, ERR_BAD_REQUEST,
		    "only methods that are paid by tokens can be used: supervised, dpo");
	w->most = (struct usage){ .trained = lines.prompt * epochs(x, &lines) };
	return true;
}

/* The body's model, else the one that its assistant was seen with. */
static struct str run_model(struct exchange *x)
{
	struct str model = text_of(x, STR("model")), id = text_of(x, STR("assistant_id"));
	struct err ignored = { 0 };
	struct resource assistant;
	struct jval object, value;

	if (model.n || !resource_find_pin(x, STR("assistants"), id, &assistant, &ignored))
		return model;
	if (assistant.object.n && jscan_value(assistant.object, &object) &&
	    jscan_member(object, STR("model"), &value))
		return jscan_text(x->req->arena, value);
	return assistant.model;
}

static bool read_run(struct exchange *x, struct err *err)
{
	struct work *w = &x->resource->work;
	bool in, out;

	w->pin.model = run_model(x);
	if (w->pin.model.n == 0)
		return err_set(err, ERR_BAD_REQUEST,
		    "the assistant's model is not known here: name a model");
	w->pin.parent = x->resource->path.id; /* with a new thread: filled in when it is known */
	in = read_number(x, "max_prompt_tokens", INT32_MAX, &w->most.prompt_tokens);
	out = read_number(x, "max_completion_tokens", INT32_MAX, &w->most.completion_tokens);
	w->pin.bounded = in && out;
	if (!in)
		w->most.prompt_tokens = unsaid(x) + (int64_t)(x->ask.body.n / 3);
	if (!out)
		w->most.completion_tokens = unsaid(x);
	return true;
}

/* May this caller use the model, does the channel have it under that name, has it a price? */
static bool check_model(struct exchange *x, struct err *err)
{
	struct work *w = &x->resource->work;
	const struct catalog_channel *channel = catalog_channel(x->catalog, x->pin);
	struct str model = w->pin.model;

	if (model.n == 0)
		return err_set(err, ERR_BAD_REQUEST, "model is required");
	if (!gate_allows_model(x->req, x->caller, model, err) || !keeper_check(x, model, err))
		return false;
	if (!str_eq(catalog_map_model(channel, model), model))
		return err_set(err, ERR_BAD_REQUEST,
		    "model %.*s has another name at the upstream, which cannot be put in here",
		    STR_ARG(model));
	return work_rate(x->req->arena, x->catalog, channel, x->caller->owner.group, &w->pin, -1,
	    &w->rate, err);
}

bool works_read(struct exchange *x, struct err *err)
{
	static const struct {
		struct str kind;
		bool (*read)(struct exchange *x, struct err *err);
	} kinds[] = {
		[CHARGE_BATCH] = { STR_INIT("batches"), read_batch },
		[CHARGE_RUN] = { STR_INIT("runs"), read_run },
		[CHARGE_TRAINING] = { STR_INIT("fine_tuning"), read_training },
	};
	struct work *w = &x->resource->work;
	enum resource_charge charge;

	if (!kind_of(x, &charge))
		return true;
	w->pin.kind = kinds[charge].kind;
	w->pin.charge = charge;
	if (!kinds[charge].read(x, err) || !check_model(x, err))
		return false;
	w->pin.billed_quota = price_estimate(&w->rate, &w->most);
	w->wanted = true;
	return true;
}

int64_t works_bound(const struct exchange *x)
{
	return x->resource && x->resource->work.wanted &&
	        x->resource->work.pin.charge != CHARGE_RESPONSE
	    ? x->resource->work.pin.billed_quota
	    : 0;
}

/* ---- opening --------------------------------------------------------------------------------- */

bool works_is_open(const struct exchange *x)
{
	return x->resource && x->resource->work.open;
}

static bool is_background(const struct exchange *x)
{
	const struct resource_call *c = x->resource;

	return c && c->background && c->path.act == FAMILY_CREATE && x->ask.mode != MODE_RESOURCE;
}

/* All of it is reserved: that is its bound. */
static void want_response(struct exchange *x)
{
	struct work *w = &x->resource->work;

	w->wanted = true;
	w->pin.kind = STR("responses");
	w->pin.charge = CHARGE_RESPONSE;
	w->pin.model = x->ask.model;
	w->pin.bounded = x->ask.max_tokens >= 0;
	w->pin.billed_quota = x->held;
	used_bound(x, &w->most);
}

static void fill_pin(struct exchange *x, struct str id)
{
	struct work *w = &x->resource->work;

	w->pin.id = id;
	w->pin.user_id = x->caller->owner.token.user_id;
	w->pin.channel_id = w->channel_id = x->channel->row.id;
	w->pin.key_id = (int64_t)x->tried.key->id;
	w->pin.due = true;
	w->pin.billed_prompt = w->most.prompt_tokens;
	w->pin.billed_completion = w->most.completion_tokens;
	w->pin.billed_token = x->caller->owner.token.id;
	w->pin.billed_budgets = limits_budgets(x);
	w->pin.look_at = clock_unix() + settler_first_s(x->relay->settler);
}

/* On the ledger's thread: only hands on. */
static void opened(void *arg, bool ok)
{
	struct exchange *x = arg;

	x->resource->work.open = ok;
	wire_send(exchange_wire(x), &x->task);
}

bool works_open(struct exchange *x, void (*then)(struct task *task, void *room))
{
	struct work *w;

	if (is_background(x))
		want_response(x);
	else if (!x->resource || !x->resource->work.wanted)
		return false;
	w = &x->resource->work;
	snprintf(w->pending, sizeof w->pending, "%c%s", RESOURCE_PENDING_MARK, x->req->id);
	fill_pin(x, str_c(w->pending));
	x->task.run = then;
	pins_open(x->relay->pins, &w->pin, str_c(x->req->id), x->held, opened, x);
	return true;
}

void works_open_late(struct exchange *x)
{
	struct resource_call *c = x->resource;

	want_response(x);
	fill_pin(x, str_c(c->made_id));
	c->work.open = c->work.made = true;
	pins_open(x->relay->pins, &c->work.pin, str_c(x->req->id), x->held, NULL, NULL);
}

/* ---- what came of it ------------------------------------------------------------------------- */

void works_made(struct exchange *x, struct str id, struct str listed)
{
	struct work *w = &x->resource->work;
	struct resource pin = w->pin;

	snprintf(w->id, sizeof w->id, "%.*s", STR_ARG(id));
	w->pin.id = str_c(w->id);
	w->made = true;
	pin.id = w->pin.id;
	pin.object = listed;
	pins_adopt(x->relay->pins, str_c(w->pending), &pin);
}

/* A run of a new thread says which. */
static void learn_parent(struct exchange *x, struct jval object)
{
	struct work *w = &x->resource->work;
	struct jval value;

	if (w->pin.charge == CHARGE_RUN && w->pin.parent.n == 0 &&
	    jscan_member(object, STR("thread_id"), &value))
		w->pin.parent = arena_str(x->req->arena, jscan_text(x->req->arena, value));
}

/* It has ended already, perhaps with another model than its assistant had before. */
static void note_end(struct exchange *x, struct jval object)
{
	struct work *w = &x->resource->work;
	struct resource pin = w->pin;
	struct work_end end;
	struct err ignored = { 0 };

	if (w->final || work_state(&w->pin, object, &end) != WORK_ENDED)
		return;
	if (end.model.n && !str_eq(end.model, pin.model)) {
		pin.model = arena_str(x->req->arena, end.model);
		if (!work_rate(x->req->arena, x->catalog, x->channel, x->caller->owner.group, &pin,
		        -1, &w->rate, &ignored))
			return; /* the settler says so */
		w->pin.model = pin.model;
	}
	end.model = STR("");
	w->end = end;
	w->final = true;
}

bool works_saw(struct exchange *x, struct jval object, struct str listed)
{
	struct work *w = &x->resource->work;
	struct jval id, type;

	if (!w->open || !jscan_member(object, STR("id"), &id))
		return false;
	if (w->pin.charge == CHARGE_RUN &&
	    !(jscan_member(object, STR("object"), &type) && jscan_is(type, STR("thread.run"))))
		return false;
	if (!w->made) {
		struct str text = jscan_text(x->req->arena, id);

		if (!family_is_id(text))
			return false;
		learn_parent(x, object);
		works_made(x, text, listed);
	}
	if (!jscan_is(id, w->pin.id))
		return false;
	note_end(x, object);
	return true;
}

/* ---- the request's end ----------------------------------------------------------------------- */

static void describe(const struct work *w, struct pins_ending *end, char *text, size_t size)
{
	const struct usage *u = end->how == PINS_FINAL ? &w->end.usage : &w->most;

	snprintf(text, size, "%.*s; %s %.*s: %" PRId64 " and %" PRId64 " tokens%s",
	    STR_ARG(str_slice(end->row.content, 0, 512)),
	    end->how == PINS_FINAL ? "used by" : "at most for", STR_ARG(w->pin.kind),
	    u->prompt_tokens + u->trained, u->completion_tokens,
	    end->how == PINS_FINAL ? "" : ", the difference follows");
	end->row.content = str_c(text);
	end->row.model_name = end->row.origin_model = w->pin.model;
	end->row.prompt_tokens = u->prompt_tokens + u->trained;
	end->row.completion_tokens = u->completion_tokens;
}

static int64_t end_response(struct exchange *x, struct pins_ending *end)
{
	const struct work *w = &x->resource->work;

	end->final = end->row.quota;
	if (!w->made) { /* nobody has its id */
		end->how = PINS_UNDO;
	} else if (x->call.usage.reported) {
		end->how = PINS_FINAL;
		end->row.quota = w->pin.billed_quota;
	} else {
		end->row.quota = w->pin.billed_quota;
		end->row.prompt_tokens = w->most.prompt_tokens;
		end->row.completion_tokens = w->most.completion_tokens;
		return end->row.quota;
	}
	return end->final;
}

int64_t works_end(struct exchange *x, const struct logrow *row, bool write_log)
{
	struct work *w = &x->resource->work;
	struct pins_ending end = { .row = *row, .write_log = write_log };
	char text[1024];
	int64_t charged;

	if (w->pin.charge == CHARGE_RESPONSE) {
		charged = end_response(x, &end);
	} else {
		end.how = w->final ? PINS_FINAL : PINS_BOUND;
		end.final = row->quota + (w->final ? price_charge(&w->rate, &w->end.usage) : 0);
		end.row.quota = row->quota + w->pin.billed_quota;
		charged = w->final ? end.final : end.row.quota;
		end.usage = w->end.usage;
		describe(w, &end, text, sizeof text);
	}
	w->open = false;
	pins_end(x->relay->pins, &w->pin, &end);
	return charged;
}

/* An answer that says no, or nothing that was sent. Of a response nobody would ever know. */
static bool is_refusal(const struct exchange *x)
{
	return x->resource->work.pin.charge == CHARGE_RESPONSE || x->attempt_started_ms == 0 ||
	    (x->upstream_status >= 400 && x->upstream_status < 500);
}

/* Whether it was made is not known: charged as if, until the settler has asked. */
static void end_unsure(struct exchange *x)
{
	const struct token_owner *owner = &x->caller->owner;
	struct work *w = &x->resource->work;
	struct pins_ending end = {
		.how = PINS_BOUND,
		.row = {
			.user_id = owner->token.user_id,
			.token_id = owner->token.id,
			.type = LOG_TYPE_CONSUME,
			.content = STR("no answer"),
			.username = owner->username,
			.token_name = owner->token.name,
			.quota = w->pin.billed_quota,
			.channel = w->channel_id,
			.request_id = str_c(x->req->id),
			.attempts = x->attempts,
			.upstream_status = x->upstream_status,
			.finish = FINISH_ABORTED,
		},
		.write_log = option_bool(&x->catalog->options, OPT_LOG_CONSUME_ENABLED),
	};
	char text[1024];

	describe(w, &end, text, sizeof text);
	pins_end(x->relay->pins, &w->pin, &end);
}

bool works_failed(struct exchange *x)
{
	struct work *w;

	if (!works_is_open(x))
		return false;
	w = &x->resource->work;
	w->open = false;
	w->pin.billed_budgets = STR(""); /* the attempt that had them may be gone */
	if (is_refusal(x) && !w->made)
		pins_refuse(x->relay->pins, &w->pin, str_c(x->req->id));
	else
		end_unsure(x);
	return true;
}
