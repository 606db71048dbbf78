#include "tests/unit/net/peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <zmq.h>

static bool is_known(void *context, const char key_z85[CH_KEY_Z85_SIZE])
{
    const hub *h = context;
    for (size_t i = 0; i < h->known_count; i++) {
        if (strcmp(h->known[i], key_z85) == 0) {
            return true;
        }
    }
    return h->knows_everybody;
}

int hub_setup(void **state)
{
    hub *h = calloc(1, sizeof *h);
    assert_non_null(h);
    snprintf(h->dir, sizeof h->dir, "/tmp/casehub-net-XXXXXX");
    assert_non_null(mkdtemp(h->dir));
    snprintf(h->ipc_path, sizeof h->ipc_path, "%s/hub.ipc", h->dir);
    snprintf(h->ipc_endpoint, sizeof h->ipc_endpoint, "ipc://%s", h->ipc_path);
    assert_status(ch_curve_keypair(h->public_key, h->secret_key), CH_OK);
    h->options = (ch_router_options){
        .tcp_endpoint = "tcp://127.0.0.1:*",
        .ipc_endpoint = h->ipc_endpoint,
        .secret_key = h->secret_key,
        .public_key = h->public_key,
        .max_message_bytes = 1 << 20,
        .send_high_water = 100,
        .max_sockets = 100,
        .handshake_ms = 30000,
        .heartbeat_ms = 30000,
        .is_known = is_known,
        .context = h,
    };
    *state = h;
    return 0;
}

int hub_teardown(void **state)
{
    hub *h = *state;
    hub_stop(h);
    unlink(h->ipc_path);
    assert_int_equal(rmdir(h->dir), 0);
    free(h);
    return 0;
}

void hub_start(hub *h)
{
    assert_ok(ch_router_new(&h->router, &h->options, &h->error), &h->error);
}

void hub_stop(hub *h)
{
    ch_router_free(h->router);
    h->router = NULL;
}

void hub_serve(hub *h, int fd)
{
    bool ready;
    assert_ok(ch_router_wait(h->router, &fd, &ready, fd < 0 ? 0 : 1, -1, &h->error), &h->error);
}

ch_packet hub_receive(hub *h)
{
    ch_packet packet;
    ch_status status;
    while ((status = ch_router_receive(h->router, &packet)) == CH_END) {
        hub_serve(h, -1);
    }
    assert_status(status, CH_OK);
    return packet;
}

void assert_packet(const ch_packet *packet, const char *frames)
{
    char text[256] = "";
    for (size_t i = 0; i < packet->frame_count; i++) {
        ch_str frame = ch_frame_str(packet->frames[i]);
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%s%.*s", i == 0 ? "" : "|", CH_STR_ARG(frame));
    }
    assert_string_equal(text, frames);
}

static void set_int(void *socket, int option, int value)
{
    assert_int_equal(zmq_setsockopt(socket, option, &value, sizeof value), 0);
}

peer peer_new(void)
{
    peer p = {.zmq = zmq_ctx_new()};
    p.socket = zmq_socket(p.zmq, ZMQ_DEALER);
    p.monitor = zmq_socket(p.zmq, ZMQ_PAIR);
    assert_non_null(p.monitor);
    set_int(p.socket, ZMQ_LINGER, 0);
    set_int(p.socket, ZMQ_RECONNECT_IVL, 10);
    set_int(p.monitor, ZMQ_RCVHWM, 0);
    assert_int_equal(zmq_socket_monitor(p.socket, "inproc://monitor", ZMQ_EVENT_ALL), 0);
    assert_int_equal(zmq_connect(p.monitor, "inproc://monitor"), 0);
    assert_status(ch_curve_keypair(p.public_key, p.secret_key), CH_OK);
    return p;
}

void peer_done(peer *p)
{
    zmq_socket_monitor(p->socket, NULL, 0);
    zmq_close(p->socket);
    zmq_close(p->monitor);
    zmq_ctx_term(p->zmq);
}

void peer_connect_tcp(peer *p, hub *h)
{
    assert_int_equal(zmq_setsockopt(p->socket, ZMQ_CURVE_SERVERKEY, h->public_key, 40), 0);
    assert_int_equal(zmq_setsockopt(p->socket, ZMQ_CURVE_PUBLICKEY, p->public_key, 40), 0);
    assert_int_equal(zmq_setsockopt(p->socket, ZMQ_CURVE_SECRETKEY, p->secret_key, 40), 0);
    assert_int_equal(zmq_connect(p->socket, ch_router_endpoint(h->router)), 0);
}

void peer_connect_ipc(peer *p, hub *h)
{
    assert_int_equal(zmq_connect(p->socket, h->ipc_endpoint), 0);
}

static void make_known(hub *h, const peer *p)
{
    assert_true(h->known_count < KNOWN_MOST);
    memcpy(h->known[h->known_count++], p->public_key, CH_KEY_Z85_SIZE);
}

peer peer_known(hub *h, ch_packet *out_packet)
{
    peer p = peer_new();
    make_known(h, &p);
    peer_connect_tcp(&p, h);
    peer_send(&p, "hello", NULL, 0);
    *out_packet = hub_receive(h);
    assert_packet(out_packet, "hello");
    return p;
}

void peer_send(peer *p, const char *header, const void *body, size_t body_size)
{
    int flags = body == NULL ? 0 : ZMQ_SNDMORE;
    assert_int_equal(zmq_send(p->socket, header, strlen(header), flags), strlen(header));
    if (body != NULL) {
        assert_int_equal(zmq_send(p->socket, body, body_size, 0), body_size);
    }
}

/* libzmq's descriptor only tells of changes, so the socket is asked before each wait. */
static void wait_for_input(void *socket, hub *h)
{
    int fd, events;
    size_t size = sizeof fd;
    assert_int_equal(zmq_getsockopt(socket, ZMQ_FD, &fd, &size), 0);
    for (;;) {
        size = sizeof events;
        assert_int_equal(zmq_getsockopt(socket, ZMQ_EVENTS, &events, &size), 0);
        if ((events & ZMQ_POLLIN) != 0) {
            return;
        }
        hub_serve(h, fd);
    }
}

peer_message peer_receive(peer *p, hub *h)
{
    peer_message message = {0};
    int more = 1;
    wait_for_input(p->socket, h);
    while (more != 0) {
        zmq_msg_t frame;
        zmq_msg_init(&frame);
        assert_true(zmq_msg_recv(&frame, p->socket, 0) >= 0);
        assert_true(message.count < 2);
        message.sizes[message.count] = zmq_msg_size(&frame);
        message.frames[message.count] = malloc(zmq_msg_size(&frame) + 1);
        assert_non_null(message.frames[message.count]);
        memcpy(message.frames[message.count], zmq_msg_data(&frame), zmq_msg_size(&frame));
        message.count++;
        more = zmq_msg_more(&frame);
        zmq_msg_close(&frame);
    }
    return message;
}

void peer_message_done(peer_message *message)
{
    for (size_t i = 0; i < message->count; i++) {
        free(message->frames[i]);
    }
}

void assert_message(const peer_message *message, const char *header, const void *body, size_t body_size)
{
    assert_int_equal(message->count, body == NULL ? 1 : 2);
    assert_int_equal(message->sizes[0], strlen(header));
    assert_memory_equal(message->frames[0], header, strlen(header));
    if (body != NULL) {
        assert_int_equal(message->sizes[1], body_size);
        assert_memory_equal(message->frames[1], body, body_size);
    }
}

int peer_wait_for_event(peer *p, hub *h, int events)
{
    for (;;) {
        uint8_t report[6];
        char endpoint[128];
        uint16_t event;
        wait_for_input(p->monitor, h);
        assert_int_equal(zmq_recv(p->monitor, report, sizeof report, 0), sizeof report);
        assert_true(zmq_recv(p->monitor, endpoint, sizeof endpoint, 0) >= 0);
        memcpy(&event, report, sizeof event);
        if ((event & events) != 0) {
            return event;
        }
    }
}

int raw_connect_tcp(const hub *h)
{
    unsigned port;
    assert_int_equal(sscanf(ch_router_endpoint(h->router), "tcp://127.0.0.1:%u", &port), 1);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

int raw_connect_ipc(const hub *h)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", h->ipc_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

void raw_send(int fd, const void *bytes, size_t size)
{
    ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);
    assert_true(sent == (ssize_t)size || (sent < 0 && (errno == EPIPE || errno == ECONNRESET)));
}

/* Serves the hub until bytes have come; 0: the connection has ended. */
static size_t receive_some(int fd, hub *h)
{
    char bytes[512];
    ssize_t got;
    while ((got = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT)) < 0 && errno == EAGAIN) {
        hub_serve(h, fd);
    }
    return got > 0 ? (size_t)got : 0;
}

void raw_receive(int fd, hub *h, size_t size)
{
    size_t got = 0;
    while (got < size) {
        size_t some = receive_some(fd, h);
        assert_true(some > 0);
        got += some;
    }
}

void raw_wait_for_end(int fd, hub *h)
{
    while (receive_some(fd, h) > 0) {
    }
    close(fd);
}
