/* secret_file.h - a small file of secrets: it belongs to this user or to root, and is for nobody else.
 *
 * What is in it is never told, not even in an error.
 */
#ifndef CH_CONNECTORS_SECRET_FILE_H
#define CH_CONNECTORS_SECRET_FILE_H

#include "hub/base/bytes.h"

#include <sys/stat.h>

#define CH_SECRET_FILE_MOST ((size_t)16 * 1024)

typedef struct ch_secret_file {
    size_t size;
    char text[CH_SECRET_FILE_MOST + 1]; /* terminated */
    struct stat seen;
} ch_secret_file;

/* CH_NOT_FOUND, CH_IO; CH_DENIED: others may read it, it belongs to somebody else, or it is no plain file; CH_TOO_LARGE.
 * wipe is fine in each case. */
ch_status ch_secret_file_read(ch_secret_file *out_file, const char *path, ch_error *error) CH_MUST_CHECK;
void ch_secret_file_wipe(ch_secret_file *file);

#endif
