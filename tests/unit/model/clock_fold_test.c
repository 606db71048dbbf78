/* Clocks from seeds: whatever happens to their cases and however late the hub looks at them, these hold after every
 * event. That folding gives the same case as deciding, and its encoding is lossless, the city checks.
 */
#include "hub/base/random.h"
#include "tests/unit/check.h"
#include "tests/unit/model/city.h"

#include <stdio.h>

#define SEEDS 60
#define EVENTS_A_SEED 150
#define CASES 4
#define HOUR INT64_C(3600000)
#define PICK(random, table) (table)[ch_random_below(random, sizeof(table) / sizeof *(table))]

typedef struct figures {
    size_t started, met, breached, mended, paused, cancelled, escalated;
} figures;

/* ---- what cannot follow */

static ch_event made(city *of, const char *type, const char *data)
{
    const ch_case *the_case = city_case(of, 1);
    return (ch_event){.type = ch_str_of(type),
                      .subject = ch_str_of(the_case->id),
                      .time_ms = of->now_ms,
                      .case_version = the_case->version + 1,
                      .case_state = the_case->state,
                      .cycle = the_case->cycle,
                      .data = city_json(of, data)};
}

static void an_event_that_cannot_follow_leaves_the_case_as_it_was(void **state)
{
    static city of;
    (void)state;
    city_start_with_clocks(&of);
    assert_int_equal(city_open(&of, "forum/zh", "1", NULL), CH_OK);
    assert_int_equal(city_case(&of, 1)->clock_count, 2);
    assert_int_equal(city_command(&of, "handoff.accepted", 1, "{\"handoff\":\"ZJ-20261123-1/h1\"}"), CH_OK);
#define C1 "\"clock\":\"ZJ-20261123-1/c1\""
    static const char *const wrong[][2] = {
        {"clock.started", "{\"rule\":\"r\"}"},
        {"clock.started", "{\"clock\":\"ZJ-20261123-1/c2\",\"rule\":\"r\"}"}, /* there is one */
        {"clock.started", "{\"clock\":\"ZJ-20261123-1/c4\",\"rule\":\"r\"}"},
        {"clock.started", "{\"clock\":\"ZJ-20261123-2/c3\",\"rule\":\"r\"}"},
        {"clock.started", "{\"clock\":\"ZJ-20261123-1/c3\",\"rule\":\"r\",\"handoff\":\"ZJ-20261123-1/h9\"}"},
        {"clock.started", "{\"clock\":\"ZJ-20261123-1/c3\",\"rule\":"
                          "\"0123456789012345678901234567890123456789012345678901234567890123\"}"},
        {"clock.warned", "{\"clock\":\"ZJ-20261123-1/c3\"}"},
        {"clock.warned", "{\"clock\":\"ZJ-20261123-1/h1\"}"},
        {"clock.met", "{\"clock\":\"ZJ-20261123-1/c2\"}"}, /* it is already */
        {"clock.resumed", "{" C1 "}"},
        {"clock.escalated", "{" C1 "}"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ch_event event = made(&of, wrong[i][0], wrong[i][1]);
        uint32_t version = city_case(&of, 1)->version;
        if (ch_case_evolve(of.cases[1], 1, &event) != CH_CORRUPT) {
            fail_msg("%s %s was taken", wrong[i][0], wrong[i][1]);
        }
        assert_int_equal(city_case(&of, 1)->version, version);
        assert_int_equal(city_case(&of, 1)->clock_count, 2);
    }
    city_stop(&of);
}

static void the_oldest_that_ended_is_forgotten_when_there_are_too_many(void **state)
{
    static city of;
    char data[96];
    (void)state;
    city_start(&of);
    assert_int_equal(city_open(&of, "forum/zh", "1", NULL), CH_OK);
    ch_case *the_case = of.cases[1];
    for (unsigned i = 1; i <= CH_CLOCKS_MAX + 10; i++) {
        snprintf(data, sizeof data, "{\"clock\":\"ZJ-20261123-1/c%u\",\"rule\":\"r\",\"due\":5,\"again\":5}",
                 i);
        ch_event event = made(&of, "clock.started", data);
        event.sequence = i;
        assert_int_equal(ch_case_evolve(the_case, 1, &event), CH_OK);
        if (i > 2 && i < 20) { /* the first two run on */
            snprintf(data, sizeof data, "{\"clock\":\"ZJ-20261123-1/c%u\"}", i);
            event = made(&of, "clock.met", data);
            assert_int_equal(ch_case_evolve(the_case, 1, &event), CH_OK);
        }
    }
    assert_int_equal(the_case->clock_count, CH_CLOCKS_MAX);
    assert_non_null(ch_case_clock_of(the_case, 2));
    assert_null(ch_case_clock_of(the_case, 12));
    assert_non_null(ch_case_clock_of(the_case, 13));
    assert_int_equal(the_case->clocks[CH_CLOCKS_MAX - 1].index, CH_CLOCKS_MAX + 10);
    ch_event event = {.type = CH_STR_NONE};
    ch_status status = CH_OK;
    for (unsigned i = CH_CLOCKS_MAX + 11; status == CH_OK; i++) {
        snprintf(data, sizeof data, "{\"clock\":\"ZJ-20261123-1/c%u\",\"rule\":\"r\"}", i);
        event = made(&of, "clock.started", data);
        status = ch_case_evolve(the_case, 1, &event);
        assert_true(i <= CH_CLOCKS_MAX + 18);
    }
    assert_int_equal(status, CH_FULL); /* all of them run */
    city_stop(&of);
}

/* ---- from seeds */

static void handle(city *of, ch_random_seeded *random, uint64_t number)
{
    static const char *const types[] = {"handoff.accepted",  "handoff.accepted",  "handoff.started",
                                        "handoff.completed", "handoff.rejected",  "handoff.returned",
                                        "handoff.withdrawn", "handoff.delivered", "handoff.expired"};
    char data[200];
    const ch_case *the_case = city_case(of, number);
    const char *type = PICK(random, types);
    if (the_case->handoff_count == 0) {
        return;
    }
    snprintf(data, sizeof data, "{\"handoff\":\"%s/h%u\"}", the_case->id,
             1 + (unsigned)ch_random_below(random, the_case->handoff_count));
    if (strcmp(type, "handoff.delivered") == 0 || strcmp(type, "handoff.expired") == 0) {
        (void)city_report(of, type, number, data);
    } else if (ch_random_below(random, 3) == 0) {
        (void)city_observe(of, type, number, data);
    } else {
        (void)city_command(of, type, number, data);
    }
}

/* As an observation, of an earlier time now and then. */
static void tell(city *of, ch_random_seeded *random, uint64_t number)
{
    static const struct {
        const char *type, *data;
    } said[] = {{"case.waiting", "{\"reason\":\"citizen\"}"},
                {"case.waiting", "{\"reason\":\"external\"}"},
                {"case.resumed", NULL},
                {"case.replied", NULL},
                {"case.resolved", NULL},
                {"case.reopened", NULL},
                {"case.cancelled", NULL},
                {"case.milestone", "{\"code\":\"unit.on_scene\"}"}};
    size_t i = ch_random_below(random, sizeof said / sizeof *said);
    int64_t now = of->now_ms;
    ch_event event = {.type = ch_str_of(said[i].type),
                      .source = ch_str_of(city_case(of, number)->source),
                      .subject = ch_arena_str(&of->arena, ch_str_of(city_case(of, number)->id)),
                      .time_ms = now - (int64_t)ch_random_below(random, 3) * 10 * HOUR,
                      .data = said[i].data == NULL ? CH_STR_NONE : city_json(of, said[i].data)};
    (void)city_publish(of, CH_ROLE_CONNECTOR, NULL, event);
}

/* What is due, unless the hub is behind; then it is told of nothing twice. */
static void look_at_clocks(city *of, figures *seen)
{
    for (uint64_t number = 1; number <= of->case_count; number++) {
        for (size_t i = 0; i < city_case(of, number)->clock_count; i++) {
            const ch_case_clock clock = city_case(of, number)->clocks[i];
            char data[96];
            if (clock.next_ms == 0 || clock.next_ms > of->now_ms) {
                continue;
            }
            snprintf(data, sizeof data, "{\"clock\":\"%s/c%u\"}", city_case(of, number)->id, clock.index);
            ch_event event = {.type = ch_str_of(ch_case_clock_next(&clock)),
                              .time_ms = clock.next_ms,
                              .subject = ch_arena_str(&of->arena, ch_str_of(city_case(of, number)->id)),
                              .data = city_json(of, data)};
            assert_int_equal(city_publish(of, CH_ROLE_HUB, NULL, event), CH_OK);
            seen->escalated += strstr(of->types, "handoff.escalated") != NULL;
            assert_int_equal(city_publish(of, CH_ROLE_HUB, NULL, event), CH_CONFLICT);
        }
    }
}

static void check_clock(const ch_case *the_case, const ch_case_clock *clock)
{
    const ch_handoff *handoff = ch_case_handoff(the_case, clock->handoff);
    bool open = ch_case_clock_is_open(clock);
    bool ended = clock->state == CH_CLOCK_MET || clock->state == CH_CLOCK_CANCELLED;
    assert_false(open && ended);
    assert_true(open || clock->next_ms == 0);
    assert_true(clock->state != CH_CLOCK_PAUSED || clock->next_ms == 0);
    assert_true(clock->state != CH_CLOCK_RUNNING || clock->next_ms != 0 || clock->due_ms == 0);
    assert_true(!open || handoff == NULL || ch_handoff_is_open(handoff->state));
    assert_true(!open || ch_case_state_is_active(the_case->state));
    assert_true(!clock->late_report || clock->state == CH_CLOCK_MET);
}

static void count_clock(const ch_case_clock *clock, figures *seen)
{
    seen->started++;
    seen->met += clock->state == CH_CLOCK_MET;
    seen->mended += clock->late_report;
    seen->breached += clock->state == CH_CLOCK_BREACHED;
    seen->paused += clock->state == CH_CLOCK_PAUSED;
    seen->cancelled += clock->state == CH_CLOCK_CANCELLED;
}

static void check_all(const city *of)
{
    for (uint64_t number = 1; number <= of->case_count; number++) {
        const ch_case *the_case = city_case(of, number);
        for (size_t i = 0; i < the_case->clock_count; i++) {
            check_clock(the_case, &the_case->clocks[i]);
        }
    }
}

static void run_seed(uint64_t seed, figures *seen)
{
    static const char *const sources[CASES] = {"forum/zh", "emergency/1", "hotline/1", "grid/1"};
    static const char *const data[CASES] = {"{\"kind\":\"post\"}", "{\"category\":\"river.person\"}",
                                            "{\"kind\":\"dispute\",\"category\":\"dispute.traffic\"}",
                                            "{\"category\":\"smell\",\"priority\":1}"};
    static city of;
    ch_random_seeded random;
    ch_random_seeded_init(&random, seed);
    city_start_with_clocks(&of);
    for (size_t i = 0; i < CASES; i++) {
        assert_int_equal(city_open(&of, sources[i], "1", data[i]), CH_OK);
    }
    for (size_t i = 0; i < EVENTS_A_SEED; i++) {
        uint64_t number = 1 + ch_random_below(&random, CASES);
        of.now_ms +=
            (int64_t)ch_random_below(&random, 4) * HOUR + (int64_t)ch_random_below(&random, 90) * 1000;
        if (ch_random_below(&random, 2) == 0) {
            handle(&of, &random, number);
        } else {
            tell(&of, &random, number);
        }
        check_all(&of);
        if (ch_random_below(&random, 3) == 0) {
            look_at_clocks(&of, seen);
            check_all(&of);
        }
    }
    for (uint64_t number = 1; number <= of.case_count; number++) {
        for (size_t i = 0; i < city_case(&of, number)->clock_count; i++) {
            count_clock(&city_case(&of, number)->clocks[i], seen);
        }
    }
    city_stop(&of);
}

static void whatever_happens_every_clock_stands_where_it_should(void **state)
{
    (void)state;
    figures seen = {.started = 0};
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        run_seed(seed, &seen);
    }
    print_message("%zu clocks: %zu met (%zu by late reports), %zu breached (%zu escalations), %zu cancelled, "
                  "%zu paused\n",
                  seen.started, seen.met, seen.mended, seen.breached, seen.escalated, seen.cancelled,
                  seen.paused);
    assert_true(seen.met > 0 && seen.mended > 0 && seen.breached > 0 && seen.escalated > 0 &&
                seen.cancelled > 0 && seen.paused > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_that_cannot_follow_leaves_the_case_as_it_was),
        cmocka_unit_test(the_oldest_that_ended_is_forgotten_when_there_are_too_many),
        cmocka_unit_test(whatever_happens_every_clock_stands_where_it_should),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
