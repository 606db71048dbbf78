#include "connectors/senders/target_table.h"

#include "hub/config/csv.h"

#include <stdio.h>

#define TABLE_MOST ((size_t)4 * 1024 * 1024)

typedef struct table {
    ch_csv csv;
    const char *file;
    size_t target, cells[CH_TARGET_CELLS], more; /* columns */
    bool has_more;
} table;

static ch_status find_columns(table *t, const char *const columns[CH_TARGET_CELLS], const char *optional,
                              ch_error *error)
{
    t->has_more = optional != NULL && ch_csv_column(&t->csv, optional, &t->more) == CH_OK;
    bool found = ch_csv_column(&t->csv, "target", &t->target) == CH_OK &&
                 ch_csv_column(&t->csv, columns[0], &t->cells[0]) == CH_OK &&
                 ch_csv_column(&t->csv, columns[1], &t->cells[1]) == CH_OK;
    return found ? CH_OK
                 : ch_error_set(error, CH_INVALID, t->file, "columns target, %s and %s are expected",
                                columns[0], columns[1]);
}

static const ch_str *cells_of(const table *t, size_t row)
{
    return t->csv.cells + row * t->csv.column_count;
}

static bool is_there_before(const table *t, size_t row)
{
    for (size_t i = 0; i < row; i++) {
        if (ch_str_equal(cells_of(t, i)[t->target], cells_of(t, row)[t->target])) {
            return true;
        }
    }
    return false;
}

static ch_status take_row(const table *t, size_t row, ch_target_row_fn take, void *context, ch_error *error)
{
    const ch_str *cells = cells_of(t, row);
    const char *slash = strrchr(t->file, '/');
    char place[200];
    snprintf(place, sizeof place, "%.150s:%u", slash == NULL ? t->file : slash + 1, t->csv.lines[row]);
    if (cells[t->target].size == 0) {
        return ch_error_set(error, CH_INVALID, place, "target: it is empty");
    }
    if (is_there_before(t, row)) {
        return ch_error_set(error, CH_INVALID, place, "the target is there already");
    }
    const ch_target_row taken = {.target = cells[t->target].at,
                                 .cells = {cells[t->cells[0]].at, cells[t->cells[1]].at},
                                 .more = t->has_more ? cells[t->more].at : "",
                                 .place = place};
    return take(context, &taken, error);
}

ch_status ch_target_table_read(const char *file, const char *const columns[CH_TARGET_CELLS],
                               const char *optional, ch_target_row_fn take, void *context, ch_error *error)
{
    ch_arena arena;
    table t = {.file = file};
    ch_arena_init(&arena, TABLE_MOST);
    ch_status status = ch_csv_read(&t.csv, &arena, file, error);
    if (status == CH_OK) {
        status = find_columns(&t, columns, optional, error);
    }
    if (status == CH_OK && t.csv.row_count > CH_TARGETS_MOST) {
        status = ch_error_set(error, CH_INVALID, file, "%d targets are the most", CH_TARGETS_MOST);
    }
    for (size_t row = 0; status == CH_OK && row < t.csv.row_count; row++) {
        status = take_row(&t, row, take, context, error);
    }
    ch_arena_done(&arena);
    return status;
}
