/* The sketches of cases that opened lately, by place and time. Rows that no case can be compared with any more go as new
 * ones of their place come.
 */
#include "hub/store/state_inside.h"

#define DROPPED_AT_ONCE 4

static ch_status move_cursor(MDB_cursor *cursor, MDB_val *key, MDB_val *value, MDB_cursor_op how)
{
    int code = mdb_cursor_get(cursor, key, value, how);
    return code == 0 ? CH_OK : ch_lmdb_status(code);
}

static bool is_of_place(const MDB_val *key, ch_str place)
{
    return key->mv_size == place.size + 16 && memcmp(key->mv_data, place.at, place.size) == 0;
}

static ch_status drop_old(ch_state *state, ch_str place, int64_t before_ms)
{
    MDB_cursor *cursor = NULL;
    const ch_state_key first = ch_key_of_sketch(place, CH_TIME_LEAST, 0);
    const ch_state_key end = ch_key_of_sketch(place, before_ms, 0);
    int code = mdb_cursor_open(state->txn, state->tables[CH_TABLE_SKETCH], &cursor);
    ch_status status = code == 0 ? CH_OK : ch_lmdb_status(code);
    for (int i = 0; i < DROPPED_AT_ONCE && status == CH_OK; i++) {
        MDB_val key = ch_lmdb_val(first.at, first.size), value;
        status = move_cursor(cursor, &key, &value, MDB_SET_RANGE);
        if (status != CH_OK || !is_of_place(&key, place) || memcmp(key.mv_data, end.at, end.size) >= 0) {
            break;
        }
        code = mdb_cursor_del(cursor, 0);
        status = code == 0 ? CH_OK : ch_lmdb_status(code);
    }
    if (cursor != NULL) {
        mdb_cursor_close(cursor);
    }
    return status == CH_NOT_FOUND ? CH_OK : status;
}

ch_status ch_sketches_add(ch_state *state, uint64_t number, const ch_event *opened)
{
    char text[CH_SKETCH_PLACE_SIZE];
    if (opened->sketch.at == NULL) {
        return CH_OK;
    }
    if (opened->sketch.size != CH_SKETCH_SIZE ||
        !ch_sketch_place(text, opened->area, ch_mp_find_str(opened->data, "category"), opened->test_mode)) {
        return CH_CORRUPT;
    }
    ch_str place = {text, strlen(text) + 1};
    const ch_state_key key = ch_key_of_sketch(place, opened->time_ms, number);
    ch_status status = ch_table_put(state, CH_TABLE_SKETCH, &key, opened->sketch, 0);
    return status == CH_OK ? drop_old(state, place, opened->time_ms - CH_SKETCH_KEPT_MS) : status;
}

static ch_status take_row(const MDB_val *key, const MDB_val *value, ch_sketched *out)
{
    ch_str sketch;
    ch_status status = ch_table_open_value(CH_TABLE_SKETCH, *key, *value, &sketch);
    if (status != CH_OK || sketch.size != CH_SKETCH_SIZE) {
        return status == CH_OK ? CH_CORRUPT : status;
    }
    memcpy(out->sketch, sketch.at, CH_SKETCH_SIZE);
    out->number = ch_get_be64((const uint8_t *)key->mv_data + key->mv_size - 8);
    return CH_OK;
}

/* Backwards from the first row behind until_ms. */
static ch_status walk_back(MDB_cursor *cursor, ch_str place, int64_t since_ms, int64_t until_ms,
                           ch_sketched *out, size_t most, size_t *out_count)
{
    const ch_state_key behind = ch_key_of_sketch(place, until_ms, UINT64_MAX);
    const ch_state_key from = ch_key_of_sketch(place, since_ms, 0);
    MDB_val key = ch_lmdb_val(behind.at, behind.size), value;
    ch_status status = move_cursor(cursor, &key, &value, MDB_SET_RANGE);
    status = move_cursor(cursor, &key, &value, status == CH_NOT_FOUND ? MDB_LAST : MDB_PREV);
    while (status == CH_OK && *out_count < most && is_of_place(&key, place) &&
           memcmp(key.mv_data, from.at, from.size) >= 0) {
        status = take_row(&key, &value, &out[*out_count]);
        if (status == CH_OK) {
            (*out_count)++;
            status = move_cursor(cursor, &key, &value, MDB_PREV);
        }
    }
    return status == CH_NOT_FOUND ? CH_OK : status;
}

ch_status ch_sketches_find(ch_state *state, const char *place, int64_t since_ms, int64_t until_ms,
                           ch_sketched *out, size_t *count)
{
    MDB_cursor *cursor;
    size_t most = *count;
    *count = 0;
    int code = mdb_cursor_open(state->txn, state->tables[CH_TABLE_SKETCH], &cursor);
    if (code != 0) {
        return ch_lmdb_status(code);
    }
    ch_status status =
        walk_back(cursor, (ch_str){place, strlen(place) + 1}, since_ms, until_ms, out, most, count);
    mdb_cursor_close(cursor);
    return status;
}

ch_status ch_sketches_remove(ch_state *state, uint64_t number)
{
    MDB_cursor *cursor;
    MDB_val key = {0}, value = {0};
    int code = mdb_cursor_open(state->txn, state->tables[CH_TABLE_SKETCH], &cursor);
    if (code != 0) {
        return ch_lmdb_status(code);
    }
    while ((code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        if (ch_get_be64((const uint8_t *)key.mv_data + key.mv_size - 8) == number) {
            code = mdb_cursor_del(cursor, 0);
            break; /* a case has one */
        }
    }
    mdb_cursor_close(cursor);
    return code == 0 || code == MDB_NOTFOUND ? CH_OK : ch_lmdb_status(code);
}
