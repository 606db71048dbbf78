/* The writer when its batches are committed on a thread of their own, on a disk that refuses one of them. */
#include "tests/simulation/disk.h"
#include "tests/simulation/writer_alone.h"
#include "tests/unit/check.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>

#define LONG_ENOUGH_MS 200 /* for a commit of the state, and for the next try */

static int setup(void **state)
{
    static machine of;
    writer_set_up(&of, true);
    *state = &of;
    return 0;
}

static void publish(machine *of, const char *id)
{
    ch_work *work;
    const ch_event event = {.id = ch_str_of(id),
                            .source = CH_STR("hub/test"),
                            .type = CH_STR("hub.alert"),
                            .time_ms = of->wall_ms,
                            .expected_version = -1};
    assert_ok(ch_work_of_hub(&work, &event, &of->error), &of->error);
    machine_give(of, of->hub->reader_to_writer, work);
}

/* Until the log has come that far, or the process has ended itself. */
static void run_until(machine *of, uint64_t sequence)
{
    while (!of->dead && atomic_load(&of->hub->log_position) < sequence) {
        machine_round(of);
        sched_yield();
    }
    assert_false(of->dead);
}

static void a_commit_of_the_state_outlives_a_batch_that_found_no_room(void **state)
{
    machine *of = *state;
    publish(of, "1");
    run_until(of, 1);
    of->monotonic_ms += LONG_ENOUGH_MS;
    machine_round(of);
    assert_int_equal(ch_state_committed(of->hub->store->state), 1);
    publish(of, "2");
    run_until(of, 2);
    /* The third is on its way when the state, which has the second, is to be committed. */
    disk_fail_later(DISK_WRITE, 1, ENOSPC);
    publish(of, "3");
    of->monotonic_ms += LONG_ENOUGH_MS;
    machine_round(of);
    assert_int_equal(disk_faults(), 1);
    assert_int_equal(ch_state_committed(of->hub->store->state), 2); /* the log has it */
    of->monotonic_ms += LONG_ENOUGH_MS;
    run_until(of, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_commit_of_the_state_outlives_a_batch_that_found_no_room, setup,
                                        writer_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
