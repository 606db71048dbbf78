#include "hub/model/schema_inside.h"

#include <assert.h>
#include <stdlib.h>

#define ARENA_LIMIT ((size_t)64 * 1024 * 1024)
#define TYPES_MAX 4096 /* positions are kept in 16 bits, and a schema of this size is no schema */
#define FIELDS_MAX 4096

const char *const ch_field_class_names[CH_FIELD_CLASS_COUNT] = {
    [CH_FIELD_PUBLIC] = "public", [CH_FIELD_TEXT] = "text", [CH_FIELD_PERSONAL] = "personal"};
const char *const ch_field_kind_names[CH_FIELD_KIND_COUNT] = {
    [CH_FIELD_STRING] = "string", [CH_FIELD_CODE] = "code", [CH_FIELD_INT] = "int",
    [CH_FIELD_NUMBER] = "number", [CH_FIELD_BOOL] = "bool", [CH_FIELD_TIME] = "time",
    [CH_FIELD_LIST] = "list",     [CH_FIELD_MAP] = "map",   [CH_FIELD_BYTES] = "bytes",
};

/* FNV-1a. */
static size_t hash_name(const char *at, size_t size)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ (uint8_t)at[i]) * UINT64_C(0x100000001b3);
    }
    return (size_t)(hash ^ hash >> 32);
}

static const char *name_at(const ch_name_index *index, size_t position)
{
    return (const char *)index->rows + position * index->row_size;
}

/* The slot of that name, or the empty one where it would stand. */
static size_t slot_of(const ch_name_index *index, ch_str name)
{
    size_t slot = hash_name(name.at, name.size) & index->mask;
    while (index->slots[slot] != 0) {
        const char *known = name_at(index, index->slots[slot] - 1u);
        if (memcmp(known, name.at, name.size) == 0 && known[name.size] == '\0') {
            break;
        }
        slot = (slot + 1) & index->mask;
    }
    return slot;
}

size_t ch_name_find(const ch_name_index *index, ch_str name)
{
    if (index->slots == NULL || name.size == 0 || name.size > CH_CODE_MAX) {
        return CH_NAME_NONE;
    }
    size_t slot = slot_of(index, name);
    return index->slots[slot] == 0 ? CH_NAME_NONE : index->slots[slot] - 1u;
}

/* At least twice as many as there are rows. */
static size_t slots_for(size_t count)
{
    size_t slots = 4;
    while (slots < 2 * count) {
        slots *= 2;
    }
    return slots;
}

/* False: the name is there already. */
static bool index_row(ch_name_index *index, size_t position)
{
    size_t slot = slot_of(index, ch_str_of(name_at(index, position)));
    if (index->slots[slot] != 0) {
        return false;
    }
    index->slots[slot] = (uint16_t)(position + 1);
    return true;
}

const ch_schema_entry *ch_schema_entry_find(const ch_schema *schema, ch_str type_name)
{
    size_t position = ch_name_find(&schema->index, type_name);
    return position == CH_NAME_NONE ? NULL : &schema->entries[position];
}

const ch_field *ch_schema_field(const ch_name_index *index, const ch_field *fields, ch_str name)
{
    size_t position = ch_name_find(index, name);
    return position == CH_NAME_NONE ? NULL : &fields[position];
}

ch_status ch_schema_new(ch_schema **out_schema)
{
    ch_schema *schema = calloc(1, sizeof *schema);
    if (schema == NULL) {
        return CH_NO_MEMORY;
    }
    ch_arena_init(&schema->arena, ARENA_LIMIT);
    *out_schema = schema;
    return CH_OK;
}

void ch_schema_free(ch_schema *schema)
{
    if (schema == NULL) {
        return;
    }
    ch_arena_done(&schema->arena);
    free(schema->entries);
    free(schema->index.slots);
    free(schema);
}

/* Two tokens of a-z and _: the first two of a topic. */
static bool is_type_name(const char *name)
{
    const char *dot = strchr(name, '.');
    size_t size = strlen(name);
    return dot != NULL && dot != name && dot[1] != '\0' && strchr(dot + 1, '.') == NULL &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz_.") == size;
}

static bool is_field_name(const char *name)
{
    return name[0] != '\0' && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == strlen(name);
}

/* Ends within its array, as every name must before it is read as text. */
static bool is_terminated(const char name[CH_CODE_MAX + 1])
{
    return memchr(name, '\0', CH_CODE_MAX + 1) != NULL;
}

static ch_status no_memory(ch_error *error)
{
    return ch_error_set(error, CH_NO_MEMORY, "schema", "no memory for another type");
}

static ch_status check_field(const ch_type *type, const ch_field *field, ch_error *error)
{
    if (!is_terminated(field->name) || !is_field_name(field->name)) {
        return ch_error_set(error, CH_INVALID, type->name,
                            "the name of a field is 1 to %d characters of a-z, 0-9, _ and -", CH_CODE_MAX);
    }
    if (field->least > field->most) {
        return ch_error_set(error, CH_INVALID, type->name, "field %s: least is above most", field->name);
    }
    return CH_OK;
}

static ch_status copy_values(ch_schema *schema, ch_field *field, ch_error *error)
{
    if (field->values == NULL) {
        return CH_OK;
    }
    char(*values)[CH_CODE_MAX + 1] =
        ch_arena_alloc(&schema->arena, (field->value_count + 1) * sizeof *values);
    if (values == NULL) {
        return no_memory(error);
    }
    memcpy(values, field->values, field->value_count * sizeof *values);
    field->values = values;
    return CH_OK;
}

/* Replaces *fields by a copy that is checked and indexed. */
static ch_status copy_fields(ch_schema *schema, const ch_type *type, ch_field **fields, size_t count,
                             ch_name_index *out_index, size_t *out_required, ch_error *error)
{
    if (count > FIELDS_MAX) {
        return ch_error_set(error, CH_INVALID, type->name, "more than %d fields", FIELDS_MAX);
    }
    size_t slots = slots_for(count);
    ch_field *copies = ch_arena_alloc(&schema->arena, (count + 1) * sizeof *copies);
    ch_name_index index = {.slots = ch_arena_alloc(&schema->arena, slots * sizeof *index.slots),
                           .mask = slots - 1,
                           .rows = copies,
                           .row_size = sizeof *copies};
    if (copies == NULL || index.slots == NULL) {
        return no_memory(error);
    }
    for (size_t i = 0; i < count; i++) {
        copies[i] = (*fields)[i];
        ch_status status = check_field(type, &copies[i], error);
        if (status == CH_OK) {
            status = copy_values(schema, &copies[i], error);
        }
        if (status != CH_OK) {
            return status;
        }
        if (!index_row(&index, i)) {
            return ch_error_set(error, CH_CONFLICT, type->name, "field %s is there twice", copies[i].name);
        }
        *out_required += copies[i].required;
    }
    *fields = copies;
    *out_index = index;
    return CH_OK;
}

/* Room for one more entry and its place in the index. */
static ch_status grow(ch_schema *schema, ch_error *error)
{
    if (schema->count < schema->capacity) {
        return CH_OK;
    }
    size_t capacity = schema->capacity == 0 ? 64 : 2 * schema->capacity;
    size_t slots = slots_for(capacity);
    if (capacity > TYPES_MAX) {
        return ch_error_set(error, CH_INVALID, "schema", "more than %d types", TYPES_MAX);
    }
    uint16_t *fresh = calloc(slots, sizeof *fresh);
    ch_schema_entry *entries =
        fresh == NULL ? NULL : realloc(schema->entries, capacity * sizeof *schema->entries);
    if (entries == NULL) {
        free(fresh);
        return no_memory(error);
    }
    free(schema->index.slots);
    schema->entries = entries;
    schema->capacity = capacity;
    schema->index =
        (ch_name_index){.slots = fresh, .mask = slots - 1, .rows = entries, .row_size = sizeof *entries};
    for (size_t i = 0; i < schema->count; i++) {
        bool indexed = index_row(&schema->index, i);
        assert(indexed);
    }
    return CH_OK;
}

static bool has_times(const ch_type *type)
{
    for (size_t i = 0; i < type->field_count; i++) {
        if (type->fields[i].kind == CH_FIELD_TIME) {
            return true;
        }
    }
    return false;
}

ch_status ch_schema_add(ch_schema *schema, const ch_type *type, ch_error *error)
{
    ch_schema_entry entry = {.type = *type};
    if (!is_terminated(type->name) || !is_type_name(type->name)) {
        return ch_error_set(
            error, CH_INVALID, "schema",
            "the name of a type is two words of a-z and _ with a dot between, %d bytes at most", CH_CODE_MAX);
    }
    if (ch_schema_find(schema, ch_str_of(type->name)) != NULL) {
        return ch_error_set(error, CH_CONFLICT, type->name, "the type is there twice");
    }
    ch_status status = copy_fields(schema, type, &entry.type.fields, type->field_count, &entry.fields,
                                   &entry.required_fields, error);
    if (status == CH_OK) {
        status = copy_fields(schema, type, &entry.type.private_fields, type->private_count,
                             &entry.private_fields, &entry.required_private, error);
    }
    if (status == CH_OK) {
        status = grow(schema, error);
    }
    if (status != CH_OK) {
        return status;
    }
    entry.has_times = has_times(&entry.type);
    schema->entries[schema->count] = entry;
    bool indexed = index_row(&schema->index, schema->count);
    assert(indexed);
    schema->count++;
    return CH_OK;
}

const ch_type *ch_schema_find(const ch_schema *schema, ch_str type_name)
{
    const ch_schema_entry *entry = ch_schema_entry_find(schema, type_name);
    return entry == NULL ? NULL : &entry->type;
}

size_t ch_schema_count(const ch_schema *schema)
{
    return schema->count;
}

const ch_type *ch_schema_at(const ch_schema *schema, size_t index)
{
    assert(index < schema->count);
    return &schema->entries[index].type;
}
