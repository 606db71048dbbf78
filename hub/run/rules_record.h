/* rules_record.h - the tables and rules in force, on record: one hub.config event, or several that are parts of one, for
 * each change, with the very files. Rules that were not packed (hub/config/rules_files.h) leave no record.
 */
#ifndef CH_RUN_RULES_RECORD_H
#define CH_RUN_RULES_RECORD_H

#include "hub/run/batch.h"
#include "hub/run/hub.h"

/* At a start: when the rules are not those that were recorded last. Before the writer starts. CH_STORAGE_FULL, CH_CORRUPT,
 * CH_IO, CH_NO_MEMORY. */
ch_status ch_rules_record_settle(const ch_hub *hub, ch_error *error) CH_MUST_CHECK;
/* Puts the record into a batch in which it begins at this sequence. code: start or reload. As ch_batch_take_own. */
ch_status ch_rules_record_take(ch_batch *batch, const ch_hub *hub, const ch_rules *rules, const char *code,
                               uint64_t sequence, ch_error *error) CH_MUST_CHECK;

#endif
