#include "connectors/transports/http_inbox.h"

#include <inttypes.h>
#include <jansson.h>
#include <microhttpd.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define COMPLAIN_EVERY_MS 60000
#define RETRY_AFTER "5"

/* One request. */
typedef struct visit {
    ch_http_inbox *inbox;
    unsigned code; /* 0: not known yet */
    json_t *answer;
    size_t held;
} visit;

/* ---- answers */

static void answer(visit *v, unsigned code, json_t *document)
{
    v->code = code;
    v->answer = document;
}

static void refuse(visit *v, unsigned code, const char *error, const char *where, const char *reason)
{
    answer(v, code, json_pack("{s:s, s:s, s:s}", "error", error, "where", where, "reason", reason));
}

/* One line a minute, whoever knocks how often. */
static void complain(ch_http_inbox *inbox, const char *reason, const char *more)
{
    const casehub_host *host = inbox->host;
    char text[700];
    inbox->refused++;
    if (host->monotonic_ms(host) >= inbox->complain_at_ms) {
        inbox->complain_at_ms = host->monotonic_ms(host) + COMPLAIN_EVERY_MS;
        snprintf(text, sizeof text, "%" PRIu64 " request(s) were not let in, the last: %s%s", inbox->refused,
                 reason, more);
        host->log(host, CASEHUB_WARN, text);
        inbox->refused = 0;
    }
}

/* ---- the head */

static bool is_accepted_type(const ch_http_inbox *inbox, const char *given)
{
    size_t size = given == NULL ? 0 : strcspn(given, "; \t");
    bool found = inbox->content_type_count == 0;
    for (size_t i = 0; i < inbox->content_type_count; i++) {
        const char *type = inbox->content_types[i];
        found |= size == strlen(type) && strncasecmp(given, type, size) == 0;
    }
    return found;
}

static bool is_method(const ch_http_inbox *inbox, const char *method)
{
    return strcmp(method, MHD_HTTP_METHOD_POST) == 0 ||
           (inbox->put && strcmp(method, MHD_HTTP_METHOD_PUT) == 0);
}

static void check_body_head(visit *v, const ch_http_call *call)
{
    ch_http_inbox *inbox = v->inbox;
    const char *encoding = ch_http_call_header(call, MHD_HTTP_HEADER_CONTENT_ENCODING);
    char text[80];
    size_t length = 0;
    ch_status status = ch_http_call_length(call, &length);
    if (status == CH_NOT_FOUND) {
        refuse(v, MHD_HTTP_LENGTH_REQUIRED, "invalid", "Content-Length", "it is missing");
    } else if (status != CH_OK) {
        refuse(v, MHD_HTTP_BAD_REQUEST, "invalid", "Content-Length", "one number is expected");
    } else if (length > inbox->body_most) {
        snprintf(text, sizeof text, "a body has at most %zu bytes", inbox->body_most);
        refuse(v, MHD_HTTP_CONTENT_TOO_LARGE, "too-large", "", text);
    } else if (encoding != NULL && strcasecmp(encoding, "identity") != 0) {
        refuse(v, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE, "unsupported", MHD_HTTP_HEADER_CONTENT_ENCODING,
               "the body must come as it is");
    } else if (!is_accepted_type(inbox, ch_http_call_header(call, MHD_HTTP_HEADER_CONTENT_TYPE))) {
        refuse(v, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE, "unsupported", MHD_HTTP_HEADER_CONTENT_TYPE,
               "it is none of those that are taken here");
    } else if (length > inbox->bodies_most - inbox->held) {
        refuse(v, MHD_HTTP_SERVICE_UNAVAILABLE, "busy", "", "too much is being sent at the moment");
    } else {
        v->held = length;
        inbox->held += length;
    }
}

static void check_head(visit *v, const ch_http_call *call)
{
    ch_http_inbox *inbox = v->inbox;
    const casehub_host *host = inbox->host;
    ch_http_refusal refusal;
    ch_error error = {.status = CH_OK};
    if (strcmp(ch_http_call_path(call), inbox->path) != 0) {
        refuse(v, MHD_HTTP_NOT_FOUND, "not-found", "", "there is no such page");
    } else if (!is_method(inbox, ch_http_call_method(call))) {
        refuse(v, MHD_HTTP_METHOD_NOT_ALLOWED, "unsupported", "", "this page does not know that method");
    } else if (!ch_http_gate_admits(&inbox->gate, call, host->wall_ms(host), &refusal, &error)) {
        complain(inbox, refusal.reason, error.text);
        refuse(v, refusal.code, refusal.code == MHD_HTTP_SERVICE_UNAVAILABLE ? "unavailable" : "denied", "",
               refusal.reason);
    } else if (inbox->paused) {
        refuse(v, MHD_HTTP_SERVICE_UNAVAILABLE, "unavailable", "", "an operator has paused this connector");
    } else {
        check_body_head(v, call);
    }
}

static void *begin(void *context, const ch_http_call *call)
{
    visit *v = calloc(1, sizeof *v);
    if (v != NULL) {
        v->inbox = context;
        check_head(v, call);
    }
    return v;
}

/* ---- the body */

static long read_body(void *context, void *out, size_t most)
{
    ch_str *left = context;
    size_t size = left->size < most ? left->size : most;
    memcpy(out, left->at, size);
    *left = (ch_str){left->at + size, left->size - size};
    return (long)size;
}

static unsigned code_of(const char *name)
{
    ch_status status;
    if (ch_status_from_name(name, &status) != CH_OK) {
        return MHD_HTTP_INTERNAL_SERVER_ERROR;
    }
    return status == CH_CONFLICT    ? MHD_HTTP_CONFLICT
           : status == CH_TOO_LARGE ? MHD_HTTP_CONTENT_TOO_LARGE
           : status == CH_INVALID || status == CH_NOT_FOUND || status == CH_REFUSED
               ? MHD_HTTP_BAD_REQUEST
               : MHD_HTTP_INTERNAL_SERVER_ERROR;
}

static void answer_rejected(visit *v, const casehub_outcome *outcome)
{
    const casehub_host *host = v->inbox->host;
    char text[600];
    unsigned code = code_of(outcome->code);
    if (code != MHD_HTTP_INTERNAL_SERVER_ERROR) {
        refuse(v, code, outcome->code, outcome->place, outcome->reason);
        return;
    }
    snprintf(text, sizeof text, "a request was not taken: %s: %s (%s)", outcome->place, outcome->reason,
             outcome->code);
    host->log(host, CASEHUB_ERROR, text);
    refuse(v, code, outcome->code, "", "the hub does not take it from this connector");
}

static void answer_done(visit *v, const casehub_outcome *outcome)
{
    json_t *document;
    if (!v->inbox->batch) {
        document = outcome->events == 0
                       ? json_pack("{s:i}", "events", 0)
                       : json_pack("{s:s, s:I, s:i, s:b, s:I}", "case", outcome->case_id, "sequence",
                                   (json_int_t)outcome->sequence, "caseversion", (int)outcome->case_version,
                                   "duplicate", outcome->duplicate, "events", (json_int_t)outcome->events);
    } else {
        document = json_pack("{s:I, s:I, s:I}", "records", (json_int_t)outcome->records, "events",
                             (json_int_t)outcome->events, "dead_letters", (json_int_t)outcome->dead_letters);
    }
    if (document != NULL && outcome->dead_letters > 0) {
        json_object_set_new(document, "error", json_string(outcome->code));
        json_object_set_new(document, "where", json_string(outcome->place));
        json_object_set_new(document, "reason", json_string(outcome->reason));
    }
    answer(v, MHD_HTTP_OK, document);
}

static void take(visit *v, ch_str body, int64_t signed_ms)
{
    const casehub_host *host = v->inbox->host;
    casehub_outcome outcome = {CASEHUB_SIZED(casehub_outcome)};
    unsigned char hash[16];
    char identity[2 * sizeof hash + 1];
    crypto_generichash(hash, sizeof hash, (const unsigned char *)body.at, body.size, NULL, 0);
    sodium_bin2hex(identity, sizeof identity, hash, sizeof hash);
    const casehub_unit unit = {CASEHUB_SIZED(casehub_unit),
                               .name = "request",
                               .identity = identity,
                               .time_ms = signed_ms > 0 ? signed_ms : host->wall_ms(host),
                               .answered = !v->inbox->batch,
                               .read = read_body,
                               .context = &body};
    switch (host->take(host, &unit, &outcome)) {
    case CASEHUB_DONE: answer_done(v, &outcome); break;
    case CASEHUB_RETRY:
        refuse(v, MHD_HTTP_SERVICE_UNAVAILABLE, "unavailable", "",
               "the hub did not answer in time: send it again");
        break;
    case CASEHUB_REJECT: answer_rejected(v, &outcome); break;
    }
}

static void read_request(void *work, const ch_http_call *call, ch_status status)
{
    visit *v = work;
    const casehub_host *host = v->inbox->host;
    ch_http_refusal refusal;
    if (status != CH_OK) {
        refuse(v, MHD_HTTP_SERVICE_UNAVAILABLE, "no-memory", "", "no memory for the body");
    } else if (!ch_http_gate_admits_body(&v->inbox->gate, call, &refusal)) {
        complain(v->inbox, refusal.reason, "");
        refuse(v, refusal.code, "denied", "", refusal.reason);
    } else if (!host->connected(host)) {
        refuse(v, MHD_HTTP_SERVICE_UNAVAILABLE, "unavailable", "", "the hub is away");
    } else {
        take(v, ch_http_call_body(call), ch_http_gate_time_ms(&v->inbox->gate, call));
    }
}

/* ---- */

static bool is_answered(const void *work)
{
    return ((const visit *)work)->code != 0;
}

static bool step(void *work)
{
    return is_answered(work);
}

static ch_status reply(const void *work, ch_http_reply *out_reply)
{
    const visit *v = work;
    char *text = v->answer == NULL ? NULL : json_dumps(v->answer, JSON_COMPACT);
    if (text == NULL) {
        return CH_NO_MEMORY;
    }
    out_reply->code = v->code;
    ch_buf_append_format(&out_reply->body, "%s\n", text);
    free(text);
    ch_http_reply_add(out_reply, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
    if (v->code == MHD_HTTP_SERVICE_UNAVAILABLE) {
        ch_http_reply_add(out_reply, MHD_HTTP_HEADER_RETRY_AFTER, RETRY_AFTER);
    } else if (v->code == MHD_HTTP_UNAUTHORIZED && v->inbox->gate.bearer) {
        ch_http_reply_add(out_reply, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
    } else if (v->code == MHD_HTTP_METHOD_NOT_ALLOWED) {
        ch_http_reply_add(out_reply, MHD_HTTP_HEADER_ALLOW, v->inbox->put ? "POST, PUT" : "POST");
    }
    return out_reply->body.failed;
}

static void end(void *work)
{
    visit *v = work;
    v->inbox->held -= v->held;
    json_decref(v->answer);
    free(v);
}

ch_http_answerer ch_http_inbox_answerer(ch_http_inbox *inbox)
{
    return (ch_http_answerer){.context = inbox,
                              .begin = begin,
                              .is_answered = is_answered,
                              .read = read_request,
                              .step = step,
                              .reply = reply,
                              .end = end};
}
