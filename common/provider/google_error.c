/* google_error.c — {"error":{"code","message","status","details":[…]}}, bare or in a list of one
 *
 * The status says less than the details do: a key that is no good comes with 400 as well, and how
 * long to wait stands in the body instead of in a header.
 */
#include "provider/gemini.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"

/* Until the next day's allowance, as far as a client may be told to wait. */
#define DAY_S 86400

struct finding {
	struct str message, status, reason;
	int code;      /* 0: none */
	int retry_s;   /* 0: not said */
	bool is_daily; /* the quota of a day is used up */
};

/* "34.4s" */
static int seconds_of(struct str text)
{
	double s;

	if (!str_ends(text, STR("s")) || !str_to_double(str_slice(text, 0, text.n - 1), &s) ||
	    s <= 0 || s > DAY_S)
		return 0;
	return (int)s + ((double)(int)s < s);
}

static void read_violations(struct arena *a, struct jval list, struct finding *f)
{
	struct jiter it = jscan_iter(list);
	struct jval item;

	while (list.type == J_ARRAY && jscan_next_item(&it, &item))
		f->is_daily |=
		    str_has(jscan_text(a, convert_member(item, STR("quotaId"))), STR("PerDay"));
}

static void read_details(struct arena *a, struct jval details, struct finding *f)
{
	enum { REASON, DELAY, VIOLATIONS };
	static const struct str names[] = { STR_INIT("reason"), STR_INIT("retryDelay"),
		STR_INIT("violations") };
	struct jval v[COUNT_OF(names)], item;
	struct jiter it = jscan_iter(details);

	while (details.type == J_ARRAY && jscan_next_item(&it, &item)) {
		convert_pick(item, names, v, COUNT_OF(v));
		if (v[REASON].type == J_STRING)
			f->reason = jscan_text(a, v[REASON]);
		if (v[DELAY].type == J_STRING)
			f->retry_s = seconds_of(jscan_text(a, v[DELAY]));
		read_violations(a, v[VIOLATIONS], f);
	}
}

static struct finding find(struct arena *a, struct jval root)
{
	struct finding f = { 0 };
	struct jiter it = jscan_iter(root);
	struct jval error;
	int64_t code;

	if (root.type == J_ARRAY && !jscan_next_item(&it, &root))
		return f;
	error = convert_member(root, STR("error"));
	f.message = jscan_text(a, convert_member(error, STR("message")));
	f.status = jscan_text(a, convert_member(error, STR("status")));
	if (jscan_int(convert_member(error, STR("code")), 400, 599, &code))
		f.code = (int)code;
	read_details(a, convert_member(error, STR("details")), &f);
	return f;
}

/* Is it the operator's account, whatever the status? */
static bool is_account(const struct finding *f)
{
	static const char *const reasons[] = { "API_KEY_INVALID", "API_KEY_EXPIRED",
		"BILLING_DISABLED", "CONSUMER_SUSPENDED", "ACCESS_TOKEN_EXPIRED" };

	for (size_t i = 0; i < COUNT_OF(reasons); i++)
		if (str_eq_c(f->reason, reasons[i]))
			return true;
	return str_eq_c(f->status, "FAILED_PRECONDITION");
}

static void put(char *field, size_t size, struct str text)
{
	(void)snprintf(field, size, "%.*s", STR_ARG(text));
}

void google_error(struct call *c, int status, struct str body, struct err *err)
{
	struct jval root = { 0 };
	struct finding f = { 0 };

	if (jscan_value(body, &root))
		f = find(c->arena, root);
	adaptor_error(status < 500 && is_account(&f) ? 401 : status, body, err);
	err->upstream_status = status;
	put(err->upstream_type, sizeof(err->upstream_type), f.status);
	put(err->upstream_code, sizeof(err->upstream_code), f.reason);
	if (str_eq_c(f.reason, "API_KEY_INVALID"))
		put(err->upstream_code, sizeof(err->upstream_code), STR("invalid_api_key"));
	if (status == 400 && str_has(f.message, STR("exceeds the maximum number of tokens")))
		put(err->code, sizeof(err->code), STR("context_length_exceeded"));
	if (status == 429 || status == 503)
		err->retry_after_s = f.is_daily && !f.retry_s ? DAY_S : f.retry_s;
	if (f.is_daily)
		(void)err_detail(err, "the quota of a day is used up");
	adaptor_scrub(c, err);
}

bool google_error_inside(struct call *c, struct jval root, struct str body, struct err *err)
{
	struct jval first = root;
	struct jiter it = jscan_iter(root);
	struct finding f;

	if (root.type == J_ARRAY && !jscan_next_item(&it, &first))
		return false;
	if (!convert_given(convert_member(first, STR("error"))))
		return false;
	f = find(c->arena, root);
	google_error(c, f.code ? f.code : 502, body, err);
	err->upstream_status = f.code ? f.code : 200;
	return true;
}

bool google_blocked(struct call *c, struct jval feedback, struct err *err)
{
	struct str reason = jscan_text(c->arena, convert_member(feedback, STR("blockReason")));
	struct str message =
	    jscan_text(c->arena, convert_member(feedback, STR("blockReasonMessage")));

	if (!reason.n)
		return false;
	err_clear(err);
	(void)err_set(err, ERR_BAD_REQUEST, "prompt blocked: %.*s%s%.*s", STR_ARG(reason),
	    message.n ? ": " : "", STR_ARG(adaptor_mask(c->arena, message)));
	put(err->type, sizeof(err->type), STR("invalid_request_error"));
	put(err->code, sizeof(err->code), STR("content_filter"));
	err->upstream_status = 200;
	return true;
}
