#include "hub/model/judgement.h"

#include "hub/model/topic.h"

#include <stdio.h>
#include <stdlib.h>

#define ARENA_LIMIT ((size_t)4 * 1024 * 1024)
#define WORK_LIMIT ((size_t)512 * 1024)

ch_status ch_decision_new(ch_decision **out_decision)
{
    ch_decision *decision = calloc(1, sizeof *decision);
    if (decision == NULL || ch_case_new(&decision->own_scratch) != CH_OK ||
        ch_case_new(&decision->own_other) != CH_OK) {
        ch_decision_free(decision);
        return CH_NO_MEMORY;
    }
    ch_arena_init(&decision->arena, ARENA_LIMIT);
    ch_buf_init(&decision->work, WORK_LIMIT);
    *out_decision = decision;
    return CH_OK;
}

void ch_decision_free(ch_decision *decision)
{
    if (decision == NULL) {
        return;
    }
    ch_arena_done(&decision->arena);
    ch_buf_done(&decision->work);
    ch_case_free(decision->own_scratch);
    ch_case_free(decision->own_other);
    free(decision);
}

static void reset(ch_decision *decision)
{
    ch_arena_reset(&decision->arena);
    decision->count = decision->clock_events = 0;
    decision->incoming = 0;
    decision->scratch = decision->other = NULL;
    decision->present_state = CH_CASE_NONE;
    decision->present_version = 0;
}

static ch_status take_hub_event(ch_judgement *judgement)
{
    ch_decided *decided = &judgement->decision->events[0];
    ch_str system = ch_topic_system_of(judgement->cause->source);
    *decided = (ch_decided){.event = *judgement->cause};
    ch_event *event = &decided->event;
    event->subject = CH_STR_NONE;
    event->sequence = judgement->view->next_sequence;
    event->epoch = judgement->view->epoch;
    event->recorded_ms = judgement->now_ms;
    event->actor = judgement->intake->actor;
    ch_status status = ch_judge_keeping(judgement, event);
    if (status != CH_OK) {
        return status;
    }
    status = ch_judge_topic(judgement, event->type, ch_is_code(system, false) ? system : CH_STR("hub"),
                            CH_STR_NONE, CH_STR_NONE, &event->topic);
    judgement->decision->count = status == CH_OK;
    return status;
}

static ch_status not_found(const ch_judgement *judgement, const char *where, ch_str what)
{
    return ch_error_set(judgement->error, CH_NOT_FOUND, where, "there is no case %.*s", CH_STR_ARG(what));
}

ch_status ch_judge_load(ch_judgement *judgement, const ch_case *found)
{
    ch_status status = ch_case_copy(judgement->scratch, found);
    if (status != CH_OK) {
        return ch_error_set(judgement->error, status, "subject", "the case cannot be read");
    }
    judgement->number = found->number;
    judgement->case_id = ch_str_of(judgement->scratch->id);
    judgement->decision->present_state = judgement->scratch->state;
    judgement->decision->present_version = judgement->scratch->version;
    return CH_OK;
}

static ch_status load_case(ch_judgement *judgement, uint64_t number)
{
    const ch_case *found = NULL;
    ch_status status = judgement->view->case_by_number(judgement->view->context, number, &found);
    if (status == CH_OK) {
        return ch_judge_load(judgement, found);
    }
    return status == CH_NOT_FOUND
               ? status
               : ch_error_set(judgement->error, status, "subject", "the case cannot be read");
}

static ch_status load_by_id(ch_judgement *judgement, const char *where, ch_str id)
{
    uint64_t number;
    if (ch_case_id_number(id, &number) != CH_OK) {
        return not_found(judgement, where, id);
    }
    ch_status status = load_case(judgement, number);
    if (status == CH_NOT_FOUND || (status == CH_OK && !ch_str_equal(id, judgement->case_id))) {
        judgement->decision->present_state = CH_CASE_NONE;
        judgement->decision->present_version = 0;
        return not_found(judgement, where, id);
    }
    return status;
}

static ch_status load_by_ref(ch_judgement *judgement)
{
    const ch_event *cause = judgement->cause;
    uint64_t number;
    ch_status status =
        judgement->view->case_by_ref(judgement->view->context, cause->source, cause->ref, &number);
    if (status == CH_OK) {
        status = load_case(judgement, number);
        return status == CH_NOT_FOUND
                   ? ch_error_set(judgement->error, CH_CORRUPT, "ref",
                                  "ref %.*s names a case that is not there", CH_STR_ARG(cause->ref))
                   : status;
    }
    if (status == CH_NOT_FOUND) {
        return status;
    }
    return ch_error_set(judgement->error, status, "ref", "refs cannot be read");
}

/* The case that the event is about. *out_known is false when its ref names none yet. */
static ch_status find_case(ch_judgement *judgement, bool opens, bool *out_known)
{
    const ch_event *cause = judgement->cause;
    ch_str case_id, handoff = ch_mp_find_str(cause->data, "handoff");
    uint32_t index;
    ch_status status;
    if (opens && cause->subject.size > 0) {
        return ch_error_set(judgement->error, CH_INVALID, "subject",
                            "the hub numbers cases: case.opened has no subject");
    }
    if (cause->subject.size > 0) {
        status = load_by_id(judgement, "subject", cause->subject);
    } else if (cause->ref.size > 0) {
        status = load_by_ref(judgement);
        *out_known = status == CH_OK;
        return status == CH_NOT_FOUND ? CH_OK : status;
    } else if (opens) {
        *out_known = false;
        return CH_OK;
    } else if (ch_handoff_id_split(handoff, &case_id, &index) == CH_OK) {
        status = load_by_id(judgement, "data.handoff", case_id);
    } else {
        return ch_error_set(judgement->error, CH_INVALID, "subject", "%.*s needs a subject or a ref",
                            CH_STR_ARG(cause->type));
    }
    *out_known = status == CH_OK;
    return status;
}

static ch_status check_version(const ch_judgement *judgement)
{
    const ch_decision *decision = judgement->decision;
    int64_t expected = judgement->cause->expected_version;
    if (expected < 0 || expected == (int64_t)decision->present_version) {
        return CH_OK;
    }
    return ch_error_set(judgement->error, CH_CONFLICT, "expectedversion",
                        "expected version %lld, but it is %u (state %s)", (long long)expected,
                        decision->present_version, ch_case_state_name(decision->present_state));
}

static ch_status check_test_mode(const ch_judgement *judgement)
{
    if (!judgement->cause->test_mode || judgement->scratch->test_mode) {
        return CH_OK;
    }
    return ch_error_set(judgement->error, CH_REFUSED, "testmode",
                        "case %.*s is real: a drill cannot touch it", CH_STR_ARG(judgement->case_id));
}

ch_status ch_judge_number_case(ch_judgement *judgement, bool test_mode)
{
    char id[CH_CASE_ID_SIZE];
    const ch_event *cause = judgement->cause;
    if (!ch_is_code(ch_topic_system_of(cause->source), false)) {
        return ch_error_set(judgement->error, CH_INVALID, "source",
                            "the system that begins a case is 1 to %d characters of a-z, 0-9, _ and -",
                            CH_CODE_MAX);
    }
    judgement->number = judgement->view->next_case;
    ch_case_id_format(id, judgement->rules->hub_code, cause->time_ms, judgement->rules->utc_offset_minutes,
                      judgement->number, test_mode);
    ch_case_clear(judgement->scratch);
    return ch_judge_keep(judgement, ch_str_of(id), &judgement->case_id);
}

static ch_str default_kind(const ch_judgement *judgement)
{
    return judgement->intake->default_kind.size > 0 ? judgement->intake->default_kind : CH_STR("matter");
}

const ch_transition *ch_judge_opening_row(const ch_judgement *judgement, ch_str kind)
{
    char text[CH_CODE_MAX + 1];
    return ch_str_copy(text, sizeof text, kind) != CH_OK
               ? NULL
               : ch_lifecycle_row(judgement->rules, text, CH_STR("case.opened"), CH_CASE_NONE);
}

ch_status ch_judge_refuse_kind(const ch_judgement *judgement, ch_str kind)
{
    return ch_error_set(judgement->error, CH_REFUSED, "data.kind", "the lifecycle opens no case of kind %.*s",
                        CH_STR_ARG(kind));
}

static ch_status open_new(ch_judgement *judgement)
{
    ch_event own = *judgement->cause;
    ch_str said = ch_mp_find_str(own.data, "kind");
    const ch_judge_pair kind = {.key = "kind", .text = said.size > 0 ? said : default_kind(judgement)};
    ch_status status = ch_judge_number_case(judgement, judgement->cause->test_mode);
    if (status == CH_OK && said.size == 0) {
        status = ch_judge_map(judgement, own.data, &kind, 1, &own.data);
    }
    if (status == CH_OK) {
        status = ch_judge_digests(judgement, &own, &own.digests);
    }
    if (status == CH_OK) {
        status = ch_judge_sketch(judgement, &own);
    }
    if (status != CH_OK) {
        return status;
    }
    const ch_transition *row = ch_judge_opening_row(judgement, kind.text);
    if (row == NULL) {
        return ch_judge_refuse_kind(judgement, kind.text);
    }
    status = ch_judge_take_row(judgement, &own, row, CH_HOW_OWN);
    judgement->decision->events[judgement->decision->incoming].takes_ref = own.ref.size > 0;
    return status == CH_OK ? ch_judge_suggest(judgement, &own) : status;
}

/* A connector speaks of a case that it never opened here: it must have been opened, and somebody has it
 * already. */
static ch_status infer_opening(ch_judgement *judgement)
{
    ch_str data = CH_STR_NONE;
    const ch_judge_pair pairs[] = {{.key = "kind", .text = default_kind(judgement)},
                                   {.key = "origin", .text = judgement->cause->source}};
    ch_status status = ch_judge_number_case(judgement, judgement->cause->test_mode);
    if (status == CH_OK) {
        status = ch_judge_map(judgement, CH_STR_NONE, pairs, 2, &data);
    }
    if (status != CH_OK) {
        return status;
    }
    const ch_transition *row = ch_judge_opening_row(judgement, pairs[0].text);
    if (row == NULL) {
        return ch_judge_refuse_kind(judgement, pairs[0].text);
    }
    ch_event opened = ch_judge_derived(judgement, CH_STR("case.opened"), data);
    opened.area = judgement->cause->area;
    return ch_judge_take_row(judgement, &opened, row, CH_HOW_INFERRED);
}

static ch_status judge_event(ch_judgement *judgement, const ch_event *event)
{
    if (ch_str_starts(event->type, CH_STR("clock."))) {
        return ch_judge_due_clock(judgement, event);
    }
    return ch_str_starts(event->type, CH_STR("handoff.")) ? ch_judge_handoff_event(judgement, event)
                                                          : ch_judge_case_event(judgement, event);
}

static ch_status judge_unknown(ch_judgement *judgement, bool opens)
{
    ch_status status = check_version(judgement);
    if (status != CH_OK) {
        return status;
    }
    if (opens) {
        return open_new(judgement);
    }
    if (judgement->intake->role != CH_ROLE_CONNECTOR) {
        return ch_error_set(judgement->error, CH_NOT_FOUND, "ref", "%.*s calls no case %.*s",
                            CH_STR_ARG(judgement->cause->source), CH_STR_ARG(judgement->cause->ref));
    }
    status = infer_opening(judgement);
    if (status == CH_OK) {
        status = judge_event(judgement, judgement->cause);
    }
    judgement->decision->events[judgement->decision->incoming].takes_ref = true;
    return status;
}

static ch_status judge_known(ch_judgement *judgement, bool opens)
{
    ch_event event = *judgement->cause;
    ch_status status = check_version(judgement);
    if (status == CH_OK) {
        status = check_test_mode(judgement);
    }
    if (status == CH_OK) {
        status = ch_judge_may_touch(judgement);
    }
    if (status == CH_OK && judgement->scratch->merged_into != 0 && judgement->intake->role != CH_ROLE_HUB) {
        return ch_judge_of_merged(judgement);
    }
    if (status == CH_OK && opens) {
        status = ch_judge_difference(judgement, &event);
    }
    return status == CH_OK ? judge_event(judgement, &event) : status;
}

static ch_status judge(ch_judgement *judgement)
{
    const ch_event *cause = judgement->cause;
    bool known = true, opens = ch_str_is(cause->type, "case.opened");
    char source[sizeof "hub/" + sizeof judgement->rules->hub_code];
    if (opens && ch_mp_find(cause->data, "origin", NULL, NULL)) {
        return ch_error_set(judgement->error, CH_INVALID, "data.origin", "only the hub sets it");
    }
    int size = snprintf(source, sizeof source, "hub/%s", judgement->rules->hub_code);
    ch_status status = ch_judge_keep(judgement, (ch_str){source, (size_t)size}, &judgement->hub_source);
    if (status == CH_OK) {
        status = find_case(judgement, opens, &known);
    }
    if (status == CH_OK) {
        status = known ? judge_known(judgement, opens) : judge_unknown(judgement, opens);
    }
    if (status == CH_OK) {
        status = ch_judge_clocks(judgement);
    }
    return status == CH_OK ? ch_judge_name_derived(judgement) : status;
}

/* What a case can take from that client: of clocks only the hub itself speaks. */
static bool is_of_a_case(const ch_intake *intake)
{
    ch_str type = intake->event->type;
    return ch_str_starts(type, CH_STR("case.")) || ch_str_starts(type, CH_STR("handoff.")) ||
           (intake->role == CH_ROLE_HUB && ch_str_starts(type, CH_STR("clock.")));
}

ch_status ch_decide(ch_decision *decision, const ch_rules *rules, const ch_view *view,
                    const ch_intake *intake, int64_t now_ms, ch_error *error)
{
    reset(decision);
    ch_judgement judgement = {.decision = decision,
                              .rules = rules,
                              .view = view,
                              .intake = intake,
                              .cause = intake->event,
                              .now_ms = now_ms,
                              .error = error,
                              .strict = ch_role_commands(intake->role),
                              .is_history = intake->role == CH_ROLE_CONNECTOR &&
                                            intake->event->time_ms < intake->history_until_ms,
                              .scratch = decision->own_scratch};
    ch_str type = intake->event->type;
    if (ch_str_starts(type, CH_STR("hub."))) {
        return take_hub_event(&judgement);
    }
    if (!is_of_a_case(intake)) {
        return ch_error_set(error, CH_INVALID, "type", "%.*s is nothing that a case can take",
                            CH_STR_ARG(type));
    }
    ch_status status = judge(&judgement);
    if (status != CH_OK) {
        decision->count = 0;
        decision->other = NULL;
        return status;
    }
    decision->scratch = decision->own_scratch;
    return CH_OK;
}
