#include "tests/unit/check.h"

#include "hub/net/pipe.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>

#define ITEMS 1000000
#define TURNS 20000

/* Items are numbers; none is NULL. */
static void *item(size_t number)
{
    return (void *)(uintptr_t)(number + 1);
}

static ch_pipe *make(size_t capacity)
{
    ch_pipe *pipe = NULL;
    assert_status(ch_pipe_new(&pipe, capacity), CH_OK);
    return pipe;
}

static bool rings(const ch_pipe *pipe)
{
    struct pollfd bell = {.fd = ch_pipe_fd(pipe), .events = POLLIN};
    return poll(&bell, 1, 0) == 1;
}

static void refuses_a_capacity_that_is_no_power_of_two_or_out_of_range(void **state)
{
    (void)state;
    static const size_t bad[] = {0, 1, 3, 6, 100, 65535, 65537, 131072, SIZE_MAX};
    ch_pipe *pipe = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_status(ch_pipe_new(&pipe, bad[i]), CH_INVALID);
        assert_null(pipe);
    }
}

static void a_full_pipe_refuses_and_keeps_what_it_has(void **state)
{
    (void)state;
    static const size_t capacities[] = {2, 4, 65536};
    for (size_t i = 0; i < sizeof capacities / sizeof *capacities; i++) {
        ch_pipe *pipe = make(capacities[i]);
        for (size_t k = 0; k < capacities[i]; k++) {
            assert_status(ch_pipe_push(pipe, item(k)), CH_OK);
        }
        assert_status(ch_pipe_push(pipe, item(capacities[i])), CH_FULL);
        assert_int_equal(ch_pipe_count(pipe), capacities[i]);
        for (size_t k = 0; k < capacities[i]; k++) {
            assert_ptr_equal(ch_pipe_pop(pipe), item(k));
        }
        assert_null(ch_pipe_pop(pipe));
        assert_int_equal(ch_pipe_count(pipe), 0);
        ch_pipe_free(pipe);
    }
}

static void goes_around_its_ring_in_order(void **state)
{
    (void)state;
    ch_pipe *pipe = make(4);
    for (size_t k = 0; k < 1000; k++) {
        assert_status(ch_pipe_push(pipe, item(2 * k)), CH_OK);
        assert_status(ch_pipe_push(pipe, item(2 * k + 1)), CH_OK);
        assert_int_equal(ch_pipe_count(pipe), 2);
        assert_ptr_equal(ch_pipe_pop(pipe), item(2 * k));
        assert_ptr_equal(ch_pipe_pop(pipe), item(2 * k + 1));
    }
    ch_pipe_free(pipe);
}

static void a_push_alone_does_not_ring(void **state)
{
    (void)state;
    ch_pipe *pipe = make(4);
    assert_status(ch_pipe_push(pipe, item(0)), CH_OK);
    assert_false(rings(pipe));
    ch_pipe_ring(pipe);
    assert_true(rings(pipe));
    assert_ptr_equal(ch_pipe_pop(pipe), item(0));
    ch_pipe_free(pipe);
}

static void rings_until_silenced_and_again_after_it(void **state)
{
    (void)state;
    ch_pipe *pipe = make(4);
    ch_pipe_silence(pipe);
    assert_false(rings(pipe));
    ch_pipe_ring(pipe);
    assert_true(rings(pipe));
    assert_null(ch_pipe_pop(pipe));
    assert_true(rings(pipe));
    ch_pipe_silence(pipe);
    assert_false(rings(pipe));
    ch_pipe_ring(pipe);
    ch_pipe_ring(pipe);
    assert_true(rings(pipe));
    ch_pipe_silence(pipe);
    assert_false(rings(pipe));
    ch_pipe_free(pipe);
}

static void rings_for_a_consumer_that_polls_before_it_ever_silenced(void **state)
{
    (void)state;
    ch_pipe *pipe = make(2);
    ch_pipe_ring(pipe);
    assert_true(rings(pipe));
    ch_pipe_free(pipe);
}

/* Sleeps until something came. No time-out: a lost wake-up is a test that hangs. */
static void *wait_for_item(ch_pipe *pipe)
{
    for (;;) {
        ch_pipe_silence(pipe);
        void *got = ch_pipe_pop(pipe);
        if (got != NULL) {
            return got;
        }
        struct pollfd bell = {.fd = ch_pipe_fd(pipe), .events = POLLIN};
        assert_int_equal(poll(&bell, 1, -1), 1);
    }
}

/* Each item is memory that one thread wrote and the other reads and changes: the sanitizer sees whether the pipe
 * orders the two. */
typedef struct load {
    ch_pipe *there, *back;
    size_t numbers[64];
} load;

static void *produce(void *context)
{
    load *l = context;
    for (size_t k = 0; k < ITEMS; k++) {
        size_t *number = &l->numbers[k % 64];
        if (k >= 64) {
            /* The slot is free again once its item has come back. */
            void *freed;
            while ((freed = ch_pipe_pop(l->back)) == NULL) {
                ch_pipe_ring(l->there);
                sched_yield();
            }
            number = freed;
        }
        *number = k;
        while (ch_pipe_push(l->there, number) != CH_OK) {
            ch_pipe_ring(l->there);
            sched_yield();
        }
        if (k % 7 == 0 || k == ITEMS - 1) {
            ch_pipe_ring(l->there);
        }
    }
    return NULL;
}

static void passes_a_million_items_between_two_threads_in_order(void **state)
{
    (void)state;
    load l = {.there = make(16), .back = make(64)};
    pthread_t producer;
    assert_int_equal(pthread_create(&producer, NULL, produce, &l), 0);
    size_t expected = 0;
    while (expected < ITEMS) {
        size_t *number = wait_for_item(l.there);
        do {
            assert_int_equal(*number, expected);
            *number = SIZE_MAX;
            expected++;
            assert_status(ch_pipe_push(l.back, number), CH_OK);
        } while ((number = ch_pipe_pop(l.there)) != NULL);
    }
    assert_int_equal(pthread_join(producer, NULL), 0);
    while (ch_pipe_pop(l.back) != NULL) {
    }
    ch_pipe_free(l.there);
    ch_pipe_free(l.back);
}

static void *echo(void *context)
{
    load *l = context;
    for (size_t k = 0; k < TURNS; k++) {
        size_t *number = wait_for_item(l->there);
        ++*number;
        if (ch_pipe_push(l->back, number) != CH_OK) {
            return l;
        }
        ch_pipe_ring(l->back);
    }
    return NULL;
}

/* Both sides fall asleep at every turn: each wake-up that gets lost ends the game. */
static void no_wake_up_is_lost_when_both_sides_sleep_at_every_turn(void **state)
{
    (void)state;
    load l = {.there = make(2), .back = make(2)};
    pthread_t other;
    void *failed;
    assert_int_equal(pthread_create(&other, NULL, echo, &l), 0);
    for (size_t k = 0; k < TURNS; k++) {
        l.numbers[0] = k;
        assert_status(ch_pipe_push(l.there, l.numbers), CH_OK);
        ch_pipe_ring(l.there);
        size_t *number = wait_for_item(l.back);
        assert_int_equal(*number, k + 1);
    }
    assert_int_equal(pthread_join(other, &failed), 0);
    assert_null(failed);
    ch_pipe_free(l.there);
    ch_pipe_free(l.back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_a_capacity_that_is_no_power_of_two_or_out_of_range),
        cmocka_unit_test(a_full_pipe_refuses_and_keeps_what_it_has),
        cmocka_unit_test(goes_around_its_ring_in_order),
        cmocka_unit_test(a_push_alone_does_not_ring),
        cmocka_unit_test(rings_until_silenced_and_again_after_it),
        cmocka_unit_test(rings_for_a_consumer_that_polls_before_it_ever_silenced),
        cmocka_unit_test(passes_a_million_items_between_two_threads_in_order),
        cmocka_unit_test(no_wake_up_is_lost_when_both_sides_sleep_at_every_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
