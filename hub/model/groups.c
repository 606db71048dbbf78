/* What becomes of a group, and of its case, when something happens to one of its handoffs. */
#include "hub/model/judgement.h"

#include <stdio.h>

#define NAMES_SIZE 200

/* A transferred member lives on in the one it was passed on to, and is not counted. */
typedef struct tally {
    uint32_t members, open, completed, withdrawn;
} tally;

static tally count_members(const ch_case *the_case, uint32_t group)
{
    tally of = {.members = 0};
    for (size_t i = 0; i < the_case->handoff_count; i++) {
        const ch_handoff *handoff = &the_case->handoffs[i];
        if (handoff->group == group && handoff->state != CH_HANDOFF_TRANSFERRED) {
            of.members++;
            of.open += ch_handoff_is_open(handoff->state);
            of.completed += handoff->state == CH_HANDOFF_COMPLETED;
            of.withdrawn += handoff->state == CH_HANDOFF_WITHDRAWN;
        }
    }
    return of;
}

/* It was decided who does what one of its members did not; that the question was put aside is no verdict. */
static bool has_verdict(const ch_case *the_case, uint32_t group)
{
    for (size_t i = 0; i < the_case->handoff_count; i++) {
        const ch_handoff *asked = &the_case->handoffs[i];
        const ch_handoff *about = ch_case_handoff(the_case, asked->previous);
        if (asked->arbitration && asked->state == CH_HANDOFF_COMPLETED && about != NULL &&
            about->group == group && strcmp(asked->reason, "arbitrated") == 0) {
            return true;
        }
    }
    return false;
}

/* "water, lamp" */
static void name_open_members(const ch_case *the_case, uint32_t group, uint32_t but, char out[NAMES_SIZE])
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < the_case->handoff_count && used < NAMES_SIZE; i++) {
        const ch_handoff *handoff = &the_case->handoffs[i];
        if (handoff->group == group && handoff->index != but && ch_handoff_is_open(handoff->state)) {
            int size = snprintf(out + used, NAMES_SIZE - used, "%s%s", used == 0 ? "" : ", ", handoff->party);
            used += size < 0 ? NAMES_SIZE : (size_t)size;
        }
    }
}

ch_status ch_judge_co_workers(const ch_judgement *judgement, const ch_handoff *handoff, ch_handoff_state to)
{
    char names[NAMES_SIZE];
    const ch_case *scratch = judgement->scratch;
    if (to != CH_HANDOFF_COMPLETED || !handoff->lead || count_members(scratch, handoff->group).open <= 1) {
        return CH_OK;
    }
    name_open_members(scratch, handoff->group, handoff->index, names);
    return ch_error_set(
        judgement->error, CH_REFUSED, "data.handoff",
        "co-workers-open: %.*s/h%u leads, and its co-workers have not ended: %s (case version %u)",
        CH_STR_ARG(judgement->case_id), handoff->index, names, scratch->version);
}

/* The case goes where a completed handoff leads it. */
static ch_status follow_completion(ch_judgement *judgement)
{
    const ch_handoff_transition *row =
        ch_handoff_row(judgement->rules, CH_STR("handoff.completed"), CH_HANDOFF_ACCEPTED);
    return row == NULL ? CH_OK : ch_judge_let_case_follow(judgement, row);
}

/* Where one is enough, or some are, the others need not go on. All of those that were not called off is what
 * `all` means. */
static ch_status settle_parallel(ch_judgement *judgement, const ch_handoff_transition *row, uint32_t index)
{
    uint32_t group = ch_case_handoff(judgement->scratch, index)->group;
    const tally of = count_members(judgement->scratch, group);
    uint32_t need = judgement->scratch->groups[group - 1].need;
    need = need == CH_NEED_ALL ? of.members - of.withdrawn : need;
    if (has_verdict(judgement->scratch, group) && need > of.completed + of.open) {
        need = of.completed + of.open; /* what is missing is not theirs any more */
    }
    if (of.completed > 0 && of.completed >= need) {
        ch_status status = ch_judge_withdraw_group(judgement, group, CH_STR("satisfied"));
        return status == CH_OK ? follow_completion(judgement) : status;
    }
    bool out_of_reach = of.completed + of.open < need;
    bool is_left = ch_case_latest_open(judgement->scratch) == NULL && of.completed > 0;
    return out_of_reach && (row->arbitrates || is_left) ? ch_judge_arbitrate(judgement, index, true) : CH_OK;
}

/* Without its lead a joint group is nothing; a co-worker that ends, however it does, leaves the lead to it. */
static ch_status settle_joint(ch_judgement *judgement, const ch_handoff_transition *row, uint32_t index)
{
    const ch_handoff *ended = ch_case_handoff(judgement->scratch, index);
    if (!ended->lead || ended->state == CH_HANDOFF_TRANSFERRED) {
        return CH_OK;
    }
    if (ended->state == CH_HANDOFF_COMPLETED) {
        return ch_judge_let_case_follow(judgement, row);
    }
    ch_status status = ch_judge_withdraw_group(judgement, ended->group, CH_STR("lead-ended"));
    return status == CH_OK && row->arbitrates ? ch_judge_arbitrate(judgement, index, true) : status;
}

static ch_status settle_sequence(ch_judgement *judgement, const ch_handoff_transition *row, uint32_t index)
{
    bool offered = false;
    ch_status status = ch_judge_let_case_follow(judgement, row);
    if (status != CH_OK || !row->arbitrates) {
        return status;
    }
    if (!ch_judge_is_refused_too_often(judgement)) {
        status = ch_judge_try_next(judgement, index, &offered);
    }
    return status == CH_OK && !offered ? ch_judge_arbitrate(judgement, index, true) : status;
}

static ch_status settle_single(ch_judgement *judgement, const ch_handoff_transition *row, uint32_t index)
{
    ch_status status = ch_judge_let_case_follow(judgement, row);
    return status == CH_OK && row->arbitrates
               ? ch_judge_arbitrate(judgement, index, ch_judge_is_refused_too_often(judgement))
               : status;
}

/* Whoever is informed has nothing to do. */
static ch_status settle_copy(ch_judgement *judgement, uint32_t index)
{
    ch_handoff_state state = ch_case_handoff(judgement->scratch, index)->state;
    return ch_handoff_is_open(state) && state != CH_HANDOFF_OFFERED
               ? ch_judge_about(judgement, CH_STR("handoff.completed"), index, CH_STR_NONE, CH_HOW_FOLLOWS)
               : CH_OK;
}

/* Who works beside whoever has the case does not end what that one waits for. */
static bool waits_for_another(const ch_case *the_case, const ch_handoff *handoff)
{
    return the_case->state == CH_CASE_WAITING && the_case->lead[0] != '\0' &&
           strcmp(the_case->lead, handoff->party) != 0;
}

ch_status ch_judge_settle(ch_judgement *judgement, const ch_handoff_transition *row, uint32_t index)
{
    const ch_handoff *handoff = ch_case_handoff(judgement->scratch, index);
    ch_form form = ch_case_form(judgement->scratch, handoff);
    if (form != CH_FORM_CC && ch_handoff_is_open(handoff->state)) {
        return waits_for_another(judgement->scratch, handoff) ? CH_OK
                                                              : ch_judge_let_case_follow(judgement, row);
    }
    switch (form) {
    case CH_FORM_SINGLE:
    case CH_FORM_ARBITRATION: return settle_single(judgement, row, index);
    case CH_FORM_SEQUENCE: return settle_sequence(judgement, row, index);
    case CH_FORM_PARALLEL: return settle_parallel(judgement, row, index);
    case CH_FORM_JOINT: return settle_joint(judgement, row, index);
    case CH_FORM_CC: return settle_copy(judgement, index);
    case CH_FORM_COUNT: break;
    }
    return CH_OK;
}
