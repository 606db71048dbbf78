/* The set of sequences under way. */
#include "tests/unit/client/peer.h"

#include "hub/base/random.h"
#include "hub/client/under_way.h"

#define CAPACITY 16

static ch_under_way set;

static int start(void **context)
{
    (void)context;
    return ch_under_way_init(&set, CAPACITY) == CH_OK ? 0 : -1;
}

static int stop(void **context)
{
    (void)context;
    ch_under_way_done(&set);
    return 0;
}

static void what_is_not_in_it_cannot_be_removed(void **context)
{
    (void)context;
    assert_false(ch_under_way_remove(&set, 7));
    assert_int_equal(ch_under_way_remove_upto(&set, 7), 0);
    assert_int_equal(ch_under_way_lowest(&set), 0);
    assert_int_equal(ch_under_way_add(&set, 7), CH_OK);
    assert_false(ch_under_way_remove(&set, 6));
    assert_false(ch_under_way_remove(&set, 8));
    assert_int_equal(ch_under_way_remove_upto(&set, 6), 0);
}

static void beyond_its_capacity_it_is_full(void **context)
{
    (void)context;
    for (uint64_t i = 1; i <= CAPACITY; i++) {
        assert_int_equal(ch_under_way_add(&set, i), CH_OK);
    }
    assert_int_equal(ch_under_way_add(&set, 3), CH_OK); /* is in it already */
    assert_int_equal(ch_under_way_add(&set, 99), CH_FULL);
    assert_true(ch_under_way_remove(&set, 1));
    assert_int_equal(ch_under_way_add(&set, 99), CH_OK);
}

/* Against a table of flags. */
static void it_agrees_with_a_table(void **context)
{
    (void)context;
    bool in[100] = {false};
    size_t count = 0;
    ch_random_seeded seeded;
    ch_random_seeded_init(&seeded, 7);
    for (int step = 0; step < 5000; step++) {
        uint64_t sequence = 1 + ch_random_below(&seeded, 99);
        if (ch_random_below(&seeded, 2) == 0) {
            bool room = in[sequence] || count < CAPACITY;
            assert_int_equal(ch_under_way_add(&set, sequence), room ? CH_OK : CH_FULL);
            count += room && !in[sequence];
            in[sequence] |= room;
        } else {
            assert_int_equal(ch_under_way_remove(&set, sequence), in[sequence]);
            count -= in[sequence];
            in[sequence] = false;
        }
        uint64_t lowest = 1;
        while (lowest < 100 && !in[lowest]) {
            lowest++;
        }
        assert_int_equal(ch_under_way_lowest(&set), lowest == 100 ? 0 : lowest);
        assert_int_equal(set.count, count);
    }
}

static void everything_up_to_one_goes_at_once(void **context)
{
    (void)context;
    for (uint64_t i = 2; i <= 20; i += 2) {
        assert_int_equal(ch_under_way_add(&set, i), CH_OK);
    }
    assert_int_equal(ch_under_way_remove_upto(&set, 9), 4);
    assert_int_equal(ch_under_way_lowest(&set), 10);
    assert_int_equal(ch_under_way_remove_upto(&set, UINT64_MAX), 6);
    assert_int_equal(set.count, 0);
}

#define WITH_SET(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SET(what_is_not_in_it_cannot_be_removed),
        WITH_SET(beyond_its_capacity_it_is_full),
        WITH_SET(it_agrees_with_a_table),
        WITH_SET(everything_up_to_one_goes_at_once),
    };
    return cmocka_run_group_tests_name("under_way", tests, NULL, NULL);
}
