/* What a connector may ask, and what it makes of the answers; over real sockets. */
#include "connectors/transports/http_address.h"
#include "connectors/transports/http_client.h"
#include "tests/unit/connectors/receiver.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define NOW_MS INT64_C(1795521600000) /* 2026-11-24T12:00:00Z */
#define ROUNDS_MOST 3000
#define OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"

typedef struct bench {
    receiver receiver;
    ch_http_client *client;
} bench;

static const ch_http_client_options usual = {.private_addresses = true,
                                             .ca_file = "",
                                             .connect_timeout_ms = 5000,
                                             .timeout_ms = 60000,
                                             .redirects_most = 0,
                                             .answer_most = 1000};

static void open_bench(bench *b, const ch_http_client_options *options)
{
    ch_error error = {.status = CH_OK};
    receiver_open(&b->receiver);
    assert_status(ch_http_client_new(&b->client, options, &error), CH_OK);
}

static void close_bench(bench *b)
{
    ch_http_client_free(b->client);
    receiver_close(&b->receiver);
}

static const ch_http_answer *run(bench *b)
{
    for (int round = 0; ch_http_client_answer(b->client) == NULL; round++) {
        struct pollfd fds[] = {{.fd = ch_http_client_fd(b->client), .events = POLLIN},
                               {.fd = b->receiver.listener, .events = POLLIN}};
        int wait = ch_http_client_step(b->client, NOW_MS);
        assert_true(round < ROUNDS_MOST);
        receiver_step(&b->receiver);
        poll(fds, 2, wait < 0 || wait > 5 ? 5 : wait);
    }
    return ch_http_client_answer(b->client);
}

static const ch_http_answer *ask_with(bench *b, const ch_http_request *request)
{
    ch_error error = {.status = CH_OK};
    ch_status status = ch_http_client_start(b->client, request, &error);
    if (status != CH_OK) {
        fail_msg("%s", error.text);
    }
    return run(b);
}

static const ch_http_answer *ask(bench *b, const char *method, const char *path)
{
    char url[200];
    snprintf(url, sizeof url, "%s%s", b->receiver.url, path);
    return ask_with(b, &(ch_http_request){.method = method, .url = url, .body = "a=b", .body_size = 3});
}

/* ---- names */

static int hurry[2] = {-1, -1}; /* a byte in it, or its end, ends a look-up that hangs */
static atomic_bool looked_up;

/* libcurl's look-ups come here. What a name server that is not there does: nothing for a long time. */
__attribute__((visibility("default"))) int getaddrinfo(const char *name, const char *service,
                                                       const struct addrinfo *hints, struct addrinfo **out)
{
    typedef int (*look_up)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    if (name != NULL && strcmp(name, "hangs.invalid") == 0) {
        struct pollfd ended = {.fd = hurry[0], .events = POLLIN};
        poll(&ended, 1, 5000);
        atomic_store(&looked_up, true);
        return EAI_AGAIN;
    }
    return ((look_up)(uintptr_t)dlsym(RTLD_NEXT, "getaddrinfo"))(name, service, hints, out);
}

static void a_name_that_is_looked_up_for_too_long_holds_nobody_up(void **state)
{
    bench b;
    ch_http_client_options options = usual;
    (void)state;
    options.connect_timeout_ms = 50;
    assert_int_equal(pipe(hurry), 0);
    open_bench(&b, &options);
    const ch_http_answer *answer =
        ask_with(&b, &(ch_http_request){.method = "GET", .url = "http://hangs.invalid/"});
    assert_false(atomic_load(&looked_up));
    assert_status(answer->status, CH_TIMEOUT);
    close_bench(&b);
    assert_false(atomic_load(&looked_up));
    close(hurry[1]);
    for (int round = 0; !atomic_load(&looked_up) && round < ROUNDS_MOST; round++) {
        poll(NULL, 0, 5);
    }
    assert_true(atomic_load(&looked_up));
    close(hurry[0]);
}

/* ---- addresses */

static ch_http_reach reach(const char *text)
{
    struct sockaddr_in four = {.sin_family = AF_INET};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &four.sin_addr) == 1) {
        return ch_http_address_reach((const struct sockaddr *)&four, sizeof four);
    }
    assert_int_equal(inet_pton(AF_INET6, text, &six.sin6_addr), 1);
    return ch_http_address_reach((const struct sockaddr *)&six, sizeof six);
}

static void expect_reach(const char *const *texts, size_t count, ch_http_reach wanted)
{
    for (size_t i = 0; i < count; i++) {
        if (reach(texts[i]) != wanted) {
            fail_msg("%s is %d", texts[i], (int)reach(texts[i]));
        }
    }
}
#define EXPECT_REACH(texts, wanted) expect_reach(texts, sizeof(texts) / sizeof *(texts), wanted)

static void addresses_that_lead_nowhere_are_known(void **state)
{
    static const char *const nowhere[] = {"0.0.0.0",
                                          "0.1.2.3",
                                          "169.254.169.254",
                                          "192.0.0.1",
                                          "192.0.2.1",
                                          "224.0.0.1",
                                          "240.0.0.1",
                                          "255.255.255.255",
                                          "::",
                                          "fe80::1",
                                          "febf::1",
                                          "ff02::1",
                                          "2001::1",
                                          "2001:db8::1",
                                          "::ffff:169.254.169.254",
                                          "100::1",
                                          "::169.254.1.1",
                                          "64:ff9b::169.254.169.254",
                                          "2002:a9fe:a9fe::1",
                                          "4000::1"};
    const struct sockaddr other = {.sa_family = AF_UNIX};
    (void)state;
    EXPECT_REACH(nowhere, CH_HTTP_NOWHERE);
    assert_int_equal(ch_http_address_reach(&other, sizeof other), CH_HTTP_NOWHERE);
}

static void private_addresses_are_known_in_every_dress(void **state)
{
    static const char *const own[] = {"10.0.0.1",
                                      "10.255.255.255",
                                      "100.64.0.1",
                                      "100.127.255.255",
                                      "127.0.0.1",
                                      "127.255.255.254",
                                      "172.16.0.1",
                                      "172.31.255.255",
                                      "192.168.0.1",
                                      "198.19.255.255",
                                      "::1",
                                      "fc00::1",
                                      "fdff::1",
                                      "::ffff:10.0.0.1",
                                      "::ffff:127.0.0.1",
                                      "64:ff9b::10.0.0.1",
                                      "2002:7f00:1::1",
                                      "2002:0a00:1::"};
    (void)state;
    EXPECT_REACH(own, CH_HTTP_PRIVATE);
}

static void the_neighbours_of_those_ranges_are_public(void **state)
{
    static const char *const others[] = {
        "1.1.1.1",     "9.255.255.255", "11.0.0.0",       "100.63.255.255",   "100.128.0.0",
        "126.0.0.1",   "128.0.0.1",     "169.253.0.1",    "172.15.0.1",       "172.32.0.0",
        "192.167.0.1", "192.169.0.1",   "198.17.0.1",     "198.20.0.0",       "223.255.255.1",
        "2001:200::1", "2400:3200::1",  "::ffff:1.1.1.1", "64:ff9b::1.1.1.1", "2002:101:101::1"};
    (void)state;
    EXPECT_REACH(others, CH_HTTP_PUBLIC);
}

static void an_address_of_this_machine_is_not_asked_unless_allowed(void **state)
{
    ch_http_client_options options = usual;
    bench b;
    char url[100];
    static const char *const hosts[] = {"127.0.0.1", "localhost",         "[::1]", "0x7f000001", "2130706433",
                                        "127.1",     "[::ffff:127.0.0.1]"};
    (void)state;
    options.private_addresses = false;
    open_bench(&b, &options);
    receiver_answer_with(&b.receiver, OK);
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        snprintf(url, sizeof url, "http://%s:%d/", hosts[i], b.receiver.port);
        const ch_http_answer *answer = ask_with(&b, &(ch_http_request){.method = "GET", .url = url});
        assert_status(answer->status, CH_DENIED);
        assert_null(strstr(answer->reason, hosts[i]));
    }
    receiver_step(&b.receiver);
    assert_int_equal(b.receiver.fd, -1);
    close_bench(&b);
    open_bench(&b, &usual);
    const ch_http_answer *answer =
        ask_with(&b, &(ch_http_request){.method = "GET", .url = "http://0.0.0.0/"});
    assert_status(answer->status, CH_DENIED);
    close_bench(&b);
}

static void the_environment_sends_nothing_through_a_proxy(void **state)
{
    bench b;
    (void)state;
    open_bench(&b, &usual);
    receiver_answer_with(&b.receiver, OK);
    assert_int_equal(setenv("http_proxy", "http://127.0.0.1:9", 1), 0);
    assert_int_equal(setenv("ALL_PROXY", "http://127.0.0.1:9", 1), 0);
    assert_status(ask(&b, "GET", "/")->status, CH_OK);
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
    close_bench(&b);
}

/* ---- requests */

static void what_is_no_web_address_is_not_asked(void **state)
{
    static const char *const urls[] = {"",
                                       "/etc/passwd",
                                       "file:///etc/passwd",
                                       "ftp://127.0.0.1/",
                                       "127.0.0.1",
                                       "http://",
                                       "http://user:secret@127.0.0.1/",
                                       "http://user@127.0.0.1/",
                                       "gopher://127.0.0.1/",
                                       "http://a b/"};
    bench b;
    ch_error error;
    (void)state;
    open_bench(&b, &usual);
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        const ch_http_request request = {.method = "GET", .url = urls[i]};
        if (ch_http_client_start(b.client, &request, &error) != CH_INVALID) {
            fail_msg("%s", urls[i]);
        }
    }
    close_bench(&b);
}

static void a_header_with_a_line_end_is_refused(void **state)
{
    static const char *const bad[] = {"A: b\r\nHost: other", "A: b\nC: d", "no colon"};
    bench b;
    ch_error error;
    (void)state;
    open_bench(&b, &usual);
    for (size_t i = 0; i < 3; i++) {
        const ch_http_request request = {
            .method = "GET", .url = b.receiver.url, .headers = &bad[i], .header_count = 1};
        assert_status(ch_http_client_start(b.client, &request, &error), CH_INVALID);
    }
    close_bench(&b);
}

static void a_body_and_its_headers_arrive_as_they_are(void **state)
{
    const char *headers[] = {"Content-Type: application/json", "X-Casehub-Id: ZJ/7/1"};
    static const char body[] = "{\"a\":\"\0\"}";
    bench b;
    (void)state;
    open_bench(&b, &usual);
    receiver_answer_with(&b.receiver, OK);
    const ch_http_answer *answer = ask_with(&b, &(ch_http_request){.method = "PUT",
                                                                   .url = b.receiver.url,
                                                                   .headers = headers,
                                                                   .header_count = 2,
                                                                   .body = body,
                                                                   .body_size = sizeof body - 1});
    assert_status(answer->status, CH_OK);
    assert_int_equal(answer->code, 200);
    assert_string_equal(answer->body, "hi");
    assert_int_equal(strncmp(b.receiver.request, "PUT / HTTP/1.1\r\n", 16), 0);
    assert_non_null(strstr(b.receiver.request, "\r\nX-Casehub-Id: ZJ/7/1\r\n"));
    assert_non_null(strstr(b.receiver.request, "\r\nContent-Type: application/json\r\n"));
    assert_null(strstr(b.receiver.request, "Expect"));
    assert_memory_equal(strstr(b.receiver.request, "\r\n\r\n") + 4, body, sizeof body - 1);
    close_bench(&b);
}

/* ---- answers */

static void a_longer_answer_is_cut_and_still_an_answer(void **state)
{
    static char text[5000];
    bench b;
    (void)state;
    open_bench(&b, &usual);
    snprintf(text, sizeof text, "HTTP/1.1 500 No\r\nContent-Length: 99999999\r\n\r\n%04000d", 7);
    receiver_answer_with(&b.receiver, text);
    const ch_http_answer *answer = ask(&b, "GET", "/");
    assert_status(answer->status, CH_OK);
    assert_int_equal(answer->code, 500);
    assert_true(answer->cut);
    assert_int_equal(answer->body_size, 1000);
    close_bench(&b);
}

static void what_is_no_whole_answer_is_an_error(void **state)
{
    bench b;
    (void)state;
    open_bench(&b, &usual);
    receiver_answer_with(&b.receiver, "");
    receiver_answer_with(&b.receiver, "SSH-2.0-OpenSSH\r\n");
    receiver_answer_with(&b.receiver, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi");
    assert_status(ask(&b, "GET", "/")->status, CH_UNAVAILABLE);
    assert_status(ask(&b, "GET", "/")->status, CH_INVALID);
    assert_status(ask(&b, "GET", "/")->status, CH_UNAVAILABLE);
    close_bench(&b);
}

static void nobody_who_listens_is_worth_another_try(void **state)
{
    bench b;
    (void)state;
    open_bench(&b, &usual);
    close(b.receiver.listener);
    b.receiver.listener = -1;
    const ch_http_answer *answer = ask(&b, "GET", "/");
    assert_status(answer->status, CH_UNAVAILABLE);
    assert_true(answer->reason[0] != '\0');
    close_bench(&b);
}

static void a_silent_receiver_costs_no_more_than_the_timeout(void **state)
{
    ch_http_client_options options = usual;
    bench b;
    (void)state;
    options.timeout_ms = 20;
    open_bench(&b, &options);
    receiver_answer_with(&b.receiver, NULL);
    assert_status(ask(&b, "GET", "/")->status, CH_TIMEOUT);
    close_bench(&b);
}

static int64_t wait_of(bench *b, const char *header)
{
    static char text[300];
    snprintf(text, sizeof text, "HTTP/1.1 503 No\r\n%sContent-Length: 0\r\nConnection: close\r\n\r\n",
             header);
    b->receiver.answer_count = b->receiver.request_count = 0;
    receiver_answer_with(&b->receiver, text);
    return ask(b, "GET", "/")->retry_after_ms;
}

static void retry_after_is_read_as_seconds_or_as_a_date(void **state)
{
    const int64_t most = INT64_C(366) * 86400000;
    bench b;
    (void)state;
    open_bench(&b, &usual);
    assert_int_equal(wait_of(&b, ""), -1);
    assert_int_equal(wait_of(&b, "Retry-After: soon\r\n"), -1);
    assert_int_equal(wait_of(&b, "Retry-After: -5\r\n"), -1);
    assert_int_equal(wait_of(&b, "Retry-After: 7\r\n"), 7000);
    assert_int_equal(wait_of(&b, "Retry-After: 9223372036854775807\r\n"), most);
    assert_int_equal(wait_of(&b, "Retry-After: Tue, 24 Nov 2026 12:01:30 GMT\r\n"), 90000);
    assert_int_equal(wait_of(&b, "Retry-After: Tue, 24 Nov 2026 11:00:00 GMT\r\n"), 0);
    assert_int_equal(wait_of(&b, "Retry-After: Tue, 24 Nov 2099 11:00:00 GMT\r\n"), most);
    close_bench(&b);
}

/* ---- redirects */

static const char *redirect(const bench *b, int code, const char *to)
{
    static char texts[4][300];
    static unsigned next;
    char *text = texts[next++ % 4], host[64] = "";
    if (to[0] == '/') {
        snprintf(host, sizeof host, "http://127.0.0.1:%d", b->receiver.port);
    }
    snprintf(text, sizeof texts[0],
             "HTTP/1.1 %d Away\r\nLocation: %s%s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", code,
             host, to);
    return text;
}

static void redirects_are_answers_unless_they_are_to_be_followed(void **state)
{
    bench b;
    (void)state;
    open_bench(&b, &usual);
    receiver_answer_with(&b.receiver, redirect(&b, 307, "/there"));
    const ch_http_answer *answer = ask(&b, "POST", "/here");
    assert_status(answer->status, CH_OK);
    assert_int_equal(answer->code, 307);
    assert_int_equal(b.receiver.request_count, 1);
    close_bench(&b);
}

static void a_redirect_leads_to_no_other_host_port_or_scheme(void **state)
{
    static const char *const others[] = {
        "http://127.0.0.2/",        "https://127.0.0.1/", "http://127.0.0.1:1/",  "http://localhost/",
        "//169.254.169.254/latest", "file:///etc/passwd", "http://a:b@127.0.0.1/"};
    ch_http_client_options options = usual;
    bench b;
    (void)state;
    options.redirects_most = 3;
    open_bench(&b, &options);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        char text[300];
        b.receiver.answer_count = b.receiver.request_count = 0;
        snprintf(text, sizeof text,
                 "HTTP/1.1 307 Away\r\nLocation: %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                 others[i]);
        receiver_answer_with(&b.receiver, text);
        const ch_http_answer *answer = ask(&b, "POST", "/here");
        if (answer->status != CH_REFUSED) {
            fail_msg("%s: %s", others[i], ch_status_name(answer->status));
        }
        assert_int_equal(answer->code, 307);
        assert_int_equal(b.receiver.request_count, 1);
    }
    close_bench(&b);
}

static void a_redirect_is_followed_with_method_and_body_so_often(void **state)
{
    ch_http_client_options options = usual;
    bench b;
    (void)state;
    options.redirects_most = 2;
    open_bench(&b, &options);
    receiver_answer_with(&b.receiver, redirect(&b, 308, "/two"));
    receiver_answer_with(&b.receiver, redirect(&b, 307, "/three"));
    receiver_answer_with(&b.receiver, OK);
    const ch_http_answer *answer = ask(&b, "POST", "/one");
    assert_status(answer->status, CH_OK);
    assert_int_equal(answer->code, 200);
    assert_int_equal(strncmp(b.receiver.request, "POST /three ", 12), 0);
    assert_string_equal(strstr(b.receiver.request, "\r\n\r\n") + 4, "a=b");
    b.receiver.answer_count = b.receiver.request_count = 0;
    receiver_answer_with(&b.receiver, redirect(&b, 307, "/again"));
    answer = ask(&b, "POST", "/again");
    assert_status(answer->status, CH_REFUSED);
    assert_int_equal(b.receiver.request_count, 3);
    close_bench(&b);
}

static void a_post_does_not_become_a_get(void **state)
{
    ch_http_client_options options = usual;
    bench b;
    (void)state;
    options.redirects_most = 2;
    open_bench(&b, &options);
    receiver_answer_with(&b.receiver, redirect(&b, 303, "/there"));
    assert_status(ask(&b, "POST", "/here")->status, CH_REFUSED);
    b.receiver.answer_count = b.receiver.request_count = 0;
    receiver_answer_with(&b.receiver, redirect(&b, 302, "/there"));
    receiver_answer_with(&b.receiver, OK);
    assert_int_equal(ask(&b, "GET", "/here")->code, 200);
    close_bench(&b);
}

static void a_request_that_is_dropped_leaves_nothing_behind(void **state)
{
    bench b;
    ch_error error;
    (void)state;
    open_bench(&b, &usual);
    receiver_answer_with(&b.receiver, OK);
    const ch_http_request request = {.method = "GET", .url = b.receiver.url};
    assert_status(ch_http_client_start(b.client, &request, &error), CH_OK);
    ch_http_client_step(b.client, NOW_MS);
    assert_status(ch_http_client_start(b.client, &request, &error), CH_OK);
    assert_int_equal(run(&b)->code, 200);
    assert_status(ch_http_client_start(b.client, &request, &error), CH_OK);
    close_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(addresses_that_lead_nowhere_are_known),
        TEST(private_addresses_are_known_in_every_dress),
        TEST(the_neighbours_of_those_ranges_are_public),
        TEST(an_address_of_this_machine_is_not_asked_unless_allowed),
        TEST(the_environment_sends_nothing_through_a_proxy),
        TEST(what_is_no_web_address_is_not_asked),
        TEST(a_header_with_a_line_end_is_refused),
        TEST(a_body_and_its_headers_arrive_as_they_are),
        TEST(a_longer_answer_is_cut_and_still_an_answer),
        TEST(what_is_no_whole_answer_is_an_error),
        TEST(nobody_who_listens_is_worth_another_try),
        TEST(a_silent_receiver_costs_no_more_than_the_timeout),
        TEST(retry_after_is_read_as_seconds_or_as_a_date),
        TEST(redirects_are_answers_unless_they_are_to_be_followed),
        TEST(a_redirect_leads_to_no_other_host_port_or_scheme),
        TEST(a_redirect_is_followed_with_method_and_body_so_often),
        TEST(a_post_does_not_become_a_get),
        TEST(a_request_that_is_dropped_leaves_nothing_behind),
        TEST(a_name_that_is_looked_up_for_too_long_holds_nobody_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
