/* When clocks want to be looked at, in the table of deadlines. Only an event about a clock changes it, and only that one. */
#include "hub/store/state_inside.h"

static int64_t next_of(const ch_case *the_case, uint32_t index)
{
    const ch_case_clock *clock = index == 0 ? NULL : ch_case_clock_of(the_case, index);
    return clock == NULL ? 0 : clock->next_ms;
}

ch_clock_trace ch_trace_clock(const ch_case *the_case, const ch_event *event)
{
    ch_str case_id;
    ch_clock_trace trace = {.index = 0};
    if (ch_str_starts(event->type, CH_STR("clock.")) &&
        ch_clock_id_split(ch_mp_find_str(event->data, "clock"), &case_id, &trace.index) != CH_OK) {
        trace.index = 0;
    }
    trace.next_ms = next_of(the_case, trace.index);
    return trace;
}

ch_status ch_follow_clock(ch_state *state, const ch_case *the_case, const ch_clock_trace *before)
{
    int64_t next_ms = next_of(the_case, before->index);
    ch_status status = CH_OK;
    if (before->next_ms == next_ms) {
        return CH_OK;
    }
    if (before->next_ms > 0) {
        const ch_state_key was =
            ch_key_of_deadline(before->next_ms, the_case->number, CH_DEADLINE_OF_CLOCK | before->index);
        status = ch_table_delete(state, CH_TABLE_DEADLINE, &was);
    }
    if (status == CH_OK && next_ms > 0) {
        const ch_state_key is =
            ch_key_of_deadline(next_ms, the_case->number, CH_DEADLINE_OF_CLOCK | before->index);
        status = ch_table_put(state, CH_TABLE_DEADLINE, &is, CH_STR_NONE, 0);
    }
    return status;
}
