#include "replay/versions.h"

#include "hub/store/disk_file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define NUMBER_MAX ((uint64_t)1 << 40)

struct ch_versions {
    int fd;
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

void ch_versions_free(ch_versions *versions)
{
    if (versions == NULL) {
        return;
    }
    close(versions->fd);
    free(versions);
}

static off_t place_of(uint64_t number)
{
    return (off_t)(number * sizeof(uint32_t));
}

/* What was never written reads as zero, or is behind the end. */
ch_status ch_versions_get(const ch_versions *versions, uint64_t number, uint32_t *out_version,
                          ch_error *error)
{
    uint32_t version = 0;
    if (number <= NUMBER_MAX) {
        ch_status status = ch_disk_read(versions->fd, &version, sizeof version, place_of(number));
        if (status != CH_OK && status != CH_END) {
            return ch_disk_fail(error, "the cases' versions", "cannot be read");
        }
        version = status == CH_END ? 0 : version;
    }
    *out_version = version;
    return CH_OK;
}

ch_status ch_versions_set(ch_versions *versions, uint64_t number, uint32_t version, ch_error *error)
{
    if (number > NUMBER_MAX) {
        return ch_error_set(error, CH_TOO_LARGE, NULL, "case number %llu is beyond what is possible",
                            (unsigned long long)number);
    }
    return ch_disk_write(versions->fd, &version, sizeof version, place_of(number)) == CH_OK
               ? CH_OK
               : ch_disk_fail(error, "the cases' versions", "cannot be written");
}
