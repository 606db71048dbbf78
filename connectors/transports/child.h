/* child.h - a program that a connector runs beside itself: started, listened to, ended with all that it started.
 *
 * No shell. Its environment holds what the settings name and nothing else. It is a process group of its own, and ends with
 * the connector, however that ends. What it says on its standard error goes into the log, so many lines a second.
 * One thread; times come from the host.
 */
#ifndef CH_CONNECTORS_CHILD_H
#define CH_CONNECTORS_CHILD_H

#include "connectors/sdk/casehub_connector.h"
#include "hub/base/bytes.h"

#include <sys/types.h>

/* The first options of whoever runs a program. */
enum {
    CH_CHILD_PROGRAM,
    CH_CHILD_FOLDER,
    CH_CHILD_ENVIRONMENT,
    CH_CHILD_GRACE,
    CH_CHILD_PAUSE,
    CH_CHILD_PAUSE_MOST,
    CH_CHILD_OPTION_COUNT
};
#define CH_CHILD_OPTIONS                                                                                     \
    [CH_CHILD_PROGRAM] = {"program", CASEHUB_OPTION_TEXTS, NULL, 1, 900, "program and arguments, no shell"}, \
    [CH_CHILD_FOLDER] = {"folder", CASEHUB_OPTION_PATH, ".", 1, 900, "its working folder"},                  \
    [CH_CHILD_ENVIRONMENT] = {"environment",                                                                 \
                              CASEHUB_OPTION_TEXTS,                                                          \
                              "PATH, HOME, LANG",                                                            \
                              1,                                                                             \
                              4000,                                                                          \
                              "what it finds in its environment: NAME as the connector has it, NAME=value"}, \
    [CH_CHILD_GRACE] = {"grace", CASEHUB_OPTION_TIME,                                                        \
                        "5s",    0,                                                                          \
                        60000,   "so long it may take to end after SIGTERM, before SIGKILL"},                \
    [CH_CHILD_PAUSE] = {"pause", CASEHUB_OPTION_TIME,                                                        \
                        "1s",    1,                                                                          \
                        3600000, "before it is started again after a failure; doubled each time"},           \
    [CH_CHILD_PAUSE_MOST] = {"pause_most", CASEHUB_OPTION_TIME, "5m", 1, 86400000, "no longer than that"}

typedef struct ch_child {
    const casehub_host *host;
    const casehub_value *values;
    pid_t pid;                            /* 0: it does not run */
    int events;                           /* readable when there is something to do */
    int input, output, words, exit_fd;    /* -1: closed */
    ch_buf pending;                       /* input that it has not read yet */
    int64_t pending_since_ms, kill_at_ms; /* monotonic; 0: none */
    int64_t start_at_ms;                  /* not before */
    unsigned failures;                    /* in a row */
    char line[300];                       /* of its standard error */
    size_t line_size, lines_logged, lines_left_out;
    int64_t logged_since_ms;
} ch_child;

/* True when it was done; else fail() was told. close in any case. */
bool ch_child_open(ch_child *child, const casehub_host *host, const casehub_value *values);
/* Ends it and waits for that, grace at most. */
void ch_child_close(ch_child *child);

/* position: what it finds as CASEHUB_POSITION, NULL: nothing. Without input its standard input is empty. False: reason
 * tells why not. */
bool ch_child_start(ch_child *child, const char *position, bool with_input, char *reason, size_t reason_size);
/* Asks it to end, and sees to it that it does: call ch_child_has_ended from then on. Nothing more is read of it, not even
 * of what it had started and what left its group. */
void ch_child_end(ch_child *child);
/* True once it has ended and was reaped, with all that it had started: how tells "exit 3", "signal 9", clean whether it
 * was exit 0. Its last output can still be read. */
bool ch_child_has_ended(ch_child *child, char *how, size_t how_size, bool *out_clean);
/* When it may start again: at once behind wait_ms (>= 0), or after the pause of one more failure (-1). */
void ch_child_rest(ch_child *child, int64_t wait_ms);
/* It did what it is for: the next pause is short again. */
void ch_child_did_well(ch_child *child);

/* Logs what it said. */
void ch_child_listen(ch_child *child);
/* Bytes of its standard output; 0: the end; -1: nothing now. */
long ch_child_read(ch_child *child, void *out, size_t most);
/* Queues bytes for its standard input and writes what it takes. False: it does not read that much, or has closed it. */
bool ch_child_write(ch_child *child, const void *bytes, size_t size);
/* Milliseconds until the child's own times are up; -1: none. */
int64_t ch_child_wait_ms(const ch_child *child, int64_t now_ms);

#endif
