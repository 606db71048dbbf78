#include "replay/versions.h"

#include "hub/store/disk_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define GROW_ENTRIES ((uint64_t)1 << 18)
#define ENTRIES_MAX ((uint64_t)1 << 36)

struct ch_versions {
    int fd;
    uint32_t *at; /* mapped; NULL while empty */
    uint64_t count;
};

ch_status ch_versions_new(ch_versions **out_versions, const char *dir, ch_error *error)
{
    char path[CH_PATH_SIZE];
    ch_status status = ch_path_join(path, dir, "casehub-versions.XXXXXX", error);
    if (status != CH_OK) {
        return status;
    }
    ch_versions *versions = calloc(1, sizeof *versions);
    if (versions == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, dir, "no memory for the cases' versions");
    }
    versions->fd = mkostemp(path, O_CLOEXEC);
    if (versions->fd < 0) {
        free(versions);
        return ch_disk_fail(error, dir, "no file can be made in it");
    }
    unlink(path);
    *out_versions = versions;
    return CH_OK;
}

static void unmap(ch_versions *versions)
{
    if (versions->at != NULL) {
        munmap(versions->at, (size_t)versions->count * sizeof *versions->at);
    }
    versions->at = NULL;
    versions->count = 0;
}

void ch_versions_free(ch_versions *versions)
{
    if (versions == NULL) {
        return;
    }
    unmap(versions);
    close(versions->fd);
    free(versions);
}

/* Room is taken on disk at once: a full disk is an error here, not a signal later. */
static ch_status grow(ch_versions *versions, uint64_t number, ch_error *error)
{
    uint64_t count = (number / GROW_ENTRIES + 1) * GROW_ENTRIES;
    size_t size = (size_t)count * sizeof *versions->at;
    int code = posix_fallocate(versions->fd, 0, (off_t)size);
    if (code != 0) {
        ch_status status = code == ENOSPC ? CH_STORAGE_FULL : CH_IO;
        ch_error_set(error, status, NULL, "no room for the versions of %llu cases",
                     (unsigned long long)count);
        return status;
    }
    unmap(versions);
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, versions->fd, 0);
    if (at == MAP_FAILED) {
        ch_error_set(error, CH_NO_MEMORY, NULL, "the versions of %llu cases cannot be mapped",
                     (unsigned long long)count);
        return CH_NO_MEMORY;
    }
    versions->at = at;
    versions->count = count;
    return CH_OK;
}

uint32_t ch_versions_get(const ch_versions *versions, uint64_t number)
{
    return number < versions->count ? versions->at[number] : 0;
}

ch_status ch_versions_set(ch_versions *versions, uint64_t number, uint32_t version, ch_error *error)
{
    if (number >= ENTRIES_MAX) {
        return ch_error_set(error, CH_TOO_LARGE, NULL, "case number %llu is beyond what is possible",
                            (unsigned long long)number);
    }
    if (number >= versions->count) {
        ch_status status = grow(versions, number, error);
        if (status != CH_OK) {
            return status;
        }
    }
    versions->at[number] = version;
    return CH_OK;
}
