/* What cases have several of, numbered from 1 in each, handoffs and clocks: those of one case, or of all, newest case first. */
#include "hub/run/queries_inside.h"

#include <inttypes.h>
#include <stdio.h>

typedef struct parts_walk {
    ch_query_look *look;
    const ch_query_parts *parts;
    uint64_t case_number; /* that rows of the page before ended in */
    uint32_t passed;      /* the last of its parts that was looked at */
} parts_walk;

void ch_query_put_part(ch_query_look *look, const ch_query_parts *parts, const ch_case *the_case, size_t at)
{
    ch_mp_row row = ch_query_row_begin(look);
    parts->put(&row, the_case, at);
    ch_mp_row_put_text(&row, "case", the_case->id);
    ch_mp_row_put_text(&row, "category", the_case->category);
    ch_mp_row_put_text(&row, "area", the_case->area);
    ch_query_row_end(look, &row);
}

/* Those of one case that the asker may read. `next` is "<number>/<index>". */
static bool see_parts_of(parts_walk *walk, const ch_case *the_case)
{
    ch_query_look *look = walk->look;
    size_t count = walk->parts->count(the_case);
    for (size_t i = 0; i < count; i++) {
        uint32_t index = walk->parts->index(the_case, i);
        if (!walk->parts->fits(look->arguments, the_case, i) ||
            (the_case->number == walk->case_number && index <= walk->passed)) {
            continue;
        }
        if (!ch_query_may_look(look)) {
            return false;
        }
        snprintf(look->answer->next, sizeof look->answer->next, "%" PRIu64 "/%" PRIu32, the_case->number,
                 index);
        ch_query_put_part(look, walk->parts, the_case, i);
    }
    return true;
}

static bool has_fitting(const parts_walk *walk, const ch_case *the_case)
{
    size_t count = walk->parts->count(the_case);
    for (size_t i = 0; i < count; i++) {
        if (walk->parts->fits(walk->look->arguments, the_case, i)) {
            return true;
        }
    }
    return false;
}

/* `next` counts a case as begun before the first of its parts is told. */
static bool see_case(void *context, const ch_case *the_case)
{
    parts_walk *walk = context;
    ch_query_look *look = walk->look;
    ch_read_right right = {.may_read = false};
    if (!ch_query_may_look(look)) {
        return false;
    }
    uint32_t passed = the_case->number == walk->case_number ? walk->passed : 0;
    snprintf(look->answer->next, sizeof look->answer->next, "%" PRIu64 "/%" PRIu32, the_case->number, passed);
    if (has_fitting(walk, the_case)) {
        look->status = ch_query_right_to(look, the_case, &right);
    }
    return look->status == CH_OK && (!right.may_read || see_parts_of(walk, the_case));
}

static ch_status read_place(ch_query_look *look, parts_walk *walk)
{
    ch_str after = look->arguments->after;
    int64_t number, index;
    if (after.at == NULL) {
        return CH_OK;
    }
    if (!ch_query_cut_number(&after, UINT32_MAX, &index) || ch_str_to_int(after, &number) != CH_OK ||
        number < 1 || number > CH_CHP_NUMBER_MAX) {
        return ch_query_refuse_after(look);
    }
    walk->case_number = (uint64_t)number;
    walk->passed = (uint32_t)index;
    return CH_OK;
}

ch_status ch_query_parts_of_case(ch_query_look *look, const ch_query_parts *parts, ch_case *scratch)
{
    parts_walk walk = {.look = look, .parts = parts};
    ch_read_right right;
    ch_status status = read_place(look, &walk);
    if (status == CH_OK) {
        status = ch_query_find_case(look, scratch, &right);
    }
    if (status == CH_OK) {
        see_parts_of(&walk, scratch);
    }
    return status;
}

ch_status ch_query_parts_of_all(ch_query_look *look, const ch_query_parts *parts)
{
    parts_walk walk = {.look = look, .parts = parts};
    ch_status status = read_place(look, &walk);
    if (status != CH_OK) {
        return status;
    }
    uint64_t below = walk.case_number == 0 ? UINT64_MAX : walk.case_number + 1;
    status = ch_state_reader_cases(look->asker->state, below, see_case, &walk);
    return ch_query_end_walk(look, status, "state");
}

ch_status ch_query_refuse_after(ch_query_look *look)
{
    return ch_query_no_argument(look, "after", "the `next` of an answer to the same question is expected");
}
