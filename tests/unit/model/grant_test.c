#include "tests/unit/model/values.h"

#include "hub/model/grant.h"
#include "hub/model/json.h"

#include <stdio.h>

#define KEY "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
#define COUNT(array) (sizeof(array) / sizeof *(array))

static ch_str from_json(value_fixture *of, const char *text)
{
    ch_buf_clear(&of->bytes);
    assert_status(ch_json_to_mp(&of->bytes, ch_str_of(text), &ch_mp_limits_event, &of->error), CH_OK);
    return ch_buf_str(&of->bytes);
}

/* ---- the event's data */

static void refuses_a_grant_that_is_not_whole_and_clear(void **state)
{
    static const struct {
        const char *json, *where;
    } cases[] = {
        {"[]", "data"},
        {"{}", "data.key"},
        {"{\"name\":\"a\",\"role\":\"operator\"}", "data.key"},
        {"{\"key\":\"short\",\"name\":\"a\",\"role\":\"operator\"}", "data.key"},
        {"{\"key\":\"rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf \",\"name\":\"a\",\"role\":\"operator\"}",
         "data.key"},
        {"{\"key\":1}", "data.key"},
        {"{\"key\":\"local\",\"role\":\"operator\"}", "data.name"},
        {"{\"key\":\"local\",\"name\":\"\",\"role\":\"operator\"}", "data.name"},
        {"{\"key\":\"local\",\"name\":\"Li Si\",\"role\":\"operator\"}", "data.name"},
        {"{\"key\":\"local\",\"name\":\"a\"}", "data.role"},
        {"{\"key\":\"local\",\"name\":\"a\",\"role\":null}", "data.role"},
        {"{\"key\":\"local\",\"name\":\"a\",\"role\":\"hub\"}", "data.role"},
        {"{\"key\":\"local\",\"name\":\"a\",\"role\":\"none\"}", "data.role"},
        {"{\"key\":\"local\",\"name\":\"a\",\"role\":\"root\"}", "data.role"},
        {"{\"sources\":\"hotline\"}", "data.sources"},
        {"{\"sources\":[1]}", "data.sources"},
        {"{\"sources\":[\"\"]}", "data.sources"},
        {"{\"sources\":[\"hotline/\"]}", "data.sources"},
        {"{\"sources\":[\"/hotline\"]}", "data.sources"},
        {"{\"sources\":[\"hotline//1\"]}", "data.sources"},
        {"{\"sources\":[\"hub\"]}", "data.sources"},
        {"{\"sources\":[\"hub/ZJ\"]}", "data.sources"},
        {"{\"parties\":[\"Water\"]}", "data.parties"},
        {"{\"parties\":[\"**\"]}", "data.parties"},
        {"{\"parties\":{\"water\":true}}", "data.parties"},
        {"{\"areas\":[\"3\"]}", "data.areas"},
        {"{\"areas\":[\"33.02\"]}", "data.areas"},
        {"{\"areas\":[\"3301020304050607\"]}", "data.areas"},
        {"{\"private\":\"some\"}", "data.private"},
        {"{\"private\":true}", "data.private"},
        {"{\"revoked\":1}", "data.revoked"},
        {"{\"area\":[\"33\"]}", "data.area"},
        {"{\"a b\":1}", "data"},
    };
    value_fixture *of = *state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        ch_grant grant = {.name = "before"};
        ch_status status = ch_grant_decode(from_json(of, cases[i].json), &grant, &of->error);
        if (status != CH_INVALID || strcmp(of->error.where, cases[i].where) != 0) {
            print_error("%s: %s: %s\n", cases[i].json, of->error.where, of->error.text);
        }
        assert_status(status, CH_INVALID);
        assert_string_equal(of->error.where, cases[i].where);
        assert_true(of->error.text[0] != '\0');
        assert_string_equal(grant.name, "before");
    }
    assert_status(ch_grant_decode(CH_STR_NONE, &(ch_grant){.role = CH_ROLE_NONE}, &of->error), CH_INVALID);
}

static void takes_thirty_two_of_each_list_and_not_one_more(void **state)
{
    static const char *const lists[][2] = {{"sources", "hotline"}, {"parties", "water"}, {"areas", "33"}};
    value_fixture *of = *state;
    ch_grant grant;
    for (size_t i = 0; i < COUNT(lists); i++) {
        for (unsigned items = CH_GRANT_LIST_MAX; items <= CH_GRANT_LIST_MAX + 1; items++) {
            ch_buf_clear(&of->bytes);
            ch_mp_put_map(&of->bytes, 4);
            ch_mp_put_text(&of->bytes, "key");
            ch_mp_put_text(&of->bytes, KEY);
            ch_mp_put_text(&of->bytes, "name");
            ch_mp_put_text(&of->bytes, "a");
            ch_mp_put_text(&of->bytes, "role");
            ch_mp_put_text(&of->bytes, "department");
            ch_mp_put_text(&of->bytes, lists[i][0]);
            ch_mp_put_array(&of->bytes, items);
            for (unsigned k = 0; k < items; k++) {
                ch_mp_put_text(&of->bytes, lists[i][1]);
            }
            assert_status(ch_grant_decode(ch_buf_str(&of->bytes), &grant, &of->error),
                          items <= CH_GRANT_LIST_MAX ? CH_OK : CH_INVALID);
        }
    }
    assert_int_equal(grant.area_count, CH_GRANT_LIST_MAX);
}

static void brings_back_every_grant(void **state)
{
    static const char *const grants[] = {
        "{\"key\":\"" KEY
        "\",\"name\":\"hotline-desk\",\"role\":\"connector\",\"sources\":[\"hotline\",\"sms/1\"],"
        "\"private\":\"none\"}",
        "{\"key\":\"local\",\"name\":\"console\",\"role\":\"operator\",\"private\":\"all\"}",
        "{\"key\":\"" KEY
        "\",\"name\":\"water\",\"role\":\"department\",\"sources\":[\"desk/water\"],\"parties\":"
        "[\"water-rescue\",\"*\"],\"areas\":[\"33\",\"330203\"],\"private\":\"own\"}",
        "{\"key\":\"" KEY "\",\"private\":\"none\",\"revoked\":true}",
    };
    value_fixture *of = *state;
    for (size_t i = 0; i < COUNT(grants); i++) {
        ch_grant grant;
        assert_status(ch_grant_decode(from_json(of, grants[i]), &grant, &of->error), CH_OK);
        ch_buf_clear(&of->bytes);
        ch_buf_clear(&of->again);
        ch_grant_encode(&of->bytes, &grant);
        assert_status(ch_mp_check(ch_buf_str(&of->bytes), &ch_mp_limits_event, &of->error), CH_OK);
        assert_status(ch_json_from_mp(&of->again, ch_buf_str(&of->bytes)), CH_OK);
        assert_str(ch_buf_str(&of->again), ch_str_of(grants[i]));
    }
}

static void names_every_role_and_only_people_command(void **state)
{
    ch_role role;
    (void)state;
    for (unsigned i = 0; i < CH_ROLE_COUNT; i++) {
        assert_status(ch_role_from_name(ch_str_of(ch_role_name((ch_role)i)), &role), CH_OK);
        assert_int_equal(role, i);
        assert_int_equal(ch_role_commands(role), i != CH_ROLE_CONNECTOR && i != CH_ROLE_HUB);
    }
    assert_status(ch_role_from_name(CH_STR("Operator"), &role), CH_NOT_FOUND);
    assert_status(ch_role_from_name(CH_STR_NONE, &role), CH_NOT_FOUND);
}

/* ---- publishing */

static ch_grant grant_of(ch_role role)
{
    return (ch_grant){.key = KEY,
                      .name = "client",
                      .role = role,
                      .source_count = 1,
                      .sources = {"hotline"},
                      .party_count = 1,
                      .parties = {"water"},
                      .area_count = 1,
                      .areas = {"3302"}};
}

static ch_status publish(value_fixture *of, const ch_grant *grant, const ch_event *event)
{
    of->error = (ch_error){.status = CH_OK};
    ch_status status = ch_grant_may_publish(grant, event, &of->error);
    if (status != CH_OK) {
        assert_status(status, CH_DENIED);
        assert_int_equal(of->error.status, CH_DENIED);
        assert_true(of->error.where[0] != '\0' && of->error.text[0] != '\0');
    }
    return status;
}

static void denies_every_type_that_is_not_the_roles_to_say(void **state)
{
    /* none, connector, department, supervisor, operator, read-only, auditor, hub */
    static const struct {
        const char *type, *allowed;
    } cases[] = {
        {"case.opened", "-cdso---"},
        {"case.noted", "-cdso---"},
        {"case.suggested", "-cdso---"},
        {"handoff.accepted", "-cdso---"},
        {"handoff.offered", "-cdso---"},
        {"hub.checkpoint", "-c------"},
        {"hub.deadletter", "-c--o---"},
        {"hub.grant", "----o---"},
        {"hub.connector", "----o---"},
        {"hub.subscription", "----o---"},
        {"hub.erased", "----o---"},
        {"hub.alert", "-c------"},
        {"hub.hold", "----o---"},
        {"hub.grants", "--------"},
        {"hub.", "--------"},
        {"clock.met", "--------"},
        {"case", "--------"},
        {"cases.opened", "--------"},
        {"", "--------"},
    };
    value_fixture *of = *state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        for (unsigned role = 0; role < CH_ROLE_COUNT; role++) {
            const ch_grant grant = grant_of((ch_role)role);
            const ch_event event = {.type = ch_str_of(cases[i].type), .source = CH_STR("hotline/1")};
            ch_status status = publish(of, &grant, &event);
            if ((status == CH_OK) != (cases[i].allowed[role] != '-')) {
                fail_msg("%s as %s: %s", cases[i].type, ch_role_name((ch_role)role), ch_status_name(status));
            }
        }
    }
    const ch_grant department = grant_of(CH_ROLE_DEPARTMENT);
    const ch_event grants = {.type = CH_STR("hub.grant"), .source = CH_STR("hotline/1")};
    assert_status(publish(of, &department, &grants), CH_DENIED);
    assert_string_equal(of->error.where, "type");
}

static ch_topic_right right_to(const ch_grant *grant, const char *topic, bool involved)
{
    ch_topic_right apart, with;
    ch_grant_judge_topic(grant, ch_str_of(topic), &apart, &with);
    return involved ? with : apart;
}

static void denies_everybody_to_speak_as_the_hub(void **state)
{
    static const char *const sources[] = {"hub", "hub/ZJ", "hub/"};
    value_fixture *of = *state;
    for (unsigned role = 0; role < CH_ROLE_COUNT; role++) {
        for (size_t i = 0; i < COUNT(sources); i++) {
            ch_grant grant = grant_of((ch_role)role);
            const ch_event event = {.type = CH_STR("case.noted"), .source = ch_str_of(sources[i])};
            memcpy(grant.sources[0], "hub", sizeof "hub");
            assert_status(publish(of, &grant, &event), CH_DENIED);
            assert_string_equal(of->error.where, "source");
            grant.source_count = 0;
            assert_status(publish(of, &grant, &event), CH_DENIED);
        }
    }
}

static void denies_everything_without_a_grant_and_after_it_was_revoked(void **state)
{
    value_fixture *of = *state;
    const ch_event event = {.type = CH_STR("case.noted"), .source = CH_STR("hotline")};
    assert_status(publish(of, NULL, &event), CH_DENIED);
    assert_false(right_to(NULL, "case.noted.hotline.water._", true).may_read);
    for (unsigned role = 0; role < CH_ROLE_COUNT; role++) {
        ch_grant grant = grant_of((ch_role)role);
        grant.revoked = true;
        grant.private_right = CH_PRIVATE_ALL;
        assert_status(publish(of, &grant, &event), CH_DENIED);
        assert_string_equal(of->error.where, "key");
        assert_false(right_to(&grant, "case.noted.hotline.water.33.02", true).may_read);
        assert_false(right_to(&grant, "case.noted.hotline.water.33.02", true).personal);
        assert_false(ch_grant_holds_party(&grant, CH_STR("water")));
        assert_false(ch_grant_covers_area(&grant, CH_STR("3302")));
    }
}

static void denies_sources_parties_and_areas_outside_the_grant(void **state)
{
    /* who it is denied to: connector, department, supervisor, operator */
    static const struct {
        const char *source, *party, *area, *allowed, *where;
    } cases[] = {
        {"hotline", NULL, NULL, "cdso", ""},
        {"hotline/81890", NULL, NULL, "cdso", ""},
        {"hotline2", NULL, NULL, "----", "source"},
        {"hotlin", NULL, NULL, "----", "source"},
        {"grid/hotline", NULL, NULL, "----", "source"},
        {"hotline/1", "water", NULL, "cdso", ""},
        {"hotline/1", "fire", NULL, "--so", "party"},
        {"hotline/1", "water2", NULL, "--so", "party"},
        {"hotline/1", NULL, "330203", "cdso", ""},
        {"hotline/1", NULL, "3302", "cdso", ""},
        {"hotline/1", NULL, "33", "----", "area"},
        {"hotline/1", NULL, "3301", "----", "area"},
    };
    static const ch_role roles[] = {CH_ROLE_CONNECTOR, CH_ROLE_DEPARTMENT, CH_ROLE_SUPERVISOR,
                                    CH_ROLE_OPERATOR};
    value_fixture *of = *state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        for (size_t k = 0; k < COUNT(roles); k++) {
            const ch_grant grant = grant_of(roles[k]);
            const ch_event event = {.type = CH_STR("case.noted"),
                                    .source = ch_str_of(cases[i].source),
                                    .party = ch_str_of(cases[i].party),
                                    .area = ch_str_of(cases[i].area)};
            ch_status status = publish(of, &grant, &event);
            if ((status == CH_OK) != (cases[i].allowed[k] != '-')) {
                fail_msg("case %zu as %s: %s", i, ch_role_name(roles[k]), ch_status_name(status));
            }
            assert_string_equal(of->error.where, status == CH_OK ? "" : cases[i].where);
        }
    }
}

static void a_grant_without_sources_lets_only_operators_and_supervisors_speak(void **state)
{
    value_fixture *of = *state;
    const ch_event event = {.type = CH_STR("case.noted"), .source = CH_STR("console/1")};
    for (unsigned role = 0; role < CH_ROLE_COUNT; role++) {
        ch_grant grant = grant_of((ch_role)role);
        grant.source_count = 0;
        bool free = role == CH_ROLE_OPERATOR || role == CH_ROLE_SUPERVISOR;
        assert_status(publish(of, &grant, &event), free ? CH_OK : CH_DENIED);
    }
}

static void a_connector_reports_its_own_state_and_no_other(void **state)
{
    static const uint8_t own[] = "\x81\xa9"
                                 "connector"
                                 "\xa7"
                                 "hotline",
                         other[] = "\x81\xa9"
                                   "connector"
                                   "\xa4"
                                   "grid";
    value_fixture *of = *state;
    ch_grant grant = grant_of(CH_ROLE_CONNECTOR);
    memcpy(grant.name, "hotline", sizeof "hotline");
    ch_event event = {.type = CH_STR("hub.connector"), .source = CH_STR("hotline/1")};
    event.data = (ch_str){(const char *)other, sizeof other - 1};
    assert_status(publish(of, &grant, &event), CH_DENIED);
    assert_string_equal(of->error.where, "data.connector");
    event.data = (ch_str){(const char *)own, sizeof own - 1};
    assert_status(publish(of, &grant, &event), CH_OK);
}

/* ---- reading */

static void a_connector_hears_what_operators_ask_of_it_but_nothing_personal(void **state)
{
    (void)state;
    ch_grant grant = grant_of(CH_ROLE_CONNECTOR);
    grant.private_right = CH_PRIVATE_ALL;
    assert_true(right_to(&grant, "hub.deadletter.console._._", false).may_read);
    assert_true(right_to(&grant, "hub.connector.console._._", false).may_read);
    assert_false(right_to(&grant, "hub.deadletter.console._._", false).personal);
    assert_true(right_to(&grant, "hub.deadletter.hotline._._", false).personal);
    assert_false(right_to(&grant, "hub.grant.console._._", false).may_read);
}

static void reads_by_role_what_the_grant_names_and_nothing_else(void **state)
{
    /* none, connector, department, supervisor, operator, read-only, auditor, hub */
    static const struct {
        const char *topic;
        bool involved;
        const char *allowed;
    } cases[] = {
        {"case.noted.hotline.water.33.02", false, "-cdsora-"},
        {"case.noted.hotline.water.33.02.03.001", false, "-cdsora-"},
        {"case.noted.hotline.fire.33.02", false, "-c-sora-"},
        {"case.noted.hotline.fire.33.02", true, "-cdsora-"},
        {"case.noted.grid.water.33.02", false,
         "-cdsora-"}, /* a connector that delivers to a party reads for it */
        {"case.noted.grid.fire.33.02", false, "---sora-"},
        {"case.noted.grid.fire.33.01", false, "----o-a-"},
        {"case.noted.grid.fire.33", false, "----o-a-"},
        {"case.noted.grid.fire.33.01", true, "-cd-o-a-"},
        {"case.noted.grid._._", false, "----o-a-"},
        {"case.noted.hotline2.fire._", false, "----o-a-"},
        {"hub.checkpoint.hotline._._", false, "-c--o-a-"},
        {"hub.grant.console._._", true, "----o-a-"},
        {"hub.alert.hub.water.33.02", true, "----o-a-"},
        {"case.noted", true, "--------"},
        {"", true, "--------"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        for (unsigned role = 0; role < CH_ROLE_COUNT; role++) {
            ch_grant grant = grant_of((ch_role)role);
            bool may = right_to(&grant, cases[i].topic, cases[i].involved).may_read;
            if (may != (cases[i].allowed[role] != '-')) {
                fail_msg("%s as %s", cases[i].topic, ch_role_name((ch_role)role));
            }
            assert_false(right_to(&grant, cases[i].topic, cases[i].involved).personal);
            grant.private_right = CH_PRIVATE_ALL;
            assert_int_equal(right_to(&grant, cases[i].topic, cases[i].involved).personal, may);
        }
    }
}

static void shows_personal_data_with_the_own_right_only_where_it_is_concerned(void **state)
{
    static const struct {
        const char *topic;
        bool involved;
        ch_role role;
        bool may;
    } cases[] = {
        {"case.noted.grid.water.33.02", false, CH_ROLE_DEPARTMENT, true},
        {"case.noted.grid.fire.33.02", true, CH_ROLE_DEPARTMENT, true},
        {"case.noted.grid.fire.33.02", false, CH_ROLE_DEPARTMENT, false},
        {"case.noted.hotline.fire.33.02", false, CH_ROLE_DEPARTMENT, false}, /* may not read it at all */
        {"case.noted.hotline.fire.33.02", false, CH_ROLE_CONNECTOR, true},
        {"case.noted.grid.fire.33.02", false, CH_ROLE_SUPERVISOR, false},
        {"case.noted.grid.water.33.02", false, CH_ROLE_SUPERVISOR, true},
        {"case.noted.grid.fire.33.02", true, CH_ROLE_SUPERVISOR, true},
        {"case.noted.grid.fire.33.02", false, CH_ROLE_OPERATOR, false},
        {"case.noted.hotline.fire.33.02", false, CH_ROLE_AUDITOR, true},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        ch_grant grant = grant_of(cases[i].role);
        grant.private_right = CH_PRIVATE_OWN;
        bool may = right_to(&grant, cases[i].topic, cases[i].involved).personal;
        if (may != cases[i].may) {
            fail_msg("case %zu: %s as %s", i, cases[i].topic, ch_role_name(cases[i].role));
        }
    }
}

static void a_star_holds_every_party_but_none_that_is_not_there(void **state)
{
    ch_grant grant = grant_of(CH_ROLE_DEPARTMENT);
    (void)state;
    assert_true(ch_grant_holds_party(&grant, CH_STR("water")));
    assert_false(ch_grant_holds_party(&grant, CH_STR("wate")));
    assert_false(ch_grant_holds_party(&grant, CH_STR("*")));
    memcpy(grant.parties[0], "*", 2);
    assert_true(ch_grant_holds_party(&grant, CH_STR("fire")));
    assert_false(ch_grant_holds_party(&grant, CH_STR_NONE));
    assert_false(ch_grant_holds_party(&grant, CH_STR("")));
}

static void an_area_is_covered_by_its_prefix_with_and_without_dots(void **state)
{
    ch_grant grant = grant_of(CH_ROLE_SUPERVISOR);
    (void)state;
    assert_true(ch_grant_covers_area(&grant, CH_STR("3302")));
    assert_true(ch_grant_covers_area(&grant, CH_STR("33.02.07")));
    assert_false(ch_grant_covers_area(&grant, CH_STR("33.0")));
    assert_false(ch_grant_covers_area(&grant, CH_STR("330")));
    assert_false(ch_grant_covers_area(&grant, CH_STR_NONE));
    grant.area_count = 0;
    assert_true(ch_grant_covers_area(&grant, CH_STR("11")));
    assert_true(ch_grant_covers_area(&grant, CH_STR_NONE));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_values, tear_down_values)
    const struct CMUnitTest tests[] = {
        TEST(refuses_a_grant_that_is_not_whole_and_clear),
        TEST(takes_thirty_two_of_each_list_and_not_one_more),
        TEST(brings_back_every_grant),
        TEST(names_every_role_and_only_people_command),
        TEST(denies_every_type_that_is_not_the_roles_to_say),
        TEST(denies_everybody_to_speak_as_the_hub),
        TEST(denies_everything_without_a_grant_and_after_it_was_revoked),
        TEST(denies_sources_parties_and_areas_outside_the_grant),
        TEST(a_grant_without_sources_lets_only_operators_and_supervisors_speak),
        TEST(a_connector_reports_its_own_state_and_no_other),
        TEST(a_connector_hears_what_operators_ask_of_it_but_nothing_personal),
        TEST(reads_by_role_what_the_grant_names_and_nothing_else),
        TEST(shows_personal_data_with_the_own_right_only_where_it_is_concerned),
        TEST(a_star_holds_every_party_but_none_that_is_not_there),
        TEST(an_area_is_covered_by_its_prefix_with_and_without_dots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
