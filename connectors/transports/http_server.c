/* http_server.c - records that others post over HTTP: webhooks, forms, gateways. */
#include "connectors/transports/http_inbox.h"
#include "connectors/transports/transports.h"

#include <stdio.h>
#include <string.h>

enum {
    OPTION_LISTEN,
    OPTION_PORT,
    OPTION_PATH,
    OPTION_PUT,
    OPTION_REPLY,
    OPTION_CONTENT_TYPES,
    OPTION_BEARER,
    OPTION_SECRETS,
    OPTION_ANONYMOUS,
    OPTION_SIGNATURE_HEADER,
    OPTION_SIGNATURE_PREFIX,
    OPTION_TIMESTAMP_HEADER,
    OPTION_ID_HEADER,
    OPTION_WINDOW,
    OPTION_BODY,
    OPTION_BODIES,
    OPTION_CONNECTIONS,
    OPTION_TIMEOUT
};
#define GIB ((int64_t)1024 * 1024 * 1024)
static const casehub_option options[] = {
    [OPTION_LISTEN] = {"listen", CASEHUB_OPTION_TEXT, "127.0.0.1", 1, 60, "numeric address to listen on"},
    [OPTION_PORT] = {"port", CASEHUB_OPTION_INT, "0", 0, 65535, "port to listen on; 0: a free one"},
    [OPTION_PATH] = {"path", CASEHUB_OPTION_TEXT, "/", 1, 200, "the one page that is there"},
    [OPTION_PUT] = {"put", CASEHUB_OPTION_BOOL, "false", 0, 0, "PUT is taken as POST is"},
    [OPTION_REPLY] =
        {"reply", CASEHUB_OPTION_TEXT, "event", 1, 10,
         "\"event\": a body is one record, refused if it fails; \"batch\": any number, and what fails "
         "becomes a dead letter"},
    [OPTION_CONTENT_TYPES] = {"content_types", CASEHUB_OPTION_TEXTS, "", 0, 0,
                              "media types that are taken, \"application/json\"; default: any"},
    [OPTION_BEARER] = {"bearer_file", CASEHUB_OPTION_PATH, "", 0, 900,
                       "file of the tokens that are let in, one a line"},
    [OPTION_SECRETS] = {"secrets_file", CASEHUB_OPTION_PATH, "", 0, 900,
                        "file of the keys that bodies are signed with, one a line"},
    [OPTION_ANONYMOUS] = {"anonymous", CASEHUB_OPTION_BOOL, "false", 0, 0,
                          "anybody who gets here may post; needed when there is neither file"},
    [OPTION_SIGNATURE_HEADER] = {"signature_header", CASEHUB_OPTION_TEXT, "X-Casehub-Signature", 1, 100,
                                 "header field of the signature: HMAC-SHA256 in hexadecimal"},
    [OPTION_SIGNATURE_PREFIX] = {"signature_prefix", CASEHUB_OPTION_TEXT, "sha256=", 0, 40,
                                 "what stands before it"},
    [OPTION_TIMESTAMP_HEADER] =
        {"timestamp_header", CASEHUB_OPTION_TEXT, "X-Casehub-Timestamp", 0, 100,
         "header field of the time in seconds, signed as \"time.body\"; \"\": the body alone"},
    [OPTION_ID_HEADER] =
        {"id_header", CASEHUB_OPTION_TEXT, "", 0, 100,
         "header field of an id, without a dot, that is signed before the body, \"time.id.body\""},
    [OPTION_WINDOW] = {"window", CASEHUB_OPTION_TIME, "5m", 1000, 86400000,
                       "how far the time of a signature may be from now"},
    [OPTION_BODY] = {"body_most", CASEHUB_OPTION_SIZE, "1MiB", 1, GIB, "bytes of one body"},
    [OPTION_BODIES] = {"bodies_most", CASEHUB_OPTION_SIZE, "64MiB", 1, 16 * GIB,
                       "bytes of all bodies that are being read; beyond it: 503"},
    [OPTION_CONNECTIONS] = {"connections", CASEHUB_OPTION_INT, "128", 1, 4096, "connections at a time"},
    [OPTION_TIMEOUT] = {"request_timeout", CASEHUB_OPTION_TIME, "15s", 1000, 600000,
                        "how long a client may take to send a request, and to read its answer"},
};

typedef struct server {
    const casehub_host *host;
    ch_http_inbox inbox;
    ch_http_answerer answerer;
    ch_http_listener *listener;
} server;

static ch_status open_gate(ch_http_gate *gate, const casehub_value *values, ch_error *error)
{
    const char *bearer = values[OPTION_BEARER].text, *secrets = values[OPTION_SECRETS].text;
    ch_status status = CH_OK;
    gate->signature_header = values[OPTION_SIGNATURE_HEADER].text;
    gate->prefix = values[OPTION_SIGNATURE_PREFIX].text;
    gate->timestamp_header = values[OPTION_TIMESTAMP_HEADER].text;
    gate->id_header = values[OPTION_ID_HEADER].text;
    gate->window_ms = values[OPTION_WINDOW].number;
    if (bearer[0] == '\0' && secrets[0] == '\0' && !values[OPTION_ANONYMOUS].flag) {
        return ch_error_set(error, CH_INVALID, "http_server",
                            "bearer_file or secrets_file is needed, or anonymous = true");
    }
    if (bearer[0] != '\0') {
        status = ch_http_secrets_open(&gate->tokens, bearer, error);
        gate->bearer = true;
    }
    if (status == CH_OK && secrets[0] != '\0') {
        status = ch_http_secrets_open(&gate->keys, secrets, error);
        gate->signature = true;
    }
    return status;
}

static ch_status open_inbox(server *s, const casehub_value *values, ch_error *error)
{
    const char *reply = values[OPTION_REPLY].text;
    s->inbox.host = s->host;
    s->inbox.path = values[OPTION_PATH].text;
    s->inbox.put = values[OPTION_PUT].flag;
    s->inbox.batch = strcmp(reply, "batch") == 0;
    s->inbox.content_types = values[OPTION_CONTENT_TYPES].texts;
    s->inbox.content_type_count = values[OPTION_CONTENT_TYPES].text_count;
    s->inbox.body_most = (size_t)values[OPTION_BODY].number;
    s->inbox.bodies_most = (size_t)values[OPTION_BODIES].number;
    if (!s->inbox.batch && strcmp(reply, "event") != 0) {
        return ch_error_set(error, CH_INVALID, "http_server.reply", "\"event\" or \"batch\" is expected");
    }
    if (s->inbox.path[0] != '/') {
        return ch_error_set(error, CH_INVALID, "http_server.path", "it begins with a slash");
    }
    if (s->inbox.bodies_most < s->inbox.body_most) {
        return ch_error_set(error, CH_INVALID, "http_server.bodies_most", "it is less than body_most");
    }
    return open_gate(&s->inbox.gate, values, error);
}

static ch_status start(server *s, const casehub_value *values, ch_error *error)
{
    const ch_http_listener_options listener = {.listen = values[OPTION_LISTEN].text,
                                               .port = (int)values[OPTION_PORT].number,
                                               .connections_most = (int)values[OPTION_CONNECTIONS].number,
                                               .request_timeout_ms = values[OPTION_TIMEOUT].number,
                                               .body_most = s->inbox.body_most};
    char address[400];
    ch_status status = ch_http_listener_start(&s->listener, s->host, &s->answerer, &listener, error);
    if (status == CH_OK) {
        ch_http_listener_address(s->listener, address, sizeof address);
        snprintf(address + strlen(address), sizeof address - strlen(address), "%s", s->inbox.path);
        s->host->set_address(s->host, address);
    }
    return status;
}

static int open_server(void *state, const casehub_host *host, const casehub_value *values)
{
    server *s = state;
    ch_error error = {.status = CH_OK};
    char text[500];
    s->host = host;
    s->answerer = ch_http_inbox_answerer(&s->inbox);
    ch_status status = open_inbox(s, values, &error);
    if (status == CH_OK) {
        status = start(s, values, &error);
    }
    if (status == CH_OK) {
        return 0;
    }
    snprintf(text, sizeof text, "%s: %s", error.where, error.text);
    host->fail(host, text);
    return -1;
}

static void close_server(void *state)
{
    server *s = state;
    ch_http_listener_stop(s->listener);
    ch_http_secrets_done(&s->inbox.gate.tokens);
    ch_http_secrets_done(&s->inbox.gate.keys);
}

static int server_fd(void *state)
{
    return ch_http_listener_fd(((server *)state)->listener);
}

static int step_server(void *state)
{
    server *s = state;
    s->inbox.paused = false;
    return ch_http_listener_step(s->listener);
}

static int step_paused(void *state)
{
    server *s = state;
    s->inbox.paused = true;
    return ch_http_listener_step(s->listener);
}

const casehub_transport ch_transport_http_server = {
    CASEHUB_SIZED(casehub_transport),
    .name = "http_server",
    .help = "records that others post over HTTP",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .format = "json",
    .state_size = sizeof(server),
    .open = open_server,
    .close = close_server,
    .fd = server_fd,
    .step = step_server,
    .step_paused = step_paused,
};
