#include "tests/unit/model/schema_fixture.h"

#include "hub/base/array.h"
#include "hub/model/json.h"

static void assert_json(ch_str bytes, const char *expected)
{
    ch_buf text;
    ch_buf_init(&text, 1 << 20);
    assert_status(ch_json_from_mp(&text, bytes), CH_OK);
    ch_buf_append(&text, "", 1);
    assert_string_equal((const char *)text.at, expected);
    ch_buf_done(&text);
}

static void refuses_to_join_what_is_no_secret(void **state)
{
    static const char *const secrets[] = {"c0", "90", "82 a4 74657874 80", "81 a4 74657874 a1 61"};
    schema_fixture *of = *state;
    const ch_event stored = schema_event(of, "test.full", "{\"score\":3}", NULL);
    ch_buf_append_text(&of->joined, "before");
    for (size_t i = 0; i < CH_COUNT_OF(secrets); i++) {
        ch_buf_clear(&of->secret);
        put_hex(&of->secret, secrets[i]);
        assert_status(ch_schema_join(&of->joined, &stored, ch_buf_str(&of->secret), true), CH_CORRUPT);
        assert_str(ch_buf_str(&of->joined), CH_STR("before"));
    }
}

static void splits_by_class_and_seals_what_it_does_not_know(void **state)
{
    schema_fixture *of = *state;
    ch_event event = schema_event(
        of, "test.full", "{\"title\":\"leak\",\"score\":3,\"place\":{\"a\":1},\"other\":[1],\"lead\":true}",
        "{\"phone\":\"1\"}");
    event.raw = CH_STR("raw");
    assert_status(ch_schema_split(of->schema, &event, &of->public_part, &of->secret), CH_OK);
    assert_json(ch_buf_str(&of->public_part), "{\"score\":3,\"lead\":true}");
    assert_json(ch_buf_str(&of->secret),
                "{\"text\":{\"title\":\"leak\",\"other\":[1]},\"personal\":{\"place\":{\"a\":1}},"
                "\"private\":{\"phone\":\"1\"},\"raw\":{\"$base64\":\"cmF3\"}}");
}

/* What a merged case's system reports becomes a note, and is no less personal for that. */
static void keeps_personal_in_a_note_what_was_personal_in_what_it_reports(void **state)
{
    schema_fixture *of = *state;
    static ch_field fields[] = {
        {.name = "reported", .kind = CH_FIELD_STRING, .class = CH_FIELD_PUBLIC, NO_BOUNDS}};
    static const ch_type noted = {.name = "case.noted", .fields = fields, .field_count = 1};
    assert_status(ch_schema_add(of->schema, &noted, &of->error), CH_OK);
    const ch_event note =
        schema_event(of, "case.noted",
                     "{\"title\":\"leak\",\"score\":3,\"place\":{\"a\":1},\"reported\":\"test.full\"}", NULL);
    assert_status(ch_schema_split(of->schema, &note, &of->public_part, &of->secret), CH_OK);
    assert_json(ch_buf_str(&of->public_part), "{\"reported\":\"test.full\"}");
    assert_json(ch_buf_str(&of->secret),
                "{\"text\":{\"title\":\"leak\",\"score\":3},\"personal\":{\"place\":{\"a\":1}}}");
}

static void leaves_the_secret_empty_when_nothing_is_sealed(void **state)
{
    schema_fixture *of = *state;
    const ch_event plain = schema_event(of, "test.full", "{\"score\":3}", NULL);
    assert_status(ch_schema_split(of->schema, &plain, &of->public_part, &of->secret), CH_OK);
    assert_json(ch_buf_str(&of->public_part), "{\"score\":3}");
    assert_int_equal(of->secret.size, 0);
    const ch_event bare = schema_event(of, "test.plain", NULL, "{}");
    ch_buf_clear(&of->public_part);
    assert_status(ch_schema_split(of->schema, &bare, &of->public_part, &of->secret), CH_OK);
    assert_int_equal(of->public_part.size, 0);
    assert_int_equal(of->secret.size, 0);
}

static void tells_when_there_is_no_room_to_split_or_join(void **state)
{
    schema_fixture *of = *state;
    const ch_event event =
        schema_event(of, "test.full", "{\"title\":\"leak\",\"score\":3}", "{\"phone\":\"1\"}");
    for (size_t limit = 0; limit < 30; limit++) {
        ch_buf small;
        ch_buf_init(&small, limit);
        ch_buf_clear(&of->secret);
        ch_buf_clear(&of->public_part);
        assert_status(ch_schema_split(of->schema, &event, &of->public_part, &small), CH_TOO_LARGE);
        ch_buf_clear(&small);
        ch_buf_clear(&of->public_part);
        assert_status(ch_schema_split(of->schema, &event, &small, &of->secret),
                      limit < 10 ? CH_TOO_LARGE : CH_OK);
        ch_buf_clear(&small);
        assert_status(ch_schema_join(&small, &event, ch_buf_str(&of->secret), true), CH_TOO_LARGE);
        ch_buf_done(&small);
    }
}

/* The event as a record has it: its public data stands in of->public_part; its secret in of->secret. */
static ch_event store(schema_fixture *of, const ch_event *event)
{
    ch_event stored = *event;
    ch_buf_clear(&of->public_part);
    ch_buf_clear(&of->secret);
    ch_buf_clear(&of->joined);
    assert_status(ch_schema_split(of->schema, event, &of->public_part, &of->secret), CH_OK);
    stored.data = of->public_part.size == 0 ? CH_STR_NONE : ch_buf_str(&of->public_part);
    stored.private_data = stored.raw = CH_STR_NONE;
    return stored;
}

static void gives_texts_to_readers_of_the_case_and_the_rest_only_with_the_right(void **state)
{
    schema_fixture *of = *state;
    ch_event event = schema_event(of, "test.full", "{\"title\":\"leak\",\"score\":3,\"place\":{\"a\":1}}",
                                  "{\"phone\":\"1\"}");
    event.raw = CH_STR("raw");
    const ch_event stored = store(of, &event);
#define HEAD                                                                                                 \
    "{\"specversion\":\"1.0\",\"id\":\"7\",\"source\":\"hotline/1\",\"type\":\"test.full\",\"time\":0,"
    assert_status(ch_schema_join(&of->joined, &stored, CH_STR_NONE, true), CH_OK);
    assert_json(ch_buf_str(&of->joined), HEAD "\"data\":{\"score\":3}}");
    ch_buf_clear(&of->joined);
    assert_status(ch_schema_join(&of->joined, &stored, ch_buf_str(&of->secret), false), CH_OK);
    assert_json(ch_buf_str(&of->joined), HEAD "\"data\":{\"score\":3,\"title\":\"leak\"}}");
    ch_buf_clear(&of->joined);
    assert_status(ch_schema_join(&of->joined, &stored, ch_buf_str(&of->secret), true), CH_OK);
    assert_json(ch_buf_str(&of->joined),
                HEAD "\"private\":{\"phone\":\"1\"},\"raw\":{\"$base64\":\"cmF3\"},"
                     "\"data\":{\"score\":3,\"title\":\"leak\",\"place\":{\"a\":1}}}");
#undef HEAD
}

static void makes_data_of_texts_alone(void **state)
{
    schema_fixture *of = *state;
    const ch_event stored = {.id = CH_STR("7"), .expected_version = -1};
    put_hex(&of->secret, "81 a4 74657874 81 a1 74 01");
    assert_status(ch_schema_join(&of->joined, &stored, ch_buf_str(&of->secret), false), CH_OK);
    assert_json(ch_buf_str(&of->joined),
                "{\"specversion\":\"1.0\",\"id\":\"7\",\"time\":0,\"data\":{\"t\":1}}");
}

static void put_any_fields(ch_buf *out, ch_random_seeded *random)
{
    static const char *const names[] = {"title", "category", "score", "lon",
                                        "place", "unknown",  "other", "due"};
    uint32_t count = 0;
    ch_buf_clear(out);
    size_t begun_at = ch_mp_begin_map(out);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (ch_random_below(random, 2) == 0) {
            ch_mp_put_text(out, names[i]);
            put_any_value(out, random, 2);
            count++;
        }
    }
    ch_mp_end_map(out, begun_at, count);
}

static void a_split_event_comes_together_again_whatever_it_holds(void **state)
{
    schema_fixture *of = *state;
    ch_random_seeded random;
    ch_buf left, right;
    ch_random_seeded_init(&random, 4711);
    ch_buf_init(&left, 1 << 20);
    ch_buf_init(&right, 1 << 20);
    for (unsigned round = 0; round < 400; round++) {
        put_any_fields(&of->data, &random);
        put_any_fields(&of->private_data, &random);
        ch_event event = {.id = CH_STR("7"),
                          .source = CH_STR("hotline/1"),
                          .type = round % 2 == 0 ? CH_STR("test.full") : CH_STR("test.unknown"),
                          .expected_version = (int64_t)ch_random_below(&random, 3) - 1,
                          .data = ch_buf_str(&of->data)};
        event.private_data =
            ch_mp_pairs(ch_buf_str(&of->private_data)) > 0 ? ch_buf_str(&of->private_data) : CH_STR_NONE;
        event.raw = ch_random_below(&random, 2) == 0 ? CH_STR("raw \x00\xff") : CH_STR_NONE;
        ch_buf_clear(&left);
        ch_buf_clear(&right);
        const ch_event stored = store(of, &event);
        assert_status(ch_schema_join(&of->joined, &stored, ch_buf_str(&of->secret), true), CH_OK);
        assert_status(ch_mp_check(ch_buf_str(&of->joined), &ch_mp_limits_event, &of->error), CH_OK);
        assert_status(ch_mp_canonical(&left, ch_buf_str(&of->joined)), CH_OK);
        ch_buf_clear(&of->joined);
        ch_event_encode(&of->joined, &event);
        assert_status(ch_mp_canonical(&right, ch_buf_str(&of->joined)), CH_OK);
        assert_str(ch_buf_str(&left), ch_buf_str(&right));
    }
    ch_buf_done(&left);
    ch_buf_done(&right);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, schema_set_up, schema_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(refuses_to_join_what_is_no_secret),
        TEST(splits_by_class_and_seals_what_it_does_not_know),
        TEST(keeps_personal_in_a_note_what_was_personal_in_what_it_reports),
        TEST(leaves_the_secret_empty_when_nothing_is_sealed),
        TEST(tells_when_there_is_no_room_to_split_or_join),
        TEST(gives_texts_to_readers_of_the_case_and_the_rest_only_with_the_right),
        TEST(makes_data_of_texts_alone),
        TEST(a_split_event_comes_together_again_whatever_it_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
