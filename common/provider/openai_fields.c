/* openai_fields.c — a request's members as a provider with manners of its own wants them
 *
 * Chat, but for the names that embeddings have. Everything is an edit of the client's text; what no
 * row of openai_manners.c names keeps its bytes.
 */
#include "provider/openai_manners.h"

#include "base/json.h"
#include "provider/adaptor.h"
#include "provider/catalog.h"
#include "provider/convert.h"
#include "provider/datauri.h"

/* Members that a strict provider does not know, distinct ones, in one request. */
#define UNKNOWN_MAX 64
#define SHORT_ID 9

struct fields {
	const struct call *c;
	const struct openai_manners *m;
	struct jedit *e;
	struct jval root;
	bool thinks; /* m->models fits */
};

static bool has(const struct fields *f, unsigned bit)
{
	return (f->m->asks & bit) != 0;
}

static struct jval member(const struct fields *f, const char *name)
{
	return convert_member(f->root, str_c(name));
}

static void drop(const struct fields *f, struct str name)
{
	jedit_drop(f->e, f->root, name);
}

/* ---- members ----------------------------------------------------------------------------- */

/* Where n is not known, 1 is what it means to leave it out. */
static bool one_choice(const struct fields *f, struct err *err)
{
	if (!has(f, ASK_ONE_CHOICE) || member(f, "n").type == J_NONE)
		return true;
	drop(f, STR("n"));
	return convert_check_choices(f->c, 1, err);
}

static bool drop_listed(const struct fields *f, struct err *err)
{
	struct str rest = str_c(f->m->dropped ? f->m->dropped : ""), name;

	while (str_next(&rest, ',', &name)) {
		if (convert_member(f->root, name).type == J_NONE)
			continue;
		if (!convert_drop(f->c, &name, 1, err))
			return false;
		drop(f, name);
	}
	return true;
}

static bool drop_unknown(const struct fields *f, struct err *err)
{
	struct jiter it = jscan_iter(f->root);
	struct str name, seen[UNKNOWN_MAX], known = str_c(f->m->known ? f->m->known : "");
	struct jval value;
	size_t n = 0, i;

	while (known.n && jscan_next_member(&it, &name, &value)) {
		name = jscan_text(f->c->arena,
		    (struct jval){ J_STRING,
		        str_c(arena_fmt(f->c->arena, "\"%.*s\"", STR_ARG(name))) });
		if (str_list_has(known, name))
			continue;
		for (i = 0; i < n && !str_eq(seen[i], name); i++)
			;
		if (i < n)
			continue;
		if (n == UNKNOWN_MAX)
			return err_set(err, ERR_BAD_REQUEST,
			    "too many members that this provider does not know");
		if (!convert_drop(f->c, &name, 1, err))
			return false;
		seen[n++] = name;
		drop(f, name);
	}
	return true;
}

/* Every member of that name; where both names are said, `to` stays. */
static void rename_member(const struct fields *f, struct jval object, const char *from,
    const char *to)
{
	struct jiter it = jscan_iter(object);
	struct jval value;
	struct str name;

	if (convert_member(object, str_c(to)).type != J_NONE) {
		if (convert_member(object, str_c(from)).type != J_NONE)
			jedit_drop(f->e, object, str_c(from));
		return;
	}
	while (object.type == J_OBJECT && jscan_next_member(&it, &name, &value))
		if (jscan_name_is(name, str_c(from)))
			jedit_replace(f->e, (struct jval){ J_STRING, name }, str_c(to));
}

/* The newer name of the limit wins over the older one, unless it says nothing. */
static void edit_max_tokens(const struct fields *f)
{
	struct jval newer = member(f, "max_completion_tokens"), older = member(f, "max_tokens");

	if (newer.type == J_NONE)
		return;
	if (newer.type == J_NULL) {
		drop(f, STR("max_completion_tokens"));
		return;
	}
	if (older.type == J_NONE) {
		rename_member(f, f->root, "max_completion_tokens", "max_tokens");
	} else {
		drop(f, STR("max_completion_tokens"));
		jedit_set(f->e, f->root, STR("max_tokens"), newer.text);
	}
}

static void add_limit(const struct fields *f)
{
	int limit = f->c->channel->default_max_tokens;

	if (limit > 0 && !convert_given(member(f, "max_tokens")) &&
	    !convert_given(member(f, "max_completion_tokens")))
		jedit_set(f->e, f->root, STR("max_tokens"),
		    str_c(arena_fmt(f->c->arena, "%d", limit)));
}

static void put(const struct fields *f, const char *name, const char *raw)
{
	if (name && raw && member(f, name).type == J_NONE)
		jedit_set(f->e, f->root, str_c(name), str_c(raw));
}

static void apply_value(const struct fields *f, const struct manner_value *v)
{
	if (!v->name)
		return;
	if (v->raw && str_eq_c(str_c(v->name), v->member)) {
		jedit_set(f->e, f->root, str_c(v->member), str_c(v->raw));
	} else {
		drop(f, str_c(v->member));
		put(f, v->name, v->raw);
	}
	put(f, v->also, v->also_raw);
}

static void edit_values(const struct fields *f)
{
	const struct manner_value *v = f->m->values, *done = NULL;
	struct jval value;

	for (; v && v->member; v++) {
		if (done && str_eq_c(str_c(v->member), done->member))
			continue;
		value = member(f, v->member);
		if (!convert_given(value) || !manners_fit(f->c->model, v->model) ||
		    (v->value[0] && !jscan_is(value, str_c(v->value))))
			continue;
		apply_value(f, v);
		done = v;
	}
}

static void add_defaults(const struct fields *f)
{
	const struct manner_default *d = f->m->defaults;

	for (; d && d->name; d++) {
		if (!manners_fit(f->c->model, d->model) || member(f, d->unless).type != J_NONE ||
		    member(f, d->name).type != J_NONE)
			continue;
		jedit_set(f->e, f->root, str_c(d->name), str_c(d->raw));
		return;
	}
}

/* true with top_logprobs is their number, alone it is one. */
static void edit_logprobs(const struct fields *f)
{
	struct jval wanted = member(f, "logprobs"), top = member(f, "top_logprobs");

	if (top.type != J_NONE)
		drop(f, STR("top_logprobs"));
	if (wanted.type == J_FALSE || wanted.type == J_NULL)
		drop(f, STR("logprobs"));
	else if (wanted.type == J_TRUE)
		jedit_set(f->e, f->root, STR("logprobs"),
		    top.type == J_NUMBER ? top.text : STR("1"));
}

/* ---- tools and formats --------------------------------------------------------------------------- */

/* The tool that is insisted on, alone. */
static void edit_tool_choice(const struct fields *f)
{
	struct jval choice = member(f, "tool_choice"), tools = f->c->ask->tools, tool, name;
	struct jiter it = jscan_iter(tools);

	name = convert_member(convert_member(choice, STR("function")), STR("name"));
	if (name.type != J_STRING || tools.type != J_ARRAY)
		return;
	while (jscan_next_item(&it, &tool)) {
		struct jval function = convert_member(tool, STR("function"));

		if (!str_eq(convert_member(function, STR("name")).text, name.text))
			continue;
		jedit_set(f->e, f->root, STR("tools"),
		    str_c(arena_fmt(f->c->arena, "[%.*s]", STR_ARG(tool.text))));
		jedit_set(f->e, f->root, STR("tool_choice"), STR("\"required\""));
		return;
	}
}

/* The schema goes in front of the conversation, in words; the format says JSON. */
static void edit_schema(const struct fields *f)
{
	struct jval format = member(f, "response_format"), schema;
	struct buf words;

	if (!jscan_is(convert_member(format, STR("type")), STR("json_schema")) ||
	    f->c->ask->messages.type != J_ARRAY)
		return;
	jedit_set(f->e, f->root, STR("response_format"), STR("{\"type\":\"json_object\"}"));
	schema = convert_member(convert_member(format, STR("json_schema")), STR("schema"));
	words = buf_init(schema.text.n * 6 + 256);
	buf_add(&words,
	    STR("{\"role\":\"system\",\"content\":\"Answer with nothing but a JSON "
	        "object that follows this JSON Schema: "));
	json_add_escaped(&words, schema.type == J_OBJECT ? schema.text : STR("{}"));
	buf_add(&words, STR("\"}"));
	jedit_prepend(f->e, f->c->ask->messages, adaptor_keep(f->c->arena, &words));
}

/* ---- messages ---------------------------------------------------------------------------- */

static bool is_system(struct jval m)
{
	return convert_has_role(m, "system") || convert_has_role(m, "developer");
}

static void edit_role(const struct fields *f, struct jval m, bool leads)
{
	struct jval role = convert_member(m, STR("role"));

	if (!is_system(m))
		return;
	if (!leads && has(f, ASK_LEADING_SYSTEM))
		jedit_replace(f->e, role, STR("\"user\""));
	else if (convert_has_role(m, "developer") && has(f, ASK_SYSTEM))
		jedit_replace(f->e, role, STR("\"system\""));
}

/* A part that thinks, then what was said. */
static void join_thinking(const struct fields *f, struct jval m, struct jval thought)
{
	struct jval content = convert_member(m, STR("content"));
	struct buf parts = buf_init(m.text.n + 256);

	buf_addf(&parts,
	    "[{\"type\":\"thinking\",\"thinking\":[{\"type\":\"text\",\"text\":%.*s}]}",
	    STR_ARG(thought.text));
	if (content.type == J_STRING && content.text.n > 2)
		buf_addf(&parts, ",{\"type\":\"text\",\"text\":%.*s}", STR_ARG(content.text));
	else if (content.type == J_ARRAY && jscan_count(content))
		buf_addf(&parts, ",%.*s", STR_ARG(str_slice(content.text, 1, content.text.n - 1)));
	buf_add_char(&parts, ']');
	jedit_set(f->e, m, STR("content"), adaptor_keep(f->c->arena, &parts));
}

/* True when it has written the content. */
static bool edit_thoughts(const struct fields *f, struct jval m)
{
	struct jval thought = convert_member(m, STR("reasoning_content"));
	bool joined = false;

	if (thought.type == J_NONE)
		return false;
	if (has(f, ASK_REASONING) && (f->thinks || !f->m->models)) {
		rename_member(f, m, "reasoning_content", "reasoning");
		return false;
	}
	if (has(f, ASK_PARTS) && f->thinks && thought.type == J_STRING && thought.text.n > 2) {
		join_thinking(f, m, thought);
		joined = true;
	}
	if (joined || has(f, ASK_PARTS) || has(f, ASK_REASONING) ||
	    (has(f, ASK_NO_REASONING) && f->thinks &&
	        !convert_given(convert_member(m, STR("tool_calls")))))
		jedit_drop(f->e, m, STR("reasoning_content"));
	return joined;
}

static bool is_short_id(struct str id)
{
	for (size_t i = 0; i < id.n; i++)
		if (!((id.p[i] >= '0' && id.p[i] <= '9') || (id.p[i] >= 'a' && id.p[i] <= 'z') ||
		        (id.p[i] >= 'A' && id.p[i] <= 'Z')))
			return false;
	return id.n == SHORT_ID;
}

/* The same for a call and its result, since it is made of the id alone. */
static void edit_id(const struct fields *f, struct jval id)
{
	static const char letters[] =
	    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	struct str text = jscan_text(f->c->arena, id);
	char made[SHORT_ID + 3];
	uint64_t hash;

	if (id.type != J_STRING || is_short_id(text))
		return;
	hash = str_hash(text);
	made[0] = made[SHORT_ID + 1] = '"';
	made[SHORT_ID + 2] = '\0';
	for (int i = 1; i <= SHORT_ID; i++, hash /= 62)
		made[i] = letters[hash % 62];
	jedit_replace(f->e, id, str_c(arena_strdup(f->c->arena, made)));
}

static void edit_ids(const struct fields *f, struct jval m)
{
	struct jval calls = convert_member(m, STR("tool_calls")), call;
	struct jiter it = jscan_iter(calls);

	while (calls.type == J_ARRAY && jscan_next_item(&it, &call))
		edit_id(f, convert_member(call, STR("id")));
	edit_id(f, convert_member(m, STR("tool_call_id")));
}

/* A media type goes into JSON as it is. */
static bool is_plain(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~' || s.p[i] == '"' || s.p[i] == '\\')
			return false;
	return s.n < 100;
}

/* Pictures that the engine fetched, where their URLs were. */
static void edit_media(const struct fields *f, struct jval m)
{
	struct jval parts = convert_member(m, STR("content")), part, url;
	struct jiter it = jscan_iter(parts);
	const struct medium *fetched;
	struct buf uri;

	while (parts.type == J_ARRAY && jscan_next_item(&it, &part)) {
		url = convert_member(part, STR("image_url"));
		if (url.type == J_OBJECT)
			url = convert_member(url, STR("url"));
		fetched = adaptor_medium(f->c, jscan_text(f->c->arena, url));
		if (url.type != J_STRING || !fetched)
			continue;
		uri = buf_init(fetched->bytes.n * 2 + 256);
		buf_addf(&uri, "\"data:%.*s;base64,",
		    STR_ARG(fetched->type.n && is_plain(fetched->type) ? fetched->type
		                                                       : STR("image/png")));
		datauri_add_bytes(&uri, fetched->bytes);
		buf_add_char(&uri, '"');
		jedit_replace(f->e, url, adaptor_keep(f->c->arena, &uri));
	}
}

/* Clients send replies back as they came: members that the provider refuses are left out, and what
 * the model declined with is what it said. An object means something: it stays, to be refused. */
static bool edit_unsaid(const struct fields *f, struct jval m)
{
	bool declined = !convert_given(convert_member(m, STR("content"))) &&
	    convert_content(m).type == J_STRING;
	struct str rest = str_c(f->m->unsaid), name;

	if (!rest.n || convert_has_role(m, "tool"))
		return false;
	if (declined)
		jedit_set(f->e, m, STR("content"), convert_content(m).text);
	while (str_next(&rest, ',', &name)) {
		struct jval value = convert_member(m, name);

		if (value.type != J_NONE && value.type != J_OBJECT)
			jedit_drop(f->e, m, name);
	}
	return declined;
}

static void edit_message(const struct fields *f, struct jval m, bool leads, bool last)
{
	struct jval content = convert_member(m, STR("content"));
	bool assistant = convert_has_role(m, "assistant"), written;

	edit_role(f, m, leads);
	if (f->c->media_count)
		edit_media(f, m);
	if (has(f, ASK_SHORT_IDS) && manners_fit_any(f->c->model, f->m->short_ids))
		edit_ids(f, m);
	written = edit_unsaid(f, m);
	if (!assistant)
		return;
	written = edit_thoughts(f, m) || written;
	if (has(f, ASK_NO_NULL) && content.type == J_NULL && !written)
		jedit_replace(f->e, content, STR("\"\""));
	if (last && has(f, ASK_PREFIX) && convert_member(m, STR("prefix")).type == J_NONE)
		jedit_set(f->e, m, STR("prefix"), STR("true"));
}

static void edit_messages(const struct fields *f)
{
	struct jval messages = f->c->ask->messages, m;
	struct jiter it = jscan_iter(messages);
	size_t left = messages.type == J_ARRAY ? jscan_count(messages) : 0;
	bool leads = true;

	for (; left && jscan_next_item(&it, &m); left--) {
		leads = leads && is_system(m);
		edit_message(f, m, leads, left == 1);
	}
}

/* ---- the whole --------------------------------------------------------------------------- */

bool openai_edit_fields(const struct call *c, struct jedit *e, struct err *err)
{
	const struct openai_manners *m = openai_manners(c->provider);
	struct fields f = { .c = c, .m = m, .e = e, .root = c->ask->root };

	if (!m || f.root.type != J_OBJECT)
		return true;
	for (const struct manner_rename *r = m->embed_renames;
	     c->ask->mode == MODE_EMBEDDINGS && r && r->from; r++)
		rename_member(&f, f.root, r->from, r->to);
	if (c->ask->mode != MODE_CHAT)
		return true;
	f.thinks = manners_fit_any(c->model, m->models);
	if (!one_choice(&f, err) || !drop_listed(&f, err) || !drop_unknown(&f, err))
		return false;
	for (const struct manner_rename *r = m->renames; r && r->from; r++)
		rename_member(&f, f.root, r->from, r->to);
	if (has(&f, ASK_MAX_TOKENS))
		edit_max_tokens(&f);
	if (has(&f, ASK_LIMIT))
		add_limit(&f);
	edit_values(&f);
	add_defaults(&f);
	if (has(&f, ASK_NUMBER_LOGPROBS))
		edit_logprobs(&f);
	if (has(&f, ASK_ONE_TOOL))
		edit_tool_choice(&f);
	if (has(&f, ASK_SCHEMA_WORDS))
		edit_schema(&f);
	edit_messages(&f);
	return true;
}
