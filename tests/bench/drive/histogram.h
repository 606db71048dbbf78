/* histogram.h - latencies in nanoseconds, in buckets less than 1 % wide: percentiles without keeping every value. */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>

#define BENCH_HISTOGRAM_STEPS 128 /* of one power of two */
#define BENCH_HISTOGRAM_BUCKETS (BENCH_HISTOGRAM_STEPS * 40)

typedef struct bench_histogram {
    uint64_t count;
    uint64_t buckets[BENCH_HISTOGRAM_BUCKETS];
} bench_histogram;

void bench_histogram_add(bench_histogram *histogram, uint64_t ns);
/* The lower bound of the bucket that holds the percentile (0..100), in microseconds; 0 when it is empty. */
double bench_histogram_us(const bench_histogram *histogram, double percentile);

#endif
