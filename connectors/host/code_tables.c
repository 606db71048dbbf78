#include "connectors/host/code_tables.h"

#include "hub/config/csv.h"
#include "hub/config/text_file.h"

#include <stdio.h>

#define TABLES_LIMIT ((size_t)64 * 1024 * 1024)

/* "codes/categories.csv" gives "categories". */
static ch_str table_name(const char *file)
{
    const char *slash = strrchr(file, '/'), *base = slash == NULL ? file : slash + 1;
    const char *dot = strrchr(base, '.');
    return (ch_str){base, dot == NULL || dot == base ? strlen(base) : (size_t)(dot - base)};
}

static jv string_of(ch_str text)
{
    return jv_string_sized(text.size == 0 ? "" : text.at, (int)text.size);
}

static jv row_of(const ch_csv *csv, size_t row)
{
    jv object = jv_object();
    for (size_t i = 0; i < csv->column_count; i++) {
        object = jv_object_set(object, string_of(csv->headings[i]),
                               string_of(csv->cells[row * csv->column_count + i]));
    }
    return object;
}

static void hash_row(crypto_generichash_state *hash, const ch_str *cells, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint8_t size[8];
        ch_put_be64(size, cells[i].size);
        crypto_generichash_update(hash, size, sizeof size);
        crypto_generichash_update(hash, (const uint8_t *)cells[i].at, cells[i].size);
    }
}

static ch_status read_table(jv *table, const char *file, crypto_generichash_state *hash, ch_error *error)
{
    ch_arena arena;
    ch_csv csv = {.row_count = 0};
    char where[CH_TEXT_PLACE_SIZE];
    ch_arena_init(&arena, TABLES_LIMIT);
    ch_status status = ch_csv_read(&csv, &arena, file, error);
    if (status == CH_OK) {
        hash_row(hash, csv.headings, csv.column_count);
    }
    for (size_t i = 0; status == CH_OK && i < csv.row_count; i++) {
        const ch_str *cells = &csv.cells[i * csv.column_count];
        if (jv_object_has(jv_copy(*table), string_of(cells[0]))) {
            ch_text_place(where, file, csv.lines[i]);
            status =
                ch_error_set(error, CH_INVALID, where, "the code %.*s is there twice", CH_STR_ARG(cells[0]));
        } else {
            hash_row(hash, cells, csv.column_count);
            *table = jv_object_set(*table, string_of(cells[0]), row_of(&csv, i));
        }
    }
    ch_arena_done(&arena);
    return status;
}

ch_status ch_code_tables_read(jv *out_tables, const ch_strings *files, crypto_generichash_state *hash,
                              ch_error *error)
{
    jv tables = jv_object();
    ch_status status = CH_OK;
    for (size_t i = 0; status == CH_OK && i < files->count; i++) {
        jv name = string_of(table_name(files->at[i])), table = jv_object();
        if (jv_object_has(jv_copy(tables), jv_copy(name))) {
            status = ch_error_set(error, CH_INVALID, files->at[i], "two tables have this name");
        } else {
            status = read_table(&table, files->at[i], hash, error);
        }
        tables = jv_object_set(tables, name, table);
    }
    if (status != CH_OK) {
        jv_free(tables);
        return status;
    }
    *out_tables = tables;
    return CH_OK;
}
