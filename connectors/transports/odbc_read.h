/* odbc_read.h - one poll of a table: asks the database, and puts the rows that are new into the spool. Blocks; runs on the
 * worker's thread.
 *
 * With a watermark the query is wrapped, so that rows come in the order of watermark and keys, and the poll may stop at any
 * row; without one (a snapshot) all rows come each time. Either way a row that says what it said at the last poll is left
 * out: its digest is known. What is not known any more, after a restart, comes once again, and ids see to the rest.
 */
#ifndef CH_CONNECTORS_ODBC_READ_H
#define CH_CONNECTORS_ODBC_READ_H

#include "connectors/transports/odbc.h"
#include "connectors/transports/odbc_spool.h"
#include "connectors/transports/odbc_window.h"

#include <stdatomic.h>

/* The settings, as the transport's options have them. watermark "": a snapshot. */
typedef struct ch_odbc_table {
    const char *connection, *password_file, *query, *watermark;
    const char *const *keys;
    size_t key_count, cell_most;
    int64_t overlap_ms, overlap_count, timeout_ms, rows_most, spool_most;
} ch_odbc_table;

typedef struct ch_odbc_read {
    const ch_odbc_table *table;
    ch_odbc *odbc; /* stays open between polls */
    ch_odbc_spool spool;
    ch_buf seen; /* sorted uint64_t: digests of the last poll's rows */
    ch_odbc_window window;
    int64_t wall_ms; /* when this poll began */
    atomic_bool stop;

    /* What came of it. CH_UNAVAILABLE and the like: to be tried again. CH_INVALID: never in this form. CH_END: nothing new,
     * no spool. */
    ch_status status;
    ch_error error;
    uint64_t rows, unmarked; /* read; without a watermark, which a poll from the beginning counts */
    ch_buf found;            /* their digests, in order */
    ch_odbc_window next;     /* where the next poll begins */
} ch_odbc_read;

void ch_odbc_read_init(ch_odbc_read *read, const ch_odbc_table *table);
void ch_odbc_read_done(ch_odbc_read *read);
/* A ch_odbc_work; context: a ch_odbc_read. */
void ch_odbc_read_run(void *context);
/* All of it is in the hub, or there was nothing new. */
void ch_odbc_read_settle(ch_odbc_read *read);

#endif
