/* A case that was merged into another: what ends, and where everything that is said of it goes. */
#include "tests/unit/check.h"
#include "tests/unit/model/city.h"

#include <stdio.h>
#include <stdlib.h>

#define A 1
#define B 2
#define C 3

static int start(void **state)
{
    city *of = malloc(sizeof *of);
    assert_non_null(of);
    city_start(of);
    assert_int_equal(city_open(of, "grid/zs-01", "81", NULL), CH_OK);
    assert_int_equal(city_open(of, "forum/zh", "82", NULL), CH_OK);
    assert_int_equal(city_open(of, "hotline/81890", "83", NULL), CH_OK);
    *state = of;
    return 0;
}

static int stop(void **state)
{
    city_stop(*state);
    free(*state);
    return 0;
}

static ch_status say(city *of, const char *type, const char *field, uint64_t number, uint64_t other,
                     const char *more)
{
    char data[160];
    snprintf(data, sizeof data, "{\"%s\":\"%s\"%s}", field, city_case(of, other)->id, more);
    return city_command(of, type, number, data);
}

static ch_status merge(city *of, uint64_t number, uint64_t into)
{
    return say(of, "case.merged", "into", number, into, "");
}

static ch_status make_parent(city *of, uint64_t number, uint64_t parent)
{
    return say(of, "case.linked", "other", number, parent, ",\"relation\":\"parent\"");
}

static void refuses_merges_that_lead_nowhere(void **state)
{
    city *of = *state;
    assert_refused(of, city_command(of, "case.merged", A, "{\"into\":\"ZJ-20261123-99\"}"), CH_NOT_FOUND,
                   "there is no case ZJ-20261123-99");
    assert_string_equal(of->error.where, "data.into");
    assert_refused(of, merge(of, A, A), CH_REFUSED, "case ZJ-20261123-1 is this one");
    assert_int_equal(city_command(of, "case.cancelled", B, NULL), CH_OK);
    assert_refused(of, merge(of, A, B), CH_REFUSED,
                   "case ZJ-20261123-2 is cancelled: nothing can be merged into it");
    assert_refused(of, merge(of, B, A), CH_REFUSED,
                   "case.merged is not legal in state cancelled (version 4)");
    assert_int_equal(city_case(of, A)->state, CH_CASE_RECEIVED);
}

static void ends_the_case_and_its_handoffs_and_tells_the_other(void **state)
{
    city *of = *state;
    assert_int_equal(city_command(of, "handoff.offered", A,
                                  "{\"parties\":[\"water\",\"urban-mgmt\"],\"form\":\"parallel\"}"),
                     CH_OK);
    uint32_t version = city_case(of, B)->version;
    assert_int_equal(merge(of, A, B), CH_OK);
    assert_types(of, "*case.merged handoff.withdrawn handoff.withdrawn case.linked");
    const ch_case *merged = city_case(of, A), *target = city_case(of, B);
    assert_int_equal(merged->state, CH_CASE_MERGED);
    assert_int_equal(merged->merged_into, B);
    assert_int_equal(merged->link_count, 0);
    for (uint32_t i = 1; i <= 2; i++) {
        assert_int_equal(ch_case_handoff(merged, i)->state, CH_HANDOFF_WITHDRAWN);
        assert_string_equal(ch_case_handoff(merged, i)->reason, "merged");
    }
    assert_int_equal(target->state, CH_CASE_RECEIVED);
    assert_int_equal(target->version, version + 1);
    assert_int_equal(ch_case_link(target, A)->relation, CH_RELATION_MERGED);
    assert_refused(of, say(of, "case.unlinked", "other", B, A, ""), CH_REFUSED,
                   "case ZJ-20261123-1 was merged into ZJ-20261123-2, and stays so");
}

static void takes_the_place_of_a_link_between_the_two(void **state)
{
    city *of = *state;
    assert_int_equal(make_parent(of, B, A), CH_OK);
    assert_int_equal(merge(of, A, B), CH_OK);
    assert_int_equal(city_case(of, A)->link_count, 0);
    assert_int_equal(city_case(of, B)->link_count, 1);
    assert_int_equal(ch_case_link(city_case(of, B), A)->relation, CH_RELATION_MERGED);
    assert_null(ch_case_parent(city_case(of, B)));
}

static void refuses_a_merge_that_would_put_a_case_above_itself(void **state)
{
    city *of = *state;
    assert_int_equal(make_parent(of, A, B), CH_OK);
    assert_int_equal(make_parent(of, B, C), CH_OK);
    assert_refused(of, merge(of, C, A), CH_REFUSED, "case ZJ-20261123-3 would stand above itself");
    assert_int_equal(merge(of, B, C), CH_OK);
    assert_refused(of, make_parent(of, C, A), CH_REFUSED, "case ZJ-20261123-3 would stand above itself");
}

static void refuses_commands_on_it_and_names_the_new_one(void **state)
{
    city *of = *state;
    assert_int_equal(merge(of, A, B), CH_OK);
    assert_int_equal(merge(of, B, C), CH_OK);
    assert_refused(of, city_command(of, "case.noted", A, "{\"text\":\"still smells\"}"), CH_REFUSED,
                   "case ZJ-20261123-1 was merged into ZJ-20261123-3");
    assert_int_equal(of->decision->present_state, CH_CASE_MERGED);
    assert_refused(of, city_command(of, "case.reopened", A, NULL), CH_REFUSED,
                   "case ZJ-20261123-1 was merged into ZJ-20261123-3");
    assert_refused(of, city_command(of, "handoff.offered", A, "{\"party\":\"water\"}"), CH_REFUSED,
                   "case ZJ-20261123-1 was merged into ZJ-20261123-3");
    assert_refused(of, merge(of, A, C), CH_REFUSED, "case ZJ-20261123-1 was merged into ZJ-20261123-3");
}

static void goes_to_the_last_of_several_and_never_in_a_circle(void **state)
{
    city *of = *state;
    assert_int_equal(merge(of, A, B), CH_OK);
    assert_refused(of, merge(of, B, A), CH_REFUSED, "case ZJ-20261123-2 is this one");
    assert_int_equal(merge(of, C, A), CH_OK);
    assert_int_equal(city_case(of, C)->merged_into, B);
    assert_true(ch_str_is(ch_mp_find_str(city_event(of, 0)->data, "into"), city_case(of, B)->id));
    assert_int_equal(city_open(of, "grid/zs-01", "84", NULL), CH_OK);
    assert_int_equal(say(of, "case.linked", "other", 4, A, ""), CH_OK);
    assert_non_null(ch_case_link(city_case(of, 4), B));
    assert_int_equal(city_case(of, B)->merge_depth, 1);
}

static void refuses_to_merge_too_many_into_one_another(void **state)
{
    city *of = *state;
    char ref[16];
    ch_status status = CH_OK;
    for (unsigned i = 0; i <= CH_MERGES_DEEP; i++) {
        snprintf(ref, sizeof ref, "more-%u", i);
        assert_int_equal(city_open(of, "grid/zs-01", ref, NULL), CH_OK);
        status = merge(of, i == 0 ? A : of->case_count - 1, of->case_count);
        assert_int_equal(status, i < CH_MERGES_DEEP ? CH_OK : CH_REFUSED);
    }
    assert_non_null(strstr(of->error.text, "8 cases in a row were merged into case ZJ-20261123-11"));
    assert_int_equal(merge(of, of->case_count, A), CH_OK);
    assert_int_equal(city_case(of, of->case_count)->merged_into, of->case_count - 1);
    assert_int_equal(city_observe(of, "case.noted", A, NULL), CH_OK);
    assert_true(ch_str_is(city_event(of, 0)->subject, city_case(of, of->case_count - 1)->id));
}

static void notes_what_its_system_still_reports_on_the_other_case(void **state)
{
    city *of = *state;
    assert_int_equal(merge(of, A, B), CH_OK);
    uint32_t version = city_case(of, A)->version;
    static const char *const types[] = {"case.closed", "case.opened", "case.noted", "case.replied"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        const ch_event event = {.type = ch_str_of(types[i]),
                                .source = CH_STR("grid/zs-01"),
                                .ref = CH_STR("81"),
                                .data = city_json(of, "{\"text\":\"gone\"}")};
        assert_int_equal(city_publish(of, CH_ROLE_CONNECTOR, NULL, event), CH_OK);
        assert_types(of, "*case.noted");
        const ch_event *told = city_event(of, 0);
        assert_true(ch_str_is(told->subject, city_case(of, B)->id));
        assert_true(ch_str_is(ch_mp_find_str(told->data, "reported"), types[i]));
        assert_true(ch_str_is(ch_mp_find_str(told->data, "merged"), city_case(of, A)->id));
        assert_true(ch_str_is(ch_mp_find_str(told->data, "text"), "gone"));
    }
    assert_int_equal(city_observe(of, "handoff.accepted", A, "{\"party\":\"water\"}"), CH_OK);
    assert_types(of, "*case.noted");
    assert_int_equal(city_case(of, A)->version, version);
    assert_int_equal(city_case(of, B)->state, CH_CASE_RECEIVED);
    assert_int_equal(city_case(of, B)->anomalous_count, 0);
    assert_refused(of, city_command(of, "case.noted", B, "{\"reported\":\"case.closed\"}"), CH_INVALID,
                   "only the hub sets it");
}

static void lets_only_its_own_system_report_under_its_number(void **state)
{
    city *of = *state;
    assert_int_equal(merge(of, A, B), CH_OK);
    const ch_event event = {.type = CH_STR("case.noted"),
                            .source = CH_STR("emergency/110"),
                            .subject = ch_str_of(city_case(of, A)->id)};
    assert_refused(of, city_publish(of, CH_ROLE_CONNECTOR, NULL, event), CH_DENIED,
                   "case ZJ-20261123-1 is with no party of client");
}

static void is_too_late_for_the_hubs_own_reports(void **state)
{
    city *of = *state;
    char data[80];
    assert_int_equal(city_command(of, "handoff.offered", A, "{\"party\":\"water\"}"), CH_OK);
    assert_int_equal(merge(of, A, B), CH_OK);
    snprintf(data, sizeof data, "{\"handoff\":\"%s/h1\"}", city_case(of, A)->id);
    assert_int_equal(city_report(of, "handoff.delivered", A, data), CH_CONFLICT);
    assert_int_equal(city_report(of, "handoff.expired", A, data), CH_CONFLICT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(refuses_merges_that_lead_nowhere, start, stop),
        cmocka_unit_test_setup_teardown(ends_the_case_and_its_handoffs_and_tells_the_other, start, stop),
        cmocka_unit_test_setup_teardown(takes_the_place_of_a_link_between_the_two, start, stop),
        cmocka_unit_test_setup_teardown(refuses_a_merge_that_would_put_a_case_above_itself, start, stop),
        cmocka_unit_test_setup_teardown(refuses_commands_on_it_and_names_the_new_one, start, stop),
        cmocka_unit_test_setup_teardown(goes_to_the_last_of_several_and_never_in_a_circle, start, stop),
        cmocka_unit_test_setup_teardown(refuses_to_merge_too_many_into_one_another, start, stop),
        cmocka_unit_test_setup_teardown(notes_what_its_system_still_reports_on_the_other_case, start, stop),
        cmocka_unit_test_setup_teardown(lets_only_its_own_system_report_under_its_number, start, stop),
        cmocka_unit_test_setup_teardown(is_too_late_for_the_hubs_own_reports, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
