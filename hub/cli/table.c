#include "hub/cli/table.h"

#include "hub/cli/text_width.h"

#include <assert.h>
#include <stdlib.h>

#define TABLE_BYTES_MAX ((size_t)64 << 20)

struct ch_table {
    const ch_column *columns;
    size_t column_count;
    size_t widths[CH_TABLE_COLUMNS_MAX];
    ch_buf cells; /* clean texts, each ended by a zero */
    size_t cell_count;
    bool headed;
};

ch_status ch_table_new(ch_table **out_table, const ch_column *columns, size_t count)
{
    assert(count > 0 && count <= CH_TABLE_COLUMNS_MAX);
    ch_table *table = calloc(1, sizeof *table);
    if (table == NULL) {
        return CH_NO_MEMORY;
    }
    table->columns = columns;
    table->column_count = count;
    for (size_t i = 0; i < count; i++) {
        table->widths[i] = ch_text_width(ch_str_of(columns[i].heading));
    }
    ch_buf_init(&table->cells, TABLE_BYTES_MAX);
    *out_table = table;
    return CH_OK;
}

void ch_table_free(ch_table *table)
{
    if (table != NULL) {
        ch_buf_done(&table->cells);
        free(table);
    }
}

void ch_table_add(ch_table *table, ch_str text)
{
    size_t column = table->cell_count++ % table->column_count;
    size_t width = ch_text_append(&table->cells, text, table->columns[column].most);
    ch_buf_append(&table->cells, "", 1);
    table->widths[column] = width > table->widths[column] ? width : table->widths[column];
}

static void pad(ch_buf *line, size_t columns)
{
    for (size_t i = 0; i < columns; i++) {
        ch_buf_append_text(line, " ");
    }
}

static void append_cell(const ch_table *table, ch_buf *line, size_t column, ch_str text)
{
    size_t width = ch_text_width(text);
    size_t space = table->widths[column] > width ? table->widths[column] - width : 0;
    bool is_last = column + 1 == table->column_count;
    bool right = table->columns[column].kind == CH_CELL_NUMBER;
    pad(line, right ? space : 0);
    ch_buf_append_str(line, text);
    pad(line, right || is_last ? 0 : space);
    ch_buf_append_text(line, is_last ? "\n" : "  ");
}

static void append_rows(const ch_table *table, ch_buf *lines)
{
    ch_str rest = ch_buf_str(&table->cells);
    for (size_t i = 0; i < table->cell_count; i++) {
        ch_str text = {rest.at, strlen(rest.at)};
        append_cell(table, lines, i % table->column_count, text);
        rest = (ch_str){rest.at + text.size + 1, rest.size - text.size - 1};
    }
}

ch_status ch_table_print(ch_table *table, FILE *out)
{
    assert(table->cell_count % table->column_count == 0);
    ch_status status = table->cells.failed;
    ch_buf lines;
    ch_buf_init(&lines, 2 * TABLE_BYTES_MAX);
    if (!table->headed && table->cell_count > 0) {
        for (size_t i = 0; i < table->column_count; i++) {
            append_cell(table, &lines, i, ch_str_of(table->columns[i].heading));
        }
        table->headed = true;
    }
    if (status == CH_OK) {
        append_rows(table, &lines);
        status = lines.failed;
    }
    if (status == CH_OK && lines.size > 0) {
        fwrite(lines.at, 1, lines.size, out);
    }
    ch_buf_done(&lines);
    ch_buf_clear(&table->cells);
    table->cell_count = 0;
    return status;
}
