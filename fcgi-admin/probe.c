#include "probe.h"

#include "access.h"
#include "admin.h"
#include "base/clock.h"
#include "base/json.h"
#include "body.h"
#include "channel_body.h"
#include "errand.h"
#include "message.h"
#include "reply.h"
#include "routes.h"
#include "store/logrow.h"
#include "test_rules.h"

/* ---- the parts without an upstream ----------------------------------------------------------- */

struct str probe_model(struct str models, struct str wanted)
{
	struct str rest = models, item, first = { 0 };

	while (str_next(&rest, ',', &item)) {
		item = str_trim(item);
		if (item.n && str_eq(item, wanted))
			return item;
		if (str_ends(item, STR("*")) && wanted.n &&
		    str_starts(wanted, str_slice(item, 0, item.n - 1)))
			return wanted;
		if (first.n == 0 && !str_ends(item, STR("*")))
			first = item;
	}
	return first;
}

struct str probe_request(struct arena *a, struct str model, struct str prompt)
{
	struct buf b = buf_init(BODY_MAX);
	struct str text;

	buf_add(&b, STR("{\"model\":"));
	json_add_str(&b, model);
	buf_add(&b, STR(",\"messages\":[{\"role\":\"user\",\"content\":"));
	json_add_str(&b, prompt);
	buf_addf(&b, "}],\"max_tokens\":%d}", PROBE_MAX_TOKENS);
	text = arena_str(a, buf_str(&b));
	buf_release(&b);
	return text;
}

bool probe_judge(struct req *r, struct str body, struct str *text, struct err *err)
{
	struct err ignored = { 0 };
	const cJSON *content;
	cJSON *tree;

	if (!json_parse(r->arena, body, &tree, &ignored) || !json_at(tree, "choices.0"))
		return message_fail(r, err, MSG_C06);
	content = json_at(tree, "choices.0.message.content");
	if (!cJSON_IsString(content))
		return message_fail(r, err, MSG_C07);
	if (!cJSON_IsObject(json_at(tree, "usage")))
		return message_fail(r, err, MSG_C08);
	*text = str_c(content->valuestring);
	return true;
}

/* ---- one probe ------------------------------------------------------------------------------- */

struct probe {
	struct str wanted; /* ?model= as sent */
	struct ask ask;
	struct call call;
};

static bool prepare(struct errand *e, struct err *err)
{
	struct probe *p = e->own;
	struct str model = probe_model(e->channel.row.models, p->wanted);

	if (!e->channel.provider->adaptor ||
	    !(e->channel.provider->adaptor->modes & 1u << MODE_CHAT))
		return message_fail(e->r, err, MSG_C03);
	if (model.n == 0)
		return message_fail(e->r, err, MSG_C12);
	if (!ask_read(e->r->arena, MODE_CHAT, STR("application/json"),
	        probe_request(e->r->arena, model, admin_of(e->r)->test_prompt), STR(""), &p->ask,
	        err))
		return false;
	p->call = (struct call){
		.arena = e->r->arena,
		.ask = &p->ask,
		.channel = &e->channel,
		.key = e->key->text,
		.provider = e->channel.provider,
		.model = catalog_map_model(&e->channel, p->ask.model),
	};
	return true;
}

static bool encode(struct errand *e, struct err *err)
{
	struct probe *p = e->own;

	p->call.step = e->step;
	return p->call.provider->adaptor->encode(&p->call, &e->upstream, err);
}

static void look_at_head(const struct errand *e, struct probe *p)
{
	if (p->call.provider->adaptor->on_head)
		p->call.provider->adaptor->on_head(&p->call, &e->reply.headers);
}

static bool mend(struct errand *e)
{
	struct probe *p = e->own;
	const struct adaptor *adaptor = p->call.provider->adaptor;

	return adaptor->again && adaptor->again(&p->call, e->reply.status, e->reply.body);
}

/* Sentence and status of the upstream in one text. */
static bool refused(struct errand *e, struct err *err)
{
	struct probe *p = e->own;
	const char *status = arena_fmt(e->r->arena, "%d", e->reply.status);

	look_at_head(e, p);
	p->call.provider->adaptor->error(&p->call, e->reply.status, e->reply.body, &e->said);
	return message_fail_about(e->r, err, MSG_C05, str_c(status), str_c(e->said.msg));
}

static enum step read_answer(struct errand *e, struct err *err)
{
	struct probe *p = e->own;
	struct buf body = buf_init(PROBE_BODY_MAX);
	enum step step;

	look_at_head(e, p);
	step = p->call.provider->adaptor->decode(&p->call, e->reply.body, &body, err);
	if (step == STEP_FAILED)
		e->said = *err;
	else if (step == STEP_DONE &&
	    !probe_judge(e->r, arena_str(e->r->arena, buf_str(&body)), &e->text, err))
		step = STEP_FAILED;
	buf_release(&body);
	return step;
}

/* ---- the outcome ----------------------------------------------------------------------------- */

static void log_outcome(const struct errand *e)
{
	const struct probe *p = e->own;
	struct err err = { 0 };
	const char *content = arena_fmt(e->r->arena, "channel %.*s test %s: %.*s",
	    STR_ARG(e->channel.row.name), e->ok ? "ok, answer" : "failed", STR_ARG(e->text));
	struct logrow row = {
		.type = LOG_TYPE_TEST,
		.created_at = clock_unix(),
		.channel = e->channel.row.id,
		.model_name = p->call.model,
		.origin_model = p->ask.model,
		.elapsed_time = e->elapsed_ms,
		.content = str_c(content),
		.request_id = str_c(e->r->id),
		.upstream_status = e->reply.status,
	};

	if (!logrow_insert(db_of(e->r), &row, &err))
		log_warn(&e->r->log, "probe.log_failed", LOG_ERR(&err));
}

/* A channel that is not saved has no row to write to. In a row 0 ms mean that the test failed. */
static void note(struct errand *e)
{
	const struct probe *p = e->own;
	int64_t id = e->channel.row.id, quick = e->elapsed_ms > 0 ? e->elapsed_ms : 1;
	struct err err = { 0 };

	if (id && !channel_set_tested(db_of(e->r), id, e->ok ? quick : 0, &err))
		log_warn(&e->r->log, "probe.note_failed", LOG_ERR(&err));
	if (id)
		log_outcome(e);
	if (id && e->applies_rules)
		test_rules_apply(e);
	log_info(&e->r->log, "probe.done", LOG_INT("channel", id), LOG_STR("model", p->call.model),
	    LOG_INT("ok", e->ok), LOG_INT("ms", e->elapsed_ms), LOG_TEXT("action", e->action));
}

/* Not quite an envelope: the result stands beside success. */
static bool send(struct errand *e, struct resp *out)
{
	const struct probe *p = e->own;
	struct buf *b = &out->body;

	reply_json(out, 200);
	headers_add_c(&out->headers, "Cache-Control", "no-store");
	buf_addf(b, "{\"success\":%s,\"message\":", e->ok ? "true" : "false");
	json_add_str(b, e->text);
	buf_add(b, STR(",\"time\":"));
	json_add_double(b, e->ok ? (double)e->elapsed_ms / 1000.0 : 0);
	buf_add(b, STR(",\"modelName\":"));
	json_add_str(b, p->wanted);
	buf_add(b, STR(",\"model\":"));
	json_add_str(b, p->call.model);
	buf_add(b, STR(",\"action\":"));
	json_add_str(b, str_c(e->action));
	buf_add_char(b, '}');
	return true;
}

static const struct errand_kind probe_kind = {
	.name = "test",
	.timeout_ms = PROBE_TIMEOUT_MS,
	.body_max = PROBE_BODY_MAX,
	.prepare = prepare,
	.encode = encode,
	.mend = mend,
	.refused = refused,
	.read = read_answer,
	.note = note,
	.send = send,
};

struct errand *probe_new(struct req *r, struct str wanted)
{
	struct errand *e = errand_new(r, &probe_kind);
	struct probe *p = ARENA_NEW(r->arena, struct probe);

	p->wanted = wanted;
	e->own = p;
	return e;
}

/* ---- the routes ------------------------------------------------------------------------------ */

static bool test_one(struct req *r, struct resp *out, struct err *err)
{
	struct errand *e = probe_new(r, req_query(r, "model"));
	int64_t id;

	e->applies_rules = req_query(r, "apply").n > 0;
	return body_path_id(r, &id, err) && errand_load(e, id, err) && errand_serve(e, out, err);
}

static bool test_unsaved(struct req *r, struct resp *out, struct err *err)
{
	struct errand *e = probe_new(r, req_query(r, "model"));
	struct channel row = { 0 };

	if (!channel_body_read_draft(r, &row, err))
		return false;
	row.id = 0;
	return errand_use(e, &row, err) && errand_serve(e, out, err);
}

const struct route probe_routes[] = {
	{ "GET", "/api/channel/test/:id", ROLE_ADMIN, ROUTE_CHANGES, test_one, NULL },
	{ "POST", "/api/channel/probe", ROLE_ADMIN, ROUTE_LARGE, test_unsaved, NULL },
	{ 0 },
};
