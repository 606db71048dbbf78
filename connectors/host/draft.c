#include "connectors/host/draft.h"

#include "connectors/host/local_time.h"
#include "hub/base/clock.h"
#include "hub/model/event.h"

#include <stdio.h>

#define DEPTH_MOST 16
#define EVENT_MOST ((size_t)1024 * 1024)

static bool is_text(jv value)
{
    return jv_get_kind(value) == JV_KIND_STRING;
}

/* Borrows object. Absent, or no string: "". False: too long. */
static bool copy_text(jv object, const char *name, char *out, size_t size)
{
    jv value = jv_object_get(jv_copy(object), jv_string(name));
    bool fits = true;
    out[0] = '\0';
    if (is_text(value)) {
        fits = (size_t)snprintf(out, size, "%s", jv_string_value(value)) < size;
    }
    jv_free(value);
    return fits;
}

/* Consumes {"$time", "zone"}; answers an RFC 3339 string, or jv_invalid. */
static jv convert_time(jv value, ch_error *error)
{
    char text[64], zone[64], formatted[CH_TIME_TEXT_SIZE];
    int64_t time_ms;
    bool fits = copy_text(value, "$time", text, sizeof text) && copy_text(value, "zone", zone, sizeof zone);
    jv_free(value);
    if (!fits || ch_local_time_parse(ch_str_of(text), zone, &time_ms, error) != CH_OK) {
        if (!fits) {
            ch_error_set(error, CH_INVALID, NULL, "the time or zone is too long");
        }
        return jv_invalid();
    }
    ch_time_format(time_ms, 0, formatted);
    return jv_string(formatted);
}

static jv convert(jv value, unsigned depth, ch_error *error);

/* "due" becomes "data.due". */
static void place_within(ch_error *error, const char *member)
{
    char where[2 * sizeof error
                       ->where]; /* more than is kept, so that the cut sees whether a character ends there */
    ch_str outer = ch_str_cut(ch_str_of(member), 40);
    snprintf(where, sizeof where, "%.*s%s%s", CH_STR_ARG(outer), error->where[0] == '\0' ? "" : ".",
             error->where);
    ch_str_copy_cut(error->where, sizeof error->where, ch_str_of(where));
}

static jv convert_members(jv object, unsigned depth, ch_error *error)
{
    jv result = jv_object();
    jv_object_foreach(object, key, value)
    {
        if (!jv_is_valid(result) || jv_get_kind(value) == JV_KIND_NULL) {
            jv_free(key);
            jv_free(value);
            continue;
        }
        jv converted = convert(value, depth + 1, error);
        if (jv_is_valid(converted)) {
            result = jv_object_set(result, key, converted);
            continue;
        }
        place_within(error, jv_string_value(key));
        jv_free(key);
        jv_free(result);
        jv_free(converted);
        result = jv_invalid();
    }
    jv_free(object);
    return result;
}

static jv convert_items(jv array, unsigned depth, ch_error *error)
{
    jv result = jv_array();
    int count = jv_array_length(jv_copy(array));
    for (int i = 0; i < count && jv_is_valid(result); i++) {
        jv converted = convert(jv_array_get(jv_copy(array), i), depth + 1, error);
        if (jv_is_valid(converted)) {
            result = jv_array_append(result, converted);
        } else {
            jv_free(result);
            result = converted;
        }
    }
    jv_free(array);
    return result;
}

/* Consumes value: times converted, nulls left out of objects. jv_invalid with error set. */
static jv convert(jv value, unsigned depth, ch_error *error)
{
    jv_kind kind = jv_get_kind(value);
    if (depth > DEPTH_MOST) {
        jv_free(value);
        ch_error_set(error, CH_TOO_LARGE, NULL, "nested deeper than %d", DEPTH_MOST);
        return jv_invalid();
    }
    if (kind == JV_KIND_OBJECT) {
        return jv_object_has(jv_copy(value), jv_string("$time")) ? convert_time(value, error)
                                                                 : convert_members(value, depth, error);
    }
    return kind == JV_KIND_ARRAY ? convert_items(value, depth, error) : value;
}

static jv remove_member(jv object, const char *name)
{
    return jv_object_delete(object, jv_string(name));
}

static bool has_member(jv object, const char *name)
{
    return jv_object_has(jv_copy(object), jv_string(name)) != 0;
}

static ch_status take_row(ch_draft *draft, ch_error *error)
{
    jv row = jv_object_get(jv_copy(draft->event), jv_string("$row"));
    bool fits = jv_get_kind(row) == JV_KIND_OBJECT && copy_text(row, "key", draft->key, sizeof draft->key) &&
                copy_text(row, "aspect", draft->aspect, sizeof draft->aspect);
    jv_free(row);
    if (!fits || draft->key[0] == '\0') {
        return ch_error_set(error, CH_INVALID, "$row", "a key of 1 to %d bytes and an aspect are expected",
                            CH_ROW_KEY_MAX);
    }
    if (has_member(draft->event, "id")) {
        return ch_error_set(error, CH_INVALID, "id", "an event with $row gets its id from the host");
    }
    draft->event = remove_member(draft->event, "$row");
    return CH_OK;
}

static ch_status refuse_host_members(const ch_draft *draft, ch_error *error)
{
    static const char *const names[] = {"specversion", "source", "mapping", "raw"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (has_member(draft->event, names[i])) {
            return ch_error_set(error, CH_INVALID, names[i], "this attribute is the host's");
        }
    }
    return CH_OK;
}

ch_status ch_draft_take(ch_draft *out_draft, jv output, ch_error *error)
{
    ch_draft draft = {.event = output};
    if (jv_get_kind(output) != JV_KIND_OBJECT) {
        jv_free(output);
        return ch_error_set(error, CH_INVALID, NULL, "the mapping answers something else than an event");
    }
    jv type = jv_object_get(jv_copy(output), jv_string("type"));
    bool has_type = is_text(type);
    jv_free(type);
    draft.silent = !has_type && has_member(output, "$row");
    ch_error inner = {.status = CH_OK};
    draft.event = convert(output, 1, &inner);
    if (!jv_is_valid(draft.event)) {
        jv_free(draft.event);
        return ch_error_set(error, inner.status, inner.where, "%s", inner.text);
    }
    ch_status status = refuse_host_members(&draft, error);
    if (status == CH_OK && has_member(draft.event, "$row")) {
        status = take_row(&draft, error);
    }
    if (status == CH_OK && !has_type && !draft.silent) {
        status = ch_error_set(error, CH_INVALID, "type", "the event has no type");
    }
    if (status != CH_OK) {
        ch_draft_done(&draft);
        return status;
    }
    *out_draft = draft;
    return CH_OK;
}

void ch_draft_done(ch_draft *draft)
{
    jv_free(draft->event);
    draft->event = jv_null();
}

static void append_dump(jv value, int flags, ch_buf *out)
{
    jv text = jv_dump_string(value, flags);
    ch_buf_append(out, jv_string_value(text), (size_t)jv_string_length_bytes(jv_copy(text)));
    jv_free(text);
}

void ch_draft_content(const ch_draft *draft, ch_buf *out)
{
    append_dump(remove_member(jv_copy(draft->event), "time"), JV_PRINT_SORTED, out);
}

static ch_status add_raw(ch_str encoded, ch_str raw, ch_buf *out, ch_error *error)
{
    ch_event event;
    ch_status status = ch_event_decode(encoded, CH_EVENT_PRODUCED, &event, error);
    if (status != CH_OK) {
        return status;
    }
    event.raw = raw;
    ch_event_encode(out, &event);
    return out->failed == CH_OK ? CH_OK
                                : ch_error_set(error, out->failed, NULL, "no room to encode the event");
}

ch_status ch_draft_encode(const ch_draft *draft, const ch_draft_additions *additions, ch_buf *out,
                          ch_error *error)
{
    ch_buf text, encoded;
    jv event = jv_object_set(jv_copy(draft->event), jv_string("specversion"), jv_string("1.0"));
    event = jv_object_set(event, jv_string("source"), jv_string(additions->source));
    event = jv_object_set(event, jv_string("mapping"), jv_string(additions->mapping));
    if (additions->id != NULL) {
        event = jv_object_set(event, jv_string("id"), jv_string(additions->id));
    }
    ch_buf_init(&text, EVENT_MOST);
    ch_buf_init(&encoded, EVENT_MOST);
    append_dump(event, 0, &text);
    ch_status status = ch_event_from_json(&encoded, ch_buf_str(&text), error);
    if (status == CH_OK) {
        status = add_raw(ch_buf_str(&encoded), additions->raw, out, error);
    }
    ch_buf_done(&text);
    ch_buf_done(&encoded);
    return status;
}
