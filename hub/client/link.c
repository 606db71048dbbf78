#include "hub/client/link.h"

#include "hub/wire/chp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define HANDSHAKE_MS 5000
/* What CURVE adds to a frame: command name 8, nonce 8, authenticator 16, flags 1. */
#define CURVE_OVERHEAD_BYTES 33
#define EVENTS                                                                                               \
    (ZMQ_EVENT_CLOSED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |                      \
     ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)

struct ch_link {
    void *context, *socket, *monitor;
    char *endpoint;
    bool has_keys;
    ch_key_file keys;
    bool blocked;    /* the last send said CH_FULL */
    unsigned opened; /* how often */
    int epoll_fd, timer_fd;
    bool watched;     /* somebody has asked for the descriptor */
    int64_t alarm_ms; /* the timer's; INT64_MAX: off */
};

static bool watch(ch_link *link, int fd)
{
    struct epoll_event event = {.events = EPOLLIN};
    return epoll_ctl(link->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

ch_status ch_link_new(ch_link **out_link, const char *endpoint, const ch_key_file *keys)
{
    ch_link *link = calloc(1, sizeof *link);
    if (link == NULL) {
        return CH_NO_MEMORY;
    }
    link->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    link->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    link->alarm_ms = INT64_MAX;
    link->endpoint = strdup(endpoint);
    link->context = zmq_ctx_new();
    if (keys != NULL) {
        link->has_keys = true;
        link->keys = *keys;
    }
    if (link->epoll_fd < 0 || link->timer_fd < 0 || link->endpoint == NULL || link->context == NULL ||
        !watch(link, link->timer_fd)) {
        int why = errno;
        ch_link_free(link, 0);
        errno = why;
        return why == ENOMEM ? CH_NO_MEMORY : CH_IO;
    }
    *out_link = link;
    return CH_OK;
}

static int socket_fd(void *socket)
{
    int fd = -1;
    size_t size = sizeof fd;
    return zmq_getsockopt(socket, ZMQ_FD, &fd, &size) == 0 ? fd : -1;
}

/* libzmq closes the descriptor at a moment of its own, so it must leave the epoll set before. */
static void close_socket(ch_link *link, void **socket, int linger_ms)
{
    if (*socket == NULL) {
        return;
    }
    int fd = socket_fd(*socket);
    if (fd >= 0) {
        (void)epoll_ctl(link->epoll_fd, EPOLL_CTL_DEL, fd, NULL); /* may not be in it yet */
    }
    (void)zmq_setsockopt(*socket, ZMQ_LINGER, &linger_ms, sizeof linger_ms);
    zmq_close(*socket);
    *socket = NULL;
}

static void close_both(ch_link *link, int linger_ms)
{
    if (link->socket != NULL) {
        (void)zmq_socket_monitor(link->socket, NULL, 0);
    }
    close_socket(link, &link->socket, linger_ms);
    close_socket(link, &link->monitor, 0);
    link->blocked = false;
}

void ch_link_close(ch_link *link)
{
    close_both(link, 0);
}

void ch_link_free(ch_link *link, int linger_ms)
{
    if (link == NULL) {
        return;
    }
    close_both(link, linger_ms);
    if (link->context != NULL) {
        while (zmq_ctx_term(link->context) != 0 && errno == EINTR) {
        }
    }
    if (link->timer_fd >= 0) {
        close(link->timer_fd);
    }
    if (link->epoll_fd >= 0) {
        close(link->epoll_fd);
    }
    free(link->endpoint);
    ch_key_file_wipe(&link->keys);
    free(link);
}

static bool set_int(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof value) == 0;
}

static bool set_keys(const ch_link *link)
{
    const ch_key_file *keys = &link->keys;
    return !link->has_keys || (zmq_setsockopt(link->socket, ZMQ_CURVE_SERVERKEY, keys->server_key,
                                              strlen(keys->server_key)) == 0 &&
                               zmq_setsockopt(link->socket, ZMQ_CURVE_PUBLICKEY, keys->public_key,
                                              strlen(keys->public_key)) == 0 &&
                               zmq_setsockopt(link->socket, ZMQ_CURVE_SECRETKEY, keys->secret_key,
                                              strlen(keys->secret_key)) == 0);
}

static bool set_options(const ch_link *link)
{
    int64_t body_most = CH_CHP_BODY_MAX + (link->has_keys ? CURVE_OVERHEAD_BYTES : 0);
    return set_int(link->socket, ZMQ_RECONNECT_IVL, -1) && set_int(link->socket, ZMQ_LINGER, 0) &&
           set_int(link->socket, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS) &&
           set_int(link->socket, ZMQ_CONNECT_TIMEOUT, HANDSHAKE_MS) &&
           zmq_setsockopt(link->socket, ZMQ_MAXMSGSIZE, &body_most, sizeof body_most) == 0 && set_keys(link);
}

/* A name for each socket: libzmq gives the old one free at a moment of its own. */
static bool open_monitor(ch_link *link)
{
    char name[40];
    (void)snprintf(name, sizeof name, "inproc://monitor-%u", link->opened++);
    if (zmq_socket_monitor(link->socket, name, EVENTS) != 0) {
        return false;
    }
    link->monitor = zmq_socket(link->context, ZMQ_PAIR);
    return link->monitor != NULL && set_int(link->monitor, ZMQ_LINGER, 0) &&
           zmq_connect(link->monitor, name) == 0;
}

static bool open_socket(ch_link *link)
{
    link->socket = zmq_socket(link->context, ZMQ_DEALER);
    return link->socket != NULL && set_options(link) && open_monitor(link) &&
           watch(link, socket_fd(link->socket)) && watch(link, socket_fd(link->monitor)) &&
           zmq_connect(link->socket, link->endpoint) == 0;
}

ch_status ch_link_open(ch_link *link, ch_error *error)
{
    close_both(link, 0);
    if (open_socket(link)) {
        return CH_OK;
    }
    int why = errno;
    close_both(link, 0);
    errno = why;
    bool malformed = why == EINVAL || why == EPROTONOSUPPORT || why == ENAMETOOLONG;
    return ch_error_set(error, malformed ? CH_INVALID : CH_IO, link->endpoint, "cannot connect: %s",
                        zmq_strerror(why));
}

ch_status ch_link_send(ch_link *link, ch_str header, zmq_msg_t *body)
{
    if (link->socket == NULL) {
        return CH_UNAVAILABLE;
    }
    int more = body == NULL ? 0 : ZMQ_SNDMORE;
    if (zmq_send(link->socket, header.at, header.size, ZMQ_DONTWAIT | more) < 0) {
        link->blocked = errno == EAGAIN;
        return errno == EAGAIN || errno == EINTR ? CH_FULL : CH_UNAVAILABLE;
    }
    link->blocked = false;
    /* Room is given for whole messages: once the header is in, only a broken link refuses the body. */
    if (body != NULL && zmq_msg_send(body, link->socket, ZMQ_DONTWAIT) < 0) {
        return CH_UNAVAILABLE;
    }
    return CH_OK;
}

static ch_status drop_rest(ch_link *link, ch_link_packet *packet)
{
    zmq_msg_t extra;
    bool more = true;
    while (more) {
        zmq_msg_init(&extra);
        if (zmq_msg_recv(&extra, link->socket, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(&extra);
            return CH_UNAVAILABLE;
        }
        packet->count++;
        more = zmq_msg_more(&extra) != 0;
        zmq_msg_close(&extra);
    }
    return CH_OK;
}

ch_status ch_link_receive(ch_link *link, ch_link_packet *out_packet)
{
    if (link->socket == NULL) {
        return CH_UNAVAILABLE;
    }
    out_packet->count = 0;
    bool more = true;
    while (more && out_packet->count < 2) {
        zmq_msg_t *frame = &out_packet->frames[out_packet->count];
        zmq_msg_init(frame);
        if (zmq_msg_recv(frame, link->socket, ZMQ_DONTWAIT) < 0) {
            int why = errno;
            zmq_msg_close(frame);
            bool nothing = out_packet->count == 0 && (why == EAGAIN || why == EINTR);
            ch_link_packet_done(out_packet);
            return nothing ? CH_END : CH_UNAVAILABLE;
        }
        out_packet->count++;
        more = zmq_msg_more(frame) != 0;
    }
    ch_status status = more ? drop_rest(link, out_packet) : CH_OK;
    if (status != CH_OK) {
        ch_link_packet_done(out_packet);
    }
    return status;
}

ch_str ch_link_frame(ch_link_packet *packet, size_t index)
{
    if (index >= packet->count) {
        return CH_STR_NONE;
    }
    return (ch_str){zmq_msg_data(&packet->frames[index]), zmq_msg_size(&packet->frames[index])};
}

void ch_link_packet_done(ch_link_packet *packet)
{
    for (size_t i = 0; i < packet->count && i < 2; i++) {
        zmq_msg_close(&packet->frames[i]);
    }
    packet->count = 0;
}

/* Two frames: a 16-bit number with a 32-bit value, in host order, then the endpoint. */
static bool next_event(ch_link *link, uint16_t *out_event, uint32_t *out_value)
{
    uint8_t facts[6];
    char endpoint[256];
    if (link->monitor == NULL || zmq_recv(link->monitor, facts, sizeof facts, ZMQ_DONTWAIT) != sizeof facts) {
        return false;
    }
    memcpy(out_event, facts, 2);
    memcpy(out_value, facts + 2, 4);
    return zmq_recv(link->monitor, endpoint, sizeof endpoint, ZMQ_DONTWAIT) >= 0;
}

ch_link_news ch_link_look(ch_link *link, ch_error *out_why)
{
    uint16_t event;
    uint32_t value;
    const char *text = NULL;
    if (!next_event(link, &event, &value)) {
        return CH_LINK_NOTHING;
    }
    if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH && value == 400) {
        (void)ch_error_set(out_why, CH_DENIED, link->endpoint, "the hub does not know this key");
        return CH_LINK_REFUSED;
    }
    switch (event) {
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH: text = "the hub could not check the key"; break;
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
        text = "the handshake failed: is it a casehub endpoint, and is `server` in the key file its key?";
        break;
    case ZMQ_EVENT_DISCONNECTED: text = "the connection was cut off"; break;
    default: text = "cannot connect"; break;
    }
    (void)ch_error_set(out_why, CH_UNAVAILABLE, link->endpoint, "%s", text);
    return CH_LINK_LOST;
}

ch_status ch_link_wait(ch_link *link, int wait_ms)
{
    zmq_pollitem_t items[2] = {
        {.socket = link->socket, .events = (short)(ZMQ_POLLIN | (link->blocked ? ZMQ_POLLOUT : 0))},
        {.socket = link->monitor, .events = ZMQ_POLLIN}};
    int count = link->socket == NULL ? 0 : 2;
    return zmq_poll(items, count, wait_ms) < 0 ? CH_END : CH_OK;
}

static void set_timer(ch_link *link, int64_t at_ms)
{
    struct itimerspec spec = {.it_value = {.tv_sec = at_ms / 1000, .tv_nsec = (at_ms % 1000) * 1000000 + 1}};
    if (timerfd_settime(link->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL) == 0) {
        link->alarm_ms = at_ms;
    }
}

void ch_link_wake(ch_link *link)
{
    if (link->watched && link->alarm_ms > 0) {
        set_timer(link, 0);
    }
}

int ch_link_fd(ch_link *link)
{
    /* Only from the first call on are alarms set: what was due before is told at once. */
    if (!link->watched) {
        link->watched = true;
        ch_link_wake(link);
    }
    return link->epoll_fd;
}

/* libzmq's descriptor tells of changes only: what is waiting already has to be told by the timer. */
static bool has_waiting(const ch_link *link)
{
    int events = 0;
    size_t size = sizeof events;
    return link->socket != NULL && zmq_getsockopt(link->socket, ZMQ_EVENTS, &events, &size) == 0 &&
           (events & ZMQ_POLLIN) != 0;
}

void ch_link_alarm(ch_link *link, int64_t at_ms, int64_t now_ms)
{
    if (!link->watched) {
        return;
    }
    if (link->alarm_ms <= now_ms) {
        uint64_t fired;
        (void)!read(link->timer_fd, &fired, sizeof fired); /* else it stays readable */
        link->alarm_ms = INT64_MAX;
    }
    if (has_waiting(link)) {
        at_ms = now_ms;
    }
    if (at_ms < link->alarm_ms) { /* an earlier alarm only looks again */
        set_timer(link, at_ms);
    }
}
