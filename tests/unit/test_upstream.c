/* test_upstream.c — upstream calls against a small server in a thread of this program
 *
 * The server has a thread per connection, reads a request whole and lets the path choose what
 * happens (struct act). The wire is turned by the test itself, so nothing happens behind its back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/mem.h"
#include "net/upstream.h"

#define BIG_BYTES (3 * 1024 * 1024)
#define REQUEST_MAX (8 * 1024 * 1024)

/* ---- the server ----------------------------------------------------------------------- */

static struct server {
	int fd;
	int port;
	atomic_int connections, requests, left; /* left: clients that closed during /stall… */
} server;

static void say(int fd, const char *bytes, size_t n)
{
	while (n) {
		ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);

		if (sent <= 0)
			return;
		bytes += sent;
		n -= (size_t)sent;
	}
}

static void say_c(int fd, const char *text)
{
	say(fd, text, strlen(text));
}

static void say_body(int fd, const char *status, const char *body, size_t n)
{
	char head[256];

	snprintf(head, sizeof(head),
	    "HTTP/1.1 %s\r\nX-Mixed-Case:  Some Value \r\n"
	    "Content-Length: %zu\r\n\r\n",
	    status, n);
	say_c(fd, head);
	say(fd, body, n);
}

static void reset(int fd)
{
	struct linger hard = { 1, 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
}

static void wait_for_client_to_leave(int fd)
{
	struct pollfd p = { fd, POLLIN, 0 };
	char c;

	if (poll(&p, 1, 60000) == 1 && recv(fd, &c, 1, 0) <= 0)
		atomic_fetch_add(&server.left, 1);
}

/* Each returns whether the connection is kept. */
typedef bool act_fn(int fd, const char *request, size_t n);

static bool act_echo(int fd, const char *request, size_t n)
{
	say_body(fd, "200 OK", request, n);
	return true;
}

static bool act_404(int fd, const char *request, size_t n)
{
	say_body(fd, "404 Not Found", "{\"error\":1}", 11);
	return true;
}

static bool act_redirect(int fd, const char *request, size_t n)
{
	say_c(fd, "HTTP/1.1 302 Found\r\nLocation: /echo\r\nContent-Length: 0\r\n\r\n");
	return true;
}

static bool act_head_only(int fd, const char *request, size_t n)
{
	say_c(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
	return true;
}

static bool act_early_hints(int fd, const char *request, size_t n)
{
	say_c(fd, "HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\n");
	say_body(fd, "200 OK", "late", 4);
	return true;
}

static bool act_big(int fd, const char *request, size_t n)
{
	char *body = mem_alloc(BIG_BYTES);

	for (size_t i = 0; i < BIG_BYTES; i++)
		body[i] = (char)(i * 31 / 7);
	say_body(fd, "200 OK", body, BIG_BYTES);
	mem_free(body);
	return true;
}

static bool act_chunks(int fd, const char *request, size_t n)
{
	say_c(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i < 200; i++) {
		say_c(fd, "a\r\n0123456789\r\n");
		if (i % 20 == 0)
			usleep(1000);
	}
	say_c(fd, "0\r\nX-Trailer: t\r\n\r\n");
	return true;
}

static bool act_stall(int fd, const char *request, size_t n)
{
	wait_for_client_to_leave(fd);
	return false;
}

static bool act_stall_body(int fd, const char *request, size_t n)
{
	say_c(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbeginning");
	wait_for_client_to_leave(fd);
	return false;
}

static bool act_drip(int fd, const char *request, size_t n)
{
	say_c(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
	for (int i = 0; i < 100; i++) {
		say_c(fd, "x");
		usleep(20 * 1000);
	}
	return false;
}

#define SLOW_MS 1500

static bool act_slow(int fd, const char *request, size_t n)
{
	usleep(SLOW_MS * 1000);
	say_c(fd, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow"); /* in one piece */
	return true;
}

static bool act_cut_body(int fd, const char *request, size_t n)
{
	say_c(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbeginning");
	return false;
}

static bool act_reset_body(int fd, const char *request, size_t n)
{
	say_c(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbeginning");
	usleep(20 * 1000);
	reset(fd);
	return false;
}

static bool act_reset_early(int fd, const char *request, size_t n)
{
	reset(fd);
	return false;
}

static bool act_close_early(int fd, const char *request, size_t n)
{
	return false;
}

/* Leaves after a whole reply without having said so. */
static bool act_leave(int fd, const char *request, size_t n)
{
	say_body(fd, "200 OK", "bye", 3);
	return false;
}

static bool act_no_http(int fd, const char *request, size_t n)
{
	say_c(fd, "SSH-2.0-OpenSSH\r\n");
	return false;
}

static bool act_many_headers(int fd, const char *request, size_t n)
{
	say_c(fd, "HTTP/1.1 200 OK\r\n");
	for (int i = 0; i < 2000; i++)
		say_c(fd, "X-Filler: 0123456789012345678901234567890123456789\r\n");
	say_c(fd, "Content-Length: 0\r\n\r\n");
	return false;
}

static bool act_long_line(int fd, const char *request, size_t n)
{
	say_c(fd, "HTTP/1.1 200 OK\r\nX-Filler: ");
	for (int i = 0; i < 8000; i++)
		say_c(fd, "0123456789012345678901234567890123456789");
	return false;
}

static const struct act {
	const char *path;
	act_fn *fn;
} acts[] = {
	{ "/echo", act_echo },
	{ "/404", act_404 },
	{ "/redirect", act_redirect },
	{ "/head-only", act_head_only },
	{ "/early-hints", act_early_hints },
	{ "/big", act_big },
	{ "/chunks", act_chunks },
	{ "/stall", act_stall },
	{ "/stall-body", act_stall_body },
	{ "/drip", act_drip },
	{ "/slow", act_slow },
	{ "/cut-body", act_cut_body },
	{ "/reset-body", act_reset_body },
	{ "/reset-early", act_reset_early },
	{ "/close-early", act_close_early },
	{ "/leave", act_leave },
	{ "/no-http", act_no_http },
	{ "/many-headers", act_many_headers },
	{ "/long-line", act_long_line },
};

static bool act(int fd, const char *request, size_t n)
{
	const char *path = strchr(request, ' ');
	size_t length;

	path = path ? path + 1 : "";
	length = strcspn(path, " ?");
	for (size_t i = 0; i < COUNT_OF(acts); i++)
		if (strlen(acts[i].path) == length && !strncmp(acts[i].path, path, length))
			return acts[i].fn(fd, request, n);
	say_body(fd, "500 Unknown", "", 0);
	return false;
}

/* One whole request into buffer; 0 when the client left. */
static size_t read_request(int fd, char *buffer)
{
	size_t n = 0, want = 0;

	while (!want || n < want) {
		ssize_t got = recv(fd, buffer + n, REQUEST_MAX - n, 0);
		const char *end, *length;

		if (got <= 0)
			return 0;
		n += (size_t)got;
		buffer[n] = '\0';
		end = want ? NULL : strstr(buffer, "\r\n\r\n");
		if (end) {
			length = strstr(buffer, "Content-Length: ");
			want = (size_t)(end + 4 - buffer);
			if (length && length < end)
				want += strtoul(length + 16, NULL, 10);
		}
	}
	return n;
}

static void *serve(void *arg)
{
	char *buffer = mem_alloc(REQUEST_MAX + 1);
	int fd = (int)(intptr_t)arg;
	bool kept = true;
	size_t n;

	while (kept && (n = read_request(fd, buffer))) {
		atomic_fetch_add(&server.requests, 1);
		kept = act(fd, buffer, n);
	}
	close(fd);
	mem_free(buffer);
	return NULL;
}

static void *accept_all(void *arg)
{
	pthread_t thread;
	int fd;

	while ((fd = accept(server.fd, NULL, NULL)) >= 0) {
		atomic_fetch_add(&server.connections, 1);
		pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd);
		pthread_detach(thread);
	}
	return NULL;
}

static int listen_here(int backlog, int *port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	socklen_t length = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, backlog), 0);
	getsockname(fd, (struct sockaddr *)&addr, &length);
	*port = ntohs(addr.sin_port);
	return fd;
}

/* ---- one call, and what it brought ---------------------------------------------------- */

struct seen {
	struct wire *wire;
	struct arena *arena;
	struct upstream_req req;
	struct upstream *call;
	int heads, dones, bodies;
	int status;
	struct buf headers; /* "name=value;" */
	struct buf body;
	struct upstream_result result;
	/* what the callbacks do */
	bool refuse_head, pause, cancel_in_head, cancel_in_body;
	struct seen *other; /* started, or cancelled, in on_body */
	bool started;       /* upstream_start has returned */
};

static bool on_head(void *arg, const struct upstream_head *head)
{
	struct seen *s = arg;

	assert_true(s->started);
	s->heads++;
	s->status = head->status;
	for (size_t i = 0; i < head->headers.count; i++) {
		buf_add(&s->headers, head->headers.items[i].name);
		buf_add_char(&s->headers, '=');
		buf_add(&s->headers, head->headers.items[i].value);
		buf_add_char(&s->headers, ';');
	}
	if (s->cancel_in_head)
		upstream_cancel(s->call);
	return !s->refuse_head;
}

static bool on_body(void *arg, struct str bytes)
{
	struct seen *s = arg;

	s->bodies++;
	buf_add(&s->body, bytes);
	if (s->cancel_in_body)
		upstream_cancel(s->call);
	if (s->other && s->other->call) {
		upstream_cancel(s->other->call);
		s->other = NULL;
	}
	return !s->pause;
}

static void on_done(void *arg, const struct upstream_result *result)
{
	struct seen *s = arg;

	assert_true(s->started);
	s->dones++;
	s->result = *result;
	upstream_cancel(s->call); /* too late, and harmless */
	s->call = NULL;
}

static const struct upstream_events events = { on_head, on_body, on_done };

static struct wire *wire;

static void prepare(struct seen *s, const char *method, const char *path)
{
	*s = (struct seen){ .wire = wire, .arena = arena_new(1024) };
	s->headers = buf_init(1024 * 1024);
	s->body = buf_init(64 * 1024 * 1024);
	upstream_req_init(&s->req, s->arena);
	s->req.method = method;
	buf_addf(&s->req.url, "http://127.0.0.1:%d%s", server.port, path);
}

static void start(struct seen *s)
{
	s->call = upstream_start(s->wire, &s->req, &events, s);
	assert_int_equal(s->heads + s->dones, 0);
	s->started = true;
}

static void release(struct seen *s)
{
	upstream_req_release(&s->req);
	buf_release(&s->headers);
	buf_release(&s->body);
	arena_free(s->arena);
}

static void turn_for(int ms)
{
	int64_t until = clock_mono_ms() + ms;

	while (clock_mono_ms() < until)
		wire_turn(wire, 5);
}

static void turn_until_sent(struct seen *s)
{
	int64_t until = clock_mono_ms() + 60000;

	while (!upstream_sent(s->call) && clock_mono_ms() < until)
		wire_turn(wire, 5);
	assert_true(upstream_sent(s->call));
}

static void turn_until_done(struct seen *s)
{
	int64_t until = clock_mono_ms() + 60000;

	while (!s->dones && clock_mono_ms() < until)
		wire_turn(wire, 50);
	assert_int_equal(s->dones, 1);
}

static void run(struct seen *s)
{
	start(s);
	turn_until_done(s);
}

static void check_text(const struct seen *s, const char *want)
{
	if (!strstr(buf_str(&s->body).p, want))
		fail_msg("got '%s', want '%s' in it", buf_str(&s->body).p, want);
}

static void check_no_text(const struct seen *s, const char *unwanted)
{
	if (strcasestr(buf_str(&s->body).p, unwanted))
		fail_msg("got '%s', want no '%s' in it", buf_str(&s->body).p, unwanted);
}

/* ---- requests ------------------------------------------------------------------------- */

static void test_post(void **state)
{
	struct seen s;

	prepare(&s, "POST", "/echo?key=abc&x=%2F/../y");
	headers_add_c(&s.req.headers, "Content-Type", "application/json");
	headers_add_c(&s.req.headers, "Authorization", "Bearer k");
	headers_add_c(&s.req.headers, "X-Empty", "");
	headers_add_c(&s.req.headers, "Content-Length", "99");
	headers_add_c(&s.req.headers, "Transfer-Encoding", "chunked");
	s.req.body = STR("{\"a\":1}");
	s.req.has_body = true;
	run(&s);

	assert_true(s.result.ok);
	assert_true(s.result.request_sent);
	assert_int_equal(s.status, 200);
	assert_int_equal(s.heads, 1);
	assert_non_null(strstr(s.headers.data, "x-mixed-case=Some Value;"));
	assert_true(s.result.times.connect_ms >= 0);
	assert_true(s.result.times.first_byte_ms >= 0);
	assert_true(s.result.times.total_ms >= s.result.times.first_byte_ms);
	check_text(&s, "POST /echo?key=abc&x=%2F/../y HTTP/1.1\r\n");
	check_text(&s, "\r\nUser-Agent: test/1\r\n");
	check_text(&s, "\r\nAuthorization: Bearer k\r\n");
	check_text(&s, "\r\nX-Empty:\r\n");
	check_text(&s, "\r\nContent-Length: 7\r\n");
	check_text(&s, "\r\n\r\n{\"a\":1}");
	check_no_text(&s, "Expect");
	check_no_text(&s, "Accept-Encoding");
	check_no_text(&s, "Transfer-Encoding");
	check_no_text(&s, "Content-Length: 99");
	release(&s);
}

static void test_methods(void **state)
{
	static const struct {
		const char *method, *path, *want, *unwanted;
	} cases[] = {
		{ "GET", "/echo", "GET /echo HTTP/1.1\r\n", "Content-" },
		{ "DELETE", "/echo", "DELETE /echo HTTP/1.1\r\n", "Content-" },
		{ "POST", "/echo", "\r\nContent-Length: 0\r\n", "Content-Type" },
		{ "PUT", "/echo", "PUT /echo HTTP/1.1\r\n", "Content-Type" },
		{ "HEAD", "/head-only", "", "x" },
		{ "GET", "/echo", "GET /echo HTTP/1.1\r\n", "Content-" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct seen s;

		prepare(&s, cases[i].method, cases[i].path);
		run(&s);
		if (!s.result.ok)
			fail_msg("%s: got '%s'", cases[i].method, s.result.err.detail);
		check_text(&s, cases[i].want);
		check_no_text(&s, cases[i].unwanted);
		release(&s);
	}
}

static void test_large_upload(void **state)
{
	size_t n = 5 * 1024 * 1024;
	char *body = mem_alloc(n);
	struct seen s;

	memset(body, 'b', n);
	prepare(&s, "POST", "/echo");
	s.req.body = (struct str){ body, n };
	s.req.has_body = true;
	run(&s);
	assert_true(s.result.ok);
	assert_true(s.body.len > n);
	assert_memory_equal(s.body.data + s.body.len - n, body, n);
	release(&s);
	mem_free(body);
}

/* The body as a list of views: some empty, one larger than any buffer. What follows on the same
 * handle is a plain body again. */
static void test_pieces(void **state)
{
	size_t n = 3 * 1024 * 1024;
	char *large = mem_alloc(n);
	struct str pieces[] = { STR("head,"), STR(""), { large, n }, { NULL, 0 }, STR(",tail") };
	struct seen s;

	memset(large, 'p', n);
	prepare(&s, "POST", "/echo");
	s.req.pieces = pieces;
	s.req.piece_count = COUNT_OF(pieces);
	s.req.has_body = true;
	run(&s);
	assert_true(s.result.ok);
	check_text(&s, "\r\nContent-Length: 3145738\r\n");
	check_no_text(&s, "transfer-encoding");
	assert_true(s.body.len > n + 10);
	assert_memory_equal(s.body.data + s.body.len - n - 10, "head,p", 6);
	assert_memory_equal(s.body.data + s.body.len - 6, "p,tail", 6);
	release(&s);
	mem_free(large);

	prepare(&s, "PUT", "/echo");
	s.req.pieces = pieces;
	s.req.piece_count = 1;
	s.req.has_body = true;
	run(&s);
	check_text(&s, "PUT /echo");
	check_text(&s, "\r\n\r\nhead,");
	release(&s);

	prepare(&s, "POST", "/echo");
	s.req.body = STR("plain");
	s.req.has_body = true;
	run(&s);
	check_text(&s, "\r\n\r\nplain");
	release(&s);
}

static void test_statuses_pass(void **state)
{
	static const struct {
		const char *path;
		int status;
		const char *body;
	} cases[] = {
		{ "/404", 404, "{\"error\":1}" },
		{ "/redirect", 302, "" },
		{ "/early-hints", 200, "late" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct seen s;

		prepare(&s, "POST", cases[i].path);
		run(&s);
		assert_true(s.result.ok);
		assert_int_equal(s.status, cases[i].status);
		assert_int_equal(s.heads, 1);
		assert_string_equal(buf_str(&s.body).p, cases[i].body);
		assert_null(strstr(buf_str(&s.headers).p, "x-early"));
		release(&s);
	}
}

static void test_trailers_are_no_headers(void **state)
{
	struct seen s;

	prepare(&s, "GET", "/chunks");
	run(&s);
	assert_true(s.result.ok);
	assert_int_equal(s.body.len, 2000);
	assert_null(strstr(s.headers.data, "x-trailer"));
	release(&s);
}

/* ---- connections ---------------------------------------------------------------------- */

static void test_reuse(void **state)
{
	int before;
	struct seen s;

	for (int i = 0; i < 5; i++) {
		prepare(&s, "POST", "/echo");
		run(&s);
		assert_true(s.result.ok);
		if (i == 0)
			before = atomic_load(&server.connections);
		else
			assert_true(s.result.reused);
		release(&s);
	}
	assert_int_equal(atomic_load(&server.connections), before);
}

static void test_closed_while_idle(void **state)
{
	struct str pieces[] = { STR("a"), STR("b") };
	struct seen s;

	for (int i = 0; i < 8; i++) {
		prepare(&s, "POST", "/leave");
		s.req.body = STR("x");
		if (i % 2)
			s.req.pieces = pieces;
		s.req.piece_count = COUNT_OF(pieces);
		s.req.has_body = true;
		run(&s);
		if (!s.result.ok)
			fail_msg("call %d: got '%s'", i, s.result.err.detail);
		release(&s);
		if (i > 1)
			usleep(20 * 1000); /* now and then it is noticed only when written to */
	}
}

static void test_many_at_once(void **state)
{
	enum { CALLS = 100 };
	static struct seen calls[CALLS];

	for (size_t i = 0; i < CALLS; i++) {
		prepare(&calls[i], "POST", i % 2 ? "/chunks" : "/echo");
		start(&calls[i]);
	}
	assert_int_equal(upstream_running(wire), CALLS);
	for (size_t i = 0; i < CALLS; i++) {
		turn_until_done(&calls[i]);
		assert_true(calls[i].result.ok);
		release(&calls[i]);
	}
	assert_int_equal(upstream_running(wire), 0);
}

/* ---- failures ------------------------------------------------------------------------- */

static void check_failure(const struct seen *s, const char *name, enum err_kind kind, bool sent)
{
	const struct err *err = &s->result.err;

	if (s->result.ok || err->kind != kind || !*err->msg)
		fail_msg("%s: got ok %d, %s '%s' '%s', want %s", name, s->result.ok,
		    err_kind_name(err->kind), err->msg, err->detail, err_kind_name(kind));
	if (s->result.request_sent != sent)
		fail_msg("%s: got request_sent %d, want %d", name, s->result.request_sent, sent);
	if (strstr(err->msg, "127.0.0.1") || strstr(err->msg, "secret") ||
	    strstr(err->detail, "secret"))
		fail_msg("%s: '%s' '%s' tell too much", name, err->msg, err->detail);
}

static void test_failures(void **state)
{
	static const struct {
		const char *path;
		enum err_kind kind;
		int status;
		const char *body;
	} cases[] = {
		{ "/reset-early", ERR_UPSTREAM_UNREACHABLE, 0, "" },
		{ "/close-early", ERR_UPSTREAM_UNREACHABLE, 0, "" },
		{ "/cut-body", ERR_UPSTREAM_TRUNCATED, 200, "beginning" },
		{ "/reset-body", ERR_UPSTREAM_TRUNCATED, 200, "beginning" },
		{ "/no-http", ERR_UPSTREAM_BODY, 0, "" },
		{ "/many-headers", ERR_UPSTREAM_BODY, 0, "" },
		{ "/long-line", ERR_UPSTREAM_BODY, 0, "" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char path[64];
		struct seen s;

		snprintf(path, sizeof(path), "%s?key=secret", cases[i].path);
		prepare(&s, "POST", path);
		run(&s);
		check_failure(&s, cases[i].path, cases[i].kind, true);
		assert_int_equal(s.status, cases[i].status);
		assert_string_equal(buf_str(&s.body).p, cases[i].body);
		assert_non_null(strstr(s.result.err.detail, "127.0.0.1"));
		release(&s);
	}
}

static void test_addresses(void **state)
{
	int port, fd = listen_here(1, &port);
	const char *const bad[] = { "", "no url", "http://", "ftp://127.0.0.1/secret",
		"file:///etc/secret", "http://127.0.0.1:99999/", "http://a b/secret",
		"http://nowhere.invalid/secret" };
	struct seen s;

	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		prepare(&s, "GET", "");
		buf_clear(&s.req.url);
		buf_add_c(&s.req.url, bad[i]);
		run(&s);
		check_failure(&s, bad[i], ERR_UPSTREAM_UNREACHABLE, false);
		release(&s);
	}
	close(fd); /* nobody listens there any more */
	prepare(&s, "GET", "");
	buf_clear(&s.req.url);
	buf_addf(&s.req.url, "http://127.0.0.1:%d/?key=secret", port);
	run(&s);
	check_failure(&s, "refused", ERR_UPSTREAM_UNREACHABLE, false);
	release(&s);
}

static void test_refused_head(void **state)
{
	struct seen s;

	prepare(&s, "GET", "/big");
	s.refuse_head = true;
	run(&s);
	check_failure(&s, "on_head said no", ERR_UPSTREAM_BODY, true);
	assert_int_equal(s.bodies, 0);
	release(&s);
}

/* ---- time ----------------------------------------------------------------------------- */

/* None of them is ever reached, so that it is clear which one was. */
#define LONG_MS 120000

static void test_timeouts(void **state)
{
	static const struct {
		const char *name, *path;
		struct upstream_limits limits;
		bool sent;
		int at_least_ms;
		const char *msg;
	} cases[] = {
		{ "first byte", "/stall", { LONG_MS, 100, 50, 0, LONG_MS }, true, 100,
		    "the upstream did not answer in time" },
		{ "idle", "/stall-body", { LONG_MS, LONG_MS, 100, 0, LONG_MS }, true, 100,
		    "the upstream fell silent during its reply" },
		{ "total", "/drip", { LONG_MS, LONG_MS, LONG_MS, 200, LONG_MS }, true, 200,
		    "the upstream did not finish in time" },
		{ "total before the first byte", "/stall",
		    { LONG_MS, LONG_MS, LONG_MS, 100, LONG_MS }, true, 100,
		    "the upstream did not finish in time" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		int64_t started = clock_mono_ms(), took;
		struct seen s;

		prepare(&s, "POST", cases[i].path);
		s.req.limits = cases[i].limits;
		wire_turn(wire, 0); /* the wire's clock is that of its last turn */
		run(&s);
		took = clock_mono_ms() - started;
		check_failure(&s, cases[i].name, ERR_UPSTREAM_TIMEOUT, cases[i].sent);
		assert_string_equal(s.result.err.msg, cases[i].msg);
		if (took < cases[i].at_least_ms || took >= LONG_MS)
			fail_msg("%s: got %d ms, want %d", cases[i].name, (int)took,
			    cases[i].at_least_ms);
		release(&s);
	}
}

/* Bytes that keep coming move the idle deadline, and a slow head is none of its business. */
static void test_no_timeout(void **state)
{
	static const struct {
		const char *path;
		struct upstream_limits limits;
		bool ok;
	} cases[] = {
		{ "/slow", { LONG_MS, LONG_MS, SLOW_MS / 2, LONG_MS, LONG_MS }, true },
		{ "/slow", { SLOW_MS / 2, LONG_MS, 0, 0, LONG_MS }, true },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct seen s;

		prepare(&s, "POST", cases[i].path);
		s.req.limits = cases[i].limits;
		run(&s);
		assert_int_equal(s.result.ok, cases[i].ok);
		release(&s);
	}
}

/* /drip sends for two seconds at least with 20 ms between bytes; then it breaks off. */
static void test_idle_moves(void **state)
{
	struct seen s;

	prepare(&s, "POST", "/drip");
	s.req.limits.idle_ms = 1500;
	run(&s);
	check_failure(&s, "drip", ERR_UPSTREAM_TRUNCATED, true);
	assert_int_equal(s.body.len, 100);
	release(&s);
}

/* A listening socket whose queue is full lets connections wait. */
static void test_connect_timeout(void **state)
{
	int port, fd = listen_here(0, &port), fillers[4];
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	struct seen s;

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (size_t i = 0; i < COUNT_OF(fillers); i++) {
		fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		if (connect(fillers[i], (struct sockaddr *)&addr, sizeof(addr)) == 0)
			continue;
	}
	prepare(&s, "GET", "");
	buf_clear(&s.req.url);
	buf_addf(&s.req.url, "http://127.0.0.1:%d/", port);
	s.req.limits.connect_ms = 150;
	run(&s);
	check_failure(&s, "connect", ERR_UPSTREAM_TIMEOUT, false);
	assert_string_equal(s.result.err.msg, "the upstream did not take the connection in time");
	release(&s);
	for (size_t i = 0; i < COUNT_OF(fillers); i++)
		close(fillers[i]);
	close(fd);
}

static void test_wait(void **state)
{
	enum { WAIT_MS = 600 };
	int64_t started = clock_mono_ms(), took;
	int requests = atomic_load(&server.requests), early;
	struct seen s;

	wire_turn(wire, 0);
	prepare(&s, "GET", "/echo");
	s.req.wait_ms = WAIT_MS;
	start(&s);
	turn_for(WAIT_MS / 2);
	early = clock_mono_ms() - started < WAIT_MS ? atomic_load(&server.requests) : requests;
	assert_int_equal(early, requests);
	turn_until_done(&s);
	took = clock_mono_ms() - started;
	assert_true(s.result.ok);
	assert_true(took >= WAIT_MS - 1);
	assert_true(s.result.times.total_ms <= took - WAIT_MS + 10); /* the wait is none of it */
	release(&s);

	prepare(&s, "GET", "/echo");
	s.req.wait_ms = 50;
	start(&s);
	upstream_cancel(s.call);
	turn_for(80);
	assert_int_equal(s.dones, 0);
	assert_int_equal(upstream_running(wire), 0);
	release(&s);
}

/* ---- back-pressure and leaving ---------------------------------------------------------- */

static void check_big(const struct seen *s)
{
	assert_int_equal(s->body.len, BIG_BYTES);
	for (size_t i = 0; i < BIG_BYTES; i++)
		if (s->body.data[i] != (char)(i * 31 / 7))
			fail_msg("byte %zu is wrong", i);
}

static void test_pause(void **state)
{
	struct seen s;
	size_t before;
	int pauses = 0;

	prepare(&s, "GET", "/big");
	s.pause = true;
	s.req.limits.idle_ms = 1000; /* not counted while we are the ones who do not read */
	start(&s);
	while (!s.dones && pauses < 10) {
		before = s.body.len;
		while (!s.dones && s.body.len == before)
			wire_turn(wire, 50);
		before = s.body.len;
		turn_for(pauses < 1 ? 1500 : 5);
		assert_int_equal(s.body.len, before);
		assert_int_equal(s.dones, 0);
		upstream_resume(s.call);
		assert_int_equal(s.body.len, before); /* not from within resume */
		pauses++;
	}
	s.pause = false;
	upstream_resume(s.call);
	turn_until_done(&s);
	assert_true(s.result.ok);
	check_big(&s);
	release(&s);
}

/* Resumed before curl was told to pause at all, and paused at each of many small chunks. */
static void test_pause_chunks(void **state)
{
	struct seen s;

	prepare(&s, "GET", "/chunks");
	s.pause = true;
	start(&s);
	for (int i = 0; i < 5000 && !s.dones; i++) {
		wire_turn(wire, 5);
		if (s.call)
			upstream_resume(s.call);
	}
	assert_int_equal(s.dones, 1);
	assert_true(s.result.ok);
	assert_int_equal(s.body.len, 2000);
	for (size_t i = 0; i < s.body.len; i++)
		assert_int_equal(s.body.data[i], '0' + (char)(i % 10));
	release(&s);
}

static void wait_until_left(int want)
{
	for (int i = 0; i < 12000 && atomic_load(&server.left) < want; i++) {
		wire_turn(wire, 0);
		usleep(5000);
	}
	assert_int_equal(atomic_load(&server.left), want);
}

static void test_cancel(void **state)
{
	static const struct {
		const char *name, *path;
		bool in_head, in_body, pause;
		int after_ms; /* cancelled from outside; -1: by a callback */
		int left;     /* does the server get to see it? */
	} cases[] = {
		{ "at once", "/stall", false, false, false, 0, 0 },
		{ "while waiting", "/stall", false, false, false, 60, 1 },
		{ "during the body", "/stall-body", false, false, false, 60, 1 },
		{ "while paused", "/stall-body", false, false, true, 60, 1 },
		{ "in on_head", "/stall-body", true, false, false, -1, 1 },
		{ "in on_body", "/stall-body", false, true, false, -1, 1 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		bool body =
		    cases[i].in_body || cases[i].pause || !strcmp(cases[i].name, "during the body");
		int left = atomic_load(&server.left);
		struct seen s;

		prepare(&s, "POST", cases[i].path);
		s.cancel_in_head = cases[i].in_head;
		s.cancel_in_body = cases[i].in_body;
		s.pause = cases[i].pause;
		start(&s);
		if (cases[i].after_ms > 0 && !body)
			turn_until_sent(&s);
		for (int n = 0; n < 6000 && body && !s.bodies; n++)
			turn_for(10);
		if (cases[i].after_ms >= 0)
			upstream_cancel(s.call);
		turn_for(60);
		if (s.dones || upstream_running(wire))
			fail_msg("%s: got %d on_done and %zu calls, want none", cases[i].name,
			    s.dones, upstream_running(wire));
		assert_int_equal(s.bodies > 0, body);
		wait_until_left(left + cases[i].left);
		release(&s);
	}
}

/* Whether the upstream may be at work: not before the whole request is out, and never by what an
 * idle handle remembers of its last call. */
static void test_sent(void **state)
{
	struct seen s;

	for (int i = 0; i < 2; i++) {
		prepare(&s, "POST", "/echo");
		s.req.body = STR("{}");
		s.req.has_body = true;
		run(&s);
		release(&s);

		prepare(&s, "POST", "/stall");
		s.req.body = STR("{}");
		s.req.has_body = true;
		start(&s);
		assert_false(upstream_sent(s.call));
		turn_until_sent(&s);
		upstream_cancel(s.call);
		release(&s);
	}
}

/* A server that takes the connection and reads nothing: the body does not fit the sockets. */
static void test_sent_in_part(void **state)
{
	int port, fd = listen_here(8, &port);
	size_t n = 32 * 1024 * 1024;
	char *body = mem_zalloc(n);
	struct seen s;

	prepare(&s, "POST", "");
	buf_clear(&s.req.url);
	buf_addf(&s.req.url, "http://127.0.0.1:%d/", port);
	s.req.body = (struct str){ body, n };
	s.req.has_body = true;
	start(&s);
	turn_for(100);
	assert_false(upstream_sent(s.call));
	upstream_cancel(s.call);
	release(&s);
	mem_free(body);
	close(fd);
}

static void test_cancel_another(void **state)
{
	struct seen victim, s;
	int left = atomic_load(&server.left);

	prepare(&victim, "POST", "/stall");
	start(&victim);
	turn_until_sent(&victim);
	prepare(&s, "GET", "/big");
	s.other = &victim;
	run(&s);
	assert_true(s.result.ok);
	assert_int_equal(victim.dones, 0);
	assert_int_equal(upstream_running(wire), 0);
	wait_until_left(left + 1);
	release(&s);
	release(&victim);
}

/* Starts the next call from each callback. */
struct chain {
	struct seen second, third;
};

static bool chain_head(void *arg, const struct upstream_head *head)
{
	struct chain *c = arg;

	start(&c->second);
	return true;
}

static bool chain_body(void *arg, struct str bytes)
{
	return true;
}

static void chain_done(void *arg, const struct upstream_result *result)
{
	struct chain *c = arg;

	assert_true(result->ok);
	start(&c->third);
}

static void test_start_in_callbacks(void **state)
{
	static const struct upstream_events chained = { chain_head, chain_body, chain_done };
	struct chain c;
	struct seen first;

	prepare(&first, "GET", "/echo");
	prepare(&c.second, "GET", "/echo");
	prepare(&c.third, "GET", "/echo");
	upstream_start(wire, &first.req, &chained, &c);
	turn_until_done(&c.second);
	turn_until_done(&c.third);
	assert_true(c.second.result.ok && c.third.result.ok);
	release(&first);
	release(&c.second);
	release(&c.third);
}

/* ---- fetch ---------------------------------------------------------------------------- */

struct fetched {
	atomic_int done;
	int status;
	bool ok;
	enum err_kind kind;
	char text[64], header[64];
};

static void on_fetched(void *arg, struct upstream_reply *reply)
{
	struct fetched *f = arg;

	f->status = reply->status;
	f->ok = reply->result.ok;
	f->kind = reply->result.err.kind;
	snprintf(f->text, sizeof(f->text), "%.*s", STR_ARG(reply->body));
	snprintf(f->header, sizeof(f->header), "%.*s",
	    STR_ARG(headers_get(&reply->headers, "x-mixed-case")));
	arena_free(reply->arena);
	atomic_store(&f->done, 1);
}

static void fetch(struct fetched *f, const char *path, size_t max_body)
{
	struct arena *a = arena_new(1024);
	struct upstream_req *u = ARENA_NEW(a, struct upstream_req);

	upstream_req_init(u, a);
	u->method = "GET";
	buf_addf(&u->url, "http://127.0.0.1:%d%s", server.port, path);
	upstream_fetch(wire, a, u, max_body, on_fetched, f);
}

static void *fetch_thread(void *arg)
{
	fetch(arg, "/404", 1000);
	return NULL;
}

static void turn_until_fetched(struct fetched *f)
{
	int64_t until = clock_mono_ms() + 60000;

	while (!atomic_load(&f->done) && clock_mono_ms() < until)
		wire_turn(wire, 50);
	assert_int_equal(atomic_load(&f->done), 1);
}

static void test_fetch(void **state)
{
	struct fetched f = { 0 }, large = { 0 }, gone = { 0 };
	pthread_t thread;

	pthread_create(&thread, NULL, fetch_thread, &f);
	turn_until_fetched(&f);
	pthread_join(thread, NULL);
	assert_true(f.ok);
	assert_int_equal(f.status, 404);
	assert_string_equal(f.text, "{\"error\":1}");
	assert_string_equal(f.header, "Some Value");

	fetch(&large, "/big", 100000);
	turn_until_fetched(&large);
	assert_false(large.ok);
	assert_int_equal(large.kind, ERR_UPSTREAM_BODY);
	assert_int_equal(large.status, 200);

	fetch(&gone, "/reset-early", 1000);
	turn_until_fetched(&gone);
	assert_false(gone.ok);
	assert_int_equal(gone.status, 0);
	assert_int_equal(gone.kind, ERR_UPSTREAM_UNREACHABLE);
}

/* ---- the end --------------------------------------------------------------------------- */

/* A wire that goes away takes its calls along, without a word. */
static void test_wire_free(void **state)
{
	struct wire *kept = wire;
	struct seen s, waiting;

	wire = wire_new(1);
	prepare(&s, "POST", "/stall");
	prepare(&waiting, "POST", "/stall");
	waiting.req.wait_ms = 10000;
	start(&s);
	start(&waiting);
	turn_until_sent(&s);
	wire_free(wire);
	wire = kept;
	assert_int_equal(s.dones + waiting.dones, 0);
	release(&s);
	release(&waiting);
}

static void test_setup_errors(void **state)
{
	struct upstream_setup setup = { .proxy = "",
		.ca_file = "/nonexistent/ca.pem",
		.user_agent = "test/1",
		.max_idle_conns = 16 };
	struct err err = { 0 };

	assert_false(upstream_setup(&setup, &err));
	assert_int_equal(err.kind, ERR_CONFIG);
	assert_non_null(strstr(err.msg, "/nonexistent/ca.pem"));
}

static int set_up(void **state)
{
	struct upstream_setup setup = { .proxy = "",
		.ca_file = "",
		.user_agent = "test/1",
		.max_idle_conns = 64 };
	struct err err = { 0 };
	pthread_t thread;

	/* Must not be looked at: only the configured proxy counts. */
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	assert_true(upstream_setup(&setup, &err));
	server.fd = listen_here(256, &server.port);
	pthread_create(&thread, NULL, accept_all, NULL);
	pthread_detach(thread);
	wire = wire_new(0);
	return 0;
}

static int tear_down(void **state)
{
	shutdown(server.fd, SHUT_RDWR);
	wire_free(wire);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_setup_errors),
		cmocka_unit_test(test_post),
		cmocka_unit_test(test_methods),
		cmocka_unit_test(test_large_upload),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_statuses_pass),
		cmocka_unit_test(test_trailers_are_no_headers),
		cmocka_unit_test(test_reuse),
		cmocka_unit_test(test_closed_while_idle),
		cmocka_unit_test(test_many_at_once),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_refused_head),
		cmocka_unit_test(test_timeouts),
		cmocka_unit_test(test_no_timeout),
		cmocka_unit_test(test_idle_moves),
		cmocka_unit_test(test_connect_timeout),
		cmocka_unit_test(test_wait),
		cmocka_unit_test(test_pause),
		cmocka_unit_test(test_pause_chunks),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_sent),
		cmocka_unit_test(test_sent_in_part),
		cmocka_unit_test(test_cancel_another),
		cmocka_unit_test(test_start_in_callbacks),
		cmocka_unit_test(test_fetch),
		cmocka_unit_test(test_wire_free),
	};

	return cmocka_run_group_tests_name("upstream", tests, set_up, tear_down);
}
