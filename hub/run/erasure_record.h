/* erasure_record.h - what was erased since a backup was made, said again in the log that was restored from it. */
#ifndef CH_RUN_ERASURE_RECORD_H
#define CH_RUN_ERASURE_RECORD_H

#include "hub/run/hub.h"

/* The list beside the keys is carried out whenever a store is opened; here the log learns of it (hub.erased), so that
 * whoever reads it, and the state, know why nothing can be opened. Before the writer starts. CH_STORAGE_FULL, CH_CORRUPT,
 * CH_IO, CH_NO_MEMORY. */
ch_status ch_erasure_record_settle(const ch_hub *hub, ch_error *error) CH_MUST_CHECK;

#endif
