/* redemptions.c — /api/redemption: codes that administrators make; POST /api/user/topup: a user
 * turns one into quota
 *
 * A code counts once: claiming it is a conditional update in the transaction that credits the user
 * and writes the log row. A used code keeps its status and its amount for ever. Wrong codes are
 * counted for each user, so that nobody tries them all.
 *
 * An extension: ?status= on the list, and `total` beside its data.
 */
#include <inttypes.h>

#include "access.h"
#include "admin.h"
#include "audit.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "billing/quota.h"
#include "body.h"
#include "message.h"
#include "objects.h"
#include "reply.h"
#include "routes.h"
#include "store/redemption.h"

#define NAME_MAX_BYTES 20
#define COUNT_MAX 100
#define CODE_QUOTA_MAX INT64_C(1000000000000000)
#define CODE_QUOTA_DEFAULT 100
#define WRONG_CODES_N 20
#define WRONG_CODES_PERIOD_MS INT64_C(1200000)

/* ---- reading --------------------------------------------------------------------------------- */

static bool list(struct req *r, struct resp *out, struct err *err)
{
	struct page page = reply_page(r);
	int64_t status = req_query_int(r, "status", 0), total;
	struct redemption_list rows;

	if (status < 0 || status > REDEMPTION_USED)
		status = 0;
	if (!redemption_page(db_of(r), box_of(r), r->arena, (int)status, page.offset, page.limit,
	        &rows, &total, err))
		return false;
	return reply_page_of(out, redemption_wire, rows.items, rows.count, sizeof *rows.items,
	    total);
}

static bool search(struct req *r, struct resp *out, struct err *err)
{
	struct redemption_list rows;

	return redemption_search(db_of(r), box_of(r), r->arena, req_query(r, "keyword"), SEARCH_MAX,
	           &rows, err) &&
	    reply_list(out, redemption_wire, rows.items, rows.count, sizeof *rows.items);
}

static bool get(struct req *r, struct resp *out, struct err *err)
{
	struct redemption code;
	int64_t id;

	if (!body_path_id(r, &id, err)) {
		err_clear(err);
		return message_fail(r, err, MSG_E04);
	}
	return redemption_by_id(db_of(r), box_of(r), r->arena, id, &code, err) &&
	    reply_object(out, redemption_wire, &code);
}

/* ---- create ---------------------------------------------------------------------------------- */

struct batch {
	struct str name;
	int64_t quota, count;
	struct redemption *codes;
};

static const struct field batch_body[] = {
	FIELD(struct batch, name, 0),
	FIELD(struct batch, quota, 0),
	FIELD(struct batch, count, 0),
	{ 0 },
};

static bool check_name(struct req *r, struct str name, struct err *err)
{
	if (name.n == 0 || name.n > NAME_MAX_BYTES || !str_is_utf8(name))
		return message_fail(r, err, MSG_R01);
	return true;
}

static bool check_quota(struct req *r, int64_t quota, struct err *err)
{
	if (quota < 1 || quota > CODE_QUOTA_MAX)
		return message_fail_member(r, err, "quota");
	return true;
}

static bool insert_batch(struct req *r, void *arg, struct err *err)
{
	struct batch *b = arg;
	const struct user *maker = &access_actor(r)->user;

	b->codes = arena_zalloc(r->arena, (size_t)b->count * sizeof *b->codes);
	for (int64_t i = 0; i < b->count; i++) {
		b->codes[i] = (struct redemption){
			.user_id = maker->id,
			.status = REDEMPTION_UNUSED,
			.name = b->name,
			.quota = b->quota,
		};
		if (!redemption_insert(db_of(r), box_of(r), r->arena, &b->codes[i], err))
			return false;
	}
	return audit_row(r, LOG_TYPE_MANAGE, maker->id, maker->username, 0,
	    arena_fmt(r->arena, "made %" PRId64 " redemption codes '%.*s' of %s each", b->count,
	        STR_ARG(b->name), audit_amount(r, b->quota)),
	    err);
}

static bool create(struct req *r, struct resp *out, struct err *err)
{
	struct batch b = { 0 };
	struct buf *to;

	if (!body_read(r, batch_body, &b, NULL, err) || !check_name(r, b.name, err))
		return false;
	if (b.count <= 0)
		return message_fail(r, err, MSG_R02);
	if (b.count > COUNT_MAX)
		return message_fail(r, err, MSG_R03);
	if (b.quota == 0)
		b.quota = CODE_QUOTA_DEFAULT;
	if (!check_quota(r, b.quota, err) || !audit_transact(r, insert_batch, &b, err))
		return false;
	log_info(&r->log, "redemption.created", LOG_INT("count", b.count),
	    LOG_INT("quota", b.quota));
	to = reply_open(out);
	buf_add_char(to, '[');
	for (int64_t i = 0; i < b.count; i++) {
		json_add_comma(to);
		json_add_str(to, b.codes[i].key);
	}
	buf_add_char(to, ']');
	return reply_close(out);
}

/* ---- update, delete -------------------------------------------------------------------------- */

struct code_change {
	int64_t id, quota;
	int status;
	struct str name;
	uint64_t seen;
	bool status_only;
	struct redemption after;
};

static const struct field change_body[] = {
	FIELD(struct code_change, id, 0),
	FIELD(struct code_change, quota, 0),
	FIELD(struct code_change, status, 0),
	FIELD(struct code_change, name, 0),
	{ 0 },
};

static bool sent(const struct code_change *c, const char *name)
{
	return (c->seen & field_bit(change_body, name)) != 0;
}

static bool change_status(struct req *r, const struct code_change *c, struct redemption *code,
    struct err *err)
{
	if (c->status != REDEMPTION_UNUSED && c->status != REDEMPTION_DISABLED)
		return message_fail_member(r, err, "status");
	if (code->status == REDEMPTION_USED)
		return message_fail(r, err, MSG_Q04);
	code->status = c->status;
	return true;
}

/* Forms send the whole object back: an amount that is what it was is no change. */
static bool change_rest(struct req *r, const struct code_change *c, struct redemption *code,
    struct err *err)
{
	if (sent(c, "name")) {
		if (!check_name(r, c->name, err))
			return false;
		code->name = c->name;
	}
	if (!sent(c, "quota") || c->quota == code->quota)
		return true;
	if (code->status == REDEMPTION_USED)
		return message_fail(r, err, MSG_Q04);
	code->quota = c->quota;
	return check_quota(r, c->quota, err);
}

static bool write_change(struct req *r, void *arg, struct err *err)
{
	struct code_change *c = arg;
	struct redemption *code = &c->after, before;
	const struct user *who = &access_actor(r)->user;
	bool changed;

	if (!redemption_by_id(db_of(r), box_of(r), r->arena, c->id, code, err))
		return false;
	before = *code;
	if (!(c->status_only ? change_status(r, c, code, err) : change_rest(r, c, code, err)))
		return false;
	if (before.status == REDEMPTION_USED)
		return redemption_rename(db_of(r), code->id, code->name, err);
	if (!redemption_update(db_of(r), code, &changed, err))
		return false;
	if (!changed)
		return message_fail(r, err, MSG_Q04);
	return audit_row(r, LOG_TYPE_MANAGE, who->id, who->username, 0,
	    arena_fmt(r->arena, "changed redemption code %" PRId64 ": status %d to %d, %s to %s",
	        code->id, before.status, code->status, audit_amount(r, before.quota),
	        audit_amount(r, code->quota)),
	    err);
}

static bool update(struct req *r, struct resp *out, struct err *err)
{
	struct code_change c = { .status_only = req_query(r, "status_only").n > 0 };

	if (!body_read(r, change_body, &c, &c.seen, err))
		return false;
	if (c.id <= 0)
		return message_fail(r, err, MSG_E04);
	if (!audit_transact(r, write_change, &c, err))
		return false;
	return reply_object(out, redemption_wire, &c.after);
}

static bool delete_code(struct req *r, struct resp *out, struct err *err)
{
	int64_t id;

	if (!body_path_id(r, &id, err)) {
		err_clear(err);
		return message_fail(r, err, MSG_E04);
	}
	if (!redemption_delete(db_of(r), id, err))
		return false;
	audit_note(r, arena_fmt(r->arena, "deleted redemption code %" PRId64, id));
	return reply_ok(out);
}

/* ---- redeem ---------------------------------------------------------------------------------- */

struct redeem {
	struct str key;
	struct redemption code;
};

static const struct field redeem_body[] = {
	FIELD(struct redeem, key, 0),
	{ 0 },
};

static bool redeem_in(struct req *r, void *arg, struct err *err)
{
	struct redeem *in = arg;
	const struct user *who = &access_actor(r)->user;
	const char *text;
	bool claimed;

	if (!redemption_find(db_of(r), box_of(r), r->arena, in->key, &in->code, err))
		return err->kind == ERR_NOT_FOUND ? message_fail(r, err, MSG_Q03) : false;
	if (!redemption_claim(db_of(r), in->code.id, who->id, &claimed, err))
		return false;
	if (!claimed)
		return message_fail(r, err, MSG_Q04);
	text =
	    arena_fmt(r->arena, "topped up by redemption code %s", audit_amount(r, in->code.quota));
	return quota_grant(db_of(r), who->id, in->code.quota, err) &&
	    audit_row(r, LOG_TYPE_TOPUP, who->id, who->username, in->code.quota, text, err);
}

/* The limit is taken from before and given back when the code was good: tries at the same moment
 * count as well. */
static bool redeem(struct req *r, struct resp *out, struct err *err)
{
	const struct rate_limit limit = { WRONG_CODES_N, WRONG_CODES_PERIOD_MS };
	struct rate_table *rates = admin_of(r)->rates;
	int64_t user_id = access_actor(r)->user.id;
	struct redeem in = { 0 };
	struct rate_view view;
	uint64_t cell;

	if (!body_read(r, redeem_body, &in, NULL, err))
		return false;
	in.key = str_trim(in.key);
	if (in.key.n == 0)
		return message_fail(r, err, MSG_Q01);
	cell = rate_key(rates, str_c(arena_fmt(r->arena, "redeem %" PRId64, user_id)));
	if (!rate_take(rates, cell, limit, 1, &view)) {
		err_set(err, ERR_RATE_LIMIT, "too many wrong codes");
		err->retry_after_s = (int)(view.retry_ms / 1000) + 1;
		return false;
	}
	if (in.key.n > REDEMPTION_KEY_MAX)
		return message_fail(r, err, MSG_Q03);
	if (!audit_transact(r, redeem_in, &in, err))
		return false;
	rate_adjust(rates, cell, limit, -1);
	log_info(&r->log, "redemption.used", LOG_INT("code", in.code.id),
	    LOG_INT("quota", in.code.quota));
	return reply_int(out, in.code.quota);
}

const struct route redemption_routes[] = {
	{ "GET", "/api/redemption", ROLE_ADMIN, 0, list, NULL },
	{ "GET", "/api/redemption/search", ROLE_ADMIN, 0, search, NULL },
	{ "GET", "/api/redemption/:id", ROLE_ADMIN, 0, get, NULL },
	{ "POST", "/api/redemption", ROLE_ADMIN, 0, create, NULL },
	{ "PUT", "/api/redemption", ROLE_ADMIN, 0, update, NULL },
	{ "DELETE", "/api/redemption/:id", ROLE_ADMIN, 0, delete_code, NULL },
	{ "POST", "/api/user/topup", ROLE_USER, 0, redeem, NULL },
	{ 0 },
};
