#include "hub/model/routing.h"

#include "hub/model/plan.h"

#include <stdio.h>

/* "power" covers "power" and "power.trip", not "powerful". */
static bool covers_category(const char *prefix, ch_str category)
{
    size_t size = strlen(prefix);
    return size == 0 || (ch_str_starts(category, (ch_str){prefix, size}) &&
                         (category.size == size || category.at[size] == '.'));
}

/* Says in `why` (NULL is fine) what keeps the route from matching. */
static bool refuses(const ch_route *route, ch_buf *why, const char *what, ch_str found, const char *wanted)
{
    if (why != NULL) {
        ch_buf_append_format(why, "%s: %s %.*s is not %s\n", route->name, what,
                             CH_STR_ARG(found.size == 0 ? CH_STR("_") : found), wanted);
    }
    return false;
}

/* Some of its receivers are there, or it does not ask. */
static bool is_staffed(const ch_rules *rules, const ch_route *route, const ch_route_question *question)
{
    return !route->on_duty || ch_plan_at(rules, route, question->time_ms).count > 0;
}

static bool matches(const ch_rules *rules, const ch_route *route, const ch_route_question *question,
                    ch_buf *why)
{
    char priority[12], most[24];
    if (route->system[0] != '\0' && !ch_str_is(question->system, route->system)) {
        return refuses(route, why, "system", question->system, route->system);
    }
    if (route->kind[0] != '\0' && !ch_str_is(question->kind, route->kind)) {
        return refuses(route, why, "kind", question->kind, route->kind);
    }
    if (!covers_category(route->category, question->category)) {
        return refuses(route, why, "category", question->category, route->category);
    }
    if (!ch_str_starts(question->area, ch_str_of(route->area))) {
        return refuses(route, why, "area", question->area, route->area);
    }
    if (route->priority_most != 0 && (question->priority < 1 || question->priority > route->priority_most)) {
        snprintf(priority, sizeof priority, "%d", question->priority);
        snprintf(most, sizeof most, "1 to %d", route->priority_most);
        return refuses(route, why, "priority", ch_str_of(priority), most);
    }
    if (!is_staffed(rules, route, question)) {
        return refuses(route, why, "party", ch_str_of(route->party),
                       route->more_count > 0 ? "on duty, nor is another" : "on duty");
    }
    return true;
}

static void explain_form(const ch_plan *plan, ch_buf *why)
{
    char need[CH_NEED_SIZE];
    ch_buf_append_format(why, " (%s", ch_form_name(plan->form));
    if (plan->form == CH_FORM_PARALLEL) {
        ch_need_text(plan->need, need);
        ch_buf_append_format(why, ", need %s", need);
    } else if (plan->form == CH_FORM_JOINT) {
        ch_buf_append_format(why, ", lead %.*s",
                             CH_STR_ARG(plan->lead.at == NULL ? plan->parties[0] : plan->lead));
    }
    ch_buf_append_text(why, ")");
}

/* "river: matches, goes to water-rescue, ambulance (parallel, need all), passes over police-patrol (off duty)" */
static void explain_match(const ch_rules *rules, const ch_route *route, const ch_route_question *question,
                          ch_buf *why)
{
    const ch_plan all = ch_plan_of_route(route), plan = ch_plan_at(rules, route, question->time_ms);
    ch_buf_append_format(why, "%s: matches, goes to ", route->name);
    for (size_t i = 0; i < plan.count; i++) {
        ch_buf_append_format(why, "%s%.*s", i == 0 ? "" : ", ", CH_STR_ARG(plan.parties[i]));
    }
    if (plan.form != CH_FORM_SINGLE) {
        explain_form(&plan, why);
    }
    for (size_t i = 0; route->on_duty && i < all.count; i++) {
        if (!ch_rules_on_duty(rules, all.parties[i], question->time_ms)) {
            ch_buf_append_format(why, ", passes over %.*s (off duty)", CH_STR_ARG(all.parties[i]));
        }
    }
    ch_buf_append_text(why, "\n");
}

/* ---- the index
 *
 * A route fits only if its category is one of the question's prefixes by whole tokens and its area one of its prefixes by
 * digits: a few dozen pairs, however many routes there are. Each pair is looked up; what hangs there by accident, too,
 * is told apart by matches(). */

/* FNV-1a, so that a prefix of an area goes on from the one before. */
#define HASH_BASIS UINT64_C(0xcbf29ce484222325)

static uint64_t hash_byte(uint64_t hash, char byte)
{
    return (hash ^ (uint8_t)byte) * UINT64_C(0x100000001b3);
}

static size_t slot_of(const ch_route_index *index, uint64_t hash)
{
    return (size_t)(hash ^ hash >> 32) & index->mask;
}

static uint64_t hash_route(const ch_route *route)
{
    uint64_t hash = HASH_BASIS;
    for (const char *at = route->category; *at != '\0'; at++) {
        hash = hash_byte(hash, *at);
    }
    hash = hash_byte(hash, '/');
    for (const char *at = route->area; *at != '\0'; at++) {
        hash = hash_byte(hash, *at);
    }
    return hash;
}

ch_status ch_route_index_make(ch_rules *rules)
{
    size_t slots = 4;
    ch_route_index *index = &rules->route_index;
    while (slots < 2 * rules->route_count) {
        slots *= 2;
    }
    *index = (ch_route_index){
        .slots = ch_arena_alloc(&rules->arena, slots * sizeof *index->slots),
        .next = ch_arena_alloc(&rules->arena, (rules->route_count + 1) * sizeof *index->next),
        .mask = slots - 1,
    };
    if (index->slots == NULL || index->next == NULL) {
        return CH_NO_MEMORY;
    }
    /* From the last on, so that each chain begins with its first. */
    for (size_t i = rules->route_count; i > 0; i--) {
        const ch_route *route = &rules->routes[i - 1];
        uint32_t *slot = &index->slots[slot_of(index, hash_route(route))];
        index->area_sizes |= UINT32_C(1) << strlen(route->area);
        index->next[i - 1] = *slot;
        *slot = (uint32_t)i;
    }
    return CH_OK;
}

/* The first of the chain that matches, if it comes before `best` (position + 1; 0: there is none yet). */
static uint32_t search_chain(const ch_rules *rules, const ch_route_question *question, uint64_t hash,
                             uint32_t best)
{
    const ch_route_index *index = &rules->route_index;
    uint32_t at = index->slots[slot_of(index, hash)];
    while (at != 0 && (best == 0 || at < best)) {
        if (matches(rules, &rules->routes[at - 1], question, NULL)) {
            return at;
        }
        at = index->next[at - 1];
    }
    return best;
}

/* With every prefix of the area, under one of the category. */
static uint32_t search_areas(const ch_rules *rules, const ch_route_question *question, uint64_t hash,
                             uint32_t best)
{
    hash = hash_byte(hash, '/');
    for (size_t size = 0; size < sizeof rules->routes->area; size++) {
        if ((rules->route_index.area_sizes & UINT32_C(1) << size) != 0) {
            best = search_chain(rules, question, hash, best);
        }
        if (size == question->area.size) {
            break;
        }
        hash = hash_byte(hash, question->area.at[size]);
    }
    return best;
}

static const ch_route *find(const ch_rules *rules, const ch_route_question *question)
{
    uint64_t hash = HASH_BASIS;
    uint32_t best = search_areas(rules, question, hash, 0);
    for (size_t i = 0; i < question->category.size; i++) {
        hash = hash_byte(hash, question->category.at[i]);
        if (i + 1 == question->category.size || question->category.at[i + 1] == '.') {
            best = search_areas(rules, question, hash, best);
        }
    }
    return best == 0 ? NULL : &rules->routes[best - 1];
}

/* One after another: every rule that was in the way is named. */
static const ch_route *explain(const ch_rules *rules, const ch_route_question *question, ch_buf *why)
{
    for (size_t i = 0; i < rules->route_count; i++) {
        if (matches(rules, &rules->routes[i], question, why)) {
            explain_match(rules, &rules->routes[i], question, why);
            return &rules->routes[i];
        }
    }
    return NULL;
}

const ch_route *ch_route_choose(const ch_rules *rules, const ch_route_question *question, ch_buf *why)
{
    return why != NULL ? explain(rules, question, why) : find(rules, question);
}

bool ch_clock_rule_matches(const ch_clock_rule *rule, const ch_route_question *question)
{
    bool urgent =
        rule->priority_most == 0 || (question->priority >= 1 && question->priority <= rule->priority_most);
    return urgent && (rule->system[0] == '\0' || ch_str_is(question->system, rule->system)) &&
           (rule->kind[0] == '\0' || ch_str_is(question->kind, rule->kind)) &&
           covers_category(rule->category, question->category) &&
           ch_str_starts(question->area, ch_str_of(rule->area));
}
