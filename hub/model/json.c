#include "hub/model/json.h"

#include "hub/model/base64.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    REAL_TEXT_SIZE = 40, /* "-2.2250738585072014e-308" and a decimal point of the locale */
    TEXT_PER_BYTE = 8    /* the longest JSON for a byte of MessagePack: an empty bin has 14 for its 2 */
};

/* "$base64", "$$base64" ...: the names that stand for bin or, with one more "$", for themselves. */
static bool is_mark(ch_str key)
{
    size_t dollars = 0;
    while (dollars < key.size && key.at[dollars] == '$') {
        dollars++;
    }
    return dollars > 0 && ch_str_is((ch_str){key.at + dollars, key.size - dollars}, "base64");
}

static void write_inside(ch_buf *out, ch_str text)
{
    static const char short_forms[0x20] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    size_t written = 0;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = (uint8_t)text.at[i];
        if (byte >= 0x20 && byte != '"' && byte != '\\') {
            continue;
        }
        char escape[8] = {'\\', (char)byte};
        if (byte < 0x20 && short_forms[byte] == '\0') {
            snprintf(escape, sizeof escape, "\\u%04x", byte);
        } else if (byte < 0x20) {
            escape[1] = short_forms[byte];
        }
        ch_buf_append(out, text.at + written, i - written);
        ch_buf_append_text(out, escape);
        written = i + 1;
    }
    ch_buf_append(out, text.at + written, text.size - written);
}

static void write_string(ch_buf *out, ch_str text)
{
    ch_buf_append(out, "\"", 1);
    write_inside(out, text);
    ch_buf_append(out, "\"", 1);
}

/* The fewest of 15 to 17 digits that read back as the same number. */
static void write_real(ch_buf *out, double real)
{
    char text[REAL_TEXT_SIZE];
    bool looks_integer = true;
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, real);
        if (strtod(text, NULL) == real) {
            break;
        }
    }
    for (char *at = text; *at != '\0'; at++) {
        if (strchr("0123456789+-", *at) == NULL) {
            looks_integer = false;
            *at = *at == 'e' ? 'e' : '.'; /* a program may have set a locale with another point */
        }
    }
    ch_buf_append_text(out, text);
    ch_buf_append_text(out, looks_integer ? ".0" : "");
}

static void write_bin(ch_buf *out, ch_str bytes)
{
    ch_buf_append_text(out, "{\"$base64\":\"");
    ch_base64_encode(out, bytes);
    ch_buf_append_text(out, "\"}");
}

static void write_value(ch_buf *out, ch_mp_reader *reader);

static void write_array(ch_buf *out, ch_mp_reader *reader, uint32_t count)
{
    ch_buf_append(out, "[", 1);
    for (uint32_t i = 0; i < count && out->failed == CH_OK; i++) {
        ch_buf_append(out, ",", i > 0);
        write_value(out, reader);
    }
    ch_buf_append(out, "]", 1);
}

/* A map that would be read back as bin, or as a map that was protected from that. */
static bool needs_protection(ch_str key, ch_mp_reader reader)
{
    ch_mp_value value;
    return is_mark(key) && ch_mp_next(&reader, &value) && value.kind == CH_MP_STR &&
           ch_base64_is_valid(value.str);
}

static void write_map(ch_buf *out, ch_mp_reader *reader, uint32_t count)
{
    ch_mp_value key;
    ch_buf_append(out, "{", 1);
    for (uint32_t i = 0; i < count && out->failed == CH_OK && ch_mp_next(reader, &key); i++) {
        bool protect = count == 1 && needs_protection(key.str, *reader);
        ch_buf_append_text(out, i > 0 ? ",\"" : "\"");
        ch_buf_append_text(out, protect ? "$" : "");
        write_inside(out, key.str);
        ch_buf_append_text(out, "\":");
        write_value(out, reader);
    }
    ch_buf_append(out, "}", 1);
}

static void write_value(ch_buf *out, ch_mp_reader *reader)
{
    ch_mp_value value;
    if (!ch_mp_next(reader, &value)) {
        return;
    }
    switch (value.kind) {
    case CH_MP_NIL: ch_buf_append_text(out, "null"); break;
    case CH_MP_BOOL: ch_buf_append_text(out, value.boolean ? "true" : "false"); break;
    case CH_MP_INT: ch_buf_append_format(out, "%lld", (long long)value.integer); break;
    case CH_MP_FLOAT: write_real(out, value.real); break;
    case CH_MP_STR: write_string(out, value.str); break;
    case CH_MP_BIN: write_bin(out, value.str); break;
    case CH_MP_ARRAY: write_array(out, reader, value.count); break;
    case CH_MP_MAP: write_map(out, reader, value.count); break;
    }
}

ch_status ch_json_from_mp(ch_buf *out, ch_str bytes)
{
    ch_mp_reader reader = ch_mp_reader_of(bytes);
    write_value(out, &reader);
    return out->failed;
}

static ch_str string_of(const json_t *string)
{
    return (ch_str){json_string_value(string), json_string_length(string)};
}

static void put_decoded(ch_buf *out, ch_str base64)
{
    ch_buf bytes;
    ch_buf_init(&bytes, base64.size);
    ch_base64_decode(&bytes, base64);
    if (bytes.failed == CH_OK) {
        ch_mp_put_bin(out, ch_buf_str(&bytes));
    } else {
        out->failed = bytes.failed;
    }
    ch_buf_done(&bytes);
}

/* {"$base64":"..."} as bin, {"$$base64":"..."} as the map with one "$" less. False: neither of them. */
static bool put_marked(ch_buf *out, json_t *object)
{
    void *only = json_object_iter(object);
    if (json_object_size(object) != 1) {
        return false;
    }
    ch_str key = ch_str_of(json_object_iter_key(only));
    const json_t *value = json_object_iter_value(only);
    if (!is_mark(key) || !json_is_string(value) || !ch_base64_is_valid(string_of(value))) {
        return false;
    }
    if (key.at[1] != '$') {
        put_decoded(out, string_of(value));
        return true;
    }
    ch_mp_put_map(out, 1);
    ch_mp_put_str(out, (ch_str){key.at + 1, key.size - 1});
    ch_mp_put_str(out, string_of(value));
    return true;
}

static void put_value(ch_buf *out, json_t *value, unsigned depth_left);

/* Beyond the depth only the head is written: enough for ch_mp_check to refuse it, and to tell where. */
static void put_array(ch_buf *out, json_t *array, unsigned depth_left)
{
    size_t count = depth_left == 0 ? 0 : json_array_size(array);
    ch_mp_put_array(out, (uint32_t)count);
    for (size_t i = 0; i < count && out->failed == CH_OK; i++) {
        put_value(out, json_array_get(array, i), depth_left - 1);
    }
}

static void put_object(ch_buf *out, json_t *object, unsigned depth_left)
{
    if (put_marked(out, object)) {
        return;
    }
    size_t count = depth_left == 0 ? 0 : json_object_size(object);
    ch_mp_put_map(out, (uint32_t)count);
    void *pair = json_object_iter(object);
    for (size_t i = 0; i < count && out->failed == CH_OK; i++) {
        ch_mp_put_text(out, json_object_iter_key(pair));
        put_value(out, json_object_iter_value(pair), depth_left - 1);
        pair = json_object_iter_next(object, pair);
    }
}

static void put_value(ch_buf *out, json_t *value, unsigned depth_left)
{
    switch (json_typeof(value)) {
    case JSON_NULL: ch_mp_put_nil(out); break;
    case JSON_TRUE: ch_mp_put_bool(out, true); break;
    case JSON_FALSE: ch_mp_put_bool(out, false); break;
    case JSON_INTEGER: ch_mp_put_int(out, json_integer_value(value)); break;
    case JSON_REAL: ch_mp_put_float(out, json_real_value(value)); break;
    case JSON_STRING: ch_mp_put_str(out, string_of(value)); break;
    case JSON_ARRAY: put_array(out, value, depth_left); break;
    case JSON_OBJECT: put_object(out, value, depth_left); break;
    }
}

/* jansson's own text quotes what it stumbled over, which may be somebody's name. */
static const char *text_of(enum json_error_code code)
{
    switch (code) {
    case json_error_stack_overflow: return "nested too deeply";
    case json_error_invalid_utf8: return "not UTF-8";
    case json_error_premature_end_of_input: return "ends too early";
    case json_error_end_of_input_expected: return "there is more behind the value";
    case json_error_null_byte_in_key:
    case json_error_null_character: return "a key with a zero byte";
    case json_error_duplicate_key: return "a key occurs twice";
    case json_error_numeric_overflow: return "a number that is too large";
    default: return "not JSON";
    }
}

static ch_status refuse_text(const json_error_t *cause, ch_error *error)
{
    char where[48];
    enum json_error_code code = json_error_code(cause);
    if (code == json_error_out_of_memory) {
        return ch_error_set(error, CH_NO_MEMORY, "", "no memory to read the JSON text");
    }
    snprintf(where, sizeof where, "line %d, column %d", cause->line, cause->column);
    return ch_error_set(error, code == json_error_stack_overflow ? CH_TOO_LARGE : CH_INVALID, where, "%s",
                        text_of(code));
}

ch_status ch_json_to_mp(ch_buf *out, ch_str text, const ch_mp_limits *limits, ch_error *error)
{
    json_error_t cause;
    if (text.size / TEXT_PER_BYTE > limits->size_bytes) {
        return ch_error_set(error, CH_TOO_LARGE, "", "more than %zu bytes of JSON",
                            limits->size_bytes * TEXT_PER_BYTE);
    }
    json_t *value = json_loadb(text.size == 0 ? "" : text.at, text.size,
                               JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY, &cause);
    if (value == NULL) {
        return refuse_text(&cause, error);
    }
    size_t begun_at = out->size;
    put_value(out, value, limits->depth);
    json_decref(value);
    if (out->failed != CH_OK) {
        return ch_error_set(error, out->failed, "", "no room for the value");
    }
    ch_status status =
        ch_mp_check((ch_str){(const char *)out->at + begun_at, out->size - begun_at}, limits, error);
    if (status != CH_OK) {
        out->size = begun_at;
    }
    return status;
}
