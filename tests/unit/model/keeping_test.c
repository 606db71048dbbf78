/* A case as a record: it is erased with all that was merged into it, unless one of them is held. */
#include "tests/unit/check.h"
#include "tests/unit/model/city.h"

#include <stdio.h>
#include <stdlib.h>

static int start(void **state)
{
    city *of = malloc(sizeof *of);
    assert_non_null(of);
    city_start(of);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(city_open(of, "grid/zs-01",
                                   i == 0   ? "81"
                                   : i == 1 ? "82"
                                   : i == 2 ? "83"
                                            : "84",
                                   NULL),
                         CH_OK);
    }
    *state = of;
    return 0;
}

static int stop(void **state)
{
    city_stop(*state);
    free(*state);
    return 0;
}

static ch_status say(city *of, const char *type, const char *data)
{
    return city_publish(of, CH_ROLE_OPERATOR, "",
                        (ch_event){.type = ch_str_of(type), .data = city_json(of, data)});
}

static void merge(city *of, uint64_t number, uint64_t into)
{
    char data[80];
    snprintf(data, sizeof data, "{\"into\":\"%s\"}", city_case(of, into)->id);
    assert_int_equal(city_command(of, "case.merged", number, data), CH_OK);
}

#define ERASE(id) "{\"case\":\"" id "\",\"reason\":\"asked for\"}"
#define HOLD(id, action) "{\"case\":\"" id "\",\"action\":\"" action "\",\"reason\":\"court\"}"

static void a_case_that_is_not_there_is_not_found(void **state)
{
    city *of = *state;
    assert_refused(of, say(of, "hub.erased", ERASE("ZJ-20261123-9")), CH_NOT_FOUND,
                   "there is no case ZJ-20261123-9");
    assert_refused(of, say(of, "hub.hold", HOLD("81", "place")), CH_NOT_FOUND, "there is no case 81");
    assert_refused(of, say(of, "hub.erased", ERASE("ZJ-20261124-1")), CH_NOT_FOUND,
                   "there is no case ZJ-20261124-1");
}

static void what_was_merged_into_it_goes_along(void **state)
{
    city *of = *state;
    ch_mp_value list, id;
    ch_str bytes;
    merge(of, 3, 2);
    merge(of, 2, 1);
    assert_int_equal(say(of, "hub.erased", ERASE("ZJ-20261123-1")), CH_OK);
    assert_true(ch_mp_find(city_event(of, 0)->data, "cases", &list, &bytes));
    assert_int_equal(list.count, 3);
    ch_mp_reader reader = ch_mp_reader_of(bytes);
    assert_true(ch_mp_next(&reader, &list));
    for (int i = 1; i <= 3; i++) {
        char expected[32];
        snprintf(expected, sizeof expected, "ZJ-20261123-%d", i);
        assert_true(ch_mp_next(&reader, &id));
        assert_true(ch_str_is(id.str, expected));
    }
}

static void a_producer_cannot_say_which_cases_go_along(void **state)
{
    city *of = *state;
    ch_mp_value list;
    assert_int_equal(say(of, "hub.erased",
                         "{\"case\":\"ZJ-20261123-1\",\"reason\":\"x\",\"cases\":[\"ZJ-20261123-4\",\"a\"]}"),
                     CH_OK);
    assert_true(ch_mp_find(city_event(of, 0)->data, "cases", &list, NULL));
    assert_int_equal(list.count, 1);
}

static void none_of_them_may_be_held(void **state)
{
    city *of = *state;
    merge(of, 2, 1);
    of->held = 2;
    assert_refused(of, say(of, "hub.erased", ERASE("ZJ-20261123-1")), CH_REFUSED,
                   "case ZJ-20261123-2 is under a legal hold");
    assert_int_equal(say(of, "hub.erased", ERASE("ZJ-20261123-4")), CH_OK);
}

static void what_the_hub_itself_says_again_no_hold_prevents(void **state)
{
    city *of = *state;
    ch_mp_value list;
    merge(of, 2, 1);
    of->held = 2;
    const ch_event again = {.type = CH_STR("hub.erased"), .data = city_json(of, ERASE("ZJ-20261123-1"))};
    assert_int_equal(city_publish(of, CH_ROLE_HUB, "", again), CH_OK);
    assert_true(ch_mp_find(city_event(of, 0)->data, "cases", &list, NULL));
    assert_int_equal(list.count, 2);
}

static void a_hold_is_placed_once_and_lifted_once(void **state)
{
    city *of = *state;
    assert_refused(of, say(of, "hub.hold", HOLD("ZJ-20261123-1", "lift")), CH_CONFLICT,
                   "case ZJ-20261123-1 is not held");
    assert_int_equal(say(of, "hub.hold", HOLD("ZJ-20261123-1", "place")), CH_OK);
    of->held = 1;
    assert_refused(of, say(of, "hub.hold", HOLD("ZJ-20261123-1", "place")), CH_CONFLICT,
                   "case ZJ-20261123-1 is held already");
    assert_int_equal(say(of, "hub.hold", HOLD("ZJ-20261123-1", "lift")), CH_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_case_that_is_not_there_is_not_found, start, stop),
        cmocka_unit_test_setup_teardown(what_was_merged_into_it_goes_along, start, stop),
        cmocka_unit_test_setup_teardown(a_producer_cannot_say_which_cases_go_along, start, stop),
        cmocka_unit_test_setup_teardown(none_of_them_may_be_held, start, stop),
        cmocka_unit_test_setup_teardown(what_the_hub_itself_says_again_no_hold_prevents, start, stop),
        cmocka_unit_test_setup_teardown(a_hold_is_placed_once_and_lifted_once, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
