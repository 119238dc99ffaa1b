/* catalog_config.c — the members of a channel's config: one row each
 *
 * config is a JSON object that an operator wrote. A row says what a member is called, what it may
 * be and where it goes; whoever needs a new one adds a member to struct catalog_channel and a row
 * here. A member that is not what its row says is left out and named in the log.
 */
#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "billing/quota.h"
#include "provider/catalog.h"

enum member_kind {
	MEMBER_TEXT, /* struct str, trimmed */
	MEMBER_JSON, /* struct str: JSON as a text, or as it is */
	MEMBER_LIST, /* struct str, a comma list: of a text, of an array of texts; "true" of true */
	MEMBER_SECONDS, /* int, milliseconds: a number of seconds from min to max, 0: not set */
	MEMBER_COUNT,   /* int: a whole number from min to max */
	MEMBER_CHOICE,  /* int: place in choices */
	MEMBER_BOOL,    /* bool, and whether it is set in the bool behind it */
	MEMBER_DOLLARS, /* int64_t, quota: a number of dollars from min to max */
};

struct member {
	const char *name;
	enum member_kind kind;
	size_t offset;
	double min, max;
	const char *choices; /* comma list; of MEMBER_CHOICE in the order of an enum */
};

#define AT(member) offsetof(struct catalog_channel, member)
#define TEXT(name)                                                                                 \
	{                                                                                          \
#name, MEMBER_TEXT, AT(name), 0, 0, NULL                                           \
	}
#define ONE_OF(name, choices)                                                                      \
	{                                                                                          \
#name, MEMBER_TEXT, AT(name), 0, 0, choices                                        \
	}
#define LIST(name)                                                                                 \
	{                                                                                          \
#name, MEMBER_LIST, AT(name), 0, 0, NULL                                           \
	}
#define SECONDS(name, place)                                                                       \
	{                                                                                          \
		name, MEMBER_SECONDS, AT(place), 0, 86400, NULL                                    \
	}

/* clang-format off */
static const struct member members[] = {
	TEXT(api_version),
	ONE_OF(azure_style, "deployment,v1"),
	ONE_OF(azure_auth, "entra,key"),
	TEXT(region),
	TEXT(user_id),
	TEXT(organization),
	TEXT(project),
	TEXT(referer),
	TEXT(title),
	TEXT(ak),
	TEXT(sk),
	TEXT(session_token),
	ONE_OF(api_style, "invoke,converse,mantle"),
	TEXT(family),
	TEXT(inference_profile),
	ONE_OF(safety_threshold, "OFF,BLOCK_NONE,BLOCK_ONLY_HIGH,BLOCK_MEDIUM_AND_ABOVE,"
	    "BLOCK_LOW_AND_ABOVE,HARM_BLOCK_THRESHOLD_UNSPECIFIED"),
	TEXT(vertex_ai_project_id),
	{ "vertex_ai_adc", MEMBER_JSON, AT(vertex_ai_adc), 0, 0, NULL },
	ONE_OF(palm, "refuse,alias,native"),
	{ "guardrail.id", MEMBER_TEXT, AT(guardrail_id), 0, 0, NULL },
	{ "guardrail.version", MEMBER_TEXT, AT(guardrail_version), 0, 0, NULL },
	{ "guardrail.trace", MEMBER_TEXT, AT(guardrail_trace), 0, 0,
	    "enabled,disabled,enabled_full,ENABLED,DISABLED,ENABLED_FULL" },
	LIST(anthropic_beta),
	{ "default_max_tokens", MEMBER_COUNT, AT(default_max_tokens), 0, 1e7, NULL },
	{ "strict_params", MEMBER_BOOL, AT(strict_params), 0, 0, NULL },
	{ "split_think", MEMBER_BOOL, AT(split_think), 0, 0, NULL },
	LIST(resources),
	LIST(shared_resources),
	{ "call_price", MEMBER_DOLLARS, AT(call_price), 0, 1e6, NULL },
	{ "key_mode", MEMBER_CHOICE, AT(key_mode), 0, 0, "round_robin,random" },
	SECONDS("connect_timeout", limits.connect_ms),
	SECONDS("first_byte_timeout", limits.first_byte_ms),
	SECONDS("first_token_timeout", limits.first_token_ms),
	SECONDS("idle_timeout", limits.idle_ms),
	SECONDS("total_timeout", limits.total_ms),
	{ "max_retries", MEMBER_COUNT, AT(max_retries), 0, 20, NULL },
};
/* clang-format on */

static struct str text_of(struct arena *a, struct jval v)
{
	return str_trim(arena_str(a, jscan_text(a, v)));
}

static bool read_list(struct arena *a, struct jval v, struct str *out)
{
	struct jiter it = jscan_iter(v);
	struct jval item;
	const char *list = "";

	if (v.type == J_TRUE || v.type == J_FALSE) {
		*out = v.type == J_TRUE ? STR("true") : STR("");
		return true;
	}
	if (v.type == J_STRING) {
		*out = text_of(a, v);
		return true;
	}
	if (v.type != J_ARRAY)
		return false;
	while (jscan_next_item(&it, &item)) {
		if (item.type != J_STRING)
			return false;
		list = arena_fmt(a, "%s%s%.*s", list, *list ? "," : "", STR_ARG(text_of(a, item)));
	}
	*out = str_c(list);
	return true;
}

/* Numbers are also taken from texts: forms send both. */
static bool read_number(struct arena *a, const struct member *m, struct jval v, double *out)
{
	bool ok = v.type == J_STRING ? str_to_double(text_of(a, v), out) : jscan_double(v, out);

	return ok && *out >= m->min && *out <= m->max;
}

static bool read_choice(struct arena *a, const struct member *m, struct jval v, int *out)
{
	struct str rest = str_c(m->choices), item, text = text_of(a, v);

	for (int i = 0; str_next(&rest, ',', &item); i++) {
		if (str_eq(item, text)) {
			*out = i;
			return true;
		}
	}
	return false;
}

static bool read_member(struct arena *a, const struct member *m, struct jval v, void *place)
{
	double number;

	switch (m->kind) {
	case MEMBER_TEXT:
		*(struct str *)place = text_of(a, v);
		return v.type == J_STRING;
	case MEMBER_JSON:
		*(struct str *)place = v.type == J_STRING ? text_of(a, v) : arena_str(a, v.text);
		return v.type == J_STRING || v.type == J_OBJECT;
	case MEMBER_LIST:
		return read_list(a, v, place);
	case MEMBER_CHOICE:
		return read_choice(a, m, v, place);
	case MEMBER_SECONDS:
		if (!read_number(a, m, v, &number))
			return false;
		*(int *)place = (int)(number * 1000 + 0.5);
		return true;
	case MEMBER_COUNT:
		if (!read_number(a, m, v, &number) || number != (double)(int)number)
			return false;
		*(int *)place = (int)number;
		return true;
	case MEMBER_BOOL:
		((bool *)place)[0] = v.type == J_TRUE;
		((bool *)place)[1] = v.type == J_TRUE || v.type == J_FALSE;
		return ((bool *)place)[1];
	case MEMBER_DOLLARS:
		if (!read_number(a, m, v, &number))
			return false;
		*(int64_t *)place = (int64_t)(number * (double)QUOTA_PER_USD + 0.5);
		if (number > 0 && *(int64_t *)place == 0)
			*(int64_t *)place = 1; /* nothing becomes free by its smallness */
		return true;
	}
	return false;
}

/* The old column `other` holds one member for some types. */
static void read_legacy(struct catalog_channel *c)
{
	struct str name = str_c(c->provider->legacy_other);

	for (size_t i = 0; i < COUNT_OF(members); i++) {
		struct str *place = (struct str *)(void *)((char *)c + members[i].offset);

		if (members[i].kind == MEMBER_TEXT && place->n == 0 &&
		    str_eq_c(name, members[i].name))
			*place = str_trim(c->row.other);
	}
}

/* null and "" stand for nothing: forms send every member. */
static bool find_member(struct jval object, const struct member *m, struct jval *value)
{
	return jscan_at(object, m->name, value) && value->type != J_NULL &&
	    !(value->type == J_STRING && value->text.n <= 2);
}

void catalog_read_config(struct arena *a, struct catalog_channel *c)
{
	struct jval object, value;

	c->max_retries = -1;
	(void)catalog_read_object(&c->row, c->row.config, "config", &object);
	for (size_t i = 0; i < COUNT_OF(members); i++) {
		const struct member *m = &members[i];

		if (!find_member(object, m, &value))
			continue;
		if (!read_member(a, m, value, (char *)c + m->offset))
			log_warn(NULL, "channel.bad_config", LOG_INT("channel", c->row.id),
			    LOG_TEXT("member", m->name));
	}
	read_legacy(c);
}

/* ---- before it is saved ---------------------------------------------------------------------- */

static bool is_choice(struct arena *a, const struct member *m, struct jval v)
{
	int ignored;

	return read_choice(a, m, v, &ignored) || text_of(a, v).n == 0;
}

static const char *what_it_may_be(struct arena *a, const struct member *m)
{
	if (m->choices)
		return m->choices;
	switch (m->kind) {
	case MEMBER_SECONDS:
	case MEMBER_COUNT:
	case MEMBER_DOLLARS:
		return arena_fmt(a, "%.0f … %.0f", m->min, m->max);
	case MEMBER_BOOL:
		return "true, false";
	case MEMBER_LIST:
		return "\"…\", [\"…\"]";
	case MEMBER_JSON:
		return "\"…\", {…}";
	case MEMBER_TEXT:
	case MEMBER_CHOICE:
		break;
	}
	return "\"…\"";
}

bool catalog_check_config(struct arena *a, struct str config, const char **member,
    const char **may_be)
{
	struct catalog_channel *ignored = ARENA_NEW(a, struct catalog_channel);
	struct jval object, value;
	struct err err = { 0 };

	*member = "config";
	*may_be = "{…}";
	if (!jscan_check(config, JSON_MAX_DEPTH, &object, &err) || object.type != J_OBJECT)
		return false;
	for (size_t i = 0; i < COUNT_OF(members); i++) {
		const struct member *m = &members[i];

		if (!find_member(object, m, &value) ||
		    (read_member(a, m, value, (char *)ignored + m->offset) &&
		        (m->kind != MEMBER_TEXT || !m->choices || is_choice(a, m, value))))
			continue;
		*member = m->name;
		*may_be = what_it_may_be(a, m);
		return false;
	}
	return true;
}
