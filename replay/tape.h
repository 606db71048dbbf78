/* tape.h - one event after the other, from a log, an archive or an export. Damage is told and stepped over.
 *
 * Ends at the record that was the last when the tape was opened, so that a running hub does not make it endless;
 * rests between slices, so that it does not make the hub's log grow.
 */
#ifndef CH_REPLAY_TAPE_H
#define CH_REPLAY_TAPE_H

#include "replay/place.h"

typedef struct ch_tape ch_tape;

/* Valid until the next call. */
typedef struct ch_tape_item {
    uint64_t sequence; /* of the event; of damage: the first that is concerned */
    uint64_t until;    /* of damage: the last that is concerned */
    ch_event event;
    ch_str encoded; /* the event's MessagePack */
    ch_str json;    /* of an export: the line; otherwise absent */
    /* Of a log or archive: the whole record; after damage, when claimed is set, what its head claims (see
     * ch_log_reader_damaged). */
    ch_record record;
    bool is_recorded, claimed;
    enum {
        CH_TAPE_WHOLE,
        CH_TAPE_DAMAGED,  /* bytes are not those that were written */
        CH_TAPE_MISSING,  /* no such record */
        CH_TAPE_NO_EVENT, /* record is whole, but its content no event of this sequence */
        CH_TAPE_BAD_END   /* of an archive or export, behind its last event */
    } condition;
} ch_tape_item;

/* place must stay open. An archive or export begins at its first event, whatever from is, and can be read once; a log
 * begins at its first event at from 0. */
ch_status ch_tape_open(ch_tape **out_tape, ch_place *place, uint64_t from, ch_error *error) CH_MUST_CHECK;
void ch_tape_close(ch_tape *tape);
/* First and last sequence that there should be; last < first: none. */
uint64_t ch_tape_first(const ch_tape *tape);
uint64_t ch_tape_last(const ch_tape *tape);
/* Of a log or archive: the chain before the first; zeros at sequence 1. */
const uint8_t *ch_tape_chain_before(const ch_tape *tape);
/* CH_OK, CH_END; CH_CORRUPT: *out_item says where, error what; the next call goes on behind it. CH_IO,
 * CH_NO_MEMORY. */
ch_status ch_tape_next(ch_tape *tape, ch_tape_item *out_item, ch_error *error) CH_MUST_CHECK;
/* Before something that may take long: a running hub's log does not grow meanwhile. The item stays as it is, but for the
 * record of a log, which is gone. */
void ch_tape_rest(ch_tape *tape);
/* Of a log: what was appended since is also read. */
ch_status ch_tape_extend(ch_tape *tape, ch_error *error) CH_MUST_CHECK;
/* Of a log: the first sequence that was recorded at time_ms or later; last + 1: none. Damaged ones are taken for
 * earlier. */
ch_status ch_tape_find_time(ch_tape *tape, int64_t time_ms, uint64_t *out_sequence,
                            ch_error *error) CH_MUST_CHECK;
/* Of a log: the chain at this sequence; zeros for 0. */
ch_status ch_tape_chain(ch_tape *tape, uint64_t sequence, uint8_t out_chain[CH_HASH_SIZE],
                        ch_error *error) CH_MUST_CHECK;

#endif
