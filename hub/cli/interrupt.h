/* interrupt.h - ends what runs on and on (publish, tail) in good order when somebody says so.
 *
 * Other commands leave the signals alone: the default ends them at once. A signal handler can reach nothing
 * but a global, so this is the one there is.
 */
#ifndef CH_CLI_INTERRUPT_H
#define CH_CLI_INTERRUPT_H

#include <stdbool.h>

/* From now on SIGINT and SIGTERM set a mark; a second one ends the program at once. */
void ch_interrupt_catch(void);
bool ch_interrupted(void);

#endif
