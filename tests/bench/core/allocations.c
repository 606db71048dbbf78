/* Linked with --wrap, so that what the hub's libraries call comes through here. */
#include "tests/bench/core/allocations.h"

#include <stddef.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *before, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *before, size_t size);

static uint64_t calls;

uint64_t bench_allocations(void)
{
    return calls;
}

void *__wrap_malloc(size_t size)
{
    calls++;
    return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    calls++;
    return __real_calloc(count, size);
}

void *__wrap_realloc(void *before, size_t size)
{
    calls++;
    return __real_realloc(before, size);
}
