/* The ring of unanswered events. */
#include "tests/unit/client/peer.h"

#include "hub/base/random.h"
#include "hub/client/window.h"

#include <stdlib.h>

#define LIMIT 10

static ch_window window;

static int start(void **context)
{
    (void)context;
    return ch_window_init(&window, LIMIT) == CH_OK ? 0 : -1;
}

static int stop(void **context)
{
    (void)context;
    ch_window_done(&window);
    return 0;
}

static ch_status add(const char *event, uint64_t token)
{
    return ch_window_add(&window, ch_str_of(event), token);
}

static void assert_pending(const char *expected, uint32_t count_most, size_t bytes_most)
{
    char text[256];
    ch_window_batch batch = ch_window_pending(&window, count_most, bytes_most, LIMIT);
    assert_int_equal(batch.size_bytes, strlen(expected));
    ch_window_copy(&window, &batch, (uint8_t *)text);
    assert_memory_equal(text, expected, batch.size_bytes);
}

static void send_next(uint64_t request, uint32_t count)
{
    ch_window_batch batch = ch_window_pending(&window, count, 1000, LIMIT);
    assert_int_equal(batch.count, count);
    ch_window_sent(&window, &batch, request);
}

static void a_full_window_refuses(void **context)
{
    (void)context;
    for (unsigned i = 0; i < LIMIT; i++) {
        assert_int_equal(add("x", i), CH_OK);
    }
    assert_int_equal(add("x", 99), CH_FULL);
    assert_pending("xxxxxxxxxx", 100, 1000);
}

static void an_answer_to_an_unknown_request_or_place_is_told(void **context)
{
    (void)context;
    ch_window_request request;
    uint64_t token;
    assert_false(ch_window_take_request(&window, 7, &request));
    assert_false(ch_window_answer(&window, 0, &token));
    assert_int_equal(add("a", 5), CH_OK);
    send_next(7, 1);
    assert_true(ch_window_take_request(&window, 7, &request));
    assert_false(ch_window_take_request(&window, 7, &request));
    assert_true(ch_window_answer(&window, request.first, &token));
    assert_int_equal(token, 5);
    assert_false(ch_window_answer(&window, request.first, &token));
    assert_true(ch_window_is_empty(&window));
}

static void batches_keep_to_count_bytes_and_what_may_be_in_flight(void **context)
{
    (void)context;
    assert_int_equal(add("aa", 0), CH_OK);
    assert_int_equal(add("bbb", 1), CH_OK);
    assert_int_equal(add("c", 2), CH_OK);
    assert_pending("aabbb", 2, 1000);
    assert_pending("aabbb", 9, 5);
    assert_pending("aa", 9, 1); /* the first goes alone, however large */
    assert_int_equal(ch_window_pending(&window, 9, 1000, 2).count, 2);
    send_next(1, 2);
    assert_int_equal(ch_window_pending(&window, 9, 1000, 2).count, 0);
    assert_pending("c", 9, 1000);
}

static void a_rewind_sends_again_from_there_in_order(void **context)
{
    (void)context;
    ch_window_request request;
    uint64_t token;
    const char *const events[] = {"a", "b", "c", "d", "e"};
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(add(events[i], i), CH_OK);
    }
    send_next(1, 2);
    send_next(2, 2);
    assert_true(ch_window_take_request(&window, 1, &request));
    assert_true(ch_window_answer(&window, request.first, &token));
    ch_window_rewind(&window, request.first + 1);
    assert_false(ch_window_take_request(&window, 2, &request)); /* forgotten */
    assert_pending("bcde", 9, 1000);
}

static void answers_out_of_order_free_in_order(void **context)
{
    (void)context;
    ch_window_request request;
    uint64_t token;
    assert_int_equal(add("a", 0), CH_OK);
    assert_int_equal(add("b", 1), CH_OK);
    assert_int_equal(add("c", 2), CH_OK);
    send_next(1, 1);
    send_next(2, 1);
    assert_true(ch_window_take_request(&window, 2, &request));
    assert_true(ch_window_answer(&window, request.first, &token));
    assert_int_equal(window.head, 0);
    ch_window_rewind(&window, 0);
    assert_pending("a", 9, 1000); /* b is answered, and c goes by itself */
    send_next(3, 1);
    assert_pending("c", 9, 1000);
    assert_true(ch_window_take_request(&window, 3, &request));
    assert_true(ch_window_answer(&window, request.first, &token));
    assert_int_equal(window.head, 2);
}

/* Against a plain list: a thousand random steps, sizes such that the byte ring wraps and grows. */
static void bytes_survive_wrapping_and_growing(void **context)
{
    (void)context;
    static uint8_t event[20000], out[LIMIT * sizeof event];
    ch_random_seeded seeded;
    ch_window_request request;
    uint64_t token, added = 0, answered = 0;
    ch_random_seeded_init(&seeded, 42);
    for (unsigned step = 0; step < 2000; step++) {
        size_t size = 1 + (size_t)((added * 7919) % (step < 1000 ? 9000 : sizeof event));
        memset(event, (int)(added & 0xff), size);
        if (ch_random_below(&seeded, 2) == 0 && added - answered < LIMIT) {
            assert_int_equal(ch_window_add(&window, (ch_str){(char *)event, size}, added++), CH_OK);
            continue;
        }
        ch_window_batch batch = ch_window_pending(&window, 3, sizeof out, LIMIT);
        if (batch.count == 0) {
            continue;
        }
        ch_window_copy(&window, &batch, out);
        assert_int_equal(out[0], batch.first & 0xff);
        assert_int_equal(out[batch.size_bytes - 1], (batch.first + batch.count - 1) & 0xff);
        ch_window_sent(&window, &batch, step + 1);
        assert_true(ch_window_take_request(&window, step + 1, &request));
        for (uint32_t i = 0; i < request.count; i++) {
            assert_true(ch_window_answer(&window, request.first + i, &token));
            assert_int_equal(token, answered++);
        }
    }
    assert_true(answered > 500);
}

#define WITH_WINDOW(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WINDOW(a_full_window_refuses),
        WITH_WINDOW(an_answer_to_an_unknown_request_or_place_is_told),
        WITH_WINDOW(batches_keep_to_count_bytes_and_what_may_be_in_flight),
        WITH_WINDOW(a_rewind_sends_again_from_there_in_order),
        WITH_WINDOW(answers_out_of_order_free_in_order),
        WITH_WINDOW(bytes_survive_wrapping_and_growing),
    };
    return cmocka_run_group_tests_name("window", tests, NULL, NULL);
}
