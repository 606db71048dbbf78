/* Forms as clients post them, wrong ones first. */
#include "connectors/transports/open311_form.h"
#include "tests/unit/connectors/stage.h"

#include <stdlib.h>

static void expect_refusal(const char *text, size_t size, ch_status wanted)
{
    ch_form form;
    ch_error error = {.status = CH_OK};
    ch_form_init(&form);
    assert_status(ch_form_parse(&form, (ch_str){text, size}, &error), wanted);
    ch_form_done(&form);
}

static void read_form(ch_form *form, const char *text)
{
    ch_error error = {.status = CH_OK};
    ch_form_init(form);
    ch_status status = ch_form_parse(form, ch_str_of(text), &error);
    if (status != CH_OK) {
        fail_msg("%s: %s", error.where, error.text);
    }
}

static void assert_field(const ch_form *form, const char *name, const char *wanted)
{
    ch_str value = ch_form_get(form, name);
    assert_non_null(value.at);
    assert_string_equal(value.at, wanted);
}

static void bytes_that_are_no_text_are_refused(void **state)
{
    (void)state;
    expect_refusal("a=%FF", 5, CH_INVALID);        /* not UTF-8 */
    expect_refusal("a=%C0%AF", 8, CH_INVALID);     /* overlong */
    expect_refusal("a=%ED%A0%80", 11, CH_INVALID); /* a surrogate */
    expect_refusal("a=x%00y", 7, CH_INVALID);
    expect_refusal("a=\0", 3, CH_INVALID);
    expect_refusal("a=%1B%5B2J", 10, CH_INVALID);
    expect_refusal("a=%7F", 5, CH_INVALID);
    expect_refusal("%FF=a", 5, CH_INVALID);
    expect_refusal("=a", 2, CH_INVALID);
}

static void a_name_that_is_too_long_is_refused(void **state)
{
    char text[300];
    (void)state;
    memset(text, 'n', sizeof text);
    text[201] = '=';
    expect_refusal(text, 203, CH_INVALID);
}

static void more_fields_than_the_limit_are_refused(void **state)
{
    char text[5 * (CH_FORM_FIELDS_MOST + 1)];
    (void)state;
    for (size_t i = 0; i <= CH_FORM_FIELDS_MOST; i++) {
        memcpy(text + 4 * i, "a=b&", 4);
    }
    expect_refusal(text, 4 * CH_FORM_FIELDS_MOST + 3, CH_TOO_LARGE);
}

static void a_form_beyond_the_limit_is_refused(void **state)
{
    (void)state;
    char *text = malloc(CH_FORM_BYTES_MOST + 1);
    assert_non_null(text);
    memset(text, 'a', CH_FORM_BYTES_MOST + 1);
    text[1] = '=';
    expect_refusal(text, CH_FORM_BYTES_MOST + 1, CH_TOO_LARGE);
    free(text);
}

static void the_error_names_the_field_and_not_its_value(void **state)
{
    ch_form form;
    ch_error error = {.status = CH_OK};
    (void)state;
    ch_form_init(&form);
    assert_status(ch_form_parse(&form, CH_STR("phone=130%FF"), &error), CH_INVALID);
    assert_string_equal(error.where, "phone");
    assert_null(strstr(error.text, "130"));
    ch_form_done(&form);
}

static void a_form_of_the_greatest_size_is_read(void **state)
{
    ch_form form;
    ch_error error = {.status = CH_OK};
    (void)state;
    char *text = malloc(CH_FORM_BYTES_MOST);
    assert_non_null(text);
    memset(text, 'a', CH_FORM_BYTES_MOST);
    text[1] = '=';
    ch_form_init(&form);
    assert_status(ch_form_parse(&form, (ch_str){text, CH_FORM_BYTES_MOST}, &error), CH_OK);
    assert_int_equal(ch_form_get(&form, "a").size, CH_FORM_BYTES_MOST - 2);
    ch_form_done(&form);
    free(text);
}

static void escapes_pluses_and_chinese_are_decoded(void **state)
{
    ch_form form;
    (void)state;
    read_form(&form, "a=b+c%2B&%E5%90%8D=%E8%B7%AF%e7%81%af&&line=1%0D%0A2&rest=100%&half=%4");
    assert_field(&form, "a", "b c+");
    assert_field(&form, "名", "路灯");
    assert_field(&form, "line", "1\r\n2");
    assert_field(&form, "rest", "100%");
    assert_field(&form, "half", "%4");
    ch_form_done(&form);
}

static void the_line_end_of_a_posted_file_is_no_part_of_the_form(void **state)
{
    ch_form form;
    (void)state;
    read_form(&form, "a=b&c=d%0A\r\n");
    assert_field(&form, "c", "d\n");
    ch_form_done(&form);
}

static void an_empty_value_is_an_absent_one(void **state)
{
    ch_form form;
    (void)state;
    read_form(&form, "email=&phone&lat=1");
    assert_null(ch_form_get(&form, "email").at);
    assert_null(ch_form_get(&form, "phone").at);
    assert_int_equal(form.count, 1);
    ch_form_done(&form);
}

static void a_plain_field_with_two_values_is_a_contradiction(void **state)
{
    ch_form form;
    (void)state;
    read_form(&form, "attribute[A]=1&attribute[A]=2&lat=1&lat=1");
    assert_null(ch_form_contradiction(&form));
    ch_form_done(&form);
    read_form(&form, "lat=1&long=3&lat=2");
    assert_string_equal(ch_form_contradiction(&form)->name.at, "lat");
    ch_form_done(&form);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(bytes_that_are_no_text_are_refused),
        TEST(a_name_that_is_too_long_is_refused),
        TEST(more_fields_than_the_limit_are_refused),
        TEST(a_form_beyond_the_limit_is_refused),
        TEST(the_error_names_the_field_and_not_its_value),
        TEST(a_form_of_the_greatest_size_is_read),
        TEST(escapes_pluses_and_chinese_are_decoded),
        TEST(the_line_end_of_a_posted_file_is_no_part_of_the_form),
        TEST(an_empty_value_is_an_absent_one),
        TEST(a_plain_field_with_two_values_is_a_contradiction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
