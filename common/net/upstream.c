/* upstream.c — one upstream call: request, reply, deadlines, back-pressure
 *
 * DESIGN. Each wire has a pool: its curl multi (multi.h) and the list of calls that run.
 *
 * curl must not be entered from its own callbacks, and callers must not be called back out of turn.
 * So what a caller asks for while curl is at work (start, cancel), and every resume, is put on the
 * `todo` list. It is worked off when curl has been left, or else by a timer of 0 ms.
 *
 * Back-pressure. on_body has taken its bytes even when it says no, whereas curl keeps and repeats
 * the bytes of a callback that answers PAUSE. So the no is only noted (`paused`), and the next
 * callback answers PAUSE before it hands anything on (`held`); from then on curl leaves the socket
 * alone. A call resumed before that never stopped.
 *
 * Deadlines. One timer per call, set for the earliest deadline of its phase and moved only when it
 * fires or when the phase changes, so bytes that arrive cost a store each. */
#include "net/upstream.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>

#include "base/mem.h"
#include "net/multi.h"

#define CALL_ARENA_BYTES 2048
/* A reply that comes in more pieces than this is a stream. */
#define FEW_PIECES 4
/* For limits that are 0, "none", where curl would take 0 for its own default. */
#define NO_LIMIT_MS (24 * 60 * 60 * 1000L)

const struct upstream_limits upstream_default_limits = {
	.connect_ms = 10 * 1000,
	.first_byte_ms = 300 * 1000,
	.idle_ms = 120 * 1000,
	.total_ms = 0,
	.max_head_bytes = 64 * 1024,
};

bool upstream_setup(const struct upstream_setup *setup, struct err *err)
{
	return multi_setup(setup, err);
}

/* ---- calls and their pool ------------------------------------------------------------- */

enum phase {
	PHASE_WAIT,    /* wait_ms is running */
	PHASE_CONNECT, /* looking up, connecting, TLS */
	PHASE_REQUEST, /* the request goes or has gone out */
	PHASE_REPLY,   /* a byte of the reply has come */
	PHASE_DONE,    /* on_done is running */
};

enum failure {
	FAIL_NONE,
	FAIL_URL,
	FAIL_CONNECT_TIMEOUT,
	FAIL_FIRST_BYTE_TIMEOUT,
	FAIL_IDLE_TIMEOUT,
	FAIL_TOTAL_TIMEOUT,
	FAIL_HEAD_TOO_LARGE,
	FAIL_BODY_TOO_LARGE,
	FAIL_REFUSED,
};

TAILQ_HEAD(call_queue, upstream);
LIST_HEAD(call_list, upstream);

struct pool {
	struct wire *wire;
	struct multi *multi;
	struct timer later; /* works off todo */
	struct call_list calls;
	struct call_queue todo;
	size_t running;
};

struct upstream {
	LIST_ENTRY(upstream) link;
	TAILQ_ENTRY(upstream) todo_link;
	struct pool *pool;
	CURL *easy;
	CURLU *url;
	const struct upstream_req *req;
	const struct upstream_events *events;
	void *arg;
	struct arena *arena; /* header lists of both directions */
	struct upstream_head head;
	size_t head_bytes;
	struct timer timer;
	int64_t started_ms;
	int64_t alive_ms;              /* connected, or the last byte came */
	size_t piece, piece_done;      /* of req->pieces: which goes next, and what of it went */
	int connect_ms, first_byte_ms; /* as in upstream_times */
	unsigned came;                 /* pieces of the reply's body */
	enum phase phase;
	enum failure failure; /* why we ended it ourselves */
	bool in_todo;
	bool dead;      /* cancelled: no callbacks any more */
	bool head_done; /* the final head was handed on */
	bool paused;    /* on_body said no */
	bool held;      /* curl was told so */
	char curl_text[CURL_ERROR_SIZE];
};

/* ---- the pool ------------------------------------------------------------------------- */

static void work_off(void *pool);
static void call_done(void *call, CURLcode code);
static void drop_call(struct upstream *c);

static void on_later(struct timer *t)
{
	work_off(CONTAINER_OF(t, struct pool, later));
}

static void pool_free(void *pool)
{
	struct pool *p = pool;

	while (!LIST_EMPTY(&p->calls))
		drop_call(LIST_FIRST(&p->calls));
	multi_free(p->multi);
	timer_clear(p->wire, &p->later);
	mem_free(p);
}

static struct pool *pool_of(struct wire *w)
{
	struct pool *p = wire_slot(w);

	if (p)
		return p;
	p = MEM_NEW(struct pool);
	p->wire = w;
	p->multi = multi_new(w, &(struct multi_owner){ call_done, work_off, p });
	p->later.fn = on_later;
	LIST_INIT(&p->calls);
	TAILQ_INIT(&p->todo);
	wire_set_slot(w, p, pool_free);
	return p;
}

static void todo(struct upstream *c)
{
	struct pool *p = c->pool;

	if (!c->in_todo) {
		c->in_todo = true;
		TAILQ_INSERT_TAIL(&p->todo, c, todo_link);
	}
	if (!multi_is_inside(p->multi) && !timer_is_set(&p->later))
		timer_set(p->wire, &p->later, 0);
}

/* ---- the request ---------------------------------------------------------------------- */

/* Headers that describe the connection or the framing, which are curl's business. */
static const char *const not_ours[] = { "connection", "content-length", "expect",
	"transfer-encoding" };

static bool is_ours(struct str name)
{
	for (size_t i = 0; i < COUNT_OF(not_ours); i++)
		if (str_eq_nocase(name, str_c(not_ours[i])))
			return false;
	return name.n > 0;
}

static struct curl_slist *add_line(struct arena *a, struct curl_slist **tail, char *text)
{
	struct curl_slist *item = arena_alloc(a, sizeof(*item));

	*item = (struct curl_slist){ text, NULL };
	if (*tail)
		(*tail)->next = item;
	return *tail = item;
}

/* curl's list of header lines, in the arena. "Name;" is how curl spells an empty value, "Name:" a
 * header that it must not add itself. */
static struct curl_slist *header_lines(struct arena *a, const struct headers *h)
{
	struct curl_slist *tail = NULL, *first;

	first = add_line(a, &tail, arena_strdup(a, "Expect:"));
	if (!headers_get(h, "content-type").n)
		add_line(a, &tail, arena_strdup(a, "Content-Type:"));
	for (size_t i = 0; i < h->count; i++) {
		const struct header *it = &h->items[i];

		if (!is_ours(it->name))
			continue;
		if (it->value.n)
			add_line(a, &tail,
			    arena_fmt(a, "%.*s: %.*s", STR_ARG(it->name), STR_ARG(it->value)));
		else
			add_line(a, &tail, arena_fmt(a, "%.*s;", STR_ARG(it->name)));
	}
	return first;
}

/* A POST, PUT or PATCH without a body still says Content-Length: 0. */
static bool sends_length(const struct upstream_req *u)
{
	return u->has_body || !strcmp(u->method, "POST") || !strcmp(u->method, "PUT") ||
	    !strcmp(u->method, "PATCH");
}

static size_t body_bytes(const struct upstream_req *u)
{
	size_t n = 0;

	if (!u->has_body)
		return 0;
	if (!u->pieces)
		return u->body.n;
	for (size_t i = 0; i < u->piece_count; i++)
		n += u->pieces[i].n;
	return n;
}

/* curl's buffer is filled from the pieces in turn: the one copy is the one into its socket. */
static size_t next_bytes(char *to, size_t size, size_t count, void *call)
{
	struct upstream *c = call;
	const struct upstream_req *u = c->req;
	size_t room = size * count, n = 0;

	while (n < room && c->piece < u->piece_count) {
		struct str rest =
		    str_slice(u->pieces[c->piece], c->piece_done, u->pieces[c->piece].n);
		size_t part = rest.n < room - n ? rest.n : room - n;

		if (part)
			memcpy(to + n, rest.p, part);
		n += part;
		c->piece_done += part;
		if (part == rest.n) {
			c->piece++;
			c->piece_done = 0;
		}
	}
	return n;
}

/* A kept connection turned out to be dead: all goes out again. curl asks for no other place. */
static int rewind_body(void *call, curl_off_t offset, int origin)
{
	struct upstream *c = call;

	if (offset != 0 || origin != SEEK_SET)
		return CURL_SEEKFUNC_CANTSEEK;
	c->piece = c->piece_done = 0;
	return CURL_SEEKFUNC_OK;
}

static void set_body(struct upstream *c)
{
	const struct upstream_req *u = c->req;
	bool in_pieces = u->has_body && u->pieces;
	CURL *e = c->easy;

	curl_easy_setopt(e, CURLOPT_POST, 1L);
	curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body_bytes(u));
	if (in_pieces) {
		curl_easy_setopt(e, CURLOPT_POSTFIELDS, NULL);
		curl_easy_setopt(e, CURLOPT_READFUNCTION, next_bytes);
		curl_easy_setopt(e, CURLOPT_READDATA, c);
		curl_easy_setopt(e, CURLOPT_SEEKFUNCTION, rewind_body);
		curl_easy_setopt(e, CURLOPT_SEEKDATA, c);
	} else {
		curl_easy_setopt(e, CURLOPT_POSTFIELDS, u->has_body && u->body.n ? u->body.p : "");
	}
}

static void set_method(struct upstream *c)
{
	const struct upstream_req *u = c->req;
	const char *implied = "GET";
	CURL *e = c->easy;

	curl_easy_setopt(e, CURLOPT_NOBODY, 0L);
	if (sends_length(u)) {
		implied = "POST";
		set_body(c);
	} else {
		curl_easy_setopt(e, CURLOPT_HTTPGET, 1L);
	}
	if (!strcmp(u->method, "HEAD")) {
		implied = "HEAD";
		curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
	}
	curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, strcmp(u->method, implied) ? u->method : NULL);
}

static int on_connected(void *call, char *peer, char *own, int peer_port, int own_port);
static size_t on_header_line(char *text, size_t size, size_t n, void *call);
static size_t on_bytes(char *bytes, size_t size, size_t n, void *call);

static void fill_easy(struct upstream *c)
{
	int connect_ms = c->req->limits.connect_ms;
	CURL *e = c->easy;

	curl_easy_setopt(e, CURLOPT_CURLU, c->url);
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, header_lines(c->arena, &c->req->headers));
	set_method(c);
	/* Ours would do, but with it curl divides the time among a name's addresses. */
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, connect_ms > 0 ? connect_ms : NO_LIMIT_MS);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, c->curl_text);
	curl_easy_setopt(e, CURLOPT_PRIVATE, c);
	curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, on_connected);
	curl_easy_setopt(e, CURLOPT_PREREQDATA, c);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header_line);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, c);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_bytes);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, c);
}

/* ---- deadlines ------------------------------------------------------------------------ */

struct deadline {
	int64_t due_ms;
	enum failure failure;
};

static void sooner(struct deadline *d, int64_t from_ms, int limit_ms, enum failure failure)
{
	if (limit_ms > 0 && from_ms + limit_ms < d->due_ms)
		*d = (struct deadline){ from_ms + limit_ms, failure };
}

static struct deadline deadline_of(const struct upstream *c, int64_t now_ms)
{
	const struct upstream_limits *l = &c->req->limits;
	struct deadline d = { INT64_MAX, FAIL_NONE };

	sooner(&d, c->started_ms, l->total_ms, FAIL_TOTAL_TIMEOUT);
	if (c->phase == PHASE_CONNECT)
		sooner(&d, c->started_ms, l->connect_ms, FAIL_CONNECT_TIMEOUT);
	else if (c->phase == PHASE_REQUEST)
		sooner(&d, c->alive_ms, l->first_byte_ms, FAIL_FIRST_BYTE_TIMEOUT);
	else /* a client that does not read is not the upstream's silence */
		sooner(&d, c->paused ? now_ms : c->alive_ms, l->idle_ms, FAIL_IDLE_TIMEOUT);
	return d;
}

static void set_deadline(struct upstream *c, const struct deadline *d, int64_t now_ms)
{
	if (d->failure && (!timer_is_set(&c->timer) || d->due_ms < c->timer.due_ms))
		timer_set(c->pool->wire, &c->timer, d->due_ms - now_ms);
}

static void enter_phase(struct upstream *c, enum phase phase)
{
	int64_t now = wire_now_ms(c->pool->wire);
	struct deadline d;

	c->phase = phase;
	c->alive_ms = now;
	d = deadline_of(c, now);
	set_deadline(c, &d, now);
}

/* ---- the reply ------------------------------------------------------------------------ */

/* In a callback: remembers why and makes curl end the call. */
static size_t give_up(struct upstream *c, enum failure why)
{
	c->failure = why;
	return 0;
}

/* A kept connection or a new one stands, and curl is about to send. Comes again when a kept one
 * turns out to be dead and curl takes another. */
static int on_connected(void *call, char *peer UNUSED, char *own UNUSED, int peer_port UNUSED,
    int own_port UNUSED)
{
	struct upstream *c = call;

	if (c->dead)
		return CURL_PREREQFUNC_ABORT;
	enter_phase(c, PHASE_REQUEST);
	c->connect_ms = (int)(c->alive_ms - c->started_ms);
	return CURL_PREREQFUNC_OK;
}

static void got_bytes(struct upstream *c)
{
	if (c->phase == PHASE_REPLY) {
		c->alive_ms = wire_now_ms(c->pool->wire);
		return;
	}
	enter_phase(c, PHASE_REPLY);
	c->first_byte_ms = (int)(c->alive_ms - c->started_ms);
}

static void add_header(struct upstream *c, struct str line)
{
	size_t colon = str_find(line, ':');
	struct str name = str_slice(line, 0, colon), value;
	char *lower;

	if (colon == line.n || !name.n || name.p[0] == ' ' || name.p[0] == '\t')
		return; /* not a header, or a folded line */
	value = str_trim(str_slice(line, colon + 1, line.n));
	lower = str_dup(c->arena, name);
	for (char *p = lower; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p + ('a' - 'A'));
	headers_add(&c->head.headers, (struct str){ lower, name.n }, value);
}

/* "HTTP/1.1 200 OK" begins a head; there may be several, all but the last with a status of 1xx. */
static void begin_head(struct upstream *c, struct str line)
{
	struct str code = str_slice(line, str_find(line, ' ') + 1, line.n);
	int64_t status = 0;

	if (!str_to_int(str_slice(code, 0, 3), 100, 999, &status))
		status = 0;
	c->head.status = (int)status;
	headers_init(&c->head.headers, c->arena);
}

static size_t end_head(struct upstream *c, size_t n)
{
	if (c->head.status >= 100 && c->head.status < 200 && c->head.status != 101)
		return n;
	c->head_done = true;
	if (!c->events->on_head(c->arg, &c->head))
		return give_up(c, FAIL_REFUSED);
	return c->dead ? 0 : n;
}

static size_t on_header_line(char *text, size_t size, size_t n, void *call)
{
	struct upstream *c = call;
	struct str line = str_trim((struct str){ text, size * n });

	n *= size;
	if (c->dead)
		return 0;
	got_bytes(c);
	if (c->head_done)
		return n; /* trailers */
	c->head_bytes += n;
	if (c->head_bytes > c->req->limits.max_head_bytes)
		return give_up(c, FAIL_HEAD_TOO_LARGE);
	if (!line.n)
		return end_head(c, n);
	if (str_starts_nocase(line, STR("HTTP/")))
		begin_head(c, line);
	else
		add_header(c, line);
	return n;
}

static size_t on_bytes(char *bytes, size_t size, size_t n, void *call)
{
	struct upstream *c = call;

	n *= size;
	if (c->dead)
		return 0;
	got_bytes(c);
	if (c->paused) {
		c->held = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	if (++c->came == FEW_PIECES)
		multi_acknowledge_less(c->pool->multi);
	if (!c->events->on_body(c->arg, (struct str){ bytes, n }))
		c->paused = true;
	return c->dead || c->failure ? 0 : n;
}

/* ---- the end -------------------------------------------------------------------------- */

static const struct {
	enum err_kind kind;
	const char *msg;
} failures[] = {
	[FAIL_URL] = { ERR_UPSTREAM_UNREACHABLE, "the upstream's address is not valid" },
	[FAIL_CONNECT_TIMEOUT] = { ERR_UPSTREAM_TIMEOUT,
	    "the upstream did not take the connection in time" },
	[FAIL_FIRST_BYTE_TIMEOUT] = { ERR_UPSTREAM_TIMEOUT, "the upstream did not answer in time" },
	[FAIL_IDLE_TIMEOUT] = { ERR_UPSTREAM_TIMEOUT, "the upstream fell silent during its reply" },
	[FAIL_TOTAL_TIMEOUT] = { ERR_UPSTREAM_TIMEOUT, "the upstream did not finish in time" },
	[FAIL_HEAD_TOO_LARGE] = { ERR_UPSTREAM_BODY,
	    "the head of the upstream's reply is too large" },
	[FAIL_BODY_TOO_LARGE] = { ERR_UPSTREAM_BODY, "the upstream's reply is too large" },
	[FAIL_REFUSED] = { ERR_UPSTREAM_BODY, "the upstream's reply is not what was asked for" },
};

static const struct {
	CURLcode code;
	enum err_kind kind;
	const char *msg;
} curl_failures[] = {
	{ CURLE_COULDNT_RESOLVE_HOST, ERR_UPSTREAM_UNREACHABLE,
	    "the upstream's name could not be resolved" },
	{ CURLE_COULDNT_RESOLVE_PROXY, ERR_UPSTREAM_UNREACHABLE,
	    "the proxy's name could not be resolved" },
	{ CURLE_PROXY, ERR_UPSTREAM_UNREACHABLE, "the proxy did not reach the upstream" },
	{ CURLE_COULDNT_CONNECT, ERR_UPSTREAM_UNREACHABLE,
	    "the upstream does not take connections" },
	{ CURLE_SSL_CONNECT_ERROR, ERR_UPSTREAM_UNREACHABLE,
	    "no secure connection to the upstream" },
	{ CURLE_PEER_FAILED_VERIFICATION, ERR_UPSTREAM_UNREACHABLE,
	    "the upstream's certificate is not trusted" },
	{ CURLE_SSL_CACERT_BADFILE, ERR_UPSTREAM_UNREACHABLE,
	    "the trusted certificates cannot be read" },
	{ CURLE_URL_MALFORMAT, ERR_UPSTREAM_UNREACHABLE, "the upstream's address is not valid" },
	{ CURLE_OPERATION_TIMEDOUT, ERR_UPSTREAM_TIMEOUT,
	    "the upstream did not take the connection in time" },
	{ CURLE_SEND_ERROR, ERR_UPSTREAM_UNREACHABLE, "the upstream closed the connection" },
	{ CURLE_RECV_ERROR, ERR_UPSTREAM_UNREACHABLE, "the upstream closed the connection" },
	{ CURLE_GOT_NOTHING, ERR_UPSTREAM_UNREACHABLE, "the upstream closed the connection" },
	{ CURLE_UNSUPPORTED_PROTOCOL, ERR_UPSTREAM_BODY, "the upstream does not speak HTTP" },
	{ CURLE_WEIRD_SERVER_REPLY, ERR_UPSTREAM_BODY, "the upstream does not speak HTTP" },
};

static void explain_curl(const struct upstream *c, CURLcode code, struct err *err)
{
	size_t i = 0;

	/* curl has a ceiling of its own for one line, and this is what it calls passing it. */
	if (code == CURLE_OUT_OF_MEMORY && !c->head_done) {
		err_set(err, ERR_UPSTREAM_BODY, "%s", failures[FAIL_HEAD_TOO_LARGE].msg);
		return;
	}
	if (c->head_done) {
		err_set(err, ERR_UPSTREAM_TRUNCATED, "the upstream broke off its reply");
		return;
	}
	while (i < COUNT_OF(curl_failures) && curl_failures[i].code != code)
		i++;
	if (i < COUNT_OF(curl_failures))
		err_set(err, curl_failures[i].kind, "%s", curl_failures[i].msg);
	else
		err_set(err, ERR_UPSTREAM_UNREACHABLE, "the upstream could not be called");
}

/* Neither text names more of the URL than its host: the rest may hold a key. */
static void explain(const struct upstream *c, CURLcode code, struct err *err)
{
	const char *text = *c->curl_text ? c->curl_text : curl_easy_strerror(code);
	char *host = NULL;

	if (c->failure)
		err_set(err, failures[c->failure].kind, "%s", failures[c->failure].msg);
	else
		explain_curl(c, code, err);
	if (c->url)
		curl_url_get(c->url, CURLUPART_HOST, &host, 0);
	if (c->failure)
		err_detail(err, "host %s", host ? host : "unknown");
	else
		err_detail(err, "host %s: %s (curl %d)", host ? host : "unknown", text, (int)code);
	curl_free(host);
}

/* Of the request, head included. Before the connection stands, the handle still has the numbers of
 * its last call. */
static long bytes_sent(const struct upstream *c)
{
	long n = 0;

	if (c->phase >= PHASE_REQUEST)
		curl_easy_getinfo(c->easy, CURLINFO_REQUEST_SIZE, &n);
	return n;
}

static void fill_result(const struct upstream *c, CURLcode code, struct upstream_result *result)
{
	long connects = 0;

	*result = (struct upstream_result){ .ok = code == CURLE_OK && !c->failure };
	result->request_sent = bytes_sent(c) > 0;
	if (result->request_sent) {
		curl_easy_getinfo(c->easy, CURLINFO_NUM_CONNECTS, &connects);
		result->reused = connects == 0;
	}
	result->times.connect_ms = c->connect_ms;
	result->times.first_byte_ms = c->first_byte_ms;
	result->times.total_ms = (int)(wire_now_ms(c->pool->wire) - c->started_ms);
	if (!result->ok)
		explain(c, code, &result->err);
}

/* The handle is used again, the call is not. */
static void forget_pieces(CURL *e)
{
	curl_easy_setopt(e, CURLOPT_READFUNCTION, NULL);
	curl_easy_setopt(e, CURLOPT_READDATA, NULL);
	curl_easy_setopt(e, CURLOPT_SEEKFUNCTION, NULL);
	curl_easy_setopt(e, CURLOPT_SEEKDATA, NULL);
}

/* Takes the call off its lists and out of curl; its memory stays. */
static void detach(struct upstream *c)
{
	struct pool *p = c->pool;

	if (c->easy) {
		multi_remove(p->multi, c->easy);
		if (c->req->public_or) {
			multi_drop(c->easy);
		} else {
			if (c->req->pieces)
				forget_pieces(c->easy);
			multi_put(p->multi, c->easy);
		}
		c->easy = NULL;
	}
	timer_clear(p->wire, &c->timer);
	if (c->in_todo)
		TAILQ_REMOVE(&p->todo, c, todo_link);
	c->in_todo = false;
	LIST_REMOVE(c, link);
	p->running--;
}

static void call_free(struct upstream *c)
{
	curl_url_cleanup(c->url);
	arena_free(c->arena);
	mem_free(c);
}

/* Without on_done. */
static void drop_call(struct upstream *c)
{
	c->dead = true;
	detach(c);
	call_free(c);
}

static void finish(struct upstream *c, CURLcode code)
{
	struct upstream_result result;

	fill_result(c, code, &result);
	c->dead = true;
	detach(c);
	c->phase = PHASE_DONE;
	c->events->on_done(c->arg, &result);
	call_free(c);
}

/* ---- into curl and out again ---------------------------------------------------------- */

/* curl knows more protocols than we mean, and would find that out late. */
static bool set_url(CURLU *url, struct str text)
{
	return (str_starts_nocase(text, STR("https://")) ||
	           str_starts_nocase(text, STR("http://"))) &&
	    curl_url_set(url, CURLUPART_URL, text.p, CURLU_PATH_AS_IS) == CURLUE_OK;
}

/* Hands the call to curl, which starts it in the next turn. False: the address is no good, and the
 * call is to be finished. */
static bool launch(struct upstream *c)
{
	struct pool *p = c->pool;

	c->started_ms = wire_now_ms(p->wire);
	enter_phase(c, PHASE_CONNECT);
	if (!buf_ok(&c->req->url) || !set_url(c->url, buf_str(&c->req->url))) {
		c->failure = FAIL_URL;
		return false;
	}
	c->easy = c->req->public_or ? multi_take_public(p->multi, c->req->public_or)
	                            : multi_take(p->multi);
	fill_easy(c);
	multi_add(p->multi, c->easy);
	return true;
}

static void let_go_on(struct upstream *c)
{
	CURLcode code;

	c->held = false;
	code = multi_unpause(c->pool->multi, c->easy); /* on_bytes runs with what curl kept */
	if (c->dead)
		drop_call(c);
	else if (code != CURLE_OK)
		finish(c, code);
}

/* What was put off. Nothing of it adds to the list for ever: a call comes back only because its
 * owner asked for something new. */
static void work_off(void *pool)
{
	struct pool *p = pool;
	struct upstream *c;

	while ((c = TAILQ_FIRST(&p->todo))) {
		TAILQ_REMOVE(&p->todo, c, todo_link);
		c->in_todo = false;
		if (c->dead)
			drop_call(c);
		else if (c->failure || (c->phase == PHASE_WAIT && !launch(c)))
			finish(c, CURLE_URL_MALFORMAT);
		else if (c->held && !c->paused)
			let_go_on(c);
	}
}

static void call_done(void *call, CURLcode code)
{
	struct upstream *c = call;

	if (c->dead)
		drop_call(c);
	else
		finish(c, code);
}

static void on_deadline(struct timer *t)
{
	struct upstream *c = CONTAINER_OF(t, struct upstream, timer);
	int64_t now = wire_now_ms(c->pool->wire);
	struct deadline d;

	if (c->phase == PHASE_WAIT) {
		if (!launch(c))
			finish(c, CURLE_URL_MALFORMAT);
		return;
	}
	d = deadline_of(c, now);
	if (d.failure && d.due_ms <= now) {
		c->failure = d.failure;
		finish(c, CURLE_OPERATION_TIMEDOUT);
		return;
	}
	set_deadline(c, &d, now);
}

/* ---- what callers see ----------------------------------------------------------------- */

void upstream_req_init(struct upstream_req *u, struct arena *a)
{
	*u = (struct upstream_req){ .method = "POST", .limits = upstream_default_limits };
	u->url = buf_init(16 * 1024);
	headers_init(&u->headers, a);
}

void upstream_req_release(struct upstream_req *u)
{
	buf_release(&u->url);
}

struct upstream *upstream_start(struct wire *w, const struct upstream_req *u,
    const struct upstream_events *events, void *arg)
{
	struct pool *p = pool_of(w);
	struct upstream *c = MEM_NEW(struct upstream);

	c->pool = p;
	c->req = u;
	c->events = events;
	c->arg = arg;
	c->arena = arena_new(CALL_ARENA_BYTES);
	c->url = curl_url();
	assert(c->url);
	c->timer.fn = on_deadline;
	c->started_ms = c->alive_ms = wire_now_ms(w);
	c->connect_ms = c->first_byte_ms = -1;
	headers_init(&c->head.headers, c->arena);
	LIST_INSERT_HEAD(&p->calls, c, link);
	p->running++;

	if (u->wait_ms > 0)
		timer_set(w, &c->timer, u->wait_ms);
	else if (multi_is_inside(p->multi) || !launch(c))
		todo(c);
	return c;
}

void upstream_resume(struct upstream *c)
{
	if (!c->paused || c->dead)
		return;
	c->paused = false;
	c->alive_ms = wire_now_ms(c->pool->wire);
	if (c->held)
		todo(c);
}

void upstream_cancel(struct upstream *c)
{
	if (c->phase == PHASE_DONE || c->dead)
		return;
	c->dead = true;
	if (multi_is_inside(c->pool->multi))
		todo(c);
	else
		drop_call(c);
}

bool upstream_sent(const struct upstream *c)
{
	curl_off_t body = 0;

	if (c->phase != PHASE_REQUEST)
		return c->phase > PHASE_REQUEST;
	curl_easy_getinfo(c->easy, CURLINFO_SIZE_UPLOAD_T, &body);
	return bytes_sent(c) > 0 && (size_t)body >= body_bytes(c->req);
}

size_t upstream_running(const struct wire *w)
{
	const struct pool *p = wire_slot((struct wire *)w);

	return p ? p->running : 0;
}

/* ---- a small whole exchange ----------------------------------------------------------- */

/* Lives in the caller's arena, like all it points to. */
struct fetch {
	struct task task;
	struct wire *wire;
	struct upstream_req req;
	struct upstream *call;
	struct upstream_reply reply;
	struct buf body;
	upstream_reply_fn *done;
	void *arg;
};

static bool fetch_head(void *arg, const struct upstream_head *head)
{
	struct fetch *f = arg;

	f->reply.status = head->status;
	for (size_t i = 0; i < head->headers.count; i++)
		headers_add(&f->reply.headers, head->headers.items[i].name,
		    head->headers.items[i].value);
	return true;
}

static bool fetch_body(void *arg, struct str bytes)
{
	struct fetch *f = arg;

	buf_add(&f->body, bytes);
	if (!buf_ok(&f->body))
		f->call->failure = FAIL_BODY_TOO_LARGE;
	return true;
}

/* The arena, with f in it, goes back to the caller here. */
static void fetch_done(void *arg, const struct upstream_result *result)
{
	struct fetch *f = arg;

	f->reply.result = *result;
	f->reply.body = buf_str(&f->body);
	f->done(f->arg, &f->reply);
}

static void fetch_release(void *object)
{
	struct fetch *f = object;

	buf_release(&f->body);
	upstream_req_release(&f->req);
}

static void fetch_begin(struct task *task, void *room UNUSED)
{
	static const struct upstream_events events = { fetch_head, fetch_body, fetch_done };
	struct fetch *f = CONTAINER_OF(task, struct fetch, task);

	f->call = upstream_start(f->wire, &f->req, &events, f);
}

void upstream_fetch(struct wire *w, struct arena *a, const struct upstream_req *u, size_t max_body,
    upstream_reply_fn *done, void *arg)
{
	struct fetch *f = ARENA_NEW(a, struct fetch);

	f->task.run = fetch_begin;
	f->wire = w;
	f->req = *u;
	f->reply.arena = a;
	headers_init(&f->reply.headers, a);
	f->body = buf_init(max_body);
	f->done = done;
	f->arg = arg;
	arena_defer(a, fetch_release, f);
	wire_send(w, &f->task); /* f is the wire's from here on */
}
