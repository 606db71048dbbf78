/* Handoffs: the open ones from their own table, in the order of party, case and index; with those that have ended from
 * the cases, newest case first.
 */
#include "hub/run/queries_inside.h"

#include <inttypes.h>
#include <stdio.h>

typedef struct handoff_walk {
    ch_query_look *look;
    ch_case *the_case; /* last loaded; number 0: none yet */
    ch_read_right right;
    uint64_t case_number; /* that rows of the page before ended in */
    uint32_t passed;      /* its handoffs that were looked at */
} handoff_walk;

static void put_row(ch_query_look *look, const ch_case *the_case, const ch_handoff *handoff)
{
    ch_query_row row = ch_query_row_begin(look);
    ch_query_put_handoff(&row, the_case, handoff);
    ch_query_put_text(&row, "case", the_case->id);
    ch_query_put_text(&row, "category", the_case->category);
    ch_query_put_text(&row, "area", the_case->area);
    ch_query_row_end(look, &row);
}

/* ---- the open ones */

static ch_status see_place(handoff_walk *walk, uint64_t number, uint32_t index)
{
    ch_status status = CH_OK;
    if (walk->the_case->number != number) {
        status = ch_query_load_case(walk->look, number, walk->the_case, &walk->right);
    }
    if (status != CH_OK || !walk->right.may_read) {
        return status;
    }
    const ch_handoff *handoff = ch_case_handoff(walk->the_case, index);
    if (handoff == NULL) {
        return ch_error_set(walk->look->error, CH_CORRUPT, "state", "case %s has no handoff %" PRIu32,
                            walk->the_case->id, index);
    }
    put_row(walk->look, walk->the_case, handoff);
    return CH_OK;
}

static bool see_open(void *context, ch_str party, uint64_t number, uint32_t index)
{
    handoff_walk *walk = context;
    ch_query_look *look = walk->look;
    if (!ch_query_may_look(look)) {
        return false;
    }
    snprintf(look->answer->next, sizeof look->answer->next, "%.*s/%" PRIu64 "/%" PRIu32, CH_STR_ARG(party),
             number, index);
    look->status = see_place(walk, number, index);
    return look->status == CH_OK;
}

static ch_status refuse_after(ch_query_look *look)
{
    return ch_query_no_argument(look, "after", "the `next` of an answer to the same question is expected");
}

static ch_status answer_open(ch_query_look *look, ch_case *the_case)
{
    handoff_walk walk = {.look = look, .the_case = the_case};
    ch_str party = look->arguments->party, after = look->arguments->after;
    int64_t number, index;
    ch_status status;
    if (after.at == NULL) {
        status = ch_state_reader_handoffs(look->asker->state, party, see_open, &walk);
        return ch_query_end_walk(look, status, "state");
    }
    if (!ch_query_cut_number(&after, UINT32_MAX - 1, &index) ||
        !ch_query_cut_number(&after, CH_CHP_NUMBER_MAX, &number) || after.size == 0 ||
        after.size > CH_CODE_MAX || (party.at != NULL && !ch_str_equal(party, after))) {
        return refuse_after(look);
    }
    const ch_handoff_place place = {
        .party = after, .case_number = (uint64_t)number, .index = (uint32_t)index + 1};
    status = ch_state_reader_handoffs_from(look->asker->state, party, &place, see_open, &walk);
    return ch_query_end_walk(look, status, "state");
}

/* ---- by case */

static bool fits(const ch_query_arguments *asked, const ch_handoff *handoff)
{
    return (asked->party.at == NULL || ch_str_is(asked->party, handoff->party)) &&
           (asked->open == CH_FLAG_NO || ch_handoff_is_open(handoff->state));
}

/* Those of one case that the asker may read. `next` is "<number>/<index>". */
static bool see_handoffs_of(handoff_walk *walk, const ch_case *the_case)
{
    ch_query_look *look = walk->look;
    for (size_t i = 0; i < the_case->handoff_count; i++) {
        const ch_handoff *handoff = &the_case->handoffs[i];
        if (!fits(look->arguments, handoff) ||
            (the_case->number == walk->case_number && handoff->index <= walk->passed)) {
            continue;
        }
        if (!ch_query_may_look(look)) {
            return false;
        }
        snprintf(look->answer->next, sizeof look->answer->next, "%" PRIu64 "/%" PRIu32, the_case->number,
                 handoff->index);
        put_row(look, the_case, handoff);
    }
    return true;
}

static bool has_fitting(const ch_query_arguments *asked, const ch_case *the_case)
{
    for (size_t i = 0; i < the_case->handoff_count; i++) {
        if (fits(asked, &the_case->handoffs[i])) {
            return true;
        }
    }
    return false;
}

/* `next` counts a case as begun before its first handoff is told. */
static bool see_case(void *context, const ch_case *the_case)
{
    handoff_walk *walk = context;
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
    return look->status == CH_OK && (!right.may_read || see_handoffs_of(walk, the_case));
}

static ch_status read_place(ch_query_look *look, handoff_walk *walk)
{
    ch_str after = look->arguments->after;
    int64_t number, index;
    if (after.at == NULL) {
        return CH_OK;
    }
    if (!ch_query_cut_number(&after, UINT32_MAX, &index) || ch_str_to_int(after, &number) != CH_OK ||
        number < 1 || number > CH_CHP_NUMBER_MAX) {
        return refuse_after(look);
    }
    walk->case_number = (uint64_t)number;
    walk->passed = (uint32_t)index;
    return CH_OK;
}

static ch_status answer_of_all_cases(ch_query_look *look)
{
    handoff_walk walk = {.look = look};
    ch_status status = read_place(look, &walk);
    if (status != CH_OK) {
        return status;
    }
    uint64_t below = walk.case_number == 0 ? UINT64_MAX : walk.case_number + 1;
    status = ch_state_reader_cases(look->asker->state, below, see_case, &walk);
    return ch_query_end_walk(look, status, "state");
}

static ch_status answer_of_case(ch_query_look *look, ch_case *the_case)
{
    handoff_walk walk = {.look = look};
    ch_status status = read_place(look, &walk);
    if (status == CH_OK) {
        status = ch_query_find_case(look, the_case, &walk.right);
    }
    if (status == CH_OK) {
        see_handoffs_of(&walk, the_case);
    }
    return status;
}

ch_status ch_query_handoffs(ch_query_look *look)
{
    const ch_query_arguments *asked = look->arguments;
    if (asked->source.at != NULL && asked->case_id.at == NULL) {
        return ch_query_no_argument(look, "source", "it belongs to a ref in `case`");
    }
    if (asked->case_id.at != NULL) {
        return ch_query_with_case(look, answer_of_case);
    }
    return asked->open == CH_FLAG_NO ? answer_of_all_cases(look) : ch_query_with_case(look, answer_open);
}
