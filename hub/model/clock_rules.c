#include "hub/model/clock_rules.h"

bool ch_clock_rule_is_of_handoff(const ch_clock_rule *rule)
{
    return rule->starts.count > 0 && ch_str_starts(ch_str_of(rule->starts.at[0].type), CH_STR("handoff."));
}

bool ch_clock_triggered(const ch_clock_triggers *triggers, const ch_event *event)
{
    for (size_t i = 0; i < triggers->count; i++) {
        const ch_clock_trigger *trigger = &triggers->at[i];
        if (ch_str_is_in(event->type, trigger->type, sizeof trigger->type) &&
            (trigger->code[0] == '\0' || ch_str_is(ch_mp_find_str(event->data, "code"), trigger->code) ||
             ch_str_is(ch_mp_find_str(event->data, "reason"), trigger->code))) {
            return true;
        }
    }
    return false;
}

ch_status ch_clock_rule_due_again(const ch_clock_rule *rule, int64_t now_ms, int64_t left,
                                  int64_t *out_due_ms)
{
    switch (rule->unit) {
    case CH_CLOCK_HOURS: return ch_calendar_after_hours(rule->counts_by, now_ms, left, out_due_ms, NULL);
    case CH_CLOCK_DAYS: return ch_calendar_after_days(rule->counts_by, now_ms, left, out_due_ms, NULL);
    case CH_CLOCK_WALL:
    case CH_CLOCK_UNIT_COUNT: break;
    }
    *out_due_ms = now_ms + left;
    return CH_OK;
}

int64_t ch_clock_rule_has(const ch_clock_rule *rule, const ch_case_clock *clock)
{
    int64_t more = clock->given == 0 ? 0 : rule->amount - clock->given, has = clock->remaining + more;
    return clock->unit != rule->unit ? rule->amount : has > 0 ? has : 0;
}

ch_status ch_clock_rule_left(const ch_clock_rule *rule, int64_t now_ms, int64_t due_ms, int64_t *out_left)
{
    switch (rule->unit) {
    case CH_CLOCK_HOURS: return ch_calendar_hours_between(rule->counts_by, now_ms, due_ms, out_left, NULL);
    case CH_CLOCK_DAYS: return ch_calendar_days_between(rule->counts_by, now_ms, due_ms, out_left, NULL);
    case CH_CLOCK_WALL:
    case CH_CLOCK_UNIT_COUNT: break;
    }
    *out_left = due_ms > now_ms ? due_ms - now_ms : 0;
    return CH_OK;
}

int64_t ch_clock_rule_warn_ms(const ch_clock_rule *rule, int64_t from_ms, int64_t due_ms)
{
    int64_t warn = rule->warn_before_ms > 0 ? due_ms - rule->warn_before_ms
                   : rule->warn_percent > 0 ? from_ms + (due_ms - from_ms) / 100 * rule->warn_percent
                                            : 0;
    return warn > from_ms && warn < due_ms ? warn : 0;
}
