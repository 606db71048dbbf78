#include "tests/unit/check.h"
#include "tests/unit/store/folder.h"
#include "tests/unit/store/ledger.h"

#include "hub/store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAP ((size_t)256 << 20)

typedef struct fixture {
    char base[FOLDER_PATH_SIZE], dir[FOLDER_PATH_SIZE * 2], key_file[FOLDER_PATH_SIZE * 2];
    ch_random_seeded seeded;
    ch_store_options options;
    ch_store *store;
    ledger ledger;
    ch_error error;
} fixture;

static ch_status reopen(fixture *f)
{
    ch_store *store = NULL;
    ch_store_close(f->store);
    f->store = NULL;
    ledger_done(&f->ledger);
    ch_status status = ch_store_open(&store, &f->options, &f->error);
    if (status == CH_OK) {
        uint64_t cases = f->ledger.now.case_count;
        f->store = store;
        ledger_init(&f->ledger, store->log, store->state);
        f->ledger.now.case_count = cases;
    }
    return status;
}

static int setup(void **state)
{
    static fixture f;
    memset(&f, 0, sizeof f);
    folder_make(f.base);
    snprintf(f.dir, sizeof f.dir, "%s/data", f.base);
    snprintf(f.key_file, sizeof f.key_file, "%s/hub.key", f.base);
    ch_random_seeded_init(&f.seeded, 5);
    f.options = (ch_store_options){.dir = f.dir,
                                   .hub_key_file = f.key_file,
                                   .hub_code = "ZJ",
                                   .log_map_bytes = MAP,
                                   .state_map_bytes = MAP,
                                   .hot_cases = 64,
                                   .random = &f.seeded.random};
    assert_ok(reopen(&f), &f.error);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    ledger_done(&f->ledger);
    ch_store_close(f->store);
    folder_remove(f->base);
    return 0;
}

static void close_store(fixture *f)
{
    ch_store_close(f->store);
    f->store = NULL;
}

static const char *in_store(fixture *f, const char *name)
{
    return in_folder(f->dir, name);
}

static void a_store_open_in_another_process_is_locked(void **state)
{
    fixture *f = *state;
    int ready[2], done[2], code;
    char byte;
    close_store(f);
    assert_int_equal(pipe(ready) | pipe(done), 0);
    pid_t child = fork();
    if (child == 0) {
        ch_store *store;
        bool opened = ch_store_open(&store, &f->options, NULL) == CH_OK;
        close(done[1]);
        bool told = write(ready[1], opened ? "y" : "n", 1) == 1 && read(done[0], &byte, 1) == 0;
        if (opened) {
            ch_store_close(store);
        }
        _exit(opened && told ? 0 : 1);
    }
    assert_true(child > 0);
    close(done[0]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    assert_status(reopen(f), CH_LOCKED);
    close(done[1]);
    assert_int_equal(waitpid(child, &code, 0), child);
    assert_int_equal(code, 0);
    assert_ok(reopen(f), &f->error);
    close(ready[0]);
    close(ready[1]);
}

static void the_lock_alone_keeps_a_store_closed(void **state)
{
    fixture *f = *state;
    int fd = -1, second = -1;
    assert_status(ch_store_lock(f->dir, &fd, &f->error), CH_LOCKED);
    close_store(f);
    assert_ok(ch_store_lock(f->dir, &fd, &f->error), &f->error);
    assert_status(ch_store_lock(f->dir, &second, &f->error), CH_LOCKED);
    assert_int_equal(second, -1);
    assert_status(reopen(f), CH_LOCKED);
    close(fd);
    assert_ok(reopen(f), &f->error);
}

static void a_newer_format_is_refused_and_left_untouched(void **state)
{
    fixture *f = *state;
    char text[256];
    struct stat before, after;
    close_store(f);
    file_write(in_store(f, "FORMAT"), "casehub-store 2\nsomething else\n");
    assert_int_equal(unlink(in_store(f, "lock")), 0);
    assert_int_equal(stat(in_store(f, "log/data.mdb"), &before), 0);
    assert_status(reopen(f), CH_UNSUPPORTED);
    file_read(in_store(f, "FORMAT"), text, sizeof text);
    assert_string_equal(text, "casehub-store 2\nsomething else\n");
    assert_int_equal(file_size(in_store(f, "lock")), -1);
    assert_int_equal(stat(in_store(f, "log/data.mdb"), &after), 0);
    assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
    assert_int_equal(before.st_size, after.st_size);
}

static void another_hub_code_or_key_is_refused(void **state)
{
    fixture *f = *state;
    close_store(f);
    f->options.hub_code = "HZ";
    assert_status(reopen(f), CH_INVALID);
    f->options.hub_code = "ZJ";
    file_copy(f->key_file, in_folder(f->base, "kept.key"));
    file_flip(f->key_file, 5, 1);
    assert_status(reopen(f), CH_INVALID);
    file_cut(f->key_file, 31);
    assert_status(reopen(f), CH_INVALID);
    assert_int_equal(unlink(f->key_file), 0);
    assert_status(reopen(f), CH_INVALID);
    assert_int_equal(file_size(f->key_file), -1);
    file_copy(in_folder(f->base, "kept.key"), f->key_file);
    assert_int_equal(chmod(f->key_file, 0640), 0);
    assert_status(reopen(f), CH_INVALID);
    assert_int_equal(chmod(f->key_file, 0600), 0);
    assert_ok(reopen(f), &f->error);
}

static void what_is_made_is_for_the_owner_only(void **state)
{
    fixture *f = *state;
    static const char *const files[] = {"FORMAT", "lock", "log/data.mdb", "state/data.mdb",
                                        "keys/cases.slots"};
    struct stat seen;
    assert_int_equal(stat(f->dir, &seen), 0);
    assert_int_equal(seen.st_mode & 0777, 0700);
    assert_int_equal(stat(f->key_file, &seen), 0);
    assert_int_equal(seen.st_mode & 0777, 0600);
    assert_int_equal(seen.st_size, 32);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        assert_int_equal(stat(in_store(f, files[i]), &seen), 0);
        assert_int_equal(seen.st_mode & 077, 0);
    }
}

static void a_missing_or_damaged_part_is_refused(void **state)
{
    fixture *f = *state;
    static const char *const parts[] = {"log/data.mdb", "keys/cases.slots", "keys/deadletters.slots",
                                        "FORMAT"};
    ledger_open(&f->ledger, "hotline/1", NULL);
    close_store(f);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        file_copy(in_store(f, parts[i]), in_folder(f->base, "kept"));
        assert_int_equal(unlink(in_store(f, parts[i])), 0);
        assert_status(reopen(f), CH_CORRUPT);
        file_write(in_store(f, parts[i]), "");
        assert_status(reopen(f), CH_CORRUPT);
        file_write(in_store(f, parts[i]), "rubbish, and more of it than a head");
        assert_status(reopen(f), CH_CORRUPT);
        file_copy(in_folder(f->base, "kept"), in_store(f, parts[i]));
    }
    assert_ok(reopen(f), &f->error);
    assert_int_equal(ch_event_log_last(f->store->log), 1);
}

/* Nothing was acknowledged before FORMAT stood. */
static void a_store_half_made_is_made_anew(void **state)
{
    fixture *f = *state;
    close_store(f);
    assert_int_equal(unlink(in_store(f, "FORMAT")), 0);
    file_write(in_store(f, "MAKING"), "");
    file_cut(in_store(f, "log/data.mdb"), 5000);
    file_cut(in_store(f, "keys/cases.slots"), 10);
    file_write(in_store(f, "state/data.mdb"), "torn");
    assert_ok(reopen(f), &f->error);
    assert_int_equal(ch_event_log_last(f->store->log), 0);
    assert_int_equal(file_size(in_store(f, "MAKING")), -1);
    close_store(f);
    assert_ok(reopen(f), &f->error);
}

static void a_log_without_its_format_is_not_taken_for_half_made(void **state)
{
    fixture *f = *state;
    ledger_open(&f->ledger, "hotline/1", "A-1");
    close_store(f);
    assert_int_equal(unlink(in_store(f, "FORMAT")), 0);
    assert_status(reopen(f), CH_CORRUPT);
    assert_status(reopen(f), CH_CORRUPT);
    assert_int_equal(file_size(in_store(f, "MAKING")), -1);
    assert_true(file_size(in_store(f, "log/data.mdb")) > 0);
}

static void a_log_cut_short_is_refused_whole(void **state)
{
    fixture *f = *state;
    for (int i = 0; i < 60; i++) {
        ledger_open(&f->ledger, "hotline/1", NULL);
    }
    close_store(f);
    long size = file_size(in_store(f, "log/data.mdb"));
    file_copy(in_store(f, "log/data.mdb"), in_folder(f->base, "kept"));
    for (long at = 0; at < 16 * 4096; at += 1000) {
        assert_true(at < size);
        file_cut(in_store(f, "log/data.mdb"), at);
        assert_status(reopen(f), CH_CORRUPT);
        file_copy(in_folder(f->base, "kept"), in_store(f, "log/data.mdb"));
    }
    assert_ok(reopen(f), &f->error);
}

static void a_state_that_is_gone_is_folded_again(void **state)
{
    fixture *f = *state;
    uint8_t before[CH_HASH_SIZE], after[CH_HASH_SIZE];
    ledger_open(&f->ledger, "hotline/1", "A-1");
    ledger_note(&f->ledger, 1);
    assert_ok(ch_state_hash(f->store->state, before, &f->error), &f->error);
    close_store(f);
    folder_remove(in_store(f, "state"));
    assert_ok(reopen(f), &f->error);
    assert_int_equal(ch_state_position(f->store->state), 2);
    assert_ok(ch_state_hash(f->store->state, after, &f->error), &f->error);
    assert_memory_equal(before, after, CH_HASH_SIZE);
}

static void a_rebuild_has_the_hash_of_the_live_state(void **state)
{
    fixture *f = *state;
    uint8_t live[CH_HASH_SIZE], rebuilt[CH_HASH_SIZE];
    const char *dir = in_folder(f->base, "rebuilt");
    for (int i = 0; i < 20; i++) {
        uint64_t number = ledger_open(&f->ledger, "hotline/1", NULL);
        ledger_offer(&f->ledger, number, "water", LEDGER_START_MS);
    }
    for (int round = 0; round < 2; round++) {
        assert_ok(ch_store_rebuild(f->store, dir, rebuilt, &f->error), &f->error);
        assert_ok(ch_state_hash(f->store->state, live, &f->error), &f->error);
        assert_memory_equal(live, rebuilt, CH_HASH_SIZE);
        ledger_note(&f->ledger, 3);
    }
    assert_status(ch_store_rebuild(f->store, in_store(f, "state"), rebuilt, &f->error), CH_INVALID);
}

static void room_below_the_reserve_is_for_urgent_work_only(void **state)
{
    fixture *f = *state;
    ch_log_usage usage;
    assert_ok(ch_store_check_room(f->store, false, &f->error), &f->error);
    assert_status(ch_event_log_usage(f->store->log, &usage), CH_OK);
    assert_true(usage.disk_free_bytes > usage.map_bytes);
    uint64_t left = usage.map_bytes - usage.used_bytes;
    f->store->reserve_bytes = left + 4096;
    assert_status(ch_store_check_room(f->store, false, &f->error), CH_STORAGE_FULL);
    assert_ok(ch_store_check_room(f->store, true, &f->error), &f->error);
    f->store->reserve_bytes = 4 * (left + 4096);
    assert_status(ch_store_check_room(f->store, true, &f->error), CH_STORAGE_FULL);
}

/* Writes a sealed event of the case and reads its secret back. */
static ch_status write_and_open(fixture *f, uint64_t number, uint64_t sealed_as, ch_buf *out)
{
    uint8_t key[CH_KEY_SIZE], nonce[CH_NONCE_SIZE];
    char id[CH_CASE_ID_SIZE];
    ch_buf sealed;
    ch_case_id_format(id, "ZJ", LEDGER_START_MS, 480, number, false);
    const ch_event event = {.id = CH_STR("x"), .source = CH_STR("hotline/1"), .subject = ch_str_of(id)};
    assert_ok(ch_slots_prepare(f->store->case_slots, 10, &f->error), &f->error);
    assert_status(ch_slots_key(f->store->case_slots, sealed_as, key), CH_OK);
    ch_buf_init(&sealed, 4096);
    ch_nonces_take(&f->store->nonces, nonce);
    ch_seal(&sealed, CH_STR("0571-5550123"), key, nonce, event.subject, event.source, event.id);
    const ch_record record = {.case_number = number, .sealed = ch_buf_str(&sealed)};
    ch_buf_clear(out);
    ch_status status = ch_store_open_secret(f->store, &record, &event, out);
    ch_buf_done(&sealed);
    return status;
}

static void a_secret_opens_under_its_own_case_until_it_is_erased(void **state)
{
    fixture *f = *state;
    ch_buf out;
    uint8_t key[CH_KEY_SIZE];
    ch_buf_init(&out, 4096);
    const ch_record empty = {.case_number = 1};
    assert_status(ch_store_open_secret(f->store, &empty, &(ch_event){.sequence = 1}, &out), CH_END);
    assert_status(write_and_open(f, 2, 1, &out), CH_CORRUPT);
    assert_status(write_and_open(f, 2, 2, &out), CH_OK);
    assert_true(ch_str_is(ch_buf_str(&out), "0571-5550123"));
    ch_record record = {.case_number = 2, .sealed = CH_STR("anything")};
    assert_ok(ch_slots_erase(f->store->case_slots, 2, &f->error), &f->error);
    assert_status(ch_store_open_secret(f->store, &record, &(ch_event){.sequence = 1}, &out), CH_ERASED);
    assert_ok(reopen(f), &f->error);
    assert_status(ch_store_open_secret(f->store, &record, &(ch_event){.sequence = 1}, &out), CH_ERASED);
    assert_status(ch_slots_key(f->store->dead_letter_slots, 2, key), CH_NOT_FOUND);
    ch_buf_done(&out);
}

static void a_backup_is_what_its_manifest_says(void **state)
{
    fixture *f = *state;
    char text[1024], dir[FOLDER_PATH_SIZE * 2];
    uint64_t last;
    snprintf(dir, sizeof dir, "%s/backup", f->base);
    for (int i = 0; i < 20; i++) {
        ledger_open(&f->ledger, "hotline/1", NULL);
    }
    assert_ok(ch_slots_prepare(f->store->case_slots, 20, &f->error), &f->error);
    assert_ok(ch_store_backup(f->store, NULL, dir, &f->error), &f->error);
    ledger_note(&f->ledger, 1);
    assert_ok(ch_backup_check(dir, &last, &f->error), &f->error);
    assert_int_equal(last, 20);
    file_read(in_folder(dir, "MANIFEST"), text, sizeof text);
    assert_non_null(strstr(text, "casehub-backup 1\nhub ZJ\nepoch 1\nsequence 20\nchain "));
    assert_non_null(strstr(text, "\nfile log/data.mdb "));
    assert_int_equal(file_size(in_folder(f->base, "backup.keys/cases.slots")),
                     file_size(in_store(f, "keys/cases.slots")));
    assert_true(file_size(in_folder(f->base, "backup.keys/deadletters.slots")) > 0);
    assert_int_equal(file_size(in_folder(dir, "keys")), -1);
    assert_status(ch_store_backup(f->store, NULL, dir, &f->error), CH_INVALID);
}

static void a_damaged_backup_is_noticed(void **state)
{
    fixture *f = *state;
    char dir[FOLDER_PATH_SIZE * 2];
    uint64_t last;
    snprintf(dir, sizeof dir, "%s/backup", f->base);
    assert_status(ch_backup_check(dir, &last, &f->error), CH_NOT_FOUND);
    ledger_open(&f->ledger, "hotline/1", NULL);
    assert_ok(ch_store_backup(f->store, NULL, dir, &f->error), &f->error);
    const char *log = in_folder(dir, "log/data.mdb");
    for (long at = 0; at < file_size(log); at += 997) {
        file_flip(log, at, 4);
        assert_status(ch_backup_check(dir, &last, &f->error), CH_CORRUPT);
        file_flip(log, at, 4);
    }
    assert_ok(ch_backup_check(dir, &last, &f->error), &f->error);
    assert_int_equal(unlink(in_folder(dir, "FORMAT")), 0);
    assert_status(ch_backup_check(dir, &last, &f->error), CH_CORRUPT);
}

static void a_restored_backup_is_the_store_it_was_made_of(void **state)
{
    fixture *f = *state;
    char backup[FOLDER_PATH_SIZE * 2], restored[FOLDER_PATH_SIZE * 2];
    uint8_t before[CH_HASH_SIZE], after[CH_HASH_SIZE];
    snprintf(backup, sizeof backup, "%s/backup", f->base);
    snprintf(restored, sizeof restored, "%s/restored", f->base);
    for (int i = 0; i < 20; i++) {
        ledger_open(&f->ledger, "hotline/1", NULL);
    }
    assert_ok(ch_state_hash(f->store->state, before, &f->error), &f->error);
    assert_ok(ch_store_backup(f->store, NULL, backup, &f->error), &f->error);
    assert_int_equal(rename(backup, restored), 0);
    assert_int_equal(rename(in_folder(f->base, "backup.keys"), in_folder(restored, "keys")), 0);
    f->options.dir = restored;
    assert_ok(reopen(f), &f->error);
    assert_ok(ch_state_hash(f->store->state, after, &f->error), &f->error);
    assert_memory_equal(before, after, CH_HASH_SIZE);
    ledger_open(&f->ledger, "hotline/1", NULL);
}

static bool is_marked(fixture *f)
{
    char text[256];
    file_read(in_store(f, "FORMAT"), text, sizeof text);
    return strstr(text, "\nbackup\n") != NULL;
}

/* The store as a backup of it, put in its place. */
static void restore(fixture *f, const char *name)
{
    char backup[FOLDER_PATH_SIZE * 2], keys[FOLDER_PATH_SIZE * 2 + 8];
    snprintf(backup, sizeof backup, "%s/%s", f->base, name);
    snprintf(keys, sizeof keys, "%s.keys", backup);
    assert_ok(ch_store_backup(f->store, NULL, backup, &f->error), &f->error);
    close_store(f);
    memcpy(f->dir, backup, sizeof f->dir);
    assert_int_equal(rename(keys, in_store(f, "keys")), 0);
}

static void a_backup_that_cannot_be_served_keeps_its_mark(void **state)
{
    fixture *f = *state;
    assert_false(is_marked(f));
    restore(f, "backup");
    assert_true(is_marked(f));
    f->options.hub_code = "HZ";
    assert_status(reopen(f), CH_INVALID);
    f->options.hub_code = "ZJ";
    assert_int_equal(rename(in_store(f, "keys"), in_store(f, "elsewhere")), 0);
    assert_status(reopen(f), CH_CORRUPT);
    assert_true(is_marked(f));
    assert_int_equal(rmdir(in_store(f, "keys")), 0);
    assert_int_equal(rename(in_store(f, "elsewhere"), in_store(f, "keys")), 0);
    assert_ok(reopen(f), &f->error);
    assert_int_equal(f->store->epoch, 2);
}

static void the_last_epoch_is_not_followed_by_the_first(void **state)
{
    fixture *f = *state;
    f->store->epoch = UINT32_MAX;
    restore(f, "backup");
    assert_status(reopen(f), CH_FULL);
    assert_true(is_marked(f));
}

static void each_restore_begins_one_epoch_and_no_start_after_it_does(void **state)
{
    fixture *f = *state;
    static const char *const backups[] = {"first", "second", "third"};
    for (uint32_t i = 0; i < 3; i++) {
        restore(f, backups[i]);
        assert_ok(reopen(f), &f->error);
        assert_int_equal(f->store->epoch, 2 + i);
        assert_false(is_marked(f));
        assert_ok(reopen(f), &f->error);
        assert_int_equal(f->store->epoch, 2 + i);
    }
}

static void a_backup_below_the_reserve_is_refused(void **state)
{
    fixture *f = *state;
    f->store->reserve_bytes = MAP * 2;
    assert_status(ch_store_backup(f->store, NULL, in_folder(f->base, "backup"), &f->error), CH_STORAGE_FULL);
    assert_int_equal(file_size(in_folder(f->base, "backup")), -1);
    f->store->reserve_bytes = 0;
    assert_true(!atomic_flag_test_and_set(&f->store->backing_up));
    assert_status(ch_store_backup(f->store, NULL, in_folder(f->base, "backup"), &f->error), CH_BUSY);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_store_open_in_another_process_is_locked),
        TEST(the_lock_alone_keeps_a_store_closed),
        TEST(a_newer_format_is_refused_and_left_untouched),
        TEST(another_hub_code_or_key_is_refused),
        TEST(what_is_made_is_for_the_owner_only),
        TEST(a_missing_or_damaged_part_is_refused),
        TEST(a_store_half_made_is_made_anew),
        TEST(a_log_without_its_format_is_not_taken_for_half_made),
        TEST(a_log_cut_short_is_refused_whole),
        TEST(a_state_that_is_gone_is_folded_again),
        TEST(a_rebuild_has_the_hash_of_the_live_state),
        TEST(room_below_the_reserve_is_for_urgent_work_only),
        TEST(a_secret_opens_under_its_own_case_until_it_is_erased),
        TEST(a_backup_is_what_its_manifest_says),
        TEST(a_damaged_backup_is_noticed),
        TEST(a_restored_backup_is_the_store_it_was_made_of),
        TEST(a_backup_that_cannot_be_served_keeps_its_mark),
        TEST(the_last_epoch_is_not_followed_by_the_first),
        TEST(each_restore_begins_one_epoch_and_no_start_after_it_does),
        TEST(a_backup_below_the_reserve_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
