#include "tests/unit/check.h"

#include "hub/base/bytes.h"

#include <stdlib.h>

static void copies_nothing_that_does_not_fit(void **state)
{
    (void)state;
    char out[4] = "old";
    assert_status(ch_str_copy(out, sizeof out, CH_STR("four")), CH_TOO_LARGE);
    assert_status(ch_str_copy(out, 0, CH_STR_NONE), CH_TOO_LARGE);
    assert_status(ch_str_copy(out, sizeof out, (ch_str){"a\0b", 3}), CH_INVALID);
    assert_string_equal(out, "old");
    assert_status(ch_str_copy(out, sizeof out, CH_STR("abc")), CH_OK);
    assert_string_equal(out, "abc");
    assert_status(ch_str_copy(out, sizeof out, CH_STR_NONE), CH_OK);
    assert_string_equal(out, "");
}

static void reads_no_number_that_is_not_wholly_one(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "-",
        "+1",
        " 1",
        "1 ",
        "1.0",
        "0x10",
        "--1",
        "1-",
        "9223372036854775808",
        "-9223372036854775809",
        "99999999999999999999",
        "１",
    };
    int64_t value = 7;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_status(ch_str_to_int(ch_str_of(bad[i]), &value), CH_INVALID);
    }
    assert_status(ch_str_to_int((ch_str){"1\0", 2}, &value), CH_INVALID);
    assert_status(ch_str_to_int(CH_STR_NONE, &value), CH_INVALID);
    assert_int_equal(value, 7);
}

static void reads_numbers_up_to_the_ends_of_int64(void **state)
{
    (void)state;
    int64_t value;
    assert_status(ch_str_to_int(CH_STR("9223372036854775807"), &value), CH_OK);
    assert_true(value == INT64_MAX);
    assert_status(ch_str_to_int(CH_STR("-9223372036854775808"), &value), CH_OK);
    assert_true(value == INT64_MIN);
    assert_status(ch_str_to_int(CH_STR("-0"), &value), CH_OK);
    assert_true(value == 0);
    assert_status(ch_str_to_int((ch_str){"12345", 3}, &value), CH_OK);
    assert_true(value == 123);
}

static void compares_by_bytes_then_length(void **state)
{
    (void)state;
    assert_true(ch_str_compare(CH_STR("a"), CH_STR("b")) < 0);
    assert_true(ch_str_compare(CH_STR("b"), CH_STR("a")) > 0);
    assert_true(ch_str_compare(CH_STR("a"), CH_STR("aa")) < 0);
    assert_true(ch_str_compare(CH_STR("z"), CH_STR("案")) < 0);
    assert_true(ch_str_compare(CH_STR_NONE, CH_STR("a")) < 0);
    assert_int_equal(ch_str_compare(CH_STR_NONE, CH_STR("")), 0);
    assert_true(ch_str_equal(CH_STR("ab"), (ch_str){"abc", 2}));
    assert_false(ch_str_equal(CH_STR("ab"), CH_STR("ac")));
    assert_true(ch_str_is(CH_STR("ab"), "ab") && ch_str_is(CH_STR_NONE, "") && ch_str_is(CH_STR_NONE, NULL));
    assert_true(ch_str_starts(CH_STR("hotline/81890"), CH_STR("hotline")));
    assert_true(ch_str_starts(CH_STR("hotline"), CH_STR_NONE));
    assert_false(ch_str_starts(CH_STR("hot"), CH_STR("hotline")));
}

static void cuts_no_character_in_the_middle(void **state)
{
    (void)state;
    ch_str text = CH_STR("aé案😀z");
    static const size_t kept[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11};
    for (size_t most = 0; most < sizeof kept / sizeof *kept; most++) {
        ch_str cut = ch_str_cut(text, most);
        assert_int_equal(cut.size, kept[most]);
        assert_true(ch_str_starts(text, cut));
    }
    assert_null(ch_str_cut(CH_STR_NONE, 0).at);
    assert_null(ch_str_cut(CH_STR_NONE, 5).at);
}

static void cuts_what_is_no_utf8_where_it_is_told_to(void **state)
{
    (void)state;
    assert_int_equal(ch_str_cut(CH_STR("a\x80\x80\x80\x80\x80z"), 5).size, 5);
    assert_int_equal(ch_str_cut(CH_STR("\x80\x80\x80"), 1).size, 1);
    assert_int_equal(ch_str_cut(CH_STR("\x80\x80\x80"), 0).size, 0);
}

static void copies_what_fits_of_a_text(void **state)
{
    (void)state;
    char out[5] = "old";
    ch_str_copy_cut(out, sizeof out, CH_STR_NONE);
    assert_string_equal(out, "");
    ch_str_copy_cut(out, sizeof out, CH_STR("案案"));
    assert_string_equal(out, "案");
    ch_str_copy_cut(out, sizeof out, CH_STR("four"));
    assert_string_equal(out, "four");
    ch_str_copy_cut(out, 1, CH_STR("four"));
    assert_string_equal(out, "");
}

static void takes_no_malformed_utf8(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\x80",             /* a follower alone */
        "a\xbf",            /* after a good character */
        "\xc0\x80",         /* overlong zero */
        "\xc1\xbf",         /* overlong */
        "\xe0\x9f\xbf",     /* overlong in three bytes */
        "\xf0\x8f\xbf\xbf", /* overlong in four */
        "\xed\xa0\x80",     /* first surrogate */
        "\xed\xbf\xbf",     /* last surrogate */
        "\xf4\x90\x80\x80", /* beyond U+10FFFF */
        "\xf5\x80\x80\x80",
        "\xff",
        "\xe6\xa1",     /* cut */
        "\xe6\xa1\x41", /* a letter for the last follower */
        "\xf0\x9f\x98",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(ch_str_is_utf8(ch_str_of(bad[i])));
    }
    assert_int_equal(ch_str_utf8_size(ch_str_of(bad[0])), 0);
    assert_int_equal(ch_str_utf8_size(CH_STR_NONE), 0);
}

static void takes_the_ends_of_each_range_of_utf8(void **state)
{
    (void)state;
    static const char *const good[] = {
        "\x7f",         "\xc2\x80",     "\xdf\xbf",         "\xe0\xa0\x80",
        "\xed\x9f\xbf", "\xee\x80\x80", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(ch_str_is_utf8(ch_str_of(good[i])));
        assert_int_equal(ch_str_utf8_size(ch_str_of(good[i])), strlen(good[i]));
    }
    assert_true(ch_str_is_utf8(CH_STR_NONE));
    assert_true(ch_str_is_utf8((ch_str){"a\0b", 3}));
    assert_true(ch_str_is_utf8(CH_STR("路灯不亮 😀")));
}

static void a_buffer_keeps_what_it_had_when_an_append_fails(void **state)
{
    (void)state;
    ch_buf buf;
    ch_buf_init(&buf, 5);
    ch_buf_append_text(&buf, "abc");
    ch_buf_append_text(&buf, "def");
    assert_status(buf.failed, CH_TOO_LARGE);
    assert_true(ch_str_is(ch_buf_str(&buf), "abc"));
    ch_buf_append_text(&buf, "d");
    assert_true(ch_str_is(ch_buf_str(&buf), "abc"));
    assert_null(ch_buf_extend(&buf, 1));
    ch_buf_clear(&buf);
    ch_buf_append_str(&buf, CH_STR("12345"));
    assert_status(buf.failed, CH_OK);
    assert_true(ch_str_is(ch_buf_str(&buf), "12345"));
    ch_buf_append_format(&buf, "%c", '6');
    assert_status(buf.failed, CH_TOO_LARGE);
    ch_buf_done(&buf);
}

static void a_buffer_asks_for_no_more_memory_than_its_limit(void **state)
{
    (void)state;
    ch_buf buf;
    ch_buf_init(&buf, 1000);
    for (int i = 0; i < 1000; i++) {
        ch_buf_append(&buf, "x", 1);
    }
    assert_status(buf.failed, CH_OK);
    assert_int_equal(buf.size, 1000);
    assert_true(buf.capacity <= 1000);
    ch_buf_done(&buf);
    assert_null(buf.at);
    assert_int_equal(buf.limit, 1000);
}

static void a_buffer_counts_sizes_that_wrap(void **state)
{
    (void)state;
    ch_buf buf;
    ch_buf_init(&buf, SIZE_MAX / 4);
    ch_buf_append_text(&buf, "abc");
    assert_null(ch_buf_extend(&buf, SIZE_MAX));
    assert_status(buf.failed, CH_TOO_LARGE);
    ch_buf_done(&buf);
}

static void a_buffer_without_content_still_gives_a_place(void **state)
{
    (void)state;
    ch_buf buf;
    ch_buf_init(&buf, 10);
    assert_non_null(ch_buf_extend(&buf, 0));
    assert_int_equal(buf.size, 0);
    ch_buf_append(&buf, NULL, 0);
    assert_status(buf.failed, CH_OK);
    ch_buf_done(&buf);
}

/* Beyond the 512 bytes that are formatted in place, and exactly as long as the limit. */
static void a_buffer_formats_long_texts(void **state)
{
    (void)state;
    ch_buf buf;
    ch_buf_init(&buf, 2000);
    ch_buf_append_format(&buf, "%0*d", 2000, 7);
    assert_status(buf.failed, CH_OK);
    assert_int_equal(buf.size, 2000);
    assert_int_equal(buf.at[0], '0');
    assert_int_equal(buf.at[1999], '7');
    ch_buf_append_format(&buf, "%0*d", 600, 7);
    assert_status(buf.failed, CH_TOO_LARGE);
    assert_int_equal(buf.size, 2000);
    ch_buf_done(&buf);
}

static void a_taken_buffer_is_the_callers(void **state)
{
    (void)state;
    ch_buf buf;
    ch_buf_init(&buf, 100);
    ch_buf_append_text(&buf, "mine");
    size_t size;
    uint8_t *taken = ch_buf_take(&buf, &size);
    assert_int_equal(size, 4);
    assert_memory_equal(taken, "mine", 4);
    assert_null(buf.at);
    ch_buf_append_text(&buf, "other");
    assert_memory_equal(taken, "mine", 4);
    free(taken);
    ch_buf_done(&buf);
}

static void integers_are_stored_highest_byte_first(void **state)
{
    (void)state;
    uint8_t out[8];
    ch_put_be16(out, 0x0102);
    assert_memory_equal(out, "\x01\x02", 2);
    assert_int_equal(ch_get_be16(out), 0x0102);
    ch_put_be32(out, 0x01020304);
    assert_memory_equal(out, "\x01\x02\x03\x04", 4);
    assert_int_equal(ch_get_be32(out), 0x01020304);
    ch_put_be64(out, UINT64_C(0xf102030405060708));
    assert_memory_equal(out, "\xf1\x02\x03\x04\x05\x06\x07\x08", 8);
    assert_true(ch_get_be64(out) == UINT64_C(0xf102030405060708));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_nothing_that_does_not_fit),
        cmocka_unit_test(reads_no_number_that_is_not_wholly_one),
        cmocka_unit_test(reads_numbers_up_to_the_ends_of_int64),
        cmocka_unit_test(compares_by_bytes_then_length),
        cmocka_unit_test(cuts_no_character_in_the_middle),
        cmocka_unit_test(cuts_what_is_no_utf8_where_it_is_told_to),
        cmocka_unit_test(copies_what_fits_of_a_text),
        cmocka_unit_test(takes_no_malformed_utf8),
        cmocka_unit_test(takes_the_ends_of_each_range_of_utf8),
        cmocka_unit_test(a_buffer_keeps_what_it_had_when_an_append_fails),
        cmocka_unit_test(a_buffer_asks_for_no_more_memory_than_its_limit),
        cmocka_unit_test(a_buffer_counts_sizes_that_wrap),
        cmocka_unit_test(a_buffer_without_content_still_gives_a_place),
        cmocka_unit_test(a_buffer_formats_long_texts),
        cmocka_unit_test(a_taken_buffer_is_the_callers),
        cmocka_unit_test(integers_are_stored_highest_byte_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
