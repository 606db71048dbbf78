/* RabbitMQ over AMQP 0-9-1 with publisher confirms. Endpoint: 127.0.0.1:PORT.
 *
 * Mode "quorum": a quorum queue for each subscriber, all bound to one fanout exchange; reading consumes. Mode "stream":
 * one stream that every subscriber reads.
 */
#include "tests/bench/drive/drive.h"
#include "tests/bench/peers/peers.h"
#include "tests/bench/peers/reach.h"

#include <amqp.h>
#include <amqp_tcp_socket.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>

#define EXCHANGE "bench"
#define CHANNEL 1
#define FRAME_BYTES 131072
#define PREFETCH 1000
#define UNDER_WAY_MOST 65536 /* events of a publisher, at least its window */
#define NAME_SIZE 24
#define NO_WAIT ((struct timeval){0, 0})

typedef struct publisher {
    amqp_connection_state_t link;
    bench_publisher *owner;
    uint64_t oldest; /* that is not confirmed */
    bool confirmed[UNDER_WAY_MOST];
} publisher;

typedef struct subscriber {
    amqp_connection_state_t link;
    bench_subscriber *owner;
    uint64_t last;
    unsigned unanswered;
} subscriber;

static bool is_stream(const bench_target *target)
{
    return strcmp(target->mode, "stream") == 0;
}

static struct timeval time_of(int timeout_ms)
{
    return (struct timeval){timeout_ms / 1000, timeout_ms % 1000 * 1000};
}

static amqp_connection_state_t try_connect(const bench_target *target)
{
    bench_address address = bench_address_of(target->endpoint);
    amqp_connection_state_t link = amqp_new_connection();
    amqp_socket_t *socket = amqp_tcp_socket_new(link);
    bool open =
        socket != NULL && amqp_socket_open(socket, address.host, address.port) == AMQP_STATUS_OK &&
        amqp_login(link, "/", 0, FRAME_BYTES, 0, AMQP_SASL_METHOD_PLAIN, "guest", "guest").reply_type ==
            AMQP_RESPONSE_NORMAL;
    if (open) {
        amqp_channel_open(link, CHANNEL);
        open = amqp_get_rpc_reply(link).reply_type == AMQP_RESPONSE_NORMAL;
    }
    if (!open) {
        amqp_destroy_connection(link);
        link = NULL;
    }
    return link;
}

static amqp_connection_state_t connect_to(const bench_target *target)
{
    amqp_connection_state_t link = try_connect(target);
    if (link == NULL) {
        bench_fail("rabbitmq: no connection to %s", target->endpoint);
    }
    return link;
}

static void disconnect(amqp_connection_state_t link)
{
    amqp_connection_close(link, AMQP_REPLY_SUCCESS);
    amqp_destroy_connection(link);
}

static void check(amqp_connection_state_t link, const char *what)
{
    amqp_rpc_reply_t reply = amqp_get_rpc_reply(link);
    if (reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION && reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD) {
        const amqp_channel_close_t *why = reply.reply.decoded;
        bench_fail("rabbitmq: %s: %.*s", what, (int)why->reply_text.len, (const char *)why->reply_text.bytes);
    }
    if (reply.reply_type != AMQP_RESPONSE_NORMAL) {
        bench_fail("rabbitmq: %s: %s", what, amqp_error_string2(reply.library_error));
    }
}

static void check_status(int status, const char *what)
{
    if (status != AMQP_STATUS_OK) {
        bench_fail("rabbitmq: %s: %s", what, amqp_error_string2(status));
    }
}

static bool is_ready(const bench_target *target)
{
    amqp_connection_state_t link = bench_reach(target->endpoint) ? try_connect(target) : NULL;
    if (link != NULL) {
        disconnect(link);
    }
    return link != NULL;
}

static amqp_bytes_t name_queue(char name[NAME_SIZE], const bench_target *target, unsigned place)
{
    snprintf(name, NAME_SIZE, "bench-%u", is_stream(target) ? 0 : place);
    return amqp_cstring_bytes(name);
}

static amqp_table_entry_t entry_of(const char *key, const char *value)
{
    return (amqp_table_entry_t){
        .key = amqp_cstring_bytes(key),
        .value = {.kind = AMQP_FIELD_KIND_UTF8, .value = {.bytes = amqp_cstring_bytes(value)}}};
}

static void prepare(const bench_target *target)
{
    amqp_connection_state_t link = connect_to(target);
    char name[NAME_SIZE];
    amqp_table_entry_t kind = entry_of("x-queue-type", is_stream(target) ? "stream" : "quorum");
    const amqp_table_t arguments = {.num_entries = 1, .entries = &kind};
    amqp_bytes_t exchange = amqp_cstring_bytes(EXCHANGE);
    amqp_exchange_declare(link, CHANNEL, exchange, amqp_cstring_bytes("fanout"), 0, 1, 0, 0,
                          amqp_empty_table);
    check(link, "exchange");
    for (unsigned i = 0; i < (is_stream(target) ? 1 : target->subscribers); i++) {
        amqp_bytes_t queue = name_queue(name, target, i);
        amqp_queue_declare(link, CHANNEL, queue, 0, 1, 0, 0, arguments);
        check(link, "queue");
        amqp_queue_bind(link, CHANNEL, queue, exchange, amqp_empty_bytes, amqp_empty_table);
        check(link, "binding");
    }
    disconnect(link);
}

static void *publisher_open(const bench_target *target, bench_publisher *owner)
{
    publisher *self = bench_new(1, sizeof *self);
    self->owner = owner;
    self->oldest = 1;
    self->link = connect_to(target);
    amqp_confirm_select(self->link, CHANNEL);
    check(self->link, "confirms");
    return self;
}

static void publish(void *handle, const bench_event *event)
{
    publisher *self = handle;
    const amqp_basic_properties_t durable = {._flags = AMQP_BASIC_DELIVERY_MODE_FLAG, .delivery_mode = 2};
    amqp_bytes_t key = amqp_cstring_bytes(event->type), body = amqp_empty_bytes;
    body.len = event->bytes.size;
    memcpy(&body.bytes, &event->bytes.at, sizeof body.bytes); /* the library only reads it */
    check_status(
        amqp_basic_publish(self->link, CHANNEL, amqp_cstring_bytes(EXCHANGE), key, 0, 0, &durable, body),
        "publish");
}

static void confirm(publisher *self, uint64_t number)
{
    if (!self->confirmed[number % UNDER_WAY_MOST]) {
        self->confirmed[number % UNDER_WAY_MOST] = true;
        bench_acked(self->owner, number);
    }
}

/* Confirms may come out of order. */
static void take_confirm(publisher *self, const amqp_basic_ack_t *ack)
{
    for (uint64_t number = self->oldest; ack->multiple && number < ack->delivery_tag; number++) {
        confirm(self, number);
    }
    confirm(self, ack->delivery_tag);
    for (; self->confirmed[self->oldest % UNDER_WAY_MOST]; self->oldest++) {
        self->confirmed[self->oldest % UNDER_WAY_MOST] = false;
    }
}

static void publisher_poll(void *handle, int timeout_ms)
{
    publisher *self = handle;
    struct timeval timeout = time_of(timeout_ms);
    amqp_frame_t frame;
    int status;
    while ((status = amqp_simple_wait_frame_noblock(self->link, &frame, &timeout)) == AMQP_STATUS_OK) {
        if (frame.frame_type == AMQP_FRAME_METHOD && frame.payload.method.id == AMQP_BASIC_ACK_METHOD) {
            take_confirm(self, frame.payload.method.decoded);
        } else if (frame.frame_type == AMQP_FRAME_METHOD) {
            bench_fail("rabbitmq: publish: %s", amqp_method_name(frame.payload.method.id));
        }
        timeout = NO_WAIT;
    }
    if (status != AMQP_STATUS_TIMEOUT) {
        check_status(status, "confirm");
    }
    amqp_maybe_release_buffers(self->link);
}

static void publisher_close(void *handle)
{
    publisher *self = handle;
    disconnect(self->link);
    free(self);
}

static void *subscriber_open(const bench_target *target, bench_subscriber *owner,
                             const bench_interest *interest)
{
    subscriber *self = bench_new(1, sizeof *self);
    char name[NAME_SIZE];
    amqp_table_entry_t offset = entry_of("x-stream-offset", interest->from_start ? "first" : "next");
    const amqp_table_t arguments = {.num_entries = is_stream(target) ? 1 : 0, .entries = &offset};
    self->owner = owner;
    self->link = connect_to(target);
    amqp_basic_qos(self->link, CHANNEL, 0, PREFETCH, 0);
    check(self->link, "prefetch");
    amqp_basic_consume(self->link, CHANNEL, name_queue(name, target, interest->place), amqp_empty_bytes, 0, 0,
                       0, arguments);
    check(self->link, "consume");
    return self;
}

static void acknowledge(subscriber *self)
{
    if (self->unanswered > 0) {
        check_status(amqp_basic_ack(self->link, CHANNEL, self->last, 1), "ack");
        self->unanswered = 0;
    }
}

static void subscriber_poll(void *handle, int timeout_ms)
{
    subscriber *self = handle;
    struct timeval timeout = time_of(timeout_ms);
    amqp_envelope_t envelope;
    for (int i = 0; i < PREFETCH; i++) {
        amqp_maybe_release_buffers(self->link);
        amqp_rpc_reply_t reply = amqp_consume_message(self->link, &envelope, &timeout, 0);
        if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION &&
            reply.library_error == AMQP_STATUS_TIMEOUT) {
            break;
        }
        if (reply.reply_type != AMQP_RESPONSE_NORMAL) {
            bench_fail("rabbitmq: deliver: %s", amqp_error_string2(reply.library_error));
        }
        bench_received(self->owner, (ch_str){envelope.message.body.bytes, envelope.message.body.len});
        self->last = envelope.delivery_tag;
        amqp_destroy_envelope(&envelope);
        if (++self->unanswered >= PREFETCH / 4) {
            acknowledge(self);
        }
        timeout = NO_WAIT;
    }
    acknowledge(self);
}

static void subscriber_close(void *handle)
{
    subscriber *self = handle;
    disconnect(self->link);
    free(self);
}

const bench_peer bench_rabbitmq = {.name = "rabbitmq",
                                   .is_ready = is_ready,
                                   .prepare = prepare,
                                   .publisher_open = publisher_open,
                                   .publish = publish,
                                   .publisher_poll = publisher_poll,
                                   .publisher_close = publisher_close,
                                   .subscriber_open = subscriber_open,
                                   .subscriber_poll = subscriber_poll,
                                   .subscriber_close = subscriber_close};
