#include "connectors/transports/open311_services.h"

#include "hub/config/csv.h"
#include "hub/config/text_file.h"

#include <stdlib.h>

#define TABLES_MOST ((size_t)16 * 1024 * 1024)
#define CODE_MOST 63
#define CHOICES_MOST 256

static const char *const datatype_names[] = {
    [CH_OPEN311_STRING] = "string",          [CH_OPEN311_NUMBER] = "number",
    [CH_OPEN311_DATETIME] = "datetime",      [CH_OPEN311_TEXT] = "text",
    [CH_OPEN311_SINGLE] = "singlevaluelist", [CH_OPEN311_MULTI] = "multivaluelist",
};

/* A CSV table whose columns are known by name. */
typedef struct table {
    const char *file;
    ch_csv csv;
    size_t columns[9];
    size_t row;
    ch_error *error;
} table;

static ch_status refuse_row(const table *t, const char *column, const char *why)
{
    char place[CH_TEXT_PLACE_SIZE];
    ch_text_place(place, t->file, t->csv.lines[t->row]);
    return ch_error_set(t->error, CH_INVALID, place, "%s: %s", column, why);
}

static ch_str cell(const table *t, size_t column)
{
    return t->csv.cells[t->row * t->csv.column_count + t->columns[column]];
}

static ch_status open_table(table *t, ch_arena *arena, const char *file, const char *const *names,
                            size_t count, ch_error *error)
{
    *t = (table){.file = file, .error = error};
    ch_status status = ch_csv_read(&t->csv, arena, file, error);
    for (size_t i = 0; i < count && status == CH_OK; i++) {
        if (ch_csv_column(&t->csv, names[i], &t->columns[i]) != CH_OK) {
            status = ch_error_set(error, CH_INVALID, file, "it has no column %s", names[i]);
        }
    }
    return status;
}

static bool is_code(ch_str text)
{
    for (size_t i = 0; i < text.size; i++) {
        char c = text.at[i];
        bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    (c != '\0' && strchr("._-", c) != NULL);
        if (!fine) {
            return false;
        }
    }
    return text.size > 0 && text.size <= CODE_MOST;
}

/* ---- services.csv */

enum { SERVICE_CODE, SERVICE_CATEGORY, SERVICE_NAME, SERVICE_DESCRIPTION, SERVICE_GROUP, SERVICE_KEYWORDS };
static const char *const service_columns[] = {
    [SERVICE_CODE] = "service_code",       [SERVICE_CATEGORY] = "category", [SERVICE_NAME] = "name",
    [SERVICE_DESCRIPTION] = "description", [SERVICE_GROUP] = "group",       [SERVICE_KEYWORDS] = "keywords",
};
#define SERVICE_COLUMNS (sizeof service_columns / sizeof *service_columns)

static ch_status take_service(ch_open311_services *services, const table *t)
{
    const ch_open311_service service = {.code = cell(t, SERVICE_CODE),
                                        .category = cell(t, SERVICE_CATEGORY),
                                        .name = cell(t, SERVICE_NAME),
                                        .description = cell(t, SERVICE_DESCRIPTION),
                                        .group = cell(t, SERVICE_GROUP),
                                        .keywords = cell(t, SERVICE_KEYWORDS)};
    if (!is_code(service.code) || !is_code(service.category)) {
        return refuse_row(t, is_code(service.code) ? "category" : "service_code",
                          "1 to 63 letters, digits, dots, _ and - are expected");
    }
    if (service.name.size == 0) {
        return refuse_row(t, "name", "it is empty");
    }
    if (ch_open311_service_find(services, service.code) != NULL) {
        return refuse_row(t, "service_code", "this service is there already");
    }
    services->at[services->count++] = service;
    return CH_OK;
}

static ch_status read_services(ch_open311_services *services, const char *file, ch_error *error)
{
    table t;
    ch_status status = open_table(&t, &services->arena, file, service_columns, SERVICE_COLUMNS, error);
    if (status != CH_OK) {
        return status;
    }
    services->at = ch_arena_alloc(&services->arena, (t.csv.row_count + 1) * sizeof *services->at);
    if (services->at == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, file, "no memory for the services");
    }
    for (; t.row < t.csv.row_count && status == CH_OK; t.row++) {
        status = take_service(services, &t);
    }
    return status == CH_OK && services->count == 0
               ? ch_error_set(error, CH_INVALID, file, "it holds no service")
               : status;
}

/* ---- attributes.csv */

enum {
    ATTRIBUTE_SERVICE,
    ATTRIBUTE_CODE,
    ATTRIBUTE_ORDER,
    ATTRIBUTE_REQUIRED,
    ATTRIBUTE_VARIABLE,
    ATTRIBUTE_DATATYPE,
    ATTRIBUTE_DESCRIPTION,
    ATTRIBUTE_DATATYPE_DESCRIPTION,
    ATTRIBUTE_VALUES
};
static const char *const attribute_columns[] = {
    [ATTRIBUTE_SERVICE] = "service_code",
    [ATTRIBUTE_CODE] = "code",
    [ATTRIBUTE_ORDER] = "order",
    [ATTRIBUTE_REQUIRED] = "required",
    [ATTRIBUTE_VARIABLE] = "variable",
    [ATTRIBUTE_DATATYPE] = "datatype",
    [ATTRIBUTE_DESCRIPTION] = "description",
    [ATTRIBUTE_DATATYPE_DESCRIPTION] = "datatype_description",
    [ATTRIBUTE_VALUES] = "values",
};
#define ATTRIBUTE_COLUMNS (sizeof attribute_columns / sizeof *attribute_columns)
_Static_assert(ATTRIBUTE_COLUMNS <= sizeof((table *)0)->columns / sizeof(size_t),
               "a table names its columns");

static ch_status read_flag(const table *t, size_t column, bool *out_flag)
{
    ch_str text = cell(t, column);
    if (!ch_str_is(text, "true") && !ch_str_is(text, "false")) {
        return refuse_row(t, attribute_columns[column], "true or false is expected");
    }
    *out_flag = ch_str_is(text, "true");
    return CH_OK;
}

static ch_status read_datatype(const table *t, ch_open311_datatype *out_datatype)
{
    for (size_t i = 0; i < sizeof datatype_names / sizeof *datatype_names; i++) {
        if (ch_str_is(cell(t, ATTRIBUTE_DATATYPE), datatype_names[i])) {
            *out_datatype = (ch_open311_datatype)i;
            return CH_OK;
        }
    }
    return refuse_row(t, "datatype",
                      "string, number, datetime, text, singlevaluelist or multivaluelist is expected");
}

static ch_status take_choice(const table *t, ch_arena *arena, ch_open311_attribute *attribute, ch_str text)
{
    const char *equals = text.size == 0 ? NULL : memchr(text.at, '=', text.size);
    size_t size = equals == NULL ? 0 : (size_t)(equals - text.at);
    if (size == 0 || size + 1 == text.size) {
        return refuse_row(t, "values", "\"key=name|key=name\" is expected");
    }
    const ch_open311_choice choice = {ch_arena_str(arena, (ch_str){text.at, size}),
                                      ch_arena_str(arena, (ch_str){equals + 1, text.size - size - 1})};
    if (choice.key.at == NULL || choice.name.at == NULL) {
        return ch_error_set(t->error, CH_NO_MEMORY, t->file, "no memory for the values");
    }
    if (attribute->choice_count == CHOICES_MOST || ch_open311_choice_find(attribute, choice.key) != NULL) {
        return refuse_row(t, "values", "a key comes twice, or there are too many");
    }
    attribute->choices[attribute->choice_count++] = choice;
    return CH_OK;
}

static ch_status read_choices(const table *t, ch_arena *arena, ch_open311_attribute *attribute)
{
    ch_str left = cell(t, ATTRIBUTE_VALUES);
    ch_status status = CH_OK;
    bool is_list = attribute->datatype == CH_OPEN311_SINGLE || attribute->datatype == CH_OPEN311_MULTI;
    if (is_list != (left.size > 0)) {
        return refuse_row(t, "values", is_list ? "a list needs values" : "only a list has values");
    }
    attribute->choices = is_list ? ch_arena_alloc(arena, CHOICES_MOST * sizeof *attribute->choices) : NULL;
    if (is_list && attribute->choices == NULL) {
        return ch_error_set(t->error, CH_NO_MEMORY, t->file, "no memory for the values");
    }
    while (left.size > 0 && status == CH_OK) {
        const char *bar = memchr(left.at, '|', left.size);
        size_t size = bar == NULL ? left.size : (size_t)(bar - left.at);
        status = take_choice(t, arena, attribute, (ch_str){left.at, size});
        left = bar == NULL ? CH_STR_NONE : (ch_str){bar + 1, left.size - size - 1};
    }
    return status;
}

static ch_status read_attribute(const ch_open311_services *services, const table *t, ch_arena *arena,
                                ch_open311_attribute *out)
{
    *out = (ch_open311_attribute){.service = cell(t, ATTRIBUTE_SERVICE),
                                  .code = cell(t, ATTRIBUTE_CODE),
                                  .description = cell(t, ATTRIBUTE_DESCRIPTION),
                                  .datatype_description = cell(t, ATTRIBUTE_DATATYPE_DESCRIPTION)};
    if (ch_open311_service_find(services, out->service) == NULL) {
        return refuse_row(t, "service_code", "there is no such service");
    }
    if (!is_code(out->code)) {
        return refuse_row(t, "code", "1 to 63 letters, digits, dots, _ and - are expected");
    }
    if (ch_str_to_int(cell(t, ATTRIBUTE_ORDER), &out->order) != CH_OK) {
        return refuse_row(t, "order", "a number is expected");
    }
    ch_status status = read_flag(t, ATTRIBUTE_REQUIRED, &out->required);
    if (status == CH_OK) {
        status = read_flag(t, ATTRIBUTE_VARIABLE, &out->variable);
    }
    if (status == CH_OK && out->required && !out->variable) {
        return refuse_row(t, "required", "what is not variable cannot be required");
    }
    if (status == CH_OK) {
        status = read_datatype(t, &out->datatype);
    }
    return status == CH_OK ? read_choices(t, arena, out) : status;
}

/* By service, then in their order. */
static int compare_attributes(const void *a, const void *b)
{
    const ch_open311_attribute *left = a, *right = b;
    int order = ch_str_compare(left->service, right->service);
    return order != 0 ? order : (left->order > right->order) - (left->order < right->order);
}

static void share_out(ch_open311_services *services, ch_open311_attribute *attributes, size_t count)
{
    qsort(attributes, count, sizeof *attributes, compare_attributes);
    for (size_t i = 0; i < services->count; i++) {
        ch_open311_service *service = &services->at[i];
        for (size_t k = 0; k < count; k++) {
            if (ch_str_equal(attributes[k].service, service->code)) {
                service->attributes = service->attribute_count == 0 ? &attributes[k] : service->attributes;
                service->attribute_count++;
            }
        }
    }
}

static bool is_doubled(const ch_open311_attribute *attributes, size_t count)
{
    const ch_open311_attribute *last = &attributes[count];
    for (size_t i = 0; i < count; i++) {
        if (ch_str_equal(attributes[i].service, last->service) &&
            ch_str_equal(attributes[i].code, last->code)) {
            return true;
        }
    }
    return false;
}

static ch_status read_attributes(ch_open311_services *services, const char *file, ch_error *error)
{
    table t;
    ch_status status = open_table(&t, &services->arena, file, attribute_columns, ATTRIBUTE_COLUMNS, error);
    if (status != CH_OK) {
        return status;
    }
    ch_open311_attribute *attributes =
        ch_arena_alloc(&services->arena, (t.csv.row_count + 1) * sizeof *attributes);
    if (attributes == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, file, "no memory for the attributes");
    }
    for (; status == CH_OK && t.row < t.csv.row_count; t.row++) {
        status = read_attribute(services, &t, &services->arena, &attributes[t.row]);
        if (status == CH_OK && is_doubled(attributes, t.row)) {
            status = refuse_row(&t, "code", "the service has this attribute already");
        }
    }
    if (status == CH_OK) {
        share_out(services, attributes, t.csv.row_count);
    }
    return status;
}

/* ---- */

ch_status ch_open311_services_read(ch_open311_services *out_services, const char *services_file,
                                   const char *attributes_file, ch_error *error)
{
    *out_services = (ch_open311_services){.count = 0};
    ch_arena_init(&out_services->arena, TABLES_MOST);
    ch_status status = read_services(out_services, services_file, error);
    return status == CH_OK && attributes_file[0] != '\0'
               ? read_attributes(out_services, attributes_file, error)
               : status;
}

void ch_open311_services_done(ch_open311_services *services)
{
    ch_arena_done(&services->arena);
}

const ch_open311_service *ch_open311_service_find(const ch_open311_services *services, ch_str code)
{
    for (size_t i = 0; i < services->count; i++) {
        if (ch_str_equal(services->at[i].code, code)) {
            return &services->at[i];
        }
    }
    return NULL;
}

const ch_open311_service *ch_open311_service_of_category(const ch_open311_services *services, ch_str category)
{
    for (size_t i = 0; i < services->count; i++) {
        if (ch_str_equal(services->at[i].category, category)) {
            return &services->at[i];
        }
    }
    return NULL;
}

const ch_open311_choice *ch_open311_choice_find(const ch_open311_attribute *attribute, ch_str key)
{
    for (size_t i = 0; i < attribute->choice_count; i++) {
        if (ch_str_equal(attribute->choices[i].key, key)) {
            return &attribute->choices[i];
        }
    }
    return NULL;
}

/* ---- documents */

static json_t *text_of(ch_str text)
{
    return json_stringn(text.at == NULL ? "" : text.at, text.size);
}

json_t *ch_open311_services_document(const ch_open311_services *services)
{
    json_t *list = json_array();
    for (size_t i = 0; i < services->count; i++) {
        const ch_open311_service *service = &services->at[i];
        json_array_append_new(list, json_pack("{s:o, s:o, s:o, s:b, s:s, s:o, s:o}", "service_code",
                                              text_of(service->code), "service_name", text_of(service->name),
                                              "description", text_of(service->description), "metadata",
                                              service->attribute_count > 0, "type", "realtime", "keywords",
                                              text_of(service->keywords), "group", text_of(service->group)));
    }
    return list;
}

static json_t *choices_document(const ch_open311_attribute *attribute)
{
    json_t *list = json_array();
    for (size_t i = 0; i < attribute->choice_count; i++) {
        json_array_append_new(list, json_pack("{s:o, s:o}", "key", text_of(attribute->choices[i].key), "name",
                                              text_of(attribute->choices[i].name)));
    }
    return list;
}

static json_t *attribute_document(const ch_open311_attribute *attribute)
{
    json_t *document =
        json_pack("{s:b, s:o, s:s, s:b, s:o, s:I, s:o}", "variable", attribute->variable, "code",
                  text_of(attribute->code), "datatype", datatype_names[attribute->datatype], "required",
                  attribute->required, "datatype_description", text_of(attribute->datatype_description),
                  "order", (json_int_t)attribute->order, "description", text_of(attribute->description));
    if (attribute->choice_count > 0) {
        json_object_set_new(document, "values", choices_document(attribute));
    }
    return document;
}

json_t *ch_open311_service_document(const ch_open311_service *service)
{
    json_t *list = json_array();
    for (size_t i = 0; i < service->attribute_count; i++) {
        json_array_append_new(list, attribute_document(&service->attributes[i]));
    }
    return json_pack("{s:o, s:o}", "service_code", text_of(service->code), "attributes", list);
}
