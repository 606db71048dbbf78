/* exec.c - a program that reads messages, one a line, on its standard input, and answers each with a line.
 *
 * What it is asked: {"id", "attempt", "media_type", "body", and where there are any "target", "name", "parameters"}; body is
 * a JSON value where the writer made JSON, and else a text. What it answers: {"id", "ok": true}, or {"id", "error":
 * "why", "later": true}; without later the message cannot be delivered. An "answer" beside them goes back to the host.
 */
#include "connectors/senders/senders.h"
#include "connectors/transports/child.h"

#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define ANSWER_MOST ((size_t)128 * 1024)
#define READ_SIZE 4096

enum { OPTION_TIMEOUT = CH_CHILD_OPTION_COUNT };
static const casehub_option options[] = {
    CH_CHILD_OPTIONS,
    [OPTION_TIMEOUT] = {"timeout", CASEHUB_OPTION_TIME, "30s", 10, 3600000,
                        "so long an answer may take; then the program is ended and the message comes again"},
};

typedef struct exec {
    ch_child child;
    ch_buf text;  /* of its answers, not read yet */
    char id[101]; /* of the message under way; "": none */
    int64_t sent_at_ms;
    bool ended; /* it has closed its output */
} exec;

static int64_t now_ms(const exec *e)
{
    return e->child.host->monotonic_ms(e->child.host);
}

static void say(const exec *e, const char *what, const char *why)
{
    char text[320];
    snprintf(text, sizeof text, "%.100s: %.200s", what, why);
    e->child.host->log(e->child.host, CASEHUB_WARN, text);
}

static void settle(exec *e, casehub_sent sent, const char *reason, const char *answer)
{
    e->id[0] = '\0';
    e->child.host->settle(e->child.host, sent, reason, -1, answer, answer == NULL ? 0 : strlen(answer));
}

static bool start(exec *e, char *reason, size_t size)
{
    ch_buf_clear(&e->text);
    e->ended = false;
    return ch_child_start(&e->child, NULL, true, reason, size);
}

static int open_exec(void *state, const casehub_host *host, const casehub_value *values)
{
    exec *e = state;
    char reason[200], text[320];
    bool opened = ch_child_open(&e->child, host, values);
    ch_buf_init(&e->text, ANSWER_MOST);
    if (!opened) {
        return -1;
    }
    if (!start(e, reason, sizeof reason)) {
        snprintf(text, sizeof text, "%.100s: %.200s", values[CH_CHILD_PROGRAM].texts[0], reason);
        host->fail(host, text);
        return -1;
    }
    return 0;
}

static void close_exec(void *state)
{
    exec *e = state;
    ch_child_close(&e->child);
    ch_buf_done(&e->text);
}

static int exec_fd(void *state)
{
    return ((const exec *)state)->child.events;
}

/* Whether it did what it was asked is not known: the message comes again, with the same id. */
static void end(exec *e, const char *why)
{
    say(e, "the program is ended", why);
    ch_child_end(&e->child);
    e->ended = true;
    if (e->id[0] != '\0') {
        settle(e, CASEHUB_LATER, why, NULL);
    }
}

static json_t *body_of(const casehub_message *message)
{
    return message->media_type != NULL && strcmp(message->media_type, "application/json") == 0
               ? json_loadb(message->body, message->body_size, JSON_DECODE_ANY, NULL)
               : json_stringn(message->body, message->body_size);
}

static void set_text(json_t *object, const char *name, const char *text)
{
    if (text != NULL) {
        json_object_set_new(object, name, json_string(text));
    }
}

/* NULL: it cannot be said in JSON. free() it. */
static char *line_of(const casehub_message *message)
{
    json_t *body = body_of(message);
    json_t *line = body == NULL ? NULL
                                : json_pack("{s:s, s:I, s:o}", "id", message->id, "attempt",
                                            (json_int_t)message->attempt, "body", body);
    if (line == NULL) {
        return NULL;
    }
    set_text(line, "media_type", message->media_type);
    set_text(line, "target", message->target);
    set_text(line, "name", message->name);
    if (message->parameters != NULL) {
        json_object_set_new(line, "parameters", json_loads(message->parameters, 0, NULL));
    }
    char *text = json_dumps(line, JSON_COMPACT);
    json_decref(line);
    return text;
}

static void send_message(void *state, const casehub_message *message)
{
    exec *e = state;
    if (e->child.pid == 0 || e->ended) {
        settle(e, CASEHUB_LATER, "the program does not run", NULL);
        return;
    }
    char *line = line_of(message);
    if (line == NULL) {
        settle(e, CASEHUB_UNDELIVERABLE, "its body is no UTF-8", NULL);
        return;
    }
    snprintf(e->id, sizeof e->id, "%s", message->id);
    e->sent_at_ms = now_ms(e);
    if (!ch_child_write(&e->child, line, strlen(line)) || !ch_child_write(&e->child, "\n", 1)) {
        end(e, "it does not read its messages");
    }
    free(line);
}

static void take_answer(exec *e, const json_t *answer)
{
    const char *error = json_string_value(json_object_get(answer, "error"));
    json_t *said = json_object_get(answer, "answer");
    char *text = said == NULL ? NULL : json_dumps(said, JSON_COMPACT | JSON_ENCODE_ANY);
    if (json_is_true(json_object_get(answer, "ok"))) {
        ch_child_did_well(&e->child);
        settle(e, CASEHUB_SENT, NULL, text);
    } else if (error == NULL) {
        end(e, "its answer says neither ok nor error");
    } else {
        ch_child_did_well(&e->child);
        settle(e, json_is_true(json_object_get(answer, "later")) ? CASEHUB_LATER : CASEHUB_UNDELIVERABLE,
               error, text);
    }
    free(text);
}

/* Lines that answer nothing that is under way are not for us. */
static void take_line(exec *e, ch_str line)
{
    json_t *answer = json_loadb(line.at, line.size, 0, NULL);
    const char *id = json_string_value(json_object_get(answer, "id"));
    if (id == NULL) {
        end(e, "it answers a line that is no JSON object with an id");
    } else if (e->id[0] == '\0' || strcmp(id, e->id) != 0) {
        say(e, "an answer is left alone", "no message of its id is under way");
    } else {
        take_answer(e, answer);
    }
    json_decref(answer);
}

static void take_lines(exec *e)
{
    const char *end_at;
    while (!e->ended && e->text.size > 0 && (end_at = memchr(e->text.at, '\n', e->text.size)) != NULL) {
        size_t size = (size_t)(end_at - (const char *)e->text.at) + 1;
        take_line(e, (ch_str){(const char *)e->text.at, size});
        memmove(e->text.at, e->text.at + size, e->text.size - size);
        e->text.size -= size;
    }
}

/* As much as fits: an answer that does not is none. */
static void read_answers(exec *e)
{
    char bytes[READ_SIZE];
    for (size_t read = 0; !e->ended && read < ANSWER_MOST;) {
        long got = ch_child_read(&e->child, bytes, sizeof bytes);
        if (got < 0) {
            return;
        }
        ch_buf_append(&e->text, bytes, (size_t)got);
        if (e->text.failed != CH_OK) {
            end(e, "its answer is too long");
            return;
        }
        read += (size_t)got;
        take_lines(e);
        if (got == 0 && !e->ended) {
            end(e, "it has closed its output");
        }
    }
}

static void rest_or_start(exec *e)
{
    char text[200];
    bool clean;
    if (e->child.pid != 0 && ch_child_has_ended(&e->child, text, sizeof text, &clean)) {
        if (!e->ended) {
            end(e, text);
        }
        ch_child_rest(&e->child, -1);
    }
    if (e->child.pid == 0 && now_ms(e) >= e->child.start_at_ms && !start(e, text, sizeof text)) {
        say(e, "the program cannot be started", text);
        ch_child_rest(&e->child, -1);
    }
}

static int step_exec(void *state)
{
    exec *e = state;
    int64_t timeout_ms = e->child.values[OPTION_TIMEOUT].number;
    ch_child_listen(&e->child);
    read_answers(e);
    if (e->id[0] != '\0' && e->child.pending.size > 0 && !ch_child_write(&e->child, "", 0)) {
        end(e, "it does not read its messages");
    }
    if (e->id[0] != '\0' && now_ms(e) - e->sent_at_ms >= timeout_ms) {
        end(e, "it does not answer in time");
    }
    rest_or_start(e);
    int64_t wait_ms = ch_child_wait_ms(&e->child, now_ms(e));
    if (e->id[0] != '\0') {
        int64_t left = e->sent_at_ms + timeout_ms - now_ms(e);
        wait_ms = wait_ms < 0 || left < wait_ms ? left : wait_ms;
    }
    return wait_ms > INT_MAX ? INT_MAX : (int)wait_ms;
}

const casehub_sender ch_sender_exec = {
    CASEHUB_SIZED(casehub_sender),
    .name = "exec",
    .help = "a program that reads messages, one a line, and answers each",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .writer = "json",
    .state_size = sizeof(exec),
    .open = open_exec,
    .close = close_exec,
    .fd = exec_fd,
    .step = step_exec,
    .send = send_message,
};
