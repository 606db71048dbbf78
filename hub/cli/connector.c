#include "hub/cli/desk.h"
#include "hub/cli/listing.h"
#include "hub/cli/nouns.h"
#include "hub/cli/page.h"

#include <inttypes.h>

static ch_status list(ch_cli *cli)
{
    static const ch_column columns[] = {
        {.field = "connector", .heading = "CONNECTOR"},
        {.field = "state", .heading = "STATE"},
        {.field = "transport", .heading = "TRANSPORT"},
        {.field = "address", .heading = "ADDRESS"},
        {.field = "since", .heading = "SINCE", .kind = CH_CELL_TIME},
        {.field = "last_success", .heading = "LAST SUCCESS", .kind = CH_CELL_TIME},
        {.field = "records", .heading = "RECORDS", .kind = CH_CELL_NUMBER},
        {.field = "dead_letters", .heading = "DEAD LETTERS", .kind = CH_CELL_NUMBER},
        {.field = "sent", .heading = "SENT", .kind = CH_CELL_NUMBER},
        {.field = "later", .heading = "LATER", .kind = CH_CELL_NUMBER},
        {.field = "undeliverable", .heading = "UNDELIVERABLE", .kind = CH_CELL_NUMBER},
        {.field = "last_sent", .heading = "LAST SENT", .kind = CH_CELL_TIME},
        {.field = "reason", .heading = "REASON"},
    };
    const ch_listing listing = {.query = "connectors",
                                .arguments = json_object(),
                                .columns = columns,
                                .column_count = CH_COUNT_OF(columns),
                                .nothing = "No connector has reported yet."};
    return ch_list(cli, &listing);
}

/* The one that the operand names; the caller's. */
static ch_status find(ch_cli *cli, json_t **out_row)
{
    char what[128];
    const char *name = cli->arguments->operands[0];
    snprintf(what, sizeof what, "connector %.100s", name);
    ch_status status = ch_cli_connect(cli);
    return status == CH_OK
               ? ch_cli_query_one(cli, "connectors", json_pack("{s:s}", "name", name), what, out_row)
               : status;
}

static ch_status show(ch_cli *cli)
{
    static const ch_page_field fields[] = {
        {"connector", "connector", CH_PAGE_PLAIN},
        {"state", "state", CH_PAGE_PLAIN},
        {"reason", "because", CH_PAGE_PLAIN},
        {"since", "since", CH_PAGE_TIME},
        {"transport", "transport", CH_PAGE_PLAIN},
        {"address", "address", CH_PAGE_PLAIN},
        {"last_success", "last success", CH_PAGE_TIME},
        {"records", "records", CH_PAGE_PLAIN},
        {"dead_letters", "dead letters", CH_PAGE_PLAIN},
        {"sender", "sender", CH_PAGE_PLAIN},
        {"sent", "sent", CH_PAGE_PLAIN},
        {"later", "later", CH_PAGE_PLAIN},
        {"undeliverable", "undeliverable", CH_PAGE_PLAIN},
        {"last_sent", "last sent", CH_PAGE_TIME},
        {"checkpoint", "checkpoint", CH_PAGE_PLAIN},
    };
    json_t *row = NULL;
    ch_status status = find(cli, &row);
    if (status == CH_OK) {
        status = ch_page_row(cli, row, fields, CH_COUNT_OF(fields));
    }
    json_decref(row);
    return status;
}

/* ---- what an operator asks of a connector */

static bool is_one_of(const char *state, const char *const *states)
{
    while (*states != NULL && strcmp(*states, state) != 0) {
        states++;
    }
    return *states != NULL;
}

/* sequence 0: nothing had to be asked. */
static ch_status tell(ch_cli *cli, const char *name, const char *what, uint64_t sequence)
{
    FILE *out = cli->world->out;
    if (!cli->arguments->json) {
        fprintf(out, sequence == 0 ? "connector %s  %s already\n" : "connector %s  asked to be %s\n", name,
                what);
        return CH_OK;
    }
    json_t *line = json_pack("{s:s, s:s, s:b}", "connector", name, "state", what, "asked", sequence != 0);
    if (line != NULL && sequence != 0) {
        json_object_set_new(line, "sequence", json_integer((json_int_t)sequence));
    }
    ch_status status = line == NULL ? CH_NO_MEMORY : ch_row_print_json(out, line);
    json_decref(line);
    return status == CH_OK ? CH_OK : ch_cli_no_memory(cli);
}

typedef struct wish {
    const char *state;         /* as hub.connector names it */
    const char *already;       /* nothing is asked of one that is so; NULL: always asked */
    const char *const *states; /* in which it can be asked; NULL: in all */
    const char *otherwise;     /* why not in any other */
    const char *said;
} wish;

/* The request takes the place of what the connector last said, until it answers: the reason says so. */
static ch_status ask(ch_cli *cli, const char *name, const wish *of)
{
    json_t *data = json_pack("{s:s, s:s, s:s}", "connector", name, "state", of->state, "reason",
                             "asked for; the connector has not answered yet");
    ch_status status = ch_desk_report(cli, "hub.connector", data);
    return status == CH_OK ? tell(cli, name, of->said, cli->answer.sequence) : status;
}

static ch_status wish_for(ch_cli *cli, const wish *of)
{
    json_t *row = NULL;
    const char *name = cli->arguments->operands[0];
    ch_status status = find(cli, &row);
    const char *state = ch_row_text(row, "state");
    if (status == CH_OK && of->already != NULL && strcmp(state, of->already) == 0) {
        status = tell(cli, name, of->said, 0);
    } else if (status == CH_OK && of->states != NULL && !is_one_of(state, of->states)) {
        status =
            ch_error_set(&cli->error, CH_REFUSED, NULL, "connector %s is %s: %s", name, state, of->otherwise);
    } else if (status == CH_OK) {
        status = ask(cli, name, of);
    }
    json_decref(row);
    return status;
}

static ch_status pause_it(ch_cli *cli)
{
    return wish_for(cli, &(wish){.state = "paused", .already = "paused", .said = "paused"});
}

static ch_status resume(ch_cli *cli)
{
    static const char *const states[] = {"paused", NULL};
    return wish_for(cli, &(wish){.state = "running",
                                 .already = "running",
                                 .states = states,
                                 .otherwise = "only one that is paused can be resumed",
                                 .said = "running"});
}

static ch_status restart(ch_cli *cli)
{
    static const char *const states[] = {"running", "paused", NULL};
    return wish_for(cli, &(wish){.state = "restart",
                                 .states = states,
                                 .otherwise = "whoever supervises its process can start it",
                                 .said = "restarted"});
}

#define ONE_NAME .operands = "NAME", .operands_least = 1, .operands_most = 1

static const ch_verb verbs[] = {
    {.name = "list", .help = "all connectors, and how they are", .run = list},
    {.name = "show",
     ONE_NAME,
     .help = "one of them: its state, where the legacy system connects, its checkpoint",
     .run = show},
    {.name = "pause",
     ONE_NAME,
     .help = "have it read nothing until it is resumed, also when it is started again",
     .run = pause_it},
    {.name = "resume", ONE_NAME, .help = "have it go on", .run = resume},
    {.name = "restart",
     ONE_NAME,
     .help = "have its process end with 75, so that its supervisor starts it with changed files",
     .run = restart},
};

const ch_noun ch_noun_connector = {
    .name = "connector", .help = "what reads the legacy systems", CH_VERBS(verbs)};
