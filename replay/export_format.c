#include "replay/export_format.h"

#include <inttypes.h>
#include <string.h>

void ch_export_header_print(ch_buf *out, const ch_export_header *header)
{
    ch_buf_append_format(out,
                         "{\"format\":\"casehub-export 1\",\"hub\":\"%s\",\"epoch\":%" PRIu32
                         ",\"first\":%" PRIu64 ",\"last\":%" PRIu64 ",\"chain\":\"%s\"}\n",
                         header->hub_code, header->epoch, header->first, header->last, header->chain);
}

void ch_export_trailer_print(ch_buf *out, const ch_export_trailer *trailer)
{
    ch_buf_append_format(out, "{\"end\":\"casehub-export 1\",\"count\":%" PRIu64 ",\"hash\":\"%s\"}\n",
                         trailer->count, trailer->hash);
}

/* Takes the text from the front of *line. */
static bool take_text(ch_str *line, const char *text)
{
    size_t size = strlen(text);
    if (line->size < size || memcmp(line->at, text, size) != 0) {
        return false;
    }
    *line = (ch_str){line->at + size, line->size - size};
    return true;
}

/* As many of these characters as there are, 1 to out_size - 1. */
static bool take_word(ch_str *line, const char *characters, char *out, size_t out_size)
{
    size_t size = 0;
    while (size < line->size && line->at[size] != '\0' && strchr(characters, line->at[size]) != NULL) {
        size++;
    }
    if (size == 0 || size >= out_size) {
        return false;
    }
    memcpy(out, line->at, size);
    out[size] = '\0';
    *line = (ch_str){line->at + size, line->size - size};
    return true;
}

/* A number as it is printed: without zeros before it. */
static bool take_number(ch_str *line, uint64_t *out_number)
{
    char digits[24];
    int64_t number;
    if (!take_word(line, "0123456789", digits, sizeof digits) || (digits[0] == '0' && digits[1] != '\0') ||
        ch_str_to_int(ch_str_of(digits), &number) != CH_OK) {
        return false;
    }
    *out_number = (uint64_t)number;
    return true;
}

static bool take_hex(ch_str *line, char out[CH_HEX_SIZE])
{
    return take_word(line, "0123456789abcdef", out, CH_HEX_SIZE) && strlen(out) == CH_HEX_SIZE - 1;
}

ch_status ch_export_header_parse(ch_str line, ch_export_header *out_header)
{
    ch_export_header header;
    uint64_t version, epoch;
    if (!take_text(&line, "{\"format\":\"casehub-export ") || !take_number(&line, &version)) {
        return CH_CORRUPT;
    }
    if (version > 1) {
        return CH_UNSUPPORTED;
    }
    bool read =
        take_text(&line, "\",\"hub\":\"") &&
        take_word(&line, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", header.hub_code, sizeof header.hub_code) &&
        take_text(&line, "\",\"epoch\":") && take_number(&line, &epoch) && take_text(&line, ",\"first\":") &&
        take_number(&line, &header.first) && take_text(&line, ",\"last\":") &&
        take_number(&line, &header.last) && take_text(&line, ",\"chain\":\"") &&
        take_hex(&line, header.chain) && take_text(&line, "\"}");
    if (!read || line.size > 0 || version == 0 || epoch > UINT32_MAX || header.first == 0 ||
        header.last < header.first - 1) {
        return CH_CORRUPT;
    }
    header.epoch = (uint32_t)epoch;
    *out_header = header;
    return CH_OK;
}

ch_status ch_export_trailer_parse(ch_str line, ch_export_trailer *out_trailer)
{
    ch_export_trailer trailer;
    if (!ch_str_starts(line, CH_STR("{\"end\":"))) {
        return CH_NOT_FOUND;
    }
    if (!take_text(&line, "{\"end\":\"casehub-export 1\",\"count\":") ||
        !take_number(&line, &trailer.count) || !take_text(&line, ",\"hash\":\"") ||
        !take_hex(&line, trailer.hash) || !take_text(&line, "\"}") || line.size > 0) {
        return CH_CORRUPT;
    }
    *out_trailer = trailer;
    return CH_OK;
}
