/* The open transaction as decide and the writer look at it. */
#include "hub/store/state_inside.h"

static ch_status view_case(void *context, uint64_t number, const ch_case **out_case)
{
    ch_case *the_case;
    ch_status status = ch_state_hot_case(context, number, &the_case);
    if (status == CH_OK) {
        *out_case = the_case;
    }
    return status;
}

static ch_status view_ref(void *context, ch_str source, ch_str ref, uint64_t *out_number)
{
    ch_state *state = context;
    uint32_t number;
    ch_status status = ch_source_number(state, source, &number);
    if (status != CH_OK) {
        return status;
    }
    const ch_state_key key = ch_key_of_source_name(number, ref);
    return ch_table_find_number(state, CH_TABLE_REF, &key, out_number);
}

static ch_status view_digest(void *context, uint64_t number, ch_str bytes, uint8_t out_digest[8])
{
    ch_state *state = context;
    uint8_t slot_key[CH_KEY_SIZE];
    if (state->slots == NULL) {
        return CH_NOT_FOUND;
    }
    ch_status status = ch_slots_key(state->slots, number, slot_key);
    if (status == CH_NOT_FOUND && number == state->now.next_case) {
        status = ch_slots_prepare(state->slots, number, NULL);
        status = status == CH_OK ? ch_slots_key(state->slots, number, slot_key) : status;
    }
    if (status == CH_OK) {
        ch_digest(out_digest, 8, bytes, slot_key);
    }
    explicit_bzero(slot_key, sizeof slot_key);
    return status;
}

static ch_status view_hashes(void *context, const ch_str *bytes, size_t count, uint64_t *out_hashes)
{
    const ch_state *state = context;
    if (state->slots == NULL) {
        return CH_NOT_FOUND;
    }
    ch_slots_hash(state->slots, bytes, count, out_hashes);
    return CH_OK;
}

static ch_status view_sketches(void *context, const char *place, int64_t since_ms, int64_t until_ms,
                               ch_sketched *out_rows, size_t *count)
{
    return ch_sketches_find(context, place, since_ms, until_ms, out_rows, count);
}

static ch_status view_mark(void *context, uint64_t number, ch_case_mark *out_mark)
{
    ch_mark mark;
    ch_status status = ch_mark_find(context, number, &mark);
    *out_mark = (ch_case_mark){.erased = mark.erased_sequence != 0, .held = mark.held_sequence != 0};
    return status;
}

ch_status ch_state_view(ch_state *state, uint32_t epoch, ch_view *out_view)
{
    ch_status status = ch_state_begin(state, NULL);
    if (status != CH_OK) {
        return status;
    }
    ch_hot_cases_trim(state->hot);
    *out_view = (ch_view){.context = state,
                          .case_by_number = view_case,
                          .case_by_ref = view_ref,
                          .digest = view_digest,
                          .hashes = view_hashes,
                          .sketches = view_sketches,
                          .mark = view_mark,
                          .next_case = state->now.next_case,
                          .next_sequence = state->now.position + 1,
                          .epoch = epoch};
    return CH_OK;
}

ch_status ch_state_find_id(ch_state *state, ch_str source, ch_str id, uint64_t *out_sequence)
{
    uint32_t number;
    ch_status status = ch_state_begin(state, NULL);
    if (status == CH_OK) {
        status = ch_source_number(state, source, &number);
    }
    if (status != CH_OK) {
        return status;
    }
    const ch_state_key key = ch_key_of_source_name(number, id);
    return ch_table_find_number(state, CH_TABLE_DEDUP, &key, out_sequence);
}

ch_status ch_state_checkpoint(ch_state *state, ch_str connector, ch_buf *out_value)
{
    ch_str value;
    const ch_state_key key = ch_key_of_name(connector);
    ch_status status = ch_state_begin(state, NULL);
    if (status == CH_OK) {
        status = ch_table_find(state, CH_TABLE_CHECKPOINT, &key, &value);
    }
    if (status == CH_OK) {
        ch_buf_append_str(out_value, ch_mp_find_str(value, "value"));
        status = out_value->failed;
    }
    return status;
}

ch_status ch_state_dead_letter(ch_state *state, uint64_t number, ch_dead_letter *out_letter)
{
    ch_str value;
    const ch_state_key key = ch_key_of_number(number);
    ch_status status = ch_state_begin(state, NULL);
    if (status == CH_OK) {
        status = ch_table_find(state, CH_TABLE_DEAD_LETTER, &key, &value);
    }
    return status == CH_OK ? ch_dead_letter_decode(value, number, out_letter) : status;
}
