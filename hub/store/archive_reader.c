#include "hub/store/archive_reader.h"

#include "hub/store/disk_file.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <zstd.h>

struct ch_archive_reader {
    FILE *file;
    char path[CH_PATH_SIZE];
    ch_archive_head head;
    crypto_generichash_state *hash; /* wants more alignment than calloc gives */
    ZSTD_DCtx *unpacker;
    ch_buf raw, packed;
    ch_archive_block block;
    size_t at;         /* in raw */
    uint64_t position; /* last sequence that was given or told of */
    uint32_t given;    /* records of this block */
    uint64_t count, blocks;
    uint8_t chain[CH_HASH_SIZE]; /* of the last record */
    ch_archive_damage damage;
    bool ended, spoilt; /* nothing more can be found; something was damaged */
};

static ch_status fail(const ch_archive_reader *reader, ch_status status, const char *text, ch_error *error)
{
    return ch_error_set(error, status, reader->path, "%s", text);
}

/* CH_END: the file ends before. */
static ch_status read_bytes(ch_archive_reader *reader, void *out, size_t size, ch_error *error)
{
    if (fread(out, 1, size, reader->file) == size) {
        return CH_OK;
    }
    return ferror(reader->file) ? ch_disk_fail(error, reader->path, "cannot be read") : CH_END;
}

static ch_status read_head(ch_archive_reader *reader, ch_error *error)
{
    uint8_t bytes[CH_ARCHIVE_HEAD_SIZE];
    ch_status status = read_bytes(reader, bytes, sizeof bytes, error);
    if (status == CH_OK) {
        crypto_generichash_update(reader->hash, bytes, sizeof bytes);
        status = ch_archive_head_read(bytes, &reader->head);
    }
    switch (status) {
    case CH_END: return fail(reader, CH_CORRUPT, "is cut short: not even its head is whole", error);
    case CH_CORRUPT: return fail(reader, CH_CORRUPT, "is no archive, or its head is damaged", error);
    case CH_UNSUPPORTED: return fail(reader, CH_UNSUPPORTED, "an archive of a newer program", error);
    default: break;
    }
    reader->position = reader->head.first - 1;
    memcpy(reader->chain, reader->head.chain_before, CH_HASH_SIZE);
    return status;
}

static ch_status open_parts(ch_archive_reader *reader, const char *path, ch_error *error)
{
    if (ch_str_copy(reader->path, sizeof reader->path, ch_str_of(path)) != CH_OK) {
        return ch_error_set(error, CH_INVALID, path, "the path is too long");
    }
    reader->hash = aligned_alloc(_Alignof(crypto_generichash_state), sizeof *reader->hash);
    reader->unpacker = ZSTD_createDCtx();
    if (reader->hash == NULL || reader->unpacker == NULL) {
        return fail(reader, CH_NO_MEMORY, "no memory to read it", error);
    }
    crypto_generichash_init(reader->hash, NULL, 0, CH_HASH_SIZE);
    reader->file = fopen(path, "rbe");
    if (reader->file == NULL) {
        return errno == ENOENT ? fail(reader, CH_NOT_FOUND, "is not there", error)
                               : ch_disk_fail(error, path, "cannot be opened");
    }
    return read_head(reader, error);
}

ch_status ch_archive_reader_open(ch_archive_reader **out_reader, const char *path, ch_error *error)
{
    ch_archive_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, path, "no memory to read it");
    }
    ch_buf_init(&reader->raw, CH_ARCHIVE_BLOCK_MOST);
    ch_buf_init(&reader->packed, 2 * CH_ARCHIVE_BLOCK_MOST);
    ch_status status = open_parts(reader, path, error);
    if (status != CH_OK) {
        ch_archive_reader_close(reader);
        return status;
    }
    *out_reader = reader;
    return CH_OK;
}

void ch_archive_reader_close(ch_archive_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    if (reader->file != NULL) {
        fclose(reader->file);
    }
    ZSTD_freeDCtx(reader->unpacker);
    free(reader->hash);
    ch_buf_done(&reader->raw);
    ch_buf_done(&reader->packed);
    free(reader);
}

const ch_archive_head *ch_archive_reader_head(const ch_archive_reader *reader)
{
    return &reader->head;
}

ch_archive_damage ch_archive_reader_damage(const ch_archive_reader *reader)
{
    return reader->damage;
}

/* Where the next block begins, if there is one, is not known. */
static ch_status tell_bad_end(ch_archive_reader *reader, const char *text, ch_error *error)
{
    reader->ended = reader->spoilt = true;
    reader->damage =
        (ch_archive_damage){.first = reader->position + 1, .until = reader->head.last, .at_end = true};
    return fail(reader, CH_CORRUPT, text, error);
}

static ch_status tell_rest_lost(ch_archive_reader *reader, ch_error *error)
{
    uint64_t first = reader->position + 1;
    reader->ended = reader->spoilt = true;
    reader->damage = (ch_archive_damage){.first = first, .until = reader->head.last};
    return first > reader->head.last
               ? tell_bad_end(reader, "its end is damaged", error)
               : ch_error_set(error, CH_CORRUPT, reader->path,
                              "from record %" PRIu64 " on it is damaged so that nothing more can be found",
                              first);
}

/* What is left of the block is given up. */
static ch_status tell_block_lost(ch_archive_reader *reader, const char *text, ch_error *error)
{
    const ch_archive_block *block = &reader->block;
    uint64_t until = block->first - 1 + block->count;
    reader->spoilt = true;
    if (until <= reader->position || until > reader->head.last) {
        return tell_rest_lost(reader, error);
    }
    reader->damage = (ch_archive_damage){.first = reader->position + 1, .until = until};
    reader->given = block->count;
    reader->position = until;
    return ch_error_set(error, CH_CORRUPT, reader->path,
                        "the block with records %" PRIu64 " to %" PRIu64 ": %s", block->first, until, text);
}

static ch_status check_foot(ch_archive_reader *reader, const ch_archive_foot *foot, ch_error *error)
{
    uint8_t hash[CH_HASH_SIZE];
    if (reader->spoilt) {
        return CH_END;
    }
    crypto_generichash_final(reader->hash, hash, sizeof hash);
    if (memcmp(hash, foot->hash, sizeof hash) != 0) {
        return tell_bad_end(reader, "it is not what was exported: the hash over all of it differs", error);
    }
    if (foot->count != reader->count || foot->blocks != reader->blocks ||
        memcmp(foot->chain, reader->chain, CH_HASH_SIZE) != 0 ||
        memcmp(foot->chain, reader->head.chain, CH_HASH_SIZE) != 0) {
        return tell_bad_end(reader, "its head, its records and its end do not belong together", error);
    }
    if (getc(reader->file) != EOF) {
        return tell_bad_end(reader, "there is more behind its end", error);
    }
    return CH_END;
}

/* The bytes of a block's size that were read may be the beginning of the foot. */
static ch_status read_foot(ch_archive_reader *reader, const uint8_t begun[CH_ARCHIVE_BLOCK_SIZE],
                           ch_error *error)
{
    uint8_t bytes[CH_ARCHIVE_FOOT_SIZE];
    ch_archive_foot foot;
    _Static_assert(CH_ARCHIVE_BLOCK_SIZE == CH_ARCHIVE_FOOT_HASHED,
                   "what is hashed of the foot is read first");
    memcpy(bytes, begun, CH_ARCHIVE_BLOCK_SIZE);
    ch_status status = read_bytes(reader, bytes + CH_ARCHIVE_BLOCK_SIZE, CH_HASH_SIZE, error);
    if (status != CH_OK && status != CH_END) {
        return status;
    }
    if (status == CH_END || ch_archive_foot_read(bytes, &foot) != CH_OK) {
        return tell_rest_lost(reader, error);
    }
    reader->ended = true;
    return check_foot(reader, &foot, error);
}

static ch_status unpack(ch_archive_reader *reader, ch_error *error)
{
    const ch_archive_block *block = &reader->block;
    uint8_t hash[CH_HASH_SIZE];
    crypto_generichash(hash, sizeof hash, reader->packed.at, reader->packed.size, NULL, 0);
    if (memcmp(hash, block->hash, sizeof hash) != 0) {
        return tell_block_lost(reader, "its bytes are not those that were written", error);
    }
    ch_buf_clear(&reader->raw);
    void *raw = ch_buf_extend(&reader->raw, block->raw_size);
    if (raw == NULL) {
        return fail(reader, CH_NO_MEMORY, "no memory for a block", error);
    }
    size_t size =
        ZSTD_decompressDCtx(reader->unpacker, raw, block->raw_size, reader->packed.at, reader->packed.size);
    return !ZSTD_isError(size) && size == block->raw_size
               ? CH_OK
               : tell_block_lost(reader, "it cannot be unpacked", error);
}

/* CH_END behind the foot. */
static ch_status read_block(ch_archive_reader *reader, ch_error *error)
{
    uint8_t bytes[CH_ARCHIVE_BLOCK_SIZE];
    ch_status status = read_bytes(reader, bytes, sizeof bytes, error);
    if (status == CH_OK) {
        crypto_generichash_update(reader->hash, bytes, sizeof bytes);
        status = ch_archive_block_read(bytes, &reader->block);
        if (status != CH_OK) {
            return status == CH_NOT_FOUND ? read_foot(reader, bytes, error) : tell_rest_lost(reader, error);
        }
        ch_buf_clear(&reader->packed);
        void *packed = ch_buf_extend(&reader->packed, reader->block.packed_size);
        status = packed == NULL ? fail(reader, CH_NO_MEMORY, "no memory for a block", error)
                                : read_bytes(reader, packed, reader->block.packed_size, error);
    }
    if (status == CH_END) {
        return tell_bad_end(reader, "is cut short: its end is missing", error);
    }
    if (status != CH_OK) {
        return status;
    }
    crypto_generichash_update(reader->hash, reader->packed.at, reader->packed.size);
    reader->blocks++;
    reader->at = 0;
    reader->given = 0;
    return unpack(reader, error);
}

static ch_status decode(const ch_archive_reader *reader, ch_str bytes, ch_record *out_record)
{
    return reader->head.with_sealed ? ch_record_decode(bytes, out_record)
                                    : ch_record_decode_cut(bytes, out_record);
}

/* The hash of its block is right, so a record that makes no sense was written so. */
static ch_status read_record(ch_archive_reader *reader, ch_record *out_record, ch_error *error)
{
    size_t left = reader->raw.size - reader->at;
    const uint8_t *at = reader->raw.at + reader->at;
    size_t size = left < 4 ? 0 : ch_get_be32(at);
    if (left < 4 || size > left - 4) {
        return tell_block_lost(reader, "a record goes beyond its end", error);
    }
    ch_status status = decode(reader, (ch_str){(const char *)at + 4, size}, out_record);
    if (status == CH_UNSUPPORTED) {
        return fail(reader, status, "holds records of a newer program", error);
    }
    if (status != CH_OK || out_record->sequence <= reader->position ||
        out_record->sequence > reader->head.last) {
        return tell_block_lost(reader, "it holds what is no record of it", error);
    }
    reader->at += 4 + size;
    reader->given++;
    if ((reader->given == reader->block.count) != (reader->at == reader->raw.size)) {
        return tell_block_lost(reader, "it does not hold as many records as it says", error);
    }
    reader->position = out_record->sequence;
    reader->count++;
    memcpy(reader->chain, out_record->chain, CH_HASH_SIZE);
    return CH_OK;
}

ch_status ch_archive_reader_next(ch_archive_reader *reader, ch_record *out_record, ch_error *error)
{
    ch_status status = CH_OK;
    if (reader->ended) {
        return CH_END;
    }
    if (reader->given == reader->block.count) {
        status = read_block(reader, error);
    }
    return status == CH_OK ? read_record(reader, out_record, error) : status;
}
