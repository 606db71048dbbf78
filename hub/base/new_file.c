#include "hub/base/new_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static bool write_all(int fd, ch_str text)
{
    while (text.size > 0) {
        ssize_t done = write(fd, text.at, text.size);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done < 0) {
            return false;
        }
        text = (ch_str){text.at + done, text.size - (size_t)done};
    }
    return true;
}

static bool sync_folder_of(const char *path)
{
    char copy[PATH_MAX];
    if (ch_str_copy(copy, sizeof copy, ch_str_of(path)) != CH_OK) {
        errno = ENAMETOOLONG;
        return false;
    }
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool synced = fd >= 0 && fsync(fd) == 0;
    int why = errno;
    if (fd >= 0) {
        close(fd);
    }
    errno = why;
    return synced;
}

bool ch_new_file_write(const char *path, mode_t mode, ch_str text)
{
    char beside[PATH_MAX];
    if ((size_t)snprintf(beside, sizeof beside, "%s.XXXXXX", path) >= sizeof beside) {
        errno = ENAMETOOLONG;
        return false;
    }
    int fd = mkostemp(beside, O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    bool good = write_all(fd, text) && fchmod(fd, mode) == 0 && fsync(fd) == 0 && link(beside, path) == 0;
    int why = errno;
    close(fd);
    unlink(beside);
    errno = why;
    return good && sync_folder_of(path);
}
