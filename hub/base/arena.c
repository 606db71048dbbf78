#include "hub/base/arena.h"

#include <stdlib.h>

/* Each block as large as all before it, within these: thousands of small arenas wait in queues. */
#define BLOCK_LEAST ((size_t)1024)
#define BLOCK_MOST ((size_t)16 * 1024)

struct ch_arena_block {
    ch_arena_block *next;
    size_t used, size;
    _Alignas(16) uint8_t bytes[];
};

void ch_arena_init(ch_arena *arena, size_t limit)
{
    *arena = (ch_arena){.limit = limit};
}

static void free_blocks(ch_arena_block *block)
{
    while (block != NULL) {
        ch_arena_block *next = block->next;
        free(block);
        block = next;
    }
}

void ch_arena_done(ch_arena *arena)
{
    free_blocks(arena->first);
    *arena = (ch_arena){.limit = arena->limit};
}

/* Rounds of ever other sizes would each leave blocks that the next cannot use: what is kept has an end. */
void ch_arena_reset(ch_arena *arena)
{
    ch_arena_block **link = &arena->first;
    arena->held = 0;
    for (; *link != NULL && (*link)->size <= arena->limit - arena->held; link = &(*link)->next) {
        (*link)->used = 0;
        arena->held += (*link)->size;
    }
    free_blocks(*link);
    *link = NULL;
    arena->current = arena->first;
    arena->total = 0;
}

static bool has_room(const ch_arena_block *block, size_t size)
{
    return block != NULL && block->size - block->used >= size;
}

static size_t next_size(const ch_arena *arena, size_t least)
{
    size_t size = arena->held < BLOCK_LEAST ? BLOCK_LEAST : arena->held;
    size = size > BLOCK_MOST ? BLOCK_MOST : size;
    return size > least ? size : least;
}

static bool enter_block_with_room(ch_arena *arena, size_t size)
{
    while (!has_room(arena->current, size) && arena->current != NULL && arena->current->next != NULL) {
        arena->current = arena->current->next;
    }
    if (has_room(arena->current, size)) {
        return true;
    }
    size_t block_size = next_size(arena, size);
    ch_arena_block *block = malloc(sizeof *block + block_size);
    if (block == NULL) {
        return false;
    }
    *block = (ch_arena_block){.size = block_size};
    arena->held += block_size;
    if (arena->current == NULL) {
        arena->first = block;
    } else {
        arena->current->next = block;
    }
    arena->current = block;
    return true;
}

static size_t round_up(size_t size)
{
    return size + (0 - size) % 16;
}

bool ch_arena_may_take(const ch_arena *arena, size_t size)
{
    size_t rounded = round_up(size);
    return rounded >= size && rounded <= arena->limit - arena->total;
}

void *ch_arena_alloc(ch_arena *arena, size_t size)
{
    size_t rounded = round_up(size);
    if (!ch_arena_may_take(arena, size) || rounded > SIZE_MAX - sizeof(ch_arena_block) ||
        !enter_block_with_room(arena, rounded)) {
        return NULL;
    }
    uint8_t *room = arena->current->bytes + arena->current->used;
    arena->current->used += rounded;
    arena->total += rounded;
    memset(room, 0, rounded);
    return room;
}

ch_str ch_arena_str(ch_arena *arena, ch_str s)
{
    if (s.at == NULL || s.size == SIZE_MAX) {
        return CH_STR_NONE;
    }
    char *room = ch_arena_alloc(arena, s.size + 1);
    if (room == NULL) {
        return CH_STR_NONE;
    }
    memcpy(room, s.at, s.size);
    return (ch_str){room, s.size};
}
