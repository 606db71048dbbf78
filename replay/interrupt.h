/* interrupt.h - SIGINT and SIGTERM end a long walk in good order, so that nothing is left lying about.
 *
 * A signal handler can reach nothing but a global, so this is the one there is.
 */
#ifndef CH_REPLAY_INTERRUPT_H
#define CH_REPLAY_INTERRUPT_H

#include "hub/base/status.h"

/* From now on a signal sets a mark; a second one ends the program at once. */
void ch_interrupt_catch(void);
/* CH_TIMEOUT once there was one: no time was left to finish. */
ch_status ch_interrupt_check(ch_error *error) CH_MUST_CHECK;
/* Sleeps; shorter when a signal comes. */
void ch_interrupt_sleep_ms(int wait_ms);

#endif
