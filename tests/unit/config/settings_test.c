#include "tests/unit/check.h"
#include "tests/unit/config/scratch.h"

#include "hub/config/settings.h"

#include <stdio.h>

typedef struct target {
    char *name, *store, *key;
    int64_t port, size_bytes, quiet_ms;
    bool ready;
    ch_strings endpoints;
} target;

static const ch_option table[] = {
    {"name", CH_OPTION_STRING, offsetof(target, name), NULL, 1, 8, "what the hub is called"},
    {"store", CH_OPTION_PATH, offsetof(target, store), "data", 0, 0, "the data folder"},
    {"key", CH_OPTION_PATH, offsetof(target, key), "", 0, 0, "the key file"},
    {"listen.port", CH_OPTION_INT, offsetof(target, port), "7070", 1, 65535, "where it listens"},
    {"limits.size", CH_OPTION_SIZE, offsetof(target, size_bytes), "4MiB", 0, 1 << 30, "bytes of a frame"},
    {"commit.quiet", CH_OPTION_TIME, offsetof(target, quiet_ms), "20ms", 0, 0, "until a quiet commit"},
    {"commit.ready", CH_OPTION_BOOL, offsetof(target, ready), "true", 0, 0, "commit at all"},
    {"listen.endpoints", CH_OPTION_STRINGS, offsetof(target, endpoints), "ipc:///a, tcp://b", 0, 0, "more"},
};
#define TABLE_COUNT (sizeof table / sizeof *table)

static void refuses_each_mistake_with_file_and_line(void **state)
{
    scratch *in = *state;
    static const struct {
        const char *content;
        unsigned line;
        const char *text;
    } bad[] = {
        {"", 0, "name: is required"},
        {"name = 5;", 1, "name: a string is expected"},
        {"name = \"\";", 1, "name: 0 bytes are outside 1 to 8"},
        {"name = \"123456789\";", 1, "name: 9 bytes are outside 1 to 8"},
        {"name = \"a\";\nnmae = \"b\";", 2, "there is no setting nmae"},
        {"name = \"a\";\nlisten = {\n prot = 1; };", 3, "there is no setting listen.prot"},
        {"name = \"a\";\nlisten = 5;", 2, "listen: a group { ... } is expected"},
        {"name = \"a\";\nlisten = ( );", 2, "listen: a group { ... } is expected"},
        {"name = \"a\";\nname2 = { };", 2, "there is no setting name2"},
        {"name = \"a\";\ncommit = { quiet = { a = 1; }; };", 2, "commit.quiet: a number is expected"},
        {"name = \"a\";\nlisten = { port = 0; };", 2, "listen.port: 0 is outside 1 to 65535"},
        {"name = \"a\";\nlisten = { port = 65536; };", 2, "listen.port: 65536 is outside 1 to 65535"},
        {"name = \"a\";\nlisten = { port = \"7070ms\"; };", 2, "listen.port: an integer is expected"},
        {"name = \"a\";\nlisten = { port = 7.5; };", 2, "listen.port: a number is expected"},
        {"name = \"a\";\nlimits = { size = \"4 MiB\"; };", 2,
         "limits.size: a size such as \"64KiB\", \"8MiB\", \"2GiB\" is expected"},
        {"name = \"a\";\nlimits = { size = \"2GiB\"; };", 2,
         "limits.size: 2147483648 is outside 0 to 1073741824"},
        {"name = \"a\";\nlimits = { size = -1; };", 2, "limits.size: -1 is outside 0 to 1073741824"},
        {"name = \"a\";\ncommit = { quiet = \"20MiB\"; };", 2,
         "commit.quiet: a time such as \"20ms\", \"5s\", \"10m\", \"3h\", \"7d\" is expected"},
        {"name = \"a\";\ncommit = { ready = 1; };", 2, "commit.ready: true or false is expected"},
        {"name = \"a\";\nlisten = { endpoints = \"a\"; };", 2,
         "listen.endpoints: a list of strings is expected"},
        {"name = \"a\";\nlisten = { endpoints = ( \"a\", 5 ); };", 2,
         "listen.endpoints: a list of strings is expected"},
        {"name = \"a\";\n@include \"b\"\n", 2, "@include is not allowed"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ch_settings *settings = NULL;
        ch_error error = {.status = CH_OK};
        target out = {0};
        const char *file = scratch_text(in, "hub.cfg", bad[i].content);
        ch_status status = ch_settings_read(&settings, file, table, TABLE_COUNT, &out, &error);
        assert_status(status, CH_INVALID);
        assert_string_equal(error.text, bad[i].text);
        assert_place(in, error.where, bad[i].line);
        assert_null(settings);
    }
}

static void refuses_a_file_that_is_not_there(void **state)
{
    (void)state;
    ch_settings *settings = NULL;
    ch_error error;
    target out = {0};
    assert_status(ch_settings_read(&settings, "/nowhere/hub.cfg", table, TABLE_COUNT, &out, &error),
                  CH_NOT_FOUND);
    assert_null(settings);
    ch_settings_free(NULL);
}

static void refuses_a_path_that_gets_too_long(void **state)
{
    scratch *in = *state;
    char content[5200];
    ch_settings *settings = NULL;
    ch_error error;
    target out = {0};
    snprintf(content, sizeof content, "name = \"a\";\nstore = \"%05000d\";", 0);
    assert_status(
        ch_settings_read(&settings, scratch_text(in, "hub.cfg", content), table, TABLE_COUNT, &out, &error),
        CH_INVALID);
    assert_string_equal(error.text, "store: the path is too long");
}

static void fills_in_what_is_not_said(void **state)
{
    scratch *in = *state;
    ch_settings *settings;
    ch_error error;
    target out = {0};
    char store[PATH_MAX + 8];
    assert_ok(ch_settings_read(&settings, scratch_text(in, "hub.cfg", "name = \"a\";"), table, TABLE_COUNT,
                               &out, &error),
              &error);
    snprintf(store, sizeof store, "%s/data", in->folder);
    assert_string_equal(out.name, "a");
    assert_string_equal(out.store, store);
    assert_string_equal(out.key, "");
    assert_true(out.port == 7070 && out.size_bytes == 4 * 1048576 && out.quiet_ms == 20 && out.ready);
    assert_int_equal(out.endpoints.count, 2);
    assert_string_equal(out.endpoints.at[0], "ipc:///a");
    assert_string_equal(out.endpoints.at[1], "tcp://b");
    ch_settings_free(settings);
}

static void takes_what_is_said(void **state)
{
    scratch *in = *state;
    ch_settings *settings;
    ch_error error;
    target out = {0};
    const char *file = scratch_text(in, "hub.cfg",
                                    "name = \"镇海\";\nstore = \"/var/lib/hub\";\nkey = \"keys/hub\";\n"
                                    "listen = { port = \"65535\"; endpoints = [ \"x\" ]; };\n"
                                    "limits : { size = 65536L; };\n"
                                    "commit = { quiet = \"2s\"; ready = false; };\n");
    assert_ok(ch_settings_read(&settings, file, table, TABLE_COUNT, &out, &error), &error);
    char key[PATH_MAX + 16];
    snprintf(key, sizeof key, "%s/keys/hub", in->folder);
    assert_string_equal(out.name, "镇海");
    assert_string_equal(out.store, "/var/lib/hub");
    assert_string_equal(out.key, key);
    assert_true(out.port == 65535 && out.size_bytes == 65536 && out.quiet_ms == 2000 && !out.ready);
    assert_int_equal(out.endpoints.count, 1);
    assert_string_equal(out.endpoints.at[0], "x");
    ch_settings_free(settings);
}

static void help_names_every_option(void **state)
{
    (void)state;
    ch_buf out;
    ch_buf_init(&out, 8192);
    ch_settings_help(&out, table, TABLE_COUNT);
    ch_buf_append(&out, "", 1);
    assert_status(out.failed, CH_OK);
    const char *text = (const char *)out.at;
    assert_non_null(
        strstr(text, "name                          string    (required)        what the hub is called\n"));
    assert_non_null(
        strstr(text, "limits.size                   size      4MiB              bytes of a frame\n"));
    size_t lines = 0;
    for (; *text != '\0'; text++) {
        lines += *text == '\n';
    }
    assert_int_equal(lines, TABLE_COUNT);
    ch_buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_each_mistake_with_file_and_line),
        cmocka_unit_test(refuses_a_file_that_is_not_there),
        cmocka_unit_test(refuses_a_path_that_gets_too_long),
        cmocka_unit_test(fills_in_what_is_not_said),
        cmocka_unit_test(takes_what_is_said),
        cmocka_unit_test(help_names_every_option),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
