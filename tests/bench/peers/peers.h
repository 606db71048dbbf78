/* peers.h - the table of each peer; which of them are built in is decided by the libraries that were found. */
#ifndef BENCH_PEERS_H
#define BENCH_PEERS_H

#include "tests/bench/drive/peer.h"

extern const bench_peer bench_casehub;
extern const bench_peer bench_reference;
extern const bench_peer bench_redis;      /* BENCH_REDIS: libhiredis */
extern const bench_peer bench_postgresql; /* BENCH_POSTGRESQL: libpq */
extern const bench_peer bench_nats;       /* BENCH_NATS: libnats */
extern const bench_peer bench_rabbitmq;   /* BENCH_RABBITMQ: librabbitmq */

#endif
