/* under_way.h - the sequences of one subscription's events that were handed over and are not acknowledged,
 * in order. */
#ifndef CH_CLIENT_UNDER_WAY_H
#define CH_CLIENT_UNDER_WAY_H

#include "hub/base/status.h"

/* Taking the lowest costs nothing; it is what happens as a rule. */
typedef struct ch_under_way {
    uint64_t *at;
    size_t begin, count, capacity;
} ch_under_way;

/* CH_NO_MEMORY. */
ch_status ch_under_way_init(ch_under_way *set, size_t capacity) CH_MUST_CHECK;
void ch_under_way_done(ch_under_way *set);
void ch_under_way_clear(ch_under_way *set);
/* One that is in it already (a redelivery) is fine. CH_FULL. */
ch_status ch_under_way_add(ch_under_way *set, uint64_t sequence) CH_MUST_CHECK;
/* False when it is not in it. */
bool ch_under_way_remove(ch_under_way *set, uint64_t sequence);
/* Everything up to and with sequence; how many. */
size_t ch_under_way_remove_upto(ch_under_way *set, uint64_t sequence);
/* 0: empty. */
uint64_t ch_under_way_lowest(const ch_under_way *set);

#endif
