/* Every case type in every state, as a command and as an observation. */
#include "tests/unit/check.h"
#include "tests/unit/model/city.h"

#include <stdio.h>

/* One letter a state, in the order of the columns below. */
static const char letters[] = "RASPWVCJX";
static const ch_case_state states[] = {CH_CASE_RECEIVED,    CH_CASE_ACCEPTED, CH_CASE_ASSIGNED,
                                       CH_CASE_IN_PROGRESS, CH_CASE_WAITING,  CH_CASE_RESOLVED,
                                       CH_CASE_CLOSED,      CH_CASE_REJECTED, CH_CASE_CANCELLED};
#define STATE_COUNT (sizeof states / sizeof *states)

/* How a case gets there. */
static const char *const ways[STATE_COUNT][5] = {
    {NULL},
    {"case.accepted", NULL},
    {"case.accepted", "case.assigned", NULL},
    {"case.accepted", "case.assigned", "case.progressed", NULL},
    {"case.accepted", "case.assigned", "case.progressed", "case.waiting", NULL},
    {"case.accepted", "case.resolved", NULL},
    {"case.accepted", "case.resolved", "case.closed", NULL},
    {"case.rejected", NULL},
    {"case.cancelled", NULL},
};

/* A command: the state afterwards or "-" for refused. An observation: the state afterwards and how many steps
 * were inferred, or "!" for anomalous. */
static const struct {
    const char *type, *data;
    const char *commanded[STATE_COUNT], *observed[STATE_COUNT];
} expected[] = {
    {"case.accepted",
     NULL,
     {"A", "-", "-", "-", "-", "-", "-", "-", "-"},
     {"A0", "!", "!", "!", "!", "!", "!", "!", "!"}},
    {"case.assigned",
     "{\"party\":\"water\"}",
     {"S", "S", "S", "P", "W", "-", "-", "-", "-"},
     {"S0", "S0", "S0", "P0", "W0", "!", "!", "!", "!"}},
    {"case.progressed",
     NULL,
     {"-", "-", "P", "P", "-", "-", "-", "-", "-"},
     {"P2", "P1", "P0", "P0", "P1", "!", "!", "!", "!"}},
    {"case.waiting",
     "{\"reason\":\"citizen\"}",
     {"W", "W", "W", "W", "W", "-", "-", "-", "-"},
     {"W0", "W0", "W0", "W0", "W0", "!", "!", "!", "!"}},
    {"case.resumed",
     NULL,
     {"-", "-", "-", "-", "P", "-", "-", "-", "-"},
     {"!", "!", "!", "!", "P0", "!", "!", "!", "!"}},
    {"case.resolved",
     NULL,
     {"-", "V", "V", "V", "-", "-", "-", "-", "-"},
     {"V1", "V0", "V0", "V0", "V1", "!", "!", "!", "!"}},
    {"case.verified",
     NULL,
     {"-", "-", "-", "-", "-", "V", "-", "-", "-"},
     {"V2", "V1", "V1", "V1", "V2", "V0", "!", "!", "!"}},
    {"case.feedback",
     "{\"score\":4}",
     {"-", "-", "-", "-", "-", "C", "C", "-", "-"},
     {"C2", "C1", "C1", "C1", "C2", "C0", "C0", "!", "!"}},
    {"case.closed",
     NULL,
     {"-", "-", "-", "-", "-", "C", "-", "-", "-"},
     {"C2", "C1", "C1", "C1", "C2", "C0", "!", "!", "!"}},
    {"case.rejected",
     "{\"reason\":\"not-ours\"}",
     {"J", "J", "J", "-", "-", "-", "-", "-", "-"},
     {"J0", "J0", "J0", "!", "!", "!", "!", "!", "!"}},
    {"case.cancelled",
     NULL,
     {"X", "X", "X", "X", "X", "-", "-", "-", "-"},
     {"X0", "X0", "X0", "X0", "X0", "!", "!", "!", "!"}},
    {"case.reopened",
     NULL,
     {"-", "-", "-", "-", "-", "R", "R", "R", "R"},
     {"R2", "R1", "R1", "R1", "R2", "R0", "R0", "R0", "R0"}},
    {"case.noted",
     "{\"text\":\"n\"}",
     {"R", "A", "S", "P", "W", "V", "C", "J", "X"},
     {"R0", "A0", "S0", "P0", "W0", "V0", "C0", "J0", "X0"}},
    {"case.amended",
     "{\"priority\":2}",
     {"R", "A", "S", "P", "W", "V", "C", "J", "X"},
     {"R0", "A0", "S0", "P0", "W0", "V0", "C0", "J0", "X0"}},
    {"case.replied",
     "{\"text\":\"n\",\"public\":true}",
     {"R", "A", "S", "P", "W", "V", "C", "J", "X"},
     {"R0", "A0", "S0", "P0", "W0", "V0", "C0", "J0", "X0"}},
    {"case.milestone",
     "{\"code\":\"unit_on_scene\"}",
     {"R", "A", "S", "P", "W", "V", "-", "-", "-"},
     {"R0", "A0", "S0", "P0", "W0", "V0", "!", "!", "!"}},
};

static void bring_kind_to(city *of, const char *kind, size_t state)
{
    char ref[16], data[64];
    snprintf(ref, sizeof ref, "%zu", of->case_count + 1);
    snprintf(data, sizeof data, "{\"kind\":\"%s\"}", kind);
    assert_int_equal(city_open(of, "grid/1", ref, data), CH_OK);
    for (size_t i = 0; ways[state][i] != NULL; i++) {
        assert_int_equal(city_command(of, ways[state][i], of->case_count, NULL), CH_OK);
    }
    assert_int_equal(city_case(of, of->case_count)->state, states[state]);
}

static void bring_to(city *of, size_t state)
{
    bring_kind_to(of, "matter", state);
}

static size_t inferred_count(const city *of)
{
    size_t count = 0;
    for (size_t i = 0; i < of->decision->count; i++) {
        count += of->decision->events[i].event.inferred;
    }
    return count;
}

static char letter_of(ch_case_state state)
{
    for (size_t i = 0; i < STATE_COUNT; i++) {
        if (states[i] == state) {
            return letters[i];
        }
    }
    return '?';
}

static void checks_commands_strictly(void **unused)
{
    (void)unused;
    city of;
    city_start(&of);
    for (size_t row = 0; row < sizeof expected / sizeof *expected; row++) {
        for (size_t state = 0; state < STATE_COUNT; state++) {
            char said[160], result[2] = "-";
            bring_to(&of, state);
            uint32_t version = city_case(&of, of.case_count)->version;
            if (city_command(&of, expected[row].type, of.case_count, expected[row].data) == CH_OK) {
                result[0] = letter_of(city_case(&of, of.case_count)->state);
                assert_int_equal(inferred_count(&of), 0);
            } else {
                snprintf(said, sizeof said, "%s is not legal in state %s (version %u)", expected[row].type,
                         ch_case_state_name(states[state]), version);
                assert_string_equal(of.error.text, said);
                assert_int_equal(of.error.status, CH_REFUSED);
                assert_int_equal(of.decision->present_version, version);
                assert_int_equal(of.decision->present_state, states[state]);
            }
            if (strcmp(result, expected[row].commanded[state]) != 0) {
                fail_msg("%s in %s: %s instead of %s", expected[row].type, ch_case_state_name(states[state]),
                         result, expected[row].commanded[state]);
            }
        }
    }
    city_stop(&of);
}

static void takes_observations_as_facts(void **unused)
{
    (void)unused;
    city of;
    city_start(&of);
    for (size_t row = 0; row < sizeof expected / sizeof *expected; row++) {
        for (size_t state = 0; state < STATE_COUNT; state++) {
            char result[16];
            const char *wanted = expected[row].observed[state];
            bring_to(&of, state);
            assert_int_equal(city_observe(&of, expected[row].type, of.case_count, expected[row].data), CH_OK);
            const ch_case *after = city_case(&of, of.case_count);
            snprintf(result, sizeof result, "%c%zu", letter_of(after->state), inferred_count(&of));
            if (after->anomalous_count > 0) {
                assert_int_equal(after->state, states[state]);
                assert_int_equal(of.decision->count, 1);
                snprintf(result, sizeof result, "!");
            }
            if (strcmp(result, wanted) != 0) {
                fail_msg("%s in %s: %s instead of %s", expected[row].type, ch_case_state_name(states[state]),
                         result, wanted);
            }
        }
    }
    city_stop(&of);
}

/* A step that only cases of that kind can take: refused to a matter that went the same way. */
static void lets_a_kind_do_what_no_other_does(void **unused)
{
    static const struct {
        const char *kind;
        size_t state;
        const char *type, *data;
        char after;
    } own[] = {
        {"dispute", 6, "case.milestone", "{\"code\":\"mediation.confirmed\"}", 'C'},
        {"assessment", 6, "case.milestone", "{\"code\":\"risk.point_raised\"}", 'C'},
        {"assessment", 4, "case.resolved", NULL, 'V'},
        {"grant", 3, "case.rejected", "{\"reason\":\"no-money\"}", 'J'},
        {"grant", 4, "case.rejected", "{\"reason\":\"no-money\"}", 'J'},
        {"grant", 6, "case.milestone", "{\"code\":\"grant.reported\"}", 'C'},
    };
    (void)unused;
    city of;
    city_start(&of);
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        bring_kind_to(&of, "matter", own[i].state);
        assert_int_equal(city_command(&of, own[i].type, of.case_count, own[i].data), CH_REFUSED);
        bring_kind_to(&of, own[i].kind, own[i].state);
        assert_int_equal(city_command(&of, own[i].type, of.case_count, own[i].data), CH_OK);
        assert_int_equal(letter_of(city_case(&of, of.case_count)->state), own[i].after);
    }
    city_stop(&of);
}

static void gives_a_dispatch_to_the_unit_that_answers_at_once(void **unused)
{
    (void)unused;
    city of;
    city_start(&of);
    bring_kind_to(&of, "matter", 0);
    assert_int_equal(city_observe(&of, "case.progressed", 1, NULL), CH_OK);
    assert_types(&of, "~case.accepted ~case.assigned *case.progressed");
    bring_kind_to(&of, "dispatch", 0);
    assert_int_equal(city_observe(&of, "case.progressed", 2, NULL), CH_OK);
    assert_types(&of, "~case.assigned *case.progressed");
    city_stop(&of);
}

static void puts_inferred_steps_before_the_observation(void **unused)
{
    (void)unused;
    city of;
    city_start(&of);
    bring_to(&of, 0);
    assert_int_equal(city_observe(&of, "case.closed", 1, NULL), CH_OK);
    assert_types(&of, "~case.accepted ~case.resolved *case.closed");
    assert_int_equal(of.decision->incoming, 2);
    assert_int_equal(city_case(&of, 1)->step_count, 4);
    city_stop(&of);
}

static void begins_a_new_cycle_when_reopened(void **unused)
{
    (void)unused;
    city of;
    city_start(&of);
    assert_int_equal(city_open(&of, "hotline/1", "1", "{\"category\":\"lamp.out\"}"), CH_OK);
    assert_int_equal(city_command(&of, "handoff.accepted", 1, "{\"handoff\":\"ZJ-20261123-1/h1\"}"), CH_OK);
    assert_int_equal(city_command(&of, "handoff.completed", 1, "{\"handoff\":\"ZJ-20261123-1/h1\"}"), CH_OK);
    assert_int_equal(city_command(&of, "case.feedback", 1, "{\"score\":1,\"satisfied\":false}"), CH_OK);
    assert_int_equal(city_case(&of, 1)->feedback_satisfied, 0);
    assert_int_equal(city_command(&of, "case.reopened", 1, "{\"reason\":\"not-done\"}"), CH_OK);
    assert_types(&of, "*case.reopened handoff.offered");
    assert_int_equal(city_event(&of, 0)->cycle, 2);
    assert_int_equal(city_event(&of, 1)->cycle, 2);
    assert_int_equal(city_case(&of, 1)->cycle, 2);
    assert_int_equal(city_case(&of, 1)->feedback_score, 0);
    assert_int_equal(city_case(&of, 1)->feedback_satisfied, -1);
    city_stop(&of);
}

static void remembers_where_it_waited_from(void **unused)
{
    (void)unused;
    city of;
    city_start(&of);
    bring_to(&of, 2);
    assert_int_equal(city_command(&of, "case.waiting", 1, "{\"reason\":\"external\"}"), CH_OK);
    assert_int_equal(city_command(&of, "case.waiting", 1, "{\"reason\":\"citizen\"}"), CH_OK);
    assert_string_equal(city_case(&of, 1)->waiting_reason, "citizen");
    assert_int_equal(city_command(&of, "case.resumed", 1, NULL), CH_OK);
    assert_int_equal(city_case(&of, 1)->state, CH_CASE_ASSIGNED);
    assert_string_equal(city_case(&of, 1)->waiting_reason, "");
    city_stop(&of);
}

static void names_the_party_that_an_assignment_gives_it_to(void **unused)
{
    (void)unused;
    city of;
    city_start(&of);
    bring_to(&of, 0);
    assert_int_equal(city_command(&of, "case.assigned", 1, "{\"party\":\"water\"}"), CH_OK);
    assert_string_equal(city_case(&of, 1)->lead, "water");
    assert_refused(&of, city_command(&of, "case.assigned", 1, "{\"party\":\"moon-base\"}"), CH_NOT_FOUND,
                   "there is no party moon-base");
    city_stop(&of);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checks_commands_strictly),
        cmocka_unit_test(takes_observations_as_facts),
        cmocka_unit_test(lets_a_kind_do_what_no_other_does),
        cmocka_unit_test(gives_a_dispatch_to_the_unit_that_answers_at_once),
        cmocka_unit_test(puts_inferred_steps_before_the_observation),
        cmocka_unit_test(begins_a_new_cycle_when_reopened),
        cmocka_unit_test(remembers_where_it_waited_from),
        cmocka_unit_test(names_the_party_that_an_assignment_gives_it_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
