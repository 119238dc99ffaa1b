/* quota.c — see quota.h
 *
 * Taking is conditional: one UPDATE per row that says what must hold, and a row that did not change
 * is the refusal; only then is it asked why, for the message. When the second of two takes is
 * refused the first is undone by its exact opposite, so that a refused reservation leaves its
 * neighbours in the same transaction alone.
 *
 * Giving back and charging are plain additions, so their order does not matter and those of one
 * transaction are added up before they are written (struct quota_sums).
 */
#include "billing/quota.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "billing/budget.h"
#include "store/channel.h"
#include "store/db.h"
#include "store/token.h"
#include "store/usage.h"
#include "store/user.h"

/* ---- taking ----------------------------------------------------------------------------------*/

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

static bool is_duplicate(const struct err *err)
{
	return strcmp(err->code, "duplicate") == 0;
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
	if (!is_duplicate(err) || !undo_token(db, hold->token_id, hold->amount, err) ||
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

/* Out of a row, before it is closed. */
static struct str copy_budgets(struct str text, char out[BUDGETS_TEXT_MAX])
{
	assert(text.n <= BUDGETS_TEXT_MAX); /* quota_reserve's */
	if (text.n)
		memcpy(out, text.p, text.n);
	return (struct str){ out, text.n };
}

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
		held.budgets = copy_budgets(rows_text(&rows, 2), budgets);
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

/* ---- sums ------------------------------------------------------------------------------------*/

enum sum_kind { SUM_FREE, SUM_USER, SUM_TOKEN, SUM_CHANNEL };

struct sum {
	enum sum_kind kind;
	int64_t id;
	int64_t balance; /* given back less charged */
	int64_t used, requests;
};

struct quota_sums {
	struct sum *slots; /* open addressing; at most three quarters full */
	size_t mask;
	uint32_t *filled; /* slots in the order they were filled */
	size_t count;
};

/* A settlement fills at most one slot of each kind, a late one two of channels. */
enum { SUMS_PER_SETTLEMENT = 4, SUMS_SMALL = 8 };

struct quota_sums *quota_sums_new(size_t settlements)
{
	struct quota_sums *s = MEM_NEW(struct quota_sums);
	size_t slots = SUMS_SMALL;

	while (slots * 3 / 4 < settlements * SUMS_PER_SETTLEMENT)
		slots *= 2;
	s->mask = slots - 1;
	s->slots = mem_zalloc(slots * sizeof(*s->slots));
	s->filled = mem_zalloc(slots * sizeof(*s->filled));
	return s;
}

void quota_sums_free(struct quota_sums *s)
{
	if (!s)
		return;
	mem_free(s->slots);
	mem_free(s->filled);
	mem_free(s);
}

/* Those of a single settlement, on the caller's stack. */
struct small_sums {
	struct quota_sums sums;
	struct sum slots[SUMS_SMALL];
	uint32_t filled[SUMS_SMALL];
};

static struct quota_sums *sums_small(struct small_sums *s)
{
	*s = (struct small_sums){ .sums.mask = SUMS_SMALL - 1 };
	s->sums.slots = s->slots;
	s->sums.filled = s->filled;
	return &s->sums;
}

void quota_sums_drop(struct quota_sums *s)
{
	for (size_t i = 0; i < s->count; i++)
		s->slots[s->filled[i]] = (struct sum){ 0 };
	s->count = 0;
}

static void sums_add(struct quota_sums *s, enum sum_kind kind, int64_t id, int64_t balance,
    int64_t used, int64_t requests)
{
	uint64_t hash = ((uint64_t)id * 4 + (uint64_t)kind) * UINT64_C(0x9e3779b97f4a7c15);
	size_t i = (size_t)(hash >> 32) & s->mask;
	struct sum *sum;

	if (id == 0)
		return;
	while (s->slots[i].kind != SUM_FREE && (s->slots[i].kind != kind || s->slots[i].id != id))
		i = (i + 1) & s->mask;
	sum = &s->slots[i];
	if (sum->kind == SUM_FREE) {
		sum->kind = kind;
		sum->id = id;
		s->filled[s->count++] = (uint32_t)i;
	}
	sum->balance += balance;
	sum->used += used;
	sum->requests += requests;
}

static bool sums_make_room(struct db *db, struct quota_sums *s, struct err *err)
{
	if (s->count + SUMS_PER_SETTLEMENT <= (s->mask + 1) * 3 / 4)
		return true;
	return quota_sums_flush(db, s, err);
}

static bool user_add(struct db *db, const struct sum *sum, struct err *err)
{
	static const char sql[] =
	    "UPDATE users SET quota = quota + ?, used_quota = used_quota + ?, "
	    "request_count = request_count + ? WHERE id = ?";

	return db_run(db, sql,
	    BIND(v_int(sum->balance), v_int(sum->used), v_int(sum->requests), v_int(sum->id)), NULL,
	    err);
}

static bool token_add(struct db *db, const struct sum *sum, struct err *err)
{
	static const char sql[] =
	    "UPDATE tokens SET remain_quota = "
	    "CASE unlimited_quota WHEN 0 THEN remain_quota + ? ELSE remain_quota END, "
	    "used_quota = used_quota + ?, "
	    "accessed_time = CASE WHEN ? > 0 THEN ? ELSE accessed_time END WHERE id = ?";

	return db_run(db, sql,
	    BIND(v_int(sum->balance), v_int(sum->used), v_int(sum->requests), v_int(clock_unix()),
	        v_int(sum->id)),
	    NULL, err);
}

static bool channel_add(struct db *db, const struct sum *sum, struct err *err)
{
	static const char sql[] = "UPDATE channels SET used_quota = used_quota + ? WHERE id = ?";

	return sum->used == 0 || db_run(db, sql, BIND(v_int(sum->used), v_int(sum->id)), NULL, err);
}

bool quota_sums_flush(struct db *db, struct quota_sums *s, struct err *err)
{
	static bool (*const write[])(struct db *, const struct sum *, struct err *) = {
		[SUM_USER] = user_add,
		[SUM_TOKEN] = token_add,
		[SUM_CHANNEL] = channel_add,
	};

	for (size_t i = 0; i < s->count; i++) {
		const struct sum *sum = &s->slots[s->filled[i]];

		if (!write[sum->kind](db, sum, err))
			return false;
	}
	quota_sums_drop(s);
	return true;
}

/* ---- settling --------------------------------------------------------------------------------*/

struct reservation {
	int64_t user_id, token_id, channel_id, amount;
	struct str budgets;
	char budgets_text[BUDGETS_TEXT_MAX];
};

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
		r->budgets = copy_budgets(rows_text(&rows, 4), r->budgets_text);
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

static int64_t charge_of(const struct logrow *row)
{
	return row->quota < 0 ? 0 : row->quota > QUOTA_MAX ? QUOTA_MAX : row->quota;
}

/* The row of a charge, with what the reservation knows better; without a log, its sums. *fresh
 * false: a charge for this request id is in the log already, which only a request id used twice can
 * bring about. */
static bool charge_log(struct db *db, const struct logrow *row, const struct reservation *r,
    bool write_log, bool *fresh, struct err *err)
{
	struct logrow charge = *row;
	struct err why = { 0 };

	charge.type = LOG_TYPE_CONSUME;
	charge.quota = charge_of(row);
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
	if (!is_duplicate(&why)) {
		*err = why;
		return false;
	}
	log_error(NULL, "quota.charged_twice", LOG_STR("request", row->request_id),
	    LOG_INT("user", r->user_id), LOG_INT("quota", charge.quota));
	return true;
}

/* ---- settling what was swept -----------------------------------------------------------------*/

/* A process that stood still that long has no requests any more. */
#define SWEPT_BUDGETS_S (24 * 60 * 60)

/* The row that a sweep left for a request. */
struct swept {
	int64_t id, type, channel_id, quota;
};

/* Which budgets a sweep settles, for settle_swept. */
static bool keep_budgets(struct db *db, struct str request_id, int64_t now, struct err *err)
{
	static const char sql[] =
	    "INSERT INTO swept_budgets (request_id, budgets, swept_at) "
	    "SELECT request_id, budgets, ? FROM reservations "
	    "WHERE request_id = ? AND budgets <> '' ON CONFLICT (request_id) DO NOTHING";

	return db_run(db, sql, BIND(v_int(now), v_text(request_id)), NULL, err);
}

static bool forget_budgets(struct db *db, int64_t now, struct err *err)
{
	static const char sql[] = "DELETE FROM swept_budgets WHERE swept_at < ?";

	return db_run(db, sql, BIND(v_int(now - SWEPT_BUDGETS_S)), NULL, err);
}

/* The sweep has settled them with what it charged. */
static bool correct_budgets(struct db *db, struct str request_id, int64_t more, struct err *err)
{
	static const char find_sql[] = "SELECT budgets FROM swept_budgets WHERE request_id = ?";
	static const char drop_sql[] = "DELETE FROM swept_budgets WHERE request_id = ?";
	char text[BUDGETS_TEXT_MAX];
	struct str budgets = { 0 };
	struct rows rows;

	if (!db_query(db, find_sql, BIND(v_text(request_id)), &rows, err))
		return false;
	if (rows_next(&rows))
		budgets = copy_budgets(rows_text(&rows, 0), text);
	if (!rows_close(&rows, err))
		return false;
	return budgets.n == 0 ||
	    (budget_settle(db, budgets, 0, more, err) &&
	        db_run(db, drop_sql, BIND(v_text(request_id)), NULL, err));
}

static bool read_swept(struct db *db, const char *sql, struct str request_id, struct swept *s,
    struct reservation *r, bool *found, struct err *err)
{
	struct rows rows;

	if (!db_query(db, sql, BIND(v_text(request_id), v_int(FINISH_SWEPT)), &rows, err))
		return false;
	*found = rows_next(&rows);
	if (*found) {
		*s = (struct swept){ rows_int(&rows, 0), rows_int(&rows, 1), rows_int(&rows, 2),
			rows_int(&rows, 3) };
		*r = (struct reservation){ .channel_id = rows_int(&rows, 2),
			.user_id = rows_int(&rows, 4),
			.token_id = rows_int(&rows, 5) };
	}
	return rows_close(&rows, err);
}

/* A charge is found by its index; a release, which is rarer still, among the rows that are no
 * charges (`type <> 2` names their index). */
static bool find_swept(struct db *db, struct str request_id, struct swept *s, struct reservation *r,
    bool *found, struct err *err)
{
	static const char charged_sql[] =
	    "SELECT id, type, channel_id, quota, user_id, token_id FROM logs "
	    "WHERE type = 2 AND request_id <> '' AND request_id = ? AND finish = ?";
	static const char released_sql[] =
	    "SELECT id, type, channel_id, quota, user_id, token_id FROM logs "
	    "WHERE type <> 2 AND type = 6 AND request_id = ? AND finish = ?";

	return read_swept(db, charged_sql, request_id, s, r, found, err) &&
	    (*found || read_swept(db, released_sql, request_id, s, r, found, err));
}

/* The truth comes late: it takes the place of what the sweep had to assume. */
static bool settle_swept(struct db *db, struct quota_sums *sums, const struct logrow *row,
    bool write_log, bool *found, struct err *err)
{
	static const char delete_sql[] = "DELETE FROM logs WHERE id = ?";
	int64_t cost = charge_of(row), more;
	struct reservation r;
	struct swept s;
	bool fresh = true;

	if (!find_swept(db, row->request_id, &s, &r, found, err))
		return false;
	if (!*found)
		return true;
	if (!usage_take_back(db, s.id, err) ||
	    !db_run(db, delete_sql, BIND(v_int(s.id)), NULL, err) ||
	    !charge_log(db, row, &r, write_log, &fresh, err))
		return false;
	more = cost - s.quota;
	if (!correct_budgets(db, row->request_id, more, err))
		return false;
	log_warn(NULL, "quota.settled_late", LOG_STR("request", row->request_id),
	    LOG_INT("user", r.user_id), LOG_INT("quota", cost), LOG_INT("swept", s.quota));
	sums_add(sums, SUM_USER, r.user_id, -more, more, s.type != LOG_TYPE_CONSUME);
	sums_add(sums, SUM_TOKEN, r.token_id, -more, more, s.type != LOG_TYPE_CONSUME);
	sums_add(sums, SUM_CHANNEL, s.channel_id, 0, -s.quota, 0);
	sums_add(sums, SUM_CHANNEL, row->channel ? row->channel : s.channel_id, 0, cost, 0);
	return true;
}

bool quota_settle_into(struct db *db, struct quota_sums *s, const struct logrow *row,
    bool write_log, bool *found, struct err *err)
{
	struct reservation r;
	int64_t cost = charge_of(row);
	bool fresh = true;

	if (!sums_make_room(db, s, err) || !reservation_take(db, row->request_id, &r, found, err))
		return false;
	if (!*found)
		return settle_swept(db, s, row, write_log, found, err);
	if (!charge_log(db, row, &r, write_log, &fresh, err))
		return false;
	if (!fresh)
		cost = 0;
	if (!budget_settle(db, r.budgets, r.amount, cost, err))
		return false;
	sums_add(s, SUM_USER, r.user_id, r.amount - cost, cost, fresh);
	sums_add(s, SUM_TOKEN, r.token_id, r.amount - cost, cost, fresh);
	sums_add(s, SUM_CHANNEL, row->channel ? row->channel : r.channel_id, 0, cost, fresh);
	*found = fresh;
	return true;
}

bool quota_release_into(struct db *db, struct quota_sums *s, struct str request_id, bool *found,
    struct err *err)
{
	struct reservation r;

	if (!sums_make_room(db, s, err) || !reservation_take(db, request_id, &r, found, err))
		return false;
	if (!*found)
		return true;
	if (!budget_settle(db, r.budgets, r.amount, 0, err))
		return false;
	sums_add(s, SUM_USER, r.user_id, r.amount, 0, 0);
	sums_add(s, SUM_TOKEN, r.token_id, r.amount, 0, 0);
	return true;
}

bool quota_settle(struct db *db, const struct logrow *row, bool write_log, bool *settled,
    struct err *err)
{
	struct small_sums small;
	struct quota_sums *s = sums_small(&small);

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
	struct quota_sums *s = sums_small(&small);
	struct logrow change = *row;

	change.type = LOG_TYPE_CONSUME;
	change.quota = bounded(row->quota);
	if (change.created_at == 0)
		change.created_at = clock_unix();
	if (!(write_log ? logrow_insert(db, &change, err) : usage_add_unlogged(db, &change, err))) {
		if (!is_duplicate(err))
			return false;
		/* An error would hold up everybody's settlements, again and again. */
		err_clear(err);
		log_error(NULL, "quota.corrected_twice", LOG_STR("request", row->request_id),
		    LOG_INT("user", row->user_id), LOG_INT("quota", change.quota));
		return true;
	}
	if (!budget_settle(db, budgets, 0, change.quota, err))
		return false;
	sums_add(s, SUM_USER, row->user_id, -change.quota, change.quota, 1);
	sums_add(s, SUM_TOKEN, row->token_id, -change.quota, change.quota, 1);
	sums_add(s, SUM_CHANNEL, row->channel, 0, change.quota, 1);
	return quota_sums_flush(db, s, err);
}

bool quota_release(struct db *db, struct str request_id, struct err *err)
{
	struct small_sums small;
	struct quota_sums *s = sums_small(&small);
	bool found;

	return quota_release_into(db, s, request_id, &found, err) && quota_sums_flush(db, s, err);
}

/* ---- sweeping --------------------------------------------------------------------------------*/

/* A reservation that a crash left behind. */
struct leftover {
	struct logrow row; /* quota: the last checkpoint's cost, -1 without one */
	struct str node;
	int64_t amount;
};

static void leftover_read(const struct rows *rows, struct arena *a, int lease_s, struct leftover *l)
{
	int64_t created_at = rows_int(rows, 10);
	int64_t last_seen = rows_int(rows, 11) - lease_s;

	l->row = (struct logrow){
		.request_id = arena_str(a, rows_text(rows, 0)),
		.user_id = rows_int(rows, 1),
		.token_id = rows_int(rows, 2),
		.channel = rows_int(rows, 3),
		.quota = rows_int(rows, 4),
		.prompt_tokens = rows_int(rows, 5),
		.completion_tokens = rows_int(rows, 6),
		.model_name = arena_str(a, rows_text(rows, 7)),
		.token_name = arena_str(a, rows_text(rows, 8)),
		.username = arena_str(a, rows_text(rows, 9)),
		.elapsed_time = last_seen > created_at ? (last_seen - created_at) * 1000 : 0,
		.is_stream = rows_int(rows, 12) != 0,
		.finish = FINISH_SWEPT,
	};
	l->node = arena_str(a, rows_text(rows, 13));
	l->amount = rows_int(rows, 14);
}

static bool leftover_find(struct db *db, struct arena *a, int64_t now, int lease_s, int limit,
    struct leftover *list, int *count, struct err *err)
{
	static const char sql[] =
	    "SELECT request_id, user_id, token_id, channel_id, cost, prompt_tokens, "
	    "completion_tokens, model_name, token_name, username, created_at, lease_until, "
	    "is_stream, node, amount FROM reservations "
	    "WHERE lease_until < ? ORDER BY lease_until LIMIT ?";
	struct rows rows;

	*count = 0;
	if (!db_query(db, sql, BIND(v_int(now), v_int(limit)), &rows, err))
		return false;
	while (*count < limit && rows_next(&rows))
		leftover_read(&rows, a, lease_s, &list[(*count)++]);
	return rows_close(&rows, err);
}

static bool leftover_clear(struct db *db, struct leftover *l, int64_t now, struct err *err)
{
	bool settled, charged = l->row.quota >= 0;

	l->row.created_at = now;
	if (!keep_budgets(db, l->row.request_id, now, err))
		return false;
	log_warn(NULL, "quota.swept", LOG_STR("request", l->row.request_id),
	    LOG_STR("node", l->node), LOG_INT("user", l->row.user_id), LOG_INT("held", l->amount),
	    LOG_INT("charged", charged ? l->row.quota : 0));
	if (charged) {
		l->row.content =
		    STR("settled by its last checkpoint: the process that served it ended");
		return quota_settle(db, &l->row, true, &settled, err);
	}
	l->row.type = LOG_TYPE_ERROR;
	l->row.quota = 0;
	l->row.content =
	    STR("released: the process that served it ended before the first checkpoint");
	return quota_release(db, l->row.request_id, err) && logrow_insert(db, &l->row, err);
}

bool quota_sweep(struct db *db, int64_t now, int lease_s, int limit, int *count, struct err *err)
{
	struct arena *a = arena_new(4096);
	struct leftover *list = arena_alloc(a, (size_t)limit * sizeof(*list));
	bool ok = leftover_find(db, a, now, lease_s, limit, list, count, err) &&
	    (*count == 0 || forget_budgets(db, now, err));

	for (int i = 0; ok && i < *count; i++)
		ok = leftover_clear(db, &list[i], now, err);
	arena_free(a);
	return ok;
}

/* ---- people ----------------------------------------------------------------------------------*/

static bool user_exists(struct db *db, int64_t user_id, bool *exists, struct err *err)
{
	static const char sql[] = "SELECT 1 FROM users WHERE id = ?";
	struct rows rows;

	if (!db_query(db, sql, BIND(v_int(user_id)), &rows, err))
		return false;
	*exists = rows_next(&rows);
	return rows_close(&rows, err);
}

static bool in_range(int64_t quota)
{
	return quota >= -QUOTA_MAX && quota <= QUOTA_MAX;
}

bool quota_grant(struct db *db, int64_t user_id, int64_t delta, struct err *err)
{
	static const char sql[] = "UPDATE users SET quota = quota + ?, granted = granted + ? "
	                          "WHERE id = ? AND quota + ? BETWEEN ? AND ?";
	int64_t changed;
	bool exists;

	if (!in_range(delta))
		return err_set(err, ERR_BAD_REQUEST, "the quota is too large");
	if (!db_run(db, sql,
	        BIND(v_int(delta), v_int(delta), v_int(user_id), v_int(delta), v_int(-QUOTA_MAX),
	            v_int(QUOTA_MAX)),
	        &changed, err))
		return false;
	if (changed == 1)
		return true;
	if (!user_exists(db, user_id, &exists, err))
		return false;
	if (!exists)
		return err_set(err, ERR_NOT_FOUND, "there is no user %" PRId64, user_id);
	return err_set(err, ERR_BAD_REQUEST, "the quota would be too large");
}

bool quota_held(struct db *db, int64_t user_id, int64_t *held, struct err *err)
{
	static const char sql[] =
	    "SELECT COALESCE(SUM(amount), 0) FROM reservations WHERE user_id = ?";

	return db_number(db, sql, BIND(v_int(user_id)), held, err);
}

bool quota_set_token(struct db *db, int64_t token_id, int64_t remain_quota, bool unlimited,
    struct err *err)
{
	/* Holds taken while the key was unlimited took nothing from it, and will give back. */
	static const char sql[] =
	    "UPDATE tokens SET remain_quota = ? - CASE WHEN unlimited_quota <> 0 AND ? = 0 THEN "
	    "(SELECT COALESCE(SUM(amount), 0) FROM reservations WHERE token_id = tokens.id) "
	    "ELSE 0 END, granted = ? + used_quota + CASE WHEN unlimited_quota <> 0 AND ? = 0 "
	    "THEN 0 ELSE "
	    "(SELECT COALESCE(SUM(amount), 0) FROM reservations WHERE token_id = tokens.id) END, "
	    "unlimited_quota = ? WHERE id = ? AND deleted_at = 0";
	int64_t changed;

	if (!in_range(remain_quota))
		return err_set(err, ERR_BAD_REQUEST, "the quota is too large");
	if (!db_run(db, sql,
	        BIND(v_int(remain_quota), v_int(unlimited), v_int(remain_quota), v_int(unlimited),
	            v_int(unlimited), v_int(token_id)),
	        &changed, err))
		return false;
	return changed == 1 || err_set(err, ERR_NOT_FOUND, "there is no key %" PRId64, token_id);
}
