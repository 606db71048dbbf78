#include "hub/config/text_file.h"

#include <errno.h>
#include <stdio.h>

#define BYTE_ORDER_MARK "\xef\xbb\xbf"
#define CHUNK 16384

static ch_status read_all(ch_buf *out, FILE *stream, const char *file, ch_error *error)
{
    uint8_t chunk[CHUNK];
    size_t got;
    while ((got = fread(chunk, 1, sizeof chunk, stream)) > 0) {
        ch_buf_append(out, chunk, got);
        if (out->failed == CH_TOO_LARGE) {
            return ch_error_set(error, CH_INVALID, file, "is larger than %zu bytes", out->limit);
        }
        if (out->failed != CH_OK) {
            return ch_error_set(error, out->failed, file, "no memory to read it");
        }
    }
    return ferror(stream) ? ch_error_set(error, CH_IO, file, "cannot be read: %s", strerror(errno)) : CH_OK;
}

/* The first line that is no text, or 0. */
static unsigned bad_line(ch_str text)
{
    unsigned line = 1;
    while (text.size > 0) {
        const char *end = memchr(text.at, '\n', text.size);
        size_t size = end == NULL ? text.size : (size_t)(end - text.at) + 1;
        if (!ch_str_is_utf8((ch_str){text.at, size}) || memchr(text.at, '\0', size) != NULL) {
            return line;
        }
        text = (ch_str){text.at + size, text.size - size};
        line++;
    }
    return 0;
}

void ch_text_place(char out[CH_TEXT_PLACE_SIZE], const char *file, unsigned line)
{
    size_t size = strlen(file), most = CH_TEXT_PLACE_SIZE - sizeof ":4294967295";
    snprintf(out, CH_TEXT_PLACE_SIZE, "%.*s:%u", (int)most, size > most ? file + size - most : file, line);
}

ch_status ch_raw_file_read(ch_buf *out, const char *file, ch_error *error)
{
    FILE *stream = fopen(file, "rbe");
    if (stream == NULL) {
        return ch_error_set(error, errno == ENOENT ? CH_NOT_FOUND : CH_IO, file, "%s", strerror(errno));
    }
    ch_status status = read_all(out, stream, file, error);
    fclose(stream);
    return status;
}

ch_status ch_text_file_read(ch_buf *out, const char *file, ch_error *error)
{
    char where[CH_TEXT_PLACE_SIZE];
    ch_status status = ch_raw_file_read(out, file, error);
    if (status != CH_OK) {
        return status;
    }
    if (ch_str_starts(ch_buf_str(out), CH_STR(BYTE_ORDER_MARK))) {
        out->size -= strlen(BYTE_ORDER_MARK);
        memmove(out->at, out->at + strlen(BYTE_ORDER_MARK), out->size);
    }
    unsigned line = bad_line(ch_buf_str(out));
    if (line != 0) {
        ch_text_place(where, file, line);
        return ch_error_set(error, CH_INVALID, where, "is not UTF-8 text");
    }
    return CH_OK;
}
