/* Duty hours: what is none, and when they hold. */
#include "tests/unit/check.h"

#include "hub/base/clock.h"
#include "hub/model/duty.h"

static void what_is_no_time_of_duty_is_refused(void **state)
{
    static const char *const wrong[] = {
        "",
        "24",
        "24h ",
        "24h;1 08:00-09:00",
        "0 08:00-09:00",
        "8 08:00-09:00",
        "5-1 08:00-09:00",
        "1- 08:00-09:00",
        "1-5",
        "1-5 8:00-9:00",
        "1-5  08:00-09:00",
        "1-5 08:00",
        "1-5 08:00-",
        "1-5 08:60-09:00",
        "1-5 08:00-24:01",
        "1-5 24:00-08:00",
        "1-5 08:00-08:00",
        "1-5 08:00-09:00;",
        "1-5 08:00-09:00,6 08:00-09:00",
        ("1 00:00-01:00;1 00:00-01:00;1 00:00-01:00;1 00:00-01:00;1 00:00-01:00;1 00:00-01:00;1 00:00-01:00;"
         "1 00:00-01:00;1 00:00-01:00"),
    };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ch_duty duty;
        if (ch_duty_parse(ch_str_of(wrong[i]), &duty) != CH_INVALID) {
            fail_msg("taken: %s", wrong[i]);
        }
    }
}

static bool holds(const char *text, const char *at)
{
    ch_duty duty;
    int64_t local_ms;
    assert_int_equal(ch_duty_parse(ch_str_of(text), &duty), CH_OK);
    assert_int_equal(ch_time_parse(ch_str_of(at), &local_ms), CH_OK);
    return ch_duty_holds(&duty, local_ms);
}

/* The 23rd of November 2026 is a Monday. */
static void duty_holds_from_its_first_minute_until_before_its_last(void **state)
{
    (void)state;
    assert_true(holds("24h", "2026-11-29T03:00:00Z"));
    static const char office[] = "1-5 08:30-12:00; 1-5 13:30-17:30;6 09:00-24:00";
    assert_false(holds(office, "2026-11-23T08:29:59.999Z"));
    assert_true(holds(office, "2026-11-23T08:30:00Z"));
    assert_true(holds(office, "2026-11-23T11:59:59.999Z"));
    assert_false(holds(office, "2026-11-23T12:00:00Z"));
    assert_true(holds(office, "2026-11-27T17:29:00Z"));
    assert_false(holds(office, "2026-11-28T08:30:00Z"));
    assert_true(holds(office, "2026-11-28T23:59:00Z"));
    assert_false(holds(office, "2026-11-29T00:00:00Z"));
    assert_true(holds("4 00:00-24:00", "1970-01-01T00:00:00Z"));
    assert_true(holds("3 23:00-24:00", "1969-12-31T23:59:59.999Z"));
    assert_false(holds("4-7 00:00-24:00", "1969-12-31T23:59:59.999Z"));
}

static void a_night_goes_on_until_the_next_morning_also_from_sunday_to_monday(void **state)
{
    (void)state;
    assert_true(holds("5 20:00-06:00", "2026-11-27T20:00:00Z"));
    assert_true(holds("5 20:00-06:00", "2026-11-28T05:59:00Z"));
    assert_false(holds("5 20:00-06:00", "2026-11-28T06:00:00Z"));
    assert_false(holds("5 20:00-06:00", "2026-11-27T05:00:00Z"));
    assert_true(holds("7 20:00-06:00", "2026-11-30T05:00:00Z"));
    assert_false(holds("7 20:00-06:00", "2026-11-29T05:00:00Z"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_time_of_duty_is_refused),
        cmocka_unit_test(duty_holds_from_its_first_minute_until_before_its_last),
        cmocka_unit_test(a_night_goes_on_until_the_next_morning_also_from_sunday_to_monday),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
