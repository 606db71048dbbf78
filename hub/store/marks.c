/* What is said of cases as records: erased, held. A mark keeps the sequence of the event that said so, 0 for none. */
#include "hub/store/state_inside.h"

#define MARK_SIZE 16
#define HELD_AT 8

static ch_status decode(ch_str value, ch_mark *out_mark)
{
    const uint8_t *at = (const uint8_t *)value.at;
    if (value.size != MARK_SIZE) {
        return CH_CORRUPT;
    }
    *out_mark = (ch_mark){.erased_sequence = ch_get_be64(at), .held_sequence = ch_get_be64(at + HELD_AT)};
    return CH_OK;
}

ch_status ch_mark_of_value(ch_status found, ch_str value, ch_mark *out_mark)
{
    *out_mark = (ch_mark){.erased_sequence = 0};
    if (found == CH_NOT_FOUND) {
        return CH_OK;
    }
    return found == CH_OK ? decode(value, out_mark) : found;
}

ch_status ch_mark_find(ch_state *state, uint64_t number, ch_mark *out_mark)
{
    ch_str value = CH_STR_NONE;
    const ch_state_key key = ch_key_of_number(number);
    return ch_mark_of_value(ch_table_find(state, CH_TABLE_MARK, &key, &value), value, out_mark);
}

static ch_status put(ch_state *state, uint64_t number, const ch_mark *mark)
{
    uint8_t bytes[MARK_SIZE];
    const ch_state_key key = ch_key_of_number(number);
    if (mark->erased_sequence == 0 && mark->held_sequence == 0) {
        return ch_table_delete(state, CH_TABLE_MARK, &key);
    }
    ch_put_be64(bytes, mark->erased_sequence);
    ch_put_be64(bytes + HELD_AT, mark->held_sequence);
    return ch_table_put(state, CH_TABLE_MARK, &key, (ch_str){(const char *)bytes, sizeof bytes}, 0);
}

/* What is kept of a case to find it by what it says goes with its content. */
static ch_status erase(ch_state *state, uint64_t number, uint64_t sequence)
{
    ch_mark mark;
    ch_status status = ch_mark_find(state, number, &mark);
    if (status != CH_OK || mark.erased_sequence != 0) {
        return status;
    }
    mark.erased_sequence = sequence;
    status = put(state, number, &mark);
    if (status == CH_OK) {
        status = ch_persons_remove(state, number);
    }
    return status == CH_OK ? ch_sketches_remove(state, number) : status;
}

ch_status ch_fold_erased(ch_state *state, const ch_record *record, const ch_event *event)
{
    ch_mp_value list, id;
    ch_str bytes;
    uint64_t number;
    ch_status status = CH_OK;
    if (!ch_mp_find(event->data, "cases", &list, &bytes) || list.kind != CH_MP_ARRAY) {
        return CH_OK;
    }
    ch_mp_reader reader = ch_mp_reader_of(bytes);
    if (!ch_mp_next(&reader, &list)) {
        return CH_CORRUPT;
    }
    for (uint32_t i = 0; i < list.count && status == CH_OK; i++) {
        if (!ch_mp_next(&reader, &id) || id.kind != CH_MP_STR ||
            ch_case_id_number(id.str, &number) != CH_OK) {
            return CH_CORRUPT;
        }
        status = erase(state, number, record->sequence);
    }
    return status;
}

ch_status ch_fold_hold(ch_state *state, const ch_record *record, const ch_event *event)
{
    uint64_t number;
    ch_mark mark;
    bool lift = ch_str_is(ch_mp_find_str(event->data, "action"), "lift");
    if (ch_case_id_number(ch_mp_find_str(event->data, "case"), &number) != CH_OK) {
        return CH_OK;
    }
    ch_status status = ch_mark_find(state, number, &mark);
    if (status != CH_OK) {
        return status;
    }
    mark.held_sequence = lift ? 0 : record->sequence;
    return put(state, number, &mark);
}
