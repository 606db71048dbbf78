/* checker.h - casehub-connect check: a sample through a connector without a hub. */
#ifndef CH_CONNECTORS_CHECKER_H
#define CH_CONNECTORS_CHECKER_H

#include "connectors/host/connector_config.h"
#include "hub/base/clock.h"

#include <stdio.h>

typedef struct ch_check_totals {
    uint64_t records, events, failures;
} ch_check_totals;

/* Prints each event as a line of JSON without its raw, and for each record that failed {"error", "reason", "where"}.
 * time_ms stands for the time of the file, so that a sample gives the same lines every day; 0: the file's own. No row is
 * known at the beginning. CH_REFUSED: the sample cannot be read as a whole. */
ch_status ch_checker_run(const ch_connector_config *config, const char *sample, int64_t time_ms,
                         const ch_clock *clock, FILE *out, ch_check_totals *out_totals,
                         ch_error *error) CH_MUST_CHECK;

#endif
