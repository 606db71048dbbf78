/* survey_report.h - the fields that verify and rebuild have in common. */
#ifndef CH_REPLAY_SURVEY_REPORT_H
#define CH_REPLAY_SURVEY_REPORT_H

#include "replay/report.h"
#include "replay/survey.h"

/* ok, where, the sequences, chain, state_hash, seconds; findings are appended by ch_survey_report_findings. */
void ch_survey_report(ch_report *report, const ch_survey *survey, bool ok);
void ch_survey_report_findings(ch_report *report, ch_survey *survey);

#endif
