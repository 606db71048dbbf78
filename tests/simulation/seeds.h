/* seeds.h - many runs, each from one number.
 *
 * CASEHUB_SEED=n runs that one only, CASEHUB_SEEDS=n that many, CASEHUB_LONG=1 twenty times the usual ones; from
 * CASEHUB_FIRST=n on, else from 1. A run that fails is told with its seed.
 */
#ifndef TESTS_SIMULATION_SEEDS_H
#define TESTS_SIMULATION_SEEDS_H

#include <stdint.h>

typedef void (*seed_run)(uint64_t seed);

/* usual: how many when nothing is said. */
void run_seeds(seed_run run, uint64_t usual);
/* For a test's teardown: prints the seed of a run that did not come to its end. */
int tell_failed_seed(void **state);

#endif
