/* catalog_watch.c — renews the catalog when its version in the database moves
 *
 * One thread with a connection of its own; it sleeps on a condition that catalog_nudge and
 * catalog_unwatch signal. A rebuild that fails leaves the old snapshot in place; the log says so at
 * once and then once a minute.
 */
#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "billing/tokens.h"
#include "provider/catalog.h"

#define FAILURE_LOG_EVERY_MS 60000

struct catalog_watcher {
	struct db *db; /* the thread's, once it runs */
	const struct secret_box *box;
	int poll_ms;
	int64_t version;           /* the thread's: of the current snapshot */
	int64_t failure_logged_ms; /* the thread's; 0: the last look went well */
	struct snapshot slot;
	pthread_t thread;
	pthread_mutex_t lock; /* guards nudged and stopping */
	pthread_cond_t wake;
	bool nudged, stopping;
	void (*tell)(void *arg); /* set before threads; NULL: nobody */
	void *tell_arg;
};

/* Sleeps until the next poll or a nudge; false when it is time to stop. */
static bool wait_turn(struct catalog_watcher *w)
{
	struct timespec until;
	bool go_on;
	int late = 0;

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += w->poll_ms / 1000;
	until.tv_nsec += (long)(w->poll_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	pthread_mutex_lock(&w->lock);
	while (!w->nudged && !w->stopping && late != ETIMEDOUT)
		late = pthread_cond_timedwait(&w->wake, &w->lock, &until);
	w->nudged = false;
	go_on = !w->stopping;
	pthread_mutex_unlock(&w->lock);
	return go_on;
}

/* From here on this is what everybody sees. How texts are counted is the one setting that is asked
 * for where no catalog is at hand. */
static void publish(struct catalog_watcher *w, struct catalog *next)
{
	w->version = next->version;
	tokens_set_approximate(option_bool(&next->options, OPT_APPROXIMATE_TOKEN_ENABLED));
	snapshot_set(&w->slot, &next->shared);
}

static bool refresh(struct catalog_watcher *w, struct err *err)
{
	struct catalog *next;
	int64_t version;

	if (!catalog_version(w->db, &version, err))
		return false;
	if (version == w->version)
		return true;
	if (!catalog_build(w->db, w->box, &next, err))
		return false;
	publish(w, next);
	/* Only now: who reads this line may rely on it. Nobody but this thread replaces it. */
	log_info(NULL, "catalog.changed", LOG_INT("version", next->version),
	    LOG_INT("channels", next->channel_count));
	return true;
}

static void log_failure(struct catalog_watcher *w, const struct err *err)
{
	int64_t now = clock_mono_ms();

	if (w->failure_logged_ms && now - w->failure_logged_ms < FAILURE_LOG_EVERY_MS)
		return;
	w->failure_logged_ms = now;
	log_error(NULL, "catalog.stale", LOG_INT("version", w->version), LOG_ERR(err));
}

static void *watch_thread(void *arg)
{
	struct catalog_watcher *w = arg;

	while (wait_turn(w)) {
		struct err err = { 0 };

		if (refresh(w, &err))
			w->failure_logged_ms = 0;
		else
			log_failure(w, &err);
	}
	return NULL;
}

static void watcher_free(struct catalog_watcher *w)
{
	snapshot_release(&w->slot);
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
	db_close(w->db);
	mem_free(w);
}

static struct catalog_watcher *watcher_new(struct db *db, const struct secret_box *box, int poll_ms)
{
	struct catalog_watcher *w = MEM_NEW(struct catalog_watcher);
	pthread_condattr_t monotonic;

	w->db = db;
	w->box = box;
	w->poll_ms = poll_ms > 0 ? poll_ms : 1000;
	snapshot_init(&w->slot);
	pthread_mutex_init(&w->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&w->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	return w;
}

bool catalog_watch(struct db *db, const struct secret_box *box, int poll_ms,
    struct catalog_watcher **out, struct err *err)
{
	struct catalog_watcher *w = watcher_new(db, box, poll_ms);
	struct catalog *first;

	if (!catalog_build(db, box, &first, err)) {
		watcher_free(w);
		return false;
	}
	publish(w, first);
	log_info(NULL, "catalog.read", LOG_INT("version", first->version),
	    LOG_INT("channels", first->channel_count));
	if (pthread_create(&w->thread, NULL, watch_thread, w) != 0) {
		watcher_free(w);
		return err_set(err, ERR_INTERNAL, "cannot start the catalog's thread");
	}
	*out = w;
	return true;
}

void catalog_unwatch(struct catalog_watcher *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->stopping = true;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	watcher_free(w);
}

struct catalog *catalog_get(struct catalog_watcher *w)
{
	return (struct catalog *)snapshot_get(&w->slot);
}

void catalog_on_nudge(struct catalog_watcher *w, void (*tell)(void *arg), void *arg)
{
	w->tell = tell;
	w->tell_arg = arg;
}

void catalog_nudge(struct catalog_watcher *w)
{
	catalog_look(w);
	if (w->tell)
		w->tell(w->tell_arg);
}

void catalog_look(struct catalog_watcher *w)
{
	pthread_mutex_lock(&w->lock);
	w->nudged = true;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
}
