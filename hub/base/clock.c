#include "hub/base/clock.h"

#include <stdio.h>
#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t real_wall_ms(void *context)
{
    (void)context;
    return read_clock(CLOCK_REALTIME);
}

static int64_t real_monotonic_ms(void *context)
{
    (void)context;
    return read_clock(CLOCK_MONOTONIC);
}

int64_t ch_clock_real_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

const ch_clock *ch_clock_real(void)
{
    static const ch_clock real = {real_wall_ms, real_monotonic_ms, NULL};
    return &real;
}

static int64_t fake_now_ms(void *context)
{
    return ((ch_clock_fake *)context)->now_ms;
}

void ch_clock_fake_init(ch_clock_fake *fake, int64_t now_ms)
{
    *fake = (ch_clock_fake){{fake_now_ms, fake_now_ms, fake}, now_ms};
}

/* Days since 1970-01-01 of a proleptic Gregorian date, counting years from March so that the leap day is the
 * last of its year (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms"). */
static int64_t days_from_civil(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static int64_t floor_divide(int64_t value, int64_t by)
{
    return value / by - (value % by < 0);
}

static int64_t floor_rest(int64_t value, int64_t by)
{
    return value % by + (value % by < 0 ? by : 0);
}

ch_date ch_date_of(int64_t time_ms, int offset_minutes)
{
    int64_t local_ms;
    if (__builtin_add_overflow(time_ms, (int64_t)offset_minutes * 60000, &local_ms)) {
        local_ms = time_ms;
    }
    int64_t days = floor_divide(local_ms, 86400000);
    int64_t rest = floor_rest(local_ms, 86400000);
    int64_t shifted = days + 719468;
    int64_t era = floor_divide(shifted, 146097);
    int64_t day_of_era = shifted - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    int month = (int)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
    return (ch_date){
        .year = (int)(year_of_era + era * 400 + (month <= 2)),
        .month = month,
        .day = (int)(day_of_year - (153 * month_from_march + 2) / 5 + 1),
        .hour = (int)(rest / 3600000),
        .minute = (int)(rest / 60000 % 60),
        .second = (int)(rest / 1000 % 60),
        .ms = (int)(rest % 1000),
        .weekday = (int)floor_rest(days + 4, 7),
    };
}

ch_status ch_date_to_ms(const ch_date *date, int offset_minutes, int64_t *out_time_ms)
{
    static const int month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (date->year < 1 || date->year > 9999 || date->month < 1 || date->month > 12 || date->day < 1 ||
        date->hour < 0 || date->hour > 23 || date->minute < 0 || date->minute > 59 || date->second < 0 ||
        date->second > 59 || date->ms < 0 || date->ms > 999) {
        return CH_INVALID;
    }
    bool leap = (date->year % 4 == 0 && date->year % 100 != 0) || date->year % 400 == 0;
    if (date->day > month_days[date->month - 1] + (date->month == 2 && leap)) {
        return CH_INVALID;
    }
    int64_t seconds = days_from_civil(date->year, date->month, date->day) * 86400 + date->hour * 3600 +
                      date->minute * 60 + date->second - (int64_t)offset_minutes * 60;
    *out_time_ms = seconds * 1000 + date->ms;
    return CH_OK;
}

void ch_time_format(int64_t time_ms, int offset_minutes, char out[CH_TIME_TEXT_SIZE])
{
    ch_date date = ch_date_of(time_ms, offset_minutes);
    int used = snprintf(out, CH_TIME_TEXT_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d", date.year, date.month,
                        date.day, date.hour, date.minute, date.second);
    if (date.ms != 0) {
        used += snprintf(out + used, (size_t)(CH_TIME_TEXT_SIZE - used), ".%03d", date.ms);
    }
    if (offset_minutes == 0) {
        snprintf(out + used, (size_t)(CH_TIME_TEXT_SIZE - used), "Z");
        return;
    }
    int minutes = offset_minutes < 0 ? -offset_minutes : offset_minutes;
    snprintf(out + used, (size_t)(CH_TIME_TEXT_SIZE - used), "%c%02d:%02d", offset_minutes < 0 ? '-' : '+',
             minutes / 60 % 100, minutes % 60);
}

static bool read_digits(ch_str *text, int count, int *out_value)
{
    int value = 0;
    if (text->size < (size_t)count) {
        return false;
    }
    for (int i = 0; i < count; i++) {
        char digit = text->at[i];
        if (digit < '0' || digit > '9') {
            return false;
        }
        value = value * 10 + (digit - '0');
    }
    *text = (ch_str){text->at + count, text->size - (size_t)count};
    *out_value = value;
    return true;
}

static bool read_one_of(ch_str *text, const char *choices, char *out_found)
{
    if (text->size == 0 || text->at[0] == '\0' || strchr(choices, text->at[0]) == NULL) {
        return false;
    }
    *out_found = text->at[0];
    *text = (ch_str){text->at + 1, text->size - 1};
    return true;
}

static bool read_fraction(ch_str *text, int *out_ms)
{
    int digits = 0, ms = 0;
    while (text->size > 0 && text->at[0] >= '0' && text->at[0] <= '9') {
        ms = digits < 3 ? ms * 10 + (text->at[0] - '0') : ms;
        digits++;
        *text = (ch_str){text->at + 1, text->size - 1};
    }
    for (int i = digits; i < 3; i++) {
        ms *= 10;
    }
    *out_ms = ms;
    return digits >= 1 && digits <= 9;
}

static bool read_offset(ch_str *text, int *out_offset_minutes)
{
    char sign, colon;
    int hours, minutes;
    if (!read_one_of(text, "Zz+-", &sign)) {
        return false;
    }
    if (sign == 'Z' || sign == 'z') {
        *out_offset_minutes = 0;
        return true;
    }
    if (!read_digits(text, 2, &hours) || !read_one_of(text, ":", &colon) || !read_digits(text, 2, &minutes) ||
        hours > 23 || minutes > 59) {
        return false;
    }
    *out_offset_minutes = (sign == '-' ? -1 : 1) * (hours * 60 + minutes);
    return true;
}

ch_status ch_time_parse(ch_str text, int64_t *out_time_ms)
{
    ch_date date = {0};
    char found;
    int offset_minutes;
    bool read = read_digits(&text, 4, &date.year) && read_one_of(&text, "-", &found) &&
                read_digits(&text, 2, &date.month) && read_one_of(&text, "-", &found) &&
                read_digits(&text, 2, &date.day) && read_one_of(&text, "Tt ", &found) &&
                read_digits(&text, 2, &date.hour) && read_one_of(&text, ":", &found) &&
                read_digits(&text, 2, &date.minute) && read_one_of(&text, ":", &found) &&
                read_digits(&text, 2, &date.second);
    if (!read) {
        return CH_INVALID;
    }
    if (read_one_of(&text, ".", &found) && !read_fraction(&text, &date.ms)) {
        return CH_INVALID;
    }
    if (!read_offset(&text, &offset_minutes) || text.size > 0) {
        return CH_INVALID;
    }
    return ch_date_to_ms(&date, offset_minutes, out_time_ms);
}
