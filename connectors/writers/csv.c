/* csv.c - rows as RFC 4180 has them: an array of values is one row, an array of arrays several, the heading among them
 * if the receiver wants one. Lines end with CR LF; a cell is quoted where it must be.
 */
#include "connectors/writers/value.h"
#include "connectors/writers/writers.h"

#include <stdio.h>

static void append_cell(ch_buf *out, ch_str cell)
{
    bool plain = true;
    for (size_t i = 0; i < cell.size && plain; i++) {
        plain = strchr(",\"\r\n", cell.at[i]) == NULL;
    }
    if (plain && (cell.size == 0 || (cell.at[0] != ' ' && cell.at[cell.size - 1] != ' '))) {
        ch_buf_append_str(out, cell);
        return;
    }
    ch_buf_append_text(out, "\"");
    for (size_t i = 0; i < cell.size; i++) {
        ch_buf_append_text(out, cell.at[i] == '"' ? "\"" : "");
        ch_buf_append(out, &cell.at[i], 1);
    }
    ch_buf_append_text(out, "\"");
}

/* In the heading's language there is no name for a cell: it is told by its number. */
static bool fail_cell(const casehub_output *output, size_t row, size_t cell, const char *what)
{
    char field[60];
    snprintf(field, sizeof field, "[%zu][%zu]", row, cell);
    output->fail(output, field, what);
    return false;
}

static bool append_row(ch_buf *out, const json_t *row, size_t number, const casehub_output *output)
{
    ch_buf cell;
    bool whole = json_array_size(row) > 0 || fail_cell(output, number, 0, "the row has no cell");
    ch_buf_init(&cell, CH_WRITTEN_MOST);
    for (size_t i = 0; i < json_array_size(row) && whole; i++) {
        ch_buf_clear(&cell);
        whole = ch_value_append(&cell, json_array_get(row, i)) ||
                fail_cell(output, number, i, "a text, a number, true, false or null is expected");
        ch_buf_append_text(out, i == 0 ? "" : ",");
        append_cell(out, ch_buf_str(&cell));
        out->failed = out->failed == CH_OK ? cell.failed : out->failed;
    }
    ch_buf_append_text(out, "\r\n");
    ch_buf_done(&cell);
    return whole;
}

static bool append_rows(ch_buf *out, const json_t *body, const casehub_output *output)
{
    if (!json_is_array(body) || json_array_size(body) == 0) {
        output->fail(output, NULL, "an array of cells, or of rows, is expected");
        return false;
    }
    if (!json_is_array(json_array_get(body, 0))) {
        return append_row(out, body, 0, output);
    }
    bool whole = true;
    for (size_t i = 0; i < json_array_size(body) && whole; i++) {
        const json_t *row = json_array_get(body, i);
        whole = json_is_array(row) ? append_row(out, row, i, output)
                                   : fail_cell(output, i, 0, "beside rows only rows are expected");
    }
    return whole;
}

static int write_csv(const char *json, size_t json_size, const casehub_output *output)
{
    ch_buf written;
    json_t *body = ch_body_read(json, json_size, output);
    if (body == NULL) {
        return -1;
    }
    ch_buf_init(&written, CH_WRITTEN_MOST);
    bool whole = append_rows(&written, body, output);
    json_decref(body);
    if (!whole) {
        ch_buf_done(&written);
        return -1;
    }
    return ch_body_finish(&written, output);
}

const casehub_writer ch_writer_csv = {CASEHUB_SIZED(casehub_writer), .name = "csv",
                                      .help = "an array of cells as a row, an array of arrays as rows",
                                      .media_type = "text/csv", .write = write_csv};
