/* cli.h - one run of the command line: the world it runs in, what was asked, the hub it talks to.
 *
 * Only main.c knows the real world; everything below takes what it needs from here, so that a test can be one.
 */
#ifndef CH_CLI_CLI_H
#define CH_CLI_CLI_H

#include "hub/base/clock.h"
#include "hub/base/random.h"
#include "hub/cli/arguments.h"
#include "hub/client/casehub.h"

#include <jansson.h>
#include <stdio.h>

#define CH_CONNECT_MS 5000 /* how long a hub may take to welcome */
#define CH_QUERY_MS 10000  /* ... and to answer */

typedef struct ch_cli_world {
    FILE *out, *err;
    int in_fd;
    bool out_is_terminal;
    const ch_clock *clock;
    const ch_random *random;
    const char *(*variable)(const char *name); /* of the environment; NULL: not set */
} ch_cli_world;

/* What the hub answered to one event; owns what it says. */
typedef struct ch_cli_answer {
    bool answered;
    ch_status status;
    uint64_t sequence, dead_letter;
    uint32_t case_version; /* of a refusal: the present one, 0 when not told */
    bool duplicate;
    char case_id[64], present_state[32];
    ch_error error;
} ch_cli_answer;

struct ch_cli {
    const ch_cli_world *world;
    const ch_arguments *arguments;
    const ch_noun *nouns; /* all there are, for help */
    size_t noun_count;
    casehub *hub;         /* NULL until connected */
    ch_cli_answer answer; /* the last */
    ch_error error;       /* why run failed */
    char subject[64];     /* the case that a refused command was about; "" none */
    int exit_code;        /* -1: by run's status */
};

/* Everything: parse, run, report. What the shell gets. argv ends with NULL. */
int ch_cli_run(int argc, char *const *argv, const ch_cli_world *world);

/* Where --hub, the environment and the store point to; and the key, NULL for ipc. CH_INVALID with what to say. */
typedef struct ch_cli_address {
    char endpoint[512];
    const char *key_file;
} ch_cli_address;
ch_status ch_cli_find_hub(ch_cli *cli, ch_cli_address *out_address) CH_MUST_CHECK;

/* A client for options->on_answer and so on (endpoint, key, name and size are filled in); does not wait. */
ch_status ch_cli_open(ch_cli *cli, const casehub_options *options) CH_MUST_CHECK;
/* Waits for the welcome. CH_UNAVAILABLE, CH_DENIED. */
ch_status ch_cli_welcome(ch_cli *cli) CH_MUST_CHECK;
/* Opens with an on_answer that fills cli->answer, and waits for the welcome. */
ch_status ch_cli_connect(ch_cli *cli) CH_MUST_CHECK;
/* A command line that only the command itself could find wrong: CH_INVALID, and the exit code of misuse. */
ch_status ch_cli_misuse(ch_cli *cli, const char *format, ...) CH_PRINTF(2, 3) CH_MUST_CHECK;
/* The hub's last error as cli->error. */
ch_status ch_cli_fail(ch_cli *cli) CH_MUST_CHECK;
ch_status ch_cli_no_memory(ch_cli *cli) CH_MUST_CHECK;

/* Asks and waits. Takes arguments (NULL: none). *out_rows is an array, the caller's; *out_next as
 * casehub_query's, NULL is fine. */
ch_status ch_cli_query(ch_cli *cli, const char *name, json_t *arguments, json_t **out_rows,
                       char **out_next) CH_MUST_CHECK;
ch_status ch_cli_query_within(ch_cli *cli, const char *name, json_t *arguments, int timeout_ms,
                              json_t **out_rows, char **out_next) CH_MUST_CHECK;
/* The one row that there must be; the caller's. CH_NOT_FOUND, saying "there is no <what>"; CH_CONFLICT when rows tell
 * of different cases. */
ch_status ch_cli_query_one(ch_cli *cli, const char *name, json_t *arguments, const char *what,
                           json_t **out_row) CH_MUST_CHECK;

/* Waits until answers show what the log had up to this sequence, so that whatever is asked next, also by another
 * program, has seen it. Not having come that far is only noted: the events are safe. */
void ch_cli_await(ch_cli *cli, uint64_t sequence);

/* The verb's arguments that have a field, as one object, the caller's; times as milliseconds. */
json_t *ch_cli_fields(const ch_arguments *arguments);

/* Publishes one event (taken) and waits for its answer, which is cli->answer. What the hub said is returned. */
ch_status ch_cli_publish(ch_cli *cli, json_t *event) CH_MUST_CHECK;
/* Keeps what the hub said, and returns it as a status. */
ch_status ch_cli_take_answer(ch_cli_answer *out, const casehub_answer *answer);

/* On standard error, unless --json. */
void ch_cli_note(const ch_cli *cli, const char *format, ...) CH_PRINTF(2, 3);
/* Tells a failure on standard error. */
void ch_cli_complain(const ch_cli *cli, const ch_error *error);

#endif
