/* Groups of handoffs: what each ending of each member makes of them, in every form; and who decides in the end. */
#include "tests/unit/check.h"
#include "tests/unit/model/city.h"

#include <stdio.h>
#include <stdlib.h>

#define THREE "\"parties\":[\"power-supply\",\"water\",\"urban-mgmt\"]"

static int start(void **state)
{
    city *of = malloc(sizeof *of);
    assert_non_null(of);
    city_start(of);
    assert_int_equal(city_open(of, "grid/zs-01", "81", NULL), CH_OK);
    assert_types(of, "*case.opened");
    *state = of;
    return 0;
}

static int stop(void **state)
{
    city_stop(*state);
    free(*state);
    return 0;
}

static const ch_handoff *handoff(const city *of, uint64_t number, uint32_t index)
{
    const ch_handoff *found = ch_case_handoff(city_case(of, number), index);
    assert_non_null(found);
    return found;
}

static ch_str said(const city *of, size_t event, const char *field)
{
    return ch_mp_find_str(city_event(of, event)->data, field);
}

/* ---- offers that are wrong */

static void refuses_offers_that_make_no_group(void **state)
{
    static const struct {
        const char *data, *where, *text;
        ch_status status;
    } wrong[] = {
        {"{}", "data.party", "handoff.offered needs a party to go to", CH_INVALID},
        {"{\"parties\":[]}", "data.parties", "1 to 32 codes of parties are expected", CH_INVALID},
        {"{\"parties\":[7]}", "data.parties", "1 to 32 codes of parties are expected", CH_INVALID},
        {"{\"parties\":\"water\"}", "data.parties", "1 to 32 codes of parties are expected", CH_INVALID},
        {"{\"party\":\"water\",\"parties\":[\"water\"]}", "data.parties",
         "either party or parties is expected, not both", CH_INVALID},
        {"{" THREE "}", "data.form", "several parties need a form: sequence, parallel, joint or cc",
         CH_INVALID},
        {"{" THREE ",\"form\":\"heap\"}", "data.form", "there is no form heap", CH_INVALID},
        {"{\"party\":\"water\",\"form\":\"arbitration\"}", "data.form",
         "arbitration comes from the hub alone", CH_INVALID},
        {"{\"party\":\"water\",\"form\":\"parallel\"}", "data.form",
         "form parallel needs a list of at least two parties", CH_INVALID},
        {"{\"parties\":[\"water\",\"water\"],\"form\":\"parallel\"}", "data.party",
         "party water is there twice", CH_INVALID},
        {"{\"parties\":[\"water\",\"moon-base\"],\"form\":\"joint\"}", "data.party",
         "there is no party moon-base", CH_NOT_FOUND},
        {"{" THREE ",\"form\":\"parallel\",\"need\":\"4\"}", "data.need", "need is 4 of only 3 parties",
         CH_INVALID},
        {"{" THREE ",\"form\":\"parallel\",\"need\":\"0\"}", "data.need",
         "all, any or a number from 1 to 32 is expected", CH_INVALID},
        {"{" THREE ",\"form\":\"joint\",\"need\":\"all\"}", "data.need",
         "need belongs to form parallel, not to form joint", CH_INVALID},
        {"{" THREE ",\"form\":\"parallel\",\"lead\":\"water\"}", "data.lead",
         "lead belongs to form joint, not to form parallel", CH_INVALID},
        {"{" THREE ",\"form\":\"joint\",\"lead\":\"health\"}", "data.lead",
         "lead health is none of the parties", CH_INVALID},
        {"{\"party\":\"water\",\"group\":\"ZJ-20261123-1/g1\"}", "data.group", "only the hub sets it",
         CH_INVALID},
        {"{\"party\":\"water\",\"next\":[\"health\"]}", "data.next", "only the hub sets it", CH_INVALID},
        {"{\"party\":\"water\",\"keeper\":\"health\"}", "data.keeper", "only the hub sets it", CH_INVALID},
    };
    city *of = *state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_refused(of, city_command(of, "handoff.offered", 1, wrong[i].data), wrong[i].status,
                       wrong[i].text);
        assert_string_equal(of->error.where, wrong[i].where);
    }
    assert_int_equal(city_case(of, 1)->handoff_count, 0);
}

/* ---- what a record says */

static void makes_one_event_for_each_member(void **state)
{
    city *of = *state;
    assert_int_equal(
        city_command(of, "handoff.offered", 1,
                     "{" THREE
                     ",\"form\":\"parallel\",\"need\":\"2\",\"reason\":\"rescue\",\"due\":1795500000000,"
                     "\"text\":\"at the bridge\"}"),
        CH_OK);
    assert_types(of, "*handoff.offered handoff.offered handoff.offered");
    static const char *const parties[] = {"power-supply", "water", "urban-mgmt"};
    for (uint32_t i = 0; i < 3; i++) {
        const ch_handoff *made = handoff(of, 1, i + 1);
        assert_string_equal(made->party, parties[i]);
        assert_int_equal(made->group, 1);
        assert_int_equal(made->due_ms, INT64_C(1795500000000));
        assert_true(ch_str_is(said(of, i, "party"), parties[i]));
        assert_true(ch_str_is(said(of, i, "group"), "ZJ-20261123-1/g1"));
        assert_true(ch_str_is(said(of, i, "form"), "parallel"));
        assert_true(ch_str_is(said(of, i, "need"), "2"));
        assert_true(ch_str_is(said(of, i, "reason"), "rescue"));
        assert_true(ch_str_is(said(of, i, "text"), "at the bridge"));
        assert_false(ch_mp_find(city_event(of, i)->data, "parties", NULL, NULL));
    }
    assert_int_equal(city_case(of, 1)->groups[0].form, CH_FORM_PARALLEL);
    assert_int_equal(city_case(of, 1)->groups[0].need, 2);
    assert_string_equal(city_case(of, 1)->lead, "power-supply");
}

static void puts_the_lead_first(void **state)
{
    city *of = *state;
    assert_int_equal(
        city_command(of, "handoff.offered", 1, "{" THREE ",\"form\":\"joint\",\"lead\":\"urban-mgmt\"}"),
        CH_OK);
    assert_string_equal(handoff(of, 1, 1)->party, "urban-mgmt");
    assert_true(handoff(of, 1, 1)->lead);
    assert_false(handoff(of, 1, 2)->lead);
    assert_false(handoff(of, 1, 3)->lead);
    assert_true(ch_str_is(said(of, 2, "lead"), "urban-mgmt"));
    assert_string_equal(city_case(of, 1)->lead, "urban-mgmt");
}

static void remembers_whom_a_sequence_tries_next(void **state)
{
    city *of = *state;
    assert_int_equal(city_command(of, "handoff.offered", 1, "{" THREE ",\"form\":\"sequence\"}"), CH_OK);
    assert_types(of, "*handoff.offered");
    assert_int_equal(city_case(of, 1)->candidate_count, 2);
    assert_string_equal(city_case(of, 1)->candidates[0].party, "water");
    assert_int_equal(
        city_command(of, "handoff.offered", 1, "{\"parties\":[\"health\",\"police\"],\"form\":\"sequence\"}"),
        CH_OK);
    assert_int_equal(city_case(of, 1)->candidate_count, 3);
    assert_int_equal(city_case(of, 1)->candidates[2].group, 2);
    assert_int_equal(city_command(of, "handoff.rejected", 1, "{\"party\":\"power-supply\"}"), CH_OK);
    assert_types(of, "*handoff.rejected handoff.offered");
    assert_int_equal(handoff(of, 1, 3)->previous, 1);
    assert_int_equal(handoff(of, 1, 3)->group, 1);
    assert_int_equal(city_case(of, 1)->candidate_count, 2);
}

static void gives_each_candidate_as_much_time_as_the_first_had(void **state)
{
    city *of = *state;
    char data[200];
    snprintf(data, sizeof data, "{" THREE ",\"form\":\"sequence\",\"due\":%lld}",
             (long long)(of->now_ms + 60000));
    assert_int_equal(city_command(of, "handoff.offered", 1, data), CH_OK);
    of->now_ms += 60000;
    assert_int_equal(city_report(of, "handoff.expired", 1, "{\"handoff\":\"ZJ-20261123-1/h1\"}"), CH_OK);
    assert_int_equal(handoff(of, 1, 2)->due_ms, of->now_ms + 60000);
}

static void offers_to_all_whom_a_route_names(void **state)
{
    static const char *const parties[] = {"water-rescue", "police-patrol", "ambulance"};
    city *of = *state;
    assert_int_equal(city_open(of, "emergency/110", "0227", "{\"category\":\"river.person\"}"), CH_OK);
    assert_types(of, "*case.opened handoff.offered handoff.offered handoff.offered");
    for (uint32_t i = 0; i < 3; i++) {
        assert_string_equal(handoff(of, 2, i + 1)->party, parties[i]);
        assert_int_equal(handoff(of, 2, i + 1)->due_ms, of->now_ms + 5 * 60 * 1000);
        assert_string_equal(handoff(of, 2, i + 1)->reason, "rescue");
    }
    assert_int_equal(city_case(of, 2)->groups[0].form, CH_FORM_PARALLEL);
    assert_string_equal(city_case(of, 2)->lead, "water-rescue");
    assert_int_equal(city_open(of, "service_centre/1", "9", "{\"category\":\"smell\"}"), CH_OK);
    assert_true(handoff(of, 3, 1)->lead);
    assert_string_equal(handoff(of, 3, 2)->party, "work-safety");
    assert_int_equal(city_open(of, "hotline/81890", "9", "{\"category\":\"service.repair\"}"), CH_OK);
    assert_int_equal(city_case(of, 4)->handoff_count, 1);
    assert_int_equal(city_case(of, 4)->candidate_count, 2);
}

/* ---- what each ending makes of a group */

/* Members: p w u, and s for the supervisor. What they do: a accept, c complete, r reject, f fail, b give back, x expire,
 * d get it delivered, o the operator withdraws it. Afterwards: a sign for each handoff's state in their order, the state of
 * the case, who has it. */
static const struct {
    const char *form, *need, *moves, *signs;
    ch_case_state after;
    const char *lead;
} endings[] = {
    /* all of a parallel group */
    {"parallel", "all", "", "p? w? u?", CH_CASE_RECEIVED, "power-supply"},
    {"parallel", "all", "pc", "p+ w? u?", CH_CASE_ASSIGNED, "urban-mgmt"},
    {"parallel", "all", "pc wc", "p+ w+ u?", CH_CASE_ASSIGNED, "urban-mgmt"},
    {"parallel", "all", "pc wc uc", "p+ w+ u+", CH_CASE_RESOLVED, "urban-mgmt"},
    {"parallel", "all", "uc wc pc", "p+ w+ u+", CH_CASE_RESOLVED, "power-supply"},
    {"parallel", "all", "pc wc uo", "p+ w+ u~", CH_CASE_RESOLVED, "water"},
    {"parallel", "all", "po wc uc", "p~ w+ u+", CH_CASE_RESOLVED, "urban-mgmt"},
    {"parallel", "all", "po wo uo", "p~ w~ u~", CH_CASE_RECEIVED, ""},
    {"parallel", "all", "wr", "p? w- u? s?", CH_CASE_RECEIVED, "power-supply"},
    {"parallel", "all", "wx", "p? wx u? s?", CH_CASE_RECEIVED, "power-supply"},
    {"parallel", "all", "wa wf", "p? w! u? s?", CH_CASE_ASSIGNED, "power-supply"},
    {"parallel", "all", "wa wb", "p? w< u? s?", CH_CASE_ASSIGNED, "power-supply"},
    {"parallel", "all", "pr wr ur", "p- w- u- s?", CH_CASE_RECEIVED, "urban-mgmt"},
    {"parallel", "all", "wr pc uc", "p+ w- u+ s?", CH_CASE_ASSIGNED, "urban-mgmt"},
    {"parallel", "all", "wr pc uc sc", "p+ w- u+ s+", CH_CASE_RESOLVED, "urban-mgmt"},
    {"parallel", "all", "wr sc pc uc", "p+ w- u+ s+ s?", CH_CASE_ASSIGNED, "power-supply"},
    /* any of it */
    {"parallel", "any", "wc", "p~ w+ u~", CH_CASE_RESOLVED, "water"},
    {"parallel", "any", "pr", "p- w? u?", CH_CASE_RECEIVED, "urban-mgmt"},
    {"parallel", "any", "pr wr", "p- w- u?", CH_CASE_RECEIVED, "urban-mgmt"},
    {"parallel", "any", "pr wr uc", "p- w- u+", CH_CASE_RESOLVED, "urban-mgmt"},
    {"parallel", "any", "pr wr ur", "p- w- u- s?", CH_CASE_RECEIVED, "power-supply"},
    {"parallel", "any", "px wa wf ur", "px w! u- s?", CH_CASE_ASSIGNED, "power-supply"},
    {"parallel", "any", "po wo", "p~ w~ u?", CH_CASE_RECEIVED, "urban-mgmt"},
    /* two of it */
    {"parallel", "2", "pc", "p+ w? u?", CH_CASE_ASSIGNED, "urban-mgmt"},
    {"parallel", "2", "pc uc", "p+ w~ u+", CH_CASE_RESOLVED, "urban-mgmt"},
    {"parallel", "2", "pr", "p- w? u?", CH_CASE_RECEIVED, "urban-mgmt"},
    {"parallel", "2", "pr wr", "p- w- u? s?", CH_CASE_RECEIVED, "urban-mgmt"},
    {"parallel", "2", "pr wc uc", "p- w+ u+", CH_CASE_RESOLVED, "urban-mgmt"},
    {"parallel", "2", "pc wr ur", "p+ w- u- s?", CH_CASE_ASSIGNED, "power-supply"},
    /* candidates in turn */
    {"sequence", NULL, "", "p?", CH_CASE_RECEIVED, "power-supply"},
    {"sequence", NULL, "pc", "p+", CH_CASE_RESOLVED, "power-supply"},
    {"sequence", NULL, "pr", "p- w?", CH_CASE_RECEIVED, "water"},
    {"sequence", NULL, "px", "px w?", CH_CASE_RECEIVED, "water"},
    {"sequence", NULL, "pa pf", "p! w?", CH_CASE_ASSIGNED, "water"},
    {"sequence", NULL, "pa pb", "p< w?", CH_CASE_ASSIGNED, "water"},
    {"sequence", NULL, "pr wr uc", "p- w- u+", CH_CASE_RESOLVED, "urban-mgmt"},
    {"sequence", NULL, "pr wr ur", "p- w- u- s?", CH_CASE_RECEIVED, "power-supply"},
    {"sequence", NULL, "po", "p~", CH_CASE_RECEIVED, ""},
    /* power-supply leads */
    {"joint", NULL, "wc", "p? w+ u?", CH_CASE_ASSIGNED, "power-supply"},
    {"joint", NULL, "wc ur pc", "p+ w+ u-", CH_CASE_RESOLVED, "power-supply"},
    {"joint", NULL, "wa wf ux pc", "p+ w! ux", CH_CASE_RESOLVED, "power-supply"},
    {"joint", NULL, "wa wb uo pc", "p+ w< u~", CH_CASE_RESOLVED, "power-supply"},
    {"joint", NULL, "wr ur", "p? w- u-", CH_CASE_RECEIVED, "power-supply"},
    {"joint", NULL, "pr", "p- w~ u~ s?", CH_CASE_RECEIVED, "power-supply"},
    {"joint", NULL, "pa pb", "p< w~ u~ s?", CH_CASE_ASSIGNED, "power-supply"},
    {"joint", NULL, "wc pa pf", "p! w+ u~ s?", CH_CASE_ASSIGNED, "power-supply"},
    {"joint", NULL, "px", "px w~ u~ s?", CH_CASE_RECEIVED, "power-supply"},
    {"joint", NULL, "po", "p~ w~ u~", CH_CASE_RECEIVED, ""},
    /* for information */
    {"cc", NULL, "", "p? w? u?", CH_CASE_RECEIVED, ""},
    {"cc", NULL, "pd", "p+ w? u?", CH_CASE_RECEIVED, ""},
    {"cc", NULL, "pd wa ur", "p+ w+ u-", CH_CASE_RECEIVED, ""},
    {"cc", NULL, "pd wd ud", "p+ w+ u+", CH_CASE_RECEIVED, ""},
};

static const char *party_of(char letter)
{
    return letter == 'p'   ? "power-supply"
           : letter == 'w' ? "water"
           : letter == 'u' ? "urban-mgmt"
                           : "city-supervision";
}

static void make_move(city *of, uint64_t number, char letter, char what)
{
    static const struct {
        char letter;
        const char *type;
    } types[] = {{'a', "handoff.accepted"},  {'c', "handoff.completed"}, {'r', "handoff.rejected"},
                 {'f', "handoff.failed"},    {'b', "handoff.returned"},  {'x', "handoff.expired"},
                 {'d', "handoff.delivered"}, {'o', "handoff.withdrawn"}};
    char data[80];
    size_t type = 0;
    while (types[type].letter != what) {
        type++;
    }
    snprintf(data, sizeof data, "{\"party\":\"%s\"}", party_of(letter));
    if (what == 'c') {
        assert_int_equal(city_command(of, "handoff.accepted", number, data), CH_OK);
    }
    ch_status status = what == 'x' || what == 'd' ? city_report(of, types[type].type, number, data)
                                                  : city_command(of, types[type].type, number, data);
    if (status != CH_OK) {
        print_error("%c%c: %s\n", letter, what, of->error.text);
    }
    assert_int_equal(status, CH_OK);
}

static void describe(const ch_case *the_case, char *out, size_t size)
{
    static const char signs[] = "_?da*-+!<>~x"; /* by handoff state */
    size_t at = 0;
    out[0] = '\0';
    for (size_t i = 0; i < the_case->handoff_count && at < size; i++) {
        const ch_handoff *each = &the_case->handoffs[i];
        char letter = each->arbitration ? 's' : each->party[0];
        at += (size_t)snprintf(out + at, size - at, "%s%c%c", i == 0 ? "" : " ", letter, signs[each->state]);
    }
}

static void ends_as_its_members_do(void **unused)
{
    (void)unused;
    city of;
    city_start(&of);
    for (size_t row = 0; row < sizeof endings / sizeof *endings; row++) {
        char data[200], signs[80], ref[16];
        snprintf(ref, sizeof ref, "%zu", row);
        assert_int_equal(city_open(&of, "grid/1", ref, NULL), CH_OK);
        uint64_t number = of.case_count;
        snprintf(data, sizeof data, "{" THREE ",\"form\":\"%s\"%s%s%s}", endings[row].form,
                 endings[row].need == NULL ? "" : ",\"need\":\"",
                 endings[row].need == NULL ? "" : endings[row].need, endings[row].need == NULL ? "" : "\"");
        assert_int_equal(city_command(&of, "handoff.offered", number, data), CH_OK);
        for (const char *move = endings[row].moves; *move != '\0'; move += move[2] == ' ' ? 3 : 2) {
            make_move(&of, number, move[0], move[1]);
        }
        describe(city_case(&of, number), signs, sizeof signs);
        if (strcmp(signs, endings[row].signs) != 0 || city_case(&of, number)->state != endings[row].after ||
            strcmp(city_case(&of, number)->lead, endings[row].lead) != 0) {
            fail_msg("%s %s after %s: %s, %s, with %s", endings[row].form,
                     endings[row].need == NULL ? "" : endings[row].need, endings[row].moves, signs,
                     ch_case_state_name(city_case(&of, number)->state), city_case(&of, number)->lead);
        }
    }
    city_stop(&of);
}

/* ---- joint */

static void lets_the_lead_complete_last(void **state)
{
    city *of = *state;
    assert_int_equal(city_command(of, "handoff.offered", 1, "{" THREE ",\"form\":\"joint\"}"), CH_OK);
    assert_int_equal(city_answer(of, "handoff.accepted", "power-supply", 1, NULL), CH_OK);
    assert_refused(
        of, city_answer(of, "handoff.completed", "power-supply", 1, NULL), CH_REFUSED,
        "co-workers-open: ZJ-20261123-1/h1 leads, and its co-workers have not ended: water, urban-mgmt "
        "(case version 7)");
    assert_int_equal(city_observe(of, "handoff.completed", 1, "{\"party\":\"power-supply\"}"), CH_OK);
    assert_types(of, "!*handoff.completed");
    make_move(of, 1, 'w', 'c');
    make_move(of, 1, 'u', 'r');
    assert_int_equal(city_answer(of, "handoff.completed", "power-supply", 1, NULL), CH_OK);
    assert_types(of, "*handoff.completed case.resolved");
}

/* As a system reports it that knows no parts: they end in their order, and the lead's is the first. */
static void leaves_a_case_with_the_lead_when_its_system_says_that_all_is_done(void **state)
{
    city *of = *state;
    assert_int_equal(city_command(of, "handoff.offered", 1, "{" THREE ",\"form\":\"joint\"}"), CH_OK);
    assert_int_equal(city_answer(of, "handoff.accepted", "power-supply", 1, NULL), CH_OK);
    assert_int_equal(city_answer(of, "handoff.accepted", "water", 1, NULL), CH_OK);
    assert_int_equal(city_observe(of, "case.resolved", 1, NULL), CH_OK);
    assert_int_equal(city_case(of, 1)->state, CH_CASE_RESOLVED);
    assert_null(ch_case_latest_open(city_case(of, 1)));
    assert_string_equal(city_case(of, 1)->lead, "power-supply");
}

static void keeps_one_lead_when_members_pass_their_part_on(void **state)
{
    city *of = *state;
    assert_int_equal(city_command(of, "handoff.offered", 1, "{" THREE ",\"form\":\"joint\"}"), CH_OK);
    for (const char *letter = "pwu"; *letter != '\0'; letter++) {
        make_move(of, 1, *letter, 'a');
    }
    assert_refused(of, city_answer(of, "handoff.transferred", "water", 1, "{\"party\":\"power-supply\"}"),
                   CH_REFUSED, "handoff ZJ-20261123-1/h1 is with power-supply already");
    assert_int_equal(city_answer(of, "handoff.transferred", "water", 1, "{\"party\":\"environment\"}"),
                     CH_OK);
    assert_false(handoff(of, 1, 4)->lead);
    assert_int_equal(handoff(of, 1, 4)->group, 1);
    assert_string_equal(city_case(of, 1)->lead, "power-supply");
    assert_int_equal(city_answer(of, "handoff.transferred", "power-supply", 1, "{\"party\":\"health\"}"),
                     CH_OK);
    assert_true(handoff(of, 1, 5)->lead);
    assert_true(ch_str_is(said(of, 1, "lead"), "health"));
    assert_string_equal(city_case(of, 1)->lead, "health");
}

static void goes_on_with_a_sequence_whose_candidate_passed_it_on(void **state)
{
    city *of = *state;
    assert_int_equal(city_command(of, "handoff.offered", 1, "{" THREE ",\"form\":\"sequence\"}"), CH_OK);
    make_move(of, 1, 'p', 'a');
    assert_int_equal(city_answer(of, "handoff.transferred", "power-supply", 1, "{\"party\":\"health\"}"),
                     CH_OK);
    assert_int_equal(city_answer(of, "handoff.rejected", "health", 1, NULL), CH_OK);
    assert_types(of, "*handoff.rejected handoff.offered");
    assert_string_equal(handoff(of, 1, 3)->party, "water");
    assert_int_equal(city_case(of, 1)->candidate_count, 1);
}

static void tries_nobody_of_a_sequence_twice(void **state)
{
    city *of = *state;
    assert_int_equal(city_command(of, "handoff.offered", 1, "{" THREE ",\"form\":\"sequence\"}"), CH_OK);
    make_move(of, 1, 'p', 'a');
    assert_int_equal(city_answer(of, "handoff.transferred", "power-supply", 1, "{\"party\":\"water\"}"),
                     CH_OK);
    make_move(of, 1, 'w', 'r');
    assert_string_equal(handoff(of, 1, 3)->party, "urban-mgmt");
    assert_int_equal(city_case(of, 1)->candidate_count, 0);
}

static void does_not_wait_for_who_is_only_informed(void **state)
{
    city *of = *state;
    assert_int_equal(city_command(of, "handoff.offered", 1, "{\"party\":\"water\"}"), CH_OK);
    assert_int_equal(city_command(of, "handoff.offered", 1, "{\"party\":\"health\",\"form\":\"cc\"}"), CH_OK);
    assert_string_equal(city_case(of, 1)->lead, "water");
    make_move(of, 1, 'w', 'c');
    assert_types(of, "*handoff.completed case.resolved handoff.withdrawn");
    assert_int_equal(handoff(of, 1, 2)->state, CH_HANDOFF_WITHDRAWN);
}

/* ---- arbitration */

static void tries_no_further_candidate_after_so_many_refusals(void **state)
{
    city *of = *state;
    of->rules->rejection_limit = 2;
    assert_int_equal(city_command(of, "handoff.offered", 1, "{" THREE ",\"form\":\"sequence\"}"), CH_OK);
    make_move(of, 1, 'p', 'r');
    make_move(of, 1, 'w', 'r');
    assert_true(handoff(of, 1, 3)->arbitration);
    assert_string_equal(city_case(of, 1)->lead, "power-supply");
    /* A new cycle counts anew. */
    assert_int_equal(city_command(of, "case.cancelled", 1, NULL), CH_OK);
    assert_int_equal(city_command(of, "case.reopened", 1, NULL), CH_OK);
    assert_int_equal(city_command(of, "handoff.offered", 1, "{" THREE ",\"form\":\"sequence\"}"), CH_OK);
    make_move(of, 1, 'p', 'r');
    assert_string_equal(handoff(of, 1, 5)->party, "water");
}

static void asks_the_supervisor_although_somebody_has_it_after_so_many_refusals(void **state)
{
    city *of = *state;
    of->rules->rejection_limit = 2;
    assert_int_equal(city_command(of, "handoff.offered", 1, "{\"party\":\"urban-mgmt\"}"), CH_OK);
    assert_int_equal(city_command(of, "handoff.offered", 1, "{\"party\":\"power-supply\"}"), CH_OK);
    assert_int_equal(city_command(of, "handoff.offered", 1, "{\"party\":\"water\"}"), CH_OK);
    make_move(of, 1, 'p', 'r');
    assert_types(of, "*handoff.rejected");
    make_move(of, 1, 'w', 'r');
    assert_types(of, "*handoff.rejected handoff.offered");
    assert_true(handoff(of, 1, 4)->arbitration);
    assert_string_equal(city_case(of, 1)->lead, "urban-mgmt");
}

static void gives_the_case_to_whom_the_verdict_names(void **state)
{
    city *of = *state;
    assert_int_equal(city_command(of, "handoff.offered", 1, "{\"party\":\"water\"}"), CH_OK);
    assert_int_equal(city_command(of, "handoff.offered", 1, "{\"party\":\"health\",\"form\":\"cc\"}"), CH_OK);
    make_move(of, 1, 'w', 'r');
    assert_refused(of, city_answer(of, "case.arbitrated", "water", 1, "{\"party\":\"police\"}"), CH_DENIED,
                   "case ZJ-20261123-1 is before no party of client for arbitration");
    assert_refused(of, city_answer(of, "case.arbitrated", "city-supervision", 1, "{}"), CH_INVALID,
                   "a verdict names the party that gets it");
    assert_refused(of, city_answer(of, "case.arbitrated", "city-supervision", 1, "{\"party\":\"moon-base\"}"),
                   CH_NOT_FOUND, "there is no party moon-base");
    assert_int_equal(city_answer(of, "case.arbitrated", "city-supervision", 1, "{\"party\":\"urban-mgmt\"}"),
                     CH_OK);
    assert_types(of, "*case.arbitrated handoff.completed handoff.offered");
    assert_int_equal(handoff(of, 1, 2)->state, CH_HANDOFF_OFFERED);
    assert_int_equal(handoff(of, 1, 3)->state, CH_HANDOFF_COMPLETED);
    assert_string_equal(handoff(of, 1, 4)->party, "urban-mgmt");
    assert_string_equal(handoff(of, 1, 4)->from, "city-supervision");
    assert_int_equal(handoff(of, 1, 4)->previous, 3);
    assert_string_equal(city_case(of, 1)->lead, "urban-mgmt");
    make_move(of, 1, 'u', 'c');
    assert_int_equal(city_case(of, 1)->state, CH_CASE_RESOLVED);
}

static void takes_the_case_from_all_others_by_a_verdict_that_nobody_asked_for(void **state)
{
    city *of = *state;
    assert_int_equal(city_command(of, "handoff.offered", 1, "{" THREE ",\"form\":\"parallel\"}"), CH_OK);
    assert_int_equal(city_command(of, "handoff.offered", 1, "{\"party\":\"police\"}"), CH_OK);
    assert_int_equal(city_command(of, "case.arbitrated", 1, "{\"party\":\"police\"}"), CH_OK);
    assert_types(of, "*case.arbitrated handoff.withdrawn handoff.withdrawn handoff.withdrawn");
    assert_int_equal(handoff(of, 1, 4)->state, CH_HANDOFF_OFFERED);
    assert_string_equal(city_case(of, 1)->lead, "police");
    assert_int_equal(city_command(of, "case.arbitrated", 1, "{\"party\":\"water\"}"), CH_OK);
    assert_types(of, "*case.arbitrated handoff.withdrawn handoff.offered");
    assert_string_equal(city_case(of, 1)->lead, "water");
}

static void lets_a_parallel_rescue_go_on_when_it_is_decided_who_does_the_rest(void **state)
{
    city *of = *state;
    assert_int_equal(city_command(of, "handoff.offered", 1, "{" THREE ",\"form\":\"parallel\"}"), CH_OK);
    make_move(of, 1, 'w', 'a');
    make_move(of, 1, 'p', 'r');
    assert_true(handoff(of, 1, 4)->arbitration);
    assert_int_equal(city_answer(of, "case.arbitrated", "city-supervision", 1, "{\"party\":\"police\"}"),
                     CH_OK);
    assert_types(of, "*case.arbitrated handoff.completed handoff.offered");
    assert_int_equal(handoff(of, 1, 2)->state, CH_HANDOFF_ACCEPTED);
    assert_int_equal(handoff(of, 1, 3)->state, CH_HANDOFF_OFFERED);
    assert_string_equal(handoff(of, 1, 5)->party, "police");
    /* What the group misses is the other's now: nobody is asked again, whoever ends first or last. */
    assert_int_equal(city_command(of, "handoff.completed", 1, "{\"party\":\"water\"}"), CH_OK);
    assert_types(of, "*handoff.completed");
    assert_int_equal(city_answer(of, "handoff.accepted", "police", 1, "{}"), CH_OK);
    assert_int_equal(city_answer(of, "handoff.completed", "police", 1, "{\"handoff\":\"ZJ-20261123-1/h5\"}"),
                     CH_OK);
    assert_types(of, "*handoff.completed");
    make_move(of, 1, 'u', 'c');
    assert_int_equal(city_case(of, 1)->state, CH_CASE_RESOLVED);
}

static void lets_a_case_wait_on_although_another_party_begins(void **state)
{
    city *of = *state;
    assert_int_equal(city_command(of, "handoff.offered", 1, "{\"party\":\"water\"}"), CH_OK);
    assert_int_equal(city_command(of, "handoff.accepted", 1, "{\"party\":\"water\"}"), CH_OK);
    assert_int_equal(city_command(of, "handoff.offered", 1, "{\"party\":\"police\"}"), CH_OK);
    assert_int_equal(city_command(of, "handoff.accepted", 1, "{\"party\":\"police\"}"), CH_OK);
    assert_int_equal(city_command(of, "case.assigned", 1, "{\"party\":\"water\"}"), CH_OK);
    assert_int_equal(city_command(of, "case.waiting", 1, "{\"reason\":\"citizen\"}"), CH_OK);
    assert_int_equal(city_command(of, "handoff.started", 1, "{\"party\":\"police\"}"), CH_OK);
    assert_types(of, "*handoff.started");
    assert_int_equal(city_case(of, 1)->state, CH_CASE_WAITING);
    assert_int_equal(city_command(of, "handoff.started", 1, "{\"party\":\"water\"}"), CH_OK);
    assert_int_equal(city_case(of, 1)->state, CH_CASE_IN_PROGRESS);
}

static void asks_again_only_when_the_first_question_is_answered(void **state)
{
    city *of = *state;
    assert_int_equal(city_command(of, "handoff.offered", 1, "{" THREE ",\"form\":\"parallel\"}"), CH_OK);
    make_move(of, 1, 'p', 'r');
    assert_types(of, "*handoff.rejected handoff.offered");
    make_move(of, 1, 'w', 'r');
    assert_types(of, "*handoff.rejected");
    assert_int_equal(city_case(of, 1)->handoff_count, 4);
}

/* ---- limits */

static void has_room_for_so_many_groups(void **state)
{
    city *of = *state;
    for (unsigned i = 0; i < CH_GROUPS_MAX; i++) {
        assert_int_equal(city_command(of, "handoff.offered", 1, "{\"party\":\"health\",\"form\":\"cc\"}"),
                         CH_OK);
    }
    assert_int_equal(city_command(of, "handoff.offered", 1, "{\"party\":\"health\",\"form\":\"cc\"}"),
                     CH_FULL);
    assert_int_equal(city_command(of, "handoff.offered", 1, "{\"party\":\"health\"}"), CH_OK);
}

/* An offer to as many of the city's parties as a group may have, with more in its data; how many they are. */
static size_t format_offer_to_all(const city *of, const char *more, char *out, size_t size)
{
    size_t count = 0;
    int used = snprintf(out, size, "{%s\"form\":\"parallel\",\"need\":\"any\",\"parties\":[", more);
    for (; count < of->rules->party_count && count < CH_GROUP_MEMBERS_MAX; count++) {
        used += snprintf(out + used, size - (size_t)used, "%s\"%s\"", count == 0 ? "" : ",",
                         of->rules->parties[count].code);
    }
    used += snprintf(out + used, size - (size_t)used, "]}");
    assert_true((size_t)used < size);
    return count;
}

/* Each member's event says it again. */
static void refuses_what_is_too_large_for_all_members_together(void **state)
{
    city *of = *state;
    static char more[160 * 1024], data[sizeof more + 2048];
    snprintf(more, sizeof more, "\"text\":\"%0*d\",", (int)sizeof more - 16, 0);
    format_offer_to_all(of, more, data, sizeof data);
    assert_refused(of, city_command(of, "handoff.offered", 1, data), CH_TOO_LARGE,
                   "what follows from handoff.offered is too large together");
    assert_string_equal(of->error.where, "data");
    assert_int_equal(city_command(of, "handoff.offered", 1, "{\"party\":\"health\"}"), CH_OK);
}

static void has_room_for_as_many_members_as_the_city_has_parties(void **state)
{
    city *of = *state;
    char data[2048], party[2 * CH_CODE_MAX];
    size_t count = format_offer_to_all(of, "", data, sizeof data);
    snprintf(party, sizeof party, "{\"party\":\"%s\"}", of->rules->parties[0].code);
    assert_int_equal(city_command(of, "handoff.offered", 1, data), CH_OK);
    assert_int_equal(of->decision->count, count);
    assert_int_equal(city_command(of, "handoff.accepted", 1, party), CH_OK);
    assert_int_equal(city_command(of, "handoff.completed", 1, party), CH_OK);
    assert_int_equal(of->decision->count, count + 1);
    assert_int_equal(city_case(of, 1)->state, CH_CASE_RESOLVED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(refuses_offers_that_make_no_group),
        TEST(makes_one_event_for_each_member),
        TEST(puts_the_lead_first),
        TEST(remembers_whom_a_sequence_tries_next),
        TEST(offers_to_all_whom_a_route_names),
        TEST(gives_each_candidate_as_much_time_as_the_first_had),
        cmocka_unit_test(ends_as_its_members_do),
        TEST(lets_the_lead_complete_last),
        TEST(leaves_a_case_with_the_lead_when_its_system_says_that_all_is_done),
        TEST(keeps_one_lead_when_members_pass_their_part_on),
        TEST(goes_on_with_a_sequence_whose_candidate_passed_it_on),
        TEST(tries_nobody_of_a_sequence_twice),
        TEST(does_not_wait_for_who_is_only_informed),
        TEST(tries_no_further_candidate_after_so_many_refusals),
        TEST(asks_the_supervisor_although_somebody_has_it_after_so_many_refusals),
        TEST(gives_the_case_to_whom_the_verdict_names),
        TEST(takes_the_case_from_all_others_by_a_verdict_that_nobody_asked_for),
        TEST(lets_a_case_wait_on_although_another_party_begins),
        TEST(lets_a_parallel_rescue_go_on_when_it_is_decided_who_does_the_rest),
        TEST(asks_again_only_when_the_first_question_is_answered),
        TEST(has_room_for_so_many_groups),
        TEST(refuses_what_is_too_large_for_all_members_together),
        TEST(has_room_for_as_many_members_as_the_city_has_parties),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
