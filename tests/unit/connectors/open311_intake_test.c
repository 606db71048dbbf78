/* What a citizen's client posts, and what it asks for: each wrong field has its error. */
#include "connectors/transports/open311_filter.h"
#include "connectors/transports/open311_intake.h"
#include "tests/unit/connectors/stage.h"

#include <stdio.h>
#include <stdlib.h>

#define HOTLINE CASEHUB_SOURCE_DIR "/connectors/hotline/"
#define NOW_MS INT64_C(1795521600000) /* 2026-11-24T12:00:00Z */
#define DAY_MS (INT64_C(24) * 3600 * 1000)

static ch_open311_services services;

static int read_services(void **state)
{
    ch_error error = {.status = CH_OK};
    (void)state;
    return ch_open311_services_read(&services, HOTLINE "services.csv", HOTLINE "attributes.csv", &error) ==
                   CH_OK
               ? 0
               : -1;
}

static int drop_services(void **state)
{
    (void)state;
    ch_open311_services_done(&services);
    return 0;
}

static void read_form(ch_form *form, const char *text)
{
    ch_error error = {.status = CH_OK};
    ch_form_init(form);
    assert_status(ch_form_parse(form, ch_str_of(text), &error), CH_OK);
}

static void expect_text(const ch_open311_problems *problems, size_t index, unsigned code, const char *text)
{
    const json_t *problem = json_array_get(problems->list, index);
    assert_int_equal(json_integer_value(json_object_get(problem, "code")), code);
    const char *description = json_string_value(json_object_get(problem, "description"));
    if (description == NULL || strstr(description, text) == NULL) {
        fail_msg("\"%s\" does not tell of \"%s\"", description == NULL ? "" : description, text);
    }
}

static void expect_problem(const char *text, unsigned code, const char *told)
{
    ch_form form;
    ch_open311_problems problems = {.code = 0};
    read_form(&form, text);
    assert_null(ch_open311_intake(&services, &form, &problems));
    assert_int_equal(problems.code, code);
    expect_text(&problems, 0, code, told);
    json_decref(problems.list);
    ch_form_done(&form);
}

static void expect_record(const char *text, const char *wanted)
{
    char got[4096];
    ch_form form;
    ch_open311_problems problems = {.code = 0};
    read_form(&form, text);
    json_t *record = ch_open311_intake(&services, &form, &problems);
    if (record == NULL) {
        char *why = json_dumps(problems.list, 0);
        fail_msg("%s", why);
    }
    size_t size = json_dumpb(record, got, sizeof got - 1, JSON_COMPACT | JSON_REAL_PRECISION(15));
    assert_in_range(size, 1, sizeof got - 1);
    got[size] = '\0';
    assert_string_equal(got, wanted);
    json_decref(record);
    ch_form_done(&form);
}

#define ADVICE "service_code=advice&lat=29.8&long=121.5&"

static void the_service_must_be_known(void **state)
{
    (void)state;
    expect_problem("lat=1&long=2", 400, "service_code: it is missing");
    expect_problem("service_code=&lat=1&long=2", 400, "service_code: it is missing");
    expect_problem("service_code=moon&lat=1&long=2", 404, "service_code: there is no such service");
}

static void a_location_is_needed_and_must_be_one(void **state)
{
    static const char *const bad[] = {
        "91",    "-90.1", "1e3",   "0x10", "nan", "inf", "1,5",
        "1.5.2", "%201",  "north", "-",    "+-1", "1e",  "9999999999999999999999999999999999999999999"};
    (void)state;
    expect_problem("service_code=advice", 400, "the location is missing");
    expect_problem("service_code=advice&lat=1", 400, "long is missing");
    expect_problem("service_code=advice&long=1&address_string=x", 400, "lat is missing");
    expect_problem("service_code=advice&lat=1&long=180.5", 400, "long: a number from -180 to 180");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[200];
        snprintf(text, sizeof text, "service_code=advice&long=1&lat=%s", bad[i]);
        expect_problem(text, 400, "lat: a number from -90 to 90");
    }
}

static void plain_fields_must_be_what_they_are_called(void **state)
{
    char text[5000];
    (void)state;
    expect_problem(ADVICE "email=nobody", 400, "email:");
    expect_problem(ADVICE "email=a%20b@c", 400, "email:");
    expect_problem(ADVICE "email=@c", 400, "email:");
    expect_problem(ADVICE "phone=call+me", 400, "phone:");
    expect_problem(ADVICE "phone=12", 400, "phone:");
    expect_problem(ADVICE "media_url=javascript:alert(1)", 400, "media_url:");
    expect_problem(ADVICE "media_url=https://", 400, "media_url:");
    expect_problem(ADVICE "media_url=https://a/%3Cscript%3E", 400, "media_url:");
    expect_problem(ADVICE "first_name=a%0Ab", 400, "first_name: one line");
    expect_problem(ADVICE "phone=123&phone=456", 400, "phone: it comes twice");
    int used = snprintf(text, sizeof text, ADVICE "description=");
    memset(text + used, 'x', 4001);
    text[used + 4001] = '\0';
    expect_problem(text, 400, "description: more than 4000 characters");
}

static void attributes_are_checked_against_their_table(void **state)
{
    (void)state;
    expect_problem("service_code=repair.appliance&lat=1&long=2", 400, "attribute[DEVICE]: it is required");
    expect_problem("service_code=lamp.out&lat=1&long=2&attribute[EXTENT]=two", 400, "one of the listed keys");
    expect_problem("service_code=lamp.out&lat=1&long=2&attribute[EXTENT]=one&attribute[EXTENT]=row", 400,
                   "one value");
    expect_problem("service_code=lamp.out&lat=1&long=2&attribute[EXTENT]=one&attribute[COLOUR]=x", 400,
                   "no such attribute");
    expect_problem("service_code=lamp.out&lat=1&long=2&attribute[EXTENT]=one&attribute[POLE=x", 400,
                   "no such attribute");
    expect_problem("service_code=lamp.out&lat=1&long=2&attribute[EXTENT]=one&attribute[POLE]=a%0Ab", 400,
                   "one line");
    expect_problem("service_code=road.damage&lat=1&long=2&attribute[WHERE][]=lane&attribute[SIZE]=big", 400,
                   "attribute[SIZE]: a number");
    expect_problem("service_code=power.outage&lat=1&long=2&attribute[EXTENT]=home&attribute[SINCE]=yesterday",
                   400, "attribute[SINCE]: a time");
    /* What only tells something takes no answer. */
    expect_problem("service_code=repair.appliance&lat=1&long=2&attribute[DEVICE]=tv&attribute[NOTE]=x", 400,
                   "no such attribute");
}

static void all_that_is_wrong_is_told_at_once(void **state)
{
    ch_form form;
    ch_open311_problems problems = {.code = 0};
    (void)state;
    read_form(&form, "service_code=repair.appliance&lat=91&long=2&email=x");
    assert_null(ch_open311_intake(&services, &form, &problems));
    assert_int_equal(json_array_size(problems.list), 3);
    expect_text(&problems, 0, 400, "lat:");
    expect_text(&problems, 1, 400, "email:");
    expect_text(&problems, 2, 400, "attribute[DEVICE]");
    json_decref(problems.list);
    ch_form_done(&form);
}

static void no_error_repeats_what_was_sent(void **state)
{
    ch_form form;
    ch_open311_problems problems = {.code = 0};
    (void)state;
    read_form(&form, "service_code=SECRET&lat=SECRET&long=SECRET&email=SECRET&phone=SECRET&media_url=SECRET");
    assert_null(ch_open311_intake(&services, &form, &problems));
    char *text = json_dumps(problems.list, 0);
    assert_null(strstr(text, "SECRET"));
    free(text);
    json_decref(problems.list);
    ch_form_done(&form);
}

static void a_whole_form_becomes_a_record(void **state)
{
    (void)state;
    expect_record(
        "service_code=road.damage&lat=29.868&long=121.5&attribute[WHERE][]=lane&attribute[WHERE][]=cover"
        "&attribute[WHERE][]=lane&attribute[SIZE]=0.5&description=a%0Ab&unknown=1&api_key=k&email=",
        "{\"service_code\":\"road.damage\",\"lat\":29.868,\"long\":121.5,\"description\":\"a\\nb\","
        "\"attributes\":[{\"code\":\"SIZE\",\"name\":\"破损处大约多长（米）？\",\"values\":[{\"key\":\"0.5\","
        "\"name\":\"0.5\"}]},{\"code\":\"WHERE\",\"name\":\"在哪里？\",\"values\":[{\"key\":\"lane\","
        "\"name\":\"车行道\"},{\"key\":\"cover\",\"name\":\"窨井盖\"}]}]}");
    expect_record("service_code=advice&address_string=%E6%A0%B7%E4%BE%8B%E8%B7%AF&phone=%2B86+130",
                  "{\"service_code\":\"advice\",\"address_string\":\"样例路\",\"phone\":\"+86 130\"}");
}

/* ---- filters */

static void expect_filter_problem(const char *text, unsigned code, const char *told)
{
    ch_form form;
    ch_open311_filter filter;
    ch_open311_problems problems = {.code = 0};
    read_form(&form, text);
    ch_open311_filter_read(&filter, &form, &services, NOW_MS, &problems);
    assert_int_equal(problems.code, code);
    expect_text(&problems, 0, code, told);
    json_decref(problems.list);
    ch_open311_filter_done(&filter);
    ch_form_done(&form);
}

static ch_open311_filter read_filter(const char *text)
{
    ch_form form;
    ch_open311_filter filter;
    ch_open311_problems problems = {.code = 0};
    read_form(&form, text);
    ch_open311_filter_read(&filter, &form, &services, NOW_MS, &problems);
    assert_int_equal(problems.code, 0);
    ch_form_done(&form);
    return filter;
}

/* ---- updates */

#define UPDATE "service_request_id=ZJ-20261124-7&updated_datetime=2026-11-24T11:00:00Z"

static void expect_update_problem(const char *text, const char *told)
{
    ch_form form;
    ch_open311_problems problems = {.code = 0};
    read_form(&form, text);
    assert_null(ch_open311_update_intake(&form, NOW_MS, &problems));
    assert_int_equal(problems.code, 400);
    expect_text(&problems, 0, 400, told);
    json_decref(problems.list);
    ch_form_done(&form);
}

static void an_update_must_say_what_of_which_request_and_when(void **state)
{
    (void)state;
    expect_update_problem("updated_datetime=2026-11-24T11:00:00Z&description=a", "service_request_id");
    expect_update_problem("service_request_id=ZJ-20261124-7&description=a",
                          "updated_datetime: it is missing");
    expect_update_problem("service_request_id=ZJ-20261124-7&description=a&updated_datetime=2026-11-24",
                          "updated_datetime: a time");
    expect_update_problem(
        "service_request_id=ZJ-20261124-7&description=a&updated_datetime=2026-11-24T12:11:00Z", "future");
    expect_update_problem(UPDATE, "description: it is missing");
    expect_update_problem(UPDATE "&score=6", "score");
    expect_update_problem(UPDATE "&score=04", "score");
    expect_update_problem(UPDATE "&satisfied=yes", "satisfied");
    expect_update_problem(UPDATE "&description=a&status=%3Cb%3E", "status");
    expect_update_problem(UPDATE "&description=a&phone=x", "phone");
    expect_update_problem(UPDATE "&description=a&description=b", "twice");
}

static void an_update_becomes_a_record(void **state)
{
    ch_form form;
    ch_open311_problems problems = {.code = 0};
    (void)state;
    read_form(&form,
              "service_request_id=ZJ-20261124-7&updated_datetime=2026-11-24T19:00:00+08:00&"
              "description=a&status=CLOSED&score=4&satisfied=false&address_string=b&email=a@b.example");
    json_t *record = ch_open311_update_intake(&form, NOW_MS, &problems);
    json_t *wanted = json_pack("{s:s, s:s, s:s, s:s, s:i, s:b, s:s}", "service_request_id", "ZJ-20261124-7",
                               "updated_datetime", "2026-11-24T11:00:00Z", "description", "a", "status",
                               "closed", "score", 4, "satisfied", 0, "email", "a@b.example");
    assert_true(json_equal(record, wanted));
    json_decref(record);
    json_decref(wanted);
    ch_form_done(&form);
}

static void wrong_filters_are_refused(void **state)
{
    (void)state;
    expect_filter_problem("status=done", 400, "status:");
    expect_filter_problem("status=open,done", 400, "status:");
    expect_filter_problem("service_code=moon", 404, "service_code:");
    expect_filter_problem("start_date=yesterday", 400, "start_date:");
    expect_filter_problem("end_date=2026-11-24T12:00:00", 400, "end_date:");
    expect_filter_problem("start_date=2026-11-24T12:00:00Z&end_date=2026-11-24T11:59:59Z", 400, "before");
    expect_filter_problem("start_date=2026-01-01T00:00:00Z&end_date=2026-04-01T00:00:01Z", 400, "90 days");
    expect_filter_problem("status=open&status=closed", 400, "twice");
}

static void more_ids_than_rows_are_refused(void **state)
{
    char text[4 * CH_OPEN311_REQUESTS_MOST];
    (void)state;
    int used = snprintf(text, sizeof text, "service_request_id=");
    for (int i = 0; i <= CH_OPEN311_REQUESTS_MOST; i++) {
        text[used++] = 'a';
        text[used++] = ',';
    }
    text[used] = '\0';
    expect_filter_problem(text, 400, "service_request_id: more than 1000");
}

static void without_times_the_last_90_days_are_meant(void **state)
{
    (void)state;
    ch_open311_filter filter = read_filter("");
    assert_true(ch_open311_filter_fits(&filter, NOW_MS, "received"));
    assert_true(ch_open311_filter_fits(&filter, NOW_MS - 90 * DAY_MS, "closed"));
    assert_false(ch_open311_filter_fits(&filter, NOW_MS - 90 * DAY_MS - 1, "received"));
    ch_open311_filter_done(&filter);
}

static void both_ends_of_a_span_belong_to_it(void **state)
{
    (void)state;
    ch_open311_filter filter =
        read_filter("start_date=2026-11-24T20:00:00+08:00&end_date=2026-11-24T12:00:01Z");
    assert_false(ch_open311_filter_fits(&filter, NOW_MS - 1, "received"));
    assert_true(ch_open311_filter_fits(&filter, NOW_MS, "received"));
    assert_true(ch_open311_filter_fits(&filter, NOW_MS + 1000, "received"));
    assert_false(ch_open311_filter_fits(&filter, NOW_MS + 1001, "received"));
    ch_open311_filter_done(&filter);
    filter = read_filter("end_date=2026-11-24T12:00:00Z");
    assert_int_equal(filter.start_ms, NOW_MS - 90 * DAY_MS);
    ch_open311_filter_done(&filter);
    filter = read_filter("start_date=2026-01-01T00:00:00Z");
    assert_int_equal(filter.end_ms - filter.start_ms, 90 * DAY_MS);
    ch_open311_filter_done(&filter);
}

static void a_case_is_closed_from_resolved_on(void **state)
{
    static const char *const open[] = {"received", "accepted", "assigned", "in_progress", "waiting"};
    static const char *const closed[] = {"resolved", "closed", "rejected", "cancelled", "merged"};
    (void)state;
    ch_open311_filter filter = read_filter("status=open");
    for (size_t i = 0; i < 5; i++) {
        assert_true(ch_open311_filter_fits(&filter, NOW_MS, open[i]));
        assert_false(ch_open311_filter_fits(&filter, NOW_MS, closed[i]));
    }
    ch_open311_filter_done(&filter);
    filter = read_filter("status=open,closed");
    assert_true(ch_open311_filter_fits(&filter, NOW_MS, "closed"));
    ch_open311_filter_done(&filter);
}

static void services_are_wanted_by_code_and_asked_for_by_category(void **state)
{
    (void)state;
    ch_open311_filter filter = read_filter("service_code=repair.appliance,%20repair.plumbing");
    assert_true(ch_open311_filter_wants(&filter, CH_STR("repair.plumbing")));
    assert_false(ch_open311_filter_wants(&filter, CH_STR("advice")));
    assert_true(ch_str_is(ch_open311_filter_category(&filter), "service.repair"));
    ch_open311_filter_done(&filter);
    filter = read_filter("service_code=advice,lamp.out");
    assert_null(ch_open311_filter_category(&filter).at);
    ch_open311_filter_done(&filter);
    filter = read_filter("");
    assert_true(ch_open311_filter_wants(&filter, CH_STR("anything")));
    ch_open311_filter_done(&filter);
}

static void ids_go_before_all_other_filters(void **state)
{
    (void)state;
    ch_open311_filter filter =
        read_filter("service_request_id=ZJ-1,%20ZJ-2,,&status=nonsense&service_code=moon");
    assert_int_equal(json_array_size(filter.ids), 2);
    assert_string_equal(json_string_value(json_array_get(filter.ids, 1)), "ZJ-2");
    ch_open311_filter_done(&filter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_service_must_be_known),
        TEST(a_location_is_needed_and_must_be_one),
        TEST(plain_fields_must_be_what_they_are_called),
        TEST(attributes_are_checked_against_their_table),
        TEST(all_that_is_wrong_is_told_at_once),
        TEST(no_error_repeats_what_was_sent),
        TEST(a_whole_form_becomes_a_record),
        TEST(an_update_must_say_what_of_which_request_and_when),
        TEST(an_update_becomes_a_record),
        TEST(wrong_filters_are_refused),
        TEST(more_ids_than_rows_are_refused),
        TEST(without_times_the_last_90_days_are_meant),
        TEST(both_ends_of_a_span_belong_to_it),
        TEST(a_case_is_closed_from_resolved_on),
        TEST(services_are_wanted_by_code_and_asked_for_by_category),
        TEST(ids_go_before_all_other_filters),
    };
    return cmocka_run_group_tests(tests, read_services, drop_services);
}
