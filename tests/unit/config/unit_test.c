#include "tests/unit/check.h"

#include "hub/config/unit.h"

static void refuses_what_is_no_number_with_a_unit_of_its_kind(void **state)
{
    (void)state;
    static const struct {
        ch_unit_kind kind;
        const char *text;
    } bad[] = {
        {CH_UNIT_MS, ""},       {CH_UNIT_MS, "s"},       {CH_UNIT_MS, "5 s"},     {CH_UNIT_MS, "5S"},
        {CH_UNIT_MS, "1.5s"},   {CH_UNIT_MS, "5sec"},    {CH_UNIT_MS, "5KiB"},    {CH_UNIT_MS, "+5s"},
        {CH_UNIT_MS, "-s"},     {CH_UNIT_BYTES, "5s"},   {CH_UNIT_BYTES, "5kib"}, {CH_UNIT_BYTES, "5K"},
        {CH_UNIT_BYTES, "5MB"}, {CH_UNIT_BYTES, "KiB5"}, {CH_UNIT_NONE, "5s"},    {CH_UNIT_NONE, "5B"},
    };
    int64_t value;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (ch_unit_parse(ch_str_of(bad[i].text), bad[i].kind, &value) != CH_INVALID) {
            fail_msg("accepted: %s", bad[i].text);
        }
    }
}

static void refuses_numbers_beyond_int64(void **state)
{
    (void)state;
    int64_t value;
    assert_status(ch_unit_parse(CH_STR("9223372036854775808"), CH_UNIT_NONE, &value), CH_INVALID);
    assert_status(ch_unit_parse(CH_STR("8388608TiB"), CH_UNIT_BYTES, &value), CH_INVALID);
    assert_status(ch_unit_parse(CH_STR("106751991168d"), CH_UNIT_MS, &value), CH_INVALID);
    assert_status(ch_unit_parse(CH_STR("-106751991168d"), CH_UNIT_MS, &value), CH_INVALID);
}

static void reads_each_unit(void **state)
{
    (void)state;
    static const struct {
        ch_unit_kind kind;
        const char *text;
        int64_t value;
    } good[] = {
        {CH_UNIT_NONE, "7", 7},
        {CH_UNIT_NONE, "-7", -7},
        {CH_UNIT_BYTES, "7", 7},
        {CH_UNIT_BYTES, "7B", 7},
        {CH_UNIT_BYTES, "2KiB", 2048},
        {CH_UNIT_BYTES, "3MiB", 3145728},
        {CH_UNIT_BYTES, "8GiB", INT64_C(8589934592)},
        {CH_UNIT_BYTES, "8388607TiB", INT64_C(8388607) << 40},
        {CH_UNIT_MS, "20ms", 20},
        {CH_UNIT_MS, "5s", 5000},
        {CH_UNIT_MS, "10m", 600000},
        {CH_UNIT_MS, "3h", 10800000},
        {CH_UNIT_MS, "7d", 604800000},
        {CH_UNIT_MS, "9223372036854775807", INT64_MAX},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        int64_t value = -1;
        assert_status(ch_unit_parse(ch_str_of(good[i].text), good[i].kind, &value), CH_OK);
        assert_true(value == good[i].value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_no_number_with_a_unit_of_its_kind),
        cmocka_unit_test(refuses_numbers_beyond_int64),
        cmocka_unit_test(reads_each_unit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
