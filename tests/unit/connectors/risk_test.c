/* The assessment office's samples: what they become is kept beside them. */
#include "tests/unit/connectors/sample.h"

#define RISK CASEHUB_SOURCE_DIR "/connectors/risk/"
#define NOW_MS INT64_C(1795521600000) /* 2026-11-24T12:00:00Z */

static void faulty_rows_fail_with_their_column(void **state)
{
    (void)state;
    expect_sample(RISK "risk.cfg", RISK "samples/projects-faulty.rows", NOW_MS,
                  RISK "samples/projects-faulty.jsonl", 5);
}

static void a_project_becomes_a_case_and_its_points_milestones(void **state)
{
    (void)state;
    expect_sample(RISK "risk.cfg", RISK "samples/projects-20261123.rows", NOW_MS,
                  RISK "samples/projects-20261123.jsonl", 0);
}

static void verdicts_cleared_points_and_states_are_told(void **state)
{
    (void)state;
    expect_sample(RISK "risk.cfg", RISK "samples/projects-20261124.rows", NOW_MS,
                  RISK "samples/projects-20261124.jsonl", 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(faulty_rows_fail_with_their_column),
        TEST(a_project_becomes_a_case_and_its_points_milestones),
        TEST(verdicts_cleared_points_and_states_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
