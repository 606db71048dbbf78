#include "tests/unit/check.h"
#include "tests/unit/store/folder.h"

#include "hub/store/cursors.h"

#include <stdio.h>
#include <string.h>

#define MAP ((size_t)1 << 20)

typedef struct fixture {
    char dir[FOLDER_PATH_SIZE], seen[1024];
    ch_cursors *cursors;
    ch_error error;
} fixture;

static void reopen(fixture *f, size_t map_bytes)
{
    ch_cursors_close(f->cursors);
    f->cursors = NULL;
    assert_ok(ch_cursors_open(&f->cursors, f->dir, map_bytes, &f->error), &f->error);
}

static int setup(void **state)
{
    static fixture f;
    memset(&f, 0, sizeof f);
    folder_make(f.dir);
    reopen(&f, MAP);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    ch_cursors_close(f->cursors);
    folder_remove(f->dir);
    return 0;
}

static void put(fixture *f, const char *name, const char *value)
{
    assert_ok(ch_cursors_put(f->cursors, ch_str_of(name), ch_str_of(value), &f->error), &f->error);
}

static bool note(void *context, ch_str name, ch_str value)
{
    fixture *f = context;
    size_t used = strlen(f->seen);
    snprintf(f->seen + used, sizeof f->seen - used, "%.*s=%.*s ", CH_STR_ARG(name), CH_STR_ARG(value));
    return !ch_str_is(value, "stop");
}

static const char *all(fixture *f)
{
    f->seen[0] = '\0';
    assert_ok(ch_cursors_each(f->cursors, note, f, &f->error), &f->error);
    return f->seen;
}

static void refuses_a_name_that_is_empty_or_too_long(void **state)
{
    fixture *f = *state;
    char name[600];
    memset(name, 'n', sizeof name);
    assert_status(ch_cursors_put(f->cursors, (ch_str){name, 0}, CH_STR("v"), &f->error), CH_INVALID);
    assert_status(ch_cursors_put(f->cursors, (ch_str){name, sizeof name}, CH_STR("v"), &f->error),
                  CH_INVALID);
    assert_string_equal(all(f), "");
}

static void what_was_not_committed_is_gone(void **state)
{
    fixture *f = *state;
    put(f, "a", "1");
    assert_ok(ch_cursors_commit(f->cursors, &f->error), &f->error);
    put(f, "a", "2");
    put(f, "b", "1");
    assert_string_equal(all(f), "a=2 b=1 ");
    reopen(f, MAP);
    assert_string_equal(all(f), "a=1 ");
}

static void keeps_replaces_and_deletes(void **state)
{
    fixture *f = *state;
    put(f, "a", "1");
    put(f, "b", "");
    put(f, "c", "3");
    put(f, "c", "4");
    put(f, "a", NULL);
    put(f, "nobody", NULL);
    assert_ok(ch_cursors_commit(f->cursors, &f->error), &f->error);
    reopen(f, MAP);
    assert_string_equal(all(f), "b= c=4 ");
}

static void a_visitor_can_stop(void **state)
{
    fixture *f = *state;
    put(f, "a", "stop");
    put(f, "b", "1");
    assert_string_equal(all(f), "a=stop ");
}

static void a_turned_bit_is_noticed(void **state)
{
    fixture *f = *state;
    put(f, "cursor-a", "value-of-a");
    assert_ok(ch_cursors_commit(f->cursors, &f->error), &f->error);
    ch_cursors_close(f->cursors);
    f->cursors = NULL;
    const char *data = in_folder(f->dir, "data.mdb");
    long at = file_find(data, "value-of-a", 10, 0);
    assert_true(at > 0);
    file_flip(data, at + 2, 1);
    reopen(f, MAP);
    assert_status(ch_cursors_each(f->cursors, note, f, &f->error), CH_CORRUPT);
}

static void a_full_map_is_told_and_a_larger_one_goes_on(void **state)
{
    fixture *f = *state;
    static char value[4000];
    char name[16];
    ch_status status = CH_OK;
    int i = 0;
    memset(value, 'v', sizeof value);
    for (; i < 1000 && status == CH_OK; i++) {
        snprintf(name, sizeof name, "n%d", i);
        status = ch_cursors_put(f->cursors, ch_str_of(name), (ch_str){value, sizeof value}, &f->error);
        status = status == CH_OK ? ch_cursors_commit(f->cursors, &f->error) : status;
    }
    assert_status(status, CH_STORAGE_FULL);
    assert_true(i > 10);
    assert_ok(ch_cursors_each(f->cursors, note, f, &f->error), &f->error);
    reopen(f, 2 * MAP);
    put(f, "one-more", "v");
    assert_ok(ch_cursors_commit(f->cursors, &f->error), &f->error);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(refuses_a_name_that_is_empty_or_too_long),
        TEST(what_was_not_committed_is_gone),
        TEST(keeps_replaces_and_deletes),
        TEST(a_visitor_can_stop),
        TEST(a_turned_bit_is_noticed),
        TEST(a_full_map_is_told_and_a_larger_one_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
