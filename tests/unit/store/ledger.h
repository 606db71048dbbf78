/* ledger.h - events written as the hub would write them, without its judgement: into a log and, when there is
 * one, a state. Every call fails the test when the store refuses, unless it gives back a status.
 */
#ifndef TESTS_UNIT_STORE_LEDGER_H
#define TESTS_UNIT_STORE_LEDGER_H

#include "hub/store/state.h"

#define LEDGER_CASES_MAX 512
#define LEDGER_START_MS INT64_C(1795400820000)

#define LEDGER_BATCH_MAX 64

/* How far it has come; may be kept and put back. */
typedef struct ledger_point {
    uint64_t sequence; /* of the last event */
    uint8_t chain[CH_HASH_SIZE];
    uint64_t case_count;
    uint32_t versions[LEDGER_CASES_MAX + 1], handoffs[LEDGER_CASES_MAX + 1];
} ledger_point;

typedef struct ledger {
    ch_event_log *log;
    ch_state *state; /* NULL: only the log is written */
    ch_error error;
    ledger_point now;
    bool holding; /* events are folded at once, but only ledger_flush gives them to the log */
    ch_buf public_part, records, data;
    uint32_t sizes[LEDGER_BATCH_MAX];
    size_t held;
} ledger;

/* Goes on where the log ends; cases and versions are known from this ledger's own calls only. */
void ledger_init(ledger *of, ch_event_log *log, ch_state *state);
void ledger_done(ledger *of);

/* A record with this event: hub attributes are filled in. */
ch_status ledger_write(ledger *of, ch_event event, uint64_t case_number, uint16_t flags);
/* What is held, as one batch. */
ch_status ledger_flush(ledger *of);
/* Forgets what is held. */
void ledger_drop(ledger *of);
/* The same for a hub. event with these string fields: key, value, ..., NULL. */
void ledger_hub(ledger *of, const char *type, ...);
void ledger_hub_number(ledger *of, const char *type, const char *action, int64_t number);

uint64_t ledger_open(ledger *of, const char *source, const char *ref);
/* With a sketch of these equal bytes. */
uint64_t ledger_open_sketched(ledger *of, const char *area, const char *category, int64_t time_ms,
                              uint8_t sketch);
void ledger_note(ledger *of, uint64_t number);
/* Index of the new handoff. */
uint32_t ledger_offer(ledger *of, uint64_t number, const char *party, int64_t due_ms);
void ledger_move(ledger *of, uint64_t number, uint32_t index, const char *type, int64_t due_ms);
/* One half of a pair: an event of one case that names another as data.field; relation: or NULL. */
void ledger_tie(ledger *of, uint64_t number, const char *type, const char *field, uint64_t other,
                const char *relation);
/* next_ms: when the clock is to be looked at; 0: never. */
void ledger_clock(ledger *of, uint64_t number, uint32_t index, const char *type, int64_t next_ms);

#endif
