/* adaptor_error.c — an upstream's error as the client's
 *
 * It reaches the client with its status, type and code translated by the tables below and its message
 * masked. What the upstream says about the operator's own account (key, credit) goes to the log only;
 * the client reads a fixed sentence and a 502, because client tools take a 401 for a fault of their
 * own key.
 */
#include "provider/adaptor.h"

#include <string.h>

#define MESSAGE_MAX 512

/* ---- finding what an error body says ----------------------------------------------------- */

struct finding {
	struct str message, type, code, param;
	int64_t status;  /* named inside the body, 400..599, else 0 */
	bool is_content; /* the 403 is about what was asked, not about who asks */
};

/* Where foreign bodies keep their message, first non-empty wins. Spellings differ in case because
 * the decoders that these services were written for ignore it. */
static const char *const message_paths[] = {
	"error.message",
	"message",
	"msg",
	"err",
	"error_msg",
	"header.message",
	"response.error.message",
	"Response.Error.Message",
	"error",
	"message.detail",
	"detail",
	"title",
	"errors.0.message",
	"base_resp.status_msg",
};

static const char *const type_paths[] = { "error.type", "type" };
static const char *const code_paths[] = { "error.code", "code", "Response.Error.Code", "reason" };
static const char *const param_paths[] = { "error.param", "param" };
static const char *const status_paths[] = {
	"error.code",
	"error.status_code",
	"error.status",
	"error.http_code",
	"statusCode",
	"status",
	"code",
};

/* Validation details: [{"loc":["body","model"],"msg":"…"}] as "body.model: …; …". */
static struct str join_details(struct arena *a, struct jval list)
{
	struct buf joined = buf_init(MESSAGE_MAX);
	struct jiter items = jscan_iter(list), parts;
	struct jval item, loc, part, msg;
	struct str text;

	while (jscan_next_item(&items, &item)) {
		if (item.type != J_OBJECT || !jscan_member(item, STR("msg"), &msg))
			continue;
		if (joined.len)
			buf_add(&joined, STR("; "));
		if (jscan_member(item, STR("loc"), &loc) && loc.type == J_ARRAY) {
			parts = jscan_iter(loc);
			for (bool first = true; jscan_next_item(&parts, &part); first = false) {
				buf_add(&joined, first ? STR("") : STR("."));
				buf_add(&joined,
				    part.type == J_STRING ? jscan_text(a, part) : part.text);
			}
			buf_add(&joined, STR(": "));
		}
		buf_add(&joined, jscan_text(a, msg));
	}
	text = arena_str(a, buf_str(&joined));
	buf_release(&joined);
	return text;
}

static struct str message_of(struct arena *a, struct jval v)
{
	if (v.type == J_ARRAY)
		return join_details(a, v);
	return str_trim(jscan_text(a, v));
}

static struct str first_text(struct arena *a, struct jval root, const char *const *paths, size_t n)
{
	struct jval v;
	struct str text;

	for (size_t i = 0; i < n; i++) {
		if (!jscan_at(root, paths[i], &v))
			continue;
		text = message_of(a, v);
		if (text.n)
			return text;
	}
	return (struct str){ 0 };
}

/* What a machine may read: short, printable, and not just the status written as text. */
static struct str as_code(struct str s)
{
	bool has_letter = false;

	if (s.n >= sizeof(((struct err *)0)->code))
		return (struct str){ 0 };
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return (struct str){ 0 };
		if (s.p[i] < '0' || s.p[i] > '9')
			has_letter = true;
	}
	return has_letter ? s : (struct str){ 0 };
}

static int64_t status_inside(struct arena *a, struct jval root)
{
	struct jval v;
	int64_t status;

	for (size_t i = 0; i < COUNT_OF(status_paths); i++) {
		if (!jscan_at(root, status_paths[i], &v))
			continue;
		if (jscan_int(v, 400, 599, &status) ||
		    str_to_int(jscan_text(a, v), 400, 599, &status))
			return status;
	}
	return 0;
}

static bool says_content(const struct finding *f)
{
	static const struct str codes[] = {
		STR_INIT("unsupported_country_region_territory"),
		STR_INIT("content_filter"),
		STR_INIT("content_policy_violation"),
		STR_INIT("moderation"),
		STR_INIT("context_length_exceeded"),
	};

	for (size_t i = 0; i < COUNT_OF(codes); i++)
		if (str_eq(f->code, codes[i]) || str_eq(f->type, codes[i]))
			return true;
	return false;
}

/* A reseller's moderation, which says what it did not like. */
static bool says_flagged(struct jval root)
{
	struct jval v;

	return (jscan_at(root, "error.metadata.reasons", &v) && v.type == J_ARRAY) ||
	    jscan_at(root, "error.metadata.flagged_input", &v);
}

/* What the real provider said, where a reseller hides it behind "Provider returned error". */
static void quote_provider(struct arena *a, struct jval root, struct finding *f)
{
	struct jval raw;
	struct str said;

	if (!jscan_at(root, "error.metadata.raw", &raw))
		return;
	said = str_trim(jscan_text(a, raw));
	if (said.n && f->message.n)
		f->message = str_c(arena_fmt(a, "%.*s: %.*s", STR_ARG(f->message), STR_ARG(said)));
}

static struct finding find_error(struct arena *a, struct jval root)
{
	struct finding f = { 0 };
	struct jval first;
	struct jiter it;

	if (root.type == J_ARRAY) {
		it = jscan_iter(root);
		if (jscan_next_item(&it, &first))
			root = first;
	}
	if (root.type == J_STRING)
		f.message = str_trim(jscan_text(a, root));
	if (root.type != J_OBJECT)
		return f;
	f.message = first_text(a, root, message_paths, COUNT_OF(message_paths));
	f.type = as_code(first_text(a, root, type_paths, COUNT_OF(type_paths)));
	f.code = as_code(first_text(a, root, code_paths, COUNT_OF(code_paths)));
	f.param = as_code(first_text(a, root, param_paths, COUNT_OF(param_paths)));
	f.status = status_inside(a, root);
	if (!f.code.n && says_flagged(root))
		f.code = STR("content_filter");
	f.is_content = says_content(&f);
	quote_provider(a, root, &f);
	return f;
}

/* ---- status → what the client gets --------------------------------------------------------- */

static const char rejected_text[] = "upstream credentials rejected";
static const char no_credit_text[] = "the upstream account has no quota left";

/* KEEPS_LONE_TYPE: when the upstream gave no code beside it, and it is one of OpenAI's kind. */
enum { KEEPS_TYPE = 1, FIXED_CODE = 2, KEEPS_LONE_TYPE = 4 };

struct outcome {
	int upstream_status;
	enum err_kind kind;
	int status;
	const char *type;
	const char *code; /* when the upstream gave none */
	const char *text; /* instead of the upstream's message */
	unsigned flags;
};

/* clang-format off */
static const struct outcome auth_outcome =
	{ 401, ERR_UPSTREAM_AUTH, 502, "upstream_auth_error", "upstream_401",
	  rejected_text, FIXED_CODE };
static const struct outcome quota_outcome =
	{ 402, ERR_UPSTREAM_QUOTA, 502, "upstream_quota_error", "insufficient_quota",
	  no_credit_text, FIXED_CODE };
static const struct outcome content_outcome =
	{ 403, ERR_BAD_REQUEST, 403, "permission_error", "permission_denied", NULL, 0 };
static const struct outcome length_outcome =
	{ 400, ERR_BAD_REQUEST, 400, "invalid_request_error", "context_length_exceeded", NULL,
	  FIXED_CODE };
static const struct outcome client_outcome =
	{ 400, ERR_BAD_REQUEST, 400, "invalid_request_error", "", NULL, 0 };
static const struct outcome server_outcome =
	{ 500, ERR_UPSTREAM, 502, "server_error", "upstream_error", NULL, 0 };

static const struct outcome outcomes[] = {
	{ 400, ERR_BAD_REQUEST, 400, "invalid_request_error", "", NULL, KEEPS_LONE_TYPE },
	{ 404, ERR_MODEL_NOT_FOUND, 404, "invalid_request_error", "model_not_found", NULL, 0 },
	{ 408, ERR_UPSTREAM_TIMEOUT, 504, "timeout_error", "upstream_timeout", NULL, 0 },
	{ 413, ERR_TOO_LARGE, 413, "invalid_request_error", "request_too_large", NULL, 0 },
	{ 429, ERR_UPSTREAM, 429, "rate_limit_error", "rate_limit_exceeded", NULL, KEEPS_TYPE },
	{ 498, ERR_UPSTREAM, 503, "server_error", "overloaded", NULL, 0 },
	{ 499, ERR_UPSTREAM, 502, "server_error", "upstream_error", NULL, 0 },
	{ 503, ERR_UPSTREAM, 503, "server_error", "overloaded", NULL, 0 },
	{ 504, ERR_UPSTREAM_TIMEOUT, 504, "timeout_error", "upstream_timeout", NULL, 0 },
	{ 524, ERR_UPSTREAM_TIMEOUT, 504, "timeout_error", "upstream_timeout", NULL, 0 },
	{ 529, ERR_UPSTREAM, 503, "server_error", "overloaded", NULL, 0 },
};
/* clang-format on */

static bool is_one_of(struct str s, const struct str *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(s, list[i]))
			return true;
	return false;
}

/* Some services answer a bad key with 400. */
static bool says_bad_key(const struct finding *f)
{
	static const struct str codes[] = {
		STR_INIT("invalid_api_key"),
		STR_INIT("account_deactivated"),
		STR_INIT("authentication_error"),
	};

	return is_one_of(f->code, codes, COUNT_OF(codes)) ||
	    is_one_of(f->type, codes, COUNT_OF(codes)) ||
	    str_starts(f->message, STR("Incorrect API key"));
}

/* And an empty account with 400, 403 or 429. */
static bool says_no_credit(const struct finding *f)
{
	static const struct str codes[] = {
		STR_INIT("insufficient_quota"),
		STR_INIT("insufficient_balance_error"),
		STR_INIT("exceeded_current_quota_error"),
		STR_INIT("AccountOverdueError"),
		STR_INIT("billing_hard_limit_reached"),
	};

	return is_one_of(f->code, codes, COUNT_OF(codes)) ||
	    is_one_of(f->type, codes, COUNT_OF(codes));
}

/* Too many tokens is no matter of the key, though Together says 403 or 422. */
static bool says_too_long(const struct finding *f)
{
	return str_has(f->message, STR("max_new_tokens")) ||
	    str_has(f->message, STR("context length"));
}

static const struct outcome *choose_outcome(int status, const struct finding *f)
{
	if ((status == 403 || status == 422) && says_too_long(f))
		return &length_outcome;
	if (status == 402 || (status < 500 && says_no_credit(f)))
		return &quota_outcome;
	if (status == 401 || (status < 500 && says_bad_key(f)))
		return &auth_outcome;
	if (status == 403)
		return f->is_content ? &content_outcome : &auth_outcome;
	for (size_t i = 0; i < COUNT_OF(outcomes); i++)
		if (outcomes[i].upstream_status == status)
			return &outcomes[i];
	return status >= 400 && status < 500 ? &client_outcome : &server_outcome;
}

static void put_text(char *field, size_t size, struct str first, const char *fallback)
{
	struct str s = first.n ? first : str_c(fallback);

	if (s.n >= size)
		s.n = size - 1;
	memcpy(field, s.p, s.n);
	field[s.n] = '\0';
}

static void fill_err(const struct outcome *o, const struct finding *f, int status, struct err *err)
{
	const struct str none = { 0 };
	bool keeps_type = o->flags & KEEPS_TYPE ||
	    (o->flags & KEEPS_LONE_TYPE && !f->code.n && str_ends(f->type, STR("_error")));

	err_clear(err);
	if (o->text) {
		(void)err_set(err, o->kind, "%s", o->text);
		(void)err_detail(err, "upstream status %d: %.*s", status, STR_ARG(f->message));
	} else if (f->message.n) {
		(void)err_set(err, o->kind, "%.*s", STR_ARG(f->message));
	} else {
		(void)err_set(err, o->kind, "bad response status code %d", status);
	}
	err->status = o->status;
	err->upstream_status = status;
	put_text(err->upstream_type, sizeof(err->upstream_type), f->type, "");
	put_text(err->upstream_code, sizeof(err->upstream_code), f->code, "");
	put_text(err->type, sizeof(err->type), keeps_type ? f->type : none, o->type);
	put_text(err->code, sizeof(err->code), o->flags & FIXED_CODE ? none : f->code, o->code);
	put_text(err->param, sizeof(err->param), o->text ? none : f->param, "");
}

/* ---- bodies that are not JSON -------------------------------------------------------------- */

/* The first visible text of a page, for the log: tags dropped, blanks joined. */
static struct str page_text(struct arena *a, struct str body)
{
	char *text = arena_alloc(a, 201);
	bool in_tag = false;
	size_t n = 0;

	for (size_t i = 0; i < body.n && n < 200; i++) {
		char c = body.p[i];

		if (c == '<')
			in_tag = true;
		if (!in_tag && (unsigned char)c > ' ' && (unsigned char)c < 0x7f)
			text[n++] = c;
		else if (n && text[n - 1] != ' ')
			text[n++] = ' ';
		if (c == '>')
			in_tag = false;
	}
	text[n] = '\0';
	return str_trim((struct str){ text, n });
}

/* ---- the whole --------------------------------------------------------------------------- */

static void error_of(struct arena *a, int status, bool is_json, struct jval root, struct str body,
    struct err *err)
{
	struct finding f = { 0 };

	if (is_json)
		f = find_error(a, root);
	f.message = adaptor_mask(a, str_slice(f.message, 0, 2 * MESSAGE_MAX));
	fill_err(choose_outcome(status, &f), &f, status, err);
	if (!is_json && body.n)
		(void)err_detail(err, "upstream status %d: %.*s", status,
		    STR_ARG(adaptor_mask(a, page_text(a, body))));
}

void adaptor_error(int upstream_status, struct str body, struct err *err)
{
	struct arena *a = arena_new(2048);
	struct jval root = { 0 };
	bool is_json = jscan_value(body, &root) &&
	    (root.type == J_OBJECT || root.type == J_ARRAY || root.type == J_STRING);

	error_of(a, upstream_status, is_json, root, body, err);
	arena_free(a);
}

/* MiniMax reports every failure with status 200 and a number of its own. */
static int minimax_status(int64_t code)
{
	static const struct {
		int from, status;
	} known[] = {
		{ 1000, 500 },
		{ 1001, 504 },
		{ 1002, 429 },
		{ 1004, 401 },
		{ 1008, 402 },
		{ 1024, 500 },
		{ 1026, 400 },
		{ 1027, 400 },
		{ 1028, 403 },
		{ 1030, 403 },
		{ 1033, 502 },
		{ 1039, 429 },
		{ 1041, 429 },
		{ 1042, 400 },
		{ 2013, 400 },
		{ 2045, 429 },
		{ 2049, 401 },
		{ 2056, 429 },
		{ 2061, 403 },
	};

	for (size_t i = 0; i < COUNT_OF(known); i++)
		if (known[i].from == code)
			return known[i].status;
	return 500;
}

/* Servers that always write the member write it empty when all is well. */
static bool says_error(struct jval error)
{
	static const char *const telling[] = { "message", "type", "code" };
	struct jval v;

	if (error.type == J_STRING)
		return error.text.n > 2;
	if (error.type != J_OBJECT)
		return false;
	for (size_t i = 0; i < COUNT_OF(telling); i++)
		if (jscan_at(error, telling[i], &v) &&
		    ((v.type == J_STRING && v.text.n > 2) ||
		        (v.type == J_NUMBER && !str_eq_c(v.text, "0")) || v.type == J_OBJECT))
			return true;
	return false;
}

static bool has_error(struct jval root)
{
	struct jval v;

	return (jscan_member(root, STR("error"), &v) && says_error(v)) ||
	    (jscan_member(root, STR("object"), &v) && jscan_is(v, STR("error")));
}

/* 0: none. */
static int64_t minimax_code(struct jval root)
{
	struct jval v;
	int64_t code;

	return jscan_at(root, "base_resp.status_code", &v) && jscan_int(v, 1, 9999, &code) ? code
	                                                                                   : 0;
}

static int embedded_status(struct arena *a, struct jval root)
{
	int code;

	if (!has_error(root))
		return minimax_status(minimax_code(root));
	code = (int)status_inside(a, root);
	return code ? code : 502;
}

bool adaptor_error_inside(struct jval root, struct str body, struct err *err)
{
	struct arena *a;
	int status;

	/* Asked of every event: memory is taken only for an error. */
	if (root.type != J_OBJECT || (!has_error(root) && !minimax_code(root)))
		return false;
	a = arena_new(2048);
	status = embedded_status(a, root);
	error_of(a, status, true, root, body, err);
	if (status == 502)
		err->upstream_status = 200;
	arena_free(a);
	return true;
}
