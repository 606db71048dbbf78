/* The transport exec: real programs of a few lines, under a host that the test plays. Its clock stands still unless the
 * test moves it; what a program does is awaited at the transport's descriptor. */
#include "connectors/transports/transports.h"
#include "tests/unit/connectors/stage.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <unistd.h>

#define OPTIONS_MOST 16
#define PATIENCE_MS 20000

typedef struct bench {
    stage on;
    casehub_host host;
    casehub_value values[OPTIONS_MOST];
    const char *program[4], *environment[3];
    char reason[320], position[1200], log[8192];
    size_t largest; /* bytes of a unit */
    int64_t now_ms;
    casehub_verdict verdict;
    void *transport;
} bench;

static bench *of(const casehub_host *host)
{
    return host->context;
}

static void keep_log(const casehub_host *host, casehub_level level, const char *text)
{
    size_t used = strlen(of(host)->log);
    (void)level;
    snprintf(of(host)->log + used, sizeof of(host)->log - used, "%s\n", text);
}

static int64_t monotonic_ms(const casehub_host *host)
{
    return of(host)->now_ms;
}

static void set_address(const casehub_host *host, const char *address)
{
    (void)host, (void)address;
}

static void fail_with(const casehub_host *host, const char *reason)
{
    snprintf(of(host)->reason, sizeof of(host)->reason, "%s", reason);
}

static const char *position(const casehub_host *host)
{
    return of(host)->position;
}

/* A unit as "[lines]position". */
static casehub_verdict take(const casehub_host *host, const casehub_unit *unit, casehub_outcome *outcome)
{
    bench *b = of(host);
    char bytes[512];
    size_t size = 0;
    long got;
    stage_print(&b->on, "[");
    while ((got = unit->read(unit->context, bytes, sizeof bytes)) > 0) {
        for (long i = 0; i < got; i++) {
            outcome->records += bytes[i] == '\n';
        }
        if (size < 2000) {
            stage_print(&b->on, "%.*s", (int)got, bytes);
        }
        size += (size_t)got;
    }
    stage_print(&b->on, "]");
    b->largest = size > b->largest ? size : b->largest;
    snprintf(outcome->reason, sizeof outcome->reason, "as scripted");
    if (b->verdict == CASEHUB_DONE && unit->position != NULL) {
        snprintf(b->position, sizeof b->position, "%s", unit->position);
    }
    return b->verdict;
}

static casehub_value *value(bench *b, const char *name)
{
    for (size_t i = 0; i < ch_transport_exec.option_count; i++) {
        if (strcmp(ch_transport_exec.options[i].name, name) == 0) {
            return &b->values[i];
        }
    }
    fail_msg("no option %s", name);
    return NULL;
}

static int enter(void **state)
{
    static bench b;
    b = (bench){.now_ms = 1000000, .verdict = CASEHUB_DONE};
    stage_enter(&b.on);
    signal(SIGPIPE, SIG_IGN); /* as the connector does */
    b.host = (casehub_host){CASEHUB_SIZED(casehub_host), .context = &b,
                            .connector = "test",         .log = keep_log,
                            .wall_ms = monotonic_ms,     .monotonic_ms = monotonic_ms,
                            .set_address = set_address,  .fail = fail_with,
                            .position = position,        .take = take};
    *value(&b, "folder") = (casehub_value){.text = b.on.folder};
    value(&b, "grace")->number = 5000;
    value(&b, "pause")->number = 1000;
    value(&b, "pause_most")->number = 3000;
    value(&b, "every")->number = 60000;
    value(&b, "timeout")->number = 30000;
    *state = &b;
    return 0;
}

static int leave(void **state)
{
    bench *b = *state;
    if (b->transport != NULL) {
        ch_transport_exec.close(b->transport);
        free(b->transport);
    }
    stage_leave(&b->on);
    return 0;
}

static int open_program(bench *b, const char *script)
{
    b->program[0] = "/bin/sh";
    b->program[1] = "-c";
    b->program[2] = script;
    b->environment[0] = "PATH";
    b->environment[1] = "GIVEN=here";
    *value(b, "program") = (casehub_value){.texts = b->program, .text_count = 3};
    *value(b, "environment") = (casehub_value){.texts = b->environment, .text_count = 2};
    b->transport = calloc(1, ch_transport_exec.state_size);
    return ch_transport_exec.open(b->transport, &b->host, b->values);
}

static int step(bench *b)
{
    return ch_transport_exec.step(b->transport);
}

/* Until text holds wanted; the program is waited for, the clock is not. */
static void step_until(bench *b, const char *text, const char *wanted)
{
    for (unsigned i = 0; strstr(text, wanted) == NULL; i++) {
        int wait_ms = step(b);
        if (strstr(text, wanted) == NULL && wait_ms != 0) {
            struct pollfd ready = {.fd = ch_transport_exec.fd(b->transport), .events = POLLIN};
            if (poll(&ready, 1, PATIENCE_MS) <= 0 || i > 100000) {
                fail_msg("no %s in %s; log: %s", wanted, b->on.text, b->log);
            }
        }
    }
}

static void a_program_that_is_not_there_is_told_at_once(void **state)
{
    bench *b = *state;
    open_program(b, "");
    ch_transport_exec.close(b->transport);
    b->program[0] = "./nothing-like-this";
    assert_int_equal(ch_transport_exec.open(b->transport, &b->host, b->values), -1);
    assert_string_equal(b->reason, "./nothing-like-this: No such file or directory");
}

static void lines_are_units_and_a_mark_moves_the_position(void **state)
{
    bench *b = *state;
    open_program(b,
                 "echo '{\"a\":1}'; echo '{\"a\":2}'; echo '{\"$position\": \"two\"}'; printf '{\"a\":3}'");
    step_until(b, b->log, "exit 0");
    step_until(b, b->on.text, "{\"a\":3}]");
    assert_non_null(strstr(b->on.text, "{\"a\":1}\n"));
    assert_non_null(strstr(b->on.text, "{\"a\":2}\n]"));
    assert_null(strstr(b->on.text, "$position"));
    assert_string_equal(b->position, "two");
}

static void it_finds_its_position_and_only_the_environment_that_it_was_given(void **state)
{
    bench *b = *state;
    snprintf(b->position, sizeof b->position, "seven");
    setenv("CASEHUB_KEY", "secret", 1);
    open_program(b, "echo \"$CASEHUB_POSITION $GIVEN ${CASEHUB_KEY:-none} ${HOME:-none}\"");
    step_until(b, b->on.text, "seven here none none\n]");
    unsetenv("CASEHUB_KEY");
}

static void a_position_too_long_ends_it(void **state)
{
    bench *b = *state;
    open_program(b, "printf '{\"$position\": \"%01001d\"}\\n' 0; exec sleep 1000");
    step_until(b, b->log, "its $position is no text of 1,000 bytes at most");
    step_until(b, b->log, "signal 15");
    assert_string_equal(b->position, "");
}

static void it_is_told_when_its_position_is_durable(void **state)
{
    bench *b = *state;
    value(b, "acknowledge")->flag = true;
    open_program(b, "echo '{\"a\":1}'; echo '{\"$position\": \"1\"}'; read answer; echo \"$answer\" >&2");
    step_until(b, b->log, "{\"done\":true,\"position\":\"1\",\"records\":1,\"dead_letters\":0}");
}

static void one_that_does_not_read_its_acknowledgements_is_ended(void **state)
{
    bench *b = *state;
    value(b, "acknowledge")->flag = true;
    open_program(b, "while :; do echo '{\"$position\": \"again\"}'; done");
    for (unsigned i = 0; strstr(b->log, "is ended") == NULL && i < 100000; i++) {
        step(b);
        b->now_ms += 10;
    }
    assert_non_null(strstr(b->log, "it does not read its acknowledgements"));
    step_until(b, b->log, "signal 15");
}

static void a_unit_that_could_not_be_taken_is_offered_again_and_nothing_is_read_meanwhile(void **state)
{
    bench *b = *state;
    b->verdict = CASEHUB_RETRY;
    open_program(b, "echo one; echo two >&2; exec sleep 1000");
    step_until(b, b->on.text, "[one\n]");
    assert_int_equal(ch_transport_exec.fd(b->transport), -1);
    assert_int_equal(step(b), 1000);
    b->now_ms += 1000;
    b->verdict = CASEHUB_DONE;
    step(b);
    assert_string_equal(b->on.text, "[one\n][one\n]");
    assert_true(ch_transport_exec.fd(b->transport) >= 0);
}

static void an_endless_line_is_bounded_and_the_next_one_is_whole(void **state)
{
    bench *b = *state;
    open_program(b, "head -c 20000000 /dev/zero | tr '\\0' x; echo; echo next");
    step_until(b, b->log, "exit 0");
    while (strstr(b->on.text, "[next\n]") == NULL && step(b) == 0) {
    }
    assert_non_null(strstr(b->on.text, "[next\n]"));
    assert_true(b->largest > (size_t)4 * 1024 * 1024 && b->largest < (size_t)6 * 1024 * 1024);
}

static void one_that_fails_is_started_again_after_longer_and_longer_pauses(void **state)
{
    static const int pauses_ms[] = {1000, 2000, 3000, 3000};
    bench *b = *state;
    open_program(b, "echo started >&2; exit 3");
    for (size_t i = 0; i < sizeof pauses_ms / sizeof *pauses_ms; i++) {
        b->log[0] = '\0';
        step_until(b, b->log, "the program has ended: exit 3");
        assert_int_equal(step(b), pauses_ms[i]);
        b->now_ms += pauses_ms[i] - 1;
        assert_int_equal(step(b), 1);
        b->now_ms += 1;
        step(b);
    }
}

static void one_that_ends_well_is_started_again_when_it_is_time(void **state)
{
    bench *b = *state;
    open_program(b, "exit 0");
    step_until(b, b->log, "exit 0");
    assert_int_equal(step(b), 60000);
}

static void a_silent_one_is_ended(void **state)
{
    bench *b = *state;
    value(b, "silence")->number = 10000;
    open_program(b, "trap '' TERM; echo ready; while :; do sleep 1000; done");
    step_until(b, b->on.text, "ready");
    assert_int_equal(step(b), 10000);
    b->now_ms += 10000;
    step(b);
    assert_non_null(strstr(b->log, "it has been silent for too long"));
    /* It does not heed SIGTERM; what it started would live on. */
    b->now_ms += 5000;
    step(b);
    step_until(b, b->log, "signal 9");
}

static void what_it_says_goes_into_the_log_within_bounds(void **state)
{
    bench *b = *state;
    open_program(b, "i=0; while [ $i -lt 30 ]; do echo line $i >&2; i=$((i+1)); done; exit 0");
    step_until(b, b->log, "exit 0");
    step(b);
    assert_non_null(strstr(b->log, "line 19\n"));
    assert_null(strstr(b->log, "line 20\n"));
}

static void what_leaves_its_group_does_not_keep_it_from_being_started_again(void **state)
{
    bench *b = *state;
    int pid = 0;
    open_program(b, "if [ -p began ]; then echo again; exit; fi; mkfifo began\n"
                    "setsid sh -c 'echo $$; echo >began; exec sleep 60' & read -r line <began; printf half");
    step_until(b, b->on.text, "\n");
    assert_int_equal(sscanf(b->on.text, "[%d", &pid), 1);
    step_until(b, b->log, "the program has ended: exit 0");
    step_until(b, b->on.text, "[half]");
    b->now_ms += 60000;
    step_until(b, b->on.text, "[again\n]");
    assert_int_equal(kill(pid, SIGKILL), 0); /* it is there all the time */
}

static void closing_ends_it_with_all_that_it_started(void **state)
{
    bench *b = *state;
    int pid = 0;
    open_program(b, "sleep 1000 & echo $!; echo end; wait");
    step_until(b, b->on.text, "end");
    assert_int_equal(sscanf(b->on.text, "[%d", &pid), 1);
    struct pollfd ended = {.fd = pidfd_open(pid, 0), .events = POLLIN};
    assert_true(ended.fd >= 0);
    ch_transport_exec.close(b->transport);
    free(b->transport);
    b->transport = NULL;
    assert_int_equal(poll(&ended, 1, PATIENCE_MS), 1);
    close(ended.fd);
}

int main(void)
{
#define ON_BENCH(name) cmocka_unit_test_setup_teardown(name, enter, leave)
    const struct CMUnitTest tests[] = {
        ON_BENCH(a_program_that_is_not_there_is_told_at_once),
        ON_BENCH(lines_are_units_and_a_mark_moves_the_position),
        ON_BENCH(it_finds_its_position_and_only_the_environment_that_it_was_given),
        ON_BENCH(a_position_too_long_ends_it),
        ON_BENCH(it_is_told_when_its_position_is_durable),
        ON_BENCH(one_that_does_not_read_its_acknowledgements_is_ended),
        ON_BENCH(a_unit_that_could_not_be_taken_is_offered_again_and_nothing_is_read_meanwhile),
        ON_BENCH(an_endless_line_is_bounded_and_the_next_one_is_whole),
        ON_BENCH(one_that_fails_is_started_again_after_longer_and_longer_pauses),
        ON_BENCH(one_that_ends_well_is_started_again_when_it_is_time),
        ON_BENCH(a_silent_one_is_ended),
        ON_BENCH(what_it_says_goes_into_the_log_within_bounds),
        ON_BENCH(what_leaves_its_group_does_not_keep_it_from_being_started_again),
        ON_BENCH(closing_ends_it_with_all_that_it_started),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
