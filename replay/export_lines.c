/* JSON lines: the public part of each event as text (export_format.h). */
#include "replay/export_format.h"
#include "replay/export_run.h"

#include <inttypes.h>
#include <sodium.h>

#define LINE_LIMIT ((size_t)4 << 20)

typedef struct lines {
    FILE *file;
    const char *name;
    crypto_generichash_state hash;
    ch_buf line;
} lines;

static ch_status write_bytes(const lines *into, ch_error *error)
{
    const ch_buf *line = &into->line;
    if (line->failed != CH_OK) {
        return ch_error_set(error, line->failed, NULL, "no memory for a line");
    }
    return fwrite(line->at, 1, line->size, into->file) == line->size
               ? CH_OK
               : ch_disk_fail(error, into->name, "cannot be written");
}

static ch_status write_line(lines *into, ch_error *error)
{
    ch_status status = write_bytes(into, error);
    if (status == CH_OK) {
        crypto_generichash_update(&into->hash, into->line.at, into->line.size);
        ch_buf_clear(&into->line);
    }
    return status;
}

static ch_status put(void *context, const ch_tape_item *item, ch_error *error)
{
    lines *into = context;
    ch_status status = ch_event_to_json(&into->line, item->encoded);
    if (status != CH_OK) {
        return ch_error_set(error, status, NULL, "record %" PRIu64 " cannot be written", item->sequence);
    }
    ch_buf_append(&into->line, "\n", 1);
    return write_line(into, error);
}

static ch_status write_header(const ch_export *run, lines *into, ch_error *error)
{
    ch_export_header header = {.epoch = run->place.epoch, .first = run->first, .last = run->last};
    memcpy(header.hub_code, run->place.hub_code, sizeof header.hub_code);
    sodium_bin2hex(header.chain, sizeof header.chain, run->chain, CH_HASH_SIZE);
    ch_export_header_print(&into->line, &header);
    return write_line(into, error);
}

static ch_status write_trailer(const ch_export *run, lines *into, uint8_t out_hash[CH_HASH_SIZE],
                               ch_error *error)
{
    ch_export_trailer trailer = {.count = run->count};
    crypto_generichash_final(&into->hash, out_hash, CH_HASH_SIZE);
    sodium_bin2hex(trailer.hash, sizeof trailer.hash, out_hash, CH_HASH_SIZE);
    ch_export_trailer_print(&into->line, &trailer);
    return write_bytes(into, error);
}

ch_status ch_export_write_lines(ch_export *run, FILE *file, uint8_t out_hash[CH_HASH_SIZE], ch_error *error)
{
    lines into = {.file = file, .name = run->replay->options->output};
    crypto_generichash_init(&into.hash, NULL, 0, CH_HASH_SIZE);
    ch_buf_init(&into.line, LINE_LIMIT);
    ch_status status = write_header(run, &into, error);
    if (status == CH_OK) {
        status = ch_export_walk(run, put, &into, error);
    }
    if (status == CH_OK) {
        status = write_trailer(run, &into, out_hash, error);
    }
    ch_buf_done(&into.line);
    return status;
}
