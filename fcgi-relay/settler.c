#include "settler.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/user.h"

#include "asker.h"
#include "attempt.h"
#include "pins.h"
#include "relay.h"
#include "works.h"

/* How often it is asked what is due, and how many are looked at then. */
#define TICK_MAX_MS 5000
#define LOOKS_MAX 8
/* Between two looks at one work at most. */
#define PAUSE_MAX_S 3600
/* So often a list is asked for what may have been made, and a work that is not found any more. */
#define LIST_LOOKS 2
#define GONE_LOOKS 3
/* A channel without an answer is left alone as long as a work after so many looks. */
#define SILENT_LOOKS 3
/* An upstream's clock and ours. */
#define CLOCKS_APART_S 300
#define SECONDS_PER_DAY (24 * 60 * 60)

struct settler {
	struct relay *relay;
	int64_t first_s, life_s;
	pthread_t thread;
	bool runs;
	int wake; /* eventfd: stop */
	int lock; /* -1: another process looks */
	char lock_path[4096];
	struct db *db;
	struct asker *asker;
	int64_t silent,
	    silent_until; /* the channel that gave no answer last; not to be asked before */
};

/* One look. */
struct look {
	struct settler *s;
	struct arena *arena;
	const struct catalog *catalog;
	const struct resource *pin;
	const struct catalog_channel *channel;
};

int64_t settler_first_s(const struct settler *s)
{
	return s ? s->first_s : 0;
}

static int64_t pause_s(const struct settler *s, int64_t looks)
{
	int64_t pause = s->first_s;

	while (looks-- > 0 && pause < PAUSE_MAX_S)
		pause *= 2;
	return pause < PAUSE_MAX_S ? pause : PAUSE_MAX_S;
}

/* ---- what is done with it -------------------------------------------------------------------- */

static void give_up(const struct look *l, const char *why)
{
	log_warn(NULL, "settler.stays_at_bound", LOG_TEXT("why", why),
	    LOG_STR("kind", l->pin->kind), LOG_STR("id", l->pin->id),
	    LOG_INT("user", l->pin->user_id), LOG_INT("channel", l->pin->channel_id),
	    LOG_INT("quota", l->pin->billed_quota));
	pins_give_up(l->s->relay->pins, l->pin);
}

static bool token_name(const struct look *l, struct str *out, struct err *err)
{
	static const char sql[] = "SELECT name FROM tokens WHERE id = ?";

	return db_text(l->s->db, l->arena, sql, BIND(v_int(l->pin->billed_token)), out, err);
}

static void settle(const struct look *l, const struct work_end *end)
{
	struct pins_bill bill;
	struct user user = { 0 };
	struct str key;
	struct err err = { 0 };

	if ((!user_by_id(l->s->db, l->arena, l->pin->user_id, &user, &err) &&
	        err.kind != ERR_NOT_FOUND) ||
	    !token_name(l, &key, &err) ||
	    !work_bill(l->arena, l->catalog, l->channel, user.group, l->pin, end, &bill, &err)) {
		log_warn(NULL, "settler.no_bill", LOG_STR("id", l->pin->id), LOG_ERR(&err));
		return;
	}
	bill.row.username = user.username;
	bill.row.token_name = key;
	bill.row.request_id = str_c(arena_fmt(l->arena, "work-%lld", (long long)l->pin->seq));
	pins_charge(l->s->relay->pins, l->pin, &bill);
}

/* ---- a batch that does not say what it used -------------------------------------------------- */

struct counting {
	struct arena *arena;
	struct work_end end;
	int64_t lines;
};

static bool on_line(void *arg, struct str line)
{
	struct counting *c = arg;
	struct arena_mark mark = arena_mark(c->arena);

	c->lines += str_trim(line).n > 0;
	work_add_line(c->arena, line, &c->end);
	arena_rewind(c->arena, mark);
	return true;
}

static void count_lines(const struct look *l, struct jval object)
{
	struct counting c = { .arena = arena_new(64 * 1024) };
	struct jval id;
	struct str file;

	(void)jscan_member(object, STR("output_file_id"), &id);
	file = jscan_text(l->arena, id);
	if (l->pin->charge != CHARGE_BATCH || !family_is_id(file)) {
		give_up(l, "it ended without a usage");
	} else if (asker_lines(l->s->asker, l->channel, l->pin,
	               arena_fmt(l->arena, "/v1/files/%.*s/content", STR_ARG(file)), on_line, &c)) {
		c.end.usage.reported = true;
		work_cut(l->pin, &c.end.usage);
		if (c.lines > 0 && c.end.requests == 0)
			give_up(l, "its output has no usage");
		else
			settle(l, &c.end);
	}
	arena_free(c.arena);
}

/* ---- a work without an id -------------------------------------------------------------------- */

/* Was it made of what this request named? */
static bool is_like(const struct resource *pin, struct jval item)
{
	struct jval value;

	switch ((enum resource_charge)pin->charge) {
	case CHARGE_BATCH:
		return jscan_member(item, STR("input_file_id"), &value) &&
		    jscan_is(value, pin->parent);
	case CHARGE_TRAINING:
		return jscan_member(item, STR("training_file"), &value) &&
		    jscan_is(value, pin->parent);
	case CHARGE_RUN:
		return jscan_member(item, STR("thread_id"), &value) && jscan_is(value, pin->parent);
	case CHARGE_RESPONSE:
		break;
	}
	return false;
}

/* How far from the moment that ours was opened was it made, in seconds? False: not by our request.
 * An upstream that does not say when is believed. */
static bool is_of_its_time(const struct look *l, struct jval item, int64_t *apart)
{
	struct upstream_limits limits = attempt_limits(l->s->relay, l->channel);
	int64_t reach_ms = (int64_t)limits.connect_ms + limits.first_byte_ms;
	struct jval value;
	int64_t at;

	*apart = 0;
	if (!jscan_member(item, STR("created_at"), &value) ||
	    !jscan_int(value, 0, INT64_MAX / 2, &at))
		return true;
	*apart = llabs(at - l->pin->created_at);
	return at >= l->pin->created_at - CLOCKS_APART_S &&
	    at <= l->pin->created_at + reach_ms / 1000 + CLOCKS_APART_S;
}

/* May it be the one that is looked for? Then this is its id. */
static bool is_candidate(const struct look *l, struct jval item, struct str *id, int64_t *apart)
{
	struct err err = { 0 };
	struct jval value;
	bool known = true;

	if (!is_like(l->pin, item) || !is_of_its_time(l, item, apart) ||
	    !jscan_member(item, STR("id"), &value))
		return false;
	*id = jscan_text(l->arena, value);
	return family_is_id(*id) && resource_is_known(l->s->db, l->pin->kind, *id, &known, &err) &&
	    !known;
}

static void adopt(const struct look *l, struct str id, struct jval item)
{
	struct resource pin = *l->pin;

	pin.id = id;
	if (item.text.n <= RESOURCE_OBJECT_MAX && pin.charge != CHARGE_RUN)
		pin.object = item.text;
	pin.look_at = 0;
	log_warn(NULL, "settler.found", LOG_STR("request", l->pin->id), LOG_STR("id", pin.id),
	    LOG_INT("user", pin.user_id));
	pins_adopt(l->s->relay->pins, l->pin->id, &pin);
}

/* Does the list show all that was made since? What lies behind its end may be what is looked for. */
static bool reaches_back(const struct resource *pin, struct jval list, struct jval oldest)
{
	struct jval more, made;
	int64_t at;

	return !jscan_member(list, STR("has_more"), &more) || !jscan_true(more) ||
	    (jscan_member(oldest, STR("created_at"), &made) && jscan_int(made, 0, INT64_MAX, &at) &&
	        at < pin->created_at - CLOCKS_APART_S);
}

static void find_among(const struct look *l, struct jval list)
{
	struct work_end nothing = { .usage = { .reported = true } };
	struct jval data, item, oldest = { 0 }, found = { 0 };
	struct str id, found_id = { 0 };
	int64_t apart, found_apart = INT64_MAX;
	struct jiter it;

	if (!jscan_member(list, STR("data"), &data) || data.type != J_ARRAY)
		return;
	it = jscan_iter(data);
	while (jscan_next_item(&it, &item)) {
		oldest = item;
		if (!is_candidate(l, item, &id, &apart) || apart >= found_apart)
			continue;
		found = item;
		found_id = id;
		found_apart = apart;
	}
	if (found_id.n) {
		adopt(l, found_id, found);
		return;
	}
	if (l->pin->looks + 1 < LIST_LOOKS || !reaches_back(l->pin, list, oldest))
		return;
	log_warn(NULL, "settler.never_made", LOG_STR("request", l->pin->id),
	    LOG_INT("user", l->pin->user_id), LOG_INT("quota", l->pin->billed_quota));
	settle(l, &nothing);
}

/* ---- a look ---------------------------------------------------------------------------------- */

/* Where it is, or the list that it is in when its id is not known; NULL: nowhere. */
static const char *path_of(const struct look *l)
{
	const struct resource *pin = l->pin;
	bool pending = resource_is_pending(pin);

	switch ((enum resource_charge)pin->charge) {
	case CHARGE_RESPONSE:
		return pending ? NULL : arena_fmt(l->arena, "/v1/responses/%.*s", STR_ARG(pin->id));
	case CHARGE_BATCH:
		return pending ? "/v1/batches"
		               : arena_fmt(l->arena, "/v1/batches/%.*s", STR_ARG(pin->id));
	case CHARGE_TRAINING:
		return pending ? "/v1/fine_tuning/jobs"
		               : arena_fmt(l->arena, "/v1/fine_tuning/jobs/%.*s", STR_ARG(pin->id));
	case CHARGE_RUN:
		if (!family_is_id(pin->parent))
			return NULL;
		return arena_fmt(l->arena, "/v1/threads/%.*s/runs%s%.*s", STR_ARG(pin->parent),
		    pending ? "" : "/", STR_ARG(pending ? STR("") : pin->id));
	}
	return NULL;
}

static void read_object(const struct look *l, struct jval object)
{
	struct work_end end;

	if (resource_is_pending(l->pin)) {
		find_among(l, object);
		return;
	}
	switch (work_state(l->pin, object, &end)) {
	case WORK_RUNS:
		break;
	case WORK_ENDED:
		settle(l, &end);
		break;
	case WORK_UNCOUNTED:
		count_lines(l, object);
		break;
	}
}

static void ask(const struct look *l, const char *path)
{
	struct jval object;
	struct str body;
	int status = asker_object(l->s->asker, l->channel, l->pin, path,
	    resource_is_pending(l->pin) ? "limit=100" : "", l->arena, &body);

	if (status == 200 && jscan_check(body, JSON_MAX_DEPTH, &object, &(struct err){ 0 }))
		read_object(l, object);
	else if ((status == 404 || status == 410) && l->pin->looks + 1 >= GONE_LOOKS)
		give_up(l, "the upstream does not know it");
	else
		log_info(NULL, "settler.no_answer", LOG_STR("id", l->pin->id),
		    LOG_INT("channel", l->pin->channel_id), LOG_INT("status", status));
	if (status == 0) { /* others are not to wait for as many time-outs as it has works */
		l->s->silent = l->pin->channel_id;
		l->s->silent_until = clock_unix() + pause_s(l->s, SILENT_LOOKS);
	}
}

static void look_at(const struct look *l)
{
	int64_t now = clock_unix();
	const char *path;

	pins_looked(l->s->relay->pins, l->pin, now + pause_s(l->s, l->pin->looks + 1));
	if (l->pin->created_at + l->s->life_s <= now) {
		give_up(l, "nothing was heard of its end");
		return;
	}
	if (!l->channel || (l->pin->channel_id == l->s->silent && now < l->s->silent_until))
		return;
	path = path_of(l);
	if (path)
		ask(l, path);
	else
		give_up(l, "its id was lost");
}

static bool is_stopping(const struct settler *s)
{
	struct pollfd fd = { .fd = s->wake, .events = POLLIN };

	return poll(&fd, 1, 0) > 0;
}

static void look_round(struct settler *s)
{
	struct arena *a = arena_new(16 * 1024);
	struct catalog *catalog = runtime_catalog(&s->relay->rt);
	struct resource_list list = { 0 };
	struct err err = { 0 };

	if (!s->db && !runtime_db(&s->relay->rt, &s->db, &err))
		log_error(NULL, "settler.failed", LOG_ERR(&err));
	else if (!resource_due(s->db, a, clock_unix(), LOOKS_MAX, &list, &err))
		log_error(NULL, "settler.failed", LOG_ERR(&err));
	for (size_t i = 0; i < list.count && !is_stopping(s); i++) {
		struct arena_mark mark = arena_mark(a);

		look_at(&(struct look){ s, a, catalog, &list.items[i],
		    catalog_channel(catalog, list.items[i].channel_id) });
		arena_rewind(a, mark);
	}
	catalog_put(catalog);
	arena_free(a);
}

/* ---- the thread ------------------------------------------------------------------------------ */

/* Is it this process? The system lets go of the lock of one that died. */
static bool has_lock(struct settler *s)
{
	if (s->lock >= 0)
		return true;
	s->lock = open(s->lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (s->lock >= 0 && flock(s->lock, LOCK_EX | LOCK_NB) == 0)
		return true;
	if (s->lock >= 0)
		close(s->lock);
	s->lock = -1;
	return false;
}

static void *run(void *arg)
{
	struct settler *s = arg;
	struct pollfd fd = { .fd = s->wake, .events = POLLIN };
	int64_t tick_ms = s->first_s * 1000 / 2;

	if (tick_ms > TICK_MAX_MS)
		tick_ms = TICK_MAX_MS;
	while (poll(&fd, 1, (int)tick_ms) == 0 || errno == EINTR) {
		if (is_stopping(s))
			break;
		if (has_lock(s))
			look_round(s);
	}
	return NULL;
}

void settler_open(struct relay *relay)
{
	struct settler *s = MEM_NEW(struct settler);

	s->relay = relay;
	s->wake = s->lock = -1;
	s->first_s = conf_int(relay->rt.conf, "RESOURCE_LOOK");
	s->life_s = conf_int(relay->rt.conf, "RESOURCE_LIFE") * SECONDS_PER_DAY;
	relay->settler = s;
}

bool settler_start(struct relay *relay, struct err *err)
{
	struct settler *s = relay->settler;
	int n = snprintf(s->lock_path, sizeof(s->lock_path), "%s/settler.lock", relay->rt.data_dir);

	if (n >= (int)sizeof(s->lock_path))
		return err_set(err, ERR_CONFIG, "DATA_DIR is too long");
	s->wake = eventfd(0, EFD_CLOEXEC);
	s->asker = asker_new(relay, s->wake);
	if (s->wake < 0 || pthread_create(&s->thread, NULL, run, s) != 0)
		return err_set(err, ERR_CONFIG, "cannot start the thread that settles");
	pthread_setname_np(s->thread, "settle");
	s->runs = true;
	return true;
}

void settler_stop(struct relay *relay)
{
	struct settler *s = relay->settler;

	if (!s || !s->runs)
		return;
	while (eventfd_write(s->wake, 1) != 0 && errno == EINTR)
		;
	pthread_join(s->thread, NULL);
	s->runs = false;
}

void settler_close(struct relay *relay)
{
	struct settler *s = relay->settler;

	if (!s)
		return;
	asker_free(s->asker);
	db_close(s->db);
	if (s->wake >= 0)
		close(s->wake);
	if (s->lock >= 0)
		close(s->lock);
	mem_free(s);
	relay->settler = NULL;
}
