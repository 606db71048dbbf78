/* Who may ask what, and with which arguments. */
#include "tests/unit/check.h"
#include "tests/unit/run/town.h"

#include <stdio.h>
#include <unistd.h>

static int setup(void **state)
{
    static town of;
    town_start(&of);
    *state = &of;
    return 0;
}

static const char *const asked_with[][2] = {
    {"status", NULL},
    {"cases", NULL},
    {"case", "{\"case\":\"r-1\"}"},
    {"timeline", "{\"case\":\"r-1\"}"},
    {"handoffs", NULL},
    {"deadletters", NULL},
    {"deadletter", "{\"deadletter\":1}"},
    {"connectors", NULL},
    {"checkpoint", "{\"connector\":\"client\"}"},
    {"parties", NULL},
    {"route", NULL},
    {"grants", NULL},
};
#define QUERY_COUNT (sizeof asked_with / sizeof *asked_with)

static void a_query_that_nobody_knows_is_not_found(void **state)
{
    town *of = *state;
    assert_refused(of, town_ask(of, &town_operator, "secrets", NULL), CH_NOT_FOUND, "QUERY.name");
    assert_false(ch_query_is_known(CH_STR("secrets")));
    assert_false(ch_query_is_known(CH_STR("")));
}

static void what_only_the_reader_can_answer_is_not_answered_here(void **state)
{
    (void)state;
    assert_false(ch_query_is_known(CH_STR("subscriptions")));
    assert_false(ch_query_is_known(CH_STR("delete_subscription")));
    assert_false(ch_query_is_known(CH_STR("backup")));
}

static void without_a_grant_nothing_is_answered(void **state)
{
    town *of = *state;
    ch_grant revoked = town_operator;
    revoked.revoked = true;
    const ch_grant no_role = town_grant(CH_ROLE_NONE, "client", CH_PRIVATE_ALL, "", "*", "");
    for (size_t i = 0; i < QUERY_COUNT; i++) {
        const char *name = asked_with[i][0], *arguments = asked_with[i][1];
        assert_true(ch_query_is_known(ch_str_of(name)));
        assert_refused(of, town_ask(of, NULL, name, arguments), CH_DENIED, "QUERY");
        assert_refused(of, town_ask(of, &revoked, name, arguments), CH_DENIED, "QUERY");
        assert_refused(of, town_ask(of, &no_role, name, arguments), CH_DENIED, "QUERY.name");
    }
}

static void each_role_is_denied_what_is_not_for_it(void **state)
{
    town *of = *state;
    static const struct {
        ch_role role;
        const char *denied;
    } roles[] = {{CH_ROLE_CONNECTOR, " grants "},
                 {CH_ROLE_DEPARTMENT, " deadletters deadletter connectors checkpoint grants "},
                 {CH_ROLE_SUPERVISOR, " deadletters deadletter checkpoint grants "},
                 {CH_ROLE_READ_ONLY, " deadletters deadletter checkpoint grants "},
                 {CH_ROLE_AUDITOR, " checkpoint "},
                 {CH_ROLE_OPERATOR, " "}};
    for (size_t r = 0; r < sizeof roles / sizeof *roles; r++) {
        const ch_grant grant = town_grant(roles[r].role, "client", CH_PRIVATE_ALL, "", "", "");
        for (size_t i = 0; i < QUERY_COUNT; i++) {
            char word[32];
            snprintf(word, sizeof word, " %s ", asked_with[i][0]);
            bool denied = town_ask(of, &grant, asked_with[i][0], asked_with[i][1]) == CH_DENIED;
            if (denied != (strstr(roles[r].denied, word) != NULL)) {
                fail_msg("%s for %s", asked_with[i][0], ch_role_name(roles[r].role));
            }
        }
    }
}

static void a_bad_argument_is_refused_with_its_place(void **state)
{
    town *of = *state;
    static const struct {
        const char *query, *arguments, *where;
    } bad[] = {
        {"status", "{\"limit\":1}", "limit"},
        {"status", "{\"sequence\":\"7\"}", "sequence"},
        {"status", "{\"sequence\":-1}", "sequence"},
        {"cases", "{\"limit\":0}", "limit"},
        {"cases", "{\"limit\":1001}", "limit"},
        {"cases", "{\"limit\":\"10\"}", "limit"},
        {"cases", "{\"limit\":1.0}", "limit"},
        {"cases", "{\"state\":\"lost\"}", "state"},
        {"cases", "{\"state\":7}", "state"},
        {"cases", "{\"test\":true}", "test"},
        {"cases", "{\"test\":\"all\"}", "test"},
        {"cases", "{\"area\":\"33.02\"}", "area"},
        {"cases", "{\"area\":\"\"}", "area"},
        {"cases", "{\"area\":\"1234567890123456\"}", "area"},
        {"cases", "{\"area\":33}", "area"},
        {"cases", "{\"party\":\"\"}", "party"},
        {"cases", "{\"party\":[\"a\"]}", "party"},
        {"cases", "{\"ref\":\"a\\nb\"}", "ref"},
        {"cases", "{\"since\":\"2026-11-23T00:00:00Z\"}", "since"},
        {"cases", "{\"since\":253402300800000}", "since"},
        {"cases", "{\"anomalous\":1}", "anomalous"},
        {"cases", "{\"after\":\"\"}", "after"},
        {"cases", "{\"after\":\"x\"}", "after"},
        {"cases", "{\"after\":-1}", "after"},
        {"cases", "{\"after\":{}}", "after"},
        {"cases", "{\"colour\":\"red\",\"limit\":7}", "colour"},
        {"cases", "{\"a\\nb\":1}", "?"},
        {"cases", "{\"0123456789012345678901234567890123456789012345678901234567890123\":1}", "?"},
        {"case", NULL, "case"},
        {"case", "{\"case\":null}", "case"},
        {"case", "{\"case\":12}", "case"},
        {"case", "{\"case\":\"x\",\"limit\":1}", "limit"},
        {"timeline", "{}", "case"},
        {"timeline", "{\"case\":\"x\",\"after\":4294967295}", "after"},
        {"handoffs", "{\"open\":\"yes\"}", "open"},
        {"handoffs", "{\"source\":\"hotline/1\"}", "source"},
        {"handoffs", "{\"after\":\"3\"}", "after"},
        {"handoffs", "{\"after\":\"water/1/x\"}", "after"},
        {"handoffs", "{\"after\":\"/1/1\"}", "after"},
        {"handoffs", "{\"after\":\"water/1/4294967295\"}", "after"},
        {"handoffs", "{\"party\":\"health\",\"after\":\"water/1/1\"}", "after"},
        {"handoffs", "{\"open\":false,\"after\":\"water/1/1\"}", "after"},
        {"handoffs", "{\"open\":false,\"after\":\"0/1\"}", "after"},
        {"deadletters", "{\"status\":\"lost\"}", "status"},
        {"deadletters", "{\"connector\":1}", "connector"},
        {"deadletters", "{\"stage\":\"\"}", "stage"},
        {"deadletters", "{\"reason\":\"a\\nb\"}", "reason"},
        {"deadletters", "{\"since\":\"2026-11-23\"}", "since"},
        {"deadletter", "{}", "deadletter"},
        {"deadletter", "{\"deadletter\":0}", "deadletter"},
        {"deadletter", "{\"deadletter\":\"dl-1\"}", "deadletter"},
        {"connectors", "{\"name\":7}", "name"},
        {"checkpoint", NULL, "connector"},
        {"parties", "{\"code\":[]}", "code"},
        {"route", "{\"priority\":0}", "priority"},
        {"route", "{\"priority\":6}", "priority"},
        {"grants", "{\"after\":\"configured/x\"}", "after"},
        {"grants", "{\"after\":\"configured/-1\"}", "after"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char where[128];
        snprintf(where, sizeof where, "QUERY.arguments.%s", bad[i].where);
        ch_status status = town_ask(of, &town_operator, bad[i].query, bad[i].arguments);
        if (status != CH_INVALID || strcmp(where, of->error.where) != 0) {
            fail_msg("%s %s: %s at %s", bad[i].query, bad[i].arguments, ch_status_name(status),
                     of->error.where);
        }
        assert_true(of->error.text[0] != '\0');
    }
}

static void an_unknown_choice_is_told_the_known_ones(void **state)
{
    town *of = *state;
    assert_status(town_ask(of, &town_operator, "cases", "{\"test\":\"all\"}"), CH_INVALID);
    assert_string_equal(of->error.text, "expected is one of exclude, include, only");
}

static void nil_is_as_good_as_absent_and_sequence_is_the_readers(void **state)
{
    town *of = *state;
    town_get(of, &town_operator, "cases", "{\"limit\":null,\"state\":null,\"sequence\":999}");
    assert_int_equal(town_count(of), 0);
    assert_false(of->more);
}

static void an_empty_hub_answers_with_no_rows(void **state)
{
    town *of = *state;
    static const char *const names[] = {"cases", "handoffs", "deadletters", "connectors", "grants"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        town_get(of, &town_operator, names[i], NULL);
        assert_int_equal(town_count(of), 0);
    }
}

static int64_t number(const town *of, const char *field)
{
    const json_t *value = json_object_get(town_row(of, 0), field);
    assert_true(json_is_integer(value));
    return json_integer_value(value);
}

static void everybody_may_see_how_the_hub_is(void **state)
{
    town *of = *state;
    const ch_grant department = town_grant(CH_ROLE_DEPARTMENT, "desk", CH_PRIVATE_NONE, "", "water", "");
    const ch_grant hotline = town_grant(CH_ROLE_CONNECTOR, "hotline", CH_PRIVATE_NONE, "hotline", "", "");
    assert_ok(town_publish(of, &hotline, "{\"type\":\"case.opened\",\"source\":\"hotline/1\",\"ref\":\"1\"}"),
              &of->error);
    assert_ok(town_publish(of, &hotline, "{\"type\":\"case.opened\",\"source\":\"hotline/1\",\"ref\":\"2\"}"),
              &of->error);
    assert_status(
        town_feed(of, &hotline, "", "1", "{\"type\":\"case.noted\",\"source\":\"forum\",\"ref\":\"2\"}"),
        CH_OK);
    ch_metric_set(&of->metrics->clients, 3);
    ch_metric_set(&of->metrics->subscriptions, 2);
    ch_metric_set(&of->metrics->held_cases, 1);
    atomic_store(&of->metrics->ready, 1);
    of->clock.now_ms += 5000;
    town_get(of, &department, "status", "{}");
    assert_int_equal(town_count(of), 1);
    assert_int_equal(number(of, "pid"), getpid());
    assert_list(of, "version", "1.2.3");
    assert_list(of, "hub", "ZJ");
    assert_int_equal(number(of, "epoch"), 1);
    assert_int_equal(number(of, "sequence"), ch_event_log_last(of->store->log));
    assert_int_equal(number(of, "state_sequence"), ch_event_log_last(of->store->log));
    assert_int_equal(number(of, "uptime_ms"), 5000);
    assert_int_equal(number(of, "clients"), 3);
    assert_int_equal(number(of, "subscriptions"), 2);
    assert_int_equal(number(of, "held"), 1);
    assert_int_equal(number(of, "cases"), 3);
    assert_int_equal(number(of, "dead_letters"), 0);
    assert_list(of, "ready", "true");
    assert_list(of, "reason", "-");
    assert_list(of, "map_bytes", "-");
}

static void a_hub_that_is_not_ready_says_why(void **state)
{
    town *of = *state;
    town_get(of, &town_operator, "status", NULL);
    assert_list(of, "ready", "false");
    assert_list(of, "reason", "starting or stopping");

    atomic_store(&of->metrics->ready, 1);
    of->store->reserve_bytes = 1000;
    ch_metric_set(&of->metrics->log_map_bytes, 5000);
    ch_metric_set(&of->metrics->log_used_bytes, 4500);
    ch_metric_set(&of->metrics->state_map_bytes, 5000);
    ch_metric_set(&of->metrics->disk_free_bytes, 1000);
    town_get(of, &town_operator, "status", NULL);
    assert_list(of, "ready", "false");
    assert_list(of, "reason", "log: 500 bytes are free, the reserve is 1000");
    assert_list(of, "log_bytes", "4500");
    assert_list(of, "disk_free_bytes", "1000");

    ch_metric_set(&of->metrics->disk_free_bytes, 999);
    town_get(of, &town_operator, "status", NULL);
    assert_list(of, "reason", "disk: 999 bytes are free, the reserve is 1000");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, town_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_query_that_nobody_knows_is_not_found),
        TEST(what_only_the_reader_can_answer_is_not_answered_here),
        TEST(without_a_grant_nothing_is_answered),
        TEST(each_role_is_denied_what_is_not_for_it),
        TEST(a_bad_argument_is_refused_with_its_place),
        TEST(an_unknown_choice_is_told_the_known_ones),
        TEST(nil_is_as_good_as_absent_and_sequence_is_the_readers),
        TEST(an_empty_hub_answers_with_no_rows),
        TEST(everybody_may_see_how_the_hub_is),
        TEST(a_hub_that_is_not_ready_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
