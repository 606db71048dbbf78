#include "tests/unit/model/values.h"

#include "hub/model/event.h"

static void refuses_what_is_no_case_or_handoff_number(void **state)
{
    static const char *const cases[] = {
        "",
        "ZJ",
        "ZJ-20261123",
        "ZJ-20261123-",
        "ZJ-20261123-0",
        "ZJ-20261123-01",
        "ZJ-20261123-1a",
        "ZJ-20261123--1",
        "ZJ-20261123-+1",
        "ZJ-2026112-1",
        "ZJ-2026112x-1",
        "zj-20261123-1",
        "-20261123-1",
        "T--20261123-1",
        "X-ZJ-20261123-1",
        "T-T-ZJ-20261123-1",
        "ABCDEFGHIJKLMNOPQ-20261123-1",
        "ZJ-20261123-18446744073709551616",
        "ZJ-20261123-1/h1",
        "ZJ-20261123-1 ",
    };
    static const char *const handoffs[] = {"",
                                           "ZJ-20261123-1",
                                           "ZJ-20261123-1/",
                                           "ZJ-20261123-1/h",
                                           "ZJ-20261123-1/h0",
                                           "ZJ-20261123-1/h01",
                                           "ZJ-20261123-1/g1",
                                           "ZJ-20261123-1/h4294967296",
                                           "ZJ-20261123-1/h-1",
                                           "ZJ-20261123/h1",
                                           "/h1",
                                           "h1"};
    uint64_t number = 77;
    uint32_t index = 77;
    ch_str case_id;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_status(ch_case_id_number(ch_str_of(cases[i]), &number), CH_INVALID);
    }
    for (size_t i = 0; i < sizeof handoffs / sizeof *handoffs; i++) {
        assert_status(ch_handoff_id_split(ch_str_of(handoffs[i]), &case_id, &index), CH_INVALID);
    }
    assert_status(ch_case_id_number(CH_STR_NONE, &number), CH_INVALID);
    assert_int_equal(number, 77);
    assert_int_equal(index, 77);
}

static void names_a_case_by_the_citys_day_and_reads_its_number_back(void **state)
{
    char id[CH_CASE_ID_SIZE];
    uint64_t number;
    (void)state;
    ch_case_id_format(id, "ZJ", INT64_C(1795363200000) - 1, 480, 18, false);
    assert_string_equal(id, "ZJ-20261122-18");
    ch_case_id_format(id, "ZJ", INT64_C(1795363200000), 480, 18, false);
    assert_string_equal(id, "ZJ-20261123-18");
    assert_status(ch_case_id_number(ch_str_of(id), &number), CH_OK);
    assert_int_equal(number, 18);
    ch_case_id_format(id, "T", 0, 0, UINT64_MAX, true);
    assert_string_equal(id, "T-T-19700101-18446744073709551615");
    assert_status(ch_case_id_number(ch_str_of(id), &number), CH_OK);
    assert_true(number == UINT64_MAX);
    ch_case_id_format(id, "T", 0, 0, 1, false);
    assert_status(ch_case_id_number(ch_str_of(id), &number), CH_OK);
    ch_case_id_format(id, "ABCDEFGHIJKLMNOP", CH_TIME_MOST, 480, INT64_MAX, true);
    assert_string_equal(id, "T-ABCDEFGHIJKLMNOP-99990101-9223372036854775807");
    assert_status(ch_case_id_number(ch_str_of(id), &number), CH_OK);
}

static void splits_a_handoffs_name(void **state)
{
    ch_str case_id;
    uint32_t index;
    (void)state;
    assert_status(ch_handoff_id_split(CH_STR("T-ZJ-20261123-18/h3"), &case_id, &index), CH_OK);
    assert_str(case_id, CH_STR("T-ZJ-20261123-18"));
    assert_int_equal(index, 3);
    assert_status(ch_handoff_id_split(CH_STR("ZJ-20261123-1/h4294967295"), &case_id, &index), CH_OK);
    assert_int_equal(index, UINT32_MAX);
}

static void names_every_state_of_a_case(void **state)
{
    ch_case_state read = CH_CASE_CLOSED;
    (void)state;
    for (unsigned i = 0; i < CH_CASE_STATE_COUNT; i++) {
        assert_status(ch_case_state_from_name(ch_str_of(ch_case_state_name((ch_case_state)i)), &read), CH_OK);
        assert_int_equal(read, i);
    }
    assert_string_equal(ch_case_state_name(CH_CASE_IN_PROGRESS), "in_progress");
    assert_status(ch_case_state_from_name(CH_STR("open"), &read), CH_NOT_FOUND);
    assert_status(ch_case_state_from_name(CH_STR_NONE, &read), CH_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_no_case_or_handoff_number),
        cmocka_unit_test(names_a_case_by_the_citys_day_and_reads_its_number_back),
        cmocka_unit_test(splits_a_handoffs_name),
        cmocka_unit_test(names_every_state_of_a_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
