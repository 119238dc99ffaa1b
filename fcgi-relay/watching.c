#include "watching.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mapping.h"
#include "base/mem.h"
#include "net/server.h"
#include "net/spool.h"

#include "capture.h"
#include "metrics_port.h"
#include "otlp.h"
#include "relay.h"

#define TICK_MS 2000
#define TIDY_MS 60000

/* clang-format off */
#define BY_CHANNEL_AND_MODEL .labels = { "channel", "model" }, .open = 3
#define LATENCY_BOUNDS { 50, 100, 250, 500, 1000, 2500, 5000, 10000, 20000, 30000, 60000, 120000, 300000 }

const struct metric_family watch_families[METRIC_FAMILY_COUNT] = {
	[METRIC_REQUESTS] = { "oneapi_requests_total", "Requests that were answered.", METRIC_COUNTER,
	    .labels = { "channel", "model", "mode", "status" }, .open = 3, .most = 1024 },
	[METRIC_ERRORS] = { "oneapi_errors_total", "Requests that ended in an error, by its kind.",
	    METRIC_COUNTER, .labels = { "channel", "kind" }, .open = 1, .most = 512 },
	[METRIC_LATENCY] = { "oneapi_request_duration_seconds", "From the whole request to the end of its reply.",
	    METRIC_HISTOGRAM, BY_CHANNEL_AND_MODEL, .most = 400, .scale = 1000, .bounds = LATENCY_BOUNDS },
	[METRIC_FIRST_TOKEN] = { "oneapi_first_token_seconds", "From the whole request to the first byte of a stream.",
	    METRIC_HISTOGRAM, BY_CHANNEL_AND_MODEL, .most = 400, .scale = 1000, .bounds = LATENCY_BOUNDS },
	[METRIC_TOKENS] = { "oneapi_tokens_total", "Tokens of requests that were charged; cached ones are input too.",
	    METRIC_COUNTER, .labels = { "channel", "model", "type" }, .open = 3, .most = 1024 },
	[METRIC_QUOTA] = { "oneapi_quota_total", "Quota charged; 500000 make a US dollar.",
	    METRIC_COUNTER, BY_CHANNEL_AND_MODEL, .most = 512 },
	[METRIC_RETRIES] = { "oneapi_retries_total", "Attempts that failed and were followed by another, by the kind of failure.",
	    METRIC_COUNTER, .labels = { "channel", "kind" }, .open = 1, .most = 512 },
	[METRIC_BREAKER] = { "oneapi_breaker_opened_total", "How often a circuit breaker opened.",
	    METRIC_COUNTER, BY_CHANNEL_AND_MODEL, .most = 256 },
	[METRIC_LIMITED] = { "oneapi_limit_refusals_total", "Requests refused by limits and budgets of ours.",
	    METRIC_COUNTER, .labels = { "code" } },
	[METRIC_IN_FLIGHT] = { "oneapi_requests_in_flight", "Requests that are under way.", METRIC_GAUGE, .scale = 1 },
	[METRIC_PROCESSES] = { "oneapi_processes", "Processes that these numbers come from.", METRIC_GAUGE, .scale = 1 },
	[METRIC_WORKER_QUEUE] = { "oneapi_worker_queue_length", "Tasks that wait for a worker.", METRIC_GAUGE, .scale = 1 },
	[METRIC_LEDGER_GROUP] = { "oneapi_ledger_group_size", "Operations that shared a commit.",
	    METRIC_HISTOGRAM, .bounds = { 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024 } },
	[METRIC_LEDGER_TIME] = { "oneapi_ledger_commit_seconds", "Time of a transaction of the ledger.",
	    METRIC_HISTOGRAM, .scale = 1000000,
	    .bounds = { 100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 1000000, 5000000 } },
	[METRIC_UPLOADS] = { "oneapi_uploads_spooled_total", "Bodies that were kept in a file.", METRIC_COUNTER, .scale = 1 },
	[METRIC_CAPTURES_DROPPED] = { "oneapi_captures_dropped_total", "Bodies that were to be kept and were not.", METRIC_COUNTER, .scale = 1 },
	[METRIC_SPANS] = { "oneapi_spans_total", "Spans for the collector, by what became of them.",
	    METRIC_COUNTER, .labels = { "outcome" } },
};
/* clang-format on */

/* ---- now and then ------------------------------------------------------------------------------- */

static void count_since(const struct watching *w, enum watch_metric m, const struct str *labels,
    uint64_t now, uint64_t *seen)
{
	if (now > *seen)
		metrics_add(w->metrics, m, labels, now - *seen);
	*seen = now;
}

static void count_spans(struct watching *w)
{
	struct otlp_counts spans = otlp_counts(w->otlp);

	count_since(w, METRIC_SPANS, (const struct str[]){ STR("sent") }, spans.sent,
	    &w->spans_sent);
	count_since(w, METRIC_SPANS, (const struct str[]){ STR("dropped") }, spans.dropped,
	    &w->spans_dropped);
}

static void tick(struct watching *w)
{
	int64_t now_ms = clock_mono_ms();

	mapping_reap(w->relay->shared);
	metrics_gauge_set(w->metrics, METRIC_WORKER_QUEUE, (int64_t)server_waiting(w->server));
	count_since(w, METRIC_UPLOADS, NULL, spool_count(), &w->uploads_seen);
	if (w->otlp)
		count_spans(w);
	if (now_ms < w->tidy_due_ms)
		return;
	w->tidy_due_ms = now_ms + TIDY_MS;
	capture_tidy(w->relay);
}

static void *run(void *arg)
{
	struct watching *w = arg;
	struct pollfd fds[] = { { .fd = w->wake, .events = POLLIN },
		{ .fd = -1, .events = POLLIN } };

	for (;;) {
		tick(w);
		fds[1].fd = metrics_port_fd(w->port);
		if (poll(fds, COUNT_OF(fds), TICK_MS) < 0 && errno != EINTR)
			break;
		if (fds[0].revents)
			break;
		if (fds[1].revents)
			metrics_port_serve(w->port);
	}
	return NULL;
}

/* On the ledger's thread. */
static void on_commit(void *arg, size_t operations, int64_t us)
{
	const struct watching *w = arg;

	metrics_observe(w->metrics, METRIC_LEDGER_GROUP, NULL, (int64_t)operations);
	metrics_observe(w->metrics, METRIC_LEDGER_TIME, NULL, us);
}

/* ---- begin and end ------------------------------------------------------------------------------ */

static bool open_otlp(struct watching *w, struct err *err)
{
	const struct conf *conf = w->relay->rt.conf;
	const struct otlp_setup setup = {
		.endpoint = conf_text(conf, "OTEL_EXPORTER_OTLP_ENDPOINT"),
		.headers = conf_text(conf, "OTEL_EXPORTER_OTLP_HEADERS"),
		.service = conf_text(conf, "OTEL_SERVICE_NAME"),
		.version = runtime_version(),
		.node = w->relay->rt.node,
		.ca_file = conf_text(conf, "CA_FILE"),
	};

	w->sampled_share = conf_double(conf, "OTEL_TRACES_SAMPLER_ARG");
	return !*setup.endpoint || otlp_start(&setup, &w->otlp, err);
}

static bool open_port(struct watching *w, struct err *err)
{
	const struct conf *conf = w->relay->rt.conf;
	const char *where = conf_text(conf, "METRICS_LISTEN");

	w->token = str_c(conf_text(conf, "METRICS_TOKEN"));
	w->allowed = str_c(conf_text(conf, "METRICS_ALLOW"));
	if (w->token.n > 0 && w->token.n < 16)
		return err_set(err, ERR_CONFIG, "METRICS_TOKEN must have at least 16 characters");
	return !*where || metrics_port_open(w, where, &w->port, err);
}

bool watching_open(struct relay *relay, struct err *err)
{
	struct watching *w = MEM_NEW(struct watching);
	const struct conf *conf = relay->rt.conf;

	relay->watching = w;
	w->relay = relay;
	w->wake = -1;
	w->metrics = metrics_open(relay->shared, watch_families, METRIC_FAMILY_COUNT);
	w->capture_max_bytes = (size_t)conf_int(conf, "CAPTURE_MAX_BYTES");
	w->capture_days = conf_int(conf, "CAPTURE_DAYS");
	if (!open_port(w, err) || !open_otlp(w, err))
		return false;
	ledger_watch(relay->ledger, on_commit, w);
	return true;
}

bool watching_start(struct server *s, struct relay *relay, struct err *err)
{
	struct watching *w = relay->watching;

	w->server = s;
	w->wake = eventfd(0, EFD_CLOEXEC);
	if (w->wake < 0 || pthread_create(&w->thread, NULL, run, w) != 0)
		return err_set(err, ERR_CONFIG, "cannot start the thread that watches");
	pthread_setname_np(w->thread, "watch");
	w->runs = true;
	metrics_gauge_set(w->metrics, METRIC_PROCESSES, 1);
	return true;
}

void watching_stop(struct relay *relay)
{
	struct watching *w = relay->watching;

	if (!w || !w->runs)
		return;
	while (eventfd_write(w->wake, 1) != 0 && errno == EINTR)
		;
	pthread_join(w->thread, NULL);
	w->runs = false;
	metrics_gauge_set(w->metrics, METRIC_PROCESSES, 0);
	metrics_gauge_set(w->metrics, METRIC_WORKER_QUEUE, 0);
}

void watching_close(struct relay *relay)
{
	struct watching *w = relay->watching;

	if (!w)
		return;
	metrics_port_close(w->port);
	otlp_stop(w->otlp);
	if (w->wake >= 0)
		close(w->wake);
	metrics_close(w->metrics);
	mem_free(w);
	relay->watching = NULL;
}
