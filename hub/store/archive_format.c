#include "hub/store/archive_format.h"

#include "hub/store/crc32c.h"

#include <sodium.h>

static const char magic[CH_ARCHIVE_MAGIC_SIZE] = {'c', 'a', 's', 'e', 'h', 'u', 'b', '\x1a'};
static const char block_tag[4] = {'B', 'L', 'C', 'K'}, foot_tag[4] = {'F', 'O', 'O', 'T'};

#define WITH_SEALED 1
#define CODE_AT 112
#define CODE_SIZE 64
#define REST_AT (CODE_AT + CODE_SIZE)
#define HEAD_HASH_AT (CH_ARCHIVE_HEAD_SIZE - CH_HASH_SIZE)
_Static_assert(CODE_SIZE == CH_CODE_MAX + 1, "a hub code and its zero");

bool ch_archive_is(ch_str beginning)
{
    return ch_str_starts(beginning, (ch_str){magic, sizeof magic});
}

void ch_archive_head_write(uint8_t out[CH_ARCHIVE_HEAD_SIZE], const ch_archive_head *head)
{
    memset(out, 0, CH_ARCHIVE_HEAD_SIZE);
    memcpy(out, magic, sizeof magic);
    ch_put_be16(out + 8, CH_ARCHIVE_FORMAT);
    ch_put_be16(out + 10, head->with_sealed ? WITH_SEALED : 0);
    ch_put_be32(out + 12, head->epoch);
    ch_put_be64(out + 16, head->first);
    ch_put_be64(out + 24, head->last);
    memcpy(out + 32, head->chain_before, CH_HASH_SIZE);
    memcpy(out + 64, head->chain, CH_HASH_SIZE);
    memcpy(out + 96, head->key_check, CH_DIGEST_SIZE);
    memcpy(out + CODE_AT, head->hub_code, strlen(head->hub_code));
    crypto_generichash(out + HEAD_HASH_AT, CH_HASH_SIZE, out, HEAD_HASH_AT, NULL, 0);
}

static bool is_zero(const uint8_t *bytes, size_t size)
{
    return sodium_is_zero(bytes, size) == 1;
}

static bool hash_is_right(const uint8_t bytes[CH_ARCHIVE_HEAD_SIZE])
{
    uint8_t hash[CH_HASH_SIZE];
    crypto_generichash(hash, sizeof hash, bytes, HEAD_HASH_AT, NULL, 0);
    return memcmp(hash, bytes + HEAD_HASH_AT, sizeof hash) == 0;
}

ch_status ch_archive_head_read(const uint8_t bytes[CH_ARCHIVE_HEAD_SIZE], ch_archive_head *out_head)
{
    ch_archive_head head;
    if (memcmp(bytes, magic, sizeof magic) != 0) {
        return CH_CORRUPT;
    }
    if (ch_get_be16(bytes + 8) > CH_ARCHIVE_FORMAT) {
        return CH_UNSUPPORTED;
    }
    uint16_t flags = ch_get_be16(bytes + 10);
    head.with_sealed = (flags & WITH_SEALED) != 0;
    head.epoch = ch_get_be32(bytes + 12);
    head.first = ch_get_be64(bytes + 16);
    head.last = ch_get_be64(bytes + 24);
    memcpy(head.chain_before, bytes + 32, CH_HASH_SIZE);
    memcpy(head.chain, bytes + 64, CH_HASH_SIZE);
    memcpy(head.key_check, bytes + 96, CH_DIGEST_SIZE);
    memcpy(head.hub_code, bytes + CODE_AT, CODE_SIZE);
    bool whole = ch_get_be16(bytes + 8) == CH_ARCHIVE_FORMAT && (flags & ~WITH_SEALED) == 0 &&
                 head.epoch > 0 && head.first > 0 && head.last >= head.first - 1 && head.last < UINT64_MAX &&
                 bytes[CODE_AT] != 0 && bytes[REST_AT - 1] == 0 &&
                 is_zero(bytes + REST_AT, HEAD_HASH_AT - REST_AT) && hash_is_right(bytes);
    if (!whole) {
        return CH_CORRUPT;
    }
    *out_head = head;
    return CH_OK;
}

void ch_archive_block_write(uint8_t out[CH_ARCHIVE_BLOCK_SIZE], const ch_archive_block *block)
{
    memset(out, 0, CH_ARCHIVE_BLOCK_SIZE);
    memcpy(out, block_tag, sizeof block_tag);
    ch_put_be64(out + 8, block->first);
    ch_put_be32(out + 16, block->count);
    ch_put_be32(out + 20, block->raw_size);
    ch_put_be32(out + 24, block->packed_size);
    memcpy(out + 32, block->hash, CH_HASH_SIZE);
    ch_put_be32(out + 4, ch_crc32c(0, out + 8, CH_ARCHIVE_BLOCK_SIZE - 8));
}

ch_status ch_archive_block_read(const uint8_t bytes[CH_ARCHIVE_BLOCK_SIZE], ch_archive_block *out_block)
{
    if (memcmp(bytes, block_tag, sizeof block_tag) != 0) {
        return CH_NOT_FOUND;
    }
    if (ch_get_be32(bytes + 4) != ch_crc32c(0, bytes + 8, CH_ARCHIVE_BLOCK_SIZE - 8)) {
        return CH_CORRUPT;
    }
    ch_archive_block block = {.first = ch_get_be64(bytes + 8),
                              .count = ch_get_be32(bytes + 16),
                              .raw_size = ch_get_be32(bytes + 20),
                              .packed_size = ch_get_be32(bytes + 24)};
    memcpy(block.hash, bytes + 32, CH_HASH_SIZE);
    if (block.first == 0 || block.count == 0 || block.raw_size == 0 ||
        block.raw_size > CH_ARCHIVE_BLOCK_MOST || block.packed_size == 0 ||
        block.packed_size > 2 * CH_ARCHIVE_BLOCK_MOST || !is_zero(bytes + 28, 4)) {
        return CH_CORRUPT;
    }
    *out_block = block;
    return CH_OK;
}

void ch_archive_foot_write(uint8_t out[CH_ARCHIVE_FOOT_SIZE], const ch_archive_foot *foot)
{
    memset(out, 0, CH_ARCHIVE_FOOT_SIZE);
    memcpy(out, foot_tag, sizeof foot_tag);
    ch_put_be64(out + 8, foot->count);
    ch_put_be64(out + 16, foot->blocks);
    memcpy(out + 32, foot->chain, CH_HASH_SIZE);
    memcpy(out + CH_ARCHIVE_FOOT_HASHED, foot->hash, CH_HASH_SIZE);
}

ch_status ch_archive_foot_read(const uint8_t bytes[CH_ARCHIVE_FOOT_SIZE], ch_archive_foot *out_foot)
{
    if (memcmp(bytes, foot_tag, sizeof foot_tag) != 0 || !is_zero(bytes + 4, 4) || !is_zero(bytes + 24, 8)) {
        return CH_CORRUPT;
    }
    ch_archive_foot foot = {.count = ch_get_be64(bytes + 8), .blocks = ch_get_be64(bytes + 16)};
    memcpy(foot.chain, bytes + 32, CH_HASH_SIZE);
    memcpy(foot.hash, bytes + CH_ARCHIVE_FOOT_HASHED, CH_HASH_SIZE);
    *out_foot = foot;
    return CH_OK;
}
