/* guard.h - what is said when reading a damaged file kills the program.
 *
 * LMDB follows the pointers inside its pages without a check, and a file that is cut short while it is mapped
 * raises SIGBUS. A walk that ends so has found damage: it says behind which record, and exits 65, instead of a
 * core dump that says nothing.
 */
#ifndef CH_REPLAY_GUARD_H
#define CH_REPLAY_GUARD_H

#include <stdbool.h>
#include <stdint.h>

/* Once, before any walk. */
void ch_guard_install(void);
/* From here on pages of `what` are read (a static text); json: the end is also told on standard output. */
void ch_guard_begin(const char *what, bool json);
/* Up to this record everything could be read. */
void ch_guard_at(uint64_t sequence);
void ch_guard_end(void);

#endif
