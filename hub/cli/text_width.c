#include "hub/cli/text_width.h"

#include <wchar.h>

#define REPLACEMENT 0xfffdu
#define ELLIPSIS "…"

/* The code point at `at`, and its bytes; one malformed byte gives the replacement character. */
static size_t decode(const char *at, size_t left, uint32_t *out_point)
{
    unsigned char lead = (unsigned char)at[0];
    size_t size = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (size > left || !ch_str_is_utf8((ch_str){at, size})) {
        *out_point = REPLACEMENT;
        return 1;
    }
    uint32_t point = size == 1 ? lead : lead & (0xffu >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        point = point << 6 | ((unsigned char)at[i] & 0x3fu);
    }
    *out_point = point;
    return size;
}

/* A title that a citizen wrote must not move the cursor, break a row or turn the line around. */
static bool is_unsafe(uint32_t point)
{
    return point < 0x20 || (point >= 0x7f && point < 0xa0) || (point >= 0x200e && point <= 0x200f) ||
           (point >= 0x2028 && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
}

static size_t width_of(uint32_t point)
{
    int width = is_unsafe(point) ? 1 : wcwidth((wchar_t)point);
    return width < 0 ? 1 : (size_t)width;
}

size_t ch_text_width(ch_str text)
{
    size_t width = 0;
    for (size_t at = 0; at < text.size;) {
        uint32_t point;
        at += decode(text.at + at, text.size - at, &point);
        width += width_of(point);
    }
    return width;
}

size_t ch_text_append(ch_buf *out, ch_str text, size_t most)
{
    size_t width = 0;
    size_t room = most > 0 && ch_text_width(text) > most ? most - 1 : SIZE_MAX;
    for (size_t at = 0; at < text.size;) {
        uint32_t point;
        size_t size = decode(text.at + at, text.size - at, &point);
        if (width + width_of(point) > room) {
            ch_buf_append_text(out, ELLIPSIS);
            return width + 1;
        }
        width += width_of(point);
        if (is_unsafe(point)) {
            ch_buf_append_text(out, " ");
        } else if (point == REPLACEMENT && size == 1) {
            ch_buf_append_text(out, "\xef\xbf\xbd");
        } else {
            ch_buf_append(out, text.at + at, size);
        }
        at += size;
    }
    return width;
}
