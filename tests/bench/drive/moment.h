/* moment.h - the clock of every figure: CLOCK_MONOTONIC in nanoseconds, which all processes of a machine share. */
#ifndef BENCH_MOMENT_H
#define BENCH_MOMENT_H

#include <errno.h>
#include <stdint.h>
#include <time.h>

#define BENCH_SECOND UINT64_C(1000000000)
#define BENCH_MS UINT64_C(1000000)
#define BENCH_US UINT64_C(1000)

static inline uint64_t bench_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * BENCH_SECOND + (uint64_t)now.tv_nsec;
}

static inline void bench_sleep_until(uint64_t moment)
{
    const struct timespec until = {.tv_sec = (time_t)(moment / BENCH_SECOND),
                                   .tv_nsec = (long)(moment % BENCH_SECOND)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR) {
    }
}

static inline void bench_sleep(uint64_t ns)
{
    bench_sleep_until(bench_now() + ns);
}

#endif
