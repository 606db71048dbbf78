/* check.h - what the tests of the wire check beside a status. */
#ifndef TESTS_UNIT_WIRE_CHECK_H
#define TESTS_UNIT_WIRE_CHECK_H

#include "tests/unit/check.h"

#include "hub/base/bytes.h"

#define assert_str(s, expected)                                                                              \
    do {                                                                                                     \
        ch_str s_ = (s);                                                                                     \
        if (!ch_str_is(s_, expected)) {                                                                      \
            fail_msg("\"%.*s\" is not \"%s\"", CH_STR_ARG(s_), expected);                                    \
        }                                                                                                    \
    } while (0)

#endif
