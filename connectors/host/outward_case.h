/* outward_case.h - beside an event, what the hub knows of its case: an event alone does not say what a case is about. */
#ifndef CH_CONNECTORS_OUTWARD_CASE_H
#define CH_CONNECTORS_OUTWARD_CASE_H

#include "connectors/sdk/casehub_connector.h"
#include "hub/base/bytes.h"

/* *out_json (free() it): the event, and as its member "case" the row of the query `case`, if it is of a case that the hub
 * shows to this connector. Asks the hub, and waits 5 s at most. CH_NO_MEMORY, CH_INVALID, and what the hub answers. */
ch_status ch_outward_add_case(const casehub_host *host, ch_str event, char **out_json,
                              ch_error *error) CH_MUST_CHECK;

#endif
