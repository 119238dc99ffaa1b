/* channels.c — /api/channel: the upstream accounts an operator has configured
 *
 * A key never leaves: lists, get and the answer of an update show "". Secret members of config are
 * shown as SECRET_MASK; the mask, or nothing, sent back means unchanged.
 */
#include <inttypes.h>

#include "access.h"
#include "admin.h"
#include "audit.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "body.h"
#include "message.h"
#include "objects.h"
#include "person.h"
#include "provider/ask.h"
#include "reply.h"
#include "routes.h"
#include "store/channel.h"

#define SECRET_MASK "********"
#define NAME_MAX_POINTS 191
#define URL_MAX 2048
#define KEYS_MAX 1000
#define MODELS_MAX 2000
#define ABILITIES_MAX 20000 /* models × groups of one channel: each is a row */
#define CREATED_MAX 500000  /* the same of all channels that one request creates */

static const char *const secret_members[] = { "sk", "ak", "vertex_ai_adc" };

/* ---- config and its secrets ------------------------------------------------------------------ */

/* NULL when the text is not an object; "" and null, which forms send for "none", included. */
static cJSON *parse_object(struct arena *a, struct str text)
{
	struct err ignored = { 0 };
	cJSON *tree;

	if (!json_parse(a, text, &tree, &ignored) || !cJSON_IsObject(tree))
		return NULL;
	return tree;
}

static struct str mask_config(struct arena *a, struct str config)
{
	cJSON *tree = parse_object(a, config);

	if (!tree)
		return (struct str){ 0 };
	for (size_t i = 0; i < COUNT_OF(secret_members); i++) {
		const cJSON *item = cJSON_GetObjectItemCaseSensitive(tree, secret_members[i]);

		if (item && !(cJSON_IsString(item) && *item->valuestring == '\0'))
			cJSON_ReplaceItemInObjectCaseSensitive(tree, secret_members[i],
			    cJSON_CreateString(SECRET_MASK));
	}
	return json_print(a, tree);
}

static bool is_unchanged(const cJSON *item)
{
	return cJSON_IsString(item) &&
	    (*item->valuestring == '\0' || str_eq_c(STR(SECRET_MASK), item->valuestring));
}

/* What was sent, with the stored secrets where it says "unchanged". */
static struct str unmask_config(struct arena *a, struct str sent, struct str stored)
{
	cJSON *tree = parse_object(a, sent), *old = parse_object(a, stored);

	if (!tree)
		return STR("");
	for (size_t i = 0; i < COUNT_OF(secret_members); i++) {
		const char *name = secret_members[i];
		const cJSON *kept = old ? cJSON_GetObjectItemCaseSensitive(old, name) : NULL;

		if (!is_unchanged(cJSON_GetObjectItemCaseSensitive(tree, name)))
			continue;
		cJSON_DeleteItemFromObjectCaseSensitive(tree, name);
		if (kept)
			cJSON_AddItemToObject(tree, name, cJSON_Duplicate(kept, true));
	}
	return json_print(a, tree);
}

/* ---- reading --------------------------------------------------------------------------------- */

static bool send_one(struct req *r, struct channel *c, struct resp *out)
{
	c->config = mask_config(r->arena, c->config);
	return reply_object(out, channel_wire, c);
}

/* Lists come without what is sealed; config is opened row by row, to be masked. */
static bool send_list(struct req *r, struct channel_list *rows, struct resp *out, struct err *err)
{
	for (size_t i = 0; i < rows->count; i++) {
		struct channel *c = &rows->items[i], whole;

		if (!channel_by_id(db_of(r), box_of(r), r->arena, c->id, &whole, err)) {
			if (err->kind != ERR_NOT_FOUND)
				return false;
			err_clear(err); /* deleted since */
			continue;
		}
		c->config = mask_config(r->arena, whole.config);
	}
	return reply_list(out, channel_wire, rows->items, rows->count, sizeof *rows->items);
}

static bool list(struct req *r, struct resp *out, struct err *err)
{
	struct page page = reply_page(r);
	struct channel_list rows;

	return channel_page(db_of(r), r->arena, page.offset, page.limit, &rows, err) &&
	    send_list(r, &rows, out, err);
}

static bool search(struct req *r, struct resp *out, struct err *err)
{
	struct channel_list rows;

	return channel_search(db_of(r), r->arena, req_query(r, "keyword"), SEARCH_MAX, &rows,
	           err) &&
	    send_list(r, &rows, out, err);
}

static bool get(struct req *r, struct resp *out, struct err *err)
{
	struct channel c;
	int64_t id;

	return body_path_id(r, &id, err) &&
	    channel_by_id(db_of(r), box_of(r), r->arena, id, &c, err) && send_one(r, &c, out);
}

/* ---- what an operator may set ---------------------------------------------------------------- */

static const struct field channel_body[] = {
	FIELD(struct channel, id, 0),
	FIELD(struct channel, type, 0),
	FIELD(struct channel, key, 0),
	FIELD(struct channel, status, 0),
	FIELD(struct channel, name, 0),
	FIELD(struct channel, weight, 0),
	FIELD(struct channel, priority, 0),
	FIELD(struct channel, base_url, 0),
	FIELD(struct channel, other, 0),
	FIELD(struct channel, models, 0),
	FIELD(struct channel, group, 0),
	FIELD(struct channel, model_mapping, 0),
	FIELD(struct channel, config, 0),
	FIELD(struct channel, system_prompt, 0),
	{ 0 },
};

static bool wrong(const struct req *r, const char *member, struct err *err)
{
	return message_fail_about(r, err, MSG_E01_FIELD, str_c(member), (struct str){ 0 });
}

static struct str without_slashes(struct str url)
{
	url = str_trim(url);
	while (url.n && url.p[url.n - 1] == '/')
		url.n--;
	return url;
}

static bool is_url(struct str url)
{
	struct str rest;

	if (str_starts_nocase(url, STR("https://")))
		rest = str_slice(url, 8, url.n);
	else if (str_starts_nocase(url, STR("http://")))
		rest = str_slice(url, 7, url.n);
	else
		return false;
	for (size_t i = 0; i < rest.n; i++) {
		if ((unsigned char)rest.p[i] <= 0x20 || rest.p[i] == 0x7f)
			return false;
	}
	return rest.n > 0 && url.n <= URL_MAX;
}

/* "", or an object; forms send null for none. An absent text (p NULL, store/channel.h: unchanged)
 * stays absent. */
static bool normal_object(struct arena *a, struct str *text, bool of_strings)
{
	struct str trimmed = str_trim(*text);
	const cJSON *tree, *item;

	if (trimmed.n == 0 || str_eq_c(trimmed, "null")) {
		text->n = 0;
		return true;
	}
	tree = parse_object(a, trimmed);
	if (!tree)
		return false;
	cJSON_ArrayForEach(item, tree)
	{
		if (of_strings && !cJSON_IsString(item))
			return false;
	}
	*text = trimmed;
	return true;
}

/* Of a list as body_list makes it. */
static size_t count_items(struct str list)
{
	struct str item;
	size_t n = 0;

	while (str_next(&list, ',', &item))
		n++;
	return n;
}

static bool has_long_item(struct str list, size_t max)
{
	struct str item;

	while (str_next(&list, ',', &item)) {
		if (item.n > max)
			return true;
	}
	return false;
}

static size_t abilities_of(const struct channel *c)
{
	return count_items(c->models) * count_items(c->group);
}

static bool normalize_lists(struct req *r, struct channel *c, bool may_be_empty, struct err *err)
{
	c->models = body_list(r->arena, c->models);
	c->group = body_list(r->arena, c->group);
	if (c->group.n == 0)
		c->group = STR("default");
	if ((c->models.n == 0 && !may_be_empty) || count_items(c->models) > MODELS_MAX ||
	    has_long_item(c->models, MODEL_NAME_MAX))
		return wrong(r, "models", err);
	if (abilities_of(c) > ABILITIES_MAX || has_long_item(c->group, PERSON_GROUP_MAX))
		return wrong(r, "group", err);
	return true;
}

/* Puts the members into the form that we store, and checks them. */
static bool normalize(struct req *r, struct channel *c, struct err *err)
{
	const struct provider *provider = provider_by_id(c->type);

	if (!provider)
		return message_fail(r, err, MSG_C09);
	c->name = str_trim(c->name);
	if (c->name.n == 0 || str_code_points(c->name) > NAME_MAX_POINTS)
		return wrong(r, "name", err);
	c->base_url = without_slashes(c->base_url);
	if (c->base_url.n ? !is_url(c->base_url) : provider->quirks & QUIRK_BASE_URL_REQUIRED)
		return wrong(r, "base_url", err);
	if (!normalize_lists(r, c, provider->quirks & QUIRK_MODELS_OPTIONAL, err))
		return false;
	if (!normal_object(r->arena, &c->model_mapping, true))
		return wrong(r, "model_mapping", err);
	if (!normal_object(r->arena, &c->config, false))
		return wrong(r, "config", err);
	if (c->weight < 0 || c->weight > INT32_MAX)
		return wrong(r, "weight", err);
	return true;
}

/* Other processes look once a second; this one looks at once. */
static void changed(struct req *r)
{
	catalog_nudge(admin_of(r)->rt.watcher);
}

/* ---- create ---------------------------------------------------------------------------------- */

static bool is_repeated(const struct str *keys, size_t count, struct str key)
{
	for (size_t i = 0; i < count; i++) {
		if (str_eq(keys[i], key))
			return true;
	}
	return false;
}

/* One key a line; the keys of some providers have lines themselves. */
static bool split_keys(struct req *r, const struct channel *c, struct str *keys, size_t *count,
    struct err *err)
{
	struct str rest = c->key, line;

	*count = 0;
	if (provider_by_id(c->type)->quirks & QUIRK_KEY_IS_ONE) {
		keys[0] = str_trim(c->key);
		*count = keys[0].n > 0;
		rest.n = 0;
	}
	while (str_next(&rest, '\n', &line)) {
		line = str_trim(line);
		if (line.n == 0 || is_repeated(keys, *count, line))
			continue;
		if (*count == KEYS_MAX)
			return wrong(r, "key", err);
		keys[(*count)++] = line;
	}
	return *count > 0 || wrong(r, "key", err);
}

static bool create(struct req *r, struct resp *out, struct err *err)
{
	struct channel c = { .status = CHANNEL_ENABLED }, *list_of_them;
	struct str *keys = arena_alloc(r->arena, KEYS_MAX * sizeof *keys);
	size_t count;

	if (!body_read(r, channel_body, &c, NULL, err) || !normalize(r, &c, err) ||
	    !split_keys(r, &c, keys, &count, err))
		return false;
	if (count * abilities_of(&c) > CREATED_MAX)
		return wrong(r, "key", err);
	if (c.status != CHANNEL_DISABLED)
		c.status = CHANNEL_ENABLED;
	c.id = 0;
	c.config = unmask_config(r->arena, c.config, (struct str){ 0 });
	c.created_time = clock_unix();

	list_of_them = arena_alloc(r->arena, count * sizeof *list_of_them);
	for (size_t i = 0; i < count; i++) {
		list_of_them[i] = c;
		list_of_them[i].key = keys[i];
	}
	if (!channel_insert(db_of(r), box_of(r), list_of_them, count, err))
		return false;
	changed(r);
	log_info(&r->log, "channel.created", LOG_STR("name", c.name), LOG_INT("count", count));
	return reply_ok(out);
}

/* ---- update ---------------------------------------------------------------------------------- */

/* Members that were sent. Empty or 0 means unchanged for key, name, type and status; a status that
 * only we set (3, sent back by the form) as well. */
static void apply(struct req *r, const struct channel *in, uint64_t seen, struct channel *c)
{
	struct channel before = *c;
	const struct field *f = channel_body;

	for (size_t i = 0; f[i].name; i++) {
		const void *from = (const char *)in + f[i].offset;
		void *to = field_ptr(&f[i], c);

		if (!(seen & (UINT64_C(1) << i)))
			continue;
		switch (f[i].kind) {
		case FIELD_INT64:
			*(int64_t *)to = *(const int64_t *)from;
			break;
		case FIELD_INT:
			*(int *)to = *(const int *)from;
			break;
		case FIELD_STR:
			*(struct str *)to = *(const struct str *)from;
			break;
		case FIELD_BOOL:
		case FIELD_DOUBLE:
			break; /* none is writable */
		}
	}
	c->key = str_trim(in->key);
	if (c->name.n == 0)
		c->name = before.name;
	if (c->type == 0)
		c->type = before.type;
	if (c->status != CHANNEL_ENABLED && c->status != CHANNEL_DISABLED)
		c->status = before.status;
	if (seen & field_bit(channel_body, "config"))
		c->config = unmask_config(r->arena, in->config, before.config);
}

/* A switch or a number says nothing about the rest, which may be older than our rules. */
static bool is_toggle(uint64_t seen)
{
	return (seen &
	           ~(field_bit(channel_body, "id") | field_bit(channel_body, "status") |
	               field_bit(channel_body, "priority"))) == 0;
}

/* An update keeps one channel one channel: its key is not split. */
static bool check_key(struct req *r, const struct channel *c, struct err *err)
{
	const struct provider *provider = provider_by_id(c->type);

	if (provider && provider->quirks & QUIRK_KEY_IS_ONE)
		return true;
	return str_find(c->key, '\n') == c->key.n || wrong(r, "key", err);
}

static bool update(struct req *r, struct resp *out, struct err *err)
{
	struct channel in = { 0 }, c;
	uint64_t seen = 0;

	if (!body_read(r, channel_body, &in, &seen, err))
		return false;
	if (in.id <= 0)
		return message_fail(r, err, MSG_E04);
	if (!normal_object(r->arena, &in.config, false))
		return wrong(r, "config", err);
	if (!channel_by_id(db_of(r), box_of(r), r->arena, in.id, &c, err))
		return false;
	apply(r, &in, seen, &c);
	if (!check_key(r, &c, err) || (!is_toggle(seen) && !normalize(r, &c, err)) ||
	    !channel_update(db_of(r), box_of(r), &c, err))
		return false;
	changed(r);
	log_info(&r->log, "channel.updated", LOG_INT("id", c.id), LOG_INT("status", c.status),
	    LOG_INT("key_changed", c.key.n > 0));
	return send_one(r, &c, out);
}

/* ---- delete ---------------------------------------------------------------------------------- */

/* One that is not there is as good as deleted: clients rely on it. */
static bool delete_channel(struct req *r, struct resp *out, struct err *err)
{
	int64_t id;

	if (!body_path_id(r, &id, err))
		return false;
	if (!channel_delete(db_of(r), id, err)) {
		if (err->kind != ERR_NOT_FOUND)
			return false;
		err_clear(err);
		return reply_ok(out);
	}
	changed(r);
	audit_note(r, arena_fmt(r->arena, "deleted channel %" PRId64, id));
	log_info(&r->log, "channel.deleted", LOG_INT("id", id));
	return reply_ok(out);
}

/* For the log row: which ones the deletion is about to take. */
static bool list_disabled(struct req *r, struct buf *ids, struct err *err)
{
	struct channel_list rows;
	int64_t offset = 0;

	do {
		struct arena_mark mark = arena_mark(r->arena);

		if (!channel_page(db_of(r), r->arena, offset, SEARCH_MAX, &rows, err))
			return false;
		for (size_t i = 0; i < rows.count; i++) {
			if (rows.items[i].status == CHANNEL_DISABLED ||
			    rows.items[i].status == CHANNEL_AUTO_DISABLED)
				buf_addf(ids, " %" PRId64, rows.items[i].id);
		}
		offset += SEARCH_MAX;
		arena_rewind(r->arena, mark);
	} while (rows.count == SEARCH_MAX);
	return true;
}

static bool delete_disabled(struct req *r, struct resp *out, struct err *err)
{
	struct buf ids = buf_init(BODY_MAX);
	int64_t count;

	if (!list_disabled(r, &ids, err) || !channel_delete_disabled(db_of(r), &count, err)) {
		buf_release(&ids);
		return false;
	}
	changed(r);
	audit_note(r,
	    arena_fmt(r->arena, "deleted %" PRId64 " disabled channels:%.*s", count,
	        STR_ARG(buf_str(&ids))));
	buf_release(&ids);
	log_info(&r->log, "channel.deleted_disabled", LOG_INT("count", count));
	return reply_int(out, count);
}

const struct route channel_routes[] = {
	{ "GET", "/api/channel", ROLE_ADMIN, 0, list, NULL },
	{ "GET", "/api/channel/search", ROLE_ADMIN, 0, search, NULL },
	{ "GET", "/api/channel/:id", ROLE_ADMIN, 0, get, NULL },
	{ "POST", "/api/channel", ROLE_ADMIN, ROUTE_LARGE, create, NULL },
	{ "PUT", "/api/channel", ROLE_ADMIN, ROUTE_LARGE, update, NULL },
	{ "DELETE", "/api/channel/disabled", ROLE_ADMIN, 0, delete_disabled, NULL },
	{ "DELETE", "/api/channel/:id", ROLE_ADMIN, 0, delete_channel, NULL },
	{ 0 },
};
