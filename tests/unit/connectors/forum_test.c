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

static void an_item_of_a_feed_opens_a_case_and_those_that_cannot_are_named(void **state)
{
    (void)state;
    expect_sample(FORUM "feed.cfg", FORUM "samples/feed-20261124.xml", NOW_MS,
                  FORUM "samples/feed-20261124.jsonl", 2);
}

static void an_entry_of_an_atom_feed_is_read_with_one_other_setting(void **state)
{
    static const char atom[] =
        "name = \"forum_feed\"; source = \"forum/feed\"; transport = \"http_poll\"; format = \"xml\";\n"
        "mapping = \"" FORUM "feed.jq\"; tables = [ \"" FORUM "feed_sections.csv\" ];\n"
        "http_poll = { url = \"https://bbs.example.org/atom.xml\"; };\nxml = { record = \"entry\"; };\n";
    stage *on = *state;
    stage_write(on, "atom.cfg", atom);
    expect_sample(stage_path(on, "atom.cfg"), FORUM "samples/feed-atom.xml", NOW_MS,
                  FORUM "samples/feed-atom.jsonl", 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_section_that_is_unknown_and_a_post_without_words_fail_and_the_others_do_not),
        TEST(a_web_hook_tells_the_same_as_a_poll),
        TEST(an_item_of_a_feed_opens_a_case_and_those_that_cannot_are_named),
        cmocka_unit_test_setup_teardown(an_entry_of_an_atom_feed_is_read_with_one_other_setting, stage_set_up,
                                        stage_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
