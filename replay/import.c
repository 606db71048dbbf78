/* import: an archive with its sealed parts into the data folder of a stopped hub. The whole archive is checked before
 * anything is changed. */
#include "replay/progress.h"
#include "replay/survey_report.h"

#include "hub/base/interrupt.h"
#include "hub/store/store_import.h"

#define ROOM "/var/tmp"

static ch_status check_archive(const ch_place *place, ch_error *error)
{
    if (place->archive == NULL) {
        return ch_error_set(error, CH_INVALID, place->path,
                            "holds lines, not records: only an archive (export --sealed) can be imported");
    }
    return ch_archive_reader_head(place->archive)->with_sealed
               ? CH_OK
               : ch_error_set(
                     error, CH_INVALID, place->path,
                     "was exported without its sealed parts, and a store holds records whole: export it "
                     "again with --sealed");
}

/* Every record is looked at as by verify; what is wrong is told. */
static ch_status survey_archive(ch_replay *replay, ch_place *place, bool *out_whole, ch_error *error)
{
    const char *room = replay->world->variable("TMPDIR");
    ch_survey survey = {.replay = replay,
                        .place = place,
                        .room = room == NULL || *room == '\0' ? ROOM : room,
                        .what = "verified",
                        .stop_at_first = true};
    ch_status status = ch_survey_run(&survey, error);
    *out_whole = survey.findings.count == 0;
    if (status == CH_OK && !*out_whole) {
        ch_report lines;
        replay->wrong = true;
        ch_report_begin(&lines, replay);
        ch_survey_report(&lines, &survey, false);
        ch_survey_report_findings(&lines, &survey);
        status = ch_report_end(&lines, error);
    }
    ch_survey_done(&survey);
    return status;
}

static ch_status look_up(void *context, uint64_t sequence, ch_error *error)
{
    ch_progress_at(context, sequence);
    return ch_interrupt_check(error);
}

static ch_status report(const ch_replay *replay, const ch_store_imported *imported, ch_error *error)
{
    ch_report lines;
    ch_report_begin(&lines, replay);
    ch_report_text(&lines, "store", replay->options->store);
    ch_report_number(&lines, "before", imported->before);
    ch_report_number(&lines, "last", imported->last);
    ch_report_number(&lines, "imported", imported->last - imported->before);
    ch_report_text(&lines, "keys", replay->options->keys == NULL ? "lost" : "taken");
    ch_report_hash(&lines, "chain", imported->chain);
    ch_report_hash(&lines, "state_hash", imported->state_hash);
    return ch_report_end(&lines, error);
}

/* The file again, from its start. */
static ch_status import_archive(ch_replay *replay, ch_error *error)
{
    ch_progress progress;
    ch_archive_reader *reader;
    ch_store_imported imported;
    ch_status status = ch_archive_reader_open(&reader, replay->options->file, error);
    if (status != CH_OK) {
        return status;
    }
    const ch_archive_head *head = ch_archive_reader_head(reader);
    const ch_store_import_options options = {.dir = replay->options->store,
                                             .hub_key_file = replay->options->key,
                                             .keys_dir = replay->options->keys,
                                             .random = ch_random_real(),
                                             .look_up = look_up,
                                             .context = &progress};
    ch_progress_begin(&progress, replay, "imported", head->first, head->last);
    status = ch_store_import(&options, reader, &imported, error);
    ch_progress_end(&progress);
    ch_archive_reader_close(reader);
    return status == CH_OK ? report(replay, &imported, error) : status;
}

ch_status ch_replay_import(ch_replay *replay, ch_error *error)
{
    ch_place place;
    bool whole = false;
    ch_status status = ch_place_open(&place, replay->options->file, error);
    if (status != CH_OK) {
        return status;
    }
    status = check_archive(&place, error);
    if (status == CH_OK) {
        status = survey_archive(replay, &place, &whole, error);
    }
    ch_place_close(&place);
    return status == CH_OK && whole ? import_archive(replay, error) : status;
}
