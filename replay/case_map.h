/* case_map.h - what a case of the played log is called in the hub it is played into. On disk, one slot a case, so that
 * memory does not grow with their number.
 */
#ifndef CH_REPLAY_CASE_MAP_H
#define CH_REPLAY_CASE_MAP_H

#include "hub/model/event.h"
#include "hub/store/disk_file.h"

typedef struct ch_case_map {
    int fd;
    char path[CH_PATH_SIZE]; /* for messages */
} ch_case_map;

/* path NULL: a file without a name, which is gone with the program. keep: that of an earlier play, which must be there;
 * otherwise it is made, or emptied. CH_NOT_FOUND, CH_INVALID, CH_IO. */
ch_status ch_case_map_open(ch_case_map *out_map, const char *path, bool keep, ch_error *error) CH_MUST_CHECK;
void ch_case_map_close(ch_case_map *map);
/* By the number of the case in the played log. CH_NOT_FOUND; CH_IO. */
ch_status ch_case_map_get(const ch_case_map *map, uint64_t number, char out_id[CH_CASE_ID_SIZE],
                          ch_error *error) CH_MUST_CHECK;
/* CH_TOO_LARGE: no case has such a number. CH_STORAGE_FULL, CH_IO. */
ch_status ch_case_map_set(ch_case_map *map, uint64_t number, const char *id, ch_error *error) CH_MUST_CHECK;
ch_status ch_case_map_sync(const ch_case_map *map, ch_error *error) CH_MUST_CHECK;

#endif
