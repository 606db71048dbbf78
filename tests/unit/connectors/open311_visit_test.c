/* What clients are answered, by what the hub says. */
#include "tests/unit/connectors/open311_desk.h"

#include <stdio.h>
#include <stdlib.h>

/* The answer to one request, as "CODE json". */
static const char *ask_with_key(desk *d, ch_open311_method method, const char *path, const char *form,
                                const char *idempotency_key)
{
    static char text[64 * 1024];
    ch_error error = {.status = CH_OK};
    ch_open311_visit *visit = ch_open311_visit_new(&d->site, method, path, NULL);
    assert_non_null(visit);
    assert_status(ch_form_parse(ch_open311_visit_form(visit), ch_str_of(form), &error), CH_OK);
    if (idempotency_key != NULL) {
        ch_open311_visit_set_idempotency_key(visit, idempotency_key);
    }
    d->asked[0] = '\0';
    while (!ch_open311_visit_step(visit)) {
    }
    const ch_open311_answer *answer = ch_open311_visit_answer(visit);
    int used = snprintf(text, sizeof text, "%u ", answer->code);
    size_t size = json_dumpb(answer->document, text + used, sizeof text - (size_t)used - 1, JSON_COMPACT);
    assert_in_range(size, 1, sizeof text - (size_t)used - 1);
    text[(size_t)used + size] = '\0';
    ch_open311_visit_free(visit);
    return text;
}

static const char *get(desk *d, const char *path, const char *query)
{
    return ask_with_key(d, CH_OPEN311_GET, path, query, NULL);
}

static const char *post(desk *d, const char *form)
{
    return ask_with_key(d, CH_OPEN311_POST, "/requests.json", form, NULL);
}

static void expect_code(const char *answer, const char *code, const char *part)
{
    if (strncmp(answer, code, strlen(code)) != 0 || strstr(answer, part) == NULL) {
        fail_msg("\"%s\" is no %s with \"%s\"", answer, code, part);
    }
}

#define FORM "api_key=demo&service_code=advice&lat=29.868&long=121.5"

/* ---- pages */

static void unknown_pages_are_not_found(void **state)
{
    static const char *const paths[] = {"/",
                                        "",
                                        "/request.json",
                                        "/requests.html",
                                        "/requests/",
                                        "/requests/a/b.json",
                                        "/discovery/x.xml",
                                        "/tokens.json",
                                        "/services/../requests.json",
                                        "/.json"};
    desk d;
    (void)state;
    desk_open(&d);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        expect_code(get(&d, paths[i], ""), "404", "no such page");
    }
    desk_close(&d);
}

static void other_methods_are_not_allowed(void **state)
{
    desk d;
    (void)state;
    desk_open(&d);
    expect_code(ask_with_key(&d, CH_OPEN311_POST, "/services.json", "", NULL), "405", "method");
    expect_code(ask_with_key(&d, CH_OPEN311_OTHER, "/requests.json", "", NULL), "405", "method");
    expect_code(ask_with_key(&d, CH_OPEN311_OTHER, "/servicerequestupdates.json", "", NULL), "405", "method");
    ch_open311_visit *visit = ch_open311_visit_new(&d.site, CH_OPEN311_OTHER, "/requests", NULL);
    assert_string_equal(ch_open311_visit_answer(visit)->allow, "GET, HEAD, POST");
    ch_open311_visit_free(visit);
    desk_close(&d);
}

static void the_ending_goes_before_the_accept_header_and_xml_is_the_default(void **state)
{
    static const struct {
        const char *path, *accept;
        ch_open311_format wanted;
    } cases[] = {{"/services.xml", "application/json", CH_OPEN311_XML},
                 {"/services.json", "text/xml", CH_OPEN311_JSON},
                 {"/services", "application/json", CH_OPEN311_JSON},
                 {"/services", "*/*", CH_OPEN311_XML},
                 {"/services", NULL, CH_OPEN311_XML},
                 {"/nothing.json", NULL, CH_OPEN311_JSON}};
    desk d;
    (void)state;
    desk_open(&d);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ch_open311_visit *visit =
            ch_open311_visit_new(&d.site, CH_OPEN311_GET, cases[i].path, cases[i].accept);
        assert_int_equal(ch_open311_visit_format(visit), cases[i].wanted);
        ch_open311_visit_free(visit);
    }
    desk_close(&d);
}

static void a_jurisdiction_that_is_configured_must_be_named(void **state)
{
    desk d;
    (void)state;
    desk_open(&d);
    expect_code(get(&d, "/services.json", "jurisdiction_id=elsewhere"), "200", "lamp.out");
    d.site.jurisdiction = "haishu.example";
    expect_code(get(&d, "/services.json", ""), "400", "jurisdiction_id: it is missing");
    expect_code(get(&d, "/services.json", "jurisdiction_id=elsewhere"), "404", "jurisdiction_id");
    expect_code(get(&d, "/services.json", "jurisdiction_id=haishu.example"), "200", "lamp.out");
    expect_code(get(&d, "/discovery.json", ""), "200", "GeoReport_v2");
    desk_close(&d);
}

static void services_need_no_hub(void **state)
{
    desk d;
    (void)state;
    desk_open(&d);
    d.away = true;
    expect_code(get(&d, "/services.json", ""), "200", "\"service_code\":\"lamp.out\"");
    expect_code(get(&d, "/services/lamp.out.json", ""), "200", "\"code\":\"EXTENT\"");
    expect_code(get(&d, "/services/lamp.out", ""), "200", "\"code\":\"EXTENT\"");
    expect_code(get(&d, "/services/moon.json", ""), "404", "service_code");
    expect_code(get(&d, "/discovery.json", ""), "200", "\"url\":\"http://127.0.0.1:1\"");
    desk_close(&d);
}

/* ---- POST */

static void nothing_is_taken_without_a_known_key(void **state)
{
    desk d;
    (void)state;
    desk_open(&d);
    expect_code(post(&d, "service_code=advice&lat=1&long=2"), "403", "api_key: it is missing");
    expect_code(post(&d, "api_key=dem&service_code=advice&lat=1&long=2"), "403", "api_key: it is not known");
    expect_code(post(&d, "api_key=demo1&service_code=advice&lat=1&long=2"), "403", "api_key");
    assert_string_equal(d.asked, "");
    desk_close(&d);
}

static void a_wrong_form_never_gets_to_the_hub(void **state)
{
    desk d;
    (void)state;
    desk_open(&d);
    expect_code(post(&d, "api_key=demo&service_code=advice"), "400", "location");
    expect_code(post(&d, "api_key=demo&service_code=moon&lat=1&long=2"), "404", "service_code");
    assert_string_equal(d.asked, "");
    desk_close(&d);
}

static void a_post_is_answered_with_the_case_once_it_is_durable(void **state)
{
    desk d;
    (void)state;
    desk_open(&d);
    d.site.notice = "24 h";
    assert_string_equal(
        post(&d, FORM "&account_id=a-1"),
        "200 [{\"service_request_id\":\"ZJ-20261124-7\",\"service_notice\":\"24 h\",\"account_id\":"
        "\"a-1\"}]");
    assert_string_equal(d.asked, "take\n");
    assert_non_null(strstr(d.record, "\"service_code\":\"advice\""));
    assert_non_null(strstr(d.record, "\"token\":\""));
    assert_null(strstr(d.record, "demo"));
    desk_close(&d);
}

static void two_posts_without_a_key_of_their_own_are_two_requests(void **state)
{
    desk d;
    char first[sizeof d.record];
    (void)state;
    desk_open(&d);
    post(&d, FORM);
    memcpy(first, d.record, sizeof first);
    post(&d, FORM);
    assert_string_not_equal(first, d.record);
    desk_close(&d);
}

static void a_hub_that_is_away_or_slow_gives_503_and_a_name_to_repeat_it_under(void **state)
{
    desk d;
    char record[sizeof d.record];
    ch_error error = {.status = CH_OK};
    (void)state;
    desk_open(&d);
    d.away = true;
    expect_code(post(&d, FORM), "503", "away");
    assert_string_equal(d.asked, "");
    d.away = false;
    d.verdict = CASEHUB_RETRY;
    ch_open311_visit *visit = ch_open311_visit_new(&d.site, CH_OPEN311_POST, "/requests", NULL);
    assert_status(ch_form_parse(ch_open311_visit_form(visit), CH_STR(FORM), &error), CH_OK);
    assert_true(ch_open311_visit_step(visit));
    assert_int_equal(ch_open311_visit_answer(visit)->code, 503);
    assert_int_equal(strlen(ch_open311_visit_answer(visit)->key), 32);
    memcpy(record, d.record, sizeof record);
    d.verdict = CASEHUB_DONE;
    expect_code(ask_with_key(&d, CH_OPEN311_POST, "/requests", FORM, ch_open311_visit_answer(visit)->key),
                "200", "ZJ-20261124-7");
    assert_string_equal(d.record, record); /* the same token: the hub opens it once */
    ch_open311_visit_free(visit);
    desk_close(&d);
}

static void what_the_mapping_refuses_is_told_and_what_the_hub_forbids_is_not(void **state)
{
    desk d;
    (void)state;
    desk_open(&d);
    d.verdict = CASEHUB_REJECT;
    snprintf(d.outcome.code, sizeof d.outcome.code, "not-found");
    snprintf(d.outcome.reason, sizeof d.outcome.reason, "the code is not in the table");
    expect_code(post(&d, FORM), "400", "the code is not in the table");
    snprintf(d.outcome.code, sizeof d.outcome.code, "denied");
    snprintf(d.outcome.reason, sizeof d.outcome.reason, "no grant covers it");
    expect_code(post(&d, FORM), "500", "does not take requests");
    assert_non_null(strstr(d.logged, "no grant covers it (denied)"));
    desk_close(&d);
}

static void a_repeated_post_gets_the_first_answer_and_another_form_is_a_conflict(void **state)
{
    desk d;
    char row[1024], digest[64];
    (void)state;
    desk_open(&d);
    expect_code(ask_with_key(&d, CH_OPEN311_POST, "/requests", FORM, "my-7"), "200", "ZJ-20261124-7");
    assert_int_equal(sscanf(strstr(d.record, "\"digest\":\""), "\"digest\":\"%32[0-9a-f]\"", digest), 1);
    snprintf(row, sizeof row,
             "[{\"case\":\"ZJ-20261124-7\",\"source\":\"hotline/81890\","
             "\"opened_event\":{\"data\":{\"request_digest\":\"%s\"}}}]",
             digest);
    desk_reply_with(&d, "case", "", row, NULL);
    expect_code(ask_with_key(&d, CH_OPEN311_POST, "/requests", FORM, "my-7"), "200", "ZJ-20261124-7");
    assert_null(strstr(d.asked, "take"));
    assert_non_null(strstr(d.asked, "\"source\":\"hotline/81890\""));
    assert_non_null(strstr(d.asked, "\"sequence\":70")); /* the hub's answer is not older than what it told */
    expect_code(ask_with_key(&d, CH_OPEN311_POST, "/requests", FORM "&description=x", "my-7"), "409",
                "another request");
    desk_close(&d);
}

static void the_token_field_is_no_part_of_what_was_asked(void **state)
{
    desk d;
    char by_header[sizeof d.record];
    (void)state;
    desk_open(&d);
    ask_with_key(&d, CH_OPEN311_POST, "/requests", FORM, "my-7");
    memcpy(by_header, d.record, sizeof by_header);
    post(&d, FORM "&token=my-7");
    assert_string_equal(d.record, by_header);
    desk_close(&d);
}

static void a_key_of_one_client_is_none_of_another(void **state)
{
    desk d;
    char first[sizeof d.record];
    (void)state;
    desk_open(&d);
    ask_with_key(&d, CH_OPEN311_POST, "/requests", FORM, "1");
    memcpy(first, d.record, sizeof first);
    ask_with_key(&d, CH_OPEN311_POST, "/requests", "api_key=other&service_code=advice&lat=29.868&long=121.5",
                 "1");
    assert_string_not_equal(first, d.record);
    desk_close(&d);
}

static void an_event_that_came_through_unnoticed_is_found_again(void **state)
{
    desk d;
    (void)state;
    desk_open(&d);
    d.verdict = CASEHUB_REJECT;
    snprintf(d.outcome.code, sizeof d.outcome.code, "conflict");
    expect_code(post(&d, FORM), "500", ""); /* it is not there: the conflict is another */
    desk_reply_with(&d, "case", "", "[{\"case\":\"ZJ-20261124-9\",\"source\":\"hotline/81890\"}]", NULL);
    expect_code(post(&d, FORM), "200", "ZJ-20261124-9");
    desk_close(&d);
}

static void a_key_that_is_too_long_is_refused(void **state)
{
    desk d;
    char key[300];
    (void)state;
    desk_open(&d);
    memset(key, 'k', sizeof key);
    key[201] = '\0';
    expect_code(ask_with_key(&d, CH_OPEN311_POST, "/requests", FORM, key), "400", "200 bytes");
    expect_code(ask_with_key(&d, CH_OPEN311_POST, "/requests", FORM, "\xff"), "400", "UTF-8");
    desk_close(&d);
}

/* ---- tokens */

static void a_token_leads_to_its_request(void **state)
{
    desk d;
    (void)state;
    desk_open(&d);
    expect_code(get(&d, "/tokens/abc.json", ""), "404", "token");
    desk_reply_with(&d, "case", "\"case\":\"abc\"",
                    "[{\"case\":\"ZJ-20261124-7\",\"source\":\"hotline/81890\"}]", NULL);
    assert_string_equal(get(&d, "/tokens/abc.json", ""),
                        "200 [{\"service_request_id\":\"ZJ-20261124-7\",\"token\":\"abc\"}]");
    desk_fail_with(&d, "case", "timeout");
    expect_code(get(&d, "/tokens/abc.json", ""), "503", "");
    desk_close(&d);
}

static void a_client_finds_its_own_token(void **state)
{
    desk d;
    char part[80], token[40];
    (void)state;
    desk_open(&d);
    ask_with_key(&d, CH_OPEN311_POST, "/requests", FORM, "my-7");
    assert_int_equal(sscanf(strstr(d.record, "\"token\":\""), "\"token\":\"%32[0-9a-f]\"", token), 1);
    snprintf(part, sizeof part, "\"case\":\"%s\"", token);
    desk_reply_with(&d, "case", part, "[{\"case\":\"ZJ-20261124-7\",\"source\":\"hotline/81890\"}]", NULL);
    expect_code(get(&d, "/tokens/my-7", ""), "404", "token");
    expect_code(get(&d, "/tokens/my-7", "api_key=other"), "404", "token");
    expect_code(get(&d, "/tokens/my-7", "api_key=demo"), "200", "ZJ-20261124-7");
    desk_close(&d);
}

/* ---- GET /requests/ID */

#define LAMP                                                                                                 \
    "[{\"case\":\"ZJ-20261124-7\",\"source\":\"hotline/"                                                     \
    "81890\",\"system\":\"hotline\",\"state\":\"in_progress\","                                              \
    "\"category\":\"lamp.out\",\"party\":\"urban-mgmt\",\"opened\":1795521600000,\"changed\":1795525200000," \
    "\"version\":4,\"handoffs\":[{\"handoff\":\"ZJ-20261124-7/"                                              \
    "h1\",\"party\":\"urban-mgmt\",\"state\":\"started\","                                                   \
    "\"due\":1795608000000},{\"party\":\"water\",\"state\":\"expired\",\"due\":1795694400000}],"             \
    "\"opened_event\":{\"data\":{\"kind\":\"request\",\"text\":\"不亮\",\"category_local\":\"lamp.out\","  \
    "\"lon\":121.5,\"lat\":29.868,\"attachments\":[{\"url\":\"https://example.org/a.jpg\"}]},"               \
    "\"private\":{\"address\":\"样例路1号\",\"phone\":\"13000000001\",\"name\":\"张测试\"}}}]"

static void put_lamp(desk *d)
{
    desk_reply_with(d, "case", "\"case\":\"ZJ-20261124-7\"", LAMP, NULL);
    desk_reply_with(d, "parties", "urban-mgmt", "[{\"party\":\"urban-mgmt\",\"name\":\"城市管理局\"}]", NULL);
    desk_reply_with(d, "timeline", "",
                    "[{\"type\":\"case.opened\",\"data\":{\"text\":\"不亮\"}},"
                    "{\"type\":\"case.replied\",\"data\":{\"text\":\"明天来修\",\"public\":true}},"
                    "{\"type\":\"case.replied\",\"data\":{\"text\":\"只告诉本人\"}},"
                    "{\"type\":\"case.noted\",\"data\":{\"text\":\"内部\"}}]",
                    NULL);
}

static void a_request_tells_what_the_hub_knows(void **state)
{
    desk d;
    (void)state;
    desk_open(&d);
    put_lamp(&d);
    assert_string_equal(
        get(&d, "/requests/ZJ-20261124-7.json", ""),
        "200 [{\"service_request_id\":\"ZJ-20261124-7\",\"status\":\"open\",\"status_notes\":"
        "\"明天来修\",\"service_name\":\"路灯不亮\",\"service_code\":\"lamp.out\","
        "\"agency_responsible\":\"城市管理局\",\"service_notice\":null,"
        "\"requested_datetime\":\"2026-11-24T12:00:00Z\",\"updated_datetime\":\"2026-11-24T13:00:00Z\","
        "\"expected_datetime\":\"2026-11-25T12:00:00Z\"}]");
    desk_close(&d);
}

static void only_a_key_shows_what_was_said_and_where(void **state)
{
    desk d;
    (void)state;
    desk_open(&d);
    put_lamp(&d);
    const char *open = get(&d, "/requests/ZJ-20261124-7.json", "");
    assert_null(strstr(open, "不亮\",\"address"));
    assert_null(strstr(open, "样例路1号"));
    assert_null(strstr(open, "29.868"));
    expect_code(get(&d, "/requests/ZJ-20261124-7.json", "api_key=wrong"), "403", "api_key");
    const char *trusted = get(&d, "/requests/ZJ-20261124-7.json", "api_key=demo");
    expect_code(trusted, "200", "\"description\":\"不亮\",\"address\":\"样例路1号\"");
    expect_code(trusted, "200", "\"media_url\":\"https://example.org/a.jpg\"");
    expect_code(trusted, "200", "\"status_notes\":\"只告诉本人\"");
    assert_null(strstr(trusted, "13000000001"));
    assert_null(strstr(trusted, "张测试"));
    assert_null(strstr(trusted, "内部"));
    desk_close(&d);
}

static void the_last_answer_of_a_department_is_the_note(void **state)
{
    desk d;
    (void)state;
    desk_open(&d);
    put_lamp(&d);
    desk_reply_with(&d, "timeline", "\"after\":\"0\"",
                    "[{\"type\":\"case.replied\",\"data\":{\"text\":\"a\",\"public\":true}}]", "1");
    desk_reply_with(&d, "timeline", "\"after\":\"1\"",
                    "[{\"type\":\"handoff.completed\",\"data\":{\"text\":\"已修复\"}},"
                    "{\"type\":\"case.resolved\",\"data\":{}},{\"type\":\"handoff.rejected\",\"data\":{"
                    "\"text\":\"不\"}}]",
                    NULL);
    expect_code(get(&d, "/requests/ZJ-20261124-7.json", ""), "200", "\"status_notes\":\"已修复\"");
    desk_reply_with(&d, "timeline", "\"after\":\"0\"",
                    "[{\"type\":\"case.resolved\",\"data\":{\"resolution\":\"换灯\"}}]", NULL);
    expect_code(get(&d, "/requests/ZJ-20261124-7.json", ""), "200", "\"status_notes\":\"换灯\"");
    desk_close(&d);
}

static void cases_of_others_are_not_there(void **state)
{
    desk d;
    (void)state;
    desk_open(&d);
    desk_reply_with(&d, "case", "ZJ-1",
                    "[{\"case\":\"ZJ-1\",\"source\":\"hotline/96345\",\"state\":\"closed\"}]", NULL);
    desk_reply_with(&d, "case", "token",
                    "[{\"case\":\"ZJ-2\",\"source\":\"hotline/81890\",\"state\":\"closed\"}]", NULL);
    expect_code(get(&d, "/requests/ZJ-1.json", "api_key=demo"), "404", "service_request_id");
    expect_code(get(&d, "/requests/token.json", "api_key=demo"), "404", "service_request_id");
    expect_code(get(&d, "/requests/ZJ-3.json", ""), "404", "service_request_id");
    expect_code(get(&d, "/tokens/ZJ-1.json", ""), "404", "token");
    desk_close(&d);
}

static void a_hub_that_fails_is_no_answer_about_a_request(void **state)
{
    static const char *const queries[] = {"case", "timeline", "parties"};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        desk d;
        desk_open(&d);
        put_lamp(&d);
        desk_fail_with(&d, queries[i], "unavailable");
        expect_code(get(&d, "/requests/ZJ-20261124-7.json", ""), "503", "does not answer");
        desk_fail_with(&d, queries[i], "denied");
        expect_code(get(&d, "/requests/ZJ-20261124-7.json", ""), "500", "refuses");
        assert_non_null(strstr(d.logged, queries[i]));
        d.away = true;
        expect_code(get(&d, "/requests/ZJ-20261124-7.json", ""), "503", "away");
        desk_close(&d);
    }
}

static void a_case_without_a_service_shows_its_category(void **state)
{
    desk d;
    (void)state;
    desk_open(&d);
    desk_reply_with(
        &d, "case", "",
        "[{\"case\":\"ZJ-1\",\"source\":\"hotline/81890\",\"state\":\"merged\",\"category\":\"fire\"}]",
        NULL);
    desk_reply_with(&d, "timeline", "", "[]", NULL);
    const char *answer = get(&d, "/requests/ZJ-1.json", "");
    expect_code(answer, "200",
                "\"service_name\":\"fire\",\"service_code\":\"fire\",\"agency_responsible\":null");
    expect_code(answer, "200", "\"status\":\"closed\"");
    desk_close(&d);
}

/* ---- GET /requests */

#define ROW(id, state, opened)                                                                               \
    "{\"case\":\"" id "\",\"state\":\"" state "\",\"opened\":" opened ",\"category\":\"service.repair\"}"
#define CASE(id, local)                                                                                      \
    "[{\"case\":\"" id "\",\"source\":\"hotline/81890\",\"state\":\"received\",\"opened\":1795521600000,"    \
    "\"category\":\"service.repair\",\"opened_event\":{\"data\":{\"category_local\":\"" local "\"}}}]"

static void put_list(desk *d)
{
    desk_reply_with(d, "cases", "",
                    "[" ROW("A", "received", "1795521600000") "," ROW("B", "closed", "1795521600000") "]",
                    "8");
    desk_reply_with(d, "cases", "\"after\":\"8\"",
                    "[" ROW("C", "received", "1795521600000") "," ROW("D", "received", "1700000000000") "]",
                    NULL);
    desk_reply_with(d, "case", "\"case\":\"A\"", CASE("A", "repair.appliance"), NULL);
    desk_reply_with(d, "case", "\"case\":\"B\"", CASE("B", "repair.appliance"), NULL);
    desk_reply_with(d, "case", "\"case\":\"C\"", CASE("C", "repair.plumbing"), NULL);
    desk_reply_with(d, "timeline", "", "[]", NULL);
}

static void count_found(const char *answer, const char *ids)
{
    static const char *const all[] = {"A", "B", "C", "D"};
    assert_memory_equal(answer, "200 ", 4);
    for (size_t i = 0; i < 4; i++) {
        char part[60];
        snprintf(part, sizeof part, "\"service_request_id\":\"%s\"", all[i]);
        if ((strstr(answer, part) != NULL) != (strstr(ids, all[i]) != NULL)) {
            fail_msg("%s are wanted, not %s", ids, answer);
        }
    }
}

static void a_list_is_what_the_filters_leave(void **state)
{
    desk d;
    (void)state;
    desk_open(&d);
    put_list(&d);
    count_found(get(&d, "/requests.json", ""), "ABC");
    assert_non_null(strstr(d.asked, "cases {\"system\":\"hotline\",\"limit\":200,\"since\":1787745600000}"));
    count_found(get(&d, "/requests.json", "status=open"), "AC");
    count_found(get(&d, "/requests.json", "status=closed"), "B");
    count_found(get(&d, "/requests.json", "service_code=repair.plumbing"), "C");
    assert_non_null(strstr(d.asked, "\"category\":\"service.repair\""));
    count_found(get(&d, "/requests.json", "start_date=2026-11-24T12:00:01Z"), "");
    count_found(get(&d, "/requests.json", "end_date=2023-12-01T00:00:00Z"), "");
    expect_code(get(&d, "/requests.json", "status=lost"), "400", "status");
    desk_close(&d);
}

static void ids_are_looked_up_one_by_one(void **state)
{
    desk d;
    (void)state;
    desk_open(&d);
    put_list(&d);
    count_found(get(&d, "/requests.json", "service_request_id=B,nowhere,C&status=open"), "BC");
    assert_null(strstr(d.asked, "cases"));
    desk_close(&d);
}

static void one_step_asks_the_hub_once(void **state)
{
    desk d;
    (void)state;
    desk_open(&d);
    put_list(&d);
    ch_open311_visit *visit = ch_open311_visit_new(&d.site, CH_OPEN311_GET, "/requests.json", NULL);
    bool done = false;
    while (!done) {
        size_t before = strlen(d.asked);
        done = ch_open311_visit_step(visit);
        const char *asked = d.asked + before, *line = strchr(asked, '\n');
        assert_true(line == NULL || line[1] == '\0');
    }
    ch_open311_visit_free(visit);
    desk_close(&d);
}

static void a_list_ends_at_a_thousand_requests(void **state)
{
    desk d;
    (void)state;
    desk_open(&d);
    desk_reply_with(&d, "cases", "", "[" ROW("A", "received", "1795521600000") "]", "8"); /* without end */
    desk_reply_with(&d, "case", "", CASE("A", "advice"), NULL);
    desk_reply_with(&d, "timeline", "", "[]", NULL);
    ch_open311_visit *visit = ch_open311_visit_new(&d.site, CH_OPEN311_GET, "/requests.json", NULL);
    while (!ch_open311_visit_step(visit)) {
        d.asked[0] = '\0';
    }
    assert_int_equal(json_array_size(ch_open311_visit_answer(visit)->document), 1000);
    ch_open311_visit_free(visit);
    desk_close(&d);
}

static void a_search_without_end_is_given_up(void **state)
{
    desk d;
    (void)state;
    desk_open(&d);
    d.step_ms = 1000;
    desk_reply_with(&d, "cases", "", "[]", "8");
    expect_code(get(&d, "/requests.json", ""), "503", "too long");
    desk_close(&d);
}

/* ---- updates */

#define UPDATE                                                                                               \
    "api_key=demo&service_request_id=ZJ-20261124-7&updated_datetime=2026-11-24T11:00:00Z&description=a&"     \
    "update_id=17"
#define KNOWN(state)                                                                                         \
    "[{\"case\":\"ZJ-20261124-7\",\"ref\":\"t-7\",\"source\":\"hotline/81890\",\"state\":\"" state "\"}]"

static const char *post_update(desk *d, const char *form)
{
    return ask_with_key(d, CH_OPEN311_POST, "/servicerequestupdates.json", form, NULL);
}

static void an_update_needs_a_key_and_a_request_of_this_source(void **state)
{
    desk d;
    (void)state;
    desk_open(&d);
    expect_code(post_update(&d, "service_request_id=ZJ-20261124-7"), "403", "api_key");
    expect_code(post_update(&d, "api_key=demo&service_request_id=ZJ-20261124-7"), "400", "updated_datetime");
    assert_string_equal(d.asked, "");
    expect_code(post_update(&d, UPDATE), "404", "service_request_id");
    desk_reply_with(&d, "case", "", "[{\"case\":\"ZJ-20261124-7\",\"source\":\"grid/x\"}]", NULL);
    expect_code(post_update(&d, UPDATE), "404", "service_request_id");
    assert_null(strstr(d.asked, "take"));
    d.away = true;
    expect_code(post_update(&d, UPDATE), "503", "away");
    desk_close(&d);
}

static void what_is_open_cannot_be_judged(void **state)
{
    desk d;
    (void)state;
    desk_open(&d);
    desk_reply_with(&d, "case", "", KNOWN("in_progress"), NULL);
    expect_code(post_update(&d, UPDATE "&score=5"), "400", "score, satisfied");
    expect_code(post_update(&d, UPDATE "&satisfied=false"), "400", "score, satisfied");
    assert_null(strstr(d.asked, "take"));
    desk_reply_with(&d, "case", "", KNOWN("resolved"), NULL);
    expect_code(post_update(&d, UPDATE "&score=5"), "200", "update_id");
    desk_close(&d);
}

static void an_update_that_the_hub_does_not_take_is_told(void **state)
{
    desk d;
    (void)state;
    desk_open(&d);
    desk_reply_with(&d, "case", "", KNOWN("in_progress"), NULL);
    d.verdict = CASEHUB_RETRY;
    expect_code(post_update(&d, UPDATE), "503", "Idempotency-Key");
    d.verdict = CASEHUB_REJECT;
    snprintf(d.outcome.code, sizeof d.outcome.code, "conflict");
    expect_code(post_update(&d, UPDATE), "409", "another update");
    snprintf(d.outcome.code, sizeof d.outcome.code, "invalid");
    snprintf(d.outcome.reason, sizeof d.outcome.reason, "no such word");
    expect_code(post_update(&d, UPDATE), "400", "no such word");
    desk_close(&d);
}

static void an_update_goes_to_the_case_under_its_own_token(void **state)
{
    desk d;
    char first[sizeof d.record];
    (void)state;
    desk_open(&d);
    desk_reply_with(&d, "case", "\"case\":\"ZJ-20261124-7\"", KNOWN("in_progress"), NULL);
    d.outcome.case_version = 5;
    assert_string_equal(post_update(&d, UPDATE "&account_id=a-1"),
                        "200 [{\"update_id\":\"ZJ-20261124-7/5\",\"service_request_id\":\"ZJ-20261124-7\","
                        "\"account_id\":\"a-1\"}]");
    assert_non_null(strstr(d.record, "\"ref\":\"t-7\""));
    assert_null(strstr(d.record, "demo"));
    memcpy(first, d.record, sizeof first);
    post_update(&d, UPDATE "&account_id=a-1");
    assert_string_equal(d.record, first);
    char *token = strstr(first, "\"token\":");
    ask_with_key(&d, CH_OPEN311_POST, "/requests", FORM, "17"); /* the same word for a request */
    assert_null(strstr(d.record, token));
    desk_close(&d);
}

#define EVENT(number, at, type, state, data)                                                                 \
    "{\"sequence\":" number ",\"caseversion\":" number ",\"recordedtime\":" at ",\"type\":\"" type           \
    "\",\"casestate\":\"" state "\",\"data\":" data "}"

static void put_updates(desk *d)
{
    desk_reply_with(d, "cases", "",
                    "[{\"case\":\"B\",\"changed\":1795521600000},{\"case\":\"A\",\"changed\":1795521600000},"
                    "{\"case\":\"D\",\"changed\":1700000000000}]",
                    NULL);
    desk_reply_with(d, "case", "\"case\":\"A\"", CASE("A", "advice"), NULL);
    desk_reply_with(d, "case", "\"case\":\"B\"", CASE("B", "advice"), NULL);
    desk_reply_with(
        d, "timeline", "\"case\":\"A\"",
        "[" EVENT("1", "1795500000000", "case.opened", "received", "{\"text\":\"不亮\"}") "," EVENT(
            "2", "1795510000000", "case.replied", "received", "{\"text\":\"明天来修\",\"public\":true}") "]",
        "2");
    desk_reply_with(
        d, "timeline", "\"after\":\"2\"",
        "[" EVENT("4", "1795521500000", "case.replied", "received", "{\"text\":\"只告诉本人\"}") "," EVENT(
            "6", "1795521600000", "case.resolved", "resolved",
            "{}") "," EVENT("7", "1795521600000", "case.noted", "resolved", "{\"text\":\"内部\"}") "]",
        NULL);
    desk_reply_with(d, "timeline", "\"case\":\"B\"",
                    "[" EVENT("3", "1795515000000", "case.opened", "received", "{}") "," EVENT(
                        "5", "1795521600000", "case.rejected", "rejected", "{\"text\":\"不归我们管\"}") "]",
                    NULL);
}

static void updates_are_told_as_they_were_recorded(void **state)
{
    desk d;
    (void)state;
    desk_open(&d);
    put_updates(&d);
    const char *answer = get(&d, "/servicerequestupdates.json", "");
    assert_string_equal(
        answer,
        "200 [{\"update_id\":\"A/2\",\"service_request_id\":\"A\",\"status\":\"open\",\"updated_datetime\":"
        "\"2026-11-24T08:46:40Z\",\"description\":\"明天来修\",\"media_url\":null},"
        "{\"update_id\":\"B/5\",\"service_request_id\":\"B\",\"status\":\"closed\",\"updated_datetime\":"
        "\"2026-11-24T12:00:00Z\",\"description\":\"不归我们管\",\"media_url\":null},"
        "{\"update_id\":\"A/6\",\"service_request_id\":\"A\",\"status\":\"closed\",\"updated_datetime\":"
        "\"2026-11-24T12:00:00Z\",\"description\":null,\"media_url\":null}]");
    assert_null(strstr(d.asked, "\"D\""));
    expect_code(get(&d, "/servicerequestupdates.json", "api_key=demo"), "200", "只告诉本人");
    desk_close(&d);
}

static void updates_are_asked_for_by_span_and_request(void **state)
{
    desk d;
    (void)state;
    desk_open(&d);
    put_updates(&d);
    expect_code(get(&d, "/servicerequestupdates.json", "start_date=yesterday"), "400", "start_date");
    expect_code(get(&d, "/servicerequestupdates.json",
                    "start_date=2026-01-01T00:00:00Z&end_date=2026-11-24T00:00:00Z"),
                "400", "90 days");
    const char *late = get(&d, "/servicerequestupdates.json", "start_date=2026-11-24T12:00:00Z");
    expect_code(late, "200", "A/6");
    assert_null(strstr(late, "A/2"));
    const char *early =
        get(&d, "/servicerequestupdates.json", "service_request_id=A&end_date=2026-11-24T11:00:00Z");
    expect_code(early, "200", "A/2");
    assert_null(strstr(early, "A/6"));
    assert_null(strstr(d.asked, "cases"));
    expect_code(get(&d, "/servicerequestupdates.json", "service_request_id=nowhere"), "200", "[]");
    desk_close(&d);
}

static void more_updates_than_are_told_are_no_answer(void **state)
{
    desk d;
    (void)state;
    desk_open(&d);
    desk_reply_with(&d, "cases", "", "[{\"case\":\"A\",\"changed\":1795521600000}]", "8"); /* without end */
    put_updates(&d);
    d.replies[1].next = "8";
    ch_open311_visit *visit =
        ch_open311_visit_new(&d.site, CH_OPEN311_GET, "/servicerequestupdates.json", NULL);
    while (!ch_open311_visit_step(visit)) {
        d.asked[0] = '\0';
    }
    assert_int_equal(ch_open311_visit_answer(visit)->code, 400);
    ch_open311_visit_free(visit);
    desk_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(unknown_pages_are_not_found),
        TEST(other_methods_are_not_allowed),
        TEST(the_ending_goes_before_the_accept_header_and_xml_is_the_default),
        TEST(a_jurisdiction_that_is_configured_must_be_named),
        TEST(services_need_no_hub),
        TEST(nothing_is_taken_without_a_known_key),
        TEST(a_wrong_form_never_gets_to_the_hub),
        TEST(a_post_is_answered_with_the_case_once_it_is_durable),
        TEST(two_posts_without_a_key_of_their_own_are_two_requests),
        TEST(a_hub_that_is_away_or_slow_gives_503_and_a_name_to_repeat_it_under),
        TEST(what_the_mapping_refuses_is_told_and_what_the_hub_forbids_is_not),
        TEST(a_repeated_post_gets_the_first_answer_and_another_form_is_a_conflict),
        TEST(the_token_field_is_no_part_of_what_was_asked),
        TEST(a_key_of_one_client_is_none_of_another),
        TEST(an_event_that_came_through_unnoticed_is_found_again),
        TEST(a_key_that_is_too_long_is_refused),
        TEST(a_token_leads_to_its_request),
        TEST(a_client_finds_its_own_token),
        TEST(a_request_tells_what_the_hub_knows),
        TEST(only_a_key_shows_what_was_said_and_where),
        TEST(the_last_answer_of_a_department_is_the_note),
        TEST(cases_of_others_are_not_there),
        TEST(a_hub_that_fails_is_no_answer_about_a_request),
        TEST(a_case_without_a_service_shows_its_category),
        TEST(a_list_is_what_the_filters_leave),
        TEST(ids_are_looked_up_one_by_one),
        TEST(one_step_asks_the_hub_once),
        TEST(a_list_ends_at_a_thousand_requests),
        TEST(a_search_without_end_is_given_up),
        TEST(an_update_needs_a_key_and_a_request_of_this_source),
        TEST(what_is_open_cannot_be_judged),
        TEST(an_update_that_the_hub_does_not_take_is_told),
        TEST(an_update_goes_to_the_case_under_its_own_token),
        TEST(updates_are_told_as_they_were_recorded),
        TEST(updates_are_asked_for_by_span_and_request),
        TEST(more_updates_than_are_told_are_no_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
