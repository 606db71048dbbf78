#include "tests/unit/check.h"

#include <stdio.h>
#include <string.h>

static void knows_no_status_of_an_unknown_name(void **state)
{
    (void)state;
    ch_status status = CH_BUSY;
    assert_status(ch_status_from_name("", &status), CH_NOT_FOUND);
    assert_status(ch_status_from_name("OK", &status), CH_NOT_FOUND);
    assert_status(ch_status_from_name("not-foun", &status), CH_NOT_FOUND);
    assert_status(ch_status_from_name("not-found ", &status), CH_NOT_FOUND);
    assert_int_equal(status, CH_BUSY);
}

static void names_a_number_that_is_no_status(void **state)
{
    (void)state;
    assert_string_equal(ch_status_name(CH_STATUS_COUNT), "unknown");
    assert_string_equal(ch_status_name((ch_status)-1), "unknown");
    assert_string_equal(ch_status_text(CH_STATUS_COUNT), "unknown status");
}

static void finds_every_status_by_its_name(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CH_STATUS_COUNT; i++) {
        ch_status found = CH_STATUS_COUNT;
        assert_status(ch_status_from_name(ch_status_name((ch_status)i), &found), CH_OK);
        assert_int_equal(found, i);
        assert_true(strlen(ch_status_text((ch_status)i)) > 0);
    }
}

static void calls_only_four_statuses_temporary(void **state)
{
    (void)state;
    unsigned temporary = 0;
    for (unsigned i = 0; i < CH_STATUS_COUNT; i++) {
        temporary += ch_status_is_temporary((ch_status)i);
    }
    assert_int_equal(temporary, 4);
    assert_true(ch_status_is_temporary(CH_BUSY) && ch_status_is_temporary(CH_STORAGE_FULL));
    assert_true(ch_status_is_temporary(CH_TIMEOUT) && ch_status_is_temporary(CH_UNAVAILABLE));
}

static void an_error_nobody_reads_is_no_error(void **state)
{
    (void)state;
    assert_status(ch_error_set(NULL, CH_IO, "here", "%s", "why"), CH_IO);
    ch_error_prefix(NULL, "hub.cfg:1");
}

static void an_error_carries_place_and_reason(void **state)
{
    (void)state;
    ch_error error;
    assert_status(ch_error_set(&error, CH_INVALID, "data.score", "%d is not 1 to %d", 9, 5), CH_INVALID);
    assert_status(error.status, CH_INVALID);
    assert_string_equal(error.where, "data.score");
    assert_string_equal(error.text, "9 is not 1 to 5");
    assert_status(ch_error_set(&error, CH_IO, NULL, "gone"), CH_IO);
    assert_string_equal(error.where, "");
}

static void an_error_may_be_made_of_itself(void **state)
{
    (void)state;
    ch_error error;
    ch_error_set(&error, CH_INVALID, "parties.csv:3", "no such party");
    ch_error_set(&error, CH_REFUSED, error.where, "rules stay as they are: %s", error.text);
    assert_string_equal(error.where, "parties.csv:3");
    assert_string_equal(error.text, "rules stay as they are: no such party");
}

/* Each shift of the three-byte characters against the cut. */
static void a_long_error_is_cut_between_characters(void **state)
{
    (void)state;
    for (int shift = 0; shift < 3; shift++) {
        char text[600];
        int used = snprintf(text, sizeof text, "%.*s", shift, "ab");
        while (used + 3 < (int)sizeof text) {
            used += snprintf(text + used, sizeof text - (size_t)used, "案");
        }
        ch_error error;
        ch_error_set(&error, CH_INVALID, text, "%s", text);
        size_t shifted = (size_t)shift;
        assert_int_equal(strlen(error.text), shifted + (sizeof error.text - 1 - shifted) / 3 * 3);
        assert_int_equal(strlen(error.where), shifted + (sizeof error.where - 1 - shifted) / 3 * 3);
        ch_error_prefix(&error, text);
        assert_int_equal(strlen(error.where), shifted + (sizeof error.where - 1 - shifted) / 3 * 3);
    }
}

static void a_prefix_comes_before_the_place(void **state)
{
    (void)state;
    ch_error error;
    ch_error_set(&error, CH_INVALID, NULL, "no such party");
    ch_error_prefix(&error, "party");
    assert_string_equal(error.where, "party");
    ch_error_prefix(&error, "hub.cfg:12");
    assert_string_equal(error.where, "hub.cfg:12: party");
    assert_string_equal(error.text, "no such party");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_no_status_of_an_unknown_name),
        cmocka_unit_test(names_a_number_that_is_no_status),
        cmocka_unit_test(finds_every_status_by_its_name),
        cmocka_unit_test(calls_only_four_statuses_temporary),
        cmocka_unit_test(an_error_nobody_reads_is_no_error),
        cmocka_unit_test(an_error_carries_place_and_reason),
        cmocka_unit_test(an_error_may_be_made_of_itself),
        cmocka_unit_test(a_long_error_is_cut_between_characters),
        cmocka_unit_test(a_prefix_comes_before_the_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
