/* Google's accounts: claims, the cache of tokens, steps of an exchange; and its recorded replies */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/base64url.h"
#include "base/clock.h"
#include "base/json.h"
#include "provider/adaptor.h"
#include "provider/catalog.h"
#include "provider/gemini.h"
#include "provider/vertex.h"

#define RECORDINGS "../shared/recordings"
#define OUT_LIMIT (16 * 1024 * 1024)

static const char plain[] =
    "{\"model\":\"gemini-2.5-flash\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}";

/* ---- claims ------------------------------------------------------------------------------ */

/* A fresh key as PEM, in the arena. */
static struct str make_key(struct arena *a, EVP_PKEY **key)
{
	BIO *out = BIO_new(BIO_s_mem());
	struct str pem;
	char *p;
	long n;

	*key = EVP_RSA_gen(2048);
	assert_non_null(*key);
	assert_int_equal(PEM_write_bio_PrivateKey(out, *key, NULL, NULL, 0, NULL, NULL), 1);
	n = BIO_get_mem_data(out, &p);
	pem = arena_str(a, (struct str){ p, (size_t)n });
	BIO_free(out);
	return pem;
}

static struct vertex_account demo_account(void)
{
	return (struct vertex_account){ .email = STR("svc@demo.iam.gserviceaccount.com"),
		.private_key_id = STR("kid-1"),
		.token_uri = STR("https://oauth2.googleapis.com/token") };
}

/* What RFC 7515 makes of Google's documented header and claims. */
static void test_claim_text(void **state)
{
	static const char want[] =
	    "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImtpZC0xIn0."
	    "eyJpc3MiOiJzdmNAZGVtby5pYW0uZ3NlcnZpY2VhY2NvdW50LmNvbSIsInNjb3BlIjoiaHR0cHM6Ly93d3cu"
	    "Z29vZ2xlYXBpcy5jb20vYXV0aC9jbG91ZC1wbGF0Zm9ybSIsImF1ZCI6Imh0dHBzOi8vb2F1dGgyLmdvb2ds"
	    "ZWFwaXMuY29tL3Rva2VuIiwiaWF0IjoxNzAwMDAwMDAwLCJleHAiOjE3MDAwMDM2MDB9";
	struct vertex_account account = demo_account();
	struct arena *a = arena_new(4096);
	struct str got = vertex_claim_text(a, &account, 1700000000);

	if (!str_eq_c(got, want))
		fail_msg("claim: got %.*s, want %s", STR_ARG(got), want);
	arena_free(a);
}

static void test_signature(void **state)
{
	struct arena *a = arena_new(4096);
	struct vertex_account account = demo_account();
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	struct str jwt, text, signature;
	struct err err = { 0 };
	EVP_PKEY *key;

	account.private_key = make_key(a, &key);
	assert_true(vertex_claim(a, &account, 1700000000, &jwt, &err));
	text = vertex_claim_text(a, &account, 1700000000);
	assert_true(str_starts(jwt, text));
	assert_true(base64url_decode(a, str_slice(jwt, text.n + 1, jwt.n), &signature));
	assert_int_equal(EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key), 1);
	assert_int_equal(EVP_DigestVerify(ctx, (const unsigned char *)signature.p, signature.n,
	                     (const unsigned char *)text.p, text.n),
	    1);
	account.private_key = STR("-----BEGIN PRIVATE KEY-----\n");
	assert_false(vertex_claim(a, &account, 1700000000, &jwt, &err));
	assert_int_equal(err.kind, ERR_UPSTREAM_AUTH);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	arena_free(a);
}

/* ---- the cache ---------------------------------------------------------------------------- */

static void key_of(const char *name, uint8_t key[TOKEN_KEY_BYTES])
{
	struct str part = str_c(name);

	token_cache_key(&part, 1, key);
}

static void test_cache(void **state)
{
	struct arena *a = arena_new(4096);
	uint8_t one[TOKEN_KEY_BYTES], two[TOKEN_KEY_BYTES];
	struct str token = { 0 };

	key_of("one", one);
	key_of("two", two);
	assert_memory_not_equal(one, two, TOKEN_KEY_BYTES);
	assert_false(token_cache_get(one, a, &token));
	token_cache_put(one, STR("t1"), 3600);
	assert_true(token_cache_get(one, a, &token));
	assert_true(str_eq_c(token, "t1"));
	assert_false(token_cache_get(two, a, &token));

	/* five minutes before its end one caller is sent for the next, the others go on */
	clock_test_advance(INT64_C(3301) * 1000);
	assert_false(token_cache_get(one, a, &token));
	assert_true(token_cache_get(one, a, &token));
	/* whoever was sent did not come back */
	clock_test_advance(31 * 1000);
	assert_false(token_cache_get(one, a, &token));
	assert_true(token_cache_get(one, a, &token));
	/* a minute before its end nobody gets it */
	clock_test_advance(220 * 1000);
	assert_false(token_cache_get(one, a, &token));
	assert_false(token_cache_get(one, a, &token));

	token_cache_put(one, STR("t2"), 3600);
	token_cache_drop(one, STR("t1"));
	assert_true(token_cache_get(one, a, &token));
	token_cache_drop(one, STR("t2"));
	assert_false(token_cache_get(one, a, &token));
	token_cache_put(one, STR("short"), 30);
	assert_false(token_cache_get(one, a, &token));
	arena_free(a);
}

/* More accounts than places: the newest are there. */
static void test_cache_full(void **state)
{
	struct arena *a = arena_new(4096);
	struct str token = { 0 };
	uint8_t key[TOKEN_KEY_BYTES];

	for (int i = 0; i < 1000; i++) {
		key_of(arena_fmt(a, "account %d", i), key);
		token_cache_put(key, str_c(arena_fmt(a, "token %d", i)), 3600 + i);
	}
	assert_true(token_cache_get(key, a, &token));
	assert_true(str_eq_c(token, "token 999"));
	key_of("account 0", key);
	assert_false(token_cache_get(key, a, &token));
	arena_free(a);
}

/* ---- an exchange of several calls --------------------------------------------------------- */

struct room {
	struct arena *arena;
	struct catalog_channel channel;
	struct ask ask;
	struct call call;
	struct upstream_req sent;
	struct buf out;
	struct err err;
};

static void open_room(struct room *r, const struct channel *row, const char *request)
{
	memset(r, 0, sizeof(*r));
	r->arena = arena_new(64 * 1024);
	r->out = buf_init(OUT_LIMIT);
	assert_true(catalog_channel_make(r->arena, row, &r->channel, &r->err));
	assert_true(ask_read(r->arena, MODE_CHAT, STR("application/json"), str_c(request), STR(""),
	    &r->ask, &r->err));
	r->call = (struct call){ .arena = r->arena,
		.ask = &r->ask,
		.channel = &r->channel,
		.provider = r->channel.provider,
		.key = r->channel.row.key,
		.model = r->ask.model,
		.stream = r->ask.stream };
	upstream_req_init(&r->sent, r->arena);
}

static void encode(struct room *r)
{
	upstream_req_release(&r->sent);
	upstream_req_init(&r->sent, r->arena);
	if (!r->call.provider->adaptor->encode(&r->call, &r->sent, &r->err))
		fail_msg("encode: %s (%s)", r->err.msg, r->err.detail);
}

static void close_room(struct room *r)
{
	upstream_req_release(&r->sent);
	buf_release(&r->out);
	arena_free(r->arena);
}

static bool asks_for_token(const struct room *r)
{
	return str_eq_c(buf_str(&r->sent.url), "https://oauth2.googleapis.com/token") &&
	    str_starts(r->sent.body,
	        STR("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion="));
}

static void take_token(struct room *r, const char *reply)
{
	assert_int_equal(
	    r->call.provider->adaptor->decode(&r->call, str_c(reply), &r->out, &r->err), STEP_NEXT);
	r->call.step++;
	encode(r);
}

static bool has_token(const struct room *r, const char *token)
{
	char want[64];

	(void)snprintf(want, sizeof(want), "Bearer %s", token);
	return str_eq_c(headers_get(&r->sent.headers, "Authorization"), want);
}

/* The token is asked for once, kept, and asked for again when the upstream refuses it, once. */
static void test_steps(void **state)
{
	struct arena *a = arena_new(4096);
	struct channel row = { .id = 1, .type = 42 };
	struct buf json = buf_init(65536);
	const struct adaptor *vertex;
	struct room r;
	EVP_PKEY *key;

	buf_add(&json, STR("{\"client_email\":\"a@b\",\"project_id\":\"p\",\"private_key\":"));
	json_add_str(&json, make_key(a, &key));
	buf_add_char(&json, '}');
	EVP_PKEY_free(key);
	row.key = buf_str(&json);

	open_room(&r, &row, plain);
	vertex = r.channel.provider->adaptor;
	encode(&r);
	assert_true(asks_for_token(&r));
	take_token(&r, "{\"access_token\":\"A\",\"expires_in\":3599}");
	assert_true(has_token(&r, "A"));
	assert_true(vertex->again(&r.call, 401, STR("")));
	r.call.step++;
	encode(&r);
	assert_true(asks_for_token(&r));
	take_token(&r, "{\"access_token\":\"B\",\"expires_in\":3599}");
	assert_true(has_token(&r, "B"));
	assert_false(vertex->again(&r.call, 401, STR("")));
	close_room(&r);

	open_room(&r, &row, plain);
	encode(&r);
	assert_true(has_token(&r, "B"));
	assert_false(vertex->again(&r.call, 500, STR("")));
	close_room(&r);

	clock_test_advance(INT64_C(3600) * 1000);
	open_room(&r, &row, plain);
	encode(&r);
	assert_true(asks_for_token(&r));
	assert_int_equal(vertex->decode(&r.call, STR("{}"), &r.out, &r.err), STEP_FAILED);
	assert_int_equal(r.err.kind, ERR_UPSTREAM_AUTH);
	close_room(&r);
	buf_release(&json);
	arena_free(a);
}

/* ---- memory -------------------------------------------------------------------------------- */

static bool take_event(void *arg, const struct frame_event *event, struct err *err)
{
	struct room *r = arg;
	struct arena_mark mark = arena_mark(r->arena);
	bool ok = r->call.provider->adaptor->on_event(&r->call, event, &r->out, err);

	arena_rewind(r->arena, mark);
	return ok;
}

/* An hour of events costs what one costs. */
static void test_stream_memory(void **state)
{
	static const char streamed[] =
	    "{\"model\":\"gemini-2.5-flash\",\"stream\":true,\"messages\":[{"
	    "\"role\":\"user\",\"content\":\"x\"}]}";
	struct frame_event event = {
		.data =
		    STR("{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\\u00e9\","
		        "\"thoughtSignature\":"
		        "\"QUJD\"}]},\"index\":0}],\"usageMetadata\":{\"promptTokenCount\":1}}")
	};
	struct channel row = { .id = 1, .type = 24, .key = STR("k") };
	struct room r;
	size_t held = 0;

	open_room(&r, &row, streamed);
	encode(&r);
	for (int i = 0; i < 20000; i++) {
		assert_true(take_event(&r, &event, &r.err));
		buf_clear(&r.out);
		if (i == 10)
			held = arena_held(r.arena);
	}
	assert_int_equal(arena_held(r.arena), held);
	assert_int_equal(r.call.pieces, 20000);
	close_room(&r);
}

/* ---- recordings ---------------------------------------------------------------------------- */

/* What an object of Google's says, put together by the test's own means. */
struct told {
	struct buf text, thoughts, calls;
	bool finished, blocked, failed;
	int64_t completion;
};

static void tell(struct told *t, const cJSON *object)
{
	const cJSON *part;

	cJSON_ArrayForEach(part, json_at(object, "candidates.0.content.parts"))
	{
		const cJSON *call = json_at(part, "functionCall");

		if (call)
			buf_addf(&t->calls, "%.*s;", STR_ARG(json_str_at(call, "name")));
		else
			buf_add(json_bool_at(part, "thought", false) ? &t->thoughts : &t->text,
			    json_str_at(part, "text"));
	}
	t->finished |= json_str_at(object, "candidates.0.finishReason").n > 0;
	t->blocked |= json_str_at(object, "promptFeedback.blockReason").n > 0;
	if (json_at(object, "usageMetadata"))
		t->completion = json_int_at(object, "usageMetadata.candidatesTokenCount", 0) +
		    json_int_at(object, "usageMetadata.thoughtsTokenCount", 0);
}

static void tell_client(struct told *t, const cJSON *object, const char *place)
{
	char path[64];
	const cJSON *call, *message;

	(void)snprintf(path, sizeof(path), "choices.0.%s", place);
	message = json_at(object, path);
	buf_add(&t->text, json_str_at(message, "content"));
	buf_add(&t->thoughts, json_str_at(message, "reasoning_content"));
	cJSON_ArrayForEach(call, json_at(message, "tool_calls"))
	    buf_addf(&t->calls, "%.*s;", STR_ARG(json_str_at(call, "function.name")));
	t->finished |= json_str_at(object, "choices.0.finish_reason").n > 0;
}

static void told_init(struct told *t)
{
	*t = (struct told){ .text = buf_init(OUT_LIMIT),
		.thoughts = buf_init(OUT_LIMIT),
		.calls = buf_init(OUT_LIMIT) };
}

static void told_release(struct told *t)
{
	buf_release(&t->text);
	buf_release(&t->thoughts);
	buf_release(&t->calls);
}

/* Every line `data: ` of a stream. */
static void tell_lines(struct arena *a, struct str stream, struct told *t, bool client)
{
	struct err err = { 0 };
	struct str line;
	cJSON *tree;

	while (str_next(&stream, '\n', &line)) {
		line = str_trim(line);
		if (!str_starts(line, STR("data: ")) ||
		    !json_parse(a, str_slice(line, 6, line.n), &tree, &err))
			continue;
		if (client)
			tell_client(t, tree, "delta");
		else
			tell(t, tree);
	}
}

static void must_say(const char *path, const char *what, const struct buf *got,
    const struct buf *want)
{
	if (!str_eq(buf_str(got), buf_str(want)))
		fail_msg("%s: %s: got %.*s, want %.*s", path, what, STR_ARG(buf_str(got)),
		    STR_ARG(buf_str(want)));
}

static void play_stream(struct room *r, struct str stream, struct told *got)
{
	struct frame_reader in;

	sse_init(&in, take_event, r);
	for (size_t i = 0; i < stream.n; i++)
		assert_true(frame_feed(&in, str_slice(stream, i, i + 1), &r->err));
	assert_true(frame_end(&in, &r->err));
	got->failed = !r->call.provider->adaptor->on_end(&r->call, &r->out, &r->err);
	frame_release(&in);
	tell_lines(r->arena, buf_str(&r->out), got, true);
}

static void play_whole(struct room *r, const cJSON *response, struct told *got)
{
	const struct adaptor *adaptor = r->call.provider->adaptor;
	struct str body = json_print(r->arena, json_at(response, "body"));
	int status = (int)json_int_at(response, "status", 200);
	cJSON *tree;

	if (status != 200) {
		adaptor->error(&r->call, status, body, &r->err);
		assert_int_equal(err_status(&r->err), status);
		got->failed = true;
		return;
	}
	got->failed = adaptor->decode(&r->call, body, &r->out, &r->err) != STEP_DONE;
	if (!got->failed && json_parse(r->arena, buf_str(&r->out), &tree, &r->err))
		tell_client(got, tree, "message");
}

static void compare(const char *path, const struct room *r, const struct told *got,
    const struct told *want)
{
	bool fails = want->blocked || !want->finished;

	if (got->failed != fails)
		fail_msg("%s: failed %d, want %d: %s", path, got->failed, fails, r->err.msg);
	if (fails)
		return;
	must_say(path, "text", &got->text, &want->text);
	must_say(path, "thoughts", &got->thoughts, &want->thoughts);
	must_say(path, "calls", &got->calls, &want->calls);
	assert_true(got->finished);
	if (r->call.usage.completion_tokens != want->completion)
		fail_msg("%s: completion tokens: got %lld, want %lld", path,
		    (long long)r->call.usage.completion_tokens, (long long)want->completion);
}

static void play_recording(const char *path, const cJSON *meta)
{
	struct channel row = { .id = 1, .type = 24, .key = STR("not-recorded") };
	bool stream = json_at(meta, "response.body_text") != NULL;
	struct told want, got;
	struct room r;

	told_init(&want);
	told_init(&got);
	open_room(&r, &row,
	    stream ? "{\"model\":\"gemini-2.5-flash\",\"stream\":true,\"messages\":[{\"role\":"
	             "\"user\","
	             "\"content\":\"x\"}]}"
	           : plain);
	encode(&r);
	if (stream) {
		tell_lines(r.arena, json_str_at(meta, "response.body_text"), &want, false);
		play_stream(&r, json_str_at(meta, "response.body_text"), &got);
	} else {
		tell(&want, json_at(meta, "response.body"));
		play_whole(&r, json_at(meta, "response"), &got);
	}
	compare(path, &r, &got, &want);
	close_room(&r);
	told_release(&want);
	told_release(&got);
}

static size_t play_folder(struct arena *a, const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	struct err err = { 0 };
	size_t played = 0;

	if (!dir) {
		print_message("SKIPPED: no recordings at %s\n", folder);
		return 0;
	}
	while ((entry = readdir(dir))) {
		const char *path = arena_fmt(a, "%s/%s", folder, entry->d_name);
		FILE *f = entry->d_name[0] == '.' ? NULL : fopen(path, "rb");
		char *text = f ? arena_alloc(a, 1 << 20) : NULL;
		size_t n = f ? fread(text, 1, 1 << 20, f) : 0;
		cJSON *meta;

		if (f)
			fclose(f);
		if (!n || !json_parse(a, (struct str){ text, n }, &meta, &err) ||
		    !str_has(json_str_at(meta, "request.url"), STR("enerateContent")))
			continue;
		play_recording(path, meta);
		played++;
	}
	closedir(dir);
	return played;
}

static void test_recordings(void **state)
{
	struct arena *a = arena_new(64 * 1024);
	size_t n = play_folder(a, RECORDINGS "/gemini") + play_folder(a, RECORDINGS "/vertex");

	print_message("%zu recorded replies\n", n);
	arena_free(a);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_claim_text),
		cmocka_unit_test(test_signature),
		cmocka_unit_test(test_cache),
		cmocka_unit_test(test_cache_full),
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_stream_memory),
		cmocka_unit_test(test_recordings),
	};

	clock_test_stop(); /* time goes on where a test says so */
	return cmocka_run_group_tests_name("google", tests, NULL, NULL);
}
