/* Health and metrics as a client on the socket sees them. */
#include "tests/unit/check.h"
#include "tests/unit/run/town.h"

#include "hub/run/http.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct fixture {
    town of;
    ch_http *http;
    char answer[1 << 20];
} fixture;

static int setup(void **state)
{
    static fixture f;
    town_start(&f.of);
    f.of.hub.options.http_port = 0;
    f.http = NULL;
    atomic_store(&f.of.metrics->ready, 1);
    assert_ok(ch_http_start(&f.http, &f.of.hub, &f.of.error), &f.of.error);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    ch_http_stop(f->http);
    town_stop(&f->of);
    return 0;
}

/* Less than the hub's own patience with the silent: who is served only because others timed out is not served. */
static const struct timeval patience = {.tv_sec = 8};

static int reach(const fixture *f)
{
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons((uint16_t)ch_http_port(f->http)),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* A hub that has had enough closes before all is sent. */
static void send_all(int fd, const void *bytes, size_t size)
{
    for (size_t sent = 0; sent < size;) {
        ssize_t some = send(fd, (const char *)bytes + sent, size - sent, MSG_NOSIGNAL);
        if (some <= 0) {
            return;
        }
        sent += (size_t)some;
    }
}

static void send_text(int fd, const char *text)
{
    send_all(fd, text, strlen(text));
}

/* Everything until the hub closes the connection. */
static const char *hear(fixture *f, int fd)
{
    size_t size = 0;
    ssize_t some;
    while ((some = recv(fd, f->answer + size, sizeof f->answer - 1 - size, 0)) > 0) {
        size += (size_t)some;
    }
    f->answer[size] = '\0';
    close(fd);
    return f->answer;
}

static const char *request(fixture *f, const char *text)
{
    int fd = reach(f);
    send_text(fd, text);
    return hear(f, fd);
}

static const char *get(fixture *f, const char *path)
{
    char text[256];
    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: hub\r\n\r\n", path);
    return request(f, text);
}

static const char *body(const char *answer)
{
    const char *at = strstr(answer, "\r\n\r\n");
    return at == NULL ? "" : at + 4;
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static void assert_serves(fixture *f)
{
    assert_true(begins(get(f, "/livez"), "HTTP/1.1 200 "));
    assert_string_equal(body(f->answer), "ok\n");
}

/* ---- bad ones */

static void garbage_gets_no_page_and_harms_nobody(void **state)
{
    fixture *f = *state;
    static const char *const garbage[] = {
        "\r\n\r\n\r\n",
        "GET\r\n\r\n",
        "GET /livez HTTP/9.9\r\n\r\n",
        "GET /livez HTTP/1.1\r\n\r\n", /* no Host */
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        "GET /livez HTTP/1.1\r\nHost: hub\r\nContent-Length: -1\r\n\r\n",
        "GET /livez HTTP/1.1\r\nHost: hub\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        "\xff\xff\xff\xff\xff\xff\xff\xff\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof garbage / sizeof *garbage; i++) {
        int fd = reach(f);
        send_text(fd, garbage[i]);
        shutdown(fd, SHUT_WR);
        if (begins(hear(f, fd), "HTTP/1.1 200 ")) {
            fail_msg("%s", garbage[i]);
        }
        assert_serves(f);
    }
}

static void a_head_beyond_eight_kibibytes_is_refused(void **state)
{
    fixture *f = *state;
    static char head[64 * 1024];
    memset(head, 'a', sizeof head);
    int fd = reach(f);
    send_text(fd, "GET /livez HTTP/1.1\r\nHost: hub\r\nX: ");
    send_all(fd, head, sizeof head);
    shutdown(fd, SHUT_WR);
    assert_false(begins(hear(f, fd), "HTTP/1.1 200 "));
    assert_serves(f);
    fd = reach(f);
    send_text(fd, "GET /");
    send_all(fd, head, sizeof head);
    shutdown(fd, SHUT_WR);
    assert_false(begins(hear(f, fd), "HTTP/1.1 200 "));
    assert_serves(f);
}

static void a_body_is_not_read(void **state)
{
    fixture *f = *state;
    const char *answer =
        request(f, "POST /metrics HTTP/1.1\r\nHost: hub\r\nContent-Length: 1000000000\r\n\r\nabc");
    assert_true(begins(answer, "HTTP/1.1 405 "));
    assert_serves(f);
}

static void other_methods_are_not_allowed(void **state)
{
    fixture *f = *state;
    static const char *const methods[] = {"POST",    "PUT",   "DELETE", "PATCH",
                                          "OPTIONS", "TRACE", "BREW",   "get"};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        char text[128];
        snprintf(text, sizeof text, "%s /livez HTTP/1.1\r\nHost: hub\r\n\r\n", methods[i]);
        const char *answer = request(f, text);
        if (!begins(answer, "HTTP/1.1 405 ") || strstr(answer, "\r\nAllow: GET, HEAD\r\n") == NULL) {
            fail_msg("%s: %s", methods[i], answer);
        }
    }
}

static void other_paths_are_not_found(void **state)
{
    fixture *f = *state;
    static const char *const paths[] = {"/",         "/livez/", "/metrics/x", "//livez",
                                        "/../livez", "/LIVEZ",  "/%00",       "*"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        if (!begins(get(f, paths[i]), "HTTP/1.1 404 ")) {
            fail_msg("%s: %s", paths[i], f->answer);
        }
    }
}

static void half_a_request_keeps_nobody_else_waiting(void **state)
{
    fixture *f = *state;
    int halves[16];
    for (size_t i = 0; i < 16; i++) {
        halves[i] = reach(f);
        send_text(halves[i], i % 2 == 0 ? "GET /livez HTT" : "GET /livez HTTP/1.1\r\nHost: hub\r\nX: ");
    }
    assert_serves(f);
    send_text(halves[0], "P/1.1\r\nHost: hub\r\n\r\n");
    assert_true(begins(hear(f, halves[0]), "HTTP/1.1 200 "));
    for (size_t i = 1; i < 16; i++) {
        close(halves[i]);
    }
}

static void more_connections_than_it_takes_are_served_once_there_is_room(void **state)
{
    fixture *f = *state;
    int many[200];
    for (size_t i = 0; i < 200; i++) {
        many[i] = reach(f);
        send_text(many[i], "GET /li");
    }
    for (size_t i = 0; i < 200; i++) {
        close(many[i]);
    }
    assert_serves(f);
}

static void stopping_cuts_what_is_open(void **state)
{
    fixture *f = *state;
    int idle = reach(f), half = reach(f);
    send_text(half, "GET /livez HTTP/1.1\r\n");
    assert_serves(f);
    ch_http_stop(f->http);
    f->http = NULL;
    assert_string_equal(hear(f, idle), "");
    assert_string_equal(hear(f, half), "");
}

static void a_port_that_is_taken_is_an_error(void **state)
{
    fixture *f = *state;
    ch_http *second = NULL;
    f->of.hub.options.http_port = ch_http_port(f->http);
    assert_status(ch_http_start(&second, &f->of.hub, &f->of.error), CH_UNAVAILABLE);
    assert_null(second);
    assert_string_equal(f->of.error.where, "http");
    assert_non_null(strstr(f->of.error.text, "127.0.0.1"));
}

static void a_port_that_is_none_is_refused(void **state)
{
    fixture *f = *state;
    ch_http *second = NULL;
    f->of.hub.options.http_port = 65536;
    assert_status(ch_http_start(&second, &f->of.hub, &f->of.error), CH_INVALID);
    f->of.hub.options.http_port = -2;
    assert_status(ch_http_start(&second, &f->of.hub, &f->of.error), CH_INVALID);
    assert_null(second);
}

static void without_a_port_there_is_no_server(void **state)
{
    fixture *f = *state;
    ch_http *none = f->http;
    f->of.hub.options.http_port = -1;
    assert_ok(ch_http_start(&none, &f->of.hub, &f->of.error), &f->of.error);
    assert_null(none);
    assert_int_equal(ch_http_port(none), -1);
    ch_http_stop(none);
}

/* ---- good ones */

static void every_answer_closes_its_connection(void **state)
{
    fixture *f = *state;
    const char *answer = request(f, "GET /livez HTTP/1.1\r\nHost: hub\r\nConnection: keep-alive\r\n\r\n"
                                    "GET /metrics HTTP/1.1\r\nHost: hub\r\n\r\n");
    assert_true(begins(answer, "HTTP/1.1 200 "));
    assert_non_null(strstr(answer, "\r\nConnection: close\r\n"));
    assert_string_equal(body(answer), "ok\n");
}

static void head_is_get_without_its_body(void **state)
{
    fixture *f = *state;
    static const char *const paths[] = {"/livez", "/readyz", "/metrics"};
    for (size_t i = 0; i < 3; i++) {
        char text[128];
        snprintf(text, sizeof text, "HEAD %s HTTP/1.1\r\nHost: hub\r\n\r\n", paths[i]);
        const char *answer = request(f, text);
        assert_true(begins(answer, "HTTP/1.1 200 "));
        assert_null(strstr(answer, "Content-Length: 0\r\n"));
        assert_string_equal(body(answer), "");
    }
}

static void it_is_ready_only_while_it_can_take_events(void **state)
{
    fixture *f = *state;
    assert_true(begins(get(f, "/readyz"), "HTTP/1.1 200 "));
    assert_string_equal(body(f->answer), "ready\n");

    atomic_store(&f->of.metrics->ready, 0);
    assert_true(begins(get(f, "/readyz?verbose"), "HTTP/1.1 503 "));
    assert_string_equal(body(f->answer), "starting or stopping\n");
    assert_serves(f);

    atomic_store(&f->of.metrics->ready, 1);
    f->of.store->reserve_bytes = 4096;
    ch_metric_set(&f->of.metrics->log_map_bytes, 1 << 20);
    ch_metric_set(&f->of.metrics->state_map_bytes, 1 << 20);
    ch_metric_set(&f->of.metrics->state_used_bytes, 1 << 21);
    ch_metric_set(&f->of.metrics->disk_free_bytes, 1 << 20);
    assert_true(begins(get(f, "/readyz"), "HTTP/1.1 503 "));
    assert_string_equal(body(f->answer), "state: 0 bytes are free, the reserve is 4096\n");
}

static void metrics_are_prometheus_text(void **state)
{
    fixture *f = *state;
    ch_metric_set(&f->of.metrics->clients, 12);
    const char *answer = get(f, "/metrics");
    assert_true(begins(answer, "HTTP/1.1 200 "));
    assert_non_null(strstr(answer, "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    assert_true(begins(body(answer), "# HELP casehub_clients "));
    assert_non_null(strstr(body(answer), "\ncasehub_clients 12\n"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(garbage_gets_no_page_and_harms_nobody),
        TEST(a_head_beyond_eight_kibibytes_is_refused),
        TEST(a_body_is_not_read),
        TEST(other_methods_are_not_allowed),
        TEST(other_paths_are_not_found),
        TEST(half_a_request_keeps_nobody_else_waiting),
        TEST(more_connections_than_it_takes_are_served_once_there_is_room),
        TEST(stopping_cuts_what_is_open),
        TEST(a_port_that_is_taken_is_an_error),
        TEST(a_port_that_is_none_is_refused),
        TEST(without_a_port_there_is_no_server),
        TEST(every_answer_closes_its_connection),
        TEST(head_is_get_without_its_body),
        TEST(it_is_ready_only_while_it_can_take_events),
        TEST(metrics_are_prometheus_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
