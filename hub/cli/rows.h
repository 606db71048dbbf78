/* rows.h - rows of an answer, for people as a table, for programs as one JSON object a line.
 *
 * Times are integer milliseconds on the wire; the fields that hold one are listed in rows.c.
 */
#ifndef CH_CLI_ROWS_H
#define CH_CLI_ROWS_H

#include "hub/cli/table.h"

#include <jansson.h>

/* "" when absent or no string. */
const char *ch_row_text(const json_t *row, const char *field);
int64_t ch_row_int(const json_t *row, const char *field, int64_t fallback);
bool ch_row_bool(const json_t *row, const char *field);
/* Milliseconds, or RFC 3339 text. False when absent or neither. */
bool ch_row_time(const json_t *row, const char *field, int64_t *out_time_ms);
/* The whole of an event's data, private, ...; an empty object's reading functions all work on NULL, too. */
const json_t *ch_row_map(const json_t *row, const char *field);

/* Times of the row, and of what lies in it, to RFC 3339 in UTC. */
void ch_row_show_times(json_t *row);

/* One line. CH_NO_MEMORY. What does not leave shows in ferror(out). */
ch_status ch_row_print_json(FILE *out, json_t *row) CH_MUST_CHECK;

/* One line of a table that has the columns of ch_table_new. */
void ch_row_to_table(ch_table *table, const json_t *row, const ch_column *columns, size_t count);

#endif
