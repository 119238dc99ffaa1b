/* tokens.c — /api/token: the API keys of whoever asks
 *
 * Their owner may read them again, unless the option KeyOnceEnabled says that a key is shown in the
 * answer to its creation only; then it looks like abcd…wxyz everywhere else.
 *
 * remain_quota of a key is a limit that its owner sets anew; what the owner has is not touched.
 */
#include <inttypes.h>

#include "access.h"
#include "admin.h"
#include "audit.h"
#include "base/clock.h"
#include "base/err.h"
#include "billing/quota.h"
#include "body.h"
#include "message.h"
#include "net/cidr.h"
#include "objects.h"
#include "reply.h"
#include "routes.h"
#include "store/token.h"

#define NAME_MAX_BYTES 30
#define TOKENS_PER_USER 1000
#define LIST_MAX 8192

static int64_t owner(const struct req *r)
{
	return access_actor(r)->user.id;
}

#define SHOWN_OF_KEY 4 /* characters at either end */

static void hide(struct req *r, struct token *t)
{
	struct str key = t->key;

	if (!option_bool(options_of(r), OPT_KEY_ONCE_ENABLED))
		return;
	if (key.n < 4 * SHOWN_OF_KEY) {
		t->key = STR("…");
		return;
	}
	t->key = str_c(arena_fmt(r->arena, "%.*s…%.*s", STR_ARG(str_slice(key, 0, SHOWN_OF_KEY)),
	    STR_ARG(str_slice(key, key.n - SHOWN_OF_KEY, key.n))));
}

static bool send_one(struct req *r, struct resp *out, struct token *t)
{
	hide(r, t);
	return reply_object(out, token_wire, t);
}

static bool send_list(struct req *r, struct resp *out, struct token_list *keys)
{
	for (size_t i = 0; i < keys->count; i++)
		hide(r, &keys->items[i]);
	return reply_list(out, token_wire, keys->items, keys->count, sizeof *keys->items);
}

static bool list(struct req *r, struct resp *out, struct err *err)
{
	struct str by = req_query(r, "order");
	struct page page = reply_page(r);
	enum token_order order = TOKENS_BY_ID;
	struct token_list keys;
	int64_t total;

	if (str_eq_c(by, "remain_quota"))
		order = TOKENS_BY_REMAIN;
	else if (str_eq_c(by, "used_quota"))
		order = TOKENS_BY_USED;
	if (!token_page(db_of(r), box_of(r), r->arena, owner(r), order, page.offset, page.limit,
	        &keys, err) ||
	    !token_count(db_of(r), owner(r), &total, err))
		return false;
	for (size_t i = 0; i < keys.count; i++)
		hide(r, &keys.items[i]);
	return reply_page_of(out, token_wire, keys.items, keys.count, sizeof *keys.items, total);
}

static bool search(struct req *r, struct resp *out, struct err *err)
{
	struct token_list keys;

	return token_search(db_of(r), box_of(r), r->arena, owner(r), req_query(r, "keyword"),
	           SEARCH_MAX, &keys, err) &&
	    send_list(r, out, &keys);
}

static bool get(struct req *r, struct resp *out, struct err *err)
{
	struct token key;
	int64_t id;

	return body_path_id(r, &id, err) &&
	    token_by_id(db_of(r), box_of(r), r->arena, id, owner(r), &key, err) &&
	    send_one(r, out, &key);
}

/* ---- what an owner may set ------------------------------------------------------------------- */

struct token_change {
	int64_t id;
	struct str name;
	int64_t expired_time, remain_quota;
	bool unlimited_quota;
	struct str models, subnet;
	int64_t capture_until;
	int status;
	uint64_t seen;
	bool status_only;
	struct token after;
};

static const struct field token_body[] = {
	FIELD(struct token_change, id, 0),
	FIELD(struct token_change, name, 0),
	FIELD(struct token_change, expired_time, 0),
	FIELD(struct token_change, remain_quota, 0),
	FIELD(struct token_change, unlimited_quota, 0),
	FIELD(struct token_change, models, 0),
	FIELD(struct token_change, subnet, 0),
	FIELD(struct token_change, capture_until, 0),
	FIELD(struct token_change, status, 0),
	{ 0 },
};

static bool has(const struct token_change *c, const char *name)
{
	return (c->seen & field_bit(token_body, name)) != 0;
}

static bool check_subnet(const struct req *r, struct str subnet, struct err *err)
{
	struct str rest = subnet, item;

	while (str_next(&rest, ',', &item)) {
		if (!cidr_valid(item))
			return message_fail_about(r, err, MSG_T02, item, (struct str){ 0 });
	}
	return true;
}

/* Members that were sent; the others stay as they are. */
static void apply(struct req *r, const struct token_change *c, struct token *t)
{
	if (has(c, "name"))
		t->name = c->name;
	if (has(c, "expired_time"))
		t->expired_time = c->expired_time;
	if (has(c, "remain_quota"))
		t->remain_quota = c->remain_quota;
	if (has(c, "unlimited_quota"))
		t->unlimited_quota = c->unlimited_quota;
	if (has(c, "models"))
		t->models = body_list(r->arena, c->models);
	if (has(c, "subnet"))
		t->subnet = body_list(r->arena, c->subnet);
	if (has(c, "capture_until"))
		t->capture_until = c->capture_until;
}

/* The member that cannot be so; NULL: all are fine. */
static const char *wrong_member(const struct token_change *c, const struct token *t)
{
	if (t->models.n > LIST_MAX)
		return "models";
	if (t->subnet.n > LIST_MAX)
		return "subnet";
	if (t->capture_until < 0)
		return "capture_until";
	if (t->expired_time < TOKEN_NEVER_EXPIRES)
		return "expired_time";
	/* Running requests may have taken an unchanged rest below zero. */
	if (t->remain_quota > QUOTA_MAX ||
	    (has(c, "remain_quota") && t->remain_quota < 0 && !t->unlimited_quota))
		return "remain_quota";
	return NULL;
}

static bool check(const struct req *r, const struct token_change *c, const struct token *t,
    struct err *err)
{
	const char *member = wrong_member(c, t);

	if (t->name.n > NAME_MAX_BYTES)
		return message_fail(r, err, MSG_T01);
	if (member)
		return message_fail_member(r, err, member);
	return check_subnet(r, t->subnet, err);
}

/* ---- create ---------------------------------------------------------------------------------- */

static bool insert(struct req *r, void *arg, struct err *err)
{
	struct token *t = arg;
	struct buf most = buf_init(16);
	int64_t count;

	if (!token_count(db_of(r), t->user_id, &count, err))
		return false;
	if (count >= TOKENS_PER_USER) {
		buf_add_int(&most, TOKENS_PER_USER);
		message_fail_about(r, err, MSG_T05, buf_str(&most), (struct str){ 0 });
		buf_release(&most);
		return false;
	}
	return token_insert(db_of(r), box_of(r), r->arena, t, err);
}

static bool create(struct req *r, struct resp *out, struct err *err)
{
	struct token_change c = { 0 };
	struct token t = {
		.user_id = owner(r),
		.status = TOKEN_ENABLED,
		.created_time = clock_unix(),
		.expired_time = TOKEN_NEVER_EXPIRES,
	};

	if (!body_read(r, token_body, &c, &c.seen, err))
		return false;
	apply(r, &c, &t);
	if (t.expired_time == 0)
		t.expired_time = TOKEN_NEVER_EXPIRES;
	if (!check(r, &c, &t, err) || !audit_transact(r, insert, &t, err))
		return false;
	log_info(&r->log, "token.created", LOG_INT("id", t.id));
	return reply_object(out, token_wire, &t);
}

/* ---- update ---------------------------------------------------------------------------------- */

static bool is_expired(const struct token *t)
{
	return t->expired_time != TOKEN_NEVER_EXPIRES && t->expired_time <= clock_unix();
}

static bool is_exhausted(const struct token *t)
{
	return !t->unlimited_quota && t->remain_quota <= 0;
}

static bool set_status(const struct req *r, int status, struct token *t, struct err *err)
{
	if (status != TOKEN_ENABLED && status != TOKEN_DISABLED)
		return message_fail_member(r, err, "status");
	if (status == TOKEN_ENABLED && t->status == TOKEN_EXPIRED && is_expired(t))
		return message_fail(r, err, MSG_T03);
	if (status == TOKEN_ENABLED && t->status == TOKEN_EXHAUSTED && is_exhausted(t))
		return message_fail(r, err, MSG_T04);
	t->status = status;
	return true;
}

/* A key that stopped by itself works again once the reason is gone. */
static void revive(struct token *t)
{
	if (t->status == TOKEN_EXPIRED && !is_expired(t))
		t->status = TOKEN_ENABLED;
	if (t->status == TOKEN_EXHAUSTED && !is_exhausted(t))
		t->status = TOKEN_ENABLED;
}

static bool change(struct req *r, const struct token_change *c, struct token *t, struct err *err)
{
	if (c->status_only)
		return set_status(r, c->status, t, err);
	apply(r, c, t);
	if (!check(r, c, t, err))
		return false;
	if (c->status == TOKEN_ENABLED && t->status != TOKEN_DISABLED &&
	    !set_status(r, TOKEN_ENABLED, t, err))
		return false;
	revive(t);
	return true;
}

static bool write_change(struct req *r, void *arg, struct err *err)
{
	struct token_change *c = arg;
	struct token *t = &c->after, before;

	if (!token_by_id(db_of(r), box_of(r), r->arena, c->id, owner(r), t, err))
		return false;
	before = *t;
	if (!change(r, c, t, err))
		return false;
	if ((t->remain_quota != before.remain_quota ||
	        t->unlimited_quota != before.unlimited_quota) &&
	    !quota_set_token(db_of(r), t->id, t->remain_quota, t->unlimited_quota, err))
		return false;
	return token_update(db_of(r), t, err);
}

static bool update(struct req *r, struct resp *out, struct err *err)
{
	struct token_change c = { .status_only = req_query(r, "status_only").n > 0 };

	if (!body_read(r, token_body, &c, &c.seen, err))
		return false;
	if (c.id <= 0)
		return message_fail(r, err, MSG_E04);
	if (!audit_transact(r, write_change, &c, err))
		return false;
	log_info(&r->log, "token.updated", LOG_INT("id", c.id));
	return send_one(r, out, &c.after);
}

static bool delete_token(struct req *r, struct resp *out, struct err *err)
{
	int64_t id;

	if (!body_path_id(r, &id, err) || !token_delete(db_of(r), id, owner(r), err))
		return false;
	log_info(&r->log, "token.deleted", LOG_INT("id", id));
	return reply_ok(out);
}

const struct route token_routes[] = {
	{ "GET", "/api/token", ROLE_USER, 0, list, NULL },
	{ "GET", "/api/token/search", ROLE_USER, 0, search, NULL },
	{ "GET", "/api/token/:id", ROLE_USER, 0, get, NULL },
	{ "POST", "/api/token", ROLE_USER, 0, create, NULL },
	{ "PUT", "/api/token", ROLE_USER, 0, update, NULL },
	{ "DELETE", "/api/token/:id", ROLE_USER, 0, delete_token, NULL },
	{ 0 },
};
