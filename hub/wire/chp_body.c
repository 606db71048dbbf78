#include "hub/wire/chp.h"

#include <inttypes.h>

/* Wider than an event's own limits, so that one event beyond them does not refuse the others with it. */
static const ch_mp_limits body_limits = {.size_bytes = CH_CHP_BODY_MAX,
                                         .depth = CH_MP_DEPTH_MAX,
                                         .map_pairs = CH_MP_PAIRS_MAX,
                                         .array_items = CH_CHP_BODY_MAX,
                                         .str_bytes = CH_CHP_BODY_MAX};

ch_status ch_chp_body_open(ch_str frame, uint32_t most, uint32_t *out_count, ch_mp_reader *out_reader,
                           ch_error *error)
{
    ch_mp_value head;
    ch_mp_reader reader = ch_mp_reader_of(frame);
    if (!ch_mp_next(&reader, &head) || head.kind != CH_MP_ARRAY) {
        return ch_error_set(error, CH_INVALID, "body", "is not an array");
    }
    if (head.count > most) {
        return ch_error_set(error, CH_TOO_LARGE, "body", "has more than %" PRIu32 " items", most);
    }
    *out_count = head.count;
    *out_reader = reader;
    return CH_OK;
}

ch_status ch_chp_body_check(ch_str frame, uint32_t most, uint32_t *out_count, ch_mp_reader *out_reader,
                            ch_error *error)
{
    ch_status status = ch_mp_check(frame, &body_limits, error);
    if (status != CH_OK) {
        ch_error_prefix(error, "body");
        return status;
    }
    return ch_chp_body_open(frame, most, out_count, out_reader, error);
}
