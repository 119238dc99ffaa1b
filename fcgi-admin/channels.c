/* channels.c — /api/channel: the upstream accounts an operator has configured
 *
 * What may be sent, and what of it is secret: channel_body.h. An update reads, changes and writes in
 * one transaction, so that what the gateway does to a channel meanwhile (switching it off) is either
 * seen or waits.
 *
 * Extensions   the list takes page_size, sort and dir, type, status, group and model, and has `total`
 *              beside its data. POST /api/channel/batch changes or deletes many at once. Of each
 *              channel: keys, events.
 */
#include <inttypes.h>

#include "access.h"
#include "admin.h"
#include "audit.h"
#include "base/err.h"
#include "base/json.h"
#include "body.h"
#include "channel_body.h"
#include "message.h"
#include "phrases.h"
#include "objects.h"
#include "reply.h"
#include "routes.h"
#include "store/channel_event.h"
#include "store/channel_find.h"

#define CREATED_MAX 500000 /* rows of abilities that one request creates */
#define BATCH_MAX 1000
#define EVENTS_MAX 100

/* Other processes look once a second; this one looks at once. */
static void changed(struct req *r)
{
	catalog_nudge(admin_of(r)->rt.watcher);
}

/* ---- reading --------------------------------------------------------------------------------- */

static bool send_one(struct req *r, struct channel *c, struct resp *out)
{
	c->config = channel_mask_config(r->arena, c->config);
	return reply_object(out, channel_wire, c);
}

/* The row without what is sealed, but with its config masked; *found false: deleted since. */
static bool read_shown(struct req *r, int64_t id, struct channel *c, bool *found, struct err *err)
{
	*found = channel_by_id(db_of(r), box_of(r), r->arena, id, c, err);
	if (!*found && err->kind != ERR_NOT_FOUND)
		return false;
	err_clear(err);
	if (*found)
		c->config = channel_mask_config(r->arena, c->config);
	return true;
}

static void read_filter(struct req *r, struct channel_filter *f)
{
	struct page page = reply_page(r);

	*f = (struct channel_filter){
		.type = (int)req_query_int(r, "type", 0),
		.status = (int)req_query_int(r, "status", 0),
		.group = req_query(r, "group"),
		.model = req_query(r, "model"),
		.sort = req_query(r, "sort"),
		.ascending = str_eq_c(req_query(r, "dir"), "asc"),
		.offset = page.offset,
		.limit = page.limit,
	};
}

static bool list(struct req *r, struct resp *out, struct err *err)
{
	struct channel_filter filter;
	struct channel *rows;
	int64_t *ids, total;
	size_t count, n = 0;

	read_filter(r, &filter);
	if (!channel_find(db_of(r), r->arena, &filter, &ids, &count, &total, err))
		return false;
	rows = arena_alloc(r->arena, (count + 1) * sizeof *rows);
	for (size_t i = 0; i < count; i++) {
		bool found;

		if (!read_shown(r, ids[i], &rows[n], &found, err))
			return false;
		n += found;
	}
	return reply_page_of(out, channel_wire, rows, n, sizeof *rows, total);
}

static bool search(struct req *r, struct resp *out, struct err *err)
{
	struct channel_list rows;
	size_t n = 0;

	if (!channel_search(db_of(r), r->arena, req_query(r, "keyword"), SEARCH_MAX, &rows, err))
		return false;
	for (size_t i = 0; i < rows.count; i++) {
		bool found;

		if (!read_shown(r, rows.items[i].id, &rows.items[n], &found, err))
			return false;
		n += found;
	}
	return reply_list(out, channel_wire, rows.items, n, sizeof *rows.items);
}

static bool get(struct req *r, struct resp *out, struct err *err)
{
	struct channel c;
	int64_t id;

	return body_path_id(r, &id, err) &&
	    channel_by_id(db_of(r), box_of(r), r->arena, id, &c, err) && send_one(r, &c, out);
}

static bool list_events(struct req *r, struct resp *out, struct err *err)
{
	struct channel_event_list rows;
	int64_t id;

	return body_path_id(r, &id, err) &&
	    channel_event_page(db_of(r), r->arena, id, EVENTS_MAX, &rows, err) &&
	    reply_list(out, channel_event_fields, rows.items, rows.count, sizeof *rows.items);
}

/* ---- create ---------------------------------------------------------------------------------- */

static bool create(struct req *r, struct resp *out, struct err *err)
{
	struct str *keys = arena_alloc(r->arena, CHANNEL_KEYS_MAX * sizeof *keys);
	struct channel c = { 0 }, *made;
	size_t count;

	if (!channel_body_read_whole(r, &c, err) ||
	    !channel_body_split_keys(r, &c, keys, &count, err))
		return false;
	if (count * channel_abilities(&c) > CREATED_MAX)
		return message_fail_member(r, err, "key");
	made = arena_alloc(r->arena, count * sizeof *made);
	for (size_t i = 0; i < count; i++) {
		made[i] = c;
		made[i].key = keys[i];
	}
	if (!channel_insert(db_of(r), box_of(r), made, count, err))
		return false;
	changed(r);
	audit_note(r,
	    arena_fmt(r->arena, "created %zu channels '%.*s' from %" PRId64, count, STR_ARG(c.name),
	        made[0].id));
	log_info(&r->log, "channel.created", LOG_STR("name", c.name), LOG_INT("count", count));
	return reply_ok(out);
}

/* ---- update ---------------------------------------------------------------------------------- */

struct change {
	struct channel in;
	uint64_t seen;
	struct channel after;
};

static bool write_change(struct req *r, void *arg, struct err *err)
{
	struct change *c = arg;
	const struct user *who = &access_actor(r)->user;

	c->after = (struct channel){ 0 };
	if (!channel_by_id(db_of(r), box_of(r), r->arena, c->in.id, &c->after, err) ||
	    !channel_body_apply(r, &c->in, c->seen, &c->after, err) ||
	    !channel_write(db_of(r), box_of(r), r->arena, &c->after, err))
		return false;
	return audit_row(r, LOG_TYPE_MANAGE, who->id, who->username, 0,
	    arena_fmt(r->arena, "changed channel %" PRId64 " '%.*s': status %d%s", c->after.id,
	        STR_ARG(c->after.name), c->after.status, c->after.key.n ? ", new key" : ""),
	    err);
}

static bool update(struct req *r, struct resp *out, struct err *err)
{
	struct change c = { 0 };

	if (!body_read(r, channel_body, &c.in, &c.seen, err))
		return false;
	if (c.in.id <= 0)
		return message_fail(r, err, MSG_E04);
	if (!audit_transact(r, write_change, &c, err))
		return false;
	changed(r);
	log_info(&r->log, "channel.updated", LOG_INT("id", c.after.id),
	    LOG_INT("status", c.after.status), LOG_INT("key_changed", c.after.key.n > 0));
	return send_one(r, &c.after, out);
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

/* Removes every channel of that status; their ids go to the log row. */
static bool remove_status(struct req *r, int status, struct buf *ids, int64_t *removed,
    struct err *err)
{
	struct channel_filter filter = { .status = status, .limit = SEARCH_MAX };
	int64_t *found, total;
	size_t count;

	do {
		if (!channel_find(db_of(r), r->arena, &filter, &found, &count, &total, err))
			return false;
		for (size_t i = 0; i < count; i++) {
			if (!channel_remove(db_of(r), found[i], err))
				return false;
			buf_addf(ids, " %" PRId64, found[i]);
		}
		*removed += (int64_t)count;
	} while (count == SEARCH_MAX);
	return true;
}

static bool remove_disabled(struct req *r, void *arg, struct err *err)
{
	int64_t *removed = arg;
	const struct user *who = &access_actor(r)->user;
	struct buf ids = buf_init(BODY_MAX);
	bool ok = remove_status(r, CHANNEL_DISABLED, &ids, removed, err) &&
	    remove_status(r, CHANNEL_AUTO_DISABLED, &ids, removed, err) &&
	    audit_row(r, LOG_TYPE_MANAGE, who->id, who->username, 0,
	        arena_fmt(r->arena, "deleted %" PRId64 " disabled channels:%.*s", *removed,
	            STR_ARG(buf_str(&ids))),
	        err);

	buf_release(&ids);
	return ok;
}

static bool delete_disabled(struct req *r, struct resp *out, struct err *err)
{
	int64_t removed = 0;

	if (!audit_transact(r, remove_disabled, &removed, err))
		return false;
	changed(r);
	log_info(&r->log, "channel.deleted_disabled", LOG_INT("count", removed));
	return reply_int(out, removed);
}

/* ---- many at once ---------------------------------------------------------------------------- */

struct batch {
	const cJSON *ids;
	struct str action; /* delete, enable, disable; "": set */
	struct change change;
	int64_t done;
};

static bool batch_one(struct req *r, struct batch *b, int64_t id, struct err *err)
{
	if (str_eq_c(b->action, "delete"))
		return channel_remove(db_of(r), id, err);
	b->change.in.id = id;
	return write_change(r, &b->change, err);
}

/* All or none; a channel that is gone is left out. */
static bool write_batch(struct req *r, void *arg, struct err *err)
{
	struct batch *b = arg;
	const struct user *who = &access_actor(r)->user;
	const struct channel in = b->change.in;
	const cJSON *id;

	cJSON_ArrayForEach(id, b->ids)
	{
		b->change.in = in;
		if (batch_one(r, b, (int64_t)id->valuedouble, err))
			b->done++;
		else if (err->kind == ERR_NOT_FOUND)
			err_clear(err);
		else
			return false;
	}
	return audit_row(r, LOG_TYPE_MANAGE, who->id, who->username, 0,
	    arena_fmt(r->arena, "%.*s of %" PRId64 " channels",
	        STR_ARG(b->action.n ? b->action : STR("change")), b->done),
	    err);
}

/* Keys belong to one channel each; names may be shared. */
static bool read_set(struct req *r, const cJSON *set, struct batch *b, struct err *err)
{
	struct err wrong = { 0 };

	if (!field_read(channel_body, set, r->arena, &b->change.in, &b->change.seen, &wrong))
		return phrase_fail(r, err, &wrong);
	b->change.seen |= field_bit(channel_body, "id");
	if (b->change.seen & field_bit(channel_body, "key"))
		return message_fail_member(r, err, "key");
	return true;
}

static bool read_action(struct req *r, struct batch *b, struct err *err)
{
	b->change.seen = field_bit(channel_body, "id") | field_bit(channel_body, "status");
	if (str_eq_c(b->action, "enable"))
		b->change.in.status = CHANNEL_ENABLED;
	else if (str_eq_c(b->action, "disable"))
		b->change.in.status = CHANNEL_DISABLED;
	else if (!str_eq_c(b->action, "delete"))
		return message_fail_member(r, err, "action");
	return true;
}

static bool read_ids(struct req *r, const struct batch *b, struct err *err)
{
	const cJSON *id;
	bool ok = cJSON_IsArray(b->ids) && cJSON_GetArraySize(b->ids) <= BATCH_MAX;

	cJSON_ArrayForEach(id, b->ids)
	{
		ok = ok && cJSON_IsNumber(id) && id->valuedouble >= 1 && id->valuedouble < 9e15 &&
		    (double)(int64_t)id->valuedouble == id->valuedouble;
	}
	return ok || message_fail_member(r, err, "ids");
}

static bool batch(struct req *r, struct resp *out, struct err *err)
{
	struct batch b = { 0 };
	const cJSON *set;
	cJSON *tree;

	if (!body_tree(r, &tree, err))
		return false;
	b.ids = json_at(tree, "ids");
	b.action = json_str_at(tree, "action");
	set = json_at(tree, "set");
	if (!read_ids(r, &b, err))
		return false;
	if (!(cJSON_IsObject(set) ? read_set(r, set, &b, err) : read_action(r, &b, err)))
		return false;
	if (!audit_transact(r, write_batch, &b, err))
		return false;
	changed(r);
	return reply_int(out, b.done);
}

const struct route channel_routes[] = {
	{ "GET", "/api/channel", ROLE_ADMIN, 0, list, NULL },
	{ "GET", "/api/channel/search", ROLE_ADMIN, 0, search, NULL },
	{ "GET", "/api/channel/:id", ROLE_ADMIN, 0, get, NULL },
	{ "GET", "/api/channel/:id/events", ROLE_ADMIN, 0, list_events, NULL },
	{ "POST", "/api/channel", ROLE_ADMIN, ROUTE_LARGE, create, NULL },
	{ "PUT", "/api/channel", ROLE_ADMIN, ROUTE_LARGE, update, NULL },
	{ "POST", "/api/channel/batch", ROLE_ADMIN, ROUTE_LARGE, batch, NULL },
	{ "DELETE", "/api/channel/disabled", ROLE_ADMIN, 0, delete_disabled, NULL },
	{ "DELETE", "/api/channel/:id", ROLE_ADMIN, 0, delete_channel, NULL },
	{ 0 },
};
