#include "tests/unit/check.h"

#include "hub/base/random.h"

#include <string.h>

static void one_seed_gives_one_series(void **state)
{
    (void)state;
    uint8_t a[37], b[37], c[37];
    ch_random_seeded seeded;
    ch_random_seeded_init(&seeded, 42);
    assert_status(seeded.random.fill(seeded.random.context, a, sizeof a), CH_OK);
    ch_random_seeded_init(&seeded, 42);
    assert_status(seeded.random.fill(seeded.random.context, b, sizeof b), CH_OK);
    ch_random_seeded_init(&seeded, 43);
    assert_status(seeded.random.fill(seeded.random.context, c, sizeof c), CH_OK);
    assert_memory_equal(a, b, sizeof a);
    assert_memory_not_equal(a, c, sizeof a);
}

static void fills_exactly_what_it_is_given(void **state)
{
    (void)state;
    ch_random_seeded seeded;
    ch_random_seeded_init(&seeded, 1);
    for (size_t size = 0; size < 20; size++) {
        uint8_t out[21];
        memset(out, 0x5a, sizeof out);
        assert_status(seeded.random.fill(seeded.random.context, out, size), CH_OK);
        assert_int_equal(out[size], 0x5a);
    }
    uint8_t zero[32] = {0}, out[33] = {[32] = 0x5a};
    const ch_random *real = ch_random_real();
    assert_status(real->fill(real->context, out, 32), CH_OK);
    assert_memory_not_equal(out, zero, 32);
    assert_int_equal(out[32], 0x5a);
    assert_status(real->fill(real->context, out, 0), CH_OK);
}

static void stays_below_its_bound_and_reaches_everything_there(void **state)
{
    (void)state;
    ch_random_seeded seeded;
    ch_random_seeded_init(&seeded, 7);
    unsigned seen = 0;
    for (int i = 0; i < 1000; i++) {
        uint64_t value = ch_random_below(&seeded, 5);
        assert_true(value < 5);
        seen |= 1u << value;
    }
    assert_int_equal(seen, 0x1f);
    assert_true(ch_random_below(&seeded, 1) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_seed_gives_one_series),
        cmocka_unit_test(fills_exactly_what_it_is_given),
        cmocka_unit_test(stays_below_its_bound_and_reaches_everything_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
