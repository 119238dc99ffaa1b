#include "limit_late.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/redis.h"
#include "store/user.h"

#include "limit_remote.h"
#include "limits.h"
#include "pins.h"

#define SCOPES_MAX 4

/* What is added once the settlement is committed. */
struct late {
	struct limiter *limiter;
	struct arena *arena; /* of the texts, and of this */
	struct limit_entry entries[SCOPES_MAX];
	size_t count;
	int64_t tokens;
};

static struct str number(struct arena *a, int64_t n)
{
	return str_c(arena_fmt(a, "%" PRId64, n));
}

/* Minutes do not count what no minute has used. */
static void add(struct late *l, enum limit_scope scope, struct str subject, struct limit_rule *rule,
    const struct resource *pin)
{
	if (pin->charge != CHARGE_RUN && pin->charge != CHARGE_RESPONSE)
		rule->tpm = 0;
	if (rule->tpm > 0 || rule->tpd > 0)
		limit_entry_init(&l->entries[l->count++], &l->limiter->counters, scope, subject,
		    rule);
}

static bool find(struct late *l, const struct limit_rules *rules, struct db *db,
    const struct resource *pin, struct err *err)
{
	struct arena *a = l->arena;
	struct user user;

	if (!user_by_id(db, a, pin->user_id, &user, err))
		return false;

	const struct {
		enum limit_scope scope;
		struct str subject, group;
	} subjects[SCOPES_MAX] = {
		{ LIMIT_KEY, number(a, pin->billed_token), user.group },
		{ LIMIT_USER, number(a, pin->user_id), user.group },
		{ LIMIT_GROUP, user.group, user.group },
		{ LIMIT_CHANNEL, number(a, pin->channel_id), STR("") },
	};

	for (size_t i = 0; i < COUNT_OF(subjects); i++) {
		struct limit_rule rule;

		if (!limit_find(rules, db, a, subjects[i].scope, subjects[i].subject,
		        subjects[i].group, &rule, err))
			return false;
		add(l, subjects[i].scope, subjects[i].subject, &rule, pin);
	}
	return true;
}

static void late_free(struct late *l)
{
	arena_free(l->arena);
}

/* In the transaction of the charge, which may yet fail: only looks. */
static void *prepare(void *relay, struct db *db, const struct resource *pin, int64_t tokens)
{
	struct relay *r = relay;
	struct catalog *catalog = runtime_catalog(&r->rt);
	struct arena *a = arena_new(1024);
	struct late *l = ARENA_NEW(a, struct late);
	struct err err = { 0 };
	bool found;

	*l = (struct late){ .limiter = r->limiter, .arena = a, .tokens = tokens };
	found = catalog->rules.any && find(l, &catalog->rules, db, pin, &err);
	catalog_put(catalog);
	if (err.kind)
		log_warn(NULL, "limits.late_failed", LOG_STR("id", pin->id), LOG_ERR(&err));
	if (found && l->count > 0)
		return l;
	late_free(l);
	return NULL;
}

static void settled(void *prepared, bool ok)
{
	struct late *l = prepared;

	if (ok && !limit_remote_add(l->limiter, l->entries, l->count, l->tokens)) {
		for (size_t i = 0; i < l->count; i++)
			limit_entry_add(&l->entries[i], &l->limiter->counters, l->tokens);
	}
	late_free(l);
}

void limit_late_open(struct relay *relay)
{
	pins_watch(relay->pins, &(struct pins_watcher){ prepare, settled, relay });
}
