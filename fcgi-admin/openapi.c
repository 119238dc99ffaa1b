/* openapi.c — /api/openapi.json: the description of both programs' routes, openapi.json beside this
 * file, as it was when this was built
 */
#include "access.h"
#include "reply.h"
#include "routes.h"

/* Made by conf/embed-text.sh. */
extern const char openapi_text[];
extern const size_t openapi_text_bytes;

static bool get_openapi(struct req *r, struct resp *out, struct err *err)
{
	reply_json(out, 200);
	headers_add_c(&out->headers, "Cache-Control", "max-age=3600");
	buf_add(&out->body, (struct str){ openapi_text, openapi_text_bytes });
	return true;
}

const struct route openapi_routes[] = {
	{ "GET", "/api/openapi.json", ROLE_GUEST, 0, get_openapi, NULL },
	{ 0 },
};
