/* witness_inside.h - what the files of the witness share: witness.c (a PUBLISH and its answer), witness_records.c (the
 * log against what must follow), witness_checks.c (what always holds), witness_cases.c (the same of cases).
 */
#ifndef TESTS_SIMULATION_WITNESS_INSIDE_H
#define TESTS_SIMULATION_WITNESS_INSIDE_H

#include "tests/simulation/witness.h"
#include "tests/unit/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define violated(of, ...)                                                                                    \
    do {                                                                                                     \
        char said_[1024];                                                                                    \
        snprintf(said_, sizeof said_, __VA_ARGS__);                                                          \
        fail_msg("at record %" PRIu64 ": %s", (of)->position, said_);                                        \
    } while (0)

/* The hub's judgement, repeated; by NULL: the hub itself. */
ch_status witness_decide(witness *of, const client *by, const ch_event *event);
/* Into public_data and secret. */
void witness_split(witness *of, const ch_event *event);
bool witness_makes_letter(const ch_event *event);

/* Makes the next record of the log the one that is looked at. False: there is none. */
bool witness_next_record(witness *of);
/* The next records are exactly what was decided; folds them. The sequence of the producer's own. */
uint64_t witness_expect_decision(witness *of);
void witness_expect_letter_moved(witness *of, const char *action, uint64_t number);
/* What was refused for good of a connector's events is kept, with the bytes it came from. Its number. */
uint64_t witness_expect_letter(witness *of, const client *by, const saying *said, ch_status code);
void witness_expect_checkpoint(witness *of, const client *by, const posting *at);
/* The next record is the hub's own event, or one that follows from it. */
void witness_expect_consequences(witness *of, const ch_event *event);
heard *witness_remember(witness *of, const saying *said, uint64_t own);

#endif
