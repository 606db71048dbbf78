#include "hub/cli/as_of.h"
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

/* The first operand's case and the second's, named in that field of data. */
static ch_status pair(ch_cli *cli, const char *field)
{
    char case_id[64], other[64];
    ch_status status = ch_cli_connect(cli);
    if (status == CH_OK) {
        status = ch_desk_find_case(cli, cli->arguments->operands[0], case_id);
    }
    if (status == CH_OK) {
        status = ch_desk_find_case(cli, cli->arguments->operands[1], other);
    }
    if (status == CH_OK) {
        json_t *data = ch_cli_fields(cli->arguments);
        json_object_set_new(data, field, json_string(other));
        status = ch_desk_command(cli, case_id, data);
    }
    return status == CH_OK ? ch_desk_print(cli, NULL, NULL) : status;
}

static ch_status tie(ch_cli *cli)
{
    return pair(cli, "other");
}

static ch_status merge(ch_cli *cli)
{
    return pair(cli, "into");
}

static const char *const states[] = {
#define STATE_WORD(symbol, name) name,
    CH_CASE_STATE_LIST(STATE_WORD)
#undef STATE_WORD
        NULL};
static const char *const test_modes[] = {"exclude", "include", "only", NULL};
static const char *const relations[] = {"parent", "child", "related", NULL};
static const char *const waiting_reasons[] = {"citizen", "external", "planned", "suspended", "legal", NULL};

static const ch_argument list_arguments[] = {
    CH_TAKES_WORD("state", "STATE", states, "state",
                  "received, accepted, assigned, in_progress, waiting, resolved, closed ..."),
    CH_TAKES_TEXT("party", "PARTY", "party", "leads it, or has an open handoff of it"),
    CH_TAKES_TEXT("system", "SYSTEM", "system", "where it began"),
    CH_TAKES_TEXT("area", "AREA", "area", "code of the area; a prefix names a larger one"),
    CH_TAKES_TEXT("category", "CATEGORY", "category", "or the beginning of one"),
    CH_TAKES_TEXT("ref", "REF", "ref", "its number in the system where it began"),
    CH_TAKES_TEXT("phone", "NUMBER", "phone", "with this phone number in its private data"),
    CH_TAKES_TEXT("id-number", "NUMBER", "id_number", "with this identity number in it"),
    CH_TAKES_TIME("since", "since", "opened then or later; see `casehub help times`"),
    CH_TAKES_FLAG("anomalous", "anomalous", "with reports that the lifecycle could not follow"),
    CH_TAKES_WORD("test", "exclude|include|only", test_modes, "test", "cases of drills (exclude)"),
    CH_LIST_LIMIT,
};

static const ch_argument text_arguments[] = {CH_DESK_TEXT, CH_DESK_ARGUMENTS};
static const ch_argument reason_arguments[] = {CH_DESK_REASON, CH_DESK_TEXT, CH_DESK_ARGUMENTS};
static const ch_argument assign_arguments[] = {
    CH_NEEDS_TEXT("to", "PARTY", "party", "who has it from now on"), CH_DESK_TEXT, CH_DESK_ARGUMENTS};
static const ch_argument arbitrate_arguments[] = {
    CH_NEEDS_TEXT("to", "PARTY", "party", "who gets it; all others lose it"), CH_DESK_TEXT,
    CH_DESK_ARGUMENTS};
static const ch_argument wait_arguments[] = {
    CH_TAKES_WORD("reason", "WHOM", waiting_reasons, "reason",
                  "citizen, external, planned, suspended or legal"),
    CH_TAKES_TIME("until", "until", "how long; see `casehub help times`"), CH_DESK_TEXT, CH_DESK_ARGUMENTS};
static const ch_argument reply_arguments[] = {CH_TAKES_FLAG("public", "public", "everybody may read it"),
                                              CH_DESK_TEXT, CH_DESK_ARGUMENTS};
static const ch_argument resolve_arguments[] = {
    CH_TAKES_TEXT("resolution", "TEXT", "resolution", "what came of it, in one line"), CH_DESK_TEXT,
    CH_DESK_ARGUMENTS};
static const ch_argument feedback_arguments[] = {
    CH_TAKES_NUMBER("score", "1..5", 1, 5, "score", "5 is best"),
    CH_TAKES_YES_NO("satisfied", "satisfied", "what the citizen says"), CH_DESK_TEXT, CH_DESK_ARGUMENTS};
static const ch_argument link_arguments[] = {CH_TAKES_WORD("relation", "parent|child|related", relations,
                                                           "relation",
                                                           "what the other case is to this one (related)"),
                                             CH_DESK_TEXT, CH_DESK_ARGUMENTS};
static const ch_argument split_arguments[] = {
    CH_NEEDS_TEXT("title", "TEXT", "title", "what the new case is about, in one line"),
    CH_TAKES_TEXT("category", "CATEGORY", "category", "of the new case (the same)"),
    CH_TAKES_TEXT("area", "AREA", "area", "of the new case (the same)"),
    CH_TAKES_NUMBER("priority", "1..5", 1, 5, "priority", "of the new case; 1 is highest"),
    CH_DESK_TEXT,
    CH_DESK_ARGUMENTS};
static const ch_argument show_arguments[] = {
    CH_TAKES_TEXT("source", "SOURCE", "source", "whose REF it is, where several systems have the same"),
    CH_TAKES_AS_OF("as it was at that event of the log, or by what was recorded up to then")};
static const ch_argument timeline_arguments[] = {
    CH_TAKES_AS_OF("only up to that event of the log, or what was recorded up to then")};

static const ch_argument erase_arguments[] = {
    CH_NEEDS_TEXT("reason", "TEXT", NULL, "why; it stays, so it must name nobody"),
    CH_TAKES_TEXT("certificate", "FILE", NULL, "write what was done to a new file, as JSON")};
static const ch_argument hold_arguments[] = {
    CH_NEEDS_TEXT("reason", "TEXT", NULL, "why; it stays, so it must name nobody"),
    CH_TAKES_FLAG("lift", NULL, "end the hold")};

#define PAIR(verb, other, event_type, table, function, text)                                                 \
    {                                                                                                        \
        .name = verb, .operands = "ID|REF " other, .operands_least = 2, .operands_most = 2,                  \
        CH_ARGUMENTS(table), .help = text, .run = function, .type = event_type                               \
    }

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
     CH_ARGUMENTS(timeline_arguments),
     .help = "everything that happened, step by step",
     .run = ch_case_timeline},
    COMMAND("accept", "case.accepted", text_arguments, "take it in"),
    COMMAND("reject", "case.rejected", reason_arguments, "decline it"),
    COMMAND("assign", "case.assigned", assign_arguments, "say who has it"),
    COMMAND("arbitrate", "case.arbitrated", arbitrate_arguments,
            "decide who gets what nobody takes, or all pass on"),
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
    PAIR("link", "OTHER", "case.linked", link_arguments, tie, "tie it to another case"),
    PAIR("unlink", "OTHER", "case.unlinked", text_arguments, tie, "end such a tie"),
    COMMAND("split", "case.split", split_arguments, "open a case of its own for a part of it"),
    {.name = "hold",
     .operands = "ID|REF",
     .operands_least = 1,
     .operands_most = 1,
     CH_ARGUMENTS(hold_arguments),
     .help = "a legal hold: until it is lifted it can be neither erased nor archived",
     .run = ch_case_hold},
    {.name = "erase",
     .operands = "ID|REF",
     .operands_least = 1,
     .operands_most = 1,
     CH_ARGUMENTS(erase_arguments),
     .help = "destroy what it and the cases merged into it say, for good and everywhere",
     .run = ch_case_erase},
    PAIR("merge", "INTO", "case.merged", text_arguments, merge, "it is the same as another, which goes on"),
};

const ch_noun ch_noun_case = {
    .name = "case", .help = "one matter, from its first report to its end", CH_VERBS(verbs)};
