#include "connectors/host/charset.h"

#include <errno.h>
#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

struct ch_charset {
    char name[40];
    iconv_t conversion;
    size_t unit; /* bytes of a line feed: 1, or 2 in UTF-16 */
    bool big_endian;
    bool mark_decides; /* plain "UTF-16": the byte order mark tells which */
};

static bool is_named(const char *name, const char *prefix)
{
    return strncasecmp(name, prefix, strlen(prefix)) == 0;
}

/* Sets in which a line feed may be something else, or is longer. */
static bool cuts_into_lines(const char *name)
{
    static const char *const other[] = {"UTF-32", "UCS", "UTF32", "UTF-7",   "UTF7",
                                        "EBCDIC", "IBM", "CP037", "ISO-2022"};
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        if (is_named(name, other[i])) {
            return false;
        }
    }
    return strchr(name, '/') == NULL; /* "//IGNORE" and "//TRANSLIT" would hide what is wrong */
}

ch_status ch_charset_open(ch_charset **out_charset, const char *name, ch_error *error)
{
    ch_charset *charset = calloc(1, sizeof *charset);
    if (charset == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, "charset", "no memory");
    }
    bool wide = is_named(name, "UTF-16") || is_named(name, "UTF16");
    charset->unit = wide ? 2 : 1;
    charset->mark_decides = strcasecmp(name, "UTF-16") == 0 || strcasecmp(name, "UTF16") == 0;
    charset->big_endian = wide && strlen(name) > 2 && strcasecmp(name + strlen(name) - 2, "BE") == 0;
    snprintf(charset->name, sizeof charset->name, "%s", charset->mark_decides ? "UTF-16LE" : name);
    charset->conversion = (iconv_t)-1;
    if (strlen(name) < sizeof charset->name && cuts_into_lines(name)) {
        charset->conversion = iconv_open("UTF-8", charset->name);
    }
    if (charset->conversion == (iconv_t)-1) {
        free(charset);
        return ch_error_set(error, CH_UNSUPPORTED, "charset", "the character set %.40s is not supported",
                            name);
    }
    *out_charset = charset;
    return CH_OK;
}

void ch_charset_close(ch_charset *charset)
{
    if (charset != NULL) {
        iconv_close(charset->conversion);
        free(charset);
    }
}

ch_status ch_charset_convert(ch_charset *charset, ch_str raw, ch_buf *out, ch_error *error)
{
    char *in = (char *)(uintptr_t)raw.at; /* iconv's signature lacks a const */
    size_t left = raw.size, begun_at = out->size;
    iconv(charset->conversion, NULL, NULL, NULL, NULL);
    while (left > 0) {
        char chunk[4096], *to = chunk;
        size_t room = sizeof chunk;
        size_t result = iconv(charset->conversion, &in, &left, &to, &room);
        ch_buf_append(out, chunk, sizeof chunk - room);
        if (result == (size_t)-1 && errno != E2BIG) {
            out->size = begun_at;
            return ch_error_set(error, CH_INVALID, NULL, "not %s: byte %zu of the line", charset->name,
                                raw.size - left + 1);
        }
    }
    if (out->failed != CH_OK) {
        return ch_error_set(error, out->failed, NULL, "no room to convert the line");
    }
    if (memchr(out->at + begun_at, '\0', out->size - begun_at) != NULL) {
        out->size = begun_at;
        return ch_error_set(error, CH_INVALID, NULL, "the line holds a zero byte");
    }
    return CH_OK;
}

#define RAW_OF_LONG_LINE ((size_t)64 * 1024) /* what is kept of a line that is too long */

struct ch_lines {
    ch_charset *charset;
    size_t line_most;
    ch_buf raw, text;
    size_t scanned; /* of raw: no line end before it */
    uint64_t number, offset;
    bool begun;       /* the byte order mark has been looked for */
    bool too_long;    /* skipping to the line's end; raw holds its beginning */
    uint64_t skipped; /* bytes of it that are not in raw */
};

ch_status ch_lines_new(ch_lines **out_lines, ch_charset *charset, size_t line_most)
{
    ch_lines *lines = calloc(1, sizeof *lines);
    if (lines == NULL) {
        return CH_NO_MEMORY;
    }
    lines->charset = charset;
    lines->line_most = line_most;
    ch_buf_init(&lines->raw, 2 * line_most + (size_t)1024 * 1024);
    ch_buf_init(&lines->text, 4 * line_most + 16);
    *out_lines = lines;
    return CH_OK;
}

void ch_lines_free(ch_lines *lines)
{
    if (lines != NULL) {
        ch_buf_done(&lines->raw);
        ch_buf_done(&lines->text);
        free(lines);
    }
}

typedef struct byte_order_mark {
    const char *bytes;
    size_t size;
    const char *prefix; /* character sets that may begin with it */
    const char *says;
} byte_order_mark;
static const byte_order_mark marks[] = {
    {"\xef\xbb\xbf", 3, "UTF-8", "UTF-8"},
    {"\x84\x31\x95\x33", 4, "GB18030", "GB18030"},
    {"\xff\xfe", 2, "UTF-16LE", "UTF-16 (little-endian)"},
    {"\xfe\xff", 2, "UTF-16BE", "UTF-16 (big-endian)"},
};

static ch_status switch_order(ch_charset *charset, bool big_endian, ch_error *error)
{
    const char *name = big_endian ? "UTF-16BE" : "UTF-16LE";
    iconv_t conversion = iconv_open("UTF-8", name);
    if (conversion == (iconv_t)-1) {
        return ch_error_set(error, CH_UNSUPPORTED, "charset", "the character set %s is not supported", name);
    }
    iconv_close(charset->conversion);
    charset->conversion = conversion;
    charset->big_endian = big_endian;
    snprintf(charset->name, sizeof charset->name, "%s", name);
    return CH_OK;
}

static void drop(ch_lines *lines, size_t size)
{
    memmove(lines->raw.at, lines->raw.at + size, lines->raw.size - size);
    lines->raw.size -= size;
    lines->offset += size;
}

static ch_status look_for_mark(ch_lines *lines, ch_error *error)
{
    ch_charset *charset = lines->charset;
    lines->begun = true;
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        const byte_order_mark *mark = &marks[i];
        if (lines->raw.size < mark->size || memcmp(lines->raw.at, mark->bytes, mark->size) != 0) {
            continue;
        }
        bool wide = mark->size == 2;
        if (wide && charset->mark_decides) {
            ch_status status = switch_order(charset, mark->bytes[0] == '\xfe', error);
            if (status != CH_OK) {
                return status;
            }
        } else if (!is_named(charset->name, mark->prefix)) {
            return ch_error_set(error, CH_INVALID, NULL,
                                "it begins with the byte order mark of %s, but charset is %s", mark->says,
                                charset->name);
        }
        drop(lines, mark->size);
        return CH_OK;
    }
    if (charset->mark_decides) {
        return ch_error_set(error, CH_INVALID, NULL,
                            "it has no byte order mark: set charset to UTF-16LE or UTF-16BE");
    }
    return CH_OK;
}

/* Behind the first line end at or after from; 0: none. */
static size_t find_end(const ch_lines *lines, size_t from)
{
    const uint8_t *bytes = lines->raw.at;
    if (lines->charset->unit == 1) {
        const uint8_t *at =
            lines->raw.size > from ? memchr(bytes + from, '\n', lines->raw.size - from) : NULL;
        return at == NULL ? 0 : (size_t)(at - bytes) + 1;
    }
    const size_t low = lines->charset->big_endian ? 1 : 0;
    for (size_t i = from & ~(size_t)1; i + 1 < lines->raw.size; i += 2) {
        if (bytes[i + low] == '\n' && bytes[i + 1 - low] == 0) {
            return i + 2;
        }
    }
    return 0;
}

static ch_status hand_on(ch_lines *lines, ch_str raw, bool too_long, ch_line_fn take, void *context)
{
    ch_error error = {.status = CH_OK};
    char reason[sizeof error.text];
    ch_buf_clear(&lines->text);
    casehub_line line = {CASEHUB_SIZED(casehub_line),
                         .raw = raw.at,
                         .raw_size = raw.size,
                         .number = ++lines->number,
                         .offset = lines->offset,
                         .charset = lines->charset->mark_decides ? "UTF-16" : lines->charset->name};
    ch_status status =
        too_long ? CH_TOO_LARGE : ch_charset_convert(lines->charset, raw, &lines->text, &error);
    if (too_long) {
        snprintf(reason, sizeof reason, "the line is longer than %zu bytes", lines->line_most);
    } else {
        snprintf(reason, sizeof reason, "%s", error.text);
    }
    if (status == CH_OK) {
        line.text = (const char *)lines->text.at;
        line.text_size = lines->text.size;
    } else {
        line.code = ch_status_name(status);
        line.reason = reason;
    }
    return take(context, &line) ? CH_OK : CH_END;
}

static ch_status end_long_line(ch_lines *lines, size_t size, ch_line_fn take, void *context)
{
    size_t kept = size < RAW_OF_LONG_LINE ? size : RAW_OF_LONG_LINE;
    ch_status status = hand_on(lines, (ch_str){(const char *)lines->raw.at, kept}, true, take, context);
    lines->offset += lines->skipped;
    lines->skipped = 0;
    lines->too_long = false;
    drop(lines, size);
    return status;
}

/* What is in raw from kept on is not needed any more. */
static void shrink_long_line(ch_lines *lines)
{
    lines->too_long = true;
    if (lines->raw.size > RAW_OF_LONG_LINE) {
        /* An odd byte at the end is half of a UTF-16 unit. */
        size_t odd = lines->charset->unit == 2 ? lines->raw.size & 1 : 0;
        uint8_t last = lines->raw.at[lines->raw.size - 1];
        lines->skipped += lines->raw.size - odd - RAW_OF_LONG_LINE;
        lines->raw.size = RAW_OF_LONG_LINE + odd;
        lines->raw.at[lines->raw.size - 1] = odd != 0 ? last : lines->raw.at[lines->raw.size - 1];
    }
    lines->scanned = lines->raw.size;
}

/* Every whole line that is in raw. One move of the rest at the end, not one a line. */
static ch_status cut(ch_lines *lines, ch_line_fn take, void *context)
{
    size_t begin = 0, end;
    ch_status status = CH_OK;
    if (lines->too_long) {
        end = find_end(lines, lines->scanned);
        if (end == 0) {
            shrink_long_line(lines);
            return CH_OK;
        }
        status = end_long_line(lines, end, take, context);
        lines->scanned = 0;
    }
    while (status == CH_OK && (end = find_end(lines, begin > lines->scanned ? begin : lines->scanned)) != 0) {
        ch_str raw = {(const char *)lines->raw.at + begin, end - begin};
        status = hand_on(lines, raw, raw.size > lines->line_most, take, context);
        lines->offset += raw.size;
        begin = end;
    }
    lines->offset -= begin; /* drop counts them again */
    drop(lines, begin);
    lines->scanned = lines->raw.size;
    if (status == CH_OK && lines->raw.size > lines->line_most) {
        shrink_long_line(lines);
    }
    return status;
}

ch_status ch_lines_feed(ch_lines *lines, const char *bytes, size_t size, ch_line_fn take, void *context,
                        ch_error *error)
{
    while (size > 0) {
        size_t part = size < (size_t)512 * 1024 ? size : (size_t)512 * 1024;
        ch_buf_append(&lines->raw, bytes, part);
        if (lines->raw.failed != CH_OK) {
            return ch_error_set(error, lines->raw.failed, NULL, "no memory to read it");
        }
        bytes += part;
        size -= part;
        if (!lines->begun && lines->raw.size < 4) {
            continue;
        }
        ch_status status = lines->begun ? CH_OK : look_for_mark(lines, error);
        if (status == CH_OK) {
            status = cut(lines, take, context);
        }
        if (status != CH_OK) {
            return status;
        }
    }
    return CH_OK;
}

ch_status ch_lines_end(ch_lines *lines, ch_line_fn take, void *context, ch_error *error)
{
    ch_status status = CH_OK;
    if (!lines->begun && lines->raw.size > 0) {
        status = look_for_mark(lines, error);
        if (status == CH_OK) {
            status = cut(lines, take, context);
        }
    }
    if (status != CH_OK || lines->raw.size == 0) {
        return status;
    }
    if (lines->too_long) {
        return end_long_line(lines, lines->raw.size, take, context);
    }
    return hand_on(lines, ch_buf_str(&lines->raw), false, take, context);
}
