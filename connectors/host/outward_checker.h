/* outward_checker.h - casehub-connect check --outward: what becomes of events, without a hub and without a sender. */
#ifndef CH_CONNECTORS_OUTWARD_CHECKER_H
#define CH_CONNECTORS_OUTWARD_CHECKER_H

#include "connectors/host/connector_config.h"

#include <stdio.h>

typedef struct ch_outward_check_totals {
    uint64_t events, messages, failures;
} ch_outward_check_totals;

/* file: a line an event, as `casehub --json event tail` prints them. Prints each message as a line of JSON with the
 * event's sequence and its own number; the body is a JSON value where the writer is json, else its text in UTF-8, or
 * {"$base64"} of bytes that are none. Of an event that can never go {"error", "reason", "where"}. CH_NOT_FOUND, CH_IO. */
ch_status ch_outward_checker_run(const ch_connector_config *config, const char *file, FILE *out,
                                 ch_outward_check_totals *out_totals, ch_error *error) CH_MUST_CHECK;

#endif
