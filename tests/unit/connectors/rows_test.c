/* Row states and the attempt mark, with the crashes between disk and hub. */
#include "connectors/host/attempt.h"
#include "connectors/host/rows.h"
#include "tests/unit/connectors/stage.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static ch_rows *open_rows(const stage *on, const char *mark, size_t most, bool wanted_lost)
{
    ch_rows *rows = NULL;
    ch_error error = {.status = CH_OK};
    bool lost = false;
    assert_status(ch_rows_open(&rows, stage_path(on, "x.rows"), mark, most, &lost, &error), CH_OK);
    assert_int_equal(lost, wanted_lost);
    return rows;
}

static void expect(const ch_rows *rows, const char *key, const char *content, ch_row_news news,
                   uint32_t number)
{
    uint32_t got = 99;
    assert_int_equal(ch_rows_compare(rows, ch_str_of(key), CH_STR("state"), ch_str_of(content), &got), news);
    assert_int_equal(got, number);
}

static void note(ch_rows *rows, const char *key, const char *content, uint32_t number)
{
    ch_error error;
    assert_status(ch_rows_note(rows, ch_str_of(key), CH_STR("state"), ch_str_of(content), number, &error),
                  CH_OK);
}

static void seal(ch_rows *rows, char mark[CH_ROWS_MARK_SIZE])
{
    ch_error error;
    assert_status(ch_rows_seal(rows, ch_rows_pending(rows), mark, &error), CH_OK);
}

static void forgets_what_the_hub_never_committed(void **state)
{
    char first[CH_ROWS_MARK_SIZE], second[CH_ROWS_MARK_SIZE];
    ch_rows *rows = open_rows(*state, "", 10, false);
    note(rows, "k", "a", 1);
    seal(rows, first);
    note(rows, "k", "b", 2);
    note(rows, "l", "a", 1);
    seal(rows, second);
    ch_rows_close(rows);
    /* The process died before its publish reached the hub, which still has the first mark. */
    rows = open_rows(*state, first, 10, false);
    expect(rows, "k", "a", CH_ROW_SAME, 1);
    expect(rows, "l", "a", CH_ROW_NEW, 0);
    ch_rows_close(rows);
    /* And what was cut off stays so. */
    rows = open_rows(*state, second, 10, true);
    expect(rows, "k", "a", CH_ROW_NEW, 0);
    ch_rows_close(rows);
}

static void keeps_what_the_hub_committed_without_an_answer(void **state)
{
    char mark[CH_ROWS_MARK_SIZE];
    ch_rows *rows = open_rows(*state, "", 10, false);
    note(rows, "k", "a", 1);
    seal(rows, mark);
    ch_rows_close(rows);
    rows = open_rows(*state, mark, 10, false);
    expect(rows, "k", "a", CH_ROW_SAME, 1);
    expect(rows, "k", "b", CH_ROW_CHANGED, 1);
    ch_rows_close(rows);
}

static void keeps_what_belongs_to_a_later_batch_out_of_the_frame(void **state)
{
    char mark[CH_ROWS_MARK_SIZE];
    ch_error error;
    ch_rows *rows = open_rows(*state, "", 10, false);
    note(rows, "k", "a", 1);
    note(rows, "k", "b", 2);
    note(rows, "l", "a", 1);
    assert_status(ch_rows_seal(rows, 1, mark, &error), CH_OK);
    assert_int_equal(ch_rows_pending(rows), 2);
    ch_rows_undo(rows, 0);
    expect(rows, "k", "a", CH_ROW_SAME, 1);
    ch_rows_close(rows);
    rows = open_rows(*state, mark, 10, false);
    expect(rows, "k", "a", CH_ROW_SAME, 1);
    expect(rows, "l", "a", CH_ROW_NEW, 0);
    ch_rows_close(rows);
}

static void cuts_off_a_torn_frame(void **state)
{
    const stage *on = *state;
    char first[CH_ROWS_MARK_SIZE], second[CH_ROWS_MARK_SIZE], bytes[4096];
    ch_rows *rows = open_rows(on, "", 10, false);
    note(rows, "k", "a", 1);
    seal(rows, first);
    FILE *file = fopen(stage_path(on, "x.rows"), "rb");
    size_t whole = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    note(rows, "k", "b", 2);
    seal(rows, second);
    ch_rows_close(rows);
    for (off_t size = (off_t)whole; size < (off_t)whole + 50; size += 7) {
        assert_int_equal(truncate(stage_path(on, "x.rows"), size), 0);
        rows = open_rows(on, first, 10, false);
        expect(rows, "k", "a", CH_ROW_SAME, 1);
        note(rows, "k", "b", 2);
        seal(rows, second);
        ch_rows_close(rows);
    }
}

static void begins_anew_without_the_mark_or_with_a_foreign_file(void **state)
{
    const stage *on = *state;
    stage_write(on, "x.rows", "something else altogether, and long enough to be read as a head");
    ch_rows *rows = open_rows(on, "0123456789abcdef", 10, true);
    assert_int_equal(ch_rows_count(rows), 0);
    ch_rows_close(rows);
}

static void takes_back_what_a_failed_record_noted(void **state)
{
    ch_rows *rows = open_rows(*state, "", 1000, false);
    char key[16];
    note(rows, "k", "a", 1);
    size_t pending = ch_rows_pending(rows);
    note(rows, "k", "b", 2);
    for (unsigned i = 0; i < 900; i++) {
        snprintf(key, sizeof key, "n%u", i);
        note(rows, key, "a", 1);
    }
    ch_rows_undo(rows, pending);
    assert_int_equal(ch_rows_count(rows), 1);
    expect(rows, "k", "a", CH_ROW_SAME, 1);
    expect(rows, "n7", "a", CH_ROW_NEW, 0);
    ch_rows_close(rows);
}

static void refuses_more_rows_than_allowed(void **state)
{
    ch_error error;
    ch_rows *rows = open_rows(*state, "", 2, false);
    note(rows, "a", "x", 1);
    note(rows, "b", "x", 1);
    assert_status(ch_rows_note(rows, CH_STR("c"), CH_STR("state"), CH_STR("x"), 1, &error), CH_FULL);
    note(rows, "b", "y", 2);
    expect(rows, "c", "x", CH_ROW_NEW, 0);
    ch_rows_close(rows);
}

/* One row that changed ten thousand times. */
static ch_rows *open_outdated(const stage *on, char mark[CH_ROWS_MARK_SIZE])
{
    ch_rows *rows = open_rows(on, "", 10, false);
    for (uint32_t i = 1; i <= 10100; i++) {
        note(rows, "k", i % 2 ? "a" : "b", i);
        if (i % 2020 == 0) {
            seal(rows, mark);
        }
    }
    return rows;
}

static bool is_small(const stage *on)
{
    struct stat of;
    assert_int_equal(stat(stage_path(on, "x.rows"), &of), 0);
    return of.st_size < 200;
}

/* A file may have so many bytes. */
static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void is_written_anew_when_most_of_it_is_outdated(void **state)
{
    const stage *on = *state;
    char mark[CH_ROWS_MARK_SIZE] = "";
    ch_error error;
    ch_rows *rows = open_outdated(on, mark);
    note(rows, "k", "c", 10101);
    assert_status(ch_rows_compact(rows, &error), CH_OK);
    assert_false(is_small(on)); /* the last note is not the hub's yet */
    ch_rows_undo(rows, 0);
    assert_status(ch_rows_compact(rows, &error), CH_OK);
    assert_true(is_small(on));
    note(rows, "l", "a", 1);
    seal(rows, mark);
    ch_rows_close(rows);
    rows = open_rows(on, mark, 10, false);
    expect(rows, "k", "b", CH_ROW_SAME, 10100);
    expect(rows, "l", "a", CH_ROW_SAME, 1);
    ch_rows_close(rows);
}

static void without_room_to_be_written_anew_it_stays_as_it_is(void **state)
{
    const stage *on = *state;
    char mark[CH_ROWS_MARK_SIZE] = "";
    ch_error error;
    assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    ch_rows_close(open_outdated(on, mark));
    limit_files(50);
    ch_rows *rows = open_rows(on, mark, 10, false); /* no reason not to start */
    ch_status compacted = ch_rows_compact(rows, &error);
    ch_status at_once = ch_rows_compact(rows, &error);
    limit_files(RLIM_INFINITY);
    assert_status(compacted, CH_IO);
    assert_status(at_once, CH_OK); /* not tried again at every unit */
    assert_false(stage_has(on, "x.rows.new"));
    ch_rows_close(rows);
    rows = open_rows(on, mark, 10, false);
    expect(rows, "k", "b", CH_ROW_SAME, 10100);
    ch_rows_close(rows);
}

static void a_frame_that_could_not_be_written_leaves_no_mark_for_the_file_that_is_written_anew(void **state)
{
    const stage *on = *state;
    char mark[CH_ROWS_MARK_SIZE] = "", lost_mark[CH_ROWS_MARK_SIZE];
    ch_error error;
    assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    ch_rows *rows = open_outdated(on, mark);
    note(rows, "k", "c", 10101);
    limit_files(50);
    ch_status sealed = ch_rows_seal(rows, 1, lost_mark, &error);
    limit_files(RLIM_INFINITY);
    assert_status(sealed, CH_IO);
    ch_rows_undo(rows, 0);
    assert_status(ch_rows_compact(rows, &error), CH_OK);
    assert_true(is_small(on));
    ch_rows_close(rows);
    rows = open_rows(on, mark, 10, false);
    expect(rows, "k", "b", CH_ROW_SAME, 10100);
    ch_rows_close(rows);
}

static unsigned begin(ch_attempt *attempt, uint64_t row)
{
    unsigned number = 0;
    ch_error error;
    assert_status(ch_attempt_begin(attempt, "diary.csv", "1:2:3", row, &number, &error), CH_OK);
    return number;
}

static ch_attempt *open_attempt(const stage *on)
{
    ch_attempt *attempt = NULL;
    ch_error error;
    assert_status(ch_attempt_open(&attempt, stage_path(on, "x.attempt"), &error), CH_OK);
    return attempt;
}

static void counts_the_attempts_of_a_record_that_ends_the_process(void **state)
{
    for (unsigned process = 1; process <= CH_ATTEMPTS_MOST + 1; process++) {
        ch_attempt *attempt = open_attempt(*state);
        /* The records before it in its batch come through each time, and must not hide it. */
        assert_int_equal(begin(attempt, 1), 1);
        ch_attempt_end(attempt);
        assert_int_equal(begin(attempt, 2), process);
        ch_attempt_close(attempt);
    }
    ch_attempt *attempt = open_attempt(*state);
    assert_int_equal(begin(attempt, 2), CH_ATTEMPTS_MOST + 2);
    ch_attempt_end(attempt);
    assert_int_equal(begin(attempt, 2), 1);
    ch_attempt_close(attempt);
}

int main(void)
{
#define ON_STAGE(name) cmocka_unit_test_setup_teardown(name, stage_set_up, stage_tear_down)
    const struct CMUnitTest tests[] = {
        ON_STAGE(forgets_what_the_hub_never_committed),
        ON_STAGE(keeps_what_the_hub_committed_without_an_answer),
        ON_STAGE(keeps_what_belongs_to_a_later_batch_out_of_the_frame),
        ON_STAGE(cuts_off_a_torn_frame),
        ON_STAGE(begins_anew_without_the_mark_or_with_a_foreign_file),
        ON_STAGE(takes_back_what_a_failed_record_noted),
        ON_STAGE(refuses_more_rows_than_allowed),
        ON_STAGE(is_written_anew_when_most_of_it_is_outdated),
        ON_STAGE(without_room_to_be_written_anew_it_stays_as_it_is),
        ON_STAGE(a_frame_that_could_not_be_written_leaves_no_mark_for_the_file_that_is_written_anew),
        ON_STAGE(counts_the_attempts_of_a_record_that_ends_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
