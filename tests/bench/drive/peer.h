/* peer.h - what a server must be able to do to be measured. One table a server, in peers/; the workloads in drive/ know
 * nothing else of it, so that each peer gets the same load, the same window and the same clock.
 *
 * All calls on one handle come from one thread. What goes wrong ends the program with bench_fail: a figure from a
 * server that refuses something is none.
 */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include "tests/bench/drive/load.h"

typedef struct bench_target {
    const char *endpoint; /* in the peer's own words, e.g. ipc:///tmp/x/hub.ipc or 127.0.0.1:16379 */
    const char *key_file; /* casehub over tcp */
    const char *mode;     /* one of several ways to use the peer; "" when there is one */
    unsigned window;      /* unanswered events of a publisher at most */
    unsigned subscribers; /* so many will read, for peers that need a queue for each */
} bench_target;

typedef struct bench_interest {
    bool from_start; /* every event that is stored; else those from now on */
    bool narrow;     /* only BENCH_NARROW_TYPE */
    unsigned
        districts;  /* subscriptions to one district each, dealt out among the subscribers; 0: one to all */
    unsigned place; /* of this subscriber among the target's: 0, 1, 2 ... */
} bench_interest;

/* Both belong to the workload. */
typedef struct bench_publisher bench_publisher;
typedef struct bench_subscriber bench_subscriber;

/* The peer calls these: its acknowledgement of one event, or of all up to a number, has arrived; an event has. */
void bench_acked(bench_publisher *publisher, uint64_t number);
void bench_acked_upto(bench_publisher *publisher, uint64_t number);
void bench_received(bench_subscriber *subscriber, ch_str encoded);

typedef struct bench_peer {
    const char *name;
    /* Would a client get an answer now? Comes back within a second. */
    bool (*is_ready)(const bench_target *target);
    /* Makes the empty table, stream or queue. NULL: nothing to do. */
    void (*prepare)(const bench_target *target);

    void *(*publisher_open)(const bench_target *target, bench_publisher *publisher);
    void (*publish)(void *publisher, const bench_event *event); /* may keep it until the next poll */
    void (*publisher_poll)(void *publisher,
                           int timeout_ms); /* sends; then waits for one acknowledgement at most */
    void (*publisher_close)(void *publisher);

    /* Comes back when events published from now on are sure to be delivered. */
    void *(*subscriber_open)(const bench_target *target, bench_subscriber *subscriber,
                             const bench_interest *interest);
    void (*subscriber_poll)(void *subscriber,
                            int timeout_ms); /* hands over what is there, waits for one at most */
    void (*subscriber_close)(void *subscriber);
} bench_peer;

/* The peers that this program was built with; NULL at the end. */
extern const bench_peer *const bench_peers[];

#endif
