/* The street service centre's samples: what they become is kept beside them. */
#include "tests/unit/connectors/sample.h"

#define CENTRE CASEHUB_SOURCE_DIR "/connectors/service_centre/"
#define NOW_MS INT64_C(1795521600000) /* 2026-11-24T12:00:00Z */

static void faulty_steps_fail_with_the_field(void **state)
{
    (void)state;
    expect_sample(CENTRE "service_centre.cfg", CENTRE "samples/faulty.json", NOW_MS,
                  CENTRE "samples/faulty.jsonl", 7);
}

static void steps_become_what_is_kept_beside_them(void **state)
{
    (void)state;
    expect_sample(CENTRE "service_centre.cfg", CENTRE "samples/smell.json", NOW_MS,
                  CENTRE "samples/smell.jsonl", 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(faulty_steps_fail_with_the_field),
        TEST(steps_become_what_is_kept_beside_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
