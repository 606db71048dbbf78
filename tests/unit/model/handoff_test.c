/* Handoffs: the story, whose word counts, two answers, arbitration, transfers. */
#include "tests/unit/check.h"
#include "tests/unit/model/city.h"

#define H1 "\"handoff\":\"ZJ-20261123-1/h1\""

static int start(void **state)
{
    static city of;
    city_start(&of);
    assert_int_equal(city_open(&of, "grid/zs-01", "81", "{\"category\":\"power.trip\"}"), CH_OK);
    *state = &of;
    return 0;
}

static int stop(void **state)
{
    city_stop(*state);
    return 0;
}

static const ch_handoff *handoff(const city *of, uint32_t index)
{
    const ch_handoff *found = ch_case_handoff(city_case(of, 1), index);
    assert_non_null(found);
    return found;
}

static void goes_from_the_offer_to_the_closed_case(void **state)
{
    city *of = *state;
    static const struct {
        const char *type, *data, *types;
        ch_role role;
        ch_case_state after;
    } story[] = {
        {"handoff.delivered", "{" H1 "}", "*handoff.delivered", CH_ROLE_HUB, CH_CASE_RECEIVED},
        {"handoff.accepted", "{" H1 "}", "*handoff.accepted case.accepted case.assigned", CH_ROLE_DEPARTMENT,
         CH_CASE_ASSIGNED},
        {"handoff.started", "{" H1 "}", "*handoff.started case.progressed", CH_ROLE_DEPARTMENT,
         CH_CASE_IN_PROGRESS},
        {"handoff.completed", "{" H1 ",\"text\":\"fuse\"}", "*handoff.completed case.resolved",
         CH_ROLE_DEPARTMENT, CH_CASE_RESOLVED},
        {"case.feedback", "{\"score\":5,\"satisfied\":true}", "*case.feedback case.closed", CH_ROLE_CONNECTOR,
         CH_CASE_CLOSED},
    };
    for (size_t i = 0; i < sizeof story / sizeof *story; i++) {
        of->now_ms += 60000;
        ch_status status = story[i].role == CH_ROLE_HUB ? city_report(of, story[i].type, 1, story[i].data)
                           : story[i].role == CH_ROLE_DEPARTMENT
                               ? city_answer(of, story[i].type, "power-supply", 1, story[i].data)
                               : city_observe(of, story[i].type, 1, story[i].data);
        assert_int_equal(status, CH_OK);
        assert_types(of, story[i].types);
        assert_int_equal(city_case(of, 1)->state, story[i].after);
        assert_string_equal(city_case(of, 1)->lead, "power-supply");
    }
    const ch_handoff *done = handoff(of, 1);
    assert_int_equal(done->state, CH_HANDOFF_COMPLETED);
    assert_int_equal(done->delivered_ms, CITY_START_MS + 60000);
    assert_int_equal(done->accepted_ms, CITY_START_MS + 120000);
    assert_int_equal(done->started_ms, CITY_START_MS + 180000);
    assert_int_equal(done->ended_ms, CITY_START_MS + 240000);
    assert_int_equal(city_case(of, 1)->feedback_score, 5);
    assert_int_equal(city_case(of, 1)->feedback_satisfied, 1);
    assert_int_equal(city_case(of, 1)->step_count, 7);
}

static void finds_the_handoff_by_its_party_when_no_id_is_given(void **state)
{
    city *of = *state;
    assert_int_equal(city_answer(of, "handoff.accepted", "power-supply", 1, NULL), CH_OK);
    assert_true(ch_str_is(ch_mp_find_str(city_event(of, 0)->data, "handoff"), "ZJ-20261123-1/h1"));
    assert_true(ch_str_is(ch_mp_find_str(city_event(of, 0)->data, "party"), "power-supply"));
}

static void finds_the_case_by_the_handoff(void **state)
{
    city *of = *state;
    ch_event event = {.type = CH_STR("handoff.accepted"), .data = city_json(of, "{" H1 "}")};
    assert_int_equal(city_publish(of, CH_ROLE_DEPARTMENT, "power-supply", event), CH_OK);
    event.data = city_json(of, "{\"handoff\":\"ZJ-20261123-9/h1\"}");
    assert_int_equal(city_publish(of, CH_ROLE_DEPARTMENT, "power-supply", event), CH_NOT_FOUND);
}

static void refuses_the_second_answer(void **state)
{
    city *of = *state;
    assert_int_equal(city_answer(of, "handoff.accepted", "power-supply", 1, "{" H1 "}"), CH_OK);
    assert_refused(of, city_answer(of, "handoff.accepted", "power-supply", 1, "{" H1 "}"), CH_CONFLICT,
                   "handoff ZJ-20261123-1/h1 is already accepted (case in state assigned, version 5)");
    assert_refused(of, city_answer(of, "handoff.rejected", "power-supply", 1, "{" H1 "}"), CH_CONFLICT,
                   "handoff ZJ-20261123-1/h1 is already accepted (case in state assigned, version 5)");
    assert_int_equal(of->decision->present_version, 5);
}

static void refuses_to_complete_what_was_not_accepted(void **state)
{
    city *of = *state;
    assert_refused(
        of, city_answer(of, "handoff.completed", "power-supply", 1, "{" H1 "}"), CH_REFUSED,
        "handoff.completed is not legal for handoff ZJ-20261123-1/h1 in state offered (case version 2)");
}

static void denies_another_party_s_handoff(void **state)
{
    city *of = *state;
    assert_int_equal(city_command(of, "handoff.offered", 1, "{\"party\":\"water\"}"), CH_OK);
    assert_refused(of, city_answer(of, "handoff.accepted", "water", 1, "{" H1 "}"), CH_DENIED,
                   "handoff.accepted of handoff ZJ-20261123-1/h1 is up to power-supply");
    assert_refused(of, city_answer(of, "handoff.accepted", "power-supply", 1, "{" H1 ",\"party\":\"water\"}"),
                   CH_DENIED, "handoff ZJ-20261123-1/h1 is with power-supply, not with water");
}

static void lets_an_operator_act_for_the_receiver(void **state)
{
    city *of = *state;
    assert_int_equal(city_command(of, "handoff.accepted", 1, "{" H1 ",\"party\":\"power-supply\"}"), CH_OK);
    assert_refused(of, city_command(of, "handoff.started", 1, "{" H1 ",\"party\":\"water\"}"), CH_DENIED,
                   "handoff ZJ-20261123-1/h1 is with power-supply, not with water");
}

static void lets_only_the_hub_report_a_delivery(void **state)
{
    city *of = *state;
    assert_refused(of, city_command(of, "handoff.delivered", 1, "{" H1 "}"), CH_DENIED,
                   "only the hub itself reports handoff.delivered");
    assert_int_equal(city_report(of, "handoff.delivered", 1, "{" H1 "}"), CH_OK);
    assert_int_equal(city_report(of, "handoff.delivered", 1, "{" H1 "}"), CH_CONFLICT);
    assert_int_equal(city_answer(of, "handoff.accepted", "power-supply", 1, "{" H1 "}"), CH_OK);
    assert_int_equal(city_report(of, "handoff.delivered", 1, "{" H1 "}"), CH_CONFLICT);
}

static void refuses_unknown_handoffs_and_parties(void **state)
{
    city *of = *state;
    assert_refused(of, city_command(of, "handoff.accepted", 1, "{\"handoff\":\"ZJ-20261123-1/h2\"}"),
                   CH_NOT_FOUND, "case ZJ-20261123-1 has no such handoff");
    assert_refused(of, city_command(of, "handoff.accepted", 1, "{\"handoff\":\"ZJ-20261123-7/h1\"}"),
                   CH_INVALID, "ZJ-20261123-7/h1 is no handoff of case ZJ-20261123-1");
    assert_refused(of, city_command(of, "handoff.offered", 1, "{\"party\":\"moon-base\"}"), CH_NOT_FOUND,
                   "there is no party moon-base");
    assert_refused(of, city_command(of, "handoff.offered", 1, "{}"), CH_INVALID,
                   "handoff.offered needs a party to go to");
    assert_refused(of, city_command(of, "handoff.offered", 1, "{\"party\":\"water\"," H1 "}"), CH_INVALID,
                   "the hub numbers handoffs");
}

static void asks_the_supervisor_when_the_only_receiver_rejects(void **state)
{
    city *of = *state;
    assert_int_equal(
        city_answer(of, "handoff.rejected", "power-supply", 1, "{" H1 ",\"reason\":\"not-ours\"}"), CH_OK);
    assert_types(of, "*handoff.rejected handoff.offered");
    assert_string_equal(handoff(of, 1)->reason, "not-ours");
    assert_string_equal(handoff(of, 2)->party, "city-supervision");
    assert_string_equal(handoff(of, 2)->reason, "arbitration");
    assert_int_equal(handoff(of, 2)->previous, 1);
    assert_true(handoff(of, 2)->arbitration);
    assert_string_equal(city_case(of, 1)->lead, "power-supply");
    assert_int_equal(city_answer(of, "handoff.rejected", "city-supervision", 1, NULL), CH_OK);
    assert_types(of, "*handoff.rejected");
    assert_string_equal(city_case(of, 1)->lead, "power-supply");
}

static void asks_nobody_while_another_receiver_has_it(void **state)
{
    city *of = *state;
    assert_int_equal(city_command(of, "handoff.offered", 1, "{\"party\":\"water\"}"), CH_OK);
    assert_string_equal(city_case(of, 1)->lead, "water");
    assert_int_equal(city_answer(of, "handoff.rejected", "water", 1, NULL), CH_OK);
    assert_types(of, "*handoff.rejected");
    assert_string_equal(city_case(of, 1)->lead, "power-supply");
}

static void resolves_only_when_the_last_open_handoff_completes(void **state)
{
    city *of = *state;
    assert_int_equal(city_command(of, "handoff.offered", 1, "{\"party\":\"water\"}"), CH_OK);
    assert_int_equal(city_answer(of, "handoff.accepted", "water", 1, NULL), CH_OK);
    assert_int_equal(city_answer(of, "handoff.completed", "water", 1, NULL), CH_OK);
    assert_types(of, "*handoff.completed");
    assert_int_equal(city_answer(of, "handoff.accepted", "power-supply", 1, NULL), CH_OK);
    assert_types(of, "*handoff.accepted");
    assert_int_equal(city_answer(of, "handoff.completed", "power-supply", 1, NULL), CH_OK);
    assert_types(of, "*handoff.completed case.resolved");
}

static void passes_a_transferred_handoff_on(void **state)
{
    city *of = *state;
    assert_int_equal(city_command(of, "handoff.extended", 1, "{" H1 ",\"due\":1795500000000}"), CH_OK);
    assert_int_equal(city_answer(of, "handoff.accepted", "power-supply", 1, NULL), CH_OK);
    assert_refused(of,
                   city_answer(of, "handoff.transferred", "power-supply", 1, "{\"party\":\"power-supply\"}"),
                   CH_REFUSED, "handoff ZJ-20261123-1/h1 is with power-supply already");
    assert_int_equal(city_answer(of, "handoff.transferred", "power-supply", 1,
                                 "{\"party\":\"urban-mgmt\",\"reason\":\"lamp\"}"),
                     CH_OK);
    assert_types(of, "*handoff.transferred handoff.offered");
    assert_int_equal(handoff(of, 1)->state, CH_HANDOFF_TRANSFERRED);
    assert_int_equal(handoff(of, 2)->previous, 1);
    assert_int_equal(handoff(of, 2)->due_ms, INT64_C(1795500000000));
    assert_string_equal(handoff(of, 2)->from, "power-supply");
    assert_string_equal(handoff(of, 2)->reason, "lamp");
    assert_string_equal(city_case(of, 1)->lead, "urban-mgmt");
}

static void stops_passing_on_at_the_hop_limit(void **state)
{
    city *of = *state;
    const char *parties[] = {"power-supply", "water"},
               *targets[] = {"{\"party\":\"power-supply\"}", "{\"party\":\"water\"}"};
    for (unsigned i = 0; i < 7; i++) {
        assert_int_equal(city_answer(of, "handoff.accepted", parties[i % 2], 1, NULL), CH_OK);
        assert_int_equal(city_answer(of, "handoff.transferred", parties[i % 2], 1, targets[(i + 1) % 2]),
                         CH_OK);
    }
    assert_int_equal(city_answer(of, "handoff.accepted", "water", 1, NULL), CH_OK);
    assert_refused(of, city_answer(of, "handoff.transferred", "water", 1, targets[0]), CH_REFUSED,
                   "handoff ZJ-20261123-1/h8 was passed on 8 times already");
    assert_int_equal(city_answer(of, "handoff.returned", "water", 1, NULL), CH_OK);
    assert_types(of, "*handoff.returned handoff.offered");
    assert_string_equal(handoff(of, 9)->party, "city-supervision");
    assert_string_equal(city_case(of, 1)->lead, "power-supply");
}

static void withdraws_what_is_open_when_the_case_ends(void **state)
{
    city *of = *state;
    assert_int_equal(city_command(of, "handoff.offered", 1, "{\"party\":\"water\"}"), CH_OK);
    assert_int_equal(city_command(of, "case.cancelled", 1, "{\"reason\":\"by-citizen\"}"), CH_OK);
    assert_types(of, "*case.cancelled handoff.withdrawn handoff.withdrawn");
    assert_string_equal(handoff(of, 1)->reason, "cancelled");
    assert_int_equal(handoff(of, 2)->state, CH_HANDOFF_WITHDRAWN);
    assert_string_equal(city_case(of, 1)->lead, "water");
    assert_refused(of, city_command(of, "handoff.offered", 1, "{\"party\":\"water\"}"), CH_REFUSED,
                   "handoff.offered is not legal in state cancelled (version 6)");
}

static void lets_the_offerer_withdraw_extend_and_urge(void **state)
{
    city *of = *state;
    ch_event offer = {.type = CH_STR("handoff.offered"),
                      .subject = CH_STR("ZJ-20261123-1"),
                      .party = CH_STR("power-supply"),
                      .data = city_json(of, "{\"party\":\"water\",\"from\":\"court\"}")};
    assert_int_equal(city_publish(of, CH_ROLE_DEPARTMENT, "power-supply", offer), CH_OK);
    assert_string_equal(handoff(of, 2)->from, "power-supply");
    const char *h2 = "{\"handoff\":\"ZJ-20261123-1/h2\",\"due\":1795500000000}";
    assert_refused(of, city_answer(of, "handoff.urged", "water", 1, h2), CH_DENIED,
                   "handoff.urged of handoff ZJ-20261123-1/h2 is up to who offered it");
    assert_int_equal(city_answer(of, "handoff.urged", "power-supply", 1, h2), CH_OK);
    assert_int_equal(city_answer(of, "handoff.extended", "power-supply", 1, h2), CH_OK);
    assert_int_equal(handoff(of, 2)->urged, 1);
    assert_int_equal(handoff(of, 2)->due_ms, INT64_C(1795500000000));
    assert_int_equal(city_answer(of, "handoff.withdrawn", "power-supply", 1, h2), CH_OK);
    assert_string_equal(city_case(of, 1)->lead, "power-supply");
    assert_int_equal(city_answer(of, "handoff.urged", "power-supply", 1, h2), CH_REFUSED);
}

static void infers_what_a_receiver_s_system_did_not_say(void **state)
{
    city *of = *state;
    assert_int_equal(city_observe(of, "handoff.completed", 1, "{" H1 "}"), CH_OK);
    assert_types(of, "~handoff.accepted case.accepted case.assigned *handoff.completed case.resolved");
    assert_int_equal(city_observe(of, "handoff.accepted", 1, "{" H1 "}"), CH_OK);
    assert_types(of, "!*handoff.accepted");
    assert_int_equal(city_case(of, 1)->anomalous_count, 1);
    assert_int_equal(handoff(of, 1)->state, CH_HANDOFF_COMPLETED);
}

static void keeps_an_observed_handoff_that_is_not_there_as_anomalous(void **state)
{
    city *of = *state;
    assert_int_equal(city_observe(of, "handoff.accepted", 1, "{\"handoff\":\"ZJ-20261123-1/h7\"}"), CH_OK);
    assert_types(of, "!*handoff.accepted");
}

static void expires_by_the_hub_and_goes_up(void **state)
{
    city *of = *state;
    assert_int_equal(city_report(of, "handoff.expired", 1, "{" H1 "}"), CH_OK);
    assert_types(of, "*handoff.expired handoff.offered");
    assert_string_equal(handoff(of, 2)->party, "city-supervision");
}

static void has_room_for_so_many_handoffs(void **state)
{
    city *of = *state;
    for (unsigned i = 1; i < CH_HANDOFFS_MAX; i++) {
        assert_int_equal(city_command(of, "handoff.offered", 1, "{\"party\":\"water\"}"), CH_OK);
    }
    assert_int_equal(city_command(of, "handoff.offered", 1, "{\"party\":\"water\"}"), CH_FULL);
    assert_int_equal(city_command(of, "case.cancelled", 1, NULL), CH_RULE_LOOP);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(goes_from_the_offer_to_the_closed_case),
        TEST(finds_the_handoff_by_its_party_when_no_id_is_given),
        TEST(finds_the_case_by_the_handoff),
        TEST(refuses_the_second_answer),
        TEST(refuses_to_complete_what_was_not_accepted),
        TEST(denies_another_party_s_handoff),
        TEST(lets_an_operator_act_for_the_receiver),
        TEST(lets_only_the_hub_report_a_delivery),
        TEST(refuses_unknown_handoffs_and_parties),
        TEST(asks_the_supervisor_when_the_only_receiver_rejects),
        TEST(asks_nobody_while_another_receiver_has_it),
        TEST(resolves_only_when_the_last_open_handoff_completes),
        TEST(passes_a_transferred_handoff_on),
        TEST(stops_passing_on_at_the_hop_limit),
        TEST(withdraws_what_is_open_when_the_case_ends),
        TEST(lets_the_offerer_withdraw_extend_and_urge),
        TEST(infers_what_a_receiver_s_system_did_not_say),
        TEST(keeps_an_observed_handoff_that_is_not_there_as_anomalous),
        TEST(expires_by_the_hub_and_goes_up),
        TEST(has_room_for_so_many_handoffs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
