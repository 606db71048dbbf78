/* Clocks and their calendars as a whole: what they name exists, and each clock can start and end. */
#include "hub/model/rules_inside.h"

static ch_status check_calendars(const ch_rules *rules, ch_error *error)
{
    for (size_t i = 0; i < rules->calendar_count; i++) {
        const ch_calendar *calendar = &rules->calendars[i];
        for (size_t k = 0; k < i; k++) {
            if (strcmp(calendar->name, rules->calendars[k].name) == 0) {
                return ch_error_set(error, CH_INVALID, CH_PLACE_OF(calendar, calendar->name),
                                    "calendar %s is there twice", calendar->name);
            }
        }
        ch_status status = ch_calendar_check(calendar, error);
        if (status != CH_OK) {
            return status;
        }
    }
    return CH_OK;
}

static ch_status refuse(const ch_clock_rule *rule, ch_error *error, const char *said, const char *what)
{
    return ch_error_set(error, CH_INVALID, CH_PLACE_OF(rule, rule->name), "clock %s: %s%s", rule->name, said,
                        what);
}

static ch_status check_match(const ch_rules *rules, const ch_clock_rule *rule, ch_error *error)
{
    if (rule->category[0] != '\0' && ch_rules_category(rules, ch_str_of(rule->category)) == NULL) {
        return refuse(rule, error, "there is no category ", rule->category);
    }
    if (rule->area[0] != '\0' && ch_rules_area(rules, ch_str_of(rule->area)) == NULL) {
        return refuse(rule, error, "there is no area ", rule->area);
    }
    return ch_rules_check_kind(rules, rule->kind, CH_PLACE_OF(rule, rule->name), error);
}

static ch_status check_triggers(const ch_rules *rules, const ch_clock_rule *rule, ch_error *error)
{
    enum { LISTS = 4 };
    const ch_clock_triggers *const lists[LISTS] = {&rule->starts, &rule->pauses, &rule->resumes, &rule->ends};
    for (size_t i = 0; i < LISTS; i++) {
        for (size_t k = 0; k < lists[i]->count; k++) {
            const char *type = lists[i]->at[k].type;
            bool is_known =
                ch_schema_count(rules->schema) == 0 || ch_schema_find(rules->schema, ch_str_of(type)) != NULL;
            if (!is_known || (strncmp(type, "case.", 5) != 0 && strncmp(type, "handoff.", 8) != 0)) {
                return refuse(rule, error, "there is no event of cases or handoffs ", type);
            }
        }
    }
    if (rule->starts.count == 0) {
        return refuse(rule, error, "nothing starts it", "");
    }
    if (rule->ends.count == 0) {
        return refuse(rule, error, "nothing ends it", "");
    }
    if ((rule->pauses.count == 0) != (rule->resumes.count == 0)) {
        return refuse(rule, error, rule->pauses.count == 0 ? "nothing pauses" : "nothing resumes", " it");
    }
    for (size_t i = 1; i < rule->starts.count; i++) {
        const ch_clock_rule alone = {.starts = {.at = {rule->starts.at[i]}, .count = 1}};
        if (ch_clock_rule_is_of_handoff(&alone) != ch_clock_rule_is_of_handoff(rule)) {
            return refuse(rule, error, "it starts with events of handoffs or of cases, not with both", "");
        }
    }
    return CH_OK;
}

static ch_status check_time(const ch_rules *rules, ch_clock_rule *rule, ch_error *error)
{
    if (rule->amount <= 0) {
        return refuse(rule, error, "it has no time", "");
    }
    if ((rule->unit == CH_CLOCK_WALL) != (rule->calendar[0] == '\0')) {
        return refuse(rule, error,
                      rule->unit == CH_CLOCK_WALL ? "it runs around the clock, without a calendar"
                                                  : "working time needs a calendar",
                      "");
    }
    if (rule->warn_percent < 0 || rule->warn_percent > 99 || rule->warn_before_ms < 0 ||
        (rule->unit == CH_CLOCK_WALL && rule->warn_before_ms >= rule->amount)) {
        return refuse(rule, error, "it would warn before it starts", "");
    }
    rule->counts_by = NULL;
    for (size_t i = 0; i < rules->calendar_count; i++) {
        if (strcmp(rule->calendar, rules->calendars[i].name) == 0) {
            rule->counts_by = &rules->calendars[i];
        }
    }
    return rule->unit == CH_CLOCK_WALL || rule->counts_by != NULL
               ? CH_OK
               : refuse(rule, error, "there is no calendar ", rule->calendar);
}

static ch_status check_levels(const ch_rules *rules, const ch_clock_rule *rule, ch_error *error)
{
    for (size_t i = 0; i < rule->level_count; i++) {
        if (strcmp(rule->levels[i], CH_CLOCK_SUPERVISOR) != 0 &&
            ch_rules_party(rules, ch_str_of(rule->levels[i])) == NULL) {
            return refuse(rule, error, "there is no party ", rule->levels[i]);
        }
    }
    if (rule->level_count > CH_CLOCK_LEVELS_MAX) {
        return refuse(rule, error, "it escalates too often", "");
    }
    return rule->level_count > 1 && rule->level_every_ms <= 0
               ? refuse(rule, error, "every: the time between two levels is needed", "")
               : CH_OK;
}

static ch_status check_clock(const ch_rules *rules, size_t at, ch_error *error)
{
    ch_clock_rule *rule = &rules->clocks[at];
    for (size_t i = 0; i < at; i++) {
        if (strcmp(rule->name, rules->clocks[i].name) == 0) {
            return refuse(rule, error, "it is there twice", "");
        }
    }
    ch_status status = check_match(rules, rule, error);
    if (status == CH_OK) {
        status = check_triggers(rules, rule, error);
    }
    if (status == CH_OK) {
        status = check_time(rules, rule, error);
    }
    return status == CH_OK ? check_levels(rules, rule, error) : status;
}

ch_status ch_rules_check_clocks(const ch_rules *rules, ch_error *error)
{
    ch_status status = check_calendars(rules, error);
    for (size_t i = 0; status == CH_OK && i < rules->clock_count; i++) {
        status = check_clock(rules, i, error);
    }
    return status;
}
