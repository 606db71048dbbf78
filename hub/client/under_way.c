#include "hub/client/under_way.h"

#include <stdlib.h>
#include <string.h>

ch_status ch_under_way_init(ch_under_way *set, size_t capacity)
{
    *set = (ch_under_way){.capacity = capacity, .at = calloc(capacity, sizeof *set->at)};
    return set->at == NULL ? CH_NO_MEMORY : CH_OK;
}

void ch_under_way_done(ch_under_way *set)
{
    free(set->at);
    *set = (ch_under_way){.at = NULL};
}

void ch_under_way_clear(ch_under_way *set)
{
    set->begin = set->count = 0;
}

/* Where the first one that is not below sequence stands. */
static size_t place_of(const ch_under_way *set, uint64_t sequence)
{
    size_t low = set->begin, high = set->begin + set->count;
    if (set->count > 0 && set->at[high - 1] < sequence) {
        return high;
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (set->at[middle] < sequence) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool holds(const ch_under_way *set, size_t place, uint64_t sequence)
{
    return place < set->begin + set->count && set->at[place] == sequence;
}

ch_status ch_under_way_add(ch_under_way *set, uint64_t sequence)
{
    if (holds(set, place_of(set, sequence), sequence)) {
        return CH_OK;
    }
    if (set->count == set->capacity) {
        return CH_FULL;
    }
    if (set->begin + set->count == set->capacity) {
        memmove(set->at, set->at + set->begin, set->count * sizeof *set->at);
        set->begin = 0;
    }
    size_t place = place_of(set, sequence);
    memmove(set->at + place + 1, set->at + place, (set->begin + set->count - place) * sizeof *set->at);
    set->at[place] = sequence;
    set->count++;
    return CH_OK;
}

bool ch_under_way_remove(ch_under_way *set, uint64_t sequence)
{
    size_t place = place_of(set, sequence);
    if (!holds(set, place, sequence)) {
        return false;
    }
    if (place == set->begin) {
        set->begin++;
    } else {
        memmove(set->at + place, set->at + place + 1,
                (set->begin + set->count - place - 1) * sizeof *set->at);
    }
    set->count--;
    return true;
}

size_t ch_under_way_remove_upto(ch_under_way *set, uint64_t sequence)
{
    size_t removed = sequence == UINT64_MAX ? set->count : place_of(set, sequence + 1) - set->begin;
    set->begin += removed;
    set->count -= removed;
    return removed;
}

uint64_t ch_under_way_lowest(const ch_under_way *set)
{
    return set->count == 0 ? 0 : set->at[set->begin];
}
