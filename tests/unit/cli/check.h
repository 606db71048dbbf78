/* check.h - cmocka with the headers that it wants first. */
#ifndef TESTS_UNIT_CLI_CHECK_H
#define TESTS_UNIT_CLI_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hub/base/status.h"

#define assert_status(result, expected) assert_string_equal(ch_status_name(result), ch_status_name(expected))
/* text holds part, or the test shows both. */
#define assert_holds(text, part)                                                                             \
    do {                                                                                                     \
        if (strstr((text), (part)) == NULL) {                                                                \
            fail_msg("no \"%s\" in: %s", (part), (text));                                                    \
        }                                                                                                    \
    } while (0)
#define assert_lacks(text, part)                                                                             \
    do {                                                                                                     \
        if (strstr((text), (part)) != NULL) {                                                                \
            fail_msg("\"%s\" in: %s", (part), (text));                                                       \
        }                                                                                                    \
    } while (0)

#endif
