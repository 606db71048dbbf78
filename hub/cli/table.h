/* table.h - rows in columns for a terminal: headings once, numbers to the right, wide characters counted as two.
 *
 * Holds the rows of one page; widths only grow from page to page.
 */
#ifndef CH_CLI_TABLE_H
#define CH_CLI_TABLE_H

#include "hub/base/bytes.h"

#include <stdio.h>

#define CH_TABLE_COLUMNS_MAX 16

typedef enum ch_cell {
    CH_CELL_PLAIN,   /* text, number, yes or no; a list with commas */
    CH_CELL_NUMBER,  /* to the right */
    CH_CELL_TIME,    /* local */
    CH_CELL_DURATION /* milliseconds */
} ch_cell;

typedef struct ch_column {
    const char *field, *heading;
    ch_cell kind;
    size_t most; /* columns on the screen; 0: no limit */
} ch_column;

typedef struct ch_table ch_table;

/* columns: kept, 1..CH_TABLE_COLUMNS_MAX. CH_NO_MEMORY. */
ch_status ch_table_new(ch_table **out_table, const ch_column *columns, size_t count) CH_MUST_CHECK;
void ch_table_free(ch_table *table);
/* The next cell, from left to right, row by row; copied. Failure shows in ch_table_print. */
void ch_table_add(ch_table *table, ch_str text);
/* Prints and forgets the rows; nothing at all while there was none. CH_NO_MEMORY. */
ch_status ch_table_print(ch_table *table, FILE *out) CH_MUST_CHECK;

#endif
