/* reader.h - the thread that reads the log: subscriptions, READ and QUERY, in short slices; owns the cursors. It only
 * hears from the writer how far the log and the state have come.
 */
#ifndef CH_RUN_READER_H
#define CH_RUN_READER_H

#include "hub/run/hub.h"

typedef struct ch_reader ch_reader;

/* Loads the durable subscriptions. CH_CORRUPT, CH_IO, CH_NO_MEMORY. */
ch_status ch_reader_start(ch_reader **out_reader, ch_hub *hub, ch_error *error) CH_MUST_CHECK;
/* After a STOP in its pipe: waits until it has told the writer all that clients have told it. From then on it only hears
 * the writer. */
void ch_reader_quiet(ch_reader *reader);
/* After a second STOP, when the writer is gone: waits until the cursors are written, and frees it. */
void ch_reader_join(ch_reader *reader);

#endif
