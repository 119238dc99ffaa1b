/* quota_settle.c — settling and releasing, once each, and correcting what is settled */
#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "billing/budget.h"
#include "store/usage.h"

#include "billing/quota_parts.h"

bool quota_is_duplicate(const struct err *err)
{
	return strcmp(err->code, "duplicate") == 0;
}

struct str quota_copy_budgets(struct str text, char out[BUDGETS_TEXT_MAX])
{
	assert(text.n <= BUDGETS_TEXT_MAX); /* quota_reserve's */
	if (text.n)
		memcpy(out, text.p, text.n);
	return (struct str){ out, text.n };
}

/* Reads and removes; whoever removes it settles it. */
static bool reservation_take(struct db *db, struct str request_id, struct reservation *r,
    bool *found, struct err *err)
{
	static const char find_sql[] = "SELECT user_id, token_id, channel_id, amount, budgets "
	                               "FROM reservations WHERE request_id = ?";
	static const char delete_sql[] = "DELETE FROM reservations WHERE request_id = ?";
	struct rows rows;
	int64_t changed;

	if (!db_query(db, find_sql, BIND(v_text(request_id)), &rows, err))
		return false;
	*found = rows_next(&rows);
	if (*found) {
		r->user_id = rows_int(&rows, 0);
		r->token_id = rows_int(&rows, 1);
		r->channel_id = rows_int(&rows, 2);
		r->amount = rows_int(&rows, 3);
		r->budgets = quota_copy_budgets(rows_text(&rows, 4), r->budgets_text);
	}
	if (!rows_close(&rows, err))
		return false;
	if (!*found)
		return true;
	if (!db_run(db, delete_sql, BIND(v_text(request_id)), &changed, err))
		return false;
	*found = changed == 1;
	return true;
}

int64_t quota_charge_of(const struct logrow *row)
{
	return row->quota < 0 ? 0 : row->quota > QUOTA_MAX ? QUOTA_MAX : row->quota;
}

bool quota_log_charge(struct db *db, const struct logrow *row, const struct reservation *r,
    bool write_log, bool *fresh, struct err *err)
{
	struct logrow charge = *row;
	struct err why = { 0 };

	charge.type = LOG_TYPE_CONSUME;
	charge.quota = quota_charge_of(row);
	charge.user_id = r->user_id;
	charge.token_id = r->token_id;
	if (charge.channel == 0)
		charge.channel = r->channel_id;
	if (charge.created_at == 0)
		charge.created_at = clock_unix();
	if (!write_log)
		return usage_add_unlogged(db, &charge, err);
	*fresh = logrow_insert(db, &charge, &why);
	if (*fresh)
		return true;
	if (!quota_is_duplicate(&why)) {
		*err = why;
		return false;
	}
	log_error(NULL, "quota.charged_twice", LOG_STR("request", row->request_id),
	    LOG_INT("user", r->user_id), LOG_INT("quota", charge.quota));
	return true;
}

bool quota_settle_into(struct db *db, struct quota_sums *s, const struct logrow *row,
    bool write_log, bool *found, struct err *err)
{
	struct reservation r;
	int64_t cost = quota_charge_of(row);
	bool fresh = true;

	if (!quota_sums_make_room(db, s, err) ||
	    !reservation_take(db, row->request_id, &r, found, err))
		return false;
	if (!*found)
		return quota_settle_swept(db, s, row, write_log, found, err);
	if (!quota_log_charge(db, row, &r, write_log, &fresh, err))
		return false;
	if (!fresh)
		cost = 0;
	if (!budget_settle(db, r.budgets, r.amount, cost, err))
		return false;
	quota_sums_add(s, SUM_USER, r.user_id, r.amount - cost, cost, fresh);
	quota_sums_add(s, SUM_TOKEN, r.token_id, r.amount - cost, cost, fresh);
	quota_sums_add(s, SUM_CHANNEL, row->channel ? row->channel : r.channel_id, 0, cost, fresh);
	*found = fresh;
	return true;
}

bool quota_release_into(struct db *db, struct quota_sums *s, struct str request_id, bool *found,
    struct err *err)
{
	struct reservation r;

	if (!quota_sums_make_room(db, s, err) || !reservation_take(db, request_id, &r, found, err))
		return false;
	if (!*found)
		return quota_release_swept(db, s, request_id, err);
	if (!budget_settle(db, r.budgets, r.amount, 0, err))
		return false;
	quota_sums_add(s, SUM_USER, r.user_id, r.amount, 0, 0);
	quota_sums_add(s, SUM_TOKEN, r.token_id, r.amount, 0, 0);
	return true;
}

bool quota_settle(struct db *db, const struct logrow *row, bool write_log, bool *settled,
    struct err *err)
{
	struct small_sums small;
	struct quota_sums *s = quota_sums_small(&small);

	return quota_settle_into(db, s, row, write_log, settled, err) &&
	    quota_sums_flush(db, s, err);
}

static int64_t bounded(int64_t quota)
{
	return quota < -QUOTA_MAX ? -QUOTA_MAX : quota > QUOTA_MAX ? QUOTA_MAX : quota;
}

bool quota_correct(struct db *db, const struct logrow *row, struct str budgets, bool write_log,
    struct err *err)
{
	struct small_sums small;
	struct quota_sums *s = quota_sums_small(&small);
	struct logrow change = *row;

	change.type = LOG_TYPE_CONSUME;
	change.quota = bounded(row->quota);
	if (change.created_at == 0)
		change.created_at = clock_unix();
	if (!(write_log ? logrow_insert(db, &change, err) : usage_add_unlogged(db, &change, err))) {
		if (!quota_is_duplicate(err))
			return false;
		/* An error would hold up everybody's settlements, again and again. */
		err_clear(err);
		log_error(NULL, "quota.corrected_twice", LOG_STR("request", row->request_id),
		    LOG_INT("user", row->user_id), LOG_INT("quota", change.quota));
		return true;
	}
	if (!budget_settle(db, budgets, 0, change.quota, err))
		return false;
	quota_sums_add(s, SUM_USER, row->user_id, -change.quota, change.quota, 1);
	quota_sums_add(s, SUM_TOKEN, row->token_id, -change.quota, change.quota, 1);
	quota_sums_add(s, SUM_CHANNEL, row->channel, 0, change.quota, 1);
	return quota_sums_flush(db, s, err);
}

bool quota_release(struct db *db, struct str request_id, struct err *err)
{
	struct small_sums small;
	struct quota_sums *s = quota_sums_small(&small);
	bool found;

	return quota_release_into(db, s, request_id, &found, err) && quota_sums_flush(db, s, err);
}
