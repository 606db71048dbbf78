/* store_import.h - brings an archive with its sealed parts into a data folder that no hub has open.
 *
 * A folder without a store gets one: until its FORMAT stands it is none (store_making.h), so that a kill leaves nothing. A
 * store whose log is the beginning of the same chain gets what is new, batch by batch; a kill leaves it with fewer of them,
 * and the next import goes on there. Either way it is marked as a backup before it can be served from: whoever does begins
 * the next epoch.
 */
#ifndef CH_STORE_STORE_IMPORT_H
#define CH_STORE_STORE_IMPORT_H

#include "hub/store/archive_reader.h"
#include "hub/store/state.h"

typedef struct ch_store_import_options {
    const char *dir;          /* made when absent */
    const char *hub_key_file; /* must be there */
    const char *
        keys_dir; /* a copy of the hub's key slots; NULL: they are lost, and what is sealed counts as erased */
    const ch_random *random;
    /* After every so many records; what it gives back ends the import when it is not CH_OK. */
    ch_status (*look_up)(void *context, uint64_t sequence, ch_error *error);
    void *context;
} ch_store_import_options;

typedef struct ch_store_imported {
    uint64_t before, last; /* last sequence before, and now */
    uint8_t chain[CH_HASH_SIZE], state_hash[CH_HASH_SIZE];
} ch_store_imported;

/* reader stands behind the head. CH_LOCKED (a hub has it open), CH_DIVERGED (another record stands in the store; error names
 * the sequence), CH_GAP (records between them are missing), CH_INVALID (another hub's, a backup, keys that are needed),
 * CH_DENIED (not the hub key), CH_CORRUPT, CH_STORAGE_FULL, CH_IO, CH_NO_MEMORY. */
ch_status ch_store_import(const ch_store_import_options *options, ch_archive_reader *reader,
                          ch_store_imported *out_imported, ch_error *error) CH_MUST_CHECK;

#endif
