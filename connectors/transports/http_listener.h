/* http_listener.h - an HTTP server around somebody's answers: libmicrohttpd on the caller's thread, polled through one
 * descriptor.
 *
 * It owns connections, heads, bodies and time; what is asked and answered it does not know. Bounded: connections, bytes
 * of a head and of a body, and the time that a client may take for a request and for reading its answer.
 */
#ifndef CH_CONNECTORS_HTTP_LISTENER_H
#define CH_CONNECTORS_HTTP_LISTENER_H

#include "connectors/sdk/casehub_connector.h"
#include "hub/base/bytes.h"

typedef struct ch_http_listener ch_http_listener;
/* One request on its way. Lives until `end`. */
typedef struct ch_http_call ch_http_call;

const char *ch_http_call_method(const ch_http_call *call);
const char *ch_http_call_path(const ch_http_call *call); /* without query, decoded */
/* A header field; NULL: there is none. */
const char *ch_http_call_header(const ch_http_call *call, const char *name);
/* What Content-Length says of the body. CH_NOT_FOUND: nothing, or the body comes in chunks. CH_INVALID: no number, or
 * several: where this request ends would be anybody's guess. */
ch_status ch_http_call_length(const ch_http_call *call, size_t *out_size) CH_MUST_CHECK;
/* Each field of the query string, decoded. Ends with the first that is not CH_OK. */
typedef ch_status (*ch_http_field_fn)(void *context, ch_str name, ch_str value);
ch_status ch_http_call_query(const ch_http_call *call, ch_http_field_fn each, void *context) CH_MUST_CHECK;
/* The whole body once `read` is called; terminated beyond its size. */
ch_str ch_http_call_body(const ch_http_call *call);

#define CH_HTTP_FIELDS_MOST 6
typedef struct ch_http_reply {
    unsigned code;
    ch_buf body; /* handed over to the listener */
    size_t field_count;
    const char *names[CH_HTTP_FIELDS_MOST], *values[CH_HTTP_FIELDS_MOST]; /* live until `reply` is over */
} ch_http_reply;
void ch_http_reply_add(ch_http_reply *reply, const char *name, const char *value);

/* Who answers. Of each request: begin; while it is not answered, read, then step until that says true; reply; end. */
typedef struct ch_http_answerer {
    void *context;
    /* The head is there. NULL: no memory, and the connection is cut. Who knows the answer already is not asked for more. */
    void *(*begin)(void *context, const ch_http_call *call);
    bool (*is_answered)(const void *work);
    /* CH_OK: the body is there. CH_TOO_LARGE, CH_NO_MEMORY: it is not. */
    void (*read)(void *work, const ch_http_call *call, ch_status status);
    /* Goes on for a moment. True: the answer is known. */
    bool (*step)(void *work);
    /* CH_NO_MEMORY: the connection is cut. */
    ch_status (*reply)(const void *work, ch_http_reply *out_reply);
    void (*end)(void *work);
} ch_http_answerer;

typedef struct ch_http_listener_options {
    const char *listen; /* numeric, IPv4 or IPv6 */
    int port;           /* 0: a free one */
    int connections_most;
    int64_t request_timeout_ms;
    size_t body_most;
} ch_http_listener_options;

/* host and answerer must outlive it. CH_INVALID (listen), CH_IO (the port), CH_NO_MEMORY. */
ch_status ch_http_listener_start(ch_http_listener **out_listener, const casehub_host *host,
                                 const ch_http_answerer *answerer, const ch_http_listener_options *options,
                                 ch_error *error) CH_MUST_CHECK;
/* NULL is fine. */
void ch_http_listener_stop(ch_http_listener *listener);
int ch_http_listener_port(const ch_http_listener *listener);
/* "http://127.0.0.1:8080" */
void ch_http_listener_address(const ch_http_listener *listener, char *out, size_t size);
/* Readable when step has something to do. */
int ch_http_listener_fd(const ch_http_listener *listener);
/* Serves what is there, for some 50 ms at most, plus one step of an answerer. Milliseconds until it wants to be called
 * again; -1: not before the descriptor is readable. */
int ch_http_listener_step(ch_http_listener *listener);

#endif
