#include "hub/model/plan.h"
#include "hub/model/routing.h"
#include "hub/model/rules_inside.h"

#include <stdlib.h>

#define BIT(state) (UINT32_C(1) << (state))
#define TRANSITIONS_MAX 1024

#define CASE_ENDS (BIT(CH_CASE_CLOSED) | BIT(CH_CASE_REJECTED) | BIT(CH_CASE_CANCELLED) | BIT(CH_CASE_MERGED))
#define HANDOFF_ENDS                                                                                         \
    (BIT(CH_HANDOFF_REJECTED) | BIT(CH_HANDOFF_COMPLETED) | BIT(CH_HANDOFF_FAILED) |                         \
     BIT(CH_HANDOFF_RETURNED) | BIT(CH_HANDOFF_TRANSFERRED) | BIT(CH_HANDOFF_WITHDRAWN) |                    \
     BIT(CH_HANDOFF_EXPIRED))

static int compare_codes(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void sort_rows(void *rows, size_t count, size_t size)
{
    if (count > 1) {
        qsort(rows, count, size, compare_codes);
    }
}

static ch_status check_parties(const ch_rules *rules, ch_error *error)
{
    for (size_t i = 0; i < rules->party_count; i++) {
        const ch_party *party = &rules->parties[i];
        const char *place = CH_PLACE_OF(party, party->code);
        if (i > 0 && strcmp(party->code, rules->parties[i - 1].code) == 0) {
            return ch_error_set(error, CH_INVALID, place, "party %s is there twice", party->code);
        }
        for (size_t k = 0; k < party->area_count; k++) {
            if (ch_rules_area(rules, ch_str_of(party->areas[k])) == NULL) {
                return ch_error_set(error, CH_INVALID, place, "party %s: there is no area %s", party->code,
                                    party->areas[k]);
            }
        }
        const ch_party *above = party;
        for (size_t hops = 0; above->supervisor[0] != '\0'; hops++) {
            const char *code = above->supervisor;
            above = ch_rules_party(rules, ch_str_of(code));
            if (above == NULL) {
                return ch_error_set(error, CH_INVALID, place, "party %s: there is no supervisor %s",
                                    party->code, code);
            }
            if (hops == rules->party_count) {
                return ch_error_set(error, CH_INVALID, place, "party %s: its supervisors form a cycle",
                                    party->code);
            }
        }
    }
    return CH_OK;
}

static ch_status check_categories(const ch_rules *rules, ch_error *error)
{
    for (size_t i = 0; i < rules->category_count; i++) {
        const ch_category *category = &rules->categories[i], *above = category;
        const char *place = CH_PLACE_OF(category, category->code);
        if (i > 0 && strcmp(category->code, rules->categories[i - 1].code) == 0) {
            return ch_error_set(error, CH_INVALID, place, "category %s is there twice", category->code);
        }
        for (size_t hops = 0; above->parent[0] != '\0'; hops++) {
            const char *code = above->parent;
            above = ch_rules_category(rules, ch_str_of(code));
            if (above == NULL) {
                return ch_error_set(error, CH_INVALID, place, "category %s: there is no parent %s",
                                    category->code, code);
            }
            if (hops == rules->category_count) {
                return ch_error_set(error, CH_INVALID, place, "category %s: its parents form a cycle",
                                    category->code);
            }
        }
    }
    return CH_OK;
}

/* province 2, city 2, county 2, street 3, community 3, grid 3 digits */
static ch_status check_areas(const ch_rules *rules, ch_error *error)
{
    static const size_t lengths[] = {2, 4, 6, 9, 12, 15};
    for (size_t i = 0; i < rules->area_count; i++) {
        const ch_area *area = &rules->areas[i];
        const char *place = CH_PLACE_OF(area, area->code);
        size_t length = strlen(area->code), level = 0;
        if (i > 0 && strcmp(area->code, rules->areas[i - 1].code) == 0) {
            return ch_error_set(error, CH_INVALID, place, "area %s is there twice", area->code);
        }
        while (level < sizeof lengths / sizeof *lengths && lengths[level] != length) {
            level++;
        }
        if (level == sizeof lengths / sizeof *lengths || strspn(area->code, "0123456789") != length) {
            return ch_error_set(error, CH_INVALID, place, "area %s is not 2, 4, 6, 9, 12 or 15 digits",
                                area->code);
        }
        if (level > 0 && ch_rules_area(rules, (ch_str){area->code, lengths[level - 1]}) == NULL) {
            return ch_error_set(error, CH_INVALID, place, "area %s lies in an area that is not there",
                                area->code);
        }
    }
    return CH_OK;
}

/* The kinds are the values that case.opened may have; without any, every kind is fine. */
ch_status ch_rules_check_kind(const ch_rules *rules, const char *kind, const char *place, ch_error *error)
{
    const ch_type *opened = ch_schema_find(rules->schema, CH_STR("case.opened"));
    const ch_field *field = NULL;
    for (size_t i = 0; opened != NULL && i < opened->field_count; i++) {
        field = strcmp(opened->fields[i].name, "kind") == 0 ? &opened->fields[i] : field;
    }
    bool known = kind[0] == '\0' || field == NULL || field->value_count == 0;
    for (size_t i = 0; !known && i < field->value_count; i++) {
        known = strcmp(field->values[i], kind) == 0;
    }
    return known ? CH_OK : ch_error_set(error, CH_INVALID, place, "there is no kind %s of cases", kind);
}

static ch_status check_receivers(const ch_rules *rules, const ch_route *route, const char *place,
                                 ch_error *error)
{
    ch_error why = {.status = CH_OK};
    ch_plan plan = ch_plan_of_route(route);
    ch_status status = ch_plan_check(rules, &plan, &why);
    if (status == CH_OK && plan.form == CH_FORM_CC) {
        return ch_error_set(error, CH_INVALID, place,
                            "route %s: form cc informs, and gives the case to nobody", route->name);
    }
    return status == CH_OK ? CH_OK
                           : ch_error_set(error, CH_INVALID, place, "route %s: %s", route->name, why.text);
}

static ch_status check_routes(const ch_rules *rules, ch_error *error)
{
    for (size_t i = 0; i < rules->route_count; i++) {
        const ch_route *route = &rules->routes[i];
        const char *place = CH_PLACE_OF(route, route->name);
        for (size_t k = 0; k < i; k++) {
            if (strcmp(route->name, rules->routes[k].name) == 0) {
                return ch_error_set(error, CH_INVALID, place, "route %s is there twice", route->name);
            }
        }
        ch_status status = check_receivers(rules, route, place, error);
        if (status != CH_OK) {
            return status;
        }
        if (route->category[0] != '\0' && ch_rules_category(rules, ch_str_of(route->category)) == NULL) {
            return ch_error_set(error, CH_INVALID, place, "route %s: there is no category %s", route->name,
                                route->category);
        }
        if (route->area[0] != '\0' && ch_rules_area(rules, ch_str_of(route->area)) == NULL) {
            return ch_error_set(error, CH_INVALID, place, "route %s: there is no area %s", route->name,
                                route->area);
        }
        status = ch_rules_check_kind(rules, route->kind, place, error);
        if (status != CH_OK) {
            return status;
        }
    }
    return CH_OK;
}

/* Insertion keeps the table's order among equals. */
static ch_status index_transitions(ch_rules *rules, ch_error *error)
{
    if (rules->transition_count > TRANSITIONS_MAX) {
        return ch_error_set(error, CH_INVALID, "transitions", "there are more than %d", TRANSITIONS_MAX);
    }
    uint16_t *by_type = ch_arena_alloc(&rules->arena, (rules->transition_count + 1) * sizeof *by_type);
    if (by_type == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, NULL, "no room for the index of transitions");
    }
    for (size_t i = 0; i < rules->transition_count; i++) {
        size_t at = i;
        for (; at > 0; at--) {
            const ch_transition *before = &rules->transitions[by_type[at - 1]];
            int order = strcmp(before->type, rules->transitions[i].type);
            if (order < 0 || (order == 0 && strcmp(before->kind, rules->transitions[i].kind) <= 0)) {
                break;
            }
            by_type[at] = by_type[at - 1];
        }
        by_type[at] = (uint16_t)i;
    }
    rules->transitions_by_type = by_type;
    return CH_OK;
}

static ch_status check_type_known(const ch_rules *rules, const char *type, const char *place, ch_error *error)
{
    if (ch_schema_count(rules->schema) == 0 || ch_schema_find(rules->schema, ch_str_of(type)) != NULL) {
        return CH_OK;
    }
    return ch_error_set(error, CH_INVALID, place, "there is no event type %s", type);
}

static bool has_transition(const ch_rules *rules, const char *type)
{
    for (size_t i = 0; i < rules->transition_count; i++) {
        if (strcmp(rules->transitions[i].type, type) == 0) {
            return true;
        }
    }
    return false;
}

static ch_status check_transition(const ch_rules *rules, size_t at, ch_error *error)
{
    const ch_transition *row = &rules->transitions[at];
    const char *place = CH_PLACE_OF(row, row->type);
    for (size_t i = 0; i < at; i++) {
        const ch_transition *other = &rules->transitions[i];
        if (strcmp(row->type, other->type) == 0 && strcmp(row->kind, other->kind) == 0 &&
            (row->from & other->from) != 0) {
            return ch_error_set(error, CH_INVALID, place, "%s is there twice from the same state", row->type);
        }
    }
    if (row->from == 0) {
        return ch_error_set(error, CH_INVALID, place, "%s is legal in no state", row->type);
    }
    if (row->back && row->from != BIT(CH_CASE_WAITING)) {
        return ch_error_set(error, CH_INVALID, place, "%s: only waiting can be left for the state before it",
                            row->type);
    }
    if (row->then[0] != '\0' && !has_transition(rules, row->then)) {
        return ch_error_set(error, CH_INVALID, place, "%s: then names %s, which has no transition", row->type,
                            row->then);
    }
    ch_status status = ch_rules_check_kind(rules, row->kind, place, error);
    return status == CH_OK ? check_type_known(rules, row->type, place, error) : status;
}

static bool applies(const ch_rules *rules, const ch_transition *row, const char *kind)
{
    if (row->kind[0] != '\0') {
        return strcmp(row->kind, kind) == 0;
    }
    for (size_t i = 0; i < rules->transition_count; i++) {
        const ch_transition *other = &rules->transitions[i];
        if (kind[0] != '\0' && strcmp(other->kind, kind) == 0 && strcmp(other->type, row->type) == 0) {
            return false;
        }
    }
    return true;
}

/* Whatever may wait is where `back` can lead. */
static uint32_t targets(const ch_rules *rules, const ch_transition *row, const char *kind)
{
    uint32_t states = row->to == CH_CASE_NONE ? 0 : BIT(row->to);
    for (size_t i = 0; row->back && i < rules->transition_count; i++) {
        const ch_transition *other = &rules->transitions[i];
        states |= other->to == CH_CASE_WAITING && applies(rules, other, kind) ? other->from : 0;
    }
    return states;
}

static const ch_transition *first_use(const ch_rules *rules, const char *kind, uint32_t states)
{
    for (size_t i = 0; i < rules->transition_count; i++) {
        const ch_transition *row = &rules->transitions[i];
        if (applies(rules, row, kind) &&
            ((row->from | (row->to == CH_CASE_NONE ? 0 : BIT(row->to))) & states) != 0) {
            return row;
        }
    }
    return NULL;
}

static ch_status complain(const ch_rules *rules, const char *kind, uint32_t states, const char *what,
                          ch_error *error)
{
    unsigned state = (unsigned)__builtin_ctz(states);
    const ch_transition *row = first_use(rules, kind, BIT(state));
    return ch_error_set(error, CH_INVALID, row == NULL ? "transitions" : CH_PLACE_OF(row, row->type),
                        "state %s %s%s%s", ch_case_state_name((ch_case_state)state), what,
                        kind[0] == '\0' ? "" : " for kind ", kind);
}

/* From nothing every state must be reachable that the table speaks of, and from each of those an end. */
static ch_status check_profile(const ch_rules *rules, const char *kind, ch_error *error)
{
    uint32_t spoken_of = 0, reached = BIT(CH_CASE_NONE), ending = CASE_ENDS;
    for (unsigned round = 0; round < CH_CASE_STATE_COUNT; round++) {
        for (size_t i = 0; i < rules->transition_count; i++) {
            const ch_transition *row = &rules->transitions[i];
            if (!applies(rules, row, kind)) {
                continue;
            }
            uint32_t to = targets(rules, row, kind);
            spoken_of |= row->from | to;
            reached |= (row->from & reached) != 0 ? to : 0;
            ending |= (to & ending) != 0 ? row->from : 0;
        }
    }
    if ((spoken_of & ~reached) != 0) {
        return complain(rules, kind, spoken_of & ~reached, "cannot be reached", error);
    }
    if ((reached & ~ending) != 0 && rules->transition_count > 0) {
        return complain(rules, kind, reached & ~ending, "is a dead end", error);
    }
    return CH_OK;
}

/* Has an earlier row the same kind? */
static bool profile_is_checked(const ch_rules *rules, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (strcmp(rules->transitions[i].kind, rules->transitions[at].kind) == 0) {
            return true;
        }
    }
    return rules->transitions[at].kind[0] == '\0';
}

static ch_status check_transitions(const ch_rules *rules, ch_error *error)
{
    ch_status status = CH_OK;
    for (size_t i = 0; status == CH_OK && i < rules->transition_count; i++) {
        status = check_transition(rules, i, error);
    }
    if (status == CH_OK) {
        status = check_profile(rules, "", error);
    }
    for (size_t i = 0; status == CH_OK && i < rules->transition_count; i++) {
        if (!profile_is_checked(rules, i)) {
            status = check_profile(rules, rules->transitions[i].kind, error);
        }
    }
    return status;
}

static ch_status check_handoff_transition(const ch_rules *rules, size_t at, ch_error *error)
{
    const ch_handoff_transition *row = &rules->handoff_transitions[at];
    const char *place = CH_PLACE_OF(row, row->type);
    for (size_t i = 0; i < at; i++) {
        const ch_handoff_transition *other = &rules->handoff_transitions[i];
        if (strcmp(row->type, other->type) != 0) {
            continue;
        }
        if ((row->from & other->from) != 0) {
            return ch_error_set(error, CH_INVALID, place, "%s is there twice from the same state", row->type);
        }
        if (row->by_receiver != other->by_receiver || row->by_hub != other->by_hub) {
            return ch_error_set(error, CH_INVALID, place, "%s: its rows name different authors", row->type);
        }
    }
    if (row->from == 0) {
        return ch_error_set(error, CH_INVALID, place, "%s is legal in no state", row->type);
    }
    if (row->to != ch_handoff_state_after(ch_str_of(row->type))) {
        return ch_error_set(error, CH_INVALID, place, "%s cannot lead to %s", row->type,
                            ch_handoff_state_name(row->to));
    }
    if ((row->to == CH_HANDOFF_OFFERED) != (row->from == BIT(CH_HANDOFF_NONE)) ||
        (row->cases != 0 && row->to != CH_HANDOFF_OFFERED)) {
        return ch_error_set(error, CH_INVALID, place, "%s: only an offer, and nothing else, begins a handoff",
                            row->type);
    }
    return check_type_known(rules, row->type, place, error);
}

static ch_status check_handoff_graph(const ch_rules *rules, ch_error *error)
{
    uint32_t spoken_of = 0, reached = BIT(CH_HANDOFF_NONE), ending = HANDOFF_ENDS;
    for (unsigned round = 0; round < CH_HANDOFF_STATE_COUNT; round++) {
        for (size_t i = 0; i < rules->handoff_transition_count; i++) {
            const ch_handoff_transition *row = &rules->handoff_transitions[i];
            uint32_t to = row->to == CH_HANDOFF_NONE ? 0 : BIT(row->to);
            spoken_of |= row->from | to;
            reached |= (row->from & reached) != 0 ? to : 0;
            ending |= (to & ending) != 0 ? row->from : 0;
        }
    }
    uint32_t wrong = (spoken_of & ~reached) != 0 ? spoken_of & ~reached : reached & ~ending;
    for (size_t i = 0; wrong != 0 && i < rules->handoff_transition_count; i++) {
        const ch_handoff_transition *row = &rules->handoff_transitions[i];
        unsigned state = (unsigned)__builtin_ctz(wrong);
        if (((row->from | BIT(row->to)) & BIT(state)) != 0) {
            return ch_error_set(error, CH_INVALID, CH_PLACE_OF(row, row->type), "handoff state %s %s",
                                ch_handoff_state_name((ch_handoff_state)state),
                                (wrong & reached) != 0 ? "is a dead end" : "cannot be reached");
        }
    }
    return CH_OK;
}

static ch_status check_handoff_transitions(const ch_rules *rules, ch_error *error)
{
    ch_status status = CH_OK;
    for (size_t i = 0; status == CH_OK && i < rules->handoff_transition_count; i++) {
        status = check_handoff_transition(rules, i, error);
    }
    return status == CH_OK ? check_handoff_graph(rules, error) : status;
}

static ch_status check_hub_code(const ch_rules *rules, ch_error *error)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    size_t size = strlen(rules->hub_code);
    if (size == 0 || strspn(rules->hub_code, allowed) != size) {
        return ch_error_set(error, CH_INVALID, "hub_code", "is 1 to 16 characters of A-Z and 0-9");
    }
    if (rules->utc_offset_minutes < -14 * 60 || rules->utc_offset_minutes > 14 * 60) {
        return ch_error_set(error, CH_INVALID, "utc_offset_minutes", "is outside -840 to 840");
    }
    return CH_OK;
}

ch_status ch_rules_check(ch_rules *rules, ch_error *error)
{
    static ch_status (*const checks[])(const ch_rules *, ch_error *) = {
        check_hub_code,
        check_areas,
        check_parties,
        check_categories,
        check_routes,
        check_transitions,
        check_handoff_transitions,
        ch_rules_check_clocks,
    };
    sort_rows(rules->parties, rules->party_count, sizeof *rules->parties);
    sort_rows(rules->categories, rules->category_count, sizeof *rules->categories);
    sort_rows(rules->areas, rules->area_count, sizeof *rules->areas);
    ch_status status = index_transitions(rules, error);
    for (size_t i = 0; status == CH_OK && i < sizeof checks / sizeof *checks; i++) {
        status = checks[i](rules, error);
    }
    if (status == CH_OK && ch_route_index_make(rules) != CH_OK) {
        status = ch_error_set(error, CH_NO_MEMORY, NULL, "no room for the index of routes");
    }
    return status;
}
