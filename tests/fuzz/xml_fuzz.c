/* An XML document. What is kept of each record reads as the same record again. */
#include "connectors/formats/formats.h"
#include "connectors/formats/xml_text.h"
#include "tests/fuzz/fuzz.h"

#include <jansson.h>

#define RECORD_MOST ((size_t)64 * 1024)
#define FIELD_MOST ((size_t)4096)

/* What the first record was, when it is read again. */
typedef struct reading {
    const char *record;
    char *first; /* its JSON */
    ch_buf raw;
    size_t count;
    bool rejected;
} reading;

static bool is_shallow(const json_t *value, unsigned depth)
{
    const char *key;
    json_t *member;
    size_t i;
    REQUIRE(depth <= 2 * CH_XML_DEPTH_MOST + 2); /* an array between any two elements */
    json_object_foreach((json_t *)value, key, member)
    {
        is_shallow(member, depth + 1);
    }
    json_array_foreach(value, i, member)
    {
        is_shallow(member, depth + 1);
    }
    return true;
}

static bool take_record(const casehub_sink *sink, const casehub_parsed *parsed)
{
    reading *r = sink->context;
    REQUIRE(parsed->line > 0 && (parsed->json != NULL || (parsed->code != NULL && parsed->reason != NULL)));
    if (r->count++ == 0 && parsed->json != NULL) {
        json_t *tree = json_loadb(parsed->json, parsed->json_size, JSON_REJECT_DUPLICATES, NULL);
        REQUIRE(json_object_size(tree) == 1 && is_shallow(tree, 1));
        json_decref(tree);
        r->first = strndup(parsed->json, parsed->json_size);
        ch_buf_append(&r->raw, parsed->raw, parsed->raw_size);
    }
    return true;
}

static void reject(const casehub_sink *sink, const char *reason)
{
    REQUIRE(reason[0] != '\0');
    ((reading *)sink->context)->rejected = true;
}

static void read_document(reading *r, ch_str document)
{
    const casehub_value values[] = {
        {.text = r->record}, {.text = ""}, {.text_count = 0}, {.number = (int64_t)1024 * 1024}};
    const casehub_sink sink = {CASEHUB_SIZED(casehub_sink), r, take_record, reject};
    const casehub_line line = {
        CASEHUB_SIZED(casehub_line), .text = document.at, .text_size = document.size, .raw = document.at,
        .raw_size = document.size,   .number = 1,         .charset = "UTF-8"};
    void *state = calloc(1, ch_format_xml.state_size);
    REQUIRE(state != NULL && ch_format_xml.open(state, values, RECORD_MOST, FIELD_MOST) == 0);
    if (ch_format_xml.line(state, &line, &sink) == CASEHUB_FORMAT_OK) {
        int result = ch_format_xml.end(state, &sink);
        REQUIRE(r->rejected == (result == CASEHUB_FORMAT_REJECT));
    }
    ch_format_xml.close(state);
    free(state);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const records[] = {"", "row", "all/row"};
    for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
        reading first = {.record = records[i]}, again = {.record = records[i]};
        ch_buf_init(&first.raw, (size_t)16 * 1024 * 1024);
        ch_buf_init(&again.raw, (size_t)16 * 1024 * 1024);
        read_document(&first, (ch_str){(const char *)data, size});
        if (first.first != NULL) {
            read_document(&again, ch_buf_str(&first.raw));
            REQUIRE(again.first == NULL || strcmp(first.first, again.first) == 0);
            REQUIRE(again.first != NULL || again.count > 0);
        }
        free(first.first);
        free(again.first);
        ch_buf_done(&first.raw);
        ch_buf_done(&again.raw);
    }
    return 0;
}
