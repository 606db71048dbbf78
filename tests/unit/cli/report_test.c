/* Figures of small logs that a person can count. */
#include "tests/unit/cli/check.h"
#include "tests/unit/cli/past.h"
#include "tests/unit/cli/shell.h"

#include <stdio.h>
#include <stdlib.h>

#define GIVE(self, ...)                                                                                      \
    do {                                                                                                     \
        const past_row rows_[] = {__VA_ARGS__};                                                              \
        past_give((self)->hub, rows_, sizeof rows_ / sizeof *rows_);                                         \
    } while (0)
#define HANDOFF(n, k, party) "{\"handoff\":\"ZJ-20261123-" #n "/h" #k "\",\"party\":\"" party "\"}"
#define CLOCK(n, k, party, more) "{\"clock\":\"ZJ-20261123-" #n "/c" #k "\",\"party\":\"" party "\"" more "}"

/* The row of that name, the caller's. */
static json_t *find(const shell *self, const char *by, const char *name)
{
    assert_int_equal(self->code, 0);
    for (const char *line = self->out; *line != '\0'; line = strchr(line, '\n') + 1) {
        json_t *row = json_loadb(line, strcspn(line, "\n"), 0, NULL);
        assert_non_null(row);
        const char *found = json_string_value(json_object_get(row, by));
        if (found != NULL && strcmp(found, name) == 0) {
            return row;
        }
        json_decref(row);
    }
    fail_msg("no row of %s in: %s", name, self->out);
    return NULL;
}

/* Of a figure in minutes, or of a number; -1: it is not there. */
static double figure(const shell *self, const char *by, const char *name, const char *field)
{
    json_t *row = find(self, by, name);
    const json_t *value = json_object_get(row, field);
    double number = value == NULL ? -1 : json_number_value(value);
    json_decref(row);
    return strstr(field, "_ms") != NULL && value != NULL ? number / 60000 : number;
}
#define assert_figure(self, by, name, field, wanted)                                                         \
    do {                                                                                                     \
        double found_ = figure((self), (by), (name), (field));                                               \
        if (found_ != (wanted)) {                                                                            \
            fail_msg("%s of %s is %g", (field), (name), found_);                                             \
        }                                                                                                    \
    } while (0)

static void a_case_whose_beginning_cannot_be_read_is_left_out_and_told(void **state)
{
    shell *self = *state;
    GIVE(self, PAST(1, 0, "case.noted", "received", 1, .version = 4),
         PAST(1, 1, "case.accepted", "accepted", 1), PAST(2, 0, "case.opened", "received", 1),
         PAST(2, 9, "case.noted", "received", 1, .version = 5));
    shell_run(self, "report", "--by", "category");
    assert_int_equal(self->code, 0);
    assert_string_equal(self->out, "");
    assert_holds(self->err, "2 cases are left out");
    assert_holds(self->err, "No case began in this time.");
}

static void an_event_that_no_log_can_hold_ends_it(void **state)
{
    shell *self = *state;
    GIVE(self, PAST(0, 0, "case.opened", "received", 1));
    shell_run(self, "report");
    assert_int_equal(self->code, 70);
    assert_holds(self->err, "corrupt");
    assert_string_equal(self->out, "");
}

static void cases_behind_the_gap_that_a_restore_leaves_count_too(void **state)
{
    shell *self = *state;
    GIVE(self, PAST(1, 0, "case.opened", "received", 1, .data = "{\"category\":\"light\"}"),
         PAST(10002, 2, "case.opened", "received", 1, .data = "{\"category\":\"light\"}"),
         PAST(10001, 3, "case.opened", "received", 1, .data = "{\"category\":\"water\"}"),
         PAST(10002, 4, "case.accepted", "accepted", 1), PAST(1, 9, "case.accepted", "accepted", 1));
    shell_run(self, "report", "--by", "category", "--json");
    assert_int_equal(self->code, 0);
    assert_figure(self, "category", "light", "cases", 2);
    assert_figure(self, "category", "light", "accept_p90_ms", 9);
    assert_figure(self, "category", "water", "cases", 1);
}

static void drills_do_not_count(void **state)
{
    shell *self = *state;
    GIVE(self, PAST(1, 0, "case.opened", "received", 1, .more = "\"testmode\":true,"),
         PAST(2, 0, "case.opened", "received", 1, .data = "{\"category\":\"light\"}"));
    shell_run(self, "report", "--by", "category", "--json");
    assert_figure(self, "category", "light", "cases", 1);
    assert_lacks(self->out, "\"_\"");
}

static void what_was_merged_into_another_case_is_told_by_that_one(void **state)
{
    shell *self = *state;
    GIVE(self, PAST(1, 0, "case.opened", "received", 1, .data = "{\"category\":\"light\"}"),
         PAST(2, 1, "case.opened", "received", 1, .data = "{\"category\":\"light\"}"),
         PAST(2, 2, "case.merged", "merged", 1, .data = "{\"into\":\"ZJ-20261123-1\"}"),
         PAST(1, 9, "case.resolved", "resolved", 1));
    shell_run(self, "report", "--by", "category", "--json");
    assert_figure(self, "category", "light", "cases", 1);
    assert_figure(self, "category", "light", "resolve_count", 1);
}

static void a_case_is_timed_from_its_opening_to_acceptance_answer_and_result(void **state)
{
    shell *self = *state;
    GIVE(self,
         PAST(1, 0, "case.opened", "received", 1, .data = "{\"category\":\"light.out\"}",
              .more = "\"area\":\"330902\","),
         PAST(1, 5, "case.accepted", "accepted", 1),
         PAST(1, 8, "case.replied", "accepted", 1, .data = "{\"public\":false}"),
         PAST(1, 20, "case.replied", "accepted", 1), PAST(1, 30, "case.resolved", "resolved", 1),
         PAST(1, 40, "case.feedback", "closed", 1, .data = "{\"score\":5}"));
    shell_run(self, "report", "--by", "area", "--json");
    assert_figure(self, "area", "330902", "cases", 1);
    assert_figure(self, "area", "330902", "accept_median_ms", 5);
    assert_figure(self, "area", "330902", "answer_p90_ms", 20);
    assert_figure(self, "area", "330902", "resolve_median_ms", 30);
    assert_figure(self, "area", "330902", "satisfied", 1);
    assert_figure(self, "area", "330902", "score", 5);
    assert_figure(self, "area", "330902", "late", 0);
}

static void what_did_not_happen_has_no_time_and_what_came_before_it_took_none(void **state)
{
    shell *self = *state;
    GIVE(self, PAST(1, 10, "case.opened", "received", 1), PAST(1, 5, "case.accepted", "accepted", 1));
    shell_run(self, "report", "--by", "category", "--json");
    assert_figure(self, "category", "_", "accept_median_ms", 0);
    assert_figure(self, "category", "_", "resolve_count", 0);
    assert_figure(self, "category", "_", "resolve_median_ms", -1);
    assert_figure(self, "category", "_", "satisfied", -1);
}

static void medians_and_nineties_are_values_that_happened(void **state)
{
    shell *self = *state;
    past_row rows[20];
    for (unsigned i = 0; i < 10; i++) {
        rows[2 * i] = (past_row)PAST(i + 1, 0, "case.opened", "received", 1);
        rows[2 * i + 1] = (past_row)PAST(i + 1, 10 * (10 - i), "case.accepted", "accepted", 1);
    }
    past_give(self->hub, rows, 20);
    shell_run(self, "report", "--by", "category", "--json");
    assert_figure(self, "category", "_", "cases", 10);
    assert_figure(self, "category", "_", "accept_median_ms", 50);
    assert_figure(self, "category", "_", "accept_p90_ms", 90);
}

static void a_reopened_case_counts_each_cycle_in_its_own_time(void **state)
{
    shell *self = *state;
    const past_row rows[] = {
        PAST(1, 0, "case.opened", "received", 1),
        PAST(1, 10, "case.accepted", "accepted", 1),
        PAST(1, 20, "case.resolved", "resolved", 1),
        PAST(1, 25, "case.feedback", "closed", 1, .data = "{\"satisfied\":false,\"score\":5}"),
        PAST(1, 100, "case.reopened", "received", 2),
        PAST(1, 130, "case.accepted", "accepted", 2),
    };
    past_give(self->hub, rows, 6);
    shell_run(self, "report", "--by", "category", "--json");
    assert_figure(self, "category", "_", "cases", 2);
    assert_figure(self, "category", "_", "accept_p90_ms", 30);
    assert_figure(self, "category", "_", "feedbacks", 1);
    assert_figure(self, "category", "_", "satisfied", 0);
    /* The second began at 11:40. */
    self->hub->queries_used = 0;
    shell_run(self, "report", "--by", "category", "--json", "--since", "2026-11-23 11:40", "--until",
              "2026-11-23 11:41");
    assert_figure(self, "category", "_", "cases", 1);
    assert_figure(self, "category", "_", "accept_median_ms", 30);
    assert_figure(self, "category", "_", "feedbacks", 0);
    self->hub->queries_used = 0;
    shell_run(self, "report", "--json", "--since", "2026-11-23 11:41");
    assert_string_equal(self->out, "");
}

static void each_party_counts_from_when_it_was_given_the_case(void **state)
{
    shell *self = *state;
    GIVE(self, PAST(1, 0, "case.opened", "received", 1),
         PAST(1, 1, "handoff.offered", "received", 1, .data = HANDOFF(1, 1, "water")),
         PAST(1, 3, "handoff.rejected", "received", 1, .data = HANDOFF(1, 1, "water")),
         PAST(1, 10, "handoff.offered", "received", 1, .data = HANDOFF(1, 2, "power")),
         PAST(1, 14, "handoff.accepted", "assigned", 1, .data = HANDOFF(1, 2, "power")),
         PAST(1, 20, "case.replied", "assigned", 1),
         PAST(1, 30, "handoff.completed", "assigned", 1, .data = HANDOFF(1, 2, "power")),
         PAST(1, 30, "case.resolved", "resolved", 1),
         PAST(1, 50, "case.feedback", "closed", 1, .data = "{\"satisfied\":true}"));
    shell_run(self, "report", "--json");
    assert_figure(self, "party", "power", "accept_median_ms", 4);
    assert_figure(self, "party", "power", "answer_median_ms", 10);
    assert_figure(self, "party", "power", "resolve_median_ms", 20);
    assert_figure(self, "party", "power", "satisfied", 1);
    assert_figure(self, "party", "water", "rejected", 1);
    assert_figure(self, "party", "water", "accept_count", 0);
    assert_figure(self, "party", "water", "feedbacks", 0);
}

static void whoever_is_only_told_or_asked_to_decide_was_not_given_the_case(void **state)
{
    shell *self = *state;
    GIVE(self, PAST(1, 0, "case.opened", "received", 1),
         PAST(1, 1, "handoff.offered", "received", 1,
              .data = "{\"handoff\":\"ZJ-20261123-1/h1\",\"party\":\"press\",\"group\":\"ZJ-20261123-1/"
                      "g1\",\"form\":\"cc\"}"),
         PAST(1, 2, "handoff.offered", "received", 1,
              .data = "{\"handoff\":\"ZJ-20261123-1/h2\",\"party\":\"mayor\",\"form\":\"arbitration\"}"),
         PAST(1, 9, "case.arbitrated", "received", 1, .data = "{\"party\":\"water\"}"));
    shell_run(self, "report", "--json");
    assert_figure(self, "party", "water", "cases", 1);
    assert_lacks(self->out, "press");
    assert_lacks(self->out, "mayor");
}

static void late_is_what_ended_after_its_due_or_whose_clock_ran_out(void **state)
{
    shell *self = *state;
    GIVE(
        self, PAST(1, 0, "case.opened", "received", 1),
        PAST(
            1, 0, "handoff.offered", "received", 1,
            .data =
                "{\"handoff\":\"ZJ-20261123-1/h1\",\"party\":\"water\",\"due\":1795399800000}"), /* minute 10 */
        PAST(1, 1, "handoff.accepted", "assigned", 1, .data = HANDOFF(1, 1, "water")),
        PAST(1, 11, "handoff.completed", "assigned", 1, .data = HANDOFF(1, 1, "water")),
        PAST(2, 0, "case.opened", "received", 1),
        PAST(2, 0, "handoff.offered", "received", 1,
             .data = "{\"handoff\":\"ZJ-20261123-2/h1\",\"party\":\"water\",\"due\":1795399800000}"),
        PAST(2, 1, "handoff.accepted", "assigned", 1, .data = HANDOFF(2, 1, "water")),
        PAST(2, 10, "handoff.completed", "assigned", 1, .data = HANDOFF(2, 1, "water")),
        PAST(3, 0, "case.opened", "received", 1),
        PAST(3, 0, "handoff.offered", "received", 1, .data = HANDOFF(3, 1, "power")),
        PAST(3, 5, "clock.breached", "received", 1, .data = CLOCK(3, 1, "power", "")),
        PAST(4, 0, "case.opened", "received", 1),
        PAST(4, 0, "handoff.offered", "received", 1, .data = HANDOFF(4, 1, "power")),
        PAST(4, 9, "handoff.expired", "received", 1, .data = HANDOFF(4, 1, "power")));
    shell_run(self, "report", "--json");
    assert_figure(self, "party", "water", "late", 0.5);
    assert_figure(self, "party", "power", "late", 1);
}

static void a_clock_that_a_late_report_shows_as_met_is_not_late(void **state)
{
    shell *self = *state;
    GIVE(self, PAST(1, 0, "case.opened", "received", 1),
         PAST(1, 0, "handoff.offered", "received", 1, .data = HANDOFF(1, 1, "water")),
         PAST(1, 0, "clock.started", "received", 1, .data = CLOCK(1, 1, "water", ",\"rule\":\"answer\"")),
         PAST(1, 5, "clock.breached", "received", 1, .data = CLOCK(1, 1, "water", "")),
         PAST(1, 4, "clock.met", "received", 1, .data = CLOCK(1, 1, "water", ",\"late_report\":true")),
         PAST(2, 0, "case.opened", "received", 1),
         PAST(2, 0, "handoff.offered", "received", 1, .data = HANDOFF(2, 1, "water")),
         PAST(2, 0, "clock.started", "received", 1, .data = CLOCK(2, 1, "water", ",\"rule\":\"answer\"")),
         PAST(2, 0, "clock.started", "received", 1, .data = CLOCK(2, 2, "water", ",\"rule\":\"verdict\"")),
         PAST(2, 5, "clock.breached", "received", 1, .data = CLOCK(2, 1, "water", "")),
         PAST(2, 5, "clock.breached", "received", 1, .data = CLOCK(2, 2, "water", "")),
         PAST(2, 9, "clock.met", "received", 1, .data = CLOCK(2, 1, "water", "")),
         PAST(2, 9, "clock.met", "received", 1, .data = CLOCK(2, 2, "water", ",\"late_report\":true")));
    shell_run(self, "report", "--json");
    assert_figure(self, "party", "water", "late", 0.5);
}

static void returned_is_what_was_given_back_and_anomalies_change_nothing(void **state)
{
    shell *self = *state;
    GIVE(self, PAST(1, 0, "case.opened", "received", 1),
         PAST(1, 0, "handoff.offered", "received", 1, .data = HANDOFF(1, 1, "water")),
         PAST(1, 1, "handoff.accepted", "assigned", 1, .data = HANDOFF(1, 1, "water")),
         PAST(1, 2, "handoff.returned", "assigned", 1, .data = HANDOFF(1, 1, "water")),
         PAST(1, 3, "case.resolved", "assigned", 1, .more = "\"anomalous\":true,"));
    shell_run(self, "report", "--json");
    assert_figure(self, "party", "water", "returned", 1);
    assert_figure(self, "party", "water", "resolve_count", 0);
    self->hub->queries_used = 0;
    shell_run(self, "report", "--by", "category", "--json");
    assert_figure(self, "category", "_", "returned", 1);
    assert_figure(self, "category", "_", "resolve_count", 0);
}

static void people_get_a_table_with_percentages(void **state)
{
    shell *self = *state;
    GIVE(self, PAST(1, 0, "case.opened", "received", 1, .data = "{\"category\":\"light\"}"),
         PAST(1, 65, "case.accepted", "accepted", 1), PAST(1, 70, "case.resolved", "resolved", 1),
         PAST(1, 71, "case.feedback", "closed", 1, .data = "{\"score\":4}"));
    shell_run(self, "report", "--by", "category");
    assert_int_equal(self->code, 0);
    assert_holds(self->out, "CATEGORY  CASES");
    assert_holds(self->out, "1h 05m");
    assert_holds(self->out, "100.0%");
    assert_holds(self->out, "4.0");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, shell_setup, shell_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_case_whose_beginning_cannot_be_read_is_left_out_and_told),
        TEST(an_event_that_no_log_can_hold_ends_it),
        TEST(cases_behind_the_gap_that_a_restore_leaves_count_too),
        TEST(drills_do_not_count),
        TEST(what_was_merged_into_another_case_is_told_by_that_one),
        TEST(a_case_is_timed_from_its_opening_to_acceptance_answer_and_result),
        TEST(what_did_not_happen_has_no_time_and_what_came_before_it_took_none),
        TEST(medians_and_nineties_are_values_that_happened),
        TEST(a_reopened_case_counts_each_cycle_in_its_own_time),
        TEST(each_party_counts_from_when_it_was_given_the_case),
        TEST(whoever_is_only_told_or_asked_to_decide_was_not_given_the_case),
        TEST(late_is_what_ended_after_its_due_or_whose_clock_ran_out),
        TEST(a_clock_that_a_late_report_shows_as_met_is_not_late),
        TEST(returned_is_what_was_given_back_and_anomalies_change_nothing),
        TEST(people_get_a_table_with_percentages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
