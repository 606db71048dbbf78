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
} handoff_walk;

static bool fits(const ch_query_arguments *asked, const ch_case *the_case, size_t at)
{
    const ch_handoff *handoff = &the_case->handoffs[at];
    return (asked->party.at == NULL || ch_str_is(asked->party, handoff->party)) &&
           (asked->open == CH_FLAG_NO || ch_handoff_is_open(handoff->state));
}

static size_t count(const ch_case *the_case)
{
    return the_case->handoff_count;
}

static uint32_t index_of(const ch_case *the_case, size_t at)
{
    return the_case->handoffs[at].index;
}

static void put(ch_mp_row *row, const ch_case *the_case, size_t at)
{
    ch_case_put_handoff(row, the_case, &the_case->handoffs[at]);
}

static const ch_query_parts handoffs = {.count = count, .index = index_of, .fits = fits, .put = put};

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
    if (ch_case_handoff(walk->the_case, index) == NULL) {
        return ch_error_set(walk->look->error, CH_CORRUPT, "state", "case %s has no handoff %" PRIu32,
                            walk->the_case->id, index);
    }
    ch_query_put_part(walk->look, &handoffs, walk->the_case, index - 1);
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
        return ch_query_refuse_after(look);
    }
    const ch_handoff_place place = {
        .party = after, .case_number = (uint64_t)number, .index = (uint32_t)index + 1};
    status = ch_state_reader_handoffs_from(look->asker->state, party, &place, see_open, &walk);
    return ch_query_end_walk(look, status, "state");
}

/* ---- by case */

static ch_status answer_of_case(ch_query_look *look, ch_case *scratch)
{
    return ch_query_parts_of_case(look, &handoffs, scratch);
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
    return asked->open == CH_FLAG_NO ? ch_query_parts_of_all(look, &handoffs)
                                     : ch_query_with_case(look, answer_open);
}
