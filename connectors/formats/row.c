/* row.c - rows of a table as a transport makes them: an object a line, all values text or null. A row that could not be
 * read as it is says so in its member "$failed": {"code", "field", "reason"}, and becomes that failure.
 */
#include "connectors/formats/formats.h"

#include <jansson.h>
#include <string.h>

#define FAILED "$failed"

typedef struct reader {
    size_t record_most;
} reader;

static int open_reader(void *state, const casehub_value *values, size_t record_most, size_t field_most)
{
    (void)values, (void)field_most; /* the transport bounds each value */
    ((reader *)state)->record_most = record_most;
    return 0;
}

static void close_reader(void *state)
{
    (void)state;
}

static const char *member(const json_t *failed, const char *name, const char *otherwise)
{
    const char *text = json_string_value(json_object_get(failed, name));
    return text == NULL ? otherwise : text;
}

static void judge(const reader *r, const json_t *value, casehub_parsed *parsed)
{
    const json_t *failed = json_object_get(value, FAILED);
    if (!json_is_object(value)) {
        parsed->code = "invalid";
        parsed->reason = "an object is expected";
    } else if (failed != NULL) {
        parsed->code = member(failed, "code", "invalid");
        parsed->reason = member(failed, "reason", "the row could not be read");
        parsed->field = member(failed, "field", NULL);
    } else if (parsed->raw_size > r->record_most) {
        parsed->code = "too-large";
        parsed->reason = "the row is larger than record_most";
    }
}

static int take_line(void *state, const casehub_line *line, const casehub_sink *sink)
{
    casehub_parsed parsed = {
        CASEHUB_SIZED(casehub_parsed), .raw = line->raw,   .raw_size = line->raw_size, .line = line->number,
        .offset = line->offset,        .code = line->code, .reason = line->reason};
    json_t *value = NULL;
    if (line->text != NULL && line->text_size == strspn(line->text, " \r\n")) {
        return CASEHUB_FORMAT_OK;
    }
    if (line->text != NULL) {
        value = json_loadb(line->text, line->text_size, JSON_REJECT_DUPLICATES, NULL);
        judge(state, value, &parsed);
    }
    if (parsed.code == NULL) {
        parsed.json = line->text;
        parsed.json_size = line->text_size;
    }
    bool go_on = sink->record(sink, &parsed);
    json_decref(value);
    return go_on ? CASEHUB_FORMAT_OK : CASEHUB_FORMAT_STOP;
}

static int end_unit(void *state, const casehub_sink *sink)
{
    (void)state, (void)sink;
    return CASEHUB_FORMAT_OK;
}

const casehub_format ch_format_row = {
    CASEHUB_SIZED(casehub_format),
    .name = "row",
    .help = "rows of a table, as odbc_poll makes them: a JSON object a line",
    .state_size = sizeof(reader),
    .open = open_reader,
    .close = close_reader,
    .line = take_line,
    .end = end_unit,
};
