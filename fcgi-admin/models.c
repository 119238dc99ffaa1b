/* models.c — /api/group, /api/models, /api/channel/models: the names that forms offer */
#include "access.h"
#include "admin.h"
#include "base/json.h"
#include "reply.h"
#include "routes.h"

static bool list_groups(struct req *r, struct resp *out, struct err *err)
{
	size_t count;
	struct str *names = price_groups(catalog_of(r)->prices, &count);

	return reply_names(out, names, count);
}

/* "<type>" → names, for the button that fills in a channel's models. */
static bool list_by_type(struct req *r, struct resp *out, struct err *err)
{
	struct buf *b = reply_open(out);

	buf_add_char(b, '{');
	for (size_t i = 0; i < PROVIDER_COUNT; i++) {
		const char *const *name = providers[i].models;

		json_add_comma(b);
		buf_addf(b, "\"%d\":[", providers[i].id);
		for (; name && *name; name++) {
			json_add_comma(b);
			json_add_str(b, str_c(*name));
		}
		buf_add_char(b, ']');
	}
	buf_add_char(b, '}');
	return reply_close(out);
}

/* ---- the catalogue, one entry per model and owner -------------------------------------------- */

struct entry {
	const char *owner, *name;
};

/* Open addressing; never more than half full. */
struct seen {
	size_t mask;
	struct entry *slots;
};

static size_t count_names(void)
{
	size_t n = 0;

	for (size_t i = 0; i < PROVIDER_COUNT; i++) {
		for (const char *const *name = providers[i].models; name && *name; name++)
			n++;
	}
	return n;
}

static struct seen seen_new(struct arena *a, size_t names)
{
	size_t slots = 64;

	while (slots < 2 * names)
		slots *= 2;
	return (struct seen){ slots - 1, arena_zalloc(a, slots * sizeof(struct entry)) };
}

/* True the first time. */
static bool seen_add(struct seen *s, const char *owner, const char *name)
{
	size_t i = (size_t)(str_hash(str_c(name)) ^ 31 * str_hash(str_c(owner)));

	for (i &= s->mask; s->slots[i].name; i = (i + 1) & s->mask) {
		if (str_eq_c(str_c(name), s->slots[i].name) &&
		    str_eq_c(str_c(owner), s->slots[i].owner))
			return false;
	}
	s->slots[i] = (struct entry){ owner, name };
	return true;
}

static const char permission[] =
    "[{\"id\":\"modelperm-LwHkVFn8AcMItP432fKKDIKJ\",\"object\":\"model_permission\","
    "\"created\":1626777600,\"allow_create_engine\":true,\"allow_sampling\":true,"
    "\"allow_logprobs\":true,\"allow_search_indices\":false,\"allow_view\":true,"
    "\"allow_fine_tuning\":false,\"organization\":\"*\",\"group\":null,\"is_blocking\":false}]";

static void add_model(struct buf *b, const char *owner, const char *name)
{
	json_add_comma(b);
	buf_add(b, STR("{\"id\":"));
	json_add_str(b, str_c(name));
	buf_add(b, STR(",\"object\":\"model\",\"created\":1626777600,\"owned_by\":"));
	json_add_str(b, str_c(owner));
	buf_add(b, STR(",\"permission\":"));
	buf_add_c(b, permission);
	buf_add(b, STR(",\"root\":"));
	json_add_str(b, str_c(name));
	buf_add(b, STR(",\"parent\":null}"));
}

/* No envelope: this route has OpenAI's shape. */
static bool list_catalogue(struct req *r, struct resp *out, struct err *err)
{
	struct seen seen = seen_new(r->arena, count_names());
	struct buf *b = &out->body;

	reply_json(out, 200);
	buf_add(b, STR("{\"object\":\"list\",\"data\":["));
	for (size_t i = 0; i < PROVIDER_COUNT; i++) {
		const char *owner = providers[i].owned_by;

		for (const char *const *name = providers[i].models; name && *name; name++) {
			if (seen_add(&seen, owner, *name))
				add_model(b, owner, *name);
		}
	}
	buf_add(b, STR("]}"));
	return true;
}

const struct route model_routes[] = {
	{ "GET", "/api/group", ROLE_ADMIN, 0, list_groups, NULL },
	{ "GET", "/api/models", ROLE_USER, 0, list_by_type, NULL },
	{ "GET", "/api/channel/models", ROLE_ADMIN, 0, list_catalogue, NULL },
	{ 0 },
};
