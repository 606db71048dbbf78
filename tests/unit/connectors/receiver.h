/* receiver.h - a web server that answers what the test wrote down, on the test's own thread. */
#ifndef TESTS_UNIT_CONNECTORS_RECEIVER_H
#define TESTS_UNIT_CONNECTORS_RECEIVER_H

#include "tests/unit/connectors/stage.h"

#define RECEIVER_ANSWERS_MOST 16

typedef struct receiver {
    int listener, fd, port; /* fd: -1, or the connection */
    const char *answers[RECEIVER_ANSWERS_MOST];
    size_t answer_count, request_count;
    char url[64];            /* "http://127.0.0.1:PORT" */
    char request[64 * 1024]; /* the last one, terminated */
    size_t size;
    bool answered;
} receiver;

void receiver_open(receiver *r);
void receiver_close(receiver *r);
/* What the next request gets; "" closes the connection, NULL leaves it without an answer. The last one stays. */
void receiver_answer_with(receiver *r, const char *answer);
/* Takes and answers what is there, without waiting. One connection at a time. */
void receiver_step(receiver *r);

#endif
