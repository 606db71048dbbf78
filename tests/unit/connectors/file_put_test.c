/* Messages as files of a folder. */
#include "connectors/senders/senders.h"
#include "tests/unit/connectors/stage.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct desk {
    stage on;
    casehub_host host;
    casehub_value values[2];
    void *state;
    casehub_sent sent;
    unsigned settled;
    char reason[400];
} desk;

static void settle(const casehub_host *host, casehub_sent sent, const char *reason, int64_t wait_ms,
                   const char *answer, size_t answer_size)
{
    desk *d = host->context;
    assert_true(wait_ms == -1 && answer == NULL && answer_size == 0);
    d->sent = sent;
    d->settled++;
    snprintf(d->reason, sizeof d->reason, "%s", reason == NULL ? "" : reason);
}

static int enter(void **state)
{
    static desk d;
    d = (desk){.settled = 0};
    stage_enter(&d.on);
    d.host =
        (casehub_host){CASEHUB_SIZED(casehub_host), .context = &d, .connector = "grid", .settle = settle};
    d.values[0].text = strdup(stage_path(&d.on, "out"));
    d.values[1].text = ".csv";
    d.state = calloc(1, ch_sender_file_put.state_size);
    assert_int_equal(mkdir(d.values[0].text, 0700), 0);
    assert_int_equal(ch_sender_file_put.open(d.state, &d.host, d.values), 0);
    *state = &d;
    return 0;
}

static int leave(void **state)
{
    desk *d = *state;
    ch_sender_file_put.close(d->state);
    free(d->state);
    free((char *)(uintptr_t)d->values[0].text);
    stage_leave(&d->on);
    return 0;
}

static casehub_sent put(desk *d, const char *name, const char *body)
{
    const casehub_message message = {
        CASEHUB_SIZED(casehub_message), .id = "ZJ/17/1", .body = body, .body_size = strlen(body),
        .media_type = "text/csv",       .name = name,    .attempt = 1};
    unsigned before = d->settled;
    ch_sender_file_put.send(d->state, &message);
    assert_int_equal(d->settled, before + 1);
    return d->sent;
}

static size_t count_files(const desk *d)
{
    size_t count = 0;
    DIR *list = opendir(d->values[0].text);
    assert_non_null(list);
    for (const struct dirent *entry; (entry = readdir(list)) != NULL;) {
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    }
    closedir(list);
    return count;
}

static void expect_file(const desk *d, const char *name, const char *body)
{
    char text[200];
    stage_read(stage_path(&d->on, name), text, sizeof text);
    assert_string_equal(text, body);
}

static void a_name_that_leads_elsewhere_is_undeliverable(void **state)
{
    desk *d = *state;
    static const char *const names[] = {"../a", "a/b", ".", "..", ".hidden", "", "a\\b", "a\nb", "a\x7f"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_int_equal(put(d, names[i], "x"), CASEHUB_UNDELIVERABLE);
        assert_non_null(strstr(d->reason, "name: "));
    }
    assert_int_equal(count_files(d), 0);
}

static void a_target_is_undeliverable(void **state)
{
    desk *d = *state;
    const casehub_message message = {CASEHUB_SIZED(casehub_message), .id = "ZJ/17/1", .body = "",
                                     .target = "/etc"};
    ch_sender_file_put.send(d->state, &message);
    assert_int_equal(d->sent, CASEHUB_UNDELIVERABLE);
}

static void a_folder_that_is_away_is_waited_for(void **state)
{
    desk *d = *state;
    assert_int_equal(rmdir(d->values[0].text), 0);
    assert_int_equal(put(d, "a", "x"), CASEHUB_LATER);
    assert_non_null(strstr(d->reason, "the folder cannot be opened"));
    assert_int_equal(mkdir(d->values[0].text, 0700), 0);
    assert_int_equal(put(d, "a", "x"), CASEHUB_SENT);
}

static void another_file_of_that_name_is_left_alone(void **state)
{
    desk *d = *state;
    stage_write(&d->on, "out/a", "xy");
    assert_int_equal(put(d, "a", "x"), CASEHUB_UNDELIVERABLE);
    assert_int_equal(put(d, "a", "xyz"), CASEHUB_UNDELIVERABLE);
    expect_file(d, "out/a", "xy");
    assert_int_equal(count_files(d), 1);
    assert_int_equal(mkdir(stage_path(&d->on, "out/folder"), 0700), 0);
    assert_int_equal(put(d, "folder", "x"), CASEHUB_UNDELIVERABLE);
    assert_int_equal(symlink("a", stage_path(&d->on, "out/link")), 0);
    assert_int_equal(put(d, "link", "xy"), CASEHUB_UNDELIVERABLE);
}

static void the_same_file_counts_as_sent(void **state)
{
    desk *d = *state;
    stage_write(&d->on, "out/a", "x");
    stage_write(&d->on, "out/empty", "");
    assert_int_equal(put(d, "a", "x"), CASEHUB_SENT);
    assert_int_equal(put(d, "empty", ""), CASEHUB_SENT);
    assert_int_equal(count_files(d), 2);
}

static void a_message_without_a_name_has_its_id_for_one(void **state)
{
    desk *d = *state;
    assert_int_equal(put(d, NULL, "row\r\n"), CASEHUB_SENT);
    expect_file(d, "out/ZJ-17-1.csv", "row\r\n");
}

static void what_a_crash_left_half_written_is_overwritten(void **state)
{
    desk *d = *state;
    stage_write(&d->on, "out/.casehub-grid.part", "half of something longer");
    assert_int_equal(put(d, "a", "whole"), CASEHUB_SENT);
    expect_file(d, "out/a", "whole");
    assert_int_equal(count_files(d), 1);
}

int main(void)
{
#define ON_DESK(name) cmocka_unit_test_setup_teardown(name, enter, leave)
    const struct CMUnitTest tests[] = {
        ON_DESK(a_name_that_leads_elsewhere_is_undeliverable),
        ON_DESK(a_target_is_undeliverable),
        ON_DESK(a_folder_that_is_away_is_waited_for),
        ON_DESK(another_file_of_that_name_is_left_alone),
        ON_DESK(the_same_file_counts_as_sent),
        ON_DESK(a_message_without_a_name_has_its_id_for_one),
        ON_DESK(what_a_crash_left_half_written_is_overwritten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
