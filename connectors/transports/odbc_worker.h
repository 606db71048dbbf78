/* odbc_worker.h - runs one blocking piece of work on a thread of its own, so that a database that hangs holds up nobody.
 *
 * The work and its owner take turns: between start and the moment when `ended` says true, what the work uses is the
 * work's. A thread that is inside a driver cannot be ended: it is left behind, with all that it uses.
 */
#ifndef CH_CONNECTORS_ODBC_WORKER_H
#define CH_CONNECTORS_ODBC_WORKER_H

#include "hub/base/status.h"

typedef void (*ch_odbc_work)(void *context);
typedef struct ch_odbc_worker ch_odbc_worker;

/* CH_IO, CH_NO_MEMORY. */
ch_status ch_odbc_worker_open(ch_odbc_worker **out_worker, ch_error *error) CH_MUST_CHECK;
/* Waits wait_ms for work that is under way. False: it goes on, and needs what it uses until the process ends. */
bool ch_odbc_worker_close(ch_odbc_worker *worker, int wait_ms) CH_MUST_CHECK;

/* Not while there is work. CH_IO: no thread. */
ch_status ch_odbc_worker_start(ch_odbc_worker *worker, ch_odbc_work work, void *context,
                               ch_error *error) CH_MUST_CHECK;
bool ch_odbc_worker_is_busy(const ch_odbc_worker *worker);
/* True once for each start. */
bool ch_odbc_worker_ended(ch_odbc_worker *worker);
/* Readable when work has ended. */
int ch_odbc_worker_fd(const ch_odbc_worker *worker);

#endif
