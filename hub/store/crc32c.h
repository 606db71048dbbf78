/* crc32c.h - CRC-32C (Castagnoli), as iSCSI, ext4 and btrfs use it; of "123456789" it is e3069283. */
#ifndef CH_STORE_CRC32C_H
#define CH_STORE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Of what `crc` is the crc of (0: nothing), followed by these bytes. */
uint32_t ch_crc32c(uint32_t crc, const void *bytes, size_t size);

#endif
