/* A poller under a host that the test plays, on a clock that the test moves, against a server that says what the test
 * wrote down. */
#include "connectors/transports/transports.h"
#include "tests/unit/connectors/receiver.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define ROUNDS_MOST 3000
#define INTERVAL_MS 60000
#define HEAD "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json; charset=utf-8\r\n"
#define LIST HEAD "ETag: \"e1\"\r\nContent-Length: 26\r\n\r\n{\"list\":[{\"a\":1},{\"a\":2}]}"

typedef struct bench {
    stage on;
    receiver receiver;
    casehub_host host;
    casehub_value *values;
    int64_t now_ms;
    casehub_verdict verdict;
    char reason[320], position[4000], log[8000], url[200];
    unsigned taken;
    void *state;
} bench;

static void keep_log(const casehub_host *host, casehub_level level, const char *text)
{
    bench *b = host->context;
    (void)level;
    snprintf(b->log + strlen(b->log), sizeof b->log - strlen(b->log), "%s\n", text);
}

static int64_t now_ms(const casehub_host *host)
{
    return ((bench *)host->context)->now_ms;
}

static void ignore_address(const casehub_host *host, const char *address)
{
    assert_null(strchr(address, '?'));
    (void)host;
}

static void keep_reason(const casehub_host *host, const char *reason)
{
    bench *b = host->context;
    snprintf(b->reason, sizeof b->reason, "%s", reason);
}

static const char *position(const casehub_host *host)
{
    return ((bench *)host->context)->position;
}

static casehub_verdict take(const casehub_host *host, const casehub_unit *unit, casehub_outcome *outcome)
{
    bench *b = host->context;
    char bytes[5];
    long got;
    b->taken++;
    stage_print(&b->on, "%s: ", unit->name);
    while ((got = unit->read(unit->context, bytes, sizeof bytes)) > 0) {
        stage_print(&b->on, "%.*s", (int)got, bytes);
    }
    if (b->verdict == CASEHUB_DONE) {
        snprintf(b->position, sizeof b->position, "%s", unit->position);
    }
    snprintf(outcome->reason, sizeof outcome->reason, "as scripted");
    return b->verdict;
}

static size_t index_of(const char *option)
{
    for (size_t i = 0; i < ch_transport_http_poll.option_count; i++) {
        if (strcmp(ch_transport_http_poll.options[i].name, option) == 0) {
            return i;
        }
    }
    fail_msg("there is no option %s", option);
    return 0;
}

static void set(bench *b, const char *option, const char *text)
{
    b->values[index_of(option)].text = text;
}

static void set_number(bench *b, const char *option, int64_t number)
{
    b->values[index_of(option)].number = number;
}

static int enter(void **state)
{
    static const char *const texts[] = {"next",         "next_url",    "cursor",
                                        "first_cursor", "header_file", "ca_file"};
    static bench b;
    b = (bench){.now_ms = 1000000, .verdict = CASEHUB_DONE};
    stage_enter(&b.on);
    receiver_open(&b.receiver);
    b.host =
        (casehub_host){CASEHUB_SIZED(casehub_host), .context = &b,          .log = keep_log,
                       .wall_ms = now_ms,           .monotonic_ms = now_ms, .set_address = ignore_address,
                       .fail = keep_reason,         .position = position,   .take = take};
    b.values = calloc(ch_transport_http_poll.option_count, sizeof *b.values);
    assert_non_null(b.values);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        set(&b, texts[i], "");
    }
    snprintf(b.url, sizeof b.url, "%s/list?key=secret", b.receiver.url);
    set(&b, "url", b.url);
    set(&b, "records", "/list");
    set(&b, "accept", "application/json");
    b.values[index_of("private")].flag = true;
    set_number(&b, "interval", INTERVAL_MS);
    set_number(&b, "pages", 100);
    set_number(&b, "first_page", 1);
    set_number(&b, "body_most", 1000);
    set_number(&b, "backoff_most", 8000);
    set_number(&b, "connect_timeout", 5000);
    set_number(&b, "timeout", 20000);
    *state = &b;
    return 0;
}

static void open_poller(bench *b)
{
    b->state = calloc(1, ch_transport_http_poll.state_size);
    if (ch_transport_http_poll.open(b->state, &b->host, b->values) != 0) {
        fail_msg("%s", b->reason);
    }
}

static void close_poller(bench *b)
{
    if (b->state != NULL) {
        ch_transport_http_poll.close(b->state);
        free(b->state);
        b->state = NULL;
    }
}

static int leave(void **state)
{
    bench *b = *state;
    close_poller(b);
    receiver_close(&b->receiver);
    free(b->values);
    stage_leave(&b->on);
    return 0;
}

/* Until it waits for the clock; so long, in milliseconds. */
static int settle(bench *b)
{
    for (int round = 0; round < ROUNDS_MOST; round++) {
        int wait_ms = ch_transport_http_poll.step(b->state), fd = ch_transport_http_poll.fd(b->state);
        if (fd < 0 && wait_ms > 0) {
            return wait_ms;
        }
        struct pollfd fds[] = {{.fd = fd, .events = POLLIN}, {.fd = b->receiver.listener, .events = POLLIN}};
        receiver_step(&b->receiver);
        if (fd >= 0) {
            poll(fds, 2, wait_ms < 0 || wait_ms > 5 ? 5 : wait_ms);
        }
    }
    fail_msg("it never settles");
    return 0;
}

/* The answer is none to read: why, and nothing of it was taken. */
static void fails(bench *b, const char *answer, const char *why)
{
    b->log[0] = '\0';
    receiver_answer_with(&b->receiver, answer);
    int wait_ms = settle(b);
    if (strstr(b->log, why) == NULL) {
        fail_msg("\"%s\" is not said, but: %s", why, b->log);
    }
    assert_int_equal(b->taken, 0);
    assert_null(strstr(b->log, "secret"));
    b->now_ms += wait_ms;
}

/* ---- bad cases */

static void a_login_page_is_not_taken_for_an_answer(void **state)
{
    bench *b = *state;
    open_poller(b);
    fails(b, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>",
          "/list: the answer is \"text/html\", and application/json is expected (accept)");
    fails(b, "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"list\":[]}", "the answer is \"\"");
    fails(b, HEAD "Content-Length: 6\r\n\r\n<html>", "/list: no JSON: line 1, column 1");
    fails(b, HEAD "Content-Length: 11\r\n\r\n{\"lost\":[]}", "/list: records: there is no array at /list");
}

static void half_an_answer_and_one_without_end_are_not_taken(void **state)
{
    bench *b = *state;
    static char endless[4000];
    int head = snprintf(endless, sizeof endless, "%s\r\n\r\n{\"list\":[", HEAD);
    memset(endless + head, ' ', sizeof endless - 1 - (size_t)head);
    open_poller(b);
    fails(b, HEAD "Content-Length: 300\r\n\r\n{\"list\":[{\"a\":1}]}", "/list: ");
    fails(b, HEAD "Transfer-Encoding: chunked\r\n\r\n5\r\n{\"lis", "/list: ");
    fails(b, "", "/list: ");
    fails(b, endless, "the answer has more than 1000 bytes (body_most)");
}

static void a_redirect_to_elsewhere_is_not_followed(void **state)
{
    bench *b = *state;
    open_poller(b);
    fails(b, "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n",
          "it is answered with 302");
    close_poller(b);
    set_number(b, "redirects", 3);
    open_poller(b);
    fails(b, "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n",
          "it redirects to another host");
    fails(b, "HTTP/1.1 302 Found\r\nLocation: /list\r\nContent-Length: 0\r\n\r\n", "it redirects too often");
}

static void a_private_address_is_asked_only_where_the_settings_say_so(void **state)
{
    bench *b = *state;
    b->values[index_of("private")].flag = false;
    open_poller(b);
    fails(b, LIST, "its address may not be asked");
    assert_int_equal(b->receiver.request_count, 0);
}

static void pauses_grow_to_their_most_and_end_with_a_good_answer(void **state)
{
    static const int waits[] = {1000, 2000, 4000, 8000, 8000};
    bench *b = *state;
    open_poller(b);
    receiver_answer_with(&b->receiver, "HTTP/1.1 500 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
        assert_int_equal(settle(b), waits[i]);
        b->now_ms += waits[i];
    }
    for (size_t i = 1; i < sizeof waits / sizeof *waits; i++) {
        receiver_answer_with(&b->receiver, "");
    }
    receiver_answer_with(&b->receiver, LIST);
    assert_int_equal(settle(b), INTERVAL_MS);
    b->verdict = CASEHUB_REJECT;
    b->now_ms += INTERVAL_MS;
    assert_int_equal(settle(b), 1000);
    assert_non_null(strstr(b->log, "/list: as scripted; asked again in 1 s"));
}

static void waits_as_long_as_the_system_asks_for(void **state)
{
    bench *b = *state;
    open_poller(b);
    receiver_answer_with(
        &b->receiver,
        "HTTP/1.1 429 Slow\r\nRetry-After: 90\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    receiver_answer_with(
        &b->receiver,
        "HTTP/1.1 503 Down\r\nRetry-After: 9999999\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    assert_int_equal(settle(b), 90000);
    b->now_ms += 90000;
    assert_int_equal(settle(b), 24 * 3600000);
}

static void a_page_that_is_gone_begins_the_round_anew(void **state)
{
    bench *b = *state;
    set(b, "next", "/next");
    open_poller(b);
    receiver_answer_with(&b->receiver, HEAD "Content-Length: 29\r\n\r\n{\"list\":[{}],\"next\":\"/later\"}");
    receiver_answer_with(&b->receiver, "HTTP/1.1 410 Gone\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    receiver_answer_with(&b->receiver, LIST);
    b->now_ms += settle(b);
    assert_true(strncmp(b->receiver.request, "GET /later ", 11) == 0);
    settle(b);
    assert_true(strncmp(b->receiver.request, "GET /list?", 10) == 0);
}

static void settings_that_do_not_fit_end_it_at_once(void **state)
{
    bench *b = *state;
    b->state = calloc(1, ch_transport_http_poll.state_size);
    set(b, "url", "http://127.0.0.1/{cursor}");
    assert_int_equal(ch_transport_http_poll.open(b->state, &b->host, b->values), -1);
    assert_string_equal(b->reason, "cursor: it and {cursor} in url go together");
}

/* ---- how it goes */

static void a_record_becomes_a_line_and_the_page_a_unit(void **state)
{
    bench *b = *state;
    open_poller(b);
    receiver_answer_with(&b->receiver, LIST);
    assert_int_equal(settle(b), INTERVAL_MS);
    assert_string_equal(b->on.text, "/list: {\"a\":1}\n{\"a\":2}\n");
    assert_non_null(strstr(b->receiver.request, "Accept: application/json\r\n"));
}

static void a_page_of_newest_records_is_read_from_its_end(void **state)
{
    bench *b = *state;
    b->values[index_of("newest_first")].flag = true;
    open_poller(b);
    receiver_answer_with(&b->receiver, LIST);
    settle(b);
    assert_string_equal(b->on.text, "/list: {\"a\":2}\n{\"a\":1}\n");
}

static void an_answer_that_is_not_json_is_a_unit_as_it_is(void **state)
{
    bench *b = *state;
    set(b, "records", "");
    set(b, "accept", "application/rss+xml, text/csv");
    open_poller(b);
    receiver_answer_with(&b->receiver,
                         "HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nContent-Length: 8\r\n\r\na,b\n1,2\n");
    assert_int_equal(settle(b), INTERVAL_MS);
    assert_string_equal(b->on.text, "/list: a,b\n1,2\n");
}

static void asks_whether_it_changed_also_after_a_restart(void **state)
{
    bench *b = *state;
    open_poller(b);
    receiver_answer_with(&b->receiver, LIST);
    receiver_answer_with(&b->receiver, "HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n");
    settle(b);
    close_poller(b);
    open_poller(b);
    assert_int_equal(settle(b), INTERVAL_MS);
    assert_non_null(strstr(b->receiver.request, "If-None-Match: \"e1\"\r\n"));
    assert_int_equal(b->taken, 1);
}

static void a_page_that_the_hub_did_not_take_is_offered_again_unchanged(void **state)
{
    bench *b = *state;
    open_poller(b);
    receiver_answer_with(&b->receiver, LIST);
    b->verdict = CASEHUB_RETRY;
    assert_int_equal(settle(b), 1000);
    assert_string_equal(b->position, "");
    b->verdict = CASEHUB_DONE;
    b->now_ms += 1000;
    assert_int_equal(settle(b), INTERVAL_MS);
    assert_string_equal(b->on.text, "/list: {\"a\":1}\n{\"a\":2}\n/list: {\"a\":1}\n{\"a\":2}\n");
    assert_int_equal(b->receiver.request_count, 1);
}

static void an_empty_answer_moves_nothing(void **state)
{
    bench *b = *state;
    open_poller(b);
    receiver_answer_with(&b->receiver, HEAD "Content-Length: 11\r\n\r\n{\"list\":[]}");
    for (unsigned i = 0; i < 3; i++) {
        b->now_ms += settle(b);
    }
    assert_int_equal(b->receiver.request_count, 3);
    assert_int_equal(b->taken, 1); /* the first tells that there is a position */
}

static void sends_the_key_of_a_file_and_never_says_it(void **state)
{
    bench *b = *state;
    stage_write(&b->on, "key", "Api-Key: secret\nApi-Username: hub\n");
    assert_int_equal(chmod(stage_path(&b->on, "key"), 0600), 0);
    char path[300];
    snprintf(path, sizeof path, "%s", stage_path(&b->on, "key"));
    set(b, "header_file", path);
    open_poller(b);
    fails(b, "HTTP/1.1 403 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", "it is answered with 403");
    assert_non_null(strstr(b->receiver.request, "\r\nApi-Key: secret\r\nApi-Username: hub\r\n"));
}

int main(void)
{
#define ON_BENCH(name) cmocka_unit_test_setup_teardown(name, enter, leave)
    const struct CMUnitTest tests[] = {
        ON_BENCH(a_login_page_is_not_taken_for_an_answer),
        ON_BENCH(half_an_answer_and_one_without_end_are_not_taken),
        ON_BENCH(a_redirect_to_elsewhere_is_not_followed),
        ON_BENCH(a_private_address_is_asked_only_where_the_settings_say_so),
        ON_BENCH(pauses_grow_to_their_most_and_end_with_a_good_answer),
        ON_BENCH(waits_as_long_as_the_system_asks_for),
        ON_BENCH(a_page_that_is_gone_begins_the_round_anew),
        ON_BENCH(settings_that_do_not_fit_end_it_at_once),
        ON_BENCH(a_record_becomes_a_line_and_the_page_a_unit),
        ON_BENCH(a_page_of_newest_records_is_read_from_its_end),
        ON_BENCH(an_answer_that_is_not_json_is_a_unit_as_it_is),
        ON_BENCH(asks_whether_it_changed_also_after_a_restart),
        ON_BENCH(a_page_that_the_hub_did_not_take_is_offered_again_unchanged),
        ON_BENCH(an_empty_answer_moves_nothing),
        ON_BENCH(sends_the_key_of_a_file_and_never_says_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
