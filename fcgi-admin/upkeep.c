#include "upkeep.h"

#include <pthread.h>
#include <time.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "provider/runtime.h"
#include "store/logblocks.h"
#include "store/logstats.h"
#include "store/usage.h"

/* Between two looks, and between two steps when there is much to do. */
#define ROUND_MS 5000
#define PAUSE_MS 5

struct upkeep {
	const struct runtime *rt;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stopping;
	struct db *db;
};

/* False when it is time to end. */
static bool wait_ms(struct upkeep *u, int ms)
{
	struct timespec until;
	bool stopping;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	pthread_mutex_lock(&u->lock);
	while (!u->stopping && pthread_cond_timedwait(&u->wake, &u->lock, &until) == 0)
		;
	stopping = u->stopping;
	pthread_mutex_unlock(&u->lock);
	return !stopping;
}

static bool follow_log(struct upkeep *u, struct err *err)
{
	bool more = true;

	while (more && wait_ms(u, PAUSE_MS)) {
		if (!usage_step(u->db, &more, err))
			return false;
	}
	return true;
}

static bool note_blocks(struct upkeep *u, struct err *err)
{
	bool more = true;

	while (more && wait_ms(u, PAUSE_MS)) {
		if (!log_blocks_step(u->db, &more, err))
			return false;
	}
	return true;
}

static bool clean_log(struct upkeep *u, struct err *err)
{
	int64_t id, deleted;
	bool finished;

	do {
		id = 0;
		if (!log_clean_step(u->db, &id, &deleted, &finished, err))
			return false;
		if (id && finished)
			log_info(NULL, "log.cleaned", LOG_INT("cleanup", id));
	} while (id && wait_ms(u, PAUSE_MS));
	return true;
}

static bool work(struct upkeep *u, struct err *err)
{
	if (!u->db && !runtime_db(u->rt, &u->db, err))
		return false;
	return follow_log(u, err) && note_blocks(u, err) && clean_log(u, err);
}

static void *run(void *arg)
{
	struct upkeep *u = arg;

	while (wait_ms(u, ROUND_MS)) {
		struct err err = { 0 };

		if (!work(u, &err))
			log_warn(NULL, "upkeep.failed", LOG_ERR(&err));
	}
	db_close(u->db);
	return NULL;
}

bool upkeep_start(const struct runtime *rt, struct upkeep **out, struct err *err)
{
	struct upkeep *u = MEM_NEW(struct upkeep);
	pthread_condattr_t attr;

	u->rt = rt;
	pthread_mutex_init(&u->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&u->wake, &attr);
	pthread_condattr_destroy(&attr);
	if (pthread_create(&u->thread, NULL, run, u) != 0) {
		mem_free(u);
		return err_set(err, ERR_CONFIG, "cannot start a thread");
	}
	*out = u;
	return true;
}

void upkeep_stop(struct upkeep *u)
{
	if (!u)
		return;
	pthread_mutex_lock(&u->lock);
	u->stopping = true;
	pthread_cond_signal(&u->wake);
	pthread_mutex_unlock(&u->lock);
	pthread_join(u->thread, NULL);
	pthread_cond_destroy(&u->wake);
	pthread_mutex_destroy(&u->lock);
	mem_free(u);
}
