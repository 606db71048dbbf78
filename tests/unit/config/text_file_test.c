#include "tests/unit/check.h"
#include "tests/unit/config/scratch.h"

#include "hub/config/text_file.h"

#include <stdio.h>

static void a_file_that_is_not_there_is_not_found(void **state)
{
    scratch *in = *state;
    ch_buf out;
    ch_error error;
    ch_buf_init(&out, 100);
    snprintf(in->path, sizeof in->path, "%s/none.cfg", in->folder);
    assert_status(ch_text_file_read(&out, in->path, &error), CH_NOT_FOUND);
    assert_place(in, error.where, 0);
    ch_buf_done(&out);
}

static void a_folder_is_no_file(void **state)
{
    scratch *in = *state;
    ch_buf out;
    ch_error error;
    ch_buf_init(&out, 100);
    assert_status(ch_text_file_read(&out, in->folder, &error), CH_IO);
    ch_buf_done(&out);
}

static void a_file_beyond_the_limit_is_refused(void **state)
{
    scratch *in = *state;
    ch_buf out;
    ch_error error;
    ch_buf_init(&out, 4);
    assert_status(ch_text_file_read(&out, scratch_text(in, "a", "12345"), &error), CH_INVALID);
    assert_string_equal(error.text, "is larger than 4 bytes");
    ch_buf_clear(&out);
    assert_ok(ch_text_file_read(&out, scratch_text(in, "a", "1234"), &error), &error);
    ch_buf_done(&out);
}

static void bytes_that_are_no_text_are_refused_with_their_line(void **state)
{
    scratch *in = *state;
    static const struct {
        ch_str content;
        unsigned line;
    } bad[] = {
        {{"\xff", 1}, 1},
        {{"a\nb\n\xc0\x80\n", 7}, 3},
        {{"a\n\0\n", 4}, 2},
        {{"\xef\xbb\xbf"
          "a\n\xef\xbb",
          7},
         2}, /* after a byte order mark, a cut character */
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ch_buf out;
        ch_error error;
        ch_buf_init(&out, 100);
        assert_status(ch_text_file_read(&out, scratch_write(in, "a", bad[i].content), &error), CH_INVALID);
        assert_place(in, error.where, bad[i].line);
        ch_buf_done(&out);
    }
}

static void a_byte_order_mark_is_left_out(void **state)
{
    scratch *in = *state;
    ch_buf out;
    ch_error error;
    ch_buf_init(&out, 100);
    assert_ok(ch_text_file_read(&out, scratch_text(in, "a", "\xef\xbb\xbf路灯\n"), &error), &error);
    assert_true(ch_str_is(ch_buf_str(&out), "路灯\n"));
    ch_buf_clear(&out);
    assert_ok(ch_text_file_read(&out, scratch_text(in, "a", ""), &error), &error);
    assert_int_equal(out.size, 0);
    ch_buf_done(&out);
}

static void of_a_long_name_the_end_is_shown(void **state)
{
    (void)state;
    char name[400], where[CH_TEXT_PLACE_SIZE];
    memset(name, 'a', sizeof name);
    memcpy(name + sizeof name - 9, "/hub.cfg", 9);
    ch_text_place(where, name, UINT32_MAX);
    assert_true(strlen(where) < sizeof where);
    assert_non_null(strstr(where, "a/hub.cfg:4294967295"));
    ch_text_place(where, "hub.cfg", 3);
    assert_string_equal(where, "hub.cfg:3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_that_is_not_there_is_not_found),
        cmocka_unit_test(a_folder_is_no_file),
        cmocka_unit_test(a_file_beyond_the_limit_is_refused),
        cmocka_unit_test(bytes_that_are_no_text_are_refused_with_their_line),
        cmocka_unit_test(a_byte_order_mark_is_left_out),
        cmocka_unit_test(of_a_long_name_the_end_is_shown),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
