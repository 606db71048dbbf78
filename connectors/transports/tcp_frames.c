#include "connectors/transports/tcp_frames.h"

#include <ctype.h>

#define ROOM ((size_t)16 * 1024)
#define DIGITS_MOST 9 /* of an octet count; its limit is checked besides */
#define HEAD_MOST 16  /* bytes that a frame has beside its text and its end */

ch_status ch_framing_read(ch_framing *out_framing, const char *name, const char *end, ch_error *error)
{
    static const char *const names[] = {"line", "length32", "octet_count", "end"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i], name) != 0) {
            continue;
        }
        if ((i == CH_FRAMING_END) != (end[0] != '\0')) {
            return ch_error_set(error, CH_INVALID, "end", "it is wanted with framing end, and only then");
        }
        *out_framing = (ch_framing)i;
        return CH_OK;
    }
    return ch_error_set(error, CH_INVALID, "framing", "line, length32, octet_count or end is expected");
}

ch_framing ch_framing_of_answer(ch_framing framing)
{
    return framing == CH_FRAMING_END ? CH_FRAMING_LINE : framing;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* From where on the text is sought; NULL when it is not there. */
static const char *find(ch_str in, ch_str what)
{
    return in.size == 0 ? NULL : memmem(in.at, in.size, what.at, what.size);
}

static bool is_one_frame(ch_framing framing, ch_str end, ch_str text)
{
    switch (framing) {
    case CH_FRAMING_LINE:
        return text.size > 0 && memchr(text.at, '\n', text.size) == NULL && text.at[text.size - 1] != '\r';
    case CH_FRAMING_END: {
        const char *at = find(text, end);
        return at != NULL && at + end.size == text.at + text.size;
    }
    case CH_FRAMING_LENGTH32:
    case CH_FRAMING_OCTET_COUNT: break;
    }
    return text.size > 0 && text.size <= UINT32_MAX;
}

static ch_str without_spaces(ch_str text)
{
    while (text.size > 0 && is_space(text.at[0])) {
        text = (ch_str){text.at + 1, text.size - 1};
    }
    while (text.size > 0 && is_space(text.at[text.size - 1])) {
        text.size--;
    }
    return text;
}

ch_status ch_frame_append(ch_buf *out, ch_framing framing, ch_str end, ch_str text)
{
    uint8_t length[4];
    text = framing == CH_FRAMING_END || framing == CH_FRAMING_LINE ? without_spaces(text) : text;
    if (!is_one_frame(framing, end, text)) {
        return CH_INVALID;
    }
    if (framing == CH_FRAMING_LENGTH32) {
        ch_put_be32(length, (uint32_t)text.size);
        ch_buf_append(out, length, sizeof length);
    } else if (framing == CH_FRAMING_OCTET_COUNT) {
        ch_buf_append_format(out, "%zu ", text.size);
    }
    ch_buf_append_str(out, text);
    if (framing == CH_FRAMING_LINE) {
        ch_buf_append_text(out, "\n");
    }
    return out->failed;
}

void ch_frames_init(ch_frames *frames, ch_framing framing, ch_str end, size_t most)
{
    *frames = (ch_frames){.framing = framing, .end = end, .most = most};
    ch_buf_init(&frames->bytes, most + end.size + HEAD_MOST + ROOM);
}

void ch_frames_done(ch_frames *frames)
{
    ch_buf_done(&frames->bytes);
    frames->begin = frames->scanned = 0;
}

void *ch_frames_room(ch_frames *frames, size_t *out_size)
{
    ch_buf *bytes = &frames->bytes;
    if (frames->begin > 0) {
        memmove(bytes->at, bytes->at + frames->begin, bytes->size - frames->begin);
        bytes->size -= frames->begin;
        frames->begin = 0;
    }
    size_t size = bytes->limit - bytes->size < ROOM ? bytes->limit - bytes->size : ROOM;
    void *room = size == 0 ? NULL : ch_buf_extend(bytes, size);
    if (room != NULL) {
        bytes->size -= size;
        *out_size = size;
    }
    bytes->failed = CH_OK;
    return room;
}

void ch_frames_added(ch_frames *frames, size_t size)
{
    frames->bytes.size += size;
}

static ch_str rest(const ch_frames *frames)
{
    return frames->bytes.size == frames->begin
               ? CH_STR("")
               : (ch_str){(const char *)frames->bytes.at + frames->begin, frames->bytes.size - frames->begin};
}

static void pass(ch_frames *frames, size_t size)
{
    frames->begin += size;
    frames->scanned = 0;
}

/* head bytes, then text: handed on when it is whole. */
static ch_status take_counted(ch_frames *frames, size_t head, size_t size, ch_str *out_text)
{
    ch_str bytes = rest(frames);
    if (size > frames->most) {
        return CH_TOO_LARGE;
    }
    if (bytes.size - head < size) {
        return CH_END;
    }
    *out_text = (ch_str){bytes.at + head, size};
    pass(frames, head + size);
    return CH_OK;
}

static ch_status next_length32(ch_frames *frames, ch_str *out_text)
{
    ch_str bytes = rest(frames);
    if (bytes.size < 4) {
        return CH_END;
    }
    size_t size = ch_get_be32((const uint8_t *)bytes.at);
    return size == 0 ? CH_INVALID : take_counted(frames, 4, size, out_text);
}

static ch_status next_octet_count(ch_frames *frames, ch_str *out_text)
{
    ch_str bytes = rest(frames);
    size_t digits = 0, size = 0;
    for (; digits < bytes.size && isdigit((unsigned char)bytes.at[digits]); digits++) {
        size = size * 10 + (size_t)(bytes.at[digits] - '0');
        if (digits == DIGITS_MOST) {
            return CH_TOO_LARGE;
        }
    }
    if (digits == bytes.size) {
        return CH_END;
    }
    bool fits = bytes.at[digits] == ' ' && digits > 0 && bytes.at[0] != '0';
    return fits ? take_counted(frames, digits + 1, size, out_text) : CH_INVALID;
}

/* Up to the mark, of which `kept` bytes belong to the text. */
static ch_status next_marked(ch_frames *frames, ch_str mark, size_t kept, ch_str *out_text)
{
    ch_str bytes = rest(frames);
    size_t from = frames->scanned;
    const char *at = from < bytes.size ? find((ch_str){bytes.at + from, bytes.size - from}, mark) : NULL;
    size_t size = at == NULL ? bytes.size : (size_t)(at - bytes.at);
    if (size > frames->most) {
        return CH_TOO_LARGE;
    }
    if (at == NULL) {
        /* The mark may have begun. */
        frames->scanned = bytes.size >= mark.size ? bytes.size - mark.size + 1 : 0;
        return CH_END;
    }
    *out_text = (ch_str){bytes.at, size + kept};
    pass(frames, size + mark.size);
    return CH_OK;
}

static ch_status next_line(ch_frames *frames, ch_str *out_text)
{
    ch_status status;
    do {
        status = next_marked(frames, CH_STR("\n"), 0, out_text);
        if (status == CH_OK && out_text->size > 0 && out_text->at[out_text->size - 1] == '\r') {
            out_text->size--;
        }
    } while (status == CH_OK && out_text->size == 0);
    return status;
}

static ch_status next_ended(ch_frames *frames, ch_str *out_text)
{
    ch_str bytes = rest(frames);
    if (frames->scanned == 0) {
        size_t spaces = 0;
        while (spaces < bytes.size && is_space(bytes.at[spaces])) {
            spaces++;
        }
        pass(frames, spaces);
    }
    return next_marked(frames, frames->end, frames->end.size, out_text);
}

ch_status ch_frames_next(ch_frames *frames, ch_str *out_text)
{
    switch (frames->framing) {
    case CH_FRAMING_LINE: return next_line(frames, out_text);
    case CH_FRAMING_LENGTH32: return next_length32(frames, out_text);
    case CH_FRAMING_OCTET_COUNT: return next_octet_count(frames, out_text);
    case CH_FRAMING_END: return next_ended(frames, out_text);
    }
    return CH_INVALID; /* of a value that ch_framing_read does not give */
}

bool ch_frames_begun(const ch_frames *frames)
{
    return frames->bytes.size > frames->begin;
}
