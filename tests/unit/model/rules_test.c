/* Rules that are made by hand: one good city, and one mistake at a time. */
#include "tests/unit/check.h"

#include "hub/base/random.h"
#include "hub/model/rules.h"

#include <stdio.h>

#define BIT(state) (UINT32_C(1) << (state))

/* Order of the rows, before ch_rules_check sorts them. */
enum { SUPERVISION, POWER_SUPPLY, WATER, PARTY_COUNT };
enum { POWER, POWER_TRIP, LAMP, CATEGORY_COUNT };
enum { PROVINCE, CITY, AREA_COUNT };
enum { ROUTE_TRIP, ROUTE_POWER, ROUTE_REST, ROUTE_COUNT };
enum { OPENED, ACCEPTED, WAITING, RESUMED, CLOSED, TRANSITION_COUNT };
enum { OFFERED, TAKEN, COMPLETED, HANDOFF_COUNT };

static const ch_party parties[PARTY_COUNT] = {
    [SUPERVISION] = {.code = "supervision", .kind = "department", .place = "parties.csv:2"},
    [POWER_SUPPLY] = {.code = "power-supply",
                      .kind = "department",
                      .supervisor = "supervision",
                      .areas = {"33"},
                      .area_count = 1,
                      .place = "parties.csv:3"},
    [WATER] = {.code = "water",
               .kind = "department",
               .supervisor = "supervision",
               .areas = {"3302"},
               .area_count = 1,
               .place = "parties.csv:4"},
};
static const ch_category categories[CATEGORY_COUNT] = {
    [POWER] = {.code = "power", .place = "categories.csv:2"},
    [POWER_TRIP] = {.code = "power.trip", .parent = "power", .place = "categories.csv:3"},
    [LAMP] = {.code = "lamp", .place = "categories.csv:4"},
};
static const ch_area areas[AREA_COUNT] = {
    [PROVINCE] = {.code = "33", .place = "areas.csv:2"},
    [CITY] = {.code = "3302", .place = "areas.csv:3"},
};
static const ch_route routes[ROUTE_COUNT] = {
    [ROUTE_TRIP] = {.name = "trip",
                    .system = "grid",
                    .category = "power.trip",
                    .area = "3302",
                    .priority_most = 2,
                    .party = "power-supply",
                    .place = "routing.cfg:5"},
    [ROUTE_POWER] = {.name = "power", .category = "power", .party = "power-supply", .place = "routing.cfg:6"},
    [ROUTE_REST] = {.name = "rest", .kind = "matter", .party = "supervision", .place = "routing.cfg:7"},
};
static const ch_transition transitions[TRANSITION_COUNT] = {
    [OPENED] = {.type = "case.opened",
                .from = BIT(CH_CASE_NONE),
                .to = CH_CASE_RECEIVED,
                .place = "lifecycle.cfg:1"},
    [ACCEPTED] = {.type = "case.accepted",
                  .from = BIT(CH_CASE_RECEIVED),
                  .to = CH_CASE_ACCEPTED,
                  .place = "lifecycle.cfg:2"},
    [WAITING] = {.type = "case.waiting",
                 .from = BIT(CH_CASE_RECEIVED) | BIT(CH_CASE_ACCEPTED),
                 .to = CH_CASE_WAITING,
                 .place = "lifecycle.cfg:3"},
    [RESUMED] = {.type = "case.resumed",
                 .from = BIT(CH_CASE_WAITING),
                 .back = true,
                 .place = "lifecycle.cfg:4"},
    [CLOSED] = {.type = "case.closed",
                .from = BIT(CH_CASE_ACCEPTED),
                .to = CH_CASE_CLOSED,
                .place = "lifecycle.cfg:5"},
};
static const ch_handoff_transition handoffs[HANDOFF_COUNT] = {
    [OFFERED] = {.type = "handoff.offered",
                 .from = BIT(CH_HANDOFF_NONE),
                 .to = CH_HANDOFF_OFFERED,
                 .place = "lifecycle.cfg:6"},
    [TAKEN] = {.type = "handoff.accepted",
               .from = BIT(CH_HANDOFF_OFFERED),
               .to = CH_HANDOFF_ACCEPTED,
               .by_receiver = true,
               .place = "lifecycle.cfg:7"},
    [COMPLETED] = {.type = "handoff.completed",
                   .from = BIT(CH_HANDOFF_ACCEPTED),
                   .to = CH_HANDOFF_COMPLETED,
                   .by_receiver = true,
                   .place = "lifecycle.cfg:8"},
};

/* The rows and one zeroed row more, for the tests that add a mistake. */
static void *keep(ch_rules *rules, const void *rows, size_t size, size_t row_size)
{
    void *kept = ch_arena_alloc(&rules->arena, size + row_size);
    assert_non_null(kept);
    memcpy(kept, rows, size);
    return kept;
}

static ch_rules *good_rules(void)
{
    ch_rules *rules;
    assert_status(ch_rules_new(&rules), CH_OK);
    memcpy(rules->hub_code, "ZJ", 3);
    rules->utc_offset_minutes = 480;
    rules->parties = keep(rules, parties, sizeof parties, sizeof *parties);
    rules->party_count = PARTY_COUNT;
    rules->categories = keep(rules, categories, sizeof categories, sizeof *categories);
    rules->category_count = CATEGORY_COUNT;
    rules->areas = keep(rules, areas, sizeof areas, sizeof *areas);
    rules->area_count = AREA_COUNT;
    rules->routes = keep(rules, routes, sizeof routes, sizeof *routes);
    rules->route_count = ROUTE_COUNT;
    rules->transitions = keep(rules, transitions, sizeof transitions, sizeof *transitions);
    rules->transition_count = TRANSITION_COUNT;
    rules->handoff_transitions = keep(rules, handoffs, sizeof handoffs, sizeof *handoffs);
    rules->handoff_transition_count = HANDOFF_COUNT;
    return rules;
}

static void set(char *out, const char *text)
{
    assert_status(ch_str_copy(out, 16, ch_str_of(text)), CH_OK);
}

/* ... and lets go of the rules. */
static void assert_refused(ch_rules *rules, const char *where, const char *text)
{
    ch_error error = {.status = CH_OK};
    ch_status status = ch_rules_check(rules, &error);
    ch_rules_unref(rules);
    assert_status(status, CH_INVALID);
    assert_status(error.status, CH_INVALID);
    assert_string_equal(error.text, text);
    assert_string_equal(error.where, where);
}

static void a_hub_code_is_needed_and_short(void **state)
{
    (void)state;
    ch_rules *rules = good_rules();
    rules->hub_code[0] = '\0';
    assert_refused(rules, "hub_code", "is 1 to 16 characters of A-Z and 0-9");
    rules = good_rules();
    memcpy(rules->hub_code, "zj", 3);
    assert_refused(rules, "hub_code", "is 1 to 16 characters of A-Z and 0-9");
    rules = good_rules();
    rules->utc_offset_minutes = 841;
    assert_refused(rules, "utc_offset_minutes", "is outside -840 to 840");
}

static void a_supervisor_must_be_a_party(void **state)
{
    (void)state;
    ch_rules *rules = good_rules();
    set(rules->parties[WATER].supervisor, "mayor");
    assert_refused(rules, "parties.csv:4", "party water: there is no supervisor mayor");
}

static void nobody_supervises_himself_however_many_lie_between(void **state)
{
    (void)state;
    ch_rules *rules = good_rules();
    set(rules->parties[WATER].supervisor, "water");
    assert_refused(rules, "parties.csv:4", "party water: its supervisors form a cycle");
    rules = good_rules();
    set(rules->parties[SUPERVISION].supervisor, "water");
    assert_refused(rules, "parties.csv:3", "party power-supply: its supervisors form a cycle");
}

static void a_party_is_there_once_and_in_areas_that_exist(void **state)
{
    (void)state;
    ch_rules *rules = good_rules();
    set(rules->parties[SUPERVISION].code, "water");
    rules->parties[WATER].supervisor[0] = rules->parties[POWER_SUPPLY].supervisor[0] = '\0';
    ch_error error;
    assert_status(ch_rules_check(rules, &error), CH_INVALID);
    assert_string_equal(error.text, "party water is there twice");
    ch_rules_unref(rules);
    rules = good_rules();
    set(rules->parties[WATER].areas[0], "3303");
    assert_refused(rules, "parties.csv:4", "party water: there is no area 3303");
}

static void categories_form_a_tree(void **state)
{
    (void)state;
    ch_rules *rules = good_rules();
    set(rules->categories[POWER_TRIP].parent, "powers");
    assert_refused(rules, "categories.csv:3", "category power.trip: there is no parent powers");
    rules = good_rules();
    set(rules->categories[POWER].parent, "power.trip");
    assert_refused(rules, "categories.csv:2", "category power: its parents form a cycle");
    rules = good_rules();
    rules->categories[CATEGORY_COUNT] = (ch_category){.code = "lamp", .place = "categories.csv:9"};
    rules->category_count++;
    ch_error error;
    assert_status(ch_rules_check(rules, &error), CH_INVALID);
    assert_string_equal(error.text, "category lamp is there twice");
    ch_rules_unref(rules);
}

static void an_area_has_a_known_length_and_lies_in_another(void **state)
{
    (void)state;
    ch_rules *rules = good_rules();
    set(rules->areas[CITY].code, "33021");
    assert_refused(rules, "areas.csv:3", "area 33021 is not 2, 4, 6, 9, 12 or 15 digits");
    rules = good_rules();
    set(rules->areas[PROVINCE].code, "3a");
    assert_refused(rules, "areas.csv:3", "area 3302 lies in an area that is not there");
    rules = good_rules();
    rules->areas[AREA_COUNT] = (ch_area){.code = "330203001", .place = "areas.csv:4"};
    rules->area_count++;
    assert_refused(rules, "areas.csv:4", "area 330203001 lies in an area that is not there");
    rules = good_rules();
    rules->areas[AREA_COUNT] = (ch_area){.code = "", .place = "areas.csv:4"};
    rules->area_count++;
    assert_refused(rules, "areas.csv:4", "area  is not 2, 4, 6, 9, 12 or 15 digits");
    rules = good_rules();
    rules->areas[AREA_COUNT] = (ch_area){.code = "33", .place = "areas.csv:2"};
    rules->area_count++;
    assert_refused(rules, "areas.csv:2", "area 33 is there twice");
}

static void a_route_leads_to_what_exists(void **state)
{
    (void)state;
    ch_rules *rules = good_rules();
    set(rules->routes[ROUTE_REST].party, "nobody");
    assert_refused(rules, "routing.cfg:7", "route rest: there is no party nobody");
    rules = good_rules();
    rules->routes[ROUTE_REST].party[0] = '\0';
    assert_refused(rules, "routing.cfg:7", "route rest: there is no party ");
    rules = good_rules();
    set(rules->routes[ROUTE_POWER].category, "powers");
    assert_refused(rules, "routing.cfg:6", "route power: there is no category powers");
    rules = good_rules();
    set(rules->routes[ROUTE_TRIP].area, "3303");
    assert_refused(rules, "routing.cfg:5", "route trip: there is no area 3303");
    rules = good_rules();
    set(rules->routes[ROUTE_REST].name, "trip");
    assert_refused(rules, "routing.cfg:7", "route trip is there twice");
}

static void add_type(ch_rules *rules, const char *name, ch_field *fields, size_t field_count)
{
    ch_error error;
    ch_type type = {.producible = true, .fields = fields, .field_count = field_count};
    set(type.name, name);
    assert_ok(ch_schema_add(rules->schema, &type, &error), &error);
}

static void a_kind_must_be_one_that_a_case_can_have(void **state)
{
    (void)state;
    char kinds[1][CH_CODE_MAX + 1] = {"matter"};
    ch_field field = {.name = "kind", .kind = CH_FIELD_CODE, .values = kinds, .value_count = 1};
    ch_rules *rules = good_rules();
    add_type(rules, "case.opened", &field, 1);
    set(rules->routes[ROUTE_REST].kind, "mater");
    assert_refused(rules, "routing.cfg:7", "there is no kind mater of cases");
    rules = good_rules();
    add_type(rules, "case.opened", &field, 1);
    set(rules->transitions[OPENED].kind, "mater");
    assert_refused(rules, "lifecycle.cfg:1", "there is no kind mater of cases");
}

static void a_transition_must_be_of_an_event_type_of_the_schema(void **state)
{
    (void)state;
    ch_rules *rules = good_rules();
    add_type(rules, "case.opened", NULL, 0);
    assert_refused(rules, "lifecycle.cfg:2", "there is no event type case.accepted");
}

static void a_transition_is_there_once_a_state(void **state)
{
    (void)state;
    ch_rules *rules = good_rules();
    rules->transitions[TRANSITION_COUNT] = (ch_transition){
        .type = "case.accepted",
        .from = BIT(CH_CASE_RECEIVED) | BIT(CH_CASE_WAITING),
        .to = CH_CASE_CLOSED,
        .place = "lifecycle.cfg:9",
    };
    rules->transition_count++;
    assert_refused(rules, "lifecycle.cfg:9", "case.accepted is there twice from the same state");
}

static void a_transition_starts_somewhere(void **state)
{
    (void)state;
    ch_rules *rules = good_rules();
    rules->transitions[ACCEPTED].from = 0;
    assert_refused(rules, "lifecycle.cfg:2", "case.accepted is legal in no state");
    rules = good_rules();
    rules->transitions[RESUMED].from |= BIT(CH_CASE_RECEIVED);
    assert_refused(rules, "lifecycle.cfg:4",
                   "case.resumed: only waiting can be left for the state before it");
}

static void what_follows_by_itself_has_a_transition(void **state)
{
    (void)state;
    ch_rules *rules = good_rules();
    set(rules->transitions[ACCEPTED].then, "case.replied");
    assert_refused(rules, "lifecycle.cfg:2",
                   "case.accepted: then names case.replied, which has no transition");
}

static void every_state_can_be_reached(void **state)
{
    (void)state;
    ch_rules *rules = good_rules();
    rules->transitions[CLOSED].from |= BIT(CH_CASE_RESOLVED);
    assert_refused(rules, "lifecycle.cfg:5", "state resolved cannot be reached");
}

static void every_state_leads_to_an_end(void **state)
{
    (void)state;
    ch_rules *rules = good_rules();
    rules->transitions[TRANSITION_COUNT] = (ch_transition){
        .type = "case.resolved",
        .from = BIT(CH_CASE_ACCEPTED),
        .to = CH_CASE_RESOLVED,
        .place = "lifecycle.cfg:9",
    };
    rules->transition_count++;
    assert_refused(rules, "lifecycle.cfg:9", "state resolved is a dead end");
    rules = good_rules();
    rules->transitions[RESUMED].back = false;
    assert_refused(rules, "lifecycle.cfg:3", "state waiting is a dead end");
}

/* The general rows are sound; the profile of one kind takes away what led to the end. */
static void the_profile_of_a_kind_is_checked_for_itself(void **state)
{
    (void)state;
    ch_rules *rules = good_rules();
    rules->transitions[TRANSITION_COUNT] = (ch_transition){
        .kind = "post",
        .type = "case.closed",
        .from = BIT(CH_CASE_WAITING),
        .place = "lifecycle.cfg:9",
    };
    rules->transition_count++;
    assert_refused(rules, "lifecycle.cfg:1", "state none is a dead end for kind post");
}

static void too_many_transitions_are_refused(void **state)
{
    (void)state;
    ch_rules *rules = good_rules();
    rules->transitions = ch_arena_alloc(&rules->arena, 1025 * sizeof *rules->transitions);
    rules->transition_count = 1025;
    assert_refused(rules, "transitions", "there are more than 1024");
}

static void a_handoff_transition_agrees_with_what_is_folded(void **state)
{
    (void)state;
    ch_rules *rules = good_rules();
    rules->handoff_transitions[TAKEN].to = CH_HANDOFF_STARTED;
    assert_refused(rules, "lifecycle.cfg:7", "handoff.accepted cannot lead to started");
    rules = good_rules();
    rules->handoff_transitions[TAKEN].from = 0;
    assert_refused(rules, "lifecycle.cfg:7", "handoff.accepted is legal in no state");
    rules = good_rules();
    rules->handoff_transitions[TAKEN].from |= BIT(CH_HANDOFF_NONE);
    rules->handoff_transitions[OFFERED].from |= BIT(CH_HANDOFF_ACCEPTED);
    assert_refused(rules, "lifecycle.cfg:6",
                   "handoff.offered: only an offer, and nothing else, begins a handoff");
    rules = good_rules();
    rules->handoff_transitions[TAKEN].cases = BIT(CH_CASE_RECEIVED);
    assert_refused(rules, "lifecycle.cfg:7",
                   "handoff.accepted: only an offer, and nothing else, begins a handoff");
}

static void the_rows_of_a_handoff_type_agree(void **state)
{
    (void)state;
    ch_rules *rules = good_rules();
    rules->handoff_transitions[HANDOFF_COUNT] = rules->handoff_transitions[COMPLETED];
    rules->handoff_transition_count++;
    assert_refused(rules, "lifecycle.cfg:8", "handoff.completed is there twice from the same state");
    rules = good_rules();
    rules->handoff_transitions[HANDOFF_COUNT] = (ch_handoff_transition){.type = "handoff.completed",
                                                                        .from = BIT(CH_HANDOFF_OFFERED),
                                                                        .to = CH_HANDOFF_COMPLETED,
                                                                        .place = "lifecycle.cfg:9"};
    rules->handoff_transition_count++;
    assert_refused(rules, "lifecycle.cfg:9", "handoff.completed: its rows name different authors");
}

static void handoffs_can_be_reached_and_end(void **state)
{
    (void)state;
    ch_rules *rules = good_rules();
    rules->handoff_transitions[COMPLETED].from = BIT(CH_HANDOFF_STARTED);
    assert_refused(rules, "lifecycle.cfg:8", "handoff state started cannot be reached");
    rules = good_rules();
    rules->handoff_transition_count = COMPLETED;
    assert_refused(rules, "lifecycle.cfg:6", "handoff state none is a dead end");
    rules = good_rules();
    add_type(rules, "case.opened", NULL, 0);
    rules->transition_count = 1;
    rules->transitions[OPENED].to = CH_CASE_CLOSED;
    assert_refused(rules, "lifecycle.cfg:6", "there is no event type handoff.offered");
}

static void a_mistake_without_a_place_is_named(void **state)
{
    (void)state;
    ch_rules *rules = good_rules();
    rules->transitions[ACCEPTED].from = 0;
    rules->transitions[ACCEPTED].place = NULL;
    assert_refused(rules, "case.accepted", "case.accepted is legal in no state");
}

static ch_rules *checked_rules(void)
{
    ch_error error;
    ch_rules *rules = good_rules();
    assert_ok(ch_rules_check(rules, &error), &error);
    return rules;
}

static void finds_nothing_under_a_code_that_is_not_there(void **state)
{
    (void)state;
    ch_rules *rules = checked_rules();
    assert_null(ch_rules_party(rules, CH_STR("")));
    assert_null(ch_rules_party(rules, CH_STR_NONE));
    assert_null(ch_rules_party(rules, CH_STR("wate")));
    assert_null(ch_rules_party(rules, CH_STR("waters")));
    assert_null(ch_rules_category(rules, CH_STR("power.tri")));
    assert_null(ch_rules_area(rules, CH_STR("330")));
    ch_rules_unref(rules);
    assert_status(ch_rules_new(&rules), CH_OK);
    assert_null(ch_rules_party(rules, CH_STR("water")));
    ch_rules_unref(rules);
    ch_rules_unref(NULL);
}

static void finds_each_row_however_the_tables_were_ordered(void **state)
{
    (void)state;
    ch_rules *rules = checked_rules();
    for (size_t i = 0; i < PARTY_COUNT; i++) {
        assert_string_equal(ch_rules_party(rules, ch_str_of(parties[i].code))->place, parties[i].place);
    }
    for (size_t i = 0; i < CATEGORY_COUNT; i++) {
        ch_str code = ch_str_of(categories[i].code);
        assert_string_equal(ch_rules_category(rules, code)->place, categories[i].place);
    }
    for (size_t i = 0; i < AREA_COUNT; i++) {
        assert_string_equal(ch_rules_area(rules, ch_str_of(areas[i].code))->place, areas[i].place);
    }
    ch_rules_unref(rules);
}

static void rules_live_until_the_last_reference_ends(void **state)
{
    (void)state;
    ch_rules *rules = checked_rules(), *same = ch_rules_ref(rules);
    assert_ptr_equal(rules, same);
    ch_rules_unref(rules);
    assert_non_null(ch_rules_party(same, CH_STR("water")));
    ch_rules_unref(same);
}

static const char *chosen(const ch_rules *rules, ch_route_question question, ch_buf *why)
{
    const ch_route *route = ch_route_choose(rules, &question, why);
    return route == NULL ? "none" : route->name;
}

static void a_route_matches_by_all_that_it_says(void **state)
{
    (void)state;
    ch_rules *rules = checked_rules();
    ch_route_question trip = {.system = CH_STR("grid"),
                              .kind = CH_STR("dispatch"),
                              .category = CH_STR("power.trip"),
                              .area = CH_STR("330203"),
                              .priority = 1};
    assert_string_equal(chosen(rules, trip, NULL), "trip");
    ch_route_question other = trip;
    other.system = CH_STR("grids");
    assert_string_equal(chosen(rules, other, NULL), "power");
    other = trip;
    other.area = CH_STR("33");
    assert_string_equal(chosen(rules, other, NULL), "power");
    other = trip;
    other.priority = 3;
    assert_string_equal(chosen(rules, other, NULL), "power");
    other.priority = 0;
    assert_string_equal(chosen(rules, other, NULL), "power");
    other = trip;
    other.category = CH_STR("power.trips");
    assert_string_equal(chosen(rules, other, NULL), "power");
    other.category = CH_STR("powerful");
    assert_string_equal(chosen(rules, other, NULL), "none");
    other.kind = CH_STR("matter");
    assert_string_equal(chosen(rules, other, NULL), "rest");
    assert_string_equal(chosen(rules, (ch_route_question){.priority = 0}, NULL), "none");
    ch_rules_unref(rules);
}

static const char *any(ch_random_seeded *random, const char *const *of, size_t count)
{
    return of[ch_random_below(random, count)];
}

#define ROUTES_MANY 40

static ch_rules *random_rules(ch_random_seeded *random)
{
    static const char *const in_categories[] = {"", "power", "power.trip", "lamp"};
    static const char *const in_areas[] = {"", "33", "3302"};
    static const char *const systems[] = {"", "", "grid", "forum"};
    static const char *const priorities[] = {"", "", "1", "123"};
    ch_error error = {.status = CH_OK};
    ch_rules *rules = good_rules();
    rules->routes = ch_arena_alloc(&rules->arena, ROUTES_MANY * sizeof *rules->routes);
    assert_non_null(rules->routes);
    rules->route_count = ROUTES_MANY;
    for (size_t i = 0; i < ROUTES_MANY; i++) {
        ch_route *route = &rules->routes[i];
        snprintf(route->name, sizeof route->name, "route-%zu", i);
        set(route->party, "water");
        set(route->category, any(random, in_categories, sizeof in_categories / sizeof *in_categories));
        set(route->area, any(random, in_areas, sizeof in_areas / sizeof *in_areas));
        set(route->system, any(random, systems, sizeof systems / sizeof *systems));
        route->priority_most = (int)strlen(any(random, priorities, sizeof priorities / sizeof *priorities));
    }
    assert_ok(ch_rules_check(rules, &error), &error);
    return rules;
}

static void of_many_routes_the_first_that_fits_is_found_as_if_all_were_tried(void **state)
{
    (void)state;
    static const char *const asked_categories[] = {"",         "power", "power.trip",  "power.trip.main",
                                                   "powerful", "lamp",  "power.trips", "power.",
                                                   ".power",   "gas"};
    static const char *const asked_areas[] = {"",  "3", "33", "330", "3302", "330203", "330203001002003",
                                              "34"};
    static const char *const asked_systems[] = {"", "grid", "forum", "hotline"};
    ch_random_seeded random;
    ch_buf why;
    ch_random_seeded_init(&random, 11);
    ch_buf_init(&why, 1 << 16);
    for (unsigned round = 0; round < 50; round++) {
        ch_rules *rules = random_rules(&random);
        for (unsigned i = 0; i < 400; i++) {
            const ch_route_question question = {
                .system =
                    ch_str_of(any(&random, asked_systems, sizeof asked_systems / sizeof *asked_systems)),
                .category = ch_str_of(
                    any(&random, asked_categories, sizeof asked_categories / sizeof *asked_categories)),
                .area = ch_str_of(any(&random, asked_areas, sizeof asked_areas / sizeof *asked_areas)),
                .priority = (int)(i % 6),
            };
            ch_buf_clear(&why);
            assert_string_equal(chosen(rules, question, NULL), chosen(rules, question, &why));
        }
        ch_rules_unref(rules);
    }
    ch_buf_done(&why);
}

static void why_tells_of_each_rule_up_to_the_match(void **state)
{
    (void)state;
    ch_rules *rules = checked_rules();
    ch_buf why;
    ch_buf_init(&why, 4096);
    ch_route_question question = {.system = CH_STR("grid"),
                                  .kind = CH_STR("matter"),
                                  .category = CH_STR("power.trip"),
                                  .area = CH_STR("3302"),
                                  .priority = 4};
    assert_string_equal(chosen(rules, question, &why), "power");
    assert_true(ch_str_is(ch_buf_str(&why), "trip: priority 4 is not 1 to 2\n"
                                            "power: matches, goes to power-supply\n"));
    ch_buf_clear(&why);
    assert_string_equal(chosen(rules, (ch_route_question){.priority = 0}, &why), "none");
    assert_true(ch_str_is(ch_buf_str(&why), "trip: system _ is not grid\n"
                                            "power: category _ is not power\n"
                                            "rest: kind _ is not matter\n"));
    ch_buf_done(&why);
    ch_rules_unref(rules);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hub_code_is_needed_and_short),
        cmocka_unit_test(a_supervisor_must_be_a_party),
        cmocka_unit_test(nobody_supervises_himself_however_many_lie_between),
        cmocka_unit_test(a_party_is_there_once_and_in_areas_that_exist),
        cmocka_unit_test(categories_form_a_tree),
        cmocka_unit_test(an_area_has_a_known_length_and_lies_in_another),
        cmocka_unit_test(a_route_leads_to_what_exists),
        cmocka_unit_test(a_kind_must_be_one_that_a_case_can_have),
        cmocka_unit_test(a_transition_must_be_of_an_event_type_of_the_schema),
        cmocka_unit_test(a_transition_is_there_once_a_state),
        cmocka_unit_test(a_transition_starts_somewhere),
        cmocka_unit_test(what_follows_by_itself_has_a_transition),
        cmocka_unit_test(every_state_can_be_reached),
        cmocka_unit_test(every_state_leads_to_an_end),
        cmocka_unit_test(the_profile_of_a_kind_is_checked_for_itself),
        cmocka_unit_test(too_many_transitions_are_refused),
        cmocka_unit_test(a_handoff_transition_agrees_with_what_is_folded),
        cmocka_unit_test(the_rows_of_a_handoff_type_agree),
        cmocka_unit_test(handoffs_can_be_reached_and_end),
        cmocka_unit_test(a_mistake_without_a_place_is_named),
        cmocka_unit_test(finds_nothing_under_a_code_that_is_not_there),
        cmocka_unit_test(finds_each_row_however_the_tables_were_ordered),
        cmocka_unit_test(rules_live_until_the_last_reference_ends),
        cmocka_unit_test(a_route_matches_by_all_that_it_says),
        cmocka_unit_test(of_many_routes_the_first_that_fits_is_found_as_if_all_were_tried),
        cmocka_unit_test(why_tells_of_each_rule_up_to_the_match),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
