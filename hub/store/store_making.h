/* store_making.h - a store that is being made for the first time: until its FORMAT stands, the file MAKING does, and
 * what a crash left half made is taken away by the next start. Nothing was ever acknowledged from it.
 */
#ifndef CH_STORE_STORE_MAKING_H
#define CH_STORE_STORE_MAKING_H

#include "hub/base/status.h"

/* dir has no FORMAT. Does nothing in a folder that holds a log and no MAKING: that log is somebody's. CH_IO,
 * CH_STORAGE_FULL. */
ch_status ch_store_making_begin(const char *dir, ch_error *error) CH_MUST_CHECK;
/* dir has its FORMAT now. CH_IO. */
ch_status ch_store_making_end(const char *dir, ch_error *error) CH_MUST_CHECK;

#endif
