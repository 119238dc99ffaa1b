/* fake_balance.c — what accounts of several providers say they have left; admin-api.md 10.10
 *
 *	GET /v1/dashboard/billing/subscription, …/usage	120.50 USD less 20.50: 100
 *	GET /dashboard/billing/credit_grants		12.25 available, 7.5 remaining
 *	GET /sb-api/user/status?api_key=KEY		a text; KEY gone: null and a sentence
 *	GET /api/report/getUserOverview			with header Api-Key
 *	GET /v1/user/info				a text; a code other than 20000 for key refused
 *	GET /user/balance				USD and CNY; only USD for key usd
 *	GET /v1/credits					100 less 25.5
 * The key broke has nothing. A call without its key gets 401.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake.h"

static bool has_key(const struct request *r, const char *key)
{
	return strstr(r->account, key) != NULL;
}

static bool is_day(const char *query, const char *name)
{
	const char *p = strstr(query, name);
	int year, month, day;

	return p && sscanf(p + strlen(name), "=%4d-%2d-%2d", &year, &month, &day) == 3 &&
	    year > 2000 && month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

static const char *usage(const struct request *r)
{
	if (!is_day(r->query, "start_date") || !is_day(r->query, "end_date"))
		return "{\"error\":\"no period\"}";
	return has_key(r, "broke") ? "{\"total_usage\":12050}" : "{\"total_usage\":2050}";
}

static const char *subscription(const struct request *r)
{
	return "{\"hard_limit_usd\":120.5,\"has_payment_method\":true}";
}

static const char *grants(const struct request *r)
{
	return "{\"total_available\":12.25,\"total_remaining\":7.5}";
}

static const char *openai_sb(const struct request *r)
{
	if (strstr(r->query, "api_key=gone"))
		return "{\"msg\":\"no such account\",\"data\":null}";
	return "{\"msg\":\"\",\"data\":{\"credit\":\"123456\"}}";
}

static const char *ai_proxy(const struct request *r)
{
	return "{\"success\":true,\"message\":\"\",\"error_code\":0,"
	       "\"data\":{\"totalPoints\":999.5}}";
}

static const char *siliconflow(const struct request *r)
{
	if (has_key(r, "refused"))
		return "{\"code\":20001,\"message\":\"account is closed\",\"data\":null}";
	return "{\"code\":20000,\"message\":\"OK\",\"data\":{\"totalBalance\":\"88.00\"}}";
}

static const char *deepseek(const struct request *r)
{
	if (has_key(r, "usd"))
		return "{\"balance_infos\":[{\"currency\":\"USD\",\"total_balance\":\"3.50\"}]}";
	return "{\"balance_infos\":[{\"currency\":\"USD\",\"total_balance\":\"3.50\"},"
	       "{\"currency\":\"CNY\",\"total_balance\":\"25.20\"}]}";
}

static const char *openrouter(const struct request *r)
{
	return "{\"data\":{\"total_credits\":100,\"total_usage\":25.5}}";
}

/* clang-format off */
static const struct {
	const char *path;
	const char *(*answer)(const struct request *r);
	const char *key_header; /* instead of Authorization */
	bool key_in_query;
} paths[] = {
	{ "/v1/dashboard/billing/subscription", subscription, NULL, false },
	{ "/v1/dashboard/billing/usage", usage, NULL, false },
	{ "/dashboard/billing/credit_grants", grants, NULL, false },
	{ "/sb-api/user/status", openai_sb, NULL, true },
	{ "/api/report/getUserOverview", ai_proxy, "Api-Key: ", false },
	{ "/v1/user/info", siliconflow, NULL, false },
	{ "/user/balance", deepseek, NULL, false },
	{ "/v1/credits", openrouter, NULL, false },
};
/* clang-format on */

static bool shows_key(const struct request *r, size_t i)
{
	char head[4096];

	if (paths[i].key_in_query)
		return strstr(r->query, "api_key=") != NULL;
	if (!paths[i].key_header)
		return strncmp(r->account, "Bearer ", 7) == 0 && r->account[7];
	snprintf(head, sizeof(head), "%.*s", (int)r->head_bytes, r->head);
	return strstr(head, paths[i].key_header) != NULL;
}

bool fake_balance(struct conn *c, const struct request *r)
{
	for (size_t i = 0; i < COUNT_OF(paths); i++) {
		struct bytes b = { 0 };

		if (strcmp(r->method, "GET") != 0 || strcmp(r->path, paths[i].path) != 0)
			continue;
		if (!shows_key(r, i)) {
			answer_error(c, 401, "no key", false);
			return true;
		}
		add_text(&b, paths[i].answer(r));
		answer_now(c, 200, "", &b);
		return true;
	}
	return false;
}
