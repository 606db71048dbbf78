/* allocations.h - how often this program asked for memory: its calls of malloc, calloc and realloc are counted. */
#ifndef BENCH_ALLOCATIONS_H
#define BENCH_ALLOCATIONS_H

#include <stdint.h>

uint64_t bench_allocations(void);

#endif
