#include "connectors/transports/odbc_row.h"

#include <stdio.h>

#define ROW_MOST ((size_t)64 * 1024 * 1024)

void ch_odbc_row_init(ch_odbc_row *row, size_t cell_most)
{
    *row = (ch_odbc_row){.code = NULL};
    ch_buf_init(&row->line, ROW_MOST);
    ch_buf_init(&row->cell, cell_most + 1);
}

void ch_odbc_row_done(ch_odbc_row *row)
{
    ch_buf_done(&row->line);
    ch_buf_done(&row->cell);
}

static void append_string(ch_buf *out, ch_str text)
{
    ch_buf_append_text(out, "\"");
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.at[i];
        if (c == '"' || c == '\\') {
            ch_buf_append_text(out, "\\");
        }
        if (c < ' ') {
            ch_buf_append_format(out, "\\u%04x", c);
        } else {
            ch_buf_append(out, text.at + i, 1);
        }
    }
    ch_buf_append_text(out, "\"");
}

void ch_odbc_row_fail(ch_odbc_row *row, const char *field, const char *code, const char *reason)
{
    if (row->code == NULL) {
        row->code = code;
        row->field = field;
        ch_str_copy_cut(row->reason, sizeof row->reason, ch_str_of(reason));
    }
}

static void keep(ch_odbc_wanted *wanted, size_t count, size_t column, ch_str text, bool is_null)
{
    for (size_t i = 0; i < count; i++) {
        if (wanted[i].column == column) {
            wanted[i].is_null = is_null;
            wanted[i].is_cut = text.size >= wanted[i].size;
            ch_str_copy_cut(wanted[i].text, wanted[i].size, text);
        }
    }
}

/* The value of the cell in hand; a failed one is left out of the line. */
static void append_cell(ch_odbc_row *row, const char *name, ch_status status, bool is_null, size_t most)
{
    char reason[60];
    if (status == CH_TOO_LARGE) {
        snprintf(reason, sizeof reason, "a value of more than %zu bytes", most);
        ch_odbc_row_fail(row, name, "too-large", reason);
    } else if (!ch_str_is_utf8(ch_buf_str(&row->cell))) {
        ch_odbc_row_fail(row, name, "invalid", "the value is no UTF-8");
    } else if (!is_null) {
        append_string(&row->line, ch_buf_str(&row->cell));
        return;
    }
    ch_buf_append_text(&row->line, "null");
}

ch_status ch_odbc_row_read(ch_odbc_row *row, ch_odbc *odbc, size_t cell_most, ch_odbc_wanted *wanted,
                           size_t wanted_count, ch_error *error)
{
    row->code = NULL;
    ch_buf_clear(&row->line);
    for (size_t i = 0; i < ch_odbc_column_count(odbc); i++) {
        const char *name = ch_odbc_column(odbc, i);
        bool is_null = false;
        ch_buf_clear(&row->cell);
        ch_status status = ch_odbc_cell(odbc, i, cell_most, &row->cell, &is_null, error);
        if (status != CH_OK && status != CH_TOO_LARGE) {
            return status;
        }
        keep(wanted, wanted_count, i, ch_buf_str(&row->cell), is_null);
        ch_buf_append_text(&row->line, i == 0 ? "" : ",");
        append_string(&row->line, ch_str_of(name));
        ch_buf_append_text(&row->line, ":");
        append_cell(row, name, status, is_null, cell_most);
    }
    return row->line.failed == CH_OK ? CH_OK
                                     : ch_error_set(error, row->line.failed, NULL, "a row is too large");
}

void ch_odbc_row_end(const ch_odbc_row *row, ch_buf *out)
{
    ch_buf_append_text(out, "{");
    if (row->code != NULL) {
        ch_buf_append_text(out, "\"$failed\":{\"code\":");
        append_string(out, ch_str_of(row->code));
        ch_buf_append_text(out, ",\"field\":");
        append_string(out, ch_str_of(row->field));
        ch_buf_append_text(out, ",\"reason\":");
        append_string(out, ch_str_of(row->reason));
        ch_buf_append_text(out, "},");
    }
    ch_buf_append_str(out, ch_buf_str(&row->line));
    ch_buf_append_text(out, "}");
}
