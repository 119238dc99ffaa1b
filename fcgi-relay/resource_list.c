/* resource_list.c — GET of a whole family: the caller's own, answered from the pins
 *
 * In OpenAI's shape for lists with after, limit, order and (files) purpose. An object is as it was
 * last seen: a batch that ended since then says so when it is retrieved. */
#include <stdio.h>

#include "base/err.h"
#include "base/json.h"
#include "store/resource.h"

#include "answer.h"
#include "pins.h"
#include "resource_call.h"
#include "resources.h"

#define LIST_USUAL 20
#define LIST_MAX 1000
/* Rows are read so many at a time, and at most so many times for one list. */
#define PAGE 100
#define PAGES_MAX 20

struct list {
	struct str kind, purpose;
	enum resource_order order;
	int64_t user_id, left, behind; /* left: that may still be added */
	bool more, end;                /* more: there is one that is not in it; end: of the rows */
	char first[RESOURCE_ID_MAX + 1], last[RESOURCE_ID_MAX + 1], seen[RESOURCE_ID_MAX + 1];
};

/* Does it say what the query asks for? Only files have such a question. */
static bool is_asked_for(struct jval object, struct str purpose)
{
	struct jval value;

	return purpose.n == 0 ||
	    (jscan_member(object, STR("purpose"), &value) && jscan_is(value, purpose));
}

static void add_item(struct list *l, const struct resource *r, struct buf *out)
{
	struct jval object;

	l->behind = r->seq;
	snprintf(l->seen, sizeof l->seen, "%.*s", STR_ARG(r->id));
	if (!jscan_value(r->object, &object) || !is_asked_for(object, l->purpose))
		return;
	l->more = l->left == 0;
	if (l->more)
		return;
	l->left--;
	json_add_comma(out);
	buf_add(out, object.text);
	snprintf(l->last, sizeof l->last, "%.*s", STR_ARG(r->id));
	if (!*l->first)
		snprintf(l->first, sizeof l->first, "%s", l->last);
}

static bool add_page(struct req *r, struct list *l, struct buf *out, struct err *err)
{
	struct arena_mark mark = arena_mark(r->arena);
	struct resource_list page;

	if (!resource_page(r->local, r->arena, l->user_id, l->kind, l->order, l->behind, PAGE,
	        &page, err))
		return false;
	for (size_t i = 0; i < page.count && !l->more; i++)
		add_item(l, &page.items[i], out);
	l->end = page.count < PAGE;
	arena_rewind(r->arena, mark);
	return true;
}

static bool begin_behind(struct req *r, struct list *l, struct err *err)
{
	struct str after = req_query(r, "after");
	struct resource pin;

	if (after.n == 0)
		return true;
	if (resource_find(r->local, r->arena, l->user_id, l->kind, after, &pin, err)) {
		l->behind = pin.seq;
		return true;
	}
	if (err->kind != ERR_NOT_FOUND)
		return false;
	err_clear(err);
	return resource_unknown(l->kind, after, err);
}

static void add_id(struct buf *out, const char *name, const char *id)
{
	buf_addf(out, ",\"%s\":", name);
	if (*id)
		json_add_str(out, str_c(id));
	else
		buf_add_c(out, "null");
}

static bool write_list(struct req *r, struct list *l, struct buf *out, struct err *err)
{
	buf_add_c(out, "{\"object\":\"list\",\"data\":[");
	for (int i = 0; i < PAGES_MAX && !l->more && !l->end; i++) {
		if (!add_page(r, l, out, err))
			return false;
	}
	if (!l->more &&
	    !l->end) { /* enough for once: what follows begins behind the last one seen */
		l->more = true;
		snprintf(l->last, sizeof l->last, "%s", l->seen);
	}
	buf_add_c(out, "]");
	add_id(out, "first_id", l->first);
	add_id(out, "last_id", l->last);
	buf_addf(out, ",\"has_more\":%s}", l->more ? "true" : "false");
	return true;
}

static bool is_offered(struct req *r, const struct family *f)
{
	struct exchange asks = { .req = r, .relay = relay_of(r), .caller = gate_caller(r) };
	bool found;

	if (!f->lists)
		return false;
	asks.catalog = runtime_catalog(&asks.relay->rt);
	found = keeper_exists(&asks, f);
	catalog_put(asks.catalog);
	return found;
}

bool resources_list(struct req *r, struct resp *out, struct err *err)
{
	int64_t limit = req_query_int(r, "limit", LIST_USUAL);
	struct family_call path;
	struct list l = {
		.purpose = req_query(r, "purpose"),
		.user_id = gate_caller(r)->owner.token.user_id,
		.left = limit < 1      ? 1
		    : limit < LIST_MAX ? limit
		                       : LIST_MAX,
	};

	if (!family_read(STR("GET"), r->raw_path.n ? r->raw_path : r->path, &path))
		return err_set(err, ERR_NOT_FOUND, "Invalid URL (%.*s %.*s)", STR_ARG(r->method),
		    STR_ARG(str_slice(r->path, 0, 256)));
	if (!is_offered(r, path.family))
		return err_set(err, ERR_NOT_IMPLEMENTED, "API not implemented");
	if (!gate_allows_model(r, gate_caller(r), path.family->name, err))
		return false;
	l.kind = path.family->name;
	l.order = str_eq_c(req_query(r, "order"), "asc") ? RESOURCES_OLDEST : RESOURCES_NEWEST;
	resp_json(out, 200);
	answer_cors(r, &out->headers);
	return begin_behind(r, &l, err) && write_list(r, &l, &out->body, err);
}
