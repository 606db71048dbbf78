/* casehub_publish_batch: all or nothing, with a checkpoint. */
#include "tests/unit/client/peer.h"

#include <stdio.h>

#define EVENTS 3

static ch_peer other;
static casehub_batch batch;
static uint8_t bytes[EVENTS][512];
static const void *encoded[EVENTS];
static size_t sizes[EVENTS];
static int answers;
static char codes[16][16];
static uint64_t tokens[16], dead_letters[16];

static void on_answer(void *context, const casehub_answer *answer)
{
    (void)context;
    assert_true(answers < 16);
    tokens[answers] = answer->token;
    dead_letters[answers] = answer->dead_letter;
    (void)snprintf(codes[answers++], sizeof codes[0], "%s", answer->code);
}

static int start(void **context)
{
    *context = &other;
    answers = 0;
    for (unsigned i = 0; i < EVENTS; i++) {
        sizes[i] = event_bytes(bytes[i], i);
        encoded[i] = bytes[i];
    }
    batch = (casehub_batch){
        CASEHUB_SIZE(casehub_batch), .connector = "hotline", .from = "41",           .to = "42",
        .default_kind = "request",   .encoded = encoded,     .encoded_sizes = sizes, .count = EVENTS,
        .history_until_ms = 4711};
    peer_start(&other);
    peer_client(&other, &(casehub_options){.on_answer = on_answer});
    return 0;
}

static void assert_error(const char *code, const char *where)
{
    assert_string_equal(casehub_error_code(other.client), code);
    assert_non_null(strstr(casehub_error_where(other.client), where));
}

static void bad_arguments_are_refused(void **context)
{
    (void)context;
    casehub_batch bad = batch;
    bad.size = 1;
    assert_int_equal(casehub_publish_batch(other.client, &bad, 0), -1);
    bad = batch;
    bad.count = 257;
    assert_int_equal(casehub_publish_batch(other.client, &bad, 0), -1);
    bad = batch;
    bad.to = NULL;
    assert_int_equal(casehub_publish_batch(other.client, &bad, 0), -1);
    assert_error("invalid", "to");
    bad = batch;
    bad.connector = NULL;
    bad.count = 0;
    assert_int_equal(casehub_publish_batch(other.client, &bad, 0), -1);
    bytes[1][0] = 0xc1;
    assert_int_equal(casehub_publish_batch(other.client, &batch, 0), -1);
    assert_error("invalid", "encoded[1]");
}

static void a_batch_without_an_answer_in_time_begins_a_new_session(void **context)
{
    (void)context;
    peer_welcome(&other);
    assert_int_equal(casehub_publish_batch(other.client, &batch, 30), -1);
    assert_error("timeout", "PUBLISH");
    peer_expect(&other, CH_CHP_PUBLISH);
    peer_welcome(&other); /* else the hub might hold the session back until the batch came again */
}

static void conflict(ch_peer *peer)
{
    peer_expect(peer, CH_CHP_PUBLISH);
    peer_error(peer, peer->message.request, "conflict", "PUBLISH.checkpoint.from", 0);
}

static void a_moved_checkpoint_is_a_conflict(void **context)
{
    (void)context;
    peer_welcome(&other);
    peer_run(&other, conflict);
    assert_int_equal(casehub_publish_batch(other.client, &batch, 10000), -1);
    assert_error("conflict", "PUBLISH.checkpoint.from");
    peer_join(&other);
    assert_int_equal(answers, 0);
    assert_true(ch_str_is(other.message.publish.connector, "hotline"));
    assert_true(ch_str_is(other.message.publish.from, "41"));
    assert_true(ch_str_is(other.message.publish.to, "42"));
    assert_true(ch_str_is(other.message.publish.default_kind, "request"));
    assert_int_equal(other.message.publish.history_until_ms, 4711);
    assert_int_equal(other.event_count, EVENTS);
}

static void send_checkpoint(ch_peer *peer, const char *value)
{
    ch_buf body;
    peer_expect(peer, CH_CHP_QUERY);
    ch_buf_init(&body, 1000);
    ch_mp_put_array(&body, 1);
    ch_mp_put_map(&body, 1);
    ch_mp_put_text(&body, "value");
    ch_mp_put_text(&body, value);
    const ch_chp_message result = {.verb = CH_CHP_RESULT, .request = peer->message.request};
    peer_send(peer, &result, &body);
    ch_buf_done(&body);
}

/* The first answer is lost with the connection. */
static void lose_answer(ch_peer *peer)
{
    peer_expect(peer, CH_CHP_PUBLISH);
    peer_unbind(peer);
    peer_bind(peer);
    peer_welcome(peer);
    conflict(peer);
}

static void was_done(ch_peer *peer)
{
    lose_answer(peer);
    send_checkpoint(peer, "42");
}

static void was_moved_by_another(ch_peer *peer)
{
    lose_answer(peer);
    send_checkpoint(peer, "57");
}

static void a_conflict_with_itself_is_none(void **context)
{
    (void)context;
    peer_welcome(&other);
    peer_run(&other, was_done);
    assert_int_equal(casehub_publish_batch(other.client, &batch, 20000), 0);
    peer_join(&other);
}

static void a_conflict_with_another_after_a_reconnect_is_one(void **context)
{
    (void)context;
    peer_welcome(&other);
    peer_run(&other, was_moved_by_another);
    assert_int_equal(casehub_publish_batch(other.client, &batch, 20000), -1);
    assert_error("conflict", "PUBLISH.checkpoint.from");
    peer_join(&other);
}

static void busy_then_done(ch_peer *peer)
{
    peer_expect(peer, CH_CHP_PUBLISH);
    peer_error(peer, peer->message.request, "storage-full", "", 0);
    peer_expect(peer, CH_CHP_PUBLISH);
    peer_published(peer, peer->event_count, CH_OK);
}

static void a_batch_refused_for_now_is_sent_again_as_a_whole(void **context)
{
    (void)context;
    peer_welcome(&other);
    peer_run(&other, busy_then_done);
    assert_int_equal(casehub_publish_batch(other.client, &batch, 10000), 0);
    peer_join(&other);
    assert_int_equal(other.event_count, EVENTS);
    assert_int_equal(answers, EVENTS);
    for (unsigned i = 0; i < EVENTS; i++) {
        assert_int_equal(tokens[i], i);
        assert_string_equal(codes[i], "ok");
    }
}

static void partly_busy_then_done(ch_peer *peer)
{
    peer_expect(peer, CH_CHP_PUBLISH);
    peer_published(peer, 1, CH_BUSY);
    peer_expect(peer, CH_CHP_PUBLISH);
    peer_published(peer, peer->event_count, CH_OK);
}

static void independent_events_go_on_behind_the_answered_ones(void **context)
{
    (void)context;
    batch.connector = NULL;
    peer_welcome(&other);
    peer_run(&other, partly_busy_then_done);
    assert_int_equal(casehub_publish_batch(other.client, &batch, 10000), 0);
    peer_join(&other);
    assert_int_equal(other.event_count, EVENTS - 1);
    assert_true(ch_str_is(other.events[0].id, "1"));
    assert_int_equal(answers, EVENTS);
    assert_int_equal(tokens[EVENTS - 1], EVENTS - 1);
}

static void accept_all(ch_peer *peer)
{
    peer_expect(peer, CH_CHP_PUBLISH);
    peer_published(peer, 1, CH_OK);
    peer_expect(peer, CH_CHP_PUBLISH);
    peer_published(peer, peer->event_count, CH_OK);
}

static void what_was_published_before_goes_before(void **context)
{
    (void)context;
    peer_welcome(&other);
    assert_int_equal(publish_number(other.client, 70), 0);
    peer_run(&other, accept_all);
    assert_int_equal(casehub_publish_batch(other.client, &batch, 10000), 0);
    peer_join(&other);
    assert_int_equal(tokens[0], 70);
    assert_int_equal(answers, 1 + EVENTS);
}

static void accept_none(ch_peer *peer)
{
    peer_expect(peer, CH_CHP_PUBLISH);
    peer_published(peer, 0, CH_OK);
}

static void an_empty_batch_moves_the_checkpoint_only(void **context)
{
    (void)context;
    batch.count = 0;
    batch.from = NULL;
    peer_welcome(&other);
    peer_run(&other, accept_none);
    assert_int_equal(casehub_publish_batch(other.client, &batch, 10000), 0);
    peer_join(&other);
    assert_int_equal(other.event_count, 0);
    assert_true(other.message.publish.from.at != NULL && other.message.publish.from.size == 0);
}

#define WITH_PEER(test) cmocka_unit_test_setup_teardown(test, start, peer_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PEER(bad_arguments_are_refused),
        WITH_PEER(a_batch_without_an_answer_in_time_begins_a_new_session),
        WITH_PEER(a_moved_checkpoint_is_a_conflict),
        WITH_PEER(a_conflict_with_itself_is_none),
        WITH_PEER(a_conflict_with_another_after_a_reconnect_is_one),
        WITH_PEER(a_batch_refused_for_now_is_sent_again_as_a_whole),
        WITH_PEER(independent_events_go_on_behind_the_answered_ones),
        WITH_PEER(what_was_published_before_goes_before),
        WITH_PEER(an_empty_batch_moves_the_checkpoint_only),
    };
    return cmocka_run_group_tests_name("batch", tests, NULL, NULL);
}
