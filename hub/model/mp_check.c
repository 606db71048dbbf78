#include "hub/model/mp_inside.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>

enum {
    FEW_KEYS = 16,     /* compared with each other as they come; more are sorted */
    SHOWN_KEY_MAX = 48 /* bytes of a key in the place of an error */
};

typedef struct mp_checker {
    const uint8_t *start, *at, *end;
    const ch_mp_limits *limits;
    ch_error *error;
} mp_checker;

/* Puts a step in front of the place: the way down is only told on the way back up from a failure. */
static void put_step(ch_error *error, const char *step)
{
    if (error == NULL) {
        return;
    }
    char where[sizeof error->where + SHOWN_KEY_MAX + 2];
    bool dot = error->where[0] != '\0' && error->where[0] != '[';
    snprintf(where, sizeof where, "%s%s%s", step, dot ? "." : "", error->where);
    ch_str_copy_cut(error->where, sizeof error->where, ch_str_of(where));
}

static ch_status put_key(const mp_checker *checker, ch_str key, ch_status status)
{
    char step[SHOWN_KEY_MAX + 1];
    ch_str_copy_cut(step, sizeof step, key);
    for (char *at = step; *at != '\0'; at++) {
        bool control = (uint8_t)*at < 0x20 || *at == 0x7f;
        *at = control ? '?' : *at;
    }
    put_step(checker->error, step);
    return status;
}

static ch_status put_index(const mp_checker *checker, uint32_t index, ch_status status)
{
    char step[16];
    snprintf(step, sizeof step, "[%u]", index);
    put_step(checker->error, step);
    return status;
}

/* Why ch_mp_take would not have what is at `at`. */
static ch_status refuse_value(const mp_checker *checker)
{
    if (checker->at < checker->end && *checker->at == 0xc1) {
        return ch_error_set(checker->error, CH_INVALID, "", "0xc1 is no MessagePack");
    }
    if (checker->at < checker->end && *checker->at >= 0xc0 && *checker->at < 0xe0) {
        ch_mp_form form = ch_mp_forms[*checker->at & 0x1f];
        if (form.kind == CH_MP_UNKNOWN) {
            return ch_error_set(checker->error, CH_INVALID, "", "extension types are not accepted");
        }
        if (form.kind == CH_MP_INT && checker->end - checker->at > form.width) {
            return ch_error_set(checker->error, CH_INVALID, "", "an integer above 9223372036854775807");
        }
    }
    return ch_error_set(checker->error, CH_INVALID, "", "ends too early");
}

static ch_status refuse_limit(const mp_checker *checker, const char *what, size_t limit)
{
    return ch_error_set(checker->error, CH_TOO_LARGE, "", "more than %zu %s", limit, what);
}

/* Nothing but bytes 0x01 to 0x7f, which most texts and nearly all keys are: eight bytes at a time, the last
 * eight perhaps twice. In a word, a byte of 0 or above 0x7f shows in the top bits of the word or of the word
 * less one in each byte. */
static bool is_plain(ch_str text)
{
    uint64_t word, odd = 0;
    if (text.size < sizeof word) {
        for (size_t i = 0; i < text.size; i++) {
            odd |= (uint8_t)(text.at[i] - 1) >= 0x7f;
        }
        return odd == 0;
    }
    for (size_t i = 0; i < text.size; i += sizeof word) {
        size_t at = text.size - i < sizeof word ? text.size - sizeof word : i;
        memcpy(&word, text.at + at, sizeof word);
        odd |= word | (word - UINT64_C(0x0101010101010101));
    }
    return (odd & UINT64_C(0x8080808080808080)) == 0;
}

static const char *fault_of_text(ch_str text, bool is_key)
{
    if (is_plain(text)) {
        return NULL;
    }
    if (is_key && memchr(text.at, '\0', text.size) != NULL) {
        return "a key with a zero byte";
    }
    return ch_str_is_utf8(text) ? NULL : "not UTF-8";
}

static ch_status check_bytes(const mp_checker *checker, const ch_mp_value *value, bool is_key)
{
    if (value->str.size > checker->limits->str_bytes) {
        return refuse_limit(checker, "bytes in one value", checker->limits->str_bytes);
    }
    const char *fault = value->kind == CH_MP_STR ? fault_of_text(value->str, is_key) : NULL;
    return fault == NULL ? CH_OK : ch_error_set(checker->error, CH_INVALID, "", "%s", fault);
}

static ch_status check_value(mp_checker *checker, unsigned depth_left);

static ch_status check_array(mp_checker *checker, uint32_t count, unsigned depth_left)
{
    if (count > checker->limits->array_items) {
        return refuse_limit(checker, "items in one array", checker->limits->array_items);
    }
    if (count > (size_t)(checker->end - checker->at)) {
        return ch_error_set(checker->error, CH_INVALID, "", "ends too early");
    }
    for (uint32_t i = 0; i < count; i++) {
        ch_status status = check_value(checker, depth_left);
        if (status != CH_OK) {
            return put_index(checker, i, status);
        }
    }
    return CH_OK;
}

static ch_status take_key(mp_checker *checker, ch_mp_key *out_key)
{
    ch_mp_value key;
    const uint8_t *behind = checker->at == checker->end ? NULL : ch_mp_take(checker->at, checker->end, &key);
    if (behind == NULL) {
        return refuse_value(checker);
    }
    if (key.kind != CH_MP_STR) {
        return ch_error_set(checker->error, CH_INVALID, "", "a key that is no string");
    }
    ch_status status = check_bytes(checker, &key, true);
    if (status == CH_OK) {
        *out_key =
            (ch_mp_key){(uint32_t)((const uint8_t *)key.str.at - checker->start), (uint32_t)key.str.size};
        checker->at = behind;
    }
    return status;
}

static ch_status refuse_doubled(const mp_checker *checker, ch_mp_key key)
{
    ch_status status = ch_error_set(checker->error, CH_INVALID, "", "the key occurs twice");
    return put_key(checker, ch_mp_key_text(checker->start, key), status);
}

/* One of 64 bits; keys of the same text have the same one, and most others another. */
static uint64_t mark_of(const uint8_t *start, ch_mp_key key)
{
    if (key.size == 0) {
        return 1;
    }
    unsigned first = start[key.at], last = start[key.at + key.size - 1];
    return UINT64_C(1) << ((first * 7 + last * 13 + key.size) & 63);
}

static bool is_among(const uint8_t *start, const ch_mp_key *keys, uint32_t count, ch_mp_key key)
{
    for (uint32_t i = 0; i < count; i++) {
        if (keys[i].size == key.size && memcmp(start + keys[i].at, start + key.at, key.size) == 0) {
            return true;
        }
    }
    return false;
}

static ch_status check_sorted(const mp_checker *checker, ch_mp_key *keys, uint32_t count)
{
    ch_mp_sort_keys(checker->start, keys, count);
    for (uint32_t i = 1; i < count; i++) {
        if (is_among(checker->start, &keys[i - 1], 1, keys[i])) {
            return refuse_doubled(checker, keys[i]);
        }
    }
    return CH_OK;
}

static ch_status check_pairs(mp_checker *checker, ch_mp_key *keys, uint32_t count, unsigned depth_left)
{
    uint64_t marks = 0;
    for (uint32_t i = 0; i < count; i++) {
        ch_status status = take_key(checker, &keys[i]);
        if (status != CH_OK) {
            return status;
        }
        uint64_t mark = mark_of(checker->start, keys[i]);
        if (count <= FEW_KEYS && (marks & mark) != 0 && is_among(checker->start, keys, i, keys[i])) {
            return refuse_doubled(checker, keys[i]);
        }
        marks |= mark;
        status = check_value(checker, depth_left);
        if (status != CH_OK) {
            return put_key(checker, ch_mp_key_text(checker->start, keys[i]), status);
        }
    }
    return count <= FEW_KEYS ? CH_OK : check_sorted(checker, keys, count);
}

/* Apart, so that only large maps pay for the room on the stack. */
static __attribute__((noinline)) ch_status check_many(mp_checker *checker, uint32_t count,
                                                      unsigned depth_left)
{
    ch_mp_key keys[CH_MP_PAIRS_MAX];
    return check_pairs(checker, keys, count, depth_left);
}

static ch_status check_map(mp_checker *checker, uint32_t count, unsigned depth_left)
{
    ch_mp_key keys[FEW_KEYS];
    if (count > checker->limits->map_pairs) {
        return refuse_limit(checker, "pairs in one map", checker->limits->map_pairs);
    }
    if (count > (size_t)(checker->end - checker->at) / 2) {
        return ch_error_set(checker->error, CH_INVALID, "", "ends too early");
    }
    return count <= FEW_KEYS ? check_pairs(checker, keys, count, depth_left)
                             : check_many(checker, count, depth_left);
}

static ch_status check_value(mp_checker *checker, unsigned depth_left)
{
    ch_mp_value value;
    const uint8_t *behind =
        checker->at == checker->end ? NULL : ch_mp_take(checker->at, checker->end, &value);
    if (behind == NULL) {
        return refuse_value(checker);
    }
    checker->at = behind;
    switch (value.kind) {
    case CH_MP_NIL:
    case CH_MP_BOOL:
    case CH_MP_INT: return CH_OK;
    case CH_MP_FLOAT:
        return isfinite(value.real) ? CH_OK
                                    : ch_error_set(checker->error, CH_INVALID, "", "not a finite number");
    case CH_MP_STR:
    case CH_MP_BIN: return check_bytes(checker, &value, false);
    case CH_MP_ARRAY:
    case CH_MP_MAP: break;
    }
    if (depth_left == 0) {
        return refuse_limit(checker, "levels of nesting", checker->limits->depth);
    }
    return value.kind == CH_MP_ARRAY ? check_array(checker, value.count, depth_left - 1)
                                     : check_map(checker, value.count, depth_left - 1);
}

ch_status ch_mp_check(ch_str bytes, const ch_mp_limits *limits, ch_error *error)
{
    assert(limits->map_pairs <= CH_MP_PAIRS_MAX && limits->depth <= CH_MP_DEPTH_MAX &&
           limits->size_bytes <= UINT32_MAX);
    ch_mp_reader all = ch_mp_reader_of(bytes);
    mp_checker checker = {.start = all.at, .at = all.at, .end = all.end, .limits = limits, .error = error};
    if (bytes.size > limits->size_bytes) {
        return refuse_limit(&checker, "bytes", limits->size_bytes);
    }
    ch_status status = check_value(&checker, limits->depth);
    if (status == CH_OK && checker.at != checker.end) {
        return ch_error_set(error, CH_INVALID, "", "%zu bytes behind the value",
                            (size_t)(checker.end - checker.at));
    }
    return status;
}
