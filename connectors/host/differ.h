/* differ.h - casehub-connect diff: the same bytes through two versions of a connector, and what would change.
 *
 * Each record stands for itself: no row is known before it, so that a change shows in every record that it touches.
 * What the old version made of a unit is kept in a file without a name until the new one has read it, too: memory does
 * not grow with the unit. One thread.
 */
#ifndef CH_CONNECTORS_DIFFER_H
#define CH_CONNECTORS_DIFFER_H

#include "connectors/host/outcome.h"

typedef struct ch_differ ch_differ;

typedef struct ch_diff_unit {
    const char *name;
    int64_t time_ms;
    bool is_record; /* one recorded record: the name is its place; else places are name:line */
    FILE *in;       /* read twice, from its beginning */
} ch_diff_unit;

/* Configurations, clock and out must outlive it. Reads mappings and tables. CH_INVALID: nothing comes in there; CH_IO;
 * what ch_pipeline_open answers. */
ch_status ch_differ_open(ch_differ **out_differ, const ch_connector_config *old_config,
                         const ch_connector_config *new_config, const ch_clock *clock, FILE *out,
                         ch_error *error) CH_MUST_CHECK;
void ch_differ_close(ch_differ *differ);

/* Records belong together by their order. A unit that a version refuses as a whole fails there like a record. CH_IO,
 * CH_NO_MEMORY, CH_TOO_LARGE. */
ch_status ch_differ_run(ch_differ *differ, const ch_diff_unit *unit, ch_error *error) CH_MUST_CHECK;
const ch_diff_totals *ch_differ_totals(const ch_differ *differ);

#endif
