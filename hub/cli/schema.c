#include "hub/cli/listing.h"
#include "hub/cli/nouns.h"
#include "hub/cli/schema_tables.h"
#include "hub/cli/suggest.h"

#include "hub/config/rules_config.h"
#include "hub/model/schema_changes.h"

#include <limits.h>
#include <stdio.h>

#define FILE_NAME "events.cfg"

ch_status ch_schemas_find(ch_cli *cli, const char *name, char out[CH_SCHEMA_PATH_MAX])
{
    const char *folder = cli->world->variable("CASEHUB_SCHEMAS");
    folder = folder != NULL ? folder : CASEHUB_SCHEMAS_DIR;
    return (size_t)snprintf(out, CH_SCHEMA_PATH_MAX, "%s/%s", folder, name) < CH_SCHEMA_PATH_MAX
               ? CH_OK
               : ch_error_set(&cli->error, CH_TOO_LARGE, NULL, "the name of the schemas' folder is too long");
}

ch_status ch_schema_open(ch_cli *cli, ch_rules **out_rules)
{
    char path[CH_SCHEMA_PATH_MAX];
    const char *given = ch_argument_text(cli->arguments, "schema");
    ch_status status = given != NULL ? ch_str_copy(path, sizeof path, ch_str_of(given))
                                     : ch_schemas_find(cli, FILE_NAME, path);
    if (status != CH_OK) {
        return ch_error_set(&cli->error, status, NULL, "the name of the file is too long");
    }
    return ch_rules_load_events(out_rules, path, &cli->error);
}

static json_t *row_of_type(const ch_type *type)
{
    return json_pack("{s:s, s:b, s:I, s:I}", "type", type->name, "producible", type->producible, "fields",
                     (json_int_t)type->field_count, "private", (json_int_t)type->private_count);
}

static ch_status print_rows(ch_cli *cli, json_t *rows, const ch_column *columns, size_t count)
{
    ch_status status = rows == NULL ? ch_cli_no_memory(cli) : ch_list_rows(cli, rows, columns, count);
    json_decref(rows);
    return status;
}

static ch_status list(ch_cli *cli)
{
    static const ch_column columns[] = {
        {"type", "TYPE", CH_CELL_PLAIN, 0},
        {"producible", "PRODUCIBLE", CH_CELL_PLAIN, 0},
        {"fields", "FIELDS", CH_CELL_NUMBER, 0},
        {"private", "PRIVATE", CH_CELL_NUMBER, 0},
    };
    ch_rules *rules = NULL;
    ch_status status = ch_schema_open(cli, &rules);
    if (status != CH_OK) {
        return status;
    }
    json_t *rows = json_array();
    for (size_t i = 0; rows != NULL && i < ch_schema_count(rules->schema); i++) {
        json_array_append_new(rows, row_of_type(ch_schema_at(rules->schema, i)));
    }
    status = print_rows(cli, rows, columns, CH_COUNT_OF(columns));
    ch_rules_unref(rules);
    return status;
}

static void add_fields(json_t *rows, const char *part, const ch_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const ch_field *field = &fields[i];
        json_t *row = json_pack("{s:s+, s:s, s:s, s:b}", "field", part, field->name, "kind",
                                ch_field_kind_names[field->kind], "class", ch_field_class_names[field->class],
                                "required", field->required);
        if (field->least != INT64_MIN) {
            json_object_set_new(row, "least", json_integer(field->least));
        }
        if (field->most != INT64_MAX) {
            json_object_set_new(row, "most", json_integer(field->most));
        }
        json_t *values = field->values == NULL ? NULL : json_array();
        for (size_t k = 0; values != NULL && k < field->value_count; k++) {
            json_array_append_new(values, json_string(field->values[k]));
        }
        json_object_set_new(row, "values", values);
        json_array_append_new(rows, row);
    }
}

static const char *type_name(const void *schema, size_t index)
{
    return ch_schema_at(schema, index)->name;
}

static ch_status refuse_type(ch_cli *cli, const ch_schema *schema, const char *name)
{
    const char *near = ch_suggest(name, schema, ch_schema_count(schema), type_name);
    return ch_error_set(&cli->error, CH_NOT_FOUND, NULL, "there is no event type %s%s%s%s", name,
                        near == NULL ? "" : "; did you mean `", near == NULL ? "" : near,
                        near == NULL ? "" : "`?");
}

static ch_status show_type(ch_cli *cli, const ch_type *type)
{
    static const ch_column columns[] = {
        {"field", "FIELD", CH_CELL_PLAIN, 0},   {"kind", "KIND", CH_CELL_PLAIN, 0},
        {"class", "CLASS", CH_CELL_PLAIN, 0},   {"required", "REQUIRED", CH_CELL_PLAIN, 0},
        {"least", "LEAST", CH_CELL_NUMBER, 0},  {"most", "MOST", CH_CELL_NUMBER, 0},
        {"values", "ONE OF", CH_CELL_PLAIN, 0},
    };
    json_t *rows = json_array();
    if (rows != NULL) {
        add_fields(rows, "data.", type->fields, type->field_count);
        add_fields(rows, "private.", type->private_fields, type->private_count);
    }
    ch_status status = print_rows(cli, rows, columns, CH_COUNT_OF(columns));
    if (status == CH_OK && !type->producible) {
        ch_cli_note(cli, "Only the hub itself reports %s.", type->name);
    }
    return status;
}

static ch_status show(ch_cli *cli)
{
    ch_rules *rules = NULL;
    const char *name = cli->arguments->operands[0];
    ch_status status = ch_schema_open(cli, &rules);
    if (status != CH_OK) {
        return status;
    }
    const ch_type *type = ch_schema_find(rules->schema, ch_str_of(name));
    status = type == NULL ? refuse_type(cli, rules->schema, name) : show_type(cli, type);
    ch_rules_unref(rules);
    return status;
}

typedef struct check {
    ch_cli *cli;
    const char *before, *after; /* files */
    bool failed;
} check;

static void print_change(check *of, const ch_schema_change *change)
{
    FILE *out = of->cli->world->out;
    const char *field = change->field, *dot = field[0] == '\0' ? "" : " ";
    if (change->new_line == 0) {
        fprintf(out, "%s: %s: %s (%s:%u)\n", of->after, change->type, change->text, of->before,
                change->old_line);
        return;
    }
    fprintf(out, "%s:%u: %s%s%s: %s (%s:%u)\n", of->after, change->new_line, change->type, dot, field,
            change->text, of->before, change->old_line);
}

static void tell_change(void *context, const ch_schema_change *change)
{
    check *of = context;
    if (!of->cli->arguments->json) {
        print_change(of, change);
        return;
    }
    json_t *row =
        json_pack("{s:s, s:s, s:I, s:s, s:s}", "type", change->type, "old_file", of->before, "old_line",
                  (json_int_t)change->old_line, "file", of->after, "text", change->text);
    if (change->field[0] != '\0') {
        json_object_set_new(row, "field", json_string(change->field));
    }
    if (change->new_line != 0) {
        json_object_set_new(row, "line", json_integer(change->new_line));
    }
    of->failed = of->failed || row == NULL || ch_row_print_json(of->cli->world->out, row) != CH_OK;
    json_decref(row);
}

static ch_status compare(ch_cli *cli, const ch_schema *before, const ch_schema *after)
{
    check of = {.cli = cli, .before = cli->arguments->operands[0], .after = cli->arguments->operands[1]};
    size_t count = ch_schema_compare(before, after, &of, tell_change);
    if (of.failed) {
        return ch_cli_no_memory(cli);
    }
    if (count > 0) {
        return ch_error_set(&cli->error, CH_INVALID, of.after,
                            "%zu change%s that a major version may not make", count, count == 1 ? "" : "s");
    }
    ch_cli_note(cli, "%s may follow %s: what changed, if anything, was only added.", of.after, of.before);
    return CH_OK;
}

static ch_status check_files(ch_cli *cli)
{
    ch_rules *before = NULL, *after = NULL;
    ch_status status = ch_rules_load_events(&before, cli->arguments->operands[0], &cli->error);
    if (status == CH_OK) {
        status = ch_rules_load_events(&after, cli->arguments->operands[1], &cli->error);
    }
    if (status == CH_OK) {
        status = compare(cli, before->schema, after->schema);
    }
    ch_rules_unref(after);
    ch_rules_unref(before);
    return status;
}

#define SCHEMA_FILE                                                                                          \
    CH_TAKES_TEXT("schema", "FILE", NULL,                                                                    \
                  "the event types (else events.cfg in $CASEHUB_SCHEMAS, else the installed one)")

static const ch_argument file_arguments[] = {SCHEMA_FILE};
static const ch_argument export_arguments[] = {
    SCHEMA_FILE,
    CH_TAKES_TEXT(
        "output", "DIR", NULL,
        "write TYPE.schema.json and TYPE.recorded.schema.json of every type, and asyncapi.json, into "
        "this folder"),
};

static const ch_verb verbs[] = {
    {.name = "list", CH_ARGUMENTS(file_arguments), .help = "the event types", .run = list},
    {.name = "show",
     .operands = "TYPE",
     .operands_least = 1,
     .operands_most = 1,
     CH_ARGUMENTS(file_arguments),
     .help = "one type's fields: kind, class, whether required, limits",
     .run = show},
    {.name = "check",
     .operands = "OLD NEW",
     .operands_least = 2,
     .operands_most = 2,
     .help = "may NEW follow OLD within a major version? Says each change that it may not make",
     .run = check_files},
    {.name = "export",
     CH_ARGUMENTS(export_arguments),
     .help = "as JSON Schema and AsyncAPI; without --output the AsyncAPI document alone",
     .run = ch_schema_export},
};

const ch_noun ch_noun_schema = {.name = "schema", .help = "event types and their fields", CH_VERBS(verbs)};
