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

const ch_route *ch_route_choose(const ch_rules *rules, const ch_route_question *question, ch_buf *why)
{
    for (size_t i = 0; i < rules->route_count; i++) {
        const ch_route *route = &rules->routes[i];
        if (matches(route, question, why)) {
            if (why != NULL) {
                ch_buf_append_format(why, "%s: matches, goes to %s\n", route->name, route->party);
            }
            return route;
        }
    }
    return NULL;
}
