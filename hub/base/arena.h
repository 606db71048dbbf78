/* arena.h - many small allocations that end together. Addresses stay put until reset. Not locked. */
#ifndef CH_BASE_ARENA_H
#define CH_BASE_ARENA_H

#include "hub/base/bytes.h"

typedef struct ch_arena_block ch_arena_block;
typedef struct ch_arena {
    ch_arena_block *first, *current;
    size_t total, limit; /* bytes handed out (each rounded up to 16), and the most allowed */
    size_t held;         /* bytes of the blocks; after a reset at most limit */
} ch_arena;

void ch_arena_init(ch_arena *arena, size_t limit);
void ch_arena_done(ch_arena *arena);
/* Everything handed out so far is gone; keeps blocks for the next round, up to the limit. */
void ch_arena_reset(ch_arena *arena);
/* False: size more bytes would be beyond the limit. */
bool ch_arena_may_take(const ch_arena *arena, size_t size);
/* Zeroed, aligned to 16. NULL beyond the limit or out of memory. */
void *ch_arena_alloc(ch_arena *arena, size_t size);
/* A copy; CH_STR_NONE when there is no room (or s is absent). Terminated with a zero beyond its size. */
ch_str ch_arena_str(ch_arena *arena, ch_str s);

#endif
