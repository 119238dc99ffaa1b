/* ask.c — reads what the client asks and checks what all modes have in common
 *
 * The root is walked once; everything after that looks at views. What a mode must say beyond that
 * is in the file of its family (ask_rules.h).
 */
#include "provider/ask.h"

#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/form.h"
#include "base/json.h"
#include "billing/tokens.h"
#include "provider/ask_rules.h"

#define MAX_TOKENS_LIMIT INT64_C(1073741823)

/* ---- the modes --------------------------------------------------------------------------- */

enum shape { SHAPE_JSON, SHAPE_FORM, SHAPE_EITHER };

/* clang-format off */
static const struct mode_rule {
	enum shape shape;
	enum err_kind unreadable; /* the body is not what it should be */
	enum err_kind kind;       /* a member is not */
	bool streams;             /* `stream` means something */
	const char *model;        /* when none is named */
	ask_check_fn *check;      /* NULL: not read here */
} mode_rules[MODE_COUNT] = {
	[MODE_CHAT] = { SHAPE_JSON, ERR_INVALID_JSON, ERR_INVALID_TEXT, true, "", ask_check_chat },
	[MODE_COMPLETIONS] = { SHAPE_JSON, ERR_INVALID_JSON, ERR_INVALID_TEXT, true, "", ask_check_completions },
	[MODE_EMBEDDINGS] = { SHAPE_JSON, ERR_INVALID_JSON, ERR_INVALID_TEXT, false, "", ask_check_embeddings },
	[MODE_MODERATIONS] = { SHAPE_JSON, ERR_INVALID_JSON, ERR_INVALID_TEXT, false, "text-moderation-latest", ask_check_moderations },
	[MODE_EDITS] = { SHAPE_JSON, ERR_INVALID_JSON, ERR_INVALID_TEXT, false, "", ask_check_edits },
	[MODE_IMAGES] = { SHAPE_JSON, ERR_INVALID_IMAGE, ERR_INVALID_IMAGE, true, "dall-e-2", ask_check_generation },
	[MODE_IMAGE_EDITS] = { SHAPE_EITHER, ERR_INVALID_IMAGE, ERR_INVALID_IMAGE, true, "dall-e-2", ask_check_image_edit },
	[MODE_IMAGE_VARIATIONS] = { SHAPE_FORM, ERR_INVALID_IMAGE, ERR_INVALID_IMAGE, false, "dall-e-2", ask_check_variation },
	[MODE_SPEECH] = { SHAPE_JSON, ERR_INVALID_JSON, ERR_INVALID_AUDIO, false, "", ask_check_speech },
	[MODE_TRANSCRIPTION] = { SHAPE_FORM, ERR_INVALID_AUDIO, ERR_INVALID_AUDIO, true, "whisper-1", ask_check_transcription },
	[MODE_TRANSLATION] = { SHAPE_FORM, ERR_INVALID_AUDIO, ERR_INVALID_AUDIO, false, "whisper-1", ask_check_transcription },
	[MODE_RESPONSES] = { SHAPE_JSON, ERR_INVALID_JSON, ERR_INVALID_TEXT, true, "", ask_check_responses },
	[MODE_RESPONSES_COMPACT] = { SHAPE_JSON, ERR_INVALID_JSON, ERR_INVALID_TEXT, false, "", ask_check_responses },
	[MODE_RERANK] = { SHAPE_JSON, ERR_INVALID_JSON, ERR_INVALID_TEXT, false, "", ask_check_rerank },
};
/* clang-format on */

/* ---- finding the members ----------------------------------------------------------------- */

#define MEMBER(name)                                                                               \
	{                                                                                          \
		STR_INIT(#name), offsetof(struct asking_members, name)                             \
	}

static const struct {
	struct str name;
	size_t offset;
} members[] = {
	MEMBER(model),
	MEMBER(messages),
	MEMBER(stream),
	MEMBER(stream_options),
	MEMBER(tools),
	MEMBER(n),
	MEMBER(max_tokens),
	MEMBER(max_completion_tokens),
	MEMBER(max_output_tokens),
	MEMBER(prompt),
	MEMBER(input),
	MEMBER(instruction),
	MEMBER(size),
	MEMBER(quality),
	MEMBER(response_format),
	MEMBER(voice),
	MEMBER(stream_format),
	MEMBER(image),
	MEMBER(images),
	MEMBER(previous_response_id),
	MEMBER(conversation),
	MEMBER(query),
	MEMBER(documents),
	MEMBER(prompt_cache_key),
	MEMBER(safety_identifier),
	MEMBER(user),
};

/* Names are compared with their escapes undone, as the upstream's decoder will: otherwise a second
 * "mod\u0065l" would be served and the first one billed. */
static void note_member(struct asking_members *m, struct str name, struct jval value)
{
	for (size_t i = 0; i < COUNT_OF(members); i++) {
		if (jscan_name_is(name, members[i].name)) {
			*(struct jval *)(void *)((char *)m + members[i].offset) = value;
			return;
		}
	}
}

static bool find_members(struct asking *q, struct err *err)
{
	struct ask *ask = q->ask;
	struct jiter it;
	struct str name;
	struct jval value;

	if (ask->root.type != J_OBJECT)
		return err_set(err, mode_rules[ask->mode].unreadable,
		    "the request body must be a JSON object");
	it = jscan_iter(ask->root);
	while (jscan_next_member(&it, &name, &value))
		note_member(&q->m, name, value);
	ask->messages = q->m.messages;
	ask->prompt = q->m.prompt;
	ask->input = q->m.input;
	ask->tools = q->m.tools;
	ask->stream_options = q->m.stream_options;
	ask->prompt_cache_key = q->m.prompt_cache_key;
	ask->safety_identifier = q->m.safety_identifier;
	ask->user = q->m.user;
	return true;
}

/* ---- the body ---------------------------------------------------------------------------- */

static bool has_brace(struct str body)
{
	body = str_trim(body);
	return body.n && body.p[0] == '{';
}

/* curl -d calls everything a form; what opens with a brace is none. */
static bool is_urlencoded(struct str content_type, struct str body)
{
	return str_starts_nocase(content_type, STR("application/x-www-form-urlencoded")) &&
	    !has_brace(body);
}

static bool read_form(struct asking *q, struct err *err)
{
	struct ask *ask = q->ask;
	enum err_kind kind = mode_rules[ask->mode].unreadable;

	if (mode_rules[ask->mode].shape == SHAPE_JSON)
		return err_set(err, kind, "the request body must be JSON");
	if (form_read(q->arena, ask->content_type, ask->body, &ask->form, err))
		return true;
	return err_set(err, kind, "%s", err->msg);
}

static bool read_json(struct asking *q, struct err *err)
{
	struct ask *ask = q->ask;
	enum err_kind kind = mode_rules[ask->mode].unreadable;

	if (mode_rules[ask->mode].shape == SHAPE_FORM)
		return err_set(err, kind, "the request body must be multipart/form-data");
	if (is_urlencoded(ask->content_type, ask->body))
		return err_set(err, kind, "the request body must be JSON");
	if (!jscan_check(ask->body, JSON_MAX_DEPTH, &ask->root, err))
		return err_set(err, kind, "%s", err->msg);
	return find_members(q, err);
}

static bool read_body(struct asking *q, struct err *err)
{
	return form_is(q->ask->content_type) ? read_form(q, err) : read_json(q, err);
}

/* ---- plain members ----------------------------------------------------------------------- */

bool asking_said(struct jval v)
{
	return v.type != J_NONE && v.type != J_NULL;
}

bool asking_text(const struct asking *q, struct jval v, const char *name, struct str *out,
    struct err *err)
{
	if (q->ask->form) {
		*out = form_text(q->ask->form, str_c(name));
		if (!str_is_utf8(*out))
			return err_set(err, q->kind, "%s is not UTF-8", name);
		return true;
	}
	if (asking_said(v) && v.type != J_STRING)
		return err_set(err, q->kind, "%s must be a string", name);
	*out = jscan_text(q->arena, v);
	return true;
}

bool asking_need_text(const struct asking *q, struct jval v, const char *name, struct err *err)
{
	struct jiter it;
	struct jval item;

	if (!asking_said(v) || jscan_is(v, STR("")))
		return err_set(err, q->kind, "field %s is required", name);
	if (v.type == J_STRING)
		return true;
	if (v.type != J_ARRAY)
		return err_set(err, q->kind, "field %s must be a string or an array", name);
	it = jscan_iter(v);
	if (!jscan_next_item(&it, &item))
		return err_set(err, q->kind, "field %s is required", name);
	return true;
}

bool asking_limit(const struct asking *q, struct jval v, const char *name, int64_t *out,
    struct err *err)
{
	if (asking_said(v) && !jscan_int(v, 0, MAX_TOKENS_LIMIT, out))
		return err_set(err, q->kind, "%s is invalid", name);
	return true;
}

static bool has_control(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return true;
	return false;
}

static bool read_max_tokens(struct asking *q, struct err *err)
{
	int64_t *out = &q->ask->max_tokens;

	*out = -1;
	return asking_limit(q, q->m.max_tokens, "max_tokens", out, err) &&
	    asking_limit(q, q->m.max_completion_tokens, "max_completion_tokens", out, err);
}

static bool read_model(struct asking *q, struct str path_model, struct err *err)
{
	struct ask *ask = q->ask;

	if (!asking_text(q, q->m.model, "model", &ask->model, err))
		return false;
	if (ask->model.n == 0)
		ask->model = path_model;
	if (ask->model.n == 0)
		ask->model = str_c(mode_rules[ask->mode].model);
	if (ask->model.n == 0)
		return err_set(err, q->kind, "model is required");
	if (ask->model.n > MODEL_NAME_MAX || has_control(ask->model))
		return err_set(err, q->kind, "model is invalid");
	return true;
}

/* How the decoders of common frameworks read a boolean in a form. */
static bool form_bool(struct str text, bool *out)
{
	static const struct {
		struct str text;
		bool value;
	} known[] = {
		{ STR_INIT("true"), true },
		{ STR_INIT("1"), true },
		{ STR_INIT("false"), false },
		{ STR_INIT("0"), false },
		{ STR_INIT(""), false },
	};

	for (size_t i = 0; i < COUNT_OF(known); i++) {
		if (str_eq_nocase(text, known[i].text)) {
			*out = known[i].value;
			return true;
		}
	}
	return false;
}

static bool read_stream(struct asking *q, struct err *err)
{
	struct ask *ask = q->ask;
	struct jval stream = q->m.stream, usage;
	bool wanted = jscan_true(stream);

	if (ask->form ? !form_bool(form_text(ask->form, STR("stream")), &wanted)
	              : asking_said(stream) && stream.type != J_TRUE && stream.type != J_FALSE)
		return err_set(err, q->kind, "stream must be a boolean");
	if (asking_said(ask->stream_options) && ask->stream_options.type != J_OBJECT)
		return err_set(err, q->kind, "stream_options must be an object");
	if (!mode_rules[ask->mode].streams)
		return true;
	ask->stream = wanted;
	ask->wants_usage = wanted && ask->stream_options.type == J_OBJECT &&
	    jscan_member(ask->stream_options, STR("include_usage"), &usage) && jscan_true(usage);
	return true;
}

/* ---- the module ------------------------------------------------------------------------- */

bool ask_read(struct arena *a, enum mode mode, struct str content_type, struct str body,
    struct str path_model, struct ask *out, struct err *err)
{
	const struct mode_rule *rule = &mode_rules[mode];
	struct asking q = { .arena = a, .ask = out, .kind = rule->kind };

	*out = (struct ask){
		.mode = mode,
		.body = body,
		.content_type = str_trim(content_type),
		.n = 1,
	};
	if (!rule->check)
		return err_set(err, ERR_INTERNAL, "requests of this mode are not read");
	return read_body(&q, err) && read_max_tokens(&q, err) && read_model(&q, path_model, err) &&
	    rule->check(&q, err) && read_stream(&q, err);
}

bool ask_model(struct arena *a, struct str content_type, struct str body, struct str *model,
    struct err *err)
{
	const struct form *form;
	struct jval root, v;

	*model = (struct str){ 0 };
	if (form_is(content_type)) {
		if (!form_read(a, content_type, body, &form, err))
			return false;
		*model = form_text(form, STR("model"));
		return true;
	}
	if (!jscan_check(body, JSON_MAX_DEPTH, &root, err))
		return false;
	if (root.type == J_OBJECT && jscan_member(root, STR("model"), &v))
		*model = jscan_text(a, v);
	return true;
}

static int64_t member_tokens(const struct ask *ask, const char *name)
{
	struct jval v;

	if (ask->form)
		return tokens_text(ask->model, form_text(ask->form, str_c(name)));
	return jscan_member(ask->root, str_c(name), &v) ? tokens_input(ask->model, v) : 0;
}

int64_t ask_prompt_tokens(const struct ask *ask)
{
	switch (ask->mode) {
	case MODE_CHAT:
		return tokens_chat(ask->model, ask->root);
	case MODE_COMPLETIONS:
		return tokens_input(ask->model, ask->prompt);
	case MODE_EMBEDDINGS:
	case MODE_MODERATIONS:
	case MODE_SPEECH:
		return tokens_input(ask->model, ask->input);
	case MODE_EDITS:
		return tokens_input(ask->model, ask->input) + member_tokens(ask, "instruction");
	case MODE_IMAGES:
	case MODE_IMAGE_EDITS:
	case MODE_IMAGE_VARIATIONS:
	case MODE_TRANSCRIPTION:
	case MODE_TRANSLATION:
		return member_tokens(ask, "prompt");
	case MODE_RESPONSES:
	case MODE_RESPONSES_COMPACT:
		return tokens_response(ask->model, ask->root);
	case MODE_RERANK:
		return member_tokens(ask, "query") + member_tokens(ask, "documents");
	case MODE_RESOURCE:
	case MODE_PROXY:
	case MODE_COUNT:
		break;
	}
	return 0;
}
