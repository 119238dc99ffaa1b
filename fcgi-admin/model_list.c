/* model_list.c — POST /api/channel/fetch_models: which models an upstream says it has
 *
 * Body {id} or {type, base_url, key}: a channel, saved or not, as in a test of an unsaved one. data is
 * an array of names, sorted, each once. For providers that answer GET /v1/models as OpenAI does.
 */
#include <stdlib.h>

#include "access.h"
#include "admin.h"
#include "base/json.h"
#include "channel_body.h"
#include "errand.h"
#include "message.h"
#include "reply.h"
#include "routes.h"

#define TIMEOUT_MS (30 * 1000)
#define BODY_BYTES ((size_t)8 * 1024 * 1024)
#define NAMES_MAX 5000

struct model_list {
	struct ask ask;
	struct call call;
	size_t count;
	struct str *names;
};

static bool prepare(struct errand *e, struct err *err)
{
	struct model_list *m = e->own;
	const struct provider *p = e->channel.provider;

	if (!p->adaptor || p->adaptor == &proxy_adaptor || e->channel.base_url.n == 0)
		return message_fail(e->r, err, MSG_C03);
	m->ask =
	    (struct ask){ .mode = MODE_RESOURCE, .method = STR("GET"), .path = STR("/v1/models") };
	m->call = (struct call){
		.arena = e->r->arena,
		.ask = &m->ask,
		.channel = &e->channel,
		.key = e->key->text,
		.provider = p,
	};
	return true;
}

/* The openai dialect knows where each of its providers keeps its API; the others that have such a
 * list have it at OpenAI's path. */
static bool encode(struct errand *e, struct err *err)
{
	struct model_list *m = e->own;
	struct upstream_req *u = &e->upstream;

	if (e->channel.provider->adaptor == &openai_adaptor)
		return openai_adaptor.encode(&m->call, u, err);
	u->method = "GET";
	buf_add(&u->url, e->channel.base_url);
	buf_add(&u->url, STR("/v1/models"));
	if (e->key->text.n)
		headers_add_c(&u->headers, "Authorization",
		    arena_fmt(e->r->arena, "Bearer %.*s", STR_ARG(e->key->text)));
	return true;
}

static bool refused(struct errand *e, struct err *err)
{
	struct model_list *m = e->own;
	const char *status = arena_fmt(e->r->arena, "%d", e->reply.status);
	struct err said = { 0 };

	e->channel.provider->adaptor->error(&m->call, e->reply.status, e->reply.body, &said);
	return message_fail_about(e->r, err, MSG_C05, str_c(status), str_c(said.msg));
}

static int by_name(const void *a, const void *b)
{
	const struct str *x = a, *y = b;

	return str_cmp(*x, *y);
}

static void keep_each_once(struct model_list *m)
{
	size_t n = 0;

	qsort(m->names, m->count, sizeof *m->names, by_name);
	for (size_t i = 0; i < m->count; i++) {
		if (n == 0 || !str_eq(m->names[n - 1], m->names[i]))
			m->names[n++] = m->names[i];
	}
	m->count = n;
}

static enum step read_answer(struct errand *e, struct err *err)
{
	struct model_list *m = e->own;
	struct err ignored = { 0 };
	const cJSON *item, *data;
	cJSON *tree;

	if (!json_parse(e->r->arena, e->reply.body, &tree, &ignored) ||
	    !cJSON_IsArray(data = json_at(tree, "data"))) {
		(void)message_fail(e->r, err, MSG_C14);
		return STEP_FAILED;
	}
	m->names = arena_alloc(e->r->arena, NAMES_MAX * sizeof *m->names);
	cJSON_ArrayForEach(item, data)
	{
		struct str name = json_str_at(item, "id");

		if (name.n && name.n <= MODEL_NAME_MAX && m->count < NAMES_MAX)
			m->names[m->count++] = name;
	}
	keep_each_once(m);
	return STEP_DONE;
}

static void note(struct errand *e)
{
	log_info(&e->r->log, "models.fetched", LOG_INT("type", e->channel.row.type),
	    LOG_INT("ok", e->ok));
}

static bool send(struct errand *e, struct resp *out)
{
	const struct model_list *m = e->own;

	if (e->ok)
		return reply_names(out, m->names, m->count);
	reply_json(out, 200);
	headers_add_c(&out->headers, "Cache-Control", "no-store");
	buf_add(&out->body, STR("{\"success\":false,\"message\":"));
	json_add_str(&out->body, e->text);
	buf_add_char(&out->body, '}');
	return true;
}

static const struct errand_kind model_list_kind = {
	.name = "models",
	.timeout_ms = TIMEOUT_MS,
	.body_max = BODY_BYTES,
	.prepare = prepare,
	.encode = encode,
	.refused = refused,
	.read = read_answer,
	.note = note,
	.send = send,
};

static bool fetch(struct req *r, struct resp *out, struct err *err)
{
	struct errand *e = errand_new(r, &model_list_kind);
	struct channel row = { 0 };

	e->own = ARENA_NEW(r->arena, struct model_list);
	return channel_body_read_draft(r, &row, err) && errand_use(e, &row, err) &&
	    errand_serve(e, out, err);
}

const struct route model_list_routes[] = {
	{ "POST", "/api/channel/fetch_models", ROLE_ADMIN, ROUTE_LARGE, fetch, NULL },
	{ 0 },
};
