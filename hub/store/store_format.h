/* store_format.h - the file FORMAT and the hub key's file. */
#ifndef CH_STORE_STORE_FORMAT_H
#define CH_STORE_STORE_FORMAT_H

#include "hub/base/random.h"
#include "hub/store/record.h"

typedef struct ch_store_format {
    char hub_code[CH_CODE_MAX + 1];
    uint32_t epoch;
    uint8_t key_check[CH_DIGEST_SIZE];
    bool is_backup; /* nobody has served from it yet: whoever does begins the next epoch */
} ch_store_format;

/* CH_NOT_FOUND (no FORMAT), CH_UNSUPPORTED (newer), CH_CORRUPT, CH_IO. */
ch_status ch_store_format_read(const char *dir, ch_store_format *out_format, ch_error *error) CH_MUST_CHECK;
void ch_store_format_print(ch_buf *out, const ch_store_format *format);

/* CH_NOT_FOUND, CH_INVALID (not 32 bytes, or others may open it), CH_IO. */
ch_status ch_hub_key_read(const char *path, uint8_t out_key[CH_KEY_SIZE], ch_error *error) CH_MUST_CHECK;
ch_status ch_hub_key_make(const char *path, const ch_random *random, uint8_t out_key[CH_KEY_SIZE],
                          ch_error *error) CH_MUST_CHECK;
/* Tells keys apart and says nothing about them. */
void ch_hub_key_check(const uint8_t key[CH_KEY_SIZE], uint8_t out_check[CH_DIGEST_SIZE]);

#endif
