#include "hub/cli/line_reader.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

struct ch_line_reader {
    int fd;
    char *bytes;
    size_t start, size, capacity; /* what is unread lies at bytes[start .. size) */
    size_t searched;              /* bytes before this one hold no line end */
    uint64_t line;                /* number of lines begun so far */
    bool skipping;                /* the rest of a line that was too long */
    bool ended;
};

ch_status ch_line_reader_new(ch_line_reader **out_reader, int fd, size_t line_bytes_max)
{
    ch_line_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL) {
        return CH_NO_MEMORY;
    }
    reader->fd = fd;
    reader->capacity = line_bytes_max + 2; /* its line end may be CR LF */
    reader->bytes = malloc(reader->capacity);
    if (reader->bytes == NULL) {
        ch_line_reader_free(reader);
        return CH_NO_MEMORY;
    }
    *out_reader = reader;
    return CH_OK;
}

void ch_line_reader_free(ch_line_reader *reader)
{
    if (reader != NULL) {
        free(reader->bytes);
        free(reader);
    }
}

static bool is_blank(ch_str line)
{
    for (size_t i = 0; i < line.size; i++) {
        if (line.at[i] != ' ' && line.at[i] != '\t') {
            return false;
        }
    }
    return true;
}

/* The line up to end, cut out of what is unread; *out_skipped: it was the tail of one that was too long. */
static ch_str cut(ch_line_reader *reader, size_t end, size_t next, bool *out_skipped)
{
    ch_str line = {reader->bytes + reader->start, end - reader->start};
    *out_skipped = reader->skipping;
    reader->line += reader->skipping ? 0 : 1;
    reader->skipping = false;
    reader->start = reader->searched = next;
    if (line.size > 0 && line.at[line.size - 1] == '\r') {
        line.size--;
    }
    if (reader->line == 1 && ch_str_starts(line, CH_STR("\xef\xbb\xbf"))) {
        line = (ch_str){line.at + 3, line.size - 3};
    }
    return line;
}

/* The buffer is full of one line: forget it and what follows up to its end. */
static ch_line_kind begin_skipping(ch_line_reader *reader, uint64_t *out_number)
{
    bool is_new = !reader->skipping;
    reader->line += is_new ? 1 : 0;
    reader->skipping = true;
    reader->start = reader->size = reader->searched = 0;
    *out_number = reader->line;
    return is_new ? CH_LINE_TOO_LONG : CH_LINE_NEED_MORE;
}

ch_line_kind ch_line_reader_next(ch_line_reader *reader, ch_str *out_line, uint64_t *out_number)
{
    for (;;) {
        const char *from = reader->bytes + reader->searched;
        const char *end = memchr(from, '\n', reader->size - reader->searched);
        bool skipped;
        ch_str line;
        if (end != NULL) {
            size_t at = (size_t)(end - reader->bytes);
            line = cut(reader, at, at + 1, &skipped);
        } else if (reader->ended && reader->start == reader->size) {
            return CH_LINE_END;
        } else if (reader->ended) {
            line = cut(reader, reader->size, reader->size, &skipped);
        } else if (reader->start == 0 && reader->size == reader->capacity) {
            return begin_skipping(reader, out_number);
        } else {
            reader->searched = reader->size;
            return CH_LINE_NEED_MORE;
        }
        if (!skipped && !is_blank(line)) {
            *out_line = line;
            *out_number = reader->line;
            return CH_LINE;
        }
    }
}

ch_status ch_line_reader_fill(ch_line_reader *reader)
{
    memmove(reader->bytes, reader->bytes + reader->start, reader->size - reader->start);
    reader->size -= reader->start;
    reader->searched -= reader->start;
    reader->start = 0;
    ssize_t got = read(reader->fd, reader->bytes + reader->size, reader->capacity - reader->size);
    if (got < 0) {
        return errno == EINTR || errno == EAGAIN ? CH_OK : CH_IO;
    }
    reader->size += (size_t)got;
    reader->ended = got == 0;
    return CH_OK;
}
