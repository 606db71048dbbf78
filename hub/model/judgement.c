#include "hub/model/judgement.h"

#include "hub/model/topic.h"

#include <inttypes.h>
#include <stdio.h>

static ch_status no_memory(ch_judgement *judgement)
{
    return ch_error_set(judgement->error, CH_NO_MEMORY, NULL, "out of memory; the request was not done");
}

ch_status ch_judge_keep(ch_judgement *judgement, ch_str s, ch_str *out_kept)
{
    ch_arena *arena = &judgement->decision->arena;
    *out_kept = ch_arena_str(arena, s);
    if (s.at == NULL || out_kept->at != NULL) {
        return CH_OK;
    }
    if (ch_arena_may_take(arena, s.size + 1)) {
        return no_memory(judgement);
    }
    return ch_error_set(judgement->error, CH_TOO_LARGE, "data",
                        "what follows from %.*s is too large together", CH_STR_ARG(judgement->cause->type));
}

ch_status ch_judge_handoff_id(ch_judgement *judgement, uint32_t index, ch_str *out_id)
{
    char text[CH_HANDOFF_ID_SIZE];
    int size = snprintf(text, sizeof text, "%.*s/h%" PRIu32, CH_STR_ARG(judgement->case_id), index);
    return ch_judge_keep(judgement, (ch_str){text, (size_t)size}, out_id);
}

ch_status ch_judge_group_id(ch_judgement *judgement, uint32_t index, ch_str *out_id)
{
    char text[CH_HANDOFF_ID_SIZE];
    int size = snprintf(text, sizeof text, "%.*s/g%" PRIu32, CH_STR_ARG(judgement->case_id), index);
    return ch_judge_keep(judgement, (ch_str){text, (size_t)size}, out_id);
}

static bool replaces(const ch_judge_pair *pairs, size_t count, ch_str key)
{
    for (size_t i = 0; i < count; i++) {
        if (ch_str_is(key, pairs[i].key) && (pairs[i].text.at != NULL || pairs[i].encoded.at != NULL ||
                                             pairs[i].number != 0 || pairs[i].drop)) {
            return true;
        }
    }
    return false;
}

static uint32_t put_kept_pairs(ch_buf *out, ch_str base, const ch_judge_pair *pairs, size_t count)
{
    uint32_t kept = 0, total = ch_mp_pairs(base);
    ch_mp_reader reader = ch_mp_reader_of(base);
    ch_mp_value value;
    ch_str bytes;
    if (total == 0 || !ch_mp_next(&reader, &value)) {
        return 0;
    }
    for (uint32_t i = 0; i < total && ch_mp_next(&reader, &value) && ch_mp_skip(&reader, &bytes); i++) {
        if (!replaces(pairs, count, value.str)) {
            ch_mp_put_str(out, value.str);
            ch_mp_put_raw(out, bytes);
            kept++;
        }
    }
    return kept;
}

ch_status ch_judge_map(ch_judgement *judgement, ch_str base, const ch_judge_pair *pairs, size_t count,
                       ch_str *out_map)
{
    ch_buf *out = &judgement->decision->work;
    ch_buf_clear(out);
    size_t begun = ch_mp_begin_map(out);
    uint32_t written = put_kept_pairs(out, base, pairs, count);
    for (size_t i = 0; i < count; i++) {
        if (pairs[i].text.at != NULL) {
            ch_mp_put_text(out, pairs[i].key);
            ch_mp_put_str(out, pairs[i].text);
        } else if (pairs[i].encoded.at != NULL) {
            ch_mp_put_text(out, pairs[i].key);
            ch_mp_put_raw(out, pairs[i].encoded);
        } else if (pairs[i].number != 0) {
            ch_mp_put_text(out, pairs[i].key);
            ch_mp_put_int(out, pairs[i].number);
        } else {
            continue;
        }
        written++;
    }
    ch_mp_end_map(out, begun, written);
    if (out->failed != CH_OK) {
        return ch_error_set(judgement->error, out->failed, "data", "no room to complete the event");
    }
    return ch_judge_keep(judgement, ch_buf_str(out), out_map);
}

ch_status ch_judge_topic(ch_judgement *judgement, ch_str type, ch_str system, ch_str party, ch_str area,
                         ch_str *out_topic)
{
    ch_buf *out = &judgement->decision->work;
    ch_buf_clear(out);
    ch_status status = ch_topic_format(out, type, system, party.size == 0 ? CH_STR_NONE : party,
                                       area.size == 0 ? CH_STR_NONE : area);
    if (status != CH_OK) {
        return ch_error_set(judgement->error, status, "topic", "the topic of %.*s would be too long",
                            CH_STR_ARG(type));
    }
    return ch_judge_keep(judgement, ch_buf_str(out), out_topic);
}

ch_event ch_judge_derived(const ch_judgement *judgement, ch_str type, ch_str data)
{
    const ch_event *cause = judgement->cause;
    return (ch_event){.source = judgement->hub_source,
                      .type = type,
                      .time_ms = cause->time_ms,
                      .data = data,
                      .expected_version = -1,
                      .causation_id = cause->id,
                      .correlation_id = cause->correlation_id,
                      .traceparent = cause->traceparent,
                      .test_mode = cause->test_mode};
}

ch_status ch_judge_name_derived(ch_judgement *judgement)
{
    ch_decision *decision = judgement->decision;
    uint64_t cause = judgement->view->next_sequence + decision->incoming;
    unsigned k = 0;
    for (size_t i = 0; i < decision->count; i++) {
        char id[48];
        if (i == decision->incoming) {
            continue;
        }
        int size = snprintf(id, sizeof id, "%" PRIu64 "/%u", cause, ++k);
        ch_status status =
            ch_judge_keep(judgement, (ch_str){id, (size_t)size}, &decision->events[i].event.id);
        if (status != CH_OK) {
            return status;
        }
    }
    return CH_OK;
}

/* The receiver, for an event about a handoff; whose promise it is, for one about a clock; else the party that has the
 * case. */
static ch_str topic_party(const ch_case *the_case, const ch_event *event)
{
    ch_str case_id;
    uint32_t index;
    if (ch_str_starts(event->type, CH_STR("handoff."))) {
        ch_str id = ch_mp_find_str(event->data, "handoff");
        const ch_handoff *handoff = id.at != NULL && ch_handoff_id_split(id, &case_id, &index) == CH_OK &&
                                            ch_str_is(case_id, the_case->id)
                                        ? ch_case_handoff(the_case, index)
                                        : NULL;
        if (handoff != NULL) {
            return ch_str_of(handoff->party);
        }
    }
    ch_str promised_by =
        ch_str_starts(event->type, CH_STR("clock.")) ? ch_mp_find_str(event->data, "party") : CH_STR_NONE;
    return promised_by.size > 0 ? promised_by : ch_str_of(the_case->lead);
}

static void complete(const ch_judgement *judgement, ch_event *event, ch_case_state after, ch_how how)
{
    const ch_case *scratch = judgement->scratch;
    bool reopens = how != CH_HOW_ANOMALOUS && ch_str_is(event->type, "case.reopened");
    event->subject = judgement->case_id;
    event->sequence = judgement->view->next_sequence + judgement->decision->count;
    event->epoch = judgement->view->epoch;
    event->recorded_ms = judgement->now_ms;
    event->case_version = scratch->version + 1;
    event->case_state = after;
    event->cycle = scratch->version == 0 ? 1 : scratch->cycle + reopens;
    event->actor = judgement->intake->actor;
    event->test_mode = scratch->version == 0 ? event->test_mode : scratch->test_mode;
    event->anomalous = how == CH_HOW_ANOMALOUS;
    event->inferred = how == CH_HOW_INFERRED;
}

static ch_status explain_evolve(ch_judgement *judgement, ch_status status, ch_str type)
{
    if (status == CH_FULL) {
        return ch_error_set(
            judgement->error, status, "subject",
            "case %.*s has no room for another %.*s (%d handoffs, %d groups with %d candidates to come, %d "
            "compared fields, %d links, %d open clocks at most)",
            CH_STR_ARG(judgement->case_id), CH_STR_ARG(type), CH_HANDOFFS_MAX, CH_GROUPS_MAX,
            CH_CANDIDATES_MAX, CH_DIGESTS_MAX, CH_LINKS_MAX, CH_CLOCKS_MAX);
    }
    return ch_error_set(judgement->error, status, "subject", "%.*s cannot be applied to case %.*s",
                        CH_STR_ARG(type), CH_STR_ARG(judgement->case_id));
}

ch_status ch_judge_append(ch_judgement *judgement, const ch_event *event, ch_case_state after, ch_how how)
{
    ch_decision *decision = judgement->decision;
    ch_case *scratch = judgement->scratch;
    bool is_of_clock = how == CH_HOW_FOLLOWS && ch_str_starts(event->type, CH_STR("clock."));
    size_t room = is_of_clock ? CH_CLOCK_EVENTS_MAX - decision->clock_events
                              : 1 + CH_DERIVED_MAX - (decision->count - decision->clock_events);
    if (room == 0) {
        return ch_error_set(judgement->error, CH_RULE_LOOP, "type",
                            "%.*s leads to more than %d derived events", CH_STR_ARG(judgement->cause->type),
                            is_of_clock ? CH_CLOCK_EVENTS_MAX : CH_DERIVED_MAX);
    }
    ch_decided *decided = &decision->events[decision->count];
    *decided = (ch_decided){.event = *event, .case_number = judgement->number, .before = scratch->state};
    complete(judgement, &decided->event, after, how);
    decided->opens_case = scratch->version == 0;
    ch_status status = ch_case_evolve(scratch, judgement->number, &decided->event);
    if (status != CH_OK) {
        return explain_evolve(judgement, status, event->type);
    }
    status = ch_judge_topic(judgement, event->type, ch_topic_system_of(ch_str_of(scratch->source)),
                            topic_party(scratch, &decided->event), ch_str_of(scratch->area),
                            &decided->event.topic);
    if (status != CH_OK) {
        return status;
    }
    if (how == CH_HOW_OWN || how == CH_HOW_ANOMALOUS) {
        decision->incoming = decision->count;
    }
    decision->count++;
    decision->clock_events += is_of_clock;
    return CH_OK;
}
