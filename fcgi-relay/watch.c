#include "watch.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "billing/quota.h"

#include "capture.h"
#include "exchange.h"
#include "spans.h"
#include "watching.h"

#define MICRO 1000000

static const char *const mode_names[MODE_COUNT] = {
	[MODE_CHAT] = "chat",
	[MODE_COMPLETIONS] = "completions",
	[MODE_EMBEDDINGS] = "embeddings",
	[MODE_MODERATIONS] = "moderations",
	[MODE_EDITS] = "edits",
	[MODE_IMAGES] = "images",
	[MODE_IMAGE_EDITS] = "image_edits",
	[MODE_IMAGE_VARIATIONS] = "image_variations",
	[MODE_SPEECH] = "speech",
	[MODE_TRANSCRIPTION] = "transcription",
	[MODE_TRANSLATION] = "translation",
	[MODE_RESPONSES] = "responses",
	[MODE_RESPONSES_COMPACT] = "responses_compact",
	[MODE_RERANK] = "rerank",
	[MODE_RESOURCE] = "resource",
	[MODE_PROXY] = "proxy",
};

/* ---- labels ------------------------------------------------------------------------------------- */

/* Of a number from 1 to 20 digits, written into out. */
static struct str digits(int64_t n, char out[24])
{
	size_t at = 24;

	do {
		out[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	return (struct str){ out + at, 24 - at };
}

/* What a client merely asked for is no label: only what a channel was found for. */
static struct str model_label(const struct exchange *x)
{
	if (!x->channel)
		return STR("none");
	if (x->tried.model.n)
		return x->tried.model;
	return x->ask.model.n ? x->ask.model : STR("none");
}

static struct str channel_label(const struct exchange *x, char out[24])
{
	return x->channel ? digits(x->channel->row.id, out) : STR("none");
}

static struct str status_label(int status)
{
	static const char *const names[] = { "1xx", "2xx", "3xx", "4xx", "5xx" };

	return status >= 100 && status <= 599 ? str_c(names[status / 100 - 1]) : STR("none");
}

/* ---- begin -------------------------------------------------------------------------------------- */

static void left(void *watching)
{
	const struct watching *w = watching;

	metrics_gauge_add(w->metrics, METRIC_IN_FLIGHT, -1);
}

void watch_enter(struct exchange *x)
{
	struct watching *w = x->relay->watching;

	x->watched.sent_ms = x->watched.connect_ms = -1;
	if (!w)
		return;
	metrics_gauge_add(w->metrics, METRIC_IN_FLIGHT, 1);
	arena_defer(x->req->arena, left, w);
	trace_begin(&x->watched.trace, &x->req->headers, w->otlp != NULL, w->sampled_share);
	if (w->otlp && x->watched.trace.sampled)
		x->watched.began_ns = spans_now_ns();
	capture_begin(x);
}

/* ---- attempts ----------------------------------------------------------------------------------- */

void watch_sent(struct exchange *x)
{
	struct watched *w = &x->watched;

	if (w->sent_ms < 0)
		w->sent_ms = clock_mono_ms() - x->req->started_ms;
	if (!*w->trace.id)
		return;
	if (w->began_ns && !*w->attempt) {
		trace_span(w->attempt);
		w->attempt_ns = spans_now_ns();
	}
	trace_pass_on(&w->trace, *w->attempt ? w->attempt : w->trace.span, &x->request.headers);
}

void watch_times(struct exchange *x, const struct upstream_result *result)
{
	x->watched.connect_ms = result->times.connect_ms;
}

void watch_failed(struct exchange *x, const struct err *err)
{
	spans_attempt(x, err);
}

void watch_retry(struct exchange *x, const struct err *err)
{
	char id[24];

	watching_count(x->relay->watching, METRIC_RETRIES,
	    (const struct str[]){ channel_label(x, id), str_c(err_kind_name(err->kind)) }, 1);
}

void watch_breaker_opened(const struct exchange *x)
{
	char id[24];

	watching_count(x->relay->watching, METRIC_BREAKER,
	    (const struct str[]){ channel_label(x, id), model_label(x) }, 1);
}

/* ---- the end ------------------------------------------------------------------------------------ */

static void count_error(const struct watching *w, struct str channel, const struct err *err)
{
	metrics_add(w->metrics, METRIC_ERRORS,
	    (const struct str[]){ channel, str_c(err_kind_name(err->kind)) }, 1);
	if (err->kind == ERR_RATE_LIMIT && err->upstream_status == 0)
		metrics_add(w->metrics, METRIC_LIMITED,
		    (const struct str[]){ str_c(err_code(err)) }, 1);
}

static void count_tokens(const struct watching *w, const struct str *labels, const char *type,
    int64_t n)
{
	if (n > 0)
		metrics_add(w->metrics, METRIC_TOKENS,
		    (const struct str[]){ labels[0], labels[1], str_c(type) }, (uint64_t)n);
}

static void count_end(const struct exchange *x, int status, int64_t quota, const struct err *err)
{
	const struct watching *w = x->relay->watching;
	const struct usage *u = &x->call.usage;
	char id[24];
	const struct str labels[] = { channel_label(x, id), model_label(x),
		str_c(mode_names[x->mode->mode]), status_label(status) };

	metrics_add(w->metrics, METRIC_REQUESTS, labels, 1);
	metrics_observe(w->metrics, METRIC_LATENCY, labels, clock_mono_ms() - x->req->started_ms);
	if (x->ask.stream && x->first_byte_ms >= 0)
		metrics_observe(w->metrics, METRIC_FIRST_TOKEN, labels, x->first_byte_ms);
	if (err)
		count_error(w, labels[0], err);
	if (quota > 0)
		metrics_add(w->metrics, METRIC_QUOTA, labels, (uint64_t)quota);
	if (x->channel) {
		count_tokens(w, labels, "input", u->prompt_tokens);
		count_tokens(w, labels, "cached", u->cached_tokens);
		count_tokens(w, labels, "output", u->completion_tokens);
	}
}

static const char *finish_name(const struct exchange *x, const struct err *err)
{
	if (err && err->kind != ERR_CLIENT_GONE && !x->committed)
		return "refused";
	if (err)
		return "aborted";
	return x->watched.finish == FINISH_ESTIMATED ? "estimated" : "complete";
}

static void log_end(const struct exchange *x, int status, int64_t quota, const struct err *err)
{
	const struct req *r = x->req;
	const struct watched *w = &x->watched;
	const struct usage *u = &x->call.usage;

	log_info(&r->log, "relay.done", LOG_TEXT("mode", mode_names[x->mode->mode]),
	    LOG_STR("model", x->ask.model), LOG_STR("served", x->channel ? x->call.model : STR("")),
	    LOG_INT("status", status), LOG_INT("ms", clock_mono_ms() - r->started_ms),
	    LOG_INT("queue_ms", w->sent_ms), LOG_INT("connect_ms", w->connect_ms),
	    LOG_INT("first_ms", x->first_byte_ms), LOG_INT("attempts", x->attempts),
	    LOG_INT("upstream", x->upstream_status), LOG_INT("token", x->caller->owner.token.id),
	    LOG_INT("in", u->prompt_tokens), LOG_INT("out", u->completion_tokens),
	    LOG_INT("cached", u->cached_tokens), LOG_INT("quota", quota),
	    LOG_TEXT("stream", x->ask.stream ? "true" : "false"),
	    LOG_TEXT("finish", finish_name(x, err)), LOG_TEXT("trace", w->trace.id),
	    LOG_TEXT("error", err ? err_kind_name(err->kind) : ""),
	    LOG_TEXT("detail", err ? (*err->detail ? err->detail : err->msg) : ""));
}

void watch_end(struct exchange *x, int status, int64_t quota, const struct err *err)
{
	x->watched.quota = quota;
	log_end(x, status, quota, err);
	if (!x->relay->watching)
		return;
	count_end(x, status, quota, err);
	spans_attempt(x, err);
	spans_request(x, status, err);
	if (!capture_end(x))
		watching_count(x->relay->watching, METRIC_CAPTURES_DROPPED, NULL, 1);
}

void watch_refused(const struct req *r, const struct err *err)
{
	const struct watching *w = relay_of(r)->watching;
	const struct str labels[] = { STR("none"), STR("none"), STR("none"),
		status_label(err_status(err)) };

	log_info(&r->log, "relay.refused", LOG_STR("path", r->path),
	    LOG_INT("status", err_status(err)), LOG_TEXT("error", err_kind_name(err->kind)),
	    LOG_TEXT("detail", err->detail));
	if (!w)
		return;
	metrics_add(w->metrics, METRIC_REQUESTS, labels, 1);
	count_error(w, labels[0], err);
}

/* ---- what the client is told -------------------------------------------------------------------- */

static bool shows_details(const struct exchange *x)
{
	struct str who = option_text(&x->catalog->options, OPT_REPLY_DETAIL_HEADERS);

	if (!x->channel || str_eq_c(who, "off"))
		return false;
	return str_eq_c(who, "all") || x->caller->owner.role >= ROLE_ADMIN;
}

/* Exact: a unit of quota is two millionths of a dollar. */
static struct str dollars(int64_t quota, char out[32])
{
	int64_t micro = quota * (MICRO / QUOTA_PER_USD);
	int n = snprintf(out, 32, "%" PRId64 ".%06" PRId64, micro / MICRO, micro % MICRO);

	return (struct str){ out, (size_t)n };
}

void watch_headers(const struct exchange *x, int64_t quota, struct headers *headers)
{
	char id[24], cost[24], usd[32];

	if (!shows_details(x))
		return;
	headers_add(headers, STR("X-Oneapi-Channel"), channel_label(x, id));
	headers_add(headers, STR("X-Oneapi-Model"), x->call.model);
	if (quota < 0)
		return;
	headers_add(headers, STR("X-Oneapi-Cost"), digits(quota, cost));
	headers_add(headers, STR("X-Oneapi-Cost-Usd"), dollars(quota, usd));
}

void watch_trailer(const struct exchange *x, int64_t quota, struct buf *out)
{
	char usd[32];

	if (!str_eq_c(req_header(x->req, "x-oneapi-cost"), "trailer") || !shows_details(x))
		return;
	buf_addf(out, ": cost %" PRId64 " usd %.*s\n\n", quota, STR_ARG(dollars(quota, usd)));
}
