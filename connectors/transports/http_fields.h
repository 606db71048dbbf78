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

/* CH_IO; CH_DENIED: others than its owner may read it, or the owner is somebody else; CH_INVALID with the line;
 * CH_TOO_LARGE (8 KiB, CH_HTTP_FIELDS_MOST fields), CH_NO_MEMORY. */
ch_status ch_http_fields_read(ch_http_fields *out_fields, const char *path, ch_error *error) CH_MUST_CHECK;
/* Of zeros is fine. */
void ch_http_fields_done(ch_http_fields *fields);

#endif
