/* The forum's samples: what they become is kept beside them. */
#include "tests/unit/connectors/sample.h"

#define FORUM CASEHUB_SOURCE_DIR "/connectors/forum/"
#define NOW_MS INT64_C(1795521600000) /* 2026-11-24T12:00:00Z */

static void a_section_that_is_unknown_and_a_post_without_words_fail_and_the_others_do_not(void **state)
{
    (void)state;
    expect_sample(FORUM "forum.cfg", FORUM "samples/posts-20261124.json", NOW_MS,
                  FORUM "samples/posts-20261124.jsonl", 2);
}

static void a_web_hook_tells_the_same_as_a_poll(void **state)
{
    char of_hook[4000], of_poll[16000];
    (void)state;
    expect_sample(FORUM "forum.cfg", FORUM "samples/hook-20261124.json", NOW_MS,
                  FORUM "samples/hook-20261124.jsonl", 0);
    stage_read(FORUM "samples/hook-20261124.jsonl", of_hook, sizeof of_hook);
    stage_read(FORUM "samples/posts-20261124.jsonl", of_poll, sizeof of_poll);
    assert_memory_equal(of_poll, of_hook, strlen(of_hook));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_section_that_is_unknown_and_a_post_without_words_fail_and_the_others_do_not),
        TEST(a_web_hook_tells_the_same_as_a_poll),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
