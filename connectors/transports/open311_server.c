#include "connectors/transports/open311_server.h"

#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define RETRY_AFTER "5"

struct ch_open311_server {
    ch_open311_site *site;
    ch_http_answerer answerer;
    ch_http_listener *listener;
};

/* ---- the head */

static bool is_form(const char *content_type)
{
    static const char form[] = "application/x-www-form-urlencoded";
    if (content_type == NULL || strncasecmp(content_type, form, strlen(form)) != 0) {
        return false;
    }
    const char *rest = content_type + strlen(form), *charset = strcasestr(rest, "charset=");
    return (*rest == '\0' || *rest == ';' || *rest == ' ') &&
           (charset == NULL || strcasestr(charset, "utf-8") != NULL);
}

static void check_head(ch_open311_visit *visit, const ch_http_call *call)
{
    const char *key = ch_http_call_header(call, "Idempotency-Key");
    size_t length = 0;
    ch_status status = ch_http_call_length(call, &length);
    if (status == CH_NOT_FOUND) {
        ch_open311_visit_refuse(visit, MHD_HTTP_LENGTH_REQUIRED, "Content-Length: it is missing");
    } else if (status != CH_OK) {
        ch_open311_visit_refuse(visit, MHD_HTTP_BAD_REQUEST, "Content-Length: one number is expected");
    } else if (length > CH_FORM_BYTES_MOST) {
        ch_open311_visit_refuse(visit, MHD_HTTP_CONTENT_TOO_LARGE, "a form has at most 65536 bytes");
    } else if (!is_form(ch_http_call_header(call, MHD_HTTP_HEADER_CONTENT_TYPE))) {
        ch_open311_visit_refuse(visit, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE,
                                "Content-Type: application/x-www-form-urlencoded in UTF-8 is expected");
    }
    if (key != NULL && key[0] != '\0') {
        ch_open311_visit_set_idempotency_key(visit, key);
    }
}

static ch_open311_method method_of(const char *name)
{
    return strcmp(name, MHD_HTTP_METHOD_GET) == 0 || strcmp(name, MHD_HTTP_METHOD_HEAD) == 0 ? CH_OPEN311_GET
           : strcmp(name, MHD_HTTP_METHOD_POST) == 0                                         ? CH_OPEN311_POST
                                                     : CH_OPEN311_OTHER;
}

static void *begin(void *context, const ch_http_call *call)
{
    const ch_open311_server *server = context;
    ch_open311_method method = method_of(ch_http_call_method(call));
    ch_open311_visit *visit = ch_open311_visit_new(server->site, method, ch_http_call_path(call),
                                                   ch_http_call_header(call, MHD_HTTP_HEADER_ACCEPT));
    if (visit != NULL && server->site->paused) {
        ch_open311_visit_refuse(visit, MHD_HTTP_SERVICE_UNAVAILABLE, "an operator has paused this connector");
    }
    if (visit != NULL && method == CH_OPEN311_POST) {
        check_head(visit, call);
    }
    return visit;
}

/* ---- the fields */

typedef struct field_reading {
    ch_open311_visit *visit;
    ch_error error;
} field_reading;

static ch_status take_field(void *context, ch_str name, ch_str value)
{
    field_reading *reading = context;
    return ch_form_add(ch_open311_visit_form(reading->visit), name, value, &reading->error);
}

static void read_fields(void *work, const ch_http_call *call, ch_status status)
{
    field_reading reading = {.visit = work, .error = {.status = CH_OK}};
    char why[500];
    if (status == CH_OK) {
        status = ch_http_call_query(call, take_field, &reading);
    }
    if (status == CH_OK) {
        status = ch_form_parse(ch_open311_visit_form(work), ch_http_call_body(call), &reading.error);
    }
    if (status != CH_OK) {
        snprintf(why, sizeof why, "%s%s%s", reading.error.where, reading.error.where[0] == '\0' ? "" : ": ",
                 reading.error.text);
        ch_open311_visit_refuse(work, status == CH_NO_MEMORY ? 500 : MHD_HTTP_BAD_REQUEST, why);
    }
}

/* ---- the answer */

static bool is_answered(const void *work)
{
    return ch_open311_visit_answer(work)->code != 0;
}

static bool step(void *work)
{
    return ch_open311_visit_step(work);
}

static ch_status reply_with(const void *work, ch_http_reply *out_reply)
{
    const ch_open311_answer *answer = ch_open311_visit_answer(work);
    ch_open311_format format = ch_open311_visit_format(work);
    out_reply->code = answer->code;
    ch_http_reply_add(out_reply, MHD_HTTP_HEADER_CONTENT_TYPE, ch_open311_content_type(format));
    if (answer->allow != NULL) {
        ch_http_reply_add(out_reply, MHD_HTTP_HEADER_ALLOW, answer->allow);
    }
    if (answer->code == MHD_HTTP_SERVICE_UNAVAILABLE) {
        ch_http_reply_add(out_reply, MHD_HTTP_HEADER_RETRY_AFTER, RETRY_AFTER);
        if (answer->key[0] != '\0') {
            ch_http_reply_add(out_reply, "Idempotency-Key", answer->key);
        }
    }
    return ch_open311_render(&out_reply->body, answer->document, answer->root, format);
}

static void end(void *work)
{
    ch_open311_visit_free(work);
}

/* ---- */

ch_status ch_open311_server_start(ch_open311_server **out_server, ch_open311_site *site,
                                  const ch_http_listener_options *options, ch_error *error)
{
    ch_open311_server *server = calloc(1, sizeof *server);
    ch_http_listener_options own = *options;
    if (server == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, "open311", "no memory");
    }
    own.body_most = CH_FORM_BYTES_MOST;
    server->site = site;
    server->answerer = (ch_http_answerer){.context = server,
                                          .begin = begin,
                                          .is_answered = is_answered,
                                          .read = read_fields,
                                          .step = step,
                                          .reply = reply_with,
                                          .end = end};
    ch_status status = ch_http_listener_start(&server->listener, site->host, &server->answerer, &own, error);
    if (status != CH_OK) {
        free(server);
        return status;
    }
    *out_server = server;
    return CH_OK;
}

void ch_open311_server_stop(ch_open311_server *server)
{
    if (server != NULL) {
        ch_http_listener_stop(server->listener);
        free(server);
    }
}

const ch_http_listener *ch_open311_server_listener(const ch_open311_server *server)
{
    return server->listener;
}

int ch_open311_server_step(ch_open311_server *server)
{
    return ch_http_listener_step(server->listener);
}
