/* ask_text.c — what chat, completions, embeddings and their like must say
 *
 * Messages are looked into as far as counting and conversion rely on their shape, and no further:
 * new kinds of parts pass.
 */
#include "provider/ask_rules.h"

#include "base/str.h"

#define N_LIMIT 128

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
	if (!jscan_member(message, STR("content"), &content) || !asking_said(content) ||
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

/* ---- one check per mode ------------------------------------------------------------------- */

static bool check_n(struct asking *q, struct err *err)
{
	struct jval n = q->m.n;

	if (asking_said(n) && !jscan_int(n, 1, N_LIMIT, &q->ask->n))
		return err_set(err, q->kind, "n must be between 1 and %d", N_LIMIT);
	return true;
}

bool ask_check_chat(struct asking *q, struct err *err)
{
	return check_messages(q->m.messages, err) && check_n(q, err);
}

bool ask_check_completions(struct asking *q, struct err *err)
{
	return asking_need_text(q, q->m.prompt, "prompt", err) && check_n(q, err);
}

bool ask_check_embeddings(struct asking *q, struct err *err)
{
	return asking_need_text(q, q->m.input, "input", err);
}

bool ask_check_moderations(struct asking *q, struct err *err)
{
	return asking_need_text(q, q->m.input, "input", err);
}

bool ask_check_edits(struct asking *q, struct err *err)
{
	struct str instruction;

	if (!asking_text(q, q->m.instruction, "instruction", &instruction, err))
		return false;
	if (instruction.n == 0)
		return err_set(err, q->kind, "field instruction is required");
	return check_n(q, err);
}

/* A conversation that the upstream keeps may go on without new input. */
bool ask_check_responses(struct asking *q, struct err *err)
{
	struct ask *ask = q->ask;
	const struct asking_members *m = &q->m;

	if (!asking_limit(q, m->max_output_tokens, "max_output_tokens", &ask->max_tokens, err))
		return false;
	return asking_said(m->previous_response_id) || asking_said(m->prompt) ||
	    asking_said(m->conversation) || asking_need_text(q, m->input, "input", err);
}

bool ask_check_rerank(struct asking *q, struct err *err)
{
	struct str query;

	if (!asking_text(q, q->m.query, "query", &query, err))
		return false;
	if (query.n == 0)
		return err_set(err, q->kind, "field query is required");
	if (asking_said(q->m.documents) && q->m.documents.type != J_ARRAY)
		return err_set(err, q->kind, "field documents must be an array");
	return asking_need_text(q, q->m.documents, "documents", err);
}
