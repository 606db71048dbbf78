/* The audit log: every entry comes back as it was given, and a changed one is noticed. */
#include "tests/unit/check.h"
#include "tests/unit/store/folder.h"

#include "hub/store/audit.h"

#include <stdio.h>

#define MAP ((size_t)16 << 20)

typedef struct fixture {
    char dir[FOLDER_PATH_SIZE];
    ch_audit *audit;
    ch_error error;
} fixture;

static void open_audit(fixture *f)
{
    assert_ok(ch_audit_open(&f->audit, in_folder(f->dir, "audit"), MAP, &f->error), &f->error);
}

static int setup(void **state)
{
    static fixture f;
    memset(&f, 0, sizeof f);
    folder_make(f.dir);
    open_audit(&f);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    ch_audit_close(f->audit);
    folder_remove(f->dir);
    return 0;
}

static void add(fixture *f, int64_t time_ms, const char *actor)
{
    const ch_audit_entry entry = {.time_ms = time_ms,
                                  .actor = ch_str_of(actor),
                                  .role = CH_STR("operator"),
                                  .key = CH_STR("local"),
                                  .private_right = CH_STR("all"),
                                  .what = CH_STR("QUERY case"),
                                  .case_id = CH_STR("ZJ-20261123-1")};
    assert_ok(ch_audit_add(f->audit, &entry, 1, &f->error), &f->error);
}

static void read_entry(fixture *f, ch_log_reader *reader, uint64_t number, ch_audit_entry *out)
{
    ch_record record;
    assert_ok(ch_log_reader_seek(reader, number, &record, &f->error), &f->error);
    assert_int_equal(record.sequence, number);
    assert_status(ch_audit_decode(&record, out), CH_OK);
}

static void entries_come_back_also_after_a_restart(void **state)
{
    fixture *f = *state;
    ch_audit_entry entry;
    ch_log_reader *reader;
    add(f, 1000, "first");
    add(f, 900, "second"); /* a clock that was set back: times do not go back here */
    ch_audit_close(f->audit);
    open_audit(f);
    add(f, 2000, "third");
    assert_int_equal(ch_audit_last(f->audit), 3);
    assert_ok(ch_log_reader_open(&reader, ch_audit_log(f->audit), &f->error), &f->error);
    read_entry(f, reader, 2, &entry);
    assert_true(ch_str_is(entry.actor, "second"));
    assert_true(ch_str_is(entry.case_id, "ZJ-20261123-1"));
    assert_int_equal(entry.party.size, 0);
    assert_int_equal(entry.time_ms, 1000);
    read_entry(f, reader, 3, &entry);
    assert_int_equal(entry.time_ms, 2000);
    ch_log_reader_close(reader);
}

static void its_chain_verifies(void **state)
{
    fixture *f = *state;
    uint64_t good = 0;
    add(f, 1, "a");
    add(f, 2, "b");
    assert_ok(ch_event_log_verify(ch_audit_log(f->audit), &good, &f->error), &f->error);
    assert_int_equal(good, 2);
}

static void what_is_no_entry_is_corrupt(void **state)
{
    (void)state;
    const ch_str no_entries[] = {
        CH_STR_NONE, {"\x90", 1}, {"\x98\x01\x01\x01\x01\x01\x01\x01\x01", 9}, {"\x98", 1}};
    for (size_t i = 0; i < sizeof no_entries / sizeof *no_entries; i++) {
        ch_audit_entry entry;
        const ch_record record = {.sequence = 1, .public_part = no_entries[i]};
        assert_status(ch_audit_decode(&record, &entry), CH_CORRUPT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(entries_come_back_also_after_a_restart, setup, teardown),
        cmocka_unit_test_setup_teardown(its_chain_verifies, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_entry_is_corrupt, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
