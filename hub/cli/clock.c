#include "hub/cli/listing.h"
#include "hub/cli/nouns.h"

static ch_status list(ch_cli *cli)
{
    static const ch_column columns[] = {
        {.field = "clock", .heading = "CLOCK"},
        {.field = "rule", .heading = "RULE"},
        {.field = "party", .heading = "PARTY"},
        {.field = "state", .heading = "STATE"},
        {.field = "started", .heading = "STARTED", .kind = CH_CELL_TIME},
        {.field = "due", .heading = "DUE", .kind = CH_CELL_TIME},
        {.field = "ended", .heading = "ENDED", .kind = CH_CELL_TIME},
        {.field = "level", .heading = "LEVEL", .kind = CH_CELL_NUMBER},
        {.field = "handoff", .heading = "HANDOFF"},
        {.field = "category", .heading = "CATEGORY"},
        {.field = "area", .heading = "AREA"},
    };
    json_t *arguments = ch_cli_fields(cli->arguments);
    json_object_set_new(arguments, "open", json_boolean(!ch_argument_given(cli->arguments, "all")));
    const ch_listing listing = {.query = "clocks",
                                .arguments = arguments,
                                .columns = columns,
                                .column_count = CH_COUNT_OF(columns),
                                .nothing = "No clock fits.",
                                .limit = ch_argument_number(cli->arguments, "limit", CH_LIST_DEFAULT)};
    return ch_list(cli, &listing);
}

/* "none" is no state of a clock that is there. */
static const char *const states[] = {"running", "paused", "met", "breached", "cancelled", NULL};

static const ch_argument list_arguments[] = {
    CH_TAKES_TEXT("party", "PARTY", "party", "whose promise it is"),
    CH_TAKES_WORD("state", "STATE", states, "state", "running, paused, met, breached or cancelled"),
    CH_TAKES_TIME("due-before", "due_before", "due before that; see `casehub help times`"),
    CH_TAKES_TEXT("case", "ID", "case", "of this case"),
    CH_TAKES_FLAG("all", NULL, "those that have ended, too"),
    CH_LIST_LIMIT,
};

static const ch_verb verbs[] = {
    {.name = "list", CH_ARGUMENTS(list_arguments), .help = "promises that run, or were broken", .run = list},
};

const ch_noun ch_noun_clock = {.name = "clock", .help = "what was promised, and by when", CH_VERBS(verbs)};
