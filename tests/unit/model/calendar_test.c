/* Working time against slow and obvious versions, which count minute by minute and day by day. */
#include "tests/unit/check.h"

#include "hub/base/clock.h"
#include "hub/base/random.h"
#include "hub/model/calendar.h"

#include <inttypes.h>
#include <stdio.h>

#define YEAR 2026
#define FIRST_DAY INT64_C(20454) /* 2026-01-01 */
#define DAYS 365
#define ROUNDS 300
#define HOUR_MS (60 * CH_MINUTE_MS)

static const ch_zone_change city[] = {{INT64_MIN, 8 * HOUR_MS}};
/* Clocks go forward in the middle of a night and of a working day, and back; and at midnight, both ways. */
static const ch_zone_change changing[] = {
    {INT64_MIN, HOUR_MS},
    {(FIRST_DAY + 10) * CH_DAY_MS - HOUR_MS, 2 * HOUR_MS},
    {(FIRST_DAY + 20) * CH_DAY_MS - 2 * HOUR_MS, HOUR_MS},
    {(FIRST_DAY + 30) * CH_DAY_MS + 9 * HOUR_MS, 2 * HOUR_MS},
    {(FIRST_DAY + 40) * CH_DAY_MS + 9 * HOUR_MS, HOUR_MS},
    {(FIRST_DAY + 50) * CH_DAY_MS + HOUR_MS, 2 * HOUR_MS},
    {(FIRST_DAY + 60) * CH_DAY_MS + HOUR_MS, HOUR_MS},
};

static bool works[DAYS];

static ch_calendar usual(void)
{
    ch_calendar calendar = {.name = "city",
                            .zone = {city, 1},
                            .first_year = YEAR,
                            .last_year = YEAR,
                            .first_day = FIRST_DAY,
                            .day_count = DAYS,
                            .works = works,
                            .periods = {{510, 720}, {810, 1050}},
                            .period_count = 2};
    for (size_t i = 0; i < DAYS; i++) {
        int64_t weekday = (FIRST_DAY + (int64_t)i + 4) % 7; /* 0: Sunday */
        works[i] = weekday != 0 && weekday != 6;
    }
    return calendar;
}

static int64_t at(const char *text)
{
    int64_t time_ms;
    assert_int_equal(ch_time_parse(ch_str_of(text), &time_ms), CH_OK);
    return time_ms;
}

/* The year's day of that date. */
static bool *day(const char *date)
{
    char text[32];
    snprintf(text, sizeof text, "%sT00:00:00Z", date);
    return &works[at(text) / CH_DAY_MS - FIRST_DAY];
}

/* ---- bad tables */

static void a_calendar_that_cannot_be_is_refused(void **state)
{
    (void)state;
    static const ch_zone_change late[] = {{0, 0}};
    static const ch_zone_change far[] = {{INT64_MIN, CH_DAY_MS}};
    static const ch_zone_change mixed[] = {{INT64_MIN, 0}, {5, HOUR_MS}, {5, 0}};
    ch_calendar wrong[14];
    static const char *const said[] = {
        "calendar city: its zone has no beginning",
        "calendar city: its zone has no beginning",
        "calendar city: its zone is a day from UTC",
        "calendar city: its zone's changes are out of order",
        "calendar city: 1 to 8 periods of work are expected",
        "calendar city: 1 to 8 periods of work are expected",
        "calendar city: periods of work lie within a day, one after another",
        "calendar city: periods of work lie within a day, one after another",
        "calendar city: periods of work lie within a day, one after another",
        "calendar city: 2027 to 2026 are no 1 to 50 years",
        "calendar city: 2026 to 2076 are no 1 to 50 years",
        "calendar city: 2026 to 10000 are no 1 to 50 years",
        "calendar city: its days are not those of 2026 to 2026",
        "calendar city: its days are not those of 2026 to 2026",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        wrong[i] = usual();
    }
    wrong[0].zone.count = 0;
    wrong[1].zone = (ch_zone){late, 1};
    wrong[2].zone = (ch_zone){far, 1};
    wrong[3].zone = (ch_zone){mixed, 3};
    wrong[4].period_count = 0;
    wrong[5].period_count = CH_CALENDAR_PERIODS_MAX + 1;
    wrong[6].periods[0].from = -1;
    wrong[7].periods[1].from = 719;
    wrong[8].periods[1].until = 1441;
    wrong[9].first_year = 2027;
    wrong[10].last_year = 2076;
    wrong[11].last_year = 10000;
    wrong[12].day_count = 366;
    wrong[13].first_day++;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ch_error error;
        assert_status(ch_calendar_check(&wrong[i], &error), CH_INVALID);
        assert_string_equal(error.text, said[i]);
        assert_string_equal(error.where, "city");
    }
}

static void a_year_that_is_not_covered_is_an_error_that_says_so(void **state)
{
    (void)state;
    const ch_calendar calendar = usual();
    ch_error error;
    int64_t out;
    bool is;
    int64_t silvester = at("2026-12-31T17:00:00+08:00"), before = at("2025-12-31T23:59:59+08:00");
    assert_int_equal(ch_calendar_check(&calendar, &error), CH_OK);
    assert_status(ch_calendar_after_days(&calendar, silvester, 1, &out, &error), CH_NOT_FOUND);
    assert_string_equal(error.text, "calendar city covers 2026 to 2026, and says nothing of 2027");
    assert_status(ch_calendar_after_hours(&calendar, silvester, HOUR_MS, &out, &error), CH_NOT_FOUND);
    assert_status(ch_calendar_hours_between(&calendar, silvester, silvester + CH_DAY_MS, &out, &error),
                  CH_NOT_FOUND);
    assert_status(ch_calendar_days_between(&calendar, silvester, silvester + 3 * CH_DAY_MS, &out, &error),
                  CH_NOT_FOUND);
    assert_status(ch_calendar_is_working_day(&calendar, before, &is, &error), CH_NOT_FOUND);
    assert_string_equal(error.text, "calendar city covers 2026 to 2026, and says nothing of 2025");
    assert_status(ch_calendar_is_working_day(&calendar, before + 1000, &is, &error), CH_OK);
    /* Half an hour before the last day's end of work is still within. */
    assert_status(ch_calendar_after_hours(&calendar, silvester, HOUR_MS / 2, &out, &error), CH_OK);
    assert_int_equal(out, at("2026-12-31T17:30:00+08:00"));
}

/* ---- by hand */

/* A post on a Friday evening before a week of holidays, with the Saturday after it made a working day. */
static void a_holiday_week_with_a_make_up_saturday_is_counted_right(void **state)
{
    (void)state;
    const ch_calendar calendar = usual();
    ch_error error;
    int64_t due, left;
    static const char *const holidays[] = {"2026-10-01", "2026-10-02", "2026-10-05", "2026-10-06",
                                           "2026-10-07"};
    for (size_t i = 0; i < sizeof holidays / sizeof *holidays; i++) {
        *day(holidays[i]) = false;
    }
    *day("2026-10-10") = true;
    int64_t start = at("2026-09-30T20:00:00+08:00");
    assert_ok(ch_calendar_after_days(&calendar, start, 3, &due, &error), &error);
    assert_int_equal(due, at("2026-10-11T00:00:00+08:00")); /* 8, 9 and 10 October */
    assert_ok(ch_calendar_days_between(&calendar, start, due, &left, &error), &error);
    assert_int_equal(left, 3);
    assert_ok(ch_calendar_after_hours(&calendar, start, 8 * HOUR_MS, &due, &error), &error);
    assert_int_equal(due, at("2026-10-09T09:00:00+08:00")); /* 7.5 hours on the 8th */
    assert_ok(ch_calendar_after_days(&calendar, start, 0, &due, &error), &error);
    assert_int_equal(due, at("2026-10-01T00:00:00+08:00"));
    assert_ok(ch_calendar_after_days(&calendar, at("2026-10-03T09:00:00+08:00"), 0, &due, &error), &error);
    assert_int_equal(due, at("2026-10-09T00:00:00+08:00"));
}

static void no_time_at_all_is_over_at_once(void **state)
{
    (void)state;
    const ch_calendar calendar = usual();
    ch_error error;
    int64_t out, start = at("2026-05-09T03:00:00Z");
    assert_ok(ch_calendar_after_hours(&calendar, start, 0, &out, &error), &error);
    assert_int_equal(out, start);
    assert_ok(ch_calendar_hours_between(&calendar, start, start - CH_DAY_MS, &out, &error), &error);
    assert_int_equal(out, 0);
    assert_ok(ch_calendar_days_between(&calendar, start, start - CH_DAY_MS, &out, &error), &error);
    assert_int_equal(out, 0);
}

/* ---- against the slow versions */

/* The first minute at which the clocks show that time or a later one. */
static int64_t slow_instant(const ch_zone *zone, int64_t local_ms)
{
    int64_t time_ms = local_ms - CH_DAY_MS;
    while (ch_zone_local_ms(zone, time_ms) < local_ms) {
        time_ms += CH_MINUTE_MS;
    }
    return time_ms;
}

static int64_t slow_after_days(const ch_calendar *calendar, int64_t start_ms, int64_t days)
{
    int64_t local = ch_zone_local_ms(&calendar->zone, start_ms), today = local / CH_DAY_MS;
    if (days > 0) {
        today++;
    }
    for (int64_t found = 0;; today++) {
        found += calendar->works[today - FIRST_DAY];
        if (found == (days > 0 ? days : 1)) {
            return slow_instant(&calendar->zone, (today + 1) * CH_DAY_MS);
        }
    }
}

/* The periods of one day, found slowly. */
typedef struct slow_day {
    int64_t day, from[CH_CALENDAR_PERIODS_MAX], until[CH_CALENDAR_PERIODS_MAX];
} slow_day;

/* Whether the minute that begins then is one of work; `kept` spares finding the same day's periods again. */
static bool is_work(const ch_calendar *calendar, int64_t time_ms, slow_day *kept)
{
    int64_t today = ch_zone_local_ms(&calendar->zone, time_ms) / CH_DAY_MS, midnight = today * CH_DAY_MS;
    for (size_t i = 0; kept->day != today && i < calendar->period_count; i++) {
        const ch_work_period *period = &calendar->periods[i];
        kept->from[i] = slow_instant(&calendar->zone, midnight + period->from * CH_MINUTE_MS);
        kept->until[i] = slow_instant(&calendar->zone, midnight + period->until * CH_MINUTE_MS);
    }
    kept->day = today;
    for (size_t i = 0; calendar->works[today - FIRST_DAY] && i < calendar->period_count; i++) {
        if (time_ms >= kept->from[i] && time_ms < kept->until[i]) {
            return true;
        }
    }
    return false;
}

static ch_calendar any_calendar(ch_random_seeded *seeded, size_t round)
{
    static const ch_work_period nearly_all[] = {{0, 90}, {90, 600}, {610, 1440}};
    ch_calendar calendar = usual();
    if (round % 2 == 1) {
        calendar.zone = (ch_zone){changing, sizeof changing / sizeof *changing};
    }
    if (round % 3 == 0) {
        memcpy(calendar.periods, nearly_all, sizeof nearly_all);
        calendar.period_count = sizeof nearly_all / sizeof *nearly_all;
    }
    for (size_t i = 0; i < DAYS; i++) {
        works[i] = ch_random_below(seeded, 8) == 0 ? !works[i] : works[i];
    }
    return calendar;
}

static int64_t any_minute(ch_random_seeded *seeded)
{
    return (FIRST_DAY + 1) * CH_DAY_MS + (int64_t)ch_random_below(seeded, 70 * 1440) * CH_MINUTE_MS;
}

static void days_are_those_that_one_counts_on_a_calendar(void **state)
{
    (void)state;
    ch_random_seeded seeded;
    ch_random_seeded_init(&seeded, 11);
    for (size_t round = 0; round < 4 * ROUNDS; round++) {
        const ch_calendar calendar = any_calendar(&seeded, round);
        ch_error error;
        int64_t start = any_minute(&seeded), days = (int64_t)ch_random_below(&seeded, 20), due, left;
        assert_ok(ch_calendar_after_days(&calendar, start, days, &due, &error), &error);
        int64_t slow = slow_after_days(&calendar, start, days);
        if (due != slow) {
            fail_msg("round %zu: %" PRId64 " days from %" PRId64 ": %" PRId64 ", not %" PRId64, round, days,
                     start, due, slow);
        }
        assert_ok(ch_calendar_days_between(&calendar, start, due, &left, &error), &error);
        if (days > 0) {
            assert_int_equal(left, days);
        }
        assert_ok(ch_calendar_after_days(&calendar, start, left, &due, &error), &error);
        assert_int_equal(due, slow);
    }
}

static void hours_are_those_that_one_counts_by_the_minute(void **state)
{
    (void)state;
    ch_random_seeded seeded;
    ch_random_seeded_init(&seeded, 12);
    for (size_t round = 0; round < ROUNDS; round++) {
        const ch_calendar calendar = any_calendar(&seeded, round);
        ch_error error;
        int64_t start = any_minute(&seeded), minutes = 1 + (int64_t)ch_random_below(&seeded, 3000), due, sum;
        int64_t slow = start;
        slow_day kept = {.day = 0};
        for (int64_t left = minutes; left > 0; slow += CH_MINUTE_MS) {
            left -= is_work(&calendar, slow, &kept);
        }
        assert_ok(ch_calendar_after_hours(&calendar, start, minutes * CH_MINUTE_MS, &due, &error), &error);
        if (due != slow) {
            fail_msg("round %zu: %" PRId64 " minutes from %" PRId64 ": %" PRId64 ", not %" PRId64, round,
                     minutes, start, due, slow);
        }
        assert_ok(ch_calendar_hours_between(&calendar, start, due, &sum, &error), &error);
        assert_int_equal(sum, minutes * CH_MINUTE_MS);
    }
}

static void a_clock_that_was_stopped_in_between_has_what_it_had_left(void **state)
{
    (void)state;
    ch_random_seeded seeded;
    ch_random_seeded_init(&seeded, 13);
    for (size_t round = 0; round < ROUNDS; round++) {
        const ch_calendar calendar = any_calendar(&seeded, round);
        ch_error error;
        int64_t start = any_minute(&seeded), due, left, again;
        int64_t work = (1 + (int64_t)ch_random_below(&seeded, 3000)) * CH_MINUTE_MS;
        assert_ok(ch_calendar_after_hours(&calendar, start, work, &due, &error), &error);
        int64_t stop = start + (int64_t)ch_random_below(&seeded, (uint64_t)(due - start));
        assert_ok(ch_calendar_hours_between(&calendar, stop, due, &left, &error), &error);
        assert_ok(ch_calendar_after_hours(&calendar, stop, left, &again, &error), &error);
        assert_int_equal(again, due);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_calendar_that_cannot_be_is_refused),
        cmocka_unit_test(a_year_that_is_not_covered_is_an_error_that_says_so),
        cmocka_unit_test(a_holiday_week_with_a_make_up_saturday_is_counted_right),
        cmocka_unit_test(no_time_at_all_is_over_at_once),
        cmocka_unit_test(days_are_those_that_one_counts_on_a_calendar),
        cmocka_unit_test(hours_are_those_that_one_counts_by_the_minute),
        cmocka_unit_test(a_clock_that_was_stopped_in_between_has_what_it_had_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
