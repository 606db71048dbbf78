#include "hub/cli/nouns.h"
#include "hub/cli/page.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

/* The hub would read a relative path from its own folder, not from here. */
static json_t *absolute(const char *dir)
{
    char here[PATH_MAX];
    if (dir[0] == '/') {
        return json_string(dir);
    }
    return getcwd(here, sizeof here) == NULL ? NULL : json_sprintf("%s/%s", here, dir);
}

static ch_status backup(ch_cli *cli)
{
    static const ch_page_field fields[] = {
        {"dir", "folder", CH_PAGE_PLAIN},
        {"sequence", "up to sequence", CH_PAGE_PLAIN},
        {"bytes", "size", CH_PAGE_BYTES},
    };
    json_t *rows = NULL;
    json_t *dir = absolute(cli->arguments->operands[0]);
    if (dir == NULL) {
        return ch_error_set(&cli->error, CH_IO, cli->arguments->operands[0], "has no absolute path: %s",
                            strerror(errno));
    }
    int timeout_ms = 1000 * (int)ch_argument_number(cli->arguments, "timeout", 3600);
    json_t *arguments = json_pack("{s:o}", "dir", dir);
    ch_status status = ch_cli_connect(cli);
    if (status == CH_OK) {
        status = ch_cli_query_within(cli, "backup", arguments, timeout_ms, &rows, NULL);
    } else {
        json_decref(arguments);
    }
    if (status == CH_OK) {
        status = ch_page_row(cli, json_array_get(rows, 0), fields, CH_COUNT_OF(fields));
        json_decref(rows);
    }
    return status;
}

static const ch_argument arguments_of_backup[] = {
    CH_TAKES_NUMBER("timeout", "S", 1, 1000000, NULL, "seconds it may take (3600)")};

static const ch_verb verbs[] = {
    {.name = "",
     .operands = "DIR",
     .operands_least = 1,
     .operands_most = 1,
     CH_ARGUMENTS(arguments_of_backup),
     .help = "copy the log and the state, while the hub works, to a new folder on the hub's machine",
     .run = backup}};

const ch_noun ch_noun_backup = {.name = "backup", .help = "copy the hub's data to a folder", CH_VERBS(verbs)};
