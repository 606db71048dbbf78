/* verify: is a log whole, and can its state be made again? Reads only the log, so it may run beside the hub. */
#include "replay/survey_report.h"

#include "hub/store/disk_file.h"
#include "hub/store/store.h"
#include "replay/guard.h"

#include <unistd.h>

static ch_status check_backup(ch_survey *survey, ch_error *error)
{
    ch_error told = {.status = CH_OK};
    uint64_t last = 0;
    ch_guard_begin("the backup", survey->replay->options->json);
    ch_status status = ch_backup_check(survey->place->path, &last, &told);
    ch_guard_end();
    if (status == CH_OK) {
        return CH_OK;
    }
    if (status != CH_CORRUPT) {
        *error = told;
        return status;
    }
    char text[sizeof told.where + sizeof told.text + 4];
    snprintf(text, sizeof text, "%s: %s", told.where, told.text);
    const ch_finding finding = {.kind = CH_FINDING_BACKUP, .text = text};
    ch_findings_add(&survey->findings, &finding);
    return CH_OK;
}

static ch_status walk_audit(ch_survey *survey, const char *dir, ch_error *told)
{
    ch_event_log *log;
    uint64_t good = 0;
    const ch_event_log_options options = {.read_only = true, .must_exist = true};
    ch_guard_begin("the audit log", survey->replay->options->json);
    ch_status status = ch_event_log_open(&log, dir, &options, told);
    if (status == CH_OK) {
        status = ch_event_log_verify(log, &good, told);
        ch_event_log_close(log);
    }
    ch_guard_end();
    return status;
}

/* A store that nobody has looked into through a hub has none. */
static ch_status check_audit(ch_survey *survey, ch_error *error)
{
    char dir[CH_PATH_SIZE];
    ch_error told = {.status = CH_OK};
    ch_status status = ch_path_join(dir, survey->place->path, "audit", error);
    if (status != CH_OK || access(dir, F_OK) != 0) {
        return status;
    }
    status = walk_audit(survey, dir, &told);
    if (status == CH_CORRUPT) {
        const ch_finding finding = {.kind = CH_FINDING_AUDIT, .text = told.text};
        ch_findings_add(&survey->findings, &finding);
        return CH_OK;
    }
    *error = status == CH_OK ? *error : told;
    return status;
}

static ch_status report(ch_survey *survey, ch_error *error)
{
    ch_report lines;
    survey->replay->wrong = survey->findings.count > 0;
    ch_report_begin(&lines, survey->replay);
    ch_survey_report(&lines, survey, !survey->replay->wrong);
    ch_survey_report_findings(&lines, survey);
    return ch_report_end(&lines, error);
}

static ch_status survey_place(ch_replay *replay, ch_place *place, ch_refold *refold, const char *room,
                              ch_error *error)
{
    ch_survey survey = {.replay = replay,
                        .place = place,
                        .refold = refold,
                        .room = room,
                        .what = "verified",
                        .heads_file = replay->options->heads,
                        .public_key = replay->options->public_key};
    ch_status status = ch_survey_run(&survey, error);
    if (status == CH_OK && place->kind == CH_PLACE_BACKUP) {
        status = check_backup(&survey, error);
    }
    if (status == CH_OK && (place->kind == CH_PLACE_BACKUP || place->kind == CH_PLACE_STORE)) {
        status = check_audit(&survey, error);
    }
    if (status == CH_OK) {
        status = report(&survey, error);
    }
    ch_survey_done(&survey);
    return status;
}

/* The lines of an export are not enough for a fold: the heads of the records are left out. */
static bool can_be_folded(const ch_place *place)
{
    return place->log != NULL ||
           (place->archive != NULL && ch_archive_reader_head(place->archive)->first == 1);
}

ch_status ch_replay_verify(ch_replay *replay, ch_error *error)
{
    ch_place place;
    ch_refold refold;
    const char *room = ch_scratch_room(replay);
    ch_status status = ch_place_open_given(&place, replay, error);
    if (status != CH_OK) {
        return status;
    }
    if (!can_be_folded(&place)) {
        status = survey_place(replay, &place, NULL, room, error);
    } else {
        status = ch_refold_init(&refold, room, false, error);
        if (status == CH_OK) {
            status = survey_place(replay, &place, &refold, room, error);
            ch_refold_done(&refold);
        }
    }
    ch_place_close(&place);
    return status;
}
