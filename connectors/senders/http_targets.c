#include "connectors/senders/http_targets.h"

#include "connectors/transports/http_client.h"

#include "hub/config/csv.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define TABLE_MOST ((size_t)4 * 1024 * 1024)

ch_status ch_http_targets_add(ch_http_targets *targets, const char *name, const char *url,
                              const char *secret_file, const char *place, ch_error *error)
{
    if (!ch_http_url_is_valid(url)) {
        return ch_error_set(error, CH_INVALID, place, "an http or https URL without a user is expected");
    }
    if (ch_http_target_find(targets, name[0] == '\0' ? NULL : name) != NULL) {
        return ch_error_set(error, CH_INVALID, place, "the target is there already");
    }
    if (targets->count == CH_HTTP_TARGETS_MOST) {
        return ch_error_set(error, CH_INVALID, place, "1000 targets are the most");
    }
    ch_http_target *longer = realloc(targets->at, (targets->count + 1) * sizeof *longer);
    if (longer == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, place, "no memory for the targets");
    }
    targets->at = longer;
    ch_http_target *target = &targets->at[targets->count++];
    *target = (ch_http_target){.name = strdup(name), .url = strdup(url)};
    if (target->name == NULL || target->url == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, place, "no memory for the targets");
    }
    return secret_file[0] == '\0' ? CH_OK : ch_http_secrets_open(&target->secrets, secret_file, error);
}

typedef struct columns {
    size_t target, url, secret_file;
} columns;

static ch_status find_columns(const ch_csv *csv, columns *out, const char *file, ch_error *error)
{
    bool found = ch_csv_column(csv, "target", &out->target) == CH_OK &&
                 ch_csv_column(csv, "url", &out->url) == CH_OK &&
                 ch_csv_column(csv, "secret_file", &out->secret_file) == CH_OK;
    return found ? CH_OK
                 : ch_error_set(error, CH_INVALID, file, "columns target, url and secret_file are expected");
}

static ch_status read_row(ch_http_targets *targets, const ch_csv *csv, const columns *at, size_t row,
                          const char *file, ch_error *error)
{
    const ch_str *cells = csv->cells + row * csv->column_count;
    const char *secret = cells[at->secret_file].at, *slash = strrchr(file, '/');
    bool relative = secret[0] != '\0' && secret[0] != '/' && slash != NULL;
    char path[PATH_MAX], place[200];
    snprintf(place, sizeof place, "%.150s:%u", slash == NULL ? file : slash + 1, csv->lines[row]);
    if (snprintf(path, sizeof path, "%.*s%s", relative ? (int)(slash - file) + 1 : 0, file, secret) >=
        (int)sizeof path) {
        return ch_error_set(error, CH_INVALID, place, "secret_file: the path is too long");
    }
    return cells[at->target].size == 0
               ? ch_error_set(error, CH_INVALID, place, "target: it is empty")
               : ch_http_targets_add(targets, cells[at->target].at, cells[at->url].at, path, place, error);
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
