/* disk_file.h - whole reads and writes, and small files that are replaced as a whole. */
#ifndef CH_STORE_DISK_FILE_H
#define CH_STORE_DISK_FILE_H

#include "hub/base/bytes.h"

#include <sys/types.h>

#define CH_PATH_SIZE 1024

/* errno as a status: CH_STORAGE_FULL (no space, quota, file too large), CH_NO_MEMORY, otherwise CH_IO. */
ch_status ch_disk_status(int error_number);
/* Fills *error from errno: "<path>: what: strerror". */
ch_status ch_disk_fail(ch_error *error, const char *path, const char *what);

/* dir/name. CH_TOO_LARGE when it does not fit. */
ch_status ch_path_join(char out[CH_PATH_SIZE], const char *dir, const char *name,
                       ch_error *error) CH_MUST_CHECK;

/* All of size, or an error with errno set; a read that ends early has errno 0 and gives CH_END. */
ch_status ch_disk_read(int fd, void *out, size_t size, off_t at) CH_MUST_CHECK;
ch_status ch_disk_write(int fd, const void *bytes, size_t size, off_t at) CH_MUST_CHECK;

/* Makes the folder (mode 0700) when it is not there, and syncs its parent then. */
ch_status ch_dir_make(const char *dir, ch_error *error) CH_MUST_CHECK;
ch_status ch_dir_sync(const char *dir, ch_error *error) CH_MUST_CHECK;
/* No entries but . and .. */
ch_status ch_dir_is_empty(const char *dir, bool *out_empty, ch_error *error) CH_MUST_CHECK;

/* The file dir/name with these bytes, or as it was: written beside, synced, renamed, folder synced. */
ch_status ch_file_replace(const char *dir, const char *name, ch_str bytes, ch_error *error) CH_MUST_CHECK;
/* The whole file, at most out's limit. CH_NOT_FOUND, CH_TOO_LARGE, CH_IO. */
ch_status ch_file_read(ch_buf *out, const char *path, ch_error *error) CH_MUST_CHECK;
/* fsync of a file that somebody else wrote. */
ch_status ch_file_sync(const char *path, ch_error *error) CH_MUST_CHECK;

#endif
