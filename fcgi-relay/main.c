/* main.c — arguments, configuration, start, stop; no logic */
#include <stdio.h>

#include "base/err.h"

#include "answer.h"
#include "gate.h"
#include "relay.h"
#include "routes.h"

/* Longer bodies are scanned and counted on a worker, so that no other stream waits for it. */
#define ON_WIRE_BODY_BYTES (64 * 1024)

/* clang-format off */
static const struct conf_key keys[] = {
	{ "RELAY_TIMEOUT", CONF_INT, "0", 0, 86400, "whole upstream call at most, s; 0: no limit" },
	{ "UPSTREAM_CONNECT_TIMEOUT", CONF_INT, "10", 1, 300, "DNS, TCP and TLS to an upstream, s" },
	{ "UPSTREAM_FIRST_BYTE_TIMEOUT", CONF_INT, "300", 1, 3600, "from sending to the first byte of the reply, s" },
	{ "UPSTREAM_IDLE_TIMEOUT", CONF_INT, "120", 1, 3600, "between two pieces of a reply, s" },
	{ "RESERVATION_LEASE", CONF_INT, "90", 3, 3600, "quota held by a process that died is settled or given back after so long, s" },
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

/* A request that never became an exchange: one line for it, as relay.c writes one for the others.
 */
static void refuse(const struct req *r, const struct err *err, struct resp *out)
{
	answer_error(r, err, out);
	log_info(&r->log, "relay.refused", LOG_STR("path", r->path),
	    LOG_INT("status", err_status(err)), LOG_TEXT("error", err_kind_name(err->kind)),
	    LOG_TEXT("detail", err->detail));
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

	relay->pulse_ms = lease_s * 1000 / 3 < PULSE_MAX_MS ? lease_s * 1000 / 3 : PULSE_MAX_MS;
	relay->limits = upstream_default_limits;
	relay->limits.total_ms = seconds(relay, "RELAY_TIMEOUT");
	relay->limits.connect_ms = seconds(relay, "UPSTREAM_CONNECT_TIMEOUT");
	relay->limits.first_byte_ms = seconds(relay, "UPSTREAM_FIRST_BYTE_TIMEOUT");
	relay->limits.idle_ms = seconds(relay, "UPSTREAM_IDLE_TIMEOUT");
	if (!runtime_db(&relay->rt, &db, err))
		return false;
	relay->ledger = ledger_start(db, relay->rt.node, lease_s);
	return true;
}

static int serve(struct relay *relay, const struct route_table *routes)
{
	struct server_config config = {
		.routes = routes,
		.admit = admit,
		.refuse = refuse,
		.local_open = open_local,
		.local_close = close_local,
		.settings = relay,
	};
	struct err err = { 0 };
	int status;

	runtime_server_config(&relay->rt, &config);
	/* A key look-up in a file costs microseconds, a hand-over to a worker and back many. */
	config.on_wire_body_bytes = ON_WIRE_BODY_BYTES;
	if (!start_ledger(relay, &err)) {
		fprintf(stderr, "fcgi-relay: %s\n", err.msg);
		return 1;
	}
	status = server_run(&config);
	ledger_stop(relay->ledger);
	return status;
}

int main(int argc, char **argv)
{
	struct route_table *routes = routes_table();
	static struct relay relay;
	int status = 0;

	if (argc == 2 && str_eq_c(str_c(argv[1]), "routes")) {
		route_each(routes, print_route, NULL);
	} else if (runtime_open(&relay.rt, argc, argv, "fcgi-relay", keys, &status)) {
		status = serve(&relay, routes);
		runtime_close(&relay.rt);
	}
	route_table_free(routes);
	return status;
}
