/* A form of a citizen's client: a posted request, and the filters of a list. */
#include "connectors/transports/open311_filter.h"
#include "connectors/transports/open311_intake.h"
#include "tests/fuzz/fuzz.h"

#include <expat.h>
#include <stdlib.h>

#define HOTLINE CASEHUB_SOURCE_DIR "/connectors/hotline/"
#define NOW_MS INT64_C(1795521600000)
#define XML_MOST ((size_t)8 * 1024 * 1024)

static const ch_open311_services *tables(void)
{
    static ch_open311_services services;
    ch_error error;
    if (services.count == 0 && ch_open311_services_read(&services, HOTLINE "services.csv",
                                                        HOTLINE "attributes.csv", &error) != CH_OK) {
        abort();
    }
    return &services;
}

static void collect(void *out, const char *text, int size)
{
    ch_buf_append(out, text, (size_t)size);
}

/* What a parser that is not ours reads in the document's XML. */
static void read_back(json_t *document, ch_buf *out)
{
    ch_buf xml;
    ch_buf_init(&xml, XML_MOST);
    REQUIRE(ch_open311_render(&xml, document, "errors", CH_OPEN311_XML) == CH_OK);
    XML_Parser parser = XML_ParserCreate(NULL);
    REQUIRE(parser != NULL);
    XML_SetUserData(parser, out);
    XML_SetCharacterDataHandler(parser, collect);
    REQUIRE(XML_Parse(parser, (const char *)xml.at, (int)xml.size, 1) == XML_STATUS_OK);
    XML_ParserFree(parser);
    ch_buf_done(&xml);
}

static bool is_noncharacter(const char *at, size_t size)
{
    return size == 3 && (memcmp(at, "\xef\xbf\xbe", 3) == 0 || memcmp(at, "\xef\xbf\xbf", 3) == 0);
}

/* What came in is what a reader of the answer gets, but for what XML cannot write. */
static void check_field(const ch_form_field *field)
{
    ch_buf wanted, got;
    ch_buf_init(&wanted, XML_MOST);
    ch_buf_init(&got, XML_MOST);
    for (size_t i = 0, size; i < field->value.size; i += size) {
        size = ch_str_utf8_size((ch_str){field->value.at + i, field->value.size - i});
        REQUIRE(size > 0);
        bool replaced = is_noncharacter(field->value.at + i, size);
        ch_buf_append(&wanted, replaced ? "\xef\xbf\xbd" : field->value.at + i, size);
    }
    json_t *document = json_pack("[{s:o}]", "a", json_stringn(field->value.at, field->value.size));
    read_back(document, &got);
    REQUIRE(ch_str_equal(ch_buf_str(&wanted), ch_buf_str(&got)));
    json_decref(document);
    ch_buf_done(&wanted);
    ch_buf_done(&got);
}

/* Either there is nothing to say against it, or each thing is said. */
static void check_problems(ch_open311_problems *problems, bool taken)
{
    ch_buf text;
    REQUIRE(taken == (problems->code == 0) && taken == (json_array_size(problems->list) == 0));
    REQUIRE(json_array_size(problems->list) <= CH_OPEN311_PROBLEMS_MOST);
    if (!taken) {
        ch_buf_init(&text, XML_MOST);
        REQUIRE(problems->code == 400 || problems->code == 404);
        read_back(problems->list, &text);
        ch_buf_done(&text);
    }
    json_decref(problems->list);
}

static void check_record(const json_t *record)
{
    const json_t *lat = json_object_get(record, "lat"), *lon = json_object_get(record, "long");
    REQUIRE(json_is_string(json_object_get(record, "service_code")));
    REQUIRE(lat == NULL || (json_number_value(lat) >= -90 && json_number_value(lat) <= 90));
    REQUIRE(lon == NULL || (json_number_value(lon) >= -180 && json_number_value(lon) <= 180));
    REQUIRE(lat != NULL || json_object_get(record, "address_string") != NULL ||
            json_object_get(record, "address_id") != NULL);
}

static void check_filter(const ch_form *form)
{
    ch_open311_filter filter;
    ch_open311_problems problems = {.code = 0};
    ch_open311_filter_read(&filter, form, tables(), NOW_MS, &problems);
    if (problems.code == 0 && filter.ids == NULL) {
        REQUIRE(filter.open || filter.closed);
        REQUIRE(filter.start_ms <= filter.end_ms);
        REQUIRE(filter.end_ms == INT64_MAX || filter.end_ms - filter.start_ms <= CH_OPEN311_SPAN_MS);
    }
    check_problems(&problems, problems.code == 0);
    ch_open311_filter_done(&filter);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ch_form form;
    ch_error error = {.status = CH_OK};
    ch_form_init(&form);
    if (ch_form_parse(&form, (ch_str){(const char *)data, size}, &error) == CH_OK) {
        ch_open311_problems problems = {.code = 0};
        json_t *record = ch_open311_intake(tables(), &form, &problems);
        check_problems(&problems, record != NULL);
        if (record != NULL) {
            check_record(record);
            json_decref(record);
        }
        check_filter(&form);
        for (size_t i = 0; i < form.count; i++) {
            check_field(&form.fields[i]);
        }
    }
    ch_form_done(&form);
    return 0;
}
