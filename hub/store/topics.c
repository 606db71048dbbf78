/* The filters of topics, one for each block of the log. */
#include "hub/store/state_inside.h"

static uint64_t block_of(uint64_t sequence)
{
    return (sequence - 1) / CH_TOPIC_BLOCK;
}

static ch_status put(ch_state *state, uint64_t block)
{
    const ch_state_key key = ch_key_of_number(block);
    const ch_topic_filter *filter = &state->now.topics;
    return ch_table_put(state, CH_TABLE_TOPICS, &key,
                        (ch_str){(const char *)filter->bytes, sizeof filter->bytes}, 0);
}

ch_status ch_topics_add(ch_state *state, uint64_t sequence, ch_str topic)
{
    if (sequence % CH_TOPIC_BLOCK == 1) {
        state->now.topics = (ch_topic_filter){{0}};
    }
    ch_topic_filter_add(&state->now.topics, topic);
    return sequence % CH_TOPIC_BLOCK == 0 ? put(state, block_of(sequence)) : CH_OK;
}

ch_status ch_topics_keep(ch_state *state)
{
    return state->now.position % CH_TOPIC_BLOCK == 0 ? CH_OK : put(state, block_of(state->now.position));
}

ch_status ch_topics_read(const ch_state *state, MDB_txn *txn, uint64_t block, ch_topic_filter *out_filter)
{
    ch_str value;
    const ch_state_key key = ch_key_of_number(block);
    ch_status status = ch_table_get(state, txn, CH_TABLE_TOPICS, &key, &value);
    if (status != CH_OK || value.size != sizeof out_filter->bytes) {
        return status == CH_OK || status == CH_NOT_FOUND ? CH_CORRUPT : status;
    }
    memcpy(out_filter->bytes, value.at, sizeof out_filter->bytes);
    return CH_OK;
}

ch_status ch_topics_read_last(const ch_state *state, MDB_txn *txn, ch_fold_point *point)
{
    return point->position % CH_TOPIC_BLOCK == 0
               ? CH_OK
               : ch_topics_read(state, txn, block_of(point->position), &point->topics);
}
