/* Rules that change while clocks run: what was counted is counted again, and then every clock stands as if the rules had
 * always been so. The cases are disputes, which promise working days, and what a grid worker reports, which promises working
 * hours, too.
 */
#include "hub/base/random.h"
#include "tests/unit/check.h"
#include "tests/unit/model/city.h"

#include "hub/base/clock.h"

#include <inttypes.h>
#include <stdio.h>

#define SEEDS 100
#define HOUR INT64_C(3600000)
#define DAY (24 * HOUR)
#define DISPUTE "{\"kind\":\"dispute\",\"category\":\"dispute.land\"}"
#define REPORT "{\"kind\":\"matter\",\"category\":\"lamp\",\"priority\":1}"

static int64_t at(const char *text)
{
    int64_t time_ms;
    assert_int_equal(ch_time_parse(ch_str_of(text), &time_ms), CH_OK);
    return time_ms;
}

/* A dispute of Monday the 9th of March; its committee takes it until Thursday, and it is mediated within thirty days. */
static int start(void **state)
{
    static city of;
    city_start_with_clocks(&of);
    of.now_ms = at("2026-03-09T10:00:00+08:00");
    assert_int_equal(city_open(&of, "mediation/1", "1", DISPUTE), CH_OK);
    assert_types(&of, "*case.opened handoff.offered clock.started clock.started");
    *state = &of;
    return 0;
}

static int stop(void **state)
{
    city_stop(*state);
    return 0;
}

static const ch_case_clock *clock_of(const city *of, uint64_t number, uint32_t index)
{
    const ch_case_clock *clock = ch_case_clock_of(city_case(of, number), index);
    assert_non_null(clock);
    return clock;
}

static ch_status recount(city *of, uint64_t number, uint32_t index)
{
    char data[96];
    snprintf(data, sizeof data, "{\"clock\":\"%s/c%u\"}", city_case(of, number)->id, index);
    return city_report(of, "clock.recomputed", number, data);
}

static void set_day(city *of, const char *day, bool works)
{
    ch_calendar *calendar = &of->rules->calendars[0];
    calendar->works[ch_calendar_day_of(calendar, at(day)) - calendar->first_day] = works;
}

static ch_clock_rule *rule_of(city *of, const char *name)
{
    for (size_t i = 0; i < of->rules->clock_count; i++) {
        if (strcmp(of->rules->clocks[i].name, name) == 0) {
            return &of->rules->clocks[i];
        }
    }
    fail_msg("there is no clock %s", name);
    return NULL;
}

#define MEDIATED 1 /* c1 of such a case: dispute-mediated */
#define TAKEN 2    /* dispute-accepted, of its handoff */

/* ---- what is not counted again */

static void under_the_same_rules_nothing_is_counted_again(void **state)
{
    city *of = *state;
    assert_refused(of, recount(of, 1, TAKEN), CH_CONFLICT, "clock ZJ-20260309-1/c2 is not due");
    set_day(of, "2026-03-20T12:00:00+08:00", false); /* behind its due time */
    assert_int_equal(recount(of, 1, TAKEN), CH_CONFLICT);
    set_day(of, "2026-03-11T12:00:00+08:00", false);
    assert_int_equal(recount(of, 1, TAKEN), CH_OK);
    assert_types(of, "*clock.recomputed");
    assert_int_equal(recount(of, 1, TAKEN), CH_CONFLICT); /* once */
}

static void a_clock_that_stands_still_is_counted_when_it_goes_on(void **state)
{
    city *of = *state;
    assert_int_equal(city_command(of, "case.waiting", 1, "{\"reason\":\"citizen\"}"), CH_OK);
    assert_string_equal(ch_clock_state_name(clock_of(of, 1, MEDIATED)->state), "paused");
    rule_of(of, "dispute-mediated")->amount = 31;
    assert_int_equal(recount(of, 1, MEDIATED), CH_CONFLICT);
    assert_int_equal(city_command(of, "case.resumed", 1, NULL), CH_OK);
    assert_int_equal(clock_of(of, 1, MEDIATED)->remaining, 31);
    assert_int_equal(recount(of, 1, MEDIATED), CH_CONFLICT);
}

static void a_clock_that_was_told_its_due_time_keeps_it(void **state)
{
    city *of = *state;
    int64_t due = at("2026-03-18T12:00:00+08:00");
    char data[96];
    snprintf(data, sizeof data, "{\"handoff\":\"ZJ-20260309-1/h1\",\"due\":%" PRId64 "}", due);
    assert_int_equal(city_command(of, "handoff.extended", 1, data), CH_OK);
    assert_types(of, "*handoff.extended clock.extended");
    assert_int_equal(clock_of(of, 1, TAKEN)->due_ms, due);
    set_day(of, "2026-03-11T12:00:00+08:00", false);
    assert_int_equal(recount(of, 1, TAKEN), CH_CONFLICT);
    assert_int_equal(clock_of(of, 1, TAKEN)->due_ms, due);
}

static void a_clock_whose_rule_is_gone_or_that_has_ended_keeps_its_due_time(void **state)
{
    city *of = *state;
    set_day(of, "2026-03-11T12:00:00+08:00", false);
    rule_of(of, "dispute-mediated")->name[0] = 'x';
    assert_int_equal(recount(of, 1, MEDIATED), CH_CONFLICT);
    assert_int_equal(city_command(of, "handoff.accepted", 1, "{\"handoff\":\"ZJ-20260309-1/h1\"}"), CH_OK);
    assert_int_equal(recount(of, 1, TAKEN), CH_CONFLICT);
}

/* ---- what is */

static void a_new_holiday_moves_the_due_time_by_a_day_and_taken_back_it_moves_back(void **state)
{
    city *of = *state;
    int64_t due = clock_of(of, 1, TAKEN)->due_ms;
    assert_int_equal(due, at("2026-03-13T00:00:00+08:00"));
    set_day(of, "2026-03-11T12:00:00+08:00", false);
    assert_int_equal(recount(of, 1, TAKEN), CH_OK);
    assert_int_equal(clock_of(of, 1, TAKEN)->due_ms, due + DAY);
    assert_int_equal(clock_of(of, 1, TAKEN)->next_ms, due + DAY);
    set_day(of, "2026-03-11T12:00:00+08:00", true);
    assert_int_equal(recount(of, 1, TAKEN), CH_OK);
    assert_int_equal(clock_of(of, 1, TAKEN)->due_ms, due);
}

static void a_due_time_that_has_passed_by_then_breaches_once(void **state)
{
    city *of = *state;
    char data[] = "{\"clock\":\"ZJ-20260309-1/c2\"}";
    of->now_ms = at("2026-03-12T09:00:00+08:00");
    rule_of(of, "dispute-accepted")->amount = 1;
    assert_int_equal(recount(of, 1, TAKEN), CH_OK);
    int64_t due = at("2026-03-11T00:00:00+08:00");
    assert_int_equal(clock_of(of, 1, TAKEN)->due_ms, due);
    assert_int_equal(clock_of(of, 1, TAKEN)->next_ms, due);
    of->now_ms = due; /* what the hub says of a clock has its due time */
    assert_int_equal(city_report(of, "clock.breached", 1, data), CH_OK);
    assert_int_equal(recount(of, 1, TAKEN), CH_CONFLICT);
    rule_of(of, "dispute-accepted")->amount = 3;
    assert_int_equal(recount(of, 1, TAKEN), CH_CONFLICT); /* a breach stays one */
}

static void what_had_passed_before_it_stood_still_has_passed(void **state)
{
    city *of = *state;
    of->now_ms =
        at("2026-03-19T10:00:00+08:00"); /* eight of the thirty days have begun, this one with them */
    assert_int_equal(city_command(of, "case.waiting", 1, "{\"reason\":\"citizen\"}"), CH_OK);
    of->now_ms = at("2026-03-23T10:00:00+08:00");
    assert_int_equal(city_command(of, "case.resumed", 1, NULL), CH_OK);
    assert_int_equal(clock_of(of, 1, MEDIATED)->remaining, 22);
    rule_of(of, "dispute-mediated")->amount = 10;
    assert_int_equal(recount(of, 1, MEDIATED), CH_OK);
    assert_int_equal(clock_of(of, 1, MEDIATED)->due_ms, at("2026-03-26T00:00:00+08:00"));
    rule_of(of, "dispute-mediated")->amount = 30;
    assert_int_equal(recount(of, 1, MEDIATED), CH_OK);
    assert_int_equal(clock_of(of, 1, MEDIATED)->remaining, 22);
}

static void counted_in_another_unit_it_gets_all_that_its_rule_gives_from_where_it_went_on(void **state)
{
    city *of = *state;
    ch_clock_rule *rule = rule_of(of, "dispute-mediated");
    assert_int_equal(city_command(of, "case.waiting", 1, "{\"reason\":\"citizen\"}"), CH_OK);
    rule->unit = CH_CLOCK_WALL;
    rule->amount = 48 * HOUR;
    of->now_ms += HOUR;
    assert_int_equal(city_command(of, "case.resumed", 1, NULL), CH_OK);
    assert_int_equal(clock_of(of, 1, MEDIATED)->due_ms, of->now_ms + 48 * HOUR);
    rule->unit = CH_CLOCK_DAYS;
    rule->amount = 1;
    assert_int_equal(recount(of, 1, MEDIATED), CH_OK);
    assert_int_equal(clock_of(of, 1, MEDIATED)->due_ms, at("2026-03-11T00:00:00+08:00"));
}

/* ---- from seeds */

static void change_days(city *of, ch_random_seeded *random, int64_t from_ms)
{
    ch_calendar *calendar = &of->rules->calendars[0];
    int64_t first = ch_calendar_day_of(calendar, from_ms) + 1 - calendar->first_day;
    for (size_t i = 0; i < 20; i++) {
        size_t day = (size_t)first + ch_random_below(random, 50);
        calendar->works[day] = ch_random_below(random, 2) == 0;
    }
}

static void change_spans(city *of, ch_random_seeded *random)
{
    for (size_t i = 0; i < of->rules->clock_count; i++) {
        ch_clock_rule *rule = &of->rules->clocks[i];
        rule->amount = rule->unit == CH_CLOCK_DAYS ? 1 + (int64_t)ch_random_below(random, 40)
                                                   : HOUR * (1 + (int64_t)ch_random_below(random, 60));
    }
}

static void open_both(city *of, const char *name, uint64_t *out_dispute, uint64_t *out_report)
{
    assert_int_equal(city_open(of, "mediation/1", name, DISPUTE), CH_OK);
    *out_dispute = of->case_count;
    assert_int_equal(city_open(of, "grid/1", name, REPORT), CH_OK);
    *out_report = of->case_count;
}

static void wait_a_while(city *of, uint64_t number, const char *reason, int64_t stops_ms, int64_t until_ms)
{
    char data[64];
    int64_t now = of->now_ms;
    snprintf(data, sizeof data, "{\"reason\":\"%s\"}", reason);
    of->now_ms = stops_ms;
    assert_int_equal(city_command(of, "case.waiting", number, data), CH_OK);
    of->now_ms = until_ms;
    assert_int_equal(city_command(of, "case.resumed", number, NULL), CH_OK);
    of->now_ms = now;
}

static void assert_same_clocks(city *of, uint64_t number, uint64_t fresh)
{
    assert_int_equal(city_case(of, number)->clock_count, city_case(of, fresh)->clock_count);
    for (uint32_t i = 1; i <= city_case(of, number)->clock_count; i++) {
        const ch_case_clock *is = clock_of(of, number, i), *should = clock_of(of, fresh, i);
        bool other = is->due_ms != should->due_ms;
        assert_int_equal(recount(of, number, i), other ? CH_OK : CH_CONFLICT);
        assert_int_equal(is->due_ms, should->due_ms);
        assert_int_equal(is->next_ms, should->next_ms);
        assert_int_equal(recount(of, number, i), CH_CONFLICT);
    }
}

/* Whatever changes: days behind where they started or went on, and what the rules give. */
static void counted_again_they_are_what_they_would_be_had_they_started_under_these_rules(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        static city of;
        ch_random_seeded random;
        uint64_t dispute, report, fresh_dispute, fresh_report;
        city_start_with_clocks(&of);
        ch_random_seeded_init(&random, seed);
        bool waits = seed % 2 == 0;
        int64_t begun = at("2026-03-01T00:00:00+08:00") + (int64_t)ch_random_below(&random, 4000) * HOUR / 10;
        int64_t stops = begun + (int64_t)ch_random_below(&random, 1000) * HOUR / 10;
        int64_t goes_on = stops + (int64_t)ch_random_below(&random, 300) * HOUR / 10;
        of.now_ms = begun;
        open_both(&of, "before", &dispute, &report);
        if (waits) {
            wait_a_while(&of, dispute, "citizen", stops, goes_on);
            wait_a_while(&of, report, "external", stops, goes_on);
        }
        change_days(&of, &random, goes_on);
        if (!waits) {
            change_spans(&of, &random);
        }
        open_both(&of, "after", &fresh_dispute, &fresh_report);
        if (waits) {
            wait_a_while(&of, fresh_dispute, "citizen", stops, goes_on);
            wait_a_while(&of, fresh_report, "external", stops, goes_on);
        }
        assert_same_clocks(&of, dispute, fresh_dispute);
        assert_same_clocks(&of, report, fresh_report);
        city_stop(&of);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(under_the_same_rules_nothing_is_counted_again),
        TEST(a_clock_that_stands_still_is_counted_when_it_goes_on),
        TEST(a_clock_that_was_told_its_due_time_keeps_it),
        TEST(a_clock_whose_rule_is_gone_or_that_has_ended_keeps_its_due_time),
        TEST(a_new_holiday_moves_the_due_time_by_a_day_and_taken_back_it_moves_back),
        TEST(a_due_time_that_has_passed_by_then_breaches_once),
        TEST(what_had_passed_before_it_stood_still_has_passed),
        TEST(counted_in_another_unit_it_gets_all_that_its_rule_gives_from_where_it_went_on),
        cmocka_unit_test(counted_again_they_are_what_they_would_be_had_they_started_under_these_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
