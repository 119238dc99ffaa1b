#include "metrics_page.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/secret.h"
#include "net/cidr.h"
#include "store/db.h"

#include "breaker.h"
#include "relay.h"
#include "routes.h"

/* clang-format off */
static const struct metric_family
	breaker_state = { "oneapi_breaker_state", "Of breakers that ever opened: 0 closed, 1 half open, 2 open.",
	    METRIC_GAUGE, .labels = { "channel", "model" } },
	reservations = { "oneapi_reservations_open", "Requests that hold quota.", METRIC_GAUGE, .scale = 1 },
	reserved = { "oneapi_reserved_quota", "Quota that they hold.", METRIC_GAUGE, .scale = 1 },
	build = { "oneapi_build_info", "Always 1.", METRIC_GAUGE, .labels = { "version" } };
/* clang-format on */

struct breaker_lines {
	const struct cells *breakers;
	struct buf *out;
	int64_t now_ms;
};

static void add_breaker(const struct str *labels, uint64_t opened, void *arg)
{
	static const int64_t
	    shown[] = { [BREAKER_CLOSED] = 0, [BREAKER_HALF_OPEN] = 1, [BREAKER_OPEN] = 2 };
	const struct breaker_lines *l = arg;
	int64_t channel;
	uint64_t pair;

	if (!str_to_int(labels[0], 1, INT64_MAX, &channel)) /* the sum of many others */
		return;
	pair = breaker_pair(channel, str_hash(labels[1]));
	metrics_line(l->out, &breaker_state, labels,
	    shown[breaker_look(l->breakers, pair, l->now_ms).state]);
}

static void add_breakers(const struct watching *w, struct buf *out)
{
	struct breaker_lines lines = { &w->relay->vitals.breakers, out, clock_mono_ms() };

	metrics_head(out, &breaker_state);
	metrics_each(w->metrics, METRIC_BREAKER, add_breaker, &lines);
}

static bool read_reservations(struct db *db, int64_t *count, int64_t *sum, struct err *err)
{
	static const char sql[] = "SELECT COUNT(*), COALESCE(SUM(amount), 0) FROM reservations";
	struct rows rows;

	if (!db_query(db, sql, BIND_NONE, &rows, err))
		return false;
	if (rows_next(&rows)) {
		*count = rows_int(&rows, 0);
		*sum = rows_int(&rows, 1);
	}
	return rows_close(&rows, err);
}

static void add_reservations(struct db *db, struct buf *out)
{
	int64_t count = 0, sum = 0;
	struct err err = { 0 };

	if (!db || !read_reservations(db, &count, &sum, &err)) {
		if (db)
			log_warn(NULL, "metrics.reservations", LOG_ERR(&err));
		return;
	}
	metrics_head(out, &reservations);
	metrics_line(out, &reservations, NULL, count);
	metrics_head(out, &reserved);
	metrics_line(out, &reserved, NULL, sum);
}

void metrics_page(const struct watching *w, struct db *db, struct buf *out)
{
	metrics_text(w->metrics, out);
	add_breakers(w, out);
	add_reservations(db, out);
	metrics_head(out, &build);
	metrics_line(out, &build, (const struct str[]){ str_c(runtime_version()) }, 1);
}

bool metrics_page_allows(const struct watching *w, struct str address, struct str authorization)
{
	struct str shown = str_trim(authorization);

	if (w->allowed.n && cidr_list_has(w->allowed, address))
		return true;
	if (w->token.n == 0 || !str_starts_nocase(shown, STR("bearer ")))
		return false;
	return secret_equal(str_trim(str_slice(shown, 7, shown.n)), w->token);
}

static bool get_metrics(struct req *r, struct resp *out, struct err *err)
{
	const struct watching *w = relay_of(r)->watching;

	if (!w || !metrics_page_allows(w, r->remote_addr, req_header(r, "authorization")))
		return err_set(err, ERR_NOT_FOUND, "Invalid URL (%.*s %.*s)", STR_ARG(r->method),
		    STR_ARG(r->path));
	out->status = 200;
	headers_add_c(&out->headers, "Content-Type", METRICS_CONTENT_TYPE);
	headers_add_c(&out->headers, "Cache-Control", "no-store");
	metrics_page(w, r->local, &out->body);
	return true;
}

const struct route metrics_routes[] = {
	{ "GET", "/metrics", ACCESS_NONE, 0, get_metrics, NULL },
	{ 0 },
};
