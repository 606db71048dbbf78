#include "hub/model/judgement.h"

#include "hub/model/topic.h"

ch_status ch_judge_walk(ch_judgement *judgement, const ch_case_path *path, ch_how how)
{
    ch_status status = CH_OK;
    for (size_t i = 0; status == CH_OK && i < path->count; i++) {
        ch_str type = CH_STR_NONE;
        status = ch_judge_keep(judgement, ch_str_of(path->steps[i]->type), &type);
        if (status == CH_OK) {
            ch_event event = ch_judge_derived(judgement, type, CH_STR_NONE);
            status = ch_judge_take_row(judgement, &event, path->steps[i], how);
        }
    }
    return status;
}

/* What the rules say about a case that nobody has: offered, or it stays as it is, for people to see. */
static ch_status route(ch_judgement *judgement)
{
    const ch_case *scratch = judgement->scratch;
    if (judgement->is_history) {
        return CH_OK;
    }
    const ch_route_question question = {.system = ch_topic_system_of(ch_str_of(scratch->source)),
                                        .kind = ch_str_of(scratch->kind),
                                        .category = ch_str_of(scratch->category),
                                        .area = ch_str_of(scratch->area),
                                        .priority = scratch->priority,
                                        .time_ms = judgement->cause->time_ms};
    const ch_route *chosen = ch_route_choose(judgement->rules, &question, NULL);
    if (chosen == NULL) {
        return CH_OK;
    }
    ch_offer offer = {.reason = ch_str_of(chosen->reason),
                      .due_ms =
                          chosen->due_after_ms == 0 ? 0 : judgement->cause->time_ms + chosen->due_after_ms};
    ch_plan plan = ch_plan_at(judgement->rules, chosen, judgement->cause->time_ms);
    if (plan.form == CH_FORM_SINGLE) {
        offer.party = plan.parties[0];
        return ch_judge_offer(judgement, &offer);
    }
    ch_status status = ch_plan_check(judgement->rules, &plan, judgement->error);
    return status == CH_OK ? ch_judge_offer_plan(judgement, &plan, &offer) : status;
}

/* The consequence that a row names: reached like an observed fact, or left where the case cannot follow. */
static ch_status derive_then(ch_judgement *judgement, const ch_transition *row)
{
    const ch_case *scratch = judgement->scratch;
    ch_case_path path;
    ch_str type = CH_STR_NONE;
    uint32_t goals = ch_lifecycle_legal_in(judgement->rules, scratch->kind, ch_str_of(row->then));
    if (!ch_lifecycle_path(judgement->rules, scratch, goals, &path)) {
        return CH_OK;
    }
    ch_status status = ch_judge_walk(judgement, &path, CH_HOW_FOLLOWS);
    if (status == CH_OK) {
        status = ch_judge_keep(judgement, ch_str_of(row->then), &type);
    }
    const ch_transition *next =
        status == CH_OK ? ch_lifecycle_row(judgement->rules, scratch->kind, type, scratch->state) : NULL;
    if (next == NULL) {
        return status;
    }
    ch_event event = ch_judge_derived(judgement, type, CH_STR_NONE);
    return ch_judge_take_row(judgement, &event, next, CH_HOW_FOLLOWS);
}

ch_status ch_judge_take_row(ch_judgement *judgement, const ch_event *event, const ch_transition *row,
                            ch_how how)
{
    ch_case_state before = judgement->scratch->state;
    ch_status status = ch_judge_append(judgement, event, ch_lifecycle_target(row, judgement->scratch), how);
    if (status == CH_OK && ch_case_state_is_active(before) &&
        !ch_case_state_is_active(judgement->scratch->state)) {
        status = ch_judge_withdraw_all(judgement, ch_str_of(ch_case_state_name(judgement->scratch->state)));
    }
    if (status == CH_OK && row->then[0] != '\0') {
        status = derive_then(judgement, row);
    }
    if (status == CH_OK && row->routes && how != CH_HOW_INFERRED) {
        status = route(judgement);
    }
    return status;
}

static ch_status refuse(const ch_judgement *judgement, ch_str type)
{
    return ch_error_set(judgement->error, CH_REFUSED, "type", "%.*s is not legal in state %s (version %u)",
                        CH_STR_ARG(type), ch_case_state_name(judgement->scratch->state),
                        judgement->scratch->version);
}

static bool is_verdict(const ch_event *event)
{
    return ch_str_is(event->type, "case.arbitrated");
}

static ch_status check_party(const ch_judgement *judgement, const ch_event *event)
{
    ch_str party = ch_mp_find_str(event->data, "party");
    if (is_verdict(event) && party.size == 0) {
        return ch_error_set(judgement->error, CH_INVALID, "data.party",
                            "a verdict names the party that gets it");
    }
    if ((!is_verdict(event) && !ch_str_is(event->type, "case.assigned")) || party.size == 0 ||
        ch_rules_party(judgement->rules, party) != NULL) {
        return CH_OK;
    }
    return ch_error_set(judgement->error, CH_NOT_FOUND, "data.party", "there is no party %.*s",
                        CH_STR_ARG(party));
}

static ch_status with_digests(ch_judgement *judgement, ch_event *event)
{
    if (!ch_str_is(event->type, "case.opened") && !ch_str_is(event->type, "case.amended")) {
        return CH_OK;
    }
    return ch_judge_digests(judgement, event, &event->digests);
}

ch_status ch_judge_case_event(ch_judgement *judgement, const ch_event *event)
{
    const ch_case *scratch = judgement->scratch;
    ch_event own = *event;
    ch_case_path path = {.count = 0};
    ch_status status = check_party(judgement, event);
    if (status == CH_OK && is_verdict(event)) {
        status = ch_judge_may_arbitrate(judgement);
    }
    if (status == CH_OK) {
        status = with_digests(judgement, &own);
    }
    if (status == CH_OK) {
        status = ch_judge_check_note(judgement);
    }
    if (status == CH_OK) {
        status = ch_judge_before_pair(judgement, &own);
    }
    if (status != CH_OK) {
        return status;
    }
    const ch_transition *row = ch_lifecycle_row(judgement->rules, scratch->kind, event->type, scratch->state);
    if (row == NULL && judgement->strict) {
        return refuse(judgement, event->type);
    }
    if (row == NULL) {
        uint32_t goals = ch_lifecycle_legal_in(judgement->rules, scratch->kind, event->type);
        if (!ch_lifecycle_path(judgement->rules, scratch, goals, &path)) {
            return ch_judge_append(judgement, event, scratch->state, CH_HOW_ANOMALOUS);
        }
        status = ch_judge_walk(judgement, &path, CH_HOW_INFERRED);
        row = status == CH_OK ? ch_lifecycle_row(judgement->rules, scratch->kind, event->type, scratch->state)
                              : NULL;
        if (row == NULL) {
            return status == CH_OK ? refuse(judgement, event->type) : status;
        }
    }
    status = ch_judge_take_row(judgement, &own, row, CH_HOW_OWN);
    if (status == CH_OK) {
        status = ch_judge_after_pair(judgement, &own);
    }
    return status == CH_OK && is_verdict(event) ? ch_judge_apply_verdict(judgement, event) : status;
}
