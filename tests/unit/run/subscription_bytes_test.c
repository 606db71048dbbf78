/* A subscription as the cursors keep it: nothing is lost on the way, and what is damaged is told. */
#include "tests/unit/check.h"

#include "hub/base/random.h"
#include "hub/run/subscription.h"

#include <stdio.h>

#define SEEDS 200
#define HELD_MOST 64
#define SIZE_LIMIT ((size_t)1024 * 1024)

static ch_subscription *new_one(void)
{
    ch_subscription *made;
    assert_status(ch_subscription_new(&made), CH_OK);
    made->held_most = HELD_MOST;
    return made;
}

static uint64_t below(ch_random_seeded *seeds, uint64_t most)
{
    return ch_random_below(seeds, most);
}

static void choose_patterns(ch_subscription *made, ch_random_seeded *seeds)
{
    char texts[8][CH_TOPIC_MAX + 1];
    ch_str patterns[8];
    size_t count = below(seeds, 9);
    for (size_t i = 0; i < count; i++) {
        size_t size = 1 + below(seeds, CH_TOPIC_MAX);
        memset(texts[i], (int)('a' + below(seeds, 26)), size);
        patterns[i] = (ch_str){texts[i], size};
    }
    assert_status(ch_subscription_set_patterns(made, patterns, count), CH_OK);
}

/* Sequences grow, cases repeat, and some of what is under way has failed. */
static void choose_events(ch_subscription *made, ch_random_seeded *seeds)
{
    made->next = 1 + below(seeds, INT64_MAX / 2);
    for (size_t left = below(seeds, 40); left > 0; left--) {
        const ch_pending event = {.sequence = made->next++,
                                  .case_number = below(seeds, 8) == 0 ? CH_NO_CASE | (made->next - 1)
                                                                      : below(seeds, INT64_C(1) << 40),
                                  .attempts = (uint32_t)below(seeds, (uint64_t)UINT32_MAX + 1),
                                  .offers = below(seeds, 2) == 1,
                                  .out = true,
                                  .deadline_ms = 5};
        if (below(seeds, 4) == 0) {
            made->next += below(seeds, 1000);
        }
        assert_status(ch_subscription_sent(made, &event), CH_OK);
        if (below(seeds, 3) == 0) {
            assert_status(ch_subscription_nak(made, event.sequence, 77), CH_OK);
        }
    }
}

static ch_subscription *random_one(uint64_t seed)
{
    ch_random_seeded seeds;
    ch_subscription *made = new_one();
    ch_random_seeded_init(&seeds, seed);
    snprintf(made->owner, sizeof made->owner, "owner-%llu", (unsigned long long)seed);
    choose_patterns(made, &seeds);
    made->involved = below(&seeds, 2) == 1;
    made->test_mode = (ch_test_mode)below(&seeds, 3);
    made->ack_timeout_ms = (int64_t)below(&seeds, INT64_MAX);
    made->deliveries_most = (int64_t)below(&seeds, INT64_MAX);
    made->epoch = (uint32_t)below(&seeds, (uint64_t)UINT32_MAX + 1);
    choose_events(made, &seeds);
    return made;
}

static void encode(ch_buf *out, const ch_subscription *from)
{
    ch_buf_init(out, SIZE_LIMIT);
    ch_subscription_encode(out, from);
    assert_status(out->failed, CH_OK);
}

/* Everything but who listens and when: that is not kept. */
static void assert_kept(const ch_subscription *got, const ch_subscription *given)
{
    assert_string_equal(got->owner, given->owner);
    assert_int_equal(got->pattern_count, given->pattern_count);
    for (size_t i = 0; i < given->pattern_count; i++) {
        assert_string_equal(got->patterns[i], given->patterns[i]);
    }
    assert_int_equal(got->involved, given->involved);
    assert_int_equal(got->test_mode, given->test_mode);
    assert_int_equal(got->ack_timeout_ms, given->ack_timeout_ms);
    assert_int_equal(got->deliveries_most, given->deliveries_most);
    assert_int_equal(got->epoch, given->epoch);
    assert_int_equal(got->next, given->next);
    assert_int_equal(got->pending_count, given->pending_count);
    for (size_t i = 0; i < given->pending_count; i++) {
        assert_int_equal(got->pending[i].sequence, given->pending[i].sequence);
        assert_int_equal(got->pending[i].case_number, given->pending[i].case_number);
        assert_int_equal(got->pending[i].attempts, given->pending[i].attempts);
        assert_int_equal(got->pending[i].offers, given->pending[i].offers);
        assert_false(got->pending[i].out);
    }
    assert_int_equal(got->held_count, given->held_count);
    for (size_t i = 0; i < given->held_count; i++) {
        assert_int_equal(got->held[i].case_number, given->held[i].case_number);
        assert_int_equal(got->held[i].skipped_from, given->held[i].skipped_from);
        assert_int_equal(got->held[i].not_before_ms, 0);
    }
    assert_int_equal(ch_subscription_floor(got), ch_subscription_floor(given));
}

static void every_truncation_is_corrupt(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS / 10; seed++) {
        ch_buf bytes;
        ch_subscription *made = random_one(seed);
        encode(&bytes, made);
        for (size_t size = 0; size < bytes.size; size++) {
            ch_subscription *got = new_one();
            assert_status(ch_subscription_decode((ch_str){(const char *)bytes.at, size}, got), CH_CORRUPT);
            ch_subscription_free(got);
        }
        ch_buf_done(&bytes);
        ch_subscription_free(made);
    }
}

static void bytes_behind_the_end_are_corrupt(void **state)
{
    (void)state;
    ch_buf bytes;
    ch_subscription *made = random_one(1), *got = new_one();
    encode(&bytes, made);
    ch_buf_append(&bytes, "\0", 1);
    assert_status(ch_subscription_decode(ch_buf_str(&bytes), got), CH_CORRUPT);
    ch_buf_done(&bytes);
    ch_subscription_free(made);
    ch_subscription_free(got);
}

/* Whatever a damaged byte makes of it, it is told or it is a subscription within its limits. */
static void a_damaged_byte_breaks_nothing(void **state)
{
    (void)state;
    ch_random_seeded seeds;
    ch_random_seeded_init(&seeds, 99);
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        ch_buf bytes;
        ch_subscription *made = random_one(seed), *got = new_one();
        encode(&bytes, made);
        bytes.at[below(&seeds, bytes.size)] = (uint8_t)below(&seeds, 256);
        if (ch_subscription_decode(ch_buf_str(&bytes), got) == CH_OK) {
            assert_true(got->pending_count <= CH_PENDING_MOST && got->held_count <= CH_HELD_MOST);
            for (size_t i = 1; i < got->pending_count; i++) {
                assert_true(got->pending[i - 1].sequence < got->pending[i].sequence);
            }
        }
        ch_buf_done(&bytes);
        ch_subscription_free(made);
        ch_subscription_free(got);
    }
}

static ch_subscription *with_held_cases(uint64_t count)
{
    ch_subscription *made = new_one();
    made->next = 1;
    for (uint64_t i = 1; i <= count; i++) {
        const ch_pending event = {.sequence = made->next++, .case_number = i, .out = true};
        assert_status(ch_subscription_sent(made, &event), CH_OK);
        assert_status(ch_subscription_nak(made, i, 0), CH_OK);
    }
    return made;
}

static void the_same_event_twice_is_corrupt(void **state)
{
    (void)state;
    ch_buf bytes;
    ch_subscription *made = with_held_cases(2), *got = new_one();
    made->pending[1].sequence = made->pending[0].sequence;
    encode(&bytes, made);
    assert_status(ch_subscription_decode(ch_buf_str(&bytes), got), CH_CORRUPT);
    ch_buf_done(&bytes);
    ch_subscription_free(made);
    ch_subscription_free(got);
}

/* The operator has lowered the limit since: the subscription waits until there is room, but the hub starts. */
static void more_held_cases_than_may_be_by_now_are_kept(void **state)
{
    (void)state;
    ch_buf bytes;
    ch_subscription *made = with_held_cases(3), *got = new_one();
    encode(&bytes, made);
    got->held_most = 2;
    assert_status(ch_subscription_decode(ch_buf_str(&bytes), got), CH_OK);
    assert_kept(got, made);
    assert_true(ch_subscription_is_paused(got));
    ch_buf_done(&bytes);
    ch_subscription_free(made);
    ch_subscription_free(got);
}

static void what_is_kept_is_what_was_written(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        ch_buf bytes;
        ch_subscription *made = random_one(seed), *got = new_one();
        encode(&bytes, made);
        assert_status(ch_subscription_decode(ch_buf_str(&bytes), got), CH_OK);
        assert_kept(got, made);
        assert_true(got->durable);
        assert_false(got->changed);
        ch_buf_done(&bytes);
        ch_subscription_free(made);
        ch_subscription_free(got);
    }
}

static void everything_under_way_comes_again_after_a_restart(void **state)
{
    (void)state;
    ch_buf bytes;
    uint64_t drained;
    ch_subscription *made = random_one(3), *got = new_one();
    encode(&bytes, made);
    assert_status(ch_subscription_decode(ch_buf_str(&bytes), got), CH_OK);
    ch_pending *event;
    size_t came = 0, rounds = 0;
    while (rounds++ < 1000) {
        event = ch_subscription_next_waiting(got, 0, &drained);
        if (event != NULL) {
            ch_pending gone;
            ch_subscription_sent_again(got, event, 0);
            assert_status(ch_subscription_ack(got, event->sequence, &gone), CH_OK);
            came++;
        } else if (drained != 0) {
            ch_subscription_release(got, drained);
        } else {
            break;
        }
    }
    assert_int_equal(came, made->pending_count);
    assert_int_equal(got->pending_count + got->held_count, 0);
    ch_buf_done(&bytes);
    ch_subscription_free(made);
    ch_subscription_free(got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_truncation_is_corrupt),
        cmocka_unit_test(bytes_behind_the_end_are_corrupt),
        cmocka_unit_test(a_damaged_byte_breaks_nothing),
        cmocka_unit_test(the_same_event_twice_is_corrupt),
        cmocka_unit_test(more_held_cases_than_may_be_by_now_are_kept),
        cmocka_unit_test(what_is_kept_is_what_was_written),
        cmocka_unit_test(everything_under_way_comes_again_after_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
