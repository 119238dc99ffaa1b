/* main.c — arguments, configuration, start, stop; no logic */
#include <stdio.h>

#include "base/err.h"
#include "base/mapping.h"

#include "answer.h"
#include "gate.h"
#include "limit_late.h"
#include "limit_remote.h"
#include "limits.h"
#include "pins.h"
#include "relay.h"
#include "routes.h"
#include "settler.h"
#include "watch.h"
#include "watching.h"

/* Longer bodies are scanned and counted on a worker, so that no other stream waits for it. */
#define ON_WIRE_BODY_BYTES (64 * 1024)
#define SECONDS_PER_DAY (24 * 60 * 60)
/* Addresses that ask the billing routes at one time. */
#define DASHBOARD_CELLS 4096

/* clang-format off */
static const struct conf_key keys[] = {
	{ "RELAY_TIMEOUT", CONF_INT, "0", 0, 86400, "whole upstream call at most, s; 0: no limit" },
	{ "UPSTREAM_CONNECT_TIMEOUT", CONF_INT, "10", 1, 300, "DNS, TCP and TLS to an upstream, s" },
	{ "UPSTREAM_FIRST_BYTE_TIMEOUT", CONF_INT, "300", 1, 3600, "from sending to the first byte of the reply, s" },
	{ "UPSTREAM_IDLE_TIMEOUT", CONF_INT, "120", 1, 3600, "between two pieces of a reply, s" },
	{ "MAX_UPLOAD_BYTES", CONF_INT, "134217728", 1024, 1073741824, "largest multipart body: audio, images, files; bytes" },
	{ "USER_CONTENT_REQUEST_TIMEOUT", CONF_INT, "30", 1, 300, "fetching an image that a request names by URL, s" },
	{ "USER_CONTENT_MAX_BYTES", CONF_INT, "20971520", 1024, 134217728, "largest such image, bytes" },
	{ "USER_CONTENT_REQUEST_BYTES", CONF_INT, "67108864", 1024, 1073741824, "all images of one request together, bytes" },
	{ "USER_CONTENT_TOTAL_BYTES", CONF_INT, "536870912", 1024, 1099511627776, "such images that one process holds at a time, bytes; beyond: 503" },
	{ "USER_CONTENT_HTTP", CONF_BOOL, "false", 0, 0, "fetch them by plain http, too" },
	{ "USER_CONTENT_ALLOW", CONF_TEXT, "", 0, 0, "comma list of CIDR that they may come from though these are not public" },
	{ "UPSTREAM_FIRST_TOKEN_TIMEOUT", CONF_INT, "0", 0, 3600, "from sending to the first piece of a stream, s; 0: no limit" },
	{ "STREAM_KEEP_ALIVE", CONF_INT, "15", 1, 3600, "of silence before a stream's client gets a comment, s" },
	{ "ENABLE_METRIC", CONF_BOOL, "false", 0, 0, "disable a channel whose success rate falls too low" },
	{ "METRIC_QUEUE_SIZE", CONF_INT, "10", 1, 56, "requests that this rate is taken over" },
	{ "METRIC_SUCCESS_RATE_THRESHOLD", CONF_DOUBLE, "0.8", 0, 1, "lowest success rate" },
	{ "RESERVATION_LEASE", CONF_INT, "90", 3, 3600, "quota held by a process that died is settled or given back after so long, s" },
	{ "RESOURCE_LIFE", CONF_INT, "30", 1, 3650, "files, stored responses and the like stay reachable for so long after they were last used, days" },
	{ "RESOURCE_LOOK", CONF_INT, "60", 1, 3600, "a batch, a run or training that goes on is looked at after so long, then more and more seldom, to charge what it used; s" },
	{ "GLOBAL_API_RATE_LIMIT", CONF_INT, "480", 0, 1000000000, "requests to the billing routes per client address and 180 s; 0: no limit" },
	{ "METRICS_LISTEN", CONF_TEXT, "", 0, 0, "address or path that answers GET /metrics over plain HTTP: HOST:PORT or /PATH; empty: none" },
	{ "METRICS_ALLOW", CONF_TEXT, "", 0, 0, "comma list of addresses or CIDR that may read /metrics, also through the web server" },
	{ "METRICS_TOKEN", CONF_TEXT, "", 0, 0, "bearer token with which anybody may read /metrics, at least 16 characters" },
	{ "OTEL_EXPORTER_OTLP_ENDPOINT", CONF_TEXT, "", 0, 0, "collector that gets spans as OTLP/HTTP JSON, http://HOST:4318; empty: none" },
	{ "OTEL_EXPORTER_OTLP_HEADERS", CONF_TEXT, "", 0, 0, "headers for it, name=value,name=value, values percent-encoded" },
	{ "OTEL_SERVICE_NAME", CONF_TEXT, "oneapi-fcgi", 0, 0, "service.name of these spans" },
	{ "OTEL_TRACES_SAMPLER_ARG", CONF_DOUBLE, "1", 0, 1, "share of the traces that begin here which is exported; callers decide about theirs" },
	{ "CAPTURE_MAX_BYTES", CONF_INT, "65536", 1024, 1048576, "of a request's and of a reply's body that is kept for a key which asks for it, bytes" },
	{ "CAPTURE_DAYS", CONF_INT, "3", 1, 365, "how long such bodies are kept, days" },
	{ "SHARED_FILE", CONF_TEXT, "", 0, 0, "memory shared with the other processes of this machine; empty: DATA_DIR/oneapi.shared; off: nothing is shared" },
	{ 0 },
};
/* clang-format on */

static bool admit(struct req *r, struct resp *out, struct err *err)
{
	struct caller *who;

	if (r->route->access == ACCESS_NONE)
		return true;
	who = ARENA_NEW(r->arena, struct caller);
	r->state = who;
	return gate_check(r, who, err);
}

/* A request that never became an exchange. */
static void refuse(const struct req *r, const struct err *err, struct resp *out)
{
	answer_error(r, err, out);
	watch_refused(r, err);
}

/* settings are const for handlers; what watches belongs to us. */
static struct relay *own(const void *settings)
{
	return (struct relay *)(uintptr_t)settings;
}

static bool started(struct server *s, const void *settings, struct err *err)
{
	return settler_start(own(settings), err) && watching_start(s, own(settings), err);
}

static void stopping(struct server *s, const void *settings)
{
	settler_stop(own(settings));
	watching_stop(own(settings));
}

static bool open_local(const void *settings, void **local, struct err *err)
{
	const struct relay *relay = settings;
	struct db *db;

	if (!runtime_db(&relay->rt, &db, err))
		return false;
	*local = db;
	return true;
}

static void close_local(void *local)
{
	db_close(local);
}

static void print_route(const struct route *row, void *arg)
{
	printf("%-7s %s\n", row->method, row->path);
}

static int seconds(const struct relay *relay, const char *name)
{
	return (int)conf_int(relay->rt.conf, name) * 1000;
}

static bool start_ledger(struct relay *relay, struct err *err)
{
	int lease_s = (int)conf_int(relay->rt.conf, "RESERVATION_LEASE");
	struct db *db;

	relay->first_token_ms = seconds(relay, "UPSTREAM_FIRST_TOKEN_TIMEOUT");
	relay->keep_alive_ms = seconds(relay, "STREAM_KEEP_ALIVE");
	relay->pulse_ms = lease_s * 1000 / 3;
	if (relay->pulse_ms > PULSE_MAX_MS)
		relay->pulse_ms = PULSE_MAX_MS;
	if (relay->pulse_ms > relay->keep_alive_ms)
		relay->pulse_ms = relay->keep_alive_ms;
	relay->media = (struct fetch_rules){
		.max_bytes = (size_t)conf_int(relay->rt.conf, "USER_CONTENT_MAX_BYTES"),
		.max_request_bytes = (size_t)conf_int(relay->rt.conf, "USER_CONTENT_REQUEST_BYTES"),
		.timeout_ms = seconds(relay, "USER_CONTENT_REQUEST_TIMEOUT"),
		.allow_http = conf_bool(relay->rt.conf, "USER_CONTENT_HTTP"),
		.allowed = str_c(conf_text(relay->rt.conf, "USER_CONTENT_ALLOW")),
	};
	relay->media_room.max_bytes = (size_t)conf_int(relay->rt.conf, "USER_CONTENT_TOTAL_BYTES");
	relay->limits = upstream_default_limits;
	relay->limits.total_ms = seconds(relay, "RELAY_TIMEOUT");
	relay->limits.connect_ms = seconds(relay, "UPSTREAM_CONNECT_TIMEOUT");
	relay->limits.first_byte_ms = seconds(relay, "UPSTREAM_FIRST_BYTE_TIMEOUT");
	relay->limits.idle_ms = seconds(relay, "UPSTREAM_IDLE_TIMEOUT");
	if (!runtime_db(&relay->rt, &db, err))
		return false;
	relay->ledger = ledger_start(db, relay->rt.node, lease_s, relay->rt.data_dir);
	relay->pins =
	    pins_new(relay->ledger, conf_int(relay->rt.conf, "RESOURCE_LIFE") * SECONDS_PER_DAY);
	settler_open(relay);
	return true;
}

/* Limits and health are counted here, by all processes of the machine together. */
static bool open_shared(struct relay *relay, struct err *err)
{
	const char *set = conf_text(relay->rt.conf, "SHARED_FILE");
	char path[4096];

	if (str_eq_c(str_c(set), "off"))
		return mapping_open("", &relay->shared, err);
	if (*set)
		return mapping_open(set, &relay->shared, err);
	if (snprintf(path, sizeof(path), "%s/oneapi.shared", relay->rt.data_dir) >=
	    (int)sizeof(path))
		return err_set(err, ERR_CONFIG, "DATA_DIR is too long");
	return mapping_open(path, &relay->shared, err);
}

/* What the relays of this machine know of channels. */
static void open_vitals(struct relay *relay)
{
	const struct conf *conf = relay->rt.conf;

	vitals_open(&relay->vitals, relay->shared);
	if (conf_bool(conf, "ENABLE_METRIC"))
		relay->vitals.metric_size = (int)conf_int(conf, "METRIC_QUEUE_SIZE");
	relay->vitals.metric_rate = conf_double(conf, "METRIC_SUCCESS_RATE_THRESHOLD");
}

static int serve(struct relay *relay, const struct route_table *routes)
{
	struct server_config config = {
		.routes = routes,
		.admit = admit,
		.refuse = refuse,
		.local_open = open_local,
		.local_close = close_local,
		.started = started,
		.stopping = stopping,
		.settings = relay,
	};
	struct err err = { 0 };
	int status = 1;

	runtime_server_config(&relay->rt, &config);
	/* A key look-up in a file costs microseconds, a hand-over to a worker and back many. */
	config.on_wire_body_bytes = ON_WIRE_BODY_BYTES;
	relay->max_body_bytes = config.fcgi.max_body_bytes;
	relay->max_upload_bytes = (size_t)conf_int(relay->rt.conf, "MAX_UPLOAD_BYTES");
	config.fcgi.max_upload_bytes = relay->max_upload_bytes;
	if (!runtime_redis(&relay->rt, limit_scripts, &err) || !open_shared(relay, &err) ||
	    !start_ledger(relay, &err)) {
		fprintf(stderr, "fcgi-relay: %s\n", err.msg);
		mapping_close(relay->shared);
		return 1;
	}
	relay->dashboard_limit = conf_int(relay->rt.conf, "GLOBAL_API_RATE_LIMIT");
	relay->dashboard_rates = rate_table_new(DASHBOARD_CELLS);
	open_vitals(relay);
	relay->limiter = limiter_open(relay->shared, relay->rt.redis);
	limit_late_open(relay);
	if (watching_open(relay, &err)) {
		mapping_reap(relay->shared);
		status = server_run(&config);
	} else {
		fprintf(stderr, "fcgi-relay: %s\n", err.msg);
	}
	settler_close(relay);
	ledger_stop(relay->ledger);
	watching_close(relay);
	pins_free(relay->pins);
	rate_table_free(relay->dashboard_rates);
	limiter_close(relay->limiter);
	mapping_close(relay->shared);
	return status;
}

int main(int argc, char **argv)
{
	static struct relay relay;
	struct err err = { 0 };
	struct route_table *routes = routes_table(&err);
	int status = 0;

	if (!routes) {
		fprintf(stderr, "fcgi-relay: %s\n", err.msg);
		return 1;
	}
	if (argc == 2 && str_eq_c(str_c(argv[1]), "routes")) {
		route_each(routes, print_route, NULL);
	} else if (runtime_open(&relay.rt, argc, argv, "fcgi-relay", keys, &status)) {
		status = serve(&relay, routes);
		runtime_close(&relay.rt);
	}
	route_table_free(routes);
	return status;
}
