#include "tests/unit/check.h"

#include "hub/model/event.h"
#include "hub/model/mp.h"
#include "tests/bench/drive/drive.h"

#include <stdio.h>
#include <stdlib.h>

#define MANY 20000

void bench_fail(const char *format, ...)
{
    fputs(format, stderr);
    abort();
}

static void every_event_is_one_that_the_hub_takes(void **state)
{
    (void)state;
    bench_load load;
    ch_event decoded;
    ch_error error = {.text = ""};
    bench_load_init(&load, "t", 3, 8);
    for (int i = 0; i < MANY; i++) {
        const bench_event event = bench_load_next(&load);
        assert_ok(ch_event_decode(event.bytes, CH_EVENT_PRODUCED, &decoded, &error), &error);
        assert_true(ch_str_is(decoded.source, "grid/t-3"));
        assert_true(ch_str_is(decoded.type, event.type));
        assert_in_range(event.bytes.size, 499, 500);
    }
}

static void a_tenth_opens_cases_and_each_thousandth_is_for_the_narrow_subscription(void **state)
{
    (void)state;
    bench_load load;
    unsigned opened = 0, narrow = 0;
    bench_load_init(&load, "t", 0, 1);
    for (int i = 0; i < MANY; i++) {
        const bench_event event = bench_load_next(&load);
        opened += strcmp(event.type, "case.opened") == 0;
        narrow += bench_load_is_narrow(event.bytes);
    }
    assert_int_equal(opened, MANY / 10);
    assert_int_equal(narrow, MANY / BENCH_NARROW_EVERY);
}

static void the_number_is_read_back_from_the_id_of_its_own_events_only(void **state)
{
    (void)state;
    bench_load load;
    ch_buf derived;
    bench_load_init(&load, "t", 0, 1);
    for (uint64_t number = 1; number <= MANY; number++) {
        const bench_event event = bench_load_next(&load);
        assert_int_equal(event.number, number);
        assert_int_equal(bench_load_number(event.bytes), number);
    }
    ch_buf_init(&derived, 256);
    ch_mp_put_map(&derived, 1);
    ch_mp_put_text(&derived, "id");
    ch_mp_put_text(&derived, "4711/1");
    assert_int_equal(bench_load_number(ch_buf_str(&derived)), 0);
    ch_buf_done(&derived);
}

static void later_events_are_about_a_case_that_was_opened(void **state)
{
    (void)state;
    bench_load load;
    int64_t most = 0, number = 0;
    bench_load_init(&load, "t", 0, 1000);
    for (int i = 0; i < MANY; i++) {
        const bench_event event = bench_load_next(&load);
        ch_str ref = ch_mp_find_str(event.bytes, "ref");
        assert_status(ch_str_to_int((ch_str){ref.at + 1, ref.size - 1}, &number), CH_OK);
        most = strcmp(event.type, "case.opened") == 0 ? number : most;
        assert_in_range(number, 1, most);
        assert_true(most - number < 10); /* the last 10,000 of a thousand publishers */
        assert_int_equal(number % BENCH_DISTRICTS, event.district);
    }
}

static void the_same_load_is_made_again(void **state)
{
    (void)state;
    bench_load one, two;
    bench_load_init(&one, "t", 0, 1);
    bench_load_init(&two, "t", 0, 1);
    for (int i = 0; i < MANY; i++) {
        const bench_event a = bench_load_next(&one), b = bench_load_next(&two);
        assert_true(ch_str_equal(ch_mp_find_str(a.bytes, "ref"), ch_mp_find_str(b.bytes, "ref")));
        assert_int_equal(a.district, b.district);
    }
}

static void an_empty_histogram_has_no_percentile(void **state)
{
    (void)state;
    bench_histogram *histogram = calloc(1, sizeof *histogram);
    assert_non_null(histogram);
    assert_true(bench_histogram_us(histogram, 99) == 0);
    free(histogram);
}

static void percentiles_are_within_a_hundredth(void **state)
{
    (void)state;
    bench_histogram *histogram = calloc(1, sizeof *histogram);
    assert_non_null(histogram);
    for (uint64_t us = 1; us <= 100000; us++) {
        bench_histogram_add(histogram, us * 1000);
    }
    const double percentiles[] = {0.1, 50, 99, 99.9, 100};
    for (size_t i = 0; i < sizeof percentiles / sizeof *percentiles; i++) {
        double wanted = percentiles[i] * 1000, found = bench_histogram_us(histogram, percentiles[i]);
        assert_true(found <= wanted && found > wanted * 0.99);
    }
    free(histogram);
}

static void the_longest_times_are_kept(void **state)
{
    (void)state;
    bench_histogram *histogram = calloc(1, sizeof *histogram);
    assert_non_null(histogram);
    bench_histogram_add(histogram, UINT64_MAX);
    bench_histogram_add(histogram, 0);
    assert_true(bench_histogram_us(histogram, 100) > 1e6);
    assert_true(bench_histogram_us(histogram, 1) == 0);
    free(histogram);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_event_is_one_that_the_hub_takes),
        cmocka_unit_test(a_tenth_opens_cases_and_each_thousandth_is_for_the_narrow_subscription),
        cmocka_unit_test(the_number_is_read_back_from_the_id_of_its_own_events_only),
        cmocka_unit_test(later_events_are_about_a_case_that_was_opened),
        cmocka_unit_test(the_same_load_is_made_again),
        cmocka_unit_test(an_empty_histogram_has_no_percentile),
        cmocka_unit_test(percentiles_are_within_a_hundredth),
        cmocka_unit_test(the_longest_times_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
