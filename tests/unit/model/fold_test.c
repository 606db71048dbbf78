/* Whatever is decided folds to the same bytes; and what is no encoded case is noticed. */
#include "hub/base/random.h"
#include "tests/unit/check.h"
#include "tests/unit/model/city.h"

#include <stdio.h>

#define SEEDS 60
#define EVENTS_A_SEED 120

static const char *const types[] = {
    "case.opened",       "case.amended",      "case.noted",       "case.accepted",     "case.rejected",
    "case.assigned",     "case.progressed",   "case.waiting",     "case.resumed",      "case.milestone",
    "case.resolved",     "case.verified",     "case.feedback",    "case.closed",       "case.reopened",
    "case.cancelled",    "handoff.offered",   "handoff.accepted", "handoff.accepted",  "handoff.rejected",
    "handoff.started",   "handoff.completed", "handoff.failed",   "handoff.returned",  "handoff.transferred",
    "handoff.withdrawn", "handoff.extended",  "handoff.urged",    "handoff.delivered", "handoff.expired",
    "case.linked",       "case.linked",       "case.unlinked",    "case.merged",       "case.split",
    "hub.alert",
};
static const char *const parties[] = {"power-supply", "water", "urban-mgmt", "city-supervision",
                                      "firm-repair-a"};
static const char *const categories[] = {"power.trip", "lamp.out", "smell", "complaint", "service.repair"};
static const char *const relations[] = {"", ",\"relation\":\"parent\"", ",\"relation\":\"child\""};
static const ch_role roles[] = {CH_ROLE_CONNECTOR, CH_ROLE_OPERATOR, CH_ROLE_DEPARTMENT, CH_ROLE_SUPERVISOR,
                                CH_ROLE_HUB};

#define PICK(random, table) (table)[ch_random_below(random, sizeof(table) / sizeof *(table))]

static ch_str random_data(city *of, ch_random_seeded *random, uint64_t number)
{
    char text[600];
    size_t at = (size_t)snprintf(text, sizeof text, "{\"priority\":%d,\"text\":\"t%d\",\"score\":%d",
                                 1 + (int)ch_random_below(random, 5), (int)ch_random_below(random, 3),
                                 1 + (int)ch_random_below(random, 5));
    if (ch_random_below(random, 2) == 0) {
        at += (size_t)snprintf(text + at, sizeof text - at, ",\"category\":\"%s\"", PICK(random, categories));
    }
    if (ch_random_below(random, 3) > 0) {
        at += (size_t)snprintf(text + at, sizeof text - at, ",\"party\":\"%s\"", PICK(random, parties));
    }
    if (number != 0 && ch_random_below(random, 3) == 0) {
        at += (size_t)snprintf(text + at, sizeof text - at, ",\"handoff\":\"%s/h%d\"",
                               city_case(of, number)->id, 1 + (int)ch_random_below(random, 4));
    }
    if (number != 0) {
        const ch_case *other = city_case(of, 1 + ch_random_below(random, of->case_count));
        at += (size_t)snprintf(text + at, sizeof text - at, ",\"other\":\"%s\",\"into\":\"%s\"%s", other->id,
                               other->id, PICK(random, relations));
    }
    if (ch_random_below(random, 4) == 0) {
        at +=
            (size_t)snprintf(text + at, sizeof text - at, ",\"due\":%d,\"reason\":\"r%d\",\"unknown\":[1,{}]",
                             1000 + (int)ch_random_below(random, 9), (int)ch_random_below(random, 3));
    }
    snprintf(text + at, sizeof text - at, "}");
    return city_json(of, text);
}

static ch_event random_event(city *of, ch_random_seeded *random)
{
    static const char *const sources[] = {"grid/1", "hotline/81890", "forum/zh"};
    ch_event event = {.type = ch_str_of(PICK(random, types)), .source = ch_str_of(PICK(random, sources))};
    uint64_t number = of->case_count == 0 ? 0 : 1 + ch_random_below(random, of->case_count);
    char ref[8];
    if (number == 0 || ch_str_is(event.type, "case.opened") || ch_random_below(random, 10) == 0) {
        snprintf(ref, sizeof ref, "%d", (int)ch_random_below(random, 12));
        event.ref = ch_arena_str(&of->arena, ch_str_of(ref));
    } else {
        event.subject = ch_arena_str(&of->arena, ch_str_of(city_case(of, number)->id));
        event.source = ch_str_of(city_case(of, number)->source);
    }
    event.data = random_data(of, random, event.ref.at == NULL ? number : 0);
    event.area = ch_random_below(random, 4) == 0 ? CH_STR("330203") : CH_STR_NONE;
    event.time_ms = of->now_ms - (int64_t)ch_random_below(random, 1000);
    return event;
}

/* Both cases say the same of a link, and what was merged away has nothing to do any more. */
static void check_relations(const city *of, uint64_t number)
{
    const ch_case *the_case = city_case(of, number);
    for (size_t i = 0; i < the_case->link_count; i++) {
        const ch_link *link = &the_case->links[i];
        const ch_case *other = city_case(of, link->other);
        const ch_link *back = ch_case_link(other, number);
        if (link->relation == CH_RELATION_SUGGESTED) {
            continue;
        }
        if (link->relation == CH_RELATION_MERGED) {
            assert_int_equal(other->merged_into, number);
            continue;
        }
        assert_non_null(back);
        assert_int_equal(back->relation == CH_RELATION_PARENT, link->relation == CH_RELATION_CHILD);
        assert_int_equal(back->relation == CH_RELATION_CHILD, link->relation == CH_RELATION_PARENT);
    }
    assert_int_equal(the_case->state == CH_CASE_MERGED, the_case->merged_into != 0);
    if (the_case->merged_into != 0) {
        assert_int_equal(ch_case_link(city_case(of, the_case->merged_into), number)->relation,
                         CH_RELATION_MERGED);
        assert_null(ch_case_latest_open(the_case));
    }
}

static void folds_every_decision_to_the_same_bytes(void **unused)
{
    (void)unused;
    size_t taken = 0, derived = 0, refused = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        city of;
        ch_random_seeded random;
        city_start(&of);
        ch_random_seeded_init(&random, seed);
        for (unsigned i = 0; i < EVENTS_A_SEED; i++) {
            of.now_ms += 1000;
            ch_event event = random_event(&of, &random);
            ch_role role = PICK(&random, roles);
            if (city_publish(&of, role, PICK(&random, parties), event) == CH_OK) {
                taken++;
                derived += of.decision->count - 1;
            } else {
                refused++;
            }
        }
        for (uint64_t number = 1; number <= of.case_count; number++) {
            check_relations(&of, number);
        }
        city_stop(&of);
    }
    assert_true(taken > SEEDS * EVENTS_A_SEED / 5);
    assert_true(derived > SEEDS * 10);
    assert_true(refused > SEEDS * 10);
}

static ch_case *rich_case(city *of)
{
    city_start(of);
    assert_int_equal(city_open(of, "hotline/81890", "9", "{\"category\":\"lamp.out\",\"title\":\"t\"}"),
                     CH_OK);
    assert_int_equal(city_command(of, "handoff.accepted", 1, "{\"handoff\":\"ZJ-20261123-1/h1\"}"), CH_OK);
    assert_int_equal(city_command(of, "case.waiting", 1, "{\"reason\":\"citizen\"}"), CH_OK);
    assert_int_equal(city_open(of, "forum/zh", "10", NULL), CH_OK);
    assert_int_equal(city_command(of, "case.linked", 1, "{\"other\":\"ZJ-20261123-2\"}"), CH_OK);
    return of->cases[1];
}

static void notices_a_cut_or_changed_case(void **unused)
{
    (void)unused;
    city of;
    ch_buf bytes;
    ch_case *again, *the_case = rich_case(&of);
    ch_buf_init(&bytes, 1 << 20);
    ch_case_encode(&bytes, the_case);
    assert_int_equal(ch_case_new(&again), CH_OK);
    for (size_t size = 0; size < bytes.size; size++) {
        assert_int_equal(ch_case_decode((ch_str){(const char *)bytes.at, size}, again), CH_CORRUPT);
        assert_int_equal(again->version, 0);
        assert_int_equal(again->handoff_count, 0);
    }
    for (size_t i = 0; i < bytes.size; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            bytes.at[i] ^= (uint8_t)(1u << bit);
            ch_status status = ch_case_decode(ch_buf_str(&bytes), again);
            assert_true(status == CH_OK || status == CH_CORRUPT);
            assert_true(again->state < CH_CASE_STATE_COUNT);
            bytes.at[i] ^= (uint8_t)(1u << bit);
        }
    }
    ch_buf_append_text(&bytes, "x");
    assert_int_equal(ch_case_decode(ch_buf_str(&bytes), again), CH_CORRUPT);
    ch_case_free(again);
    ch_buf_done(&bytes);
    city_stop(&of);
}

static ch_event next_event(const ch_case *the_case, const char *type)
{
    return (ch_event){.id = CH_STR("x"),
                      .source = CH_STR("hub/ZJ"),
                      .type = ch_str_of(type),
                      .subject = ch_str_of(the_case->id),
                      .sequence = 100,
                      .case_version = the_case->version + 1,
                      .case_state = the_case->state,
                      .cycle = the_case->cycle,
                      .expected_version = -1};
}

static void refuses_what_cannot_follow_and_stays_as_it_was(void **unused)
{
    (void)unused;
    city of;
    ch_buf before, after;
    ch_case *the_case = rich_case(&of);
    ch_buf_init(&before, 1 << 20);
    ch_buf_init(&after, 1 << 20);
    ch_case_encode(&before, the_case);
    ch_event wrong[9];
    for (size_t i = 0; i < 9; i++) {
        wrong[i] = next_event(the_case, "case.noted");
    }
    wrong[0].case_version++;
    wrong[1].case_version--;
    wrong[2].subject = CH_STR("ZJ-20261123-2");
    wrong[3].cycle++;
    wrong[4].case_state = CH_CASE_NONE;
    wrong[5].type = CH_STR("case.opened");
    wrong[6].type = CH_STR("handoff.started");
    wrong[7].type = CH_STR("handoff.offered");
    wrong[7].data = city_json(&of, "{\"handoff\":\"ZJ-20261123-1/h3\",\"party\":\"water\"}");
    wrong[8].type = CH_STR("handoff.urged");
    wrong[8].data = city_json(&of, "{\"handoff\":\"ZJ-20261123-1/h2\"}");
    for (size_t i = 0; i < 9; i++) {
        assert_int_equal(ch_case_evolve(the_case, 1, &wrong[i]), CH_CORRUPT);
        ch_buf_clear(&after);
        ch_case_encode(&after, the_case);
        assert_true(ch_str_equal(ch_buf_str(&before), ch_buf_str(&after)));
    }
    ch_event right = next_event(the_case, "case.noted");
    assert_int_equal(ch_case_evolve(the_case, 2, &right), CH_CORRUPT);
    assert_int_equal(ch_case_evolve(the_case, 1, &right), CH_OK);
    ch_buf_done(&before);
    ch_buf_done(&after);
    city_stop(&of);
}

static void sets_no_room_aside_for_a_ref_that_does_not_come(void **unused)
{
    (void)unused;
    city of;
    ch_case *copy, *the_case = rich_case(&of);
    assert_int_equal(ch_case_new(&copy), CH_OK);
    assert_int_equal(ch_case_copy(copy, the_case), CH_OK);
    assert_int_equal(copy->ref_count, 1);
    assert_int_equal(copy->ref_capacity, 1);
    ch_event event = next_event(copy, "case.noted");
    assert_int_equal(ch_case_evolve(copy, 1, &event), CH_OK);
    assert_int_equal(copy->ref_capacity, 1);
    event = next_event(copy, "case.noted");
    event.source = ch_str_of(copy->source);
    event.ref = CH_STR("10");
    assert_int_equal(ch_case_evolve(copy, 1, &event), CH_OK);
    assert_int_equal(copy->ref_count, 2);
    ch_case_free(copy);
    city_stop(&of);
}

static void drops_the_oldest_steps_first(void **unused)
{
    (void)unused;
    city of;
    city_start(&of);
    assert_int_equal(city_open(&of, "grid/1", "1", NULL), CH_OK);
    for (unsigned i = 0; i < CH_STEPS_MAX; i++) {
        assert_int_equal(city_command(&of, "case.cancelled", 1, NULL), CH_OK);
        assert_int_equal(city_command(&of, "case.reopened", 1, NULL), CH_OK);
    }
    const ch_case *the_case = city_case(&of, 1);
    assert_int_equal(the_case->step_count, CH_STEPS_MAX);
    assert_int_equal(the_case->steps[CH_STEPS_MAX - 1].cycle, CH_STEPS_MAX + 1);
    assert_int_equal(the_case->steps[0].cycle, CH_STEPS_MAX + 1 - CH_STEPS_MAX / 2);
    city_stop(&of);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folds_every_decision_to_the_same_bytes),
        cmocka_unit_test(notices_a_cut_or_changed_case),
        cmocka_unit_test(refuses_what_cannot_follow_and_stays_as_it_was),
        cmocka_unit_test(sets_no_room_aside_for_a_ref_that_does_not_come),
        cmocka_unit_test(drops_the_oldest_steps_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
