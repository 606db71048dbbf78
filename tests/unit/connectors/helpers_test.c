/* What every mapping has more than jq: prelude.jq, with good values and bad ones. */
#include "connectors/host/mapping.h"
#include "tests/unit/connectors/stage.h"

#include <stdio.h>

#define RESULT_SIZE 600

/* A value as JSON, and what the helper makes of it as JSON; or the reason why it refuses, behind "!". */
typedef struct pair {
    const char *value, *wanted;
} pair;

static ch_status keep(void *context, jv output, ch_error *error)
{
    (void)error;
    jv text = jv_dump_string(output, JV_PRINT_SORTED);
    snprintf(context, RESULT_SIZE, "%s", jv_string_value(text));
    jv_free(text);
    return CH_OK;
}

static ch_mapping *open_program(stage *on, const char *program)
{
    const ch_strings tables = {.count = 0};
    ch_mapping *mapping = NULL;
    ch_error error = {.status = CH_OK};
    stage_write(on, "helper.jq", program);
    ch_status status = ch_mapping_open(&mapping, stage_path(on, "helper.jq"), &tables, &error);
    if (status != CH_OK) {
        fail_msg("%s: %s", program, error.text);
    }
    return mapping;
}

static void expect_each(stage *on, const char *program, const pair *pairs, size_t count)
{
    const ch_record_place place = {"a.csv", 1, 1, 0};
    ch_mapping *mapping = open_program(on, program);
    for (size_t i = 0; i < count; i++) {
        char got[RESULT_SIZE] = "", record[400];
        ch_error error = {.status = CH_OK};
        snprintf(record, sizeof record, "{\"v\":%s}", pairs[i].value);
        ch_status status = ch_mapping_run(mapping, ch_str_of(record), &place, keep, got, &error);
        if (status != CH_OK) {
            snprintf(got, sizeof got, "!%s: %s", error.where, error.text);
        }
        if (strcmp(got, pairs[i].wanted) != 0) {
            fail_msg("%s of %s is %s, not %s", program, pairs[i].value, got, pairs[i].wanted);
        }
    }
    ch_mapping_close(mapping);
}

#define EXPECT(program, ...)                                                                                 \
    do {                                                                                                     \
        static const pair pairs[] = {__VA_ARGS__};                                                           \
        expect_each(*state, program, pairs, sizeof pairs / sizeof *pairs);                                   \
    } while (0)

#define NO_TIME "!x: a time such as 2026-11-23 08:15 is expected"
#define AT(text) "{\"$time\":\"" text "\",\"zone\":\"Asia/Shanghai\"}"

static void times_come_in_many_spellings(void **state)
{
    EXPECT(".v | local_time(\"x\")", {"\"soon\"", NO_TIME}, {"\"23.11.2026\"", NO_TIME},
           {"\"2026-11/23\"", NO_TIME}, {"\"2026年11-23\"", NO_TIME}, {"\"2026-11-23 下午3时\"", NO_TIME},
           {"\"2026112\"", NO_TIME}, {"\"2026-11-23 8:\"", NO_TIME}, {"true", "!x: a time is expected"},
           {"{\"a\":1}", "!x: a time is expected"}, {"null", "null"}, {"\" \"", "null"},
           {"\"2026-11-23 08:15\"", AT("2026-11-23 08:15")}, {"\" 2026/1/3 \"", AT("2026/1/3")},
           {"\"2026-11-23T08:15:30\"", AT("2026-11-23T08:15:30")},
           {"\"2026-11-23T08:15:30.5+08:00\"", AT("2026-11-23T08:15:30.5+08:00")},
           {"\"2026-11-23 08:15:30.000\"", AT("2026-11-23 08:15:30")}, {"\"2026.1.3\"", AT("2026-1-3")},
           {"\"20261123\"", AT("2026-11-23")}, {"\"20261123 0815\"", AT("2026-11-23 08:15:00")},
           {"\"20261123081530\"", AT("2026-11-23 08:15:30")}, {"1795400820", AT("2026-11-23T02:27:00Z")},
           {"\"1795400820999\"", AT("2026-11-23T02:27:00Z")}, {"\"2026年1月3日\"", AT("2026-1-3")},
           {"\"2026年11月23日 8时5分\"", AT("2026-11-23 8:05:00")},
           {"\"2026年11月23日8点\"", AT("2026-11-23 8:00:00")},
           {"\"2026年11月23日08:15:30\"", AT("2026-11-23 08:15:30")},
           {"\"２０２６－１１－２３\"", AT("2026-11-23")});
    EXPECT(".v | local_time(\"x\"; \"Europe/Berlin\")",
           {"\"2026-11-23\"", "{\"$time\":\"2026-11-23\",\"zone\":\"Europe/Berlin\"}"});
}

#define NO_AREA "!x: an area code has 2, 4, 6, 9, 12 or 15 digits"

static void area_codes_are_checked_and_lose_their_padding(void **state)
{
    EXPECT(".v | area_code(\"x\")", {"\"33090\"", NO_AREA}, {"\"3309020010010010\"", NO_AREA},
           {"\"03\"", NO_AREA}, {"\"33o9\"", NO_AREA}, {"[]", NO_AREA}, {"null", "null"}, {"\"\"", "null"},
           {"\"33\"", "\"33\""}, {"330902", "\"330902\""}, {"\"330902001\"", "\"330902001\""},
           {"\" 330902001001001\"", "\"330902001001001\""}, {"\"330902001000\"", "\"330902001\""},
           {"\"330902000000000\"", "\"330902\""}, {"\"330900\"", "\"3309\""}, {"\"330000000000\"", "\"33\""});
    EXPECT(".v | area_code(\"x\"; 15)", {"\"330902\"", "!x: 15 digits are expected"},
           {"\"330902001001001\"", "\"330902001001001\""});
    EXPECT(".v | area_within(9)", {"\"330902001001001\"", "\"330902001\""}, {"\"33\"", "\"33\""},
           {"null", "null"});
    EXPECT(".v | area_within(7)", {"\"330902001\"", "!: no area has 7 digits"});
}

static void telephone_numbers_are_made_alike(void **state)
{
    EXPECT(".v | phone(\"x\")", {"\"1381234567\"", "!x: it is no telephone number"},
           {"\"23812345678\"", "!x: it is no telephone number"},
           {"\"13812345678 / 13812345679\"", "!x: it is no telephone number"},
           {"\"--\"", "!x: it is no telephone number"}, {"[1]", "!x: it is no telephone number"},
           {"null", "null"}, {"\"　\"", "null"}, {"\"13812345678\"", "\"13812345678\""},
           {"13812345678", "\"13812345678\""}, {"\"138 1234 5678\"", "\"13812345678\""},
           {"\"１３８-1234-5678\"", "\"13812345678\""}, {"\"+86 138 1234 5678\"", "\"13812345678\""},
           {"\"8613812345678\"", "\"13812345678\""}, {"\"013812345678\"", "\"13812345678\""},
           {"\"(0574) 87654321\"", "\"057487654321\""}, {"\"+86 574 87654321\"", "\"057487654321\""},
           {"\"0086-10-12345678\"", "\"01012345678\""}, {"\"0574-87654321-12\"", "\"057487654321-12\""},
           {"\"0574-87654321转12\"", "\"057487654321-12\""},
           {"\"057487654321 ext 12\"", "\"057487654321-12\""}, {"\"87654321\"", "\"87654321\""},
           {"\"400-123-4567\"", "\"4001234567\""}, {"\"110\"", "\"110\""},
           {"\"+1 212 555 0100\"", "\"+12125550100\""});
    EXPECT(".v | phone", {"\" 问他儿子 \"", "\" 问他儿子 \""}, {"\"1381234567\"", "\"1381234567\""},
           {"\"138-1234-5678\"", "\"13812345678\""}, {"null", "null"});
}

#define NO_ID "!x: it is no identity number: its date or check digit is wrong"

static void identity_numbers_have_a_check_digit(void **state)
{
    /* The example of GB 11643. */
    EXPECT(".v | id_number(\"x\")", {"\"110105194912310021\"", NO_ID}, {"\"11010519491331002X\"", NO_ID},
           {"\"1101051949123100\"", NO_ID}, {"\"11010519491231 002X\"", NO_ID}, {"{}", NO_ID},
           {"\"\"", "null"}, {"\"11010519491231002X\"", "\"11010519491231002X\""},
           {"\" 11010519491231002x\"", "\"11010519491231002X\""},
           {"\"１１０１０５１９４９１２３１００２Ｘ\"", "\"11010519491231002X\""},
           {"\"110105491231002\"", "\"11010519491231002X\""}, {"\"110105491331002\"", NO_ID});
    EXPECT(".v | id_number", {"\"110105194912310021\"", "\"110105194912310021\""},
           {"\"护照 X1\"", "\"护照 X1\""}, {"\"11010519491231002x\"", "\"11010519491231002X\""});
}

#define NO_CREDIT "!x: it is no credit code: its form or check character is wrong"

static void credit_codes_have_a_check_character(void **state)
{
    /* The example of GB 32100. */
    EXPECT(".v | credit_code(\"x\")", {"\"91350100M000100Y4Z\"", NO_CREDIT},
           {"\"91350100M000100Y44\"", NO_CREDIT}, {"\"91350100M00010OY43\"", NO_CREDIT},
           {"\"91350100M000100Y4\"", NO_CREDIT}, {"[]", NO_CREDIT}, {"null", "null"},
           {"\"91350100M000100Y43\"", "\"91350100M000100Y43\""},
           {"\" 91350100m000100y43\"", "\"91350100M000100Y43\""},
           /* Its sum is a multiple of 31: the check character is 0, not the 31st that there is not. */
           {"\"000000000000000000\"", "\"000000000000000000\""});
    EXPECT(".v | credit_code", {"\"91350100M000100Y4Z\"", "\"91350100M000100Y4Z\""});
}

static void amounts_are_in_yuan(void **state)
{
    EXPECT(".v | money(\"x\")", {"\"ten\"", "!x: an amount in yuan is expected"},
           {"\"1,00\"", "!x: an amount in yuan is expected"},
           {"\"1 2\"", "!x: an amount in yuan is expected"},
           {"\"12345678901234\"", "!x: an amount in yuan is expected"},
           {"true", "!x: an amount in yuan is expected"}, {"\"\"", "null"}, {"\"10000\"", "10000"},
           {"10000.5", "10000.5"}, {"\"10,000.00\"", "10000"}, {"\"￥10000\"", "10000"},
           {"\"人民币10000元整\"", "10000"}, {"\"1.5万元\"", "15000"}, {"\"2亿\"", "200000000"},
           {"\"0.1\"", "0.1"}, {"\"0.335\"", "0.34"}, {"\"-3\"", "-3"});
}

static void yes_and_no_have_many_words(void **state)
{
    EXPECT(".v | yes_no(\"x\")", {"\"也许\"", "!x: yes or no is expected"},
           {"2", "!x: yes or no is expected"}, {"[]", "!x: yes or no is expected"}, {"null", "null"},
           {"\" \"", "null"}, {"\"是\"", "true"}, {"\"否\"", "false"}, {"\"Y\"", "true"}, {"\"No\"", "false"},
           {"1", "true"}, {"\"０\"", "false"}, {"false", "false"});
}

static void numbers_are_plain(void **state)
{
    EXPECT(".v | number(\"x\")", {"\"1e5\"", "!x: a number is expected"},
           {"\"nan\"", "!x: a number is expected"}, {"\"12人\"", "!x: a number is expected"},
           {"\"\"", "null"}, {"\" １２ \"", "12"}, {"\"-1.5\"", "-1.5"}, {"\"+3\"", "3"}, {"7", "7"});
}

static void columns_lose_white_space_and_blanks_are_absent(void **state)
{
    EXPECT("optional(\"v\")", {"\" 甲\\n乙　\"", "\"甲\\n乙\""}, {"\"　\"", "null"}, {"null", "null"},
           {"5", "5"});
    EXPECT("required(\"v\")", {"\" \\t\"", "!v: it is empty"}, {"null", "!v: it is empty"},
           {"\"a \"", "\"a\""});
    EXPECT(".v | trim", {"\"  \"", "\"\""}, {"\"a b\"", "\"a b\""}, {"1", "1"});
    EXPECT(".v | half_width", {"\"ＡＢ－１　２\"", "\"AB-1 2\""}, {"\"路灯\"", "\"路灯\""}, {"1", "1"});
}

static void a_mapping_may_define_the_same_names_itself(void **state)
{
    EXPECT("def phone: \"mine\"; .v | phone", {"\"1\"", "\"mine\""});
}

static void messages_of_jq_count_the_lines_of_the_program(void **state)
{
    const ch_strings tables = {.count = 0};
    ch_mapping *mapping = NULL;
    ch_error error = {.status = CH_OK};
    stage_write(*state, "bad.jq", "# one\n.v\n| nothing_like_this\n| .x\n");
    assert_status(ch_mapping_open(&mapping, stage_path(*state, "bad.jq"), &tables, &error), CH_INVALID);
    assert_non_null(strstr(error.text, "line 3"));
}

int main(void)
{
#define ON_STAGE(name) cmocka_unit_test_setup_teardown(name, stage_set_up, stage_tear_down)
    const struct CMUnitTest tests[] = {
        ON_STAGE(times_come_in_many_spellings),
        ON_STAGE(area_codes_are_checked_and_lose_their_padding),
        ON_STAGE(telephone_numbers_are_made_alike),
        ON_STAGE(identity_numbers_have_a_check_digit),
        ON_STAGE(credit_codes_have_a_check_character),
        ON_STAGE(amounts_are_in_yuan),
        ON_STAGE(yes_and_no_have_many_words),
        ON_STAGE(numbers_are_plain),
        ON_STAGE(columns_lose_white_space_and_blanks_are_absent),
        ON_STAGE(a_mapping_may_define_the_same_names_itself),
        ON_STAGE(messages_of_jq_count_the_lines_of_the_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
