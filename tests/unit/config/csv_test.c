#include "tests/unit/check.h"
#include "tests/unit/config/scratch.h"

#include "hub/config/csv.h"

#include <stdio.h>

#define ARENA_LIMIT ((size_t)1 << 20)

static void refuses_tables_that_are_not_square(void **state)
{
    scratch *in = *state;
    static const struct {
        const char *content;
        unsigned line;
        const char *text;
    } bad[] = {
        {"", 1, "there is no heading row"},
        {"\n  \n", 1, "there is no heading row"},
        {"a,b\n1\n", 2, "1 cells where the heading has 2"},
        {"a,b\n1,2\n\n1,2,3\n1\n", 4, "3 cells where the heading has 2"},
        {"a,b\n\"1\n2\",3\n4\n", 4, "1 cells where the heading has 2"},
        {"a,b\n1,2\n\"1,2\n3,4\n", 3, "a quote that is opened here is never closed"},
        {"a,b\n1,2\n1,x\"y\n", 3, "a quote stands where none may stand"},
        {"a,b\n1,\"x\"y\n", 2, "a quote stands where none may stand"},
        {"\na,b,a\n", 2, "heading a is there twice"},
        {"a,b\n1,2\n\xff,2\n", 3, "is not UTF-8 text"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ch_arena arena;
        ch_csv csv = {.row_count = 77};
        ch_error error;
        ch_arena_init(&arena, ARENA_LIMIT);
        assert_status(ch_csv_read(&csv, &arena, scratch_text(in, "a.csv", bad[i].content), &error),
                      CH_INVALID);
        assert_string_equal(error.text, bad[i].text);
        assert_place(in, error.where, bad[i].line);
        assert_int_equal(csv.row_count, 77);
        ch_arena_done(&arena);
    }
}

static void refuses_more_columns_than_any_table_has(void **state)
{
    scratch *in = *state;
    char content[300];
    ch_arena arena;
    ch_csv csv;
    ch_error error;
    memset(content, ',', sizeof content);
    content[256] = '\0';
    ch_arena_init(&arena, ARENA_LIMIT);
    assert_status(ch_csv_read(&csv, &arena, scratch_text(in, "a.csv", content), &error), CH_INVALID);
    assert_string_equal(error.text, "there are more than 256 columns");
    assert_place(in, error.where, 1);
    ch_arena_done(&arena);
}

static void refuses_what_does_not_fit_the_arena(void **state)
{
    scratch *in = *state;
    ch_arena arena;
    ch_csv csv;
    ch_error error;
    ch_arena_init(&arena, 32);
    assert_status(ch_csv_read(&csv, &arena, scratch_text(in, "a.csv", "a,b\n1,2\n"), &error), CH_NO_MEMORY);
    assert_status(ch_csv_read(&csv, &arena, "/nowhere/a.csv", &error), CH_NOT_FOUND);
    ch_arena_done(&arena);
}

static const char *cell(const ch_csv *csv, size_t row, size_t column)
{
    ch_str found = csv->cells[row * csv->column_count + column];
    assert_int_equal(found.at[found.size], '\0');
    return found.at;
}

static void reads_cells_and_the_line_of_each_row(void **state)
{
    scratch *in = *state;
    ch_arena arena;
    ch_csv csv;
    ch_error error;
    ch_arena_init(&arena, ARENA_LIMIT);
    const char *file = scratch_text(in, "a.csv",
                                    "\xef\xbb\xbf"
                                    "code,name\r\n"
                                    "33,浙江省\r\n"
                                    "\r\n"
                                    "3302,\"says \"\"here, now\"\"\"\r\n"
                                    "\"two\nlines\",\r\n"
                                    ",last");
    assert_ok(ch_csv_read(&csv, &arena, file, &error), &error);
    assert_int_equal(csv.column_count, 2);
    assert_int_equal(csv.row_count, 4);
    assert_true(ch_str_is(csv.headings[0], "code") && ch_str_is(csv.headings[1], "name"));
    assert_string_equal(cell(&csv, 0, 0), "33");
    assert_string_equal(cell(&csv, 0, 1), "浙江省");
    assert_string_equal(cell(&csv, 1, 1), "says \"here, now\"");
    assert_string_equal(cell(&csv, 2, 0), "two\nlines");
    assert_string_equal(cell(&csv, 2, 1), "");
    assert_string_equal(cell(&csv, 3, 0), "");
    assert_string_equal(cell(&csv, 3, 1), "last");
    assert_int_equal(csv.lines[0], 2);
    assert_int_equal(csv.lines[1], 4);
    assert_int_equal(csv.lines[2], 5);
    assert_int_equal(csv.lines[3], 7);
    ch_arena_done(&arena);
}

static void finds_a_column_by_its_heading(void **state)
{
    scratch *in = *state;
    ch_arena arena;
    ch_csv csv;
    ch_error error;
    size_t column = 9;
    ch_arena_init(&arena, ARENA_LIMIT);
    assert_ok(ch_csv_read(&csv, &arena, scratch_text(in, "a.csv", "code,name\n"), &error), &error);
    assert_int_equal(csv.row_count, 0);
    assert_status(ch_csv_column(&csv, "Name", &column), CH_NOT_FOUND);
    assert_status(ch_csv_column(&csv, "nam", &column), CH_NOT_FOUND);
    assert_int_equal(column, 9);
    assert_status(ch_csv_column(&csv, "name", &column), CH_OK);
    assert_int_equal(column, 1);
    ch_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_tables_that_are_not_square),
        cmocka_unit_test(refuses_more_columns_than_any_table_has),
        cmocka_unit_test(refuses_what_does_not_fit_the_arena),
        cmocka_unit_test(reads_cells_and_the_line_of_each_row),
        cmocka_unit_test(finds_a_column_by_its_heading),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
