/* play_point.h - how far a play has come, in the file that --resume names: a few lines of text that are replaced as a
 * whole.
 */
#ifndef CH_REPLAY_PLAY_POINT_H
#define CH_REPLAY_PLAY_POINT_H

#include "replay/tape.h"

typedef struct ch_play_point {
    char hub_code[CH_CODE_MAX + 1]; /* of the played log */
    char into[CH_CODE_MAX + 1];     /* of the hub that it is played into */
    uint64_t sequence;              /* of the log: all that was to be played up to it is answered */
    uint8_t mark[CH_HASH_SIZE];     /* of that record: see ch_play_mark */
} ch_play_point;

/* What tells a record of this log from one of another: of a log or archive its chain, which covers all before; of an
 * export in JSON lines the hash of the line. */
void ch_play_mark(const ch_tape_item *item, uint8_t out_mark[CH_HASH_SIZE]);
/* CH_NOT_FOUND: nothing was played with that file yet. CH_CORRUPT: it is no such file. CH_IO. */
ch_status ch_play_point_read(const char *path, ch_play_point *out_point, ch_error *error) CH_MUST_CHECK;
/* Synced. */
ch_status ch_play_point_write(const char *path, const ch_play_point *point, ch_error *error) CH_MUST_CHECK;

#endif
