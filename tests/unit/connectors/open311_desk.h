/* open311_desk.h - a site of the hotline under a host that the test plays: the hub is a table of answers. */
#ifndef TESTS_UNIT_CONNECTORS_OPEN311_DESK_H
#define TESTS_UNIT_CONNECTORS_OPEN311_DESK_H

#include "connectors/transports/open311_visit.h"
#include "tests/unit/connectors/stage.h"

#define DESK_NOW_MS INT64_C(1795521600000) /* 2026-11-24T12:00:00Z */
#define DESK_REPLIES_MOST 16

typedef struct desk_reply {
    const char *query, *part; /* of the arguments */
    const char *json, *next;  /* json NULL: it fails */
    const char *code;
} desk_reply;

typedef struct desk {
    casehub_host host;
    ch_open311_site site;
    ch_random_seeded random;
    int64_t now_ms, step_ms; /* the monotonic clock goes on so much at each look */
    bool away;
    desk_reply replies[DESK_REPLIES_MOST];
    size_t reply_count;
    casehub_verdict verdict;
    casehub_outcome outcome;
    char record[8192]; /* what was taken last */
    char asked[16384]; /* "query arguments" a line; "take" */
    char logged[2048];
} desk;

void desk_open(desk *d);
void desk_close(desk *d);
/* The last reply that fits is given; without one the hub says not-found. */
void desk_reply_with(desk *d, const char *query, const char *part, const char *json, const char *next);
void desk_fail_with(desk *d, const char *query, const char *code);

#endif
