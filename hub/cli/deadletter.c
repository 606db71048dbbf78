#include "hub/cli/desk.h"
#include "hub/cli/listing.h"
#include "hub/cli/nouns.h"
#include "hub/cli/page.h"
#include "hub/model/base64.h"

#include <inttypes.h>

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
    const ch_listing listing = {.query = "deadletters",
                                .arguments = arguments,
                                .columns = columns,
                                .column_count = CH_COUNT_OF(columns),
                                .nothing = "No dead letter fits.",
                                .limit = ch_argument_number(cli->arguments, "limit", CH_LIST_DEFAULT)};
    return ch_list(cli, &listing);
}

static ch_status read_number(ch_cli *cli, size_t index, int64_t *out_number)
{
    const char *operand = cli->arguments->operands[index];
    if (ch_str_to_int(ch_str_of(operand), out_number) != CH_OK || *out_number < 1) {
        return ch_cli_misuse(cli, "`%.80s` is no number of a dead letter", operand);
    }
    return CH_OK;
}

static ch_status ask(ch_cli *cli, int64_t number, json_t **out_row)
{
    char what[64];
    snprintf(what, sizeof what, "dead letter %" PRId64, number);
    return ch_cli_query_one(cli, "deadletter", json_pack("{s:I}", "deadletter", (json_int_t)number), what,
                            out_row);
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
    ch_status status = read_number(cli, 0, &number);
    if (status == CH_OK) {
        status = ch_cli_connect(cli);
    }
    if (status == CH_OK) {
        status = ask(cli, number, &row);
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

static ch_status print_answer(ch_cli *cli, const char *action, int64_t number)
{
    if (!cli->arguments->json) {
        fprintf(cli->world->out, "sequence %" PRIu64 "  dead letter %" PRId64 "  %s\n", cli->answer.sequence,
                number, action);
        return CH_OK;
    }
    json_t *line = json_pack("{s:I, s:I, s:s}", "sequence", (json_int_t)cli->answer.sequence, "deadletter",
                             (json_int_t)number, "action", action);
    ch_status status = line == NULL ? CH_NO_MEMORY : ch_row_print_json(cli->world->out, line);
    json_decref(line);
    return status == CH_OK ? CH_OK : ch_cli_no_memory(cli);
}

static ch_status report(ch_cli *cli, const char *action, int64_t number)
{
    json_t *data = ch_cli_fields(cli->arguments);
    json_object_set_new(data, "action", json_string(action));
    json_object_set_new(data, "number", json_integer(number));
    ch_status status = ch_desk_report(cli, "hub.deadletter", data);
    return status == CH_OK ? print_answer(cli, action, number) : status;
}

static ch_status add_dry(ch_cli *cli, int64_t number, json_t *rows)
{
    json_t *row = NULL;
    ch_status status = ask(cli, number, &row);
    if (status == CH_OK) {
        json_array_append_new(rows, row);
    }
    return status;
}

static ch_status check_numbers(ch_cli *cli)
{
    int64_t number;
    ch_status status = CH_OK;
    for (size_t i = 0; i < cli->arguments->operand_count && status == CH_OK; i++) {
        status = read_number(cli, i, &number);
    }
    return status;
}

/* Each number on its own: one that fails leaves the others alone. The last failure is the caller's to tell, the
 * earlier ones are told here. */
static ch_status retry_each(ch_cli *cli, json_t *dry_rows)
{
    ch_error last = {.status = CH_OK};
    for (size_t i = 0; i < cli->arguments->operand_count; i++) {
        int64_t number = 0;
        ch_status status = read_number(cli, i, &number);
        if (status == CH_OK) {
            status = dry_rows != NULL ? add_dry(cli, number, dry_rows) : report(cli, "retry", number);
        }
        if (status != CH_OK && last.status != CH_OK) {
            ch_cli_complain(cli, &last);
        }
        last = status != CH_OK ? cli->error : last;
    }
    cli->error = last;
    return last.status;
}

static ch_status retry(ch_cli *cli)
{
    bool dry = ch_argument_given(cli->arguments, "dry-run");
    ch_status status = check_numbers(cli);
    if (status == CH_OK) {
        status = ch_cli_connect(cli);
    }
    if (status != CH_OK || !dry) {
        return status == CH_OK ? retry_each(cli, NULL) : status;
    }
    json_t *rows = json_array();
    ch_status result = rows == NULL ? ch_cli_no_memory(cli) : retry_each(cli, rows);
    status = ch_list_rows(cli, rows, columns, CH_COUNT_OF(columns));
    json_decref(rows);
    return result != CH_OK ? result : status;
}

static ch_status drop(ch_cli *cli)
{
    int64_t number;
    ch_status status = read_number(cli, 0, &number);
    if (status == CH_OK) {
        status = ch_cli_connect(cli);
    }
    return status == CH_OK ? report(cli, "drop", number) : status;
}

static const ch_argument list_arguments[] = {
    CH_TAKES_TEXT("connector", "NAME", "connector", "of this connector"),
    CH_TAKES_TEXT("code", "CODE", "code", "with this reason"),
    CH_TAKES_FLAG("all", NULL, "settled ones, too"),
    CH_LIST_LIMIT,
};
static const ch_argument retry_arguments[] = {
    CH_TAKES_FLAG("dry-run", NULL, "show what would be tried again")};
static const ch_argument drop_arguments[] = {
    CH_NEEDS_TEXT("reason", "TEXT", "reason", "why nobody needs it")};

static const ch_verb verbs[] = {
    {.name = "list", CH_ARGUMENTS(list_arguments), .help = "what could not be taken in", .run = list},
    {.name = "show",
     .operands = "N",
     .operands_least = 1,
     .operands_most = 1,
     .help = "one of them, with its raw record where the grant allows",
     .run = show},
    {.name = "retry",
     .operands = "N...",
     .operands_least = 1,
     .operands_most = SIZE_MAX,
     CH_ARGUMENTS(retry_arguments),
     .help = "have the connector try again",
     .run = retry},
    {.name = "drop",
     .operands = "N",
     .operands_least = 1,
     .operands_most = 1,
     CH_ARGUMENTS(drop_arguments),
     .help = "destroy its content, for good",
     .run = drop},
};

const ch_noun ch_noun_deadletter = {
    .name = "deadletter", .help = "what could not be taken in", CH_VERBS(verbs)};
