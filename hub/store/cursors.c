#include "hub/store/cursors.h"

#include "hub/store/crc32c.h"
#include "hub/store/lmdb_env.h"

#include <stdlib.h>

#define NAME_MAX_BYTES 400
#define CRC_SIZE 4

struct ch_cursors {
    MDB_env *env;
    MDB_dbi table;
    MDB_txn *txn; /* what is collected; NULL: nothing */
};

static ch_status begin(ch_cursors *cursors, ch_error *error)
{
    if (cursors->txn != NULL) {
        return CH_OK;
    }
    int code = mdb_txn_begin(cursors->env, NULL, 0, &cursors->txn);
    if (code != 0) {
        cursors->txn = NULL;
        return ch_lmdb_fail(error, code, "cursors");
    }
    return CH_OK;
}

static ch_status open_table(ch_cursors *cursors, ch_error *error)
{
    ch_status status = begin(cursors, error);
    if (status != CH_OK) {
        return status;
    }
    int code = mdb_dbi_open(cursors->txn, "cursors", MDB_CREATE, &cursors->table);
    return code == 0 ? ch_cursors_commit(cursors, error) : ch_lmdb_fail(error, code, "cursors");
}

ch_status ch_cursors_open(ch_cursors **out_cursors, const char *dir, size_t map_bytes, ch_error *error)
{
    const ch_lmdb_options options = {.dir = dir, .map_bytes = map_bytes, .tables_max = 2};
    ch_cursors *cursors = calloc(1, sizeof *cursors);
    if (cursors == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, dir, "no memory for cursors");
    }
    ch_status status = ch_lmdb_open(&cursors->env, &options, error);
    if (status == CH_OK) {
        status = open_table(cursors, error);
    }
    if (status != CH_OK) {
        ch_cursors_close(cursors);
        return status;
    }
    *out_cursors = cursors;
    return CH_OK;
}

void ch_cursors_close(ch_cursors *cursors)
{
    if (cursors == NULL) {
        return;
    }
    if (cursors->txn != NULL) {
        mdb_txn_abort(cursors->txn);
    }
    if (cursors->env != NULL) {
        mdb_env_close(cursors->env);
    }
    free(cursors);
}

static int put_value(ch_cursors *cursors, MDB_val key, ch_str value)
{
    MDB_val room = {.mv_size = value.size + CRC_SIZE};
    int code = mdb_put(cursors->txn, cursors->table, &key, &room, MDB_RESERVE);
    if (code == 0) {
        uint8_t *at = room.mv_data;
        if (value.size > 0) {
            memcpy(at, value.at, value.size);
        }
        uint32_t crc = ch_crc32c(0, key.mv_data, key.mv_size);
        ch_put_be32(at + value.size, ch_crc32c(crc, at, value.size));
    }
    return code;
}

ch_status ch_cursors_put(ch_cursors *cursors, ch_str name, ch_str value, ch_error *error)
{
    if (name.size == 0 || name.size > NAME_MAX_BYTES) {
        return ch_error_set(error, CH_INVALID, "cursors", "a name is 1 to %d bytes", NAME_MAX_BYTES);
    }
    ch_status status = begin(cursors, error);
    if (status != CH_OK) {
        return status;
    }
    MDB_val key = ch_lmdb_val(name.at, name.size);
    int code =
        value.at == NULL ? mdb_del(cursors->txn, cursors->table, &key, NULL) : put_value(cursors, key, value);
    if (code == 0 || (code == MDB_NOTFOUND && value.at == NULL)) {
        return CH_OK;
    }
    mdb_txn_abort(cursors->txn);
    cursors->txn = NULL;
    return ch_lmdb_fail(error, code, "cursors");
}

ch_status ch_cursors_commit(ch_cursors *cursors, ch_error *error)
{
    if (cursors->txn == NULL) {
        return CH_OK;
    }
    int code = mdb_txn_commit(cursors->txn);
    cursors->txn = NULL;
    if (code != 0) {
        return ch_lmdb_fail(error, code, "cursors");
    }
    ch_lmdb_extend(cursors->env);
    return CH_OK;
}

static ch_status visit_pair(MDB_val key, MDB_val value, ch_cursor_visitor visit, void *context,
                            bool *out_go_on, ch_error *error)
{
    const uint8_t *at = value.mv_data;
    size_t size = value.mv_size - CRC_SIZE;
    uint32_t crc = ch_crc32c(0, key.mv_data, key.mv_size);
    if (value.mv_size < CRC_SIZE || ch_get_be32(at + size) != ch_crc32c(crc, at, size)) {
        return ch_error_set(error, CH_CORRUPT, "cursors", "cursor %.*s is damaged",
                            CH_STR_ARG(ch_lmdb_str(key)));
    }
    *out_go_on = visit(context, ch_lmdb_str(key), (ch_str){(const char *)at, size});
    return CH_OK;
}

static ch_status visit_all(ch_cursors *cursors, MDB_txn *txn, ch_cursor_visitor visit, void *context,
                           ch_error *error)
{
    MDB_cursor *cursor;
    MDB_val key = {0}, value = {0};
    bool go_on = true;
    int code = mdb_cursor_open(txn, cursors->table, &cursor);
    if (code != 0) {
        return ch_lmdb_fail(error, code, "cursors");
    }
    ch_status status = CH_OK;
    while (status == CH_OK && go_on && (code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        status = visit_pair(key, value, visit, context, &go_on, error);
    }
    mdb_cursor_close(cursor);
    if (status != CH_OK || code == 0 || code == MDB_NOTFOUND) {
        return status;
    }
    return ch_lmdb_fail(error, code, "cursors");
}

ch_status ch_cursors_each(ch_cursors *cursors, ch_cursor_visitor visit, void *context, ch_error *error)
{
    MDB_txn *txn = cursors->txn;
    ch_status status = txn != NULL ? CH_OK : ch_lmdb_begin_read(cursors->env, &txn, error);
    if (status != CH_OK) {
        return status;
    }
    status = visit_all(cursors, txn, visit, context, error);
    if (txn != cursors->txn) {
        mdb_txn_abort(txn);
    }
    return status;
}
