#include "tests/unit/replay/rig.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define RECORDS 40

static void assert_sequences(rig *self, uint64_t first, uint64_t last)
{
    const char *at = self->out;
    assert_code(self, 0);
    for (uint64_t sequence = first; sequence <= last; sequence++) {
        char key[48];
        snprintf(key, sizeof key, "\"sequence\":%llu,", (unsigned long long)sequence);
        const char *end = strchr(at, '\n');
        assert_non_null(end);
        const char *found = strstr(at, key);
        assert_true(found != NULL && found < end);
        at = end + 1;
    }
    assert_string_equal(at, "");
}

static void a_damaged_record_is_not_printed_and_the_others_are(void **state)
{
    rig *self = *state;
    size_t size;
    rig_fill(self, RECORDS);
    char *copy = rig_copy(self, "copy");
    file_flip(in_folder(copy, "log/data.mdb"), rig_find(self, copy, 20, &size) + 135, 1);
    rig_run(self, "cat", "--store", copy);
    assert_code(self, 65);
    assert_int_equal(rig_lines(self->out), RECORDS - 1);
    assert_null(strstr(self->out, "\"sequence\":20,"));
    assert_says(self->err, "record 20");
}

static void events_are_printed_between_two_places(void **state)
{
    rig *self = *state;
    rig_fill(self, RECORDS);
    rig_run(self, "cat", "--store", self->dir);
    assert_sequences(self, 1, RECORDS);
    rig_run(self, "cat", "--store", self->dir, "--from", "7", "--to", "9");
    assert_sequences(self, 7, 9);
    rig_run(self, "cat", "--store", self->dir, "--from", "41");
    assert_sequences(self, 41, 40);
    rig_run(self, "cat", "--store", self->dir, "--from", "38", "--limit", "2");
    assert_sequences(self, 38, 39);
}

static void times_are_recorded_times(void **state)
{
    rig *self = *state;
    char from[CH_TIME_TEXT_SIZE], to[CH_TIME_TEXT_SIZE];
    rig_fill(self, RECORDS);
    /* Record n was recorded n - 1 seconds after the start. */
    ch_time_format(LEDGER_START_MS + 9500, 480, from);
    ch_time_format(LEDGER_START_MS + 12000, 0, to);
    rig_run(self, "cat", "--store", self->dir, "--from", from, "--to", to);
    assert_sequences(self, 11, 13);
    ch_time_format(LEDGER_START_MS + 3600000, 0, from);
    rig_run(self, "cat", "--store", self->dir, "--from", from);
    assert_sequences(self, 41, 40);
    ch_time_format(LEDGER_START_MS - 3600000, 0, from);
    rig_run(self, "cat", "--store", self->dir, "--from", from);
    assert_sequences(self, 1, 40);
}

static void write_plain(rig *self, ch_event event)
{
    event.type = CH_STR("hub.alert");
    assert_ok(ledger_write(&self->ledger, event, 0, 0), &self->error);
}

static void each_filter_lets_only_its_own_through(void **state)
{
    rig *self = *state;
    rig_fill(self, 10);
    write_plain(self, (ch_event){.mapping = CH_STR("grid-3")});
    write_plain(self, (ch_event){.party = CH_STR("grid")});
    write_plain(self, (ch_event){.anomalous = true});
    rig_run(self, "cat", "--store", self->dir, "--mapping", "grid-3");
    assert_sequences(self, 11, 11);
    rig_run(self, "cat", "--store", self->dir, "--party", "grid");
    assert_sequences(self, 12, 12);
    rig_run(self, "cat", "--store", self->dir, "--anomalous");
    assert_sequences(self, 13, 13);
    rig_run(self, "cat", "--store", self->dir, "--case", "ZJ-20261123-1");
    assert_int_equal(rig_lines(self->out), 2);
    rig_run(self, "cat", "--store", self->dir, "--case", "ZJ-20261123-77");
    assert_sequences(self, 1, 0);
    rig_run(self, "cat", "--store", self->dir, "--system", "hotline", "--actor", "tester");
    assert_sequences(self, 1, 13);
    rig_run(self, "cat", "--store", self->dir, "--system", "forum");
    assert_sequences(self, 1, 0);
    rig_run(self, "cat", "--store", self->dir, "--actor", "somebody");
    assert_sequences(self, 1, 0);
    rig_run(self, "cat", "--store", self->dir, "--topic", "handoff.>", "--topic", "case.noted.*._.>");
    assert_sequences(self, 1, 13);
    rig_run(self, "cat", "--store", self->dir, "--topic", "handoff.>");
    assert_sequences(self, 1, 0);
}

static void a_table_has_a_heading_and_a_line_each(void **state)
{
    rig *self = *state;
    rig_fill(self, 6);
    rig_run(self, "cat", "--store", self->dir, "--table");
    assert_code(self, 0);
    assert_int_equal(rig_lines(self->out), 7);
    assert_says(self->out, "SEQUENCE");
    assert_says(self->out, "ZJ-20261123-1");
}

static void sealed_texts_need_the_key_and_personal_data_the_wish_too(void **state)
{
    rig *self = *state;
    rig_fill(self, 8);
    rig_seal(self, "the lamp is out", "Wang");
    rig_run(self, "cat", "--store", self->dir);
    assert_code(self, 0);
    assert_null(strstr(self->out, "lamp"));
    rig_run(self, "cat", "--store", self->dir, "--key", self->key_file);
    assert_code(self, 0);
    assert_says(self->out, "the lamp is out");
    assert_null(strstr(self->out, "Wang"));
    rig_run(self, "cat", "--store", self->dir, "--key", self->key_file, "--personal");
    assert_code(self, 0);
    assert_says(self->out, "Wang");
}

static void a_backups_keys_lie_beside_it_or_where_one_says(void **state)
{
    rig *self = *state;
    char dir[FOLDER_PATH_SIZE * 2], keys[FOLDER_PATH_SIZE * 2];
    rig_fill(self, 8);
    rig_seal(self, "the lamp is out", "Wang");
    snprintf(dir, sizeof dir, "%s", in_folder(self->base, "backup"));
    assert_ok(ch_store_backup(self->store, NULL, dir, &self->error), &self->error);
    rig_run(self, "cat", "--store", dir, "--key", self->key_file);
    assert_code(self, 0);
    assert_says(self->out, "the lamp is out");
    assert_int_equal(rename(in_folder(self->base, "backup.keys"), in_folder(self->base, "elsewhere")), 0);
    rig_run(self, "cat", "--store", dir, "--key", self->key_file);
    assert_code(self, 66);
    snprintf(keys, sizeof keys, "%s", in_folder(self->base, "elsewhere"));
    rig_run(self, "cat", "--store", dir, "--key", self->key_file, "--keys", keys);
    assert_code(self, 0);
    assert_says(self->out, "the lamp is out");
}

static void another_hubs_key_exits_77(void **state)
{
    rig *self = *state;
    char other[FOLDER_PATH_SIZE * 2];
    rig_fill(self, 8);
    snprintf(other, sizeof other, "%s", in_folder(self->base, "other.key"));
    file_write(other, "0123456789abcdef0123456789abcdef");
    assert_int_equal(chmod(other, 0600), 0);
    rig_run(self, "cat", "--store", self->dir, "--key", other);
    assert_code(self, 77);
    file_write(other, "short");
    rig_run(self, "cat", "--store", self->dir, "--key", other);
    assert_code(self, 64);
}

static void what_is_erased_is_printed_without_and_counted(void **state)
{
    rig *self = *state;
    rig_fill(self, 8);
    rig_seal(self, "the lamp is out", "Wang");
    assert_ok(ch_slots_erase(self->store->case_slots, 1, &self->error), &self->error);
    rig_run(self, "cat", "--store", self->dir, "--key", self->key_file, "--personal");
    assert_code(self, 0);
    assert_int_equal(rig_lines(self->out), 9);
    assert_null(strstr(self->out, "lamp"));
    assert_says(self->err, "of 1 events the sealed part is erased");
}

/* Reads lines from fd until one holds text. */
static void await(int fd, const char *text)
{
    char seen[65536];
    size_t size = 0;
    ssize_t got;
    while ((got = read(fd, seen + size, sizeof seen - 1 - size)) > 0) {
        size += (size_t)got;
        seen[size] = '\0';
        if (strstr(seen, text) != NULL) {
            return;
        }
    }
    fail_msg("'%s' never came", text);
}

static void following_prints_what_a_running_hub_appends(void **state)
{
    rig *self = *state;
    int ends[2], how;
    rig_fill(self, 6);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        execl(CASEHUB_REPLAY, "casehub-replay", "cat", "--store", self->dir, "--follow", "--from", "6",
              (char *)NULL);
        _exit(126);
    }
    close(ends[1]);
    await(ends[0], "\"sequence\":6,");
    rig_fill(self, 8);
    await(ends[0], "\"sequence\":8,");
    rig_fill(self, 9);
    await(ends[0], "\"sequence\":9,");
    kill(child, SIGTERM);
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFEXITED(how));
    assert_int_equal(WEXITSTATUS(how), 0);
    close(ends[0]);
}

static void output_that_cannot_be_written_exits_74(void **state)
{
    rig *self = *state;
    int how;
    rig_fill(self, RECORDS);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(open("/dev/full", O_WRONLY | O_CLOEXEC), STDOUT_FILENO);
        dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
        execl(CASEHUB_REPLAY, "casehub-replay", "cat", "--store", self->dir, (char *)NULL);
        _exit(126);
    }
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFEXITED(how));
    assert_int_equal(WEXITSTATUS(how), 74);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
        TEST(a_damaged_record_is_not_printed_and_the_others_are),
        TEST(another_hubs_key_exits_77),
        TEST(output_that_cannot_be_written_exits_74),
        TEST(events_are_printed_between_two_places),
        TEST(times_are_recorded_times),
        TEST(each_filter_lets_only_its_own_through),
        TEST(a_table_has_a_heading_and_a_line_each),
        TEST(sealed_texts_need_the_key_and_personal_data_the_wish_too),
        TEST(a_backups_keys_lie_beside_it_or_where_one_says),
        TEST(what_is_erased_is_printed_without_and_counted),
        TEST(following_prints_what_a_running_hub_appends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
