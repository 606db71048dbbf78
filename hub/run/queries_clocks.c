/* Clocks, newest case first: those that may still come to something, or with `open` false, or a state, all of them. */
#include "hub/run/queries_inside.h"

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

static void put(ch_mp_row *row, const ch_case *the_case, size_t at)
{
    ch_case_put_clock(row, the_case, &the_case->clocks[at]);
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
