/* The TCP server under a host that the test plays, with real sockets, on a clock that the test moves. */
#include "connectors/transports/transports.h"
#include "tests/unit/connectors/stage.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define WAIT_MS 10000 /* only what is broken needs it */

typedef struct bench {
    stage on;
    casehub_host host;
    casehub_value values[13];
    const char *peers[1];
    char reason[320], log[4096];
    int port;
    int64_t now_ms;
    casehub_verdict verdict;
    bool away;    /* the hub is */
    char raw[64]; /* of the last unit */
    void *transport;
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

static int64_t wall_ms(const casehub_host *host)
{
    return ((bench *)host->context)->on.clock.now_ms;
}

static bool stopping(const casehub_host *host)
{
    (void)host;
    return false;
}

static bool connected(const casehub_host *host)
{
    return !((bench *)host->context)->away;
}

static void set_address(const casehub_host *host, const char *address)
{
    bench *b = host->context;
    assert_int_equal(sscanf(address, "tcp://127.0.0.1:%d", &b->port), 1);
}

static void fail_with(const casehub_host *host, const char *reason)
{
    bench *b = host->context;
    snprintf(b->reason, sizeof b->reason, "%s", reason);
}

static casehub_verdict take(const casehub_host *host, const casehub_unit *unit, casehub_outcome *outcome)
{
    bench *b = host->context;
    char bytes[64];
    long got;
    snprintf(b->raw, sizeof b->raw, "%.*s", (int)unit->raw_size, unit->raw);
    stage_print(&b->on, "%s ", unit->name);
    while ((got = unit->read(unit->context, bytes, sizeof bytes)) > 0) {
        stage_print(&b->on, "%.*s", (int)got, bytes);
    }
    stage_print(&b->on, "\n");
    snprintf(outcome->code, sizeof outcome->code, "invalid");
    snprintf(outcome->place, sizeof outcome->place, "a:1");
    snprintf(outcome->reason, sizeof outcome->reason, "as\nscripted");
    return b->verdict;
}

static int enter(void **state)
{
    static bench b;
    b = (bench){.now_ms = 1000000, .verdict = CASEHUB_DONE, .peers = {"127.0.0.1"}};
    stage_enter(&b.on);
    b.host = (casehub_host){CASEHUB_SIZED(casehub_host),
                            .context = &b,
                            .log = keep_log,
                            .wall_ms = wall_ms,
                            .monotonic_ms = monotonic_ms,
                            .stopping = stopping,
                            .connected = connected,
                            .set_address = set_address,
                            .fail = fail_with,
                            .take = take};
    const casehub_value values[] = {
        {.text = "127.0.0.1"}, {.number = 0},    {.texts = b.peers, .text_count = 1},
        {.text = "line"},      {.text = ""},     {.flag = true},
        {.text = "OK"},        {.text = "NO"},   {.number = 64},
        {.number = 2},         {.number = 1024}, {.number = 5000},
        {.number = 1000},
    };
    memcpy(b.values, values, sizeof values);
    *state = &b;
    return 0;
}

static void open_server(bench *b)
{
    b->transport = calloc(1, ch_transport_tcp_server.state_size);
    if (ch_transport_tcp_server.open(b->transport, &b->host, b->values) != 0) {
        fail_msg("%s", b->reason);
    }
}

static int leave(void **state)
{
    bench *b = *state;
    if (b->transport != NULL) {
        ch_transport_tcp_server.close(b->transport);
        free(b->transport);
    }
    stage_leave(&b->on);
    return 0;
}

static int connect_to(const bench *b)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)b->port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* What there is to do, once there is something. */
static int serve(bench *b)
{
    struct pollfd on = {.fd = ch_transport_tcp_server.fd(b->transport), .events = POLLIN};
    int wait_ms;
    assert_true(poll(&on, 1, WAIT_MS) >= 0);
    do {
        wait_ms = ch_transport_tcp_server.step(b->transport);
    } while (wait_ms == 0 || poll(&on, 1, 0) > 0);
    return wait_ms;
}

/* The server works until the client has read this. */
static void expect_answer(bench *b, int fd, const char *wanted)
{
    char got[400] = "";
    size_t used = 0;
    struct pollfd on[] = {{.fd = fd, .events = POLLIN},
                          {.fd = ch_transport_tcp_server.fd(b->transport), .events = POLLIN}};
    while (used < strlen(wanted)) {
        assert_true(poll(on, 2, WAIT_MS) > 0);
        if (on[1].revents != 0) {
            ch_transport_tcp_server.step(b->transport);
        }
        ssize_t part = recv(fd, got + used, strlen(wanted) - used, MSG_DONTWAIT);
        assert_true(part > 0 || (part < 0 && errno == EAGAIN));
        used += part > 0 ? (size_t)part : 0;
    }
    assert_string_equal(got, wanted);
}

/* The server works until the client sees the end. */
static void expect_end(bench *b, int fd)
{
    char byte;
    ssize_t got;
    while ((got = recv(fd, &byte, 1, MSG_DONTWAIT)) < 0 && errno == EAGAIN) {
        ch_transport_tcp_server.step(b->transport);
    }
    assert_true(got == 0 || errno == ECONNRESET);
    close(fd);
}

static void a_stranger_is_not_let_in(void **state)
{
    bench *b = *state;
    b->peers[0] = "192.0.2.1";
    open_server(b);
    int fd = connect_to(b);
    say(fd, "one\n");
    expect_end(b, fd);
    assert_string_equal(b->on.text, "");
    assert_string_equal(b->log, "127.0.0.1: not among `peers`; 1 connections were refused so far\n");
}

static void wrong_settings_are_refused_with_their_name(void **state)
{
    bench *b = *state;
    void *transport = calloc(1, ch_transport_tcp_server.state_size);
    b->values[3].text = "end";
    assert_int_equal(ch_transport_tcp_server.open(transport, &b->host, b->values), -1);
    ch_transport_tcp_server.close(transport);
    assert_string_equal(b->reason, "end: it is wanted with framing end, and only then");
    b->values[3].text = "line";
    b->values[0].text = "localhost";
    assert_int_equal(ch_transport_tcp_server.open(transport, &b->host, b->values), -1);
    ch_transport_tcp_server.close(transport);
    assert_string_equal(b->reason, "listen: a numeric address is expected");
    free(transport);
}

static void a_refused_message_is_answered_with_the_reason_and_the_next_is_read(void **state)
{
    bench *b = *state;
    open_server(b);
    int fd = connect_to(b);
    b->verdict = CASEHUB_REJECT;
    say(fd, "bad\n");
    expect_answer(b, fd, "NO invalid: a:1: as scripted\n");
    b->verdict = CASEHUB_DONE;
    say(fd, "good\n");
    expect_answer(b, fd, "OK\n");
    close(fd);
}

static void a_too_large_message_is_answered_and_the_connection_ends(void **state)
{
    bench *b = *state;
    open_server(b);
    int fd = connect_to(b);
    for (int i = 0; i < 40; i++) {
        say(fd, "no line end in sight, ");
    }
    expect_answer(b, fd, "NO too-large: a message has at most 64 bytes\n");
    expect_end(b, fd);
    assert_string_equal(b->on.text, "");
}

static void half_a_message_at_the_end_is_told_and_not_taken(void **state)
{
    bench *b = *state;
    open_server(b);
    int fd = connect_to(b);
    say(fd, "one\nhal");
    expect_answer(b, fd, "OK\n");
    shutdown(fd, SHUT_WR);
    expect_end(b, fd);
    assert_string_equal(b->on.text, "127.0.0.1/1 one\n");
    assert_non_null(strstr(b->log, "ended before a message was whole"));
}

static void a_message_that_does_not_arrive_in_time_is_answered_so(void **state)
{
    bench *b = *state;
    open_server(b);
    int fd = connect_to(b);
    say(fd, "hal");
    while (serve(b) != 1000) { /* the connection may be here before its bytes */
    }
    b->now_ms += 1000;
    ch_transport_tcp_server.step(b->transport);
    expect_answer(b, fd, "NO timeout: the message did not arrive in time\n");
    expect_end(b, fd);
}

static void a_silent_connection_ends_without_a_word(void **state)
{
    bench *b = *state;
    open_server(b);
    int fd = connect_to(b);
    say(fd, "one\n");
    expect_answer(b, fd, "OK\n");
    assert_int_equal(ch_transport_tcp_server.step(b->transport), 5000);
    b->now_ms += 5000;
    expect_end(b, fd);
    assert_string_equal(b->log, "");
}

static void while_the_hub_is_away_nothing_is_read_and_nothing_lost(void **state)
{
    bench *b = *state;
    open_server(b);
    int fd = connect_to(b);
    b->away = true;
    say(fd, "one\ntwo\n");
    assert_int_equal(serve(b), 200);
    say(fd, "three\n");
    struct pollfd on = {.fd = ch_transport_tcp_server.fd(b->transport), .events = POLLIN};
    assert_int_equal(poll(&on, 1, 0), 0); /* what came is left in the socket */
    b->away = false;
    b->verdict = CASEHUB_RETRY;
    b->now_ms += 200;
    assert_int_equal(ch_transport_tcp_server.step(b->transport), 200);
    b->verdict = CASEHUB_DONE;
    b->now_ms += 200;
    ch_transport_tcp_server.step(b->transport);
    expect_answer(b, fd, "OK\nOK\nOK\n");
    assert_string_equal(b->on.text, "127.0.0.1/1 one\n127.0.0.1/1 one\n127.0.0.1/2 two\n127.0.0.1/3 three\n");
    close(fd);
}

static void connections_beyond_the_limit_wait_for_a_place(void **state)
{
    bench *b = *state;
    open_server(b);
    int first = connect_to(b), second = connect_to(b), third = connect_to(b);
    say(first, "one\n");
    expect_answer(b, first, "OK\n");
    say(second, "two\n");
    expect_answer(b, second, "OK\n");
    say(third, "three\n");
    close(first);
    expect_answer(b, third, "OK\n");
    close(second);
    close(third);
}

static void who_does_not_read_answers_is_not_read_and_ends(void **state)
{
    static char lines[3 * 64 * 1024];
    static char long_answer[201];
    bench *b = *state;
    memset(long_answer, 'x', 200);
    b->values[6].text = long_answer;
    open_server(b);
    int fd = connect_to(b);
    for (size_t i = 0; i < sizeof lines; i += 2) {
        memcpy(lines + i, "a\n", 2);
    }
    const int little = 4096;
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &little, sizeof little), 0);
    struct pollfd on = {.fd = ch_transport_tcp_server.fd(b->transport), .events = POLLIN};
    while (send(fd, lines, sizeof lines, MSG_DONTWAIT | MSG_NOSIGNAL) >
           0) { /* until neither side takes more */
        do {
            b->on.text[0] = '\0';
        } while (ch_transport_tcp_server.step(b->transport) == 0 || poll(&on, 1, 0) > 0);
    }
    assert_int_equal(poll(&on, 1, 0), 0);
    b->now_ms += 1000;
    ch_transport_tcp_server.step(b->transport);
    int other = connect_to(b);
    say(other, "one\n");
    expect_answer(b, other, long_answer);
    close(other);
    close(fd);
}

static void unanswered_messages_bring_their_bytes_for_a_dead_letter(void **state)
{
    bench *b = *state;
    b->values[5].flag = false;
    open_server(b);
    int fd = connect_to(b);
    say(fd, "one\ntwo\n");
    while (strcmp(b->on.text, "127.0.0.1/1 one\n127.0.0.1/2 two\n") != 0) {
        serve(b);
    }
    assert_string_equal(b->raw, "two");
    close(fd);
}

/* The lowest number that is free is one too many. */
static struct rlimit forbid_descriptors(void)
{
    struct rlimit before, none;
    int lowest = dup(STDERR_FILENO);
    assert_true(lowest >= 0);
    close(lowest);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){.rlim_cur = (rlim_t)lowest, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    return before;
}

static void without_a_free_descriptor_nobody_is_let_in_for_a_while_and_that_is_said_once(void **state)
{
    static const char *const told = "nobody can be let in for now: Too many open files\n";
    bench *b = *state;
    open_server(b);
    int fd = connect_to(b);
    struct pollfd on = {.fd = ch_transport_tcp_server.fd(b->transport), .events = POLLIN};
    const struct rlimit before = forbid_descriptors();
    for (int i = 0; i < 3; i++) {
        assert_int_equal(serve(b), 1000);
        assert_int_equal(poll(&on, 1, 0), 0);
        b->now_ms += 1000;
        ch_transport_tcp_server.step(b->transport); /* it looks again */
    }
    assert_string_equal(b->log, told);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    b->now_ms += 1000;
    ch_transport_tcp_server.step(b->transport);
    say(fd, "one\n");
    expect_answer(b, fd, "OK\n");
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define WITH(name) cmocka_unit_test_setup_teardown(name, enter, leave)
        WITH(a_stranger_is_not_let_in),
        WITH(wrong_settings_are_refused_with_their_name),
        WITH(a_refused_message_is_answered_with_the_reason_and_the_next_is_read),
        WITH(a_too_large_message_is_answered_and_the_connection_ends),
        WITH(half_a_message_at_the_end_is_told_and_not_taken),
        WITH(a_message_that_does_not_arrive_in_time_is_answered_so),
        WITH(a_silent_connection_ends_without_a_word),
        WITH(while_the_hub_is_away_nothing_is_read_and_nothing_lost),
        WITH(connections_beyond_the_limit_wait_for_a_place),
        WITH(who_does_not_read_answers_is_not_read_and_ends),
        WITH(unanswered_messages_bring_their_bytes_for_a_dead_letter),
        WITH(without_a_free_descriptor_nobody_is_let_in_for_a_while_and_that_is_said_once),
#undef WITH
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
