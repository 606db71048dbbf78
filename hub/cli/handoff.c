#include "hub/cli/desk.h"
#include "hub/cli/listing.h"
#include "hub/cli/nouns.h"
#include "hub/model/event.h"

#define DUE CH_TAKES_TIME("due", "due", "by when; see `casehub help times`")
#define TO(text) CH_NEEDS_TEXT("to", "PARTY", "party", text)

static const ch_column columns[] = {
    {.field = "handoff", .heading = "HANDOFF"},
    {.field = "party", .heading = "PARTY"},
    {.field = "state", .heading = "STATE"},
    {.field = "group", .heading = "GROUP"},
    {.field = "form", .heading = "FORM"},
    {.field = "need", .heading = "NEED"},
    {.field = "lead", .heading = "LEAD"},
    {.field = "from", .heading = "FROM"},
    {.field = "reason", .heading = "REASON"},
    {.field = "offered", .heading = "OFFERED", .kind = CH_CELL_TIME},
    {.field = "delivered", .heading = "DELIVERED", .kind = CH_CELL_TIME},
    {.field = "accepted", .heading = "ACCEPTED", .kind = CH_CELL_TIME},
    {.field = "started", .heading = "STARTED", .kind = CH_CELL_TIME},
    {.field = "ended", .heading = "ENDED", .kind = CH_CELL_TIME},
    {.field = "due", .heading = "DUE", .kind = CH_CELL_TIME},
};

static ch_status list(ch_cli *cli)
{
    json_t *arguments = ch_cli_fields(cli->arguments);
    json_object_set_new(arguments, "open", json_boolean(!ch_argument_given(cli->arguments, "all")));
    const ch_listing listing = {.query = "handoffs",
                                .arguments = arguments,
                                .columns = columns,
                                .column_count = CH_COUNT_OF(columns),
                                .nothing = "No handoff fits.",
                                .limit = ch_argument_number(cli->arguments, "limit", CH_LIST_DEFAULT)};
    return ch_list(cli, &listing);
}

/* "<case>/h3": its case, and handoff "<case>/h3"; a case alone leaves it to the hub which of its handoffs is
 * meant, "" here. */
static ch_status split(ch_cli *cli, const char *operand, char out_case_id[64], const char **out_handoff)
{
    ch_str case_id;
    uint32_t index;
    if (strchr(operand, '/') == NULL) {
        *out_handoff = "";
        return ch_desk_find_case(cli, operand, out_case_id);
    }
    if (ch_handoff_id_split(ch_str_of(operand), &case_id, &index) != CH_OK ||
        ch_str_copy(out_case_id, 64, case_id) != CH_OK) {
        return ch_cli_misuse(cli, "`%.80s` is no handoff: a case, /h and a number, as in ZJ-20261123-1/h2",
                             operand);
    }
    *out_handoff = operand;
    return CH_OK;
}

static ch_status print_one(ch_cli *cli, const json_t *the_case, const char *handoff)
{
    size_t index;
    json_t *item;
    json_array_foreach(json_object_get(the_case, "handoffs"), index, item)
    {
        if (strcmp(ch_row_text(item, "handoff"), handoff) == 0) {
            json_t *rows = json_pack("[O]", item);
            ch_status status =
                rows == NULL ? ch_cli_no_memory(cli) : ch_list_rows(cli, rows, columns, CH_COUNT_OF(columns));
            json_decref(rows);
            return status;
        }
    }
    return ch_error_set(&cli->error, CH_NOT_FOUND, NULL, "there is no handoff %s", handoff);
}

static ch_status show(ch_cli *cli)
{
    char case_id[64], what[80];
    const char *handoff = "";
    json_t *row = NULL;
    ch_status status = ch_cli_connect(cli);
    if (status == CH_OK) {
        status = split(cli, cli->arguments->operands[0], case_id, &handoff);
    }
    if (status == CH_OK && handoff[0] == '\0') {
        status = ch_cli_misuse(cli, "`%.80s` is a case; its handoffs: casehub handoff list --case %s --all",
                               cli->arguments->operands[0], case_id);
    }
    if (status != CH_OK) {
        return status;
    }
    snprintf(what, sizeof what, "case %s", case_id);
    status = ch_cli_query_one(cli, "case", json_pack("{s:s}", "case", case_id), what, &row);
    if (status == CH_OK) {
        status = print_one(cli, row, handoff);
        json_decref(row);
    }
    return status;
}

/* One receiver is a party, several are parties. */
static json_t *offer_fields(const ch_arguments *arguments)
{
    json_t *given = ch_cli_fields(arguments);
    json_t *fields = json_object(), *parties = json_object_get(given, "parties");
    if (json_array_size(parties) == 1) {
        json_object_set(fields, "party", json_array_get(parties, 0));
        json_object_del(given, "parties");
    }
    json_object_update(fields, given);
    json_decref(given);
    return fields;
}

/* The first that was named. */
static const char *first_receiver(const ch_arguments *arguments)
{
    for (size_t i = 0; i < arguments->value_count; i++) {
        if (strcmp(arguments->values[i].argument->name, "to") == 0) {
            return arguments->values[i].text;
        }
    }
    return NULL;
}

static ch_status offer(ch_cli *cli)
{
    char case_id[64];
    ch_status status = ch_cli_connect(cli);
    if (status == CH_OK) {
        status = ch_desk_find_case(cli, cli->arguments->operands[0], case_id);
    }
    if (status == CH_OK) {
        status = ch_desk_command(cli, case_id, offer_fields(cli->arguments));
    }
    return status == CH_OK ? ch_desk_print(cli, "", first_receiver(cli->arguments)) : status;
}

static ch_status command(ch_cli *cli)
{
    char case_id[64];
    const char *handoff = "";
    ch_status status = ch_cli_connect(cli);
    if (status == CH_OK) {
        status = split(cli, cli->arguments->operands[0], case_id, &handoff);
    }
    if (status != CH_OK) {
        return status;
    }
    json_t *data = ch_cli_fields(cli->arguments);
    if (handoff[0] != '\0') {
        json_object_set_new(data, "handoff", json_string(handoff));
    }
    status = ch_desk_command(cli, case_id, data);
    return status == CH_OK ? ch_desk_print(cli, handoff, ch_argument_text(cli->arguments, "party")) : status;
}

static const ch_argument list_arguments[] = {
    CH_TAKES_TEXT("party", "PARTY", "party", "the receiver"),
    CH_TAKES_TEXT("case", "ID", "case", "of this case"),
    CH_TAKES_FLAG("all", NULL, "ended ones, too"),
    CH_LIST_LIMIT,
};
static const char *const forms[] = {"single", "sequence", "parallel", "joint", "cc", NULL};
static const ch_argument offer_arguments[] = {
    {.name = "to",
     .kind = CH_ARGUMENT_TEXT,
     .value = "PARTY",
     .field = "parties",
     .help = "who should take it; once for each of several",
     .required = true,
     .repeated = true},
    CH_TAKES_WORD(
        "form", "FORM", forms, "form",
        "of several: parallel, sequence (one after another), joint (one leads), cc (for information)"),
    CH_TAKES_TEXT("need", "N", "need", "how many of a parallel one must complete: all, any or a number"),
    CH_TAKES_TEXT("lead", "PARTY", "lead", "who leads a joint one and completes last"),
    CH_DESK_REASON,
    DUE,
    CH_DESK_TEXT,
    CH_DESK_ARGUMENTS};
static const ch_argument plain_arguments[] = {CH_DESK_REASON, CH_DESK_TEXT, CH_DESK_ARGUMENTS};
static const ch_argument accept_arguments[] = {CH_DESK_REASON, DUE, CH_DESK_TEXT, CH_DESK_ARGUMENTS};
static const ch_argument transfer_arguments[] = {TO("who should take it instead"), CH_DESK_REASON,
                                                 CH_DESK_TEXT, CH_DESK_ARGUMENTS};
static const ch_argument extend_arguments[] = {
    CH_NEEDS_TIME("due", "due", "the new date; see `casehub help times`"), CH_DESK_REASON, CH_DESK_TEXT,
    CH_DESK_ARGUMENTS};

#define COMMAND(verb, event_type, table, text)                                                               \
    {                                                                                                        \
        .name = verb, .operands = "HANDOFF|CASE", .operands_least = 1, .operands_most = 1,                   \
        CH_ARGUMENTS(table), .help = text, .run = command, .type = event_type                                \
    }

static const ch_verb verbs[] = {
    {.name = "list", CH_ARGUMENTS(list_arguments), .help = "open handoffs", .run = list},
    {.name = "show",
     .operands = "HANDOFF",
     .operands_least = 1,
     .operands_most = 1,
     .help = "one handoff and its times",
     .run = show},
    {.name = "offer",
     .operands = "CASE",
     .operands_least = 1,
     .operands_most = 1,
     CH_ARGUMENTS(offer_arguments),
     .help = "ask a party, or several, to take the case",
     .run = offer,
     .type = "handoff.offered"},
    COMMAND("accept", "handoff.accepted", accept_arguments, "the receiver takes it"),
    COMMAND("reject", "handoff.rejected", plain_arguments, "the receiver declines"),
    COMMAND("start", "handoff.started", plain_arguments, "work has begun"),
    COMMAND("complete", "handoff.completed", plain_arguments, "the receiver's part is done"),
    COMMAND("fail", "handoff.failed", plain_arguments, "it could not be done"),
    COMMAND("return", "handoff.returned", plain_arguments, "give it back after all"),
    COMMAND("transfer", "handoff.transferred", transfer_arguments, "pass it on to another party"),
    COMMAND("withdraw", "handoff.withdrawn", plain_arguments, "who offered it takes it back"),
    COMMAND("extend", "handoff.extended", extend_arguments, "more time"),
    COMMAND("urge", "handoff.urged", plain_arguments, "remind the receiver, on record"),
};

const ch_noun ch_noun_handoff = {
    .name = "handoff", .help = "one party's promise for a case", CH_VERBS(verbs)};
