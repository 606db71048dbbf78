/* The disk itself, and the log on it. */
#include "tests/simulation/disk.h"
#include "tests/unit/check.h"
#include "tests/unit/store/folder.h"

#include "hub/store/event_log.h"
#include "hub/store/slots.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAP ((size_t)64 << 20)

typedef struct fixture {
    char dir[FOLDER_PATH_SIZE], image[FOLDER_PATH_SIZE];
    ch_error error;
} fixture;

static int setup(void **state)
{
    static fixture f;
    memset(&f, 0, sizeof f);
    folder_make(f.dir);
    folder_make(f.image);
    disk_watch(f.dir, 1);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    disk_unwatch();
    folder_remove(f->dir);
    folder_remove(f->image);
    return 0;
}

static ch_status append(ch_event_log *log, size_t count, size_t size, ch_error *error)
{
    static char text[8192];
    uint32_t sizes[64];
    uint8_t chain[CH_HASH_SIZE];
    ch_buf records;
    uint64_t first = ch_event_log_last(log) + 1;
    ch_buf_init(&records, (size_t)1 << 22);
    memcpy(chain, ch_event_log_chain(log), CH_HASH_SIZE);
    memset(text, 'x', sizeof text);
    for (size_t i = 0; i < count; i++) {
        ch_record record = {.sequence = first + i, .public_part = {text, size}};
        size_t before = records.size;
        ch_record_encode(&records, &record, chain);
        sizes[i] = (uint32_t)(records.size - before);
    }
    ch_status status = ch_event_log_append(log, first, ch_buf_str(&records), sizes, count, chain, 1, error);
    ch_buf_done(&records);
    return status;
}

static ch_event_log *open_log(fixture *f, const char *dir)
{
    ch_event_log *log;
    assert_ok(ch_event_log_open(&log, dir, &(ch_event_log_options){.map_bytes = MAP}, &f->error), &f->error);
    return log;
}

static void the_disk_stands_between_lmdb_and_the_kernel(void **state)
{
    fixture *f = *state;
    ch_event_log *log = open_log(f, f->dir);
    unsigned long writes = disk_calls(DISK_WRITE), syncs = disk_calls(DISK_SYNC);
    assert_true(writes > 0);
    assert_ok(append(log, 10, 600, &f->error), &f->error);
    assert_true(disk_calls(DISK_WRITE) > writes + 1); /* pages, and the meta page */
    assert_true(disk_calls(DISK_SYNC) > syncs);
    ch_event_log_close(log);
}

static void bytes_that_were_not_synced_may_be_lost_and_synced_ones_never(void **state)
{
    fixture *f = *state;
    int lost = 0, kept = 0;
    for (uint64_t seed = 0; seed < 64; seed++) {
        char path[FOLDER_PATH_SIZE * 2], copy[FOLDER_PATH_SIZE], text[64];
        snprintf(path, sizeof path, "%s/file", f->dir);
        folder_make(copy);
        disk_watch(f->dir, seed);
        int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        assert_int_equal(pwrite(fd, "synced ", 7, 0), 7);
        assert_int_equal(fdatasync(fd), 0);
        assert_int_equal(pwrite(fd, "not", 3, 7), 3);
        disk_power_loss(copy);
        close(fd);
        file_read(in_folder(copy, "file"), text, sizeof text);
        assert_memory_equal(text, "synced ", 7);
        lost += strcmp(text, "synced ") == 0;
        kept += strcmp(text, "synced not") == 0;
        disk_unwatch();
        unlink(path);
        folder_remove(copy);
    }
    assert_true(lost > 8 && kept > 8);
    assert_int_equal(lost + kept, 64);
}

static void writes_through_a_synchronous_descriptor_are_synced_at_once(void **state)
{
    fixture *f = *state;
    char text[64], path[FOLDER_PATH_SIZE * 2];
    snprintf(path, sizeof path, "%s/file", f->dir);
    for (uint64_t seed = 0; seed < 16; seed++) {
        char copy[FOLDER_PATH_SIZE];
        folder_make(copy);
        disk_watch(f->dir, seed);
        int fd = open(path, O_RDWR | O_CREAT | O_DSYNC | O_CLOEXEC, 0600);
        assert_int_equal(pwrite(fd, "there", 5, 0), 5);
        disk_power_loss(copy);
        close(fd);
        file_read(in_folder(copy, "file"), text, sizeof text);
        assert_string_equal(text, "there");
        disk_unwatch();
        unlink(path);
        folder_remove(copy);
    }
}

static void a_large_write_can_be_cut_at_a_sector(void **state)
{
    fixture *f = *state;
    static char bytes[4096];
    int cut = 0;
    memset(bytes, 'n', sizeof bytes);
    for (uint64_t seed = 0; seed < 64; seed++) {
        char path[FOLDER_PATH_SIZE * 2], copy[FOLDER_PATH_SIZE];
        snprintf(path, sizeof path, "%s/file", f->dir);
        folder_make(copy);
        disk_watch(f->dir, seed);
        int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        assert_int_equal(pwrite(fd, bytes, sizeof bytes, 0), sizeof bytes);
        disk_power_loss(copy);
        close(fd);
        long size = file_size(in_folder(copy, "file"));
        assert_int_equal(size % 512, 0);
        cut += size > 0 && size < 4096;
        disk_unwatch();
        unlink(path);
        folder_remove(copy);
    }
    assert_true(cut > 4);
}

static void a_full_disk_is_told_and_reads_go_on_and_room_makes_it_go_on(void **state)
{
    fixture *f = *state;
    ch_event_log *log = open_log(f, f->dir);
    uint64_t good;
    assert_ok(append(log, 10, 600, &f->error), &f->error);
    disk_fill(true);
    ch_status status = CH_OK;
    for (int i = 0; i < 100 && status == CH_OK; i++) {
        status = append(log, 40, 4000, &f->error);
    }
    assert_status(status, CH_STORAGE_FULL);
    assert_true(disk_faults() > 0);
    assert_false(ch_event_log_broken(log));
    uint64_t last = ch_event_log_last(log);
    assert_ok(ch_event_log_verify(log, &good, &f->error), &f->error);
    assert_int_equal(good, last);
    disk_fill(false);
    assert_ok(append(log, 40, 4000, &f->error), &f->error);
    assert_ok(ch_event_log_verify(log, &good, &f->error), &f->error);
    assert_int_equal(good, last + 40);
    ch_event_log_close(log);
}

/* LMDB makes EIO of a write that a full disk cut short. */
static void a_write_cut_short_by_a_full_disk_counts_as_full(void **state)
{
    fixture *f = *state;
    ch_event_log *log = open_log(f, f->dir);
    assert_ok(append(log, 10, 600, &f->error), &f->error);
    disk_fill(true);
    disk_shorten_later(1);
    assert_status(append(log, 1, 600, &f->error), CH_STORAGE_FULL);
    assert_false(ch_event_log_broken(log));
    disk_heal();
    assert_ok(append(log, 1, 600, &f->error), &f->error);
    assert_int_equal(ch_event_log_last(log), 11);
    ch_event_log_close(log);
}

static void fails_and_stays_broken(fixture *f, disk_call call, unsigned n)
{
    uint64_t good;
    ch_event_log *log = open_log(f, f->dir);
    uint64_t before = ch_event_log_last(log);
    assert_ok(append(log, 10, 600, &f->error), &f->error);
    disk_fail_later(call, n, EIO);
    assert_status(append(log, 10, 600, &f->error), CH_IO);
    assert_true(ch_event_log_broken(log));
    assert_int_equal(ch_event_log_last(log), before + 10);
    disk_heal();
    assert_status(append(log, 10, 600, &f->error), CH_IO);
    ch_event_log_close(log);
    log = open_log(f, f->dir);
    assert_ok(ch_event_log_verify(log, &good, &f->error), &f->error);
    assert_true(good == before + 10 || good == before + 20);
    assert_ok(append(log, 1, 600, &f->error), &f->error);
    ch_event_log_close(log);
}

static void an_error_of_a_sync_breaks_the_log_until_it_is_opened_again(void **state)
{
    fails_and_stays_broken(*state, DISK_SYNC, 1);
}

static void an_error_of_any_write_breaks_the_log_until_it_is_opened_again(void **state)
{
    fails_and_stays_broken(*state, DISK_WRITE, 1);
    fails_and_stays_broken(*state, DISK_WRITE, 2);
}

/* Every append is a promise: whatever the disk forgets, it is there. */
static void what_was_appended_survives_any_power_loss(void **state)
{
    fixture *f = *state;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        char dir[FOLDER_PATH_SIZE], image[FOLDER_PATH_SIZE];
        uint64_t good;
        folder_make(dir);
        folder_make(image);
        disk_watch(dir, seed);
        ch_event_log *log = open_log(f, dir);
        for (uint64_t i = 0; i < seed % 9; i++) {
            assert_ok(append(log, 1 + i, 100 * i, &f->error), &f->error);
        }
        uint64_t last = ch_event_log_last(log);
        disk_fail_later(DISK_WRITE + (disk_call)(seed % 2), 1 + (unsigned)(seed / 2 % 3), EIO);
        ch_status status = append(log, 3, 2000, &f->error);
        disk_power_loss(image);
        ch_event_log_close(log);
        disk_unwatch();
        log = open_log(f, image);
        assert_ok(ch_event_log_verify(log, &good, &f->error), &f->error);
        assert_true(good == last + 3 || (good == last && status != CH_OK));
        ch_event_log_close(log);
        folder_remove(dir);
        folder_remove(image);
    }
}

static void key_slots_survive_any_power_loss(void **state)
{
    static const uint8_t hub_key[CH_KEY_SIZE] = {4};
    fixture *f = *state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        char dir[FOLDER_PATH_SIZE], image[FOLDER_PATH_SIZE];
        uint8_t before[CH_KEY_SIZE], after[CH_KEY_SIZE];
        ch_random_seeded seeded;
        ch_slots *slots;
        ch_random_seeded_init(&seeded, seed);
        folder_make(dir);
        folder_make(image);
        disk_watch(dir, seed);
        const char *path = in_folder(dir, "slots");
        assert_ok(ch_slots_open(&slots, path, hub_key, &seeded.random, &f->error), &f->error);
        assert_ok(ch_slots_prepare(slots, 4096, &f->error), &f->error);
        assert_status(ch_slots_key(slots, 4096, before), CH_OK);
        assert_ok(ch_slots_erase(slots, 7, &f->error), &f->error);
        disk_fail_later(seed % 2 == 0 ? DISK_WRITE : DISK_SYNC, 1 + (unsigned)(seed / 2 % 2), EIO);
        assert_status(ch_slots_prepare(slots, 5000, &f->error), CH_IO);
        disk_power_loss(image);
        ch_slots_close(slots);
        disk_unwatch();
        path = in_folder(image, "slots");
        assert_ok(ch_slots_open(&slots, path, hub_key, &seeded.random, &f->error), &f->error);
        assert_status(ch_slots_key(slots, 4096, after), CH_OK);
        assert_memory_equal(before, after, CH_KEY_SIZE);
        assert_status(ch_slots_key(slots, 7, after), CH_ERASED);
        assert_ok(ch_slots_prepare(slots, 5000, &f->error), &f->error);
        for (uint64_t number = 4097; number <= 5000; number++) {
            assert_status(ch_slots_key(slots, number, after), CH_OK);
        }
        ch_slots_close(slots);
        folder_remove(dir);
        folder_remove(image);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_disk_stands_between_lmdb_and_the_kernel, setup, teardown),
        cmocka_unit_test_setup_teardown(bytes_that_were_not_synced_may_be_lost_and_synced_ones_never, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(writes_through_a_synchronous_descriptor_are_synced_at_once, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_large_write_can_be_cut_at_a_sector, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_disk_is_told_and_reads_go_on_and_room_makes_it_go_on, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_write_cut_short_by_a_full_disk_counts_as_full, setup, teardown),
        cmocka_unit_test_setup_teardown(an_error_of_a_sync_breaks_the_log_until_it_is_opened_again, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_error_of_any_write_breaks_the_log_until_it_is_opened_again, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_was_appended_survives_any_power_loss, setup, teardown),
        cmocka_unit_test_setup_teardown(key_slots_survive_any_power_loss, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
