/* open311_form.h - the fields of a posted form or a query string (application/x-www-form-urlencoded).
 *
 * Bounded: CH_FORM_FIELDS_MOST fields, CH_FORM_BYTES_MOST bytes. Values are UTF-8 without control characters other than
 * tab and line ends. An empty value is an absent one. One thread.
 */
#ifndef CH_CONNECTORS_OPEN311_FORM_H
#define CH_CONNECTORS_OPEN311_FORM_H

#include "hub/base/arena.h"

#define CH_FORM_FIELDS_MOST 256
#define CH_FORM_BYTES_MOST ((size_t)64 * 1024)

typedef struct ch_form_field {
    ch_str name, value; /* terminated */
} ch_form_field;

typedef struct ch_form {
    ch_arena arena;
    size_t count;
    ch_form_field fields[CH_FORM_FIELDS_MOST];
} ch_form;

void ch_form_init(ch_form *form);
void ch_form_done(ch_form *form);
/* Adds the fields of text, still encoded. CH_INVALID with the field's name in where, CH_TOO_LARGE, CH_NO_MEMORY. */
ch_status ch_form_parse(ch_form *form, ch_str text, ch_error *error) CH_MUST_CHECK;
/* Adds one that is decoded already. */
ch_status ch_form_add(ch_form *form, ch_str name, ch_str value, ch_error *error) CH_MUST_CHECK;
/* CH_STR_NONE when it is absent or empty. */
ch_str ch_form_get(const ch_form *form, const char *name);
/* A field without brackets in its name that has two values; NULL: none. Which of them was meant nobody can tell. */
const ch_form_field *ch_form_contradiction(const ch_form *form);

#endif
