/* The real program, without any hub: what it says and exits with when the command line is wrong, and what needs
 * no hub at all. */
#include "tests/unit/cli/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define OUTPUT_MAX 65536

typedef struct program {
    char folder[64], file[80], file_pub[90];
    char output[OUTPUT_MAX]; /* both streams */
    int code;
} program;

static int setup(void **state)
{
    program *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return -1;
    }
    snprintf(self->folder, sizeof self->folder, "/tmp/casehub-cli-XXXXXX");
    if (mkdtemp(self->folder) == NULL) {
        free(self);
        return -1;
    }
    snprintf(self->file, sizeof self->file, "%s/desk.key", self->folder);
    snprintf(self->file_pub, sizeof self->file_pub, "%s.pub", self->file);
    unsetenv("CASEHUB_HUB");
    unsetenv("CASEHUB_KEY");
    unsetenv("CASEHUB_STORE");
    *state = self;
    return 0;
}

static int teardown(void **state)
{
    program *self = *state;
    unlink(self->file);
    unlink(self->file_pub);
    rmdir(self->folder);
    free(self);
    return 0;
}

static void become_program(int out_fd, char **words)
{
    dup2(out_fd, STDOUT_FILENO);
    dup2(out_fd, STDERR_FILENO);
    execv(CASEHUB_PROGRAM, words);
    _exit(126);
}

static void run_words(program *self, char **words)
{
    int ends[2], how;
    size_t size = 0;
    ssize_t got;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        become_program(ends[1], words);
    }
    close(ends[1]);
    while ((got = read(ends[0], self->output + size, OUTPUT_MAX - 1 - size)) > 0) {
        size += (size_t)got;
    }
    close(ends[0]);
    self->output[size] = '\0';
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFEXITED(how));
    self->code = WEXITSTATUS(how);
}
#define run(self, ...) run_words(self, (char *[]){(char *)"casehub", __VA_ARGS__, NULL})

static void a_mistyped_line_is_refused_with_a_suggestion(void **state)
{
    program *self = *state;
    static const struct {
        const char *words[5];
        const char *said;
    } lines[] = {
        {{"sttaus"}, "there is no command `sttaus`; did you mean `status`?"},
        {{"frobnicate"}, "there is no command `frobnicate`\n"},
        {{"case", "lsit"}, "`case` cannot `lsit`; did you mean `list`?"},
        {{"case"}, "`case` needs a verb: list, show"},
        {{"case", "list", "--stat", "closed"}, "did you mean `--state`?"},
        {{"case", "list", "--state", "clsoed"}, "--state cannot be `clsoed`; did you mean `closed`?"},
        {{"case", "list", "--limit", "0"}, "--limit must be a number from 1 to"},
        {{"case", "list", "--limit", "9999999999999999999"}, "--limit must be a number"},
        {{"case", "list", "--limit"}, "--limit needs a value: N"},
        {{"case", "list", "--since", "yesterday"}, "`yesterday` is no time"},
        {{"case", "list", "--anomalous=1"}, "--anomalous takes no value"},
        {{"case", "list", "extra"}, "`extra` is one word too many"},
        {{"case", "show"}, "what is missing: ID|REF"},
        {{"case", "assign", "ZJ-20261123-1"}, "what is missing: --to PARTY"},
        {{"case", "feedback", "ZJ-20261123-1", "--satisfied", "maybe"}, "must be yes or no"},
        {{"case", "note", "x", "--text", "\xff"}, "--text is not UTF-8"},
        {{"case", "show", "\xff"}, "is not UTF-8"},
        {{"case", "list", "-x"}, "there is no option `-x`"},
        {{"event", "tail", ">", "--from", "never"}, "--from must be all, new, a sequence or a time"},
        {{"--jsno", "status"}, "there is no option `--jsno` before the verb; did you mean `--json`?"},
        {{"help", "exit-code"}, "did you mean `exit-codes`?"},
        {{"status"}, "which hub? Say --hub ENDPOINT"},
        {{"--hub", "tcp://127.0.0.1:1", "status"}, "needs a key"},
        {{"key", "new", "x"}, "the key of which hub?"},
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char *words[7] = {(char *)"casehub"};
        for (size_t k = 0; k < 5; k++) {
            words[k + 1] = (char *)lines[i].words[k];
        }
        run_words(self, words);
        assert_holds(self->output, lines[i].said);
        assert_int_equal(self->code, 64);
    }
}

static void a_script_is_told_its_mistake_in_json_wherever_it_asked_for_it(void **state)
{
    program *self = *state;
    run(self, "--json", "frobnicate");
    assert_string_equal(self->output,
                        "{\"error\":\"invalid\",\"text\":\"there is no command `frobnicate`\"}\n");
    assert_int_equal(self->code, 64);
    run(self, "case", "lsit", "--json");
    assert_holds(self->output, "{\"error\":\"invalid\"");
    assert_int_equal(self->code, 64);
    run(self, "case", "lsit", "--", "--json");
    assert_holds(self->output, "Try: casehub case --help");
}

static void nothing_at_all_gets_the_overview_and_the_code_of_misuse(void **state)
{
    program *self = *state;
    run_words(self, (char *[]){(char *)"casehub", NULL});
    assert_int_equal(self->code, 64);
    assert_holds(self->output, "casehub [--hub ENDPOINT] [--key FILE] [--json] NOUN VERB");
    run_words(self, (char *[]){NULL});
    assert_int_equal(self->code, 64);
}

static void files_that_are_not_there_are_no_input(void **state)
{
    program *self = *state;
    run(self, "--hub", "ipc:///nowhere", "event", "publish", "/nowhere/events.json");
    assert_int_equal(self->code, 66);
    run(self, "--hub", "tcp://127.0.0.1:1", "--key", "/nowhere/desk.key", "status");
    assert_int_equal(self->code, 66);
    assert_holds(self->output, "not-found: /nowhere/desk.key");
}

static void help_is_there_for_everything_that_parses(void **state)
{
    program *self = *state;
    run(self, "--help");
    assert_int_equal(self->code, 0);
    static const char *const nouns[] = {"status",    "check",      "event",        "case",  "handoff",
                                        "connector", "deadletter", "subscription", "key",   "party",
                                        "route",     "backup",     "schema",       "report"};
    for (size_t i = 0; i < sizeof nouns / sizeof *nouns; i++) {
        run(self, "--help");
        assert_holds(self->output, nouns[i]);
        run(self, (char *)nouns[i], "--help");
        assert_int_equal(self->code, 0);
        assert_holds(self->output, nouns[i]);
        run(self, "help", (char *)nouns[i]);
        assert_int_equal(self->code, 0);
    }
    run(self, "case", "list", "--help");
    assert_holds(self->output, "--anomalous");
    run(self, "help", "case", "feedback");
    assert_holds(self->output, "--satisfied yes|no");
    run(self, "help", "exit-codes");
    assert_int_equal(self->code, 0);
    assert_holds(self->output, " 77  ");
    run(self, "--version");
    assert_int_equal(self->code, 0);
    assert_holds(self->output, "casehub ");
}

static void a_new_key_is_secret_names_its_hub_and_is_never_overwritten(void **state)
{
    static char hub[] = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7";
    program *self = *state;
    struct stat facts;
    run(self, "key", "new", self->file, "--server", hub);
    assert_int_equal(self->code, 0);
    assert_int_equal(stat(self->file, &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0600);
    run(self, "key", "new", self->file, "--server", hub);
    assert_int_not_equal(self->code, 0);
    /* The hub's key comes from the key in use. */
    char second[96];
    snprintf(second, sizeof second, "%s/2", self->folder);
    run(self, "--key", self->file, "--json", "key", "new", second);
    assert_int_equal(self->code, 0);
    FILE *file = fopen(second, "r");
    char text[1024] = "";
    assert_non_null(file);
    assert_true(fread(text, 1, sizeof text - 1, file) > 0);
    fclose(file);
    assert_holds(text, hub);
    unlink(second);
    snprintf(second, sizeof second, "%s/2.pub", self->folder);
    unlink(second);
}

static void a_file_whose_name_looks_like_a_key_is_read(void **state)
{
    program *self = *state;
    char named[96], second[96], second_pub[100], text[1024] = "", key[48] = "";
    /* 40 characters, all of them of the alphabet of keys. */
    snprintf(named, sizeof named, "%s/key-of-hub-1.pub", self->folder);
    assert_int_equal(strlen(named), 40);
    snprintf(second, sizeof second, "%s/2", self->folder);
    snprintf(second_pub, sizeof second_pub, "%s.pub", second);
    run(self, "--json", "key", "new", self->file, "--server", "0123456789abcdefghijABCDEFGHIJ.-:+=^!/*?");
    assert_int_equal(sscanf(self->output, "{\"key\":\"%40[^\"]\"", key), 1);
    assert_int_equal(rename(self->file_pub, named), 0);
    run(self, "key", "new", second, "--server", named);
    assert_int_equal(self->code, 0);
    FILE *file = fopen(second, "r");
    assert_non_null(file);
    assert_true(fread(text, 1, sizeof text - 1, file) > 0);
    fclose(file);
    assert_holds(text, key);
    unlink(named);
    unlink(second);
    unlink(second_pub);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_mistyped_line_is_refused_with_a_suggestion),
        TEST(a_script_is_told_its_mistake_in_json_wherever_it_asked_for_it),
        TEST(nothing_at_all_gets_the_overview_and_the_code_of_misuse),
        TEST(files_that_are_not_there_are_no_input),
        TEST(help_is_there_for_everything_that_parses),
        TEST(a_new_key_is_secret_names_its_hub_and_is_never_overwritten),
        TEST(a_file_whose_name_looks_like_a_key_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
