/* zone.h — when a day, a week or a month begins in a time zone
 *
 * The C library knows one time zone per process and asks the environment for it; budgets need many
 * at once, in many threads. So a zone's file in the system's zoneinfo folder (RFC 8536, versions 2
 * and later) is read here: its list of changes and the rule for the time after the last of them.
 *
 * A zone is named as in the IANA database ("Europe/Berlin"); "" and "UTC" are UTC, and "+05:30" or
 * "-08:00" stand for a fixed offset.
 *
 * Units    Unix seconds, UTC. Offsets: seconds east of UTC.
 * Threads  a zone is read-only once it is read; zones_find from anywhere.
 */
#ifndef BASE_ZONE_H
#define BASE_ZONE_H

#include "base/attr.h"
#include "base/str.h"

struct err;
struct zone;
struct zones;

enum zone_period { ZONE_DAY, ZONE_WEEK, ZONE_MONTH };

/* ERR_BAD_REQUEST naming the zone when there is none of that name. Returns owned. */
MUST_USE bool zone_read(struct str name, struct zone **out, struct err *err);
void zone_free(struct zone *z);
int zone_offset(const struct zone *z, int64_t at);
/* The beginning of the day, week (Monday) or month in which `at` lies, and of the next one. */
int64_t zone_start(const struct zone *z, enum zone_period period, int64_t at);
int64_t zone_next(const struct zone *z, enum zone_period period, int64_t at);

/* Zones that were asked for, each read once; they live as long as this. */
RETURNS_NEW struct zones *zones_new(void);
void zones_free(struct zones *all);
/* What cannot be read counts as UTC, with one log line. */
const struct zone *zones_find(struct zones *all, struct str name);

#endif
