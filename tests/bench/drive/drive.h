/* drive.h - one run of bench_drive: its options, its workloads, and how it ends when something is wrong. */
#ifndef BENCH_DRIVE_H
#define BENCH_DRIVE_H

#include "tests/bench/drive/histogram.h"
#include "tests/bench/drive/peer.h"

#include <stdatomic.h>

typedef struct bench_options {
    const bench_peer *peer;
    bench_target target;
    const char *run;                                 /* see bench_load_init */
    unsigned publishers, subscribers, subscriptions; /* subscriptions 0: each subscriber gets everything */
    uint64_t events;                                 /* 0: until seconds are over */
    double seconds, rate;
    bool narrow;
} bench_options;

/* Each prints one JSON object. */
void bench_publish(const bench_options *options); /* flat out within the window */
void bench_latency(const bench_options *options); /* at a rate, from the planned send time */
void bench_read(const bench_options *options);    /* what is stored, by one subscriber */
void bench_fan_out(
    const bench_options *options);              /* one publisher flat out, each subscriber gets everything */
void bench_first(const bench_options *options); /* waits for the server; the moment of its first answer */
void bench_await(const bench_options *options); /* waits until the server answers */
void bench_prepare(const bench_options *options);

/* A message to stderr, and exit 1. */
void bench_fail(const char *format, ...) CH_PRINTF(1, 2) __attribute__((noreturn));
/* calloc that fails with a message. */
void *bench_new(size_t count, size_t size);

/* What the workload keeps of a publisher. */
#define BENCH_PLANNED 65536
struct bench_publisher {
    void *handle;
    uint64_t sent, acked, next; /* next: oldest that bench_acked_upto has not covered */
    uint64_t *planned;          /* send times by number, a ring of BENCH_PLANNED; NULL when nobody asks */
    bench_histogram *acks;
};
void bench_publisher_init(bench_publisher *publisher);
/* Publishes until `events` are sent (0: until `until`), and waits for their acknowledgements. */
void bench_publisher_run(const bench_options *options, bench_publisher *publisher, bench_load *load,
                         uint64_t events, uint64_t until);

struct bench_subscriber {
    void *handle;
    _Atomic uint64_t received;
    bool narrow;
    const bench_publisher *publisher; /* whose planned times count, */
    uint64_t first_counted;           /* for events beyond this number */
    bench_histogram *arrivals;
};

#endif
