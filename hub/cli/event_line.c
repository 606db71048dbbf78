#include "hub/cli/event_line.h"

#include "hub/base/array.h"
#include "hub/cli/text_width.h"
#include "hub/cli/times.h"

#include <inttypes.h>

static const struct {
    const char *field, *before;
    bool is_time;
} said[] = {
    {"handoff", "", false},     {"party", "", false},          {"into", "into ", false},
    {"other", "with ", false},  {"relation", "as ", false},    {"reported", "reported ", false},
    {"merged", "of ", false},   {"clock", "", false},          {"rule", "", false},
    {"code", "", false},        {"value", "", false},          {"connector", "", false},
    {"state", "", false},       {"action", "", false},         {"number", "number ", false},
    {"name", "", false},        {"reason", "because ", false}, {"resolution", "", false},
    {"score", "score ", false}, {"level", "level ", false},    {"to", "to ", false},
    {"due", "due ", true},      {"until", "until ", true},     {"title", "", false},
    {"text", "", false},
};

static void append_said(ch_buf *all, const json_t *data, size_t index)
{
    char time[CH_LOCAL_TIME_SIZE];
    int64_t time_ms;
    const json_t *value = json_object_get(data, said[index].field);
    const char *between = all->size > 0 ? ", " : "";
    if (said[index].is_time && ch_row_time(data, said[index].field, &time_ms)) {
        ch_local_time(time_ms, time);
        ch_buf_append_format(all, "%s%s%s", between, said[index].before, time);
    } else if (json_is_string(value) && json_string_length(value) > 0) {
        ch_buf_append_format(all, "%s%s%s", between, said[index].before, json_string_value(value));
    } else if (json_is_integer(value)) {
        ch_buf_append_format(all, "%s%s%" PRId64, between, said[index].before,
                             (int64_t)json_integer_value(value));
    }
}

void ch_event_gist(ch_buf *out, const json_t *event, size_t most)
{
    const json_t *data = ch_row_map(event, "data");
    ch_buf all;
    ch_buf_init(&all, 1 << 20);
    ch_buf_append_text(&all, ch_row_bool(event, "inferred") ? "(inferred)" : "");
    ch_buf_append_text(&all, ch_row_bool(event, "anomalous") ? "(anomalous)" : "");
    ch_buf_append_text(&all, ch_row_bool(event, "testmode") ? "(drill)" : "");
    for (size_t i = 0; i < CH_COUNT_OF(said); i++) {
        append_said(&all, data, i);
    }
    ch_text_append(out, ch_buf_str(&all), most);
    ch_buf_done(&all);
}
