/* sla.cfg: calendars = ( working days and hours ), clocks = ( what runs, how long, and who hears of it ). */
#include "hub/config/calendar_config.h"
#include "hub/config/cfg_file.h"
#include "hub/config/rules_parts.h"

#include <stdio.h>

static ch_status no_memory(const ch_cfg *cfg, ch_error *error)
{
    return ch_error_set(error, CH_NO_MEMORY, cfg->file, "no memory to read it");
}

/* "case.waiting", or with the code or reason that it must have: "case.waiting:citizen". */
static bool take_trigger(ch_str text, ch_clock_trigger *out)
{
    const char *colon = text.size == 0 ? NULL : memchr(text.at, ':', text.size);
    ch_str type = {text.at, colon == NULL ? text.size : (size_t)(colon - text.at)};
    ch_str code = colon == NULL ? CH_STR("") : (ch_str){colon + 1, text.size - type.size - 1};
    return type.size > 0 && (colon == NULL ? code.size == 0 : ch_is_code(code, true)) &&
           ch_str_copy(out->type, sizeof out->type, type) == CH_OK &&
           ch_str_copy(out->code, sizeof out->code, code) == CH_OK;
}

static ch_status read_triggers(const ch_cfg *cfg, const config_setting_t *at, const char *name,
                               ch_clock_triggers *out, ch_error *error)
{
    const config_setting_t *list = NULL;
    ch_status status = ch_cfg_list(cfg, at, name, &list, error);
    int count = status != CH_OK || list == NULL ? 0 : config_setting_length(list);
    if (count > CH_CLOCK_TRIGGERS_MAX) {
        return ch_cfg_fail(cfg, list, error, "%s: at most %d event types", name, CH_CLOCK_TRIGGERS_MAX);
    }
    for (int i = 0; i < count; i++) {
        if (!take_trigger(ch_str_of(config_setting_get_string_elem(list, i)), &out->at[out->count++])) {
            return ch_cfg_fail(
                cfg, list, error,
                "%s: event types are expected, as in \"case.waiting\" or \"case.waiting:citizen\"", name);
        }
    }
    return status;
}

static ch_status read_levels(ch_rules *rules, const ch_cfg *cfg, const config_setting_t *at,
                             ch_clock_rule *rule, ch_error *error)
{
    const config_setting_t *list = NULL;
    ch_status status = ch_cfg_list(cfg, at, "escalate", &list, error);
    int count = status != CH_OK || list == NULL ? 0 : config_setting_length(list);
    if (count > CH_CLOCK_LEVELS_MAX) {
        return ch_cfg_fail(cfg, list, error, "escalate: at most %d levels", CH_CLOCK_LEVELS_MAX);
    }
    rule->levels = ch_arena_alloc(&rules->arena, (size_t)(count + 1) * sizeof *rule->levels);
    if (rule->levels == NULL) {
        return no_memory(cfg, error);
    }
    for (int i = 0; i < count; i++) {
        ch_str code = ch_str_of(config_setting_get_string_elem(list, i));
        if (!ch_is_code(code, false) ||
            ch_str_copy(rule->levels[rule->level_count++], CH_CODE_MAX + 1, code) != CH_OK) {
            return ch_cfg_fail(cfg, list, error, "escalate: parties, or \"%s\", are expected",
                               CH_CLOCK_SUPERVISOR);
        }
    }
    return ch_cfg_time(cfg, at, "every", &rule->level_every_ms, error);
}

/* within: around the clock; working: hours of work; days: working days. */
static ch_status read_amount(const ch_cfg *cfg, const config_setting_t *at, ch_clock_rule *rule,
                             ch_error *error)
{
    static const char *const names[] = {"within", "working", "days"};
    static const ch_clock_unit units[] = {CH_CLOCK_WALL, CH_CLOCK_HOURS, CH_CLOCK_DAYS};
    size_t said = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (config_setting_get_member(at, names[i]) != NULL) {
            rule->unit = units[i];
            said++;
        }
    }
    if (said != 1) {
        return ch_cfg_fail(cfg, at, error, "a clock needs one of within, working and days");
    }
    return rule->unit == CH_CLOCK_DAYS    ? ch_cfg_int(cfg, at, "days", 1, 1000, &rule->amount, error)
           : rule->unit == CH_CLOCK_HOURS ? ch_cfg_time(cfg, at, "working", &rule->amount, error)
                                          : ch_cfg_time(cfg, at, "within", &rule->amount, error);
}

/* A time before it is due, or a share of its time: "30m", "80%". */
static ch_status read_warning(const ch_cfg *cfg, const config_setting_t *at, ch_clock_rule *rule,
                              ch_error *error)
{
    const config_setting_t *warn = config_setting_get_member(at, "warn");
    const char *text = warn == NULL ? NULL : config_setting_get_string(warn);
    size_t size = text == NULL ? 0 : strlen(text);
    int64_t percent;
    if (size == 0 || text[size - 1] != '%') {
        return ch_cfg_time(cfg, at, "warn", &rule->warn_before_ms, error);
    }
    if (ch_str_to_int((ch_str){text, size - 1}, &percent) != CH_OK || percent < 1 || percent > 99) {
        return ch_cfg_fail(cfg, warn, error, "warn: 1%% to 99%%, or a time before it is due");
    }
    rule->warn_percent = (int)percent;
    return CH_OK;
}

static ch_status read_match(const ch_cfg *cfg, const config_setting_t *at, ch_clock_rule *rule,
                            ch_error *error)
{
    const struct {
        const char *name;
        char *out;
        size_t size;
    } texts[] = {
        {"name", rule->name, sizeof rule->name}, {"system", rule->system, sizeof rule->system},
        {"kind", rule->kind, sizeof rule->kind}, {"category", rule->category, sizeof rule->category},
        {"area", rule->area, sizeof rule->area}, {"calendar", rule->calendar, sizeof rule->calendar},
    };
    int64_t priority = 0;
    ch_status status = CH_OK;
    for (size_t i = 0; status == CH_OK && i < sizeof texts / sizeof *texts; i++) {
        status = ch_cfg_text(cfg, at, texts[i].name, texts[i].out, texts[i].size, error);
        if (status == CH_OK && texts[i].out[0] != '\0' && !ch_is_code(ch_str_of(texts[i].out), true)) {
            status = ch_cfg_fail(cfg, at, error, "%s: a code is expected", texts[i].name);
        }
    }
    if (status == CH_OK && rule->name[0] == '\0') {
        status = ch_cfg_fail(cfg, at, error, "a clock needs a name");
    }
    if (status == CH_OK) {
        status = ch_cfg_int(cfg, at, "priority", 1, 5, &priority, error);
    }
    rule->priority_most = (int)priority;
    return status;
}

static ch_status read_clock(ch_rules *rules, const ch_cfg *cfg, const config_setting_t *at,
                            ch_clock_rule *rule, ch_error *error)
{
    static const char *const members[] = {"name",   "system",   "kind",    "category", "area",   "priority",
                                          "starts", "pauses",   "resumes", "ends",     "within", "working",
                                          "days",   "calendar", "warn",    "escalate", "every",  NULL};
    const struct {
        const char *name;
        ch_clock_triggers *out;
    } lists[] = {{"starts", &rule->starts},
                 {"pauses", &rule->pauses},
                 {"resumes", &rule->resumes},
                 {"ends", &rule->ends}};
    ch_status status = ch_cfg_check_members(cfg, at, members, error);
    if (status == CH_OK) {
        status = read_match(cfg, at, rule, error);
    }
    for (size_t i = 0; status == CH_OK && i < sizeof lists / sizeof *lists; i++) {
        status = read_triggers(cfg, at, lists[i].name, lists[i].out, error);
    }
    if (status == CH_OK) {
        status = read_amount(cfg, at, rule, error);
    }
    if (status == CH_OK) {
        status = read_warning(cfg, at, rule, error);
    }
    if (status == CH_OK) {
        status = read_levels(rules, cfg, at, rule, error);
    }
    rule->place = ch_rules_place(rules, cfg->file, config_setting_source_line(at));
    return status;
}

static ch_status read_calendars(ch_rules *rules, const ch_cfg *cfg, const char *file,
                                const config_setting_t *list, ch_error *error)
{
    size_t count = list == NULL ? 0 : (size_t)config_setting_length(list);
    rules->calendars = ch_arena_alloc(&rules->arena, (count + 1) * sizeof *rules->calendars);
    ch_status status = rules->calendars == NULL ? no_memory(cfg, error) : CH_OK;
    for (; status == CH_OK && rules->calendar_count < count; rules->calendar_count++) {
        status = ch_rules_read_calendar(rules, cfg, file,
                                        config_setting_get_elem(list, (unsigned)rules->calendar_count),
                                        &rules->calendars[rules->calendar_count], error);
    }
    return status;
}

static ch_status read_clocks(ch_rules *rules, const ch_cfg *cfg, const config_setting_t *list,
                             ch_error *error)
{
    size_t count = list == NULL ? 0 : (size_t)config_setting_length(list);
    rules->clocks = ch_arena_alloc(&rules->arena, (count + 1) * sizeof *rules->clocks);
    if (rules->clocks == NULL) {
        return no_memory(cfg, error);
    }
    ch_status status = CH_OK;
    for (; status == CH_OK && rules->clock_count < count; rules->clock_count++) {
        status = read_clock(rules, cfg, config_setting_get_elem(list, (unsigned)rules->clock_count),
                            &rules->clocks[rules->clock_count], error);
    }
    return status;
}

static ch_status read_promises(ch_rules *rules, const ch_cfg *cfg, const char *file, ch_error *error)
{
    static const char *const members[] = {"calendars", "clocks", NULL};
    const config_setting_t *root = config_root_setting(&cfg->config), *calendars = NULL, *clocks = NULL;
    ch_status status = ch_cfg_check_members(cfg, root, members, error);
    if (status == CH_OK) {
        status = ch_cfg_list(cfg, root, "calendars", &calendars, error);
    }
    if (status == CH_OK) {
        status = ch_cfg_list(cfg, root, "clocks", &clocks, error);
    }
    if (status == CH_OK) {
        status = read_calendars(rules, cfg, file, calendars, error);
    }
    return status == CH_OK ? read_clocks(rules, cfg, clocks, error) : status;
}

ch_status ch_rules_read_clocks(ch_rules *rules, const char *file, ch_error *error)
{
    ch_cfg cfg;
    ch_status status = ch_cfg_open(&cfg, file, error);
    if (status == CH_OK) {
        status = read_promises(rules, &cfg, file, error);
        ch_cfg_close(&cfg);
    }
    return status;
}
