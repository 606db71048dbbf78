/* town.h - a generated city, as large as a real one: 56 departments with 868 items, 59 streets with 2,360 grids, and a
 * rule for each item and for each grid. Written as the tables that a city writes, and read as the hub reads them.
 */
#ifndef BENCH_TOWN_H
#define BENCH_TOWN_H

#include "hub/base/random.h"
#include "hub/model/rules.h"

#define TOWN_ITEMS 868
#define TOWN_GRIDS 2360
#define TOWN_ITEM_SIZE 32
#define TOWN_GRID_SIZE 24

/* schemas_dir: of events.cfg and lifecycle.cfg. Leaves nothing behind. Why not stands in error. */
ch_status town_make(ch_rules **out_rules, const char *schemas_dir, ch_error *error) CH_MUST_CHECK;

typedef struct town_case {
    char category[TOWN_ITEM_SIZE], area[TOWN_GRID_SIZE];
    const char *system;
} town_case;
/* The question of a random case: every second one comes over the hotline, the others from the grid. */
town_case town_random_case(ch_random_seeded *random);
ch_route_question town_question(const town_case *of);

#endif
