/* Whose case is it? Keyed hashes of phone and identity numbers, for the desk that is called. They are made of what is
 * sealed, so this table is no fold of the log alone: it needs the cases' keys, is no part of the state's hash, and says for
 * itself how far it has come. Who folds a log without keys leaves it as it is; a hub makes up for that when it starts.
 *
 *   'h' hash number -> ()      'n' number hash -> ()      'p' -> position
 */
#include "hub/store/state_inside.h"

#include "hub/store/store.h"

#include <inttypes.h>

#define SECRET_LIMIT ((size_t)1024 * 1024)
#define SLICE_RECORDS 4096
#define COMMIT_EVERY 65536

static ch_state_key key_of_pair(char kind, uint64_t first, uint64_t second)
{
    ch_state_key key = {.size = 17};
    key.at[0] = (uint8_t)kind;
    ch_put_be64(key.at + 1, first);
    ch_put_be64(key.at + 9, second);
    return key;
}

static ch_state_key key_of_position(void)
{
    return ch_key_of_name(CH_STR("p"));
}

static void hash_key(const ch_state *state, const ch_person_key *key, uint64_t *out_hash)
{
    const ch_str text = ch_str_of(key->text);
    ch_slots_hash(state->slots, &text, 1, out_hash);
}

bool ch_person_row(const ch_state *state, const ch_person_key *key, uint64_t from, ch_state_key *out_key)
{
    uint64_t hash;
    if (state->slots == NULL) {
        return false;
    }
    hash_key(state, key, &hash);
    *out_key = key_of_pair('h', hash, from);
    return true;
}

/* An erasure may be in the log while what it erases can still be opened: its key goes a moment later. */
ch_status ch_state_note_persons(ch_state *state, uint64_t number, ch_str private_data)
{
    ch_mark mark = {.erased_sequence = 0};
    ch_person_key keys[CH_PERSON_KEYS_MOST];
    size_t count = state->slots == NULL ? 0 : ch_person_keys(private_data, keys);
    ch_status status = count == 0 ? CH_OK : ch_mark_find(state, number, &mark);
    count = mark.erased_sequence == 0 ? count : 0;
    for (size_t i = 0; i < count && status == CH_OK; i++) {
        uint64_t hash;
        hash_key(state, &keys[i], &hash);
        const ch_state_key of_hash = key_of_pair('h', hash, number), of_case = key_of_pair('n', number, hash);
        status = ch_table_put(state, CH_TABLE_PERSON, &of_hash, CH_STR_NONE, 0);
        status = status == CH_OK ? ch_table_put(state, CH_TABLE_PERSON, &of_case, CH_STR_NONE, 0) : status;
    }
    explicit_bzero(keys, sizeof keys);
    return status;
}

/* The next hash that the case has; CH_NOT_FOUND. */
static ch_status find_hash(ch_state *state, uint64_t number, uint64_t *out_hash)
{
    MDB_cursor *cursor;
    const ch_state_key from = key_of_pair('n', number, 0);
    MDB_val key = ch_lmdb_val(from.at, from.size), value;
    int code = mdb_cursor_open(state->txn, state->tables[CH_TABLE_PERSON], &cursor);
    if (code != 0) {
        return ch_lmdb_status(code);
    }
    code = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    bool is_of_case = code == 0 && key.mv_size == from.size && memcmp(key.mv_data, from.at, 9) == 0;
    if (is_of_case) {
        *out_hash = ch_get_be64((const uint8_t *)key.mv_data + 9);
    }
    mdb_cursor_close(cursor);
    return is_of_case ? CH_OK : code == 0 ? CH_NOT_FOUND : ch_lmdb_status(code);
}

ch_status ch_persons_remove(ch_state *state, uint64_t number)
{
    uint64_t hash = 0;
    ch_status status;
    while ((status = find_hash(state, number, &hash)) == CH_OK) {
        const ch_state_key of_hash = key_of_pair('h', hash, number), of_case = key_of_pair('n', number, hash);
        status = ch_table_delete(state, CH_TABLE_PERSON, &of_hash);
        status = status == CH_OK ? ch_table_delete(state, CH_TABLE_PERSON, &of_case) : status;
        if (status != CH_OK) {
            return status;
        }
    }
    return status == CH_NOT_FOUND ? CH_OK : status;
}

/* What cannot be opened (erased, damaged) finds nobody; that is told where it is read. */
ch_status ch_persons_of_record(ch_state *state, const ch_record *record, const ch_event *event)
{
    ch_buf secret;
    ch_mp_value private_data;
    ch_str bytes;
    if (state->slots == NULL || record->sealed.size == 0 || (record->flags & CH_RECORD_DEAD_LETTER) != 0) {
        return CH_OK;
    }
    ch_buf_init(&secret, SECRET_LIMIT);
    ch_status status = ch_secret_open(state->slots, NULL, record, event, &secret);
    if (status == CH_OK && ch_mp_find(ch_buf_str(&secret), "private", &private_data, &bytes)) {
        status = ch_state_note_persons(state, record->case_number, bytes);
    }
    if (secret.at != NULL) {
        explicit_bzero(secret.at, secret.size);
    }
    ch_buf_done(&secret);
    return status == CH_ERASED || status == CH_CORRUPT || status == CH_END ? CH_OK : status;
}

static ch_status find_position(const ch_state *state, uint64_t *out_position)
{
    const ch_state_key key = key_of_position();
    *out_position = 0;
    ch_status status = ch_table_get_number(state, state->txn, CH_TABLE_PERSON, &key, out_position);
    return status == CH_NOT_FOUND ? CH_OK : status;
}

ch_status ch_persons_keep(ch_state *state)
{
    const ch_state_key key = key_of_position();
    return state->slots == NULL ? CH_OK
                                : ch_table_put_number(state, CH_TABLE_PERSON, &key, state->now.position, 0);
}

static ch_status put_position(ch_state *state, uint64_t position, ch_error *error)
{
    const ch_state_key key = key_of_position();
    ch_status status = ch_table_put_number(state, CH_TABLE_PERSON, &key, position, 0);
    if (status != CH_OK) {
        return ch_error_set(error, status, "state", "who called about which case cannot be kept: %s",
                            ch_status_text(status));
    }
    int code = mdb_txn_commit(state->txn);
    ch_state_forget_transaction(state);
    return code == 0 ? CH_OK : ch_lmdb_fail(error, code, "state");
}

static ch_status take_record(ch_state *state, const ch_record *record, ch_error *error)
{
    ch_event event;
    ch_status status = ch_state_begin(state, error);
    if (status != CH_OK) {
        return status;
    }
    status = ch_record_event(record, &event);
    status = status == CH_OK ? ch_persons_of_record(state, record, &event) : status;
    return status == CH_OK
               ? CH_OK
               : ch_error_set(error, status, "state", "who is in record %" PRIu64 " cannot be noted: %s",
                              record->sequence, ch_status_text(status));
}

static ch_status take_gap(ch_state *state, ch_log_reader *reader, uint64_t from, ch_error *error)
{
    ch_record record;
    uint64_t upto = state->now.position;
    ch_status status = ch_log_reader_seek(reader, from, &record, error);
    while (status == CH_OK && record.sequence <= upto) {
        status = take_record(state, &record, error);
        if (status == CH_OK && (record.sequence == upto || record.sequence % COMMIT_EVERY == 0)) {
            status = put_position(state, record.sequence, error);
        }
        if (status == CH_OK && record.sequence % SLICE_RECORDS == 0) {
            ch_log_reader_rest(reader);
            status = ch_log_reader_renew(reader, error);
        }
        status = status == CH_OK ? ch_log_reader_next(reader, &record, error) : status;
    }
    return status == CH_END ? CH_OK : status;
}

ch_status ch_persons_catch_up(ch_state *state, ch_log_reader *reader, ch_error *error)
{
    uint64_t position;
    ch_status status = state->slots == NULL ? CH_END : ch_state_begin(state, error);
    if (status != CH_OK) {
        return status == CH_END ? CH_OK : status;
    }
    status = find_position(state, &position);
    if (status != CH_OK) {
        return ch_error_set(error, status, "state", "how far persons were noted cannot be read");
    }
    return position >= state->now.position ? CH_OK : take_gap(state, reader, position + 1, error);
}
