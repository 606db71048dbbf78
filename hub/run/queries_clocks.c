/* Clocks, newest case first: those that may still come to something, or with `open` false, or a state, all of them. */
#include "hub/run/queries_inside.h"

#include <inttypes.h>
#include <stdio.h>

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

/* A clock that stands still, or has no due time, is due before nothing. */
static bool fits(const ch_query_arguments *asked, const ch_case *the_case, size_t at)
{
    const ch_case_clock *clock = &the_case->clocks[at];
    bool has_due = clock->due_ms != 0 && clock->state != CH_CLOCK_PAUSED;
    if (asked->due_before != CH_TIME_MOST && (!has_due || clock->due_ms >= asked->due_before)) {
        return false;
    }
    return (asked->party.at == NULL || ch_str_is(asked->party, ch_case_clock_party(the_case, clock))) &&
           (asked->state.at == NULL || ch_str_is(asked->state, ch_clock_state_name(clock->state))) &&
           (asked->open == CH_FLAG_NO || asked->state.at != NULL || ch_case_clock_is_open(clock));
}

static size_t count(const ch_case *the_case)
{
    return the_case->clock_count;
}

static uint32_t index_of(const ch_case *the_case, size_t at)
{
    return the_case->clocks[at].index;
}

static void put(ch_query_row *row, const ch_case *the_case, size_t at)
{
    ch_query_put_clock(row, the_case, &the_case->clocks[at]);
}

static const ch_query_parts clocks = {.count = count, .index = index_of, .fits = fits, .put = put};

static ch_status answer_of_case(ch_query_look *look, ch_case *scratch)
{
    return ch_query_parts_of_case(look, &clocks, scratch);
}

ch_status ch_query_clocks(ch_query_look *look)
{
    const ch_query_arguments *asked = look->arguments;
    if (asked->source.at != NULL && asked->case_id.at == NULL) {
        return ch_query_no_argument(look, "source", "it belongs to a ref in `case`");
    }
    return asked->case_id.at != NULL ? ch_query_with_case(look, answer_of_case)
                                     : ch_query_parts_of_all(look, &clocks);
}
