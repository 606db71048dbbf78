/* Rules that ask who is on duty. The times are those of the events; the city's clocks are eight hours ahead of UTC. */
#include "tests/unit/check.h"
#include "tests/unit/model/city.h"

#include "hub/base/clock.h"

#include <stdio.h>

#define NOON "2026-11-23T12:00:00+08:00" /* a Monday */
#define NIGHT "2026-11-23T22:00:00+08:00"

static int64_t at(const char *text)
{
    int64_t time_ms;
    assert_int_equal(ch_time_parse(ch_str_of(text), &time_ms), CH_OK);
    return time_ms;
}

static ch_route *route_of(city *of, const char *name)
{
    size_t i = 0;
    while (strcmp(of->rules->routes[i].name, name) != 0) {
        i++;
        assert_true(i < of->rules->route_count);
    }
    return &of->rules->routes[i];
}

static void set_duty(city *of, const char *code, const char *text)
{
    size_t i = 0;
    while (strcmp(of->rules->parties[i].code, code) != 0) {
        i++;
        assert_true(i < of->rules->party_count);
    }
    assert_int_equal(ch_duty_parse(ch_str_of(text), &of->rules->parties[i].duty), CH_OK);
}

/* Firms repair from eight to eight; the others are always there. */
static int start(void **state)
{
    static city of;
    city_start(&of);
    route_of(&of, "repair")->on_duty = true;
    route_of(&of, "person-in-river")->on_duty = true;
    route_of(&of, "smell")->on_duty = true;
    *state = &of;
    return 0;
}

static int stop(void **state)
{
    city_stop(*state);
    return 0;
}

/* Opened at that time, though the hub hears of it at night. */
static void open_at(city *of, const char *category, const char *time)
{
    char data[96];
    snprintf(data, sizeof data, "{\"kind\":\"request\",\"category\":\"%s\"}", category);
    of->now_ms = at(NIGHT);
    assert_int_equal(city_publish(of, CH_ROLE_CONNECTOR, NULL,
                                  (ch_event){.type = CH_STR("case.opened"),
                                             .source = CH_STR("service_centre/1"),
                                             .time_ms = at(time),
                                             .data = city_json(of, data)}),
                     CH_OK);
}

static const char *receiver(const city *of, uint32_t index)
{
    const ch_handoff *handoff = ch_case_handoff(city_case(of, of->case_count), index);
    return handoff == NULL ? "nobody" : handoff->party;
}

static void whoever_is_off_duty_at_the_event_s_time_is_passed_over(void **state)
{
    city *of = *state;
    set_duty(of, "firm-repair-a", "1-7 13:00-20:00");
    open_at(of, "service.repair", NOON);
    assert_string_equal(receiver(of, 1), "firm-repair-b");
    open_at(of, "service.repair", "2026-11-23T13:00:00+08:00");
    assert_string_equal(receiver(of, 1), "firm-repair-a");
}

static void a_rule_of_which_nobody_is_on_duty_leaves_the_case_to_the_next(void **state)
{
    city *of = *state;
    open_at(of, "service.repair", NIGHT);
    assert_string_equal(receiver(of, 1), "street-window");
}

static void a_rule_that_does_not_ask_offers_it_at_night_too(void **state)
{
    city *of = *state;
    route_of(of, "repair")->on_duty = false;
    open_at(of, "service.repair", NIGHT);
    assert_string_equal(receiver(of, 1), "firm-repair-a");
}

static void what_is_left_of_a_form_still_fits(void **state)
{
    city *of = *state;
    set_duty(of, "police-patrol", "7 00:00-24:00");
    open_at(of, "river", NOON);
    assert_string_equal(receiver(of, 1), "water-rescue");
    assert_string_equal(receiver(of, 2), "ambulance");
    assert_string_equal(receiver(of, 3), "nobody");
    set_duty(of, "environment", "7 00:00-24:00"); /* it would lead */
    open_at(of, "smell", NOON);
    assert_string_equal(receiver(of, 1), "work-safety");
    assert_string_equal(receiver(of, 2), "nobody");
    assert_int_equal(ch_case_handoff(city_case(of, of->case_count), 1)->group, 0);
}

static void the_explanation_says_who_is_passed_over(void **state)
{
    city *of = *state;
    ch_buf why;
    ch_buf_init(&why, 65536);
    set_duty(of, "firm-repair-a", "1-7 13:00-20:00");
    ch_route_question question = {
        .system = CH_STR("service_centre"), .category = CH_STR("service.repair"), .time_ms = at(NOON)};
    assert_string_equal(ch_route_choose(of->rules, &question, &why)->name, "repair");
    ch_buf_append_text(&why, "|");
    question.time_ms = at(NIGHT);
    assert_string_equal(ch_route_choose(of->rules, &question, &why)->name, "window");
    ch_buf_append(&why, "", 1);
    assert_int_equal(why.failed, CH_OK);
    const char *said = (const char *)ch_buf_str(&why).at;
    assert_non_null(strstr(said,
                           "repair: matches, goes to firm-repair-b, firm-repair-c (sequence), passes over "
                           "firm-repair-a (off duty)\n|"));
    assert_non_null(strstr(said, "repair: party firm-repair-a is not on duty, nor is another\n"));
    ch_buf_done(&why);
}

static void without_a_time_everybody_is_on_duty(void **state)
{
    city *of = *state;
    const ch_route_question question = {.system = CH_STR("service_centre"),
                                        .category = CH_STR("service.repair")};
    set_duty(of, "firm-repair-a", "1 13:00-13:01");
    assert_string_equal(ch_route_choose(of->rules, &question, NULL)->name, "repair");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(whoever_is_off_duty_at_the_event_s_time_is_passed_over),
        TEST(a_rule_of_which_nobody_is_on_duty_leaves_the_case_to_the_next),
        TEST(a_rule_that_does_not_ask_offers_it_at_night_too),
        TEST(what_is_left_of_a_form_still_fits),
        TEST(the_explanation_says_who_is_passed_over),
        TEST(without_a_time_everybody_is_on_duty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
