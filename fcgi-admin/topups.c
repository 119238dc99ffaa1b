/* topups.c — POST /api/topup: a payment integration credits a user
 *
 * A payment that is reported twice credits once, when the integration says its number: member
 * transaction_id or header Idempotency-Key.
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
#include "person.h"
#include "reply.h"
#include "routes.h"

#define TOPUP_KEY_MAX 128

struct topup {
	int64_t user_id, quota;
	struct str remark, transaction_id;
	bool repeated; /* this transaction was credited before */
};

static const struct field topup_body[] = {
	FIELD(struct topup, user_id, 0),
	FIELD(struct topup, quota, 0),
	FIELD(struct topup, remark, 0),
	FIELD(struct topup, transaction_id, 0),
	{ 0 },
};

/* Remembers the payment; not in the log, which may be cleaned. */
static bool note_payment(struct req *r, struct topup *t, struct err *err)
{
	static const char sql[] = "INSERT OR IGNORE INTO payments VALUES (?, ?, ?)";
	int64_t added;

	if (t->transaction_id.n == 0)
		return true;
	if (!db_run(db_of(r), sql,
	        BIND(v_int(t->user_id), v_text(t->transaction_id), v_int(clock_unix())), &added,
	        err))
		return false;
	t->repeated = added == 0;
	return true;
}

static bool credit(struct req *r, void *arg, struct err *err)
{
	struct topup *t = arg;
	struct logrow row = { .type = LOG_TYPE_TOPUP, .created_at = clock_unix() };
	struct user u;

	if (!person_find(r, t->user_id, &u, err))
		return err->kind == ERR_NOT_FOUND ? message_fail(r, err, MSG_U19) : false;
	if (!note_payment(r, t, err))
		return false;
	if (t->repeated)
		return true;
	row.user_id = u.id;
	row.username = u.username;
	row.quota = t->quota;
	row.request_id = t->transaction_id.n ? t->transaction_id : str_c(r->id);
	row.content = t->remark;
	if (row.content.n == 0)
		row.content =
		    str_c(arena_fmt(r->arena, "topped up via API: %s", audit_amount(r, t->quota)));
	return quota_grant(db_of(r), u.id, t->quota, err) && logrow_insert(db_of(r), &row, err);
}

static bool topup(struct req *r, struct resp *out, struct err *err)
{
	struct topup t = { 0 };
	const char *note;

	if (!body_read(r, topup_body, &t, NULL, err))
		return false;
	if (t.transaction_id.n == 0)
		t.transaction_id = req_header(r, "idempotency-key");
	if (t.quota < 0)
		return message_fail(r, err, MSG_Q05);
	if (t.quota > QUOTA_MAX)
		return message_fail_member(r, err, "quota");
	if (t.transaction_id.n > TOPUP_KEY_MAX)
		return message_fail_member(r, err, "transaction_id");
	if (!audit_transact(r, credit, &t, err))
		return false;
	if (!t.repeated) {
		note = arena_fmt(r->arena, "topped up user %" PRId64 " via API: %s", t.user_id,
		    audit_amount(r, t.quota));
		audit_note(r, note);
	}
	log_info(&r->log, "user.topped_up", LOG_INT("id", t.user_id), LOG_INT("quota", t.quota),
	    LOG_INT("repeated", t.repeated));
	return reply_ok(out);
}

const struct route topup_routes[] = {
	{ "POST", "/api/topup", ROLE_ADMIN, 0, topup, NULL },
	{ 0 },
};
