/* output.c — replies on their way to the web server
 *
 * Everything leaves as FCGI_STDOUT records that we frame ourselves, by sendmsg with MSG_DONTWAIT:
 * libfcgi's own writers block, and lose data on a descriptor that does not (fcgi.c says more). A
 * small whole reply is one system call, with the end of stdout and END_REQUEST in it. A large body
 * is not copied: record headers are laid between its pieces as they go, and of a piece that went
 * halfway only the rest moves to the buffer in front.
 *
 * In CGI mode the same bytes leave without records, by writev, since stdout may be a pipe.
 *
 * on_drain and on_gone are called from the loop only, never from within reply_*.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/log.h"
#include "net/conn.h"
#include "net/record.h"

/* A stream whose producer ignores back-pressure is cut here. */
#define OUT_MAX_BYTES ((size_t)64 * 1024 * 1024)
/* A body up to this travels in one piece with its head. */
#define SMALL_BODY_BYTES ((size_t)16 * 1024)
/* Room taken at once for a whole reply's head and its records. */
#define HEAD_GUESS_BYTES ((size_t)512)
/* Records of a large body per system call. */
#define BATCH_RECORDS 8
/* System calls for one connection per turn, so that a fast reader leaves time for others. */
#define BATCHES_PER_TURN 8
/* An empty buffer larger than this is given back. */
#define KEEP_BYTES ((size_t)2048)

static const char zeros[8];

/* clang-format off */
static const struct { int status; const char *reason; } reasons[] = {
	{ 200, "OK" }, { 201, "Created" }, { 202, "Accepted" }, { 204, "No Content" },
	{ 206, "Partial Content" }, { 301, "Moved Permanently" }, { 302, "Found" },
	{ 303, "See Other" }, { 304, "Not Modified" }, { 307, "Temporary Redirect" },
	{ 308, "Permanent Redirect" }, { 400, "Bad Request" }, { 401, "Unauthorized" },
	{ 402, "Payment Required" }, { 403, "Forbidden" }, { 404, "Not Found" },
	{ 405, "Method Not Allowed" }, { 406, "Not Acceptable" }, { 408, "Request Timeout" },
	{ 409, "Conflict" }, { 410, "Gone" }, { 411, "Length Required" },
	{ 413, "Content Too Large" }, { 415, "Unsupported Media Type" },
	{ 422, "Unprocessable Content" }, { 424, "Failed Dependency" },
	{ 429, "Too Many Requests" }, { 431, "Request Header Fields Too Large" },
	{ 499, "Client Closed Request" }, { 500, "Internal Server Error" },
	{ 501, "Not Implemented" }, { 502, "Bad Gateway" }, { 503, "Service Unavailable" },
	{ 504, "Gateway Timeout" }, { 529, "Overloaded" },
};
/* clang-format on */

static const char *reason_of(int status)
{
	for (size_t i = 0; i < COUNT_OF(reasons); i++) {
		if (reasons[i].status == status)
			return reasons[i].reason;
	}
	return "Unknown";
}

void output_release(struct output *out)
{
	buf_release(&out->head);
	buf_release(&out->body);
	out->sent = out->record = out->body_at = 0;
	out->finish = false;
}

size_t conn_backlog(const struct conn *c)
{
	return c->out.head.len - c->out.sent + c->out.body.len - c->out.body_at;
}

/* ---- records -------------------------------------------------------------------------- */

static void open_record(struct conn *c)
{
	if (c->cgi || c->out.record)
		return;
	c->out.record = 1 + c->out.head.len;
	buf_add(&c->out.head, (struct str){ zeros, RECORD_HEADER });
}

static size_t open_content(const struct conn *c)
{
	return c->out.head.len - (c->out.record - 1) - RECORD_HEADER;
}

static void close_record(struct conn *c)
{
	struct output *out = &c->out;
	size_t content;

	if (!out->record || !buf_ok(&out->head))
		return;
	content = open_content(c);
	if (content == 0) {
		/* An empty one would be the end of stdout. */
		buf_truncate(&out->head, out->record - 1);
	} else {
		record_write(out->head.data + out->record - 1, RECORD_STDOUT, c->id, content);
		buf_add(&out->head, (struct str){ zeros, record_padding(content) });
	}
	out->record = 0;
}

static void put(struct conn *c, struct str bytes)
{
	if (c->cgi) {
		buf_add(&c->out.head, bytes);
		return;
	}
	while (bytes.n > 0 && buf_ok(&c->out.head)) {
		size_t room, n;

		open_record(c);
		if (!buf_ok(&c->out.head))
			return;
		room = RECORD_FULL - open_content(c);
		n = bytes.n < room ? bytes.n : room;
		buf_add(&c->out.head, str_slice(bytes, 0, n));
		bytes = str_slice(bytes, n, bytes.n);
		if (n == room)
			close_record(c);
	}
}

static void put_finish(struct conn *c)
{
	close_record(c);
	if (!c->cgi)
		record_add_finish(&c->out.head, c->id);
}

void conn_answer(struct conn *c, struct str record)
{
	close_record(c);
	buf_add(&c->out.head, record);
	conn_pump(c);
}

/* ---- sending -------------------------------------------------------------------------- */

/* The next pieces of a large body as records. */
struct batch {
	struct iovec iov[1 + 3 * BATCH_RECORDS];
	int count;
	char headers[BATCH_RECORDS][RECORD_HEADER];
	size_t contents[BATCH_RECORDS];
	size_t records;
};

static void batch_add(struct batch *b, const char *p, size_t n)
{
	if (n > 0)
		b->iov[b->count++] = (struct iovec){ (void *)(uintptr_t)p, n };
}

static void batch_fill(struct batch *b, const struct conn *c)
{
	const struct output *out = &c->out;
	size_t at = out->body_at;

	b->count = 0;
	b->records = 0;
	batch_add(b, out->head.data + out->sent, out->head.len - out->sent);
	while (at < out->body.len && b->records < BATCH_RECORDS) {
		size_t n = out->body.len - at < RECORD_FULL ? out->body.len - at : RECORD_FULL;
		size_t i = b->records++;

		b->contents[i] = n;
		if (!c->cgi) {
			record_write(b->headers[i], RECORD_STDOUT, c->id, n);
			batch_add(b, b->headers[i], RECORD_HEADER);
		}
		batch_add(b, out->body.data + at, n);
		if (!c->cgi)
			batch_add(b, zeros, record_padding(n));
		at += n;
	}
}

static ssize_t batch_send(struct conn *c, struct batch *b)
{
	struct msghdr msg = { .msg_iov = b->iov, .msg_iovlen = (size_t)b->count };

	if (c->cgi)
		return writev(c->watch.fd, b->iov, b->count);
	return sendmsg(c->watch.fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Appends to head what of a record is not out yet: skip bytes of it are. */
static void keep_rest(struct conn *c, const struct batch *b, size_t i, size_t skip)
{
	struct output *out = &c->out;
	struct str parts[] = {
		{ b->headers[i], c->cgi ? 0 : RECORD_HEADER },
		{ out->body.data + out->body_at, b->contents[i] },
		{ zeros, c->cgi ? 0 : record_padding(b->contents[i]) },
	};

	for (size_t k = 0; k < COUNT_OF(parts); k++) {
		size_t cut = skip < parts[k].n ? skip : parts[k].n;

		buf_add(&out->head, str_slice(parts[k], cut, parts[k].n));
		skip -= cut;
	}
}

static void head_sent(struct output *out, size_t n)
{
	out->sent += n;
	if (out->sent == out->head.len) {
		out->sent = 0;
		buf_clear(&out->head);
		if (out->head.cap > KEEP_BYTES)
			buf_release(&out->head);
	} else if (out->sent > REPLY_HIGH_WATER) {
		buf_consume(&out->head, out->sent);
		out->sent = 0;
	}
}

/* n bytes of the batch are out. */
static void batch_sent(struct conn *c, const struct batch *b, size_t n)
{
	struct output *out = &c->out;
	size_t head = out->head.len - out->sent;

	if (n < head) {
		head_sent(out, n);
		return;
	}
	head_sent(out, head);
	n -= head;
	for (size_t i = 0; i < b->records && n > 0; i++) {
		size_t size = b->contents[i];

		if (!c->cgi)
			size += RECORD_HEADER + record_padding(b->contents[i]);
		if (n < size)
			keep_rest(c, b, i, n);
		n -= n < size ? n : size;
		out->body_at += b->contents[i];
	}
}

/* After the last piece of a large body comes the end of the request. */
static void finish_body(struct conn *c)
{
	struct output *out = &c->out;

	if (!out->body.len || out->body_at < out->body.len)
		return;
	buf_release(&out->body);
	out->body_at = 0;
	if (out->finish)
		put_finish(c);
	out->finish = false;
}

enum pumped { PUMP_EMPTY, PUMP_WAIT, PUMP_LOST };

static enum pumped pump(struct conn *c)
{
	struct batch batch;
	ssize_t n;

	close_record(c);
	if (!buf_ok(&c->out.head)) {
		log_warn(c->r ? &c->r->log : NULL, "fcgi.output_overflow",
		    LOG_INT("bytes", OUT_MAX_BYTES));
		return PUMP_LOST;
	}
	/* A CGI program has nobody else to serve, and a file as stdout never asks for more. */
	for (int n_left = c->cgi ? INT32_MAX : BATCHES_PER_TURN; conn_backlog(c) > 0 && n_left > 0;
	     n_left--) {
		batch_fill(&batch, c);
		n = batch_send(c, &batch);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? PUMP_WAIT : PUMP_LOST;
		batch_sent(c, &batch, (size_t)n);
		finish_body(c);
	}
	return conn_backlog(c) > 0 ? PUMP_WAIT : PUMP_EMPTY;
}

void conn_arm(struct conn *c)
{
	uint32_t events = 0;

	if (c->phase == CONN_CLOSED)
		return;
	/* stdout of a CGI program tells of its reader without being asked (EPOLLERR). */
	if (!c->cgi)
		events |= EPOLLRDHUP | (c->pipelined ? 0u : (uint32_t)EPOLLIN);
	if (conn_backlog(c) > 0)
		events |= EPOLLOUT;
	wire_rearm(&c->watch, events);
}

void conn_pump(struct conn *c)
{
	if (c->loop->unsent == c)
		c->loop->unsent = NULL;
	if (c->phase == CONN_CLOSED || c->gone)
		return;
	switch (pump(c)) {
	case PUMP_LOST:
		conn_lost(c);
		return;
	case PUMP_WAIT:
		c->full = c->full || conn_backlog(c) > REPLY_LOW_WATER;
		conn_arm(c);
		return;
	case PUMP_EMPTY:
		conn_arm(c);
		if (c->phase == CONN_FLUSH)
			conn_replied(c);
		else if (c->full) /* no event will come any more to say so */
			timer_set(c->loop->wire, &c->timer, 0);
		return;
	}
}

void conn_drained(struct conn *c)
{
	if (!c->full || conn_backlog(c) >= REPLY_LOW_WATER)
		return;
	c->full = false;
	if (c->phase == CONN_BUSY && c->events && c->events->on_drain)
		c->events->on_drain(c->r);
}

/* ---- heads ---------------------------------------------------------------------------- */

static bool has_no_body(const struct req *r, int status)
{
	return str_eq_c(r->method, "HEAD") || status == 204 || status == 304;
}

static void add_request_id(struct buf *out, const struct req *r, const struct headers *headers,
    struct str name)
{
	if (headers && headers_get(headers, name.p).n)
		return;
	buf_add(out, name);
	buf_add(out, STR(": "));
	buf_add_c(out, r->id);
	buf_add(out, STR("\r\n"));
}

static void add_headers(struct buf *out, const struct req *r, int status,
    const struct headers *headers)
{
	const char *always = r->conn->loop->config->head;

	buf_addf(out, "Status: %d %s\r\n", status, reason_of(status));
	for (size_t i = 0; headers && i < headers->count; i++) {
		buf_add(out, headers->items[i].name);
		buf_add(out, STR(": "));
		buf_add(out, headers->items[i].value);
		buf_add(out, STR("\r\n"));
	}
	add_request_id(out, r, headers, STR("X-Oneapi-Request-Id"));
	/* The name under which OpenAI's own clients look for it. */
	add_request_id(out, r, headers, STR("X-Request-Id"));
	if (always)
		buf_add_c(out, always);
}

static void add_whole_head(struct buf *out, const struct req *r, int status,
    const struct resp *resp)
{
	add_headers(out, r, status, &resp->headers);
	if (status != 204 && status != 304) {
		if (!headers_get(&resp->headers, "Content-Type").n)
			buf_add(out, STR("Content-Type: text/plain; charset=utf-8\r\n"));
		if (!headers_get(&resp->headers, "Content-Length").n) {
			buf_add(out, STR("Content-Length: "));
			buf_add_int(out, (int64_t)resp->body.len);
			buf_add(out, STR("\r\n"));
		}
	}
	buf_add(out, STR("\r\n"));
}

/* ---- whole replies -------------------------------------------------------------------- */

/* text begins with room for a record header; all of it becomes records, usually one. */
static void frame(struct buf *text, uint16_t id)
{
	size_t content = text->len - RECORD_HEADER;
	struct str rest = str_slice(buf_str(text), RECORD_HEADER, text->len);
	struct buf framed;

	if (content <= RECORD_FULL) {
		record_write(text->data, RECORD_STDOUT, id, content);
		buf_add(text, (struct str){ zeros, record_padding(content) });
		return;
	}
	framed = buf_init(OUT_MAX_BYTES);
	while (rest.n > 0) {
		size_t n = rest.n < RECORD_FULL ? rest.n : RECORD_FULL;

		record_add(&framed, RECORD_STDOUT, id, str_slice(rest, 0, n));
		rest = str_slice(rest, n, rest.n);
	}
	buf_release(text);
	*text = framed;
}

/* Takes resp's body. May run on any thread: it touches nothing that the wire does. */
static struct composed *compose(const struct conn *c, struct req *r, struct resp *resp)
{
	struct composed *reply = ARENA_NEW(r->arena, struct composed);
	int status = resp->status ? resp->status : 200;
	struct str body = has_no_body(r, status) ? STR("") : buf_str(&resp->body);
	struct buf *head = &reply->head;
	bool large = body.n > SMALL_BODY_BYTES;

	reply->head = buf_init(OUT_MAX_BYTES);
	reply->body = buf_init(0);
	buf_reserve(head, HEAD_GUESS_BYTES + (large ? 0 : body.n));
	if (!c->cgi)
		buf_add(head, (struct str){ zeros, RECORD_HEADER });
	add_whole_head(head, r, status, resp);
	if (!large)
		buf_add(head, body);
	if (!c->cgi)
		frame(head, c->id);
	if (large) {
		reply->body = resp->body;
		resp->body = buf_init(0);
		reply->finish = true;
	} else if (!c->cgi) {
		record_add_finish(head, c->id);
	}
	return reply;
}

/* The reply is complete in c->out. */
static void end_reply(struct conn *c)
{
	conn_drop_request(c);
	if (c->gone)
		return;
	c->phase = CONN_FLUSH;
	conn_pump(c);
}

static void deliver(struct conn *c)
{
	struct composed *reply = c->composed;
	struct output *out = &c->out;

	c->composed = NULL;
	if (c->gone) {
		buf_release(&reply->head);
		buf_release(&reply->body);
	} else {
		if (out->head.len == 0) {
			buf_release(&out->head);
			out->head = reply->head;
		} else {
			buf_add(&out->head, buf_str(&reply->head));
			buf_release(&reply->head);
		}
		out->body = reply->body;
		out->body_at = 0;
		out->finish = reply->finish;
	}
	end_reply(c);
}

static void deliver_task(struct task *task, void *room)
{
	struct req *r = CONTAINER_OF(task, struct req, task);

	deliver(r->conn);
}

void reply_send(struct req *r, struct resp *resp)
{
	struct conn *c = r->conn;

	assert(c && !c->composed);
	c->composed = compose(c, r, resp);
	resp_release(resp);
	if (wire_is_here(c->loop->wire)) {
		deliver(c);
	} else {
		r->task.run = deliver_task;
		wire_send(c->loop->wire, &r->task);
	}
}

void reply_refuse(struct req *r, const struct err *err)
{
	const struct fcgi_config *config = r->conn->loop->config;
	struct resp resp;

	resp_init(&resp, r->arena);
	config->refuse(r, err, &resp);
	if (!resp.status)
		resp.status = err_status(err);
	if (err->retry_after_s && !headers_get(&resp.headers, "Retry-After").n)
		headers_add_c(&resp.headers, "Retry-After",
		    arena_fmt(r->arena, "%d", err->retry_after_s));
	reply_send(r, &resp);
}

/* ---- streams -------------------------------------------------------------------------- */

struct wire *reply_wire(const struct req *r)
{
	return r->conn->loop->wire;
}

void reply_watch(struct req *r, const struct reply_events *events)
{
	struct conn *c = r->conn;

	c->events = events;
	if (events && c->gone && !c->told)
		timer_set(c->loop->wire, &c->timer, 0);
}

bool reply_gone(const struct req *r)
{
	return r->conn && r->conn->gone;
}

void reply_start(struct req *r, int status, const struct headers *headers)
{
	struct conn *c = r->conn;
	struct buf head;

	assert(!c->started);
	c->started = true;
	if (c->gone)
		return;
	head = buf_init(OUT_MAX_BYTES);
	add_headers(&head, r, status ? status : 200, headers);
	buf_add(&head, STR("\r\n"));
	put(c, buf_str(&head));
	buf_release(&head);
	c->no_body = has_no_body(r, status);
}

void reply_write(struct req *r, struct str bytes)
{
	struct conn *c = r->conn;

	if (c->gone || c->no_body)
		return;
	put(c, bytes);
	if (conn_backlog(c) > REPLY_HIGH_WATER && !c->full)
		conn_pump(c);
}

static void send_unsent(void *loop)
{
	struct fcgi_loop *f = loop;

	f->sends_later = false;
	if (f->unsent)
		conn_pump(f->unsent);
}

/* An upstream that sends several events at once makes us write several times in a row: they leave
 * together, as soon as another connection has something to send or the turn ends. */
void reply_flush(struct req *r)
{
	struct conn *c = r->conn;
	struct fcgi_loop *f = c->loop;

	if (c->cgi || c->gone) {
		conn_pump(c);
		return;
	}
	if (f->unsent && f->unsent != c)
		conn_pump(f->unsent);
	f->unsent = c;
	if (!f->sends_later)
		wire_free_later(f->wire, send_unsent, f);
	f->sends_later = true;
}

size_t reply_backlog(const struct req *r)
{
	return r->conn->gone ? 0 : conn_backlog(r->conn);
}

void reply_end(struct req *r)
{
	struct conn *c = r->conn;

	if (!c->gone)
		put_finish(c);
	end_reply(c);
}

void reply_abort(struct req *r)
{
	struct conn *c = r->conn;

	close_record(c);
	/* To nginx without buffering a closed connection is an end like any other. A record of a
	 * version that does not exist is none to anybody: nginx and Apache cut the reply. */
	if (!c->cgi && !c->gone)
		buf_add(&c->out.head, (struct str){ zeros, RECORD_HEADER });
	c->keep = false;
	end_reply(c);
}
