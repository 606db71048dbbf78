/* watchdog.h - ends the process when a mapping does not end by itself, because libjq cannot be interrupted.
 *
 * Exit code 70 (EX_SOFTWARE): whoever supervises the connector starts it again, and the attempt mark (attempt.h) sees to
 * it that the record becomes a dead letter after some attempts. Processor time is counted, not the clock, so that a
 * busy machine or a suspended one does not look like an endless loop.
 */
#ifndef CH_CONNECTORS_WATCHDOG_H
#define CH_CONNECTORS_WATCHDOG_H

#include "hub/base/status.h"

#define CH_EXIT_WATCHDOG 70

/* Once a process: the signal (SIGPROF), and the most memory it may have (0: no bound). CH_IO. */
ch_status ch_watchdog_setup(int64_t memory_bytes, ch_error *error) CH_MUST_CHECK;
void ch_watchdog_arm(int64_t cpu_ms);
void ch_watchdog_disarm(void);
/* For libjq, which cannot go on without memory. Does not return. */
void ch_watchdog_out_of_memory(void *context);

#endif
