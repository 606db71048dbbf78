#include "tests/unit/check.h"
#include "tests/unit/config/scratch.h"

#include "hub/config/cfg_file.h"

#include <stdio.h>

static void refuses_files_that_libconfig_would_misread(void **state)
{
    scratch *in = *state;
    static const struct {
        const char *content;
        unsigned line;
        const char *text; /* NULL: libconfig's own */
    } bad[] = {
        {"a = 1;\nb = 99999999999;\n", 2,
         "99999999999 does not fit: put an L behind it, or write it as a string"},
        {"a = -99999999999;", 1, "-99999999999 does not fit: put an L behind it, or write it as a string"},
        {"a = 2147483648;", 1, "2147483648 does not fit: put an L behind it, or write it as a string"},
        {"a = 0xffffffff;", 1, "0xffffffff does not fit: put an L behind it, or write it as a string"},
        {"a = 9223372036854775808L;", 1,
         "9223372036854775808L does not fit: put an L behind it, or write it as a string"},
        {"a = 99999999999999999999L;", 1,
         "99999999999999999999L does not fit: put an L behind it, or write it as a string"},
        {"l = ( 1,\n\n 99999999999 );", 3,
         "99999999999 does not fit: put an L behind it, or write it as a string"},
        {"# x\n@include \"/etc/passwd\"\n", 2, "@include is not allowed"},
        {"a = 1;\n  @include \"b\"\n", 2, "@include is not allowed"},
        {"a = 1;\nb = ;\n", 2, NULL},
        {"a = 1;\na = 2;\n", 2, NULL},
        {"a = ( 1, 2;\n", 1, NULL},
        {"a = 1;\nb = \"open\n\\\"", 2, "a string or comment that begins here never ends"},
        {"a = 1; /* open\nb = 2;\n", 1, "a string or comment that begins here never ends"},
        {"a = \"1\n2\\\n\"; b = 99999999999;", 3,
         "99999999999 does not fit: put an L behind it, or write it as a string"},
        {"a = 1; /* x *//* y */ b = 99999999999;", 1,
         "99999999999 does not fit: put an L behind it, or write it as a string"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ch_cfg cfg;
        ch_error error;
        assert_status(ch_cfg_open(&cfg, scratch_text(in, "a.cfg", bad[i].content), &error), CH_INVALID);
        assert_place(in, error.where, bad[i].line);
        if (bad[i].text != NULL) {
            assert_string_equal(error.text, bad[i].text);
        }
        assert_true(error.text[0] != '\0');
    }
}

static void refuses_a_file_that_is_not_there_or_not_text(void **state)
{
    scratch *in = *state;
    ch_cfg cfg;
    ch_error error;
    char name[300];
    memset(name, 'a', sizeof name);
    name[sizeof name - 1] = '\0';
    assert_status(ch_cfg_open(&cfg, "/nowhere/a.cfg", &error), CH_NOT_FOUND);
    assert_status(ch_cfg_open(&cfg, name, &error), CH_INVALID);
    assert_string_equal(error.text, "the file's name is too long");
    assert_status(ch_cfg_open(&cfg, scratch_text(in, "a.cfg", "a = 1;\nb = \"\xff\";\n"), &error),
                  CH_INVALID);
    assert_place(in, error.where, 2);
}

static void reads_what_libconfig_stumbles_over(void **state)
{
    scratch *in = *state;
    static const char *const good[] = {
        "\357\273\277a = 1;",
        "a = 1; # a comment without a newline",
        "a = 1; // 99999999999",
        "a = 1; /* @include 99999999999 \" */",
        "a = 1; t = \"99999999999 @include \\\" 99999999999\";",
        "a = 1; b = 2147483647; c = 9223372036854775807L; d = 99999999999.5; e = 0x7fffffff; f = 1e30;",
        "",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        ch_cfg cfg;
        ch_error error;
        int64_t a = 1;
        assert_ok(ch_cfg_open(&cfg, scratch_text(in, "a.cfg", good[i]), &error), &error);
        assert_ok(ch_cfg_int(&cfg, config_root_setting(&cfg.config), "a", 1, 1, &a, &error), &error);
        assert_true(a == 1);
        ch_cfg_close(&cfg);
    }
}

/* One open file with a member of each kind. */
static const char members[] = "text = \"abc\";\n"
                              "flag = true;\n"
                              "number = 7;\n"
                              "real = 7.5;\n"
                              "time = \"3h\";\n"
                              "list = ( 1, \"a\" );\n"
                              "array = [ 1, 2 ];\n"
                              "group = { a = 1; };\n"
                              "wrong_time = \"3 h\";\n"
                              "negative = -1;\n"
                              "negative_time = \"-1s\";\n";

static void refuses_members_of_another_kind_at_their_line(void **state)
{
    scratch *in = *state;
    ch_cfg cfg;
    ch_error error;
    char text[8] = "old", tight[3] = "xy";
    bool flag = false;
    int64_t number = 5;
    const config_setting_t *list = NULL;
    assert_ok(ch_cfg_open(&cfg, scratch_text(in, "a.cfg", members), &error), &error);
    const config_setting_t *root = config_root_setting(&cfg.config);

    assert_status(ch_cfg_text(&cfg, root, "number", text, sizeof text, &error), CH_INVALID);
    assert_place(in, error.where, 3);
    assert_string_equal(error.text, "number: a string is expected");
    assert_status(ch_cfg_text(&cfg, root, "text", tight, sizeof tight, &error), CH_INVALID);
    assert_string_equal(error.text, "text: longer than 2 bytes");
    assert_status(ch_cfg_flag(&cfg, root, "number", &flag, &error), CH_INVALID);
    assert_string_equal(error.text, "number: true or false is expected");
    assert_status(ch_cfg_int(&cfg, root, "real", 0, 9, &number, &error), CH_INVALID);
    assert_place(in, error.where, 4);
    assert_string_equal(error.text, "real: an integer is expected");
    assert_status(ch_cfg_int(&cfg, root, "number", 8, 9, &number, &error), CH_INVALID);
    assert_string_equal(error.text, "number: 7 is outside 8 to 9");
    assert_status(ch_cfg_time(&cfg, root, "wrong_time", &number, &error), CH_INVALID);
    assert_place(in, error.where, 9);
    assert_status(ch_cfg_time(&cfg, root, "negative", &number, &error), CH_INVALID);
    assert_status(ch_cfg_time(&cfg, root, "negative_time", &number, &error), CH_INVALID);
    assert_status(ch_cfg_time(&cfg, root, "real", &number, &error), CH_INVALID);
    assert_status(ch_cfg_list(&cfg, root, "group", &list, &error), CH_INVALID);
    assert_place(in, error.where, 8);
    assert_string_equal(text, "old");
    assert_string_equal(tight, "xy");
    assert_true(number == 5 && !flag && list == NULL);
    ch_cfg_close(&cfg);
}

static void refuses_members_that_nobody_knows(void **state)
{
    scratch *in = *state;
    static const char *const known[] = {"a", NULL}, *const none[] = {NULL};
    ch_cfg cfg;
    ch_error error;
    assert_ok(ch_cfg_open(&cfg, scratch_text(in, "a.cfg", "g = {\n a = 1;\n b = 2; };\n"), &error), &error);
    const config_setting_t *root = config_root_setting(&cfg.config);
    const config_setting_t *group = config_setting_get_member(root, "g");
    assert_status(ch_cfg_check_members(&cfg, group, known, &error), CH_INVALID);
    assert_place(in, error.where, 3);
    assert_string_equal(error.text, "there is no setting b");
    const config_setting_t *number = config_setting_get_member(group, "a");
    assert_status(ch_cfg_check_members(&cfg, number, none, &error), CH_INVALID);
    assert_place(in, error.where, 2);
    ch_cfg_close(&cfg);
}

static void absent_members_leave_what_was_there(void **state)
{
    scratch *in = *state;
    ch_cfg cfg;
    ch_error error;
    char text[8] = "old";
    bool flag = true;
    int64_t number = 5;
    const config_setting_t *list = NULL;
    assert_ok(ch_cfg_open(&cfg, scratch_text(in, "a.cfg", ""), &error), &error);
    const config_setting_t *root = config_root_setting(&cfg.config);
    assert_ok(ch_cfg_text(&cfg, root, "x", text, sizeof text, &error), &error);
    assert_ok(ch_cfg_flag(&cfg, root, "x", &flag, &error), &error);
    assert_ok(ch_cfg_int(&cfg, root, "x", 0, 1, &number, &error), &error);
    assert_ok(ch_cfg_time(&cfg, root, "x", &number, &error), &error);
    assert_ok(ch_cfg_list(&cfg, root, "x", &list, &error), &error);
    assert_string_equal(text, "old");
    assert_true(flag && number == 5 && list == NULL);
    ch_cfg_close(&cfg);
}

static void reads_each_kind(void **state)
{
    scratch *in = *state;
    ch_cfg cfg;
    ch_error error;
    char text[8] = "", place[32];
    bool flag = false;
    int64_t number = 0, time_ms = 0;
    const config_setting_t *list = NULL, *array = NULL;
    assert_ok(ch_cfg_open(&cfg, scratch_text(in, "a.cfg", members), &error), &error);
    const config_setting_t *root = config_root_setting(&cfg.config);
    assert_ok(ch_cfg_text(&cfg, root, "text", text, sizeof text, &error), &error);
    assert_ok(ch_cfg_flag(&cfg, root, "flag", &flag, &error), &error);
    assert_ok(ch_cfg_int(&cfg, root, "number", 7, 7, &number, &error), &error);
    assert_ok(ch_cfg_time(&cfg, root, "time", &time_ms, &error), &error);
    assert_ok(ch_cfg_list(&cfg, root, "list", &list, &error), &error);
    assert_ok(ch_cfg_list(&cfg, root, "array", &array, &error), &error);
    assert_string_equal(text, "abc");
    assert_true(flag && number == 7 && time_ms == 10800000);
    assert_int_equal(config_setting_length(list), 2);
    assert_int_equal(config_setting_length(array), 2);
    assert_ok(ch_cfg_time(&cfg, root, "number", &time_ms, &error), &error);
    assert_true(time_ms == 7);
    ch_cfg_place(&cfg, config_setting_get_member(root, "time"), place, sizeof place);
    assert_string_equal(place, "a.cfg:5");
    ch_cfg_close(&cfg);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_files_that_libconfig_would_misread),
        cmocka_unit_test(refuses_a_file_that_is_not_there_or_not_text),
        cmocka_unit_test(reads_what_libconfig_stumbles_over),
        cmocka_unit_test(refuses_members_of_another_kind_at_their_line),
        cmocka_unit_test(refuses_members_that_nobody_knows),
        cmocka_unit_test(absent_members_leave_what_was_there),
        cmocka_unit_test(reads_each_kind),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
