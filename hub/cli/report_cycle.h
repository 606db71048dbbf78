/* report_cycle.h - what one cycle of a case comes to, for the whole case and for each party that it was given to.
 *
 * README.md defines every figure.
 */
#ifndef CH_CLI_REPORT_CYCLE_H
#define CH_CLI_REPORT_CYCLE_H

#include "hub/cli/report_figures.h"

#include "hub/model/case.h"

typedef struct ch_report_share {
    char party[CH_CODE_MAX + 1];
    ch_outcome outcome;
} ch_report_share;

/* A clock that ran out, until a late report shows that it was met. */
typedef struct ch_report_breach {
    char clock[CH_CODE_MAX + 1];
    char party[CH_CODE_MAX + 1];
} ch_report_breach;

/* All zero is one that has not begun. */
typedef struct ch_report_cycle {
    ch_outcome whole;
    ch_report_share *shares;
    size_t share_count, share_capacity;
    ch_report_breach *breaches;
    size_t breach_count, breach_capacity;
} ch_report_cycle;

/* Empty, keeps its memory. */
void ch_report_cycle_begin(ch_report_cycle *cycle, int64_t time_ms);
void ch_report_cycle_done(ch_report_cycle *cycle);
/* An event of the cycle, already folded into the case; lead_before: who had the case until then. CH_NO_MEMORY. */
ch_status ch_report_cycle_add(ch_report_cycle *cycle, const ch_case *the_case, const char *lead_before,
                              const ch_event *event) CH_MUST_CHECK;
/* share NULL: of the whole case. */
ch_outcome ch_report_cycle_outcome(const ch_report_cycle *cycle, const ch_report_share *share);

#endif
