#include "tests/unit/model/values.h"

#include "hub/model/base64.h"
#include "hub/model/json.h"

typedef struct fixture {
    ch_buf bytes, text;
    ch_error error;
} fixture;

static int set_up(void **state)
{
    static fixture of;
    ch_buf_init(&of.bytes, 1 << 20);
    ch_buf_init(&of.text, 4 << 20);
    of.error = (ch_error){.status = CH_OK};
    *state = &of;
    return 0;
}

static int tear_down(void **state)
{
    fixture *of = *state;
    ch_buf_done(&of->bytes);
    ch_buf_done(&of->text);
    return 0;
}

static ch_status read_text(fixture *of, ch_str text)
{
    ch_buf_clear(&of->bytes);
    return ch_json_to_mp(&of->bytes, text, &ch_mp_limits_event, &of->error);
}

static void refuses_text_that_is_not_one_json_value(void **state)
{
    static const struct {
        const char *text, *where, *what;
    } cases[] = {
        {"", "line 1, column 0", "ends too early"},
        {"  ", "line 1, column 2", "ends too early"},
        {"{\"a\":1", "line 1, column 6", "ends too early"},
        {"1 2", "line 1, column 3", "there is more behind the value"},
        {"{} {}", "line 1, column 4", "there is more behind the value"},
        {"{\n \"a\": 1,\n \"b\" 2}", "line 3, column 6", "not JSON"},
        {"{\"name\":Li Si}", "line 1, column 10", "not JSON"},
        {"[1,]", "line 1, column 4", "not JSON"},
        {"'a'", "line 1, column 1", "not JSON"},
        {"NaN", "line 1, column 3", "not JSON"},
        {"01", "line 1, column 1", "not JSON"},
        {"\"\\ud800\"", "line 1, column 8", "not JSON"},
        {"\"\xff\"", "line 1, column 1", "not UTF-8"},
        {"{\"a\":1,\n\"a\":2}", "line 2, column 3", "a key occurs twice"},
        {"{\"a\\u0000b\":1}", "line 1, column 11", "a key with a zero byte"},
        {"9223372036854775808", "line 1, column 19", "a number that is too large"},
        {"-9223372036854775809", "line 1, column 20", "a number that is too large"},
        {"1e999", "line 1, column 5", "a number that is too large"},
    };
    fixture *of = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_status(read_text(of, ch_str_of(cases[i].text)), CH_INVALID);
        assert_string_equal(of->error.text, cases[i].what);
        assert_string_equal(of->error.where, cases[i].where);
        assert_int_equal(of->bytes.size, 0);
    }
    assert_status(read_text(of, CH_STR_NONE), CH_INVALID);
}

static void refuses_every_truncation(void **state)
{
    static const char text[] = "{\"a\":[1,-2.5e3,true,null,\"\\u6c34\\n\"],\"b\":{\"$base64\":\"QUI=\"}}";
    fixture *of = *state;
    for (size_t size = 0; size < sizeof text - 1; size++) {
        assert_status(read_text(of, (ch_str){text, size}), CH_INVALID);
    }
    assert_status(read_text(of, (ch_str){text, sizeof text - 1}), CH_OK);
}

static void names_the_way_to_what_is_beyond_a_limit(void **state)
{
    static const ch_mp_limits limits = {
        .size_bytes = 64, .depth = 3, .map_pairs = 2, .array_items = 3, .str_bytes = 8};
    static const struct {
        const char *text, *where;
    } cases[] = {
        {"{\"data\":{\"list\":[1,2,[]]}}", "data.list[2]"},
        {"{\"data\":{\"list\":[1,2,{\"a\":1}]}}", "data.list[2]"},
        {"{\"data\":{\"list\":[1,2,{\"$$base64\":\"QUJD\"}]}}", "data.list[2]"},
        {"{\"data\":[1,2,3,4]}", "data"},
        {"{\"data\":{\"a\":1,\"b\":2,\"c\":3}}", "data"},
        {"{\"data\":\"123456789\"}", "data"},
        {"{\"data\":{\"$base64\":\"QUJDQUJDQUJD\"}}", "data"},
        {"[\"12345678\",[\"12345678\",\"12345678\",\"12345678\"],[\"12345678\",\"12345678\",\"12345678\"]]",
         ""},
    };
    fixture *of = *state;
    ch_buf_append_text(&of->bytes, "kept");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_status(ch_json_to_mp(&of->bytes, ch_str_of(cases[i].text), &limits, &of->error), CH_TOO_LARGE);
        assert_string_equal(of->error.where, cases[i].where);
        assert_str(ch_buf_str(&of->bytes), CH_STR("kept"));
    }
    assert_status(ch_json_to_mp(&of->bytes, CH_STR("{\"data\":{\"list\":[1,2,{\"$base64\":\"QUJD\"}]}}"),
                                &limits, &of->error),
                  CH_OK);
}

static void refuses_endless_nesting_and_endless_text(void **state)
{
    fixture *of = *state;
    size_t size = (size_t)8 * ch_mp_limits_event.size_bytes;
    char *text = ch_buf_extend(&of->text, size + 8);
    assert_non_null(text);
    memset(text, '[', size + 8);
    assert_status(read_text(of, (ch_str){text, 100000}), CH_TOO_LARGE);
    assert_string_equal(of->error.text, "nested too deeply");
    memset(text, ' ', size + 8);
    assert_status(read_text(of, (ch_str){text, size + 8}), CH_TOO_LARGE);
    assert_string_equal(of->error.text, "more than 2097152 bytes of JSON");
    text[0] = '1';
    assert_status(read_text(of, (ch_str){text, size}), CH_OK);
}

static void a_full_buffer_is_told(void **state)
{
    (void)state;
    ch_buf small;
    ch_error error;
    ch_buf_init(&small, 4);
    assert_status(ch_json_to_mp(&small, CH_STR("\"12345\""), &ch_mp_limits_event, &error), CH_TOO_LARGE);
    ch_buf_clear(&small);
    assert_status(ch_json_to_mp(&small, CH_STR("{\"$base64\":\"QUJDRA==\"}"), &ch_mp_limits_event, &error),
                  CH_TOO_LARGE);
    ch_buf_clear(&small);
    assert_status(ch_json_from_mp(&small, CH_STR("\x93\xc0\xc0\xc0")), CH_TOO_LARGE);
    ch_buf_done(&small);
}

/* Each side exactly as it is written, and back. */
static void says_the_same_in_both_forms(void **state)
{
    static const struct {
        const char *text, *hex;
    } cases[] = {
        {"null", "c0"},
        {"true", "c3"},
        {"false", "c2"},
        {"0", "00"},
        {"-1", "ff"},
        {"9223372036854775807", "cf 7fffffffffffffff"},
        {"-9223372036854775808", "d3 8000000000000000"},
        {"1.0", "cb 3ff0000000000000"},
        {"-0.0", "cb 8000000000000000"},
        {"0.1", "cb 3fb999999999999a"},
        {"121.568", "cb 405e645a1cac0831"},
        {"1e+300", "cb 7e37e43c8800759c"},
        {"4.94065645841247e-324", "cb 0000000000000001"},
        {"1.7976931348623157e+308", "cb 7fefffffffffffff"},
        {"\"\"", "a0"},
        {"\"a/b\"", "a3 612f62"},
        {"\"\\\"\\\\\\b\\t\\n\\f\\r\"", "a7 225c08090a0c0d"},
        {"\"\\u0000\\u0001\\u001f\x7f\"", "a4 00011f7f"},
        {"\"\xe6\xb0\xb4\xf0\x9f\x9a\x91\"", "a7 e6b0b4f09f9a91"},
        {"[]", "90"},
        {"[1,[2],\"3\"]", "93 01 91 02 a1 33"},
        {"{}", "80"},
        {"{\"b\":1,\"a\":{\"\":null}}", "82 a162 01 a161 81 a0 c0"},
        {"{\"\\n\":1}", "81 a10a 01"},
        {"{\"$base64\":\"\"}", "c400"},
        {"{\"$base64\":\"AP8=\"}", "c402 00ff"},
        {"{\"$$base64\":\"AP8=\"}", "81 a7 24626173653634 a4 4150383d"},
        {"{\"$$$base64\":\"\"}", "81 a8 2424626173653634 a0"},
        {"{\"$base64\":\"AP8\"}", "81 a7 24626173653634 a3 415038"},
        {"{\"$base64\":1}", "81 a7 24626173653634 01"},
        {"{\"$base64\":\"\",\"a\":1}", "82 a7 24626173653634 a0 a161 01"},
        {"{\"base64\":\"AP8=\"}", "81 a6 626173653634 a4 4150383d"},
    };
    fixture *of = *state;
    ch_buf expected;
    ch_buf_init(&expected, 1000);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ch_buf_clear(&expected);
        ch_buf_clear(&of->text);
        put_hex(&expected, cases[i].hex);
        assert_status(read_text(of, ch_str_of(cases[i].text)), CH_OK);
        assert_str(ch_buf_str(&of->bytes), ch_buf_str(&expected));
        assert_status(ch_json_from_mp(&of->text, ch_buf_str(&expected)), CH_OK);
        assert_str(ch_buf_str(&of->text), ch_str_of(cases[i].text));
    }
    ch_buf_done(&expected);
}

static void reads_what_others_write_differently(void **state)
{
    static const struct {
        const char *text, *same;
    } cases[] = {
        {" [ 1 ,\r\n\t2 ] ", "[1,2]"},
        {"\"\\u6c34\\/\\ud83d\\ude91\"", "\"\xe6\xb0\xb4/\xf0\x9f\x9a\x91\""},
        {"1E2", "100.0"},
        {"1.50", "1.5"},
        {"-0", "0"},
        {"1e-999", "0.0"},
    };
    fixture *of = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ch_buf_clear(&of->text);
        assert_status(read_text(of, ch_str_of(cases[i].text)), CH_OK);
        assert_status(ch_json_from_mp(&of->text, ch_buf_str(&of->bytes)), CH_OK);
        assert_str(ch_buf_str(&of->text), ch_str_of(cases[i].same));
    }
}

static void loses_nothing_of_any_value(void **state)
{
    fixture *of = *state;
    ch_random_seeded random;
    ch_buf value, before, after;
    ch_buf_init(&value, 1 << 20);
    ch_buf_init(&before, 1 << 20);
    ch_buf_init(&after, 1 << 20);
    ch_random_seeded_init(&random, 5);
    for (int round = 0; round < 2000; round++) {
        ch_buf_clear(&value);
        ch_buf_clear(&before);
        ch_buf_clear(&after);
        ch_buf_clear(&of->text);
        put_any_value(&value, &random, 4);
        assert_status(ch_json_from_mp(&of->text, ch_buf_str(&value)), CH_OK);
        assert_status(read_text(of, ch_buf_str(&of->text)), CH_OK);
        assert_status(ch_mp_canonical(&before, ch_buf_str(&value)), CH_OK);
        assert_status(ch_mp_canonical(&after, ch_buf_str(&of->bytes)), CH_OK);
        assert_str(ch_buf_str(&after), ch_buf_str(&before));
        ch_buf_clear(&value);
        assert_status(ch_json_from_mp(&value, ch_buf_str(&of->bytes)), CH_OK);
        assert_str(ch_buf_str(&value), ch_buf_str(&of->text));
    }
    ch_buf_done(&value);
    ch_buf_done(&before);
    ch_buf_done(&after);
}

static void no_fault_tells_what_the_text_says(void **state)
{
    fixture *of = *state;
    assert_status(read_text(of, CH_STR("{\"name\":\"Li Si\" \"phone\":\"555\"}")), CH_INVALID);
    assert_null(strstr(of->error.text, "phone"));
    assert_status(read_text(of, CH_STR("[Li Si]")), CH_INVALID);
    assert_null(strstr(of->error.text, "Li"));
}

static void takes_only_the_one_base64_of_each_content(void **state)
{
    static const char *const wrong[] = {
        "A",    "AA",    "AAA",      "=",    "====", "A===", "AB==",  "AAB=",  "AA=A",
        "A=AA", "AAAA=", "AA==AAAA", "AA-A", "AA_A", "AA A", "AAA\n", "AAAAAA"};
    ch_buf out, text;
    (void)state;
    ch_buf_init(&out, 100);
    ch_buf_init(&text, 100);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        if (ch_base64_is_valid(ch_str_of(wrong[i]))) {
            fail_msg("took %s for base64", wrong[i]);
        }
    }
    for (size_t size = 0; size <= 8; size++) {
        static const char bytes[] = "\x00\xff\x10\x83\xfb\xef\xbe\x3f";
        ch_buf_clear(&out);
        ch_buf_clear(&text);
        ch_base64_encode(&text, (ch_str){bytes, size});
        assert_true(ch_base64_is_valid(ch_buf_str(&text)));
        ch_base64_decode(&out, ch_buf_str(&text));
        assert_str(ch_buf_str(&out), ((ch_str){bytes, size}));
    }
    assert_str(ch_buf_str(&text), CH_STR("AP8Qg/vvvj8="));
    ch_buf_done(&out);
    ch_buf_done(&text);
}

#define test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(refuses_text_that_is_not_one_json_value),
        test(refuses_every_truncation),
        test(names_the_way_to_what_is_beyond_a_limit),
        test(refuses_endless_nesting_and_endless_text),
        test(a_full_buffer_is_told),
        test(says_the_same_in_both_forms),
        test(reads_what_others_write_differently),
        test(loses_nothing_of_any_value),
        test(no_fault_tells_what_the_text_says),
        test(takes_only_the_one_base64_of_each_content),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
