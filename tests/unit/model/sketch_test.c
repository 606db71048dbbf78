/* What is compared of two texts, and what makes no difference. */
#include "hub/model/sketch.h"
#include "tests/unit/check.h"

static uint64_t hash_of(ch_str gram)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < gram.size; i++) {
        hash = (hash ^ (uint8_t)gram.at[i]) * UINT64_C(0x100000001b3);
    }
    hash = (hash ^ hash >> 32) * UINT64_C(0xd6e8feb86659fd93);
    return hash ^ hash >> 32;
}

static size_t sketch_of(const char *title, const char *text, uint8_t out[CH_SKETCH_SIZE])
{
    ch_sketch_grams grams;
    uint64_t hashes[CH_SKETCH_GRAMS_MAX];
    ch_sketch_grams_of(&grams, ch_str_of(title), ch_str_of(text));
    for (size_t i = 0; i < grams.count; i++) {
        hashes[i] = hash_of(grams.at[i]);
    }
    ch_sketch_make(out, hashes, grams.count);
    return grams.count;
}

static unsigned similarity(const char *one, const char *other)
{
    uint8_t a[CH_SKETCH_SIZE], b[CH_SKETCH_SIZE];
    (void)sketch_of(one, "", a);
    (void)sketch_of(other, "", b);
    return ch_sketch_similarity(a, b);
}

static void texts_without_letters_have_no_grams(void **unused)
{
    (void)unused;
    uint8_t sketch[CH_SKETCH_SIZE];
    ch_sketch_grams grams;
    assert_int_equal(sketch_of("", "", sketch), 0);
    assert_int_equal(sketch_of("。", "！？ -- 、", sketch), 0);
    assert_int_equal(sketch_of("臭", "abc", sketch), 0);
    ch_sketch_grams_of(&grams, CH_STR_NONE, CH_STR_NONE);
    assert_int_equal(grams.count, 0);
    ch_sketch_grams_of(&grams, CH_STR("\xe4\xb8"), CH_STR("\xff\xfe\xf0"));
    assert_true(grams.count <= 3);
}

static void a_gram_is_two_wide_characters_or_four_letters(void **unused)
{
    (void)unused;
    ch_sketch_grams grams;
    ch_sketch_grams_of(&grams, CH_STR("路灯不亮"), CH_STR("abcde"));
    assert_int_equal(grams.count, 5);
    static const char *const expected[] = {"路灯", "灯不", "不亮", "abcd", "bcde"};
    for (size_t i = 0; i < 5; i++) {
        assert_true(ch_str_is(grams.at[i], expected[i]));
    }
}

static void marks_spaces_case_and_width_make_no_difference(void **unused)
{
    (void)unused;
    assert_int_equal(similarity("路灯，不亮！编号 AB12", "路灯 不亮编号：ＡＢ１２"), 100);
    assert_int_equal(similarity("Street Lamp is out", "street-lamp IS OUT."), 100);
}

static void what_is_told_alike_is_similar_and_what_is_not_is_not(void **unused)
{
    (void)unused;
    const char *smell = "虚构小区东侧厂房夜里排放刺鼻气味，没法开窗";
    assert_true(similarity(smell, "您好，虚构小区东侧厂房夜里又排放刺鼻气味，没法开窗") >= 60);
    assert_true(similarity(smell, "小区东侧一家厂房排放刺鼻气味，夜里没法开窗") >= 30);
    assert_true(similarity(smell, "菜市场旁的垃圾桶满了，三天没有人来收") <= 10);
    assert_true(similarity("the lamp at the bridge is out", "a pipe leaks below the school") <= 10);
}

static void a_long_text_is_looked_at_up_to_its_limit(void **unused)
{
    (void)unused;
    static char text[100000];
    uint8_t sketch[CH_SKETCH_SIZE];
    for (size_t i = 0; i < sizeof text - 1; i++) {
        text[i] = (char)('a' + i * i % 26);
    }
    assert_int_equal(sketch_of("", text, sketch), CH_SKETCH_GRAMS_MAX);
    for (size_t i = 0; i + 4 < sizeof text; i += 4) {
        memcpy(text + i, "\xf0\x9f\x92\xa1", 4); /* four bytes a character */
    }
    assert_true(sketch_of("", text, sketch) <= CH_SKETCH_GRAMS_MAX);
}

static void only_a_community_and_the_category_above_are_a_place(void **unused)
{
    (void)unused;
    char one[CH_SKETCH_PLACE_SIZE], other[CH_SKETCH_PLACE_SIZE];
    assert_false(ch_sketch_place(one, CH_STR_NONE, CH_STR("smell"), false));
    assert_false(ch_sketch_place(one, CH_STR("330902003"), CH_STR("smell"), false));
    assert_true(ch_sketch_place(one, CH_STR("330902003001"), CH_STR("smell.industrial"), false));
    assert_string_equal(one, "r330902003001smell");
    assert_true(ch_sketch_place(other, CH_STR("330902003001007"), CH_STR("smell"), false));
    assert_string_equal(one, other);
    assert_true(ch_sketch_place(other, CH_STR("330902003001"), CH_STR("smell"), true));
    assert_string_equal(other, "t330902003001smell");
    assert_true(ch_sketch_place(other, CH_STR("330902003001"), CH_STR_NONE, false));
    assert_string_equal(other, "r330902003001");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_without_letters_have_no_grams),
        cmocka_unit_test(a_gram_is_two_wide_characters_or_four_letters),
        cmocka_unit_test(marks_spaces_case_and_width_make_no_difference),
        cmocka_unit_test(what_is_told_alike_is_similar_and_what_is_not_is_not),
        cmocka_unit_test(a_long_text_is_looked_at_up_to_its_limit),
        cmocka_unit_test(only_a_community_and_the_category_above_are_a_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
