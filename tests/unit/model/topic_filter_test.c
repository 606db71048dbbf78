#include "tests/unit/model/values.h"

#include "hub/model/topic.h"
#include "hub/model/topic_filter.h"

#include <stdio.h>

#define BLOCK 32 /* topics in one filter, as the state has them */

static ch_topic_filter filter_of(const char *text)
{
    ch_topic_filter filter = {{0}};
    ch_topic_filter_add(&filter, ch_str_of(text));
    return filter;
}

static bool may_hold(const char *topic, const char *pattern)
{
    const ch_topic_filter block = filter_of(topic), wanted = filter_of(pattern);
    return ch_topic_filter_may_hold(&block, &wanted);
}

static void a_pattern_without_a_literal_beginning_says_nothing(void **state)
{
    static const char *const patterns[] = {"", ">", "*", "*.>", "*.*.*.>", "*.opened.>", "*.*.*.*.*.07.>"};
    (void)state;
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        const ch_topic_filter wanted = filter_of(patterns[i]);
        if (!ch_topic_filter_is_empty(&wanted)) {
            fail_msg("%s says something", patterns[i]);
        }
        assert_true(may_hold("case.opened.grid._.33", patterns[i]));
    }
}

static void each_literal_part_can_rule_a_block_out(void **state)
{
    static const char topic[] = "handoff.offered.emergency.water-rescue.33.07.02.001";
    static const char *const wrong[] = {"case.>",
                                        "case.*.>",
                                        "handoff.rejected.>",
                                        "*.*.grid.>",
                                        "*.*.*.water.>",
                                        "*.*.*.emergency.>", /* a party, not a system */
                                        "*.*.*.*.34.>",
                                        "*.*.*.*.33.08.>",
                                        "*.*.*.*.33.07.02.002",
                                        "handoff.offered.emergency.water-rescue.33.07.02.001.009",
                                        "handoff.offered.emergency.water-rescue._"};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        if (may_hold(topic, wrong[i])) {
            fail_msg("%s may match %s", wrong[i], topic);
        }
    }
}

static void a_part_after_a_wildcard_is_judged_again(void **state)
{
    static const char topic[] = "handoff.offered.emergency.water-rescue.33.07.02.001";
    (void)state;
    assert_true(may_hold(topic, "*.*.*.water-rescue.>"));
    assert_true(may_hold(topic, "*.offered.emergency.*.33.*.02.>"));
    assert_false(may_hold(topic, "*.offered.hotline.*.33.*.02.>"));
    assert_false(may_hold(topic, "*.*.*.*.34.*.02.>"));
}

static void what_lies_deeper_than_an_area_goes_is_not_judged(void **state)
{
    (void)state;
    assert_true(may_hold("a.b.c.d.1.2.3.4.5.6.7", "a.b.c.d.1.2.3.4.5.6.8"));
    assert_false(may_hold("a.b.c.d.1.2.3.4.5.6.7", "a.b.c.d.1.2.3.4.5.7.7"));
}

/* Two tokens are never taken for one. */
static void a_dot_is_part_of_what_is_told(void **state)
{
    (void)state;
    assert_false(may_hold("ab.c.s.p.1", "a.bc.>"));
    assert_false(may_hold("a.b.s.p.12.3", "*.*.*.*.1.23"));
}

/* ---- the law, from seeds: a block with a match is never ruled out */

static size_t put(char *at, const char *token, bool more)
{
    size_t size = strlen(token);
    memcpy(at, token, size);
    at[size] = '.';
    return size + more;
}

static const char *one_of(ch_random_seeded *random, const char *const *tokens, size_t count)
{
    return tokens[ch_random_below(random, count)];
}

#define ONE_OF(random, tokens) one_of(random, tokens, sizeof(tokens) / sizeof *(tokens))

static ch_str any_topic(ch_random_seeded *random, char room[CH_TOPIC_MAX])
{
    static const char *const types[] = {"case.opened",     "case.noted",       "case.assigned",
                                        "case.resolved",   "case.closed",      "handoff.offered",
                                        "handoff.started", "handoff.accepted", "handoff.completed",
                                        "clock.started",   "clock.met",        "hub.checkpoint"};
    static const char *const systems[] = {"hotline", "grid", "emergency", "risk", "mediation", "forum"};
    char party[16] = "_", level[8];
    size_t size = put(room, ONE_OF(random, types), true);
    size += put(room + size, ONE_OF(random, systems), true);
    if (ch_random_below(random, 3) > 0) {
        snprintf(party, sizeof party, "party-%d", (int)ch_random_below(random, 60));
    }
    size += put(room + size, party, true);
    size_t levels = 1 + (size_t)ch_random_below(random, 6);
    for (size_t i = 0; i < levels; i++) {
        snprintf(level, sizeof level, "%02d", i < 2 ? 33 : (int)ch_random_below(random, 20));
        size += put(room + size, level, i + 1 < levels);
    }
    return (ch_str){room, size};
}

/* What such a topic would match, and a little beside. */
static ch_str any_pattern(ch_random_seeded *random, ch_str topic, char room[CH_TOPIC_MAX + 2])
{
    size_t size = 0;
    for (size_t at = 0; at < topic.size;) {
        size_t end = at;
        while (end < topic.size && topic.at[end] != '.') {
            end++;
        }
        if (ch_random_below(random, 8) == 0) {
            room[size++] = '>';
            return (ch_str){room, size};
        }
        if (ch_random_below(random, 2) == 0) {
            room[size++] = '*';
        } else {
            memcpy(room + size, topic.at + at, end - at);
            size += end - at;
        }
        if (end < topic.size) {
            room[size++] = '.';
        }
        at = end + 1;
    }
    return (ch_str){room, size};
}

typedef struct tally {
    unsigned matching, ruled_out, in_vain;
} tally;

static void judge_block(ch_random_seeded *random, tally *of)
{
    char rooms[BLOCK][CH_TOPIC_MAX], other[CH_TOPIC_MAX], text[CH_TOPIC_MAX + 2];
    ch_str topics[BLOCK];
    ch_topic_filter block = {{0}}, wanted = {{0}};
    bool matches = false;
    ch_str pattern = any_pattern(random, any_topic(random, other), text);
    assert_status(ch_pattern_check(pattern, NULL), CH_OK);
    ch_topic_filter_add(&wanted, pattern);
    for (size_t i = 0; i < BLOCK; i++) {
        topics[i] = any_topic(random, rooms[i]);
        ch_topic_filter_add(&block, topics[i]);
        matches = matches || ch_pattern_matches(pattern, topics[i]);
    }
    bool may = ch_topic_filter_may_hold(&block, &wanted);
    if (matches && !may) {
        fail_msg("a block with a match of %.*s is ruled out", CH_STR_ARG(pattern));
    }
    of->matching += matches;
    of->ruled_out += !may;
    of->in_vain += may && !matches;
}

static void a_block_with_a_match_is_never_ruled_out(void **state)
{
    ch_random_seeded random;
    tally of = {0};
    (void)state;
    ch_random_seeded_init(&random, 11);
    for (int round = 0; round < 5000; round++) {
        judge_block(&random, &of);
    }
    print_message("of 5000 blocks %u match, %u are ruled out, %u would be read in vain\n", of.matching,
                  of.ruled_out, of.in_vain);
    assert_true(of.matching > 500);
    assert_true(of.ruled_out > 500);
}

static void a_party_that_is_in_no_topic_is_seldom_taken_for_one_that_is(void **state)
{
    ch_random_seeded random;
    unsigned in_vain = 0;
    const ch_topic_filter wanted = filter_of("*.*.*.nobody.>");
    (void)state;
    ch_random_seeded_init(&random, 12);
    for (int round = 0; round < 5000; round++) {
        ch_topic_filter block = {{0}};
        for (size_t i = 0; i < BLOCK; i++) {
            char room[CH_TOPIC_MAX];
            ch_topic_filter_add(&block, any_topic(&random, room));
        }
        in_vain += ch_topic_filter_may_hold(&block, &wanted);
    }
    print_message("of 5000 blocks %u would be read in vain\n", in_vain);
    assert_true(in_vain < 250);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pattern_without_a_literal_beginning_says_nothing),
        cmocka_unit_test(each_literal_part_can_rule_a_block_out),
        cmocka_unit_test(a_part_after_a_wildcard_is_judged_again),
        cmocka_unit_test(what_lies_deeper_than_an_area_goes_is_not_judged),
        cmocka_unit_test(a_dot_is_part_of_what_is_told),
        cmocka_unit_test(a_block_with_a_match_is_never_ruled_out),
        cmocka_unit_test(a_party_that_is_in_no_topic_is_seldom_taken_for_one_that_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
