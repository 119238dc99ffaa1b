#include "channel_body.h"

#include "access.h"
#include "admin.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "body.h"
#include "message.h"
#include "person.h"
#include "provider/ask.h"
#include "provider/providers.h"

#define NAME_MAX_POINTS 191
#define URL_MAX 2048
#define MODELS_MAX 2000
#define ABILITIES_MAX 20000 /* models × groups of one channel: each is a row */

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

struct str channel_mask_config(struct arena *a, struct str config)
{
	cJSON *tree = parse_object(a, config);

	if (!tree)
		return (struct str){ 0 };
	for (size_t i = 0; i < COUNT_OF(secret_members); i++) {
		const cJSON *item = cJSON_GetObjectItemCaseSensitive(tree, secret_members[i]);

		if (item && !(cJSON_IsString(item) && *item->valuestring == '\0'))
			cJSON_ReplaceItemInObjectCaseSensitive(tree, secret_members[i],
			    cJSON_CreateString(CHANNEL_MASK));
	}
	return json_print(a, tree);
}

static bool is_unchanged(const cJSON *item)
{
	return cJSON_IsString(item) &&
	    (*item->valuestring == '\0' || str_eq_c(STR(CHANNEL_MASK), item->valuestring));
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

/* ---- what an operator may set ---------------------------------------------------------------- */

const struct field channel_body[] = {
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

struct str channel_normal_url(struct str url)
{
	return str_without_slashes(str_trim(url));
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
bool channel_normal_object(struct arena *a, struct str *text, bool of_strings)
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

size_t channel_abilities(const struct channel *c)
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
		return message_fail_member(r, err, "models");
	if (channel_abilities(c) > ABILITIES_MAX || has_long_item(c->group, PERSON_GROUP_MAX))
		return message_fail_member(r, err, "group");
	return true;
}

/* What cannot be meant would be left out in silence; members that are not ours may be anything. */
static bool check_config(struct req *r, struct channel *c, struct err *err)
{
	const char *member, *may_be;

	if (!channel_normal_object(r->arena, &c->config, false))
		return message_fail(r, err, MSG_C16);
	if (c->config.n == 0 || catalog_check_config(r->arena, c->config, &member, &may_be))
		return true;
	return message_fail_about(r, err, MSG_C15, str_c(member), str_c(may_be));
}

/* Puts the members into the form that we store, and checks them. */
static bool normalize(struct req *r, struct channel *c, struct err *err)
{
	const struct provider *provider = provider_by_id(c->type);

	if (!provider)
		return message_fail(r, err, MSG_C09);
	c->name = str_trim(c->name);
	if (c->name.n == 0 || str_code_points(c->name) > NAME_MAX_POINTS)
		return message_fail_member(r, err, "name");
	c->base_url = channel_normal_url(c->base_url);
	if (c->base_url.n ? !is_url(c->base_url) : provider->quirks & QUIRK_BASE_URL_REQUIRED)
		return message_fail_member(r, err, "base_url");
	if (!normalize_lists(r, c, provider->quirks & QUIRK_MODELS_OPTIONAL, err))
		return false;
	if (!channel_normal_object(r->arena, &c->model_mapping, true))
		return message_fail_member(r, err, "model_mapping");
	if (!check_config(r, c, err))
		return false;
	if (c->weight < 0 || c->weight > INT32_MAX)
		return message_fail_member(r, err, "weight");
	return true;
}

/* ---- keys ------------------------------------------------------------------------------------ */

static bool is_repeated(const struct str *keys, size_t count, struct str key)
{
	for (size_t i = 0; i < count; i++) {
		if (str_eq(keys[i], key))
			return true;
	}
	return false;
}

/* With key_mode in its config the lines are the keys of one channel. */
static bool keeps_keys(struct req *r, const struct channel *c)
{
	const cJSON *tree = parse_object(r->arena, c->config);

	return tree && cJSON_HasObjectItem(tree, "key_mode");
}

/* One key a line, a channel each; the keys of some providers have lines themselves. */
bool channel_body_split_keys(struct req *r, const struct channel *c, struct str *keys,
    size_t *count, struct err *err)
{
	struct str rest = c->key, line;

	*count = 0;
	if (provider_by_id(c->type)->quirks & QUIRK_KEY_IS_ONE || keeps_keys(r, c)) {
		keys[0] = str_trim(c->key);
		*count = keys[0].n > 0;
		rest.n = 0;
	}
	while (str_next(&rest, '\n', &line)) {
		line = str_trim(line);
		if (line.n == 0 || is_repeated(keys, *count, line))
			continue;
		if (*count == CHANNEL_KEYS_MAX)
			return message_fail_member(r, err, "key");
		keys[(*count)++] = line;
	}
	return *count > 0 || message_fail_member(r, err, "key");
}

/* ---- update ---------------------------------------------------------------------------------- */

/* Of those that there are, however little each of them means here. */
static bool check_status(struct req *r, const struct channel *in, struct err *err)
{
	return (in->status >= 0 && in->status <= CHANNEL_AUTO_DISABLED) ||
	    message_fail_member(r, err, "status");
}

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
	               field_bit(channel_body, "priority") | field_bit(channel_body, "weight"))) ==
	    0;
}

/* An update keeps one channel one channel: its key is not split, and has lines only if it may. */
static bool check_key(struct req *r, const struct channel *c, struct err *err)
{
	const struct provider *provider = provider_by_id(c->type);

	if ((provider && provider->quirks & QUIRK_KEY_IS_ONE) || keeps_keys(r, c))
		return true;
	return str_find(c->key, '\n') == c->key.n || message_fail_member(r, err, "key");
}

/* Scheme, host and port of where its requests go. */
static struct str origin_of(const struct channel *c)
{
	const struct provider *provider = provider_by_id(c->type);
	struct str url = c->base_url;
	size_t host;

	if (url.n == 0 && provider)
		url = str_c(provider->base_url);
	host = str_find_str(url, STR("://"));
	host = host < url.n ? host + 3 : 0;
	return str_slice(url, 0, host + str_find(str_slice(url, host, url.n), '/'));
}

static bool keeps_a_secret(struct arena *a, struct str before, struct str after)
{
	const cJSON *old = parse_object(a, before), *new = parse_object(a, after);

	for (size_t i = 0; old && new &&i < COUNT_OF(secret_members); i++) {
		struct str was = json_str_at(old, secret_members[i]);

		if (was.n && str_eq(was, json_str_at(new, secret_members[i])))
			return true;
	}
	return false;
}

static bool check_move(struct req *r, const struct channel *before, const struct channel *c,
    struct err *err)
{
	if (access_actor(r)->user.role >= ROLE_ROOT ||
	    str_eq_nocase(origin_of(before), origin_of(c)))
		return true;
	if ((c->key.n == 0 && before->key.n) || keeps_a_secret(r->arena, before->config, c->config))
		return message_fail(r, err, MSG_C13);
	return true;
}

bool channel_body_apply(struct req *r, struct channel *in, uint64_t seen, struct channel *c,
    struct err *err)
{
	struct channel before = *c;

	if (!channel_normal_object(r->arena, &in->config, false))
		return message_fail(r, err, MSG_C16);
	if (!check_status(r, in, err))
		return false;
	apply(r, in, seen, c);
	if (!is_toggle(seen) && before.status == CHANNEL_AUTO_DISABLED &&
	    c->status == CHANNEL_ENABLED)
		c->status = before.status;
	if (c->status != CHANNEL_AUTO_DISABLED)
		c->disabled_reason = STR("");
	if (c->status == CHANNEL_ENABLED)
		c->disabled_time = 0;
	if (is_toggle(seen))
		return (c->weight >= 0 && c->weight <= INT32_MAX) ||
		    message_fail_member(r, err, "weight");
	return check_key(r, c, err) && normalize(r, c, err) && check_move(r, &before, c, err);
}

/* ---- whole channels -------------------------------------------------------------------------- */

struct extra {
	bool multi_key;
};

static const struct field extra_body[] = {
	FIELD(struct extra, multi_key, 0),
	{ 0 },
};

/* The member says what key_mode in config says. */
static bool read_extra(struct req *r, struct channel *c, struct err *err)
{
	struct extra extra = { 0 };
	cJSON *tree;

	if (!body_read(r, extra_body, &extra, NULL, err))
		return false;
	if (!extra.multi_key || keeps_keys(r, c))
		return true;
	tree = parse_object(r->arena, c->config.n ? c->config : STR("{}"));
	if (!tree)
		return message_fail_member(r, err, "config");
	cJSON_AddStringToObject(tree, "key_mode", "round_robin");
	c->config = json_print(r->arena, tree);
	return true;
}

bool channel_body_read_whole(struct req *r, struct channel *c, struct err *err)
{
	c->status = CHANNEL_ENABLED;
	if (!body_read(r, channel_body, c, NULL, err) || !check_status(r, c, err) ||
	    !normalize(r, c, err) || !read_extra(r, c, err))
		return false;
	if (c->status != CHANNEL_DISABLED)
		c->status = CHANNEL_ENABLED;
	c->id = 0;
	c->config = unmask_config(r->arena, c->config, (struct str){ 0 });
	c->created_time = clock_unix();
	return true;
}

bool channel_body_read_draft(struct req *r, struct channel *c, struct err *err)
{
	struct channel in = { 0 };
	uint64_t seen = 0;
	struct str stored;

	if (!body_read(r, channel_body, &in, &seen, err))
		return false;
	if (in.id <= 0) {
		in.name = in.name.n ? in.name : STR("draft");
		if (in.models.n == 0)
			in.models = req_query(r, "model");
		if (in.models.n == 0)
			in.models = STR("draft");
		*c = in;
		return normalize(r, c, err);
	}
	if (!channel_by_id(db_of(r), box_of(r), r->arena, in.id, c, err))
		return false;
	stored = c->key;
	if (!channel_body_apply(r, &in, seen, c, err))
		return false;
	if (c->key.n == 0)
		c->key = stored;
	return true;
}
