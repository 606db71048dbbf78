/* new_file.h - a small file that must never be seen half: keys.
 */
#ifndef CH_BASE_NEW_FILE_H
#define CH_BASE_NEW_FILE_H

#include "hub/base/bytes.h"

#include <sys/types.h>

/* Makes `path` with `text` and `mode` (whatever the umask) as a whole or not at all, also when the process is killed or
 * the power fails: written beside under a name of its own, synced, linked, folder synced. What is killed in between may
 * leave that other file (mode 0600) behind. False with errno: EEXIST when there is something at `path`, which stays as it
 * is; ENAMETOOLONG; what the system says. Thread: any. */
bool ch_new_file_write(const char *path, mode_t mode, ch_str text) CH_MUST_CHECK;

#endif
