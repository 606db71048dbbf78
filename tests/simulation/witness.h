/* witness.h - what the hub has promised, kept beside it: the first answer to every event, which session has to begin
 * again, and a state of its own, folded from the log record by record.
 *
 * Each PUBLISH is judged again, in the order in which the writer had it, against that state; the log must hold exactly
 * what follows from it, and the answer must say so. Any difference fails the test.
 */
#ifndef TESTS_SIMULATION_WITNESS_H
#define TESTS_SIMULATION_WITNESS_H

#include "hub/model/decide.h"

#include "tests/simulation/books.h"
#include "tests/simulation/clients.h"

#define WITNESS_EVENTS 4096
#define WITNESS_LETTERS 1024
#define WITNESS_REPORTS 256

/* The first answer. */
typedef struct heard {
    const saying *said;
    uint64_t sequence;
    uint32_t case_version;
    char case_id[CH_CASE_ID_SIZE];
} heard;

typedef struct blocked {
    ch_session_id session; /* 0: nobody */
    char name[2 * CH_ID_MAX + 2];
} blocked;

typedef struct witness {
    machine *machine;
    ch_rules *rules; /* that the writer has */
    char dir[FOLDER_PATH_SIZE * 2], rebuilt[FOLDER_PATH_SIZE * 2];
    ch_state *state;
    ch_decision *decision;
    ch_view view;
    books books;       /* the same, without the model */
    uint64_t position; /* of the last record that was looked at */
    uint8_t chain[CH_HASH_SIZE];
    int64_t recorded_ms, now_ms; /* of the last record, and of this round's batch */
    int64_t seen_ms;             /* the latest that the clock, which may be set back, has ever shown */
    int64_t latest_ms;           /* no batch since the start can have been later */
    heard *events;
    size_t event_count;
    unsigned last_serial[CLIENTS]; /* accepted last */
    size_t last_index[CLIENTS];
    blocked blocked[MACHINE_SESSIONS];
    ch_status room, urgent_room; /* in this round */
    bool trouble;                /* temporary refusals need no other reason in this round */
    size_t grants;               /* accepted in this round */
    size_t redelivered;
    bool is_sealed[WITNESS_LETTERS];  /* by number of the dead letter */
    saying *reports[WITNESS_REPORTS]; /* of the hub itself, given to the writer and not in the log yet */
    size_t report_count;
    ch_log_reader *log;
    ch_record record; /* the next one */
    ch_event event;
    ch_buf public_data, secret, public_part, opened;
    ch_error error;
} witness;

void witness_init(witness *of, machine *on, ch_rules *rules);
void witness_done(witness *of);

/* Before the writer gets this round's work: what the disk leaves room for, and what time it is. */
void witness_begin_round(witness *of, bool trouble);
/* Between looks the log must not be read. */
void witness_open_log(witness *of);
void witness_close_log(witness *of);

typedef struct outcome {
    bool for_good;
    size_t from;
} outcome;

/* answer: what the client was told; NULL: nobody knows, and either nothing of this and what came behind it has happened,
 * or all of it. */
outcome witness_hear(witness *of, size_t who, const client *by, const posting *at,
                     const ch_chp_message *answer);
/* What stands in the log before that is the hub's own; behind it nothing. */
void witness_hear_hub(witness *of);
void witness_hear_end(witness *of);
/* The hub's own event was given to the writer. */
void witness_note_report(witness *of, saying *report);

/* After a round, and after a start. */
void witness_check(witness *of);
/* After a start, before anything is heard again: what was promised is there. */
void witness_check_start(witness *of);
/* The state is the fold of the log; with rebuild, also as the store makes it anew. */
void witness_check_fold(witness *of, bool rebuild);
/* Every case is what its events say, and stands with others as it may. */
void witness_check_cases(witness *of);
/* What lists and counts are made of is what the log says. After a start: readers see all of it. */
void witness_check_figures(witness *of);
/* With time to do it, every handoff that was due has ended. */
void witness_check_deadlines(witness *of);

/* For inventing: NULL when there is no such case. */
const ch_case *witness_case(witness *of, uint64_t number);
uint64_t witness_case_count(witness *of);
/* As the hub would say it now; the connector's checkpoint. */
void witness_checkpoint(witness *of, const client *by, char out[CLIENT_VALUE]);

#endif
