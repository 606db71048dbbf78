#include "hub/store/event_log_inside.h"

#include <inttypes.h>
#include <stdlib.h>

struct ch_log_reader {
    ch_event_log *log;
    MDB_txn *txn;
    MDB_cursor *cursor;
    uint64_t last;   /* that this look can see */
    uint64_t after;  /* sequence last given */
    MDB_val damaged; /* what was found there; absent when it is whole */
    bool resting, placed;
};

static ch_status find_last(ch_log_reader *reader, ch_error *error)
{
    MDB_val key = {0}, value = {0}; /* a damaged page may leave them unset */
    int code = mdb_cursor_get(reader->cursor, &key, &value, MDB_LAST);
    reader->placed = false;
    reader->last = 0;
    if (code == MDB_NOTFOUND) {
        return CH_OK;
    }
    if (code != 0) {
        return ch_lmdb_fail(error, code, "log");
    }
    if (key.mv_size != 8) {
        return ch_error_set(error, CH_CORRUPT, "log", "a key is no sequence");
    }
    reader->last = ch_get_be64(key.mv_data);
    return CH_OK;
}

ch_status ch_log_reader_open(ch_log_reader **out_reader, ch_event_log *log, ch_error *error)
{
    ch_log_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, "log", "no memory for a reader");
    }
    reader->log = log;
    ch_status status = ch_lmdb_begin_read(log->env, &reader->txn, error);
    if (status == CH_OK) {
        int code = mdb_cursor_open(reader->txn, log->records, &reader->cursor);
        status = code == 0 ? find_last(reader, error) : ch_lmdb_fail(error, code, "log");
    }
    if (status != CH_OK) {
        ch_log_reader_close(reader);
        return status;
    }
    *out_reader = reader;
    return CH_OK;
}

void ch_log_reader_close(ch_log_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    if (reader->cursor != NULL) {
        mdb_cursor_close(reader->cursor);
    }
    if (reader->txn != NULL) {
        mdb_txn_abort(reader->txn);
    }
    free(reader);
}

uint64_t ch_log_reader_last(const ch_log_reader *reader)
{
    return reader->last;
}

static ch_status take(ch_log_reader *reader, int code, MDB_val key, MDB_val value, ch_record *out_record,
                      ch_error *error)
{
    reader->placed = code == 0;
    if (code == MDB_NOTFOUND) {
        return CH_END;
    }
    if (code != 0) {
        reader->damaged = (MDB_val){0};
        reader->after++;
        return ch_lmdb_fail(error, code, "log");
    }
    ch_status status = ch_log_decode(key, value, out_record, error);
    /* The key of a damaged record may be damaged, too. */
    reader->after = status == CH_OK ? out_record->sequence : reader->after + 1;
    reader->damaged = status == CH_OK ? (MDB_val){0} : value;
    return status;
}

ch_status ch_log_reader_seek(ch_log_reader *reader, uint64_t sequence, ch_record *out_record, ch_error *error)
{
    uint8_t wanted[8];
    MDB_val key = ch_lmdb_val(wanted, sizeof wanted), value = {0};
    if (reader->resting) {
        return ch_error_set(error, CH_INVALID, "log", "the reader rests");
    }
    ch_put_be64(wanted, sequence);
    reader->after = sequence == 0 ? 0 : sequence - 1;
    int code = mdb_cursor_get(reader->cursor, &key, &value, MDB_SET_RANGE);
    return take(reader, code, key, value, out_record, error);
}

ch_status ch_log_reader_next(ch_log_reader *reader, ch_record *out_record, ch_error *error)
{
    MDB_val key = {0}, value = {0}; /* a damaged page may leave them unset */
    if (reader->after >= reader->last) {
        return CH_END;
    }
    if (!reader->placed || reader->resting) {
        return ch_log_reader_seek(reader, reader->after + 1, out_record, error);
    }
    int code = mdb_cursor_get(reader->cursor, &key, &value, MDB_NEXT);
    return take(reader, code, key, value, out_record, error);
}

ch_status ch_log_reader_damaged(const ch_log_reader *reader, ch_record *out_claims)
{
    if (reader->damaged.mv_data == NULL) {
        return CH_NOT_FOUND;
    }
    return ch_record_claims(ch_lmdb_str(reader->damaged), out_claims);
}

void ch_log_reader_rest(ch_log_reader *reader)
{
    reader->damaged = (MDB_val){0};
    if (!reader->resting) {
        mdb_txn_reset(reader->txn);
        reader->resting = true;
    }
}

ch_status ch_log_reader_renew(ch_log_reader *reader, ch_error *error)
{
    ch_log_reader_rest(reader);
    int code = mdb_txn_renew(reader->txn);
    if (code == 0) {
        code = mdb_cursor_renew(reader->txn, reader->cursor);
    }
    if (code != 0) {
        return ch_lmdb_fail(error, code, "log");
    }
    reader->resting = false;
    return find_last(reader, error);
}
