#include "tests/bench/peers/peers.h"

#include <stddef.h>

const bench_peer *const bench_peers[] = {
    &bench_casehub,
    &bench_reference,
#ifdef BENCH_REDIS
    &bench_redis,
#endif
#ifdef BENCH_POSTGRESQL
    &bench_postgresql,
#endif
#ifdef BENCH_NATS
    &bench_nats,
#endif
#ifdef BENCH_RABBITMQ
    &bench_rabbitmq,
#endif
    NULL,
};
