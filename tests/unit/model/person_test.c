/* What a person is found by has one spelling, however people write it. */
#include "tests/unit/check.h"
#include "tests/unit/model/values.h"

#include "hub/model/person.h"

static void assert_phone(const char *written, const char *expected)
{
    ch_person_key key;
    bool found = ch_person_phone(ch_str_of(written), &key);
    assert_int_equal(found, expected != NULL);
    if (found) {
        assert_string_equal(key.text, expected);
    }
}

static void what_is_no_number_finds_nobody(void **state)
{
    (void)state;
    const char *const none[] = {"", "call me", "12", "1-2-3-4",
                                "1234567890123456789012345678901234567890123456789"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        ch_person_key key;
        assert_phone(none[i], NULL);
        assert_false(ch_person_id_number(ch_str_of(none[i]), &key));
    }
}

static void a_phone_has_one_spelling(void **state)
{
    (void)state;
    assert_phone("13800001234", "phone:13800001234");
    assert_phone("+86 138-0000-1234", "phone:13800001234");
    assert_phone("0086 (138) 00001234", "phone:13800001234");
    assert_phone("86138 0000 1234", "phone:13800001234");
    assert_phone("0580-2000000", "phone:05802000000");
    assert_phone("86 580 1", "phone:865801"); /* too short for a mobile number behind a country's code */
}

static void an_identity_number_has_one_spelling_and_is_no_phone(void **state)
{
    (void)state;
    ch_person_key key, phone;
    assert_true(ch_person_id_number(CH_STR("330902 19700101 123x"), &key));
    assert_string_equal(key.text, "id:33090219700101123X");
    assert_true(ch_person_id_number(CH_STR("13800001234"), &key));
    assert_true(ch_person_phone(CH_STR("13800001234"), &phone));
    assert_string_not_equal(key.text, phone.text);
}

static void an_event_has_the_keys_of_its_private_map(void **state)
{
    (void)state;
    ch_buf map;
    ch_person_key keys[CH_PERSON_KEYS_MOST];
    assert_int_equal(ch_person_keys(CH_STR_NONE, keys), 0);
    ch_buf_init(&map, 4096);
    ch_mp_put_map(&map, 3);
    ch_mp_put_text(&map, "name");
    ch_mp_put_text(&map, "Nobody 12345");
    ch_mp_put_text(&map, "phone");
    ch_mp_put_int(&map, 5);
    ch_mp_put_text(&map, "id_number");
    ch_mp_put_text(&map, "330902197001011234");
    assert_int_equal(ch_person_keys(ch_buf_str(&map), keys), 1);
    assert_string_equal(keys[0].text, "id:330902197001011234");
    ch_buf_done(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_number_finds_nobody),
        cmocka_unit_test(a_phone_has_one_spelling),
        cmocka_unit_test(an_identity_number_has_one_spelling_and_is_no_phone),
        cmocka_unit_test(an_event_has_the_keys_of_its_private_map),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
