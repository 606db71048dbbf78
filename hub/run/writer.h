/* writer.h - the thread that owns the write transactions of log and state: gathers work while the last commit is being
 * synced, judges it, appends it, and answers. Also expires handoffs that are due.
 */
#ifndef CH_RUN_WRITER_H
#define CH_RUN_WRITER_H

#include "hub/run/hub.h"

typedef struct ch_writer ch_writer;

/* CH_NO_MEMORY, CH_IO. */
ch_status ch_writer_start(ch_writer **out_writer, ch_hub *hub, ch_error *error) CH_MUST_CHECK;
/* After a STOP in its pipe: waits until it has written what it had, and frees it. */
void ch_writer_join(ch_writer *writer);

/* The same without a thread, for a caller that drives it: new, rounds, free. */
ch_status ch_writer_new(ch_writer **out_writer, ch_hub *hub, ch_error *error) CH_MUST_CHECK;
/* Takes what waits, commits and answers it, and commits the state when that is due. False: nothing waited. */
bool ch_writer_round(ch_writer *writer);
/* Commits nothing: what was not committed is lost, as by a crash. */
void ch_writer_free(ch_writer *writer);

#endif
