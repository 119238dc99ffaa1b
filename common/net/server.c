/* server.c — wires, workers, signals, drain
 *
 * DESIGN. main starts everything, then waits for signals; it touches no request. Our threads block
 * the signals, main does not; the handler only counts on a descriptor, so it does no harm on a
 * thread that the program started before us and that does not block them either.
 * Start: listen, wires, workers, config->started, and only then the loops begin to accept. Stop, in
 * this order, so that nothing runs out of what it stands on: the path goes, the queue of the socket
 * is accepted, requests end (or are cut at the deadline), config->stopping, workers, wires.
 *
 * A request is given to a worker by the queue and comes back by reply_send; between the two the
 * wire knows of it only that the client is still there.
 */
#include "net/server.h"

#include <assert.h>
#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/cgi_vars.h"
#include "net/coding.h"

#define MAX_WIRES 64
#define AUTO_WIRES 4
#define MAX_WORKERS 1024
/* Descriptors for everything that is not a request: databases, logs, epoll sets. */
#define RESERVED_FDS 128
#define FDS_PER_REQUEST 2
/* How often a drain is looked after, and how long cut requests may take to let go. */
#define DRAIN_TICK_MS 10
#define CUT_MS 5000
/* Memory is given back when connections fell to half of a peak that was worth it; web servers keep
 * some hundred idle ones for a while. */
#define TRIM_CHECK_MS 5000
#define TRIM_PEAK 64
#define TRIM_THRESHOLD (16 * 1024 * 1024)

struct worker {
	struct server *server;
	pthread_t thread;
	bool runs, open;
	void *local;
};

/* A wire and what belongs to it. */
struct lane {
	struct server *server;
	struct wire *wire;
	_Atomic(struct fcgi_loop *) loop;
	pthread_t thread;
	bool runs, open;
	void *local; /* for requests that are handled here */
	struct task begin, drain, cut;
};

struct server {
	const struct server_config *config;
	struct fcgi_config fcgi;
	struct fcgi_listener listener;
	struct queue *queue;
	struct lane *lanes;
	size_t wires;
	struct worker *workers;
	size_t worker_count;
	int signals; /* eventfd: SIGTERM or SIGINT came */
	int ended;   /* eventfd: a wire has returned */
	size_t peak; /* connections since the last trim */
	bool started;
	atomic_size_t next_wire;
	atomic_bool draining;
	atomic_bool failed; /* a CGI request could not begin */
	atomic_size_t cut;  /* requests that the deadline ended */
};

/* ---- one request on a worker ---------------------------------------------------------- */

static void respond(struct req *r, handler_fn *fn)
{
	struct err err = { 0 };
	struct resp out;
	bool deferred = false, ok;

	resp_init(&out, r->arena);
	r->deferred = false;
	/* cppcheck-suppress autoVariables ; req_defer or we clear it before it goes */
	r->defer_flag = &deferred;
	ok = fn(r, &out, &err);
	if (deferred) {
		/* Somebody else has r, and may be done with it. */
		assert(ok);
		resp_release(&out);
		return;
	}
	r->defer_flag = NULL;
	if (ok) {
		reply_send(r, &out);
	} else {
		resp_release(&out);
		reply_refuse(r, &err);
	}
}

/* What every request goes through: its row, the row's columns, its handler. */
static bool dispatch(struct req *r, struct resp *out, struct err *err)
{
	const struct server_config *config = r->server->config;

	if (!route_find(config->routes, r))
		return err_set(err, ERR_NOT_FOUND, "Invalid URL (%.*s %.*s)", STR_ARG(r->method),
		    STR_ARG(r->path));
	if (config->admit && !config->admit(r, out, err))
		return false;
	return r->route->handler(r, out, err);
}

static void run_request(struct task *task, void *room)
{
	struct req *r = CONTAINER_OF(task, struct req, task);
	struct worker *w = room;

	r->local = w->local;
	respond(r, dispatch);
}

void server_finish(struct req *r, handler_fn *fn, void *local)
{
	r->local = local;
	respond(r, fn);
}

/* On the wire: the request is handled here, goes to the workers, or is refused at once. */
static void on_request(struct req *r, void *arg)
{
	struct server *s = arg;
	struct err err = { 0 };

	if (s->config->on_wire_body_bytes && r->body.n <= s->config->on_wire_body_bytes &&
	    coding_is_plain(req_header(r, "content-encoding"))) {
		r->local = s->lanes[wire_number(reply_wire(r))].local;
		respond(r, dispatch);
		return;
	}
	r->task.run = run_request;
	if (queue_try_send(s->queue, &r->task))
		return;
	err_set(&err, ERR_BUSY, "the gateway is busy, try again");
	err.retry_after_s = 1;
	reply_refuse(r, &err);
}

/* ---- what handlers reach -------------------------------------------------------------- */

void server_defer(struct server *s, struct task *task)
{
	queue_send(s->queue, task);
}

bool server_try_defer(struct server *s, struct task *task)
{
	return queue_try_send(s->queue, task);
}

size_t server_waiting(struct server *s)
{
	return queue_length(s->queue);
}

void *worker_local(struct worker *w)
{
	return w->local;
}

struct wire *server_wire(struct server *s)
{
	return s->lanes[atomic_fetch_add(&s->next_wire, 1) % s->wires].wire;
}

bool server_is_draining(const struct server *s)
{
	return atomic_load(&s->draining);
}

/* ---- threads -------------------------------------------------------------------------- */

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	struct task *t;

	while ((t = queue_take(w->server->queue)))
		t->run(t, w);
	return NULL;
}

static void *wire_main(void *arg)
{
	struct lane *lane = arg;
	uint64_t one = 1;

	wire_run(lane->wire);
	if (write(lane->server->ended, &one, sizeof(one)) < 0)
		log_error(NULL, "server.notify_failed", LOG_INT("errno", errno));
	return NULL;
}

static void begin_on_wire(struct task *task, void *room)
{
	struct lane *lane = CONTAINER_OF(task, struct lane, begin);
	struct server *s = lane->server;
	struct err err = { 0 };

	if (s->listener.how == FCGI_START_SOCKET) {
		atomic_store(&lane->loop, fcgi_loop_new(lane->wire, &s->listener, &s->fcgi));
	} else if (!fcgi_cgi_start(lane->wire, &s->fcgi, &err)) {
		log_error(NULL, "server.cgi_failed", LOG_ERR(&err));
		atomic_store(&s->failed, true);
	}
}

static void drain_on_wire(struct task *task, void *room)
{
	fcgi_loop_drain(atomic_load(&CONTAINER_OF(task, struct lane, drain)->loop));
}

static void cut_on_wire(struct task *task, void *room)
{
	struct lane *lane = CONTAINER_OF(task, struct lane, cut);

	atomic_fetch_add(&lane->server->cut, fcgi_loop_cut(atomic_load(&lane->loop)));
}

static bool spawn(pthread_t *thread, void *(*fn)(void *arg), void *arg, const char *name,
    size_t number, struct err *err)
{
	char label[16];
	int rc = pthread_create(thread, NULL, fn, arg);

	if (rc != 0)
		return err_set(err, ERR_CONFIG, "cannot start a thread: %s", strerror(rc));
	snprintf(label, sizeof(label), "%.8s-%u", name, (unsigned)number % 10000);
	pthread_setname_np(*thread, label);
	return true;
}

/* ---- start ---------------------------------------------------------------------------- */

static const int ignored_signals[] = { SIGPIPE, SIGHUP, SIGUSR1, SIGUSR2 };
static const int stop_signals[] = { SIGTERM, SIGINT };

/* All that a signal handler can reach. */
static int stop_fd = -1;

static void on_stop_signal(int number)
{
	int saved = errno;
	uint64_t one = 1;

	/* It fails only when the counter is full, and then main has enough to read. */
	if (write(stop_fd, &one, sizeof(one)) < 0)
		errno = saved;
}

static void mask_stop_signals(int how)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < COUNT_OF(stop_signals); i++)
		sigaddset(&set, stop_signals[i]);
	pthread_sigmask(how, &set, NULL);
}

/* libfcgi sets handlers of its own for some of these, so ours come after it. The threads that are
 * started now inherit the mask; main lifts it for itself when they all run. */
static bool take_signals(struct server *s, struct err *err)
{
	struct sigaction stop = { .sa_handler = on_stop_signal, .sa_flags = SA_RESTART };

	s->signals = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	s->ended = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->signals < 0 || s->ended < 0)
		return err_set(err, ERR_CONFIG, "cannot wait for signals: %s", strerror(errno));
	stop_fd = s->signals;
	mask_stop_signals(SIG_BLOCK);
	fcgi_setup();
	for (size_t i = 0; i < COUNT_OF(ignored_signals); i++)
		signal(ignored_signals[i], SIG_IGN);
	for (size_t i = 0; i < COUNT_OF(stop_signals); i++)
		sigaction(stop_signals[i], &stop, NULL);
	return true;
}

/* Whoever asks again after the end is served at once. */
static void leave_signals(void)
{
	if (stop_fd < 0)
		return;
	for (size_t i = 0; i < COUNT_OF(stop_signals); i++)
		signal(stop_signals[i], SIG_DFL);
	stop_fd = -1;
}

static size_t cores(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return 1;
	return (size_t)CPU_COUNT(&set);
}

static size_t wires_wanted(const struct server *s)
{
	size_t n = s->config->wires > 0 ? (size_t)s->config->wires : cores();

	if (s->listener.how == FCGI_START_CGI)
		return 1;
	if (s->config->wires <= 0 && n > AUTO_WIRES)
		n = AUTO_WIRES;
	return n > MAX_WIRES ? MAX_WIRES : n;
}

static size_t workers_wanted(const struct server *s)
{
	size_t n = s->config->workers > 0 ? (size_t)s->config->workers : 4;

	if (s->listener.how == FCGI_START_CGI)
		return 1;
	return n > MAX_WORKERS ? MAX_WORKERS : n;
}

/* As many descriptors as we may have, and how many connections that is. */
static size_t connection_budget(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 256;
	if (limit.rlim_cur < limit.rlim_max) {
		struct rlimit raised = { limit.rlim_max, limit.rlim_max };

		if (setrlimit(RLIMIT_NOFILE, &raised) == 0)
			limit = raised;
	}
	if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur > 4000000)
		limit.rlim_cur = 4000000;
	if (limit.rlim_cur < 2 * RESERVED_FDS)
		return 16;
	return (size_t)(limit.rlim_cur - RESERVED_FDS) / FDS_PER_REQUEST;
}

static void fill_fcgi_config(struct server *s)
{
	struct fcgi_config *f = &s->fcgi;
	size_t budget = connection_budget();

	*f = s->config->fcgi;
	if (!f->max_params_bytes)
		f->max_params_bytes = (size_t)64 * 1024;
	if (!f->max_body_bytes)
		f->max_body_bytes = (size_t)32 * 1024 * 1024;
	if (!f->request_timeout_ms)
		f->request_timeout_ms = 60 * 1000;
	if (!f->max_upload_ms)
		f->max_upload_ms = 600 * 1000;
	if (!f->max_conns || f->max_conns > budget)
		f->max_conns = budget;
	f->max_conns = (f->max_conns + s->wires - 1) / s->wires;
	f->on_request = on_request;
	f->refuse = s->config->refuse;
	f->arg = s;
	f->server = s;
	f->settings = s->config->settings;
}

static bool open_local(const struct server *s, void **local, bool *open, struct err *err)
{
	const struct server_config *config = s->config;

	if (config->local_open && !config->local_open(config->settings, local, err))
		return false;
	*open = true;
	return true;
}

static void close_local(const struct server *s, void *local, bool open)
{
	if (open && s->config->local_close)
		s->config->local_close(local);
}

static bool start_wires(struct server *s, struct err *err)
{
	for (size_t i = 0; i < s->wires; i++) {
		struct lane *lane = &s->lanes[i];

		if (s->config->on_wire_body_bytes && !open_local(s, &lane->local, &lane->open, err))
			return false;
		if (!spawn(&lane->thread, wire_main, lane, "wire", i, err))
			return false;
		lane->runs = true;
	}
	return true;
}

static bool start_workers(struct server *s, struct err *err)
{
	for (size_t i = 0; i < s->worker_count; i++) {
		struct worker *w = &s->workers[i];

		w->server = s;
		if (!open_local(s, &w->local, &w->open, err))
			return false;
		if (!spawn(&w->thread, worker_main, w, "worker", i, err))
			return false;
		w->runs = true;
	}
	return true;
}

static void build(struct server *s)
{
	s->wires = wires_wanted(s);
	s->worker_count = workers_wanted(s);
	s->queue = queue_new(s->config->queue_ceiling ? s->config->queue_ceiling : 4096);
	s->lanes = mem_zalloc(s->wires * sizeof(s->lanes[0]));
	s->workers = mem_zalloc(s->worker_count * sizeof(s->workers[0]));
	for (size_t i = 0; i < s->wires; i++) {
		s->lanes[i].server = s;
		s->lanes[i].wire = wire_new((int)i);
		s->lanes[i].begin.run = begin_on_wire;
		s->lanes[i].drain.run = drain_on_wire;
		s->lanes[i].cut.run = cut_on_wire;
	}
	fill_fcgi_config(s);
}

static bool start(struct server *s, struct err *err)
{
	const struct server_config *config = s->config;

	if (!cgi_vars_check_proxies(config->fcgi.trusted_proxies, err) ||
	    !fcgi_listen(config->listen ? config->listen : "", &s->listener, err) ||
	    !take_signals(s, err))
		return false;
	build(s);
	/* Memory goes back after a peak, by malloc_trim, not with every request. */
	mallopt(M_TRIM_THRESHOLD, TRIM_THRESHOLD);
	if (!start_wires(s, err) || !start_workers(s, err))
		return false;
	if (config->started && !config->started(s, config->settings, err))
		return false;
	s->started = true;
	for (size_t i = 0; i < s->wires; i++)
		wire_send(s->lanes[i].wire, &s->lanes[i].begin);
	return true;
}

/* ---- run and drain -------------------------------------------------------------------- */

enum woken { WOKEN_BY_TIME, WOKEN_BY_SIGNAL, WOKEN_BY_END };

static enum woken wait_for(struct server *s, int timeout_ms)
{
	struct pollfd fds[] = {
		{ .fd = s->signals, .events = POLLIN },
		{ .fd = s->ended, .events = POLLIN },
	};
	uint64_t count;

	if (poll(fds, COUNT_OF(fds), timeout_ms) <= 0)
		return WOKEN_BY_TIME;
	if (fds[0].revents && read(s->signals, &count, sizeof(count)) == sizeof(count))
		return WOKEN_BY_SIGNAL;
	return fds[1].revents ? WOKEN_BY_END : WOKEN_BY_TIME;
}

static size_t connections(const struct server *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->wires; i++) {
		const struct fcgi_loop *loop = atomic_load(&s->lanes[i].loop);

		n += loop ? fcgi_loop_conns(loop) : 0;
	}
	return n;
}

/* A loop that has not begun will accept before it drains. */
static bool accepting(const struct server *s)
{
	for (size_t i = 0; i < s->wires; i++) {
		const struct fcgi_loop *loop = atomic_load(&s->lanes[i].loop);

		if (!loop || fcgi_loop_accepting(loop))
			return true;
	}
	return false;
}

/* After a peak the heap is full of holes that the allocator would keep. */
static void trim_after_peak(struct server *s)
{
	size_t now = connections(s);

	if (now > s->peak)
		s->peak = now;
	if (s->peak >= TRIM_PEAK && now < s->peak / 2) {
		malloc_trim(0);
		s->peak = now;
	}
}

/* Waits until no connection is left: at most until the deadline, or a second signal. */
static bool wait_for_idle(struct server *s, int timeout_ms)
{
	int64_t deadline = clock_mono_ms() + timeout_ms;

	while (accepting(s) || connections(s) > 0) {
		if (!accepting(s))
			fcgi_unlisten(&s->listener);
		if (clock_mono_ms() >= deadline || wait_for(s, DRAIN_TICK_MS) == WOKEN_BY_SIGNAL)
			return false;
	}
	fcgi_unlisten(&s->listener);
	return true;
}

/* False when requests were cut. */
static bool drain(struct server *s)
{
	log_info(NULL, "server.draining", LOG_INT("conns", connections(s)));
	atomic_store(&s->draining, true);
	fcgi_unpublish(&s->listener);
	for (size_t i = 0; i < s->wires; i++)
		wire_send(s->lanes[i].wire, &s->lanes[i].drain);
	if (wait_for_idle(s, s->config->drain_timeout_ms))
		return true;

	log_warn(NULL, "server.cutting", LOG_INT("conns", connections(s)));
	for (size_t i = 0; i < s->wires; i++)
		wire_send(s->lanes[i].wire, &s->lanes[i].cut);
	if (!wait_for_idle(s, CUT_MS)) {
		/* A handler that does not come back must not keep the program, but what is
		 * written at the end still is. */
		log_error(NULL, "server.stuck", LOG_INT("conns", connections(s)));
		if (s->config->stopping)
			s->config->stopping(s, s->config->settings);
		_exit(1);
	}
	return atomic_load(&s->cut) == 0;
}

/* Serves until a signal; returns the exit status. */
static int serve(struct server *s)
{
	enum woken why;

	mask_stop_signals(SIG_UNBLOCK);
	while ((why = wait_for(s, TRIM_CHECK_MS)) == WOKEN_BY_TIME)
		trim_after_peak(s);
	if (s->listener.how == FCGI_START_CGI)
		return why == WOKEN_BY_END && !atomic_load(&s->failed) ? 0 : 1;
	return drain(s) ? 0 : 1;
}

/* ---- stop ----------------------------------------------------------------------------- */

static void stop_workers(struct server *s)
{
	queue_close(s->queue);
	for (size_t i = 0; i < s->worker_count; i++) {
		if (s->workers[i].runs)
			pthread_join(s->workers[i].thread, NULL);
	}
	for (size_t i = 0; i < s->worker_count; i++)
		close_local(s, s->workers[i].local, s->workers[i].open);
}

/* Upstream calls that no request waits for (probes) may hold a wire for a while, but not long. */
static void join_wire(struct lane *lane)
{
	struct timespec until;

	wire_stop(lane->wire);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += CUT_MS / 1000;
	if (pthread_timedjoin_np(lane->thread, NULL, &until) == 0)
		return;
	wire_stop(lane->wire);
	pthread_join(lane->thread, NULL);
}

static void stop_wires(struct server *s)
{
	for (size_t i = 0; i < s->wires; i++) {
		struct lane *lane = &s->lanes[i];

		if (lane->runs)
			join_wire(lane);
		fcgi_loop_free(atomic_load(&lane->loop));
		wire_free(lane->wire);
		close_local(s, lane->local, lane->open);
	}
}

static void stop(struct server *s)
{
	if (s->started && s->config->stopping)
		s->config->stopping(s, s->config->settings);
	if (s->queue) {
		stop_workers(s);
		stop_wires(s);
		queue_free(s->queue);
	}
	fcgi_unlisten(&s->listener);
	leave_signals();
	if (s->signals >= 0)
		close(s->signals);
	if (s->ended >= 0)
		close(s->ended);
	mem_free(s->lanes);
	mem_free(s->workers);
	mem_free(s);
}

int server_run(const struct server_config *config)
{
	struct server *s = MEM_NEW(struct server);
	struct err err = { 0 };
	int status = 1;

	s->config = config;
	s->listener.fd = s->signals = s->ended = -1;
	if (start(s, &err)) {
		log_info(NULL, "server.started", LOG_INT("wires", s->wires),
		    LOG_INT("workers", s->worker_count), LOG_INT("max_conns", s->fcgi.max_conns));
		status = serve(s);
	} else {
		log_error(NULL, "server.start_failed", LOG_ERR(&err));
	}
	stop(s);
	log_info(NULL, "server.stopped", LOG_INT("status", status));
	return status;
}
