/* epoch.h - what a start makes good after a restore. */
#ifndef CH_RUN_EPOCH_H
#define CH_RUN_EPOCH_H

#include "hub/run/hub.h"

/* When the store's epoch is newer than the log's last record: records that it begins (hub.replay), and leaves out the
 * numbers that the lost end of the log may have given to cases and dead letters. Before the writer starts. CH_STORAGE_FULL,
 * CH_CORRUPT, CH_IO, CH_NO_MEMORY. */
ch_status ch_epoch_settle(const ch_hub *hub, ch_error *error) CH_MUST_CHECK;

#endif
