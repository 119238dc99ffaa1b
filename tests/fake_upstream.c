/* fake_upstream.c — plays a provider for the flow tests, the demo and the benches
 *
 *	fake_upstream [--port N] [--scripts DIR] [--log FILE]
 *
 * Listens on 127.0.0.1, says "listening PORT" on stdout when it is ready (port 0, the default:
 * any) and runs until it is killed. One thread, one epoll set; 10,000 streams are fine. It shares
 * no code with the programs it tests, so that it cannot share a mistake with them; in particular it
 * does not parse JSON but looks for what it needs.
 *
 * What it understands, after any prefix (/openai/v1/…, /api/v3/…):
 *	POST …/chat/completions, …/completions, …/embeddings	OpenAI
 *	GET …/models						OpenAI
 *	POST …/api/chat, …/api/embed				ollama; streams are NDJSON
 *	POST …/responses, GET …/responses/ID …			tests/fake/fake_responses.c
 *	POST /token, …:generateContent and the like		tests/fake/fake_google.c
 *	POST …/v1/messages, …/model/ID/…			tests/fake/fake_claude.c
 *	POST …/images/…, …/audio/…, …/moderations		tests/fake/fake_media.c
 *	ANY …/files, …/batches, …/threads …, …/echo		tests/fake/fake_resources.c
 *	GET …/billing/…, /v1/credits …				tests/fake/fake_balance.c
 *	POST anything else					when there is a script for its model
 *
 * What it does is chosen by the member "model" of the request, or by what follows /models/ in the
 * path:
 *	NAME		when DIR/NAME.script exists, it is played ('/' in a name is read as '_')
 *	error-STATUS	that status with an error object
 *	slow-MS		the whole reply, or the first byte of the stream, MS milliseconds later
 *	stream-N-MS	a stream of N content chunks, one every MS milliseconds
 *	bench-N-MS	the same; every name that begins with bench has chunks whose content is
 *			"t=MICROSECONDS ", when it was sent by CLOCK_MONOTONIC
 *	anything else	a whole reply, or 5 chunks at once
 * A whole reply echoes the beginning of the last user message. Usage is 10 tokens for each message
 * (or input) and 7 for the completion.
 *
 * A script has one directive a line; blank lines and lines that begin with # mean nothing. TEXT is
 * the rest of the line, with \n \r \t \\ and \xHH:
 *	status N		before anything is sent
 *	header Name: value
 *	delay MS
 *	body TEXT		a piece of a body with Content-Length: that of all pieces, or the
 *				one among the script's own headers
 *	file PATH		the same, from a file below DIR
 *	chunk TEXT		a piece of a chunked body, sent at once, as it is
 *	event JSON		the chunk `data: JSON` with a blank line
 *	repeat N MS TEXT	the chunk TEXT N times, MS milliseconds apart
 *	cut			closes the connection
 *	reset			resets it (RST)
 *	stall			sends no more and waits
 *	end			ends the reply; so does the end of the script
 *
 * For tests; none of these counts as a request:
 *	GET /_stats	{"requests","in_flight","cancelled","connections"}: cancelled are the
 *			requests whose client left before the reply was complete, connections
 *			those that brought a request
 *	GET /_last	the last request: {"method","path","headers":{},"body":"…"}
 *	GET /_reset	sets all of it to zero
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "fake/fake.h"

#define HEAD_MAX (64 * 1024)
#define BODY_MAX (64 * 1024 * 1024)
#define LAST_MAX (4 * 1024 * 1024)
#define READ_BYTES (16 * 1024)
#define BACKLOG_HIGH (256 * 1024) /* a client that does not read makes us wait */
#define BATCH 256

/* ---- bytes ---------------------------------------------------------------------------- */

void *checked(void *p)
{
	if (!p) {
		fputs("fake_upstream: out of memory\n", stderr);
		abort();
	}
	return p;
}

void bytes_reserve(struct bytes *b, size_t more)
{
	size_t cap = b->cap ? b->cap : 1024;

	while (cap < b->n + more + 1)
		cap *= 2;
	if (cap != b->cap)
		b->p = checked(realloc(b->p, cap));
	b->cap = cap;
}

void add(struct bytes *b, const char *p, size_t n)
{
	bytes_reserve(b, n);
	if (n)
		memcpy(b->p + b->n, p, n);
	b->n += n;
	b->p[b->n] = '\0';
}

void add_text(struct bytes *b, const char *text)
{
	add(b, text, strlen(text));
}

void addf(struct bytes *b, const char *fmt, ...)
{
	va_list args;
	int n;

	for (;;) {
		size_t room = b->cap - b->n;

		va_start(args, fmt);
		n = vsnprintf(b->p ? b->p + b->n : NULL, b->p ? room : 0, fmt, args);
		va_end(args);
		if (n < 0)
			abort();
		if (b->p && (size_t)n < room)
			break;
		bytes_reserve(b, (size_t)n);
	}
	b->n += (size_t)n;
}

static void drop_front(struct bytes *b, size_t n)
{
	memmove(b->p, b->p + n, b->n - n + 1);
	b->n -= n;
}

void bytes_free(struct bytes *b)
{
	free(b->p);
	*b = (struct bytes){ 0 };
}

/* ---- state ---------------------------------------------------------------------------- */

/* What a step of a reply says: how many microseconds to wait before the next, or one of these. */
enum { STEP_ON = 0, STEP_DONE = -1, STEP_STALL = -2, STEP_CUT = -3, STEP_RESET = -4 };

struct conn;
typedef int64_t step_fn(struct conn *c);

enum op_kind {
	OP_STATUS,
	OP_HEADER,
	OP_DELAY,
	OP_BODY,
	OP_FILE,
	OP_CHUNK,
	OP_EVENT,
	OP_REPEAT,
	OP_CUT,
	OP_RESET,
	OP_STALL,
	OP_END,
};

struct op {
	enum op_kind kind;
	long n, ms;
	struct bytes text;
};

struct script {
	struct op *ops;
	size_t count, at;
	long repeated;
	int status;
	struct bytes headers; /* lines with CRLF */
	bool chunked, has_events, has_length, has_type;
	size_t body_bytes;
	bool head_sent;
};

enum shape { SHAPE_CHAT, SHAPE_TEXT, SHAPE_OLLAMA };

/* A built-in reply that is a stream, or comes later. */
struct stream {
	enum shape shape;
	bool whole;
	long chunks, every_ms, at, wait_ms;
	bool usage, timed;
	int64_t prompt_tokens;
	char model[NAME_MAX_BYTES];
	struct bytes body; /* of a whole reply */
};

struct conn {
	int fd;
	uint32_t armed;
	struct bytes in, out;
	size_t out_sent;
	size_t request_bytes; /* of the one being answered */
	step_fn *step;        /* NULL: no request is being answered */
	struct script script;
	struct stream stream;
	int64_t due_us;
	size_t slot;  /* in the heap of timers; 0: none */
	bool counted; /* among the connections */
	bool quiet;   /* a question about ourselves, not counted */
	bool close_after, waits_for_room, stalled, closed;
	int64_t break_how; /* STEP_CUT or STEP_RESET once the output is gone; 0: no */
	struct conn *next_closed;
};

struct stats {
	uint64_t requests, in_flight, cancelled, connections;
};

static struct {
	int epoll, listener;
	const char *scripts;
	FILE *log;
	struct stats stats;
	struct bytes last; /* head and body of the last request */
	size_t last_head;
	uint64_t serial;
	struct conn **heap; /* 1-based, by due_us */
	size_t timers, timers_cap;
	struct conn *closed;
	char spare[READ_BYTES];
} fake;

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* ---- timers --------------------------------------------------------------------------- */

static void heap_put(struct conn *c, size_t slot)
{
	fake.heap[slot] = c;
	c->slot = slot;
}

static void heap_up(struct conn *c, size_t slot)
{
	for (; slot > 1 && fake.heap[slot / 2]->due_us > c->due_us; slot /= 2)
		heap_put(fake.heap[slot / 2], slot);
	heap_put(c, slot);
}

static void heap_down(struct conn *c, size_t slot)
{
	size_t child;

	for (; (child = slot * 2) <= fake.timers; slot = child) {
		if (child < fake.timers && fake.heap[child + 1]->due_us < fake.heap[child]->due_us)
			child++;
		if (fake.heap[child]->due_us >= c->due_us)
			break;
		heap_put(fake.heap[child], slot);
	}
	heap_put(c, slot);
}

static void timer_clear(struct conn *c)
{
	struct conn *last;
	size_t slot = c->slot;

	if (!slot)
		return;
	c->slot = 0;
	last = fake.heap[fake.timers--];
	if (last == c)
		return;
	heap_up(last, slot);
	heap_down(last, last->slot);
}

static void timer_set(struct conn *c, int64_t due_us)
{
	timer_clear(c);
	c->due_us = due_us;
	if (fake.timers + 2 > fake.timers_cap) {
		fake.timers_cap = fake.timers_cap ? fake.timers_cap * 2 : 1024;
		fake.heap = checked(realloc(fake.heap, fake.timers_cap * sizeof(*fake.heap)));
	}
	heap_up(c, ++fake.timers);
}

/* ---- looking into JSON ---------------------------------------------------------------- */

static const char *skip_blanks(const char *p)
{
	return p + strspn(p, " \t\r\n");
}

/* The value of the first member of that name at or after p, or NULL. A name inside a string is not
 * found: there its quotes are escaped. */
const char *member(const char *p, const char *name)
{
	char quoted[64];
	const char *value;

	snprintf(quoted, sizeof(quoted), "\"%s\"", name);
	for (; (p = strstr(p, quoted)); p++) {
		value = skip_blanks(p + strlen(quoted));
		if (*value == ':')
			return skip_blanks(value + 1);
	}
	return NULL;
}

/* Length of the string whose opening quote is at p, without its quotes, escapes as they are. */
size_t string_length(const char *p)
{
	size_t n = 0;

	for (p++; p[n] && p[n] != '"'; n++)
		if (p[n] == '\\' && p[n + 1])
			n++;
	return n;
}

bool is_true(const char *json, const char *name)
{
	const char *value = member(json, name);

	return value && !strncmp(value, "true", 4);
}

void member_text(const char *json, const char *name, char *out, size_t size)
{
	const char *value = member(json, name);
	bool text = value && *value == '"';

	snprintf(out, size, "%.*s", text ? (int)string_length(value) : 0, text ? value + 1 : "");
}

unsigned long long fake_serial(void)
{
	return (unsigned long long)++fake.serial;
}

static bool is_false(const char *json, const char *name)
{
	const char *value = member(json, name);

	return value && !strncmp(value, "false", 5);
}

static int64_t count_members(const char *json, const char *name)
{
	int64_t n = 0;

	while ((json = member(json, name)))
		n++;
	return n;
}

/* Elements of "input": a string or a list of tokens is one, a list of either has as many. */
static int64_t count_inputs(const char *json)
{
	const char *p = member(json, "input");
	int64_t n = 0, depth = 0;

	if (!p || *p != '[')
		return 1;
	for (; *p; p++) {
		if (*p == '"') {
			n += depth == 1;
			p += string_length(p) + 1;
			if (!*p)
				break;
		} else if (*p == '[') {
			n += depth++ == 1;
		} else if (*p == ']' && --depth == 0) {
			break;
		}
	}
	return n ? n : 1;
}

/* At most n bytes of the inside of a JSON string, not cut within an escape or a character. */
static size_t whole_characters(const char *p, size_t length, size_t n)
{
	size_t i = 0, step;

	if (length <= n)
		return length;
	while (i < n) {
		step = p[i] != '\\' ? 1 : p[i + 1] == 'u' ? 6 : 2;
		while (
		    step == 1 && i + step < length && ((unsigned char)p[i + step] & 0xC0) == 0x80)
			i++;
		if (i + step > n)
			break;
		i += step;
	}
	return i;
}

/* The text of the last user message, still escaped. */
static const char *last_user_text(const char *json, size_t *n)
{
	const char *role = json, *last = NULL, *content;

	while ((role = member(role, "role"))) {
		if (!strncmp(role, "\"user\"", 6))
			last = role;
	}
	content = last ? member(last, "content") : NULL;
	if (!content)
		content = member(json, "content");
	if (!content)
		content = member(json, "prompt");
	if (content && *content == '[')
		content = member(content, "text");
	if (!content || *content != '"') {
		*n = 0;
		return "";
	}
	*n = whole_characters(content + 1, string_length(content), 60);
	return content + 1;
}

/* ---- replies -------------------------------------------------------------------------- */

static const char *reason(int status)
{
	static const struct {
		int status;
		const char *text;
	} reasons[] = {
		{ 200, "OK" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 429, "Too Many Requests" },
		{ 500, "Internal Server Error" },
		{ 502, "Bad Gateway" },
		{ 503, "Service Unavailable" },
	};

	for (size_t i = 0; i < COUNT_OF(reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].text;
	return "Status";
}

static void add_chunk(struct conn *c, const char *p, size_t n)
{
	if (!n)
		return; /* it would end the body */
	addf(&c->out, "%zx\r\n", n);
	add(&c->out, p, n);
	add(&c->out, "\r\n", 2);
}

static void end_chunks(struct conn *c)
{
	add_text(&c->out, "0\r\n\r\n");
}

static void send_whole(struct conn *c, int status, const char *more_headers,
    const struct bytes *body)
{
	addf(&c->out,
	    "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\n%sContent-Length: %zu\r\n\r\n",
	    status, reason(status), more_headers, body->n);
	add(&c->out, body->p, body->n);
}

/* ---- scripts -------------------------------------------------------------------------- */

static const struct {
	const char *name;
	enum op_kind kind;
	int numbers; /* that stand before the text */
} directives[] = {
	{ "status", OP_STATUS, 1 },
	{ "header", OP_HEADER, 0 },
	{ "delay", OP_DELAY, 1 },
	{ "body", OP_BODY, 0 },
	{ "file", OP_FILE, 0 },
	{ "chunk", OP_CHUNK, 0 },
	{ "event", OP_EVENT, 0 },
	{ "repeat", OP_REPEAT, 2 },
	{ "cut", OP_CUT, 0 },
	{ "reset", OP_RESET, 0 },
	{ "stall", OP_STALL, 0 },
	{ "end", OP_END, 0 },
};

static bool read_file(const char *dir, const char *name, struct bytes *out)
{
	char path[PATH_MAX];
	size_t got;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "rb");
	if (!f)
		return false;
	do {
		bytes_reserve(out, READ_BYTES);
		got = fread(out->p + out->n, 1, READ_BYTES, f);
		out->n += got;
		out->p[out->n] = '\0';
	} while (got);
	fclose(f);
	return true;
}

static void add_unescaped(struct bytes *out, const char *p)
{
	static const char from[] = "nrt\\", to[] = "\n\r\t\\";
	const char *known;
	char hex[3];

	for (; *p; p++) {
		if (*p != '\\' || !p[1]) {
			add(out, p, 1);
		} else if (p[1] == 'x' && isxdigit((unsigned char)p[2]) &&
		    isxdigit((unsigned char)p[3])) {
			memcpy(hex, p + 2, 2);
			hex[2] = '\0';
			add(out, &(char){ (char)strtol(hex, NULL, 16) }, 1);
			p += 3;
		} else if ((known = strchr(from, p[1]))) {
			add(out, &to[known - from], 1);
			p++;
		} else {
			add(out, p, 1);
		}
	}
}

/* A mistake in a script ends the program: a test that plays something else than it says is worse
 * than one that fails. */
_Noreturn static void bad_script(const char *line)
{
	fprintf(stderr, "fake_upstream: cannot read the script line '%s'\n", line);
	exit(2);
}

static long take_number(const char **p, const char *line)
{
	char *end;
	long n = strtol(*p, &end, 10);

	if (end == *p || n < 0)
		bad_script(line);
	*p = end + (*end == ' ');
	return n;
}

static void note_header(struct script *s, const struct op *op)
{
	addf(&s->headers, "%s\r\n", op->text.p);
	s->has_length |= !strncasecmp(op->text.p, "content-length:", 15) ||
	    !strncasecmp(op->text.p, "transfer-encoding:", 18);
	s->has_type |= !strncasecmp(op->text.p, "content-type:", 13);
}

/* What the head needs to know before the first byte of the body is played. */
static void note_op(struct script *s, const struct op *op)
{
	if (op->kind == OP_STATUS)
		s->status = (int)op->n;
	if (op->kind == OP_HEADER)
		note_header(s, op);
	if (op->kind == OP_BODY || op->kind == OP_FILE)
		s->body_bytes += op->text.n;
	s->has_events |= op->kind == OP_EVENT;
	s->chunked |= op->kind == OP_EVENT || op->kind == OP_CHUNK || op->kind == OP_REPEAT;
}

static void read_line(struct script *s, const char *line)
{
	size_t word = strcspn(line, " "), i = 0;
	const char *p = line + word + (line[word] == ' ');
	struct op *op;

	while (i < COUNT_OF(directives) &&
	    (strlen(directives[i].name) != word || strncmp(directives[i].name, line, word) != 0))
		i++;
	if (i == COUNT_OF(directives))
		bad_script(line);

	s->ops = checked(realloc(s->ops, (s->count + 1) * sizeof(*s->ops)));
	op = &s->ops[s->count++];
	*op = (struct op){ .kind = directives[i].kind };
	if (directives[i].numbers > 0)
		op->n = take_number(&p, line);
	if (directives[i].numbers > 1)
		op->ms = take_number(&p, line);
	if (op->kind == OP_FILE) {
		if (!read_file(fake.scripts, p, &op->text))
			bad_script(line);
	} else {
		add_unescaped(&op->text, p);
	}
	if (op->kind == OP_DELAY)
		op->ms = op->n;
	bytes_reserve(&op->text, 0);
	op->text.p[op->text.n] = '\0';
	note_op(s, op);
}

static bool script_load(struct script *s, const char *model)
{
	char name[NAME_MAX_BYTES + 16];
	struct bytes text = { 0 };
	char *line, *next;

	if (!fake.scripts || !*model || *model == '.')
		return false;
	snprintf(name, sizeof(name), "%s.script", model);
	for (char *p = name; *p; p++)
		if (*p == '/')
			*p = '_';
	if (!read_file(fake.scripts, name, &text))
		return false;
	*s = (struct script){ .status = 200 };
	for (line = text.p; line && *line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		line[strcspn(line, "\r")] = '\0';
		if (*line && *line != '#')
			read_line(s, line);
	}
	bytes_free(&text);
	return true;
}

static void script_free(struct script *s)
{
	for (size_t i = 0; i < s->count; i++)
		bytes_free(&s->ops[i].text);
	free(s->ops);
	bytes_free(&s->headers);
	*s = (struct script){ 0 };
}

static void script_head(struct conn *c)
{
	struct script *s = &c->script;

	if (s->head_sent)
		return;
	s->head_sent = true;
	addf(&c->out, "HTTP/1.1 %d %s\r\n", s->status, reason(s->status));
	if (!s->has_type)
		addf(&c->out, "Content-Type: %s\r\n",
		    s->has_events ? "text/event-stream" : "application/json");
	if (s->headers.n)
		add(&c->out, s->headers.p, s->headers.n);
	if (s->chunked)
		add_text(&c->out, "Transfer-Encoding: chunked\r\n");
	else if (!s->has_length)
		addf(&c->out, "Content-Length: %zu\r\n", s->body_bytes);
	add_text(&c->out, "\r\n");
}

static void script_piece(struct conn *c, const struct op *op)
{
	struct bytes event = { 0 };

	script_head(c);
	if (op->kind == OP_EVENT) {
		addf(&event, "data: %s\n\n", op->text.p);
		add_chunk(c, event.p, event.n);
		bytes_free(&event);
	} else if (c->script.chunked) {
		add_chunk(c, op->text.p, op->text.n);
	} else {
		add(&c->out, op->text.p, op->text.n);
	}
}

static int64_t script_repeat(struct conn *c, const struct op *op)
{
	struct script *s = &c->script;

	if (s->repeated == op->n) {
		s->repeated = 0;
		return STEP_ON;
	}
	script_piece(c, op);
	if (++s->repeated < op->n)
		s->at--; /* once more */
	else
		s->repeated = 0;
	return op->ms * 1000;
}

static int64_t script_end(struct conn *c)
{
	script_head(c);
	if (c->script.chunked)
		end_chunks(c);
	return STEP_DONE;
}

static int64_t script_step(struct conn *c)
{
	struct script *s = &c->script;
	const struct op *op;

	if (s->at == s->count)
		return script_end(c);
	op = &s->ops[s->at++];
	switch (op->kind) {
	case OP_STATUS:
	case OP_HEADER:
		return STEP_ON;
	case OP_DELAY:
		return op->ms * 1000;
	case OP_BODY:
	case OP_FILE:
	case OP_CHUNK:
	case OP_EVENT:
		script_piece(c, op);
		return STEP_ON;
	case OP_REPEAT:
		return script_repeat(c, op);
	case OP_CUT:
		return STEP_CUT;
	case OP_RESET:
		return STEP_RESET;
	case OP_STALL:
		return STEP_STALL;
	case OP_END:
		return script_end(c);
	}
	return STEP_DONE;
}

/* ---- built-in streams ----------------------------------------------------------------- */

static void sse_chat(struct bytes *b, const struct stream *s, const char *delta, const char *finish)
{
	addf(b,
	    "data: {\"id\":\"chatcmpl-fake\",\"object\":\"chat.completion.chunk\",\"created\":%d,"
	    "\"model\":\"%s\",\"choices\":[{\"index\":0,\"delta\":{%s},\"finish_reason\":%s}]}\n\n",
	    CREATED, s->model, delta, finish);
}

static void sse_text(struct bytes *b, const struct stream *s, const char *text, const char *finish)
{
	addf(b,
	    "data: {\"id\":\"cmpl-fake\",\"object\":\"text_completion\",\"created\":%d,"
	    "\"model\":\"%s\",\"choices\":[{\"text\":\"%s\",\"index\":0,\"logprobs\":null,"
	    "\"finish_reason\":%s}]}\n\n",
	    CREATED, s->model, text, finish);
}

static void ndjson_chat(struct bytes *b, const struct stream *s, const char *text)
{
	addf(b,
	    "{\"model\":\"%s\",\"created_at\":\"2023-11-14T22:13:20Z\",\"message\":{\"role\":"
	    "\"assistant\",\"content\":\"%s\"},\"done\":false}\n",
	    s->model, text);
}

static void ndjson_end(struct bytes *b, const struct stream *s, const char *text)
{
	addf(b,
	    "{\"model\":\"%s\",\"created_at\":\"2023-11-14T22:13:20Z\",\"message\":{\"role\":"
	    "\"assistant\",\"content\":\"%s\"},\"done_reason\":\"stop\",\"done\":true,"
	    "\"total_duration\":1000000,\"load_duration\":1000,\"prompt_eval_count\":%lld,"
	    "\"prompt_eval_duration\":1000,\"eval_count\":7,\"eval_duration\":1000}\n",
	    s->model, text, (long long)s->prompt_tokens);
}

/* Content chunk number i of the stream. */
static void add_content(struct bytes *b, const struct stream *s, long i)
{
	char text[48], delta[80];

	if (s->timed)
		snprintf(text, sizeof(text), "t=%lld ", (long long)now_us());
	else
		snprintf(text, sizeof(text), "word%ld ", i);
	snprintf(delta, sizeof(delta), "\"content\":\"%s\"", text);
	if (s->shape == SHAPE_CHAT)
		sse_chat(b, s, delta, "null");
	else if (s->shape == SHAPE_TEXT)
		sse_text(b, s, text, "null");
	else
		ndjson_chat(b, s, text);
}

static void add_usage(struct bytes *b, const struct stream *s)
{
	addf(b,
	    "data: {\"id\":\"%s-fake\",\"object\":\"%s\",\"created\":%d,\"model\":\"%s\","
	    "\"choices\":[],\"usage\":{\"prompt_tokens\":%lld,\"completion_tokens\":7,"
	    "\"total_tokens\":%lld}}\n\n",
	    s->shape == SHAPE_CHAT ? "chatcmpl" : "cmpl",
	    s->shape == SHAPE_CHAT ? "chat.completion.chunk" : "text_completion", CREATED, s->model,
	    (long long)s->prompt_tokens, (long long)s->prompt_tokens + 7);
}

/* What comes after the content; each event is a chunk of its own. */
static void add_closing(struct conn *c)
{
	struct stream *s = &c->stream;
	struct bytes b = { 0 };

	if (s->shape == SHAPE_OLLAMA) {
		ndjson_end(&b, s, "");
		add_chunk(c, b.p, b.n);
		bytes_free(&b);
		return;
	}
	if (s->shape == SHAPE_CHAT)
		sse_chat(&b, s, "", "\"stop\"");
	else
		sse_text(&b, s, "", "\"stop\"");
	add_chunk(c, b.p, b.n);
	if (s->usage) {
		b.n = 0;
		add_usage(&b, s);
		add_chunk(c, b.p, b.n);
	}
	add_chunk(c, "data: [DONE]\n\n", 14);
	bytes_free(&b);
}

static void begin_stream(struct conn *c)
{
	struct stream *s = &c->stream;
	struct bytes b = { 0 };

	addf(&c->out,
	    "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nCache-Control: no-cache\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n",
	    s->shape == SHAPE_OLLAMA ? "application/x-ndjson" : "text/event-stream");
	if (s->shape == SHAPE_CHAT) {
		sse_chat(&b, s, "\"role\":\"assistant\",\"content\":\"\"", "null");
		add_chunk(c, b.p, b.n);
		bytes_free(&b);
	}
}

/* at == -1: nothing was sent yet; at == chunks: all content was. */
static int64_t stream_step(struct conn *c)
{
	struct stream *s = &c->stream;
	struct bytes b = { 0 };
	long wait_ms = s->wait_ms;

	if (wait_ms) {
		s->wait_ms = 0;
		return wait_ms * 1000;
	}
	if (s->whole) {
		send_whole(c, 200, "", &s->body);
		return STEP_DONE;
	}
	if (s->at < 0) {
		begin_stream(c);
		s->at = 0;
		return STEP_ON;
	}
	if (s->at == s->chunks) {
		add_closing(c);
		end_chunks(c);
		return STEP_DONE;
	}
	add_content(&b, s, s->at++);
	add_chunk(c, b.p, b.n);
	bytes_free(&b);
	return s->every_ms * 1000;
}

/* ---- built-in replies ----------------------------------------------------------------- */

static void chat_body(struct bytes *b, const struct stream *s, const char *json)
{
	size_t n;
	const char *text = last_user_text(json, &n);

	addf(b,
	    "{\"id\":\"chatcmpl-fake%llu\",\"object\":\"chat.completion\",\"created\":%d,"
	    "\"model\":\"%s\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
	    "\"content\":\"echo: %.*s\",\"refusal\":null,\"annotations\":[]},\"logprobs\":null,"
	    "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":%lld,\"completion_tokens\":"
	    "7,"
	    "\"total_tokens\":%lld,\"prompt_tokens_details\":{\"cached_tokens\":0,"
	    "\"audio_tokens\":0},\"completion_tokens_details\":{\"reasoning_tokens\":0,"
	    "\"audio_tokens\":0,\"accepted_prediction_tokens\":0,"
	    "\"rejected_prediction_tokens\":0}},\"service_tier\":\"default\","
	    "\"system_fingerprint\":\"fp_fake\"}",
	    (unsigned long long)fake.serial, CREATED, s->model, (int)n, text,
	    (long long)s->prompt_tokens, (long long)s->prompt_tokens + 7);
}

static void text_body(struct bytes *b, const struct stream *s, const char *json)
{
	size_t n;
	const char *text = last_user_text(json, &n);

	addf(b,
	    "{\"id\":\"cmpl-fake%llu\",\"object\":\"text_completion\",\"created\":%d,\"model\":"
	    "\"%s\",\"choices\":[{\"text\":\"echo: %.*s\",\"index\":0,\"logprobs\":null,"
	    "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":%lld,"
	    "\"completion_tokens\":7,\"total_tokens\":%lld}}",
	    (unsigned long long)fake.serial, CREATED, s->model, (int)n, text,
	    (long long)s->prompt_tokens, (long long)s->prompt_tokens + 7);
}

static void ollama_body(struct bytes *b, const struct stream *s, const char *json)
{
	char echo[80];
	size_t n;
	const char *text = last_user_text(json, &n);

	snprintf(echo, sizeof(echo), "echo: %.*s", (int)n, text);
	ndjson_end(b, s, echo);
}

/* "stream-20-5" after its first dash: chunks and milliseconds. */
static bool two_numbers(const char *model, long *a, long *b)
{
	const char *p = strchr(model, '-');

	return p && sscanf(p, "-%ld-%ld", a, b) == 2 && *a >= 0 && *b >= 0;
}

static void answer_chat(struct conn *c, const char *model, const char *json, enum shape shape)
{
	static void (*const bodies[])(struct bytes *, const struct stream *,
	    const char *) = { chat_body, text_body, ollama_body };
	struct stream *s = &c->stream;
	bool streams = shape == SHAPE_OLLAMA ? !is_false(json, "stream") : is_true(json, "stream");
	int64_t messages = count_members(json, "role");

	s->shape = shape;
	s->whole = !streams;
	s->chunks = 5;
	s->every_ms = 0;
	s->at = -1;
	s->wait_ms = !strncmp(model, "slow-", 5) ? strtol(model + 5, NULL, 10) : 0;
	s->timed = !strncmp(model, "bench", 5);
	if (s->timed || !strncmp(model, "stream-", 7))
		two_numbers(model, &s->chunks, &s->every_ms);
	s->usage = is_true(json, "include_usage");
	s->prompt_tokens = 10 * (messages ? messages : 1);
	snprintf(s->model, sizeof(s->model), "%s", model);
	s->body.n = 0;
	if (s->whole)
		bodies[shape](&s->body, s, json);
	c->step = stream_step;
}

static void add_vector(struct bytes *b, int64_t i)
{
	for (int k = 0; k < 8; k++)
		addf(b, "%s%.4f", k ? "," : "[", (double)((i * 8 + k) % 97) / 97.0 - 0.5);
	add_text(b, "]");
}

static int64_t finished_step(struct conn *c)
{
	return STEP_DONE;
}

/* A reply that is in c->out already. */
void answer_now(struct conn *c, int status, const char *more_headers, struct bytes *body)
{
	send_whole(c, status, more_headers, body);
	bytes_free(body);
	c->step = finished_step;
}

void answer_as(struct conn *c, int status, const char *headers, const char *p, size_t n)
{
	addf(&c->out, "HTTP/1.1 %d %s\r\n%sContent-Length: %zu\r\n\r\n", status, reason(status),
	    headers, n);
	add(&c->out, p, n);
	c->step = finished_step;
}

void answer_events(struct conn *c, struct bytes *body)
{
	add_text(&c->out,
	    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n");
	add_chunk(c, body->p, body->n);
	end_chunks(c);
	bytes_free(body);
	c->step = finished_step;
}

static void answer_embeddings(struct conn *c, const char *model, const char *json)
{
	int64_t inputs = count_inputs(json);
	struct bytes b = { 0 };

	add_text(&b, "{\"object\":\"list\",\"data\":[");
	for (int64_t i = 0; i < inputs; i++) {
		addf(&b, "%s{\"object\":\"embedding\",\"index\":%lld,\"embedding\":", i ? "," : "",
		    (long long)i);
		add_vector(&b, i);
		add_text(&b, "}");
	}
	addf(&b, "],\"model\":\"%s\",\"usage\":{\"prompt_tokens\":%lld,\"total_tokens\":%lld}}",
	    model, (long long)inputs * 10, (long long)inputs * 10);
	answer_now(c, 200, "", &b);
}

static void answer_embed(struct conn *c, const char *model, const char *json)
{
	int64_t inputs = count_inputs(json);
	struct bytes b = { 0 };

	addf(&b, "{\"model\":\"%s\",\"embeddings\":[", model);
	for (int64_t i = 0; i < inputs; i++) {
		add_text(&b, i ? "," : "");
		add_vector(&b, i);
	}
	addf(&b, "],\"total_duration\":1000,\"load_duration\":100,\"prompt_eval_count\":%lld}",
	    (long long)inputs * 10);
	answer_now(c, 200, "", &b);
}

static void answer_models(struct conn *c)
{
	struct bytes b = { 0 };

	add_text(&b,
	    "{\"object\":\"list\",\"data\":["
	    "{\"id\":\"fake-small\",\"object\":\"model\",\"created\":1700000000,\"owned_by\":"
	    "\"fake\"},"
	    "{\"id\":\"fake-large\",\"object\":\"model\",\"created\":1700000000,\"owned_by\":"
	    "\"fake\"}"
	    "]}");
	answer_now(c, 200, "", &b);
}

void answer_error(struct conn *c, int status, const char *message, bool ollama)
{
	static const struct {
		int status;
		const char *type, *code;
	} kinds[] = {
		{ 400, "invalid_request_error", "null" },
		{ 401, "invalid_request_error", "\"invalid_api_key\"" },
		{ 403, "invalid_request_error", "\"unsupported_country_region_territory\"" },
		{ 404, "invalid_request_error", "\"model_not_found\"" },
		{ 429, "requests", "\"rate_limit_exceeded\"" },
	};
	const char *type = "server_error", *code = "null";
	struct bytes b = { 0 };

	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		if (kinds[i].status == status) {
			type = kinds[i].type;
			code = kinds[i].code;
		}
	}
	if (ollama)
		addf(&b, "{\"error\":\"%s\"}", message);
	else
		addf(&b,
		    "{\"error\":{\"message\":\"%s\",\"type\":\"%s\",\"param\":null,\"code\":%s}}",
		    message, type, code);
	answer_now(c, status, status == 429 ? "Retry-After: 1\r\n" : "", &b);
}

/* ---- questions about ourselves -------------------------------------------------------- */

static void answer_stats(struct conn *c)
{
	struct bytes b = { 0 };

	addf(&b, "{\"requests\":%llu,\"in_flight\":%llu,\"cancelled\":%llu,\"connections\":%llu}",
	    (unsigned long long)fake.stats.requests, (unsigned long long)fake.stats.in_flight,
	    (unsigned long long)fake.stats.cancelled, (unsigned long long)fake.stats.connections);
	answer_now(c, 200, "", &b);
}

/* Bytes of the well-formed UTF-8 character at p, or 0; surrogates are let pass. */
static size_t utf8_length(const unsigned char *p, size_t n)
{
	size_t need = p[0] < 0x80 ? 1
	    : p[0] < 0xC2         ? 0
	    : p[0] < 0xE0         ? 2
	    : p[0] < 0xF0         ? 3
	    : p[0] < 0xF5         ? 4
	                          : 0;

	if (need > n)
		return 0;
	for (size_t i = 1; i < need; i++)
		if ((p[i] & 0xC0) != 0x80)
			return 0;
	return need;
}

void add_json_string(struct bytes *b, const char *text, size_t n)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t step;

	add_text(b, "\"");
	for (size_t i = 0; i < n; i += step ? step : 1) {
		step = utf8_length(p + i, n - i);
		if (!step || p[i] < 0x20 || p[i] == '"' || p[i] == '\\')
			addf(b, "\\u%04x", p[i]);
		else
			add(b, text + i, step);
	}
	add_text(b, "\"");
}

/* The header lines of a head as members; names in lower case. */
static void add_headers(struct bytes *b, const char *p, const char *end)
{
	bool first = true;

	while (p < end) {
		const char *eol = memchr(p, '\r', (size_t)(end - p)), *colon;
		char name[256];
		size_t n;

		if (!eol || eol == p)
			break;
		colon = memchr(p, ':', (size_t)(eol - p));
		n = colon ? (size_t)(colon - p) : 0;
		if (n && n < sizeof(name)) {
			for (size_t i = 0; i < n; i++)
				name[i] = (char)tolower((unsigned char)p[i]);
			for (colon++; colon < eol && *colon == ' ';)
				colon++;
			add_text(b, first ? "" : ",");
			add_json_string(b, name, n);
			add_text(b, ":");
			add_json_string(b, colon, (size_t)(eol - colon));
			first = false;
		}
		p = eol + 2;
	}
}

static void answer_last(struct conn *c)
{
	struct bytes b = { 0 };
	const char *p = fake.last.p, *path, *end, *lines;

	if (!fake.last.n) {
		answer_error(c, 404, "there was no request", false);
		return;
	}
	path = strchr(p, ' ') + 1;
	end = strchr(path, ' ');
	lines = strstr(p, "\r\n") + 2;
	add_text(&b, "{\"method\":");
	add_json_string(&b, p, (size_t)(path - 1 - p));
	add_text(&b, ",\"path\":");
	add_json_string(&b, path, (size_t)(end - path));
	add_text(&b, ",\"headers\":{");
	add_headers(&b, lines, p + fake.last_head);
	add_text(&b, "},\"body\":");
	add_json_string(&b, p + fake.last_head, fake.last.n - fake.last_head);
	add_text(&b, "}");
	answer_now(c, 200, "", &b);
}

static void answer_reset(struct conn *c)
{
	struct bytes b = { 0 };
	uint64_t in_flight = fake.stats.in_flight;

	fake.stats = (struct stats){ .in_flight = in_flight };
	fake.last.n = 0;
	add_text(&b, "{}");
	answer_now(c, 200, "", &b);
}

/* ---- requests ------------------------------------------------------------------------- */

bool ends_with(const char *path, const char *suffix)
{
	size_t n = strlen(path), m = strlen(suffix);

	return n >= m && !strcmp(path + n - m, suffix);
}

/* From the body, JSON or a form, or from …/models/NAME:verb. */
static void find_model(struct request *r)
{
	static const char in_form[] = "name=\"model\"\r\n\r\n";
	const char *value = member(r->body, "model"), *in_path = strstr(r->path, "/models/");
	size_t n;

	r->model[0] = '\0';
	if (value && *value == '"') {
		n = string_length(value);
		value++;
	} else if (in_path) {
		value = in_path + strlen("/models/");
		n = strcspn(value, ":");
	} else if ((value = strstr(r->body, in_form))) {
		value += strlen(in_form);
		n = strcspn(value, "\r");
	} else {
		return;
	}
	if (n >= sizeof(r->model))
		n = sizeof(r->model) - 1;
	memcpy(r->model, value, n);
	r->model[n] = '\0';
}

static void answer_provider(struct conn *c, const struct request *r)
{
	const char *path = r->path, *model = r->model;
	bool ollama = ends_with(path, "/api/chat") || ends_with(path, "/api/embed");

	if (script_load(&c->script, model)) {
		c->step = script_step;
		return;
	}
	if (!strncmp(model, "error-", 6)) {
		char message[NAME_MAX_BYTES + 32];
		long status = strtol(model + 6, NULL, 10);

		snprintf(message, sizeof(message), "fake error of %s", model);
		answer_error(c, status >= 400 && status < 600 ? (int)status : 500, message, ollama);
		return;
	}
	if (!strcmp(r->method, "GET") && ends_with(path, "/models"))
		answer_models(c);
	else if (fake_balance(c, r) || fake_google(c, r) || fake_claude(c, r) || fake_west(c, r) ||
	    fake_responses(c, r) || fake_media(c, r) || fake_resources(c, r))
		return;
	else if (strcmp(r->method, "POST") != 0)
		answer_error(c, 404, "unknown method or path", false);
	else if (ends_with(path, "/chat/completions"))
		answer_chat(c, model, r->body, SHAPE_CHAT);
	else if (ends_with(path, "/completions"))
		answer_chat(c, model, r->body, SHAPE_TEXT);
	else if (ends_with(path, "/embeddings"))
		answer_embeddings(c, model, r->body);
	else if (ends_with(path, "/api/chat"))
		answer_chat(c, model, r->body, SHAPE_OLLAMA);
	else if (ends_with(path, "/api/embed"))
		answer_embed(c, model, r->body);
	else
		answer_error(c, 404, "unknown method or path", false);
}

static bool answer_question(struct conn *c, const struct request *r)
{
	static const struct {
		const char *path;
		void (*answer)(struct conn *c);
	} questions[] = {
		{ "/_stats", answer_stats },
		{ "/_last", answer_last },
		{ "/_reset", answer_reset },
	};

	for (size_t i = 0; i < COUNT_OF(questions); i++) {
		if (!strcmp(r->path, questions[i].path)) {
			questions[i].answer(c);
			return true;
		}
	}
	return false;
}

static void remember(const struct request *r)
{
	size_t body = r->body_bytes < LAST_MAX ? r->body_bytes : LAST_MAX;

	fake.last.n = 0;
	add(&fake.last, r->head, r->head_bytes);
	add(&fake.last, r->body, body);
	fake.last_head = r->head_bytes;
}

static void log_request(const struct conn *c, const struct request *r)
{
	if (!fake.log)
		return;
	fprintf(fake.log, "%lld fd=%d %s %s model=%s bytes=%zu\n", (long long)now_us(), c->fd,
	    r->method, r->path, r->model, r->body_bytes);
	fflush(fake.log);
}

static void log_end(const struct conn *c, const char *how)
{
	if (!fake.log)
		return;
	fprintf(fake.log, "%lld fd=%d %s\n", (long long)now_us(), c->fd, how);
	fflush(fake.log);
}

/* Value of a header within a head, or NULL; it ends with CR. */
static const char *header(const char *head, const char *end, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = head; p < end;) {
		const char *lf = memchr(p, '\n', (size_t)(end - p));

		if (!lf)
			break;
		p = lf + 1;
		if ((size_t)(end - p) > n && !strncasecmp(p, name, n) && p[n] == ':')
			return p + n + 1 + strspn(p + n + 1, " ");
	}
	return NULL;
}

/* Fills r when a whole request is in c->in: 1; 0 when not yet; -1 when it is none. */
static int parse_request(struct conn *c, struct request *r)
{
	const char *head = c->in.p, *end, *value;
	unsigned long length = 0;
	char line[1100];

	end = c->in.n ? memmem(head, c->in.n, "\r\n\r\n", 4) : NULL;
	if (!end)
		return c->in.n > HEAD_MAX ? -1 : 0;
	end += 4;
	/* sscanf takes the length of all that it is given, and this comes again with every read. */
	snprintf(line, sizeof(line), "%.*s", (int)strcspn(head, "\r\n"), head);
	if (sscanf(line, "%15s %1023[^ ?\r\n]", r->method, r->path) != 2)
		return -1;
	value = header(head, end, "content-length");
	if (value)
		length = strtoul(value, NULL, 10);
	if (length > BODY_MAX || header(head, end, "transfer-encoding"))
		return -1;
	r->query[0] = '\0';
	if (head[strcspn(head, " ") + 1 + strlen(r->path)] == '?')
		snprintf(r->query, sizeof(r->query), "%.*s",
		    (int)strcspn(strchr(head, '?'), " \r\n"), strchr(head, '?'));
	value = header(head, end, "authorization");
	snprintf(r->account, sizeof(r->account), "%.*s", value ? (int)strcspn(value, "\r") : 0,
	    value ? value : "");
	r->head = head;
	r->head_bytes = (size_t)(end - head);
	if (c->in.n - r->head_bytes < length)
		return 0;
	r->body = end;
	r->body_bytes = length;
	value = header(head, end, "connection");
	c->close_after = value && !strncasecmp(value, "close", 5);
	c->request_bytes = r->head_bytes + length;
	return 1;
}

static void begin_request(struct conn *c, struct request *r)
{
	char behind = c->in.p[c->request_bytes];

	c->in.p[c->request_bytes] = '\0'; /* a second request may follow */
	c->quiet = answer_question(c, r);
	if (!c->quiet) {
		find_model(r);
		remember(r);
		log_request(c, r);
		fake.serial++;
		fake.stats.requests++;
		fake.stats.in_flight++;
		fake.stats.connections += !c->counted;
		c->counted = true;
		answer_provider(c, r);
	}
	c->in.p[c->request_bytes] = behind;
	drop_front(&c->in, c->request_bytes);
	if (!c->in.n && c->in.cap > READ_BYTES)
		bytes_free(&c->in);
}

/* ---- connections ---------------------------------------------------------------------- */

static void rearm(struct conn *c)
{
	uint32_t events = EPOLLIN | EPOLLRDHUP | (c->out.n > c->out_sent ? EPOLLOUT : 0);
	struct epoll_event ev = { .events = events, .data.ptr = c };

	if (events == c->armed)
		return;
	epoll_ctl(fake.epoll, EPOLL_CTL_MOD, c->fd, &ev);
	c->armed = events;
}

static void end_request(struct conn *c, const char *how)
{
	if (!c->step)
		return;
	c->step = NULL;
	c->stalled = false;
	timer_clear(c);
	if (!c->quiet) {
		fake.stats.in_flight--;
		log_end(c, how);
	}
	script_free(&c->script);
}

/* The memory stays until the batch is over: another event may point to it. */
static void conn_close(struct conn *c)
{
	if (c->closed)
		return;
	end_request(c, "closed");
	close(c->fd);
	c->closed = true;
	c->next_closed = fake.closed;
	fake.closed = c;
}

static void conn_reset(struct conn *c)
{
	struct linger hard = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	conn_close(c);
}

static void free_closed(void)
{
	while (fake.closed) {
		struct conn *c = fake.closed;

		fake.closed = c->next_closed;
		bytes_free(&c->in);
		bytes_free(&c->out);
		bytes_free(&c->stream.body);
		free(c);
	}
}

/* The client left. */
static void lost(struct conn *c)
{
	if (c->step && !c->quiet) {
		fake.stats.cancelled++;
		end_request(c, "cancelled");
	}
	conn_close(c);
}

/* False when the connection is gone. */
static bool flush(struct conn *c)
{
	while (c->out_sent < c->out.n) {
		ssize_t n = send(c->fd, c->out.p + c->out_sent, c->out.n - c->out_sent,
		    MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) {
			lost(c);
			return false;
		}
		c->out_sent += (size_t)n;
	}
	if (c->out_sent == c->out.n)
		c->out.n = c->out_sent = 0;
	if (!c->out.n && c->out.cap > READ_BYTES)
		bytes_free(&c->out);
	return true;
}

static bool finish_reply(struct conn *c)
{
	end_request(c, "done");
	if (!flush(c))
		return false;
	if (c->close_after && !c->out.n) {
		conn_close(c);
		return false;
	}
	return true;
}

/* Ends the connection in the way the script says, as soon as what was said before is out. */
static void break_off(struct conn *c, int64_t how)
{
	c->break_how = how;
	c->stalled = true;
	if (!flush(c))
		return;
	if (c->out.n)
		rearm(c);
	else if (how == STEP_RESET)
		conn_reset(c);
	else
		conn_close(c);
}

/* Plays on until the reply has to wait. False when the connection is gone. */
static bool play(struct conn *c)
{
	while (c->step && !c->stalled) {
		int64_t wait_us;

		if (c->out.n - c->out_sent > BACKLOG_HIGH && !flush(c))
			return false;
		if (c->out.n - c->out_sent > BACKLOG_HIGH) {
			c->waits_for_room = true; /* on_writable goes on */
			return true;
		}
		wait_us = c->step(c);
		if (wait_us == STEP_DONE)
			return finish_reply(c);
		if (wait_us == STEP_CUT || wait_us == STEP_RESET) {
			break_off(c, wait_us);
			return false;
		}
		if (wait_us == STEP_STALL)
			c->stalled = true;
		if (wait_us > 0) {
			/* From when it was due, so that a stream keeps its pace. */
			int64_t now = now_us(), from = c->due_us > now - wait_us ? c->due_us : now;

			timer_set(c, from < now ? from + wait_us : now + wait_us);
			break;
		}
	}
	return flush(c);
}

/* Answers what is complete in c->in. */
static void serve(struct conn *c)
{
	struct request r;
	int found;

	while (!c->step && !c->closed && !c->out.n) {
		found = parse_request(c, &r);
		if (found < 0) {
			conn_close(c);
			return;
		}
		if (!found)
			break;
		c->due_us = 0;
		begin_request(c, &r);
		if (!play(c))
			return;
	}
	if (!c->closed)
		rearm(c);
}

static void on_readable(struct conn *c)
{
	ssize_t n;

	if (c->in.n > HEAD_MAX + BODY_MAX) {
		conn_close(c);
		return;
	}
	n = recv(c->fd, fake.spare, sizeof(fake.spare), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		lost(c);
		return;
	}
	add(&c->in, fake.spare, (size_t)n);
	serve(c);
}

static void on_writable(struct conn *c)
{
	if (!flush(c))
		return;
	if (c->break_how) {
		break_off(c, c->break_how);
		return;
	}
	if (!c->step && c->close_after && !c->out.n) {
		conn_close(c);
		return;
	}
	if (c->waits_for_room && c->out.n - c->out_sent < BACKLOG_HIGH / 2) {
		c->waits_for_room = false;
		if (!play(c))
			return;
	}
	serve(c);
}

static void on_event(struct conn *c, uint32_t events)
{
	if (!c->closed && (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)))
		on_readable(c);
	if (!c->closed && (events & EPOLLOUT))
		on_writable(c);
}

static void accept_some(void)
{
	for (int i = 0; i < 64; i++) {
		int fd = accept4(fake.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), on = 1;
		struct conn *c;
		struct epoll_event ev;

		if (fd < 0)
			return;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		c = checked(calloc(1, sizeof(*c)));
		c->fd = fd;
		c->armed = EPOLLIN | EPOLLRDHUP;
		ev = (struct epoll_event){ .events = c->armed, .data.ptr = c };
		if (epoll_ctl(fake.epoll, EPOLL_CTL_ADD, fd, &ev) < 0) {
			close(fd);
			free(c);
		}
	}
}

static void run_timers(void)
{
	int64_t now = now_us();

	while (fake.timers && fake.heap[1]->due_us <= now) {
		struct conn *c = fake.heap[1];

		timer_clear(c);
		if (play(c))
			serve(c);
	}
}

static int until_next_timer_ms(void)
{
	int64_t us;

	if (!fake.timers)
		return -1;
	us = fake.heap[1]->due_us - now_us();
	return us <= 0 ? 0 : (int)(us / 1000 + 1);
}

static void run(void)
{
	struct epoll_event batch[BATCH];

	for (;;) {
		int n = epoll_wait(fake.epoll, batch, BATCH, until_next_timer_ms());

		for (int i = 0; i < n; i++) {
			if (!batch[i].data.ptr)
				accept_some();
			else
				on_event(batch[i].data.ptr, batch[i].events);
		}
		run_timers();
		free_closed();
	}
}

/* ---- start ---------------------------------------------------------------------------- */

_Noreturn static void die(const char *what)
{
	fprintf(stderr, "fake_upstream: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void raise_limit(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &files) < 0)
			perror("fake_upstream: descriptors");
	}
}

static void listen_on(uint16_t port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(port) };
	socklen_t length = sizeof(addr);
	struct epoll_event ev = { .events = EPOLLIN };
	int on = 1;

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fake.listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fake.listener < 0)
		die("socket");
	setsockopt(fake.listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fake.listener, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		die("bind");
	if (listen(fake.listener, 4096) < 0)
		die("listen");
	fake.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (fake.epoll < 0 || epoll_ctl(fake.epoll, EPOLL_CTL_ADD, fake.listener, &ev) < 0)
		die("epoll");
	getsockname(fake.listener, (struct sockaddr *)&addr, &length);
	printf("listening %u\n", ntohs(addr.sin_port));
	fflush(stdout);
}

_Noreturn static void usage(void)
{
	fputs("usage: fake_upstream [--port N] [--scripts DIR] [--log FILE]\n", stderr);
	exit(2);
}

int main(int argc, char **argv)
{
	long port = 0;

	for (int i = 1; i < argc; i += 2) {
		if (i + 1 == argc)
			usage();
		if (!strcmp(argv[i], "--port"))
			port = strtol(argv[i + 1], NULL, 10);
		else if (!strcmp(argv[i], "--scripts"))
			fake.scripts = argv[i + 1];
		else if (!strcmp(argv[i], "--log"))
			fake.log = fopen(argv[i + 1], "a");
		else
			usage();
		if (!strcmp(argv[i], "--log") && !fake.log)
			die(argv[i + 1]);
	}
	if (port < 0 || port > 65535)
		usage();
	raise_limit();
	listen_on((uint16_t)port);
	run();
}
