/* random.h - where randomness comes from, as a value that is passed in, so that a seed repeats a run. */
#ifndef CH_BASE_RANDOM_H
#define CH_BASE_RANDOM_H

#include "hub/base/status.h"

typedef struct ch_random {
    /* Fills all of out. CH_IO. */
    ch_status (*fill)(void *context, void *out, size_t size);
    void *context;
} ch_random;

/* The kernel's (getrandom). */
const ch_random *ch_random_real(void);

/* Repeatable, for tests and simulation; never for keys. */
typedef struct ch_random_seeded {
    ch_random random;
    uint64_t state;
} ch_random_seeded;
void ch_random_seeded_init(ch_random_seeded *seeded, uint64_t seed);
/* 0 <= result < below; below > 0. */
uint64_t ch_random_below(ch_random_seeded *seeded, uint64_t below);

#endif
