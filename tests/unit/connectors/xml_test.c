/* XML documents: what becomes of their elements, and what is refused. */
#include "connectors/formats/formats.h"
#include "connectors/formats/xml_text.h"
#include "tests/unit/connectors/format_bench.h"

#include <stdlib.h>

#define CAP "urn:oasis:names:tc:emergency:cap:1.2"

static bench xml_bench(void)
{
    bench b = {.format = &ch_format_xml, .record_most = 4096, .charset = "UTF-8"};
    b.values[0].text = b.values[1].text = "";
    b.values[3].number = 8192;
    return b;
}

static void what_is_no_xml_is_rejected_with_its_place(void **state)
{
    (void)state;
    bench b = xml_bench();
    bench_open(&b);
    bench_expect(&b, "", "rejected: XML, line 1, column 1: no element found\n");
    bench_expect(&b, "<a>\n<b></a>", "rejected: XML, line 2, column 6: mismatched tag\n");
    bench_expect(&b, "<a>&#0;</a>",
                 "rejected: XML, line 1, column 4: reference to invalid character number\n");
    bench_expect(&b, "<a>&who;</a>", "rejected: XML, line 1, column 4: undefined entity\n");
    bench_expect(&b, "<a/><b/>", "rejected: XML, line 1, column 5: junk after document element\n");
    bench_expect(&b, "<a x='1' x='2'/>", "rejected: XML, line 1, column 10: duplicate attribute\n");
    bench_expect(&b, "<p:a/>", "rejected: XML, line 1, column 1: unbound prefix\n");
}

static void nothing_is_taken_of_a_document_that_breaks_off(void **state)
{
    (void)state;
    bench b = xml_bench();
    bench_open(&b);
    b.values[0].text = "row";
    bench_expect(&b, "<rows><row>1</row>\n<row>2</row>\n<row>",
                 "rejected: XML, line 3, column 6: no element found\n");
}

static void a_document_type_is_refused_where_it_begins(void **state)
{
    (void)state;
    bench b = xml_bench();
    bench_open(&b);
    bench_expect(&b,
                 "<?xml version='1.0'?>\n<!DOCTYPE a [<!ENTITY x 'xxxxxxxxxx'><!ENTITY y '&x;&x;&x;'>]>\n"
                 "<a>&y;</a>",
                 "rejected: XML, line 2, column 13: a document type is not allowed\n");
    bench_expect(&b, "<!DOCTYPE a SYSTEM 'http://127.0.0.1:9/a.dtd'><a/>",
                 "rejected: XML, line 1, column 46: a document type is not allowed\n");
}

static void a_declared_encoding_must_not_contradict_the_configured_one(void **state)
{
    (void)state;
    bench b = xml_bench();
    bench_open(&b);
    bench_expect(&b, "<?xml version='1.0' encoding='GBK'?><a/>",
                 "rejected: XML, line 1, column 1: it declares the encoding GBK, but charset is UTF-8\n");
    bench_expect(&b, "<?xml version='1.0' encoding='utf-8'?><a/>", "1@0 {\"a\":\"\"}\n");
    b.charset = "GB18030";
    bench_expect(&b, "<?xml version='1.0' encoding='UTF-8'?><a/>",
                 "rejected: XML, line 1, column 1: it declares the encoding UTF8, but charset is GB18030\n");
    bench_expect(&b, "<?xml version='1.0' encoding='gb2312'?><a>\xce\xf7</a>", "1@0 {\"a\":\"西\"}\n");
    b.charset = "GBK";
    bench_expect(&b, "<?xml version='1.0' encoding='GB18030'?><a/>",
                 "rejected: XML, line 1, column 1: it declares the encoding GB18030, but charset is GBK\n");
}

static void a_broken_character_rejects_the_document_with_its_line(void **state)
{
    (void)state;
    bench b = xml_bench();
    bench_open(&b);
    bench_expect(&b, "<a>\n\xff</a>", "rejected: line 2: not UTF-8: byte 1 of the line\n");
}

/* As "<a><a>...</a></a>". */
static char *nested(unsigned depth)
{
    char *text = calloc(depth + 1, 7);
    assert_non_null(text);
    for (unsigned i = 0; i < depth; i++) {
        strcpy(text + (size_t)3 * i, "<a>");
    }
    for (unsigned i = 0; i < depth; i++) {
        strcpy(text + (size_t)3 * depth + (size_t)4 * i, "</a>");
    }
    return text;
}

static void depth_names_and_sizes_are_bounded(void **state)
{
    char text[9000], *deep = nested(CH_XML_DEPTH_MOST + 1);
    (void)state;
    bench b = xml_bench();
    bench_open(&b);
    bench_expect(&b, deep, "rejected: XML, line 1, column 193: elements are nested too deep\n");
    free(deep);
    snprintf(text, sizeof text, "<%0*d/>", (int)CH_XML_NAME_MOST, 0);
    memset(text + 1, 'x', CH_XML_NAME_MOST + 1);
    strcpy(text + CH_XML_NAME_MOST + 2, "/>");
    bench_expect(&b, text, "rejected: XML, line 1, column 1: the name of an element is too long\n");
    memset(text, ' ', sizeof text);
    for (size_t i = 999; i < 8999; i += 1000) {
        text[i] = '\n';
    }
    strcpy(text + 8990, "<a/>");
    bench_expect(&b, text, "rejected: the document is larger than document_most\n");
}

static void a_too_large_value_or_record_fails_alone(void **state)
{
    char text[6000];
    (void)state;
    bench b = xml_bench();
    bench_open(&b);
    b.values[0].text = "row";
    snprintf(text, sizeof text, "<rows>\n<row><a>%0101d</a></row>\n<row>2</row></rows>", 0);
    bench_expect(&b, text, "2@0 !too-large a: the value is larger than 100 bytes\n3@0 {\"row\":\"2\"}\n");
    snprintf(text, sizeof text, "<rows>\n<row a='%0101d'/>\n<row>2</row></rows>", 0);
    bench_expect(&b, text, "2@0 !too-large @a: the value is larger than 100 bytes\n3@0 {\"row\":\"2\"}\n");
    size_t used = (size_t)snprintf(text, sizeof text, "<rows><row>");
    for (unsigned i = 0; i < 450; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "<a>1</a>\n\n");
    }
    snprintf(text + used, sizeof text - used, "</row><row>2</row></rows>");
    bench_expect(&b, text,
                 "1@0 !too-large row: the record is larger than 4096 bytes\n901@0 {\"row\":\"2\"}\n");
}

static void an_element_in_the_namespace_of_xml_itself_is_refused(void **state)
{
    (void)state;
    bench b = xml_bench();
    bench_open(&b);
    bench_expect(&b, "<all><xml:in/>t</all>", "1@0 !invalid in: XML's own namespace has no elements\n");
}

static void records_of_another_namespace_fail_with_their_line(void **state)
{
    (void)state;
    bench b = xml_bench();
    bench_open(&b);
    b.values[1].text = CAP;
    bench_expect(&b, "<alert/>", "1@0 !invalid alert: the element is not in the namespace " CAP "\n");
    bench_expect(&b, "\n<alert xmlns='urn:other'/>",
                 "2@0 !invalid alert: the element is not in the namespace " CAP "\n");
    bench_expect(&b, "<c:alert xmlns:c='" CAP "'><c:a>1</c:a>\n<b>2</b></c:alert>",
                 "1@0 !invalid b: the element is in no namespace\n");
}

static void prefixes_do_not_matter_and_foreign_elements_are_left_out(void **state)
{
    (void)state;
    bench b = xml_bench();
    bench_open(&b);
    b.values[1].text = CAP;
    bench_expect(&b, "<alert xmlns='" CAP "' x='2'><a>1</a></alert>",
                 "1@0 {\"alert\":{\"@xmlns\":\"" CAP "\",\"@x\":\"2\",\"a\":\"1\"}}\n");
    bench_expect(&b,
                 "<q:alert xmlns:q='" CAP "' xmlns:s='urn:s' s:y='3' x='2'><q:a>1</q:a>"
                 "<s:Signature>no<q:a>no</q:a></s:Signature></q:alert>",
                 "1@0 {\"alert\":{\"@xmlns\":\"" CAP "\",\"@x\":\"2\",\"a\":\"1\"}}\n");
}

static void elements_attributes_and_text_become_members(void **state)
{
    (void)state;
    bench b = xml_bench();
    bench_open(&b);
    bench_expect(&b,
                 "<?xml version='1.0'?>\n<!-- before -->\n<alert>\n  <note> two  words </note>\n  <empty/>\n"
                 "  <area unit='km' xml:lang='zh'>西&#x20AC;&lt;<![CDATA[<&>]]></area>\n"
                 "  <p>a<b>c</b>d</p><q u='1'> </q>\n</alert>\n",
                 "3@0 {\"alert\":{\"note\":\" two  words \",\"empty\":\"\","
                 "\"area\":{\"@unit\":\"km\",\"@xml:lang\":\"zh\",\"#text\":\"西€<<&>\"},"
                 "\"p\":{\"b\":\"c\",\"#text\":\"ad\"},\"q\":{\"@u\":\"1\",\"#text\":\" \"}}}\n");
}

static void repeated_elements_become_arrays_and_named_ones_always(void **state)
{
    static const char *const arrays[] = {"info"};
    (void)state;
    bench b = xml_bench();
    bench_open(&b);
    b.values[2].texts = arrays;
    b.values[2].text_count = 1;
    bench_expect(&b, "<a><i>1</i><x/><i>2</i><i><j/></i><info><k>1</k></info></a>",
                 "1@0 {\"a\":{\"i\":[\"1\",\"2\",{\"j\":\"\"}],\"x\":\"\",\"info\":[{\"k\":\"1\"}]}}\n");
}

static void records_are_found_by_name_and_by_path(void **state)
{
    static const char text[] = "<all><row>1\n</row><part><row><row>2</row></row></part>\n<row>3</row></all>";
    (void)state;
    bench b = xml_bench();
    bench_open(&b);
    b.values[0].text = "row";
    bench_expect(&b, text, "1@0 {\"row\":\"1\\n\"}\n2@0 {\"row\":{\"row\":\"2\"}}\n3@0 {\"row\":\"3\"}\n");
    b.values[0].text = "all/row";
    bench_expect(&b, text, "1@0 {\"row\":\"1\\n\"}\n3@0 {\"row\":\"3\"}\n");
    b.values[0].text = "/all/part/row";
    bench_expect(&b, text, "2@0 {\"row\":{\"row\":\"2\"}}\n");
    b.values[0].text = "none/row";
    bench_expect(&b, text,
                 "rejected: XML, line 1, column 1: the document element is not the one that `record` begins "
                 "with\n");
    b.values[0].text = "all/other";
    bench_expect(&b, text, "");
}

static void a_record_is_kept_so_that_it_can_be_read_again(void **state)
{
    (void)state;
    bench b = xml_bench();
    bench_open(&b);
    b.with_raw = true;
    b.charset = "GB18030";
    bench_expect(&b, "<a>\n\xce\xf7</a>\n", "1@0 {\"a\":\"\\n西\"}\n[<a>\n\xce\xf7</a>\n]\n");
    b.values[0].text = "/all/part/row";
    bench_expect(&b, "<all><x/><part><row q='\"&#10;'>\xce\xf7&amp;</row></part></all>",
                 "1@0 {\"row\":{\"@q\":\"\\\"\\n\",\"#text\":\"西&\"}}\n"
                 "[<all><part><row q=\"&quot;&#xa;\">\xce\xf7&amp;</row></part></all>]\n");
    b.charset = "ISO-8859-1";
    bench_expect(&b, "<all><part><row>\xe9&#x897f;</row></part></all>",
                 "1@0 {\"row\":\"é西\"}\n[<all><part><row>&#xe9;&#x897f;</row></part></all>]\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_no_xml_is_rejected_with_its_place),
        TEST(nothing_is_taken_of_a_document_that_breaks_off),
        TEST(a_document_type_is_refused_where_it_begins),
        TEST(a_declared_encoding_must_not_contradict_the_configured_one),
        TEST(a_broken_character_rejects_the_document_with_its_line),
        TEST(depth_names_and_sizes_are_bounded),
        TEST(a_too_large_value_or_record_fails_alone),
        TEST(an_element_in_the_namespace_of_xml_itself_is_refused),
        TEST(records_of_another_namespace_fail_with_their_line),
        TEST(prefixes_do_not_matter_and_foreign_elements_are_left_out),
        TEST(elements_attributes_and_text_become_members),
        TEST(repeated_elements_become_arrays_and_named_ones_always),
        TEST(records_are_found_by_name_and_by_path),
        TEST(a_record_is_kept_so_that_it_can_be_read_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
