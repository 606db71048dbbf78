#include "hub/store/crc32c.h"

#include <isa-l/crc.h>

/* The library takes an int for the size, and neither inverts the first value nor the last. */
uint32_t ch_crc32c(uint32_t crc, const void *bytes, size_t size)
{
    unsigned char *at = (unsigned char *)(uintptr_t)bytes;
    crc = ~crc;
    while (size > 0) {
        size_t part = size < (size_t)1 << 30 ? size : (size_t)1 << 30;
        crc = crc32_iscsi(at, (int)part, crc);
        at += part;
        size -= part;
    }
    return ~crc;
}
