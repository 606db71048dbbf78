/* peers.h - the table of each peer; which of them are built in is decided by the libraries that were found. */
#ifndef BENCH_PEERS_H
#define BENCH_PEERS_H

#include "tests/bench/drive/peer.h"

extern const bench_peer bench_casehub;
extern const bench_peer bench_redis; /* BENCH_REDIS: libhiredis */

#endif
