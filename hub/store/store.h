/* store.h - a data folder: its lock, its format, and what lives in it.
 *
 *   FORMAT            "casehub-store 1", hub code, epoch          keys/cases.slots, keys/deadletters.slots
 *   lock              flock()ed by the one daemon                 log/ state/ cursors/   LMDB environments
 *
 * The hub key is a file of 32 random bytes outside of it.
 */
#ifndef CH_STORE_STORE_H
#define CH_STORE_STORE_H

#include "hub/store/cursors.h"
#include "hub/store/state.h"

typedef struct ch_store_options {
    const char *dir;          /* made when absent, mode 0700 */
    const char *hub_key_file; /* made when both it and the store are absent, mode 0600 */
    const char *hub_code;
    size_t log_map_bytes, state_map_bytes;
    size_t hot_cases;
    uint64_t reserve_bytes;   /* free map and disk kept for acknowledgements, answers, erasure and deletes */
    const ch_random *random;
} ch_store_options;

typedef struct ch_store {
    ch_event_log *log;
    ch_state *state;
    ch_cursors *cursors;
    ch_slots *case_slots, *dead_letter_slots;
    uint32_t epoch;
    uint64_t reserve_bytes;
    char dir[512];
    int lock_fd;
} ch_store;

/* Opens or makes; folds the log's tail into the state. CH_LOCKED (another daemon), CH_UNSUPPORTED (newer format,
 * untouched), CH_CORRUPT, CH_INVALID (another hub code or key), CH_IO, CH_NO_MEMORY. */
ch_status ch_store_open(ch_store **out_store, const ch_store_options *options, ch_error *error) CH_MUST_CHECK;
/* Commits the state first. */
void ch_store_close(ch_store *store);

/* CH_STORAGE_FULL when map or disk are below the reserve; CH_OK otherwise. urgent work may use the reserve down to
 * a quarter of it. */
ch_status ch_store_check_room(ch_store *store, bool urgent, ch_error *error) CH_MUST_CHECK;

/* Folds the whole log into a fresh state in `dir` (emptied), beside the live one; its hash. */
ch_status ch_store_rebuild(ch_store *store, const char *dir, uint8_t out_hash[CH_HASH_SIZE], ch_error *error)
    CH_MUST_CHECK;
/* Hot backup into an empty folder: log copy, FORMAT, MANIFEST (sequence, chain, sizes, hashes); keys go to
 * <dir>.keys, replaced by each backup. The state is not copied: it is folded again on restore. Runs on any thread,
 * one at a time (CH_BUSY). */
ch_status ch_store_backup(ch_store *store, const char *dir, ch_error *error) CH_MUST_CHECK;

/* The secret map of a record (ch_unseal with the right slot): CH_END when it has none, CH_ERASED, CH_CORRUPT. */
ch_status ch_store_open_secret(ch_store *store, const ch_record *record, const ch_event *event, ch_buf *out_secret)
    CH_MUST_CHECK;

#endif
