/* replicate_input.c — a chat as the input of a model
 *
 * Each model has an input of its own: what is written goes by the names in its schema, and is only
 * what the client said, since models refuse what they do not know.
 */
#include "provider/replicate.h"

#include "base/json.h"
#include "provider/convert.h"

#define DEFAULT_TOKENS 512

static bool is_system(struct jval m)
{
	return convert_has_role(m, "system") || convert_has_role(m, "developer");
}

/* ---- chat -------------------------------------------------------------------------------- */

/* Texts of a content as they are escaped, joined by line feeds. Images are for add_images. */
static bool add_text(struct buf *out, struct jval content, size_t message, struct err *err)
{
	struct jiter it = jscan_iter(content);
	struct jval part, type, text;
	bool any = false;

	if (content.type == J_STRING)
		buf_add(out, convert_inside(content));
	while (content.type == J_ARRAY && jscan_next_item(&it, &part)) {
		type = convert_member(part, STR("type"));
		text = convert_member(part, STR("text"));
		if (jscan_is(type, STR("image_url")))
			continue;
		if (text.type != J_STRING)
			return err_set(err, ERR_INVALID_TEXT,
			    "messages[%zu].content: this channel takes text and images only",
			    message);
		buf_add(out, any ? STR("\\n") : STR(""));
		buf_add(out, convert_inside(text));
		any = true;
	}
	return true;
}

static size_t count_turns(const struct call *c)
{
	struct jiter it = jscan_iter(c->ask->messages);
	struct jval m;
	size_t n = 0;

	while (jscan_next_item(&it, &m))
		n += !is_system(m);
	return n;
}

/* One turn is its own text, several are a transcript that waits for the assistant. */
static bool add_turns(const struct call *c, struct buf *out, struct err *err)
{
	bool transcript = count_turns(c) > 1;
	struct jiter it = jscan_iter(c->ask->messages);
	struct jval m;

	for (size_t i = 0; jscan_next_item(&it, &m); i++) {
		if (is_system(m))
			continue;
		if (transcript)
			buf_add(out,
			    convert_has_role(m, "assistant") ? STR("Assistant: ") : STR("User: "));
		if (!add_text(out, convert_content(m), i, err))
			return false;
		if (transcript)
			buf_add(out, STR("\\n"));
	}
	buf_add(out, transcript ? STR("Assistant:") : STR(""));
	return true;
}

/* All that the system and the developer say, a line each. */
static bool add_system(struct call *c, struct buf *out, bool *any, struct err *err)
{
	struct jiter it = jscan_iter(c->ask->messages);
	struct jval m;

	*any = c->system_prompt.n > 0;
	if (*any) {
		json_add_escaped(out, c->system_prompt);
		c->system_prompt_reset = true;
	}
	for (size_t i = 0; jscan_next_item(&it, &m); i++) {
		if (!is_system(m) || (i == 0 && c->system_prompt.n))
			continue;
		buf_add(out, *any ? STR("\\n") : STR(""));
		*any = true;
		if (!add_text(out, convert_member(m, STR("content")), i, err))
			return false;
	}
	return true;
}

/* What the system says has a member of its own, or stands before the prompt. */
static bool add_texts(struct call *c, const struct replicate_schema *schema, struct buf *out,
    struct err *err)
{
	static const char *const of_system[] = { "system_prompt", "system_instruction", NULL };
	static const char *const of_prompt[] = { "prompt", "text", "input", NULL };
	const char *system = replicate_first(schema, of_system);
	const char *prompt = replicate_first(schema, of_prompt);
	struct buf said = buf_init(c->ask->body.n + c->system_prompt.n * 6 + 16);
	bool any, ok = add_system(c, &said, &any, err);

	if (!prompt)
		ok = err_set(err, ERR_INVALID_TEXT, "this model takes no text");
	if (ok && any && system) {
		convert_add_raw(out, system, STR("\""));
		buf_add(out, buf_str(&said));
		buf_add_char(out, '"');
	}
	if (ok) {
		convert_add_raw(out, prompt, STR("\""));
		if (any && !system)
			buf_addf(out, "%.*s\\n\\n", STR_ARG(buf_str(&said)));
		ok = add_turns(c, out, err);
		buf_add_char(out, '"');
	}
	buf_release(&said);
	return ok;
}

/* URLs or data URIs of all image parts. */
static size_t list_images(const struct call *c, struct buf *list)
{
	struct jiter it = jscan_iter(c->ask->messages), parts;
	struct jval m, content, part, image;
	size_t n = 0;

	while (jscan_next_item(&it, &m)) {
		content = convert_member(m, STR("content"));
		parts = jscan_iter(content);
		while (content.type == J_ARRAY && jscan_next_item(&parts, &part)) {
			image = convert_member(part, STR("image_url"));
			if (image.type == J_OBJECT)
				image = convert_member(image, STR("url"));
			if (image.type != J_STRING)
				continue;
			json_add_comma(list);
			buf_add(list, image.text);
			n++;
		}
	}
	return n;
}

void replicate_add_list(const struct replicate_schema *schema, const char *name, struct str list,
    struct buf *out)
{
	bool many = replicate_takes_list(schema, name);

	convert_add_raw(out, name, many ? STR("[") : STR(""));
	buf_add(out, list);
	buf_add(out, many ? STR("]") : STR(""));
}

static bool add_images(const struct call *c, const struct replicate_schema *schema, struct buf *out,
    struct err *err)
{
	static const char *const names[] = { "image_input", "images", "image", "input_image",
		NULL };
	const char *name = replicate_first(schema, names);
	struct buf list = buf_init(c->ask->body.n + 16);
	size_t n = list_images(c, &list);
	bool fits = name && (n == 1 || replicate_takes_list(schema, name));

	if (n && fits)
		replicate_add_list(schema, name, buf_str(&list), out);
	buf_release(&list);
	return n == 0 || fits ||
	    err_set(err, ERR_INVALID_TEXT,
	        name ? "this model takes one image" : "this model takes no images");
}

/* A list where the model has one, else one text with commas between. */
static bool add_stop(const struct call *c, const struct replicate_schema *schema, struct buf *out,
    struct err *err)
{
	static const char *const names[] = { "stop_sequences", "stop", NULL };
	const char *name = replicate_first(schema, names);
	struct jval stop = convert_param(c, "stop"), item;
	struct jiter it = jscan_iter(stop);
	bool any = false;

	if (!name || replicate_takes_list(schema, name)) {
		if (name && stop.type == J_ARRAY)
			convert_add_raw(out, name, stop.text);
		else if (name && stop.type == J_STRING)
			replicate_add_list(schema, name, stop.text, out);
		return name || !convert_given(stop) ||
		    convert_drop_one(c, "stop", "the model has no such parameter", err);
	}
	if (stop.type == J_STRING && stop.text.n > 2)
		convert_add_raw(out, name, stop.text);
	while (stop.type == J_ARRAY && jscan_next_item(&it, &item)) {
		if (item.type != J_STRING || item.text.n <= 2)
			continue;
		if (any)
			buf_add_char(out, ',');
		else
			convert_add_raw(out, name, STR("\""));
		any = true;
		buf_add(out, convert_inside(item));
	}
	buf_add(out, any ? STR("\"") : STR(""));
	return true;
}

bool replicate_add_same(const struct call *c, const struct replicate_schema *schema,
    const char *const *names, size_t n, struct buf *out, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		struct jval v = convert_param(c, names[i]);
		struct str name = str_c(names[i]);

		if (convert_given(v) && replicate_takes(schema, names[i]))
			convert_add_raw(out, names[i], v.text);
		else if (!convert_drop(c, &name, 1, err))
			return false;
	}
	return true;
}

/* Said or not, since the platform's own default is short; the name differs. */
static bool add_limit(const struct call *c, const struct replicate_schema *schema, struct buf *out,
    struct err *err)
{
	static const char *const names[] = { "max_tokens", "max_new_tokens",
		"max_completion_tokens", "max_output_tokens", NULL };
	const char *name = replicate_first(schema, names);

	if (!name)
		return c->ask->max_tokens < 0 ||
		    convert_drop_one(c, "max_tokens", "the model has no such parameter", err);
	json_add_name(out, name);
	buf_add_int(out, c->ask->max_tokens >= 0 ? c->ask->max_tokens : DEFAULT_TOKENS);
	return true;
}

static bool check_chat(struct call *c, struct err *err)
{
	static const struct str dropped[] = { STR_INIT("logit_bias"), STR_INIT("prediction"),
		STR_INIT("modalities"), STR_INIT("audio") };
	struct jval format = convert_member(convert_param(c, "response_format"), STR("type"));

	if (!convert_check_chat(c, 1, TOOLS_NONE, err))
		return false;
	if (format.type == J_STRING && !jscan_is(format, STR("text")))
		return err_set(err, ERR_INVALID_TEXT, "this channel has no response_format");
	if (jscan_true(convert_param(c, "logprobs")))
		return err_set(err, ERR_INVALID_TEXT, "this channel has no logprobs");
	return convert_drop(c, dropped, COUNT_OF(dropped), err);
}

bool replicate_check(struct call *c, struct err *err)
{
	return c->ask->mode == MODE_CHAT ? check_chat(c, err) : replicate_check_image(c, err);
}

static bool add_chat(struct call *c, const struct replicate_schema *schema, struct buf *out,
    struct err *err)
{
	static const char *const same[] = { "temperature", "top_p", "top_k", "presence_penalty",
		"frequency_penalty", "seed", "reasoning_effort", "verbosity" };

	return add_texts(c, schema, out, err) && add_images(c, schema, out, err) &&
	    add_limit(c, schema, out, err) &&
	    replicate_add_same(c, schema, same, COUNT_OF(same), out, err) &&
	    add_stop(c, schema, out, err);
}

bool replicate_add_input(struct call *c, const struct replicate_schema *schema, int64_t left,
    struct buf *out, struct err *err)
{
	bool ok;

	convert_add_raw(out, "input", STR("{"));
	ok = c->ask->mode == MODE_CHAT ? add_chat(c, schema, out, err)
	                               : replicate_add_image(c, schema, left, out, err);
	buf_add_char(out, '}');
	return ok;
}
