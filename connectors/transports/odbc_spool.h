/* odbc_spool.h - the answer of one poll in a file, until all of it is in the hub.
 *
 * So the database is asked once and let go: no cursor and no lock of it stays open while the hub is away. After a crash the
 * same rows come again as the same unit, and go on where they were. The file is written beside its name, gets the name when
 * it is whole, and carries a digest: what a power loss leaves of it is dropped, and the database is asked again.
 */
#ifndef CH_CONNECTORS_ODBC_SPOOL_H
#define CH_CONNECTORS_ODBC_SPOOL_H

#include "connectors/sdk/casehub_connector.h"
#include "hub/base/bytes.h"

#include <limits.h>
#include <sodium.h>
#include <stdio.h>

#define CH_SPOOL_POSITION_MOST 3000

typedef struct ch_odbc_spool {
    char path[PATH_MAX], part[PATH_MAX];
    FILE *file; /* while it is written, or read */
    int64_t size;
    crypto_generichash_state hash;
    /* Of the file that open found. */
    char name[64], identity[80], position[CH_SPOOL_POSITION_MOST + 1];
    int64_t time_ms;
} ch_odbc_spool;

/* folder/<connector>.poll. CH_TOO_LARGE. */
ch_status ch_odbc_spool_init(ch_odbc_spool *spool, const char *folder, const char *connector,
                             ch_error *error) CH_MUST_CHECK;
/* Closes; the file stays. */
void ch_odbc_spool_close(ch_odbc_spool *spool);

/* Begins a new one. CH_IO. */
ch_status ch_odbc_spool_begin(ch_odbc_spool *spool, ch_error *error) CH_MUST_CHECK;
ch_status ch_odbc_spool_append(ch_odbc_spool *spool, ch_str line, ch_error *error) CH_MUST_CHECK;
/* It is whole. position: NULL for none. */
ch_status ch_odbc_spool_end(ch_odbc_spool *spool, int64_t time_ms, const char *position,
                            ch_error *error) CH_MUST_CHECK;

/* Opens the whole one for reading, from its first line. CH_END: there is none, or one that is not what was written. */
ch_status ch_odbc_spool_open(ch_odbc_spool *spool, ch_error *error) CH_MUST_CHECK;
/* It is in the hub. */
void ch_odbc_spool_drop(ch_odbc_spool *spool);
/* Of the open one; lives as long as it. */
casehub_unit ch_odbc_spool_unit(ch_odbc_spool *spool);

#endif
