/* page.h - "name  value" lines for people, and tables below them. */
#ifndef CH_CLI_PAGE_H
#define CH_CLI_PAGE_H

#include "hub/cli/cli.h"
#include "hub/cli/rows.h"

/* One line; nothing when text is empty. Line ends in text go on under the value, the rest is made safe. */
void ch_page_text(FILE *out, const char *name, const char *text);
void ch_page_line(FILE *out, const char *name, const char *format, ...) CH_PRINTF(3, 4);

typedef struct ch_page_field {
    const char *field, *name;
    enum { CH_PAGE_PLAIN, CH_PAGE_TIME, CH_PAGE_DURATION, CH_PAGE_BYTES } kind;
} ch_page_field;
/* The row's fields that are there, one a line; in JSON the whole row. */
ch_status ch_page_row(ch_cli *cli, json_t *row, const ch_page_field *fields, size_t count) CH_MUST_CHECK;

#endif
