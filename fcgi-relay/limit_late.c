#include "limit_late.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
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
		{ LIMIT_KEY, limit_subject(a, pin->billed_token), user.group },
		{ LIMIT_USER, limit_subject(a, pin->user_id), user.group },
		{ LIMIT_GROUP, user.group, user.group },
		{ LIMIT_CHANNEL, limit_subject(a, pin->channel_id), STR("") },
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

static struct late *late_new(struct limiter *limiter, const struct limit_rules *rules,
    struct db *db, const struct resource *pin, int64_t tokens)
{
	struct arena *a = arena_new(1024);
	struct late *l = ARENA_NEW(a, struct late);
	struct err err = { 0 };

	*l = (struct late){ .limiter = limiter, .arena = a, .tokens = tokens };
	if (!find(l, rules, db, pin, &err)) {
		log_warn(NULL, "limits.late_failed", LOG_STR("id", pin->id), LOG_ERR(&err));
		l->count = 0;
	}
	if (l->count > 0)
		return l;
	arena_free(a);
	return NULL;
}

/* In the transaction of the charge, which may yet fail: only looks. */
static void *prepare(void *relay, struct db *db, const struct resource *pin, int64_t tokens)
{
	struct relay *r = relay;
	struct catalog *catalog = runtime_catalog(&r->rt);
	struct late *l = NULL;

	if (catalog->rules.any)
		l = late_new(r->limiter, &catalog->rules, db, pin, tokens);
	catalog_put(catalog);
	return l;
}

static void settled(void *prepared, bool ok)
{
	struct late *l = prepared;

	if (ok && !limit_remote_add(l->limiter, l->entries, l->count, l->tokens)) {
		for (size_t i = 0; i < l->count; i++)
			limit_entry_add(&l->entries[i], &l->limiter->counters, l->tokens);
	}
	arena_free(l->arena);
}

void limit_late_open(struct relay *relay)
{
	pins_watch(relay->pins, &(struct pins_watcher){ prepare, settled, relay });
}
