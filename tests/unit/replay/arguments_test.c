#include "tests/unit/replay/rig.h"

static void a_wrong_command_line_exits_64_and_says_what_is_wrong(void **state)
{
    rig *self = *state;
    const struct {
        char *words[6];
        const char *says;
    } wrong[] = {
        {{NULL}, "a verb is missing"},
        {{"--store", "/nowhere"}, "a verb is missing"},
        {{"verfy"},
         "there is no verb verfy; there are cat, diff, export, head, import, key, play, rebuild, state and "
         "verify"},
        {{"verify", "--stroe", "/x"}, "no option --stroe"},
        {{"verify", "-x"}, "no option -x"},
        {{"verify", "--store"}, "--store needs a value"},
        {{"verify", "--store", ""}, "--store is empty"},
        {{"verify", "--store=/a", "--store=/b"}, "--store is given twice"},
        {{"verify", "--json=yes"}, "takes no value"},
        {{"verify"}, "CASEHUB_STORE"},
        {{"verify", "--store", "/a", "--file", "/b"}, "exclude each other"},
        {{"verify", "--store", "/a", "more"}, "0 operands, not 1"},
        {{"verify", "--swap", "--store", "/a"}, "--swap does not belong to verify"},
        {{"cat", "--store", "/a", "--limit", "0"}, "from 1 on"},
        {{"cat", "--store", "/a", "--limit", "many"}, "from 1 on"},
        {{"cat", "--store", "/a", "--topic", "a..b"}, "--topic"},
        {{"cat", "--store", "/a", "--from", "yesterday"}, "--from yesterday"},
        {{"cat", "--store", "/a", "--to", "-1"}, "--to -1"},
        {{"cat", "--store", "/a", "--case", "18"}, "--case 18"},
        {{"cat", "--store", "/a", "--personal"}, "need --key"},
        {{"cat", "--file", "/a", "--follow"}, "does not grow"},
        {{"cat", "--file", "/a", "--key", "/k"}, "needs --keys"},
        {{"cat", "--store=/a", "--table", "--json"}, "exclude each other"},
        {{"export", "--store", "/a"}, "export needs --output"},
        {{"export", "--store=/a", "--output=/b", "--format=csv"}, "archive or jsonl"},
        {{"export", "--store=/a", "--output=/b", "--sealed", "--format=jsonl"}, "exclude each other"},
        {{"export", "--store=/a", "--output=/b", "--sealed", "--without-sealed"}, "exclude each other"},
        {{"verify", "--store=/a", "--heads=/b"}, "belong together"},
        {{"head", "--store=/a"}, "head needs --key"},
        {{"key", "new"}, "2 operands, not 1"},
        {{"key", "old", "/a"}, "only key new FILE"},
        {{"import", "--file=/a", "--store=/b"}, "import needs"},
        {{"rebuild", "--store=/a", "--swap", "--into=/b"}, "exclude each other"},
        {{"play", "--store=/a"}, "play needs one of"},
        {{"play", "--store=/a", "--output=-", "--subscription"}, "play needs one of"},
        {{"play", "--store=/a", "--into-hub=tcp://127.0.0.1:9"}, "needs --key"},
        {{"play", "--store=/a", "--output=-", "--key=/k"}, "--key needs --into-hub"},
        {{"play", "--store=/a", "--output=-", "--resume=/r"}, "--resume needs --into-hub"},
        {{"play", "--store=/a", "--output=-", "--speed=1", "--step"}, "exclude each other"},
        {{"play", "--store=/a", "--output=-", "--gap-most=1s"}, "--gap-most needs --speed"},
        {{"play", "--store=/a", "--output=-", "--speed=1", "--gap-most=soon"}, "--gap-most soon"},
        {{"play", "--store=/a", "--output=-", "--speed=0"}, "from 1 on"},
        {{"play", "--store=/a", "--subscription", "--drill"}, "exclude each other"},
        {{"play", "--store=/a", "--output=-", "--personal"}, "need --hub-key"},
        {{"play", "--file=/a", "--output=-", "--hub-key=/k"}, "needs --keys"},
        {{"diff", "/a"}, "2 operands, not 1"},
        {{"diff", "--at", "1", "--store", "/a"}, "diff needs --at twice"},
        {{"diff", "/a", "--at=1", "--at=2"}, "diff --at takes 0 operands, not 1"},
        {{"diff", "--at=1", "--at=2", "--store=/a", "--prefix"}, "exclude each other"},
        {{"diff", "/a", "/b", "--store", "/c"}, "--store and --file belong to --at"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char *words[8] = {(char *)"casehub-replay"};
        for (size_t k = 0; k < 6 && wrong[i].words[k] != NULL; k++) {
            words[k + 1] = wrong[i].words[k];
        }
        rig_run_words(self, words);
        assert_code(self, 64);
        assert_says(self->err, wrong[i].says);
        assert_string_equal(self->out, "");
    }
}

static void what_is_not_there_exits_66(void **state)
{
    rig *self = *state;
    rig_run(self, "verify", "--store", "/nowhere/at/all");
    assert_code(self, 66);
    rig_run(self, "verify", "--file", "/nowhere/at/all");
    assert_code(self, 66);
    rig_run(self, "verify", "--store", self->base);
    assert_code(self, 66);
    assert_says(self->err, "is no data folder");
    rig_run(self, "diff", self->dir, "/nowhere");
    assert_code(self, 66);
}

static void a_folder_is_no_file_and_a_file_no_folder(void **state)
{
    rig *self = *state;
    rig_run(self, "verify", "--file", self->dir);
    assert_code(self, 64);
    rig_run(self, "verify", "--store", self->key_file);
    assert_code(self, 64);
}

static void a_store_of_a_newer_format_exits_69_and_stays_as_it_is(void **state)
{
    rig *self = *state;
    rig_fill(self, 7);
    char *copy = rig_copy(self, "copy");
    file_write(in_folder(copy, "FORMAT"), "casehub-store 2\nsomething else\n");
    rig_run(self, "verify", "--store", copy);
    assert_code(self, 69);
    assert_says(self->err, "newer");
    assert_int_equal(rig_entries(copy), 2);
}

static void a_log_without_a_format_exits_65(void **state)
{
    rig *self = *state;
    rig_fill(self, 7);
    char *copy = rig_copy(self, "copy");
    unlink(in_folder(copy, "FORMAT"));
    rig_run(self, "verify", "--store", copy);
    assert_code(self, 65);
    assert_says(self->err, "FORMAT is missing");
}

static void the_environment_names_the_store(void **state)
{
    rig *self = *state;
    setenv("CASEHUB_STORE", self->dir, 1);
    rig_run(self, "verify", "--json");
    unsetenv("CASEHUB_STORE");
    assert_code(self, 0);
}

static void help_and_version_need_no_store(void **state)
{
    rig *self = *state;
    rig_run(self, "--help");
    assert_code(self, 0);
    assert_says(self->out, "rebuild");
    assert_says(self->out, "77 another hub's key");
    rig_run(self, "help", "cat");
    assert_code(self, 0);
    assert_says(self->out, "--topic PATTERN");
    rig_run(self, "--version");
    assert_code(self, 0);
    assert_says(self->out, "casehub-replay ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
        TEST(a_wrong_command_line_exits_64_and_says_what_is_wrong),
        TEST(what_is_not_there_exits_66),
        TEST(a_folder_is_no_file_and_a_file_no_folder),
        TEST(a_store_of_a_newer_format_exits_69_and_stays_as_it_is),
        TEST(a_log_without_a_format_exits_65),
        TEST(the_environment_names_the_store),
        TEST(help_and_version_need_no_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
