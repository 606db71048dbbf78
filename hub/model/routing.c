#include "hub/model/rules.h"

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

static bool matches(const ch_route *route, const ch_route_question *question, ch_buf *why)
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
    return true;
}

/* "river: matches, goes to water-rescue, ambulance (parallel, need all)" */
static void explain_match(const ch_route *route, ch_buf *why)
{
    char need[CH_NEED_SIZE];
    ch_buf_append_format(why, "%s: matches, goes to %s", route->name, route->party);
    for (size_t i = 0; i < route->more_count; i++) {
        ch_buf_append_format(why, ", %s", route->more[i]);
    }
    if (route->form != CH_FORM_SINGLE) {
        ch_need_text(route->need, need);
        ch_buf_append_format(
            why, " (%s%s%s%s%s)", ch_form_name(route->form), route->form == CH_FORM_PARALLEL ? ", need " : "",
            route->form == CH_FORM_PARALLEL ? need : "", route->form == CH_FORM_JOINT ? ", lead " : "",
            route->form != CH_FORM_JOINT ? ""
            : route->lead[0] == '\0'     ? route->party
                                         : route->lead);
    }
    ch_buf_append_text(why, "\n");
}

const ch_route *ch_route_choose(const ch_rules *rules, const ch_route_question *question, ch_buf *why)
{
    for (size_t i = 0; i < rules->route_count; i++) {
        const ch_route *route = &rules->routes[i];
        if (matches(route, question, why)) {
            if (why != NULL) {
                explain_match(route, why);
            }
            return route;
        }
    }
    return NULL;
}
