/* What a case tells of others: those that it is tied to, and the one that stands for it. Only their ids: whoever wants more
 * asks for them, and is shown what may be read.
 */
#include "hub/run/queries_inside.h"

/* The end of the row of merges that begins there. */
static ch_status load_last(ch_query_look *look, uint64_t number, ch_case *last)
{
    ch_status status = CH_OK;
    for (unsigned i = 0; status == CH_OK && number != 0; i++) {
        status = i > CH_MERGES_DEEP ? CH_CORRUPT : ch_state_reader_case(look->asker->state, number, last);
        number = status == CH_OK ? last->merged_into : 0;
    }
    return status == CH_OK ? CH_OK
                           : ch_error_set(look->error, status == CH_NOT_FOUND ? CH_CORRUPT : status, "state",
                                          "the case that another was merged into cannot be read");
}

ch_status ch_query_put_relations(ch_query_look *look, ch_mp_row *row, const ch_case *the_case)
{
    ch_case *last;
    if (the_case->merged_into == 0) {
        return CH_OK;
    }
    if (ch_case_new(&last) != CH_OK) {
        return ch_error_set(look->error, CH_NO_MEMORY, "QUERY", "no memory for a case");
    }
    ch_status status = load_last(look, the_case->merged_into, last);
    if (status == CH_OK) {
        ch_mp_row_put_text(row, "merged_into", last->id);
    }
    ch_case_free(last);
    return status;
}

static bool has(const uint64_t *numbers, size_t count, uint64_t number)
{
    for (size_t i = 0; i < count; i++) {
        if (numbers[i] == number) {
            return true;
        }
    }
    return false;
}

ch_status ch_query_leave_out_merged(ch_query_look *look, ch_case *scratch, uint64_t *numbers, size_t *count)
{
    uint64_t stands_for[CH_QUERY_REFS_MOST];
    size_t given = *count, kept = 0;
    ch_status status = CH_OK;
    for (size_t i = 0; i < given && status == CH_OK; i++) {
        ch_read_right right = {.may_read = false};
        status = load_last(look, numbers[i], scratch);
        uint64_t last = scratch->number;
        bool is_told =
            last != numbers[i] && (has(numbers + i, given - i, last) || has(stands_for, kept, last));
        if (status == CH_OK && is_told) {
            status = ch_query_right_to(look, scratch, &right);
        }
        if (status == CH_OK && !right.may_read) {
            stands_for[kept] = last;
            numbers[kept++] = numbers[i];
        }
    }
    *count = kept;
    return status;
}
