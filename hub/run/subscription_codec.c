/* A subscription as the cursors keep it: [format, owner, patterns, involved, test mode, ack timeout, deliveries, epoch, next,
 * [sequence, case, attempts, offers, ...], [case, skipped from, ...]] */
#include "hub/run/subscription.h"

#define FORMAT 1
#define ITEMS 11

void ch_subscription_encode(ch_buf *out, const ch_subscription *subscription)
{
    ch_mp_put_array(out, ITEMS);
    ch_mp_put_int(out, FORMAT);
    ch_mp_put_text(out, subscription->owner);
    ch_mp_put_array(out, (uint32_t)subscription->pattern_count);
    for (size_t i = 0; i < subscription->pattern_count; i++) {
        ch_mp_put_text(out, subscription->patterns[i]);
    }
    ch_mp_put_bool(out, subscription->involved);
    ch_mp_put_int(out, subscription->test_mode);
    ch_mp_put_int(out, subscription->ack_timeout_ms);
    ch_mp_put_int(out, subscription->deliveries_most);
    ch_mp_put_int(out, subscription->epoch);
    ch_mp_put_uint(out, subscription->next);
    ch_mp_put_array(out, (uint32_t)subscription->pending_count * 4);
    for (size_t i = 0; i < subscription->pending_count; i++) {
        const ch_pending *event = &subscription->pending[i];
        ch_mp_put_uint(out, event->sequence);
        ch_mp_put_uint(out, event->case_number);
        ch_mp_put_uint(out, event->attempts);
        ch_mp_put_int(out, event->offers);
    }
    ch_mp_put_array(out, (uint32_t)subscription->held_count * 2);
    for (size_t i = 0; i < subscription->held_count; i++) {
        ch_mp_put_uint(out, subscription->held[i].case_number);
        ch_mp_put_uint(out, subscription->held[i].skipped_from);
    }
}

static bool take(ch_mp_reader *reader, ch_mp_kind kind, ch_mp_value *out_value)
{
    return ch_mp_next(reader, out_value) && out_value->kind == kind;
}

static bool take_number(ch_mp_reader *reader, int64_t least, int64_t most, int64_t *out_number)
{
    ch_mp_value value;
    if (!take(reader, CH_MP_INT, &value) || value.integer < least || value.integer > most) {
        return false;
    }
    *out_number = value.integer;
    return true;
}

static bool take_patterns(ch_mp_reader *reader, ch_subscription *subscription)
{
    ch_mp_value head, value;
    ch_str patterns[CH_CHP_PATTERNS_MAX];
    if (!take(reader, CH_MP_ARRAY, &head) || head.count > CH_CHP_PATTERNS_MAX) {
        return false;
    }
    for (uint32_t i = 0; i < head.count; i++) {
        if (!take(reader, CH_MP_STR, &value)) {
            return false;
        }
        patterns[i] = value.str;
    }
    return ch_subscription_set_patterns(subscription, patterns, head.count) == CH_OK;
}

static bool take_settings(ch_mp_reader *reader, ch_subscription *subscription)
{
    ch_mp_value value;
    int64_t number, epoch, next;
    if (!take_number(reader, FORMAT, FORMAT, &number) || !take(reader, CH_MP_STR, &value) ||
        ch_str_copy(subscription->owner, sizeof subscription->owner, value.str) != CH_OK ||
        !take_patterns(reader, subscription) || !take(reader, CH_MP_BOOL, &value)) {
        return false;
    }
    subscription->involved = value.boolean;
    if (!take_number(reader, CH_TEST_EXCLUDE, CH_TEST_ONLY, &number) ||
        !take_number(reader, 0, INT64_MAX, &subscription->ack_timeout_ms) ||
        !take_number(reader, 0, INT64_MAX, &subscription->deliveries_most) ||
        !take_number(reader, 0, UINT32_MAX, &epoch) || !take_number(reader, 1, INT64_MAX, &next)) {
        return false;
    }
    subscription->test_mode = (ch_test_mode)number;
    subscription->epoch = (uint32_t)epoch;
    subscription->next = (uint64_t)next;
    return true;
}

static bool take_pending(ch_mp_reader *reader, ch_subscription *subscription)
{
    ch_mp_value head;
    if (!take(reader, CH_MP_ARRAY, &head) || head.count % 4 != 0) {
        return false;
    }
    for (uint32_t i = 0; i < head.count / 4; i++) {
        int64_t sequence, case_number, attempts, offers;
        if (!take_number(reader, 1, INT64_MAX, &sequence) ||
            !take_number(reader, 0, INT64_MAX, &case_number) ||
            !take_number(reader, 0, UINT32_MAX, &attempts) || !take_number(reader, 0, 1, &offers)) {
            return false;
        }
        const ch_pending event = {.sequence = (uint64_t)sequence,
                                  .case_number = (uint64_t)case_number,
                                  .attempts = (uint32_t)attempts,
                                  .offers = offers == 1,
                                  .deadline_ms = INT64_MAX};
        if (ch_subscription_find(subscription, event.sequence) != NULL ||
            ch_subscription_sent(subscription, &event) != CH_OK) {
            return false;
        }
    }
    return true;
}

static bool take_held(ch_mp_reader *reader, ch_subscription *subscription)
{
    ch_mp_value head;
    if (!take(reader, CH_MP_ARRAY, &head) || head.count % 2 != 0) {
        return false;
    }
    for (uint32_t i = 0; i < head.count / 2; i++) {
        int64_t case_number, from;
        if (!take_number(reader, 0, INT64_MAX, &case_number) || !take_number(reader, 1, INT64_MAX, &from) ||
            ch_subscription_hold(subscription, (uint64_t)case_number, 0, CH_HELD_MOST) != CH_OK) {
            return false;
        }
        ch_subscription_held(subscription, (uint64_t)case_number)->skipped_from = (uint64_t)from;
    }
    return true;
}

ch_status ch_subscription_decode(ch_str bytes, ch_subscription *subscription)
{
    ch_mp_reader reader = ch_mp_reader_of(bytes);
    ch_mp_value head;
    if (!take(&reader, CH_MP_ARRAY, &head) || head.count != ITEMS || !take_settings(&reader, subscription) ||
        !take_pending(&reader, subscription) || !take_held(&reader, subscription) ||
        reader.at != reader.end) {
        return CH_CORRUPT;
    }
    subscription->durable = true;
    subscription->loose = subscription->pending_count > 0;
    subscription->next_deadline_ms = INT64_MAX;
    subscription->changed = false;
    return CH_OK;
}
