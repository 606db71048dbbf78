/* Structs against the vectors' bytes: that each member is the argument it is named after. */
#include "tests/unit/wire/check.h"

#include "hub/wire/chp.h"
#include "tests/unit/wire/vectors.h"

#define MOST CH_CHP_NUMBER_MAX

static vectors all;

static int load(void **state)
{
    (void)state;
    vectors_load(&all);
    return 0;
}

static int unload(void **state)
{
    (void)state;
    vectors_done(&all);
    return 0;
}

static const struct {
    const char *name;
    ch_chp_message message;
} samples[] = {
    {"hello", {CH_CHP_HELLO, 1, .hello = {CH_STR("power-supply-desk/1.0"), 1, 1}}},
    {"hello-of-a-client-that-knows-more-versions",
     {CH_CHP_HELLO, MOST, .hello = {CH_STR("客户端/2"), 1, 65535}}},
    {"welcome",
     {CH_CHP_WELCOME, 1,
      .welcome = {.hub_code = CH_STR("ZJ"),
                  .version = CH_STR("0.1.0"),
                  .name = CH_STR("power-supply"),
                  .role = CH_STR("department"),
                  .protocol = 1,
                  .epoch = 1,
                  .sequence = 4712,
                  .batch_events = 256,
                  .body_bytes = 4194304,
                  .window_events = 4096,
                  .heartbeat_ms = 10000}}},
    {"publish-one-event", {CH_CHP_PUBLISH, 2, .publish = {.dead_letter = 0}}},
    {"publish-with-a-checkpoint",
     {CH_CHP_PUBLISH, 4,
      .publish = {.connector = CH_STR("hotline-81890"),
                  .from = CH_STR(""),
                  .to = CH_STR("row 1042"),
                  .default_kind = CH_STR("request")}}},
    {"publish-with-everything",
     {CH_CHP_PUBLISH, 7,
      .publish = {.connector = CH_STR("c"),
                  .from = CH_STR("a"),
                  .to = CH_STR("b"),
                  .default_kind = CH_STR("matter"),
                  .dead_letter = MOST,
                  .history_until_ms = INT64_C(1795400820000)}}},
    {"subscribe-live",
     {CH_CHP_SUBSCRIBE, 20,
      .subscribe = {.subscription = 1, .patterns = {CH_STR(">")}, .pattern_count = 1, .credit = 256}}},
    {"subscribe-live-without-acknowledgements",
     {CH_CHP_SUBSCRIBE, 21,
      .subscribe = {.subscription = 2,
                    .patterns = {CH_STR("case.*.forum.>"), CH_STR("clock.breached.>")},
                    .pattern_count = 2,
                    .credit = 65536,
                    .no_ack = true}}},
    {"subscribe-durable",
     {CH_CHP_SUBSCRIBE, 22,
      .subscribe = {.subscription = 3,
                    .name = CH_STR("water-rescue-desk"),
                    .patterns = {CH_STR("*.*.*.water-rescue.>")},
                    .pattern_count = 1,
                    .from = {.kind = CH_FROM_ALL}}}},
    {"subscribe-from-a-sequence-of-an-epoch",
     {CH_CHP_SUBSCRIBE, 24,
      .subscribe = {.subscription = 4,
                    .patterns = {CH_STR(">")},
                    .pattern_count = 1,
                    .credit = 1,
                    .from = {CH_FROM_SEQUENCE, MOST, UINT32_MAX}}}},
    {"subscribe-with-everything",
     {CH_CHP_SUBSCRIBE, 26,
      .subscribe = {.subscription = 6,
                    .name = CH_STR("desk"),
                    .patterns = {CH_STR("handoff.offered.*.power-supply.33.02.>"), CH_STR("_.*")},
                    .pattern_count = 2,
                    .from = {.kind = CH_FROM_TIME, .value = INT64_C(1795400820000)},
                    .test_mode = CH_TEST_ONLY,
                    .involved = true,
                    .credit = 64,
                    .ack_timeout_ms = 86400000,
                    .deliveries_most = 1000}}},
    {"subscribe-with-test-cases",
     {CH_CHP_SUBSCRIBE, 27,
      .subscribe = {.subscription = 7,
                    .patterns = {CH_STR(">")},
                    .pattern_count = 1,
                    .test_mode = CH_TEST_INCLUDE,
                    .credit = 1}}},
    {"subscribe-without-a-last-delivery",
     {CH_CHP_SUBSCRIBE, 28,
      .subscribe = {.subscription = 8,
                    .name = CH_STR("desk"),
                    .patterns = {CH_STR(">")},
                    .pattern_count = 1,
                    .credit = 1,
                    .deliveries_most = -1}}},
    {"subscribed", {CH_CHP_SUBSCRIBED, 22, .subscribed = {3, 4712, 1, true}}},
    {"events", {CH_CHP_EVENTS, 0, .events = {.subscription = 3}}},
    {"events-with-a-redelivery",
     {CH_CHP_EVENTS, 0,
      .events = {.subscription = 3,
                 .attempts = CH_STR("\x92\x92\xcd\x12\x68\x02\x92\xcf\x00\x20\x00\x00\x00\x00\x00\x00"
                                    "\xce\xff\xff\xff\xff")}}},
    {"events-that-answer-read", {CH_CHP_EVENTS, 41, .events = {.next = 4713}}},
    {"ack-upto", {CH_CHP_ACK, 0, .ack = {.subscription = 3, .upto = 4712}}},
    {"ack-both", {CH_CHP_ACK, 30, .ack = {3, 4712, CH_STR("\x91\x01")}}},
    {"nak", {CH_CHP_NAK, 0, .nak = {.subscription = 3, .sequence = 4713, .delay_ms = -1}}},
    {"nak-with-delay-and-reason",
     {CH_CHP_NAK, 31,
      .nak = {.subscription = 3, .sequence = 4713, .delay_ms = 60000, .reason = CH_STR("system-down")}}},
    {"nak-at-once", {CH_CHP_NAK, 0, .nak = {.subscription = 3, .sequence = MOST}}},
    {"nak-for-good",
     {CH_CHP_NAK, 0,
      .nak = {.subscription = 3,
              .sequence = 4713,
              .delay_ms = -1,
              .reason = CH_STR("invalid"),
              .final = true,
              .text = CH_STR("no such category"),
              .where = CH_STR("category")}}},
    {"credit", {CH_CHP_CREDIT, 0, .credit = {3, 64}}},
    {"seek-new", {CH_CHP_SEEK, 33, .seek = {CH_STR("water-rescue-desk"), {.kind = CH_FROM_NEW}}}},
    {"seek-sequence", {CH_CHP_SEEK, 34, .seek = {CH_STR("water-rescue-desk"), {.kind = CH_FROM_SEQUENCE}}}},
    {"unsubscribe", {CH_CHP_UNSUBSCRIBE, 35, .unsubscribe = {3}}},
    {"read-all", {CH_CHP_READ, 40, .read = {.from = 0}}},
    {"read-a-case",
     {CH_CHP_READ, 41,
      .read = {.from = 1,
               .to = MOST,
               .limit = 4096,
               .patterns = {CH_STR("case.>")},
               .pattern_count = 1,
               .case_id = CH_STR("ZJ-20261123-18")}}},
    {"query", {CH_CHP_QUERY, 43, .query = {.name = CH_STR("status")}}},
    {"result", {CH_CHP_RESULT, 43, .result = {.more = false}}},
    {"result-with-more", {CH_CHP_RESULT, 44, .result = {true, CH_STR("ZJ-20261123-18")}}},
    {"ping", {.verb = CH_CHP_PING}},
    {"pong", {.verb = CH_CHP_PONG, .request = 300}},
    {"error",
     {CH_CHP_ERROR, 9,
      .error = {.code = CH_STR("invalid"),
                .text = CH_STR("is not printable ASCII without spaces"),
                .where = CH_STR("SUBSCRIBE.name")}}},
    {"error-with-a-position",
     {CH_CHP_ERROR, 12,
      .error = {CH_STR("diverged"), CH_STR("the log forked at 4700"), CH_STR("SUBSCRIBE.from"), 4700}}},
    {"done", {.verb = CH_CHP_DONE, .request = 70000}},
};

static void structs_encode_to_the_bytes_of_their_vector(void **state)
{
    (void)state;
    ch_buf made;
    ch_buf_init(&made, CH_CHP_HEADER_MAX);
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        ch_buf_clear(&made);
        ch_chp_encode(&made, &samples[i].message);
        assert_status(made.failed, CH_OK);
        if (!ch_str_equal(ch_buf_str(&made), vectors_find(&all, samples[i].name)->header)) {
            fail_msg("%s is encoded to other bytes", samples[i].name);
        }
    }
    ch_buf_done(&made);
}

static void decode(ch_chp_message *out_message, const char *name)
{
    ch_error error;
    assert_ok(ch_chp_decode(vectors_find(&all, name)->header, out_message, &error), &error);
}

static void decode_reads_what_is_there(void **state)
{
    (void)state;
    ch_chp_message message;
    decode(&message, "subscribe-with-everything");
    assert_int_equal(message.verb, CH_CHP_SUBSCRIBE);
    assert_int_equal(message.request, 26);
    assert_int_equal(message.subscribe.subscription, 6);
    assert_str(message.subscribe.name, "desk");
    assert_int_equal(message.subscribe.pattern_count, 2);
    assert_str(message.subscribe.patterns[0], "handoff.offered.*.power-supply.33.02.>");
    assert_str(message.subscribe.patterns[1], "_.*");
    assert_int_equal(message.subscribe.from.kind, CH_FROM_TIME);
    assert_int_equal(message.subscribe.from.value, INT64_C(1795400820000));
    assert_int_equal(message.subscribe.test_mode, CH_TEST_ONLY);
    assert_true(message.subscribe.involved);
    assert_false(message.subscribe.no_ack);
    assert_int_equal(message.subscribe.credit, 64);
    assert_int_equal(message.subscribe.ack_timeout_ms, 86400000);
    assert_int_equal(message.subscribe.deliveries_most, 1000);

    decode(&message, "publish-with-everything");
    assert_str(message.publish.connector, "c");
    assert_str(message.publish.from, "a");
    assert_str(message.publish.to, "b");
    assert_str(message.publish.default_kind, "matter");
    assert_int_equal(message.publish.dead_letter, MOST);
    assert_int_equal(message.publish.history_until_ms, INT64_C(1795400820000));
}

static void decode_gives_what_is_absent_its_default(void **state)
{
    (void)state;
    ch_chp_message message;
    decode(&message, "subscribe-live");
    assert_null(message.subscribe.name.at);
    assert_int_equal(message.subscribe.from.kind, CH_FROM_NEW);
    assert_int_equal(message.subscribe.test_mode, CH_TEST_EXCLUDE);
    assert_false(message.subscribe.involved);
    assert_false(message.subscribe.no_ack);
    assert_int_equal(message.subscribe.ack_timeout_ms, 0);

    decode(&message, "publish-one-event");
    assert_null(message.publish.connector.at);
    assert_null(message.publish.default_kind.at);

    /* "" is the first checkpoint's from, and present. */
    decode(&message, "publish-with-a-checkpoint");
    assert_non_null(message.publish.from.at);
    assert_int_equal(message.publish.from.size, 0);

    decode(&message, "nak");
    assert_int_equal(message.nak.delay_ms, -1);
    assert_null(message.nak.reason.at);

    decode(&message, "read-all");
    assert_int_equal(message.read.pattern_count, 0);
    assert_null(message.read.case_id.at);
}

static void slices_point_into_the_frame(void **state)
{
    (void)state;
    ch_chp_message message;
    ch_str frame = vectors_find(&all, "hello")->header;
    decode(&message, "hello");
    assert_true(message.hello.client.at > frame.at);
    assert_true(message.hello.client.at + message.hello.client.size <= frame.at + frame.size);
}

static void encoding_beyond_the_buffers_limit_shows(void **state)
{
    (void)state;
    ch_buf small;
    ch_buf_init(&small, 8);
    ch_chp_encode(&small, &samples[0].message);
    assert_status(small.failed, CH_TOO_LARGE);
    ch_buf_done(&small);
}

static void unknown_verbs_have_no_name(void **state)
{
    (void)state;
    static const unsigned unknown[] = {0, CH_CHP_DONE + 1, UINT32_MAX};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        assert_string_equal(ch_chp_verb_name(unknown[i]), "?");
        assert_int_equal(ch_chp_verb_bodies(unknown[i]), -1);
        assert_int_equal(ch_chp_verb_sender(unknown[i]), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(structs_encode_to_the_bytes_of_their_vector),
        cmocka_unit_test(decode_reads_what_is_there),
        cmocka_unit_test(decode_gives_what_is_absent_its_default),
        cmocka_unit_test(slices_point_into_the_frame),
        cmocka_unit_test(encoding_beyond_the_buffers_limit_shows),
        cmocka_unit_test(unknown_verbs_have_no_name),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
