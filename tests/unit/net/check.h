/* check.h - cmocka with the headers that it wants first. */
#ifndef TESTS_UNIT_NET_CHECK_H
#define TESTS_UNIT_NET_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hub/base/status.h"

#define assert_status(result, expected) assert_string_equal(ch_status_name(result), ch_status_name(expected))
/* Tells why it was not. */
#define assert_ok(result, error)                                                                             \
    do {                                                                                                     \
        ch_status result_ = (result);                                                                        \
        if (result_ != CH_OK) {                                                                              \
            fail_msg("%s: %s: %s", ch_status_name(result_), (error)->where, (error)->text);                  \
        }                                                                                                    \
    } while (0)

#endif
