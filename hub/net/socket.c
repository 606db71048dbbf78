#include "hub/net/inside.h"

#include <errno.h>

/* Whole messages that libzmq keeps unread for one connection; beyond it the peer's TCP window closes. */
#define RECEIVE_HIGH_WATER 64
#define BACKLOG 512
/* How long closing waits for the last answers to leave. */
#define LINGER_MS 200
/* What CURVE adds to a frame: command name 8, nonce 8, authenticator 16, flags 1. */
#define CURVE_OVERHEAD_BYTES 33

ch_status ch_zmq_fail(ch_error *error, const char *where, const char *what)
{
    int code = zmq_errno();
    ch_status status = CH_IO;
    if (code == ENOMEM) {
        status = CH_NO_MEMORY;
    } else if (code == EINVAL || code == EPROTONOSUPPORT || code == ENAMETOOLONG) {
        status = CH_INVALID;
    }
    return ch_error_set(error, status, where, "%s: %s", what, zmq_strerror(code));
}

ch_status ch_socket_set_int(void *socket, int option, int value, ch_error *error)
{
    int code = zmq_setsockopt(socket, option, &value, sizeof value);
    return code == 0 ? CH_OK : ch_zmq_fail(error, "socket", "an option was not taken");
}

ch_status ch_socket_set_text(void *socket, int option, const char *text, ch_error *error)
{
    int code = zmq_setsockopt(socket, option, text, strlen(text));
    return code == 0 ? CH_OK : ch_zmq_fail(error, "socket", "an option was not taken");
}

static ch_status set_limits(void *socket, const ch_router_options *options, bool local, ch_error *error)
{
    bool ipv6 = !local && strchr(options->tcp_endpoint, '[') != NULL;
    int64_t message_bytes = (int64_t)options->max_message_bytes + (local ? 0 : CURVE_OVERHEAD_BYTES);
    const struct {
        int option, value;
    } limits[] = {
        {ZMQ_LINGER, LINGER_MS},
        {ZMQ_SNDHWM, options->send_high_water},
        {ZMQ_RCVHWM, RECEIVE_HIGH_WATER},
        {ZMQ_BACKLOG, BACKLOG},
        {ZMQ_IPV6, ipv6},
        /* Without it, a message beyond the high-water mark or for a lost route vanishes without a word. */
        {ZMQ_ROUTER_MANDATORY, 1},
        /* A second connection must not take over the routing id of a first. */
        {ZMQ_ROUTER_HANDOVER, 0},
        {ZMQ_HANDSHAKE_IVL, options->handshake_ms},
        {ZMQ_HEARTBEAT_IVL, options->heartbeat_ms},
        {ZMQ_HEARTBEAT_TIMEOUT, 3 * options->heartbeat_ms},
        {ZMQ_HEARTBEAT_TTL, 3 * options->heartbeat_ms},
    };
    ch_status status = CH_OK;
    for (size_t i = 0; i < sizeof limits / sizeof *limits && status == CH_OK; i++) {
        status = ch_socket_set_int(socket, limits[i].option, limits[i].value, error);
    }
    if (status == CH_OK &&
        zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &message_bytes, sizeof message_bytes) != 0) {
        return ch_zmq_fail(error, "max_message_bytes", "was not taken");
    }
    return status;
}

static ch_status set_security(void *socket, const ch_router_options *options, bool local, ch_error *error)
{
    if (local) {
        /* The domain is what makes libzmq ask the ZAP handler for a NULL connection too. */
        return ch_socket_set_text(socket, ZMQ_ZAP_DOMAIN, CH_ZAP_DOMAIN_LOCAL, error);
    }
    ch_status status = ch_socket_set_text(socket, ZMQ_ZAP_DOMAIN, CH_ZAP_DOMAIN_TCP, error);
    if (status == CH_OK) {
        status = ch_socket_set_int(socket, ZMQ_CURVE_SERVER, 1, error);
    }
    return status == CH_OK ? ch_socket_set_text(socket, ZMQ_CURVE_SECRETKEY, options->secret_key, error)
                           : status;
}

ch_status ch_socket_open(void **out_socket, void *zmq, const ch_router_options *options, bool local,
                         ch_error *error)
{
    void *socket = zmq_socket(zmq, ZMQ_ROUTER);
    if (socket == NULL) {
        return ch_zmq_fail(error, local ? "ipc" : "tcp", "no socket");
    }
    ch_status status = set_limits(socket, options, local, error);
    if (status == CH_OK) {
        status = set_security(socket, options, local, error);
    }
    if (status != CH_OK) {
        zmq_close(socket);
        return status;
    }
    *out_socket = socket;
    return CH_OK;
}

bool ch_socket_take(void *socket, zmq_msg_t *frame)
{
    int code;
    do {
        code = zmq_msg_recv(frame, socket, ZMQ_DONTWAIT);
    } while (code < 0 && errno == EINTR);
    return code >= 0;
}

bool ch_socket_give(void *socket, zmq_msg_t *frame, int flags)
{
    int code;
    do {
        code = zmq_msg_send(frame, socket, flags | ZMQ_DONTWAIT);
    } while (code < 0 && errno == EINTR);
    return code >= 0;
}
