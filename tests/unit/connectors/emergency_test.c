/* The command centre's CAP messages, and the orders to its units: what they become is kept beside them. */
#include "connectors/host/outward_checker.h"
#include "tests/unit/connectors/sample.h"

#include <stdio.h>

#define EMERGENCY CASEHUB_SOURCE_DIR "/connectors/emergency/"
#define NOW_MS INT64_C(1795521600000) /* 2026-11-24T12:00:00Z */

static void expect_message(const char *name, uint64_t failures)
{
    char sample[300], golden[300];
    snprintf(sample, sizeof sample, EMERGENCY "samples/%s.xml", name);
    snprintf(golden, sizeof golden, EMERGENCY "samples/%s.jsonl", name);
    expect_sample(EMERGENCY "emergency.cfg", sample, NOW_MS, golden, failures);
}

static void a_message_without_a_required_field_is_refused_with_its_name(void **state)
{
    (void)state;
    expect_message("no-scope", 1);
}

static void an_event_that_is_not_in_the_table_is_refused(void **state)
{
    (void)state;
    expect_message("unknown-event", 1);
}

static void an_alert_opens_a_case_and_updates_and_cancels_follow_it(void **state)
{
    (void)state;
    expect_message("alert", 0);
    expect_message("update", 0);
    expect_message("cancel", 0);
}

static void a_unit_on_the_scene_has_started_and_reached_a_milestone(void **state)
{
    (void)state;
    expect_message("on-scene", 0);
}

static void a_unit_that_answers_an_order_answers_its_handoff(void **state)
{
    (void)state;
    expect_message("on-scene-order", 0);
}

static void an_exercise_stays_in_test_mode(void **state)
{
    (void)state;
    expect_message("exercise", 0);
}

/* ---- orders */

static void expect_order(const char *name, uint64_t failures)
{
    static char wanted[16 * 1024], got[16 * 1024];
    char path[300];
    ch_connector_config *config = NULL;
    ch_outward_check_totals totals = {.events = 0};
    ch_error error = {.status = CH_OK};
    FILE *out = fmemopen(got, sizeof got, "w");
    assert_non_null(out);
    snprintf(path, sizeof path, EMERGENCY "samples/outward/%s.json", name);
    assert_status(ch_connector_config_read(&config, EMERGENCY "orders.cfg", NULL, &error), CH_OK);
    assert_status(ch_outward_checker_run(config, path, out, &totals, &error), CH_OK);
    assert_int_equal(fclose(out), 0);
    ch_connector_config_free(config);
    snprintf(path, sizeof path, EMERGENCY "samples/outward/%s.jsonl", name);
    stage_read(path, wanted, sizeof wanted);
    assert_string_equal(got, wanted);
    assert_int_equal(totals.failures, failures);
}

static void what_cannot_be_an_order_is_refused_with_the_field(void **state)
{
    (void)state;
    expect_order("unknown-unit", 1);
    expect_order("unknown-case", 1);
}

static void a_unit_is_ordered_urged_and_relieved(void **state)
{
    (void)state;
    expect_order("offered", 0);
    expect_order("urged", 0);
    expect_order("withdrawn", 0);
}

static void an_order_of_a_test_case_says_so_and_needs_no_more_than_a_case(void **state)
{
    (void)state;
    expect_order("exercise", 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_message_without_a_required_field_is_refused_with_its_name),
        TEST(an_event_that_is_not_in_the_table_is_refused),
        TEST(an_alert_opens_a_case_and_updates_and_cancels_follow_it),
        TEST(a_unit_on_the_scene_has_started_and_reached_a_milestone),
        TEST(a_unit_that_answers_an_order_answers_its_handoff),
        TEST(an_exercise_stays_in_test_mode),
        TEST(what_cannot_be_an_order_is_refused_with_the_field),
        TEST(a_unit_is_ordered_urged_and_relieved),
        TEST(an_order_of_a_test_case_says_so_and_needs_no_more_than_a_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
