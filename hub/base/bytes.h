/* bytes.h - slices, a growing buffer with a limit, and big-endian integers.
 *
 * A slice never owns. A buffer belongs to the thread that made it.
 */
#ifndef CH_BASE_BYTES_H
#define CH_BASE_BYTES_H

#include "hub/base/status.h"

#include <endian.h>
#include <string.h>

/* Bytes that somebody else owns; not terminated. at == NULL with size 0 means absent. */
typedef struct ch_str {
    const char *at;
    size_t size;
} ch_str;

#define CH_STR_NONE ((ch_str){NULL, 0})
/* For a string literal. */
#define CH_STR(literal) ((ch_str){"" literal, sizeof(literal) - 1})
/* For printf("%.*s"). */
#define CH_STR_ARG(s) (int)(s).size, (s).at == NULL ? "" : (s).at

/* NULL gives CH_STR_NONE. These four stand here so that the size of a literal is known when they are compiled. */
static inline ch_str ch_str_of(const char *text)
{
    return text == NULL ? CH_STR_NONE : (ch_str){text, strlen(text)};
}
static inline bool ch_str_equal(ch_str a, ch_str b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.at, b.at, a.size) == 0);
}
static inline bool ch_str_is(ch_str a, const char *text)
{
    return ch_str_equal(a, ch_str_of(text));
}
/* Of an array of `room` bytes with a terminated text, whose size need not be found out: most texts differ early. */
static inline bool ch_str_is_in(ch_str a, const char *text, size_t room)
{
    return a.size < room && text[a.size] == '\0' && (a.size == 0 || memcmp(a.at, text, a.size) == 0);
}
static inline bool ch_str_starts(ch_str a, ch_str prefix)
{
    return a.size >= prefix.size && (prefix.size == 0 || memcmp(a.at, prefix.at, prefix.size) == 0);
}
/* Byte order, then length: as memcmp. */
int ch_str_compare(ch_str a, ch_str b);
/* Copies with a terminating zero. CH_TOO_LARGE when it does not fit (out is then untouched),
 * CH_INVALID when s holds a zero byte. */
ch_status ch_str_copy(char *out, size_t out_size, ch_str s) CH_MUST_CHECK;
/* At most the first `most` bytes, without a part of a UTF-8 character at their end. What is no UTF-8 is cut at `most`. */
ch_str ch_str_cut(ch_str text, size_t most);
/* Copies what fits, cut as by ch_str_cut, with a terminating zero. */
void ch_str_copy_cut(char *out, size_t out_size, ch_str text);
/* The whole of s as a decimal int64. CH_INVALID. */
ch_status ch_str_to_int(ch_str s, int64_t *out_value) CH_MUST_CHECK;
/* Bytes of the UTF-8 character that s begins with: 1..4, 0 when s is empty or begins with none (RFC 3629: no
 * surrogates, no overlong forms). */
size_t ch_str_utf8_size(ch_str s);
/* True when all of s is well-formed UTF-8. */
bool ch_str_is_utf8(ch_str s);

/* Grows by doubling up to its limit. A failed append leaves what was there and sets `failed`, so that a row
 * of appends needs one check at its end. */
typedef struct ch_buf {
    uint8_t *at;
    size_t size, capacity, limit;
    ch_status failed; /* CH_OK, CH_TOO_LARGE or CH_NO_MEMORY */
} ch_buf;

void ch_buf_init(ch_buf *buf, size_t limit);
void ch_buf_done(ch_buf *buf);
/* Keeps the memory, forgets content and failure. */
void ch_buf_clear(ch_buf *buf);
void ch_buf_append_text(ch_buf *buf, const char *text);
void ch_buf_append_format(ch_buf *buf, const char *format, ...) CH_PRINTF(2, 3);
/* Room for size bytes at the end, already counted; NULL (and failed set) when there is none. */
void *ch_buf_extend(ch_buf *buf, size_t size);
static inline void ch_buf_append(ch_buf *buf, const void *bytes, size_t size)
{
    /* Nearly always there is room. */
    if (size <= buf->capacity - buf->size && size > 0 && buf->failed == CH_OK) {
        memcpy(buf->at + buf->size, bytes, size);
        buf->size += size;
    } else if (size > 0) {
        void *room = ch_buf_extend(buf, size);
        if (room != NULL) {
            memcpy(room, bytes, size);
        }
    }
}
static inline void ch_buf_append_str(ch_buf *buf, ch_str s)
{
    ch_buf_append(buf, s.at, s.size);
}
/* The content; valid until the next change. */
ch_str ch_buf_str(const ch_buf *buf);
/* Hands the memory over to the caller (free()); the buffer is empty afterwards. */
uint8_t *ch_buf_take(ch_buf *buf, size_t *out_size);

static inline void ch_put_be16(uint8_t *out, uint16_t value)
{
    value = htobe16(value);
    memcpy(out, &value, sizeof value);
}
static inline void ch_put_be32(uint8_t *out, uint32_t value)
{
    value = htobe32(value);
    memcpy(out, &value, sizeof value);
}
static inline void ch_put_be64(uint8_t *out, uint64_t value)
{
    value = htobe64(value);
    memcpy(out, &value, sizeof value);
}
static inline uint16_t ch_get_be16(const uint8_t *in)
{
    uint16_t value;
    memcpy(&value, in, sizeof value);
    return be16toh(value);
}
static inline uint32_t ch_get_be32(const uint8_t *in)
{
    uint32_t value;
    memcpy(&value, in, sizeof value);
    return be32toh(value);
}
static inline uint64_t ch_get_be64(const uint8_t *in)
{
    uint64_t value;
    memcpy(&value, in, sizeof value);
    return be64toh(value);
}

#endif
