#include "hub/config/rules_files.h"

#include "hub/config/text_file.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>
#include <zstd.h>

#define LEVEL 9
#define HASH_BYTES 32

static ch_status look_at(const char *path, ch_rules_file *file, ch_error *error)
{
    struct stat found;
    if (stat(path, &found) != 0) {
        return ch_error_set(error, errno == ENOENT ? CH_NOT_FOUND : CH_IO, path, "%s", strerror(errno));
    }
    file->size = found.st_size;
    file->modified_ns = (int64_t)found.st_mtim.tv_sec * 1000000000 + found.st_mtim.tv_nsec;
    return CH_OK;
}

ch_status ch_rules_note_file(ch_rules *rules, bool of_city, const char *path, ch_error *error)
{
    ch_rules_files *files = &rules->files;
    const char *slash = strrchr(path, '/');
    ch_rules_file file = {.path = ch_arena_str(&rules->arena, ch_str_of(path)).at};
    for (size_t i = 0; i < files->count; i++) {
        if (strcmp(files->at[i].path, path) == 0) {
            return CH_OK;
        }
    }
    if (file.path == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, path, "no memory to read it");
    }
    if (files->count == CH_RULES_FILES_MAX) {
        return ch_error_set(error, CH_INVALID, path, "rules come from at most %d files", CH_RULES_FILES_MAX);
    }
    if (snprintf(file.name, sizeof file.name, "%s%s", of_city ? "city/" : "",
                 slash == NULL ? path : slash + 1) >= (int)sizeof file.name) {
        return ch_error_set(error, CH_INVALID, path, "its name is too long");
    }
    ch_status status = look_at(path, &file, error);
    if (status == CH_OK) {
        files->at[files->count++] = file;
    }
    return status;
}

static void to_hex(const uint8_t hash[HASH_BYTES], char out_hash[CH_RULES_HASH_SIZE])
{
    sodium_bin2hex(out_hash, CH_RULES_HASH_SIZE, hash, HASH_BYTES);
}

void ch_rules_file_hash(ch_str content, char out_hash[CH_RULES_HASH_SIZE])
{
    uint8_t hash[HASH_BYTES];
    crypto_generichash(hash, sizeof hash, (const uint8_t *)content.at, content.size, NULL, 0);
    to_hex(hash, out_hash);
}

/* Over names and hashes, each with its zero. */
static void hash_all(ch_rules_files *files)
{
    crypto_generichash_state state;
    uint8_t hash[HASH_BYTES];
    crypto_generichash_init(&state, NULL, 0, sizeof hash);
    for (size_t i = 0; i < files->count; i++) {
        const ch_rules_file *file = &files->at[i];
        crypto_generichash_update(&state, (const uint8_t *)file->name, strlen(file->name) + 1);
        crypto_generichash_update(&state, (const uint8_t *)file->hash, CH_RULES_HASH_SIZE);
    }
    crypto_generichash_final(&state, hash, sizeof hash);
    to_hex(hash, files->hash);
}

/* What the rules were made of is what goes on record: a file that somebody wrote meanwhile is read again with the others. */
static ch_status read_file(ch_rules_file *file, ch_buf *raw, ch_error *error)
{
    ch_rules_file now = {.size = 0};
    size_t begun = raw->size;
    ch_status status = ch_raw_file_read(raw, file->path, error);
    if (status == CH_OK) {
        status = look_at(file->path, &now, error);
    }
    if (status != CH_OK) {
        return status;
    }
    if (now.size != file->size || now.modified_ns != file->modified_ns ||
        (int64_t)(raw->size - begun) != file->size) {
        return ch_error_set(error, CH_BUSY, file->path, "was changed while it was read");
    }
    ch_rules_file_hash((ch_str){(const char *)raw->at + begun, raw->size - begun}, file->hash);
    return CH_OK;
}

static ch_status compress(ch_rules *rules, const ch_buf *raw, ch_error *error)
{
    ch_buf packed;
    size_t bound = ZSTD_compressBound(raw->size);
    ch_buf_init(&packed, bound);
    uint8_t *room = ch_buf_extend(&packed, bound);
    size_t size = room == NULL ? 0 : ZSTD_compress(room, bound, raw->at, raw->size, LEVEL);
    ch_status status = room == NULL || ZSTD_isError(size) ? CH_NO_MEMORY : CH_OK;
    if (status == CH_OK && size > CH_RULES_PACKED_MAX) {
        status = ch_error_set(error, CH_TOO_LARGE, "rules", "compressed they have more than %zu bytes",
                              CH_RULES_PACKED_MAX);
    } else if (status == CH_OK) {
        rules->files.packed = ch_arena_str(&rules->arena, (ch_str){(const char *)room, size});
        status = rules->files.packed.at == NULL ? CH_NO_MEMORY : CH_OK;
    }
    if (status == CH_NO_MEMORY) {
        ch_error_set(error, status, "rules", "no memory to pack them");
    }
    ch_buf_done(&packed);
    return status;
}

ch_status ch_rules_pack(ch_rules *rules, ch_error *error)
{
    ch_buf raw;
    ch_status status = CH_OK;
    ch_buf_init(&raw, CH_RULES_RAW_MAX);
    for (size_t i = 0; status == CH_OK && i < rules->files.count; i++) {
        status = read_file(&rules->files.at[i], &raw, error);
    }
    if (status == CH_OK) {
        hash_all(&rules->files);
        status = compress(rules, &raw, error);
    }
    ch_buf_done(&raw);
    return status;
}

ch_status ch_rules_unpack(ch_buf *out, ch_str packed, size_t size_bytes)
{
    size_t begun = out->size;
    uint8_t *room = ch_buf_extend(out, size_bytes);
    if (room == NULL && size_bytes > 0) {
        return out->failed;
    }
    size_t size = ZSTD_decompress(room, size_bytes, packed.at, packed.size);
    if (ZSTD_isError(size) || size != size_bytes) {
        out->size = begun;
        return CH_CORRUPT;
    }
    return CH_OK;
}
