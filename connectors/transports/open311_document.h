/* open311_document.h - what Open311 answers: one document, told as XML or as JSON; and the errors of a request.
 *
 * GeoReport v2, https://wiki.open311.org/GeoReport_v2: a list is an array in JSON, and in XML an element of the list's
 * name with an element for each item.
 */
#ifndef CH_CONNECTORS_OPEN311_DOCUMENT_H
#define CH_CONNECTORS_OPEN311_DOCUMENT_H

#include "hub/base/bytes.h"

#include <jansson.h>

typedef enum ch_open311_format { CH_OPEN311_XML, CH_OPEN311_JSON } ch_open311_format;

/* root: name of the outermost element, "services". CH_TOO_LARGE, CH_NO_MEMORY. */
ch_status ch_open311_render(ch_buf *out, json_t *document, const char *root,
                            ch_open311_format format) CH_MUST_CHECK;
const char *ch_open311_content_type(ch_open311_format format);

/* Why a request is refused: all that is wrong with it, CH_OPEN311_PROBLEMS_MOST at most. */
#define CH_OPEN311_PROBLEMS_MOST 32
typedef struct ch_open311_problems {
    unsigned code; /* HTTP status, that of the first; 0: nothing is wrong */
    json_t *list;  /* [{code, description}], owned; NULL at first */
} ch_open311_problems;
/* The text names fields and repeats nothing that was sent. */
void ch_open311_refuse(ch_open311_problems *problems, unsigned code, const char *format, ...) CH_PRINTF(3, 4);

#endif
