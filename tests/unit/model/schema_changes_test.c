/* What a schema may not change within a major version, and what it may. */
#include "tests/unit/check.h"
#include "tests/unit/model/schema_fixture.h"

#include "hub/model/schema_changes.h"

#include <stdio.h>

static char both[][CH_CODE_MAX + 1] = {"new", "old"};

#define SCORE(...)                                                                                           \
    (const ch_type)                                                                                          \
    {                                                                                                        \
        .name = "test.case", .fields = &(ch_field){.name = "score", .line = 3, __VA_ARGS__},                 \
        .field_count = 1, .producible = true, .line = 2                                                      \
    }
#define INT .kind = CH_FIELD_INT, .class = CH_FIELD_PUBLIC, .least = 1, .most = 5
#define CODE .kind = CH_FIELD_CODE, .class = CH_FIELD_PUBLIC, NO_BOUNDS
#define OLD_ONLY CODE, .values = both + 1, .value_count = 1
#define BOTH CODE, .values = both, .value_count = 2
static const ch_type nothing = {.name = "test.case", .producible = true, .line = 2};

typedef struct said {
    size_t count;
    ch_schema_change last;
    char type[CH_CODE_MAX + 1]; /* of the last; its own is gone with the schema */
} said;

static void hear(void *context, const ch_schema_change *change)
{
    said *all = context;
    all->count++;
    all->last = *change;
    snprintf(all->type, sizeof all->type, "%s", change->type);
}

/* type NULL: a schema without any. */
static said compare(const ch_type *before, const ch_type *after)
{
    const ch_type *const types[] = {before, after};
    ch_schema *schemas[2];
    said all = {.count = 0};
    for (size_t i = 0; i < 2; i++) {
        ch_error error = {.status = CH_OK};
        assert_int_equal(ch_schema_new(&schemas[i]), CH_OK);
        if (types[i] != NULL) {
            assert_ok(ch_schema_add(schemas[i], types[i], &error), &error);
        }
    }
    size_t count = ch_schema_compare(schemas[0], schemas[1], &all, hear);
    assert_int_equal(count, all.count);
    ch_schema_free(schemas[0]);
    ch_schema_free(schemas[1]);
    return all;
}

static void what_someone_counts_on_may_not_change(void **state)
{
    (void)state;
    const struct {
        ch_type before, after;
        const char *text;
    } changes[] = {
        {SCORE(INT), nothing, "removed"},
        {SCORE(INT), SCORE(CODE), "its kind was int, now it is code"},
        {SCORE(INT), SCORE(.kind = CH_FIELD_INT, .class = CH_FIELD_TEXT, .least = 1, .most = 5),
         "its class was public, now it is text"},
        {SCORE(INT), SCORE(INT, .required = true), "it is required now: who produces leaves it out"},
        {SCORE(INT, .required = true), SCORE(INT), "it is no longer required: who reads counts on it"},
        {SCORE(INT), SCORE(.kind = CH_FIELD_INT, .class = CH_FIELD_PUBLIC, .least = 2, .most = 5),
         "narrower: least is now 2"},
        {SCORE(INT), SCORE(.kind = CH_FIELD_INT, .class = CH_FIELD_PUBLIC, .least = 1, .most = 4),
         "narrower: most is now 4"},
        {SCORE(CODE), SCORE(BOTH), "any code was allowed, now only listed ones are"},
        {SCORE(BOTH), SCORE(OLD_ONLY), "the code new is no longer allowed"},
        {nothing, SCORE(INT, .required = true), "new and required: who produces does not know it"},
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        said all = compare(&changes[i].before, &changes[i].after);
        assert_int_equal(all.count, 1);
        assert_string_equal(all.last.text, changes[i].text);
        assert_string_equal(all.type, "test.case");
        assert_string_equal(all.last.field, "data.score");
    }
}

static void a_type_may_neither_go_nor_become_the_hubs_own(void **state)
{
    (void)state;
    const ch_type own = {.name = "test.case", .line = 7};
    said all = compare(&nothing, NULL);
    assert_int_equal(all.count, 1);
    assert_string_equal(all.last.text, "removed");
    assert_string_equal(all.last.field, "");
    assert_int_equal(all.last.new_line, 0);
    all = compare(&nothing, &own);
    assert_int_equal(all.count, 1);
    assert_string_equal(all.last.text, "only the hub may report it now");
    assert_int_equal(all.last.old_line, 2);
    assert_int_equal(all.last.new_line, 7);
}

static void a_change_names_the_lines_that_it_is_about(void **state)
{
    (void)state;
    const ch_type gone = SCORE(INT), narrowed = {.name = "test.case", .producible = true, .line = 9};
    const said all = compare(&gone, &narrowed);
    assert_int_equal(all.last.old_line, 3);
    assert_int_equal(all.last.new_line, 9);
}

static void each_of_several_changes_is_told_and_private_fields_too(void **state)
{
    (void)state;
    ch_field before[] = {{.name = "phone", .class = CH_FIELD_PERSONAL, NO_BOUNDS},
                         {.name = "email", .class = CH_FIELD_PERSONAL, NO_BOUNDS}};
    ch_field after[] = {{.name = "phone", .class = CH_FIELD_TEXT, .least = INT64_MIN, .most = 9}};
    const ch_type old_type = {.name = "test.case", .private_fields = before, .private_count = 2};
    const ch_type new_type = {.name = "test.case", .private_fields = after, .private_count = 1};
    const said all = compare(&old_type, &new_type);
    assert_int_equal(all.count, 3);
    assert_string_equal(all.last.field, "private.email");
}

static void room_may_be_added(void **state)
{
    (void)state;
    const ch_type own = {.name = "test.case"};
    const struct {
        ch_type before, after;
    } changes[] = {
        {SCORE(INT), SCORE(INT)},
        {nothing, SCORE(INT)},
        {SCORE(INT), SCORE(.kind = CH_FIELD_INT, .class = CH_FIELD_PUBLIC, .least = 0, .most = 9)},
        {SCORE(INT), SCORE(.kind = CH_FIELD_INT, .class = CH_FIELD_PUBLIC, NO_BOUNDS)},
        {SCORE(OLD_ONLY), SCORE(BOTH)},
        {SCORE(BOTH), SCORE(CODE)},
        {own, nothing},
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        assert_int_equal(compare(&changes[i].before, &changes[i].after).count, 0);
    }
    assert_int_equal(compare(NULL, &SCORE(INT, .required = true)).count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_someone_counts_on_may_not_change),
        cmocka_unit_test(a_type_may_neither_go_nor_become_the_hubs_own),
        cmocka_unit_test(a_change_names_the_lines_that_it_is_about),
        cmocka_unit_test(each_of_several_changes_is_told_and_private_fields_too),
        cmocka_unit_test(room_may_be_added),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
