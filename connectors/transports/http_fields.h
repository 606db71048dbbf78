/* http_fields.h - header fields that hold a secret, as an API key, from a file that nobody else may read.
 *
 * A line a field, "Api-Key: 0123abcd"; empty lines do not count. What is in it is never told, not even in an error.
 */
#ifndef CH_CONNECTORS_HTTP_FIELDS_H
#define CH_CONNECTORS_HTTP_FIELDS_H

#include "hub/base/bytes.h"

#define CH_HTTP_FIELDS_MOST 16

typedef struct ch_http_fields {
    char *text; /* overwritten before it is released */
    size_t size;
    const char *at[CH_HTTP_FIELDS_MOST]; /* into text */
    size_t count;
} ch_http_fields;

/* What ch_secret_file_read answers; CH_INVALID with the line; CH_TOO_LARGE (CH_HTTP_FIELDS_MOST fields), CH_NO_MEMORY. */
ch_status ch_http_fields_read(ch_http_fields *out_fields, const char *path, ch_error *error) CH_MUST_CHECK;
/* Whether there is a field of that name, in whatever case. */
bool ch_http_fields_hold(const ch_http_fields *fields, const char *name);
/* Of zeros is fine. */
void ch_http_fields_done(ch_http_fields *fields);

#endif
