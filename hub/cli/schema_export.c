#include "hub/cli/nouns.h"
#include "hub/cli/rows.h"
#include "hub/cli/schema_tables.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIALECT "https://json-schema.org/draft/2020-12/schema"

typedef struct export
{
    ch_cli *cli;
    const char *folder;
    size_t count; /* files written */
}
export;

/* Over what an earlier export left, as a whole: who reads it meanwhile sees the one or the other. */
static bool write_file(const char *path, const char *text)
{
    char beside[CH_SCHEMA_PATH_MAX];
    if (snprintf(beside, sizeof beside, "%s.part", path) >= (int)sizeof beside) {
        errno = ENAMETOOLONG;
        return false;
    }
    FILE *file = fopen(beside, "we");
    if (file == NULL) {
        return false;
    }
    bool good = fprintf(file, "%s\n", text) > 0 && fflush(file) == 0;
    int why = errno;
    if (fclose(file) != 0 && good) {
        good = false;
        why = errno;
    }
    if (good && rename(beside, path) == 0) {
        return true;
    }
    why = good ? errno : why;
    unlink(beside);
    errno = why;
    return false;
}

/* Takes the document; NULL: there was no memory for it. */
static ch_status put_file(export *to, const char *name, json_t *document)
{
    char path[CH_SCHEMA_PATH_MAX];
    char *text = document == NULL ? NULL : json_dumps(document, JSON_INDENT(2));
    json_decref(document);
    if (text == NULL) {
        return ch_cli_no_memory(to->cli);
    }
    bool fits = snprintf(path, sizeof path, "%s/%s", to->folder, name) < (int)sizeof path;
    errno = ENAMETOOLONG;
    bool good = fits && write_file(path, text);
    free(text);
    if (!good) {
        return ch_error_set(&to->cli->error, CH_IO, fits ? path : to->folder, "%s", strerror(errno));
    }
    to->count++;
    return CH_OK;
}

static ch_status put_type(export *to, const ch_type *type, ch_event_form form)
{
    char name[CH_CODE_MAX + 32], id[CH_CODE_MAX + 32];
    const char *more = form == CH_EVENT_RECORDED ? ".recorded" : "";
    json_t *schema = ch_schema_json(type, form);
    snprintf(name, sizeof name, "%s%s.schema.json", type->name, more);
    snprintf(id, sizeof id, "urn:casehub:%s%s", type->name, more);
    json_object_set_new(schema, "$schema", json_string(DIALECT));
    json_object_set_new(schema, "$id", json_string(id));
    return put_file(to, name, schema);
}

static ch_status put_all(export *to, const ch_schema *schema)
{
    ch_status status = CH_OK;
    if (mkdir(to->folder, 0777) != 0 && errno != EEXIST) {
        return ch_error_set(&to->cli->error, errno == ENOENT ? CH_NOT_FOUND : CH_IO, to->folder, "%s",
                            strerror(errno));
    }
    for (size_t i = 0; status == CH_OK && i < ch_schema_count(schema); i++) {
        const ch_type *type = ch_schema_at(schema, i);
        status = put_type(to, type, CH_EVENT_PRODUCED);
        if (status == CH_OK) {
            status = put_type(to, type, CH_EVENT_RECORDED);
        }
    }
    return status == CH_OK ? put_file(to, "asyncapi.json", ch_schema_asyncapi(schema)) : status;
}

static ch_status print_document(ch_cli *cli, const ch_schema *schema)
{
    json_t *document = ch_schema_asyncapi(schema);
    char *text =
        document == NULL ? NULL : json_dumps(document, cli->arguments->json ? JSON_COMPACT : JSON_INDENT(2));
    json_decref(document);
    if (text == NULL) {
        return ch_cli_no_memory(cli);
    }
    fprintf(cli->world->out, "%s\n", text);
    free(text);
    return CH_OK;
}

static ch_status write_files(ch_cli *cli, const char *folder, const ch_schema *schema)
{
    export to = {.cli = cli, .folder = folder};
    ch_status status = put_all(&to, schema);
    if (status != CH_OK) {
        return status;
    }
    json_t *row = json_pack("{s:s, s:I}", "folder", folder, "files", (json_int_t)to.count);
    if (cli->arguments->json) {
        status = row == NULL ? CH_NO_MEMORY : ch_row_print_json(cli->world->out, row);
    } else {
        ch_cli_note(cli, "%zu files in %s.", to.count, folder);
    }
    json_decref(row);
    return status == CH_OK ? CH_OK : ch_cli_no_memory(cli);
}

ch_status ch_schema_export(ch_cli *cli)
{
    const char *folder = ch_argument_text(cli->arguments, "output");
    ch_rules *rules = NULL;
    ch_status status = ch_schema_open(cli, &rules);
    if (status != CH_OK) {
        return status;
    }
    status = folder == NULL ? print_document(cli, rules->schema) : write_files(cli, folder, rules->schema);
    ch_rules_unref(rules);
    return status;
}
