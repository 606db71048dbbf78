/* state.h - the state: a fold of the log up to one position, in an LMDB environment of its own.
 *
 * Tables (keys big-endian): case n -> case; case_events n,version -> sequence; dedup source no,id ->
 * sequence; ref source no,ref -> n; source name -> no; handoff party,n,k -> handoff state (open ones:
 * a party's inbox); deadline due,n,k -> () (open handoffs that have one); deadletter d -> dead letter;
 * checkpoint connector -> map; grant key -> map; meta -> position, counters; topics block -> filter; sketch
 * place,time,n -> sketch (of cases that were opened lately); mark n -> erased, held; person hash,n -> () and back;
 * config sequence -> map.
 *
 * The write transaction stays open over many batches; changed cases stay decoded and are put once per commit.
 * One writer thread; readers see what was committed, from any thread.
 */
#ifndef CH_STORE_STATE_H
#define CH_STORE_STATE_H

#include "hub/model/decide.h"
#include "hub/model/person.h"
#include "hub/model/topic_filter.h"
#include "hub/store/event_log.h"
#include "hub/store/slots.h"

typedef struct ch_state ch_state;

typedef struct ch_state_options {
    size_t map_bytes;
    size_t hot_cases; /* most decoded cases kept; a commit is asked for when they are all changed */
} ch_state_options;

/* CH_CORRUPT, CH_UNSUPPORTED, CH_IO, CH_NO_MEMORY. slots (case keys) serve view->digest and belong to the
 * caller. */
ch_status ch_state_open(ch_state **out_state, const char *dir, const ch_state_options *options,
                        ch_slots *slots, ch_error *error) CH_MUST_CHECK;
void ch_state_close(ch_state *state);

/* The last sequence folded (in the open transaction), and the last one committed. */
uint64_t ch_state_position(const ch_state *state);
uint64_t ch_state_committed(const ch_state *state); /* atomic; any thread */

/* Number that the next dead letter gets, in the open transaction. */
uint64_t ch_state_next_dead_letter(const ch_state *state);

/* The open transaction belongs to the thread that first used it after a commit: another thread may go on only
 * after commit or rollback. */

/* For decide, over the open transaction. epoch as given. Valid until the next fold, view or commit. */
ch_status ch_state_view(ch_state *state, uint32_t epoch, ch_view *out_view) CH_MUST_CHECK;
/* The dedup rule: CH_NOT_FOUND when (source, id) never entered the log. What the event said then is told by the digest
 * of its record. */
ch_status ch_state_find_id(ch_state *state, ch_str source, ch_str id, uint64_t *out_sequence) CH_MUST_CHECK;
/* Appends the `value` of the connector's last hub.checkpoint. CH_NOT_FOUND. */
ch_status ch_state_checkpoint(ch_state *state, ch_str connector, ch_buf *out_value) CH_MUST_CHECK;

/* Folds one record (its public part decoded as *event). record->sequence must be position + 1.
 * hub.checkpoint, hub.deadletter, hub.grant go to their tables; hub.replay raises the numbers that come next. On
 * failure the state is unusable until ch_state_rollback. CH_STORAGE_FULL, CH_CORRUPT, CH_IO, CH_NO_MEMORY. */
ch_status ch_state_fold(ch_state *state, const ch_record *record, const ch_event *event,
                        ch_error *error) CH_MUST_CHECK;
/* A record may be folded before its chain is known (zeros then): the chain of the last one is told before a commit. */
void ch_state_set_chain(ch_state *state, const uint8_t chain[CH_HASH_SIZE]);
/* After the fold of an event of that case: who is in its private data (plain) can be found by it from now on. */
ch_status ch_state_note_persons(ch_state *state, uint64_t number, ch_str private_data) CH_MUST_CHECK;
/* Commits, synced. On failure: as after rollback. CH_STORAGE_FULL: later perhaps; CH_IO: it must be opened again. */
ch_status ch_state_commit(ch_state *state, ch_error *error) CH_MUST_CHECK;
/* Forgets everything since the last commit; position is then the committed one and the log's tail must be
 * folded. */
void ch_state_rollback(ch_state *state);
/* Folds the log behind position up to its last record; commits every 16,384 records and at the end. */
ch_status ch_state_catch_up(ch_state *state, ch_event_log *log, ch_error *error) CH_MUST_CHECK;
/* Changed cases in memory; at options.hot_cases the writer must commit. */
size_t ch_state_dirty_cases(const ch_state *state);
ch_status ch_state_usage(ch_state *state, ch_log_usage *out_usage) CH_MUST_CHECK;

/* One hash over every table; equal for equal folds. Commits first. */
ch_status ch_state_hash(ch_state *state, uint8_t out_hash[CH_HASH_SIZE], ch_error *error) CH_MUST_CHECK;

/* A dead letter as the state keeps it (its raw bytes are sealed in the log record `sequence`). */
typedef struct ch_dead_letter {
    uint64_t number;   /* dl-<number> on the command line; its slot */
    uint64_t sequence; /* of the hub.deadletter record that made it */
    int64_t recorded_ms;
    char status[16];                 /* open, retrying, retried, dropped */
    char connector[CH_CODE_MAX + 1]; /* or the subscription's name */
    char stage[CH_CODE_MAX + 1];     /* charset, parse, map, publish, deliver */
    char code[CH_CODE_MAX + 1];      /* ch_status name */
    char reason[320];
    char place[200]; /* file:line, field */
    char mapping[CH_CODE_MAX + 1];
} ch_dead_letter;

/* Of a case as a record: sequence of the hub.erased or hub.hold, 0: it is not. */
typedef struct ch_mark {
    uint64_t erased_sequence, held_sequence;
} ch_mark;

/* The writer's look at one, in the open transaction. CH_NOT_FOUND. */
ch_status ch_state_dead_letter(ch_state *state, uint64_t number, ch_dead_letter *out_letter) CH_MUST_CHECK;

/* Reading, from any thread: open, look, close within 5 s. */
typedef struct ch_state_reader ch_state_reader;
ch_status ch_state_reader_open(ch_state_reader **out_reader, ch_state *state, ch_error *error) CH_MUST_CHECK;
void ch_state_reader_close(ch_state_reader *reader);
uint64_t ch_state_reader_position(const ch_state_reader *reader);
/* *the_case is filled (ch_case_decode into it). CH_NOT_FOUND. */
ch_status ch_state_reader_case(ch_state_reader *reader, uint64_t number, ch_case *the_case) CH_MUST_CHECK;
ch_status ch_state_reader_ref(ch_state_reader *reader, ch_str source, ch_str ref,
                              uint64_t *out_number) CH_MUST_CHECK;
/* Every case that any source calls ref, oldest source first, at most *count numbers. */
ch_status ch_state_reader_ref_any(ch_state_reader *reader, ch_str ref, uint64_t *out_numbers,
                                  size_t *count) CH_MUST_CHECK;
/* Sequence of the case's event with the given version or the next; CH_END. */
ch_status ch_state_reader_case_event(ch_state_reader *reader, uint64_t number, uint32_t from_version,
                                     uint32_t *out_version, uint64_t *out_sequence) CH_MUST_CHECK;
ch_status ch_state_reader_mark(ch_state_reader *reader, uint64_t number, ch_mark *out_mark) CH_MUST_CHECK;
/* Cases that have this person in their private data, oldest first from `from` on; at most *count numbers. */
ch_status ch_state_reader_persons(ch_state_reader *reader, const ch_person_key *key, uint64_t from,
                                  uint64_t *out_numbers, size_t *count) CH_MUST_CHECK;
/* Walks; each callback returns true to go on. Marked cases, oldest first. */
typedef bool (*ch_mark_visitor)(void *context, uint64_t case_number, const ch_mark *mark);
ch_status ch_state_reader_marks(ch_state_reader *reader, uint64_t from, ch_mark_visitor visit,
                                void *context) CH_MUST_CHECK;
/* Newest case first from `below` (UINT64_MAX: the newest). */
typedef bool (*ch_case_visitor)(void *context, const ch_case *the_case);
ch_status ch_state_reader_cases(ch_state_reader *reader, uint64_t below, ch_case_visitor visit,
                                void *context) CH_MUST_CHECK;
typedef bool (*ch_handoff_visitor)(void *context, ch_str party, uint64_t case_number, uint32_t index);
/* Open handoffs of one party, or of all when party is CH_STR_NONE. */
ch_status ch_state_reader_handoffs(ch_state_reader *reader, ch_str party, ch_handoff_visitor visit,
                                   void *context) CH_MUST_CHECK;
/* The same from a place on, in the order of party, case and index. A party, when given, is also the place's. */
typedef struct ch_handoff_place {
    ch_str party;
    uint64_t case_number;
    uint32_t index;
} ch_handoff_place;
ch_status ch_state_reader_handoffs_from(ch_state_reader *reader, ch_str party, const ch_handoff_place *from,
                                        ch_handoff_visitor visit, void *context) CH_MUST_CHECK;
/* Deadlines of open handoffs, and when clocks want to be looked at, from from_ms up to until_ms, earliest first. index: of
 * the handoff, or CH_DEADLINE_OF_CLOCK and that of the clock. */
#define CH_DEADLINE_OF_CLOCK (UINT32_C(1) << 31)
typedef bool (*ch_deadline_visitor)(void *context, int64_t due_ms, uint64_t case_number, uint32_t index);
ch_status ch_state_reader_deadlines(ch_state_reader *reader, int64_t from_ms, int64_t until_ms,
                                    ch_deadline_visitor visit, void *context) CH_MUST_CHECK;
/* The same from a place on, to the last. */
typedef struct ch_deadline_place {
    int64_t due_ms;
    uint64_t case_number;
    uint32_t index;
} ch_deadline_place;
ch_status ch_state_reader_deadlines_from(ch_state_reader *reader, const ch_deadline_place *from,
                                         ch_deadline_visitor visit, void *context) CH_MUST_CHECK;
typedef bool (*ch_dead_letter_visitor)(void *context, const ch_dead_letter *letter);
ch_status ch_state_reader_dead_letters(ch_state_reader *reader, uint64_t from_number,
                                       ch_dead_letter_visitor visit, void *context) CH_MUST_CHECK;
/* The MessagePack map value of a connector's last hub.checkpoint event; it lives until the reader closes.
 * CH_NOT_FOUND. */
ch_status ch_state_reader_checkpoint(ch_state_reader *reader, ch_str connector,
                                     ch_str *out_value) CH_MUST_CHECK;
/* connector, or key -> MessagePack map value of its last hub.connector or hub.grant event. */
typedef bool (*ch_pair_visitor)(void *context, ch_str key, ch_str value);
ch_status ch_state_reader_connectors(ch_state_reader *reader, ch_pair_visitor visit,
                                     void *context) CH_MUST_CHECK;
ch_status ch_state_reader_grants(ch_state_reader *reader, ch_pair_visitor visit, void *context) CH_MUST_CHECK;
/* The changes of the rules, newest first, from the one below that sequence (UINT64_MAX: the newest): map of `recorded` and
 * of what the first part of its hub.config says, but for the content. */
typedef bool (*ch_config_visitor)(void *context, uint64_t sequence, ch_str value);
ch_status ch_state_reader_configs(ch_state_reader *reader, uint64_t below, ch_config_visitor visit,
                                  void *context) CH_MUST_CHECK;
/* What the topics of a block contain: block b holds the sequences b * CH_TOPIC_BLOCK + 1 to (b + 1) * CH_TOPIC_BLOCK.
 * CH_NOT_FOUND until the state has folded the whole of it. */
#define CH_TOPIC_BLOCK 32
ch_status ch_state_reader_topics(ch_state_reader *reader, uint64_t block,
                                 ch_topic_filter *out_filter) CH_MUST_CHECK;
/* Without a walk. */
typedef struct ch_state_totals {
    uint64_t cases;
    uint64_t last_dead_letter; /* its number, 0: there was none */
} ch_state_totals;
ch_status ch_state_reader_totals(ch_state_reader *reader, ch_state_totals *out_totals) CH_MUST_CHECK;

/* Data of the hub. events that the fold keeps (all public except where said):
 *   hub.checkpoint  {connector, value (str)}        hub.connector {connector, state, address, transport, lag,
 * ...} hub.deadletter  {action: made|retry|retried|drop, number?, connector, stage, code, reason, place,
 * mapping}; raw is sealed with the record; `made` gets the next number from the fold (state's counter)
 *   hub.config      {code: start|reload, hash, part, parts, files: [{name, size, hash}], content (bin)}
 *   hub.grant       see grant.h; revoked = true takes it away
 *   hub.erased      {cases (ids), ...}              hub.hold        {case, action: place|lift, reason}
 */
#endif
