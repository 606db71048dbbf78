/* Event types as JSON Schema. Lengths of strings are bytes for the hub and characters for JSON Schema, so what the hub
 * takes is always valid here, and of long texts that are not plain ASCII a little more is. */
#include "hub/cli/schema_tables.h"

#include "hub/model/event_attributes.h"

#include <stdio.h>

#define PRINTABLE "[^\\u0000-\\u001f\\u007f-\\u009f]"
#define PATTERN_SIZE 128

/* Absent and null are the same, unless it must be there. */
static json_t *typed(const char *type, bool required)
{
    return required ? json_pack("{s:s}", "type", type) : json_pack("{s:[s, s]}", "type", type, "null");
}

static void set_int(json_t *schema, const char *name, int64_t value, int64_t none)
{
    if (value != none) {
        json_object_set_new(schema, name, json_integer(value));
    }
}

static void set_text(json_t *schema, const char *name, const char *text)
{
    json_object_set_new(schema, name, json_string(text));
}

static void set_bounds(json_t *schema, const char *least, const char *most, const ch_field *field)
{
    set_int(schema, least, field->least, INT64_MIN);
    set_int(schema, most, field->most, INT64_MAX);
}

/* A character has up to four bytes. */
static void bound_text(json_t *schema, const ch_field *field)
{
    char text[PATTERN_SIZE];
    if (field->least > 0) {
        set_int(schema, "minLength", (field->least + 3) / 4, 0);
    }
    if (field->most != INT64_MAX) {
        set_int(schema, "maxLength", field->most, INT64_MAX);
        snprintf(text, sizeof text, "At most %lld bytes of UTF-8.", (long long)field->most);
        set_text(schema, "description", text);
    }
}

static void bound_code(json_t *schema, const ch_field *field, bool required)
{
    char text[PATTERN_SIZE];
    json_t *values = field->values == NULL ? NULL : json_array();
    snprintf(text, sizeof text, "^[a-z0-9_.-]{1,%d}$", CH_CODE_MAX);
    for (size_t i = 0; values != NULL && i < field->value_count; i++) {
        json_array_append_new(values, json_string(field->values[i]));
    }
    if (values == NULL) {
        set_text(schema, "pattern", text);
        return;
    }
    if (!required) {
        json_array_append_new(values, json_null());
    }
    json_object_set_new(schema, "enum", values);
}

static json_t *time_schema(bool required)
{
    json_t *schema =
        json_pack("{s:[s, s], s:s, s:I, s:I}", "type", "string", "integer", "format", "date-time", "minimum",
                  (json_int_t)CH_TIME_LEAST, "maximum", (json_int_t)CH_TIME_MOST);
    if (!required) {
        json_array_append_new(json_object_get(schema, "type"), json_string("null"));
    }
    return schema;
}

static void set_base64(json_t *schema)
{
    json_object_set_new(
        schema, "properties",
        json_pack("{s:{s:s, s:s}}", "$base64", "type", "string", "pattern", "^[A-Za-z0-9+/]*={0,2}$"));
    json_object_set_new(schema, "required", json_pack("[s]", "$base64"));
    json_object_set_new(schema, "additionalProperties", json_false());
}

static json_t *field_schema(const ch_field *field, bool required)
{
    static const char *const types[CH_FIELD_KIND_COUNT] = {
        [CH_FIELD_STRING] = "string", [CH_FIELD_CODE] = "string",  [CH_FIELD_INT] = "integer",
        [CH_FIELD_NUMBER] = "number", [CH_FIELD_BOOL] = "boolean", [CH_FIELD_TIME] = "string",
        [CH_FIELD_LIST] = "array",    [CH_FIELD_MAP] = "object",   [CH_FIELD_BYTES] = "object",
    };
    json_t *schema =
        field->kind == CH_FIELD_TIME ? time_schema(required) : typed(types[field->kind], required);
    switch (field->kind) {
    case CH_FIELD_STRING: bound_text(schema, field); break;
    case CH_FIELD_CODE: bound_code(schema, field, required); break;
    case CH_FIELD_INT:
    case CH_FIELD_NUMBER: set_bounds(schema, "minimum", "maximum", field); break;
    case CH_FIELD_LIST: set_bounds(schema, "minItems", "maxItems", field); break;
    case CH_FIELD_MAP: set_bounds(schema, "minProperties", "maxProperties", field); break;
    case CH_FIELD_BYTES: set_base64(schema); break;
    case CH_FIELD_BOOL:
    case CH_FIELD_TIME: break;
    }
    char note[PATTERN_SIZE];
    snprintf(note, sizeof note, "class %s", ch_field_class_names[field->class]);
    set_text(schema, "$comment", note);
    return schema;
}

/* data or private. What a record has lost to sealing was not always there to be read; *out_needed: it must hold
 * something. Fields that the schema does not know are fine. */
static json_t *map_schema(const ch_field *fields, size_t count, ch_event_form form, bool *out_needed)
{
    json_t *properties = json_object(), *needed = json_array();
    for (size_t i = 0; i < count; i++) {
        bool required =
            fields[i].required && (form == CH_EVENT_PRODUCED || fields[i].class == CH_FIELD_PUBLIC);
        json_object_set_new(properties, fields[i].name, field_schema(&fields[i], required));
        if (required) {
            json_array_append_new(needed, json_string(fields[i].name));
        }
    }
    *out_needed = json_array_size(needed) > 0;
    json_t *schema = typed("object", *out_needed);
    json_object_set_new(schema, "properties", properties);
    json_object_set_new(schema, "required", needed);
    return schema;
}

static void set_pattern(json_t *schema, const ch_attribute *attribute)
{
    static const char *const sets[] = {
        [CH_CHARSET_ANY] = NULL,       [CH_CHARSET_PRINTABLE] = PRINTABLE,
        [CH_CHARSET_TYPE] = "[a-z_.]", [CH_CHARSET_CODE] = "[a-z0-9_-]",
        [CH_CHARSET_AREA] = "[0-9]",   [CH_CHARSET_TOPIC] = "[a-z0-9_.-]",
    };
    char pattern[PATTERN_SIZE];
    snprintf(pattern, sizeof pattern, "^%s{%d,%zu}$", sets[attribute->charset],
             attribute->charset == CH_CHARSET_AREA ? 2 : 1, attribute->most);
    set_text(schema, "pattern", pattern);
}

static json_t *state_schema(bool required)
{
    json_t *schema = typed("string", required), *names = json_array();
    for (unsigned i = CH_CASE_NONE + 1; i < CH_CASE_STATE_COUNT; i++) {
        json_array_append_new(names, json_string(ch_case_state_name((ch_case_state)i)));
    }
    if (!required) {
        json_array_append_new(names, json_null());
    }
    json_object_set_new(schema, "enum", names);
    return schema;
}

static json_t *count_schema(bool required, int64_t least, int64_t most)
{
    json_t *schema = typed("integer", required);
    set_int(schema, "minimum", least, INT64_MIN);
    set_int(schema, "maximum", most, INT64_MAX);
    return schema;
}

/* Any attribute but data and private, which are the type's own. */
static json_t *attribute_schema(const ch_attribute *attribute, bool required)
{
    json_t *schema = NULL;
    switch (attribute->kind) {
    case CH_ATTRIBUTE_SPEC: return json_pack("{s:s}", "const", "1.0");
    case CH_ATTRIBUTE_TEXT:
        schema = typed("string", required);
        set_pattern(schema, attribute);
        return schema;
    case CH_ATTRIBUTE_MAP: return typed("object", required);
    case CH_ATTRIBUTE_BIN:
        schema = typed("object", required);
        set_base64(schema);
        return schema;
    case CH_ATTRIBUTE_TIME: return time_schema(required);
    case CH_ATTRIBUTE_VERSION: return count_schema(required, 0, UINT32_MAX);
    case CH_ATTRIBUTE_COUNT64: return count_schema(required, 1, INT64_MAX);
    case CH_ATTRIBUTE_COUNT32: return count_schema(required, 1, UINT32_MAX);
    case CH_ATTRIBUTE_STATE: return state_schema(required);
    case CH_ATTRIBUTE_FLAG: return typed("boolean", required);
    }
    return schema;
}

static bool is_required(const char *type, unsigned attribute, ch_event_form form)
{
    switch (attribute) {
    case CH_ATTRIBUTE_IS_SPECVERSION:
    case CH_ATTRIBUTE_IS_ID:
    case CH_ATTRIBUTE_IS_SOURCE:
    case CH_ATTRIBUTE_IS_TYPE:
    case CH_ATTRIBUTE_IS_TIME: return true;
    case CH_ATTRIBUTE_IS_SEQUENCE:
    case CH_ATTRIBUTE_IS_EPOCH:
    case CH_ATTRIBUTE_IS_RECORDEDTIME:
    case CH_ATTRIBUTE_IS_TOPIC:
    case CH_ATTRIBUTE_IS_ACTOR: return form == CH_EVENT_RECORDED;
    case CH_ATTRIBUTE_IS_SUBJECT:
    case CH_ATTRIBUTE_IS_CASEVERSION:
    case CH_ATTRIBUTE_IS_CASESTATE:
    case CH_ATTRIBUTE_IS_CYCLE: return form == CH_EVENT_RECORDED && strncmp(type, "hub.", 4) != 0;
    default: return false;
    }
}

static void add_attribute(json_t *properties, json_t *needed, const ch_type *type, unsigned index,
                          ch_event_form form)
{
    const ch_attribute *attribute = &ch_attributes[index];
    bool required = is_required(type->name, index, form);
    json_t *schema = NULL;
    if (attribute->by_hub && form == CH_EVENT_PRODUCED) {
        return;
    }
    if (index == CH_ATTRIBUTE_IS_TYPE) {
        schema = json_pack("{s:s}", "const", type->name);
    } else if (index == CH_ATTRIBUTE_IS_DATA) {
        schema = map_schema(type->fields, type->field_count, form, &required);
    } else if (index == CH_ATTRIBUTE_IS_PRIVATE) {
        schema = map_schema(type->private_fields, type->private_count, form, &required);
    } else {
        schema = attribute_schema(attribute, required);
    }
    json_object_set_new(properties, attribute->name, schema);
    if (required) {
        json_array_append_new(needed, json_string(attribute->name));
    }
}

/* An event has a subject or a ref, not both. */
static json_t *both_names(void)
{
    return json_pack("{s:[s, s], s:{s:{s:s}, s:{s:s}}}", "required", "subject", "ref", "properties",
                     "subject", "type", "string", "ref", "type", "string");
}

json_t *ch_schema_json(const ch_type *type, ch_event_form form)
{
    json_t *properties = json_object(), *needed = json_array();
    for (unsigned i = 0; i < CH_ATTRIBUTE_COUNT; i++) {
        add_attribute(properties, needed, type, i, form);
    }
    json_t *schema = json_pack("{s:s, s:s, s:o, s:o, s:b}", "title", type->name, "type", "object",
                               "properties", properties, "required", needed, "additionalProperties", false);
    if (form == CH_EVENT_PRODUCED) {
        json_object_set_new(schema, "not", both_names());
    }
    if (!type->producible) {
        set_text(schema, "description", "Only the hub itself reports it.");
    }
    return schema;
}
