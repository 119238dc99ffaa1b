/* catalog.c — builds the snapshot, answers look-ups in it, and watches for the next one
 *
 * DESIGN. A catalog and everything in it lies in one arena and is never changed after it was built.
 * Group and model together are found in a hash table of open addressing; the same entries, sorted,
 * give the models of a group. The watcher is one thread with a connection of its own; it sleeps on
 * a condition that catalog_nudge and catalog_unwatch signal. A rebuild that fails leaves the old
 * snapshot in place; the log says so at once and then once a minute.
 */
#include "provider/catalog.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/jscan.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"

#define DEFAULT_TITLE "oneapi-fcgi"
#define FAILURE_LOG_EVERY_MS 60000
/* A version that moves while it is read is read again this often. */
#define BUILD_TURNS 3

/* ---- one channel ------------------------------------------------------------------------- */

/* A JSON object that an operator wrote; what is none counts as empty. */
static bool read_object(struct arena *a, const struct channel *row, struct str text,
    const char *column, struct jval *object)
{
	struct err err = { 0 };

	*object = (struct jval){ 0 };
	text = str_trim(text);
	if (text.n == 0 || str_eq_c(text, "null"))
		return false;
	if (jscan_check(text, JSON_MAX_DEPTH, object, &err)) {
		if (object->type == J_OBJECT)
			return true;
		(void)err_set(&err, ERR_INVALID_JSON, "not an object");
	}
	log_warn(NULL, "channel.bad_json", LOG_INT("channel", row->id), LOG_TEXT("column", column),
	    LOG_ERR(&err));
	return false;
}

static struct str decoded(struct arena *a, struct jval string)
{
	return arena_str(a, jscan_text(a, string));
}

static void read_mapping(struct arena *a, struct catalog_channel *c)
{
	struct jval object, value;
	struct jiter it;
	struct str name;
	size_t n;

	if (!read_object(a, &c->row, c->row.model_mapping, "model_mapping", &object))
		return;
	n = jscan_count(object);
	c->mapping = arena_zalloc(a, n * sizeof(*c->mapping));
	it = jscan_iter(object);
	while (c->mapping_count < n && jscan_next_member(&it, &name, &value)) {
		struct jval from = { J_STRING, { name.p - 1, name.n + 2 } };

		if (value.type != J_STRING || value.text.n <= 2)
			continue;
		c->mapping[c->mapping_count].from = decoded(a, from);
		c->mapping[c->mapping_count++].to = decoded(a, value);
	}
}

static void read_config(struct arena *a, struct catalog_channel *c)
{
	const struct {
		const char *name;
		struct str *place;
	} wanted[] = {
		{ "api_version", &c->api_version },
		{ "region", &c->region },
		{ "user_id", &c->user_id },
		{ "organization", &c->organization },
		{ "project", &c->project },
		{ "referer", &c->referer },
		{ "title", &c->title },
	};
	struct jval object, value;

	(void)read_object(a, &c->row, c->row.config, "config", &object);
	for (size_t i = 0; i < COUNT_OF(wanted); i++) {
		if (jscan_at(object, wanted[i].name, &value))
			*wanted[i].place = str_trim(decoded(a, value));
		if (wanted[i].place->n == 0 &&
		    str_eq_c(str_c(c->provider->legacy_other), wanted[i].name))
			*wanted[i].place = str_trim(c->row.other);
	}
}

static struct str base_url_of(const struct catalog_channel *c)
{
	struct str url = str_trim(c->row.base_url);

	if (url.n == 0)
		url = str_c(c->provider->base_url);
	while (url.n && url.p[url.n - 1] == '/')
		url.n--;
	return url;
}

bool catalog_channel_make(struct arena *a, const struct channel *row, struct catalog_channel *out,
    struct err *err)
{
	*out = (struct catalog_channel){ .row = *row };
	out->provider = provider_by_id(row->type);
	if (!out->provider)
		return err_set(err, ERR_CHANNEL_INVALID,
		    "channel #%" PRId64 " has the unknown type %d", row->id, row->type);
	out->base_url = base_url_of(out);
	read_mapping(a, out);
	read_config(a, out);
	if (out->title.n == 0)
		out->title = STR(DEFAULT_TITLE);
	return true;
}

struct str catalog_map_model(const struct catalog_channel *c, struct str model)
{
	for (size_t i = c->mapping_count; i-- > 0;)
		if (str_eq(c->mapping[i].from, model))
			return c->mapping[i].to;
	return model;
}

/* ---- the index --------------------------------------------------------------------------- */

/* One group and model. candidates comes first: catalog_candidates gives out its address. */
struct entry {
	struct candidates candidates;
	const struct catalog_channel **items;
	struct str group, model;
	const struct catalog_channel *last; /* a list may name a model twice */
	size_t filled;
};

struct group_models {
	struct str group;
	const struct str *models;
	size_t count;
};

struct index {
	struct entry **slots; /* a power of two, at most half full */
	size_t mask;
	size_t entry_count;
	struct group_models *groups; /* sorted by name */
	size_t group_count;
};

static uint64_t hash_of(struct str group, struct str model)
{
	return str_hash(model) ^ (str_hash(group) * UINT64_C(0x9e3779b97f4a7c15));
}

/* The slot of that pair, or the empty one where it belongs. */
static struct entry **slot_of(const struct index *ix, struct str group, struct str model)
{
	size_t i = (size_t)hash_of(group, model) & ix->mask;

	while (ix->slots[i] &&
	    !(str_eq(ix->slots[i]->model, model) && str_eq(ix->slots[i]->group, group)))
		i = (i + 1) & ix->mask;
	return &ix->slots[i];
}

typedef void pair_fn(struct catalog *cat, struct index *ix, const struct catalog_channel *c,
    struct str group, struct str model);

static bool next_name(struct str *rest, struct str *name)
{
	while (str_next(rest, ',', name)) {
		*name = str_trim(*name);
		if (name->n)
			return true;
	}
	return false;
}

/* Every group and model of a channel that can serve. */
static void each_pair(struct catalog *cat, struct index *ix, const struct catalog_channel *c,
    pair_fn *fn)
{
	struct str groups = c->row.group, models, group, model;

	if (c->row.status != CHANNEL_ENABLED || !c->provider->adaptor)
		return;
	while (next_name(&groups, &group)) {
		models = c->row.models;
		while (next_name(&models, &model))
			fn(cat, ix, c, group, model);
	}
}

static void each_channel(struct catalog *cat, struct index *ix, pair_fn *fn)
{
	for (size_t i = 0; i < cat->channel_count; i++)
		each_pair(cat, ix, cat->channels[i], fn);
}

static void count_pair(struct catalog *cat, struct index *ix, const struct catalog_channel *c,
    struct str group, struct str model)
{
	ix->entry_count++;
}

static void count_candidate(struct catalog *cat, struct index *ix, const struct catalog_channel *c,
    struct str group, struct str model)
{
	struct entry **slot = slot_of(ix, group, model);

	if (!*slot) {
		*slot = ARENA_NEW(cat->arena, struct entry);
		(*slot)->group = group;
		(*slot)->model = model;
		ix->entry_count++;
	}
	if ((*slot)->last == c)
		return;
	(*slot)->last = c;
	(*slot)->candidates.count++;
}

static void fill_candidate(struct catalog *cat, struct index *ix, const struct catalog_channel *c,
    struct str group, struct str model)
{
	struct entry *e = *slot_of(ix, group, model);

	if (e->filled && e->items[e->filled - 1] == c)
		return;
	e->items[e->filled++] = c;
}

static void make_slots(struct catalog *cat, struct index *ix)
{
	size_t size = 16;

	each_channel(cat, ix, count_pair);
	while (size < ix->entry_count * 2)
		size *= 2;
	ix->slots = arena_zalloc(cat->arena, size * sizeof(*ix->slots));
	ix->mask = size - 1;
	ix->entry_count = 0;
}

static int by_priority(const void *left, const void *right)
{
	const struct catalog_channel *a = *(const struct catalog_channel *const *)left;
	const struct catalog_channel *b = *(const struct catalog_channel *const *)right;

	if (a->row.priority != b->row.priority)
		return a->row.priority > b->row.priority ? -1 : 1;
	return (a->row.id > b->row.id) - (a->row.id < b->row.id);
}

static int by_group_and_model(const void *left, const void *right)
{
	const struct entry *a = *(const struct entry *const *)left;
	const struct entry *b = *(const struct entry *const *)right;
	int order = str_cmp(a->group, b->group);

	return order ? order : str_cmp(a->model, b->model);
}

/* The entries in order are the models of the first group, of the second, and so on. */
static void make_groups(struct catalog *cat, struct index *ix)
{
	struct entry **sorted = arena_alloc(cat->arena, ix->entry_count * sizeof(*sorted));
	struct str *models = arena_alloc(cat->arena, ix->entry_count * sizeof(*models));
	size_t n = 0;

	for (size_t i = 0; i <= ix->mask; i++)
		if (ix->slots[i])
			sorted[n++] = ix->slots[i];
	if (n)
		qsort(sorted, n, sizeof(*sorted), by_group_and_model);
	ix->groups = arena_zalloc(cat->arena, n * sizeof(*ix->groups));
	for (size_t i = 0; i < n; i++) {
		models[i] = sorted[i]->model;
		if (i == 0 || !str_eq(sorted[i]->group, sorted[i - 1]->group))
			ix->groups[ix->group_count++] =
			    (struct group_models){ sorted[i]->group, &models[i], 0 };
		ix->groups[ix->group_count - 1].count++;
	}
}

static void make_index(struct catalog *cat)
{
	struct index *ix = ARENA_NEW(cat->arena, struct index);

	cat->index = ix;
	make_slots(cat, ix);
	each_channel(cat, ix, count_candidate);
	for (size_t i = 0; i <= ix->mask; i++) {
		struct entry *e = ix->slots[i];

		if (!e)
			continue;
		e->items = arena_alloc(cat->arena, e->candidates.count * sizeof(*e->items));
		e->candidates.items = e->items;
	}
	each_channel(cat, ix, fill_candidate);
	for (size_t i = 0; i <= ix->mask; i++) {
		struct entry *e = ix->slots[i];

		if (e)
			qsort(e->items, e->filled, sizeof(*e->items), by_priority);
	}
	make_groups(cat, ix);
}

/* ---- building ---------------------------------------------------------------------------- */

static int by_id(const void *left, const void *right)
{
	const struct catalog_channel *a = *(const struct catalog_channel *const *)left;
	const struct catalog_channel *b = *(const struct catalog_channel *const *)right;

	return (a->row.id > b->row.id) - (a->row.id < b->row.id);
}

/* A channel that makes no sense is left out and named in the log; the others serve on. */
static void make_channels(struct catalog *cat, const struct channel_list *rows)
{
	struct catalog_channel *made = arena_zalloc(cat->arena, rows->count * sizeof(*made));
	struct str address = option_text(&cat->options, OPT_SERVER_ADDRESS);
	struct str name = option_text(&cat->options, OPT_SYSTEM_NAME);
	struct err err = { 0 };

	cat->channels = arena_alloc(cat->arena, rows->count * sizeof(*cat->channels));
	for (size_t i = 0; i < rows->count; i++) {
		struct catalog_channel *c = &made[cat->channel_count];

		if (!catalog_channel_make(cat->arena, &rows->items[i], c, &err)) {
			log_warn(NULL, "catalog.channel_skipped", LOG_ERR(&err));
			continue;
		}
		if (c->referer.n == 0)
			c->referer = address;
		if (str_eq_c(c->title, DEFAULT_TITLE) && name.n)
			c->title = name;
		cat->channels[cat->channel_count++] = c;
	}
	if (cat->channel_count)
		qsort(cat->channels, cat->channel_count, sizeof(*cat->channels), by_id);
}

static enum unpriced unpriced_rule(struct str option)
{
	if (str_eq_c(option, "free"))
		return UNPRICED_FREE;
	return str_eq_c(option, "ratio") ? UNPRICED_RATIO : UNPRICED_REFUSE;
}

static bool make_prices(struct catalog *cat, struct err *err)
{
	const struct options *o = &cat->options;

	return price_table_new(cat->arena, option_text(o, OPT_MODEL_RATIO),
	    option_text(o, OPT_COMPLETION_RATIO), option_text(o, OPT_GROUP_RATIO),
	    unpriced_rule(option_text(o, OPT_UNPRICED_MODEL)), &cat->prices, err);
}

/* Keys are in the arena: they do not stay behind in freed memory. */
static void catalog_free(struct shared *value)
{
	struct catalog *c = (struct catalog *)value;

	for (size_t i = 0; i < c->channel_count; i++) {
		struct str key = c->channels[i]->row.key;

		if (key.n)
			mem_wipe((char *)(uintptr_t)key.p, key.n);
	}
	arena_free(c->arena);
}

static struct catalog *catalog_new(void)
{
	struct arena *a = arena_new(64 * 1024);
	struct catalog *c = ARENA_NEW(a, struct catalog);

	c->arena = a;
	c->shared.free = catalog_free;
	atomic_init(&c->shared.refs, 1);
	return c;
}

static bool build_once(struct db *db, const struct secret_box *box, struct catalog **out,
    struct err *err)
{
	struct catalog *c = catalog_new();
	struct channel_list rows = { 0 };

	if (!catalog_version(db, &c->version, err) ||
	    !option_load(db, box, c->arena, &c->options, err) ||
	    !channel_all(db, box, c->arena, &rows, err) || !make_prices(c, err)) {
		catalog_put(c);
		return false;
	}
	make_channels(c, &rows);
	make_index(c);
	*out = c;
	return true;
}

/* The version is read first: what is written meanwhile has a later one, so nothing is missed. The
 * second look only saves serving a mixture until the next poll. */
bool catalog_build(struct db *db, const struct secret_box *box, struct catalog **out,
    struct err *err)
{
	int64_t now;

	for (int turn = 1;; turn++) {
		if (!build_once(db, box, out, err))
			return false;
		if (turn == BUILD_TURNS)
			return true;
		if (!catalog_version(db, &now, err)) {
			catalog_put(*out);
			return false;
		}
		if (now == (*out)->version)
			return true;
		catalog_put(*out);
	}
}

void catalog_put(struct catalog *c)
{
	if (c)
		shared_unref(&c->shared);
}

/* ---- look-ups ---------------------------------------------------------------------------- */

const struct candidates *catalog_candidates(const struct catalog *c, struct str group,
    struct str model)
{
	const struct index *ix = c->index;
	const struct entry *e = *slot_of(ix, group, model);

	return e ? &e->candidates : NULL;
}

const struct catalog_channel *catalog_channel(const struct catalog *c, int64_t id)
{
	size_t low = 0, high = c->channel_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int64_t here = c->channels[middle]->row.id;

		if (here == id)
			return c->channels[middle];
		if (here > id)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

const struct str *catalog_models(const struct catalog *c, struct str group, size_t *count)
{
	const struct index *ix = c->index;
	size_t low = 0, high = ix->group_count;

	*count = 0;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct group_models *here = &ix->groups[middle];
		int order = str_cmp(group, here->group);

		if (order == 0) {
			*count = here->count;
			return here->models;
		}
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

/* ---- watcher ----------------------------------------------------------------------------- */

struct catalog_watcher {
	struct db *db; /* the thread's, once it runs */
	const struct secret_box *box;
	int poll_ms;
	int64_t version;           /* the thread's: of the current snapshot */
	int64_t failure_logged_ms; /* the thread's; 0: the last look went well */
	struct snapshot slot;
	pthread_t thread;
	pthread_mutex_t lock; /* guards nudged and stopping */
	pthread_cond_t wake;
	bool nudged, stopping;
};

/* Sleeps until the next poll or a nudge; false when it is time to stop. */
static bool wait_turn(struct catalog_watcher *w)
{
	struct timespec until;
	bool go_on;
	int late = 0;

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += w->poll_ms / 1000;
	until.tv_nsec += (long)(w->poll_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	pthread_mutex_lock(&w->lock);
	while (!w->nudged && !w->stopping && late != ETIMEDOUT)
		late = pthread_cond_timedwait(&w->wake, &w->lock, &until);
	w->nudged = false;
	go_on = !w->stopping;
	pthread_mutex_unlock(&w->lock);
	return go_on;
}

static bool refresh(struct catalog_watcher *w, struct err *err)
{
	struct catalog *next;
	int64_t version;

	if (!catalog_version(w->db, &version, err))
		return false;
	if (version == w->version)
		return true;
	if (!catalog_build(w->db, w->box, &next, err))
		return false;
	w->version = next->version;
	log_info(NULL, "catalog.changed", LOG_INT("version", next->version),
	    LOG_INT("channels", next->channel_count));
	snapshot_set(&w->slot, &next->shared);
	return true;
}

static void log_failure(struct catalog_watcher *w, const struct err *err)
{
	int64_t now = clock_mono_ms();

	if (w->failure_logged_ms && now - w->failure_logged_ms < FAILURE_LOG_EVERY_MS)
		return;
	w->failure_logged_ms = now;
	log_error(NULL, "catalog.stale", LOG_INT("version", w->version), LOG_ERR(err));
}

static void *watch_thread(void *arg)
{
	struct catalog_watcher *w = arg;

	while (wait_turn(w)) {
		struct err err = { 0 };

		if (refresh(w, &err))
			w->failure_logged_ms = 0;
		else
			log_failure(w, &err);
	}
	return NULL;
}

static void watcher_free(struct catalog_watcher *w)
{
	snapshot_release(&w->slot);
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
	db_close(w->db);
	mem_free(w);
}

static struct catalog_watcher *watcher_new(struct db *db, const struct secret_box *box, int poll_ms)
{
	struct catalog_watcher *w = MEM_NEW(struct catalog_watcher);
	pthread_condattr_t monotonic;

	w->db = db;
	w->box = box;
	w->poll_ms = poll_ms > 0 ? poll_ms : 1000;
	snapshot_init(&w->slot);
	pthread_mutex_init(&w->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&w->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	return w;
}

bool catalog_watch(struct db *db, const struct secret_box *box, int poll_ms,
    struct catalog_watcher **out, struct err *err)
{
	struct catalog_watcher *w = watcher_new(db, box, poll_ms);
	struct catalog *first;

	if (!catalog_build(db, box, &first, err)) {
		watcher_free(w);
		return false;
	}
	w->version = first->version;
	snapshot_set(&w->slot, &first->shared);
	if (pthread_create(&w->thread, NULL, watch_thread, w) != 0) {
		watcher_free(w);
		return err_set(err, ERR_INTERNAL, "cannot start the catalog's thread");
	}
	*out = w;
	return true;
}

void catalog_unwatch(struct catalog_watcher *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->stopping = true;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	watcher_free(w);
}

struct catalog *catalog_get(struct catalog_watcher *w)
{
	return (struct catalog *)snapshot_get(&w->slot);
}

void catalog_nudge(struct catalog_watcher *w)
{
	pthread_mutex_lock(&w->lock);
	w->nudged = true;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
}
