/* Which page is asked for next, and what of that is known after a crash; no socket. */
#include "connectors/transports/http_fields.h"
#include "connectors/transports/http_round.h"
#include "tests/unit/connectors/stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define API "https://forum.example.org"

static const ch_http_marks no_marks = {.etag = ""};

static ch_http_plan plan_of(const char *url)
{
    return (ch_http_plan){.url = url,
                          .next_url = "",
                          .first_cursor = "",
                          .pointers = {.records = "/list", .next = "", .cursor = ""},
                          .pages_most = 100,
                          .first_page = 1};
}

static ch_http_page page_of(const ch_http_plan *plan, const char *text)
{
    ch_http_page page;
    ch_error error = {.status = CH_OK};
    if (ch_http_page_read(&page, ch_str_of(text), &plan->pointers, &error) != CH_OK) {
        fail_msg("%s: %s", error.where, error.text);
    }
    return page;
}

/* The answer to what the round asks for; its bytes are its digest. */
static ch_status turn(ch_http_round *round, const char *text, const ch_http_marks *marks, bool *more,
                      ch_error *error)
{
    uint64_t digest = 5381;
    for (const char *at = text; *at != '\0'; at++) {
        digest = digest * 33 + (unsigned char)*at;
    }
    ch_http_page page = page_of(round->plan, text);
    ch_status status = ch_http_round_turn(round, &page, marks, digest, more, error);
    ch_http_page_done(&page);
    return status;
}

/* Begins, is answered, advances; the URL that was asked. */
static const char *go(ch_http_round *round, const char *text, bool wanted_more)
{
    static char url[CH_HTTP_URL_MOST + 1];
    ch_error error = {.status = CH_OK};
    bool more = !wanted_more;
    assert_status(ch_http_round_begin(round, &error), CH_OK);
    snprintf(url, sizeof url, "%s", round->url);
    ch_status status = turn(round, text, &no_marks, &more, &error);
    if (status != CH_OK) {
        fail_msg("%s: %s", error.where, error.text);
    }
    assert_int_equal(more, wanted_more);
    ch_http_round_advance(round);
    return url;
}

static void begin_anew(ch_http_round *round, const ch_http_plan *plan)
{
    bool known;
    ch_http_round_init(round, plan, "", &known);
    assert_false(known);
}

/* ---- bad cases */

static void refuses_settings_that_do_not_fit_together(void **state)
{
    (void)state;
    const struct {
        ch_http_plan plan;
        const char *where;
    } cases[] = {
        {{.url = "ftp://a/", .next_url = "", .first_cursor = "", .pointers = {"", "", ""}}, "url"},
        {{.url = "https://me:secret@a/", .next_url = "", .first_cursor = "", .pointers = {"", "", ""}},
         "url"},
        {{.url = API "/?page={page}", .next_url = "", .first_cursor = "", .pointers = {"", "", ""}}, "url"},
        {{.url = API "/?since={cursor}", .next_url = "", .first_cursor = "", .pointers = {"", "", ""}},
         "cursor"},
        {{.url = API "/", .next_url = "", .first_cursor = "", .pointers = {"", "", "/max"}}, "cursor"},
        {{.url = API "/", .next_url = API "/?b={next}", .first_cursor = "", .pointers = {"", "", ""}},
         "next_url"},
        {{.url = API "/", .next_url = API "/?b=", .first_cursor = "", .pointers = {"", "/n", ""}},
         "next_url"},
        {{.url = API "/",
          .next_url = "https://b.example/{next}",
          .first_cursor = "",
          .pointers = {"", "/n", ""}},
         "next_url"},
        {{.url = API "/", .next_url = "", .first_cursor = "", .pointers = {"list", "", ""}}, "records"},
        {{.url = API "/", .next_url = "", .first_cursor = "", .pointers = {"/a~2", "", ""}}, "records"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ch_error error = {.status = CH_OK};
        assert_status(ch_http_plan_check(&cases[i].plan, &error), CH_INVALID);
        assert_string_equal(error.where, cases[i].where);
    }
}

static void a_pointer_that_leads_nowhere_is_an_error_with_its_name(void **state)
{
    (void)state;
    ch_http_pointers pointers = {.records = "/list/items", .next = "", .cursor = ""};
    ch_http_page page;
    ch_error error = {.status = CH_OK};
    assert_status(ch_http_page_read(&page, CH_STR("{\"list\":[]}"), &pointers, &error), CH_INVALID);
    assert_string_equal(error.where, "records");
    assert_string_equal(error.text, "there is no array at /list/items");
    pointers = (ch_http_pointers){.records = "/list", .next = "/more", .cursor = ""};
    assert_status(ch_http_page_read(&page, CH_STR("{\"list\":[],\"more\":{}}"), &pointers, &error),
                  CH_INVALID);
    assert_string_equal(error.where, "next");
    assert_status(ch_http_page_read(&page, CH_STR("{\"list\":[],\"mo"), &pointers, &error), CH_INVALID);
    assert_string_equal(error.text, "no JSON: line 1, column 14");
}

static void pages_that_lead_in_a_circle_are_an_error(void **state)
{
    (void)state;
    ch_http_plan plan = plan_of(API "/a");
    ch_http_round round;
    ch_error error = {.status = CH_OK};
    bool more;
    plan.pointers.next = "/next";
    begin_anew(&round, &plan);
    go(&round, "{\"list\":[1],\"next\":\"/b\"}", true);
    go(&round, "{\"list\":[2],\"next\":\"/c\"}", true);
    assert_status(ch_http_round_begin(&round, &error), CH_OK);
    assert_status(turn(&round, "{\"list\":[3],\"next\":\"/b\"}", &no_marks, &more, &error), CH_INVALID);
    assert_string_equal(error.text, "page 3 of the round leads in a circle");
    ch_http_round_done(&round);
    /* A server that gives the same page whatever its number. */
    ch_http_plan counted = plan_of(API "/?p={page}");
    begin_anew(&round, &counted);
    go(&round, "{\"list\":[1]}", true);
    assert_status(ch_http_round_begin(&round, &error), CH_OK);
    assert_status(turn(&round, "{\"list\":[1]}", &no_marks, &more, &error), CH_INVALID);
    ch_http_round_done(&round);
}

static void never_goes_on_at_another_server(void **state)
{
    static const char *const answers[] = {"{\"list\":[1],\"next\":\"https://elsewhere.example/\"}",
                                          "{\"list\":[1],\"next\":\"//elsewhere.example/\"}",
                                          "{\"list\":[1],\"next\":\"http://forum.example.org/b\"}",
                                          "{\"list\":[1],\"next\":\"https://forum.example.org:444/b\"}",
                                          "{\"list\":[1],\"next\":\"file:///etc/passwd\"}"};
    (void)state;
    ch_http_plan plan = plan_of(API "/a");
    plan.pointers.next = "/next";
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        ch_http_round round;
        ch_error error = {.status = CH_OK};
        bool more;
        begin_anew(&round, &plan);
        assert_status(ch_http_round_begin(&round, &error), CH_OK);
        assert_status(turn(&round, answers[i], &no_marks, &more, &error), CH_INVALID);
        assert_string_equal(error.where, "next");
        ch_http_round_done(&round);
    }
}

static void a_position_of_other_settings_is_not_taken(void **state)
{
    (void)state;
    ch_http_plan plan = plan_of(API "/a"), other = plan_of("https://new.example.org/a");
    ch_http_round round, later;
    ch_error error = {.status = CH_OK};
    char *position = NULL;
    bool known, more;
    begin_anew(&round, &plan);
    assert_status(ch_http_round_begin(&round, &error), CH_OK);
    assert_status(turn(&round, "{\"list\":[1]}", &no_marks, &more, &error), CH_OK);
    assert_status(ch_http_round_position(&round, &position, &error), CH_OK);
    ch_http_round_init(&later, &plan, position, &known);
    assert_true(known);
    ch_http_round_init(&later, &other, position, &known);
    assert_false(known);
    ch_http_round_init(&later, &plan, "no position", &known);
    assert_false(known);
    free(position);
    ch_http_round_done(&round);
}

/* ---- how it goes on */

static void counts_pages_until_one_is_empty(void **state)
{
    (void)state;
    ch_http_plan plan = plan_of(API "/?p={page}");
    ch_http_round round;
    plan.first_page = 0;
    begin_anew(&round, &plan);
    assert_string_equal(go(&round, "{\"list\":[1]}", true), API "/?p=0");
    assert_string_equal(go(&round, "{\"list\":[2]}", true), API "/?p=1");
    assert_string_equal(go(&round, "{\"list\":[]}", false), API "/?p=2");
    assert_string_equal(go(&round, "{\"list\":[1]}", true), API "/?p=0");
    ch_http_round_done(&round);
}

static void follows_links_as_a_browser_does_until_there_is_none(void **state)
{
    (void)state;
    ch_http_plan plan = plan_of(API "/v1/a?x=1");
    ch_http_round round;
    plan.pointers.next = "/links/0/next";
    begin_anew(&round, &plan);
    go(&round, "{\"list\":[1],\"links\":[{\"next\":\"a?x=2#top\"}]}", true);
    assert_string_equal(go(&round, "{\"list\":[2],\"links\":[{\"next\":null}]}", false), API "/v1/a?x=2");
    ch_http_round_done(&round);
}

static void fills_the_value_of_the_last_item_into_the_next_url(void **state)
{
    (void)state;
    ch_http_plan plan = plan_of(API "/posts.json");
    ch_http_round round;
    plan.next_url = API "/posts.json?before={next}";
    plan.pointers.next = "/list/-/id";
    begin_anew(&round, &plan);
    go(&round, "{\"list\":[{\"id\":9},{\"id\":7}]}", true);
    assert_string_equal(go(&round, "{\"list\":[{\"id\":7},{\"id\":\"a b&c\"}]}", true),
                        API "/posts.json?before=7");
    /* What names itself as next is the last page. */
    assert_string_equal(go(&round, "{\"list\":[{\"id\":\"a b&c\"}]}", false),
                        API "/posts.json?before=a%20b%26c");
    ch_http_round_done(&round);
}

static void asks_on_from_the_cursor_at_once_while_it_moves_and_later_too(void **state)
{
    (void)state;
    ch_http_plan plan = plan_of(API "/?since={cursor}");
    ch_http_round round;
    plan.pointers.cursor = "/max";
    plan.first_cursor = "0";
    begin_anew(&round, &plan);
    assert_string_equal(go(&round, "{\"list\":[1],\"max\":\"2026-11-24T08:00:00+08:00\"}", true),
                        API "/?since=0");
    assert_string_equal(go(&round, "{\"list\":[],\"max\":\"2026-11-24T08:00:00+08:00\"}", false),
                        API "/?since=2026-11-24T08%3A00%3A00%2B08%3A00");
    assert_string_equal(go(&round, "{\"list\":[2],\"max\":12345678901234567890}", true),
                        API "/?since=2026-11-24T08%3A00%3A00%2B08%3A00");
    assert_string_equal(go(&round, "{\"list\":[],\"max\":null}", false), API "/?since=12345678901234567890");
    ch_http_round_done(&round);
}

static void a_round_that_was_cut_off_goes_on_at_its_next_page(void **state)
{
    (void)state;
    ch_http_plan plan = plan_of(API "/?p={page}");
    ch_http_round round, later;
    ch_error error = {.status = CH_OK};
    char *position = NULL;
    bool known, more;
    begin_anew(&round, &plan);
    go(&round, "{\"list\":[1]}", true);
    assert_status(ch_http_round_begin(&round, &error), CH_OK);
    assert_status(turn(&round, "{\"list\":[2]}", &no_marks, &more, &error), CH_OK);
    assert_status(ch_http_round_position(&round, &position, &error), CH_OK);
    ch_http_round_init(&later, &plan, position, &known);
    assert_true(known);
    assert_string_equal(go(&later, "{\"list\":[3]}", true), API "/?p=3");
    assert_string_equal(go(&later, "{\"list\":[]}", false), API "/?p=4");
    free(position);
    ch_http_round_done(&round);
    ch_http_round_done(&later);
}

static void the_marks_of_a_first_page_count_only_when_the_whole_round_is_done(void **state)
{
    (void)state;
    const ch_http_marks first = {.etag = "\"one\"", .modified = "Tue, 24 Nov 2026 12:00:00 GMT"},
                        second = {.etag = "\"two\""};
    ch_http_plan plan = plan_of(API "/a");
    ch_http_round round;
    ch_error error = {.status = CH_OK};
    bool more;
    plan.pointers.next = "/next";
    begin_anew(&round, &plan);
    assert_status(ch_http_round_begin(&round, &error), CH_OK);
    assert_status(turn(&round, "{\"list\":[1],\"next\":\"/b\"}", &first, &more, &error), CH_OK);
    ch_http_round_advance(&round);
    assert_string_equal(round.at.marks.etag, "");
    assert_status(ch_http_round_begin(&round, &error), CH_OK);
    assert_false(round.conditional);
    assert_status(turn(&round, "{\"list\":[2]}", &second, &more, &error), CH_OK);
    ch_http_round_advance(&round);
    assert_status(ch_http_round_begin(&round, &error), CH_OK);
    assert_true(round.conditional);
    assert_string_equal(round.at.marks.etag, "\"one\"");
    assert_string_equal(round.at.marks.modified, "Tue, 24 Nov 2026 12:00:00 GMT");
    ch_http_round_done(&round);
}

static void stops_at_the_most_pages_of_a_round(void **state)
{
    (void)state;
    ch_http_plan plan = plan_of(API "/?p={page}");
    ch_http_round round;
    plan.pages_most = 2;
    begin_anew(&round, &plan);
    go(&round, "{\"list\":[1]}", true);
    go(&round, "{\"list\":[2]}", false);
    ch_http_round_done(&round);
}

static void a_name_for_people_has_no_query(void **state)
{
    (void)state;
    ch_http_plan plan = plan_of(API "/v1/posts.json?key=secret&p={page}");
    ch_http_round round;
    ch_error error;
    char name[CH_HTTP_NAME_SIZE];
    begin_anew(&round, &plan);
    go(&round, "{\"list\":[1]}", true);
    assert_status(ch_http_round_begin(&round, &error), CH_OK);
    ch_http_round_name(&round, name);
    assert_string_equal(name, "/v1/posts.json page 2");
    ch_http_round_done(&round);
}

static void records_become_lines_and_large_integers_text(void **state)
{
    (void)state;
    ch_http_plan plan = plan_of(API "/");
    plan.pointers.records = "#";
    ch_http_page page = page_of(&plan, "[{\"id\": 330211001001001001, \"text\": \"一\\n二\"}, 2]");
    ch_buf line;
    ch_buf_init(&line, 1000);
    assert_int_equal(ch_http_page_count(&page), 2);
    assert_status(ch_http_page_line(&page, 0, &line), CH_OK);
    assert_true(ch_str_is(ch_buf_str(&line), "{\"id\":\"330211001001001001\",\"text\":\"一\\n二\"}\n"));
    assert_status(ch_http_page_line(&page, 1, &line), CH_OK);
    assert_true(ch_str_is(ch_buf_str(&line), "2\n"));
    ch_buf_done(&line);
    ch_http_page_done(&page);
}

/* ---- header fields */

static void a_key_that_others_may_read_is_refused(void **state)
{
    stage *on = *state;
    ch_http_fields fields;
    ch_error error = {.status = CH_OK};
    stage_write(on, "key", "Api-Key: 0123secret\n");
    for (unsigned mode = 0640; mode >= 0604; mode -= 034) {
        assert_int_equal(chmod(stage_path(on, "key"), mode), 0);
        assert_status(ch_http_fields_read(&fields, stage_path(on, "key"), &error), CH_DENIED);
    }
    assert_status(ch_http_fields_read(&fields, stage_path(on, "none"), &error), CH_NOT_FOUND);
}

static void a_line_that_is_no_header_field_is_named_and_not_told(void **state)
{
    static const char *const texts[] = {"Api-Key: a\nsecret\n", "Api-Key: a\nOther:\n",
                                        "Api-Key: a\nO ther: secret\n", "Api-Key: a\nOther: secret\x01\n"};
    stage *on = *state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        ch_http_fields fields;
        ch_error error = {.status = CH_OK};
        stage_write(on, "key", texts[i]);
        assert_int_equal(chmod(stage_path(on, "key"), 0600), 0);
        assert_status(ch_http_fields_read(&fields, stage_path(on, "key"), &error), CH_INVALID);
        assert_non_null(strstr(error.text, "line 2"));
        assert_null(strstr(error.text, "secret"));
    }
}

static void reads_header_fields_a_line_each(void **state)
{
    stage *on = *state;
    ch_http_fields fields;
    ch_error error = {.status = CH_OK};
    stage_write(on, "key", "Api-Key: 0123\r\n\nApi-Username: hub");
    assert_int_equal(chmod(stage_path(on, "key"), 0600), 0);
    assert_status(ch_http_fields_read(&fields, stage_path(on, "key"), &error), CH_OK);
    assert_int_equal(fields.count, 2);
    assert_string_equal(fields.at[0], "Api-Key: 0123");
    assert_string_equal(fields.at[1], "Api-Username: hub");
    ch_http_fields_done(&fields);
}

int main(void)
{
#define ON_STAGE(name) cmocka_unit_test_setup_teardown(name, stage_set_up, stage_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(refuses_settings_that_do_not_fit_together),
        TEST(a_pointer_that_leads_nowhere_is_an_error_with_its_name),
        TEST(pages_that_lead_in_a_circle_are_an_error),
        TEST(never_goes_on_at_another_server),
        TEST(a_position_of_other_settings_is_not_taken),
        TEST(counts_pages_until_one_is_empty),
        TEST(follows_links_as_a_browser_does_until_there_is_none),
        TEST(fills_the_value_of_the_last_item_into_the_next_url),
        TEST(asks_on_from_the_cursor_at_once_while_it_moves_and_later_too),
        TEST(a_round_that_was_cut_off_goes_on_at_its_next_page),
        TEST(the_marks_of_a_first_page_count_only_when_the_whole_round_is_done),
        TEST(stops_at_the_most_pages_of_a_round),
        TEST(a_name_for_people_has_no_query),
        TEST(records_become_lines_and_large_integers_text),
        ON_STAGE(a_key_that_others_may_read_is_refused),
        ON_STAGE(a_line_that_is_no_header_field_is_named_and_not_told),
        ON_STAGE(reads_header_fields_a_line_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
