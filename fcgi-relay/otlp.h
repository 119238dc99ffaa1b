/* otlp.h — spans for a collector: OTLP over HTTP, as JSON
 *
 * DESIGN. One thread per process. otlp_send writes the span's JSON and puts it into a bounded queue;
 * a full queue drops it and counts, so that nobody ever waits for a collector. The thread gathers
 * spans for a second, or a batch full, and posts them; what the collector cannot take now (429, 502,
 * 503, 504, no connection) is tried again with growing pauses for OTLP_RETRY_MS, and then dropped.
 * What it refuses otherwise is dropped at once. At the end what waits is sent within
 * OTLP_FLUSH_MS.
 *
 * Units    times in nanoseconds since 1970.
 * Errors   ERR_CONFIG for an endpoint or headers that are none; later ones are log lines, at most
 *          one a minute.
 * Threads  otlp_send and otlp_counts from anywhere.
 */
#ifndef FCGI_RELAY_OTLP_H
#define FCGI_RELAY_OTLP_H

#include "base/str.h"

#define OTLP_QUEUE_MAX 4096
#define OTLP_BATCH_MAX 512
#define OTLP_GATHER_MS 1000
#define OTLP_RETRY_MS 30000
#define OTLP_FLUSH_MS 1500

struct err;
struct otlp;

struct otlp_setup {
	const char *endpoint; /* http://HOST:PORT, to which /v1/traces is added */
	const char *headers;  /* "name=value,name=value", values percent-encoded */
	const char *service;  /* service.name */
	const char *version;  /* service.version */
	const char *node;     /* service.instance.id */
	const char *ca_file;  /* "": the system's */
};

/* After curl_global_init. Returns owned. */
MUST_USE bool otlp_start(const struct otlp_setup *setup, struct otlp **out, struct err *err);
/* After the last otlp_send. NULL is allowed. */
void otlp_stop(struct otlp *o);

/* One with key NULL ends a list; text NULL: a number. An empty text is left out. */
struct otlp_attr {
	const char *key;
	const char *text;
	int64_t n; /* of bytes, when there is a text */
};
#define OTLP_TEXT(key, s) ((struct otlp_attr){ (key), (s).p ? (s).p : "", (int64_t)(s).n })
#define OTLP_INT(key, n) ((struct otlp_attr){ (key), NULL, (int64_t)(n) })

enum otlp_kind { OTLP_SERVER = 2, OTLP_CLIENT = 3 };

struct otlp_span {
	const char *trace, *span, *parent; /* hex; parent "": it begins the trace */
	struct str state;                  /* tracestate */
	struct str name;
	enum otlp_kind kind;
	int64_t start_ns, end_ns;
	bool failed;
	struct str message; /* of a failure; never what a client or a model wrote */
	const struct otlp_attr *attrs;
};

void otlp_send(struct otlp *o, const struct otlp_span *span);

struct otlp_counts {
	uint64_t sent, dropped; /* spans */
};
struct otlp_counts otlp_counts(const struct otlp *o);

#endif
