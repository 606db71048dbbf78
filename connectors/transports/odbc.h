/* odbc.h - one connection to a database and one statement on it, over unixODBC.
 *
 * All values are text in UTF-8, both ways: the driver converts. Calls block as long as the driver does, `timeout_ms` at
 * most where it keeps to SQL_ATTR_LOGIN_TIMEOUT and SQL_ATTR_QUERY_TIMEOUT (psqlodbc does, sqliteodbc does not).
 *
 * Errors hold the SQLSTATE and never a value. CH_UNAVAILABLE: the connection, or what passes; it has to be made anew.
 * CH_INVALID: the database refuses the statement or its data. The driver's own words stand in errors only where no value
 * can be in them: of connecting, and of a statement that cannot be run at all (SQLSTATE class 42) without parameters.
 *
 * A connection is used by one thread at a time.
 */
#ifndef CH_CONNECTORS_ODBC_H
#define CH_CONNECTORS_ODBC_H

#include "hub/base/bytes.h"

#define CH_ODBC_COLUMNS_MOST 256
#define CH_ODBC_NAME_SIZE 200
#define CH_ODBC_ADDRESS_SIZE 300

typedef struct ch_odbc ch_odbc;

/* What a connection string says of the place: driver, server, port, database, DSN. CH_INVALID: it holds a password, which
 * belongs into a file of its own. */
ch_status ch_odbc_address(const char *connection, char out[CH_ODBC_ADDRESS_SIZE],
                          ch_error *error) CH_MUST_CHECK;

/* password_file: "" for none; its first line, and nobody but its owner may read it. CH_INVALID, CH_UNAVAILABLE,
 * CH_NO_MEMORY. */
ch_status ch_odbc_open(ch_odbc **out_odbc, const char *connection, const char *password_file,
                       int64_t timeout_ms, ch_error *error) CH_MUST_CHECK;
void ch_odbc_close(ch_odbc *odbc); /* NULL is fine */

/* Appends the name as an identifier of this database. */
void ch_odbc_quote(const ch_odbc *odbc, const char *name, ch_buf *out);

/* Runs a statement; a parameter without text (CH_STR_NONE) is NULL. What it answers is read with the calls below until
 * ch_odbc_finish. The parameters must live until then. */
ch_status ch_odbc_run(ch_odbc *odbc, const char *sql, const ch_str *parameters, size_t count,
                      ch_error *error) CH_MUST_CHECK;
void ch_odbc_finish(ch_odbc *odbc);
/* Rows that it changed; -1 when the driver does not know. */
int64_t ch_odbc_changed(const ch_odbc *odbc);

size_t ch_odbc_column_count(const ch_odbc *odbc);
const char *ch_odbc_column(const ch_odbc *odbc, size_t index);
/* The next row. CH_END. */
ch_status ch_odbc_fetch(ch_odbc *odbc, ch_error *error) CH_MUST_CHECK;
/* Appends a cell of the row; each once, from left to right. CH_TOO_LARGE: it has more than `most` bytes; what was
 * appended is of no use. */
ch_status ch_odbc_cell(ch_odbc *odbc, size_t index, size_t most, ch_buf *out, bool *out_null,
                       ch_error *error) CH_MUST_CHECK;

#endif
