#include "tests/bench/peers/peers.h"

#include <stddef.h>

const bench_peer *const bench_peers[] = {
    &bench_casehub,
#ifdef BENCH_REDIS
    &bench_redis,
#endif
    NULL,
};
