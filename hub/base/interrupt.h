/* interrupt.h - SIGINT and SIGTERM end what runs long (a walk, publish, tail) in good order.
 *
 * Only programs of one thread call ch_interrupt_catch. Where nobody has, the signals end the process at once. A signal
 * handler can reach nothing but a global, so this is the one there is.
 */
#ifndef CH_BASE_INTERRUPT_H
#define CH_BASE_INTERRUPT_H

#include "hub/base/status.h"

/* From now on a signal sets a mark; a second one ends the program at once. */
void ch_interrupt_catch(void);
bool ch_interrupted(void);
/* CH_TIMEOUT once there was one: no time was left to finish. */
ch_status ch_interrupt_check(ch_error *error) CH_MUST_CHECK;

#endif
