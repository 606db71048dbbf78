/* calendar.h - when working time has passed: working days and hours of a named calendar, in its time zone.
 *
 * Days are counted from 1970-01-01 of the zone's own date. A calendar answers for the days it covers and for no
 * other: whether a day of next year is a holiday nobody knows before it is announced.
 */
#ifndef CH_MODEL_CALENDAR_H
#define CH_MODEL_CALENDAR_H

#include "hub/model/event.h"

#define CH_MINUTE_MS INT64_C(60000)
#define CH_DAY_MS INT64_C(86400000)
#define CH_CALENDAR_PERIODS_MAX 8
#define CH_CALENDAR_YEARS_MAX 50

/* From that instant on the zone's clocks show UTC and the offset. */
typedef struct ch_zone_change {
    int64_t from_ms; /* of the first: INT64_MIN */
    int64_t offset_ms;
} ch_zone_change;

typedef struct ch_zone {
    const ch_zone_change *changes; /* at least one, in order */
    size_t count;
} ch_zone;

/* Minutes of the day, at most 1440: from the first time that its clocks show `from` to the first that they show
 * `until`. */
typedef struct ch_work_period {
    int from, until;
} ch_work_period;

typedef struct ch_calendar {
    char name[CH_CODE_MAX + 1];
    ch_zone zone;
    int first_year, last_year; /* covered, both */
    int64_t first_day;         /* 1 January of first_year */
    size_t day_count;
    bool *works;                                     /* day_count of them */
    ch_work_period periods[CH_CALENDAR_PERIODS_MAX]; /* of every working day, in order, not overlapping */
    size_t period_count;
    const char *place; /* "sla.cfg:12" for messages; NULL when built by hand */
} ch_calendar;

/* Whole years within 1..9999, zone and periods as said above. CH_INVALID says what is wrong. */
ch_status ch_calendar_check(const ch_calendar *calendar, ch_error *error) CH_MUST_CHECK;

/* What the zone's clocks show at an instant, as if it were UTC. */
int64_t ch_zone_local_ms(const ch_zone *zone, int64_t time_ms);
/* The day that a local date is. */
int64_t ch_calendar_day_of(const ch_calendar *calendar, int64_t time_ms);
/* The first instant at which the zone's clocks show that time or a later one: the end of a day is the first instant of
 * the next, also where clocks are changed at midnight. */
int64_t ch_zone_instant_ms(const ch_zone *zone, int64_t local_ms);

/* The end of the last day that it covers. */
int64_t ch_calendar_end_ms(const ch_calendar *calendar);

/* All of these: CH_NOT_FOUND when a day would have to be looked at that the calendar does not cover; the text says
 * which it does. */
ch_status ch_calendar_is_working_day(const ch_calendar *calendar, int64_t time_ms, bool *out_works,
                                     ch_error *error) CH_MUST_CHECK;
/* When so much working time has passed since the start; of two such instants the earlier. */
ch_status ch_calendar_after_hours(const ch_calendar *calendar, int64_t start_ms, int64_t working_ms,
                                  int64_t *out_due_ms, ch_error *error) CH_MUST_CHECK;
/* The end of the n-th working day; the day of the start does not count. Of none (0): the end of the day of the start
 * or, when that is no working day, of the next that is. */
ch_status ch_calendar_after_days(const ch_calendar *calendar, int64_t start_ms, int64_t days,
                                 int64_t *out_due_ms, ch_error *error) CH_MUST_CHECK;
/* What is left of such a time: so that `after` of it leads from from_ms to until_ms again. 0 when until_ms is not
 * later. */
ch_status ch_calendar_hours_between(const ch_calendar *calendar, int64_t from_ms, int64_t until_ms,
                                    int64_t *out_working_ms, ch_error *error) CH_MUST_CHECK;
ch_status ch_calendar_days_between(const ch_calendar *calendar, int64_t from_ms, int64_t until_ms,
                                   int64_t *out_days, ch_error *error) CH_MUST_CHECK;

#endif
