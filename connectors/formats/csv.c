/* csv.c - comma-separated values (RFC 4180, and with other separators), a heading row as the names.
 *
 * A quote that is never closed must not swallow the rows behind it: a record that is still open after lines_most
 * lines, at the end, or at a broken line fails with its first line, and the lines behind are read again.
 */
#include "connectors/formats/formats.h"
#include "hub/base/bytes.h"
#include "hub/base/diag.h"

#include <csv.h>
#include <stdio.h>
#include <stdlib.h>

#define COLUMNS_MOST 1024
#define LINES_MOST 1000

enum { OPTION_DELIMITER, OPTION_QUOTE, OPTION_HEADING, OPTION_COLUMNS, OPTION_LINES };
static const casehub_option options[] = {
    [OPTION_DELIMITER] = {"delimiter", CASEHUB_OPTION_TEXT, ",", 1, 3, "one character, or \"tab\""},
    [OPTION_QUOTE] = {"quote", CASEHUB_OPTION_TEXT, "\"", 1, 1, "the character around values"},
    [OPTION_HEADING] = {"heading", CASEHUB_OPTION_BOOL, "true", 0, 0, "the first row names the columns"},
    [OPTION_COLUMNS] = {"columns", CASEHUB_OPTION_TEXTS, "", 0, 0,
                        "names that the heading must have; without a heading, all of them in order"},
    [OPTION_LINES] = {"lines_most", CASEHUB_OPTION_INT, "100", 1, LINES_MOST,
                      "lines that one record may go over"},
};

/* A line of the record that is still open; text and raw lie in the buffers from these places on. */
typedef struct kept_line {
    uint64_t number, offset;
    size_t text_at, text_size, raw_at, raw_size;
} kept_line;

typedef struct reader {
    const casehub_value *values;
    size_t field_most, record_most;
    struct csv_parser parser;
    bool parser_made;
    char delimiter, quote;
    ch_buf names; /* of the columns, each with a zero */
    ch_buf heading_raw;
    size_t columns;   /* 0: not known yet */
    ch_buf text, raw; /* of the open record's lines */
    kept_line *lines;
    size_t line_count, lines_most;
    ch_buf cells; /* of the record being parsed, each with a zero */
    size_t cell_count;
    size_t long_cell; /* the first too large one, from 1; 0: none */
    bool complete;    /* the parser has seen the record's end */
    ch_buf json;
} reader;

static void take_cell(void *bytes, size_t size, void *context)
{
    reader *r = context;
    r->cell_count++;
    if (size > r->field_most && r->long_cell == 0) {
        r->long_cell = r->cell_count;
    }
    if (size > 0) {
        ch_buf_append(&r->cells, bytes, size);
    }
    ch_buf_append(&r->cells, "", 1);
}

static void take_row(int terminator, void *context)
{
    (void)terminator;
    ((reader *)context)->complete = true;
}

static void forget_cells(reader *r)
{
    ch_buf_clear(&r->cells);
    r->cell_count = r->long_cell = 0;
    r->complete = false;
}

static int restart_parser(reader *r)
{
    if (r->parser_made) {
        csv_free(&r->parser);
    }
    r->parser_made = csv_init(&r->parser, CSV_STRICT | CSV_STRICT_FINI) == 0;
    if (!r->parser_made) {
        return -1;
    }
    csv_set_delim(&r->parser, (unsigned char)r->delimiter);
    csv_set_quote(&r->parser, (unsigned char)r->quote);
    forget_cells(r);
    return 0;
}

static void close_reader(void *state)
{
    reader *r = state;
    ch_buf *const bufs[] = {&r->names, &r->heading_raw, &r->text, &r->raw, &r->cells, &r->json};
    if (r->parser_made) {
        csv_free(&r->parser);
    }
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++) {
        ch_buf_done(bufs[i]);
    }
    free(r->lines);
}

static int take_column_names(reader *r)
{
    const casehub_value *columns = &r->values[OPTION_COLUMNS];
    if (r->values[OPTION_HEADING].flag) {
        return 0;
    }
    for (size_t i = 0; i < columns->text_count; i++) {
        ch_buf_append(&r->names, columns->texts[i], strlen(columns->texts[i]) + 1);
    }
    r->columns = columns->text_count;
    return r->names.failed == CH_OK ? 0 : -1;
}

static int open_reader(void *state, const casehub_value *values, size_t record_most, size_t field_most)
{
    reader *r = state;
    const char *delimiter = values[OPTION_DELIMITER].text;
    r->values = values;
    r->record_most = record_most;
    r->field_most = field_most;
    r->delimiter = strcmp(delimiter, "tab") == 0 ? '\t' : delimiter[0];
    r->quote = values[OPTION_QUOTE].text[0];
    r->lines_most = (size_t)values[OPTION_LINES].number;
    ch_buf_init(&r->names, record_most + COLUMNS_MOST);
    ch_buf_init(&r->heading_raw, record_most);
    ch_buf_init(&r->text, 4 * record_most);
    ch_buf_init(&r->raw, 2 * record_most + 1024);
    ch_buf_init(&r->cells, 8 * record_most);
    ch_buf_init(&r->json, 64 * record_most);
    r->lines = calloc(r->lines_most, sizeof *r->lines);
    if (r->lines == NULL || restart_parser(r) != 0) {
        return -1;
    }
    return take_column_names(r);
}

static int fail_record(reader *r, const casehub_sink *sink, const kept_line *line, const char *raw,
                       size_t raw_size, const char *code, const char *reason, const char *field)
{
    ch_buf whole;
    ch_buf_init(&whole, 4 * r->record_most);
    ch_buf_append_str(&whole, ch_buf_str(&r->heading_raw));
    ch_buf_append(&whole, raw, raw_size);
    const casehub_parsed parsed = {CASEHUB_SIZED(casehub_parsed),
                                   .raw = (const char *)whole.at,
                                   .raw_size = whole.size,
                                   .line = line->number,
                                   .offset = line->offset,
                                   .code = whole.failed == CH_OK ? code : "no-memory",
                                   .reason = reason,
                                   .field = field};
    bool go_on = sink->record(sink, &parsed);
    ch_buf_done(&whole);
    return go_on ? CASEHUB_FORMAT_OK : CASEHUB_FORMAT_STOP;
}

static const char *nth(const ch_buf *texts, size_t index)
{
    const char *at = (const char *)texts->at;
    while (index-- > 0) {
        at += strlen(at) + 1;
    }
    return at;
}

static bool has_zero(const ch_buf *cells, size_t count)
{
    size_t zeros = 0;
    for (size_t i = 0; i < cells->size; i++) {
        zeros += cells->at[i] == 0;
    }
    return zeros != count;
}

static bool name_is_known(const reader *r, const char *name)
{
    const char *at = (const char *)r->names.at;
    for (size_t i = 0; i < r->columns; i++, at += strlen(at) + 1) {
        if (strcmp(at, name) == 0) {
            return true;
        }
    }
    return false;
}

static int refuse_heading(const casehub_sink *sink, const char *text, const char *name)
{
    char reason[300];
    ch_str shown = ch_str_cut(ch_str_of(name), 200);
    snprintf(reason, sizeof reason, "heading row: %s%.*s", text, CH_STR_ARG(shown));
    sink->reject(sink, reason);
    return CASEHUB_FORMAT_REJECT;
}

/* The cells just parsed are the names. */
static int take_heading(reader *r, const casehub_sink *sink)
{
    const casehub_value *columns = &r->values[OPTION_COLUMNS];
    if (r->cell_count > COLUMNS_MOST || r->long_cell != 0 || r->cells.failed != CH_OK) {
        return refuse_heading(sink, "too many or too long names", "");
    }
    if (has_zero(&r->cells, r->cell_count)) {
        return refuse_heading(sink, "a zero byte", "");
    }
    for (size_t i = 0; i < r->cell_count; i++) {
        const char *name = nth(&r->cells, i);
        if (name_is_known(r, name)) {
            return refuse_heading(sink, "two columns are called ", name);
        }
        ch_buf_append(&r->names, name, strlen(name) + 1);
        r->columns++;
    }
    for (size_t i = 0; i < columns->text_count; i++) {
        if (!name_is_known(r, columns->texts[i])) {
            return refuse_heading(sink, "there is no column ", columns->texts[i]);
        }
    }
    ch_buf_append_str(&r->heading_raw, ch_buf_str(&r->raw));
    if (r->names.failed != CH_OK || r->heading_raw.failed != CH_OK) {
        return refuse_heading(sink, "no memory", "");
    }
    return CASEHUB_FORMAT_OK;
}

static void append_text(ch_buf *out, const char *text)
{
    ch_buf_append_text(out, "\"");
    ch_diag_escape(out, ch_str_of(text));
    ch_buf_append_text(out, "\"");
}

static void build_json(reader *r)
{
    const char *name = (const char *)r->names.at, *cell = (const char *)r->cells.at;
    ch_buf_clear(&r->json);
    for (size_t i = 0; i < r->columns; i++) {
        ch_buf_append_text(&r->json, i == 0 ? "{" : ",");
        append_text(&r->json, name);
        ch_buf_append_text(&r->json, ":");
        append_text(&r->json, cell);
        name += strlen(name) + 1;
        cell += strlen(cell) + 1;
    }
    ch_buf_append_text(&r->json, "}");
}

static int take_record(reader *r, const casehub_sink *sink)
{
    const kept_line *first = &r->lines[0];
    const char *raw = (const char *)r->raw.at;
    char reason[120];
    if (r->cell_count != r->columns) {
        snprintf(reason, sizeof reason, "%zu cells where there are %zu columns", r->cell_count, r->columns);
        return fail_record(r, sink, first, raw, r->raw.size, "invalid", reason, NULL);
    }
    if (r->long_cell != 0) {
        snprintf(reason, sizeof reason, "the value is larger than %zu bytes", r->field_most);
        return fail_record(r, sink, first, raw, r->raw.size, "too-large", reason,
                           nth(&r->names, r->long_cell - 1));
    }
    if (has_zero(&r->cells, r->cell_count)) {
        return fail_record(r, sink, first, raw, r->raw.size, "invalid", "a zero byte", NULL);
    }
    build_json(r);
    if (r->json.failed != CH_OK || r->cells.failed != CH_OK) {
        return fail_record(r, sink, first, raw, r->raw.size, "no-memory", "no memory to read it", NULL);
    }
    ch_buf whole;
    ch_buf_init(&whole, 4 * r->record_most);
    ch_buf_append_str(&whole, ch_buf_str(&r->heading_raw));
    ch_buf_append_str(&whole, ch_buf_str(&r->raw));
    const casehub_parsed parsed = {CASEHUB_SIZED(casehub_parsed), .json = (const char *)r->json.at,
                                   .json_size = r->json.size,     .raw = (const char *)whole.at,
                                   .raw_size = whole.size,        .line = first->number,
                                   .offset = first->offset};
    bool go_on = sink->record(sink, &parsed);
    ch_buf_done(&whole);
    return go_on ? CASEHUB_FORMAT_OK : CASEHUB_FORMAT_STOP;
}

static void forget_record(reader *r)
{
    ch_buf_clear(&r->text);
    ch_buf_clear(&r->raw);
    r->line_count = 0;
    forget_cells(r);
}

static int finish_record(reader *r, const casehub_sink *sink)
{
    int result = r->columns == 0 ? take_heading(r, sink) : take_record(r, sink);
    forget_record(r);
    return result;
}

static bool has_room(const reader *r, const casehub_line *line)
{
    return r->line_count == 0 ||
           (r->line_count < r->lines_most && r->raw.size + line->raw_size <= r->record_most);
}

static bool keep_line(reader *r, const casehub_line *line)
{
    const kept_line kept = {line->number,    line->offset, r->text.size,
                            line->text_size, r->raw.size,  line->raw_size};
    ch_buf_append(&r->text, line->text, line->text_size);
    ch_buf_append(&r->raw, line->raw, line->raw_size);
    r->lines[r->line_count++] = kept;
    return r->text.failed == CH_OK && r->raw.failed == CH_OK;
}

static int read_line(reader *r, const casehub_line *line, const casehub_sink *sink);

/* The open record fails with its first line; what stood behind is read again, from where a record may begin. */
static int give_up(reader *r, const casehub_sink *sink, const char *reason)
{
    ch_buf text = r->text, raw = r->raw;
    size_t count = r->line_count;
    int result = CASEHUB_FORMAT_OK;
    kept_line *lines = malloc(count * sizeof *lines);
    if (lines == NULL || restart_parser(r) != 0) {
        free(lines);
        return CASEHUB_FORMAT_STOP;
    }
    memcpy(lines, r->lines, count * sizeof *lines);
    ch_buf_init(&r->text, text.limit);
    ch_buf_init(&r->raw, raw.limit);
    r->line_count = 0;
    if (r->columns == 0) {
        result = refuse_heading(sink, reason, "");
    } else {
        result =
            fail_record(r, sink, &lines[0], (const char *)raw.at, lines[0].raw_size, "invalid", reason, NULL);
    }
    for (size_t i = 1; i < count && result == CASEHUB_FORMAT_OK; i++) {
        const casehub_line again = {
            CASEHUB_SIZED(casehub_line),     .text = (const char *)text.at + lines[i].text_at,
            .text_size = lines[i].text_size, .raw = (const char *)raw.at + lines[i].raw_at,
            .raw_size = lines[i].raw_size,   .number = lines[i].number,
            .offset = lines[i].offset};
        result = read_line(r, &again, sink);
    }
    ch_buf_done(&text);
    ch_buf_done(&raw);
    free(lines);
    return result;
}

static bool is_blank(const casehub_line *line)
{
    for (size_t i = 0; i < line->text_size; i++) {
        if (strchr(" \t\r\n", line->text[i]) == NULL || line->text[i] == '\0') {
            return false;
        }
    }
    return true;
}

/* One whole line, the parser standing at its begin. */
static int read_line(reader *r, const casehub_line *line, const casehub_sink *sink)
{
    if (r->line_count == 0 && is_blank(line)) {
        return CASEHUB_FORMAT_OK;
    }
    while (!has_room(r, line)) {
        int result = give_up(r, sink, "a quote is opened and not closed in time");
        if (result != CASEHUB_FORMAT_OK) {
            return result;
        }
    }
    if (!keep_line(r, line)) {
        return CASEHUB_FORMAT_STOP;
    }
    if (csv_parse(&r->parser, line->text, line->text_size, take_cell, take_row, r) != line->text_size) {
        return give_up(r, sink, "a quote stands where none may stand");
    }
    return r->complete ? finish_record(r, sink) : CASEHUB_FORMAT_OK;
}

/* Ends what is open before a broken line, and at the end of the unit. */
static int give_up_all(reader *r, const casehub_sink *sink)
{
    int result = CASEHUB_FORMAT_OK;
    while (r->line_count > 0 && result == CASEHUB_FORMAT_OK) {
        result = give_up(r, sink, "a quote is opened and never closed");
    }
    return result;
}

static int take_line(void *state, const casehub_line *line, const casehub_sink *sink)
{
    reader *r = state;
    if (line->text != NULL) {
        return read_line(r, line, sink);
    }
    int result = give_up_all(r, sink);
    if (result != CASEHUB_FORMAT_OK) {
        return result;
    }
    if (r->columns == 0) {
        return refuse_heading(sink, line->reason, "");
    }
    const kept_line broken = {.number = line->number, .offset = line->offset};
    return fail_record(r, sink, &broken, line->raw, line->raw_size, line->code, line->reason, NULL);
}

/* A last line may lack its line end. */
static int end_unit(void *state, const casehub_sink *sink)
{
    reader *r = state;
    while (r->line_count > 0) {
        int result;
        if (csv_fini(&r->parser, take_cell, take_row, r) == 0 && r->complete) {
            return finish_record(r, sink);
        }
        result = give_up(r, sink, "a quote is opened and never closed");
        if (result != CASEHUB_FORMAT_OK) {
            return result;
        }
    }
    return r->columns > 0 ? CASEHUB_FORMAT_OK : refuse_heading(sink, "there is none", "");
}

const casehub_format ch_format_csv = {
    CASEHUB_SIZED(casehub_format),
    .name = "csv",
    .help = "comma-separated values with a heading row",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .state_size = sizeof(reader),
    .open = open_reader,
    .close = close_reader,
    .line = take_line,
    .end = end_unit,
};
