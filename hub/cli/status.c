#include "hub/cli/nouns.h"
#include "hub/cli/page.h"

static ch_status status(ch_cli *cli)
{
    static const ch_page_field fields[] = {
        {"hub", "hub", CH_PAGE_PLAIN},
        {"version", "version", CH_PAGE_PLAIN},
        {"pid", "pid", CH_PAGE_PLAIN},
        {"uptime_ms", "up for", CH_PAGE_DURATION},
        {"ready", "ready", CH_PAGE_PLAIN},
        {"reason", "because", CH_PAGE_PLAIN},
        {"epoch", "epoch", CH_PAGE_PLAIN},
        {"sequence", "sequence", CH_PAGE_PLAIN},
        {"state_sequence", "folded up to", CH_PAGE_PLAIN},
        {"cases", "cases", CH_PAGE_PLAIN},
        {"clients", "clients", CH_PAGE_PLAIN},
        {"subscriptions", "subscriptions", CH_PAGE_PLAIN},
        {"held", "held cases", CH_PAGE_PLAIN},
        {"dead_letters", "dead letters", CH_PAGE_PLAIN},
        {"log_bytes", "log", CH_PAGE_BYTES},
        {"map_bytes", "log at most", CH_PAGE_BYTES},
        {"disk_free_bytes", "disk free", CH_PAGE_BYTES},
    };
    json_t *row = NULL;
    ch_status result = ch_cli_connect(cli);
    if (result == CH_OK) {
        result = ch_cli_query_one(cli, "status", NULL, "status", &row);
    }
    if (result == CH_OK) {
        result = ch_page_row(cli, row, fields, CH_COUNT_OF(fields));
    }
    json_decref(row);
    return result;
}

static const ch_verb verbs[] = {{.name = "", .help = "how the hub is", .run = status}};

const ch_noun ch_noun_status = {.name = "status", .help = "how the hub is", CH_VERBS(verbs)};
