/* inspection.h - is each record what it should be, by itself and behind those before it?
 *
 * Goes on behind damage, so that everything that is wrong is found, and what a damaged record affects is told by
 * the cases that miss a version later.
 */
#ifndef CH_REPLAY_INSPECTION_H
#define CH_REPLAY_INSPECTION_H

#include "replay/findings.h"
#include "replay/tape.h"
#include "replay/versions.h"

typedef struct ch_inspection {
    ch_findings *findings;
    ch_versions *versions;
    bool whole_log;              /* begins at record 1, so a case's first version is 1 */
    bool chain_known;            /* the record before the next one could be read */
    uint8_t chain[CH_HASH_SIZE]; /* of the last good record; not of an export */
    uint64_t good;               /* last record before the first finding */
    uint64_t seen;               /* last record there was */
    uint64_t records;            /* that could be read */
    int64_t recorded_ms;
} ch_inspection;

/* dir: room for the cases' versions. tape: where it begins. */
ch_status ch_inspection_init(ch_inspection *inspection, ch_findings *findings, const ch_tape *tape,
                             const char *dir, ch_error *error) CH_MUST_CHECK;
void ch_inspection_done(ch_inspection *inspection);
/* What ch_tape_next gave: status CH_OK or CH_CORRUPT, item and told (its error). *out_good: the record is right
 * and nothing was found before it. CH_IO and the like: the inspection itself failed. */
ch_status ch_inspection_take(ch_inspection *inspection, const ch_tape_item *item, const ch_error *told,
                             bool *out_good, ch_error *error) CH_MUST_CHECK;

#endif
