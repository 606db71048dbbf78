#include "tests/unit/model/values.h"

#include "hub/model/topic.h"

static void refuses_patterns_that_can_mean_nothing(void **state)
{
    static const struct {
        const char *pattern, *where, *text;
    } cases[] = {
        {"", "token 1", "the token is empty"},
        {".", "token 1", "the token is empty"},
        {"a.", "token 2", "the token is empty"},
        {".a", "token 1", "the token is empty"},
        {"a..b", "token 2", "the token is empty"},
        {">.a", "token 1", "\">\" may only be the last token"},
        {"a.>.>", "token 2", "\">\" may only be the last token"},
        {">.", "token 1", "\">\" may only be the last token"},
        {"a.b*", "token 2", "\"*\" and \">\" stand for whole tokens"},
        {"**", "token 1", "\"*\" and \">\" stand for whole tokens"},
        {"a.b.>c", "token 3", "\"*\" and \">\" stand for whole tokens"},
        {"case.Opened", "token 2", "only a-z, 0-9, \"_\" and \"-\" may be in a token"},
        {"case. opened", "token 2", "only a-z, 0-9, \"_\" and \"-\" may be in a token"},
        {"\xe6\xb0\xb4", "token 1", "only a-z, 0-9, \"_\" and \"-\" may be in a token"},
        {"a.b/c", "token 2", "only a-z, 0-9, \"_\" and \"-\" may be in a token"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ch_error error;
        assert_status(ch_pattern_check(ch_str_of(cases[i].pattern), &error), CH_INVALID);
        assert_string_equal(error.where, cases[i].where);
        assert_string_equal(error.text, cases[i].text);
    }
    assert_status(ch_pattern_check(CH_STR_NONE, NULL), CH_INVALID);
    assert_status(ch_pattern_check(CH_STR("a\0b"), NULL), CH_INVALID);
}

static void refuses_a_pattern_longer_than_any_topic(void **state)
{
    char text[CH_TOPIC_MAX + 1];
    (void)state;
    memset(text, 'a', sizeof text);
    assert_status(ch_pattern_check((ch_str){text, sizeof text}, NULL), CH_INVALID);
    assert_status(ch_pattern_check((ch_str){text, CH_TOPIC_MAX}, NULL), CH_OK);
}

static void matches_token_by_token(void **state)
{
    static const struct {
        const char *pattern, *topic;
        bool matches;
    } cases[] = {
        {"a.b", "a.b", true},
        {"a.b", "a", false},
        {"a.b", "a.b.c", false},
        {"a.b", "a.c", false},
        {"a.b", "a.bc", false},
        {"a.bc", "a.b", false},
        {"a", "ab", false},
        {"*", "a", true},
        {"*", "abc", true},
        {"*", "a.b", false},
        {"*.*", "a.b", true},
        {"*.*", "a", false},
        {"*.*", "a.b.c", false},
        {"*.b", "abc.b", true},
        {"*.b", "abc.c", false},
        {"a.*.c", "a.b.c", true},
        {"a.*.c", "a.b.b.c", false},
        {"a.*.c", "a.c", false},
        {"a.*", "a.b", true},
        {"a.*", "a", false},
        {">", "a", true},
        {">", "a.b.c", true},
        {">", "", false},
        {"a.>", "a.b", true},
        {"a.>", "a.b.c.d", true},
        {"a.>", "a", false},
        {"a.>", "ab.c", false},
        {"*.>", "a.b", true},
        {"*.>", "a", false},
        {"*", "", false},
        {"_", "_", true},
        {"*.*.*.water-rescue.>", "handoff.offered.emergency.water-rescue.33.07.02.001", true},
        {"*.*.*.water-rescue.>", "handoff.offered.emergency.water-rescue._", true},
        {"*.*.*.water-rescue.>", "handoff.offered.emergency.water.33", false},
        {"*.*.*.water-rescue.>", "handoff.offered.emergency._.33", false},
        {"handoff.*.emergency.*.33.07.>", "handoff.offered.emergency.patrol.33.07.02", true},
        {"handoff.*.emergency.*.33.07.>", "handoff.offered.emergency.patrol.33.07", false},
        {"case.closed.*.*.>", "case.closed.hotline._._", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ch_str pattern = ch_str_of(cases[i].pattern), topic = ch_str_of(cases[i].topic);
        assert_status(ch_pattern_check(pattern, NULL), CH_OK);
        if (ch_pattern_matches(pattern, topic) != cases[i].matches) {
            fail_msg("%s on %s", cases[i].pattern, cases[i].topic);
        }
    }
}

/* The definition, written as plainly as it can be. */
static bool matches_by_definition(ch_str pattern, ch_str topic)
{
    size_t p = 0, t = 0;
    while (p < pattern.size && pattern.at[p] != '.') {
        p++;
    }
    while (t < topic.size && topic.at[t] != '.') {
        t++;
    }
    ch_str first = {pattern.at, p}, token = {topic.at, t};
    if (ch_str_is(first, ">")) {
        return true;
    }
    if (!ch_str_is(first, "*") && !ch_str_equal(first, token)) {
        return false;
    }
    if (p == pattern.size || t == topic.size) {
        return p == pattern.size && t == topic.size;
    }
    return matches_by_definition((ch_str){pattern.at + p + 1, pattern.size - p - 1},
                                 (ch_str){topic.at + t + 1, topic.size - t - 1});
}

static ch_str any_dotted(ch_random_seeded *random, const char *const *tokens, uint64_t choice, char *room)
{
    size_t size = 0;
    for (uint64_t left = 1 + ch_random_below(random, 4); left > 0; left--) {
        const char *token = tokens[ch_random_below(random, choice)];
        memcpy(room + size, token, strlen(token));
        size += strlen(token);
        room[size++] = '.';
    }
    return (ch_str){room, size - 1};
}

static void matches_as_defined_whatever_the_tokens_are(void **state)
{
    static const char *const tokens[] = {"a", "b", "ab", "_", "*", "*", ">"};
    ch_random_seeded random;
    unsigned matched = 0;
    (void)state;
    ch_random_seeded_init(&random, 4);
    for (int round = 0; round < 20000; round++) {
        char rooms[2][32];
        ch_str pattern = any_dotted(&random, tokens, 7, rooms[0]);
        ch_str topic = any_dotted(&random, tokens, 4, rooms[1]);
        if (ch_pattern_check(pattern, NULL) == CH_OK) {
            bool matches = ch_pattern_matches(pattern, topic);
            assert_int_equal(matches, matches_by_definition(pattern, topic));
            matched += matches;
        }
    }
    assert_true(matched > 1000);
}

static void splits_only_what_is_a_topic(void **state)
{
    static const char *const wrong[] = {"",
                                        "case",
                                        "case.opened",
                                        "case.opened.grid",
                                        "case.opened.grid._",
                                        "case.opened.grid._.",
                                        "case..grid._._",
                                        ".opened.grid._._",
                                        "case.opened..x.33",
                                        "case.opened.grid..33",
                                        "case.opened.grid.x..33",
                                        "case.opened.grid.x.33.",
                                        "_.opened.grid.x.33",
                                        "case._.grid.x.33"};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ch_topic_parts parts;
        if (ch_topic_split(ch_str_of(wrong[i]), &parts) != CH_INVALID) {
            fail_msg("took %s for a topic", wrong[i]);
        }
    }
}

static void splits_what_it_formats(void **state)
{
    static const struct {
        const char *type, *system, *party, *area, *topic, *dotted;
    } cases[] = {
        {"handoff.offered", "emergency", "water-rescue", "330702001",
         "handoff.offered.emergency.water-rescue.33.07.02.001", "33.07.02.001"},
        {"case.opened", "grid", NULL, "330902001002003", "case.opened.grid._.33.09.02.001.002.003",
         "33.09.02.001.002.003"},
        {"case.opened", "grid", NULL, "33", "case.opened.grid._.33", "33"},
        {"case.opened", "grid", "a", "3309", "case.opened.grid.a.33.09", "33.09"},
        {"case.opened", "grid", "a", "33091", "case.opened.grid.a.33.09.1", "33.09.1"},
        {"hub.alert", "hub", NULL, NULL, "hub.alert.hub._._", NULL},
        {"hub.alert", NULL, NULL, NULL, "hub.alert._._._", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ch_buf out;
        ch_topic_parts parts;
        ch_buf_init(&out, 1000);
        assert_status(ch_topic_format(&out, ch_str_of(cases[i].type), ch_str_of(cases[i].system),
                                      ch_str_of(cases[i].party), ch_str_of(cases[i].area)),
                      CH_OK);
        assert_str(ch_buf_str(&out), ch_str_of(cases[i].topic));
        assert_status(ch_topic_split(ch_buf_str(&out), &parts), CH_OK);
        assert_true(ch_str_is(parts.type, cases[i].type));
        assert_true(ch_str_equal(parts.system, ch_str_of(cases[i].system)));
        assert_true(ch_str_equal(parts.party, ch_str_of(cases[i].party)));
        assert_true(ch_str_equal(parts.area, ch_str_of(cases[i].dotted)));
        ch_buf_done(&out);
    }
}

static void refuses_a_topic_that_is_too_long_and_leaves_the_buffer(void **state)
{
    char text[CH_TOPIC_MAX];
    ch_buf out;
    (void)state;
    memset(text, 'a', sizeof text);
    ch_buf_init(&out, 1000);
    ch_buf_append_text(&out, "kept");
    /* "case.noted" and three parts of a dot and at least one byte are 16. */
    ch_str too_long = {text, CH_TOPIC_MAX - 16 + 2}, just = {text, CH_TOPIC_MAX - 16 + 1};
    assert_status(ch_topic_format(&out, CH_STR("case.noted"), too_long, CH_STR_NONE, CH_STR_NONE),
                  CH_TOO_LARGE);
    assert_str(ch_buf_str(&out), CH_STR("kept"));
    assert_status(ch_topic_format(&out, CH_STR("case.noted"), just, CH_STR_NONE, CH_STR_NONE), CH_OK);
    assert_int_equal(out.size, 4 + CH_TOPIC_MAX);
    ch_buf_done(&out);
    ch_buf_init(&out, 10);
    assert_status(ch_topic_format(&out, CH_STR("case.noted"), CH_STR("grid"), CH_STR_NONE, CH_STR_NONE),
                  CH_TOO_LARGE);
    ch_buf_done(&out);
}

static void the_system_is_what_stands_before_the_slash(void **state)
{
    (void)state;
    assert_str(ch_topic_system_of(CH_STR("hotline/81890")), CH_STR("hotline"));
    assert_str(ch_topic_system_of(CH_STR("grid")), CH_STR("grid"));
    assert_int_equal(ch_topic_system_of(CH_STR("/x")).size, 0);
    assert_int_equal(ch_topic_system_of(CH_STR_NONE).size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_patterns_that_can_mean_nothing),
        cmocka_unit_test(refuses_a_pattern_longer_than_any_topic),
        cmocka_unit_test(matches_token_by_token),
        cmocka_unit_test(matches_as_defined_whatever_the_tokens_are),
        cmocka_unit_test(splits_only_what_is_a_topic),
        cmocka_unit_test(splits_what_it_formats),
        cmocka_unit_test(refuses_a_topic_that_is_too_long_and_leaves_the_buffer),
        cmocka_unit_test(the_system_is_what_stands_before_the_slash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
