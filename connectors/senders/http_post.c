/* http_post.c - messages to a system that takes them over HTTP, signed. */
#include "connectors/senders/http_targets.h"
#include "connectors/senders/senders.h"

#include "connectors/transports/http_client.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define ANSWER_MOST ((size_t)64 * 1024)
#define FIELDS_MOST 24
#define FIELD_MOST 2000 /* bytes of a header field */

enum {
    OPTION_URL,
    OPTION_SECRET,
    OPTION_HEADER_FILE,
    OPTION_TARGETS,
    OPTION_METHOD,
    OPTION_OK,
    OPTION_ANSWER_TYPES,
    OPTION_KNOWN,
    OPTION_HEADERS,
    OPTION_RETRY_AFTER,
    OPTION_PRIVATE,
    OPTION_CA_FILE,
    OPTION_CONNECT_TIMEOUT,
    OPTION_TIMEOUT,
    OPTION_REDIRECTS
};
static const casehub_option options[] = {
    [OPTION_URL] = {"url", CASEHUB_OPTION_TEXT, "", 0, 2000, "where messages go that name no target"},
    [OPTION_SECRET] = {"secret_file", CASEHUB_OPTION_PATH, "", 0, 900,
                       "file of keys; the first signs what goes to url"},
    [OPTION_HEADER_FILE] = {"header_file", CASEHUB_OPTION_PATH, "", 0, 900,
                            "header fields with a key for url, a line each; readable by its owner only"},
    [OPTION_TARGETS] = {"targets", CASEHUB_OPTION_PATH, "", 0, 900,
                        "CSV table target,url,secret_file,header_file: where messages go that name one"},
    [OPTION_METHOD] = {"method", CASEHUB_OPTION_TEXT, "POST", 3, 4, "POST or PUT"},
    [OPTION_OK] = {"ok", CASEHUB_OPTION_TEXTS, "", 0, 0,
                   "statuses by which the receiver says that it has it, \"201\"; default: 200 to 299"},
    [OPTION_ANSWER_TYPES] = {"answer_types", CASEHUB_OPTION_TEXT, "*/*", 1, 400,
                             "media types that such an answer has, with commas between them"},
    [OPTION_KNOWN] = {"known", CASEHUB_OPTION_TEXTS, "", 0, 0,
                      "words in a refusal by which the receiver says that it has the message already"},
    [OPTION_HEADERS] = {"headers", CASEHUB_OPTION_TEXTS, "", 0, 0,
                        "header fields that the mapping's parameters may set"},
    [OPTION_RETRY_AFTER] = {"retry_after_most", CASEHUB_OPTION_TIME, "1h", 0, 604800000,
                            "longest wait that a receiver's Retry-After may ask for"},
    [OPTION_PRIVATE] = CH_HTTP_CLIENT_OPTION_PRIVATE,
    [OPTION_CA_FILE] = CH_HTTP_CLIENT_OPTION_CA_FILE,
    [OPTION_CONNECT_TIMEOUT] = CH_HTTP_CLIENT_OPTION_CONNECT_TIMEOUT,
    [OPTION_TIMEOUT] = CH_HTTP_CLIENT_OPTION_TIMEOUT,
    [OPTION_REDIRECTS] = CH_HTTP_CLIENT_OPTION_REDIRECTS,
};

typedef struct poster {
    const casehub_host *host;
    const casehub_value *values;
    ch_http_targets targets;
    ch_http_client *client;
    bool under_way;
} poster;

/* Of one message, until it is started. */
typedef struct fields {
    size_t count;
    const char *at[FIELDS_MOST + CH_HTTP_FIELDS_MOST];
    char text[FIELDS_MOST][FIELD_MOST];
} fields;

/* ---- header fields */

static bool put_field(fields *to, const char *name, const char *value)
{
    if (to->count == FIELDS_MOST) {
        return false;
    }
    char *text = to->text[to->count];
    int size = snprintf(text, FIELD_MOST, "%s: %s", name, value);
    to->at[to->count++] = text;
    return size < FIELD_MOST && strpbrk(text, "\r\n") == NULL;
}

static bool is_allowed(const poster *p, const char *name)
{
    const casehub_value *allowed = &p->values[OPTION_HEADERS];
    for (size_t i = 0; i < allowed->text_count; i++) {
        if (strcasecmp(allowed->texts[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* NULL: all of them went in. */
static const char *put_parameters(const poster *p, fields *to, const char *parameters)
{
    const char *name, *wrong = NULL;
    json_t *value, *object = parameters == NULL ? NULL : json_loads(parameters, 0, NULL);
    json_object_foreach(object, name, value)
    {
        if (!is_allowed(p, name)) {
            wrong = "the mapping sets a header field that is not in `headers`";
        } else if (!json_is_string(value) || !put_field(to, name, json_string_value(value))) {
            wrong = "a header field of the mapping is no text of one line";
        }
    }
    json_decref(object);
    return wrong;
}

static bool put_signature(const poster *p, fields *to, const ch_http_target *target,
                          const casehub_message *message)
{
    char at[24], signature[CH_HTTP_SIGNATURE_SIZE], value[CH_HTTP_SIGNATURE_SIZE + 8];
    snprintf(at, sizeof at, "%lld", (long long)(p->host->wall_ms(p->host) / 1000));
    const ch_http_signed of = {
        .timestamp = at, .id = message->id, .body = {message->body, message->body_size}};
    ch_http_sign(target->secrets.at[0], &of, signature);
    snprintf(value, sizeof value, "sha256=%s", signature);
    return put_field(to, "X-Casehub-Timestamp", at) && put_field(to, "X-Casehub-Signature", value);
}

/* NULL, or why the message can never go. */
static const char *gather(const poster *p, fields *to, const ch_http_target *target,
                          const casehub_message *message)
{
    bool fits = put_field(to, "Content-Type", message->media_type) &&
                put_field(to, "Idempotency-Key", message->id) && put_field(to, "X-Casehub-Id", message->id) &&
                (target->secrets.count == 0 || put_signature(p, to, target, message));
    const char *wrong =
        fits ? put_parameters(p, to, message->parameters) : "its id or media type is no header field";
    for (size_t i = 0; i < target->fields.count; i++) {
        to->at[to->count++] = target->fields.at[i]; /* last: what is put has a text of that number */
    }
    return wrong;
}

/* ---- sending */

static void settle(poster *p, casehub_sent sent, const char *reason)
{
    p->host->settle(p->host, sent, reason, -1, NULL, 0);
}

static void start(poster *p, const ch_http_target *target, const casehub_message *message, const fields *of)
{
    ch_error error = {.status = CH_OK};
    const ch_http_request request = {.method = p->values[OPTION_METHOD].text,
                                     .url = target->url,
                                     .headers = of->at,
                                     .header_count = of->count,
                                     .body = message->body,
                                     .body_size = message->body_size};
    ch_status status = ch_http_client_start(p->client, &request, &error);
    p->under_way = status == CH_OK;
    if (status != CH_OK) {
        settle(p, status == CH_INVALID ? CASEHUB_UNDELIVERABLE : CASEHUB_LATER, error.text);
    }
}

static void send_message(void *state, const casehub_message *message)
{
    poster *p = state;
    fields of = {.count = 0};
    ch_error error = {.status = CH_OK};
    ch_http_target *target = ch_http_target_find(&p->targets, message->target);
    if (target == NULL) {
        settle(p, CASEHUB_UNDELIVERABLE,
               message->target == NULL ? "it names no target, and there is no url"
                                       : "its target is not in the table");
        return;
    }
    if (target->secrets.file != NULL && ch_http_secrets_refresh(&target->secrets, &error) != CH_OK) {
        settle(p, CASEHUB_LATER, "the keys to sign with cannot be read");
        return;
    }
    const char *wrong = gather(p, &of, target, message);
    if (wrong != NULL) {
        settle(p, CASEHUB_UNDELIVERABLE, wrong);
    } else {
        start(p, target, message, &of);
    }
}

/* ---- what the receiver says */

static bool is_ok(const poster *p, unsigned code)
{
    const casehub_value *listed = &p->values[OPTION_OK];
    for (size_t i = 0; i < listed->text_count; i++) {
        if (strtoul(listed->texts[i], NULL, 10) == code) {
            return true;
        }
    }
    return listed->text_count == 0 && code >= 200 && code < 300;
}

/* A page to log in, or of a proxy, is often a 200. */
static bool is_foreign(const poster *p)
{
    const char *type = ch_http_client_header(p->client, "Content-Type");
    return !ch_http_type_is_listed(type == NULL ? "" : type, p->values[OPTION_ANSWER_TYPES].text);
}

/* A receiver without ids of messages may refuse one that it was sent twice: then it has it. */
static bool is_known(const poster *p, const ch_http_answer *answer)
{
    const casehub_value *words = &p->values[OPTION_KNOWN];
    bool found = false;
    for (size_t i = 0; answer->code >= 400 && answer->code < 500 && i < words->text_count; i++) {
        found = found || strstr(answer->body, words->texts[i]) != NULL;
    }
    return found;
}

static bool is_temporary(unsigned code)
{
    return code == 408 || code == 425 || code == 429 || code >= 500;
}

static void settle_answer(poster *p, const ch_http_answer *answer)
{
    char reason[300];
    int64_t most = p->values[OPTION_RETRY_AFTER].number;
    int64_t wait_ms = answer->retry_after_ms > most ? most : answer->retry_after_ms;
    if (answer->status == CH_OK && is_ok(p, answer->code) && is_foreign(p)) {
        settle(p, CASEHUB_LATER, "the answer has another media type than answer_types");
    } else if (answer->status == CH_OK && (is_ok(p, answer->code) || is_known(p, answer))) {
        p->host->settle(p->host, CASEHUB_SENT, NULL, -1, answer->body, answer->body_size);
    } else if (answer->status == CH_OK) {
        snprintf(reason, sizeof reason, "the receiver answered with status %u", answer->code);
        p->host->settle(p->host, is_temporary(answer->code) ? CASEHUB_LATER : CASEHUB_UNDELIVERABLE, reason,
                        wait_ms, NULL, 0);
    } else {
        /* An address that may not be asked, a certificate that ran out: somebody will put that right. A redirect is an
         * answer, and comes again as it is. */
        settle(p, answer->status == CH_REFUSED ? CASEHUB_UNDELIVERABLE : CASEHUB_LATER, answer->reason);
    }
}

static int step(void *state)
{
    poster *p = state;
    int wait_ms = ch_http_client_step(p->client, p->host->wall_ms(p->host));
    const ch_http_answer *answer = p->under_way ? ch_http_client_answer(p->client) : NULL;
    if (answer != NULL) {
        p->under_way = false;
        settle_answer(p, answer);
        return 0; /* the next message may have come from within */
    }
    return wait_ms;
}

/* ---- open and close */

static bool is_status(const char *text)
{
    return strlen(text) == 3 && strspn(text, "0123456789") == 3 && text[0] >= '1' && text[0] <= '5';
}

static const char *const own_fields[] = {
    "Host",         "Content-Length",  "Transfer-Encoding",   "Connection",         "Content-Type",
    "X-Casehub-Id", "Idempotency-Key", "X-Casehub-Timestamp", "X-Casehub-Signature"};

static ch_status check_values(const casehub_value *values, ch_error *error)
{
    const char *method = values[OPTION_METHOD].text;
    if (strcmp(method, "POST") != 0 && strcmp(method, "PUT") != 0) {
        return ch_error_set(error, CH_INVALID, "http_post.method", "POST or PUT is expected");
    }
    for (size_t i = 0; i < values[OPTION_OK].text_count; i++) {
        if (!is_status(values[OPTION_OK].texts[i])) {
            return ch_error_set(error, CH_INVALID, "http_post.ok", "\"%s\" is no status",
                                values[OPTION_OK].texts[i]);
        }
    }
    for (size_t i = 0; i < values[OPTION_KNOWN].text_count; i++) {
        if (values[OPTION_KNOWN].texts[i][0] == '\0') {
            return ch_error_set(error, CH_INVALID, "http_post.known", "empty words stand in every answer");
        }
    }
    for (size_t i = 0; i < values[OPTION_HEADERS].text_count; i++) {
        for (size_t k = 0; k < sizeof own_fields / sizeof *own_fields; k++) {
            if (strcasecmp(values[OPTION_HEADERS].texts[i], own_fields[k]) == 0) {
                return ch_error_set(error, CH_INVALID, "http_post.headers", "%s is set here", own_fields[k]);
            }
        }
    }
    return CH_OK;
}

/* A field is set in one place only: which of two counts, every receiver sees in its own way. */
static ch_status check_fields(const ch_http_fields *secret, const casehub_value *headers, ch_error *error)
{
    for (size_t k = 0; k < sizeof own_fields / sizeof *own_fields; k++) {
        if (ch_http_fields_hold(secret, own_fields[k])) {
            return ch_error_set(error, CH_INVALID, "http_post.header_file", "%s is set here", own_fields[k]);
        }
    }
    for (size_t i = 0; i < headers->text_count; i++) {
        if (ch_http_fields_hold(secret, headers->texts[i])) {
            return ch_error_set(error, CH_INVALID, "http_post.headers", "%s stands in a header_file",
                                headers->texts[i]);
        }
    }
    return CH_OK;
}

static ch_status open_targets(ch_http_targets *targets, const casehub_value *values, ch_error *error)
{
    const ch_http_target_entry entry = {.place = "http_post.url",
                                        .name = "",
                                        .url = values[OPTION_URL].text,
                                        .secret_file = values[OPTION_SECRET].text,
                                        .header_file = values[OPTION_HEADER_FILE].text};
    const char *table = values[OPTION_TARGETS].text;
    ch_status status = CH_OK;
    if (entry.url[0] == '\0' && table[0] == '\0') {
        return ch_error_set(error, CH_INVALID, "http_post", "url or targets is needed");
    }
    if (entry.url[0] != '\0') {
        status = ch_http_targets_add(targets, &entry, error);
    }
    if (status == CH_OK && table[0] != '\0') {
        status = ch_http_targets_read(targets, table, error);
    }
    for (size_t i = 0; i < targets->count && status == CH_OK; i++) {
        status = check_fields(&targets->at[i].fields, &values[OPTION_HEADERS], error);
    }
    return status;
}

/* The URL without its query, which may hold a key: everybody who may list connectors sees it. */
static void tell_address(const poster *p)
{
    char text[2001];
    const char *url = p->values[OPTION_URL].text;
    snprintf(text, sizeof text, "%s", url[0] == '\0' ? p->values[OPTION_TARGETS].text : url);
    if (url[0] != '\0') {
        text[strcspn(text, "?#")] = '\0';
    }
    p->host->set_address(p->host, text);
}

static int open_poster(void *state, const casehub_host *host, const casehub_value *values)
{
    poster *p = state;
    ch_error error = {.status = CH_OK};
    char text[500];
    const ch_http_client_options client = {.private_addresses = values[OPTION_PRIVATE].flag,
                                           .ca_file = values[OPTION_CA_FILE].text,
                                           .connect_timeout_ms = values[OPTION_CONNECT_TIMEOUT].number,
                                           .timeout_ms = values[OPTION_TIMEOUT].number,
                                           .redirects_most = (int)values[OPTION_REDIRECTS].number,
                                           .answer_most = ANSWER_MOST};
    p->host = host;
    p->values = values;
    ch_status status = check_values(values, &error);
    if (status == CH_OK) {
        status = open_targets(&p->targets, values, &error);
    }
    if (status == CH_OK) {
        status = ch_http_client_new(&p->client, &client, &error);
    }
    if (status == CH_OK) {
        tell_address(p);
        return 0;
    }
    snprintf(text, sizeof text, "%s: %s", error.where, error.text);
    host->fail(host, text);
    return -1;
}

static void close_poster(void *state)
{
    poster *p = state;
    ch_http_client_free(p->client);
    ch_http_targets_done(&p->targets);
}

static int poster_fd(void *state)
{
    return ch_http_client_fd(((poster *)state)->client);
}

const casehub_sender ch_sender_http_post = {
    CASEHUB_SIZED(casehub_sender),
    .name = "http_post",
    .help = "messages to a system that takes them over HTTP, signed",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .writer = "json",
    .state_size = sizeof(poster),
    .open = open_poster,
    .close = close_poster,
    .fd = poster_fd,
    .step = step,
    .send = send_message,
};
