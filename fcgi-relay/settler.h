/* settler.h — looks after works that are open, so that they are settled though nobody asks
 *
 * DESIGN. One thread in each process; of the processes of a machine the one that has the lock on
 * DATA_DIR/settler.lock works, and another takes over when it is gone, however that came about.
 * Every few seconds it takes the few works whose time has come (resource_due) and asks the
 * upstream for each, one call at a time: at first after RESOURCE_LOOK seconds, then after twice as
 * long each time, at most an hour. A look changes nothing but when the next one is; what it finds
 * is settled as if a client had asked (pins_charge), so that it does not matter who else looks, or
 * when we die. A channel that gave no answer is left alone for a while.
 *
 *	it has ended		the difference to its usage is charged
 *	without a usage		a batch: the lines of its output file are summed up; else it stays as it
 *				was charged
 *	its id is not known	the upstream's list is asked for what was made of the same file, or in
 *				the same thread, at that time, and is nobody's; the nearest in time
 *				is adopted; after LIST_LOOKS looks it was never made, and all comes
 *				back, unless the list that is shown ends before it
 *	… and no list has it	a response, the run of a new thread: it stays as it was charged
 *	it is gone (404), or older than RESOURCE_LIFE
 *				it stays as it was charged; the log says so
 *
 * That time is from a little before the work was opened until its creation cannot have been under
 * way any more, so that what somebody makes of the same file past us, at the upstream itself, is
 * not charged to its owner. A mark of ours in the object's metadata would tell exactly, but there
 * are only sixteen members of it, which are the client's; it would have to be taken out of every
 * answer, list and stream that shows the object; and notices that the upstream sends itself would
 * show it.
 *
 * Threads  settler_open before the first thread, settler_close after the last.
 */
#ifndef FCGI_RELAY_SETTLER_H
#define FCGI_RELAY_SETTLER_H

#include <stdint.h>

#include "base/attr.h"

struct err;
struct relay;
struct settler;

/* Fills relay->settler, whose conf, pins and limits are there. */
void settler_open(struct relay *relay);
MUST_USE bool settler_start(struct relay *relay, struct err *err);
void settler_stop(struct relay *relay);
void settler_close(struct relay *relay);

/* After so long a new work is looked at. s may be NULL. */
int64_t settler_first_s(const struct settler *s);

#endif
