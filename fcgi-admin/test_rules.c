#include "test_rules.h"

#include <stdio.h>

#include "admin.h"
#include "message.h"
#include "provider/dead_account.h"
#include "store/channel_event.h"
#include "store/channel_key.h"

static bool may_disable(const struct errand *e)
{
	return option_bool(options_of(e->r), OPT_AUTOMATIC_DISABLE_CHANNEL_ENABLED);
}

static void report(struct errand *e, bool ok, bool changed, const char *action,
    const struct err *err)
{
	if (!ok)
		log_error(&e->r->log, "test.rule_failed", LOG_INT("channel", e->channel.row.id),
		    LOG_TEXT("what", action), LOG_ERR(err));
	if (!ok || !changed)
		return;
	e->action = action;
	catalog_nudge(admin_of(e->r)->rt.watcher);
}

static void disable(struct errand *e, struct str cause)
{
	struct err err = { 0 };
	bool changed = false;
	bool ok = channel_set_status(db_of(e->r), e->channel.row.id, CHANNEL_ENABLED,
	    CHANNEL_AUTO_DISABLED, cause, &changed, &err);

	report(e, ok, changed, EVENT_DISABLED, &err);
}

static void enable(struct errand *e)
{
	struct err err = { 0 };
	bool changed = false;
	bool ok = channel_recovered(db_of(e->r), e->channel.row.id, &changed, &err);

	report(e, ok, changed, EVENT_ENABLED, &err);
}

/* ---- one of several keys ---------------------------------------------------------------------- */

/* The one that was just parked included. */
static bool none_is_left(const struct errand *e)
{
	size_t in_use = 0;

	for (size_t i = 0; i < e->channel.key_count; i++)
		in_use += e->channel.keys[i].parked_at == 0;
	return in_use <= 1;
}

static void park(struct errand *e, struct str cause)
{
	char hash[CHANNEL_KEY_HASH_LEN + 1];
	struct err err = { 0 };
	bool changed = false, ok;

	(void)channel_key_hash(box_of(e->r), e->key->text, hash);
	ok = channel_key_park(db_of(e->r), e->channel.row.id, str_c(hash), cause, &changed, &err);
	report(e, ok, changed, EVENT_PARKED, &err);
	if (ok && none_is_left(e) && may_disable(e))
		disable(e, cause);
}

/* ---- the rules -------------------------------------------------------------------------------- */

static struct str slow_cause(const struct errand *e, double limit_s)
{
	char took[32], limit[32];

	snprintf(took, sizeof took, "%.2f", (double)e->elapsed_ms / 1000.0);
	snprintf(limit, sizeof limit, "%.2f", limit_s);
	return message_filled(e->r, MSG_C02, str_c(took), str_c(limit));
}

static void was_slow(struct errand *e, double limit_s)
{
	struct err err = { 0 };

	if (may_disable(e)) {
		disable(e, slow_cause(e, limit_s));
		return;
	}
	report(e,
	    channel_event_add(db_of(e->r), e->channel.row.id, EVENT_SLOW, slow_cause(e, limit_s),
	        &err),
	    true, EVENT_SLOW, &err);
}

static struct str dead_cause(const struct errand *e)
{
	const char *sample = *e->said.detail ? e->said.detail : e->said.msg;

	return str_c(arena_fmt(e->r->arena, "status %d: %s", e->said.upstream_status, sample));
}

void test_rules_apply(struct errand *e)
{
	const struct options *o = options_of(e->r);
	double limit_s = option_double(o, OPT_CHANNEL_DISABLE_THRESHOLD);

	if (e->channel.row.status != CHANNEL_ENABLED) {
		if (e->ok && option_bool(o, OPT_AUTOMATIC_ENABLE_CHANNEL_ENABLED))
			enable(e);
		return;
	}
	if (e->said.kind != ERR_NONE && account_is_dead(&e->said)) {
		if (e->channel.key_count > 1)
			park(e, dead_cause(e));
		else if (may_disable(e))
			disable(e, dead_cause(e));
	} else if (limit_s > 0 && (double)e->elapsed_ms > limit_s * 1000) {
		was_slow(e, limit_s);
	}
}

void test_rules_no_balance(struct errand *e)
{
	if (e->channel.row.status == CHANNEL_ENABLED && may_disable(e))
		disable(e, str_c(message_text(e->r, MSG_C11)));
}
