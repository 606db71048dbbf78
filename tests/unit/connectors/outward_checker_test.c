/* What a connector sends of a file of events. */
#include "connectors/host/outward_checker.h"
#include "tests/unit/connectors/stage.h"

#include <stdio.h>

#define EVENT(sequence, data)                                                                                \
    "{\"sequence\":" #sequence ",\"epoch\":1,\"recordedtime\":\"2026-11-24T12:00:00Z\",\"data\":" data "}\n"

static ch_status check(stage *on, const char *more, const char *mapping, const char *events,
                       ch_outward_check_totals *out_totals)
{
    char text[1000];
    ch_error error = {.status = CH_OK};
    stage_write(on, "out.jq", mapping);
    snprintf(
        text, sizeof text,
        "outward = { sender = \"file_put\"; mapping = \"out.jq\"; topics = [ \">\" ]; file_put = { folder = "
        "\"out\"; };\n%s };",
        more);
    stage_configure(on, ".", text);
    if (events != NULL) {
        stage_write(on, "events.jsonl", events);
    }
    FILE *out = fmemopen(on->text, sizeof on->text, "w");
    assert_non_null(out);
    ch_status status =
        ch_outward_checker_run(on->config, stage_path(on, "events.jsonl"), out, out_totals, &error);
    assert_int_equal(fclose(out), 0);
    return status;
}

static void a_file_that_is_not_there_is_not_found(void **state)
{
    ch_outward_check_totals totals;
    assert_status(check(*state, "", "empty", NULL, &totals), CH_NOT_FOUND);
}

static void what_can_never_go_is_told_with_line_and_field(void **state)
{
    stage *on = *state;
    ch_outward_check_totals totals;
    assert_status(check(on, "", "refuse(\"data\"; \"no\")", "\n{}\nnothing\n" EVENT(7, "1"), &totals), CH_OK);
    assert_string_equal(on->text,
                        "{\"error\":\"invalid\",\"reason\":\"an event is expected, with the sequence and "
                        "recordedtime that the hub gave "
                        "it\",\"where\":\"events.jsonl:2\"}\n"
                        "{\"error\":\"invalid\",\"reason\":\"an event is expected, with the sequence and "
                        "recordedtime that the hub gave "
                        "it\",\"where\":\"events.jsonl:3\"}\n"
                        "{\"error\":\"invalid\",\"reason\":\"no\",\"where\":\"events.jsonl:4: data\"}\n");
    assert_int_equal(totals.events, 3);
    assert_int_equal(totals.failures, 3);
}

static void each_message_is_a_line_with_what_the_sender_would_get(void **state)
{
    stage *on = *state;
    ch_outward_check_totals totals;
    assert_status(check(on, "", ".data[] | {body: ., name: \"a\", target: \"b\", parameters: {c: 1}}",
                        EVENT(7, "[1,{\"x\":\"灯\"}]") EVENT(8, "[]"), &totals),
                  CH_OK);
    assert_string_equal(
        on->text,
        "{\"sequence\":7,\"message\":1,\"target\":\"b\",\"name\":\"a\",\"parameters\":{\"c\":1},\"body\":1}\n"
        "{\"sequence\":7,\"message\":2,\"target\":\"b\",\"name\":\"a\",\"parameters\":{\"c\":1},\"body\":{"
        "\"x\":\"灯\"}}"
        "\n");
    assert_int_equal(totals.events, 2);
    assert_int_equal(totals.messages, 2);
}

static void a_body_in_another_character_set_is_shown_as_the_text_it_is(void **state)
{
    stage *on = *state;
    ch_outward_check_totals totals;
    assert_status(
        check(on, "writer = \"text\"; charset = \"GB18030\";", "{body: .data}", EVENT(7, "\"灯\""), &totals),
        CH_OK);
    assert_string_equal(on->text, "{\"sequence\":7,\"message\":1,\"body\":\"灯\"}\n");
}

int main(void)
{
#define ON_STAGE(name) cmocka_unit_test_setup_teardown(name, stage_set_up, stage_tear_down)
    const struct CMUnitTest tests[] = {
        ON_STAGE(a_file_that_is_not_there_is_not_found),
        ON_STAGE(what_can_never_go_is_told_with_line_and_field),
        ON_STAGE(each_message_is_a_line_with_what_the_sender_would_get),
        ON_STAGE(a_body_in_another_character_set_is_shown_as_the_text_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
