/* books.h - what the log says of every case, written down a second time and from the events alone: neither the model's
 * rules nor its fold have a part in it. So a mistake that the witness would share with the hub, because both call the same
 * code, shows here: as an event that cannot be true, or as a case that is not what its events say.
 */
#ifndef TESTS_SIMULATION_BOOKS_H
#define TESTS_SIMULATION_BOOKS_H

#include "hub/model/case.h"

#define BOOKS 512         /* cases */
#define BOOK_HANDOFFS 256 /* of one case */
#define BOOK_CLOCKS 256   /* ever started for one case */

typedef struct book_handoff {
    ch_handoff_state state;
    bool is_open;
    int64_t due_ms;
} book_handoff;

typedef struct book_clock {
    char rule[CH_CODE_MAX + 1];
    ch_clock_state state;
    bool has_ended;
    uint32_t handoff;
    int64_t level, due_ms, next_ms, remaining, given;
} book_clock;

typedef struct book {
    ch_case_state state;
    uint32_t version; /* 0: no case has this number */
    bool is_drill;
    book_handoff handoffs[BOOK_HANDOFFS];
    book_clock clocks[BOOK_CLOCKS];
    size_t handoff_count, clock_count;
} book;

typedef struct books {
    book *at; /* by number */
    char wrong[400];
} books;

void books_init(books *of);
void books_done(books *of);

/* One record, in the order of the log. False: it cannot be true; why is in `wrong`. So for all of these. */
bool books_take(books *of, uint64_t number, const ch_event *event);
/* Between two batches: nobody works on what has ended, and no clock outlives what it is about. */
bool books_check(books *of);
/* The case is what its events say. */
bool books_compare(books *of, const ch_case *the_case);

/* NULL: there is none. */
const book *books_find(const books *of, uint64_t number);
/* received to waiting. */
bool book_is_active(const book *at);

#endif
