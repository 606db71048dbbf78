#include "hub/store/event_log_inside.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>

#define READER_CHECK_EVERY 256
#define DISK_IS_FULL_BYTES ((uint64_t)1024 * 1024)

static ch_status open_table(ch_event_log *log, ch_error *error)
{
    MDB_txn *txn;
    int code = mdb_txn_begin(log->env, NULL, log->read_only ? MDB_RDONLY : 0, &txn);
    if (code != 0) {
        return ch_lmdb_fail(error, code, "log");
    }
    code = mdb_dbi_open(txn, "records", log->read_only ? 0 : MDB_CREATE, &log->records);
    if (code != 0) {
        mdb_txn_abort(txn);
        return code == MDB_NOTFOUND ? ch_error_set(error, CH_CORRUPT, "log", "holds no records table")
                                    : ch_lmdb_fail(error, code, "log");
    }
    code = mdb_txn_commit(txn);
    return code == 0 ? CH_OK : ch_lmdb_fail(error, code, "log");
}

ch_status ch_log_decode(MDB_val key, MDB_val value, ch_record *out_record, ch_error *error)
{
    char where[64] = "log record";
    uint64_t sequence = 0;
    ch_status status = CH_CORRUPT;
    if (key.mv_size == 8) {
        sequence = ch_get_be64(key.mv_data);
        snprintf(where, sizeof where, "log record %" PRIu64, sequence);
        status = ch_record_decode(ch_lmdb_str(value), out_record);
    }
    if (status == CH_OK && out_record->sequence != sequence) {
        status = CH_CORRUPT;
    }
    return status == CH_OK ? CH_OK : ch_error_set(error, status, where, "%s", ch_status_text(status));
}

/* The last record must be readable and follow the one before it. */
static ch_status check_tail(ch_event_log *log, MDB_cursor *cursor, ch_error *error)
{
    MDB_val key = {0}, value = {0};
    ch_record last, before = {.sequence = 0};
    int code = mdb_cursor_get(cursor, &key, &value, MDB_LAST);
    if (code == MDB_NOTFOUND) {
        return CH_OK;
    }
    ch_status status = code == 0 ? ch_log_decode(key, value, &last, error) : ch_lmdb_fail(error, code, "log");
    if (status != CH_OK) {
        return status;
    }
    code = mdb_cursor_get(cursor, &key, &value, MDB_PREV);
    if (code == 0) {
        status = ch_log_decode(key, value, &before, error);
    } else if (code != MDB_NOTFOUND) {
        status = ch_lmdb_fail(error, code, "log");
    }
    if (status != CH_OK) {
        return status;
    }
    if (before.sequence != last.sequence - 1 || !ch_record_follows(&last, before.chain)) {
        return ch_error_set(error, CH_CORRUPT, "log", "record %" PRIu64 " does not follow the one before it",
                            last.sequence);
    }
    log->last = last.sequence;
    log->last_recorded_ms = last.recorded_ms;
    memcpy(log->chain, last.chain, CH_HASH_SIZE);
    return CH_OK;
}

static ch_status read_tail(ch_event_log *log, ch_error *error)
{
    MDB_txn *txn;
    MDB_cursor *cursor;
    ch_status status = ch_lmdb_begin_read(log->env, &txn, error);
    if (status != CH_OK) {
        return status;
    }
    int code = mdb_cursor_open(txn, log->records, &cursor);
    if (code == 0) {
        status = check_tail(log, cursor, error);
        mdb_cursor_close(cursor);
    } else {
        status = ch_lmdb_fail(error, code, "log");
    }
    mdb_txn_abort(txn);
    return status;
}

ch_status ch_event_log_open(ch_event_log **out_log, const char *dir, const ch_event_log_options *options,
                            ch_error *error)
{
    const ch_lmdb_options env_options = {.dir = dir,
                                         .map_bytes = options->map_bytes,
                                         .tables_max = 4,
                                         .read_only = options->read_only,
                                         .must_exist = options->must_exist};
    ch_event_log *log = calloc(1, sizeof *log);
    if (log == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, dir, "no memory for the log");
    }
    log->read_only = options->read_only;
    ch_status status = ch_str_copy(log->dir, sizeof log->dir, ch_str_of(dir));
    if (status != CH_OK) {
        ch_error_set(error, status, dir, "the path is too long");
    } else {
        status = ch_lmdb_open(&log->env, &env_options, error);
    }
    if (status == CH_OK) {
        status = open_table(log, error);
    }
    if (status == CH_OK) {
        status = read_tail(log, error);
        if (status == CH_CORRUPT && options->read_only && options->any_tail) {
            status = CH_OK;
        }
    }
    if (status != CH_OK) {
        ch_event_log_close(log);
        return status;
    }
    *out_log = log;
    return CH_OK;
}

void ch_event_log_close(ch_event_log *log)
{
    if (log == NULL) {
        return;
    }
    if (log->env != NULL) {
        mdb_env_close(log->env);
    }
    free(log);
}

uint64_t ch_event_log_last(const ch_event_log *log)
{
    return log->last;
}

const uint8_t *ch_event_log_chain(const ch_event_log *log)
{
    return log->chain;
}

int64_t ch_event_log_last_recorded_ms(const ch_event_log *log)
{
    return log->last_recorded_ms;
}

bool ch_event_log_broken(const ch_event_log *log)
{
    return log->broken;
}

static int put_records(ch_event_log *log, MDB_txn *txn, ch_str records, const uint32_t *sizes, size_t count)
{
    MDB_cursor *cursor;
    int code = mdb_cursor_open(txn, log->records, &cursor);
    if (code != 0) {
        return code;
    }
    const char *at = records.at;
    for (size_t i = 0; i < count && code == 0; i++) {
        uint8_t sequence[8];
        ch_put_be64(sequence, log->last + 1 + i);
        MDB_val key = ch_lmdb_val(sequence, sizeof sequence), value = ch_lmdb_val(at, sizes[i]);
        code = mdb_cursor_put(cursor, &key, &value, MDB_APPEND);
        at += sizes[i];
    }
    mdb_cursor_close(cursor);
    return code;
}

static uint64_t disk_free_bytes(const ch_event_log *log)
{
    struct statvfs seen;
    return statvfs(log->dir, &seen) == 0 ? (uint64_t)seen.f_bavail * seen.f_frsize : UINT64_MAX;
}

/* A failed append has appended nothing that was acknowledged, and its pages are unreachable. It may be tried
 * again when only room was missing (LMDB calls a write that a full disk cut short EIO) and LMDB has not given
 * the environment up. After anything else what the disk holds is unknown until the log is opened again. */
static ch_status fail_append(ch_event_log *log, int code, size_t size, ch_error *error)
{
    bool full = ch_lmdb_status(code) == CH_STORAGE_FULL || ch_lmdb_status(code) == CH_NO_MEMORY;
    bool no_room = full || disk_free_bytes(log) < size + DISK_IS_FULL_BYTES;
    log->broken = !no_room || ch_lmdb_is_dead(log->env);
    if (log->broken) {
        return ch_error_set(error, CH_IO, "log", "append failed, nothing more may be acknowledged: %s",
                            mdb_strerror(code));
    }
    ch_status status = ch_lmdb_status(code) == CH_NO_MEMORY ? CH_NO_MEMORY : CH_STORAGE_FULL;
    return ch_error_set(error, status, "log", "append failed: %s", mdb_strerror(code));
}

static ch_status check_append(const ch_event_log *log, uint64_t first, ch_str records, const uint32_t *sizes,
                              size_t count, ch_error *error)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        total += sizes[i];
    }
    if (log->broken || log->read_only) {
        return ch_error_set(error, CH_IO, "log", "%s",
                            log->broken ? "an earlier commit failed: open it again" : "is open for reading");
    }
    if (total != records.size) {
        return ch_error_set(error, CH_INVALID, "log", "sizes do not add up");
    }
    if (first != log->last + 1) {
        return ch_error_set(error, CH_CONFLICT, "log", "the next sequence is %" PRIu64 ", not %" PRIu64,
                            log->last + 1, first);
    }
    return CH_OK;
}

ch_status ch_event_log_append(ch_event_log *log, uint64_t first, ch_str records, const uint32_t *sizes,
                              size_t count, const uint8_t chain[CH_HASH_SIZE], int64_t recorded_ms,
                              ch_error *error)
{
    MDB_txn *txn;
    int dead = 0;
    ch_status status = check_append(log, first, records, sizes, count, error);
    if (status != CH_OK || count == 0) {
        return status;
    }
    if (log->appends++ % READER_CHECK_EVERY == 0) {
        mdb_reader_check(log->env, &dead);
    }
    int code = mdb_txn_begin(log->env, NULL, 0, &txn);
    if (code == 0) {
        code = put_records(log, txn, records, sizes, count);
        if (code != 0) {
            mdb_txn_abort(txn);
        } else {
            code = mdb_txn_commit(txn);
        }
    }
    if (code != 0) {
        return fail_append(log, code, records.size, error);
    }
    ch_lmdb_extend(log->env);
    log->last += count;
    log->last_recorded_ms = recorded_ms;
    memcpy(log->chain, chain, CH_HASH_SIZE);
    return CH_OK;
}

ch_status ch_event_log_usage(ch_event_log *log, ch_log_usage *out_usage)
{
    ch_log_usage usage = {.disk_free_bytes = disk_free_bytes(log)};
    ch_status status = ch_lmdb_used(log->env, &usage.used_bytes, &usage.map_bytes);
    if (status == CH_OK) {
        *out_usage = usage;
    }
    return status;
}
