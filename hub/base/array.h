/* array.h - growing arrays of plain elements.
 *
 * Thread: any; an array belongs to one thread at a time.
 */
#ifndef CH_BASE_ARRAY_H
#define CH_BASE_ARRAY_H

#include "hub/base/status.h"

#include <stddef.h>

/* Room for `count` elements of `size` bytes. `array` is the address of a pointer to them, from malloc, or NULL while
 * *capacity is 0; the caller frees what it points to. From nothing it becomes `first` elements, or `count` when that is
 * more; after that it doubles. CH_NO_MEMORY: nothing has changed. */
ch_status ch_array_reserve(void *array, size_t *capacity, size_t count, size_t first,
                           size_t size) CH_MUST_CHECK;

#endif
