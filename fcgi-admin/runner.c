#include "runner.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "admin.h"
#include "balance.h"
#include "base/clock.h"
#include "base/mem.h"
#include "job_start.h"
#include "net/server.h"
#include "notice.h"
#include "probe.h"
#include "reminders.h"
#include "store/channel_event.h"
#include "store/job.h"

#define LOOK_MS 2000
#define TICK_MS 500 /* with a job: a pressed stop is seen so soon */
#define RENEW_MS (JOB_LEASE_S * 1000 / 6)
#define SWEEP_MS (3600 * 1000)

struct runner {
	const struct admin *admin;
	struct runner_conf conf;
	struct server *server;
	struct db *db;
	pthread_t thread;
	bool runs;
	int64_t started_at;
	int64_t swept_ms;

	/* the thread's: the job it has */
	struct job job;
	int64_t last_channel; /* sent so far, in order of id */
	int64_t renewed_ms, sent_ms;
	size_t in_flight;
	bool lost, stop_asked;
	struct errand *sent; /* all that are under way, by ->next */

	atomic_bool stopping;
	pthread_mutex_t lock; /* guards the three below */
	pthread_cond_t woken;
	bool wake;
	struct errand *answered[RUNNER_PARALLEL];
	size_t answered_count;
};

/* ---- waiting ---------------------------------------------------------------------------------- */

void runner_wake(struct runner *r)
{
	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	r->wake = true;
	pthread_cond_signal(&r->woken);
	pthread_mutex_unlock(&r->lock);
}

/* On a wire. */
static void take_answer(struct errand *e)
{
	struct runner *r = e->owner;

	pthread_mutex_lock(&r->lock);
	r->answered[r->answered_count++] = e;
	pthread_cond_signal(&r->woken);
	pthread_mutex_unlock(&r->lock);
}

/* Until something happens, at most so long; returns an answer if there is one. */
static struct errand *wait_for(struct runner *r, int64_t ms)
{
	struct errand *e = NULL;
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += (ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&r->lock);
	while (!r->wake && r->answered_count == 0 && !atomic_load(&r->stopping)) {
		if (pthread_cond_timedwait(&r->woken, &r->lock, &until) == ETIMEDOUT)
			break;
	}
	r->wake = false;
	if (r->answered_count > 0)
		e = r->answered[--r->answered_count];
	pthread_mutex_unlock(&r->lock);
	return e;
}

static void failed(const char *what, const struct err *err)
{
	log_error(NULL, "runner.failed", LOG_TEXT("what", what), LOG_ERR(err));
}

/* ---- one item --------------------------------------------------------------------------------- */

/* Nobody waits for it, but handlers' helpers want a request. */
static struct req *request_for(struct runner *r, int64_t channel_id)
{
	struct req *req = req_new(arena_new(4096));

	req->settings = r->admin;
	req->local = r->db;
	snprintf(req->id, sizeof req->id, "job-%" PRId64 "-%" PRId64, r->job.id, channel_id);
	return req;
}

static void write_item(struct runner *r, const struct job_item *item)
{
	struct err err = { 0 };

	if (!job_item_done(r->db, r->job.id, item, &err))
		failed("item", &err);
}

static void end_item(struct runner *r, struct errand *e, bool ok, const struct err *why)
{
	errand_finish(e, ok, why);
	write_item(r,
	    &(struct job_item){
	        .channel_id = e->channel.row.id,
	        .state = e->ok ? ITEM_OK : ITEM_FAILED,
	        .elapsed_ms = e->elapsed_ms,
	        .message = e->text,
	        .action = str_c(e->action),
	    });
	req_free(e->r);
}

static void keep_sent(struct runner *r, struct errand *e)
{
	e->next = r->sent;
	r->sent = e;
	r->in_flight++;
}

static void drop_sent(struct runner *r, const struct errand *e)
{
	struct errand **at = &r->sent;

	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	r->in_flight--;
}

/* From here on the errand is the wire's, or it is over. */
static void go(struct runner *r, struct errand *e)
{
	struct err why = { 0 };

	if (!errand_encode(e, &why)) {
		end_item(r, e, false, &why);
		return;
	}
	keep_sent(r, e);
	errand_send(e, server_wire(r->server));
}

static void read_answer(struct runner *r, struct errand *e)
{
	struct err why = { 0 };
	enum step step;

	drop_sent(r, e);
	step = errand_take(e, &why);
	if (step == STEP_NEXT)
		go(r, e);
	else
		end_item(r, e, step == STEP_DONE, &why);
}

static void begin_item(struct runner *r, int64_t channel_id)
{
	struct req *req = request_for(r, channel_id);
	struct errand *e =
	    str_eq_c(r->job.kind, JOB_TEST) ? probe_new(req, STR("")) : balance_new(req);
	struct err why = { 0 };

	e->owner = r;
	e->ready = take_answer;
	e->applies_rules = true;
	r->sent_ms = clock_mono_ms();
	if (errand_load(e, channel_id, &why)) {
		go(r, e);
		return;
	}
	write_item(r,
	    &(struct job_item){
	        .channel_id = channel_id,
	        .state = ITEM_FAILED,
	        .message = str_c(why.msg),
	    });
	req_free(req);
}

/* ---- one job ---------------------------------------------------------------------------------- */

static void renew(struct runner *r, int64_t now_ms)
{
	struct err err = { 0 };
	bool ours = true;

	if (now_ms - r->renewed_ms < RENEW_MS)
		return;
	r->renewed_ms = now_ms;
	if (!job_renew(r->db, r->job.id, str_c(r->admin->rt.node), &ours, &err))
		failed("renew", &err);
	r->lost = !ours;
}

static void look_for_stop(struct runner *r)
{
	struct err err = { 0 };

	if (!job_stop_asked(r->db, r->job.id, &r->stop_asked, &err))
		failed("look", &err);
}

static bool goes_on(const struct runner *r)
{
	return !r->lost && !r->stop_asked && !atomic_load(&r->stopping);
}

/* Whether there was one to send. */
static bool send_next(struct runner *r)
{
	struct err err = { 0 };
	int64_t channel;
	size_t count;

	if (!job_waiting(r->db, r->job.id, r->last_channel, 1, &channel, &count, &err)) {
		failed("items", &err);
		r->lost = true;
		return false;
	}
	if (count == 0)
		return false;
	r->last_channel = channel;
	begin_item(r, channel);
	return true;
}

/* How many may be under way now. */
static size_t allowed(const struct runner *r, int64_t now_ms)
{
	if (r->conf.pause_ms == 0)
		return RUNNER_PARALLEL;
	return r->in_flight == 0 && now_ms - r->sent_ms >= r->conf.pause_ms ? 1 : 0;
}

static void tell(struct runner *r)
{
	struct err err = { 0 };

	if (!notice_tell(r->db, r->admin->rt.box, &err))
		failed("notice", &err);
	err_clear(&err);
	if (!reminders_tell(r->admin, r->db, &err))
		failed("reminder", &err);
}

static void work_off(struct runner *r)
{
	bool more = true;

	while (!atomic_load(&r->stopping)) {
		struct errand *e;

		look_for_stop(r);
		while (more && goes_on(r) && r->in_flight < allowed(r, clock_mono_ms()))
			more = send_next(r);
		if (r->in_flight == 0 && (!more || !goes_on(r)))
			break;
		e = wait_for(r, TICK_MS);
		if (e)
			read_answer(r, e);
		renew(r, clock_mono_ms());
		tell(r);
	}
}

static void note_end(struct runner *r)
{
	struct arena *a = arena_new(4096);
	struct err err = { 0 };
	struct job now;

	if (job_by_id(r->db, a, r->job.id, &now, &err)) {
		log_info(NULL, "job.done", LOG_INT("job", now.id), LOG_STR("kind", now.kind),
		    LOG_STR("state", now.state), LOG_INT("channels", now.done),
		    LOG_INT("failed", now.failed));
		if (str_eq_c(now.kind, JOB_TEST) && str_eq_c(now.origin, "person") &&
		    !channel_event_add(r->db, 0, EVENT_TESTED,
		        str_c(arena_fmt(a,
		            "Channel test %s: %" PRId64 " of %" PRId64 " channels tested, %" PRId64
		            " failed",
		            str_eq_c(now.state, "done") ? "finished" : "stopped", now.done,
		            now.total, now.failed)),
		        &err))
			failed("notice", &err);
	}
	arena_free(a);
}

static void run_job(struct runner *r)
{
	struct err err = { 0 };
	bool ok = true;

	r->last_channel = 0;
	r->renewed_ms = clock_mono_ms();
	r->sent_ms = 0;
	r->lost = false;
	r->stop_asked = r->job.stop_asked;
	work_off(r);
	if (r->lost)
		return;
	if (atomic_load(&r->stopping)) {
		ok = job_give_back(r->db, r->job.id, str_c(r->admin->rt.node), &err);
	} else {
		ok = job_finish(r->db, r->job.id, r->stop_asked ? "stopped" : "done", &err);
		note_end(r);
	}
	if (!ok)
		failed("finish", &err);
}

/* ---- the thread ------------------------------------------------------------------------------- */

/* A job of that kind is due when the last one, or our start, is so long ago. */
static void start_timed(struct runner *r, const char *kind, int every_s)
{
	struct err err = { 0 };
	int64_t last;

	if (every_s == 0 || !r->conf.is_leader)
		return;
	if (!job_last_timed(r->db, kind, &last, &err)) {
		failed("timer", &err);
		return;
	}
	if (clock_unix() < (last ? last : r->started_at) + every_s)
		return;
	if (!job_start_timed(r->db, kind, &err))
		failed("timer", &err);
}

static void sweep(struct runner *r)
{
	int64_t now_ms = clock_mono_ms();
	struct err err = { 0 };

	if (r->swept_ms && now_ms - r->swept_ms < SWEEP_MS)
		return;
	r->swept_ms = now_ms;
	if (!job_sweep(r->db, clock_unix() - JOB_LIFE_S, &err) ||
	    !channel_event_sweep(r->db, clock_unix() - CHANNEL_EVENT_LIFE_S, &err))
		failed("sweep", &err);
}

static void look(struct runner *r)
{
	struct arena *a = arena_new(4096);
	struct err err = { 0 };
	bool found = false;

	tell(r);
	start_timed(r, JOB_TEST, r->conf.test_every_s);
	start_timed(r, JOB_BALANCE, r->conf.balance_every_s);
	if (!job_take(r->db, a, str_c(r->admin->rt.node), &r->job, &found, &err))
		failed("take", &err);
	if (found) {
		run_job(r);
		tell(r);
	}
	sweep(r);
	arena_free(a);
}

/* It waits first: a program that answers one request and ends never begins. */
static void *runner_main(void *arg)
{
	struct runner *r = arg;

	for (;;) {
		(void)wait_for(r, LOOK_MS);
		if (atomic_load(&r->stopping))
			return NULL;
		look(r);
	}
}

static void init_waiting(struct runner *r)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&r->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&r->woken, &attr);
	pthread_condattr_destroy(&attr);
}

struct runner *runner_new(const struct admin *admin, const struct runner_conf *conf)
{
	struct runner *r = MEM_NEW(struct runner);

	r->admin = admin;
	r->conf = *conf;
	r->started_at = clock_unix();
	init_waiting(r);
	return r;
}

bool runner_start(struct runner *r, struct server *server, struct err *err)
{
	r->server = server;
	if (!runtime_db(&r->admin->rt, &r->db, err))
		return false;
	if (pthread_create(&r->thread, NULL, runner_main, r) != 0)
		return err_set(err, ERR_INTERNAL, "cannot start a thread");
	r->runs = true;
	return true;
}

void runner_stop(struct runner *r)
{
	if (!r->runs)
		return;
	atomic_store(&r->stopping, true);
	runner_wake(r);
	pthread_join(r->thread, NULL);
}

void runner_free(struct runner *r)
{
	while (r->sent) {
		struct errand *e = r->sent;

		r->sent = e->next;
		arena_free(e->call_arena);
		req_free(e->r);
	}
	if (r->db)
		db_close(r->db);
	pthread_cond_destroy(&r->woken);
	pthread_mutex_destroy(&r->lock);
	mem_free(r);
}
