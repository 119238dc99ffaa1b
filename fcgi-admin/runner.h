/* runner.h — works off jobs (store/job.h), starts those that are due, tells root what happened
 *
 * DESIGN. One thread of each process of fcgi-admin, with a database connection of its own. Every
 * two seconds and whenever it is woken it looks for a job that nobody has, takes it for a lease, and
 * sends an errand (errand.h) for each item that waits, RUNNER_PARALLEL at a time, over the server's
 * wires. A wire that has an answer puts the errand into the runner's list and wakes it; everything
 * else, reading, judging, writing, happens on this thread. So a job needs no browser, any process
 * shows it, and the process that dies loses nothing but the calls that were under way: another goes
 * on when the lease ran out. Told to stop (or to drain) it sends no more.
 *
 * A leader starts the timed jobs: CHANNEL_TEST_FREQUENCY, CHANNEL_UPDATE_FREQUENCY, minutes.
 *
 * Threads  runner_new and _free by main, before and after the server runs; runner_start and _stop by
 *          the server's hooks; runner_wake from any.
 */
#ifndef ADMIN_RUNNER_H
#define ADMIN_RUNNER_H

#include "base/attr.h"

struct admin;
struct err;
struct runner;
struct server;

#define RUNNER_PARALLEL 4

struct runner_conf {
	int test_every_s, balance_every_s; /* 0: never by itself */
	int pause_ms;                      /* between two channels, which then go one by one */
	bool is_leader;
};

/* Returns owned. */
RETURNS_NEW struct runner *runner_new(const struct admin *admin, const struct runner_conf *conf);
MUST_USE bool runner_start(struct runner *r, struct server *server, struct err *err);
/* Waits for the thread; calls under way are left to the wires. */
void runner_stop(struct runner *r);
void runner_free(struct runner *r);
/* There is a new job. NULL is fine: it is found at the next look. */
void runner_wake(struct runner *r);

#endif
