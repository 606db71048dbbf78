#include "connectors/transports/drop_folder.h"

#include "hub/base/array.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FILES_FIRST 64
#define HINTS_LIMIT ((size_t)256 * 1024)

ch_status ch_drop_folder_open(ch_drop_folder *out_folder, const char *path, int64_t settle_ms,
                              ch_error *error)
{
    static const char *const inner[] = {"done", "rejected"};
    ch_drop_folder folder = {.settle_ms = settle_ms};
    if (mkdir(path, 0750) != 0 && errno != EEXIST) {
        return ch_error_set(error, CH_IO, path, "%s", strerror(errno));
    }
    folder.fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder.fd < 0) {
        return ch_error_set(error, CH_IO, path, "%s", strerror(errno));
    }
    for (size_t i = 0; i < sizeof inner / sizeof *inner; i++) {
        if (mkdirat(folder.fd, inner[i], 0750) != 0 && errno != EEXIST) {
            close(folder.fd);
            return ch_error_set(error, CH_IO, path, "%s: %s", inner[i], strerror(errno));
        }
    }
    ch_buf_init(&folder.hint_names, HINTS_LIMIT);
    *out_folder = folder;
    return CH_OK;
}

static void free_files(ch_drop_file *files, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(files[i].name);
    }
    free(files);
}

void ch_drop_folder_close(ch_drop_folder *folder)
{
    free_files(folder->files, folder->count);
    ch_buf_done(&folder->hint_names);
    close(folder->fd);
    *folder = (ch_drop_folder){.fd = -1};
}

void ch_drop_folder_hint(ch_drop_folder *folder, const char *name)
{
    ch_buf_append(&folder->hint_names, name, strlen(name) + 1);
}

static bool is_hinted(const ch_drop_folder *folder, const char *name)
{
    const char *at = (const char *)folder->hint_names.at, *end = at + folder->hint_names.size;
    while (at < end) {
        if (strcmp(at, name) == 0) {
            return true;
        }
        at += strlen(at) + 1;
    }
    return false;
}

static bool ends_with(const char *name, const char *ending)
{
    size_t size = strlen(name), ending_size = strlen(ending);
    return size >= ending_size && strcmp(name + size - ending_size, ending) == 0;
}

static bool is_ours(const char *name)
{
    return name[0] != '.' && !ends_with(name, ".part") && !ends_with(name, ".tmp");
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const ch_drop_file *)a)->name, ((const ch_drop_file *)b)->name);
}

static int64_t mtime_ns(const struct stat *of)
{
    return (int64_t)of->st_mtim.tv_sec * 1000000000 + of->st_mtim.tv_nsec;
}

bool ch_drop_is_same(const ch_drop_file *file, const struct stat *now)
{
    return file->inode == (uint64_t)now->st_ino && file->size == (uint64_t)now->st_size &&
           file->mtime_ns == mtime_ns(now);
}

void ch_drop_identity(const struct stat *of, char out[CH_DROP_IDENTITY_SIZE])
{
    snprintf(out, CH_DROP_IDENTITY_SIZE, "%" PRIu64 ":%" PRIu64 ":%" PRId64, (uint64_t)of->st_ino,
             (uint64_t)of->st_size, mtime_ns(of));
}

/* What the last scan saw of it decides since when it has been as it is. */
static ch_drop_file look(const ch_drop_folder *folder, char *name, const struct stat *now,
                         int64_t monotonic_ms)
{
    ch_drop_file file = {.name = name,
                         .inode = (uint64_t)now->st_ino,
                         .size = (uint64_t)now->st_size,
                         .mtime_ns = mtime_ns(now),
                         .since_ms = monotonic_ms,
                         .regular = S_ISREG(now->st_mode)};
    const ch_drop_file *before =
        folder->count == 0 ? NULL : bsearch(&file, folder->files, folder->count, sizeof file, by_name);
    bool unchanged = before != NULL && ch_drop_is_same(before, now);
    if (unchanged) {
        file.since_ms = before->since_ms;
    }
    file.settled = !file.regular || (unchanged && before->settled) || is_hinted(folder, name) ||
                   monotonic_ms - file.since_ms >= folder->settle_ms;
    return file;
}

typedef struct scan {
    ch_drop_file *files;
    size_t count, capacity;
} scan;

static ch_status add(scan *found, const ch_drop_file *file)
{
    ch_status status =
        ch_array_reserve(&found->files, &found->capacity, found->count + 1, FILES_FIRST, sizeof *file);
    if (status == CH_OK) {
        found->files[found->count++] = *file;
    }
    return status;
}

static ch_status look_at_all(const ch_drop_folder *folder, DIR *list, int64_t monotonic_ms, scan *found)
{
    const struct dirent *entry;
    struct stat now;
    while (found->count < CH_DROP_FILES_MOST && (entry = readdir(list)) != NULL) {
        if (!is_ours(entry->d_name) || fstatat(folder->fd, entry->d_name, &now, AT_SYMLINK_NOFOLLOW) != 0 ||
            S_ISDIR(now.st_mode)) {
            continue;
        }
        char *name = strdup(entry->d_name);
        if (name == NULL) {
            return CH_NO_MEMORY;
        }
        const ch_drop_file file = look(folder, name, &now, monotonic_ms);
        if (add(found, &file) != CH_OK) {
            free(name);
            return CH_NO_MEMORY;
        }
    }
    return CH_OK;
}

ch_status ch_drop_folder_scan(ch_drop_folder *folder, int64_t monotonic_ms, ch_error *error)
{
    scan found = {.count = 0};
    int fd = openat(folder->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = fd < 0 ? NULL : fdopendir(fd);
    if (list == NULL) {
        int code = errno;
        if (fd >= 0) {
            close(fd);
        }
        return ch_error_set(error, CH_IO, "folder", "%s", strerror(code));
    }
    ch_status status = look_at_all(folder, list, monotonic_ms, &found);
    closedir(list);
    if (status != CH_OK) {
        free_files(found.files, found.count);
        return ch_error_set(error, status, "folder", "no memory to list it");
    }
    if (found.count > 0) {
        qsort(found.files, found.count, sizeof *found.files, by_name);
    }
    free_files(folder->files, folder->count);
    folder->files = found.files;
    folder->count = found.count;
    ch_buf_done(&folder->hint_names);
    ch_buf_init(&folder->hint_names, HINTS_LIMIT);
    return CH_OK;
}

ch_drop_file *ch_drop_folder_next(ch_drop_folder *folder)
{
    ch_drop_file *next = NULL;
    for (size_t i = 0; i < folder->count; i++) {
        ch_drop_file *file = &folder->files[i];
        if (file->settled && !file->taken && (next == NULL || file->mtime_ns < next->mtime_ns)) {
            next = file;
        }
    }
    return next;
}

int64_t ch_drop_folder_wait_ms(const ch_drop_folder *folder, int64_t monotonic_ms)
{
    int64_t wait_ms = -1;
    for (size_t i = 0; i < folder->count; i++) {
        const ch_drop_file *file = &folder->files[i];
        int64_t left = file->since_ms + folder->settle_ms - monotonic_ms;
        if (!file->settled && (wait_ms < 0 || left < wait_ms)) {
            wait_ms = left > 0 ? left : 0;
        }
    }
    return wait_ms;
}
