/* produced.h - a recorded event as its producer had sent it: without what the hub added, so that another hub can judge it
 * anew.
 */
#ifndef CH_REPLAY_PRODUCED_H
#define CH_REPLAY_PRODUCED_H

#include "hub/model/event.h"

typedef struct ch_production {
    /* What a case of this log is called elsewhere. CH_NOT_FOUND: it is not known there. NULL: as here. */
    ch_status (*case_id)(void *context, ch_str id, char out_id[CH_CASE_ID_SIZE], ch_error *error);
    void *context;
    ch_str
        mark; /* becomes the attribute "mapping", which the hub does not compare; absent: stays as it was */
    ch_str parties; /* of a handoff.offered to several: an encoded list of their codes; else absent */
    bool drill;     /* in test mode */
    ch_buf *room;   /* for its data */
} ch_production;

/* A producer said it, about a case: what the hub derived, and what is about the hub itself, is not played. */
bool ch_produced_is_one(const ch_event *recorded);
/* It concerns a second case, too. */
bool ch_produced_is_of_two(const ch_event *recorded);
/* An offer to several, of which the record has one event for each: this one, and derived ones behind it. */
bool ch_produced_is_group(const ch_event *recorded);
/* Is `derived` the same offer to a further party? */
bool ch_produced_is_member(const ch_event *recorded, const ch_event *derived);
/* Appends it. CH_NOT_FOUND from case_id; CH_TOO_LARGE, CH_NO_MEMORY. */
ch_status ch_produced_encode(ch_buf *out, const ch_event *recorded, const ch_production *how,
                             ch_error *error) CH_MUST_CHECK;
/* The case that a case.split made: "" when it is none. */
ch_str ch_produced_part(const ch_event *recorded);

#endif
