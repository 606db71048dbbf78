/* odbc_row.h - the row that a connection stands on, as a line of JSON: an object by column name, values as text, NULL as
 * null. A row that cannot be read as it is (a cell too large or no UTF-8, no key) tells so in its member $failed, which
 * the format `row` makes a dead letter of.
 */
#ifndef CH_CONNECTORS_ODBC_ROW_H
#define CH_CONNECTORS_ODBC_ROW_H

#include "connectors/transports/odbc.h"

typedef struct ch_odbc_row {
    ch_buf line, cell;
    const char *code, *field; /* of the first failure, else NULL */
    char reason[120];
} ch_odbc_row;

void ch_odbc_row_init(ch_odbc_row *row, size_t cell_most);
void ch_odbc_row_done(ch_odbc_row *row);

/* A column whose value the caller needs: cut at its size, "" when it is NULL. */
typedef struct ch_odbc_wanted {
    size_t column;
    char *text;
    size_t size;
    bool is_null, is_cut;
} ch_odbc_wanted;

/* Reads the row that was fetched into line; the values of the wanted columns are kept beside it. CH_UNAVAILABLE,
 * CH_INVALID, CH_TOO_LARGE, CH_NO_MEMORY. */
ch_status ch_odbc_row_read(ch_odbc_row *row, ch_odbc *odbc, size_t cell_most, ch_odbc_wanted *wanted,
                           size_t wanted_count, ch_error *error) CH_MUST_CHECK;
/* The row fails for a reason of the caller's, unless it has failed already. Before ch_odbc_row_end. */
void ch_odbc_row_fail(ch_odbc_row *row, const char *field, const char *code, const char *reason);
/* Appends the line, without a line end. */
void ch_odbc_row_end(const ch_odbc_row *row, ch_buf *out);

#endif
