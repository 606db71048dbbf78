/* key, head, and verify with heads: what a log cannot tell of itself. */
#include "tests/unit/replay/rig.h"

#include <sys/stat.h>

#define RECORDS 20

typedef struct signer {
    rig_path key, public_key, heads;
} signer;

static signer new_signer(rig *self, const char *name)
{
    signer of;
    rig_keep(of.key, in_folder(self->base, name));
    snprintf(of.public_key, sizeof of.public_key, "%.*s.pub", (int)sizeof of.key - 5, of.key);
    rig_keep(of.heads, in_folder(self->base, "heads"));
    rig_run(self, "key", "new", of.key);
    assert_code(self, 0);
    return of;
}

/* Appends the head to the file of heads. */
static void keep_head(rig *self, signer *of)
{
    rig_run(self, "head", "--store", self->dir, "--key", of->key);
    assert_code(self, 0);
    FILE *file = fopen(of->heads, "ab");
    assert_non_null(file);
    fputs(self->out, file);
    fclose(file);
}

static void verify(rig *self, signer *of, const char *kind, const char *what)
{
    rig_run(self, "verify", (char *)kind, (char *)what, "--heads", of->heads, "--public", of->public_key);
}

static void a_signing_key_is_for_its_owner_alone_and_never_replaced(void **state)
{
    rig *self = *state;
    struct stat seen;
    signer of = new_signer(self, "key");
    assert_int_equal(stat(of.key, &seen), 0);
    assert_int_equal(seen.st_mode & 0777, 0600);
    rig_run(self, "key", "new", of.key);
    assert_code(self, 64);
    assert_says(self->err, "is there already");
    chmod(of.key, 0644);
    rig_run(self, "head", "--store", self->dir, "--key", of.key);
    assert_code(self, 64);
    assert_says(self->err, "chmod 600");
    file_write(of.key, "no key");
    chmod(of.key, 0600);
    rig_run(self, "head", "--store", self->dir, "--key", of.key);
    assert_code(self, 64);
    assert_says(self->err, "holds no key");
}

static void a_log_whose_end_is_cut_off_is_found_out(void **state)
{
    rig *self = *state;
    rig_path before, file;
    signer of = new_signer(self, "key");
    rig_fill(self, RECORDS);
    rig_keep(before, rig_copy(self, "before"));
    rig_keep(file, in_folder(self->base, "archive"));
    rig_run(self, "export", "--store", self->dir, "--output", file);
    rig_fill(self, RECORDS + 5);
    keep_head(self, &of);
    rig_run(self, "verify", "--store", before);
    assert_code(self, 0); /* of itself it is whole */
    verify(self, &of, "--store", before);
    assert_code(self, 65);
    assert_says(self->out, "the end is cut off");
    verify(self, &of, "--file", file);
    assert_code(self, 65);
    assert_says(self->out, "record 25: head");
}

static void a_log_that_was_replaced_is_found_out(void **state)
{
    rig *self = *state;
    signer of = new_signer(self, "key");
    rig_fill(self, RECORDS);
    ledger_point point = self->ledger.now;
    ledger_hub(&self->ledger, "hub.alert", "code", "one", NULL);
    keep_head(self, &of);
    rig_stop(self);
    folder_remove(self->dir);
    unlink(self->key_file);
    self->ledger.now = (ledger_point){.sequence = 0};
    rig_start(self);
    rig_fill(self, RECORDS);
    assert_memory_equal(self->ledger.now.chain, point.chain, CH_HASH_SIZE);
    ledger_hub(&self->ledger, "hub.alert", "code", "two", NULL);
    verify(self, &of, "--store", self->dir);
    assert_code(self, 65);
    assert_says(self->out, "another chain was signed");
}

static void a_forged_head_is_found_out(void **state)
{
    rig *self = *state;
    signer of = new_signer(self, "key"), thief = new_signer(self, "thief");
    rig_fill(self, RECORDS);
    keep_head(self, &thief);
    verify(self, &of, "--store", self->dir);
    assert_code(self, 65);
    assert_says(self->out, "it is forged, or damaged");
    unlink(of.heads);
    keep_head(self, &of);
    long size = file_size(of.heads);
    for (long at = 0; at < size - 1; at += 7) {
        file_flip(of.heads, at, 1);
        verify(self, &of, "--store", self->dir);
        assert_code(self, 65);
        file_flip(of.heads, at, 1);
    }
    verify(self, &of, "--store", self->dir);
    assert_code(self, 0);
}

static void a_file_without_heads_proves_nothing(void **state)
{
    rig *self = *state;
    rig_path file;
    signer of = new_signer(self, "key");
    rig_fill(self, RECORDS);
    file_write(of.heads, "\n");
    verify(self, &of, "--store", self->dir);
    assert_code(self, 64);
    assert_says(self->err, "holds no head");
    unlink(of.heads);
    keep_head(self, &of);
    rig_fill(self, RECORDS + 20);
    rig_keep(file, in_folder(self->base, "archive"));
    rig_run(self, "export", "--store", self->dir, "--output", file, "--from", "30");
    verify(self, &of, "--file", file);
    assert_code(self, 65);
    assert_says(self->out, "they prove nothing");
}

static void heads_fit_a_log_its_archive_and_its_lines(void **state)
{
    rig *self = *state;
    rig_path file;
    signer of = new_signer(self, "key");
    keep_head(self, &of); /* of the empty log */
    rig_fill(self, RECORDS / 2);
    keep_head(self, &of);
    rig_fill(self, RECORDS);
    keep_head(self, &of);
    rig_run(self, "verify", "--store", self->dir, "--heads", of.heads, "--public", of.public_key, "--json");
    assert_code(self, 0);
    assert_string_equal(rig_field(self, "heads_checked"), "3");
    rig_keep(file, in_folder(self->base, "archive"));
    rig_run(self, "export", "--store", self->dir, "--output", file, "--from", "11");
    rig_run(self, "verify", "--file", file, "--heads", of.heads, "--public", of.public_key, "--json");
    assert_code(self, 0);
    assert_string_equal(rig_field(self, "heads_checked"), "2"); /* one just before its first record */
    assert_string_equal(rig_field(self, "heads_outside"), "1");
    rig_run(self, "export", "--store", self->dir, "--output", file, "--format", "jsonl");
    rig_run(self, "verify", "--file", file, "--heads", of.heads, "--public", of.public_key, "--json");
    assert_code(self, 0);
    assert_string_equal(rig_field(self, "heads_checked"), "1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
        TEST(a_signing_key_is_for_its_owner_alone_and_never_replaced),
        TEST(a_log_whose_end_is_cut_off_is_found_out),
        TEST(a_log_that_was_replaced_is_found_out),
        TEST(a_forged_head_is_found_out),
        TEST(a_file_without_heads_proves_nothing),
        TEST(heads_fit_a_log_its_archive_and_its_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
