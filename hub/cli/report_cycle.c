#include "hub/cli/report_cycle.h"

#include "hub/base/array.h"

#include <stdlib.h>

static const ch_outcome nothing_yet = {
    .accepted_ms = CH_NEVER, .answered_ms = CH_NEVER, .resolved_ms = CH_NEVER, .satisfied = -1};

void ch_report_cycle_begin(ch_report_cycle *cycle, int64_t time_ms)
{
    cycle->whole = nothing_yet;
    cycle->whole.started_ms = time_ms;
    cycle->share_count = cycle->breach_count = 0;
}

void ch_report_cycle_done(ch_report_cycle *cycle)
{
    free(cycle->shares);
    free(cycle->breaches);
    *cycle = (ch_report_cycle){.share_count = 0};
}

/* NULL: this party was not given the case. */
static ch_outcome *share_of(ch_report_cycle *cycle, ch_str party)
{
    for (size_t i = 0; i < cycle->share_count; i++) {
        if (ch_str_is(party, cycle->shares[i].party)) {
            return &cycle->shares[i].outcome;
        }
    }
    return NULL;
}

static ch_status give_to(ch_report_cycle *cycle, ch_str party, int64_t time_ms)
{
    ch_report_share fresh = {.outcome = nothing_yet};
    if (party.size == 0 || share_of(cycle, party) != NULL ||
        ch_str_copy(fresh.party, sizeof fresh.party, party) != CH_OK) {
        return CH_OK;
    }
    ch_status status = ch_array_reserve(&cycle->shares, &cycle->share_capacity, cycle->share_count + 1, 1,
                                        sizeof *cycle->shares);
    if (status == CH_OK) {
        fresh.outcome.started_ms = time_ms;
        cycle->shares[cycle->share_count++] = fresh;
    }
    return status;
}

static void first(int64_t *moment, int64_t time_ms)
{
    if (*moment == CH_NEVER) {
        *moment = time_ms;
    }
}

/* What one event is about. */
typedef struct moment {
    ch_report_cycle *cycle;
    const ch_event *event;
    const ch_handoff *handoff; /* that it names, when it is for work; else NULL */
    ch_outcome *whole;
    ch_outcome *share; /* of the handoff's receiver, else of who has the case; NULL: of nobody */
} moment;

static ch_status accepted(const moment *at)
{
    first(&at->whole->accepted_ms, at->event->time_ms);
    if (at->share != NULL) {
        first(&at->share->accepted_ms, at->event->time_ms);
    }
    return CH_OK;
}

static ch_status answered(const moment *at)
{
    first(&at->whole->answered_ms, at->event->time_ms);
    if (at->share != NULL) {
        first(&at->share->answered_ms, at->event->time_ms);
    }
    return CH_OK;
}

static ch_status replied(const moment *at)
{
    ch_mp_value is_public;
    bool said = ch_mp_find(at->event->data, "public", &is_public, NULL) && is_public.kind == CH_MP_BOOL;
    return said && !is_public.boolean ? CH_OK : answered(at);
}

static ch_status offered(const moment *at)
{
    return at->handoff == NULL ? CH_OK
                               : give_to(at->cycle, ch_str_of(at->handoff->party), at->event->time_ms);
}

static ch_status assigned(const moment *at)
{
    first(&at->whole->accepted_ms, at->event->time_ms);
    return give_to(at->cycle, ch_mp_find_str(at->event->data, "party"), at->event->time_ms);
}

static ch_status arbitrated(const moment *at)
{
    return give_to(at->cycle, ch_mp_find_str(at->event->data, "party"), at->event->time_ms);
}

static ch_status handoff_accepted(const moment *at)
{
    return at->handoff == NULL ? CH_OK : accepted(at);
}

static void be_late(const moment *at)
{
    at->whole->late = true;
    if (at->share != NULL) {
        at->share->late = true;
    }
}

static ch_status completed(const moment *at)
{
    if (at->handoff == NULL) {
        return CH_OK;
    }
    if (at->handoff->due_ms != 0 && at->event->time_ms > at->handoff->due_ms) {
        be_late(at);
    }
    if (at->share != NULL) {
        first(&at->share->answered_ms, at->event->time_ms);
        first(&at->share->resolved_ms, at->event->time_ms);
    }
    return CH_OK;
}

static ch_status expired(const moment *at)
{
    if (at->handoff != NULL) {
        be_late(at);
    }
    return CH_OK;
}

static ch_status returned(const moment *at)
{
    if (at->handoff != NULL) {
        at->whole->returned = true;
        if (at->share != NULL) {
            at->share->returned = true;
        }
    }
    return CH_OK;
}

static ch_status rejected(const moment *at)
{
    if (at->handoff != NULL) {
        at->whole->rejected = true;
        if (at->share != NULL) {
            at->share->rejected = true;
        }
    }
    return CH_OK;
}

static size_t breach_position(const ch_report_cycle *cycle, ch_str clock)
{
    size_t at = 0;
    while (at < cycle->breach_count && !ch_str_is(clock, cycle->breaches[at].clock)) {
        at++;
    }
    return at;
}

static ch_status breached(const moment *at)
{
    ch_report_cycle *cycle = at->cycle;
    ch_report_breach fresh;
    ch_str clock = ch_mp_find_str(at->event->data, "clock"), party = ch_mp_find_str(at->event->data, "party");
    if (breach_position(cycle, clock) < cycle->breach_count ||
        ch_str_copy(fresh.clock, sizeof fresh.clock, clock) != CH_OK ||
        ch_str_copy(fresh.party, sizeof fresh.party, party) != CH_OK) {
        return CH_OK;
    }
    ch_status status = ch_array_reserve(&cycle->breaches, &cycle->breach_capacity, cycle->breach_count + 1, 1,
                                        sizeof *cycle->breaches);
    if (status == CH_OK) {
        cycle->breaches[cycle->breach_count++] = fresh;
    }
    return status;
}

/* In time, although it was heard of later. */
static ch_status met(const moment *at)
{
    ch_mp_value late;
    ch_report_cycle *cycle = at->cycle;
    size_t breach = breach_position(cycle, ch_mp_find_str(at->event->data, "clock"));
    if (breach < cycle->breach_count && ch_mp_find(at->event->data, "late_report", &late, NULL) &&
        late.kind == CH_MP_BOOL && late.boolean) {
        cycle->breaches[breach] = cycle->breaches[--cycle->breach_count];
    }
    return CH_OK;
}

static const struct {
    const char *type;
    ch_status (*take)(const moment *at);
} types[] = {
    {"case.accepted", accepted},
    {"case.assigned", assigned},
    {"case.arbitrated", arbitrated},
    {"case.replied", replied},
    {"case.rejected", answered},
    {"handoff.offered", offered},
    {"handoff.accepted", handoff_accepted},
    {"handoff.completed", completed},
    {"handoff.expired", expired},
    {"handoff.returned", returned},
    {"handoff.rejected", rejected},
    {"clock.breached", breached},
    {"clock.met", met},
};

static const ch_handoff *handoff_of(const ch_case *the_case, const ch_event *event)
{
    ch_str case_id;
    uint32_t index;
    ch_str id = ch_mp_find_str(event->data, "handoff");
    if (id.at == NULL || ch_handoff_id_split(id, &case_id, &index) != CH_OK) {
        return NULL;
    }
    const ch_handoff *handoff = ch_case_handoff(the_case, index);
    ch_form form = handoff == NULL ? CH_FORM_CC : ch_case_form(the_case, handoff);
    return form == CH_FORM_CC || form == CH_FORM_ARBITRATION ? NULL : handoff;
}

/* Whom a reply, an acceptance, a result of the case itself is counted for. */
static ch_str actor_of(const moment *at, const char *lead)
{
    if (at->handoff != NULL) {
        return ch_str_of(at->handoff->party);
    }
    return share_of(at->cycle, at->event->party) != NULL ? at->event->party : ch_str_of(lead);
}

static void take_state(const moment *at, const ch_case *the_case, const char *lead)
{
    ch_outcome *share = share_of(at->cycle, ch_str_of(lead));
    if (the_case->state != CH_CASE_RESOLVED && the_case->state != CH_CASE_CLOSED) {
        return;
    }
    if (at->whole->resolved_ms == CH_NEVER && share != NULL) {
        first(&share->answered_ms, at->event->time_ms);
        first(&share->resolved_ms, at->event->time_ms);
    }
    first(&at->whole->answered_ms, at->event->time_ms);
    first(&at->whole->resolved_ms, at->event->time_ms);
    at->whole->score = the_case->feedback_score;
    at->whole->satisfied = the_case->feedback_satisfied;
}

ch_status ch_report_cycle_add(ch_report_cycle *cycle, const ch_case *the_case, const char *lead_before,
                              const ch_event *event)
{
    const char *lead = lead_before[0] != '\0' ? lead_before : the_case->lead;
    moment at = {
        .cycle = cycle, .event = event, .handoff = handoff_of(the_case, event), .whole = &cycle->whole};
    at.share = share_of(cycle, actor_of(&at, lead));
    ch_status status = CH_OK;
    for (size_t i = 0; i < CH_COUNT_OF(types); i++) {
        if (ch_str_is(event->type, types[i].type)) {
            status = types[i].take(&at);
            break;
        }
    }
    take_state(&at, the_case, lead);
    return status;
}

ch_outcome ch_report_cycle_outcome(const ch_report_cycle *cycle, const ch_report_share *share)
{
    ch_outcome outcome = share == NULL ? cycle->whole : share->outcome;
    for (size_t i = 0; i < cycle->breach_count; i++) {
        outcome.late = outcome.late || share == NULL || strcmp(cycle->breaches[i].party, share->party) == 0;
    }
    if (share != NULL && outcome.resolved_ms != CH_NEVER) {
        outcome.satisfied = cycle->whole.satisfied;
        outcome.score = cycle->whole.score;
    }
    return outcome;
}
