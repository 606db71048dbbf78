/* How far a subscriber has come: what is under way, what is held back, and what comes when. */
#include "tests/unit/check.h"

#include "hub/run/subscription.h"

#define HELD_MOST 3
#define TIMEOUT_MS 100

static int setup(void **state)
{
    ch_subscription *subscription;
    assert_status(ch_subscription_new(&subscription), CH_OK);
    ch_subscription_move(subscription, 1, 1);
    subscription->held_most = HELD_MOST;
    subscription->ack_timeout_ms = TIMEOUT_MS;
    subscription->backoff_first_ms = 10;
    subscription->backoff_most_ms = 50;
    *state = subscription;
    return 0;
}

static int teardown(void **state)
{
    ch_subscription_free(*state);
    return 0;
}

/* The scan passes the next event, of this case, and delivers it. */
static uint64_t deliver(ch_subscription *at, uint64_t case_number, int64_t now_ms)
{
    const ch_pending event = {.sequence = at->next,
                              .case_number = case_number,
                              .attempts = 1,
                              .out = true,
                              .deadline_ms = now_ms + TIMEOUT_MS};
    assert_status(ch_subscription_sent(at, &event), CH_OK);
    return at->next++;
}

static ch_status ack(ch_subscription *at, uint64_t sequence)
{
    ch_pending event = {.sequence = 0};
    ch_status status = ch_subscription_ack(at, sequence, &event);
    assert_int_equal(event.sequence, status == CH_OK ? sequence : 0);
    return status;
}

/* What is to be delivered again at that time, and is; 0: nothing. */
static uint64_t again(ch_subscription *at, int64_t now_ms)
{
    uint64_t drained;
    ch_pending *event = ch_subscription_next_waiting(at, now_ms, &drained);
    if (event == NULL) {
        return 0;
    }
    assert_int_equal(drained, 0);
    assert_false(event->out);
    ch_subscription_sent_again(at, event, now_ms);
    return event->sequence;
}

static uint64_t drained(ch_subscription *at, int64_t now_ms)
{
    uint64_t number;
    assert_null(ch_subscription_next_waiting(at, now_ms, &number));
    return number;
}

/* ---- acknowledging */

static void what_is_not_out_cannot_be_acknowledged_or_fail(void **state)
{
    ch_subscription *at = *state;
    assert_status(ack(at, 1), CH_NOT_FOUND);
    assert_status(ch_subscription_nak(at, 1, 0), CH_NOT_FOUND);
    deliver(at, 7, 0);
    assert_status(ack(at, 1), CH_OK);
    assert_status(ack(at, 1), CH_NOT_FOUND);
    assert_status(ch_subscription_nak(at, 1, 0), CH_NOT_FOUND);
    uint64_t failed = deliver(at, 7, 0);
    assert_status(ch_subscription_nak(at, failed, 50), CH_OK);
    assert_status(ch_subscription_nak(at, failed, 0), CH_NOT_FOUND);
    assert_status(ack(at, failed), CH_NOT_FOUND);
    assert_int_equal(ch_subscription_held(at, 7)->not_before_ms, 50);
}

static void no_more_than_the_most_is_under_way(void **state)
{
    ch_subscription *at = *state;
    for (unsigned i = 0; i < CH_PENDING_MOST; i++) {
        assert_false(ch_subscription_is_full(at));
        deliver(at, i + 1, 0);
    }
    assert_true(ch_subscription_is_full(at));
    const ch_pending more = {.sequence = at->next, .out = true};
    assert_status(ch_subscription_sent(at, &more), CH_FULL);
    assert_null(ch_subscription_find(at, at->next));
    assert_status(ack(at, 17), CH_OK);
    assert_status(ch_subscription_sent(at, &more), CH_OK);
}

static void add_sequence(void *context, const ch_pending *event)
{
    uint64_t *digits = context;
    *digits = *digits * 10 + event->sequence;
}

static void acknowledging_up_to_leaves_what_waits_and_what_is_later(void **state)
{
    ch_subscription *at = *state;
    uint64_t seen = 0;
    for (uint64_t i = 1; i <= 6; i++) {
        deliver(at, i, 0);
    }
    assert_status(ch_subscription_nak(at, 2, 1000), CH_OK);
    ch_subscription_ack_upto(at, 4, add_sequence, &seen);
    assert_int_equal(seen, 134);
    assert_non_null(ch_subscription_find(at, 2));
    assert_null(ch_subscription_find(at, 4));
    assert_non_null(ch_subscription_find(at, 5));
    at->changed = false;
    ch_subscription_ack_upto(at, 4, add_sequence, &seen);
    assert_int_equal(seen, 134);
    assert_false(at->changed);
}

static void what_is_acknowledged_does_not_come_again(void **state)
{
    ch_subscription *at = *state;
    uint64_t first = deliver(at, 7, 0), second = deliver(at, 7, 0), third = deliver(at, 7, 0);
    assert_status(ack(at, first), CH_OK);
    assert_status(ack(at, third), CH_OK);
    assert_status(ch_subscription_nak(at, second, 0), CH_OK);
    assert_int_equal(again(at, 0), second);
    assert_int_equal(again(at, 0), 0);
    assert_status(ack(at, second), CH_OK);
    ch_subscription_detach(at);
    assert_int_equal(again(at, 0), 0);
}

/* ---- held cases */

static void later_events_of_a_failed_ones_case_wait_and_come_in_order(void **state)
{
    ch_subscription *at = *state;
    uint64_t first = deliver(at, 7, 0), second = deliver(at, 7, 0), third = deliver(at, 7, 0);
    assert_status(ch_subscription_nak(at, first, 10), CH_OK);
    assert_status(ack(at, second), CH_NOT_FOUND);
    assert_int_equal(again(at, 9), 0);
    assert_int_equal(again(at, 10), first);
    assert_int_equal(again(at, INT64_MAX - TIMEOUT_MS), 0); /* one at a time */
    assert_status(ack(at, first), CH_OK);
    assert_int_equal(again(at, 11), second);
    assert_int_equal(again(at, 11), 0);
    assert_status(ack(at, second), CH_OK);
    assert_int_equal(again(at, 12), third);
    assert_status(ack(at, third), CH_OK);
    assert_int_equal(drained(at, 13), 7);
}

static void other_cases_go_on_meanwhile(void **state)
{
    ch_subscription *at = *state;
    uint64_t failed = deliver(at, 7, 0), other = deliver(at, 8, 0);
    assert_status(ch_subscription_nak(at, failed, 1000), CH_OK);
    assert_null(ch_subscription_held(at, 8));
    assert_status(ack(at, other), CH_OK);
    deliver(at, 9, 0);
    assert_int_equal(again(at, 999), 0);
}

static void an_earlier_event_of_the_case_that_is_out_stays_out(void **state)
{
    ch_subscription *at = *state;
    uint64_t first = deliver(at, 7, 0), second = deliver(at, 7, 0);
    assert_status(ch_subscription_nak(at, second, 10), CH_OK);
    assert_true(ch_subscription_find(at, first)->out);
    assert_int_equal(again(at, 50), 0);
    assert_status(ack(at, first), CH_OK);
    assert_int_equal(again(at, 50), second);
}

static void acknowledging_an_earlier_event_does_not_cut_the_back_off_short(void **state)
{
    ch_subscription *at = *state;
    uint64_t seen = 0;
    for (unsigned way = 0; way < 2; way++) {
        uint64_t first = deliver(at, 7, 0), second = deliver(at, 7, 0);
        assert_status(ch_subscription_nak(at, second, 1000), CH_OK);
        if (way == 0) {
            assert_status(ack(at, first), CH_OK);
        } else {
            ch_subscription_ack_upto(at, first, add_sequence, &seen);
        }
        assert_int_equal(again(at, 999), 0);
        assert_int_equal(again(at, 1000), second);
        assert_status(ack(at, second), CH_OK);
        ch_subscription_release(at, 7);
    }
}

static void a_case_with_nothing_under_way_gives_what_was_skipped(void **state)
{
    ch_subscription *at = *state;
    uint64_t failed = deliver(at, 7, 0);
    assert_status(ch_subscription_nak(at, failed, 10), CH_OK);
    assert_int_equal(ch_subscription_held(at, 7)->skipped_from, 2);
    assert_int_equal(again(at, 10), failed);
    assert_int_equal(drained(at, 1000), 0); /* not before its answer */
    assert_status(ack(at, failed), CH_OK);
    assert_int_equal(drained(at, 11), 7);
    ch_subscription_release(at, 7);
    assert_null(ch_subscription_held(at, 7));
    assert_int_equal(drained(at, 11), 0);
    ch_subscription_release(at, 7);
}

static void nothing_more_is_drained_while_all_places_are_taken(void **state)
{
    ch_subscription *at = *state;
    uint64_t failed = deliver(at, 7, 0);
    assert_status(ch_subscription_nak(at, failed, 0), CH_OK);
    assert_int_equal(again(at, 0), failed);
    while (at->pending_count < CH_PENDING_MOST) {
        deliver(at, 1000 + at->next, 0);
    }
    assert_status(ack(at, failed), CH_OK);
    deliver(at, 999, 0);
    assert_int_equal(drained(at, 1), 0);
    assert_status(ack(at, 2), CH_OK);
    assert_int_equal(drained(at, 1), 7);
}

static void events_of_no_case_hold_back_nobody(void **state)
{
    ch_subscription *at = *state;
    uint64_t first = deliver(at, CH_NO_CASE | at->next, 0);
    uint64_t second = deliver(at, CH_NO_CASE | at->next, 0);
    assert_status(ch_subscription_nak(at, first, 10), CH_OK);
    assert_null(ch_subscription_held(at, CH_NO_CASE | second));
    assert_status(ack(at, second), CH_OK);
    assert_int_equal(again(at, 10), first);
    assert_status(ack(at, first), CH_OK);
    assert_int_equal(drained(at, 10), CH_NO_CASE | first);
}

static void at_the_most_held_cases_it_pauses_and_failures_are_only_delayed(void **state)
{
    ch_subscription *at = *state;
    for (uint64_t i = 1; i <= HELD_MOST; i++) {
        assert_false(ch_subscription_is_paused(at));
        assert_status(ch_subscription_nak(at, deliver(at, 10 - i, 0), 1000), CH_OK);
    }
    assert_true(ch_subscription_is_paused(at));
    uint64_t more = deliver(at, 20, 0);
    assert_status(ch_subscription_nak(at, more, 500), CH_FULL);
    assert_true(ch_subscription_find(at, more)->out);
    assert_null(ch_subscription_overdue(at, 499));
    assert_int_equal(ch_subscription_overdue(at, 500)->sequence, more);
    for (uint64_t i = 1; i <= HELD_MOST; i++) {
        assert_non_null(ch_subscription_held(at, 10 - i));
    }
    ch_subscription_release(at, 8);
    assert_false(ch_subscription_is_paused(at));
    assert_status(ch_subscription_nak(at, more, 2000), CH_OK);
}

static void a_held_case_may_fail_again_without_another_place(void **state)
{
    ch_subscription *at = *state;
    at->held_most = 1;
    uint64_t failed = deliver(at, 7, 0);
    for (int64_t now = 0; now < 100; now += 10) {
        assert_status(ch_subscription_nak(at, failed, now + 10), CH_OK);
        assert_int_equal(again(at, now + 9), 0);
        assert_int_equal(again(at, now + 10), failed);
    }
    assert_int_equal(ch_subscription_find(at, failed)->attempts, 11);
}

/* ---- times */

static void the_back_off_doubles_up_to_its_most(void **state)
{
    const ch_subscription *at = *state;
    static const int64_t waits[] = {10, 10, 20, 40, 50, 50};
    for (uint32_t i = 0; i < sizeof waits / sizeof *waits; i++) {
        assert_int_equal(ch_subscription_backoff_ms(at, i), waits[i]);
    }
    assert_int_equal(ch_subscription_backoff_ms(at, UINT32_MAX), 50);
}

static void each_that_is_out_is_overdue_once_its_time_has_passed(void **state)
{
    ch_subscription *at = *state;
    assert_null(ch_subscription_overdue(at, INT64_MAX));
    assert_int_equal(ch_subscription_wake_ms(at, 0), INT64_MAX);
    uint64_t first = deliver(at, 7, 0), second = deliver(at, 8, 30);
    assert_int_equal(ch_subscription_wake_ms(at, 0), TIMEOUT_MS);
    assert_null(ch_subscription_overdue(at, TIMEOUT_MS - 1));
    assert_int_equal(ch_subscription_overdue(at, TIMEOUT_MS)->sequence, first);
    assert_status(ack(at, first), CH_OK);
    assert_null(ch_subscription_overdue(at, TIMEOUT_MS));
    assert_int_equal(ch_subscription_wake_ms(at, 0), TIMEOUT_MS + 30);
    assert_int_equal(ch_subscription_overdue(at, TIMEOUT_MS + 30)->sequence, second);
    assert_status(ch_subscription_nak(at, second, 200), CH_OK);
    assert_null(ch_subscription_overdue(at, INT64_MAX));
}

static void it_wakes_when_a_held_case_may_go_on(void **state)
{
    ch_subscription *at = *state;
    assert_status(ch_subscription_nak(at, deliver(at, 7, 0), 60), CH_OK);
    assert_status(ch_subscription_nak(at, deliver(at, 8, 0), 40), CH_OK);
    (void)ch_subscription_overdue(at, TIMEOUT_MS); /* looks, and finds that none is out */
    assert_int_equal(ch_subscription_wake_ms(at, 0), 40);
    assert_int_equal(ch_subscription_wake_ms(at, 40), 60);
    assert_int_equal(ch_subscription_wake_ms(at, 60), INT64_MAX);
    assert_int_equal(again(at, 41), 2);
    assert_int_equal(ch_subscription_wake_ms(at, 41), 60);
    assert_int_equal(again(at, 61), 1);
    assert_int_equal(ch_subscription_wake_ms(at, 61), 41 + TIMEOUT_MS);
}

/* ---- coming and going */

static void without_a_listener_everything_waits_and_comes_again_in_order(void **state)
{
    ch_subscription *at = *state;
    const ch_grant grant = {.name = "water"};
    assert_status(ch_actor_new(&at->actor, &grant), CH_OK);
    at->session = 5;
    at->credit = 9;
    for (uint64_t i = 1; i <= 3; i++) {
        deliver(at, 7, 0);
    }
    assert_status(ack(at, 2), CH_OK);
    ch_subscription_detach(at);
    assert_null(at->actor);
    assert_int_equal(at->session, 0);
    assert_int_equal(at->credit, 0);
    assert_null(ch_subscription_overdue(at, INT64_MAX));
    assert_status(ack(at, 1), CH_NOT_FOUND);
    assert_int_equal(again(at, 5), 1);
    assert_int_equal(again(at, 5), 3);
    assert_int_equal(again(at, 5), 0);
    assert_int_equal(ch_subscription_find(at, 3)->attempts, 2);
}

static void a_held_case_keeps_its_back_off_without_a_listener(void **state)
{
    ch_subscription *at = *state;
    deliver(at, 7, 0);
    deliver(at, 8, 0);
    assert_status(ch_subscription_nak(at, 1, 1000), CH_OK);
    assert_status(ch_subscription_nak(at, 2, 10), CH_OK);
    assert_int_equal(again(at, 10), 2); /* out when the listener goes */
    ch_subscription_detach(at);
    assert_int_equal(again(at, 20), 2);
    assert_int_equal(again(at, 999), 0);
    assert_int_equal(again(at, 1000), 1);
}

static void moving_forgets_what_was_under_way_and_held(void **state)
{
    ch_subscription *at = *state;
    deliver(at, 7, 0);
    deliver(at, 8, 0);
    assert_status(ch_subscription_nak(at, 1, 10), CH_OK);
    ch_subscription_detach(at);
    at->changed = false;
    ch_subscription_move(at, 2, 100);
    assert_true(at->changed);
    assert_int_equal(at->epoch, 2);
    assert_int_equal(at->next, 100);
    assert_int_equal(again(at, INT64_MAX - TIMEOUT_MS), 0);
    assert_int_equal(ch_subscription_wake_ms(at, 0), INT64_MAX);
    assert_int_equal(ch_subscription_floor(at), 99);
}

static void the_floor_is_below_everything_that_may_come_again(void **state)
{
    ch_subscription *at = *state;
    assert_int_equal(ch_subscription_floor(at), 0);
    for (uint64_t i = 1; i <= 4; i++) {
        deliver(at, 7, 0);
    }
    assert_int_equal(ch_subscription_floor(at), 0);
    assert_status(ack(at, 1), CH_OK);
    assert_int_equal(ch_subscription_floor(at), 1);
    assert_status(ack(at, 3), CH_OK);
    assert_int_equal(ch_subscription_floor(at), 1);
    assert_status(ack(at, 2), CH_OK);
    assert_int_equal(ch_subscription_floor(at), 3);
    assert_status(ch_subscription_nak(at, 4, 0), CH_OK);
    assert_int_equal(again(at, 0), 4);
    at->next = 20; /* the scan skipped the case's others */
    assert_status(ack(at, 4), CH_OK);
    assert_int_equal(ch_subscription_floor(at), 4);
    ch_subscription_release(at, 7);
    assert_int_equal(ch_subscription_floor(at), 19);
}

static void a_dead_letter_that_is_tried_again_lies_below_the_rest(void **state)
{
    ch_subscription *at = *state;
    at->next = 50;
    deliver(at, 8, 0);
    const ch_pending letter = {.sequence = 3, .case_number = 7, .deadline_ms = INT64_MAX};
    assert_status(ch_subscription_sent(at, &letter), CH_OK);
    at->loose = true;
    assert_int_equal(ch_subscription_floor(at), 2);
    assert_int_equal(again(at, 0), 3);
    assert_int_equal(again(at, 0), 0);
    assert_false(at->loose);
    assert_int_equal(ch_subscription_find(at, 3)->attempts, 1);
}

/* ---- patterns */

static void it_matches_what_one_of_its_patterns_does(void **state)
{
    ch_subscription *at = *state;
    const ch_str patterns[] = {CH_STR("case.>"), CH_STR("*.offered.>")};
    assert_false(ch_subscription_matches(at, CH_STR("case.opened.forum._.33")));
    assert_status(ch_subscription_set_patterns(at, patterns, 2), CH_OK);
    assert_true(ch_subscription_matches(at, CH_STR("case.opened.forum._.33")));
    assert_true(ch_subscription_matches(at, CH_STR("handoff.offered.forum.water.33")));
    assert_false(ch_subscription_matches(at, CH_STR("handoff.accepted.forum.water.33")));
    static char longer[CH_TOPIC_MAX + 2];
    memset(longer, 'a', CH_TOPIC_MAX + 1);
    const ch_str bad[] = {CH_STR("hub.>"), ch_str_of(longer)};
    assert_status(ch_subscription_set_patterns(at, bad, 2), CH_TOO_LARGE);
    assert_true(ch_subscription_matches(at, CH_STR("case.opened.forum._.33")));
    assert_false(ch_subscription_matches(at, CH_STR("hub.grant")));
    assert_status(ch_subscription_set_patterns(at, NULL, 0), CH_OK);
    assert_false(ch_subscription_matches(at, CH_STR("case.opened.forum._.33")));
}

static bool may_want(const ch_subscription *at, const char *topic)
{
    ch_topic_filter block = {{0}};
    ch_topic_filter_add(&block, ch_str_of(topic));
    return ch_subscription_may_want(at, &block);
}

static void it_is_narrow_when_every_pattern_says_something(void **state)
{
    ch_subscription *at = *state;
    const ch_str narrow[] = {CH_STR("*.*.grid.>"), CH_STR("handoff.offered.>")};
    const ch_str wide[] = {CH_STR("*.*.grid.>"), CH_STR("*.offered.>")};
    assert_status(ch_subscription_set_patterns(at, wide, 2), CH_OK);
    assert_false(ch_subscription_is_narrow(at));
    assert_status(ch_subscription_set_patterns(at, narrow, 2), CH_OK);
    assert_true(ch_subscription_is_narrow(at));
    assert_true(may_want(at, "case.opened.grid._.33"));
    assert_true(may_want(at, "handoff.offered.forum.water.33"));
    assert_false(may_want(at, "handoff.accepted.forum.water.33"));
    at->involved = true; /* any event of a case it took part in */
    assert_false(ch_subscription_is_narrow(at));
    at->involved = false;
    assert_status(ch_subscription_set_patterns(at, wide, 2), CH_OK);
    assert_false(ch_subscription_is_narrow(at));
    assert_status(ch_subscription_set_patterns(at, NULL, 0), CH_OK);
    assert_false(may_want(at, "case.opened.grid._.33"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_not_out_cannot_be_acknowledged_or_fail),
        TEST(no_more_than_the_most_is_under_way),
        TEST(acknowledging_up_to_leaves_what_waits_and_what_is_later),
        TEST(what_is_acknowledged_does_not_come_again),
        TEST(later_events_of_a_failed_ones_case_wait_and_come_in_order),
        TEST(other_cases_go_on_meanwhile),
        TEST(an_earlier_event_of_the_case_that_is_out_stays_out),
        TEST(acknowledging_an_earlier_event_does_not_cut_the_back_off_short),
        TEST(a_case_with_nothing_under_way_gives_what_was_skipped),
        TEST(nothing_more_is_drained_while_all_places_are_taken),
        TEST(events_of_no_case_hold_back_nobody),
        TEST(at_the_most_held_cases_it_pauses_and_failures_are_only_delayed),
        TEST(a_held_case_may_fail_again_without_another_place),
        TEST(the_back_off_doubles_up_to_its_most),
        TEST(each_that_is_out_is_overdue_once_its_time_has_passed),
        TEST(it_wakes_when_a_held_case_may_go_on),
        TEST(without_a_listener_everything_waits_and_comes_again_in_order),
        TEST(a_held_case_keeps_its_back_off_without_a_listener),
        TEST(moving_forgets_what_was_under_way_and_held),
        TEST(the_floor_is_below_everything_that_may_come_again),
        TEST(a_dead_letter_that_is_tried_again_lies_below_the_rest),
        TEST(it_matches_what_one_of_its_patterns_does),
        TEST(it_is_narrow_when_every_pattern_says_something),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
