/* gemini_reply.c — what a Gemini answers, whole or event by event
 *
 * A whole reply and an event are the same object; an event holds the parts that are new. Nothing says
 * that a stream is over but its end, and usage may come after the reason why it ended, so that the
 * client's last chunks are written when the upstream closes.
 */
#include "provider/gemini.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/secret.h"

#define CALL_ID_RANDOM 24
#define DETAIL_FORMAT "google-gemini-v1"

/* ---- usage -------------------------------------------------------------------------------- */

/* Tokens of one modality. */
static int64_t modality(struct jval list, struct str name)
{
	struct jiter it = jscan_iter(list);
	struct jval item;
	int64_t n = 0;

	while (list.type == J_ARRAY && jscan_next_item(&it, &item))
		if (jscan_is(convert_member(item, STR("modality")), name))
			n += convert_count(convert_member(item, STR("tokenCount")));
	return n;
}

bool gemini_usage(struct jval metadata, struct usage *out)
{
	enum { PROMPT, TOOLS, CACHED, ANSWER, THOUGHTS, OF_PROMPT, OF_ANSWER };
	static const struct str names[] = {
		[PROMPT] = STR_INIT("promptTokenCount"),
		[TOOLS] = STR_INIT("toolUsePromptTokenCount"),
		[CACHED] = STR_INIT("cachedContentTokenCount"),
		[ANSWER] = STR_INIT("candidatesTokenCount"),
		[THOUGHTS] = STR_INIT("thoughtsTokenCount"),
		[OF_PROMPT] = STR_INIT("promptTokensDetails"),
		[OF_ANSWER] = STR_INIT("candidatesTokensDetails"),
	};
	struct jval v[COUNT_OF(names)];

	if (metadata.type != J_OBJECT)
		return false;
	convert_pick(metadata, names, v, COUNT_OF(v));
	*out = (struct usage){
		.prompt_tokens = convert_count(v[PROMPT]) + convert_count(v[TOOLS]),
		.cached_tokens = convert_count(v[CACHED]),
		.completion_tokens = convert_count(v[ANSWER]) + convert_count(v[THOUGHTS]),
		.reasoning_tokens = convert_count(v[THOUGHTS]),
		.audio_prompt_tokens = modality(v[OF_PROMPT], STR("AUDIO")),
		.image_prompt_tokens = modality(v[OF_PROMPT], STR("IMAGE")),
		.audio_completion_tokens = modality(v[OF_ANSWER], STR("AUDIO")),
		.image_completion_tokens = modality(v[OF_ANSWER], STR("IMAGE")),
	};
	out->reported = out->prompt_tokens + out->completion_tokens > 0;
	return true;
}

/* ---- parts -------------------------------------------------------------------------------- */

/* For the part that is said next. */
static void offer_signature(struct call *c, struct gemini_reply *s, struct jval signature)
{
	if (signature.type == J_STRING && signature.text.n > 2)
		sink_extra(&s->sink,
		    str_c(arena_fmt(c->arena, "{\"google\":{\"thought_signature\":%.*s}}",
		        STR_ARG(signature.text))));
}

/* The same for clients that keep reasoning_details. id "": of the text. */
static void add_detail(struct call *c, struct gemini_reply *s, struct jval signature, struct str id)
{
	struct buf item;

	if (signature.type != J_STRING || signature.text.n <= 2)
		return;
	item = buf_init(signature.text.n + id.n * 6 + 256);
	buf_add(&item, STR("{\"type\":\"reasoning.encrypted\",\"data\":"));
	buf_add(&item, signature.text);
	if (id.n) {
		json_add_name(&item, "id");
		json_add_str(&item, id);
	}
	buf_add(&item, STR(",\"format\":\"" DETAIL_FORMAT "\"}"));
	sink_reasoning_detail(&s->sink, buf_str(&item));
	buf_release(&item);
}

/* Names of a part's members. */
enum part { P_TEXT, P_THOUGHT, P_SIGNATURE, P_CALL, P_DATA, P_CODE, P_CODE_RESULT, P_COUNT };

static const struct str part_names[P_COUNT] = {
	[P_TEXT] = STR_INIT("text"),
	[P_THOUGHT] = STR_INIT("thought"),
	[P_SIGNATURE] = STR_INIT("thoughtSignature"),
	[P_CALL] = STR_INIT("functionCall"),
	[P_DATA] = STR_INIT("inlineData"),
	[P_CODE] = STR_INIT("executableCode"),
	[P_CODE_RESULT] = STR_INIT("codeExecutionResult"),
};

static void say_text(struct call *c, struct gemini_reply *s, const struct jval *p)
{
	struct str text = jscan_text(c->arena, p[P_TEXT]);

	offer_signature(c, s, p[P_SIGNATURE]);
	if (jscan_true(p[P_THOUGHT])) {
		sink_reasoning(&s->sink, text);
		return;
	}
	sink_text(&s->sink, text);
	add_detail(c, s, p[P_SIGNATURE], STR(""));
}

static struct str call_id(struct call *c, struct jval given)
{
	struct str id = jscan_text(c->arena, given);
	char fresh[CALL_ID_RANDOM + 1];

	if (id.n)
		return id;
	secret_random_alnum(fresh, CALL_ID_RANDOM);
	return str_c(arena_fmt(c->arena, "call_%s", fresh));
}

static void say_call(struct call *c, struct gemini_reply *s, struct gemini_choice *choice,
    const struct jval *p)
{
	struct jval args = convert_member(p[P_CALL], STR("args"));
	struct str id = call_id(c, convert_member(p[P_CALL], STR("id")));
	struct buf arguments = buf_init(args.text.n + 2);

	if (args.type == J_OBJECT)
		convert_add_compact(&arguments, args.text);
	else
		buf_add(&arguments, STR("{}"));
	offer_signature(c, s, p[P_SIGNATURE]);
	sink_whole_call(&s->sink, choice->calls++, id,
	    jscan_text(c->arena, convert_member(p[P_CALL], STR("name"))), buf_str(&arguments));
	buf_release(&arguments);
	add_detail(c, s, p[P_SIGNATURE], id);
}

/* Only pictures have a place in a message. */
static void say_data(struct call *c, struct gemini_reply *s, struct jval data)
{
	struct str mime = convert_inside(convert_member(data, STR("mimeType")));
	struct str encoded = convert_inside(convert_member(data, STR("data")));
	struct buf item;

	if (!str_starts(mime, STR("image/")))
		return;
	item = buf_init(mime.n + encoded.n + 256);
	buf_add(&item, STR("{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:"));
	buf_add(&item, mime);
	buf_add(&item, STR(";base64,"));
	buf_add(&item, encoded);
	buf_add(&item, STR("\"}}"));
	sink_image(&s->sink, buf_str(&item));
	buf_release(&item);
}

/* Code that ran on the other side, and what it printed, as fenced text. */
static void say_code(struct call *c, struct gemini_reply *s, struct jval holder, struct str member)
{
	bool is_python = jscan_is(convert_member(holder, STR("language")), STR("PYTHON"));
	struct str text = jscan_text(c->arena, convert_member(holder, member));
	struct buf fenced = buf_init(text.n + 32);

	buf_add(&fenced, is_python ? STR("```python\n") : STR("```\n"));
	buf_add(&fenced, text);
	buf_add(&fenced, str_ends(text, STR("\n")) ? STR("```\n") : STR("\n```\n"));
	sink_text(&s->sink, buf_str(&fenced));
	buf_release(&fenced);
}

static void say_part(struct call *c, struct gemini_reply *s, struct gemini_choice *choice,
    struct jval part)
{
	struct jval p[P_COUNT];

	convert_pick(part, part_names, p, P_COUNT);
	if (p[P_CALL].type == J_OBJECT)
		say_call(c, s, choice, p);
	else if (p[P_TEXT].type == J_STRING)
		say_text(c, s, p);
	else if (p[P_DATA].type == J_OBJECT && !jscan_true(p[P_THOUGHT]))
		say_data(c, s, p[P_DATA]);
	else if (p[P_CODE].type == J_OBJECT)
		say_code(c, s, p[P_CODE], STR("code"));
	else if (p[P_CODE_RESULT].type == J_OBJECT)
		say_code(c, s, p[P_CODE_RESULT], STR("output"));
	s->sink.extra = (struct str){ 0 };
}

/* ---- logprobs, citations ------------------------------------------------------------------ */

static void add_token(struct buf *out, struct arena *a, struct jval token)
{
	struct str text = jscan_text(a, convert_member(token, STR("token")));
	struct jval logprob = convert_member(token, STR("logProbability"));

	buf_add(out, STR("\"token\":"));
	json_add_str(out, text);
	convert_add_raw(out, "logprob", logprob.type == J_NUMBER ? logprob.text : STR("0"));
	convert_add_raw(out, "bytes", STR("["));
	for (size_t i = 0; i < text.n; i++)
		buf_addf(out, i ? ",%u" : "%u", (unsigned)(unsigned char)text.p[i]);
	buf_add_char(out, ']');
}

static void add_alternatives(struct buf *out, struct arena *a, struct jval top)
{
	struct jval list = convert_member(top, STR("candidates")), token;
	struct jiter it = jscan_iter(list);

	convert_add_raw(out, "top_logprobs", STR("["));
	while (list.type == J_ARRAY && jscan_next_item(&it, &token)) {
		json_add_comma(out);
		buf_add_char(out, '{');
		add_token(out, a, token);
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
}

/* They go with the next text, so before the parts. Released by the caller. */
static struct buf read_logprobs(struct call *c, struct jval result)
{
	struct jval chosen = convert_member(result, STR("chosenCandidates")), token;
	struct jval top = convert_member(result, STR("topCandidates")), alternatives;
	struct jiter it = jscan_iter(chosen), other = jscan_iter(top);
	struct buf items = buf_init(64 * 1024 + result.text.n * 8);

	while (chosen.type == J_ARRAY && jscan_next_item(&it, &token)) {
		if (top.type != J_ARRAY || !jscan_next_item(&other, &alternatives))
			alternatives = (struct jval){ 0 };
		if (items.len)
			buf_add_char(&items, ',');
		buf_add_char(&items, '{');
		add_token(&items, c->arena, token);
		add_alternatives(&items, c->arena, alternatives);
		buf_add_char(&items, '}');
	}
	if (!buf_ok(&items))
		buf_clear(&items);
	return items;
}

static void cite(struct call *c, struct gemini_reply *s, struct jval web, struct jval segment)
{
	struct jval url = convert_member(web, STR("uri")),
	            title = convert_member(web, STR("title"));
	char *item;

	if (url.type != J_STRING)
		return;
	item = arena_fmt(c->arena,
	    "{\"type\":\"url_citation\",\"url_citation\":{\"start_index\":%lld,\"end_index\":%lld,"
	    "\"url\":%.*s,\"title\":%.*s}}",
	    (long long)convert_count(convert_member(segment, STR("startIndex"))),
	    (long long)convert_count(convert_member(segment, STR("endIndex"))), STR_ARG(url.text),
	    STR_ARG(title.type == J_STRING ? title.text : STR("\"\"")));
	sink_annotation(&s->sink, str_c(item));
}

/* Most sources, and most citations of them, that one answer may have. */
#define CHUNKS_MAX 256

static size_t read_chunks(struct jval list, struct jval webs[CHUNKS_MAX])
{
	struct jiter it = jscan_iter(list);
	struct jval item;
	size_t n = 0;

	while (list.type == J_ARRAY && n < CHUNKS_MAX && jscan_next_item(&it, &item))
		webs[n++] = convert_member(item, STR("web"));
	return n;
}

/* Each passage with each of its sources; sources that no passage names, too. */
static void say_citations(struct call *c, struct gemini_reply *s, struct jval metadata)
{
	struct jval supports = convert_member(metadata, STR("groundingSupports")), support, list, v;
	struct jval webs[CHUNKS_MAX], none = { 0 };
	size_t n = read_chunks(convert_member(metadata, STR("groundingChunks")), webs), cited = 0;
	struct jiter it = jscan_iter(supports), indices;
	bool used[CHUNKS_MAX] = { false };
	int64_t at;

	while (supports.type == J_ARRAY && jscan_next_item(&it, &support)) {
		list = convert_member(support, STR("groundingChunkIndices"));
		indices = jscan_iter(list);
		while (list.type == J_ARRAY && jscan_next_item(&indices, &v)) {
			if (!jscan_int(v, 0, (int64_t)n - 1, &at) || ++cited > CHUNKS_MAX)
				continue;
			used[at] = true;
			cite(c, s, webs[at], convert_member(support, STR("segment")));
		}
	}
	for (size_t i = 0; i < n; i++)
		if (!used[i])
			cite(c, s, webs[i], none);
}

/* ---- candidates --------------------------------------------------------------------------- */

enum candidate { C_INDEX, C_CONTENT, C_FINISH, C_LOGPROBS, C_GROUNDING, C_COUNT };

static const struct str candidate_names[C_COUNT] = {
	[C_INDEX] = STR_INIT("index"),
	[C_CONTENT] = STR_INIT("content"),
	[C_FINISH] = STR_INIT("finishReason"),
	[C_LOGPROBS] = STR_INIT("logprobsResult"),
	[C_GROUNDING] = STR_INIT("groundingMetadata"),
};

/* What is not listed here is a fault of the model's, unless something was said. */
static const struct {
	struct str reason;
	const char *finish;
} reasons[] = {
	{ STR_INIT("STOP"), "stop" },
	{ STR_INIT("MAX_TOKENS"), "length" },
	{ STR_INIT("SAFETY"), "content_filter" },
	{ STR_INIT("RECITATION"), "content_filter" },
	{ STR_INIT("BLOCKLIST"), "content_filter" },
	{ STR_INIT("PROHIBITED_CONTENT"), "content_filter" },
	{ STR_INIT("SPII"), "content_filter" },
	{ STR_INIT("LANGUAGE"), "content_filter" },
	{ STR_INIT("IMAGE_SAFETY"), "content_filter" },
	{ STR_INIT("IMAGE_PROHIBITED_CONTENT"), "content_filter" },
	{ STR_INIT("IMAGE_RECITATION"), "content_filter" },
	{ STR_INIT("MODEL_ARMOR"), "content_filter" },
};

static void note_finish(struct gemini_choice *choice, struct jval reason)
{
	if (reason.type != J_STRING || jscan_is(reason, STR("FINISH_REASON_UNSPECIFIED")))
		return;
	choice->finish = "stop";
	choice->is_faulty = true;
	for (size_t i = 0; i < COUNT_OF(reasons); i++) {
		if (jscan_is(reason, reasons[i].reason)) {
			choice->finish = reasons[i].finish;
			choice->is_faulty = false;
		}
	}
	if (jscan_is(reason, STR("STOP")) && choice->calls)
		choice->finish = "tool_calls";
}

static void say_candidate(struct call *c, struct gemini_reply *s, struct jval candidate)
{
	struct jval v[C_COUNT], parts, part;
	uint64_t before = s->sink.pieces;
	struct buf logprobs = buf_init(0);
	struct gemini_choice *choice;
	struct jiter it;
	int64_t index;

	convert_pick(candidate, candidate_names, v, C_COUNT);
	if (!jscan_int(v[C_INDEX], 0, SINK_CHOICES - 1, &index))
		index = 0;
	choice = &s->choices[index];
	choice->seen = true;
	sink_choice(&s->sink, (int)index);
	if (s->wants_logprobs && v[C_LOGPROBS].type == J_OBJECT) {
		logprobs = read_logprobs(c, v[C_LOGPROBS]);
		sink_logprobs(&s->sink, buf_str(&logprobs));
	}
	parts = convert_member(v[C_CONTENT], STR("parts"));
	it = jscan_iter(parts);
	while (parts.type == J_ARRAY && jscan_next_item(&it, &part))
		say_part(c, s, choice, part);
	if (v[C_GROUNDING].type == J_OBJECT)
		say_citations(c, s, v[C_GROUNDING]);
	choice->spoke |= s->sink.pieces > before;
	note_finish(choice, v[C_FINISH]);
	s->sink.logprobs = (struct str){ 0 };
	buf_release(&logprobs);
}

enum root { R_CANDIDATES, R_USAGE, R_FEEDBACK, R_ID, R_COUNT };

static const struct str root_names[R_COUNT] = {
	[R_CANDIDATES] = STR_INIT("candidates"),
	[R_USAGE] = STR_INIT("usageMetadata"),
	[R_FEEDBACK] = STR_INIT("promptFeedback"),
	[R_ID] = STR_INIT("responseId"),
};

static bool all_finished(const struct gemini_reply *s)
{
	for (int i = 0; i < SINK_CHOICES; i++)
		if (s->choices[i].seen && !s->choices[i].finish)
			return false;
	return s->started;
}

/* One object. False with err when the prompt was blocked. */
static bool say(struct call *c, struct gemini_reply *s, const struct jval *v, struct err *err)
{
	struct jiter it = jscan_iter(v[R_CANDIDATES]);
	struct jval candidate;

	(void)gemini_usage(v[R_USAGE], &c->usage);
	while (v[R_CANDIDATES].type == J_ARRAY && jscan_next_item(&it, &candidate)) {
		s->started = true;
		say_candidate(c, s, candidate);
	}
	c->meter = s->sink.meter;
	c->pieces = (int64_t)s->sink.pieces;
	return s->started || !google_blocked(c, v[R_FEEDBACK], err);
}

/* Writes what ends the client's reply. */
static bool finish(struct call *c, struct gemini_reply *s, struct err *err)
{
	struct usage shown = adaptor_usage_shown(c);

	if (!s->started)
		return err_set(err, ERR_UPSTREAM, "the upstream answered with nothing");
	for (int i = 0; i < SINK_CHOICES; i++) {
		const struct gemini_choice *choice = &s->choices[i];

		if (!choice->seen)
			continue;
		if (choice->is_faulty && !choice->spoke)
			return err_set(err, ERR_UPSTREAM,
			    "the upstream's model ended without an answer");
		sink_choice(&s->sink, i);
		sink_finish(&s->sink, choice->finish ? choice->finish : "stop");
	}
	sink_end(&s->sink, &shown);
	c->finished = true;
	c->done_sent = c->ask->stream;
	return true;
}

/* ---- whole and streamed ------------------------------------------------------------------- */

struct gemini_reply *gemini_reply_new(struct call *c)
{
	struct gemini_reply *s = ARENA_NEW(c->arena, struct gemini_reply);

	if (c->ask->stream)
		sink_init(&s->sink, c->arena, NULL, c->ask, STR(""));
	return s;
}

enum step gemini_decode(struct call *c, struct gemini_reply *s, struct str body, struct buf *out,
    struct err *err)
{
	struct jval root = { 0 }, v[R_COUNT];

	if (jscan_value(body, &root) && google_error_inside(c, root, body, err))
		return STEP_FAILED;
	if (root.type != J_OBJECT) {
		(void)err_set(err, ERR_UPSTREAM_BODY, "the upstream's reply is not JSON");
		return STEP_FAILED;
	}
	convert_pick(root, root_names, v, R_COUNT);
	sink_init(&s->sink, c->arena, out, c->ask, jscan_text(c->arena, v[R_ID]));
	if (!say(c, s, v, err) || !finish(c, s, err))
		return STEP_FAILED;
	return adaptor_done(buf_ok(out), err);
}

bool gemini_event(struct call *c, struct gemini_reply *s, struct str data, struct buf *out,
    struct err *err)
{
	struct jval root = { 0 }, v[R_COUNT];

	if (c->failed || c->done_sent || str_eq_c(str_trim(data), "[DONE]"))
		return true;
	if (!jscan_value(data, &root) || (root.type != J_OBJECT && root.type != J_ARRAY))
		return err_set(err, ERR_UPSTREAM_BODY,
		    "the upstream sent an event that is not JSON");
	s->sink.out = out;
	if (google_error_inside(c, root, data, &c->failure)) {
		c->failed = true;
		return true;
	}
	convert_pick(root, root_names, v, R_COUNT);
	if (!s->started)
		sink_id(&s->sink, jscan_text(c->arena, v[R_ID]));
	c->failed = !say(c, s, v, &c->failure);
	c->finished = all_finished(s);
	return true;
}

bool gemini_end(struct call *c, struct gemini_reply *s, struct buf *out, struct err *err)
{
	if (s->started && !all_finished(s))
		return err_set(err, ERR_UPSTREAM_TRUNCATED,
		    "the upstream's stream ended before its reply was complete");
	s->sink.out = out;
	return finish(c, s, err);
}
