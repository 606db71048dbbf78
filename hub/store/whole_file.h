/* whole_file.h - a file that is written for long and is there as a whole or not at all: written beside its place, synced,
 * renamed. What a kill leaves behind is NAME.part, which the next one replaces.
 */
#ifndef CH_STORE_WHOLE_FILE_H
#define CH_STORE_WHOLE_FILE_H

#include "hub/store/disk_file.h"

#include <stdio.h>

typedef struct ch_whole_file {
    FILE *file;
    char path[CH_PATH_SIZE], beside[CH_PATH_SIZE];
} ch_whole_file;

/* Mode 0600. CH_INVALID (the path is too long), CH_STORAGE_FULL, CH_IO. */
ch_status ch_whole_file_open(ch_whole_file *out_file, const char *path, ch_error *error) CH_MUST_CHECK;
/* Puts it in its place; on failure nothing has changed there. Either way it is closed. */
ch_status ch_whole_file_finish(ch_whole_file *file, ch_error *error) CH_MUST_CHECK;
/* Nothing was written. Fine after finish, and of one that was never opened (all zero). */
void ch_whole_file_drop(ch_whole_file *file);

#endif
