/* scratch.h - a folder for what is made and thrown away. */
#ifndef CH_REPLAY_SCRATCH_H
#define CH_REPLAY_SCRATCH_H

#include "hub/store/disk_file.h"
#include "replay/replay.h"

typedef struct ch_scratch {
    char path[CH_PATH_SIZE]; /* "" : none */
} ch_scratch;

/* TMPDIR, or where there is room on disk, not memory: a state is nearly as large as its log. */
const char *ch_scratch_room(const ch_replay *replay);
/* parent/casehub-replay.XXXXXX, mode 0700. */
ch_status ch_scratch_make(ch_scratch *out_scratch, const char *parent, ch_error *error) CH_MUST_CHECK;
/* Removes the files of an environment in it, and the folder. Who has them open keeps them: called as soon as they are
 * open, even a killed program leaves nothing behind. */
void ch_scratch_remove(ch_scratch *scratch);

#endif
