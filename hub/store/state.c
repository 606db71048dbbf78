#include "hub/store/state_inside.h"

#include "hub/store/disk_file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/statvfs.h>

#define FORMAT 2 /* 1 had no topics */
#define POINT_SIZE (4 + 8 + 8 + 8 + 4 + CH_HASH_SIZE)
#define WORK_LIMIT ((size_t)4 * 1024 * 1024)

static ch_status fail(ch_error *error, ch_status status, const char *what)
{
    return ch_error_set(error, status, "state", "%s: %s", what, ch_status_text(status));
}

ch_status ch_fold_point_read(const ch_state *state, MDB_txn *txn, ch_fold_point *out_point)
{
    ch_str value;
    const ch_state_key key = ch_key_of_name(CH_STR("fold"));
    ch_status status = ch_table_get(state, txn, CH_TABLE_META, &key, &value);
    if (status == CH_NOT_FOUND) {
        *out_point = (ch_fold_point){.next_case = 1, .next_dead_letter = 1, .next_source = 1};
        return CH_OK;
    }
    const uint8_t *at = (const uint8_t *)value.at;
    if (status != CH_OK || value.size < 4) {
        return status == CH_OK ? CH_CORRUPT : status;
    }
    if (ch_get_be32(at) != FORMAT || value.size != POINT_SIZE) {
        return ch_get_be32(at) > FORMAT ? CH_UNSUPPORTED : CH_CORRUPT;
    }
    out_point->position = ch_get_be64(at + 4);
    out_point->next_case = ch_get_be64(at + 12);
    out_point->next_dead_letter = ch_get_be64(at + 20);
    out_point->next_source = ch_get_be32(at + 28);
    memcpy(out_point->chain, at + 32, CH_HASH_SIZE);
    return CH_OK;
}

static ch_status write_point(ch_state *state)
{
    uint8_t bytes[POINT_SIZE];
    const ch_state_key key = ch_key_of_name(CH_STR("fold"));
    ch_put_be32(bytes, FORMAT);
    ch_put_be64(bytes + 4, state->now.position);
    ch_put_be64(bytes + 12, state->now.next_case);
    ch_put_be64(bytes + 20, state->now.next_dead_letter);
    ch_put_be32(bytes + 28, state->now.next_source);
    memcpy(bytes + 32, state->now.chain, CH_HASH_SIZE);
    return ch_table_put(state, CH_TABLE_META, &key, (ch_str){(const char *)bytes, sizeof bytes}, 0);
}

static ch_status open_tables(ch_state *state, ch_error *error)
{
    static const char *const names[] = {
#define NAME(symbol, name) name,
        CH_TABLE_LIST(NAME)
#undef NAME
    };
    MDB_txn *txn;
    int code = mdb_txn_begin(state->env, NULL, 0, &txn);
    if (code != 0) {
        return ch_lmdb_fail(error, code, state->dir);
    }
    for (size_t i = 0; i < CH_TABLE_COUNT && code == 0; i++) {
        code = mdb_dbi_open(txn, names[i], MDB_CREATE, &state->tables[i]);
    }
    ch_status status = code == 0 ? ch_fold_point_read(state, txn, &state->kept) : ch_lmdb_status(code);
    if (status == CH_OK) {
        status = ch_topics_read_last(state, txn, &state->kept);
    }
    if (status != CH_OK) {
        mdb_txn_abort(txn);
        return fail(error, status, "its tables cannot be opened");
    }
    code = mdb_txn_commit(txn);
    return code == 0 ? CH_OK : ch_lmdb_fail(error, code, state->dir);
}

static ch_status open_parts(ch_state *state, const ch_state_options *options, ch_error *error)
{
    /* What is lost is folded again from the log. */
    const ch_lmdb_options env_options = {.dir = state->dir,
                                         .map_bytes = options->map_bytes,
                                         .tables_max = CH_TABLE_COUNT,
                                         .last_may_be_lost = true};
    ch_status status = ch_hot_cases_new(&state->hot, options->hot_cases);
    if (status != CH_OK) {
        return fail(error, status, "no memory for hot cases");
    }
    status = ch_lmdb_open(&state->env, &env_options, error);
    if (status == CH_OK) {
        status = open_tables(state, error);
    }
    if (status == CH_OK) {
        state->now = state->kept;
        atomic_store(&state->committed, state->kept.position);
        ch_lmdb_extend(state->env);
    }
    return status;
}

ch_status ch_state_open(ch_state **out_state, const char *dir, const ch_state_options *options,
                        ch_slots *slots, ch_error *error)
{
    ch_state *state = calloc(1, sizeof *state);
    if (state == NULL) {
        return fail(error, CH_NO_MEMORY, dir);
    }
    state->slots = slots;
    ch_buf_init(&state->work, WORK_LIMIT);
    ch_status status = ch_str_copy(state->dir, sizeof state->dir, ch_str_of(dir));
    if (status == CH_OK) {
        status = open_parts(state, options, error);
    } else {
        fail(error, status, dir);
    }
    if (status != CH_OK) {
        ch_state_close(state);
        return status;
    }
    *out_state = state;
    return CH_OK;
}

void ch_state_close(ch_state *state)
{
    if (state == NULL) {
        return;
    }
    if (state->txn != NULL) {
        mdb_txn_abort(state->txn);
    }
    if (state->env != NULL) {
        mdb_env_close(state->env);
    }
    ch_hot_cases_free(state->hot);
    ch_buf_done(&state->work);
    free(state);
}

uint64_t ch_state_position(const ch_state *state)
{
    return state->now.position;
}

uint64_t ch_state_committed(const ch_state *state)
{
    return atomic_load(&state->committed);
}

uint64_t ch_state_next_dead_letter(const ch_state *state)
{
    return state->now.next_dead_letter;
}

size_t ch_state_dirty_cases(const ch_state *state)
{
    return ch_hot_cases_changed(state->hot);
}

ch_status ch_state_begin(ch_state *state, ch_error *error)
{
    if (state->failed) {
        return ch_error_set(error, CH_BUSY, "state", "a fold failed: it must be rolled back first");
    }
    if (state->txn != NULL) {
        return CH_OK;
    }
    int code = mdb_txn_begin(state->env, NULL, 0, &state->txn);
    if (code != 0) {
        state->txn = NULL;
        return ch_lmdb_fail(error, code, "state");
    }
    return CH_OK;
}

ch_status ch_state_hot_case(ch_state *state, uint64_t number, ch_case **out_case)
{
    ch_str value;
    const ch_state_key key = ch_key_of_number(number);
    ch_case *the_case = ch_hot_cases_find(state->hot, number);
    if (the_case != NULL) {
        *out_case = the_case;
        return CH_OK;
    }
    ch_status status = ch_table_find(state, CH_TABLE_CASE, &key, &value);
    if (status == CH_OK) {
        status = ch_hot_cases_add(state->hot, number, &the_case);
    }
    if (status != CH_OK) {
        return status;
    }
    status = ch_case_decode(value, the_case);
    if (status == CH_OK && the_case->number != number) {
        status = CH_CORRUPT;
    }
    if (status != CH_OK) {
        ch_hot_cases_remove(state->hot, number);
        return status;
    }
    *out_case = the_case;
    return CH_OK;
}

static ch_status write_case(void *context, const ch_case *the_case)
{
    ch_state *state = context;
    const ch_state_key key = ch_key_of_number(the_case->number);
    ch_buf_clear(&state->work);
    ch_case_encode(&state->work, the_case);
    if (state->work.failed != CH_OK) {
        return state->work.failed;
    }
    return ch_table_put(state, CH_TABLE_CASE, &key, ch_buf_str(&state->work), 0);
}

ch_status ch_state_write_back(ch_state *state)
{
    return ch_hot_cases_write(state->hot, write_case, state);
}

/* It has ended, and with it its cursors. */
void ch_state_forget_transaction(ch_state *state)
{
    state->txn = NULL;
    memset(state->cursors, 0, sizeof state->cursors);
}

void ch_state_rollback(ch_state *state)
{
    if (state->txn != NULL) {
        mdb_txn_abort(state->txn);
        ch_state_forget_transaction(state);
    }
    state->now = state->kept;
    state->failed = false;
    ch_hot_cases_forget(state->hot);
    ch_source_forget(state);
}

void ch_state_set_chain(ch_state *state, const uint8_t chain[CH_HASH_SIZE])
{
    memcpy(state->now.chain, chain, CH_HASH_SIZE);
}

static ch_status commit_changes(ch_state *state, ch_error *error)
{
    ch_status status = ch_state_write_back(state);
    if (status == CH_OK) {
        status = ch_topics_keep(state);
    }
    if (status == CH_OK) {
        status = ch_persons_keep(state);
    }
    if (status == CH_OK) {
        status = write_point(state);
    }
    if (status != CH_OK) {
        return fail(error, status, "cannot be written back");
    }
    int code = mdb_txn_commit(state->txn);
    ch_state_forget_transaction(state);
    if (code != 0 && ch_lmdb_is_dead(state->env)) {
        return ch_error_set(error, CH_IO, "state", "commit failed, it must be opened again: %s",
                            mdb_strerror(code));
    }
    return code == 0 ? CH_OK : ch_lmdb_fail(error, code, "state");
}

ch_status ch_state_commit(ch_state *state, ch_error *error)
{
    if (state->failed) {
        ch_state_rollback(state);
        return ch_error_set(error, CH_BUSY, "state", "a fold had failed: it was rolled back");
    }
    if (state->now.position == state->kept.position) {
        if (state->txn != NULL) {
            mdb_txn_abort(state->txn);
            ch_state_forget_transaction(state);
        }
        return CH_OK;
    }
    ch_status status = commit_changes(state, error);
    if (status != CH_OK) {
        ch_state_rollback(state);
        return status;
    }
    ch_lmdb_extend(state->env);
    state->kept = state->now;
    atomic_store(&state->committed, state->kept.position);
    ch_hot_cases_trim(state->hot);
    return CH_OK;
}

ch_status ch_state_usage(ch_state *state, ch_log_usage *out_usage)
{
    struct statvfs seen;
    ch_log_usage usage = {.disk_free_bytes = UINT64_MAX};
    if (statvfs(state->dir, &seen) == 0) {
        usage.disk_free_bytes = (uint64_t)seen.f_bavail * seen.f_frsize;
    }
    ch_status status = ch_lmdb_used(state->env, &usage.used_bytes, &usage.map_bytes);
    if (status == CH_OK) {
        *out_usage = usage;
    }
    return status;
}
