/* Events in, acknowledgements out. */
#include "tests/unit/client/peer.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define EVENTS_MAX 64
#define CASE "ZJ-20261123-1"

typedef struct record {
    int events, down, subscription;
    uint64_t sequences[EVENTS_MAX];
    unsigned attempts[EVENTS_MAX];
    uint64_t nak_at;  /* this sequence is naked from the callback */
    uint64_t fail_at; /* and this one for good */
    bool ack_all, leave;
} record;

static ch_peer other;
static record seen;

static void on_event(void *context, casehub *hub, const casehub_event *event)
{
    record *noted = context;
    assert_true(noted->events < EVENTS_MAX);
    noted->sequences[noted->events] = event->sequence;
    noted->attempts[noted->events] = event->attempt;
    noted->events++;
    assert_string_equal(event->type, "case.noted");
    assert_string_equal(event->topic, "case.noted.hotline._.33");
    if (event->sequence == noted->nak_at && event->attempt == 1) {
        assert_int_equal(casehub_nak(hub, noted->subscription, event->sequence, -1, "system-down"), 0);
    } else if (event->sequence == noted->fail_at) {
        assert_int_equal(
            casehub_fail(hub, noted->subscription, event->sequence, "invalid", "no such code", "code"), 0);
    } else if (noted->ack_all) {
        assert_int_equal(casehub_ack(hub, noted->subscription, event->sequence), 0);
    }
    if (noted->leave) {
        assert_int_equal(casehub_unsubscribe(hub, noted->subscription), 0);
    }
}

static void on_state(void *context, bool connected, const char *text)
{
    record *noted = context;
    (void)text;
    noted->down += !connected;
}

static int start(void **context)
{
    *context = &other;
    memset(&seen, 0, sizeof seen);
    peer_start(&other);
    peer_client(&other, &(casehub_options){.context = &seen, .on_state = on_state});
    return 0;
}

static const char *const patterns[] = {"case.>", "*.*.*.power-supply.>"};

static casehub_subscription wanted(const char *name)
{
    return (casehub_subscription){CASEHUB_SIZE(casehub_subscription),
                                  .name = name,
                                  .patterns = patterns,
                                  .pattern_count = 2,
                                  .credit = 8,
                                  .context = &seen,
                                  .on_event = on_event};
}

static void subscribe(const casehub_subscription *subscription)
{
    seen.subscription = casehub_subscribe(other.client, subscription);
    assert_true(seen.subscription > 0);
}

/* What the last confirmed SUBSCRIBE asked for. */
static ch_chp_from confirmed_from;
static bool confirmed_no_ack;
static char confirmed_name[80];

static void confirm(uint64_t sequence)
{
    const ch_chp_message *asked = peer_expect(&other, CH_CHP_SUBSCRIBE);
    const ch_chp_message subscribed = {.verb = CH_CHP_SUBSCRIBED,
                                       .request = asked->request,
                                       .subscribed = {.subscription = asked->subscribe.subscription,
                                                      .sequence = (int64_t)sequence,
                                                      .epoch = 3}};
    confirmed_from = asked->subscribe.from;
    confirmed_no_ack = asked->subscribe.no_ack;
    (void)snprintf(confirmed_name, sizeof confirmed_name, "%.*s", CH_STR_ARG(asked->subscribe.name));
    peer_send(&other, &subscribed, NULL);
    const ch_chp_message ping = {.verb = CH_CHP_PING, .request = 7};
    peer_send(&other, &ping, NULL);
    peer_expect(&other, CH_CHP_PONG); /* so the client has taken it */
}

static void begin(const casehub_subscription *subscription)
{
    subscribe(subscription);
    peer_welcome(&other);
    confirm(50);
}

static void deliver(uint64_t first, size_t count, const char *case_id, unsigned attempt)
{
    uint64_t sequences[EVENTS_MAX];
    for (size_t i = 0; i < count; i++) {
        sequences[i] = first + i;
    }
    peer_events(&other, 0, seen.subscription, 0, sequences, count, case_id, attempt);
}

static void assert_sequences(size_t count, const uint64_t *expected)
{
    assert_int_equal(seen.events, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(seen.sequences[i], expected[i]);
    }
}

static void reconnect(void)
{
    int before = seen.down;
    peer_unbind(&other);
    peer_poll_until(&other, &seen.down, before + 1);
    peer_bind(&other);
    peer_welcome(&other);
}

static void bad_subscriptions_are_refused_at_once(void **context)
{
    (void)context;
    const char *const bad_pattern[] = {"a.>.b"};
    casehub_subscription bad = wanted("desk");
    bad.size = 4;
    assert_int_equal(casehub_subscribe(other.client, &bad), -1);
    bad = wanted("desk");
    bad.patterns = bad_pattern;
    bad.pattern_count = 1;
    assert_int_equal(casehub_subscribe(other.client, &bad), -1);
    assert_string_equal(casehub_error_code(other.client), "invalid");
    bad = wanted("desk");
    bad.pattern_count = 0;
    assert_int_equal(casehub_subscribe(other.client, &bad), -1);
    bad = wanted("desk");
    bad.from = "sometime";
    assert_int_equal(casehub_subscribe(other.client, &bad), -1);
    bad = wanted("desk");
    bad.test_mode = "maybe";
    assert_int_equal(casehub_subscribe(other.client, &bad), -1);
    bad = wanted("desk");
    bad.no_ack = true;
    assert_int_equal(casehub_subscribe(other.client, &bad), -1);
    bad = wanted("desk");
    bad.credit = 100000;
    assert_int_equal(casehub_subscribe(other.client, &bad), -1);
    bad = wanted("desk");
    bad.on_event = NULL;
    assert_int_equal(casehub_subscribe(other.client, &bad), -1);
}

static void calls_about_an_unknown_subscription_are_not_found(void **context)
{
    (void)context;
    assert_int_equal(casehub_ack(other.client, 1, 7), -1);
    assert_string_equal(casehub_error_code(other.client), "not-found");
    assert_int_equal(casehub_ack_upto(other.client, 1, 7), -1);
    assert_int_equal(casehub_nak(other.client, 1, 7, -1, NULL), -1);
    assert_int_equal(casehub_fail(other.client, 1, 7, NULL, NULL, NULL), -1);
    assert_int_equal(casehub_unsubscribe(other.client, 1), -1);
}

static void too_many_subscriptions_are_refused(void **context)
{
    (void)context;
    const casehub_subscription live = wanted(NULL);
    for (int i = 0; i < 256; i++) {
        assert_int_equal(casehub_subscribe(other.client, &live), i + 1);
    }
    assert_int_equal(casehub_subscribe(other.client, &live), -1);
    assert_string_equal(casehub_error_code(other.client), "full");
}

static void a_refused_subscription_is_told_once_and_not_asked_again(void **context)
{
    (void)context;
    const casehub_subscription desk = wanted("desk");
    subscribe(&desk);
    peer_welcome(&other);
    peer_error(&other, peer_expect(&other, CH_CHP_SUBSCRIBE)->request, "denied", "SUBSCRIBE.name", 0);
    while (casehub_poll(other.client, 10) == 0) {
    }
    assert_string_equal(casehub_error_code(other.client), "denied");
    assert_non_null(strstr(casehub_error_where(other.client), "desk"));
    assert_int_equal(casehub_poll(other.client, 0), 0);
    reconnect();
    assert_false(peer_take(&other));
}

static void a_subscription_refused_for_now_is_asked_again(void **context)
{
    (void)context;
    const casehub_subscription desk = wanted("desk");
    subscribe(&desk);
    peer_welcome(&other);
    peer_error(&other, peer_expect(&other, CH_CHP_SUBSCRIBE)->request, "busy", "", 0);
    confirm(50);
    deliver(50, 1, CASE, 1);
    peer_poll_until(&other, &seen.events, 1);
}

static void a_subscription_that_was_taken_over_is_told_and_left(void **context)
{
    (void)context;
    const casehub_subscription desk = wanted("desk");
    begin(&desk);
    deliver(50, 1, CASE, 1);
    peer_poll_until(&other, &seen.events, 1);
    const ch_chp_message taken = {
        .verb = CH_CHP_ERROR,
        .error = {.code = CH_STR("conflict"), .text = CH_STR("desk"), .where = CH_STR("SUBSCRIBE.name")}};
    peer_send(&other, &taken, NULL);
    while (casehub_poll(other.client, 10) == 0) {
    }
    assert_string_equal(casehub_error_code(other.client), "conflict");
    reconnect();
    assert_false(peer_take(&other));
}

static void an_event_that_is_none_ends_the_session(void **context)
{
    (void)context;
    const casehub_subscription desk = wanted("desk");
    static const char *const bad[] = {"\x91\x01", "\x91\x80", "\x91\x81\xa8sequence\x00",
                                      "\x91\x81\xa8sequence\xff", "\x81\xa1x\x01"};
    begin(&desk);
    for (int i = 0; i < 5; i++) {
        const uint8_t header[] = {0x94, 1, 7, 0, (uint8_t)seen.subscription};
        size_t size = i == 2 || i == 3 ? 12 : strlen(bad[i]);
        peer_send_frames(&other, header, sizeof header, bad[i], size);
        peer_poll_until(&other, &seen.down, i + 1);
        peer_welcome(&other);
        confirm(50);
    }
    assert_int_equal(seen.events, 0);
}

static void more_events_than_credit_end_the_session(void **context)
{
    (void)context;
    const casehub_subscription desk = wanted("desk");
    begin(&desk);
    deliver(50, 9, CASE, 1);
    peer_poll_until(&other, &seen.down, 1);
    assert_int_equal(seen.events, 8);
}

static void acknowledgements_that_have_not_left_make_no_room_for_more(void **context)
{
    (void)context;
    const casehub_subscription desk = wanted("desk");
    seen.ack_all = true;
    begin(&desk);
    deliver(50, 9, CASE, 1);
    peer_poll_until(&other, &seen.down, 1);
    assert_int_equal(seen.events, 8);
}

static void what_is_held_back_takes_credit_too(void **context)
{
    (void)context;
    const casehub_subscription desk = wanted("desk");
    seen.nak_at = 53;
    begin(&desk);
    deliver(50, 9, CASE, 1); /* three kept, one naked, four held */
    peer_poll_until(&other, &seen.down, 1);
    assert_int_equal(seen.events, 4);
}

static void events_for_nobody_are_dropped(void **context)
{
    (void)context;
    const casehub_subscription desk = wanted("desk");
    begin(&desk);
    seen.subscription += 7;
    deliver(50, 1, CASE, 1);
    seen.subscription -= 7;
    deliver(51, 1, CASE, 1);
    peer_poll_until(&other, &seen.events, 1);
    assert_int_equal(seen.sequences[0], 51);
    assert_int_equal(seen.down, 0);
}

static void what_was_asked_for_is_asked_of_the_hub(void **context)
{
    (void)context;
    casehub_subscription desk = wanted("desk");
    desk.from = "17";
    desk.involved = true;
    desk.ack_timeout_ms = 9000;
    desk.deliveries_most = 3;
    desk.test_mode = "only";
    subscribe(&desk);
    peer_welcome(&other);
    const ch_chp_subscribe *asked = &peer_expect(&other, CH_CHP_SUBSCRIBE)->subscribe;
    assert_true(ch_str_is(asked->name, "desk"));
    assert_int_equal(asked->pattern_count, 2);
    assert_true(ch_str_is(asked->patterns[1], patterns[1]));
    assert_int_equal(asked->from.kind, CH_FROM_SEQUENCE);
    assert_int_equal(asked->from.value, 17);
    assert_int_equal(asked->credit, 8);
    assert_int_equal(asked->ack_timeout_ms, 9000);
    assert_int_equal(asked->deliveries_most, 3);
    assert_int_equal(asked->test_mode, CH_TEST_ONLY);
    assert_true(asked->involved);
    assert_false(asked->no_ack);
}

static void without_a_last_delivery_none_is_asked_for(void **context)
{
    (void)context;
    casehub_subscription desk = wanted("desk");
    desk.deliveries_most = UINT_MAX;
    subscribe(&desk);
    peer_welcome(&other);
    assert_int_equal(peer_expect(&other, CH_CHP_SUBSCRIBE)->subscribe.deliveries_most, -1);
}

static size_t singles(uint64_t out[EVENTS_MAX])
{
    ch_mp_value value;
    size_t count = 0;
    ch_mp_reader reader = ch_mp_reader_of(other.message.ack.singles);
    if (other.message.ack.singles.at == NULL || !ch_mp_next(&reader, &value)) {
        return 0;
    }
    while (ch_mp_next(&reader, &value)) {
        out[count++] = (uint64_t)value.integer;
    }
    return count;
}

static void acks_of_a_turn_share_a_frame_and_give_credit_back(void **context)
{
    (void)context;
    uint64_t acked[EVENTS_MAX];
    const casehub_subscription desk = wanted("desk");
    seen.ack_all = true;
    begin(&desk);
    deliver(50, 3, CASE, 1);
    peer_expect(&other, CH_CHP_ACK);
    assert_int_equal(other.message.ack.subscription, seen.subscription);
    assert_int_equal(singles(acked), 3);
    assert_int_equal(acked[2], 52);
    assert_int_equal(peer_expect(&other, CH_CHP_CREDIT)->credit.count, 3);
}

static void acks_may_come_later_and_twice(void **context)
{
    (void)context;
    uint64_t acked[EVENTS_MAX];
    const casehub_subscription desk = wanted("desk");
    begin(&desk);
    deliver(50, 4, CASE, 1);
    peer_poll_until(&other, &seen.events, 4);
    assert_int_equal(casehub_ack(other.client, seen.subscription, 53), 0);
    assert_int_equal(casehub_ack(other.client, seen.subscription, 53), 0);
    assert_int_equal(casehub_ack(other.client, seen.subscription, 99), 0);
    assert_int_equal(casehub_ack_upto(other.client, seen.subscription, 51), 0);
    peer_expect(&other, CH_CHP_ACK);
    assert_int_equal(other.message.ack.upto, 51);
    assert_int_equal(singles(acked), 1);
    assert_int_equal(acked[0], 53);
    assert_int_equal(peer_expect(&other, CH_CHP_CREDIT)->credit.count, 3);
    assert_false(peer_take(&other));
}

static void a_nak_is_sent_with_its_reason(void **context)
{
    (void)context;
    const casehub_subscription desk = wanted("desk");
    seen.nak_at = 50;
    begin(&desk);
    deliver(50, 1, CASE, 1);
    peer_expect(&other, CH_CHP_NAK);
    assert_int_equal(other.message.nak.sequence, 50);
    assert_int_equal(other.message.nak.delay_ms, -1);
    assert_true(ch_str_is(other.message.nak.reason, "system-down"));
    assert_int_equal(peer_expect(&other, CH_CHP_CREDIT)->credit.count, 1);
}

static void behind_what_failed_for_good_a_case_goes_on(void **context)
{
    (void)context;
    static const uint64_t all[] = {50, 51, 52};
    const casehub_subscription desk = wanted("desk");
    seen.fail_at = 50;
    seen.ack_all = true;
    begin(&desk);
    deliver(50, 3, CASE, 1);
    peer_poll_until(&other, &seen.events, 3);
    assert_sequences(3, all);
    peer_expect(&other, CH_CHP_ACK); /* of the two that followed */
    const ch_chp_nak *nak = &peer_expect(&other, CH_CHP_NAK)->nak;
    assert_int_equal(nak->sequence, 50);
    assert_true(nak->final && ch_str_is(nak->reason, "invalid"));
    assert_true(ch_str_is(nak->text, "no such code") && ch_str_is(nak->where, "code"));
}

static void behind_a_nak_a_case_keeps_its_order(void **context)
{
    (void)context;
    static const uint64_t first[] = {50, 51, 60}, all[] = {50, 51, 60, 51, 52, 53};
    const casehub_subscription desk = wanted("desk");
    seen.nak_at = 51;
    seen.ack_all = true;
    begin(&desk);
    deliver(50, 3, CASE, 1);            /* 52 was on its way when 51 failed */
    deliver(60, 1, "ZJ-20261123-2", 1); /* another case goes on */
    peer_poll_until(&other, &seen.events, 3);
    assert_sequences(3, first);
    deliver(51, 2, CASE, 2);
    deliver(53, 1, CASE, 1);
    peer_poll_until(&other, &seen.events, 6);
    assert_sequences(6, all);
    assert_int_equal(seen.attempts[3], 2);
    assert_int_equal(seen.attempts[5], 1);
}

static void a_second_delivery_of_what_is_under_way_costs_no_credit(void **context)
{
    (void)context;
    const casehub_subscription desk = wanted("desk");
    begin(&desk);
    deliver(50, 2, CASE, 1);
    deliver(50, 2, CASE, 2); /* the hub's time-out */
    assert_int_equal(peer_expect(&other, CH_CHP_CREDIT)->credit.count, 2);
    assert_int_equal(seen.events, 4);
}

static void without_acks_credit_comes_back_by_itself(void **context)
{
    (void)context;
    casehub_subscription live = wanted(NULL);
    live.no_ack = true;
    begin(&live);
    assert_true(confirmed_no_ack);
    deliver(50, 8, CASE, 1);
    assert_int_equal(peer_expect(&other, CH_CHP_CREDIT)->credit.count, 8);
}

static void a_durable_subscription_is_asked_again_after_a_reconnect(void **context)
{
    (void)context;
    const casehub_subscription desk = wanted("desk");
    begin(&desk);
    deliver(50, 2, CASE, 1);
    peer_poll_until(&other, &seen.events, 2);
    reconnect();
    assert_int_equal(casehub_ack(other.client, seen.subscription, 50),
                     0); /* of the session before: comes again */
    confirm(50);
    assert_string_equal(confirmed_name, "desk");
    assert_int_equal(confirmed_from.kind, CH_FROM_NEW);
    assert_false(peer_take(&other));
}

static void a_live_subscription_goes_on_behind_what_it_acknowledged(void **context)
{
    (void)context;
    const casehub_subscription live = wanted(NULL);
    begin(&live);
    reconnect(); /* nothing came: it goes on where it began */
    confirm(50);
    assert_int_equal(confirmed_from.kind, CH_FROM_SEQUENCE);
    assert_int_equal(confirmed_from.value, 50);
    assert_int_equal(confirmed_from.epoch, 3);
    deliver(50, 4, CASE, 1);
    peer_poll_until(&other, &seen.events, 4);
    assert_int_equal(casehub_ack_upto(other.client, seen.subscription, 51), 0);
    assert_int_equal(casehub_ack(other.client, seen.subscription, 53), 0);
    reconnect();
    assert_int_equal(peer_expect(&other, CH_CHP_SUBSCRIBE)->subscribe.from.value, 52);
}

static void a_live_subscription_follows_a_fork_of_the_log(void **context)
{
    (void)context;
    const casehub_subscription live = wanted(NULL);
    begin(&live);
    deliver(50, 1, CASE, 1);
    peer_poll_until(&other, &seen.events, 1);
    reconnect();
    peer_error(&other, peer_expect(&other, CH_CHP_SUBSCRIBE)->request, "diverged", "SUBSCRIBE.from", 45);
    peer_expect(&other, CH_CHP_SUBSCRIBE);
    assert_int_equal(other.message.subscribe.from.value, 45);
    assert_int_equal(other.message.subscribe.from.epoch, 0);
}

static void unsubscribing_in_the_callback_drops_the_rest(void **context)
{
    (void)context;
    const casehub_subscription desk = wanted("desk");
    seen.leave = seen.ack_all = true;
    begin(&desk);
    deliver(50, 3, CASE, 1);
    peer_expect(&other, CH_CHP_ACK);
    peer_expect(&other, CH_CHP_CREDIT);
    assert_int_equal(peer_expect(&other, CH_CHP_UNSUBSCRIBE)->unsubscribe.subscription, seen.subscription);
    assert_int_equal(seen.events, 1);
    peer_error(&other, 0, "not-found", "ACK.subscription", 0); /* may cross: no trouble */
    assert_int_equal(casehub_poll(other.client, 20), 0);
    reconnect();
    assert_false(peer_take(&other));
}

static void acknowledgements_leave_before_the_client_does(void **context)
{
    (void)context;
    const casehub_subscription desk = wanted("desk");
    begin(&desk);
    deliver(50, 1, CASE, 1);
    peer_poll_until(&other, &seen.events, 1);
    assert_int_equal(casehub_ack(other.client, seen.subscription, 50), 0);
    casehub_free(&other.client);
    assert_null(other.client);
    peer_expect(&other, CH_CHP_ACK);
}

#define WITH_PEER(test) cmocka_unit_test_setup_teardown(test, start, peer_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PEER(bad_subscriptions_are_refused_at_once),
        WITH_PEER(calls_about_an_unknown_subscription_are_not_found),
        WITH_PEER(too_many_subscriptions_are_refused),
        WITH_PEER(a_refused_subscription_is_told_once_and_not_asked_again),
        WITH_PEER(a_subscription_refused_for_now_is_asked_again),
        WITH_PEER(a_subscription_that_was_taken_over_is_told_and_left),
        WITH_PEER(an_event_that_is_none_ends_the_session),
        WITH_PEER(more_events_than_credit_end_the_session),
        WITH_PEER(acknowledgements_that_have_not_left_make_no_room_for_more),
        WITH_PEER(what_is_held_back_takes_credit_too),
        WITH_PEER(events_for_nobody_are_dropped),
        WITH_PEER(what_was_asked_for_is_asked_of_the_hub),
        WITH_PEER(without_a_last_delivery_none_is_asked_for),
        WITH_PEER(acks_of_a_turn_share_a_frame_and_give_credit_back),
        WITH_PEER(acks_may_come_later_and_twice),
        WITH_PEER(a_nak_is_sent_with_its_reason),
        WITH_PEER(behind_what_failed_for_good_a_case_goes_on),
        WITH_PEER(behind_a_nak_a_case_keeps_its_order),
        WITH_PEER(a_second_delivery_of_what_is_under_way_costs_no_credit),
        WITH_PEER(without_acks_credit_comes_back_by_itself),
        WITH_PEER(a_durable_subscription_is_asked_again_after_a_reconnect),
        WITH_PEER(a_live_subscription_goes_on_behind_what_it_acknowledged),
        WITH_PEER(a_live_subscription_follows_a_fork_of_the_log),
        WITH_PEER(unsubscribing_in_the_callback_drops_the_rest),
        WITH_PEER(acknowledgements_leave_before_the_client_does),
    };
    return cmocka_run_group_tests_name("subscribe", tests, NULL, NULL);
}
