/* export_run.h - one run of export: what is written, and the two forms that it is written in. */
#ifndef CH_REPLAY_EXPORT_RUN_H
#define CH_REPLAY_EXPORT_RUN_H

#include "replay/tape.h"

typedef struct ch_export {
    ch_replay *replay;
    ch_place place;
    ch_tape *tape;        /* at first */
    uint64_t first, last; /* last < first: the log is empty */
    uint8_t chain_before[CH_HASH_SIZE], chain[CH_HASH_SIZE];
    uint64_t count; /* records written */
} ch_export;

/* Both write all of it to file, which the caller opens and closes; out_hash: what the file says of itself at its end. A
 * damaged log gives CH_CORRUPT. */
ch_status ch_export_write_archive(ch_export *run, FILE *file, uint8_t out_hash[CH_HASH_SIZE],
                                  ch_error *error) CH_MUST_CHECK;
ch_status ch_export_write_lines(ch_export *run, FILE *file, uint8_t out_hash[CH_HASH_SIZE],
                                ch_error *error) CH_MUST_CHECK;

/* Gives each record to `write`, with progress; the first status that is not CH_OK ends it. */
typedef ch_status (*ch_export_writer)(void *context, const ch_tape_item *item, ch_error *error);
ch_status ch_export_walk(ch_export *run, ch_export_writer write, void *context,
                         ch_error *error) CH_MUST_CHECK;

#endif
