/* report.h - what a verb found, field by field: one JSON object, or "name  value" lines for people. */
#ifndef CH_REPLAY_REPORT_H
#define CH_REPLAY_REPORT_H

#include "hub/store/record.h"
#include "replay/replay.h"

typedef struct ch_report {
    FILE *out;
    bool as_json, begun;
    ch_buf text;
} ch_report;

void ch_report_begin(ch_report *report, const ch_replay *replay);
void ch_report_text(ch_report *report, const char *name, const char *value); /* NULL: null */
void ch_report_number(ch_report *report, const char *name, uint64_t value);
void ch_report_bool(ch_report *report, const char *name, bool value);
void ch_report_seconds(ch_report *report, const char *name, double value);
void ch_report_hash(ch_report *report, const char *name, const uint8_t *hash); /* CH_HASH_SIZE; NULL: null */
/* Already JSON; people see nothing of it. */
void ch_report_json(ch_report *report, const char *name, ch_str value);
/* Prints. CH_NO_MEMORY, CH_TOO_LARGE. */
ch_status ch_report_end(ch_report *report, ch_error *error) CH_MUST_CHECK;

#endif
