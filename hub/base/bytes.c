#include "hub/base/bytes.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

int ch_str_compare(ch_str a, ch_str b)
{
    size_t shorter = a.size < b.size ? a.size : b.size;
    int order = shorter == 0 ? 0 : memcmp(a.at, b.at, shorter);
    if (order != 0) {
        return order;
    }
    return a.size < b.size ? -1 : a.size > b.size;
}

ch_status ch_str_copy(char *out, size_t out_size, ch_str s)
{
    if (s.size >= out_size) {
        return CH_TOO_LARGE;
    }
    if (s.size > 0 && memchr(s.at, '\0', s.size) != NULL) {
        return CH_INVALID;
    }
    if (s.size > 0) {
        memcpy(out, s.at, s.size);
    }
    out[s.size] = '\0';
    return CH_OK;
}

static bool is_follower(char c)
{
    return ((uint8_t)c & 0xc0) == 0x80;
}

ch_str ch_str_cut(ch_str text, size_t most)
{
    if (text.size <= most) {
        return text;
    }
    size_t size = most;
    while (size > 0 && most - size < 3 && is_follower(text.at[size])) {
        size--;
    }
    return (ch_str){text.at, is_follower(text.at[size]) ? most : size};
}

void ch_str_copy_cut(char *out, size_t out_size, ch_str text)
{
    ch_str kept = ch_str_cut(text, out_size - 1);
    if (kept.size > 0) {
        memcpy(out, kept.at, kept.size);
    }
    out[kept.size] = '\0';
}

ch_status ch_str_to_int(ch_str s, int64_t *out_value)
{
    size_t i = 0;
    bool negative = s.size > 0 && s.at[0] == '-';
    uint64_t most = negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;
    uint64_t value = 0;
    i += negative;
    if (i == s.size) {
        return CH_INVALID;
    }
    for (; i < s.size; i++) {
        if (s.at[i] < '0' || s.at[i] > '9') {
            return CH_INVALID;
        }
        uint64_t digit = (uint64_t)(s.at[i] - '0');
        if (value > (most - digit) / 10) {
            return CH_INVALID;
        }
        value = value * 10 + digit;
    }
    *out_value = negative ? (int64_t)(0 - value) : (int64_t)value;
    return CH_OK;
}

/* The bounds of the second byte carry the rules against overlong forms, surrogates and > U+10FFFF. */
size_t ch_str_utf8_size(ch_str s)
{
    const uint8_t *at = (const uint8_t *)s.at;
    if (s.size == 0 || (at[0] >= 0x80 && at[0] < 0xc2) || at[0] > 0xf4) {
        return 0;
    }
    size_t size = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : at[0] >= 0x80 ? 2 : 1;
    if (s.size < size) {
        return 0;
    }
    uint8_t low = at[0] == 0xe0 ? 0xa0 : at[0] == 0xf0 ? 0x90 : 0x80;
    uint8_t high = at[0] == 0xed ? 0x9f : at[0] == 0xf4 ? 0x8f : 0xbf;
    for (size_t i = 1; i < size; i++, low = 0x80, high = 0xbf) {
        if (at[i] < low || at[i] > high) {
            return 0;
        }
    }
    return size;
}

bool ch_str_is_utf8(ch_str s)
{
    while (s.size > 0) {
        size_t size = ch_str_utf8_size(s);
        if (size == 0) {
            return false;
        }
        s = (ch_str){s.at + size, s.size - size};
    }
    return true;
}

void ch_buf_init(ch_buf *buf, size_t limit)
{
    *buf = (ch_buf){.limit = limit};
}

void ch_buf_done(ch_buf *buf)
{
    free(buf->at);
    *buf = (ch_buf){.limit = buf->limit};
}

void ch_buf_clear(ch_buf *buf)
{
    buf->size = 0;
    buf->failed = CH_OK;
}

void *ch_buf_extend(ch_buf *buf, size_t size)
{
    if (buf->failed != CH_OK) {
        return NULL;
    }
    if (size > buf->limit - buf->size) {
        buf->failed = CH_TOO_LARGE;
        return NULL;
    }
    if (buf->at == NULL || buf->size + size > buf->capacity) {
        size_t capacity = buf->capacity == 0 ? 256 : buf->capacity;
        while (capacity < buf->size + size && capacity <= buf->limit / 2) {
            capacity *= 2;
        }
        /* Never beyond the limit: what fits into the capacity is always allowed. */
        capacity = capacity < buf->size + size || capacity > buf->limit ? buf->limit : capacity;
        uint8_t *at = realloc(buf->at, capacity);
        if (at == NULL) {
            buf->failed = CH_NO_MEMORY;
            return NULL;
        }
        buf->at = at;
        buf->capacity = capacity;
    }
    void *room = buf->at + buf->size;
    buf->size += size;
    return room;
}

void ch_buf_append_text(ch_buf *buf, const char *text)
{
    ch_buf_append(buf, text, strlen(text));
}

void ch_buf_append_format(ch_buf *buf, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    assert(size >= 0);
    if ((size_t)size < sizeof text) {
        ch_buf_append(buf, text, (size_t)size);
        return;
    }
    char *longer = malloc((size_t)size + 1);
    if (longer == NULL) {
        buf->failed = buf->failed == CH_OK ? CH_NO_MEMORY : buf->failed;
        return;
    }
    va_start(arguments, format);
    vsnprintf(longer, (size_t)size + 1, format, arguments);
    va_end(arguments);
    ch_buf_append(buf, longer, (size_t)size);
    free(longer);
}

ch_str ch_buf_str(const ch_buf *buf)
{
    return (ch_str){(const char *)buf->at, buf->size};
}

uint8_t *ch_buf_take(ch_buf *buf, size_t *out_size)
{
    uint8_t *at = buf->at;
    *out_size = buf->size;
    *buf = (ch_buf){.limit = buf->limit};
    return at;
}
