#include "connectors/senders/http_targets.h"

#include "connectors/transports/http_client.h"

#include "hub/config/csv.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define TABLE_MOST ((size_t)4 * 1024 * 1024)

static ch_status append(ch_http_targets *targets, const ch_http_target_entry *entry, ch_error *error)
{
    ch_http_target *longer = realloc(targets->at, (targets->count + 1) * sizeof *longer);
    if (longer == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, entry->place, "no memory for the targets");
    }
    targets->at = longer;
    ch_http_target *target = &targets->at[targets->count++];
    *target = (ch_http_target){.name = strdup(entry->name), .url = strdup(entry->url)};
    return target->name != NULL && target->url != NULL
               ? CH_OK
               : ch_error_set(error, CH_NO_MEMORY, entry->place, "no memory for the targets");
}

ch_status ch_http_targets_add(ch_http_targets *targets, const ch_http_target_entry *entry, ch_error *error)
{
    if (!ch_http_url_is_valid(entry->url)) {
        return ch_error_set(error, CH_INVALID, entry->place,
                            "an http or https URL without a user is expected");
    }
    if (ch_http_target_find(targets, entry->name[0] == '\0' ? NULL : entry->name) != NULL) {
        return ch_error_set(error, CH_INVALID, entry->place, "the target is there already");
    }
    if (targets->count == CH_HTTP_TARGETS_MOST) {
        return ch_error_set(error, CH_INVALID, entry->place, "1000 targets are the most");
    }
    ch_status status = append(targets, entry, error);
    if (status == CH_OK && entry->secret_file[0] != '\0') {
        status = ch_http_secrets_open(&targets->at[targets->count - 1].secrets, entry->secret_file, error);
    }
    if (status == CH_OK && entry->header_file[0] != '\0') {
        status = ch_http_fields_read(&targets->at[targets->count - 1].fields, entry->header_file, error);
    }
    return status;
}

/* ---- the table */

typedef struct columns {
    size_t target, url, secret_file, header_file;
    bool with_headers;
} columns;

static ch_status find_columns(const ch_csv *csv, columns *out, const char *file, ch_error *error)
{
    bool found = ch_csv_column(csv, "target", &out->target) == CH_OK &&
                 ch_csv_column(csv, "url", &out->url) == CH_OK &&
                 ch_csv_column(csv, "secret_file", &out->secret_file) == CH_OK;
    out->with_headers = ch_csv_column(csv, "header_file", &out->header_file) == CH_OK;
    return found ? CH_OK
                 : ch_error_set(error, CH_INVALID, file, "columns target, url and secret_file are expected");
}

/* A name beside the table; "" stays "". */
static bool resolve(const char *table, const char *name, char out[PATH_MAX])
{
    const char *slash = strrchr(table, '/');
    bool relative = name[0] != '\0' && name[0] != '/' && slash != NULL;
    return snprintf(out, PATH_MAX, "%.*s%s", relative ? (int)(slash - table) + 1 : 0, table, name) < PATH_MAX;
}

static ch_status read_row(ch_http_targets *targets, const ch_csv *csv, const columns *at, size_t row,
                          const char *file, ch_error *error)
{
    const ch_str *cells = csv->cells + row * csv->column_count;
    const char *slash = strrchr(file, '/');
    char secret[PATH_MAX], header[PATH_MAX], place[200];
    snprintf(place, sizeof place, "%.150s:%u", slash == NULL ? file : slash + 1, csv->lines[row]);
    if (!resolve(file, cells[at->secret_file].at, secret) ||
        !resolve(file, at->with_headers ? cells[at->header_file].at : "", header)) {
        return ch_error_set(error, CH_INVALID, place, "the path of a file is too long");
    }
    const ch_http_target_entry entry = {.place = place,
                                        .name = cells[at->target].at,
                                        .url = cells[at->url].at,
                                        .secret_file = secret,
                                        .header_file = header};
    return cells[at->target].size == 0 ? ch_error_set(error, CH_INVALID, place, "target: it is empty")
                                       : ch_http_targets_add(targets, &entry, error);
}

ch_status ch_http_targets_read(ch_http_targets *targets, const char *file, ch_error *error)
{
    ch_arena arena;
    ch_csv csv;
    columns at;
    ch_arena_init(&arena, TABLE_MOST);
    ch_status status = ch_csv_read(&csv, &arena, file, error);
    if (status == CH_OK) {
        status = find_columns(&csv, &at, file, error);
    }
    for (size_t row = 0; status == CH_OK && row < csv.row_count; row++) {
        status = read_row(targets, &csv, &at, row, file, error);
    }
    ch_arena_done(&arena);
    return status;
}

void ch_http_targets_done(ch_http_targets *targets)
{
    for (size_t i = 0; i < targets->count; i++) {
        free(targets->at[i].name);
        free(targets->at[i].url);
        ch_http_secrets_done(&targets->at[i].secrets);
        ch_http_fields_done(&targets->at[i].fields);
    }
    free(targets->at);
    *targets = (ch_http_targets){.at = NULL};
}

ch_http_target *ch_http_target_find(ch_http_targets *targets, const char *name)
{
    for (size_t i = 0; i < targets->count; i++) {
        if (strcmp(targets->at[i].name, name == NULL ? "" : name) == 0) {
            return &targets->at[i];
        }
    }
    return NULL;
}
