/* The bare reference hub of reference/. Endpoint: what libzmq takes. It cannot choose: a narrow subscriber does. */
#include "tests/bench/reference/reference.h"
#include "tests/bench/drive/drive.h"
#include "tests/bench/peers/peers.h"
#include "tests/bench/peers/reach.h"

#include <errno.h>
#include <stdlib.h>
#include <zmq.h>

#define CREDIT 64 /* frames */
#define ANSWER_MS 5000

typedef struct connection {
    void *context, *socket;
} connection;

typedef struct publisher {
    connection link;
    bench_publisher *owner;
    ch_buf records; /* not sent yet */
} publisher;

typedef struct subscriber {
    connection link;
    bench_subscriber *owner;
    uint32_t used; /* credit that was not given back */
} subscriber;

static connection connect_to(const bench_target *target)
{
    const int none = 0;
    connection link = {.context = zmq_ctx_new()};
    link.socket = zmq_socket(link.context, ZMQ_DEALER);
    zmq_setsockopt(link.socket, ZMQ_SNDHWM, &none, sizeof none);
    zmq_setsockopt(link.socket, ZMQ_RCVHWM, &none, sizeof none);
    zmq_setsockopt(link.socket, ZMQ_LINGER, &none, sizeof none);
    if (zmq_connect(link.socket, target->endpoint) != 0) {
        bench_fail("reference: %s: %s", target->endpoint, zmq_strerror(errno));
    }
    return link;
}

static void disconnect(connection *link)
{
    zmq_close(link->socket);
    zmq_ctx_term(link->context);
}

static bool is_readable(const connection *link, int timeout_ms)
{
    zmq_pollitem_t item = {.socket = link->socket, .events = ZMQ_POLLIN};
    return zmq_poll(&item, 1, timeout_ms) > 0;
}

static void send_frame(const connection *link, const void *frame, size_t size, int flags)
{
    if (zmq_send(link->socket, frame, size, flags) < 0) {
        bench_fail("reference: send: %s", zmq_strerror(errno));
    }
}

/* Messages have two frames to the hub; a short one carries an empty second frame. */
static void send_head(const connection *link, const void *head, size_t size)
{
    send_frame(link, head, size, ZMQ_SNDMORE);
    send_frame(link, "", 0, 0);
}

static void await_pong(const connection *link)
{
    uint8_t pong;
    if (!is_readable(link, ANSWER_MS) || zmq_recv(link->socket, &pong, sizeof pong, 0) != sizeof pong ||
        pong != REFERENCE_PING) {
        bench_fail("reference: no answer");
    }
}

static bool is_ready(const bench_target *target)
{
    return bench_reach(target->endpoint);
}

static void *publisher_open(const bench_target *target, bench_publisher *owner)
{
    static const uint8_t ping[] = {REFERENCE_PING};
    publisher *self = bench_new(1, sizeof *self);
    self->owner = owner;
    self->link = connect_to(target);
    ch_buf_init(&self->records, (size_t)target->window * (sizeof(uint32_t) + sizeof((bench_form *)0)->bytes));
    send_head(&self->link, ping, sizeof ping);
    await_pong(&self->link);
    return self;
}

static void flush_records(publisher *self)
{
    static const uint8_t head[] = {REFERENCE_PUBLISH};
    if (self->records.failed != CH_OK) {
        bench_fail("reference: more unsent events than the window");
    }
    if (self->records.size > 0) {
        send_frame(&self->link, head, sizeof head, ZMQ_SNDMORE);
        send_frame(&self->link, self->records.at, self->records.size, 0);
        ch_buf_clear(&self->records);
    }
}

static void publish(void *handle, const bench_event *event)
{
    publisher *self = handle;
    uint32_t size = (uint32_t)event->bytes.size;
    ch_buf_append(&self->records, &size, sizeof size);
    ch_buf_append_str(&self->records, event->bytes);
    if (self->records.size >= REFERENCE_FRAME_BYTES) {
        flush_records(self);
    }
}

static void publisher_poll(void *handle, int timeout_ms)
{
    publisher *self = handle;
    uint8_t answer[1 + sizeof(uint64_t)];
    uint64_t durable;
    flush_records(self);
    if (!is_readable(&self->link, timeout_ms)) {
        return;
    }
    while (zmq_recv(self->link.socket, answer, sizeof answer, ZMQ_DONTWAIT) == sizeof answer) {
        memcpy(&durable, answer + 1, sizeof durable);
        bench_acked_upto(self->owner, durable);
    }
}

static void publisher_close(void *handle)
{
    publisher *self = handle;
    disconnect(&self->link);
    ch_buf_done(&self->records);
    free(self);
}

static void *subscriber_open(const bench_target *target, bench_subscriber *owner,
                             const bench_interest *interest)
{
    subscriber *self = bench_new(1, sizeof *self);
    const uint64_t first = interest->from_start ? 1 : 0;
    const uint32_t credit = CREDIT;
    uint8_t head[1 + sizeof first + sizeof credit] = {REFERENCE_SUBSCRIBE};
    memcpy(head + 1, &first, sizeof first);
    memcpy(head + 1 + sizeof first, &credit, sizeof credit);
    self->owner = owner;
    self->link = connect_to(target);
    send_head(&self->link, head, sizeof head);
    await_pong(&self->link);
    return self;
}

static void take_records(subscriber *self, zmq_msg_t *records)
{
    const char *at = zmq_msg_data(records), *end = at + zmq_msg_size(records);
    uint32_t size;
    for (; at < end; at += size) {
        memcpy(&size, at, sizeof size);
        at += sizeof size;
        bench_received(self->owner, (ch_str){at, size});
    }
}

static void give_credit(subscriber *self)
{
    uint8_t head[1 + sizeof self->used] = {REFERENCE_CREDIT};
    if (++self->used >= CREDIT / 4) {
        memcpy(head + 1, &self->used, sizeof self->used);
        send_head(&self->link, head, sizeof head);
        self->used = 0;
    }
}

static void subscriber_poll(void *handle, int timeout_ms)
{
    subscriber *self = handle;
    uint8_t head;
    if (!is_readable(&self->link, timeout_ms)) {
        return;
    }
    while (zmq_recv(self->link.socket, &head, sizeof head, ZMQ_DONTWAIT) == sizeof head &&
           head == REFERENCE_EVENTS) {
        zmq_msg_t records;
        zmq_msg_init(&records);
        if (zmq_msg_recv(&records, self->link.socket, 0) < 0) {
            bench_fail("reference: receive: %s", zmq_strerror(errno));
        }
        take_records(self, &records);
        zmq_msg_close(&records);
        give_credit(self);
    }
}

static void subscriber_close(void *handle)
{
    subscriber *self = handle;
    disconnect(&self->link);
    free(self);
}

const bench_peer bench_reference = {.name = "reference",
                                    .is_ready = is_ready,
                                    .publisher_open = publisher_open,
                                    .publish = publish,
                                    .publisher_poll = publisher_poll,
                                    .publisher_close = publisher_close,
                                    .subscriber_open = subscriber_open,
                                    .subscriber_poll = subscriber_poll,
                                    .subscriber_close = subscriber_close};
