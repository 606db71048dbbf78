/* Short looks at the committed state, from any thread. */
#include "hub/store/state_inside.h"

#include <stdlib.h>

struct ch_state_reader {
    const ch_state *state;
    MDB_txn *txn;
    uint64_t position;
    ch_case *scratch; /* for walks over cases */
};

static ch_status open_parts(ch_state_reader *reader, ch_error *error)
{
    ch_fold_point point;
    ch_status status = ch_case_new(&reader->scratch);
    if (status != CH_OK) {
        return ch_error_set(error, status, "state", "no memory for a reader");
    }
    status = ch_lmdb_begin_read(reader->state->env, &reader->txn, error);
    if (status != CH_OK) {
        return status;
    }
    status = ch_fold_point_read(reader->state, reader->txn, &point);
    if (status != CH_OK) {
        return ch_error_set(error, status, "state", "its position cannot be read");
    }
    reader->position = point.position;
    return CH_OK;
}

ch_status ch_state_reader_open(ch_state_reader **out_reader, ch_state *state, ch_error *error)
{
    ch_state_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, "state", "no memory for a reader");
    }
    reader->state = state;
    ch_status status = open_parts(reader, error);
    if (status != CH_OK) {
        ch_state_reader_close(reader);
        return status;
    }
    *out_reader = reader;
    return CH_OK;
}

void ch_state_reader_close(ch_state_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    if (reader->txn != NULL) {
        mdb_txn_abort(reader->txn);
    }
    ch_case_free(reader->scratch);
    free(reader);
}

uint64_t ch_state_reader_position(const ch_state_reader *reader)
{
    return reader->position;
}

ch_status ch_state_reader_case(ch_state_reader *reader, uint64_t number, ch_case *the_case)
{
    ch_str value;
    const ch_state_key key = ch_key_of_number(number);
    ch_status status = ch_table_get(reader->state, reader->txn, CH_TABLE_CASE, &key, &value);
    return status == CH_OK ? ch_case_decode(value, the_case) : status;
}

ch_status ch_state_reader_ref(ch_state_reader *reader, ch_str source, ch_str ref, uint64_t *out_number)
{
    uint32_t number;
    ch_status status = ch_source_find(reader->state, reader->txn, source, &number);
    if (status != CH_OK) {
        return status;
    }
    const ch_state_key key = ch_key_of_source_name(number, ref);
    return ch_table_get_number(reader->state, reader->txn, CH_TABLE_REF, &key, out_number);
}

static bool has_number(const uint64_t *numbers, size_t count, uint64_t number)
{
    for (size_t i = 0; i < count; i++) {
        if (numbers[i] == number) {
            return true;
        }
    }
    return false;
}

ch_status ch_state_reader_ref_any(ch_state_reader *reader, ch_str ref, uint64_t *out_numbers, size_t *count)
{
    ch_fold_point point;
    size_t found = 0;
    ch_status status = ch_fold_point_read(reader->state, reader->txn, &point);
    for (uint32_t source = 1; status == CH_OK && source < point.next_source && found < *count; source++) {
        uint64_t number;
        const ch_state_key key = ch_key_of_source_name(source, ref);
        status = ch_table_get_number(reader->state, reader->txn, CH_TABLE_REF, &key, &number);
        if (status == CH_OK && !has_number(out_numbers, found, number)) {
            out_numbers[found++] = number;
        }
        status = status == CH_NOT_FOUND ? CH_OK : status;
    }
    if (status == CH_OK) {
        *count = found;
    }
    return status;
}

/* A cursor that stands at the first pair from `from` on; with walk_next it goes through its table. */
typedef struct walk {
    MDB_cursor *cursor;
    ch_table table;
    MDB_val key, value;
    ch_str content; /* of the pair, without its crc */
} walk;

/* What a cursor found: the pair, CH_END, or why not. */
static ch_status take_pair(walk *at, int code)
{
    if (code != 0) {
        return code == MDB_NOTFOUND ? CH_END : ch_lmdb_status(code);
    }
    return ch_table_open_value(at->table, at->key, at->value, &at->content);
}

static ch_status walk_from(walk *at, ch_state_reader *reader, ch_table table, const ch_state_key *from)
{
    *at = (walk){.table = table};
    int code = mdb_cursor_open(reader->txn, reader->state->tables[table], &at->cursor);
    if (code != 0) {
        at->cursor = NULL;
        return ch_lmdb_status(code);
    }
    at->key = ch_lmdb_val(from->at, from->size);
    code = mdb_cursor_get(at->cursor, &at->key, &at->value, from->size == 0 ? MDB_FIRST : MDB_SET_RANGE);
    return take_pair(at, code);
}

static ch_status walk_step(walk *at, MDB_cursor_op step)
{
    return take_pair(at, mdb_cursor_get(at->cursor, &at->key, &at->value, step));
}

/* Closes it; the end is no failure of a walk. */
static ch_status walk_end(walk *at, ch_status status)
{
    if (at->cursor != NULL) {
        mdb_cursor_close(at->cursor);
    }
    return status == CH_END ? CH_OK : status;
}

ch_status ch_state_reader_case_event(ch_state_reader *reader, uint64_t number, uint32_t from_version,
                                     uint32_t *out_version, uint64_t *out_sequence)
{
    walk at;
    const ch_state_key from = ch_key_of_case_event(number, from_version);
    ch_status status = walk_from(&at, reader, CH_TABLE_CASE_EVENTS, &from);
    if (status == CH_OK && (at.key.mv_size != 12 || at.content.size != 8)) {
        status = CH_CORRUPT;
    }
    if (status == CH_OK && ch_get_be64(at.key.mv_data) != number) {
        status = CH_END;
    }
    if (status == CH_OK) {
        *out_version = ch_get_be32((const uint8_t *)at.key.mv_data + 8);
        *out_sequence = ch_get_be64((const uint8_t *)at.content.at);
    }
    bool ended = status == CH_END;
    status = walk_end(&at, status);
    return ended ? CH_END : status;
}

ch_status ch_state_reader_cases(ch_state_reader *reader, uint64_t below, ch_case_visitor visit, void *context)
{
    walk at;
    const ch_state_key from = ch_key_of_number(below);
    ch_status status = walk_from(&at, reader, CH_TABLE_CASE, &from);
    if (status == CH_OK || status == CH_CORRUPT) {
        status = walk_step(&at, MDB_PREV);
    } else if (status == CH_END) {
        status = walk_step(&at, MDB_LAST);
    }
    while (status == CH_OK) {
        status = ch_case_decode(at.content, reader->scratch);
        if (status != CH_OK || !visit(context, reader->scratch)) {
            break;
        }
        status = walk_step(&at, MDB_PREV);
    }
    return walk_end(&at, status);
}

ch_status ch_state_reader_mark(ch_state_reader *reader, uint64_t number, ch_mark *out_mark)
{
    ch_str value = CH_STR_NONE;
    const ch_state_key key = ch_key_of_number(number);
    return ch_mark_of_value(ch_table_get(reader->state, reader->txn, CH_TABLE_MARK, &key, &value), value,
                            out_mark);
}

ch_status ch_state_reader_marks(ch_state_reader *reader, uint64_t from, ch_mark_visitor visit, void *context)
{
    walk at;
    ch_mark mark;
    const ch_state_key first = ch_key_of_number(from);
    ch_status status = walk_from(&at, reader, CH_TABLE_MARK, &first);
    while (status == CH_OK) {
        status = ch_mark_of_value(CH_OK, at.content, &mark);
        if (status != CH_OK || !visit(context, ch_get_be64(at.key.mv_data), &mark)) {
            break;
        }
        status = walk_step(&at, MDB_NEXT);
    }
    return walk_end(&at, status);
}

ch_status ch_state_reader_persons(ch_state_reader *reader, const ch_person_key *key, uint64_t from,
                                  uint64_t *out_numbers, size_t *count)
{
    walk at;
    ch_state_key first;
    size_t most = *count;
    *count = 0;
    if (!ch_person_row(reader->state, key, from, &first)) {
        return CH_OK;
    }
    ch_status status = walk_from(&at, reader, CH_TABLE_PERSON, &first);
    while (status == CH_OK && *count < most && at.key.mv_size == first.size &&
           memcmp(at.key.mv_data, first.at, first.size - 8) == 0) {
        out_numbers[(*count)++] = ch_get_be64((const uint8_t *)at.key.mv_data + first.size - 8);
        status = walk_step(&at, MDB_NEXT);
    }
    return walk_end(&at, status);
}

static ch_status walk_handoffs(ch_state_reader *reader, ch_str party, const ch_state_key *from,
                               ch_handoff_visitor visit, void *context)
{
    walk at;
    ch_status status = walk_from(&at, reader, CH_TABLE_HANDOFF, from);
    while (status == CH_OK) {
        const uint8_t *key = at.key.mv_data;
        if (at.key.mv_size < 13 || key[at.key.mv_size - 13] != 0) {
            status = CH_CORRUPT;
            break;
        }
        ch_str whose = {at.key.mv_data, at.key.mv_size - 13};
        const uint8_t *number = key + at.key.mv_size - 12;
        if ((party.at != NULL && !ch_str_equal(whose, party)) ||
            !visit(context, whose, ch_get_be64(number), ch_get_be32(number + 8))) {
            break;
        }
        status = walk_step(&at, MDB_NEXT);
    }
    return walk_end(&at, status);
}

ch_status ch_state_reader_handoffs(ch_state_reader *reader, ch_str party, ch_handoff_visitor visit,
                                   void *context)
{
    ch_state_key from = ch_key_of_handoff(party, 0, 0);
    from.size = party.at == NULL ? 0 : from.size;
    return walk_handoffs(reader, party, &from, visit, context);
}

ch_status ch_state_reader_handoffs_from(ch_state_reader *reader, ch_str party, const ch_handoff_place *from,
                                        ch_handoff_visitor visit, void *context)
{
    const ch_state_key key = ch_key_of_handoff(from->party, from->case_number, from->index);
    return walk_handoffs(reader, party, &key, visit, context);
}

static ch_status walk_deadlines(ch_state_reader *reader, const ch_deadline_place *from, int64_t until_ms,
                                ch_deadline_visitor visit, void *context)
{
    walk at;
    const ch_state_key first = ch_key_of_deadline(from->due_ms, from->case_number, from->index);
    ch_status status = walk_from(&at, reader, CH_TABLE_DEADLINE, &first);
    while (status == CH_OK) {
        const uint8_t *key = at.key.mv_data;
        if (at.key.mv_size != 20) {
            status = CH_CORRUPT;
            break;
        }
        int64_t due_ms = (int64_t)ch_get_be64(key);
        if (due_ms > until_ms || !visit(context, due_ms, ch_get_be64(key + 8), ch_get_be32(key + 16))) {
            break;
        }
        status = walk_step(&at, MDB_NEXT);
    }
    return walk_end(&at, status);
}

ch_status ch_state_reader_deadlines(ch_state_reader *reader, int64_t from_ms, int64_t until_ms,
                                    ch_deadline_visitor visit, void *context)
{
    const ch_deadline_place from = {.due_ms = from_ms};
    return walk_deadlines(reader, &from, until_ms, visit, context);
}

ch_status ch_state_reader_deadlines_from(ch_state_reader *reader, const ch_deadline_place *from,
                                         ch_deadline_visitor visit, void *context)
{
    return walk_deadlines(reader, from, INT64_MAX, visit, context);
}

ch_status ch_state_reader_dead_letters(ch_state_reader *reader, uint64_t from_number,
                                       ch_dead_letter_visitor visit, void *context)
{
    walk at;
    ch_dead_letter letter;
    const ch_state_key from = ch_key_of_number(from_number);
    ch_status status = walk_from(&at, reader, CH_TABLE_DEAD_LETTER, &from);
    while (status == CH_OK) {
        status = at.key.mv_size == 8 ? ch_dead_letter_decode(at.content, ch_get_be64(at.key.mv_data), &letter)
                                     : CH_CORRUPT;
        if (status != CH_OK || !visit(context, &letter)) {
            break;
        }
        status = walk_step(&at, MDB_NEXT);
    }
    return walk_end(&at, status);
}

static ch_status visit_pairs(ch_state_reader *reader, ch_table table, ch_pair_visitor visit, void *context)
{
    walk at;
    static const ch_state_key first = {.size = 0};
    ch_status status = walk_from(&at, reader, table, &first);
    while (status == CH_OK && visit(context, ch_lmdb_str(at.key), at.content)) {
        status = walk_step(&at, MDB_NEXT);
    }
    return walk_end(&at, status);
}

ch_status ch_state_reader_checkpoint(ch_state_reader *reader, ch_str connector, ch_str *out_value)
{
    const ch_state_key key = ch_key_of_name(connector);
    return ch_table_get(reader->state, reader->txn, CH_TABLE_CHECKPOINT, &key, out_value);
}

ch_status ch_state_reader_connectors(ch_state_reader *reader, ch_pair_visitor visit, void *context)
{
    return visit_pairs(reader, CH_TABLE_CONNECTOR, visit, context);
}

ch_status ch_state_reader_grants(ch_state_reader *reader, ch_pair_visitor visit, void *context)
{
    return visit_pairs(reader, CH_TABLE_GRANT, visit, context);
}

ch_status ch_state_reader_configs(ch_state_reader *reader, uint64_t below, ch_config_visitor visit,
                                  void *context)
{
    walk at;
    const ch_state_key from = ch_key_of_number(below);
    ch_status status = walk_from(&at, reader, CH_TABLE_CONFIG, &from);
    if (status == CH_OK || status == CH_CORRUPT) {
        status = walk_step(&at, MDB_PREV);
    } else if (status == CH_END) {
        status = walk_step(&at, MDB_LAST);
    }
    while (status == CH_OK) {
        if (at.key.mv_size != 8) {
            status = CH_CORRUPT;
        } else if (!visit(context, ch_get_be64(at.key.mv_data), at.content)) {
            break;
        } else {
            status = walk_step(&at, MDB_PREV);
        }
    }
    return walk_end(&at, status);
}

ch_status ch_state_reader_topics(ch_state_reader *reader, uint64_t block, ch_topic_filter *out_filter)
{
    return block >= reader->position / CH_TOPIC_BLOCK
               ? CH_NOT_FOUND
               : ch_topics_read(reader->state, reader->txn, block, out_filter);
}

ch_status ch_state_reader_totals(ch_state_reader *reader, ch_state_totals *out_totals)
{
    ch_fold_point point;
    MDB_stat cases;
    ch_status status = ch_fold_point_read(reader->state, reader->txn, &point);
    if (status != CH_OK) {
        return status;
    }
    int code = mdb_stat(reader->txn, reader->state->tables[CH_TABLE_CASE], &cases);
    if (code != 0) {
        return ch_lmdb_status(code);
    }
    *out_totals =
        (ch_state_totals){.cases = cases.ms_entries, .last_dead_letter = point.next_dead_letter - 1};
    return CH_OK;
}
