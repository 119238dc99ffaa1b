/* quota.c — taking: what a request sets aside, and while it runs takes in addition
 *
 * Taking is conditional: one UPDATE per row that says what must hold, and a row that did not change
 * is the refusal; only then is it asked why, for the message. When the second of two takes is
 * refused the first is undone by its exact opposite, so that a refused reservation leaves its
 * neighbours in the same transaction alone.
 */
#include "billing/quota.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "billing/budget.h"
#include "store/token.h"
#include "store/user.h"

#include "billing/quota_parts.h"

static bool token_refused(struct db *db, int64_t token_id, int64_t now, struct err *err)
{
	static const char sql[] = "SELECT status, expired_time FROM tokens "
	                          "WHERE id = ? AND deleted_at = 0";
	static const enum err_kind kinds[] = {
		[TOKEN_DISABLED] = ERR_KEY_DISABLED,
		[TOKEN_EXPIRED] = ERR_KEY_EXPIRED,
		[TOKEN_EXHAUSTED] = ERR_KEY_EXHAUSTED,
	};
	struct rows rows;
	int64_t status = 0, expired_time = 0;
	bool found = false;

	if (!db_query(db, sql, BIND(v_int(token_id)), &rows, err))
		return false;
	if (rows_next(&rows)) {
		found = true;
		status = rows_int(&rows, 0);
		expired_time = rows_int(&rows, 1);
	}
	if (!rows_close(&rows, err))
		return false;

	if (!found)
		return err_set(err, ERR_KEY_INVALID, "this key does not exist any more");
	if (status > TOKEN_ENABLED && status < (int64_t)COUNT_OF(kinds))
		return err_set(err, kinds[status], "this key is %s",
		    status == TOKEN_DISABLED      ? "disabled"
		        : status == TOKEN_EXPIRED ? "expired"
		                                  : "used up");
	if (status != TOKEN_ENABLED)
		return err_set(err, ERR_KEY_DISABLED, "this key is not usable");
	if (expired_time != TOKEN_NEVER_EXPIRES && expired_time < now)
		return err_set(err, ERR_KEY_EXPIRED, "this key is expired");
	return err_set(err, ERR_NO_KEY_QUOTA, "the quota of this key is not enough");
}

static bool take_from_token(struct db *db, int64_t token_id, int64_t amount, struct err *err)
{
	static const char sql[] =
	    "UPDATE tokens SET remain_quota = "
	    "CASE unlimited_quota WHEN 0 THEN remain_quota - ? ELSE remain_quota END "
	    "WHERE id = ? AND deleted_at = 0 AND status = 1 "
	    "AND (expired_time = -1 OR expired_time >= ?) "
	    "AND (unlimited_quota <> 0 OR remain_quota >= ?)";
	int64_t changed, now = clock_unix();

	if (token_id == 0)
		return true;
	if (!db_run(db, sql, BIND(v_int(amount), v_int(token_id), v_int(now), v_int(amount)),
	        &changed, err))
		return false;
	return changed == 1 || token_refused(db, token_id, now, err);
}

static bool user_refused(struct db *db, int64_t user_id, struct err *err)
{
	static const char sql[] = "SELECT status FROM users WHERE id = ?";
	struct rows rows;
	bool enabled = false;

	if (!db_query(db, sql, BIND(v_int(user_id)), &rows, err))
		return false;
	if (rows_next(&rows))
		enabled = rows_int(&rows, 0) == USER_ENABLED;
	if (!rows_close(&rows, err))
		return false;
	if (!enabled)
		return err_set(err, ERR_USER_DISABLED, "this user is disabled");
	return err_set(err, ERR_NO_QUOTA, "user quota is not enough");
}

static bool take_from_user(struct db *db, int64_t user_id, int64_t amount, struct err *err)
{
	static const char sql[] = "UPDATE users SET quota = quota - ? "
	                          "WHERE id = ? AND status = 1 AND quota >= ?";
	int64_t changed;

	if (!db_run(db, sql, BIND(v_int(amount), v_int(user_id), v_int(amount)), &changed, err))
		return false;
	return changed == 1 || user_refused(db, user_id, err);
}

/* Undo a take of this transaction. why is what the caller is told unless undoing fails as well. */
static bool undo_token(struct db *db, int64_t token_id, int64_t amount, struct err *err)
{
	static const char sql[] =
	    "UPDATE tokens SET remain_quota = "
	    "CASE unlimited_quota WHEN 0 THEN remain_quota + ? ELSE remain_quota END WHERE id = ?";

	if (token_id == 0)
		return true;
	return db_run(db, sql, BIND(v_int(amount), v_int(token_id)), NULL, err);
}

static bool undo_user(struct db *db, int64_t user_id, int64_t amount, struct err *err)
{
	static const char sql[] = "UPDATE users SET quota = quota + ? WHERE id = ?";

	return db_run(db, sql, BIND(v_int(amount), v_int(user_id)), NULL, err);
}

typedef bool budget_fn(struct db *db, struct str text, int64_t amount, struct err *err);

/* From all of them or from none. */
static bool take(struct db *db, const struct hold *hold, int64_t amount, budget_fn *from_budgets,
    struct err *err)
{
	struct err undo = { 0 };

	if (!take_from_token(db, hold->token_id, amount, err))
		return false;
	if (take_from_user(db, hold->user_id, amount, err)) {
		if (from_budgets(db, hold->budgets, amount, err))
			return true;
		if (!undo_user(db, hold->user_id, amount, &undo))
			*err = undo;
	}
	if (!undo_token(db, hold->token_id, amount, &undo))
		*err = undo; /* ERR_STORE: the whole transaction is void */
	return false;
}

static int64_t lease_of(const struct hold *hold)
{
	return hold->lease_s > 0 ? hold->lease_s : QUOTA_LEASE_S;
}

bool quota_reserve(struct db *db, const struct hold *hold, struct err *err)
{
	static const char sql[] =
	    "INSERT INTO reservations (request_id, user_id, token_id, channel_id, amount, cost, "
	    "node, lease_until, created_at, model_name, token_name, username, is_stream, budgets) "
	    "VALUES (?, ?, ?, ?, ?, -1, ?, ?, ?, ?, ?, ?, ?, ?)";
	int64_t now = clock_unix();

	assert(hold->amount >= 0 && hold->budgets.n <= BUDGETS_TEXT_MAX);
	if (!take(db, hold, hold->amount, budget_take, err))
		return false;
	if (db_run(db, sql,
	        BIND(v_text(hold->request_id), v_int(hold->user_id), v_int(hold->token_id),
	            v_int(hold->channel_id), v_int(hold->amount), v_text(hold->node),
	            v_int(now + lease_of(hold)), v_int(now), v_text(hold->model),
	            v_text(hold->token_name), v_text(hold->username), v_int(hold->is_stream),
	            v_text(hold->budgets)),
	        NULL, err))
		return true;
	if (!quota_is_duplicate(err) || !undo_token(db, hold->token_id, hold->amount, err) ||
	    !undo_user(db, hold->user_id, hold->amount, err) ||
	    !budget_untake(db, hold->budgets, hold->amount, err))
		return false;
	err_clear(err);
	return err_set(err, ERR_INTERNAL, "this request id is in use");
}

/* Of an update: another channel than the one reserved for may serve by now. */
#define SERVES                                                                                     \
	"channel_id = CASE WHEN ? <> 0 THEN ? ELSE channel_id END, "                               \
	"model_name = CASE WHEN ? <> 0 THEN ? ELSE model_name END"

/* Its channel's budgets go with it: first what is held already, then what comes in addition. */
static bool take_elsewhere(struct db *db, const struct hold *held, const struct hold *hold,
    int64_t more, struct err *err)
{
	static const char sql[] = "UPDATE reservations SET budgets = ? WHERE request_id = ?";
	struct hold moved = *held;
	struct err undo = { 0 };

	assert(hold->budgets.n <= BUDGETS_TEXT_MAX);
	moved.budgets = hold->budgets;
	if (!budget_move(db, held->budgets, moved.budgets, held->amount, err))
		return false;
	/* Nothing more is asked of nobody: what it holds may be all that a budget has. */
	if (more == 0 || take(db, &moved, more, budget_take, err))
		return db_run(db, sql, BIND(v_text(moved.budgets), v_text(hold->request_id)), NULL,
		    err);
	if (!budget_unmove(db, held->budgets, moved.budgets, held->amount, &undo))
		*err = undo; /* ERR_STORE: the whole transaction is void */
	return false;
}

bool quota_raise(struct db *db, const struct hold *hold, int64_t more, struct err *err)
{
	static const char find_sql[] =
	    "SELECT user_id, token_id, budgets, amount FROM reservations WHERE request_id = ?";
	static const char raise_sql[] =
	    "UPDATE reservations SET amount = amount + ?, " SERVES " WHERE request_id = ?";
	struct rows rows;
	struct hold held = { 0 };
	char budgets[BUDGETS_TEXT_MAX];
	bool found, ok;

	assert(more >= 0);
	if (!db_query(db, find_sql, BIND(v_text(hold->request_id)), &rows, err))
		return false;
	found = rows_next(&rows);
	if (found) {
		held.user_id = rows_int(&rows, 0);
		held.token_id = rows_int(&rows, 1);
		held.budgets = quota_copy_budgets(rows_text(&rows, 2), budgets);
		held.amount = rows_int(&rows, 3);
	}
	if (!rows_close(&rows, err))
		return false;
	if (!found)
		return err_set(err, ERR_NOT_FOUND, "this request has no reservation");
	if (hold->budgets.p && !str_eq(hold->budgets, held.budgets))
		ok = take_elsewhere(db, &held, hold, more, err);
	else
		ok = more == 0 ||
		    take(db, &held, more, hold->budgets.p ? budget_take : budget_take_more, err);
	return ok &&
	    db_run(db, raise_sql,
	        BIND(v_int(more), v_int(hold->channel_id), v_int(hold->channel_id),
	            v_int(hold->channel_id), v_text(hold->model), v_text(hold->request_id)),
	        NULL, err);
}

bool quota_checkpoint(struct db *db, const struct hold *hold, int64_t cost, int64_t prompt_tokens,
    int64_t completion_tokens, struct err *err)
{
	static const char sql[] =
	    "UPDATE reservations SET cost = CASE WHEN ? > cost THEN ? ELSE cost END, "
	    "prompt_tokens = CASE WHEN ? > prompt_tokens THEN ? ELSE prompt_tokens END, "
	    "completion_tokens = CASE WHEN ? > completion_tokens THEN ? ELSE completion_tokens "
	    "END, "
	    "lease_until = ?, " SERVES " WHERE request_id = ?";
	int64_t changed;

	if (!db_run(db, sql,
	        BIND(v_int(cost), v_int(cost), v_int(prompt_tokens), v_int(prompt_tokens),
	            v_int(completion_tokens), v_int(completion_tokens),
	            v_int(clock_unix() + lease_of(hold)), v_int(hold->channel_id),
	            v_int(hold->channel_id), v_int(hold->channel_id), v_text(hold->model),
	            v_text(hold->request_id)),
	        &changed, err))
		return false;
	return changed == 1 || err_set(err, ERR_NOT_FOUND, "this request has no reservation");
}
