/* hub.h - the hub as threads around one store: front (sockets, sessions, rights), writer (log and state), reader
 * (subscriptions, queries), http. The thread that calls these functions is "main".
 */
#ifndef CH_RUN_HUB_H
#define CH_RUN_HUB_H

#include "hub/base/clock.h"
#include "hub/net/pipe.h"
#include "hub/run/mail.h"
#include "hub/run/metrics.h"
#include "hub/store/audit.h"
#include "hub/store/store.h"

typedef struct ch_hub_options {
    ch_store_options store;
    const char *version;                     /* of the program */
    const char *tcp_endpoint, *ipc_endpoint; /* NULL: none; at least one */
    const char *public_key, *secret_key;     /* CURVE, Z85 */
    int http_port;                           /* on 127.0.0.1; 0: a free one; -1: none */
    int64_t clients_most;                    /* welcomed at the same time */
    int64_t sockets_most;                    /* connections */
    int64_t window_events;                   /* unanswered events a client may have */
    int64_t queue_bytes;   /* of memory for events waiting for the writer; beyond it sockets are not read */
    int64_t batch_events;  /* of one log commit, about */
    int64_t beside_events; /* a batch of more is committed beside the next one, on a thread of its own */
    int64_t commit_quiet_ms, commit_busy_ms, commit_events; /* when the state is committed */
    int64_t heartbeat_ms; /* clients are asked to speak this often; gone after three times that */
    int64_t subscriptions_most, credit_most, held_most;
    int64_t ack_timeout_ms, backoff_first_ms, backoff_most_ms,
        deliveries_most;    /* defaults of subscriptions */
    const ch_grant *grants; /* that the configuration gives: the first operator, the ipc endpoint ("local") */
    size_t grant_count;
    ch_rules *rules; /* one reference is taken */
    const ch_clock *clock;
    /* Something after which nothing may be acknowledged any more: must end the process, with status 74. */
    void (*on_fatal)(void *context, const ch_error *error);
    void *context;
} ch_hub_options;

/* What the threads share. Everything but the atomics and the pipes is fixed while they run. */
typedef struct ch_hub {
    ch_hub_options options;
    ch_store *store;
    ch_metrics *metrics;
    int64_t started_ms; /* monotonic */
    _Atomic uint64_t log_position;
    _Atomic uint64_t erasures;  /* so far: what was opened before may not be shown any more */
    _Atomic uint64_t unsettled; /* works of the reader whose outcome is not on the disk yet */
    ch_pipe *main_to_front, *main_to_writer, *main_to_reader;
    ch_pipe *front_to_writer, *writer_to_front;
    ch_pipe *front_to_reader, *reader_to_front;
    ch_pipe *reader_to_writer, *writer_to_reader;
    struct ch_front *front;
    struct ch_writer *writer;
    struct ch_reader *reader;
    struct ch_http *http;
    struct ch_key_copies *key_copies;
    ch_audit *audit; /* the reader's */
} ch_hub;

/* Opens the store and starts the threads; ready to serve when it returns. CH_LOCKED, CH_CORRUPT, CH_UNSUPPORTED,
 * CH_INVALID, CH_UNAVAILABLE (a port is taken), CH_IO, CH_DENIED (the endpoint let an unknown key in), CH_NO_MEMORY. */
ch_status ch_hub_start(ch_hub **out_hub, const ch_hub_options *options, ch_error *error) CH_MUST_CHECK;
/* What was read is answered, the state is committed, cursors are written; then it is gone. */
void ch_hub_stop(ch_hub *hub);
/* From the next batch on. CH_BUSY: the change before has not been taken over yet. */
ch_status ch_hub_change_rules(ch_hub *hub, ch_rules *rules) CH_MUST_CHECK;
/* With the port that was free. */
const char *ch_hub_endpoint(const ch_hub *hub);
int ch_hub_http_port(const ch_hub *hub); /* -1: none */

/* For the threads: it is logged, and the process ends. */
void ch_hub_fail(const ch_hub *hub, const char *component, const ch_error *error);

#endif
