/* billing.c — GET /dashboard/billing/subscription and /usage, also under /v1: what is left and what
 * was spent, as OpenAI's dashboard once said it and many clients still ask
 *
 * Of the key, or with DisplayTokenStatEnabled off of its user; in dollars, or with
 * DisplayInCurrencyEnabled off in quota. Dates in the query are ignored, as one-api does. */
#include "base/err.h"
#include "net/cidr.h"
#include "store/user.h"

#include "answer.h"
#include "gate.h"
#include "relay.h"
#include "routes.h"

#define PERIOD_MS (180 * 1000)
/* What an unlimited key is said to have. */
#define UNLIMITED 100000000.0

struct balance {
	int64_t remain, used, expires;
	bool unlimited;
	double unit; /* quota in one of what is shown */
};

/* Before the key is looked at: guessing keys here is limited, too. */
static bool check_rate(struct req *r, struct err *err)
{
	const struct relay *relay = relay_of(r);
	struct str client = cidr_client(r->arena, r->remote_addr);
	const char *key = arena_fmt(r->arena, "dashboard %.*s", STR_ARG(client));
	int retry_after_s = 0;

	if (rate_allow(relay->dashboard_rates, str_c(key), relay->dashboard_limit, PERIOD_MS,
	        &retry_after_s))
		return true;
	err_set(err, ERR_RATE_LIMIT, "too many requests");
	err->retry_after_s = retry_after_s;
	return false;
}

static void read_options(const struct req *r, struct balance *b, bool *of_key)
{
	struct catalog *c = runtime_catalog(&relay_of(r)->rt);

	*of_key = option_bool(&c->options, OPT_DISPLAY_TOKEN_STAT_ENABLED);
	b->unit = 1;
	if (option_bool(&c->options, OPT_DISPLAY_IN_CURRENCY_ENABLED))
		b->unit = option_double(&c->options, OPT_QUOTA_PER_UNIT);
	catalog_put(c);
}

static bool find_balance(struct req *r, struct balance *b, struct err *err)
{
	struct caller who;
	const struct token *t = &who.owner.token;
	struct user u;
	bool of_key;

	if (!check_rate(r, err) || !gate_check(r, &who, err))
		return false;
	read_options(r, b, &of_key);
	if (of_key) {
		b->remain = t->remain_quota;
		b->used = t->used_quota;
		b->expires = t->expired_time > 0 ? t->expired_time : 0;
		b->unlimited = t->unlimited_quota;
		return true;
	}
	if (!user_by_id(r->local, r->arena, t->user_id, &u, err))
		return false;
	b->remain = u.quota;
	b->used = u.used_quota;
	return true;
}

static bool subscription(struct req *r, struct resp *out, struct err *err)
{
	struct balance b = { 0 };
	double amount;

	if (!find_balance(r, &b, err))
		return false;
	amount = b.unlimited ? UNLIMITED : (double)(b.remain + b.used) / b.unit;
	resp_json(out, 200);
	answer_cors(r, &out->headers);
	buf_addf(&out->body,
	    "{\"object\":\"billing_subscription\",\"has_payment_method\":true,"
	    "\"soft_limit_usd\":%.12g,\"hard_limit_usd\":%.12g,\"system_hard_limit_usd\":%.12g,"
	    "\"access_until\":%lld}",
	    amount, amount, amount, (long long)b.expires);
	return true;
}

/* In hundredths. */
static bool usage(struct req *r, struct resp *out, struct err *err)
{
	struct balance b = { 0 };

	if (!find_balance(r, &b, err))
		return false;
	resp_json(out, 200);
	answer_cors(r, &out->headers);
	buf_addf(&out->body, "{\"object\":\"list\",\"total_usage\":%.12g}",
	    (double)b.used * 100 / b.unit);
	return true;
}

/* clang-format off */
const struct route billing_routes[] = {
	{ "GET", "/dashboard/billing/subscription", ACCESS_NONE, 0, subscription, NULL },
	{ "GET", "/v1/dashboard/billing/subscription", ACCESS_NONE, 0, subscription, NULL },
	{ "GET", "/dashboard/billing/usage", ACCESS_NONE, 0, usage, NULL },
	{ "GET", "/v1/dashboard/billing/usage", ACCESS_NONE, 0, usage, NULL },
	{ 0 },
};
/* clang-format on */
