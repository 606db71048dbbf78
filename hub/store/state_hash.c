/* One hash over all tables: two folds of the same log must have the same. Persons are no part of it: a fold without the
 * cases' keys has none.
 */
#include "hub/store/state_inside.h"

#include <sodium.h>

static void add_sized(crypto_generichash_state *hash, const void *bytes, size_t size)
{
    uint8_t head[8];
    ch_put_be64(head, size);
    crypto_generichash_update(hash, head, sizeof head);
    crypto_generichash_update(hash, bytes, size);
}

static ch_status add_table(const ch_state *state, MDB_txn *txn, ch_table table,
                           crypto_generichash_state *hash)
{
    MDB_cursor *cursor;
    MDB_val key = {0}, value = {0};
    ch_str content;
    uint8_t number = (uint8_t)table;
    int code = mdb_cursor_open(txn, state->tables[table], &cursor);
    if (code != 0) {
        return ch_lmdb_status(code);
    }
    ch_status status = CH_OK;
    crypto_generichash_update(hash, &number, sizeof number);
    while (status == CH_OK && (code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        status = ch_table_open_value(table, key, value, &content);
        if (status == CH_OK) {
            add_sized(hash, key.mv_data, key.mv_size);
            add_sized(hash, content.at, content.size);
        }
    }
    mdb_cursor_close(cursor);
    if (status == CH_OK && code != MDB_NOTFOUND) {
        status = ch_lmdb_status(code);
    }
    return status;
}

ch_status ch_state_hash(ch_state *state, uint8_t out_hash[CH_HASH_SIZE], ch_error *error)
{
    MDB_txn *txn;
    crypto_generichash_state hash;
    ch_status status = ch_state_commit(state, error);
    if (status == CH_OK) {
        status = ch_lmdb_begin_read(state->env, &txn, error);
    }
    if (status != CH_OK) {
        return status;
    }
    crypto_generichash_init(&hash, NULL, 0, CH_HASH_SIZE);
    for (size_t i = 0; i < CH_TABLE_COUNT && status == CH_OK; i++) {
        status = i == CH_TABLE_PERSON ? CH_OK : add_table(state, txn, (ch_table)i, &hash);
    }
    mdb_txn_abort(txn);
    if (status != CH_OK) {
        return ch_error_set(error, status, "state", "its tables cannot be read: %s", ch_status_text(status));
    }
    crypto_generichash_final(&hash, out_hash, CH_HASH_SIZE);
    return CH_OK;
}
