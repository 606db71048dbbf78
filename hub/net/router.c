/* Start and stop, wait, receive, send. */
#include "hub/net/inside.h"

#include <errno.h>
#include <stdlib.h>

#define MESSAGE_BYTES_LEAST 1024 /* the handshake's own commands must pass */
#define SOCKETS_MOST 1000000
#define MS_MOST 600000
/* Routing ids that libzmq chooses: a zero byte, then a number. */
#define CHOSEN_ROUTE_SIZE 5

static ch_status check_range(const char *name, int value, int least, int most, ch_error *error)
{
    return value >= least && value <= most
               ? CH_OK
               : ch_error_set(error, CH_INVALID, name, "is %d, not %d to %d", value, least, most);
}

/* libzmq takes port 99999 and binds 34463. */
static ch_status check_tcp(const char *endpoint, ch_error *error)
{
    if (!ch_str_starts(ch_str_of(endpoint), CH_STR("tcp://"))) {
        return ch_error_set(error, CH_INVALID, endpoint, "does not begin with tcp://");
    }
    int64_t port = 0;
    ch_str text = ch_str_of(strrchr(endpoint, ':') + 1);
    if (!ch_str_is(text, "*") && (ch_str_to_int(text, &port) != CH_OK || port < 1 || port > 65535)) {
        return ch_error_set(error, CH_INVALID, endpoint, "does not end in a port, 1 to 65535, or *");
    }
    return CH_OK;
}

static ch_status check_options(const ch_router_options *o, ch_error *error)
{
    const struct {
        const char *name;
        int value, least, most;
    } rows[] = {
        {"max_message_bytes", o->max_message_bytes, MESSAGE_BYTES_LEAST, 1 << 30},
        {"send_high_water", o->send_high_water, 1, 1 << 20},
        {"max_sockets", o->max_sockets, 1, SOCKETS_MOST},
        {"handshake_ms", o->handshake_ms, 1, MS_MOST},
        {"heartbeat_ms", o->heartbeat_ms, 1, MS_MOST},
    };
    if (o->tcp_endpoint == NULL && o->ipc_endpoint == NULL) {
        return ch_error_set(error, CH_INVALID, "endpoint", "neither tcp nor ipc is given");
    }
    if (o->is_known == NULL) {
        return ch_error_set(error, CH_INVALID, "is_known", "is missing");
    }
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ch_status status = check_range(rows[i].name, rows[i].value, rows[i].least, rows[i].most, error);
        if (status != CH_OK) {
            return status;
        }
    }
    if (o->tcp_endpoint == NULL) {
        return CH_OK;
    }
    ch_status status = check_tcp(o->tcp_endpoint, error);
    return status == CH_OK ? ch_curve_check(o->public_key, o->secret_key, error) : status;
}

static ch_status open_socket(ch_router *router, const ch_router_options *options, size_t at, ch_error *error)
{
    bool local = at == CH_IPC;
    ch_status status = ch_socket_open(&router->sockets[at], router->zmq, options, local, error);
    if (status == CH_OK) {
        status = ch_connections_open(&router->connections[at], router->zmq, router->sockets[at],
                                     local ? "ipc" : "tcp", (size_t)options->max_sockets, error);
    }
    return status;
}

static ch_status bind_tcp(ch_router *router, const ch_router_options *options, ch_error *error)
{
    size_t size = sizeof router->endpoint;
    if (zmq_bind(router->sockets[CH_TCP], options->tcp_endpoint) != 0 ||
        zmq_getsockopt(router->sockets[CH_TCP], ZMQ_LAST_ENDPOINT, router->endpoint, &size) != 0) {
        /* Taken by another program, or an address that is not there yet: time may mend it. */
        return ch_error_set(error, CH_UNAVAILABLE, options->tcp_endpoint, "cannot be bound: %s",
                            zmq_strerror(zmq_errno()));
    }
    memcpy(router->public_key, options->public_key, sizeof router->public_key);
    return CH_OK;
}

/* The ZAP handler first: a socket bound before it would let anybody in. */
static ch_status open_router(ch_router *router, const ch_router_options *options, ch_error *error)
{
    router->zmq = zmq_ctx_new();
    if (router->zmq == NULL) {
        return ch_zmq_fail(error, "libzmq", "no context");
    }
    ch_status status = ch_zap_open(&router->zap, router->zmq, options, error);
    if (status == CH_OK && options->tcp_endpoint != NULL) {
        status = open_socket(router, options, CH_TCP, error);
    }
    if (status == CH_OK && options->ipc_endpoint != NULL) {
        status = open_socket(router, options, CH_IPC, error);
    }
    if (status == CH_OK && options->ipc_endpoint != NULL) {
        status = ch_local_bind(&router->local, router->sockets[CH_IPC], options->ipc_endpoint, error);
    }
    if (status == CH_OK && options->tcp_endpoint != NULL) {
        status = bind_tcp(router, options, error);
    }
    return status;
}

ch_status ch_router_new(ch_router **out_router, const ch_router_options *options, ch_error *error)
{
    ch_status status = check_options(options, error);
    if (status != CH_OK) {
        return status;
    }
    ch_router *router = calloc(1, sizeof *router);
    if (router == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, "router", "no memory");
    }
    status = open_router(router, options, error);
    if (status != CH_OK) {
        ch_router_free(router);
        return status;
    }
    *out_router = router;
    return CH_OK;
}

static void close_context(void *zmq)
{
    while (zmq_ctx_term(zmq) != 0 && errno == EINTR) {
    }
}

void ch_router_free(ch_router *router)
{
    if (router == NULL) {
        return;
    }
    for (size_t i = 0; i < CH_SOCKET_COUNT; i++) {
        if (router->sockets[i] != NULL) {
            ch_monitor_stop(router->sockets[i]);
            zmq_close(router->sockets[i]);
        }
        ch_connections_close(&router->connections[i]);
    }
    ch_local_remove(&router->local);
    ch_zap_close(&router->zap);
    if (router->zmq != NULL) {
        close_context(router->zmq);
    }
    free(router);
}

const char *ch_router_endpoint(const ch_router *router)
{
    return router->sockets[CH_TCP] == NULL ? NULL : router->endpoint;
}

/* The ZAP handler, then for each socket itself and its monitor. */
static size_t list_sockets(const ch_router *router, zmq_pollitem_t *items)
{
    size_t count = 0;
    items[count++] = (zmq_pollitem_t){.socket = router->zap.socket, .events = ZMQ_POLLIN};
    for (size_t i = 0; i < CH_SOCKET_COUNT; i++) {
        if (router->sockets[i] != NULL) {
            short events = router->is_deaf ? 0 : ZMQ_POLLIN;
            items[count++] = (zmq_pollitem_t){.socket = router->sockets[i], .events = events};
            items[count++] = (zmq_pollitem_t){.socket = router->connections[i].monitor, .events = ZMQ_POLLIN};
        }
    }
    return count;
}

void ch_router_listen(ch_router *router, bool listens)
{
    router->is_deaf = !listens;
}

static void serve(ch_router *router)
{
    for (size_t i = 0; i < CH_SOCKET_COUNT; i++) {
        if (router->sockets[i] != NULL) {
            ch_connections_serve(&router->connections[i]);
        }
    }
    ch_zap_serve(&router->zap);
}

ch_status ch_router_wait(ch_router *router, const int *fds, bool *fds_ready, size_t fd_count, int timeout_ms,
                         ch_error *error)
{
    zmq_pollitem_t items[1 + 2 * CH_SOCKET_COUNT + CH_ROUTER_FDS_MAX];
    if (fd_count > CH_ROUTER_FDS_MAX) {
        return ch_error_set(error, CH_INVALID, "router", "%zu descriptors, not %d at most", fd_count,
                            CH_ROUTER_FDS_MAX);
    }
    size_t socket_count = list_sockets(router, items);
    for (size_t i = 0; i < fd_count; i++) {
        items[socket_count + i] = (zmq_pollitem_t){.fd = fds[i], .events = ZMQ_POLLIN};
    }
    /* A signal ends the wait with nothing ready: whoever sent it has rung somewhere else. */
    int ready = zmq_poll(items, (int)(socket_count + fd_count), timeout_ms);
    if (ready < 0 && errno != EINTR) {
        return ch_zmq_fail(error, "router", "cannot wait");
    }
    for (size_t i = 0; i < fd_count; i++) {
        fds_ready[i] = ready > 0 && items[socket_count + i].revents != 0;
    }
    serve(router);
    return CH_OK;
}

/* A routing id that the client chose is not taken: another client may choose the same once the first is gone, and
 * would be sent what was meant for it. */
static bool is_chosen_by_libzmq(const ch_packet *packet)
{
    return packet->route_size == CHOSEN_ROUTE_SIZE && packet->route[0] == 0;
}

/* CH_TOO_LARGE: it could not be answered. */
static ch_status read_route(ch_packet *packet, zmq_msg_t *frame)
{
    size_t size = zmq_msg_size(frame);
    if (size > sizeof packet->route) {
        return CH_TOO_LARGE;
    }
    memcpy(packet->route, zmq_msg_data(frame), size);
    packet->route_size = size;
    return CH_OK;
}

/* From the frame behind the routing id, which itself carries no user when zmq_poll had it fetched. */
static ch_status read_user(ch_packet *packet, zmq_msg_t *frame)
{
    ch_str user = ch_str_of(zmq_msg_gets(frame, "User-Id"));
    return user.size == 0 ? CH_DENIED : ch_str_copy(packet->user, sizeof packet->user, user);
}

/* Keeps it when it is one of the first two, otherwise counts it only. */
static ch_status add_frame(ch_packet *packet, zmq_msg_t *frame)
{
    size_t at = packet->frame_count++;
    ch_status status = at == 0 ? read_user(packet, frame) : CH_OK;
    if (status == CH_OK && at < 2 && is_chosen_by_libzmq(packet)) {
        packet->frames[at] = ch_frame_take(frame);
        status = packet->frames[at] == NULL ? CH_NO_MEMORY : CH_OK;
    }
    return status;
}

/* Reads a message off to its end, whatever becomes of it. */
static ch_status receive_message(void *socket, ch_packet *packet)
{
    zmq_msg_t frame;
    zmq_msg_init(&frame);
    if (!ch_socket_take(socket, &frame)) {
        zmq_msg_close(&frame);
        return zmq_errno() == EAGAIN ? CH_END : CH_IO;
    }
    ch_status status = read_route(packet, &frame);
    for (bool more = zmq_msg_more(&frame); more;) {
        /* A message is shown to us only when all of it is there: this fails only with the socket itself. */
        if (!ch_socket_take(socket, &frame)) {
            status = CH_IO;
            break;
        }
        more = zmq_msg_more(&frame);
        if (status == CH_OK) {
            status = add_frame(packet, &frame);
        }
    }
    zmq_msg_close(&frame);
    return status;
}

static ch_status receive_from(void *socket, bool local, ch_packet *out_packet)
{
    for (;;) {
        ch_packet packet = {.local = local};
        ch_status status = receive_message(socket, &packet);
        if (status != CH_OK || packet.frame_count > 2 || !is_chosen_by_libzmq(&packet)) {
            ch_packet_done(&packet);
        }
        if (status == CH_OK || status == CH_NO_MEMORY) {
            *out_packet = packet;
        }
        if (status != CH_DENIED && status != CH_TOO_LARGE) {
            return status;
        }
    }
}

/* A socket that gave nothing is not asked again in this row: that would cost a system call each time. */
ch_status ch_router_receive(ch_router *router, ch_packet *out_packet)
{
    for (size_t i = 0; i < CH_SOCKET_COUNT; i++) {
        size_t at = router->turn;
        router->turn = (at + 1) % CH_SOCKET_COUNT;
        if (router->sockets[at] == NULL || router->drained[at]) {
            continue;
        }
        ch_status status = receive_from(router->sockets[at], at == CH_IPC, out_packet);
        if (status != CH_END) {
            return status;
        }
        router->drained[at] = true;
    }
    memset(router->drained, 0, sizeof router->drained);
    return CH_END;
}

void ch_packet_done(ch_packet *packet)
{
    for (size_t i = 0; i < 2; i++) {
        ch_frame_free(packet->frames[i]);
        packet->frames[i] = NULL;
    }
    packet->frame_count = 0;
}

/* The routing id is where libzmq refuses: it checks the route and the high-water mark there and not again, and when
 * the client goes away in between it takes back what it has. So a message leaves whole or not at all. */
static ch_status send_frames(void *socket, zmq_msg_t *route, zmq_msg_t *header, zmq_msg_t *body)
{
    if (!ch_socket_give(socket, route, ZMQ_SNDMORE)) {
        switch (zmq_errno()) {
        case EAGAIN: return CH_FULL;
        case EHOSTUNREACH: return CH_NOT_FOUND;
        default: return CH_IO;
        }
    }
    bool sent = ch_socket_give(socket, header, body == NULL ? 0 : ZMQ_SNDMORE) &&
                (body == NULL || ch_socket_give(socket, body, 0));
    return sent ? CH_OK : CH_IO;
}

/* Closes *body, which may be NULL. Everything that may fail for want of memory is made before the first frame
 * leaves. */
static ch_status send_message(ch_router *router, bool local, ch_str route, ch_str header, zmq_msg_t *body)
{
    zmq_msg_t first, second;
    void *socket = router->sockets[local ? CH_IPC : CH_TCP];
    zmq_msg_init(&first);
    zmq_msg_init(&second);
    ch_status status = socket == NULL ? CH_NOT_FOUND : ch_message_copy(&first, route.at, route.size);
    if (status == CH_OK) {
        status = ch_message_copy(&second, header.at, header.size);
    }
    if (status == CH_OK) {
        status = send_frames(socket, &first, &second, body);
    }
    zmq_msg_close(&first);
    zmq_msg_close(&second);
    if (body != NULL) {
        zmq_msg_close(body);
    }
    return status;
}

ch_status ch_router_send(ch_router *router, bool local, const uint8_t *route, size_t route_size,
                         ch_str header, uint8_t *body_at, size_t body_size)
{
    zmq_msg_t body;
    ch_status status = body_at == NULL ? CH_OK : ch_body_message(&body, body_at, body_size);
    if (status != CH_OK) {
        return status;
    }
    return send_message(router, local, (ch_str){(const char *)route, route_size}, header,
                        body_at == NULL ? NULL : &body);
}

ch_status ch_router_send_shared(ch_router *router, bool local, const uint8_t *route, size_t route_size,
                                ch_str header, ch_shared_body *body)
{
    zmq_msg_t message;
    ch_status status = ch_shared_body_message(&message, body);
    if (status != CH_OK) {
        return status;
    }
    return send_message(router, local, (ch_str){(const char *)route, route_size}, header, &message);
}
