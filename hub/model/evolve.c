#include "hub/model/evolve.h"

ch_status ch_evolve_texts(const ch_evolve_text *copies, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        ch_str from = copies[i].from;
        if (from.size >= copies[i].size || (from.size > 0 && memchr(from.at, '\0', from.size) != NULL)) {
            return CH_CORRUPT;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (copies[i].from.at != NULL) {
            memcpy(copies[i].to, copies[i].from.at, copies[i].from.size);
            copies[i].to[copies[i].from.size] = '\0';
        }
    }
    return CH_OK;
}

static size_t digest_position(const ch_case *the_case, ch_str field)
{
    for (size_t i = 0; i < the_case->digest_count; i++) {
        if (ch_str_is(field, the_case->digests[i].field)) {
            return i;
        }
    }
    return the_case->digest_count;
}

static ch_status check_digests(ch_case *the_case, const ch_event *event)
{
    ch_mp_reader reader = ch_mp_reader_of(event->digests);
    ch_mp_value head, field, digest;
    if (event->digests.at == NULL) {
        return CH_OK;
    }
    if (!ch_mp_next(&reader, &head) || head.kind != CH_MP_MAP) {
        return CH_CORRUPT;
    }
    size_t added = 0;
    for (uint32_t i = 0; i < head.count; i++) {
        if (!ch_mp_next(&reader, &field) || !ch_mp_next(&reader, &digest) || field.kind != CH_MP_STR ||
            field.str.size > CH_CODE_MAX || digest.kind != CH_MP_BIN || digest.str.size != 8) {
            return CH_CORRUPT;
        }
        added += digest_position(the_case, field.str) == the_case->digest_count;
    }
    return the_case->digest_count + added > CH_DIGESTS_MAX
               ? CH_FULL
               : ch_case_reserve(the_case, 0, 0, 0, the_case->digest_count + added);
}

/* Only after check_digests. */
static void take_digests(ch_case *the_case, const ch_event *event)
{
    ch_mp_reader reader = ch_mp_reader_of(event->digests);
    ch_mp_value head, field, digest;
    if (event->digests.at == NULL || !ch_mp_next(&reader, &head)) {
        return;
    }
    for (uint32_t i = 0; i < head.count; i++) {
        if (!ch_mp_next(&reader, &field) || !ch_mp_next(&reader, &digest)) {
            return;
        }
        size_t at = digest_position(the_case, field.str);
        if (at == the_case->digest_count) {
            memset(the_case->digests[at].field, 0, sizeof the_case->digests[at].field);
            memcpy(the_case->digests[at].field, field.str.at, field.str.size);
            the_case->digest_count++;
        }
        memcpy(the_case->digests[at].digest, digest.str.at, digest.str.size);
    }
}

/* What the opening says and an amendment may change. */
static ch_status take_description(ch_case *the_case, const ch_event *event)
{
    ch_status status = check_digests(the_case, event);
    if (status != CH_OK) {
        return status;
    }
    const ch_evolve_text copies[] = {
        {ch_mp_find_str(event->data, "kind"), the_case->kind, sizeof the_case->kind},
        {ch_mp_find_str(event->data, "category"), the_case->category, sizeof the_case->category},
        {event->area, the_case->area, sizeof the_case->area},
    };
    status = ch_evolve_texts(copies, sizeof copies / sizeof *copies);
    if (status != CH_OK) {
        return status;
    }
    int64_t priority = ch_mp_find_int(event->data, "priority", the_case->priority);
    the_case->priority = priority >= 0 && priority <= 5 ? (int)priority : the_case->priority;
    take_digests(the_case, event);
    return CH_OK;
}

static ch_status open_case(ch_case *the_case, const ch_event *event)
{
    if (the_case->version != 0 || event->subject.size == 0) {
        return CH_CORRUPT;
    }
    ch_str origin = ch_mp_find_str(event->data, "origin");
    const ch_evolve_text copies[] = {
        {event->subject, the_case->id, sizeof the_case->id},
        {origin.at != NULL ? origin : event->source, the_case->source, sizeof the_case->source},
    };
    if (event->subject.size >= sizeof the_case->id) {
        return CH_CORRUPT;
    }
    ch_status status = take_description(the_case, event);
    if (status == CH_OK) {
        status = ch_evolve_texts(copies, sizeof copies / sizeof *copies);
    }
    if (status != CH_OK) {
        ch_case_clear(the_case);
        return status;
    }
    the_case->test_mode = event->test_mode;
    the_case->opened_ms = event->time_ms;
    the_case->opened_sequence = event->sequence;
    return CH_OK;
}

static ch_status assign_case(ch_case *the_case, const ch_event *event)
{
    const ch_evolve_text party = {ch_mp_find_str(event->data, "party"), the_case->lead,
                                  sizeof the_case->lead};
    return ch_evolve_texts(&party, 1);
}

static ch_status make_case_wait(ch_case *the_case, const ch_event *event)
{
    ch_str reason = ch_mp_find_str(event->data, "reason");
    const ch_evolve_text copy = {reason.at != NULL ? reason : CH_STR(""), the_case->waiting_reason,
                                 sizeof the_case->waiting_reason};
    ch_status status = ch_evolve_texts(&copy, 1);
    if (status == CH_OK && the_case->state != CH_CASE_WAITING) {
        the_case->state_before_waiting = the_case->state;
    }
    return status;
}

static ch_status take_feedback(ch_case *the_case, const ch_event *event)
{
    ch_mp_value satisfied;
    int64_t score = ch_mp_find_int(event->data, "score", the_case->feedback_score);
    the_case->feedback_score = score >= 1 && score <= 5 ? (int)score : the_case->feedback_score;
    if (ch_mp_find(event->data, "satisfied", &satisfied, NULL) && satisfied.kind == CH_MP_BOOL) {
        the_case->feedback_satisfied = satisfied.boolean;
    }
    return CH_OK;
}

static ch_status reopen_case(ch_case *the_case, const ch_event *event)
{
    if (event->cycle != the_case->cycle + 1) {
        return CH_CORRUPT;
    }
    the_case->feedback_score = 0;
    the_case->feedback_satisfied = -1;
    return CH_OK;
}

/* Types that are not here change nothing but state, cycle and version. */
#define TYPE(text)                                                                                           \
    {                                                                                                        \
        text, sizeof text - 1                                                                                \
    }
static const struct {
    ch_str type;
    ch_evolve_change *apply;
    ch_handoff_state after;
} changes[] = {
    {TYPE("case.opened"), open_case, CH_HANDOFF_NONE},
    {TYPE("case.amended"), take_description, CH_HANDOFF_NONE},
    {TYPE("case.assigned"), assign_case, CH_HANDOFF_NONE},
    {TYPE("case.waiting"), make_case_wait, CH_HANDOFF_NONE},
    {TYPE("case.arbitrated"), assign_case, CH_HANDOFF_NONE},
    {TYPE("case.feedback"), take_feedback, CH_HANDOFF_NONE},
    {TYPE("case.reopened"), reopen_case, CH_HANDOFF_NONE},
    {TYPE("case.linked"), ch_evolve_linked, CH_HANDOFF_NONE},
    {TYPE("case.unlinked"), ch_evolve_unlinked, CH_HANDOFF_NONE},
    {TYPE("case.merged"), ch_evolve_merged, CH_HANDOFF_NONE},
    {TYPE("case.suggested"), ch_evolve_suggested, CH_HANDOFF_NONE},
    {TYPE("handoff.offered"), ch_evolve_offered, CH_HANDOFF_OFFERED},
    {TYPE("handoff.delivered"), ch_evolve_moved, CH_HANDOFF_DELIVERED},
    {TYPE("handoff.accepted"), ch_evolve_moved, CH_HANDOFF_ACCEPTED},
    {TYPE("handoff.rejected"), ch_evolve_moved, CH_HANDOFF_REJECTED},
    {TYPE("handoff.started"), ch_evolve_moved, CH_HANDOFF_STARTED},
    {TYPE("handoff.completed"), ch_evolve_moved, CH_HANDOFF_COMPLETED},
    {TYPE("handoff.failed"), ch_evolve_moved, CH_HANDOFF_FAILED},
    {TYPE("handoff.returned"), ch_evolve_moved, CH_HANDOFF_RETURNED},
    {TYPE("handoff.transferred"), ch_evolve_moved, CH_HANDOFF_TRANSFERRED},
    {TYPE("handoff.withdrawn"), ch_evolve_moved, CH_HANDOFF_WITHDRAWN},
    {TYPE("handoff.expired"), ch_evolve_moved, CH_HANDOFF_EXPIRED},
    {TYPE("handoff.extended"), ch_evolve_extended, CH_HANDOFF_NONE},
    {TYPE("handoff.urged"), ch_evolve_urged, CH_HANDOFF_NONE},
    {TYPE("handoff.escalated"), ch_evolve_escalated, CH_HANDOFF_NONE},
    {TYPE("clock.started"), ch_evolve_clock_started, CH_HANDOFF_NONE},
    {TYPE("clock.paused"), ch_evolve_clock_moved, CH_HANDOFF_NONE},
    {TYPE("clock.resumed"), ch_evolve_clock_moved, CH_HANDOFF_NONE},
    {TYPE("clock.extended"), ch_evolve_clock_moved, CH_HANDOFF_NONE},
    {TYPE("clock.recomputed"), ch_evolve_clock_moved, CH_HANDOFF_NONE},
    {TYPE("clock.warned"), ch_evolve_clock_moved, CH_HANDOFF_NONE},
    {TYPE("clock.met"), ch_evolve_clock_moved, CH_HANDOFF_NONE},
    {TYPE("clock.breached"), ch_evolve_clock_moved, CH_HANDOFF_NONE},
    {TYPE("clock.escalated"), ch_evolve_clock_moved, CH_HANDOFF_NONE},
    {TYPE("clock.cancelled"), ch_evolve_clock_moved, CH_HANDOFF_NONE},
};
#undef TYPE

static size_t change_position(ch_str type)
{
    size_t i = 0;
    while (i < sizeof changes / sizeof *changes && !ch_str_equal(type, changes[i].type)) {
        i++;
    }
    return i;
}

ch_handoff_state ch_handoff_state_after(ch_str type)
{
    size_t at = change_position(type);
    return at < sizeof changes / sizeof *changes ? changes[at].after : CH_HANDOFF_NONE;
}

static bool follows(const ch_case *the_case, uint64_t number, const ch_event *event)
{
    if (event->case_version != the_case->version + 1 || number == 0 || event->case_state == CH_CASE_NONE ||
        event->case_state >= CH_CASE_STATE_COUNT) {
        return false;
    }
    if (the_case->version == 0) {
        return event->cycle == 1 && !event->anomalous && ch_str_is(event->type, "case.opened");
    }
    bool reopened = event->cycle == the_case->cycle + 1 && ch_str_is(event->type, "case.reopened");
    return the_case->number == number && ch_str_is(event->subject, the_case->id) &&
           (event->cycle == the_case->cycle || reopened);
}

/* Steps are in the order of their cycles, so the first is always of the oldest one. */
static void note_step(ch_case *the_case, int64_t time_ms)
{
    if (the_case->step_count == CH_STEPS_MAX) {
        the_case->step_count--;
        memmove(the_case->steps, the_case->steps + 1, the_case->step_count * sizeof *the_case->steps);
    }
    ch_step *step = &the_case->steps[the_case->step_count++];
    *step = (ch_step){.state = the_case->state, .cycle = the_case->cycle, .entered_ms = time_ms};
    memcpy(step->party, the_case->lead, sizeof step->party);
}

static bool brings_a_ref(const ch_case *the_case, const ch_event *event)
{
    if (event->ref.size == 0 || event->ref.size > CH_ID_MAX || the_case->ref_count == CH_REFS_MAX ||
        the_case->refs == NULL || !ch_str_is(event->source, the_case->source)) {
        return false;
    }
    for (size_t i = 0; i < the_case->ref_count; i++) {
        if (ch_str_is(event->ref, the_case->refs[i])) {
            return false;
        }
    }
    return true;
}

static void take_ref(ch_case *the_case, ch_str ref)
{
    char *room = the_case->refs[the_case->ref_count++];
    memset(room, 0, CH_ID_MAX + 1);
    memcpy(room, ref.at, ref.size);
}

static void take_outcome(ch_case *the_case, uint64_t number, const ch_event *event, const char *lead_before)
{
    bool moved = the_case->state != event->case_state || the_case->cycle != event->cycle;
    the_case->number = number;
    the_case->state = event->case_state;
    the_case->cycle = event->cycle;
    the_case->version = event->case_version;
    the_case->changed_ms = event->time_ms;
    the_case->last_sequence = event->sequence;
    the_case->anomalous_count += event->anomalous;
    if (the_case->state != CH_CASE_WAITING) {
        the_case->state_before_waiting = CH_CASE_NONE;
        the_case->waiting_reason[0] = '\0';
    }
    if (moved || strcmp(lead_before, the_case->lead) != 0) {
        note_step(the_case, event->time_ms);
    }
    if (brings_a_ref(the_case, event)) {
        take_ref(the_case, event->ref);
    }
}

ch_status ch_case_evolve(ch_case *the_case, uint64_t number, const ch_event *event)
{
    char lead_before[sizeof the_case->lead];
    if (!follows(the_case, number, event)) {
        return CH_CORRUPT;
    }
    size_t steps = the_case->step_count < CH_STEPS_MAX ? the_case->step_count + 1 : CH_STEPS_MAX;
    ch_status status = ch_case_reserve(the_case, 0, steps, the_case->ref_count + (event->ref.size > 0), 0);
    memcpy(lead_before, the_case->lead, sizeof lead_before);
    if (status == CH_OK && !event->anomalous) {
        size_t at = change_position(event->type);
        if (at < sizeof changes / sizeof *changes) {
            status = changes[at].apply(the_case, event);
        }
    }
    if (status == CH_OK) {
        take_outcome(the_case, number, event, lead_before);
    }
    return status;
}
