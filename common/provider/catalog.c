/* catalog.c — builds the snapshot
 *
 * DESIGN. A catalog and everything in it lies in one arena and is never changed after it was built.
 * Its parts: catalog_config.c and catalog_keys.c read what an operator wrote for one channel,
 * catalog_index.c finds who serves a group and model, catalog_watch.c builds the next one in time.
 */
#include "provider/catalog.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "provider/bedrock.h"

#define DEFAULT_TITLE "oneapi-fcgi"
/* A version that moves while it is read is read again this often. */
#define BUILD_TURNS 3

/* ---- one channel ------------------------------------------------------------------------- */

bool catalog_read_object(const struct channel *row, struct str text, const char *column,
    struct jval *object)
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

	if (!catalog_read_object(&c->row, c->row.model_mapping, "model_mapping", &object))
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

static struct str base_url_of(const struct catalog_channel *c)
{
	struct str url = str_trim(c->row.base_url);

	if (url.n == 0)
		url = str_c(c->provider->base_url);
	return str_without_slashes(url);
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
	catalog_read_config(a, out);
	if (out->provider->adaptor == &bedrock_adaptor && str_eq_c(out->api_style, "mantle"))
		out->provider = &bedrock_mantle;
	catalog_read_keys(a, out);
	if (out->title.n == 0)
		out->title = STR(DEFAULT_TITLE);
	return true;
}

/* Does model begin with what stands before the * at the end of from? */
static bool fits(struct str from, struct str model)
{
	return from.n && from.p[from.n - 1] == '*' &&
	    str_starts(model, str_slice(from, 0, from.n - 1));
}

struct str catalog_map_model(const struct catalog_channel *c, struct str model)
{
	struct str to = model;
	size_t longest = 0;

	for (size_t i = c->mapping_count; i-- > 0;) {
		struct str from = c->mapping[i].from;

		if (str_eq(from, model))
			return c->mapping[i].to;
		if (from.n > longest && fits(from, model)) {
			longest = from.n;
			to = c->mapping[i].to;
		}
	}
	return to;
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
		if (!c->strict_params_set)
			c->strict_params = option_bool(&cat->options, OPT_STRICT_PARAMS);
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

	return price_table_new(cat->arena,
	    &(struct price_options){
	        .model_ratio = option_text(o, OPT_MODEL_RATIO),
	        .completion_ratio = option_text(o, OPT_COMPLETION_RATIO),
	        .group_ratio = option_text(o, OPT_GROUP_RATIO),
	        .model_price = option_text(o, OPT_MODEL_PRICE),
	        .unpriced = unpriced_rule(option_text(o, OPT_UNPRICED_MODEL)),
	    },
	    &cat->prices, err);
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
	if (!catalog_mark_keys(db, box, c, err) ||
	    !limit_load(db, c->arena, option_text(&c->options, OPT_RATE_LIMITS), &c->rules, err)) {
		catalog_put(c);
		return false;
	}
	c->chains = chains_new(c->arena, option_text(&c->options, OPT_MODEL_FALLBACKS));
	catalog_make_index(c);
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
