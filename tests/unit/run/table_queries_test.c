/* deadletters, deadletter, connectors, checkpoint, parties, route, grants. */
#include "tests/unit/check.h"
#include "tests/unit/run/town.h"

#include <stdio.h>

typedef struct fixture {
    town of;
    ch_grant hotline, forum, auditor, plain_auditor;
} fixture;

/* No such case: refused, so it becomes a dead letter. */
#define BAD                                                                                                  \
    "{\"type\":\"case.noted\",\"source\":\"%s\",\"subject\":\"ZJ-20261123-99\",\"raw\":{\"$base64\":"        \
    "\"Y2FsbCAxMzgwMA==\"}}"
#define RAW "Y2FsbCAxMzgwMA=="

static void feed(fixture *f, const ch_grant *grant, const char *from, const char *to)
{
    char event[256];
    snprintf(event, sizeof event, BAD, grant->sources[0]);
    assert_status(town_feed(&f->of, grant, from, to, event), CH_NOT_FOUND);
    f->of.clock.now_ms += 1000;
}

static int setup(void **state)
{
    static fixture f;
    town_start(&f.of);
    f.hotline = town_grant(CH_ROLE_CONNECTOR, "hotline-in", CH_PRIVATE_NONE, "hotline", "", "");
    f.forum = town_grant(CH_ROLE_CONNECTOR, "forum-in", CH_PRIVATE_NONE, "forum", "", "");
    f.auditor = town_grant(CH_ROLE_AUDITOR, "auditor", CH_PRIVATE_ALL, "", "", "");
    f.plain_auditor = town_grant(CH_ROLE_AUDITOR, "plain", CH_PRIVATE_OWN, "", "", "");
    feed(&f, &f.hotline, "", "h1");
    feed(&f, &f.forum, "", "f1");
    feed(&f, &f.hotline, "h1", "h2");
    *state = &f;
    return 0;
}

static void say(fixture *f, const char *event)
{
    assert_ok(town_publish(&f->of, &town_operator, event), &f->of.error);
}

/* ---- dead letters */

static void a_connector_sees_its_own_dead_letters_alone(void **state)
{
    fixture *f = *state;
    town_get(&f->of, &town_operator, "deadletters", NULL);
    assert_list(&f->of, "deadletter", "1 2 3");
    assert_list(&f->of, "connector", "hotline-in forum-in hotline-in");
    assert_list(&f->of, "code", "not-found not-found not-found");
    assert_list(&f->of, "status", "open open open");
    assert_list(&f->of, "recorded", "1795400820000 1795400821000 1795400822000");
    town_get(&f->of, &f->hotline, "deadletters", NULL);
    assert_list(&f->of, "deadletter", "1 3");
    town_get(&f->of, &f->hotline, "deadletters", "{\"connector\":\"forum-in\"}");
    assert_int_equal(town_count(&f->of), 0);
    assert_refused(&f->of, town_ask(&f->of, &f->hotline, "deadletter", "{\"deadletter\":2}"), CH_NOT_FOUND,
                   "QUERY.arguments.deadletter");
    assert_refused(&f->of, town_ask(&f->of, &town_operator, "deadletter", "{\"deadletter\":4}"), CH_NOT_FOUND,
                   "QUERY.arguments.deadletter");
}

static void dead_letters_are_found_by_what_they_are(void **state)
{
    fixture *f = *state;
    say(f, "{\"type\":\"hub.deadletter\",\"source\":\"desk\",\"data\":{\"action\":\"drop\",\"number\":1}}");
    static const struct {
        const char *arguments, *numbers;
    } asked[] = {{"{}", "2 3"},
                 {"{\"status\":\"open\"}", "2 3"},
                 {"{\"status\":\"dropped\"}", "1"},
                 {"{\"status\":\"retried\"}", ""},
                 {"{\"status\":\"all\"}", "1 2 3"},
                 {"{\"connector\":\"hotline-in\"}", "3"},
                 {"{\"code\":\"conflict\"}", ""},
                 {"{\"code\":\"not-found\",\"limit\":1}", "2"},
                 {"{\"status\":\"all\",\"after\":1}", "2 3"},
                 {"{\"status\":\"all\",\"after\":\"3\"}", ""}};
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        town_get(&f->of, &town_operator, "deadletters", asked[i].arguments);
        if (strcmp(town_list(&f->of, "deadletter"), asked[i].numbers) != 0) {
            fail_msg("%s: %s", asked[i].arguments, town_list(&f->of, "deadletter"));
        }
    }
    town_get(&f->of, &town_operator, "status", NULL);
    assert_list(&f->of, "dead_letters", "2");
}

static void dead_letters_are_paged(void **state)
{
    fixture *f = *state;
    town_get(&f->of, &f->hotline, "deadletters", "{\"limit\":1}");
    assert_list(&f->of, "deadletter", "1");
    assert_true(f->of.more);
    assert_string_equal(f->of.next, "1");
    town_get(&f->of, &f->hotline, "deadletters", "{\"limit\":1,\"after\":\"1\"}");
    assert_list(&f->of, "deadletter", "3");
    assert_false(f->of.more);
}

static void the_raw_record_is_for_the_connector_and_who_may_see_everything(void **state)
{
    fixture *f = *state;
    const struct {
        const ch_grant *grant;
        bool raw;
    } seen[] = {
        {&town_operator, false}, {&f->plain_auditor, false}, {&f->auditor, true}, {&f->hotline, true}};
    for (size_t i = 0; i < sizeof seen / sizeof *seen; i++) {
        town_get(&f->of, seen[i].grant, "deadletter", "{\"deadletter\":\"1\"}");
        assert_list(&f->of, "deadletter", "1");
        assert_list(&f->of, "stage", "publish");
        assert_int_equal(town_says(&f->of, RAW), seen[i].raw);
        town_get(&f->of, seen[i].grant, "deadletters", NULL);
        assert_false(town_says(&f->of, RAW));
    }
}

static void the_raw_record_of_a_dropped_letter_is_gone(void **state)
{
    fixture *f = *state;
    say(f, "{\"type\":\"hub.deadletter\",\"source\":\"desk\",\"data\":{\"action\":\"drop\",\"number\":1}}");
    town_get(&f->of, &f->auditor, "deadletter", "{\"deadletter\":1}");
    assert_list(&f->of, "status", "dropped");
    assert_list(&f->of, "raw", "-");
}

/* ---- connectors */

#define REPORT(name, more)                                                                                   \
    "{\"type\":\"hub.connector\",\"source\":\"desk\",\"data\":{\"connector\":\"" name "\"" more "}}"

static void a_connector_is_what_it_last_reported(void **state)
{
    fixture *f = *state;
    const ch_grant supervisor = town_grant(CH_ROLE_SUPERVISOR, "boss", CH_PRIVATE_ALL, "", "", "");
    say(f, REPORT("hotline-in", ",\"state\":\"running\""));
    say(f, REPORT("hotline-in",
                  ",\"state\":\"failed\",\"reason\":\"no route\",\"last\":5,\"records\":7,\"lag\":3"));
    say(f, REPORT("forum-in",
                  ",\"state\":\"paused\",\"address\":\"http://127.0.0.1:81/\",\"transport\":\"http\""));
    town_get(&f->of, &supervisor, "connectors", NULL);
    assert_list(&f->of, "connector", "forum-in hotline-in");
    assert_list(&f->of, "state", "paused failed");
    assert_list(&f->of, "address", "http://127.0.0.1:81/ -");
    assert_list(&f->of, "last_success", "- 5");
    assert_list(&f->of, "records", "- 7");
    assert_list(&f->of, "reason", "- no route");
    assert_list(&f->of, "checkpoint", "- -");
    town_get(&f->of, &town_operator, "connectors", NULL);
    assert_list(&f->of, "checkpoint", "f1 h2");
    town_get(&f->of, &f->hotline, "connectors", NULL);
    assert_list(&f->of, "checkpoint", "- h2");
    town_get(&f->of, &f->hotline, "connectors", "{\"name\":\"forum-in\"}");
    assert_list(&f->of, "connector", "forum-in");
    town_get(&f->of, &f->hotline, "connectors", "{\"name\":\"none\"}");
    assert_int_equal(town_count(&f->of), 0);
    town_get(&f->of, &f->hotline, "connectors", "{\"limit\":1}");
    assert_list(&f->of, "connector", "forum-in");
    assert_true(f->of.more);
    assert_string_equal(f->of.next, "forum-in");
    town_get(&f->of, &f->hotline, "connectors", "{\"limit\":1,\"after\":\"forum-in\"}");
    assert_list(&f->of, "connector", "hotline-in");
    assert_false(f->of.more);
}

static void a_checkpoint_is_for_its_connector(void **state)
{
    fixture *f = *state;
    town_get(&f->of, &f->hotline, "checkpoint", "{\"connector\":\"hotline-in\"}");
    assert_list(&f->of, "value", "h2");
    town_get(&f->of, &town_operator, "checkpoint", "{\"connector\":\"forum-in\"}");
    assert_list(&f->of, "value", "f1");
    town_get(&f->of, &town_operator, "checkpoint", "{\"connector\":\"none\"}");
    assert_int_equal(town_count(&f->of), 0);
    assert_refused(&f->of, town_ask(&f->of, &f->hotline, "checkpoint", "{\"connector\":\"forum-in\"}"),
                   CH_DENIED, "QUERY.arguments.connector");
    assert_refused(&f->of, town_ask(&f->of, &f->hotline, "checkpoint", "{\"connector\":\"none\"}"), CH_DENIED,
                   "QUERY.arguments.connector");
}

static void a_long_checkpoint_is_told_only_when_asked_for(void **state)
{
    fixture *f = *state;
    static char value[1002];
    memset(value, 'v', sizeof value - 1);
    feed(f, &f->forum, "f1", value);
    say(f, REPORT("forum-in", ""));
    town_get(&f->of, &town_operator, "connectors", NULL);
    assert_list(&f->of, "checkpoint", "-");
    town_get(&f->of, &town_operator, "checkpoint", "{\"connector\":\"forum-in\"}");
    assert_list(&f->of, "value", value);
}

/* ---- rules */

static void parties_are_what_the_rules_say(void **state)
{
    fixture *f = *state;
    const ch_grant department = town_grant(CH_ROLE_DEPARTMENT, "desk", CH_PRIVATE_NONE, "", "water", "");
    town_get(&f->of, &department, "parties", NULL);
    assert_int_equal(town_count(&f->of), f->of.rules->party_count);
    assert_false(f->of.more);
    town_get(&f->of, &department, "parties", "{\"code\":\"water\"}");
    assert_list(&f->of, "party", "water");
    assert_list(&f->of, "name", "水务局");
    assert_list(&f->of, "supervisor", "city-supervision");
    assert_list(&f->of, "areas", "[\"33\"]");
    assert_list(&f->of, "reach", "bus");
    assert_list(&f->of, "duty", "-"); /* always, as nobody says otherwise */
    town_get(&f->of, &department, "parties", "{\"code\":\"firm-repair-a\"}");
    assert_list(&f->of, "reach", "phone");
    assert_list(&f->of, "duty", "1-7 08:00-20:00");
    town_get(&f->of, &department, "parties", "{\"kind\":\"unit\",\"limit\":2}");
    char first[128];
    snprintf(first, sizeof first, "%s", town_list(&f->of, "party"));
    assert_string_equal(first, "ambulance fire-brigade");
    assert_string_equal(f->of.next, "fire-brigade");
    town_get(&f->of, &department, "parties", "{\"kind\":\"unit\",\"limit\":2,\"after\":\"fire-brigade\"}");
    assert_true(ch_str_starts(ch_str_of(town_list(&f->of, "party")), CH_STR("forum-desk hotline-desk")));
    town_get(&f->of, &department, "parties", "{\"code\":\"nobody\"}");
    assert_int_equal(town_count(&f->of), 0);
}

static void a_route_tells_why(void **state)
{
    fixture *f = *state;
    town_get(&f->of, &f->hotline, "route", "{\"category\":\"fire\",\"area\":\"330203\",\"priority\":1}");
    assert_list(&f->of, "route", "fire");
    assert_list(&f->of, "party", "fire-brigade");
    assert_list(&f->of, "reason", "rescue");
    assert_list(&f->of, "due_after_ms", "300000");
    const json_t *why = json_object_get(town_row(&f->of, 0), "why");
    assert_string_equal(json_string_value(json_array_get(why, 0)),
                        "person-in-river: category fire is not river");
    assert_string_equal(json_string_value(json_array_get(why, json_array_size(why) - 1)),
                        "fire: matches, goes to fire-brigade");
    town_get(&f->of, &f->hotline, "route", NULL);
    assert_list(&f->of, "route", "-");
    assert_int_equal(json_array_size(json_object_get(town_row(&f->of, 0), "why")), f->of.rules->route_count);
}

static void a_route_to_several_tells_how_they_work(void **state)
{
    static const struct {
        const char *category, *party, *form, *need, *lead, *why;
        size_t parties;
    } routes[] = {
        {"river", "water-rescue", "parallel", "all", "-",
         "person-in-river: matches, goes to water-rescue, police-patrol, ambulance (parallel, need all)", 3},
        {"smell", "environment", "joint", "-", "environment",
         "smell: matches, goes to environment, work-safety (joint, lead environment)", 2},
        {"service.repair", "firm-repair-a", "sequence", "-", "-",
         "repair: matches, goes to firm-repair-a, firm-repair-b, firm-repair-c (sequence)", 3},
    };
    fixture *f = *state;
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        char question[80];
        snprintf(question, sizeof question, "{\"category\":\"%s\"}", routes[i].category);
        town_get(&f->of, &f->hotline, "route", question);
        assert_list(&f->of, "party", routes[i].party);
        assert_list(&f->of, "form", routes[i].form);
        assert_list(&f->of, "need", routes[i].need);
        assert_list(&f->of, "lead", routes[i].lead);
        assert_int_equal(json_array_size(json_object_get(town_row(&f->of, 0), "parties")), routes[i].parties);
        const json_t *why = json_object_get(town_row(&f->of, 0), "why");
        assert_string_equal(json_string_value(json_array_get(why, json_array_size(why) - 1)), routes[i].why);
    }
}

/* The town's clocks show 10:27 of a Monday; the firms work from eight to eight. */
static void a_route_that_asks_who_is_on_duty_is_told_for_now_or_for_another_time(void **state)
{
    static const char *const questions[][2] = {
        {"{\"category\":\"service.repair\",\"system\":\"hotline\"}", "repair"},
        {"{\"category\":\"service.repair\",\"system\":\"hotline\",\"at\":1795446000000}",
         "hotline"}, /* 23:00 */
        {"{\"category\":\"service.repair\",\"system\":\"hotline\",\"at\":0}", "repair"},
    };
    fixture *f = *state;
    for (size_t i = 0; i < f->of.rules->route_count; i++) {
        f->of.rules->routes[i].on_duty = true;
    }
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
        town_get(&f->of, &f->hotline, "route", questions[i][0]);
        assert_list(&f->of, "route", questions[i][1]);
    }
}

/* ---- grants */

#define KEY "0123456789012345678901234567890123456789"
#define GRANT(key, name, more)                                                                               \
    "{\"type\":\"hub.grant\",\"source\":\"desk\",\"data\":{\"key\":\"" key "\",\"name\":\"" name             \
    "\",\"role\":\"department\"" more "}}"

static void grants_are_those_of_the_configuration_and_of_the_log(void **state)
{
    fixture *f = *state;
    const ch_grant configured[] = {{.key = "local", .name = "root", .role = CH_ROLE_OPERATOR},
                                   {.key = KEY, .name = "first", .role = CH_ROLE_OPERATOR}};
    f->of.hub.options.grants = configured;
    f->of.hub.options.grant_count = 2;
    say(f, GRANT("123456789012345678901234567890123456789a", "water",
                 ",\"parties\":[\"water\"],\"private\":\"own\""));
    say(f, GRANT("223456789012345678901234567890123456789a", "gone", ""));
    say(f, GRANT("323456789012345678901234567890123456789a", "urban", ",\"areas\":[\"33\"]"));
    say(f, "{\"type\":\"hub.grant\",\"source\":\"desk\",\"data\":{\"key\":"
           "\"223456789012345678901234567890123456789a\","
           "\"revoked\":true}}");
    town_get(&f->of, &f->plain_auditor, "grants", NULL);
    assert_list(&f->of, "name", "root first water urban");
    assert_list(&f->of, "configured", "true true false false");
    assert_list(&f->of, "role", "operator operator department department");
    assert_list(&f->of, "parties", "- - [\"water\"] -");
    assert_list(&f->of, "areas", "- - - [\"33\"]");
    assert_list(&f->of, "private", "none none own none");
    static const char *const names[] = {"root", "first", "water", "urban"};
    char arguments[256] = "{\"limit\":1}";
    for (size_t i = 0; i < 4; i++) {
        town_get(&f->of, &town_operator, "grants", arguments);
        assert_list(&f->of, "name", names[i]);
        assert_int_equal(f->of.more, i < 3);
        snprintf(arguments, sizeof arguments, "{\"limit\":1,\"after\":\"%s\"}", f->of.next);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, town_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_connector_sees_its_own_dead_letters_alone),
        TEST(dead_letters_are_found_by_what_they_are),
        TEST(dead_letters_are_paged),
        TEST(the_raw_record_is_for_the_connector_and_who_may_see_everything),
        TEST(the_raw_record_of_a_dropped_letter_is_gone),
        TEST(a_connector_is_what_it_last_reported),
        TEST(a_checkpoint_is_for_its_connector),
        TEST(a_long_checkpoint_is_told_only_when_asked_for),
        TEST(parties_are_what_the_rules_say),
        TEST(a_route_tells_why),
        TEST(a_route_to_several_tells_how_they_work),
        TEST(a_route_that_asks_who_is_on_duty_is_told_for_now_or_for_another_time),
        TEST(grants_are_those_of_the_configuration_and_of_the_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
