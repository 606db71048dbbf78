/* attempt.h - the record in hand, marked on disk before it is mapped.
 *
 * A mapping that kills the process leaves its mark behind; the next process counts. The mark outlives a kill, not a
 * power loss, which no record causes. One thread, one process (the connector's lock).
 */
#ifndef CH_CONNECTORS_ATTEMPT_H
#define CH_CONNECTORS_ATTEMPT_H

#include "hub/base/bytes.h"

#define CH_ATTEMPTS_MOST 3

typedef struct ch_attempt ch_attempt;

/* file is made if there is none. CH_IO. */
ch_status ch_attempt_open(ch_attempt **out_attempt, const char *file, ch_error *error) CH_MUST_CHECK;
void ch_attempt_close(ch_attempt *attempt);
/* Marks the record (name, identity and row tell which) and answers the number of this attempt, from 1. Beyond
 * CH_ATTEMPTS_MOST it must not be mapped. CH_IO. */
ch_status ch_attempt_begin(ch_attempt *attempt, const char *name, const char *identity, uint64_t row,
                           unsigned *out_number, ch_error *error) CH_MUST_CHECK;
/* It came through. A failure to write is found by the next begin. */
void ch_attempt_end(ch_attempt *attempt);

#endif
