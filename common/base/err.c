#include "base/err.h"

#include <stdio.h>
#include <string.h>

struct kind_row {
	const char *name; /* for the log */
	int status;
	enum err_origin origin;
	const char *type;
	const char *code;
};

/* OpenAI's own types where it has one for the case; what only this gateway can say is ours. */
#define OURS "one_api_error"
#define REQUEST "invalid_request_error"
#define SERVER "server_error"

#define CLIENT ERR_BY_CLIENT
#define GATEWAY ERR_BY_GATEWAY
#define UPSTREAM ERR_BY_UPSTREAM

/* clang-format off */
static const struct kind_row rows[ERR_KIND_COUNT] = {
	[ERR_NONE] = { "none", 200, GATEWAY, "", "" },

	[ERR_BAD_REQUEST] = { "bad_request", 400, CLIENT, REQUEST, "invalid_request_error" },
	[ERR_INVALID_JSON] = { "invalid_json", 400, CLIENT, OURS, "invalid_json" },
	[ERR_INVALID_TEXT] = { "invalid_text", 400, CLIENT, OURS, "invalid_text_request" },
	[ERR_INVALID_IMAGE] = { "invalid_image", 400, CLIENT, OURS, "invalid_image_request" },
	[ERR_INVALID_AUDIO] = { "invalid_audio", 400, CLIENT, OURS, "invalid_audio_request" },
	[ERR_PROMPT_MISSING] = { "prompt_missing", 400, CLIENT, OURS, "prompt_missing" },
	[ERR_SIZE_UNSUPPORTED] = { "size_unsupported", 400, CLIENT, OURS, "size_not_supported" },
	[ERR_PROMPT_TOO_LONG] = { "prompt_too_long", 400, CLIENT, OURS, "prompt_too_long" },
	[ERR_N_RANGE] = { "n_range", 400, CLIENT, OURS, "n_not_within_range" },
	[ERR_TEXT_TOO_LONG] = { "text_too_long", 400, CLIENT, OURS, "text_too_long" },
	[ERR_UNSUPPORTED_MODE] = { "unsupported_mode", 400, CLIENT, OURS, "unsupported_mode" },
	[ERR_TOO_LARGE] = { "too_large", 413, CLIENT, OURS, "request_too_large" },
	[ERR_HEADERS_TOO_LARGE] = { "headers_too_large", 431, CLIENT, OURS, "headers_too_large" },
	[ERR_UNSUPPORTED_ENCODING] = { "unsupported_encoding", 415, CLIENT, OURS,
		"unsupported_encoding" },
	[ERR_NOT_FOUND] = { "not_found", 404, CLIENT, REQUEST, "" },
	[ERR_MODEL_NOT_FOUND] = { "model_not_found", 404, CLIENT, REQUEST, "model_not_found" },
	[ERR_TIMEOUT_REQUEST] = { "timeout_request", 408, CLIENT, OURS, "request_timeout" },
	[ERR_RATE_LIMIT] = { "rate_limit", 429, CLIENT, OURS, "rate_limit_exceeded" },

	/* Codes of our own: one-api has texts only here. */
	[ERR_KEY_MISSING] = { "key_missing", 401, CLIENT, OURS, "missing_api_key" },
	[ERR_KEY_INVALID] = { "key_invalid", 401, CLIENT, OURS, "invalid_api_key" },
	[ERR_KEY_CHECK] = { "key_check", 500, GATEWAY, OURS, "token_check_failed" },
	[ERR_KEY_EXHAUSTED] = { "key_exhausted", 401, CLIENT, OURS, "token_exhausted" },
	[ERR_KEY_EXPIRED] = { "key_expired", 401, CLIENT, OURS, "token_expired" },
	[ERR_KEY_DISABLED] = { "key_disabled", 401, CLIENT, OURS, "token_disabled" },
	[ERR_SUBNET] = { "subnet", 403, CLIENT, OURS, "subnet_denied" },
	[ERR_USER_DISABLED] = { "user_disabled", 403, CLIENT, OURS, "user_disabled" },
	[ERR_MODEL_DENIED] = { "model_denied", 403, CLIENT, OURS, "model_not_allowed" },
	[ERR_CHANNEL_PICK] = { "channel_pick", 403, CLIENT, OURS, "channel_pick_denied" },

	[ERR_NO_QUOTA] = { "no_quota", 403, CLIENT, OURS, "insufficient_user_quota" },
	[ERR_NO_KEY_QUOTA] = { "no_key_quota", 403, CLIENT, OURS,
		"pre_consume_token_quota_failed" },
	[ERR_NO_PRICE] = { "no_price", 503, GATEWAY, OURS, "model_price_missing" },

	[ERR_CHANNEL_INVALID] = { "channel_invalid", 400, CLIENT, OURS, "invalid_channel" },
	[ERR_CHANNEL_DISABLED] = { "channel_disabled", 403, CLIENT, OURS, "channel_disabled" },
	[ERR_NO_CHANNEL] = { "no_channel", 503, GATEWAY, OURS, "no_channel" },

	[ERR_UPSTREAM] = { "upstream", 502, UPSTREAM, SERVER, "upstream_error" },
	[ERR_UPSTREAM_AUTH] = { "upstream_auth", 502, UPSTREAM, "upstream_auth_error",
		"upstream_auth_error" },
	[ERR_UPSTREAM_QUOTA] = { "upstream_quota", 502, UPSTREAM, "upstream_quota_error",
		"insufficient_quota" },
	[ERR_UPSTREAM_UNREACHABLE] = { "upstream_unreachable", 502, UPSTREAM, SERVER,
		"upstream_unreachable" },
	[ERR_UPSTREAM_TIMEOUT] = { "upstream_timeout", 504, UPSTREAM, "timeout_error",
		"upstream_timeout" },
	[ERR_UPSTREAM_TRUNCATED] = { "upstream_truncated", 502, UPSTREAM, SERVER,
		"upstream_stream_truncated" },
	[ERR_UPSTREAM_BODY] = { "upstream_body", 502, UPSTREAM, SERVER, "upstream_bad_reply" },
	[ERR_CLIENT_GONE] = { "client_gone", 499, CLIENT, OURS, "client_gone" },

	[ERR_NOT_IMPLEMENTED] = { "not_implemented", 501, GATEWAY, OURS, "api_not_implemented" },
	[ERR_BUSY] = { "busy", 503, GATEWAY, OURS, "gateway_busy" },
	[ERR_STORE] = { "store", 503, GATEWAY, OURS, "store_unavailable" },
	[ERR_INTERNAL] = { "internal", 500, GATEWAY, OURS, "internal_error" },
	[ERR_CONFIG] = { "config", 500, GATEWAY, OURS, "invalid_configuration" },
};
/* clang-format on */

static const struct kind_row *row_of(enum err_kind kind)
{
	return &rows[(unsigned)kind < ERR_KIND_COUNT ? kind : ERR_INTERNAL];
}

static bool is_continuation(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* vsnprintf cut the text at n bytes, perhaps within a character: drops the torn one. */
static void drop_torn_character(char *text, size_t n)
{
	size_t lead = n;

	while (lead > 0 && n - lead < 3 && is_continuation(text[lead - 1]))
		lead--;
	if (lead == 0)
		return;
	lead--;
	if (!str_is_utf8((struct str){ text + lead, n - lead }))
		text[lead] = '\0';
}

static void PRINTF_LIKE(3, 0) format(char *out, size_t size, const char *fmt, va_list args)
{
	int n = vsnprintf(out, size, fmt, args);

	if (n < 0)
		out[0] = '\0';
	else if ((size_t)n >= size)
		drop_torn_character(out, size - 1);
}

bool err_vset(struct err *err, enum err_kind kind, const char *fmt, va_list args)
{
	char msg[sizeof(err->msg)];

	/* Aside first: an argument may be the old msg. */
	format(msg, sizeof(msg), fmt, args);
	err_clear(err);
	err->kind = kind;
	memcpy(err->msg, msg, strlen(msg) + 1);
	return false;
}

bool err_set(struct err *err, enum err_kind kind, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	err_vset(err, kind, fmt, args);
	va_end(args);
	return false;
}

bool err_detail(struct err *err, const char *fmt, ...)
{
	char detail[sizeof(err->detail)];
	va_list args;

	va_start(args, fmt);
	format(detail, sizeof(detail), fmt, args);
	va_end(args);
	memcpy(err->detail, detail, strlen(detail) + 1);
	return false;
}

void err_clear(struct err *err)
{
	*err = (struct err){ .kind = ERR_NONE };
}

int err_status(const struct err *err)
{
	return err->status ? err->status : row_of(err->kind)->status;
}

const char *err_type(const struct err *err)
{
	return err->type[0] ? err->type : row_of(err->kind)->type;
}

const char *err_code(const struct err *err)
{
	return err->code[0] ? err->code : row_of(err->kind)->code;
}

enum err_origin err_origin(const struct err *err)
{
	return row_of(err->kind)->origin;
}

const char *err_kind_name(enum err_kind kind)
{
	return row_of(kind)->name;
}
