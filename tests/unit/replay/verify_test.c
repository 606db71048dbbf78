#include "tests/unit/replay/rig.h"

#include <inttypes.h>
#include <sodium.h>
#include <sys/stat.h>

#define RECORDS 40

static void flip(const char *store, long at, uint8_t mask)
{
    file_flip(in_folder(store, "log/data.mdb"), at, mask);
}

/* Nothing of a damaged log may be called good beyond the record before the first bad one. */
static void assert_first_bad(rig *self, uint64_t sequence)
{
    char number[24];
    assert_code(self, 65);
    assert_string_equal(rig_field(self, "ok"), "false");
    assert_string_equal(rig_field(self, "state_hash"), "null");
    snprintf(number, sizeof number, "%" PRIu64, sequence);
    assert_string_equal(rig_field(self, "first_bad"), number);
    snprintf(number, sizeof number, "%" PRIu64, sequence - 1);
    assert_string_equal(rig_field(self, "good"), number);
}

static void every_flipped_byte_of_a_record_names_the_record(void **state)
{
    static const uint64_t sequences[] = {1, 2, 17, 39, 40};
    static const long places[] = {0,  3,  4,  5,  6,  8,  15, 16, 23,  24, 32,
                                  36, 40, 43, 44, 48, 63, 64, 96, 127, 128};
    rig *self = *state;
    rig_fill(self, RECORDS);
    char *copy = rig_copy(self, "copy");
    for (size_t i = 0; i < sizeof sequences / sizeof *sequences; i++) {
        size_t size;
        long at = rig_find(self, copy, sequences[i], &size);
        for (size_t k = 0; k <= sizeof places / sizeof *places; k++) {
            long place = k < sizeof places / sizeof *places ? places[k] : (long)size - 1;
            flip(copy, at + place, (uint8_t)(1u << k % 8));
            rig_run(self, "verify", "--store", copy, "--json");
            assert_first_bad(self, sequences[i]);
            flip(copy, at + place, (uint8_t)(1u << k % 8));
        }
    }
    rig_run(self, "verify", "--store", copy, "--json");
    assert_code(self, 0);
}

static void a_flipped_byte_of_a_key_names_the_record(void **state)
{
    rig *self = *state;
    size_t size;
    rig_fill(self, RECORDS);
    char *copy = rig_copy(self, "copy");
    for (uint64_t sequence = 1; sequence <= RECORDS; sequence += 13) {
        long at = rig_find(self, copy, sequence, &size);
        for (long place = -8; place < 0; place++) {
            flip(copy, at + place, 0x40);
            rig_run(self, "verify", "--store", copy, "--json");
            assert_code(self, 65);
            assert_string_equal(rig_field(self, "state_hash"), "null");
            flip(copy, at + place, 0x40);
        }
    }
}

/* Pages' own bytes too: either they were of no use, and everything is as before, or something is found. */
static void no_flipped_byte_of_the_file_makes_something_else_look_good(void **state)
{
    rig *self = *state;
    char chain[256], hash[256];
    ch_random_seeded places;
    ch_random_seeded_init(&places, 11);
    rig_fill(self, RECORDS);
    char *copy = rig_copy(self, "copy");
    long size = file_size(in_folder(copy, "log/data.mdb"));
    rig_run(self, "verify", "--store", copy, "--json");
    assert_code(self, 0);
    snprintf(chain, sizeof chain, "%s", rig_field(self, "chain"));
    snprintf(hash, sizeof hash, "%s", rig_field(self, "state_hash"));
    for (int i = 0; i < 200; i++) {
        /* Half of them near the beginnings of pages, where the structure is. */
        long at = (long)ch_random_below(&places, (uint64_t)size);
        at = i % 2 == 0 ? at : at / 4096 * 4096 + at % 200;
        at = at < size ? at : size - 1;
        flip(copy, at, 0x10);
        rig_run(self, "verify", "--store", copy, "--json");
        if (self->code == 0) {
            assert_string_equal(rig_field(self, "chain"), chain);
            assert_string_equal(rig_field(self, "state_hash"), hash);
        } else {
            assert_true(self->code >= 65 && self->code <= 77);
            assert_null(strstr(self->out, hash));
        }
        flip(copy, at, 0x10);
    }
}

static void a_log_cut_short_is_told(void **state)
{
    rig *self = *state;
    rig_fill(self, RECORDS);
    char *copy = rig_copy(self, "copy");
    char file[FOLDER_PATH_SIZE * 2];
    snprintf(file, sizeof file, "%s", in_folder(copy, "log/data.mdb"));
    long size = file_size(file);
    static const long eighths[] = {7, 4, 1, 0};
    for (size_t i = 0; i < sizeof eighths / sizeof *eighths; i++) {
        file_cut(file, size * eighths[i] / 8);
        rig_run(self, "verify", "--store", copy, "--json");
        assert_code(self, 65);
        assert_says(self->err, "data.mdb");
    }
}

static void a_damaged_record_is_told_with_the_cases_that_it_affects(void **state)
{
    rig *self = *state;
    size_t size;
    rig_fill(self, RECORDS);
    char *copy = rig_copy(self, "copy");
    /* Version 2 of the case that record 11's event belongs to; later ones are there. */
    flip(copy, rig_find(self, copy, 7, &size) + 130, 1);
    rig_run(self, "verify", "--store", copy);
    assert_code(self, 65);
    assert_says(self->out, "record 7: damaged");
    assert_says(self->out, "by its head it is version 2 of the case with number 2");
    assert_says(self->out, "affects case ZJ-20261123-2 from version 2 on");
    assert_null(strstr(self->out, "affects case ZJ-20261123-3"));
    assert_says(self->out, "good              6\n");
    assert_says(self->out, "last              40\n");
}

/* Appends a record that is whole by itself. */
static void append_forged(rig *self, const uint8_t chain_before[CH_HASH_SIZE], uint32_t version,
                          int64_t recorded_ms)
{
    ledger *of = &self->ledger;
    char id[CH_CASE_ID_SIZE];
    uint8_t chain[CH_HASH_SIZE];
    ch_buf encoded, bytes;
    ch_case_id_format(id, "ZJ", LEDGER_START_MS, 480, 1, false);
    ch_buf_init(&encoded, 65536);
    ch_buf_init(&bytes, 65536);
    const ch_event event = {.id = CH_STR("forged"),
                            .source = CH_STR("hotline/1"),
                            .type = CH_STR("case.noted"),
                            .time_ms = recorded_ms,
                            .recorded_ms = recorded_ms,
                            .subject = ch_str_of(id),
                            .expected_version = -1,
                            .sequence = of->now.sequence + 1,
                            .epoch = 1,
                            .topic = CH_STR("case.noted.hotline._._"),
                            .case_version = version,
                            .case_state = CH_CASE_RECEIVED,
                            .cycle = 1,
                            .actor = CH_STR("forger")};
    ch_event_store(&encoded, &event);
    ch_record record = {.sequence = event.sequence,
                        .case_number = 1,
                        .recorded_ms = recorded_ms,
                        .epoch = 1,
                        .case_version = version,
                        .public_part = ch_buf_str(&encoded)};
    memcpy(chain, chain_before, CH_HASH_SIZE);
    ch_record_encode(&bytes, &record, chain);
    uint32_t size = (uint32_t)bytes.size;
    assert_ok(ch_event_log_append(self->store->log, event.sequence, ch_buf_str(&bytes), &size, 1, chain,
                                  recorded_ms, &self->error),
              &self->error);
    of->now.sequence++;
    memcpy(of->now.chain, chain, CH_HASH_SIZE);
    ch_buf_done(&encoded);
    ch_buf_done(&bytes);
}

static void a_record_of_another_chain_is_found(void **state)
{
    static const uint8_t other[CH_HASH_SIZE] = {1};
    rig *self = *state;
    rig_fill(self, 8);
    append_forged(self, other, self->ledger.now.versions[1] + 1, LEDGER_START_MS + 9000);
    rig_run(self, "verify", "--store", self->dir, "--json");
    assert_first_bad(self, 9);
    assert_says(self->out, "\"finding\":\"chain\",\"sequence\":9");
}

static void a_version_that_does_not_follow_is_found(void **state)
{
    rig *self = *state;
    rig_fill(self, 8);
    append_forged(self, self->ledger.now.chain, self->ledger.now.versions[1] + 2, LEDGER_START_MS + 9000);
    rig_run(self, "verify", "--store", self->dir, "--json");
    assert_first_bad(self, 9);
    assert_says(self->out, "\"finding\":\"version\",\"sequence\":9,\"case\":\"ZJ-20261123-1\"");
}

static void a_time_that_goes_back_is_found(void **state)
{
    rig *self = *state;
    rig_fill(self, 8);
    append_forged(self, self->ledger.now.chain, self->ledger.now.versions[1] + 1, LEDGER_START_MS);
    rig_run(self, "verify", "--store", self->dir, "--json");
    assert_first_bad(self, 9);
    assert_says(self->out, "\"finding\":\"time\"");
}

/* Whole, in the chain, in order: only the fold knows that there is no such handoff. */
static void a_record_that_cannot_be_folded_is_found(void **state)
{
    rig *self = *state;
    rig_fill(self, 8);
    self->ledger.state = NULL;
    ledger_move(&self->ledger, 1, 77, "handoff.accepted", 0);
    rig_run(self, "verify", "--store", self->dir, "--json");
    assert_first_bad(self, 9);
    assert_says(self->out, "\"finding\":\"fold\",\"sequence\":9,\"case\":\"ZJ-20261123-1\"");
}

static void a_whole_log_tells_where_it_ends_and_the_hash_of_its_fold(void **state)
{
    rig *self = *state;
    uint8_t hash[CH_HASH_SIZE];
    char hex[2 * CH_HASH_SIZE + 1], quoted[2 * CH_HASH_SIZE + 3];
    rig_fill(self, RECORDS);
    rig_run(self, "--json", "verify", "--store", self->dir);
    assert_code(self, 0);
    assert_int_equal(rig_lines(self->out), 1);
    assert_string_equal(rig_field(self, "ok"), "true");
    assert_string_equal(rig_field(self, "last"), "40");
    assert_string_equal(rig_field(self, "records"), "40");
    assert_string_equal(rig_field(self, "epoch"), "1");
    assert_ok(ch_state_hash(self->store->state, hash, &self->error), &self->error);
    sodium_bin2hex(hex, sizeof hex, hash, sizeof hash);
    snprintf(quoted, sizeof quoted, "\"%s\"", hex);
    assert_string_equal(rig_field(self, "state_hash"), quoted);
    sodium_bin2hex(hex, sizeof hex, self->ledger.now.chain, CH_HASH_SIZE);
    snprintf(quoted, sizeof quoted, "\"%s\"", hex);
    assert_string_equal(rig_field(self, "chain"), quoted);
}

static void an_empty_log_is_whole(void **state)
{
    rig *self = *state;
    rig_run(self, "verify", "--store", self->dir, "--json");
    assert_code(self, 0);
    assert_string_equal(rig_field(self, "last"), "0");
}

static void a_running_hub_goes_on_writing_and_is_not_disturbed(void **state)
{
    rig *self = *state;
    struct stat before, after;
    rig_fill(self, 12);
    assert_ok(ch_state_commit(self->store->state, &self->error), &self->error);
    assert_int_equal(stat(in_folder(self->dir, "state/data.mdb"), &before), 0);
    size_t entries = rig_entries(self->dir);
    for (uint64_t last = 12; last <= 48; last += 12) {
        char number[24];
        rig_fill(self, last);
        rig_run(self, "verify", "--store", self->dir, "--json");
        assert_code(self, 0);
        snprintf(number, sizeof number, "%" PRIu64, last);
        assert_string_equal(rig_field(self, "last"), number);
    }
    assert_int_equal(stat(in_folder(self->dir, "state/data.mdb"), &after), 0);
    assert_int_equal(before.st_mtime, after.st_mtime);
    assert_int_equal(rig_entries(self->dir), entries);
    assert_int_equal(rig_entries(self->base), 2);
}

static void a_backup_is_checked_against_its_manifest_too(void **state)
{
    rig *self = *state;
    char dir[FOLDER_PATH_SIZE * 2];
    size_t size;
    rig_fill(self, RECORDS);
    snprintf(dir, sizeof dir, "%s", in_folder(self->base, "backup"));
    assert_ok(ch_store_backup(self->store, NULL, dir, &self->error), &self->error);
    rig_run(self, "verify", "--store", dir, "--json");
    assert_code(self, 0);
    assert_string_equal(rig_field(self, "kind"), "\"backup\"");
    flip(dir, rig_find(self, dir, 20, &size) + 100, 4);
    rig_run(self, "verify", "--store", dir, "--json");
    assert_first_bad(self, 20);
    assert_says(self->out, "\"finding\":\"backup\"");
    flip(dir, rig_find(self, dir, 20, &size) + 100, 4);
    file_write(in_folder(dir, "MANIFEST"), "casehub-backup 1\nhub ZJ\n");
    rig_run(self, "verify", "--store", dir, "--json");
    assert_code(self, 65);
}

static void a_changed_sealed_part_is_found(void **state)
{
    rig *self = *state;
    size_t size;
    rig_fill(self, 8);
    uint64_t sequence = rig_seal(self, "the lamp is out", "Wang");
    rig_fill(self, 12);
    char *copy = rig_copy(self, "copy");
    flip(copy, rig_find(self, copy, sequence, &size) + (long)size - 3, 1);
    rig_run(self, "verify", "--store", copy, "--json");
    assert_first_bad(self, sequence);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
        TEST(every_flipped_byte_of_a_record_names_the_record),
        TEST(a_flipped_byte_of_a_key_names_the_record),
        TEST(no_flipped_byte_of_the_file_makes_something_else_look_good),
        TEST(a_log_cut_short_is_told),
        TEST(a_damaged_record_is_told_with_the_cases_that_it_affects),
        TEST(a_record_of_another_chain_is_found),
        TEST(a_version_that_does_not_follow_is_found),
        TEST(a_time_that_goes_back_is_found),
        TEST(a_record_that_cannot_be_folded_is_found),
        TEST(a_changed_sealed_part_is_found),
        TEST(a_whole_log_tells_where_it_ends_and_the_hash_of_its_fold),
        TEST(an_empty_log_is_whole),
        TEST(a_running_hub_goes_on_writing_and_is_not_disturbed),
        TEST(a_backup_is_checked_against_its_manifest_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
