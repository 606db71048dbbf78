/* Cases that were merged into others: how they come to it, and what becomes of what is said of them afterwards. */
#include "hub/model/judgement.h"

ch_status ch_judge_follow_merges(const ch_judgement *judgement, const char *where, const ch_case **the_case)
{
    const ch_view *view = judgement->view;
    ch_status status = CH_OK;
    for (unsigned i = 0; status == CH_OK && (*the_case)->merged_into != 0; i++) {
        status = i > CH_MERGES_DEEP ? CH_CORRUPT
                                    : view->case_by_number(view->context, (*the_case)->merged_into, the_case);
    }
    return status == CH_OK ? CH_OK
                           : ch_error_set(judgement->error, status == CH_NOT_FOUND ? CH_CORRUPT : status,
                                          where, "the case that it was merged into cannot be read");
}

/* ---- merging */

/* What nobody works on any more takes in no work. */
static ch_status check_target(const ch_judgement *judgement)
{
    const ch_case *scratch = judgement->scratch, *target = judgement->decision->own_other;
    uint32_t open = ch_lifecycle_legal_in(judgement->rules, target->kind, CH_STR("case.merged"));
    if ((open & UINT32_C(1) << target->state) == 0) {
        return ch_error_set(judgement->error, CH_REFUSED, "data.into",
                            "case %s is %s: nothing can be merged into it", target->id,
                            ch_case_state_name(target->state));
    }
    if (scratch->merge_depth == CH_MERGES_DEEP) {
        return ch_error_set(judgement->error, CH_REFUSED, "data.into",
                            "%d cases in a row were merged into case %s: merge others into it",
                            CH_MERGES_DEEP, scratch->id);
    }
    return CH_OK;
}

/* A link between the two ends with the merge; any other way up from the target must not lead back to it. */
static ch_status check_parents(const ch_judgement *judgement)
{
    const ch_case *scratch = judgement->scratch, *above = NULL;
    const ch_link *parent = ch_case_parent(judgement->decision->own_other);
    if (parent == NULL || parent->other == scratch->number) {
        return CH_OK;
    }
    ch_status status = ch_judge_find_other(judgement, "data.into", ch_str_of(parent->id), &above);
    return status == CH_OK ? ch_judge_check_not_above(judgement, "data.into", above, scratch) : status;
}

ch_status ch_judge_before_merged(ch_judgement *judgement, ch_event *event)
{
    const ch_case *target = NULL;
    ch_status status =
        ch_judge_find_other(judgement, "data.into", ch_mp_find_str(event->data, "into"), &target);
    if (status == CH_OK) {
        status = ch_judge_follow_merges(judgement, "data.into", &target);
    }
    if (status == CH_OK) {
        status = ch_judge_take_other(judgement, "data.into", target);
    }
    if (status == CH_OK) {
        status = check_target(judgement);
    }
    if (status == CH_OK) {
        status = check_parents(judgement);
    }
    const ch_judge_pair into = {.key = "into", .text = ch_str_of(judgement->decision->own_other->id)};
    return status == CH_OK ? ch_judge_map(judgement, event->data, &into, 1, &event->data) : status;
}

ch_status ch_judge_after_merged(ch_judgement *judgement, const ch_event *event)
{
    (void)event;
    ch_judgement on_target = ch_judge_on_other(judgement);
    return ch_judge_say_linked(&on_target, CH_STR("case.linked"), judgement->case_id, CH_RELATION_MERGED,
                               judgement->scratch->merge_depth + 1);
}

/* ---- afterwards */

ch_status ch_judge_of_merged(ch_judgement *judgement)
{
    const ch_event *cause = judgement->cause;
    const ch_case *target = judgement->scratch;
    ch_event told = *cause;
    ch_status status = ch_judge_follow_merges(judgement, "subject", &target);
    if (status != CH_OK) {
        return status;
    }
    if (judgement->strict) {
        return ch_error_set(judgement->error, CH_REFUSED, "subject", "case %.*s was merged into %s",
                            CH_STR_ARG(judgement->case_id), target->id);
    }
    const ch_judge_pair pairs[] = {{.key = "reported", .text = cause->type},
                                   {.key = "merged", .text = judgement->case_id}};
    told.type = CH_STR("case.noted");
    status = ch_judge_map(judgement, cause->data, pairs, 2, &told.data);
    if (status == CH_OK) {
        status = ch_judge_load(judgement, target);
    }
    return status == CH_OK ? ch_judge_case_event(judgement, &told) : status;
}

ch_status ch_judge_check_note(const ch_judgement *judgement)
{
    const ch_event *cause = judgement->cause;
    static const char *const fields[] = {"reported", "merged"};
    for (size_t i = 0; ch_str_is(cause->type, "case.noted") && i < 2; i++) {
        if (ch_mp_find(cause->data, fields[i], NULL, NULL)) {
            return ch_error_set(judgement->error, CH_INVALID, i == 0 ? "data.reported" : "data.merged",
                                "only the hub sets it");
        }
    }
    return CH_OK;
}
