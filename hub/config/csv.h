/* csv.h - a CSV table (RFC 4180, UTF-8 with or without BOM) with its heading row, read whole, for rules and
 * code tables. Not for traffic: connectors have their own streaming reader.
 */
#ifndef CH_CONFIG_CSV_H
#define CH_CONFIG_CSV_H

#include "hub/base/arena.h"

typedef struct ch_csv {
    size_t row_count, column_count;
    ch_str *cells;   /* row_count * column_count; terminated strings */
    unsigned *lines; /* of each row, from 1 */
    ch_str *headings;
} ch_csv;

/* Everything lives in arena. Ragged rows, open quotes, bad UTF-8, doubled headings are CH_INVALID with
 * file:line. At most 64 MiB and 256 columns. */
ch_status ch_csv_read(ch_csv *out_csv, ch_arena *arena, const char *file, ch_error *error) CH_MUST_CHECK;
/* CH_NOT_FOUND. */
ch_status ch_csv_column(const ch_csv *csv, const char *heading, size_t *out_column) CH_MUST_CHECK;

#endif
