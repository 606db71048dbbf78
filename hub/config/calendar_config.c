/* { name; days = "calendar.csv"; from, until: years; hours = ( "08:30-12:00", ... ); zone = "Europe/Berlin"; }
 *
 * calendar.csv: date,kind,name. Saturdays and Sundays are free and all other days are not, but for those of the table:
 * kind holiday or workday. Without a zone it is the city's offset.
 */
#include "hub/config/calendar_config.h"

#include "hub/base/clock.h"
#include "hub/config/csv.h"
#include "hub/config/rules_files.h"
#include "hub/config/rules_parts.h"
#include "hub/config/text_file.h"
#include "hub/config/zone_file.h"

#include <limits.h>
#include <stdio.h>

static ch_status no_memory(const ch_cfg *cfg, ch_error *error)
{
    return ch_error_set(error, CH_NO_MEMORY, cfg->file, "no memory to read it");
}

static bool take_minute(ch_str text, int *out_minute)
{
    int64_t hour, minute;
    if (text.size != 5 || text.at[2] != ':' || ch_str_to_int((ch_str){text.at, 2}, &hour) != CH_OK ||
        ch_str_to_int((ch_str){text.at + 3, 2}, &minute) != CH_OK || hour < 0 || minute < 0 || minute > 59) {
        return false;
    }
    *out_minute = (int)(hour * 60 + minute);
    return true;
}

/* "08:30-12:00" */
static bool take_period(ch_str text, ch_work_period *out)
{
    return text.size == 11 && text.at[5] == '-' && take_minute((ch_str){text.at, 5}, &out->from) &&
           take_minute((ch_str){text.at + 6, 5}, &out->until);
}

static ch_status read_hours(const ch_cfg *cfg, const config_setting_t *at, ch_calendar *calendar,
                            ch_error *error)
{
    const config_setting_t *list = NULL;
    ch_status status = ch_cfg_list(cfg, at, "hours", &list, error);
    int count = status != CH_OK || list == NULL ? 0 : config_setting_length(list);
    for (int i = 0; i < count; i++) {
        if (i == CH_CALENDAR_PERIODS_MAX || !take_period(ch_str_of(config_setting_get_string_elem(list, i)),
                                                         &calendar->periods[calendar->period_count++])) {
            return ch_cfg_fail(cfg, list, error, "hours: at most %d periods as in \"08:30-12:00\"",
                               CH_CALENDAR_PERIODS_MAX);
        }
    }
    return status;
}

static int64_t first_day_of(int64_t year)
{
    const ch_date date = {.year = (int)year, .month = 1, .day = 1};
    int64_t time_ms;
    return ch_date_to_ms(&date, 0, &time_ms) == CH_OK ? time_ms / CH_DAY_MS : 0;
}

static ch_status read_years(ch_rules *rules, const ch_cfg *cfg, const config_setting_t *at,
                            ch_calendar *calendar, ch_error *error)
{
    int64_t from = 0, until = 0;
    ch_status status = ch_cfg_int(cfg, at, "from", 1970, 9998, &from, error);
    if (status == CH_OK) {
        status = ch_cfg_int(cfg, at, "until", 1970, 9998, &until, error);
    }
    if (status == CH_OK && (from == 0 || until < from || until - from >= CH_CALENDAR_YEARS_MAX)) {
        status =
            ch_cfg_fail(cfg, at, error, "from, until: 1 to %d years are expected", CH_CALENDAR_YEARS_MAX);
    }
    if (status != CH_OK) {
        return status;
    }
    calendar->first_year = (int)from;
    calendar->last_year = (int)until;
    calendar->first_day = first_day_of(from);
    calendar->day_count = (size_t)(first_day_of(until + 1) - calendar->first_day);
    calendar->works = ch_arena_alloc(&rules->arena, calendar->day_count * sizeof *calendar->works);
    if (calendar->works == NULL) {
        return no_memory(cfg, error);
    }
    for (size_t i = 0; i < calendar->day_count; i++) {
        int weekday = ch_date_of((calendar->first_day + (int64_t)i) * CH_DAY_MS, 0).weekday;
        calendar->works[i] = weekday != 0 && weekday != 6;
    }
    return CH_OK;
}

/* ---- the table */

typedef enum day_kind { NOT_SAID, HOLIDAY, WORKDAY } day_kind;

/* "2026-10-01"; false when there is no such day. */
static bool take_date(ch_str text, int64_t *out_day)
{
    char instant[32];
    int64_t time_ms;
    if (text.size != 10) {
        return false;
    }
    snprintf(instant, sizeof instant, "%.*sT00:00:00Z", CH_STR_ARG(text));
    if (ch_time_parse(ch_str_of(instant), &time_ms) != CH_OK) {
        return false;
    }
    *out_day = time_ms / CH_DAY_MS;
    return true;
}

static ch_status read_day(const ch_calendar *calendar, ch_str date, ch_str kind, uint8_t *said,
                          const char *place, ch_error *error)
{
    int64_t day;
    day_kind is = ch_str_is(kind, "holiday") ? HOLIDAY : ch_str_is(kind, "workday") ? WORKDAY : NOT_SAID;
    if (!take_date(date, &day)) {
        return ch_error_set(error, CH_INVALID, place, "date: a day as in 2026-10-01 is expected");
    }
    if (is == NOT_SAID) {
        return ch_error_set(error, CH_INVALID, place, "kind: holiday or workday is expected");
    }
    int64_t at = day - calendar->first_day;
    if (at < 0 || at >= (int64_t)calendar->day_count) {
        return ch_error_set(error, CH_INVALID, place, "date: calendar %s covers %d to %d", calendar->name,
                            calendar->first_year, calendar->last_year);
    }
    if (said[at] != NOT_SAID) {
        return ch_error_set(error, CH_INVALID, place, "date: %.*s is there twice", CH_STR_ARG(date));
    }
    if (is == WORKDAY && calendar->works[at]) {
        return ch_error_set(error, CH_INVALID, place, "date: %.*s is no Saturday or Sunday, and works anyway",
                            CH_STR_ARG(date));
    }
    said[at] = (uint8_t)is;
    calendar->works[at] = is == WORKDAY;
    return CH_OK;
}

static ch_status read_table(ch_rules *rules, ch_calendar *calendar, const char *file, ch_error *error)
{
    static const char *const headings[] = {"date", "kind", "name"};
    size_t columns[3];
    ch_csv csv;
    ch_status status = ch_csv_read(&csv, &rules->arena, file, error);
    for (size_t i = 0; status == CH_OK && i < 3; i++) {
        if (ch_csv_column(&csv, headings[i], &columns[i]) != CH_OK) {
            status = ch_error_set(error, CH_INVALID, file, "there is no column %s", headings[i]);
        }
    }
    uint8_t *said = ch_arena_alloc(&rules->arena, calendar->day_count);
    if (status == CH_OK && said == NULL) {
        status = ch_error_set(error, CH_NO_MEMORY, file, "no memory to read it");
    }
    for (size_t row = 0; status == CH_OK && row < csv.row_count; row++) {
        char place[CH_TEXT_PLACE_SIZE];
        const ch_str *cells = &csv.cells[row * csv.column_count];
        ch_text_place(place, file, csv.lines[row]);
        status = read_day(calendar, cells[columns[0]], cells[columns[1]], said, place, error);
    }
    return status;
}

/* Beside sla.cfg. */
static ch_status read_days(ch_rules *rules, const ch_cfg *cfg, const char *file, const config_setting_t *at,
                           ch_calendar *calendar, ch_error *error)
{
    char name[128] = "", path[PATH_MAX];
    const char *slash = strrchr(file, '/');
    int folder = slash == NULL ? 0 : (int)(slash - file) + 1;
    ch_status status = ch_cfg_text(cfg, at, "days", name, sizeof name, error);
    if (status != CH_OK || name[0] == '\0') {
        return status;
    }
    if (strchr(name, '/') != NULL) {
        return ch_cfg_fail(cfg, at, error, "days: a file of the same folder is expected");
    }
    snprintf(path, sizeof path, "%.*s%s", folder, file, name);
    status = ch_rules_note_file(rules, true, path, error);
    return status == CH_OK ? read_table(rules, calendar, path, error) : status;
}

static ch_status read_zone(ch_rules *rules, const ch_cfg *cfg, const config_setting_t *at,
                           ch_calendar *calendar, ch_error *error)
{
    char name[64] = "";
    ch_error why;
    ch_status status = ch_cfg_text(cfg, at, "zone", name, sizeof name, error);
    if (status != CH_OK) {
        return status;
    }
    if (name[0] != '\0') {
        int64_t until_ms = (calendar->first_day + (int64_t)calendar->day_count + 1) * CH_DAY_MS;
        status = ch_zone_read(&calendar->zone, &rules->arena, CH_ZONES, name, until_ms, &why);
        return status == CH_OK ? CH_OK : ch_cfg_fail(cfg, at, error, "zone: %s", why.text);
    }
    ch_zone_change *only = ch_arena_alloc(&rules->arena, sizeof *only);
    if (only == NULL) {
        return no_memory(cfg, error);
    }
    *only = (ch_zone_change){INT64_MIN, rules->utc_offset_minutes * CH_MINUTE_MS};
    calendar->zone = (ch_zone){only, 1};
    return CH_OK;
}

ch_status ch_rules_read_calendar(ch_rules *rules, const ch_cfg *cfg, const char *file,
                                 const config_setting_t *at, ch_calendar *calendar, ch_error *error)
{
    static const char *const members[] = {"name", "days", "from", "until", "hours", "zone", NULL};
    ch_status status = ch_cfg_check_members(cfg, at, members, error);
    if (status == CH_OK) {
        status = ch_cfg_text(cfg, at, "name", calendar->name, sizeof calendar->name, error);
    }
    if (status == CH_OK && !ch_is_code(ch_str_of(calendar->name), false)) {
        status = ch_cfg_fail(cfg, at, error, "name: a code is expected");
    }
    if (status == CH_OK) {
        status = read_years(rules, cfg, at, calendar, error);
    }
    if (status == CH_OK) {
        status = read_hours(cfg, at, calendar, error);
    }
    if (status == CH_OK) {
        status = read_days(rules, cfg, file, at, calendar, error);
    }
    if (status == CH_OK) {
        status = read_zone(rules, cfg, at, calendar, error);
    }
    calendar->place = ch_rules_place(rules, cfg->file, config_setting_source_line(at));
    return status;
}
