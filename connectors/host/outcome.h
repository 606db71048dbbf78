/* outcome.h - what one record became, as a value that can be kept and compared: {"where", "parts"}, each part an event
 * without its raw and its mapping's version, or {"error", "reason", "where"} of a record that failed.
 */
#ifndef CH_CONNECTORS_OUTCOME_H
#define CH_CONNECTORS_OUTCOME_H

#include "connectors/host/pipeline.h"

#include <jansson.h>
#include <stdio.h>

typedef struct ch_diff_totals {
    uint64_t records, differing;
    uint64_t only_old, only_new; /* events */
    uint64_t fields;             /* of events that are in both */
    uint64_t failed_old, failed_new;
} ch_diff_totals;

/* Owned by the caller. CH_NO_MEMORY, CH_TOO_LARGE. */
ch_status ch_outcome_of(json_t **out_outcome, const ch_made *made, const char *where,
                        ch_error *error) CH_MUST_CHECK;
/* Of bytes that cannot be read at all, and why. */
ch_status ch_outcome_of_failure(json_t **out_outcome, const char *where, const ch_error *why,
                                ch_error *error) CH_MUST_CHECK;

/* Prints a line of JSON for each difference and counts. NULL: there is no such record; not both. Events belong together
 * by their id. CH_NO_MEMORY. */
ch_status ch_outcome_compare(json_t *old, json_t *new, FILE *out, ch_diff_totals *totals,
                             ch_error *error) CH_MUST_CHECK;

#endif
