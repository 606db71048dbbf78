/* How handoffs come to be offered: one, several as a group, and one after another. */
#include "hub/model/judgement.h"

#include <stdio.h>

static ch_status encode_list(ch_judgement *judgement, const ch_str *texts, size_t count, ch_str *out_list)
{
    ch_buf *out = &judgement->decision->work;
    ch_buf_clear(out);
    ch_mp_put_array(out, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        ch_mp_put_str(out, texts[i]);
    }
    if (out->failed != CH_OK) {
        return ch_error_set(judgement->error, out->failed, "data", "no room to complete the event");
    }
    return ch_judge_keep(judgement, ch_buf_str(out), out_list);
}

/* What the record says of an offer beyond the base's own fields. */
static ch_status offer_data(ch_judgement *judgement, const ch_offer *offer, ch_str base, ch_str *out_data)
{
    char need[CH_NEED_SIZE] = "";
    ch_str id = CH_STR_NONE, previous = CH_STR_NONE, group = CH_STR_NONE, next = CH_STR_NONE;
    bool counts = offer->group != 0 && offer->form != CH_FORM_CC;
    ch_status status = ch_judge_handoff_id(judgement, (uint32_t)judgement->scratch->handoff_count + 1, &id);
    if (status == CH_OK && offer->previous != 0) {
        status = ch_judge_handoff_id(judgement, offer->previous, &previous);
    }
    if (status == CH_OK && offer->group != 0) {
        status = ch_judge_group_id(judgement, offer->group, &group);
    }
    if (status == CH_OK && offer->form == CH_FORM_SEQUENCE) {
        status = encode_list(judgement, offer->next, offer->next_count, &next);
    }
    if (counts) {
        ch_need_text(offer->need, need);
    }
    const ch_judge_pair pairs[] = {
        {.key = "handoff", .text = id},
        {.key = "party", .text = offer->party},
        {.key = "from", .text = offer->from.size > 0 ? offer->from : CH_STR_NONE, .drop = true},
        {.key = "reason", .text = offer->reason.size > 0 ? offer->reason : CH_STR_NONE},
        {.key = "previous", .text = previous},
        {.key = "due", .number = offer->due_ms},
        {.key = "group", .text = group},
        {.key = "form",
         .text = offer->form == CH_FORM_SINGLE ? CH_STR_NONE : ch_str_of(ch_form_name(offer->form)),
         .drop = true},
        {.key = "need", .text = counts ? ch_str_of(need) : CH_STR_NONE, .drop = true},
        {.key = "lead", .text = offer->lead.size > 0 ? offer->lead : CH_STR_NONE, .drop = true},
        {.key = "keeper", .text = offer->keeper.size > 0 ? offer->keeper : CH_STR_NONE},
        {.key = "next", .encoded = next},
        {.key = "parties", .drop = true},
    };
    return status == CH_OK ? ch_judge_map(judgement, base, pairs, sizeof pairs / sizeof *pairs, out_data)
                           : status;
}

static ch_status derive_offer(ch_judgement *judgement, const ch_offer *offer, ch_str base)
{
    ch_str data = CH_STR_NONE;
    ch_status status = offer_data(judgement, offer, base, &data);
    if (status != CH_OK) {
        return status;
    }
    ch_event event = ch_judge_derived(judgement, CH_STR("handoff.offered"), data);
    return ch_judge_append(judgement, &event, judgement->scratch->state, CH_HOW_FOLLOWS);
}

ch_status ch_judge_offer(ch_judgement *judgement, const ch_offer *offer)
{
    return derive_offer(judgement, offer, CH_STR_NONE);
}

/* The i-th offer of a plan. */
static ch_offer offer_of(const ch_plan *plan, const ch_offer *like, uint32_t group, size_t i)
{
    ch_offer offer = *like;
    offer.party = plan->parties[i];
    offer.form = plan->form;
    offer.need = plan->need;
    offer.lead = plan->lead;
    offer.group = plan->form == CH_FORM_SINGLE ? 0 : group;
    if (plan->form == CH_FORM_SEQUENCE) {
        offer.next = plan->parties + 1;
        offer.next_count = plan->count - 1;
    }
    if (i > 0 && plan->form != CH_FORM_CC) {
        offer.keeper = plan->parties[0];
    }
    return offer;
}

static ch_status derive_plan(ch_judgement *judgement, const ch_plan *plan, const ch_offer *like,
                             uint32_t group, size_t from, ch_str base)
{
    ch_status status = CH_OK;
    size_t at_once = plan->form == CH_FORM_SEQUENCE ? 1 : plan->count;
    for (size_t i = from; status == CH_OK && i < at_once; i++) {
        const ch_offer offer = offer_of(plan, like, group, i);
        status = derive_offer(judgement, &offer, base);
    }
    return status;
}

ch_status ch_judge_offer_plan(ch_judgement *judgement, const ch_plan *plan, const ch_offer *like)
{
    uint32_t group = (uint32_t)judgement->scratch->group_count + 1;
    return derive_plan(judgement, plan, like, group, 0, CH_STR_NONE);
}

/* ---- offers that others make */

static ch_status refuse_hub_fields(const ch_judgement *judgement, const ch_event *event)
{
    static const char *const fields[] = {"handoff", "previous", "group", "next", "keeper"};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        char where[sizeof "data.previous"];
        if (ch_mp_find(event->data, fields[i], NULL, NULL)) {
            snprintf(where, sizeof where, "data.%s", fields[i]);
            return ch_error_set(judgement->error, CH_INVALID, where, "%s",
                                i < 2 ? "the hub numbers handoffs" : "only the hub sets it");
        }
    }
    return CH_OK;
}

static ch_status refuse_list(const ch_judgement *judgement)
{
    return ch_error_set(judgement->error, CH_INVALID, "data.parties", "1 to %d codes of parties are expected",
                        CH_GROUP_MEMBERS_MAX);
}

static ch_status read_parties(const ch_judgement *judgement, const ch_event *event, ch_plan *plan)
{
    ch_mp_value list, party;
    ch_str bytes, one = ch_mp_find_str(event->data, "party");
    if (!ch_mp_find(event->data, "parties", &list, &bytes)) {
        plan->parties[0] = one;
        plan->count = 1;
        return one.size > 0 ? CH_OK
                            : ch_error_set(judgement->error, CH_INVALID, "data.party",
                                           "%.*s needs a party to go to", CH_STR_ARG(event->type));
    }
    if (one.size > 0) {
        return ch_error_set(judgement->error, CH_INVALID, "data.parties",
                            "either party or parties is expected, not both");
    }
    ch_mp_reader reader = ch_mp_reader_of(bytes);
    if (list.kind != CH_MP_ARRAY || list.count == 0 || list.count > CH_GROUP_MEMBERS_MAX ||
        !ch_mp_next(&reader, &list)) {
        return refuse_list(judgement);
    }
    for (; plan->count < list.count; plan->count++) {
        if (!ch_mp_next(&reader, &party) || party.kind != CH_MP_STR || party.str.size == 0) {
            return refuse_list(judgement);
        }
        plan->parties[plan->count] = party.str;
    }
    return CH_OK;
}

static ch_status read_plan(const ch_judgement *judgement, const ch_event *event, ch_plan *plan)
{
    ch_str form = ch_mp_find_str(event->data, "form"), need = ch_mp_find_str(event->data, "need");
    *plan = (ch_plan){.lead = ch_mp_find_str(event->data, "lead"), .says_need = need.at != NULL};
    ch_status status = read_parties(judgement, event, plan);
    if (status == CH_OK && form.at != NULL && ch_form_from_name(form, &plan->form) != CH_OK) {
        status = ch_error_set(judgement->error, CH_INVALID, "data.form", "there is no form %.*s",
                              CH_STR_ARG(form));
    }
    if (status == CH_OK && plan->says_need && ch_need_from_text(need, &plan->need) != CH_OK) {
        status = ch_error_set(judgement->error, CH_INVALID, "data.need",
                              "all, any or a number from 1 to %d is expected", CH_GROUP_MEMBERS_MAX);
    }
    return status;
}

static ch_status check_plan(const ch_judgement *judgement, ch_plan *plan)
{
    ch_error why = {.status = CH_OK};
    char where[sizeof "data." + sizeof why.where];
    ch_status status = ch_plan_check(judgement->rules, plan, &why);
    if (status == CH_OK) {
        return CH_OK;
    }
    snprintf(where, sizeof where, "data.%s", why.where);
    return ch_error_set(judgement->error, status, where, "%s", why.text);
}

/* Nobody may offer in another party's name: only `party`, which the grant covers, or the lead it holds
 * counts. */
static ch_str offering_party(const ch_judgement *judgement, const ch_event *event)
{
    const ch_grant *grant = judgement->intake->grant;
    ch_str lead = ch_str_of(judgement->scratch->lead);
    if (event->party.size > 0) {
        return event->party;
    }
    bool leads = judgement->intake->role == CH_ROLE_DEPARTMENT && grant != NULL && lead.size > 0 &&
                 ch_grant_holds_party(grant, lead);
    return leads ? lead : CH_STR_NONE;
}

/* The producer's event is the offer to the first; those to the others follow from it. */
static ch_status offer_to_all(ch_judgement *judgement, const ch_event *event, const ch_plan *plan,
                              const ch_handoff_transition *row)
{
    ch_event own = *event;
    ch_offer like = {.due_ms = 0};
    uint32_t group = (uint32_t)judgement->scratch->group_count + 1;
    ch_status status = ch_judge_keep(judgement, offering_party(judgement, event), &like.from);
    const ch_offer first = offer_of(plan, &like, group, 0);
    if (status == CH_OK) {
        status = offer_data(judgement, &first, event->data, &own.data);
    }
    if (status == CH_OK) {
        status = ch_judge_append(judgement, &own, judgement->scratch->state, CH_HOW_OWN);
    }
    if (status == CH_OK) {
        status = derive_plan(judgement, plan, &like, group, 1, event->data);
    }
    return status == CH_OK && plan->form != CH_FORM_CC ? ch_judge_let_case_follow(judgement, row) : status;
}

static bool case_allows(const ch_judgement *judgement, const ch_handoff_transition *row)
{
    return row->cases == 0 || (row->cases & UINT32_C(1) << judgement->scratch->state) != 0;
}

ch_status ch_judge_take_offer(ch_judgement *judgement, const ch_event *event)
{
    ch_plan plan;
    const ch_case *scratch = judgement->scratch;
    ch_status status = read_plan(judgement, event, &plan);
    if (status == CH_OK) {
        status = check_plan(judgement, &plan);
    }
    if (status == CH_OK) {
        status = refuse_hub_fields(judgement, event);
    }
    if (status != CH_OK) {
        return status;
    }
    const ch_handoff_transition *row = ch_handoff_row(judgement->rules, event->type, CH_HANDOFF_NONE);
    if (row != NULL && case_allows(judgement, row)) {
        return offer_to_all(judgement, event, &plan, row);
    }
    if (!judgement->strict && judgement->intake->role != CH_ROLE_HUB) {
        return ch_judge_append(judgement, event, scratch->state, CH_HOW_ANOMALOUS);
    }
    return ch_error_set(judgement->error, CH_REFUSED, "type", "%.*s is not legal in state %s (version %u)",
                        CH_STR_ARG(event->type), ch_case_state_name(scratch->state), scratch->version);
}

/* ---- one after another */

/* Those of the group that are still to be tried; they live as long as the decision. */
static ch_status candidates_of(ch_judgement *judgement, uint32_t group,
                               ch_str out_parties[CH_GROUP_MEMBERS_MAX], size_t *out_count)
{
    const ch_case *scratch = judgement->scratch;
    size_t count = 0;
    for (size_t i = 0; i < scratch->candidate_count && count < CH_GROUP_MEMBERS_MAX; i++) {
        if (scratch->candidates[i].group == group) {
            ch_status status =
                ch_judge_keep(judgement, ch_str_of(scratch->candidates[i].party), &out_parties[count++]);
            if (status != CH_OK) {
                return status;
            }
        }
    }
    *out_count = count;
    return CH_OK;
}

/* In the place of one that has ended: in the same group. */
static ch_offer offer_in_place_of(const ch_case *the_case, const ch_handoff *ended)
{
    return (ch_offer){.previous = ended->index,
                      .group = ended->group,
                      .need = ended->group == 0 ? CH_NEED_ALL : the_case->groups[ended->group - 1].need,
                      .form = ch_case_form(the_case, ended)};
}

static ch_str lead_of(const ch_case *the_case, uint32_t group)
{
    for (size_t i = the_case->handoff_count; i > 0; i--) {
        const ch_handoff *handoff = &the_case->handoffs[i - 1];
        if (handoff->group == group && handoff->lead) {
            return ch_str_of(handoff->party);
        }
    }
    return CH_STR_NONE;
}

ch_status ch_judge_pass_on(ch_judgement *judgement, uint32_t index, ch_str target, ch_str reason,
                           bool had_case)
{
    ch_str left[CH_GROUP_MEMBERS_MAX];
    const ch_handoff *old = ch_case_handoff(judgement->scratch, index);
    ch_offer offer = offer_in_place_of(judgement->scratch, old);
    offer.party = target;
    offer.reason = reason;
    offer.due_ms = old->due_ms;
    ch_status status = ch_judge_keep(judgement, ch_str_of(old->party), &offer.from);
    if (status == CH_OK && offer.form == CH_FORM_JOINT) {
        status = ch_judge_keep(judgement, old->lead ? target : lead_of(judgement->scratch, old->group),
                               &offer.lead);
    }
    if (status == CH_OK && offer.form == CH_FORM_SEQUENCE) {
        status = candidates_of(judgement, offer.group, left, &offer.next_count);
        offer.next = left;
    }
    if (status == CH_OK && offer.group != 0 && !had_case) {
        status = ch_judge_keep(judgement, ch_str_of(judgement->scratch->lead), &offer.keeper);
    }
    return status == CH_OK ? ch_judge_offer(judgement, &offer) : status;
}

/* As much time as the one before had. */
static int64_t due_again(const ch_judgement *judgement, const ch_handoff *before)
{
    return before->due_ms == 0 ? 0 : judgement->cause->time_ms + before->due_ms - before->offered_ms;
}

static bool was_tried(const ch_case *the_case, uint32_t group, ch_str party)
{
    for (size_t i = 0; i < the_case->handoff_count; i++) {
        if (the_case->handoffs[i].group == group && ch_str_is(party, the_case->handoffs[i].party)) {
            return true;
        }
    }
    return false;
}

ch_status ch_judge_try_next(ch_judgement *judgement, uint32_t index, bool *out_offered)
{
    ch_str left[CH_GROUP_MEMBERS_MAX];
    size_t count = 0, at = 0;
    const ch_handoff *ended = ch_case_handoff(judgement->scratch, index);
    ch_offer offer = offer_in_place_of(judgement->scratch, ended);
    offer.reason = CH_STR("next");
    offer.due_ms = due_again(judgement, ended);
    ch_status status = candidates_of(judgement, ended->group, left, &count);
    if (status == CH_OK) {
        status = ch_judge_keep(judgement, ch_str_of(ended->from), &offer.from);
    }
    /* The tables may have changed since the sequence was made, and one may have got it from another before its turn. */
    while (at < count && (ch_rules_party(judgement->rules, left[at]) == NULL ||
                          was_tried(judgement->scratch, offer.group, left[at]))) {
        at++;
    }
    *out_offered = status == CH_OK && at < count && !judgement->is_history;
    if (!*out_offered) {
        return status;
    }
    offer.party = left[at];
    offer.next = left + at + 1;
    offer.next_count = count - at - 1;
    return ch_judge_offer(judgement, &offer);
}
