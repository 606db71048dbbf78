#include "connectors/transports/odbc_read.h"

#include "connectors/transports/odbc_row.h"

#include <stdio.h>
#include <stdlib.h>

#define SQL_MOST ((size_t)64 * 1024)
#define DIGESTS_MOST ((size_t)128 * 1024 * 1024)
#define PARAMETERS (1 + 2 * (1 + CH_WINDOW_KEYS_MOST))
#define COLUMNS (1 + CH_WINDOW_KEYS_MOST)

/* The columns that the poll itself needs: the watermark, if there is one, and the keys. */
typedef struct needed {
    ch_odbc_wanted columns[COLUMNS];
    const char *names[COLUMNS];
    char texts[COLUMNS][CH_WINDOW_TEXT_SIZE];
    size_t count;
} needed;

void ch_odbc_read_init(ch_odbc_read *read, const ch_odbc_table *table)
{
    *read = (ch_odbc_read){.table = table};
    ch_buf_init(&read->seen, DIGESTS_MOST);
    ch_buf_init(&read->found, DIGESTS_MOST);
}

void ch_odbc_read_done(ch_odbc_read *read)
{
    ch_odbc_close(read->odbc);
    ch_odbc_spool_close(&read->spool);
    ch_buf_done(&read->seen);
    ch_buf_done(&read->found);
}

static bool has_watermark(const ch_odbc_read *read)
{
    return read->table->watermark[0] != '\0';
}

/* ---- The statement */

static void add(ch_str *parameters, size_t *count, const char *text)
{
    parameters[(*count)++] = ch_str_of(text);
}

/* Behind the row `last`: w > ? OR (w = ? AND (k > ? OR k IS NULL OR ...)). A key that is NULL has no place in the order. */
static void append_behind(const ch_odbc_read *read, const needed *n, ch_buf *sql, ch_str *parameters,
                          size_t *count)
{
    for (size_t i = 0; i < n->count; i++) {
        ch_buf_append_text(sql, i == 0 ? "" : " AND (");
        ch_odbc_quote(read->odbc, n->names[i], sql);
        ch_buf_append_text(sql, " > ? OR ");
        add(parameters, count, read->window.last[i]);
        if (i > 0) {
            ch_odbc_quote(read->odbc, n->names[i], sql);
            ch_buf_append_text(sql, " IS NULL OR ");
        }
        if (i + 1 == n->count) {
            ch_buf_append_text(sql, "1 = 0");
            break;
        }
        ch_buf_append_text(sql, "(");
        ch_odbc_quote(read->odbc, n->names[i], sql);
        ch_buf_append_text(sql, " = ?");
        add(parameters, count, read->window.last[i]);
    }
    for (size_t i = 1; i < n->count; i++) {
        ch_buf_append_text(sql, "))");
    }
}

static void append_order(const ch_odbc_read *read, const needed *n, ch_buf *sql)
{
    for (size_t i = 0; i < n->count; i++) {
        ch_buf_append_text(sql, i == 0 ? " ORDER BY " : ", ");
        ch_odbc_quote(read->odbc, n->names[i], sql);
    }
}

static void compose(const ch_odbc_read *read, const needed *n, char *lower, ch_buf *sql, ch_str *parameters,
                    size_t *count)
{
    const ch_odbc_table *table = read->table;
    if (!has_watermark(read)) {
        ch_buf_append_text(sql, table->query);
        return;
    }
    ch_buf_append_format(sql, "SELECT * FROM (%s) AS casehub_rows WHERE ", table->query);
    ch_odbc_quote(read->odbc, table->watermark, sql);
    if (read->window.last[0][0] == '\0') {
        ch_buf_append_text(sql, " IS NOT NULL");
    } else if (read->window.more) {
        ch_buf_append_text(sql, " IS NOT NULL AND (");
        append_behind(read, n, sql, parameters, count);
        ch_buf_append_text(sql, ")");
    } else {
        ch_odbc_watermark_lower(read->window.last[0], table->overlap_ms, table->overlap_count, lower);
        ch_buf_append_text(sql, " >= ?");
        add(parameters, count, lower);
    }
    append_order(read, n, sql);
}

static ch_status run_query(ch_odbc_read *read, const needed *n, char lower[CH_WINDOW_TEXT_SIZE],
                           ch_str parameters[PARAMETERS], ch_error *error)
{
    ch_buf sql;
    size_t count = 0;
    ch_buf_init(&sql, SQL_MOST);
    compose(read, n, lower, &sql, parameters, &count);
    ch_buf_append(&sql, "", 1);
    ch_status status = sql.failed != CH_OK
                           ? ch_error_set(error, sql.failed, "query", "it is too long")
                           : ch_odbc_run(read->odbc, (const char *)sql.at, parameters, count, error);
    ch_buf_done(&sql);
    return status;
}

/* Rows without a watermark would never be found again, so they are not read; how many there are is told. */
static ch_status count_unmarked(ch_odbc_read *read, ch_error *error)
{
    ch_buf sql, cell;
    bool is_null;
    ch_buf_init(&sql, SQL_MOST);
    ch_buf_init(&cell, 64);
    ch_buf_append_format(&sql, "SELECT COUNT(*) FROM (%s) AS casehub_rows WHERE ", read->table->query);
    ch_odbc_quote(read->odbc, read->table->watermark, &sql);
    ch_buf_append(&sql, " IS NULL", sizeof " IS NULL");
    ch_status status =
        sql.failed == CH_OK ? ch_odbc_run(read->odbc, (const char *)sql.at, NULL, 0, error) : sql.failed;
    if (status == CH_OK) {
        status = ch_odbc_fetch(read->odbc, error);
    }
    if (status == CH_OK) {
        status = ch_odbc_cell(read->odbc, 0, 60, &cell, &is_null, error);
    }
    ch_buf_append(&cell, "", 1);
    read->unmarked = status == CH_OK ? strtoull((const char *)cell.at, NULL, 10) : 0;
    ch_odbc_finish(read->odbc);
    ch_buf_done(&sql);
    ch_buf_done(&cell);
    return status;
}

/* ---- Columns */

static void need(needed *n, const char *name)
{
    n->names[n->count] = name;
    n->columns[n->count] = (ch_odbc_wanted){.text = n->texts[n->count], .size = CH_WINDOW_TEXT_SIZE};
    n->count++;
}

static void list_needed(const ch_odbc_read *read, needed *n)
{
    n->count = 0;
    if (has_watermark(read)) {
        need(n, read->table->watermark);
    }
    for (size_t i = 0; i < read->table->key_count; i++) {
        need(n, read->table->keys[i]);
    }
}

static ch_status find_column(const ch_odbc *odbc, const char *name, size_t *out_index, ch_error *error)
{
    for (size_t i = 0; i < ch_odbc_column_count(odbc); i++) {
        if (strcmp(ch_odbc_column(odbc, i), name) == 0) {
            *out_index = i;
            return CH_OK;
        }
    }
    return ch_error_set(error, CH_INVALID, "query", "it answers no column %s", name);
}

static ch_status check_columns(const ch_odbc *odbc, needed *n, ch_error *error)
{
    ch_status status = CH_OK;
    for (size_t i = 0; i < ch_odbc_column_count(odbc); i++) {
        size_t first;
        status = find_column(odbc, ch_odbc_column(odbc, i), &first, error);
        if (status == CH_OK && first != i) {
            return ch_error_set(error, CH_INVALID, "query", "two columns have the name %s",
                                ch_odbc_column(odbc, i));
        }
    }
    for (size_t i = 0; i < n->count && status == CH_OK; i++) {
        status = find_column(odbc, n->names[i], &n->columns[i].column, error);
    }
    return status;
}

/* ---- Rows */

static int compare_digests(const void *a, const void *b)
{
    uint64_t left, right;
    memcpy(&left, a, sizeof left);
    memcpy(&right, b, sizeof right);
    return left < right ? -1 : left > right;
}

static uint64_t digest_of(ch_str line)
{
    uint64_t digest;
    uint8_t bytes[crypto_generichash_BYTES_MIN];
    crypto_generichash(bytes, sizeof bytes, (const uint8_t *)line.at, line.size, NULL, 0);
    memcpy(&digest, bytes, sizeof digest);
    return digest;
}

static bool is_seen(const ch_odbc_read *read, uint64_t digest)
{
    for (size_t i = 0; i < read->window.seen_count; i++) {
        if (read->window.seen[i] == digest) {
            return true;
        }
    }
    return read->seen.size > 0 && bsearch(&digest, read->seen.at, read->seen.size / sizeof digest,
                                          sizeof digest, compare_digests) != NULL;
}

/* What the poll itself cannot do without. *out_moves: the next poll may begin at this row. */
static void judge(const ch_odbc_read *read, ch_odbc_row *row, const needed *n, bool *out_moves)
{
    *out_moves = has_watermark(read);
    for (size_t i = has_watermark(read) ? 1 : 0; i < n->count; i++) {
        if (n->columns[i].is_null) {
            ch_odbc_row_fail(row, n->names[i], "invalid", "the key is NULL");
        }
        *out_moves = *out_moves && !n->columns[i].is_null && !n->columns[i].is_cut;
    }
    bool moves = true;
    if (has_watermark(read) && !ch_odbc_watermark_check(n->texts[0], read->wall_ms, &moves)) {
        ch_odbc_row_fail(row, n->names[0], "invalid", "the watermark is neither a time nor an integer");
        moves = false;
    }
    *out_moves = *out_moves && moves && row->code == NULL;
}

static ch_status tell(ch_odbc_read *read, const ch_odbc_row *row, uint64_t *io_told, ch_error *error)
{
    ch_buf line;
    ch_buf_init(&line, row->line.limit + 1024);
    ch_odbc_row_end(row, &line);
    uint64_t digest = digest_of(ch_buf_str(&line));
    ch_status status = line.failed;
    ch_buf_append(&read->found, &digest, sizeof digest);
    if (status == CH_OK && !is_seen(read, digest)) {
        (*io_told)++;
        status = ch_odbc_spool_append(&read->spool, ch_buf_str(&line), error);
    }
    ch_buf_done(&line);
    return status != CH_OK ? status : read->found.failed;
}

static ch_status refuse_more(const ch_odbc_read *read, ch_error *error)
{
    bool bytes = read->spool.size >= read->table->spool_most;
    return ch_error_set(error, CH_INVALID, "query", "it answers more than %s allows",
                        bytes ? "spool_most" : "rows_most");
}

static ch_status read_rows(ch_odbc_read *read, needed *n, ch_odbc_row *row, uint64_t *io_told,
                           ch_error *error)
{
    const ch_odbc_table *table = read->table;
    ch_status status;
    while ((status = ch_odbc_fetch(read->odbc, error)) == CH_OK) {
        bool full = read->rows >= (uint64_t)table->rows_most || read->spool.size >= table->spool_most, moves;
        if (atomic_load(&read->stop)) {
            return ch_error_set(error, CH_UNAVAILABLE, NULL, "stopping");
        }
        if (full && (!has_watermark(read) || read->rows >= 2 * (uint64_t)table->rows_most)) {
            return refuse_more(read, error);
        }
        status = ch_odbc_row_read(row, read->odbc, table->cell_most, n->columns, n->count, error);
        if (status != CH_OK) {
            return status;
        }
        judge(read, row, n, &moves);
        status = tell(read, row, io_told, error);
        if (status != CH_OK) {
            return status;
        }
        read->rows++;
        if (moves) {
            memcpy(read->next.last, n->texts, sizeof n->texts);
        }
        if (moves && read->rows >= (uint64_t)table->rows_most) {
            read->next.more = true;
            return CH_OK;
        }
    }
    return status == CH_END ? CH_OK : status;
}

/* The last rows' digests go with the position. */
static void keep_last(ch_odbc_read *read)
{
    size_t count = read->found.size / sizeof(uint64_t);
    size_t kept = count < CH_WINDOW_SEEN_MOST ? count : CH_WINDOW_SEEN_MOST;
    if (kept > 0) {
        memcpy(read->next.seen, read->found.at + (count - kept) * sizeof(uint64_t), kept * sizeof(uint64_t));
    }
    read->next.seen_count = kept;
}

static ch_status end_spool(ch_odbc_read *read, uint64_t told, ch_error *error)
{
    ch_buf position;
    if (told == 0) {
        ch_odbc_spool_close(&read->spool);
        return CH_END;
    }
    ch_buf_init(&position, CH_SPOOL_POSITION_MOST);
    if (has_watermark(read)) {
        ch_odbc_window_format(&read->next, read->table->key_count, &position);
    }
    ch_buf_append(&position, "", 1);
    ch_status status = position.failed == CH_OK
                           ? ch_odbc_spool_end(&read->spool, read->wall_ms, (const char *)position.at, error)
                           : ch_error_set(error, position.failed, NULL, "no room for the position");
    ch_buf_done(&position);
    return status;
}

static ch_status poll_table(ch_odbc_read *read, needed *n, ch_error *error)
{
    char lower[CH_WINDOW_TEXT_SIZE];
    ch_str parameters[PARAMETERS];
    ch_odbc_row row;
    uint64_t told = 0;
    ch_status status = run_query(read, n, lower, parameters, error);
    if (status == CH_OK) {
        status = check_columns(read->odbc, n, error);
    }
    if (status == CH_OK) {
        status = ch_odbc_spool_begin(&read->spool, error);
    }
    if (status == CH_OK) {
        ch_odbc_row_init(&row, read->table->cell_most);
        status = read_rows(read, n, &row, &told, error);
        ch_odbc_row_done(&row);
    }
    ch_odbc_finish(read->odbc);
    keep_last(read);
    return status == CH_OK ? end_spool(read, told, error) : status;
}

void ch_odbc_read_run(void *context)
{
    ch_odbc_read *read = context;
    const ch_odbc_table *table = read->table;
    needed n;
    ch_status status = CH_OK;
    read->rows = read->unmarked = 0;
    read->next = read->window;
    read->next.more = false;
    ch_buf_clear(&read->found);
    list_needed(read, &n);
    if (read->odbc == NULL) {
        status = ch_odbc_open(&read->odbc, table->connection, table->password_file, table->timeout_ms,
                              &read->error);
    }
    if (status == CH_OK && has_watermark(read) && read->window.last[0][0] == '\0') {
        status = count_unmarked(read, &read->error);
    }
    if (status == CH_OK) {
        status = poll_table(read, &n, &read->error);
    }
    if (status != CH_OK && status != CH_END) {
        ch_odbc_close(read->odbc);
        read->odbc = NULL;
    }
    read->status = status;
}

void ch_odbc_read_settle(ch_odbc_read *read)
{
    const ch_buf old = read->seen;
    read->seen = read->found;
    read->found = old;
    if (read->seen.size > 0) {
        qsort(read->seen.at, read->seen.size / sizeof(uint64_t), sizeof(uint64_t), compare_digests);
    }
    read->window = read->next;
}
