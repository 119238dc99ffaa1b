/* cohere_lists.c — embeddings and rerank
 *
 * At most 96 texts go into one call; longer lists are several, one after the other, and their vectors
 * and counts are put together. Rerank answers with numbers only: the documents that the client wants
 * to see again are taken from its own request.
 */
#include "provider/cohere.h"

#include "base/json.h"
#include "provider/convert.h"

#define TEXTS_PER_CALL 96
/* Texts in one request: a call each 96. */
#define TEXTS_MAX ((size_t)TEXTS_PER_CALL * 64)

/* ---- embeddings -------------------------------------------------------------------------- */

static bool add_texts(struct call *c, struct buf *out, struct err *err)
{
	struct cohere *s = c->state;
	struct jiter it = jscan_iter(c->ask->input);
	struct jval text = c->ask->input;

	convert_add_raw(out, "texts", STR("["));
	if (text.type == J_STRING)
		buf_add(out, text.text);
	for (size_t i = 0; c->ask->input.type == J_ARRAY && jscan_next_item(&it, &text); i++) {
		if (text.type != J_STRING)
			return err_set(err, ERR_INVALID_TEXT,
			    "input must be text for this channel, not token numbers");
		if (i < s->from || i >= s->from + TEXTS_PER_CALL)
			continue;
		json_add_comma(out);
		buf_add(out, text.text);
	}
	buf_add_char(out, ']');
	return true;
}

bool cohere_add_embed(struct call *c, struct buf *out, struct err *err)
{
	struct jval type = convert_param(c, "input_type"), truncate = convert_param(c, "truncate");
	struct jval dimensions = convert_param(c, "dimensions");

	if (convert_count_inputs(c) > TEXTS_MAX)
		return err_set(err, ERR_INVALID_TEXT, "at most %zu texts at once", TEXTS_MAX);
	buf_add(out, STR("{\"model\":"));
	json_add_str(out, c->model);
	if (!add_texts(c, out, err))
		return false;
	convert_add_raw(out, "input_type",
	    type.type == J_STRING ? type.text : STR("\"search_document\""));
	convert_add_raw(out, "embedding_types", STR("[\"float\"]"));
	if (dimensions.type == J_NUMBER)
		convert_add_raw(out, "output_dimension", dimensions.text);
	if (truncate.type == J_STRING)
		convert_add_raw(out, "truncate", truncate.text);
	buf_add_char(out, '}');
	return true;
}

static bool keep_vectors(struct cohere *s, struct jval list)
{
	struct jiter it = jscan_iter(list);
	struct jval vector;

	while (list.type == J_ARRAY && jscan_next_item(&it, &vector)) {
		if (vector.type != J_ARRAY)
			return false;
		json_add_comma(&s->vectors);
		buf_addf(&s->vectors, "{\"object\":\"embedding\",\"index\":%lld,\"embedding\":",
		    (long long)s->count++);
		convert_add_vector(&s->vectors, vector, s->base64);
		buf_add_char(&s->vectors, '}');
	}
	return list.type == J_ARRAY;
}

static void write_vectors(struct call *c, const struct cohere *s, struct buf *out)
{
	int64_t tokens;

	c->usage.prompt_tokens = s->tokens;
	c->usage.reported = s->tokens > 0;
	tokens = adaptor_usage_shown(c).prompt_tokens;
	buf_add(out, STR("{\"object\":\"list\",\"data\":["));
	buf_add(out, buf_str(&s->vectors));
	buf_add(out, STR("],\"model\":"));
	json_add_str(out, c->ask->model);
	buf_addf(out, ",\"usage\":{\"prompt_tokens\":%lld,\"total_tokens\":%lld}}",
	    (long long)tokens, (long long)tokens);
}

enum step cohere_embedded(struct call *c, struct jval root, struct buf *out, struct err *err)
{
	struct cohere *s = c->state;
	struct jval list = convert_member(root, STR("embeddings")), tokens = { 0 };
	size_t all = convert_count_inputs(c), before = (size_t)s->count;
	size_t asked = all - s->from < TEXTS_PER_CALL ? all - s->from : TEXTS_PER_CALL;

	if (list.type == J_OBJECT)
		list = convert_member(list, STR("float"));
	if (!keep_vectors(s, list)) {
		(void)err_set(err, ERR_UPSTREAM_BODY, "the upstream's reply has no vectors");
		return STEP_FAILED;
	}
	if (!convert_check_vectors((size_t)s->count - before, asked, err))
		return STEP_FAILED;
	(void)jscan_at(root, "meta.billed_units.input_tokens", &tokens);
	s->tokens += convert_count(tokens);
	s->from += TEXTS_PER_CALL;
	if (s->from < all)
		return STEP_NEXT;
	write_vectors(c, s, out);
	c->finished = true;
	return adaptor_done(buf_ok(&s->vectors) && buf_ok(out), err);
}

/* ---- rerank -------------------------------------------------------------------------------- */

/* A document is a text, or an object with one. */
static struct jval document_text(struct jval document)
{
	return document.type == J_OBJECT ? convert_member(document, STR("text")) : document;
}

bool cohere_add_rerank(struct call *c, struct buf *out, struct err *err)
{
	struct jval documents = convert_param(c, "documents"), document, v;
	struct jiter it = jscan_iter(documents);

	buf_add(out, STR("{\"model\":"));
	json_add_str(out, c->model);
	convert_add_raw(out, "query", convert_param(c, "query").text);
	convert_add_raw(out, "documents", STR("["));
	for (size_t i = 0; jscan_next_item(&it, &document); i++) {
		v = document_text(document);
		if (v.type != J_STRING)
			return err_set(err, ERR_INVALID_TEXT, "documents[%zu] has no text", i);
		json_add_comma(out);
		buf_add(out, v.text);
	}
	buf_add_char(out, ']');
	if (convert_param(c, "top_n").type == J_NUMBER)
		convert_add_raw(out, "top_n", convert_param(c, "top_n").text);
	if (convert_param(c, "max_tokens_per_doc").type == J_NUMBER)
		convert_add_raw(out, "max_tokens_per_doc",
		    convert_param(c, "max_tokens_per_doc").text);
	buf_add_char(out, '}');
	return true;
}

/* The texts by number, since results come in any order. */
static const struct jval *list_documents(const struct call *c, size_t *n)
{
	struct jval documents = convert_param(c, "documents"), *list;
	struct jiter it = jscan_iter(documents);

	*n = documents.type == J_ARRAY ? jscan_count(documents) : 0;
	list = arena_zalloc(c->arena, (*n + 1) * sizeof(*list));
	for (size_t i = 0; i < *n && jscan_next_item(&it, &list[i]); i++)
		list[i] = document_text(list[i]);
	return list;
}

/* count 0: the documents are not wanted back. */
static void add_result(struct buf *out, struct jval result, const struct jval *documents,
    size_t count)
{
	struct jval index = convert_member(result, STR("index")), text = { 0 };
	struct jval score = convert_member(result, STR("relevance_score"));

	int64_t at;

	json_add_comma(out);
	buf_add(out, STR("{\"index\":"));
	buf_add(out, index.type == J_NUMBER ? index.text : STR("0"));
	convert_add_raw(out, "relevance_score", score.type == J_NUMBER ? score.text : STR("0"));
	if (count && jscan_int(index, 0, (int64_t)count - 1, &at))
		text = documents[at];
	if (text.type == J_STRING) {
		convert_add_raw(out, "document", STR("{\"text\":"));
		buf_add(out, text.text);
		buf_add_char(out, '}');
	}
	buf_add_char(out, '}');
}

/* Jina's shape with Cohere's own members beside it, so that clients of either find theirs. */
enum step cohere_reranked(struct call *c, struct jval root, struct buf *out, struct err *err)
{
	struct jval results = convert_member(root, STR("results")), result, v;
	const struct cohere *s = c->state;
	const struct jval *documents = NULL;
	struct jiter it = jscan_iter(results);
	int64_t tokens;
	size_t count = 0;

	if (results.type != J_ARRAY) {
		(void)err_set(err, ERR_UPSTREAM_BODY, "the upstream's reply has no results");
		return STEP_FAILED;
	}
	v = convert_member(root, STR("id"));
	buf_add_char(out, '{');
	if (v.type == J_STRING)
		convert_add_raw(out, "id", v.text);
	json_add_name(out, "model");
	json_add_str(out, c->ask->model);
	convert_add_raw(out, "results", STR("["));
	if (s->returns_documents)
		documents = list_documents(c, &count);
	while (jscan_next_item(&it, &result))
		add_result(out, result, documents, count);
	buf_add_char(out, ']');
	v = convert_member(root, STR("meta"));
	if (v.type == J_OBJECT) {
		convert_add_raw(out, "meta", v.text);
		cohere_note_usage(c, v);
	}
	tokens = adaptor_usage_shown(c).prompt_tokens;
	buf_addf(out, ",\"usage\":{\"prompt_tokens\":%lld,\"total_tokens\":%lld}}",
	    (long long)tokens, (long long)tokens);
	c->finished = true;
	return STEP_DONE;
}
