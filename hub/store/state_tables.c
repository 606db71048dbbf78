/* Keys and values of the state's tables. */
#include "hub/store/state_inside.h"

#include "hub/store/crc32c.h"

#define CRC_SIZE 4

static ch_state_key joined(ch_str a, ch_str b)
{
    ch_state_key key = {.size = 0};
    const ch_str parts[] = {a, b};
    for (size_t i = 0; i < 2; i++) {
        size_t room = CH_STATE_KEY_MAX - key.size;
        size_t size = parts[i].size < room ? parts[i].size : room;
        if (size > 0) {
            memcpy(key.at + key.size, parts[i].at, size);
        }
        key.size += size;
    }
    return key;
}

ch_state_key ch_key_of_number(uint64_t number)
{
    ch_state_key key = {.size = 8};
    ch_put_be64(key.at, number);
    return key;
}

ch_state_key ch_key_of_case_event(uint64_t number, uint32_t version)
{
    ch_state_key key = {.size = 12};
    ch_put_be64(key.at, number);
    ch_put_be32(key.at + 8, version);
    return key;
}

ch_state_key ch_key_of_source_name(uint32_t source, ch_str name)
{
    uint8_t number[4];
    ch_put_be32(number, source);
    return joined((ch_str){(const char *)number, sizeof number}, name);
}

ch_state_key ch_key_of_handoff(ch_str party, uint64_t number, uint32_t index)
{
    ch_state_key key = joined(party, CH_STR("\0"));
    ch_put_be64(key.at + key.size, number);
    ch_put_be32(key.at + key.size + 8, index);
    key.size += 12;
    return key;
}

ch_state_key ch_key_of_deadline(int64_t due_ms, uint64_t number, uint32_t index)
{
    ch_state_key key = {.size = 20};
    ch_put_be64(key.at, (uint64_t)due_ms);
    ch_put_be64(key.at + 8, number);
    ch_put_be32(key.at + 16, index);
    return key;
}

/* Times before 1970 come first. */
ch_state_key ch_key_of_sketch(ch_str place, int64_t time_ms, uint64_t number)
{
    ch_state_key key = joined(place, CH_STR_NONE);
    ch_put_be64(key.at + key.size, (uint64_t)time_ms ^ UINT64_C(1) << 63);
    ch_put_be64(key.at + key.size + 8, number);
    key.size += 16;
    return key;
}

ch_state_key ch_key_of_name(ch_str name)
{
    return joined(name, CH_STR_NONE);
}

static uint32_t crc_of(ch_table table, const void *key, size_t key_size, const void *value, size_t value_size)
{
    uint8_t first = (uint8_t)table;
    uint32_t crc = ch_crc32c(0, &first, 1);
    crc = ch_crc32c(crc, key, key_size);
    return ch_crc32c(crc, value, value_size);
}

ch_status ch_table_open_value(ch_table table, MDB_val key, MDB_val value, ch_str *out_value)
{
    if (value.mv_size < CRC_SIZE) {
        return CH_CORRUPT;
    }
    size_t size = value.mv_size - CRC_SIZE;
    const uint8_t *at = value.mv_data;
    if (ch_get_be32(at + size) != crc_of(table, key.mv_data, key.mv_size, at, size)) {
        return CH_CORRUPT;
    }
    *out_value = (ch_str){(const char *)at, size};
    return CH_OK;
}

ch_status ch_table_get(const ch_state *state, MDB_txn *txn, ch_table table, const ch_state_key *key,
                       ch_str *out_value)
{
    MDB_val wanted = ch_lmdb_val(key->at, key->size), value;
    int code = mdb_get(txn, state->tables[table], &wanted, &value);
    return code == 0 ? ch_table_open_value(table, wanted, value, out_value) : ch_lmdb_status(code);
}

static int cursor_of(ch_state *state, ch_table table, MDB_cursor **out_cursor)
{
    MDB_cursor **kept = &state->cursors[table];
    int code = *kept == NULL ? mdb_cursor_open(state->txn, state->tables[table], kept) : 0;
    *out_cursor = *kept;
    return code;
}

ch_status ch_table_find(ch_state *state, ch_table table, const ch_state_key *key, ch_str *out_value)
{
    MDB_cursor *cursor;
    MDB_val wanted = ch_lmdb_val(key->at, key->size), value;
    int code = cursor_of(state, table, &cursor);
    code = code == 0 ? mdb_cursor_get(cursor, &wanted, &value, MDB_SET) : code;
    return code == 0 ? ch_table_open_value(table, wanted, value, out_value) : ch_lmdb_status(code);
}

ch_status ch_table_put(ch_state *state, ch_table table, const ch_state_key *key, ch_str value, unsigned flags)
{
    MDB_cursor *cursor;
    MDB_val to = ch_lmdb_val(key->at, key->size), room = {.mv_size = value.size + CRC_SIZE};
    int code = cursor_of(state, table, &cursor);
    code = code == 0 ? mdb_cursor_put(cursor, &to, &room, flags | MDB_RESERVE) : code;
    if (code != 0) {
        return ch_lmdb_status(code);
    }
    uint8_t *at = room.mv_data;
    if (value.size > 0) {
        memcpy(at, value.at, value.size);
    }
    ch_put_be32(at + value.size, crc_of(table, key->at, key->size, value.at, value.size));
    return CH_OK;
}

ch_status ch_table_delete(ch_state *state, ch_table table, const ch_state_key *key)
{
    MDB_val which = ch_lmdb_val(key->at, key->size);
    int code = mdb_del(state->txn, state->tables[table], &which, NULL);
    return code == MDB_NOTFOUND ? CH_OK : ch_lmdb_status(code);
}

static ch_status take_number(ch_status status, ch_str value, uint64_t *out_number)
{
    if (status == CH_OK && value.size != 8) {
        return CH_CORRUPT;
    }
    if (status == CH_OK) {
        *out_number = ch_get_be64((const uint8_t *)value.at);
    }
    return status;
}

ch_status ch_table_get_number(const ch_state *state, MDB_txn *txn, ch_table table, const ch_state_key *key,
                              uint64_t *out_number)
{
    ch_str value = CH_STR_NONE;
    ch_status status = ch_table_get(state, txn, table, key, &value);
    return take_number(status, value, out_number);
}

ch_status ch_table_find_number(ch_state *state, ch_table table, const ch_state_key *key, uint64_t *out_number)
{
    ch_str value = CH_STR_NONE;
    ch_status status = ch_table_find(state, table, key, &value);
    return take_number(status, value, out_number);
}

ch_status ch_table_put_number(ch_state *state, ch_table table, const ch_state_key *key, uint64_t number,
                              unsigned flags)
{
    uint8_t bytes[8];
    ch_put_be64(bytes, number);
    return ch_table_put(state, table, key, (ch_str){(const char *)bytes, sizeof bytes}, flags);
}
