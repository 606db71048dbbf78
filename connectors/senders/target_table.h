/* target_table.h - the table of a sender's receivers: a CSV file with a column `target` and two of the sender's own. */
#ifndef CH_CONNECTORS_TARGET_TABLE_H
#define CH_CONNECTORS_TARGET_TABLE_H

#include "hub/base/status.h"

#define CH_TARGETS_MOST 1000
#define CH_TARGET_CELLS 2

/* Lives until take returns. */
typedef struct ch_target_row {
    const char *target;
    const char *cells[CH_TARGET_CELLS]; /* in the sender's own columns */
    const char *more;                   /* in the column that may be missing; "" then */
    const char *place;                  /* "targets.csv:7", for errors */
} ch_target_row;

typedef ch_status (*ch_target_row_fn)(void *context, const ch_target_row *row, ch_error *error);

/* Each row in turn. optional: a column that may be missing; NULL: none. CH_INVALID, with file and line: a column that is missing, a target that is empty or there already,
 * rows without end; CH_NO_MEMORY, and what take answers. */
ch_status ch_target_table_read(const char *file, const char *const columns[CH_TARGET_CELLS],
                               const char *optional, ch_target_row_fn take, void *context,
                               ch_error *error) CH_MUST_CHECK;

#endif
