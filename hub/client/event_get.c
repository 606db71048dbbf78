#include "hub/base/clock.h"
#include "hub/client/casehub.h"
#include "hub/model/event.h"
#include "hub/model/json.h"

#include <stdlib.h>

#define TEXT_MAX (8 * 1024 * 1024) /* an event's JSON: escapes and base64 included */

static char *take_text(ch_buf *text, ch_status status)
{
    char *taken = NULL;
    ch_buf_append(text, "", 1);
    if (status == CH_OK && text->failed == CH_OK) {
        size_t size;
        taken = (char *)ch_buf_take(text, &size);
    }
    ch_buf_done(text);
    return taken;
}

/* The last step's name in *out_name; its value's bytes. CH_STR_NONE when there is none. */
static ch_str walk(ch_str encoded, const char *path, ch_str *out_name)
{
    char key[CH_ID_MAX + 1];
    ch_str value = encoded;
    while (path != NULL) {
        const char *dot = strchr(path, '.');
        ch_str step = {path, dot == NULL ? strlen(path) : (size_t)(dot - path)};
        ch_str inner;
        if (ch_str_copy(key, sizeof key, step) != CH_OK || !ch_mp_find(value, key, NULL, &inner)) {
            return CH_STR_NONE;
        }
        *out_name = step;
        value = inner;
        path = dot == NULL ? NULL : dot + 1;
    }
    return value;
}

static bool is_time(ch_str name, const char *path)
{
    return strchr(path, '.') == NULL && (ch_str_is(name, "time") || ch_str_is(name, "recordedtime"));
}

static char *value_text(ch_str bytes, bool time)
{
    char moment[CH_TIME_TEXT_SIZE];
    ch_buf text;
    ch_mp_value value;
    ch_mp_reader reader = ch_mp_reader_of(bytes);
    if (!ch_mp_next(&reader, &value) || value.kind == CH_MP_NIL) {
        return NULL;
    }
    ch_buf_init(&text, TEXT_MAX);
    if (value.kind == CH_MP_STR) {
        ch_buf_append_str(&text, value.str);
        return take_text(&text, CH_OK);
    }
    if (value.kind == CH_MP_INT && time) {
        ch_time_format(value.integer, 0, moment);
        ch_buf_append_text(&text, moment);
        return take_text(&text, CH_OK);
    }
    return take_text(&text, ch_json_from_mp(&text, bytes));
}

char *casehub_event_get(const casehub_event *event, const char *path)
{
    ch_str name = CH_STR_NONE;
    ch_str value = walk((ch_str){event->encoded, event->encoded_size}, path, &name);
    return path == NULL || value.at == NULL ? NULL : value_text(value, is_time(name, path));
}

char *casehub_event_json(const casehub_event *event)
{
    ch_buf text;
    ch_buf_init(&text, TEXT_MAX);
    return take_text(&text, ch_event_to_json(&text, (ch_str){event->encoded, event->encoded_size}));
}
