#include "spans.h"

#include <time.h>

#include "exchange.h"
#include "otlp.h"
#include "watching.h"

#define NS_PER_S INT64_C(1000000000)
/* gen_ai.request.max_tokens, .stream and other things that a client may leave out are left out. */
#define ATTRS_MAX 20

/* gen_ai.operation.name; where no well-known one fits, what it is. */
static const char *const operations[MODE_COUNT] = {
	[MODE_CHAT] = "chat",
	[MODE_COMPLETIONS] = "text_completion",
	[MODE_EMBEDDINGS] = "embeddings",
	[MODE_MODERATIONS] = "moderation",
	[MODE_EDITS] = "text_completion",
	[MODE_IMAGES] = "generate_content",
	[MODE_IMAGE_EDITS] = "generate_content",
	[MODE_IMAGE_VARIATIONS] = "generate_content",
	[MODE_SPEECH] = "generate_content",
	[MODE_TRANSCRIPTION] = "transcription",
	[MODE_TRANSLATION] = "translation",
	[MODE_RESPONSES] = "chat",
	[MODE_RESPONSES_COMPACT] = "chat",
	[MODE_RERANK] = "rerank",
	[MODE_RESOURCE] = "resource",
	[MODE_PROXY] = "proxy",
};

/* Our name of a provider → the well-known value of gen_ai.provider.name; others keep ours. */
static const struct {
	const char *ours, *known;
} provider_names[] = {
	{ "azure", "azure.ai.openai" },
	{ "aws-bedrock", "aws.bedrock" },
	{ "gemini", "gcp.gemini" },
	{ "gemini-openai-compatible", "gcp.gemini" },
	{ "palm", "gcp.gen_ai" },
	{ "vertex-ai", "gcp.vertex_ai" },
	{ "mistral", "mistral_ai" },
	{ "moonshot", "moonshot_ai" },
	{ "xai", "x_ai" },
};

int64_t spans_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

static const char *provider_name(const struct provider *p)
{
	for (size_t i = 0; i < COUNT_OF(provider_names); i++)
		if (str_eq_c(str_c(p->name), provider_names[i].ours))
			return provider_names[i].known;
	return p->name;
}

/* Host and port of a URL; no user, path or query. */
static struct str server_of(struct str url, int64_t *port)
{
	size_t at = str_find_str(url, STR("://"));
	bool plain = str_starts_nocase(url, STR("http://"));
	struct str host;

	if (at < url.n)
		url = str_slice(url, at + 3, url.n);
	host = str_slice(url, 0, str_find(url, '/'));
	at = str_find(host, '@');
	if (at < host.n)
		host = str_slice(host, at + 1, host.n);
	*port = plain ? 80 : 443;
	at = str_find(host, ':');
	/* An IPv6 address keeps its colons, and then its port. */
	if (at < host.n && host.p[0] != '[' &&
	    str_to_int(str_slice(host, at + 1, host.n), 1, 65535, port))
		host = str_slice(host, 0, at);
	return host;
}

/* ---- lists of attributes ------------------------------------------------------------------------ */

struct attrs {
	struct otlp_attr items[ATTRS_MAX + 1]; /* the last is always the end */
	size_t count;
};

static void add(struct attrs *a, struct otlp_attr attr)
{
	if (a->count < ATTRS_MAX)
		a->items[a->count++] = attr;
}

static void add_positive(struct attrs *a, const char *key, int64_t n)
{
	if (n > 0)
		add(a, OTLP_INT(key, n));
}

static void add_model(struct attrs *a, const struct exchange *x)
{
	add(a, OTLP_TEXT("gen_ai.operation.name", str_c(operations[x->mode->mode])));
	if (x->channel)
		add(a,
		    OTLP_TEXT("gen_ai.provider.name", str_c(provider_name(x->channel->provider))));
	add(a, OTLP_TEXT("gen_ai.request.model", x->ask.model));
}

static void add_usage(struct attrs *a, const struct exchange *x)
{
	const struct usage *u = &x->call.usage;

	add_positive(a, "gen_ai.usage.input_tokens", u->prompt_tokens);
	add_positive(a, "gen_ai.usage.output_tokens", u->completion_tokens);
	add_positive(a, "gen_ai.usage.cache_read.input_tokens", u->cached_tokens);
}

static void add_error(struct attrs *a, const struct err *err)
{
	if (err)
		add(a, OTLP_TEXT("error.type", str_c(err_kind_name(err->kind))));
}

/* ---- the two spans ------------------------------------------------------------------------------ */

void spans_attempt(struct exchange *x, const struct err *err)
{
	struct watched *w = &x->watched;
	struct attrs a = { 0 };
	struct str host;
	int64_t port;
	struct buf name = buf_init(512);

	if (!w->began_ns || !*w->attempt)
		return;
	host = server_of(x->channel->base_url, &port);
	add_model(&a, x);
	add(&a, OTLP_TEXT("gen_ai.response.model", x->call.model));
	add(&a, OTLP_TEXT("server.address", host));
	add(&a, OTLP_INT("server.port", port));
	add_positive(&a, "http.response.status_code", x->upstream_status);
	add(&a, OTLP_INT("oneapi.channel.id", x->channel->row.id));
	add(&a, OTLP_INT("oneapi.attempt", x->attempts));
	if (!err || x->committed)
		add_usage(&a, x);
	add_error(&a, err);
	buf_addf(&name, "%s %.*s", operations[x->mode->mode], STR_ARG(x->call.model));
	otlp_send(x->relay->watching->otlp,
	    &(struct otlp_span){
	        .trace = w->trace.id,
	        .span = w->attempt,
	        .parent = w->trace.span,
	        .state = w->trace.state,
	        .name = buf_str(&name),
	        .kind = OTLP_CLIENT,
	        .start_ns = w->attempt_ns,
	        .end_ns = spans_now_ns(),
	        .failed = err != NULL,
	        .message = err ? str_c(err_kind_name(err->kind)) : STR(""),
	        .attrs = a.items,
	    });
	buf_release(&name);
	*w->attempt = '\0';
}

void spans_request(struct exchange *x, int status, const struct err *err)
{
	struct watched *w = &x->watched;
	const struct req *r = x->req;
	struct attrs a = { 0 };
	struct buf name = buf_init(512);

	if (!w->began_ns)
		return;
	add(&a, OTLP_TEXT("http.request.method", r->method));
	add(&a, OTLP_TEXT("http.route", str_c(r->route->path)));
	add(&a, OTLP_INT("http.response.status_code", status));
	add_model(&a, x);
	add_usage(&a, x);
	add(&a, OTLP_TEXT("oneapi.request.id", str_c(r->id)));
	add(&a, OTLP_INT("oneapi.user.id", x->caller->owner.token.user_id));
	add(&a, OTLP_INT("oneapi.token.id", x->caller->owner.token.id));
	add(&a, OTLP_INT("oneapi.attempts", x->attempts));
	add(&a, OTLP_INT("oneapi.quota", w->quota));
	if (x->first_byte_ms >= 0)
		add(&a, OTLP_INT("oneapi.first_byte_ms", x->first_byte_ms));
	add_error(&a, err);
	buf_addf(&name, "%.*s %s", STR_ARG(r->method), r->route->path);
	otlp_send(x->relay->watching->otlp,
	    &(struct otlp_span){
	        .trace = w->trace.id,
	        .span = w->trace.span,
	        .parent = w->trace.parent,
	        .state = w->trace.state,
	        .name = buf_str(&name),
	        .kind = OTLP_SERVER,
	        .start_ns = w->began_ns,
	        .end_ns = spans_now_ns(),
	        /* What a client did wrong is no error of the server's. */
	        .failed = err && status >= 500,
	        .message = err ? str_c(err_kind_name(err->kind)) : STR(""),
	        .attrs = a.items,
	    });
	buf_release(&name);
	w->began_ns = 0;
}
