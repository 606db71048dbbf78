#include "hub/cli/listing.h"
#include "hub/cli/nouns.h"

static ch_status list(ch_cli *cli)
{
    static const ch_column columns[] = {
        {.field = "party", .heading = "PARTY"}, {.field = "name", .heading = "NAME"},
        {.field = "kind", .heading = "KIND"},   {.field = "supervisor", .heading = "SUPERVISOR"},
        {.field = "areas", .heading = "AREAS"}, {.field = "reach", .heading = "REACH"},
        {.field = "duty", .heading = "DUTY"},
    };
    const ch_listing listing = {.query = "parties",
                                .arguments = ch_cli_fields(cli->arguments),
                                .columns = columns,
                                .column_count = CH_COUNT_OF(columns),
                                .nothing = "No party fits."};
    return ch_list(cli, &listing);
}

static const ch_argument list_arguments[] = {
    CH_TAKES_TEXT("code", "PARTY", "code", "only this one"),
    CH_TAKES_TEXT("kind", "KIND", "kind", "department, firm, team ..."),
};

static const ch_verb verbs[] = {
    {.name = "list", CH_ARGUMENTS(list_arguments), .help = "who can be given a case", .run = list}};

const ch_noun ch_noun_party = {.name = "party", .help = "departments, firms, teams", CH_VERBS(verbs)};
