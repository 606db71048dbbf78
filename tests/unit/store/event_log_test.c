#include "tests/unit/check.h"
#include "tests/unit/store/folder.h"

#include "hub/base/random.h"
#include "hub/store/event_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define MAP ((size_t)1 << 30)

typedef struct fixture {
    char dir[FOLDER_PATH_SIZE], data[FOLDER_PATH_SIZE * 2];
    ch_event_log *log;
    ch_buf records;
    ch_error error;
} fixture;

static ch_status reopen(fixture *f, size_t map_bytes)
{
    ch_event_log *log = NULL;
    ch_event_log_close(f->log);
    f->log = NULL;
    ch_status status =
        ch_event_log_open(&log, f->dir, &(ch_event_log_options){.map_bytes = map_bytes}, &f->error);
    f->log = status == CH_OK ? log : NULL;
    return status;
}

static int setup(void **state)
{
    static fixture f;
    memset(&f, 0, sizeof f);
    folder_make(f.dir);
    snprintf(f.data, sizeof f.data, "%s/data.mdb", f.dir);
    ch_buf_init(&f.records, (size_t)1 << 26);
    assert_ok(reopen(&f, MAP), &f.error);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    ch_event_log_close(f->log);
    ch_buf_done(&f->records);
    folder_remove(f->dir);
    return 0;
}

/* The public part of a record is its number, repeated to `size`. */
static ch_status append(fixture *f, size_t count, size_t size)
{
    uint32_t sizes[512];
    uint8_t chain[CH_HASH_SIZE];
    char text[65536];
    uint64_t first = ch_event_log_last(f->log) + 1;
    assert_true(count <= 512 && size < sizeof text);
    memcpy(chain, ch_event_log_chain(f->log), CH_HASH_SIZE);
    ch_buf_clear(&f->records);
    for (size_t i = 0; i < count; i++) {
        for (size_t at = 0; at < size; at += 12) {
            snprintf(text + at, sizeof text - at, "%012llu", (unsigned long long)(first + i));
        }
        ch_record record = {.sequence = first + i,
                            .recorded_ms = (int64_t)(first + i),
                            .epoch = 1,
                            .public_part = {text, size},
                            .sealed = CH_STR("sealed")};
        size_t before = f->records.size;
        ch_record_encode(&f->records, &record, chain);
        sizes[i] = (uint32_t)(f->records.size - before);
    }
    assert_int_equal(f->records.failed, CH_OK);
    return ch_event_log_append(f->log, first, ch_buf_str(&f->records), sizes, count, chain,
                               (int64_t)(first + count - 1), &f->error);
}

/* Reads to the first failure; how many were good. Every one given is checked against what was written. */
static uint64_t read_all(fixture *f, ch_status *out_end)
{
    ch_log_reader *reader;
    ch_record record;
    uint64_t good = 0;
    assert_ok(ch_log_reader_open(&reader, f->log, &f->error), &f->error);
    ch_status status;
    while ((status = ch_log_reader_next(reader, &record, &f->error)) == CH_OK) {
        char text[32];
        good++;
        snprintf(text, sizeof text, "%012llu", (unsigned long long)good);
        assert_int_equal(record.sequence, good);
        for (size_t at = 0; at < record.public_part.size; at++) {
            assert_int_equal(record.public_part.at[at], text[at % 12]);
        }
    }
    ch_log_reader_close(reader);
    *out_end = status;
    return good;
}

static void refuses_a_sequence_out_of_turn(void **state)
{
    fixture *f = *state;
    assert_ok(append(f, 3, 120), &f->error);
    const uint32_t size = 4;
    const uint8_t chain[CH_HASH_SIZE] = {0};
    const uint64_t wrong[] = {0, 3, 5};
    for (size_t i = 0; i < 3; i++) {
        ch_status status =
            ch_event_log_append(f->log, wrong[i], CH_STR("abcd"), &size, 1, chain, 0, &f->error);
        assert_status(status, CH_CONFLICT);
    }
    assert_int_equal(ch_event_log_last(f->log), 3);
    assert_false(ch_event_log_broken(f->log));
    assert_ok(append(f, 1, 120), &f->error);
}

static void keeps_what_was_appended(void **state)
{
    fixture *f = *state;
    uint8_t chain[CH_HASH_SIZE];
    ch_status end;
    uint64_t good;
    for (int i = 0; i < 20; i++) {
        assert_ok(append(f, 100, 600), &f->error);
    }
    memcpy(chain, ch_event_log_chain(f->log), CH_HASH_SIZE);
    assert_ok(reopen(f, MAP), &f->error);
    assert_int_equal(ch_event_log_last(f->log), 2000);
    assert_int_equal(ch_event_log_last_recorded_ms(f->log), 2000);
    assert_memory_equal(ch_event_log_chain(f->log), chain, CH_HASH_SIZE);
    assert_int_equal(read_all(f, &end), 2000);
    assert_status(end, CH_END);
    assert_ok(ch_event_log_verify(f->log, &good, &f->error), &f->error);
    assert_int_equal(good, 2000);
}

static void a_reader_sees_one_moment_until_it_renews(void **state)
{
    fixture *f = *state;
    ch_log_reader *reader;
    ch_record record;
    assert_ok(append(f, 5, 60), &f->error);
    assert_ok(ch_log_reader_open(&reader, f->log, &f->error), &f->error);
    assert_ok(append(f, 5, 60), &f->error);
    assert_int_equal(ch_log_reader_last(reader), 5);
    assert_status(ch_log_reader_seek(reader, 6, &record, &f->error), CH_END);
    assert_ok(ch_log_reader_seek(reader, 4, &record, &f->error), &f->error);
    assert_int_equal(record.sequence, 4);
    ch_log_reader_rest(reader);
    assert_ok(ch_log_reader_renew(reader, &f->error), &f->error);
    assert_int_equal(ch_log_reader_last(reader), 10);
    for (uint64_t expected = 5; expected <= 10; expected++) {
        assert_ok(ch_log_reader_next(reader, &record, &f->error), &f->error);
        assert_int_equal(record.sequence, expected);
    }
    assert_status(ch_log_reader_next(reader, &record, &f->error), CH_END);
    assert_status(ch_log_reader_next(reader, &record, &f->error), CH_END);
    ch_log_reader_close(reader);
}

#define COPIES_MAX 64

/* Where the record begins: all of its copies, since LMDB leaves older ones in pages that it no longer uses.
 */
static size_t find_copies(const fixture *f, uint64_t sequence, long places[COPIES_MAX])
{
    char text[61];
    uint8_t key[8];
    size_t count = 0;
    for (size_t at = 0; at < 60; at += 12) {
        snprintf(text + at, sizeof text - at, "%012llu", (unsigned long long)sequence);
    }
    ch_put_be64(key, sequence);
    long found = -1;
    while ((found = file_find(f->data, text, 60, found + 1)) >= 0 && count < COPIES_MAX) {
        long head = found - CH_RECORD_HEAD_SIZE;
        if (head > 0 && file_find(f->data, key, sizeof key, head + 8) == head + 8) {
            places[count++] = head;
        }
    }
    assert_in_range(count, 1, COPIES_MAX - 1);
    return count;
}

static void turn(fixture *f, const long *places, size_t count, long offset, uint8_t mask)
{
    ch_event_log_close(f->log);
    f->log = NULL;
    for (size_t i = 0; i < count; i++) {
        file_flip(f->data, places[i] + offset, mask);
    }
}

static void a_flipped_byte_of_any_record_is_noticed_and_never_served(void **state)
{
    fixture *f = *state;
    ch_random_seeded seeded;
    ch_status end;
    uint64_t good;
    long places[COPIES_MAX];
    ch_random_seeded_init(&seeded, 11);
    for (int i = 0; i < 4; i++) {
        assert_ok(append(f, 50, 600), &f->error);
    }
    for (int i = 0; i < 60; i++) {
        uint64_t victim = 1 + ch_random_below(&seeded, 200);
        long offset = (long)ch_random_below(&seeded, CH_RECORD_HEAD_SIZE + 600 + 6);
        uint8_t mask = (uint8_t)(1u << ch_random_below(&seeded, 8));
        size_t count = find_copies(f, victim, places);
        turn(f, places, count, offset, mask);
        ch_status opened = reopen(f, MAP);
        if (opened != CH_OK) {
            assert_status(opened, CH_CORRUPT);
            assert_true(victim >= 199); /* only the last two are looked at then */
        } else {
            assert_int_equal(read_all(f, &end), victim - 1);
            assert_true(end == CH_CORRUPT);
            assert_status(ch_event_log_verify(f->log, &good, &f->error), CH_CORRUPT);
            assert_int_equal(good, victim - 1);
        }
        turn(f, places, count, offset, mask);
        assert_ok(reopen(f, MAP), &f->error);
    }
}

static void a_record_that_breaks_the_chain_is_noticed(void **state)
{
    fixture *f = *state;
    uint64_t good;
    uint8_t chain[CH_HASH_SIZE] = {77};
    assert_ok(append(f, 2, 60), &f->error);
    ch_record record = {.sequence = 3, .public_part = CH_STR("forged"), .sealed = CH_STR_NONE};
    ch_buf_clear(&f->records);
    ch_record_encode(&f->records, &record, chain);
    const uint32_t size = (uint32_t)f->records.size;
    assert_ok(ch_event_log_append(f->log, 3, ch_buf_str(&f->records), &size, 1, chain, 3, &f->error),
              &f->error);
    assert_status(ch_event_log_verify(f->log, &good, &f->error), CH_CORRUPT);
    assert_int_equal(good, 2);
    assert_non_null(strstr(f->error.text, "record 3"));
    assert_status(reopen(f, MAP), CH_CORRUPT);
}

static void a_file_cut_short_anywhere_is_an_error_and_no_sigbus(void **state)
{
    fixture *f = *state;
    ch_random_seeded seeded;
    char whole[FOLDER_PATH_SIZE * 2];
    ch_random_seeded_init(&seeded, 3);
    for (int i = 0; i < 10; i++) {
        assert_ok(append(f, 100, 600), &f->error);
    }
    ch_log_usage usage;
    assert_status(ch_event_log_usage(f->log, &usage), CH_OK);
    ch_event_log_close(f->log);
    f->log = NULL;
    snprintf(whole, sizeof whole, "%s/whole", f->dir);
    file_copy(f->data, whole);
    for (int i = 0; i < 200; i++) {
        long size = (long)ch_random_below(&seeded, usage.used_bytes);
        size = i == 0 ? (long)usage.used_bytes - 1 : i < 8 ? i * 1024 : size;
        file_copy(whole, f->data);
        file_cut(f->data, size);
        ch_event_log_options options = {.map_bytes = MAP, .must_exist = true};
        ch_status status = ch_event_log_open(&f->log, f->dir, &options, &f->error);
        assert_status(status, CH_CORRUPT);
    }
    file_copy(whole, f->data);
    assert_ok(reopen(f, MAP), &f->error);
    assert_int_equal(ch_event_log_last(f->log), 1000);
}

static void a_log_that_should_be_there_is_not_made_anew(void **state)
{
    fixture *f = *state;
    ch_event_log *log;
    char other[FOLDER_PATH_SIZE * 2];
    snprintf(other, sizeof other, "%s/other", f->dir);
    assert_int_equal(mkdir(other, 0700), 0);
    ch_event_log_options options = {.map_bytes = MAP, .must_exist = true};
    assert_status(ch_event_log_open(&log, other, &options, &f->error), CH_CORRUPT);
    options = (ch_event_log_options){.read_only = true};
    assert_status(ch_event_log_open(&log, other, &options, &f->error), CH_CORRUPT);
    assert_int_equal(file_size(in_folder(other, "data.mdb")), -1);
}

static void a_full_map_is_told_and_reads_go_on_and_a_larger_one_goes_on(void **state)
{
    fixture *f = *state;
    ch_status status = CH_OK, end;
    size_t batches = 0;
    assert_ok(reopen(f, (size_t)1 << 20), &f->error);
    while (batches < 1000 && (status = append(f, 10, 1000)) == CH_OK) {
        batches++;
    }
    assert_status(status, CH_STORAGE_FULL);
    assert_true(batches > 10);
    assert_false(ch_event_log_broken(f->log));
    assert_int_equal(ch_event_log_last(f->log), batches * 10);
    assert_int_equal(read_all(f, &end), batches * 10);
    assert_status(end, CH_END);
    assert_ok(reopen(f, (size_t)2 << 20), &f->error);
    assert_ok(append(f, 10, 1000), &f->error);
    assert_int_equal(read_all(f, &end), batches * 10 + 10);
}

static void a_copy_made_beside_a_writer_verifies(void **state)
{
    fixture *f = *state;
    char copy_dir[FOLDER_PATH_SIZE * 2];
    ch_event_log *copy;
    uint64_t good;
    assert_ok(append(f, 100, 600), &f->error);
    snprintf(copy_dir, sizeof copy_dir, "%s/copy", f->dir);
    assert_int_equal(mkdir(copy_dir, 0700), 0);
    assert_ok(ch_event_log_copy(f->log, copy_dir, &f->error), &f->error);
    assert_ok(append(f, 100, 600), &f->error);
    assert_ok(ch_event_log_open(&copy, copy_dir, &(ch_event_log_options){.read_only = true}, &f->error),
              &f->error);
    assert_ok(ch_event_log_verify(copy, &good, &f->error), &f->error);
    assert_int_equal(good, 100);
    ch_event_log_close(copy);
}

static ch_status open_to_look(fixture *f, bool any_tail)
{
    const ch_event_log_options options = {.read_only = true, .any_tail = any_tail};
    ch_event_log_close(f->log);
    f->log = NULL;
    return ch_event_log_open(&f->log, f->dir, &options, &f->error);
}

static void a_reader_goes_on_behind_a_damaged_record_and_tells_what_its_head_claims(void **state)
{
    fixture *f = *state;
    long places[COPIES_MAX];
    ch_log_reader *reader;
    ch_record record;
    assert_ok(append(f, 5, 60), &f->error);
    turn(f, places, find_copies(f, 3, places), CH_RECORD_HEAD_SIZE + 7, 1);
    assert_ok(open_to_look(f, false), &f->error);
    assert_ok(ch_log_reader_open(&reader, f->log, &f->error), &f->error);
    assert_ok(ch_log_reader_seek(reader, 2, &record, &f->error), &f->error);
    assert_status(ch_log_reader_damaged(reader, &record), CH_NOT_FOUND);
    assert_status(ch_log_reader_next(reader, &record, &f->error), CH_CORRUPT);
    assert_status(ch_log_reader_damaged(reader, &record), CH_OK);
    assert_int_equal(record.sequence, 3);
    assert_int_equal(record.recorded_ms, 3);
    assert_null(record.public_part.at);
    for (uint64_t expected = 4; expected <= 5; expected++) {
        assert_ok(ch_log_reader_next(reader, &record, &f->error), &f->error);
        assert_int_equal(record.sequence, expected);
    }
    assert_status(ch_log_reader_next(reader, &record, &f->error), CH_END);
    ch_log_reader_close(reader);
}

static void a_damaged_end_is_opened_only_by_who_looks_for_it(void **state)
{
    fixture *f = *state;
    long places[COPIES_MAX];
    ch_log_reader *reader;
    ch_record record;
    assert_ok(append(f, 5, 60), &f->error);
    turn(f, places, find_copies(f, 5, places), 9, 1);
    assert_status(open_to_look(f, false), CH_CORRUPT);
    assert_ok(open_to_look(f, true), &f->error);
    assert_int_equal(ch_event_log_last(f->log), 0);
    assert_ok(ch_log_reader_open(&reader, f->log, &f->error), &f->error);
    assert_ok(ch_log_reader_seek(reader, 4, &record, &f->error), &f->error);
    assert_status(ch_log_reader_next(reader, &record, &f->error), CH_CORRUPT);
    ch_log_reader_close(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(refuses_a_sequence_out_of_turn, setup, teardown),
        cmocka_unit_test_setup_teardown(keeps_what_was_appended, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reader_sees_one_moment_until_it_renews, setup, teardown),
        cmocka_unit_test_setup_teardown(a_flipped_byte_of_any_record_is_noticed_and_never_served, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_record_that_breaks_the_chain_is_noticed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_cut_short_anywhere_is_an_error_and_no_sigbus, setup, teardown),
        cmocka_unit_test_setup_teardown(a_log_that_should_be_there_is_not_made_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_map_is_told_and_reads_go_on_and_a_larger_one_goes_on, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_copy_made_beside_a_writer_verifies, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_reader_goes_on_behind_a_damaged_record_and_tells_what_its_head_claims, setup, teardown),
        cmocka_unit_test_setup_teardown(a_damaged_end_is_opened_only_by_who_looks_for_it, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
