#include "hub/cli/deadletter_settle.h"

#include "hub/cli/desk.h"
#include "hub/cli/exit_codes.h"
#include "hub/cli/listing.h"
#include "hub/cli/rows.h"

#include <inttypes.h>
#include <stdlib.h>

ch_status ch_deadletter_number(ch_cli *cli, const char *operand, int64_t *out_number)
{
    int64_t number;
    if (ch_str_to_int(ch_str_of(operand), &number) != CH_OK || number < 1) {
        return ch_cli_misuse(cli, "`%.80s` is no number of a dead letter", operand);
    }
    *out_number = number;
    return CH_OK;
}

ch_status ch_deadletter_ask(ch_cli *cli, int64_t number, json_t **out_row)
{
    char what[64];
    snprintf(what, sizeof what, "dead letter %" PRId64, number);
    return ch_cli_query_one(cli, "deadletter", json_pack("{s:I}", "deadletter", (json_int_t)number), what,
                            out_row);
}

typedef struct numbers {
    ch_cli *cli;
    int64_t *at;
    size_t count, capacity;
} numbers;

static ch_status add(numbers *to, int64_t number)
{
    ch_status status = ch_array_reserve(&to->at, &to->capacity, to->count + 1, 64, sizeof *to->at);
    if (status != CH_OK) {
        return ch_cli_no_memory(to->cli);
    }
    to->at[to->count++] = number;
    return CH_OK;
}

static ch_status add_row(void *context, json_t *row)
{
    return add(context, ch_row_int(row, "deadletter", 0));
}

static ch_status add_operands(numbers *to)
{
    ch_status status = CH_OK;
    const ch_arguments *arguments = to->cli->arguments;
    for (size_t i = 0; i < arguments->operand_count && status == CH_OK; i++) {
        int64_t number = 0;
        status = ch_deadletter_number(to->cli, arguments->operands[i], &number);
        if (status == CH_OK) {
            status = add(to, number);
        }
    }
    return status;
}

/* What is too much is more likely a mistake than a wish. */
static ch_status check_choice(ch_cli *cli, const json_t *filters)
{
    const ch_arguments *arguments = cli->arguments;
    bool all = ch_argument_given(arguments, "all"), narrowed = json_object_size(filters) > 0;
    if (all && arguments->operand_count > 0) {
        return ch_cli_misuse(cli, "numbers or --all, not both");
    }
    if (!all && (arguments->operand_count == 0 || narrowed)) {
        return ch_cli_misuse(cli, "which ones? Say their numbers, or --all and what they have in common");
    }
    if (all && !narrowed && !ch_argument_given(arguments, "yes")) {
        return ch_cli_misuse(cli, "really all that are open? Say what they have in common, or --yes");
    }
    return CH_OK;
}

/* ---- without doing it */

static ch_status show_named(ch_cli *cli, const ch_settling *how, const numbers *named)
{
    ch_error last = {.status = CH_OK};
    json_t *rows = json_array();
    for (size_t i = 0; i < named->count; i++) {
        json_t *row = NULL;
        if (ch_deadletter_ask(cli, named->at[i], &row) == CH_OK) {
            json_array_append_new(rows, row);
            continue;
        }
        if (last.status != CH_OK) {
            ch_cli_complain(cli, &last); /* the last one is the caller's to tell */
        }
        last = cli->error;
    }
    ch_status status = ch_list_rows(cli, rows, how->columns, how->column_count);
    ch_cli_note(cli, "%zu would be %s.", json_array_size(rows), how->done);
    json_decref(rows);
    cli->error = status == CH_OK ? last : cli->error;
    return cli->error.status;
}

static ch_status show_fitting(ch_cli *cli, const ch_settling *how, json_t *filters)
{
    int64_t total = 0;
    const ch_listing listing = {.query = "deadletters",
                                .arguments = filters,
                                .columns = how->columns,
                                .column_count = how->column_count,
                                .nothing = "No dead letter fits.",
                                .out_total = &total};
    ch_status status = ch_list(cli, &listing);
    if (status == CH_OK && total > 0) {
        ch_cli_note(cli, "%" PRId64 " would be %s.", total, how->done);
    }
    return status;
}

/* ---- doing it */

static ch_status print_settled(ch_cli *cli, const ch_settling *how, int64_t number)
{
    uint64_t sequence = cli->answer.sequence;
    if (!cli->arguments->json) {
        fprintf(cli->world->out, "sequence %" PRIu64 "  dead letter %" PRId64 "  %s\n", sequence, number,
                how->action);
        return CH_OK;
    }
    json_t *line = json_pack("{s:I, s:I, s:s}", "sequence", (json_int_t)sequence, "deadletter",
                             (json_int_t)number, "action", how->action);
    ch_status status = line == NULL ? CH_NO_MEMORY : ch_row_print_json(cli->world->out, line);
    json_decref(line);
    return status == CH_OK ? CH_OK : ch_cli_no_memory(cli);
}

static ch_status print_refused(ch_cli *cli, const ch_settling *how, int64_t number)
{
    const ch_error why = cli->error;
    cli->exit_code = CH_EXIT_DATA;
    if (!cli->arguments->json) {
        fprintf(cli->world->out, "dead letter %" PRId64 "  cannot be %s: %s: %s\n", number, how->done,
                ch_status_name(why.status), why.text);
        return CH_OK;
    }
    json_t *line = json_pack("{s:I, s:s, s:s, s:s}", "deadletter", (json_int_t)number, "action", how->action,
                             "error", ch_status_name(why.status), "text", why.text);
    ch_status status = line == NULL ? CH_NO_MEMORY : ch_row_print_json(cli->world->out, line);
    json_decref(line);
    return status == CH_OK ? CH_OK : ch_cli_no_memory(cli);
}

/* Of one letter alone; anything else would be said of the next one, too. */
static bool is_of_the_letter(ch_status status)
{
    return status == CH_NOT_FOUND || status == CH_CONFLICT || status == CH_REFUSED || status == CH_INVALID;
}

static ch_status settle_one(ch_cli *cli, const ch_settling *how, int64_t number, uint64_t *last_sequence)
{
    json_t *event = NULL;
    json_t *data = json_pack("{s:s*, s:s, s:I}", "reason", how->why, "action", how->action, "number",
                             (json_int_t)number);
    ch_status status = ch_desk_event(cli, "hub.deadletter", data, &event);
    if (status == CH_OK) {
        status = ch_cli_publish(cli, event);
    }
    if (status == CH_OK) {
        *last_sequence = cli->answer.sequence;
        return print_settled(cli, how, number);
    }
    return is_of_the_letter(status) ? print_refused(cli, how, number) : status;
}

static ch_status settle_each(ch_cli *cli, const ch_settling *how, const numbers *of)
{
    uint64_t last_sequence = 0;
    ch_status status = CH_OK;
    for (size_t i = 0; i < of->count && status == CH_OK; i++) {
        status = settle_one(cli, how, of->at[i], &last_sequence);
    }
    if (last_sequence > 0) {
        ch_cli_await(cli, last_sequence);
    }
    if (status != CH_OK) {
        cli->exit_code = -1; /* what ended it says more than a letter that was refused before */
    }
    return status;
}

/* They are collected before the first is settled: one that fails again becomes a new letter, which fits as well. Takes
 * filters. */
static ch_status settle_fitting(numbers *to, const ch_settling *how, json_t *filters)
{
    ch_cli *cli = to->cli;
    if (ch_argument_given(cli->arguments, "dry-run")) {
        return show_fitting(cli, how, filters);
    }
    ch_status status = ch_list_each(cli, "deadletters", filters, add_row, to);
    if (status == CH_OK && to->count == 0) {
        ch_cli_note(cli, "No dead letter fits.");
    }
    return status == CH_OK ? settle_each(cli, how, to) : status;
}

static ch_status settle_named(numbers *to, const ch_settling *how)
{
    ch_status status = add_operands(to);
    if (status == CH_OK) {
        status = ch_cli_connect(to->cli);
    }
    if (status != CH_OK) {
        return status;
    }
    return ch_argument_given(to->cli->arguments, "dry-run") ? show_named(to->cli, how, to)
                                                            : settle_each(to->cli, how, to);
}

ch_status ch_deadletter_settle(ch_cli *cli, const ch_settling *how, json_t *filters)
{
    numbers to = {.cli = cli};
    ch_status status = filters == NULL ? ch_cli_no_memory(cli) : check_choice(cli, filters);
    if (status == CH_OK && ch_argument_given(cli->arguments, "all")) {
        status = settle_fitting(&to, how, filters);
        filters = NULL;
    } else if (status == CH_OK) {
        status = settle_named(&to, how);
    }
    json_decref(filters);
    free(to.at);
    return status;
}
