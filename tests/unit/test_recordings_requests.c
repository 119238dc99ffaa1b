/* test_recordings_requests.c — what real clients asked providers for, as the dialects ask for it
 *
 * Each request of ../shared/recordings becomes the OpenAI request that asks for the same
 * (recorded_request.h); the dialect of its provider writes that again, and what it wrote has to ask for
 * what the recording did, at the same path. A recorded request is one correct request, not the only
 * one: where ours may differ, a row says why. Recordings that are absent are skipped aloud. Run from
 * the top of the tree.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "provider/adaptor.h"
#include "provider/catalog.h"
#include "provider/providers.h"

#include "recorded_request.h"

#define RECORDINGS "../shared/recordings"

/* All of them are told, not the first alone. */
static int failures;
#define COMPLAIN(...) (print_error(__VA_ARGS__), print_error("\n"), failures++)

/* The first row of the folder whose `only` is in the URL or in the name is the one. */
static const struct family {
	const char *name, *only;
	int type;
	enum shape shape;
	enum mode mode;
	const char *config, *base_url;
} families[] = {
#define COMPATIBLE "https://a.example/v1"
#define REGION "\"region\":\"us-east-1\""
	/* clang-format off */
	{ "anthropic", "", 14, SHAPE_CLAUDE, MODE_CHAT, "", "" },
	{ "azure", "/responses", 3, SHAPE_OPENAI, MODE_RESPONSES, "{\"azure_style\":\"v1\"}", "https://a.example" },
	{ "azure", "", 3, SHAPE_OPENAI, MODE_CHAT, "{\"api_version\":\"2024-12-01-preview\"}", "https://a.example" },
	{ "bedrock", "/invoke", 33, SHAPE_CLAUDE, MODE_CHAT, "{" REGION "}", "" },
	{ "bedrock", "guardrail", 33, SHAPE_CONVERSE, MODE_CHAT, "{" REGION ",\"guardrail\":{"
		"\"id\":\"exampleguard1\",\"version\":\"DRAFT\",\"trace\":\"enabled\"}}", "" },
	{ "bedrock", "", 33, SHAPE_CONVERSE, MODE_CHAT, "{" REGION ",\"api_style\":\"converse\"}", "" },
	{ "cerebras", "", 50, SHAPE_OPENAI, MODE_CHAT, "", COMPATIBLE },
	{ "cohere", "", 35, SHAPE_COHERE, MODE_CHAT, "", "" },
	{ "deepseek", "/responses", 36, SHAPE_OPENAI, MODE_RESPONSES, "", "" },
	{ "deepseek", "", 36, SHAPE_OPENAI, MODE_CHAT, "", "" },
	{ "embeddings-bedrock", "", 33, SHAPE_EMBED, MODE_EMBEDDINGS, "{" REGION "}", "" },
	{ "embeddings-cohere", "", 35, SHAPE_EMBED, MODE_EMBEDDINGS, "", "" },
	{ "embeddings-gemini", "", 24, SHAPE_EMBED, MODE_EMBEDDINGS, "", "" },
	{ "embeddings-openai", "", 1, SHAPE_OPENAI, MODE_EMBEDDINGS, "", "" },
	{ "embeddings-vertex", "", 42, SHAPE_EMBED, MODE_EMBEDDINGS, "", "" },
	{ "embeddings-voyage", "", 50, SHAPE_OPENAI, MODE_EMBEDDINGS, "", COMPATIBLE },
	{ "gemini", "/openai/", 51, SHAPE_OPENAI, MODE_CHAT, "", "" },
	{ "gemini", "", 24, SHAPE_GEMINI, MODE_CHAT, "", "" },
	{ "groq", "", 29, SHAPE_OPENAI, MODE_CHAT, "", "" },
	{ "huggingface", "", 50, SHAPE_OPENAI, MODE_CHAT, "", COMPATIBLE },
	{ "mistral", "", 28, SHAPE_OPENAI, MODE_CHAT, "", "" },
	{ "ollama", "", 50, SHAPE_OPENAI, MODE_CHAT, "", COMPATIBLE },
	{ "openai-chat", "", 1, SHAPE_OPENAI, MODE_CHAT, "", "" },
	{ "openai-responses", "", 1, SHAPE_OPENAI, MODE_RESPONSES, "", "" },
	{ "openrouter", "", 20, SHAPE_OPENAI, MODE_CHAT, "", "" },
	{ "snowflake", "", 50, SHAPE_OPENAI, MODE_CHAT, "", COMPATIBLE },
	{ "vertex", "", 42, SHAPE_GEMINI, MODE_CHAT, "", "" },
	{ "zai", "", 50, SHAPE_OPENAI, MODE_CHAT, "", COMPATIBLE },
	/* clang-format on */
};

/* Recordings that no request of ours can be like, and why. */
static const struct listed {
	const char *name, *why;
} listed[] = {
	{ "anthropic/count-tokens", "no route counts tokens" },
	{ "anthropic/stream-tool-call",
	    "OpenAI's chat has no word for tools that are loaded later" },
	{ "bedrock/converse-prompt-cache", "a blank text is not sent, and its mark goes with it" },
	{ "bedrock/count-tokens-converse", "no route counts tokens" },
	{ "bedrock/invoke-text",
	    "instructions in mid-conversation go to the front, for all models" },
	{ "bedrock/mantle-responses-stream-tool-call",
	    "no channel type speaks Mantle's Responses" },
	{ "gemini/count-tokens", "no route counts tokens" },
	{ "openai-responses/count-tokens", "no route counts tokens" },
	{ "vertex/error-400-url",
	    "a tool's result with a file by URL has no word in OpenAI's chat" },
};

/* ---- asking -------------------------------------------------------------------------------------- */

struct room {
	struct arena *arena;
	struct catalog_channel channel;
	struct ask ask;
	struct call call;
	struct upstream_req sent;
	struct err err;
};

static bool ask_again(struct room *r, const struct family *f, const char *model, struct str body)
{
	struct channel row = { .id = 1,
		.type = f->type,
		.key = STR("ABSK-not-recorded"),
		.base_url = str_c(f->base_url),
		.config = str_c(f->config) };

	if (!catalog_channel_make(r->arena, &row, &r->channel, &r->err) ||
	    !ask_read(r->arena, f->mode, STR("application/json"), body, STR(""), &r->ask, &r->err))
		return false;
	r->call = (struct call){ .arena = r->arena,
		.ask = &r->ask,
		.channel = &r->channel,
		.provider = r->channel.provider,
		.key = row.key,
		.model = str_c(model),
		.stream = r->ask.stream };
	return r->channel.provider->adaptor->encode(&r->call, &r->sent, &r->err);
}

static struct str sent_body(struct room *r)
{
	const char *all = "";

	if (!r->sent.pieces)
		return r->sent.body;
	for (size_t i = 0; i < r->sent.piece_count; i++)
		all = arena_fmt(r->arena, "%s%.*s", all, STR_ARG(r->sent.pieces[i]));
	return str_c(all);
}

/* ---- comparing ------------------------------------------------------------------------------------ */

/* The model where it is in the path: …/models/NAME:verb, …/model/NAME/verb, …/deployments/NAME/… */
static const char *model_of(struct arena *a, const cJSON *body, struct str url)
{
	static const char *const marks[] = { "/models/", "/model/", "/deployments/" };
	char *name, *to;

	if (cJSON_IsString(at(body, "model")))
		return text_of(at(body, "model"));
	for (size_t i = 0; i < COUNT_OF(marks); i++) {
		size_t from = str_find_str(url, str_c(marks[i]));

		if (from == url.n)
			continue;
		name = to = str_dup(a, str_slice(url, from + strlen(marks[i]), url.n));
		for (char *p = name; *p && *p != '/' && *p != ':' && *p != '?'; p++) {
			unsigned byte;

			if (*p == '%' && sscanf(p + 1, "%2x", &byte) == 1) {
				*to++ = (char)byte;
				p += 2;
			} else {
				*to++ = *p;
			}
		}
		*to = '\0';
		return name;
	}
	return "m";
}

/* From the name of the task or model on: what stands before is the account's. */
static struct str path_end(struct str url)
{
	static const char *const marks[] = { "/chat/completions", "/responses", "/embeddings",
		"/v1/messages", "/v2/", "/publishers/", "/models/", "/model/", "/deployments/" };
	size_t end = str_find_str(url, STR("?beta=true"));

	url = str_slice(url, 0, end);
	for (size_t i = 0; i < COUNT_OF(marks); i++) {
		size_t from = str_find_str(url, str_c(marks[i]));

		if (from < url.n)
			return str_slice(url, from, url.n);
	}
	return url;
}

/* Where two trees part, innermost; NULL: nowhere. */
static const char *parting(struct arena *a, const cJSON *got, const cJSON *want, const char *path)
{
	const cJSON *item, *other;
	const char *found = NULL;

	if (cJSON_Compare(got, want, 1))
		return NULL;
	if (cJSON_IsArray(got) && cJSON_IsArray(want))
		for (int i = 0; !found && i < cJSON_GetArraySize(want); i++)
			found = parting(a, cJSON_GetArrayItem(got, i), cJSON_GetArrayItem(want, i),
			    arena_fmt(a, "%s.%d", path, i));
	if (cJSON_IsObject(got) && cJSON_IsObject(want))
		cJSON_ArrayForEach(item, want)
		{
			other = at(got, item->string);
			if (!found)
				found = parting(a, other, item,
				    arena_fmt(a, "%s.%s", path, item->string));
		}
	return found
	    ? found
	    : arena_fmt(a, "%s:\n got  %.400s\n want %.400s", path,
	          got ? json_print(a, got).p : "nothing", want ? json_print(a, want).p : "nothing");
}

static void compare(const char *name, struct room *r, const struct family *f, const cJSON *want,
    struct str url)
{
	struct buf unknown = buf_init(4096);
	cJSON *tree, *got;
	struct str path = path_end(buf_str(&r->sent.url));

	if (!json_parse(r->arena, sent_body(r), &tree, &r->err)) {
		COMPLAIN("%s: no JSON was sent", name);
		buf_release(&unknown);
		return;
	}
	got = as_openai(r->arena, f->shape, tree, &unknown);
	if (!at(want, "stream_options")) /* we ask every stream what it used */
		cJSON_DeleteItemFromObject(got, "stream_options");
	if (unknown.len)
		COMPLAIN("%s: sent unknown%s", name, unknown.data);
	if (!cJSON_Compare(got, want, 1))
		COMPLAIN("%s%s", name, parting(r->arena, got, want, ""));
	if (!str_eq(path, path_end(url)))
		COMPLAIN("%s: got path %.*s, want %.*s", name, STR_ARG(path),
		    STR_ARG(path_end(url)));
	cJSON_Delete(got);
	buf_release(&unknown);
}

/* What every client of the route says beside. */
static void complete(cJSON *ask, const char *model, bool stream)
{
	if (!at(ask, "model"))
		cJSON_AddStringToObject(ask, "model", model);
	if (stream && !at(ask, "stream"))
		cJSON_AddBoolToObject(ask, "stream", 1);
}

static void play(const char *name, const struct family *f, struct arena *a, const cJSON *meta)
{
	const cJSON *body = json_at(meta, "request.body");
	struct str url = json_str_at(meta, "request.url");
	const char *model = model_of(a, body, url);
	struct room r = { .arena = a };
	struct buf unknown = buf_init(4096);
	cJSON *want = as_openai(a, f->shape, body, &unknown), *ask = cJSON_Duplicate(want, 1);

	upstream_req_init(&r.sent, a);
	if (unknown.len)
		COMPLAIN("%s: the recording has unknown%s", name, unknown.data);
	complete(ask, model, cJSON_IsTrue(json_at(meta, "stream")));
	cJSON_DeleteItemFromObject(ask, "guardrail");
	if (ask_again(&r, f, model, json_print(a, ask)))
		compare(name, &r, f, want, url);
	else
		COMPLAIN("%s: refused: %s", name, r.err.msg);
	upstream_req_release(&r.sent);
	buf_release(&unknown);
	cJSON_Delete(ask);
	cJSON_Delete(want);
}

static const char *why_not(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(listed); i++)
		if (strcmp(listed[i].name, name) == 0)
			return listed[i].why;
	return NULL;
}

static const struct family *family_of(const char *folder, const char *name, struct str url)
{
	for (size_t i = 0; i < COUNT_OF(families); i++)
		if (strcmp(families[i].name, folder) == 0 &&
		    (strstr(name, families[i].only) || str_has(url, str_c(families[i].only))))
			return &families[i];
	return NULL;
}

static void play_file(const char *folder, const char *path, const char *name)
{
	const struct family *f;
	struct arena *a = arena_new(1 << 20);
	char *text = arena_alloc(a, 1 << 20);
	FILE *in = fopen(path, "rb");
	size_t n = in ? fread(text, 1, 1 << 20, in) : 0;
	struct err err = { 0 };
	cJSON *meta;

	assert_non_null(in);
	fclose(in);
	assert_true(json_parse(a, (struct str){ text, n }, &meta, &err));
	f = family_of(folder, name, json_str_at(meta, "request.url"));
	if (why_not(name))
		print_message("SKIPPED: %s: %s\n", name, why_not(name));
	else if (f)
		play(name, f, a, meta);
	else
		COMPLAIN("%s: no row for it", name);
	arena_free(a);
}

static size_t play_folder(const char *folder)
{
	char path[600], name[300];
	struct dirent *entry;
	size_t played = 0;
	DIR *dir;

	snprintf(path, sizeof(path), RECORDINGS "/%s", folder);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		if (!strstr(entry->d_name, ".json"))
			continue;
		snprintf(path, sizeof(path), RECORDINGS "/%s/%s", folder, entry->d_name);
		snprintf(name, sizeof(name), "%s/%.*s", folder,
		    (int)(strlen(entry->d_name) - strlen(".json")), entry->d_name);
		play_file(folder, path, name);
		played++;
	}
	if (dir)
		closedir(dir);
	return played;
}

static void test_requests(void **state)
{
	DIR *dir = opendir(RECORDINGS);
	struct dirent *entry;
	size_t played = 0;

	if (!dir) {
		print_message("SKIPPED: no recordings at " RECORDINGS "\n");
		skip();
	}
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			played += play_folder(entry->d_name);
	closedir(dir);
	print_message("%zu recorded requests\n", played);
	assert_int_equal(failures, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_requests) };

	return cmocka_run_group_tests_name("recordings_requests", tests, NULL, NULL);
}
