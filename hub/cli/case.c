#include "hub/cli/desk.h"
#include "hub/cli/listing.h"
#include "hub/cli/nouns.h"
#include "hub/model/event.h"

static ch_status list(ch_cli *cli)
{
    static const ch_column columns[] = {
        {.field = "case", .heading = "CASE"},
        {.field = "state", .heading = "STATE"},
        {.field = "party", .heading = "WITH"},
        {.field = "system", .heading = "SYSTEM"},
        {.field = "kind", .heading = "KIND"},
        {.field = "category", .heading = "CATEGORY"},
        {.field = "area", .heading = "AREA"},
        {.field = "priority", .heading = "PRIORITY", .kind = CH_CELL_NUMBER},
        {.field = "opened", .heading = "OPENED", .kind = CH_CELL_TIME},
        {.field = "changed", .heading = "CHANGED", .kind = CH_CELL_TIME},
        {.field = "handoffs_open", .heading = "HANDOFFS", .kind = CH_CELL_NUMBER},
        {.field = "anomalous", .heading = "ANOMALOUS", .kind = CH_CELL_NUMBER},
        {.field = "ref", .heading = "REF", .most = 40},
    };
    const ch_listing listing = {.query = "cases",
                                .arguments = ch_cli_fields(cli->arguments),
                                .columns = columns,
                                .column_count = CH_COUNT_OF(columns),
                                .nothing = "No case fits.",
                                .limit = ch_argument_number(cli->arguments, "limit", CH_LIST_DEFAULT)};
    return ch_list(cli, &listing);
}

static ch_status command(ch_cli *cli)
{
    char case_id[64];
    ch_status status = ch_cli_connect(cli);
    if (status == CH_OK) {
        status = ch_desk_find_case(cli, cli->arguments->operands[0], case_id);
    }
    if (status == CH_OK) {
        status = ch_desk_command(cli, case_id, ch_cli_fields(cli->arguments));
    }
    return status == CH_OK ? ch_desk_print(cli, NULL, NULL) : status;
}

static const char *const states[] = {
#define STATE_WORD(symbol, name) name,
    CH_CASE_STATE_LIST(STATE_WORD)
#undef STATE_WORD
        NULL};
static const char *const test_modes[] = {"exclude", "include", "only", NULL};
static const char *const waiting_reasons[] = {"citizen", "external", "planned", "suspended", "legal", NULL};

static const ch_argument list_arguments[] = {
    {.name = "state",
     .kind = CH_ARGUMENT_WORD,
     .value = "STATE",
     .words = states,
     .field = "state",
     .help = "received, accepted, assigned, in_progress, waiting, resolved, closed ..."},
    {.name = "party",
     .kind = CH_ARGUMENT_TEXT,
     .value = "PARTY",
     .field = "party",
     .help = "leads it, or has an open handoff of it"},
    {.name = "system",
     .kind = CH_ARGUMENT_TEXT,
     .value = "SYSTEM",
     .field = "system",
     .help = "where it began"},
    {.name = "area",
     .kind = CH_ARGUMENT_TEXT,
     .value = "AREA",
     .field = "area",
     .help = "code of the area; a prefix names a larger one"},
    {.name = "category",
     .kind = CH_ARGUMENT_TEXT,
     .value = "CATEGORY",
     .field = "category",
     .help = "or the beginning of one"},
    {.name = "ref",
     .kind = CH_ARGUMENT_TEXT,
     .value = "REF",
     .field = "ref",
     .help = "its number in the system where it began"},
    {.name = "since",
     .kind = CH_ARGUMENT_TIME,
     .value = "TIME",
     .field = "since",
     .help = "opened then or later; see `casehub help times`"},
    {.name = "anomalous",
     .kind = CH_ARGUMENT_FLAG,
     .field = "anomalous",
     .help = "with reports that the lifecycle could not follow"},
    {.name = "test",
     .kind = CH_ARGUMENT_WORD,
     .value = "exclude|include|only",
     .words = test_modes,
     .field = "test",
     .help = "cases of drills (exclude)"},
    CH_LIST_LIMIT,
};

static const ch_argument text_arguments[] = {CH_DESK_TEXT, CH_DESK_ARGUMENTS};
static const ch_argument reason_arguments[] = {CH_DESK_REASON, CH_DESK_TEXT, CH_DESK_ARGUMENTS};
static const ch_argument assign_arguments[] = {{.name = "to",
                                                .kind = CH_ARGUMENT_TEXT,
                                                .value = "PARTY",
                                                .required = true,
                                                .field = "party",
                                                .help = "who has it from now on"},
                                               CH_DESK_TEXT,
                                               CH_DESK_ARGUMENTS};
static const ch_argument wait_arguments[] = {{.name = "reason",
                                              .kind = CH_ARGUMENT_WORD,
                                              .value = "WHOM",
                                              .words = waiting_reasons,
                                              .field = "reason",
                                              .help = "citizen, external, planned, suspended or legal"},
                                             {.name = "until",
                                              .kind = CH_ARGUMENT_TIME,
                                              .value = "TIME",
                                              .field = "until",
                                              .help = "how long; see `casehub help times`"},
                                             CH_DESK_TEXT,
                                             CH_DESK_ARGUMENTS};
static const ch_argument reply_arguments[] = {
    {.name = "public", .kind = CH_ARGUMENT_FLAG, .field = "public", .help = "everybody may read it"},
    CH_DESK_TEXT,
    CH_DESK_ARGUMENTS};
static const ch_argument resolve_arguments[] = {{.name = "resolution",
                                                 .kind = CH_ARGUMENT_TEXT,
                                                 .value = "TEXT",
                                                 .field = "resolution",
                                                 .help = "what came of it, in one line"},
                                                CH_DESK_TEXT,
                                                CH_DESK_ARGUMENTS};
static const ch_argument feedback_arguments[] = {{.name = "score",
                                                  .kind = CH_ARGUMENT_NUMBER,
                                                  .value = "1..5",
                                                  .least = 1,
                                                  .most = 5,
                                                  .field = "score",
                                                  .help = "5 is best"},
                                                 {.name = "satisfied",
                                                  .kind = CH_ARGUMENT_YES_NO,
                                                  .value = "yes|no",
                                                  .field = "satisfied",
                                                  .help = "what the citizen says"},
                                                 CH_DESK_TEXT,
                                                 CH_DESK_ARGUMENTS};
static const ch_argument show_arguments[] = {
    {.name = "source",
     .kind = CH_ARGUMENT_TEXT,
     .value = "SOURCE",
     .field = "source",
     .help = "whose REF it is, where several systems have the same"}};

#define COMMAND(verb, event_type, table, text)                                                               \
    {                                                                                                        \
        .name = verb, .operands = "ID|REF", .operands_least = 1, .operands_most = 1, CH_ARGUMENTS(table),    \
        .help = text, .run = command, .type = event_type                                                     \
    }

static const ch_verb verbs[] = {
    {.name = "list", CH_ARGUMENTS(list_arguments), .help = "cases that fit", .run = list},
    {.name = "show",
     .operands = "ID|REF",
     .operands_least = 1,
     .operands_most = 1,
     CH_ARGUMENTS(show_arguments),
     .help = "what it is, how far it is, who has it, how long each step took, what the citizen said",
     .run = ch_case_show},
    {.name = "timeline",
     .operands = "ID|REF",
     .operands_least = 1,
     .operands_most = 1,
     .help = "everything that happened, step by step",
     .run = ch_case_timeline},
    COMMAND("accept", "case.accepted", text_arguments, "take it in"),
    COMMAND("reject", "case.rejected", reason_arguments, "decline it"),
    COMMAND("assign", "case.assigned", assign_arguments, "say who has it"),
    COMMAND("progress", "case.progressed", text_arguments, "report that work goes on"),
    COMMAND("wait", "case.waiting", wait_arguments, "it has to wait"),
    COMMAND("resume", "case.resumed", text_arguments, "the wait is over"),
    COMMAND("note", "case.noted", text_arguments, "add a note"),
    COMMAND("reply", "case.replied", reply_arguments, "answer the citizen"),
    COMMAND("resolve", "case.resolved", resolve_arguments, "the work is done"),
    COMMAND("close", "case.closed", reason_arguments, "nothing more is to come"),
    COMMAND("reopen", "case.reopened", reason_arguments, "begin again"),
    COMMAND("cancel", "case.cancelled", reason_arguments, "drop it"),
    COMMAND("feedback", "case.feedback", feedback_arguments, "what the citizen says of the result"),
};

const ch_noun ch_noun_case = {
    .name = "case", .help = "one matter, from its first report to its end", CH_VERBS(verbs)};
