/* slots.h - key slots: a flat file of 64-byte slots, the n-th for the n-th case (or dead letter).
 *
 * slot = key (32, wrapped under the hub key) and check (32). Erasing one writes zeros over it and syncs: what
 * was sealed under it is gone everywhere. Slots are made 4,096 at a time, ahead of use, and synced before
 * use. Two heads stand before them, at 0 and 4,096, written in turn: salt (16), number of slots made (8),
 * zeros (8), check (32). Slots behind that number were never used: one that a power loss has torn is made
 * again and not taken for an erased one. Reading is safe from several threads (pread); making and erasing
 * belong to the writer.
 */
#ifndef CH_STORE_SLOTS_H
#define CH_STORE_SLOTS_H

#include "hub/base/random.h"
#include "hub/store/record.h"

typedef struct ch_slots ch_slots;

/* Makes the file when it is not there. CH_IO, CH_CORRUPT (shorter than it says, or of another hub key),
 * CH_STORAGE_FULL, CH_NO_MEMORY. */
ch_status ch_slots_open(ch_slots **out_slots, const char *path, const uint8_t hub_key[CH_KEY_SIZE],
                        const ch_random *random, ch_error *error) CH_MUST_CHECK;
/* Only to read keys, also beside a daemon: an absent file is CH_NOT_FOUND; making and erasing are CH_IO. Slots made
 * later are not seen. */
ch_status ch_slots_open_read_only(ch_slots **out_slots, const char *path, const uint8_t hub_key[CH_KEY_SIZE],
                                  ch_error *error) CH_MUST_CHECK;
void ch_slots_close(ch_slots *slots);
/* Afterwards slots up to and with number are there and on disk. Cheap when they are. CH_IO, CH_STORAGE_FULL.
 */
ch_status ch_slots_prepare(ch_slots *slots, uint64_t number, ch_error *error) CH_MUST_CHECK;
/* CH_ERASED: zeroed. CH_NOT_FOUND: never made. CH_CORRUPT: check does not match (or another hub key). Keeps
 * the last few thousand keys in memory. CH_IO. */
ch_status ch_slots_key(ch_slots *slots, uint64_t number, uint8_t out_key[CH_KEY_SIZE]) CH_MUST_CHECK;
/* The same in a copy of this file (as a backup leaves one): it needs no key. CH_OK also when the copy was made before that
 * slot. CH_NOT_FOUND: no file; CH_INVALID: it is no copy of this file; CH_IO. Any thread. */
ch_status ch_slots_erase_copy(const ch_slots *slots, const char *copy, uint64_t number,
                              ch_error *error) CH_MUST_CHECK;
/* What another copy of the same file has: slots that it made later, and its erasures. What is erased here stays erased.
 * CH_INVALID: it is no copy of this file. CH_IO, CH_STORAGE_FULL, CH_NO_MEMORY. */
ch_status ch_slots_adopt(ch_slots *slots, const ch_slots *from, ch_error *error) CH_MUST_CHECK;
/* For keys that are lost: slots up to number that were never made count as made and erased. CH_IO, CH_STORAGE_FULL,
 * CH_NO_MEMORY. */
ch_status ch_slots_give_up(ch_slots *slots, uint64_t number, ch_error *error) CH_MUST_CHECK;
/* Hashes that only who has the hub key can make; a restored store goes on with the same. Any thread. */
void ch_slots_hash(const ch_slots *slots, const ch_str *bytes, size_t count, uint64_t *out_hashes);
/* On disk when it returns CH_OK. */
ch_status ch_slots_erase(ch_slots *slots, uint64_t number, ch_error *error) CH_MUST_CHECK;

#endif
