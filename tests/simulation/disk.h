/* disk.h - a disk that fails and loses power, between this process and the kernel.
 *
 * Defines write, pwrite, writev, pwritev, fdatasync, fsync, msync, ftruncate, rename, unlink and statvfs for
 * the whole program (link with ENABLE_EXPORTS, so that the libraries' calls come here too). Files under the
 * registered folder are watched: what was written and not yet synced is remembered, and disk_power_loss
 * builds the folder as a power loss at this moment may leave it. Writes through O_SYNC and O_DSYNC
 * descriptors are synced at once. Folder entries (rename, unlink, new files) count as durable at once.
 * Everything follows from the seed. One folder, one thread.
 */
#ifndef TESTS_SIMULATION_DISK_H
#define TESTS_SIMULATION_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum disk_call { DISK_WRITE, DISK_SYNC, DISK_TRUNCATE, DISK_CALL_COUNT } disk_call;

/* Begins to watch; what is there already counts as synced. Forgets an earlier folder. */
void disk_watch(const char *folder, uint64_t seed);
void disk_unwatch(void);

/* The n-th call of that kind from now on (1: the next) fails with error_number; once. A failed sync leaves
 * each unsynced write durable or lost, and nothing will tell which; a failed write may have been done in
 * part. */
void disk_fail_later(disk_call call, unsigned n, int error_number);
/* The n-th write from now on writes less than it was asked to. */
void disk_shorten_later(unsigned n);
/* No write may make a file longer (ENOSPC), nothing is free; until it is called with false. */
void disk_fill(bool full);
/* So many bytes are free, as the disk tells; UINT64_MAX: as many as there are. Nothing fails for it, and
 * disk_heal leaves it. */
void disk_leave(uint64_t bytes);
/* Forgets all faults that have not come yet. */
void disk_heal(void);
/* From the n-th call of any kind from now on (0: at once) every call fails as if the machine had stopped:
 * EIO, and nothing changes on the disk. */
void disk_stop_later(unsigned n);

/* Calls seen since disk_watch, and those that were made to fail. */
unsigned long disk_calls(disk_call call);
unsigned long disk_faults(void);

/* Fills the empty folder `image` with what is on the disk: synced bytes for sure; each unsynced write kept,
 * dropped, cut at a sector or kept in some of its sectors only, in any order. */
void disk_power_loss(const char *image);

#endif
