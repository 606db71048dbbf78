/* What the events of a decision mean for the clocks of their case, and what a clock means that is due. */
#include "hub/model/judgement.h"

#include "hub/model/topic.h"

#include <inttypes.h>
#include <stdio.h>

/* One event about one clock; 0 and absent: it does not say. */
typedef struct clock_event {
    ch_str type, to, reason, unit;
    int64_t time_ms, due_ms, next_ms, remaining, given;
    uint32_t level;
    bool late_report;
} clock_event;

static ch_status clock_id(ch_judgement *judgement, uint32_t index, ch_str *out_id)
{
    char text[CH_HANDOFF_ID_SIZE];
    int size = snprintf(text, sizeof text, "%.*s/c%" PRIu32, CH_STR_ARG(judgement->case_id), index);
    return ch_judge_keep(judgement, (ch_str){text, (size_t)size}, out_id);
}

/* base: what the event says besides. */
static ch_status clock_data(ch_judgement *judgement, const ch_case_clock *clock, const clock_event *is,
                            ch_str base, ch_str *out_data)
{
    static const char yes[] = {(char)0xc3};
    ch_str id = CH_STR_NONE, handoff = CH_STR_NONE,
           party = ch_str_of(ch_case_clock_party(judgement->scratch, clock));
    ch_status status = clock_id(judgement, clock->index, &id);
    if (status == CH_OK && clock->handoff != 0) {
        status = ch_judge_handoff_id(judgement, clock->handoff, &handoff);
    }
    const ch_judge_pair pairs[] = {
        {.key = "clock", .text = id},
        {.key = "rule", .text = ch_str_of(clock->rule)},
        {.key = "party", .text = party.size > 0 ? party : CH_STR_NONE, .drop = true},
        {.key = "handoff", .text = handoff, .drop = true},
        {.key = "due", .number = is->due_ms, .drop = true},
        {.key = "again", .number = is->next_ms, .drop = true},
        {.key = "remaining", .number = is->remaining},
        {.key = "given", .number = is->given},
        {.key = "unit", .text = is->unit},
        {.key = "level", .number = is->level, .drop = true},
        {.key = "to", .text = is->to.size > 0 ? is->to : CH_STR_NONE, .drop = true},
        {.key = "reason", .text = is->reason},
        {.key = "late_report", .encoded = is->late_report ? (ch_str){yes, sizeof yes} : CH_STR_NONE},
    };
    return status == CH_OK ? ch_judge_map(judgement, base, pairs, sizeof pairs / sizeof *pairs, out_data)
                           : status;
}

/* A copy of the clock: appending may move the case's. */
static ch_status derive(ch_judgement *judgement, ch_case_clock clock, const clock_event *is)
{
    ch_str data = CH_STR_NONE;
    ch_status status = clock_data(judgement, &clock, is, CH_STR_NONE, &data);
    if (status != CH_OK) {
        return status;
    }
    ch_event event = ch_judge_derived(judgement, is->type, data);
    event.time_ms = is->time_ms;
    return ch_judge_append(judgement, &event, judgement->scratch->state, CH_HOW_FOLLOWS);
}

/* ---- whom an event concerns */

/* The handoff that it is about; NULL: none. */
static const ch_handoff *handoff_of(const ch_case *the_case, const ch_event *event)
{
    ch_str case_id, id = ch_mp_find_str(event->data, "handoff");
    uint32_t index;
    return ch_str_starts(event->type, CH_STR("handoff.")) && id.at != NULL &&
                   ch_handoff_id_split(id, &case_id, &index) == CH_OK
               ? ch_case_handoff(the_case, index)
               : NULL;
}

/* Who is informed, or asked to decide, has promised nothing. */
static bool is_work(const ch_case *the_case, const ch_handoff *handoff)
{
    ch_form form = ch_case_form(the_case, handoff);
    return form != CH_FORM_CC && form != CH_FORM_ARBITRATION;
}

/* What a party says of the whole case concerns its own handoffs only. */
static bool concerns(const ch_case *the_case, const ch_case_clock *clock, const ch_event *event)
{
    const ch_handoff *handoff = handoff_of(the_case, event);
    if (handoff != NULL) {
        return clock->handoff == 0 ? is_work(the_case, handoff) : clock->handoff == handoff->index;
    }
    return clock->handoff == 0 || event->party.size == 0 || ch_str_is(event->party, clock->party);
}

/* ---- how clocks end */

static bool has_run_out(const ch_case_clock *clock, int64_t time_ms)
{
    return clock->state == CH_CLOCK_RUNNING && clock->due_ms != 0 && time_ms > clock->due_ms;
}

/* What ends at the very time has not been done in time. The hub comes to that too late to tell anybody; on record it is
 * all the same. */
static ch_status cancel(ch_judgement *judgement, const ch_case_clock *clock, ch_str reason, int64_t time_ms)
{
    ch_status status = CH_OK;
    if (has_run_out(clock, time_ms + 1)) {
        const clock_event breached = {
            .type = CH_STR("clock.breached"), .time_ms = clock->due_ms, .due_ms = clock->due_ms};
        status = derive(judgement, *clock, &breached);
    }
    const clock_event cancelled = {.type = CH_STR("clock.cancelled"), .reason = reason, .time_ms = time_ms};
    return status == CH_OK ? derive(judgement, *clock, &cancelled) : status;
}

/* Kept, also where the hub thought that it was not; or done too late. */
static ch_status end_clock(ch_judgement *judgement, const ch_case_clock *clock, int64_t time_ms)
{
    bool breached = clock->state == CH_CLOCK_BREACHED;
    if (has_run_out(clock, time_ms) || (breached && time_ms > clock->due_ms)) {
        return cancel(judgement, clock, CH_STR("late"), time_ms);
    }
    const clock_event met = {.type = CH_STR("clock.met"),
                             .time_ms = time_ms,
                             .due_ms = clock->state == CH_CLOCK_PAUSED ? 0 : clock->due_ms,
                             .late_report = breached};
    return derive(judgement, *clock, &met);
}

/* ---- how they stand still, and get more time */

/* Without a due time it is looked at again when its calendar has come to its end: by then it will have been continued. */
static int64_t next_of(const ch_clock_rule *rule, const ch_case_clock *clock, int64_t from_ms, int64_t due_ms)
{
    if (due_ms == 0) {
        int64_t end_ms = rule->counts_by == NULL ? 0 : ch_calendar_end_ms(rule->counts_by);
        return end_ms > from_ms ? end_ms : from_ms + CH_DAY_MS;
    }
    int64_t warn_ms = clock->warned ? 0 : ch_clock_rule_warn_ms(rule, from_ms, due_ms);
    return warn_ms != 0 ? warn_ms : due_ms;
}

static int64_t counted_from(const ch_case_clock *clock)
{
    return clock->resumed_ms != 0 ? clock->resumed_ms : clock->started_ms;
}

static void count_due(clock_event *is, const ch_clock_rule *rule, int64_t from_ms, int64_t has)
{
    is->remaining = has;
    is->given = rule->amount;
    is->unit = ch_str_of(ch_clock_unit_name(rule->unit));
    if (ch_clock_rule_due_again(rule, from_ms, has, &is->due_ms) != CH_OK) {
        is->due_ms = 0;
    }
}

/* It is told what it has from here on; what its rule gave it in all still counts, in the same unit. */
static void count_left(clock_event *is, const ch_clock_rule *rule, const ch_case_clock *clock)
{
    is->given = clock->unit == rule->unit ? clock->given : 0;
    is->unit = ch_str_of(ch_clock_unit_name(rule->unit));
}

/* Beyond its calendar it has no due time yet: what it was given, less what has passed of it. A working day has passed for
 * it when it has begun. */
static ch_status left_of(const ch_clock_rule *rule, const ch_case_clock *clock, int64_t time_ms,
                         int64_t *out_left)
{
    if (clock->due_ms != 0) {
        return ch_clock_rule_left(rule, time_ms, clock->due_ms, out_left);
    }
    int64_t passed = 0, has = ch_clock_rule_has(rule, clock);
    int64_t until_ms = rule->unit == CH_CLOCK_DAYS ? time_ms + CH_DAY_MS : time_ms;
    ch_status status = ch_clock_rule_left(rule, counted_from(clock), until_ms, &passed);
    *out_left = has > passed ? has - passed : 0;
    return status;
}

static ch_status pause(ch_judgement *judgement, const ch_clock_rule *rule, const ch_case_clock *clock,
                       int64_t time_ms)
{
    clock_event paused = {.type = CH_STR("clock.paused"), .time_ms = time_ms};
    if (has_run_out(clock, time_ms) || left_of(rule, clock, time_ms, &paused.remaining) != CH_OK) {
        return CH_OK;
    }
    count_left(&paused, rule, clock);
    return derive(judgement, *clock, &paused);
}

static ch_status resume(ch_judgement *judgement, const ch_clock_rule *rule, const ch_case_clock *clock,
                        int64_t time_ms)
{
    clock_event resumed = {.type = CH_STR("clock.resumed"), .time_ms = time_ms};
    count_due(&resumed, rule, time_ms, ch_clock_rule_has(rule, clock));
    resumed.next_ms = next_of(rule, clock, time_ms, resumed.due_ms);
    return derive(judgement, *clock, &resumed);
}

static ch_status extend(ch_judgement *judgement, const ch_clock_rule *rule, const ch_case_clock *clock,
                        const ch_event *event)
{
    int64_t due_ms = ch_mp_find_int(event->data, "due", 0);
    if (clock->due_ms == 0 || due_ms <= clock->due_ms || has_run_out(clock, event->time_ms)) {
        return CH_OK;
    }
    clock_event extended = {.type = CH_STR("clock.extended"), .time_ms = event->time_ms, .due_ms = due_ms};
    if (clock->state == CH_CLOCK_RUNNING) {
        extended.next_ms = next_of(rule, clock, event->time_ms, due_ms);
    } else if (ch_clock_rule_left(rule, clock->due_ms - 1, due_ms, &extended.remaining) == CH_OK) {
        /* The day that ends at a due time is counted already: hence the moment before. */
        extended.remaining += clock->remaining - (rule->unit == CH_CLOCK_DAYS ? 0 : 1);
        count_left(&extended, rule, clock);
    } else {
        return CH_OK;
    }
    return derive(judgement, *clock, &extended);
}

/* It waits, but for something else now. */
static bool waits_for_another(const ch_clock_rule *rule, const ch_event *event)
{
    for (size_t i = 0; i < rule->pauses.count; i++) {
        if (ch_str_is(event->type, rule->pauses.at[i].type)) {
            return !ch_clock_triggered(&rule->pauses, event);
        }
    }
    return false;
}

static ch_status change(ch_judgement *judgement, const ch_clock_rule *rule, const ch_case_clock *clock,
                        const ch_event *event)
{
    if (clock->state == CH_CLOCK_RUNNING && ch_clock_triggered(&rule->pauses, event)) {
        return pause(judgement, rule, clock, event->time_ms);
    }
    if (clock->state == CH_CLOCK_PAUSED &&
        (ch_clock_triggered(&rule->resumes, event) || waits_for_another(rule, event))) {
        return resume(judgement, rule, clock, event->time_ms);
    }
    if (clock->state != CH_CLOCK_BREACHED && clock->handoff != 0 &&
        ch_str_is(event->type, "handoff.extended")) {
        return extend(judgement, rule, clock, event);
    }
    return CH_OK;
}

/* ---- one event after another */

/* Why the event ends the clock whatever its rule says; absent: it does not. */
static ch_str reason_to_cancel(const ch_case_clock *clock, const ch_event *event, ch_case_state before)
{
    ch_handoff_state after = ch_handoff_state_after(event->type);
    if (event->case_state != before && !ch_case_state_is_active(event->case_state)) {
        return ch_str_of(ch_case_state_name(event->case_state));
    }
    return clock->handoff != 0 && after != CH_HANDOFF_NONE && !ch_handoff_is_open(after)
               ? ch_str_of(ch_handoff_state_name(after))
               : CH_STR_NONE;
}

/* A clock whose rule is not there any more runs to its end, or to that of what it is about. */
static ch_status tell_clock(ch_judgement *judgement, const ch_case_clock *clock, const ch_event *event,
                            ch_case_state before)
{
    const ch_clock_rule *rule = ch_rules_clock(judgement->rules, ch_str_of(clock->rule));
    bool of_case = event->case_state != before && !ch_case_state_is_active(event->case_state);
    bool is_concerned = concerns(judgement->scratch, clock, event);
    if (!is_concerned && !of_case) {
        return CH_OK;
    }
    if (is_concerned && rule != NULL && ch_clock_triggered(&rule->ends, event)) {
        return end_clock(judgement, clock, event->time_ms);
    }
    ch_str reason = reason_to_cancel(clock, event, before);
    if (reason.at != NULL) {
        return cancel(judgement, clock, reason, event->time_ms);
    }
    return rule == NULL ? CH_OK : change(judgement, rule, clock, event);
}

static bool runs_already(const ch_case *the_case, const ch_clock_rule *rule, uint32_t handoff)
{
    for (size_t i = 0; i < the_case->clock_count; i++) {
        const ch_case_clock *clock = &the_case->clocks[i];
        if (ch_case_clock_is_open(clock) && clock->handoff == handoff &&
            strcmp(clock->rule, rule->name) == 0) {
            return true;
        }
    }
    return false;
}

static ch_status start(ch_judgement *judgement, const ch_clock_rule *rule, uint32_t handoff, int64_t time_ms)
{
    const ch_case *scratch = judgement->scratch;
    clock_event started = {.type = CH_STR("clock.started"), .time_ms = time_ms};
    ch_case_clock clock = {.index = 1, .state = CH_CLOCK_RUNNING, .handoff = handoff};
    if (scratch->clock_count > 0) {
        clock.index = scratch->clocks[scratch->clock_count - 1].index + 1;
    }
    memcpy(clock.rule, rule->name, sizeof clock.rule);
    count_due(&started, rule, time_ms, rule->amount);
    started.next_ms = next_of(rule, &clock, time_ms, started.due_ms);
    return derive(judgement, clock, &started);
}

static ch_status start_clocks(ch_judgement *judgement, const ch_event *event)
{
    const ch_case *scratch = judgement->scratch;
    const ch_handoff *handoff = handoff_of(scratch, event);
    const ch_route_question question = {.system = ch_topic_system_of(ch_str_of(scratch->source)),
                                        .kind = ch_str_of(scratch->kind),
                                        .category = ch_str_of(scratch->category),
                                        .area = ch_str_of(scratch->area),
                                        .priority = scratch->priority};
    uint32_t index = handoff == NULL ? 0 : handoff->index;
    bool is_informed = handoff != NULL && !is_work(scratch, handoff);
    ch_status status = CH_OK;
    for (size_t i = 0; status == CH_OK && !is_informed && i < judgement->rules->clock_count; i++) {
        const ch_clock_rule *rule = &judgement->rules->clocks[i];
        if (ch_clock_triggered(&rule->starts, event) && ch_clock_rule_matches(rule, &question) &&
            !runs_already(scratch, rule, index)) {
            status = start(judgement, rule, index, event->time_ms);
        }
    }
    return status;
}

static ch_status tell_clocks(ch_judgement *judgement, const ch_event *event, ch_case_state before)
{
    ch_status status = CH_OK;
    for (size_t i = 0; status == CH_OK && i < judgement->scratch->clock_count; i++) {
        const ch_case_clock clock = judgement->scratch->clocks[i];
        if (ch_case_clock_is_open(&clock)) {
            status = tell_clock(judgement, &clock, event, before);
        }
    }
    return status == CH_OK && !judgement->is_history ? start_clocks(judgement, event) : status;
}

/* Of two cases each hears of its own events only. */
ch_status ch_judge_clocks(ch_judgement *judgement)
{
    const ch_decision *decision = judgement->decision;
    size_t count = decision->count;
    ch_judgement on_other = decision->other == NULL ? *judgement : ch_judge_on_other(judgement);
    ch_status status = CH_OK;
    if (judgement->rules->clock_count == 0 && judgement->scratch->clock_count == 0 &&
        on_other.scratch->clock_count == 0) {
        return CH_OK;
    }
    for (size_t i = 0; status == CH_OK && i < count; i++) {
        const ch_decided *decided = &decision->events[i];
        if (!decided->event.anomalous) {
            status = tell_clocks(decided->case_number == judgement->number ? judgement : &on_other,
                                 &decided->event, decided->before);
        }
    }
    return status;
}

/* ---- one that is due */

/* Whom the level tells: "" when nobody supervises. */
static const char *told_at(const ch_rules *rules, const ch_clock_rule *rule, uint32_t level, ch_str late)
{
    const ch_party *party = ch_rules_party(rules, late);
    const char *above = "";
    if (strcmp(rule->levels[level - 1], CH_CLOCK_SUPERVISOR) != 0) {
        return rule->levels[level - 1];
    }
    for (uint32_t i = 0; i < level && party != NULL; i++) {
        if (strcmp(rule->levels[i], CH_CLOCK_SUPERVISOR) == 0 && party->supervisor[0] != '\0') {
            above = party->supervisor;
            party = ch_rules_party(rules, ch_str_of(above));
        }
    }
    return above;
}

/* It must be the very thing that the clock waits for: a repeat, or one that was overtaken, says nothing. */
static bool is_expected(const ch_case_clock *clock, const ch_event *event)
{
    return ch_case_clock_is_open(clock) && clock->next_ms != 0 && event->time_ms == clock->next_ms &&
           ch_str_is(event->type, ch_case_clock_next(clock));
}

/* The rules have changed since it was counted. */
static bool is_recount(const ch_judgement *judgement, const ch_case_clock *clock, const ch_event *event)
{
    int64_t due_ms;
    return ch_str_is(event->type, "clock.recomputed") &&
           ch_clock_is_miscounted(judgement->rules, clock, &due_ms);
}

static ch_status inform(ch_judgement *judgement, ch_str party)
{
    const ch_case *scratch = judgement->scratch;
    if (party.size == 0 || !ch_case_state_is_active(scratch->state) ||
        scratch->group_count == CH_GROUPS_MAX || scratch->handoff_count == CH_HANDOFFS_MAX) {
        return CH_OK;
    }
    const ch_offer offer = {.party = party,
                            .reason = CH_STR("escalated"),
                            .group = (uint32_t)scratch->group_count + 1,
                            .need = CH_NEED_ALL,
                            .form = CH_FORM_CC};
    return ch_judge_offer(judgement, &offer);
}

/* The party that the level tells reads it as a handoff of its own, for information. */
static ch_status escalate(ch_judgement *judgement, uint32_t handoff_index, uint32_t level, ch_str to)
{
    const ch_handoff *handoff = ch_case_handoff(judgement->scratch, handoff_index);
    ch_status status = CH_OK;
    if (handoff != NULL && ch_handoff_is_open(handoff->state)) {
        ch_str id = CH_STR_NONE, data = CH_STR_NONE;
        status = ch_judge_handoff_id(judgement, handoff_index, &id);
        const ch_judge_pair pairs[] = {
            {.key = "handoff", .text = id},
            {.key = "party", .text = ch_str_of(handoff->party)},
            {.key = "level", .number = level},
            {.key = "to", .text = to.size > 0 ? to : CH_STR_NONE},
        };
        if (status == CH_OK) {
            status = ch_judge_map(judgement, CH_STR_NONE, pairs, sizeof pairs / sizeof *pairs, &data);
        }
        if (status == CH_OK) {
            ch_event event = ch_judge_derived(judgement, CH_STR("handoff.escalated"), data);
            status = ch_judge_append(judgement, &event, judgement->scratch->state, CH_HOW_FOLLOWS);
        }
    }
    return status == CH_OK ? inform(judgement, to) : status;
}

/* What its rule and its calendar say of it by now: from its start, or from where it went on with what it had left. A warning
 * is due when it would have been, had they always said so. */
static ch_status recompute(ch_judgement *judgement, const ch_event *event, ch_case_clock clock)
{
    const ch_clock_rule *rule = ch_rules_clock(judgement->rules, ch_str_of(clock.rule));
    clock_event is = {.due_ms = 0};
    ch_event own = *event;
    if (rule != NULL) {
        count_due(&is, rule, counted_from(&clock), ch_clock_rule_has(rule, &clock));
        is.next_ms = next_of(rule, &clock, is.due_ms == 0 ? event->time_ms : counted_from(&clock), is.due_ms);
    }
    ch_status status = clock_data(judgement, &clock, &is, event->data, &own.data);
    return status == CH_OK ? ch_judge_append(judgement, &own, judgement->scratch->state, CH_HOW_OWN) : status;
}

static ch_status fire(ch_judgement *judgement, const ch_event *event, ch_case_clock clock)
{
    const ch_clock_rule *rule = ch_rules_clock(judgement->rules, ch_str_of(clock.rule));
    bool is_warning = ch_str_is(event->type, "clock.warned");
    uint32_t levels = rule == NULL || is_warning ? 0 : (uint32_t)rule->level_count;
    clock_event is = {.due_ms = clock.due_ms, .level = clock.level < levels ? clock.level + 1 : 0};
    ch_event own = *event;
    ch_status status = CH_OK;
    if (is.level > 0) {
        const char *to = told_at(judgement->rules, rule, is.level,
                                 ch_str_of(ch_case_clock_party(judgement->scratch, &clock)));
        status = ch_judge_keep(judgement, ch_str_of(to), &is.to);
    }
    bool goes_on = is.level > 0 && is.level < levels; /* its chain may have been made shorter meanwhile */
    is.next_ms = is_warning ? clock.due_ms : goes_on ? event->time_ms + rule->level_every_ms : 0;
    if (status == CH_OK) {
        status = clock_data(judgement, &clock, &is, event->data, &own.data);
    }
    if (status == CH_OK) {
        status = ch_judge_append(judgement, &own, judgement->scratch->state, CH_HOW_OWN);
    }
    return status == CH_OK && is.level > 0 ? escalate(judgement, clock.handoff, is.level, is.to) : status;
}

ch_status ch_judge_due_clock(ch_judgement *judgement, const ch_event *event)
{
    ch_str case_id, id = ch_mp_find_str(event->data, "clock");
    uint32_t index = 0;
    if (id.at == NULL || ch_clock_id_split(id, &case_id, &index) != CH_OK ||
        !ch_str_equal(case_id, judgement->case_id)) {
        return ch_error_set(judgement->error, CH_INVALID, "data.clock", "%.*s is no clock of case %.*s",
                            CH_STR_ARG(id), CH_STR_ARG(judgement->case_id));
    }
    const ch_case_clock *clock = ch_case_clock_of(judgement->scratch, index);
    if (clock == NULL || !(is_expected(clock, event) || is_recount(judgement, clock, event))) {
        return ch_error_set(judgement->error, CH_CONFLICT, "data.clock", "clock %.*s is not due",
                            CH_STR_ARG(id));
    }
    return ch_str_is(event->type, "clock.recomputed") ? recompute(judgement, event, *clock)
                                                      : fire(judgement, event, *clock);
}
