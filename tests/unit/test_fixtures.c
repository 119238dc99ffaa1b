/* test_fixtures.c — plays every folder of tests/fixtures through its dialect
 *
 * tests/fixtures/<dialect>/<case>/ holds what the client sends (request.json, .form, .txt), what the
 * upstream must get (upstream-request.json, .form, .txt), what it answers (upstream-reply.json, .txt,
 * .sse, .ndjson) and what the client must get (reply.json, .txt, .sse); meta.json says the rest:
 *
 *	now		Unix seconds at which it is sent, for signatures
 *	reply_headers	of the upstream's reply, for dialects that look at them
 *	title, mode, path_model, query, upstream_status, content_type (of the request)
 *	method, path, headers	of a request that is forwarded as it is (resource, proxy)
 *	channel		type, key, base_url, other, config, model_mapping, system_prompt
 *	before		[{url, request, status, reply}]: calls of this exchange before the one that
 *			the files tell of; request may be left out, and status where it is 200
 *	after		{url, status, reply}: the call that a stream's end waits for; without a reply
 *			it comes to nothing
 *	media		[{url, type, text}]: what lies behind URLs of the request
 *	expect		url, method, headers (all of them), public_only (the URL must lead to a
 *			public address), same_bytes (of upstream-request.json),
 *			status, code, kind, detail_has (of an error), reported,
 *			usage {prompt, completion, cached, cache_write, reasoning, audio_in,
 *			cache_write_1h, audio_out, image_in, image_out}, images, audio_ms, system_prompt_reset,
 *			raw, resource_id
 *
 * A stream of binary frames is a file .events of lines `event NAME JSON`, `exception NAME JSON` and
 * `chunk JSON`, which become frames (event_frames.h).
 *
 * The lines of a .form end in CR LF on the wire, in the file in LF.
 * In expected JSON the string "*" stands for any value. Expected events without a "*" are compared
 * byte for byte. A streamed reply is fed whole, byte by byte, and cut in two at every byte; the
 * client's side must be the same each time. Run from the top of the tree.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "provider/adaptor.h"
#include "provider/catalog.h"
#include "provider/providers.h"
#include "provider/replicate_schema.h"
#include "provider/sink.h"

#include "event_frames.h"

#define ROOT "tests/fixtures"
#define RECORDINGS "../shared/recordings"
#define OUT_LIMIT (64 * 1024 * 1024)
#define DIALECTS_MAX 64

/* ---- files ------------------------------------------------------------------------------- */

static bool read_file(struct arena *a, const char *path, struct str *out)
{
	FILE *f = fopen(path, "rb");
	struct buf b = buf_init(OUT_LIMIT);
	size_t n;

	if (!f)
		return false;
	do {
		char *to = buf_reserve(&b, 65536);

		assert_non_null(to);
		n = fread(to, 1, 65536, f);
		buf_commit(&b, n);
	} while (n);
	fclose(f);
	*out = arena_str(a, buf_str(&b));
	buf_release(&b);
	return true;
}

/* A body: the file without the line end that editors like to see. */
static bool read_body(struct arena *a, const char *folder, const char *name, struct str *out)
{
	if (!read_file(a, arena_fmt(a, "%s/%s", folder, name), out))
		return false;
	if (out->n && out->p[out->n - 1] == '\n')
		out->n--;
	return true;
}

/* Lines that end in LF as lines that end in CR LF. */
static struct str with_crlf(struct arena *a, struct str text)
{
	struct buf b = buf_init(2 * text.n + 2);
	struct str crlf;

	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\n')
			buf_add_char(&b, '\r');
		buf_add_char(&b, text.p[i]);
	}
	crlf = arena_str(a, buf_str(&b));
	buf_release(&b);
	return crlf;
}

/* The file of that name with one of these endings. */
static bool read_any(struct arena *a, const char *folder, const char *name, struct str *out)
{
	if (read_body(a, folder, arena_fmt(a, "%s.json", name), out) ||
	    read_body(a, folder, arena_fmt(a, "%s.txt", name), out))
		return true;
	if (!read_file(a, arena_fmt(a, "%s/%s.form", folder, name), out))
		return false;
	*out = with_crlf(a, *out);
	return true;
}

static int by_name(const void *left, const void *right)
{
	return strcmp(*(char *const *)left, *(char *const *)right);
}

/* Names in a folder, sorted, NULL-terminated; NULL when there is no such folder. */
static char **list_folder(struct arena *a, const char *path)
{
	DIR *dir = opendir(path);
	char **names = arena_zalloc(a, 1024 * sizeof(*names));
	struct dirent *entry;
	size_t n = 0;

	if (!dir)
		return NULL;
	while ((entry = readdir(dir)) && n < 1023)
		if (entry->d_name[0] != '.')
			names[n++] = arena_strdup(a, entry->d_name);
	closedir(dir);
	qsort(names, n, sizeof(*names), by_name);
	return names;
}

/* ---- comparing --------------------------------------------------------------------------- */

static bool same_json(const cJSON *got, const cJSON *want);

static bool same_members(const cJSON *got, const cJSON *want)
{
	const cJSON *child;

	if (cJSON_GetArraySize(got) != cJSON_GetArraySize(want))
		return false;
	cJSON_ArrayForEach(child, want)
	{
		const cJSON *other = cJSON_GetObjectItemCaseSensitive(got, child->string);

		if (!other || !same_json(other, child))
			return false;
	}
	return true;
}

static bool same_items(const cJSON *got, const cJSON *want)
{
	if (cJSON_GetArraySize(got) != cJSON_GetArraySize(want))
		return false;
	got = got->child;
	for (want = want->child; want; want = want->next, got = got->next)
		if (!same_json(got, want))
			return false;
	return true;
}

static bool same_json(const cJSON *got, const cJSON *want)
{
	if (cJSON_IsString(want) && strcmp(want->valuestring, "*") == 0)
		return true;
	if (cJSON_IsObject(want))
		return cJSON_IsObject(got) && same_members(got, want);
	if (cJSON_IsArray(want))
		return cJSON_IsArray(got) && same_items(got, want);
	return cJSON_Compare(got, want, true);
}

/* Text that is no JSON must be equal. */
static bool same_text(struct arena *a, struct str got, struct str want)
{
	struct err err = { 0 };
	cJSON *g, *w;

	if (str_eq(got, want))
		return true;
	return json_parse(a, got, &g, &err) && json_parse(a, want, &w, &err) && same_json(g, w);
}

/* One event: every line `data: ` and the text of it; false at the end. */
static bool next_event(struct str *rest, struct str *event)
{
	size_t end = str_find_str(*rest, STR("\n\n"));

	if (rest->n == 0)
		return false;
	*event = str_slice(*rest, 0, end);
	*rest = str_slice(*rest, end + 2, rest->n);
	if (str_starts(*event, STR("data: ")))
		*event = str_slice(*event, 6, event->n);
	return true;
}

static bool same_events(struct arena *a, struct str got, struct str want)
{
	struct str g, w;

	if (!str_has(want, STR("\"*\"")))
		return str_eq(got, want);
	while (next_event(&want, &w))
		if (!next_event(&got, &g) || !same_text(a, g, w))
			return false;
	return got.n == 0;
}

static void must(bool ok, const char *name, const char *what, struct str got, struct str want)
{
	if (!ok)
		fail_msg("%s: %s\n got  %.*s\n want %.*s", name, what, STR_ARG(got), STR_ARG(want));
}

static void must_int(const char *name, const char *what, int64_t got, int64_t want)
{
	if (got != want)
		fail_msg("%s: %s: got %lld, want %lld", name, what, (long long)got,
		    (long long)want);
}

/* ---- one case ---------------------------------------------------------------------------- */

struct played {
	struct arena *arena;
	const char *name; /* dialect/case */
	const char *folder;
	const cJSON *meta;
	const struct adaptor *adaptor;
	struct catalog_channel channel;
	struct ask ask;
	struct call call;
	struct upstream_req sent;
	struct buf out;
	struct err err;
	bool failed;
};

static struct str text_of(struct arena *a, const cJSON *meta, const char *path)
{
	const cJSON *v = json_at(meta, path);

	return v && !cJSON_IsString(v) ? json_print(a, v) : json_str_at(meta, path);
}

static enum mode mode_of(struct str name)
{
	static const char *const names[MODE_COUNT] = {
		[MODE_CHAT] = "chat",
		[MODE_COMPLETIONS] = "completions",
		[MODE_EMBEDDINGS] = "embeddings",
		[MODE_MODERATIONS] = "moderations",
		[MODE_EDITS] = "edits",
		[MODE_IMAGES] = "images",
		[MODE_IMAGE_EDITS] = "image_edits",
		[MODE_IMAGE_VARIATIONS] = "image_variations",
		[MODE_SPEECH] = "speech",
		[MODE_TRANSCRIPTION] = "transcription",
		[MODE_TRANSLATION] = "translation",
		[MODE_RESPONSES] = "responses",
		[MODE_RESPONSES_COMPACT] = "responses_compact",
		[MODE_RERANK] = "rerank",
		[MODE_RESOURCE] = "resource",
		[MODE_PROXY] = "proxy",
	};

	for (int i = 0; i < MODE_COUNT; i++)
		if (str_eq_c(name, names[i]))
			return (enum mode)i;
	if (name.n)
		fail_msg("no mode %.*s", STR_ARG(name));
	return MODE_CHAT;
}

static void make_channel(struct played *p)
{
	struct channel row = { .id = 7, .status = CHANNEL_ENABLED };
	struct err err = { 0 };

	row.type = (int)json_int_at(p->meta, "channel.type", 0);
	row.key = text_of(p->arena, p->meta, "channel.key");
	row.base_url = text_of(p->arena, p->meta, "channel.base_url");
	row.other = text_of(p->arena, p->meta, "channel.other");
	row.config = text_of(p->arena, p->meta, "channel.config");
	row.model_mapping = text_of(p->arena, p->meta, "channel.model_mapping");
	row.system_prompt = text_of(p->arena, p->meta, "channel.system_prompt");
	if (!catalog_channel_make(p->arena, &row, &p->channel, &err))
		fail_msg("%s: %s", p->name, err.msg);
	if (provider_by_id(row.type)->adaptor != p->adaptor)
		fail_msg("%s: channel type %d is not of this dialect", p->name, row.type);
	p->adaptor = p->channel.provider->adaptor; /* its config may choose another one */
}

static void add_media(struct played *p)
{
	const cJSON *media = json_at(p->meta, "media"), *item;
	struct medium *list =
	    arena_alloc(p->arena, sizeof(*list) * (size_t)(cJSON_GetArraySize(media) + 1));

	p->call.media = list;
	cJSON_ArrayForEach(item, media)
	{
		list[p->call.media_count++] = (struct medium){ json_str_at(item, "url"),
			json_str_at(item, "type"), json_str_at(item, "text") };
	}
}

static void make_call(struct played *p)
{
	p->call = (struct call){
		.arena = p->arena,
		.ask = &p->ask,
		.channel = &p->channel,
		.key = p->channel.row.key,
		.provider = p->channel.provider,
		.model = catalog_map_model(&p->channel, p->ask.model),
		.system_prompt = p->channel.row.system_prompt,
		.query = json_str_at(p->meta, "query"),
		.stream = p->ask.stream,
	};
	add_media(p);
}

static const struct headers *client_headers(const struct played *p)
{
	struct headers *headers = arena_zalloc(p->arena, sizeof(*headers));
	const cJSON *header;

	headers_init(headers, p->arena);
	cJSON_ArrayForEach(header, json_at(p->meta, "headers"))
	    headers_add_c(headers, header->string, header->valuestring);
	return headers;
}

static void forward_request(struct played *p, enum mode mode, struct str body)
{
	p->ask = (struct ask){
		.mode = mode,
		.body = body,
		.content_type = json_str_at(p->meta, "content_type"),
		.n = 1,
		.method = json_str_at(p->meta, "method"),
		.path = json_str_at(p->meta, "path"),
		.headers = client_headers(p),
	};
}

static bool read_request(struct played *p)
{
	enum mode mode = mode_of(json_str_at(p->meta, "mode"));
	struct str body = { 0 }, type = json_str_at(p->meta, "content_type");
	bool found = read_any(p->arena, p->folder, "request", &body);

	if (mode == MODE_RESOURCE || mode == MODE_PROXY) {
		forward_request(p, mode, body);
		return true;
	}
	if (!found)
		fail_msg("%s: no request", p->name);
	if (!ask_read(p->arena, mode, type.n ? type : STR("application/json"), body,
	        json_str_at(p->meta, "path_model"), &p->ask, &p->err))
		return false;
	p->ask.headers = client_headers(p);
	return true;
}

static void see_head(struct played *p)
{
	struct headers headers;
	const cJSON *header;

	headers_init(&headers, p->arena);
	cJSON_ArrayForEach(header, json_at(p->meta, "reply_headers"))
	    headers_add_c(&headers, header->string, header->valuestring);
	if (p->adaptor->on_head)
		p->adaptor->on_head(&p->call, &headers);
}

/* Does the reply to a call before, whole or an error that can be mended, lead to another call? */
static bool leads_on(struct played *p, const cJSON *step, struct buf *nothing)
{
	int status = (int)json_int_at(step, "status", 200);
	struct str reply = text_of(p->arena, step, "reply");

	if (status >= 400)
		return p->adaptor->again && p->adaptor->again(&p->call, status, reply);
	return p->adaptor->decode(&p->call, reply, nothing, &p->err) == STEP_NEXT;
}

/* The calls before: each must ask what meta.json says, and its reply must lead to the next. */
static bool play_before(struct played *p)
{
	const cJSON *before = json_at(p->meta, "before"), *step;
	struct buf nothing = buf_init(OUT_LIMIT);
	struct str want;

	cJSON_ArrayForEach(step, before)
	{
		want = json_str_at(step, "url");
		must(str_eq(buf_str(&p->sent.url), want), p->name, "url of a call before",
		    buf_str(&p->sent.url), want);
		want = text_of(p->arena, step, "request");
		must(!want.n || same_text(p->arena, p->sent.body, want), p->name,
		    "body of a call before", p->sent.body, want);
		if (!leads_on(p, step, &nothing))
			fail_msg("%s: a call before was the last: %s", p->name, p->err.msg);
		p->call.step++;
		upstream_req_release(&p->sent);
		upstream_req_init(&p->sent, p->arena);
		if (!p->adaptor->encode(&p->call, &p->sent, &p->err))
			return false;
	}
	buf_release(&nothing);
	return true;
}

/* Up to the upstream's request; false when it was refused. */
static bool begin(struct played *p)
{
	replicate_schema_forget();
	upstream_req_init(&p->sent, p->arena);
	p->out = buf_init(OUT_LIMIT);
	make_channel(p);
	if (!read_request(p))
		return false;
	make_call(p);
	if (json_int_at(p->meta, "now", 0))
		clock_test_advance(json_int_at(p->meta, "now", 0) * 1000 - clock_unix_ms());
	if (!p->adaptor->encode(&p->call, &p->sent, &p->err) || !play_before(p))
		return false;
	see_head(p);
	return true;
}

static void end(struct played *p)
{
	upstream_req_release(&p->sent);
	buf_release(&p->out);
}

/* ---- what goes up ------------------------------------------------------------------------ */

static void check_headers(const struct played *p)
{
	const cJSON *want = json_at(p->meta, "expect.headers"), *header;

	if (!want)
		return;
	cJSON_ArrayForEach(header, want)
	    must(str_eq_c(headers_get(&p->sent.headers, header->string), header->valuestring),
	        p->name, header->string, headers_get(&p->sent.headers, header->string),
	        str_c(header->valuestring));
	must_int(p->name, "number of headers", (int64_t)p->sent.headers.count,
	    cJSON_GetArraySize(want));
}

/* As it goes over the wire. */
static struct str sent_body(struct played *p)
{
	struct buf b = buf_init(OUT_LIMIT);
	struct str body;

	if (!p->sent.pieces)
		return p->sent.has_body ? p->sent.body : STR("");
	for (size_t i = 0; i < p->sent.piece_count; i++)
		buf_add(&b, p->sent.pieces[i]);
	body = arena_str(p->arena, buf_str(&b));
	buf_release(&b);
	return body;
}

static void check_sent(struct played *p)
{
	struct str want, sent = sent_body(p);

	want = json_str_at(p->meta, "expect.url");
	must(!want.n || str_eq(buf_str(&p->sent.url), want), p->name, "url", buf_str(&p->sent.url),
	    want);
	want = json_str_at(p->meta, "expect.method");
	must(str_eq_c(want.n ? want : STR("POST"), p->sent.method), p->name, "method",
	    str_c(p->sent.method), want);
	must_int(p->name, "public addresses only", p->sent.public_or != NULL,
	    json_bool_at(p->meta, "expect.public_only", false));
	must_int(p->name, "raw", p->call.raw, json_bool_at(p->meta, "expect.raw", false));
	check_headers(p);
	if (!read_any(p->arena, p->folder, "upstream-request", &want))
		return;
	if (json_bool_at(p->meta, "expect.same_bytes", false))
		must(str_eq(sent, want), p->name, "bytes sent", sent, want);
	else
		must(same_text(p->arena, sent, want), p->name, "body sent", sent, want);
}

/* ---- what comes down --------------------------------------------------------------------- */

/* Unless the dialect has said it all, the stream ends in the words of its mode. */
static void fail_stream(struct played *p)
{
	p->failed = true;
	if (!p->call.done_sent)
		openai_stream_error(&p->call, &p->err, &p->out);
}

/* As the engine does it: an event's memory is given back after it, a failure becomes the last
 * event. */
static bool take_event(void *arg, const struct frame_event *event, struct err *err)
{
	struct played *p = arg;
	struct arena_mark mark = arena_mark(p->arena);
	bool ok;

	if (p->failed)
		return true;
	ok = p->adaptor->on_event(&p->call, event, &p->out, err);
	arena_rewind(p->arena, mark);
	if (ok && p->call.failed) {
		p->err = p->call.failure;
		fail_stream(p);
	}
	return ok;
}

static void feed(struct played *p, struct frame_reader *in, struct str bytes)
{
	if (!p->failed && !frame_feed(in, bytes, &p->err)) {
		fail_stream(p);
	}
}

/* The call after a stream, from which its end is made; or the end without. */
static void play_after(struct played *p)
{
	const cJSON *after = json_at(p->meta, "after");
	int status = (int)json_int_at(after, "status", 200);
	struct str want = json_str_at(after, "url"), reply = text_of(p->arena, after, "reply");

	p->call.step++;
	upstream_req_release(&p->sent);
	upstream_req_init(&p->sent, p->arena);
	if (!p->adaptor->encode(&p->call, &p->sent, &p->err))
		fail_msg("%s: no call after the stream: %s", p->name, p->err.msg);
	must(str_eq(buf_str(&p->sent.url), want), p->name, "url of the call after",
	    buf_str(&p->sent.url), want);
	must(str_eq_c(STR("GET"), p->sent.method), p->name, "method of the call after",
	    str_c(p->sent.method), STR("GET"));
	if (status < 400 && reply.n) {
		p->failed = p->adaptor->decode(&p->call, reply, &p->out, &p->err) != STEP_DONE;
		return;
	}
	assert_false(p->adaptor->again && p->adaptor->again(&p->call, status, reply));
	p->call.more = false;
	p->failed = !p->adaptor->on_end(&p->call, &p->out, &p->err);
}

static void finish_stream(struct played *p, struct frame_reader *in)
{
	if (!p->failed && !frame_end(in, &p->err)) {
		fail_stream(p);
	}
	if (!p->failed && !p->adaptor->on_end(&p->call, &p->out, &p->err)) {
		fail_stream(p);
	}
	if (!p->failed && p->call.more)
		play_after(p);
}

/* cut: where the stream is cut in two; SIZE_MAX: after every byte. */
static void play_stream(struct played *p, struct str reply, size_t cut)
{
	struct frame_reader in;

	p->adaptor->frame_init(&in, take_event, p);
	if (cut == SIZE_MAX) {
		for (size_t i = 0; i < reply.n; i++)
			feed(p, &in, str_slice(reply, i, i + 1));
	} else {
		feed(p, &in, str_slice(reply, 0, cut));
		feed(p, &in, str_slice(reply, cut, reply.n));
	}
	finish_stream(p, &in);
	frame_release(&in);
}

static void play_whole(struct played *p, struct str reply)
{
	int status = (int)json_int_at(p->meta, "upstream_status", 200);

	if (status >= 400) {
		p->failed = true;
		p->adaptor->error(&p->call, status, reply, &p->err);
	} else if (p->ask.stream && p->call.stream) {
		p->failed = !openai_stream_from_whole(&p->call, reply, &p->out, &p->err);
	} else {
		p->failed = p->adaptor->decode(&p->call, reply, &p->out, &p->err) != STEP_DONE;
	}
}

static void check_failure(const struct played *p)
{
	struct str code = json_str_at(p->meta, "expect.code");
	struct str kind = json_str_at(p->meta, "expect.kind");
	struct str detail = json_str_at(p->meta, "expect.detail_has");
	int64_t status = json_int_at(p->meta, "expect.status", 0);

	if (!p->failed) {
		must_int(p->name, "error status", 0, status);
		return;
	}
	if (!status)
		fail_msg("%s: unexpected error: %s (%s)", p->name, p->err.msg, p->err.detail);
	must_int(p->name, "error status", err_status(&p->err), status);
	must(!code.n || str_eq_c(code, err_code(&p->err)), p->name, "error code",
	    str_c(err_code(&p->err)), code);
	must(!kind.n || str_eq_c(kind, err_kind_name(p->err.kind)), p->name, "error kind",
	    str_c(err_kind_name(p->err.kind)), kind);
	must(str_has(str_c(p->err.detail), detail), p->name, "error detail", str_c(p->err.detail),
	    detail);
	if (p->channel.row.key.n > 3)
		must(!str_has(str_c(p->err.msg), p->channel.row.key) &&
		        !str_has(str_c(p->err.detail), p->channel.row.key),
		    p->name, "the key is quoted", str_c(p->err.msg), STR(""));
}

static void check_usage(const struct played *p)
{
	const struct usage *u = &p->call.usage;

	if (json_at(p->meta, "expect.reported"))
		must_int(p->name, "usage reported", u->reported,
		    json_bool_at(p->meta, "expect.reported", false));
	if (json_at(p->meta, "expect.usage")) {
		must_int(p->name, "usage reported", u->reported, 1);
		must_int(p->name, "prompt tokens", u->prompt_tokens,
		    json_int_at(p->meta, "expect.usage.prompt", 0));
		must_int(p->name, "completion tokens", u->completion_tokens,
		    json_int_at(p->meta, "expect.usage.completion", 0));
		must_int(p->name, "cached tokens", u->cached_tokens,
		    json_int_at(p->meta, "expect.usage.cached", 0));
		must_int(p->name, "tokens written to the cache", u->cache_write_tokens,
		    json_int_at(p->meta, "expect.usage.cache_write", 0));
		must_int(p->name, "tokens written to the cache for an hour",
		    u->cache_write_1h_tokens,
		    json_int_at(p->meta, "expect.usage.cache_write_1h", 0));
		must_int(p->name, "reasoning tokens", u->reasoning_tokens,
		    json_int_at(p->meta, "expect.usage.reasoning", 0));
		must_int(p->name, "audio heard", u->audio_prompt_tokens,
		    json_int_at(p->meta, "expect.usage.audio_in", 0));
		must_int(p->name, "audio spoken", u->audio_completion_tokens,
		    json_int_at(p->meta, "expect.usage.audio_out", 0));
		must_int(p->name, "image tokens in", u->image_prompt_tokens,
		    json_int_at(p->meta, "expect.usage.image_in", 0));
		must_int(p->name, "image tokens out", u->image_completion_tokens,
		    json_int_at(p->meta, "expect.usage.image_out", 0));
	}
	must_int(p->name, "images", u->images, json_int_at(p->meta, "expect.images", 0));
	must_int(p->name, "audio_ms", u->audio_ms, json_int_at(p->meta, "expect.audio_ms", 0));
	must(str_eq(p->call.resource_id, json_str_at(p->meta, "expect.resource_id")), p->name,
	    "resource_id", p->call.resource_id, json_str_at(p->meta, "expect.resource_id"));
	must_int(p->name, "system_prompt_reset", p->call.system_prompt_reset,
	    json_bool_at(p->meta, "expect.system_prompt_reset", false));
}

static void check_reply(struct played *p)
{
	struct str want;

	if (read_file(p->arena, arena_fmt(p->arena, "%s/reply.sse", p->folder), &want)) {
		must(same_events(p->arena, buf_str(&p->out), want), p->name, "events",
		    buf_str(&p->out), want);
		return;
	}
	if (!read_any(p->arena, p->folder, "reply", &want))
		return;
	if (p->failed) {
		buf_clear(&p->out);
		sink_error_body(&p->out, &p->err);
	}
	must(same_text(p->arena, buf_str(&p->out), want), p->name, "reply", buf_str(&p->out), want);
	if (!str_has(want, STR("\"*\"")) && p->adaptor == &openai_adaptor && !p->failed)
		must(str_eq(buf_str(&p->out), want), p->name, "bytes of the reply",
		    buf_str(&p->out), want);
}

/* ---- playing ----------------------------------------------------------------------------- */

enum reply_kind { REPLY_NONE, REPLY_WHOLE, REPLY_STREAM };

static enum reply_kind find_reply(struct arena *a, const char *folder, struct str *reply)
{
	if (read_file(a, arena_fmt(a, "%s/upstream-reply.sse", folder), reply) ||
	    read_file(a, arena_fmt(a, "%s/upstream-reply.ndjson", folder), reply))
		return REPLY_STREAM;
	if (read_file(a, arena_fmt(a, "%s/upstream-reply.events", folder), reply)) {
		*reply = event_frames(a, *reply);
		return REPLY_STREAM;
	}
	return read_any(a, folder, "upstream-reply", reply) ? REPLY_WHOLE : REPLY_NONE;
}

/* Once through, with its own arena. Returns the length of a streamed reply. */
static size_t play_once(const struct adaptor *adaptor, const char *name, const char *folder,
    size_t cut)
{
	struct played p = { .arena = arena_new(16 * 1024), .name = name, .folder = folder };
	enum reply_kind kind;
	struct str text, reply = { 0 };
	cJSON *meta = NULL;

	p.adaptor = adaptor;
	if (!read_body(p.arena, folder, "meta.json", &text) ||
	    !json_parse(p.arena, text, &meta, &p.err))
		fail_msg("%s: meta.json: %s", name, p.err.msg);
	p.meta = meta;
	if (begin(&p)) {
		check_sent(&p);
		kind = find_reply(p.arena, folder, &reply);
		if (kind == REPLY_STREAM)
			play_stream(&p, reply, cut == 0 ? reply.n : cut);
		else if (kind == REPLY_WHOLE)
			play_whole(&p, reply);
		if (kind != REPLY_STREAM)
			reply.n = 0;
		check_failure(&p);
		if (kind != REPLY_NONE)
			check_reply(&p);
	} else {
		p.failed = true;
		check_failure(&p);
		check_reply(&p);
	}
	check_usage(&p);
	end(&p);
	arena_free(p.arena);
	return reply.n;
}

static size_t play_case(const struct adaptor *adaptor, const char *name, const char *folder)
{
	size_t n = play_once(adaptor, name, folder, 0), plays = 1;

	if (n == 0)
		return plays;
	for (size_t cut = 1; cut < n; cut++, plays++)
		(void)play_once(adaptor, name, folder, cut);
	(void)play_once(adaptor, name, folder, SIZE_MAX);
	return plays + 1;
}

/* The distinct dialects of the table. */
static size_t list_dialects(const struct adaptor **out)
{
	size_t n = 0;

	for (size_t i = 0; i < PROVIDER_COUNT; i++) {
		size_t j = 0;

		while (j < n && out[j] != providers[i].adaptor)
			j++;
		if (providers[i].adaptor && j == n)
			out[n++] = providers[i].adaptor;
	}
	return n;
}

static void test_every_folder(void **state)
{
	const struct adaptor *dialects[DIALECTS_MAX];
	size_t n = list_dialects(dialects), cases = 0, plays = 0;
	struct arena *a = arena_new(64 * 1024);

	assert_true(n >= 2);
	for (size_t i = 0; i < n; i++) {
		const char *folder = arena_fmt(a, ROOT "/%s", dialects[i]->name);
		char **names = list_folder(a, folder);

		if (!names || !names[0])
			fail_msg("dialect %s has no folder of fixtures", dialects[i]->name);
		for (; names && *names; names++, cases++)
			plays +=
			    play_case(dialects[i], arena_fmt(a, "%s/%s", dialects[i]->name, *names),
			        arena_fmt(a, "%s/%s", folder, *names));
	}
	print_message("%zu dialects, %zu cases, played %zu times\n", n, cases, plays);
	arena_free(a);
}

static bool is_dialect(const char *name)
{
	const struct adaptor *dialects[DIALECTS_MAX];
	size_t n = list_dialects(dialects);

	for (size_t i = 0; i < n; i++)
		if (strcmp(dialects[i]->name, name) == 0)
			return true;
	return false;
}

static void test_no_stray_folder(void **state)
{
	struct arena *a = arena_new(64 * 1024);
	char **names = list_folder(a, ROOT);

	assert_non_null(names);
	for (; *names; names++)
		if (!is_dialect(*names))
			fail_msg("folder %s belongs to no dialect", *names);
	arena_free(a);
}

/* ---- recordings -------------------------------------------------------------------------- */

/* What a stream says, put together by the test's own means. */
struct told {
	struct buf text;
	size_t events, finishes;
};

static void tell(struct told *t, const cJSON *event)
{
	const cJSON *choices = json_at(event, "choices"), *choice;

	cJSON_ArrayForEach(choice, choices)
	{
		buf_add(&t->text, json_str_at(choice, "delta.content"));
		buf_add(&t->text, json_str_at(choice, "delta.reasoning"));
		buf_add(&t->text, json_str_at(choice, "delta.reasoning_content"));
		buf_add(&t->text, json_str_at(choice, "delta.tool_calls.0.function.arguments"));
		t->finishes += json_str_at(choice, "finish_reason").n > 0;
	}
	t->events++;
}

/* Line by line, which recordings of SSE allow. */
static void tell_stream(struct arena *a, struct str stream, struct told *t)
{
	struct err err = { 0 };
	struct str line;
	cJSON *tree;

	t->text = buf_init(OUT_LIMIT);
	while (str_next(&stream, '\n', &line)) {
		line = str_trim(line);
		if (!str_starts(line, STR("data: ")))
			continue;
		line = str_slice(line, 6, line.n);
		if (json_parse(a, line, &tree, &err) && !json_at(tree, "error") &&
		    (json_at(tree, "choices.0") || !json_at(tree, "usage.prompt_tokens")))
			tell(t, tree);
	}
}

static bool recorded_call(struct played *p, const char *path)
{
	static const char plain[] = "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":"
	                            "\"x\"}],\"stream\":true}";
	struct channel row = { .id = 1, .type = 1, .key = STR("sk-not-recorded") };
	struct str text;
	cJSON *meta = NULL;

	if (!read_file(p->arena, path, &text) || !json_parse(p->arena, text, &meta, &p->err))
		fail_msg("%s: %s", path, p->err.msg);
	p->meta = meta;
	if (!json_at(meta, "response.body_text") ||
	    !str_has(json_str_at(meta, "request.url"), STR("/chat/completions")))
		return false;
	p->name = path;
	p->adaptor = &openai_adaptor;
	p->out = buf_init(OUT_LIMIT);
	upstream_req_init(&p->sent, p->arena);
	assert_true(catalog_channel_make(p->arena, &row, &p->channel, &p->err));
	assert_true(ask_read(p->arena, MODE_CHAT, STR("application/json"), str_c(plain), STR(""),
	    &p->ask, &p->err));
	make_call(p);
	assert_true(p->adaptor->encode(&p->call, &p->sent, &p->err));
	return true;
}

static void compare_told(const struct played *p, struct str stream)
{
	struct told want = { 0 }, got = { 0 };
	int64_t dones = 0;
	struct str rest = buf_str(&p->out), event;

	tell_stream(p->arena, stream, &want);
	tell_stream(p->arena, buf_str(&p->out), &got);
	must(str_eq(buf_str(&got.text), buf_str(&want.text)), p->name, "text", buf_str(&got.text),
	    buf_str(&want.text));
	must_int(p->name, "events", (int64_t)got.events, (int64_t)want.events);
	must_int(p->name, "finishes", (int64_t)got.finishes, (int64_t)want.finishes);
	while (next_event(&rest, &event))
		dones += str_eq(event, STR("[DONE]"));
	must_int(p->name, "[DONE]", dones, p->failed ? 0 : 1);
	must_int(p->name, "failed", p->failed, str_has(stream, STR("\"error\":{")));
	must_int(p->name, "usage reported", p->call.usage.reported,
	    str_has(stream, STR("\"completion_tokens\":")));
	must_int(p->name, "metered", p->call.pieces > 0, want.text.len > 0);
	buf_release(&want.text);
	buf_release(&got.text);
}

static bool play_recording(const char *path)
{
	struct played p = { .arena = arena_new(256 * 1024) };
	bool played = recorded_call(&p, path);
	struct str stream;

	if (played) {
		stream = json_str_at(p.meta, "response.body_text");
		play_stream(&p, stream, SIZE_MAX);
		compare_told(&p, stream);
		end(&p);
	}
	arena_free(p.arena);
	return played;
}

static void test_recordings(void **state)
{
	static const char *const families[] = { "openai-chat", "groq", "deepseek", "openrouter",
		"zai", "huggingface", "mistral" };
	struct arena *a = arena_new(64 * 1024);
	size_t played = 0;

	for (size_t i = 0; i < COUNT_OF(families); i++) {
		char **names = list_folder(a, arena_fmt(a, RECORDINGS "/%s", families[i]));

		if (!names) {
			print_message("SKIPPED: no recordings at " RECORDINGS "/%s\n", families[i]);
			continue;
		}
		for (; *names; names++)
			played +=
			    play_recording(arena_fmt(a, RECORDINGS "/%s/%s", families[i], *names));
	}
	print_message("%zu recorded streams\n", played);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_folder),
		cmocka_unit_test(test_no_stray_folder),
		cmocka_unit_test(test_recordings),
	};

	return cmocka_run_group_tests_name("fixtures", tests, NULL, NULL);
}
