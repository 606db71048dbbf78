/* What the events of handoffs change in their case. */
#include "hub/model/evolve.h"

#include <stdio.h>

/* The handoff that data.field names; 0 when it names none of this case's numbers. */
static uint32_t handoff_index(const ch_case *the_case, const ch_event *event, const char *field)
{
    ch_str case_id;
    uint32_t index;
    ch_str id = ch_mp_find_str(event->data, field);
    if (id.at == NULL || ch_handoff_id_split(id, &case_id, &index) != CH_OK ||
        !ch_str_is(case_id, the_case->id)) {
        return 0;
    }
    return index;
}

/* What an offer says of the group it belongs to. */
typedef struct membership {
    uint32_t group; /* 0: none */
    ch_group as;
    ch_str lead;
    ch_mp_reader next; /* at the candidates to come */
    uint32_t next_count;
    bool arbitration;
} membership;

static ch_status read_candidates(const ch_event *event, membership *out)
{
    ch_mp_value list, party;
    ch_str bytes;
    if (!ch_mp_find(event->data, "next", &list, &bytes)) {
        return CH_OK;
    }
    ch_mp_reader reader = ch_mp_reader_of(bytes);
    if (list.kind != CH_MP_ARRAY || list.count > CH_GROUP_MEMBERS_MAX || !ch_mp_next(&reader, &list)) {
        return CH_CORRUPT;
    }
    out->next = reader;
    out->next_count = list.count;
    for (uint32_t i = 0; i < list.count; i++) {
        if (!ch_mp_next(&reader, &party) || party.kind != CH_MP_STR || party.str.size == 0 ||
            party.str.size > CH_CODE_MAX || memchr(party.str.at, '\0', party.str.size) != NULL) {
            return CH_CORRUPT;
        }
    }
    return CH_OK;
}

static ch_status read_membership(const ch_case *the_case, const ch_event *event, membership *out)
{
    ch_str case_id, need;
    ch_str group = ch_mp_find_str(event->data, "group"), form = ch_mp_find_str(event->data, "form");
    *out = (membership){.group = 0};
    if (form.at != NULL && ch_form_from_name(form, &out->as.form) != CH_OK) {
        return CH_CORRUPT;
    }
    out->arbitration = out->as.form == CH_FORM_ARBITRATION;
    if (group.at == NULL) {
        return CH_OK;
    }
    need = ch_mp_find_str(event->data, "need");
    out->lead = ch_mp_find_str(event->data, "lead");
    if (ch_group_id_split(group, &case_id, &out->group) != CH_OK || !ch_str_is(case_id, the_case->id) ||
        out->group > the_case->group_count + 1 || out->as.form == CH_FORM_SINGLE || out->arbitration ||
        (need.at != NULL && ch_need_from_text(need, &out->as.need) != CH_OK)) {
        return CH_CORRUPT;
    }
    return out->group > CH_GROUPS_MAX ? CH_FULL : read_candidates(event, out);
}

static size_t candidates_of(const ch_case *the_case, uint32_t group)
{
    size_t count = 0;
    for (size_t i = 0; i < the_case->candidate_count; i++) {
        count += the_case->candidates[i].group == group;
    }
    return count;
}

static ch_status make_room(ch_case *the_case, const membership *in)
{
    if (in->group == 0) {
        return CH_OK;
    }
    size_t candidates = the_case->candidate_count - candidates_of(the_case, in->group) + in->next_count;
    return candidates > CH_CANDIDATES_MAX ? CH_FULL : ch_case_reserve_groups(the_case, in->group, candidates);
}

/* Each offer of a sequence says who is left. Only after make_room. */
static void join_group(ch_case *the_case, membership *in)
{
    size_t kept = 0;
    ch_mp_value party;
    if (in->group == 0) {
        return;
    }
    if (in->group > the_case->group_count) {
        the_case->groups[the_case->group_count++] = in->as;
    }
    for (size_t i = 0; i < the_case->candidate_count; i++) {
        if (the_case->candidates[i].group != in->group) {
            the_case->candidates[kept++] = the_case->candidates[i];
        }
    }
    for (uint32_t i = 0; i < in->next_count && ch_mp_next(&in->next, &party); i++) {
        ch_candidate *candidate = &the_case->candidates[kept++];
        *candidate = (ch_candidate){.group = in->group};
        memcpy(candidate->party, party.str.at, party.str.size);
    }
    the_case->candidate_count = kept;
}

/* Who has the case once this is offered: the receiver, unless somebody else keeps it. */
static ch_str holder_after(const ch_event *event, const membership *in, ch_str party)
{
    if (in->as.form == CH_FORM_SINGLE) {
        return party;
    }
    ch_str keeper = ch_mp_find_str(event->data, "keeper");
    return keeper.at != NULL || in->as.form == CH_FORM_CC ? keeper : party;
}

ch_status ch_evolve_offered(ch_case *the_case, const ch_event *event)
{
    membership in;
    uint32_t index = handoff_index(the_case, event, "handoff");
    uint32_t previous = handoff_index(the_case, event, "previous");
    ch_str party = ch_mp_find_str(event->data, "party");
    if (index != the_case->handoff_count + 1 || previous >= index || party.size == 0) {
        return CH_CORRUPT;
    }
    if (the_case->handoff_count == CH_HANDOFFS_MAX) {
        return CH_FULL;
    }
    ch_status status = read_membership(the_case, event, &in);
    if (status == CH_OK) {
        status = ch_case_reserve(the_case, index, 0, 0, 0);
    }
    if (status == CH_OK) {
        status = make_room(the_case, &in);
    }
    if (status != CH_OK) {
        return status;
    }
    ch_handoff *handoff = &the_case->handoffs[index - 1];
    *handoff = (ch_handoff){.index = index,
                            .state = CH_HANDOFF_OFFERED,
                            .group = in.group,
                            .previous = previous,
                            .lead = ch_str_equal(in.lead, party),
                            .arbitration = in.arbitration,
                            .cycle = event->cycle,
                            .due_ms = ch_mp_find_int(event->data, "due", 0),
                            .offered_ms = event->time_ms,
                            .offered_sequence = event->sequence};
    const ch_evolve_text copies[] = {
        {party, handoff->party, sizeof handoff->party},
        {ch_mp_find_str(event->data, "from"), handoff->from, sizeof handoff->from},
        {ch_mp_find_str(event->data, "reason"), handoff->reason, sizeof handoff->reason},
        {holder_after(event, &in, party), the_case->lead, sizeof the_case->lead},
    };
    status = ch_evolve_texts(copies, sizeof copies / sizeof *copies);
    if (status == CH_OK) {
        the_case->handoff_count++;
        join_group(the_case, &in);
    }
    return status;
}

/* The latest that is at work, not only informed or asked to decide. */
static const ch_handoff *latest_at_work(const ch_case *the_case)
{
    for (size_t i = the_case->handoff_count; i > 0; i--) {
        const ch_handoff *handoff = &the_case->handoffs[i - 1];
        ch_form form = ch_case_form(the_case, handoff);
        if (ch_handoff_is_open(handoff->state) && form != CH_FORM_CC && form != CH_FORM_ARBITRATION) {
            return handoff;
        }
    }
    return NULL;
}

/* In whose name a group is done when its last open member is called off: the latest that completed. */
static const char *completed_in(const ch_case *the_case, uint32_t group)
{
    for (size_t i = the_case->handoff_count; group != 0 && i > 0; i--) {
        const ch_handoff *handoff = &the_case->handoffs[i - 1];
        if (handoff->group == group && handoff->state == CH_HANDOFF_COMPLETED) {
            return handoff->party;
        }
    }
    return "";
}

/* Who has a case after one of its handoffs ended: the latest that is still open. With none open the party
 * that completed it stays on record, and so does the last one of a case that has ended or that somebody is
 * just deciding about. Who led a joint group when its case ended stays, although its co-workers end after it. */
static void pass_lead_on(ch_case *the_case, const ch_handoff *ended)
{
    const ch_handoff *open = latest_at_work(the_case);
    bool led_to_the_end = ended->lead && !ch_case_state_is_active(the_case->state);
    if (strcmp(the_case->lead, ended->party) != 0 || ch_case_form(the_case, ended) == CH_FORM_CC ||
        led_to_the_end) {
        return;
    }
    if (open != NULL) {
        memcpy(the_case->lead, open->party, sizeof the_case->lead);
    } else if (ended->state != CH_HANDOFF_COMPLETED && ch_case_latest_open(the_case) == NULL &&
               ch_case_state_is_active(the_case->state)) {
        snprintf(the_case->lead, sizeof the_case->lead, "%s", completed_in(the_case, ended->group));
    }
}

static void stamp_handoff(ch_handoff *handoff, int64_t time_ms)
{
    switch (handoff->state) {
    case CH_HANDOFF_NONE:
    case CH_HANDOFF_OFFERED: break;
    case CH_HANDOFF_DELIVERED: handoff->delivered_ms = time_ms; break;
    case CH_HANDOFF_ACCEPTED: handoff->accepted_ms = time_ms; break;
    case CH_HANDOFF_STARTED: handoff->started_ms = time_ms; break;
    case CH_HANDOFF_REJECTED:
    case CH_HANDOFF_COMPLETED:
    case CH_HANDOFF_FAILED:
    case CH_HANDOFF_RETURNED:
    case CH_HANDOFF_TRANSFERRED:
    case CH_HANDOFF_WITHDRAWN:
    case CH_HANDOFF_EXPIRED:
    case CH_HANDOFF_STATE_COUNT: handoff->ended_ms = time_ms; break;
    }
}

ch_status ch_evolve_moved(ch_case *the_case, const ch_event *event)
{
    uint32_t index = handoff_index(the_case, event, "handoff");
    if (index == 0 || index > the_case->handoff_count) {
        return CH_CORRUPT;
    }
    ch_handoff *handoff = &the_case->handoffs[index - 1];
    const ch_evolve_text reason = {ch_mp_find_str(event->data, "reason"), handoff->reason,
                                   sizeof handoff->reason};
    ch_handoff_state after = ch_handoff_state_after(event->type);
    if (!ch_handoff_is_open(handoff->state) || ch_evolve_texts(&reason, 1) != CH_OK) {
        return CH_CORRUPT;
    }
    handoff->state = after;
    stamp_handoff(handoff, event->time_ms);
    if (!ch_handoff_is_open(after)) {
        pass_lead_on(the_case, handoff);
    }
    return CH_OK;
}

ch_status ch_evolve_extended(ch_case *the_case, const ch_event *event)
{
    uint32_t index = handoff_index(the_case, event, "handoff");
    if (index == 0 || index > the_case->handoff_count) {
        return CH_CORRUPT;
    }
    ch_handoff *handoff = &the_case->handoffs[index - 1];
    handoff->due_ms = ch_mp_find_int(event->data, "due", handoff->due_ms);
    return CH_OK;
}

ch_status ch_evolve_urged(ch_case *the_case, const ch_event *event)
{
    uint32_t index = handoff_index(the_case, event, "handoff");
    if (index == 0 || index > the_case->handoff_count) {
        return CH_CORRUPT;
    }
    the_case->handoffs[index - 1].urged++;
    return CH_OK;
}

ch_status ch_evolve_escalated(ch_case *the_case, const ch_event *event)
{
    uint32_t index = handoff_index(the_case, event, "handoff");
    if (index == 0 || index > the_case->handoff_count) {
        return CH_CORRUPT;
    }
    the_case->handoffs[index - 1].escalated++;
    return CH_OK;
}
