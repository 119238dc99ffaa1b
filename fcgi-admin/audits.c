/* audits.c — /api/audit: what administrators changed (witness.h)
 *
 * Root's alone: options and other administrators' accounts are in it.
 */
#include "access.h"
#include "admin.h"
#include "base/err.h"
#include "base/json.h"
#include "reply.h"
#include "routes.h"
#include "store/auditlog.h"

static const struct field audit_wire[] = {
	FIELD(struct audit_entry, id, 0),
	FIELD(struct audit_entry, created_at, 0),
	FIELD(struct audit_entry, user_id, 0),
	FIELD(struct audit_entry, username, 0),
	FIELD(struct audit_entry, address, 0),
	FIELD(struct audit_entry, request_id, 0),
	FIELD(struct audit_entry, action, 0),
	FIELD(struct audit_entry, subject, 0),
	FIELD(struct audit_entry, subject_id, 0),
	{ 0 },
};

/* JSON already, or null when there is none. */
static void add_image(struct buf *b, const char *name, struct str object)
{
	json_add_name(b, name);
	if (object.n)
		buf_add(b, object);
	else
		buf_add_c(b, "null");
}

static void add_entry(struct buf *b, const struct audit_entry *e)
{
	json_add_comma(b);
	field_write(audit_wire, e, b);
	buf_truncate(b, b->len - 1);
	add_image(b, "before", e->before);
	add_image(b, "after", e->after);
	buf_add_char(b, '}');
}

static bool list(struct req *r, struct resp *out, struct err *err)
{
	struct audit_filter f = {
		.user_id = req_query_int(r, "user_id", 0),
		.subject = req_query(r, "subject"),
		.subject_id = req_query(r, "subject_id"),
		.from = req_query_int(r, "start_timestamp", 0),
		.to = req_query_int(r, "end_timestamp", 0),
	};
	struct page page = reply_page(r);
	struct audit_list entries;
	struct buf *b;
	int64_t total;

	if (!audit_page(db_of(r), r->arena, &f, page.offset, page.limit, &entries, err) ||
	    !audit_count(db_of(r), r->arena, &f, &total, err))
		return false;
	b = reply_open(out);
	buf_add_char(b, '[');
	for (size_t i = 0; i < entries.count; i++)
		add_entry(b, &entries.items[i]);
	buf_addf(b, "],\"total\":%lld", (long long)total);
	return reply_close(out);
}

const struct route audit_routes[] = {
	{ "GET", "/api/audit", ROLE_ROOT, 0, list, NULL },
	{ 0 },
};
