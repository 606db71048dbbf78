/* state and diff --at: what was known at a moment is what the hub itself knew when it had come so far. */
#include "tests/unit/replay/rig.h"

#include <inttypes.h>

#define RECORDS 40
#define CASE_1 "ZJ-20261123-1"

static void ask(rig *self, const char *as_of, const char *what, const char *value)
{
    char *words[] = {(char *)"casehub-replay",
                     (char *)"state",
                     (char *)"--store",
                     self->dir,
                     (char *)"--json",
                     (char *)"--as-of",
                     (char *)as_of,
                     (char *)(uintptr_t)what,
                     (char *)(uintptr_t)value,
                     NULL};
    rig_run_words(self, words);
}

static void assert_refused_with(rig *self, int code, const char *said)
{
    assert_code(self, code);
    assert_says(self->err, said);
    assert_string_equal(self->out, "");
}

static void what_is_asked_must_be_clear(void **state)
{
    rig *self = *state;
    rig_fill(self, RECORDS);
    ask(self, "12", NULL, NULL);
    assert_refused_with(self, 64, "state needs one of --case, --party and --hash");
    rig_run(self, "state", "--store", self->dir, "--hash", "--case", CASE_1);
    assert_refused_with(self, 64, "state needs one of --case, --party and --hash");
    ask(self, "yesterday", "--hash", NULL);
    assert_refused_with(self, 64, "--as-of yesterday: neither a sequence nor a time");
    rig_run(self, "verify", "--store", self->dir, "--as-of", "12");
    assert_refused_with(self, 64, "--as-of does not belong to verify");
}

static void a_moment_outside_of_the_log_is_told(void **state)
{
    rig *self = *state;
    ask(self, "2026-11-23T00:00:00Z", "--hash", NULL);
    assert_refused_with(self, 66, "--as-of: the log is empty");
    rig_fill(self, RECORDS);
    ask(self, "0", "--hash", NULL);
    assert_refused_with(self, 66, "--as-of 0: the log holds the records 1 to 40");
    ask(self, "41", "--hash", NULL);
    assert_refused_with(self, 66, "--as-of 41: the log holds the records 1 to 40");
    ask(self, "2020-01-01T00:00:00Z", "--hash", NULL);
    assert_refused_with(self, 66, "the first record was recorded later, at 2026-");
}

static void a_case_that_was_not_there_yet_is_not_shown(void **state)
{
    rig *self = *state;
    rig_fill(self, RECORDS);
    ask(self, "2", "--case", "ZJ-20261123-3");
    assert_refused_with(self, 66, "--case ZJ-20261123-3: there was no such case at record 2");
    ask(self, "2", "--case", "R-3");
    assert_refused_with(self, 66, "--case R-3: there was no such case at record 2");
    ask(self, "3", "--case", "R-3");
    assert_code(self, 0);
    assert_string_equal(rig_field(self, "case"), "\"ZJ-20261123-3\"");
}

static void what_does_not_hold_every_record_gives_no_state(void **state)
{
    rig *self = *state;
    rig_path file;
    rig_fill(self, RECORDS);
    rig_keep(file, in_folder(self->base, "lines"));
    rig_run(self, "export", "--store", self->dir, "--output", file, "--format", "jsonl");
    rig_run(self, "state", "--file", file, "--hash");
    assert_refused_with(self, 64, "JSON lines are not enough for a state");
    rig_run(self, "export", "--store", self->dir, "--output", file, "--from", "5");
    rig_run(self, "state", "--file", file, "--hash");
    assert_refused_with(self, 64, "begins at record 5");
}

static void damage_hides_only_what_came_after_it(void **state)
{
    rig *self = *state;
    size_t size;
    rig_fill(self, RECORDS);
    char *copy = rig_copy(self, "damaged");
    file_flip(in_folder(copy, "log/data.mdb"), rig_find(self, copy, 21, &size) + (long)size - 3, 1);
    rig_run(self, "state", "--store", copy, "--as-of", "20", "--hash");
    assert_code(self, 0);
    rig_run(self, "state", "--store", copy, "--as-of", "21", "--hash");
    assert_refused_with(self, 65, "record 21");
}

static void live_hash(rig *self, char out[2 * CH_HASH_SIZE + 3])
{
    uint8_t hash[CH_HASH_SIZE];
    assert_ok(ch_state_hash(self->store->state, hash, &self->error), &self->error);
    out += snprintf(out, 2, "\"");
    for (size_t i = 0; i < CH_HASH_SIZE; i++) {
        out += snprintf(out, 3, "%02x", hash[i]);
    }
    snprintf(out, 2, "\"");
}

static void every_moment_has_the_hash_that_the_hubs_state_had_then(void **state)
{
    rig *self = *state;
    char hashes[RECORDS + 1][2 * CH_HASH_SIZE + 3], number[24];
    rig_path file;
    for (uint64_t i = 1; i <= RECORDS; i++) {
        rig_fill(self, i);
        live_hash(self, hashes[i]);
    }
    char *copy = rig_copy(self, "copy");
    rig_keep(file, in_folder(self->base, "archive"));
    rig_run(self, "export", "--store", self->dir, "--output", file);
    for (uint64_t i = 1; i <= RECORDS; i += 3) {
        snprintf(number, sizeof number, "%" PRIu64, i);
        ask(self, number, "--hash", NULL); /* the hub has it open */
        assert_code(self, 0);
        assert_string_equal(rig_field(self, "state_hash"), hashes[i]);
        rig_run(self, "state", "--store", copy, "--json", "--as-of", number, "--hash");
        assert_string_equal(rig_field(self, "state_hash"), hashes[i]);
        rig_run(self, "state", "--file", file, "--json", "--as-of", number, "--hash");
        assert_string_equal(rig_field(self, "state_hash"), hashes[i]);
    }
    rig_run(self, "state", "--store", self->dir, "--json", "--hash");
    assert_string_equal(rig_field(self, "state_hash"), hashes[RECORDS]);
    assert_string_equal(rig_field(self, "as_of"), "40");
    assert_int_equal(rig_entries(self->base), 4); /* store, key, copy, archive: no state is left */
}

/* Each record is a second younger than the one before. */
static void a_time_means_the_last_record_that_is_not_younger(void **state)
{
    rig *self = *state;
    char time[CH_TIME_TEXT_SIZE];
    ch_log_reader *reader;
    ch_record record;
    rig_fill(self, RECORDS);
    assert_ok(ch_log_reader_open(&reader, self->store->log, &self->error), &self->error);
    assert_ok(ch_log_reader_seek(reader, 12, &record, &self->error), &self->error);
    int64_t at_ms = record.recorded_ms;
    ch_log_reader_close(reader);
    ch_time_format(at_ms, 480, time);
    ask(self, time, "--hash", NULL);
    assert_string_equal(rig_field(self, "as_of"), "12");
    ch_time_format(at_ms - 1, 0, time);
    ask(self, time, "--hash", NULL);
    assert_string_equal(rig_field(self, "as_of"), "11");
    ask(self, "2999-01-01T00:00:00Z", "--hash", NULL);
    assert_string_equal(rig_field(self, "as_of"), "40");
}

static void a_case_is_shown_as_it_stood(void **state)
{
    rig *self = *state;
    rig_fill(self, RECORDS);
    ask(self, "1", "--case", CASE_1);
    assert_code(self, 0);
    assert_string_equal(rig_field(self, "version"), "1");
    assert_string_equal(rig_field(self, "handoffs_open"), "0");
    ask(self, "15", "--case", CASE_1);
    assert_string_equal(rig_field(self, "version"), "3");
    assert_string_equal(rig_field(self, "handoffs_open"), "1");
    assert_says(self->out, "\"handoff\":\"ZJ-20261123-1/h1\"");
    rig_run(self, "state", "--store", self->dir, "--as-of", "20", "--case", CASE_1);
    assert_code(self, 0);
    assert_says(self->out, "as of             record 20, 2026-");
    assert_says(self->out, "version           4");
    assert_says(self->out, "accepted");
}

static void an_inbox_holds_what_was_open_then(void **state)
{
    rig *self = *state;
    rig_fill(self, RECORDS);
    ask(self, "5", "--party", "grid");
    assert_code(self, 0);
    assert_string_equal(self->out, "");
    ask(self, "10", "--party", "grid");
    size_t of_grid = rig_lines(self->out);
    assert_says(self->out, "\"state\":\"offered\"");
    ask(self, "10", "--party", "water-rescue");
    assert_int_equal(of_grid + rig_lines(self->out), RIG_CASES);
    rig_run(self, "state", "--store", self->dir, "--as-of", "15", "--party", "grid");
    assert_code(self, 0);
    assert_int_equal(rig_lines(self->out), of_grid + 3);
    assert_says(self->out, "accepted");
}

static void moments_in_the_wrong_order_are_refused(void **state)
{
    rig *self = *state;
    rig_fill(self, RECORDS);
    rig_run(self, "diff", "--store", self->dir, "--at", "12", "--at", "11");
    assert_refused_with(self, 64, "the second moment lies before the first");
    rig_run(self, "diff", "--store", self->dir, "--at", "12", "--at", "2020-01-01T00:00:00Z");
    assert_refused_with(self, 64, "the second moment lies before the first");
    rig_run(self, "diff", "--store", self->dir, "--at", "12", "--at", "41");
    assert_refused_with(self, 66, "--at 41: the log holds the records 1 to 40");
}

static void between_a_moment_and_itself_nothing_changes(void **state)
{
    rig *self = *state;
    rig_fill(self, RECORDS);
    rig_run(self, "diff", "--store", self->dir, "--json", "--at", "12", "--at", "12");
    assert_code(self, 0);
    assert_string_equal(self->out, "{\"from\":12,\"to\":12,\"changed\":0,\"new\":0}\n");
}

/* 1 to 5 open the cases, 6 to 10 offer each, 11 to 15 accept. */
static void two_moments_differ_in_the_cases_that_changed_between_them(void **state)
{
    rig *self = *state;
    rig_fill(self, RECORDS);
    rig_run(self, "diff", "--store", self->dir, "--json", "--at", "4", "--at", "6");
    assert_code(self, 0);
    assert_int_equal(rig_lines(self->out), 3);
    assert_says(self->out, "{\"case\":\"ZJ-20261123-5\",\"new\":true,\"state\":\"received\",\"version\":1,"
                           "\"handoffs\":[]}\n");
    assert_says(self->out, "\"new\":false,\"state_before\":\"received\",\"version_before\":1,");
    assert_says(self->out,
                "\"version\":2,\"handoffs\":[{\"handoff\":\"" CASE_1 "/h1\",\"party\":\"water-rescue\","
                "\"state\":\"offered\"}]}\n{\"from\":4,\"to\":6,\"changed\":1,\"new\":1}\n");
    rig_run(self, "diff", "--store", self->dir, "--at", "10", "--at", "11");
    assert_code(self, 0);
    assert_says(self->out, "h1 water-rescue: offered > accepted;");
    assert_says(self->out, "From record 10 to record 11: 1 cases changed, 0 are new.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
        TEST(what_is_asked_must_be_clear),
        TEST(a_moment_outside_of_the_log_is_told),
        TEST(a_case_that_was_not_there_yet_is_not_shown),
        TEST(what_does_not_hold_every_record_gives_no_state),
        TEST(damage_hides_only_what_came_after_it),
        TEST(every_moment_has_the_hash_that_the_hubs_state_had_then),
        TEST(a_time_means_the_last_record_that_is_not_younger),
        TEST(a_case_is_shown_as_it_stood),
        TEST(an_inbox_holds_what_was_open_then),
        TEST(moments_in_the_wrong_order_are_refused),
        TEST(between_a_moment_and_itself_nothing_changes),
        TEST(two_moments_differ_in_the_cases_that_changed_between_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
