/* The calls that wait: query, read, seek. */
#include "tests/unit/client/peer.h"

#include <stdlib.h>

static ch_peer other;

static int start(void **context)
{
    *context = &other;
    peer_start(&other);
    peer_client(&other, &(casehub_options){.name = "t"});
    return 0;
}

static void ignore_event(void *context, casehub *hub, const casehub_event *event)
{
    uint64_t *sum = context;
    (void)hub;
    *sum += event->sequence;
}

static void without_an_answer_each_ends_in_time(void **context)
{
    (void)context;
    char *rows = NULL;
    uint64_t sum = 0, next = 99;
    for (int i = 0; i < 2; i++) { /* without a session, and with one */
        assert_int_equal(casehub_query(other.client, "status", NULL, 20, &rows, NULL), -1);
        assert_string_equal(casehub_error_code(other.client), "timeout");
        assert_int_equal(casehub_seek(other.client, "desk", "all", 20), -1);
        assert_string_equal(casehub_error_code(other.client), "timeout");
        assert_int_equal(casehub_read(other.client, 0, 0, NULL, 0, 10, 20, &sum, ignore_event, &next), -1);
        assert_string_equal(casehub_error_code(other.client), "timeout");
        if (i == 0) {
            peer_welcome(&other);
        }
    }
    assert_null(rows);
    assert_int_equal(next, 99);
}

static void bad_arguments_are_refused(void **context)
{
    (void)context;
    char *rows = NULL;
    const char *const pattern[] = {"a..b"};
    assert_int_equal(casehub_query(other.client, NULL, NULL, 0, &rows, NULL), -1);
    assert_int_equal(casehub_query(other.client, "cases", "{", 0, &rows, NULL), -1);
    assert_string_equal(casehub_error_code(other.client), "invalid");
    assert_int_equal(casehub_query(other.client, "cases", "[1]", 0, &rows, NULL), -1);
    assert_non_null(strstr(casehub_error_where(other.client), "arguments"));
    assert_int_equal(casehub_seek(other.client, NULL, "all", 0), -1);
    assert_int_equal(casehub_seek(other.client, "desk", "yesterday", 0), -1);
    assert_string_equal(casehub_error_where(other.client), "from");
    assert_int_equal(casehub_read(other.client, 7, 6, NULL, 0, 1, 0, NULL, ignore_event, NULL), -1);
    assert_int_equal(casehub_read(other.client, 0, 0, pattern, 1, 1, 0, NULL, ignore_event, NULL), -1);
    assert_non_null(strstr(casehub_error_where(other.client), "patterns"));
    assert_int_equal(casehub_read(other.client, UINT64_MAX, 0, NULL, 0, 1, 0, NULL, ignore_event, NULL), -1);
}

static void refuse(ch_peer *peer)
{
    peer_expect(peer, CH_CHP_QUERY);
    peer_error(peer, peer->message.request, "denied", "QUERY.name", 0);
}

static void a_refused_query_says_why(void **context)
{
    (void)context;
    char *rows = NULL;
    peer_welcome(&other);
    peer_run(&other, refuse);
    assert_int_equal(casehub_query(other.client, "grants", NULL, 10000, &rows, NULL), -1);
    peer_join(&other);
    assert_string_equal(casehub_error_code(other.client), "denied");
    assert_string_equal(casehub_error_where(other.client), "QUERY.name");
    assert_string_equal(casehub_error_text(other.client), "said the peer");
    assert_int_equal(casehub_poll(other.client, 0), 0); /* of this call, not of the connection */
}

static void answer_rows(ch_peer *peer)
{
    ch_buf body;
    peer_expect(peer, CH_CHP_QUERY);
    ch_buf_init(&body, 1000);
    ch_mp_put_array(&body, 1);
    ch_mp_put_map(&body, 2);
    ch_mp_put_text(&body, "case");
    ch_mp_put_text(&body, "ZJ-20261123-1");
    ch_mp_put_text(&body, "version");
    ch_mp_put_int(&body, 4);
    const ch_chp_message result = {.verb = CH_CHP_RESULT,
                                   .request = peer->message.request,
                                   .result = {.more = true, .next = CH_STR("c17")}};
    peer_send(peer, &result, &body);
    ch_buf_done(&body);
}

static void rows_come_as_json_with_where_to_go_on(void **context)
{
    (void)context;
    char *rows = NULL, *next = NULL;
    peer_welcome(&other);
    peer_run(&other, answer_rows);
    assert_int_equal(
        casehub_query(other.client, "cases", "{\"state\":\"closed\",\"limit\":1}", 10000, &rows, &next), 0);
    peer_join(&other);
    assert_string_equal(rows, "[{\"case\":\"ZJ-20261123-1\",\"version\":4}]");
    assert_string_equal(next, "c17");
    assert_true(ch_str_is(other.message.query.name, "cases"));
    assert_int_equal(ch_mp_find_int(other.message.query.arguments, "limit", 0), 1);
    free(rows);
    free(next);
}

static void go_away_then_answer(ch_peer *peer)
{
    peer_expect(peer, CH_CHP_QUERY);
    peer_unbind(peer);
    peer_bind(peer);
    peer_welcome(peer);
    answer_rows(peer);
}

static void a_query_survives_a_reconnect(void **context)
{
    (void)context;
    char *rows = NULL;
    peer_welcome(&other);
    peer_run(&other, go_away_then_answer);
    assert_int_equal(casehub_query(other.client, "cases", NULL, 20000, &rows, NULL), 0);
    peer_join(&other);
    free(rows);
}

static void answer_something_else(ch_peer *peer)
{
    peer_expect(peer, CH_CHP_QUERY);
    const ch_chp_message done = {.verb = CH_CHP_DONE, .request = peer->message.request};
    peer_send(peer, &done, NULL);
    peer_welcome(peer);
    peer_expect(peer, CH_CHP_QUERY);
    static const uint8_t result[] = {0x94, 1, 15, 0, 0xc2};
    uint8_t header[sizeof result];
    memcpy(header, result, sizeof result);
    header[3] = (uint8_t)peer->message.request;
    peer_send_frames(peer, header, sizeof header, "\xc1", 1);
    peer_welcome(peer);
    answer_rows(peer);
}

static void a_malformed_answer_is_asked_again_in_a_new_session(void **context)
{
    (void)context;
    char *rows = NULL;
    peer_welcome(&other);
    peer_run(&other, answer_something_else);
    assert_int_equal(casehub_query(other.client, "cases", NULL, 20000, &rows, NULL), 0);
    peer_join(&other);
    free(rows);
}

static void answer_events(ch_peer *peer)
{
    static const uint64_t sequences[] = {5, 9};
    peer_expect(peer, CH_CHP_READ);
    peer_events(peer, peer->message.request, 0, 10, sequences, 2, "ZJ-20261123-1", 1);
}

static void a_read_hands_over_events_and_where_to_go_on(void **context)
{
    (void)context;
    const char *const patterns[] = {"case.>"};
    uint64_t sum = 0, next = 0;
    peer_welcome(&other);
    peer_run(&other, answer_events);
    assert_int_equal(casehub_read(other.client, 5, 20, patterns, 1, 2, 10000, &sum, ignore_event, &next), 0);
    peer_join(&other);
    assert_int_equal(sum, 14);
    assert_int_equal(next, 10);
    assert_int_equal(other.message.read.from, 5);
    assert_int_equal(other.message.read.to, 20);
    assert_int_equal(other.message.read.limit, 2);
    assert_true(ch_str_is(other.message.read.patterns[0], "case.>"));
}

static void answer_done(ch_peer *peer)
{
    peer_expect(peer, CH_CHP_SEEK);
    const ch_chp_message done = {.verb = CH_CHP_DONE, .request = peer->message.request};
    peer_send(peer, &done, NULL);
}

static void a_seek_takes_all_forms_of_a_start(void **context)
{
    (void)context;
    static const struct {
        const char *text;
        ch_chp_from from;
    } forms[] = {{NULL, {.kind = CH_FROM_NEW}},
                 {"new", {.kind = CH_FROM_NEW}},
                 {"all", {.kind = CH_FROM_ALL}},
                 {"4711", {.kind = CH_FROM_SEQUENCE, .value = 4711}},
                 {"2026-11-23T02:27:00Z", {.kind = CH_FROM_TIME, .value = 1795400820000}}};
    peer_welcome(&other);
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        peer_run(&other, answer_done);
        assert_int_equal(casehub_seek(other.client, "desk", forms[i].text, 10000), 0);
        peer_join(&other);
        assert_true(ch_str_is(other.message.seek.name, "desk"));
        assert_int_equal(other.message.seek.from.kind, forms[i].from.kind);
        assert_int_equal(other.message.seek.from.value, forms[i].from.value);
    }
}

#define WITH_PEER(test) cmocka_unit_test_setup_teardown(test, start, peer_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PEER(without_an_answer_each_ends_in_time),
        WITH_PEER(bad_arguments_are_refused),
        WITH_PEER(a_refused_query_says_why),
        WITH_PEER(a_malformed_answer_is_asked_again_in_a_new_session),
        WITH_PEER(a_query_survives_a_reconnect),
        WITH_PEER(rows_come_as_json_with_where_to_go_on),
        WITH_PEER(a_read_hands_over_events_and_where_to_go_on),
        WITH_PEER(a_seek_takes_all_forms_of_a_start),
    };
    return cmocka_run_group_tests_name("query", tests, NULL, NULL);
}
