/* http_poll.c - an HTTP API that is asked now and then. Each page of an answer is a unit.
 *
 * A page is known again by its URL and its bytes, so that after a crash it goes on where it was. What went wrong is asked
 * again after a growing pause: a system that is down for a night is no reason to end.
 */
#include "connectors/transports/http_client.h"
#include "connectors/transports/http_fields.h"
#include "connectors/transports/http_round.h"
#include "connectors/transports/transports.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define RETRY_MS 1000
#define FIRST_PAUSE_MS 1000
#define RETRY_AFTER_MOST_MS (INT64_C(24) * 3600000)
#define LINE_MOST ((size_t)256 * 1024 * 1024)
#define IDENTITY_SIZE 65
#define OWN_FIELDS 3

enum {
    OPTION_URL,
    OPTION_INTERVAL,
    OPTION_ACCEPT,
    OPTION_RECORDS,
    OPTION_NEWEST_FIRST,
    OPTION_NEXT,
    OPTION_NEXT_URL,
    OPTION_FIRST_PAGE,
    OPTION_CURSOR,
    OPTION_FIRST_CURSOR,
    OPTION_PAGES,
    OPTION_HEADER_FILE,
    OPTION_BODY_MOST,
    OPTION_BACKOFF_MOST,
    OPTION_PRIVATE,
    OPTION_CA_FILE,
    OPTION_CONNECT_TIMEOUT,
    OPTION_TIMEOUT,
    OPTION_REDIRECTS
};
static const casehub_option options[] = {
    [OPTION_URL] = {"url", CASEHUB_OPTION_TEXT, NULL, 1, CH_HTTP_URL_MOST,
                    "what is asked; {page} or {cursor} in it is filled in"},
    [OPTION_INTERVAL] = {"interval", CASEHUB_OPTION_TIME, "5m", 100, INT64_C(86400000),
                         "from the end of one round to the next"},
    [OPTION_ACCEPT] = {"accept", CASEHUB_OPTION_TEXT, "application/json", 1, 200,
                       "media types that the answer may have, with commas between them; */* is any"},
    [OPTION_RECORDS] =
        {"records", CASEHUB_OPTION_TEXT, "", 0, 200,
         "JSON pointer to the array of records, \"#\" is the whole answer; each becomes a line of the "
         "format json; without it the format gets the answer as it is"},
    [OPTION_NEWEST_FIRST] = {"newest_first", CASEHUB_OPTION_BOOL, "false", 0, 0,
                             "a page begins with its newest record: it is read from its end"},
    [OPTION_NEXT] = {"next", CASEHUB_OPTION_TEXT, "", 0, 200,
                     "JSON pointer to the URL of the next page, or to what next_url needs of it"},
    [OPTION_NEXT_URL] = {"next_url", CASEHUB_OPTION_TEXT, "", 0, CH_HTTP_URL_MOST,
                         "URL of a further page, with {next} for the value at next"},
    [OPTION_FIRST_PAGE] = {"first_page", CASEHUB_OPTION_INT, "1", 0, 1000000, "what {page} begins with"},
    [OPTION_CURSOR] = {"cursor", CASEHUB_OPTION_TEXT, "", 0, 200,
                       "JSON pointer to how far the answer came; it is asked on from there, {cursor}"},
    [OPTION_FIRST_CURSOR] = {"first_cursor", CASEHUB_OPTION_TEXT, "", 0, CH_HTTP_CURSOR_MOST,
                             "{cursor} as long as there is none"},
    [OPTION_PAGES] = {"pages", CASEHUB_OPTION_INT, "1000", 1, CH_HTTP_PAGES_MOST, "of one round at most"},
    [OPTION_HEADER_FILE] = {"header_file", CASEHUB_OPTION_PATH, "", 0, 900,
                            "header fields with a key, a line each; readable by its owner only"},
    [OPTION_BODY_MOST] =
        {"body_most", CASEHUB_OPTION_SIZE, "16MiB", 64, 256 * 1024 * 1024,
         "bytes of one answer, unpacked; so much memory it may take, and several times more as JSON"},
    [OPTION_BACKOFF_MOST] = {"backoff_most", CASEHUB_OPTION_TIME, "10m", 1000, INT64_C(86400000),
                             "longest pause after a failure, unless the system asks for a longer one"},
    [OPTION_PRIVATE] = CH_HTTP_CLIENT_OPTION_PRIVATE,
    [OPTION_CA_FILE] = CH_HTTP_CLIENT_OPTION_CA_FILE,
    [OPTION_CONNECT_TIMEOUT] = CH_HTTP_CLIENT_OPTION_CONNECT_TIMEOUT,
    [OPTION_TIMEOUT] = CH_HTTP_CLIENT_OPTION_TIMEOUT,
    [OPTION_REDIRECTS] = CH_HTTP_CLIENT_OPTION_REDIRECTS,
};

typedef enum phase { WAITING, ASKING, TAKING } phase;

typedef struct poller {
    const casehub_host *host;
    const casehub_value *values;
    ch_http_plan plan;
    ch_http_round round;
    ch_http_client *client;
    ch_http_fields secret;
    phase phase;
    int64_t due_ms; /* monotonic: when the phase has something to do */
    unsigned failures;
    /* The answer in hand. */
    ch_http_page page; /* its document is NULL when it is not read as JSON */
    bool more;
    int64_t time_ms;
    char *position, name[CH_HTTP_NAME_SIZE], identity[IDENTITY_SIZE];
    /* Where reading it is. */
    ch_buf line;
    size_t record, offset;
} poller;

static bool reads_json(const poller *p)
{
    const ch_http_pointers *pointers = &p->plan.pointers;
    return pointers->records[0] != '\0' || pointers->next[0] != '\0' || pointers->cursor[0] != '\0';
}

/* ---- open and close */

static int refuse(const poller *p, const ch_error *error)
{
    char text[500];
    snprintf(text, sizeof text, "%s%s%s", error->where, error->where[0] == '\0' ? "" : ": ", error->text);
    p->host->fail(p->host, text);
    return -1;
}

/* Without its query, which may hold a key. */
static void tell_address(const poller *p)
{
    char text[CH_HTTP_URL_MOST + 1];
    snprintf(text, sizeof text, "%s", p->plan.url);
    text[strcspn(text, "?#")] = '\0';
    p->host->set_address(p->host, text);
}

static void begin_rounds(poller *p)
{
    bool known;
    const char *position = p->host->position(p->host);
    ch_http_round_init(&p->round, &p->plan, position, &known);
    if (position[0] != '\0' && !known) {
        p->host->log(p->host, CASEHUB_INFO,
                     "the settings are others than those of the position: from the beginning");
    }
}

static ch_status open_parts(poller *p, ch_error *error)
{
    const casehub_value *values = p->values;
    const ch_http_client_options client = {.private_addresses = values[OPTION_PRIVATE].flag,
                                           .ca_file = values[OPTION_CA_FILE].text,
                                           .connect_timeout_ms = values[OPTION_CONNECT_TIMEOUT].number,
                                           .timeout_ms = values[OPTION_TIMEOUT].number,
                                           .redirects_most = (int)values[OPTION_REDIRECTS].number,
                                           .answer_most = (size_t)values[OPTION_BODY_MOST].number,
                                           .compressed = true};
    ch_status status = ch_http_plan_check(&p->plan, error);
    if (status == CH_OK && values[OPTION_HEADER_FILE].text[0] != '\0') {
        status = ch_http_fields_read(&p->secret, values[OPTION_HEADER_FILE].text, error);
    }
    return status == CH_OK ? ch_http_client_new(&p->client, &client, error) : status;
}

static int open_poller(void *state, const casehub_host *host, const casehub_value *values)
{
    poller *p = state;
    ch_error error = {.status = CH_OK};
    p->host = host;
    p->values = values;
    p->plan = (ch_http_plan){.url = values[OPTION_URL].text,
                             .next_url = values[OPTION_NEXT_URL].text,
                             .first_cursor = values[OPTION_FIRST_CURSOR].text,
                             .pointers = {.records = values[OPTION_RECORDS].text,
                                          .next = values[OPTION_NEXT].text,
                                          .cursor = values[OPTION_CURSOR].text},
                             .pages_most = (size_t)values[OPTION_PAGES].number,
                             .first_page = values[OPTION_FIRST_PAGE].number};
    ch_buf_init(&p->line, LINE_MOST);
    if (open_parts(p, &error) != CH_OK) {
        return refuse(p, &error);
    }
    begin_rounds(p);
    tell_address(p);
    return 0;
}

static void drop_answer(poller *p)
{
    ch_http_page_done(&p->page);
    free(p->position);
    p->position = NULL;
}

static void close_poller(void *state)
{
    poller *p = state;
    drop_answer(p);
    ch_http_client_free(p->client);
    ch_http_fields_done(&p->secret);
    ch_http_round_done(&p->round);
    ch_buf_done(&p->line);
}

/* ---- what goes wrong */

static void say(const poller *p, casehub_level level, const char *text)
{
    char line[700];
    snprintf(line, sizeof line, "%.160s: %.500s", p->name, text);
    p->host->log(p->host, level, line);
}

static void wait_until(poller *p, phase next, int64_t wait_ms)
{
    p->phase = next;
    p->due_ms = p->host->monotonic_ms(p->host) + wait_ms;
}

/* The page is asked for again; retry_after_ms is what the system asked for, -1: nothing. */
static void fail(poller *p, const char *reason, int64_t retry_after_ms)
{
    char text[500];
    int64_t most = p->values[OPTION_BACKOFF_MOST].number, wait_ms = FIRST_PAUSE_MS;
    for (unsigned i = 0; i < p->failures && wait_ms < most; i++) {
        wait_ms *= 2;
    }
    wait_ms = wait_ms < most ? wait_ms : most;
    if (retry_after_ms > wait_ms) {
        wait_ms = retry_after_ms < RETRY_AFTER_MOST_MS ? retry_after_ms : RETRY_AFTER_MOST_MS;
    }
    p->failures++;
    snprintf(text, sizeof text, "%.400s; asked again in %" PRId64 " s", reason, (wait_ms + 999) / 1000);
    say(p, CASEHUB_WARN, text);
    drop_answer(p);
    wait_until(p, WAITING, wait_ms);
}

static void fail_with(poller *p, const ch_error *error)
{
    char text[500];
    snprintf(text, sizeof text, "%s%s%s", error->where, error->where[0] == '\0' ? "" : ": ", error->text);
    fail(p, text, -1);
}

/* ---- asking */

static void ask(poller *p)
{
    char fields[OWN_FIELDS][CH_HTTP_MARK_MOST + 40];
    const char *headers[OWN_FIELDS + CH_HTTP_FIELDS_MOST];
    const ch_http_marks *marks = &p->round.at.marks;
    size_t own = 0, count = 0;
    ch_error error = {.status = CH_OK};
    ch_status status = ch_http_round_begin(&p->round, &error);
    snprintf(fields[own++], sizeof fields[0], "Accept: %s", p->values[OPTION_ACCEPT].text);
    if (p->round.conditional && marks->etag[0] != '\0') {
        snprintf(fields[own++], sizeof fields[0], "If-None-Match: %s", marks->etag);
    }
    if (p->round.conditional && marks->modified[0] != '\0') {
        snprintf(fields[own++], sizeof fields[0], "If-Modified-Since: %s", marks->modified);
    }
    for (; count < own; count++) {
        headers[count] = fields[count];
    }
    for (size_t i = 0; i < p->secret.count; i++) {
        headers[count++] = p->secret.at[i];
    }
    ch_http_round_name(&p->round, p->name);
    if (status == CH_OK) {
        const ch_http_request request = {
            .method = "GET", .url = p->round.url, .headers = headers, .header_count = count};
        status = ch_http_client_start(p->client, &request, &error);
    }
    if (status != CH_OK) {
        fail_with(p, &error);
        return;
    }
    p->phase = ASKING;
}

/* ---- an answer */

/* Is this an answer to read? Else why not. */
static bool is_whole(poller *p, const ch_http_answer *answer, char reason[300])
{
    const char *type = ch_http_client_header(p->client, "Content-Type");
    if (answer->status != CH_OK) {
        snprintf(reason, 300, "%s", answer->reason);
    } else if (answer->code != 200) {
        snprintf(reason, 300, "it is answered with %u", answer->code);
    } else if (answer->cut) {
        snprintf(reason, 300, "the answer has more than %" PRId64 " bytes (body_most)",
                 p->values[OPTION_BODY_MOST].number);
    } else if (!ch_http_type_is_listed(type == NULL ? "" : type, p->values[OPTION_ACCEPT].text)) {
        snprintf(reason, 300, "the answer is \"%.100s\", and %.100s is expected (accept)",
                 type == NULL ? "" : type, p->values[OPTION_ACCEPT].text);
    } else {
        return true;
    }
    return false;
}

static void copy_mark(const poller *p, const char *name, char out[CH_HTTP_MARK_MOST + 1])
{
    const char *value = ch_http_client_header(p->client, name);
    if (value == NULL || !ch_str_is_utf8(ch_str_of(value)) ||
        ch_str_copy(out, CH_HTTP_MARK_MOST + 1, ch_str_of(value)) != CH_OK) {
        out[0] = '\0';
    }
}

static void hash(ch_str text, unsigned char out[crypto_generichash_BYTES_MIN])
{
    crypto_generichash(out, crypto_generichash_BYTES_MIN, (const unsigned char *)text.at, text.size, NULL, 0);
}

/* Which page it is, and what it holds. */
static uint64_t identify(poller *p, ch_str body)
{
    unsigned char of_url[crypto_generichash_BYTES_MIN], of_body[crypto_generichash_BYTES_MIN];
    hash(ch_str_of(p->round.url), of_url);
    hash(body, of_body);
    sodium_bin2hex(p->identity, IDENTITY_SIZE, of_url, 8);
    p->identity[16] = ':';
    sodium_bin2hex(p->identity + 17, IDENTITY_SIZE - 17, of_body, sizeof of_body);
    return ch_get_be64(of_body);
}

static ch_status read_answer(poller *p, const ch_http_answer *answer, ch_error *error)
{
    ch_http_marks marks;
    const ch_str body = {answer->body, answer->body_size};
    copy_mark(p, "ETag", marks.etag);
    copy_mark(p, "Last-Modified", marks.modified);
    uint64_t digest = identify(p, body);
    time_t modified = marks.modified[0] == '\0' ? -1 : curl_getdate(marks.modified, NULL);
    p->time_ms = modified > 0 ? (int64_t)modified * 1000 : p->host->wall_ms(p->host);
    ch_status status = reads_json(p) ? ch_http_page_read(&p->page, body, &p->plan.pointers, error) : CH_OK;
    if (status == CH_OK) {
        status = ch_http_round_turn(&p->round, p->page.document == NULL ? NULL : &p->page, &marks, digest,
                                    &p->more, error);
        if (status == CH_INVALID) {
            ch_http_round_abandon(&p->round); /* what is there now is asked for from its first page */
        }
    }
    return status == CH_OK ? ch_http_round_position(&p->round, &p->position, error) : status;
}

static void end_round(poller *p)
{
    p->failures = 0;
    drop_answer(p);
    wait_until(p, WAITING, p->values[OPTION_INTERVAL].number);
}

static void settle_answer(poller *p, const ch_http_answer *answer)
{
    char reason[300];
    ch_error error = {.status = CH_OK};
    bool answered = answer->status == CH_OK;
    if (answered && ((answer->code == 304 && p->round.conditional) || answer->code == 204)) {
        ch_http_round_abandon(&p->round);
        end_round(p);
    } else if (!is_whole(p, answer, reason)) {
        /* A page that is gone does not come back: the list has changed since its first page told of it. */
        if (answered && answer->code >= 400 && answer->code < 500 && answer->code != 429) {
            ch_http_round_abandon(&p->round);
        }
        fail(p, reason, answer->retry_after_ms);
    } else if (read_answer(p, answer, &error) != CH_OK) {
        fail_with(p, &error);
    } else {
        p->failures = 0;
        wait_until(p, TAKING, 0);
    }
}

/* ---- taking */

static bool next_line(poller *p)
{
    size_t count = ch_http_page_count(&p->page);
    if (p->record == count) {
        return false;
    }
    size_t index = p->values[OPTION_NEWEST_FIRST].flag ? count - 1 - p->record : p->record;
    p->record++;
    p->offset = 0;
    return ch_http_page_line(&p->page, index, &p->line) == CH_OK;
}

static long read_lines(void *context, void *out, size_t most)
{
    poller *p = context;
    if (p->offset == p->line.size && !next_line(p)) {
        return p->line.failed == CH_OK ? 0 : -1;
    }
    size_t size = p->line.size - p->offset < most ? p->line.size - p->offset : most;
    memcpy(out, p->line.at + p->offset, size);
    p->offset += size;
    return (long)size;
}

static long read_body(void *context, void *out, size_t most)
{
    poller *p = context;
    const ch_http_answer *answer = ch_http_client_answer(p->client);
    size_t size = answer->body_size - p->offset < most ? answer->body_size - p->offset : most;
    memcpy(out, answer->body + p->offset, size);
    p->offset += size;
    return (long)size;
}

/* The page is in the hub. */
static void go_on(poller *p, const casehub_outcome *outcome)
{
    char text[160];
    if (outcome->records > 0) {
        snprintf(text, sizeof text, "%" PRIu64 " records, %" PRIu64 " events, %" PRIu64 " dead letters",
                 outcome->records, outcome->events, outcome->dead_letters);
        say(p, CASEHUB_INFO, text);
    }
    ch_http_round_advance(&p->round);
    if (p->more) {
        drop_answer(p);
        wait_until(p, WAITING, 0);
    } else {
        end_round(p);
    }
}

/* No record, and nothing to remember: no checkpoint moves because of it. */
static bool tells_nothing(const poller *p)
{
    return p->plan.pointers.records[0] != '\0' && ch_http_page_count(&p->page) == 0 &&
           strcmp(p->position, p->host->position(p->host)) == 0;
}

static void take(poller *p)
{
    casehub_outcome outcome = {CASEHUB_SIZED(casehub_outcome)};
    bool lines = p->plan.pointers.records[0] != '\0';
    const casehub_unit unit = {CASEHUB_SIZED(casehub_unit),
                               .name = p->name,
                               .identity = p->identity,
                               .time_ms = p->time_ms,
                               .position = p->position,
                               .read = lines ? read_lines : read_body,
                               .context = p};
    p->record = p->offset = 0;
    ch_buf_clear(&p->line);
    if (tells_nothing(p)) {
        go_on(p, &outcome);
        return;
    }
    switch (p->host->take(p->host, &unit, &outcome)) {
    case CASEHUB_DONE: go_on(p, &outcome); break;
    case CASEHUB_RETRY: wait_until(p, TAKING, RETRY_MS); break;
    case CASEHUB_REJECT: fail(p, outcome.reason, -1); break;
    }
}

/* ---- the loop */

static int poller_fd(void *state)
{
    const poller *p = state;
    return p->phase == ASKING ? ch_http_client_fd(p->client) : -1;
}

static int step_poller(void *state)
{
    poller *p = state;
    if (p->phase == ASKING) {
        int wait_ms = ch_http_client_step(p->client, p->host->wall_ms(p->host));
        const ch_http_answer *answer = ch_http_client_answer(p->client);
        if (answer == NULL) {
            return wait_ms < 0 ? CASEHUB_STEP_WAIT : wait_ms;
        }
        settle_answer(p, answer);
        return 0;
    }
    int64_t left_ms = p->due_ms - p->host->monotonic_ms(p->host);
    if (left_ms > 0) {
        return left_ms > INT_MAX ? INT_MAX : (int)left_ms;
    }
    if (p->phase == WAITING) {
        ask(p);
    } else {
        take(p);
    }
    return 0;
}

const casehub_transport ch_transport_http_poll = {
    CASEHUB_SIZED(casehub_transport),
    .name = "http_poll",
    .help = "an HTTP API that is asked now and then",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .format = "json",
    .state_size = sizeof(poller),
    .open = open_poller,
    .close = close_poller,
    .fd = poller_fd,
    .step = step_poller,
};
