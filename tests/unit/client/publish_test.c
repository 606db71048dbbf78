/* Events out, answers in. */
#include "tests/unit/client/peer.h"

#include <stdio.h>
#include <stdlib.h>

#define ANSWERS_MAX 1024

typedef struct record {
    int answers, up, down;
    uint64_t tokens[ANSWERS_MAX];
    char codes[ANSWERS_MAX][16];
    casehub_answer last;
    char last_text[80], last_where[80], last_state[80], last_case[80];
    bool publishes_more;
} record;

static ch_peer other;
static record seen;

static void on_answer(void *context, const casehub_answer *answer)
{
    record *noted = context;
    assert_true(noted->answers < ANSWERS_MAX);
    noted->tokens[noted->answers] = answer->token;
    (void)snprintf(noted->codes[noted->answers], sizeof noted->codes[0], "%s", answer->code);
    (void)snprintf(noted->last_text, sizeof noted->last_text, "%s", answer->text);
    (void)snprintf(noted->last_where, sizeof noted->last_where, "%s", answer->where);
    (void)snprintf(noted->last_state, sizeof noted->last_state, "%s", answer->present_state);
    (void)snprintf(noted->last_case, sizeof noted->last_case, "%s", answer->case_id);
    noted->last = *answer;
    noted->answers++;
    if (noted->publishes_more) {
        noted->publishes_more = false;
        assert_int_equal(publish_number(other.client, 1000), 0);
    }
}

static void on_state(void *context, bool connected, const char *text)
{
    record *noted = context;
    (void)text;
    noted->up += connected;
    noted->down += !connected;
}

static void begin(unsigned window)
{
    memset(&seen, 0, sizeof seen);
    peer_start(&other);
    peer_client(
        &other,
        &(casehub_options){.context = &seen, .on_answer = on_answer, .on_state = on_state, .window = window});
}

static int start(void **context)
{
    *context = &other;
    begin(0);
    return 0;
}

static int start_small(void **context)
{
    *context = &other;
    begin(4);
    return 0;
}

static void publish_range(unsigned first, unsigned count)
{
    for (unsigned i = first; i < first + count; i++) {
        assert_int_equal(publish_number(other.client, i), 0);
    }
}

static void assert_ids(unsigned first, size_t count)
{
    char id[16];
    assert_int_equal(other.event_count, count);
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(id, sizeof id, "%u", first + (unsigned)i);
        assert_true(ch_str_is(other.events[i].id, id));
    }
}

static void a_bad_event_is_refused_with_its_place(void **context)
{
    (void)context;
    static const char no_type[] =
        "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"time\":\"2026-11-23T02:27:00Z\"}";
    static const char bad_party[] = "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"case."
                                    "opened\",\"time\":\"2026-11-23T02:27:00Z\",\"party\":\"A B\"}";
    assert_int_equal(casehub_publish_json(other.client, "{", 1, 1), -1);
    assert_string_equal(casehub_error_code(other.client), "invalid");
    assert_int_equal(casehub_publish_json(other.client, no_type, sizeof no_type - 1, 1), -1);
    assert_non_null(strstr(casehub_error_where(other.client), "type"));
    assert_int_equal(casehub_publish_json(other.client, bad_party, sizeof bad_party - 1, 1), -1);
    assert_non_null(strstr(casehub_error_where(other.client), "party"));
    assert_int_equal(casehub_publish(other.client, "\xc1", 1, 1), -1);
    assert_int_equal(casehub_publish(other.client, NULL, 0, 1), -1);
    assert_string_equal(casehub_error_code(other.client), "invalid");
    assert_int_equal(casehub_flush(other.client, 0), 0); /* nothing was taken */
}

static void a_full_window_refuses_until_there_are_answers(void **context)
{
    (void)context;
    publish_range(0, 4);
    assert_int_equal(publish_number(other.client, 4), -1);
    assert_string_equal(casehub_error_code(other.client), "full");
    peer_welcome(&other);
    peer_expect(&other, CH_CHP_PUBLISH);
    assert_ids(0, 4);
    peer_published(&other, 4, CH_OK);
    assert_int_equal(casehub_flush(other.client, 10000), 0);
    publish_range(4, 4);
}

static void flushing_ends_in_time(void **context)
{
    (void)context;
    peer_welcome(&other);
    publish_range(0, 1);
    assert_int_equal(casehub_flush(other.client, 30), -1);
    assert_string_equal(casehub_error_code(other.client), "timeout");
}

static void events_published_in_a_row_share_a_frame(void **context)
{
    (void)context;
    peer_welcome(&other);
    publish_range(0, 60);
    peer_expect(&other, CH_CHP_PUBLISH);
    assert_ids(0, 60);
    peer_published(&other, 60, CH_OK);
    peer_poll_until(&other, &seen.answers, 60);
    for (unsigned i = 0; i < 60; i++) {
        assert_int_equal(seen.tokens[i], i);
        assert_string_equal(seen.codes[i], "ok");
    }
    assert_string_equal(seen.last_case, "ZJ-20261123-1");
    assert_int_equal(seen.last.sequence, 60);
    assert_int_equal(seen.last.caseversion, 1);
}

static void a_lone_event_goes_at_once(void **context)
{
    (void)context;
    peer_welcome(&other);
    publish_range(0, 1);
    assert_int_equal(casehub_poll(other.client, 0), 0);
    publish_range(1, 1);
    peer_expect(&other, CH_CHP_PUBLISH);
    assert_ids(0, 1);
    peer_expect(&other, CH_CHP_PUBLISH);
    assert_ids(1, 1);
}

static void no_more_is_in_flight_than_the_hub_allows(void **context)
{
    (void)context;
    other.window_events = 3;
    peer_welcome(&other);
    publish_range(0, 5);
    peer_expect(&other, CH_CHP_PUBLISH);
    assert_ids(0, 3);
    assert_false(peer_take(&other));
    peer_published(&other, 3, CH_OK);
    peer_expect(&other, CH_CHP_PUBLISH);
    assert_ids(3, 2);
}

static void a_refusal_is_told_with_its_reason(void **context)
{
    (void)context;
    peer_welcome(&other);
    publish_range(0, 3);
    peer_expect(&other, CH_CHP_PUBLISH);
    peer_published(&other, 1, CH_REFUSED);
    peer_poll_until(&other, &seen.answers, 3);
    assert_string_equal(seen.codes[0], "ok");
    assert_string_equal(seen.codes[2], "refused");
    assert_string_equal(seen.last_text, "not so");
    assert_string_equal(seen.last_where, "data.kind");
    assert_string_equal(seen.last_state, "closed");
    assert_int_equal(casehub_flush(other.client, 0), 0);
}

static void a_request_refused_as_a_whole_answers_each_event(void **context)
{
    (void)context;
    peer_welcome(&other);
    publish_range(0, 2);
    peer_expect(&other, CH_CHP_PUBLISH);
    peer_error(&other, other.message.request, "too-large", "body", 0);
    peer_poll_until(&other, &seen.answers, 2);
    assert_string_equal(seen.codes[1], "too-large");
    assert_string_equal(seen.last_where, "body");
}

static void busy_sends_again_from_the_refused_event_in_order(void **context)
{
    (void)context;
    peer_welcome(&other);
    publish_range(0, 3);
    const uint64_t first = peer_expect(&other, CH_CHP_PUBLISH)->request;
    publish_range(3, 2);
    const uint64_t second = peer_expect(&other, CH_CHP_PUBLISH)->request;
    peer_published_to(&other, first, 3, 1, CH_BUSY);
    peer_published_to(&other, second, 2, 0, CH_BUSY);
    peer_expect(&other, CH_CHP_PUBLISH);
    assert_ids(1, 4);
    assert_true(other.message.request > second);
    assert_int_equal(seen.answers, 1); /* a refusal for now is not told */
    peer_published(&other, 4, CH_OK);
    peer_poll_until(&other, &seen.answers, 5);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(seen.tokens[i], i);
        assert_string_equal(seen.codes[i], "ok");
    }
}

static void every_temporary_code_is_sent_again(void **context)
{
    (void)context;
    static const ch_status codes[] = {CH_STORAGE_FULL, CH_UNAVAILABLE, CH_TIMEOUT, CH_BUSY};
    peer_welcome(&other);
    publish_range(0, 1);
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        peer_expect(&other, CH_CHP_PUBLISH);
        peer_published(&other, 0, codes[i]);
    }
    peer_expect(&other, CH_CHP_PUBLISH);
    peer_error(&other, other.message.request, "busy", "", 0);
    peer_expect(&other, CH_CHP_PUBLISH);
    assert_int_equal(seen.answers, 0);
    peer_published(&other, 1, CH_OK);
    assert_int_equal(casehub_flush(other.client, 10000), 0);
    assert_int_equal(seen.answers, 1);
}

static void what_is_unanswered_is_sent_again_after_a_reconnect_in_order(void **context)
{
    (void)context;
    peer_welcome(&other);
    publish_range(0, 2);
    peer_expect(&other, CH_CHP_PUBLISH);
    peer_published(&other, 2, CH_OK);
    peer_poll_until(&other, &seen.answers, 2);
    publish_range(2, 2);
    peer_expect(&other, CH_CHP_PUBLISH);
    publish_range(4, 1);
    peer_expect(&other, CH_CHP_PUBLISH);
    peer_unbind(&other);
    peer_poll_until(&other, &seen.down, 1);
    publish_range(5, 1); /* while it is away */
    peer_bind(&other);
    peer_welcome(&other);
    peer_expect(&other, CH_CHP_PUBLISH);
    assert_ids(2, 4);
    peer_published(&other, 4, CH_OK);
    assert_int_equal(casehub_flush(other.client, 10000), 0);
    assert_int_equal(seen.answers, 6);
}

static void too_few_or_too_many_answers_end_the_session_and_lose_nothing(void **context)
{
    (void)context;
    publish_range(0, 3);
    for (int i = 0; i < 2; i++) {
        peer_welcome(&other);
        peer_expect(&other, CH_CHP_PUBLISH);
        assert_ids(0, 3);
        peer_published_to(&other, other.message.request, i == 0 ? 2 : 4, 4, CH_OK);
        peer_poll_until(&other, &seen.down, i + 1);
    }
    assert_int_equal(seen.answers, 0);
    peer_welcome(&other);
    peer_expect(&other, CH_CHP_PUBLISH);
    assert_ids(0, 3);
}

static void an_answer_nobody_waits_for_is_ignored(void **context)
{
    (void)context;
    peer_welcome(&other);
    peer_published_to(&other, 4711, 2, 2, CH_OK);
    publish_range(0, 1);
    peer_expect(&other, CH_CHP_PUBLISH);
    assert_int_equal(seen.answers, 0);
    assert_int_equal(seen.down, 0);
}

static void a_callback_may_publish(void **context)
{
    (void)context;
    seen.publishes_more = true;
    peer_welcome(&other);
    publish_range(0, 1);
    peer_expect(&other, CH_CHP_PUBLISH);
    peer_published(&other, 1, CH_OK);
    peer_expect(&other, CH_CHP_PUBLISH);
    assert_ids(1000, 1);
}

#define WITH_PEER(test) cmocka_unit_test_setup_teardown(test, start, peer_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PEER(a_bad_event_is_refused_with_its_place),
        cmocka_unit_test_setup_teardown(a_full_window_refuses_until_there_are_answers, start_small,
                                        peer_tear_down),
        WITH_PEER(flushing_ends_in_time),
        WITH_PEER(a_refusal_is_told_with_its_reason),
        WITH_PEER(a_request_refused_as_a_whole_answers_each_event),
        WITH_PEER(busy_sends_again_from_the_refused_event_in_order),
        WITH_PEER(every_temporary_code_is_sent_again),
        WITH_PEER(what_is_unanswered_is_sent_again_after_a_reconnect_in_order),
        WITH_PEER(too_few_or_too_many_answers_end_the_session_and_lose_nothing),
        WITH_PEER(an_answer_nobody_waits_for_is_ignored),
        WITH_PEER(no_more_is_in_flight_than_the_hub_allows),
        WITH_PEER(events_published_in_a_row_share_a_frame),
        WITH_PEER(a_lone_event_goes_at_once),
        WITH_PEER(a_callback_may_publish),
    };
    return cmocka_run_group_tests_name("publish", tests, NULL, NULL);
}
