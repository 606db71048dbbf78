/* xml.c - XML: the document element is a record, or elements within it are.
 *
 * A document that cannot be read is rejected whole, before any record of it is handed on.
 */
#include "connectors/formats/formats.h"
#include "connectors/formats/xml_text.h"
#include "connectors/formats/xml_tree.h"

#include <errno.h>
#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>

enum { OPTION_RECORD, OPTION_NAMESPACE, OPTION_ARRAYS, OPTION_MOST };
static const casehub_option options[] = {
    [OPTION_RECORD] = {"record", CASEHUB_OPTION_TEXT, "", 0, 1000,
                       "the elements that are records: a name, or a path such as \"alerts/alert\"; else the "
                       "document element"},
    [OPTION_NAMESPACE] = {"namespace", CASEHUB_OPTION_TEXT, "", 0, 300,
                          "that records must be in; elements of others within them are left out"},
    [OPTION_ARRAYS] = {"arrays", CASEHUB_OPTION_TEXTS, "", 0, 0,
                       "names of elements that become an array even when there is one"},
    [OPTION_MOST] = {"document_most", CASEHUB_OPTION_SIZE, "16MiB", 1024, 256 * 1024 * 1024,
                     "bytes of a document"},
};

typedef struct reader {
    const casehub_value *values;
    size_t record_most, field_most;
    ch_buf text; /* the document in UTF-8 */
    ch_buf raw;  /* as it came */
    char charset[40];
    iconv_t conversion; /* to the document's character set */
    const casehub_sink *sink;
} reader;

#define NO_CONVERSION ((iconv_t)-1)

static int open_reader(void *state, const casehub_value *values, size_t record_most, size_t field_most)
{
    reader *r = state;
    size_t most = (size_t)values[OPTION_MOST].number;
    r->values = values;
    r->record_most = record_most;
    r->field_most = field_most;
    r->conversion = NO_CONVERSION;
    ch_buf_init(&r->text, 4 * most);
    ch_buf_init(&r->raw, most);
    return 0;
}

static void close_reader(void *state)
{
    reader *r = state;
    ch_buf_done(&r->text);
    ch_buf_done(&r->raw);
    if (r->conversion != NO_CONVERSION) {
        iconv_close(r->conversion);
    }
}

static int reject(const casehub_sink *sink, const char *reason)
{
    sink->reject(sink, reason);
    return CASEHUB_FORMAT_REJECT;
}

static int take_line(void *state, const casehub_line *line, const casehub_sink *sink)
{
    reader *r = state;
    if (line->text == NULL) {
        char reason[400];
        snprintf(reason, sizeof reason, "line %llu: %s", (unsigned long long)line->number, line->reason);
        return reject(sink, reason);
    }
    if (r->raw.size + line->raw_size > r->raw.limit) {
        return reject(sink, "the document is larger than document_most");
    }
    if (line->charset != NULL && r->charset[0] == '\0') {
        ch_str_copy_cut(r->charset, sizeof r->charset, ch_str_of(line->charset));
    }
    ch_buf_append(&r->text, line->text, line->text_size);
    ch_buf_append(&r->raw, line->raw, line->raw_size);
    return r->text.failed == CH_OK && r->raw.failed == CH_OK ? CASEHUB_FORMAT_OK : CASEHUB_FORMAT_STOP;
}

/* ---- a record that is a part of its document: a document of its own, in the same character set */

static bool convert(reader *r, const ch_buf *text, ch_buf *out)
{
    char *in = (char *)text->at, chunk[4096];
    size_t left = text->size, result = 0;
    iconv(r->conversion, NULL, NULL, NULL, NULL);
    ch_buf_clear(out);
    while (left > 0 && (result != (size_t)-1 || errno == E2BIG)) {
        char *to = chunk;
        size_t room = sizeof chunk;
        result = iconv(r->conversion, &in, &left, &to, &room);
        ch_buf_append(out, chunk, sizeof chunk - room);
    }
    return left == 0 && out->failed == CH_OK;
}

static bool open_conversion(reader *r)
{
    if (r->conversion == NO_CONVERSION) {
        r->conversion = iconv_open(r->charset[0] == '\0' ? "UTF-8" : r->charset, "UTF-8");
    }
    return r->conversion != NO_CONVERSION;
}

/* The elements of the path stand around it again, so that the same setting finds it. */
static bool append_within(ch_buf *out, const char *path, const json_t *tree, bool ascii)
{
    const ch_xml_text_options text_options = {.any_name = true, .ascii = ascii};
    int size = (int)strcspn(path, "/");
    ch_error error;
    if (path[size] == '\0') {
        return ch_xml_append(out, tree, &text_options, &error) == CH_OK;
    }
    ch_buf_append_format(out, "<%.*s>", size, path);
    bool written = append_within(out, path + size + 1, tree, ascii);
    ch_buf_append_format(out, "</%.*s>", size, path);
    return written;
}

/* A character that the set lacks was written as a reference, and becomes one again. */
static bool write_part(reader *r, const json_t *tree, bool ascii, ch_buf *out)
{
    const char *path = r->values[OPTION_RECORD].text;
    ch_buf text;
    ch_buf_init(&text, out->limit);
    bool written = append_within(&text, path + (*path == '/'), tree, ascii) && text.failed == CH_OK &&
                   open_conversion(r) && convert(r, &text, out);
    ch_buf_done(&text);
    return written;
}

static bool hand_on(reader *r, const ch_xml_record *record, const char *json, ch_str raw)
{
    const casehub_parsed parsed = {CASEHUB_SIZED(casehub_parsed),
                                   .json = record->code == NULL ? json : NULL,
                                   .json_size = record->code == NULL ? strlen(json) : 0,
                                   .raw = raw.at,
                                   .raw_size = raw.size,
                                   .line = record->line,
                                   .code = record->code,
                                   .reason = record->reason,
                                   .field = record->field};
    return r->sink->record(r->sink, &parsed);
}

static bool take_record(void *context, const ch_xml_record *record)
{
    reader *r = context;
    ch_buf part;
    ch_buf_init(&part, 16 * r->raw.limit);
    bool whole = record->is_document || write_part(r, record->tree, false, &part) ||
                 write_part(r, record->tree, true, &part);
    char *json = whole ? json_dumps(record->tree, JSON_COMPACT) : NULL;
    bool go_on = json != NULL && hand_on(r, record, json, ch_buf_str(record->is_document ? &r->raw : &part));
    free(json);
    ch_buf_done(&part);
    return go_on;
}

static int end_unit(void *state, const casehub_sink *sink)
{
    reader *r = state;
    ch_error error = {.status = CH_OK};
    const ch_xml_rules rules = {.record = r->values[OPTION_RECORD].text,
                                .name_space = r->values[OPTION_NAMESPACE].text,
                                .arrays = r->values[OPTION_ARRAYS].texts,
                                .array_count = r->values[OPTION_ARRAYS].text_count,
                                .record_most = r->record_most,
                                .field_most = r->field_most,
                                .charset = r->charset[0] == '\0' ? NULL : r->charset};
    r->sink = sink;
    switch (ch_xml_read(ch_buf_str(&r->text), &rules, take_record, r, &error)) {
    case CH_OK: return CASEHUB_FORMAT_OK;
    case CH_REFUSED: return reject(sink, error.text);
    default: return CASEHUB_FORMAT_STOP;
    }
}

const casehub_format ch_format_xml = {
    CASEHUB_SIZED(casehub_format),
    .name = "xml",
    .help = "XML, one document: its document element or elements within it",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .state_size = sizeof(reader),
    .open = open_reader,
    .close = close_reader,
    .line = take_line,
    .end = end_unit,
};
