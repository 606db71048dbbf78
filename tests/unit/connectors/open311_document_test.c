/* What is answered, read back by parsers that are not ours. */
#include "connectors/transports/open311_document.h"
#include "tests/unit/connectors/stage.h"

#include <expat.h>
#include <stdio.h>

/* The XML as expat sees it: "(name text)" nested. */
typedef struct seen {
    char text[4096];
} seen;

static void add(seen *s, const char *text, size_t size)
{
    size_t used = strlen(s->text);
    assert_true(used + size < sizeof s->text);
    memcpy(s->text + used, text, size);
    s->text[used + size] = '\0';
}

static void on_start(void *context, const char *name, const char **attributes)
{
    assert_null(attributes[0]);
    add(context, "(", 1);
    add(context, name, strlen(name));
    add(context, " ", 1);
}

static void on_end(void *context, const char *name)
{
    (void)name;
    add(context, ")", 1);
}

static void on_text(void *context, const char *text, int size)
{
    add(context, text, (size_t)size);
}

static void parse_xml(ch_str xml, seen *s)
{
    s->text[0] = '\0';
    XML_Parser parser = XML_ParserCreate(NULL);
    assert_non_null(parser);
    XML_SetUserData(parser, s);
    XML_SetElementHandler(parser, on_start, on_end);
    XML_SetCharacterDataHandler(parser, on_text);
    if (XML_Parse(parser, xml.at, (int)xml.size, 1) != XML_STATUS_OK) {
        fail_msg("%s in %.*s", XML_ErrorString(XML_GetErrorCode(parser)), CH_STR_ARG(xml));
    }
    XML_ParserFree(parser);
}

static void expect_xml(json_t *document, const char *root, const char *wanted)
{
    ch_buf out;
    seen s;
    ch_buf_init(&out, 64 * 1024);
    assert_status(ch_open311_render(&out, document, root, CH_OPEN311_XML), CH_OK);
    assert_true(ch_str_starts(ch_buf_str(&out), CH_STR("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")));
    parse_xml(ch_buf_str(&out), &s);
    assert_string_equal(s.text, wanted);
    ch_buf_done(&out);
    json_decref(document);
}

static void markup_in_a_text_stays_text(void **state)
{
    (void)state;
    expect_xml(json_pack("{s:s}", "a", "]]><b>&amp;\"'</b><!--\t\r\n"), "r",
               "(r (a ]]><b>&amp;\"'</b><!--\t\r\n))");
}

static void characters_that_xml_cannot_write_are_replaced(void **state)
{
    json_t *text = json_stringn_nocheck("a\x01\x1b\x00z\xef\xbf\xbe\xff路", 12);
    (void)state;
    expect_xml(json_pack("{s:o}", "a", text), "r",
               "(r (a a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\xef\xbf\xbd\xef\xbf\xbd路))");
}

static void a_document_that_is_nested_without_end_is_not_written(void **state)
{
    ch_buf out;
    json_t *document = json_object();
    (void)state;
    for (int i = 0; i < 20; i++) {
        document = json_pack("{s:o}", "a", document);
    }
    ch_buf_init(&out, 64 * 1024);
    assert_status(ch_open311_render(&out, document, "r", CH_OPEN311_XML), CH_TOO_LARGE);
    ch_buf_done(&out);
    json_decref(document);
}

static void a_document_beyond_its_limit_is_not_written(void **state)
{
    ch_buf out;
    json_t *document = json_pack("[{s:s}]", "a", "0123456789");
    (void)state;
    ch_buf_init(&out, 16);
    assert_status(ch_open311_render(&out, document, "services", CH_OPEN311_XML), CH_TOO_LARGE);
    ch_buf_clear(&out);
    assert_status(ch_open311_render(&out, document, "services", CH_OPEN311_JSON), CH_TOO_LARGE);
    ch_buf_done(&out);
    json_decref(document);
}

static void lists_have_an_element_for_each_item_in_xml(void **state)
{
    (void)state;
    expect_xml(
        json_pack("[{s:s, s:b, s:n}, {s:f, s:i}]", "service_code", "lamp", "metadata", 1, "notice", "lat",
                  29.868, "order", 3),
        "services",
        "(services (service (service_code lamp)(metadata true)(notice ))(service (lat 29.868)(order 3)))");
    expect_xml(json_pack("{s:[{s:[{s:s}]}]}", "attributes", "values", "key", "k"), "service_definition",
               "(service_definition (attributes (attribute (values (value (key k))))))");
    expect_xml(json_array(), "service_requests", "(service_requests )");
}

static void json_is_the_document_itself(void **state)
{
    ch_buf out;
    json_t *document = json_pack("[{s:s, s:f, s:n}]", "a", "路<\x01", "lat", 29.868, "none");
    (void)state;
    ch_buf_init(&out, 1024);
    assert_status(ch_open311_render(&out, document, "services", CH_OPEN311_JSON), CH_OK);
    ch_buf_append(&out, "", 1);
    assert_string_equal((const char *)out.at, "[{\"a\":\"路<\\u0001\",\"lat\":29.868,\"none\":null}]\n");
    ch_buf_done(&out);
    json_decref(document);
}

static void problems_keep_the_status_of_the_first_and_are_bounded(void **state)
{
    ch_open311_problems problems = {.code = 0};
    (void)state;
    ch_open311_refuse(&problems, 404, "service_code: %s", "none");
    for (int i = 0; i < 2 * CH_OPEN311_PROBLEMS_MOST; i++) {
        ch_open311_refuse(&problems, 400, "more");
    }
    assert_int_equal(problems.code, 404);
    assert_int_equal(json_array_size(problems.list), CH_OPEN311_PROBLEMS_MOST);
    json_array_remove(problems.list, 2);
    while (json_array_size(problems.list) > 2) {
        json_array_remove(problems.list, 2);
    }
    expect_xml(
        problems.list, "errors",
        "(errors (error (code 404)(description service_code: none))(error (code 400)(description more)))");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(markup_in_a_text_stays_text),
        TEST(characters_that_xml_cannot_write_are_replaced),
        TEST(a_document_that_is_nested_without_end_is_not_written),
        TEST(a_document_beyond_its_limit_is_not_written),
        TEST(lists_have_an_element_for_each_item_in_xml),
        TEST(json_is_the_document_itself),
        TEST(problems_keep_the_status_of_the_first_and_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
