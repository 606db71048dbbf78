/* json.c - JSON: an object a line, or one document that is an object, an array of objects, or holds such an array.
 *
 * jq counts in doubles, so an integer beyond 2^53 becomes a string before anybody can round it.
 */
#include "connectors/formats/formats.h"
#include "connectors/formats/json_numbers.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#define DEPTH_MOST 64

enum { OPTION_LINES, OPTION_ITEMS, OPTION_MOST };
static const casehub_option options[] = {
    [OPTION_LINES] = {"lines", CASEHUB_OPTION_BOOL, "true", 0, 0,
                      "an object a line; else the unit is one document"},
    [OPTION_ITEMS] = {"items", CASEHUB_OPTION_TEXT, "", 0, 100,
                      "member of the document that holds the array of records"},
    [OPTION_MOST] = {"document_most", CASEHUB_OPTION_SIZE, "16MiB", 1024, 256 * 1024 * 1024,
                     "bytes of a document"},
};

typedef struct reader {
    const casehub_value *values;
    ch_buf text;   /* the line, or the document, with its large integers quoted */
    ch_buf source; /* the document as it came, in UTF-8 */
} reader;

static int open_reader(void *state, const casehub_value *values, size_t record_most, size_t field_most)
{
    reader *r = state;
    size_t most = values[OPTION_LINES].flag ? record_most : (size_t)values[OPTION_MOST].number;
    (void)field_most; /* a value is no larger than its record */
    r->values = values;
    ch_buf_init(&r->source, 4 * most);
    ch_buf_init(&r->text, 8 * most);
    return 0;
}

static void close_reader(void *state)
{
    reader *r = state;
    ch_buf_done(&r->source);
    ch_buf_done(&r->text);
}

static bool is_shallow(const json_t *value, unsigned depth)
{
    const char *key;
    json_t *member;
    size_t i;
    if (depth > DEPTH_MOST) {
        return false;
    }
    json_object_foreach((json_t *)value, key, member)
    {
        if (!is_shallow(member, depth + 1)) {
            return false;
        }
    }
    json_array_foreach(value, i, member)
    {
        if (!is_shallow(member, depth + 1)) {
            return false;
        }
    }
    return true;
}

/* Jansson's own texts quote the content. A record that is a line has its line told as its place. */
static void describe(const json_error_t *error, bool lines, char *reason, size_t reason_size)
{
    char line[24] = "";
    if (!lines) {
        snprintf(line, sizeof line, "line %d, ", error->line);
    }
    snprintf(reason, reason_size, "no JSON: %scolumn %d", line, error->column);
}

static json_t *load(const reader *r, char *reason, size_t reason_size)
{
    json_error_t error;
    if (r->text.failed != CH_OK) {
        snprintf(reason, reason_size, "no memory to read it");
        return NULL;
    }
    json_t *value = json_loadb((const char *)r->text.at, r->text.size, JSON_REJECT_DUPLICATES, &error);
    if (value == NULL) {
        describe(&error, r->values[OPTION_LINES].flag, reason, reason_size);
    } else if (!is_shallow(value, 1)) {
        snprintf(reason, reason_size, "nested deeper than %d", DEPTH_MOST);
        json_decref(value);
        value = NULL;
    }
    return value;
}

static int fail_line(const casehub_line *line, const casehub_sink *sink, const char *code, const char *reason)
{
    const casehub_parsed parsed = {CASEHUB_SIZED(casehub_parsed),
                                   .raw = line->raw,
                                   .raw_size = line->raw_size,
                                   .line = line->number,
                                   .offset = line->offset,
                                   .code = code,
                                   .reason = reason};
    return sink->record(sink, &parsed) ? CASEHUB_FORMAT_OK : CASEHUB_FORMAT_STOP;
}

static int read_line(reader *r, const casehub_line *line, const casehub_sink *sink)
{
    char reason[120];
    ch_str text = {line->text, line->text_size};
    while (text.size > 0 && isspace((unsigned char)text.at[text.size - 1])) {
        text.size--;
    }
    if (text.size == 0) {
        return CASEHUB_FORMAT_OK;
    }
    ch_json_quote_large_integers(&r->text, text);
    json_t *value = load(r, reason, sizeof reason);
    if (value == NULL) {
        return fail_line(line, sink, "invalid", reason);
    }
    bool object = json_is_object(value);
    json_decref(value);
    if (!object) {
        return fail_line(line, sink, "invalid", "an object is expected");
    }
    const casehub_parsed parsed = {CASEHUB_SIZED(casehub_parsed), .json = (const char *)r->text.at,
                                   .json_size = r->text.size,     .raw = line->raw,
                                   .raw_size = line->raw_size,    .line = line->number,
                                   .offset = line->offset};
    return sink->record(sink, &parsed) ? CASEHUB_FORMAT_OK : CASEHUB_FORMAT_STOP;
}

static int reject(const casehub_sink *sink, const char *reason)
{
    sink->reject(sink, reason);
    return CASEHUB_FORMAT_REJECT;
}

static int take_line(void *state, const casehub_line *line, const casehub_sink *sink)
{
    reader *r = state;
    if (r->values[OPTION_LINES].flag) {
        return line->text == NULL ? fail_line(line, sink, line->code, line->reason)
                                  : read_line(r, line, sink);
    }
    if (line->text == NULL) {
        return reject(sink, line->reason);
    }
    if (r->source.size + line->text_size > (size_t)r->values[OPTION_MOST].number) {
        return reject(sink, "the document is larger than document_most");
    }
    ch_buf_append(&r->source, line->text, line->text_size);
    return r->source.failed == CH_OK ? CASEHUB_FORMAT_OK : CASEHUB_FORMAT_STOP;
}

/* Jansson does not tell on which line an item began, so its number among the items is its place. ASCII is the same in
 * every character set that the host takes, so that a retry can read the raw again. */
static int emit_item(const json_t *item, uint64_t number, const casehub_sink *sink)
{
    char *text = json_is_object(item) ? json_dumps(item, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
    char *raw = text == NULL ? json_dumps(item, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_ENCODE_ANY) : text;
    const casehub_parsed parsed = {CASEHUB_SIZED(casehub_parsed),
                                   .json = text,
                                   .json_size = text == NULL ? 0 : strlen(text),
                                   .raw = raw,
                                   .raw_size = raw == NULL ? 0 : strlen(raw),
                                   .line = number,
                                   .code = text == NULL ? "invalid" : NULL,
                                   .reason = text == NULL ? "an object is expected" : NULL};
    bool go_on = sink->record(sink, &parsed);
    free(raw);
    return go_on ? CASEHUB_FORMAT_OK : CASEHUB_FORMAT_STOP;
}

/* A retry hands over one item alone, so a document that is an object without the member is an item itself. */
static int emit_items(reader *r, json_t *document, const casehub_sink *sink)
{
    const char *items = r->values[OPTION_ITEMS].text;
    const json_t *member = items[0] == '\0' ? NULL : json_object_get(document, items);
    const json_t *list = json_is_array(document) ? document : member;
    int result = CASEHUB_FORMAT_OK;
    if (list == NULL && json_is_object(document)) {
        return emit_item(document, 1, sink);
    }
    if (!json_is_array(list)) {
        return reject(sink, "an array of objects is expected");
    }
    for (size_t i = 0; i < json_array_size(list) && result == CASEHUB_FORMAT_OK; i++) {
        result = emit_item(json_array_get(list, i), i + 1, sink);
    }
    return result;
}

static int end_unit(void *state, const casehub_sink *sink)
{
    reader *r = state;
    char reason[120];
    if (r->values[OPTION_LINES].flag) {
        return CASEHUB_FORMAT_OK;
    }
    ch_json_quote_large_integers(&r->text, ch_buf_str(&r->source));
    json_t *document = load(r, reason, sizeof reason);
    if (document == NULL) {
        return reject(sink, reason);
    }
    int result = emit_items(r, document, sink);
    json_decref(document);
    return result;
}

const casehub_format ch_format_json = {
    CASEHUB_SIZED(casehub_format),
    .name = "json",
    .help = "JSON, an object a line or one document",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .state_size = sizeof(reader),
    .open = open_reader,
    .close = close_reader,
    .line = take_line,
    .end = end_unit,
};
