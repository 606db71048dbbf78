#include "connectors/host/local_time.h"

#include "hub/base/clock.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ZONE_SIZE 64
#define ZONES "/usr/share/zoneinfo/"

/* The C library takes an unknown zone for UTC, and a folder of zones ("Asia") too, so the zone's file must be there. */
static bool is_zone(const char *zone)
{
    char path[sizeof ZONES + ZONE_SIZE];
    struct stat of;
    size_t size = strlen(zone);
    const char *const allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/";
    if (size == 0 || size >= ZONE_SIZE || zone[0] == '/' || strspn(zone, allowed) != size) {
        return false;
    }
    snprintf(path, sizeof path, ZONES "%s", zone);
    return stat(path, &of) == 0 && S_ISREG(of.st_mode) && access(path, R_OK) == 0;
}

static ch_status switch_zone(const char *zone, ch_error *error)
{
    char setting[ZONE_SIZE + 1];
    const char *now = getenv("TZ");
    snprintf(setting, sizeof setting, ":%s", zone);
    if (now != NULL && strcmp(now, setting) == 0) {
        return CH_OK;
    }
    if (!is_zone(zone)) {
        return ch_error_set(error, CH_INVALID, NULL, "there is no time zone %s", zone);
    }
    if (setenv("TZ", setting, 1) != 0) {
        return ch_error_set(error, CH_NO_MEMORY, NULL, "no memory");
    }
    tzset();
    return CH_OK;
}

/* A number of least..most digits. */
static bool take_number(ch_str *text, size_t least, size_t most, int *out)
{
    size_t digits = 0;
    int value = 0;
    while (digits < text->size && digits < most && isdigit((unsigned char)text->at[digits])) {
        value = value * 10 + (text->at[digits++] - '0');
    }
    if (digits < least) {
        return false;
    }
    *text = (ch_str){text->at + digits, text->size - digits};
    *out = value;
    return true;
}

static bool take_one_of(ch_str *text, const char *chars)
{
    if (text->size == 0 || strchr(chars, text->at[0]) == NULL || text->at[0] == '\0') {
        return false;
    }
    *text = (ch_str){text->at + 1, text->size - 1};
    return true;
}

static bool take_time_of_day(ch_str *text, ch_date *out)
{
    if (!take_number(text, 1, 2, &out->hour) || !take_one_of(text, ":") ||
        !take_number(text, 2, 2, &out->minute)) {
        return false;
    }
    return !take_one_of(text, ":") || take_number(text, 2, 2, &out->second);
}

static bool take_civil(ch_str text, ch_date *out)
{
    ch_date civil = {.hour = 0};
    char between[2] = {'-', '\0'};
    if (!take_number(&text, 4, 4, &civil.year)) {
        return false;
    }
    between[0] = text.size > 0 && text.at[0] == '/' ? '/' : '-';
    if (!take_one_of(&text, between) || !take_number(&text, 1, 2, &civil.month) ||
        !take_one_of(&text, between) || !take_number(&text, 1, 2, &civil.day)) {
        return false;
    }
    if (take_one_of(&text, "T ") && !take_time_of_day(&text, &civil)) {
        return false;
    }
    *out = civil;
    return text.size == 0;
}

/* East of UTC, at an instant. */
static int64_t offset_at(int64_t at_ms)
{
    time_t at = (time_t)(at_ms / 1000);
    struct tm shown;
    return localtime_r(&at, &shown) == NULL ? 0 : (int64_t)shown.tm_gmtoff * 1000;
}

/* The first instant at which the zone's clocks show civil_ms (a civil time read as if it were UTC). No zone changes its
 * offset twice within two days, so only the offsets a day before and a day after can be in force. mktime would try more,
 * and take far longer. False: the clocks never show it. */
static bool first_instant(int64_t civil_ms, int64_t *out_ms)
{
    const int64_t day_ms = INT64_C(86400000);
    int64_t before = offset_at(civil_ms - day_ms), after = offset_at(civil_ms + day_ms);
    int64_t larger = before > after ? before : after, smaller = before > after ? after : before;
    if (before == after || offset_at(civil_ms - larger) == larger) {
        *out_ms = civil_ms - larger;
        return true;
    }
    *out_ms = civil_ms - smaller;
    return offset_at(civil_ms - smaller) == smaller;
}

static bool has_offset(ch_str text)
{
    char last = text.size > 0 ? text.at[text.size - 1] : '\0';
    return last == 'Z' || last == 'z' ||
           (text.size > 16 && (text.at[text.size - 6] == '+' || text.at[text.size - 6] == '-'));
}

ch_status ch_local_time_parse(ch_str text, const char *zone, int64_t *out_time_ms, ch_error *error)
{
    ch_date civil;
    int64_t civil_ms, time_ms;
    if (has_offset(text) && ch_time_parse(text, out_time_ms) == CH_OK) {
        return CH_OK;
    }
    if (!take_civil(text, &civil)) {
        return ch_error_set(error, CH_INVALID, NULL, "a time such as 2026-11-23 08:15 is expected");
    }
    if (zone[0] == '\0') {
        return ch_error_set(error, CH_INVALID, NULL, "the time has neither an offset nor a zone");
    }
    ch_status status = switch_zone(zone, error);
    if (status != CH_OK) {
        return status;
    }
    if (ch_date_to_ms(&civil, 0, &civil_ms) != CH_OK || !first_instant(civil_ms, &time_ms)) {
        return ch_error_set(error, CH_INVALID, NULL, "there is no such time in %s", zone);
    }
    *out_time_ms = time_ms;
    return CH_OK;
}
