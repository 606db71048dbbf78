/* export as JSON lines, verify and cat of them, and diff. */
#include "tests/unit/replay/rig.h"

#define RECORDS 40

static void export_to(rig *self, rig_path out_path, const char *name)
{
    rig_keep(out_path, in_folder(self->base, name));
    rig_run(self, "export", "--format", "jsonl", "--store", self->dir, "--output", out_path, "--json");
    assert_code(self, 0);
}

static void every_flipped_byte_of_an_export_is_found(void **state)
{
    rig *self = *state;
    rig_path file;
    rig_fill(self, 8);
    export_to(self, file, "export");
    long size = file_size(file);
    for (long at = 0; at < size; at += 23) {
        file_flip(file, at, 1);
        rig_run(self, "verify", "--file", file, "--json");
        assert_code(self, 65);
        file_flip(file, at, 1);
    }
    rig_run(self, "verify", "--file", file, "--json");
    assert_code(self, 0);
}

static void an_export_cut_short_or_gone_on_is_found(void **state)
{
    rig *self = *state;
    rig_path file, copy;
    rig_fill(self, 8);
    export_to(self, file, "export");
    rig_keep(copy, in_folder(self->base, "cut"));
    long size = file_size(file);
    for (long left = size - 1; left >= 0; left -= 301) {
        file_copy(file, copy);
        file_cut(copy, left);
        rig_run(self, "verify", "--file", copy);
        assert_code(self, 65);
        rig_run(self, "cat", "--file", copy);
        assert_code(self, 65);
    }
    file_copy(file, copy);
    FILE *more = fopen(copy, "ab");
    assert_non_null(more);
    fputs("{}\n", more);
    fclose(more);
    rig_run(self, "verify", "--file", copy);
    assert_code(self, 65);
    assert_says(self->out, "there is more behind the end");
}

static void a_bad_line_is_named_by_line_and_record(void **state)
{
    rig *self = *state;
    rig_path file;
    rig_fill(self, 8);
    export_to(self, file, "export");
    file_flip(file, file_find(file, "\"sequence\":5,", 13, 0) + 1, 1);
    rig_run(self, "verify", "--file", file);
    assert_code(self, 65);
    assert_says(self->out, "record 5: ");
    assert_says(self->out, "line 6, record 5");
}

static void what_is_no_export_exits_65_and_a_newer_one_69(void **state)
{
    rig *self = *state;
    rig_path file;
    rig_keep(file, in_folder(self->base, "no-export"));
    file_write(file, "sequence,type\n1,case.opened\n");
    rig_run(self, "verify", "--file", file);
    assert_code(self, 65);
    file_write(file, "");
    rig_run(self, "verify", "--file", file);
    assert_code(self, 65);
    file_write(file, "{\"format\":\"casehub-export 2\",\"more\":true}\n");
    rig_run(self, "verify", "--file", file);
    assert_code(self, 69);
}

static void a_damaged_log_gives_no_export(void **state)
{
    rig *self = *state;
    rig_path file;
    size_t size;
    rig_fill(self, RECORDS);
    char *copy = rig_copy(self, "copy");
    file_flip(in_folder(copy, "log/data.mdb"), rig_find(self, copy, 20, &size) + 135, 1);
    rig_keep(file, in_folder(self->base, "export"));
    size_t entries = rig_entries(self->base);
    rig_run(self, "export", "--format", "jsonl", "--store", copy, "--output", file);
    assert_code(self, 65);
    assert_says(self->err, "record 20");
    assert_int_equal(rig_entries(self->base), entries);
}

static void an_export_into_nowhere_exits_74(void **state)
{
    rig *self = *state;
    rig_fill(self, 8);
    rig_run(self, "export", "--format", "jsonl", "--store", self->dir, "--output", "/nowhere/at/all");
    assert_code(self, 74);
}

static void an_export_is_whole_and_prints_as_its_log_does(void **state)
{
    rig *self = *state;
    rig_path file;
    char *of_log = calloc(1, RIG_OUTPUT_MAX);
    rig_fill(self, RECORDS);
    rig_seal(self, "the lamp is out", "Wang");
    export_to(self, file, "export");
    assert_string_equal(rig_field(self, "count"), "41");
    rig_run(self, "verify", "--file", file, "--json");
    assert_code(self, 0);
    assert_string_equal(rig_field(self, "last"), "41");
    assert_string_equal(rig_field(self, "kind"), "\"export\"");
    rig_run(self, "cat", "--store", self->dir);
    memcpy(of_log, self->out, strlen(self->out) + 1);
    rig_run(self, "cat", "--file", file);
    assert_code(self, 0);
    assert_string_equal(self->out, of_log);
    assert_null(strstr(self->out, "lamp"));
    free(of_log);
}

static void part_of_a_log_can_be_exported(void **state)
{
    rig *self = *state;
    rig_path file;
    rig_fill(self, RECORDS);
    rig_keep(file, in_folder(self->base, "part"));
    rig_run(self, "export", "--format", "jsonl", "--store", self->dir, "--output", file, "--from", "11",
            "--to", "20");
    assert_code(self, 0);
    rig_run(self, "verify", "--file", file, "--json");
    assert_code(self, 0);
    assert_string_equal(rig_field(self, "first"), "11");
    assert_string_equal(rig_field(self, "records"), "10");
    rig_run(self, "diff", self->dir, file, "--json", "--prefix");
    assert_code(self, 0);
    assert_string_equal(rig_field(self, "common"), "10");
    rig_run(self, "export", "--format", "jsonl", "--store", self->dir, "--output", file, "--from", "50");
    assert_code(self, 64);
}

static void an_empty_log_gives_an_empty_export(void **state)
{
    rig *self = *state;
    rig_path file;
    export_to(self, file, "export");
    rig_run(self, "verify", "--file", file, "--json");
    assert_code(self, 0);
    assert_string_equal(rig_field(self, "records"), "0");
}

static void an_export_may_go_to_standard_output(void **state)
{
    rig *self = *state;
    rig_path file;
    rig_fill(self, 8);
    rig_run(self, "export", "--format", "jsonl", "--store", self->dir, "--output", "-");
    assert_code(self, 0);
    assert_int_equal(rig_lines(self->out), 10);
    rig_keep(file, in_folder(self->base, "export"));
    file_write(file, self->out);
    rig_run(self, "verify", "--file", file);
    assert_code(self, 0);
}

/* Two logs that are equal up to record 20; in the second one, case 1 has another note then. */
static void fork_logs(rig *self, rig_path first)
{
    rig_fill(self, 20);
    rig_keep(first, rig_copy(self, "first"));
    ledger_hub(&self->ledger, "hub.alert", "code", "other", NULL);
    rig_fill(self, 30);
}

static void two_logs_that_fork_differ_where_they_do(void **state)
{
    rig *self = *state;
    rig_path first, second, export;
    rig_fill(self, 20);
    ledger_point point = self->ledger.now;
    ledger_hub(&self->ledger, "hub.alert", "code", "one", NULL);
    rig_keep(second, rig_copy(self, "second"));
    export_to(self, export, "export");
    /* The same hub once more, from the copy of its first 20 records on. */
    rig_stop(self);
    folder_remove(self->dir);
    unlink(self->key_file);
    self->ledger.now = (ledger_point){.sequence = 0};
    rig_start(self);
    rig_fill(self, 20);
    assert_memory_equal(self->ledger.now.chain, point.chain, CH_HASH_SIZE);
    ledger_hub(&self->ledger, "hub.alert", "code", "two", NULL);
    rig_keep(first, self->dir);
    rig_run(self, "diff", first, second, "--json");
    assert_code(self, 65);
    assert_string_equal(rig_field(self, "same"), "false");
    assert_string_equal(rig_field(self, "first_difference"), "21");
    assert_string_equal(rig_field(self, "common"), "20");
    assert_string_equal(rig_field(self, "prefix"), "false");
    rig_run(self, "diff", first, export, "--json", "--prefix");
    assert_code(self, 65);
    assert_string_equal(rig_field(self, "first_difference"), "21");
}

static void a_log_that_only_goes_on_is_told_as_such(void **state)
{
    rig *self = *state;
    rig_path first;
    fork_logs(self, first);
    rig_run(self, "diff", first, self->dir, "--json");
    assert_code(self, 65);
    assert_string_equal(rig_field(self, "prefix"), "true");
    assert_string_equal(rig_field(self, "first_difference"), "21");
    rig_run(self, "diff", first, self->dir, "--prefix");
    assert_code(self, 0);
}

static void equal_logs_and_exports_are_the_same(void **state)
{
    rig *self = *state;
    rig_path file;
    rig_fill(self, RECORDS);
    rig_seal(self, "the lamp is out", "Wang");
    char *copy = rig_copy(self, "copy");
    export_to(self, file, "export");
    rig_run(self, "diff", self->dir, copy, "--json");
    assert_code(self, 0);
    assert_string_equal(rig_field(self, "common"), "41");
    rig_run(self, "diff", self->dir, file, "--json");
    assert_code(self, 0);
    assert_string_equal(rig_field(self, "same"), "true");
}

static void a_log_is_not_compared_with_itself(void **state)
{
    rig *self = *state;
    rig_run(self, "diff", self->dir, self->dir);
    assert_code(self, 64);
    assert_says(self->err, "is the same log");
}

static void damage_on_one_side_is_told_and_not_compared(void **state)
{
    rig *self = *state;
    size_t size;
    rig_fill(self, RECORDS);
    char *copy = rig_copy(self, "copy");
    file_flip(in_folder(copy, "log/data.mdb"), rig_find(self, copy, 20, &size) + 135, 1);
    rig_run(self, "diff", self->dir, copy);
    assert_code(self, 65);
    assert_says(self->err, "record 20");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
        TEST(every_flipped_byte_of_an_export_is_found),
        TEST(an_export_cut_short_or_gone_on_is_found),
        TEST(a_bad_line_is_named_by_line_and_record),
        TEST(what_is_no_export_exits_65_and_a_newer_one_69),
        TEST(a_damaged_log_gives_no_export),
        TEST(an_export_into_nowhere_exits_74),
        TEST(a_log_is_not_compared_with_itself),
        TEST(damage_on_one_side_is_told_and_not_compared),
        TEST(two_logs_that_fork_differ_where_they_do),
        TEST(a_log_that_only_goes_on_is_told_as_such),
        TEST(an_export_is_whole_and_prints_as_its_log_does),
        TEST(part_of_a_log_can_be_exported),
        TEST(an_empty_log_gives_an_empty_export),
        TEST(an_export_may_go_to_standard_output),
        TEST(equal_logs_and_exports_are_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
