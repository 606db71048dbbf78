/* batch_town.h - what the tests of the batch share: a town with its usual clients, and what they publish. */
#ifndef TESTS_UNIT_RUN_BATCH_TOWN_H
#define TESTS_UNIT_RUN_BATCH_TOWN_H

#include "tests/unit/check.h"
#include "tests/unit/run/town.h"

typedef struct fixture {
    town of;
    ch_grant hotline, forum, rescue;
    ch_batch *second; /* beside the town's own */
} fixture;

#define NOTE_OF(id, text)                                                                                    \
    "{\"id\":\"" id "\",\"type\":\"case.noted\",\"source\":\"hotline/1\",\"ref\":\"A1\",\"data\":{\"text\":" \
    "\"" text "\"}}"
/* No such case: refused, from a connector a dead letter. */
#define LOST                                                                                                 \
    "{\"type\":\"case.noted\",\"source\":\"hotline/1\",\"subject\":\"ZJ-20261123-99\",\"raw\":{\"$base64\":" \
    "\"Y2FsbA==\"}}"
#define RIVER                                                                                                \
    "{\"type\":\"case.opened\",\"source\":\"hotline/1\",\"ref\":\"R1\",\"area\":\"330703\",\"data\":{"       \
    "\"kind\":\"matter\",\"category\":\"river\"}}"

/* cmocka's, for each test. */
int set_up_batch(void **state);
int tear_down_batch(void **state);

uint64_t log_last(const fixture *f);
/* "" when the connector has none; good until the next call. */
const char *checkpoint(fixture *f, const char *connector);

#endif
