/* test_recordings_claude.c — recorded replies of Anthropic and Bedrock through their dialects
 *
 * What a recorded reply says is read here by the test's own means, with cJSON and a naive reader of
 * frames, and must be what the client gets: text, reasoning, calls, how it ended, tokens. The
 * recordings are not part of the product; where they are absent the test says so and passes. Run from
 * the top of the tree.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "base/json.h"
#include "provider/adaptor.h"
#include "provider/catalog.h"
#include "provider/providers.h"

#define RECORDINGS "../shared/recordings"
#define LIMIT (64 * 1024 * 1024)

/* Exchanges that no route of the gateway makes. */
static const char *const not_ours[] = { "count-tokens.json", "count-tokens-converse.json",
	"mantle-responses-stream-tool-call.json" };

/* What a reply says, of whichever kind. */
struct told {
	struct buf text, reasoning, calls;
	char finish[32];
	int64_t prompt, completion, cached, written;
	size_t signatures, vectors;
};

static void told_init(struct told *t)
{
	*t = (struct told){ .text = buf_init(LIMIT),
		.reasoning = buf_init(LIMIT),
		.calls = buf_init(LIMIT) };
}

static void told_release(struct told *t)
{
	buf_release(&t->text);
	buf_release(&t->reasoning);
	buf_release(&t->calls);
}

static void set_finish(struct told *t, struct str reason)
{
	static const struct {
		const char *theirs, *ours;
	} known[] = { { "tool_use", "tool_calls" }, { "max_tokens", "length" },
		{ "refusal", "content_filter" }, { "guardrail_intervened", "content_filter" } };

	if (!reason.n)
		return;
	snprintf(t->finish, sizeof(t->finish), "stop");
	for (size_t i = 0; i < COUNT_OF(known); i++)
		if (str_eq_c(reason, known[i].theirs))
			snprintf(t->finish, sizeof(t->finish), "%s", known[i].ours);
}

static void take(const cJSON *usage, const char *name, int64_t *n)
{
	*n = json_int_at(usage, name, *n);
}

/* ---- Anthropic's side -------------------------------------------------------------------------- */

struct counts {
	int64_t input, read, write, output;
};

static void read_counts(const cJSON *usage, struct counts *n)
{
	take(usage, "input_tokens", &n->input);
	take(usage, "cache_read_input_tokens", &n->read);
	take(usage, "cache_creation_input_tokens", &n->write);
	take(usage, "output_tokens", &n->output);
	take(usage, "inputTokens", &n->input);
	take(usage, "cacheReadInputTokens", &n->read);
	take(usage, "cacheWriteInputTokens", &n->write);
	take(usage, "outputTokens", &n->output);
}

static void sum_counts(struct told *t, const struct counts *n)
{
	t->prompt = n->input + n->read + n->write;
	t->completion = n->output;
	t->cached = n->read;
	t->written = n->write;
}

/* A block of a whole reply; what Converse calls a block, too. */
static void tell_block(struct arena *a, struct told *t, const cJSON *b)
{
	struct str type = json_str_at(b, "type");
	const cJSON *tool = json_at(b, "toolUse");

	buf_add(&t->text, json_str_at(b, "text"));
	buf_add(&t->reasoning, json_str_at(b, "thinking"));
	buf_add(&t->reasoning, json_str_at(b, "reasoningContent.reasoningText.text"));
	t->signatures += json_str_at(b, "signature").n > 0 || str_eq_c(type, "redacted_thinking") ||
	    json_str_at(b, "reasoningContent.reasoningText.signature").n > 0;
	if (str_eq_c(type, "tool_use"))
		tool = b;
	if (tool) {
		buf_add(&t->calls, json_str_at(tool, "name"));
		buf_add(&t->calls, json_print(a, json_at(tool, "input")));
	}
}

static void tell_whole(struct arena *a, struct told *t, const cJSON *body)
{
	const cJSON *list = json_at(body, "content"), *b;
	struct counts n = { 0 };

	if (!list)
		list = json_at(body, "output.message.content");
	cJSON_ArrayForEach(b, list) tell_block(a, t, b);
	set_finish(t, json_str_at(body, "stop_reason"));
	set_finish(t, json_str_at(body, "stopReason"));
	read_counts(json_at(body, "usage"), &n);
	sum_counts(t, &n);
	t->vectors = (size_t)cJSON_GetArraySize(json_at(body, "embeddings.float"));
}

/* An event of either stream; theirs: is the open block a call of ours rather than of the server's? */
static void tell_event(struct told *t, const cJSON *e, struct counts *n, bool *ours)
{
	struct str type = json_str_at(e, "content_block.type");

	if (type.n) {
		*ours = str_eq_c(type, "tool_use");
		t->signatures += str_eq_c(type, "redacted_thinking");
		buf_add(&t->calls, *ours ? json_str_at(e, "content_block.name") : STR(""));
	}
	buf_add(&t->calls, json_str_at(e, "start.toolUse.name"));
	buf_add(&t->text, json_str_at(e, "delta.text"));
	buf_add(&t->reasoning, json_str_at(e, "delta.thinking"));
	buf_add(&t->reasoning, json_str_at(e, "delta.reasoningContent.text"));
	buf_add(&t->calls, *ours ? json_str_at(e, "delta.partial_json") : STR(""));
	buf_add(&t->calls, json_str_at(e, "delta.toolUse.input"));
	t->signatures += json_str_at(e, "delta.signature").n > 0;
	t->signatures += json_str_at(e, "delta.reasoningContent.signature").n > 0;
	set_finish(t, json_str_at(e, "delta.stop_reason"));
	set_finish(t, json_str_at(e, "stopReason"));
	read_counts(json_at(e, "message.usage"), n);
	read_counts(json_at(e, "usage"), n);
}

static void tell_sse(struct arena *a, struct told *t, struct str stream)
{
	struct counts n = { 0 };
	struct err err = { 0 };
	bool ours = false;
	struct str line;
	cJSON *tree;

	while (str_next(&stream, '\n', &line))
		if (str_starts(line, STR("data: ")) &&
		    json_parse(a, str_trim(str_slice(line, 6, line.n)), &tree, &err))
			tell_event(t, tree, &n, &ours);
	sum_counts(t, &n);
}

static size_t u32(struct str s, size_t at)
{
	size_t n = 0;

	for (size_t i = 0; i < 4; i++)
		n = n << 8 | (unsigned char)s.p[at + i];
	return n;
}

static void tell_frames(struct arena *a, struct told *t, struct str bytes)
{
	struct counts n = { 0 };
	struct err err = { 0 };
	bool ours = false;
	cJSON *tree;

	while (bytes.n >= 16) {
		size_t total = u32(bytes, 0), headers = u32(bytes, 4);

		if (json_parse(a, str_slice(bytes, 12 + headers, total - 4), &tree, &err))
			tell_event(t, tree, &n, &ours);
		bytes = str_slice(bytes, total, bytes.n);
	}
	sum_counts(t, &n);
}

/* ---- the client's side ------------------------------------------------------------------------- */

static void tell_message(struct told *t, const cJSON *m)
{
	const cJSON *call, *detail;

	buf_add(&t->text, json_str_at(m, "content"));
	buf_add(&t->reasoning, json_str_at(m, "reasoning_content"));
	cJSON_ArrayForEach(call, json_at(m, "tool_calls"))
	{
		buf_add(&t->calls, json_str_at(call, "function.name"));
		buf_add(&t->calls, json_str_at(call, "function.arguments"));
	}
	cJSON_ArrayForEach(detail, json_at(m, "reasoning_details")) t->signatures +=
	    json_str_at(detail, "signature").n > 0 || json_str_at(detail, "data").n > 0;
}

static void tell_reply(struct told *t, const cJSON *r)
{
	struct str finish = json_str_at(r, "choices.0.finish_reason");

	tell_message(t, json_at(r, "choices.0.message"));
	tell_message(t, json_at(r, "choices.0.delta"));
	if (finish.n)
		snprintf(t->finish, sizeof(t->finish), "%.*s", STR_ARG(finish));
	take(r, "usage.prompt_tokens", &t->prompt);
	take(r, "usage.completion_tokens", &t->completion);
	take(r, "usage.prompt_tokens_details.cached_tokens", &t->cached);
	take(r, "usage.prompt_tokens_details.cache_write_tokens", &t->written);
	t->vectors += (size_t)cJSON_GetArraySize(json_at(r, "data"));
}

static void tell_output(struct arena *a, struct told *t, struct str out)
{
	struct err err = { 0 };
	struct str line;
	cJSON *tree;

	if (!str_starts(out, STR("data: "))) {
		if (!json_parse(a, out, &tree, &err))
			fail_msg("not JSON: %.*s", STR_ARG(out));
		tell_reply(t, tree);
		return;
	}
	while (str_next(&out, '\n', &line))
		if (str_starts(line, STR("data: {")) &&
		    json_parse(a, str_slice(line, 6, line.n), &tree, &err))
			tell_reply(t, tree);
}

/* ---- one recording ----------------------------------------------------------------------------- */

struct played {
	struct arena *arena;
	const char *path;
	const cJSON *meta;
	struct catalog_channel channel;
	struct ask ask;
	struct call call;
	struct buf out;
	struct err err;
};

static struct str read_file(struct arena *a, const char *path)
{
	FILE *f = fopen(path, "rb");
	struct buf b = buf_init(LIMIT);
	struct str text;
	size_t n;

	if (!f)
		fail_msg("%s: cannot be read", path);
	do {
		char *to = buf_reserve(&b, 65536);

		n = fread(to, 1, 65536, f);
		buf_commit(&b, n);
	} while (n);
	fclose(f);
	text = arena_str(a, buf_str(&b));
	buf_release(&b);
	return text;
}

/* "…/model/ID/converse" → ID. */
static struct str model_of(struct arena *a, const cJSON *meta)
{
	struct str url = json_str_at(meta, "request.url"),
	           model = json_str_at(meta, "request.body.model");
	size_t at = str_find_str(url, STR("/model/"));

	if (model.n)
		return model;
	url = str_slice(url, at + 7, url.n);
	return url_decode(a, str_slice(url, 0, str_find(url, '/')), false);
}

static void encode(struct played *p, int type, bool stream, bool embeds)
{
	struct channel row = { .id = 1, .type = type, .key = STR("ABSKnone") };
	struct str url = json_str_at(p->meta, "request.url");
	struct upstream_req sent;
	const char *request = arena_fmt(p->arena,
	    "{\"model\":\"%.*s\",\"stream\":%s,\"stream_options\":{\"include_usage\":true},"
	    "\"input\":[\"x\"],\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}",
	    STR_ARG(model_of(p->arena, p->meta)), stream ? "true" : "false");

	row.config = str_has(url, STR("/converse"))
	    ? STR("{\"region\":\"us-east-1\",\"api_style\":\"converse\"}")
	    : STR("{\"region\":\"us-east-1\"}");
	upstream_req_init(&sent, p->arena);
	p->out = buf_init(LIMIT);
	assert_true(catalog_channel_make(p->arena, &row, &p->channel, &p->err));
	assert_true(ask_read(p->arena, embeds ? MODE_EMBEDDINGS : MODE_CHAT,
	    STR("application/json"), str_c(request), STR(""), &p->ask, &p->err));
	p->call = (struct call){ .arena = p->arena,
		.ask = &p->ask,
		.channel = &p->channel,
		.provider = p->channel.provider,
		.key = row.key,
		.model = p->ask.model,
		.stream = stream };
	if (!p->channel.provider->adaptor->encode(&p->call, &sent, &p->err))
		fail_msg("%s: %s", p->path, p->err.msg);
	if (type == 33 && !str_eq(buf_str(&sent.url), url))
		fail_msg("%s: url\n got  %s\n want %.*s", p->path, sent.url.data, STR_ARG(url));
	upstream_req_release(&sent);
}

static void see_head(struct played *p)
{
	struct headers headers;
	const cJSON *h;

	headers_init(&headers, p->arena);
	cJSON_ArrayForEach(h, json_at(p->meta, "response.headers"))
	    headers_add_c(&headers, h->string, h->valuestring);
	if (p->channel.provider->adaptor->on_head)
		p->channel.provider->adaptor->on_head(&p->call, &headers);
}

static bool take_event(void *arg, const struct frame_event *event, struct err *err)
{
	struct played *p = arg;
	struct arena_mark mark = arena_mark(p->arena);
	bool ok = p->channel.provider->adaptor->on_event(&p->call, event, &p->out, err);

	arena_rewind(p->arena, mark);
	return ok && !p->call.failed;
}

static void play_stream(struct played *p, struct str bytes)
{
	const struct adaptor *adaptor = p->channel.provider->adaptor;
	struct frame_reader in;
	bool ok = true;

	adaptor->frame_init(&in, take_event, p);
	for (size_t i = 0; ok && i < bytes.n; i += 7)
		ok = frame_feed(&in, str_slice(bytes, i, i + 7), &p->err);
	if (!ok || !frame_end(&in, &p->err) || !adaptor->on_end(&p->call, &p->out, &p->err))
		fail_msg("%s: %s", p->path, p->err.msg);
	frame_release(&in);
}

static void compare(const struct played *p, const struct told *got, const struct told *want)
{
	const struct {
		const char *name;
		int64_t got, want;
	} numbers[] = { { "prompt tokens", got->prompt, want->prompt },
		{ "completion tokens", got->completion, want->completion },
		{ "cached tokens", got->cached, want->cached },
		{ "tokens written", got->written, want->written },
		{ "signatures", (int64_t)got->signatures, (int64_t)want->signatures },
		{ "vectors", (int64_t)got->vectors, (int64_t)want->vectors } };

	if (!str_eq(buf_str(&got->text), buf_str(&want->text)) ||
	    !str_eq(buf_str(&got->reasoning), buf_str(&want->reasoning)) ||
	    !str_eq(buf_str(&got->calls), buf_str(&want->calls)) ||
	    strcmp(got->finish, want->finish))
		fail_msg("%s:\n got  %s|%s|%s|%s\n want %s|%s|%s|%s", p->path, got->text.data,
		    got->reasoning.data, got->calls.data, got->finish, want->text.data,
		    want->reasoning.data, want->calls.data, want->finish);
	for (size_t i = 0; i < COUNT_OF(numbers); i++)
		if (numbers[i].got != numbers[i].want)
			fail_msg("%s: %s: got %lld, want %lld", p->path, numbers[i].name,
			    (long long)numbers[i].got, (long long)numbers[i].want);
}

static struct str decoded(struct arena *a, struct str base64)
{
	char *bytes = arena_alloc(a, base64.n);
	int n =
	    EVP_DecodeBlock((unsigned char *)bytes, (const unsigned char *)base64.p, (int)base64.n);

	for (size_t i = base64.n; i && base64.p[i - 1] == '='; i--)
		n--;
	return (struct str){ bytes, (size_t)n };
}

static void play_reply(struct played *p, struct told *want)
{
	const cJSON *body = json_at(p->meta, "response.body");
	struct str text = json_str_at(p->meta, "response.body_text");
	struct str base64 = json_str_at(p->meta, "response.body_base64");

	if (text.n) {
		tell_sse(p->arena, want, text);
		play_stream(p, text);
	} else if (base64.n) {
		base64 = decoded(p->arena, base64);
		tell_frames(p->arena, want, base64);
		play_stream(p, base64);
	} else {
		tell_whole(p->arena, want, body);
		if (p->channel.provider->adaptor->decode(&p->call, json_print(p->arena, body),
		        &p->out, &p->err) != STEP_DONE)
			fail_msg("%s: %s", p->path, p->err.msg);
	}
}

static void play(const char *path, int type)
{
	struct played p = { .arena = arena_new(1 << 20), .path = path };
	struct told want, got;
	cJSON *meta;
	int64_t status;
	bool embeds;

	told_init(&want);
	told_init(&got);
	if (!json_parse(p.arena, read_file(p.arena, path), &meta, &p.err))
		fail_msg("%s: %s", path, p.err.msg);
	p.meta = meta;
	status = json_int_at(meta, "response.status", 0);
	embeds = str_has(json_str_at(meta, "family"), STR("embeddings"));
	encode(&p, type, json_bool_at(meta, "stream", false), embeds);
	see_head(&p);
	if (status >= 400) {
		p.channel.provider->adaptor->error(&p.call, (int)status,
		    json_print(p.arena, json_at(meta, "response.body")), &p.err);
		if (err_status(&p.err) != (int)status || !p.err.msg[0])
			fail_msg("%s: status %d: %s", path, err_status(&p.err), p.err.msg);
	} else {
		play_reply(&p, &want);
		tell_output(p.arena, &got, buf_str(&p.out));
		if (embeds) /* counted in the head alone */
			want.prompt = got.prompt == 3 ? got.prompt : 3;
		compare(&p, &got, &want);
	}
	told_release(&want);
	told_release(&got);
	buf_release(&p.out);
	arena_free(p.arena);
}

static size_t play_folder(const char *family, int type)
{
	char path[512];
	struct dirent *entry;
	size_t played = 0;
	DIR *dir;

	snprintf(path, sizeof(path), RECORDINGS "/%s", family);
	dir = opendir(path);
	if (!dir) {
		print_message("SKIPPED: no recordings at %s\n", path);
		return 0;
	}
	while ((entry = readdir(dir))) {
		bool ours = strstr(entry->d_name, ".json");

		for (size_t i = 0; i < COUNT_OF(not_ours); i++)
			ours = ours && strcmp(entry->d_name, not_ours[i]) != 0;
		if (!ours)
			continue;
		snprintf(path, sizeof(path), RECORDINGS "/%s/%s", family, entry->d_name);
		play(path, type);
		played++;
	}
	closedir(dir);
	print_message("%zu recordings of %s\n", played, family);
	return played;
}

static void test_anthropic(void **state)
{
	(void)play_folder("anthropic", 14);
}

static void test_bedrock(void **state)
{
	(void)play_folder("bedrock", 33);
	(void)play_folder("embeddings-bedrock", 33);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_anthropic),
		cmocka_unit_test(test_bedrock),
	};

	return cmocka_run_group_tests_name("recordings_claude", tests, NULL, NULL);
}
