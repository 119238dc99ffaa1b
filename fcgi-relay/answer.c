#include "answer.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "provider/sink.h"

/* A long message loses its end, never its request id. */
void answer_tag(const struct req *r, struct err *err)
{
	const size_t room = sizeof err->msg - sizeof " (request id: )" - REQ_ID_MAX;
	size_t len = strlen(err->msg);

	if (len > room) {
		len = room;
		while (len > 0 && ((unsigned char)err->msg[len] & 0xc0) == 0x80)
			len--; /* not within a character */
	}
	snprintf(err->msg + len, sizeof err->msg - len, " (request id: %s)", r->id);
}

void answer_cors(const struct req *r, struct headers *headers)
{
	if (req_header(r, "origin").n == 0)
		return;
	headers_add_c(headers, "Access-Control-Allow-Origin", "*");
	headers_add_c(headers, "Access-Control-Expose-Headers",
	    "X-Oneapi-Request-Id, X-Request-Id, Retry-After");
}

void answer_error(const struct req *r, const struct err *err, struct resp *out)
{
	struct err tagged = *err;

	/* The 404 and 501 bodies are compared literally by clients of one-api. */
	if (err->kind != ERR_NOT_FOUND && err->kind != ERR_NOT_IMPLEMENTED)
		answer_tag(r, &tagged);
	resp_json(out, err_status(err));
	headers_add_c(&out->headers, "Cache-Control", "no-store");
	if (err->retry_after_s > 0)
		headers_add_c(&out->headers, "Retry-After",
		    arena_fmt(out->headers.arena, "%d", err->retry_after_s));
	answer_cors(r, &out->headers);
	sink_error_body(&out->body, &tagged);
}

bool answer_preflight(struct req *r, struct resp *out, struct err *err)
{
	out->status = 204;
	answer_cors(r, &out->headers);
	headers_add_c(&out->headers, "Access-Control-Allow-Methods",
	    "GET,POST,PUT,PATCH,DELETE,OPTIONS");
	headers_add_c(&out->headers, "Access-Control-Allow-Headers",
	    "Authorization, Content-Type, X-Api-Key, Api-Key, X-Request-Id, X-Stainless-Arch, "
	    "X-Stainless-Lang, X-Stainless-Os, X-Stainless-Package-Version, "
	    "X-Stainless-Retry-Count, X-Stainless-Runtime, X-Stainless-Runtime-Version, "
	    "X-Stainless-Timeout, OpenAI-Organization, OpenAI-Project, OpenAI-Beta");
	headers_add_c(&out->headers, "Access-Control-Max-Age", "43200");
	return true;
}

bool answer_not_implemented(struct req *r, struct resp *out, struct err *err)
{
	return err_set(err, ERR_NOT_IMPLEMENTED, "API not implemented");
}
