/* watching.h — what a process keeps for being watched: its metrics, its exporter, one quiet thread
 *
 * The thread looks after what nobody counts as it happens (queues, uploads, old captures) every few
 * seconds and answers on the local listener (metrics_port.h). Which metrics there are stands in
 * watching.c's table and nowhere else.
 *
 * Threads  watching_open before the first thread, watching_close after the last; watching_count and
 *          the like from anywhere.
 */
#ifndef FCGI_RELAY_WATCHING_H
#define FCGI_RELAY_WATCHING_H

#include <pthread.h>

#include "base/metrics.h"

struct err;
struct metrics_port;
struct otlp;
struct relay;
struct server;

enum watch_metric {
	METRIC_REQUESTS,    /* channel, model, mode, status */
	METRIC_ERRORS,      /* channel, kind */
	METRIC_LATENCY,     /* channel, model; ms */
	METRIC_FIRST_TOKEN, /* channel, model; ms */
	METRIC_TOKENS,      /* channel, model, type */
	METRIC_QUOTA,       /* channel, model */
	METRIC_RETRIES,     /* channel, kind */
	METRIC_BREAKER,     /* channel, model: how often it opened */
	METRIC_LIMITED,     /* code */
	METRIC_IN_FLIGHT,
	METRIC_PROCESSES,
	METRIC_WORKER_QUEUE,
	METRIC_LEDGER_GROUP, /* operations */
	METRIC_LEDGER_TIME,  /* µs */
	METRIC_UPLOADS,
	METRIC_CAPTURES_DROPPED,
	METRIC_SPANS, /* outcome */
	METRIC_FAMILY_COUNT
};

extern const struct metric_family watch_families[METRIC_FAMILY_COUNT];

struct watching {
	struct relay *relay;
	struct metrics *metrics;
	struct otlp *otlp;    /* NULL: no spans */
	double sampled_share; /* of traces that begin here */
	size_t capture_max_bytes;
	int64_t capture_days;
	struct str token, allowed; /* who may read /metrics: METRICS_TOKEN, METRICS_ALLOW */

	/* the thread's */
	struct metrics_port *port; /* NULL: no listener */
	struct server *server;
	pthread_t thread;
	bool runs;
	int wake; /* eventfd: stop */
	uint64_t uploads_seen, spans_sent, spans_dropped;
	int64_t tidy_due_ms;
};

/* Fills relay->watching, whose conf, mapping and ledger are open. */
MUST_USE bool watching_open(struct relay *relay, struct err *err);
/* The thread, between server_config's started and stopping. */
MUST_USE bool watching_start(struct server *s, struct relay *relay, struct err *err);
void watching_stop(struct relay *relay);
/* After the ledger, which tells it of its commits; sends the spans that wait. */
void watching_close(struct relay *relay);

/* w NULL: nobody watches, as in tests. */
static inline void watching_count(const struct watching *w, enum watch_metric m,
    const struct str *labels, uint64_t n)
{
	if (w)
		metrics_add(w->metrics, m, labels, n);
}

#endif
