#include "connectors/host/rows.h"

#include "connectors/host/rows_file.h"
#include "hub/base/array.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#define PENDING_FIRST 256
#define FIRST_CAPACITY ((size_t)1024)

/* What a note replaced, and what with. */
typedef struct undo {
    ch_row before, after;
    bool was_new;
} undo;

struct ch_rows {
    ch_rows_file *file; /* NULL: memory only */
    ch_row *table;      /* open addressing */
    size_t capacity, count, most;
    uint8_t salt[CH_ROWS_SALT_SIZE];
    undo *pending;
    size_t pending_count, pending_capacity;
    char mark[CH_ROWS_MARK_SIZE];
};

static bool is_free(const ch_row *row)
{
    return row->used == 0;
}

static size_t place_of(const ch_row *table, size_t capacity, const uint8_t key[CH_ROW_HASH_SIZE])
{
    size_t at = (size_t)ch_get_be64(key) & (capacity - 1);
    while (!is_free(&table[at]) && memcmp(table[at].key, key, CH_ROW_HASH_SIZE) != 0) {
        at = (at + 1) & (capacity - 1);
    }
    return at;
}

static ch_status grow(ch_rows *rows)
{
    size_t capacity = rows->capacity * 2;
    ch_row *table = calloc(capacity, sizeof *table);
    if (table == NULL) {
        return CH_NO_MEMORY;
    }
    for (size_t i = 0; i < rows->capacity; i++) {
        if (!is_free(&rows->table[i])) {
            table[place_of(table, capacity, rows->table[i].key)] = rows->table[i];
        }
    }
    free(rows->table);
    rows->table = table;
    rows->capacity = capacity;
    return CH_OK;
}

/* Also what the file gives back at the start. */
static ch_status put(void *context, const ch_row *row)
{
    ch_rows *rows = context;
    size_t at = place_of(rows->table, rows->capacity, row->key);
    if (is_free(&rows->table[at])) {
        if (rows->count == rows->most) {
            return CH_FULL;
        }
        if (4 * (rows->count + 1) > 3 * rows->capacity) {
            ch_status status = grow(rows);
            if (status != CH_OK) {
                return status;
            }
            at = place_of(rows->table, rows->capacity, row->key);
        }
        rows->count++;
    }
    rows->table[at] = *row;
    rows->table[at].used = 1;
    return CH_OK;
}

/* Linear probing without gaps: what stood behind moves up. */
static void take_out(ch_rows *rows, size_t at)
{
    size_t mask = rows->capacity - 1, gap = at;
    rows->table[gap].used = 0;
    for (size_t i = (at + 1) & mask; !is_free(&rows->table[i]); i = (i + 1) & mask) {
        size_t home = (size_t)ch_get_be64(rows->table[i].key) & mask;
        if (((i - home) & mask) >= ((i - gap) & mask)) {
            rows->table[gap] = rows->table[i];
            rows->table[i].used = 0;
            gap = i;
        }
    }
    rows->count--;
}

ch_status ch_rows_open(ch_rows **out_rows, const char *file, const char *mark, size_t most, bool *out_lost,
                       ch_error *error)
{
    ch_rows *rows = calloc(1, sizeof *rows);
    ch_status status = CH_OK;
    bool lost = false;
    if (rows == NULL || sodium_init() < 0 ||
        (rows->table = calloc(FIRST_CAPACITY, sizeof *rows->table)) == NULL) {
        ch_rows_close(rows);
        return ch_error_set(error, CH_NO_MEMORY, "rows", "no memory");
    }
    rows->capacity = FIRST_CAPACITY;
    rows->most = most;
    if (file != NULL) {
        status = ch_rows_file_open(&rows->file, file, mark, rows->salt, put, rows, &lost, error);
    }
    if (status != CH_OK) {
        ch_rows_close(rows);
        return status;
    }
    snprintf(rows->mark, sizeof rows->mark, "%s", lost ? "" : mark);
    *out_lost = lost;
    *out_rows = rows;
    return CH_OK;
}

void ch_rows_close(ch_rows *rows)
{
    if (rows != NULL) {
        ch_rows_file_close(rows->file);
        free(rows->table);
        free(rows->pending);
        free(rows);
    }
}

size_t ch_rows_count(const ch_rows *rows)
{
    return rows->count;
}

static void hash(const ch_rows *rows, uint8_t *out, size_t out_size, ch_str a, ch_str b)
{
    crypto_generichash_state state;
    uint8_t digest[32], size[8];
    ch_put_be64(size, a.size);
    crypto_generichash_init(&state, rows->salt, sizeof rows->salt, sizeof digest);
    crypto_generichash_update(&state, size, sizeof size);
    crypto_generichash_update(&state, (const uint8_t *)a.at, a.size);
    crypto_generichash_update(&state, (const uint8_t *)b.at, b.size);
    crypto_generichash_final(&state, digest, sizeof digest);
    memcpy(out, digest, out_size);
}

ch_row_news ch_rows_compare(const ch_rows *rows, ch_str key, ch_str aspect, ch_str content,
                            uint32_t *out_number)
{
    uint8_t hashed[CH_ROW_HASH_SIZE], digest[CH_ROW_DIGEST_SIZE];
    hash(rows, hashed, sizeof hashed, key, aspect);
    const ch_row *row = &rows->table[place_of(rows->table, rows->capacity, hashed)];
    if (is_free(row)) {
        *out_number = 0;
        return CH_ROW_NEW;
    }
    *out_number = row->number;
    hash(rows, digest, sizeof digest, content, CH_STR_NONE);
    return memcmp(row->digest, digest, sizeof digest) == 0 ? CH_ROW_SAME : CH_ROW_CHANGED;
}

static ch_status remember(ch_rows *rows, const ch_row *before, const ch_row *after)
{
    ch_status status = ch_array_reserve(&rows->pending, &rows->pending_capacity, rows->pending_count + 1,
                                        PENDING_FIRST, sizeof *rows->pending);
    if (status == CH_OK) {
        rows->pending[rows->pending_count++] = (undo){*before, *after, is_free(before)};
    }
    return status;
}

static ch_status note(ch_rows *rows, const ch_row *row, ch_error *error)
{
    ch_row before = rows->table[place_of(rows->table, rows->capacity, row->key)];
    memcpy(before.key, row->key, sizeof before.key);
    ch_status status = remember(rows, &before, row);
    if (status == CH_OK) {
        status = put(rows, row);
        rows->pending_count -= status != CH_OK;
    }
    return status == CH_OK ? CH_OK
           : status == CH_FULL
               ? ch_error_set(error, status, "rows", "more than rows_most (%zu) rows", rows->most)
               : ch_error_set(error, status, "rows", "no memory to remember the row");
}

ch_status ch_rows_note(ch_rows *rows, ch_str key, ch_str aspect, ch_str content, uint32_t number,
                       ch_error *error)
{
    ch_row row = {.number = number, .used = 1};
    hash(rows, row.key, sizeof row.key, key, aspect);
    hash(rows, row.digest, sizeof row.digest, content, CH_STR_NONE);
    return note(rows, &row, error);
}

ch_status ch_rows_renumber(ch_rows *rows, ch_str key, ch_str aspect, uint32_t number, ch_error *error)
{
    uint8_t hashed[CH_ROW_HASH_SIZE];
    hash(rows, hashed, sizeof hashed, key, aspect);
    ch_row row = rows->table[place_of(rows->table, rows->capacity, hashed)];
    if (is_free(&row)) {
        return CH_OK;
    }
    row.number = number;
    return note(rows, &row, error);
}

size_t ch_rows_pending(const ch_rows *rows)
{
    return rows->pending_count;
}

void ch_rows_undo(ch_rows *rows, size_t count)
{
    while (rows->pending_count > count) {
        const undo *last = &rows->pending[--rows->pending_count];
        size_t at = place_of(rows->table, rows->capacity, last->before.key);
        if (last->was_new) {
            take_out(rows, at);
        } else {
            rows->table[at] = last->before;
        }
    }
}

ch_status ch_rows_seal(ch_rows *rows, size_t count, char out_mark[CH_ROWS_MARK_SIZE], ch_error *error)
{
    ch_status status = CH_OK;
    if (count > 0 && rows->file != NULL) {
        status = ch_rows_file_begin(rows->file, count, error);
        for (size_t i = 0; status == CH_OK && i < count; i++) {
            ch_rows_file_add(rows->file, &rows->pending[i].after);
        }
        if (status == CH_OK) {
            status = ch_rows_file_end(rows->file, rows->mark, error);
        }
    }
    if (status == CH_OK) {
        rows->pending_count -= count;
        if (count > 0 && rows->pending_count > 0) {
            memmove(rows->pending, rows->pending + count, rows->pending_count * sizeof *rows->pending);
        }
        snprintf(out_mark, CH_ROWS_MARK_SIZE, "%s", rows->mark);
    }
    return status;
}

/* The table in its own order, for a compaction. */
static const ch_row *next_row(void *context, size_t *index)
{
    const ch_rows *rows = context;
    while (*index < rows->capacity) {
        const ch_row *row = &rows->table[(*index)++];
        if (!is_free(row)) {
            return row;
        }
    }
    return NULL;
}

ch_status ch_rows_compact(ch_rows *rows, ch_error *error)
{
    return rows->file == NULL || rows->pending_count > 0
               ? CH_OK
               : ch_rows_file_compact(rows->file, rows->count, next_row, rows, error);
}
