/* ask.c — reads and checks what the client asks (relay.md section 5)
 *
 * The root is walked once; everything after that looks at views. The texts of refusals are part of
 * the interface: clients match on them.
 */
#include "provider/ask.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "billing/tokens.h"

#define MAX_TOKENS_LIMIT INT64_C(1073741823)
#define N_LIMIT 128

/* ---- finding the members ----------------------------------------------------------------- */

/* Members that are read but that struct ask has no room for. */
struct extras {
	struct jval model, stream, n, max_tokens, max_completion_tokens;
};

/* Names are compared with their escapes undone, as the upstream's decoder will: otherwise a second
 * "mod\u0065l" would be served and the first one billed. */
static void note_member(struct ask *ask, struct extras *x, struct str name, struct jval value)
{
	const struct {
		struct str name;
		struct jval *place;
	} wanted[] = {
		{ STR("model"), &x->model },
		{ STR("stream"), &x->stream },
		{ STR("n"), &x->n },
		{ STR("max_tokens"), &x->max_tokens },
		{ STR("max_completion_tokens"), &x->max_completion_tokens },
		{ STR("messages"), &ask->messages },
		{ STR("prompt"), &ask->prompt },
		{ STR("input"), &ask->input },
		{ STR("tools"), &ask->tools },
		{ STR("stream_options"), &ask->stream_options },
	};

	for (size_t i = 0; i < COUNT_OF(wanted); i++) {
		if (jscan_name_is(name, wanted[i].name)) {
			*wanted[i].place = value;
			return;
		}
	}
}

static bool find_members(struct ask *ask, struct extras *x, struct err *err)
{
	struct jiter it;
	struct str name;
	struct jval value;

	if (ask->root.type != J_OBJECT)
		return err_set(err, ERR_INVALID_JSON, "the request body must be a JSON object");
	it = jscan_iter(ask->root);
	while (jscan_next_member(&it, &name, &value))
		note_member(ask, x, name, value);
	return true;
}

static bool is_said(struct jval v)
{
	return v.type != J_NONE && v.type != J_NULL;
}

/* ---- plain members ----------------------------------------------------------------------- */

static bool has_control(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return true;
	return false;
}

static bool read_limit(struct jval v, const char *name, int64_t *out, struct err *err)
{
	if (is_said(v) && !jscan_int(v, 0, MAX_TOKENS_LIMIT, out))
		return err_set(err, ERR_INVALID_TEXT, "%s is invalid", name);
	return true;
}

static bool read_max_tokens(struct ask *ask, const struct extras *x, struct err *err)
{
	ask->max_tokens = -1;
	return read_limit(x->max_tokens, "max_tokens", &ask->max_tokens, err) &&
	    read_limit(x->max_completion_tokens, "max_completion_tokens", &ask->max_tokens, err);
}

static bool read_model(struct arena *a, struct ask *ask, struct jval v, struct str path_model,
    struct err *err)
{
	if (is_said(v) && v.type != J_STRING)
		return err_set(err, ERR_INVALID_TEXT, "model must be a string");
	ask->model = jscan_text(a, v);
	if (ask->model.n == 0)
		ask->model = path_model;
	if (ask->model.n == 0)
		return err_set(err, ERR_INVALID_TEXT, "model is required");
	if (ask->model.n > MODEL_NAME_MAX || has_control(ask->model))
		return err_set(err, ERR_INVALID_TEXT, "model is invalid");
	return true;
}

static bool read_stream(struct ask *ask, struct jval stream, struct err *err)
{
	struct jval usage;

	if (is_said(stream) && stream.type != J_TRUE && stream.type != J_FALSE)
		return err_set(err, ERR_INVALID_TEXT, "stream must be a boolean");
	if (is_said(ask->stream_options) && ask->stream_options.type != J_OBJECT)
		return err_set(err, ERR_INVALID_TEXT, "stream_options must be an object");
	ask->stream = jscan_true(stream) && ask->mode != MODE_EMBEDDINGS;
	ask->wants_usage = ask->stream && ask->stream_options.type == J_OBJECT &&
	    jscan_member(ask->stream_options, STR("include_usage"), &usage) && jscan_true(usage);
	return true;
}

static bool read_n(struct ask *ask, struct jval n, struct err *err)
{
	ask->n = 1;
	if (is_said(n) && !jscan_int(n, 1, N_LIMIT, &ask->n))
		return err_set(err, ERR_INVALID_TEXT, "n must be between 1 and %d", N_LIMIT);
	return true;
}

/* ---- messages ---------------------------------------------------------------------------- */

/* The part types whose shape conversion and counting rely on: `member` holds an object with a
 * string `text`, or is that string itself where bare_allowed. Other types pass. */
static const struct part_shape {
	struct str type, member, text;
	bool bare_allowed;
} part_shapes[] = {
	{ STR_INIT("text"), STR_INIT("text"), STR_INIT(""), true },
	{ STR_INIT("refusal"), STR_INIT("refusal"), STR_INIT(""), true },
	{ STR_INIT("image_url"), STR_INIT("image_url"), STR_INIT("url"), true },
	{ STR_INIT("input_audio"), STR_INIT("input_audio"), STR_INIT("data"), false },
};

static bool has_shape(const struct part_shape *shape, struct jval part)
{
	struct jval value, inner;

	if (!jscan_member(part, shape->member, &value))
		return false;
	if (value.type == J_STRING)
		return shape->bare_allowed;
	return shape->text.n && value.type == J_OBJECT &&
	    jscan_member(value, shape->text, &inner) && inner.type == J_STRING;
}

static bool check_part(struct jval part, size_t message, size_t index, struct err *err)
{
	struct jval type;

	if (part.type != J_OBJECT || !jscan_member(part, STR("type"), &type) ||
	    type.type != J_STRING)
		return err_set(err, ERR_INVALID_TEXT,
		    "messages[%zu].content[%zu] must be an object with a type", message, index);
	for (size_t i = 0; i < COUNT_OF(part_shapes); i++) {
		const struct part_shape *shape = &part_shapes[i];

		if (jscan_is(type, shape->type) && !has_shape(shape, part))
			return err_set(err, ERR_INVALID_TEXT,
			    "messages[%zu].content[%zu].%.*s is malformed", message, index,
			    STR_ARG(shape->member));
	}
	return true;
}

static bool check_message(struct jval message, size_t index, struct err *err)
{
	struct jval content, part;
	struct jiter it;

	if (message.type != J_OBJECT)
		return err_set(err, ERR_INVALID_TEXT, "messages[%zu] must be an object", index);
	if (!jscan_member(message, STR("content"), &content) || !is_said(content) ||
	    content.type == J_STRING)
		return true;
	if (content.type != J_ARRAY)
		return err_set(err, ERR_INVALID_TEXT,
		    "messages[%zu].content must be a string or an array", index);
	it = jscan_iter(content);
	for (size_t i = 0; jscan_next_item(&it, &part); i++)
		if (!check_part(part, index, i, err))
			return false;
	return true;
}

static bool check_messages(struct jval messages, struct err *err)
{
	struct jiter it;
	struct jval message;
	size_t n = 0;

	if (messages.type == J_ARRAY) {
		it = jscan_iter(messages);
		for (; jscan_next_item(&it, &message); n++)
			if (!check_message(message, n, err))
				return false;
	}
	if (n == 0)
		return err_set(err, ERR_INVALID_TEXT, "field messages is required");
	return true;
}

/* A string or an array, neither of them empty. */
static bool check_text(struct jval v, const char *name, struct err *err)
{
	struct jiter it;
	struct jval item;

	if (!is_said(v) || jscan_is(v, STR("")))
		return err_set(err, ERR_INVALID_TEXT, "field %s is required", name);
	if (v.type == J_STRING)
		return true;
	if (v.type != J_ARRAY)
		return err_set(err, ERR_INVALID_TEXT, "field %s must be a string or an array",
		    name);
	it = jscan_iter(v);
	if (!jscan_next_item(&it, &item))
		return err_set(err, ERR_INVALID_TEXT, "field %s is required", name);
	return true;
}

static bool check_required(const struct ask *ask, struct err *err)
{
	switch (ask->mode) {
	case MODE_CHAT:
		return check_messages(ask->messages, err);
	case MODE_COMPLETIONS:
		return check_text(ask->prompt, "prompt", err);
	case MODE_EMBEDDINGS:
		return check_text(ask->input, "input", err);
	case MODE_COUNT:
		break;
	}
	return err_set(err, ERR_INTERNAL, "no such mode");
}

/* ---- the module ------------------------------------------------------------------------- */

bool ask_read(struct arena *a, enum mode mode, struct str body, struct str path_model,
    struct ask *out, struct err *err)
{
	struct extras x = { 0 };

	*out = (struct ask){ .mode = mode, .body = body };
	return jscan_check(body, JSON_MAX_DEPTH, &out->root, err) && find_members(out, &x, err) &&
	    read_max_tokens(out, &x, err) && read_model(a, out, x.model, path_model, err) &&
	    check_required(out, err) && read_stream(out, x.stream, err) && read_n(out, x.n, err);
}

bool ask_model(struct arena *a, struct str body, struct str *model, struct err *err)
{
	struct jval root, v;

	if (!jscan_check(body, JSON_MAX_DEPTH, &root, err))
		return false;
	*model = (struct str){ 0 };
	if (root.type == J_OBJECT && jscan_member(root, STR("model"), &v))
		*model = jscan_text(a, v);
	return true;
}

int64_t ask_prompt_tokens(const struct ask *ask)
{
	switch (ask->mode) {
	case MODE_CHAT:
		return tokens_chat(ask->model, ask->root);
	case MODE_COMPLETIONS:
		return tokens_input(ask->model, ask->prompt);
	case MODE_EMBEDDINGS:
		return tokens_input(ask->model, ask->input);
	case MODE_COUNT:
		break;
	}
	return 0;
}
