/* test_rules.h — what the outcome of a test does to its channel
 *
 * For "test all", the timer, and a single test with ?apply=1:
 *
 *	channel          test                                  with                    then
 *	enabled          took longer than                      AutomaticDisable…       disabled
 *	                 ChannelDisableThreshold               without                 a notice
 *	enabled          a dead account (dead_account.h)       AutomaticDisable…       disabled
 *	enabled          the same, the channel has other keys  always                  key parked
 *	disabled by us   went well                             AutomaticEnable…        enabled
 *
 * Everything else leaves it as it is; a channel that a person disabled stays so. The cause and what
 * the upstream said are kept with the channel and in channel_events, from which root's notice is
 * made (notice.h).
 *
 * Threads  the errand's.
 */
#ifndef ADMIN_TEST_RULES_H
#define ADMIN_TEST_RULES_H

#include "errand.h"

/* Sets e->action: disabled, enabled, parked, slow or "". A failure is only logged. */
void test_rules_apply(struct errand *e);
/* The balance of an enabled channel is used up: disabled, when the option allows it. */
void test_rules_no_balance(struct errand *e);

#endif
