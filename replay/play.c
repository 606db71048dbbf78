/* play: what a log's producers said is said again, to another hub, to a file, or on standard output. */
#include "replay/play.h"

#include "hub/base/interrupt.h"
#include "hub/config/unit.h"
#include "hub/store/whole_file.h"
#include "replay/filter.h"
#include "replay/guard.h"
#include "replay/pace.h"
#include "replay/play_point.h"
#include "replay/progress.h"
#include "replay/report.h"
#include "replay/reporters.h"
#include "replay/secrets.h"

#include <inttypes.h>
#include <poll.h>
#include <unistd.h>

#define EVENT_LIMIT ((size_t)1 << 20)
#define LINE_LIMIT ((size_t)4 << 20)
#define TURN_MS 100
#define GAP_MOST_MS 10000
#define LOOK_UP_EVERY 256

typedef struct play {
    ch_replay *replay;
    ch_place place;
    ch_filter filter;
    ch_tape *tape;
    ch_secrets secrets; /* open when a hub key was given */
    ch_reporters reporters;
    ch_pace pace;
    ch_progress progress;
    ch_play_hub *hub; /* NULL: lines to `out` */
    FILE *out;
    ch_whole_file file;
    uint64_t after; /* up to here an earlier play came */
    int64_t begun;  /* events that were taken */
    uint64_t lines;
    /* The event in hand: an offer to several is complete only with the records behind it. */
    bool holds;
    ch_play_event held;
    ch_buf held_bytes, next_bytes, parties;
    uint32_t party_count;
    ch_buf produced, room, line;
} play;

static void complain(play *run, const ch_error *told)
{
    fprintf(run->replay->world->err, "casehub-replay: %s%s%s\n", told->where,
            told->where[0] == '\0' ? "" : ": ", told->text);
    run->replay->wrong = true;
}

/* ---- lines */

static ch_status print_line(play *run, ch_str encoded, ch_error *error)
{
    ch_buf_clear(&run->line);
    ch_status status = ch_event_to_json(&run->line, encoded);
    if (status == CH_OK) {
        ch_buf_append(&run->line, "\n", 1);
        status = run->line.failed;
    }
    if (status != CH_OK) {
        return ch_error_set(error, status, NULL, "record %" PRIu64 " cannot be printed", run->held.sequence);
    }
    fwrite(run->line.at, 1, run->line.size, run->out);
    run->lines++;
    /* Who watches an event at a time wants to see it. */
    bool slow = run->pace.speed > 0 || run->replay->options->step;
    return (slow && fflush(run->out) != 0) || ferror(run->out)
               ? ch_error_set(error, CH_IO, NULL, "the events cannot be written")
               : CH_OK;
}

static ch_status print_produced(play *run, ch_error *error)
{
    const ch_production how = {
        .parties = run->held.parties, .drill = run->replay->options->drill, .room = &run->room};
    ch_buf_clear(&run->produced);
    ch_status status = ch_produced_encode(&run->produced, &run->held.recorded, &how, error);
    return status == CH_OK ? print_line(run, ch_buf_str(&run->produced), error) : status;
}

/* ---- the event in hand */

static ch_status let_go(play *run, ch_error *error)
{
    if (!run->holds) {
        return CH_OK;
    }
    run->holds = false;
    ch_str bytes = ch_buf_str(&run->held_bytes);
    if (run->replay->options->subscription) {
        return print_line(run, bytes, error);
    }
    ch_status status = ch_event_decode(bytes, CH_EVENT_RECORDED, &run->held.recorded, error);
    if (status != CH_OK) {
        return status;
    }
    run->held.parties = CH_STR_NONE;
    if (run->party_count > 1) {
        ch_mp_end_array(&run->parties, 0, run->party_count);
        run->held.parties = ch_buf_str(&run->parties);
    }
    return run->hub != NULL ? ch_play_hub_take(run->hub, &run->held, error) : print_produced(run, error);
}

/* What was sealed is opened, too. */
static ch_status copy_event(play *run, const ch_tape_item *item, ch_buf *out, ch_error *error)
{
    ch_error told = {.status = CH_OK};
    ch_status status = CH_OK;
    ch_buf_clear(out);
    if (run->replay->options->hub_key != NULL) {
        status = ch_secrets_join(&run->secrets, item, out, &told);
    } else {
        ch_buf_append_str(out, item->encoded);
    }
    if (status == CH_CORRUPT) {
        complain(run, &told);
        status = CH_OK;
    }
    status = status == CH_OK ? out->failed : status;
    return status == CH_OK ? CH_OK : ch_error_set(error, status, NULL, "no memory for an event");
}

static void take_in_hand(play *run, const ch_tape_item *item)
{
    ch_buf bytes = run->held_bytes;
    run->held_bytes = run->next_bytes;
    run->next_bytes = bytes;
    run->held = (ch_play_event){.sequence = item->sequence,
                                .reported = ch_reporters_have(&run->reporters, item->event.actor)};
    ch_play_mark(item, run->held.mark);
    ch_buf_clear(&run->parties);
    run->party_count = 0;
    /* A sequence names those that come next itself. */
    if (ch_produced_is_group(&item->event) && !ch_mp_find(item->event.data, "next", NULL, NULL)) {
        (void)ch_mp_begin_array(&run->parties);
        ch_mp_put_str(&run->parties, ch_mp_find_str(item->event.data, "party"));
        run->party_count = 1;
    }
    run->holds = true;
}

/* A derived record: perhaps the offer in hand, to one more party. */
static ch_status look_for_member(play *run, const ch_event *derived, ch_error *error)
{
    ch_event held;
    if (!ch_str_is(derived->type, "handoff.offered")) {
        return CH_OK;
    }
    ch_status status = ch_event_decode(ch_buf_str(&run->held_bytes), CH_EVENT_RECORDED, &held, error);
    if (status == CH_OK && ch_produced_is_member(&held, derived)) {
        ch_mp_put_str(&run->parties, ch_mp_find_str(derived->data, "party"));
        run->party_count++;
        status = run->parties.failed;
    }
    return status;
}

/* ---- waiting */

static ch_status turn(play *run, int timeout_ms, ch_error *error)
{
    if (run->hub != NULL) {
        return ch_play_hub_turn(run->hub, timeout_ms, error);
    }
    ch_tape_rest(run->tape);
    (void)poll(NULL, 0, timeout_ms); /* shorter when a signal comes */
    return ch_interrupt_check(error);
}

static ch_status wait_until(play *run, int64_t due_ms, ch_error *error)
{
    const ch_clock *clock = run->replay->world->clock;
    ch_status status = CH_OK;
    int64_t left;
    while (status == CH_OK && (left = due_ms - ch_clock_monotonic_ms(clock)) > 0) {
        status = turn(run, left < TURN_MS ? (int)left : TURN_MS, error);
    }
    return status;
}

/* CH_END: nobody asks for more. */
static ch_status wait_for_line(play *run, ch_error *error)
{
    struct pollfd input = {.fd = run->replay->world->in_fd, .events = POLLIN};
    for (;;) {
        char byte;
        if (poll(&input, 1, 0) > 0) {
            ssize_t got = read(input.fd, &byte, 1);
            if (got <= 0) {
                return CH_END;
            }
            if (byte == '\n') {
                return CH_OK;
            }
            continue;
        }
        ch_status status = turn(run, TURN_MS / 4, error);
        if (status != CH_OK) {
            return status;
        }
    }
}

static ch_status wait_for_its_time(play *run, int64_t recorded_ms, ch_error *error)
{
    if (run->replay->options->step) {
        return wait_for_line(run, error);
    }
    if (run->pace.speed == 0) {
        return CH_OK;
    }
    int64_t now_ms = ch_clock_monotonic_ms(run->replay->world->clock);
    return wait_until(run, ch_pace_due(&run->pace, recorded_ms, now_ms), error);
}

/* ---- the log, one record after the other */

/* A subscriber sees no drills, unless it asks for them. */
static bool is_wanted(const play *run, const ch_event *event)
{
    return event->sequence > run->after && ch_filter_accepts(&run->filter, event) &&
           (run->replay->options->subscription ? !event->test_mode : ch_produced_is_one(event));
}

static ch_status take_wanted(play *run, const ch_tape_item *item, ch_error *error)
{
    int64_t limit = run->replay->options->limit;
    /* Copied first: whatever waits lets the record go. */
    ch_status status = copy_event(run, item, &run->next_bytes, error);
    if (status == CH_OK) {
        status = let_go(run, error);
    }
    if (status != CH_OK) {
        return status;
    }
    if (limit > 0 && run->begun == limit) {
        return CH_END;
    }
    run->begun++;
    take_in_hand(run, item);
    status = wait_for_its_time(run, item->event.recorded_ms, error);
    run->holds = status == CH_OK;
    return status;
}

/* CH_END: enough. */
static ch_status take_item(play *run, const ch_tape_item *item, ch_error *error)
{
    const ch_event *event = &item->event;
    ch_status status = ch_reporters_note(&run->reporters, event, error);
    if (status == CH_OK && run->hub != NULL) {
        status = ch_play_hub_check(run->hub, item, error);
    }
    if (status != CH_OK) {
        return status;
    }
    if (is_wanted(run, event)) {
        return take_wanted(run, item, error);
    }
    bool may_be_member = run->holds && run->party_count > 0 && !ch_produced_is_one(event);
    if (ch_filter_is_past(&run->filter, event) && !may_be_member) {
        return CH_END;
    }
    return may_be_member ? look_for_member(run, event, error) : CH_OK;
}

static ch_status roll(play *run, ch_error *error)
{
    ch_tape_item item;
    ch_status status = CH_OK;
    uint64_t looked_at = 0;
    while (status == CH_OK) {
        ch_error told = {.status = CH_OK};
        status = ch_tape_next(run->tape, &item, &told);
        if (status == CH_OK) {
            status = take_item(run, &item, error);
        } else if (status == CH_CORRUPT) {
            complain(run, &told);
            status = CH_OK;
        } else if (status != CH_END) {
            *error = told;
        }
        if (status == CH_OK && (++looked_at % LOOK_UP_EVERY == 0 || run->pace.speed > 0)) {
            ch_progress_at(&run->progress, item.sequence);
            status = ch_interrupt_check(error);
        }
    }
    if (status == CH_END) {
        status = let_go(run, error);
    }
    return status;
}

/* ---- beginning and end */

static ch_status prepare_pace(play *run, ch_error *error)
{
    const ch_replay_options *options = run->replay->options;
    int64_t gap_most_ms = GAP_MOST_MS;
    if (options->gap_most != NULL &&
        (ch_unit_parse(ch_str_of(options->gap_most), CH_UNIT_MS, &gap_most_ms) != CH_OK || gap_most_ms < 0)) {
        return ch_error_set(error, CH_INVALID, NULL, "--gap-most %s: a time such as 10s or 500ms is expected",
                            options->gap_most);
    }
    ch_pace_init(&run->pace, options->speed, gap_most_ms);
    return CH_OK;
}

static ch_status open_secrets(play *run, ch_error *error)
{
    ch_replay_options options = *run->replay->options;
    options.key = options.hub_key;
    if (options.key != NULL) {
        return ch_secrets_open(&run->secrets, &run->place, &options, error);
    }
    fprintf(run->replay->world->err, "casehub-replay: played without what is sealed: texts, names, raw "
                                     "records (--hub-key FILE opens it)\n");
    return CH_OK;
}

static ch_status open_target(play *run, ch_error *error)
{
    const ch_replay_options *options = run->replay->options;
    run->out = run->replay->world->out;
    if (options->into_hub != NULL) {
        return ch_play_hub_open(&run->hub, run->replay, &run->place, run->tape, &run->after, error);
    }
    if (options->output == NULL || strcmp(options->output, "-") == 0) {
        return CH_OK;
    }
    ch_status status = ch_whole_file_open(&run->file, options->output, error);
    run->out = run->file.file;
    return status;
}

static ch_status report(play *run, ch_error *error)
{
    ch_report lines;
    const ch_play_counts *counts = run->hub == NULL ? NULL : ch_play_hub_counts(run->hub);
    if (counts == NULL && run->out == run->replay->world->out) {
        return CH_OK; /* there stand the events themselves */
    }
    ch_report_begin(&lines, run->replay);
    ch_report_text(&lines, "hub", run->place.hub_code);
    if (counts == NULL) {
        ch_report_text(&lines, "output", run->replay->options->output);
        ch_report_number(&lines, "played", run->lines);
    } else {
        ch_report_text(&lines, "into", ch_play_hub_code(run->hub));
        ch_report_number(&lines, "played", counts->played);
        ch_report_number(&lines, "accepted", counts->accepted);
        ch_report_number(&lines, "duplicates", counts->duplicates);
        ch_report_number(&lines, "refused", counts->refused);
        ch_report_number(&lines, "without_case", counts->without_case);
        run->replay->wrong = run->replay->wrong || counts->refused > 0 || counts->without_case > 0;
    }
    ch_report_seconds(&lines, "seconds", ch_progress_seconds(&run->progress));
    return ch_report_end(&lines, error);
}

/* What is answered is kept, whatever ended the play. */
static ch_status finish(play *run, ch_status status, ch_error *error)
{
    ch_error unsaved;
    if (run->hub != NULL) {
        status = status == CH_OK ? ch_play_hub_finish(run->hub, error) : status;
        ch_status saved = ch_play_hub_save(run->hub, &unsaved);
        if (status == CH_OK && saved != CH_OK) {
            *error = unsaved;
            status = saved;
        }
    }
    ch_progress_end(&run->progress);
    if (status == CH_OK) {
        status = report(run, error);
    }
    return status == CH_OK && run->file.file != NULL ? ch_whole_file_finish(&run->file, error) : status;
}

static ch_status play_tape(play *run, ch_error *error)
{
    const ch_bound *to = &run->filter.to;
    uint64_t last = ch_tape_last(run->tape);
    ch_status status = open_target(run, error);
    if (status != CH_OK) {
        return status;
    }
    last = to->given && !to->is_time && to->sequence < last ? to->sequence : last;
    ch_progress_begin(&run->progress, run->replay, "played", ch_tape_first(run->tape), last);
    return finish(run, roll(run, error), error);
}

/* Read from the beginning, whatever is played: the grants there tell who reports and who commands. */
static ch_status play_place(play *run, ch_error *error)
{
    ch_status status = open_secrets(run, error);
    if (status != CH_OK) {
        return status;
    }
    ch_guard_begin("the log", false);
    status = ch_tape_open(&run->tape, &run->place, 0, error);
    if (status == CH_OK) {
        status = play_tape(run, error);
    }
    ch_guard_end();
    if (run->replay->options->hub_key != NULL) {
        if (run->secrets.erased > 0) {
            fprintf(run->replay->world->err,
                    "casehub-replay: of %" PRIu64 " events the sealed part is erased\n", run->secrets.erased);
        }
        ch_secrets_close(&run->secrets);
    }
    return status;
}

static void hold_buffers(play *run)
{
    ch_secrets_hold(&run->held_bytes, EVENT_LIMIT);
    ch_secrets_hold(&run->next_bytes, EVENT_LIMIT);
    ch_secrets_hold(&run->produced, EVENT_LIMIT);
    ch_secrets_hold(&run->room, EVENT_LIMIT);
    ch_secrets_hold(&run->line, LINE_LIMIT);
    ch_buf_init(&run->parties, EVENT_LIMIT);
}

static void let_buffers_go(play *run)
{
    ch_buf *const buffers[] = {&run->held_bytes, &run->next_bytes, &run->produced, &run->room, &run->line};
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++) {
        ch_secrets_wipe(buffers[i]);
        ch_buf_done(buffers[i]);
    }
    ch_buf_done(&run->parties);
}

ch_status ch_replay_play(ch_replay *replay, ch_error *error)
{
    play run = {.replay = replay};
    ch_status status = ch_filter_init(&run.filter, replay->options, error);
    if (status == CH_OK) {
        status = prepare_pace(&run, error);
    }
    if (status == CH_OK) {
        status = ch_place_open_given(&run.place, replay, error);
    }
    if (status != CH_OK) {
        return status;
    }
    hold_buffers(&run);
    status = play_place(&run, error);
    ch_play_hub_close(run.hub);
    ch_tape_close(run.tape);
    ch_whole_file_drop(&run.file);
    ch_reporters_done(&run.reporters);
    let_buffers_go(&run);
    ch_place_close(&run.place);
    return status;
}
