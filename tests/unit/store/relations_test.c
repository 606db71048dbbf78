/* Pairs: two cases that are tied in one batch are folded together, or not at all. */
#include "tests/unit/check.h"
#include "tests/unit/store/folder.h"
#include "tests/unit/store/ledger.h"

#include <stdio.h>
#include <sys/stat.h>

#define MAP ((size_t)256 << 20)

typedef struct fixture {
    char dir[FOLDER_PATH_SIZE], state_dir[FOLDER_PATH_SIZE * 2], other_dir[FOLDER_PATH_SIZE * 2];
    ch_event_log *log;
    ch_state *state;
    ch_case *seen;
    ledger ledger;
    ch_error error;
} fixture;

/* Every case leaves the memory before the next is needed. */
static const ch_state_options narrow = {.map_bytes = MAP, .hot_cases = 1};
static const ch_state_options wide = {.map_bytes = MAP, .hot_cases = 64};

static int setup(void **state)
{
    static fixture f;
    char log_dir[FOLDER_PATH_SIZE * 2];
    memset(&f, 0, sizeof f);
    folder_make(f.dir);
    snprintf(log_dir, sizeof log_dir, "%s/log", f.dir);
    snprintf(f.state_dir, sizeof f.state_dir, "%s/state", f.dir);
    snprintf(f.other_dir, sizeof f.other_dir, "%s/other", f.dir);
    assert_int_equal(mkdir(log_dir, 0700) | mkdir(f.state_dir, 0700) | mkdir(f.other_dir, 0700), 0);
    assert_ok(ch_event_log_open(&f.log, log_dir, &(ch_event_log_options){.map_bytes = MAP}, &f.error),
              &f.error);
    assert_ok(ch_state_open(&f.state, f.state_dir, &narrow, NULL, &f.error), &f.error);
    assert_status(ch_case_new(&f.seen), CH_OK);
    ledger_init(&f.ledger, f.log, f.state);
    f.ledger.holding = true;
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    ledger_done(&f->ledger);
    ch_case_free(f->seen);
    ch_state_close(f->state);
    ch_event_log_close(f->log);
    folder_remove(f->dir);
    return 0;
}

static void flush(fixture *f)
{
    assert_ok(ledger_flush(&f->ledger), &f->ledger.error);
}

static void open_three(fixture *f)
{
    for (int i = 0; i < 3; i++) {
        ledger_open(&f->ledger, "grid/1", NULL);
    }
    flush(f);
}

static void tie(fixture *f, const char *type, uint64_t child, uint64_t parent)
{
    ledger_tie(&f->ledger, child, type, "other", parent, "parent");
    ledger_tie(&f->ledger, parent, type, "other", child, "child");
}

static void merge(fixture *f, uint64_t number, uint64_t into)
{
    ledger_tie(&f->ledger, number, "case.merged", "into", into, NULL);
    ledger_tie(&f->ledger, into, "case.linked", "other", number, "merged");
}

/* The case as it was committed. */
static const ch_case *committed(fixture *f, uint64_t number)
{
    ch_state_reader *reader;
    assert_ok(ch_state_commit(f->state, &f->error), &f->error);
    assert_ok(ch_state_reader_open(&reader, f->state, &f->error), &f->error);
    assert_status(ch_state_reader_case(reader, number, f->seen), CH_OK);
    ch_state_reader_close(reader);
    return f->seen;
}

/* "" when there is none. */
static const char *relation(fixture *f, uint64_t number, uint64_t other)
{
    const ch_link *link = ch_case_link(committed(f, number), other);
    return link == NULL ? "" : ch_relation_name(link->relation);
}

static void hash_of(fixture *f, uint8_t out[CH_HASH_SIZE])
{
    assert_ok(ch_state_hash(f->state, out, &f->error), &f->error);
}

static void links_what_is_not_linked_only_once(void **state)
{
    fixture *f = *state;
    open_three(f);
    tie(f, "case.linked", 1, 2);
    flush(f);
    uint32_t version = f->ledger.now.versions[1] + 1;
    char id[CH_CASE_ID_SIZE];
    ch_case_id_format(id, "ZJ", LEDGER_START_MS, 480, 1, false);
    uint8_t data[] = "\x81\xa5other\xadZJ-20261123-2";
    const ch_event again = {.type = CH_STR("case.linked"),
                            .subject = ch_str_of(id),
                            .case_version = version,
                            .case_state = CH_CASE_RECEIVED,
                            .cycle = 1,
                            .data = {(const char *)data, sizeof data - 1}};
    assert_status(ledger_write(&f->ledger, again, 1, 0), CH_CORRUPT);
}

static void a_pair_that_is_rolled_back_is_on_neither_case(void **state)
{
    fixture *f = *state;
    uint8_t before[CH_HASH_SIZE], after[CH_HASH_SIZE];
    open_three(f);
    tie(f, "case.linked", 1, 2);
    flush(f);
    hash_of(f, before);
    const ledger_point point = f->ledger.now;
    tie(f, "case.linked", 2, 3);
    merge(f, 1, 3);
    ch_state_rollback(f->state);
    ledger_drop(&f->ledger);
    f->ledger.now = point;
    hash_of(f, after);
    assert_memory_equal(before, after, CH_HASH_SIZE);
    assert_string_equal(relation(f, 2, 3), "");
    assert_string_equal(relation(f, 3, 2), "");
    assert_string_equal(relation(f, 1, 2), "parent");
    merge(f, 1, 3); /* and it can be said again */
    flush(f);
    assert_int_equal(committed(f, 1)->merged_into, 3);
}

static void a_rebuild_gives_the_same_links_on_both_sides(void **state)
{
    fixture *f = *state;
    ch_state *rebuilt;
    uint8_t live[CH_HASH_SIZE], again[CH_HASH_SIZE];
    open_three(f);
    tie(f, "case.linked", 1, 2);
    tie(f, "case.linked", 3, 2);
    flush(f);
    tie(f, "case.unlinked", 1, 2);
    merge(f, 3, 2);
    flush(f);
    assert_string_equal(relation(f, 1, 2), "");
    assert_string_equal(relation(f, 2, 1), "");
    assert_string_equal(relation(f, 2, 3), "merged");
    assert_string_equal(relation(f, 3, 2), "");
    assert_int_equal(committed(f, 3)->merged_into, 2);
    hash_of(f, live);
    assert_ok(ch_state_open(&rebuilt, f->other_dir, &wide, NULL, &f->error), &f->error);
    assert_ok(ch_state_catch_up(rebuilt, f->log, &f->error), &f->error);
    assert_ok(ch_state_hash(rebuilt, again, &f->error), &f->error);
    assert_memory_equal(live, again, CH_HASH_SIZE);
    ch_state_close(rebuilt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(links_what_is_not_linked_only_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_pair_that_is_rolled_back_is_on_neither_case, setup, teardown),
        cmocka_unit_test_setup_teardown(a_rebuild_gives_the_same_links_on_both_sides, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
