/* The mediation centre's samples: what they become is kept beside them. */
#include "tests/unit/connectors/sample.h"

#define MEDIATION CASEHUB_SOURCE_DIR "/connectors/mediation/"
#define NOW_MS INT64_C(1795521600000) /* 2026-11-24T12:00:00Z */

static void faulty_rows_fail_with_their_column(void **state)
{
    (void)state;
    expect_sample(MEDIATION "mediation.cfg", MEDIATION "samples/register-faulty.rows", NOW_MS,
                  MEDIATION "samples/register-faulty.jsonl", 5);
}

static void a_dispute_its_sessions_and_its_referrals_are_told(void **state)
{
    (void)state;
    expect_sample(MEDIATION "mediation.cfg", MEDIATION "samples/register-20261124.rows", NOW_MS,
                  MEDIATION "samples/register-20261124.jsonl", 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(faulty_rows_fail_with_their_column),
        TEST(a_dispute_its_sessions_and_its_referrals_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
