/* Connecting, greeting, heartbeats, reconnecting. */
#include "tests/unit/client/peer.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <zmq.h>

typedef struct seen {
    int up, down;
    char text[200];
} seen;

static void on_state(void *context, bool connected, const char *text)
{
    seen *noted = context;
    noted->up += connected;
    noted->down += !connected;
    (void)snprintf(noted->text, sizeof noted->text, "%s", text);
}

static ch_peer other;
static seen state;

static int start(void **context)
{
    *context = &other;
    memset(&state, 0, sizeof state);
    peer_start(&other);
    peer_client(&other, &(casehub_options){.context = &state, .on_state = on_state});
    return 0;
}

static void a_malformed_endpoint_is_told_at_once(void **context)
{
    (void)context;
    const char *const bad[] = {
        "", "nonsense", "tcp://127.0.0.1", "tcp://127.0.0.1:7070", "udp://127.0.0.1:1", "ipc://"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        errno = 0;
        assert_null(
            casehub_new(&(casehub_options){CASEHUB_SIZE(casehub_options), .endpoint = bad[i], .name = "t"}));
        assert_int_equal(errno, EINVAL);
    }
}

static void options_of_a_wrong_size_are_refused(void **context)
{
    (void)context;
    assert_null(casehub_new(NULL));
    assert_null(casehub_new(&(casehub_options){.endpoint = "ipc:///tmp/x", .name = "t"}));
    assert_null(casehub_new(
        &(casehub_options){CASEHUB_SIZE(casehub_options), .endpoint = "ipc:///tmp/x", .name = ""}));
    assert_null(casehub_new(&(casehub_options){CASEHUB_SIZE(casehub_options), .endpoint = "ipc:///tmp/x",
                                               .name = "t", .window = 70000}));
}

static void without_a_hub_waiting_ends_in_time_and_says_why(void **context)
{
    (void)context;
    peer_unbind(&other);
    do {
        assert_int_equal(casehub_wait(other.client, 20), -1);
        assert_string_equal(casehub_error_code(other.client), "timeout");
    } while (strstr(casehub_error_text(other.client), "cannot connect") == NULL);
    assert_int_equal(casehub_wait(other.client, 300), -1); /* tried again, told once */
    assert_int_equal(state.up, 0);
    assert_int_equal(state.down, 1);
    peer_bind(&other);
}

static void the_welcome_says_who_we_are(void **context)
{
    (void)context;
    assert_string_equal(casehub_actor(other.client), "");
    const ch_chp_message *hello = peer_expect(&other, CH_CHP_HELLO);
    assert_true(ch_str_is(hello->hello.client, "test/1.0"));
    assert_int_equal(hello->hello.version_least, 1);
    assert_int_equal(hello->hello.version_most, 1);
    peer_error(&other, hello->request, "busy", "HELLO", 0);
    peer_welcome(&other); /* busy is a matter of time */
    assert_string_equal(casehub_actor(other.client), "desk");
    assert_string_equal(casehub_role(other.client), "department");
    assert_string_equal(casehub_hub_code(other.client), "ZJ");
    assert_int_equal(state.up, 1);
}

static void a_refused_version_is_denied_for_good(void **context)
{
    (void)context;
    const ch_chp_message *hello = peer_expect(&other, CH_CHP_HELLO);
    peer_error(&other, hello->request, "unsupported", "HELLO.version_least", 0);
    assert_int_equal(casehub_wait(other.client, 10000), -1);
    assert_string_equal(casehub_error_code(other.client), "denied");
    assert_int_equal(casehub_poll(other.client, 0), -1);
    assert_string_equal(casehub_error_code(other.client), "denied");
    assert_int_equal(publish_number(other.client, 1), -1);
    assert_string_equal(casehub_error_code(other.client), "denied");
    assert_int_equal(casehub_poll(other.client, 200), -1);
    assert_false(peer_take(&other));
}

static void a_hub_of_another_version_is_denied_for_good(void **context)
{
    (void)context;
    static const uint8_t version_2[] = {0x93, 2, 2, 1};
    peer_expect(&other, CH_CHP_HELLO);
    peer_send_frames(&other, version_2, sizeof version_2, NULL, 0);
    assert_int_equal(casehub_wait(other.client, 10000), -1);
    assert_string_equal(casehub_error_code(other.client), "denied");
}

static void a_revoked_grant_ends_an_open_session_for_good(void **context)
{
    (void)context;
    peer_welcome(&other);
    peer_error(&other, 0, "denied", "HELLO", 0);
    peer_poll_until(&other, &state.down, 1);
    assert_int_equal(casehub_poll(other.client, 0), -1);
    assert_string_equal(casehub_error_code(other.client), "denied");
}

static void a_hub_that_forgot_the_session_is_greeted_again(void **context)
{
    (void)context;
    peer_welcome(&other);
    peer_error(&other, 0, "invalid", "HELLO", 0);
    peer_welcome(&other);
    assert_int_equal(state.up, 2);
}

static void malformed_frames_do_no_harm_but_end_the_session(void **context)
{
    (void)context;
    static const struct {
        const char *header;
        size_t header_size;
        const char *body;
        size_t body_size;
    } bad[] = {
        {"", 0, NULL, 0},
        {"\xc1", 1, NULL, 0},
        {"\x93\x01\x02", 3, NULL, 0},
        {"\xdd\xff\xff\xff\xff", 5, NULL, 0},
        {"\x93\x01\x01\x01", 4, NULL, 0},     /* HELLO, from a hub */
        {"\x93\x01\x11\x00", 4, "\x90", 1},   /* PONG with a body */
        {"\x94\x01\x07\x00\x01", 5, NULL, 0}, /* EVENTS without one */
        {"\x94\x01\x07\x00\x01", 5, "\xc1", 1},
        {"\x93\x02\x11\x00", 4, NULL, 0},          /* another version */
        {"\x95\x01\x02\x01\x01\xa1Z", 7, NULL, 0}, /* half a WELCOME */
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        peer_welcome(&other);
        peer_send_frames(&other, bad[i].header, bad[i].header_size, bad[i].body, bad[i].body_size);
        peer_poll_until(&other, &state.down, (int)i + 1);
        assert_true(state.text[0] != '\0');
    }
    peer_welcome(&other);
}

static void a_verb_of_a_newer_hub_is_dropped(void **context)
{
    (void)context;
    peer_welcome(&other);
    peer_send_frames(&other, "\x93\x01\x63\x00", 4, NULL, 0);
    peer_send_frames(&other, "\x93\x01\x10\x05", 4, NULL, 0); /* PING */
    assert_int_equal(peer_expect(&other, CH_CHP_PONG)->request, 5);
    assert_int_equal(state.down, 0);
}

static void a_silent_hub_is_left(void **context)
{
    (void)context;
    other.heartbeat_ms = 20;
    peer_welcome(&other);
    peer_poll_until(&other, &state.down, 1); /* nobody answers its PING */
    assert_non_null(strstr(state.text, "silent"));
    other.heartbeat_ms = PEER_HEARTBEAT_MS;
    peer_welcome(&other);
}

static void a_hub_that_answers_pings_is_kept(void **context)
{
    (void)context;
    other.heartbeat_ms = 100;
    peer_welcome(&other);
    int pings = 0;
    while (pings < 4) {
        uint8_t frames[3][64];
        (void)casehub_poll(other.client, 5);
        if (zmq_recv(other.router, frames[0], 64, ZMQ_DONTWAIT) > 0) {
            assert_true(zmq_recv(other.router, frames[1], 64, 0) > 0);
            peer_send_frames(&other, "\x93\x01\x11\x00", 4, NULL, 0);
            pings++;
        }
    }
    assert_int_equal(state.down, 0);
}

static void a_hub_that_comes_back_is_found(void **context)
{
    (void)context;
    peer_welcome(&other);
    peer_unbind(&other);
    peer_poll_until(&other, &state.down, 1);
    peer_bind(&other);
    peer_welcome(&other);
    assert_int_equal(state.up, 2);
}

static void try_to_poll(void *context, bool connected, const char *text)
{
    seen *noted = context;
    casehub *hub = other.client;
    (void)text;
    noted->up += connected;
    if (connected) {
        assert_int_equal(casehub_poll(hub, 0), -1);
        assert_string_equal(casehub_error_code(hub), "invalid");
        assert_int_equal(casehub_flush(hub, 0), -1);
        assert_int_equal(casehub_wait(hub, 0), -1);
        assert_int_equal(casehub_seek(hub, "x", "all", 0), -1);
        casehub_free(&hub);
        assert_non_null(hub);
    }
}

static void a_callback_may_not_wait(void **context)
{
    (void)context;
    casehub_free(&other.client);
    peer_unbind(&other);
    peer_bind(&other);
    peer_client(&other, &(casehub_options){.context = &state, .on_state = try_to_poll});
    peer_welcome(&other);
    assert_int_equal(state.up, 1);
}

/* A loop of its own: only polls the client when the descriptor is readable. */
static void the_descriptor_tells_when_there_is_something_to_do(void **context)
{
    (void)context;
    struct pollfd watched = {.fd = casehub_fd(other.client), .events = POLLIN};
    peer_welcome(&other);
    assert_int_equal(casehub_poll(other.client, 0), 0);
    while (poll(&watched, 1, 0) == 1) {
        assert_int_equal(casehub_poll(other.client, 0), 0);
    }
    assert_int_equal(publish_number(other.client, 1), 0);
    assert_int_equal(poll(&watched, 1, 10000), 1);
    assert_int_equal(casehub_poll(other.client, 0), 0);
    peer_expect(&other, CH_CHP_PUBLISH);
    while (poll(&watched, 1, 0) == 1) {
        assert_int_equal(casehub_poll(other.client, 0), 0);
    }
    peer_published(&other, 1, CH_OK);
    assert_int_equal(poll(&watched, 1, 10000), 1);
    assert_int_equal(casehub_flush(other.client, 10000), 0);
}

/* A loop that asks for it in each round must be able to sleep. */
static void asking_for_the_descriptor_again_does_not_ring_it(void **context)
{
    (void)context;
    struct pollfd watched = {.fd = casehub_fd(other.client), .events = POLLIN};
    peer_welcome(&other);
    do {
        assert_int_equal(casehub_poll(other.client, 0), 0);
    } while (poll(&watched, 1, 0) == 1);
    assert_int_equal(casehub_fd(other.client), watched.fd);
    assert_int_equal(poll(&watched, 1, 0), 0);
}

#define WITH_PEER(test) cmocka_unit_test_setup_teardown(test, start, peer_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_malformed_endpoint_is_told_at_once),
        cmocka_unit_test(options_of_a_wrong_size_are_refused),
        WITH_PEER(without_a_hub_waiting_ends_in_time_and_says_why),
        WITH_PEER(a_refused_version_is_denied_for_good),
        WITH_PEER(a_hub_of_another_version_is_denied_for_good),
        WITH_PEER(a_revoked_grant_ends_an_open_session_for_good),
        WITH_PEER(a_hub_that_forgot_the_session_is_greeted_again),
        WITH_PEER(malformed_frames_do_no_harm_but_end_the_session),
        WITH_PEER(a_verb_of_a_newer_hub_is_dropped),
        WITH_PEER(a_silent_hub_is_left),
        WITH_PEER(a_hub_that_answers_pings_is_kept),
        WITH_PEER(a_hub_that_comes_back_is_found),
        WITH_PEER(a_callback_may_not_wait),
        WITH_PEER(the_welcome_says_who_we_are),
        WITH_PEER(the_descriptor_tells_when_there_is_something_to_do),
        WITH_PEER(asking_for_the_descriptor_again_does_not_ring_it),
    };
    return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
