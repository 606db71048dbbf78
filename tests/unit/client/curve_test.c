/* Keys on a real CURVE socket, with a ZAP handler that says what the test wants. */
#include "tests/unit/client/peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zmq.h>

static ch_peer other;
static void *zap;
static pthread_t zap_thread;
static const char *verdict;
static char hub_public[41], hub_secret[41], key_file[96], public_file[104];

/* RFC 27: version, request id, domain, address, routing id, mechanism, credentials; ends with the context. */
static void *serve_zap(void *context)
{
    char request_id[64], rest[256];
    (void)context;
    for (;;) {
        int more = 1;
        size_t size = sizeof more;
        if (zmq_recv(zap, rest, sizeof rest, 0) < 0) {
            zmq_close(zap);
            return NULL;
        }
        int id_size = zmq_recv(zap, request_id, sizeof request_id, 0);
        while (zmq_getsockopt(zap, ZMQ_RCVMORE, &more, &size) == 0 && more != 0) {
            (void)zmq_recv(zap, rest, sizeof rest, 0);
        }
        (void)zmq_send(zap, "1.0", 3, ZMQ_SNDMORE);
        (void)zmq_send(zap, request_id, (size_t)id_size, ZMQ_SNDMORE);
        (void)zmq_send(zap, verdict, strlen(verdict), ZMQ_SNDMORE);
        (void)zmq_send(zap, "", 0, ZMQ_SNDMORE);
        (void)zmq_send(zap, "desk", 4, ZMQ_SNDMORE);
        (void)zmq_send(zap, "", 0, 0);
    }
}

static void start_hub(const char *says)
{
    int on = 1, linger = 0;
    size_t size = sizeof other.endpoint;
    verdict = says;
    zap = zmq_socket(other.context, ZMQ_REP);
    assert_int_equal(zmq_bind(zap, "inproc://zeromq.zap.01"), 0);
    assert_int_equal(pthread_create(&zap_thread, NULL, serve_zap, NULL), 0);
    zmq_close(other.router);
    other.router = zmq_socket(other.context, ZMQ_ROUTER);
    assert_int_equal(zmq_setsockopt(other.router, ZMQ_LINGER, &linger, sizeof linger), 0);
    assert_int_equal(zmq_setsockopt(other.router, ZMQ_CURVE_SERVER, &on, sizeof on), 0);
    assert_int_equal(zmq_setsockopt(other.router, ZMQ_CURVE_SECRETKEY, hub_secret, 40), 0);
    assert_int_equal(zmq_bind(other.router, "tcp://127.0.0.1:*"), 0);
    assert_int_equal(zmq_getsockopt(other.router, ZMQ_LAST_ENDPOINT, other.endpoint, &size), 0);
}

static void connect_with(const char *server_key)
{
    char public_key[41];
    assert_int_equal(casehub_key_new(key_file, server_key, public_key), 0);
    peer_client(&other, &(casehub_options){.key_file = key_file});
}

static int start(void **context)
{
    (void)context;
    peer_start(&other);
    (void)snprintf(key_file, sizeof key_file, "%s/desk.key", other.dir);
    (void)snprintf(public_file, sizeof public_file, "%s.pub", key_file);
    return zmq_curve_keypair(hub_public, hub_secret);
}

static int stop(void **context)
{
    (void)context;
    (void)unlink(key_file);
    (void)unlink(public_file);
    peer_stop(&other); /* which ends the ZAP handler */
    return pthread_join(zap_thread, NULL);
}

static void an_unknown_key_is_denied_for_good(void **context)
{
    (void)context;
    start_hub("400");
    connect_with(hub_public);
    assert_int_equal(casehub_wait(other.client, 20000), -1);
    assert_string_equal(casehub_error_code(other.client), "denied");
    assert_non_null(strstr(casehub_error_text(other.client), "key"));
    assert_int_equal(casehub_poll(other.client, 200), -1);
    assert_string_equal(casehub_error_code(other.client), "denied");
}

static void a_hub_that_cannot_check_keys_now_is_tried_again(void **context)
{
    (void)context;
    start_hub("500");
    connect_with(hub_public);
    assert_int_equal(casehub_wait(other.client, 300), -1);
    assert_string_equal(casehub_error_code(other.client), "timeout");
}

static void a_wrong_key_of_the_hub_is_explained(void **context)
{
    (void)context;
    char wrong_public[41], wrong_secret[41];
    assert_int_equal(zmq_curve_keypair(wrong_public, wrong_secret), 0);
    start_hub("200");
    connect_with(wrong_public);
    do {
        assert_int_equal(casehub_wait(other.client, 100), -1);
        assert_string_equal(casehub_error_code(other.client), "timeout");
    } while (strstr(casehub_error_text(other.client), "no answer yet") != NULL);
    assert_non_null(strstr(casehub_error_text(other.client), "`server` in the key file"));
}

static void a_known_key_is_welcomed(void **context)
{
    (void)context;
    start_hub("200");
    connect_with(hub_public);
    peer_welcome(&other);
    assert_string_equal(casehub_actor(other.client), "desk");
}

#define WITH_HUB(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_HUB(an_unknown_key_is_denied_for_good),
        WITH_HUB(a_hub_that_cannot_check_keys_now_is_tried_again),
        WITH_HUB(a_wrong_key_of_the_hub_is_explained),
        WITH_HUB(a_known_key_is_welcomed),
    };
    return cmocka_run_group_tests_name("curve", tests, NULL, NULL);
}
