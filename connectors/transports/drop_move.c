#include "connectors/transports/drop_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define NAMES_TRIED 1000
#define NAME_KEPT 200 /* bytes of a name that gets a number or an ending */

ch_status ch_drop_move(const ch_drop_folder *folder, const char *name, const char *into, char **out_name,
                       ch_error *error)
{
    int to = openat(folder->fd, into, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    ch_status status = to < 0 ? ch_error_set(error, CH_IO, into, "%s", strerror(errno)) : CH_OK;
    /* With a number at the front, so that a long name stays within what the file system takes. */
    ch_str shortened = ch_str_cut(ch_str_of(name), NAME_KEPT);
    bool moved = false;
    for (unsigned i = 1; status == CH_OK && !moved && i <= NAMES_TRIED; i++) {
        char *target = NULL;
        if (i == 1 ? (target = strdup(name)) == NULL
                   : asprintf(&target, "%u.%.*s", i, CH_STR_ARG(shortened)) < 0) {
            status = ch_error_set(error, CH_NO_MEMORY, into, "no memory");
        } else if (renameat2(folder->fd, name, to, target, RENAME_NOREPLACE) == 0) {
            *out_name = target;
            moved = true;
        } else {
            status = errno == EEXIST ? CH_OK : ch_error_set(error, CH_IO, into, "%s", strerror(errno));
            free(target);
        }
    }
    if (to >= 0) {
        close(to);
    }
    return status == CH_OK && !moved
               ? ch_error_set(error, CH_IO, into, "%d files have this name", NAMES_TRIED)
               : status;
}

ch_status ch_drop_explain(const ch_drop_folder *folder, const char *name, const char *text, ch_error *error)
{
    char *file = NULL;
    ch_str shortened = ch_str_cut(ch_str_of(name), NAME_KEPT);
    if (asprintf(&file, "rejected/%.*s.reason.txt", CH_STR_ARG(shortened)) < 0) {
        return ch_error_set(error, CH_NO_MEMORY, "rejected", "no memory");
    }
    int fd = openat(folder->fd, file, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0640);
    free(file);
    bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    ch_status status = written ? CH_OK : ch_error_set(error, CH_IO, "rejected", "%s", strerror(errno));
    if (fd >= 0) {
        close(fd);
    }
    return status;
}

/* A rename sets the time of the inode's change, so that is when the file came here. */
static bool is_old(const struct stat *of, int64_t before_ms)
{
    return S_ISREG(of->st_mode) && (int64_t)of->st_ctim.tv_sec * 1000 < before_ms;
}

size_t ch_drop_purge(const ch_drop_folder *folder, const char *in, int64_t wall_ms, int64_t keep_ms)
{
    size_t count = 0;
    int fd = openat(folder->fd, in, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *list = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    struct stat of;
    if (list == NULL) {
        if (fd >= 0) {
            close(fd);
        }
        return 0;
    }
    while ((entry = readdir(list)) != NULL) {
        if (fstatat(fd, entry->d_name, &of, AT_SYMLINK_NOFOLLOW) == 0 && is_old(&of, wall_ms - keep_ms)) {
            count += unlinkat(fd, entry->d_name, 0) == 0;
        }
    }
    closedir(list);
    return count;
}
