/* drop_folder.h - the files of a folder that others write into: which of them are whole, and in which order.
 *
 * A file is settled once it was renamed into the folder or closed after writing (the kernel tells), or when its size and
 * time of change have stayed the same for `settle_ms`. Times come in as values. One thread.
 */
#ifndef CH_CONNECTORS_DROP_FOLDER_H
#define CH_CONNECTORS_DROP_FOLDER_H

#include "hub/base/bytes.h"

#include <sys/stat.h>

#define CH_DROP_FILES_MOST ((size_t)20000) /* looked at in one scan; the others come in a later one */

typedef struct ch_drop_file {
    char *name;
    uint64_t inode, size;
    int64_t mtime_ns;
    int64_t since_ms; /* monotonic: unchanged since */
    bool settled, regular, taken;
} ch_drop_file;

typedef struct ch_drop_folder {
    int fd; /* of the folder; owned */
    int64_t settle_ms;
    ch_drop_file *files; /* by name */
    size_t count;
    ch_buf hint_names; /* told as whole since the last scan, each with a zero */
} ch_drop_folder;

/* Makes the folder, done/ and rejected/ in it. CH_IO. */
ch_status ch_drop_folder_open(ch_drop_folder *out_folder, const char *path, int64_t settle_ms,
                              ch_error *error) CH_MUST_CHECK;
void ch_drop_folder_close(ch_drop_folder *folder);
/* The kernel says that the file is whole. Past some thousand names the settle time decides instead. */
void ch_drop_folder_hint(ch_drop_folder *folder, const char *name);
/* Looks at every file: not at dot files, *.part, *.tmp and folders. CH_IO, CH_NO_MEMORY. */
ch_status ch_drop_folder_scan(ch_drop_folder *folder, int64_t monotonic_ms, ch_error *error) CH_MUST_CHECK;
/* The settled file that was changed first (ties: by name) and is not taken yet; NULL when there is none. */
ch_drop_file *ch_drop_folder_next(ch_drop_folder *folder);
/* When the next file may settle, in milliseconds; -1: none is waiting. */
int64_t ch_drop_folder_wait_ms(const ch_drop_folder *folder, int64_t monotonic_ms);

/* "<inode>:<size>:<mtime>". */
#define CH_DROP_IDENTITY_SIZE 80
void ch_drop_identity(const struct stat *of, char out[CH_DROP_IDENTITY_SIZE]);
bool ch_drop_is_same(const ch_drop_file *file, const struct stat *now);

/* Moves the file into a folder beside it ("done", "rejected") under a name that is free there. *out_name: free() it.
 * CH_IO. */
ch_status ch_drop_move(const ch_drop_folder *folder, const char *name, const char *into, char **out_name,
                       ch_error *error) CH_MUST_CHECK;
/* Writes rejected/NAME.reason.txt. CH_IO. */
ch_status ch_drop_explain(const ch_drop_folder *folder, const char *name, const char *text,
                          ch_error *error) CH_MUST_CHECK;
/* Deletes what was moved into the folder before wall_ms - keep_ms; answers how many files. */
size_t ch_drop_purge(const ch_drop_folder *folder, const char *in, int64_t wall_ms, int64_t keep_ms);

#endif
