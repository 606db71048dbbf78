/* export as an archive, and verify, cat and diff of it. */
#include "tests/unit/replay/rig.h"

#include "hub/store/archive_format.h"

#define RECORDS 40
#define LONG_TEXT 30000 /* forty of them are more than one block */

static void export_to(rig *self, rig_path out_path, const char *name, const char *sealed)
{
    rig_keep(out_path, in_folder(self->base, name));
    rig_run(self, "export", "--store", self->dir, "--output", out_path, "--json", (char *)sealed);
    assert_code(self, 0);
}

/* Each byte, in an archive with and one without sealed parts. */
static void every_flipped_byte_of_an_archive_is_found(void **state)
{
    rig *self = *state;
    rig_path file;
    rig_fill(self, 6);
    rig_seal(self, "the lamp is out", "Wang");
    for (int sealed = 0; sealed < 2; sealed++) {
        export_to(self, file, "archive", sealed == 1 ? "--sealed" : NULL);
        long size = file_size(file);
        for (long at = 0; at < size; at += 11) {
            file_flip(file, at, 1);
            rig_run(self, "verify", "--file", file, "--json");
            assert_true(self->code == 65 || (self->code == 69 && at >= 8 && at < 10));
            file_flip(file, at, 1);
        }
        rig_run(self, "verify", "--file", file, "--json");
        assert_code(self, 0);
    }
}

static void an_archive_cut_short_or_gone_on_is_found(void **state)
{
    rig *self = *state;
    rig_path file, copy;
    rig_fill(self, 8);
    export_to(self, file, "archive", NULL);
    rig_keep(copy, in_folder(self->base, "cut"));
    long size = file_size(file);
    for (long left = size - 1; left >= 0; left -= 61) {
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
    fputs("more", more);
    fclose(more);
    rig_run(self, "verify", "--file", copy);
    assert_code(self, 65);
    assert_says(self->out, "there is more behind its end");
}

/* A head that is signed with the right hash, but asks for what no archive holds. */
static void a_newer_archive_exits_69(void **state)
{
    rig *self = *state;
    rig_path file;
    rig_fill(self, 6);
    export_to(self, file, "archive", NULL);
    file_flip(file, 9, 3);
    rig_run(self, "verify", "--file", file);
    assert_code(self, 69);
    assert_says(self->err, "newer");
}

static void fill_blocks(rig *self)
{
    char *text = malloc(LONG_TEXT + 1);
    assert_non_null(text);
    /* Sealed, so that it cannot be packed. */
    memset(text, 'x', LONG_TEXT);
    text[LONG_TEXT] = '\0';
    rig_fill(self, 6);
    for (int i = 0; i < 80; i++) {
        rig_seal(self, text, "Wang");
    }
    free(text);
}

static void a_damaged_block_is_told_and_what_is_behind_it_is_read(void **state)
{
    rig *self = *state;
    rig_path file;
    fill_blocks(self);
    export_to(self, file, "archive", "--sealed");
    file_flip(file, file_size(file) / 2, 1);
    rig_run(self, "verify", "--file", file);
    assert_code(self, 65);
    assert_says(self->out, "its bytes are not those that were written");
    rig_run(self, "cat", "--file", file, "--table");
    assert_code(self, 65);
    assert_says(self->err, "the block with records ");
    assert_in_range(rig_lines(self->out), 20, 80); /* of 86, and a heading */
    assert_says(self->out, "        86  ");
}

static void a_damaged_log_gives_no_archive(void **state)
{
    rig *self = *state;
    rig_path file;
    size_t size;
    rig_fill(self, RECORDS);
    char *copy = rig_copy(self, "copy");
    file_flip(in_folder(copy, "log/data.mdb"), rig_find(self, copy, 20, &size) + 135, 1);
    rig_keep(file, in_folder(self->base, "archive"));
    size_t entries = rig_entries(self->base);
    rig_run(self, "export", "--store", copy, "--output", file);
    assert_code(self, 65);
    assert_says(self->err, "record 20");
    assert_int_equal(rig_entries(self->base), entries);
}

static void a_file_that_is_there_stays_when_an_export_fails(void **state)
{
    rig *self = *state;
    rig_path file;
    size_t size;
    rig_fill(self, RECORDS);
    export_to(self, file, "archive", NULL);
    char *copy = rig_copy(self, "copy");
    file_flip(in_folder(copy, "log/data.mdb"), rig_find(self, copy, 20, &size) + 135, 1);
    rig_run(self, "export", "--store", copy, "--output", file);
    assert_code(self, 65);
    rig_run(self, "verify", "--file", file);
    assert_code(self, 0);
}

static void what_was_sealed_cannot_be_asked_of_an_archive_without_it(void **state)
{
    rig *self = *state;
    rig_path file, keys;
    rig_fill(self, 6);
    rig_seal(self, "the lamp is out", "Wang");
    export_to(self, file, "archive", NULL);
    rig_keep(keys, in_folder(self->dir, "keys"));
    rig_run(self, "cat", "--file", file, "--key", self->key_file, "--keys", keys);
    assert_code(self, 64);
    assert_says(self->err, "without its sealed parts");
}

static void an_archive_is_whole_and_prints_as_its_log_does(void **state)
{
    rig *self = *state;
    rig_path file;
    char *of_log = calloc(1, RIG_OUTPUT_MAX);
    rig_fill(self, RECORDS);
    rig_seal(self, "the lamp is out", "Wang");
    rig_run(self, "cat", "--store", self->dir);
    memcpy(of_log, self->out, strlen(self->out) + 1);
    export_to(self, file, "archive", NULL);
    assert_string_equal(rig_field(self, "count"), "41");
    assert_string_equal(rig_field(self, "format"), "\"archive\"");
    rig_run(self, "cat", "--file", file);
    assert_code(self, 0);
    assert_string_equal(self->out, of_log);
    free(of_log);
}

static void with_its_sealed_parts_an_archive_can_be_opened(void **state)
{
    rig *self = *state;
    rig_path file, keys;
    rig_fill(self, RECORDS);
    rig_seal(self, "the lamp is out", "Wang");
    export_to(self, file, "archive", "--sealed");
    rig_keep(keys, in_folder(self->dir, "keys"));
    rig_run(self, "cat", "--file", file, "--from", "41", "--key", self->key_file, "--keys", keys,
            "--personal");
    assert_code(self, 0);
    assert_says(self->out, "the lamp is out");
    assert_says(self->out, "Wang");
}

/* With the sealed parts and without: the same chain, and the same state. */
static void an_archive_has_the_chain_and_the_state_of_its_log(void **state)
{
    rig *self = *state;
    rig_path file;
    char chain[256], hash[256];
    rig_fill(self, RECORDS);
    rig_seal(self, "the lamp is out", "Wang");
    rig_run(self, "verify", "--store", self->dir, "--json");
    assert_code(self, 0);
    memcpy(chain, rig_field(self, "chain"), sizeof chain);
    memcpy(hash, rig_field(self, "state_hash"), sizeof hash);
    for (int sealed = 0; sealed < 2; sealed++) {
        export_to(self, file, "archive", sealed == 1 ? "--sealed" : NULL);
        rig_run(self, "verify", "--file", file, "--json");
        assert_code(self, 0);
        assert_string_equal(rig_field(self, "kind"), "\"archive\"");
        assert_string_equal(rig_field(self, "sealed"), sealed == 1 ? "true" : "false");
        assert_string_equal(rig_field(self, "chain"), chain);
        assert_string_equal(rig_field(self, "state_hash"), hash);
        rig_run(self, "diff", self->dir, file, "--json");
        assert_code(self, 0);
        assert_string_equal(rig_field(self, "common"), "41");
    }
}

static void part_of_a_log_can_be_archived(void **state)
{
    rig *self = *state;
    rig_path file;
    rig_fill(self, RECORDS);
    rig_keep(file, in_folder(self->base, "part"));
    rig_run(self, "export", "--store", self->dir, "--output", file, "--from", "11", "--to", "20");
    assert_code(self, 0);
    rig_run(self, "verify", "--file", file, "--json");
    assert_code(self, 0);
    assert_string_equal(rig_field(self, "first"), "11");
    assert_string_equal(rig_field(self, "records"), "10");
    assert_string_equal(rig_field(self, "state_hash"), "null");
    rig_run(self, "diff", self->dir, file, "--json", "--prefix");
    assert_code(self, 0);
    assert_string_equal(rig_field(self, "common"), "10");
}

static void an_empty_log_gives_an_empty_archive(void **state)
{
    rig *self = *state;
    rig_path file;
    export_to(self, file, "archive", NULL);
    rig_run(self, "verify", "--file", file, "--json");
    assert_code(self, 0);
    assert_string_equal(rig_field(self, "records"), "0");
}

static void equal_logs_give_equal_archives(void **state)
{
    rig *self = *state;
    rig_path first, second;
    char hash[256];
    fill_blocks(self);
    export_to(self, first, "first", "--sealed");
    memcpy(hash, rig_field(self, "hash"), sizeof hash);
    export_to(self, second, "second", "--sealed");
    assert_string_equal(rig_field(self, "hash"), hash);
    assert_int_equal(file_size(first), file_size(second));
    assert_true(file_size(first) > (long)(2 * CH_ARCHIVE_BLOCK_BYTES));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
        TEST(every_flipped_byte_of_an_archive_is_found),
        TEST(an_archive_cut_short_or_gone_on_is_found),
        TEST(a_newer_archive_exits_69),
        TEST(a_damaged_block_is_told_and_what_is_behind_it_is_read),
        TEST(a_damaged_log_gives_no_archive),
        TEST(a_file_that_is_there_stays_when_an_export_fails),
        TEST(what_was_sealed_cannot_be_asked_of_an_archive_without_it),
        TEST(an_archive_is_whole_and_prints_as_its_log_does),
        TEST(with_its_sealed_parts_an_archive_can_be_opened),
        TEST(an_archive_has_the_chain_and_the_state_of_its_log),
        TEST(part_of_a_log_can_be_archived),
        TEST(an_empty_log_gives_an_empty_archive),
        TEST(equal_logs_give_equal_archives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
