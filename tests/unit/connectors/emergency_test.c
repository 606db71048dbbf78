/* The command centre's CAP messages: what they become is kept beside them. */
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

static void an_exercise_stays_in_test_mode(void **state)
{
    (void)state;
    expect_message("exercise", 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_message_without_a_required_field_is_refused_with_its_name),
        TEST(an_event_that_is_not_in_the_table_is_refused),
        TEST(an_alert_opens_a_case_and_updates_and_cancels_follow_it),
        TEST(a_unit_on_the_scene_has_started_and_reached_a_milestone),
        TEST(an_exercise_stays_in_test_mode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
