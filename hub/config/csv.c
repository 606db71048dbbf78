#include "hub/config/csv.h"

#include "hub/config/text_file.h"

#include <csv.h>
#include <stdio.h>

#define FILE_LIMIT ((size_t)64 * 1024 * 1024)
#define COLUMNS_MAX 256

/* What the parser's callbacks fill. Cells lie behind each other in `text`, each with a zero at its end. */
typedef struct reading {
    ch_buf text, offsets, row_lines;
    size_t columns; /* 0 until the heading row is read */
    unsigned heading_line;
    size_t cells_in_row;
    unsigned line;        /* being parsed */
    unsigned row_line;    /* where the present row begins, 0 between two rows */
    unsigned ragged_line; /* the first row with another number of cells, 0: none */
    size_t ragged_cells;
} reading;

static void take_cell(void *bytes, size_t size, void *context)
{
    reading *to = context;
    size_t offset = to->text.size;
    to->row_line = to->row_line == 0 ? to->line : to->row_line;
    ch_buf_append(&to->text, bytes, size);
    ch_buf_append(&to->text, "", 1);
    ch_buf_append(&to->offsets, &offset, sizeof offset);
    to->cells_in_row++;
}

static void take_row(int terminator, void *context)
{
    reading *to = context;
    (void)terminator;
    if (to->columns == 0) {
        to->columns = to->cells_in_row;
        to->heading_line = to->row_line;
    } else if (to->cells_in_row != to->columns && to->ragged_line == 0) {
        to->ragged_line = to->row_line;
        to->ragged_cells = to->cells_in_row;
    }
    ch_buf_append(&to->row_lines, &to->row_line, sizeof to->row_line);
    to->cells_in_row = 0;
    to->row_line = 0;
}

static bool is_blank(ch_str line)
{
    for (size_t i = 0; i < line.size; i++) {
        if (strchr(" \t\r\n", line.at[i]) == NULL) {
            return false;
        }
    }
    return true;
}

static ch_status fail_at(const char *file, unsigned line, ch_error *error, const char *text)
{
    char where[CH_TEXT_PLACE_SIZE];
    ch_text_place(where, file, line);
    return ch_error_set(error, CH_INVALID, where, "%s", text);
}

/* Line by line, so that each row's place is known. */
static ch_status parse(reading *to, struct csv_parser *parser, ch_str text, const char *file, ch_error *error)
{
    while (text.size > 0) {
        const char *end = memchr(text.at, '\n', text.size);
        ch_str now = {text.at, end == NULL ? text.size : (size_t)(end - text.at) + 1};
        text = (ch_str){text.at + now.size, text.size - now.size};
        to->line++;
        if (to->row_line == 0 && is_blank(now)) {
            continue;
        }
        to->row_line = to->row_line == 0 ? to->line : to->row_line;
        if (csv_parse(parser, now.at, now.size, take_cell, take_row, to) != now.size) {
            return fail_at(file, to->line, error, "a quote stands where none may stand");
        }
    }
    if (csv_fini(parser, take_cell, take_row, to) != 0) {
        return fail_at(file, to->row_line, error, "a quote that is opened here is never closed");
    }
    if (to->text.failed != CH_OK || to->offsets.failed != CH_OK || to->row_lines.failed != CH_OK) {
        return ch_error_set(error, CH_NO_MEMORY, file, "no memory to read it");
    }
    return CH_OK;
}

static ch_status check_shape(const reading *of, const char *file, ch_error *error)
{
    char text[80];
    if (of->columns == 0) {
        return fail_at(file, 1, error, "there is no heading row");
    }
    if (of->columns > COLUMNS_MAX) {
        snprintf(text, sizeof text, "there are more than %d columns", COLUMNS_MAX);
        return fail_at(file, of->heading_line, error, text);
    }
    if (of->ragged_line != 0) {
        snprintf(text, sizeof text, "%zu cells where the heading has %zu", of->ragged_cells, of->columns);
        return fail_at(file, of->ragged_line, error, text);
    }
    return CH_OK;
}

static ch_status build(ch_csv *out_csv, const reading *from, ch_arena *arena, const char *file,
                       ch_error *error)
{
    size_t count = from->offsets.size / sizeof(size_t), rows = from->row_lines.size / sizeof(unsigned) - 1;
    const size_t *offsets = (const size_t *)(const void *)from->offsets.at;
    char *text = ch_arena_alloc(arena, from->text.size + 1);
    ch_str *cells = ch_arena_alloc(arena, count * sizeof *cells);
    unsigned *lines = ch_arena_alloc(arena, (rows + 1) * sizeof *lines);
    if (text == NULL || cells == NULL || lines == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, file, "no memory to read it");
    }
    memcpy(text, from->text.at, from->text.size);
    memcpy(lines, from->row_lines.at, from->row_lines.size);
    for (size_t i = 0; i < count; i++) {
        size_t end = i + 1 < count ? offsets[i + 1] : from->text.size;
        cells[i] = (ch_str){text + offsets[i], end - offsets[i] - 1};
    }
    *out_csv = (ch_csv){.row_count = rows,
                        .column_count = from->columns,
                        .headings = cells,
                        .cells = cells + from->columns,
                        .lines = lines + 1};
    return CH_OK;
}

static ch_status check_headings(const ch_csv *csv, const char *file, unsigned line, ch_error *error)
{
    for (size_t i = 0; i < csv->column_count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (ch_str_equal(csv->headings[i], csv->headings[k])) {
                char where[CH_TEXT_PLACE_SIZE];
                ch_text_place(where, file, line);
                return ch_error_set(error, CH_INVALID, where, "heading %.*s is there twice",
                                    CH_STR_ARG(csv->headings[i]));
            }
        }
    }
    return CH_OK;
}

static ch_status read_table(ch_csv *out_csv, reading *to, ch_arena *arena, ch_str text, const char *file,
                            ch_error *error)
{
    struct csv_parser parser;
    ch_csv csv;
    if (csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI) != 0) {
        return ch_error_set(error, CH_NO_MEMORY, file, "no memory to read it");
    }
    ch_status status = parse(to, &parser, text, file, error);
    csv_free(&parser);
    if (status == CH_OK) {
        status = check_shape(to, file, error);
    }
    if (status == CH_OK) {
        status = build(&csv, to, arena, file, error);
    }
    if (status == CH_OK) {
        status = check_headings(&csv, file, to->heading_line, error);
    }
    if (status == CH_OK) {
        *out_csv = csv;
    }
    return status;
}

ch_status ch_csv_read(ch_csv *out_csv, ch_arena *arena, const char *file, ch_error *error)
{
    ch_buf text;
    reading to = {.columns = 0};
    ch_buf_init(&text, FILE_LIMIT);
    ch_buf_init(&to.text, 2 * FILE_LIMIT);
    ch_buf_init(&to.offsets, 8 * FILE_LIMIT);
    ch_buf_init(&to.row_lines, 4 * FILE_LIMIT);
    ch_status status = ch_text_file_read(&text, file, error);
    if (status == CH_OK) {
        status = read_table(out_csv, &to, arena, ch_buf_str(&text), file, error);
    }
    ch_buf_done(&text);
    ch_buf_done(&to.text);
    ch_buf_done(&to.offsets);
    ch_buf_done(&to.row_lines);
    return status;
}

ch_status ch_csv_column(const ch_csv *csv, const char *heading, size_t *out_column)
{
    for (size_t i = 0; i < csv->column_count; i++) {
        if (ch_str_is(csv->headings[i], heading)) {
            *out_column = i;
            return CH_OK;
        }
    }
    return CH_NOT_FOUND;
}
