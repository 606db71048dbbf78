/* progress.h - how far a long walk has come, on standard error: on a terminal one line that changes; elsewhere, when
 * --progress asks for it, now and then a line. */
#ifndef CH_REPLAY_PROGRESS_H
#define CH_REPLAY_PROGRESS_H

#include "replay/replay.h"

typedef struct ch_progress {
    const ch_replay_world *world;
    bool told;        /* to anybody */
    const char *what; /* "folded" */
    int64_t begun_ms, told_ms;
    uint64_t first, last;
    bool open; /* a line on the terminal waits for its end */
} ch_progress;

/* Sequences first to last will be done; what: a static text. */
void ch_progress_begin(ch_progress *progress, const ch_replay *replay, const char *what, uint64_t first,
                       uint64_t last);
/* Cheap enough for every 1,024 records. */
void ch_progress_at(ch_progress *progress, uint64_t sequence);
void ch_progress_end(ch_progress *progress);
/* Since it began. */
double ch_progress_seconds(const ch_progress *progress);

/* "folded 1200 of 5000 records (24%), 600/s, 7s left". */
void ch_progress_format(char *out, size_t size, const char *what, uint64_t done, uint64_t total,
                        int64_t spent_ms);

#endif
