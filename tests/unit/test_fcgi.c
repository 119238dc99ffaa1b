/* test_fcgi.c — FastCGI and CGI against a client that behaves, and several that do not
 *
 * A wire runs in a thread of its own and answers by path (`answer` below); the tests are the web
 * server, over a real socket. What the tests expect of records comes from the FastCGI 1.0
 * specification, what they expect of limits from fcgi.h.
 */
#include "net/fcgi.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <assert.h>
#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/record.h"
#include "../fcgi_client.h"

#define WAIT_MS 60000 /* against hanging only */
#define PIECE 4096

/* ---- the gateway under test ----------------------------------------------------------- */

struct room {
	char dir[64], path[96];
	struct fcgi_listener listener;
	struct fcgi_config config;
	struct wire *wire;
	struct fcgi_loop *loop;
	pthread_t thread;
	atomic_int requests, gone, drains, ended;
	atomic_int helpers; /* threads that may still be in wire_send */
	struct task task;
	atomic_bool task_done;
	size_t cut;
};

/* A stream that obeys back-pressure. */
struct flood {
	struct room *room;
	size_t left;
};

static void refuse(const struct req *r, const struct err *err, struct resp *out)
{
	resp_json(out, err_status(err));
	buf_addf(&out->body, "{\"refused\":\"%s\",\"path\":\"%.*s\"}", err_kind_name(err->kind),
	    STR_ARG(r->path));
}

/* Everything we know of a request, so that a test sees what was lost. */
static void echo(struct req *r)
{
	struct resp resp;

	resp_init(&resp, r->arena);
	headers_add_c(&resp.headers, "Content-Type", "text/plain");
	buf_addf(&resp.body, "%.*s %.*s ?%.*s type=%.*s key=%.*s from=%.*s body=%.*s",
	    STR_ARG(r->method), STR_ARG(r->path), STR_ARG(r->query), STR_ARG(r->content_type),
	    STR_ARG(req_header(r, "x-key")), STR_ARG(r->remote_addr), STR_ARG(r->body));
	reply_send(r, &resp);
}

/* n bytes, each known by its place. */
static void pattern(struct buf *out, size_t from, size_t n)
{
	char *to = buf_reserve(out, n);

	for (size_t i = 0; i < n; i++)
		to[i] = (char)('a' + (from + i) % 23);
	buf_commit(out, n);
}

static void big(struct req *r)
{
	struct resp resp;

	resp_init(&resp, r->arena);
	pattern(&resp.body, 0, (size_t)req_query_int(r, "n", 0));
	reply_send(r, &resp);
}

static void on_gone(struct req *r)
{
	struct room *room = (struct room *)(uintptr_t)r->settings;

	atomic_fetch_add(&room->gone, 1);
	assert(reply_gone(r));
	assert(reply_backlog(r) == 0);
	reply_write(r, STR("nobody reads this"));
	reply_flush(r);
	atomic_fetch_add(&room->ended, 1);
	reply_end(r);
}

static const struct reply_events hold_events = { .on_gone = on_gone };

static void pour(struct req *r)
{
	struct flood *f = r->state;
	struct buf piece = buf_init(PIECE);

	while (f->left > 0 && reply_backlog(r) <= REPLY_HIGH_WATER) {
		size_t n = f->left < PIECE ? f->left : PIECE;

		buf_clear(&piece);
		pattern(&piece, 0, n);
		reply_write(r, buf_str(&piece));
		reply_flush(r);
		f->left -= n;
	}
	buf_release(&piece);
	if (f->left == 0)
		reply_end(r);
}

static void on_drain(struct req *r)
{
	struct flood *f = r->state;

	assert(reply_backlog(r) < REPLY_LOW_WATER);
	atomic_fetch_add(&f->room->drains, 1);
	pour(r);
}

static const struct reply_events flood_events = { on_drain, on_gone };

static void start(struct req *r, int status)
{
	struct headers h;

	headers_init(&h, r->arena);
	headers_add_c(&h, "Content-Type", "text/event-stream");
	reply_start(r, status, &h);
}

static void flood(struct req *r)
{
	struct flood *f = ARENA_NEW(r->arena, struct flood);

	f->room = (struct room *)(uintptr_t)r->settings;
	f->left = (size_t)req_query_int(r, "n", 0);
	r->state = f;
	reply_watch(r, &flood_events);
	start(r, 200);
	pour(r);
}

/* Three events, the last one after a while; /never leaves it open. */
struct ticking {
	struct timer timer;
	struct req *r;
	int left;
};

static void tick(struct timer *t)
{
	struct ticking *x = CONTAINER_OF(t, struct ticking, timer);

	reply_write(x->r, STR("data: tick\n\n"));
	reply_flush(x->r);
	if (--x->left == 0)
		reply_end(x->r);
	else
		timer_set(reply_wire(x->r), t, 5);
}

static void stream(struct req *r)
{
	struct ticking *x = ARENA_NEW(r->arena, struct ticking);

	*x = (struct ticking){ .timer.fn = tick, .r = r, .left = 3 };
	start(r, 200);
	reply_flush(r);
	timer_set(reply_wire(r), &x->timer, 5);
}

/* Three events within one turn, then the ticks. */
static void burst(struct req *r)
{
	stream(r);
	for (int i = 0; i < 3; i++) {
		reply_write(r, STR("data: boom\n\n"));
		reply_flush(r);
	}
}

static void hold(struct req *r)
{
	reply_watch(r, &hold_events);
	start(r, 200);
	reply_write(r, STR("held"));
	reply_flush(r);
}

static void torn(struct req *r)
{
	start(r, 200);
	reply_write(r, STR("half of it"));
	reply_abort(r);
}

/* Answers from another thread, after a while. */
static void *answer_elsewhere(void *arg)
{
	struct req *r = arg;
	struct room *room = (struct room *)(uintptr_t)r->settings;

	usleep(2000);
	echo(r);
	atomic_fetch_sub(&room->helpers, 1);
	return NULL;
}

static void elsewhere(struct req *r)
{
	struct room *room = (struct room *)(uintptr_t)r->settings;
	pthread_t thread;

	atomic_fetch_add(&room->helpers, 1);
	assert(pthread_create(&thread, NULL, answer_elsewhere, r) == 0);
	pthread_detach(thread);
}

/* Nobody watches until somebody comes back from a worker: then he is told all the same. */
static void watch_later(struct timer *t)
{
	struct ticking *x = CONTAINER_OF(t, struct ticking, timer);

	assert(reply_gone(x->r));
	reply_watch(x->r, &hold_events);
}

static void unwatched(struct req *r)
{
	struct ticking *x = ARENA_NEW(r->arena, struct ticking);

	*x = (struct ticking){ .timer.fn = watch_later, .r = r };
	timer_set(reply_wire(r), &x->timer, 60);
}

static void empty(struct req *r)
{
	struct resp resp;

	resp_init(&resp, r->arena);
	resp.status = 204;
	reply_send(r, &resp);
}

/* A head that fills more than one record. */
static void long_head(struct req *r)
{
	struct resp resp;
	char *value = arena_alloc(r->arena, 40001);

	memset(value, 'v', 40000);
	value[40000] = '\0';
	resp_init(&resp, r->arena);
	headers_add_c(&resp.headers, "X-Long", value);
	headers_add_c(&resp.headers, "X-Long", value);
	buf_add_c(&resp.body, "ok");
	reply_send(r, &resp);
}

static void on_request(struct req *r, void *arg)
{
	static const struct {
		const char *path;
		void (*fn)(struct req *r);
	} answers[] = {
		{ "/big", big },
		{ "/flood", flood },
		{ "/stream", stream },
		{ "/burst", burst },
		{ "/hold", hold },
		{ "/torn", torn },
		{ "/elsewhere", elsewhere },
		{ "/unwatched", unwatched },
		{ "/empty", empty },
		{ "/longhead", long_head },
	};
	struct room *room = arg;

	atomic_fetch_add(&room->requests, 1);
	for (size_t i = 0; i < COUNT_OF(answers); i++) {
		if (str_eq_c(r->path, answers[i].path)) {
			answers[i].fn(r);
			return;
		}
	}
	echo(r);
}

static void *run_wire(void *arg)
{
	struct room *room = arg;

	wire_run(room->wire);
	return NULL;
}

static struct room *room_new(void)
{
	struct room *room = MEM_NEW(struct room);
	struct err err = { 0 };

	snprintf(room->dir, sizeof(room->dir), "/tmp/test_fcgi.XXXXXX");
	assert_non_null(mkdtemp(room->dir));
	snprintf(room->path, sizeof(room->path), "%s/s", room->dir);
	if (!fcgi_listen(room->path, &room->listener, &err))
		fail_msg("%s", err.msg);
	room->config = (struct fcgi_config){
		.max_params_bytes = 16 * 1024,
		.max_body_bytes = 2 * 1024 * 1024,
		.request_timeout_ms = WAIT_MS,
		.max_upload_ms = 10 * WAIT_MS,
		.max_conns = 500,
		.on_request = on_request,
		.refuse = refuse,
		.arg = room,
		.settings = room,
	};
	room->wire = wire_new(0);
	return room;
}

static void room_run(struct room *room)
{
	room->loop = fcgi_loop_new(room->wire, &room->listener, &room->config);
	assert_int_equal(pthread_create(&room->thread, NULL, run_wire, room), 0);
}

static struct room *room_open(void)
{
	struct room *room = room_new();

	room_run(room);
	return room;
}

static void wait_until_int(atomic_int *value, int want, const char *what)
{
	int64_t end = clock_mono_ms() + WAIT_MS;

	while (atomic_load(value) != want) {
		if (clock_mono_ms() > end)
			fail_msg("%s: got %d, want %d", what, atomic_load(value), want);
		usleep(500);
	}
}

static void wait_for_conns(struct room *room, size_t want)
{
	int64_t end = clock_mono_ms() + WAIT_MS;

	while (fcgi_loop_conns(room->loop) != want) {
		if (clock_mono_ms() > end)
			fail_msg("connections: got %zu, want %zu", fcgi_loop_conns(room->loop),
			    want);
		usleep(500);
	}
}

static void drain_task(struct task *task, void *wire)
{
	struct room *room = CONTAINER_OF(task, struct room, task);

	fcgi_loop_drain(room->loop);
	atomic_store(&room->task_done, true);
}

static void cut_task(struct task *task, void *wire)
{
	struct room *room = CONTAINER_OF(task, struct room, task);

	room->cut = fcgi_loop_cut(room->loop);
	atomic_store(&room->task_done, true);
}

static void on_wire(struct room *room, task_fn *fn)
{
	atomic_store(&room->task_done, false);
	room->task.run = fn;
	wire_send(room->wire, &room->task);
	while (!atomic_load(&room->task_done))
		usleep(200);
}

/* Every test ends here: nothing may be left. */
static void room_close(struct room *room)
{
	on_wire(room, drain_task);
	on_wire(room, cut_task);
	wait_for_conns(room, 0);
	wait_until_int(&room->helpers, 0, "helpers");
	while (fcgi_loop_accepting(room->loop)) /* at the budget it looks again in a while */
		usleep(1000);
	wire_stop(room->wire);
	pthread_join(room->thread, NULL);
	fcgi_loop_free(room->loop);
	wire_free(room->wire);
	fcgi_unlisten(&room->listener);
	assert_int_equal(access(room->path, F_OK), -1);
	assert_int_equal(rmdir(room->dir), 0);
	mem_free(room);
}

/* ---- the client's side ---------------------------------------------------------------- */

static struct fcgi_client dial(struct room *room)
{
	struct fcgi_client c;

	fcgi_client_open(&c, fcgi_dial(room->path));
	assert_true(c.fd >= 0);
	return c;
}

static void check_str(const char *name, struct str got, struct str want)
{
	if (!str_eq(got, want))
		fail_msg("%s: got '%.*s', want '%.*s'", name, STR_ARG(got), STR_ARG(want));
}

static void check_pattern(const char *name, const struct buf *body, size_t want, size_t period)
{
	if (body->len != want)
		fail_msg("%s: got %zu bytes, want %zu", name, body->len, want);
	for (size_t i = 0; i < want; i++) {
		if (body->data[i] != (char)('a' + (i % period) % 23))
			fail_msg("%s: byte %zu differs", name, i);
	}
}

static void check_complete(const char *name, const struct fcgi_answer *a, int status)
{
	if (!a->ended || !a->stdout_end || a->protocol_status != RECORD_COMPLETE || a->app_status)
		fail_msg("%s: not ended as it should", name);
	if (a->status != status)
		fail_msg("%s: status %d, want %d", name, a->status, status);
	if (!fcgi_answer_header(a, "X-Oneapi-Request-Id").n)
		fail_msg("%s: no request id", name);
	assert_int_equal(a->err.len, 0);
}

static const struct fcgi_param with_key[] = { { "HTTP_X_KEY", "k" }, { NULL, NULL } };

/* A kept POST whose echo is known. */
static const struct fcgi_ask usual = {
	.uri = "/a/b?c=d",
	.content_type = "text/x",
	.body = STR_INIT("hello"),
	.params = with_key,
	.keep = true,
};

static const char usual_echo[] = "POST /a/b ?c=d type=text/x key=k from=127.0.0.1 body=hello";

static void check_usual(const char *name, struct fcgi_client *c, uint16_t id)
{
	struct fcgi_answer a;

	fcgi_answer_init(&a);
	if (!fcgi_client_read(c, id, &a, WAIT_MS))
		fail_msg("%s: no answer", name);
	check_complete(name, &a, 200);
	check_str(name, buf_str(&a.body), str_c(usual_echo));
	fcgi_answer_release(&a);
}

static void ask_usual(const char *name, struct fcgi_client *c)
{
	struct buf bytes = buf_init(4096);

	fcgi_ask_write(&usual, &bytes);
	assert_true(fcgi_client_send(c, buf_str(&bytes)));
	check_usual(name, c, 1);
	buf_release(&bytes);
}

/* The connection is of no more use, or was closed in an orderly way. */
static void check_closed(const char *name, struct fcgi_client *c)
{
	if (!fcgi_client_wait_closed(c, WAIT_MS))
		fail_msg("%s: still open", name);
}

/* ---- whole requests and replies ------------------------------------------------------- */

static void a_request_is_answered(void **state)
{
	struct room *room = room_open();
	struct fcgi_client c = dial(room);
	struct fcgi_answer a;

	fcgi_answer_init(&a);
	assert_true(fcgi_client_ask(&c, &usual, &a, WAIT_MS));
	check_complete("usual", &a, 200);
	check_str("status", fcgi_answer_header(&a, "Status"), STR("200 OK"));
	check_str("type", fcgi_answer_header(&a, "Content-Type"), STR("text/plain"));
	check_str("length", fcgi_answer_header(&a, "Content-Length"), STR("58"));
	check_str("body", buf_str(&a.body), str_c(usual_echo));
	assert_int_equal(a.records, 3); /* stdout, its end, END_REQUEST */
	fcgi_answer_release(&a);
	fcgi_client_close(&c);
	room_close(room);
}

/* A small reply leaves in one piece, so one read gets it all. */
static void a_small_reply_is_one_write(void **state)
{
	struct room *room = room_open();
	struct fcgi_client c = dial(room);
	struct buf bytes = buf_init(4096);
	struct fcgi_answer a;

	fcgi_ask_write(&usual, &bytes);
	for (int i = 0; i < 20; i++) {
		assert_true(fcgi_client_send(&c, buf_str(&bytes)));
		fcgi_answer_init(&a);
		assert_true(fcgi_client_read_record(&c, 1, &a, WAIT_MS));
		assert_true(c.in.len > 0);
		assert_true(fcgi_client_read(&c, 1, &a, 0)); /* without another read */
		fcgi_answer_release(&a);
	}
	buf_release(&bytes);
	fcgi_client_close(&c);
	room_close(room);
}

static void a_connection_is_kept_only_when_asked(void **state)
{
	struct room *room = room_open();
	struct fcgi_client c = dial(room);
	struct fcgi_ask last = usual;
	struct fcgi_answer a;

	for (int i = 0; i < 100; i++)
		ask_usual("kept", &c);
	assert_int_equal(fcgi_loop_conns(room->loop), 1);
	last.keep = false;
	fcgi_answer_init(&a);
	assert_true(fcgi_client_ask(&c, &last, &a, WAIT_MS));
	check_closed("not kept", &c);
	wait_for_conns(room, 0);
	fcgi_answer_release(&a);
	fcgi_client_close(&c);
	room_close(room);
}

static void replies_of_any_size(void **state)
{
	static const struct {
		const char *uri;
		size_t n;
	} cases[] = {
		{ "/big?n=0", 0 },
		{ "/big?n=1", 1 },
		{ "/big?n=16384", 16384 }, /* the last one that is copied */
		{ "/big?n=16385", 16385 },
		{ "/big?n=65528", 65528 }, /* exactly a record */
		{ "/big?n=65529", 65529 },
		{ "/big?n=1048576", 1048576 },
		{ "/big?n=5000001", 5000001 },
	};
	struct room *room = room_open();
	struct fcgi_client c = dial(room);

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct fcgi_ask ask = { .uri = cases[i].uri, .keep = true };
		struct fcgi_answer a;
		char length[24];

		fcgi_answer_init(&a);
		if (!fcgi_client_ask(&c, &ask, &a, WAIT_MS))
			fail_msg("%s: no answer", cases[i].uri);
		check_complete(cases[i].uri, &a, 200);
		check_pattern(cases[i].uri, &a.body, cases[i].n, SIZE_MAX);
		snprintf(length, sizeof(length), "%zu", cases[i].n);
		check_str(cases[i].uri, fcgi_answer_header(&a, "Content-Length"), str_c(length));
		fcgi_answer_release(&a);
	}
	fcgi_client_close(&c);
	room_close(room);
}

static void head_and_204_have_no_body(void **state)
{
	struct room *room = room_open();
	struct fcgi_client c = dial(room);
	static const struct {
		const char *method, *uri;
		int status;
		const char *length;
	} cases[] = {
		{ "HEAD", "/big?n=100", 200, "100" },
		{ "HEAD", "/big?n=100000", 200, "100000" },
		{ "HEAD", "/stream", 200, "" },
		{ "GET", "/empty", 204, "" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct fcgi_ask ask = { .uri = cases[i].uri,
			.method = cases[i].method,
			.keep = true };
		struct fcgi_answer a;

		fcgi_answer_init(&a);
		assert_true(fcgi_client_ask(&c, &ask, &a, WAIT_MS));
		check_complete(cases[i].uri, &a, cases[i].status);
		check_str(cases[i].uri, fcgi_answer_header(&a, "Content-Length"),
		    str_c(cases[i].length));
		assert_int_equal(a.body.len, 0);
		fcgi_answer_release(&a);
	}
	fcgi_client_close(&c);
	room_close(room);
}

static void a_head_longer_than_a_record(void **state)
{
	struct room *room = room_open();
	struct fcgi_client c = dial(room);
	struct fcgi_answer a;

	fcgi_answer_init(&a);
	assert_true(fcgi_client_ask(&c, &(struct fcgi_ask){ .uri = "/longhead" }, &a, WAIT_MS));
	check_complete("long head", &a, 200);
	assert_int_equal(fcgi_answer_header(&a, "X-Long").n, 40000);
	check_str("body", buf_str(&a.body), STR("ok"));
	fcgi_answer_release(&a);
	fcgi_client_close(&c);
	room_close(room);
}

static void uploads_of_any_size(void **state)
{
	static const size_t sizes[] = { 0, 1, 65535, 65536, 200000, 2 * 1024 * 1024 };
	struct room *room = room_open();
	struct fcgi_client c = dial(room);

	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		struct buf body = buf_init(sizes[i]);
		struct fcgi_ask ask = { .uri = "/e",
			.method = "POST",
			.keep = true,
			.no_length = i % 2 };
		struct fcgi_answer a;
		size_t at;

		pattern(&body, 0, sizes[i]);
		ask.body = buf_str(&body);
		fcgi_answer_init(&a);
		assert_true(fcgi_client_ask(&c, &ask, &a, WAIT_MS));
		check_complete("upload", &a, 200);
		at = str_find_str(buf_str(&a.body), STR("body=")) + 5;
		check_str("upload", str_slice(buf_str(&a.body), at, a.body.len), buf_str(&body));
		fcgi_answer_release(&a);
		buf_release(&body);
	}
	fcgi_client_close(&c);
	room_close(room);
}

/* Bodies above SPOOL_ABOVE_BYTES come through a file; what a form may send is more than others. */
static void large_uploads_lie_in_a_file(void **state)
{
	enum { MIB = 1024 * 1024 };
	static const char form[] = "multipart/form-data; boundary=x";
	static const struct {
		const char *name, *dir, *content_type;
		size_t size;
		int status;
	} cases[] = {
		{ "the most in memory", "/tmp", "text/x", MIB, 200 },
		{ "the least in a file", "/tmp", "text/x", MIB + 1, 200 },
		{ "the most", "/tmp", "text/x", 2 * MIB, 200 },
		{ "too much", "/tmp", "text/x", 2 * MIB + 1, 413 },
		{ "a form", "/tmp", form, 2 * MIB + 1, 200 },
		{ "the largest form, whole pages", "/tmp", form, 4 * MIB, 200 },
		{ "a form that is too much", "/tmp", form, 4 * MIB + 1, 413 },
		{ "no room", "/does/not/exist", form, MIB + 1, 503 },
		{ "small needs no room", "/does/not/exist", form, MIB, 200 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct room *room = room_new();
		struct fcgi_client c;
		struct buf body = buf_init(SIZE_MAX);
		struct fcgi_ask ask = { .uri = "/e",
			.method = "POST",
			.content_type = cases[i].content_type,
			.keep = true,
			.no_length = i % 2 };
		struct fcgi_answer a;

		room->config.spool_dir = cases[i].dir;
		room->config.max_upload_bytes = 4 * MIB;
		room_run(room);
		c = dial(room);
		pattern(&body, 0, cases[i].size);
		ask.body = buf_str(&body);
		fcgi_answer_init(&a);
		if (!fcgi_client_ask(&c, &ask, &a, WAIT_MS))
			fail_msg("%s: no answer", cases[i].name);
		check_complete(cases[i].name, &a, cases[i].status);
		if (cases[i].status == 200) {
			size_t at = str_find_str(buf_str(&a.body), STR("body=")) + 5;

			check_str(cases[i].name, str_slice(buf_str(&a.body), at, a.body.len),
			    buf_str(&body));
		}
		fcgi_answer_release(&a);
		ask_usual(cases[i].name, &c);
		buf_release(&body);
		fcgi_client_close(&c);
		room_close(room);
	}
}

static void a_worker_may_answer(void **state)
{
	struct room *room = room_open();
	struct fcgi_client c[8];
	struct fcgi_answer a;

	for (size_t i = 0; i < COUNT_OF(c); i++) {
		struct buf bytes = buf_init(4096);

		c[i] = dial(room);
		fcgi_ask_write(&(struct fcgi_ask){ .uri = "/elsewhere?x" }, &bytes);
		assert_true(fcgi_client_send(&c[i], buf_str(&bytes)));
		buf_release(&bytes);
	}
	for (size_t i = 0; i < COUNT_OF(c); i++) {
		fcgi_answer_init(&a);
		assert_true(fcgi_client_read(&c[i], 1, &a, WAIT_MS));
		check_complete("elsewhere", &a, 200);
		check_str("elsewhere", buf_str(&a.body),
		    STR("GET /elsewhere ?x type= key= from=127.0.0.1 body="));
		fcgi_answer_release(&a);
		fcgi_client_close(&c[i]);
	}
	room_close(room);
}

static void a_stream_arrives_as_it_is_made(void **state)
{
	struct room *room = room_open();
	struct fcgi_client c = dial(room);
	struct fcgi_ask ask = { .uri = "/stream", .keep = true };
	struct buf bytes = buf_init(4096);
	struct fcgi_answer a;

	fcgi_answer_init(&a);
	fcgi_ask_write(&ask, &bytes);
	assert_true(fcgi_client_send(&c, buf_str(&bytes)));
	assert_true(fcgi_client_read_record(&c, 1, &a, WAIT_MS)); /* the head by itself */
	assert_int_equal(a.status, 200);
	assert_int_equal(a.body.len, 0);
	check_str("length", fcgi_answer_header(&a, "Content-Length"), STR(""));
	assert_true(fcgi_client_read_body(&c, 1, &a, 12, WAIT_MS));
	assert_false(a.ended);
	assert_true(fcgi_client_read(&c, 1, &a, WAIT_MS));
	check_complete("stream", &a, 200);
	check_str("stream", buf_str(&a.body), STR("data: tick\n\ndata: tick\n\ndata: tick\n\n"));
	ask_usual("after a stream", &c);
	fcgi_answer_release(&a);
	buf_release(&bytes);
	fcgi_client_close(&c);
	room_close(room);
}

static void events_of_one_turn_leave_together(void **state)
{
	struct room *room = room_open();
	struct fcgi_client c = dial(room);
	struct fcgi_ask ask = { .uri = "/burst", .keep = true };
	struct buf bytes = buf_init(4096);
	struct fcgi_answer a;

	fcgi_answer_init(&a);
	fcgi_ask_write(&ask, &bytes);
	assert_true(fcgi_client_send(&c, buf_str(&bytes)));
	assert_true(fcgi_client_read_record(&c, 1, &a, WAIT_MS));
	assert_int_equal(a.status, 200);
	check_str("first record", buf_str(&a.body),
	    STR("data: boom\n\ndata: boom\n\ndata: boom\n\n"));
	assert_true(fcgi_client_read(&c, 1, &a, WAIT_MS));
	check_complete("burst", &a, 200);
	assert_int_equal(a.body.len, 6 * strlen("data: boom\n\n"));
	fcgi_answer_release(&a);
	buf_release(&bytes);
	fcgi_client_close(&c);
	room_close(room);
}

static void a_cut_stream_has_no_end(void **state)
{
	struct room *room = room_open();
	struct fcgi_client c = dial(room);
	struct fcgi_ask ask = { .uri = "/torn", .keep = true };
	struct fcgi_answer a;

	fcgi_answer_init(&a);
	assert_false(fcgi_client_ask(&c, &ask, &a, WAIT_MS));
	assert_false(a.ended);
	assert_false(a.stdout_end);
	check_str("what was written", buf_str(&a.body), STR("half of it"));
	/* Behind it comes what no web server takes for a record, then the end. */
	assert_true(c.in.len >= 8 && c.in.data[0] != 1);
	assert_true(fcgi_client_wait_closed(&c, WAIT_MS));
	fcgi_answer_release(&a);
	fcgi_client_close(&c);
	room_close(room);
}

/* ---- pieces --------------------------------------------------------------------------- */

static void requests_may_be_cut_anywhere(void **state)
{
	struct room *room = room_open();
	struct fcgi_client c = dial(room);
	struct buf bytes = buf_init(4096);
	char name[32];

	fcgi_ask_write(&usual, &bytes);
	for (size_t at = 1; at < bytes.len; at++) {
		snprintf(name, sizeof(name), "cut at %zu", at);
		assert_true(fcgi_client_send_cut(&c, buf_str(&bytes), at));
		check_usual(name, &c, 1);
	}
	for (size_t i = 0; i < bytes.len; i++) {
		assert_true(fcgi_client_send(&c, (struct str){ bytes.data + i, 1 }));
		if (i % 16 == 0)
			usleep(100);
	}
	check_usual("byte by byte", &c, 1);
	assert_int_equal(atomic_load(&room->requests), (int)bytes.len);
	buf_release(&bytes);
	fcgi_client_close(&c);
	room_close(room);
}

/* The same parameters and body in records of n bytes, each with a padding of its own. */
static void write_in_records_of(struct buf *out, size_t n)
{
	static const char begin[8] = { 0, RECORD_RESPONDER, RECORD_KEEP_CONN };
	struct buf params = buf_init(4096);
	struct str streams[2];
	uint8_t padding = 0;

	record_add_pair(&params, STR("REQUEST_METHOD"), STR("POST"));
	record_add_pair(&params, STR("REQUEST_URI"), STR("/a/b?c=d"));
	record_add_pair(&params, STR("CONTENT_TYPE"), STR("text/x"));
	record_add_pair(&params, STR("CONTENT_LENGTH"), STR("5"));
	record_add_pair(&params, STR("HTTP_X_KEY"), STR("k"));
	record_add_pair(&params, STR("REMOTE_ADDR"), STR("127.0.0.1"));
	streams[0] = buf_str(&params);
	streams[1] = STR("hello");

	record_add(out, RECORD_BEGIN, 1, (struct str){ begin, 8 });
	for (int i = 0; i < 2; i++) {
		for (size_t at = 0; at < streams[i].n; at += n) {
			struct str piece = str_slice(streams[i], at,
			    at + n < streams[i].n ? at + n : streams[i].n);
			char header[RECORD_HEADER];

			record_write(header, i ? RECORD_STDIN : RECORD_PARAMS, 1, piece.n);
			header[6] = (char)padding;
			buf_add(out, (struct str){ header, RECORD_HEADER });
			buf_add(out, piece);
			for (int k = 0; k < padding; k++)
				buf_add_char(out, '\1');
			padding = (uint8_t)(padding + 37);
		}
		record_add(out, i ? RECORD_STDIN : RECORD_PARAMS, 1, STR(""));
	}
	buf_release(&params);
}

static void records_may_be_of_any_length(void **state)
{
	struct room *room = room_open();
	struct fcgi_client c = dial(room);
	struct buf bytes = buf_init(256 * 1024);
	char name[32];

	for (size_t n = 1; n < 40; n++) {
		buf_clear(&bytes);
		write_in_records_of(&bytes, n);
		snprintf(name, sizeof(name), "records of %zu", n);
		assert_true(fcgi_client_send(&c, buf_str(&bytes)));
		check_usual(name, &c, 1);
	}
	buf_release(&bytes);
	fcgi_client_close(&c);
	room_close(room);
}

static void requests_may_come_before_their_turn(void **state)
{
	static const char *const uris[] = { "/elsewhere?1", "/stream", "/big?n=300000", "/e?4" };
	struct room *room = room_open();
	struct fcgi_client c = dial(room);
	struct buf bytes = buf_init(64 * 1024);

	for (size_t i = 0; i < COUNT_OF(uris); i++)
		fcgi_ask_write(&(struct fcgi_ask){ .uri = uris[i], .keep = true }, &bytes);
	assert_true(fcgi_client_send(&c, buf_str(&bytes)));
	for (size_t i = 0; i < COUNT_OF(uris); i++) {
		struct fcgi_answer a;

		fcgi_answer_init(&a);
		if (!fcgi_client_read(&c, 1, &a, WAIT_MS))
			fail_msg("%s: no answer", uris[i]);
		check_complete(uris[i], &a, 200);
		fcgi_answer_release(&a);
	}
	ask_usual("afterwards", &c);
	buf_release(&bytes);
	fcgi_client_close(&c);
	room_close(room);
}

/* ---- the rest of the protocol --------------------------------------------------------- */

/* Section 5.1 of the specification: we do not multiplex. */
static void a_second_request_is_turned_away(void **state)
{
	struct room *room = room_open();
	struct fcgi_client c = dial(room);
	struct fcgi_ask second = usual;
	struct buf bytes = buf_init(4096);
	struct fcgi_answer a, b;

	second.id = 2;
	fcgi_ask_write(&(struct fcgi_ask){ .uri = "/stream", .keep = true }, &bytes);
	fcgi_ask_write(&second, &bytes);
	assert_true(fcgi_client_send(&c, buf_str(&bytes)));
	fcgi_answer_init(&b);
	assert_true(fcgi_client_read(&c, 2, &b, WAIT_MS));
	assert_int_equal(b.protocol_status, RECORD_CANT_MPX);
	assert_int_equal(b.body.len, 0);
	fcgi_answer_init(&a);
	assert_true(fcgi_client_read(&c, 1, &a, WAIT_MS));
	assert_true(a.ended);
	fcgi_answer_release(&a);
	fcgi_answer_release(&b);

	/* While one is still being collected, and its records are interleaved. */
	buf_clear(&bytes);
	fcgi_ask_write(&usual, &bytes);
	assert_true(fcgi_client_send(&c, str_slice(buf_str(&bytes), 0, 16)));
	second.id = 7;
	buf_consume(&bytes, 16);
	{
		struct buf other = buf_init(4096);

		fcgi_ask_write(&second, &other);
		assert_true(fcgi_client_send(&c, buf_str(&other)));
		buf_release(&other);
	}
	assert_true(fcgi_client_send(&c, buf_str(&bytes)));
	fcgi_answer_init(&b);
	assert_true(fcgi_client_read(&c, 7, &b, WAIT_MS));
	assert_int_equal(b.protocol_status, RECORD_CANT_MPX);
	fcgi_answer_release(&b);
	check_usual("the first one's body", &c, 1);
	buf_release(&bytes);
	fcgi_client_close(&c);
	room_close(room);
}

static void other_roles_are_unknown(void **state)
{
	struct room *room = room_open();
	struct fcgi_client c = dial(room);
	struct fcgi_ask ask = usual;
	struct fcgi_answer a;

	ask.role = RECORD_AUTHORIZER;
	fcgi_answer_init(&a);
	assert_true(fcgi_client_ask(&c, &ask, &a, WAIT_MS));
	assert_int_equal(a.protocol_status, RECORD_UNKNOWN_ROLE);
	assert_int_equal(a.body.len, 0);
	fcgi_answer_release(&a);
	ask_usual("the connection goes on", &c);

	ask.keep = false;
	fcgi_answer_init(&a);
	assert_true(fcgi_client_ask(&c, &ask, &a, WAIT_MS));
	assert_int_equal(a.protocol_status, RECORD_UNKNOWN_ROLE);
	check_closed("not kept", &c);
	fcgi_answer_release(&a);
	fcgi_client_close(&c);
	assert_int_equal(atomic_load(&room->requests), 1);
	room_close(room);
}

static void values_are_told(void **state)
{
	struct room *room = room_open();
	struct fcgi_client c = dial(room);
	struct buf pairs = buf_init(1024), bytes = buf_init(1024);
	struct str rest, name, value;
	struct fcgi_answer a;
	int found = 0;

	record_add_pair(&pairs, STR("FCGI_MPXS_CONNS"), STR(""));
	record_add_pair(&pairs, STR("FCGI_MAX_CONNS"), STR(""));
	record_add_pair(&pairs, STR("FCGI_UNHEARD_OF"), STR(""));
	record_add(&bytes, RECORD_GET_VALUES, 0, buf_str(&pairs));
	assert_true(fcgi_client_send(&c, buf_str(&bytes)));
	fcgi_answer_init(&a);
	assert_true(fcgi_client_read_record(&c, 1, &a, WAIT_MS));
	assert_int_equal(a.last_management, RECORD_GET_VALUES_RESULT);
	rest = buf_str(&a.management);
	while (record_next_pair(&rest, &name, &value)) {
		if (str_eq(name, STR("FCGI_MPXS_CONNS")))
			check_str("mpxs", value, STR("0"));
		else
			check_str("conns", value, STR("500"));
		found++;
	}
	assert_int_equal(found, 2);

	buf_clear(&bytes);
	record_add(&bytes, 77, 0, STR("what is this"));
	assert_true(fcgi_client_send(&c, buf_str(&bytes)));
	assert_true(fcgi_client_read_record(&c, 1, &a, WAIT_MS));
	assert_int_equal(a.last_management, RECORD_UNKNOWN_TYPE);
	assert_int_equal(a.management.data[0], 77);
	ask_usual("afterwards", &c);
	fcgi_answer_release(&a);
	buf_release(&pairs);
	buf_release(&bytes);
	fcgi_client_close(&c);
	room_close(room);
}

static void nonsense_ends_only_its_connection(void **state)
{
	/* clang-format off */
	static const struct { const char *name; struct str bytes; } cases[] = {
		{ "HTTP", STR_INIT("GET / HTTP/1.1\r\nHost: x\r\n\r\n") },
		{ "zeros", STR_INIT("\0\0\0\0\0\0\0\0\0\0\0\0") },
		{ "version 2", STR_INIT("\2\1\0\1\0\10\0\0\0\1\0\0\0\0\0\0") },
		{ "short BEGIN", STR_INIT("\1\1\0\1\0\2\0\0\0\1") },
		{ "BEGIN twice", STR_INIT("\1\1\0\1\0\10\0\0\0\1\0\0\0\0\0\0\1\1\0\1\0\10\0\0\0\1\0\0\0\0\0\0") },
		{ "STDIN before PARAMS", STR_INIT("\1\1\0\1\0\10\0\0\0\1\0\0\0\0\0\0\1\5\0\1\0\0\0\0") },
		{ "PARAMS after their end", STR_INIT("\1\1\0\1\0\10\0\0\0\1\0\0\0\0\0\0\1\4\0\1\0\0\0\0\1\4\0\1\0\0\0\0") },
		{ "ABORT while collecting", STR_INIT("\1\1\0\1\0\10\0\0\0\1\0\0\0\0\0\0\1\2\0\1\0\0\0\0") },
	};
	/* clang-format on */
	struct room *room = room_open();
	struct fcgi_client good = dial(room);

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct fcgi_client c = dial(room);

		assert_true(fcgi_client_send(&c, cases[i].bytes));
		check_closed(cases[i].name, &c);
		fcgi_client_close(&c);
		ask_usual(cases[i].name, &good);
	}
	assert_int_equal(atomic_load(&room->requests), COUNT_OF(cases));
	fcgi_client_close(&good);
	room_close(room);
}

/* Name-value pairs that claim more than there is. */
static void malformed_parameters_are_a_bad_request(void **state)
{
	static const char begin[8] = { 0, RECORD_RESPONDER, RECORD_KEEP_CONN };
	static const struct str params[] = {
		STR_INIT("\5\5ab"),
		STR_INIT("\200"),
		STR_INIT("\377\377\377\377\1a"),
		STR_INIT("\1"),
		STR_INIT("\1\200\0\0"),
		STR_INIT("\377\377\377\377\377\377\377\377"), /* the sum overflows an int */
		STR_INIT("\200\0\0\4\200\0\0\1NAM"),
	};
	struct room *room = room_open();
	struct fcgi_client c = dial(room);

	for (size_t i = 0; i < COUNT_OF(params); i++) {
		struct buf bytes = buf_init(1024);
		struct fcgi_answer a;

		record_add(&bytes, RECORD_BEGIN, 1, (struct str){ begin, 8 });
		record_add(&bytes, RECORD_PARAMS, 1, params[i]);
		record_add(&bytes, RECORD_PARAMS, 1, STR(""));
		record_add(&bytes, RECORD_STDIN, 1, STR(""));
		assert_true(fcgi_client_send(&c, buf_str(&bytes)));
		fcgi_answer_init(&a);
		if (!fcgi_client_read(&c, 1, &a, WAIT_MS))
			fail_msg("case %zu: no answer", i);
		check_complete("malformed", &a, 400);
		fcgi_answer_release(&a);
		buf_release(&bytes);
		ask_usual("after malformed parameters", &c);
	}
	assert_int_equal(atomic_load(&room->requests), COUNT_OF(params));
	fcgi_client_close(&c);
	room_close(room);
}

/* ---- limits --------------------------------------------------------------------------- */

/* Refused, and the connection is used again: the rest was read. */
static void limits_are_answered(void **state)
{
	static char long_value[20000];
	static const struct fcgi_param many[] = { { "HTTP_X_LONG", long_value }, { NULL, NULL } };
	struct room *room = room_open();
	struct fcgi_client c = dial(room);
	struct buf body = buf_init(SIZE_MAX);
	struct {
		const char *name;
		struct fcgi_ask ask;
		int status;
		const char *body;
	} cases[] = {
		{ "body", { .uri = "/up", .keep = true }, 413,
		    "{\"refused\":\"too_large\",\"path\":\"/up\"}" },
		{ "chunked body", { .uri = "/up", .keep = true, .no_length = true }, 413,
		    "{\"refused\":\"too_large\",\"path\":\"/up\"}" },
		{ "parameters", { .uri = "/up", .keep = true, .params = many }, 431,
		    "{\"refused\":\"headers_too_large\",\"path\":\"/\"}" },
		{ "path", { .uri = "/a%00b", .keep = true }, 400, NULL },
	};

	memset(long_value, 'x', sizeof(long_value) - 1);
	pattern(&body, 0, 2 * 1024 * 1024 + 1);
	cases[0].ask.body = cases[1].ask.body = buf_str(&body);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct fcgi_answer a;

		fcgi_answer_init(&a);
		if (!fcgi_client_ask(&c, &cases[i].ask, &a, WAIT_MS))
			fail_msg("%s: no answer", cases[i].name);
		check_complete(cases[i].name, &a, cases[i].status);
		if (cases[i].body)
			check_str(cases[i].name, buf_str(&a.body), str_c(cases[i].body));
		fcgi_answer_release(&a);
		ask_usual(cases[i].name, &c);
	}
	assert_int_equal(atomic_load(&room->requests), COUNT_OF(cases));
	buf_release(&body);
	fcgi_client_close(&c);
	room_close(room);
}

struct upload {
	struct fcgi_client *c;
	struct str bytes;
};

static void *send_upload(void *arg)
{
	struct upload *u = arg;

	(void)!fcgi_client_send(u->c, u->bytes);
	return NULL;
}

/* Far beyond the limit reading stops, but the reply still arrives. */
static void an_endless_upload_is_answered_too(void **state)
{
	struct room *room = room_open();
	struct fcgi_client c = dial(room);
	struct buf body = buf_init(SIZE_MAX), bytes = buf_init(SIZE_MAX);
	struct fcgi_ask ask = { .uri = "/up", .keep = true };
	struct upload u = { .c = &c };
	struct fcgi_answer a;
	pthread_t thread;

	pattern(&body, 0, 30 * 1024 * 1024);
	ask.body = buf_str(&body);
	fcgi_ask_write(&ask, &bytes);
	u.bytes = buf_str(&bytes);
	assert_int_equal(pthread_create(&thread, NULL, send_upload, &u), 0);
	fcgi_answer_init(&a);
	assert_true(fcgi_client_read(&c, 1, &a, WAIT_MS));
	check_complete("endless", &a, 413);
	pthread_join(thread, NULL);
	check_closed("endless", &c);
	fcgi_answer_release(&a);
	buf_release(&body);
	buf_release(&bytes);
	fcgi_client_close(&c);
	room_close(room);
}

/* CONTENT_LENGTH says otherwise: the handler never sees it. */
static void a_torn_body_reaches_nobody(void **state)
{
	static const char *const lengths[] = { "4", "6", "0", "five", "-5" };
	struct room *room = room_open();

	for (size_t i = 0; i < COUNT_OF(lengths); i++) {
		struct fcgi_param params[] = { { "CONTENT_LENGTH", lengths[i] }, { NULL, NULL } };
		struct fcgi_ask ask = usual;
		struct fcgi_client c = dial(room);
		struct fcgi_answer a;

		ask.params = params;
		fcgi_answer_init(&a);
		if (fcgi_client_ask(&c, &ask, &a, WAIT_MS))
			fail_msg("length %s: answered", lengths[i]);
		assert_true(c.closed);
		fcgi_answer_release(&a);
		fcgi_client_close(&c);
	}
	assert_int_equal(atomic_load(&room->requests), 0);
	room_close(room);
}

/* So much that even on a busy machine what we send at once is there before. */
#define REQUEST_MS 800

static void slow_requests_time_out(void **state)
{
	struct room *room = room_new();
	struct buf bytes = buf_init(4096);
	struct fcgi_client c;
	struct fcgi_answer a;
	int64_t begun;
	static const struct {
		const char *name;
		size_t sent; /* from the front; 0: up to the last byte */
		const char *path;
	} cases[] = {
		{ "within the parameters", 40, "/" },
		{ "within the body", 0, "/a/b" },
	};

	room->config.request_timeout_ms = REQUEST_MS;
	room_run(room);
	fcgi_ask_write(&usual, &bytes);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		size_t n = cases[i].sent ? cases[i].sent : bytes.len - 1;
		char want[80];

		begun = clock_mono_ms();
		c = dial(room);
		assert_true(fcgi_client_send(&c, str_slice(buf_str(&bytes), 0, n)));
		fcgi_answer_init(&a);
		if (!fcgi_client_read(&c, 1, &a, WAIT_MS))
			fail_msg("%s: no answer", cases[i].name);
		check_complete(cases[i].name, &a, 408);
		snprintf(want, sizeof(want), "{\"refused\":\"timeout_request\",\"path\":\"%s\"}",
		    cases[i].path);
		check_str(cases[i].name, buf_str(&a.body), str_c(want));
		check_closed(cases[i].name, &c);
		assert_true(clock_mono_ms() - begun >= REQUEST_MS - 10);
		fcgi_answer_release(&a);
		fcgi_client_close(&c);
	}

	/* Nothing to answer to: just closed. */
	c = dial(room);
	check_closed("silent", &c);
	fcgi_client_close(&c);
	c = dial(room);
	assert_true(fcgi_client_send(&c, STR("\1\1\0")));
	check_closed("part of a header", &c);
	fcgi_client_close(&c);

	/* A kept connection may be idle for longer. */
	c = dial(room);
	ask_usual("kept", &c);
	usleep(REQUEST_MS * 3 / 2 * 1000);
	ask_usual("kept and idle", &c);
	fcgi_client_close(&c);
	buf_release(&bytes);
	room_close(room);
}

/* Each byte is in time, the whole is not. */
static void a_drip_is_limited_as_a_whole(void **state)
{
	struct room *room = room_new();
	struct buf bytes = buf_init(4096);
	struct fcgi_answer a;
	struct fcgi_client c;
	struct pollfd p;
	size_t at = 0;
	int64_t begun;

	room->config.request_timeout_ms = REQUEST_MS;
	room->config.max_upload_ms = REQUEST_MS * 2;
	room_run(room);
	begun = clock_mono_ms();
	c = dial(room);
	p = (struct pollfd){ .fd = c.fd, .events = POLLIN };
	fcgi_ask_write(&usual, &bytes);
	while (poll(&p, 1, 30) == 0 && at < bytes.len - 1)
		assert_true(fcgi_client_send(&c, (struct str){ bytes.data + at++, 1 }));
	assert_true(at < bytes.len - 1); /* all of them would take longer */
	fcgi_answer_init(&a);
	assert_true(fcgi_client_read(&c, 1, &a, WAIT_MS));
	check_complete("drip", &a, 408);
	assert_true(clock_mono_ms() - begun >= REQUEST_MS * 2 - 10);
	fcgi_answer_release(&a);
	buf_release(&bytes);
	fcgi_client_close(&c);
	room_close(room);
}

static void half_open_connections_delay_nobody(void **state)
{
	struct room *room = room_open();
	struct fcgi_client half[100], good;
	struct buf bytes = buf_init(4096);

	fcgi_ask_write(&usual, &bytes);
	for (size_t i = 0; i < COUNT_OF(half); i++) {
		half[i] = dial(room);
		assert_true(fcgi_client_send(&half[i], str_slice(buf_str(&bytes), 0, i % 150)));
	}
	good = dial(room);
	for (int i = 0; i < 50; i++)
		ask_usual("good", &good);
	/* None of them has timed out meanwhile. */
	assert_int_equal(fcgi_loop_conns(room->loop), COUNT_OF(half) + 1);
	for (size_t i = 0; i < COUNT_OF(half); i++) {
		/* And each of them can still be finished. */
		assert_true(
		    fcgi_client_send(&half[i], str_slice(buf_str(&bytes), i % 150, bytes.len)));
		check_usual("half", &half[i], 1);
		fcgi_client_close(&half[i]);
	}
	buf_release(&bytes);
	fcgi_client_close(&good);
	room_close(room);
}

static void connections_beyond_the_budget_wait(void **state)
{
	struct room *room = room_new();
	struct fcgi_client c[4], late;
	struct buf bytes = buf_init(4096);
	struct pollfd p;

	room->config.max_conns = COUNT_OF(c);
	room_run(room);
	for (size_t i = 0; i < COUNT_OF(c); i++) {
		c[i] = dial(room);
		ask_usual("within", &c[i]);
	}
	late = dial(room);
	fcgi_ask_write(&usual, &bytes);
	assert_true(fcgi_client_send(&late, buf_str(&bytes)));
	p = (struct pollfd){ .fd = late.fd, .events = POLLIN };
	assert_int_equal(poll(&p, 1, 120), 0);
	ask_usual("the others go on", &c[2]);
	fcgi_client_close(&c[0]);
	check_usual("late", &late, 1);
	buf_release(&bytes);
	fcgi_client_close(&late);
	for (size_t i = 1; i < COUNT_OF(c); i++)
		fcgi_client_close(&c[i]);
	room_close(room);
}

/* ---- clients that leave or are slow --------------------------------------------------- */

static void ask_only(struct fcgi_client *c, const char *uri)
{
	struct buf bytes = buf_init(4096);

	fcgi_ask_write(&(struct fcgi_ask){ .uri = uri, .keep = true }, &bytes);
	assert_true(fcgi_client_send(c, buf_str(&bytes)));
	buf_release(&bytes);
}

static void a_client_that_leaves_is_noticed_once(void **state)
{
	struct room *room = room_open();
	struct fcgi_client c;
	struct fcgi_answer a;

	c = dial(room); /* closes */
	ask_only(&c, "/hold");
	fcgi_answer_init(&a);
	assert_true(fcgi_client_read_body(&c, 1, &a, 4, WAIT_MS));
	fcgi_answer_release(&a);
	fcgi_client_close(&c);
	wait_until_int(&room->gone, 1, "gone by close");

	c = dial(room); /* aborts */
	ask_only(&c, "/hold");
	assert_true(fcgi_client_abort(&c, 1));
	wait_until_int(&room->gone, 2, "gone by abort");
	fcgi_client_close(&c);

	c = dial(room); /* while the next request waits already */
	ask_only(&c, "/hold");
	ask_only(&c, "/hold");
	usleep(5000);
	fcgi_client_close(&c);
	wait_until_int(&room->gone, 3, "gone with a request waiting");

	wait_for_conns(room, 0);
	assert_int_equal(atomic_load(&room->ended), 3);
	room_close(room);
}

static void a_watcher_that_comes_late_is_told(void **state)
{
	struct room *room = room_open();
	struct fcgi_client c = dial(room);

	ask_only(&c, "/unwatched");
	usleep(5000);
	fcgi_client_close(&c);
	wait_until_int(&room->gone, 1, "gone");
	wait_for_conns(room, 0);
	room_close(room);
}

static void a_reply_to_nobody_is_dropped(void **state)
{
	struct room *room = room_open();

	for (int i = 0; i < 20; i++) {
		struct fcgi_client c = dial(room);

		ask_only(&c, i % 2 ? "/elsewhere" : "/stream");
		fcgi_client_close(&c);
	}
	wait_until_int(&room->requests, 20, "requests");
	wait_for_conns(room, 0);
	room_close(room);
}

static void a_slow_reader_holds_the_producer(void **state)
{
	enum { SIZE = 3 * 1024 * 1024 };
	struct room *room = room_open();
	struct fcgi_client slow = dial(room), other = dial(room);
	struct fcgi_answer a;

	ask_only(&slow, "/flood?n=3145728");
	usleep(20000);
	assert_int_equal(atomic_load(&room->drains), 0); /* full, and nobody reads */
	for (int i = 0; i < 20; i++)
		ask_usual("others", &other);
	fcgi_answer_init(&a);
	for (size_t n = PIECE; n < SIZE / 8; n += SIZE / 64) {
		assert_true(fcgi_client_read_body(&slow, 1, &a, n, WAIT_MS));
		usleep(500);
	}
	assert_true(fcgi_client_read(&slow, 1, &a, WAIT_MS));
	check_complete("slow", &a, 200);
	check_pattern("slow", &a.body, SIZE, PIECE);
	assert_true(atomic_load(&room->drains) > 0);
	fcgi_answer_release(&a);
	ask_usual("afterwards", &slow);
	fcgi_client_close(&slow);
	fcgi_client_close(&other);
	room_close(room);
}

static void a_reader_that_stalls_and_leaves_is_noticed(void **state)
{
	struct room *room = room_open();
	struct fcgi_client c = dial(room), big_one = dial(room);

	ask_only(&c, "/flood?n=3145728");
	ask_only(&big_one, "/big?n=5000000");
	usleep(20000);
	fcgi_client_close(&c);
	fcgi_client_close(&big_one);
	wait_until_int(&room->gone, 1, "gone");
	wait_for_conns(room, 0);
	room_close(room);
}

/* ---- draining ------------------------------------------------------------------------- */

static void draining_closes_kept_connections_after_a_reply(void **state)
{
	struct room *room = room_open();
	struct fcgi_client kept = dial(room), streaming = dial(room);
	struct fcgi_answer a;
	struct pollfd p;

	ask_usual("kept", &kept);
	ask_only(&streaming, "/stream");
	on_wire(room, drain_task);
	assert_false(fcgi_loop_accepting(room->loop));
	fcgi_unpublish(&room->listener);
	assert_int_equal(fcgi_dial(room->path), -1);

	/* The idle one stays: it may carry a request at this very moment. */
	p = (struct pollfd){ .fd = kept.fd, .events = POLLIN };
	assert_int_equal(poll(&p, 1, 30), 0);
	ask_usual("kept, draining", &kept);
	check_closed("kept", &kept);

	fcgi_answer_init(&a);
	assert_true(fcgi_client_read(&streaming, 1, &a, WAIT_MS));
	check_complete("streaming", &a, 200);
	check_closed("streaming", &streaming);
	fcgi_answer_release(&a);
	wait_for_conns(room, 0);
	fcgi_client_close(&kept);
	fcgi_client_close(&streaming);
	room_close(room);
}

struct blocker {
	struct task task;
	atomic_bool blocking, release;
};

static void block(struct task *task, void *wire)
{
	struct blocker *b = CONTAINER_OF(task, struct blocker, task);

	atomic_store(&b->blocking, true);
	while (!atomic_load(&b->release))
		usleep(200);
}

/* Those who wait in the socket's queue when the drain begins are served. */
static void draining_accepts_the_queue_first(void **state)
{
	struct room *room = room_open();
	struct blocker b = { .task.run = block };
	struct fcgi_client c[30];

	wire_send(room->wire, &b.task);
	while (!atomic_load(&b.blocking))
		usleep(200);
	for (size_t i = 0; i < COUNT_OF(c); i++) {
		c[i] = dial(room);
		ask_only(&c[i], "/e");
	}
	/* The drain is the next thing that the loop does. */
	room->task.run = drain_task;
	wire_send(room->wire, &room->task);
	atomic_store(&b.release, true);
	for (size_t i = 0; i < COUNT_OF(c); i++) {
		struct fcgi_answer a;

		fcgi_answer_init(&a);
		assert_true(fcgi_client_read(&c[i], 1, &a, WAIT_MS));
		check_complete("queued", &a, 200);
		fcgi_answer_release(&a);
		fcgi_client_close(&c[i]);
	}
	wait_for_conns(room, 0);
	room_close(room);
}

static void a_cut_ends_everything(void **state)
{
	struct room *room = room_open();
	struct fcgi_client idle = dial(room), held = dial(room), half = dial(room);

	ask_usual("idle", &idle);
	ask_only(&held, "/hold");
	assert_true(fcgi_client_send(&half, STR("\1\1\0\1\0\10")));
	wait_until_int(&room->requests, 2, "requests");
	on_wire(room, cut_task);
	assert_int_equal(room->cut, 1);
	wait_until_int(&room->gone, 1, "gone");
	wait_for_conns(room, 0);
	check_closed("idle", &idle);
	check_closed("held", &held);
	check_closed("half", &half);
	fcgi_client_close(&idle);
	fcgi_client_close(&held);
	fcgi_client_close(&half);
	room_close(room);
}

/* ---- ways to be started --------------------------------------------------------------- */

static void listening_texts(void **state)
{
	static const struct {
		const char *text;
		bool want;
	} cases[] = {
		{ "nonsense", false },
		{ "host:", false },
		{ "127.0.0.1:0", false },
		{ "127.0.0.1:70000", false },
		{ "no.such.host.invalid:9000", false },
		{ "/no/such/folder/s", false },
		{ "127.0.0.1:29471", true },
		{ "[::1]:29471", true },
		{ ":29472", true },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct fcgi_listener l;
		struct err err = { 0 };
		bool got = fcgi_listen(cases[i].text, &l, &err);

		/* A machine without IPv6 has no [::1]. */
		if (got != cases[i].want && cases[i].text[0] != '[')
			fail_msg("'%s': got %d (%s)", cases[i].text, got, err.msg);
		if (got)
			assert_true(fcntl(l.fd, F_GETFL) & O_NONBLOCK);
		else
			assert_int_equal(err.kind, ERR_CONFIG);
		if (!got)
			assert_true(err.msg[0]);
		fcgi_unlisten(&l);
	}
}

static void a_successor_takes_the_path_over(void **state)
{
	char dir[] = "/tmp/test_fcgi.XXXXXX", path[64], file[64];
	struct fcgi_listener old, next;
	struct err err = { 0 };
	struct stat st;
	FILE *f;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/s", dir);
	snprintf(file, sizeof(file), "%s/file", dir);
	assert_true(fcgi_listen(path, &old, &err));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	assert_true(fcgi_listen(path, &next, &err));
	fcgi_unlisten(&old);
	assert_int_equal(access(path, F_OK), 0); /* not his any more */
	fcgi_unlisten(&next);
	assert_int_equal(access(path, F_OK), -1);

	f = fopen(file, "w");
	assert_non_null(f);
	fclose(f);
	assert_false(fcgi_listen(file, &old, &err));
	assert_int_equal(access(file, F_OK), 0);
	unlink(file);
	assert_int_equal(rmdir(dir), 0);
}

/* ---- CGI ------------------------------------------------------------------------------ */

/* Runs one CGI request in a child; its output is in out, its exit status returned. */
static int run_cgi(const char *const env[], struct str body, struct buf *out)
{
	int in[2], outp[2], status;
	pid_t pid;

	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe(outp), 0);
	pid = fork();
	if (pid == 0) {
		struct room room = { .config = { .max_params_bytes = 16 * 1024,
			                 .max_body_bytes = 100000,
			                 .request_timeout_ms = 100,
			                 .max_upload_ms = 1000,
			                 .max_conns = 1,
			                 .on_request = on_request,
			                 .refuse = refuse,
			                 .arg = &room,
			                 .settings = &room } };
		struct fcgi_listener l;
		struct err err = { 0 };

		dup2(in[0], 0);
		dup2(outp[1], 1);
		close(in[1]);
		close(outp[0]);
		signal(SIGPIPE, SIG_IGN);
		clearenv();
		for (size_t i = 0; env[i]; i++)
			putenv((char *)(uintptr_t)env[i]);
		if (!fcgi_listen("", &l, &err) || l.how != FCGI_START_CGI)
			_exit(3);
		room.wire = wire_new(0);
		if (!fcgi_cgi_start(room.wire, &room.config, &err))
			_exit(4);
		wire_run(room.wire);
		wire_free(room.wire);
		_exit(0);
	}
	close(in[0]);
	close(outp[1]);
	signal(SIGPIPE, SIG_IGN);
	(void)!write(in[1], body.p ? body.p : "", body.n);
	for (;;) {
		char *to = buf_reserve(out, 65536);
		ssize_t n = read(outp[0], to, 65536);

		if (n <= 0)
			break;
		buf_commit(out, (size_t)n);
	}
	close(in[1]);
	close(outp[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void cgi_requests(void **state)
{
	static const char *const get[] = { "GATEWAY_INTERFACE=CGI/1.1", "REQUEST_METHOD=GET",
		"REQUEST_URI=/a?b", "REMOTE_ADDR=192.0.2.1", NULL };
	static const char *const post[] = { "GATEWAY_INTERFACE=CGI/1.1", "REQUEST_METHOD=POST",
		"REQUEST_URI=/a", "CONTENT_LENGTH=5", "CONTENT_TYPE=t", "HTTP_X_KEY=k", NULL };
	static const char *const slow[] = { "GATEWAY_INTERFACE=CGI/1.1", "REQUEST_METHOD=POST",
		"REQUEST_URI=/a", "CONTENT_LENGTH=50", NULL };
	static const char *const large[] = { "GATEWAY_INTERFACE=CGI/1.1", "REQUEST_METHOD=POST",
		"REQUEST_URI=/a", "CONTENT_LENGTH=100001", NULL };
	static const char *const big_reply[] = { "GATEWAY_INTERFACE=CGI/1.1", "REQUEST_METHOD=GET",
		"REQUEST_URI=/big?n=1000000", NULL };
	static const char *const events[] = { "GATEWAY_INTERFACE=CGI/1.1", "REQUEST_METHOD=GET",
		"REQUEST_URI=/stream", NULL };
	static const struct {
		const char *name;
		const char *const *env;
		struct str body;
		const char *status;
		const char *want; /* NULL: the pattern, a million bytes */
	} cases[] = {
		{ "get", get, STR_INIT(""), "Status: 200 OK\r\n",
		    "GET /a ?b type= key= from=192.0.2.1 body=" },
		{ "post", post, STR_INIT("hello and more"), "Status: 200 OK\r\n",
		    "POST /a ? type=t key=k from= body=hello" },
		{ "slow", slow, STR_INIT("hello"), "Status: 408 Request Timeout\r\n",
		    "{\"refused\":\"timeout_request\",\"path\":\"/a\"}" },
		{ "too large", large, STR_INIT("x"), "Status: 413 Content Too Large\r\n",
		    "{\"refused\":\"too_large\",\"path\":\"/a\"}" },
		{ "big", big_reply, STR_INIT(""), "Status: 200 OK\r\n", NULL },
		{ "stream", events, STR_INIT(""), "Status: 200 OK\r\n",
		    "data: tick\n\ndata: tick\n\ndata: tick\n\n" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct buf out = buf_init(SIZE_MAX);
		int status = run_cgi(cases[i].env, cases[i].body, &out);
		size_t head;

		if (status != 0)
			fail_msg("%s: exit status %d", cases[i].name, status);
		if (!str_starts(buf_str(&out), str_c(cases[i].status)))
			fail_msg("%s: got '%.*s'", cases[i].name, 80, out.data);
		head = str_find_str(buf_str(&out), STR("\r\n\r\n")) + 4;
		buf_consume(&out, head);
		if (cases[i].want)
			check_str(cases[i].name, buf_str(&out), str_c(cases[i].want));
		else
			check_pattern(cases[i].name, &out, 1000000, SIZE_MAX);
		buf_release(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_answered),
		cmocka_unit_test(a_small_reply_is_one_write),
		cmocka_unit_test(a_connection_is_kept_only_when_asked),
		cmocka_unit_test(replies_of_any_size),
		cmocka_unit_test(head_and_204_have_no_body),
		cmocka_unit_test(a_head_longer_than_a_record),
		cmocka_unit_test(uploads_of_any_size),
		cmocka_unit_test(large_uploads_lie_in_a_file),
		cmocka_unit_test(a_worker_may_answer),
		cmocka_unit_test(a_stream_arrives_as_it_is_made),
		cmocka_unit_test(events_of_one_turn_leave_together),
		cmocka_unit_test(a_cut_stream_has_no_end),
		cmocka_unit_test(requests_may_be_cut_anywhere),
		cmocka_unit_test(records_may_be_of_any_length),
		cmocka_unit_test(requests_may_come_before_their_turn),
		cmocka_unit_test(a_second_request_is_turned_away),
		cmocka_unit_test(other_roles_are_unknown),
		cmocka_unit_test(values_are_told),
		cmocka_unit_test(nonsense_ends_only_its_connection),
		cmocka_unit_test(malformed_parameters_are_a_bad_request),
		cmocka_unit_test(limits_are_answered),
		cmocka_unit_test(an_endless_upload_is_answered_too),
		cmocka_unit_test(a_torn_body_reaches_nobody),
		cmocka_unit_test(slow_requests_time_out),
		cmocka_unit_test(a_drip_is_limited_as_a_whole),
		cmocka_unit_test(half_open_connections_delay_nobody),
		cmocka_unit_test(connections_beyond_the_budget_wait),
		cmocka_unit_test(a_client_that_leaves_is_noticed_once),
		cmocka_unit_test(a_watcher_that_comes_late_is_told),
		cmocka_unit_test(a_reply_to_nobody_is_dropped),
		cmocka_unit_test(a_slow_reader_holds_the_producer),
		cmocka_unit_test(a_reader_that_stalls_and_leaves_is_noticed),
		cmocka_unit_test(draining_closes_kept_connections_after_a_reply),
		cmocka_unit_test(draining_accepts_the_queue_first),
		cmocka_unit_test(a_cut_ends_everything),
		cmocka_unit_test(listening_texts),
		cmocka_unit_test(a_successor_takes_the_path_over),
		cmocka_unit_test(cgi_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
