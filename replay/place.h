/* place.h - where a log is read from: a data folder, a backup of one, an archive, or an export in JSON lines. Never
 * written to. */
#ifndef CH_REPLAY_PLACE_H
#define CH_REPLAY_PLACE_H

#include "replay/export_reader.h"
#include "replay/replay.h"

#include "hub/store/archive_reader.h"
#include "hub/store/disk_file.h"
#include "hub/store/event_log.h"
#include "hub/store/store_format.h"

typedef enum ch_place_kind {
    CH_PLACE_STORE,
    CH_PLACE_BACKUP,
    CH_PLACE_ARCHIVE,
    CH_PLACE_EXPORT
} ch_place_kind;

typedef struct ch_place {
    ch_place_kind kind;
    char path[CH_PATH_SIZE];
    char hub_code[CH_CODE_MAX + 1];
    uint32_t epoch;
    uint8_t key_check[CH_DIGEST_SIZE]; /* of the hub key; not of an export */
    ch_event_log *log;                 /* of a store or backup, read only, also with a damaged end */
    ch_archive_reader *archive;        /* of an archive, behind its head */
    ch_export_reader *export;          /* of an export, behind its header */
} ch_place;

/* A folder or a file. CH_NOT_FOUND, CH_CORRUPT, CH_UNSUPPORTED, CH_IO, CH_NO_MEMORY. */
ch_status ch_place_open(ch_place *out_place, const char *path, ch_error *error) CH_MUST_CHECK;
/* What --store, --file or CASEHUB_STORE name. CH_INVALID when nothing does. */
ch_status ch_place_open_given(ch_place *out_place, const ch_replay *replay, ch_error *error) CH_MUST_CHECK;
void ch_place_close(ch_place *place);
/* "store", "backup", "archive", "export". */
const char *ch_place_kind_name(ch_place_kind kind);

#endif
