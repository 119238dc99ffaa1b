#include "turnstile.h"

#include "access.h"
#include "admin.h"
#include "base/err.h"
#include "base/json.h"
#include "message.h"
#include "outcall.h"
#include "net/cidr.h"
#include "net/upstream.h"
#include "store/code.h"

#define TOKEN_MAX 2048
#define REPLY_MAX ((size_t)64 * 1024)

struct check {
	handler_fn *then;
	struct str token;
	struct upstream_req upstream;
	struct buf form;
	struct upstream_reply reply;
};

/* Token and client address as one hash, in hex. */
static struct str subject_of(struct req *r, struct str token)
{
	struct str client = cidr_client(r->arena, r->remote_addr);
	const char *both = arena_fmt(r->arena, "%.*s\n%.*s", STR_ARG(client), STR_ARG(token));
	char *hex = arena_alloc(r->arena, 2 * SECRET_HASH_LEN + 1);
	uint8_t hash[SECRET_HASH_LEN];

	secret_hash(box_of(r), "turnstile", str_c(both), hash);
	for (size_t i = 0; i < sizeof(hash); i++) {
		hex[2 * i] = "0123456789abcdef"[hash[i] >> 4];
		hex[2 * i + 1] = "0123456789abcdef"[hash[i] & 15];
	}
	return (struct str){ hex, sizeof(hash) * 2 };
}

/* ---- what Cloudflare said -------------------------------------------------------------------- */

static bool passed(struct req *r, const struct check *c)
{
	struct err err = { 0 };
	cJSON *tree;

	if (!c->reply.result.ok) {
		log_warn(&r->log, "turnstile.failed", LOG_ERR(&c->reply.result.err));
		return false;
	}
	if (c->reply.status < 200 || c->reply.status > 299) {
		log_warn(&r->log, "turnstile.failed", LOG_INT("status", c->reply.status));
		return false;
	}
	return json_parse(r->arena, c->reply.body, &tree, &err) &&
	    json_bool_at(tree, "success", false);
}

/* On a worker. This call is the first of the token's uses. */
static bool proceed(struct req *r, struct resp *out, struct err *err)
{
	struct check *c = access_actor(r)->job;
	struct str subject;
	bool right;

	if (!passed(r, c))
		return message_fail(r, err, MSG_A06);
	subject = subject_of(r, c->token);
	if (!code_put(db_of(r), box_of(r), CODE_TURNSTILE, subject, STR(""), TURNSTILE_LIFE_S, 0,
	        err) ||
	    !code_use(db_of(r), CODE_TURNSTILE, subject, TURNSTILE_USES, &right, err))
		return false;
	return c->then(r, out, err);
}

/* ---- asking ---------------------------------------------------------------------------------- */

static void add_form(struct buf *b, const char *name, struct str value)
{
	buf_addf(b, "%s%s=", b->len ? "&" : "", name);
	url_encode(b, value);
}

static void release(void *buf)
{
	buf_release(buf);
}

static void start(struct req *r, struct check *c)
{
	struct upstream_req *u = &c->upstream;

	c->form = buf_init(16 * 1024);
	arena_defer(r->arena, release, &c->form);
	add_form(&c->form, "secret", option_text(options_of(r), OPT_TURNSTILE_SECRET_KEY));
	add_form(&c->form, "response", c->token);
	add_form(&c->form, "remoteip", r->remote_addr);
	upstream_req_init(u, r->arena);
	u->method = "POST";
	buf_add_c(&u->url, admin_of(r)->turnstile_url);
	headers_add_c(&u->headers, "Content-Type", "application/x-www-form-urlencoded");
	u->body = buf_str(&c->form);
	u->has_body = true;
	u->limits.connect_ms = TURNSTILE_TIMEOUT_MS;
	u->limits.first_byte_ms = TURNSTILE_TIMEOUT_MS;
	u->limits.total_ms = TURNSTILE_TIMEOUT_MS;
	outcall_send(r, u, REPLY_MAX, &c->reply, proceed);
}

bool turnstile_then(struct req *r, handler_fn *then, struct resp *out, struct err *err)
{
	struct check *c;
	bool known;

	if (!option_bool(options_of(r), OPT_TURNSTILE_CHECK_ENABLED))
		return then(r, out, err);
	c = ARENA_NEW(r->arena, struct check);
	c->then = then;
	c->token = req_query(r, "turnstile");
	if (c->token.n == 0)
		return message_fail(r, err, MSG_A05);
	if (c->token.n > TOKEN_MAX)
		return message_fail(r, err, MSG_A06);
	if (!code_use(db_of(r), CODE_TURNSTILE, subject_of(r, c->token), TURNSTILE_USES, &known,
	        err))
		return false;
	if (known)
		return then(r, out, err);
	if (!r->server) /* no threads: a test */
		return message_fail(r, err, MSG_A06);
	access_actor(r)->job = c;
	start(r, c);
	return true;
}
