#include "hub/cli/answers.h"
#include "hub/cli/exit_codes.h"
#include "hub/cli/line_reader.h"
#include "hub/cli/nouns.h"

#include "hub/base/interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#define LINE_BYTES_MAX ((size_t)1 << 20) /* an event is 256 KiB at most, escapes make its JSON longer */
#define TURN_MS 100                      /* how soon an interrupt or a dead hub is noticed */
#define DRAIN_MS 1000                    /* without a hub: how long to wait for more input to turn away */

typedef struct publishing {
    ch_cli *cli;
    int hub_fd; /* asked for once: asking wakes it */
    ch_line_reader *lines;
    ch_answers answers;
    size_t under_way; /* published, not answered */
    ch_str line;      /* read, but the window was full; at NULL: none */
    uint64_t line_token;
    bool input_ended, connected, refused, failed_for_now;
    uint64_t last_sequence;
    int64_t progress_ms, patience_ms; /* when the hub last moved, how long it may stand still */
} publishing;

static int64_t now_ms(const publishing *p)
{
    return ch_clock_monotonic_ms(p->cli->world->clock);
}

static void settle(publishing *p, uint64_t token, json_t *answer)
{
    char *text = answer == NULL ? NULL : json_dumps(answer, JSON_COMPACT);
    json_decref(answer);
    /* Out of memory: the line is answered all the same, with the little that is left. */
    ch_answers_settle(&p->answers, token, text != NULL ? text : strdup("{\"error\":\"no-memory\"}"));
}

static void settle_error(publishing *p, uint64_t token, const ch_error *error)
{
    json_int_t line = (json_int_t)ch_answers_line(&p->answers, token);
    p->failed_for_now = p->failed_for_now || ch_status_is_temporary(error->status);
    p->refused = true;
    settle(p, token,
           json_pack("{s:s, s:s, s:I, s:s}", "error", ch_status_name(error->status), "where", error->where,
                     "line", line, "text", error->text));
}

static void settle_refusal(publishing *p, uint64_t token, const ch_cli_answer *answer)
{
    p->failed_for_now = p->failed_for_now || ch_status_is_temporary(answer->status);
    p->refused = true;
    json_int_t line = (json_int_t)ch_answers_line(&p->answers, token);
    json_t *said = json_pack("{s:s, s:s, s:I, s:s}", "error", ch_status_name(answer->status), "where",
                             answer->error.where, "line", line, "text", answer->error.text);
    if (answer->present_state[0] != '\0') {
        json_object_set_new(said, "state", json_string(answer->present_state));
        json_object_set_new(said, "caseversion", json_integer(answer->case_version));
    }
    settle(p, token, said);
}

static void settle_accepted(publishing *p, uint64_t token, const ch_cli_answer *answer)
{
    json_t *said = json_pack("{s:I}", "sequence", (json_int_t)answer->sequence);
    p->last_sequence = answer->sequence > p->last_sequence ? answer->sequence : p->last_sequence;
    if (answer->case_id[0] != '\0') {
        json_object_set_new(said, "case", json_string(answer->case_id));
        json_object_set_new(said, "caseversion", json_integer(answer->case_version));
    }
    json_object_set_new(said, "duplicate", json_boolean(answer->duplicate));
    settle(p, token, said);
}

static void on_answer(void *context, const casehub_answer *answer)
{
    publishing *p = context;
    ch_cli_answer kept;
    p->progress_ms = now_ms(p);
    p->under_way -= p->under_way > 0;
    if (ch_cli_take_answer(&kept, answer) == CH_OK) {
        settle_accepted(p, answer->token, &kept);
    } else {
        settle_refusal(p, answer->token, &kept);
    }
}

static void on_state(void *context, bool connected, const char *text)
{
    publishing *p = context;
    if (p->connected && !connected) {
        ch_cli_note(p->cli, "The hub is gone, waiting for it: %s", text == NULL ? "" : text);
    }
    p->progress_ms = connected != p->connected ? now_ms(p) : p->progress_ms;
    p->connected = connected;
}

/* False: the window is full, the line stays for the next turn. */
static bool publish_line(publishing *p)
{
    ch_cli *cli = p->cli;
    if (casehub_publish_json(cli->hub, p->line.at, p->line.size, p->line_token) == 0) {
        p->progress_ms = p->under_way == 0 ? now_ms(p) : p->progress_ms;
        p->under_way++;
    } else if (ch_cli_fail(cli) == CH_FULL) {
        return false;
    } else {
        settle_error(p, p->line_token, &cli->error);
    }
    p->line = CH_STR_NONE;
    return true;
}

/* The next line, awaiting its answer. A line that is too long has it already. */
static ch_line_kind take_line(publishing *p)
{
    uint64_t number;
    ch_line_kind kind = ch_line_reader_next(p->lines, &p->line, &number);
    if (kind == CH_LINE || kind == CH_LINE_TOO_LONG) {
        p->line_token = ch_answers_await(&p->answers, number);
    }
    if (kind == CH_LINE_TOO_LONG) {
        ch_error error;
        ch_error_set(&error, CH_TOO_LARGE, NULL, "a line is at most %zu bytes long", LINE_BYTES_MAX);
        settle_error(p, p->line_token, &error);
    }
    return kind;
}

/* Publishes what is there and fits. *out_hungry: only more input helps. */
static void feed(publishing *p, bool *out_hungry)
{
    *out_hungry = false;
    while (!p->input_ended) {
        if (p->line.at != NULL && !publish_line(p)) {
            return;
        }
        if (ch_answers_are_full(&p->answers)) {
            return;
        }
        ch_line_kind kind = take_line(p);
        if (kind == CH_LINE_NEED_MORE) {
            *out_hungry = true;
            return;
        }
        p->input_ended = kind == CH_LINE_END;
    }
}

static ch_status read_more(publishing *p)
{
    if (ch_line_reader_fill(p->lines) == CH_OK) {
        return CH_OK;
    }
    return ch_error_set(&p->cli->error, CH_IO, NULL, "the input cannot be read: %s", strerror(errno));
}

/* Waits for input or for the hub. The hub's descriptor wakes; casehub_poll then does the work. */
static ch_status wait_for_both(publishing *p, int input_fd, bool hungry)
{
    struct pollfd fds[] = {{.fd = p->hub_fd, .events = POLLIN},
                           {.fd = hungry ? input_fd : -1, .events = POLLIN}};
    if (poll(fds, 2, TURN_MS) < 0 && errno != EINTR) {
        return ch_error_set(&p->cli->error, CH_IO, NULL, "poll: %s", strerror(errno));
    }
    return hungry && fds[1].revents != 0 ? read_more(p) : CH_OK;
}

static bool print(publishing *p)
{
    ch_answers_print(&p->answers, p->cli->world->out);
    return fflush(p->cli->world->out) == 0;
}

/* One turn. CH_END: everything is answered; CH_UNAVAILABLE, CH_DENIED: the hub will not answer any more. */
static ch_status turn(publishing *p, int input_fd)
{
    bool hungry;
    feed(p, &hungry);
    if (casehub_poll(p->cli->hub, 0) != 0) {
        return ch_cli_fail(p->cli);
    }
    if (!print(p)) {
        return ch_error_set(&p->cli->error, CH_IO, NULL, "the answers cannot be written");
    }
    if (p->input_ended && ch_answers_are_empty(&p->answers)) {
        return CH_END;
    }
    /* A line that the window has no room for waits for an answer, too. */
    bool waits = p->under_way > 0 || p->line.at != NULL;
    if (waits && now_ms(p) - p->progress_ms >= p->patience_ms) {
        return ch_error_set(&p->cli->error, CH_UNAVAILABLE, NULL, "no hub answered for %" PRId64 " s",
                            p->patience_ms / 1000);
    }
    return wait_for_both(p, input_fd, hungry);
}

/* Nobody answers any more, so we do: for what is under way, and for what still comes. */
static void turn_away(publishing *p, int input_fd)
{
    const ch_error why = p->cli->error;
    struct pollfd input = {.fd = input_fd, .events = POLLIN};
    for (;;) {
        for (uint64_t token = p->answers.head; token < p->answers.tail; token++) {
            settle_error(p, token, &why);
        }
        if (!print(p) || p->input_ended || ch_interrupted()) {
            return;
        }
        ch_line_kind kind = take_line(p);
        if (kind == CH_LINE_END) {
            p->input_ended = true;
        } else if (kind == CH_LINE_NEED_MORE && (poll(&input, 1, DRAIN_MS) <= 0 || read_more(p) != CH_OK)) {
            return;
        }
    }
}

static ch_status publish_all(publishing *p, int input_fd)
{
    ch_status status = CH_OK;
    while (status == CH_OK && !ch_interrupted()) {
        status = turn(p, input_fd);
    }
    if (status == CH_END) {
        if (p->last_sequence > 0) {
            ch_cli_await(p->cli, p->last_sequence);
        }
        p->cli->exit_code = p->failed_for_now ? CH_EXIT_TEMPORARY : p->refused ? CH_EXIT_DATA : CH_EXIT_OK;
        return CH_OK;
    }
    if (status == CH_OK) {
        ch_error_set(&p->cli->error, CH_UNAVAILABLE, NULL, "interrupted before the hub answered");
        p->cli->exit_code = CH_EXIT_INTERRUPTED;
    } else if (status == CH_IO) {
        return status;
    } else if (status == CH_UNAVAILABLE) {
        p->cli->exit_code = CH_EXIT_TEMPORARY;
    }
    ch_error why = p->cli->error;
    turn_away(p, input_fd);
    p->cli->error = why;
    return why.status;
}

static ch_status open_input(ch_cli *cli, int *out_fd)
{
    const char *file = cli->arguments->operand_count == 0 ? "-" : cli->arguments->operands[0];
    if (strcmp(file, "-") == 0) {
        *out_fd = cli->world->in_fd;
        return CH_OK;
    }
    *out_fd = open(file, O_RDONLY | O_CLOEXEC);
    if (*out_fd >= 0) {
        return CH_OK;
    }
    return ch_error_set(&cli->error,
                        errno == ENOENT   ? CH_NOT_FOUND
                        : errno == EACCES ? CH_DENIED
                                          : CH_IO,
                        file, "%s", strerror(errno));
}

static ch_status publish_from(ch_cli *cli, int input_fd)
{
    publishing *p = calloc(1, sizeof *p);
    if (p == NULL) {
        return ch_cli_no_memory(cli);
    }
    p->cli = cli;
    p->patience_ms = 1000 * ch_argument_number(cli->arguments, "timeout", 10);
    p->progress_ms = now_ms(p);
    const casehub_options options = {.context = p, .on_answer = on_answer, .on_state = on_state};
    ch_status status = ch_cli_open(cli, &options);
    if (status == CH_OK && ch_line_reader_new(&p->lines, input_fd, LINE_BYTES_MAX) != CH_OK) {
        status = ch_cli_no_memory(cli);
    }
    if (status == CH_OK) {
        p->hub_fd = casehub_fd(cli->hub);
        ch_interrupt_catch();
        status = publish_all(p, input_fd);
    }
    /* Its callbacks point into *p. */
    casehub_free(&cli->hub);
    ch_line_reader_free(p->lines);
    ch_answers_done(&p->answers);
    free(p);
    return status;
}

ch_status ch_event_publish(ch_cli *cli)
{
    int input_fd = -1;
    ch_status status = open_input(cli, &input_fd);
    if (status != CH_OK) {
        return status;
    }
    status = publish_from(cli, input_fd);
    if (input_fd != cli->world->in_fd) {
        close(input_fd);
    }
    return status;
}
