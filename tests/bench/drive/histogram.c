#include "tests/bench/drive/histogram.h"

#define STEPS BENCH_HISTOGRAM_STEPS
#define STEP_BITS 7

/* Below STEPS a bucket a nanosecond; above, STEPS buckets for each power of two. */
static unsigned bucket_of(uint64_t ns)
{
    if (ns < STEPS) {
        return (unsigned)ns;
    }
    unsigned shift = 63U - (unsigned)__builtin_clzll(ns) - STEP_BITS;
    unsigned bucket = (shift + 1) * STEPS + (unsigned)((ns >> shift) - STEPS);
    return bucket < BENCH_HISTOGRAM_BUCKETS ? bucket : BENCH_HISTOGRAM_BUCKETS - 1;
}

static uint64_t least_of(unsigned bucket)
{
    return bucket < STEPS ? bucket : (uint64_t)(bucket % STEPS + STEPS) << (bucket / STEPS - 1);
}

void bench_histogram_add(bench_histogram *histogram, uint64_t ns)
{
    histogram->buckets[bucket_of(ns)]++;
    histogram->count++;
}

double bench_histogram_us(const bench_histogram *histogram, double percentile)
{
    uint64_t wanted = (uint64_t)(percentile / 100 * (double)histogram->count + 0.5), seen = 0;
    for (unsigned i = 0; i < BENCH_HISTOGRAM_BUCKETS; i++) {
        seen += histogram->buckets[i];
        if (seen > 0 && seen >= wanted) {
            return (double)least_of(i) / 1000;
        }
    }
    return 0;
}
