#include "hub/model/judgement.h"

#include "hub/model/topic.h"

/* The system that began the case speaks of it again. */
static bool is_from_its_system(const ch_judgement *judgement)
{
    return ch_str_equal(ch_topic_system_of(judgement->cause->source),
                        ch_topic_system_of(ch_str_of(judgement->scratch->source)));
}

static bool holds_a_party_of(const ch_grant *grant, const ch_case *the_case)
{
    if (the_case->lead[0] != '\0' && ch_grant_holds_party(grant, ch_str_of(the_case->lead))) {
        return true;
    }
    for (size_t i = 0; i < the_case->handoff_count; i++) {
        if (ch_grant_holds_party(grant, ch_str_of(the_case->handoffs[i].party))) {
            return true;
        }
    }
    return false;
}

ch_status ch_judge_may_touch(ch_judgement *judgement)
{
    const ch_grant *grant = judgement->intake->grant;
    const ch_case *scratch = judgement->scratch;
    ch_role role = judgement->intake->role;
    if (role == CH_ROLE_HUB || grant == NULL) {
        return CH_OK;
    }
    if (scratch->area[0] != '\0' && !ch_grant_covers_area(grant, ch_str_of(scratch->area))) {
        return ch_error_set(judgement->error, CH_DENIED, "subject", "case %.*s lies outside the areas of %s",
                            CH_STR_ARG(judgement->case_id), grant->name);
    }
    bool by_concern = role == CH_ROLE_CONNECTOR || role == CH_ROLE_DEPARTMENT;
    if (by_concern && !is_from_its_system(judgement) && !holds_a_party_of(grant, scratch)) {
        return ch_error_set(judgement->error, CH_DENIED, "subject", "case %.*s is with no party of %s",
                            CH_STR_ARG(judgement->case_id), grant->name);
    }
    return CH_OK;
}

/* The party that offered it, or that supervises its receiver. */
static bool holds_offerer(const ch_judgement *judgement, const ch_handoff *handoff)
{
    const ch_grant *grant = judgement->intake->grant;
    const ch_party *receiver = ch_rules_party(judgement->rules, ch_str_of(handoff->party));
    return (handoff->from[0] != '\0' && ch_grant_holds_party(grant, ch_str_of(handoff->from))) ||
           (receiver != NULL && receiver->supervisor[0] != '\0' &&
            ch_grant_holds_party(grant, ch_str_of(receiver->supervisor)));
}

static ch_status check_named_party(const ch_judgement *judgement, const ch_event *event,
                                   const ch_handoff *handoff)
{
    ch_str said = event->party;
    if (said.size == 0 && !ch_str_is(event->type, "handoff.transferred")) {
        said = ch_mp_find_str(event->data, "party");
    }
    if (said.size == 0 || ch_str_is(said, handoff->party)) {
        return CH_OK;
    }
    return ch_error_set(judgement->error, CH_DENIED, "party", "handoff %.*s/h%u is with %s, not with %.*s",
                        CH_STR_ARG(judgement->case_id), handoff->index, handoff->party, CH_STR_ARG(said));
}

ch_status ch_judge_may_move(ch_judgement *judgement, const ch_event *event, const ch_handoff_transition *row,
                            const ch_handoff *handoff)
{
    const ch_grant *grant = judgement->intake->grant;
    ch_role role = judgement->intake->role;
    if (role == CH_ROLE_HUB) {
        return CH_OK;
    }
    if (row->by_hub) {
        return ch_error_set(judgement->error, CH_DENIED, "type", "only the hub itself reports %.*s",
                            CH_STR_ARG(event->type));
    }
    ch_status status = row->by_receiver ? check_named_party(judgement, event, handoff) : CH_OK;
    if (status != CH_OK || role == CH_ROLE_SUPERVISOR || role == CH_ROLE_OPERATOR) {
        return status;
    }
    if (role == CH_ROLE_CONNECTOR && is_from_its_system(judgement)) {
        return CH_OK;
    }
    bool held = grant != NULL && (row->by_receiver ? ch_grant_holds_party(grant, ch_str_of(handoff->party))
                                                   : holds_offerer(judgement, handoff));
    if (held) {
        return CH_OK;
    }
    return ch_error_set(judgement->error, CH_DENIED, "party", "%.*s of handoff %.*s/h%u is up to %s",
                        CH_STR_ARG(event->type), CH_STR_ARG(judgement->case_id), handoff->index,
                        row->by_receiver ? handoff->party : "who offered it");
}

ch_status ch_judge_may_arbitrate(ch_judgement *judgement)
{
    const ch_grant *grant = judgement->intake->grant;
    const ch_case *scratch = judgement->scratch;
    if (judgement->intake->role != CH_ROLE_DEPARTMENT) {
        return CH_OK;
    }
    for (size_t i = 0; grant != NULL && i < scratch->handoff_count; i++) {
        const ch_handoff *handoff = &scratch->handoffs[i];
        if (handoff->arbitration && ch_handoff_is_open(handoff->state) &&
            ch_grant_holds_party(grant, ch_str_of(handoff->party))) {
            return CH_OK;
        }
    }
    return ch_error_set(judgement->error, CH_DENIED, "type",
                        "case %.*s is before no party of %s for arbitration", CH_STR_ARG(judgement->case_id),
                        grant == NULL ? "this client" : grant->name);
}
