#include "hub/model/calendar.h"

#include "hub/base/clock.h"

#define MINUTES_OF_DAY 1440

/* ---- the zone */

static int64_t floor_days(int64_t local_ms)
{
    return local_ms / CH_DAY_MS - (local_ms % CH_DAY_MS < 0);
}

int64_t ch_zone_local_ms(const ch_zone *zone, int64_t time_ms)
{
    size_t at = zone->count - 1;
    while (at > 0 && zone->changes[at].from_ms > time_ms) {
        at--;
    }
    return time_ms + zone->changes[at].offset_ms;
}

int64_t ch_zone_instant_ms(const ch_zone *zone, int64_t local_ms)
{
    size_t at = 0;
    int64_t instant;
    do {
        const ch_zone_change *change = &zone->changes[at++];
        instant = local_ms - change->offset_ms;
        instant = instant < change->from_ms ? change->from_ms : instant;
    } while (at < zone->count && instant >= zone->changes[at].from_ms);
    return instant;
}

/* ---- what a calendar must be */

static ch_status check_zone(const ch_calendar *calendar, const char *place, ch_error *error)
{
    const ch_zone *zone = &calendar->zone;
    if (zone->count == 0 || zone->changes[0].from_ms != INT64_MIN) {
        return ch_error_set(error, CH_INVALID, place, "calendar %s: its zone has no beginning",
                            calendar->name);
    }
    for (size_t i = 0; i < zone->count; i++) {
        const ch_zone_change *change = &zone->changes[i];
        if (change->offset_ms <= -CH_DAY_MS || change->offset_ms >= CH_DAY_MS) {
            return ch_error_set(error, CH_INVALID, place, "calendar %s: its zone is a day from UTC",
                                calendar->name);
        }
        if (i > 0 && change->from_ms <= zone->changes[i - 1].from_ms) {
            return ch_error_set(error, CH_INVALID, place, "calendar %s: its zone's changes are out of order",
                                calendar->name);
        }
    }
    return CH_OK;
}

static ch_status check_periods(const ch_calendar *calendar, const char *place, ch_error *error)
{
    int before = 0;
    if (calendar->period_count == 0 || calendar->period_count > CH_CALENDAR_PERIODS_MAX) {
        return ch_error_set(error, CH_INVALID, place, "calendar %s: 1 to %d periods of work are expected",
                            calendar->name, CH_CALENDAR_PERIODS_MAX);
    }
    for (size_t i = 0; i < calendar->period_count; i++) {
        const ch_work_period *period = &calendar->periods[i];
        if (period->from < before || period->until <= period->from || period->until > MINUTES_OF_DAY) {
            return ch_error_set(error, CH_INVALID, place,
                                "calendar %s: periods of work lie within a day, one after another",
                                calendar->name);
        }
        before = period->until;
    }
    return CH_OK;
}

static ch_status check_days(const ch_calendar *calendar, const char *place, ch_error *error)
{
    const ch_date first = {.year = calendar->first_year, .month = 1, .day = 1};
    const ch_date last = {.year = calendar->last_year, .month = 12, .day = 31};
    int64_t first_ms, last_ms;
    if (calendar->last_year < calendar->first_year ||
        calendar->last_year - calendar->first_year >= CH_CALENDAR_YEARS_MAX ||
        ch_date_to_ms(&first, 0, &first_ms) != CH_OK || ch_date_to_ms(&last, 0, &last_ms) != CH_OK) {
        return ch_error_set(error, CH_INVALID, place, "calendar %s: %d to %d are no 1 to %d years",
                            calendar->name, calendar->first_year, calendar->last_year, CH_CALENDAR_YEARS_MAX);
    }
    if (calendar->works == NULL || calendar->first_day != floor_days(first_ms) ||
        calendar->day_count != (size_t)(floor_days(last_ms) - floor_days(first_ms) + 1)) {
        return ch_error_set(error, CH_INVALID, place, "calendar %s: its days are not those of %d to %d",
                            calendar->name, calendar->first_year, calendar->last_year);
    }
    return CH_OK;
}

ch_status ch_calendar_check(const ch_calendar *calendar, ch_error *error)
{
    const char *place = calendar->place != NULL ? calendar->place : calendar->name;
    ch_status status = check_zone(calendar, place, error);
    if (status == CH_OK) {
        status = check_periods(calendar, place, error);
    }
    return status == CH_OK ? check_days(calendar, place, error) : status;
}

/* ---- days */

int64_t ch_calendar_day_of(const ch_calendar *calendar, int64_t time_ms)
{
    return floor_days(ch_zone_local_ms(&calendar->zone, time_ms));
}

static ch_status look_at(const ch_calendar *calendar, int64_t day, bool *out_works, ch_error *error)
{
    int64_t position = day - calendar->first_day;
    if (position < 0 || position >= (int64_t)calendar->day_count) {
        return ch_error_set(error, CH_NOT_FOUND, "calendar",
                            "calendar %s covers %d to %d, and says nothing of %d", calendar->name,
                            calendar->first_year, calendar->last_year, ch_date_of(day * CH_DAY_MS, 0).year);
    }
    *out_works = calendar->works[position];
    return CH_OK;
}

static int64_t end_of(const ch_calendar *calendar, int64_t day)
{
    return ch_zone_instant_ms(&calendar->zone, (day + 1) * CH_DAY_MS);
}

int64_t ch_calendar_end_ms(const ch_calendar *calendar)
{
    return end_of(calendar, calendar->first_day + (int64_t)calendar->day_count - 1);
}

ch_status ch_calendar_is_working_day(const ch_calendar *calendar, int64_t time_ms, bool *out_works,
                                     ch_error *error)
{
    return look_at(calendar, ch_calendar_day_of(calendar, time_ms), out_works, error);
}

ch_status ch_calendar_after_days(const ch_calendar *calendar, int64_t start_ms, int64_t days,
                                 int64_t *out_due_ms, ch_error *error)
{
    int64_t day = ch_calendar_day_of(calendar, start_ms) + (days > 0);
    for (int64_t left = days > 0 ? days : 1;; day++) {
        bool works = false;
        ch_status status = look_at(calendar, day, &works, error);
        if (status != CH_OK) {
            return status;
        }
        left -= works;
        if (left == 0) {
            *out_due_ms = end_of(calendar, day);
            return CH_OK;
        }
    }
}

ch_status ch_calendar_days_between(const ch_calendar *calendar, int64_t from_ms, int64_t until_ms,
                                   int64_t *out_days, ch_error *error)
{
    int64_t days = 0, day = ch_calendar_day_of(calendar, from_ms) + 1;
    for (; end_of(calendar, day) <= until_ms; day++) {
        bool works = false;
        ch_status status = look_at(calendar, day, &works, error);
        if (status != CH_OK) {
            return status;
        }
        days += works;
    }
    *out_days = days;
    return CH_OK;
}

/* ---- hours */

typedef struct span {
    int64_t from_ms, until_ms;
} span;

/* A period of that day, but nothing before from_ms; empty or less when there is nothing. */
static span work_of(const ch_calendar *calendar, int64_t day, size_t period, int64_t from_ms)
{
    const ch_work_period *of = &calendar->periods[period];
    int64_t midnight = day * CH_DAY_MS;
    span work = {ch_zone_instant_ms(&calendar->zone, midnight + of->from * CH_MINUTE_MS),
                 ch_zone_instant_ms(&calendar->zone, midnight + of->until * CH_MINUTE_MS)};
    work.from_ms = work.from_ms < from_ms ? from_ms : work.from_ms;
    return work;
}

ch_status ch_calendar_after_hours(const ch_calendar *calendar, int64_t start_ms, int64_t working_ms,
                                  int64_t *out_due_ms, ch_error *error)
{
    int64_t left = working_ms;
    for (int64_t day = ch_calendar_day_of(calendar, start_ms); left > 0; day++) {
        bool works = false;
        ch_status status = look_at(calendar, day, &works, error);
        if (status != CH_OK) {
            return status;
        }
        for (size_t i = 0; works && i < calendar->period_count && left > 0; i++) {
            const span work = work_of(calendar, day, i, start_ms);
            int64_t size = work.until_ms > work.from_ms ? work.until_ms - work.from_ms : 0;
            *out_due_ms = work.from_ms + left;
            left -= size;
        }
    }
    if (working_ms <= 0) {
        *out_due_ms = start_ms;
    }
    return CH_OK;
}

ch_status ch_calendar_hours_between(const ch_calendar *calendar, int64_t from_ms, int64_t until_ms,
                                    int64_t *out_working_ms, ch_error *error)
{
    int64_t sum = 0, day = ch_calendar_day_of(calendar, from_ms);
    for (; from_ms < until_ms && ch_zone_instant_ms(&calendar->zone, day * CH_DAY_MS) < until_ms; day++) {
        bool works = false;
        ch_status status = look_at(calendar, day, &works, error);
        if (status != CH_OK) {
            return status;
        }
        for (size_t i = 0; works && i < calendar->period_count; i++) {
            const span work = work_of(calendar, day, i, from_ms);
            int64_t until = work.until_ms < until_ms ? work.until_ms : until_ms;
            sum += until > work.from_ms ? until - work.from_ms : 0;
        }
    }
    *out_working_ms = sum;
    return CH_OK;
}
