#include "hub/cli/rows.h"

#include "hub/base/array.h"
#include "hub/base/clock.h"
#include "hub/cli/times.h"

#include <inttypes.h>
#include <stdlib.h>

#define CELL_BYTES_MAX 4096

/* Of the answers in hub/wire/QUERIES.md, and of events. */
static const char *const row_times[] = {"opened",       "changed",  "since",        "due",       "offered",
                                        "delivered",    "accepted", "started",      "ended",     "entered",
                                        "left",         "recorded", "last_success", "last_sent", "time",
                                        "recordedtime", "again",    "oldest",       "newest"};
/* Of an event's data. */
static const char *const data_times[] = {"due", "until", "again"};

const char *ch_row_text(const json_t *row, const char *field)
{
    const char *text = json_string_value(json_object_get(row, field));
    return text == NULL ? "" : text;
}

int64_t ch_row_int(const json_t *row, const char *field, int64_t fallback)
{
    const json_t *value = json_object_get(row, field);
    return json_is_integer(value) ? (int64_t)json_integer_value(value) : fallback;
}

bool ch_row_bool(const json_t *row, const char *field)
{
    return json_is_true(json_object_get(row, field));
}

static bool time_of(const json_t *value, int64_t *out_time_ms)
{
    if (json_is_integer(value)) {
        *out_time_ms = (int64_t)json_integer_value(value);
        return true;
    }
    return json_is_string(value) && ch_time_parse(ch_str_of(json_string_value(value)), out_time_ms) == CH_OK;
}

bool ch_row_time(const json_t *row, const char *field, int64_t *out_time_ms)
{
    return time_of(json_object_get(row, field), out_time_ms);
}

const json_t *ch_row_map(const json_t *row, const char *field)
{
    const json_t *map = json_object_get(row, field);
    return json_is_object(map) ? map : NULL;
}

static void show_times_of(json_t *object, const char *const *fields, size_t count)
{
    char text[CH_TIME_TEXT_SIZE];
    for (size_t i = 0; i < count; i++) {
        const json_t *value = json_object_get(object, fields[i]);
        if (json_is_integer(value)) {
            ch_time_format((int64_t)json_integer_value(value), 0, text);
            json_object_set_new(object, fields[i], json_string(text));
        }
    }
}

void ch_row_show_times(json_t *row)
{
    static const char *const parts[] = {"handoffs", "clocks", "steps"};
    size_t index;
    json_t *item, *part;
    show_times_of(row, row_times, CH_COUNT_OF(row_times));
    show_times_of(json_object_get(row, "data"), data_times, CH_COUNT_OF(data_times));
    for (size_t i = 0; i < CH_COUNT_OF(parts); i++) {
        json_array_foreach(json_object_get(row, parts[i]), index, item)
        {
            show_times_of(item, row_times, CH_COUNT_OF(row_times));
        }
    }
    part = json_object_get(row, "opened_event");
    if (part != NULL) {
        ch_row_show_times(part);
    }
}

ch_status ch_row_print_json(FILE *out, json_t *row)
{
    ch_row_show_times(row);
    char *text = json_dumps(row, JSON_COMPACT);
    if (text == NULL) {
        return CH_NO_MEMORY;
    }
    fprintf(out, "%s\n", text);
    free(text);
    return CH_OK;
}

static void append_plain(ch_buf *out, const json_t *value)
{
    size_t index;
    const json_t *item;
    switch (json_typeof(value)) {
    case JSON_STRING: ch_buf_append(out, json_string_value(value), json_string_length(value)); break;
    case JSON_INTEGER: ch_buf_append_format(out, "%" PRId64, (int64_t)json_integer_value(value)); break;
    case JSON_REAL: ch_buf_append_format(out, "%g", json_real_value(value)); break;
    case JSON_TRUE: ch_buf_append_text(out, "yes"); break;
    case JSON_FALSE: ch_buf_append_text(out, "no"); break;
    case JSON_NULL: break;
    case JSON_OBJECT: ch_buf_append_text(out, "{...}"); break;
    case JSON_ARRAY:
        json_array_foreach(value, index, item)
        {
            ch_buf_append_text(out, index == 0 ? "" : ",");
            /* Lists in answers are lists of words; anything deeper is for --json. */
            if (json_is_array(item)) {
                ch_buf_append_text(out, "[...]");
            } else {
                append_plain(out, item);
            }
        }
        break;
    }
}

static void append_cell(ch_buf *out, const json_t *value, ch_cell kind)
{
    char text[CH_LOCAL_TIME_SIZE];
    int64_t time_ms;
    if (value == NULL) {
        return;
    }
    if (kind == CH_CELL_TIME && time_of(value, &time_ms)) {
        ch_local_time(time_ms, text);
        ch_buf_append_text(out, text);
    } else if (kind == CH_CELL_DURATION && json_is_integer(value)) {
        ch_duration((int64_t)json_integer_value(value), text);
        ch_buf_append_text(out, text);
    } else {
        append_plain(out, value);
    }
}

void ch_row_to_table(ch_table *table, const json_t *row, const ch_column *columns, size_t count)
{
    ch_buf cell;
    ch_buf_init(&cell, CELL_BYTES_MAX);
    for (size_t i = 0; i < count; i++) {
        ch_buf_clear(&cell);
        append_cell(&cell, json_object_get(row, columns[i].field), columns[i].kind);
        ch_table_add(table, ch_buf_str(&cell));
    }
    ch_buf_done(&cell);
}
