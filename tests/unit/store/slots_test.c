#include "tests/unit/check.h"
#include "tests/unit/store/folder.h"

#include "hub/store/slots.h"

#include <stdio.h>

#define PLACE_OF(number) (8192 + ((number)-1) * 64)

static const uint8_t hub_key[CH_KEY_SIZE] = {1, 2, 3};

typedef struct fixture {
    char dir[FOLDER_PATH_SIZE];
    const char *path;
    ch_random_seeded seeded;
    ch_slots *slots;
    ch_error error;
} fixture;

static void open_again(fixture *f)
{
    ch_slots_close(f->slots);
    f->slots = NULL;
    assert_ok(ch_slots_open(&f->slots, f->path, hub_key, &f->seeded.random, &f->error), &f->error);
}

static int setup(void **state)
{
    static fixture f;
    memset(&f, 0, sizeof f);
    folder_make(f.dir);
    f.path = in_folder(f.dir, "cases.slots");
    ch_random_seeded_init(&f.seeded, 7);
    open_again(&f);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    ch_slots_close(f->slots);
    folder_remove(f->dir);
    return 0;
}

static void a_slot_that_was_never_made_is_not_found(void **state)
{
    fixture *f = *state;
    uint8_t key[CH_KEY_SIZE];
    assert_status(ch_slots_key(f->slots, 1, key), CH_NOT_FOUND);
    assert_ok(ch_slots_prepare(f->slots, 1, &f->error), &f->error);
    assert_status(ch_slots_key(f->slots, 0, key), CH_NOT_FOUND);
    assert_status(ch_slots_key(f->slots, 4097, key), CH_NOT_FOUND);
    assert_status(ch_slots_key(f->slots, 4096, key), CH_OK);
}

static void an_erased_slot_stays_erased(void **state)
{
    fixture *f = *state;
    uint8_t key[CH_KEY_SIZE], bytes[64], zeros[64] = {0};
    assert_ok(ch_slots_prepare(f->slots, 10, &f->error), &f->error);
    assert_status(ch_slots_key(f->slots, 5, key), CH_OK);
    assert_ok(ch_slots_erase(f->slots, 5, &f->error), &f->error);
    assert_status(ch_slots_key(f->slots, 5, key), CH_ERASED);
    assert_status(ch_slots_key(f->slots, 6, key), CH_OK);
    open_again(f);
    assert_status(ch_slots_key(f->slots, 5, key), CH_ERASED);
    assert_ok(ch_slots_prepare(f->slots, 5000, &f->error), &f->error);
    assert_status(ch_slots_key(f->slots, 5, key), CH_ERASED);
    FILE *file = fopen(f->path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, PLACE_OF(5), SEEK_SET), 0);
    assert_int_equal(fread(bytes, 1, 64, file), 64);
    fclose(file);
    assert_memory_equal(bytes, zeros, 64);
}

static void erasing_what_was_never_made_is_refused(void **state)
{
    fixture *f = *state;
    assert_status(ch_slots_erase(f->slots, 1, &f->error), CH_NOT_FOUND);
}

static void a_damaged_slot_is_never_served(void **state)
{
    fixture *f = *state;
    uint8_t key[CH_KEY_SIZE];
    assert_ok(ch_slots_prepare(f->slots, 64, &f->error), &f->error);
    for (long byte = 0; byte < 64; byte++) {
        file_flip(f->path, PLACE_OF(1 + byte) + byte, 0x10);
        assert_status(ch_slots_key(f->slots, (uint64_t)(1 + byte), key), CH_CORRUPT);
    }
}

static void exchanged_slots_are_noticed(void **state)
{
    fixture *f = *state;
    uint8_t key[CH_KEY_SIZE], bytes[128], swapped[128];
    assert_ok(ch_slots_prepare(f->slots, 2, &f->error), &f->error);
    FILE *file = fopen(f->path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, PLACE_OF(1), SEEK_SET), 0);
    assert_int_equal(fread(bytes, 1, 128, file), 128);
    memcpy(swapped, bytes + 64, 64);
    memcpy(swapped + 64, bytes, 64);
    assert_int_equal(fseek(file, PLACE_OF(1), SEEK_SET), 0);
    assert_int_equal(fwrite(swapped, 1, 128, file), 128);
    fclose(file);
    assert_status(ch_slots_key(f->slots, 1, key), CH_CORRUPT);
    assert_status(ch_slots_key(f->slots, 2, key), CH_CORRUPT);
}

static void another_hub_key_is_refused(void **state)
{
    fixture *f = *state;
    uint8_t other[CH_KEY_SIZE] = {9};
    ch_slots *slots;
    assert_status(ch_slots_open(&slots, f->path, other, &f->seeded.random, &f->error), CH_CORRUPT);
}

static void a_file_cut_short_is_refused(void **state)
{
    fixture *f = *state;
    ch_slots *slots;
    assert_ok(ch_slots_prepare(f->slots, 1, &f->error), &f->error);
    long size = file_size(f->path);
    const long sizes[] = {0, 1, 63, 64, 4096, 8191, 8192, 8256, size / 2, size - 64, size - 1};
    for (size_t i = sizeof sizes / sizeof *sizes; i-- > 0;) {
        file_cut(f->path, sizes[i]);
        assert_status(ch_slots_open(&slots, f->path, hub_key, &f->seeded.random, &f->error), CH_CORRUPT);
    }
}

/* A power loss may leave anything behind the last synced slot: zeros there are no erasure. */
static void what_lies_behind_the_made_slots_is_made_again(void **state)
{
    fixture *f = *state;
    uint8_t key[CH_KEY_SIZE];
    assert_ok(ch_slots_prepare(f->slots, 1, &f->error), &f->error);
    file_cut(f->path, file_size(f->path) + 100 * 64 + 17);
    open_again(f);
    assert_status(ch_slots_key(f->slots, 4097, key), CH_NOT_FOUND);
    assert_ok(ch_slots_prepare(f->slots, 4097, &f->error), &f->error);
    assert_status(ch_slots_key(f->slots, 4097, key), CH_OK);
}

static void one_damaged_head_is_no_loss_but_two_are(void **state)
{
    fixture *f = *state;
    uint8_t key[CH_KEY_SIZE], before[CH_KEY_SIZE];
    ch_slots *slots;
    assert_ok(ch_slots_prepare(f->slots, 5000, &f->error), &f->error);
    assert_status(ch_slots_key(f->slots, 5000, before), CH_OK);
    file_flip(f->path, 4096, 1);
    open_again(f);
    assert_status(ch_slots_key(f->slots, 5000, key), CH_NOT_FOUND);
    assert_ok(ch_slots_prepare(f->slots, 5000, &f->error), &f->error);
    assert_status(ch_slots_key(f->slots, 5000, key), CH_OK);
    assert_memory_equal(key, before, CH_KEY_SIZE);
    file_flip(f->path, 0, 1);
    open_again(f); /* makes good the damaged one */
    assert_status(ch_slots_key(f->slots, 8192, key), CH_OK);
    file_flip(f->path, 4096, 1);
    open_again(f);
    assert_status(ch_slots_key(f->slots, 8192, key), CH_OK);
    file_flip(f->path, 0, 1);
    assert_status(ch_slots_open(&slots, f->path, hub_key, &f->seeded.random, &f->error), CH_CORRUPT);
}

static void keys_differ_and_survive(void **state)
{
    fixture *f = *state;
    uint8_t before[3][CH_KEY_SIZE], after[CH_KEY_SIZE];
    assert_ok(ch_slots_prepare(f->slots, 5000, &f->error), &f->error);
    const uint64_t numbers[] = {1, 2, 4098}; /* 2 and 4098 share a place in the cache */
    for (size_t i = 0; i < 3; i++) {
        assert_status(ch_slots_key(f->slots, numbers[i], before[i]), CH_OK);
    }
    assert_memory_not_equal(before[0], before[1], CH_KEY_SIZE);
    assert_memory_not_equal(before[1], before[2], CH_KEY_SIZE);
    open_again(f);
    for (size_t i = 0; i < 3; i++) {
        assert_status(ch_slots_key(f->slots, numbers[i], after), CH_OK);
        assert_memory_equal(after, before[i], CH_KEY_SIZE);
    }
    assert_int_equal(file_find(f->path, before[0], CH_KEY_SIZE, 0), -1);
}

static void slots_open_for_reading_are_never_made_or_erased(void **state)
{
    fixture *f = *state;
    ch_slots *reading;
    uint8_t key[CH_KEY_SIZE], same[CH_KEY_SIZE];
    assert_status(ch_slots_open_read_only(&reading, in_folder(f->dir, "none.slots"), hub_key, &f->error),
                  CH_NOT_FOUND);
    assert_int_equal(file_size(in_folder(f->dir, "none.slots")), -1);
    assert_ok(ch_slots_prepare(f->slots, 3, &f->error), &f->error);
    assert_ok(ch_slots_open_read_only(&reading, f->path, hub_key, &f->error), &f->error);
    assert_status(ch_slots_key(f->slots, 3, key), CH_OK);
    assert_status(ch_slots_key(reading, 3, same), CH_OK);
    assert_memory_equal(key, same, CH_KEY_SIZE);
    assert_status(ch_slots_prepare(reading, 5000, &f->error), CH_IO);
    assert_status(ch_slots_erase(reading, 2, &f->error), CH_IO);
    assert_status(ch_slots_key(f->slots, 2, key), CH_OK);
    ch_slots_close(reading);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_slot_that_was_never_made_is_not_found, setup, teardown),
        cmocka_unit_test_setup_teardown(an_erased_slot_stays_erased, setup, teardown),
        cmocka_unit_test_setup_teardown(erasing_what_was_never_made_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_damaged_slot_is_never_served, setup, teardown),
        cmocka_unit_test_setup_teardown(exchanged_slots_are_noticed, setup, teardown),
        cmocka_unit_test_setup_teardown(another_hub_key_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_cut_short_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(what_lies_behind_the_made_slots_is_made_again, setup, teardown),
        cmocka_unit_test_setup_teardown(one_damaged_head_is_no_loss_but_two_are, setup, teardown),
        cmocka_unit_test_setup_teardown(keys_differ_and_survive, setup, teardown),
        cmocka_unit_test_setup_teardown(slots_open_for_reading_are_never_made_or_erased, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
