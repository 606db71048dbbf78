/* shell.h - runs the command line inside the test, against fake_hub.h, and keeps what it printed. */
#ifndef TESTS_UNIT_CLI_SHELL_H
#define TESTS_UNIT_CLI_SHELL_H

#include "hub/cli/cli.h"
#include "tests/unit/cli/fake_hub.h"

typedef struct shell {
    fake_hub *hub;
    const char *input; /* standard input; NULL: empty */
    bool terminal;     /* standard output is one */
    bool full;         /* ... is on a full disk */
    ch_random_seeded random;
    int code;
    char *out, *err;
} shell;

/* cmocka's; TZ is +08:00, CASEHUB_HUB an ipc endpoint. */
int shell_setup(void **state);
int shell_teardown(void **state);

/* The words after "casehub". Replaces code, out, err. */
#define shell_run(shell, ...) shell_run_words(shell, (char *[]){(char *)"casehub", __VA_ARGS__, NULL})
void shell_run_words(shell *self, char **words);

#endif
