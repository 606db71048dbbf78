/* fake_hub.h - libcasehub with a script instead of a hub behind it: the whole of casehub.h but key files.
 *
 * One script at a time; it answers at once, or moves the clock instead of waiting.
 */
#ifndef TESTS_UNIT_CLI_FAKE_HUB_H
#define TESTS_UNIT_CLI_FAKE_HUB_H

#include "hub/base/clock.h"
#include "hub/client/casehub.h"

#define FAKE_MOST 4096

typedef enum fake_connection { FAKE_CONNECTED, FAKE_ABSENT, FAKE_DENIED } fake_connection;

typedef struct fake_query {
    const char *name, *rows, *next; /* next NULL: the end */
    const char *code, *text;        /* code NULL: ok */
} fake_query;

typedef struct fake_hub {
    ch_clock_fake clock;
    fake_connection connection;
    /* Answers to queries, each used once, in order; another question meanwhile is not-found. */
    fake_query queries[16];
    size_t query_count, queries_used, queries_asked;
    char asked[16][512]; /* "name arguments" */
    /* Answers to events, in order; after the last it accepts with sequences 1, 2, 3 ... */
    casehub_answer answers[16];
    size_t answer_count;
    size_t silent_after; /* answers so many events, then none; 0: no end */
    bool backwards;      /* answers of one turn come last first */
    char *published[FAKE_MOST];
    size_t published_count, answered;
    char endpoint[256];
    /* Events for a subscriber, or a log with sequences from 1 on for a reader. */
    const char *const *events;
    size_t event_count;
    uint64_t acknowledged[64];
    size_t acknowledged_count;
    size_t unsubscribed_after; /* so many acknowledgements */
    char subscribed[256];      /* "name from pattern credit" */
    char read[64];             /* the first pattern of the last reading */
} fake_hub;

/* Fresh; the clock stands at 2026-11-23T10:27:00+08:00. */
fake_hub *fake_hub_reset(void);

#endif
