#include "tests/unit/client/peer.h"

#include "hub/base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zmq.h>

#define PATIENCE_MS 20000 /* how long a test may hang before it fails */

/* cmocka's failures are for the test's thread only. */
static void give_up(ch_peer *peer, const char *what, const char *more)
{
    (void)snprintf(peer->failure, sizeof peer->failure, "%s: %s", what, more);
    if (peer->script != NULL) {
        pthread_exit(NULL);
    }
    fail_msg("%s", peer->failure);
}

static int64_t now_ms(void)
{
    return ch_clock_monotonic_ms(ch_clock_real());
}

void peer_bind(ch_peer *peer)
{
    int linger = 0, timeout = 0;
    peer->router = zmq_socket(peer->context, ZMQ_ROUTER);
    assert_non_null(peer->router);
    assert_int_equal(zmq_setsockopt(peer->router, ZMQ_LINGER, &linger, sizeof linger), 0);
    assert_int_equal(zmq_setsockopt(peer->router, ZMQ_RCVTIMEO, &timeout, sizeof timeout), 0);
    assert_int_equal(zmq_bind(peer->router, peer->endpoint), 0);
}

/* The context goes with it: only then is the endpoint free for sure. */
void peer_unbind(ch_peer *peer)
{
    zmq_close(peer->router);
    zmq_ctx_term(peer->context);
    peer->context = zmq_ctx_new();
}

void peer_start(ch_peer *peer)
{
    memset(peer, 0, sizeof *peer);
    peer->heartbeat_ms = PEER_HEARTBEAT_MS;
    peer->window_events = 4096;
    peer->context = zmq_ctx_new();
    (void)snprintf(peer->dir, sizeof peer->dir, "/tmp/casehub-peer-XXXXXX");
    assert_non_null(mkdtemp(peer->dir));
    (void)snprintf(peer->endpoint, sizeof peer->endpoint, "ipc://%s/hub.ipc", peer->dir);
    peer_bind(peer);
}

void peer_stop(ch_peer *peer)
{
    char file[96];
    casehub_free(&peer->client);
    zmq_close(peer->router);
    zmq_ctx_term(peer->context);
    (void)snprintf(file, sizeof file, "%s/hub.ipc", peer->dir);
    (void)unlink(file);
    (void)rmdir(peer->dir);
    free(peer->header);
    free(peer->body);
}

int peer_tear_down(void **state)
{
    peer_stop(*state);
    return 0;
}

static void take_frame(ch_peer *peer, uint8_t **out_at, size_t *out_size, bool *out_more)
{
    zmq_msg_t frame;
    zmq_msg_init(&frame);
    assert_true(zmq_msg_recv(&frame, peer->router, 0) >= 0);
    free(*out_at);
    *out_size = zmq_msg_size(&frame);
    *out_at = malloc(*out_size + 1);
    assert_non_null(*out_at);
    memcpy(*out_at, zmq_msg_data(&frame), *out_size);
    *out_more = zmq_msg_more(&frame) != 0;
    zmq_msg_close(&frame);
}

static void take_events(ch_peer *peer)
{
    ch_mp_reader reader;
    ch_str item;
    ch_error error;
    uint32_t count;
    peer->event_count = 0;
    if (peer->message.verb != CH_CHP_PUBLISH) {
        return;
    }
    const ch_str body = {(char *)peer->body, peer->body_size};
    assert_int_equal(ch_chp_body_check(body, PEER_EVENTS_MAX, &count, &reader, &error), CH_OK);
    while (ch_mp_skip(&reader, &item)) {
        ch_event *event = &peer->events[peer->event_count++];
        assert_int_equal(ch_event_decode(item, CH_EVENT_PRODUCED, event, &error), CH_OK);
    }
}

static bool receive(ch_peer *peer)
{
    bool more;
    ch_error error;
    int size = zmq_recv(peer->router, peer->route, sizeof peer->route, ZMQ_DONTWAIT);
    if (size < 0) {
        return false;
    }
    peer->route_size = (size_t)size;
    take_frame(peer, &peer->header, &peer->header_size, &more);
    free(peer->body);
    peer->body = NULL;
    if (more) {
        take_frame(peer, &peer->body, &peer->body_size, &more);
        assert_false(more);
    }
    const ch_str header = {(char *)peer->header, peer->header_size};
    if (ch_chp_decode(header, &peer->message, &error) != CH_OK) {
        give_up(peer, error.where, error.text);
    }
    assert_int_equal(ch_chp_verb_bodies(peer->message.verb), peer->body != NULL);
    take_events(peer);
    return true;
}

bool peer_take(ch_peer *peer)
{
    if (peer->script == NULL && peer->client != NULL) {
        (void)casehub_poll(peer->client, 1);
    } else {
        zmq_pollitem_t item = {.socket = peer->router, .events = ZMQ_POLLIN};
        (void)zmq_poll(&item, 1, 10);
    }
    while (receive(peer)) {
        if (peer->message.verb != CH_CHP_PING) {
            return true;
        }
        const ch_chp_message pong = {.verb = CH_CHP_PONG, .request = peer->message.request};
        peer_send(peer, &pong, NULL);
    }
    return false;
}

const ch_chp_message *peer_expect(ch_peer *peer, ch_chp_verb verb)
{
    int64_t until_ms = now_ms() + PATIENCE_MS;
    while (!peer_take(peer)) {
        if (now_ms() > until_ms) {
            give_up(peer, "did not come", ch_chp_verb_name(verb));
        }
    }
    if (peer->message.verb != verb) {
        give_up(peer, ch_chp_verb_name(verb), ch_chp_verb_name(peer->message.verb));
    }
    return &peer->message;
}

void peer_poll_until(ch_peer *peer, const int *flag, int at_least)
{
    int64_t until_ms = now_ms() + PATIENCE_MS;
    while (*flag < at_least) {
        (void)casehub_poll(peer->client, 10);
        if (now_ms() > until_ms) {
            fail_msg("%d instead of %d", *flag, at_least);
        }
    }
}

void peer_send_frames(ch_peer *peer, const void *header, size_t header_size, const void *body,
                      size_t body_size)
{
    assert_true(zmq_send(peer->router, peer->route, peer->route_size, ZMQ_SNDMORE) >= 0);
    assert_true(zmq_send(peer->router, header, header_size, body == NULL ? 0 : ZMQ_SNDMORE) >= 0);
    if (body != NULL) {
        assert_true(zmq_send(peer->router, body, body_size, 0) >= 0);
    }
}

void peer_send(ch_peer *peer, const ch_chp_message *message, const ch_buf *body)
{
    ch_buf header;
    ch_buf_init(&header, CH_CHP_HEADER_MAX);
    ch_chp_encode(&header, message);
    assert_int_equal(header.failed, CH_OK);
    peer_send_frames(peer, header.at, header.size, body == NULL ? NULL : body->at,
                     body == NULL ? 0 : body->size);
    ch_buf_done(&header);
}

void peer_welcome(ch_peer *peer)
{
    const ch_chp_message *hello = peer_expect(peer, CH_CHP_HELLO);
    const ch_chp_message welcome = {.verb = CH_CHP_WELCOME,
                                    .request = hello->request,
                                    .welcome = {.hub_code = CH_STR("ZJ"),
                                                .version = CH_STR("0.1.0"),
                                                .name = CH_STR("desk"),
                                                .role = CH_STR("department"),
                                                .protocol = 1,
                                                .epoch = 3,
                                                .sequence = 100,
                                                .batch_events = CH_CHP_BATCH_MAX,
                                                .body_bytes = CH_CHP_BODY_MAX,
                                                .window_events = peer->window_events,
                                                .heartbeat_ms = peer->heartbeat_ms}};
    peer_send(peer, &welcome, NULL);
    if (peer->script == NULL) {
        assert_int_equal(casehub_wait(peer->client, PATIENCE_MS), 0);
    }
}

void peer_error(ch_peer *peer, uint64_t request, const char *code, const char *where, uint64_t position)
{
    const ch_chp_message message = {.verb = CH_CHP_ERROR,
                                    .request = request,
                                    .error = {.code = ch_str_of(code),
                                              .text = CH_STR("said the peer"),
                                              .where = ch_str_of(where),
                                              .position = (int64_t)position}};
    peer_send(peer, &message, NULL);
}

void peer_published_to(ch_peer *peer, uint64_t request, size_t count, size_t accepted, ch_status status)
{
    ch_buf header;
    ch_buf_init(&header, CH_CHP_HEADER_MAX);
    size_t begun_at = ch_chp_published_begin(&header, request);
    for (size_t i = 0; i < count; i++) {
        const ch_chp_answer in = {.status = CH_OK,
                                  .sequence = ++peer->sequence,
                                  .case_version = 1,
                                  .case_id = CH_STR("ZJ-20261123-1")};
        const ch_chp_answer out = {.status = status,
                                   .case_id = CH_STR(""),
                                   .text = CH_STR("not so"),
                                   .where = CH_STR("data.kind"),
                                   .present_state = CH_STR("closed")};
        ch_chp_published_append(&header, i < accepted ? &in : &out);
    }
    ch_chp_published_end(&header, begun_at, (uint32_t)count);
    peer_send_frames(peer, header.at, header.size, NULL, 0);
    ch_buf_done(&header);
}

void peer_published(ch_peer *peer, size_t accepted, ch_status status)
{
    peer_published_to(peer, peer->message.request, peer->event_count, accepted, status);
}

static void put_event(ch_buf *out, uint64_t sequence, const char *case_id)
{
    const ch_event event = {.id = CH_STR("7"),
                            .source = CH_STR("hotline/81890"),
                            .type = CH_STR("case.noted"),
                            .time_ms = 1763863200000,
                            .subject = ch_str_of(case_id),
                            .data = CH_STR("\x81\xa4text\xa2hi"),
                            .expected_version = -1,
                            .sequence = sequence,
                            .epoch = 3,
                            .recorded_ms = 1763863200001,
                            .topic = CH_STR("case.noted.hotline._.33"),
                            .case_version = 2,
                            .case_state = CH_CASE_RECEIVED,
                            .cycle = 1,
                            .actor = CH_STR("hotline")};
    ch_event_encode(out, &event);
}

void peer_events(ch_peer *peer, uint64_t request, int64_t subscription, int64_t next,
                 const uint64_t *sequences, size_t count, const char *case_id, unsigned attempt)
{
    ch_buf body, attempts;
    ch_buf_init(&body, CH_CHP_BODY_MAX);
    ch_buf_init(&attempts, CH_CHP_HEADER_MAX);
    ch_mp_put_array(&body, (uint32_t)count);
    ch_mp_put_array(&attempts, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        put_event(&body, sequences[i], case_id);
        ch_mp_put_array(&attempts, 2);
        ch_mp_put_uint(&attempts, sequences[i]);
        ch_mp_put_uint(&attempts, attempt);
    }
    const ch_chp_message message = {
        .verb = CH_CHP_EVENTS,
        .request = request,
        .events = {.subscription = subscription,
                   .next = next,
                   .attempts = attempt > 1 ? ch_buf_str(&attempts) : CH_STR_NONE}};
    assert_int_equal(body.failed, CH_OK);
    peer_send(peer, &message, &body);
    ch_buf_done(&body);
    ch_buf_done(&attempts);
}

static void *run(void *context)
{
    ch_peer *peer = context;
    peer->script(peer);
    return NULL;
}

void peer_run(ch_peer *peer, void (*script)(ch_peer *peer))
{
    peer->script = script;
    peer->failure[0] = '\0';
    assert_int_equal(pthread_create(&peer->thread, NULL, run, peer), 0);
}

void peer_join(ch_peer *peer)
{
    assert_int_equal(pthread_join(peer->thread, NULL), 0);
    peer->script = NULL;
    assert_string_equal(peer->failure, "");
}

casehub *peer_client(ch_peer *peer, const casehub_options *options)
{
    casehub_options own = *options;
    own.size = sizeof own;
    own.endpoint = peer->endpoint;
    own.name = "test/1.0";
    peer->client = casehub_new(&own);
    assert_non_null(peer->client);
    return peer->client;
}

size_t event_bytes(uint8_t out[512], unsigned number)
{
    char id[16];
    ch_buf encoded;
    ch_buf_init(&encoded, 512);
    (void)snprintf(id, sizeof id, "%u", number);
    const ch_event event = {.id = ch_str_of(id),
                            .source = CH_STR("hotline/81890"),
                            .type = CH_STR("case.opened"),
                            .time_ms = 1763863200000,
                            .ref = ch_str_of(id),
                            .expected_version = -1};
    ch_event_encode(&encoded, &event);
    assert_int_equal(encoded.failed, CH_OK);
    size_t size = encoded.size;
    memcpy(out, encoded.at, size);
    ch_buf_done(&encoded);
    return size;
}

int publish_number(casehub *hub, unsigned number)
{
    uint8_t bytes[512];
    size_t size = event_bytes(bytes, number);
    return casehub_publish(hub, bytes, size, number);
}
