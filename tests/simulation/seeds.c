#include "tests/simulation/seeds.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t running; /* 0: none */

static uint64_t number_from(const char *name, uint64_t fallback)
{
    const char *text = getenv(name);
    return text == NULL ? fallback : strtoull(text, NULL, 10);
}

void run_seeds(seed_run run, uint64_t usual)
{
    uint64_t only = number_from("CASEHUB_SEED", 0);
    uint64_t first = only != 0 ? only : 1;
    uint64_t last = only != 0 ? only : number_from("CASEHUB_SEEDS", usual);
    for (uint64_t seed = first; seed <= last; seed++) {
        running = seed;
        run(seed);
    }
    running = 0;
}

int tell_failed_seed(void **state)
{
    (void)state;
    if (running != 0) {
        fprintf(stderr, "the run that failed is repeated by CASEHUB_SEED=%" PRIu64 "\n", running);
    }
    running = 0;
    return 0;
}
