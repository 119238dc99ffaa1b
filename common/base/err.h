/* err.h — what went wrong, for the client and for the log
 *
 * A function that can fail returns bool and takes struct err * last. False means err is set, by
 * the place that knows most:
 *
 *	return err_set(err, ERR_BAD_REQUEST, "unknown provider %" PRId64, id);
 *
 * On true err is untouched, so calls chain with ||. msg is for the client, detail for the log;
 * neither ever holds a key. The table in err.c gives each kind its HTTP status, OpenAI type and
 * code (spec: the error object of the OpenAI API reference, "Error codes"; codes of our own are
 * marked there). `status` overrides the row when an upstream's own status is passed on; type,
 * code and param override it when they are not empty.
 *
 * Threads  everything here is pure.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdarg.h>

#include "base/attr.h"
#include "base/str.h"

enum err_kind {
	ERR_NONE,
	/* the caller's request */
	ERR_BAD_REQUEST,          /* 400 invalid_request_error */
	ERR_INVALID_JSON,         /* 400 invalid_json */
	ERR_INVALID_TEXT,         /* 400 invalid_text_request */
	ERR_INVALID_IMAGE,        /* 400 invalid_image_request */
	ERR_INVALID_AUDIO,        /* 400 invalid_audio_request */
	ERR_PROMPT_MISSING,       /* 400 prompt_missing */
	ERR_SIZE_UNSUPPORTED,     /* 400 size_not_supported */
	ERR_PROMPT_TOO_LONG,      /* 400 prompt_too_long */
	ERR_N_RANGE,              /* 400 n_not_within_range */
	ERR_TEXT_TOO_LONG,        /* 400 text_too_long */
	ERR_UNSUPPORTED_MODE,     /* 400 unsupported_mode: this channel type cannot do that */
	ERR_TOO_LARGE,            /* 413 request_too_large */
	ERR_HEADERS_TOO_LARGE,    /* 431 */
	ERR_UNSUPPORTED_ENCODING, /* 415 */
	ERR_NOT_FOUND,            /* 404 Invalid URL */
	ERR_MODEL_NOT_FOUND,      /* 404 model_not_found */
	ERR_TIMEOUT_REQUEST,      /* 408 the client did not finish sending */
	ERR_RATE_LIMIT,           /* 429 rate_limit_exceeded */
	/* the caller's key (relay.md 2.2) */
	ERR_KEY_MISSING,   /* 401 missing_api_key */
	ERR_KEY_INVALID,   /* 401 invalid_api_key */
	ERR_KEY_CHECK,     /* 500 token_check_failed */
	ERR_KEY_EXHAUSTED, /* 401 token_exhausted */
	ERR_KEY_EXPIRED,   /* 401 token_expired */
	ERR_KEY_DISABLED,  /* 401 token_disabled */
	ERR_SUBNET,        /* 403 subnet_denied */
	ERR_USER_DISABLED, /* 403 user_disabled */
	ERR_MODEL_DENIED,  /* 403 model_not_allowed */
	ERR_CHANNEL_PICK,  /* 403 channel_pick_denied */
	/* money */
	ERR_NO_QUOTA,     /* 403 insufficient_user_quota */
	ERR_NO_KEY_QUOTA, /* 403 pre_consume_token_quota_failed */
	ERR_NO_PRICE,     /* 503 model_price_missing */
	/* channels and upstreams */
	ERR_CHANNEL_INVALID,      /* 400 invalid_channel */
	ERR_CHANNEL_DISABLED,     /* 403 channel_disabled */
	ERR_NO_CHANNEL,           /* 503 no_channel */
	ERR_UPSTREAM,             /* 502 upstream_error */
	ERR_UPSTREAM_AUTH,        /* 502 upstream_auth_error */
	ERR_UPSTREAM_QUOTA,       /* 502 insufficient_quota, type upstream_quota_error */
	ERR_UPSTREAM_UNREACHABLE, /* 502 upstream_unreachable */
	ERR_UPSTREAM_TIMEOUT,     /* 504 upstream_timeout */
	ERR_UPSTREAM_TRUNCATED,   /* 502 upstream_stream_truncated */
	ERR_UPSTREAM_BODY,        /* 502 the reply is too large or not what was promised */
	ERR_CLIENT_GONE,          /* 499, never sent */
	/* ourselves */
	ERR_NOT_IMPLEMENTED, /* 501 api_not_implemented */
	ERR_BUSY,            /* 503 gateway_busy, Retry-After */
	ERR_STORE,           /* 503 store_unavailable, Retry-After: the database */
	ERR_INTERNAL,        /* 500 internal_error */
	ERR_CONFIG,          /* start-up only */
	ERR_KIND_COUNT
};

/* Whose fault: only an upstream's fault is retried on another channel or counts against it. */
enum err_origin { ERR_BY_CLIENT, ERR_BY_GATEWAY, ERR_BY_UPSTREAM };

struct err {
	enum err_kind kind;
	int status;             /* 0: the table's */
	int upstream_status;    /* what the upstream answered, 0 when it did not */
	int retry_after_s;      /* 0: none */
	char upstream_type[48]; /* the upstream's own words for it, for health rules and the log */
	char upstream_code[64];
	char type[48]; /* "": the table's */
	char code[64]; /* "": the table's */
	char param[64];
	char msg[512];
	char detail[512];
};

/* Both set kind and msg and return false; anything longer than the field is cut at a character. */
bool err_set(struct err *err, enum err_kind kind, const char *fmt, ...) PRINTF_LIKE(3, 4);
bool err_vset(struct err *err, enum err_kind kind, const char *fmt, va_list args) PRINTF_LIKE(3, 0);
/* Adds what only the log may see; returns false. */
bool err_detail(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);
void err_clear(struct err *err);

/* What the reply says: overrides first, then the table's row. */
int err_status(const struct err *err);
const char *err_type(const struct err *err);
const char *err_code(const struct err *err);
enum err_origin err_origin(const struct err *err);
const char *err_kind_name(enum err_kind kind);

#endif
