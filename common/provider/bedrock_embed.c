/* bedrock_embed.c — embeddings through InvokeModel: Titan, Nova and Cohere, each in its own words
 *
 * Cohere takes a list of texts. The others take one: each text of the request is an upstream call of
 * its own, one after the other, and their counts are added up.
 */
#include "provider/bedrock.h"

#include "base/json.h"
#include "provider/convert.h"

#define VECTORS_MAX ((size_t)64 * 1024 * 1024)
/* Texts that are a call each. */
#define CALLS_MAX 256

static bool takes_lists(const struct bedrock *b)
{
	return bedrock_is(b, "cohere");
}

/* The text of call c->step. */
static struct jval text_at(const struct call *c, int index)
{
	struct jiter it = jscan_iter(c->ask->input);
	struct jval item = c->ask->input;

	if (item.type != J_ARRAY)
		return item;
	while (jscan_next_item(&it, &item) && index > 0)
		index--;
	return item;
}

static bool check_input(const struct call *c, const struct bedrock *b, struct err *err)
{
	struct jiter it = jscan_iter(c->ask->input);
	struct jval item;

	if (c->ask->input.type != J_STRING && c->ask->input.type != J_ARRAY)
		return err_set(err, ERR_INVALID_TEXT, "input must be a text or a list of texts");
	while (c->ask->input.type == J_ARRAY && jscan_next_item(&it, &item))
		if (item.type != J_STRING)
			return err_set(err, ERR_INVALID_TEXT,
			    "input must be text for this channel, not token numbers");
	if (!takes_lists(b) && convert_count_inputs(c) > CALLS_MAX)
		return err_set(err, ERR_INVALID_TEXT, "at most %d texts for this model", CALLS_MAX);
	return true;
}

static void add_cohere(const struct call *c, struct buf *out)
{
	struct jval type = convert_param(c, "input_type"), truncate = convert_param(c, "truncate");
	struct jval dimensions = convert_param(c, "dimensions");

	buf_add(out, STR("{\"texts\":"));
	if (c->ask->input.type == J_STRING) {
		buf_add_char(out, '[');
		buf_add(out, c->ask->input.text);
		buf_add_char(out, ']');
	} else {
		buf_add(out, c->ask->input.text);
	}
	convert_add_raw(out, "input_type",
	    type.type == J_STRING ? type.text : STR("\"search_document\""));
	if (truncate.type == J_STRING)
		convert_add_raw(out, "truncate", truncate.text);
	if (dimensions.type == J_NUMBER)
		convert_add_raw(out, "output_dimension", dimensions.text);
	buf_add_char(out, '}');
}

static void add_titan(const struct call *c, struct buf *out)
{
	struct jval dimensions = convert_param(c, "dimensions");
	struct jval normalize = convert_param(c, "normalize");

	buf_add(out, STR("{\"inputText\":"));
	buf_add(out, text_at(c, c->step).text);
	if (dimensions.type == J_NUMBER)
		convert_add_raw(out, "dimensions", dimensions.text);
	if (normalize.type == J_TRUE || normalize.type == J_FALSE)
		convert_add_raw(out, "normalize", normalize.text);
	buf_add_char(out, '}');
}

static void add_nova(const struct call *c, struct buf *out)
{
	struct jval dimensions = convert_param(c, "dimensions");

	buf_add(out,
	    STR("{\"taskType\":\"SINGLE_EMBEDDING\",\"singleEmbeddingParams\":{"
	        "\"embeddingPurpose\":\"GENERIC_INDEX\""));
	if (dimensions.type == J_NUMBER)
		convert_add_raw(out, "embeddingDimension", dimensions.text);
	buf_add(out, STR(",\"text\":{\"truncationMode\":\"END\",\"value\":"));
	buf_add(out, text_at(c, c->step).text);
	buf_add(out, STR("}}}"));
}

static void vectors_release(void *vectors)
{
	buf_release(vectors);
}

static bool add_body(struct call *c, struct buf *body, struct err *err)
{
	struct bedrock *b = c->state;

	if (!check_input(c, b, err))
		return false;
	if (c->step == 0) {
		b->vectors = buf_init(VECTORS_MAX);
		arena_defer(c->arena, vectors_release, &b->vectors);
	}
	if (takes_lists(b))
		add_cohere(c, body);
	else if (bedrock_is(b, "amazon.nova"))
		add_nova(c, body);
	else
		add_titan(c, body);
	return true;
}

/* ---- reply ------------------------------------------------------------------------------- */

static void add_vector(struct bedrock *b, struct jval vector, bool base64)
{
	json_add_comma(&b->vectors);
	buf_addf(&b->vectors,
	    "{\"object\":\"embedding\",\"index\":%lld,\"embedding\":", (long long)b->embedded++);
	convert_add_vector(&b->vectors, vector, base64);
	buf_add_char(&b->vectors, '}');
}

/* A list of vectors, also one that stands under the name of its type, or of objects. */
static bool add_vectors(struct bedrock *b, struct jval list, bool base64)
{
	struct jval vector, inner;
	struct jiter it;
	size_t before = (size_t)b->embedded;

	if (list.type == J_OBJECT)
		list = convert_member(list, STR("float"));
	it = jscan_iter(list);
	while (list.type == J_ARRAY && jscan_next_item(&it, &vector)) {
		inner = convert_member(vector, STR("embedding"));
		vector = inner.type == J_ARRAY ? inner : vector;
		if (vector.type != J_ARRAY)
			return false;
		add_vector(b, vector, base64);
	}
	return (size_t)b->embedded > before;
}

static bool read(struct call *c, struct bedrock *b, struct str body)
{
	enum { ONE, MANY, COUNT_ONE, COUNT_TWO };
	static const struct str names[] = { STR_INIT("embedding"), STR_INIT("embeddings"),
		STR_INIT("inputTextTokenCount"), STR_INIT("inputTokenCount") };
	bool base64 = jscan_is(convert_param(c, "encoding_format"), STR("base64"));
	struct jval root, v[COUNT_OF(names)];
	int64_t counted;

	if (!jscan_value(body, &root) || root.type != J_OBJECT)
		return false;
	convert_pick(root, names, v, COUNT_OF(v));
	counted = convert_count(v[COUNT_ONE]) + convert_count(v[COUNT_TWO]);
	if (!counted && b->header_tokens > 0)
		counted = b->header_tokens;
	b->usage.prompt_tokens += counted;
	if (v[ONE].type == J_ARRAY) {
		add_vector(b, v[ONE], base64);
		return true;
	}
	return add_vectors(b, v[MANY], base64);
}

static void write(struct call *c, const struct bedrock *b, struct buf *out)
{
	int64_t tokens;

	c->usage.prompt_tokens = b->usage.prompt_tokens;
	c->usage.reported = b->usage.prompt_tokens > 0;
	tokens = adaptor_usage_shown(c).prompt_tokens;
	buf_add(out, STR("{\"object\":\"list\",\"data\":["));
	buf_add(out, buf_str(&b->vectors));
	buf_add(out, STR("],\"model\":"));
	json_add_str(out, c->ask->model);
	buf_addf(out, ",\"usage\":{\"prompt_tokens\":%lld,\"total_tokens\":%lld}}",
	    (long long)tokens, (long long)tokens);
}

static enum step decode(struct call *c, struct str body, struct buf *out, struct err *err)
{
	struct bedrock *b = c->state;
	size_t all = convert_count_inputs(c), asked;

	if (!read(c, b, body)) {
		(void)err_set(err, ERR_UPSTREAM_BODY, "the upstream's reply has no vectors");
		return STEP_FAILED;
	}
	b->header_tokens = -1;
	asked = takes_lists(b) ? all : (size_t)c->step + 1;
	if (!convert_check_vectors((size_t)b->embedded, asked, err))
		return STEP_FAILED;
	if (asked < all)
		return STEP_NEXT;
	write(c, b, out);
	c->finished = true;
	return adaptor_done(buf_ok(&b->vectors) && buf_ok(out), err);
}

const struct bedrock_surface bedrock_embeddings = { "invoke", "invoke", add_body, decode,
	bedrock_no_event, bedrock_no_end };
