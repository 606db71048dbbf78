/* http_client.h - HTTP requests of a connector, one at a time: libcurl on the caller's thread, polled through one
 * descriptor.
 *
 * http and https only, certificates are checked, no proxy and no credentials of the environment are used. Addresses are
 * judged when they are connected to (http_address.h), so a name that changes its mind gains nothing. Redirects stay on
 * scheme, host and port, and keep the method; no cookies. What is kept of an answer is bounded. One thread.
 */
#ifndef CH_CONNECTORS_HTTP_CLIENT_H
#define CH_CONNECTORS_HTTP_CLIENT_H

#include "connectors/sdk/casehub_connector.h"
#include "hub/base/bytes.h"

/* The options that whoever uses a client has, for its own table; their order is its own. */
#define CH_HTTP_CLIENT_OPTION_PRIVATE                                                                        \
    {                                                                                                        \
        "private", CASEHUB_OPTION_BOOL, "false", 0, 0,                                                       \
            "addresses of this machine and of private networks may be asked"                                 \
    }
#define CH_HTTP_CLIENT_OPTION_CA_FILE                                                                        \
    {                                                                                                        \
        "ca_file", CASEHUB_OPTION_PATH, "", 0, 900,                                                          \
            "PEM file of the authorities to trust; default: the system's"                                    \
    }
#define CH_HTTP_CLIENT_OPTION_CONNECT_TIMEOUT                                                                \
    {                                                                                                        \
        "connect_timeout", CASEHUB_OPTION_TIME, "10s", 10, 600000, "how long connecting may take"            \
    }
#define CH_HTTP_CLIENT_OPTION_TIMEOUT                                                                        \
    {                                                                                                        \
        "timeout", CASEHUB_OPTION_TIME, "30s", 10, 3600000,                                                  \
            "how long a request may take from its start to the last byte"                                    \
    }
#define CH_HTTP_CLIENT_OPTION_REDIRECTS                                                                      \
    {                                                                                                        \
        "redirects", CASEHUB_OPTION_INT, "0", 0, 10, "redirects that are followed, on the same host only"    \
    }

typedef struct ch_http_client_options {
    bool private_addresses;
    const char *ca_file; /* "": the system's */
    int64_t connect_timeout_ms, timeout_ms;
    int redirects_most;
    size_t answer_most; /* bytes that are kept of an answer's body, counted when it is unpacked */
    bool compressed;    /* the answer may come compressed */
} ch_http_client_options;

typedef struct ch_http_request {
    const char *method, *url;
    const char *const *headers; /* "Name: value" */
    size_t header_count;
    const void *body; /* NULL: none. Lives until the answer is there. */
    size_t body_size;
} ch_http_request;

typedef struct ch_http_answer {
    /* CH_OK: there is one, whatever its code. Else why not: CH_TIMEOUT, CH_UNAVAILABLE (worth another try), CH_DENIED (no
     * address that may be asked), CH_REFUSED (a redirect that is not followed), CH_INVALID (no HTTP, or a certificate that
     * is not trusted). */
    ch_status status;
    char reason[200]; /* in words, without the URL; "" when CH_OK */
    unsigned code;
    const char *body; /* terminated; lives until the next start */
    size_t body_size;
    bool cut;               /* the body is longer than what was kept */
    int64_t retry_after_ms; /* of Retry-After, seconds or a date; -1: it says nothing */
} ch_http_answer;

typedef struct ch_http_client ch_http_client;

/* CH_IO (libcurl), CH_NO_MEMORY. */
ch_status ch_http_client_new(ch_http_client **out_client, const ch_http_client_options *options,
                             ch_error *error) CH_MUST_CHECK;
/* Drops a request that is under way. NULL is fine. */
void ch_http_client_free(ch_http_client *client);
/* True when it is an http or https URL without user and password. */
bool ch_http_url_is_valid(const char *url);
/* True when both are such URLs, of the same scheme, host and port. */
bool ch_http_url_is_same_origin(const char *one, const char *other);
/* None may be under way. CH_INVALID (URL, header), CH_NO_MEMORY; else the answer comes from step. */
ch_status ch_http_client_start(ch_http_client *client, const ch_http_request *request,
                               ch_error *error) CH_MUST_CHECK;
/* Readable when step has something to do. */
int ch_http_client_fd(const ch_http_client *client);
/* Goes on with the request without waiting. Milliseconds until it wants to be called again at the latest; -1: when the
 * descriptor is readable. now_ms is the wall clock's, for Retry-After. */
int ch_http_client_step(ch_http_client *client, int64_t now_ms);
/* NULL while there is none; then until the next start. */
const ch_http_answer *ch_http_client_answer(const ch_http_client *client);
/* A header field of the answer; NULL: it has none. Lives until the next call or start. */
const char *ch_http_client_header(const ch_http_client *client, const char *name);
/* "text/html; charset=utf-8" against "application/json, application/feed+json". In the list two stars with a slash
 * between them stand for any type. */
bool ch_http_type_is_listed(const char *type, const char *list);

#endif
