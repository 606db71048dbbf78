/* Clocks: what starts, stops and ends them, who is told when one runs out, and what the hub hears too late. */
#include "tests/unit/check.h"
#include "tests/unit/model/city.h"

#include "hub/base/clock.h"

#include <stdio.h>

#define MINUTE INT64_C(60000)
#define HOUR (60 * MINUTE)
#define POST "{\"kind\":\"post\",\"category\":\"lamp.out\"}"
#define H1 "\"handoff\":\"ZJ-20260930-1/h1\""

static int64_t at(const char *text)
{
    int64_t time_ms;
    assert_int_equal(ch_time_parse(ch_str_of(text), &time_ms), CH_OK);
    return time_ms;
}

/* A post on the evening before the holidays of October; the Saturday after them works. */
static int start(void **state)
{
    static city of;
    city_start_with_clocks(&of);
    of.now_ms = at("2026-09-30T20:00:00+08:00");
    assert_int_equal(city_open(&of, "forum/zh", "7", POST), CH_OK);
    *state = &of;
    return 0;
}

static int stop(void **state)
{
    city_stop(*state);
    return 0;
}

static const ch_case_clock *clock_of(const city *of, uint32_t index)
{
    const ch_case_clock *clock = ch_case_clock_of(city_case(of, 1), index);
    assert_non_null(clock);
    return clock;
}

/* What the hub says of a clock at that time. */
static ch_status say_due(city *of, const char *type, uint32_t index, int64_t time_ms)
{
    char data[128];
    snprintf(data, sizeof data, "{\"clock\":\"%s/c%u\"}", city_case(of, 1)->id, index);
    return city_publish(of, CH_ROLE_HUB, NULL,
                        (ch_event){.type = ch_str_of(type),
                                   .time_ms = time_ms,
                                   .subject = ch_arena_str(&of->arena, ch_str_of(city_case(of, 1)->id)),
                                   .data = city_json(of, data)});
}

/* As the hub does it: what the clock waits for, when its time has come. */
static ch_status fire(city *of, uint32_t index)
{
    const ch_case_clock *clock = clock_of(of, index);
    of->now_ms = of->now_ms < clock->next_ms ? clock->next_ms : of->now_ms;
    return say_due(of, ch_case_clock_next(clock), index, clock->next_ms);
}

/* An observation of an earlier time. */
static ch_status report(city *of, const char *type, int64_t time_ms, const char *data)
{
    return city_publish(of, CH_ROLE_CONNECTOR, NULL,
                        (ch_event){.type = ch_str_of(type),
                                   .source = CH_STR("forum/zh"),
                                   .time_ms = time_ms,
                                   .subject = ch_arena_str(&of->arena, ch_str_of(city_case(of, 1)->id)),
                                   .data = data == NULL ? CH_STR_NONE : city_json(of, data)});
}

#define assert_clock(of, index, is, due_at, next_at)                                                         \
    do {                                                                                                     \
        assert_string_equal(ch_clock_state_name(clock_of(of, index)->state), is);                            \
        assert_int_equal(clock_of(of, index)->due_ms, due_at);                                               \
        assert_int_equal(clock_of(of, index)->next_ms, next_at);                                             \
    } while (0)

/* ---- what says nothing */

static void nobody_but_the_hub_speaks_of_clocks(void **state)
{
    city *of = *state;
    assert_refused(of, city_command(of, "clock.met", 1, "{\"clock\":\"ZJ-20260930-1/c1\"}"), CH_INVALID,
                   "clock.met is nothing that a case can take");
    assert_refused(of, city_observe(of, "clock.breached", 1, "{\"clock\":\"ZJ-20260930-1/c1\"}"), CH_INVALID,
                   "clock.breached is nothing that a case can take");
}

static void a_clock_that_is_not_due_is_refused(void **state)
{
    city *of = *state;
    int64_t next = clock_of(of, 1)->next_ms, due = clock_of(of, 1)->due_ms;
    of->now_ms = due;
    assert_refused(of, say_due(of, "clock.warned", 1, next + 1), CH_CONFLICT,
                   "clock ZJ-20260930-1/c1 is not due");
    assert_refused(of, say_due(of, "clock.breached", 1, next), CH_CONFLICT,
                   "clock ZJ-20260930-1/c1 is not due");
    assert_refused(of, say_due(of, "clock.breached", 1, due), CH_CONFLICT,
                   "clock ZJ-20260930-1/c1 is not due"); /* the warning comes first */
    assert_refused(of, say_due(of, "clock.warned", 9, next), CH_CONFLICT,
                   "clock ZJ-20260930-1/c9 is not due");
    assert_refused(of, city_report(of, "clock.warned", 1, "{\"clock\":\"ZJ-20260930-2/c1\"}"), CH_INVALID,
                   "ZJ-20260930-2/c1 is no clock of case ZJ-20260930-1");
    assert_int_equal(say_due(of, "clock.warned", 1, next), CH_OK);
    assert_refused(of, say_due(of, "clock.warned", 1, next), CH_CONFLICT,
                   "clock ZJ-20260930-1/c1 is not due");
}

/* ---- the story */

static void every_clock_that_matches_starts_with_its_event(void **state)
{
    city *of = *state;
    assert_types(of, "*case.opened handoff.offered clock.started clock.started");
    const ch_event *answered = city_event(of, 2), *accepted = city_event(of, 3);
    assert_true(ch_str_is(ch_mp_find_str(answered->data, "rule"), "post-answered"));
    assert_true(ch_str_is(ch_mp_find_str(accepted->data, "handoff"), "ZJ-20260930-1/h1"));
    assert_true(ch_str_is(accepted->topic, "clock.started.forum.urban-mgmt.33.02.03"));
    assert_clock(of, 1, "running", at("2026-10-11T00:00:00+08:00"), at("2026-10-10T16:00:00+08:00"));
    assert_clock(of, 2, "running", at("2026-09-30T23:00:00+08:00"), at("2026-09-30T22:30:00+08:00"));
    assert_string_equal(clock_of(of, 1)->party, "urban-mgmt");
    assert_int_equal(clock_of(of, 1)->handoff, 0);
    assert_int_equal(clock_of(of, 2)->handoff, 1);
}

static void what_is_done_in_time_is_met(void **state)
{
    city *of = *state;
    of->now_ms = clock_of(of, 2)->due_ms; /* the last moment */
    assert_int_equal(city_answer(of, "handoff.accepted", "urban-mgmt", 1, NULL), CH_OK);
    assert_types(of, "*handoff.accepted case.accepted case.assigned clock.met");
    assert_string_equal(ch_clock_state_name(clock_of(of, 2)->state), "met");
    assert_int_equal(clock_of(of, 2)->next_ms, 0);
    assert_int_equal(clock_of(of, 2)->ended_ms, of->now_ms);
    assert_false(clock_of(of, 2)->late_report);
    of->now_ms += HOUR;
    assert_int_equal(city_command(of, "case.replied", 1, "{\"text\":\"on its way\"}"), CH_OK);
    assert_types(of, "*case.replied clock.met");
    assert_int_equal(city_case(of, 1)->clock_count, 2);
}

static void a_warning_comes_before_the_breach(void **state)
{
    city *of = *state;
    int64_t due = clock_of(of, 2)->due_ms;
    assert_int_equal(fire(of, 2), CH_OK);
    assert_types(of, "*clock.warned");
    assert_clock(of, 2, "running", due, due);
    assert_true(clock_of(of, 2)->warned);
    assert_int_equal(fire(of, 2), CH_OK);
    assert_types(of, "*clock.breached handoff.escalated handoff.offered");
}

static void a_breach_tells_the_supervisor(void **state)
{
    city *of = *state;
    assert_int_equal(fire(of, 2), CH_OK);
    assert_int_equal(fire(of, 2), CH_OK);
    int64_t due = clock_of(of, 2)->due_ms;
    assert_clock(of, 2, "breached", due, 0);
    assert_int_equal(clock_of(of, 2)->level, 1);
    assert_int_equal(city_event(of, 0)->time_ms, due);
    assert_true(ch_str_is(ch_mp_find_str(city_event(of, 0)->data, "to"), "city-supervision"));
    assert_true(ch_str_is(city_event(of, 0)->topic, "clock.breached.forum.urban-mgmt.33.02.03"));
    assert_true(ch_str_is(city_event(of, 1)->topic, "handoff.escalated.forum.urban-mgmt.33.02.03"));
    assert_true(ch_str_is(city_event(of, 2)->topic, "handoff.offered.forum.city-supervision.33.02.03"));
    const ch_handoff *told = ch_case_handoff(city_case(of, 1), 2);
    assert_int_equal(ch_case_form(city_case(of, 1), told), CH_FORM_CC);
    assert_string_equal(told->reason, "escalated");
    /* The receiver still has the case, and nobody is told twice. */
    assert_string_equal(city_case(of, 1)->lead, "urban-mgmt");
    assert_int_equal(ch_case_handoff(city_case(of, 1), 1)->state, CH_HANDOFF_OFFERED);
    assert_int_equal(ch_case_handoff(city_case(of, 1), 1)->escalated, 1);
    assert_int_equal(say_due(of, "clock.breached", 2, due), CH_CONFLICT);
    of->now_ms += 100 * HOUR;
    assert_int_equal(say_due(of, "clock.escalated", 2, due), CH_CONFLICT);
}

static void a_chain_of_escalation_goes_on_level_by_level(void **state)
{
    city *of = *state;
    int64_t due = clock_of(of, 1)->due_ms;
    assert_int_equal(fire(of, 1), CH_OK);
    assert_int_equal(fire(of, 1), CH_OK);
    assert_types(of, "*clock.breached handoff.offered"); /* of the case, so no handoff is late */
    assert_clock(of, 1, "breached", due, due + 24 * HOUR);
    assert_int_equal(fire(of, 1), CH_OK);
    assert_types(of, "*clock.escalated handoff.offered");
    assert_true(ch_str_is(ch_mp_find_str(city_event(of, 0)->data, "to"), "city-supervision"));
    assert_int_equal(clock_of(of, 1)->level, 2);
    assert_clock(of, 1, "breached", due, 0);
}

static void the_chain_ends_with_what_it_was_about(void **state)
{
    city *of = *state;
    assert_int_equal(fire(of, 1), CH_OK);
    assert_int_equal(fire(of, 1), CH_OK);
    assert_int_equal(city_command(of, "case.replied", 1, NULL), CH_OK);
    of->now_ms += 100 * HOUR;
    assert_int_equal(city_command(of, "case.replied", 1, NULL), CH_OK);
    assert_types(of, "*case.replied");
    assert_int_equal(say_due(of, "clock.escalated", 1, clock_of(of, 1)->due_ms + 24 * HOUR), CH_CONFLICT);
}

/* "supervisor" twice is whoever supervises the supervisor. */
static void a_second_supervisor_is_the_one_above(void **state)
{
    city *of = *state;
    ch_event opened = {.type = CH_STR("case.opened"),
                       .source = CH_STR("emergency/1"),
                       .data = city_json(of, "{\"category\":\"fire\"}")};
    assert_int_equal(city_publish(of, CH_ROLE_CONNECTOR, NULL, opened), CH_OK);
    assert_types(of, "*case.opened handoff.offered clock.started clock.started");
    static const char *const told[] = {"police", "city-supervision"};
    for (size_t i = 0; i < 3; i++) {
        const ch_case_clock *clock = ch_case_clock_of(city_case(of, 2), 2);
        char data[96];
        of->now_ms = clock->next_ms;
        snprintf(data, sizeof data, "{\"clock\":\"%s/c2\"}", city_case(of, 2)->id);
        assert_int_equal(city_report(of, ch_case_clock_next(clock), 2, data), CH_OK);
        if (i > 0) {
            assert_true(ch_str_is(ch_mp_find_str(city_event(of, 0)->data, "to"), told[i - 1]));
        }
    }
}

/* ---- too late, and too late to be told */

static void what_is_done_too_late_was_a_breach_though_nobody_had_noticed(void **state)
{
    city *of = *state;
    int64_t due = clock_of(of, 2)->due_ms;
    of->now_ms = due + 1;
    assert_int_equal(city_answer(of, "handoff.accepted", "urban-mgmt", 1, NULL), CH_OK);
    assert_types(of, "*handoff.accepted case.accepted case.assigned clock.breached clock.cancelled");
    assert_int_equal(city_event(of, 3)->time_ms, due);
    assert_true(ch_str_is(ch_mp_find_str(city_event(of, 4)->data, "reason"), "late"));
    assert_clock(of, 2, "breached", due, 0);
    assert_int_equal(clock_of(of, 2)->ended_ms, due + 1);
    assert_int_equal(say_due(of, "clock.breached", 2, due), CH_CONFLICT);
}

static void a_late_report_of_what_was_done_in_time_mends_the_breach(void **state)
{
    city *of = *state;
    assert_int_equal(fire(of, 1), CH_OK);
    assert_int_equal(fire(of, 1), CH_OK);
    int64_t due = clock_of(of, 1)->due_ms;
    of->now_ms = due + 5 * HOUR;
    assert_int_equal(report(of, "case.replied", due - MINUTE, NULL), CH_OK);
    assert_types(of, "*case.replied clock.met");
    assert_true(ch_mp_find_bool(city_event(of, 1)->data, "late_report", false));
    assert_string_equal(ch_clock_state_name(clock_of(of, 1)->state), "met");
    assert_true(clock_of(of, 1)->late_report);
    assert_int_equal(clock_of(of, 1)->next_ms, 0);
}

static void a_late_report_of_what_was_done_late_does_not(void **state)
{
    city *of = *state;
    assert_int_equal(fire(of, 1), CH_OK);
    assert_int_equal(fire(of, 1), CH_OK);
    int64_t due = clock_of(of, 1)->due_ms;
    of->now_ms = due + 5 * HOUR;
    assert_int_equal(report(of, "case.replied", due + MINUTE, NULL), CH_OK);
    assert_types(of, "*case.replied clock.cancelled");
    assert_clock(of, 1, "breached", due, 0);
}

static void what_expires_at_its_due_time_was_a_breach(void **state)
{
    city *of = *state;
    of->now_ms = clock_of(of, 2)->due_ms;
    assert_int_equal(city_report(of, "handoff.expired", 1, "{" H1 "}"), CH_OK);
    assert_string_equal(ch_clock_state_name(clock_of(of, 2)->state), "breached");
    assert_true(clock_of(of, 2)->ended_ms != 0);
}

/* ---- standing still, and more time */

static void working_days_stand_still_while_a_citizen_is_asked(void **state)
{
    city *of = *state;
    of->now_ms = at("2026-10-08T11:00:00+08:00"); /* the first of the three */
    assert_int_equal(city_command(of, "case.waiting", 1, "{\"reason\":\"citizen\"}"), CH_OK);
    assert_types(of, "*case.waiting clock.paused");
    assert_string_equal(ch_clock_state_name(clock_of(of, 1)->state), "paused");
    assert_int_equal(clock_of(of, 1)->remaining, 2);
    assert_int_equal(clock_of(of, 1)->next_ms, 0);
    of->now_ms = at("2026-10-15T09:00:00+08:00");
    assert_int_equal(city_command(of, "case.resumed", 1, NULL), CH_OK);
    assert_types(of, "*case.resumed clock.resumed");
    assert_clock(of, 1, "running", at("2026-10-20T00:00:00+08:00"), at("2026-10-19T16:00:00+08:00"));
}

static void it_goes_on_when_the_case_waits_for_something_else(void **state)
{
    city *of = *state;
    assert_int_equal(city_command(of, "case.waiting", 1, "{\"reason\":\"external\"}"), CH_OK);
    assert_types(of, "*case.waiting");
    assert_int_equal(city_command(of, "case.waiting", 1, "{\"reason\":\"citizen\"}"), CH_OK);
    assert_types(of, "*case.waiting clock.paused");
    assert_int_equal(city_command(of, "case.waiting", 1, "{\"reason\":\"legal\"}"), CH_OK);
    assert_types(of, "*case.waiting clock.resumed");
    assert_clock(of, 1, "running", at("2026-10-11T00:00:00+08:00"), at("2026-10-10T16:00:00+08:00"));
}

static void what_is_done_while_it_stands_still_is_met(void **state)
{
    city *of = *state;
    assert_int_equal(city_command(of, "case.waiting", 1, "{\"reason\":\"citizen\"}"), CH_OK);
    of->now_ms += 1000 * HOUR;
    assert_int_equal(city_command(of, "case.replied", 1, NULL), CH_OK);
    assert_types(of, "*case.replied clock.met");
}

static void one_that_has_run_out_does_not_stand_still(void **state)
{
    city *of = *state;
    of->now_ms = clock_of(of, 1)->due_ms + 1;
    assert_int_equal(city_command(of, "case.waiting", 1, "{\"reason\":\"citizen\"}"), CH_OK);
    assert_types(of, "*case.waiting");
    assert_string_equal(ch_clock_state_name(clock_of(of, 1)->state), "running");
}

static void a_handoff_that_gets_more_time_gives_it_to_its_clock(void **state)
{
    city *of = *state;
    int64_t due = clock_of(of, 2)->due_ms;
    char data[96];
    snprintf(data, sizeof data, "{" H1 ",\"due\":%lld}", (long long)(due + 2 * HOUR));
    assert_int_equal(city_command(of, "handoff.extended", 1, data), CH_OK);
    assert_types(of, "*handoff.extended clock.extended");
    assert_clock(of, 2, "running", due + 2 * HOUR, due + 2 * HOUR - 30 * MINUTE);
    snprintf(data, sizeof data, "{" H1 ",\"due\":%lld}", (long long)due); /* less, it never gets */
    assert_int_equal(city_command(of, "handoff.extended", 1, data), CH_OK);
    assert_types(of, "*handoff.extended");
}

static void more_time_that_comes_while_it_stands_still_counts_when_it_goes_on(void **state)
{
    city *of = *state;
    char data[96];
    int64_t due = clock_of(of, 2)->due_ms, begun = of->now_ms;
    ch_clock_rule *rule =
        (ch_clock_rule *)(uintptr_t)ch_rules_clock(of->rules, ch_str_of(clock_of(of, 2)->rule));
    const ch_clock_rule *other = ch_rules_clock(of->rules, ch_str_of(clock_of(of, 1)->rule));
    rule->pauses = other->pauses;
    rule->resumes = other->resumes;
    of->now_ms += HOUR;
    assert_int_equal(city_command(of, "case.waiting", 1, "{\"reason\":\"citizen\"}"), CH_OK);
    assert_types(of, "*case.waiting clock.paused clock.paused");
    assert_int_equal(clock_of(of, 2)->remaining, due - begun - HOUR);
    snprintf(data, sizeof data, "{" H1 ",\"due\":%lld}", (long long)(due + 2 * HOUR));
    assert_int_equal(city_command(of, "handoff.extended", 1, data), CH_OK);
    assert_types(of, "*handoff.extended clock.extended");
    assert_string_equal(ch_clock_state_name(clock_of(of, 2)->state), "paused");
    assert_int_equal(clock_of(of, 2)->next_ms, 0);
    of->now_ms += 10 * HOUR;
    assert_int_equal(city_command(of, "case.resumed", 1, NULL), CH_OK);
    assert_int_equal(clock_of(of, 2)->due_ms, due + 12 * HOUR);
}

static void one_beyond_its_calendar_stands_still_as_well(void **state)
{
    city *of = *state;
    ch_calendar *calendar = &of->rules->calendars[0];
    size_t days = calendar->day_count;
    calendar->day_count = 365;
    of->now_ms = at("2026-12-29T20:00:00+08:00");
    assert_int_equal(city_open(of, "forum/zh", "8", POST), CH_OK);
    assert_int_equal(ch_case_clock_of(city_case(of, 2), 1)->due_ms, 0);
    of->now_ms = at("2026-12-30T20:00:00+08:00"); /* the first of the three */
    assert_int_equal(city_command(of, "case.waiting", 2, "{\"reason\":\"citizen\"}"), CH_OK);
    assert_types(of, "*case.waiting clock.paused");
    assert_int_equal(ch_case_clock_of(city_case(of, 2), 1)->remaining, 2);
    calendar->day_count = days;
    of->now_ms = at("2027-01-04T10:00:00+08:00");
    assert_int_equal(city_command(of, "case.resumed", 2, NULL), CH_OK);
    assert_int_equal(ch_case_clock_of(city_case(of, 2), 1)->due_ms, at("2027-01-07T00:00:00+08:00"));
}

/* ---- the end of what it is about */

static void another_receiver_has_a_clock_of_its_own(void **state)
{
    city *of = *state;
    assert_int_equal(city_answer(of, "handoff.accepted", "urban-mgmt", 1, NULL), CH_OK);
    of->now_ms += MINUTE;
    assert_int_equal(city_answer(of, "handoff.transferred", "urban-mgmt", 1, "{" H1 ",\"party\":\"water\"}"),
                     CH_OK);
    assert_types(of, "*handoff.transferred handoff.offered clock.started");
    assert_string_equal(clock_of(of, 3)->party, "water");
    assert_int_equal(clock_of(of, 3)->handoff, 2);
    assert_int_equal(clock_of(of, 3)->due_ms, of->now_ms + 3 * HOUR);
    assert_int_equal(city_command(of, "handoff.withdrawn", 1, "{\"handoff\":\"ZJ-20260930-1/h2\"}"), CH_OK);
    assert_types(of, "*handoff.withdrawn clock.cancelled");
    assert_string_equal(ch_clock_state_name(clock_of(of, 3)->state), "cancelled");
}

static void with_its_case_every_clock_ends(void **state)
{
    city *of = *state;
    assert_int_equal(city_command(of, "case.cancelled", 1, NULL), CH_OK);
    assert_types(of, "*case.cancelled handoff.withdrawn clock.cancelled clock.cancelled");
    assert_true(ch_str_is(ch_mp_find_str(city_event(of, 2)->data, "reason"), "cancelled"));
    assert_int_equal(city_command(of, "case.reopened", 1, NULL), CH_OK);
    assert_types(of, "*case.reopened handoff.offered clock.started clock.started");
    assert_int_equal(city_case(of, 1)->clock_count, 4);
}

static void a_link_to_a_closed_case_ends_no_clock(void **state)
{
    city *of = *state;
    int64_t due = clock_of(of, 1)->due_ms, next = clock_of(of, 1)->next_ms;
    assert_int_equal(city_open(of, "forum/zh", "8", POST), CH_OK);
    assert_int_equal(city_command(of, "case.cancelled", 2, NULL), CH_OK);
    assert_int_equal(city_command(of, "case.linked", 1, "{\"other\":\"ZJ-20260930-2\"}"), CH_OK);
    assert_types(of, "*case.linked case.linked");
    assert_clock(of, 1, "running", due, next);
}

static void a_merge_ends_the_clocks_of_the_merged_case_alone(void **state)
{
    city *of = *state;
    assert_int_equal(city_open(of, "forum/zh", "8", POST), CH_OK);
    assert_int_equal(city_command(of, "case.merged", 1, "{\"into\":\"ZJ-20260930-2\"}"), CH_OK);
    assert_types(of, "*case.merged handoff.withdrawn case.linked clock.cancelled clock.cancelled");
    assert_string_equal(ch_clock_state_name(clock_of(of, 1)->state), "cancelled");
    for (uint32_t i = 1; i <= 2; i++) {
        assert_int_equal(ch_case_clock_of(city_case(of, 2), i)->state, CH_CLOCK_RUNNING);
    }
}

static void a_part_that_is_split_off_has_clocks_of_its_own(void **state)
{
    city *of = *state;
    of->now_ms += HOUR;
    assert_int_equal(city_command(of, "case.split", 1, "{\"title\":\"a second lamp\"}"), CH_OK);
    assert_types(of, "*case.split case.opened handoff.offered case.linked case.linked clock.started "
                     "clock.started");
    const ch_case *part = city_case(of, 2);
    assert_int_equal(city_case(of, 1)->clock_count, 2);
    assert_int_equal(part->clock_count, 2);
    assert_int_equal(part->clocks[1].handoff, 1);
    assert_int_equal(part->clocks[1].due_ms, of->now_ms + 3 * HOUR);
    assert_true(ch_str_is(city_event(of, 6)->subject, part->id));
}

static void a_milestone_of_one_unit_ends_the_clock_of_that_unit(void **state)
{
    city *of = *state;
    ch_event event = {.type = CH_STR("case.opened"),
                      .source = CH_STR("emergency/1"),
                      .data = city_json(of, "{\"category\":\"river.person\"}")};
    assert_int_equal(city_publish(of, CH_ROLE_CONNECTOR, NULL, event), CH_OK);
    assert_int_equal(city_case(of, 2)->clock_count, 6); /* two for each of three */
    event = (ch_event){.type = CH_STR("case.milestone"),
                       .source = CH_STR("emergency/1"),
                       .subject = ch_arena_str(&of->arena, ch_str_of(city_case(of, 2)->id)),
                       .party = CH_STR("ambulance"),
                       .data = city_json(of, "{\"code\":\"unit.on_scene\"}")};
    assert_int_equal(city_publish(of, CH_ROLE_CONNECTOR, NULL, event), CH_OK);
    assert_types(of, "*case.milestone clock.met");
    assert_true(ch_str_is(ch_mp_find_str(city_event(of, 1)->data, "party"), "ambulance"));
    event.data = city_json(of, "{\"code\":\"unit.left\"}");
    event.party = CH_STR_NONE;
    assert_int_equal(city_publish(of, CH_ROLE_CONNECTOR, NULL, event), CH_OK);
    assert_types(of, "*case.milestone");
    event.data = city_json(of, "{\"code\":\"unit.on_scene\"}");
    assert_int_equal(city_publish(of, CH_ROLE_CONNECTOR, NULL, event), CH_OK);
    assert_types(of, "*case.milestone clock.met clock.met");
}

static void who_is_informed_or_decides_has_no_clock(void **state)
{
    city *of = *state;
    assert_int_equal(city_command(of, "handoff.offered", 1, "{\"party\":\"water\",\"form\":\"cc\"}"), CH_OK);
    assert_types(of, "*handoff.offered");
    assert_int_equal(city_answer(of, "handoff.rejected", "urban-mgmt", 1, "{" H1 "}"), CH_OK);
    assert_types(of, "*handoff.rejected handoff.offered clock.met");
}

static void a_clock_whose_rule_is_gone_runs_to_its_end(void **state)
{
    city *of = *state;
    of->rules->clock_count = 0;
    assert_int_equal(city_command(of, "case.replied", 1, NULL), CH_OK);
    assert_types(of, "*case.replied");
    assert_int_equal(fire(of, 2), CH_OK);
    assert_int_equal(fire(of, 2), CH_OK);
    assert_types(of, "*clock.breached");
    assert_int_equal(city_command(of, "case.cancelled", 1, NULL), CH_OK);
    assert_types(of, "*case.cancelled handoff.withdrawn clock.cancelled clock.cancelled");
}

static void a_chain_that_was_made_shorter_ends_where_it_is(void **state)
{
    city *of = *state;
    assert_int_equal(fire(of, 1), CH_OK);
    assert_int_equal(fire(of, 1), CH_OK);
    assert_int_equal(clock_of(of, 1)->level, 1);
    for (size_t i = 0; i < of->rules->clock_count; i++) {
        of->rules->clocks[i].level_count = of->rules->clocks[i].level_count > 1;
    }
    assert_int_equal(fire(of, 1), CH_OK);
    assert_types(of, "*clock.escalated");
    assert_int_equal(clock_of(of, 1)->level, 1);
    assert_int_equal(clock_of(of, 1)->next_ms, 0);
}

/* ---- what starts none */

static void what_is_history_starts_no_clock_and_is_offered_to_nobody(void **state)
{
    city *of = *state;
    of->history_until_ms = of->now_ms;
    of->now_ms -= 1;
    assert_int_equal(city_open(of, "forum/zh", "8", POST), CH_OK);
    assert_types(of, "*case.opened");
    assert_int_equal(city_observe(of, "handoff.offered", 2, "{\"party\":\"water\"}"), CH_OK);
    assert_types(of, "*handoff.offered");
    assert_int_equal(city_observe(of, "handoff.rejected", 2, "{\"party\":\"water\"}"), CH_OK);
    assert_types(of, "*handoff.rejected"); /* and goes to no arbitration */
    of->now_ms += 1;
    assert_int_equal(city_open(of, "forum/zh", "9", POST), CH_OK);
    assert_types(of, "*case.opened handoff.offered clock.started clock.started");
}

static void beyond_its_calendar_a_clock_has_no_due_time(void **state)
{
    city *of = *state;
    of->now_ms = at("2027-12-30T20:00:00+08:00");
    assert_int_equal(city_open(of, "forum/zh", "8", POST), CH_OK);
    const ch_case_clock *answered = ch_case_clock_of(city_case(of, 2), 1);
    assert_int_equal(answered->due_ms, 0);
    assert_int_equal(city_command(of, "case.replied", 2, NULL), CH_OK);
    assert_types(of, "*case.replied clock.met");
}

static ch_status recompute(city *of, int64_t time_ms)
{
    char data[96];
    of->now_ms = time_ms;
    snprintf(data, sizeof data, "{\"clock\":\"%s/c1\"}", city_case(of, 2)->id);
    return city_report(of, "clock.recomputed", 2, data);
}

static void when_its_calendar_has_been_continued_it_gets_one(void **state)
{
    city *of = *state;
    ch_calendar *calendar = &of->rules->calendars[0];
    size_t days = calendar->day_count;
    int64_t end = at("2027-01-01T00:00:00+08:00"), day = 24 * HOUR;
    calendar->day_count = 365; /* as if the next year were not announced */
    of->now_ms = at("2026-12-30T20:00:00+08:00");
    assert_int_equal(city_open(of, "forum/zh", "8", POST), CH_OK);
    const ch_case_clock *answered = ch_case_clock_of(city_case(of, 2), 1);
    assert_int_equal(answered->next_ms, end);
    assert_int_equal(recompute(of, end - 1), CH_CONFLICT);
    assert_int_equal(recompute(of, end), CH_OK);
    assert_types(of, "*clock.recomputed");
    assert_int_equal(answered->due_ms, 0);
    assert_int_equal(answered->next_ms, end + day);
    calendar->day_count = days;
    assert_int_equal(recompute(of, end + day), CH_OK);
    /* Thursday the 31st, Monday and Tuesday after the holidays. */
    assert_int_equal(answered->due_ms, at("2027-01-06T00:00:00+08:00"));
    assert_int_equal(answered->next_ms, at("2027-01-05T16:00:00+08:00"));
}

static void one_that_stood_still_gets_what_it_had_left(void **state)
{
    city *of = *state;
    ch_calendar *calendar = &of->rules->calendars[0];
    size_t days = calendar->day_count;
    int64_t end = at("2027-01-01T00:00:00+08:00");
    of->now_ms = at("2026-12-30T20:00:00+08:00");
    assert_int_equal(city_open(of, "forum/zh", "8", POST), CH_OK);
    assert_int_equal(city_command(of, "case.waiting", 2, "{\"reason\":\"citizen\"}"), CH_OK);
    calendar->day_count = 365;
    assert_int_equal(city_command(of, "case.resumed", 2, NULL), CH_OK);
    assert_types(of, "*case.resumed clock.resumed");
    calendar->day_count = days;
    assert_int_equal(recompute(of, end), CH_OK);
    /* Three days, from where it went on: Thursday the 31st, Monday and Tuesday after the holidays. */
    assert_int_equal(ch_case_clock_of(city_case(of, 2), 1)->due_ms, at("2027-01-06T00:00:00+08:00"));
}

/* Stopped on its last day, and gone on with on a free day that nobody could count behind. */
static void one_that_had_no_whole_day_left_gets_no_more(void **state)
{
    city *of = *state;
    ch_calendar *calendar = &of->rules->calendars[0];
    size_t days = calendar->day_count;
    int64_t end = at("2027-01-01T00:00:00+08:00");
    of->now_ms = at("2026-12-28T20:00:00+08:00");
    assert_int_equal(city_open(of, "forum/zh", "8", POST), CH_OK);
    calendar->day_count = 365;
    of->now_ms = at("2026-12-31T20:00:00+08:00");
    assert_int_equal(city_command(of, "case.waiting", 2, "{\"reason\":\"citizen\"}"), CH_OK);
    assert_types(of, "*case.waiting clock.paused");
    assert_int_equal(ch_case_clock_of(city_case(of, 2), 1)->remaining, 0);
    of->now_ms = at("2027-01-02T10:00:00+08:00");
    assert_int_equal(city_command(of, "case.resumed", 2, NULL), CH_OK);
    assert_types(of, "*case.resumed clock.resumed");
    assert_int_equal(ch_case_clock_of(city_case(of, 2), 1)->due_ms, 0);
    calendar->day_count = days;
    assert_int_equal(recompute(of, ch_case_clock_of(city_case(of, 2), 1)->next_ms), CH_OK);
    assert_true(of->now_ms > end);
    assert_int_equal(ch_case_clock_of(city_case(of, 2), 1)->due_ms, at("2027-01-05T00:00:00+08:00"));
}

static void a_drill_s_clocks_say_that_they_are_a_drill_s(void **state)
{
    city *of = *state;
    ch_event opened = {.type = CH_STR("case.opened"),
                       .source = CH_STR("forum/zh"),
                       .test_mode = true,
                       .data = city_json(of, POST)};
    assert_int_equal(city_publish(of, CH_ROLE_CONNECTOR, NULL, opened), CH_OK);
    for (size_t i = 0; i < of->decision->count; i++) {
        assert_true(city_event(of, i)->test_mode);
    }
}

/* ---- limits */

/* As many receivers as one offer may name, each with two clocks: not more than a decision may hold. */
static void clocks_do_not_use_up_what_an_event_may_lead_to(void **state)
{
    city *of = *state;
    char data[2048] = "{\"form\":\"parallel\",\"parties\":[";
    of->rules->clocks[0].system[0] = of->rules->clocks[1].system[0] = '\0';
    for (size_t i = 0; i < CH_GROUP_MEMBERS_MAX; i++) {
        snprintf(data + strlen(data), sizeof data - strlen(data), "%s\"%s\"", i == 0 ? "" : ",",
                 of->rules->parties[i].code);
    }
    assert_true(of->rules->party_count >= CH_GROUP_MEMBERS_MAX);
    snprintf(data + strlen(data), sizeof data - strlen(data), "]}");
    assert_int_equal(city_command(of, "handoff.offered", 1, data), CH_OK);
    assert_int_equal(city_case(of, 1)->clock_count, 2 + 3 * CH_GROUP_MEMBERS_MAX);
    assert_int_equal(city_command(of, "case.cancelled", 1, NULL), CH_OK);
    for (size_t i = 0; i < city_case(of, 1)->clock_count; i++) {
        assert_int_equal(city_case(of, 1)->clocks[i].state, CH_CLOCK_CANCELLED);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nobody_but_the_hub_speaks_of_clocks),
        TEST(a_clock_that_is_not_due_is_refused),
        TEST(every_clock_that_matches_starts_with_its_event),
        TEST(what_is_done_in_time_is_met),
        TEST(a_warning_comes_before_the_breach),
        TEST(a_breach_tells_the_supervisor),
        TEST(a_chain_of_escalation_goes_on_level_by_level),
        TEST(the_chain_ends_with_what_it_was_about),
        TEST(a_second_supervisor_is_the_one_above),
        TEST(what_is_done_too_late_was_a_breach_though_nobody_had_noticed),
        TEST(a_late_report_of_what_was_done_in_time_mends_the_breach),
        TEST(a_late_report_of_what_was_done_late_does_not),
        TEST(what_expires_at_its_due_time_was_a_breach),
        TEST(working_days_stand_still_while_a_citizen_is_asked),
        TEST(it_goes_on_when_the_case_waits_for_something_else),
        TEST(what_is_done_while_it_stands_still_is_met),
        TEST(one_that_has_run_out_does_not_stand_still),
        TEST(a_handoff_that_gets_more_time_gives_it_to_its_clock),
        TEST(more_time_that_comes_while_it_stands_still_counts_when_it_goes_on),
        TEST(one_beyond_its_calendar_stands_still_as_well),
        TEST(another_receiver_has_a_clock_of_its_own),
        TEST(with_its_case_every_clock_ends),
        TEST(a_link_to_a_closed_case_ends_no_clock),
        TEST(a_merge_ends_the_clocks_of_the_merged_case_alone),
        TEST(a_part_that_is_split_off_has_clocks_of_its_own),
        TEST(a_milestone_of_one_unit_ends_the_clock_of_that_unit),
        TEST(who_is_informed_or_decides_has_no_clock),
        TEST(a_clock_whose_rule_is_gone_runs_to_its_end),
        TEST(a_chain_that_was_made_shorter_ends_where_it_is),
        TEST(what_is_history_starts_no_clock_and_is_offered_to_nobody),
        TEST(beyond_its_calendar_a_clock_has_no_due_time),
        TEST(when_its_calendar_has_been_continued_it_gets_one),
        TEST(one_that_stood_still_gets_what_it_had_left),
        TEST(one_that_had_no_whole_day_left_gets_no_more),
        TEST(a_drill_s_clocks_say_that_they_are_a_drill_s),
        TEST(clocks_do_not_use_up_what_an_event_may_lead_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
