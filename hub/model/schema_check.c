/* An event against its type: the fields of data and private, and times that came as text. */
#include "hub/base/clock.h"
#include "hub/model/schema_inside.h"

#include <stdio.h>

/* "data" or "private" of one event, and what its type says of it. */
typedef struct part {
    const char *name;
    ch_str map;
    const ch_field *fields;
    size_t field_count, required;
    const ch_name_index *index;
} part;

static void name_place(const part *of, const ch_field *field, char *out, size_t size)
{
    snprintf(out, size, "%s.%s", of->name, field->name);
}

static ch_status refuse(const part *of, const ch_field *field, ch_error *error, const char *expected)
{
    char place[CH_CODE_MAX + sizeof "private."];
    name_place(of, field, place, sizeof place);
    return ch_error_set(error, CH_INVALID, place, "%s", expected);
}

static ch_status refuse_bounds(const part *of, const ch_field *field, ch_error *error, const char *what)
{
    char place[CH_CODE_MAX + sizeof "private."];
    name_place(of, field, place, sizeof place);
    if (field->most == INT64_MAX) {
        return ch_error_set(error, CH_INVALID, place, "%s below %lld", what, (long long)field->least);
    }
    if (field->least == INT64_MIN) {
        return ch_error_set(error, CH_INVALID, place, "%s above %lld", what, (long long)field->most);
    }
    return ch_error_set(error, CH_INVALID, place, "%s outside %lld to %lld", what, (long long)field->least,
                        (long long)field->most);
}

static bool is_within(const ch_field *field, int64_t value)
{
    return value >= field->least && value <= field->most;
}

/* INT64_MAX is no double: an absent bound is not compared. */
static bool is_real_within(const ch_field *field, double value)
{
    return (field->least == INT64_MIN || value >= (double)field->least) &&
           (field->most == INT64_MAX || value <= (double)field->most);
}

static ch_status check_code(const part *of, const ch_field *field, const ch_mp_value *value, ch_error *error)
{
    if (value->kind != CH_MP_STR || !ch_is_code(value->str, true)) {
        return refuse(of, field, error, "a code is expected: 1 to 63 characters of a-z, 0-9, _, - and .");
    }
    if (field->values == NULL) {
        return CH_OK;
    }
    for (size_t i = 0; i < field->value_count; i++) {
        if (ch_str_is(value->str, field->values[i])) {
            return CH_OK;
        }
    }
    return refuse(of, field, error, "none of the allowed codes");
}

static ch_status check_number(const part *of, const ch_field *field, const ch_mp_value *value,
                              ch_error *error)
{
    if (value->kind == CH_MP_FLOAT) {
        return is_real_within(field, value->real) ? CH_OK : refuse_bounds(of, field, error, "a number");
    }
    if (value->kind != CH_MP_INT) {
        return refuse(of, field, error, "a number is expected");
    }
    return is_within(field, value->integer) ? CH_OK : refuse_bounds(of, field, error, "a number");
}

static ch_status check_time(const part *of, const ch_field *field, const ch_mp_value *value, ch_error *error)
{
    int64_t time_ms;
    if (value->kind == CH_MP_STR && ch_time_parse(value->str, &time_ms) == CH_OK) {
        return CH_OK;
    }
    if (value->kind == CH_MP_INT && value->integer >= CH_TIME_LEAST && value->integer <= CH_TIME_MOST) {
        return CH_OK;
    }
    return refuse(of, field, error, "a time is expected: milliseconds, or text as in RFC 3339");
}

static ch_status check_count(const part *of, const ch_field *field, const ch_mp_value *value, ch_mp_kind kind,
                             ch_error *error)
{
    bool is_list = kind == CH_MP_ARRAY;
    if (value->kind != kind) {
        return refuse(of, field, error, is_list ? "a list is expected" : "a map is expected");
    }
    return is_within(field, value->count)
               ? CH_OK
               : refuse_bounds(of, field, error, is_list ? "a number of items" : "a number of fields");
}

static ch_status check_value(const part *of, const ch_field *field, const ch_mp_value *value, ch_error *error)
{
    switch (field->kind) {
    case CH_FIELD_STRING:
        if (value->kind != CH_MP_STR) {
            return refuse(of, field, error, "a string is expected");
        }
        return is_within(field, (int64_t)value->str.size)
                   ? CH_OK
                   : refuse_bounds(of, field, error, "a number of bytes");
    case CH_FIELD_BYTES:
        if (value->kind != CH_MP_BIN) {
            return refuse(of, field, error, "bytes are expected");
        }
        return is_within(field, (int64_t)value->str.size)
                   ? CH_OK
                   : refuse_bounds(of, field, error, "a number of bytes");
    case CH_FIELD_CODE: return check_code(of, field, value, error);
    case CH_FIELD_INT:
        if (value->kind != CH_MP_INT) {
            return refuse(of, field, error, "an integer is expected");
        }
        return is_within(field, value->integer) ? CH_OK : refuse_bounds(of, field, error, "a number");
    case CH_FIELD_NUMBER: return check_number(of, field, value, error);
    case CH_FIELD_BOOL:
        return value->kind == CH_MP_BOOL ? CH_OK : refuse(of, field, error, "true or false is expected");
    case CH_FIELD_TIME: return check_time(of, field, value, error);
    case CH_FIELD_LIST: return check_count(of, field, value, CH_MP_ARRAY, error);
    case CH_FIELD_MAP: return check_count(of, field, value, CH_MP_MAP, error);
    }
    return CH_INVALID;
}

static ch_status refuse_missing(const part *of, ch_error *error)
{
    for (size_t i = 0; i < of->field_count; i++) {
        ch_mp_value value;
        const ch_field *field = &of->fields[i];
        bool there = ch_mp_find(of->map, field->name, &value, NULL) && value.kind != CH_MP_NIL;
        if (field->required && !there) {
            return refuse(of, field, error, "missing");
        }
    }
    return CH_OK;
}

/* nil says nothing: it equals absence. Unknown fields are none of the schema's business. */
static ch_status check_part(const part *of, ch_error *error)
{
    ch_mp_reader reader = ch_mp_reader_of(of->map);
    ch_mp_value head = {.count = 0}, key, value;
    ch_str bytes;
    size_t required = 0;
    if (of->map.size > 0 && (!ch_mp_next(&reader, &head) || head.kind != CH_MP_MAP)) {
        return ch_error_set(error, CH_INVALID, of->name, "a map is expected");
    }
    for (uint32_t i = 0; i < head.count && ch_mp_next(&reader, &key); i++) {
        ch_mp_reader ahead = reader;
        if (!ch_mp_next(&ahead, &value) || !ch_mp_skip(&reader, &bytes)) {
            break;
        }
        const ch_field *field = ch_schema_field(of->index, of->fields, key.str);
        if (field == NULL || value.kind == CH_MP_NIL) {
            continue;
        }
        ch_status status = check_value(of, field, &value, error);
        if (status != CH_OK) {
            return status;
        }
        required += field->required;
    }
    return required == of->required ? CH_OK : refuse_missing(of, error);
}

ch_status ch_schema_check(const ch_schema *schema, const ch_event *event, bool by_hub, ch_error *error)
{
    const ch_schema_entry *entry = ch_schema_entry_find(schema, event->type);
    if (entry == NULL) {
        return ch_error_set(error, CH_INVALID, "type", "%.*s is no known event type",
                            CH_STR_ARG(event->type));
    }
    if (!entry->type.producible && !by_hub) {
        return ch_error_set(error, CH_INVALID, "type", "only the hub itself reports %s", entry->type.name);
    }
    const part data = {
        "data",        event->data, entry->type.fields, entry->type.field_count, entry->required_fields,
        &entry->fields};
    const part of_persons = {"private",
                             event->private_data,
                             entry->type.private_fields,
                             entry->type.private_count,
                             entry->required_private,
                             &entry->private_fields};
    ch_status status = check_part(&data, error);
    return status == CH_OK ? check_part(&of_persons, error) : status;
}

static bool is_time_text(const ch_schema_entry *entry, ch_str key, const ch_mp_value *value)
{
    if (value->kind != CH_MP_STR) {
        return false;
    }
    const ch_field *field = ch_schema_field(&entry->fields, entry->type.fields, key);
    return field != NULL && field->kind == CH_FIELD_TIME;
}

static bool has_time_text(const ch_schema_entry *entry, ch_str data)
{
    ch_mp_reader reader = ch_mp_reader_of(data);
    ch_mp_value head, key, value;
    ch_str bytes;
    if (!ch_mp_next(&reader, &head) || head.kind != CH_MP_MAP) {
        return false;
    }
    for (uint32_t i = 0; i < head.count && ch_mp_next(&reader, &key); i++) {
        ch_mp_reader ahead = reader;
        if (!ch_mp_next(&ahead, &value) || !ch_mp_skip(&reader, &bytes)) {
            break;
        }
        if (is_time_text(entry, key.str, &value)) {
            return true;
        }
    }
    return false;
}

static ch_status put_normal(ch_buf *out, const ch_schema_entry *entry, ch_str data, ch_error *error)
{
    char place[CH_CODE_MAX + sizeof "data."];
    ch_mp_reader reader = ch_mp_reader_of(data);
    ch_mp_value head = {.count = 0}, key, value;
    ch_str bytes;
    int64_t time_ms;
    (void)ch_mp_next(&reader, &head);
    ch_mp_put_map(out, head.count);
    for (uint32_t i = 0; i < head.count && ch_mp_next(&reader, &key); i++) {
        ch_mp_reader ahead = reader;
        if (!ch_mp_next(&ahead, &value) || !ch_mp_skip(&reader, &bytes)) {
            break;
        }
        ch_mp_put_str(out, key.str);
        if (!is_time_text(entry, key.str, &value)) {
            ch_mp_put_raw(out, bytes);
            continue;
        }
        if (ch_time_parse(value.str, &time_ms) != CH_OK) {
            snprintf(place, sizeof place, "data.%.*s", CH_STR_ARG(key.str));
            return ch_error_set(error, CH_INVALID, place,
                                "a time is expected: milliseconds, or text as in RFC 3339");
        }
        ch_mp_put_int(out, time_ms);
    }
    return out->failed == CH_OK ? CH_OK : ch_error_set(error, out->failed, "data", "no room to rewrite it");
}

ch_status ch_schema_normalize(const ch_schema *schema, const ch_event *event, ch_buf *out_data,
                              bool *out_changed, ch_error *error)
{
    const ch_schema_entry *entry = ch_schema_entry_find(schema, event->type);
    size_t before = out_data->size;
    if (entry == NULL || !entry->has_times || event->data.size == 0 || !has_time_text(entry, event->data)) {
        *out_changed = false;
        return CH_OK;
    }
    ch_status status = put_normal(out_data, entry, event->data, error);
    if (status != CH_OK) {
        out_data->size = before;
        return status;
    }
    *out_changed = true;
    return CH_OK;
}
