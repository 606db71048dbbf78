/* event_log_inside.h - what the files of the log share. */
#ifndef CH_STORE_EVENT_LOG_INSIDE_H
#define CH_STORE_EVENT_LOG_INSIDE_H

#include "hub/store/event_log.h"
#include "hub/store/lmdb_env.h"

struct ch_event_log {
    MDB_env *env;
    MDB_dbi records;
    uint64_t last;
    uint8_t chain[CH_HASH_SIZE];
    int64_t last_recorded_ms;
    uint64_t appends;
    bool read_only, broken;
    char dir[512];
};

/* Checks the key against the record and decodes it; error names the sequence. */
ch_status ch_log_decode(MDB_val key, MDB_val value, ch_record *out_record, ch_error *error) CH_MUST_CHECK;

#endif
