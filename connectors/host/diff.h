/* diff.h - casehub-connect diff: where the records come from that two versions of a connector are compared over. */
#ifndef CH_CONNECTORS_DIFF_H
#define CH_CONNECTORS_DIFF_H

#include "connectors/host/differ.h"

typedef struct ch_diff_source {
    const char *samples;               /* a file; NULL: what the hub keeps */
    int64_t time_ms;                   /* stands for the time of the file; 0: its own */
    const char *connector, *hub, *key; /* NULL: as the old configuration says */
    int64_t since_ms;
    uint64_t limit;
} ch_diff_source;

/* Prints a line of JSON for each difference. CH_NOT_FOUND: no such file, or no record in the hub; what ch_differ_open,
 * ch_differ_run and ch_recorded_read answer. */
ch_status ch_diff_run(const ch_connector_config *old_config, const ch_connector_config *new_config,
                      const ch_diff_source *source, const ch_clock *clock, FILE *out,
                      ch_diff_totals *out_totals, ch_error *error) CH_MUST_CHECK;

#endif
