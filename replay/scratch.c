#include "replay/scratch.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ROOM "/var/tmp"

const char *ch_scratch_room(const ch_replay *replay)
{
    const char *room = replay->world->variable("TMPDIR");
    return room == NULL || *room == '\0' ? ROOM : room;
}

ch_status ch_scratch_make(ch_scratch *out_scratch, const char *parent, ch_error *error)
{
    ch_scratch scratch;
    ch_status status = ch_path_join(scratch.path, parent, "casehub-replay.XXXXXX", error);
    if (status != CH_OK) {
        return status;
    }
    if (mkdtemp(scratch.path) == NULL) {
        return ch_disk_fail(error, parent, "no folder can be made in it");
    }
    *out_scratch = scratch;
    return CH_OK;
}

void ch_scratch_remove(ch_scratch *scratch)
{
    static const char *const names[] = {"data.mdb", "lock.mdb"};
    char path[CH_PATH_SIZE];
    if (scratch->path[0] == '\0') {
        return;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (ch_path_join(path, scratch->path, names[i], NULL) == CH_OK) {
            unlink(path);
        }
    }
    rmdir(scratch->path);
    scratch->path[0] = '\0';
}
