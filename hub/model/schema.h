/* schema.h - the event types, and for each data field its kind and class.
 *
 * class: public (plain in the log), text (free text: sealed, readable by whoever may read the case), personal
 * (sealed, needs the `private` right). Unknown fields are kept, class text. Immutable once built.
 */
#ifndef CH_MODEL_SCHEMA_H
#define CH_MODEL_SCHEMA_H

#include "hub/model/event.h"

typedef enum ch_field_class { CH_FIELD_PUBLIC, CH_FIELD_TEXT, CH_FIELD_PERSONAL } ch_field_class;
typedef enum ch_field_kind {
    CH_FIELD_STRING,
    CH_FIELD_CODE,
    CH_FIELD_INT,
    CH_FIELD_NUMBER,
    CH_FIELD_BOOL,
    CH_FIELD_TIME, /* int64 ms; RFC 3339 string also accepted on entry */
    CH_FIELD_LIST,
    CH_FIELD_MAP,
    CH_FIELD_BYTES /* bin; {"$base64": ...} in JSON */
} ch_field_kind;
#define CH_FIELD_CLASS_COUNT (CH_FIELD_PERSONAL + 1)
#define CH_FIELD_KIND_COUNT (CH_FIELD_BYTES + 1)
/* As events.cfg calls them. */
extern const char *const ch_field_class_names[CH_FIELD_CLASS_COUNT];
extern const char *const ch_field_kind_names[CH_FIELD_KIND_COUNT];

typedef struct ch_field {
    char name[CH_CODE_MAX + 1];
    ch_field_kind kind;
    ch_field_class class;
    bool required;
    int64_t least,
        most; /* int or number: value; string, bytes: bytes; list: items. INT64_MIN/MAX: no bound */
    char (*values)[CH_CODE_MAX + 1]; /* allowed codes; NULL: any */
    size_t value_count;
    unsigned line; /* of the file that it was read from; 0: built by hand */
} ch_field;

typedef struct ch_type {
    char name[CH_CODE_MAX + 1]; /* "case.opened" */
    ch_field *fields;           /* of data */
    size_t field_count;
    ch_field *private_fields; /* of private */
    size_t private_count;
    bool producible; /* false: only the hub writes it */
    unsigned line;   /* as of a field */
} ch_type;

typedef struct ch_schema ch_schema;

ch_status ch_schema_new(ch_schema **out_schema) CH_MUST_CHECK;
void ch_schema_free(ch_schema *schema);
/* Copies *type. CH_CONFLICT for a doubled type or field, CH_INVALID for a bad name, CH_NO_MEMORY. */
ch_status ch_schema_add(ch_schema *schema, const ch_type *type, ch_error *error) CH_MUST_CHECK;
const ch_type *ch_schema_find(const ch_schema *schema, ch_str type_name);
size_t ch_schema_count(const ch_schema *schema);
const ch_type *ch_schema_at(const ch_schema *schema, size_t index);

/* type known and producible (unless by_hub), every field of data and private right. CH_INVALID; where is
 * "data.score" or "private.phone". */
ch_status ch_schema_check(const ch_schema *schema, const ch_event *event, bool by_hub,
                          ch_error *error) CH_MUST_CHECK;

/* Times that came as RFC 3339 text in data, rewritten as int64: appends the whole map to *out_data and sets
 * *out_changed; with nothing to rewrite (or a type that is unknown) it appends nothing. CH_INVALID with where
 * "data.due" for text that is no time, CH_NO_MEMORY, CH_TOO_LARGE; *out_data is then as it was. */
ch_status ch_schema_normalize(const ch_schema *schema, const ch_event *event, ch_buf *out_data,
                              bool *out_changed, ch_error *error) CH_MUST_CHECK;

/* Splits an event for the log: *out_public gets the data map with public fields only; *out_secret gets the
 * map {"text": {...}, "personal": {...}, "private": {...}, "raw": bin} with what is not empty, or stays
 * empty. */
ch_status ch_schema_split(const ch_schema *schema, const ch_event *event, ch_buf *out_public,
                          ch_buf *out_secret) CH_MUST_CHECK;

/* The other way, for a reader: appends the event, of which `stored` has what is public, with the secret's text fields
 * put back into data and, with personal rights, personal fields, private and raw. secret may be CH_STR_NONE.
 * CH_CORRUPT when it is no secret; nothing is appended then. */
ch_status ch_schema_join(ch_buf *out_encoded, const ch_event *stored, ch_str secret,
                         bool with_personal) CH_MUST_CHECK;

#endif
