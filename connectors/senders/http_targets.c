#include "connectors/senders/http_targets.h"
#include "connectors/senders/target_table.h"

#include "connectors/transports/http_client.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

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
    if (targets->count == CH_TARGETS_MOST) {
        return ch_error_set(error, CH_INVALID, entry->place, "%d targets are the most", CH_TARGETS_MOST);
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

typedef struct reading {
    ch_http_targets *targets;
    const char *file;
} reading;

/* A name beside the table; "" stays "". */
static bool resolve(const char *table, const char *name, char out[PATH_MAX])
{
    const char *slash = strrchr(table, '/');
    bool relative = name[0] != '\0' && name[0] != '/' && slash != NULL;
    return snprintf(out, PATH_MAX, "%.*s%s", relative ? (int)(slash - table) + 1 : 0, table, name) < PATH_MAX;
}

static ch_status take_row(void *context, const ch_target_row *row, ch_error *error)
{
    const reading *r = context;
    char secret[PATH_MAX], header[PATH_MAX];
    if (!resolve(r->file, row->cells[1], secret) || !resolve(r->file, row->more, header)) {
        return ch_error_set(error, CH_INVALID, row->place, "the path of a file is too long");
    }
    const ch_http_target_entry entry = {.place = row->place,
                                        .name = row->target,
                                        .url = row->cells[0],
                                        .secret_file = secret,
                                        .header_file = header};
    return ch_http_targets_add(r->targets, &entry, error);
}

ch_status ch_http_targets_read(ch_http_targets *targets, const char *file, ch_error *error)
{
    static const char *const columns[CH_TARGET_CELLS] = {"url", "secret_file"};
    reading r = {targets, file};
    return ch_target_table_read(file, columns, "header_file", take_row, &r, error);
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
