/* Messages over HTTP to a receiver that the test plays, under a host that it plays as well. */
#include "connectors/senders/senders.h"
#include "tests/unit/connectors/receiver.h"

#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define NOW_MS INT64_C(1795521600000) /* 2026-11-24T12:00:00Z */
#define ROUNDS_MOST 3000
#define KEY "an invented key of a receiver"
#define BODY "{\"case\":\"ZJ-20261124-7\"}"
#define ANSWER(status, more) "HTTP/1.1 " status " x\r\n" more "Connection: close\r\n\r\n"

enum {
    URL,
    SECRET,
    HEADER_FILE,
    TARGETS,
    METHOD,
    OK,
    ANSWER_TYPES,
    KNOWN,
    HEADERS,
    RETRY_AFTER,
    PRIVATE,
    CA,
    CONNECT,
    TIMEOUT,
    REDIRECTS,
    COUNT
};

typedef struct bench {
    stage stage;
    receiver receiver;
    casehub_host host;
    casehub_value values[COUNT];
    void *state;
    casehub_message message;
    char failed[500], url[128], address[200];
    int settled;
    casehub_sent sent;
    char reason[400], answer[70000];
    size_t answer_size;
    int64_t wait_ms;
} bench;

static void fail_open(const casehub_host *host, const char *reason)
{
    bench *b = host->context;
    snprintf(b->failed, sizeof b->failed, "%s", reason);
}

static void set_address(const casehub_host *host, const char *address)
{
    bench *b = host->context;
    snprintf(b->address, sizeof b->address, "%s", address);
}

static int64_t wall_ms(const casehub_host *host)
{
    (void)host;
    return NOW_MS;
}

static void settle(const casehub_host *host, casehub_sent sent, const char *reason, int64_t wait_ms,
                   const char *answer, size_t answer_size)
{
    bench *b = host->context;
    b->settled++;
    b->sent = sent;
    b->wait_ms = wait_ms;
    b->answer_size = answer_size;
    snprintf(b->reason, sizeof b->reason, "%s", reason == NULL ? "" : reason);
    if (answer != NULL) {
        memcpy(b->answer, answer, answer_size);
    }
}

/* With the options' own defaults, as the host reads them. */
static bench *prepare(void)
{
    bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    stage_enter(&b->stage);
    receiver_open(&b->receiver);
    b->host = (casehub_host){CASEHUB_SIZED(casehub_host), .context = b,     .wall_ms = wall_ms,
                             .fail = fail_open,           .settle = settle, .set_address = set_address};
    for (size_t i = 0; i < ch_sender_http_post.option_count; i++) {
        b->values[i].text = ch_sender_http_post.options[i].fallback;
    }
    assert_int_equal(ch_sender_http_post.option_count, COUNT);
    snprintf(b->url, sizeof b->url, "%s/orders", b->receiver.url);
    b->values[URL].text = b->url;
    b->values[RETRY_AFTER].number = 3600000;
    b->values[PRIVATE].flag = true;
    b->values[CONNECT].number = 5000;
    b->values[TIMEOUT].number = 60000;
    b->message = (casehub_message){
        CASEHUB_SIZED(casehub_message),   .id = "ZJ/7/1", .body = BODY, .body_size = strlen(BODY),
        .media_type = "application/json", .attempt = 1};
    return b;
}

static int open_poster(bench *b)
{
    b->state = calloc(1, ch_sender_http_post.state_size);
    return ch_sender_http_post.open(b->state, &b->host, b->values);
}

static void finish(bench *b)
{
    if (b->state != NULL) {
        ch_sender_http_post.close(b->state);
        free(b->state);
    }
    receiver_close(&b->receiver);
    stage_leave(&b->stage);
    free(b);
}

static bench *opened(bench *b)
{
    if (open_poster(b) != 0) {
        fail_msg("%s", b->failed);
    }
    return b;
}

static void send_message(bench *b)
{
    b->settled = 0;
    ch_sender_http_post.send(b->state, &b->message);
    for (int round = 0; b->settled == 0; round++) {
        struct pollfd fds[] = {{.fd = ch_sender_http_post.fd(b->state), .events = POLLIN},
                               {.fd = b->receiver.listener, .events = POLLIN}};
        int wait = ch_sender_http_post.step(b->state);
        assert_true(round < ROUNDS_MOST);
        receiver_step(&b->receiver);
        poll(fds, 2, b->settled > 0 ? 0 : wait < 0 || wait > 5 ? 5 : wait);
    }
    assert_int_equal(b->settled, 1);
}

static void expect_answer(bench *b, const char *answer, casehub_sent sent, int64_t wait_ms)
{
    b->receiver.answer_count = b->receiver.request_count = 0;
    receiver_answer_with(&b->receiver, answer);
    send_message(b);
    if (b->sent != sent || b->wait_ms != wait_ms) {
        fail_msg("%s: %d after %lld ms", answer, (int)b->sent, (long long)b->wait_ms);
    }
}

static void write_key(bench *b, mode_t mode)
{
    stage_write(&b->stage, "key", "# invented\n" KEY "\nanother one for later\n");
    assert_int_equal(chmod(stage_path(&b->stage, "key"), mode), 0);
}

/* ---- */

static void expect_no_start(int option, const char *text, const char *part)
{
    bench *b = prepare();
    const char *const texts[] = {text};
    if (option == OK || option == KNOWN || option == HEADERS) {
        b->values[option].texts = texts;
        b->values[option].text_count = 1;
    } else {
        b->values[option].text = text;
    }
    assert_int_equal(open_poster(b), -1);
    if (strstr(b->failed, part) == NULL) {
        fail_msg("\"%s\" is not in: %s", part, b->failed);
    }
    finish(b);
}

static void what_cannot_work_does_not_start(void **state)
{
    (void)state;
    expect_no_start(URL, "", "url or targets");
    expect_no_start(URL, "ftp://a/", "http_post.url");
    expect_no_start(URL, "http://user:secret@a/", "without a user");
    expect_no_start(METHOD, "GET", "POST or PUT");
    expect_no_start(OK, "2xx", "no status");
    expect_no_start(KNOWN, "", "empty words");
    expect_no_start(HEADERS, "content-LENGTH", "is set here");
    expect_no_start(HEADERS, "X-Casehub-Signature", "is set here");
    expect_no_start(SECRET, "/nowhere/at/all", "/nowhere/at/all");
    expect_no_start(HEADER_FILE, "/nowhere/at/all", "/nowhere/at/all");
}

static void a_key_in_the_query_is_not_told_as_address(void **state)
{
    bench *b = prepare();
    (void)state;
    b->values[URL].text = "https://robot.invalid/send?key=geheim#1";
    opened(b);
    assert_string_equal(b->address, "https://robot.invalid/send");
    finish(b);
}

static void a_key_that_others_may_read_is_refused(void **state)
{
    bench *b = prepare();
    (void)state;
    write_key(b, 0640);
    b->values[SECRET].text = stage_path(&b->stage, "key");
    assert_int_equal(open_poster(b), -1);
    assert_non_null(strstr(b->failed, "chmod 600"));
    finish(b);
}

static void write_fields(bench *b, const char *text, mode_t mode)
{
    stage_write(&b->stage, "fields", text);
    assert_int_equal(chmod(stage_path(&b->stage, "fields"), mode), 0);
    b->values[HEADER_FILE].text = stage_path(&b->stage, "fields");
}

static void a_header_file_with_faults_does_not_start(void **state)
{
    static const struct {
        const char *text;
        mode_t mode;
        const char *part;
    } faults[] = {{"Api-Key: invented\n", 0604, "chmod 600"},
                  {"", 0600, "no header field"},
                  {"Api-Key: invented\nApi-Username\n", 0600, "line 2"},
                  {"Api-Key: invented\ncontent-type: text/plain\n", 0600, "Content-Type is set here"},
                  {"X-OFFICE: 7\n", 0600, "x-office stands in a header_file"}};
    static const char *const allowed[] = {"x-office"};
    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        bench *b = prepare();
        write_fields(b, faults[i].text, faults[i].mode);
        b->values[HEADERS] = (casehub_value){.texts = allowed, .text_count = 1};
        assert_int_equal(open_poster(b), -1);
        if (strstr(b->failed, faults[i].part) == NULL || strstr(b->failed, "invented") != NULL) {
            fail_msg("\"%s\" is not in: %s", faults[i].part, b->failed);
        }
        finish(b);
    }
}

static void secret_header_fields_go_to_their_receiver_only(void **state)
{
    char table[600];
    bench *b = prepare();
    (void)state;
    stage_write(&b->stage, "water.key", "Authorization: Bearer an-invented-token\n");
    assert_int_equal(chmod(stage_path(&b->stage, "water.key"), 0600), 0);
    write_fields(b, "Api-Key: invented\r\n\nApi-Username: casehub\n", 0600);
    snprintf(table, sizeof table,
             "target,url,header_file,secret_file\nwater,%s/water,water.key,\ngas,%s/gas,,\n", b->receiver.url,
             b->receiver.url);
    stage_write(&b->stage, "targets.csv", table);
    b->values[TARGETS].text = stage_path(&b->stage, "targets.csv");
    opened(b);
    receiver_answer_with(&b->receiver, ANSWER("200", "Content-Length: 0\r\n"));
    send_message(b);
    assert_non_null(strstr(b->receiver.request, "\r\nApi-Key: invented\r\nApi-Username: casehub\r\n"));
    assert_null(strstr(b->receiver.request, "Authorization"));
    b->message.target = "water";
    send_message(b);
    assert_non_null(strstr(b->receiver.request, "\r\nAuthorization: Bearer an-invented-token\r\n"));
    assert_null(strstr(b->receiver.request, "Api-"));
    b->message.target = "gas";
    send_message(b);
    assert_null(strstr(b->receiver.request, "Authorization"));
    assert_null(strstr(b->receiver.request, "Api-"));
    finish(b);
}

static void a_table_with_faults_says_where(void **state)
{
    static const char *const tables[][2] = {
        {"target,url\nwater,http://a/\n", "columns"},
        {"target,url,secret_file\nwater,nowhere,\n", "targets.csv:2: an http"},
        {"target,url,secret_file\n,http://a/,\n", "targets.csv:2: target"},
        {"target,url,secret_file\nwater,http://a/,\nwater,http://b/,\n", "targets.csv:3: the target"},
        {"target,url,secret_file\nwater,http://a/,absent\n", "absent"}};
    (void)state;
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        bench *b = prepare();
        stage_write(&b->stage, "targets.csv", tables[i][0]);
        b->values[TARGETS].text = stage_path(&b->stage, "targets.csv");
        assert_int_equal(open_poster(b), -1);
        if (strstr(b->failed, tables[i][1]) == NULL) {
            fail_msg("\"%s\" is not in: %s", tables[i][1], b->failed);
        }
        finish(b);
    }
}

static void a_target_is_looked_up_and_never_an_address(void **state)
{
    bench *b = prepare();
    char table[400];
    (void)state;
    snprintf(table, sizeof table, "target,url,secret_file\nwater,%s/water,\n", b->receiver.url);
    stage_write(&b->stage, "targets.csv", table);
    b->values[TARGETS].text = stage_path(&b->stage, "targets.csv");
    b->values[URL].text = "";
    opened(b);
    receiver_answer_with(&b->receiver, ANSWER("200", "Content-Length: 0\r\n"));
    b->message.target = b->url;
    send_message(b);
    assert_int_equal(b->sent, CASEHUB_UNDELIVERABLE);
    b->message.target = NULL;
    send_message(b);
    assert_int_equal(b->sent, CASEHUB_UNDELIVERABLE);
    assert_int_equal(b->receiver.request_count, 0);
    b->message.target = "water";
    send_message(b);
    assert_int_equal(b->sent, CASEHUB_SENT);
    assert_int_equal(strncmp(b->receiver.request, "POST /water HTTP/1.1\r\n", 22), 0);
    finish(b);
}

static void parameters_set_only_the_header_fields_that_are_allowed(void **state)
{
    static const char *const allowed[] = {"X-Office"};
    bench *b = prepare();
    (void)state;
    b->values[HEADERS] = (casehub_value){.texts = allowed, .text_count = 1};
    opened(b);
    receiver_answer_with(&b->receiver, ANSWER("200", "Content-Length: 0\r\n"));
    static const char *const bad[] = {"{\"Authorization\":\"x\"}", "{\"X-Office\":\"a\\r\\nHost: b\"}",
                                      "{\"X-Office\":7}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        b->message.parameters = bad[i];
        send_message(b);
        assert_int_equal(b->sent, CASEHUB_UNDELIVERABLE);
    }
    assert_int_equal(b->receiver.request_count, 0);
    b->message.parameters = "{\"x-office\":\"7\"}";
    send_message(b);
    assert_int_equal(b->sent, CASEHUB_SENT);
    assert_non_null(strstr(b->receiver.request, "\r\nx-office: 7\r\n"));
    finish(b);
}

static void every_status_has_its_outcome(void **state)
{
    bench *b = opened(prepare());
    (void)state;
    expect_answer(b, ANSWER("200", "Content-Length: 0\r\n"), CASEHUB_SENT, -1);
    expect_answer(b, ANSWER("204", ""), CASEHUB_SENT, -1);
    expect_answer(b, ANSWER("400", "Content-Length: 0\r\n"), CASEHUB_UNDELIVERABLE, -1);
    assert_string_equal(b->reason, "the receiver answered with status 400");
    expect_answer(b, ANSWER("404", "Content-Length: 0\r\n"), CASEHUB_UNDELIVERABLE, -1);
    expect_answer(b, ANSWER("302", "Location: http://127.0.0.1:1/\r\nContent-Length: 0\r\n"),
                  CASEHUB_UNDELIVERABLE, -1);
    expect_answer(b, ANSWER("408", "Content-Length: 0\r\n"), CASEHUB_LATER, -1);
    expect_answer(b, ANSWER("425", "Content-Length: 0\r\n"), CASEHUB_LATER, -1);
    expect_answer(b, ANSWER("500", "Content-Length: 0\r\n"), CASEHUB_LATER, -1);
    expect_answer(b, ANSWER("429", "Retry-After: 7\r\nContent-Length: 0\r\n"), CASEHUB_LATER, 7000);
    expect_answer(b, ANSWER("503", "Retry-After: Tue, 24 Nov 2026 12:01:00 GMT\r\nContent-Length: 0\r\n"),
                  CASEHUB_LATER, 60000);
    expect_answer(b, ANSWER("503", "Retry-After: 864000\r\nContent-Length: 0\r\n"), CASEHUB_LATER, 3600000);
    expect_answer(b, "", CASEHUB_LATER, -1);
    finish(b);
}

static void only_the_statuses_that_are_named_count_as_taken(void **state)
{
    static const char *const ok[] = {"201", "409"};
    bench *b = prepare();
    (void)state;
    b->values[OK] = (casehub_value){.texts = ok, .text_count = 2};
    opened(b);
    expect_answer(b, ANSWER("200", "Content-Length: 0\r\n"), CASEHUB_UNDELIVERABLE, -1);
    expect_answer(b, ANSWER("201", "Content-Length: 0\r\n"), CASEHUB_SENT, -1);
    expect_answer(b, ANSWER("409", "Content-Length: 0\r\n"), CASEHUB_SENT, -1);
    finish(b);
}

static void a_page_that_is_no_answer_of_the_receiver_is_no_yes(void **state)
{
    bench *b = prepare();
    (void)state;
    b->values[ANSWER_TYPES].text = "application/json, text/plain";
    opened(b);
    expect_answer(b, ANSWER("200", "Content-Type: text/html\r\nContent-Length: 0\r\n"), CASEHUB_LATER, -1);
    assert_non_null(strstr(b->reason, "answer_types"));
    expect_answer(b, ANSWER("200", "Content-Length: 0\r\n"), CASEHUB_LATER, -1);
    expect_answer(b, ANSWER("400", "Content-Type: text/html\r\n"), CASEHUB_UNDELIVERABLE, -1);
    expect_answer(b, ANSWER("200", "Content-Type: Application/JSON; charset=utf-8\r\nContent-Length: 0\r\n"),
                  CASEHUB_SENT, -1);
    finish(b);
}

static void a_refusal_of_what_the_receiver_has_already_counts_as_taken(void **state)
{
    static const char *const words[] = {"too similar"};
    bench *b = prepare();
    (void)state;
    opened(b);
    expect_answer(b, ANSWER("422", "Content-Length: 15\r\n") "it, too similar", CASEHUB_UNDELIVERABLE, -1);
    ch_sender_http_post.close(b->state);
    free(b->state);
    b->values[KNOWN] = (casehub_value){.texts = words, .text_count = 1};
    opened(b);
    expect_answer(b, ANSWER("422", "Content-Length: 9\r\n") "too short", CASEHUB_UNDELIVERABLE, -1);
    expect_answer(b, ANSWER("422", ""), CASEHUB_UNDELIVERABLE, -1);
    expect_answer(b, ANSWER("503", "Content-Length: 15\r\n") "it, too similar", CASEHUB_LATER, -1);
    expect_answer(b, ANSWER("422", "Content-Length: 15\r\n") "it, too similar", CASEHUB_SENT, -1);
    finish(b);
}

static void an_address_of_the_house_is_asked_only_if_allowed(void **state)
{
    bench *b = prepare();
    (void)state;
    b->values[PRIVATE].flag = false;
    opened(b);
    receiver_answer_with(&b->receiver, ANSWER("200", "Content-Length: 0\r\n"));
    send_message(b);
    assert_int_equal(b->sent, CASEHUB_LATER);
    assert_non_null(strstr(b->reason, "private"));
    assert_int_equal(b->receiver.request_count, 0);
    finish(b);
}

/* As RFC 2104 has it, from SHA-256 alone. */
static void hmac(const char *key, const char *text, char out[65])
{
    unsigned char pad[64 + 1000], hash[32], outer[64 + 32];
    size_t size = strlen(text);
    assert_true(strlen(key) <= 64 && size <= 1000);
    memset(pad, 0x36, 64);
    memset(outer, 0x5c, 64);
    for (size_t i = 0; i < strlen(key); i++) {
        pad[i] ^= (unsigned char)key[i];
        outer[i] ^= (unsigned char)key[i];
    }
    memcpy(pad + 64, text, size);
    crypto_hash_sha256(hash, pad, 64 + size);
    memcpy(outer + 64, hash, sizeof hash);
    crypto_hash_sha256(hash, outer, sizeof outer);
    sodium_bin2hex(out, 65, hash, sizeof hash);
}

static void what_is_sent_is_signed_with_time_and_id(void **state)
{
    char mac[65], field[200];
    bench *b = prepare();
    (void)state;
    write_key(b, 0600);
    b->values[SECRET].text = stage_path(&b->stage, "key");
    opened(b);
    receiver_answer_with(&b->receiver, ANSWER("200", "Content-Length: 0\r\n"));
    send_message(b);
    hmac(KEY, "1795521600.ZJ/7/1." BODY, mac);
    snprintf(field, sizeof field, "\r\nX-Casehub-Signature: sha256=%s\r\n", mac);
    assert_non_null(strstr(b->receiver.request, field));
    assert_non_null(strstr(b->receiver.request, "\r\nX-Casehub-Timestamp: 1795521600\r\n"));
    assert_non_null(strstr(b->receiver.request, "\r\nX-Casehub-Id: ZJ/7/1\r\n"));
    assert_non_null(strstr(b->receiver.request, "\r\nIdempotency-Key: ZJ/7/1\r\n"));
    assert_non_null(strstr(b->receiver.request, "\r\nContent-Type: application/json\r\n"));
    assert_string_equal(strstr(b->receiver.request, "\r\n\r\n") + 4, BODY);
    /* A key that is no longer one's own secret signs nothing. */
    assert_int_equal(chmod(stage_path(&b->stage, "key"), 0644), 0);
    send_message(b);
    assert_int_equal(b->sent, CASEHUB_LATER);
    assert_int_equal(b->receiver.request_count, 1);
    finish(b);
}

static void the_answer_is_handed_over_as_far_as_it_is_kept(void **state)
{
    static char text[90000];
    bench *b = opened(prepare());
    (void)state;
    expect_answer(b, ANSWER("200", "Content-Length: 9\r\n") "{\"n\":\"7\"}", CASEHUB_SENT, -1);
    assert_int_equal(b->answer_size, 9);
    assert_memory_equal(b->answer, "{\"n\":\"7\"}", 9);
    snprintf(text, sizeof text, ANSWER("200", "") "%080000d", 7);
    expect_answer(b, text, CASEHUB_SENT, -1);
    assert_int_equal(b->answer_size, 64 * 1024);
    finish(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_cannot_work_does_not_start),
        TEST(a_key_in_the_query_is_not_told_as_address),
        TEST(a_key_that_others_may_read_is_refused),
        TEST(a_header_file_with_faults_does_not_start),
        TEST(a_table_with_faults_says_where),
        TEST(a_target_is_looked_up_and_never_an_address),
        TEST(secret_header_fields_go_to_their_receiver_only),
        TEST(parameters_set_only_the_header_fields_that_are_allowed),
        TEST(every_status_has_its_outcome),
        TEST(only_the_statuses_that_are_named_count_as_taken),
        TEST(a_page_that_is_no_answer_of_the_receiver_is_no_yes),
        TEST(a_refusal_of_what_the_receiver_has_already_counts_as_taken),
        TEST(an_address_of_the_house_is_asked_only_if_allowed),
        TEST(what_is_sent_is_signed_with_time_and_id),
        TEST(the_answer_is_handed_over_as_far_as_it_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
