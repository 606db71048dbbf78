/* lmdb_env.h - how every LMDB environment of the store is opened, measured and its errors translated.
 *
 * LMDB itself opens a data file that was cut short and then dies of SIGBUS; it has no checksums.
 */
#ifndef CH_STORE_LMDB_ENV_H
#define CH_STORE_LMDB_ENV_H

#include "hub/base/bytes.h"

#include <lmdb.h>

typedef struct ch_lmdb_options {
    const char *dir;
    size_t map_bytes; /* 0: as it was made */
    unsigned tables_max;
    bool read_only;
    bool last_may_be_lost; /* a loss of power may undo the last commit, whole: one sync less */
    bool must_exist;       /* an absent or empty data file is CH_CORRUPT */
} ch_lmdb_options;

/* CH_CORRUPT (also a file shorter than its pages), CH_UNSUPPORTED, CH_STORAGE_FULL, CH_IO, CH_NO_MEMORY. */
ch_status ch_lmdb_open(MDB_env **out_env, const ch_lmdb_options *options, ch_error *error) CH_MUST_CHECK;

/* LMDB's and errno's codes as a status; 0 gives CH_OK, MDB_NOTFOUND CH_NOT_FOUND. */
ch_status ch_lmdb_status(int code);
/* Fills *error; what names the thing that could not be done. */
ch_status ch_lmdb_fail(ch_error *error, int code, const char *what);

/* After a commit: keeps the file longer than the pages in use. LMDB does not write pages that a transaction
 * made and dropped again, so its file may otherwise end before the last page it claims. */
void ch_lmdb_extend(MDB_env *env);
/* A transaction cannot begin any more: LMDB gave the environment up. */
bool ch_lmdb_is_dead(MDB_env *env);

/* Bytes of pages in use; the free list is only looked through when more than half of the map is taken. */
ch_status ch_lmdb_used(MDB_env *env, uint64_t *out_used, uint64_t *out_map) CH_MUST_CHECK;

/* A read transaction; dead readers' slots are freed when there is none left. CH_FULL, CH_IO. */
ch_status ch_lmdb_begin_read(MDB_env *env, MDB_txn **out_txn, ch_error *error) CH_MUST_CHECK;

static inline MDB_val ch_lmdb_val(const void *at, size_t size)
{
    return (MDB_val){.mv_size = size, .mv_data = (void *)(uintptr_t)at};
}
static inline ch_str ch_lmdb_str(MDB_val val)
{
    return (ch_str){val.mv_data, val.mv_size};
}

#endif
