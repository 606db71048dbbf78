#include "hub/model/judgement.h"

#define DEFAULT_HOP_LIMIT 8

ch_status ch_judge_about(ch_judgement *judgement, ch_str type, uint32_t index, ch_str reason, ch_how how)
{
    ch_str id = CH_STR_NONE, data = CH_STR_NONE;
    ch_status status = ch_judge_handoff_id(judgement, index, &id);
    const ch_judge_pair pairs[] = {
        {.key = "handoff", .text = id},
        {.key = "party", .text = ch_str_of(ch_case_handoff(judgement->scratch, index)->party)},
        {.key = "reason", .text = reason},
    };
    if (status == CH_OK) {
        status = ch_judge_map(judgement, CH_STR_NONE, pairs, sizeof pairs / sizeof *pairs, &data);
    }
    if (status != CH_OK) {
        return status;
    }
    ch_event event = ch_judge_derived(judgement, type, data);
    return ch_judge_append(judgement, &event, judgement->scratch->state, how);
}

/* group 0: of any. */
static ch_status withdraw(ch_judgement *judgement, uint32_t group, ch_str reason)
{
    ch_status status = CH_OK;
    for (uint32_t index = 1; status == CH_OK && index <= judgement->scratch->handoff_count; index++) {
        const ch_handoff *handoff = ch_case_handoff(judgement->scratch, index);
        if (ch_handoff_is_open(handoff->state) && (group == 0 || handoff->group == group)) {
            status = ch_judge_about(judgement, CH_STR("handoff.withdrawn"), index, reason, CH_HOW_FOLLOWS);
        }
    }
    return status;
}

ch_status ch_judge_withdraw_all(ch_judgement *judgement, ch_str reason)
{
    return withdraw(judgement, 0, reason);
}

ch_status ch_judge_withdraw_group(ch_judgement *judgement, uint32_t group, ch_str reason)
{
    return withdraw(judgement, group, reason);
}

/* How many parties it went through since somebody last decided, this one's included. */
static unsigned hops_to(const ch_case *the_case, const ch_handoff *handoff)
{
    unsigned hops = 1;
    const ch_handoff *before = ch_case_handoff(the_case, handoff->previous);
    for (; before != NULL && before->state == CH_HANDOFF_TRANSFERRED; hops++) {
        before = ch_case_handoff(the_case, before->previous);
    }
    return hops;
}

static unsigned hop_limit(const ch_rules *rules)
{
    return rules->hop_limit == 0 ? DEFAULT_HOP_LIMIT : rules->hop_limit;
}

ch_status ch_judge_let_case_follow(ch_judgement *judgement, const ch_handoff_transition *row)
{
    const ch_case *scratch = judgement->scratch;
    ch_case_path path;
    if (row->leads_to == CH_CASE_NONE || (row->leads_when_last && ch_case_latest_open(scratch) != NULL) ||
        !ch_lifecycle_path(judgement->rules, scratch, UINT32_C(1) << row->leads_to, &path)) {
        return CH_OK;
    }
    return ch_judge_walk(judgement, &path, CH_HOW_FOLLOWS);
}

static ch_status take_row(ch_judgement *judgement, const ch_event *event, const ch_handoff_transition *row,
                          uint32_t index)
{
    const ch_case *scratch = judgement->scratch;
    bool had_case = strcmp(scratch->lead, ch_case_handoff(scratch, index)->party) == 0;
    ch_status status = ch_judge_append(judgement, event, scratch->state, CH_HOW_OWN);
    if (status == CH_OK && row->to == CH_HANDOFF_TRANSFERRED) {
        status = ch_judge_pass_on(judgement, index, ch_mp_find_str(event->data, "party"),
                                  ch_mp_find_str(event->data, "reason"), had_case);
    }
    return status == CH_OK ? ch_judge_settle(judgement, row, index) : status;
}

static ch_status infer(ch_judgement *judgement, const ch_handoff_path *path, uint32_t index)
{
    ch_status status = CH_OK;
    ch_form form = ch_case_form(judgement->scratch, ch_case_handoff(judgement->scratch, index));
    for (size_t i = 0; status == CH_OK && i < path->count; i++) {
        ch_str type = CH_STR_NONE;
        status = ch_judge_keep(judgement, ch_str_of(path->steps[i]->type), &type);
        if (status == CH_OK) {
            status = ch_judge_about(judgement, type, index, CH_STR_NONE, CH_HOW_INFERRED);
        }
        if (status == CH_OK && form != CH_FORM_CC) {
            status = ch_judge_let_case_follow(judgement, path->steps[i]);
        }
    }
    return status;
}

/* The hub's own reports about handoffs are checked like commands: one that does not apply says nothing new.
 */
static bool is_strict(const ch_judgement *judgement)
{
    return judgement->strict || judgement->intake->role == CH_ROLE_HUB;
}

static ch_status keep_anomalous(ch_judgement *judgement, const ch_event *event)
{
    return ch_judge_append(judgement, event, judgement->scratch->state, CH_HOW_ANOMALOUS);
}

static ch_status check_target(const ch_judgement *judgement, const ch_event *event)
{
    ch_str party = ch_mp_find_str(event->data, "party");
    if (party.size == 0) {
        return ch_error_set(judgement->error, CH_INVALID, "data.party", "%.*s needs a party to go to",
                            CH_STR_ARG(event->type));
    }
    if (ch_rules_party(judgement->rules, party) == NULL) {
        return ch_error_set(judgement->error, CH_NOT_FOUND, "data.party", "there is no party %.*s",
                            CH_STR_ARG(party));
    }
    return CH_OK;
}

/* The receiver that the event names. A transfer's data.party is where it goes. */
static ch_str named_receiver(const ch_event *event, bool by_receiver)
{
    bool transfer = ch_str_is(event->type, "handoff.transferred");
    if (transfer || (by_receiver && event->party.size > 0)) {
        return event->party;
    }
    return ch_mp_find_str(event->data, "party");
}

/* Without data.handoff: the latest open handoff of the named party, or else its latest; and where no party is
 * named, of those that the client's grant holds. */
static const ch_handoff *find_by_party(const ch_judgement *judgement, const ch_event *event, bool by_receiver)
{
    const ch_case *scratch = judgement->scratch;
    const ch_grant *grant = judgement->intake->grant;
    ch_str party = named_receiver(event, by_receiver);
    const ch_handoff *latest = NULL;
    for (size_t i = scratch->handoff_count; i > 0; i--) {
        const ch_handoff *handoff = &scratch->handoffs[i - 1];
        ch_str receiver = ch_str_of(handoff->party);
        bool matches = party.size > 0 ? ch_str_equal(party, receiver)
                                      : grant != NULL && ch_grant_holds_party(grant, receiver);
        if (matches && ch_handoff_is_open(handoff->state)) {
            return handoff;
        }
        latest = matches && latest == NULL ? handoff : latest;
    }
    return latest;
}

/* *out_handoff is NULL when the case has no such handoff. */
static ch_status find_handoff(const ch_judgement *judgement, const ch_event *event, bool by_receiver,
                              const ch_handoff **out_handoff)
{
    ch_str case_id;
    uint32_t index;
    ch_str id = ch_mp_find_str(event->data, "handoff");
    if (id.at == NULL) {
        *out_handoff = find_by_party(judgement, event, by_receiver);
        return CH_OK;
    }
    if (ch_handoff_id_split(id, &case_id, &index) != CH_OK || !ch_str_equal(case_id, judgement->case_id)) {
        return ch_error_set(judgement->error, CH_INVALID, "data.handoff", "%.*s is no handoff of case %.*s",
                            CH_STR_ARG(id), CH_STR_ARG(judgement->case_id));
    }
    *out_handoff = ch_case_handoff(judgement->scratch, index);
    return CH_OK;
}

/* data with the handoff's id and receiver in it. */
static ch_status complete_data(ch_judgement *judgement, ch_event *event, const ch_handoff *handoff)
{
    ch_str id = CH_STR_NONE;
    if (ch_mp_find_str(event->data, "handoff").size > 0 && ch_mp_find_str(event->data, "party").size > 0) {
        return CH_OK;
    }
    ch_status status = ch_judge_handoff_id(judgement, handoff->index, &id);
    const ch_judge_pair pairs[] = {
        {.key = "handoff", .text = id},
        {.key = "party",
         .text = ch_mp_find_str(event->data, "party").size > 0 ? ch_mp_find_str(event->data, "party")
                                                               : ch_str_of(handoff->party)},
    };
    return status == CH_OK ? ch_judge_map(judgement, event->data, pairs, 2, &event->data) : status;
}

/* A conflict where somebody was faster: it was answered already, or the hub's own report comes too late. */
static ch_status refuse(const ch_judgement *judgement, const ch_event *event,
                        const ch_handoff_transition *any, const ch_handoff *handoff)
{
    const ch_case *scratch = judgement->scratch;
    bool is_answer =
        any->by_receiver && handoff->state > CH_HANDOFF_DELIVERED &&
        (ch_handoff_legal_in(judgement->rules, event->type) & UINT32_C(1) << CH_HANDOFF_OFFERED) != 0;
    if (is_answer || judgement->intake->role == CH_ROLE_HUB) {
        return ch_error_set(judgement->error, CH_CONFLICT, "data.handoff",
                            "handoff %.*s/h%u is already %s (case in state %s, version %u)",
                            CH_STR_ARG(judgement->case_id), handoff->index,
                            ch_handoff_state_name(handoff->state), ch_case_state_name(scratch->state),
                            scratch->version);
    }
    return ch_error_set(judgement->error, CH_REFUSED, "type",
                        "%.*s is not legal for handoff %.*s/h%u in state %s (case version %u)",
                        CH_STR_ARG(event->type), CH_STR_ARG(judgement->case_id), handoff->index,
                        ch_handoff_state_name(handoff->state), scratch->version);
}

/* The handoff itself, or an open one of its group, that the party has. */
static const ch_handoff *find_with(const ch_case *the_case, const ch_handoff *handoff, ch_str party)
{
    if (ch_str_is(party, handoff->party)) {
        return handoff;
    }
    for (size_t i = 0; handoff->group != 0 && i < the_case->handoff_count; i++) {
        const ch_handoff *other = &the_case->handoffs[i];
        if (other->group == handoff->group && ch_handoff_is_open(other->state) &&
            ch_str_is(party, other->party)) {
            return other;
        }
    }
    return NULL;
}

static ch_status check_transfer(const ch_judgement *judgement, const ch_event *event,
                                const ch_handoff *handoff)
{
    if (!ch_str_is(event->type, "handoff.transferred")) {
        return CH_OK;
    }
    ch_status status = check_target(judgement, event);
    if (status != CH_OK) {
        return status;
    }
    const ch_handoff *there = find_with(judgement->scratch, handoff, ch_mp_find_str(event->data, "party"));
    if (there != NULL) {
        return ch_error_set(judgement->error, CH_REFUSED, "data.party", "handoff %.*s/h%u is with %s already",
                            CH_STR_ARG(judgement->case_id), there->index, there->party);
    }
    if (hops_to(judgement->scratch, handoff) >= hop_limit(judgement->rules)) {
        return ch_error_set(judgement->error, CH_REFUSED, "type",
                            "handoff %.*s/h%u was passed on %u times already", CH_STR_ARG(judgement->case_id),
                            handoff->index, hop_limit(judgement->rules));
    }
    return CH_OK;
}

static ch_status move(ch_judgement *judgement, const ch_event *event, const ch_handoff_transition *any,
                      const ch_handoff *handoff)
{
    ch_event own = *event;
    ch_handoff_path path = {.count = 0};
    uint32_t index = handoff->index, goals = ch_handoff_legal_in(judgement->rules, event->type);
    ch_status status = check_transfer(judgement, event, handoff);
    if (status == CH_OK) {
        status = complete_data(judgement, &own, handoff);
    }
    if (status != CH_OK) {
        return status;
    }
    if ((goals & UINT32_C(1) << handoff->state) == 0) {
        if (is_strict(judgement)) {
            return refuse(judgement, event, any, handoff);
        }
        if (!ch_handoff_path_find(judgement->rules, handoff->state, goals, &path)) {
            return keep_anomalous(judgement, &own);
        }
    }
    status = ch_judge_co_workers(judgement, handoff, any->to);
    if (status != CH_OK) {
        return is_strict(judgement) ? status : keep_anomalous(judgement, &own);
    }
    status = infer(judgement, &path, index);
    if (status != CH_OK) {
        return status;
    }
    handoff = ch_case_handoff(judgement->scratch, index);
    const ch_handoff_transition *row = ch_handoff_row(judgement->rules, event->type, handoff->state);
    return row == NULL ? refuse(judgement, event, any, handoff) : take_row(judgement, &own, row, index);
}

ch_status ch_judge_handoff_event(ch_judgement *judgement, const ch_event *event)
{
    const ch_handoff *handoff = NULL;
    const ch_handoff_transition *any = ch_handoff_any_row(judgement->rules, event->type);
    if (any == NULL) {
        return ch_error_set(judgement->error, CH_REFUSED, "type", "the lifecycle knows no %.*s",
                            CH_STR_ARG(event->type));
    }
    if (any->to == CH_HANDOFF_OFFERED) {
        return ch_judge_take_offer(judgement, event);
    }
    ch_status status = find_handoff(judgement, event, any->by_receiver, &handoff);
    if (status != CH_OK) {
        return status;
    }
    if (handoff == NULL && is_strict(judgement)) {
        return ch_error_set(judgement->error, CH_NOT_FOUND, "data.handoff", "case %.*s has no such handoff",
                            CH_STR_ARG(judgement->case_id));
    }
    if (handoff == NULL) {
        return keep_anomalous(judgement, event);
    }
    status = ch_judge_may_move(judgement, event, any, handoff);
    return status == CH_OK ? move(judgement, event, any, handoff) : status;
}
