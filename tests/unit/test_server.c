/* test_server.c — wires, workers, signals and drains, in a process of its own
 *
 * server_run is the body of a forked child, with handlers made for the purpose; the tests speak
 * FastCGI to it and look at its exit status. Counters lie in memory that both share.
 */
#include "net/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <assert.h>
#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "net/record.h"
#include "../fcgi_client.h"

#define WAIT_MS 60000 /* against hanging only */
#define NEEDS_KEY 1   /* a value of the access column */

/* What the child tells. */
struct told {
	atomic_int opened, closed, started, stopping, handled, gone;
	atomic_int in_handler;
	atomic_int turn;     /* how many of several programs may begin */
	atomic_bool release; /* lets /stuck come back */
};

static struct told *told;

/* ---- the program under test ----------------------------------------------------------- */

static bool text(struct resp *out, const char *what)
{
	headers_add_c(&out->headers, "Content-Type", "text/plain");
	buf_add_c(&out->body, what);
	return true;
}

static bool get_echo(struct req *r, struct resp *out, struct err *err)
{
	atomic_fetch_add(&told->handled, 1);
	buf_addf(&out->body, "%.*s %.*s local=%s settings=%s body=%.*s", STR_ARG(r->method),
	    STR_ARG(r->params[0]), (const char *)r->local, (const char *)r->settings,
	    STR_ARG(r->body));
	return true;
}

static bool get_failing(struct req *r, struct resp *out, struct err *err)
{
	text(out, "this must not be seen");
	err_set(err, ERR_STORE, "the store is away");
	err->retry_after_s = 7;
	return false;
}

static bool get_guarded(struct req *r, struct resp *out, struct err *err)
{
	return text(out, "let in");
}

static bool get_slow(struct req *r, struct resp *out, struct err *err)
{
	atomic_fetch_add(&told->in_handler, 1);
	usleep(30000);
	return text(out, "slow");
}

static bool get_stuck(struct req *r, struct resp *out, struct err *err)
{
	atomic_fetch_add(&told->in_handler, 1);
	while (!atomic_load(&told->release))
		usleep(1000);
	return text(out, "was stuck");
}

/* worker → wire → worker, then as a handler again. */
struct trip {
	struct task task;
	struct timer timer;
	struct req *r;
};

static bool second_half(struct req *r, struct resp *out, struct err *err)
{
	if (str_eq_c(r->query, "fail"))
		return err_set(err, ERR_BAD_REQUEST, "failed later");
	buf_addf(&out->body, "came back, local=%s", (const char *)r->local);
	return true;
}

static void back_on_worker(struct task *task, void *room)
{
	struct trip *t = CONTAINER_OF(task, struct trip, task);

	server_finish(t->r, second_half, worker_local(room));
}

static void wire_waited(struct timer *timer)
{
	struct trip *t = CONTAINER_OF(timer, struct trip, timer);

	t->task.run = back_on_worker;
	server_defer(t->r->server, &t->task);
}

static void on_the_wire(struct task *task, void *room)
{
	struct trip *t = CONTAINER_OF(task, struct trip, task);

	assert(room == reply_wire(t->r));
	t->timer.fn = wire_waited;
	timer_set(room, &t->timer, 5);
}

static bool get_trip(struct req *r, struct resp *out, struct err *err)
{
	struct trip *t = ARENA_NEW(r->arena, struct trip);

	t->r = r;
	t->task.run = on_the_wire;
	req_defer(r);
	wire_send(reply_wire(r), &t->task);
	return true;
}

static void on_gone(struct req *r)
{
	atomic_fetch_add(&told->gone, 1);
	reply_end(r);
}

static void hold(struct task *task, void *room)
{
	static const struct reply_events events = { .on_gone = on_gone };
	struct trip *t = CONTAINER_OF(task, struct trip, task);
	struct headers h;

	headers_init(&h, t->r->arena);
	headers_add_c(&h, "Content-Type", "text/event-stream");
	reply_watch(t->r, &events);
	reply_start(t->r, 200, &h);
	reply_write(t->r, STR("held"));
	reply_flush(t->r);
}

static bool get_hold(struct req *r, struct resp *out, struct err *err)
{
	struct trip *t = ARENA_NEW(r->arena, struct trip);

	t->r = r;
	t->task.run = hold;
	req_defer(r);
	wire_send(reply_wire(r), &t->task);
	return true;
}

static bool get_draining(struct req *r, struct resp *out, struct err *err)
{
	return text(out, server_is_draining(r->server) ? "draining" : "serving");
}

static const struct route routes[] = {
	{ "GET", "/echo/:what", 0, 0, get_echo, NULL },
	{ "POST", "/echo/:what", 0, 0, get_echo, NULL },
	{ "GET", "/failing", 0, 0, get_failing, NULL },
	{ "GET", "/guarded", NEEDS_KEY, 0, get_guarded, NULL },
	{ "GET", "/slow", 0, 0, get_slow, NULL },
	{ "GET", "/stuck", 0, 0, get_stuck, NULL },
	{ "GET", "/trip", 0, 0, get_trip, NULL },
	{ "GET", "/hold", 0, 0, get_hold, NULL },
	{ "GET", "/draining", 0, 0, get_draining, NULL },
	{ 0 },
};

static const struct route *const tables[] = { routes, NULL };

static bool admit(struct req *r, struct resp *out, struct err *err)
{
	if (r->route->access != NEEDS_KEY || req_header(r, "x-key").n)
		return true;
	return err_set(err, ERR_KEY_MISSING, "no key");
}

static void refuse(const struct req *r, const struct err *err, struct resp *out)
{
	resp_json(out, err_status(err));
	buf_addf(&out->body, "%s: %s", err_kind_name(err->kind), err->msg);
}

static bool local_open(const void *settings, void **local, struct err *err)
{
	static char name[] = "mine";

	*local = name;
	atomic_fetch_add(&told->opened, 1);
	return true;
}

static bool local_open_fails(const void *settings, void **local, struct err *err)
{
	/* The second worker has no luck. */
	if (atomic_fetch_add(&told->opened, 1) == 1)
		return err_set(err, ERR_STORE, "no database");
	return true;
}

static void local_close(void *local)
{
	atomic_fetch_add(&told->closed, 1);
}

static bool started(struct server *s, const void *settings, struct err *err)
{
	assert(server_wire(s));
	atomic_fetch_add(&told->started, 1);
	return true;
}

static bool started_fails(struct server *s, const void *settings, struct err *err)
{
	return err_set(err, ERR_STORE, "not today");
}

static void stopping(struct server *s, const void *settings)
{
	atomic_fetch_add(&told->stopping, 1);
}

struct program {
	char dir[64], path[96];
	struct server_config config;
	pid_t pid;
};

static struct program program(void)
{
	struct program p = { .pid = -1 };

	memset(told, 0, sizeof(*told));
	snprintf(p.dir, sizeof(p.dir), "/tmp/test_server.XXXXXX");
	assert_non_null(mkdtemp(p.dir));
	snprintf(p.path, sizeof(p.path), "%s/s", p.dir);
	p.config = (struct server_config){
		.wires = 2,
		.workers = 3,
		.drain_timeout_ms = WAIT_MS,
		.admit = admit,
		.refuse = refuse,
		.local_open = local_open,
		.local_close = local_close,
		.started = started,
		.stopping = stopping,
		.settings = "set",
	};
	return p;
}

/* In the child: serves, and leaves by exit so that a sanitizer can look for leaks. */
static void be_the_program(struct program *p)
{
	struct route_table *table = route_table_new(tables);
	int status;

	prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that failed leaves nobody behind */
	p->config.routes = table;
	status = server_run(&p->config);
	route_table_free(table);
	exit(status);
}

static void wait_for_int(atomic_int *value, int want, const char *what)
{
	int64_t end = clock_mono_ms() + WAIT_MS;

	while (atomic_load(value) < want) {
		if (clock_mono_ms() > end)
			fail_msg("%s: got %d, want %d", what, atomic_load(value), want);
		usleep(500);
	}
}

static void launch(struct program *p)
{
	p->config.listen = p->path;
	fflush(NULL);
	p->pid = fork();
	assert_true(p->pid >= 0);
	if (p->pid == 0)
		be_the_program(p);
	wait_for_int(&told->started, 1, "started");
}

/* Ends it and looks at how it ended. */
static void land(struct program *p, int want)
{
	int got = fcgi_stop(p->pid, SIGTERM, WAIT_MS);

	if (got != want)
		fail_msg("exit status %d, want %d", got, want);
	assert_int_equal(access(p->path, F_OK), -1);
	assert_int_equal(rmdir(p->dir), 0);
	assert_int_equal(atomic_load(&told->stopping), 1);
	assert_int_equal(atomic_load(&told->opened), atomic_load(&told->closed));
}

static void check_str(const char *name, struct str got, struct str want)
{
	if (!str_eq(got, want))
		fail_msg("%s: got '%.*s', want '%.*s'", name, STR_ARG(got), STR_ARG(want));
}

static void send_ask(struct program *p, struct fcgi_client *c, const char *uri)
{
	struct buf bytes = buf_init(4096);

	fcgi_client_open(c, fcgi_dial(p->path));
	fcgi_ask_write(&(struct fcgi_ask){ .uri = uri, .keep = true }, &bytes);
	assert_true(fcgi_client_send(c, buf_str(&bytes)));
	buf_release(&bytes);
}

/* ---- dispatch ------------------------------------------------------------------------- */

static void requests_reach_their_handlers(void **state)
{
	static const struct fcgi_param key[] = { { "HTTP_X_KEY", "k" }, { NULL, NULL } };
	static const struct {
		const char *name;
		struct fcgi_ask ask;
		int status;
		const char *body;
	} cases[] = {
		{ "get", { .uri = "/echo/a%20b" }, 200, "GET a b local=mine settings=set body=" },
		{ "post", { .uri = "/echo/x/", .body = STR_INIT("in") }, 200,
		    "POST x local=mine settings=set body=in" },
		{ "head", { .uri = "/echo/x", .method = "HEAD" }, 200, "" },
		{ "no such path", { .uri = "/v1/none?x=1" }, 404,
		    "not_found: Invalid URL (GET /v1/none)" },
		{ "no such method", { .uri = "/slow", .method = "DELETE" }, 404,
		    "not_found: Invalid URL (DELETE /slow)" },
		{ "error", { .uri = "/failing" }, 503, "store: the store is away" },
		{ "not admitted", { .uri = "/guarded" }, 401, "key_missing: no key" },
		{ "admitted", { .uri = "/guarded", .params = key }, 200, "let in" },
		{ "deferred", { .uri = "/trip" }, 200, "came back, local=mine" },
		{ "deferred, failed", { .uri = "/trip?fail" }, 400, "bad_request: failed later" },
		{ "draining", { .uri = "/draining" }, 200, "serving" },
	};
	struct program p = program();
	struct fcgi_client c;

	launch(&p);
	assert_int_equal(atomic_load(&told->started), 1);
	assert_int_equal(atomic_load(&told->opened), 3);
	fcgi_client_open(&c, fcgi_dial(p.path));
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct fcgi_ask ask = cases[i].ask;
		struct fcgi_answer a;

		ask.keep = true;
		fcgi_answer_init(&a);
		if (!fcgi_client_ask(&c, &ask, &a, WAIT_MS))
			fail_msg("%s: no answer", cases[i].name);
		if (a.status != cases[i].status)
			fail_msg("%s: status %d, want %d", cases[i].name, a.status,
			    cases[i].status);
		check_str(cases[i].name, buf_str(&a.body), str_c(cases[i].body));
		assert_true(fcgi_answer_header(&a, "X-Oneapi-Request-Id").n > 20);
		check_str(cases[i].name, fcgi_answer_header(&a, "Retry-After"),
		    cases[i].status == 503 ? STR("7") : STR(""));
		fcgi_answer_release(&a);
	}
	fcgi_client_close(&c);
	land(&p, 0);
}

/* Until so many of them have something to read. */
static void wait_for_answers(const struct fcgi_client *c, size_t count, int want)
{
	int64_t end = clock_mono_ms() + WAIT_MS;
	int got;

	do {
		got = 0;
		for (size_t i = 0; i < count; i++) {
			struct pollfd p = { .fd = c[i].fd, .events = POLLIN };

			got += poll(&p, 1, 0) == 1;
		}
		if (clock_mono_ms() > end)
			fail_msg("got %d answers, want %d", got, want);
		usleep(500);
	} while (got < want);
}

static void a_full_queue_says_busy(void **state)
{
	enum { CLIENTS = 12 };
	struct program p = program();
	struct fcgi_client c[CLIENTS];
	int ok = 0, busy = 0;

	p.config.workers = 1;
	p.config.queue_ceiling = 2;
	launch(&p);
	send_ask(&p, &c[0], "/stuck");
	wait_for_int(&told->in_handler, 1, "in handler");
	for (size_t i = 1; i < CLIENTS; i++)
		send_ask(&p, &c[i], "/stuck");
	wait_for_answers(c, CLIENTS, CLIENTS - 3);
	atomic_store(&told->release, true);
	for (size_t i = 0; i < CLIENTS; i++) {
		struct fcgi_answer a;

		fcgi_answer_init(&a);
		assert_true(fcgi_client_read(&c[i], 1, &a, WAIT_MS));
		if (a.status == 200) {
			ok++;
		} else {
			busy++;
			assert_int_equal(a.status, 503);
			check_str("retry", fcgi_answer_header(&a, "Retry-After"), STR("1"));
			assert_true(str_starts(buf_str(&a.body), STR("busy: ")));
		}
		fcgi_answer_release(&a);
		fcgi_client_close(&c[i]);
	}
	assert_int_equal(ok, 3); /* one runs, two wait */
	assert_int_equal(busy, CLIENTS - 3);
	land(&p, 0);
}

/* ---- many clients --------------------------------------------------------------------- */

struct client_thread {
	pthread_t thread;
	const struct program *p;
	atomic_int answered, kept;
	int lost;
	atomic_bool *leave;
};

/* Asks again and again, on kept connections, as a web server does: one that was closed is made
 * anew, and when nobody listens any more it stops. */
static void *keep_asking(void *arg)
{
	struct client_thread *t = arg;
	struct fcgi_client c = { .fd = -1, .closed = true };

	while (!atomic_load(t->leave)) {
		struct fcgi_ask ask = { .uri = atomic_load(&t->answered) % 5 ? "/echo/x" : "/trip",
			.keep = atomic_load(&t->answered) % 3 > 0 };
		struct pollfd p = { .fd = c.fd, .events = POLLIN };
		struct fcgi_answer a;

		if (c.fd >= 0 && poll(&p, 1, 1) > 0)
			fcgi_client_close(&c);
		if (c.fd < 0)
			fcgi_client_open(&c, fcgi_dial(t->p->path));
		if (c.fd < 0)
			break;
		fcgi_answer_init(&a);
		if (fcgi_client_ask(&c, &ask, &a, WAIT_MS) && a.status == 200)
			atomic_fetch_add(&t->answered, 1);
		else
			t->lost++;
		atomic_fetch_add(&t->kept, ask.keep);
		fcgi_answer_release(&a);
		if (!ask.keep)
			fcgi_client_close(&c);
	}
	fcgi_client_close(&c);
	return NULL;
}

/* Section 9 of the house's measurements: no request is lost by an upgrade. */
static void a_drain_under_load_loses_nothing(void **state)
{
	enum { THREADS = 8 };
	struct program p = program();
	struct client_thread t[THREADS];
	atomic_bool leave = false;

	launch(&p);
	for (int i = 0; i < THREADS; i++) {
		t[i] = (struct client_thread){ .p = &p, .leave = &leave };
		assert_int_equal(pthread_create(&t[i].thread, NULL, keep_asking, &t[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		wait_for_int(&t[i].answered, 20, "answered");
		wait_for_int(&t[i].kept, 10, "kept");
	}
	land(&p, 0);
	atomic_store(&leave, true);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(t[i].thread, NULL);
		if (t[i].lost)
			fail_msg("client %d lost %d requests of %d", i, t[i].lost,
			    atomic_load(&t[i].answered) + t[i].lost);
	}
}

/* The successor listens at the same path before the old one is told to go. All are forked before
 * the clients' threads exist, and wait for their turn. */
static void an_upgrade_loses_nothing(void **state)
{
	enum { THREADS = 4, PROGRAMS = 4 };
	struct program p = program();
	struct client_thread t[THREADS];
	atomic_bool leave = false;
	pid_t pids[PROGRAMS];

	p.config.listen = p.path;
	fflush(NULL);
	for (int i = 0; i < PROGRAMS; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			while (atomic_load(&told->turn) <= i)
				usleep(1000);
			be_the_program(&p);
		}
	}
	atomic_store(&told->turn, 1);
	wait_for_int(&told->started, 1, "started");
	for (int i = 0; i < THREADS; i++) {
		t[i] = (struct client_thread){ .p = &p, .leave = &leave };
		assert_int_equal(pthread_create(&t[i].thread, NULL, keep_asking, &t[i]), 0);
	}
	for (int i = 1; i < PROGRAMS; i++) {
		for (int n = 0; n < THREADS; n++)
			wait_for_int(&t[n].answered, 8 * i, "answered");
		atomic_store(&told->turn, i + 1);
		wait_for_int(&told->started, i + 1, "started");
		assert_int_equal(fcgi_stop(pids[i - 1], SIGTERM, WAIT_MS), 0);
	}
	atomic_store(&leave, true);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(t[i].thread, NULL);
		if (t[i].lost)
			fail_msg("client %d lost %d requests of %d", i, t[i].lost,
			    atomic_load(&t[i].answered) + t[i].lost);
	}
	assert_int_equal(fcgi_stop(pids[PROGRAMS - 1], SIGTERM, WAIT_MS), 0);
	assert_int_equal(access(p.path, F_OK), -1);
	assert_int_equal(rmdir(p.dir), 0);
}

/* ---- ends ----------------------------------------------------------------------------- */

static void a_stream_may_end_while_draining(void **state)
{
	struct program p = program();
	struct fcgi_client slow;
	struct fcgi_answer a;

	launch(&p);
	send_ask(&p, &slow, "/slow");
	wait_for_int(&told->in_handler, 1, "in handler");
	land(&p, 0);
	fcgi_answer_init(&a);
	assert_true(fcgi_client_read(&slow, 1, &a, WAIT_MS));
	check_str("slow", buf_str(&a.body), STR("slow"));
	assert_true(fcgi_client_wait_closed(&slow, WAIT_MS));
	fcgi_answer_release(&a);
	fcgi_client_close(&slow);
}

/* Idle kept connections do not make a drain unclean; requests that it cuts do. */
static void the_deadline_cuts_what_is_left(void **state)
{
	static const struct {
		const char *uri;
		int status, gone;
	} cases[] = {
		{ "/echo/x", 0, 0 },
		{ "/hold", 1, 1 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct program p = program();
		struct fcgi_client c;
		struct fcgi_answer a;
		int64_t begun;

		p.config.drain_timeout_ms = 150;
		launch(&p);
		send_ask(&p, &c, cases[i].uri);
		fcgi_answer_init(&a);
		assert_true(fcgi_client_read_body(&c, 1, &a, 4, WAIT_MS));
		begun = clock_mono_ms();
		land(&p, cases[i].status);
		assert_true(clock_mono_ms() - begun >= 140);
		assert_int_equal(atomic_load(&told->gone), cases[i].gone);
		fcgi_answer_release(&a);
		fcgi_client_close(&c);
	}
}

static void a_second_signal_does_not_wait(void **state)
{
	struct program p = program();
	struct fcgi_client c;
	struct fcgi_answer a;

	p.config.drain_timeout_ms = 10 * WAIT_MS;
	launch(&p);
	send_ask(&p, &c, "/hold");
	fcgi_answer_init(&a);
	assert_true(fcgi_client_read_body(&c, 1, &a, 4, WAIT_MS));
	kill(p.pid, SIGINT);
	usleep(50000);
	land(&p, 1); /* within WAIT_MS */
	fcgi_answer_release(&a);
	fcgi_client_close(&c);
}

static void other_signals_are_ignored(void **state)
{
	static const int signals[] = { SIGHUP, SIGPIPE, SIGUSR1, SIGUSR2 };
	struct program p = program();
	struct fcgi_client c;
	struct fcgi_answer a;

	launch(&p);
	for (size_t i = 0; i < COUNT_OF(signals); i++)
		kill(p.pid, signals[i]);
	usleep(20000);
	send_ask(&p, &c, "/draining");
	fcgi_answer_init(&a);
	assert_true(fcgi_client_read(&c, 1, &a, WAIT_MS));
	check_str("after signals", buf_str(&a.body), STR("serving"));
	fcgi_answer_release(&a);
	fcgi_client_close(&c);
	land(&p, 0);
}

static void *sleep_for_ever(void *arg)
{
	for (;;)
		pause();
	return NULL;
}

/* A thread that the program started before, and that blocks nothing, gets the signal. */
static void a_thread_of_the_program_does_not_eat_signals(void **state)
{
	struct program p = program();
	pthread_t thread;

	p.config.listen = p.path;
	fflush(NULL);
	p.pid = fork();
	if (p.pid == 0) {
		if (pthread_create(&thread, NULL, sleep_for_ever, NULL) != 0)
			_exit(9);
		be_the_program(&p);
	}
	wait_for_int(&told->started, 1, "started");
	usleep(20000);
	land(&p, 0);
}

/* ---- starts --------------------------------------------------------------------------- */

static int run_to_end(struct program *p)
{
	int status;

	fflush(NULL);
	p->pid = fork();
	if (p->pid == 0)
		be_the_program(p);
	for (int i = 0; i < WAIT_MS; i++) {
		if (waitpid(p->pid, &status, WNOHANG) == p->pid)
			return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
		usleep(1000);
	}
	kill(p->pid, SIGKILL);
	waitpid(p->pid, &status, 0);
	return -2;
}

static void a_start_that_fails_ends_the_program(void **state)
{
	static const struct {
		const char *name, *listen, *proxies;
		bool (*local_open)(const void *settings, void **local, struct err *err);
		bool (*started)(struct server *s, const void *settings, struct err *err);
		int closed; /* workers whose local was open */
	} cases[] = {
		{ "proxies", "", "10.0.0.0/99", local_open, started, 0 },
		{ "no way to be reached", "", "", local_open, started, 0 },
		{ "folder", "/no/such/folder/s", "", local_open, started, 0 },
		{ "local", NULL, "", local_open_fails, started, 1 },
		{ "started", NULL, "", local_open, started_fails, 3 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct program p = program();
		int status;

		p.config.listen = cases[i].listen ? cases[i].listen : p.path;
		p.config.fcgi.trusted_proxies = str_c(cases[i].proxies);
		p.config.local_open = cases[i].local_open;
		p.config.started = cases[i].started;
		status = run_to_end(&p);
		if (status != 1)
			fail_msg("%s: exit status %d, want 1", cases[i].name, status);
		assert_int_equal(atomic_load(&told->closed), cases[i].closed);
		assert_int_equal(atomic_load(&told->stopping), 0);
		assert_int_equal(rmdir(p.dir), 0);
	}
}

static void a_socket_may_be_inherited(void **state)
{
	struct program p = program();
	int fd = fcgi_listen_at(p.path);
	struct fcgi_client c;
	struct fcgi_answer a;

	assert_true(fd >= 0);
	send_ask(&p, &c, "/echo/early"); /* waits in the queue */
	fflush(NULL);
	p.pid = fork();
	if (p.pid == 0) {
		close(c.fd); /* or our end of it would keep it open */
		dup2(fd, STDIN_FILENO);
		close(fd);
		be_the_program(&p);
	}
	fcgi_answer_init(&a);
	assert_true(fcgi_client_read(&c, 1, &a, WAIT_MS));
	check_str("early", buf_str(&a.body), STR("GET early local=mine settings=set body="));
	fcgi_answer_release(&a);
	fcgi_client_close(&c);
	close(fd);
	assert_int_equal(fcgi_stop(p.pid, SIGTERM, WAIT_MS), 0);
	assert_int_equal(unlink(p.path), 0); /* it was not the program's */
	assert_int_equal(rmdir(p.dir), 0);
}

static void as_plain_cgi(void **state)
{
	static const struct {
		const char *uri, *want;
	} cases[] = {
		{ "REQUEST_URI=/echo/x", "GET x local=mine settings=set body=" },
		{ "REQUEST_URI=/trip", "came back, local=mine" },
		{ "REQUEST_URI=/none", "not_found: Invalid URL (GET /none)" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct program p = program();
		struct buf out = buf_init(65536);
		int fds[2], status;

		assert_int_equal(pipe(fds), 0);
		fflush(NULL);
		p.pid = fork();
		if (p.pid == 0) {
			dup2(fds[1], STDOUT_FILENO);
			close(fds[0]);
			close(fds[1]);
			putenv((char *)(uintptr_t) "GATEWAY_INTERFACE=CGI/1.1");
			putenv((char *)(uintptr_t) "REQUEST_METHOD=GET");
			putenv((char *)(uintptr_t)cases[i].uri);
			be_the_program(&p);
		}
		close(fds[1]);
		for (ssize_t n = 1; n > 0;) {
			char *to = buf_reserve(&out, 4096);

			n = read(fds[0], to, 4096);
			if (n > 0)
				buf_commit(&out, (size_t)n);
		}
		close(fds[0]);
		assert_int_equal(waitpid(p.pid, &status, 0), p.pid);
		assert_int_equal(status, 0);
		check_str(cases[i].uri,
		    str_slice(buf_str(&out), str_find_str(buf_str(&out), STR("\r\n\r\n")) + 4,
		        out.len),
		    str_c(cases[i].want));
		assert_int_equal(atomic_load(&told->opened), 1); /* one worker will do */
		assert_int_equal(atomic_load(&told->closed), 1);
		assert_int_equal(atomic_load(&told->stopping), 1);
		buf_release(&out);
		assert_int_equal(rmdir(p.dir), 0);
	}
}

/* Leaves the program a dozen descriptors, fewer than its budget believes. */
static bool started_without_descriptors(struct server *s, const void *settings, struct err *err)
{
	int last = dup(STDIN_FILENO);

	while (last >= 0)
		last = dup(STDIN_FILENO);
	assert(errno == EMFILE);
	for (int i = 0; i < 12; i++)
		close(299 - i);
	return started(s, settings, err);
}

/* When descriptors run out, accepting pauses; nobody is lost and nothing ends. */
static void running_out_of_descriptors_is_survived(void **state)
{
	enum { CLIENTS = 60 };
	struct program p = program();
	struct fcgi_client c[CLIENTS];
	struct fcgi_answer a;

	p.config.listen = p.path;
	p.config.started = started_without_descriptors;
	fflush(NULL);
	p.pid = fork();
	if (p.pid == 0) {
		struct rlimit limit = { 300, 300 };

		setrlimit(RLIMIT_NOFILE, &limit);
		be_the_program(&p);
	}
	wait_for_int(&told->started, 1, "started");
	for (size_t i = 0; i < CLIENTS; i++)
		send_ask(&p, &c[i], "/echo/x");
	usleep(150000);
	for (size_t i = 0; i < CLIENTS; i++) {
		fcgi_answer_init(&a);
		assert_true(fcgi_client_read(&c[i], 1, &a, WAIT_MS));
		assert_int_equal(a.status, 200);
		fcgi_answer_release(&a);
		fcgi_client_close(&c[i]);
	}
	land(&p, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_reach_their_handlers),
		cmocka_unit_test(a_full_queue_says_busy),
		cmocka_unit_test(a_drain_under_load_loses_nothing),
		cmocka_unit_test(an_upgrade_loses_nothing),
		cmocka_unit_test(a_stream_may_end_while_draining),
		cmocka_unit_test(the_deadline_cuts_what_is_left),
		cmocka_unit_test(a_second_signal_does_not_wait),
		cmocka_unit_test(other_signals_are_ignored),
		cmocka_unit_test(a_thread_of_the_program_does_not_eat_signals),
		cmocka_unit_test(a_start_that_fails_ends_the_program),
		cmocka_unit_test(a_socket_may_be_inherited),
		cmocka_unit_test(as_plain_cgi),
		cmocka_unit_test(running_out_of_descriptors_is_survived),
	};

	told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (told == MAP_FAILED)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
