#include "balance.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

#include "access.h"
#include "admin.h"
#include "base/clock.h"
#include "base/json.h"
#include "body.h"
#include "message.h"
#include "reply.h"
#include "routes.h"
#include "test_rules.h"

#define BODY_BYTES ((size_t)256 * 1024)
#define DAY_S (24 * 3600)
#define DAYS_WITHOUT_PAYMENT 100

struct account {
	const struct source *source;
	double limit; /* of the first of two answers */
	bool has_payment;
	double balance;
};

/* How a kind of provider is asked. */
struct source {
	int types[3];     /* up to a 0 */
	const char *host; /* instead of the provider's own base URL; NULL: that one */
	const char *paths[2];
	bool (*read)(struct errand *e, const cJSON *answer, enum step *step, struct err *err);
	const char *key_header; /* instead of Authorization: Bearer */
	bool key_in_query; /* at the end of the path; never logged, errors name the host only */
};

static struct account *account_of(const struct errand *e)
{
	return e->own;
}

/* ---- reading the answers ---------------------------------------------------------------------- */

/* A number, or a text that is one. */
static bool read_number(const cJSON *answer, const char *path, double *out)
{
	const cJSON *item = json_at(answer, path);

	if (cJSON_IsString(item))
		return str_to_double(str_trim(str_c(item->valuestring)), out) && isfinite(*out);
	if (!cJSON_IsNumber(item))
		return false;
	*out = item->valuedouble;
	return isfinite(*out);
}

static bool no_balance(struct errand *e, struct err *err)
{
	return message_fail(e->r, err, MSG_C10);
}

/* What the provider says instead; no key is in it, but it is cut and masked like all such. */
static bool said_no(struct errand *e, struct str why, struct err *err)
{
	if (why.n == 0)
		return no_balance(e, err);
	why = adaptor_mask(e->r->arena, str_slice(why, 0, 400));
	return err_set(err, ERR_UPSTREAM, "%.*s", STR_ARG(why));
}

static bool read_openai(struct errand *e, const cJSON *answer, enum step *step, struct err *err)
{
	struct account *a = account_of(e);
	double used;

	if (e->step == 0) {
		if (!read_number(answer, "hard_limit_usd", &a->limit))
			return no_balance(e, err);
		a->has_payment = json_bool_at(answer, "has_payment_method", false);
		*step = STEP_NEXT;
		return true;
	}
	if (!read_number(answer, "total_usage", &used))
		return no_balance(e, err);
	a->balance = a->limit - used / 100;
	return true;
}

static bool read_member(struct errand *e, const cJSON *answer, const char *path, struct err *err)
{
	return read_number(answer, path, &account_of(e)->balance) || no_balance(e, err);
}

static bool read_available(struct errand *e, const cJSON *answer, enum step *step, struct err *err)
{
	return read_member(e, answer, "total_available", err);
}

static bool read_remaining(struct errand *e, const cJSON *answer, enum step *step, struct err *err)
{
	return read_member(e, answer, "total_remaining", err);
}

static bool read_openai_sb(struct errand *e, const cJSON *answer, enum step *step, struct err *err)
{
	if (!cJSON_IsObject(json_at(answer, "data")))
		return said_no(e, json_str_at(answer, "msg"), err);
	return read_member(e, answer, "data.credit", err);
}

static bool read_ai_proxy(struct errand *e, const cJSON *answer, enum step *step, struct err *err)
{
	if (!json_bool_at(answer, "success", false))
		return said_no(e, json_str_at(answer, "message"), err);
	return read_member(e, answer, "data.totalPoints", err);
}

static bool read_siliconflow(struct errand *e, const cJSON *answer, enum step *step,
    struct err *err)
{
	if (json_int_at(answer, "code", 0) != 20000)
		return said_no(e, json_str_at(answer, "message"), err);
	return read_member(e, answer, "data.totalBalance", err);
}

/* The entry in CNY; an account that has none is in another currency, its first. */
static bool read_deepseek(struct errand *e, const cJSON *answer, enum step *step, struct err *err)
{
	const cJSON *infos = json_at(answer, "balance_infos"), *item, *found = NULL;

	cJSON_ArrayForEach(item, infos)
	{
		if (!found && str_eq_c(json_str_at(item, "currency"), "CNY"))
			found = item;
	}
	if (!found)
		found = json_at(answer, "balance_infos.0");
	if (!found)
		return no_balance(e, err);
	return read_member(e, found, "total_balance", err);
}

static bool read_openrouter(struct errand *e, const cJSON *answer, enum step *step, struct err *err)
{
	double credits, usage;

	if (!read_number(answer, "data.total_credits", &credits) ||
	    !read_number(answer, "data.total_usage", &usage))
		return no_balance(e, err);
	account_of(e)->balance = credits - usage;
	return true;
}

/* ---- the table -------------------------------------------------------------------------------- */

#define CREDIT_GRANTS "/dashboard/billing/credit_grants"

/* clang-format off */
static const struct source sources[] = {
	{ { 1, 8 }, NULL, { "/v1/dashboard/billing/subscription", "/v1/dashboard/billing/usage" }, read_openai, NULL, false },
	{ { 4 }, NULL, { CREDIT_GRANTS }, read_available, NULL, false },
	{ { 5 }, NULL, { "/sb-api/user/status?api_key=" }, read_openai_sb, NULL, true },
	{ { 10 }, "https://aiproxy.io", { "/api/report/getUserOverview" }, read_ai_proxy, "Api-Key", false },
	{ { 12 }, NULL, { CREDIT_GRANTS }, read_remaining, NULL, false },
	{ { 13 }, NULL, { CREDIT_GRANTS }, read_available, NULL, false },
	{ { 20 }, NULL, { "/v1/credits" }, read_openrouter, NULL, false },
	{ { 36 }, NULL, { "/user/balance" }, read_deepseek, NULL, false },
	{ { 44 }, NULL, { "/v1/user/info" }, read_siliconflow, NULL, false },
};
/* clang-format on */

static const struct source *source_of(int type)
{
	for (size_t i = 0; i < COUNT_OF(sources); i++) {
		for (const int *t = sources[i].types; *t; t++) {
			if (*t == type)
				return &sources[i];
		}
	}
	return NULL;
}

bool balance_is_known(int type)
{
	return source_of(type) != NULL;
}

/* ---- the calls -------------------------------------------------------------------------------- */

static bool prepare(struct errand *e, struct err *err)
{
	account_of(e)->source = source_of(e->channel.row.type);
	if (!account_of(e)->source)
		return message_fail(e->r, err, MSG_C03);
	return true;
}

static struct str base_url(const struct errand *e)
{
	const struct source *s = account_of(e)->source;
	struct str base = e->channel.base_url;

	if (s->host && e->channel.row.base_url.n == 0)
		base = str_c(s->host);
	base = str_without_slashes(base);
	if (str_ends(base, STR("/v1")))
		base.n -= 3;
	return base;
}

static void add_day(struct buf *url, const char *name, time_t at)
{
	struct tm day;
	char text[16];

	localtime_r(&at, &day);
	strftime(text, sizeof text, "%Y-%m-%d", &day);
	buf_addf(url, "%s=%s", name, text);
}

/* From the first of this month, or far back for an account on trial, until today. */
static void add_period(const struct errand *e, struct buf *url)
{
	time_t now = (time_t)clock_unix(), from = now - (time_t)DAYS_WITHOUT_PAYMENT * DAY_S;
	struct tm day;

	if (account_of(e)->has_payment) {
		localtime_r(&now, &day);
		from = now - (time_t)(day.tm_mday - 1) * DAY_S;
	}
	add_day(url, "?start_date", from);
	add_day(url, "&end_date", now);
}

static bool encode(struct errand *e, struct err *err)
{
	const struct source *s = account_of(e)->source;
	struct upstream_req *u = &e->upstream;

	u->method = "GET";
	buf_add(&u->url, base_url(e));
	buf_add_c(&u->url, s->paths[e->step]);
	if (e->step == 1)
		add_period(e, &u->url);
	if (s->key_in_query)
		url_encode(&u->url, e->key->text);
	else if (s->key_header)
		headers_add(&u->headers, str_c(s->key_header), e->key->text);
	else
		headers_add_c(&u->headers, "Authorization",
		    arena_fmt(e->r->arena, "Bearer %.*s", STR_ARG(e->key->text)));
	return true;
}

static bool refused(struct errand *e, struct err *err)
{
	return err_set(err, ERR_UPSTREAM, "status code: %d", e->reply.status);
}

static enum step read_answer(struct errand *e, struct err *err)
{
	struct err ignored = { 0 };
	enum step step = STEP_DONE;
	cJSON *answer;

	if (!json_parse(e->r->arena, e->reply.body, &answer, &ignored)) {
		(void)no_balance(e, err);
		return STEP_FAILED;
	}
	return account_of(e)->source->read(e, answer, &step, err) ? step : STEP_FAILED;
}

/* ---- the outcome ------------------------------------------------------------------------------ */

static void note(struct errand *e)
{
	double balance = account_of(e)->balance;
	struct err err = { 0 };

	if (e->ok) {
		e->text = str_c(arena_fmt(e->r->arena, "%.6g", balance));
		if (!channel_set_balance(db_of(e->r), e->channel.row.id, balance, &err))
			log_warn(&e->r->log, "balance.note_failed", LOG_ERR(&err));
		if (e->applies_rules && balance <= 0)
			test_rules_no_balance(e);
	}
	log_info(&e->r->log, "balance.done", LOG_INT("channel", e->channel.row.id),
	    LOG_INT("ok", e->ok), LOG_TEXT("action", e->action));
}

/* The balance stands beside success. */
static bool send(struct errand *e, struct resp *out)
{
	struct buf *b = &out->body;

	reply_json(out, 200);
	headers_add_c(&out->headers, "Cache-Control", "no-store");
	buf_addf(b, "{\"success\":%s,\"message\":", e->ok ? "true" : "false");
	json_add_str(b, e->ok ? STR("") : e->text);
	if (e->ok) {
		json_add_name(b, "balance");
		json_add_double(b, account_of(e)->balance);
	}
	buf_add_char(b, '}');
	return true;
}

static const struct errand_kind balance_kind = {
	.name = "balance",
	.timeout_ms = BALANCE_TIMEOUT_MS,
	.body_max = BODY_BYTES,
	.prepare = prepare,
	.encode = encode,
	.refused = refused,
	.read = read_answer,
	.note = note,
	.send = send,
};

struct errand *balance_new(struct req *r)
{
	struct errand *e = errand_new(r, &balance_kind);

	e->own = ARENA_NEW(r->arena, struct account);
	return e;
}

static bool update_one(struct req *r, struct resp *out, struct err *err)
{
	struct errand *e = balance_new(r);
	int64_t id;

	return body_path_id(r, &id, err) && errand_load(e, id, err) && errand_serve(e, out, err);
}

const struct route balance_routes[] = {
	{ "GET", "/api/channel/update_balance/:id", ROLE_ADMIN, ROUTE_CHANGES, update_one, NULL },
	{ 0 },
};
