#include "tests/unit/model/values.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct fixture {
    ch_buf bytes;
    ch_error error;
} fixture;

static int set_up(void **state)
{
    static fixture of;
    ch_buf_init(&of.bytes, 1 << 20);
    of.error = (ch_error){.status = CH_OK};
    *state = &of;
    return 0;
}

static int tear_down(void **state)
{
    fixture *of = *state;
    ch_buf_done(&of->bytes);
    return 0;
}

static void put_keys(ch_buf *out, uint32_t count, uint32_t doubled)
{
    char key[16];
    ch_mp_put_map(out, count);
    for (uint32_t i = 0; i < count; i++) {
        snprintf(key, sizeof key, "key%u", i == count - 1 ? doubled : i * 7919 % 100003);
        ch_mp_put_text(out, key);
        ch_mp_put_nil(out);
    }
}

/* A map with "data": a map with "attachments": an array of four, the last {"size": what comes next}. */
static void put_way_down(ch_buf *out)
{
    ch_mp_put_map(out, 1);
    ch_mp_put_text(out, "data");
    ch_mp_put_map(out, 1);
    ch_mp_put_text(out, "attachments");
    ch_mp_put_array(out, 4);
    ch_mp_put_int(out, 1);
    ch_mp_put_int(out, 2);
    ch_mp_put_int(out, 3);
    ch_mp_put_map(out, 1);
    ch_mp_put_text(out, "size");
}

static void refuses_what_is_not_one_right_value(void **state)
{
    static const struct {
        const char *hex, *where, *text;
    } cases[] = {
        {"", "", "ends too early"},
        {"c0 c0", "", "1 bytes behind the value"},
        {"c1", "", "0xc1 is no MessagePack"},
        {"c7 00 01", "", "extension types are not accepted"},
        {"d4 01 00", "", "extension types are not accepted"},
        {"91 d8 01", "[0]", "extension types are not accepted"},
        {"cd 01", "", "ends too early"},
        {"cf 80 00 00 00 00 00 00", "", "ends too early"},
        {"cf 80 00 00 00 00 00 00 00", "", "an integer above 9223372036854775807"},
        {"cb 7f f8 00 00 00 00 00 00", "", "not a finite number"},
        {"cb ff f0 00 00 00 00 00 00", "", "not a finite number"},
        {"ca 7f 80 00 00", "", "not a finite number"},
        {"a3 61 62", "", "ends too early"},
        {"db ff ff ff ff 61", "", "ends too early"},
        {"c6 00 00 00 02 61", "", "ends too early"},
        {"92 01", "", "ends too early"},
        {"dc 00 03 01 02", "", "ends too early"},
        {"81 a1 61", "a", "ends too early"},
        {"82 a1 61 01 a1 62", "b", "ends too early"},
        {"81 01 01", "", "a key that is no string"},
        {"81 c4 01 61 01", "", "a key that is no string"},
        {"81 a1 ff 01", "", "not UTF-8"},
        {"81 a3 61 00 62 01", "", "a key with a zero byte"},
        {"82 a1 61 01 a1 61 02", "a", "the key occurs twice"},
        {"82 a0 01 d9 00 02", "", "the key occurs twice"},
        {"82 a1 61 01 d9 01 61 02", "a", "the key occurs twice"},
        {"92 01 a2 c0 80", "[1]", "not UTF-8"},
        {"a3 ed a0 80", "", "not UTF-8"},
        {"a4 f4 90 80 80", "", "not UTF-8"},
        {"ab 31 32 33 34 35 36 37 38 39 e6 b0", "", "not UTF-8"},
    };
    fixture *of = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ch_buf_clear(&of->bytes);
        put_hex(&of->bytes, cases[i].hex);
        assert_status(ch_mp_check(ch_buf_str(&of->bytes), &ch_mp_limits_event, &of->error), CH_INVALID);
        assert_string_equal(of->error.text, cases[i].text);
        assert_string_equal(of->error.where, cases[i].where);
        assert_status(ch_mp_check(ch_buf_str(&of->bytes), &ch_mp_limits_event, NULL), CH_INVALID);
    }
}

static void refuses_every_truncation(void **state)
{
    fixture *of = *state;
    ch_random_seeded random;
    ch_random_seeded_init(&random, 1);
    for (int round = 0; round < 50; round++) {
        ch_buf_clear(&of->bytes);
        put_any_value(&of->bytes, &random, 3);
        for (size_t size = 0; size < of->bytes.size && size < 2000; size++) {
            /* On the heap and of this size, so that the address sanitizer sees a byte read too many. */
            char *cut = malloc(size + 1);
            assert_non_null(cut);
            memcpy(cut + 1, of->bytes.at, size);
            assert_status(ch_mp_check((ch_str){cut + 1, size}, &ch_mp_limits_event, &of->error), CH_INVALID);
            free(cut);
        }
    }
}

static void survives_every_changed_byte(void **state)
{
    fixture *of = *state;
    ch_random_seeded random;
    ch_buf out;
    ch_buf_init(&out, 1 << 20);
    ch_random_seeded_init(&random, 2);
    for (int round = 0; round < 40; round++) {
        ch_buf_clear(&of->bytes);
        put_any_value(&of->bytes, &random, 3);
        for (size_t i = 0; i < of->bytes.size && i < 500; i++) {
            uint8_t kept = of->bytes.at[i];
            of->bytes.at[i] = (uint8_t)ch_random_below(&random, 256);
            if (ch_mp_check(ch_buf_str(&of->bytes), &ch_mp_limits_event, &of->error) == CH_OK) {
                ch_buf_clear(&out);
                assert_status(ch_mp_canonical(&out, ch_buf_str(&of->bytes)), CH_OK);
                assert_status(ch_mp_check(ch_buf_str(&out), &ch_mp_limits_event, &of->error), CH_OK);
            }
            of->bytes.at[i] = kept;
        }
    }
    ch_buf_done(&out);
}

static void refuses_a_doubled_key_in_maps_of_any_size(void **state)
{
    fixture *of = *state;
    static const uint32_t counts[] = {2, 3, 15, 16, 17, 18, 100, 256};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        uint32_t count = counts[i];
        ch_buf_clear(&of->bytes);
        put_keys(&of->bytes, count, 7919 * (count / 2 - 1) % 100003);
        assert_status(ch_mp_check(ch_buf_str(&of->bytes), &ch_mp_limits_event, &of->error), CH_INVALID);
        assert_string_equal(of->error.text, "the key occurs twice");
        ch_buf_clear(&of->bytes);
        put_keys(&of->bytes, count, 100004);
        assert_status(ch_mp_check(ch_buf_str(&of->bytes), &ch_mp_limits_event, &of->error), CH_OK);
    }
}

static void sees_a_bad_byte_wherever_it_stands(void **state)
{
    fixture *of = *state;
    for (size_t size = 1; size <= 30; size++) {
        for (size_t bad = 0; bad < size; bad++) {
            char text[30];
            memset(text, 'a' + (int)(size % 26), sizeof text);
            text[bad] = '\xff';
            ch_buf_clear(&of->bytes);
            ch_mp_put_str(&of->bytes, (ch_str){text, size});
            assert_status(ch_mp_check(ch_buf_str(&of->bytes), &ch_mp_limits_event, NULL), CH_INVALID);
            text[bad] = '\0';
            ch_buf_clear(&of->bytes);
            ch_mp_put_str(&of->bytes, (ch_str){text, size});
            assert_status(ch_mp_check(ch_buf_str(&of->bytes), &ch_mp_limits_event, NULL), CH_OK);
            ch_buf_clear(&of->bytes);
            ch_mp_put_map(&of->bytes, 1);
            ch_mp_put_str(&of->bytes, (ch_str){text, size});
            ch_mp_put_nil(&of->bytes);
            assert_status(ch_mp_check(ch_buf_str(&of->bytes), &ch_mp_limits_event, NULL), CH_INVALID);
        }
    }
}

static void names_the_way_to_the_fault(void **state)
{
    fixture *of = *state;
    put_way_down(&of->bytes);
    put_hex(&of->bytes, "cf ff ff ff ff ff ff ff ff");
    assert_status(ch_mp_check(ch_buf_str(&of->bytes), &ch_mp_limits_event, &of->error), CH_INVALID);
    assert_string_equal(of->error.where, "data.attachments[3].size");
}

static void keeps_the_way_short_and_well_formed(void **state)
{
    fixture *of = *state;
    for (int level = 0; level < 16; level++) {
        char key[200] = "\n\x7f";
        memset(key + 2, 'x', 45);
        strcpy(key + 47, "\xe6\xb0\xb4 and more");
        ch_mp_put_map(&of->bytes, 1);
        ch_mp_put_text(&of->bytes, key);
    }
    put_hex(&of->bytes, "c1");
    assert_status(ch_mp_check(ch_buf_str(&of->bytes), &ch_mp_limits_event, &of->error), CH_INVALID);
    assert_true(ch_str_is_utf8(ch_str_of(of->error.where)));
    assert_true(strlen(of->error.where) > 100);
    assert_true(ch_str_starts(ch_str_of(of->error.where), CH_STR("??xxx")));
    assert_non_null(strstr(of->error.where, "x.??x"));
}

static void refuses_one_more_than_each_limit(void **state)
{
    static const ch_mp_limits limits = {
        .size_bytes = 40, .depth = 2, .map_pairs = 1, .array_items = 3, .str_bytes = 4};
    static const struct {
        const char *hex, *where, *text;
    } cases[] = {
        {"92 a4 61 62 63 64 a5 61 62 63 64 65", "[1]", "more than 4 bytes in one value"},
        {"81 a5 61 62 63 64 65 c0", "", "more than 4 bytes in one value"},
        {"c4 05 01 02 03 04 05", "", "more than 4 bytes in one value"},
        {"94 c0 c0 c0 c0", "", "more than 3 items in one array"},
        {"dd ff ff ff ff", "", "more than 3 items in one array"},
        {"82 a1 61 c0 a1 62 c0", "", "more than 1 pairs in one map"},
        {"df ff ff ff ff", "", "more than 1 pairs in one map"},
        {"81 a1 61 91 90", "a[0]", "more than 2 levels of nesting"},
        {"93 93 c0 c0 c0 93 c0 c0 c0 93 a4 61 62 63 64 a4 61 62 63 64 a4 61 62 63 64 "
         "a4 61 62 63 64 a4 61 62 63 64 a4 61 62 63 64 c0",
         "", "more than 40 bytes"},
    };
    static const char *const within[] = {"93 a4 61 62 63 64 c0 c0", "81 a4 61 62 63 64 90",
                                         "93 93 c0 c0 c0 c0 c0"};
    fixture *of = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ch_buf_clear(&of->bytes);
        put_hex(&of->bytes, cases[i].hex);
        assert_status(ch_mp_check(ch_buf_str(&of->bytes), &limits, &of->error), CH_TOO_LARGE);
        assert_string_equal(of->error.text, cases[i].text);
        assert_string_equal(of->error.where, cases[i].where);
    }
    for (size_t i = 0; i < sizeof within / sizeof *within; i++) {
        ch_buf_clear(&of->bytes);
        put_hex(&of->bytes, within[i]);
        assert_status(ch_mp_check(ch_buf_str(&of->bytes), &limits, &of->error), CH_OK);
    }
}

static void readers_end_where_the_bytes_end(void **state)
{
    static const char *const cut[] = {"", "a3 61", "93 01 02", "82 a1 61 01", "81 a1 61", "c1", "81 01 02"};
    fixture *of = *state;
    for (size_t i = 0; i < sizeof cut / sizeof *cut; i++) {
        ch_mp_value value;
        ch_str bytes;
        ch_buf_clear(&of->bytes);
        put_hex(&of->bytes, cut[i]);
        ch_mp_reader reader = ch_mp_reader_of(ch_buf_str(&of->bytes));
        if (i != 6) {
            assert_false(ch_mp_skip(&reader, &bytes));
        }
        while (ch_mp_next(&reader, &value)) {
        }
        assert_false(ch_mp_find(ch_buf_str(&of->bytes), "b", &value, &bytes));
    }
}

static void finds_nothing_in_what_is_no_map_or_has_no_such_key(void **state)
{
    fixture *of = *state;
    ch_mp_value value;
    assert_false(ch_mp_find(CH_STR_NONE, "a", &value, NULL));
    assert_int_equal(ch_mp_pairs(CH_STR_NONE), 0);
    put_hex(&of->bytes, "92 a1 61 01");
    assert_false(ch_mp_find(ch_buf_str(&of->bytes), "a", &value, NULL));
    assert_int_equal(ch_mp_pairs(ch_buf_str(&of->bytes)), 0);
    ch_buf_clear(&of->bytes);
    put_hex(&of->bytes, "82 a1 61 01 a2 61 62 a1 78");
    assert_false(ch_mp_find(ch_buf_str(&of->bytes), "b", &value, NULL));
    assert_false(ch_mp_find(ch_buf_str(&of->bytes), "x", &value, NULL));
    assert_null(ch_mp_find_str(ch_buf_str(&of->bytes), "a").at);
    assert_int_equal(ch_mp_find_int(ch_buf_str(&of->bytes), "ab", -7), -7);
    assert_true(ch_mp_find_bool(ch_buf_str(&of->bytes), "a", true));
}

static void finds_a_value_behind_nested_ones(void **state)
{
    fixture *of = *state;
    ch_mp_value value;
    ch_str bytes;
    put_hex(&of->bytes, "84 a1 61 81 a1 62 93 01 02 80 a1 62 a2 68 69 a1 63 c3 a1 64 d1 ff 00");
    ch_str map = ch_buf_str(&of->bytes);
    assert_int_equal(ch_mp_pairs(map), 4);
    assert_str(ch_mp_find_str(map, "b"), CH_STR("hi"));
    assert_true(ch_mp_find_bool(map, "c", false));
    assert_int_equal(ch_mp_find_int(map, "d", 0), -256);
    assert_true(ch_mp_find(map, "a", &value, &bytes));
    assert_int_equal(value.kind, CH_MP_MAP);
    assert_int_equal(value.count, 1);
    assert_str(bytes, CH_STR("\x81\xa1\x62\x93\x01\x02\x80"));
    assert_true(ch_mp_find(map, "a", NULL, NULL));
}

static void reads_every_form_of_number(void **state)
{
    static const struct {
        const char *hex;
        int64_t value;
    } cases[] = {
        {"00", 0},
        {"7f", 127},
        {"ff", -1},
        {"e0", -32},
        {"cc ff", 255},
        {"cd ff ff", 65535},
        {"ce ff ff ff ff", UINT32_MAX},
        {"cf 7f ff ff ff ff ff ff ff", INT64_MAX},
        {"d0 80", -128},
        {"d0 7f", 127},
        {"d1 80 00", -32768},
        {"d2 80 00 00 00", INT32_MIN},
        {"d3 80 00 00 00 00 00 00 00", INT64_MIN},
        {"d3 00 00 00 00 00 00 00 01", 1},
    };
    fixture *of = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ch_mp_value value;
        ch_buf_clear(&of->bytes);
        put_hex(&of->bytes, cases[i].hex);
        assert_status(ch_mp_check(ch_buf_str(&of->bytes), &ch_mp_limits_event, &of->error), CH_OK);
        ch_mp_reader reader = ch_mp_reader_of(ch_buf_str(&of->bytes));
        assert_true(ch_mp_next(&reader, &value));
        assert_int_equal(value.kind, CH_MP_INT);
        assert_true(value.integer == cases[i].value);
        assert_false(ch_mp_next(&reader, &value));
    }
}

static void widens_float32(void **state)
{
    fixture *of = *state;
    ch_mp_value value;
    put_hex(&of->bytes, "ca 3f c0 00 00 cb 40 04 00 00 00 00 00 00");
    ch_mp_reader reader = ch_mp_reader_of(ch_buf_str(&of->bytes));
    assert_true(ch_mp_next(&reader, &value));
    assert_int_equal(value.kind, CH_MP_FLOAT);
    assert_true(value.real == 1.5);
    assert_true(ch_mp_next(&reader, &value));
    assert_true(value.real == 2.5);
}

static void writes_the_shortest_heads(void **state)
{
    fixture *of = *state;
    ch_buf expected;
    ch_buf_init(&expected, 4096);
    ch_mp_put_nil(&of->bytes);
    ch_mp_put_bool(&of->bytes, false);
    ch_mp_put_bool(&of->bytes, true);
    ch_mp_put_int(&of->bytes, 127);
    ch_mp_put_int(&of->bytes, 128);
    ch_mp_put_int(&of->bytes, -32);
    ch_mp_put_int(&of->bytes, -33);
    ch_mp_put_int(&of->bytes, INT64_MIN);
    ch_mp_put_uint(&of->bytes, 65536);
    ch_mp_put_float(&of->bytes, 2.5);
    ch_mp_put_text(&of->bytes, "ab");
    ch_mp_put_str(&of->bytes, CH_STR_NONE);
    ch_mp_put_str(&of->bytes, CH_STR("12345678901234567890123456789012"));
    ch_mp_put_bin(&of->bytes, CH_STR("\0\1"));
    ch_mp_put_array(&of->bytes, 15);
    ch_mp_put_array(&of->bytes, 16);
    ch_mp_put_map(&of->bytes, 15);
    ch_mp_put_map(&of->bytes, 65536);
    put_hex(&expected, "c0 c2 c3 7f cc80 e0 d0df d38000000000000000 ce00010000 cb4004000000000000 a2 6162 a0"
                       "d920 3132333435363738393031323334353637383930313233343536373839303132"
                       "c402 0001 9f dc0010 8f df00010000");
    assert_str(ch_buf_str(&of->bytes), ch_buf_str(&expected));
    ch_buf_done(&expected);
}

static void counts_maps_and_arrays_at_their_end(void **state)
{
    fixture *of = *state;
    size_t map = ch_mp_begin_map(&of->bytes);
    ch_mp_put_text(&of->bytes, "a");
    size_t array = ch_mp_begin_array(&of->bytes);
    ch_mp_put_int(&of->bytes, 1);
    ch_mp_put_raw(&of->bytes, CH_STR("\x90"));
    ch_mp_end_array(&of->bytes, array, 2);
    ch_mp_end_map(&of->bytes, map, 1);
    assert_str(ch_buf_str(&of->bytes), CH_STR("\xde\0\1\xa1\x61\xdc\0\2\1\x90"));
    assert_status(ch_mp_check(ch_buf_str(&of->bytes), &ch_mp_limits_event, &of->error), CH_OK);
}

static void a_count_beyond_the_head_fails_the_buffer(void **state)
{
    fixture *of = *state;
    size_t map = ch_mp_begin_map(&of->bytes);
    ch_mp_end_map(&of->bytes, map, 65536);
    assert_status(of->bytes.failed, CH_TOO_LARGE);
}

static void a_full_buffer_says_so_and_stays_as_it_was(void **state)
{
    (void)state;
    ch_buf small;
    ch_buf_init(&small, 4);
    ch_mp_put_text(&small, "abc");
    size_t map = ch_mp_begin_map(&small);
    ch_mp_put_text(&small, "abc");
    ch_mp_end_map(&small, map, 1);
    assert_status(small.failed, CH_TOO_LARGE);
    assert_str(ch_buf_str(&small), CH_STR("\xa3"
                                          "abc"));
    ch_buf_clear(&small);
    assert_status(ch_mp_canonical(&small, CH_STR("\x92\xa3"
                                                 "abc\xa1x")),
                  CH_TOO_LARGE);
    ch_buf_done(&small);
}

static void equal_values_have_equal_canonical_bytes(void **state)
{
    static const char *const same[] = {
        "83 a2 61 61 ca 3f c0 00 00 a1 62 92 01 c4 01 00 a1 61 80",
        "de 00 03 a1 61 de 00 00 da 00 01 62 dc 00 02 d0 01 c5 00 01 00 a2 61 61 cb 3f f8 00 00 00 00 00 00",
        ("df 00 00 00 03 db 00 00 00 01 62 dd 00 00 00 02 cf 00 00 00 00 00 00 00 01 c6 00 00 00 01 00 "
         "d9 02 61 61 ca 3f c0 00 00 a1 61 df 00 00 00 00"),
    };
    fixture *of = *state;
    ch_buf expected;
    ch_buf_init(&expected, 4096);
    put_hex(&expected, "83 a1 61 80 a2 61 61 cb 3f f8 00 00 00 00 00 00 a1 62 92 01 c4 01 00");
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        ch_buf out;
        ch_buf_init(&out, 4096);
        ch_buf_clear(&of->bytes);
        put_hex(&of->bytes, same[i]);
        assert_status(ch_mp_check(ch_buf_str(&of->bytes), &ch_mp_limits_event, &of->error), CH_OK);
        assert_status(ch_mp_canonical(&out, ch_buf_str(&of->bytes)), CH_OK);
        assert_str(ch_buf_str(&out), ch_buf_str(&expected));
        ch_buf_done(&out);
    }
    ch_buf_done(&expected);
}

static void canonical_keys_are_in_byte_order_in_large_maps_too(void **state)
{
    fixture *of = *state;
    ch_buf out;
    ch_mp_value head, key, ignored;
    ch_str before = CH_STR_NONE;
    ch_buf_init(&out, 1 << 20);
    put_keys(&of->bytes, 256, 100004);
    assert_status(ch_mp_canonical(&out, ch_buf_str(&of->bytes)), CH_OK);
    assert_int_equal(out.size, of->bytes.size);
    ch_mp_reader reader = ch_mp_reader_of(ch_buf_str(&out));
    assert_true(ch_mp_next(&reader, &head));
    for (uint32_t i = 0; i < head.count; i++, before = key.str) {
        assert_true(ch_mp_next(&reader, &key) && ch_mp_next(&reader, &ignored));
        assert_true(i == 0 || ch_str_compare(before, key.str) < 0);
    }
    ch_buf_done(&out);
}

static void canonical_bytes_of_any_value_are_their_own_canonical_bytes(void **state)
{
    fixture *of = *state;
    ch_random_seeded random;
    ch_buf once, twice;
    ch_buf_init(&once, 1 << 20);
    ch_buf_init(&twice, 1 << 20);
    ch_random_seeded_init(&random, 3);
    for (int round = 0; round < 500; round++) {
        ch_buf_clear(&of->bytes);
        ch_buf_clear(&once);
        ch_buf_clear(&twice);
        put_any_value(&of->bytes, &random, 4);
        assert_status(ch_mp_check(ch_buf_str(&of->bytes), &ch_mp_limits_event, &of->error), CH_OK);
        assert_status(ch_mp_canonical(&once, ch_buf_str(&of->bytes)), CH_OK);
        assert_status(ch_mp_check(ch_buf_str(&once), &ch_mp_limits_event, &of->error), CH_OK);
        assert_status(ch_mp_canonical(&twice, ch_buf_str(&once)), CH_OK);
        assert_str(ch_buf_str(&twice), ch_buf_str(&once));
    }
    ch_buf_done(&once);
    ch_buf_done(&twice);
}

#define test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(refuses_what_is_not_one_right_value),
        test(refuses_every_truncation),
        test(survives_every_changed_byte),
        test(refuses_a_doubled_key_in_maps_of_any_size),
        test(sees_a_bad_byte_wherever_it_stands),
        test(names_the_way_to_the_fault),
        test(keeps_the_way_short_and_well_formed),
        test(refuses_one_more_than_each_limit),
        test(readers_end_where_the_bytes_end),
        test(finds_nothing_in_what_is_no_map_or_has_no_such_key),
        test(finds_a_value_behind_nested_ones),
        test(reads_every_form_of_number),
        test(widens_float32),
        test(writes_the_shortest_heads),
        test(counts_maps_and_arrays_at_their_end),
        test(a_count_beyond_the_head_fails_the_buffer),
        test(a_full_buffer_says_so_and_stays_as_it_was),
        test(equal_values_have_equal_canonical_bytes),
        test(canonical_keys_are_in_byte_order_in_large_maps_too),
        test(canonical_bytes_of_any_value_are_their_own_canonical_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
