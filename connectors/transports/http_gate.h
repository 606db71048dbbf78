/* http_gate.h - who may post: a bearer token, a signature, or both.
 *
 * A signature is an HMAC-SHA256 of the body, with the time and an id before it where the header fields for them are named.
 * A time outside of the window is refused. Within it a repeated request is not: its events have the ids that the hub knows.
 */
#ifndef CH_CONNECTORS_HTTP_GATE_H
#define CH_CONNECTORS_HTTP_GATE_H

#include "connectors/transports/http_listener.h"
#include "connectors/transports/http_secrets.h"

typedef struct ch_http_gate {
    bool bearer, signature; /* what is asked for */
    ch_http_secrets tokens, keys;
    const char *signature_header, *prefix;
    const char *timestamp_header, *id_header; /* "": not signed */
    int64_t window_ms;
} ch_http_gate;

typedef struct ch_http_refusal {
    unsigned code; /* 401: something is missing, 403: it is wrong, 503: the secrets cannot be read */
    const char *reason;
} ch_http_refusal;

/* What a head must have, before anything of the body is read. True: it may go on. */
bool ch_http_gate_admits(ch_http_gate *gate, const ch_http_call *call, int64_t now_ms,
                         ch_http_refusal *out_refusal, ch_error *error);
/* The same of the whole body. */
bool ch_http_gate_admits_body(const ch_http_gate *gate, const ch_http_call *call,
                              ch_http_refusal *out_refusal);
/* When it was signed; 0: it does not say. */
int64_t ch_http_gate_time_ms(const ch_http_gate *gate, const ch_http_call *call);

#endif
