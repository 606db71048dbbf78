#include "hub/cli/listing.h"
#include "hub/cli/nouns.h"
#include "hub/cli/page.h"

static ch_status list(ch_cli *cli)
{
    static const ch_column columns[] = {
        {.field = "connector", .heading = "CONNECTOR"},
        {.field = "state", .heading = "STATE"},
        {.field = "transport", .heading = "TRANSPORT"},
        {.field = "address", .heading = "ADDRESS"},
        {.field = "since", .heading = "SINCE", .kind = CH_CELL_TIME},
        {.field = "last_success", .heading = "LAST SUCCESS", .kind = CH_CELL_TIME},
        {.field = "records", .heading = "RECORDS", .kind = CH_CELL_NUMBER},
        {.field = "dead_letters", .heading = "DEAD LETTERS", .kind = CH_CELL_NUMBER},
        {.field = "reason", .heading = "REASON"},
    };
    const ch_listing listing = {.query = "connectors",
                                .arguments = json_object(),
                                .columns = columns,
                                .column_count = CH_COUNT_OF(columns),
                                .nothing = "No connector has reported yet."};
    return ch_list(cli, &listing);
}

static ch_status show(ch_cli *cli)
{
    static const ch_page_field fields[] = {
        {"connector", "connector", CH_PAGE_PLAIN},
        {"state", "state", CH_PAGE_PLAIN},
        {"reason", "because", CH_PAGE_PLAIN},
        {"since", "since", CH_PAGE_TIME},
        {"transport", "transport", CH_PAGE_PLAIN},
        {"address", "address", CH_PAGE_PLAIN},
        {"last_success", "last success", CH_PAGE_TIME},
        {"records", "records", CH_PAGE_PLAIN},
        {"dead_letters", "dead letters", CH_PAGE_PLAIN},
        {"checkpoint", "checkpoint", CH_PAGE_PLAIN},
    };
    char what[128];
    json_t *row = NULL;
    const char *name = cli->arguments->operands[0];
    snprintf(what, sizeof what, "connector %.100s", name);
    ch_status status = ch_cli_connect(cli);
    if (status == CH_OK) {
        status = ch_cli_query_one(cli, "connectors", json_pack("{s:s}", "name", name), what, &row);
    }
    if (status == CH_OK) {
        status = ch_page_row(cli, row, fields, CH_COUNT_OF(fields));
    }
    json_decref(row);
    return status;
}

static const ch_verb verbs[] = {
    {.name = "list", .help = "all connectors, and how they are", .run = list},
    {.name = "show",
     .operands = "NAME",
     .operands_least = 1,
     .operands_most = 1,
     .help = "one of them: its state, where the legacy system connects, its checkpoint",
     .run = show},
};

const ch_noun ch_noun_connector = {
    .name = "connector", .help = "what reads the legacy systems", CH_VERBS(verbs)};
