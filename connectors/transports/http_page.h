/* http_page.h - what one page of a polled JSON API says: its records, how far it came, where it goes on.
 *
 * Pure: the bytes are there already. Pointers are those of RFC 6901, with or without the # of their URI form; "#" is the
 * whole document, and "-" is the last item of an array, which RFC 6901 leaves open for reading.
 */
#ifndef CH_CONNECTORS_HTTP_PAGE_H
#define CH_CONNECTORS_HTTP_PAGE_H

#include "hub/base/bytes.h"

#include <jansson.h>

#define CH_HTTP_VALUE_MOST 1000 /* bytes of a value that leads on */

/* Where things stand in an answer; "": not asked for. */
typedef struct ch_http_pointers {
    const char *records, *next, *cursor;
} ch_http_pointers;

typedef struct ch_http_page {
    json_t *document;
    const json_t *records; /* the array; NULL when it was not asked for */
    char next[CH_HTTP_VALUE_MOST + 1], cursor[CH_HTTP_VALUE_MOST + 1]; /* "": none */
} ch_http_page;

/* "" or a pointer. CH_INVALID. */
ch_status ch_http_pointer_check(const char *pointer, ch_error *error) CH_MUST_CHECK;

/* CH_INVALID: it is no JSON, the records are no array, or a value that leads on is neither text nor an integer. An array
 * that is not there is an error, a value that is not there means that there is none. CH_TOO_LARGE, CH_NO_MEMORY. */
ch_status ch_http_page_read(ch_http_page *out_page, ch_str body, const ch_http_pointers *pointers,
                            ch_error *error) CH_MUST_CHECK;
void ch_http_page_done(ch_http_page *page);

/* 0 also when they were not asked for. */
size_t ch_http_page_count(const ch_http_page *page);
/* Record `index` as a line of JSON, in place of what was in *line. CH_NO_MEMORY, CH_TOO_LARGE. */
ch_status ch_http_page_line(const ch_http_page *page, size_t index, ch_buf *line) CH_MUST_CHECK;

#endif
