/* Who is let in, and under which name. */
#include "tests/unit/net/peer.h"

#include <string.h>
#include <unistd.h>
#include <zmq.h>

static void a_key_that_nobody_knows_is_refused(void **state)
{
    hub *h = *state;
    ch_packet packet;
    peer p = peer_new();
    hub_start(h);
    peer_connect_tcp(&p, h);
    peer_send(&p, "let me in", NULL, 0);
    assert_int_equal(
        peer_wait_for_event(&p, h, ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH),
        ZMQ_EVENT_HANDSHAKE_FAILED_AUTH);
    assert_status(ch_router_receive(h->router, &packet), CH_END);
    peer_done(&p);
}

static void a_client_without_curve_is_refused_over_tcp(void **state)
{
    hub *h = *state;
    ch_packet packet;
    peer p = peer_new();
    h->knows_everybody = true;
    hub_start(h);
    assert_int_equal(zmq_connect(p.socket, ch_router_endpoint(h->router)), 0);
    peer_send(&p, "let me in", NULL, 0);
    peer_wait_for_event(&p, h, ZMQ_EVENT_DISCONNECTED);
    assert_status(ch_router_receive(h->router, &packet), CH_END);
    peer_done(&p);
}

static void a_known_key_is_let_in_and_is_its_own_name(void **state)
{
    hub *h = *state;
    ch_packet first, second;
    hub_start(h);
    peer p = peer_known(h, &first), q = peer_known(h, &second);
    assert_false(first.local);
    assert_string_equal(first.user, p.public_key);
    assert_string_equal(second.user, q.public_key);
    ch_packet_done(&first);
    ch_packet_done(&second);
    peer_done(&p);
    peer_done(&q);
}

/* Many messages between two waits: libzmq has some of their routing ids ready before it is asked. */
static void every_message_carries_its_user_also_after_a_poll(void **state)
{
    hub *h = *state;
    ch_packet packet;
    hub_start(h);
    peer p = peer_known(h, &packet);
    ch_packet_done(&packet);
    for (int i = 0; i < 200; i++) {
        peer_send(&p, "again", "body", 4);
        hub_serve(h, -1);
        if (ch_router_receive(h->router, &packet) == CH_OK) {
            assert_string_equal(packet.user, p.public_key);
            ch_packet_done(&packet);
        }
    }
    peer_done(&p);
}

static void who_comes_over_ipc_is_local(void **state)
{
    hub *h = *state;
    peer p = peer_new();
    hub_start(h);
    peer_connect_ipc(&p, h);
    peer_send(&p, "hello", "body", 4);
    ch_packet packet = hub_receive(h);
    assert_packet(&packet, "hello|body");
    assert_true(packet.local);
    assert_string_equal(packet.user, "local");
    ch_packet_done(&packet);
    peer_done(&p);
}

/* ZMTP 3.0 by hand (RFC 23): a greeting with the NULL mechanism, READY with a property that only ZAP may set, and a
 * message of one frame. */
static void a_client_cannot_name_its_own_user(void **state)
{
    hub *h = *state;
    static const char ready[] = "\x05READY"
                                "\x0bSocket-Type\0\0\0\x06"
                                "DEALER"
                                "\x07User-Id\0\0\0\x04"
                                "root";
    char greeting[64] = {
        [0] = '\xff', [9] = '\x7f', [10] = 3, [12] = 'N', [13] = 'U', [14] = 'L', [15] = 'L'};
    char head[2] = {4, sizeof ready - 1};
    hub_start(h);
    int fd = raw_connect_ipc(h);
    raw_send(fd, greeting, sizeof greeting);
    raw_send(fd, head, sizeof head);
    raw_send(fd, ready, sizeof ready - 1);
    raw_receive(fd, h, sizeof greeting + sizeof head); /* a message before its READY would be an offence */
    raw_send(fd, "\0\x05hello", 7);
    ch_packet packet = hub_receive(h);
    assert_packet(&packet, "hello");
    assert_string_equal(packet.user, "local");
    ch_packet_done(&packet);
    close(fd);
}

static void a_client_that_chooses_its_routing_id_is_not_heard_but_can_be_told(void **state)
{
    hub *h = *state;
    peer p = peer_new();
    hub_start(h);
    assert_int_equal(zmq_setsockopt(p.socket, ZMQ_ROUTING_ID, "hotline", 7), 0);
    peer_connect_ipc(&p, h);
    peer_send(&p, "hello", "body", 4);
    ch_packet packet = hub_receive(h);
    assert_int_equal(packet.frame_count, 0);
    assert_null(packet.frames[0]);
    assert_string_equal(packet.user, "local");
    assert_status(ch_router_send(h->router, true, packet.route, packet.route_size, CH_STR("no"), NULL, 0),
                  CH_OK);
    peer_message message = peer_receive(&p, h);
    assert_message(&message, "no", NULL, 0);
    peer_message_done(&message);
    peer_done(&p);
}

static void a_client_with_a_routing_id_too_long_to_answer_is_dropped(void **state)
{
    hub *h = *state;
    char id[CH_ROUTE_ID_MAX + 1];
    memset(id, 'r', sizeof id);
    peer p = peer_new(), q = peer_new();
    hub_start(h);
    assert_int_equal(zmq_setsockopt(p.socket, ZMQ_ROUTING_ID, id, sizeof id), 0);
    peer_connect_ipc(&p, h);
    peer_send(&p, "dropped", NULL, 0);
    peer_wait_for_event(&p, h, ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    peer_connect_ipc(&q, h);
    peer_send(&q, "heard", NULL, 0);
    ch_packet packet = hub_receive(h);
    assert_packet(&packet, "heard");
    ch_packet_done(&packet);
    peer_done(&p);
    peer_done(&q);
}

static void proves_that_a_made_up_key_is_refused(void **state)
{
    hub *h = *state;
    ch_packet packet;
    hub_start(h);
    assert_ok(ch_router_prove_refusal(h->router, 60000, &h->error), &h->error);
    peer p = peer_known(h, &packet);
    ch_packet_done(&packet);
    peer_done(&p);
}

static void finds_out_that_a_made_up_key_is_let_in(void **state)
{
    hub *h = *state;
    h->knows_everybody = true;
    hub_start(h);
    assert_status(ch_router_prove_refusal(h->router, 60000, &h->error), CH_DENIED);
    assert_status(h->error.status, CH_DENIED);
}

static void proves_nothing_in_no_time(void **state)
{
    hub *h = *state;
    hub_start(h);
    assert_status(ch_router_prove_refusal(h->router, 0, &h->error), CH_INVALID);
    h->options.tcp_endpoint = NULL;
    hub_stop(h);
    hub_start(h);
    assert_ok(ch_router_prove_refusal(h->router, 60000, &h->error), &h->error);
}

static void bytes_of_other_protocols_do_no_harm(void **state)
{
    hub *h = *state;
    static const struct {
        const char *bytes;
        size_t size;
    } rows[] = {
        {"GET / HTTP/1.1\r\nHost: hub\r\n\r\n", 29},
        {"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" /* a TLS ClientHello begins so */, 11},
        {"\x01\x00", 2}, /* ZMTP 1.0: no mechanism, so no user */
        {"\xff\0\0\0\0\0\0\0\1\x7f\1\5", 12} /* ZMTP 2.0 */,
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 16},
        {"", 0}, /* says nothing */
    };
    ch_packet packet;
    h->options.handshake_ms = 200;
    hub_start(h);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int fd = raw_connect_tcp(h);
        raw_send(fd, rows[i].bytes, rows[i].size);
        raw_wait_for_end(fd, h);
    }
    assert_status(ch_router_receive(h->router, &packet), CH_END);
    h->options.handshake_ms = 30000;
    hub_stop(h);
    hub_start(h);
    peer p = peer_known(h, &packet);
    ch_packet_done(&packet);
    peer_done(&p);
}

static void garbage_beside_a_client_does_not_disturb_it(void **state)
{
    hub *h = *state;
    ch_packet packet;
    char garbage[4096];
    memset(garbage, '?', sizeof garbage);
    hub_start(h);
    peer p = peer_known(h, &packet);
    ch_packet_done(&packet);
    int fd = raw_connect_tcp(h), other = raw_connect_ipc(h);
    raw_send(fd, garbage, sizeof garbage);
    raw_send(other, garbage, sizeof garbage);
    raw_wait_for_end(fd, h);
    raw_wait_for_end(other, h);
    peer_send(&p, "still here", NULL, 0);
    packet = hub_receive(h);
    assert_packet(&packet, "still here");
    ch_packet_done(&packet);
    peer_done(&p);
}

static void a_connection_beyond_the_limit_is_cut_until_another_ends(void **state)
{
    hub *h = *state;
    ch_packet packet;
    h->options.max_sockets = 2;
    hub_start(h);
    peer p = peer_known(h, &packet);
    ch_packet_done(&packet);
    int idle = raw_connect_tcp(h);
    raw_wait_for_end(raw_connect_tcp(h), h);
    raw_wait_for_end(raw_connect_tcp(h), h);
    close(idle);
    peer q = peer_known(h, &packet); /* connects again and again until there is room */
    ch_packet_done(&packet);
    peer_send(&p, "the first is left alone", NULL, 0);
    packet = hub_receive(h);
    assert_packet(&packet, "the first is left alone");
    ch_packet_done(&packet);
    peer_done(&p);
    peer_done(&q);
}

#define LET_IN_TEST(name) cmocka_unit_test_setup_teardown(name, hub_setup, hub_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LET_IN_TEST(a_key_that_nobody_knows_is_refused),
        LET_IN_TEST(a_client_without_curve_is_refused_over_tcp),
        LET_IN_TEST(a_known_key_is_let_in_and_is_its_own_name),
        LET_IN_TEST(every_message_carries_its_user_also_after_a_poll),
        LET_IN_TEST(who_comes_over_ipc_is_local),
        LET_IN_TEST(a_client_cannot_name_its_own_user),
        LET_IN_TEST(a_client_that_chooses_its_routing_id_is_not_heard_but_can_be_told),
        LET_IN_TEST(a_client_with_a_routing_id_too_long_to_answer_is_dropped),
        LET_IN_TEST(proves_that_a_made_up_key_is_refused),
        LET_IN_TEST(finds_out_that_a_made_up_key_is_let_in),
        LET_IN_TEST(proves_nothing_in_no_time),
        LET_IN_TEST(bytes_of_other_protocols_do_no_harm),
        LET_IN_TEST(garbage_beside_a_client_does_not_disturb_it),
        LET_IN_TEST(a_connection_beyond_the_limit_is_cut_until_another_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
