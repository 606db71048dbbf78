/* What goes in and out: options, waiting, messages both ways, limits. */
#include "tests/unit/net/peer.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <zmq.h>

/* The linker leads free() of the router and of the tests here, so that a body's release can be seen and counted. */
static struct {
    _Atomic(void *) at;
    atomic_int count;
    int bell;
} watched;

void __real_free(void *at);
void __wrap_free(void *at);

void __wrap_free(void *at)
{
    bool counts = at != NULL && at == atomic_load(&watched.at);
    __real_free(at);
    if (counts) {
        const uint64_t one = 1;
        atomic_fetch_add(&watched.count, 1);
        assert_int_equal(write(watched.bell, &one, sizeof one), sizeof one);
    }
}

/* The same for malloc(): the so-manieth call of this thread from now on has no memory; 0: none. */
static _Thread_local unsigned refused_call;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

void *__wrap_malloc(size_t size)
{
    bool refuses = refused_call == 1;
    refused_call -= refused_call > 0;
    return refuses ? NULL : __real_malloc(size);
}

static int setup(void **state)
{
    atomic_store(&watched.at, NULL);
    atomic_store(&watched.count, 0);
    watched.bell = eventfd(0, EFD_CLOEXEC);
    assert_true(watched.bell >= 0);
    return hub_setup(state);
}

static int teardown(void **state)
{
    int failed = hub_teardown(state);
    atomic_store(&watched.at, NULL);
    close(watched.bell);
    return failed;
}

/* Bytes that can be told from others. */
static uint8_t *make_body(size_t size)
{
    uint8_t *body = malloc(size > 0 ? size : 1);
    assert_non_null(body);
    for (size_t i = 0; i < size; i++) {
        body[i] = (uint8_t)(i * 31 + size);
    }
    return body;
}

static uint8_t *make_watched_body(size_t size)
{
    uint8_t *body = make_body(size);
    atomic_store(&watched.at, body);
    return body;
}

static void wait_for_release(void)
{
    struct pollfd bell = {.fd = watched.bell, .events = POLLIN};
    assert_int_equal(poll(&bell, 1, -1), 1);
    assert_int_equal(atomic_load(&watched.count), 1);
}

static ch_status send_to(hub *h, const ch_packet *packet, const char *header, uint8_t *body, size_t body_size)
{
    return ch_router_send(h->router, packet->local, packet->route, packet->route_size, ch_str_of(header),
                          body, body_size);
}

static void assert_refused(hub *h, const ch_router_options *options, const char *where)
{
    h->error = (ch_error){0};
    assert_status(ch_router_new(&h->router, options, &h->error), CH_INVALID);
    assert_null(h->router);
    assert_string_equal(h->error.where, where);
}

static void refuses_options_that_make_no_sense(void **state)
{
    hub *h = *state;
    const ch_router_options good = h->options;
    ch_router_options o = good;
#define REFUSED(field, value, where)                                                                         \
    o = good;                                                                                                \
    o.field = value;                                                                                         \
    assert_refused(h, &o, where)
    REFUSED(tcp_endpoint, "udp://127.0.0.1:1", "udp://127.0.0.1:1");
    REFUSED(tcp_endpoint, "tcp://127.0.0.1:99999", "tcp://127.0.0.1:99999");
    REFUSED(tcp_endpoint, "tcp://127.0.0.1", "tcp://127.0.0.1");
    REFUSED(is_known, NULL, "is_known");
    REFUSED(secret_key, NULL, "secret_key");
    REFUSED(secret_key, "short", "secret_key");
    REFUSED(public_key, "~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~", "public_key");
    REFUSED(public_key, h->secret_key, "public_key");
    REFUSED(max_message_bytes, 1023, "max_message_bytes");
    REFUSED(send_high_water, 0, "send_high_water");
    REFUSED(max_sockets, 0, "max_sockets");
    REFUSED(handshake_ms, 0, "handshake_ms");
    REFUSED(heartbeat_ms, -1, "heartbeat_ms");
#undef REFUSED
    o = good;
    o.tcp_endpoint = o.ipc_endpoint = NULL;
    assert_refused(h, &o, "endpoint");
}

static void a_port_in_use_is_an_error_and_leaves_nothing_behind(void **state)
{
    hub *h = *state;
    char endpoint[64];
    ch_router *first;
    h->options.ipc_endpoint = NULL;
    assert_ok(ch_router_new(&first, &h->options, &h->error), &h->error);
    snprintf(endpoint, sizeof endpoint, "%s", ch_router_endpoint(first));
    h->options.tcp_endpoint = endpoint;
    h->options.ipc_endpoint = h->ipc_endpoint;
    assert_status(ch_router_new(&h->router, &h->options, &h->error), CH_UNAVAILABLE);
    assert_string_equal(h->error.where, endpoint);
    assert_int_not_equal(access(h->ipc_path, F_OK), 0);
    ch_router_free(first);
}

static void without_tcp_there_is_no_tcp_endpoint(void **state)
{
    hub *h = *state;
    h->options.tcp_endpoint = NULL;
    hub_start(h);
    assert_null(ch_router_endpoint(h->router));
}

static void tells_which_descriptor_is_ready(void **state)
{
    hub *h = *state;
    int fds[CH_ROUTER_FDS_MAX + 1];
    bool ready[CH_ROUTER_FDS_MAX + 1] = {true, true, true};
    hub_start(h);
    for (size_t i = 0; i <= CH_ROUTER_FDS_MAX; i++) {
        fds[i] = eventfd(i == 1 || i == CH_ROUTER_FDS_MAX - 1, EFD_CLOEXEC);
    }
    assert_ok(ch_router_wait(h->router, fds, ready, CH_ROUTER_FDS_MAX, -1, &h->error), &h->error);
    for (size_t i = 0; i < CH_ROUTER_FDS_MAX; i++) {
        assert_int_equal(ready[i], i == 1 || i == CH_ROUTER_FDS_MAX - 1);
    }
    assert_ok(ch_router_wait(h->router, fds, ready, 1, 0, &h->error), &h->error);
    assert_false(ready[0]);
    assert_status(ch_router_wait(h->router, fds, ready, CH_ROUTER_FDS_MAX + 1, 0, &h->error), CH_INVALID);
    for (size_t i = 0; i <= CH_ROUTER_FDS_MAX; i++) {
        close(fds[i]);
    }
}

/* A message that waits would end each wait at once. */
static void does_not_wake_for_messages_while_it_does_not_listen(void **state)
{
    hub *h = *state;
    ch_packet packet;
    bool ready = false;
    unsigned wakes = 0;
    const struct itimerspec soon = {.it_value = {.tv_nsec = 50000000}};
    hub_start(h);
    peer p = peer_known(h, &packet);
    ch_packet_done(&packet);
    peer_send(&p, "first", NULL, 0);
    packet = hub_receive(h);
    ch_packet_done(&packet);
    peer_send(&p, "second", NULL, 0);
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    assert_int_equal(timerfd_settime(timer, 0, &soon, NULL), 0);
    ch_router_listen(h->router, false);
    for (; !ready; wakes++) {
        assert_ok(ch_router_wait(h->router, &timer, &ready, 1, -1, &h->error), &h->error);
    }
    assert_true(wakes < 10);
    ch_router_listen(h->router, true);
    packet = hub_receive(h);
    assert_packet(&packet, "second");
    ch_packet_done(&packet);
    peer_done(&p);
    close(timer);
}

static void receives_nothing_when_nothing_came(void **state)
{
    hub *h = *state;
    ch_packet packet;
    hub_start(h);
    assert_status(ch_router_receive(h->router, &packet), CH_END);
    assert_status(ch_router_receive(h->router, &packet), CH_END);
}

static void a_message_that_is_too_large_ends_that_connection_only(void **state)
{
    hub *h = *state;
    ch_packet packet;
    size_t size = (size_t)h->options.max_message_bytes;
    uint8_t *body = make_body(size + 1);
    hub_start(h);
    peer p = peer_known(h, &packet);
    ch_packet_done(&packet);
    peer q = peer_known(h, &packet);
    ch_packet_done(&packet);
    peer_send(&p, "largest", body, size);
    packet = hub_receive(h);
    assert_int_equal(packet.frame_count, 2);
    assert_int_equal(ch_frame_str(packet.frames[1]).size, size);
    ch_packet_done(&packet);
    peer_send(&p, "larger", body, size + 1);
    peer_wait_for_event(&p, h, ZMQ_EVENT_DISCONNECTED);
    peer_send(&q, "next", NULL, 0);
    packet = hub_receive(h);
    assert_packet(&packet, "next");
    ch_packet_done(&packet);
    peer_done(&p);
    peer_done(&q);
    free(body);
}

static void a_message_of_many_frames_is_dropped_and_the_next_is_fine(void **state)
{
    hub *h = *state;
    ch_packet packet;
    hub_start(h);
    peer p = peer_known(h, &packet);
    ch_packet_done(&packet);
    static const int counts[] = {3, 10000};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        for (int k = 1; k < counts[i]; k++) {
            assert_int_equal(zmq_send(p.socket, "frame", 5, ZMQ_SNDMORE), 5);
        }
        peer_send(&p, "last", NULL, 0);
        packet = hub_receive(h);
        assert_int_equal(packet.frame_count, 0);
        assert_null(packet.frames[0]);
        assert_string_equal(packet.user, p.public_key);
        assert_status(send_to(h, &packet, "too many", NULL, 0), CH_OK);
        peer_message message = peer_receive(&p, h);
        assert_message(&message, "too many", NULL, 0);
        peer_message_done(&message);
    }
    peer_send(&p, "two", "frames", 6);
    packet = hub_receive(h);
    assert_packet(&packet, "two|frames");
    ch_packet_done(&packet);
    peer_done(&p);
}

static void for_a_packet_without_memory_it_is_told_whose_it_was(void **state)
{
    hub *h = *state;
    ch_packet first, packet;
    hub_start(h);
    peer p = peer_known(h, &first);
    for (unsigned frame = 1; frame <= 2; frame++) {
        ch_status status = CH_END;
        memset(&packet, 0xff, sizeof packet);
        peer_send(&p, "header", "body", 4);
        while (status == CH_END) {
            hub_serve(h, -1);
            refused_call = frame;
            status = ch_router_receive(h->router, &packet);
            refused_call = 0;
        }
        assert_status(status, CH_NO_MEMORY);
        assert_int_equal(packet.local, first.local);
        assert_int_equal(packet.route_size, first.route_size);
        assert_memory_equal(packet.route, first.route, first.route_size);
        assert_int_equal(packet.frame_count, 0);
        assert_true(packet.frames[0] == NULL && packet.frames[1] == NULL);
    }
    ch_packet_done(&first);
    peer_send(&p, "next", NULL, 0);
    packet = hub_receive(h);
    assert_packet(&packet, "next");
    ch_packet_done(&packet);
    peer_done(&p);
}

static void nothing_is_sent_to_a_route_that_does_not_exist(void **state)
{
    hub *h = *state;
    static const uint8_t route[] = {0, 1, 2, 3, 4};
    h->options.ipc_endpoint = NULL;
    hub_start(h);
    uint8_t *body = make_watched_body(5000);
    assert_status(ch_router_send(h->router, false, route, sizeof route, CH_STR("h"), body, 5000),
                  CH_NOT_FOUND);
    wait_for_release();
    assert_status(ch_router_send(h->router, false, route, 0, CH_STR("h"), NULL, 0), CH_NOT_FOUND);
    assert_status(ch_router_send(h->router, true, route, sizeof route, CH_STR("h"), make_body(10), 10),
                  CH_NOT_FOUND);
}

static void a_client_that_is_gone_is_not_found(void **state)
{
    hub *h = *state;
    ch_packet packet;
    hub_start(h);
    peer p = peer_known(h, &packet);
    ch_packet_done(&packet);
    peer_done(&p);
    ch_status status;
    while ((status = send_to(h, &packet, "still there?", NULL, 0)) == CH_OK) {
        /* Nothing is reported at the moment when libzmq takes the route out of its table. */
        assert_ok(ch_router_wait(h->router, NULL, NULL, 0, 10, &h->error), &h->error);
    }
    assert_status(status, CH_NOT_FOUND);
}

/* The client does not read: libzmq's queues on both sides and the kernel's buffers fill up. */
static int fill(hub *h, const ch_packet *to, size_t body_size)
{
    int sent = 0;
    for (;;) {
        char header[16];
        snprintf(header, sizeof header, "%d", sent);
        ch_status status = send_to(h, to, header, make_body(body_size), body_size);
        if (status == CH_FULL) {
            return sent;
        }
        assert_status(status, CH_OK);
        sent++;
    }
}

static void a_slow_client_is_full_and_gets_whole_messages_in_order(void **state)
{
    hub *h = *state;
    ch_packet packet;
    const size_t size = 256 * 1024;
    uint8_t *body = make_body(size);
    h->options.send_high_water = 4;
    hub_start(h);
    peer p = peer_known(h, &packet);
    ch_packet_done(&packet);
    int sent = fill(h, &packet, size);
    assert_true(sent >= 4);
    for (int i = 0; i < sent; i++) {
        char header[16];
        snprintf(header, sizeof header, "%d", i);
        peer_message message = peer_receive(&p, h);
        assert_message(&message, header, body, size);
        peer_message_done(&message);
    }
    ch_status status;
    while ((status = send_to(h, &packet, "last", NULL, 0)) == CH_FULL) {
        assert_ok(ch_router_wait(h->router, NULL, NULL, 0, 10, &h->error), &h->error);
    }
    assert_status(status, CH_OK);
    peer_message message = peer_receive(&p, h);
    assert_message(&message, "last", NULL, 0);
    peer_message_done(&message);
    peer_done(&p);
    free(body);
}

static void bodies_of_every_size_go_both_ways(void **state)
{
    hub *h = *state;
    ch_packet packet;
    static const size_t sizes[] = {0, 1, 2, 29, 33, 34, 255, 256, 1023, 1024, 1025, 8192, 65536, 1000000};
    hub_start(h);
    peer p = peer_known(h, &packet);
    ch_packet_done(&packet);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        uint8_t *body = make_body(sizes[i]);
        peer_send(&p, "", body, sizes[i]);
        packet = hub_receive(h);
        assert_int_equal(packet.frame_count, 2);
        ch_str got = ch_frame_str(packet.frames[1]);
        assert_int_equal(got.size, sizes[i]);
        assert_memory_equal(got.at, body, sizes[i]);
        ch_packet_done(&packet);
        assert_status(send_to(h, &packet, "", make_body(sizes[i]), sizes[i]), CH_OK);
        peer_message message = peer_receive(&p, h);
        assert_message(&message, "", body, sizes[i]);
        peer_message_done(&message);
        free(body);
    }
    peer_done(&p);
}

static void a_body_is_released_once_it_is_sent(void **state)
{
    hub *h = *state;
    ch_packet packet;
    static const size_t sizes[] = {10, 5000};
    hub_start(h);
    peer p = peer_known(h, &packet);
    ch_packet_done(&packet);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        atomic_store(&watched.count, 0);
        assert_status(send_to(h, &packet, "h", make_watched_body(sizes[i]), sizes[i]), CH_OK);
        peer_message message = peer_receive(&p, h);
        wait_for_release();
        atomic_store(&watched.at, NULL);
        uint64_t rings;
        assert_int_equal(read(watched.bell, &rings, sizeof rings), sizeof rings);
        peer_message_done(&message);
    }
    peer_done(&p);
}

static void a_shared_body_goes_to_many_and_is_released_with_its_last_reference(void **state)
{
    hub *h = *state;
    static const uint8_t nobody[] = {0, 1, 2, 3, 4};
    static const size_t sizes[] = {10, 5000};
    ch_packet packets[2];
    hub_start(h);
    peer peers[2] = {peer_known(h, &packets[0]), peer_known(h, &packets[1])};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        ch_shared_body *body;
        uint8_t *expected = make_body(sizes[i]);
        atomic_store(&watched.count, 0);
        assert_status(ch_shared_body_new(&body, make_watched_body(sizes[i]), sizes[i]), CH_OK);
        for (size_t k = 0; k < 2; k++) {
            assert_status(ch_router_send_shared(h->router, false, packets[k].route, packets[k].route_size,
                                                CH_STR("live"), ch_shared_body_ref(body)),
                          CH_OK);
        }
        assert_status(ch_router_send_shared(h->router, false, nobody, sizeof nobody, CH_STR("live"),
                                            ch_shared_body_ref(body)),
                      CH_NOT_FOUND);
        for (size_t k = 0; k < 2; k++) {
            peer_message message = peer_receive(&peers[k], h);
            assert_message(&message, "live", expected, sizes[i]);
            peer_message_done(&message);
        }
        assert_int_equal(atomic_load(&watched.count), 0);
        ch_shared_body_unref(body);
        wait_for_release();
        atomic_store(&watched.at, NULL);
        uint64_t rings;
        assert_int_equal(read(watched.bell, &rings, sizeof rings), sizeof rings);
        free(expected);
    }
    for (size_t k = 0; k < 2; k++) {
        ch_packet_done(&packets[k]);
        peer_done(&peers[k]);
    }
}

static void *free_frame(void *frame)
{
    ch_str bytes = ch_frame_str(frame);
    bool intact = bytes.size == 5000 && (uint8_t)bytes.at[4999] == (uint8_t)(4999 * 31 + 5000);
    ch_frame_free(frame);
    return intact ? NULL : frame;
}

static void a_frame_may_outlive_its_router_and_be_freed_by_another_thread(void **state)
{
    hub *h = *state;
    ch_packet packet;
    pthread_t other;
    void *failed;
    uint8_t *body = make_body(5000);
    hub_start(h);
    peer p = peer_known(h, &packet);
    ch_packet_done(&packet);
    peer_send(&p, "header", body, 5000);
    packet = hub_receive(h);
    peer_done(&p);
    hub_stop(h);
    assert_int_equal(pthread_create(&other, NULL, free_frame, packet.frames[1]), 0);
    assert_int_equal(pthread_join(other, &failed), 0);
    assert_null(failed);
    packet.frames[1] = NULL;
    ch_packet_done(&packet);
    free(body);
}

#define ROUTER_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROUTER_TEST(refuses_options_that_make_no_sense),
        ROUTER_TEST(a_port_in_use_is_an_error_and_leaves_nothing_behind),
        ROUTER_TEST(without_tcp_there_is_no_tcp_endpoint),
        ROUTER_TEST(tells_which_descriptor_is_ready),
        ROUTER_TEST(does_not_wake_for_messages_while_it_does_not_listen),
        ROUTER_TEST(receives_nothing_when_nothing_came),
        ROUTER_TEST(a_message_that_is_too_large_ends_that_connection_only),
        ROUTER_TEST(a_message_of_many_frames_is_dropped_and_the_next_is_fine),
        ROUTER_TEST(for_a_packet_without_memory_it_is_told_whose_it_was),
        ROUTER_TEST(nothing_is_sent_to_a_route_that_does_not_exist),
        ROUTER_TEST(a_client_that_is_gone_is_not_found),
        ROUTER_TEST(a_slow_client_is_full_and_gets_whole_messages_in_order),
        ROUTER_TEST(bodies_of_every_size_go_both_ways),
        ROUTER_TEST(a_body_is_released_once_it_is_sent),
        ROUTER_TEST(a_shared_body_goes_to_many_and_is_released_with_its_last_reference),
        ROUTER_TEST(a_frame_may_outlive_its_router_and_be_freed_by_another_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
