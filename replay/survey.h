/* survey.h - one walk over everything in a place: every record inspected and, as long as all is well, folded. */
#ifndef CH_REPLAY_SURVEY_H
#define CH_REPLAY_SURVEY_H

#include "replay/heads.h"
#include "replay/inspection.h"
#include "replay/refold.h"

typedef struct ch_survey {
    ch_replay *replay;
    ch_place *place;
    ch_refold *refold;                   /* NULL: nothing is folded */
    const char *room;                    /* folder for the cases' versions */
    const char *what;                    /* for the progress line: "verified" */
    bool stop_at_first;                  /* finding */
    const char *heads_file, *public_key; /* signed heads to compare with; NULL: none */
    uint64_t hash_at;                    /* the state's hash is also wanted here; 0: not */

    ch_findings findings;
    ch_inspection inspection;
    ch_heads heads;
    uint64_t first, last; /* that there should be */
    bool has_state_hash, has_hash_at;
    uint8_t state_hash[CH_HASH_SIZE]; /* after the last record, when nothing was found */
    uint8_t state_hash_at[CH_HASH_SIZE];
    double seconds;
} ch_survey;

/* Runs what the first fields ask for; ch_survey_done either way. What is wrong becomes a finding, and CH_OK. */
ch_status ch_survey_run(ch_survey *survey, ch_error *error) CH_MUST_CHECK;
void ch_survey_done(ch_survey *survey);

#endif
