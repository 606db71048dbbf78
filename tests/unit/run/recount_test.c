/* Clocks that are counted again because the rules have changed, with a clock of the world that a test moves. */
#include "tests/unit/check.h"
#include "tests/unit/run/town.h"

#include "hub/run/expiry.h"

#include <stdio.h>

#define HOUR INT64_C(3600000)
#define DAY (24 * HOUR)
#define LOOK 1000 /* more than it sleeps between two looks */
#define PORTION 256
#define MANY 1500 /* more than one look sees */

/* Answered within three working days: until the end of Thursday the 26th. */
#define POST                                                                                                 \
    "{\"type\":\"case.opened\",\"source\":\"forum/zh\",\"data\":{\"kind\":\"post\",\"category\":\"lamp\"}}"

typedef struct fixture {
    town of;
    ch_grant forum;
    ch_recount *recount;
    ch_expiry *expiry;
} fixture;

static void start(fixture *f)
{
    assert_status(ch_recount_new(&f->recount, f->of.store, &f->of.clock.clock, f->of.rules), CH_OK);
    assert_status(ch_expiry_new(&f->expiry, f->of.store, &f->of.clock.clock, f->recount), CH_OK);
}

static void stop(fixture *f)
{
    ch_expiry_free(f->expiry);
    ch_recount_free(f->recount);
}

static int setup(void **state)
{
    static fixture f;
    town_start(&f.of);
    f.forum = town_grant(CH_ROLE_CONNECTOR, "forum", CH_PRIVATE_OWN, "forum", "", "");
    start(&f);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    stop(f);
    town_stop(&f->of);
    return 0;
}

static void change_wednesday(fixture *f, bool works)
{
    ch_calendar *calendar = &f->of.rules->calendars[0];
    calendar->works[ch_calendar_day_of(calendar, TOWN_START_MS + 2 * DAY) - calendar->first_day] = works;
}

static void set_wednesday(fixture *f, bool works)
{
    change_wednesday(f, works);
    ch_recount_begin(f->recount, f->of.rules);
}

typedef struct portion {
    size_t recomputed, breached, others, duplicates;
} portion;

/* In the writer's order: first what is due. */
static ch_work *next(fixture *f)
{
    ch_work *work = ch_expiry_next(f->expiry);
    return work == NULL ? ch_recount_next(f->recount) : work;
}

static portion take(fixture *f, size_t most, bool commit)
{
    ch_work *work;
    portion of = {.recomputed = 0};
    town_begin(&f->of);
    for (size_t i = 0; i < most && (work = next(f)) != NULL; i++) {
        ch_str type = work->items[0].event.type;
        bool recomputes = ch_str_is(type, "clock.recomputed"), breaches = ch_str_is(type, "clock.breached");
        of.recomputed += recomputes;
        of.breached += breaches;
        of.others += !recomputes && !breaches;
        assert_ok(ch_batch_take(f->of.batch, work, &f->of.error), &f->of.error);
    }
    if (commit) {
        town_commit(&f->of);
    } else {
        town_commit_log(&f->of);
    }
    ch_expiry_note_due(f->expiry, ch_batch_earliest_due(f->of.batch));
    while ((work = ch_batch_next(f->of.batch)) != NULL) {
        assert_status(work->answers[0].status, CH_OK);
        of.duplicates += work->answers[0].duplicate;
        ch_mail_free(&work->mail);
    }
    f->of.clock.now_ms += LOOK;
    return of;
}

static size_t recomputed_until_quiet(fixture *f)
{
    size_t total = 0;
    while (ch_recount_wait_ms(f->recount) != INT64_MAX) {
        const portion of = take(f, SIZE_MAX, true);
        assert_true(of.recomputed <= PORTION);
        assert_int_equal(of.others + of.breached + of.duplicates, 0);
        total += of.recomputed;
    }
    return total;
}

static int64_t due_of(fixture *f, const char *case_id)
{
    char arguments[128];
    snprintf(arguments, sizeof arguments, "{\"case\":\"%s\"}", case_id);
    town_get(&f->of, &town_operator, "clocks", arguments);
    return json_integer_value(json_object_get(town_row(&f->of, 0), "due"));
}

static void under_the_same_rules_nothing_is_said(void **state)
{
    fixture *f = *state;
    town_fill(&f->of, &f->forum, "R", MANY, POST);
    assert_int_equal(recomputed_until_quiet(f), 0);
    ch_recount_begin(f->recount, f->of.rules);
    assert_int_equal(recomputed_until_quiet(f), 0);
}

static void the_clocks_that_a_changed_calendar_concerns_are_counted_again_by_portions_each_once(void **state)
{
    fixture *f = *state;
    town_fill(&f->of, &f->forum, "R", MANY, POST); /* of two clocks each, only one counts by the calendar */
    int64_t due = due_of(f, f->of.case_id);
    set_wednesday(f, false);
    assert_int_equal(recomputed_until_quiet(f), MANY);
    assert_int_equal(due_of(f, f->of.case_id), due + DAY);
    ch_recount_begin(f->recount, f->of.rules);
    assert_int_equal(recomputed_until_quiet(f), 0);
    set_wednesday(f, true);
    assert_int_equal(recomputed_until_quiet(f), MANY);
    assert_int_equal(due_of(f, f->of.case_id), due);
}

static void a_stop_in_the_middle_loses_none_and_doubles_none(void **state)
{
    fixture *f = *state;
    town_fill(&f->of, &f->forum, "R", MANY, POST);
    set_wednesday(f, false);
    size_t before = 0;
    while (before < MANY / 3) {
        before += take(f, 100, true).recomputed;
    }
    assert_true(before < MANY);
    stop(f);
    start(f);
    assert_int_equal(recomputed_until_quiet(f) + before, MANY);
}

static void nothing_is_counted_again_before_the_state_shows_what_was_decided(void **state)
{
    fixture *f = *state;
    assert_ok(town_publish(&f->of, &f->forum, POST), &f->of.error);
    set_wednesday(f, false);
    assert_int_equal(take(f, SIZE_MAX, false).recomputed, 1);
    uint64_t last = ch_event_log_last(f->of.store->log);
    stop(f);
    start(f);
    const portion again = take(f, SIZE_MAX, true);
    assert_int_equal(again.recomputed, 0);
    assert_int_equal(recomputed_until_quiet(f), 0);
    assert_int_equal(ch_event_log_last(f->of.store->log), last);
}

static void rules_that_change_again_at_once_are_the_ones_that_count(void **state)
{
    fixture *f = *state;
    assert_ok(town_publish(&f->of, &f->forum, POST), &f->of.error);
    int64_t due = due_of(f, f->of.case_id);
    set_wednesday(f, false);
    assert_int_equal(take(f, SIZE_MAX, false).recomputed, 1);
    set_wednesday(f, true);
    assert_int_equal(take(f, SIZE_MAX, true).recomputed, 0);
    assert_int_equal(take(f, SIZE_MAX, true).recomputed, 1);
    assert_int_equal(due_of(f, f->of.case_id), due);
}

/* A holiday was announced while the hub stood still, and by its due time of before the clock had run out. */
static void what_is_not_due_any_more_does_not_run_out_first(void **state)
{
    fixture *f = *state;
    assert_ok(town_publish(&f->of, &f->forum, POST), &f->of.error);
    int64_t due = due_of(f, f->of.case_id);
    stop(f);
    change_wednesday(f, false);
    f->of.clock.now_ms = due + HOUR;
    start(f);
    size_t recomputed = 0;
    for (size_t i = 0; i < 5; i++) {
        const portion of = take(f, SIZE_MAX, true);
        recomputed += of.recomputed - of.duplicates;
        town_get(&f->of, &town_operator, "clocks", "{\"state\":\"breached\"}");
        assert_false(town_says(&f->of, "post-answered"));
    }
    assert_int_equal(recomputed, 1);
    assert_int_equal(due_of(f, f->of.case_id), due + DAY);
}

static void what_is_overdue_by_the_new_rules_runs_out_once(void **state)
{
    fixture *f = *state;
    set_wednesday(f, false);
    assert_ok(town_publish(&f->of, &f->forum, POST), &f->of.error);
    int64_t due = due_of(f, f->of.case_id) - DAY;
    f->of.clock.now_ms = due + HOUR;
    while (take(f, SIZE_MAX, true).others > 0) { /* what else was due by then */
    }
    town_get(&f->of, &town_operator, "clocks", "{\"state\":\"running\"}");
    assert_list(&f->of, "rule", "post-answered");
    set_wednesday(f, true);
    portion total = {.recomputed = 0};
    for (size_t i = 0; i < 6; i++) {
        const portion of = take(f, SIZE_MAX, true);
        total.recomputed += of.recomputed;
        total.breached += of.breached;
    }
    assert_int_equal(total.recomputed, 1);
    assert_int_equal(total.breached, 1);
    assert_int_equal(due_of(f, f->of.case_id), due);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(under_the_same_rules_nothing_is_said),
        TEST(the_clocks_that_a_changed_calendar_concerns_are_counted_again_by_portions_each_once),
        TEST(a_stop_in_the_middle_loses_none_and_doubles_none),
        TEST(nothing_is_counted_again_before_the_state_shows_what_was_decided),
        TEST(rules_that_change_again_at_once_are_the_ones_that_count),
        TEST(what_is_not_due_any_more_does_not_run_out_first),
        TEST(what_is_overdue_by_the_new_rules_runs_out_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
