/* scratch.h - files that a test writes into a temporary folder of its own. */
#ifndef TESTS_UNIT_CONFIG_SCRATCH_H
#define TESTS_UNIT_CONFIG_SCRATCH_H

#include "hub/base/bytes.h"

#include <limits.h>

typedef struct scratch {
    char folder[PATH_MAX / 2];
    char path[PATH_MAX]; /* of the file last written */
} scratch;

/* cmocka setup and teardown: *state is a scratch; the folder and all in it is removed. */
int scratch_setup(void **state);
int scratch_teardown(void **state);

/* Writes the file and returns its path. */
const char *scratch_write(scratch *in, const char *name, ch_str content);
const char *scratch_text(scratch *in, const char *name, const char *content);

/* where is the path of the scratch's last file, with ":line" unless line is 0. */
void assert_place(const scratch *in, const char *where, unsigned line);

#endif
