#include "tests/unit/model/schema_fixture.h"

#include <stdio.h>

static void refuses_types_and_fields_with_bad_names(void **state)
{
    static const char *const type_names[] = {"",       "case",    "case.",       ".opened", "case.opened.now",
                                             "Case.x", "case.x1", "case opened", "case-x.y"};
    static const char *const field_names[] = {"", "Title", "a.b", "a b", "\xc3\xa9"};
    schema_fixture *of = *state;
    for (size_t i = 0; i < sizeof type_names / sizeof *type_names; i++) {
        ch_type type = {.producible = true};
        snprintf(type.name, sizeof type.name, "%s", type_names[i]);
        assert_status(ch_schema_add(of->schema, &type, &of->error), CH_INVALID);
    }
    for (size_t i = 0; i < sizeof field_names / sizeof *field_names; i++) {
        ch_field field = {.kind = CH_FIELD_BOOL, NO_BOUNDS};
        snprintf(field.name, sizeof field.name, "%s", field_names[i]);
        const ch_type in_data = {.name = "test.bad", .fields = &field, .field_count = 1};
        const ch_type in_private = {.name = "test.bad", .private_fields = &field, .private_count = 1};
        assert_status(ch_schema_add(of->schema, &in_data, &of->error), CH_INVALID);
        assert_status(ch_schema_add(of->schema, &in_private, &of->error), CH_INVALID);
    }
    assert_int_equal(ch_schema_count(of->schema), 3);
}

static void refuses_a_doubled_type_or_field_and_bounds_that_exclude_everything(void **state)
{
    schema_fixture *of = *state;
    ch_field doubled[] = {{.name = "a", NO_BOUNDS}, {.name = "b", NO_BOUNDS}, {.name = "a", NO_BOUNDS}};
    ch_field empty = {.name = "a", .kind = CH_FIELD_INT, .least = 2, .most = 1};
    const ch_type with_doubled = {.name = "test.doubled", .fields = doubled, .field_count = 3};
    const ch_type with_empty = {.name = "test.empty", .fields = &empty, .field_count = 1};
    char endless[CH_CODE_MAX + 1];
    ch_type unterminated = {.fields = NULL};
    memset(endless, 'a', sizeof endless);
    memcpy(unterminated.name, endless, sizeof endless);
    assert_status(ch_schema_add(of->schema, &schema_full_type, &of->error), CH_CONFLICT);
    assert_status(ch_schema_add(of->schema, &with_doubled, &of->error), CH_CONFLICT);
    assert_string_equal(of->error.where, "test.doubled");
    assert_status(ch_schema_add(of->schema, &with_empty, &of->error), CH_INVALID);
    assert_status(ch_schema_add(of->schema, &unterminated, &of->error), CH_INVALID);
    assert_null(ch_schema_find(of->schema, CH_STR("test.doubled")));
    assert_int_equal(ch_schema_count(of->schema), 3);
}

static void format_one_of_many(char name[CH_CODE_MAX + 1], int i)
{
    snprintf(name, CH_CODE_MAX + 1, "many.%c%c%c", 'a' + i / 100, 'a' + i / 10 % 10, 'a' + i % 10);
}

static void finds_each_of_many_types_and_none_but_them(void **state)
{
    schema_fixture *of = *state;
    char name[CH_CODE_MAX + 1];
    for (int i = 0; i < 500; i++) {
        ch_type type = {.producible = true};
        format_one_of_many(type.name, i);
        assert_status(ch_schema_add(of->schema, &type, &of->error), CH_OK);
    }
    assert_int_equal(ch_schema_count(of->schema), 503);
    for (int i = 0; i < 500; i++) {
        format_one_of_many(name, i);
        const ch_type *type = ch_schema_find(of->schema, ch_str_of(name));
        assert_non_null(type);
        assert_string_equal(type->name, name);
        size_t size = strlen(name);
        assert_null(ch_schema_find(of->schema, (ch_str){name, size - 1}));
        name[size - 1] = 'z';
        assert_null(ch_schema_find(of->schema, ch_str_of(name)));
    }
    assert_non_null(ch_schema_find(of->schema, CH_STR("test.full")));
    assert_null(ch_schema_find(of->schema, CH_STR_NONE));
}

static void keeps_its_own_copy_of_a_type(void **state)
{
    schema_fixture *of = *state;
    char values[][CH_CODE_MAX + 1] = {"one"};
    ch_field field = {.name = "pick", .kind = CH_FIELD_CODE, .values = values, .value_count = 1, NO_BOUNDS};
    const ch_type type = {.name = "test.copy", .fields = &field, .field_count = 1, .producible = true};
    assert_status(ch_schema_add(of->schema, &type, &of->error), CH_OK);
    memset(values, 'x', sizeof values - 1);
    memset(field.name, 'x', 4);
    const ch_event good = schema_event(of, "test.copy", "{\"pick\":\"one\"}", NULL);
    assert_status(ch_schema_check(of->schema, &good, false, &of->error), CH_OK);
    const ch_event bad = schema_event(of, "test.copy", "{\"pick\":\"xxx\"}", NULL);
    assert_status(ch_schema_check(of->schema, &bad, false, &of->error), CH_INVALID);
}

/* ---- checking */

static void refuses_a_type_that_is_unknown_or_the_hubs_own(void **state)
{
    schema_fixture *of = *state;
    const ch_event unknown = schema_event(of, "test.unknown", NULL, NULL),
                   own = schema_event(of, "test.own", NULL, NULL);
    assert_status(ch_schema_check(of->schema, &unknown, true, &of->error), CH_INVALID);
    assert_string_equal(of->error.where, "type");
    assert_status(ch_schema_check(of->schema, &own, false, &of->error), CH_INVALID);
    assert_string_equal(of->error.where, "type");
    assert_non_null(strstr(of->error.text, "only the hub itself"));
    assert_status(ch_schema_check(of->schema, &own, true, &of->error), CH_OK);
}

static void refuses_each_field_that_is_not_as_the_schema_says(void **state)
{
    static const struct {
        const char *field, *json, *text;
    } cases[] = {
        {"title", "7", "a string is"},
        {"title", "\"a\"", "outside 2 to 8"},
        {"title", "\"123456789\"", "bytes"},
        {"category", "\"Power\"", "a code is"},
        {"category", "\"\"", "a code is"},
        {"category", "1", "a code is"},
        {"category", "\"a b\"", "a code is"},
        {"state", "\"ajar\"", "allowed codes"},
        {"score", "0", "outside 1 to 5"},
        {"score", "6", "outside 1 to 5"},
        {"score", "1.0", "an integer is"},
        {"score", "null", "missing"},
        {"count", "-1", "below 0"},
        {"lon", "180.5", "outside -180 to 180"},
        {"lon", "-181", "outside"},
        {"lon", "\"1\"", "a number is"},
        {"lead", "1", "true or false"},
        {"due", "\"tomorrow\"", "a time is"},
        {"due", "1.5", "a time is"},
        {"due", "253402300800000", "a time is"},
        {"tags", "{}", "a list is"},
        {"tags", "[]", "outside 1 to 2"},
        {"tags", "[1,2,3]", "items"},
        {"place", "[]", "a map is"},
        {"place", "{\"a\":1,\"b\":2}", "above 1"},
    };
    schema_fixture *of = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char data[256], where[96];
        bool is_score = strcmp(cases[i].field, "score") == 0;
        snprintf(data, sizeof data, "{%s\"%s\":%s}", is_score ? "" : "\"score\":3,", cases[i].field,
                 cases[i].json);
        snprintf(where, sizeof where, "data.%s", cases[i].field);
        const ch_event event = schema_event(of, "test.full", data, "{\"phone\":\"1\"}");
        ch_status status = ch_schema_check(of->schema, &event, false, &of->error);
        if (status != CH_INVALID || strstr(of->error.text, cases[i].text) == NULL) {
            print_error("%s: %s: %s\n", data, of->error.where, of->error.text);
        }
        assert_status(status, CH_INVALID);
        assert_string_equal(of->error.where, where);
        assert_non_null(strstr(of->error.text, cases[i].text));
    }
}

static void refuses_private_fields_without_telling_their_content(void **state)
{
    static const struct {
        const char *data, *private_data, *where;
    } cases[] = {
        {"{\"score\":1}", "{\"phone\":\"139123\"}", "private.phone"},
        {"{\"score\":1}", "{\"phone\":139123}", "private.phone"},
        {"{\"score\":1}", "{\"name\":\"139123\"}", "private.phone"},
        {"{\"score\":1}", NULL, "private.phone"},
        {"{\"score\":1}", "{\"phone\":\"1\",\"born\":\"139123\"}", "private.born"},
        {"{\"139123\":1}", "{\"phone\":\"1\"}", "data.score"},
        {NULL, "{\"phone\":\"1\"}", "data.score"},
    };
    schema_fixture *of = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const ch_event event = schema_event(of, "test.full", cases[i].data, cases[i].private_data);
        assert_status(ch_schema_check(of->schema, &event, false, &of->error), CH_INVALID);
        assert_string_equal(of->error.where, cases[i].where);
        assert_null(strstr(of->error.text, "139"));
    }
}

static void takes_values_up_to_their_bounds_and_fields_that_it_does_not_know(void **state)
{
    static const char *const datas[] = {
        "{\"score\":1,\"title\":\"12\",\"category\":\"power.trip\",\"state\":\"shut\",\"count\":"
        "9223372036854775807}",
        "{\"score\":5,\"title\":\"12345678\",\"lon\":-180,\"lead\":false,\"due\":\"2026-11-23T10:00:00+08:"
        "00\"}",
        "{\"score\":5,\"lon\":180.0,\"due\":0,\"tags\":[1,2],\"place\":{\"a\":1}}",
        "{\"other\":{\"deep\":[1]},\"score\":2,\"title\":null,\"due\":null}",
    };
    schema_fixture *of = *state;
    for (size_t i = 0; i < sizeof datas / sizeof *datas; i++) {
        const ch_event event = schema_event(of, "test.full", datas[i], "{\"phone\":\"12345\",\"fax\":1}");
        ch_status status = ch_schema_check(of->schema, &event, false, &of->error);
        if (status != CH_OK) {
            print_error("%s: %s: %s\n", datas[i], of->error.where, of->error.text);
        }
        assert_status(status, CH_OK);
    }
}

/* ---- times */

static void refuses_to_normalize_what_is_no_time(void **state)
{
    schema_fixture *of = *state;
    bool changed = true;
    const ch_event event = schema_event(of, "test.full", "{\"score\":1,\"due\":\"soon\"}", NULL);
    ch_buf_append_text(&of->joined, "before");
    assert_status(ch_schema_normalize(of->schema, &event, &of->joined, &changed, &of->error), CH_INVALID);
    assert_string_equal(of->error.where, "data.due");
    assert_str(ch_buf_str(&of->joined), CH_STR("before"));
}

static void rewrites_the_times_of_its_fields_and_nothing_else(void **state)
{
    schema_fixture *of = *state;
    bool changed = false;
    ch_event event = schema_event(
        of, "test.full",
        "{\"x\":\"2026-11-23T02:27:00Z\",\"due\":\"2026-11-23T10:27:00.5+08:00\",\"score\":3}", NULL);
    assert_status(ch_schema_normalize(of->schema, &event, &of->joined, &changed, &of->error), CH_OK);
    assert_true(changed);
    assert_str(
        ch_buf_str(&of->joined),
        schema_json(&of->secret, "{\"x\":\"2026-11-23T02:27:00Z\",\"due\":1795400820500,\"score\":3}"));
    event.data = ch_buf_str(&of->secret);
    size_t before = of->joined.size;
    assert_status(ch_schema_normalize(of->schema, &event, &of->joined, &changed, &of->error), CH_OK);
    assert_false(changed);
    event.type = CH_STR("test.unknown");
    assert_status(ch_schema_normalize(of->schema, &event, &of->joined, &changed, &of->error), CH_OK);
    assert_false(changed);
    assert_int_equal(of->joined.size, before);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, schema_set_up, schema_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(refuses_types_and_fields_with_bad_names),
        TEST(refuses_a_doubled_type_or_field_and_bounds_that_exclude_everything),
        TEST(finds_each_of_many_types_and_none_but_them),
        TEST(keeps_its_own_copy_of_a_type),
        TEST(refuses_a_type_that_is_unknown_or_the_hubs_own),
        TEST(refuses_each_field_that_is_not_as_the_schema_says),
        TEST(refuses_private_fields_without_telling_their_content),
        TEST(takes_values_up_to_their_bounds_and_fields_that_it_does_not_know),
        TEST(refuses_to_normalize_what_is_no_time),
        TEST(rewrites_the_times_of_its_fields_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
