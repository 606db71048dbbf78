/* The log as a whole: verify and copy. */
#include "hub/store/event_log_inside.h"

#include "hub/store/disk_file.h"

#include <inttypes.h>

/* Records between two short looks, so that no look becomes a long one. */
#define SLICE_RECORDS 4096

static ch_status refresh(ch_log_reader *reader, uint64_t seen, ch_error *error)
{
    if (seen % SLICE_RECORDS != 0) {
        return CH_OK;
    }
    ch_log_reader_rest(reader);
    return ch_log_reader_renew(reader, error);
}

static ch_status verify_all(ch_log_reader *reader, uint64_t *good, ch_error *error)
{
    uint8_t chain[CH_HASH_SIZE] = {0};
    ch_record record;
    ch_status status;
    while ((status = ch_log_reader_next(reader, &record, error)) == CH_OK) {
        if (record.sequence != *good + 1) {
            return ch_error_set(error, CH_CORRUPT, "log", "record %" PRIu64 " is missing", *good + 1);
        }
        if (!ch_record_follows(&record, chain)) {
            return ch_error_set(error, CH_CORRUPT, "log", "record %" PRIu64 " breaks the chain of hashes",
                                record.sequence);
        }
        memcpy(chain, record.chain, CH_HASH_SIZE);
        *good = record.sequence;
        status = refresh(reader, *good, error);
        if (status != CH_OK) {
            return status;
        }
    }
    return status == CH_END ? CH_OK : status;
}

ch_status ch_event_log_verify(ch_event_log *log, uint64_t *out_good, ch_error *error)
{
    ch_log_reader *reader;
    uint64_t good = 0;
    ch_status status = ch_log_reader_open(&reader, log, error);
    if (status != CH_OK) {
        return status;
    }
    status = verify_all(reader, &good, error);
    ch_log_reader_close(reader);
    *out_good = good;
    return status;
}

ch_status ch_event_log_copy(ch_event_log *log, const char *dir, ch_error *error)
{
    char path[CH_PATH_SIZE];
    ch_status status = ch_path_join(path, dir, "data.mdb", error);
    if (status != CH_OK) {
        return status;
    }
    int code = mdb_env_copy2(log->env, dir, MDB_CP_COMPACT);
    if (code != 0) {
        return ch_lmdb_fail(error, code, path);
    }
    status = ch_file_sync(path, error);
    return status == CH_OK ? ch_dir_sync(dir, error) : status;
}
