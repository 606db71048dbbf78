/* key_copies.h - erases in the copies of the keys that backups left, on a thread of its own: they may lie on disks that are
 * slow, or not there at all.
 */
#ifndef CH_RUN_KEY_COPIES_H
#define CH_RUN_KEY_COPIES_H

#include "hub/store/store.h"

typedef struct ch_key_copies ch_key_copies;

/* Begins with a round of its own: a copy may have been away the last time. CH_IO, CH_NO_MEMORY. */
ch_status ch_key_copies_start(ch_key_copies **out_copies, ch_store *store, ch_error *error) CH_MUST_CHECK;
/* Waits for the round that is under way. NULL is fine. */
void ch_key_copies_stop(ch_key_copies *copies);
/* Something was erased, and is on the list. Any thread; never waits. */
void ch_key_copies_wake(ch_key_copies *copies);

/* What the last round met, a map a copy: {copy, erased: bool, text?}; true when no round is owed. Any thread. */
bool ch_key_copies_tell(ch_key_copies *copies, ch_buf *out_rows, uint32_t *out_count);

#endif
