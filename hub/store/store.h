/* store.h - a data folder: its lock, its format, and what lives in it.
 *
 *   FORMAT                     "casehub-store 1", hub code, epoch, check of the hub key, "backup" in a backup
 *   keys/cases.slots, keys/deadletters.slots
 *   lock                       flock()ed by the one daemon
 *   log/ state/ cursors/       LMDB environments
 *
 * FORMAT is written last when a store is made (until then MAKING stands, and a start that finds it begins anew): where it
 * stands, everything else must be there too, but for state/ and cursors/. A state that is not there is folded again.
 *
 * The hub key is a file of 32 random bytes outside of it.
 */
#ifndef CH_STORE_STORE_H
#define CH_STORE_STORE_H

#include "hub/store/cursors.h"
#include "hub/store/state.h"

#include <stdatomic.h>

typedef struct ch_store_options {
    const char *dir;          /* made when absent, mode 0700 */
    const char *hub_key_file; /* made when both it and the store are absent, mode 0600 */
    const char *hub_code;
    size_t log_map_bytes, state_map_bytes;
    size_t hot_cases;
    uint64_t reserve_bytes; /* free map and disk kept for acknowledgements, answers, erasure and deletes */
    const ch_random *random;
} ch_store_options;

typedef struct ch_store {
    ch_event_log *log;
    ch_state *state;
    ch_cursors *cursors;
    ch_slots *case_slots, *dead_letter_slots;
    ch_nonces nonces; /* of whoever commits batches */
    uint32_t epoch;
    uint64_t reserve_bytes;
    char dir[512];
    char hub_code[CH_CODE_MAX + 1];
    uint8_t key_check[CH_DIGEST_SIZE]; /* of the hub key, as FORMAT holds it */
    ch_state_options state_options;
    atomic_flag backing_up;
    int lock_fd;
} ch_store;

/* Opens or makes; folds the log's tail into the state. What FORMAT says is a backup is one no longer: its epoch goes up by
 * one. CH_LOCKED (another daemon), CH_UNSUPPORTED (newer format, untouched), CH_CORRUPT, CH_INVALID (another hub code or
 * key), CH_FULL (no epoch is left), CH_IO, CH_NO_MEMORY. */
ch_status ch_store_open(ch_store **out_store, const ch_store_options *options, ch_error *error) CH_MUST_CHECK;
/* Commits the state first, unless it has folded what the log did not take. */
void ch_store_close(ch_store *store);

/* Takes the lock of the store in dir, which must exist, as the daemon does: until *out_fd is closed. CH_LOCKED. */
ch_status ch_store_lock(const char *dir, int *out_fd, ch_error *error) CH_MUST_CHECK;

/* CH_STORAGE_FULL when map or disk are below the reserve; CH_OK otherwise. urgent work may use the reserve
 * down to a quarter of it. */
ch_status ch_store_check_room(ch_store *store, bool urgent, ch_error *error) CH_MUST_CHECK;

/* Folds the whole log into a fresh state in `dir` (a state that is there already goes), beside the live one;
 * its hash. CH_INVALID when dir is the live one's. */
ch_status ch_store_rebuild(ch_store *store, const char *dir, uint8_t out_hash[CH_HASH_SIZE],
                           ch_error *error) CH_MUST_CHECK;
/* Hot backup into an empty folder: log copy (walked through once), FORMAT, MANIFEST (sequence, chain, sizes,
 * hashes); keys go to <dir>.keys, replaced by each backup. The state is not copied: it is folded again on
 * restore. audit (NULL: none): a log that goes along as dir/audit. Runs on any thread, one at a time (CH_BUSY). CH_INVALID when dir is not empty, CH_STORAGE_FULL
 * below the reserve. */
ch_status ch_store_backup(ch_store *store, ch_event_log *audit, const char *dir,
                          ch_error *error) CH_MUST_CHECK;
/* Is the backup in dir what its MANIFEST says, and whole? CH_CORRUPT, CH_NOT_FOUND, CH_UNSUPPORTED. */
ch_status ch_backup_check(const char *dir, uint64_t *out_last, ch_error *error) CH_MUST_CHECK;

/* The secret map of a record (ch_unseal with the right slot): CH_END when it has none, CH_ERASED, CH_CORRUPT.
 */
ch_status ch_store_open_secret(ch_store *store, const ch_record *record, const ch_event *event,
                               ch_buf *out_secret) CH_MUST_CHECK;

/* The same with the slots alone, for who reads a log without opening its store. */
ch_status ch_secret_open(ch_slots *case_slots, ch_slots *dead_letter_slots, const ch_record *record,
                         const ch_event *event, ch_buf *out_secret) CH_MUST_CHECK;

#endif
