/* The writer round by round: whose turn it is, and what it tries again by itself. */
#include "tests/simulation/disk.h"
#include "tests/simulation/writer_alone.h"
#include "tests/unit/check.h"

#include <stdio.h>

#define LONG_ENOUGH_MS 200 /* for a commit of the state */
#define OWN 600            /* of the hub's own, at the same time */
#define CLIENTS 300        /* of clients */

static int setup(void **state)
{
    static machine of;
    writer_set_up(&of, false);
    *state = &of;
    return 0;
}

static void give(machine *of, ch_pipe *pipe, const char *name, unsigned number, ch_session_id session)
{
    char id[32];
    ch_work *work;
    snprintf(id, sizeof id, "%s-%u", name, number);
    const ch_event event = {.id = ch_str_of(id),
                            .source = CH_STR("hub/test"),
                            .type = CH_STR("hub.alert"),
                            .time_ms = of->wall_ms,
                            .expected_version = -1};
    assert_ok(ch_work_of_hub(&work, &event, &of->error), &of->error);
    work->session = session;
    machine_give(of, pipe, work);
}

/* Sequence of the `count`-th event whose id begins so. */
static uint64_t place_of(machine *of, const char *name, unsigned count)
{
    ch_log_reader *log;
    ch_record record;
    ch_event event;
    uint64_t found = 0;
    assert_ok(ch_log_reader_open(&log, of->hub->store->log, &of->error), &of->error);
    ch_status status = ch_log_reader_seek(log, 1, &record, &of->error);
    for (; status == CH_OK && found == 0; status = ch_log_reader_next(log, &record, &of->error)) {
        assert_int_equal(ch_record_event(&record, &event), CH_OK);
        if (ch_str_starts(event.id, ch_str_of(name)) && --count == 0) {
            found = record.sequence;
        }
    }
    ch_log_reader_close(log);
    return found;
}

/* A round ends with a batch, at the latest. */
static void take_all(machine *of, uint64_t records)
{
    for (uint64_t i = 0; i < records && atomic_load(&of->hub->log_position) < records; i++) {
        machine_round(of);
    }
    assert_int_equal(atomic_load(&of->hub->log_position), records);
}

static void what_the_hub_itself_has_to_say_does_not_wait_for_all_clients(void **state)
{
    machine *of = *state;
    for (unsigned i = 0; i < CLIENTS; i++) {
        give(of, of->hub->front_to_writer, "client", i, 0);
    }
    give(of, of->hub->reader_to_writer, "own", 0, 0);
    take_all(of, CLIENTS + 1);
    assert_int_equal(place_of(of, "own", 1), 1);
}

static void clients_do_not_wait_for_all_that_the_hub_itself_has_to_say(void **state)
{
    machine *of = *state;
    for (unsigned i = 0; i < OWN; i++) {
        give(of, of->hub->reader_to_writer, "own", i, 0);
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        give(of, of->hub->front_to_writer, "client", i, 0);
    }
    take_all(of, CLIENTS + OWN);
    uint64_t first = place_of(of, "client", 1), tenth = place_of(of, "client", 10);
    assert_true(first < OWN / 2);
    assert_true(tenth < first + 20); /* from then on in turn */
}

/* With nothing to do but what it owes to itself. */
static void pass_time(machine *of)
{
    of->monotonic_ms += LONG_ENOUGH_MS;
    machine_round(of);
    assert_false(of->dead);
}

static void a_state_that_could_not_be_committed_is_committed_later_though_no_work_comes(void **state)
{
    machine *of = *state;
    give(of, of->hub->reader_to_writer, "own", 0, 0);
    machine_round(of);
    disk_fill(true);
    for (unsigned i = 0; i < 3; i++) {
        pass_time(of);
        assert_int_equal(ch_state_committed(of->hub->store->state), 0);
    }
    disk_heal();
    pass_time(of);
    assert_int_equal(ch_state_committed(of->hub->store->state), 1);
}

static void what_a_failed_batch_took_back_with_it_is_committed_though_no_work_comes(void **state)
{
    machine *of = *state;
    give(of, of->hub->reader_to_writer, "own", 0, 0);
    machine_round(of);
    disk_fill(true);
    give(of, of->hub->front_to_writer, "client", 0, 1); /* it is answered, and does not come again */
    machine_round(of);
    assert_int_equal(ch_state_committed(of->hub->store->state), 0);
    disk_heal();
    machine_forget_answers(of);
    pass_time(of);
    assert_true(ch_state_committed(of->hub->store->state) >= 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, writer_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_the_hub_itself_has_to_say_does_not_wait_for_all_clients),
        TEST(clients_do_not_wait_for_all_that_the_hub_itself_has_to_say),
        TEST(a_state_that_could_not_be_committed_is_committed_later_though_no_work_comes),
        TEST(what_a_failed_batch_took_back_with_it_is_committed_though_no_work_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
