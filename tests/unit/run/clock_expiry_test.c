/* Clocks that become due, with a clock of the world that stands still until a test moves it. */
#include "tests/unit/check.h"
#include "tests/unit/run/town.h"

#include "hub/run/expiry.h"

#include <inttypes.h>
#include <stdio.h>

#define MINUTE INT64_C(60000)
#define HOUR (60 * MINUTE)
#define LOOK 1000 /* more than it sleeps between two looks */
#define PORTION 256
#define MANY 1000

/* Accepted within three hours, with a warning half an hour before; answered within three working days. */
#define POST                                                                                                 \
    "{\"type\":\"case.opened\",\"source\":\"forum/zh\",\"data\":{\"kind\":\"post\",\"category\":\"lamp\"}}"

typedef struct fixture {
    town of;
    ch_grant forum;
    ch_recount *recount;
    ch_expiry *expiry;
} fixture;

static int setup(void **state)
{
    static fixture f;
    town_start(&f.of);
    f.forum = town_grant(CH_ROLE_CONNECTOR, "forum", CH_PRIVATE_OWN, "forum", "", "");
    assert_status(ch_recount_new(&f.recount, f.of.store, &f.of.clock.clock, f.of.rules), CH_OK);
    assert_status(ch_expiry_new(&f.expiry, f.of.store, &f.of.clock.clock, f.recount), CH_OK);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    ch_expiry_free(f->expiry);
    ch_recount_free(f->recount);
    town_stop(&f->of);
    return 0;
}

static void note_due(fixture *f)
{
    ch_expiry_note_due(f->expiry, ch_batch_earliest_due(f->of.batch));
}

static void publish(fixture *f, const ch_grant *grant, const char *event)
{
    assert_ok(town_publish(&f->of, grant, event), &f->of.error);
    note_due(f);
}

/* Of the last case. */
static void say(fixture *f, const char *type, const char *data)
{
    char event[512];
    snprintf(event, sizeof event, "{\"type\":\"%s\",\"source\":\"desk\",\"subject\":\"%s\",\"data\":%s}",
             type, f->of.case_id, data);
    publish(f, &town_operator, event);
}

typedef struct portion {
    size_t warned, breached, escalated, duplicates;
} portion;

static portion fire(fixture *f, bool commit)
{
    ch_work *work;
    portion of = {.warned = 0};
    town_begin(&f->of);
    while ((work = ch_expiry_next(f->expiry)) != NULL) {
        ch_str type = work->items[0].event.type;
        of.warned += ch_str_is(type, "clock.warned");
        of.breached += ch_str_is(type, "clock.breached");
        of.escalated += ch_str_is(type, "clock.escalated");
        assert_ok(ch_batch_take(f->of.batch, work, &f->of.error), &f->of.error);
    }
    if (commit) {
        town_commit(&f->of);
    } else {
        town_commit_log(&f->of);
    }
    note_due(f);
    while ((work = ch_batch_next(f->of.batch)) != NULL) {
        assert_status(work->answers[0].status, CH_OK);
        of.duplicates += work->answers[0].duplicate;
        ch_mail_free(&work->mail);
    }
    return of;
}

static void assert_fired(fixture *f, int64_t after_ms, size_t warned, size_t breached, size_t escalated)
{
    f->of.clock.now_ms += after_ms;
    const portion of = fire(f, true);
    assert_int_equal(of.warned, warned);
    assert_int_equal(of.breached, breached);
    assert_int_equal(of.escalated, escalated);
    assert_int_equal(of.duplicates, 0);
}

static void before_its_time_a_clock_says_nothing(void **state)
{
    fixture *f = *state;
    publish(f, &f->forum, POST);
    assert_fired(f, 150 * MINUTE - 1, 0, 0, 0);
    assert_fired(f, 1, 0, 0, 0); /* it looks again a little later */
    assert_fired(f, LOOK, 1, 0, 0);
}

static void what_was_done_in_time_says_nothing_any_more(void **state)
{
    fixture *f = *state;
    publish(f, &f->forum, POST);
    say(f, "handoff.accepted", "{\"party\":\"urban-mgmt\"}");
    say(f, "case.replied", "{\"text\":\"on its way\"}");
    assert_fired(f, 1000 * HOUR, 0, 0, 0);
}

static void a_clock_warns_and_breaches_once(void **state)
{
    fixture *f = *state;
    publish(f, &f->forum, POST);
    assert_fired(f, 150 * MINUTE, 1, 0, 0);
    for (size_t i = 0; i < 3; i++) {
        assert_fired(f, LOOK, 0, 0, 0);
    }
    assert_fired(f, 30 * MINUTE, 0, 1, 0);
    for (size_t i = 0; i < 3; i++) {
        assert_fired(f, HOUR, 0, 0, 0);
    }
}

/* The state that is looked at is behind: the event's id says that it is the same. */
static void firing_again_before_the_state_is_committed_is_a_repeat(void **state)
{
    fixture *f = *state;
    publish(f, &f->forum, POST);
    f->of.clock.now_ms += 150 * MINUTE;
    assert_int_equal(fire(f, false).duplicates, 0);
    uint64_t last = ch_event_log_last(f->of.store->log);
    f->of.clock.now_ms += LOOK;
    const portion again = fire(f, true);
    assert_int_equal(again.warned, 1);
    assert_int_equal(again.duplicates, 1);
    assert_int_equal(ch_event_log_last(f->of.store->log), last);
    assert_fired(f, LOOK, 0, 0, 0);
}

/* The three working days end with the 26th; then a day after, and another. */
static void after_a_long_stop_each_step_comes_in_its_order(void **state)
{
    fixture *f = *state;
    publish(f, &f->forum, POST);
    ch_expiry_free(f->expiry);
    f->of.clock.now_ms += 30 * 24 * HOUR;
    assert_status(ch_expiry_new(&f->expiry, f->of.store, &f->of.clock.clock, f->recount), CH_OK);
    assert_fired(f, 0, 2, 0, 0);
    assert_fired(f, LOOK, 0, 2, 0);
    assert_fired(f, LOOK, 0, 0, 1);
    assert_fired(f, LOOK, 0, 0, 0);
    assert_ok(town_ask(&f->of, &town_operator, "handoffs", NULL), &f->of.error);
    assert_list(&f->of, "party", "city-supervision city-supervision city-supervision urban-mgmt");
}

static void many_that_are_due_at_once_come_in_bounded_portions_while_others_are_heard(void **state)
{
    fixture *f = *state;
    town_fill(&f->of, &f->forum, "R", MANY, POST);
    note_due(f);
    f->of.clock.now_ms += 150 * MINUTE;
    size_t total = 0;
    for (size_t looks = 0; total < MANY; looks++) {
        const portion of = fire(f, true);
        assert_true(of.warned > 0 && of.warned <= PORTION);
        assert_true(looks <= MANY / PORTION);
        total += of.warned;
        f->of.clock.now_ms += LOOK;
        publish(f, &f->forum, POST);
    }
    assert_int_equal(total, MANY);
    assert_fired(f, LOOK, 0, 0, 0);
}

static void a_clock_and_an_expiry_at_the_same_time_do_not_disturb_each_other(void **state)
{
    fixture *f = *state;
    ch_grant emergency = town_grant(CH_ROLE_CONNECTOR, "emergency", CH_PRIVATE_OWN, "emergency", "", "");
    publish(f, &emergency,
            "{\"type\":\"case.opened\",\"source\":\"emergency/1\",\"data\":{\"category\":\"fire\"}}");
    assert_fired(f, MINUTE, 0, 1, 0);
    assert_fired(f, 4 * MINUTE, 1, 0, 0);
    assert_fired(f, LOOK, 0, 0, 0); /* the handoff has expired, and its clock with it */
    assert_ok(town_ask(&f->of, &town_operator, "handoffs", "{\"open\":false}"), &f->of.error);
    assert_list(&f->of, "state", "expired offered offered");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(before_its_time_a_clock_says_nothing),
        TEST(what_was_done_in_time_says_nothing_any_more),
        TEST(a_clock_warns_and_breaches_once),
        TEST(firing_again_before_the_state_is_committed_is_a_repeat),
        TEST(after_a_long_stop_each_step_comes_in_its_order),
        TEST(many_that_are_due_at_once_come_in_bounded_portions_while_others_are_heard),
        TEST(a_clock_and_an_expiry_at_the_same_time_do_not_disturb_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
