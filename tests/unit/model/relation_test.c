/* Links between cases: each is on both, and none may be wrong. */
#include "tests/unit/check.h"
#include "tests/unit/model/city.h"

#include <stdio.h>
#include <stdlib.h>

#define A 1
#define B 2
#define C 3
#define DRILL 4

static int start(void **state)
{
    city *of = malloc(sizeof *of);
    assert_non_null(of);
    city_start(of);
    assert_int_equal(city_open(of, "grid/zs-01", "81", NULL), CH_OK);
    assert_int_equal(city_open(of, "forum/zh", "82", NULL), CH_OK);
    assert_int_equal(city_open(of, "grid/zs-01", "83", NULL), CH_OK);
    assert_int_equal(city_publish(of, CH_ROLE_CONNECTOR, NULL,
                                  (ch_event){.type = CH_STR("case.opened"),
                                             .source = CH_STR("grid/zs-01"),
                                             .ref = CH_STR("84"),
                                             .test_mode = true}),
                     CH_OK);
    *state = of;
    return 0;
}

static int stop(void **state)
{
    city_stop(*state);
    free(*state);
    return 0;
}

static ch_status tie(city *of, const char *type, uint64_t number, uint64_t other, const char *relation)
{
    char data[160];
    snprintf(data, sizeof data, "{\"other\":\"%s\"%s%s%s}", city_case(of, other)->id,
             relation[0] == '\0' ? "" : ",\"relation\":\"", relation, relation[0] == '\0' ? "" : "\"");
    return city_command(of, type, number, data);
}

static ch_status link_with(city *of, uint64_t number, uint64_t other, const char *relation)
{
    return tie(of, "case.linked", number, other, relation);
}

/* "" when they are not linked. */
static const char *relation_of(const city *of, uint64_t number, uint64_t other)
{
    const ch_link *link = ch_case_link(city_case(of, number), other);
    if (link == NULL) {
        return "";
    }
    assert_string_equal(link->id, city_case(of, other)->id);
    return ch_relation_name(link->relation);
}

static void refuses_links_to_what_is_not_there_or_does_not_fit(void **state)
{
    city *of = *state;
    assert_refused(of, city_command(of, "case.linked", A, "{\"other\":\"ZJ-20261123-99\"}"), CH_NOT_FOUND,
                   "there is no case ZJ-20261123-99");
    assert_string_equal(of->error.where, "data.other");
    assert_refused(of, city_command(of, "case.linked", A, "{\"other\":\"ZJ-20261122-2\"}"), CH_NOT_FOUND,
                   "there is no case ZJ-20261122-2");
    assert_refused(of, city_command(of, "case.linked", A, "{\"other\":\"82\"}"), CH_NOT_FOUND,
                   "there is no case 82");
    assert_refused(of, link_with(of, A, A, ""), CH_REFUSED, "case ZJ-20261123-1 is this one");
    assert_refused(of, link_with(of, A, DRILL, ""), CH_REFUSED,
                   "cases ZJ-20261123-1 and T-ZJ-20261123-4: one is a drill's, the other is real");
    assert_refused(of, link_with(of, DRILL, A, ""), CH_REFUSED,
                   "cases T-ZJ-20261123-4 and ZJ-20261123-1: one is a drill's, the other is real");
    assert_refused(of, link_with(of, A, B, "merged"), CH_INVALID, "parent, child or related is expected");
    assert_int_equal(city_case(of, A)->link_count, 0);
    assert_int_equal(city_case(of, B)->link_count, 0);
}

static void refuses_a_client_that_may_not_touch_the_other_case(void **state)
{
    city *of = *state;
    char data[80];
    assert_int_equal(city_command(of, "handoff.offered", A, "{\"party\":\"water\"}"), CH_OK);
    snprintf(data, sizeof data, "{\"other\":\"%s\"}", city_case(of, B)->id);
    assert_refused(of, city_answer(of, "case.linked", "water", A, data), CH_DENIED,
                   "case ZJ-20261123-2 is with no party of client");
    assert_string_equal(of->error.where, "data.other");
    assert_int_equal(city_command(of, "handoff.offered", B, "{\"party\":\"water\"}"), CH_OK);
    assert_int_equal(city_answer(of, "case.linked", "water", A, data), CH_OK);
}

static void refuses_the_same_link_twice_whoever_says_it(void **state)
{
    city *of = *state;
    assert_int_equal(link_with(of, A, B, "child"), CH_OK);
    assert_refused(of, link_with(of, A, B, "child"), CH_REFUSED,
                   "case ZJ-20261123-1 is linked with ZJ-20261123-2 already: child");
    assert_refused(of, link_with(of, A, B, ""), CH_REFUSED,
                   "case ZJ-20261123-1 is linked with ZJ-20261123-2 already: child");
    assert_refused(of, link_with(of, B, A, "parent"), CH_REFUSED,
                   "case ZJ-20261123-2 is linked with ZJ-20261123-1 already: parent");
}

static void lets_no_case_stand_above_itself_or_have_two_parents(void **state)
{
    city *of = *state;
    assert_int_equal(link_with(of, A, B, "parent"), CH_OK);
    assert_int_equal(link_with(of, B, C, "parent"), CH_OK);
    assert_refused(of, link_with(of, C, A, "parent"), CH_REFUSED,
                   "case ZJ-20261123-3 would stand above itself");
    assert_refused(of, link_with(of, A, C, "child"), CH_REFUSED,
                   "case ZJ-20261123-3 would stand above itself");
    assert_refused(of, link_with(of, A, C, "parent"), CH_REFUSED,
                   "case ZJ-20261123-1 has a parent already: ZJ-20261123-2");
    assert_refused(of, link_with(of, C, A, "child"), CH_REFUSED,
                   "case ZJ-20261123-1 has a parent already: ZJ-20261123-2");
    assert_int_equal(link_with(of, A, C, "related"), CH_OK);
}

static void says_it_on_both_cases_in_one_batch(void **state)
{
    static const struct {
        const char *said, *here, *there;
    } rows[] = {{"", "related", "related"}, {"parent", "parent", "child"}, {"child", "child", "parent"}};
    city *of = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(link_with(of, A, B, rows[i].said), CH_OK);
        assert_types(of, "*case.linked case.linked");
        assert_true(ch_str_is(city_event(of, 1)->subject, city_case(of, B)->id));
        assert_int_equal(city_event(of, 1)->case_version, city_case(of, B)->version);
        assert_string_equal(relation_of(of, A, B), rows[i].here);
        assert_string_equal(relation_of(of, B, A), rows[i].there);
        assert_int_equal(city_case(of, B)->state, CH_CASE_RECEIVED);
        assert_int_equal(tie(of, "case.unlinked", i % 2 == 0 ? A : B, i % 2 == 0 ? B : A, ""), CH_OK);
        assert_types(of, "*case.unlinked case.unlinked");
        assert_int_equal(city_case(of, A)->link_count + city_case(of, B)->link_count, 0);
    }
    assert_refused(of, tie(of, "case.unlinked", A, B, ""), CH_NOT_FOUND,
                   "case ZJ-20261123-1 is not linked with ZJ-20261123-2");
}

static void takes_so_many_links_and_no_more_on_either_side(void **state)
{
    city *of = *state;
    char ref[16];
    for (unsigned i = 0; i <= CH_LINKS_MAX; i++) {
        snprintf(ref, sizeof ref, "more-%u", i);
        assert_int_equal(city_open(of, "grid/zs-01", ref, NULL), CH_OK);
        ch_status status = link_with(of, of->case_count, A, "");
        assert_int_equal(status, i < CH_LINKS_MAX ? CH_OK : CH_FULL);
    }
    assert_non_null(strstr(of->error.text, "case ZJ-20261123-1 has no room for another case.linked"));
    assert_int_equal(link_with(of, A, B, ""), CH_FULL);
    assert_int_equal(city_case(of, A)->link_count, CH_LINKS_MAX);
    assert_int_equal(city_case(of, of->case_count)->link_count, 0);
}

static void keeps_what_its_state_does_not_allow_as_anomalous_on_one_case_only(void **state)
{
    city *of = *state;
    of->rules->transition_count = 1; /* only case.opened is legal any more */
    of->rules->transitions_by_type[0] = 0;
    char data[80];
    snprintf(data, sizeof data, "{\"other\":\"%s\"}", city_case(of, C)->id);
    assert_int_equal(city_observe(of, "case.linked", A, data), CH_OK);
    assert_types(of, "!*case.linked");
    assert_int_equal(city_case(of, A)->link_count + city_case(of, C)->link_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(refuses_links_to_what_is_not_there_or_does_not_fit, start, stop),
        cmocka_unit_test_setup_teardown(refuses_a_client_that_may_not_touch_the_other_case, start, stop),
        cmocka_unit_test_setup_teardown(refuses_the_same_link_twice_whoever_says_it, start, stop),
        cmocka_unit_test_setup_teardown(lets_no_case_stand_above_itself_or_have_two_parents, start, stop),
        cmocka_unit_test_setup_teardown(says_it_on_both_cases_in_one_batch, start, stop),
        cmocka_unit_test_setup_teardown(takes_so_many_links_and_no_more_on_either_side, start, stop),
        cmocka_unit_test_setup_teardown(keeps_what_its_state_does_not_allow_as_anomalous_on_one_case_only,
                                        start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
