/* mp_inside.h - what the files of mp.h share: one head, and the sorting of keys. */
#ifndef CH_MODEL_MP_INSIDE_H
#define CH_MODEL_MP_INSIDE_H

#include "hub/model/mp.h"

#define CH_MP_UNKNOWN ((ch_mp_kind)-1) /* ext types and the byte that MessagePack never uses */

typedef struct ch_mp_form {
    ch_mp_kind kind;
    uint8_t width; /* bytes of length or number behind the first byte */
} ch_mp_form;

/* First bytes 0xc0 to 0xdf; the others carry all they say in themselves. */
static const ch_mp_form ch_mp_forms[32] = {
    [0x00] = {CH_MP_NIL, 0},     [0x01] = {CH_MP_UNKNOWN, 0}, [0x02] = {CH_MP_BOOL, 0},
    [0x03] = {CH_MP_BOOL, 0},    [0x04] = {CH_MP_BIN, 1},     [0x05] = {CH_MP_BIN, 2},
    [0x06] = {CH_MP_BIN, 4},     [0x07] = {CH_MP_UNKNOWN, 0}, [0x08] = {CH_MP_UNKNOWN, 0},
    [0x09] = {CH_MP_UNKNOWN, 0}, [0x0a] = {CH_MP_FLOAT, 4},   [0x0b] = {CH_MP_FLOAT, 8},
    [0x0c] = {CH_MP_INT, 1},     [0x0d] = {CH_MP_INT, 2},     [0x0e] = {CH_MP_INT, 4},
    [0x0f] = {CH_MP_INT, 8},     [0x10] = {CH_MP_INT, 1},     [0x11] = {CH_MP_INT, 2},
    [0x12] = {CH_MP_INT, 4},     [0x13] = {CH_MP_INT, 8},     [0x14] = {CH_MP_UNKNOWN, 0},
    [0x15] = {CH_MP_UNKNOWN, 0}, [0x16] = {CH_MP_UNKNOWN, 0}, [0x17] = {CH_MP_UNKNOWN, 0},
    [0x18] = {CH_MP_UNKNOWN, 0}, [0x19] = {CH_MP_STR, 1},     [0x1a] = {CH_MP_STR, 2},
    [0x1b] = {CH_MP_STR, 4},     [0x1c] = {CH_MP_ARRAY, 2},   [0x1d] = {CH_MP_ARRAY, 4},
    [0x1e] = {CH_MP_MAP, 2},     [0x1f] = {CH_MP_MAP, 4},
};

static inline const uint8_t *ch_mp_take_bytes(const uint8_t *at, const uint8_t *end, ch_mp_kind kind,
                                              size_t size, ch_mp_value *out)
{
    if (size > (size_t)(end - at)) {
        return NULL;
    }
    out->kind = kind;
    out->str = (ch_str){(const char *)at, size};
    return at + size;
}

static inline double ch_mp_real_of(uint64_t bits, unsigned width)
{
    double wide;
    float narrow;
    if (width == sizeof wide) {
        memcpy(&wide, &bits, sizeof wide);
        return wide;
    }
    uint32_t low = (uint32_t)bits;
    memcpy(&narrow, &low, sizeof narrow);
    return narrow;
}

/* The values whose first byte is 0xc0 to 0xdf. */
static inline const uint8_t *ch_mp_take_long(const uint8_t *at, const uint8_t *end, ch_mp_value *out)
{
    uint8_t lead = *at++;
    ch_mp_form form = ch_mp_forms[lead & 0x1f];
    uint64_t number = 0;
    if (form.width > end - at) {
        return NULL;
    }
    for (unsigned i = 0; i < form.width; i++) {
        number = number << 8 | *at++;
    }
    out->kind = form.kind;
    switch (form.kind) {
    case CH_MP_NIL: return at;
    case CH_MP_BOOL: out->boolean = lead == 0xc3; return at;
    case CH_MP_INT:
        if (lead >= 0xd0) {
            unsigned unused = 64 - 8u * form.width;
            out->integer = (int64_t)(number << unused) >> unused;
            return at;
        }
        out->integer = (int64_t)number;
        return number <= INT64_MAX ? at : NULL;
    case CH_MP_FLOAT: out->real = ch_mp_real_of(number, form.width); return at;
    case CH_MP_STR:
    case CH_MP_BIN: return ch_mp_take_bytes(at, end, form.kind, (size_t)number, out);
    case CH_MP_ARRAY:
    case CH_MP_MAP: out->count = (uint32_t)number; return at;
    }
    return NULL;
}

/* Decodes the value at `at` (of an array or map its head) and returns what is behind it; NULL when that is not
 * within end, or is none of the values that casehub speaks. at < end. */
static inline const uint8_t *ch_mp_take(const uint8_t *at, const uint8_t *end, ch_mp_value *out)
{
    uint8_t lead = *at;
    *out = (ch_mp_value){.kind = CH_MP_INT};
    if (lead >= 0xc0 && lead < 0xe0) {
        return ch_mp_take_long(at, end, out);
    }
    at++;
    if (lead >= 0xa0 && lead < 0xc0) {
        return ch_mp_take_bytes(at, end, CH_MP_STR, lead & 0x1f, out);
    }
    if (lead >= 0x80 && lead < 0xa0) {
        out->kind = lead < 0x90 ? CH_MP_MAP : CH_MP_ARRAY;
        out->count = lead & 0x0f;
        return at;
    }
    out->integer = (int8_t)lead;
    return at;
}

/* A key inside a value of less than 4 GiB: where its text begins, and its size. */
typedef struct ch_mp_key {
    uint32_t at, size;
} ch_mp_key;

static inline ch_str ch_mp_key_text(const uint8_t *base, ch_mp_key key)
{
    return (ch_str){(const char *)base + key.at, key.size};
}

/* In place, in byte order; count * log (count) steps whatever the keys are. */
void ch_mp_sort_keys(const uint8_t *base, ch_mp_key *keys, uint32_t count);

#endif
