/* state_inside.h - what the files of the state share. */
#ifndef CH_STORE_STATE_INSIDE_H
#define CH_STORE_STATE_INSIDE_H

#include "hub/model/topic_filter.h"
#include "hub/store/hot_cases.h"
#include "hub/store/lmdb_env.h"
#include "hub/store/state.h"

#include <stdatomic.h>

/* X(symbol, name in LMDB); the order is that of the state's hash, which CH_TABLE_PERSON is no part of. */
#define CH_TABLE_LIST(X)                                                                                     \
    X(CH_TABLE_CASE, "case")                                                                                 \
    X(CH_TABLE_CASE_EVENTS, "case_events")                                                                   \
    X(CH_TABLE_DEDUP, "dedup")                                                                               \
    X(CH_TABLE_REF, "ref")                                                                                   \
    X(CH_TABLE_SOURCE, "source")                                                                             \
    X(CH_TABLE_HANDOFF, "handoff")                                                                           \
    X(CH_TABLE_DEADLINE, "deadline")                                                                         \
    X(CH_TABLE_DEAD_LETTER, "deadletter")                                                                    \
    X(CH_TABLE_CHECKPOINT, "checkpoint")                                                                     \
    X(CH_TABLE_CONNECTOR, "connector")                                                                       \
    X(CH_TABLE_GRANT, "grant")                                                                               \
    X(CH_TABLE_META, "meta")                                                                                 \
    X(CH_TABLE_TOPICS, "topics")                                                                             \
    X(CH_TABLE_SKETCH, "sketch")                                                                             \
    X(CH_TABLE_CONFIG, "config")                                                                             \
    X(CH_TABLE_MARK, "mark")                                                                                 \
    X(CH_TABLE_PERSON, "person")
typedef enum ch_table {
#define CH_TABLE_ENUM(symbol, name) symbol,
    CH_TABLE_LIST(CH_TABLE_ENUM)
#undef CH_TABLE_ENUM
        CH_TABLE_COUNT
} ch_table;

/* How far the fold has come; the one record of meta. */
typedef struct ch_fold_point {
    uint64_t position, next_case, next_dead_letter;
    uint32_t next_source;
    uint8_t chain[CH_HASH_SIZE]; /* of the record at position */
    ch_topic_filter topics;      /* of the block that is being filled; kept in the table of topics */
} ch_fold_point;

#define CH_KNOWN_SOURCES 256

typedef struct ch_known_source {
    uint32_t number; /* 0: none */
    char name[CH_ID_MAX + 1];
} ch_known_source;

struct ch_state {
    MDB_env *env;
    MDB_dbi tables[CH_TABLE_COUNT];
    MDB_txn *txn; /* the open write transaction; NULL between a commit and the next use */
    /* Its cursors, opened when first used. They stay where they last were: what is looked for and then put, or comes
     * behind the one before, is found without another way down the tree. */
    MDB_cursor *cursors[CH_TABLE_COUNT];
    ch_fold_point now, kept;
    _Atomic uint64_t committed;
    bool failed; /* a fold ended halfway: only a rollback helps */
    ch_hot_cases *hot;
    ch_slots *slots;
    ch_buf work;
    ch_known_source known_sources[CH_KNOWN_SOURCES];
    char dir[512];
};

/* Longest key: source number and id. */
#define CH_STATE_KEY_MAX (4 + CH_ID_MAX)
typedef struct ch_state_key {
    size_t size;
    uint8_t at[CH_STATE_KEY_MAX + 16];
} ch_state_key;

ch_state_key ch_key_of_number(uint64_t number);
ch_state_key ch_key_of_case_event(uint64_t number, uint32_t version);
ch_state_key ch_key_of_source_name(uint32_t source, ch_str name); /* dedup, ref */
ch_state_key ch_key_of_handoff(ch_str party, uint64_t number, uint32_t index);
ch_state_key ch_key_of_deadline(int64_t due_ms, uint64_t number, uint32_t index);
ch_state_key ch_key_of_sketch(ch_str place, int64_t time_ms, uint64_t number);
/* Cut to what a key may be; made by nothing that is longer. */
ch_state_key ch_key_of_name(ch_str name);

/* Every value carries a crc of its table, key and itself. _find looks into the open write transaction. */
ch_status ch_table_get(const ch_state *state, MDB_txn *txn, ch_table table, const ch_state_key *key,
                       ch_str *out_value) CH_MUST_CHECK;
ch_status ch_table_find(ch_state *state, ch_table table, const ch_state_key *key,
                        ch_str *out_value) CH_MUST_CHECK;
/* Of a cursor's pair. CH_CORRUPT. */
ch_status ch_table_open_value(ch_table table, MDB_val key, MDB_val value, ch_str *out_value) CH_MUST_CHECK;
/* flags: 0 or MDB_NOOVERWRITE (CH_CONFLICT then). */
ch_status ch_table_put(ch_state *state, ch_table table, const ch_state_key *key, ch_str value,
                       unsigned flags) CH_MUST_CHECK;
/* CH_OK also when there was none. */
ch_status ch_table_delete(ch_state *state, ch_table table, const ch_state_key *key) CH_MUST_CHECK;
/* CH_CORRUPT when the value is not exactly 8 bytes. */
ch_status ch_table_get_number(const ch_state *state, MDB_txn *txn, ch_table table, const ch_state_key *key,
                              uint64_t *out_number) CH_MUST_CHECK;
ch_status ch_table_find_number(ch_state *state, ch_table table, const ch_state_key *key,
                               uint64_t *out_number) CH_MUST_CHECK;
ch_status ch_table_put_number(ch_state *state, ch_table table, const ch_state_key *key, uint64_t number,
                              unsigned flags) CH_MUST_CHECK;

/* state.c */
ch_status ch_state_begin(ch_state *state, ch_error *error) CH_MUST_CHECK;
/* A case in the open transaction, decoded. CH_NOT_FOUND. */
ch_status ch_state_hot_case(ch_state *state, uint64_t number, ch_case **out_case) CH_MUST_CHECK;
ch_status ch_state_write_back(ch_state *state) CH_MUST_CHECK;
/* The open transaction has ended, and with it its cursors. */
void ch_state_forget_transaction(ch_state *state);
/* All but its topics. */
ch_status ch_fold_point_read(const ch_state *state, MDB_txn *txn, ch_fold_point *out_point) CH_MUST_CHECK;

/* topics.c; the record after the present position comes, and its topic goes into its block's filter. */
ch_status ch_topics_add(ch_state *state, uint64_t sequence, ch_str topic) CH_MUST_CHECK;
/* The filter of the block that is being filled: kept, and read back. */
ch_status ch_topics_keep(ch_state *state) CH_MUST_CHECK;
ch_status ch_topics_read_last(const ch_state *state, MDB_txn *txn, ch_fold_point *point) CH_MUST_CHECK;
ch_status ch_topics_read(const ch_state *state, MDB_txn *txn, uint64_t block,
                         ch_topic_filter *out_filter) CH_MUST_CHECK;

/* sketches.c: of a case that was opened, and of those that a new one is compared with. place with its zero. */
ch_status ch_sketches_add(ch_state *state, uint64_t number, const ch_event *opened) CH_MUST_CHECK;
ch_status ch_sketches_find(ch_state *state, const char *place, int64_t since_ms, int64_t until_ms,
                           ch_sketched *out, size_t *count) CH_MUST_CHECK;
/* Looks through the whole table: only for what is rare. */
ch_status ch_sketches_remove(ch_state *state, uint64_t number) CH_MUST_CHECK;

/* marks.c; of a case without a mark both are 0. */
ch_status ch_mark_find(ch_state *state, uint64_t number, ch_mark *out_mark) CH_MUST_CHECK;
/* The same from what was found in the table. */
ch_status ch_mark_of_value(ch_status found, ch_str value, ch_mark *out_mark) CH_MUST_CHECK;
ch_status ch_fold_erased(ch_state *state, const ch_record *record, const ch_event *event) CH_MUST_CHECK;
ch_status ch_fold_hold(ch_state *state, const ch_record *record, const ch_event *event) CH_MUST_CHECK;

/* persons.c: of a record that was read from the log; those that the table has not seen, up to the state's position. */
ch_status ch_persons_of_record(ch_state *state, const ch_record *record, const ch_event *event) CH_MUST_CHECK;
ch_status ch_persons_catch_up(ch_state *state, ch_log_reader *reader, ch_error *error) CH_MUST_CHECK;
/* Where the rows of that person begin, from that case on. False: without slots nobody is known. */
bool ch_person_row(const ch_state *state, const ch_person_key *key, uint64_t from, ch_state_key *out_key);
ch_status ch_persons_remove(ch_state *state, uint64_t number) CH_MUST_CHECK;
/* With the commit: how far the table has come. */
ch_status ch_persons_keep(ch_state *state) CH_MUST_CHECK;

/* sources.c; in any transaction, and in the open one with what is remembered. CH_NOT_FOUND. */
ch_status ch_source_find(const ch_state *state, MDB_txn *txn, ch_str name,
                         uint32_t *out_number) CH_MUST_CHECK;
ch_status ch_source_number(ch_state *state, ch_str name, uint32_t *out_number) CH_MUST_CHECK;
/* Gives a new name the next number. */
ch_status ch_source_intern(ch_state *state, ch_str name, uint32_t *out_number) CH_MUST_CHECK;
void ch_source_forget(ch_state *state);

/* clock_deadlines.c: the clock that an event is about, before it is folded; then its deadline follows. */
typedef struct ch_clock_trace {
    uint32_t index; /* 0: none */
    int64_t next_ms;
} ch_clock_trace;
ch_clock_trace ch_trace_clock(const ch_case *the_case, const ch_event *event);
ch_status ch_follow_clock(ch_state *state, const ch_case *the_case,
                          const ch_clock_trace *before) CH_MUST_CHECK;

/* hub_tables.c: a hub. event. */
ch_status ch_fold_hub_event(ch_state *state, const ch_record *record, const ch_event *event) CH_MUST_CHECK;
/* Of a stored value; the number is the key's. CH_CORRUPT. */
ch_status ch_dead_letter_decode(ch_str value, uint64_t number, ch_dead_letter *out_letter) CH_MUST_CHECK;

#endif
