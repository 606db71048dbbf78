/* schema_inside.h - what the files that implement schema.h share. */
#ifndef CH_MODEL_SCHEMA_INSIDE_H
#define CH_MODEL_SCHEMA_INSIDE_H

#include "hub/base/arena.h"
#include "hub/model/schema.h"

/* Finds one of an array of structs that begin with `char name[CH_CODE_MAX + 1]`: open addressing, at most half
 * full. */
typedef struct ch_name_index {
    uint16_t *slots; /* position + 1; 0: empty */
    size_t mask;     /* slots - 1, a power of two less one */
    const void *rows;
    size_t row_size;
} ch_name_index;

#define CH_NAME_NONE SIZE_MAX
size_t ch_name_find(const ch_name_index *index, ch_str name);

typedef struct ch_schema_entry {
    ch_type type; /* first: the index of types reads its name */
    ch_name_index fields, private_fields;
    size_t required_fields, required_private; /* how many */
    bool has_times;                           /* in data */
} ch_schema_entry;

struct ch_schema {
    ch_arena arena; /* fields, values and the indexes of fields */
    ch_schema_entry *entries;
    size_t count, capacity;
    ch_name_index index; /* of entries */
};

/* NULL: none. */
const ch_schema_entry *ch_schema_entry_find(const ch_schema *schema, ch_str type_name);
/* NULL: unknown. */
const ch_field *ch_schema_field(const ch_name_index *index, const ch_field *fields, ch_str name);

#endif
