/* archive_format.h - records of a log in one file that proves itself, format 1. Integers big-endian, H is BLAKE2b-256.
 *
 *   head, blocks, foot
 *
 * head, 256 bytes                              block: 64 bytes, then its records packed as one zstd frame
 *    0  8  "casehub" and 0x1a                      0  4  "BLCK"
 *    8  2  format (1)                              4  4  crc32c of bytes 8 to 63
 *   10  2  flags: 1 with sealed parts              8  8  sequence of its first record
 *   12  4  epoch                                  16  4  records in it, from 1 on
 *   16  8  first sequence, 24  8  the last        20  4  bytes of the records, 24  4  bytes packed
 *   32 32  chain before the first record          28  4  zero
 *   64 32  chain of the last record               32 32  H(packed bytes)
 *   96 16  check of the hub key                  foot, 96 bytes
 *  112 64  hub code, then zeros                    0  4  "FOOT",  4  4  zero
 *  176 48  zeros                                   8  8  records, 16  8  blocks, 24  8  zero
 *  224 32  H(bytes 0 to 223)                      32 32  chain of the last record
 *                                                 64 32  H(all bytes of the file before these)
 *
 * A record is its size (4) and its bytes as in the log (record.h); without the flag its sealed part is cut away, and its
 * own crc covers more than is there: the chain vouches for it either way. Sequences grow; whether there are gaps is for
 * the reader to judge. An empty log has first 1, last 0 and chains of zeros. No time is in it: the same records give the
 * same file.
 */
#ifndef CH_STORE_ARCHIVE_FORMAT_H
#define CH_STORE_ARCHIVE_FORMAT_H

#include "hub/store/record.h"

#define CH_ARCHIVE_FORMAT 1
#define CH_ARCHIVE_HEAD_SIZE 256
#define CH_ARCHIVE_BLOCK_SIZE 64
#define CH_ARCHIVE_FOOT_SIZE 96
#define CH_ARCHIVE_FOOT_HASHED 64
#define CH_ARCHIVE_MAGIC_SIZE 8
/* A block is closed when its records are as large as this, and is never larger than that. */
#define CH_ARCHIVE_BLOCK_BYTES ((size_t)1 << 20)
#define CH_ARCHIVE_BLOCK_MOST ((size_t)8 << 20)

typedef struct ch_archive_head {
    char hub_code[CH_CODE_MAX + 1];
    uint32_t epoch;
    uint64_t first, last;
    uint8_t chain_before[CH_HASH_SIZE], chain[CH_HASH_SIZE];
    uint8_t key_check[CH_DIGEST_SIZE];
    bool with_sealed;
} ch_archive_head;

typedef struct ch_archive_block {
    uint64_t first;
    uint32_t count, raw_size, packed_size;
    uint8_t hash[CH_HASH_SIZE];
} ch_archive_block;

typedef struct ch_archive_foot {
    uint64_t count, blocks;
    uint8_t chain[CH_HASH_SIZE], hash[CH_HASH_SIZE];
} ch_archive_foot;

/* Do the first bytes of a file say that it is an archive? */
bool ch_archive_is(ch_str beginning);

void ch_archive_head_write(uint8_t out[CH_ARCHIVE_HEAD_SIZE], const ch_archive_head *head);
/* CH_UNSUPPORTED: a newer format. CH_CORRUPT. */
ch_status ch_archive_head_read(const uint8_t bytes[CH_ARCHIVE_HEAD_SIZE],
                               ch_archive_head *out_head) CH_MUST_CHECK;
void ch_archive_block_write(uint8_t out[CH_ARCHIVE_BLOCK_SIZE], const ch_archive_block *block);
/* CH_NOT_FOUND: no block begins here (perhaps the foot). CH_CORRUPT: a damaged one. */
ch_status ch_archive_block_read(const uint8_t bytes[CH_ARCHIVE_BLOCK_SIZE],
                                ch_archive_block *out_block) CH_MUST_CHECK;
/* The bytes before CH_ARCHIVE_FOOT_HASHED enter the hash that stands behind them. */
void ch_archive_foot_write(uint8_t out[CH_ARCHIVE_FOOT_SIZE], const ch_archive_foot *foot);
/* CH_CORRUPT: no foot. */
ch_status ch_archive_foot_read(const uint8_t bytes[CH_ARCHIVE_FOOT_SIZE],
                               ch_archive_foot *out_foot) CH_MUST_CHECK;

#endif
