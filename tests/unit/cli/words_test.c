/* The parts without a hub: suggestions, times, widths, tables, lines, answers, exit codes. */
#include "tests/unit/cli/check.h"

#include "hub/base/array.h"
#include "hub/cli/answers.h"
#include "hub/cli/exit_codes.h"
#include "hub/cli/line_reader.h"
#include "hub/cli/rows.h"
#include "hub/cli/suggest.h"
#include "hub/cli/table.h"
#include "hub/cli/text_width.h"
#include "hub/cli/times.h"

#include <locale.h>
#include <stdlib.h>
#include <unistd.h>

#define NOON INT64_C(1795406400000) /* 2026-11-23T04:00:00Z */

static const char *word_at(const void *table, size_t index)
{
    return ((const char *const *)table)[index];
}

static void a_word_that_is_not_near_gets_no_suggestion(void **state)
{
    (void)state;
    static const char *const words[] = {"list", "show", "timeline"};
    assert_null(ch_suggest("frobnicate", words, 3, word_at));
    assert_null(ch_suggest("xy", words, 3, word_at));
    assert_null(ch_suggest("", words, 3, word_at));
    char endless[200];
    memset(endless, 'l', sizeof endless - 1);
    endless[sizeof endless - 1] = '\0';
    assert_null(ch_suggest(endless, words, 3, word_at));
}

static void the_nearest_word_is_suggested_and_a_swap_is_one_edit(void **state)
{
    (void)state;
    static const char *const words[] = {"start", "show", "list"};
    assert_int_equal(ch_word_distance("lsit", "list"), 1);
    assert_int_equal(ch_word_distance("timline", "timeline"), 1);
    assert_int_equal(ch_word_distance("", "abc"), 3);
    assert_string_equal(ch_suggest("lsit", words, 3, word_at), "list");
    assert_string_equal(ch_suggest("shwo", words, 3, word_at), "show");
}

static void what_is_no_time_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "yesterday",
                                      "2026-11-31",
                                      "2026-13-01",
                                      "2026-11-23 25:00",
                                      "-h",
                                      "+",
                                      "-5y",
                                      "--5m",
                                      "2026-11-23 10",
                                      "26-1-1",
                                      "2026-11-23T10:27:00Zx",
                                      "-99999999999999999d",
                                      "1795406400"};
    int64_t time_ms = 42;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (ch_times_parse(bad[i], NOON, &time_ms) != CH_INVALID) {
            fail_msg("\"%s\" was taken for a time", bad[i]);
        }
    }
    assert_int_equal(time_ms, 42);
}

static void times_are_read_in_the_citys_zone_unless_they_name_their_own(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t time_ms;
    } good[] = {
        {"2026-11-23T04:00:00Z", NOON},      {"2026-11-23T12:00:00+08:00", NOON},
        {"2026-11-23 12:00", NOON},          {"2026-11-23T12:00:05", NOON + 5000},
        {"2026-11-23", NOON - 12 * 3600000}, {"now", NOON},
        {"-90m", NOON - 90 * 60000},         {"+3d", NOON + 3 * INT64_C(86400000)},
        {"-2h", NOON - 2 * 3600000},         {"+10s", NOON + 10000},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        int64_t time_ms = 0;
        assert_status(ch_times_parse(good[i].text, NOON, &time_ms), CH_OK);
        assert_int_equal(time_ms, good[i].time_ms);
    }
}

static void times_and_durations_are_shown_for_people(void **state)
{
    (void)state;
    char text[CH_LOCAL_TIME_SIZE];
    static const struct {
        int64_t ms;
        const char *text;
    } durations[] = {
        {0, "0ms"},          {999, "999ms"},        {12000, "12s"},      {312000, "5m 12s"},
        {7500000, "2h 05m"}, {273600000, "3d 04h"}, {-60000, "-1m 00s"}, {INT64_MIN, "-106751991167d 07h"}};
    ch_local_time(NOON, text);
    assert_string_equal(text, "2026-11-23 12:00:00");
    ch_local_offset(NOON, text);
    assert_string_equal(text, "+08:00");
    for (size_t i = 0; i < sizeof durations / sizeof *durations; i++) {
        ch_duration(durations[i].ms, text);
        assert_string_equal(text, durations[i].text);
    }
}

static void every_part_of_a_case_shows_its_times_as_text(void **state)
{
    (void)state;
    static const char *const parts[] = {"handoffs", "clocks", "steps"};
    for (size_t i = 0; i < CH_COUNT_OF(parts); i++) {
        json_t *row = json_pack("{s:[{s:I, s:i}]}", parts[i], "ended", (json_int_t)NOON, "remaining", 1000);
        ch_row_show_times(row);
        const json_t *part = json_array_get(json_object_get(row, parts[i]), 0);
        assert_string_equal(ch_row_text(part, "ended"), "2026-11-23T04:00:00Z");
        assert_int_equal(ch_row_int(part, "remaining", 0), 1000);
        json_decref(row);
    }
}

static void a_starting_point_is_a_word_a_sequence_or_a_time(void **state)
{
    (void)state;
    char from[CH_FROM_SIZE];
    assert_status(ch_from_parse("everything", NOON, from), CH_INVALID);
    assert_status(ch_from_parse("-7", NOON, from), CH_INVALID);
    assert_status(ch_from_parse("all", NOON, from), CH_OK);
    assert_string_equal(from, "all");
    assert_status(ch_from_parse("17", NOON, from), CH_OK);
    assert_string_equal(from, "17");
    assert_status(ch_from_parse("2026-11-23 12:00", NOON, from), CH_OK);
    assert_string_equal(from, "2026-11-23T04:00:00Z");
}

static void text_of_citizens_cannot_steer_the_terminal(void **state)
{
    (void)state;
    ch_buf out;
    ch_buf_init(&out, 1000);
    ch_text_append(&out,
                   CH_STR("a\x1b[2Jb\r\nc\xe2\x80\xae"
                          "d\x7f\xc2\x9b"),
                   0);
    assert_true(ch_str_is(ch_buf_str(&out), "a [2Jb  c d  "));
    ch_buf_clear(&out);
    ch_text_append(&out, CH_STR("\xff\xe7\x9a"), 0);
    assert_true(ch_str_is(ch_buf_str(&out), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"));
    ch_buf_done(&out);
}

static void chinese_is_two_columns_wide_and_is_never_cut_in_half(void **state)
{
    (void)state;
    ch_buf out;
    ch_buf_init(&out, 1000);
    assert_int_equal(ch_text_width(CH_STR("供电局")), 6);
    assert_int_equal(ch_text_width(CH_STR("e\xcc\x81")), 1);
    assert_int_equal(ch_text_append(&out, CH_STR("供电局"), 6), 6);
    assert_true(ch_str_is(ch_buf_str(&out), "供电局"));
    ch_buf_clear(&out);
    assert_int_equal(ch_text_append(&out, CH_STR("供电局"), 4), 3);
    assert_true(ch_str_is(ch_buf_str(&out), "供…"));
    ch_buf_done(&out);
}

static void columns_line_up_under_wide_characters(void **state)
{
    (void)state;
    static const ch_column columns[] = {{.field = "a", .heading = "PARTY"},
                                        {.field = "n", .heading = "N", .kind = CH_CELL_NUMBER},
                                        {.field = "t", .heading = "TEXT"}};
    ch_table *table;
    char *text = NULL;
    size_t size;
    assert_status(ch_table_new(&table, columns, 3), CH_OK);
    FILE *out = open_memstream(&text, &size);
    assert_status(ch_table_print(table, out), CH_OK);
    const char *cells[] = {"供电局", "7", "停电", "water", "1234", ""};
    for (size_t i = 0; i < 6; i++) {
        ch_table_add(table, ch_str_of(cells[i]));
    }
    assert_status(ch_table_print(table, out), CH_OK);
    ch_table_add(table, CH_STR("x"));
    ch_table_add(table, CH_STR("1"));
    ch_table_add(table, CH_STR("next page"));
    assert_status(ch_table_print(table, out), CH_OK);
    fclose(out);
    assert_string_equal(text, "PARTY      N  TEXT\n"
                              "供电局     7  停电\n"
                              "water   1234  \n"
                              "x          1  next page\n");
    free(text);
    ch_table_free(table);
}

typedef struct lines {
    ch_line_reader *reader;
    int pipe[2];
} lines;

static lines lines_of(const char *text, size_t most)
{
    lines l;
    assert_int_equal(pipe(l.pipe), 0);
    assert_int_equal(write(l.pipe[1], text, strlen(text)), (ssize_t)strlen(text));
    close(l.pipe[1]);
    assert_status(ch_line_reader_new(&l.reader, l.pipe[0], most), CH_OK);
    return l;
}

static ch_line_kind next_line(lines *l, char text[64], uint64_t *number)
{
    ch_str line = CH_STR_NONE;
    ch_line_kind kind;
    while ((kind = ch_line_reader_next(l->reader, &line, number)) == CH_LINE_NEED_MORE) {
        assert_status(ch_line_reader_fill(l->reader), CH_OK);
    }
    if (kind == CH_LINE) {
        assert_status(ch_str_copy(text, 64, line), CH_OK);
    }
    return kind;
}

static void a_line_that_is_too_long_is_skipped_once_and_the_others_are_read(void **state)
{
    (void)state;
    char text[64];
    uint64_t number;
    lines l = lines_of("one\n0123456789012345678901234567890123456789\n\nfour", 8);
    assert_int_equal(next_line(&l, text, &number), CH_LINE);
    assert_string_equal(text, "one");
    assert_int_equal(next_line(&l, text, &number), CH_LINE_TOO_LONG);
    assert_int_equal(number, 2);
    assert_int_equal(next_line(&l, text, &number), CH_LINE);
    assert_string_equal(text, "four");
    assert_int_equal(number, 4);
    assert_int_equal(next_line(&l, text, &number), CH_LINE_END);
    assert_int_equal(next_line(&l, text, &number), CH_LINE_END);
    ch_line_reader_free(l.reader);
    close(l.pipe[0]);
}

static void a_too_long_last_line_without_an_end_is_told(void **state)
{
    (void)state;
    char text[64];
    uint64_t number;
    lines l = lines_of("0123456789012345678901234567890123456789", 8);
    assert_int_equal(next_line(&l, text, &number), CH_LINE_TOO_LONG);
    assert_int_equal(next_line(&l, text, &number), CH_LINE_END);
    ch_line_reader_free(l.reader);
    close(l.pipe[0]);
}

static void windows_line_ends_and_a_byte_order_mark_are_no_part_of_a_line(void **state)
{
    (void)state;
    char text[64];
    uint64_t number;
    lines l = lines_of("\xef\xbb\xbf{}\r\n \t\r\nlast\r\n", 64);
    assert_int_equal(next_line(&l, text, &number), CH_LINE);
    assert_string_equal(text, "{}");
    assert_int_equal(next_line(&l, text, &number), CH_LINE);
    assert_string_equal(text, "last");
    assert_int_equal(number, 3);
    assert_int_equal(next_line(&l, text, &number), CH_LINE_END);
    ch_line_reader_free(l.reader);
    close(l.pipe[0]);
}

static void answers_wait_for_their_turn(void **state)
{
    (void)state;
    ch_answers *answers = calloc(1, sizeof *answers);
    char *text = NULL;
    size_t size;
    assert_non_null(answers);
    FILE *out = open_memstream(&text, &size);
    uint64_t one = ch_answers_await(answers, 1), two = ch_answers_await(answers, 2),
             three = ch_answers_await(answers, 3);
    ch_answers_settle(answers, two, strdup("second"));
    ch_answers_settle(answers, two, strdup("second again"));
    ch_answers_settle(answers, 99, strdup("never asked"));
    ch_answers_print(answers, out);
    fflush(out);
    assert_string_equal(text, "");
    ch_answers_settle(answers, one, strdup("first"));
    ch_answers_print(answers, out);
    fflush(out);
    assert_string_equal(text, "first\nsecond\n");
    assert_int_equal(ch_answers_line(answers, three), 3);
    ch_answers_settle(answers, three, strdup("third"));
    ch_answers_done(answers);
    fclose(out);
    free(text);
    free(answers);
}

static void every_status_has_an_exit_code_and_every_code_is_documented(void **state)
{
    (void)state;
    ch_buf text;
    ch_buf_init(&text, 10000);
    ch_exit_codes_print(&text);
    ch_buf_append(&text, "", 1);
    for (unsigned status = CH_OK; status < CH_STATUS_COUNT; status++) {
        char code[16];
        bool is_good = status == CH_OK || status == CH_END;
        snprintf(code, sizeof code, "  %3d  ", ch_exit_code((ch_status)status));
        assert_true((ch_exit_code((ch_status)status) == 0) == is_good);
        assert_holds((const char *)text.at, code);
        if (!is_good) {
            assert_holds((const char *)text.at, ch_status_name((ch_status)status));
        }
    }
    assert_int_equal(ch_exit_code(CH_DENIED), 77);
    assert_int_equal(ch_exit_code(CH_UNAVAILABLE), 69);
    assert_int_equal(ch_exit_code(CH_BUSY), 75);
    assert_int_equal(ch_exit_code(CH_REFUSED), 65);
    assert_int_equal(ch_exit_code(CH_NOT_FOUND), 66);
    ch_buf_done(&text);
}

static int use_zone(void **state)
{
    (void)state;
    setlocale(LC_CTYPE, "C.UTF-8");
    unsetenv("TZ");
    ch_times_use_zone();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_word_that_is_not_near_gets_no_suggestion),
        cmocka_unit_test(the_nearest_word_is_suggested_and_a_swap_is_one_edit),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(times_are_read_in_the_citys_zone_unless_they_name_their_own),
        cmocka_unit_test(times_and_durations_are_shown_for_people),
        cmocka_unit_test(every_part_of_a_case_shows_its_times_as_text),
        cmocka_unit_test(a_starting_point_is_a_word_a_sequence_or_a_time),
        cmocka_unit_test(text_of_citizens_cannot_steer_the_terminal),
        cmocka_unit_test(chinese_is_two_columns_wide_and_is_never_cut_in_half),
        cmocka_unit_test(columns_line_up_under_wide_characters),
        cmocka_unit_test(a_line_that_is_too_long_is_skipped_once_and_the_others_are_read),
        cmocka_unit_test(a_too_long_last_line_without_an_end_is_told),
        cmocka_unit_test(windows_line_ends_and_a_byte_order_mark_are_no_part_of_a_line),
        cmocka_unit_test(answers_wait_for_their_turn),
        cmocka_unit_test(every_status_has_an_exit_code_and_every_code_is_documented),
    };
    return cmocka_run_group_tests(tests, use_zone, NULL);
}
