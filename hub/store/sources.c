/* Sources get small numbers, so that keys of dedup and ref are short and lie together by source. */
#include "hub/store/state_inside.h"

static ch_known_source *remembered_at(ch_state *state, ch_str name)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < name.size; i++) {
        hash = (hash ^ (uint8_t)name.at[i]) * 16777619u;
    }
    return &state->known_sources[(hash ^ hash >> 16) % CH_KNOWN_SOURCES];
}

static void remember(ch_state *state, ch_str name, uint32_t number)
{
    ch_known_source *known = remembered_at(state, name);
    if (ch_str_copy(known->name, sizeof known->name, name) == CH_OK) {
        known->number = number;
    }
}

void ch_source_forget(ch_state *state)
{
    memset(state->known_sources, 0, sizeof state->known_sources);
}

ch_status ch_source_find(const ch_state *state, MDB_txn *txn, ch_str name, uint32_t *out_number)
{
    ch_str value;
    const ch_state_key key = ch_key_of_name(name);
    if (name.size == 0 || name.size > CH_ID_MAX) {
        return CH_NOT_FOUND;
    }
    ch_status status = ch_table_get(state, txn, CH_TABLE_SOURCE, &key, &value);
    if (status == CH_OK && value.size != 4) {
        status = CH_CORRUPT;
    }
    if (status == CH_OK) {
        *out_number = ch_get_be32((const uint8_t *)value.at);
    }
    return status;
}

ch_status ch_source_number(ch_state *state, ch_str name, uint32_t *out_number)
{
    const ch_known_source *known = remembered_at(state, name);
    if (known->number != 0 && ch_str_is_in(name, known->name, sizeof known->name)) {
        *out_number = known->number;
        return CH_OK;
    }
    ch_status status = ch_source_find(state, state->txn, name, out_number);
    if (status == CH_OK) {
        remember(state, name, *out_number);
    }
    return status;
}

ch_status ch_source_intern(ch_state *state, ch_str name, uint32_t *out_number)
{
    uint8_t bytes[4];
    const ch_state_key key = ch_key_of_name(name);
    ch_status status = ch_source_number(state, name, out_number);
    if (status != CH_NOT_FOUND) {
        return status;
    }
    if (name.size == 0 || name.size > CH_ID_MAX) {
        return CH_CORRUPT;
    }
    uint32_t number = state->now.next_source;
    ch_put_be32(bytes, number);
    status = ch_table_put(state, CH_TABLE_SOURCE, &key, (ch_str){(const char *)bytes, sizeof bytes},
                          MDB_NOOVERWRITE);
    if (status != CH_OK) {
        return status;
    }
    state->now.next_source = number + 1;
    remember(state, name, number);
    *out_number = number;
    return CH_OK;
}
