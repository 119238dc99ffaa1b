#include "probe.h"

#include <inttypes.h>

#include "access.h"
#include "admin.h"
#include "audit.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "body.h"
#include "message.h"
#include "net/fcgi.h"
#include "net/upstream.h"
#include "provider/adaptor.h"
#include "reply.h"
#include "routes.h"

/* ---- the parts without an upstream ----------------------------------------------------------- */

struct str probe_model(struct str models, struct str wanted)
{
	struct str rest = models, item, first = { 0 };

	while (str_next(&rest, ',', &item)) {
		item = str_trim(item);
		if (item.n && str_eq(item, wanted))
			return item;
		if (first.n == 0)
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
	struct catalog_channel channel;
	struct str wanted; /* ?model= as sent */
	struct ask ask;
	struct call call;
	struct upstream_req upstream;
	int64_t began_ms;

	/* of the call that just ended; in the arena of that call, which goes with the request */
	struct upstream_reply reply;

	/* the outcome */
	bool ok;
	struct str text; /* the model's answer, or why not */
	int64_t elapsed_ms;
};

static struct probe *probe_of(const struct req *r)
{
	return access_actor(r)->job;
}

/* Sentence and status of the upstream in one text; other failures speak for themselves. */
static bool upstream_refused(struct req *r, struct probe *p, struct err *err)
{
	struct err said = { 0 };
	const char *status = arena_fmt(r->arena, "%d", p->reply.status);

	p->call.provider->adaptor->error(&p->call, p->reply.status, p->reply.body, &said);
	return message_fail_about(r, err, MSG_C05, str_c(status), str_c(said.msg));
}

static void note_time(struct req *r, const struct probe *p)
{
	struct err err = { 0 };

	if (!channel_set_tested(db_of(r), p->channel.row.id, p->ok ? p->elapsed_ms : 0, &err))
		log_warn(&r->log, "probe.note_failed", LOG_ERR(&err));
}

static void log_outcome(struct req *r, const struct probe *p)
{
	struct err err = { 0 };
	const char *content = arena_fmt(r->arena, "channel %.*s test %s: %.*s",
	    STR_ARG(p->channel.row.name), p->ok ? "ok, answer" : "failed", STR_ARG(p->text));
	struct logrow row = {
		.type = LOG_TYPE_TEST,
		.created_at = clock_unix(),
		.channel = p->channel.row.id,
		.model_name = p->call.model,
		.origin_model = p->ask.model,
		.elapsed_time = p->elapsed_ms,
		.content = str_c(content),
		.request_id = str_c(r->id),
		.upstream_status = p->reply.status,
	};

	if (!logrow_insert(db_of(r), &row, &err))
		log_warn(&r->log, "probe.log_failed", LOG_ERR(&err));
}

/* Not quite an envelope: the result stands beside success. */
static bool send(const struct probe *p, struct resp *out)
{
	struct buf *b = &out->body;

	resp_json(out, 200);
	headers_add_c(&out->headers, "Cache-Control", "no-store");
	buf_addf(b, "{\"success\":%s,\"message\":", p->ok ? "true" : "false");
	json_add_str(b, p->text);
	buf_add(b, STR(",\"time\":"));
	json_add_double(b, p->ok ? (double)p->elapsed_ms / 1000.0 : 0);
	buf_add(b, STR(",\"modelName\":"));
	json_add_str(b, p->wanted);
	buf_add(b, STR(",\"model\":"));
	json_add_str(b, p->call.model);
	buf_add_char(b, '}');
	return true;
}

static bool finish(struct req *r, struct probe *p, const struct err *err, struct resp *out)
{
	if (p->ok)
		p->elapsed_ms = clock_mono_ms() - p->began_ms;
	else
		p->text = arena_str(r->arena, str_c(err->msg));
	note_time(r, p);
	log_outcome(r, p);
	log_info(&r->log, "probe.done", LOG_INT("channel", p->channel.row.id),
	    LOG_STR("model", p->call.model), LOG_INT("ok", p->ok), LOG_INT("ms", p->elapsed_ms));
	return send(p, out);
}

/* ---- the call -------------------------------------------------------------------------------- */

static void free_arena(void *arena)
{
	arena_free(arena);
}

static bool proceed(struct req *r, struct resp *out, struct err *err);

/* On a worker: the second half of the request. */
static void resume(struct task *task, void *room)
{
	struct req *r = CONTAINER_OF(task, struct req, task);

	server_finish(r, proceed, worker_local(room));
}

/* On the wire: keep the answer, give the request to a worker. */
static void answered(void *arg, struct upstream_reply *reply)
{
	struct req *r = arg;

	probe_of(r)->reply = *reply;
	arena_defer(r->arena, free_arena, reply->arena);
	r->task.run = resume;
	server_defer(r->server, &r->task);
}

/* Builds call p->call.step and gives it to the wire: from then on nobody here touches r. */
static bool start_step(struct req *r, struct probe *p, struct err *err)
{
	int64_t left = p->began_ms + PROBE_TIMEOUT_MS - clock_mono_ms();
	struct upstream_limits *limits = &p->upstream.limits;

	if (left <= 0)
		return err_set(err, ERR_UPSTREAM_TIMEOUT, "no answer within %d s",
		    PROBE_TIMEOUT_MS / 1000);
	upstream_req_init(&p->upstream, r->arena);
	if (!p->call.provider->adaptor->encode(&p->call, &p->upstream, err)) {
		upstream_req_release(&p->upstream);
		return false;
	}
	limits->total_ms = (int)left;
	limits->first_byte_ms = (int)left;
	limits->idle_ms = (int)left;
	req_defer(r);
	upstream_fetch(reply_wire(r), arena_new(4096), &p->upstream, PROBE_BODY_MAX, answered, r);
	return true;
}

/* What the answer means: success, failure, or one more call (*again). */
static bool judge_step(struct req *r, struct probe *p, bool *again, struct err *err)
{
	struct buf body = buf_init(PROBE_BODY_MAX);
	enum step step;
	bool ok = false;

	if (!p->reply.result.ok) {
		*err = p->reply.result.err;
		return false;
	}
	if (p->reply.status < 200 || p->reply.status > 299)
		return upstream_refused(r, p, err);
	step = p->call.provider->adaptor->decode(&p->call, p->reply.body, &body, err);
	*again = step == STEP_NEXT;
	if (step == STEP_DONE)
		ok = probe_judge(r, arena_str(r->arena, buf_str(&body)), &p->text, err);
	buf_release(&body);
	return ok || *again;
}

static bool proceed(struct req *r, struct resp *out, struct err *err)
{
	struct probe *p = probe_of(r);
	struct err why = { 0 };
	bool again = false;

	p->ok = judge_step(r, p, &again, &why);
	if (p->ok && again) {
		p->ok = false;
		p->call.step++;
		if (start_step(r, p, &why))
			return true;
	}
	return finish(r, p, &why, out);
}

/* ---- the first half -------------------------------------------------------------------------- */

static bool prepare(struct req *r, struct probe *p, struct err *err)
{
	struct channel *row = &p->channel.row;
	struct channel copy;
	struct str model;
	int64_t id;

	if (!body_path_id(r, &id, err) ||
	    !channel_by_id(db_of(r), box_of(r), r->arena, id, row, err))
		return false;
	copy = *row;
	if (!catalog_channel_make(r->arena, &copy, &p->channel, err))
		return message_fail(r, err, MSG_C09);
	if (!p->channel.provider->adaptor)
		return message_fail(r, err, MSG_C03);
	model = probe_model(row->models, p->wanted);
	if (model.n == 0)
		return message_fail(r, err, MSG_C12);
	return ask_read(r->arena, MODE_CHAT,
	    probe_request(r->arena, model, admin_of(r)->test_prompt), STR(""), &p->ask, err);
}

/* The arena may grow but what is in it stays: the call's parts are borrowed until it is over. */
static bool test_one(struct req *r, struct resp *out, struct err *err)
{
	struct probe *p = ARENA_NEW(r->arena, struct probe);
	struct err why = { 0 };

	p->wanted = req_query(r, "model");
	p->began_ms = clock_mono_ms();
	access_actor(r)->job = p;
	if (!prepare(r, p, err))
		return false;

	p->call = (struct call){
		.arena = r->arena,
		.ask = &p->ask,
		.channel = &p->channel,
		.provider = p->channel.provider,
		.model = catalog_map_model(&p->channel, p->ask.model),
	};
	if (start_step(r, p, &why))
		return true;
	return finish(r, p, &why, out);
}

const struct route probe_routes[] = {
	{ "GET", "/api/channel/test/:id", ROLE_ADMIN, ROUTE_CHANGES, test_one, NULL },
	{ 0 },
};
