/* bedrock_auth.c — whose requests to Bedrock these are
 *
 * Credentials are config's ak, sk and session_token, or a key `AK|SK|REGION` as older gateways keep
 * it, and sign the request; a key of Bedrock's own (ABSK…, bedrock-api-key-…) is sent as it is. The
 * signature's date is base/clock.h's, which tests set.
 */
#include "provider/bedrock.h"

#include <string.h>

#include "base/clock.h"
#include "provider/catalog.h"
#include "provider/sigv4.h"

struct bedrock_credentials bedrock_credentials(const struct call *c)
{
	struct bedrock_credentials got = { .ak = c->channel->ak,
		.sk = c->channel->sk,
		.region = c->channel->region };
	struct str rest = c->key, ak, sk, region;

	if (str_starts(c->key, STR("ABSK")) || str_starts(c->key, STR("bedrock-api-key-"))) {
		got.bearer = c->key;
	} else if (!got.ak.n && str_next(&rest, '|', &ak) && str_next(&rest, '|', &sk)) {
		got.ak = str_trim(ak);
		got.sk = str_trim(sk);
		if (!got.region.n && str_next(&rest, '|', &region))
			got.region = str_trim(region);
	}
	return got;
}

bool bedrock_region_ok(struct str region)
{
	for (size_t i = 0; i < region.n; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789-", region.p[i]))
			return false;
	return region.n > 0;
}

bool bedrock_authorize(const struct call *c, const struct bedrock_credentials *with,
    const char *service, struct upstream_req *out, struct err *err)
{
	struct sigv4 s = {
		.access_key = with->ak,
		.secret_key = with->sk,
		.session_token = c->channel->session_token,
		.region = with->region,
		.service = str_c(service),
		.now = clock_unix(),
	};

	if (!with->bearer.n)
		return sigv4_sign(&s, out, err);
	headers_add(&out->headers, STR("Authorization"),
	    str_c(arena_fmt(c->arena, "Bearer %.*s", STR_ARG(with->bearer))));
	return true;
}
