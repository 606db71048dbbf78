#include "tests/unit/replay/rig.h"

#include <sys/stat.h>

#define RECORDS 40

/* The live state, with one note folded twice over: other than its log makes it. */
static void spoil_state(rig *self)
{
    const ch_state_options options = {.hot_cases = 8};
    ch_state *state;
    ch_event_log *other;
    ledger of;
    assert_ok(ch_dir_make(in_folder(self->base, "other"), &self->error), &self->error);
    assert_ok(ch_event_log_open(&other, in_folder(self->base, "other"),
                                &(ch_event_log_options){.map_bytes = (size_t)16 << 20}, &self->error),
              &self->error);
    unlink(in_folder(self->dir, "state/data.mdb"));
    assert_ok(ch_state_open(&state, in_folder(self->dir, "state"), &options, NULL, &self->error),
              &self->error);
    ledger_init(&of, other, state);
    ledger_open(&of, "hotline/1", "another");
    assert_ok(ch_state_commit(state, &self->error), &self->error);
    ledger_done(&of);
    ch_state_close(state);
    ch_event_log_close(other);
    folder_remove(in_folder(self->base, "other"));
}

static void a_live_state_that_the_log_does_not_make_exits_65(void **state)
{
    rig *self = *state;
    rig_fill(self, RECORDS);
    rig_stop(self);
    spoil_state(self);
    rig_run(self, "rebuild", "--store", self->dir, "--json");
    assert_code(self, 65);
    assert_string_equal(rig_field(self, "equal"), "false");
    assert_string_equal(rig_field(self, "live_position"), "1");
    assert_says(self->out, "\"finding\":\"state\"");
}

static void a_swap_puts_the_right_state_in_place_of_a_wrong_one(void **state)
{
    rig *self = *state;
    uint8_t before[CH_HASH_SIZE], after[CH_HASH_SIZE];
    rig_fill(self, RECORDS);
    assert_ok(ch_state_hash(self->store->state, before, &self->error), &self->error);
    rig_stop(self);
    size_t entries = rig_entries(self->dir);
    spoil_state(self);
    rig_run(self, "rebuild", "--store", self->dir, "--swap", "--json");
    assert_code(self, 0);
    assert_string_equal(rig_field(self, "swapped"), "true");
    assert_int_equal(rig_entries(self->dir), entries);
    rig_run(self, "rebuild", "--store", self->dir, "--json");
    assert_code(self, 0);
    assert_string_equal(rig_field(self, "equal"), "true");
    rig_start(self);
    assert_ok(ch_state_hash(self->store->state, after, &self->error), &self->error);
    assert_memory_equal(before, after, CH_HASH_SIZE);
}

static void a_swap_beside_a_running_hub_is_refused(void **state)
{
    rig *self = *state;
    rig_fill(self, RECORDS);
    rig_run(self, "rebuild", "--store", self->dir, "--swap");
    assert_code(self, 75);
    assert_says(self->err, "another daemon has it open");
    assert_string_equal(self->out, "");
}

static void a_damaged_log_replaces_no_state(void **state)
{
    rig *self = *state;
    size_t size;
    rig_fill(self, RECORDS);
    char *copy = rig_copy(self, "copy");
    long at = rig_find(self, copy, 20, &size);
    rig_stop(self);
    file_copy(in_folder(copy, "log/data.mdb"), in_folder(self->dir, "log/data.mdb"));
    file_flip(in_folder(self->dir, "log/data.mdb"), at + 140, 2);
    rig_run(self, "rebuild", "--store", self->dir, "--swap", "--json");
    assert_code(self, 65);
    assert_string_equal(rig_field(self, "swapped"), "false");
    assert_string_equal(rig_field(self, "state_hash"), "null");
    assert_string_equal(rig_field(self, "first_bad"), "20");
    assert_int_equal(rig_entries(self->dir), 6);
}

static void a_state_that_is_damaged_is_told_and_replaced(void **state)
{
    rig *self = *state;
    rig_fill(self, RECORDS);
    rig_stop(self);
    file_write(in_folder(self->dir, "state/data.mdb"),
               "nothing that LMDB knows, long enough to be looked at");
    rig_run(self, "rebuild", "--store", self->dir, "--json");
    assert_code(self, 65);
    assert_says(self->out, "\"finding\":\"state\"");
    rig_run(self, "rebuild", "--store", self->dir, "--swap", "--json");
    assert_code(self, 0);
    rig_run(self, "rebuild", "--store", self->dir, "--json");
    assert_code(self, 0);
}

/* Also where only reading it kills: a rebuild is what helps then. */
static void whatever_is_damaged_in_a_state_is_told_and_replaced(void **state)
{
    rig *self = *state;
    rig_path file;
    ch_random_seeded places;
    ch_random_seeded_init(&places, 3);
    rig_fill(self, RECORDS);
    rig_stop(self);
    rig_keep(file, in_folder(self->dir, "state/data.mdb"));
    for (int i = 0; i < 60; i++) {
        long at = (long)ch_random_below(&places, (uint64_t)file_size(file));
        file_flip(file, at / 4096 * 4096 + at % 64, 0x21);
        rig_run(self, "rebuild", "--store", self->dir, "--json");
        assert_true(self->code == 65 || self->code == 0);
        assert_string_equal(rig_field(self, "equal"), self->code == 0 ? "true" : "false");
        rig_run(self, "rebuild", "--store", self->dir, "--swap", "--json");
        assert_code(self, 0);
    }
    rig_run(self, "rebuild", "--store", self->dir, "--json");
    assert_code(self, 0);
}

static void a_stopped_hub_has_the_state_that_its_log_makes(void **state)
{
    rig *self = *state;
    rig_fill(self, RECORDS);
    rig_stop(self);
    size_t entries = rig_entries(self->dir);
    rig_run(self, "rebuild", "--store", self->dir, "--json");
    assert_code(self, 0);
    assert_string_equal(rig_field(self, "equal"), "true");
    assert_string_equal(rig_field(self, "live_hash"), rig_field(self, "state_hash"));
    assert_string_equal(rig_field(self, "records"), "40");
    assert_int_equal(rig_entries(self->dir), entries);
}

/* After a crash: the log has taken what the state had not. */
static void a_state_behind_its_log_is_compared_where_it_stands(void **state)
{
    rig *self = *state;
    rig_fill(self, RECORDS);
    assert_ok(ch_state_commit(self->store->state, &self->error), &self->error);
    ch_state *folding = self->ledger.state;
    self->ledger.state = NULL;
    rig_fill(self, RECORDS + 9);
    self->ledger.state = folding;
    rig_stop(self);
    rig_run(self, "rebuild", "--store", self->dir, "--json");
    assert_code(self, 0);
    assert_string_equal(rig_field(self, "equal"), "true");
    assert_string_equal(rig_field(self, "live_position"), "40");
    assert_string_equal(rig_field(self, "last"), "49");
    assert_string_not_equal(rig_field(self, "live_hash"), rig_field(self, "state_hash"));
}

static void beside_a_running_hub_only_the_log_is_read(void **state)
{
    rig *self = *state;
    char hash[256];
    rig_fill(self, RECORDS);
    rig_run(self, "verify", "--store", self->dir, "--json");
    snprintf(hash, sizeof hash, "%s", rig_field(self, "state_hash"));
    rig_run(self, "rebuild", "--store", self->dir, "--json");
    assert_code(self, 0);
    assert_string_equal(rig_field(self, "state_hash"), hash);
    assert_null(strstr(self->out, "equal"));
    rig_fill(self, RECORDS + 10);
}

static void a_rebuilt_state_is_kept_where_somebody_wants_it(void **state)
{
    rig *self = *state;
    char into[FOLDER_PATH_SIZE * 2];
    struct stat seen;
    rig_fill(self, RECORDS);
    snprintf(into, sizeof into, "%s", in_folder(self->base, "fresh"));
    rig_run(self, "rebuild", "--store", self->dir, "--into", into);
    assert_code(self, 0);
    assert_int_equal(stat(in_folder(into, "data.mdb"), &seen), 0);
    assert_int_equal(rig_entries(into), 2);
    rig_run(self, "rebuild", "--store", self->dir, "--into", into);
    assert_code(self, 64);
    assert_says(self->err, "is not empty");
}

static void a_backup_is_rebuilt_but_has_no_state_to_replace(void **state)
{
    rig *self = *state;
    char dir[FOLDER_PATH_SIZE * 2];
    rig_fill(self, RECORDS);
    snprintf(dir, sizeof dir, "%s", in_folder(self->base, "backup"));
    assert_ok(ch_store_backup(self->store, NULL, dir, &self->error), &self->error);
    rig_run(self, "rebuild", "--store", dir, "--json");
    assert_code(self, 0);
    assert_string_equal(rig_field(self, "kind"), "\"backup\"");
    rig_run(self, "rebuild", "--store", dir, "--swap");
    assert_code(self, 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
        TEST(a_live_state_that_the_log_does_not_make_exits_65),
        TEST(a_swap_puts_the_right_state_in_place_of_a_wrong_one),
        TEST(a_swap_beside_a_running_hub_is_refused),
        TEST(a_damaged_log_replaces_no_state),
        TEST(a_state_that_is_damaged_is_told_and_replaced),
        TEST(whatever_is_damaged_in_a_state_is_told_and_replaced),
        TEST(a_stopped_hub_has_the_state_that_its_log_makes),
        TEST(a_state_behind_its_log_is_compared_where_it_stands),
        TEST(beside_a_running_hub_only_the_log_is_read),
        TEST(a_rebuilt_state_is_kept_where_somebody_wants_it),
        TEST(a_backup_is_rebuilt_but_has_no_state_to_replace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
