#include "provider/dead_account.h"

#include <string.h>

#include "base/err.h"

/* Whole phrases that providers use of an account, lower case. Never single words: an upstream may
 * echo a client's text, and no client may switch off a channel. */
static const char *const phrases[] = {
	"your access was terminated",
	"your credit balance is too low",
	"organization has been disabled",
	"organization has been restricted",
	"api key not valid",
	"api key expired",
	"已欠费",
};

static const char *const types[] = { "insufficient_quota", "authentication_error",
	"permission_error", "forbidden" };
static const char *const codes[] = { "invalid_api_key", "account_deactivated" };

static bool is_one_of(const char *text, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(text, list[i]) == 0)
			return true;
	}
	return false;
}

bool account_is_dead(const struct err *err)
{
	if (err_origin(err) != ERR_BY_UPSTREAM || err->upstream_status == 0)
		return false;
	if (err->upstream_status == 401 || err->kind == ERR_UPSTREAM_QUOTA)
		return true;
	if (err->kind != ERR_UPSTREAM_AUTH && err->upstream_status != 429)
		return false;
	if (is_one_of(err->upstream_type, types, COUNT_OF(types)) ||
	    is_one_of(err->upstream_code, codes, COUNT_OF(codes)))
		return true;
	for (size_t i = 0; i < COUNT_OF(phrases); i++) {
		if (strcasestr(err->detail, phrases[i]) || strcasestr(err->msg, phrases[i]))
			return true;
	}
	return false;
}
