/* Messages over TCP to a receiver that the test plays, with real sockets, under a host and a clock that it plays too. */
#include "connectors/senders/senders.h"
#include "tests/unit/connectors/stage.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define WAIT_MS 10000 /* only what is broken needs it */
#define TIMEOUT_MS 5000
#define KEEP_MS 2000

enum { TARGETS, FRAMING, END, ACKNOWLEDGED, REFUSED, TIMEOUT, KEEP, COUNT };

typedef struct bench {
    stage on; /* text: what the receiver got, of all connections */
    casehub_host host;
    casehub_value values[COUNT];
    int64_t now_ms;
    char failed[500];
    void *sender;
    int listener, port, fd; /* the receiver's; fd: -1, or its connection */
    int deaf, deaf_port;    /* where nobody listens */
    unsigned connections, settled;
    casehub_sent sent;
    char reason[400], answer[70000];
    const char *next; /* sent from within settle; NULL: nothing */
} bench;

static void fail_open(const casehub_host *host, const char *reason)
{
    bench *b = host->context;
    snprintf(b->failed, sizeof b->failed, "%s", reason);
}

static int64_t monotonic_ms(const casehub_host *host)
{
    return ((bench *)host->context)->now_ms;
}

static void hand_over(bench *b, const char *target, const char *body)
{
    const casehub_message message = {
        CASEHUB_SIZED(casehub_message), .id = "ZJ/7/1",   .body = body, .body_size = strlen(body),
        .media_type = "text/plain",     .target = target, .attempt = 1};
    ch_sender_tcp_send.send(b->sender, &message);
}

static void settle(const casehub_host *host, casehub_sent sent, const char *reason, int64_t wait_ms,
                   const char *answer, size_t answer_size)
{
    bench *b = host->context;
    const char *next = b->next;
    assert_int_equal(wait_ms, -1);
    b->settled++;
    b->sent = sent;
    b->next = NULL;
    snprintf(b->reason, sizeof b->reason, "%s", reason == NULL ? "" : reason);
    if (next != NULL) {
        hand_over(b, "water", next);
    }
    snprintf(b->answer, sizeof b->answer, "%.*s", (int)answer_size, answer == NULL ? "" : answer);
}

static int bind_free(int *out_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *out_port = ntohs(address.sin_port);
    return fd;
}

static int enter(void **state)
{
    static bench b;
    char table[200];
    b = (bench){.now_ms = 1000000, .fd = -1};
    stage_enter(&b.on);
    b.listener = bind_free(&b.port);
    b.deaf = bind_free(&b.deaf_port);
    assert_int_equal(listen(b.listener, 8), 0);
    snprintf(table, sizeof table,
             "target,host,port,note\nwater,127.0.0.1,%d,\nfire,127.0.0.1,%d,\ndeaf,127.0.0.1,%d,\n", b.port,
             b.port, b.deaf_port);
    stage_write(&b.on, "targets.csv", table);
    b.host = (casehub_host){CASEHUB_SIZED(casehub_host), .context = &b, .monotonic_ms = monotonic_ms,
                            .fail = fail_open, .settle = settle};
    for (size_t i = 0; i < ch_sender_tcp_send.option_count; i++) {
        b.values[i].text = ch_sender_tcp_send.options[i].fallback;
    }
    assert_int_equal(ch_sender_tcp_send.option_count, COUNT);
    b.values[TARGETS].text = stage_path(&b.on, "targets.csv");
    b.values[TIMEOUT].number = TIMEOUT_MS;
    b.values[KEEP].number = KEEP_MS;
    *state = &b;
    return 0;
}

static void close_receiver(bench *b)
{
    if (b->fd >= 0) {
        close(b->fd);
    }
    b->fd = -1;
}

static int leave(void **state)
{
    bench *b = *state;
    if (b->sender != NULL) {
        ch_sender_tcp_send.close(b->sender);
        free(b->sender);
    }
    close_receiver(b);
    close(b->listener);
    close(b->deaf);
    stage_leave(&b->on);
    return 0;
}

static int open_sender(bench *b)
{
    b->sender = calloc(1, ch_sender_tcp_send.state_size);
    return ch_sender_tcp_send.open(b->sender, &b->host, b->values);
}

static void begin(bench *b, const char *target, const char *body)
{
    if (b->sender == NULL && open_sender(b) != 0) {
        fail_msg("%s", b->failed);
    }
    b->settled = 0;
    hand_over(b, target, body);
}

/* What the receiver can do without waiting. */
static void receive(bench *b)
{
    char bytes[4096];
    int fd = accept4(b->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) {
        close_receiver(b);
        b->fd = fd;
        b->connections++;
    }
    ssize_t got = b->fd < 0 ? -1 : recv(b->fd, bytes, sizeof bytes, 0);
    if (got > 0) {
        stage_print(&b->on, "%.*s", (int)got, bytes);
    } else if (got == 0) {
        close_receiver(b);
    }
}

/* Once something has happened. What the sender says that it waits for it waits for. */
static void turn(bench *b)
{
    struct pollfd on[] = {{.fd = ch_sender_tcp_send.fd(b->sender), .events = POLLIN},
                          {.fd = b->listener, .events = POLLIN},
                          {.fd = b->fd, .events = POLLIN}};
    assert_true(poll(on, 3, WAIT_MS) > 0);
    if (on[0].revents != 0) {
        ch_sender_tcp_send.step(b->sender);
    }
    receive(b);
}

static void until_got(bench *b, const char *wanted)
{
    while (strlen(b->on.text) < strlen(wanted)) {
        turn(b);
    }
    assert_string_equal(b->on.text, wanted);
}

static void until_settled(bench *b, casehub_sent sent, const char *reason)
{
    while (b->settled == 0) {
        turn(b);
    }
    assert_int_equal(b->settled, 1);
    assert_string_equal(b->reason, reason);
    assert_int_equal(b->sent, sent);
}

static void answer_bytes(bench *b, const void *bytes, size_t size)
{
    assert_int_equal(send(b->fd, bytes, size, MSG_NOSIGNAL), size);
}

static void answer(bench *b, const char *text)
{
    answer_bytes(b, text, strlen(text));
}

/* The sender has hung up. */
static void until_over(bench *b)
{
    while (b->fd >= 0) {
        turn(b);
    }
}

/* ---- */

static void expect_no_start(bench *b, int option, const char *text, const char *part)
{
    const char *kept = b->values[option].text;
    b->values[option].text = text;
    assert_int_equal(open_sender(b), -1);
    ch_sender_tcp_send.close(b->sender);
    free(b->sender);
    b->sender = NULL;
    b->values[option].text = kept;
    if (strstr(b->failed, part) == NULL) {
        fail_msg("\"%s\" is not in: %s", part, b->failed);
    }
}

static void settings_that_cannot_work_do_not_start(void **state)
{
    bench *b = *state;
    expect_no_start(b, FRAMING, "end", "end: it is wanted");
    expect_no_start(b, FRAMING, "datagram", "framing: line,");
    expect_no_start(b, TARGETS, "/nowhere/at/all", "/nowhere/at/all");
}

static void a_table_with_faults_says_where(void **state)
{
    static const char *const tables[][2] = {
        {"target,host\nwater,127.0.0.1\n", "columns target, host and port are expected"},
        {"target,host,port\n,127.0.0.1,1\n", "bad.csv:2: target: it is empty"},
        {"target,host,port\nwater,localhost,1\n", "bad.csv:2: host: a numeric address"},
        {"target,host,port\nwater,,1\n", "bad.csv:2: host: a numeric address"},
        {"target,host,port\nwater,::1,0\n", "bad.csv:2: port: 1 to 65535"},
        {"target,host,port\nwater,::1,1\nfire,::1,65536\n", "bad.csv:3: port: 1 to 65535"},
        {"target,host,port\nwater,::1,1\nwater,::1,2\n", "bad.csv:3: the target is there already"}};
    bench *b = *state;
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        stage_write(&b->on, "bad.csv", tables[i][0]);
        expect_no_start(b, TARGETS, stage_path(&b->on, "bad.csv"), tables[i][1]);
    }
}

static void a_target_is_looked_up_and_never_an_address(void **state)
{
    bench *b = *state;
    char address[40];
    snprintf(address, sizeof address, "127.0.0.1:%d", b->port);
    begin(b, address, "one");
    until_settled(b, CASEHUB_UNDELIVERABLE, "its target is not in the table");
    begin(b, NULL, "one");
    until_settled(b, CASEHUB_UNDELIVERABLE, "it names no target");
    receive(b);
    assert_int_equal(b->connections, 0);
}

static void what_would_be_two_messages_is_never_sent(void **state)
{
    bench *b = *state;
    begin(b, "water", "one\ntwo");
    until_settled(b, CASEHUB_UNDELIVERABLE, "in this framing it would not be one message");
    receive(b);
    assert_int_equal(b->connections, 0);
}

static void where_nobody_listens_it_is_tried_later(void **state)
{
    bench *b = *state;
    begin(b, "deaf", "one");
    until_settled(b, CASEHUB_LATER, "the connection: Connection refused");
    assert_int_equal(ch_sender_tcp_send.step(b->sender), CASEHUB_STEP_WAIT);
}

static void a_silent_receiver_has_its_time_and_what_it_says_too_late_answers_nothing(void **state)
{
    bench *b = *state;
    begin(b, "water", "one");
    until_got(b, "one\n");
    b->now_ms += TIMEOUT_MS - 1;
    assert_int_equal(ch_sender_tcp_send.step(b->sender), 1);
    assert_int_equal(b->settled, 0);
    b->now_ms += 1;
    ch_sender_tcp_send.step(b->sender);
    until_settled(b, CASEHUB_LATER, "there was no answer in time");
    answer(b, "OK\n");
    begin(b, "water", "two");
    until_got(b, "one\ntwo\n");
    assert_int_equal(b->connections, 2);
    assert_int_equal(b->settled, 0);
}

static void half_an_answer_is_none(void **state)
{
    bench *b = *state;
    begin(b, "water", "one");
    until_got(b, "one\n");
    answer(b, "O");
    shutdown(b->fd, SHUT_WR);
    until_settled(b, CASEHUB_LATER, "the connection ended before an answer was whole");
}

static void an_answer_without_end_is_not_read_to_it(void **state)
{
    static char part[1024];
    bench *b = *state;
    begin(b, "water", "one");
    until_got(b, "one\n");
    memset(part, 'x', sizeof part);
    for (size_t i = 0; b->settled == 0 && i < 1024; i++) {
        (void)!send(b->fd, part, sizeof part, MSG_NOSIGNAL);
        turn(b);
    }
    until_settled(b, CASEHUB_LATER, "the answer is too long");
}

static void a_connection_that_is_cut_in_the_middle_leaves_it_for_later(void **state)
{
    const struct linger at_once = {.l_onoff = 1};
    bench *b = *state;
    char *body = calloc(1, 8 * 1024 * 1024 + 1);
    assert_non_null(body);
    memset(body, 'x', 8 * 1024 * 1024);
    begin(b, "water", body);
    while (b->on.text[0] == '\0') {
        turn(b);
    }
    assert_int_equal(setsockopt(b->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    close_receiver(b);
    until_settled(b, CASEHUB_LATER, "the connection: Connection reset by peer");
    free(body);
}

static void an_answer_before_the_end_of_the_message_takes_nothing(void **state)
{
    bench *b = *state;
    char *body = calloc(1, 8 * 1024 * 1024 + 1);
    assert_non_null(body);
    memset(body, 'x', 8 * 1024 * 1024);
    begin(b, "water", body);
    while (b->on.text[0] == '\0') {
        turn(b);
    }
    answer(b, "OK\n");
    until_settled(b, CASEHUB_LATER, "the answer came before the message was sent");
    free(body);
}

static void the_beginning_of_the_answer_decides(void **state)
{
    bench *b = *state;
    b->values[ACKNOWLEDGED].text = "OK";
    b->values[REFUSED].text = "ERROR";
    begin(b, "water", "one");
    until_got(b, "one\n");
    answer(b, "ERROR invalid: of 张测试\n");
    until_settled(b, CASEHUB_UNDELIVERABLE, "the receiver refused it");
    begin(b, "water", "two");
    until_got(b, "one\ntwo\n");
    answer(b, "OK 7\n");
    until_settled(b, CASEHUB_SENT, "");
    assert_string_equal(b->answer, "OK 7");
    assert_int_equal(b->connections, 1);
    begin(b, "water", "three");
    until_got(b, "one\ntwo\nthree\n");
    answer(b, "BUSY\n");
    until_settled(b, CASEHUB_LATER, "the answer is no acknowledgement");
    until_over(b);
}

static void a_connection_is_kept_for_its_receiver_and_its_time(void **state)
{
    bench *b = *state;
    begin(b, "water", "one");
    until_got(b, "one\n");
    b->next = "two"; /* begun before the answer to the first was looked at */
    answer(b, "first\n");
    until_settled(b, CASEHUB_SENT, "");
    assert_string_equal(b->answer, "first");
    b->settled = 0;
    until_got(b, "one\ntwo\n");
    answer(b, "second\n");
    until_settled(b, CASEHUB_SENT, "");
    assert_int_equal(b->connections, 1);
    assert_int_equal(ch_sender_tcp_send.step(b->sender), KEEP_MS);
    begin(b, "fire", "three");
    until_got(b, "one\ntwo\nthree\n");
    assert_int_equal(b->connections, 2);
    answer(b, "third\n");
    until_settled(b, CASEHUB_SENT, "");
    b->now_ms += KEEP_MS;
    assert_int_equal(ch_sender_tcp_send.step(b->sender), CASEHUB_STEP_WAIT);
    until_over(b);
}

static void without_time_to_keep_it_each_message_has_a_connection(void **state)
{
    bench *b = *state;
    b->values[KEEP].number = 0;
    begin(b, "water", "one");
    until_got(b, "one\n");
    answer(b, "OK\n");
    until_settled(b, CASEHUB_SENT, "");
    until_over(b);
}

static void what_nobody_asked_for_does_not_answer_the_next_message(void **state)
{
    bench *b = *state;
    begin(b, "water", "one");
    until_got(b, "one\n");
    answer(b, "OK\nOK\n"); /* at once, */
    until_settled(b, CASEHUB_SENT, "");
    begin(b, "water", "two");
    until_got(b, "one\ntwo\n");
    assert_int_equal(b->settled, 0);
    answer(b, "OK\n");
    until_settled(b, CASEHUB_SENT, "");
    assert_int_equal(b->connections, 2);
    answer(b, "OK\n"); /* and while the connection is kept */
    begin(b, "water", "three");
    until_got(b, "one\ntwo\nthree\n");
    assert_int_equal(b->settled, 0);
    assert_int_equal(b->connections, 3);
}

static void a_kept_connection_that_the_receiver_closed_is_no_failure(void **state)
{
    bench *b = *state;
    begin(b, "water", "one");
    until_got(b, "one\n");
    answer(b, "OK\n");
    until_settled(b, CASEHUB_SENT, "");
    close_receiver(b);
    begin(b, "water", "two");
    until_got(b, "one\ntwo\n");
    answer(b, "OK\n");
    until_settled(b, CASEHUB_SENT, "");
}

static void every_framing_goes_both_ways(void **state)
{
    bench *b = *state;
    b->values[FRAMING].text = "octet_count";
    begin(b, "water", "<a/>\n");
    until_got(b, "5 <a/>\n");
    answer(b, "6 <ok/>\n");
    until_settled(b, CASEHUB_SENT, "");
    assert_string_equal(b->answer, "<ok/>\n");
}

static void an_answer_in_another_framing_is_none(void **state)
{
    bench *b = *state;
    b->values[FRAMING].text = "length32";
    begin(b, "water", "one");
    while (b->fd < 0) {
        turn(b);
    }
    answer_bytes(b, "\0\0\0\0", 4);
    until_settled(b, CASEHUB_LATER, "the answer has another framing");
}

static void messages_with_an_end_are_answered_with_a_line(void **state)
{
    bench *b = *state;
    b->values[FRAMING].text = "end";
    b->values[END].text = "</a>";
    begin(b, "water", "<a>1</a>\n");
    until_got(b, "<a>1</a>");
    answer(b, "OK\n");
    until_settled(b, CASEHUB_SENT, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define WITH(name) cmocka_unit_test_setup_teardown(name, enter, leave)
        WITH(settings_that_cannot_work_do_not_start),
        WITH(a_table_with_faults_says_where),
        WITH(a_target_is_looked_up_and_never_an_address),
        WITH(what_would_be_two_messages_is_never_sent),
        WITH(where_nobody_listens_it_is_tried_later),
        WITH(a_silent_receiver_has_its_time_and_what_it_says_too_late_answers_nothing),
        WITH(half_an_answer_is_none),
        WITH(an_answer_without_end_is_not_read_to_it),
        WITH(a_connection_that_is_cut_in_the_middle_leaves_it_for_later),
        WITH(an_answer_before_the_end_of_the_message_takes_nothing),
        WITH(the_beginning_of_the_answer_decides),
        WITH(a_connection_is_kept_for_its_receiver_and_its_time),
        WITH(without_time_to_keep_it_each_message_has_a_connection),
        WITH(what_nobody_asked_for_does_not_answer_the_next_message),
        WITH(a_kept_connection_that_the_receiver_closed_is_no_failure),
        WITH(every_framing_goes_both_ways),
        WITH(an_answer_in_another_framing_is_none),
        WITH(messages_with_an_end_are_answered_with_a_line),
#undef WITH
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
