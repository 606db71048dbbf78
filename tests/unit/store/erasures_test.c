/* The list of erased cases outlives what it erases: it is carried out at every start, and in copies of the keys. */
#include "tests/unit/check.h"
#include "tests/unit/store/folder.h"

#include "hub/store/disk_file.h"
#include "hub/store/erasures.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct fixture {
    char dir[FOLDER_PATH_SIZE], store_dir[FOLDER_PATH_SIZE * 2], hub_key[FOLDER_PATH_SIZE * 2];
    char keys_dir[FOLDER_PATH_SIZE * 3], copy[FOLDER_PATH_SIZE * 2];
    ch_random_seeded seeded;
    ch_store *store;
    ch_error error;
    unsigned reached, missed;
} fixture;

static void open_store(fixture *f)
{
    const ch_store_options options = {.dir = f->store_dir,
                                      .hub_key_file = f->hub_key,
                                      .hub_code = "ZJ",
                                      .log_map_bytes = (size_t)64 << 20,
                                      .state_map_bytes = (size_t)64 << 20,
                                      .hot_cases = 16,
                                      .random = &f->seeded.random};
    assert_ok(ch_store_open(&f->store, &options, &f->error), &f->error);
}

static int setup(void **state)
{
    static fixture f;
    memset(&f, 0, sizeof f);
    folder_make(f.dir);
    snprintf(f.store_dir, sizeof f.store_dir, "%s/store", f.dir);
    snprintf(f.hub_key, sizeof f.hub_key, "%s/hub.key", f.dir);
    snprintf(f.keys_dir, sizeof f.keys_dir, "%s/keys", f.store_dir);
    snprintf(f.copy, sizeof f.copy, "%s/backup.keys", f.dir);
    ch_random_seeded_init(&f.seeded, 11);
    open_store(&f);
    assert_ok(ch_slots_prepare(f.store->case_slots, 3, &f.error), &f.error);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    ch_store_close(f->store);
    folder_remove(f->dir);
    return 0;
}

static ch_status key_of(fixture *f, uint64_t number)
{
    uint8_t key[CH_KEY_SIZE];
    return ch_slots_key(f->store->case_slots, number, key);
}

static void erase(fixture *f, uint64_t number)
{
    const ch_erasure erasure = {.number = number, .sequence = 40 + number, .epoch = 1, .recorded_ms = 1000};
    assert_ok(ch_erasures_carry_out(f->store, &erasure, 1, &f->error), &f->error);
}

static void write_list(fixture *f, const char *text)
{
    assert_ok(ch_file_replace(f->keys_dir, "erasures", ch_str_of(text), &f->error), &f->error);
}

static void a_list_that_is_damaged_is_told_with_its_line(void **state)
{
    fixture *f = *state;
    ch_erasures list;
    const char *const damaged[] = {"1 2 1 3\nx\n", "1 2 1 3\n4 5 1\n", "1 2 1 3\n0 1 1 1\n",
                                   "1 2 1 3\n4 5 1 6 7\n"};
    for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++) {
        write_list(f, damaged[i]);
        assert_status(ch_erasures_read(&list, f->keys_dir, &f->error), CH_CORRUPT);
        assert_string_equal(f->error.text, "line 2 is no erasure");
    }
}

static void without_a_list_nothing_was_erased(void **state)
{
    fixture *f = *state;
    ch_erasures list;
    assert_ok(ch_erasures_read(&list, f->keys_dir, &f->error), &f->error);
    assert_int_equal(list.count, 0);
    ch_erasures_done(&list);
}

static void what_is_erased_is_on_the_list_once(void **state)
{
    fixture *f = *state;
    ch_erasures list;
    erase(f, 2);
    erase(f, 2);
    erase(f, 3);
    assert_status(key_of(f, 1), CH_OK);
    assert_status(key_of(f, 2), CH_ERASED);
    assert_status(key_of(f, 3), CH_ERASED);
    assert_ok(ch_erasures_read(&list, f->keys_dir, &f->error), &f->error);
    assert_int_equal(list.count, 2);
    assert_int_equal(list.at[1].number, 3);
    assert_int_equal(list.at[1].sequence, 43);
    ch_erasures_done(&list);
}

static void a_start_carries_the_list_out(void **state)
{
    fixture *f = *state;
    ch_store_close(f->store);
    write_list(f, "2 42 1 1000\n9000 50 1 1000\n");
    open_store(f);
    assert_status(key_of(f, 1), CH_OK);
    assert_status(key_of(f, 2), CH_ERASED);
}

static void meet(void *context, const char *copy_dir, const ch_error *outcome)
{
    fixture *f = context;
    assert_string_equal(copy_dir, f->copy);
    f->reached += outcome->status == CH_OK;
    f->missed += outcome->status != CH_OK;
}

static void erase_copies(fixture *f)
{
    f->reached = f->missed = 0;
    assert_ok(ch_key_copies_erase(f->store, meet, f, &f->error), &f->error);
}

/* As a backup leaves it. */
static void copy_keys(fixture *f)
{
    char from[FOLDER_PATH_SIZE * 4];
    ch_buf bytes;
    snprintf(from, sizeof from, "%s/cases.slots", f->keys_dir);
    ch_buf_init(&bytes, (size_t)4 << 20);
    assert_ok(ch_file_read(&bytes, from, &f->error), &f->error);
    assert_int_equal(mkdir(f->copy, 0700), 0);
    assert_ok(ch_file_replace(f->copy, "cases.slots", ch_buf_str(&bytes), &f->error), &f->error);
    ch_buf_done(&bytes);
    assert_ok(ch_key_copies_add(f->store, f->copy, &f->error), &f->error);
}

static bool copy_has_key(fixture *f, uint64_t number)
{
    uint8_t slot[64], zeros[64] = {0};
    char path[FOLDER_PATH_SIZE * 4];
    snprintf(path, sizeof path, "%s/cases.slots", f->copy);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, (long)(8192 + (number - 1) * 64), SEEK_SET), 0);
    assert_int_equal(fread(slot, 1, sizeof slot, file), sizeof slot);
    fclose(file);
    return memcmp(slot, zeros, sizeof slot) != 0;
}

static void a_copy_that_is_away_is_told_and_made_up_for(void **state)
{
    fixture *f = *state;
    char away[FOLDER_PATH_SIZE * 3];
    copy_keys(f);
    snprintf(away, sizeof away, "%s.away", f->copy);
    assert_int_equal(rename(f->copy, away), 0);
    erase(f, 2);
    erase_copies(f);
    assert_int_equal(f->missed, 1);
    assert_int_equal(rename(away, f->copy), 0);
    assert_true(copy_has_key(f, 2));
    erase_copies(f);
    assert_int_equal(f->reached, 1);
    assert_false(copy_has_key(f, 2));
    assert_true(copy_has_key(f, 1));
}

static void a_copy_that_a_backup_left_half_done_is_reached_too(void **state)
{
    fixture *f = *state;
    char backup[FOLDER_PATH_SIZE * 2], in_the_way[FOLDER_PATH_SIZE * 4];
    snprintf(backup, sizeof backup, "%s/backup", f->dir);
    snprintf(in_the_way, sizeof in_the_way, "%s/deadletters.slots", f->copy);
    assert_int_equal(mkdir(f->copy, 0700), 0);
    assert_int_equal(mkdir(in_the_way, 0700), 0); /* no file takes the place of a folder */
    assert_status(ch_store_backup(f->store, NULL, backup, &f->error), CH_IO);
    assert_true(copy_has_key(f, 2));
    erase(f, 2);
    erase_copies(f);
    assert_int_equal(f->reached, 1);
    assert_false(copy_has_key(f, 2));
}

static void a_copy_gets_the_list_too_and_is_remembered_once(void **state)
{
    fixture *f = *state;
    ch_erasures list;
    copy_keys(f);
    assert_ok(ch_key_copies_add(f->store, f->copy, &f->error), &f->error);
    erase(f, 1);
    erase_copies(f);
    assert_int_equal(f->reached, 1);
    assert_ok(ch_erasures_read(&list, f->copy, &f->error), &f->error);
    assert_int_equal(list.count, 1);
    ch_erasures_done(&list);
}

static void what_is_no_copy_of_these_keys_is_left_alone(void **state)
{
    fixture *f = *state;
    char bytes[16384];
    copy_keys(f);
    memset(bytes, 7, sizeof bytes);
    assert_ok(ch_file_replace(f->copy, "cases.slots", (ch_str){bytes, sizeof bytes}, &f->error), &f->error);
    erase(f, 2);
    erase_copies(f);
    assert_int_equal(f->missed, 1);
    assert_true(copy_has_key(f, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_list_that_is_damaged_is_told_with_its_line, setup, teardown),
        cmocka_unit_test_setup_teardown(without_a_list_nothing_was_erased, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_erased_is_on_the_list_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_start_carries_the_list_out, setup, teardown),
        cmocka_unit_test_setup_teardown(a_copy_that_is_away_is_told_and_made_up_for, setup, teardown),
        cmocka_unit_test_setup_teardown(a_copy_that_a_backup_left_half_done_is_reached_too, setup, teardown),
        cmocka_unit_test_setup_teardown(a_copy_gets_the_list_too_and_is_remembered_once, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_copy_of_these_keys_is_left_alone, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
