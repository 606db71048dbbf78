/* After a long stop all that was promised meanwhile is due at once: it is caught up a portion at a time, while clients go on.
 * CASEHUB_LONG=1: ten times as many.
 */
#include "tests/simulation/machine.h"
#include "tests/unit/check.h"

#include "hub/base/diag.h"
#include "hub/config/rules_config.h"

#include <stdio.h>
#include <stdlib.h>

#define MAP ((size_t)4 << 30) /* address space, not memory */
#define USUAL 10000
#define LONG_FACTOR 10
#define AT_ONCE 512 /* given to the writer in one go; its pipe holds twice as many */
#define STOPPED_MS INT64_C(86400000)
#define LOOK_MS 250 /* so often the writer looks for what is due */
#define PORTION 256 /* and takes no more than this */
#define ROUNDS 4    /* that a portion takes */
#define LIVE 8      /* events of clients between two looks */
#define LIVE_MOST 8192

typedef struct backlog {
    machine machine;
    uint64_t position; /* of the log, as far as it was read */
    size_t offered, expired, given, heard;
    size_t before[LIVE_MOST]; /* by number of the client's event: how many had expired when it was sent */
    size_t late;              /* most that expired before one that was sent earlier */
} backlog;

static int setup(void **state)
{
    static backlog of;
    ch_rules *rules;
    ch_error error;
    ch_diag_setup("simulation", (ch_diag_level)(CH_DIAG_ERROR + 1));
    assert_ok(
        ch_rules_load(&rules, CASEHUB_SOURCE_DIR "/schemas", CASEHUB_SOURCE_DIR "/schemas/city", &error),
        &error);
    of = (backlog){.position = 0};
    machine_init(&of.machine, 1, rules);
    of.machine.map_bytes = MAP;
    of.machine.commit_events = 65536;
    assert_ok(machine_start(&of.machine), &of.machine.error);
    *state = &of;
    return 0;
}

static int teardown(void **state)
{
    backlog *of = *state;
    ch_rules *rules = of->machine.rules;
    machine_done(&of->machine);
    ch_rules_unref(rules);
    return 0;
}

static void give(backlog *of, const char *type, const char *name, size_t number, ch_str data)
{
    char id[32];
    ch_work *work;
    machine *on = &of->machine;
    snprintf(id, sizeof id, "%s-%zu", name, number);
    const ch_event event = {.id = ch_str_of(id),
                            .source = CH_STR("grid/1"),
                            .type = ch_str_of(type),
                            .time_ms = on->wall_ms,
                            .data = data,
                            .expected_version = -1};
    assert_ok(ch_work_of_hub(&work, &event, &on->error), &on->error);
    machine_give(on, on->hub->front_to_writer, work);
}

static void note(backlog *of, const ch_event *event)
{
    int64_t number;
    of->offered += ch_str_is(event->type, "handoff.offered");
    of->expired += ch_str_is(event->type, "handoff.expired");
    if (ch_str_starts(event->id, CH_STR("live-"))) {
        const ch_str digits = {event->id.at + strlen("live-"), event->id.size - strlen("live-")};
        assert_int_equal(ch_str_to_int(digits, &number), CH_OK);
        size_t waited = of->expired - of->before[number];
        of->late = waited > of->late ? waited : of->late;
        of->heard++;
    }
}

static void read_log(backlog *of)
{
    ch_log_reader *log;
    ch_record record;
    ch_event event;
    machine *on = &of->machine;
    assert_ok(ch_log_reader_open(&log, on->hub->store->log, &on->error), &on->error);
    ch_status status = ch_log_reader_seek(log, of->position + 1, &record, &on->error);
    for (; status == CH_OK; status = ch_log_reader_next(log, &record, &on->error)) {
        assert_int_equal(ch_record_event(&record, &event), CH_OK);
        note(of, &event);
        of->position = record.sequence;
    }
    assert_int_equal(status, CH_END);
    ch_log_reader_close(log);
}

static void take_all(backlog *of)
{
    while (ch_pipe_count(of->machine.hub->front_to_writer) > 0) {
        machine_round(&of->machine);
        assert_false(of->machine.dead);
    }
}

/* Each with one handoff that is due in five minutes. */
static void open_cases(backlog *of, size_t count)
{
    ch_buf data;
    ch_buf_init(&data, 256);
    ch_mp_put_map(&data, 2);
    ch_mp_put_text(&data, "kind");
    ch_mp_put_text(&data, "matter");
    ch_mp_put_text(&data, "category");
    ch_mp_put_text(&data, "fire.building");
    for (size_t i = 0; i < count; i++) {
        give(of, "case.opened", "case", i, ch_buf_str(&data));
        if ((i + 1) % AT_ONCE == 0 || i + 1 == count) {
            take_all(of);
        }
    }
    ch_buf_done(&data);
    read_log(of);
    assert_int_equal(of->offered, count);
}

static void stand_still(backlog *of)
{
    machine_stop(&of->machine);
    of->machine.wall_ms += STOPPED_MS;
    assert_ok(machine_start(&of->machine), &of->machine.error);
}

/* Between two looks. */
static void catch_up_a_little(backlog *of)
{
    size_t before = of->expired;
    of->machine.monotonic_ms += LOOK_MS;
    of->machine.wall_ms += LOOK_MS;
    for (size_t i = 0; i < LIVE && of->given < LIVE_MOST; i++, of->given++) {
        of->before[of->given] = of->expired;
        give(of, "hub.alert", "live", of->given, CH_STR_NONE);
    }
    for (size_t i = 0; i < ROUNDS; i++) {
        machine_round(&of->machine);
        assert_false(of->machine.dead);
    }
    read_log(of);
    assert_in_range(of->expired - before, 0, PORTION);
}

static void what_is_due_after_a_long_stop_is_caught_up_by_portions_while_clients_go_on(void **state)
{
    backlog *of = *state;
    size_t count = USUAL * (getenv("CASEHUB_LONG") == NULL ? 1 : LONG_FACTOR), looks = 0;
    open_cases(of, count);
    stand_still(of);
    for (; of->expired < count; looks++) {
        assert_true(looks < 2 * (count / PORTION + 1)); /* it does catch up */
        catch_up_a_little(of);
        assert_int_equal(of->heard, of->given); /* nobody waits until the next look */
    }
    assert_true(looks >= count / PORTION);
    assert_true(of->given >= count / PORTION);
    assert_true(of->late <= PORTION);
    catch_up_a_little(of);
    assert_int_equal(of->expired, count); /* each once */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            what_is_due_after_a_long_stop_is_caught_up_by_portions_while_clients_go_on, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
