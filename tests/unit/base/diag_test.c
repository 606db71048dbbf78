#include "tests/unit/check.h"

#include "hub/base/diag.h"

#include <unistd.h>

static void escapes_what_json_cannot_hold(void **state)
{
    (void)state;
    ch_buf out;
    ch_buf_init(&out, 1000);
    ch_diag_escape(&out, (ch_str){"a\"b\\c\n\0\x1f/案\x7f", 13});
    assert_true(ch_str_is(ch_buf_str(&out), "a\\\"b\\\\c\\u000a\\u0000\\u001f/案\x7f"));
    ch_buf_done(&out);
}

static void replaces_bytes_that_are_no_utf8(void **state)
{
    (void)state;
    ch_buf out;
    ch_buf_init(&out, 1000);
    ch_diag_escape(&out, CH_STR("\xb0\xb8"
                                "a\xe6\xa1"));
    assert_true(ch_str_is(ch_buf_str(&out), "\uFFFD\uFFFDa\uFFFD\uFFFD"));
    ch_buf_clear(&out);
    ch_diag_escape(&out, CH_STR_NONE);
    assert_int_equal(out.size, 0);
    ch_buf_done(&out);
}

/* What the calls between begin and end write to standard error. */
static int begin_capture(int ends[2])
{
    assert_int_equal(pipe(ends), 0);
    int kept = dup(STDERR_FILENO);
    assert_true(kept >= 0);
    assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
    return kept;
}

static ch_str end_capture(int ends[2], int kept, char *out, size_t out_size)
{
    assert_true(dup2(kept, STDERR_FILENO) >= 0);
    close(kept);
    close(ends[1]);
    size_t size = 0;
    for (ssize_t got; (got = read(ends[0], out + size, out_size - size)) > 0;) {
        size += (size_t)got;
    }
    close(ends[0]);
    return (ch_str){out, size};
}

static void is_silent_below_its_level(void **state)
{
    (void)state;
    char out[4096];
    int ends[2], kept = begin_capture(ends);
    ch_diag_setup("casehub-test", CH_DIAG_WARN);
    ch_diag(CH_DIAG_INFO, "test", "not worth a line");
    assert_int_equal(end_capture(ends, kept, out, sizeof out).size, 0);
}

static void writes_one_line_of_json(void **state)
{
    (void)state;
    char out[4096];
    ch_error error;
    ch_error_set(&error, CH_IO, "hub.cfg:3", "a \"quoted\" name");
    int ends[2], kept = begin_capture(ends);
    ch_diag_setup("casehub-test", CH_DIAG_WARN);
    ch_diag_failure("config", &error, "settings not read");
    ch_str line = end_capture(ends, kept, out, sizeof out - 1);
    out[line.size] = '\0';
    assert_true(ch_str_starts(line, CH_STR("{\"time\":\"20")));
    assert_non_null(strstr(out,
                           "Z\",\"level\":\"error\",\"program\":\"casehub-test\",\"component\":\"config\","
                           "\"text\":\"settings not read: io at hub.cfg:3: a \\\"quoted\\\" name\"}\n"));
    assert_ptr_equal(strchr(out, '\n'), out + line.size - 1);
}

static void a_line_that_is_cut_is_still_utf8(void **state)
{
    (void)state;
    char out[8192];
    int ends[2], kept = begin_capture(ends);
    ch_diag_setup("casehub-test", CH_DIAG_WARN);
    char text[1501] = "";
    for (int i = 0; i < 500; i++) {
        memcpy(text + 3 * i, "案", 3);
    }
    ch_diag(CH_DIAG_WARN, "test", "ab%s", text);
    ch_str line = end_capture(ends, kept, out, sizeof out);
    assert_true(ch_str_is_utf8(line));
    assert_true(line.size > 1000 && line.size < 1200);
    assert_true(ch_str_equal((ch_str){line.at + line.size - 3, 3}, CH_STR("\"}\n")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes_what_json_cannot_hold),    cmocka_unit_test(replaces_bytes_that_are_no_utf8),
        cmocka_unit_test(is_silent_below_its_level),        cmocka_unit_test(writes_one_line_of_json),
        cmocka_unit_test(a_line_that_is_cut_is_still_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
