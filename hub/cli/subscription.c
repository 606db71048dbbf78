#include "hub/cli/listing.h"
#include "hub/cli/nouns.h"
#include "hub/cli/page.h"
#include "hub/cli/times.h"

static ch_status list(ch_cli *cli)
{
    static const ch_column columns[] = {
        {.field = "name", .heading = "NAME"},
        {.field = "client", .heading = "CLIENT"},
        {.field = "connected", .heading = "CONNECTED"},
        {.field = "next", .heading = "NEXT", .kind = CH_CELL_NUMBER},
        {.field = "lag", .heading = "LAG", .kind = CH_CELL_NUMBER},
        {.field = "pending", .heading = "PENDING", .kind = CH_CELL_NUMBER},
        {.field = "held", .heading = "HELD", .kind = CH_CELL_NUMBER},
        {.field = "paused", .heading = "PAUSED"},
        {.field = "patterns", .heading = "PATTERNS", .most = 80},
    };
    const ch_listing listing = {.query = "subscriptions",
                                .arguments = json_object(),
                                .columns = columns,
                                .column_count = CH_COUNT_OF(columns),
                                .nothing = "There is no subscription."};
    return ch_list(cli, &listing);
}

static ch_status print(ch_cli *cli, const char *name)
{
    static const ch_page_field fields[] = {
        {"name", "name", CH_PAGE_PLAIN},
        {"client", "client", CH_PAGE_PLAIN},
        {"connected", "connected", CH_PAGE_PLAIN},
        {"patterns", "patterns", CH_PAGE_PLAIN},
        {"next", "next", CH_PAGE_PLAIN},
        {"floor", "all done up to", CH_PAGE_PLAIN},
        {"lag", "lag", CH_PAGE_PLAIN},
        {"pending", "pending", CH_PAGE_PLAIN},
        {"held", "held cases", CH_PAGE_PLAIN},
        {"credit", "credit", CH_PAGE_PLAIN},
        {"paused", "paused", CH_PAGE_PLAIN},
    };
    char what[128];
    json_t *row = NULL;
    snprintf(what, sizeof what, "subscription %.100s", name);
    ch_status status = ch_cli_query_one(cli, "subscriptions", json_pack("{s:s}", "name", name), what, &row);
    if (status == CH_OK) {
        status = ch_page_row(cli, row, fields, CH_COUNT_OF(fields));
    }
    json_decref(row);
    return status;
}

static ch_status show(ch_cli *cli)
{
    ch_status status = ch_cli_connect(cli);
    return status == CH_OK ? print(cli, cli->arguments->operands[0]) : status;
}

static ch_status seek(ch_cli *cli)
{
    char from[CH_FROM_SIZE];
    const char *name = cli->arguments->operands[0];
    ch_status status =
        ch_from_parse(ch_argument_text(cli->arguments, "from"), ch_clock_wall_ms(cli->world->clock), from);
    if (status == CH_OK) {
        status = ch_cli_connect(cli);
    }
    if (status == CH_OK && casehub_seek(cli->hub, name, from, CH_QUERY_MS) != 0) {
        status = ch_cli_fail(cli);
    }
    return status == CH_OK ? print(cli, name) : status;
}

static ch_status forget(ch_cli *cli)
{
    static const ch_page_field fields[] = {{"name", "deleted", CH_PAGE_PLAIN}};
    char what[128];
    json_t *row = NULL;
    const char *name = cli->arguments->operands[0];
    snprintf(what, sizeof what, "subscription %.100s", name);
    ch_status status = ch_cli_connect(cli);
    if (status == CH_OK) {
        status = ch_cli_query_one(cli, "delete_subscription", json_pack("{s:s}", "name", name), what, &row);
    }
    if (status == CH_OK) {
        status = ch_page_row(cli, row, fields, CH_COUNT_OF(fields));
    }
    json_decref(row);
    return status;
}

static const ch_argument seek_arguments[] = {{.name = "from",
                                              .kind = CH_ARGUMENT_FROM,
                                              .value = "all|new|SEQ|TIME",
                                              .required = true,
                                              .help = "where it goes on; see `casehub help times`"}};

#define NAME .operands = "NAME", .operands_least = 1, .operands_most = 1
static const ch_verb verbs[] = {
    {.name = "list", .help = "who is told what, and how far behind", .run = list},
    {.name = "show", NAME, .help = "one of them", .run = show},
    {.name = "seek", NAME, CH_ARGUMENTS(seek_arguments), .help = "tell it again, or leave out", .run = seek},
    {.name = "delete", NAME, .help = "forget a durable subscription and its place", .run = forget},
};

const ch_noun ch_noun_subscription = {.name = "subscription", .help = "who is told what", CH_VERBS(verbs)};
