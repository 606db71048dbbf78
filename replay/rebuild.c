/* rebuild: folds the log into a fresh state. Of a stopped hub the live state is compared with it, and replaced. */
#include "replay/survey_report.h"

#include "hub/store/store.h"
#include "replay/live_state.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

typedef struct rebuild {
    ch_replay *replay;
    ch_place place;
    int lock_fd; /* -1: the hub runs, or this is no store */
    char state_path[CH_PATH_SIZE];
    ch_live_state live;
    ch_status live_status; /* CH_OK: it is known; CH_NOT_FOUND: there is none; CH_CORRUPT: see live_error */
    ch_error live_error;
    ch_refold refold;
    ch_survey survey;
    bool equal, swapped;
} rebuild;

/* A live state that cannot be read is no reason to stop: it is what a rebuild is for. */
static ch_status look_at_live(rebuild *run, ch_error *error)
{
    bool swaps = run->replay->options->swap;
    if (run->place.kind != CH_PLACE_STORE) {
        return swaps ? ch_error_set(error, CH_INVALID, run->place.path,
                                    "is a backup: it has no state to replace")
                     : CH_OK;
    }
    ch_status status = ch_path_join(run->state_path, run->place.path, "state", error);
    if (status == CH_OK) {
        status = ch_store_lock(run->place.path, &run->lock_fd, error);
    }
    if (status != CH_OK) {
        return status == CH_LOCKED && !swaps ? CH_OK : status;
    }
    run->live_status = ch_live_state_read(&run->live, run->state_path, &run->live_error);
    if (run->live_status == CH_OK || run->live_status == CH_NOT_FOUND || run->live_status == CH_CORRUPT) {
        return CH_OK;
    }
    *error = run->live_error;
    return run->live_status;
}

static void add_state_finding(rebuild *run, const char *text)
{
    const ch_finding finding = {.kind = CH_FINDING_STATE, .text = text};
    ch_findings_add(&run->survey.findings, &finding);
}

/* Compared where the live state stands: after a crash it may be behind the log, which is no fault. */
static void compare(rebuild *run)
{
    const ch_survey *survey = &run->survey;
    char text[sizeof run->live_error.where + sizeof run->live_error.text + 4];
    if (run->lock_fd < 0 || survey->findings.count > 0) {
        return;
    }
    if (run->live_status == CH_CORRUPT) {
        snprintf(text, sizeof text, "%s: %s", run->live_error.where, run->live_error.text);
        add_state_finding(run, text);
    } else if (run->live_status == CH_OK && run->live.position > survey->last) {
        add_state_finding(run, "it has folded more than the log holds");
    } else if (run->live_status == CH_OK && run->live.position > 0) {
        run->equal = survey->has_hash_at && memcmp(survey->state_hash_at, run->live.hash, CH_HASH_SIZE) == 0;
        if (!run->equal) {
            add_state_finding(run, "its hash differs from that of the fresh fold");
        }
    } else {
        run->equal = run->live_status == CH_OK;
    }
}

/* In one step where the file system can exchange two names. Elsewhere in two: a state that is not there in between is
 * folded again by the hub. */
static ch_status put_in_place(const char *state, const char *fresh, ch_error *error)
{
    char aside[CH_PATH_SIZE];
    if (renameat2(AT_FDCWD, fresh, AT_FDCWD, state, RENAME_EXCHANGE) == 0) {
        return CH_OK;
    }
    if (errno == ENOENT) {
        return rename(fresh, state) == 0 ? CH_OK : ch_disk_fail(error, state, "cannot be replaced");
    }
    if (snprintf(aside, sizeof aside, "%s.old", fresh) >= (int)sizeof aside) {
        return ch_error_set(error, CH_TOO_LARGE, fresh, "the path is too long");
    }
    if (rename(state, aside) != 0 || rename(fresh, state) != 0 || rename(aside, fresh) != 0) {
        return ch_disk_fail(error, state, "cannot be replaced");
    }
    return CH_OK;
}

static ch_status swap(rebuild *run, ch_error *error)
{
    ch_scratch scratch;
    ch_refold_release(&run->refold, &scratch);
    ch_status status = put_in_place(run->state_path, scratch.path, error);
    if (status == CH_OK) {
        status = ch_dir_sync(run->place.path, error);
    }
    run->swapped = status == CH_OK;
    ch_scratch_remove(&scratch);
    return status;
}

static ch_status report(rebuild *run, ch_error *error)
{
    ch_report lines;
    ch_survey *survey = &run->survey;
    bool compared = run->lock_fd >= 0 && survey->has_state_hash && run->live_status != CH_NOT_FOUND;
    /* A state that was wrong and is replaced is right now. */
    run->replay->wrong = survey->findings.count > 0 && !run->swapped;
    ch_report_begin(&lines, run->replay);
    ch_survey_report(&lines, survey, !run->replay->wrong);
    if (compared && run->live_status == CH_OK) {
        ch_report_number(&lines, "live_position", run->live.position);
        ch_report_hash(&lines, "live_hash", run->live.hash);
    }
    if (compared) {
        ch_report_bool(&lines, "equal", run->equal);
    }
    if (run->replay->options->into != NULL) {
        ch_report_text(&lines, "into", run->replay->options->into);
    }
    if (run->replay->options->swap) {
        ch_report_bool(&lines, "swapped", run->swapped);
    }
    ch_survey_report_findings(&lines, survey);
    return ch_report_end(&lines, error);
}

static ch_status fold_and_compare(rebuild *run, ch_error *error)
{
    const char *into = run->replay->options->into;
    run->survey =
        (ch_survey){.replay = run->replay,
                    .place = &run->place,
                    .refold = &run->refold,
                    .room = into != NULL ? into : run->place.path,
                    .what = "folded",
                    .stop_at_first = true,
                    .hash_at = run->lock_fd >= 0 && run->live_status == CH_OK ? run->live.position : 0};
    ch_status status = ch_survey_run(&run->survey, error);
    if (status == CH_OK) {
        compare(run);
    }
    if (status == CH_OK && run->replay->options->swap && run->survey.has_state_hash) {
        status = swap(run, error);
    }
    if (status == CH_OK) {
        status = report(run, error);
    }
    ch_survey_done(&run->survey);
    return status;
}

static ch_status rebuild_place(rebuild *run, ch_error *error)
{
    const ch_replay_options *options = run->replay->options;
    ch_status status = look_at_live(run, error);
    if (status != CH_OK) {
        return status;
    }
    status = options->into != NULL ? ch_refold_init_in(&run->refold, options->into, error)
                                   : ch_refold_init(&run->refold, run->place.path, options->swap, error);
    if (status == CH_OK) {
        status = fold_and_compare(run, error);
    }
    ch_refold_done(&run->refold);
    return status;
}

ch_status ch_replay_rebuild(ch_replay *replay, ch_error *error)
{
    rebuild run = {.replay = replay, .lock_fd = -1, .live_status = CH_NOT_FOUND};
    ch_status status = ch_place_open_given(&run.place, replay, error);
    if (status != CH_OK) {
        return status;
    }
    status = rebuild_place(&run, error);
    if (run.lock_fd >= 0) {
        close(run.lock_fd);
    }
    ch_place_close(&run.place);
    return status;
}
