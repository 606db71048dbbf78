/* start_record.h - what a start writes into the log before the threads run. */
#ifndef CH_RUN_START_RECORD_H
#define CH_RUN_START_RECORD_H

#include "hub/run/batch.h"
#include "hub/run/hub.h"

/* Gives the batch what it is to hold (ch_batch_take_own). */
typedef ch_status ch_start_fill(void *context, ch_batch *batch, ch_error *error);
/* One batch, committed, and the state with it. CH_STORAGE_FULL, CH_CORRUPT, CH_IO, CH_NO_MEMORY. */
ch_status ch_start_record(const ch_hub *hub, ch_start_fill *fill, void *context,
                          ch_error *error) CH_MUST_CHECK;

#endif
