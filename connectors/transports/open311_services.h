/* open311_services.h - the services that citizens may ask for, and the attributes that each wants to know.
 *
 * services.csv:   service_code, category, priority, name, description, group, keywords
 * attributes.csv: service_code, code, order, required, variable, datatype, description, datatype_description, values
 *                 values: "key=name|key=name" of a list
 * Columns may stand in any order, more may be there. Immutable once read.
 */
#ifndef CH_CONNECTORS_OPEN311_SERVICES_H
#define CH_CONNECTORS_OPEN311_SERVICES_H

#include "hub/base/arena.h"

#include <jansson.h>

typedef enum ch_open311_datatype {
    CH_OPEN311_STRING,
    CH_OPEN311_NUMBER,
    CH_OPEN311_DATETIME,
    CH_OPEN311_TEXT,
    CH_OPEN311_SINGLE,
    CH_OPEN311_MULTI
} ch_open311_datatype;

typedef struct ch_open311_choice {
    ch_str key, name;
} ch_open311_choice;

typedef struct ch_open311_attribute {
    ch_str service, code, description, datatype_description;
    int64_t order;
    bool required, variable; /* not variable: it only tells the citizen something */
    ch_open311_datatype datatype;
    ch_open311_choice *choices;
    size_t choice_count;
} ch_open311_attribute;

typedef struct ch_open311_service {
    ch_str code, category, name, description, group, keywords;
    ch_open311_attribute *attributes; /* by order */
    size_t attribute_count;
} ch_open311_service;

typedef struct ch_open311_services {
    ch_arena arena;
    ch_open311_service *at;
    size_t count;
} ch_open311_services;

/* attributes_file "": none has any. CH_INVALID with file:line, CH_NOT_FOUND, CH_NO_MEMORY; done is fine in each case. */
ch_status ch_open311_services_read(ch_open311_services *out_services, const char *services_file,
                                   const char *attributes_file, ch_error *error) CH_MUST_CHECK;
void ch_open311_services_done(ch_open311_services *services);

/* NULL when there is none. */
const ch_open311_service *ch_open311_service_find(const ch_open311_services *services, ch_str code);
/* The first service of that category, for a case that did not come from here. */
const ch_open311_service *ch_open311_service_of_category(const ch_open311_services *services,
                                                         ch_str category);
const ch_open311_choice *ch_open311_choice_find(const ch_open311_attribute *attribute, ch_str key);

/* The documents "services" and "service_definition"; NULL: no memory. */
json_t *ch_open311_services_document(const ch_open311_services *services);
json_t *ch_open311_service_document(const ch_open311_service *service);

#endif
