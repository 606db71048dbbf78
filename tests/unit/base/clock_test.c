#include "tests/unit/check.h"

#include "hub/base/clock.h"

#define DAY_MS INT64_C(86400000)

static void refuses_times_that_rfc_3339_does_not_know(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "2026-11-23",
        "2026-11-23T02:27:00",   /* no offset */
        "2026-11-23T02:27Z",     /* no seconds */
        "2026-11-23T02:27:00.Z", /* a point without digits */
        "2026-11-23T02:27:00.0123456789Z",
        "2026-11-23T02:27:00,5Z",
        "2026-11-23T02:27:00+08",
        "2026-11-23T02:27:00+0800",
        "2026-11-23T02:27:00+24:00",
        "2026-11-23T02:27:00+08:60",
        "2026-11-23T02:27:00Z ",
        " 2026-11-23T02:27:00Z",
        "2026-11-23T02:27:00ZZ",
        "2026-11-23_02:27:00Z",
        "2026/11/23T02:27:00Z",
        "26-11-23T02:27:00Z",
        "2026-1-23T02:27:00Z",
        "+026-11-23T02:27:00Z",
        "2026-11-23T24:00:00Z",
        "2026-11-23T02:60:00Z",
        "2026-11-23T02:27:60Z",
        "2026-11-31T02:27:00Z",
        "2026-02-29T02:27:00Z",
        "1900-02-29T00:00:00Z",
        "2026-00-10T02:27:00Z",
        "2026-13-10T02:27:00Z",
        "2026-11-00T02:27:00Z",
        "0000-11-23T02:27:00Z",
        "２０２６-11-23T02:27:00Z",
    };
    int64_t time_ms = 5;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (ch_time_parse(ch_str_of(bad[i]), &time_ms) != CH_INVALID) {
            fail_msg("accepted: %s", bad[i]);
        }
    }
    assert_status(ch_time_parse((ch_str){"2026-11-23T02:27:00\0", 20}, &time_ms), CH_INVALID);
    assert_status(ch_time_parse(CH_STR_NONE, &time_ms), CH_INVALID);
    assert_true(time_ms == 5);
}

static void reads_each_way_to_write_a_time(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t time_ms;
    } good[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-11-23T02:27:00Z", INT64_C(1795400820000)},
        {"2026-11-23T10:27:00+08:00", INT64_C(1795400820000)},
        {"2026-11-22t21:27:00-05:00", INT64_C(1795400820000)},
        {"2026-11-23 02:27:00z", INT64_C(1795400820000)},
        {"2026-11-23T02:27:00-00:00", INT64_C(1795400820000)},
        {"2026-11-23T02:27:00.5Z", INT64_C(1795400820500)},
        {"2026-11-23T02:27:00.05Z", INT64_C(1795400820050)},
        {"2026-11-23T02:27:00.999999999Z", INT64_C(1795400820999)},
        {"1969-12-31T23:59:59.999Z", -1},
        {"2000-02-29T00:00:00Z", INT64_C(951782400000)},
        {"0001-01-01T00:00:00Z", INT64_C(-62135596800000)},
        {"9999-12-31T23:59:59.999Z", INT64_C(253402300799999)},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        int64_t time_ms = 5;
        if (ch_time_parse(ch_str_of(good[i].text), &time_ms) != CH_OK || time_ms != good[i].time_ms) {
            fail_msg("%s: %lld", good[i].text, (long long)time_ms);
        }
    }
}

static void writes_a_time_in_a_zone(void **state)
{
    (void)state;
    static const struct {
        int64_t time_ms;
        int offset_minutes;
        const char *text;
    } times[] = {
        {0, 0, "1970-01-01T00:00:00Z"},
        {-1, 0, "1969-12-31T23:59:59.999Z"},
        {INT64_C(1795400820000), 480, "2026-11-23T10:27:00+08:00"},
        {INT64_C(1795400820007), -210, "2026-11-22T22:57:00.007-03:30"},
        {INT64_C(1795449600000), 480, "2026-11-24T00:00:00+08:00"},
    };
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        char out[CH_TIME_TEXT_SIZE];
        ch_time_format(times[i].time_ms, times[i].offset_minutes, out);
        assert_string_equal(out, times[i].text);
    }
}

static void writes_any_number_as_some_time(void **state)
{
    (void)state;
    static const int64_t ends[] = {INT64_MIN, INT64_MIN + 1, INT64_MAX - 1, INT64_MAX};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        for (int offset_minutes = -1439; offset_minutes <= 1439; offset_minutes += 1439) {
            char out[CH_TIME_TEXT_SIZE];
            ch_time_format(ends[i], offset_minutes, out);
            assert_true(strlen(out) < sizeof out);
            assert_in_range(ch_date_of(ends[i], offset_minutes).weekday, 0, 6);
        }
    }
}

static void refuses_dates_that_do_not_exist(void **state)
{
    (void)state;
    static const ch_date bad[] = {
        {.year = 0, .month = 1, .day = 1},
        {.year = 10000, .month = 1, .day = 1},
        {.year = 2026, .month = 0, .day = 1},
        {.year = 2026, .month = 13, .day = 1},
        {.year = 2026, .month = 4, .day = 31},
        {.year = 2026, .month = 2, .day = 29},
        {.year = 2100, .month = 2, .day = 29},
        {.year = 2026, .month = 1, .day = 0},
        {.year = 2026, .month = 1, .day = 1, .hour = 24},
        {.year = 2026, .month = 1, .day = 1, .hour = -1},
        {.year = 2026, .month = 1, .day = 1, .minute = 60},
        {.year = 2026, .month = 1, .day = 1, .second = 60},
        {.year = 2026, .month = 1, .day = 1, .ms = 1000},
    };
    int64_t time_ms = 5;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_status(ch_date_to_ms(&bad[i], 0, &time_ms), CH_INVALID);
    }
    assert_true(time_ms == 5);
}

/* Every day from 1889 to 2110: the dates follow each other, and each leads back to its day. */
static void every_day_follows_the_one_before(void **state)
{
    (void)state;
    ch_date before = ch_date_of(-29587 * DAY_MS, 0);
    for (int64_t day = -29586; day < 51500; day++) {
        ch_date date = ch_date_of(day * DAY_MS, 0);
        int64_t back;
        assert_status(ch_date_to_ms(&date, 0, &back), CH_OK);
        assert_true(back == day * DAY_MS);
        assert_int_equal(date.weekday, (before.weekday + 1) % 7);
        if (date.day != 1) {
            assert_int_equal(date.day, before.day + 1);
            assert_int_equal(date.month, before.month);
        } else {
            assert_in_range(before.day, 28, 31);
            assert_int_equal(date.month, before.month % 12 + 1);
        }
        before = date;
    }
}

static void knows_the_days_of_the_week(void **state)
{
    (void)state;
    assert_int_equal(ch_date_of(0, 0).weekday, 4);
    assert_int_equal(ch_date_of(-1, 0).weekday, 3);
    assert_int_equal(ch_date_of(3 * DAY_MS, 0).weekday, 0);
    assert_int_equal(ch_date_of(INT64_C(1795400820000), 480).weekday, 1);
}

static void a_date_and_its_offset_lead_back(void **state)
{
    (void)state;
    for (int offset_minutes = -720; offset_minutes <= 840; offset_minutes += 15) {
        int64_t time_ms = INT64_C(1795400820123), back;
        ch_date date = ch_date_of(time_ms, offset_minutes);
        assert_status(ch_date_to_ms(&date, offset_minutes, &back), CH_OK);
        assert_true(back == time_ms);
        char text[CH_TIME_TEXT_SIZE];
        ch_time_format(time_ms, offset_minutes, text);
        assert_status(ch_time_parse(ch_str_of(text), &back), CH_OK);
        assert_true(back == time_ms);
    }
}

static void a_fake_clock_stands_until_it_is_moved(void **state)
{
    (void)state;
    ch_clock_fake fake;
    ch_clock_fake_init(&fake, 1000);
    assert_true(ch_clock_wall_ms(&fake.clock) == 1000);
    fake.now_ms += 5;
    assert_true(ch_clock_wall_ms(&fake.clock) == 1005);
    assert_true(ch_clock_monotonic_ms(&fake.clock) == 1005);
}

static void microseconds_run_beside_the_real_clock(void **state)
{
    (void)state;
    int64_t before_ms = ch_clock_monotonic_ms(ch_clock_real());
    int64_t us = ch_clock_real_us();
    int64_t after_ms = ch_clock_monotonic_ms(ch_clock_real());
    assert_true(us / 1000 >= before_ms && us / 1000 <= after_ms);
}

static void the_real_clock_is_after_this_was_written(void **state)
{
    (void)state;
    assert_true(ch_clock_wall_ms(ch_clock_real()) > INT64_C(1700000000000));
    int64_t first = ch_clock_monotonic_ms(ch_clock_real());
    assert_true(ch_clock_monotonic_ms(ch_clock_real()) >= first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_times_that_rfc_3339_does_not_know),
        cmocka_unit_test(reads_each_way_to_write_a_time),
        cmocka_unit_test(writes_a_time_in_a_zone),
        cmocka_unit_test(writes_any_number_as_some_time),
        cmocka_unit_test(refuses_dates_that_do_not_exist),
        cmocka_unit_test(every_day_follows_the_one_before),
        cmocka_unit_test(knows_the_days_of_the_week),
        cmocka_unit_test(a_date_and_its_offset_lead_back),
        cmocka_unit_test(a_fake_clock_stands_until_it_is_moved),
        cmocka_unit_test(microseconds_run_beside_the_real_clock),
        cmocka_unit_test(the_real_clock_is_after_this_was_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
