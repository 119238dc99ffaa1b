#include "audit.h"

#include <inttypes.h>

#include "access.h"
#include "admin.h"
#include "base/clock.h"
#include "base/err.h"

bool audit_transact(struct req *r, audit_fn *fn, void *arg, struct err *err)
{
	if (!db_begin(db_of(r), err))
		return false;
	if (!fn(r, arg, err)) {
		db_rollback(db_of(r));
		return false;
	}
	return db_commit(db_of(r), err);
}

bool audit_row(struct req *r, enum log_type type, int64_t user_id, struct str username,
    int64_t quota, const char *content, struct err *err)
{
	struct logrow row = {
		.type = (int)type,
		.user_id = user_id,
		.username = username,
		.created_at = clock_unix(),
		.quota = quota,
		.content = str_c(content),
		.request_id = str_c(r->id),
	};

	return logrow_insert(db_of(r), &row, err);
}

void audit_note(struct req *r, const char *content)
{
	const struct user *u = &access_actor(r)->user;
	struct err err = { 0 };

	if (!audit_row(r, LOG_TYPE_MANAGE, u->id, u->username, 0, content, &err))
		log_error(&r->log, "admin.audit_failed", LOG_ERR(&err),
		    LOG_TEXT("content", content));
}

const char *audit_amount_in(struct arena *a, const struct options *o, int64_t quota)
{
	double unit = option_double(o, OPT_QUOTA_PER_UNIT);

	if (!option_bool(o, OPT_DISPLAY_IN_CURRENCY_ENABLED) || !(unit > 0))
		return arena_fmt(a, "%" PRId64, quota);
	return arena_fmt(a, "%s$%.6f", quota < 0 ? "-" : "",
	    (quota < 0 ? -(double)quota : (double)quota) / unit);
}

const char *audit_amount(struct req *r, int64_t quota)
{
	return audit_amount_in(r->arena, options_of(r), quota);
}
