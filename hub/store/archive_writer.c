#include "hub/store/archive_writer.h"

#include "hub/store/disk_file.h"

#include <sodium.h>
#include <stdlib.h>
#include <zstd.h>

#define LEVEL 3

struct ch_archive_writer {
    FILE *file;
    char name[CH_PATH_SIZE];
    ch_archive_head head;
    crypto_generichash_state *hash; /* wants more alignment than calloc gives */
    ZSTD_CCtx *packer;
    ch_buf raw, packed;
    ch_archive_block block;
    ch_archive_foot foot;
};

static ch_status no_memory(const ch_archive_writer *writer, ch_error *error)
{
    return ch_error_set(error, CH_NO_MEMORY, writer->name, "no memory to write it");
}

static ch_status write_bytes(ch_archive_writer *writer, const void *bytes, size_t size, ch_error *error)
{
    if (fwrite(bytes, 1, size, writer->file) != size) {
        return ch_disk_fail(error, writer->name, "cannot be written");
    }
    crypto_generichash_update(writer->hash, bytes, size);
    return CH_OK;
}

static ch_status open_parts(ch_archive_writer *writer, ch_error *error)
{
    uint8_t head[CH_ARCHIVE_HEAD_SIZE];
    writer->hash = aligned_alloc(_Alignof(crypto_generichash_state), sizeof *writer->hash);
    writer->packer = ZSTD_createCCtx();
    if (writer->hash == NULL || writer->packer == NULL) {
        return no_memory(writer, error);
    }
    crypto_generichash_init(writer->hash, NULL, 0, CH_HASH_SIZE);
    ch_archive_head_write(head, &writer->head);
    return write_bytes(writer, head, sizeof head, error);
}

ch_status ch_archive_writer_new(ch_archive_writer **out_writer, FILE *file, const char *name,
                                const ch_archive_head *head, ch_error *error)
{
    ch_archive_writer *writer = calloc(1, sizeof *writer);
    if (writer == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, name, "no memory to write it");
    }
    writer->file = file;
    writer->head = *head;
    ch_str_copy_cut(writer->name, sizeof writer->name, ch_str_of(name));
    ch_buf_init(&writer->raw, CH_ARCHIVE_BLOCK_MOST);
    ch_buf_init(&writer->packed, 2 * CH_ARCHIVE_BLOCK_MOST);
    ch_status status = open_parts(writer, error);
    if (status != CH_OK) {
        ch_archive_writer_free(writer);
        return status;
    }
    *out_writer = writer;
    return CH_OK;
}

void ch_archive_writer_free(ch_archive_writer *writer)
{
    if (writer == NULL) {
        return;
    }
    ZSTD_freeCCtx(writer->packer);
    free(writer->hash);
    ch_buf_done(&writer->raw);
    ch_buf_done(&writer->packed);
    free(writer);
}

static ch_status pack(ch_archive_writer *writer, ch_error *error)
{
    ch_buf_clear(&writer->packed);
    size_t room = ZSTD_compressBound(writer->raw.size);
    void *at = ch_buf_extend(&writer->packed, room);
    if (at == NULL) {
        return no_memory(writer, error);
    }
    size_t size = ZSTD_compressCCtx(writer->packer, at, room, writer->raw.at, writer->raw.size, LEVEL);
    if (ZSTD_isError(size)) {
        return ch_error_set(error, CH_NO_MEMORY, writer->name, "a block cannot be packed: %s",
                            ZSTD_getErrorName(size));
    }
    writer->packed.size = size;
    return CH_OK;
}

static ch_status write_block(ch_archive_writer *writer, ch_error *error)
{
    uint8_t bytes[CH_ARCHIVE_BLOCK_SIZE];
    ch_archive_block *block = &writer->block;
    if (block->count == 0) {
        return CH_OK;
    }
    ch_status status = pack(writer, error);
    if (status != CH_OK) {
        return status;
    }
    block->raw_size = (uint32_t)writer->raw.size;
    block->packed_size = (uint32_t)writer->packed.size;
    crypto_generichash(block->hash, CH_HASH_SIZE, writer->packed.at, writer->packed.size, NULL, 0);
    ch_archive_block_write(bytes, block);
    status = write_bytes(writer, bytes, sizeof bytes, error);
    if (status == CH_OK) {
        status = write_bytes(writer, writer->packed.at, writer->packed.size, error);
    }
    writer->foot.blocks++;
    *block = (ch_archive_block){.count = 0};
    ch_buf_clear(&writer->raw);
    return status;
}

ch_status ch_archive_writer_put(ch_archive_writer *writer, const ch_record *record, ch_error *error)
{
    uint8_t size[4];
    ch_str bytes = ch_record_bytes(record);
    size_t kept = writer->head.with_sealed ? bytes.size : bytes.size - record->sealed.size;
    ch_put_be32(size, (uint32_t)kept);
    ch_buf_append(&writer->raw, size, sizeof size);
    ch_buf_append(&writer->raw, bytes.at, kept);
    if (writer->raw.failed != CH_OK) {
        return ch_error_set(error, writer->raw.failed, writer->name, "no room for a record");
    }
    writer->block.first = writer->block.count == 0 ? record->sequence : writer->block.first;
    writer->block.count++;
    writer->foot.count++;
    memcpy(writer->foot.chain, record->chain, CH_HASH_SIZE);
    return writer->raw.size >= CH_ARCHIVE_BLOCK_BYTES ? write_block(writer, error) : CH_OK;
}

ch_status ch_archive_writer_finish(ch_archive_writer *writer, ch_archive_foot *out_foot, ch_error *error)
{
    uint8_t bytes[CH_ARCHIVE_FOOT_SIZE];
    ch_archive_foot *foot = &writer->foot;
    ch_status status = write_block(writer, error);
    if (status != CH_OK) {
        return status;
    }
    if (foot->count == 0) {
        memcpy(foot->chain, writer->head.chain_before, CH_HASH_SIZE);
    }
    ch_archive_foot_write(bytes, foot);
    status = write_bytes(writer, bytes, CH_ARCHIVE_FOOT_HASHED, error);
    if (status != CH_OK) {
        return status;
    }
    crypto_generichash_final(writer->hash, foot->hash, CH_HASH_SIZE);
    if (fwrite(foot->hash, 1, CH_HASH_SIZE, writer->file) != CH_HASH_SIZE || fflush(writer->file) != 0) {
        return ch_disk_fail(error, writer->name, "cannot be written");
    }
    *out_foot = *foot;
    return CH_OK;
}
