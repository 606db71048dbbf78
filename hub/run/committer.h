/* committer.h - a thread that appends one batch at a time to the log, so that the writer can fill the next meanwhile.
 * Between give and result the batch is the committer's.
 */
#ifndef CH_RUN_COMMITTER_H
#define CH_RUN_COMMITTER_H

#include "hub/run/batch.h"

typedef struct ch_committer ch_committer;

typedef struct ch_commit_result {
    ch_status status;
    ch_error error; /* unless CH_OK */
    int64_t took_us;
} ch_commit_result;

/* CH_NO_MEMORY, CH_IO. */
ch_status ch_committer_start(ch_committer **out_committer, ch_error *error) CH_MUST_CHECK;
/* Waits for what it has. NULL is fine. */
void ch_committer_stop(ch_committer *committer);
/* Only after the result of the one before was taken. */
void ch_committer_give(ch_committer *committer, ch_batch *batch);
/* Takes the result of the batch given last; with wait, waits for it. False: it is not there yet. */
bool ch_committer_result(ch_committer *committer, bool wait, ch_commit_result *out_result);
bool ch_committer_is_done(const ch_committer *committer);
/* Readable when there may be a result; silence it before is_done, then poll. */
void ch_committer_silence(ch_committer *committer);
int ch_committer_fd(const ch_committer *committer);

#endif
