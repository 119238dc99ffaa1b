/* limit_remote.c — see limit_remote.h
 *
 * Keys are `oneapi:limit:<kind>:<scope>:<subject>`. A cell is a number: the theoretical arrival time
 * in microseconds of Redis's clock. Places are a sorted set of request ids by the end of their
 * lease. Arguments of all three scripts: the request's id, the lease in ms, and for each key its
 * kind (g, p), limit, period in ms and cost.
 */
#include "limit_remote.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/mem.h"
#include "store/redis.h"

#include "limits.h"

/* Places outlive a process that died by so long; pulses renew them three times in that. */
#define LEASE_MS 30000
#define ARGS_FIRST 3 /* EVALSHA, sha, number of keys */
#define ENTRIES_MAX (LIMIT_CALLERS + 1)
#define CHECKS_MAX (ENTRIES_MAX * (LIMIT_RATES + 1))
#define KEY_MAX 160
#define NUMBER_MAX 24

_Static_assert(ARGS_FIRST + 2 + CHECKS_MAX * 5 <= REDIS_ARGS_MAX, "a key and four arguments each");
_Static_assert(2 + CHECKS_MAX * 2 <= REDIS_VALUES_MAX, "two values each");

/* Answers: which key refused (0: none) and the wait in ms (-1: never), then for each key what is
 * left and the ms until all of it is there again. All or nothing is taken. */
static const char enter_script[] =
    "local t = redis.call('TIME')\n"
    "local now = t[1] * 1000000 + t[2]\n"
    "local lease = tonumber(ARGV[2])\n"
    "local out, cells = { 0, 0 }, {}\n"
    "for i = 1, #KEYS do\n"
    "  local kind, n = ARGV[i * 4 - 1], tonumber(ARGV[i * 4])\n"
    "  local period, cost = tonumber(ARGV[i * 4 + 1]) * 1000, tonumber(ARGV[i * 4 + 2])\n"
    "  local left, reset = 0, 0\n"
    "  if kind == 'p' then\n"
    "    redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', now)\n"
    "    left = n - redis.call('ZCARD', KEYS[i])\n"
    "    if left <= 0 and out[1] == 0 then out[1] = i; out[2] = 1000 end\n"
    "  else\n"
    "    local interval = period / n\n"
    "    local tat = math.max(tonumber(redis.call('GET', KEYS[i]) or '0'), now)\n"
    "    local over = tat + cost * interval - now - period\n"
    "    if over > 1 then\n"
    "      if out[1] == 0 then\n"
    "        out[1] = i\n"
    "        out[2] = cost > n and -1 or math.ceil(over / 1000)\n"
    "      end\n"
    "    else\n"
    "      tat = tat + cost * interval\n"
    "    end\n"
    "    cells[i] = tat\n"
    "    left = math.max(0, math.floor((period - (tat - now)) / interval + 0.001))\n"
    "    reset = math.ceil((tat - now) / 1000)\n"
    "  end\n"
    "  out[#out + 1] = left\n"
    "  out[#out + 1] = reset\n"
    "end\n"
    "if out[1] ~= 0 then return out end\n"
    "for i = 1, #KEYS do\n"
    "  if cells[i] then\n"
    "    redis.call('SET', KEYS[i], string.format('%.0f', cells[i]), 'PX',\n"
    "      math.max(1, math.ceil((cells[i] - now) / 1000)))\n"
    "  else\n"
    "    redis.call('ZADD', KEYS[i], now + lease * 1000, ARGV[1])\n"
    "    redis.call('PEXPIRE', KEYS[i], lease)\n"
    "  end\n"
    "end\n"
    "return out\n";

/* Cost is what was used more (or less, below zero) than was taken. */
static const char leave_script[] =
    "local t = redis.call('TIME')\n"
    "local now = t[1] * 1000000 + t[2]\n"
    "for i = 1, #KEYS do\n"
    "  local kind, n = ARGV[i * 4 - 1], tonumber(ARGV[i * 4])\n"
    "  local period, cost = tonumber(ARGV[i * 4 + 1]) * 1000, tonumber(ARGV[i * 4 + 2])\n"
    "  if kind == 'p' then\n"
    "    redis.call('ZREM', KEYS[i], ARGV[1])\n"
    "  elseif cost ~= 0 then\n"
    "    local tat = math.max(tonumber(redis.call('GET', KEYS[i]) or '0'), now)\n"
    "    tat = math.min(tat + cost * period / n, now + 10 * period)\n"
    "    if tat > now then\n"
    "      redis.call('SET', KEYS[i], string.format('%.0f', tat), 'PX',\n"
    "        math.ceil((tat - now) / 1000))\n"
    "    else\n"
    "      redis.call('DEL', KEYS[i])\n"
    "    end\n"
    "  end\n"
    "end\n"
    "return 0\n";

static const char renew_script[] =
    "local t = redis.call('TIME')\n"
    "local now = t[1] * 1000000 + t[2]\n"
    "local lease = tonumber(ARGV[2])\n"
    "for i = 1, #KEYS do\n"
    "  if ARGV[i * 4 - 1] == 'p' and redis.call('ZSCORE', KEYS[i], ARGV[1]) then\n"
    "    redis.call('ZADD', KEYS[i], now + lease * 1000, ARGV[1])\n"
    "    redis.call('PEXPIRE', KEYS[i], lease)\n"
    "  end\n"
    "end\n"
    "return 0\n";

enum { SCRIPT_ENTER, SCRIPT_LEAVE, SCRIPT_RENEW };
const char *const limit_scripts[] = { enter_script, leave_script, renew_script, NULL };

/* ---- a call and its texts ------------------------------------------------------------------------ */

/* Which limit of which entry a key of the call stands for. */
struct check {
	struct limit_entry *entry;
	int kind; /* enum limit_kind; LIMIT_RATES: places */
};

struct limit_call {
	struct redis_call call;
	struct exchange *x; /* NULL: nobody waits for the answer */
	size_t count;
	struct check checks[CHECKS_MAX];
	char keys[CHECKS_MAX][KEY_MAX];
	char numbers[CHECKS_MAX][3][NUMBER_MAX];
	char request_id[REQ_ID_MAX];
	char lease[NUMBER_MAX], key_count[NUMBER_MAX];
};

static struct limit_call *call_new(const char *request_id, int script)
{
	struct limit_call *c = MEM_NEW(struct limit_call);

	c->call.script = script;
	snprintf(c->request_id, sizeof(c->request_id), "%s", request_id);
	return c;
}

static void add_check(struct limit_call *c, struct limit_entry *e, int kind, int64_t cost)
{
	static const char *const names[] = { [LIMIT_RPM] = "rpm",
		[LIMIT_TPM] = "tpm",
		[LIMIT_TPD] = "tpd",
		[LIMIT_RATES] = "parallel" };
	struct rate_limit limit = { .n = e->rule.parallel };
	size_t i = c->count++;

	if (kind != LIMIT_RATES)
		limit = limit_entry_rate(e, (enum limit_kind)kind);
	c->checks[i] = (struct check){ e, kind };
	snprintf(c->keys[i], KEY_MAX, "oneapi:limit:%s:%s:%.*s", names[kind],
	    limit_scope_names[e->scope], STR_ARG(e->subject));
	snprintf(c->numbers[i][0], NUMBER_MAX, "%" PRId64, limit.n);
	snprintf(c->numbers[i][1], NUMBER_MAX, "%" PRId64, limit.period_ms);
	snprintf(c->numbers[i][2], NUMBER_MAX, "%" PRId64, cost);
}

static void add_arg(struct redis_call *call, const char *text)
{
	call->argv[call->argc] = text;
	call->lengths[call->argc++] = strlen(text);
}

static void finish_args(struct limit_call *c)
{
	struct redis_call *call = &c->call;

	snprintf(c->key_count, NUMBER_MAX, "%zu", c->count);
	snprintf(c->lease, NUMBER_MAX, "%d", LEASE_MS);
	call->argc = ARGS_FIRST - 1;
	add_arg(call, c->key_count);
	for (size_t i = 0; i < c->count; i++)
		add_arg(call, c->keys[i]);
	add_arg(call, c->request_id);
	add_arg(call, c->lease);
	for (size_t i = 0; i < c->count; i++) {
		add_arg(call, c->checks[i].kind == LIMIT_RATES ? "p" : "g");
		for (int n = 0; n < 3; n++)
			add_arg(call, c->numbers[i][n]);
	}
}

static void add_entry(struct limit_call *c, struct limit_entry *e, int64_t tokens)
{
	if (e->rule.parallel > 0)
		add_check(c, e, LIMIT_RATES, 1);
	for (int i = 0; i < LIMIT_RATES; i++) {
		if (limit_entry_rate(e, (enum limit_kind)i).n > 0)
			add_check(c, e, i, limit_entry_cost((enum limit_kind)i, tokens));
	}
}

/* ---- asking ---------------------------------------------------------------------------------------- */

/* On the thread of redis.c: only hands on. */
static void on_answer(struct redis_call *call)
{
	struct limit_call *c = CONTAINER_OF(call, struct limit_call, call);

	wire_send(exchange_wire(c->x), &c->x->task);
}

static bool has_channel(const struct limit_hold *hold)
{
	return hold->channel.subject.n && !hold->remote_channel;
}

bool limit_remote_ask(struct exchange *x, task_fn *heard)
{
	struct limit_hold *hold = x->limit;
	struct limit_call *c;

	if (!hold || !hold->remote)
		return false;
	c = call_new(x->req->id, SCRIPT_ENTER);
	for (size_t i = 0; !hold->remote_entered && i < hold->count; i++)
		add_entry(c, &hold->callers[i], hold->tokens);
	if (has_channel(hold))
		add_entry(c, &hold->channel, hold->tokens);
	if (c->count == 0) {
		mem_free(c);
		return false;
	}
	finish_args(c);
	c->x = x;
	c->call.done = on_answer;
	hold->answer = c;
	x->task.run = heard;
	if (!redis_send(hold->limiter->redis, &c->call))
		wire_send(exchange_wire(x), &x->task); /* unanswered: this machine decides */
	return true;
}

/* ---- what was said --------------------------------------------------------------------------------- */

static void note_view(struct check *check, int64_t left, int64_t reset_ms)
{
	if (check->kind != LIMIT_RATES)
		check->entry->views[check->kind] =
		    (struct rate_view){ .remaining = left, .reset_ms = reset_ms };
}

static bool refused(const struct limit_call *c, const struct limit_hold *hold, bool *by_channel,
    struct err *err)
{
	const struct check *check = &c->checks[c->call.values[0] - 1];
	int64_t cost;

	*by_channel = check->entry == &hold->channel;
	if (check->kind == LIMIT_RATES)
		return limit_entry_refuse_parallel(check->entry, err);
	cost = limit_entry_cost((enum limit_kind)check->kind, hold->tokens);
	return limit_entry_refuse(check->entry, (enum limit_kind)check->kind, cost,
	    c->call.values[1], err);
}

/* Redis did not say: the counters of this machine do. */
static bool decide_here(struct exchange *x, bool *by_channel, struct err *err)
{
	struct limit_hold *hold = x->limit;
	const struct limit_counters *counters = &hold->limiter->counters;

	hold->remote = false;
	if (!hold->remote_entered &&
	    !limit_entry_enter_all(hold->callers, hold->count, counters, hold->tokens, err))
		return false;
	*by_channel =
	    has_channel(hold) && !limit_entry_enter(&hold->channel, counters, hold->tokens, err);
	return !*by_channel;
}

static bool is_answer(const struct limit_call *c)
{
	return c->call.ok && c->call.count == 2 + 2 * c->count && c->call.values[0] >= 0 &&
	    c->call.values[0] <= (int64_t)c->count;
}

bool limit_remote_heard(struct exchange *x, bool *by_channel, struct err *err)
{
	struct limit_hold *hold = x->limit;
	struct limit_call *c = hold->answer;
	bool ok;

	hold->answer = NULL;
	*by_channel = false;
	if (!is_answer(c)) {
		ok = decide_here(x, by_channel, err);
	} else {
		for (size_t i = 0; i < c->count; i++)
			note_view(&c->checks[i], c->call.values[2 + 2 * i],
			    c->call.values[3 + 2 * i]);
		ok = c->call.values[0] == 0 || refused(c, hold, by_channel, err);
		if (ok) {
			hold->remote_entered = true;
			hold->remote_channel = hold->channel.subject.n > 0;
		}
	}
	if (*by_channel)
		limits_note_full(x);
	mem_free(c);
	return ok;
}

/* ---- leaving --------------------------------------------------------------------------------------- */

static void free_call(struct redis_call *call)
{
	mem_free(CONTAINER_OF(call, struct limit_call, call));
}

static bool tell(const struct limiter *l, struct limit_call *c)
{
	finish_args(c);
	c->call.done = free_call;
	if (c->count > 0 && redis_send(l->redis, &c->call))
		return true;
	mem_free(c);
	return false;
}

/* What was sent stays a request; the tokens that were taken for it become those that were used.
 * What does not move is left out. */
static void add_moves(struct limit_call *c, struct limit_entry *e, bool sent, int64_t taken,
    int64_t used)
{
	for (int i = 0; i < LIMIT_RATES; i++) {
		enum limit_kind kind = (enum limit_kind)i;
		int64_t stays = sent ? limit_entry_cost(kind, used) : 0;
		int64_t move = stays - limit_entry_cost(kind, taken);

		if (move != 0 && limit_entry_rate(e, kind).n > 0)
			add_check(c, e, i, move);
	}
}

static void add_leaving(struct limit_call *c, struct limit_entry *e, const struct limit_hold *hold,
    bool sent, int64_t tokens)
{
	if (e->rule.parallel > 0)
		add_check(c, e, LIMIT_RATES, 0);
	add_moves(c, e, sent, hold->tokens, tokens);
}

void limit_remote_leave_channel(struct exchange *x, bool sent, int64_t tokens)
{
	struct limit_hold *hold = x->limit;
	struct limit_call *c;

	if (!hold->remote_channel)
		return;
	hold->remote_channel = false;
	c = call_new(x->req->id, SCRIPT_LEAVE);
	add_leaving(c, &hold->channel, hold, sent, tokens);
	tell(hold->limiter, c);
}

void limit_remote_leave(struct exchange *x, bool sent, int64_t tokens)
{
	struct limit_hold *hold = x->limit;
	struct limit_call *c;

	if (!hold->remote_entered)
		return;
	hold->remote_entered = false;
	c = call_new(x->req->id, SCRIPT_LEAVE);
	for (size_t i = 0; i < hold->count; i++)
		add_leaving(c, &hold->callers[i], hold, sent, tokens);
	tell(hold->limiter, c);
}

bool limit_remote_add(struct limiter *l, struct limit_entry *entries, size_t count, int64_t tokens)
{
	struct limit_call *c;

	if (!l->redis || !redis_is_up(l->redis))
		return false;
	c = call_new("", SCRIPT_LEAVE);
	for (size_t i = 0; i < count; i++)
		add_moves(c, &entries[i], true, 0, tokens);
	return tell(l, c);
}

static void add_place(struct limit_call *c, struct limit_entry *e)
{
	if (e->rule.parallel > 0)
		add_check(c, e, LIMIT_RATES, 0);
}

void limit_remote_renew(struct exchange *x)
{
	struct limit_hold *hold = x->limit;
	struct limit_call *c;

	if (!hold || (!hold->remote_entered && !hold->remote_channel))
		return;
	c = call_new(x->req->id, SCRIPT_RENEW);
	for (size_t i = 0; hold->remote_entered && i < hold->count; i++)
		add_place(c, &hold->callers[i]);
	if (hold->remote_channel)
		add_place(c, &hold->channel);
	tell(hold->limiter, c);
}
