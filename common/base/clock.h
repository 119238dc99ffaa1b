/* clock.h — time, which a test can set
 *
 * Wall time (Unix seconds, UTC) is for what people read and for what is stored; monotonic time is
 * for measuring and for timers. Tests set an offset instead of sleeping, or stop the clocks where
 * the pace of the machine must not matter.
 *
 * Threads  callable from anywhere; clock_test_… only before threads start.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/attr.h"

int64_t clock_unix(void);
int64_t clock_unix_ms(void);
int64_t clock_mono_ns(void);
int64_t clock_mono_ms(void);

/* Moves both clocks for this process. */
void clock_test_advance(int64_t ms);
/* Both stand still from now on, but for clock_test_advance. */
void clock_test_stop(void);

#endif
