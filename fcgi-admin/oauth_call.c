/* oauth_call.c — the calls of a sign-in, one after the other (oauth.h) */
#include "access.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "message.h"
#include "outcall.h"
#include "net/fcgi.h"
#include "oauth.h"

#define BODY_MAX_BYTES ((size_t)64 * 1024)
#define ERROR_CODE_MAX 64

/* ---- making a call ------------------------------------------------------------------------------- */

static void release_buf(void *buf)
{
	buf_release(buf);
}

static void release_upstream(void *upstream)
{
	upstream_req_release(upstream);
}

void oauth_ask(struct oauth *o, const char *method, struct str url)
{
	struct upstream_req *u = &o->upstream;

	upstream_req_init(u, o->r->arena);
	u->method = method;
	buf_add(&u->url, url);
	headers_add_c(&u->headers, "Accept", "application/json");
	buf_clear(&o->body);
	o->asked = true;
}

void oauth_bearer(struct oauth *o)
{
	const char *value = arena_fmt(o->r->arena, "Bearer %.*s", STR_ARG(o->access_token));

	headers_add_c(&o->upstream.headers, "Authorization", value);
}

void oauth_form(struct oauth *o, const char *name, struct str value)
{
	if (o->body.len == 0)
		headers_add_c(&o->upstream.headers, "Content-Type",
		    "application/x-www-form-urlencoded");
	buf_addf(&o->body, "%s%s=", o->body.len ? "&" : "", name);
	url_encode(&o->body, value);
}

void oauth_json(struct oauth *o, const char *name, struct str value)
{
	if (o->body.len == 0) {
		headers_add_c(&o->upstream.headers, "Content-Type", "application/json");
		buf_add_char(&o->body, '{');
	} else {
		buf_truncate(&o->body, o->body.len - 1);
	}
	json_add_name(&o->body, name);
	json_add_str(&o->body, value);
	buf_add_char(&o->body, '}');
}

void oauth_query(struct buf *url, const char *name, struct str value)
{
	buf_addf(url, "%c%s=", str_find(buf_str(url), '?') < url->len ? '&' : '?', name);
	url_encode(url, value);
}

void oauth_query_state(struct oauth *o, struct buf *url)
{
	oauth_query(url, "state", o->state.text);
	oauth_query(url, "code_challenge", oauth_state_challenge(o->r, &o->state));
	oauth_query(url, "code_challenge_method", STR("S256"));
}

struct str oauth_redirect_uri(struct oauth *o)
{
	struct str site = site_address(o->options);

	return str_c(arena_fmt(o->r->arena, "%.*s/oauth/%s", STR_ARG(site), o->provider->name));
}

/* ---- what came back ------------------------------------------------------------------------------ */

bool oauth_fault(struct oauth *o, const char *why, struct err *err)
{
	log_warn(&o->r->log, "oauth.failed", LOG_TEXT("provider", o->provider->name),
	    LOG_TEXT("why", why), LOG_INT("status", o->reply.status));
	return message_fail(o->r, err, MSG_O03);
}

bool oauth_id_ok(struct str id)
{
	if (id.n == 0 || id.n > OAUTH_ID_MAX || !str_is_utf8(id))
		return false;
	for (size_t i = 0; i < id.n; i++) {
		unsigned char c = (unsigned char)id.p[i];

		if (c <= ' ' || c == 0x7f)
			return false;
	}
	return true;
}

/* A word of the provider's protocol, such as invalid_grant; anything else could hold anything. */
static struct str error_code(const cJSON *tree)
{
	struct str code = json_str_at(tree, "error");

	if (code.n == 0 || code.n > ERROR_CODE_MAX)
		return (struct str){ 0 };
	for (size_t i = 0; i < code.n; i++) {
		char c = code.p[i];

		if (!(c >= 'a' && c <= 'z') && c != '_')
			return (struct str){ 0 };
	}
	return code;
}

/* The code is not, or no longer, good: RFC 6749's word for it, and GitHub's. */
static bool is_bad_code(struct str code)
{
	return str_eq_c(code, "invalid_grant") || str_eq_c(code, "bad_verification_code");
}

static bool refused(struct oauth *o, const cJSON *tree, struct err *err)
{
	struct str code = error_code(tree);

	log_warn(&o->r->log, "oauth.refused", LOG_TEXT("provider", o->provider->name),
	    LOG_INT("status", o->reply.status), LOG_STR("code", code));
	return message_fail(o->r, err, is_bad_code(code) ? MSG_O06 : MSG_O03);
}

bool oauth_object(struct oauth *o, const cJSON **tree, struct err *err)
{
	struct err ignored = { 0 };
	cJSON *got = NULL;
	bool ok = json_parse(o->r->arena, o->reply.body, &got, &ignored) && cJSON_IsObject(got);

	if (o->reply.status != 200 || (ok && json_at(got, "error")))
		return refused(o, ok ? got : NULL, err);
	if (!ok)
		return oauth_fault(o, "the reply is not JSON", err);
	*tree = got;
	return true;
}

bool oauth_token(struct oauth *o, const cJSON **tree, struct err *err)
{
	struct str token;

	if (!oauth_object(o, tree, err))
		return false;
	token = json_str_at(*tree, "access_token");
	for (size_t i = 0; i < token.n; i++) {
		if (token.p[i] <= ' ' || token.p[i] > '~')
			token.n = 0;
	}
	if (token.n == 0 || token.n > OAUTH_TOKEN_MAX)
		return oauth_fault(o, "the reply has no access token", err);
	o->access_token = token;
	return true;
}

/* ---- one step after the other -------------------------------------------------------------------- */

static bool proceed(struct req *r, struct resp *out, struct err *err);

struct oauth *oauth_of(const struct req *r)
{
	return access_actor(r)->job;
}

/* Gives the call to the wire: from then on nobody here touches r. */
static bool send(struct oauth *o, struct err *err)
{
	int64_t left = o->deadline_ms - clock_mono_ms();
	struct upstream_limits *limits = &o->upstream.limits;
	struct upstream_req *u = &o->upstream;
	struct req *r = o->r;

	if (left <= 0 || !r->server || !buf_ok(&o->body) || !buf_ok(&u->url)) {
		release_upstream(u);
		return oauth_fault(o, left <= 0 ? "it took too long" : "cannot be asked", err);
	}
	if (o->body.len) {
		u->body = arena_str(r->arena, buf_str(&o->body));
		u->has_body = true;
	}
	limits->total_ms = left < OAUTH_CALL_MS ? (int)left : OAUTH_CALL_MS;
	limits->connect_ms = limits->total_ms;
	limits->first_byte_ms = limits->total_ms;
	limits->idle_ms = limits->total_ms;
	outcall_send(r, u, OAUTH_REPLY_MAX, &o->reply, proceed);
	return true;
}

static bool arrived(struct oauth *o, struct err *err)
{
	const struct upstream_result *result = &o->reply.result;

	if (!result->ok) {
		log_warn(&o->r->log, "oauth.unreachable", LOG_TEXT("provider", o->provider->name),
		    LOG_ERR(&result->err));
		o->unreachable = true;
		return message_fail(o->r, err, MSG_O03);
	}
	o->unreachable = o->reply.status >= 500;
	return true;
}

/* *sent: the rest comes later. */
static bool next_call(struct oauth *o, bool *sent, struct err *err)
{
	*sent = false;
	for (; o->step->ask; o->step++) {
		o->asked = false;
		if (!o->step->ask(o, err)) {
			if (o->asked)
				release_upstream(&o->upstream);
			return false;
		}
		if (!o->asked)
			continue;
		*sent = true;
		return send(o, err);
	}
	return true;
}

static bool go_on(struct req *r, struct oauth *o, struct resp *out, struct err *err)
{
	bool sent;

	if (!next_call(o, &sent, err))
		return false;
	return sent || o->then(r, out, err);
}

/* Whoever failed because nobody answered may try the same state again. */
static bool failed(struct oauth *o, struct err *err)
{
	struct err ignored = { 0 };

	if (o->unreachable && o->state.text.n && !oauth_state_give_back(o->r, &o->state, &ignored))
		log_warn(&o->r->log, "oauth.state_failed", LOG_ERR(&ignored));
	return false;
}

static bool proceed(struct req *r, struct resp *out, struct err *err)
{
	struct oauth *o = oauth_of(r);

	if (!arrived(o, err) || !o->step->read(o, err))
		return failed(o, err);
	o->step++;
	return go_on(r, o, out, err);
}

bool oauth_run(struct req *r, struct oauth *o, const struct oauth_step *steps, handler_fn *then,
    struct resp *out, struct err *err)
{
	access_actor(r)->job = o;
	o->body = buf_init(BODY_MAX_BYTES);
	arena_defer(r->arena, release_buf, &o->body);
	o->step = steps;
	o->then = then;
	o->deadline_ms = clock_mono_ms() + OAUTH_TOTAL_MS;
	return go_on(r, o, out, err);
}
