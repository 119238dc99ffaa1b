#include "limits.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/mapping.h"
#include "base/mem.h"
#include "base/zone.h"
#include "billing/budget.h"
#include "net/cidr.h"
#include "store/redis.h"

#include "limit_remote.h"
#include "wait_line.h"

#define REAP_EVERY_MS 2000
/* So long a channel is passed over whose budget refused a request: the next may be smaller, and what
 * others hold comes back. */
#define SPENT_S 2

struct limiter *limiter_open(struct mapping *m, struct redis *redis)
{
	struct limiter *l = MEM_NEW(struct limiter);

	l->shared = m;
	l->redis = redis;
	limit_counters_init(&l->counters, m);
	l->zones = zones_new();
	l->lines = wait_lines_new();
	return l;
}

void limiter_close(struct limiter *l)
{
	if (!l)
		return;
	wait_lines_free(l->lines);
	zones_free(l->zones);
	limit_counters_release(&l->counters);
	mem_free(l);
}

/* What killed processes held comes back while others serve; without requests nobody misses it. */
static void reap_sometimes(struct limiter *l, int64_t now_ms)
{
	int64_t due = atomic_load_explicit(&l->reap_due_ms, memory_order_relaxed);

	if (now_ms >= due &&
	    atomic_compare_exchange_strong(&l->reap_due_ms, &due, now_ms + REAP_EVERY_MS))
		mapping_reap(l->shared);
}

/* ---- which rules there are -------------------------------------------------------------------- */

static struct str subject_of(const struct exchange *x, enum limit_scope scope)
{
	const struct token_owner *owner = &x->caller->owner;
	struct arena *a = x->req->arena;

	switch (scope) {
	case LIMIT_KEY:
		return limit_subject(a, owner->token.id);
	case LIMIT_USER:
		return limit_subject(a, owner->token.user_id);
	case LIMIT_GROUP:
		return owner->group;
	case LIMIT_ADDRESS:
		return cidr_client(a, x->req->remote_addr);
	case LIMIT_CHANNEL:
	case LIMIT_SCOPES:
		break;
	}
	return (struct str){ 0 };
}

/* What is not said counts as nothing until it is known. */
static int64_t declared_tokens(const struct exchange *x)
{
	const struct ask *ask = &x->ask;
	int64_t most = ask->max_tokens > 0 ? ask->max_tokens : 0;

	if (ask->n > 0 && most > INT32_MAX / ask->n)
		most = INT32_MAX;
	else
		most *= ask->n;
	return x->prompt_tokens + most;
}

static size_t add_budgets(const struct limiter *l, const struct limit_entry *e, struct budget *list,
    size_t count)
{
	static const char *const names[LIMIT_PERIODS] = { "day", "week", "month" };
	static const enum zone_period periods[LIMIT_PERIODS] = { ZONE_DAY, ZONE_WEEK, ZONE_MONTH };
	int64_t now = clock_unix();

	for (int i = 0; i < LIMIT_PERIODS; i++) {
		int64_t most = limit_budget(&e->rule, (enum limit_period)i);
		const struct zone *zone;

		if (most == 0 || count == BUDGETS_MAX)
			continue;
		zone = zones_find(l->zones, e->rule.timezone);
		list[count++] = (struct budget){
			.scope = str_c(limit_scope_names[e->scope]),
			.subject = str_slice(e->subject, 0, BUDGET_SUBJECT_MAX),
			.period = str_c(names[i]),
			.start = zone_start(zone, periods[i], now),
			.next = zone_next(zone, periods[i], now),
			.most = most,
		};
	}
	return count;
}

/* The channel's are added when it is chosen. */
static void plan_budgets(struct exchange *x, struct limit_hold *hold)
{
	struct budget list[BUDGETS_MAX];
	size_t count = 0;

	for (size_t i = 0; i < hold->count; i++)
		count = add_budgets(hold->limiter, &hold->callers[i], list, count);
	hold->budgets = budget_write(x->req->arena, list, count);
}

static bool plan(struct exchange *x, struct limit_hold *hold, struct err *err)
{
	static const enum limit_scope order[LIMIT_CALLERS] = { LIMIT_ADDRESS, LIMIT_GROUP,
		LIMIT_USER, LIMIT_KEY };
	struct req *r = x->req;

	for (size_t i = 0; i < COUNT_OF(order); i++) {
		struct str subject = subject_of(x, order[i]);
		struct limit_rule rule;

		if (!limit_find(&x->catalog->rules, r->local, r->arena, order[i], subject,
		        x->caller->owner.group, &rule, err))
			return false;
		if (!limit_rule_is_empty(&rule))
			limit_entry_init(&hold->callers[hold->count++], &hold->limiter->counters,
			    order[i], subject, &rule);
	}
	plan_budgets(x, hold);
	return true;
}

/* ---- entering and leaving --------------------------------------------------------------------- */

/* Whatever way a request ends, the last one is the end of its memory. */
static void leave_at_last(void *exchange)
{
	limits_leave(exchange, 0);
}

bool limits_enter(struct exchange *x, struct err *err)
{
	struct limiter *l = x->relay->limiter;
	struct limit_hold *hold;

	if (x->limit)
		return true;
	reap_sometimes(l, x->req->started_ms);
	if (!x->catalog->rules.any)
		return true;
	hold = ARENA_NEW(x->req->arena, struct limit_hold);
	hold->limiter = l;
	hold->tokens = declared_tokens(x);
	if (!plan(x, hold, err))
		return false;
	x->limit = hold;
	arena_defer(x->req->arena, leave_at_last, x);
	hold->remote = l->redis && redis_is_up(l->redis);
	return hold->remote ||
	    limit_entry_enter_all(hold->callers, hold->count, &l->counters, hold->tokens, err);
}

/* False: this channel has no rule. */
static bool channel_entry(const struct exchange *x, int64_t id, char subject[24],
    struct limit_entry *out)
{
	struct str name = { subject, (size_t)snprintf(subject, 24, "%" PRId64, id) };
	struct err none = { 0 };
	struct limit_rule rule;

	/* Rules of channels lie in the catalog: no database, no failure. */
	if (!limit_find(&x->catalog->rules, NULL, NULL, LIMIT_CHANNEL, name, STR(""), &rule,
	        &none) ||
	    limit_rule_is_empty(&rule))
		return false;
	limit_entry_init(out, &x->limit->limiter->counters, LIMIT_CHANNEL, name, &rule);
	return true;
}

static void add_channel_budgets(struct exchange *x)
{
	struct limit_hold *hold = x->limit;
	struct budget list[LIMIT_PERIODS];
	size_t count = add_budgets(hold->limiter, &hold->channel, list, 0);
	struct arena *a = x->req->arena;

	if (count == 0)
		return;
	hold->budgeted = x->channel->row.id;
	hold->channel_budgets = str_c(arena_fmt(a, "%.*s%.*s", STR_ARG(hold->budgets),
	    STR_ARG(budget_write(a, list, count))));
}

bool limits_enter_channel(struct exchange *x, struct err *err)
{
	struct limit_hold *hold = x->limit;

	if (!hold)
		return true;
	hold->channel = (struct limit_entry){ 0 };
	hold->channel_since_ms = x->attempt_started_ms;
	hold->budgeted = 0;
	if (!channel_entry(x, x->channel->row.id, hold->channel_subject, &hold->channel))
		return true;
	if (!hold->remote &&
	    !limit_entry_enter(&hold->channel, &hold->limiter->counters, hold->tokens, err)) {
		limits_note_full(x);
		return false;
	}
	add_channel_budgets(x);
	return true;
}

void limits_note_full(struct exchange *x)
{
	struct limit_hold *hold = x->limit;

	hold->channel_refused = true;
	if (hold->full_count < TRIED_MAX)
		hold->full[hold->full_count++] = x->channel->row.id;
}

static bool was_full(const struct limit_hold *hold, int64_t id)
{
	for (size_t i = 0; i < hold->full_count; i++) {
		if (hold->full[i] == id)
			return true;
	}
	return false;
}

bool limits_forget_full(struct exchange *x)
{
	struct limit_hold *hold = x->limit;
	struct tried *t = &x->tried;
	size_t kept = 0, count = t->count;

	if (!hold || !hold->channel_refused)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!was_full(hold, t->ids[i]))
			t->ids[kept++] = t->ids[i];
	}
	t->count = kept;
	hold->channel_refused = false;
	hold->full_count = 0;
	/* Before anything was sent there is nothing else that was tried. */
	return kept < count || !x->attempt_started_ms;
}

/* ---- channels out of budget --------------------------------------------------------------------- */

/* A slot holds the low half of an id and the second, of the steady clock, until which it counts. */
static _Atomic(uint64_t) *spent_slot(const struct limiter *l, int64_t channel_id)
{
	return (_Atomic(uint64_t) *)&l->spent[(uint64_t)channel_id % SPENT_SLOTS];
}

static bool is_spent(const struct limiter *l, int64_t channel_id)
{
	uint64_t slot = atomic_load_explicit(spent_slot(l, channel_id), memory_order_relaxed);

	return slot != 0 && slot >> 32 == (uint32_t)channel_id &&
	    (uint32_t)slot > (uint32_t)(clock_mono_ms() / 1000);
}

bool limits_spent(struct exchange *x, const struct err *err)
{
	uint64_t until_s = (uint64_t)clock_mono_ms() / 1000 + SPENT_S;
	int64_t id = x->channel->row.id;

	if (!x->limit || strcmp(err_code(err), BUDGET_OF_CHANNEL) != 0)
		return false;
	atomic_store_explicit(spent_slot(x->limit->limiter, id), (uint64_t)id << 32 | until_s,
	    memory_order_relaxed);
	return true;
}

bool limits_channel_is_free(const struct exchange *x, int64_t channel_id)
{
	struct limit_entry entry;
	char subject[24];

	if (!x->limit)
		return true;
	if (is_spent(x->limit->limiter, channel_id))
		return false;
	if (x->limit->remote || !channel_entry(x, channel_id, subject, &entry))
		return true;
	return limit_entry_is_free(&entry, &x->limit->limiter->counters, x->limit->tokens);
}

/* Did the attempt that entered the channel get as far as its upstream? */
static bool was_sent(const struct exchange *x)
{
	return x->attempt_started_ms != x->limit->channel_since_ms;
}

static void end_entry(const struct exchange *x, struct limit_entry *e, bool sent, int64_t tokens)
{
	const struct limit_counters *c = &x->limit->limiter->counters;

	if (sent)
		limit_entry_finish(e, c, tokens);
	else
		limit_entry_undo(e, c);
}

void limits_leave_channel(struct exchange *x)
{
	if (!x->limit)
		return;
	limit_remote_leave_channel(x, was_sent(x), 0);
	end_entry(x, &x->limit->channel, was_sent(x), 0);
}

void limits_leave(struct exchange *x, int64_t tokens)
{
	struct limit_hold *hold = x->limit;

	if (!hold)
		return;
	limit_remote_leave_channel(x, was_sent(x), tokens);
	limit_remote_leave(x, x->attempt_started_ms != 0, tokens);
	for (size_t i = 0; i < hold->count; i++)
		end_entry(x, &hold->callers[i], x->attempt_started_ms != 0, tokens);
	end_entry(x, &hold->channel, was_sent(x), tokens);
}

struct str limits_budgets(const struct exchange *x)
{
	if (!x->limit)
		return STR("");
	return x->limit->budgeted ? x->limit->channel_budgets : x->limit->budgets;
}

bool limits_budgets_moved(const struct exchange *x)
{
	return x->limit && x->reserved && x->limit->budgeted != x->limit->reserved;
}

void limits_reserved(struct exchange *x)
{
	if (x->limit)
		x->limit->reserved = x->limit->budgeted;
}

/* ---- headers ----------------------------------------------------------------------------------- */

struct tightest {
	struct rate_limit limit;
	struct rate_view view;
};

static void find_tightest(const struct limit_entry *e, enum limit_kind kind, struct tightest *t)
{
	struct rate_limit limit = limit_entry_rate(e, kind);

	if (limit.n == 0 || (t->limit.n && t->view.remaining <= e->views[kind].remaining))
		return;
	t->limit = limit;
	t->view = e->views[kind];
}

static void add_header(struct headers *h, const char *what, const char *unit, const char *value)
{
	char name[64];
	int n = snprintf(name, sizeof(name), "x-ratelimit-%s-%s", what, unit);

	headers_add(h, (struct str){ name, (size_t)n }, str_c(value));
}

static void add_headers(struct headers *h, const char *unit, const struct tightest *t)
{
	char text[LIMIT_DURATION_MAX];

	if (t->limit.n == 0)
		return;
	snprintf(text, sizeof(text), "%" PRId64, t->limit.n);
	add_header(h, "limit", unit, text);
	snprintf(text, sizeof(text), "%" PRId64, t->view.remaining);
	add_header(h, "remaining", unit, text);
	limit_duration(t->view.reset_ms, text);
	add_header(h, "reset", unit, text);
}

static void drop_theirs(struct headers *h)
{
	static const char *const names[] = { "x-ratelimit-limit-requests",
		"x-ratelimit-remaining-requests", "x-ratelimit-reset-requests",
		"x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens",
		"x-ratelimit-reset-tokens" };

	for (size_t i = 0; i < COUNT_OF(names); i++)
		headers_drop(h, names[i]);
}

void limits_headers(const struct exchange *x, struct headers *headers)
{
	const struct limit_hold *hold = x->limit;
	struct tightest requests = { 0 }, tokens = { 0 };

	if (!hold)
		return;
	for (size_t i = 0; i < hold->count; i++) {
		find_tightest(&hold->callers[i], LIMIT_RPM, &requests);
		find_tightest(&hold->callers[i], LIMIT_TPM, &tokens);
		find_tightest(&hold->callers[i], LIMIT_TPD, &tokens);
	}
	if (requests.limit.n || tokens.limit.n)
		drop_theirs(headers);
	add_headers(headers, "requests", &requests);
	add_headers(headers, "tokens", &tokens);
}
