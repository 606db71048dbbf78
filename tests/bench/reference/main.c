/* reference_hub: what is left of a hub that only receives, stores durably, acknowledges and delivers: no rules, no
 * rights, no cases, no dedup, no selection. It bounds what ZeroMQ and LMDB allow on this machine; it is no product.
 *
 *     reference_hub ENDPOINT FOLDER
 */
#include "tests/bench/drive/drive.h"
#include "tests/bench/reference/log.h"
#include "tests/bench/reference/reference.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLIENTS_MOST 1024
#define ID_MOST 32
#define RECEIVED_AT_ONCE 1024
#define READ_AT_ONCE 8 /* frames for one subscriber that lags */
#define IDLE_MS 1000

typedef struct client {
    uint8_t id[ID_MOST];
    size_t id_size;
    uint64_t durable; /* events of it */
    bool told;        /* of all that are durable */
    bool subscribed;
    uint64_t next; /* sequence that it gets next */
    uint32_t credit;
} client;

typedef struct hub {
    void *socket;
    reference_log *log;
    reference_batch batches[2];
    unsigned filling; /* which of them */
    client clients[CLIENTS_MOST];
    unsigned client_count;
} hub_state;

static volatile sig_atomic_t stopped;

static void stop(int number)
{
    stopped = number;
}

void bench_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    _Exit(1);
}

void *bench_new(size_t count, size_t size)
{
    void *made = calloc(count, size);
    if (made == NULL) {
        bench_fail("reference: out of memory");
    }
    return made;
}

/* What does not go out is lost; the client then waits in vain, and the figure fails. */
static void send_frames(hub_state *hub, const client *to, const void *head, size_t head_size,
                        zmq_msg_t *records)
{
    zmq_send(hub->socket, to->id, to->id_size, ZMQ_SNDMORE | ZMQ_DONTWAIT);
    zmq_send(hub->socket, head, head_size, ZMQ_DONTWAIT | (records == NULL ? 0 : ZMQ_SNDMORE));
    if (records != NULL && zmq_msg_send(records, hub->socket, ZMQ_DONTWAIT) < 0) {
        zmq_msg_close(records);
    }
}

static void tell_durable(hub_state *hub, client *to)
{
    uint8_t head[1 + sizeof to->durable] = {REFERENCE_ACKNOWLEDGE};
    memcpy(head + 1, &to->durable, sizeof to->durable);
    send_frames(hub, to, head, sizeof head, NULL);
    to->told = true;
}

static void send_records(hub_state *hub, client *to, zmq_msg_t *records, uint64_t next)
{
    static const uint8_t head[] = {REFERENCE_EVENTS};
    send_frames(hub, to, head, sizeof head, records);
    to->next = next;
    to->credit--;
}

/* One copy of each frame serves every subscriber that has seen all before it. */
static void deliver_live(hub_state *hub, reference_batch *batch)
{
    uint64_t first = batch->first;
    for (unsigned i = 0; i < batch->count; i++) {
        for (unsigned k = 0; k < hub->client_count; k++) {
            client *to = &hub->clients[k];
            zmq_msg_t shared;
            if (!to->subscribed || to->next != first || to->credit == 0) {
                continue;
            }
            zmq_msg_init(&shared);
            zmq_msg_copy(&shared, &batch->frames[i]);
            send_records(hub, to, &shared, first + batch->events[i]);
        }
        first += batch->events[i];
    }
}

static void finish_batch(hub_state *hub)
{
    reference_batch *batch = reference_log_take(hub->log);
    for (unsigned i = 0; i < batch->count; i++) {
        client *from = &hub->clients[batch->clients[i]];
        from->durable += batch->events[i];
        from->told = false;
    }
    for (unsigned i = 0; i < hub->client_count; i++) {
        if (!hub->clients[i].told) {
            tell_durable(hub, &hub->clients[i]);
        }
    }
    deliver_live(hub, batch);
    for (unsigned i = 0; i < batch->count; i++) {
        zmq_msg_close(&batch->frames[i]);
    }
    batch->count = 0;
}

static client *find_client(hub_state *hub, zmq_msg_t *id)
{
    size_t size = zmq_msg_size(id);
    for (unsigned i = 0; i < hub->client_count; i++) {
        if (hub->clients[i].id_size == size && memcmp(hub->clients[i].id, zmq_msg_data(id), size) == 0) {
            return &hub->clients[i];
        }
    }
    if (hub->client_count == CLIENTS_MOST || size > ID_MOST) {
        bench_fail("reference: more than %d clients", CLIENTS_MOST);
    }
    client *new = &hub->clients[hub->client_count++];
    *new = (client){.id_size = size, .told = true};
    memcpy(new->id, zmq_msg_data(id), size);
    return new;
}

static void take_records(hub_state *hub, const client *from, zmq_msg_t *records)
{
    reference_batch *batch = &hub->batches[hub->filling];
    uint32_t events = reference_count(zmq_msg_data(records), zmq_msg_size(records));
    if (events == 0) {
        bench_fail("reference: a frame holds no records");
    }
    zmq_msg_init(&batch->frames[batch->count]);
    zmq_msg_move(&batch->frames[batch->count], records);
    batch->clients[batch->count] = (unsigned)(from - hub->clients);
    batch->events[batch->count++] = events;
}

static void subscribe(const hub_state *hub, client *from, const uint8_t *head)
{
    memcpy(&from->next, head + 1, sizeof from->next);
    memcpy(&from->credit, head + 1 + sizeof from->next, sizeof from->credit);
    from->subscribed = true;
    if (from->next == 0) {
        from->next = reference_log_last(hub->log) + 1;
    }
}

static void take_message(hub_state *hub, client *from, zmq_msg_t *head, zmq_msg_t *records)
{
    static const uint8_t pong[] = {REFERENCE_PING};
    const uint8_t *at = zmq_msg_data(head);
    size_t size = zmq_msg_size(head);
    uint32_t credit;
    if (size == 1 && *at == REFERENCE_PUBLISH) {
        take_records(hub, from, records);
    } else if (size == 1 + sizeof from->next + sizeof from->credit && *at == REFERENCE_SUBSCRIBE) {
        subscribe(hub, from, at);
        send_frames(hub, from, pong, sizeof pong, NULL);
    } else if (size == 1 + sizeof credit && *at == REFERENCE_CREDIT) {
        memcpy(&credit, at + 1, sizeof credit);
        from->credit += credit;
    } else if (size == 1 && *at == REFERENCE_PING) {
        send_frames(hub, from, pong, sizeof pong, NULL);
    } else {
        bench_fail("reference: a message of %zu bytes is none of ours", size);
    }
}

/* False when nothing is there. */
static bool receive(hub_state *hub)
{
    zmq_msg_t parts[3];
    int count = 0;
    for (bool more = true; more && count < 3; count++) {
        zmq_msg_init(&parts[count]);
        if (zmq_msg_recv(&parts[count], hub->socket, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(&parts[count]);
            break;
        }
        more = zmq_msg_more(&parts[count]);
    }
    if (count == 3) {
        take_message(hub, find_client(hub, &parts[0]), &parts[1], &parts[2]);
    }
    for (int i = 0; i < count; i++) {
        zmq_msg_close(&parts[i]);
    }
    return count == 3;
}

/* History for those that lag. True when there is more. */
static bool deliver_stored(hub_state *hub)
{
    bool more = false;
    for (unsigned i = 0; i < hub->client_count; i++) {
        client *to = &hub->clients[i];
        for (unsigned k = 0; k < READ_AT_ONCE && to->subscribed && to->credit > 0; k++) {
            zmq_msg_t records;
            if (to->next > reference_log_last(hub->log)) {
                break;
            }
            uint64_t next = reference_log_read(hub->log, to->next, &records);
            send_records(hub, to, &records, next);
        }
        more = more || (to->subscribed && to->credit > 0 && to->next <= reference_log_last(hub->log));
    }
    return more;
}

static void serve(hub_state *hub)
{
    bool more = false;
    while (!stopped) {
        reference_batch *batch = &hub->batches[hub->filling];
        zmq_pollitem_t items[] = {
            {.fd = reference_log_fd(hub->log), .events = ZMQ_POLLIN},
            {.socket = hub->socket, .events = batch->count < REFERENCE_BATCH_FRAMES ? ZMQ_POLLIN : 0}};
        if (zmq_poll(items, 2, more ? 0 : IDLE_MS) < 0) {
            continue; /* a signal */
        }
        if ((items[0].revents & ZMQ_POLLIN) != 0) {
            finish_batch(hub);
        }
        for (int i = 0; i < RECEIVED_AT_ONCE && batch->count < REFERENCE_BATCH_FRAMES && receive(hub); i++) {
        }
        if (batch->count > 0 && !reference_log_is_busy(hub->log)) {
            reference_log_submit(hub->log, batch);
            hub->filling = !hub->filling;
        }
        more = deliver_stored(hub);
    }
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fputs("usage: reference_hub ENDPOINT FOLDER\n", stderr);
        return 64;
    }
    const int none = 0;
    sigaction(SIGTERM, &(struct sigaction){.sa_handler = stop}, NULL);
    hub_state *hub = bench_new(1, sizeof *hub);
    void *context = zmq_ctx_new();
    hub->log = reference_log_open(argv[2]);
    hub->socket = zmq_socket(context, ZMQ_ROUTER);
    zmq_setsockopt(hub->socket, ZMQ_SNDHWM, &none, sizeof none);
    zmq_setsockopt(hub->socket, ZMQ_RCVHWM, &none, sizeof none);
    zmq_setsockopt(hub->socket, ZMQ_LINGER, &none, sizeof none);
    if (zmq_bind(hub->socket, argv[1]) != 0) {
        bench_fail("reference: %s: %s", argv[1], zmq_strerror(errno));
    }
    serve(hub);
    reference_log_close(hub->log);
    zmq_close(hub->socket);
    zmq_ctx_term(context);
    free(hub);
    return 0;
}
