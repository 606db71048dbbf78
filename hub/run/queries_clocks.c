/* Clocks, newest case first: those that may still come to something, or with `open` false, or a state, all of them. */
#include "hub/run/queries_inside.h"

#include <inttypes.h>
#include <stdio.h>

typedef struct clock_walk {
    ch_query_look *look;
    uint64_t case_number; /* that rows of the page before ended in */
    uint32_t passed;      /* the last of its clocks that was looked at */
} clock_walk;

void ch_query_put_clock(ch_query_row *row, const ch_case *the_case, const ch_case_clock *clock)
{
    char id[CH_HANDOFF_ID_SIZE];
    snprintf(id, sizeof id, "%s/c%" PRIu32, the_case->id, clock->index);
    ch_query_put_text(row, "clock", id);
    ch_query_put_text(row, "rule", clock->rule);
    ch_query_put_text(row, "party", ch_case_clock_party(the_case, clock));
    if (clock->handoff != 0) {
        snprintf(id, sizeof id, "%s/h%" PRIu32, the_case->id, clock->handoff);
        ch_query_put_text(row, "handoff", id);
    }
    ch_query_put_text(row, "state", ch_clock_state_name(clock->state));
    ch_query_put_time(row, "started", clock->started_ms);
    if (clock->state == CH_CLOCK_PAUSED) {
        ch_query_put_int(row, "remaining", clock->remaining);
    } else {
        ch_query_put_time(row, "due", clock->due_ms);
    }
    ch_query_put_time(row, "again", clock->next_ms);
    ch_query_put_time(row, "ended", clock->ended_ms);
    if (clock->level != 0) {
        ch_query_put_int(row, "level", clock->level);
    }
    if (clock->warned) {
        ch_query_put_flag(row, "warned", true);
    }
    if (clock->late_report) {
        ch_query_put_flag(row, "late_report", true);
    }
}

static void put_row(ch_query_look *look, const ch_case *the_case, const ch_case_clock *clock)
{
    ch_query_row row = ch_query_row_begin(look);
    ch_query_put_clock(&row, the_case, clock);
    ch_query_put_text(&row, "case", the_case->id);
    ch_query_put_text(&row, "category", the_case->category);
    ch_query_put_text(&row, "area", the_case->area);
    ch_query_row_end(look, &row);
}

/* A clock that stands still, or has no due time, is due before nothing. */
static bool fits(const ch_query_arguments *asked, const ch_case *the_case, const ch_case_clock *clock)
{
    bool has_due = clock->due_ms != 0 && clock->state != CH_CLOCK_PAUSED;
    if (asked->due_before != CH_TIME_MOST && (!has_due || clock->due_ms >= asked->due_before)) {
        return false;
    }
    return (asked->party.at == NULL || ch_str_is(asked->party, ch_case_clock_party(the_case, clock))) &&
           (asked->state.at == NULL || ch_str_is(asked->state, ch_clock_state_name(clock->state))) &&
           (asked->open == CH_FLAG_NO || asked->state.at != NULL || ch_case_clock_is_open(clock));
}

/* Those of one case that the asker may read. `next` is "<number>/<index>". */
static bool see_clocks_of(clock_walk *walk, const ch_case *the_case)
{
    ch_query_look *look = walk->look;
    for (size_t i = 0; i < the_case->clock_count; i++) {
        const ch_case_clock *clock = &the_case->clocks[i];
        if (!fits(look->arguments, the_case, clock) ||
            (the_case->number == walk->case_number && clock->index <= walk->passed)) {
            continue;
        }
        if (!ch_query_may_look(look)) {
            return false;
        }
        snprintf(look->answer->next, sizeof look->answer->next, "%" PRIu64 "/%" PRIu32, the_case->number,
                 clock->index);
        put_row(look, the_case, clock);
    }
    return true;
}

static bool has_fitting(const ch_query_arguments *asked, const ch_case *the_case)
{
    for (size_t i = 0; i < the_case->clock_count; i++) {
        if (fits(asked, the_case, &the_case->clocks[i])) {
            return true;
        }
    }
    return false;
}

/* `next` counts a case as begun before its first clock is told. */
static bool see_case(void *context, const ch_case *the_case)
{
    clock_walk *walk = context;
    ch_query_look *look = walk->look;
    ch_read_right right = {.may_read = false};
    if (!ch_query_may_look(look)) {
        return false;
    }
    uint32_t passed = the_case->number == walk->case_number ? walk->passed : 0;
    snprintf(look->answer->next, sizeof look->answer->next, "%" PRIu64 "/%" PRIu32, the_case->number, passed);
    if (has_fitting(look->arguments, the_case)) {
        look->status = ch_query_right_to(look, the_case, &right);
    }
    return look->status == CH_OK && (!right.may_read || see_clocks_of(walk, the_case));
}

static ch_status read_place(ch_query_look *look, clock_walk *walk)
{
    ch_str after = look->arguments->after;
    int64_t number, index;
    if (after.at == NULL) {
        return CH_OK;
    }
    if (!ch_query_cut_number(&after, UINT32_MAX, &index) || ch_str_to_int(after, &number) != CH_OK ||
        number < 1 || number > CH_CHP_NUMBER_MAX) {
        return ch_query_no_argument(look, "after",
                                    "the `next` of an answer to the same question is expected");
    }
    walk->case_number = (uint64_t)number;
    walk->passed = (uint32_t)index;
    return CH_OK;
}

static ch_status answer_of_case(ch_query_look *look, ch_case *the_case)
{
    clock_walk walk = {.look = look};
    ch_read_right right;
    ch_status status = read_place(look, &walk);
    if (status == CH_OK) {
        status = ch_query_find_case(look, the_case, &right);
    }
    if (status == CH_OK) {
        see_clocks_of(&walk, the_case);
    }
    return status;
}

ch_status ch_query_clocks(ch_query_look *look)
{
    const ch_query_arguments *asked = look->arguments;
    clock_walk walk = {.look = look};
    if (asked->source.at != NULL && asked->case_id.at == NULL) {
        return ch_query_no_argument(look, "source", "it belongs to a ref in `case`");
    }
    if (asked->case_id.at != NULL) {
        return ch_query_with_case(look, answer_of_case);
    }
    ch_status status = read_place(look, &walk);
    if (status != CH_OK) {
        return status;
    }
    uint64_t below = walk.case_number == 0 ? UINT64_MAX : walk.case_number + 1;
    status = ch_state_reader_cases(look->asker->state, below, see_case, &walk);
    return ch_query_end_walk(look, status, "state");
}
