/* HTTP over real sockets: server and client share this thread, and the server's clock is the test's. */
#include "connectors/transports/open311_server.h"
#include "tests/unit/connectors/open311_desk.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* Less than libmicrohttpd's own patience: who is served only because others timed out is not served. */
#define ROUNDS_MOST 1500
#define PATIENCE_MS 600000
#define FORM "api_key=demo&service_code=advice&lat=29.868&long=121.5"
#define FORM_HEAD                                                                                            \
    "POST /requests.json HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded; "           \
    "charset=UTF-8\r\n"

typedef struct bench {
    desk desk;
    ch_open311_server *server;
    char got[256 * 1024];
    size_t size;
} bench;

static void open_bench(bench *b, int connections)
{
    ch_error error = {.status = CH_OK};
    const ch_http_listener_options options = {
        .listen = "127.0.0.1", .port = 0, .connections_most = connections, .request_timeout_ms = PATIENCE_MS};
    desk_open(&b->desk);
    ch_status status = ch_open311_server_start(&b->server, &b->desk.site, &options, &error);
    if (status != CH_OK) {
        fail_msg("%s: %s", error.where, error.text);
    }
}

static void close_bench(bench *b)
{
    ch_open311_server_stop(b->server);
    desk_close(&b->desk);
}

static int connect_to(const bench *b)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)ch_http_listener_port(ch_open311_server_listener(b->server))),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

/* One turn of the host's loop, with what the client has for it. */
static void turn(bench *b, int client)
{
    struct pollfd fds[] = {
        {.fd = ch_http_listener_fd(ch_open311_server_listener(b->server)), .events = POLLIN},
        {.fd = client, .events = POLLIN}};
    int wait = ch_open311_server_step(b->server);
    poll(fds, 2, wait < 0 || wait > 20 ? 20 : wait);
}

static void send_bytes(bench *b, int fd, const char *bytes, size_t size)
{
    for (int round = 0; size > 0; round++) {
        ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);
        assert_true(round < ROUNDS_MOST);
        if (sent > 0) {
            bytes += sent;
            size -= (size_t)sent;
        }
        turn(b, fd);
    }
}

/* False: the server has closed. */
static bool receive(bench *b, int fd)
{
    ssize_t got = recv(fd, b->got + b->size, sizeof b->got - 1 - b->size, 0);
    if (got > 0) {
        b->size += (size_t)got;
        b->got[b->size] = '\0';
    }
    return got != 0;
}

static bool is_whole(const bench *b)
{
    const char *end = strstr(b->got, "\r\n\r\n"), *length = strstr(b->got, "Content-Length: ");
    return end != NULL && length != NULL &&
           b->size - (size_t)(end + 4 - b->got) >= strtoul(length + strlen("Content-Length: "), NULL, 10);
}

static const char *read_answer(bench *b, int fd)
{
    bool open = true;
    b->size = 0;
    b->got[0] = '\0';
    for (int round = 0; open && !is_whole(b); round++) {
        assert_true(round < ROUNDS_MOST);
        turn(b, fd);
        open = receive(b, fd);
    }
    return b->got;
}

static const char *exchange_with(bench *b, const char *request, size_t size)
{
    int fd = connect_to(b);
    send_bytes(b, fd, request, size);
    const char *answer = read_answer(b, fd);
    close(fd);
    return answer;
}

static const char *exchange(bench *b, const char *request)
{
    return exchange_with(b, request, strlen(request));
}

static void expect(const char *answer, const char *code, const char *part)
{
    char start[40];
    snprintf(start, sizeof start, "HTTP/1.1 %s ", code);
    if (strncmp(answer, start, strlen(start)) != 0 || strstr(answer, part) == NULL) {
        fail_msg("no %s with \"%s\": %.600s", code, part, answer);
    }
}

static const char *post_form(bench *b, const char *headers, const char *form)
{
    char request[2048];
    snprintf(request, sizeof request, FORM_HEAD "%sContent-Length: %zu\r\n\r\n%s", headers, strlen(form),
             form);
    return exchange(b, request);
}

/* ---- */

static void what_is_no_form_is_not_read(void **state)
{
    bench *b = calloc(1, sizeof *b);
    (void)state;
    open_bench(b, 8);
    expect(exchange(
               b,
               "POST /requests.json HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=x\r\n"
               "Content-Length: 4\r\n\r\n--x-"),
           "415", "\"code\":415");
    expect(exchange(b, "POST /requests.xml HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"), "415",
           "<code>415</code>");
    expect(exchange(
               b,
               "POST /requests.json HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded; "
               "charset=GBK\r\nContent-Length: 0\r\n\r\n"),
           "415", "UTF-8");
    expect(exchange(b, FORM_HEAD "Transfer-Encoding: chunked\r\n\r\n3\r\na=b\r\n0\r\n\r\n"), "411",
           "Content-Length");
    assert_string_equal(b->desk.asked, "");
    close_bench(b);
    free(b);
}

static void a_request_whose_end_is_a_guess_is_refused(void **state)
{
    static const char *const lengths[] = {
        "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "Content-Length: 3\r\nContent-Length: 30\r\n",
        "Content-Length: -1\r\n", "Content-Length: 3, 30\r\n", "Content-Length: 99999999999999999999\r\n"};
    bench *b = calloc(1, sizeof *b);
    (void)state;
    open_bench(b, 8);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        char request[400];
        snprintf(request, sizeof request, FORM_HEAD "%s\r\na=bGET /services.json HTTP/1.1\r\nHost: a\r\n\r\n",
                 lengths[i]);
        const char *answer = exchange(b, request);
        if (strncmp(answer, "HTTP/1.1 4", 10) != 0 || strstr(answer, "lamp.out") != NULL) {
            fail_msg("%s: %s", lengths[i], answer);
        }
    }
    assert_string_equal(b->desk.asked, "");
    close_bench(b);
    free(b);
}

static void a_form_beyond_64_kib_is_refused_and_the_client_hears_it(void **state)
{
    static char body[70000];
    bench *b = calloc(1, sizeof *b);
    char head[400];
    (void)state;
    open_bench(b, 8);
    memset(body, 'a', sizeof body);
    int fd = connect_to(b);
    int size = snprintf(head, sizeof head, FORM_HEAD "Content-Length: %zu\r\n\r\n", sizeof body);
    send_bytes(b, fd, head, (size_t)size);
    send_bytes(b, fd, body, sizeof body);
    expect(read_answer(b, fd), "413", "65536 bytes");
    close(fd);
    /* One that is larger still is not even waited for. */
    expect(exchange(b, FORM_HEAD "Content-Length: 99999999999\r\n\r\n"), "413", "Connection: close");
    close_bench(b);
    free(b);
}

static void a_head_without_end_is_refused(void **state)
{
    static char request[70000];
    bench *b = calloc(1, sizeof *b);
    (void)state;
    open_bench(b, 8);
    int size = snprintf(request, sizeof request, "GET /services.json?");
    memset(request + size, 'a', sizeof request - (size_t)size);
    int fd = connect_to(b);
    bool open = true;
    b->size = 0;
    b->got[0] = '\0';
    (void)!send(fd, request, sizeof request, MSG_NOSIGNAL);
    for (int round = 0; open && b->size == 0; round++) {
        assert_true(round < ROUNDS_MOST);
        turn(b, fd);
        open = receive(b, fd);
    }
    assert_true(!open || strncmp(b->got, "HTTP/1.1 4", 10) == 0);
    close(fd);
    close_bench(b);
    free(b);
}

static void bad_fields_are_refused_wherever_they_stand(void **state)
{
    bench *b = calloc(1, sizeof *b);
    (void)state;
    open_bench(b, 8);
    expect(post_form(b, "", FORM "&phone=%FF"), "400", "phone: it is not UTF-8");
    expect(exchange(b, "GET /requests.json?status=%00open HTTP/1.1\r\nHost: a\r\n\r\n"), "400", "status");
    expect(exchange(b, "GET /requests.json?status=%ff HTTP/1.1\r\nHost: a\r\n\r\n"), "400", "status");
    expect(exchange(b, "GET /requests.json?status HTTP/1.1\r\nHost: a\r\n\r\n"), "200", "[]");
    close_bench(b);
    free(b);
}

static void methods_and_pages_that_are_not_there_have_their_errors(void **state)
{
    bench *b = calloc(1, sizeof *b);
    (void)state;
    open_bench(b, 8);
    expect(exchange(b, "DELETE /requests.json HTTP/1.1\r\nHost: a\r\n\r\n"), "405",
           "Allow: GET, HEAD, POST\r\n");
    expect(exchange(b, "PUT /services.xml HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab"), "405",
           "Allow: GET, HEAD\r\n");
    expect(exchange(b, "GET /../../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n"), "404", "<code>404</code>");
    close_bench(b);
    free(b);
}

static void a_post_is_taken_and_a_slow_hub_names_the_time_and_the_key(void **state)
{
    bench *b = calloc(1, sizeof *b);
    (void)state;
    open_bench(b, 8);
    expect(post_form(b, "", FORM), "200", "\"service_request_id\":\"ZJ-20261124-7\"");
    expect(b->got, "200", "Content-Type: application/json; charset=utf-8\r\n");
    expect(post_form(b, "Expect: 100-continue\r\n", FORM), "100", "");
    b->desk.verdict = CASEHUB_RETRY;
    expect(post_form(b, "", FORM), "503", "Retry-After: 5\r\n");
    expect(b->got, "503", "Idempotency-Key: ");
    expect(post_form(b, "Idempotency-Key: my-7\r\n", FORM), "503", "Retry-After: 5\r\n");
    assert_null(strstr(b->got, "Idempotency-Key: "));
    close_bench(b);
    free(b);
}

static void the_key_may_stand_in_the_query(void **state)
{
    bench *b = calloc(1, sizeof *b);
    (void)state;
    open_bench(b, 8);
    expect(exchange(b, "POST /requests.xml?api_key=demo HTTP/1.1\r\nHost: a\r\nContent-Type: "
                       "application/x-www-form-urlencoded\r\nContent-Length: 39\r\n\r\n"
                       "service_code=advice&lat=29.868&long=121"),
           "200", "<service_request_id>ZJ-20261124-7</service_request_id>");
    close_bench(b);
    free(b);
}

static void head_is_get_without_its_body(void **state)
{
    bench *b = calloc(1, sizeof *b);
    (void)state;
    open_bench(b, 8);
    int fd = connect_to(b);
    const char *request = "HEAD /services.xml HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    bool open = true;
    b->size = 0;
    b->got[0] = '\0';
    send_bytes(b, fd, request, strlen(request));
    for (int round = 0; open; round++) {
        assert_true(round < ROUNDS_MOST);
        turn(b, fd);
        open = receive(b, fd);
    }
    expect(b->got, "200", "Content-Type: text/xml; charset=utf-8\r\n");
    assert_null(strstr(b->got, "<services>"));
    close(fd);
    close_bench(b);
    free(b);
}

static void one_connection_serves_request_after_request(void **state)
{
    bench *b = calloc(1, sizeof *b);
    const char *request = "GET /services.json HTTP/1.1\r\nHost: a\r\n\r\n";
    (void)state;
    open_bench(b, 8);
    int fd = connect_to(b);
    for (int i = 0; i < 3; i++) {
        send_bytes(b, fd, request, strlen(request));
        expect(read_answer(b, fd), "200", "lamp.out");
    }
    close(fd);
    close_bench(b);
    free(b);
}

/* True once the server has closed fd. */
static bool is_closed(bench *b, int fd)
{
    b->size = 0;
    for (int round = 0; round < 50; round++) {
        turn(b, fd);
        if (!receive(b, fd)) {
            return true;
        }
    }
    return false;
}

static void a_client_that_drips_is_cut_off_when_its_time_is_up(void **state)
{
    bench *b = calloc(1, sizeof *b);
    (void)state;
    open_bench(b, 8);
    int head = connect_to(b), body = connect_to(b), idle = connect_to(b);
    send_bytes(b, head, "GET /serv", 9);
    send_bytes(b, body, FORM_HEAD "Content-Length: 100\r\n\r\na=", strlen(FORM_HEAD) + 25);
    b->desk.now_ms += PATIENCE_MS - 1;
    send_bytes(b, head, "i", 1);
    send_bytes(b, body, "b", 1);
    assert_false(is_closed(b, head));
    b->desk.now_ms += 1;
    assert_true(is_closed(b, head));
    assert_true(is_closed(b, body));
    assert_true(is_closed(b, idle));
    close(head);
    close(body);
    close(idle);
    close_bench(b);
    free(b);
}

static void a_client_that_is_gone_frees_its_place(void **state)
{
    bench *b = calloc(1, sizeof *b);
    (void)state;
    open_bench(b, 1);
    int fd = connect_to(b);
    turn(b, -1);
    /* Its end is there together with its last bytes, before the server looks again. */
    assert_int_equal(send(fd, "GET /serv", 9, MSG_NOSIGNAL), 9);
    close(fd);
    for (int round = 0; round < 5; round++) {
        turn(b, -1);
    }
    b->desk.now_ms += 1000;
    expect(exchange(b, "GET /services.json HTTP/1.1\r\nHost: a\r\n\r\n"), "200", "lamp.out");
    close_bench(b);
    free(b);
}

static void a_client_that_only_listens_still_gets_its_answer(void **state)
{
    bench *b = calloc(1, sizeof *b);
    const char *request = "GET /services.json HTTP/1.1\r\nHost: a\r\n\r\n";
    (void)state;
    open_bench(b, 1);
    int fd = connect_to(b);
    assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    expect(read_answer(b, fd), "200", "lamp.out");
    close(fd);
    close_bench(b);
    free(b);
}

static void connections_beyond_the_limit_wait_or_are_closed(void **state)
{
    bench *b = calloc(1, sizeof *b);
    const char *request = "GET /services.json HTTP/1.1\r\nHost: a\r\n\r\n";
    int fds[4];
    (void)state;
    open_bench(b, 2);
    for (size_t i = 0; i < 4; i++) {
        fds[i] = connect_to(b);
        turn(b, fds[i]);
    }
    send_bytes(b, fds[0], request, strlen(request));
    expect(read_answer(b, fds[0]), "200", "lamp.out");
    (void)!send(fds[3], request, strlen(request), MSG_NOSIGNAL);
    b->size = 0;
    b->got[0] = '\0';
    for (int round = 0; round < 50; round++) {
        turn(b, fds[3]);
        (void)receive(b, fds[3]);
    }
    assert_int_equal(b->size, 0);
    for (size_t i = 0; i < 4; i++) {
        close(fds[i]);
    }
    expect(exchange(b, request), "200", "lamp.out");
    close_bench(b);
    free(b);
}

static void put_long_list(desk *d)
{
    desk_reply_with(d, "cases", "", "[{\"case\":\"A\",\"state\":\"received\",\"opened\":1795521600000}]",
                    "8");
    desk_reply_with(
        d, "case", "",
        "[{\"case\":\"A\",\"source\":\"hotline/81890\",\"state\":\"received\",\"opened\":1795521600000}]",
        NULL);
    desk_reply_with(d, "timeline", "", "[]", NULL);
}

static void a_long_list_keeps_nobody_waiting(void **state)
{
    bench *b = calloc(1, sizeof *b);
    const char *request = "GET /requests.json HTTP/1.1\r\nHost: a\r\n\r\n";
    (void)state;
    open_bench(b, 8);
    put_long_list(&b->desk);
    b->desk.step_ms = 2; /* so that it takes many slices */
    int fd = connect_to(b);
    send_bytes(b, fd, request, strlen(request));
    expect(exchange(b, "GET /services.json HTTP/1.1\r\nHost: a\r\n\r\n"), "200", "lamp.out");
    assert_int_equal(recv(fd, b->got, 1, MSG_PEEK), -1); /* the list is not there yet */
    expect(read_answer(b, fd), "200", "\"service_request_id\":\"A\"");
    close(fd);
    close_bench(b);
    free(b);
}

static void a_client_that_leaves_while_its_list_is_made_harms_nobody(void **state)
{
    bench *b = calloc(1, sizeof *b);
    const char *request = "GET /requests.json HTTP/1.1\r\nHost: a\r\n\r\n";
    (void)state;
    open_bench(b, 8);
    put_long_list(&b->desk);
    b->desk.step_ms = 2;
    int fd = connect_to(b);
    send_bytes(b, fd, request, strlen(request));
    close(fd);
    expect(exchange(b, "GET /services.json HTTP/1.1\r\nHost: a\r\n\r\n"), "200", "lamp.out");
    fd = connect_to(b);
    send_bytes(b, fd, request, strlen(request));
    close_bench(b); /* with one on its way */
    close(fd);
    free(b);
}

static void an_address_that_is_none_is_refused(void **state)
{
    desk d;
    ch_open311_server *server = NULL;
    ch_error error = {.status = CH_OK};
    const ch_http_listener_options bad = {
        .listen = "localhost.example", .connections_most = 1, .request_timeout_ms = 1000};
    const ch_http_listener_options away = {
        .listen = "192.0.2.1", .port = 0, .connections_most = 1, .request_timeout_ms = 1000};
    (void)state;
    desk_open(&d);
    assert_status(ch_open311_server_start(&server, &d.site, &bad, &error), CH_INVALID);
    assert_string_equal(error.where, "listen");
    assert_status(ch_open311_server_start(&server, &d.site, &away, &error), CH_IO);
    desk_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_no_form_is_not_read),
        TEST(a_request_whose_end_is_a_guess_is_refused),
        TEST(a_form_beyond_64_kib_is_refused_and_the_client_hears_it),
        TEST(a_head_without_end_is_refused),
        TEST(bad_fields_are_refused_wherever_they_stand),
        TEST(methods_and_pages_that_are_not_there_have_their_errors),
        TEST(a_post_is_taken_and_a_slow_hub_names_the_time_and_the_key),
        TEST(the_key_may_stand_in_the_query),
        TEST(head_is_get_without_its_body),
        TEST(one_connection_serves_request_after_request),
        TEST(a_client_that_drips_is_cut_off_when_its_time_is_up),
        TEST(a_client_that_is_gone_frees_its_place),
        TEST(a_client_that_only_listens_still_gets_its_answer),
        TEST(connections_beyond_the_limit_wait_or_are_closed),
        TEST(a_long_list_keeps_nobody_waiting),
        TEST(a_client_that_leaves_while_its_list_is_made_harms_nobody),
        TEST(an_address_that_is_none_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
