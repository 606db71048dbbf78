#include "hub/cli/times.h"

#include "hub/base/array.h"
#include "hub/base/clock.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SECOND_MS INT64_C(1000)
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)

void ch_times_use_zone(void)
{
    /* A rule, not "Asia/Shanghai": a machine without zone files would silently show UTC for the name. */
    setenv("TZ", "<+08>-8", 0);
    tzset();
}

static int offset_minutes_at(int64_t time_ms)
{
    struct tm local;
    int64_t seconds = time_ms / SECOND_MS - (time_ms % SECOND_MS < 0 ? 1 : 0);
    time_t at = (time_t)seconds;
    return localtime_r(&at, &local) == NULL ? 0 : (int)(local.tm_gmtoff / 60);
}

void ch_local_time(int64_t time_ms, char out[CH_LOCAL_TIME_SIZE])
{
    ch_date date = ch_date_of(time_ms, offset_minutes_at(time_ms));
    snprintf(out, CH_LOCAL_TIME_SIZE, "%04d-%02d-%02d %02d:%02d:%02d", date.year % 10000, date.month % 100,
             date.day % 100, date.hour % 100, date.minute % 100, date.second % 100);
}

void ch_local_offset(int64_t time_ms, char out[CH_LOCAL_TIME_SIZE])
{
    int minutes = offset_minutes_at(time_ms);
    snprintf(out, CH_LOCAL_TIME_SIZE, "%c%02d:%02d", minutes < 0 ? '-' : '+', abs(minutes) / 60,
             abs(minutes) % 60);
}

void ch_duration(int64_t duration_ms, char out[CH_DURATION_SIZE])
{
    const char *sign = duration_ms < 0 ? "-" : "";
    uint64_t ms = duration_ms < 0 ? 0 - (uint64_t)duration_ms : (uint64_t)duration_ms;
    uint64_t seconds = ms / SECOND_MS, minutes = seconds / 60, hours = minutes / 60, days = hours / 24;
    if (seconds == 0) {
        snprintf(out, CH_DURATION_SIZE, "%s%" PRIu64 "ms", sign, ms);
    } else if (minutes == 0) {
        snprintf(out, CH_DURATION_SIZE, "%s%" PRIu64 "s", sign, seconds);
    } else if (hours == 0) {
        snprintf(out, CH_DURATION_SIZE, "%s%" PRIu64 "m %02" PRIu64 "s", sign, minutes, seconds % 60);
    } else if (days == 0) {
        snprintf(out, CH_DURATION_SIZE, "%s%" PRIu64 "h %02" PRIu64 "m", sign, hours, minutes % 60);
    } else {
        snprintf(out, CH_DURATION_SIZE, "%s%" PRIu64 "d %02" PRIu64 "h", sign, days, hours % 24);
    }
}

static ch_status parse_relative(const char *text, int64_t now_ms, int64_t *out_time_ms)
{
    static const struct {
        char letter;
        int64_t ms;
    } units[] = {{'s', SECOND_MS}, {'m', MINUTE_MS}, {'h', HOUR_MS}, {'d', DAY_MS}};
    size_t size = strlen(text);
    int64_t count, distance, time_ms;
    if (size < 3 || !isdigit((unsigned char)text[1]) ||
        ch_str_to_int((ch_str){text + 1, size - 2}, &count) != CH_OK) {
        return CH_INVALID;
    }
    for (size_t i = 0; i < CH_COUNT_OF(units); i++) {
        if (units[i].letter != text[size - 1]) {
            continue;
        }
        if (__builtin_mul_overflow(text[0] == '-' ? -count : count, units[i].ms, &distance) ||
            __builtin_add_overflow(now_ms, distance, &time_ms)) {
            return CH_INVALID;
        }
        *out_time_ms = time_ms;
        return CH_OK;
    }
    return CH_INVALID;
}

/* Exactly digits where the form has '0', and the form's own character elsewhere; ' ' also matches 'T'. */
static bool has_form(const char *text, const char *form)
{
    for (; *form != '\0'; form++, text++) {
        bool fits = *form == '0'   ? isdigit((unsigned char)*text) != 0
                    : *form == ' ' ? *text == ' ' || *text == 'T'
                                   : *text == *form;
        if (!fits) {
            return false;
        }
    }
    return *text == '\0';
}

static int two_digits(const char *at)
{
    return (at[0] - '0') * 10 + (at[1] - '0');
}

static ch_status parse_local(const char *text, int64_t *out_time_ms)
{
    bool has_seconds = has_form(text, "0000-00-00 00:00:00");
    bool has_time = has_seconds || has_form(text, "0000-00-00 00:00");
    int64_t ignored;
    if (!has_time && !has_form(text, "0000-00-00")) {
        return CH_INVALID;
    }
    const ch_date date = {.year = two_digits(text) * 100 + two_digits(text + 2),
                          .month = two_digits(text + 5),
                          .day = two_digits(text + 8),
                          .hour = has_time ? two_digits(text + 11) : 0,
                          .minute = has_time ? two_digits(text + 14) : 0,
                          .second = has_seconds ? two_digits(text + 17) : 0};
    /* mktime would quietly make 1 May of 31 April. */
    if (ch_date_to_ms(&date, 0, &ignored) != CH_OK) {
        return CH_INVALID;
    }
    struct tm local = {.tm_year = date.year - 1900,
                       .tm_mon = date.month - 1,
                       .tm_mday = date.day,
                       .tm_hour = date.hour,
                       .tm_min = date.minute,
                       .tm_sec = date.second,
                       .tm_isdst = -1};
    *out_time_ms = (int64_t)mktime(&local) * SECOND_MS;
    return CH_OK;
}

ch_status ch_times_parse(const char *text, int64_t now_ms, int64_t *out_time_ms)
{
    if (strcmp(text, "now") == 0) {
        *out_time_ms = now_ms;
        return CH_OK;
    }
    if (text[0] == '-' || text[0] == '+') {
        return parse_relative(text, now_ms, out_time_ms);
    }
    return ch_time_parse(ch_str_of(text), out_time_ms) == CH_OK ? CH_OK : parse_local(text, out_time_ms);
}

ch_status ch_from_parse(const char *text, int64_t now_ms, char out[CH_FROM_SIZE])
{
    int64_t value;
    bool is_sequence = isdigit((unsigned char)text[0]) && ch_str_to_int(ch_str_of(text), &value) == CH_OK;
    if (is_sequence || strcmp(text, "all") == 0 || strcmp(text, "new") == 0) {
        return ch_str_copy(out, CH_FROM_SIZE, ch_str_of(text));
    }
    if (ch_times_parse(text, now_ms, &value) != CH_OK) {
        return CH_INVALID;
    }
    ch_time_format(value, 0, out);
    return CH_OK;
}
