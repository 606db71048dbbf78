#include "hub/cli/listing.h"
#include "hub/cli/nouns.h"

static ch_status list(ch_cli *cli)
{
    static const ch_column columns[] = {
        {.field = "time", .heading = "TIME", .kind = CH_CELL_TIME},
        {.field = "actor", .heading = "WHO"},
        {.field = "role", .heading = "ROLE"},
        {.field = "private", .heading = "PRIVATE"},
        {.field = "what", .heading = "WHAT"},
        {.field = "case", .heading = "CASE"},
        {.field = "party", .heading = "PARTY"},
        {.field = "detail", .heading = "DETAIL", .most = 60},
    };
    json_t *arguments = ch_cli_fields(cli->arguments);
    bool looks = ch_argument_given(cli->arguments, "looks"),
         deeds = ch_argument_given(cli->arguments, "deeds");
    if (looks && deeds) {
        json_decref(arguments);
        return ch_cli_misuse(cli, "--looks and --deeds exclude each other; without either both are listed");
    }
    if (looks || deeds) {
        json_object_set_new(arguments, "of", json_string(looks ? "looks" : "deeds"));
    }
    const ch_listing listing = {.query = "audit",
                                .arguments = arguments,
                                .columns = columns,
                                .column_count = CH_COUNT_OF(columns),
                                .nothing = "Nobody has.",
                                .limit = ch_argument_number(cli->arguments, "limit", CH_LIST_DEFAULT)};
    return ch_list(cli, &listing);
}

static const ch_argument list_arguments[] = {
    CH_TAKES_TEXT("actor", "NAME", "actor", "by the client of this grant"),
    CH_TAKES_TEXT("case", "ID", "case", "about this case, by its id"),
    CH_TAKES_TIME("since", "since", "then or later; see `casehub help times`"),
    CH_TAKES_FLAG("looks", NULL, "only who looked at what"),
    CH_TAKES_FLAG("deeds", NULL, "only who did what"),
    CH_LIST_LIMIT,
};

static const ch_verb verbs[] = {
    {.name = "list",
     CH_ARGUMENTS(list_arguments),
     .help = "who looked at what, and who did what, newest first",
     .run = list},
};

const ch_noun ch_noun_audit = {.name = "audit", .help = "who looked at what, who did what", CH_VERBS(verbs)};
