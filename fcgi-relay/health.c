#include "health.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

bool health_may_retry(const struct err *err)
{
	switch (err->kind) {
	case ERR_UPSTREAM:
	case ERR_UPSTREAM_AUTH:
	case ERR_UPSTREAM_QUOTA:
	case ERR_UPSTREAM_UNREACHABLE:
	case ERR_UPSTREAM_TIMEOUT:
	case ERR_UPSTREAM_TRUNCATED:
	case ERR_UPSTREAM_BODY:
		return true;
	case ERR_RATE_LIMIT:
	case ERR_MODEL_NOT_FOUND: /* this account lacks it; another may not */
		return err->upstream_status != 0;
	default:
		return false;
	}
}

/* Whole phrases that providers use of an account, lower case. Never single words: an upstream may
 * echo a client's text, and no client may switch off a channel. */
static const char *const phrases[] = {
	"your access was terminated",
	"your credit balance is too low",
	"organization has been disabled",
	"organization has been restricted",
	"api key not valid",
	"api key expired",
	"已欠费",
};

static const char *const types[] = { "insufficient_quota", "authentication_error",
	"permission_error", "forbidden" };
static const char *const codes[] = { "invalid_api_key", "account_deactivated" };

static bool is_one_of(const char *text, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(text, list[i]) == 0)
			return true;
	}
	return false;
}

bool health_is_dead(const struct err *err)
{
	if (err_origin(err) != ERR_BY_UPSTREAM || err->upstream_status == 0)
		return false;
	if (err->upstream_status == 401 || err->kind == ERR_UPSTREAM_QUOTA)
		return true;
	if (err->kind != ERR_UPSTREAM_AUTH && err->upstream_status != 429)
		return false;
	if (is_one_of(err->upstream_type, types, COUNT_OF(types)) ||
	    is_one_of(err->upstream_code, codes, COUNT_OF(codes)))
		return true;
	for (size_t i = 0; i < COUNT_OF(phrases); i++) {
		if (strcasestr(err->detail, phrases[i]) || strcasestr(err->msg, phrases[i]))
			return true;
	}
	return false;
}

/* What a worker does about it; on the heap, since the request goes on without it. */
struct disabling {
	struct task task;
	struct relay *relay;
	int64_t channel;
	char reason[600];
};

static void disable(struct task *task, void *room)
{
	struct disabling *d = CONTAINER_OF(task, struct disabling, task);
	struct db *db = worker_local(room);
	struct err err = { 0 };
	bool changed = false;

	if (!channel_set_status(db, d->channel, CHANNEL_ENABLED, CHANNEL_AUTO_DISABLED,
	        str_c(d->reason), &changed, &err))
		log_error(NULL, "health.disable_failed", LOG_INT("channel", d->channel),
		    LOG_ERR(&err));
	else if (changed)
		log_warn(NULL, "health.disabled", LOG_INT("channel", d->channel),
		    LOG_TEXT("reason", d->reason));
	catalog_nudge(d->relay->rt.watcher);
	mem_free(d);
}

void health_failed(const struct exchange *x, const struct err *err)
{
	struct disabling *d;

	if (!option_bool(&x->catalog->options, OPT_AUTOMATIC_DISABLE_CHANNEL_ENABLED) ||
	    !health_is_dead(err))
		return;
	d = MEM_NEW(struct disabling);
	d->task.run = disable;
	d->relay = x->relay;
	d->channel = x->channel->row.id;
	snprintf(d->reason, sizeof d->reason, "status %d: %s", err->upstream_status,
	    *err->detail ? err->detail : err->msg);
	server_defer(x->req->server, &d->task);
}
