/* report_figures.h - how many, how fast, how often late, returned, satisfied: for each of a set of names.
 *
 * Keeps eight bytes for each duration, so that medians are exact.
 */
#ifndef CH_CLI_REPORT_FIGURES_H
#define CH_CLI_REPORT_FIGURES_H

#include "hub/base/bytes.h"

#include <jansson.h>

#define CH_NEVER INT64_MIN

/* What one cycle of a case came to, or one party's share in it. Times of events in ms, CH_NEVER: it did not happen. */
typedef struct ch_outcome {
    int64_t started_ms, accepted_ms, answered_ms, resolved_ms;
    bool late, returned, rejected;
    int satisfied; /* -1 not said, 0 no, 1 yes */
    int score;     /* 1..5; 0: not given */
} ch_outcome;

typedef struct ch_figures ch_figures;

/* CH_NO_MEMORY. */
ch_status ch_figures_new(ch_figures **out_figures) CH_MUST_CHECK;
void ch_figures_free(ch_figures *figures);
/* An empty name counts as "_". CH_NO_MEMORY; CH_TOO_LARGE for a name of more than 63 bytes. */
ch_status ch_figures_add(ch_figures *figures, ch_str name, const ch_outcome *outcome) CH_MUST_CHECK;
/* An array of rows by name, the caller's; each name in the field `by`. Shares are from 0 to 1. NULL: out of memory. */
json_t *ch_figures_rows(ch_figures *figures, const char *by);

#endif
