/* live_state.h - what the state of a stopped hub says: how far it has folded, and its hash.
 *
 * It may be damaged in ways that kill whoever reads it, and a rebuild is what helps then: so it is read by a child
 * process.
 */
#ifndef CH_REPLAY_LIVE_STATE_H
#define CH_REPLAY_LIVE_STATE_H

#include "hub/store/record.h"

typedef struct ch_live_state {
    uint64_t position;
    uint8_t hash[CH_HASH_SIZE];
} ch_live_state;

/* dir: of the state; the caller holds the store's lock. CH_NOT_FOUND: there is none. CH_CORRUPT: it cannot be read.
 * CH_UNSUPPORTED, CH_IO, CH_NO_MEMORY. */
ch_status ch_live_state_read(ch_live_state *out_live, const char *dir, ch_error *error) CH_MUST_CHECK;

#endif
