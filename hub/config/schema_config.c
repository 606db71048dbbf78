/* events.cfg: types = ( { name, producible, like, data = ( fields ), private = ( fields ) }, ... ).
 *
 * Beside every code stands its local original: a field of kind code brings the public string <name>_local
 * with it.
 */
#include "hub/config/cfg_file.h"
#include "hub/config/rules_parts.h"

#include <stdio.h>

#define FIELDS_MAX 64
#define LOCAL_SUFFIX "_local"
#define LOCAL_BYTES 400

typedef struct field_list {
    ch_field fields[FIELDS_MAX];
    size_t count;
} field_list;

static ch_status choose(const ch_cfg *cfg, const config_setting_t *group, const char *name,
                        const char *const *names, size_t count, unsigned *out_choice, ch_error *error)
{
    char text[32] = "";
    ch_status status = ch_cfg_text(cfg, group, name, text, sizeof text, error);
    if (status != CH_OK || text[0] == '\0') {
        return status;
    }
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(text, names[i]) == 0) {
            *out_choice = i;
            return CH_OK;
        }
    }
    return ch_cfg_fail(cfg, config_setting_get_member(group, name), error, "%s: %s is none of the known ones",
                       name, text);
}

static ch_status read_values(ch_rules *rules, const ch_cfg *cfg, const config_setting_t *group,
                             ch_field *field, ch_error *error)
{
    const config_setting_t *list = NULL;
    ch_status status = ch_cfg_list(cfg, group, "values", &list, error);
    if (status != CH_OK || list == NULL) {
        return status;
    }
    if (field->kind != CH_FIELD_CODE) {
        return ch_cfg_fail(cfg, list, error, "values: only codes are chosen from a list");
    }
    size_t count = (size_t)config_setting_length(list);
    field->values = ch_arena_alloc(&rules->arena, (count + 1) * sizeof *field->values);
    if (field->values == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, cfg->file, "no memory to read it");
    }
    for (size_t i = 0; i < count; i++) {
        const char *value = config_setting_get_string_elem(list, (int)i);
        if (value == NULL ||
            ch_str_copy(field->values[i], sizeof field->values[i], ch_str_of(value)) != CH_OK) {
            return ch_cfg_fail(cfg, list, error, "values: a list of codes is expected");
        }
    }
    field->value_count = count;
    return CH_OK;
}

static ch_status add_field(const ch_cfg *cfg, const config_setting_t *at, field_list *to,
                           const ch_field *field, size_t inherited, ch_error *error)
{
    for (size_t i = 0; i < to->count; i++) {
        if (strcmp(to->fields[i].name, field->name) == 0) {
            if (i >= inherited) {
                return ch_cfg_fail(cfg, at, error, "field %s is there twice", field->name);
            }
            to->fields[i] = *field;
            return CH_OK;
        }
    }
    if (to->count == FIELDS_MAX) {
        return ch_cfg_fail(cfg, at, error, "a type has at most %d fields", FIELDS_MAX);
    }
    to->fields[to->count++] = *field;
    return CH_OK;
}

static ch_status add_local(const ch_cfg *cfg, const config_setting_t *at, field_list *to,
                           const ch_field *code, size_t inherited, ch_error *error)
{
    ch_field local = {.kind = CH_FIELD_STRING,
                      .class = CH_FIELD_PUBLIC,
                      .least = INT64_MIN,
                      .most = LOCAL_BYTES,
                      .line = code->line};
    size_t size = strlen(code->name);
    if (code->kind != CH_FIELD_CODE) {
        return CH_OK;
    }
    if (size + sizeof LOCAL_SUFFIX > sizeof local.name) {
        return ch_cfg_fail(cfg, at, error, "name: too long to stand beside %s" LOCAL_SUFFIX, code->name);
    }
    memcpy(local.name, code->name, size);
    memcpy(local.name + size, LOCAL_SUFFIX, sizeof LOCAL_SUFFIX);
    return add_field(cfg, at, to, &local, inherited, error);
}

static ch_status read_field(ch_rules *rules, const ch_cfg *cfg, const config_setting_t *at, ch_field *field,
                            ch_error *error)
{
    static const char *const members[] = {"name",  "kind", "class",  "required",
                                          "least", "most", "values", NULL};
    unsigned kind = UINT32_MAX, class = field->class;
    ch_status status = ch_cfg_check_members(cfg, at, members, error);
    if (status == CH_OK) {
        status = ch_cfg_text(cfg, at, "name", field->name, sizeof field->name, error);
    }
    if (status == CH_OK) {
        status = choose(cfg, at, "kind", ch_field_kind_names, CH_FIELD_KIND_COUNT, &kind, error);
    }
    if (status == CH_OK) {
        status = choose(cfg, at, "class", ch_field_class_names, CH_FIELD_CLASS_COUNT, &class, error);
    }
    if (status == CH_OK && (field->name[0] == '\0' || kind == UINT32_MAX)) {
        status = ch_cfg_fail(cfg, at, error, "a field needs a name and a kind");
    }
    if (status != CH_OK) {
        return status;
    }
    field->kind = (ch_field_kind)kind;
    field->class = (ch_field_class) class;
    status = ch_cfg_flag(cfg, at, "required", &field->required, error);
    if (status == CH_OK) {
        status = ch_cfg_int(cfg, at, "least", INT64_MIN, INT64_MAX, &field->least, error);
    }
    if (status == CH_OK) {
        status = ch_cfg_int(cfg, at, "most", INT64_MIN, INT64_MAX, &field->most, error);
    }
    if (status == CH_OK && field->least > field->most) {
        status = ch_cfg_fail(cfg, at, error, "field %s: least is above most", field->name);
    }
    return status == CH_OK ? read_values(rules, cfg, at, field, error) : status;
}

static ch_status read_fields(ch_rules *rules, const ch_cfg *cfg, const config_setting_t *type,
                             const char *name, ch_field_class class, field_list *to, ch_error *error)
{
    const config_setting_t *list = NULL;
    size_t inherited = to->count;
    ch_status status = ch_cfg_list(cfg, type, name, &list, error);
    for (int i = 0; status == CH_OK && list != NULL && i < config_setting_length(list); i++) {
        const config_setting_t *at = config_setting_get_elem(list, (unsigned)i);
        ch_field field = {
            .class = class, .least = INT64_MIN, .most = INT64_MAX, .line = config_setting_source_line(at)};
        status = read_field(rules, cfg, at, &field, error);
        if (status == CH_OK) {
            status = add_field(cfg, at, to, &field, inherited, error);
        }
        if (status == CH_OK) {
            status = add_local(cfg, at, to, &field, inherited, error);
        }
    }
    return status;
}

/* The fields of the type that this one is like. */
static ch_status inherit(const ch_rules *rules, const ch_cfg *cfg, const config_setting_t *at,
                         field_list *data, field_list *private_fields, ch_error *error)
{
    char name[CH_CODE_MAX + 1] = "";
    ch_status status = ch_cfg_text(cfg, at, "like", name, sizeof name, error);
    if (status != CH_OK || name[0] == '\0') {
        return status;
    }
    const ch_type *like = ch_schema_find(rules->schema, ch_str_of(name));
    if (like == NULL) {
        return ch_cfg_fail(cfg, config_setting_get_member(at, "like"), error, "like: no type %s stands above",
                           name);
    }
    memcpy(data->fields, like->fields, like->field_count * sizeof *like->fields);
    data->count = like->field_count;
    if (like->private_count > 0) {
        memcpy(private_fields->fields, like->private_fields,
               like->private_count * sizeof *like->private_fields);
    }
    private_fields->count = like->private_count;
    return CH_OK;
}

static ch_status read_type(ch_rules *rules, const ch_cfg *cfg, const config_setting_t *at, field_list *data,
                           field_list *private_fields, ch_error *error)
{
    static const char *const members[] = {"name", "producible", "like", "data", "private", NULL};
    char place[128];
    ch_type type = {.producible = true, .line = config_setting_source_line(at)};
    data->count = private_fields->count = 0;
    ch_status status = ch_cfg_check_members(cfg, at, members, error);
    if (status == CH_OK) {
        status = ch_cfg_text(cfg, at, "name", type.name, sizeof type.name, error);
    }
    if (status == CH_OK) {
        status = ch_cfg_flag(cfg, at, "producible", &type.producible, error);
    }
    if (status == CH_OK) {
        status = inherit(rules, cfg, at, data, private_fields, error);
    }
    if (status == CH_OK) {
        status = read_fields(rules, cfg, at, "data", CH_FIELD_TEXT, data, error);
    }
    if (status == CH_OK) {
        status = read_fields(rules, cfg, at, "private", CH_FIELD_PERSONAL, private_fields, error);
    }
    if (status != CH_OK) {
        return status;
    }
    type.fields = data->fields;
    type.field_count = data->count;
    type.private_fields = private_fields->fields;
    type.private_count = private_fields->count;
    status = ch_schema_add(rules->schema, &type, error);
    if (status == CH_CONFLICT) {
        return ch_cfg_fail(cfg, at, error, "type %s is there twice", type.name);
    }
    if (status != CH_OK) {
        ch_cfg_place(cfg, at, place, sizeof place);
        ch_error_prefix(error, place);
    }
    return status;
}

static ch_status read_types(ch_rules *rules, const ch_cfg *cfg, ch_error *error)
{
    static const char *const members[] = {"types", NULL};
    const config_setting_t *root = config_root_setting(&cfg->config), *list = NULL;
    field_list *lists = ch_arena_alloc(&rules->arena, 2 * sizeof *lists);
    if (lists == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, cfg->file, "no memory to read it");
    }
    ch_status status = ch_cfg_check_members(cfg, root, members, error);
    if (status == CH_OK) {
        status = ch_cfg_list(cfg, root, "types", &list, error);
    }
    for (int i = 0; status == CH_OK && list != NULL && i < config_setting_length(list); i++) {
        status =
            read_type(rules, cfg, config_setting_get_elem(list, (unsigned)i), &lists[0], &lists[1], error);
    }
    return status;
}

ch_status ch_rules_read_events(ch_rules *rules, const char *file, ch_error *error)
{
    ch_cfg cfg;
    ch_status status = ch_cfg_open(&cfg, file, error);
    if (status == CH_OK) {
        status = read_types(rules, &cfg, error);
        ch_cfg_close(&cfg);
    }
    return status;
}
