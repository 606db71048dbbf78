/* One event in its forms: encoded, canonical, JSON. */
#include "tests/unit/model/values.h"

#include "hub/base/array.h"
#include "hub/model/event.h"
#include "hub/model/event_attributes.h"
#include "hub/model/json.h"

#include <stdio.h>

#define SMALL_EVENT_TEXT                                                                                     \
    "{\"specversion\":\"1.0\",\"id\":\"7\",\"source\":\"hotline/81890\",\"type\":\"case.noted\","            \
    "\"time\":\"2026-11-23T02:27:00Z\"}"

/* ---- events from a seed */

static ch_str any_text(ch_random_seeded *random, ch_charset charset, size_t most, char *room)
{
    static const char *const sets[] = {
        [CH_CHARSET_ANY] = "abc",     [CH_CHARSET_PRINTABLE] = "aZ 09/\"\\{", [CH_CHARSET_TYPE] = "az_.",
        [CH_CHARSET_CODE] = "az09_-", [CH_CHARSET_AREA] = "0123456789",       [CH_CHARSET_TOPIC] = "az09_.-"};
    const char *set = sets[charset];
    size_t size = 2 + (size_t)ch_random_below(random, most - 1);
    for (size_t i = 0; i < size; i++) {
        room[i] = set[ch_random_below(random, strlen(set))];
    }
    return (ch_str){room, size};
}

static void put_any_map_of_fields(ch_buf *out, ch_random_seeded *random)
{
    char name[32];
    uint32_t count = (uint32_t)ch_random_below(random, 6);
    ch_mp_put_map(out, count);
    for (uint32_t i = 0; i < count; i++) {
        snprintf(name, sizeof name, "field_%u", i);
        ch_mp_put_text(out, name);
        put_any_value(out, random, 2);
    }
}

static void put_any_attribute(ch_buf *out, ch_random_seeded *random, const ch_attribute *attribute)
{
    char room[256];
    ch_mp_put_text(out, attribute->name);
    switch (attribute->kind) {
    case CH_ATTRIBUTE_SPEC: ch_mp_put_text(out, "1.0"); break;
    case CH_ATTRIBUTE_TEXT:
        ch_mp_put_str(out, any_text(random, attribute->charset, attribute->most, room));
        break;
    case CH_ATTRIBUTE_MAP: put_any_map_of_fields(out, random); break;
    case CH_ATTRIBUTE_BIN: ch_mp_put_bin(out, CH_STR("\x00\x01\xff")); break;
    case CH_ATTRIBUTE_TIME:
        ch_mp_put_int(out, CH_TIME_LEAST + (int64_t)ch_random_below(random, CH_TIME_MOST - CH_TIME_LEAST));
        break;
    case CH_ATTRIBUTE_VERSION:
    case CH_ATTRIBUTE_COUNT64:
    case CH_ATTRIBUTE_COUNT32: ch_mp_put_int(out, 1 + (int64_t)ch_random_below(random, UINT32_MAX)); break;
    case CH_ATTRIBUTE_STATE:
        ch_mp_put_text(
            out, ch_case_state_name((ch_case_state)(1 + ch_random_below(random, CH_CASE_STATE_COUNT - 1))));
        break;
    case CH_ATTRIBUTE_FLAG: ch_mp_put_bool(out, true); break;
    }
}

/* A record with about half of what may be left out. */
static void put_any_record(ch_buf *out, ch_random_seeded *random)
{
    size_t begun_at = ch_mp_begin_map(out);
    uint32_t count = 0;
    for (unsigned i = 0; i < CH_ATTRIBUTE_COUNT; i++) {
        bool optional =
            (i >= CH_ATTRIBUTE_IS_REF && i < CH_ATTRIBUTE_IS_SEQUENCE) || i >= CH_ATTRIBUTE_IS_DIGESTS;
        if (!optional || ch_random_below(random, 2) == 0) {
            put_any_attribute(out, random, &ch_attributes[i]);
            count++;
        }
    }
    ch_mp_end_map(out, begun_at, count);
}

static void brings_back_any_record_byte_for_byte_and_through_json(void **state)
{
    value_fixture *of = *state;
    ch_random_seeded random;
    ch_buf left, right;
    ch_random_seeded_init(&random, 20261123);
    ch_buf_init(&left, 1 << 20);
    ch_buf_init(&right, 1 << 20);
    for (unsigned round = 0; round < 400; round++) {
        ch_buf *const all[] = {&of->bytes, &of->again, &of->text, &left, &right};
        for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
            ch_buf_clear(all[i]);
        }
        put_any_record(&left, &random);
        assert_status(ch_event_decode(ch_buf_str(&left), CH_EVENT_RECORDED, &of->event, &of->error), CH_OK);
        ch_event_encode(&of->bytes, &of->event);
        assert_status(ch_event_decode(ch_buf_str(&of->bytes), CH_EVENT_RECORDED, &of->event, &of->error),
                      CH_OK);
        ch_event_encode(&of->again, &of->event);
        assert_str(ch_buf_str(&of->again), ch_buf_str(&of->bytes));
        assert_status(ch_event_to_json(&of->text, ch_buf_str(&of->bytes)), CH_OK);
        ch_buf_clear(&of->again);
        assert_status(ch_event_from_json(&of->again, ch_buf_str(&of->text), &of->error), CH_OK);
        ch_buf_clear(&left);
        assert_status(ch_mp_canonical(&left, ch_buf_str(&of->bytes)), CH_OK);
        assert_status(ch_mp_canonical(&right, ch_buf_str(&of->again)), CH_OK);
        assert_str(ch_buf_str(&right), ch_buf_str(&left));
    }
    ch_buf_done(&left);
    ch_buf_done(&right);
}

/* ---- in the log */

static void refuses_what_is_no_stored_event(void **state)
{
    static const char *const cases[] = {
        "",
        "90",
        "80",                                                 /* lacks what identifies it */
        "84 00 a1 37 01 a1 61 02 a1 62",                      /* cut short */
        "84 00 a1 37 01 a1 61 02 a1 62 0e",                   /* before a value */
        "84 00 a1 37 01 a1 61 02 a1 62 0e c3",                /* topic: a flag */
        "85 00 a1 37 01 a1 61 02 a1 62 0e a1 63 03 a1 64",    /* time: a text */
        "85 00 a1 37 01 a1 61 02 a1 62 0e a1 63 15 01",       /* no attribute 21 */
        "85 00 a1 37 01 a1 61 02 a1 62 0e a1 63 ff 01",       /* nor -1 */
        "85 00 a1 37 01 a1 61 02 a1 62 0e a1 63 a2 6964 01",  /* a name */
        "85 00 a1 37 01 a1 61 02 a1 62 0e a1 63 0f 00",       /* state: none */
        "85 00 a1 37 01 a1 61 02 a1 62 0e a1 63 0f 0b",       /* no state 11 */
        "85 00 a1 37 01 a1 61 02 a1 62 0e a1 63 13 91 01",    /* data: a list */
        "85 00 a1 37 01 a1 61 02 a1 62 0e a1 63 13 81 a1 61", /* data cut short */
    };
    value_fixture *of = *state;
    for (size_t i = 0; i < CH_COUNT_OF(cases); i++) {
        ch_buf_clear(&of->bytes);
        put_hex(&of->bytes, cases[i]);
        of->event = (ch_event){.id = CH_STR("before")};
        assert_status(ch_event_restore(ch_buf_str(&of->bytes), &of->event), CH_CORRUPT);
        assert_str(of->event.id, CH_STR("before"));
    }
    ch_buf_clear(&of->bytes);
    put_hex(&of->bytes, "84 00 a1 37 01 a1 61 02 a1 62 0e a1 63");
    assert_status(ch_event_restore(ch_buf_str(&of->bytes), &of->event), CH_OK);
}

/* What the head of a record tells, and what is sealed. */
static void leave_to_the_record(ch_event *event)
{
    event->sequence = 0;
    event->epoch = 0;
    event->recorded_ms = 0;
    event->case_version = 0;
    event->test_mode = event->anomalous = event->inferred = false;
    event->private_data = event->raw = CH_STR_NONE;
}

static void restores_whatever_was_stored_but_for_what_the_record_tells(void **state)
{
    value_fixture *of = *state;
    ch_random_seeded random;
    ch_buf expected;
    ch_buf_init(&expected, 1 << 20);
    ch_random_seeded_init(&random, 20261124);
    for (unsigned round = 0; round < 400; round++) {
        ch_event restored;
        ch_buf_clear(&of->bytes);
        ch_buf_clear(&of->again);
        ch_buf_clear(&of->text);
        ch_buf_clear(&expected);
        put_any_record(&of->bytes, &random);
        assert_status(ch_event_decode(ch_buf_str(&of->bytes), CH_EVENT_RECORDED, &of->event, &of->error),
                      CH_OK);
        ch_event_store(&of->again, &of->event);
        assert_status(ch_event_restore(ch_buf_str(&of->again), &restored), CH_OK);
        leave_to_the_record(&of->event);
        ch_event_encode(&expected, &of->event);
        ch_event_encode(&of->text, &restored);
        assert_str(ch_buf_str(&of->text), ch_buf_str(&expected));
    }
    ch_buf_done(&expected);
}

/* ---- canonical form */

static bool is_part_of_the_fact(const ch_attribute *attribute)
{
    static const char *const others[] = {"specversion", "expectedversion", "traceparent", "mapping", "raw"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (strcmp(attribute->name, others[i]) == 0) {
            return false;
        }
    }
    return !attribute->by_hub;
}

static void the_canonical_form_is_the_sorted_map_of_the_producers_fact(void **state)
{
    value_fixture *of = *state;
    ch_random_seeded random;
    ch_random_seeded_init(&random, 7);
    for (unsigned round = 0; round < 200; round++) {
        uint32_t count = 0;
        ch_buf_clear(&of->bytes);
        ch_buf_clear(&of->again);
        ch_buf_clear(&of->text);
        put_any_record(&of->bytes, &random);
        assert_status(ch_event_decode(ch_buf_str(&of->bytes), CH_EVENT_RECORDED, &of->event, &of->error),
                      CH_OK);
        size_t begun_at = ch_mp_begin_map(&of->text);
        for (size_t i = 0; i < CH_ATTRIBUTE_COUNT; i++) {
            ch_str value;
            if (is_part_of_the_fact(&ch_attributes[i]) &&
                ch_mp_find(ch_buf_str(&of->bytes), ch_attributes[i].name, NULL, &value)) {
                ch_mp_put_text(&of->text, ch_attributes[i].name);
                ch_mp_put_raw(&of->text, value);
                count++;
            }
        }
        ch_mp_end_map(&of->text, begun_at, count);
        assert_status(ch_mp_canonical(&of->again, ch_buf_str(&of->text)), CH_OK);
        ch_buf_clear(&of->text);
        assert_status(ch_event_canonical(&of->text, &of->event), CH_OK);
        assert_str(ch_buf_str(&of->text), ch_buf_str(&of->again));
    }
}

static void the_same_fact_mapped_again_has_the_same_canonical_form(void **state)
{
    value_fixture *of = *state;
    const ch_event event = {.id = CH_STR("7"),
                            .source = CH_STR("a/1"),
                            .type = CH_STR("case.noted"),
                            .data = CH_STR("\x82\xa1\x62\x01\xa1\x61\x02"),
                            .expected_version = -1};
    ch_event again = event;
    again.data = CH_STR("\xde\x00\x02\xa1\x61\xcc\x02\xd9\x01\x62\x01");
    again.expected_version = 4;
    again.traceparent = CH_STR("00-1-2-00");
    again.mapping = CH_STR("2");
    again.raw = CH_STR("other");
    assert_status(ch_event_canonical(&of->bytes, &event), CH_OK);
    assert_status(ch_event_canonical(&of->again, &again), CH_OK);
    assert_str(ch_buf_str(&of->again), ch_buf_str(&of->bytes));
    again.data = CH_STR("\x82\xa1\x62\x01\xa1\x61\x03");
    ch_buf_clear(&of->again);
    assert_status(ch_event_canonical(&of->again, &again), CH_OK);
    assert_false(ch_str_equal(ch_buf_str(&of->again), ch_buf_str(&of->bytes)));
}

static void tells_when_there_is_no_room_for_the_canonical_form(void **state)
{
    value_fixture *of = *state;
    ch_buf small;
    ch_buf_init(&small, 40);
    of->event =
        (ch_event){.id = CH_STR("0123456789"), .source = CH_STR("0123456789"), .type = CH_STR("0123456789")};
    assert_status(ch_event_canonical(&small, &of->event), CH_TOO_LARGE);
    of->event = (ch_event){.id = CH_STR("7"),
                           .data = CH_STR("\x81\xa4text\xaa"
                                          "0123456789")};
    ch_buf_done(&small);
    ch_buf_init(&small, 12);
    assert_status(ch_event_canonical(&small, &of->event), CH_TOO_LARGE);
    ch_buf_done(&small);
}

/* ---- JSON */

static void refuses_json_that_is_no_object_or_has_no_time(void **state)
{
    static const struct {
        const char *text, *where;
    } cases[] = {
        {"[]", "event"},
        {"\"event\"", "event"},
        {"{\"time\":\"yesterday\"}", "time"},
        {"{\"time\":\"2026-11-31T00:00:00Z\"}", "time"},
        {"{\"time\":true}", "time"},
        {"{\"time\":1.5}", "time"},
        {"{\"id\":\"7\",\"recordedtime\":\"2026-11-23\"}", "recordedtime"},
    };
    value_fixture *of = *state;
    ch_buf_append_text(&of->bytes, "before");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_status(ch_event_from_json(&of->bytes, ch_str_of(cases[i].text), &of->error), CH_INVALID);
        assert_string_equal(of->error.where, cases[i].where);
        assert_str(ch_buf_str(&of->bytes), CH_STR("before"));
    }
    assert_status(ch_event_from_json(&of->bytes, CH_STR("{\"id\":"), &of->error), CH_INVALID);
    assert_status(ch_event_from_json(&of->bytes, CH_STR("{\"id\":1,\"id\":2}"), &of->error), CH_INVALID);
    assert_str(ch_buf_str(&of->bytes), CH_STR("before"));
}

static void reads_times_of_any_offset_and_writes_them_in_utc(void **state)
{
    value_fixture *of = *state;
    static const char *const texts[] = {"\"2026-11-23T10:27:00+08:00\"", "\"2026-11-23T02:27:00Z\"",
                                        "1795400820000"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        ch_buf_clear(&of->bytes);
        ch_buf_clear(&of->text);
        ch_buf_append_format(&of->text,
                             "{\"specversion\":\"1.0\",\"id\":\"7\",\"source\":\"hotline/81890\",\"type\":"
                             "\"case.noted\",\"time\":%s}",
                             texts[i]);
        assert_status(ch_event_from_json(&of->bytes, ch_buf_str(&of->text), &of->error), CH_OK);
        assert_int_equal(ch_mp_find_int(ch_buf_str(&of->bytes), "time", 0), INT64_C(1795400820000));
        ch_buf_clear(&of->text);
        assert_status(ch_event_to_json(&of->text, ch_buf_str(&of->bytes)), CH_OK);
        assert_str(ch_buf_str(&of->text), CH_STR(SMALL_EVENT_TEXT));
    }
}

static void keeps_times_of_data_and_raw_bytes_as_they_are(void **state)
{
    value_fixture *of = *state;
    ch_mp_value value;
    const ch_str text = CH_STR("{\"raw\":{\"$base64\":\"/wA=\"},\"data\":{\"time\":\"soon\",\"due\":5}}");
    assert_status(ch_event_from_json(&of->bytes, text, &of->error), CH_OK);
    assert_true(ch_mp_find(ch_buf_str(&of->bytes), "raw", &value, NULL));
    assert_int_equal(value.kind, CH_MP_BIN);
    assert_str(value.str, CH_STR("\xff\x00"));
    assert_status(ch_event_to_json(&of->text, ch_buf_str(&of->bytes)), CH_OK);
    assert_str(ch_buf_str(&of->text), text);
}

static void refuses_to_write_what_is_no_event_as_json(void **state)
{
    static const char *const hex[] = {"",
                                      "c0",
                                      "81 a4 74696d65 cf ffffffffffffffff",
                                      "81 a4 74696d65 a1 61",
                                      "81 a4 74696d65 d3 7fffffffffffffff",
                                      "81 a4"};
    value_fixture *of = *state;
    for (size_t i = 0; i < sizeof hex / sizeof *hex; i++) {
        ch_buf_clear(&of->bytes);
        put_hex(&of->bytes, hex[i]);
        assert_status(ch_event_to_json(&of->text, ch_buf_str(&of->bytes)), CH_INVALID);
        assert_int_equal(of->text.size, 0);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_values, tear_down_values)
    const struct CMUnitTest tests[] = {
        TEST(brings_back_any_record_byte_for_byte_and_through_json),
        TEST(refuses_what_is_no_stored_event),
        TEST(restores_whatever_was_stored_but_for_what_the_record_tells),
        TEST(the_canonical_form_is_the_sorted_map_of_the_producers_fact),
        TEST(the_same_fact_mapped_again_has_the_same_canonical_form),
        TEST(tells_when_there_is_no_room_for_the_canonical_form),
        TEST(refuses_json_that_is_no_object_or_has_no_time),
        TEST(reads_times_of_any_offset_and_writes_them_in_utc),
        TEST(keeps_times_of_data_and_raw_bytes_as_they_are),
        TEST(refuses_to_write_what_is_no_event_as_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
