/* What outward mappings made, as bytes. */
#include "connectors/writers/writers.h"
#include "tests/unit/connectors/stage.h"

#include <stdio.h>

typedef struct sheet {
    char text[4096], failure[400];
    size_t size, room;
} sheet;

static bool append(const casehub_output *output, const void *bytes, size_t size)
{
    sheet *on = output->context;
    if (size > on->room - on->size) {
        return false;
    }
    memcpy(on->text + on->size, bytes, size);
    on->size += size;
    return true;
}

static void note_failure(const casehub_output *output, const char *field, const char *reason)
{
    sheet *on = output->context;
    snprintf(on->failure, sizeof on->failure, "%s: %s", field == NULL ? "" : field, reason);
}

static int write_with(const casehub_writer *writer, const char *json, sheet *on, size_t room)
{
    const casehub_output output = {CASEHUB_SIZED(casehub_output), on, append, note_failure};
    *on = (sheet){.room = room};
    return writer->write(json, strlen(json), &output);
}

static void expect(const casehub_writer *writer, const char *json, const char *text)
{
    sheet on;
    if (write_with(writer, json, &on, sizeof on.text - 1) != 0) {
        fail_msg("%s: %s: %s", writer->name, json, on.failure);
    }
    assert_string_equal(on.text, text);
}

static void expect_failure(const casehub_writer *writer, const char *json, const char *failure)
{
    sheet on;
    assert_int_equal(write_with(writer, json, &on, sizeof on.text - 1), -1);
    assert_string_equal(on.failure, failure);
}

static void a_body_of_the_wrong_kind_is_refused_with_its_field_and_not_its_value(void **state)
{
    (void)state;
    expect_failure(&ch_writer_text, "{\"a\":1}", ": a text is expected");
    expect_failure(&ch_writer_text, "\"a\\u0000b\"",
                   ": a text in it holds a zero byte, or it is nested too deeply");
    expect_failure(&ch_writer_form, "[1]", ": an object is expected");
    expect_failure(&ch_writer_form, "{\"a\":\"1\",\"b\":{}}",
                   "b: a text, a number, true or false, or an array of these is expected");
    expect_failure(&ch_writer_form, "{\"b\":[[1]]}",
                   "b: a text, a number, true or false, or an array of these is expected");
    expect_failure(&ch_writer_csv, "\"a\"", ": an array of cells, or of rows, is expected");
    expect_failure(&ch_writer_csv, "[]", ": an array of cells, or of rows, is expected");
    expect_failure(&ch_writer_csv, "[[1],[]]", "[1][0]: the row has no cell");
    expect_failure(&ch_writer_csv, "[[1],2]", "[1][0]: beside rows only rows are expected");
    expect_failure(&ch_writer_csv, "[1,{}]", "[0][1]: a text, a number, true, false or null is expected");
}

static void what_finds_no_room_fails(void **state)
{
    sheet on;
    (void)state;
    for (size_t i = 0; i < ch_writer_count; i++) {
        static const char *const bodies[] = {"\"long\"", "\"long\"", "{\"a\":\"long\"}", "[\"long\"]",
                                             "{\"a\":\"long\"}"};
        assert_int_equal(write_with(ch_writers[i], bodies[i], &on, 2), -1);
    }
}

static void json_is_as_the_mapping_gave_it(void **state)
{
    (void)state;
    expect(&ch_writer_json, "{\"街\":[1,null,\"a\\u0000\"]}", "{\"街\":[1,null,\"a\\u0000\"]}");
}

static void a_text_is_as_it_is(void **state)
{
    (void)state;
    expect(&ch_writer_text, "\"two\\nlines, \\\"quoted\\\"\"", "two\nlines, \"quoted\"");
    expect(&ch_writer_text, "\"\"", "");
}

static void a_form_is_percent_encoded_utf_8(void **state)
{
    (void)state;
    expect(&ch_writer_form, "{\"a b\":\"x&y=z+1\",\"路\":\"灯\"}", "a+b=x%26y%3Dz%2B1&%E8%B7%AF=%E7%81%AF");
    expect(&ch_writer_form, "{\"tag\":[\"one\",2],\"none\":null,\"yes\":true,\"lon\":121.5,\"n\":-3}",
           "tag=one&tag=2&yes=true&lon=121.5&n=-3");
    expect(&ch_writer_form, "{}", "");
}

static void a_row_quotes_what_it_must(void **state)
{
    (void)state;
    expect(&ch_writer_csv, "[\"a,b\",\"say \\\"x\\\"\",\"two\\nlines\",\" edge\",\"\",null,7,0.1,false]",
           "\"a,b\",\"say \"\"x\"\"\",\"two\nlines\",\" edge\",,,7,0.1,false\r\n");
}

static void rows_may_begin_with_a_heading(void **state)
{
    (void)state;
    expect(&ch_writer_csv, "[[\"编号\",\"结果\"],[\"D-1\",\"done\"]]", "编号,结果\r\nD-1,done\r\n");
}

static void what_xml_cannot_say_is_refused_with_its_path(void **state)
{
    (void)state;
    expect_failure(&ch_writer_xml, "[1]", ": an object with one member, the document element, is expected");
    expect_failure(&ch_writer_xml, "{\"a\":1,\"b\":2}",
                   ": an object with one member, the document element, is expected");
    expect_failure(&ch_writer_xml, "{\"a\":[1,2]}", ": there is one document element, not several or none");
    expect_failure(&ch_writer_xml, "{\"a\":null}", ": there is one document element, not several or none");
    expect_failure(&ch_writer_xml, "{\"a\":{\"b\":{\"c d\":1}}}", "a/b/c d: this is no name of an element");
    expect_failure(&ch_writer_xml, "{\"x:a\":1}", "x:a: this is no name of an element");
    expect_failure(&ch_writer_xml, "{\"a><b\":1}", "a><b: this is no name of an element");
    expect_failure(&ch_writer_xml, "{\"a\":{\"@b=\\\"\\\" c\":1}}",
                   "a/@b=\"\" c: this is no name of an attribute");
    expect_failure(&ch_writer_xml, "{\"a\":{\"@b\":{}}}", "a/@b: text is expected");
    expect_failure(&ch_writer_xml, "{\"a\":{\"b\":[[1]]}}", "a/b: text is expected");
    expect_failure(&ch_writer_xml, "{\"a\":{\"b\":\"\\u0001\"}}",
                   "a/b: it holds a character that XML cannot write");
}

static void xml_keeps_order_and_escapes_what_a_reader_would_change(void **state)
{
    (void)state;
    expect(&ch_writer_xml,
           "{\"alert\":{\"z\":\"<&>\",\"@xmlns\":\"urn:x\",\"@q\":\"\\\"\\n\",\"a\":[1,true,null,0.1],"
           "\"none\":null,\"案件\":{\"#text\":\"灯\\r\",\"@xml:lang\":\"zh\"}}}",
           "<?xml version=\"1.0\"?><alert xmlns=\"urn:x\" q=\"&quot;&#xa;\"><z>&lt;&amp;&gt;</z>"
           "<a>1</a><a>true</a><a>0.1</a><案件 xml:lang=\"zh\">灯&#xd;</案件></alert>");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_body_of_the_wrong_kind_is_refused_with_its_field_and_not_its_value),
        TEST(what_finds_no_room_fails),
        TEST(json_is_as_the_mapping_gave_it),
        TEST(a_text_is_as_it_is),
        TEST(a_form_is_percent_encoded_utf_8),
        TEST(a_row_quotes_what_it_must),
        TEST(rows_may_begin_with_a_heading),
        TEST(what_xml_cannot_say_is_refused_with_its_path),
        TEST(xml_keeps_order_and_escapes_what_a_reader_would_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
