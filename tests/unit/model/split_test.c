/* A part that becomes a case of its own. */
#include "tests/unit/check.h"
#include "tests/unit/model/city.h"

#include <stdio.h>
#include <stdlib.h>

#define WHOLE 1
#define PART 2

static int start(void **state)
{
    city *of = malloc(sizeof *of);
    assert_non_null(of);
    city_start(of);
    assert_int_equal(city_open(of, "grid/zs-01", "81", "{\"kind\":\"matter\",\"category\":\"road.damage\"}"),
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

static void refuses_a_part_that_cannot_be_opened(void **state)
{
    city *of = *state;
    assert_refused(of, city_command(of, "case.split", WHOLE, "{\"into\":[\"ZJ-20261123-9\"]}"), CH_INVALID,
                   "only the hub sets it");
    assert_refused(of, city_command(of, "case.split", WHOLE, "{\"origin\":\"forum\"}"), CH_INVALID,
                   "only the hub sets it");
    assert_string_equal(of->error.where, "data.origin");
    memcpy(of->rules->transitions[0].kind, "request", sizeof "request"); /* of case.opened */
    assert_refused(of, city_command(of, "case.split", WHOLE, "{\"title\":\"a lamp\"}"), CH_REFUSED,
                   "the lifecycle opens no case of kind matter");
    assert_int_equal(city_command(of, "case.cancelled", WHOLE, NULL), CH_OK);
    assert_int_equal(city_command(of, "case.split", WHOLE, "{\"title\":\"a lamp\"}"), CH_REFUSED);
    assert_int_equal(of->case_count, 1);
}

static void opens_routes_and_links_it_in_one_batch(void **state)
{
    city *of = *state;
    const ch_event event = {
        .type = CH_STR("case.split"),
        .subject = ch_str_of(city_case(of, WHOLE)->id),
        .area = CH_STR("330203001002"),
        .data = city_json(
            of, "{\"title\":\"a lamp\",\"text\":\"is out\",\"category\":\"lamp.out\",\"priority\":2}"),
        .private_data = city_json(of, "{\"phone\":\"13800000000\"}")};
    assert_int_equal(city_publish(of, CH_ROLE_OPERATOR, NULL, event), CH_OK);
    assert_types(of, "*case.split case.opened handoff.offered case.linked case.linked");
    const ch_case *part = city_case(of, PART), *whole = city_case(of, WHOLE);
    assert_string_equal(part->category, "lamp.out");
    assert_string_equal(part->kind, "matter");
    assert_string_equal(part->area, "330203001002");
    assert_string_equal(part->source, "grid/zs-01");
    assert_string_equal(part->lead, "urban-mgmt");
    assert_int_equal(part->priority, 2);
    assert_int_equal(part->state, CH_CASE_RECEIVED);
    assert_string_equal(whole->category, "road.damage");
    assert_string_equal(whole->area, "330203");
    assert_int_equal(ch_case_link(whole, PART)->relation, CH_RELATION_CHILD);
    assert_int_equal(ch_case_parent(part)->other, WHOLE);
    assert_true(ch_str_is(ch_mp_find_str(city_event(of, 1)->data, "title"), "a lamp"));
    assert_true(ch_str_is(ch_mp_find_str(city_event(of, 1)->private_data, "phone"), "13800000000"));
    assert_null(city_event(of, 0)->private_data.at);
    ch_mp_value into;
    assert_true(ch_mp_find(city_event(of, 0)->data, "into", &into, NULL));
    assert_int_equal(into.count, 1);
    assert_false(ch_mp_find(city_event(of, 1)->data, "into", NULL, NULL));
}

static void takes_from_the_whole_what_is_not_said(void **state)
{
    city *of = *state;
    assert_int_equal(city_command(of, "case.split", WHOLE, "{\"title\":\"a second hole\"}"), CH_OK);
    assert_string_equal(city_case(of, PART)->category, "road.damage");
    assert_string_equal(city_case(of, PART)->area, "330203");
    assert_int_equal(city_case(of, PART)->priority, 0);
    assert_int_equal(city_observe(of, "case.noted", PART, NULL), CH_OK); /* by the system of the whole */
    assert_int_equal(city_command(of, "case.split", PART, "{\"title\":\"a third\"}"), CH_OK);
    assert_int_equal(ch_case_parent(city_case(of, 3))->other, PART);
}

static void a_part_of_a_drill_is_a_drill(void **state)
{
    city *of = *state;
    assert_int_equal(city_publish(of, CH_ROLE_CONNECTOR, NULL,
                                  (ch_event){.type = CH_STR("case.opened"),
                                             .source = CH_STR("grid/zs-01"),
                                             .ref = CH_STR("84"),
                                             .test_mode = true}),
                     CH_OK);
    assert_int_equal(city_command(of, "case.split", 2, "{\"title\":\"a part\"}"), CH_OK);
    assert_true(city_case(of, 3)->test_mode);
    assert_int_equal(strncmp(city_case(of, 3)->id, "T-", 2), 0);
}

static void keeps_what_its_state_does_not_allow_without_opening_anything(void **state)
{
    city *of = *state;
    assert_int_equal(city_command(of, "case.cancelled", WHOLE, NULL), CH_OK);
    assert_int_equal(city_observe(of, "case.split", WHOLE, "{\"title\":\"a lamp\"}"), CH_OK);
    assert_types(of, "!*case.split");
    assert_false(ch_mp_find(city_event(of, 0)->data, "into", NULL, NULL));
    assert_int_equal(of->case_count, 1);
}

/* What is only known by this very event has no part yet, and two cases cannot get one number. */
static void splits_nothing_off_a_case_that_is_not_there(void **state)
{
    city *of = *state;
    const ch_event event = {.type = CH_STR("case.split"),
                            .source = CH_STR("grid/zs-01"),
                            .ref = CH_STR("82"),
                            .data = city_json(of, "{\"title\":\"a lamp\"}")};
    assert_refused(of, city_publish(of, CH_ROLE_CONNECTOR, NULL, event), CH_NOT_FOUND,
                   "grid/zs-01 calls no case 82 that a part could be split off");
    assert_string_equal(of->error.where, "ref");
    assert_int_equal(of->case_count, 1);
}

static void takes_back_a_part_by_merging_it(void **state)
{
    city *of = *state;
    char into[64];
    assert_int_equal(city_command(of, "case.split", WHOLE, "{\"title\":\"a lamp\"}"), CH_OK);
    snprintf(into, sizeof into, "{\"into\":\"%s\"}", city_case(of, WHOLE)->id);
    assert_int_equal(city_command(of, "case.merged", PART, into), CH_OK);
    assert_int_equal(ch_case_link(city_case(of, WHOLE), PART)->relation, CH_RELATION_MERGED);
    assert_int_equal(city_case(of, PART)->link_count, 0);
}

/* What the part's events say of its handoffs is nothing that the whole has promised. */
static void the_part_has_clocks_of_its_own_and_the_whole_keeps_its(void **state)
{
    city *of = *state;
    city_stop(of);
    city_start_with_clocks(of);
    assert_int_equal(city_open(of, "forum/zh", "7", "{\"kind\":\"post\",\"category\":\"road.damage\"}"),
                     CH_OK);
    size_t before = city_case(of, WHOLE)->clock_count;
    assert_true(before > 0);
    assert_int_equal(
        city_command(of, "case.split", WHOLE, "{\"title\":\"a lamp\",\"category\":\"lamp.out\"}"), CH_OK);
    assert_types(
        of, "*case.split case.opened handoff.offered case.linked case.linked clock.started clock.started");
    assert_int_equal(city_case(of, WHOLE)->clock_count, before);
    assert_int_equal(city_case(of, PART)->clock_count, 2);
    assert_string_equal(city_case(of, PART)->clocks[1].party, "urban-mgmt");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(refuses_a_part_that_cannot_be_opened, start, stop),
        cmocka_unit_test_setup_teardown(opens_routes_and_links_it_in_one_batch, start, stop),
        cmocka_unit_test_setup_teardown(takes_from_the_whole_what_is_not_said, start, stop),
        cmocka_unit_test_setup_teardown(a_part_of_a_drill_is_a_drill, start, stop),
        cmocka_unit_test_setup_teardown(keeps_what_its_state_does_not_allow_without_opening_anything, start,
                                        stop),
        cmocka_unit_test_setup_teardown(splits_nothing_off_a_case_that_is_not_there, start, stop),
        cmocka_unit_test_setup_teardown(takes_back_a_part_by_merging_it, start, stop),
        cmocka_unit_test_setup_teardown(the_part_has_clocks_of_its_own_and_the_whole_keeps_its, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
