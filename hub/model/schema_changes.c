#include "hub/model/schema_changes.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

typedef struct comparison {
    ch_schema_change change; /* where we are */
    void *context;
    void (*tell)(void *context, const ch_schema_change *change);
    size_t count;
} comparison;

static void tell(comparison *of, const char *format, ...) CH_PRINTF(2, 3);
static void tell(comparison *of, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(of->change.text, sizeof of->change.text, format, arguments);
    va_end(arguments);
    of->count++;
    of->tell(of->context, &of->change);
}

static bool allows(const ch_field *field, const char *code)
{
    for (size_t i = 0; i < field->value_count; i++) {
        if (strcmp(field->values[i], code) == 0) {
            return true;
        }
    }
    return false;
}

static void compare_values(comparison *of, const ch_field *before, const ch_field *after)
{
    if (after->values == NULL) {
        return;
    }
    if (before->values == NULL) {
        tell(of, "any code was allowed, now only listed ones are");
        return;
    }
    for (size_t i = 0; i < before->value_count; i++) {
        if (!allows(after, before->values[i])) {
            tell(of, "the code %s is no longer allowed", before->values[i]);
        }
    }
}

static void compare_bounds(comparison *of, const ch_field *before, const ch_field *after)
{
    if (after->least > before->least) {
        tell(of, "narrower: least is now %" PRId64, after->least);
    }
    if (after->most < before->most) {
        tell(of, "narrower: most is now %" PRId64, after->most);
    }
}

static void compare_field(comparison *of, const ch_field *before, const ch_field *after)
{
    if (after->kind != before->kind) {
        tell(of, "its kind was %s, now it is %s", ch_field_kind_names[before->kind],
             ch_field_kind_names[after->kind]);
        return; /* bounds and codes mean something else then */
    }
    if (after->class != before->class) {
        tell(of, "its class was %s, now it is %s", ch_field_class_names[before->class],
             ch_field_class_names[after->class]);
    }
    if (after->required != before->required) {
        tell(of, after->required ? "it is required now: who produces leaves it out"
                                 : "it is no longer required: who reads counts on it");
    }
    compare_bounds(of, before, after);
    compare_values(of, before, after);
}

static void name_field(comparison *of, const char *part, const ch_field *field)
{
    snprintf(of->change.field, sizeof of->change.field, "%s.%s", part, field->name);
}

static const ch_field *find(const ch_field *fields, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(fields[i].name, name) == 0) {
            return &fields[i];
        }
    }
    return NULL;
}

/* data or private of one type. */
static void compare_part(comparison *of, const char *part, const ch_type *before, const ch_field *old_fields,
                         size_t old_count, const ch_type *after, const ch_field *new_fields, size_t new_count)
{
    for (size_t i = 0; i < old_count; i++) {
        const ch_field *now = find(new_fields, new_count, old_fields[i].name);
        name_field(of, part, &old_fields[i]);
        of->change.old_line = old_fields[i].line;
        of->change.new_line = now == NULL ? after->line : now->line;
        if (now == NULL) {
            tell(of, "removed");
        } else {
            compare_field(of, &old_fields[i], now);
        }
    }
    for (size_t i = 0; i < new_count; i++) {
        if (new_fields[i].required && find(old_fields, old_count, new_fields[i].name) == NULL) {
            name_field(of, part, &new_fields[i]);
            of->change.old_line = before->line;
            of->change.new_line = new_fields[i].line;
            tell(of, "new and required: who produces does not know it");
        }
    }
}

static void compare_type(comparison *of, const ch_type *before, const ch_type *after)
{
    of->change = (ch_schema_change){
        .type = before->name, .old_line = before->line, .new_line = after == NULL ? 0 : after->line};
    if (after == NULL) {
        tell(of, "removed");
        return;
    }
    if (before->producible && !after->producible) {
        tell(of, "only the hub may report it now");
    }
    compare_part(of, "data", before, before->fields, before->field_count, after, after->fields,
                 after->field_count);
    compare_part(of, "private", before, before->private_fields, before->private_count, after,
                 after->private_fields, after->private_count);
}

size_t ch_schema_compare(const ch_schema *before, const ch_schema *after, void *context,
                         void (*tell_each)(void *context, const ch_schema_change *change))
{
    comparison of = {.context = context, .tell = tell_each};
    for (size_t i = 0; i < ch_schema_count(before); i++) {
        const ch_type *type = ch_schema_at(before, i);
        compare_type(&of, type, ch_schema_find(after, ch_str_of(type->name)));
    }
    return of.count;
}
