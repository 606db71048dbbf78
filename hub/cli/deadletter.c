#include "hub/cli/deadletter_groups.h"
#include "hub/cli/deadletter_settle.h"
#include "hub/cli/listing.h"
#include "hub/cli/nouns.h"
#include "hub/cli/page.h"
#include "hub/model/base64.h"

#define RAW_MAX ((size_t)1 << 20)

static const ch_column columns[] = {
    {.field = "deadletter", .heading = "NUMBER", .kind = CH_CELL_NUMBER},
    {.field = "status", .heading = "STATUS"},
    {.field = "connector", .heading = "CONNECTOR"},
    {.field = "stage", .heading = "STAGE"},
    {.field = "code", .heading = "CODE"},
    {.field = "recorded", .heading = "SINCE", .kind = CH_CELL_TIME},
    {.field = "place", .heading = "PLACE"},
    {.field = "reason", .heading = "REASON"},
};

static ch_status list(ch_cli *cli)
{
    json_t *arguments = ch_cli_fields(cli->arguments);
    if (ch_argument_given(cli->arguments, "all")) {
        json_object_set_new(arguments, "status", json_string("all"));
    }
    const char *by = ch_argument_text(cli->arguments, "by");
    int64_t limit = ch_argument_number(cli->arguments, "limit", CH_LIST_DEFAULT);
    if (by != NULL) {
        return ch_deadletter_groups(cli, arguments, by, limit);
    }
    const ch_listing listing = {.query = "deadletters",
                                .arguments = arguments,
                                .columns = columns,
                                .column_count = CH_COUNT_OF(columns),
                                .nothing = "No dead letter fits.",
                                .limit = limit};
    return ch_list(cli, &listing);
}

/* As text where it is UTF-8; the bytes themselves are in --json. */
static void print_raw(FILE *out, const json_t *raw)
{
    ch_str base64 = ch_str_of(ch_row_text(raw, "$base64"));
    ch_buf bytes;
    if (base64.size == 0 || !ch_base64_is_valid(base64)) {
        return;
    }
    ch_buf_init(&bytes, RAW_MAX);
    ch_base64_decode(&bytes, base64);
    if (bytes.failed == CH_OK && ch_str_is_utf8(ch_buf_str(&bytes))) {
        ch_buf_append(&bytes, "", 1);
        if (bytes.failed == CH_OK) {
            ch_page_text(out, "raw", (const char *)bytes.at);
        }
    } else {
        ch_page_line(out, "raw", "%zu bytes that are no UTF-8; --json shows them in base64", bytes.size);
    }
    ch_buf_done(&bytes);
}

static ch_status show(ch_cli *cli)
{
    static const ch_page_field fields[] = {
        {"deadletter", "number", CH_PAGE_PLAIN},   {"status", "status", CH_PAGE_PLAIN},
        {"connector", "connector", CH_PAGE_PLAIN}, {"stage", "stage", CH_PAGE_PLAIN},
        {"code", "code", CH_PAGE_PLAIN},           {"reason", "reason", CH_PAGE_PLAIN},
        {"place", "place", CH_PAGE_PLAIN},         {"mapping", "mapping", CH_PAGE_PLAIN},
        {"recorded", "since", CH_PAGE_TIME},       {"sequence", "sequence", CH_PAGE_PLAIN},
    };
    int64_t number;
    json_t *row = NULL;
    ch_status status = ch_deadletter_number(cli, cli->arguments->operands[0], &number);
    if (status == CH_OK) {
        status = ch_cli_connect(cli);
    }
    if (status == CH_OK) {
        status = ch_deadletter_ask(cli, number, &row);
    }
    if (status == CH_OK) {
        status = ch_page_row(cli, row, fields, CH_COUNT_OF(fields));
    }
    if (status == CH_OK && !cli->arguments->json) {
        print_raw(cli->world->out, json_object_get(row, "raw"));
    }
    json_decref(row);
    return status;
}

static ch_status retry(ch_cli *cli)
{
    const ch_settling how = {
        .action = "retry", .done = "retried", .columns = columns, .column_count = CH_COUNT_OF(columns)};
    return ch_deadletter_settle(cli, &how, ch_cli_fields(cli->arguments));
}

static ch_status drop(ch_cli *cli)
{
    const ch_settling how = {.action = "drop",
                             .done = "dropped",
                             .why = ch_argument_text(cli->arguments, "reason"),
                             .columns = columns,
                             .column_count = CH_COUNT_OF(columns)};
    return ch_deadletter_settle(cli, &how, ch_cli_fields(cli->arguments));
}

/* What letters may have in common; r: the option for their reason, which `drop` needs for its own. */
#define FILTERS(r)                                                                                           \
    CH_TAKES_TEXT("connector", "NAME", "connector", "of this connector"),                                    \
        CH_TAKES_TEXT("stage", "STAGE", "stage", "charset, parse, map, publish or deliver"),                 \
        CH_TAKES_TEXT("code", "CODE", "code", "with this code, such as not-found"),                          \
        CH_TAKES_TEXT(r, "TEXT", "reason", "whose reason begins so"),                                        \
        CH_TAKES_TIME("since", "since", "that came then or later; see `casehub help times`")
#define IN_BULK                                                                                              \
    CH_TAKES_FLAG("all", NULL, "all open ones that fit"),                                                    \
        CH_TAKES_FLAG("yes", NULL, "even if nothing narrows them"),                                          \
        CH_TAKES_FLAG("dry-run", NULL, "only show how many and which")

static const ch_argument list_arguments[] = {
    FILTERS("reason"),
    CH_TAKES_WORD("by", "WHAT", ch_deadletter_groupings, NULL,
                  "count them by reason, code, connector or stage"),
    CH_TAKES_FLAG("all", NULL, "settled ones, too"),
    CH_LIST_LIMIT,
};
static const ch_argument retry_arguments[] = {FILTERS("reason"), IN_BULK};
static const ch_argument drop_arguments[] = {CH_NEEDS_TEXT("reason", "TEXT", NULL, "why nobody needs it"),
                                             FILTERS("letter-reason"), IN_BULK};

static const ch_verb verbs[] = {
    {.name = "list",
     CH_ARGUMENTS(list_arguments),
     .help = "what could not be taken in, or how much of it",
     .run = list},
    {.name = "show",
     .operands = "N",
     .operands_least = 1,
     .operands_most = 1,
     .help = "one of them, with its raw record where the grant allows",
     .run = show},
    {.name = "retry",
     .operands = "N...",
     .operands_most = SIZE_MAX,
     CH_ARGUMENTS(retry_arguments),
     .help = "have the connector try again",
     .run = retry},
    {.name = "drop",
     .operands = "N...",
     .operands_most = SIZE_MAX,
     CH_ARGUMENTS(drop_arguments),
     .help = "destroy their content, for good",
     .run = drop},
};

const ch_noun ch_noun_deadletter = {
    .name = "deadletter", .help = "what could not be taken in", CH_VERBS(verbs)};
