/* Handoffs that nobody answered in time, with a clock that stands still until a test moves it. */
#include "tests/unit/check.h"
#include "tests/unit/run/town.h"

#include "hub/run/expiry.h"

#include <inttypes.h>
#include <stdio.h>

#define MINUTE INT64_C(60000)
#define DUE (5 * MINUTE) /* of what the rules give to fire-brigade */
#define LOOK 1000        /* more than it sleeps between two looks */
#define PORTION 256
#define MANY 1000

#define FIRE                                                                                                 \
    "{\"type\":\"case.opened\",\"source\":\"hotline/1\",\"area\":\"330703\",\"data\":{\"kind\":\"matter\","  \
    "\"category\":\"fire\"}}"

typedef struct fixture {
    town of;
    ch_grant hotline, rescue;
    ch_recount *recount;
    ch_expiry *expiry;
} fixture;

static int setup(void **state)
{
    static fixture f;
    town_start(&f.of);
    f.hotline = town_grant(CH_ROLE_CONNECTOR, "hotline", CH_PRIVATE_OWN, "hotline", "", "");
    f.rescue = town_grant(CH_ROLE_DEPARTMENT, "rescue", CH_PRIVATE_OWN, "rescue", "fire-brigade", "");
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

static void pass(fixture *f, int64_t ms)
{
    f->of.clock.now_ms += ms;
}

/* As the writer does after each batch. */
static void note_due(fixture *f)
{
    ch_expiry_note_due(f->expiry, ch_batch_earliest_due(f->of.batch));
}

static void publish(fixture *f, const ch_grant *grant, const char *event)
{
    assert_ok(town_publish(&f->of, grant, event), &f->of.error);
    note_due(f);
}

/* h1 of the last case. */
static void say(fixture *f, const ch_grant *grant, const char *type, const char *more)
{
    char event[512], case_id[CH_CASE_ID_SIZE];
    memcpy(case_id, f->of.case_id, sizeof case_id);
    snprintf(event, sizeof event,
             "{\"type\":\"%s\",\"source\":\"rescue\",\"subject\":\"%s\",\"data\":{\"handoff\":\"%s/h1\"%s}}",
             type, case_id, case_id, more);
    publish(f, grant, event);
}

/* To water, in the last case; due so long from now. */
static void offer(fixture *f, int64_t due_in_ms)
{
    char event[512];
    snprintf(event, sizeof event,
             "{\"type\":\"handoff.offered\",\"source\":\"desk\",\"subject\":\"%s\",\"data\":{\"party\":"
             "\"water\",\"due\":%" PRIi64 "}}",
             f->of.case_id, f->of.clock.now_ms + due_in_ms);
    publish(f, &town_operator, event);
}

/* One portion, in a batch of its own; how many. With commit, the state is. */
static size_t fire(fixture *f, bool commit, size_t *out_duplicates)
{
    ch_work *work;
    size_t count = 0;
    *out_duplicates = 0;
    town_begin(&f->of);
    while ((work = ch_expiry_next(f->expiry)) != NULL) {
        assert_int_equal(work->session, 0);
        assert_int_equal(work->count, 1);
        assert_true(ch_str_is(work->items[0].event.type, "handoff.expired"));
        assert_ok(ch_batch_take(f->of.batch, work, &f->of.error), &f->of.error);
        count++;
    }
    if (commit) {
        town_commit(&f->of);
    } else {
        town_commit_log(&f->of);
    }
    note_due(f);
    while ((work = ch_batch_next(f->of.batch)) != NULL) {
        assert_status(work->answers[0].status, CH_OK);
        *out_duplicates += work->answers[0].duplicate;
        ch_mail_free(&work->mail);
    }
    return count;
}

static size_t expired(fixture *f)
{
    size_t duplicates, count = fire(f, true, &duplicates);
    assert_int_equal(duplicates, 0);
    return count;
}

static const char *states(fixture *f)
{
    town_get(&f->of, &town_operator, "handoffs", "{\"open\":false}");
    return town_list(&f->of, "state");
}

/* ---- what does not expire */

static void without_handoffs_nothing_expires(void **state)
{
    fixture *f = *state;
    assert_int_equal(expired(f), 0);
    assert_true(ch_expiry_wait_ms(f->expiry) > 0 && ch_expiry_wait_ms(f->expiry) < LOOK);
    pass(f, LOOK);
    assert_int_equal(ch_expiry_wait_ms(f->expiry), 0);
    assert_int_equal(expired(f), 0);
}

static void before_its_time_nothing_expires(void **state)
{
    fixture *f = *state;
    publish(f, &f->hotline, FIRE);
    assert_int_equal(expired(f), 0);
    pass(f, DUE - 1);
    assert_int_equal(expired(f), 0);
}

static void one_that_was_accepted_is_late_but_does_not_expire(void **state)
{
    fixture *f = *state;
    publish(f, &f->hotline, FIRE);
    say(f, &f->rescue, "handoff.accepted", "");
    pass(f, DUE);
    assert_int_equal(expired(f), 0);
    pass(f, 100 * DUE);
    assert_int_equal(expired(f), 0);
}

static void one_that_was_rejected_does_not_expire(void **state)
{
    fixture *f = *state;
    publish(f, &f->hotline, FIRE);
    say(f, &f->rescue, "handoff.rejected", ",\"reason\":\"not-ours\"");
    pass(f, DUE);
    assert_int_equal(expired(f), 0);
}

/* ---- what does */

static void one_that_nobody_answered_expires_once(void **state)
{
    fixture *f = *state;
    publish(f, &f->hotline, FIRE);
    pass(f, DUE);
    assert_int_equal(expired(f), 1);
    for (unsigned i = 0; i < 5; i++) {
        pass(f, LOOK);
        assert_int_equal(expired(f), 0);
    }
    town_get(&f->of, &town_operator, "handoffs", NULL);
    assert_false(town_says(&f->of, "fire-brigade"));
}

/* The state that is looked at is behind: the event's id says that it is the same. */
static void firing_again_before_the_state_is_committed_is_a_repeat(void **state)
{
    fixture *f = *state;
    size_t duplicates;
    publish(f, &f->hotline, FIRE);
    pass(f, DUE);
    assert_int_equal(fire(f, false, &duplicates), 1);
    assert_int_equal(duplicates, 0);
    uint64_t last = ch_event_log_last(f->of.store->log);
    pass(f, LOOK);
    assert_int_equal(fire(f, true, &duplicates), 1);
    assert_int_equal(duplicates, 1);
    assert_int_equal(ch_event_log_last(f->of.store->log), last);
    pass(f, LOOK);
    assert_int_equal(expired(f), 0);
}

static void an_extended_one_expires_at_its_new_time(void **state)
{
    fixture *f = *state;
    char due[64];
    publish(f, &f->hotline, FIRE);
    snprintf(due, sizeof due, ",\"due\":%" PRIi64, f->of.clock.now_ms + 3 * DUE);
    say(f, &town_operator, "handoff.extended", due);
    pass(f, DUE);
    assert_int_equal(expired(f), 0);
    pass(f, 2 * DUE - 1);
    assert_int_equal(expired(f), 0);
    pass(f, LOOK);
    assert_int_equal(expired(f), 1);
}

static void many_that_are_due_at_once_come_in_bounded_portions(void **state)
{
    fixture *f = *state;
    town_fill(&f->of, &f->hotline, "R", MANY, FIRE);
    note_due(f);
    pass(f, DUE);
    size_t total = 0, looks = 0;
    for (size_t some = 1; some > 0; looks++) {
        some = expired(f);
        assert_true(some <= PORTION);
        total += some;
        pass(f, LOOK);
    }
    assert_int_equal(total, MANY);
    assert_int_equal(looks, MANY / PORTION + 2);
}

static void between_looks_it_rests(void **state)
{
    fixture *f = *state;
    assert_int_equal(expired(f), 0);
    publish(f, &f->hotline, FIRE);
    offer(f, -DUE);
    assert_int_equal(expired(f), 0);
    pass(f, ch_expiry_wait_ms(f->expiry) - 1);
    assert_int_equal(expired(f), 0);
    pass(f, 1);
    assert_int_equal(expired(f), 1);
}

static void a_due_time_in_the_past_is_noticed(void **state)
{
    fixture *f = *state;
    publish(f, &f->hotline, FIRE);
    pass(f, DUE + LOOK);
    assert_int_equal(expired(f), 1); /* so that everything before has been seen */
    offer(f, -DUE);
    pass(f, LOOK);
    assert_int_equal(expired(f), 1);
    assert_non_null(strstr(states(f), "expired"));
}

/* Between the batch and the state's commit there may be a look, which sees others that are due later. */
static void one_that_the_state_does_not_show_yet_is_not_missed(void **state)
{
    fixture *f = *state;
    char event[512];
    publish(f, &f->hotline, FIRE);
    pass(f, DUE);
    snprintf(event, sizeof event,
             "{\"type\":\"handoff.offered\",\"source\":\"desk\",\"subject\":\"%s\",\"data\":{\"party\":"
             "\"water\",\"due\":%" PRIi64 "}}",
             f->of.case_id, f->of.clock.now_ms - MINUTE);
    const char *const events[] = {event};
    town_begin(&f->of);
    assert_ok(ch_batch_take(f->of.batch, town_work(&f->of, &town_operator, events, 1), &f->of.error),
              &f->of.error);
    town_commit_log(&f->of);
    note_due(f);
    ch_work *answered = ch_batch_next(f->of.batch);
    assert_status(answered->answers[0].status, CH_OK);
    ch_mail_free(&answered->mail);

    assert_int_equal(expired(f), 1); /* the first; now the state is committed */
    pass(f, LOOK);
    assert_int_equal(expired(f), 1);
    pass(f, LOOK);
    assert_int_equal(expired(f), 0);
}

static void what_became_due_while_the_hub_was_down_expires_at_the_start(void **state)
{
    fixture *f = *state;
    publish(f, &f->hotline, FIRE);
    offer(f, 2 * DUE);
    ch_expiry_free(f->expiry);
    pass(f, 10 * DUE);
    assert_status(ch_expiry_new(&f->expiry, f->of.store, &f->of.clock.clock, f->recount), CH_OK);
    assert_int_equal(expired(f), 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_handoffs_nothing_expires),
        TEST(before_its_time_nothing_expires),
        TEST(one_that_was_accepted_is_late_but_does_not_expire),
        TEST(one_that_was_rejected_does_not_expire),
        TEST(one_that_nobody_answered_expires_once),
        TEST(firing_again_before_the_state_is_committed_is_a_repeat),
        TEST(an_extended_one_expires_at_its_new_time),
        TEST(many_that_are_due_at_once_come_in_bounded_portions),
        TEST(between_looks_it_rests),
        TEST(a_due_time_in_the_past_is_noticed),
        TEST(one_that_the_state_does_not_show_yet_is_not_missed),
        TEST(what_became_due_while_the_hub_was_down_expires_at_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
