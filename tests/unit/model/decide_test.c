/* Openings, refs, versions, drills and the hub's own events. */
#include "tests/unit/check.h"
#include "tests/unit/model/city.h"

#include <stdio.h>

static int start(void **state)
{
    static city of;
    city_start(&of);
    *state = &of;
    return 0;
}

static int stop(void **state)
{
    city_stop(*state);
    return 0;
}

static void opens_a_case_and_offers_it_to_the_routed_party(void **state)
{
    city *of = *state;
    assert_int_equal(city_open(of, "grid/zs-01", "81", "{\"kind\":\"matter\",\"category\":\"power.trip\"}"),
                     CH_OK);
    assert_types(of, "*case.opened handoff.offered");
    const ch_event *opened = city_event(of, 0), *offered = city_event(of, 1);
    assert_true(ch_str_is(opened->subject, "ZJ-20261123-1"));
    assert_true(ch_str_is(opened->topic, "case.opened.grid._.33.02.03"));
    assert_true(ch_str_is(offered->topic, "handoff.offered.grid.power-supply.33.02.03"));
    assert_true(ch_str_is(ch_mp_find_str(offered->data, "handoff"), "ZJ-20261123-1/h1"));
    assert_true(ch_str_is(ch_mp_find_str(offered->data, "reason"), "category"));
    assert_true(ch_str_equal(offered->causation_id, opened->id));
    const ch_case *the_case = city_case(of, 1);
    assert_string_equal(the_case->lead, "power-supply");
    assert_string_equal(the_case->refs[0], "81");
    assert_int_equal(the_case->state, CH_CASE_RECEIVED);
    assert_int_equal(the_case->version, 2);
    assert_int_equal(the_case->step_count, 2);
}

static void dates_a_case_by_the_city_s_day(void **state)
{
    city *of = *state;
    ch_event event = {.type = CH_STR("case.opened"),
                      .source = CH_STR("hotline/81890"),
                      .time_ms = INT64_C(1795449600000)}; /* 2026-11-23T16:00:00Z: midnight in the city */
    assert_int_equal(city_publish(of, CH_ROLE_CONNECTOR, NULL, event), CH_OK);
    assert_true(ch_str_is(city_event(of, 0)->subject, "ZJ-20261124-1"));
}

static void leaves_a_case_without_a_route_received(void **state)
{
    city *of = *state;
    assert_int_equal(city_open(of, "grid/zs-01", "1", "{\"category\":\"complaint\"}"), CH_OK);
    assert_types(of, "*case.opened");
    assert_string_equal(city_case(of, 1)->lead, "");
    assert_string_equal(city_case(of, 1)->kind, "matter");
}

static void sets_the_due_time_that_the_route_promises(void **state)
{
    city *of = *state;
    assert_int_equal(city_open(of, "emergency/1", "p1", "{\"category\":\"fire\",\"kind\":\"dispatch\"}"),
                     CH_OK);
    assert_int_equal(city_case(of, 1)->handoffs[0].due_ms, CITY_START_MS + 5 * 60 * 1000);
}

static void amends_what_differs_when_a_ref_is_opened_again(void **state)
{
    city *of = *state;
    assert_int_equal(
        city_publish(of, CH_ROLE_CONNECTOR, NULL,
                     (ch_event){.type = CH_STR("case.opened"),
                                .source = CH_STR("grid/1"),
                                .ref = CH_STR("7"),
                                .data = city_json(of, "{\"title\":\"a\",\"text\":\"b\",\"priority\":3}"),
                                .private_data = city_json(of, "{\"phone\":\"1\",\"name\":\"n\"}")}),
        CH_OK);
    assert_int_equal(
        city_publish(of, CH_ROLE_CONNECTOR, NULL,
                     (ch_event){.type = CH_STR("case.opened"),
                                .id = CH_STR("mine"),
                                .source = CH_STR("grid/1"),
                                .ref = CH_STR("7"),
                                .data = city_json(of, "{\"priority\":1,\"text\":\"b\",\"title\":null}"),
                                .private_data = city_json(of, "{\"name\":\"n\",\"phone\":\"2\"}")}),
        CH_OK);
    assert_types(of, "*case.amended");
    const ch_event *amended = city_event(of, 0);
    assert_true(ch_str_is(amended->id, "mine"));
    assert_true(ch_str_is(amended->source, "grid/1"));
    assert_int_equal(ch_mp_pairs(amended->data), 1);
    assert_int_equal(ch_mp_find_int(amended->data, "priority", 0), 1);
    assert_int_equal(ch_mp_pairs(amended->private_data), 1);
    assert_true(ch_str_is(ch_mp_find_str(amended->private_data, "phone"), "2"));
    assert_int_equal(city_case(of, 1)->priority, 1);
    assert_int_equal(of->case_count, 1);
}

static void notes_a_ref_opened_again_with_nothing_new(void **state)
{
    city *of = *state;
    assert_int_equal(city_open(of, "grid/1", "7", "{\"title\":\"a\"}"), CH_OK);
    assert_int_equal(city_open(of, "grid/1", "7", "{\"title\":\"a\"}"), CH_OK);
    assert_types(of, "*case.noted");
    assert_null(city_event(of, 0)->data.at);
    assert_int_equal(city_case(of, 1)->version, 2);
}

static void amends_there_and_back_again(void **state)
{
    city *of = *state;
    assert_int_equal(city_open(of, "grid/1", "7", "{\"title\":\"a\"}"), CH_OK);
    const char *titles[] = {"{\"title\":\"b\"}", "{\"title\":\"a\"}", "{\"title\":\"b\"}"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(city_open(of, "grid/1", "7", titles[i]), CH_OK);
        assert_types(of, "*case.amended");
    }
}

static void keeps_the_refs_of_two_sources_apart(void **state)
{
    city *of = *state;
    assert_int_equal(city_open(of, "grid/1", "7", NULL), CH_OK);
    assert_int_equal(city_open(of, "grid/2", "7", NULL), CH_OK);
    assert_int_equal(of->case_count, 2);
}

static void moves_a_case_whose_area_is_amended(void **state)
{
    city *of = *state;
    assert_int_equal(city_open(of, "grid/1", "7", NULL), CH_OK);
    ch_event event = {.type = CH_STR("case.opened"),
                      .source = CH_STR("grid/1"),
                      .ref = CH_STR("7"),
                      .area = CH_STR("330211")};
    assert_int_equal(city_publish(of, CH_ROLE_CONNECTOR, NULL, event), CH_OK);
    assert_types(of, "*case.amended");
    assert_true(ch_str_is(city_event(of, 0)->topic, "case.amended.grid._.33.02.11"));
}

static void infers_the_opening_of_an_unknown_ref(void **state)
{
    city *of = *state;
    ch_event event = {.type = CH_STR("case.progressed"),
                      .source = CH_STR("hotline/81890"),
                      .ref = CH_STR("9"),
                      .area = CH_STR("330203")};
    assert_int_equal(city_publish(of, CH_ROLE_CONNECTOR, NULL, event), CH_OK);
    assert_types(of, "~case.opened ~case.accepted ~case.assigned *case.progressed");
    assert_string_equal(city_case(of, 1)->source, "hotline/81890");
    assert_string_equal(city_case(of, 1)->kind, "matter");
    assert_string_equal(city_case(of, 1)->refs[0], "9");
    assert_int_equal(city_case(of, 1)->state, CH_CASE_IN_PROGRESS);
    assert_true(ch_str_is(city_event(of, 0)->topic, "case.opened.hotline._.33.02.03"));
    event.type = CH_STR("case.noted");
    assert_int_equal(city_publish(of, CH_ROLE_CONNECTOR, NULL, event), CH_OK);
    assert_types(of, "*case.noted");
    assert_int_equal(of->case_count, 1);
}

static void refuses_a_command_for_an_unknown_ref(void **state)
{
    city *of = *state;
    ch_event event = {.type = CH_STR("case.noted"), .source = CH_STR("desk/1"), .ref = CH_STR("9")};
    assert_refused(of, city_publish(of, CH_ROLE_OPERATOR, NULL, event), CH_NOT_FOUND,
                   "desk/1 calls no case 9");
}

static void refuses_a_subject_that_is_no_case(void **state)
{
    city *of = *state;
    assert_int_equal(city_open(of, "grid/1", "7", NULL), CH_OK);
    const char *wrong[] = {"ZJ-20261123-2", "XX-20261123-1", "T-ZJ-20261123-1", "nonsense"};
    for (size_t i = 0; i < 4; i++) {
        ch_event event = {.type = CH_STR("case.noted"), .subject = ch_str_of(wrong[i])};
        assert_int_equal(city_publish(of, CH_ROLE_OPERATOR, NULL, event), CH_NOT_FOUND);
        assert_int_equal(of->decision->present_version, 0);
    }
}

static void refuses_an_event_about_no_case(void **state)
{
    city *of = *state;
    ch_event event = {.type = CH_STR("case.noted")};
    assert_refused(of, city_publish(of, CH_ROLE_OPERATOR, NULL, event), CH_INVALID,
                   "case.noted needs a subject or a ref");
    event.type = CH_STR("clock.started");
    assert_refused(of, city_publish(of, CH_ROLE_OPERATOR, NULL, event), CH_INVALID,
                   "clock.started is nothing that a case can take");
}

static void refuses_to_open_a_case_by_subject_or_with_an_origin(void **state)
{
    city *of = *state;
    ch_event event = {.type = CH_STR("case.opened"), .subject = CH_STR("ZJ-20261123-1")};
    assert_refused(of, city_publish(of, CH_ROLE_CONNECTOR, NULL, event), CH_INVALID,
                   "the hub numbers cases: case.opened has no subject");
    event = (ch_event){.type = CH_STR("case.opened"), .data = city_json(of, "{\"origin\":\"grid/1\"}")};
    assert_refused(of, city_publish(of, CH_ROLE_CONNECTOR, NULL, event), CH_INVALID, "only the hub sets it");
}

static void refuses_a_system_that_is_no_topic_token(void **state)
{
    city *of = *state;
    const char *wrong[] = {"a.b/1", "Grid/1", "/1", ">"};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(city_open(of, wrong[i], "1", NULL), CH_INVALID);
        assert_string_equal(of->error.where, "source");
    }
}

static void refuses_more_fields_than_it_can_compare(void **state)
{
    city *of = *state;
    char text[1024] = "{";
    for (int i = 0; i < 32; i++) {
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s\"f%d\":1", i == 0 ? "" : ",", i);
    }
    assert_int_equal(city_open(of, "grid/1", "1", strcat(text, "}")), CH_TOO_LARGE);
}

static void refuses_a_field_that_would_be_taken_for_a_private_one(void **state)
{
    city *of = *state;
    ch_event event = {.type = CH_STR("case.opened"),
                      .source = CH_STR("grid/1"),
                      .ref = CH_STR("9"),
                      .data = city_json(of, "{\"private.phone\":\"1\"}"),
                      .private_data = city_json(of, "{\"phone\":\"2\"}")};
    assert_refused(of, city_publish(of, CH_ROLE_CONNECTOR, NULL, event), CH_INVALID,
                   "field private.phone: its name would be that of a field of private");
    assert_string_equal(of->error.where, "data");
    assert_int_equal(of->case_count, 0);
    event.data = city_json(of, "{\"private\":\"1\"}");
    event.private_data = city_json(of, "{\"private.phone\":\"2\",\"phone\":\"3\"}");
    assert_int_equal(city_publish(of, CH_ROLE_CONNECTOR, NULL, event), CH_OK);
}

static void refuses_another_version_than_expected(void **state)
{
    city *of = *state;
    assert_int_equal(city_open(of, "grid/1", "7", NULL), CH_OK);
    ch_event event = {
        .type = CH_STR("case.noted"), .subject = CH_STR("ZJ-20261123-1"), .expected_version = 4};
    assert_refused(of, city_publish(of, CH_ROLE_OPERATOR, NULL, event), CH_CONFLICT,
                   "expected version 4, but it is 1 (state received)");
    assert_int_equal(of->decision->present_version, 1);
    assert_int_equal(of->decision->present_state, CH_CASE_RECEIVED);
    event.expected_version = 1;
    assert_int_equal(city_publish(of, CH_ROLE_OPERATOR, NULL, event), CH_OK);
}

static void keeps_drills_and_real_cases_apart(void **state)
{
    city *of = *state;
    ch_event event = {.type = CH_STR("case.opened"),
                      .source = CH_STR("emergency/110"),
                      .data = city_json(of, "{\"category\":\"river.person\"}"),
                      .test_mode = true};
    assert_int_equal(city_publish(of, CH_ROLE_CONNECTOR, NULL, event), CH_OK);
    assert_types(of, "*case.opened handoff.offered handoff.offered handoff.offered");
    assert_true(ch_str_is(city_event(of, 1)->subject, "T-ZJ-20261123-1"));
    assert_true(city_event(of, 1)->test_mode);
    assert_int_equal(city_command(of, "case.noted", 1, NULL), CH_OK);
    assert_true(city_event(of, 0)->test_mode);
    assert_int_equal(city_open(of, "grid/1", "7", NULL), CH_OK);
    event = (ch_event){.type = CH_STR("case.noted"), .subject = CH_STR("ZJ-20261123-2"), .test_mode = true};
    assert_refused(of, city_publish(of, CH_ROLE_OPERATOR, NULL, event), CH_REFUSED,
                   "case ZJ-20261123-2 is real: a drill cannot touch it");
}

static void passes_the_hub_s_own_events_through(void **state)
{
    city *of = *state;
    ch_event event = {.type = CH_STR("hub.checkpoint"),
                      .source = CH_STR("grid/zs-01"),
                      .data = city_json(of, "{\"connector\":\"grid\",\"value\":\"x\"}")};
    assert_int_equal(city_publish(of, CH_ROLE_CONNECTOR, NULL, event), CH_OK);
    assert_types(of, "*hub.checkpoint");
    assert_true(ch_str_is(city_event(of, 0)->topic, "hub.checkpoint.grid._._"));
    assert_null(city_event(of, 0)->subject.at);
    assert_int_equal(city_event(of, 0)->case_version, 0);
    assert_int_equal(of->decision->events[0].case_number, 0);
    assert_null(of->decision->scratch);
    event.source = CH_STR("Odd Source");
    assert_int_equal(city_publish(of, CH_ROLE_OPERATOR, NULL, event), CH_OK);
    assert_true(ch_str_is(city_event(of, 0)->topic, "hub.checkpoint.hub._._"));
}

static void denies_a_case_that_is_none_of_the_client_s(void **state)
{
    city *of = *state;
    assert_int_equal(city_open(of, "grid/1", "7", "{\"category\":\"power.trip\"}"), CH_OK);
    assert_refused(of, city_answer(of, "case.noted", "water", 1, NULL), CH_DENIED,
                   "case ZJ-20261123-1 is with no party of client");
    assert_int_equal(city_answer(of, "case.noted", "power-supply", 1, NULL), CH_OK);
    ch_event event = {
        .type = CH_STR("case.noted"), .source = CH_STR("forum/zh"), .subject = CH_STR("ZJ-20261123-1")};
    assert_int_equal(city_publish(of, CH_ROLE_CONNECTOR, NULL, event), CH_DENIED);
    event.source = CH_STR("grid/2");
    assert_int_equal(city_publish(of, CH_ROLE_CONNECTOR, NULL, event), CH_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(opens_a_case_and_offers_it_to_the_routed_party),
        TEST(dates_a_case_by_the_city_s_day),
        TEST(leaves_a_case_without_a_route_received),
        TEST(sets_the_due_time_that_the_route_promises),
        TEST(amends_what_differs_when_a_ref_is_opened_again),
        TEST(notes_a_ref_opened_again_with_nothing_new),
        TEST(amends_there_and_back_again),
        TEST(keeps_the_refs_of_two_sources_apart),
        TEST(moves_a_case_whose_area_is_amended),
        TEST(infers_the_opening_of_an_unknown_ref),
        TEST(refuses_a_command_for_an_unknown_ref),
        TEST(refuses_a_subject_that_is_no_case),
        TEST(refuses_an_event_about_no_case),
        TEST(refuses_to_open_a_case_by_subject_or_with_an_origin),
        TEST(refuses_a_system_that_is_no_topic_token),
        TEST(refuses_more_fields_than_it_can_compare),
        TEST(refuses_a_field_that_would_be_taken_for_a_private_one),
        TEST(refuses_another_version_than_expected),
        TEST(keeps_drills_and_real_cases_apart),
        TEST(passes_the_hub_s_own_events_through),
        TEST(denies_a_case_that_is_none_of_the_client_s),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
