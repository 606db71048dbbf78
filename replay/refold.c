#include "replay/refold.h"

#include <string.h>

#define COMMIT_EVERY 16384

/* The map takes room only as it fills. */
const ch_state_options ch_refold_options = {.map_bytes = (size_t)256 << 30, .hot_cases = 8192};

ch_status ch_refold_init(ch_refold *refold, const char *parent, bool keep, ch_error *error)
{
    *refold = (ch_refold){.state = NULL};
    ch_status status = ch_scratch_make(&refold->scratch, parent, error);
    if (status != CH_OK) {
        return status;
    }
    status = ch_state_open(&refold->state, refold->scratch.path, &ch_refold_options, NULL, error);
    if (status != CH_OK || !keep) {
        ch_scratch_remove(&refold->scratch);
    }
    return status;
}

ch_status ch_refold_init_in(ch_refold *refold, const char *dir, ch_error *error)
{
    bool empty = false;
    *refold = (ch_refold){.state = NULL};
    ch_status status = ch_dir_make(dir, error);
    if (status == CH_OK) {
        status = ch_dir_is_empty(dir, &empty, error);
    }
    if (status == CH_OK && !empty) {
        status = ch_error_set(error, CH_INVALID, dir, "is not empty");
    }
    return status == CH_OK ? ch_state_open(&refold->state, dir, &ch_refold_options, NULL, error) : status;
}

void ch_refold_done(ch_refold *refold)
{
    ch_state_close(refold->state);
    refold->state = NULL;
    ch_scratch_remove(&refold->scratch);
}

ch_status ch_refold_take(ch_refold *refold, const ch_tape_item *item, ch_error *error)
{
    ch_status status = ch_state_fold(refold->state, &item->record, &item->event, error);
    if (status == CH_OK && item->sequence % COMMIT_EVERY == 0) {
        status = ch_state_commit(refold->state, error);
    }
    return status;
}

ch_status ch_refold_hash(ch_refold *refold, uint8_t out_hash[CH_HASH_SIZE], ch_error *error)
{
    return ch_state_hash(refold->state, out_hash, error);
}

void ch_refold_release(ch_refold *refold, ch_scratch *out_scratch)
{
    ch_state_close(refold->state);
    refold->state = NULL;
    *out_scratch = refold->scratch;
    refold->scratch.path[0] = '\0';
}
