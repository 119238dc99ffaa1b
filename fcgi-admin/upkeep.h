/* upkeep.h — the thread that keeps the log's tables in order
 *
 * Every few seconds it brings usage_hours up to the log (store/usage.h) and goes on with clean-ups
 * that somebody asked for (store/logstats.h), a short transaction at a time with a pause after each,
 * so that settlements never wait long. Every process of fcgi-admin has one; what they do together is
 * right, since each step is a transaction of its own that looks for itself what is left to do. It has
 * a database connection of its own, opened when it is first needed.
 *
 * Threads  start and stop by main's.
 */
#ifndef ADMIN_UPKEEP_H
#define ADMIN_UPKEEP_H

#include "base/attr.h"

struct err;
struct runtime;
struct upkeep;

/* rt is borrowed. Returns owned. */
MUST_USE bool upkeep_start(const struct runtime *rt, struct upkeep **out, struct err *err);
/* NULL is allowed. */
void upkeep_stop(struct upkeep *u);

#endif
