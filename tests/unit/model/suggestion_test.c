/* Which cases a new one is likely the same as: said, and nothing more. */
#include "tests/unit/check.h"
#include "tests/unit/model/city.h"

#include <stdio.h>
#include <stdlib.h>

#define HERE "330902003001"
#define SMELL "{\"category\":\"smell.industrial\",\"title\":\"小区东侧厂房夜里排放刺鼻气味\"}"
#define DAY (INT64_C(24) * 3600 * 1000)

static int start(void **state)
{
    city *of = malloc(sizeof *of);
    assert_non_null(of);
    city_start(of);
    *state = of;
    return 0;
}

static int stop(void **state)
{
    city_stop(*state);
    free(*state);
    return 0;
}

/* The number of the new case. */
static uint64_t open_at(city *of, const char *area, const char *data, bool drill)
{
    char ref[16];
    snprintf(ref, sizeof ref, "r-%zu", of->case_count);
    const ch_event event = {.type = CH_STR("case.opened"),
                            .source = CH_STR("grid/zs-01"),
                            .ref = ch_str_of(ref),
                            .area = ch_str_of(area),
                            .test_mode = drill,
                            .data = city_json(of, data)};
    assert_int_equal(city_publish(of, CH_ROLE_CONNECTOR, NULL, event), CH_OK);
    return of->case_count;
}

static size_t suggestions(const city *of, uint64_t number)
{
    size_t count = 0;
    for (size_t i = 0; i < city_case(of, number)->link_count; i++) {
        count += city_case(of, number)->links[i].relation == CH_RELATION_SUGGESTED;
    }
    return count;
}

static void suggests_nothing_where_one_of_place_time_and_text_differs(void **state)
{
    city *of = *state;
    open_at(of, HERE, SMELL, false);
    assert_int_equal(suggestions(of, open_at(of, "330902003002", SMELL, false)), 0);
    assert_int_equal(suggestions(of, open_at(of, "330902", SMELL, false)), 0);
    assert_int_equal(suggestions(of, open_at(of, HERE, SMELL, true)), 0);
    assert_int_equal(suggestions(of, open_at(of, HERE,
                                             "{\"category\":\"water.leak\","
                                             "\"title\":\"小区东侧厂房夜里排放刺鼻气味\"}",
                                             false)),
                     0);
    assert_int_equal(
        suggestions(
            of,
            open_at(of, HERE, "{\"category\":\"smell.industrial\",\"title\":\"菜市场旁垃圾桶发臭\"}", false)),
        0);
    assert_int_equal(suggestions(of, open_at(of, HERE, "{\"category\":\"smell.industrial\"}", false)), 0);
    of->now_ms += 7 * DAY + 1;
    assert_int_equal(suggestions(of, open_at(of, HERE, SMELL, false)), 0);
}

static void suggests_what_is_told_alike_in_one_community(void **state)
{
    city *of = *state;
    open_at(of, HERE "007", SMELL, false);
    of->now_ms += 6 * DAY;
    uint64_t next = open_at(
        of, HERE, "{\"category\":\"smell\",\"title\":\"小区东侧厂房排放刺鼻气味\",\"text\":\"夜里没法开窗\"}",
        false);
    const ch_event *said = city_event(of, of->decision->count - 1);
    assert_true(ch_str_is(said->type, "case.suggested"));
    assert_true(ch_str_is(ch_mp_find_str(said->data, "other"), city_case(of, 1)->id));
    int64_t score = ch_mp_find_int(said->data, "score", 0);
    assert_true(score >= 30 && score < 100);
    assert_int_equal(ch_case_link(city_case(of, next), 1)->score, score);
    assert_int_equal(city_case(of, 1)->link_count, 0);
    assert_int_equal(city_case(of, 1)->state, CH_CASE_RECEIVED);
    assert_int_equal(suggestions(of, open_at(of, HERE, SMELL, false)), 2);
}

static void keeps_no_text_in_what_it_compares(void **state)
{
    city *of = *state;
    open_at(of, HERE, SMELL, false);
    ch_str sketch = city_event(of, 0)->sketch;
    assert_int_equal(sketch.size, CH_SKETCH_SIZE);
    assert_null(memmem(sketch.at, sketch.size, "厂", 3));
    assert_int_equal(city_event(of, 1)->sketch.size, 0);
}

static void suggests_the_best_three_and_looks_at_so_many_only(void **state)
{
    city *of = *state;
    open_at(of, HERE, SMELL, false);
    for (unsigned i = 0; i < CH_SKETCHES_LOOKED_AT; i++) {
        open_at(of, HERE, "{\"category\":\"smell.industrial\",\"title\":\"菜市场旁垃圾桶发臭\"}", false);
    }
    assert_int_equal(suggestions(of, open_at(of, HERE, SMELL, false)), 0); /* the first is too far back */
    uint64_t last = open_at(
        of, HERE, "{\"category\":\"smell.industrial\",\"title\":\"菜市场旁垃圾桶很臭，发臭\"}", false);
    assert_int_equal(suggestions(of, last), 3);
    assert_int_equal(city_case(of, last)->links[0].other, 3); /* of equals the first that was looked at */
}

static void suggests_what_people_can_still_work_on(void **state)
{
    city *of = *state;
    char into[64];
    open_at(of, HERE, SMELL, false);
    open_at(of, HERE, SMELL, false);
    snprintf(into, sizeof into, "{\"into\":\"%s\"}", city_case(of, 2)->id);
    assert_int_equal(city_command(of, "case.merged", 1, into), CH_OK);
    uint64_t next = open_at(of, HERE, SMELL, false); /* both sketches lead to the second case */
    assert_int_equal(suggestions(of, next), 1);
    assert_int_equal(city_case(of, next)->links[0].other, 2);
    assert_int_equal(city_command(of, "case.cancelled", 2, NULL), CH_OK);
    assert_int_equal(city_command(of, "case.cancelled", 3, NULL), CH_OK);
    assert_int_equal(suggestions(of, open_at(of, HERE, SMELL, false)), 0);
}

static void a_suggestion_is_taken_or_dropped_by_people(void **state)
{
    city *of = *state;
    char data[96];
    open_at(of, HERE, SMELL, false);
    open_at(of, HERE, SMELL, false);
    open_at(of, HERE, SMELL, false);
    snprintf(data, sizeof data, "{\"other\":\"%s\"}", city_case(of, 1)->id);
    assert_int_equal(city_command(of, "case.unlinked", 2, data), CH_OK);
    assert_types(of, "*case.unlinked");
    assert_int_equal(city_case(of, 2)->link_count, 0);
    assert_int_equal(city_command(of, "case.linked", 3, data), CH_OK);
    assert_types(of, "*case.linked case.linked");
    assert_int_equal(ch_case_link(city_case(of, 3), 1)->relation, CH_RELATION_RELATED);
    snprintf(data, sizeof data, "{\"into\":\"%s\"}", city_case(of, 2)->id);
    assert_int_equal(city_command(of, "case.merged", 3, data), CH_OK);
    assert_null(ch_case_link(city_case(of, 3), 2));
    snprintf(data, sizeof data, "{\"other\":\"%s\",\"relation\":\"suggested\"}", city_case(of, 1)->id);
    assert_refused(of, city_command(of, "case.linked", 2, data), CH_INVALID,
                   "parent, child or related is expected");
}

static void says_nothing_without_being_told_to(void **state)
{
    city *of = *state;
    of->rules->duplicate_percent = 0;
    open_at(of, HERE, SMELL, false);
    assert_int_equal(city_event(of, 0)->sketch.size, 0);
    assert_int_equal(suggestions(of, open_at(of, HERE, SMELL, false)), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(suggests_nothing_where_one_of_place_time_and_text_differs, start,
                                        stop),
        cmocka_unit_test_setup_teardown(suggests_what_is_told_alike_in_one_community, start, stop),
        cmocka_unit_test_setup_teardown(keeps_no_text_in_what_it_compares, start, stop),
        cmocka_unit_test_setup_teardown(suggests_the_best_three_and_looks_at_so_many_only, start, stop),
        cmocka_unit_test_setup_teardown(suggests_what_people_can_still_work_on, start, stop),
        cmocka_unit_test_setup_teardown(a_suggestion_is_taken_or_dropped_by_people, start, stop),
        cmocka_unit_test_setup_teardown(says_nothing_without_being_told_to, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
