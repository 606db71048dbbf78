#include "replay/place.h"

#include "replay/guard.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

const char *ch_place_kind_name(ch_place_kind kind)
{
    switch (kind) {
    case CH_PLACE_STORE: return "store";
    case CH_PLACE_BACKUP: return "backup";
    case CH_PLACE_ARCHIVE: return "archive";
    case CH_PLACE_EXPORT: return "export";
    }
    return "";
}

static bool holds(const ch_place *place, const char *name)
{
    char path[CH_PATH_SIZE];
    return ch_path_join(path, place->path, name, NULL) == CH_OK && access(path, F_OK) == 0;
}

static ch_status read_format(ch_place *place, ch_error *error)
{
    ch_store_format format;
    ch_status status = ch_store_format_read(place->path, &format, error);
    if (status == CH_NOT_FOUND) {
        return holds(place, "log/data.mdb")
                   ? ch_error_set(error, CH_CORRUPT, place->path, "holds a log, but its FORMAT is missing")
                   : ch_error_set(error, CH_NOT_FOUND, place->path, "is no data folder and no backup of one");
    }
    if (status == CH_OK) {
        memcpy(place->hub_code, format.hub_code, sizeof place->hub_code);
        memcpy(place->key_check, format.key_check, sizeof place->key_check);
        place->epoch = format.epoch;
    }
    return status;
}

/* A backup that a hub has since run on is a store: the hub leaves its lock there. */
static ch_status open_folder(ch_place *place, ch_error *error)
{
    const ch_event_log_options options = {.read_only = true, .must_exist = true, .any_tail = true};
    char path[CH_PATH_SIZE];
    ch_status status = read_format(place, error);
    if (status != CH_OK) {
        return status;
    }
    place->kind = holds(place, "MANIFEST") && !holds(place, "lock") ? CH_PLACE_BACKUP : CH_PLACE_STORE;
    status = ch_path_join(path, place->path, "log", error);
    if (status == CH_OK) {
        ch_guard_begin("the log", false);
        status = ch_event_log_open(&place->log, path, &options, error);
        ch_guard_end();
    }
    return status;
}

static ch_status open_archive(ch_place *place, ch_error *error)
{
    place->kind = CH_PLACE_ARCHIVE;
    ch_status status = ch_archive_reader_open(&place->archive, place->path, error);
    if (status == CH_OK) {
        const ch_archive_head *head = ch_archive_reader_head(place->archive);
        memcpy(place->hub_code, head->hub_code, sizeof place->hub_code);
        memcpy(place->key_check, head->key_check, sizeof place->key_check);
        place->epoch = head->epoch;
    }
    return status;
}

static ch_status open_export(ch_place *place, ch_error *error)
{
    place->kind = CH_PLACE_EXPORT;
    ch_status status = ch_export_reader_open(&place->export, place->path, error);
    if (status == CH_OK) {
        const ch_export_header *header = ch_export_reader_header(place->export);
        memcpy(place->hub_code, header->hub_code, sizeof place->hub_code);
        place->epoch = header->epoch;
    }
    return status;
}

/* An archive begins with bytes that no text begins with. */
static ch_status open_file(ch_place *place, ch_error *error)
{
    char beginning[CH_ARCHIVE_MAGIC_SIZE];
    FILE *file = fopen(place->path, "rbe");
    if (file == NULL) {
        return ch_disk_fail(error, place->path, "cannot be opened");
    }
    size_t size = fread(beginning, 1, sizeof beginning, file);
    fclose(file);
    return ch_archive_is((ch_str){beginning, size}) ? open_archive(place, error) : open_export(place, error);
}

ch_status ch_place_open(ch_place *out_place, const char *path, ch_error *error)
{
    ch_place place = {.kind = CH_PLACE_STORE};
    struct stat seen;
    if (ch_str_copy(place.path, sizeof place.path, ch_str_of(path)) != CH_OK) {
        return ch_error_set(error, CH_INVALID, path, "the path is too long");
    }
    if (stat(path, &seen) != 0) {
        return errno == ENOENT || errno == ENOTDIR ? ch_error_set(error, CH_NOT_FOUND, path, "is not there")
                                                   : ch_disk_fail(error, path, "cannot be looked at");
    }
    ch_status status = S_ISDIR(seen.st_mode) ? open_folder(&place, error) : open_file(&place, error);
    if (status != CH_OK) {
        ch_place_close(&place);
        return status;
    }
    *out_place = place;
    return CH_OK;
}

ch_status ch_place_open_given(ch_place *out_place, const ch_replay *replay, ch_error *error)
{
    const ch_replay_options *options = replay->options;
    const char *path = options->store != NULL ? options->store : options->file;
    struct stat seen;
    if (path == NULL) {
        path = replay->world->variable("CASEHUB_STORE");
    }
    if (path == NULL || *path == '\0') {
        return ch_error_set(error, CH_INVALID, NULL,
                            "say which store: --store DIR, --file FILE, or CASEHUB_STORE");
    }
    if (stat(path, &seen) == 0 && S_ISDIR(seen.st_mode) != (options->file == NULL)) {
        return ch_error_set(error, CH_INVALID, path,
                            options->file == NULL ? "is no folder; an archive or export is named by --file"
                                                  : "is a folder; it is named by --store");
    }
    return ch_place_open(out_place, path, error);
}

void ch_place_close(ch_place *place)
{
    ch_event_log_close(place->log);
    ch_archive_reader_close(place->archive);
    ch_export_reader_close(place->export);
    place->log = NULL;
    place->archive = NULL;
    place->export = NULL;
}
