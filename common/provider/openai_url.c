/* openai_url.c — where a task of OpenAI's API is found at each kind of provider
 *
 * A task is what follows /v1/ in the client's path. openai-and-azure.md section 2, relay.md
 * section 7, openai-compatible-*.md.
 */
#include "provider/openai.h"

#include <string.h>

#include "net/http.h"
#include "provider/catalog.h"
#include "provider/providers.h"

/* A deployment's path needs a version; this one is generally available. */
#define AZURE_VERSION "2024-10-21"

static const struct str gateway_base = STR_INIT("https://gateway.ai.cloudflare.com");

/* /v1/engines/…/embeddings has become plain embeddings. */
static struct str task_of(const struct call *c)
{
	static const struct str tasks[MODE_COUNT] = {
		[MODE_CHAT] = STR_INIT("chat/completions"),
		[MODE_COMPLETIONS] = STR_INIT("completions"),
		[MODE_EMBEDDINGS] = STR_INIT("embeddings"),
		[MODE_MODERATIONS] = STR_INIT("moderations"),
		[MODE_EDITS] = STR_INIT("edits"),
		[MODE_IMAGES] = STR_INIT("images/generations"),
		[MODE_IMAGE_EDITS] = STR_INIT("images/edits"),
		[MODE_IMAGE_VARIATIONS] = STR_INIT("images/variations"),
		[MODE_SPEECH] = STR_INIT("audio/speech"),
		[MODE_TRANSCRIPTION] = STR_INIT("audio/transcriptions"),
		[MODE_TRANSLATION] = STR_INIT("audio/translations"),
		[MODE_RESPONSES] = STR_INIT("responses"),
		[MODE_RESPONSES_COMPACT] = STR_INIT("responses/compact"),
		[MODE_RERANK] = STR_INIT("rerank"),
	};

	if (c->ask->mode == MODE_RESOURCE)
		return str_slice(c->ask->path, strlen("/v1/"), c->ask->path.n);
	return tasks[c->ask->mode];
}

static struct str base_of(const struct call *c)
{
	return str_without_slashes(c->channel->base_url);
}

static bool has_path(struct str base)
{
	size_t scheme = str_find_str(base, STR("://"));
	size_t from = scheme < base.n ? scheme + 3 : 0;
	struct str rest = str_slice(base, from, base.n);

	return str_find(rest, '/') < rest.n;
}

/* base + middle + task */
static void put_url(struct buf *url, struct str base, const char *middle, struct str task)
{
	buf_add(url, base);
	buf_add_c(url, middle);
	buf_add(url, task);
}

/* A base that already ends in its version gets no second one. */
static void url_default(const struct call *c, struct buf *url)
{
	struct str base = base_of(c);
	bool versioned = str_ends(base, STR("/v1")) || str_starts(base, gateway_base);

	put_url(url, base, versioned ? "/" : "/v1/", task_of(c));
}

/* A base without any path is one where the operator left the version out. */
static void url_without_v1(const struct call *c, struct buf *url)
{
	struct str base = base_of(c);

	put_url(url, base, has_path(base) ? "/" : "/v1/", task_of(c));
}

static void url_novita(const struct call *c, struct buf *url)
{
	struct str base = base_of(c);
	bool current = str_ends(base, STR("/openai")) && !str_ends(base, STR("/v3/openai"));

	put_url(url, base, current ? "/v1/" : "/", task_of(c));
}

/* Completions fill in the middle, which is on trial; a base may name that version. */
static void url_deepseek(const struct call *c, struct buf *url)
{
	struct str base = base_of(c);
	bool on_trial = str_ends(base, STR("/beta"));

	if (on_trial)
		put_url(url, base, "/", task_of(c));
	else if (c->ask->mode == MODE_COMPLETIONS && str_eq_c(base, c->provider->base_url))
		put_url(url, base, "/beta/", task_of(c));
	else
		url_default(c, url);
}

static void url_minimax(const struct call *c, struct buf *url)
{
	put_url(url, base_of(c), "/v1/text/", STR("chatcompletion_v2"));
}

/* Names of bots have a path of their own; a base may already end in the version. */
static void url_doubao(const struct call *c, struct buf *url)
{
	struct str base = base_of(c);
	bool bot = c->ask->mode == MODE_CHAT && str_starts(c->model, STR("bot"));

	buf_add(url, base);
	buf_add_c(url, str_ends(base, STR("/v3")) ? "/" : "/api/v3/");
	if (bot)
		buf_add(url, STR("bots/"));
	buf_add(url, task_of(c));
}

static void url_baidu_v2(const struct call *c, struct buf *url)
{
	put_url(url, base_of(c), "/v2/", task_of(c));
}

static void url_bailian(const struct call *c, struct buf *url)
{
	struct str base = base_of(c);
	bool versioned = str_ends(base, STR("/compatible-mode/v1"));

	put_url(url, base, versioned ? "/" : "/compatible-mode/v1/", task_of(c));
}

/* Two models are served by the newer version only, at the provider's own host. */
static void url_xunfei(const struct call *c, struct buf *url)
{
	struct str base = base_of(c);
	bool newer = str_eq_c(c->model, "spark-x") || str_eq_c(c->model, "x1");

	if (str_ends(base, STR("/v1")) || str_ends(base, STR("/v2")))
		put_url(url, base, "/", task_of(c));
	else if (newer && str_eq_c(base, c->provider->base_url))
		put_url(url, base, "/v2/", task_of(c));
	else
		url_default(c, url);
}

/* ---- Azure ------------------------------------------------------------------------------- */

static bool is_v1_version(struct str version)
{
	return version.n == 0 || str_eq_c(version, "v1") || str_eq_c(version, "preview");
}

/* The newer surface, where the deployment is the body's model. */
static bool is_azure_v1(const struct call *c)
{
	struct str style = c->channel->azure_style;

	return style.n ? str_eq_c(style, "v1") : is_v1_version(c->channel->api_version);
}

static struct str azure_version(const struct call *c)
{
	struct str version = c->channel->api_version;

	if (is_azure_v1(c))
		return is_v1_version(version) ? version : STR("");
	return is_v1_version(version) ? STR(AZURE_VERSION) : version;
}

/* What belongs to the account and not to a deployment. */
static bool is_azure_account(enum mode mode)
{
	return mode == MODE_RESPONSES || mode == MODE_RESPONSES_COMPACT || mode == MODE_RESOURCE;
}

/* Azure's portal refused dots when gpt-3.5 was new, and only then. */
static void add_deployment(struct buf *url, struct str model)
{
	bool dotless = str_starts(model, STR("gpt-3.5"));
	struct str piece;

	if (!dotless) {
		url_encode(url, model);
		return;
	}
	while (str_next(&model, '.', &piece))
		url_encode(url, piece);
}

static void url_azure(const struct call *c, struct buf *url)
{
	struct str base = base_of(c);

	if (is_azure_v1(c)) {
		put_url(url, base, str_ends(base, STR("/openai/v1")) ? "/" : "/openai/v1/",
		    task_of(c));
		return;
	}
	if (is_azure_account(c->ask->mode)) {
		put_url(url, base, "/openai/", task_of(c));
		return;
	}
	buf_add(url, base);
	buf_add_c(url, str_starts(base, gateway_base) ? "/" : "/openai/deployments/");
	add_deployment(url, c->model);
	buf_add_char(url, '/');
	buf_add(url, task_of(c));
}

/* ---- the whole --------------------------------------------------------------------------- */

static void (*const url_rules[])(const struct call *, struct buf *) = {
	[URL_DEFAULT] = url_default,
	[URL_WITHOUT_V1] = url_without_v1,
	[URL_AZURE] = url_azure,
	[URL_MINIMAX] = url_minimax,
	[URL_DOUBAO] = url_doubao,
	[URL_NOVITA] = url_novita,
	[URL_BAIDU_V2] = url_baidu_v2,
	[URL_BAILIAN] = url_bailian,
	[URL_XUNFEI] = url_xunfei,
	[URL_DEEPSEEK] = url_deepseek,
	[URL_ADAPTOR] = url_default,
};

/* The client's parameters, but never its api-version where the channel decides that. */
static void add_query(const struct call *c, struct buf *url)
{
	bool azure = c->provider->url_rule == URL_AZURE;
	struct str rest = c->query, item, version;
	char separator = '?';

	while (str_next(&rest, '&', &item)) {
		if (item.n == 0 || (azure && str_starts(item, STR("api-version="))))
			continue;
		buf_add_char(url, separator);
		buf_add(url, item);
		separator = '&';
	}
	if (!azure)
		return;
	version = azure_version(c);
	if (version.n) {
		buf_add_char(url, separator);
		buf_add(url, STR("api-version="));
		url_encode(url, version);
	}
}

/* A resource's path is the client's own. It may name what it likes below /v1/, but neither leave it
 * nor change what the rest of the URL means. */
static bool check_path(const struct call *c, struct err *err)
{
	struct str path = c->ask->path;

	if (c->ask->mode != MODE_RESOURCE)
		return true;
	if (!str_starts(path, STR("/v1/")) || !adaptor_path_ok(path))
		return err_set(err, ERR_BAD_REQUEST, "the path is not valid");
	return true;
}

bool openai_url(const struct call *c, struct buf *url, struct err *err)
{
	if (!check_path(c, err))
		return false;
	url_rules[c->provider->url_rule](c, url);
	add_query(c, url);
	return true;
}
