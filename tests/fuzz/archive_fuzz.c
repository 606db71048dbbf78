/* An archive that somebody hands over. The first byte says how the rest is taken: as the file itself; as one whose
 * checksums are made right, since whoever forges it can do so; or as the records of one block.
 */
#include "tests/fuzz/fuzz.h"

#include "hub/store/archive_reader.h"
#include "hub/store/crc32c.h"

#include <sodium.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zstd.h>

#define FILE_MOST ((size_t)64 * 1024)

enum { AS_IT_IS, MENDED, RECORDS, WAYS };

static void hash(uint8_t out[CH_HASH_SIZE], const void *bytes, size_t size)
{
    crypto_generichash(out, CH_HASH_SIZE, bytes, size, NULL, 0);
}

/* The checksums of head, blocks and foot, as far as they can be found. */
static void mend(uint8_t *file, size_t size)
{
    size_t at = CH_ARCHIVE_HEAD_SIZE;
    if (size < at) {
        return;
    }
    hash(file + at - CH_HASH_SIZE, file, at - CH_HASH_SIZE);
    while (size - at >= CH_ARCHIVE_BLOCK_SIZE && memcmp(file + at, "BLCK", 4) == 0) {
        uint8_t *block = file + at;
        size_t packed_size = ch_get_be32(block + 24);
        if (packed_size > size - at - CH_ARCHIVE_BLOCK_SIZE) {
            packed_size = size - at - CH_ARCHIVE_BLOCK_SIZE;
        }
        hash(block + 32, block + CH_ARCHIVE_BLOCK_SIZE, packed_size);
        ch_put_be32(block + 4, ch_crc32c(0, block + 8, CH_ARCHIVE_BLOCK_SIZE - 8));
        at += CH_ARCHIVE_BLOCK_SIZE + packed_size;
    }
    if (size - at >= CH_ARCHIVE_FOOT_SIZE) {
        hash(file + at + CH_ARCHIVE_FOOT_HASHED, file, at + CH_ARCHIVE_FOOT_HASHED);
    }
}

/* data: whether sealed parts are said to be in it, then the records with their sizes. The size of the file, 0: there is
 * nothing to pack. */
static size_t wrap(uint8_t file[FILE_MOST], const uint8_t *data, size_t size)
{
    ch_archive_head head = {.hub_code = "ZJ", .epoch = 1, .first = 1, .last = 1000};
    ch_archive_block block = {.first = 1, .count = 0};
    uint8_t *packed = file + CH_ARCHIVE_HEAD_SIZE + CH_ARCHIVE_BLOCK_SIZE;
    if (size < 2) {
        return 0;
    }
    head.with_sealed = data[0] % 2 == 1;
    for (size_t at = 1; size - at >= 4; block.count++) {
        size_t one = ch_get_be32(data + at);
        at = one > size - at - 4 ? size : at + 4 + one;
    }
    block.count = block.count == 0 ? 1 : block.count;
    block.raw_size = (uint32_t)(size - 1);
    size_t room = FILE_MOST - CH_ARCHIVE_HEAD_SIZE - CH_ARCHIVE_BLOCK_SIZE;
    size_t packed_size = ZSTD_compress(packed, room, data + 1, size - 1, 1);
    REQUIRE(!ZSTD_isError(packed_size));
    block.packed_size = (uint32_t)packed_size;
    hash(block.hash, packed, packed_size);
    ch_archive_head_write(file, &head);
    ch_archive_block_write(file + CH_ARCHIVE_HEAD_SIZE, &block);
    return CH_ARCHIVE_HEAD_SIZE + CH_ARCHIVE_BLOCK_SIZE + packed_size;
}

/* It ends; what it gives lies within what its head says, in order; and damage is told with its place. */
static void read_all(ch_archive_reader *reader, size_t size)
{
    const ch_archive_head *head = ch_archive_reader_head(reader);
    uint64_t before = head->first - 1;
    ch_record record;
    ch_error error;
    ch_status status;
    size_t calls = 0;
    while ((status = ch_archive_reader_next(reader, &record, &error)) != CH_END) {
        /* A record has more bytes than this before it is packed, and packing gains no more. */
        REQUIRE(++calls <= 64 * 1024 * (size + 1));
        if (status == CH_OK) {
            REQUIRE(record.sequence > before && record.sequence <= head->last);
            before = record.sequence;
            continue;
        }
        REQUIRE(error.status == status && error.text[0] != '\0');
        if (status != CH_CORRUPT) {
            REQUIRE(status == CH_UNSUPPORTED);
            return;
        }
        ch_archive_damage damage = ch_archive_reader_damage(reader);
        REQUIRE(damage.at_end || (damage.first <= damage.until && damage.until <= head->last));
        before = damage.at_end ? before : damage.until;
    }
}

static void read_file(const uint8_t *file, size_t size)
{
    static int fd = -1;
    char path[32];
    ch_archive_reader *reader;
    ch_error error;
    fd = fd < 0 ? memfd_create("archive", MFD_CLOEXEC) : fd;
    REQUIRE(fd >= 0 && ftruncate(fd, (off_t)size) == 0 && pwrite(fd, file, size, 0) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    ch_status status = ch_archive_reader_open(&reader, path, &error);
    if (status != CH_OK) {
        REQUIRE((status == CH_CORRUPT || status == CH_UNSUPPORTED) && error.text[0] != '\0');
        return;
    }
    read_all(reader, size);
    ch_archive_reader_close(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t file[FILE_MOST];
    if (size < 2 || size > FILE_MOST / 2) {
        return 0;
    }
    size_t file_size = size - 1;
    if (data[0] % WAYS == RECORDS) {
        file_size = wrap(file, data + 1, size - 1);
    } else {
        memcpy(file, data + 1, size - 1);
    }
    if (data[0] % WAYS == MENDED) {
        mend(file, file_size);
    }
    read_file(file, file_size);
    return 0;
}
