#include "reply.h"

#include <inttypes.h>

#include "base/err.h"
#include "base/json.h"
#include "message.h"
#include "phrases.h"

struct page reply_page(const struct req *r)
{
	int64_t size = req_query_int(r, "page_size", PAGE_SIZE);
	int64_t number = req_query_int(r, "p", 0);

	if (size < 1 || size > PAGE_SIZE_MAX)
		size = PAGE_SIZE;
	if (number < 0)
		number = 0;
	if (number > INT32_MAX)
		number = INT32_MAX;
	return (struct page){ .offset = number * size, .limit = size };
}

/* Some clients take what names no charset for Latin-1. */
void reply_json(struct resp *out, int status)
{
	out->status = status;
	headers_add_c(&out->headers, "Content-Type", "application/json; charset=utf-8");
}

/* Nothing here may be kept by a cache on the way: it depends on who asks. */
static void start(struct resp *out, int status)
{
	reply_json(out, status);
	headers_add_c(&out->headers, "Cache-Control", "no-store");
}

struct buf *reply_open(struct resp *out)
{
	start(out, 200);
	buf_add(&out->body, STR("{\"success\":true,\"message\":\"\",\"data\":"));
	return &out->body;
}

bool reply_close(struct resp *out)
{
	buf_add_char(&out->body, '}');
	return true;
}

bool reply_ok(struct resp *out)
{
	start(out, 200);
	buf_add(&out->body, STR("{\"success\":true,\"message\":\"\"}"));
	return true;
}

bool reply_text(struct resp *out, struct str text)
{
	json_add_str(reply_open(out), text);
	return reply_close(out);
}

bool reply_int(struct resp *out, int64_t n)
{
	buf_add_int(reply_open(out), n);
	return reply_close(out);
}

bool reply_object(struct resp *out, const struct field *fields, const void *object)
{
	field_write(fields, object, reply_open(out));
	return reply_close(out);
}

static struct buf *add_list(struct resp *out, const struct field *fields, const void *items,
    size_t count, size_t size)
{
	struct buf *b = reply_open(out);

	buf_add_char(b, '[');
	for (size_t i = 0; i < count; i++) {
		json_add_comma(b);
		field_write(fields, (const char *)items + i * size, b);
	}
	buf_add_char(b, ']');
	return b;
}

bool reply_list(struct resp *out, const struct field *fields, const void *items, size_t count,
    size_t size)
{
	add_list(out, fields, items, count, size);
	return reply_close(out);
}

bool reply_page_of(struct resp *out, const struct field *fields, const void *items, size_t count,
    size_t size, int64_t total)
{
	struct buf *b = add_list(out, fields, items, count, size);

	json_add_name(b, "total");
	buf_add_int(b, total);
	return reply_close(out);
}

bool reply_names(struct resp *out, const struct str *names, size_t count)
{
	struct buf *b = reply_open(out);

	buf_add_char(b, '[');
	for (size_t i = 0; i < count; i++) {
		json_add_comma(b);
		json_add_str(b, names[i]);
	}
	buf_add_char(b, ']');
	return reply_close(out);
}

static void add_refusal(struct resp *out, int status, struct str message)
{
	start(out, status);
	buf_add(&out->body, STR("{\"success\":false,\"message\":"));
	json_add_str(&out->body, message);
	buf_add_char(&out->body, '}');
}

/* The one body that is not an envelope: clients know it from the OpenAI API. */
static void add_unknown_path(const struct req *r, struct resp *out)
{
	const char *text =
	    arena_fmt(r->arena, "Invalid URL (%.*s %.*s)", STR_ARG(r->method), STR_ARG(r->path));

	start(out, 404);
	buf_add(&out->body, STR("{\"error\":{\"message\":"));
	json_add_str(&out->body, str_c(text));
	buf_add(&out->body,
	    STR(",\"type\":\"invalid_request_error\",\"param\":\"\",\"code\":\"\"}}"));
}

static void add_retry_after(const struct err *err, struct resp *out)
{
	int seconds = err->retry_after_s > 0 ? err->retry_after_s : 1;
	char text[16];
	struct buf b = buf_init(sizeof text);

	buf_add_int(&b, seconds);
	headers_add(&out->headers, STR("Retry-After"), buf_str(&b));
	buf_release(&b);
}

static void log_internal(const struct req *r, const struct err *err)
{
	log_error(&r->log, "admin.failed", LOG_TEXT("kind", err_kind_name(err->kind)),
	    LOG_STR("path", r->path), LOG_ERR(err));
}

void reply_error(const struct req *r, const struct err *err, struct resp *out)
{
	switch (err->kind) {
	case ERR_NOT_FOUND:
		if (!r->route)
			add_unknown_path(r, out);
		else
			add_refusal(out, 200, str_c(message_text(r, MSG_E03)));
		return;
	case ERR_RATE_LIMIT:
		out->status = 429;
		add_retry_after(err, out);
		return;
	case ERR_BUSY:
		add_refusal(out, 503, phrase_for(r, str_c(err->msg)));
		add_retry_after(err, out);
		return;
	case ERR_INTERNAL:
		log_internal(r, err);
		out->status = 500;
		return;
	case ERR_STORE:
		log_internal(r, err);
		add_refusal(out, 200, message_filled(r, MSG_E05, str_c(r->id), (struct str){ 0 }));
		return;
	case ERR_TOO_LARGE:
		add_refusal(out, 413, str_c(message_text(r, MSG_E08)));
		return;
	default:
		/* What fcgi.c refused has no route and keeps its status: 408, 415, 431. */
		add_refusal(out,
		    err->status    ? err->status
		        : r->route ? 200
		                   : err_status(err),
		    phrase_for(r, str_c(err->msg)));
		return;
	}
}
