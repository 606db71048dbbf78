#include "hub/model/mp_inside.h"

const ch_mp_limits ch_mp_limits_event = {
    .size_bytes = 256 * 1024, .depth = 16, .map_pairs = 256, .array_items = 4096, .str_bytes = 192 * 1024};
const ch_mp_limits ch_mp_limits_header = {
    .size_bytes = 64 * 1024, .depth = 6, .map_pairs = 64, .array_items = 8192, .str_bytes = 4 * 1024};

ch_mp_reader ch_mp_reader_of(ch_str bytes)
{
    const uint8_t *at = (const uint8_t *)bytes.at;
    return (ch_mp_reader){at, bytes.size == 0 ? at : at + bytes.size};
}

bool ch_mp_next(ch_mp_reader *reader, ch_mp_value *out_value)
{
    if (reader->at == reader->end) {
        return false;
    }
    const uint8_t *behind = ch_mp_take(reader->at, reader->end, out_value);
    if (behind == NULL) {
        return false;
    }
    reader->at = behind;
    return true;
}

/* Behind the whole value at `at`; NULL when it ends too early. */
static const uint8_t *step_over(const uint8_t *at, const uint8_t *end)
{
    ch_mp_value value;
    for (uint64_t pending = 1; pending > 0; pending--) {
        at = at == end ? NULL : ch_mp_take(at, end, &value);
        if (at == NULL) {
            return NULL;
        }
        pending += value.kind == CH_MP_MAP ? (uint64_t)value.count * 2 : value.count;
    }
    return at;
}

bool ch_mp_skip(ch_mp_reader *reader, ch_str *out_bytes)
{
    const uint8_t *behind = step_over(reader->at, reader->end);
    if (behind == NULL) {
        return false;
    }
    *out_bytes = (ch_str){(const char *)reader->at, (size_t)(behind - reader->at)};
    reader->at = behind;
    return true;
}

/* The reader stands behind the key that was looked for. */
static bool take_found(ch_mp_reader *reader, ch_mp_value *out_value, ch_str *out_bytes)
{
    ch_str bytes;
    if (out_bytes == NULL) {
        ch_mp_value ignored;
        return ch_mp_next(reader, out_value == NULL ? &ignored : out_value);
    }
    if (!ch_mp_skip(reader, &bytes)) {
        return false;
    }
    if (out_value != NULL) {
        ch_mp_reader again = ch_mp_reader_of(bytes);
        ch_mp_next(&again, out_value);
    }
    *out_bytes = bytes;
    return true;
}

bool ch_mp_find(ch_str map, const char *key, ch_mp_value *out_value, ch_str *out_bytes)
{
    ch_mp_reader reader = ch_mp_reader_of(map);
    ch_mp_value head, name;
    size_t key_size = strlen(key);
    if (!ch_mp_next(&reader, &head) || head.kind != CH_MP_MAP) {
        return false;
    }
    for (uint32_t i = 0; i < head.count; i++) {
        if (!ch_mp_next(&reader, &name) || name.kind != CH_MP_STR) {
            return false;
        }
        if (name.str.size == key_size && memcmp(name.str.at, key, key_size) == 0) {
            return take_found(&reader, out_value, out_bytes);
        }
        reader.at = step_over(reader.at, reader.end);
        if (reader.at == NULL) {
            return false;
        }
    }
    return false;
}

ch_str ch_mp_find_str(ch_str map, const char *key)
{
    ch_mp_value value;
    return ch_mp_find(map, key, &value, NULL) && value.kind == CH_MP_STR ? value.str : CH_STR_NONE;
}

int64_t ch_mp_find_int(ch_str map, const char *key, int64_t fallback)
{
    ch_mp_value value;
    return ch_mp_find(map, key, &value, NULL) && value.kind == CH_MP_INT ? value.integer : fallback;
}

bool ch_mp_find_bool(ch_str map, const char *key, bool fallback)
{
    ch_mp_value value;
    return ch_mp_find(map, key, &value, NULL) && value.kind == CH_MP_BOOL ? value.boolean : fallback;
}

uint32_t ch_mp_pairs(ch_str map)
{
    ch_mp_reader reader = ch_mp_reader_of(map);
    ch_mp_value head;
    return ch_mp_next(&reader, &head) && head.kind == CH_MP_MAP ? head.count : 0;
}
