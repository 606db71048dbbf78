/* case_events.h - the events of one case, and the case that they make. */
#ifndef CH_CLI_CASE_EVENTS_H
#define CH_CLI_CASE_EVENTS_H

#include "hub/cli/as_of.h"

/* Borrowed; times are as on the wire. Failing ends the walk; why stands in cli->error. */
typedef ch_status ch_case_visit(void *context, const json_t *event);

/* Those up to a moment, in their order; CH_END from the visitor ends it. CH_NOT_FOUND: no such case. */
ch_status ch_case_events(ch_cli *cli, const char *case_id, const ch_as_of *as_of, ch_case_visit *visit,
                         void *context) CH_MUST_CHECK;

/* The case as its events up to the moment make it, with the fields of the query `case` (but for erased and held, which
 * are in events of the hub's own); the caller's. A merged case tells in merged_into the one that it went into first.
 * CH_NOT_FOUND: it was not there yet; CH_CORRUPT: its events are none of one case. */
ch_status ch_case_past(ch_cli *cli, const char *case_id, const ch_as_of *as_of,
                       json_t **out_row) CH_MUST_CHECK;

#endif
