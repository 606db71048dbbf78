#include "hub/model/mp_inside.h"

enum { FEW_KEYS = 16 }; /* sorted by insertion, and kept in a small frame */

static bool comes_before(const uint8_t *base, ch_mp_key a, ch_mp_key b)
{
    return ch_str_compare(ch_mp_key_text(base, a), ch_mp_key_text(base, b)) < 0;
}

static void sort_few(const uint8_t *base, ch_mp_key *keys, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        ch_mp_key key = keys[i];
        uint32_t place = i;
        for (; place > 0 && comes_before(base, key, keys[place - 1]); place--) {
            keys[place] = keys[place - 1];
        }
        keys[place] = key;
    }
}

static void sift_down(const uint8_t *base, ch_mp_key *keys, uint32_t root, uint32_t count)
{
    ch_mp_key key = keys[root];
    for (uint32_t child = 2 * root + 1; child < count; child = 2 * root + 1) {
        if (child + 1 < count && comes_before(base, keys[child], keys[child + 1])) {
            child++;
        }
        if (!comes_before(base, key, keys[child])) {
            break;
        }
        keys[root] = keys[child];
        root = child;
    }
    keys[root] = key;
}

/* Heapsort: in place, and no choice of keys makes it slow. */
static void sort_many(const uint8_t *base, ch_mp_key *keys, uint32_t count)
{
    for (uint32_t root = count / 2; root > 0; root--) {
        sift_down(base, keys, root - 1, count);
    }
    for (uint32_t left = count - 1; left > 0; left--) {
        ch_mp_key largest = keys[0];
        keys[0] = keys[left];
        keys[left] = largest;
        sift_down(base, keys, 0, left);
    }
}

void ch_mp_sort_keys(const uint8_t *base, ch_mp_key *keys, uint32_t count)
{
    if (count <= FEW_KEYS) {
        sort_few(base, keys, count);
    } else {
        sort_many(base, keys, count);
    }
}

static void write_value(ch_buf *out, ch_mp_reader *reader);

static void write_pairs(ch_buf *out, ch_mp_reader *reader, ch_mp_key *keys, uint32_t count)
{
    ch_mp_value key;
    ch_str passed;
    const uint8_t *base = reader->at, *end = reader->end;
    for (uint32_t i = 0; i < count; i++) {
        if (!ch_mp_next(reader, &key) || !ch_mp_skip(reader, &passed)) {
            return;
        }
        keys[i] = (ch_mp_key){(uint32_t)((const uint8_t *)key.str.at - base), (uint32_t)key.str.size};
    }
    ch_mp_sort_keys(base, keys, count);
    ch_mp_put_map(out, count);
    for (uint32_t i = 0; i < count; i++) {
        ch_str text = ch_mp_key_text(base, keys[i]);
        ch_mp_reader value = {(const uint8_t *)text.at + text.size, end};
        ch_mp_put_str(out, text);
        write_value(out, &value);
    }
}

/* Apart, so that only large maps pay for the room on the stack. */
static __attribute__((noinline)) void write_many(ch_buf *out, ch_mp_reader *reader, uint32_t count)
{
    ch_mp_key keys[CH_MP_PAIRS_MAX];
    write_pairs(out, reader, keys, count);
}

static void write_map(ch_buf *out, ch_mp_reader *reader, uint32_t count)
{
    ch_mp_key keys[FEW_KEYS];
    if (count > CH_MP_PAIRS_MAX) {
        out->failed = CH_TOO_LARGE;
    } else if (count > FEW_KEYS) {
        write_many(out, reader, count);
    } else {
        write_pairs(out, reader, keys, count);
    }
}

static void write_value(ch_buf *out, ch_mp_reader *reader)
{
    ch_mp_value value;
    if (out->failed != CH_OK || !ch_mp_next(reader, &value)) {
        return;
    }
    switch (value.kind) {
    case CH_MP_NIL: ch_mp_put_nil(out); break;
    case CH_MP_BOOL: ch_mp_put_bool(out, value.boolean); break;
    case CH_MP_INT: ch_mp_put_int(out, value.integer); break;
    case CH_MP_FLOAT: ch_mp_put_float(out, value.real); break;
    case CH_MP_STR: ch_mp_put_str(out, value.str); break;
    case CH_MP_BIN: ch_mp_put_bin(out, value.str); break;
    case CH_MP_ARRAY:
        ch_mp_put_array(out, value.count);
        for (uint32_t i = 0; i < value.count && out->failed == CH_OK; i++) {
            write_value(out, reader);
        }
        break;
    case CH_MP_MAP: write_map(out, reader, value.count); break;
    }
}

ch_status ch_mp_canonical(ch_buf *out, ch_str value)
{
    ch_mp_reader reader = ch_mp_reader_of(value);
    write_value(out, &reader);
    return out->failed;
}
