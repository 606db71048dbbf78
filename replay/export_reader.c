#include "replay/export_reader.h"

#include "hub/store/disk_file.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

/* An event of 256 KiB, every byte of it escaped. */
#define LINE_LIMIT ((size_t)2 << 20)

struct ch_export_reader {
    FILE *file;
    char path[CH_PATH_SIZE];
    ch_buf line;
    ch_export_header header;
    crypto_generichash_state *hash; /* wants more alignment than calloc gives */
    uint64_t line_number, count;
};

static ch_status fail(const ch_export_reader *reader, ch_status status, const char *text, ch_error *error)
{
    char where[160];
    snprintf(where, sizeof where, "%.120s:%" PRIu64, reader->path, reader->line_number);
    return ch_error_set(error, status, where, "%s", text);
}

/* One line, its LF included. CH_END at the end of the file. */
static ch_status read_line(ch_export_reader *reader, ch_error *error)
{
    int byte;
    ch_buf_clear(&reader->line);
    reader->line_number++;
    while ((byte = getc_unlocked(reader->file)) != EOF) {
        const char as_char = (char)byte;
        ch_buf_append(&reader->line, &as_char, 1);
        if (byte == '\n') {
            break;
        }
    }
    if (ferror(reader->file)) {
        return fail(reader, CH_IO, strerror(errno), error);
    }
    if (reader->line.failed != CH_OK) {
        return reader->line.failed == CH_TOO_LARGE
                   ? fail(reader, CH_CORRUPT, "the line is longer than any event", error)
                   : fail(reader, reader->line.failed, "no memory for a line", error);
    }
    if (byte == EOF) {
        return reader->line.size == 0 ? CH_END
                                      : fail(reader, CH_CORRUPT, "the last line is cut short", error);
    }
    return CH_OK;
}

/* Without its LF, which a zero replaces. */
static ch_str line_of(ch_export_reader *reader)
{
    reader->line.at[reader->line.size - 1] = '\0';
    return (ch_str){(const char *)reader->line.at, reader->line.size - 1};
}

static void add_to_hash(ch_export_reader *reader)
{
    crypto_generichash_update(reader->hash, reader->line.at, reader->line.size);
}

static ch_status read_header(ch_export_reader *reader, ch_error *error)
{
    ch_status status = read_line(reader, error);
    if (status != CH_OK) {
        return status == CH_END ? fail(reader, CH_CORRUPT, "the file is empty", error) : status;
    }
    add_to_hash(reader);
    status = ch_export_header_parse(line_of(reader), &reader->header);
    return status == CH_OK ? CH_OK
                           : fail(reader, status,
                                  status == CH_UNSUPPORTED ? "an export of a newer program"
                                                           : "is no export, or its header is damaged",
                                  error);
}

static ch_status open_reader(ch_export_reader *reader, const char *path, ch_error *error)
{
    reader->hash = aligned_alloc(_Alignof(crypto_generichash_state), sizeof *reader->hash);
    if (reader->hash == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, path, "no memory to read it");
    }
    crypto_generichash_init(reader->hash, NULL, 0, CH_HASH_SIZE);
    if (ch_str_copy(reader->path, sizeof reader->path, ch_str_of(path)) != CH_OK) {
        return ch_error_set(error, CH_INVALID, path, "the path is too long");
    }
    reader->file = fopen(path, "rbe");
    if (reader->file == NULL) {
        return errno == ENOENT ? ch_error_set(error, CH_NOT_FOUND, path, "is not there")
                               : ch_disk_fail(error, path, "cannot be opened");
    }
    return read_header(reader, error);
}

ch_status ch_export_reader_open(ch_export_reader **out_reader, const char *path, ch_error *error)
{
    ch_export_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, path, "no memory to read it");
    }
    ch_buf_init(&reader->line, LINE_LIMIT);
    ch_status status = open_reader(reader, path, error);
    if (status != CH_OK) {
        ch_export_reader_close(reader);
        return status;
    }
    *out_reader = reader;
    return CH_OK;
}

void ch_export_reader_close(ch_export_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    if (reader->file != NULL) {
        fclose(reader->file);
    }
    ch_buf_done(&reader->line);
    free(reader->hash);
    free(reader);
}

const ch_export_header *ch_export_reader_header(const ch_export_reader *reader)
{
    return &reader->header;
}

uint64_t ch_export_reader_line(const ch_export_reader *reader)
{
    return reader->line_number;
}

static ch_status check_trailer(ch_export_reader *reader, const ch_export_trailer *trailer, ch_error *error)
{
    uint8_t hash[CH_HASH_SIZE];
    char hex[CH_HEX_SIZE];
    crypto_generichash_final(reader->hash, hash, sizeof hash);
    sodium_bin2hex(hex, sizeof hex, hash, sizeof hash);
    if (trailer->count != reader->count || reader->count != reader->header.last - reader->header.first + 1) {
        return fail(reader, CH_CORRUPT, "events are missing, or there are too many", error);
    }
    if (strcmp(hex, trailer->hash) != 0) {
        return fail(reader, CH_CORRUPT, "the lines before it are not what was exported: their hash differs",
                    error);
    }
    ch_status status = read_line(reader, error);
    return status == CH_OK ? fail(reader, CH_CORRUPT, "there is more behind the end of the export", error)
                           : status;
}

ch_status ch_export_reader_next(ch_export_reader *reader, ch_str *out_line, ch_error *error)
{
    ch_export_trailer trailer;
    ch_status status = read_line(reader, error);
    if (status != CH_OK) {
        return status == CH_END ? fail(reader, CH_CORRUPT, "the file is cut short: its end is missing", error)
                                : status;
    }
    ch_str whole = ch_buf_str(&reader->line);
    status = ch_export_trailer_parse((ch_str){whole.at, whole.size - 1}, &trailer);
    if (status == CH_OK) {
        return check_trailer(reader, &trailer, error);
    }
    if (status != CH_NOT_FOUND) {
        return fail(reader, status, "the end of the export is damaged", error);
    }
    add_to_hash(reader);
    reader->count++;
    *out_line = line_of(reader);
    return CH_OK;
}
