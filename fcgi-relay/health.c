#include "health.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "provider/dead_account.h"
#include "store/channel_key.h"

#include "breaker.h"
#include "standing.h"

/* ---- the class of a failure ------------------------------------------------------------------- */

enum fault health_fault(const struct err *err)
{
	switch (err->kind) {
	case ERR_UPSTREAM_AUTH:
	case ERR_UPSTREAM_QUOTA:
		return FAULT_KEY;
	case ERR_UPSTREAM:
	case ERR_UPSTREAM_UNREACHABLE:
	case ERR_UPSTREAM_TIMEOUT:
	case ERR_UPSTREAM_TRUNCATED:
	case ERR_UPSTREAM_BODY:
	case ERR_RATE_LIMIT:
		if (err->upstream_status == 429)
			return health_is_dead(err) ? FAULT_KEY : FAULT_BUSY;
		return err->kind == ERR_RATE_LIMIT ? FAULT_CLIENT : FAULT_CHANNEL;
	case ERR_MODEL_NOT_FOUND: /* this account lacks it; another may not */
		return err->upstream_status ? FAULT_MODEL : FAULT_CLIENT;
	default:
		return FAULT_CLIENT;
	}
}

bool health_may_retry(const struct err *err)
{
	return health_fault(err) != FAULT_CLIENT;
}

bool health_is_dead(const struct err *err)
{
	return account_is_dead(err);
}

/* ---- what the database is told ---------------------------------------------------------------- */

/* Done by a worker; on the heap, since the request goes on without it. */
struct finding {
	struct task task;
	struct relay *relay;
	int64_t channel;
	char key_hash[CHANNEL_KEY_HASH_LEN + 1];
	char reason[CHANNEL_KEY_CAUSE_MAX];
	size_t key_count; /* with so many parked the channel is disabled; 0: never */
};

static void report(const struct finding *f, const char *event, bool ok, bool changed,
    const struct err *err)
{
	if (!ok)
		log_error(NULL, "health.write_failed", LOG_INT("channel", f->channel),
		    LOG_TEXT("what", event), LOG_ERR(err));
	else if (changed)
		log_warn(NULL, event, LOG_INT("channel", f->channel),
		    LOG_TEXT("reason", f->reason));
}

static void disable(const struct finding *f, struct db *db)
{
	struct err err = { 0 };
	bool changed = false;
	bool ok = channel_set_status(db, f->channel, CHANNEL_ENABLED, CHANNEL_AUTO_DISABLED,
	    str_c(f->reason), &changed, &err);

	report(f, "health.disabled", ok, changed, &err);
}

static void run_disable(struct task *task, void *room)
{
	struct finding *f = CONTAINER_OF(task, struct finding, task);

	disable(f, worker_local(room));
	catalog_nudge(f->relay->rt.watcher);
	mem_free(f);
}

/* Counted here and not where it was found: two of its keys may be refused at the same moment. */
static bool none_is_left(const struct finding *f, struct db *db)
{
	struct arena *a = arena_new(4096);
	struct parked_key_list parked = { 0 };
	struct err err = { 0 };
	bool ok = channel_keys_parked(db, a, f->channel, &parked, &err);

	if (!ok)
		report(f, "health.count_keys", false, false, &err);
	arena_free(a);
	return ok && parked.count >= f->key_count;
}

static void run_park(struct task *task, void *room)
{
	struct finding *f = CONTAINER_OF(task, struct finding, task);
	struct db *db = worker_local(room);
	struct err err = { 0 };
	bool changed = false;
	bool ok =
	    channel_key_park(db, f->channel, str_c(f->key_hash), str_c(f->reason), &changed, &err);

	report(f, "health.key_parked", ok, changed, &err);
	if (f->key_count && none_is_left(f, db))
		disable(f, db);
	catalog_nudge(f->relay->rt.watcher);
	mem_free(f);
}

static void run_unpark(struct task *task, void *room)
{
	struct finding *f = CONTAINER_OF(task, struct finding, task);
	struct err err = { 0 };
	bool changed = false;
	bool ok =
	    channel_key_unpark(worker_local(room), f->channel, str_c(f->key_hash), &changed, &err);

	report(f, "health.key_unparked", ok, changed, &err);
	catalog_nudge(f->relay->rt.watcher);
	mem_free(f);
}

static struct finding *finding_new(const struct exchange *x, task_fn *run)
{
	struct finding *f = MEM_NEW(struct finding);

	f->task.run = run;
	f->relay = x->relay;
	f->channel = x->channel->row.id;
	if (x->channel->key_count > 1)
		(void)channel_key_hash(x->relay->rt.box, x->tried.key->text, f->key_hash);
	return f;
}

static void send(const struct exchange *x, struct finding *f)
{
	server_defer(x->req->server, &f->task);
}

static void send_reason(const struct exchange *x, struct finding *f, const struct err *err)
{
	snprintf(f->reason, sizeof f->reason, "status %d: %s", err->upstream_status,
	    *err->detail ? err->detail : err->msg);
	send(x, f);
}

/* ---- keys ------------------------------------------------------------------------------------- */

static bool may_disable(const struct exchange *x)
{
	return option_bool(&x->catalog->options, OPT_AUTOMATIC_DISABLE_CHANNEL_ENABLED);
}

static void park_for_good(const struct exchange *x, const struct err *err)
{
	struct finding *f = finding_new(x, run_park);

	f->key_count = may_disable(x) ? x->channel->key_count : 0;
	send_reason(x, f, err);
}

/* Until every process knows what was just written. */
static int64_t catalog_delay_ms(const struct exchange *x)
{
	return 2 * conf_int(x->relay->rt.conf, "CATALOG_POLL_MS") + 1000;
}

static void refused(struct exchange *x, const struct err *err, int64_t now_ms)
{
	bool dead = health_is_dead(err);

	keyring_note_tried(&x->tried.keys, x->tried.key);
	if (x->channel->key_count == 1) {
		if (dead && may_disable(x))
			send_reason(x, finding_new(x, run_disable), err);
		return;
	}
	keyring_park(&x->relay->vitals.keys, x->tried.key,
	    now_ms + (dead ? catalog_delay_ms(x) : KEY_REFUSED_MS), now_ms);
	if (dead && x->tried.key->parked_at == 0)
		park_for_good(x, err);
}

static int64_t retry_after_ms(const struct err *err)
{
	int s = err->retry_after_s;

	return (int64_t)(s < RETRY_AFTER_KEY_MAX_S ? s : RETRY_AFTER_KEY_MAX_S) * 1000;
}

static void was_busy(struct exchange *x, const struct err *err, int64_t now_ms)
{
	int64_t wait_ms = retry_after_ms(err);

	if (x->channel->key_count == 1)
		return;
	keyring_note_tried(&x->tried.keys, x->tried.key);
	keyring_park(&x->relay->vitals.keys, x->tried.key,
	    now_ms + (wait_ms ? wait_ms : KEY_BUSY_MS), now_ms);
}

/* ---- breaker, success rate, speed ------------------------------------------------------------- */

/* False: said already. */
static bool begin_end(struct exchange *x)
{
	struct tried *t = &x->tried;
	const struct vitals *v = &x->relay->vitals;

	if (!x->channel || !t->key || t->said)
		return false;
	t->said = true;
	if (t->counted)
		standing_end(&v->standings, x->channel->row.id, v->slot);
	t->counted = false;
	return true;
}

static bool by_latency(const struct exchange *x)
{
	return str_eq_c(option_text(&x->catalog->options, OPT_CHANNEL_CHOICE), "latency");
}

static bool uses_breakers(const struct exchange *x)
{
	return option_bool(&x->catalog->options, OPT_CIRCUIT_BREAKER_ENABLED);
}

static void count_metric(struct exchange *x, bool good, int64_t now_ms)
{
	const struct vitals *v = &x->relay->vitals;
	struct finding *f;

	if (v->metric_size == 0 ||
	    !standing_outcome(&v->standings, x->channel->row.id, good, v->metric_size,
	        v->metric_rate, now_ms))
		return;
	f = finding_new(x, run_disable);
	snprintf(f->reason, sizeof f->reason, "success rate of the last %d requests below %.2f",
	    v->metric_size, v->metric_rate);
	send(x, f);
}

static void count_failure(struct exchange *x, const struct err *err, int64_t now_ms)
{
	const struct vitals *v = &x->relay->vitals;
	int64_t channel = x->channel->row.id;

	count_metric(x, false, now_ms);
	if (by_latency(x))
		standing_stumbled(&v->standings, channel, now_ms - x->attempt_started_ms, now_ms);
	if (!uses_breakers(x))
		return;
	x->tried.probe = false;
	if (!breaker_failed(&v->breakers, x->tried.pair, retry_after_ms(err), now_ms))
		return;
	watch_breaker_opened(x);
	log_warn(&x->req->log, "breaker.open", LOG_STR("model", x->tried.model),
	    LOG_TEXT("kind", err_kind_name(err->kind)), LOG_INT("upstream", err->upstream_status));
}

static void drop_probe(struct exchange *x)
{
	if (x->tried.probe)
		breaker_dropped(&x->relay->vitals.breakers, x->tried.pair);
	x->tried.probe = false;
}

void health_failed(struct exchange *x, const struct err *err)
{
	enum fault fault = health_fault(err);
	int64_t now_ms = clock_mono_ms();

	if (!begin_end(x))
		return;
	if (fault == FAULT_KEY)
		refused(x, err, now_ms);
	else if (fault == FAULT_BUSY)
		was_busy(x, err, now_ms);
	if (fault >= FAULT_KEY &&
	    (fault == FAULT_CHANNEL || x->channel->key_count == 1 ||
	        !keyring_has_more(&x->relay->vitals.keys, x->channel, &x->tried.keys, now_ms)))
		count_failure(x, err, now_ms);
	drop_probe(x);
}

void health_left(struct exchange *x)
{
	if (begin_end(x))
		drop_probe(x);
}

/* ---- it served -------------------------------------------------------------------------------- */

static void note_conversation(const struct exchange *x, int64_t now_ms)
{
	const struct tried *t = &x->tried;
	int64_t minutes = option_int(&x->catalog->options, OPT_CHANNEL_AFFINITY_MINUTES);

	if (t->is_known && t->conversation.key && minutes > 0)
		affinity_note(&x->relay->vitals.conversations, t->conversation.key, t->model_hash,
		    x->channel->row.id, minutes * 60000, now_ms);
}

/* From sending to the first byte that the client got, or to the whole reply. */
static int64_t answered_after_ms(const struct exchange *x, int64_t now_ms)
{
	if (x->first_byte_ms < 0)
		return now_ms - x->attempt_started_ms;
	return x->req->started_ms + x->first_byte_ms - x->attempt_started_ms;
}

void health_served(struct exchange *x)
{
	const struct vitals *v = &x->relay->vitals;
	int64_t now_ms = clock_mono_ms();

	if (!begin_end(x))
		return;
	if (uses_breakers(x))
		breaker_succeeded(&v->breakers, x->tried.pair, x->tried.probe, now_ms);
	x->tried.probe = false;
	count_metric(x, true, now_ms);
	if (by_latency(x))
		standing_answered(&v->standings, x->channel->row.id, answered_after_ms(x, now_ms),
		    now_ms);
	note_conversation(x, now_ms);
	if (x->channel->key_count == 1)
		return;
	keyring_unpark(&v->keys, x->tried.key);
	if (x->tried.key->parked_at)
		send(x, finding_new(x, run_unpark));
}
