/* play.h - one play: what its verb, and the hub that it is played into, share. */
#ifndef CH_REPLAY_PLAY_H
#define CH_REPLAY_PLAY_H

#include "replay/produced.h"
#include "replay/tape.h"

/* One event that is to be played; valid until the call that was given it returns. */
typedef struct ch_play_event {
    uint64_t sequence;          /* in the log */
    uint8_t mark[CH_HASH_SIZE]; /* see ch_play_mark */
    bool reported;              /* by a connector */
    ch_event recorded;
    ch_str parties; /* as in ch_production */
} ch_play_event;

typedef struct ch_play_counts {
    uint64_t played, accepted, duplicates, refused;
    uint64_t without_case; /* of cases that were not played and are not in that hub */
} ch_play_counts;

typedef struct ch_play_hub ch_play_hub;

/* Connects to the hub that --into-hub names, and looks whether it is one to be played into. tape is put to rest while the
 * hub is waited for. *out_after: up to where all was played already (--resume), else 0. CH_BUSY: no hub there; CH_DENIED;
 * CH_CONFLICT: it is the hub of this very log, or the file of --resume belongs to another play. */
ch_status ch_play_hub_open(ch_play_hub **out_hub, const ch_replay *replay, const ch_place *place,
                           ch_tape *tape, uint64_t *out_after, ch_error *error) CH_MUST_CHECK;
/* What is still unanswered is lost to this play; see finish. */
void ch_play_hub_close(ch_play_hub *hub);
/* Of the record at *out_after, or the first behind it: CH_CONFLICT when it is another one than at that time. */
ch_status ch_play_hub_check(ch_play_hub *hub, const ch_tape_item *item, ch_error *error) CH_MUST_CHECK;
/* Publishes it; what is refused is told and counted. Events of one case are published in their order, whoever said them.
 * CH_BUSY: the hub does not answer any more. CH_TIMEOUT: interrupted. */
ch_status ch_play_hub_take(ch_play_hub *hub, const ch_play_event *event, ch_error *error) CH_MUST_CHECK;
/* Lets the connections do their work for so long; 0: what there is to do. */
ch_status ch_play_hub_turn(ch_play_hub *hub, int timeout_ms, ch_error *error) CH_MUST_CHECK;
/* Waits for every answer. */
ch_status ch_play_hub_finish(ch_play_hub *hub, ch_error *error) CH_MUST_CHECK;
/* Keeps for --resume how far it has come; also after a failure. */
ch_status ch_play_hub_save(ch_play_hub *hub, ch_error *error) CH_MUST_CHECK;
const ch_play_counts *ch_play_hub_counts(const ch_play_hub *hub);
/* Of the hub that is played into. */
const char *ch_play_hub_code(const ch_play_hub *hub);

#endif
