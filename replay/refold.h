/* refold.h - a fresh state made from a log, record by record. */
#ifndef CH_REPLAY_REFOLD_H
#define CH_REPLAY_REFOLD_H

#include "hub/store/state.h"
#include "replay/scratch.h"
#include "replay/tape.h"

typedef struct ch_refold {
    ch_state *state;
    ch_scratch scratch; /* "" once it needs no removing */
} ch_refold;

/* In a scratch folder in parent. With keep the folder stays until ch_refold_done and has a name for a swap;
 * otherwise it has no name from now on. */
ch_status ch_refold_init(ch_refold *refold, const char *parent, bool keep, ch_error *error) CH_MUST_CHECK;
/* In this empty folder, which is made when absent and stays. CH_INVALID when it is not empty. */
ch_status ch_refold_init_in(ch_refold *refold, const char *dir, ch_error *error) CH_MUST_CHECK;
void ch_refold_done(ch_refold *refold);
/* Records must come one after the other. CH_CORRUPT: it cannot be folded. */
ch_status ch_refold_take(ch_refold *refold, const ch_tape_item *item, ch_error *error) CH_MUST_CHECK;
/* On disk, and its hash. */
ch_status ch_refold_hash(ch_refold *refold, uint8_t out_hash[CH_HASH_SIZE], ch_error *error) CH_MUST_CHECK;
/* Closes the state; where its folder is: the caller's from now on. */
void ch_refold_release(ch_refold *refold, ch_scratch *out_scratch);

/* How a state is opened here. */
extern const ch_state_options ch_refold_options;

#endif
