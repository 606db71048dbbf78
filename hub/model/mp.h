/* mp.h - MessagePack values inside bytes: check once, then read without allocating; write into a ch_buf.
 *
 * The subset that casehub speaks: nil, bool, integers within int64, float64 (float32 is widened), str
 * (UTF-8), bin, array, map with distinct str keys. Anything else is refused by ch_mp_check; every reader
 * below may assume checked bytes. Writing goes through msgpack-c's packer.
 */
#ifndef CH_MODEL_MP_H
#define CH_MODEL_MP_H

#include "hub/base/bytes.h"

#define CH_MP_DEPTH_MAX 32 /* limits that allow more are a program error */
#define CH_MP_PAIRS_MAX 512

typedef struct ch_mp_limits {
    size_t size_bytes;  /* of the whole value, at most UINT32_MAX */
    unsigned depth;     /* nested arrays and maps, the outermost counts 1 */
    unsigned map_pairs; /* in one map */
    unsigned array_items;
    size_t str_bytes; /* one str or bin */
} ch_mp_limits;
extern const ch_mp_limits ch_mp_limits_event;  /* 256 KiB, 16, 256, 4096, 192 KiB */
extern const ch_mp_limits ch_mp_limits_header; /* 64 KiB, 6, 64, 8192, 4 KiB */

/* bytes must be exactly one value within the limits: no truncation, no trailing bytes, no claimed length
 * beyond what is there, no ext, no bad UTF-8, no key that is not a str, no doubled key, no key with a zero byte
 * (JSON parsers refuse them), no integer above INT64_MAX, no NaN or infinity. CH_INVALID, CH_TOO_LARGE;
 * error->where is a path such as "data.attachments[3].size". */
ch_status ch_mp_check(ch_str bytes, const ch_mp_limits *limits, ch_error *error) CH_MUST_CHECK;

typedef enum ch_mp_kind {
    CH_MP_NIL,
    CH_MP_BOOL,
    CH_MP_INT,
    CH_MP_FLOAT,
    CH_MP_STR,
    CH_MP_BIN,
    CH_MP_ARRAY,
    CH_MP_MAP
} ch_mp_kind;

typedef struct ch_mp_value {
    ch_mp_kind kind;
    bool boolean;
    int64_t integer;
    double real;
    ch_str str;     /* STR and BIN */
    uint32_t count; /* items of an ARRAY, pairs of a MAP; they follow in the reader */
} ch_mp_value;

/* Walks over checked bytes. */
typedef struct ch_mp_reader {
    const uint8_t *at, *end;
} ch_mp_reader;
ch_mp_reader ch_mp_reader_of(ch_str bytes);
/* The next value; of an array or map only its head. False at the end. */
bool ch_mp_next(ch_mp_reader *reader, ch_mp_value *out_value);
/* Steps over one whole value and tells its bytes. False at the end. */
bool ch_mp_skip(ch_mp_reader *reader, ch_str *out_bytes);
/* In a map: the value under key (its head in *out_value, all its bytes in *out_bytes; either may be NULL).
 * False when bytes is absent, no map, or has no such key. */
bool ch_mp_find(ch_str map, const char *key, ch_mp_value *out_value, ch_str *out_bytes);
/* Shortcuts: absent or of another kind gives CH_STR_NONE / fallback. */
ch_str ch_mp_find_str(ch_str map, const char *key);
int64_t ch_mp_find_int(ch_str map, const char *key, int64_t fallback);
bool ch_mp_find_bool(ch_str map, const char *key, bool fallback);
/* Pairs in a map, 0 when absent. */
uint32_t ch_mp_pairs(ch_str map);

void ch_mp_put_nil(ch_buf *out);
void ch_mp_put_bool(ch_buf *out, bool value);
void ch_mp_put_int(ch_buf *out, int64_t value);
void ch_mp_put_uint(ch_buf *out, uint64_t value); /* at most INT64_MAX */
void ch_mp_put_float(ch_buf *out, double value);
void ch_mp_put_str(ch_buf *out, ch_str value);
void ch_mp_put_text(ch_buf *out, const char *value);
void ch_mp_put_bin(ch_buf *out, ch_str value);
void ch_mp_put_array(ch_buf *out, uint32_t count);
void ch_mp_put_map(ch_buf *out, uint32_t count);
void ch_mp_put_raw(ch_buf *out, ch_str bytes); /* one whole encoded value */
/* A map whose count is not known yet: begin, put pairs, end. Costs a map16 head (65,535 pairs at most). */
size_t ch_mp_begin_map(ch_buf *out);
void ch_mp_end_map(ch_buf *out, size_t begun_at, uint32_t count);
size_t ch_mp_begin_array(ch_buf *out);
void ch_mp_end_array(ch_buf *out, size_t begun_at, uint32_t count);

/* The same value with map keys in byte order and every head in its shortest form: equal values give equal
 * bytes, whoever encoded them. For hashing. value must be checked. CH_NO_MEMORY, CH_TOO_LARGE (out's limit). */
ch_status ch_mp_canonical(ch_buf *out, ch_str value) CH_MUST_CHECK;

#endif
