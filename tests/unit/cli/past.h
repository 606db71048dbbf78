/* past.h - a log of events made of few words, for what reads the log over the wire (fake_hub.h).
 */
#ifndef TESTS_UNIT_CLI_PAST_H
#define TESTS_UNIT_CLI_PAST_H

#include "tests/unit/cli/fake_hub.h"

#define PAST_MOST 64

/* A row of the log: case N at its minute, what happened, the state and cycle afterwards, and data as JSON. */
typedef struct past_row {
    unsigned number, minute;
    const char *type, *state;
    unsigned cycle;
    const char *data; /* NULL: none */
    const char *more; /* further attributes, e.g. "\"area\":\"3307\","; NULL: none */
    unsigned version; /* 0: the next of its case */
} past_row;

#define PAST(n, at, what, after, in, ...)                                                                    \
    {                                                                                                        \
        .number = n, .minute = at, .type = what, .state = after, .cycle = in, __VA_ARGS__                    \
    }

/* The minute that minute 0 is: 2026-11-23T10:00:00+08:00. */
#define PAST_START_MS INT64_C(1795399200000)

/* What the fake hub's log holds from now on, and the answer to "how long is it?". Static: one log at a time. */
void past_give(fake_hub *hub, const past_row *rows, size_t count);

#endif
