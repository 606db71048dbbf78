#include "replay/past.h"

#include "replay/guard.h"

#include "hub/base/interrupt.h"

#include <inttypes.h>

#define LOOK_UP_EVERY 1024

/* A fold needs the heads of the records, from the first on. */
static ch_status check_place(const ch_place *place, ch_error *error)
{
    if (place->export != NULL) {
        return ch_error_set(error, CH_INVALID, place->path,
                            "JSON lines are not enough for a state; export an archive");
    }
    if (place->archive != NULL && ch_archive_reader_head(place->archive)->first != 1) {
        return ch_error_set(error, CH_INVALID, place->path,
                            "begins at record %" PRIu64 "; a state needs an archive from record 1 on",
                            ch_archive_reader_head(place->archive)->first);
    }
    return CH_OK;
}

ch_status ch_past_open(ch_past *past, const ch_replay *replay, ch_error *error)
{
    *past = (ch_past){.replay = replay};
    ch_status status = ch_place_open_given(&past->place, replay, error);
    if (status == CH_OK) {
        status = check_place(&past->place, error);
    }
    if (status == CH_OK) {
        status = ch_tape_open(&past->tape, &past->place, 0, error);
    }
    return status == CH_OK ? ch_refold_init(&past->refold, ch_scratch_room(replay), false, error) : status;
}

void ch_past_close(ch_past *past)
{
    ch_refold_done(&past->refold);
    ch_tape_close(past->tape);
    ch_place_close(&past->place);
}

static ch_status check_moment(const ch_past *past, const ch_bound *to, const char *name, ch_error *error)
{
    uint64_t last = ch_tape_last(past->tape);
    if (to->given && !to->is_time && (to->sequence == 0 || to->sequence > last)) {
        return ch_error_set(error, CH_NOT_FOUND, NULL,
                            "--%s %" PRIu64 ": the log holds the records 1 to %" PRIu64, name, to->sequence,
                            last);
    }
    return CH_OK;
}

/* The next one that is to be folded: CH_END behind the moment. */
static ch_status next(ch_past *past, const ch_bound *to, ch_error *error)
{
    if (to->given && !to->is_time && past->at == to->sequence) {
        return CH_END;
    }
    if (!past->is_ahead) {
        ch_status status = ch_tape_next(past->tape, &past->item, error);
        if (status != CH_OK) {
            return status;
        }
    }
    past->is_ahead = ch_bound_is_passed(to, &past->item.event);
    return past->is_ahead ? CH_END : CH_OK;
}

static ch_status fold_on(ch_past *past, const ch_bound *to, ch_progress *progress, ch_error *error)
{
    ch_status status;
    while ((status = next(past, to, error)) == CH_OK) {
        status = ch_refold_take(&past->refold, &past->item, error);
        if (status != CH_OK) {
            return status;
        }
        past->at = past->item.sequence;
        past->recorded_ms = past->item.event.recorded_ms;
        ch_guard_at(past->at);
        if (past->at % LOOK_UP_EVERY == 0) {
            ch_progress_at(progress, past->at);
            status = ch_interrupt_check(error);
        }
        if (status != CH_OK) {
            return status;
        }
    }
    return status == CH_END ? CH_OK : status;
}

/* Nothing had been recorded yet. */
static ch_status check_begun(const ch_past *past, const ch_bound *to, const char *name, ch_error *error)
{
    char time[CH_TIME_TEXT_SIZE];
    if (!to->given || past->at > 0) {
        return CH_OK;
    }
    if (!past->is_ahead) {
        return ch_error_set(error, CH_NOT_FOUND, NULL, "--%s: the log is empty", name);
    }
    ch_time_format(past->item.event.recorded_ms, 0, time);
    return ch_error_set(error, CH_NOT_FOUND, NULL, "--%s: the first record was recorded later, at %s", name,
                        time);
}

ch_status ch_past_go_to(ch_past *past, const ch_bound *to, const char *name, ch_error *error)
{
    ch_progress progress;
    ch_status status = check_moment(past, to, name, error);
    if (status != CH_OK) {
        return status;
    }
    ch_progress_begin(&progress, past->replay, "folded", past->at + 1,
                      to->given && !to->is_time ? to->sequence : ch_tape_last(past->tape));
    ch_guard_begin("the log", false);
    status = fold_on(past, to, &progress, error);
    ch_guard_end();
    ch_progress_end(&progress);
    if (status == CH_OK) {
        status = check_begun(past, to, name, error);
    }
    return status == CH_OK ? ch_state_commit(past->refold.state, error) : status;
}
