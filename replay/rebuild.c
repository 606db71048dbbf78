/* rebuild: folds the log into a fresh state. Of a stopped hub the live state is compared with it, and replaced. */
#include "replay/survey_report.h"

#include "hub/store/store.h"
#include "replay/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* The state that the hub would open; only looked at while its lock is held. */
typedef struct live_state {
    char path[CH_PATH_SIZE];
    int lock_fd;  /* -1: the hub runs, or this is no store */
    bool present; /* and locked: position and hash are known */
    uint64_t position;
    uint8_t hash[CH_HASH_SIZE];
} live_state;

typedef struct rebuild {
    ch_replay *replay;
    ch_place place;
    live_state live;
    ch_refold refold;
    ch_survey survey;
    bool equal, swapped;
} rebuild;

static ch_status read_live(live_state *live, bool json, ch_error *error)
{
    char path[CH_PATH_SIZE];
    ch_state *state;
    ch_status status = ch_path_join(path, live->path, "data.mdb", error);
    if (status != CH_OK || access(path, F_OK) != 0) {
        return status;
    }
    ch_guard_begin("the live state", json);
    status = ch_state_open(&state, live->path, &(ch_state_options){.hot_cases = 64}, NULL, error);
    if (status == CH_OK) {
        live->position = ch_state_committed(state);
        status = ch_state_hash(state, live->hash, error);
        ch_state_close(state);
    }
    ch_guard_end();
    live->present = status == CH_OK;
    return status;
}

/* A live state that cannot be read is no reason to stop: it is what a rebuild is for. */
static ch_status look_at_live(rebuild *run, bool *out_damaged, ch_error *told, ch_error *error)
{
    live_state *live = &run->live;
    *out_damaged = false;
    live->lock_fd = -1;
    if (run->place.kind != CH_PLACE_STORE) {
        return run->replay->options->swap ? ch_error_set(error, CH_INVALID, run->place.path,
                                                         "is a backup: it has no state to replace")
                                          : CH_OK;
    }
    ch_status status = ch_path_join(live->path, run->place.path, "state", error);
    if (status == CH_OK) {
        status = ch_store_lock(run->place.path, &live->lock_fd, error);
    }
    if (status == CH_LOCKED && !run->replay->options->swap) {
        return CH_OK;
    }
    if (status != CH_OK) {
        return status;
    }
    status = read_live(live, run->replay->options->json, told);
    *out_damaged = status == CH_CORRUPT;
    if (status != CH_OK && !*out_damaged) {
        *error = *told;
    }
    return *out_damaged ? CH_OK : status;
}

static void add_state_finding(rebuild *run, const char *text)
{
    const ch_finding finding = {.kind = CH_FINDING_STATE, .text = text};
    ch_findings_add(&run->survey.findings, &finding);
}

/* Compared where the live state stands: after a crash it may be behind the log, which is no fault. */
static void compare(rebuild *run, bool damaged, const ch_error *told)
{
    const live_state *live = &run->live;
    ch_survey *survey = &run->survey;
    char text[sizeof told->where + sizeof told->text + 4];
    if (survey->findings.count > 0) {
        return;
    }
    if (damaged) {
        snprintf(text, sizeof text, "%s: %s", told->where, told->text);
        add_state_finding(run, text);
    } else if (live->present && live->position > survey->last) {
        add_state_finding(run, "it has folded more than the log holds");
    } else if (live->present && live->position > 0) {
        run->equal = survey->has_hash_at && memcmp(survey->state_hash_at, live->hash, CH_HASH_SIZE) == 0;
        if (!run->equal) {
            add_state_finding(run, "its hash differs from that of the fresh fold");
        }
    } else {
        run->equal = live->present;
    }
}

/* In one step where the file system can exchange two names. Elsewhere in two: a state that is not there in between is
 * folded again by the hub. */
static ch_status put_in_place(const live_state *live, const char *fresh, ch_error *error)
{
    char aside[CH_PATH_SIZE];
    if (renameat2(AT_FDCWD, fresh, AT_FDCWD, live->path, RENAME_EXCHANGE) == 0) {
        return CH_OK;
    }
    if (errno == ENOENT) {
        return rename(fresh, live->path) == 0 ? CH_OK : ch_disk_fail(error, live->path, "cannot be replaced");
    }
    if (snprintf(aside, sizeof aside, "%s.old", fresh) >= (int)sizeof aside) {
        return ch_error_set(error, CH_TOO_LARGE, fresh, "the path is too long");
    }
    if (rename(live->path, aside) != 0 || rename(fresh, live->path) != 0 || rename(aside, fresh) != 0) {
        return ch_disk_fail(error, live->path, "cannot be replaced");
    }
    return CH_OK;
}

static ch_status swap(rebuild *run, ch_error *error)
{
    ch_scratch scratch;
    ch_refold_release(&run->refold, &scratch);
    ch_status status = put_in_place(&run->live, scratch.path, error);
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
    bool compared = run->live.lock_fd >= 0 && survey->has_state_hash;
    /* A state that was wrong and is replaced is right now. */
    run->replay->wrong = survey->findings.count > 0 && !run->swapped;
    ch_report_begin(&lines, run->replay);
    ch_survey_report(&lines, survey, !run->replay->wrong);
    if (compared && run->live.present) {
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

static ch_status fold_and_compare(rebuild *run, bool damaged, const ch_error *told, ch_error *error)
{
    const char *into = run->replay->options->into;
    run->survey = (ch_survey){.replay = run->replay,
                              .place = &run->place,
                              .refold = &run->refold,
                              .room = into != NULL ? into : run->place.path,
                              .what = "folded",
                              .stop_at_first = true,
                              .hash_at = run->live.present ? run->live.position : 0};
    ch_status status = ch_survey_run(&run->survey, error);
    if (status == CH_OK) {
        compare(run, damaged, told);
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
    bool damaged = false;
    ch_error told = {.status = CH_OK};
    ch_status status = look_at_live(run, &damaged, &told, error);
    if (status != CH_OK) {
        return status;
    }
    status = options->into != NULL ? ch_refold_init_in(&run->refold, options->into, error)
                                   : ch_refold_init(&run->refold, run->place.path, options->swap, error);
    if (status == CH_OK) {
        status = fold_and_compare(run, damaged, &told, error);
    }
    ch_refold_done(&run->refold);
    return status;
}

ch_status ch_replay_rebuild(ch_replay *replay, ch_error *error)
{
    rebuild run = {.replay = replay, .live.lock_fd = -1};
    ch_status status = ch_place_open_given(&run.place, replay, error);
    if (status != CH_OK) {
        return status;
    }
    status = rebuild_place(&run, error);
    if (run.live.lock_fd >= 0) {
        close(run.live.lock_fd);
    }
    ch_place_close(&run.place);
    return status;
}
