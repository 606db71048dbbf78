/* batch_inside.h - what the files of the batch share: batch.c (its life), batch_judge.c (one work), batch_repeat.c
 * (one event that is there already), batch_record.c (one event on its way into log and state), batch_effects.c (what is
 * left to be done once it is durable).
 */
#ifndef CH_RUN_BATCH_INSIDE_H
#define CH_RUN_BATCH_INSIDE_H

#include "hub/run/batch.h"
#include "hub/store/erasures.h"

/* Elements of a growing array that are set aside when the first is needed. */
#define CH_BATCH_ARRAY_FIRST 64

/* A record of this batch: folded already, encoded at the commit. Its bytes stand in `parts`, in this order. */
typedef struct ch_placed {
    ch_record record; /* but for public and sealed part */
    size_t at;        /* in parts */
    uint32_t public_size, secret_size, source_size, id_size;
    uint8_t key[CH_KEY_SIZE]; /* that seals the secret; wiped once it has */
    uint64_t case_number;     /* 0 for hub. events, also for a dead letter */
    uint32_t case_version;
    ch_str case_id; /* in the batch's arena */
} ch_placed;

struct ch_batch {
    ch_store *store;
    ch_metrics *metrics;
    const ch_rules *rules;
    const ch_batch *before; /* on its way to the log while this one is filled; NULL: none */
    int64_t now_ms, earliest_due_ms;
    ch_status room, urgent_room; /* CH_OK, or why nothing (urgent) may be stored */
    ch_error no_room;
    uint64_t first; /* sequence of its first record */
    ch_buf parts, records;
    uint32_t *sizes; /* of the records, made at the commit */
    ch_placed *placed;
    size_t count, capacity; /* records */
    size_t events;          /* taken; a work without any counts as one */
    uint64_t letters_made;  /* dead letters among the records */
    ch_arena arena;
    ch_decision *decision;
    ch_buf public_data, secret, sealed, text;
    ch_log_reader *look; /* for the answers of repeats; rested between batches */
    bool looking;
    ch_work *works, *last_work;
    struct {
        uint64_t *at;
        size_t count, capacity;
    } closed_letters;
    struct {
        ch_erasure *at;
        size_t count, capacity;
    } erased;
    struct {
        ch_grant *at;
        size_t count, capacity, told;
    } grants;
    struct {
        ch_dead_letter *at;
        size_t count, capacity, told;
    } redeliveries;
};

/* batch_record.c: the decided event becomes a record, not sealed or encoded yet, and is folded. fingerprint: of what its producer
 * said, which a repeat is compared with; NULL for one that the hub derived. CH_INVALID: nothing would seal what it holds
 * (only for a hub. event); any other failure is the store's. */
ch_status ch_batch_append(ch_batch *batch, const ch_decided *decided, const uint8_t *fingerprint,
                          ch_error *error) CH_MUST_CHECK;
/* Encodes all records behind one another; sizes gets one size each, chain the chain behind the last. */
ch_status ch_batch_encode(ch_batch *batch, uint32_t *sizes, uint8_t chain[CH_HASH_SIZE],
                          ch_error *error) CH_MUST_CHECK;
/* Everything that the decision about the event of this fingerprint holds; *out_index: of the producer's own event. */
ch_status ch_batch_append_decision(ch_batch *batch, const uint8_t *fingerprint, size_t *out_index,
                                   ch_error *error) CH_MUST_CHECK;
/* The keyed hash that tells whether a repeated id says the same. CH_ERASED. */
ch_status ch_batch_digest(const ch_batch *batch, const uint8_t *fingerprint, uint64_t case_number,
                          uint8_t out_digest[CH_DIGEST_SIZE]) CH_MUST_CHECK;

/* batch_repeat.c: the first answer again. CH_CONFLICT: the event says something else now; any other failure is the
 * store's. */
ch_status ch_batch_answer_repeat(ch_batch *batch, ch_work *work, size_t index, uint64_t sequence,
                                 ch_error *error) CH_MUST_CHECK;

/* batch_effects.c: what others must hear of the producer's event, or what must be done, once the decision about it is
 * durable. */
ch_status ch_batch_note_hub_event(ch_batch *batch, const ch_event *event) CH_MUST_CHECK;
/* The key of that dead letter goes then. */
ch_status ch_batch_close_letter(ch_batch *batch, uint64_t number) CH_MUST_CHECK;

/* batch_judge.c */
ch_status ch_batch_judge_work(ch_batch *batch, ch_work *work, ch_error *error) CH_MUST_CHECK;

#endif
