#include "connectors/transports/http_gate.h"

#include <strings.h>

enum { UNAUTHORIZED = 401, FORBIDDEN = 403, UNAVAILABLE = 503 };

static bool refuse(ch_http_refusal *refusal, unsigned code, const char *reason)
{
    *refusal = (ch_http_refusal){code, reason};
    return false;
}

static bool has_token(const ch_http_gate *gate, const ch_http_call *call, ch_http_refusal *refusal)
{
    static const char scheme[] = "Bearer ";
    const char *given = ch_http_call_header(call, "Authorization");
    if (given == NULL || strncasecmp(given, scheme, strlen(scheme)) != 0) {
        return refuse(refusal, UNAUTHORIZED, "Authorization: a bearer token is expected");
    }
    return ch_http_secrets_hold(&gate->tokens, ch_str_of(given + strlen(scheme))) ||
           refuse(refusal, FORBIDDEN, "Authorization: the token is not known here");
}

int64_t ch_http_gate_time_ms(const ch_http_gate *gate, const ch_http_call *call)
{
    int64_t seconds;
    const char *text =
        gate->timestamp_header[0] == '\0' ? NULL : ch_http_call_header(call, gate->timestamp_header);
    bool known = gate->signature && text != NULL && ch_str_to_int(ch_str_of(text), &seconds) == CH_OK &&
                 seconds > 0 && seconds < INT64_MAX / 1000;
    return known ? seconds * 1000 : 0;
}

static bool is_signed_now(const ch_http_gate *gate, const ch_http_call *call, int64_t now_ms,
                          ch_http_refusal *refusal)
{
    if (ch_http_call_header(call, gate->signature_header) == NULL) {
        return refuse(refusal, UNAUTHORIZED, "the signature is missing");
    }
    const char *id = gate->id_header[0] == '\0' ? "" : ch_http_call_header(call, gate->id_header);
    if (id == NULL) {
        return refuse(refusal, UNAUTHORIZED, "the id that is signed is missing");
    }
    /* Else the end of the id could pass for the beginning of the body, or the other way round, under the same signature. */
    if (strchr(id, '.') != NULL) {
        return refuse(refusal, FORBIDDEN, "the id that is signed holds a dot");
    }
    if (gate->timestamp_header[0] == '\0') {
        return true;
    }
    if (ch_http_call_header(call, gate->timestamp_header) == NULL) {
        return refuse(refusal, UNAUTHORIZED, "the time of the signature is missing");
    }
    int64_t at_ms = ch_http_gate_time_ms(gate, call);
    return (at_ms > 0 && at_ms >= now_ms - gate->window_ms && at_ms <= now_ms + gate->window_ms) ||
           refuse(refusal, FORBIDDEN, "the time of the signature is not now");
}

bool ch_http_gate_admits(ch_http_gate *gate, const ch_http_call *call, int64_t now_ms,
                         ch_http_refusal *out_refusal, ch_error *error)
{
    if ((gate->bearer && ch_http_secrets_refresh(&gate->tokens, error) != CH_OK) ||
        (gate->signature && ch_http_secrets_refresh(&gate->keys, error) != CH_OK)) {
        return refuse(out_refusal, UNAVAILABLE, "the secrets cannot be read here");
    }
    return (!gate->bearer || has_token(gate, call, out_refusal)) &&
           (!gate->signature || is_signed_now(gate, call, now_ms, out_refusal));
}

bool ch_http_gate_admits_body(const ch_http_gate *gate, const ch_http_call *call,
                              ch_http_refusal *out_refusal)
{
    if (!gate->signature) {
        return true;
    }
    const char *given = ch_http_call_header(call, gate->signature_header);
    const ch_http_signed of = {
        .timestamp =
            gate->timestamp_header[0] == '\0' ? NULL : ch_http_call_header(call, gate->timestamp_header),
        .id = gate->id_header[0] == '\0' ? NULL : ch_http_call_header(call, gate->id_header),
        .body = ch_http_call_body(call)};
    bool prefixed = strncmp(given, gate->prefix, strlen(gate->prefix)) == 0;
    return (prefixed && ch_http_signature_fits(&gate->keys, &of, given + strlen(gate->prefix))) ||
           refuse(out_refusal, FORBIDDEN, "the signature does not fit");
}
