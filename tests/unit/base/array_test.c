#include "tests/unit/check.h"

#include "hub/base/array.h"

#include <stdlib.h>

static void grows_from_its_first_size_by_doubling(void **state)
{
    (void)state;
    uint32_t *at = NULL;
    size_t capacity = 0;
    assert_int_equal(ch_array_reserve(&at, &capacity, 1, 4, sizeof *at), CH_OK);
    assert_int_equal(capacity, 4);
    for (uint32_t i = 0; i < 4; i++) {
        at[i] = i;
    }
    const uint32_t *before = at;
    assert_int_equal(ch_array_reserve(&at, &capacity, 4, 4, sizeof *at), CH_OK);
    assert_ptr_equal(at, before);
    assert_int_equal(capacity, 4);
    assert_int_equal(ch_array_reserve(&at, &capacity, 5, 4, sizeof *at), CH_OK);
    assert_int_equal(capacity, 8);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(at[i], i);
    }
    free(at);
}

static void has_room_for_what_is_asked_when_that_is_more(void **state)
{
    (void)state;
    uint64_t *at = NULL;
    size_t capacity = 0;
    assert_int_equal(ch_array_reserve(&at, &capacity, 9, 4, sizeof *at), CH_OK);
    assert_int_equal(capacity, 9);
    assert_int_equal(ch_array_reserve(&at, &capacity, 100, 4, sizeof *at), CH_OK);
    assert_int_equal(capacity, 100);
    at[99] = 1;
    free(at);
}

static void nothing_is_set_aside_for_nothing(void **state)
{
    (void)state;
    uint64_t *at = NULL;
    size_t capacity = 0;
    assert_int_equal(ch_array_reserve(&at, &capacity, 0, 4, sizeof *at), CH_OK);
    assert_null(at);
    assert_int_equal(capacity, 0);
}

static void sizes_that_wrap_are_refused_and_nothing_changes(void **state)
{
    (void)state;
    uint64_t *at = NULL;
    size_t capacity = 0;
    assert_int_equal(ch_array_reserve(&at, &capacity, 1, 1, sizeof *at), CH_OK);
    at[0] = 7;
    const uint64_t *before = at;
    assert_int_equal(ch_array_reserve(&at, &capacity, SIZE_MAX / sizeof *at + 2, 1, sizeof *at),
                     CH_NO_MEMORY);
    assert_int_equal(ch_array_reserve(&at, &capacity, SIZE_MAX, 1, sizeof *at), CH_NO_MEMORY);
    assert_ptr_equal(at, before);
    assert_int_equal(capacity, 1);
    assert_int_equal(at[0], 7);
    free(at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_from_its_first_size_by_doubling),
        cmocka_unit_test(has_room_for_what_is_asked_when_that_is_more),
        cmocka_unit_test(nothing_is_set_aside_for_nothing),
        cmocka_unit_test(sizes_that_wrap_are_refused_and_nothing_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
