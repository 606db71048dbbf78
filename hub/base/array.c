#include "hub/base/array.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

ch_status ch_array_reserve(void *array, size_t *capacity, size_t count, size_t first, size_t size)
{
    if (count <= *capacity) {
        return CH_OK;
    }
    if (count > SIZE_MAX / 2 / size) {
        return CH_NO_MEMORY;
    }
    size_t larger = *capacity == 0 ? first : *capacity * 2;
    if (larger < count) {
        larger = count;
    }
    /* Copied, not cast: a pointer to elements is no void *. */
    void *elements;
    memcpy(&elements, array, sizeof elements);
    elements = realloc(elements, larger * size);
    if (elements == NULL) {
        return CH_NO_MEMORY;
    }
    memcpy(array, &elements, sizeof elements);
    *capacity = larger;
    return CH_OK;
}
