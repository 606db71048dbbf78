/* array.h - arrays of plain elements: how many there are, and growing ones.
 *
 * Thread: any; an array belongs to one thread at a time.
 */
#ifndef CH_BASE_ARRAY_H
#define CH_BASE_ARRAY_H

#include "hub/base/status.h"

#include <stddef.h>

/* Of an array, not of a pointer. */
#define CH_COUNT_OF(array) (sizeof(array) / sizeof *(array))

/* Room for `count` elements of `size` bytes. `array` is the address of a pointer to them, from malloc, or NULL while
 * *capacity is 0; the caller frees what it points to. From nothing it becomes `first` elements, or `count` when that is
 * more; after that it doubles. CH_NO_MEMORY: nothing has changed. */
ch_status ch_array_reserve(void *array, size_t *capacity, size_t count, size_t first,
                           size_t size) CH_MUST_CHECK;

#endif
