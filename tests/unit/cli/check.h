/* check.h - what the tests of the command line check beside a status. */
#ifndef TESTS_UNIT_CLI_CHECK_H
#define TESTS_UNIT_CLI_CHECK_H

#include "tests/unit/check.h"

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
