/* channel_keys.c — /api/channel/:id/keys: which keys of a channel are in use, and which are parked
 *
 * A key is told by the hash it is found by and its last four characters, never more. Parked ones show
 * what the upstream said and when; unparking lets the next request try the key again.
 */
#include <inttypes.h>

#include "access.h"
#include "admin.h"
#include "audit.h"
#include "base/err.h"
#include "base/json.h"
#include "body.h"
#include "message.h"
#include "provider/catalog.h"
#include "reply.h"
#include "routes.h"
#include "store/channel_key.h"

static const struct parked_key *find_parked(const struct parked_key_list *parked, const char *hash)
{
	for (size_t i = 0; i < parked->count; i++) {
		if (str_eq_c(parked->items[i].key_hash, hash))
			return &parked->items[i];
	}
	return NULL;
}

static void add_key(struct req *r, struct buf *b, struct str key,
    const struct parked_key_list *list_of_parked)
{
	char hash[CHANNEL_KEY_HASH_LEN + 1], tail[12];
	const struct parked_key *parked;

	(void)channel_key_hash(box_of(r), key, hash);
	parked = find_parked(list_of_parked, hash);
	json_add_comma(b);
	buf_addf(b, "{\"hash\":\"%s\",\"tail\":", hash);
	json_add_str(b, str_c(log_key_tail(key, tail)));
	buf_addf(b, ",\"parked_at\":%" PRId64 ",\"cause\":", parked ? parked->parked_at : 0);
	json_add_str(b, parked ? parked->cause : STR(""));
	buf_add_char(b, '}');
}

static bool list(struct req *r, struct resp *out, struct err *err)
{
	struct parked_key_list parked;
	struct catalog_channel c;
	struct channel row;
	struct buf *b;
	int64_t id;

	if (!body_path_id(r, &id, err) ||
	    !channel_by_id(db_of(r), box_of(r), r->arena, id, &row, err) ||
	    !catalog_channel_make(r->arena, &row, &c, err) ||
	    !channel_keys_parked(db_of(r), r->arena, id, &parked, err))
		return false;
	b = reply_open(out);
	buf_add_char(b, '[');
	for (size_t i = 0; i < c.key_count; i++) {
		if (c.keys[i].text.n)
			add_key(r, b, c.keys[i].text, &parked);
	}
	buf_add_char(b, ']');
	return reply_close(out);
}

struct unpark {
	struct str hash; /* "": all */
};

static const struct field unpark_body[] = {
	FIELD(struct unpark, hash, 0),
	{ 0 },
};

/* data: was anything parked? */
static bool unpark(struct req *r, struct resp *out, struct err *err)
{
	struct unpark in = { 0 };
	bool changed = false;
	int64_t id;

	if (!body_path_id(r, &id, err) || !body_read(r, unpark_body, &in, NULL, err) ||
	    !channel_key_unpark(db_of(r), id, in.hash, &changed, err))
		return false;
	if (changed) {
		catalog_nudge(admin_of(r)->rt.watcher);
		audit_note(r, arena_fmt(r->arena, "unparked keys of channel %" PRId64, id));
	}
	json_add_bool(reply_open(out), changed);
	return reply_close(out);
}

const struct route channel_key_routes[] = {
	{ "GET", "/api/channel/:id/keys", ROLE_ADMIN, 0, list, NULL },
	{ "POST", "/api/channel/:id/keys/unpark", ROLE_ADMIN, 0, unpark, NULL },
	{ 0 },
};
