/* erasures.h - which cases were erased, as a file beside the keys; and the copies of the keys that backups left.
 *
 * The log says what was erased (hub.erased), but a restored backup may be older than that. So keys/erasures stands beside the
 * key slots, goes with each copy of them, and is carried out whenever a store is opened: a line a case,
 *
 *     <case number> <sequence of its hub.erased> <epoch> <recorded time, ms>
 *
 * keys/copies names the folders that backups copied the keys to, a line each, absolute. What was erased since is erased
 * there too (ch_key_copies_erase), as long as they can be reached. Each copy has the list as it was when it was made.
 */
#ifndef CH_STORE_ERASURES_H
#define CH_STORE_ERASURES_H

#include "hub/store/store.h"

typedef struct ch_erasure {
    uint64_t number; /* of the case */
    uint64_t sequence;
    uint32_t epoch;
    int64_t recorded_ms;
} ch_erasure;

typedef struct ch_erasures {
    ch_erasure *at;
    size_t count, capacity;
} ch_erasures;

/* The list of a keys folder; empty when it has none. CH_CORRUPT with the line, CH_IO, CH_NO_MEMORY. */
ch_status ch_erasures_read(ch_erasures *out_list, const char *keys_dir, ch_error *error) CH_MUST_CHECK;
void ch_erasures_done(ch_erasures *list);

/* Remembers them, then destroys their keys; both are on the disk when it returns CH_OK. Those on the list already are only
 * destroyed. The writer's, or before there is one. CH_IO, CH_CORRUPT, CH_STORAGE_FULL, CH_NO_MEMORY. */
ch_status ch_erasures_carry_out(ch_store *store, const ch_erasure *erasures, size_t count,
                                ch_error *error) CH_MUST_CHECK;
/* At a start, before the state is folded further: destroys the keys of all on the list. */
ch_status ch_erasures_apply(ch_store *store, ch_error *error) CH_MUST_CHECK;
/* And afterwards: carries out what the state says and the list does not (a crash came in between). */
ch_status ch_erasures_settle(ch_store *store, ch_error *error) CH_MUST_CHECK;

/* A backup is about to copy the keys to this folder; what is erased while it does must be erased there afterwards. Only the newest 1,000 are remembered. */
ch_status ch_key_copies_add(const ch_store *store, const char *copy_dir, ch_error *error) CH_MUST_CHECK;
/* Brings every copy up to the list. Each goes to visit: CH_OK, or why it was not reached. May take long: not on a thread
 * that others wait for. CH_IO, CH_CORRUPT, CH_NO_MEMORY: the list or the copies cannot be read here. */
typedef void (*ch_key_copy_visitor)(void *context, const char *copy_dir, const ch_error *outcome);
ch_status ch_key_copies_erase(const ch_store *store, ch_key_copy_visitor visit, void *context,
                              ch_error *error) CH_MUST_CHECK;

#endif
