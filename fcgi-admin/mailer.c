#include "mailer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "access.h"
#include "admin.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "net/server.h"
#include "pusher.h"
#include "smtp.h"
#include "store/user.h"

/* Between two looks at the outbox, which other processes fill as well. */
#define POLL_MS 2000
#define JOBS_MAX 256
#define LINGER_LETTERS 5
/* Behind a mail server that hangs; then the reply is that it failed, while somebody still
 * listens. */
#define JOB_WAIT_MS 20000

struct mailer {
	const struct admin *admin;
	struct db *db;
	struct queue *jobs;
	pthread_t thread;
	atomic_bool stop;
	bool lingers; /* plain CGI: there is no later, so what is due is sent before the end */
};

struct mailer_job {
	struct task task;
	struct req *req;
	struct letter letter;
	handler_fn *after;
	int64_t queued_ms;
	bool failed;
};

/* ---- one letter ------------------------------------------------------------------------------ */

static bool send_mail(const struct admin *admin, const struct options *o, struct arena *a,
    struct str to, const struct letter *l, const struct stop *stop, struct err *err)
{
	struct str page = mail_page(a, option_text(o, OPT_SYSTEM_NAME), l->subject, l->html);
	struct smtp smtp;

	smtp_from_options(o, admin->ca_file, &smtp);
	smtp.stop = *stop;
	if (!smtp_is_set(&smtp))
		return err_set(err, ERR_UPSTREAM, "no mail server is configured");
	return smtp_send(a, &smtp, to, l->subject, page, err);
}

/* The push gateway first; when there is none or it fails, root's mail address. */
static bool send_notice(const struct admin *admin, struct db *db, const struct options *o,
    struct arena *a, const struct letter *l, const struct stop *stop, struct err *err)
{
	struct err why = { 0 };
	struct str to;

	if (pusher_is_set(o)) {
		if (pusher_send(a, o, admin->ca_file, l->subject, mail_plain(a, l->html), &why))
			return true;
		log_warn(NULL, "mailer.push_failed", LOG_ERR(&why));
	}
	if (!user_root_email(db, a, &to, err))
		return false;
	if (to.n == 0)
		return err_set(err, ERR_UPSTREAM, "root has no mail address");
	return send_mail(admin, o, a, to, l, stop, err);
}

bool mailer_deliver(const struct admin *admin, struct db *db, struct arena *a,
    const struct letter *l, const struct stop *stop, struct err *err)
{
	struct catalog *catalog = runtime_catalog(&admin->rt);
	const struct options *o = &catalog->options;
	bool ok = str_eq_c(str_c(l->kind), LETTER_NOTICE)
	    ? send_notice(admin, db, o, a, l, stop, err)
	    : send_mail(admin, o, a, l->recipient, l, stop, err);

	catalog_put(catalog);
	return ok;
}

static bool is_stopped(const void *mailer)
{
	const struct mailer *m = mailer;

	return atomic_load(&m->stop) && !m->lingers;
}

/* ---- the outbox ------------------------------------------------------------------------------ */

static void note_failure(struct mailer *m, const struct letter *l, const struct err *why)
{
	struct err err = { 0 };
	bool given_up = false;

	if (!outbox_failed(m->db, l, &given_up, &err))
		log_error(NULL, "mailer.store_failed", LOG_ERR(&err));
	log_warn(NULL, given_up ? "mailer.given_up" : "mailer.failed", LOG_INT("letter", l->id),
	    LOG_INT("tries", l->tries), LOG_ERR(why));
}

/* False: nothing is due, or the database does not answer. */
static bool send_one(struct mailer *m)
{
	struct arena *a = arena_new(16 * 1024);
	struct err err = { 0 }, why = { 0 };
	struct letter l;
	bool found = false;

	if (!outbox_take(m->db, m->admin->rt.box, a, &l, &found, &err)) {
		log_error(NULL, "mailer.store_failed", LOG_ERR(&err));
		found = false;
	} else if (found) {
		if (!mailer_deliver(m->admin, m->db, a, &l, &(struct stop){ is_stopped, m }, &why))
			note_failure(m, &l, &why);
		else if (!outbox_sent(m->db, l.id, &err))
			log_error(NULL, "mailer.store_failed", LOG_ERR(&err));
	}
	arena_free(a);
	return found;
}

/* ---- the thread ------------------------------------------------------------------------------ */

static bool is_draining(const void *server)
{
	return server_is_draining(server);
}

static bool finish(struct req *r, struct resp *out, struct err *err)
{
	struct mailer_job *job = access_actor(r)->job;

	return job->after(r, out, err);
}

/* On a worker. */
static void resume(struct task *task, void *room)
{
	struct req *r = CONTAINER_OF(task, struct req, task);

	server_finish(r, finish, worker_local(room));
}

/* The request is ours here, and the worker's afterwards. */
static void run_job(struct task *task, void *room)
{
	struct mailer_job *job = CONTAINER_OF(task, struct mailer_job, task);
	struct mailer *m = room;
	struct req *r = job->req;
	struct err err = { 0 };

	if (clock_mono_ms() - job->queued_ms > JOB_WAIT_MS)
		job->failed = !err_set(&err, ERR_UPSTREAM_TIMEOUT, "waited too long");
	else
		job->failed = !mailer_deliver(m->admin, m->db, r->arena, &job->letter,
		    &(struct stop){ is_draining, r->server }, &err);
	if (job->failed)
		log_warn(&r->log, "mailer.failed", LOG_ERR(&err));
	r->task.run = resume;
	server_defer(r->server, &r->task);
}

static void *run(void *arg)
{
	struct mailer *m = arg;
	struct task *task;

	while (!atomic_load(&m->stop)) {
		while (!atomic_load(&m->stop) && queue_length(m->jobs) == 0 && send_one(m))
			;
		task = queue_take_many(m->jobs, 1, POLL_MS);
		if (task)
			task->run(task, m);
	}
	/* Replies wait for these. */
	while ((task = queue_take_many(m->jobs, 1, 0)))
		task->run(task, m);
	for (int i = 0; m->lingers && i < LINGER_LETTERS && send_one(m); i++)
		;
	return NULL;
}

bool mailer_start(const struct admin *admin, struct mailer **out, struct err *err)
{
	struct mailer *m = MEM_NEW(struct mailer);

	m->admin = admin;
	m->lingers = !*admin->rt.listen && getenv("GATEWAY_INTERFACE");
	if (!runtime_db(&admin->rt, &m->db, err)) {
		mem_free(m);
		return false;
	}
	m->jobs = queue_new(JOBS_MAX);
	if (pthread_create(&m->thread, NULL, run, m) != 0) {
		queue_free(m->jobs);
		db_close(m->db);
		mem_free(m);
		return err_set(err, ERR_INTERNAL, "cannot start the mailer's thread");
	}
	*out = m;
	return true;
}

void mailer_stop(struct mailer *m)
{
	if (!m)
		return;
	atomic_store(&m->stop, true);
	queue_close(m->jobs);
	pthread_join(m->thread, NULL);
	queue_free(m->jobs);
	db_close(m->db);
	mem_free(m);
}

/* ---- for handlers ---------------------------------------------------------------------------- */

bool mailer_is_set(struct req *r)
{
	struct smtp smtp;

	smtp_from_options(options_of(r), admin_of(r)->ca_file, &smtp);
	return smtp_is_set(&smtp);
}

bool mailer_send_then(struct req *r, const struct letter *l, handler_fn *after, struct resp *out,
    struct err *err)
{
	struct mailer *m = admin_of(r)->mailer;
	struct mailer_job *job = ARENA_NEW(r->arena, struct mailer_job);

	job->req = r;
	job->letter = *l;
	job->after = after;
	job->queued_ms = clock_mono_ms();
	access_actor(r)->job = job;
	if (!m)
		return outbox_put(db_of(r), box_of(r), r->arena, l, err) && after(r, out, err);
	req_defer(r);
	job->task.run = run_job;
	if (queue_try_send(m->jobs, &job->task))
		return true;
	/* Too many at once: the outbox takes it, and the reply is that it was sent. */
	r->task.run = resume;
	job->failed = !outbox_put(db_of(r), box_of(r), r->arena, l, err);
	err_clear(err);
	server_defer(r->server, &r->task);
	return true;
}

bool mailer_failed(const struct req *r)
{
	const struct mailer_job *job = access_actor(r)->job;

	return job && job->failed;
}
