/* values.h - what the tests of values share: room for their forms, bytes from hex, and values made from a seed. */
#ifndef TESTS_UNIT_MODEL_VALUES_H
#define TESTS_UNIT_MODEL_VALUES_H

#include "tests/unit/check.h"

#include "hub/base/random.h"
#include "hub/model/event.h"
#include "hub/model/mp.h"

#define assert_str(actual, expected)                                                                         \
    do {                                                                                                     \
        ch_str actual_ = (actual), expected_ = (expected);                                                   \
        assert_int_equal(actual_.size, expected_.size);                                                      \
        assert_memory_equal(actual_.at, expected_.at, expected_.size);                                       \
    } while (0)

/* Of one value: encoded, encoded once more, as text. For events also the decoded one. */
typedef struct value_fixture {
    ch_buf bytes, again, text;
    ch_error error;
    ch_event event;
} value_fixture;
/* cmocka's, for each test. */
int set_up_values(void **state);
int tear_down_values(void **state);

/* Appends the bytes of "82 a1 61 c0"; spaces do not matter. */
void put_hex(ch_buf *out, const char *hex);

/* Appends one value that ch_mp_check accepts, with any kind, head form and nesting up to depth. */
void put_any_value(ch_buf *out, ch_random_seeded *random, unsigned depth);

#endif
