#include "replay/case_map.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define NUMBER_MOST (UINT64_C(1) << 40)
#define SCRATCH_DIR "/var/tmp"

static ch_status open_unnamed(ch_case_map *map, ch_error *error)
{
    char path[] = SCRATCH_DIR "/casehub-replay.XXXXXX";
    map->fd = mkostemp(path, O_CLOEXEC);
    if (map->fd < 0) {
        return ch_disk_fail(error, SCRATCH_DIR, "no file can be made in it");
    }
    unlink(path);
    memcpy(map->path, SCRATCH_DIR, sizeof SCRATCH_DIR);
    return CH_OK;
}

ch_status ch_case_map_open(ch_case_map *out_map, const char *path, bool keep, ch_error *error)
{
    ch_case_map map = {.fd = -1};
    if (path == NULL) {
        ch_status status = open_unnamed(&map, error);
        *out_map = map;
        return status;
    }
    if (ch_str_copy(map.path, sizeof map.path, ch_str_of(path)) != CH_OK) {
        return ch_error_set(error, CH_INVALID, path, "the path is too long");
    }
    map.fd = open(path, O_RDWR | O_CLOEXEC | (keep ? 0 : O_CREAT | O_TRUNC), 0600);
    if (map.fd < 0) {
        return errno == ENOENT && keep
                   ? ch_error_set(error, CH_NOT_FOUND, path, "is missing: it belongs to the file of --resume")
                   : ch_disk_fail(error, path, "cannot be opened");
    }
    *out_map = map;
    return CH_OK;
}

void ch_case_map_close(ch_case_map *map)
{
    if (map->fd >= 0) {
        close(map->fd);
        map->fd = -1;
    }
}

static off_t place_of(uint64_t number)
{
    return (off_t)(number * CH_CASE_ID_SIZE);
}

ch_status ch_case_map_get(const ch_case_map *map, uint64_t number, char out_id[CH_CASE_ID_SIZE],
                          ch_error *error)
{
    if (number > NUMBER_MOST) {
        return CH_NOT_FOUND;
    }
    ch_status status = ch_disk_read(map->fd, out_id, CH_CASE_ID_SIZE, place_of(number));
    if (status == CH_END) {
        return CH_NOT_FOUND;
    }
    if (status != CH_OK) {
        return ch_disk_fail(error, map->path, "cannot be read");
    }
    out_id[CH_CASE_ID_SIZE - 1] = '\0';
    return out_id[0] == '\0' ? CH_NOT_FOUND : CH_OK;
}

ch_status ch_case_map_set(ch_case_map *map, uint64_t number, const char *id, ch_error *error)
{
    char slot[CH_CASE_ID_SIZE] = "", present[CH_CASE_ID_SIZE];
    if (number > NUMBER_MOST || ch_str_copy(slot, sizeof slot, ch_str_of(id)) != CH_OK) {
        return ch_error_set(error, CH_TOO_LARGE, map->path, "case %s cannot be kept in it", id);
    }
    ch_status status = ch_case_map_get(map, number, present, error);
    if (status == CH_OK && strcmp(present, slot) == 0) {
        return CH_OK;
    }
    if (status == CH_IO) {
        return status;
    }
    return ch_disk_write(map->fd, slot, sizeof slot, place_of(number)) == CH_OK
               ? CH_OK
               : ch_disk_fail(error, map->path, "cannot be written");
}

ch_status ch_case_map_sync(const ch_case_map *map, ch_error *error)
{
    return fdatasync(map->fd) == 0 ? CH_OK : ch_disk_fail(error, map->path, "cannot be synced");
}
