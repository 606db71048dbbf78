/* Events as JSON objects: the same map, but for the times, which are RFC 3339. */
#include "hub/base/clock.h"
#include "hub/model/event_attributes.h"
#include "hub/model/json.h"

/* Appends another form of a time. */
typedef ch_status time_writer(ch_buf *out, const ch_mp_value *value, const char *name, ch_error *error);

static ch_status put_time_as_text(ch_buf *out, const ch_mp_value *value, const char *name, ch_error *error)
{
    char text[CH_TIME_TEXT_SIZE];
    if (value->kind != CH_MP_INT || value->integer < CH_TIME_LEAST || value->integer > CH_TIME_MOST) {
        return ch_error_set(error, CH_INVALID, name, "milliseconds of the years 1 to 9999 are expected");
    }
    ch_time_format(value->integer, 0, text);
    ch_mp_put_text(out, text);
    return CH_OK;
}

static ch_status put_time_as_number(ch_buf *out, const ch_mp_value *value, const char *name, ch_error *error)
{
    int64_t time_ms = value->integer;
    if (value->kind != CH_MP_INT &&
        (value->kind != CH_MP_STR || ch_time_parse(value->str, &time_ms) != CH_OK)) {
        return ch_error_set(error, CH_INVALID, name,
                            "a time as in RFC 3339 is expected, such as 2026-11-23T10:27:00+08:00");
    }
    ch_mp_put_int(out, time_ms);
    return CH_OK;
}

/* Appends a checked map, its times through `write`; everything else stays as it is. */
static ch_status rewrite_times(ch_buf *out, ch_str bytes, time_writer *write, ch_error *error)
{
    ch_mp_reader reader = ch_mp_reader_of(bytes);
    ch_mp_value head, key, value;
    ch_str whole;
    if (!ch_mp_next(&reader, &head) || head.kind != CH_MP_MAP) {
        return ch_error_set(error, CH_INVALID, "event", "an object is expected");
    }
    ch_mp_put_map(out, head.count);
    for (uint32_t i = 0; i < head.count && ch_mp_next(&reader, &key); i++) {
        ch_mp_reader ahead = reader;
        if (!ch_mp_next(&ahead, &value) || !ch_mp_skip(&reader, &whole)) {
            break;
        }
        const char *name = ch_str_is(key.str, "time")           ? "time"
                           : ch_str_is(key.str, "recordedtime") ? "recordedtime"
                                                                : NULL;
        ch_mp_put_str(out, key.str);
        if (name == NULL || value.kind == CH_MP_NIL) {
            ch_mp_put_raw(out, whole);
            continue;
        }
        ch_status status = write(out, &value, name, error);
        if (status != CH_OK) {
            return status;
        }
    }
    return out->failed == CH_OK ? CH_OK : ch_error_set(error, out->failed, "event", "no room for it");
}

ch_status ch_event_from_json(ch_buf *out_encoded, ch_str text, ch_error *error)
{
    const ch_mp_limits *limits = ch_event_limits(CH_EVENT_RECORDED);
    ch_buf read;
    size_t before = out_encoded->size;
    ch_buf_init(&read, limits->size_bytes);
    ch_status status = ch_json_to_mp(&read, text, limits, error);
    if (status == CH_OK) {
        status = rewrite_times(out_encoded, ch_buf_str(&read), put_time_as_number, error);
    }
    if (status != CH_OK) {
        out_encoded->size = before;
    }
    ch_buf_done(&read);
    return status;
}

ch_status ch_event_to_json(ch_buf *out_text, ch_str encoded)
{
    const ch_mp_limits *limits = ch_event_limits(CH_EVENT_RECORDED);
    ch_buf written;
    size_t before = out_text->size;
    ch_status status = ch_mp_check(encoded, limits, NULL);
    if (status != CH_OK) {
        return status;
    }
    ch_buf_init(&written, limits->size_bytes + 2 * CH_TIME_TEXT_SIZE);
    status = rewrite_times(&written, encoded, put_time_as_text, NULL);
    if (status == CH_OK) {
        status = ch_json_from_mp(out_text, ch_buf_str(&written));
    }
    if (status != CH_OK) {
        out_text->size = before;
    }
    ch_buf_done(&written);
    return status;
}
