#include "tests/unit/model/values.h"

#include "hub/model/event.h"
#include "hub/model/event_attributes.h"
#include "hub/model/json.h"

#include <stdio.h>

typedef struct sample {
    const char *name, *json;
    bool recorded; /* only in a record */
} sample;

static const sample samples[] = {
    {"specversion", "\"1.0\"", false},
    {"id", "\"7\"", false},
    {"source", "\"hotline/81890\"", false},
    {"type", "\"case.noted\"", false},
    {"time", "1795400820000", false},
    {"subject", "\"ZJ-20261123-18\"", false},
    {"sequence", "9", true},
    {"epoch", "1", true},
    {"recordedtime", "1795400820500", true},
    {"topic", "\"case.noted.hotline._._\"", true},
    {"caseversion", "2", true},
    {"casestate", "\"received\"", true},
    {"cycle", "1", true},
    {"actor", "\"hotline-desk\"", true},
};

/* A good event of the form, but with `name` as `json` (NULL: without it). */
static ch_status decode_with(value_fixture *of, ch_event_form form, const char *name, const char *json)
{
    const char *comma = "{";
    ch_buf_clear(&of->text);
    ch_buf_clear(&of->bytes);
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        bool is_it = strcmp(samples[i].name, name) == 0;
        bool is_pair = strcmp(name, "ref") == 0 && strcmp(samples[i].name, "subject") == 0;
        if (!is_it && !(is_pair && form == CH_EVENT_PRODUCED) &&
            (!samples[i].recorded || form == CH_EVENT_RECORDED)) {
            ch_buf_append_format(&of->text, "%s\"%s\":%s", comma, samples[i].name, samples[i].json);
            comma = ",";
        }
    }
    if (json != NULL) {
        ch_buf_append_format(&of->text, "%s\"%s\":", comma, name);
        ch_buf_append_text(&of->text, json);
    }
    ch_buf_append_text(&of->text, "}");
    ch_mp_limits wide = ch_mp_limits_event;
    wide.map_pairs = CH_MP_PAIRS_MAX;
    assert_status(ch_json_to_mp(&of->bytes, ch_buf_str(&of->text), &wide, &of->error), CH_OK);
    return ch_event_decode(ch_buf_str(&of->bytes), form, &of->event, &of->error);
}

static void assert_refused(value_fixture *of, ch_status actual, ch_status expected, const char *where,
                           const char *text)
{
    if (actual != expected || strcmp(of->error.where, where) != 0 || strstr(of->error.text, text) == NULL) {
        print_error("%.*s\n%s: %s: %s (expected %s: %s)\n", CH_STR_ARG(ch_buf_str(&of->text)),
                    ch_status_name(actual), of->error.where, of->error.text, where, text);
    }
    assert_status(actual, expected);
    assert_int_equal(of->error.status, expected);
    assert_string_equal(of->error.where, where);
    assert_non_null(strstr(of->error.text, text));
}

static void refuses_an_attribute_of_the_wrong_kind_or_charset(void **state)
{
    static const struct {
        const char *name, *json, *text;
    } cases[] = {
        {"specversion", "1.0", "\"1.0\""},
        {"specversion", "\"1.1\"", "\"1.0\""},
        {"id", "7", "a string is"},
        {"id", "\"\"", "leave it out"},
        {"id", "\"a\\nb\"", "control characters"},
        {"id", "\"a\\u007f\"", "control characters"},
        {"source", "[\"hotline\"]", "a string is"},
        {"source", "\"hotline\\u0085\"", "control characters"},
        {"type", "\"Case.noted\"", "a-z, _ and ."},
        {"type", "\"case.noted2\"", "a-z, _ and ."},
        {"type", "true", "a string is"},
        {"time", "\"2026-11-23T02:27:00Z\"", "an integer is"},
        {"time", "1.5", "an integer is"},
        {"time", "253402300800000", "outside"},
        {"time", "-62135596800001", "outside"},
        {"subject", "18", "a string is"},
        {"subject", "\"ZJ\\u0000\"", "control characters"},
        {"ref", "18", "a string is"},
        {"ref", "\"a\\tb\"", "control characters"},
        {"area", "330203", "a string is"},
        {"area", "\"3\"", "2 to 15 digits"},
        {"area", "\"33.02\"", "2 to 15 digits"},
        {"party", "\"Water Rescue\"", "a-z, 0-9, _ and -"},
        {"party", "\"a.b\"", "a-z, 0-9, _ and -"},
        {"party", "{}", "a string is"},
        {"expectedversion", "-1", "outside"},
        {"expectedversion", "4294967296", "outside"},
        {"expectedversion", "\"3\"", "an integer is"},
        {"handoff_ref", "1", "a string is"},
        {"causationid", "1", "a string is"},
        {"correlationid", "\"\\u0001\"", "control characters"},
        {"traceparent", "false", "a string is"},
        {"mapping", "2", "a string is"},
        {"testmode", "1", "true or false is"},
        {"data", "[]", "a map is"},
        {"data", "\"text\"", "a map is"},
        {"private", "\"Li\"", "a map is"},
        {"raw", "\"text\"", "binary"},
    };
    value_fixture *of = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ch_status status = decode_with(of, CH_EVENT_PRODUCED, cases[i].name, cases[i].json);
        assert_refused(of, status, CH_INVALID, cases[i].name, cases[i].text);
    }
}

static void a_code_has_nothing_but_its_own_characters(void **state)
{
    (void)state;
    static const char most[] = "abcdefghijklmnopqrstuvwxyz_-0123456789_abcdefghijklmnopqrstuvwx";
    static const char *const bad[] = {"", "A", "a b", "é", "a/b", "a:", "`", "{", "a*"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(ch_is_code(ch_str_of(bad[i]), true));
    }
    assert_false(ch_is_code(CH_STR_NONE, true));
    assert_false(ch_is_code((ch_str){"a\0b", 3}, true));
    assert_false(ch_is_code(CH_STR("power.trip"), false));
    assert_true(ch_is_code(CH_STR("power.trip"), true));
    assert_int_equal(sizeof most - 1, CH_CODE_MAX);
    assert_true(ch_is_code(ch_str_of(most), false));
    assert_false(
        ch_is_code(CH_STR("abcdefghijklmnopqrstuvwxyz_-0123456789_abcdefghijklmnopqrstuvwxy"), false));
}

static void refuses_a_record_whose_outcome_is_malformed(void **state)
{
    static const struct {
        const char *name, *json, *text;
    } cases[] = {
        {"sequence", "0", "outside"},
        {"sequence", "\"9\"", "an integer is"},
        {"epoch", "0", "outside"},
        {"epoch", "4294967296", "outside"},
        {"recordedtime", "\"now\"", "an integer is"},
        {"topic", "\"case.noted.Hotline\"", "a-z, 0-9"},
        {"caseversion", "-2", "outside"},
        {"casestate", "\"open\"", "a case's state"},
        {"casestate", "\"none\"", "a case's state"},
        {"casestate", "3", "a case's state"},
        {"cycle", "1.0", "an integer is"},
        {"actor", "null", "missing"},
        {"digests", "\"\"", "a map is"},
        {"anomalous", "\"yes\"", "true or false is"},
        {"inferred", "0", "true or false is"},
    };
    value_fixture *of = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ch_status status = decode_with(of, CH_EVENT_RECORDED, cases[i].name, cases[i].json);
        assert_refused(of, status, CH_INVALID, cases[i].name, cases[i].text);
    }
}

static void refuses_texts_beyond_their_length_and_takes_them_up_to_it(void **state)
{
    static const char digits[] = "0123456789", letters[] = "abcdefghij";
    value_fixture *of = *state;
    size_t texts = 0;
    for (size_t i = 0; i < CH_ATTRIBUTE_COUNT; i++) {
        const ch_attribute *attribute = &ch_attributes[i];
        char json[CH_TOPIC_MAX + 4] = "\"";
        ch_event_form form = attribute->by_hub ? CH_EVENT_RECORDED : CH_EVENT_PRODUCED;
        if (attribute->kind != CH_ATTRIBUTE_TEXT) {
            continue;
        }
        const char *from = attribute->charset == CH_CHARSET_AREA ? digits : letters;
        for (size_t k = 0; k <= attribute->most; k++) {
            json[1 + k] = from[k % 10];
        }
        memcpy(json + 2 + attribute->most, "\"", 2);
        assert_refused(of, decode_with(of, form, attribute->name, json), CH_TOO_LARGE, attribute->name,
                       "at most");
        memcpy(json + 1 + attribute->most, "\"", 2);
        assert_status(decode_with(of, form, attribute->name, json), CH_OK);
        texts++;
    }
    assert_int_equal(texts, 14);
}

static void refuses_an_event_that_lacks_what_identifies_it(void **state)
{
    static const char *const always[] = {"specversion", "id", "source", "type", "time"};
    static const char *const recorded[] = {"sequence", "epoch", "recordedtime", "topic",      "actor",
                                           "subject",  "cycle", "casestate",    "caseversion"};
    value_fixture *of = *state;
    for (size_t i = 0; i < sizeof always / sizeof *always; i++) {
        assert_refused(of, decode_with(of, CH_EVENT_PRODUCED, always[i], NULL), CH_INVALID, always[i],
                       "missing");
        assert_refused(of, decode_with(of, CH_EVENT_PRODUCED, always[i], "null"), CH_INVALID, always[i],
                       "missing");
        assert_refused(of, decode_with(of, CH_EVENT_RECORDED, always[i], NULL), CH_INVALID, always[i],
                       "missing");
    }
    for (size_t i = 0; i < sizeof recorded / sizeof *recorded; i++) {
        assert_refused(of, decode_with(of, CH_EVENT_RECORDED, recorded[i], NULL), CH_INVALID, recorded[i],
                       "missing");
    }
}

static void refuses_a_producer_that_sets_what_only_the_hub_sets(void **state)
{
    value_fixture *of = *state;
    size_t refused = 0;
    for (size_t i = 0; i < CH_ATTRIBUTE_COUNT; i++) {
        if (ch_attributes[i].by_hub) {
            assert_refused(of, decode_with(of, CH_EVENT_PRODUCED, ch_attributes[i].name, "1"), CH_INVALID,
                           ch_attributes[i].name, "only the hub sets it");
            assert_status(decode_with(of, CH_EVENT_PRODUCED, ch_attributes[i].name, "null"), CH_OK);
            refused++;
        }
    }
    assert_int_equal(refused, 12);
}

static void refuses_an_unknown_attribute_by_its_name_unless_that_is_no_name(void **state)
{
    value_fixture *of = *state;
    assert_refused(of, decode_with(of, CH_EVENT_PRODUCED, "title", "\"x\""), CH_INVALID, "title",
                   "no such attribute");
    assert_refused(of, decode_with(of, CH_EVENT_RECORDED, "private_data", "{}"), CH_INVALID, "private_data",
                   "no such attribute");
    assert_refused(of, decode_with(of, CH_EVENT_PRODUCED, "", "1"), CH_INVALID, "event", "no such attribute");
    assert_refused(of, decode_with(of, CH_EVENT_PRODUCED, "13912345678 Li Si", "1"), CH_INVALID, "event",
                   "no such attribute");
    assert_null(strstr(of->error.text, "139"));
}

static void refuses_subject_and_ref_together_but_a_record_has_both(void **state)
{
    value_fixture *of = *state;
    ch_buf_clear(&of->text);
    ch_buf_append_text(
        &of->text, "{\"specversion\":\"1.0\",\"id\":\"7\",\"source\":\"hotline/1\",\"type\":\"case.noted\","
                   "\"time\":0,\"ref\":\"18\",\"subject\":\"ZJ-20261123-18\"}");
    assert_status(ch_json_to_mp(&of->bytes, ch_buf_str(&of->text), &ch_mp_limits_event, &of->error), CH_OK);
    assert_refused(of, ch_event_decode(ch_buf_str(&of->bytes), CH_EVENT_PRODUCED, &of->event, &of->error),
                   CH_INVALID, "ref", "not both");
    assert_status(decode_with(of, CH_EVENT_RECORDED, "ref", "\"18\""), CH_OK);
    assert_str(of->event.ref, CH_STR("18"));
    assert_str(of->event.subject, CH_STR("ZJ-20261123-18"));
}

static void refuses_a_doubled_attribute_and_what_is_no_map(void **state)
{
    static const char *const hex[] = {"c0", "90",      "a1 61", "82 a2 69 64 a1 37 a2 69 64 a1 38",
                                      "",   "81 a2 69"};
    value_fixture *of = *state;
    for (size_t i = 0; i < sizeof hex / sizeof *hex; i++) {
        ch_buf_clear(&of->bytes);
        put_hex(&of->bytes, hex[i]);
        of->error = (ch_error){.status = CH_OK};
        assert_status(ch_event_decode(ch_buf_str(&of->bytes), CH_EVENT_PRODUCED, &of->event, &of->error),
                      CH_INVALID);
        assert_int_equal(of->error.status, CH_INVALID);
    }
}

static void survives_every_cut_and_every_changed_byte(void **state)
{
    value_fixture *of = *state;
    assert_status(decode_with(of, CH_EVENT_RECORDED, "data", "{\"a\":[1,{\"b\":\"c\"}]}"), CH_OK);
    ch_str whole = ch_buf_str(&of->bytes);
    for (size_t size = 0; size < whole.size; size++) {
        ch_event untouched = {.time_ms = 77};
        assert_status(ch_event_decode((ch_str){whole.at, size}, CH_EVENT_RECORDED, &untouched, &of->error),
                      CH_INVALID);
        assert_int_equal(untouched.time_ms, 77);
    }
    for (size_t i = 0; i < whole.size * 8; i++) {
        of->bytes.at[i / 8] ^= (uint8_t)(1u << i % 8);
        if (ch_event_decode(whole, CH_EVENT_RECORDED, &of->event, &of->error) == CH_OK) {
            ch_buf_clear(&of->again);
            ch_event_encode(&of->again, &of->event);
            assert_status(ch_event_decode(ch_buf_str(&of->again), CH_EVENT_RECORDED, &of->event, &of->error),
                          CH_OK);
        }
        of->bytes.at[i / 8] ^= (uint8_t)(1u << i % 8);
    }
}

static void takes_nil_for_absent(void **state)
{
    static const char *const names[] = {"ref",         "area",        "party",   "expectedversion",
                                        "handoff_ref", "causationid", "mapping", "testmode",
                                        "private",     "raw",         "data",    "subject"};
    value_fixture *of = *state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_status(decode_with(of, CH_EVENT_PRODUCED, names[i], "null"), CH_OK);
        assert_null(of->event.ref.at);
        assert_null(of->event.data.at);
        assert_null(of->event.private_data.at);
        assert_int_equal(of->event.expected_version, -1);
    }
}

static void a_record_has_room_for_what_the_hub_adds(void **state)
{
    char data[4096] = "{";
    size_t size = 1;
    value_fixture *of = *state;
    for (unsigned i = 0; i < 258; i++) {
        size += (size_t)snprintf(data + size, sizeof data - size, "%s\"f%u\":1", i == 0 ? "" : ",", i);
    }
    memcpy(data + size, "}", 2);
    assert_refused(of, decode_with(of, CH_EVENT_PRODUCED, "data", data), CH_TOO_LARGE, "data", "");
    assert_status(decode_with(of, CH_EVENT_RECORDED, "data", data), CH_OK);
    assert_int_equal(ch_mp_pairs(of->event.data), 258);
}

static void decodes_attributes_in_any_order(void **state)
{
    value_fixture *of = *state;
    ch_event first, second;
    assert_status(decode_with(of, CH_EVENT_RECORDED, "party", "\"water-rescue\""), CH_OK);
    ch_event_encode(&of->again, &of->event);
    assert_status(ch_event_decode(ch_buf_str(&of->again), CH_EVENT_RECORDED, &first, &of->error), CH_OK);
    ch_buf_clear(&of->text);
    ch_mp_put_map(&of->text, ch_mp_pairs(ch_buf_str(&of->again)));
    for (size_t i = CH_ATTRIBUTE_COUNT; i-- > 0;) {
        ch_str bytes;
        if (ch_mp_find(ch_buf_str(&of->again), ch_attributes[i].name, NULL, &bytes)) {
            ch_mp_put_text(&of->text, ch_attributes[i].name);
            ch_mp_put_raw(&of->text, bytes);
        }
    }
    assert_status(ch_event_decode(ch_buf_str(&of->text), CH_EVENT_RECORDED, &second, &of->error), CH_OK);
    ch_buf_clear(&of->bytes);
    ch_event_encode(&of->bytes, &second);
    assert_str(ch_buf_str(&of->bytes), ch_buf_str(&of->again));
}

static void encodes_in_one_order_with_data_last_and_leaves_out_what_is_absent(void **state)
{
    value_fixture *of = *state;
    const ch_event event = {.id = CH_STR("7"),
                            .source = CH_STR("a/1"),
                            .type = CH_STR("case.noted"),
                            .area = CH_STR(""),
                            .data = CH_STR("\x81\xa1\x61\x01"),
                            .raw = CH_STR("\xff"),
                            .expected_version = 0};
    put_hex(&of->again, "88 ab 7370656376657273696f6e a3 312e30 a2 6964 a1 37 a6 736f75726365 a3 612f31"
                        "a4 74797065 aa 636173652e6e6f746564 a4 74696d65 00"
                        "af 657870656374656476657273696f6e 00 a3 726177 c4 01 ff a4 64617461 81 a1 61 01");
    ch_event_encode(&of->bytes, &event);
    assert_str(ch_buf_str(&of->bytes), ch_buf_str(&of->again));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_values, tear_down_values)
    const struct CMUnitTest tests[] = {
        TEST(refuses_an_attribute_of_the_wrong_kind_or_charset),
        TEST(a_code_has_nothing_but_its_own_characters),
        TEST(refuses_a_record_whose_outcome_is_malformed),
        TEST(refuses_texts_beyond_their_length_and_takes_them_up_to_it),
        TEST(refuses_an_event_that_lacks_what_identifies_it),
        TEST(refuses_a_producer_that_sets_what_only_the_hub_sets),
        TEST(refuses_an_unknown_attribute_by_its_name_unless_that_is_no_name),
        TEST(refuses_subject_and_ref_together_but_a_record_has_both),
        TEST(refuses_a_doubled_attribute_and_what_is_no_map),
        TEST(survives_every_cut_and_every_changed_byte),
        TEST(takes_nil_for_absent),
        TEST(a_record_has_room_for_what_the_hub_adds),
        TEST(decodes_attributes_in_any_order),
        TEST(encodes_in_one_order_with_data_last_and_leaves_out_what_is_absent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
