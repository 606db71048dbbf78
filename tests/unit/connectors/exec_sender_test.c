/* The sender exec: real programs of a few lines, under a host that the test plays. Its clock stands still unless the test
 * moves it; what a program does is awaited at the sender's descriptor. */
#include "connectors/senders/senders.h"
#include "tests/unit/connectors/stage.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPTIONS_MOST 8
#define PATIENCE_MS 20000

typedef struct bench {
    stage on; /* text: "sent", "later: why", "never: why", each with what was answered */
    casehub_host host;
    casehub_value values[OPTIONS_MOST];
    const char *program[3];
    char reason[320], log[4096];
    int64_t now_ms;
    void *sender;
} bench;

static void keep_log(const casehub_host *host, casehub_level level, const char *text)
{
    bench *b = host->context;
    size_t used = strlen(b->log);
    (void)level;
    snprintf(b->log + used, sizeof b->log - used, "%s\n", text);
}

static int64_t monotonic_ms(const casehub_host *host)
{
    return ((bench *)host->context)->now_ms;
}

static void fail_with(const casehub_host *host, const char *reason)
{
    bench *b = host->context;
    snprintf(b->reason, sizeof b->reason, "%s", reason);
}

static void settle(const casehub_host *host, casehub_sent sent, const char *reason, int64_t wait_ms,
                   const char *answer, size_t answer_size)
{
    static const char *const words[] = {"sent", "later", "never"};
    bench *b = host->context;
    assert_int_equal(wait_ms, -1);
    stage_print(&b->on, "%s%s%s", words[sent], reason == NULL ? "" : ": ", reason == NULL ? "" : reason);
    stage_print(&b->on, "%s%.*s\n", answer == NULL ? "" : " ", (int)answer_size,
                answer == NULL ? "" : answer);
}

static casehub_value *value(bench *b, const char *name)
{
    for (size_t i = 0; i < ch_sender_exec.option_count; i++) {
        if (strcmp(ch_sender_exec.options[i].name, name) == 0) {
            return &b->values[i];
        }
    }
    fail_msg("no option %s", name);
    return NULL;
}

static int enter(void **state)
{
    static bench b;
    b = (bench){.now_ms = 1000000};
    stage_enter(&b.on);
    signal(SIGPIPE, SIG_IGN); /* as the connector does */
    b.host = (casehub_host){CASEHUB_SIZED(casehub_host),
                            .context = &b,
                            .connector = "test",
                            .log = keep_log,
                            .fail = fail_with,
                            .monotonic_ms = monotonic_ms,
                            .settle = settle};
    *value(&b, "folder") = (casehub_value){.text = b.on.folder};
    value(&b, "grace")->number = 5000;
    value(&b, "pause")->number = 1000;
    value(&b, "pause_most")->number = 3000;
    value(&b, "timeout")->number = 30000;
    *state = &b;
    return 0;
}

static int leave(void **state)
{
    bench *b = *state;
    if (b->sender != NULL) {
        ch_sender_exec.close(b->sender);
        free(b->sender);
    }
    stage_leave(&b->on);
    return 0;
}

static void open_program(bench *b, const char *script)
{
    b->program[0] = "/bin/sh";
    b->program[1] = "-c";
    b->program[2] = script;
    *value(b, "program") = (casehub_value){.texts = b->program, .text_count = 3};
    b->sender = calloc(1, ch_sender_exec.state_size);
    assert_int_equal(ch_sender_exec.open(b->sender, &b->host, b->values), 0);
}

static void send_body(bench *b, const char *id, const char *body, const char *media_type)
{
    const casehub_message message = {CASEHUB_SIZED(casehub_message),
                                     .id = id,
                                     .body = body,
                                     .body_size = strlen(body),
                                     .media_type = media_type,
                                     .target = "water",
                                     .parameters = "{\"urgent\":true}",
                                     .attempt = 1};
    b->on.text[0] = '\0';
    ch_sender_exec.send(b->sender, &message);
}

/* Until text holds wanted; the program is waited for, the clock is not. */
static void step_until(bench *b, const char *text, const char *wanted)
{
    for (unsigned i = 0; strstr(text, wanted) == NULL; i++) {
        int wait_ms = ch_sender_exec.step(b->sender);
        if (strstr(text, wanted) == NULL && wait_ms != 0) {
            struct pollfd ready = {.fd = ch_sender_exec.fd(b->sender), .events = POLLIN};
            if (poll(&ready, 1, PATIENCE_MS) <= 0 || i > 100000) {
                fail_msg("no %s in %s; log: %s", wanted, b->on.text, b->log);
            }
        }
    }
}

static void a_message_is_a_line_with_all_that_belongs_to_it(void **state)
{
    bench *b = *state;
    open_program(
        b,
        "while read -r line; do printf '%s\\n' \"$line\" >&2; echo '{\"id\":\"h/1/1\",\"ok\":true}'; done");
    send_body(b, "h/1/1", "{\"need\":2}", "application/json");
    step_until(b, b->on.text, "sent\n");
    step_until(b, b->log,
               "{\"id\":\"h/1/1\",\"attempt\":1,\"body\":{\"need\":2},\"media_type\":\"application/json\","
               "\"target\":\"water\",\"parameters\":{\"urgent\":true}}\n");
    send_body(b, "h/1/1", "a,b\n", "text/csv");
    step_until(b, b->on.text, "sent\n");
    step_until(b, b->log, "\"body\":\"a,b\\n\"");
}

static void its_answer_decides_what_becomes_of_the_message(void **state)
{
    static const char *const cases[][2] = {
        {"{\"id\":\"m\",\"ok\":true,\"answer\":{\"number\":7}}", "sent {\"number\":7}\n"},
        {"{\"id\":\"m\",\"error\":\"busy\",\"later\":true}", "later: busy\n"},
        {"{\"id\":\"m\",\"error\":\"no such unit\"}", "never: no such unit\n"},
        {"{\"id\":\"m\"}", "later: its answer says neither ok nor error\n"},
        {"what?", "later: it answers a line that is no JSON object with an id\n"},
    };
    bench *b = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char script[200];
        snprintf(script, sizeof script, "while read -r line; do echo '%s'; done", cases[i][0]);
        open_program(b, script);
        send_body(b, "m", "1", "application/json");
        step_until(b, b->on.text, "\n");
        assert_string_equal(b->on.text, cases[i][1]);
        ch_sender_exec.close(b->sender);
        free(b->sender);
        b->sender = NULL;
    }
}

static void an_answer_to_another_message_is_left_alone(void **state)
{
    bench *b = *state;
    open_program(
        b,
        "read -r line; echo '{\"id\":\"old\",\"ok\":true}'; echo '{\"id\":\"m\",\"ok\":true}'; read -r line");
    send_body(b, "m", "1", "application/json");
    step_until(b, b->on.text, "sent\n");
    assert_string_equal(b->on.text, "sent\n");
    assert_non_null(strstr(b->log, "an answer is left alone"));
}

static void a_body_that_is_no_utf_8_cannot_be_said(void **state)
{
    bench *b = *state;
    open_program(b, "read -r line");
    send_body(b, "m", "\xff", "text/plain");
    assert_string_equal(b->on.text, "never: its body is no UTF-8\n");
}

static void one_that_crashes_leaves_the_message_for_later_and_is_started_again(void **state)
{
    bench *b = *state;
    open_program(b, "read -r line; exit 3");
    send_body(b, "m", "1", "application/json");
    step_until(b, b->on.text, "later: ");
    step_until(b, b->log, "is ended");
    send_body(b, "m", "1", "application/json");
    assert_string_equal(b->on.text, "later: the program does not run\n");
    while (ch_sender_exec.step(b->sender) != 1000) {
        struct pollfd ready = {.fd = ch_sender_exec.fd(b->sender), .events = POLLIN};
        poll(&ready, 1, PATIENCE_MS);
    }
    b->now_ms += 1000;
    ch_sender_exec.step(b->sender);
    send_body(b, "m", "1", "application/json");
    step_until(b, b->on.text, "later: it has closed its output");
}

static void one_that_hangs_is_ended_and_the_message_comes_later(void **state)
{
    bench *b = *state;
    open_program(b, "read -r line; exec sleep 1000");
    send_body(b, "m", "1", "application/json");
    assert_true(ch_sender_exec.step(b->sender) <= 30000);
    b->now_ms += 30000;
    ch_sender_exec.step(b->sender);
    assert_string_equal(b->on.text, "later: it does not answer in time\n");
}

/* A message that is longer than a pipe holds. */
static void one_that_closes_its_input_leaves_the_message_for_later_at_once(void **state)
{
    static char body[300000];
    bench *b = *state;
    char path[PATH_MAX];
    memset(body, 'a', sizeof body - 1);
    snprintf(path, sizeof path, "%s/go", b->on.folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    open_program(b, "read -r line <go; exec <&-; exec sleep 1000");
    send_body(b, "m", body, "text/plain");
    ch_sender_exec.step(b->sender);
    assert_string_equal(b->on.text, "");
    int go = open(path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(write(go, "\n", 1), 1);
    close(go);
    step_until(b, b->on.text, "later: it does not read its messages");
}

static void one_that_does_not_stop_talking_is_ended(void **state)
{
    bench *b = *state;
    open_program(b, "read -r line; exec head -c 1000000000 /dev/zero");
    send_body(b, "m", "1", "application/json");
    step_until(b, b->on.text, "later: its answer is too long\n");
}

int main(void)
{
#define ON_BENCH(name) cmocka_unit_test_setup_teardown(name, enter, leave)
    const struct CMUnitTest tests[] = {
        ON_BENCH(a_message_is_a_line_with_all_that_belongs_to_it),
        ON_BENCH(its_answer_decides_what_becomes_of_the_message),
        ON_BENCH(an_answer_to_another_message_is_left_alone),
        ON_BENCH(a_body_that_is_no_utf_8_cannot_be_said),
        ON_BENCH(one_that_crashes_leaves_the_message_for_later_and_is_started_again),
        ON_BENCH(one_that_hangs_is_ended_and_the_message_comes_later),
        ON_BENCH(one_that_closes_its_input_leaves_the_message_for_later_at_once),
        ON_BENCH(one_that_does_not_stop_talking_is_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
