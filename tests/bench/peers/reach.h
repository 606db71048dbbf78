/* reach.h - is somebody listening there? Tried with a plain socket, because clients that connect by themselves wait
 * longer and longer between their attempts, which would be measured as the server's. */
#ifndef BENCH_REACH_H
#define BENCH_REACH_H

#include <stdbool.h>

/* "ipc://PATH", "tcp://A.B.C.D:PORT" or "A.B.C.D:PORT". */
bool bench_reach(const char *endpoint);

/* Splits "A.B.C.D:PORT" with or without "tcp://"; ends the program when it is something else. */
typedef struct bench_address {
    char host[64];
    int port;
} bench_address;
bench_address bench_address_of(const char *endpoint);

#endif
