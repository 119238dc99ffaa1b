/* test_recordings_west.c — real exchanges of Cohere and of providers with manners, where they are
 *
 * Each reply of ../shared/recordings is given to the dialect of its provider, whole or streamed; what
 * the client gets must say what the recording says, read here by other means: text, number of calls,
 * usage. Recordings that are absent are skipped aloud. Run from the top of the tree.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "provider/adaptor.h"
#include "provider/catalog.h"
#include "provider/providers.h"

#define RECORDINGS "../shared/recordings"
#define OUT_LIMIT (16 * 1024 * 1024)

static const struct family {
	const char *name;
	int type;
	enum mode mode;
} families[] = {
	{ "cohere", 35, MODE_CHAT },
	{ "embeddings-cohere", 35, MODE_EMBEDDINGS },
	{ "mistral", 28, MODE_CHAT },
	{ "groq", 29, MODE_CHAT },
	{ "deepseek", 36, MODE_CHAT },
	{ "openrouter", 20, MODE_CHAT },
	{ "ollama", 50, MODE_CHAT },
	{ "huggingface", 50, MODE_CHAT },
	{ "cerebras", 50, MODE_CHAT },
};

struct told {
	struct buf text, thought;
	int64_t calls;
};

struct played {
	struct arena *arena;
	struct catalog_channel channel;
	struct ask ask;
	struct call call;
	struct buf out;
	struct err err;
	bool failed;
};

/* ---- what a reply says --------------------------------------------------------------------- */

static void add_parts(struct told *t, const cJSON *parts)
{
	const cJSON *part, *inner;

	cJSON_ArrayForEach(part, parts)
	{
		buf_add(&t->text, json_str_at(part, "text"));
		if (cJSON_IsString(json_at(part, "thinking")))
			buf_add(&t->thought, json_str_at(part, "thinking"));
		cJSON_ArrayForEach(inner, json_at(part, "thinking"))
		    buf_add(&t->thought, json_str_at(inner, "text"));
	}
}

static void tell_message(struct told *t, const cJSON *m)
{
	struct str thought = json_str_at(m, "reasoning_content");

	if (cJSON_IsArray(json_at(m, "content")))
		add_parts(t, json_at(m, "content"));
	else
		buf_add(&t->text, json_str_at(m, "content"));
	buf_add(&t->thought, thought.n ? thought : json_str_at(m, "reasoning"));
	buf_add(&t->thought, json_str_at(m, "tool_plan"));
	t->calls += json_at(m, "tool_calls.0.function.name") != NULL;
}

static void tell(struct told *t, const cJSON *tree)
{
	const cJSON *choice;

	if (json_at(tree, "message"))
		tell_message(t, json_at(tree, "message"));
	cJSON_ArrayForEach(choice, json_at(tree, "choices"))
	{
		const cJSON *whole = json_at(choice, "message");

		tell_message(t, whole ? whole : json_at(choice, "delta"));
	}
}

static void tell_all(struct arena *a, struct told *t, struct str text)
{
	struct err err = { 0 };
	struct str line;
	cJSON *tree;

	t->text = buf_init(OUT_LIMIT);
	t->thought = buf_init(OUT_LIMIT);
	if (json_parse(a, text, &tree, &err)) {
		tell(t, tree);
		return;
	}
	while (str_next(&text, '\n', &line))
		if (str_starts(line, STR("data: ")) &&
		    json_parse(a, str_trim(str_slice(line, 6, line.n)), &tree, &err) &&
		    !json_at(tree, "error"))
			tell(t, tree);
}

/* ---- playing ----------------------------------------------------------------------------- */

static bool take_event(void *arg, const struct frame_event *event, struct err *err)
{
	struct played *p = arg;
	struct arena_mark mark = arena_mark(p->arena);
	bool ok = p->failed || p->call.provider->adaptor->on_event(&p->call, event, &p->out, err);

	arena_rewind(p->arena, mark);
	p->failed |= p->call.failed;
	return ok;
}

/* Byte by byte. */
static void play_stream(struct played *p, struct str text)
{
	struct frame_reader in;

	p->call.provider->adaptor->frame_init(&in, take_event, p);
	for (size_t i = 0; i < text.n && !p->failed; i++)
		p->failed = !frame_feed(&in, str_slice(text, i, i + 1), &p->err) || p->failed;
	if (!p->failed)
		p->failed = !frame_end(&in, &p->err) ||
		    !p->call.provider->adaptor->on_end(&p->call, &p->out, &p->err);
	frame_release(&in);
}

static void begin(struct played *p, const struct family *f, bool stream)
{
	struct channel row = { .id = 1,
		.type = f->type,
		.key = STR("not-recorded"),
		.base_url = f->type == 50 ? STR("https://e.example/v1") : STR("") };
	const char *body = f->mode == MODE_EMBEDDINGS ? "{\"model\":\"m\",\"input\":\"x\"}"
	    : stream ? "{\"model\":\"m\",\"stream\":true,\"messages\":[{\"role\":\"user\","
	               "\"content\":\"x\"}]}"
	             : "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}";
	struct upstream_req sent;

	p->out = buf_init(OUT_LIMIT);
	upstream_req_init(&sent, p->arena);
	assert_true(catalog_channel_make(p->arena, &row, &p->channel, &p->err));
	assert_true(ask_read(p->arena, f->mode, STR("application/json"), str_c(body), STR(""),
	    &p->ask, &p->err));
	p->call = (struct call){ .arena = p->arena,
		.ask = &p->ask,
		.channel = &p->channel,
		.provider = p->channel.provider,
		.key = row.key,
		.model = p->ask.model,
		.stream = stream };
	assert_true(p->call.provider->adaptor->encode(&p->call, &sent, &p->err));
	upstream_req_release(&sent);
}

static void compare(struct played *p, const char *name, struct str reply)
{
	struct told want = { 0 }, got = { 0 };

	tell_all(p->arena, &want, reply);
	tell_all(p->arena, &got, buf_str(&p->out));
	if (!str_eq(buf_str(&got.text), buf_str(&want.text)) ||
	    !str_eq(buf_str(&got.thought), buf_str(&want.thought)) || got.calls != want.calls)
		fail_msg("%s: got %.*s | %.*s | %lld calls, want %.*s | %.*s | %lld calls", name,
		    STR_ARG(buf_str(&got.text)), STR_ARG(buf_str(&got.thought)),
		    (long long)got.calls, STR_ARG(buf_str(&want.text)),
		    STR_ARG(buf_str(&want.thought)), (long long)want.calls);
	if (str_has(reply, STR("_tokens\"")) && !p->failed && !p->call.usage.reported)
		fail_msg("%s: the usage was not seen", name);
	buf_release(&want.text);
	buf_release(&want.thought);
	buf_release(&got.text);
	buf_release(&got.thought);
}

static bool play(const struct family *f, const char *path)
{
	struct played p = { .arena = arena_new(256 * 1024) };
	struct buf file = buf_init(OUT_LIMIT);
	FILE *in = fopen(path, "rb");
	char *to = buf_reserve(&file, 4 * 1024 * 1024);
	cJSON *meta = NULL;
	struct str text;
	bool stream, broken;

	assert_true(in != NULL && to != NULL);
	buf_commit(&file, fread(to, 1, 4 * 1024 * 1024, in));
	fclose(in);
	assert_true(json_parse(p.arena, buf_str(&file), &meta, &p.err));
	stream = json_at(meta, "response.body_text") != NULL;
	text = stream ? json_str_at(meta, "response.body_text")
	              : json_print(p.arena, json_at(meta, "response.body"));
	if (str_has(json_str_at(meta, "request.url"), STR("/responses"))) {
		printf("SKIPPED: %s is of another mode\n", path);
	} else {
		int64_t status = json_int_at(meta, "response.status", 0);

		begin(&p, f, stream);
		broken = status >= 400 || str_has(text, STR("\"error\":{"));
		if (status >= 400) {
			p.failed = true;
			p.call.provider->adaptor->error(&p.call, (int)status, text, &p.err);
		} else if (stream) {
			play_stream(&p, text);
		} else {
			p.failed = p.call.provider->adaptor->decode(&p.call, text, &p.out,
			               &p.err) != STEP_DONE;
		}
		if (p.failed != broken)
			fail_msg("%s: failed %d, want %d (%s)", path, p.failed, broken, p.err.msg);
		if (status < 400 && f->mode == MODE_CHAT)
			compare(&p, path, text);
		buf_release(&p.out);
	}
	buf_release(&file);
	arena_free(p.arena);
	return true;
}

static void test_families(void **state)
{
	size_t played = 0;

	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		char path[512];
		struct dirent *entry;
		DIR *dir;

		snprintf(path, sizeof path, RECORDINGS "/%s", families[i].name);
		dir = opendir(path);
		if (!dir) {
			printf("SKIPPED: no recordings at %s\n", path);
			continue;
		}
		while ((entry = readdir(dir))) {
			if (entry->d_name[0] == '.')
				continue;
			snprintf(path, sizeof path, RECORDINGS "/%s/%s", families[i].name,
			    entry->d_name);
			played += play(&families[i], path);
		}
		closedir(dir);
	}
	printf("%zu recordings\n", played);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_families) };

	return cmocka_run_group_tests_name("recordings_west", tests, NULL, NULL);
}
