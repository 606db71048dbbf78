/* CURVE keys, and the proof that a key nobody knows is refused.
 *
 * libzmq lets any key in while no ZAP handler answers it. That must never happen to us unseen.
 */
#include "hub/net/inside.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define KEY_TEXT_SIZE (CH_KEY_Z85_SIZE - 1)

ch_status ch_curve_keypair(char out_public[CH_KEY_Z85_SIZE], char out_secret[CH_KEY_Z85_SIZE])
{
    return zmq_curve_keypair(out_public, out_secret) == 0 ? CH_OK : CH_UNSUPPORTED;
}

static bool is_key(const char *text)
{
    uint8_t bytes[32];
    bool good = text != NULL && strlen(text) == KEY_TEXT_SIZE && zmq_z85_decode(bytes, text) != NULL;
    explicit_bzero(bytes, sizeof bytes);
    return good;
}

ch_status ch_curve_check(const char *public_key, const char *secret_key, ch_error *error)
{
    char derived[CH_KEY_Z85_SIZE];
    if (!is_key(public_key)) {
        return ch_error_set(error, CH_INVALID, "public_key", "is not a CURVE key of %d Z85 characters",
                            KEY_TEXT_SIZE);
    }
    if (!is_key(secret_key)) {
        return ch_error_set(error, CH_INVALID, "secret_key", "is not a CURVE key of %d Z85 characters",
                            KEY_TEXT_SIZE);
    }
    if (zmq_curve_public(derived, secret_key) != 0) {
        return ch_error_set(error, CH_UNSUPPORTED, "secret_key", "this libzmq was built without CURVE");
    }
    if (strcmp(derived, public_key) != 0) {
        return ch_error_set(error, CH_INVALID, "public_key", "does not belong to secret_key");
    }
    return CH_OK;
}

/* A client with a key made up on the spot. */
typedef struct stranger {
    void *socket, *monitor;
    int timer;
} stranger;

static ch_status set_keys(void *socket, const char *server_key, ch_error *error)
{
    char public_key[CH_KEY_Z85_SIZE], secret_key[CH_KEY_Z85_SIZE];
    if (ch_curve_keypair(public_key, secret_key) != CH_OK) {
        return ch_error_set(error, CH_UNSUPPORTED, "stranger", "this libzmq was built without CURVE");
    }
    ch_status status = ch_socket_set_text(socket, ZMQ_CURVE_SERVERKEY, server_key, error);
    if (status == CH_OK) {
        status = ch_socket_set_text(socket, ZMQ_CURVE_PUBLICKEY, public_key, error);
    }
    if (status == CH_OK) {
        status = ch_socket_set_text(socket, ZMQ_CURVE_SECRETKEY, secret_key, error);
    }
    return status;
}

static ch_status start_timer(stranger *s, int timeout_ms, ch_error *error)
{
    const struct itimerspec when = {
        .it_value = {.tv_sec = timeout_ms / 1000, .tv_nsec = (timeout_ms % 1000) * 1000000L}};
    s->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (s->timer < 0 || timerfd_settime(s->timer, 0, &when, NULL) != 0) {
        return ch_error_set(error, CH_IO, "stranger", "no timer: error %d", errno);
    }
    return CH_OK;
}

static ch_status start_stranger(stranger *s, ch_router *router, int timeout_ms, ch_error *error)
{
    ch_status status = start_timer(s, timeout_ms, error);
    if (status != CH_OK) {
        return status;
    }
    s->socket = zmq_socket(router->zmq, ZMQ_DEALER);
    if (s->socket == NULL) {
        return ch_zmq_fail(error, "stranger", "no socket");
    }
    status = ch_socket_set_int(s->socket, ZMQ_LINGER, 0, error);
    if (status == CH_OK) {
        status = ch_socket_set_int(s->socket, ZMQ_IPV6, strchr(router->endpoint, '[') != NULL, error);
    }
    if (status == CH_OK) {
        status = set_keys(s->socket, router->public_key, error);
    }
    if (status == CH_OK) {
        status = ch_monitor_open(&s->monitor, router->zmq, s->socket, "stranger",
                                 ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, error);
    }
    if (status == CH_OK && zmq_connect(s->socket, router->endpoint) != 0) {
        status = ch_zmq_fail(error, router->endpoint, "cannot be connected to");
    }
    return status;
}

static void stop_stranger(stranger *s)
{
    if (s->monitor != NULL) {
        ch_monitor_stop(s->socket);
    }
    if (s->socket != NULL) {
        zmq_close(s->socket);
    }
    if (s->monitor != NULL) {
        zmq_close(s->monitor);
    }
    if (s->timer >= 0) {
        close(s->timer);
    }
}

static ch_status watch_stranger(const stranger *s, ch_router *router, ch_error *error)
{
    zmq_pollitem_t items[] = {
        {.socket = s->monitor, .events = ZMQ_POLLIN},
        {.socket = router->zap.socket, .events = ZMQ_POLLIN},
        {.fd = s->timer, .events = ZMQ_POLLIN},
    };
    for (;;) {
        int event, value;
        if (zmq_poll(items, sizeof items / sizeof *items, -1) < 0 && errno != EINTR) {
            return ch_zmq_fail(error, "stranger", "cannot wait");
        }
        ch_zap_serve(&router->zap);
        if (ch_monitor_take(s->monitor, &event, &value)) {
            return event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH
                       ? CH_OK
                       : ch_error_set(error, CH_DENIED, router->endpoint, "lets in a key that nobody knows");
        }
        if (items[2].revents != 0) {
            return ch_error_set(error, CH_TIMEOUT, router->endpoint,
                                "has neither refused a made-up key nor let it in");
        }
    }
}

ch_status ch_router_prove_refusal(ch_router *router, int timeout_ms, ch_error *error)
{
    stranger s = {.timer = -1};
    if (router->sockets[CH_TCP] == NULL) {
        return CH_OK;
    }
    if (timeout_ms < 1) {
        return ch_error_set(error, CH_INVALID, "timeout_ms", "is less than 1");
    }
    ch_status status = start_stranger(&s, router, timeout_ms, error);
    if (status == CH_OK) {
        status = watch_stranger(&s, router, error);
    }
    stop_stranger(&s);
    return status;
}
