#include "tests/unit/check.h"

#include "hub/base/arena.h"

static void hands_out_nothing_beyond_its_limit(void **state)
{
    (void)state;
    ch_arena arena;
    ch_arena_init(&arena, 64);
    assert_false(ch_arena_may_take(&arena, 65));
    assert_false(ch_arena_may_take(&arena, SIZE_MAX));
    assert_true(ch_arena_may_take(&arena, 64));
    assert_null(ch_arena_alloc(&arena, 65));
    assert_null(ch_arena_alloc(&arena, SIZE_MAX));
    assert_non_null(ch_arena_alloc(&arena, 33));
    assert_false(ch_arena_may_take(&arena, 17)); /* 48 are taken */
    assert_true(ch_arena_may_take(&arena, 16));
    assert_null(ch_arena_alloc(&arena, 17));
    assert_non_null(ch_arena_alloc(&arena, 16));
    assert_null(ch_arena_alloc(&arena, 1));
    assert_int_equal(arena.total, 64);
    ch_arena_done(&arena);
}

static void sizes_that_wrap_when_rounded_are_refused(void **state)
{
    (void)state;
    ch_arena arena;
    ch_arena_init(&arena, SIZE_MAX);
    assert_null(ch_arena_alloc(&arena, SIZE_MAX));
    assert_null(ch_arena_alloc(&arena, SIZE_MAX - 14));
    assert_null(ch_arena_alloc(&arena, SIZE_MAX - 15));
    assert_null(ch_arena_str(&arena, (ch_str){"", SIZE_MAX}).at);
    ch_arena_done(&arena);
}

/* What a caller could otherwise grow without end, a byte at a time. */
static void a_small_piece_counts_as_what_it_takes(void **state)
{
    (void)state;
    ch_arena arena;
    ch_arena_init(&arena, 160);
    for (int i = 0; i < 10; i++) {
        assert_non_null(ch_arena_alloc(&arena, 1));
    }
    assert_null(ch_arena_alloc(&arena, 1));
    ch_arena_done(&arena);
}

static void keeps_no_more_than_its_limit_over_rounds_of_other_sizes(void **state)
{
    (void)state;
    ch_arena arena;
    ch_arena_init(&arena, 1 << 20);
    for (size_t size = 16 * 1024; size < 512 * 1024; size += 4096) {
        assert_non_null(ch_arena_alloc(&arena, size));
        ch_arena_reset(&arena);
        assert_true(arena.held <= arena.limit);
    }
    ch_arena_done(&arena);
}

static void addresses_stay_and_pieces_are_aligned_and_zero(void **state)
{
    (void)state;
    ch_arena arena;
    ch_arena_init(&arena, 1 << 20);
    for (int round = 0; round < 2; round++) {
        uint8_t *pieces[300];
        for (size_t i = 0; i < 300; i++) {
            pieces[i] = ch_arena_alloc(&arena, i + 1);
            assert_non_null(pieces[i]);
            assert_int_equal((uintptr_t)pieces[i] % 16, 0);
            for (size_t k = 0; k <= i; k++) {
                assert_int_equal(pieces[i][k], 0);
            }
            memset(pieces[i], (int)i, i + 1);
        }
        for (size_t i = 0; i < 300; i++) {
            assert_int_equal(pieces[i][i], i & 0xff);
        }
        ch_arena_reset(&arena);
    }
    ch_arena_done(&arena);
}

static void a_reset_arena_uses_its_blocks_again(void **state)
{
    (void)state;
    ch_arena arena;
    ch_arena_init(&arena, 1 << 20);
    void *first = ch_arena_alloc(&arena, 100);
    size_t held = arena.held;
    for (int i = 0; i < 1000; i++) {
        ch_arena_reset(&arena);
        assert_ptr_equal(ch_arena_alloc(&arena, 100), first);
    }
    assert_int_equal(arena.held, held);
    ch_arena_done(&arena);
    assert_int_equal(arena.held, 0);
}

static void a_copied_slice_ends_with_a_zero(void **state)
{
    (void)state;
    ch_arena arena;
    ch_arena_init(&arena, 64);
    assert_null(ch_arena_str(&arena, CH_STR_NONE).at);
    ch_str empty = ch_arena_str(&arena, CH_STR(""));
    assert_non_null(empty.at);
    assert_int_equal(empty.size, 0);
    ch_str copy = ch_arena_str(&arena, (ch_str){"abcdef", 3});
    assert_string_equal(copy.at, "abc");
    assert_int_equal(copy.size, 3);
    assert_null(ch_arena_str(&arena, CH_STR("0123456789012345678901234567890123456789")).at);
    ch_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hands_out_nothing_beyond_its_limit),
        cmocka_unit_test(sizes_that_wrap_when_rounded_are_refused),
        cmocka_unit_test(a_small_piece_counts_as_what_it_takes),
        cmocka_unit_test(keeps_no_more_than_its_limit_over_rounds_of_other_sizes),
        cmocka_unit_test(addresses_stay_and_pieces_are_aligned_and_zero),
        cmocka_unit_test(a_reset_arena_uses_its_blocks_again),
        cmocka_unit_test(a_copied_slice_ends_with_a_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
