/* Archives: whatever happens to the file is noticed, and what is whole behind it is still read. */
#include "tests/unit/check.h"
#include "tests/unit/store/folder.h"
#include "tests/unit/store/ledger.h"

#include "hub/store/archive_reader.h"
#include "hub/store/archive_writer.h"
#include "hub/store/crc32c.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAP ((size_t)16 << 20)
#define RECORDS 12
#define BYTES_MOST 16384

typedef struct fixture {
    char dir[FOLDER_PATH_SIZE], path[32];
    ch_event_log *log;
    int fd;                        /* the file is in memory: it is written anew many thousand times */
    uint8_t whole[BYTES_MOST + 1]; /* the archive */
    size_t size;
    ch_error error;
} fixture;

static void write_bytes(const fixture *f, const uint8_t *bytes, size_t size)
{
    assert_int_equal(ftruncate(f->fd, (off_t)size), 0);
    assert_int_equal(pwrite(f->fd, bytes, size, 0), size);
}

static void write_log(fixture *f)
{
    ledger of;
    ledger_init(&of, f->log, NULL);
    uint64_t number = ledger_open(&of, "hotline/81890", "R-1");
    while (of.now.sequence < RECORDS) {
        ledger_note(&of, number);
    }
    ledger_done(&of);
    f->error = (ch_error){.status = CH_OK};
}

/* These records of the log, in this order; all of them go into one block. */
static void put_records(fixture *f, const uint64_t *sequences, size_t count, ch_archive_writer *writer)
{
    ch_log_reader *reader;
    ch_record record;
    assert_ok(ch_log_reader_open(&reader, f->log, &f->error), &f->error);
    for (size_t i = 0; i < count; i++) {
        assert_ok(ch_log_reader_seek(reader, sequences[i], &record, &f->error), &f->error);
        assert_ok(ch_archive_writer_put(writer, &record, &f->error), &f->error);
    }
    ch_log_reader_close(reader);
}

static void write_archive(fixture *f, const uint64_t *sequences, size_t count)
{
    ch_archive_head head = {.hub_code = "ZJ", .epoch = 1, .first = 1, .last = RECORDS};
    ch_archive_writer *writer;
    ch_archive_foot foot;
    memcpy(head.chain, ch_event_log_chain(f->log), CH_HASH_SIZE);
    FILE *file = fopen(f->path, "wb");
    assert_non_null(file);
    assert_ok(ch_archive_writer_new(&writer, file, f->path, &head, &f->error), &f->error);
    put_records(f, sequences, count, writer);
    assert_ok(ch_archive_writer_finish(writer, &foot, &f->error), &f->error);
    ch_archive_writer_free(writer);
    fclose(file);
}

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    uint64_t all[RECORDS];
    assert_non_null(f);
    folder_make(f->dir);
    f->fd = memfd_create("archive", MFD_CLOEXEC);
    assert_true(f->fd >= 0);
    snprintf(f->path, sizeof f->path, "/proc/self/fd/%d", f->fd);
    assert_ok(ch_event_log_open(&f->log, f->dir, &(ch_event_log_options){.map_bytes = MAP}, &f->error),
              &f->error);
    write_log(f);
    for (size_t i = 0; i < RECORDS; i++) {
        all[i] = i + 1;
    }
    write_archive(f, all, RECORDS);
    f->size = (size_t)file_size(f->path);
    assert_true(f->size > 0 && f->size <= BYTES_MOST);
    assert_int_equal(pread(f->fd, f->whole, f->size, 0), f->size);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    ch_event_log_close(f->log);
    close(f->fd);
    folder_remove(f->dir);
    free(f);
    return 0;
}

/* Reads all that is there. The first failure, or CH_OK; never goes on for ever, and says of damage where it is. */
static ch_status read_all(fixture *f, size_t *out_records)
{
    ch_archive_reader *reader;
    ch_record record;
    uint64_t before = 0;
    *out_records = 0;
    ch_status found = ch_archive_reader_open(&reader, f->path, &f->error);
    if (found != CH_OK) {
        assert_true(f->error.text[0] != '\0');
        return found;
    }
    for (size_t calls = 0;; calls++) {
        ch_status status = ch_archive_reader_next(reader, &record, &f->error);
        assert_true(calls < 4 * RECORDS);
        if (status == CH_END) {
            break;
        }
        if (status == CH_OK) {
            assert_true(record.sequence > before && record.sequence <= RECORDS);
            before = record.sequence;
            ++*out_records;
            continue;
        }
        ch_archive_damage damage = ch_archive_reader_damage(reader);
        assert_true(damage.at_end || (damage.first <= damage.until && damage.until <= RECORDS));
        assert_true(f->error.text[0] != '\0');
        found = found == CH_OK ? status : found;
    }
    ch_archive_reader_close(reader);
    return found;
}

static void wherever_it_is_cut_an_error_tells(void **state)
{
    fixture *f = *state;
    size_t records;
    for (size_t size = 0; size < f->size; size++) {
        write_bytes(f, f->whole, size);
        if (read_all(f, &records) != CH_CORRUPT) {
            fail_msg("cut to %zu bytes of %zu: %zu records and no error", size, f->size, records);
        }
    }
}

static void whichever_byte_is_turned_an_error_tells(void **state)
{
    static const uint8_t masks[] = {0x01, 0x80, 0xff};
    fixture *f = *state;
    size_t records;
    for (size_t at = 0; at < f->size; at++) {
        for (size_t i = 0; i < sizeof masks; i++) {
            f->whole[at] ^= masks[i];
            write_bytes(f, f->whole, f->size);
            f->whole[at] ^= masks[i];
            ch_status status = read_all(f, &records);
            if (status != CH_CORRUPT && !(status == CH_UNSUPPORTED && at / 2 == 4)) {
                fail_msg("byte %zu, mask %02x: %s after %zu records", at, masks[i], ch_status_name(status),
                         records);
            }
        }
    }
}

static void what_stands_behind_the_end_is_told(void **state)
{
    fixture *f = *state;
    size_t records;
    f->whole[f->size] = 0;
    write_bytes(f, f->whole, f->size + 1);
    assert_status(read_all(f, &records), CH_CORRUPT);
    assert_int_equal(records, RECORDS);
}

/* Its maker can make every checksum right. Fields of a block, at their places in the format. */
static void a_block_that_lies_about_itself_is_told_although_its_checksums_are_right(void **state)
{
    static const struct {
        size_t at;
        uint32_t value;
    } lies[] = {{12, 2},          {12, RECORDS + 1}, {16, 1},        {16, RECORDS - 1}, {16, RECORDS + 1},
                {16, UINT32_MAX}, {20, 1},           {20, 8u << 20}, {20, UINT32_MAX},  {24, 1},
                {24, 16u << 20},  {24, UINT32_MAX},  {28, 1}};
    fixture *f = *state;
    uint8_t kept[CH_ARCHIVE_BLOCK_SIZE], *block = f->whole + CH_ARCHIVE_HEAD_SIZE;
    size_t records;
    memcpy(kept, block, sizeof kept);
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        ch_put_be32(block + lies[i].at, lies[i].value);
        ch_put_be32(block + 4, ch_crc32c(0, block + 8, CH_ARCHIVE_BLOCK_SIZE - 8));
        write_bytes(f, f->whole, f->size);
        ch_status status = read_all(f, &records);
        if (status != CH_CORRUPT) {
            fail_msg("lie %zu: %s after %zu records", i, ch_status_name(status), records);
        }
        memcpy(block, kept, sizeof kept);
    }
}

static void records_out_of_their_order_are_told(void **state)
{
    static const uint64_t orders[][3] = {{2, 1, 3}, {1, 3, 2}, {1, 12, 2}, {1, 2, 2}, {12, 11, 10}};
    fixture *f = *state;
    size_t records;
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
        write_archive(f, orders[i], 3);
        assert_status(read_all(f, &records), CH_CORRUPT);
        assert_true(records < 3);
    }
}

static void an_untouched_archive_gives_every_record(void **state)
{
    fixture *f = *state;
    size_t records;
    assert_ok(read_all(f, &records), &f->error);
    assert_int_equal(records, RECORDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(wherever_it_is_cut_an_error_tells),
        TEST(whichever_byte_is_turned_an_error_tells),
        TEST(what_stands_behind_the_end_is_told),
        TEST(a_block_that_lies_about_itself_is_told_although_its_checksums_are_right),
        TEST(records_out_of_their_order_are_told),
        TEST(an_untouched_archive_gives_every_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
