#include "hub/cli/event_line.h"
#include "hub/cli/exit_codes.h"
#include "hub/cli/nouns.h"
#include "hub/cli/times.h"

#include "hub/base/interrupt.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#define TURN_MS 200
#define SETTLE_MS 2000
#define CREDIT 256
#define GIST_COLUMNS 120

typedef struct tail {
    ch_cli *cli;
    int subscription;
    int64_t left; /* events to show; INT64_MAX: no end */
    bool connected, failed;
} tail;

static void on_state(void *context, bool connected, const char *text)
{
    tail *t = context;
    if (t->connected && !connected) {
        ch_cli_note(t->cli, "The hub is gone, waiting for it: %s", text == NULL ? "" : text);
    }
    t->connected = connected;
}

static void print_line(FILE *out, const json_t *event)
{
    char time[CH_LOCAL_TIME_SIZE] = "";
    int64_t time_ms;
    ch_buf gist;
    if (ch_row_time(event, "time", &time_ms)) {
        ch_local_time(time_ms, time);
    }
    ch_buf_init(&gist, 4096);
    ch_event_gist(&gist, event, GIST_COLUMNS);
    fprintf(out, "%s  %" PRId64 "  %s  %s  %s  %.*s\n", time, ch_row_int(event, "sequence", 0),
            ch_row_text(event, "type"), ch_row_text(event, "subject"), ch_row_text(event, "casestate"),
            CH_STR_ARG(ch_buf_str(&gist)));
    ch_buf_done(&gist);
}

static ch_status print_event(tail *t, const casehub_event *event)
{
    const ch_cli_world *world = t->cli->world;
    json_error_t why;
    char *text = casehub_event_json(event);
    json_t *parsed = text == NULL ? NULL : json_loads(text, JSON_ALLOW_NUL, &why);
    free(text);
    if (parsed == NULL) {
        return ch_cli_no_memory(t->cli);
    }
    ch_status status = CH_OK;
    if (world->out_is_terminal && !t->cli->arguments->json) {
        print_line(world->out, parsed);
    } else {
        status = ch_row_print_json(world->out, parsed) == CH_OK ? CH_OK : ch_cli_no_memory(t->cli);
    }
    json_decref(parsed);
    if (status == CH_OK && fflush(world->out) != 0) {
        status =
            ch_error_set(&t->cli->error, CH_IO, NULL, "the output cannot be written: %s", strerror(errno));
    }
    return status;
}

/* Acknowledged once it has left: what a crash swallows comes again. */
static void on_event(void *context, casehub *hub, const casehub_event *event)
{
    tail *t = context;
    if (t->left == 0 || t->failed) {
        return;
    }
    if (print_event(t, event) != CH_OK) {
        t->failed = true;
        return;
    }
    t->left--;
    bool good = casehub_ack(hub, t->subscription, event->sequence) == 0;
    /* Here, before the acknowledgement gives back credit: else events would come that nobody shows, and a durable
     * subscription would count them as delivered in vain. */
    if (good && t->left == 0) {
        good = casehub_unsubscribe(hub, t->subscription) == 0;
    }
    if (!good) {
        (void)!ch_cli_fail(t->cli);
        t->failed = true;
    }
}

static ch_status subscribe(tail *t, const char *from)
{
    const ch_arguments *arguments = t->cli->arguments;
    const casehub_subscription subscription = {
        CASEHUB_SIZE(casehub_subscription),
        .name = ch_argument_text(arguments, "name"),
        .patterns = arguments->operands,
        .pattern_count = arguments->operand_count,
        .from = from,
        .credit = t->left < CREDIT ? (unsigned)t->left : CREDIT,
        .involved = ch_argument_given(arguments, "involved"),
        .test_mode = ch_argument_text(arguments, "test"),
        .context = t,
        .on_event = on_event,
    };
    t->subscription = casehub_subscribe(t->cli->hub, &subscription);
    return t->subscription > 0 ? CH_OK : ch_cli_fail(t->cli);
}

static ch_status follow(tail *t)
{
    while (t->left > 0 && !t->failed && !ch_interrupted()) {
        if (casehub_poll(t->cli->hub, TURN_MS) != 0) {
            return ch_cli_fail(t->cli);
        }
    }
    if (t->failed) {
        return t->cli->error.status;
    }
    t->cli->exit_code = t->left > 0 ? CH_EXIT_INTERRUPTED : CH_EXIT_OK;
    return CH_OK;
}

/* The last acknowledgements are on their way when the hub has answered something that was asked after them. */
static void settle(const tail *t)
{
    char *rows = NULL;
    if (casehub_query(t->cli->hub, "status", NULL, SETTLE_MS, &rows, NULL) != 0) {
        ch_cli_note(t->cli, "The hub may send the last events again.");
    }
    free(rows);
}

ch_status ch_event_tail(ch_cli *cli)
{
    char from[CH_FROM_SIZE] = "new";
    tail t = {.cli = cli, .left = ch_argument_number(cli->arguments, "count", INT64_MAX)};
    const char *given = ch_argument_text(cli->arguments, "from");
    const casehub_options options = {.context = &t, .on_state = on_state};
    ch_status status = CH_OK;
    if (given != NULL) {
        status = ch_from_parse(given, ch_clock_wall_ms(cli->world->clock), from);
    }
    if (status == CH_OK) {
        status = ch_cli_open(cli, &options);
    }
    if (status == CH_OK) {
        ch_interrupt_catch();
        status = ch_cli_welcome(cli);
    }
    if (status == CH_OK) {
        status = subscribe(&t, from);
    }
    if (status == CH_OK) {
        status = follow(&t);
    }
    if (status == CH_OK) {
        settle(&t);
    }
    /* Its callbacks point to t. */
    casehub_free(&cli->hub);
    return status;
}
