#include "tests/simulation/seeds.h"

#include "tests/unit/check.h"

#include "hub/base/bytes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t running; /* 0: none */

#define LONG_FACTOR 20

/* A number that nobody can read must not make an empty run that passes. */
static uint64_t number_from(const char *name, uint64_t fallback)
{
    const char *text = getenv(name);
    int64_t number = 0;
    if (text == NULL) {
        return fallback;
    }
    if (ch_str_to_int(ch_str_of(text), &number) != CH_OK || number < 1) {
        fail_msg("%s is no number from 1 on: %s", name, text);
    }
    return (uint64_t)number;
}

void run_seeds(seed_run run, uint64_t usual)
{
    uint64_t only = number_from("CASEHUB_SEED", 0);
    uint64_t first = only != 0 ? only : number_from("CASEHUB_FIRST", 1);
    uint64_t many = getenv("CASEHUB_LONG") == NULL ? usual : LONG_FACTOR * usual;
    uint64_t last = only != 0 ? only : first - 1 + number_from("CASEHUB_SEEDS", many);
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
