/* report_fold.h - figures from the log alone: events in, in the order of the log, and what each cycle of each case came to.
 *
 * Holds the folded case and the outcome of its present cycle for each case, a few hundred bytes, and figures.
 */
#ifndef CH_CLI_REPORT_FOLD_H
#define CH_CLI_REPORT_FOLD_H

#include "hub/cli/report_figures.h"

#include "hub/model/case.h"

typedef enum ch_report_by { CH_REPORT_BY_PARTY, CH_REPORT_BY_CATEGORY, CH_REPORT_BY_AREA } ch_report_by;

typedef struct ch_report_fold ch_report_fold;

/* Cycles that begin from since_ms on and before until_ms count, in figures (not owned). CH_NO_MEMORY. */
ch_status ch_report_fold_new(ch_report_fold **out_fold, ch_report_by by, int64_t since_ms, int64_t until_ms,
                             ch_figures *figures) CH_MUST_CHECK;
void ch_report_fold_free(ch_report_fold *fold);
/* One recorded event. CH_NO_MEMORY; CH_CORRUPT for one that no log can hold. */
ch_status ch_report_fold_add(ch_report_fold *fold, const ch_event *event) CH_MUST_CHECK;
/* Once, at the end: counts the cycles that have not been followed by another. *out_unread: cases that were not counted,
 * because not all of their events could be read. */
ch_status ch_report_fold_end(ch_report_fold *fold, size_t *out_unread) CH_MUST_CHECK;

#endif
