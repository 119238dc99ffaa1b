/* adaptor.c — what all dialects share: upstream errors, masking, usage
 *
 * An upstream's error reaches the client with its status, type and code translated by the tables
 * below and its message masked. What the upstream says about the operator's own account (key,
 * credit) goes to the log only; the client reads a fixed sentence and a 502, because client tools
 * take a 401 for a fault of their own key.
 */
#include "provider/adaptor.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "provider/catalog.h"
#include "provider/providers.h"

#define MESSAGE_MAX 512
#define TOKENS_CEILING (INT64_C(1) << 31)
/* A report may be so many tokens, or so many times our own count, above what we saw. */
#define REPORT_SLACK (INT64_C(1) << 20)
#define REPORT_FACTOR 64

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

static bool says_content(struct jval root, const struct finding *f)
{
	static const struct str codes[] = {
		STR_INIT("unsupported_country_region_territory"),
		STR_INIT("content_filter"),
		STR_INIT("content_policy_violation"),
		STR_INIT("moderation"),
		STR_INIT("context_length_exceeded"),
	};
	struct jval v;

	for (size_t i = 0; i < COUNT_OF(codes); i++)
		if (str_eq(f->code, codes[i]) || str_eq(f->type, codes[i]))
			return true;
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
	f.is_content = says_content(root, &f);
	quote_provider(a, root, &f);
	return f;
}

/* ---- status → what the client gets --------------------------------------------------------- */

static const char rejected_text[] = "upstream credentials rejected";
static const char no_credit_text[] = "the upstream account has no quota left";

enum { KEEPS_TYPE = 1, FIXED_CODE = 2 };

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
static const struct outcome client_outcome =
	{ 400, ERR_BAD_REQUEST, 400, "invalid_request_error", "", NULL, 0 };
static const struct outcome server_outcome =
	{ 500, ERR_UPSTREAM, 502, "server_error", "upstream_error", NULL, 0 };

static const struct outcome outcomes[] = {
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

static const struct outcome *choose_outcome(int status, const struct finding *f)
{
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
	put_text(err->type, sizeof(err->type), o->flags & KEEPS_TYPE ? f->type : none, o->type);
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

/* 0: no error in it. */
static int embedded_status(struct arena *a, struct jval root)
{
	struct jval v;
	int64_t code;

	if ((jscan_member(root, STR("error"), &v) && says_error(v)) ||
	    (jscan_member(root, STR("object"), &v) && jscan_is(v, STR("error")))) {
		code = status_inside(a, root);
		return code ? (int)code : 502;
	}
	if (jscan_at(root, "base_resp.status_code", &v) && jscan_int(v, 1, 9999, &code))
		return minimax_status(code);
	return 0;
}

bool adaptor_error_inside(struct jval root, struct str body, struct err *err)
{
	struct arena *a;
	int status = 0;

	if (root.type != J_OBJECT)
		return false;
	a = arena_new(2048);
	status = embedded_status(a, root);
	if (status) {
		error_of(a, status, true, root, body, err);
		if (status == 502)
			err->upstream_status = 200;
	}
	arena_free(a);
	return status != 0;
}

/* ---- masking ----------------------------------------------------------------------------- */

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool in_key(char c)
{
	return is_alnum(c) || c == '-' || c == '_' || c == '*';
}

static bool in_run(char c)
{
	return is_alnum(c) || c == '_' || c == '+' || c == '/' || c == '=';
}

/* What RFC 6750 lets a bearer token be made of; the dots of a JWT among them. */
static bool in_token(char c)
{
	return in_key(c) || in_run(c) || c == '.' || c == '~';
}

static bool in_url(char c)
{
	return c > ' ' && c < 0x7f && !strchr("\"'<>()[]{}`,", c);
}

static size_t span(struct str s, size_t from, bool (*inside)(char))
{
	size_t n = from;

	while (n < s.n && inside(s.p[n]))
		n++;
	return n - from;
}

/* Beginnings of secrets: what follows belongs to them. */
static const struct secret_prefix {
	struct str text;
	size_t least; /* characters that must follow */
	bool (*inside)(char);
	size_t keep; /* of the prefix, that stay readable */
} secret_prefixes[] = {
	{ STR_INIT("Bearer "), 6, in_token, 7 },
	{ STR_INIT("https://"), 1, in_url, 8 },
	{ STR_INIT("http://"), 1, in_url, 7 },
	{ STR_INIT("wss://"), 1, in_url, 6 },
	{ STR_INIT("sk-"), 4, in_key, 0 },
	{ STR_INIT("sk_"), 4, in_key, 0 },
	{ STR_INIT("gsk_"), 4, in_key, 0 },
	{ STR_INIT("xai-"), 8, in_key, 0 },
	{ STR_INIT("AIza"), 8, in_key, 0 },
	{ STR_INIT("org-"), 6, in_key, 0 },
	{ STR_INIT("proj_"), 6, in_key, 0 },
};

/* Long and random: 32 characters without a blank or hyphen, among them letters and digits. */
static size_t random_run(struct str s)
{
	size_t n = span(s, 0, in_run), digits = 0;

	for (size_t i = 0; i < n; i++)
		digits += s.p[i] >= '0' && s.p[i] <= '9';
	return n >= 32 && digits > 1 ? n : 0;
}

/* How many bytes of a secret s begins with; *keep of them stay. */
static size_t secret_length(struct str s, size_t *keep)
{
	for (size_t i = 0; i < COUNT_OF(secret_prefixes); i++) {
		const struct secret_prefix *p = &secret_prefixes[i];
		size_t tail;

		if (!str_starts_nocase(s, p->text))
			continue;
		tail = span(s, p->text.n, p->inside);
		*keep = p->keep;
		if (tail >= p->least)
			return p->text.n + tail;
	}
	*keep = 0;
	return random_run(s);
}

struct str adaptor_mask(struct arena *a, struct str message)
{
	struct buf out = buf_init(message.n * 2 + 16);
	struct str masked;
	size_t i = 0;

	while (i < message.n) {
		bool boundary = i == 0 || !is_alnum(message.p[i - 1]);
		size_t keep = 0;
		size_t n = boundary ? secret_length(str_slice(message, i, message.n), &keep) : 0;

		if (n == 0) {
			buf_add_char(&out, message.p[i++]);
			continue;
		}
		buf_add(&out, str_slice(message, i, i + keep));
		buf_add(&out, STR("***"));
		i += n;
	}
	masked = arena_str(a, buf_str(&out));
	buf_release(&out);
	return masked;
}

/* Every needle in text becomes ***, in place. */
static void blot_out(char *text, struct str needle)
{
	char *at = text;

	if (needle.n < 4)
		return;
	for (;;) {
		struct str rest = str_c(at);
		size_t found = str_find_str(rest, needle);

		if (found == rest.n)
			return;
		at += found;
		memcpy(at, "***", 3);
		memmove(at + 3, at + needle.n, rest.n - found - needle.n + 1);
		at += 3;
	}
}

static struct str host_of(struct str url)
{
	size_t scheme = str_find_str(url, STR("://"));

	if (scheme < url.n)
		url = str_slice(url, scheme + 3, url.n);
	return str_slice(url, 0, str_find(url, '/'));
}

void adaptor_scrub(const struct call *c, struct err *err)
{
	const struct str secrets[] = { c->channel->row.key, host_of(c->channel->base_url) };

	for (size_t i = 0; i < COUNT_OF(secrets); i++) {
		blot_out(err->msg, secrets[i]);
		blot_out(err->detail, secrets[i]);
	}
}

/* ---- usage ------------------------------------------------------------------------------- */

/* The members of those names, in one walk; absent ones are J_NONE. */
static void pick(struct jval object, const struct str *names, struct jval *out, size_t n)
{
	struct jiter it = jscan_iter(object);
	struct jval value;
	struct str name;

	memset(out, 0, n * sizeof(*out));
	while (object.type == J_OBJECT && jscan_next_member(&it, &name, &value))
		for (size_t i = 0; i < n; i++)
			if (jscan_name_is(name, names[i]))
				out[i] = value;
}

/* A count of tokens, or 0; *found when it was there at all. */
static int64_t tokens(struct jval v, bool *found)
{
	int64_t n;

	if (!jscan_int(v, INT64_MIN, INT64_MAX, &n))
		return 0;
	if (found)
		*found = true;
	if (n < 0)
		return 0;
	return n < TOKENS_CEILING ? n : TOKENS_CEILING;
}

static int64_t larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* Three ways of counting that part from OpenAI's, told apart by the numbers themselves: reasoning
 * beside completion (the sum shows it), cached beside prompt (a part larger than the whole), and
 * nothing but a sum, which adaptor_complete_usage divides. */
static void mend_usage(struct usage *u, int64_t total)
{
	int64_t sum = u->prompt_tokens + u->completion_tokens;

	if (u->reasoning_tokens && total == sum + u->reasoning_tokens)
		u->completion_tokens += u->reasoning_tokens;
	if (u->cached_tokens > u->prompt_tokens)
		u->prompt_tokens += u->cached_tokens;
	if (u->prompt_tokens == 0)
		u->completion_tokens = larger(u->completion_tokens, total);
}

bool adaptor_usage(struct jval usage, struct usage *out)
{
	enum { PROMPT, COMPLETION, TOTAL, CACHE_HIT, PROMPT_DETAILS, COMPLETION_DETAILS };
	enum { CACHED, CACHE_WRITE };
	static const struct str names[] = { STR_INIT("prompt_tokens"),
		STR_INIT("completion_tokens"), STR_INIT("total_tokens"),
		STR_INIT("prompt_cache_hit_tokens"), STR_INIT("prompt_tokens_details"),
		STR_INIT("completion_tokens_details") };
	static const struct str of_prompt[] = { STR_INIT("cached_tokens"),
		STR_INIT("cache_write_tokens") };
	static const struct str of_completion[] = { STR_INIT("reasoning_tokens") };
	struct jval v[COUNT_OF(names)], prompt[COUNT_OF(of_prompt)], reasoning;
	struct usage u = { 0 };
	bool found = false;
	int64_t total;

	if (usage.type != J_OBJECT)
		return false;
	pick(usage, names, v, COUNT_OF(names));
	pick(v[PROMPT_DETAILS], of_prompt, prompt, COUNT_OF(of_prompt));
	pick(v[COMPLETION_DETAILS], of_completion, &reasoning, COUNT_OF(of_completion));
	u.prompt_tokens = tokens(v[PROMPT], &found);
	u.completion_tokens = tokens(v[COMPLETION], &found);
	total = tokens(v[TOTAL], &found);
	u.cached_tokens = larger(tokens(prompt[CACHED], NULL), tokens(v[CACHE_HIT], NULL));
	u.cache_write_tokens = tokens(prompt[CACHE_WRITE], NULL);
	u.reasoning_tokens = tokens(reasoning, NULL);
	if (!found)
		return false;
	mend_usage(&u, total);
	u.reported = u.prompt_tokens + u.completion_tokens > 0;
	*out = u;
	return true;
}

/* No mistake of an upstream may empty an account. What we do not see (images by URL, hidden
 * reasoning, tools on the other side) fits the slack by far. */
static int64_t believable(int64_t reported, int64_t counted)
{
	int64_t most = REPORT_SLACK + REPORT_FACTOR * counted;

	return reported < most ? reported : most;
}

void adaptor_complete_usage(struct call *c, int64_t prompt_estimate)
{
	struct usage *u = &c->usage;
	int64_t counted = token_meter_count(&c->meter);

	if (!u->reported) {
		u->prompt_tokens = prompt_estimate;
		u->completion_tokens = counted;
		return;
	}
	if (u->prompt_tokens == 0) {
		int64_t total = u->completion_tokens;

		u->prompt_tokens = prompt_estimate < total ? prompt_estimate : total;
		u->completion_tokens = total - u->prompt_tokens;
	}
	u->prompt_tokens = believable(u->prompt_tokens, prompt_estimate);
	u->completion_tokens = believable(u->completion_tokens, counted);
}

struct str adaptor_keep(struct arena *a, struct buf *b)
{
	struct str kept = buf_str(b);

	arena_defer(a, mem_free, buf_detach(b));
	return kept;
}
